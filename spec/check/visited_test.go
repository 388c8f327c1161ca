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
	// Thirty-two states at a time want the same place of the table, the last ones of it among them.
	state := func(i uint64) uint64 { return (i+1)<<40 | i>>5*640 + firstSlots - 3 }
	v.insert(state(0), state(0))
	v.settle(state(0))
	n := uint64(1)
	for ; v.insert(state(n), state(0)) == added; n++ {
		v.settle(state(n))
	}
	require.Equal(t, v.capacity(), n)
	require.Equal(t, known, v.insert(state(n-1), state(0)), "what is there is found however full it is")
	v.grow()
	for i := range n {
		require.Equal(t, known, v.insert(state(i), state(0)))
		require.Equal(t, state(0), v.parentOf(state(i)))
	}
	require.Equal(t, added, v.insert(state(n), state(0)))
	require.Equal(t, n+1, v.count.Load())
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
