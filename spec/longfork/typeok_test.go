package longfork

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// No broken variant breaks TypeOK, so it is fed states that no behaviour has.
func TestTypeOKObjects(t *testing.T) {
	m := &model{World{Txns: 2, Rows: 1, Secondaries: 2, Losses: 1}}
	good := State{End: 1, Log: [maxTxns]uint8{1}}
	good.Txns[0] = Txn{Stage: Committed, Row: 1}
	good.Secondaries[0] = Secondary{Received: 1, Replayed: one(1)}
	require.True(t, m.typeOK(State{}))
	require.True(t, m.typeOK(good))
	for why, breakIt := range map[string]func(*State){
		"a log that is too long":                   func(s *State) { s.End = 3 },
		"a commit record of what runs":             func(s *State) { s.Txns[0].Stage = Running },
		"a commit without its record":              func(s *State) { s.Txns[1] = Txn{Stage: Visible, Row: 1} },
		"a commit that wrote nothing":              func(s *State) { s.Txns[0].Row = 0 },
		"a write of what has not begun":            func(s *State) { s.Txns[1].Row = 1 },
		"a snapshot of what was aborted":           func(s *State) { s.Txns[1] = Txn{Stage: Aborted, Basis: one(1)} },
		"more received than was sent":              func(s *State) { s.Secondaries[1].Received = 2 },
		"more replayed than was received":          func(s *State) { s.Secondaries[1].Replayed = one(1) },
		"a lost node that has something":           func(s *State) { s.Secondaries[0].Down = true },
		"a primary that follows":                   func(s *State) { s.Primary = 1 },
		"a first primary that was not promoted":    func(s *State) { s.Opening = true },
		"more nodes lost than the world lets lose": func(s *State) { s.FirstDown, s.Secondaries[1].Down = true, true },
	} {
		s := good
		breakIt(&s)
		require.False(t, m.typeOK(s), why)
	}
}
