package pool_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/pool"
)

// naive is a pool that searches: what each key was used at, and the victim by looking at all.
type naive struct {
	used   map[int]int
	pinned map[int]int
	uses   int
}

func (n *naive) use(k int) { n.uses++; n.used[k] = n.uses }

func (n *naive) shrink(most int, may func(int) bool) int {
	gone := 0
	for len(n.used) > most {
		victim := -1
		for k := range n.used {
			if n.pinned[k] == 0 && may(k) && (victim < 0 || n.used[k] < n.used[victim]) {
				victim = k
			}
		}
		if victim < 0 {
			break
		}
		delete(n.used, victim)
		gone++
	}
	return gone
}

// The frame that goes is the one that a search of all of them finds, at any uses and pins.
func TestTheVictimIsTheOneThatASearchFinds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		p := pool.New[int, int]()
		n := &naive{used: map[int]int{}, pinned: map[int]int{}}
		for range 200 {
			k := random.IntN(12)
			f := p.Find(k)
			_, there := n.used[k]
			require.Equal(t, there, f != nil)
			switch op := random.IntN(5); {
			case f == nil:
				require.Equal(t, k, p.Add(k, k).Value)
				n.use(k)
			case op == 0:
				f.Pin()
				n.pinned[k]++
			case op == 1 && f.Pinned():
				f.Unpin()
				n.pinned[k]--
			default:
				p.Use(f)
				n.use(k)
			}
			if random.IntN(4) == 0 {
				most, odd := random.IntN(8), random.IntN(3)
				may := func(k int) bool { return k%3 != odd }
				require.Equal(t, n.shrink(most, may), p.Shrink(most, may))
			}
			want := make([]int, 0, len(n.used))
			for k := range n.used {
				want = append(want, k)
			}
			slices.SortFunc(want, func(a, b int) int { return n.used[b] - n.used[a] })
			require.Equal(t, want, slices.AppendSeq([]int{}, p.All()))
			require.Equal(t, len(want), p.Len())
		}
	}
}

// Added again, a key has one frame, and the old one is no victim any more.
func TestAKeyHasOneFrame(t *testing.T) {
	p := pool.New[string, int]()
	p.Add("a", 1)
	p.Add("b", 2)
	p.Add("a", 3)
	require.Equal(t, []int{3, 2}, slices.Collect(p.All()))
	require.Equal(t, 1, p.Shrink(1, func(int) bool { return true }))
	require.Equal(t, 3, p.Find("a").Value)
	require.Nil(t, p.Find("b"))
}

func TestAFrameIsUnpinnedNoOftenerThanPinned(t *testing.T) {
	f := pool.New[int, int]().Add(1, 1)
	f.Pin()
	f.Unpin()
	require.Panics(t, f.Unpin)
}
