package linearizability

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
)

// Registers whose values are written once each are decided without a search (Gibbons and Korach, "Testing shared memories",
// 1997, section 4; here with compare-and-swap).
//
// A cluster is a write and all that read it. A swap from u to v writes v directly behind u's cluster, so clusters that swaps
// connect are one chain. In every legal order a chain is one block, because nothing can stand between a value and those who
// see it, and within it the order of the writes, and of the reads between them, is given.
//
// Chain A must stand before chain B when some call of A ended before some call of B began, which is so exactly when A's first
// end is before B's last begin: end(A) < begin(B). If these demands have no circle, an order of the chains keeps real time
// between them, and if each chain keeps it within, the history is legal. A circle of them is always one of two already: let X
// have the last begin on it, and let Y stand behind X. Whoever stands before Z has its end before begin(Z), which is not after
// begin(X), so end(Y) < begin(X), and end(X) < begin(Y). Hence it suffices to look for two chains with end(A) < begin(B) and
// end(B) < begin(A): two forward zones [end, begin] that overlap, or a backward zone [begin, end] inside a forward one.
//
// A write of unknown outcome that no call sees can be left out of any legal order, and one that is seen must be in it. A failed
// swap changes nothing, so leaving it out makes no legal order illegal; whether it fits is asked of the order that was found.

// A part is the calls on one key, as positions in the history, by which its methods name them.
type part struct {
	history []Call
	at      []int32
	as      []Call // by position, what stands for the calls, where another call does
}

func (p part) call(i int32) *Call {
	if p.as != nil {
		return &p.as[i]
	}
	return &p.history[p.at[i]]
}

// recorded is the call as it was recorded.
func (p part) recorded(i int32) *Call { return &p.history[p.at[i]] }

// A cluster is a value of a register and its readers. It is numbered by the position of its write + 1; the value that the key
// has at first is number 0.
type cluster struct {
	firstEnd, lastBegin int64 // of the reads; MaxInt64 and MinInt64 without one
	swap                int32 // the position of the call that swaps the value for another, or none
	needed              bool  // its write happened
}

// A zone is a chain of clusters, named by its first one.
type zone struct {
	end, begin int64 // the first end and the last begin of all its calls
	head       int32
}

// A register is the state of the method for one key.
type register struct {
	part
	model    Model
	clusters []cluster
	writer   map[string]int32 // by value, its cluster
	failed   []int32          // swaps that found another value
	initial  string
	found    bool // whether the key has a value at first
}

// zones decides a key, or cannot tell: when a value was written twice, or a failed swap does not fit the order found.
func (p part) zones(model Model, initial *string) (Verdict, *CallViolation) {
	r := register{part: p, model: model, found: model == ModelKV}
	if initial != nil {
		r.initial, r.found = *initial, true
	}
	if !r.write() {
		if v := r.unwritten(); v != nil {
			return Illegal, v
		}
		return Unknown, nil
	}
	if v := r.read(); v != nil {
		return Illegal, r.happened(v)
	}
	chains, v := r.chains()
	if v != nil {
		return Illegal, r.happened(v)
	}
	forward, backward := divide(chains)
	if a, b, ok := conflict(forward, backward); ok {
		return Illegal, r.happened(r.overlap(a, b))
	}
	if len(r.failed) > 0 && !r.fitFailed(forward, backward) {
		return Unknown, nil
	}
	return Legal, nil
}

// sees tells what value the call saw there; ok is false when it saw none, or is no call that sees.
func (r *register) sees(c *Call) (value string, ok bool) {
	switch {
	case c.Kind == Get:
		return c.Value, c.Found || r.model == ModelKV
	case c.Kind == CompareAndSwap && (c.Swapped || c.Unknown):
		return c.From, true
	}
	return "", false
}

// writes tells what value the call writes there, if it happens.
func writes(c *Call) (value string, ok bool) {
	return c.Value, c.Kind == Put || c.Kind == CompareAndSwap && (c.Swapped || c.Unknown)
}

