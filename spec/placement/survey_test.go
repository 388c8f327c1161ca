package placement

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// aurora is six replicas in three zones, of which any number may forget.
func aurora() World {
	return World{AZs: [][]int{{1, 2}, {3, 4}, {5, 6}}, WriteQuorum: 4, ReadQuorum: 3, MaxLSN: 1, MaxSilent: 6}
}

// Every condition of six replicas, with the record on the first four, is reached by steps of the model, and the model says of
// the state what After says of the condition.
func TestAfterIsTheModelsWord(t *testing.T) {
	w, err := aurora().complete()
	require.NoError(t, err)
	m := newModule(w)
	do := func(s state, action func(state, func(state, ...int)), args ...int) state {
		t.Helper()
		var next *state
		action(s, func(n state, with ...int) {
			if slices.Equal(with, args) {
				next = &n
			}
		})
		require.NotNil(t, next, "%v of %v is not possible", args, s)
		return *next
	}
	for code := range 4096 {
		var s state
		for r := 1; r <= 4; r++ {
			s = do(s, m.store, r, 1)
		}
		s = do(s, m.ack)
		c := Condition{Stores: []int{1, 2, 3, 4}}
		for r := 1; r <= 6; r++ {
			switch code >> (2 * (r - 1)) & 3 {
			case 1:
				s, c.Down = do(s, m.fail, r), append(c.Down, r)
			case 2:
				s, c.Lost = do(s, m.lose, r), append(c.Lost, r)
			case 3:
				c.Silent = append(c.Silent, r)
				if r <= 4 { // the others have nothing to forget
					s = do(s, m.forget, r)
				}
			}
		}
		got, err := aurora().After(c)
		require.NoError(t, err)
		require.Equal(t, Survival{Writes: m.writes[m.up(s)], Reads: m.reads[m.up(s)], Data: m.kept(s), Durable: m.durable(s)}, got, "%+v", c)
	}
}

func TestAfterByHand(t *testing.T) {
	on := []int{1, 2, 3, 4}
	for _, c := range []struct {
		of   Condition
		want Survival
	}{
		{Condition{Stores: on}, Survival{true, true, true, true}},
		{Condition{Stores: on, Down: []int{1, 2}}, Survival{true, true, true, true}},
		{Condition{Stores: on, Down: []int{1, 2}, Lost: []int{3}}, Survival{false, true, true, true}},
		{Condition{Stores: on, Lost: on}, Survival{false, false, false, true}}, // no read quorum is left that could miss it
		{Condition{Stores: on, Silent: []int{1}}, Survival{true, true, true, false}},
		{Condition{Stores: []int{1, 2, 3, 4, 5}, Silent: []int{1}}, Survival{true, true, true, true}},
	} {
		got, err := aurora().After(c.of)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%+v", c.of)
	}
}

func TestAfterRefusesWhatNoBehaviourReaches(t *testing.T) {
	for want, c := range map[string]Condition{
		"world: condition: stores is [1 2 3]; expected a write quorum, for the record is acknowledged":                        {Stores: []int{1, 2, 3}},
		"world: condition: lost is [2], with replica 2, which is among down; expected each replica in at most one list":       {Stores: []int{1, 2, 3, 4}, Down: []int{2}, Lost: []int{2}},
		"world: condition: down is [7], with replica 7; expected replicas 1 to 6":                                             {Stores: []int{1, 2, 3, 4}, Down: []int{7}},
		"world: condition: silent is [3 3], with replica 3, which is among silent; expected each replica in at most one list": {Stores: []int{1, 2, 3, 4}, Silent: []int{3, 3}},
	} {
		_, err := aurora().After(c)
		require.EqualError(t, err, want)
	}
	w := aurora()
	w.WriteQuorum = 7
	_, err := w.After(Condition{})
	require.ErrorContains(t, err, "writeQuorum is 7")
}
