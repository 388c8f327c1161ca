package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheSmallestFailureOfASignatureIsKept(t *testing.T) {
	s := begun(t, nil)
	put := func(number uint64, faults int) Failure {
		f, c := aFailure("durability: a cut", number, faults)
		page := Content{"page", ".html", []byte("<p>" + f.Sentence)}
		known, err := s.PutFailure(f, c, page)
		require.NoError(t, err)
		all, err := s.Failures()
		require.NoError(t, err)
		require.Equal(t, []Failure{known}, all)
		left, err := os.ReadDir(filepath.Join(s.Folder(), failuresFolder))
		require.NoError(t, err)
		require.Len(t, left, 3, "its record and two files")
		for _, file := range known.Files {
			_, err := s.FailureFile(file)
			require.NoError(t, err)
		}
		return known
	}
	first := put(20, 5)
	require.Equal(t, []any{uint64(1), uint64(20), uint64(20), uint64(20)}, []any{first.Times, first.First, first.Last, first.Number})
	larger := put(30, 6)
	require.Equal(t, first.Files, larger.Files)
	require.Equal(t, []any{uint64(2), uint64(20), uint64(30), uint64(20), 5}, []any{larger.Times, larger.First, larger.Last, larger.Number, larger.Faults})
	smaller := put(10, 2)
	require.NotEqual(t, first.Files, smaller.Files)
	require.Equal(t, []any{uint64(3), uint64(10), uint64(30), uint64(10), "lost at 10"}, []any{smaller.Times, smaller.First, smaller.Last, smaller.Number, smaller.Sentence})
	require.Equal(t, []uint64{10, 20, 30}, smaller.Numbers)
	require.Equal(t, smaller, put(10, 2), "a line that is told of again is counted once")
	// The same line, once it was made smaller in the background.
	smallest := put(10, 1)
	require.Equal(t, 1, smallest.Faults)
	require.Equal(t, smallest, put(10, 2), "and told of once more as it was")
}

func TestALineIsCountedOnceHoweverManyThereAre(t *testing.T) {
	var f Failure
	for n := range uint64(1000) {
		f.count(n)
		f.count(n)
		f.count(n / 2)
	}
	require.Equal(t, []any{uint64(1000), uint64(0), uint64(999), maxFailureNumbers}, []any{f.Times, f.First, f.Last, len(f.Numbers)})
}

// A failure that was mended stays, with the last build that showed it.
func TestAFailureStaysAsARegression(t *testing.T) {
	s := begun(t, nil)
	require.ErrorIs(t, s.Tried("frogs", Try{}, true), fs.ErrNotExist)
	f, c := aFailure("durability: a cut", 3, 1)
	_, err := s.PutFailure(f, c)
	require.NoError(t, err)
	one, two := Try{"b1", "c1", 1}, Try{"b2", "c2", 2}
	require.NoError(t, s.Tried(f.Signature, one, true))
	require.NoError(t, s.Tried(f.Signature, two, false))
	f, c = aFailure("durability: a cut", 4, 9)
	_, err = s.PutFailure(f, c)
	require.NoError(t, err)
	all, err := s.Failures()
	require.NoError(t, err)
	require.Equal(t, []*Try{&one, &two}, []*Try{all[0].LastReproduced, all[0].LastTried})
}

func TestAFileOfAFailureHasANameOfItsFolder(t *testing.T) {
	s := begun(t, nil)
	f, c := aFailure("durability: a cut", 3, 1)
	for _, end := range []string{"", "fgt", "./x", `.\x`, failureEnd} {
		c.End = end
		_, err := s.PutFailure(f, c)
		var limit *LimitError
		require.ErrorAs(t, err, &limit, end)
	}
	all, err := s.Failures()
	require.NoError(t, err)
	require.Empty(t, all)
}