// write numbers the values; it is false when one has several writers.
func (r *register) write() bool {
	count, deletes, absences := 0, false, false
	for i := range r.at {
		c := r.call(int32(i))
		if _, ok := writes(c); ok {
			count++
		}
		deletes = deletes || c.Kind == Discard
		if value, ok := r.sees(c); c.Kind == Get || ok {
			absences = absences || !ok || r.model == ModelKV && value == ""
		}
		if c.Kind == CompareAndSwap && !c.Swapped && !c.Unknown {
			r.failed = append(r.failed, int32(i))
		}
	}
	r.writer = make(map[string]int32, count+1)
	if r.found {
		r.writer[r.initial] = 0
		count++
	}
	r.clusters = make([]cluster, len(r.at)+1)
	for i := range r.clusters {
		r.clusters[i] = cluster{firstEnd: math.MaxInt64, lastBegin: math.MinInt64, swap: none}
	}
	r.clusters[0].needed = true
	for i := range r.at {
		c := r.call(int32(i))
		value, ok := writes(c)
		if ok {
			r.writer[value] = int32(i) + 1
		}
		r.clusters[i+1].needed = (ok || c.Kind == Discard) && !c.Unknown
	}
	// Who finds nothing may have seen any delete, or the beginning.
	unique := len(r.writer) == count && !(deletes && absences)
	if deletes && r.model == ModelKV {
		r.writer[""] = 0 // so that it is known to have been written
	}
	return unique
}

// unwritten finds a value that no call wrote, whoever else wrote what.
func (r *register) unwritten() *CallViolation {
	for i := range r.at {
		c := r.call(int32(i))
		value, ok := r.sees(c)
		if !ok || c.Unknown {
			continue
		}
		if _, written := r.writer[value]; !written {
			return r.fromNowhere(int32(i))
		}
	}
	return nil
}

func (r *register) fromNowhere(i int32) *CallViolation {
	v := r.object(ThinAir, i, "no call wrote it")
	v.Expected, v.Class = "a value that was written", Garbage
	return v
}

// read gives every read to its cluster, and takes in the writes of unknown outcome that were seen.
func (r *register) read() *CallViolation {
	for i := range r.at {
		c := r.call(int32(i))
		if c.Unknown {
			continue
		}
		at, written := int32(0), true
		if value, ok := r.sees(c); ok {
			if at, written = r.writer[value]; !written {
				return r.fromNowhere(int32(i))
			}
		} else if c.Kind != Get {
			continue
		} else if r.found {
			v := r.object(ThinAir, int32(i), "the key had a value at first, and no call deleted it")
			v.Expected = "a value"
			return v
		}
		if c.Kind == Get {
			k := &r.clusters[at]
			k.firstEnd, k.lastBegin = min(k.firstEnd, c.End), max(k.lastBegin, c.Begin)
			if at > 0 && c.End < r.call(at-1).Begin {
				v := r.object(FutureRead, int32(i), fmt.Sprintf("%s began only after its end", r.name(at-1)), at-1)
				v.Expected = "a value written before its end"
				v.Cycle = []Edge{r.edge(ReadsFrom, at-1, int32(i)), r.edge(RealTime, int32(i), at-1)}
				return v
			}
			if v := r.need(at); v != nil {
				return v
			}
		} else if v := r.swap(at, int32(i)); v != nil {
			return v
		}
	}
	return nil
}

// swap says that a call that happened swapped a cluster's value for its own.
func (r *register) swap(at, call int32) *CallViolation {
	k := &r.clusters[at]
	if k.swap != none {
		v := r.object(WrittenTwice, call, fmt.Sprintf("%s swapped the same value for another", r.name(k.swap)), k.swap)
		if r.recorded(call).Kind == Append {
			v.Anomaly, v.Detail = DisorderedList, fmt.Sprintf("%s stands behind the same text", r.name(k.swap))
		}
		if at > 0 {
			v.core(r.part, at-1)
		}
		v.Expected, v.Class = "another value", ClassLostUpdate
		v.Cycle = []Edge{r.edge(Misses, k.swap, call), r.edge(Misses, call, k.swap)}
		return v
	}
	k.swap = call
	return r.need(at)
}

