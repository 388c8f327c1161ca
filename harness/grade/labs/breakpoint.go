package labs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines/protocol"
)

// A BreakPoint is the smallest set of faults that was found to break a submission. All of it lies within the fault budget, so
// that a correct submission stands it.
type BreakPoint struct {
	Faults int      // how many; -1: nothing that was tried broke it
	Set    []string // each in words
	Failed *Failed  // the run with these faults and no other; nil where Faults is -1
	Made   int      // runs
	Score  int
	Says   string
}

// FindBreakPoint climbs the ladder of the lab: on each step it makes runs with so many faults at most, and it stops at the first
// run that fails. Of the faults of that run it then tries every subset, from the smallest on, and of what is left of each, whether
// fewer nodes are enough.
//
// Who stands k faults at a time has as many parts of the marks as there are steps below the number of faults that break it, so
// that whoever stands more never has less.
func (l *Lab) FindBreakPoint(make protocol.Maker, secret []byte, o Options) BreakPoint {
	s := l.System(make)
	counting := l.counting(nil)
	b := BreakPoint{Faults: -1, Score: l.Break.Marks}
	for step := 0; step <= l.Break.Steps && b.Failed == nil; step++ {
		first(l.BreakSeeds(step, secret), o.Workers, func(seed uint64) *harness.Result {
			c, err := l.Break.Generate(s, seed, step, o.Bug)
			return run(s, c, err)
		}, func(r *harness.Result) bool {
			b.Made++
			b.Failed = failed(r, counting)
			return b.Failed == nil
		})
	}
	if b.Failed == nil {
		if b.Made == 0 {
			return BreakPoint{Faults: -1, Says: "nothing was run"}
		}
		b.Says = fmt.Sprintf("None of %d runs broke it, with up to %d faults at a time.", b.Made, l.Break.Steps)
		return b
	}
	if !slices.ContainsFunc(b.Failed.Findings, func(f judge.Finding) bool { return f.Check == judge.ConfigurationCheck }) {
		b.fewest(s, counting)
	}
	plan := b.Failed.Result.Configuration.Plan
	b.Faults = len(plan.Faults)
	for i := range plan.Faults {
		b.Set = append(b.Set, Words(&plan.Faults[i]))
	}
	b.Score = marked(l.Break.Marks, min(b.Faults, l.Break.Steps), l.Break.Steps+1)
	switch b.Faults {
	case 0:
		b.Says = "It breaks without any fault: " + b.Failed.Says
	case 1:
		b.Says = "One fault breaks it: " + b.Set[0] + ". " + b.Failed.Says
	default:
		b.Says = fmt.Sprintf("%d faults together break it, and none was found that does with fewer: %s. %s", b.Faults, strings.Join(b.Set, "; "), b.Failed.Says)
	}
	return b
}

// fewest looks for a smallest subset of the faults with which the run still fails. A ladder has few steps, so that all of the
// subsets can be tried.
func (b *BreakPoint) fewest(s harness.System, counting []judge.Check) {
	whole := b.Failed.Result.Configuration
	try := func(of []faults.Fault) bool {
		c := whole
		c.Plan.Faults = of
		if harness.Validate(s, &c) != nil {
			return false // such as a cut that no successor ends any more
		}
		b.Made++
		f := failed(run(s, c, nil), counting)
		if f != nil {
			b.Failed = f
		}
		return f != nil
	}
	for size := range len(whole.Plan.Faults) {
		for _, of := range subsets(whole.Plan.Faults, size) {
			if try(of) {
				b.narrow(try)
				return
			}
		}
	}
	b.narrow(try)
}

// narrow leaves out the nodes of a fault that it does not take.
func (b *BreakPoint) narrow(try func([]faults.Fault) bool) {
	for i := range b.Failed.Result.Configuration.Plan.Faults {
		for n := len(b.Failed.Result.Configuration.Plan.Faults[i].Nodes) - 1; n >= 0; n-- {
			all := slices.Clone(b.Failed.Result.Configuration.Plan.Faults)
			if len(all[i].Nodes) > 1 {
				all[i].Nodes = slices.Delete(slices.Clone(all[i].Nodes), n, n+1)
				try(all)
			}
		}
	}
}

// subsets lists the subsets of that size, in a fixed order.
func subsets(of []faults.Fault, size int) [][]faults.Fault {
	if size == 0 {
		return [][]faults.Fault{{}}
	}
	var all [][]faults.Fault
	for i := 0; i+size <= len(of); i++ {
		for _, rest := range subsets(of[i+1:], size-1) {
			all = append(all, append([]faults.Fault{of[i]}, rest...))
		}
	}
	return all
}

// ladder makes the Generate of a Break: on step k, of what a test's generator would draw, the first k faults that are within the
// budget without the others.
func ladder(generate func(s harness.System, seed uint64, most int, bug string) (configuration.Configuration, error)) func(harness.System, uint64, int, string) (configuration.Configuration, error) {
	return func(s harness.System, seed uint64, step int, bug string) (configuration.Configuration, error) {
		c, err := generate(s, seed, step, bug)
		if err == nil && len(c.Plan.Faults) > step {
			err = fmt.Errorf("labs: expected at most %d faults on a step, found %d", step, len(c.Plan.Faults))
		}
		return c, err
	}
}
