package check

import (
	"fmt"
	"slices"
)

// The persistent sets of a Plain are strong stubborn sets (Valmari, 1989) of its declared footprints: from a possible move on, a set
// takes in every move that reads or writes what a possible one of the set writes, or writes what it reads; and for one that is
// not possible every move that writes what it reads. So no move outside changes what one of the set does, or makes one
// possible. One move that is possible must write nothing that an invariant reads; for this one, a violation before it is one after it.

// footprints are the declarations of a Plain, as they bear on each other. Moves go by their place in Moves.
type footprints struct {
	dependent [][]int // the others that it does not commute with
	enablers  [][]int // those that write what it reads
	hides     []bool  // it writes what an invariant reads
}

// footprints returns nil where something is not declared, and with a state constraint: it may cut off a state that one order of two
// steps comes through, and not the one of the other.
func (m plainModel[S]) footprints() *footprints {
	if m.Rises == nil || m.Within != nil {
		return nil
	}
	var visible []string
	for _, x := range m.Must {
		if x.Reads == nil {
			return nil
		}
		visible = append(visible, x.Reads...)
	}
	f := &footprints{}
	for i, a := range m.Moves {
		if a.Reads == nil || a.Writes == nil {
			return nil
		}
		var dependent, enablers []int
		for j, b := range m.Moves {
			writes := overlap(b.Writes, a.Reads)
			if i != j && writes {
				enablers = append(enablers, j)
			}
			if i != j && (writes || overlap(b.Writes, a.Writes) || overlap(b.Reads, a.Writes)) {
				dependent = append(dependent, j)
			}
		}
		f.dependent, f.enablers = append(f.dependent, dependent), append(f.enablers, enablers)
		f.hides = append(f.hides, overlap(a.Writes, visible))
	}
	return f
}

// overlap says whether two footprints have a part in common.
func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(part string) bool { return slices.Contains(b, part) })
}

// Reduced returns the model by its footprints, where they are declared.
func (m plainModel[S]) Reduced() (Model, bool) {
	f := m.footprints()
	return reducedPlain[S]{m, f}, f != nil
}

type reducedPlain[S any] struct {
	plainModel[S]
	footprints *footprints
}

func (m reducedPlain[S]) Reductions() []string {
	return append(m.plainModel.Reductions(), "partial order: persistent sets by the footprints of the moves")
}

func (m reducedPlain[S]) NewMachine() Machine {
	return &reducedPlainMachine[S]{
		plainMachine: m.plainModel.NewMachine().(*plainMachine[S]), footprints: m.footprints, steps: make([][]plainStep[S], len(m.Moves)),
	}
}

// A plainStep is what a move leads to.
type plainStep[S any] struct {
	next S
	args []int
}

type reducedPlainMachine[S any] struct {
	*plainMachine[S]
	footprints *footprints
	steps      [][]plainStep[S] // of each move
	narrowed   bool
}

func (m *reducedPlainMachine[S]) Narrowed() bool { return m.narrowed }
func (m *reducedPlainMachine[S]) Whole() Machine { return m.plainMachine }

// Next takes the smallest persistent set, the first of these.
func (m *reducedPlainMachine[S]) Next(visit func(action, times int) bool) {
	possible := m.find()
	var smallest []int
	for _, seed := range possible {
		set := m.persistent(seed)
		if set != nil && len(set) < len(possible) && (smallest == nil || m.count(set) < m.count(smallest)) {
			smallest = set
		}
	}
	m.narrowed = smallest != nil
	if m.narrowed {
		possible = smallest
	}
	m.take(possible, visit)
}

// Sets takes all of them, also those that are no smaller than all that is possible.
func (m *reducedPlainMachine[S]) Sets(visit func(set, action, times int)) {
	n := 0
	for _, seed := range m.find() {
		if set := m.persistent(seed); set != nil {
			m.take(set, func(action, times int) bool { visit(n, action, times); return true })
			n++
		}
	}
}

// find asks all moves for their steps, and returns those that have any.
func (m *reducedPlainMachine[S]) find() (possible []int) {
	for i := range m.steps {
		m.steps[i] = m.steps[i][:0]
		m.move = i
		m.model.Moves[i].Next(m.state, func(next S, args ...int) { m.steps[i] = append(m.steps[i], plainStep[S]{next, args}) })
		if len(m.steps[i]) > 0 {
			possible = append(possible, i)
		}
	}
	return possible
}

// count returns how many steps a set of moves has.
func (m *reducedPlainMachine[S]) count(set []int) (n int) {
	for _, i := range set {
		n += len(m.steps[i])
	}
	return n
}

// persistent returns the moves that are possible of the smallest persistent set with a possible move, nil where each of them may
// hide a violation.
func (m *reducedPlainMachine[S]) persistent(seed int) (set []int) {
	all, in := []int{seed}, make([]bool, len(m.steps))
	in[seed] = true
	hides := true
	for k := 0; k < len(all); k++ {
		i := all[k]
		more := m.footprints.enablers[i]
		if len(m.steps[i]) > 0 {
			more = m.footprints.dependent[i]
			set = append(set, i)
			hides = hides && m.footprints.hides[i]
		}
		for _, j := range more {
			if !in[j] {
				in[j] = true
				all = append(all, j)
			}
		}
	}
	if hides {
		return nil
	}
	slices.Sort(set)
	return set
}

// take takes the steps of moves that were found.
func (m *reducedPlainMachine[S]) take(moves []int, visit func(action, times int) bool) {
	before := m.state
	rises := m.model.Rises(before)
	for _, i := range moves {
		for _, s := range m.steps[i] {
			m.state, m.move, m.args = s.next, i, s.args
			if after := m.model.Rises(s.next); after <= rises {
				panic(fmt.Sprintf("check: move %s leads from %d to %d by Rises; expected a larger number", m.Step(), rises, after))
			}
			if !visit(i, 1) {
				return
			}
			m.state = before
		}
	}
}