// need says that the write of a cluster happened, and with it what it swapped. A call that swaps twice ends the walk: need
// is asked of a cluster once.
func (r *register) need(at int32) *CallViolation {
	k := &r.clusters[at]
	if k.needed {
		return nil
	}
	k.needed = true
	c := r.call(at - 1)
	if c.Kind != CompareAndSwap {
		return nil
	}
	from, written := r.writer[c.From]
	if !written {
		v := r.object(ThinAir, at-1, "no call wrote what it swapped, and its own value was seen")
		v.Expected = "a value that was written"
		return v
	}
	return r.swap(from, at-1)
}

// chains follows the swaps, and finds what real time forbids within a chain.
func (r *register) chains() ([]zone, *CallViolation) {
	chains := make([]zone, 0, len(r.writer)+1)
	visited := 0
	for head := range r.clusters {
		at := int32(head)
		if !r.clusters[at].needed {
			continue
		}
		if at > 0 {
			if r.call(at-1).Kind == CompareAndSwap {
				continue
			}
		}
		z := zone{end: math.MaxInt64, begin: math.MinInt64, head: at}
		if at == 0 {
			z.end = math.MinInt64 // the beginning stands before all
		}
		for {
			visited++
			k := &r.clusters[at]
			if at > 0 {
				w := r.call(at - 1)
				if w.end() < z.begin {
					return nil, r.broken(int32(head), at)
				}
				z.end, z.begin = min(z.end, w.end()), max(z.begin, w.Begin)
			}
			if k.firstEnd < z.begin {
				return nil, r.broken(int32(head), at)
			}
			z.end, z.begin = min(z.end, k.firstEnd), max(z.begin, k.lastBegin)
			if k.swap == none {
				break
			}
			at = k.swap + 1
		}
		chains = append(chains, z)
	}
	for i := range r.clusters {
		if r.clusters[i].needed {
			visited--
		}
	}
	if visited < 0 {
		return nil, r.circle()
	}
	return chains, nil
}

// divide sorts zones: forward ones by their ends, and the others. A forward zone of one call does not exist, as no call ends
// before it begins.
func divide(zones []zone) (forward, backward []zone) {
	at := 0
	for i := range zones {
		if zones[i].end < zones[i].begin {
			zones[i], zones[at] = zones[at], zones[i]
			at++
		}
	}
	forward, backward = zones[:at], zones[at:]
	slices.SortFunc(forward, func(a, b zone) int { return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.head, b.head)) })
	return forward, backward
}

// conflict finds two chains of which each must stand before the other.
func conflict(forward, backward []zone) (a, b zone, found bool) {
	for i := 1; i < len(forward); i++ {
		if forward[i].end < forward[i-1].begin {
			return forward[i-1], forward[i], true
		}
	}
	for _, z := range backward {
		if at := around(forward, z.begin); at >= 0 && z.end < forward[at].begin {
			return forward[at], z, true
		}
	}
	return zone{}, zone{}, false
}

// around is the last of the forward zones that ended before a time, or -1.
func around(forward []zone, time int64) int {
	return sort.Search(len(forward), func(i int) bool { return forward[i].end >= time }) - 1
}

