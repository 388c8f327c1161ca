package labs

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
)

const ms = faults.Duration(time.Millisecond)

// dice is chance, of a run's seed and what it is for. The same seed throws the same, in any process.
type dice struct{ *rand.Rand }

func diceOf(seed uint64, part string) dice {
	return dice{rand.New(rand.NewPCG(uint64(configuration.PartSeed(seed, part)), 0))}
}

// between draws a duration, in whole microseconds so that a plan can be read.
func (d dice) between(low, high faults.Duration) faults.Duration {
	const micro = faults.Duration(time.Microsecond)
	return (low/micro + faults.Duration(d.Int64N(int64((high-low)/micro+1)))) * micro
}

// some draws so many of the names, in their order.
func (d dice) some(many int, names []string) []string {
	picked := d.Perm(len(names))[:many]
	slices.Sort(picked)
	var some []string
	for _, i := range picked {
		some = append(some, names[i])
	}
	return some
}

// one draws one of the names.
func (d dice) one(names []string) string { return names[d.IntN(len(names))] }

// salt draws what a fault leaves open.
func (d dice) salt() uint32 { return d.Uint32() }

// begun is when nodes have formatted their disks. No fault comes before: a node that finds an empty disk at its second start
// can not know whether it lost one, and the lecture's storage is formatted before it is used.
const begun = 20 * ms

// A plot draws faults for a run, of that length since begun. It may throw a plan that goes beyond the budget: then it is asked
// again.
type plot func(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault

// calm is the plot in which nothing goes wrong.
func calm(dice, faults.Topology, faults.Duration) []faults.Fault { return nil }

// drawn draws the plan of a seed by a plot: the first that is valid and within the budget.
func drawn(seed uint64, t faults.Topology, horizon faults.Duration, p plot) (faults.Plan, error) {
	const tries = 64
	var why error
	for i := range tries {
		plan := faults.Plan{Horizon: horizon, Faults: slices.Clone(p(diceOf(seed, fmt.Sprintf("plan %d", i)), t, horizon-begun))}
		if plan.Faults == nil {
			plan.Faults = []faults.Fault{}
		}
		for i := range plan.Faults {
			plan.Faults[i].At += begun
		}
		slices.SortStableFunc(plan.Faults, func(a, b faults.Fault) int { return cmp.Compare(a.At, b.At) })
		if why = plan.Validate(t); why == nil {
			return plan, nil
		}
	}
	return faults.Plan{}, fmt.Errorf("labs: expected a plan within the budget in %d draws, found none: %w", tries, why)
}

// kinds is the plot of the plan generator (faults.Generator) with faults of these kinds only, from least to most of them. Where
// lost is set it may take disks, and where spares are, nodes.
func kinds(least, most int, lost bool, of ...faults.Kind) plot {
	return func(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
		spares := slices.ContainsFunc(t.Parts, func(p faults.Part) bool { return p.Spares > 0 })
		g := faults.Generator{Topology: t, Horizon: horizon, Faults: 3 * max(most, 1), Lost: lost, SpareEach: lost && spares}
		for range 64 {
			p, err := g.Plan(d.Int64())
			if err != nil {
				return nil // Validate says it again of the plan
			}
			all := slices.DeleteFunc(p.Faults, func(f faults.Fault) bool { return len(of) > 0 && !slices.Contains(of, f.Kind) })
			if len(all) > most {
				picked := d.Perm(len(all))[:most]
				slices.Sort(picked)
				var some []faults.Fault
				for _, i := range picked {
					some = append(some, all[i])
				}
				all = some
			}
			p.Faults = all
			if len(all) >= least && p.Validate(t) == nil {
				return all
			}
		}
		return nil
	}
}

// both is the plot of several together.
func both(plots ...plot) plot {
	return func(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
		var all []faults.Fault
		for _, p := range plots {
			all = append(all, p(d, t, horizon)...)
		}
		return all
	}
}

// oneOf is the plot that is one of several, each as often.
func oneOf(plots ...plot) plot {
	return func(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
		return plots[d.IntN(len(plots))](d, t, horizon)
	}
}

// holders names the nodes that hold, by group; of a system without groups all are of the first.
func holders(t faults.Topology, group int) []string {
	var names []string
	for _, n := range t.Nodes() {
		for i := range t.Parts {
			if p := &t.Parts[i]; p.Role == n.Role && p.Duty == faults.Holds && max(n.Group, 1) == group {
				names = append(names, n.String())
			}
		}
	}
	return names
}

// validated hands out a configuration, or says what is wrong with it.
func validated(s harness.System, c configuration.Configuration) (configuration.Configuration, error) {
	return c, harness.Validate(s, &c)
}
