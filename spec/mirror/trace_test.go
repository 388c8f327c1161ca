package mirror

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// ran is a volume after a new instance, 2, has attached the zone and read it.
func ran(t *testing.T, zones int, bug string) *Volume {
	t.Helper()
	v, err := NewVolume(zones, 2)
	require.NoError(t, err)
	v.world.Bug = bug
	e, err := v.Attach(1)
	require.NoError(t, err)
	require.Equal(t, 2, e)
	require.NoError(t, v.Read(2, false))
	return v
}

// put makes a write and has so many copies of zone 1 store it, the first ones first.
func (v *Volume) put(t *testing.T, e int, w Write, copies int) {
	t.Helper()
	require.NoError(t, v.Issue(e, w))
	for i := 1; i <= copies; i++ {
		stepped, err := v.Stored(1, i, w)
		require.NoError(t, err)
		require.True(t, stepped)
	}
}

// A trace has as many writes and instances as it has: only what tells logs apart takes room.
func TestATraceHasNoEnd(t *testing.T) {
	v := ran(t, 2, "none")
	require.NoError(t, v.Degrade(2, 2)) // zone 2 stays behind for ever
	w := Write(0)
	for range 50 {
		e := v.Newest()
		for range 20 {
			w++
			v.put(t, e, w, 2)
			require.NoError(t, v.Ack(e, w))
		}
		w++
		v.put(t, e, w, 1) // and one that the last copy lacks
		_, err := v.Attach(1)
		require.NoError(t, err)
		require.NoError(t, v.Read(e+1, false))
	}
	require.Equal(t, 52, v.Newest())
	require.Equal(t, 1000, v.zones[1].chain[1].log.length)
	require.Equal(t, Write(w-1), v.zones[1].chain[1].log.last())
}

// Both copies lost, or a guard of the model broken: the invariant that objects is the model's own, by name.
func TestEachInvariantObjectsToATrace(t *testing.T) {
	for _, c := range []struct {
		bug, invariant string
		zones          int
		steps          func(v *Volume) error
	}{
		{"none", "Durable", 1, func(v *Volume) error {
			v.put(t, 2, 1, 2)
			require.NoError(t, v.Ack(2, 1))
			require.NoError(t, v.Lose(1, 2))
			return v.Lose(1, 1)
		}},
		{"ack-at-head", "OnEveryCopy", 1, func(v *Volume) error {
			v.put(t, 2, 1, 1)
			return v.Ack(2, 1)
		}},
		{"store-at-tail", "ChainOrder", 1, func(v *Volume) error {
			require.NoError(t, v.Issue(2, 1))
			_, err := v.Stored(1, 1, 1)
			return err
		}},
		{"serve-unwritten", "OneHistory", 1, func(v *Volume) error {
			v.put(t, 2, 1, 2)
			require.NoError(t, v.Ack(2, 1))
			v.put(t, 2, 2, 1)
			_, err := v.Attach(1)
			require.NoError(t, err)
			require.NoError(t, v.Read(3, false))
			return v.Ack(3, 2) // of an instance that has not written, so that nobody has cut write 2 off
		}},
		{"answer-deposed", "FreshRead", 1, func(v *Volume) error {
			v.put(t, 2, 1, 2)
			require.NoError(t, v.Ack(2, 1))
			v.put(t, 2, 2, 1)
			_, err := v.Attach(1)
			require.NoError(t, err)
			require.NoError(t, v.Read(3, false))
			require.NoError(t, v.Drop(1, 2))
			return v.Ack(2, 2)
		}},
	} {
		err := c.steps(ran(t, c.zones, c.bug))
		var refused *Refusal
		require.ErrorAs(t, err, &refused, c.invariant)
		require.Equal(t, c.invariant, refused.Name, err)
	}
}

// Logs that part more often than a state has room for are not decided, and that is no refusal.
func TestATraceThatHasNoRoom(t *testing.T) {
	v := ran(t, 2, "none")
	var ends []log
	for w := Write(1); w <= room; w++ {
		require.NoError(t, v.Issue(2, w))
		ends = append(ends, v.instances[2].log)
	}
	_, err := v.project(2, ends...)
	var full *RoomError
	require.ErrorAs(t, err, &full)
	require.Equal(t, &RoomError{room + 1, room}, full)
	require.EqualError(t, err, "trace: a step that tells 9 runs of writes apart; expected at most 8")
}
