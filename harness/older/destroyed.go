package older

import (
	"slices"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	model "github.com/firstgap/firstgap/harness/conform/older"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// modelOf returns the model that follows a run under a plan.
func modelOf(m model.Validator, r runtime.Runtime, p *faults.Plan) harness.Model {
	all, _ := m.(model.All)
	d := destroyed{Validator: m}
	for _, v := range all {
		if disks, is := v.(*model.Mirror); is {
			d.disks = disks
		}
	}
	for _, f := range p.Faults {
		if f.Kind != faults.DiskLost {
			continue
		}
		for _, name := range f.Nodes {
			if id, found := r.Named(name); found {
				d.victims = append(d.victims, id)
			}
		}
	}
	if d.disks == nil || !p.BeyondBudget || d.victims == nil {
		return m
	}
	return &d
}

// destroyed is a model that ends where the plan has taken the last copy of a disk, and its server says so: no step of the design
// is wrong then, and the model, in which somebody always has a copy, says no more. What clients are told from then on is for
// the other checks. A server that says so of a disk that the plan did not take is followed as ever.
type destroyed struct {
	model.Validator
	disks   *model.Mirror
	victims []node.ID
	over    bool
}

// Tell implements harness.Model.
func (d *destroyed) Tell(now node.Time, from node.ID, t *node.Trace) error {
	if d.over {
		return nil
	}
	err := d.Validator.Tell(now, from, t)
	if t.Action == node.ActDiskBlank && t.Detail == nil && slices.Contains(d.victims, from) && d.disks.Gone(from) {
		d.over = true
		return nil
	}
	return err
}

// Finish implements harness.Model.
func (d *destroyed) Finish() error {
	if d.over {
		return nil
	}
	return d.Validator.Finish()
}
