package older

import (
	"errors"
	"slices"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/conform"
	model "github.com/firstgap/firstgap/harness/conform/older"
	"github.com/firstgap/firstgap/impl/node"
)

// modelOf returns the model that follows a run under a plan.
func modelOf(m model.Validator, p *faults.Plan) harness.Model {
	if p.BeyondBudget && slices.ContainsFunc(p.Faults, func(f faults.Fault) bool { return f.Kind == faults.DiskLost }) {
		return &destroyed{Validator: m}
	}
	return m
}

// destroyed is a model that ends where the plan has destroyed the last copy of something, and a server says so: no step of the
// design is wrong then, and the model, in which somebody always has a copy, says no more. What clients are told from then on
// is for the other checks.
type destroyed struct {
	model.Validator
	over bool
}

const ruleDurable = "Durable" // an invariant of spec/mirror: what was acknowledged is on a copy from which it is recovered

// Tell implements harness.Model.
func (d *destroyed) Tell(now node.Time, from node.ID, t *node.Trace) error {
	if d.over {
		return nil
	}
	err := d.Validator.Tell(now, from, t)
	var x *conform.Violation
	if t.Action == node.ActDiskBlank && errors.As(err, &x) && x.Rule == ruleDurable {
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
