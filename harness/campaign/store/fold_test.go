package store

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
)

// However lines are cut into parts, the folds of the parts join to the fold of all, also when they come out of a file.
func TestFoldsOfPartsJoinToThatOfAll(t *testing.T) {
	h := toy()
	require.NoError(t, h.complete())
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		lines := made(h, r.IntN(400), seed)
		want := folded(t, &h, lines)
		all := h.NewFold(0)
		for at := 0; at < len(lines); {
			to := min(at+r.IntN(120), len(lines))
			part := h.NewFold(uint64(at))
			for i := range lines[at:to] {
				require.NoError(t, part.Add(&lines[at+i]))
			}
			text, err := json.Marshal(part)
			require.NoError(t, err)
			var read Fold
			require.NoError(t, json.Unmarshal(text, &read))
			require.NoError(t, all.Join(&read))
			at = to
		}
		require.Equal(t, want, all)
		require.Equal(t, want.Growth(), all.Growth())
	}
}

// The fold's sums are those of the coverage that the lines were made by, at every point.
func TestAFoldSaysWhatTheCoverageSays(t *testing.T) {
	h := toy()
	require.NoError(t, h.complete())
	lines := made(h, 300, 7)
	f := h.NewFold(0)
	seen := coverage.NewSeen(h.Coverage())
	points := 0
	for i := range lines {
		l := &lines[i]
		require.NoError(t, f.Add(l))
		require.NoError(t, seen.Restore(l.New, l.Second, l.Shapes))
		require.Equal(t, []uint64{seen.Reached(0), seen.Reached(1)}, f.Reached)
		require.Equal(t, seen.Reached(coverage.Shapes), f.Shapes)
		require.Equal(t, seen.New(), float64(f.Once())/float64(f.Lines))
		growth := f.Growth()
		last := growth[len(growth)-1]
		require.Equal(t, uint64(i+1), last.Lines)
		require.Equal(t, f.Reached, last.Reached)
		require.Equal(t, l.At, last.At)
		arms := last.Arms[job.Random].Reached + last.Arms[job.Guided].Reached
		require.Equal(t, f.Reached[0]+f.Reached[1], arms)
		points = len(growth)
	}
	require.Greater(t, points, 100)
	require.Less(t, points, 160)
}

func TestPointsOfManyLinesAreFew(t *testing.T) {
	points := 0
	for lines := uint64(1); lines <= 10_000_000; lines++ {
		if hasPoint(lines) {
			points++
		}
	}
	require.Equal(t, 614, points)
}

// What is folded must come next and be of the same header.
func TestWhatIsNotNextIsNotFolded(t *testing.T) {
	h := toy()
	require.NoError(t, h.complete())
	lines := made(h, 20, 3)
	f := folded(t, &h, lines[:10])
	var order *OrderError
	require.ErrorAs(t, f.Add(&lines[11]), &order)
	require.ErrorAs(t, f.Join(h.NewFold(9)), &order)
	other := toy()
	other.Spaces = other.Spaces[:1]
	require.NoError(t, other.complete())
	var limit *LimitError
	require.ErrorAs(t, f.Join(other.NewFold(10)), &limit)
	require.EqualError(t, limit, "campaign's fold: expected 2 spaces, found 1")
	require.Equal(t, folded(t, &h, lines[:10]), f)
}
