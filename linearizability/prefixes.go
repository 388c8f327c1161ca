package linearizability

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Lists and grow-only sets whose elements come once each are decided by what was read, without a search (for lists Kingsbury
// and Alvaro, "Elle", 2020, section 3: traceable histories).
//
// Elements are never taken away, so what one read saw begins (a list) or is part of (a set) what a later one saw. That puts
// the reads in one order, by size, and each element between the last read without it and the first read with it; what no read
// saw comes behind all reads. Calls at one level of that order commute. A legal order keeps the levels, and every order that
// keeps them is legal, so that only real time remains to be asked: no call may have ended before one of a lower level began.
// An element of unknown outcome that no read saw can be left out.

// A leveled key has its calls in levels.
type leveled struct {
	part
	level  []int32 // by position; none is a call that can be left out
	levels int32
	writer map[string]int32 // by element, the position of the call that brought it, or may have first
}

// inversion finds two calls of which the first belongs to a lower level and began after the end of the second.
func (l *leveled) inversion() (low, high int32, found bool) {
	latest := make([]int32, l.levels) // by level, the call that began last in it or in a lower one
	for i := range latest {
		latest[i] = none
	}
	for i, level := range l.level {
		if level != none && (latest[level] == none || l.call(int32(i)).Begin > l.call(latest[level]).Begin) {
			latest[level] = int32(i)
		}
	}
	for at := 1; at < len(latest); at++ {
		if before := latest[at-1]; before != none && (latest[at] == none || l.call(before).Begin > l.call(latest[at]).Begin) {
			latest[at] = before
		}
	}
	for i, level := range l.level {
		if level > 0 && latest[level-1] != none && l.call(int32(i)).end() < l.call(latest[level-1]).Begin {
			return latest[level-1], int32(i), true
		}
	}
	return none, none, false
}

// objectInversion names what inversion found; the reads are those that the order rests on.
func (l *leveled) objectInversion(low, high int32, reads ...int32) *CallViolation {
	a, expected := FutureRead, "what was there before its end"
	about, other := high, low
	if l.call(low).Kind == Get {
		a, expected = StaleRead, "what was there before its begin"
		about, other = low, high
	} else if l.call(high).Kind != Get {
		a, expected = RealTimeReversal, ""
	}
	detail := fmt.Sprintf("%s is ordered before it, and began after its end", l.name(low))
	if about == low {
		detail = fmt.Sprintf("%s is ordered behind it, and had ended before it began", l.name(high))
	}
	v := l.object(a, about, detail, other)
	v.Expected = expected
	v.Cycle = []Edge{l.edge(Overwrites, low, high), l.edge(RealTime, high, low)}
	l.witness(v, append(reads, low, high)...)
	return v
}

// witness adds reads to the core, and those who brought what they saw.
func (l *leveled) witness(v *CallViolation, reads ...int32) {
	for _, i := range reads {
		v.core(l.part, i)
		for _, e := range l.call(i).Elements {
			if w, ok := l.writer[e]; ok {
				v.core(l.part, w)
			}
		}
	}
}

// bring numbers the elements; it is false when one was brought twice, or taken away.
func (l *leveled) bring() bool {
	count, removes := 0, false
	l.writer = make(map[string]int32)
	for i := range l.at {
		switch c := l.call(int32(i)); c.Kind {
		case Append, Add:
			if first, twice := l.writer[c.Value]; !twice || c.Begin < l.call(first).Begin {
				l.writer[c.Value] = int32(i)
			}
			count++
		case Remove:
			removes = true
		}
	}
	return len(l.writer) == count && !removes
}

// unbrought finds an element that no call brought before the read had ended.
func (l *leveled) unbrought() *CallViolation {
	for i := range l.at {
		c := l.call(int32(i))
		for _, e := range c.Elements {
			w, ok := l.writer[e]
			switch {
			case !ok:
				v := l.object(ThinAir, int32(i), fmt.Sprintf("no call brought %q", e))
				v.Expected = "elements that were brought"
				return v
			case c.End < l.call(w).Begin:
				v := l.object(FutureRead, int32(i), fmt.Sprintf("%s began only after its end", l.name(w)), w)
				v.Expected = "elements that were brought before its end"
				v.Cycle = []Edge{l.edge(ReadsFrom, w, int32(i)), l.edge(RealTime, int32(i), w)}
				return v
			}
		}
	}
	return nil
}

// prefixes decides a list, or cannot tell when an element was appended twice.
func (p part) prefixes() (Verdict, *CallViolation) {
	l := leveled{part: p, level: make([]int32, len(p.at))}
	unique := l.bring()
	if v := l.unbrought(); v != nil {
		return Illegal, v
	}
	if !unique {
		return Unknown, nil
	}
	longest := none
	for i := range p.at {
		if p.call(int32(i)).Kind == Get && (longest == none || len(p.call(int32(i)).Elements) > len(p.call(longest).Elements)) {
			longest = int32(i)
		}
	}
	var order []string
	if longest != none {
		order = p.call(longest).Elements
	}
	place := make(map[string]int32, len(order))
	for i, e := range order {
		if _, twice := place[e]; twice {
			v := p.object(DisorderedList, longest, fmt.Sprintf("%q was appended once, and is in it twice", e))
			l.witness(v, longest)
			return Illegal, v
		}
		place[e] = int32(i)
	}
	l.levels = 2*int32(len(order)) + 2
	for i := range p.at {
		c := p.call(int32(i))
		if c.Kind == Get {
			if !slices.Equal(c.Elements, order[:len(c.Elements)]) {
				v := p.object(DisorderedList, int32(i), fmt.Sprintf("%s does not begin with it", p.name(longest)), longest)
				l.witness(v, int32(i), longest)
				return Illegal, v
			}
			l.level[i] = 2 * int32(len(c.Elements))
			continue
		}
		at, seen := place[c.Value]
		switch {
		case seen:
			l.level[i] = 2*at + 1
		case c.Unknown:
			l.level[i] = none
		default:
			l.level[i] = l.levels - 1
		}
	}
	if low, high, found := l.inversion(); found {
		var reads []int32
		if longest != none {
			reads = append(reads, longest)
		}
		return Illegal, l.objectInversion(low, high, reads...)
	}
	return Legal, nil
}

// inclusions decides a set, or cannot tell: when an element was added twice, or one was removed, and that leaves a choice.
func (p part) inclusions() (Verdict, *CallViolation) {
	l := leveled{part: p, level: make([]int32, len(p.at))}
	unique := l.bring()
	if v := l.unbrought(); v != nil {
		return Illegal, v
	}
	if !unique {
		return p.memberships()
	}
	// Elements by their number, that of the call that added them.
	size := make([]int32, len(p.at))
	var reads []int32
	stamp := make([]int32, len(p.at)) // by element, the last read that counted it
	smallest := make([]int32, len(p.at))
	for i := range smallest {
		smallest[i] = math.MaxInt32
	}
	for i := range p.at {
		c := p.call(int32(i))
		if c.Kind != Get {
			continue
		}
		for _, e := range c.Elements {
			if w := l.writer[e]; stamp[w] != int32(i)+1 {
				stamp[w] = int32(i) + 1
				size[i]++
			}
		}
		for _, e := range c.Elements {
			w := l.writer[e]
			smallest[w] = min(smallest[w], size[i])
		}
		reads = append(reads, int32(i))
	}
	// A read holds exactly the elements whose smallest read is not larger than it.
	slices.SortStableFunc(reads, func(a, b int32) int { return cmp.Compare(size[a], size[b]) })
	var sizes []int32
	within := make([]int32, len(p.at)+1) // by size, the elements whose smallest read is not larger
	for i := range p.at {
		if p.call(int32(i)).Kind != Get && smallest[i] != math.MaxInt32 {
			within[smallest[i]]++
		}
	}
	for s := 1; s < len(within); s++ {
		within[s] += within[s-1]
	}
	for at, i := range reads {
		if within[size[i]] != size[i] {
			return Illegal, l.disagree(reads[:at+1], size)
		}
		if len(sizes) == 0 || sizes[len(sizes)-1] != size[i] {
			sizes = append(sizes, size[i])
		}
	}
	l.levels = 2*int32(len(sizes)) + 1
	for i := range p.at {
		switch c := p.call(int32(i)); {
		case c.Kind == Get:
			at, _ := slices.BinarySearch(sizes, size[i])
			l.level[i] = 2*int32(at) + 1
		case smallest[i] != math.MaxInt32:
			at, _ := slices.BinarySearch(sizes, smallest[i])
			l.level[i] = 2 * int32(at)
		case c.Unknown:
			l.level[i] = none
		default:
			l.level[i] = l.levels - 1
		}
	}
	if low, high, found := l.inversion(); found {
		// What puts an element before another one is the first read that saw only that.
		var by []int32
		for _, i := range reads {
			if l.level[i] > l.level[low] && l.level[i] < l.level[high] || l.call(low).Kind != Get && l.level[i] == l.level[low]+1 {
				by = append(by, i)
				break
			}
		}
		return Illegal, l.objectInversion(low, high, by...)
	}
	return Legal, nil
}

// disagree is the objection to the last of some reads, by size, of which it does not hold another one.
func (l *leveled) disagree(reads []int32, size []int32) *CallViolation {
	last := reads[len(reads)-1]
	holds := make(map[string]bool)
	for _, e := range l.call(last).Elements {
		holds[e] = true
	}
	for _, i := range reads {
		for _, e := range l.call(i).Elements {
			if !holds[e] {
				v := l.object(DisorderedSet, last, fmt.Sprintf("%s holds %q, and each of them holds an element that the other one has not", l.name(i), e), i)
				v.Class = LongFork
				l.witness(v, i, last)
				return v
			}
		}
	}
	return l.object(DisorderedSet, last, "sets that were read before do not fit it", reads...)
}
