package subjects_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/subjects"
)

// Every large world can be read, is written for TLC as any other, breaks no guard, and has a name of its own.
func TestLargeWorldsAreWorlds(t *testing.T) {
	for _, s := range subjects.All() {
		require.NotEmpty(t, s.Large, s.Name)
		names := map[string]bool{}
		for _, w := range s.Worlds {
			names[w.Name] = true
		}
		for _, w := range s.Large {
			require.False(t, names[w.Name], w.Name)
			names[w.Name] = true
			require.Empty(t, w.Violates, w.Name)
			m, err := s.Read(w.Constants)
			require.NoError(t, err, w.Name)
			_, live := m.(check.Live)
			require.True(t, !live || len(m.(check.Live).Properties()) == 0, "%s: progress is not for walks", w.Name)
			_, err = s.Config(w.Constants)
			require.NoError(t, err, w.Name)
			found, err := s.Lookup(w.Name)
			require.NoError(t, err)
			require.Equal(t, w, found)
		}
	}
}
