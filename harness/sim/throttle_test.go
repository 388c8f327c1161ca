package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/node"
)

// pinged sends many messages at 10ms from a to b under a fault, and returns when each arrived.
func pinged(t *testing.T, many int, size int, f faults.Fault) (arrived []time.Duration, w *World) {
	w = newWorld(t, Options{Seed: 1})
	add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
		switch ev.Kind {
		case node.Started:
			out.SetTimer(1, 10*ms)
		case node.Fired:
			for range many {
				out.Send(2, &node.Opaque{Kind: "hello", Bytes: make([]byte, size)})
			}
		}
	})
	add(t, w, 2, "b", func(now node.Time, ev node.Event, _ *node.Effects) {
		if ev.Kind == node.Received {
			arrived = append(arrived, time.Duration(now).Round(ms))
		}
	})
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(200 * ms), Faults: []faults.Fault{f}}, succession(nil)))
	w.Run(after(300 * ms))
	return arrived, w
}

// Messages wait for a link that takes few bytes a second, each behind those before it. What waits when the fault ends is let
// through, and what finds too many bytes in front of it is lost.
func TestAThrottledLink(t *testing.T) {
	slow := faults.Fault{Kind: faults.Throttle, At: dur(5 * ms), For: dur(50 * ms), Nodes: []string{"a"}, Bandwidth: 100_000}
	arrived, w := pinged(t, 7, 1000, slow) // about 10ms each
	assert.Equal(t, []time.Duration{20 * ms, 30 * ms, 40 * ms, 50 * ms, 55 * ms, 55 * ms, 55 * ms}, arrived)
	assert.Zero(t, w.Counts().LostByQueue)

	slow.Queue = 2500
	arrived, w = pinged(t, 7, 1000, slow)
	assert.Equal(t, []time.Duration{20 * ms, 30 * ms, 40 * ms}, arrived)
	assert.EqualValues(t, 4, w.Counts().LostByQueue)

	slow.Nodes = []string{"b"} // the other way is not slow
	arrived, _ = pinged(t, 3, 1000, slow)
	assert.Equal(t, []time.Duration{10 * ms, 10 * ms, 10 * ms}, arrived)
}

// A frame that is cut short is refused by the wire, wherever it is cut, and so does not arrive.
func TestTruncatedFrames(t *testing.T) {
	cut := faults.Fault{Kind: faults.Truncate, At: dur(5 * ms), For: dur(50 * ms), Nodes: []string{"a"}, Rate: 0.5, Salt: 4}
	arrived, w := pinged(t, 200, 40, cut)
	c := w.Counts()
	assert.InDelta(t, 100, c.Truncated, 30)
	assert.EqualValues(t, 200-c.Truncated, len(arrived))
	assert.Equal(t, c.Truncated, c.LostByDamage)
	cut.At = dur(20 * ms)
	arrived, _ = pinged(t, 200, 40, cut)
	assert.Len(t, arrived, 200)
}

// A link's frames are cut in the version that it speaks: between nodes of the oldest one, none of another version is on its way, cut or
// whole. The wire refuses all of them, so that only its reason says which it was given.
func TestAFrameIsCutInTheVersionOfItsLink(t *testing.T) {
	m := &node.GossipGive{Line: 3}
	old, err := node.AppendWireAs(nil, m, node.WireOldest)
	require.NoError(t, err)
	frame, err := node.AppendWire(nil, m)
	require.NoError(t, err)
	require.Less(t, len(old), len(frame), "the newest version has a field more")
	w := newWorld(t, Options{Seed: 1})
	for cut := range uint64(2 * len(frame)) {
		for _, f := range []fate{{cut: cut}, {cut: cut, old: true}} {
			whole := frame
			if f.old {
				whole = old
			}
			var taken node.Message
			want := node.DecodeWire(whole[:cut%uint64(len(whole))], &taken)
			require.Error(t, want)
			_, found := w.cutShort(m, &f)
			require.Equal(t, want, found, "cut at %d, old: %v", cut, f.old)
		}
	}
	require.EqualValues(t, 4*len(frame), w.Counts().Truncated)
}

// Between nodes of the wire's oldest version and others, what is newer does not arrive, either way, and the rest goes on.
func TestTwoVersionsOfTheWire(t *testing.T) {
	for _, nodes := range [][]string{{"a"}, {"b"}} {
		w := newWorld(t, Options{Seed: 1})
		add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
			switch ev.Kind {
			case node.Started:
				out.SetTimer(1, 10*ms)
			case node.Fired:
				out.Send(2, &node.GossipGive{Line: 3, Floor: 7})
				out.Send(2, &node.FillAsk{Token: 5})
				out.SetTimer(1, 50*ms)
			}
		})
		var arrived []node.Message
		add(t, w, 2, "b", func(_ node.Time, ev node.Event, _ *node.Effects) {
			if ev.Kind == node.Received {
				arrived = append(arrived, ev.Message)
			}
		})
		require.NoError(t, w.Install(faults.Plan{Horizon: dur(80 * ms), Faults: []faults.Fault{
			{Kind: faults.OldWire, At: dur(5 * ms), For: dur(20 * ms), Nodes: nodes},
		}}, succession(nil)))
		w.Run(after(80 * ms))
		require.Equal(t, []node.Message{&node.GossipGive{Line: 3}, &node.GossipGive{Line: 3, Floor: 7}, &node.FillAsk{Token: 5}}, arrived)
		c := w.Counts()
		require.EqualValues(t, 1, c.OldWire)
		require.EqualValues(t, 1, c.LostByVersion)
	}
}
