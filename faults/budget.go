package faults

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A Budget is how much of every group of nodes that hold may be out of order at a time so that the system still has to go on.
type Budget struct {
	// Impaired is the most nodes of a group that may at one moment be down, paused, or cut off: from the active node in either
	// direction, or, where no node is active, from the largest set of nodes that reach each other. A damaged disk counts from
	// its damage on. Of 6 segments with a write quorum of 4 it is 2.
	Impaired int `json:"impaired"`
	// Damaged is the most nodes of a group whose disk may be damaged or lost in the whole plan. Of those that forget and do not
	// know it there is none: W+R−N = 1, so one such answer makes a read quorum of copies that all lack what was acknowledged.
	Damaged int `json:"damaged"`
	// Short is how long a node may be impaired without counting: a whole group may restart at once.
	Short Duration `json:"short"`
}

// spare is how many members of a group the part can do without.
func (p *Part) spare() int { return p.Members() - max(p.WriteQuorum, p.ReadQuorum) }

// Budget is what a system of that topology must survive and go on after: every group keeps a write quorum and a read
// quorum of nodes, and so many of them may have a damaged disk as the part says. Spares count like members: which of the
// nodes are members at a moment is not for a plan to know.
func (t Topology) Budget() Budget {
	p := t.holder()
	return Budget{Impaired: p.spare(), Damaged: p.Damaged, Short: Duration(50 * time.Millisecond)}
}

// A BudgetError says where a plan first asks for more than the budget.
type BudgetError struct {
	Role  Role     // of the nodes
	Group int      // from 1; 0 where there are no groups
	At    Duration // when it happens
	What  string   // what the nodes are
	Nodes []string // in order
	Limit int      // how many of them the budget allows
}

func (e *BudgetError) Error() string {
	of := ""
	if e.Group > 0 {
		of = fmt.Sprintf(" of group %d", e.Group)
	}
	return fmt.Sprintf("beyond the fault budget: expected at most %d %ss%s %s, found %d at %v: %s",
		e.Limit, e.Role, of, e.What, len(e.Nodes), e.At, strings.Join(e.Nodes, ", "))
}

// cutRate is the share of lost, damaged or truncated messages above which a link counts as cut rather than lossy.
const cutRate = 0.5

// A span is a time during which a node is impaired.
type span struct{ from, to Duration }

// Check returns a *BudgetError if the plan, valid for t in all else, goes beyond the budget. Faults that slow down,
// duplicate or reorder do not count, nor do those of nodes that lead, serve or follow, and of clients: a successor replaces
// the first, and the system must wait out the others.
func (b Budget) Check(p Plan, t Topology) error {
	impaired := make(map[Node][]span)
	damaged := make(map[Node]Duration)
	for i := range p.Faults {
		p.impair(t, &p.Faults[i], func(n Node, s span) { impaired[n] = append(impaired[n], s) }, damaged)
	}
	p.separate(t, func(n Node, s span) { impaired[n] = append(impaired[n], s) })
	for i := range p.Faults {
		f := &p.Faults[i]
		if f.forgets() {
			return &BudgetError{Role: t.holder().Role, At: f.At, What: "that may forget what they acknowledged and not know it", Nodes: f.Nodes, Limit: 0}
		}
		if f.Kind == DiskCorrupt && t.holder().Unsealed {
			return &BudgetError{Role: t.holder().Role, At: f.At, What: "with flipped bits, which they do not notice", Nodes: f.Nodes, Limit: 0}
		}
	}
	for g := 1; g <= t.holder().groups(); g++ {
		if err := b.checkGroup(t, g, impaired, damaged); err != nil {
			return err
		}
	}
	return nil
}

func (b Budget) checkGroup(t Topology, g int, impaired map[Node][]span, damaged map[Node]Duration) error {
	part := t.holder()
	long := make([][]span, part.Count) // by number
	hurt := make([]bool, part.Count)
	var moments []Duration
	for r := range part.Count {
		n := part.node(g, r+1)
		for _, s := range merge(impaired[n]) {
			if s.to-s.from > b.Short {
				long[r] = append(long[r], s)
				moments = append(moments, s.from)
			}
		}
		if at, ok := damaged[n]; ok {
			hurt[r] = true
			long[r] = append(long[r], span{at, math.MaxInt64})
			moments = append(moments, at)
		}
	}
	slices.Sort(moments)
	group := g
	if part.Groups == 0 {
		group = 0
	}
	for _, at := range moments {
		var out, broken []string
		for r := range part.Count {
			n := part.node(g, r+1)
			if slices.ContainsFunc(long[r], func(s span) bool { return s.from <= at && at < s.to }) {
				out = append(out, n.String())
			}
			if hurt[r] && damaged[n] <= at {
				broken = append(broken, n.String())
			}
		}
		if len(broken) > b.Damaged {
			return &BudgetError{Role: part.Role, Group: group, At: at, What: "with a damaged or lost disk", Nodes: broken, Limit: b.Damaged}
		}
		if len(out) > b.Impaired {
			return &BudgetError{Role: part.Role, Group: group, At: at, What: fmt.Sprintf("impaired for longer than %v", b.Short), Nodes: out, Limit: b.Impaired}
		}
	}
	return nil
}

