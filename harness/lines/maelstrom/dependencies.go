package maelstrom

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/linearizability"
)

// The rules of the models that forbid dependencies alone (Adya 1999, section 4.2, as Elle infers them).
const (
	// CircularWrites: transactions overwrite each other in a circle.
	CircularWrites = "G0"
	// IntermediateRead: a transaction read what another one had overwritten itself.
	IntermediateRead = "G1b"
	// CircularInformation: transactions overwrite and read each other in a circle.
	CircularInformation = "G1c"
	// GarbageRead: a transaction read what no transaction wrote.
	GarbageRead = "garbage-read"
	// DuplicateElements: a transaction read a list that has an element twice.
	DuplicateElements = "duplicate-elements"
	// IncompatibleOrder: two transactions read lists of one key of which neither begins as the other.
	IncompatibleOrder = "incompatible-order"
)

// read committed and read uncommitted are decided from who read and overwrote whom. The order of a list's elements is that of the
// longest list read; what no read shows comes behind it. Registers have no order that could be seen: one that goes with who read
// whom exists whenever that has no circle.
type dependencies struct {
	*findings
	history []linearizability.Txn
	dirty   bool
	writer  map[written]int    // who wrote a value
	last    map[written]bool   // whether the value is the last that its transaction wrote to its key
	lists   map[string]longest // by key
	out     [][]dependency
}

type written struct{ key, value string }

type longest struct {
	elements []string
	reader   int
}

// A dependency leads from one transaction to one that comes after it.
type dependency struct {
	to    int
	why   string // in a sentence: "call 3 … call 7"
	write bool   // the later one overwrote the earlier, and else it read it
}

func (f *findings) dependencies(model consistency, history []linearizability.Txn) {
	d := &dependencies{findings: f, history: history, dirty: model.dirty, writer: map[written]int{}, last: map[written]bool{}, lists: map[string]longest{}, out: make([][]dependency, len(history))}
	for i := range history {
		before := map[string]string{}
		for _, op := range history[i].Ops {
			if op.Kind != linearizability.Write && op.Kind != linearizability.ListAppend {
				continue
			}
			if old, has := before[op.Key]; has {
				d.last[written{op.Key, old}] = false
			}
			before[op.Key] = op.Value
			d.writer[written{op.Key, op.Value}] = i
			d.last[written{op.Key, op.Value}] = true
		}
	}
	for i := range history {
		if history[i].Outcome == linearizability.Committed {
			d.reads(i)
		}
	}
	d.orders()
	if circle := d.circle(true); circle != nil {
		d.tell(CircularWrites, circle)
	} else if !d.dirty {
		if circle := d.circle(false); circle != nil {
			d.tell(CircularInformation, circle)
		}
	}
}

// reads asks what a committed transaction read, and where that comes from.
func (d *dependencies) reads(i int) {
	for _, op := range d.history[i].Ops {
		switch op.Kind {
		case linearizability.Read:
			if op.Found {
				d.from(i, op.Key, op.Value, true)
			}
		case linearizability.ListRead:
			seen := map[string]bool{}
			external := len(op.List) // without the transaction's own elements at the end
			for external > 0 && d.writer[written{op.Key, op.List[external-1]}] == i && d.wrote(op.Key, op.List[external-1]) {
				external--
			}
			for at, e := range op.List {
				if seen[e] {
					d.add(DuplicateElements, []int{i}, "%s read the list %s of key %s: expected each element once, found %s twice", d.call(i), listed(op.List), op.Key, e)
				}
				seen[e] = true
				d.from(i, op.Key, e, at == external-1)
			}
			l, has := d.lists[op.Key]
			short, long := op.List, l.elements
			if len(short) > len(long) {
				short, long = long, short
			}
			if !d.dirty && !slices.Equal(short, long[:len(short)]) {
				d.add(IncompatibleOrder, []int{l.reader, i}, "%s read the list %s of key %s: expected one that begins as the other one that was read, or the other way round, found %s by %s",
					d.call(i), listed(op.List), op.Key, listed(l.elements), d.call(l.reader))
			}
			if !has || len(op.List) > len(l.elements) {
				d.lists[op.Key] = longest{op.List, i}
			}
		}
	}
}

func (d *dependencies) wrote(key, value string) bool {
	_, has := d.writer[written{key, value}]
	return has
}

