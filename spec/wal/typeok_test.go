package wal

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// No broken variant breaks TypeOK, so it is fed states that no behaviour has.
func TestTypeOKObjects(t *testing.T) {
	m := &model{World: World{MaxLSN: 3}}
	require.True(t, m.typeOK(initial))
	for why, breakIt := range map[string]func(*State){
		"a log that is too long":                   func(s *State) { s.End = 4 },
		"more on disk than was written":            func(s *State) { s.Flushed = 1 },
		"more dropped than is on disk":             func(s *State) { s.Low, s.End = 1, 1 },
		"a crash that left what is not on disk":    func(s *State) { s.Mark, s.Redone, s.End = 1, 1, 1 },
		"more redone than the crash left":          func(s *State) { s.Redone, s.Recovering = 1, true },
		"a recovery that ended before all is done": func(s *State) { s.Mark, s.Flushed, s.End = 1, 1, 1 },
	} {
		s := initial
		breakIt(&s)
		require.False(t, m.typeOK(s), why)
	}
}
