package reader

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// No broken variant breaks TypeOK, so it is fed states that no behaviour has.
func TestTypeOKObjects(t *testing.T) {
	m := &model{World: World{MaxEpoch: 2, MaxLSN: 2, Readers: 1}}
	fine := func() State {
		s := State{Newest: 1}
		s.Epochs[0].Log[0] = Record{Epoch: 1}
		s.Readers[0].Line = 1
		return s
	}
	require.True(t, m.typeOK(fine()))
	for why, breakIt := range map[string]func(*State){
		"a base beyond the log":                    func(s *State) { s.Epochs[0].Base = 2 },
		"a VDL beyond the log":                     func(s *State) { s.Epochs[0].VDL = 2 },
		"a record of its own that it says it kept": func(s *State) { s.Epochs[0].Base = 1 },
		"another writer's record that it wrote":    func(s *State) { s.Epochs[0].Log[0].Epoch = 2 },
		"a writer too many":                        func(s *State) { s.Newest = 3 },
		"a reader of a writer that there is not":   func(s *State) { s.Readers[0].Line = 2 },
	} {
		s := fine()
		breakIt(&s)
		require.False(t, m.typeOK(s), why)
	}
}
