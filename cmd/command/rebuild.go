package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness/rebuild"
)

// rebuildCommand is firstgap rebuild: its flags.
type rebuildCommand struct {
	pieces  int
	pieceGB float64
	hosts   int
	gbit    float64
	seed    uint64
	json    bool
}

func newRebuild() *cobra.Command {
	var c rebuildCommand
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "how long it takes to repair a lost host: the largest load on any one link",
		Long: `rebuild says how long it takes until all data of a lost host is on other hosts again: for the lecture's 10 TB over one link
and 100 pieces to 100 hosts, or for the pieces, hosts and links that the flags name. It calculates that, and makes the
same repair in the simulator at a small scale, with our own segments. If the two differ, that is a violation.
` + exitCodes,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	f := cmd.Flags()
	f.IntVar(&c.pieces, "pieces", 100, "that the lost host held")
	f.Float64Var(&c.pieceGB, "piece-gb", 10, "size of a piece in GB (10^9 bytes)")
	f.IntVar(&c.hosts, "hosts", 100, "that pieces are read from, and as many others that they go to")
	f.Float64Var(&c.gbit, "gbit", 10, "bandwidth of a host's link in Gb/s")
	f.Uint64Var(&c.seed, "seed", 1, "of the simulation")
	f.BoolVar(&c.json, "json", false, "print the report as JSON")
	return cmd
}

// shapes returns the lecture's, or that of the flags.
func (c *rebuildCommand) shapes(cmd *cobra.Command) ([]rebuild.Shape, error) {
	for _, name := range []string{"pieces", "piece-gb", "hosts", "gbit"} {
		if !cmd.Flags().Changed(name) {
			continue
		}
		switch {
		case c.pieces < 1 || c.pieces > rebuild.MaxPieces:
			return nil, fmt.Errorf("--pieces is %d; expected 1 to %d", c.pieces, rebuild.MaxPieces)
		case c.hosts < 1 || c.hosts > rebuild.MaxHosts:
			return nil, fmt.Errorf("--hosts is %d; expected 1 to %d", c.hosts, rebuild.MaxHosts)
		case !(c.pieceGB >= 0.001 && c.pieceGB <= 1000): // false for NaN too
			return nil, fmt.Errorf("--piece-gb is %g; expected 0.001 to 1000", c.pieceGB)
		case !(c.gbit >= 0.001 && c.gbit <= 1000):
			return nil, fmt.Errorf("--gbit is %g; expected 0.001 to 1000", c.gbit)
		}
		return []rebuild.Shape{{Pieces: c.pieces, PieceBytes: rebuild.GB(c.pieceGB), Sources: c.hosts, Destinations: c.hosts, Bandwidth: rebuild.Gbit(c.gbit)}}, nil
	}
	return rebuild.Lecture(), nil
}

func (c *rebuildCommand) run(cmd *cobra.Command) error {
	shapes, err := c.shapes(cmd)
	if err != nil {
		return err
	}
	r, err := rebuild.Run(cmd.Context(), shapes, c.seed)
	if err != nil {
		return err
	}
	err = show(cmd.OutOrStdout(), r, c.json)
	return ended(r.Verdict(), err)
}
