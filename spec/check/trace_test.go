package check

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// forbidden is a grid in which one point must not be reached.
type forbidden struct {
	grid
	point [3]int
}

func (m forbidden) NewMachine() Machine {
	return &forbiddenMachine{m.grid.NewMachine().(*gridMachine), m.point}
}

type forbiddenMachine struct {
	*gridMachine
	point [3]int
}

func (m *forbiddenMachine) Broken() int {
	if m.at == m.point {
		return 0
	}
	return -1
}

func level(p [3]int) int { return p[0] + p[1] + p[2] }

// byDefinition returns the way to a point that a counterexample has by its definition: backwards, always to the predecessor with the smallest
// fingerprint.
func byDefinition(g grid, end [3]int) []string {
	var names []string
	for at := end; level(at) > 0; {
		best, before, axis := uint64(0), at, -1
		for i := range at {
			if at[i] == 0 {
				continue
			}
			from := at
			from[i]--
			m := gridMachine{grid: g, at: from}
			if f := hashOf(m.Encode(nil)); axis < 0 || f < best {
				best, before, axis = f, from, i
			}
		}
		names = append([]string{g.Actions()[axis]}, names...)
		at = before
	}
	return names
}

// A counterexample is the one that its definition says, though the set of states knows no predecessors, and with any number of workers;
// also when the search was resumed.
func TestTraceByDefinition(t *testing.T) {
	g := grid{size: 40, limit: 1000}
	for _, end := range [][3]int{{1, 0, 0}, {3, 2, 4}, {40, 0, 0}, {20, 11, 13}, {9, 40, 30}} {
		want := byDefinition(g, end)
		folder := t.TempDir()
		_, err := Run(t.Context(), forbidden{g, end}, Options{Folder: folder, Depth: max(level(end)/2, 1)})
		require.NoError(t, err)
		for _, o := range []Options{{Workers: 1}, {Workers: 2}, {Workers: 5}, {Workers: 2, Folder: folder, Resume: true}} {
			r, err := Run(t.Context(), forbidden{g, end}, o)
			require.NoError(t, err)
			require.Equal(t, Violation, r.Verdict)
			var names []string
			for _, step := range r.Trace {
				names = append(names, step.Action)
			}
			require.Equal(t, want, names)
		}
		requireEmpty(t, folder)
	}
}

// leaf is a tree of which one state must not be reached.
type leaf struct {
	tree
	at int
}

func (m leaf) NewMachine() Machine { return &leafMachine{treeMachine{size: m.size}, m.at} }

type leafMachine struct {
	treeMachine
	bad int
}

func (m *leafMachine) Broken() int {
	if m.at == m.bad {
		return 0
	}
	return -1
}

func (m *leafMachine) Step() string { return []string{"left", "right"}[m.at%2] }

// The way is found with the levels on disk, too, where the first search had them there.
func TestTraceWhenShortOfMemory(t *testing.T) {
	m := leaf{tree{1<<16 - 1}, 0b1011_0011_1000_1101}
	var f files
	r, err := Run(t.Context(), m, Options{Memory: 4 << 20, create: f.create})
	require.NoError(t, err)
	require.Equal(t, Violation, r.Verdict)
	require.Len(t, r.Trace, 15)
	at := 1
	for _, step := range r.Trace {
		at *= 2
		if step.Action == "right" {
			at++
		}
	}
	require.Equal(t, m.at, at)
	require.Greater(t, len(f.made), 1)
	for _, path := range f.made {
		require.NoFileExists(t, path)
	}
}

// When no step leads to what was found, the trace is lost and says so; it does not make one up.
func TestLostTrace(t *testing.T) {
	m := grid{size: 9, limit: 2}
	s := &search{model: m, visited: newVisited(), initial: hashOf(m.NewMachine().Encode(nil))}
	s.visited.insert(s.initial)
	s.visited.insert(9 << 40)
	_, err := s.trace(finding{fingerprint: 9 << 40, level: 4})
	var lost *LostTraceError
	require.ErrorAs(t, err, &lost)
	require.Equal(t, "Near", lost.Invariant)
	s.slabs.close()
}

// Of all predecessors on the level before, the smallest is kept, in any order of their coming; those that come later are of no level before.
func TestLinksKeepTheSmallestPredecessor(t *testing.T) {
	v := newVisited()
	for n := range uint64(30_000) { // so that there are shards of several sizes
		v.restore(spread(n) &^ (1 << 63))
	}
	small, middle, large, child := uint64(1)<<40, uint64(2)<<40, uint64(3)<<58, uint64(7)<<40
	for _, state := range []uint64{small, middle, large, child} {
		require.True(t, v.restore(state))
	}
	l, err := newLinks(v, "")
	require.NoError(t, err)
	defer l.free()
	slot := func(state uint64) uint32 {
		at, ok := l.slot(state)
		require.True(t, ok)
		require.Equal(t, state, l.fingerprint(at))
		return at
	}
	require.NoError(t, v.each(func(f uint64) error { slot(f); return nil }))
	parent := func() uint64 { return l.fingerprint(l.parents[slot(child)] - 1) }
	_, ok := l.slot(12345)
	require.False(t, ok)
	require.True(t, l.note(slot(middle), slot(child)))
	require.Equal(t, middle, parent())
	require.False(t, l.note(slot(large), slot(child)))
	require.Equal(t, middle, parent(), "a larger one")
	require.False(t, l.note(slot(small), slot(child)))
	require.Equal(t, small, parent())

	require.True(t, l.note(slot(child), slot(middle)))
	l.settle()
	require.False(t, l.note(slot(small), slot(middle)), "a smaller one, from the level that is being found")
	require.Equal(t, child, l.fingerprint(l.parents[slot(middle)]-1))
}

// One of many goroutines is told that a state was not reached before, and all together keep the smallest predecessor.
func TestLinksFromManyGoroutines(t *testing.T) {
	v := newVisited()
	const states, goroutines = 500, 8
	all := several(states, spread)
	for _, state := range all {
		v.restore(state)
	}
	l, err := newLinks(v, "")
	require.NoError(t, err)
	smallest, _ := l.slot(all[0])
	for _, state := range all {
		if at, _ := l.slot(state); state < l.fingerprint(smallest) {
			smallest = at
		}
	}
	var reached atomic.Int64
	var done sync.WaitGroup
	for g := range goroutines {
		done.Go(func() {
			for _, child := range all {
				to, _ := l.slot(child)
				for i := range all {
					from, _ := l.slot(all[(i+g*61)%states])
					if l.note(from, to) {
						reached.Add(1)
					}
				}
			}
		})
	}
	done.Wait()
	require.EqualValues(t, states, reached.Load())
	for _, child := range all {
		to, _ := l.slot(child)
		require.Equal(t, smallest+1, l.parents[to])
	}
}
