package labs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A writer of the contract alone, without a tree, a cache, scans and all else that lab 4 does not ask for, scores what ours does.
func TestAPlainWriterScoresFullMarks(t *testing.T) {
	l, err := Numbered(4)
	require.NoError(t, err)
	for i := range *secrets {
		score, lost := graded(&l, newPlain, secretOf(i), Options{})
		require.Empty(t, lost, "secret %d", i)
		require.Equal(t, l.Most(), score)
	}
}
