package aurora

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/tally"
	"github.com/firstgap/firstgap/harness/text"
)

// Planned says how often each scene is in the plans of a range of seeds, and in how many of some runs of theirs it took effect.
type Planned struct {
	Seed   uint64         `json:"seed"` // of the first plan; the others follow
	Plans  int            `json:"plans"`
	Runs   int            `json:"runs"` // made of the first of these plans; 0 is none
	Scenes []PlannedScene `json:"scenes"`
}

// A PlannedScene is one scene in Planned.
type PlannedScene struct {
	Scene string `json:"scene"`
	What  string `json:"what"`
	Plans int    `json:"plans"` // of all, those that have it
	Runs  int    `json:"runs"`  // of the runs, those whose plan has it
	Took  int    `json:"took"`  // of these, those in which it took effect
}

// RareScene is the part of plans that a scene must be in: one of so many.
const RareScene = 100

// Plan makes the plans of so many seeds, and runs none.
func Plan(first uint64, plans int) (*Planned, error) {
	p := &Planned{Seed: first, Plans: plans}
	found := map[faults.Scene]int{}
	for seed := range uint64(plans) {
		c, err := Generate(first+seed, harness.Generation{})
		if err != nil {
			return nil, err
		}
		for _, s := range c.Plan.Has(c.Topology()) {
			found[s]++
		}
	}
	for _, s := range faults.Scenes() {
		p.Scenes = append(p.Scenes, PlannedScene{Scene: string(s), What: s.What(), Plans: found[s]})
	}
	for _, s := range shapes() {
		p.Scenes = append(p.Scenes, PlannedScene{Scene: s.name, What: s.what, Plans: s.among(first, plans)})
	}
	return p, nil
}

// A shape is a situation that comes of how a run is made, and not of its faults.
type shape struct {
	name, what string
	has        func(seed uint64) bool
	did        func(*watch) bool // what it is for came about
}

func shapes() []shape {
	return []shape{
		{"tall-tree", "pages so small and keys so long that inner pages of the tree split and merge", tall,
			func(w *watch) bool { return w.scenes.InnerMerges > 0 }},
		{"long-run", "a run of three times the length of others, or more: up to 20,000 LSNs", func(seed uint64) bool { return length(seed) > 1 },
			func(w *watch) bool { return len(w.records) > long }},
	}
}

// shaped lists the shapes of a seed's run that took effect in it. What they are for comes about in some runs that were not made for it,
// too: those say nothing about the ones that were.
func shaped(seed uint64, w *watch) (names []string) {
	for _, s := range shapes() {
		if s.has(seed) && s.did(w) {
			names = append(names, s.name)
		}
	}
	return names
}

func (s *shape) among(first uint64, seeds int) (n int) {
	for seed := range uint64(seeds) {
		if s.has(first + seed) {
			n++
		}
	}
	return n
}

// Ran adds what runs of the first of the plans counted.
func (p *Planned) Ran(c *counts.Counts) {
	p.Runs = int(c.Runs)
	scenes := tally.Index(&c.Scenes)
	for i := range p.Scenes {
		s := &p.Scenes[i]
		s.Took = int(*scenes["took."+s.Scene])
		if planned := scenes[s.Scene]; planned != nil {
			s.Runs = int(*planned)
		}
	}
	for i, x := range shapes() {
		p.Scenes[len(faults.Scenes())+i].Runs = x.among(p.Seed, p.Runs)
	}
}

// Rare returns a *RareSceneError for each scene that is in fewer plans than one of RareScene.
func (p *Planned) Rare() error {
	var rare []error
	for _, s := range p.Scenes {
		if s.Plans*RareScene < p.Plans {
			rare = append(rare, &RareSceneError{Scene: s.Scene, Plans: p.Plans, Found: s.Plans})
		}
	}
	return errors.Join(rare...)
}

// A RareSceneError says that a scene is in too few plans.
type RareSceneError struct {
	Scene        string
	Plans, Found int
}

func (e *RareSceneError) Error() string {
	return fmt.Sprintf("scene %s: expected it in at least %d of %d plans, found it in %d", e.Scene, (e.Plans+RareScene-1)/RareScene, e.Plans, e.Found)
}

// JSON returns it for programs.
func (p *Planned) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(p, "", "  ")
	return append(b, '\n'), err
}

// WriteText writes a table for people.
func (p *Planned) WriteText(w io.Writer) error {
	columns := []text.Column{text.Text("scene"), text.Text("what happens in it"), text.Number(fmt.Sprintf("of %d plans", p.Plans))}
	if p.Runs > 0 {
		columns = append(columns, text.Number(fmt.Sprintf("of %d runs", p.Runs)), text.Number("took effect"))
	}
	table := text.NewTable(columns...)
	for _, s := range p.Scenes {
		row := []any{s.Scene, s.What, s.Plans}
		if p.Runs > 0 {
			row = append(row, s.Runs, s.Took)
		}
		table.Row(row...)
	}
	return table.Write(w)
}