// from asks where one value comes from; when it is the one that was read, and not only an earlier element of the list, its writer
// comes before the reader.
func (d *dependencies) from(i int, key, value string, read bool) {
	w, has := d.writer[written{key, value}]
	switch {
	case !has:
		d.add(GarbageRead, []int{i}, "%s read %s of key %s: expected what a transaction wrote, and none wrote it", d.call(i), value, key)
	case w == i || d.dirty:
	case d.history[w].Outcome == linearizability.Aborted:
		d.add(AbortedRead, []int{w, i}, "%s failed with the definite error %d: expected its write of %s to key %s to be nowhere, and %s read it", d.call(w), d.calls[w].Code, value, key, d.call(i))
	case read && !d.last[written{key, value}]:
		d.add(IntermediateRead, []int{w, i}, "%s read %s of key %s: expected the last that %s wrote to it, and that wrote more", d.call(i), value, key, d.call(w))
	case read:
		d.out[w] = append(d.out[w], dependency{to: i, why: fmt.Sprintf("%s read %s of key %s, which %s wrote", d.call(i), value, key, d.call(w))})
	}
}

// orders adds who overwrote whom: of two elements of a list that stand next to each other, the writer of the first comes before
// that of the second, and the writer of the last one before those whose elements no read shows.
func (d *dependencies) orders() {
	type end struct {
		writer int
		value  string
	}
	ends := map[string]end{}
	shown := map[written]bool{}
	for _, key := range sorted(d.lists) {
		at := end{writer: -1}
		for _, e := range d.lists[key].elements {
			shown[written{key, e}] = true
			w, has := d.writer[written{key, e}]
			if !has || d.history[w].Outcome == linearizability.Aborted {
				continue
			}
			d.overwrites(at.writer, at.value, w, e, key)
			at = end{w, e}
		}
		ends[key] = at
	}
	for i := range d.history {
		if d.history[i].Outcome != linearizability.Committed {
			continue
		}
		for _, op := range d.history[i].Ops {
			if at, has := ends[op.Key]; has && op.Kind == linearizability.ListAppend && !shown[written{op.Key, op.Value}] {
				d.overwrites(at.writer, at.value, i, op.Value, op.Key)
			}
		}
	}
}

func (d *dependencies) overwrites(w int, value string, by int, with, key string) {
	if w >= 0 && w != by {
		d.out[w] = append(d.out[w], dependency{to: by, write: true, why: fmt.Sprintf("%s appended %s to key %s behind %s of %s", d.call(by), with, key, value, d.call(w))})
	}
}

// circle is the shortest circle of dependencies through the first transaction that is in one, or nil: each of its elements leads
// to the next, and the last one to the first.
func (d *dependencies) circle(writesOnly bool) []int {
	for _, start := range d.inCircles(writesOnly) {
		from := map[int]int{start: -1}
		for queue := []int{start}; len(queue) > 0; queue = queue[1:] {
			for _, e := range d.out[queue[0]] {
				if writesOnly && !e.write {
					continue
				}
				if e.to == start {
					var circle []int
					for at := queue[0]; at >= 0; at = from[at] {
						circle = append(circle, at)
					}
					slices.Reverse(circle)
					return circle
				}
				if _, seen := from[e.to]; !seen {
					from[e.to] = queue[0]
					queue = append(queue, e.to)
				}
			}
		}
	}
	return nil
}

// inCircles are the transactions that are left when those that none leads to, or that lead to none, are taken away again and
// again. Not all of them need be in a circle, and without them there is none.
func (d *dependencies) inCircles(writesOnly bool) []int {
	n := len(d.history)
	there, back := make([][]int, n), make([][]int, n)
	for i := range d.out {
		for _, e := range d.out[i] {
			if !writesOnly || e.write {
				there[i] = append(there[i], e.to)
				back[e.to] = append(back[e.to], i)
			}
		}
	}
	left := make([]bool, n)
	for i := range left {
		left[i] = true
	}
	trim(left, there, back)
	trim(left, back, there)
	var out []int
	for i, l := range left {
		if l {
			out = append(out, i)
		}
	}
	return out
}

// trim takes away, again and again, what none that is left leads to.
func trim(left []bool, there, back [][]int) {
	in := make([]int, len(left))
	var gone []int
	for i := range left {
		for _, from := range back[i] {
			if left[from] {
				in[i]++
			}
		}
		if left[i] && in[i] == 0 {
			gone = append(gone, i)
		}
	}
	for ; len(gone) > 0; gone = gone[1:] {
		left[gone[0]] = false
		for _, to := range there[gone[0]] {
			if in[to]--; in[to] == 0 && left[to] {
				gone = append(gone, to)
			}
		}
	}
}

func (d *dependencies) tell(rule string, circle []int) {
	var why []string
	for i, at := range circle {
		next := circle[(i+1)%len(circle)]
		for _, e := range d.out[at] {
			if e.to == next && (e.write || rule != CircularWrites) {
				why = append(why, e.why)
				break
			}
		}
	}
	calls := slices.Sorted(slices.Values(circle))
	d.add(rule, calls, "expected an order in which a transaction comes after those that it read and overwrote, found a circle: %s", strings.Join(why, "; "))
}

func listed(elements []string) string { return "[" + strings.Join(elements, " ") + "]" }
