package coverage

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func universe(t testing.TB, names ...string) *Universe {
	u, err := Enumerate(t.Context(), names...)
	require.NoError(t, err)
	return u
}

// The sizes of spaces are the denominators of every percentage: the states are TLC's, and what they are does not change from one process
// to the next. Where a change of the model changes them, stores say that their coverage is of another one.
func TestTheSmallWorldsAreWhatTheyWere(t *testing.T) {
	u := universe(t, Small()...)
	var sizes []uint64
	for _, s := range u.Spaces() {
		sizes = append(sizes, s.Size)
	}
	require.Equal(t, []uint64{1937, 6542, 100, 4547, 11869, 100, 1427, 4977, 56, 836, 1835, 73}, sizes)
	require.Equal(t, "2bad5d37ef825f19", u.Digest())
	require.Equal(t, Small(), u.Worlds())
	require.Equal(t, "transitions of undo", u.Spaces()[4].String())
	require.NotEqual(t, u.SpaceDigest(0), u.SpaceDigest(1))
	other := universe(t, "undo", "tiny-sym")
	require.Equal(t, u.SpaceDigest(0), other.SpaceDigest(3), "a space is the same wherever it stands")
	require.NotEqual(t, u.Digest(), other.Digest())
}

func TestAWorldThatIsNotThereIsRefused(t *testing.T) {
	_, err := Enumerate(t.Context(), "undo", "atlantis")
	var e *WorldError
	require.ErrorAs(t, err, &e)
	require.Equal(t, "atlantis", e.World)
	require.ErrorContains(t, err, "tiny-sym")
	none := universe(t)
	require.Empty(t, none.Spaces())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Enumerate(ended, "undo")
	require.ErrorIs(t, err, context.Canceled)
}

// What no run reached is listed with a way there that the model takes, and what one reached is not listed.
func TestWhatIsNotReachedIsListedWithAShortestSchedule(t *testing.T) {
	u := universe(t, "tiny-sym")
	seen := NewSeen(u.Spaces())
	deepest := 0
	for space, size := range u.worlds[0].sizes() {
		all := u.Unvisited(seen, space, int(size)+1)
		require.Len(t, all, int(size))
		before := -1
		for i, x := range all {
			require.Equal(t, uint64(i), x.Index)
			require.Equal(t, u.Spaces()[space].String(), x.Space)
			if space == 0 {
				require.GreaterOrEqual(t, len(x.Schedule), before, "those with the shortest schedules first")
				before = len(x.Schedule)
				deepest = max(deepest, before)
			} else {
				require.NotEmpty(t, x.Schedule)
			}
		}
		_, _, err := seen.Add(Features{At(space, 3), At(space, 5)})
		require.NoError(t, err)
		left := u.Unvisited(seen, space, int(size))
		require.Len(t, left, int(size)-2)
		require.Equal(t, uint64(6), left[4].Index)
		require.Len(t, u.Unvisited(seen, space, 7), 7)
	}
	require.Equal(t, 20, deepest) // firstgap check volume --world tiny-sym: 21 levels
	pair := u.Unvisited(NewSeen(u.Spaces()), 2, 100)
	for _, x := range pair {
		n := len(x.Schedule)
		require.GreaterOrEqual(t, n, 2)
		before, after, found := "", "", false
		for _, a := range u.worlds[0].actions {
			for _, b := range u.worlds[0].actions {
				if x.What == a+", "+b {
					before, after, found = a, b, true
				}
			}
		}
		require.True(t, found, x.What)
		require.Contains(t, x.Schedule[n-2], before)
		require.Contains(t, x.Schedule[n-1], after)
	}
}
