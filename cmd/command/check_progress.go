package command

import (
	"encoding/json"
	"slices"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/spec/volume"
)

// progressFlags are the flags of check volume that ask for progress besides invariants.
type progressFlags struct {
	wanted bool
	up     []int
}

func (p *progressFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&p.wanted, "progress", false, "decide also whether progress is made under weak fairness (spec/tla/VolumeLive.tla); without symmetry")
	f.IntSliceVar(&p.up, "up", nil, "how many `replicas` keep answering, in every group or, separated by commas, in each (default: all); implies --progress")
}

// settings adds what the flags say of a world. Symmetry is a permission, which progress has no use for.
func (p *progressFlags) settings(cmd *cobra.Command, settings map[string]any) {
	if !p.wanted && !cmd.Flags().Changed("up") {
		return
	}
	settings["up"] = p.up
	if !cmd.Flags().Changed("symmetry") {
		settings["symmetry"] = false
	}
}

// complete says for every group of the world how many replicas are up, where settings could not.
func (p *progressFlags) complete(cmd *cobra.Command, world map[string]any) {
	if len(p.up) > 1 || !p.wanted && !cmd.Flags().Changed("up") {
		return
	}
	text, err := json.Marshal(world)
	if err != nil {
		return
	}
	w, err := volume.ParseWorld(text)
	if err != nil || w.Groups < 1 || w.Groups > 1<<10 {
		return // the model says what is wrong with it
	}
	up := w.Replicas
	if len(p.up) == 1 {
		up = p.up[0]
	}
	world["up"] = slices.Repeat([]int{up}, w.Groups)
}