// fitFailed asks whether each failed swap can stand where the key has another value than it expected, in one order of the
// chains: forward zones by time, each backward one behind the forward zone in which it begins, else at its begin.
func (r *register) fitFailed(forward, backward []zone) bool {
	type placed struct {
		at    int64
		after bool // behind a forward zone that ends there
		head  int32
	}
	order := make([]placed, 0, len(forward)+len(backward))
	for _, z := range forward {
		order = append(order, placed{z.begin, false, z.head})
	}
	for _, z := range backward {
		p := placed{z.begin, true, z.head}
		if at := around(forward, z.begin); at >= 0 {
			p.at = max(p.at, forward[at].begin)
		}
		order = append(order, p)
	}
	slices.SortFunc(order, func(a, b placed) int {
		after := func(p placed) int {
			if p.after {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(after(a), after(b)), cmp.Compare(a.head, b.head))
	})
	// The order as a sequence of calls: each with its cluster, a write before its reads.
	readers := make([][]int32, len(r.clusters))
	for i := range r.at {
		if c := r.call(int32(i)); c.Kind == Get {
			at := int32(0)
			if value, ok := r.sees(c); ok {
				at = r.writer[value]
			}
			readers[at] = append(readers[at], int32(i))
		}
	}
	type stand struct{ call, cluster int32 }
	var sequence []stand
	for _, p := range order {
		for at := p.head; ; at = r.clusters[at].swap + 1 {
			if at > 0 {
				sequence = append(sequence, stand{at - 1, at})
			}
			for _, i := range readers[at] {
				sequence = append(sequence, stand{i, at})
			}
			if r.clusters[at].swap == none {
				break
			}
		}
	}
	// A failed swap stands in a gap: gap g is before sequence[g], behind all that ended before it began and before all that
	// began after its end.
	ends := make([]int32, len(sequence)) // by end, with the last place of any so far
	for i := range ends {
		ends[i] = int32(i)
	}
	begins := slices.Clone(ends)
	slices.SortFunc(ends, func(a, b int32) int {
		return cmp.Compare(r.call(sequence[a].call).end(), r.call(sequence[b].call).end())
	})
	slices.SortFunc(begins, func(a, b int32) int {
		return cmp.Compare(r.call(sequence[a].call).Begin, r.call(sequence[b].call).Begin)
	})
	last := make([]int32, len(sequence)+1) // the first gap behind the first ends
	for i, s := range ends {
		last[i+1] = max(last[i], s+1)
	}
	first := make([]int32, len(sequence)+1) // the last gap before the later begins
	first[len(sequence)] = int32(len(sequence))
	for i := len(begins) - 1; i >= 0; i-- {
		first[i] = min(first[i+1], begins[i])
	}
	// The earliest gap that fits leaves the most to those that come later: one that had ended before another began must not
	// stand in a later gap than that.
	byBegin, byEnd := slices.Clone(r.failed), slices.Clone(r.failed)
	slices.SortStableFunc(byBegin, func(a, b int32) int { return cmp.Compare(r.call(a).Begin, r.call(b).Begin) })
	slices.SortStableFunc(byEnd, func(a, b int32) int { return cmp.Compare(r.call(a).End, r.call(b).End) })
	gap := make(map[int32]int32, len(byBegin))
	ended, earliest := 0, int32(0)
	for _, i := range byBegin {
		c := r.call(i)
		for ; r.call(byEnd[ended]).End < c.Begin; ended++ { // it ends at this call at the latest
			earliest = max(earliest, gap[byEnd[ended]])
		}
		from := max(earliest, last[sort.Search(len(ends), func(k int) bool { return r.call(sequence[ends[k]].call).end() >= c.Begin })])
		to := first[sort.Search(len(begins), func(k int) bool { return r.call(sequence[begins[k]].call).Begin > c.End })]
		expected, known := r.writer[c.From]
		fits := false
		for g := from; g <= to && !fits; g++ {
			fits = !known || g == 0 && expected != 0 || g > 0 && sequence[g-1].cluster != expected
			gap[i] = g
		}
		if !fits {
			return false
		}
	}
	return true
}

// happened adds to the core why its calls of unknown outcome happened: who saw them.
func (r *register) happened(v *CallViolation) *CallViolation {
	position := make(map[int]int32)
	for i, at := range r.at {
		position[int(at)] = int32(i)
	}
	var asked []int32
	for _, i := range v.Core {
		asked = append(asked, position[i])
	}
	for len(asked) > 0 {
		w := asked[0]
		asked = asked[1:]
		c := r.call(w)
		if !c.Unknown {
			continue
		}
		by := r.clusters[w+1].swap
		for i := range r.at {
			k := r.call(int32(i))
			if value, ok := r.sees(k); k.Kind == Get && ok && value == c.Value {
				by = int32(i)
				break
			}
		}
		if by != none && !slices.Contains(v.Core, int(r.at[by])) {
			v.core(r.part, by)
			asked = append(asked, by)
		}
	}
	return v
}

// object is the objection to one call; the others are those that contradict it.
func (p part) object(a Anomaly, i int32, detail string, others ...int32) *CallViolation {
	c := p.recorded(i)
	v := &CallViolation{Anomaly: a, Call: *c, Index: int(p.at[i]), Detail: detail}
	switch {
	case c.Kind == CompareAndSwap:
		v.Found = strconv.Quote(c.From)
	case c.Elements != nil:
		v.Found = fmt.Sprintf("%q", c.Elements)
	case c.Kind == Get || c.Kind == Dequeue:
		v.Found = "nothing"
		if c.Found || c.Value != "" {
			v.Found = strconv.Quote(c.Value)
		}
	}
	v.core(p, append(others, i)...)
	return v
}

// core adds calls to those that contradict each other.
func (v *CallViolation) core(p part, calls ...int32) {
	for _, i := range calls {
		v.Core = append(v.Core, int(p.at[i]))
	}
	slices.Sort(v.Core)
	v.Core = slices.Compact(v.Core)
}

// name names a call in the words of an objection.
func (p part) name(i int32) string {
	c := p.recorded(i)
	text := fmt.Sprintf("client %d's %s", c.Client, c)
	if c.Line > 0 {
		text += fmt.Sprintf(" of line %d", c.Line)
	}
	return text
}

func (p part) edge(why Why, from, to int32) Edge {
	e := Edge{From: uint64(p.at[from]), To: uint64(p.at[to]), FromIndex: int(p.at[from]), ToIndex: int(p.at[to]), Why: why}
	if why != RealTime {
		e.Key = p.call(from).Key
	}
	return e
}

// members are the calls of a chain in their order, up to a cluster or to its end.
func (r *register) members(head, until int32) []int32 {
	readers := make(map[int32][]int32)
	for i := range r.at {
		c := r.call(int32(i))
		if c.Kind != Get {
			continue
		}
		at := int32(0)
		if value, ok := r.sees(c); ok {
			at = r.writer[value]
		}
		readers[at] = append(readers[at], int32(i))
	}
	var members []int32
	for at := head; ; at = r.clusters[at].swap + 1 {
		if at > 0 {
			members = append(members, at-1)
		}
		members = append(members, readers[at]...)
		if at == until || r.clusters[at].swap == none {
			return members
		}
	}
}

// links are the calls that hold two members of a chain in their order: the writes between them.
func (r *register) links(members []int32, a, b int32) []int32 {
	from, to := slices.Index(members, a), slices.Index(members, b)
	if from > to {
		from, to = to, from
	}
	var links []int32
	for at := from; at >= 0; at-- { // its own write
		if r.call(members[at]).Kind != Get {
			links = append(links, members[at])
			break
		}
	}
	for _, m := range members[from : to+1] {
		if r.call(m).Kind != Get {
			links = append(links, m)
		}
	}
	return append(links, a, b)
}

// broken is the objection to a chain whose order real time forbids, up to the cluster in which that shows.
func (r *register) broken(head, until int32) *CallViolation {
	members := r.members(head, until)
	latest := none // of those that must come before the present one
	group := int32(0)
	for at, m := range members {
		// A write is alone in its place, and reads of one value share theirs.
		if at == 0 || r.call(m).Kind != Get || r.call(members[at-1]).Kind != Get {
			for _, before := range members[group:at] {
				if latest == none || r.call(before).Begin > r.call(latest).Begin {
					latest = before
				}
			}
			group = int32(at)
		}
		if latest == none || r.call(m).end() >= r.call(latest).Begin {
			continue
		}
		links := r.links(members, latest, m)
		if r.call(latest).Kind == Get {
			v := r.object(StaleRead, latest, fmt.Sprintf("%s comes behind what it saw, and had ended before it began", r.name(m)), links...)
			v.Expected, v.Cycle = r.quote(m), []Edge{r.edge(Misses, latest, m), r.edge(RealTime, m, latest)}
			return v
		}
		v := r.object(FutureRead, m, fmt.Sprintf("%s comes before it, and began after its end", r.name(latest)), links...)
		v.Expected, v.Cycle = "what was there before its end", []Edge{r.edge(ReadsFrom, latest, m), r.edge(RealTime, m, latest)}
		return v
	}
	return r.object(Unlinearizable, members[len(members)-1], "its chain of swaps is out of order", members...)
}

// circle is the objection to swaps of which each takes the value that another one leaves.
func (r *register) circle() *CallViolation {
	reached := make([]bool, len(r.clusters))
	for head := range r.clusters {
		if !r.clusters[head].needed || head > 0 && r.call(int32(head)-1).Kind == CompareAndSwap {
			continue
		}
		for at := int32(head); ; at = r.clusters[at].swap + 1 {
			reached[at] = true
			if r.clusters[at].swap == none {
				break
			}
		}
	}
	first := int32(1)
	for !r.clusters[first].needed || reached[first] {
		first++
	}
	// Every cluster left has one before it, so walking back ends in the circle.
	for range r.clusters {
		first = r.writer[r.call(first-1).From]
	}
	v := r.object(ThinAir, first-1, "each of these swaps takes a value that only another one of them leaves")
	v.Expected, v.Class = "a value that was there before", G1c
	for at := first; ; {
		next := r.clusters[at].swap + 1
		v.core(r.part, next-1)
		v.Cycle = append(v.Cycle, r.edge(ReadsFrom, at-1, next-1))
		if at = next; at == first {
			break
		}
	}
	return v
}

// overlap is the objection to two chains of which each must stand before the other.
func (r *register) overlap(a, b zone) *CallViolation {
	extremes := func(z zone) (members []int32, ended, began int32) {
		members = r.members(z.head, none)
		ended, began = none, none
		for _, m := range members {
			c := r.call(m)
			if ended == none || c.end() < r.call(ended).end() {
				ended = m
			}
			if began == none || c.Begin > r.call(began).Begin {
				began = m
			}
		}
		return members, ended, began
	}
	membersA, endedA, beganA := extremes(a)
	membersB, endedB, beganB := extremes(b)
	if a.head == 0 || b.head == 0 {
		// The beginning stands before all, and somebody saw it, or swapped it, after another value was there.
		late, other := beganA, endedB
		members := membersA
		if b.head == 0 {
			late, other, members = beganB, endedA, membersB
		}
		v := r.object(r.lost(other), late, fmt.Sprintf("%s had ended before it began", r.name(other)), other)
		v.core(r.part, r.links(members, members[0], late)...)
		if c := r.call(other); c.Kind == Get {
			v.core(r.part, r.writer[c.Value]-1)
		}
		v.Expected, v.Cycle = r.quote(other), []Edge{r.edge(Misses, late, other), r.edge(RealTime, other, late)}
		return v
	}
	// Each began after a call of the other had ended: the one that began last is the one that shows it.
	late, other, first := beganA, endedB, endedA
	if r.call(beganB).Begin > r.call(beganA).Begin {
		late, other, first = beganB, endedA, endedB
	}
	v := r.object(r.lost(other), late, fmt.Sprintf("%s had ended before it began, and what it saw was there before that", r.name(other)), other)
	v.core(r.part, r.links(membersA, endedA, beganA)...)
	v.core(r.part, r.links(membersB, endedB, beganB)...)
	v.Expected = r.quote(other)
	otherLate := beganB
	if late == beganB {
		otherLate = beganA
	}
	v.Cycle = []Edge{r.edge(RealTime, other, late), r.edge(RealTime, first, otherLate)}
	return v
}

// lost names a read that does not see what came before it: lost when no other call has seen that either.
func (r *register) lost(other int32) Anomaly {
	if c := r.call(other); c.Kind != Get {
		if at := other + 1; r.clusters[at].firstEnd == math.MaxInt64 && r.clusters[at].swap == none {
			return LostCommit
		}
	}
	return StaleRead
}

// quote is the value that a call wrote or saw.
func (r *register) quote(i int32) string {
	c := r.recorded(i)
	if c.Kind == Discard || c.Kind == Get && !c.Found && r.model == ModelRegister {
		return "nothing"
	}
	return strconv.Quote(c.Value)
}
