package volume

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// No broken variant breaks TypeOK, so it is fed states that no behaviour has.
func TestTypeOKObjects(t *testing.T) {
	written := func() *State {
		s, err := NewState(World{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 1, Txns: 1, MaxLSN: 2, MaxEpoch: 2})
		require.NoError(t, err)
		require.Empty(t, s.Write(1, 1, 0, true))
		_, broken := s.Broken()
		require.False(t, broken)
		return s
	}
	for why, breakIt := range map[string]func(*State){
		"a base beyond the log":                    func(s *State) { s.writers[0].base = 2 },
		"a VCL beyond the log":                     func(s *State) { s.writers[0].vcl = 2 },
		"a record of its own that it says it kept": func(s *State) { s.writers[0].base = 1 },
		"another writer's record that it wrote":    func(s *State) { s.writers[0].log[0].Epoch = 2 },
		"a line that was never promised":           func(s *State) { s.replicas[1].line = 2 },
	} {
		s := written()
		breakIt(s)
		x, broken := s.Broken()
		require.True(t, broken, why)
		require.Equal(t, "TypeOK", x.Name, why)
	}
}