// merge joins spans that touch: a crash loop of short outages is one long outage.
func merge(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return int(min(max(a.from-b.from, -1), 1)) })
	var merged []span
	for _, s := range spans {
		if last := len(merged) - 1; last >= 0 && s.from <= merged[last].to {
			merged[last].to = max(merged[last].to, s.to)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// impair reports the nodes that f impairs, and since when it damages which.
func (p Plan) impair(t Topology, f *Fault, report func(Node, span), damaged map[Node]Duration) {
	whole := span{f.At, f.At + f.For}
	part := t.holder()
	holders := func(names []string, s span) {
		for _, name := range names {
			if n, err := t.Node(name); err == nil && n.Role == part.Role {
				report(n, s)
			}
		}
	}
	switch f.Kind {
	case Crash, Pause, DiskFail, DiskFull, DiskMisread:
		holders(f.Nodes, whole)
	case CrashAtPoint, CrashWhen:
		// It may strike at any moment; a short one is short wherever it is.
		if f.For > t.Budget().Short {
			whole.to = p.Horizon
		}
		holders(f.Nodes, whole)
	case PowerLossAZ, AZCutOff:
		in, _ := t.InZone(f.AZ)
		for _, n := range in {
			report(n, whole)
		}
	case DiskCorrupt, DiskLost, NodeLost:
		holders(f.Nodes, whole)
		for _, name := range f.Nodes {
			if n, err := t.Node(name); err == nil {
				if at, ok := damaged[n]; !ok || f.At < at {
					damaged[n] = f.At
				}
			}
		}
	case Loss, Damage, Truncate, Throttle, Partition, PartitionOneWay:
		active := string(t.Active())
		if active == "" || !f.cuts() {
			return // see separate
		}
		if slices.Contains(f.Nodes, active) || slices.Contains(f.To, active) {
			whole.to = min(whole.to, p.nextActive(f.At)) // the successor is not cut off
		}
		for _, n := range part.nodes() {
			if f.strikes(n.String(), active) || f.strikes(active, n.String()) {
				report(n, whole)
			}
		}
	}
}

// cuts tells whether a fault of the network counts as cutting links rather than making them lossy.
func (f *Fault) cuts() bool {
	return f.Kind == Partition || f.Kind == PartitionOneWay || f.Kind == Throttle || (f.Kind == Loss || f.Kind == Damage || f.Kind == Truncate) && f.Rate > cutRate
}

// separate reports, of a system in which no node is active, the nodes that are cut off from the others: at each moment, those
// outside of a largest set of nodes of their group that reach each other both ways.
func (p Plan) separate(t Topology, report func(Node, span)) {
	if t.Active() != "" {
		return
	}
	part := t.holder()
	var moments []Duration
	for i := range p.Faults {
		if f := &p.Faults[i]; f.cuts() {
			moments = append(moments, f.At, f.At+f.For)
		}
	}
	slices.Sort(moments)
	moments = slices.Compact(moments)
	for m := 0; m+1 < len(moments); m++ {
		s := span{moments[m], moments[m+1]}
		var on []*Fault
		for i := range p.Faults {
			if f := &p.Faults[i]; f.cuts() && f.At <= s.from && s.to <= f.At+f.For {
				on = append(on, f)
			}
		}
		for g := 1; len(on) > 0 && g <= part.groups(); g++ {
			names := make([]string, part.Count)
			for i := range names {
				names[i] = part.node(g, i+1).String()
			}
			inside := connected(len(names), func(a, b int) bool {
				return !slices.ContainsFunc(on, func(f *Fault) bool { return f.strikes(names[a], names[b]) || f.strikes(names[b], names[a]) })
			})
			for i := range names {
				if !inside[i] {
					report(part.node(g, i+1), s)
				}
			}
		}
	}
}

// maxTogether bounds the groups of which the largest connected set is looked for among all sets; a larger one grows from one
// node, which may find fewer than there are, and so refuses more plans and never takes one that goes beyond the budget.
const maxTogether = 12

// connected marks a largest set of n nodes in which each reaches each.
func connected(n int, reach func(a, b int) bool) []bool {
	fits := func(set []int, x int) bool {
		return !slices.ContainsFunc(set, func(y int) bool { return !reach(x, y) })
	}
	var best []int
	var grow func(set []int, from int)
	grow = func(set []int, from int) {
		if len(set) > len(best) {
			best = slices.Clone(set)
		}
		for x := from; x < n && len(set)+n-x > len(best); x++ {
			if fits(set, x) {
				grow(append(set, x), x+1)
				if n > maxTogether {
					return
				}
			}
		}
	}
	grow(nil, 0)
	inside := make([]bool, n)
	for _, x := range best {
		inside[x] = true
	}
	return inside
}

// strikes says whether a fault of the network strikes the messages between two nodes, in that direction.
func (f *Fault) strikes(from, to string) bool {
	in := func(n string, side, other []string) bool {
		if len(side) == 0 {
			return !slices.Contains(other, n)
		}
		return slices.Contains(side, n)
	}
	return in(from, f.Nodes, f.To) && in(to, f.To, f.Nodes) ||
		f.Kind == Partition && in(to, f.Nodes, f.To) && in(from, f.To, f.Nodes)
}

// nextActive is when the active node of that moment is replaced, as far as the plan says so.
func (p Plan) nextActive(after Duration) Duration {
	next := Duration(math.MaxInt64)
	for i := range p.Faults {
		f := &p.Faults[i]
		if f.At > after && (f.Kind == TakeOver || f.Kind == FailOver) {
			next = min(next, f.At+f.For)
		}
	}
	return next
}
