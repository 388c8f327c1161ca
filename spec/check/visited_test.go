package check

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// While a level is being found, a state keeps the smallest predecessor whoever comes first; once settled, it
// keeps what it has.
func TestSmallestPredecessorUntilSettled(t *testing.T) {
	v := newVisited()
	require.Equal(t, added, v.insert(100, 100))
	v.settle(100)
	for _, parent := range []uint64{100, 40, 60} {
		require.Equal(t, added, v.insert(parent+1000, 100))
		v.settle(parent + 1000)
	}
	require.Equal(t, added, v.insert(7, 1060))
	require.Equal(t, known, v.insert(7, 1100))
	require.EqualValues(t, 1060, v.parentOf(7))
	require.Equal(t, known, v.insert(7, 1040))
	v.settle(7)
	require.EqualValues(t, 1040, v.parentOf(7))
	require.Equal(t, known, v.insert(7, 100), "a smaller one, too late")
	require.EqualValues(t, 1040, v.parentOf(7))
	require.EqualValues(t, 100, v.parentOf(100), "the initial state is its own")
	require.Zero(t, v.parentOf(12345), "a state that is not there")
}

func TestFullSetGrows(t *testing.T) {
	v := newVisited()
	last := uint64(2)
	require.Equal(t, added, v.insert(last, last))
	v.settle(last)
	for i := uint64(1); v.insert(last+i<<40, last) == added; i++ { // all at one place of the table
		v.settle(last + i<<40)
	}
	n := v.count.Load()
	require.Equal(t, v.capacity(), n)
	require.Equal(t, full, v.insert(9, last))
	require.Equal(t, known, v.insert(last+1<<40, last), "what is there is found however full it is")
	v.grow()
	require.Equal(t, added, v.insert(9, last))
	for i := range n {
		require.Equal(t, known, v.insert(last+i<<40, last))
		require.EqualValues(t, last, v.parentOf(last+i<<40))
	}
}

// Inserting from many goroutines adds each state once, with the smallest of all predecessors.
func TestInsertFromManyGoroutines(t *testing.T) {
	const states, predecessors, goroutines = 2000, 8, 8
	v := newVisited()
	for p := uint64(1); p <= predecessors; p++ {
		v.insert(p<<50, p<<50)
		v.settle(p << 50)
	}
	var fresh [goroutines]int
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range uint64(states) {
				for p := range uint64(predecessors) {
					if v.insert(1000+i, ((p+uint64(g))%predecessors+1)<<50) == added {
						fresh[g]++
					}
				}
			}
		})
	}
	all.Wait()
	sum := 0
	for _, n := range fresh {
		sum += n
	}
	require.Equal(t, states, sum)
	for i := range uint64(states) {
		v.settle(1000 + i)
		require.EqualValues(t, 1<<50, v.parentOf(1000+i))
	}
}
