package linearizability

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
)

// Counters to which all calls add the same, and mutexes, are decided by one walk in time.
//
// At any point the calls that may come next are those that began before the first end among the calls still to come. A read
// that fits there changes nothing, so it is placed at once. Otherwise some call that changes the key must come next, and all
// that can have the same effect: one more was added, or the mutex changes hands. Among them the one that ends first is as good
// as any: if a legal order places another one there, the two can change places, as the one that now stands later has a later
// end. A call of unknown outcome never ends, so it comes last, and is used only when no other one is left. The walk so either
// ends with a legal order or shows that there is none.

// A walk places the calls of a key one after another.
type walk struct {
	part
	model   Model
	arrived int
	byBegin []int32
	byEnd   []int32 // those of known outcome
	ended   int     // of byEnd, how many are known to be placed
	placed  []bool
	waiting map[cell]*ends // by what it needs to see, the reads that may come next
	changes [2]*ends       // the calls that may come next and change the key: Add, or Acquire and Release
	state   cell
	step    int64
}

// ends is a heap of calls by their ends.
type ends struct {
	part
	calls []int32
}

func (e *ends) Len() int { return len(e.calls) }
func (e *ends) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(e.call(e.calls[i]).end(), e.call(e.calls[j]).end()), cmp.Compare(e.calls[i], e.calls[j])) < 0
}
func (e *ends) Swap(i, j int) { e.calls[i], e.calls[j] = e.calls[j], e.calls[i] }
func (e *ends) Push(x any)    { e.calls = append(e.calls, x.(int32)) }
func (e *ends) Pop() any {
	last := e.calls[len(e.calls)-1]
	e.calls = e.calls[:len(e.calls)-1]
	return last
}

// greedy decides a counter or mutex, or cannot tell when what is added differs.
func (p part) greedy(model Model) (Verdict, *CallViolation) {
	w := walk{part: p, model: model, placed: make([]bool, len(p.at)), waiting: make(map[cell]*ends), state: model.start(nil)}
	first := true
	for i := range p.at {
		c := p.call(int32(i))
		if c.Kind == Add {
			n := number(c.Value)
			if !first && n != w.step {
				return Unknown, nil
			}
			first, w.step = false, n
		}
		w.byBegin = append(w.byBegin, int32(i))
		if !c.Unknown {
			w.byEnd = append(w.byEnd, int32(i))
		}
	}
	slices.SortStableFunc(w.byBegin, func(a, b int32) int { return cmp.Compare(p.call(a).Begin, p.call(b).Begin) })
	slices.SortStableFunc(w.byEnd, func(a, b int32) int { return cmp.Compare(p.call(a).End, p.call(b).End) })
	w.changes = [2]*ends{{part: p}, {part: p}}
	for {
		for w.ended < len(w.byEnd) && w.placed[w.byEnd[w.ended]] {
			w.ended++
		}
		if w.ended == len(w.byEnd) {
			return Legal, nil
		}
		due := w.byEnd[w.ended]
		for w.arrived < len(w.byBegin) && p.call(w.byBegin[w.arrived]).Begin <= p.call(due).End {
			w.arrive(w.byBegin[w.arrived])
			w.arrived++
		}
		seen := cell{value: w.state.value}
		if reads := w.waiting[seen]; reads != nil {
			for _, i := range reads.calls {
				w.placed[i] = true
			}
			delete(w.waiting, seen)
			continue
		}
		kind := 0
		if w.state.found {
			kind = 1
		}
		if w.changes[kind].Len() == 0 {
			return Illegal, w.stuck(due)
		}
		i := heap.Pop(w.changes[kind]).(int32)
		w.placed[i] = true
		w.state, _ = model.apply(w.state, p.call(i))
		w.state.done = 0
	}
}

func (w *walk) arrive(i int32) {
	c := w.call(i)
	switch c.Kind {
	case Get:
		wants := cell{value: fmt.Sprint(number(c.Value))}
		if w.waiting[wants] == nil {
			w.waiting[wants] = &ends{part: w.part}
		}
		w.waiting[wants].calls = append(w.waiting[wants].calls, i)
	case Release:
		heap.Push(w.changes[1], i)
	default:
		heap.Push(w.changes[0], i)
	}
}

// stuck is the objection to the call that must come by now and cannot.
func (w *walk) stuck(due int32) *CallViolation {
	var before []int32
	for i := range w.at {
		if w.call(int32(i)).Begin <= w.call(due).End {
			before = append(before, int32(i))
		}
	}
	if w.model == ModelMutex {
		state := "free"
		if w.state.found {
			state = "held"
		}
		v := w.object(HeldTwice, due, fmt.Sprintf("the mutex is %s by then, and no call is left that could change it", state), before...)
		return v
	}
	v := w.object(WrongCount, due, "", before...)
	v.Expected = "a sum of what was added, in an order with the other reads"
	return v
}
