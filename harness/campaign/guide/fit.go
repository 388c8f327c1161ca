package guide

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
)

// fit returns faults of a plan of one horizon as a topology and another horizon can have them: a node that is not there becomes one of
// its role that is, and a fault that has no node left is gone.
func fit(all []faults.Fault, from, to faults.Duration, t faults.Topology) []faults.Fault {
	fitted := harness.Renamed(faults.Plan{Faults: all}, func(name string) string { return nodeOf(t, name) }).Faults
	for i := range fitted {
		f := &fitted[i]
		// The receivers are others than the senders, also where names have fallen together.
		if to := slices.DeleteFunc(f.To, func(name string) bool { return slices.Contains(f.Nodes, name) }); len(f.To) > 0 {
			f.To = to
			if len(to) == 0 {
				f.Kind = "" // no fault any more
				continue
			}
		}
		if zone, is := strings.CutPrefix(f.AZ, "az"); is {
			n, _ := strconv.Atoi(zone)
			f.AZ = "az" + strconv.Itoa(1+max(0, n-1)%t.Zones)
		}
		if from > to+to/2 { // of a much longer run
			f.At = faults.Duration(float64(f.At) * float64(to) / float64(from))
		}
		within(f, to)
	}
	return slices.DeleteFunc(fitted, func(f faults.Fault) bool { return f.Kind == "" })
}

// within moves and shortens a fault so that it is over by the horizon.
func within(f *faults.Fault, horizon faults.Duration) {
	f.At = max(0, min(f.At, horizon-faults.Duration(2*time.Microsecond)))
	if f.For > 0 {
		f.For = max(1, min(f.For, horizon-f.At))
	}
	f.Extra = min(f.Extra, horizon)
}

// nodeOf returns a node of a topology that has a name's role, the same where there is such; "" where no node has the role.
func nodeOf(t faults.Topology, name string) string {
	if _, err := t.Node(name); err == nil {
		return name
	}
	role, rest, _ := strings.Cut(name, " ")
	number := func(text string, most int) int { n, _ := strconv.Atoi(text); return 1 + max(0, n-1)%most }
	group, index, grouped := strings.Cut(rest, "/")
	if !grouped {
		group, index = "", rest
	}
	if faults.Role(role) == faults.Client && t.Clients > 0 {
		return faults.Node{Role: faults.Client, Index: number(index, t.Clients)}.String()
	}
	for _, p := range t.Parts {
		if p.Role != faults.Role(role) || p.Count == 0 {
			continue
		}
		n := faults.Node{Role: p.Role}
		if p.Duty == faults.Holds || p.Duty == faults.Follows {
			n.Index = number(index, p.Count)
		}
		if p.Groups > 0 {
			n.Group = number(group, p.Groups)
		}
		return n.String()
	}
	return ""
}

// repair takes out of the plan what cannot be carried out on the topology, and what goes beyond its budget, the last of it first. It
// says whether the plan is valid then.
func (x *mutant) repair() bool {
	p := &x.c.Plan
	for i := range p.Faults {
		within(&p.Faults[i], p.Horizon)
	}
	byTime(p.Faults)
	for range len(p.Faults) + 2 {
		err := p.Validate(x.t)
		if err == nil {
			return true
		}
		if broken := broken(err); len(broken) > 0 {
			kept := p.Faults[:0]
			for i, f := range p.Faults {
				if !slices.Contains(broken, i) {
					kept = append(kept, f)
				}
			}
			p.Faults = kept
			continue
		}
		var over *faults.BudgetError
		if !errors.As(err, &over) || !x.lighten(over) {
			return false
		}
	}
	return false
}

// broken lists the faults that an error of faults.Plan.Validate names.
func broken(err error) (all []int) {
	if one, is := err.(*faults.FaultError); is {
		return []int{one.Index}
	}
	if many, is := err.(interface{ Unwrap() []error }); is {
		for _, e := range many.Unwrap() {
			all = append(all, broken(e)...)
		}
	}
	return all
}

// lighten takes out the last fault that has to do with what goes beyond the budget.
func (x *mutant) lighten(over *faults.BudgetError) bool {
	p := &x.c.Plan
	for i := len(p.Faults) - 1; i >= 0; i-- {
		f := &p.Faults[i]
		strikes := f.AZ != "" || len(f.Nodes)+len(f.To) == 0 || slices.ContainsFunc(over.Nodes, func(name string) bool {
			return slices.Contains(f.Nodes, name) || slices.Contains(f.To, name)
		}) || slices.Contains(f.Nodes, string(x.t.Active())) || slices.Contains(f.To, string(x.t.Active()))
		if f.At <= over.At && strikes && f.Kind != faults.TakeOver && f.Kind != faults.FailOver && f.Kind != faults.Promote {
			p.Faults = slices.Delete(p.Faults, i, i+1)
			return true
		}
	}
	return false
}
