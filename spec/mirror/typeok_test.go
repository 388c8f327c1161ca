package mirror

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// No broken variant breaks TypeOK, so it is fed states that no behaviour has.
func TestTypeOKObjects(t *testing.T) {
	m := &model{World: World{Zones: 1, Copies: 2, MaxWrite: 1, MaxEpoch: 2}}
	require.True(t, m.typeOK(m.start()))
	for why, breakIt := range map[string]func(*State){
		"a chain with a copy too many":               func(s *State) { s.Chain[1].Len = 3 },
		"a volume attached to an instance not born":  func(s *State) { s.Owner[1] = s.Newest + 1 },
		"an instance older than the newest not born": func(s *State) { s.Newest++ },
		"a write acknowledged that was never made":   func(s *State) { s.Acked[1] = true },
	} {
		s := m.start()
		breakIt(&s)
		require.False(t, m.typeOK(s), why)
	}
}
