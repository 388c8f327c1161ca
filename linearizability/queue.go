package linearizability

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
)

// Queues whose elements come once each are decided by looking for four things (Henzinger, Sezgin and Vafeiadis,
// "Aspect-oriented linearizability proofs", 2013, theorem 1; in n log n steps as in Lee and Mathur, "Efficient
// decrease-and-conquer linearizability monitoring", 2025): an element that is taken though it never came, or before it came;
// one that is taken twice; one that came before another and is taken after it, or never, though the other is; and a finding
// that the queue is empty, at all times of which some element must have been in it. A history of known outcomes without any of
// them is legal.
//
// An element of unknown outcome that was not taken can be left out: it only stands in the way of others. One that was taken
// came. A taking of unknown outcome may have taken any element that was not taken otherwise, or none. It never ends, so no other
// call has to come after it, and it is of use only for elements that have to be gone:
//
//   - by the end of a taking, those that came before what that took. The later such an element came, the later it may go, so
//     elements in the order of the ends of their putting and takings in the order of their begins fit if anything does: until each
//     such time, as many takings must have begun as elements must be gone (Hall's condition, as what must be gone is a beginning of
//     that order).
//   - by the instant at which the queue was found empty, those whose putting had ended before it. They are a beginning of the same
//     order, so if until that instant as many takings had begun as there are such elements, the longer of two beginnings is
//     gone at any time, and both demands are met. An emptiness can so be judged alone: it needs one instant that is in no stay of
//     an element taken by a known call, and that has so many takings before it.

// An element is when it was put into the queue and taken from it.
type element struct{ put, take int32 } // positions; take is none when no call took it

// queue decides a queue, or cannot tell when an element was put into it twice, or takings of unknown outcome matter.
func (p part) queue() (Verdict, *CallViolation) {
	var elements []element
	number := make(map[string]int32)
	unique := true
	var empties, wild []int32 // found nothing; of unknown outcome
	for i := range p.at {
		switch c := p.call(int32(i)); {
		case c.Kind == Enqueue:
			if _, twice := number[c.Value]; twice {
				unique = false
			}
			number[c.Value] = int32(len(elements))
			elements = append(elements, element{int32(i), none})
		case c.Unknown:
			wild = append(wild, int32(i))
		}
	}
	for i := range p.at {
		c := p.call(int32(i))
		switch {
		case c.Kind != Dequeue || c.Unknown:
			continue
		case !c.Found:
			empties = append(empties, int32(i))
			continue
		}
		at, ok := number[c.Value]
		switch {
		case !ok:
			v := p.object(ThinAir, int32(i), "no call put it there")
			v.Expected = "an element that was put there"
			return Illegal, v
		case !unique:
		case elements[at].take != none:
			e := elements[at]
			v := p.object(TakenTwice, int32(i), fmt.Sprintf("%s took it too", p.name(e.take)), e.take, e.put)
			v.Expected = "another element"
			return Illegal, v
		case c.End < p.call(elements[at].put).Begin:
			put := elements[at].put
			v := p.object(FutureRead, int32(i), fmt.Sprintf("%s began only after its end", p.name(put)), put)
			v.Expected = "an element that was there before its end"
			v.Cycle = []Edge{p.edge(ReadsFrom, put, int32(i)), p.edge(RealTime, int32(i), put)}
			return Illegal, v
		default:
			elements[at].take = int32(i)
		}
	}
	if !unique {
		return Unknown, nil
	}
	elements = slices.DeleteFunc(elements, func(e element) bool { return e.take == none && p.call(e.put).Unknown })
	var v *CallViolation
	if len(wild) == 0 {
		v = p.overtaken(elements)
	} else {
		taken := slices.DeleteFunc(slices.Clone(elements), func(e element) bool { return e.take == none })
		if v = p.overtaken(taken); v == nil {
			v = p.outOfTakings(elements, taken, wild)
		}
	}
	if v == nil {
		v = p.falseEmpty(elements, empties, wild)
	}
	if v != nil {
		return Illegal, v
	}
	return Legal, nil
}

// outOfTakings gives takings of unknown outcome to the elements that must be gone, and finds one for which none is left.
func (p part) outOfTakings(elements, taken []element, wild []int32) *CallViolation {
	slices.SortStableFunc(taken, func(a, b element) int { return cmp.Compare(p.call(a.put).Begin, p.call(b.put).Begin) })
	soonest := make([]int32, len(taken)) // of the taken from here on, the one that was gone first
	for i := len(taken) - 1; i >= 0; i-- {
		soonest[i] = taken[i].take
		if i+1 < len(taken) && p.call(soonest[i+1]).End < p.call(taken[i].take).End {
			soonest[i] = soonest[i+1]
		}
	}
	type due struct {
		element int
		after   int32 // the taking of a later element, by whose end it must be gone
	}
	var dues []due
	for i, e := range elements {
		if e.take != none {
			continue
		}
		at, _ := slices.BinarySearchFunc(taken, p.call(e.put).end(), func(b element, end int64) int {
			if p.call(b.put).Begin <= end {
				return -1
			}
			return 1
		})
		if at < len(taken) {
			dues = append(dues, due{i, soonest[at]})
		}
	}
	slices.SortStableFunc(dues, func(a, b due) int { return cmp.Compare(p.call(a.after).End, p.call(b.after).End) })
	slices.SortStableFunc(wild, func(a, b int32) int { return cmp.Compare(p.call(a).Begin, p.call(b).Begin) })
	for i, d := range dues {
		if i < len(wild) && p.call(wild[i]).Begin <= p.call(d.after).End {
			continue
		}
		put := elements[d.element].put
		v := p.object(OvertakenHead, d.after, fmt.Sprintf("%s came before it, and no taking is left that could have taken that before", p.name(put)))
		v.Expected = fmt.Sprintf("%q", p.call(put).Value)
		for _, k := range dues[:i+1] {
			v.core(p, elements[k.element].put, k.after)
			for _, e := range taken {
				if e.take == k.after {
					v.core(p, e.put)
				}
			}
		}
		for _, w := range wild {
			if p.call(w).Begin <= p.call(d.after).End {
				v.core(p, w)
			}
		}
		return v
	}
	return nil
}

