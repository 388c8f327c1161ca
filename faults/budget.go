package faults

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A Budget is how much of every protection group may be out of order at a time so that the volume still has to go on.
type Budget struct {
	// Impaired is the most segments of a group that may at one moment be down, paused, or cut off from the writer in
	// either direction. A damaged disk counts from its damage on. Of 6 segments with a write quorum of 4 it is 2.
	Impaired int `json:"impaired"`
	// Damaged is the most segments of a group whose disk may be damaged or lost in the whole plan.
	Damaged int `json:"damaged"`
	// Short is how long a segment may be impaired without counting: a whole group may restart at once.
	Short Duration `json:"short"`
}

// Budget is what a volume of that topology must survive and go on after: every group keeps a write quorum and a read
// quorum of segments, and one of them may have a damaged disk. Spares count like members: which of the
// segments are members at a moment is not for a plan to know.
func (t Topology) Budget() Budget {
	spare := t.Members() - max(t.WriteQuorum, t.ReadQuorum)
	return Budget{Impaired: spare, Damaged: min(1, spare), Short: Duration(50 * time.Millisecond)}
}

// A BudgetError says where a plan first asks for more than the budget.
type BudgetError struct {
	Group int      // from 1
	At    Duration // when it happens
	What  string   // what the nodes are
	Nodes []string // in order
	Limit int      // how many of them the budget allows
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("beyond the fault budget: expected at most %d segments of group %d %s, found %d at %v: %s",
		e.Limit, e.Group, e.What, len(e.Nodes), e.At, strings.Join(e.Nodes, ", "))
}

// cutRate is the share of lost messages above which a link counts as cut rather than lossy.
const cutRate = 0.5

// A span is a time during which a segment is impaired.
type span struct{ from, to Duration }

// Check returns a *BudgetError if the plan, valid for t in all else, goes beyond the budget. Faults that slow down,
// duplicate or reorder do not count, nor do those of the writer, the register and the clients: a successor replaces
// the first, and the volume must wait out the others.
func (b Budget) Check(p Plan, t Topology) error {
	impaired := make(map[Node][]span)
	damaged := make(map[Node]Duration)
	for i := range p.Faults {
		p.impair(t, &p.Faults[i], func(n Node, s span) { impaired[n] = append(impaired[n], s) }, damaged)
	}
	for g := 1; g <= t.Groups; g++ {
		if err := b.checkGroup(t, g, impaired, damaged); err != nil {
			return err
		}
	}
	return nil
}

func (b Budget) checkGroup(t Topology, g int, impaired map[Node][]span, damaged map[Node]Duration) error {
	long := make([][]span, t.Replicas) // by replica
	hurt := make([]bool, t.Replicas)
	var moments []Duration
	for r := range t.Replicas {
		n := Node{Role: Segment, Group: g, Replica: r + 1}
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
	for _, at := range moments {
		var out, broken []string
		for r := range t.Replicas {
			name := Node{Role: Segment, Group: g, Replica: r + 1}.String()
			if slices.ContainsFunc(long[r], func(s span) bool { return s.from <= at && at < s.to }) {
				out = append(out, name)
			}
			if hurt[r] && damaged[Node{Role: Segment, Group: g, Replica: r + 1}] <= at {
				broken = append(broken, name)
			}
		}
		if len(broken) > b.Damaged {
			return &BudgetError{Group: g, At: at, What: "with a damaged or lost disk", Nodes: broken, Limit: b.Damaged}
		}
		if len(out) > b.Impaired {
			return &BudgetError{Group: g, At: at, What: fmt.Sprintf("impaired for longer than %v", b.Short), Nodes: out, Limit: b.Impaired}
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

// impair reports the segments that f impairs, and since when it damages which.
func (p Plan) impair(t Topology, f *Fault, report func(Node, span), damaged map[Node]Duration) {
	whole := span{f.At, f.At + f.For}
	segments := func(names []string, s span) {
		for _, name := range names {
			if n, err := t.Node(name); err == nil && n.Role == Segment {
				report(n, s)
			}
		}
	}
	switch f.Kind {
	case Crash, Pause:
		segments(f.Nodes, whole)
	case CrashAtPoint:
		// It may strike at any moment; a short one is short wherever it is.
		if f.For > t.Budget().Short {
			whole.to = p.Horizon
		}
		segments(f.Nodes, whole)
	case PowerLossAZ, AZCutOff:
		in, _ := t.InZone(f.AZ)
		for _, n := range in {
			report(n, whole)
		}
	case DiskCorrupt, DiskLost, SegmentLost:
		segments(f.Nodes, whole)
		for _, name := range f.Nodes {
			if n, err := t.Node(name); err == nil {
				if at, ok := damaged[n]; !ok || f.At < at {
					damaged[n] = f.At
				}
			}
		}
	case Loss, Partition, PartitionOneWay:
		if f.Kind == Loss && f.Rate <= cutRate {
			return
		}
		if slices.Contains(f.Nodes, string(Writer)) || slices.Contains(f.To, string(Writer)) {
			whole.to = min(whole.to, p.nextWriter(f.At)) // the successor is not cut off
		}
		for _, n := range t.Nodes() {
			if n.Role == Segment && (f.strikes(n.String(), string(Writer)) || f.strikes(string(Writer), n.String())) {
				report(n, whole)
			}
		}
	}
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

// nextWriter is when the writer of that moment is replaced, as far as the plan says so.
func (p Plan) nextWriter(after Duration) Duration {
	next := Duration(math.MaxInt64)
	for i := range p.Faults {
		f := &p.Faults[i]
		if f.At > after && (f.Kind == TakeOver || f.Kind == WriterCrash) {
			next = min(next, f.At+f.For)
		}
	}
	return next
}
