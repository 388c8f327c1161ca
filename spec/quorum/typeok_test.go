package quorum

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// No broken variant breaks TypeOK, so it is fed states that no behaviour has. Operation 0 is the only write, operation 1
// the only read.
func TestTypeOKObjects(t *testing.T) {
	m := model{World{Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Writers: 1, Writes: 1, Readers: 1, Reads: 1}}
	require.True(t, m.isWrite(0))
	require.False(t, m.isWrite(1))
	require.True(t, m.typeOK(m.init()))
	for why, breakIt := range map[string]func(*State){
		"an operation before itself":                 func(s *State) { s.Ops[0].Before = 1 },
		"an operation before it that has not ended":  func(s *State) { s.Ops[0].Before = 2 },
		"a write that has a version before it asked": func(s *State) { s.Ops[0].Count = 1 },
		"a write that stores without a version":      func(s *State) { s.Ops[0].Stage = Storing },
		"a read that has a value before it asked":    func(s *State) { s.Ops[1].Value = Initial },
		"an acknowledgement while nobody stores":     func(s *State) { s.Replicas[2].Stored = 1 },
	} {
		s := m.init()
		breakIt(&s)
		require.False(t, m.typeOK(s), why)
	}
}