// taking is when an element can have been taken at the earliest.
func (p part) taking(e element) int64 {
	if e.take == none {
		return math.MaxInt64
	}
	return p.call(e.take).Begin
}

// overtaken finds an element that came before another and is taken only after it.
func (p part) overtaken(elements []element) *CallViolation {
	byEnd, byBegin := slices.Clone(elements), slices.Clone(elements)
	slices.SortStableFunc(byEnd, func(a, b element) int { return cmp.Compare(p.call(a.put).end(), p.call(b.put).end()) })
	slices.SortStableFunc(byBegin, func(a, b element) int { return cmp.Compare(p.call(a.put).Begin, p.call(b.put).Begin) })
	at, latest := 0, -1 // of byEnd, the one that is taken last
	for _, b := range byBegin {
		for at < len(byEnd) && p.call(byEnd[at].put).end() < p.call(b.put).Begin {
			if latest < 0 || p.taking(byEnd[at]) > p.taking(byEnd[latest]) {
				latest = at
			}
			at++
		}
		if b.take == none || latest < 0 || p.call(b.take).end() >= p.taking(byEnd[latest]) {
			continue
		}
		a := byEnd[latest]
		detail := fmt.Sprintf("%s came before it, and was never taken", p.name(a.put))
		cycle := []Edge{p.edge(RealTime, a.put, b.put)}
		others := []int32{a.put, b.put}
		if a.take != none {
			detail = fmt.Sprintf("%s came before it, and was taken only after the end of this call", p.name(a.put))
			cycle = append(cycle, p.edge(RealTime, b.take, a.take))
			others = append(others, a.take)
		}
		v := p.object(OvertakenHead, b.take, detail, others...)
		v.Expected, v.Cycle = fmt.Sprintf("%q", p.call(a.put).Value), cycle
		return v
	}
	return nil
}

// falseEmpty finds a finding of emptiness during which some element is in the queue at every instant.
func (p part) falseEmpty(elements []element, empties, wild []int32) *CallViolation {
	// An element is in the queue for certain after the end of its putting and before the begin of its taking. These are open
	// intervals, so those that only touch leave an instant between them.
	var stays []element
	var left []int32 // the putting of those that no known call took
	for _, e := range elements {
		switch {
		case e.take == none:
			left = append(left, e.put)
		case p.call(e.put).end() < p.taking(e):
			stays = append(stays, e)
		}
	}
	end := func(put int32) int64 { return p.call(put).end() }
	slices.SortStableFunc(stays, func(a, b element) int { return cmp.Compare(end(a.put), end(b.put)) })
	slices.SortStableFunc(left, func(a, b int32) int { return cmp.Compare(end(a), end(b)) })
	slices.SortStableFunc(wild, func(a, b int32) int { return cmp.Compare(p.call(a).Begin, p.call(b).Begin) })
	until := make([]int64, len(stays)) // by stay, how far it and those before it reach
	for i, e := range stays {
		until[i] = p.taking(e)
		if i > 0 {
			until[i] = max(until[i], until[i-1])
		}
	}
	empty := func(at int64) bool { // whether the queue can be empty at this instant
		stay := sort.Search(len(stays), func(i int) bool { return end(stays[i].put) >= at })
		gone := sort.Search(len(left), func(i int) bool { return end(left[i]) >= at })
		return (stay == 0 || until[stay-1] <= at) && gone <= sort.Search(len(wild), func(i int) bool { return p.call(wild[i]).Begin > at })
	}
	// The best instants are those at which something is put for certain only afterwards, and the ends.
	var instants []int64
	for _, e := range elements {
		if at := end(e.put); empty(at) {
			instants = append(instants, at)
		}
	}
	slices.Sort(instants)
	for _, i := range empties {
		c := p.call(i)
		if at, _ := slices.BinarySearch(instants, c.Begin); at < len(instants) && instants[at] <= c.End || empty(c.End) {
			continue
		}
		v := p.object(FalseEmpty, i, "at every instant of the call one of these was in the queue")
		v.Expected = "an element"
		open, reach := false, c.Begin // whether the stays leave an instant
		for _, e := range stays {
			// The stays that matter reach further than those before them.
			if end(e.put) >= c.End || p.taking(e) <= reach {
				continue
			}
			open = open || end(e.put) >= reach
			reach = p.taking(e)
			v.core(p, e.put, e.take)
		}
		if !open && reach > c.End {
			return v
		}
		for k, put := range left {
			if end(put) < c.End && (k == 0 || len(wild) > 0) {
				v.core(p, put)
			}
		}
		for _, w := range wild {
			if p.call(w).Begin <= c.End {
				v.core(p, w)
			}
		}
		return v
	}
	return nil
}
