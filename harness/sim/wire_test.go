package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// parcel is a message of a size.
type parcel struct {
	ping
	bytes int
}

func (*parcel) Type() string     { return "parcel" }
func (p *parcel) WireBytes() int { return p.bytes }

// burst sends parcels of 1000 bytes, each to the next of to, at once when it is started.
func burst(n uint64, to ...node.ID) toy {
	return func(_ node.Time, ev node.Event, out *node.Effects) {
		if ev.Kind == node.Started {
			for i := range n {
				out.Send(to[i%uint64(len(to))], &parcel{ping{i + 1}, 1000})
			}
		}
	}
}

// on adds and starts a process on a host.
func on(t *testing.T, w *World, host string, id node.ID, n toy) {
	t.Helper()
	require.NoError(t, w.Add(runtime.Process{ID: id, Name: "p" + string(rune('0'+id)), Host: host, New: one(n)}))
	require.NoError(t, w.Start(id))
}

func arrivals(into *[]time.Duration) toy {
	return func(now node.Time, ev node.Event, _ *node.Effects) {
		if ev.Kind == node.Received {
			*into = append(*into, time.Duration(now))
		}
	}
}

// With a million bytes a second, a thousand take a millisecond: out of the sender's host, one message after the other,
// and into the receiver's. What goes through an idle host is not delayed twice.
func TestBandwidth(t *testing.T) {
	options := Options{Measure: true, Network: Network{Latency: faults.Duration(100 * time.Microsecond), Bandwidth: 1_000_000}}
	lag := 100 * time.Microsecond
	for name, c := range map[string]struct {
		build func(w *World, got *[]time.Duration)
		want  []time.Duration
	}{
		"one to one": {func(w *World, got *[]time.Duration) {
			on(t, w, "", 9, arrivals(got))
			on(t, w, "", 1, burst(3, 9))
		}, []time.Duration{ms + lag, 2*ms + lag, 3*ms + lag}},
		"one to three": {func(w *World, got *[]time.Duration) {
			for id := range node.ID(3) {
				on(t, w, "", 7+id, arrivals(got))
			}
			on(t, w, "", 1, burst(3, 7, 8, 9))
		}, []time.Duration{ms + lag, 2*ms + lag, 3*ms + lag}},
		"three to one": {func(w *World, got *[]time.Duration) {
			on(t, w, "", 9, arrivals(got))
			for id := range node.ID(3) {
				on(t, w, "", 1+id, burst(1, 9))
			}
		}, []time.Duration{ms + lag, 2*ms + lag, 3*ms + lag}},
		"three to one host": {func(w *World, got *[]time.Duration) {
			for id := range node.ID(3) {
				on(t, w, "host", 7+id, arrivals(got))
				on(t, w, "", 1+id, burst(1, 7+id))
			}
		}, []time.Duration{ms + lag, 2*ms + lag, 3*ms + lag}},
		"one host to three": {func(w *World, got *[]time.Duration) {
			for id := range node.ID(3) {
				on(t, w, "", 7+id, arrivals(got))
				on(t, w, "host", 1+id, burst(1, 7+id))
			}
		}, []time.Duration{ms + lag, 2*ms + lag, 3*ms + lag}},
		"three to three": {func(w *World, got *[]time.Duration) {
			for id := range node.ID(3) {
				on(t, w, "", 7+id, arrivals(got))
				on(t, w, "", 1+id, burst(1, 7+id))
			}
		}, []time.Duration{ms + lag, ms + lag, ms + lag}},
		"within a host": {func(w *World, got *[]time.Duration) {
			on(t, w, "host", 9, arrivals(got))
			on(t, w, "host", 1, burst(2, 9))
		}, []time.Duration{lag, lag}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options)
			var got []time.Duration
			c.build(w, &got)
			w.Run(after(time.Second))
			require.Equal(t, c.want, got)
			bytes := uint64(1000 * len(got))
			if name == "within a host" {
				bytes = 0
			}
			require.Equal(t, bytes, w.Counts().WireBytes)
		})
	}
}

func TestDiskBandwidth(t *testing.T) {
	w := newWorld(t, Options{Measure: true, Disk: Disk{Bandwidth: 1_000_000}})
	var done []time.Duration
	add(t, w, 1, "writer", func(now node.Time, ev node.Event, out *node.Effects) {
		switch ev.Kind {
		case node.Started:
			out.Append("log", make([]byte, 2000))
			out.Sync(1)
			out.Replace("cell", make([]byte, 3000), 2)
		case node.DiskDone:
			done = append(done, time.Duration(now))
		}
	})
	w.Run(after(time.Second))
	require.Equal(t, []time.Duration{2 * ms, 5 * ms}, done)
	require.EqualValues(t, 5000, w.Counts().DiskBytes)
}

func TestTransfer(t *testing.T) {
	for _, c := range []struct {
		bytes, bandwidth int64
		want             time.Duration
	}{
		{1000, 0, 0}, {0, 5, 0}, {1, 3, 333333334}, {10_000_000_000_000, 1_250_000_000, 8000 * time.Second},
		{1, 1 << 40, 1}, {1 << 41, 1 << 40, 2 * time.Second},
	} {
		require.Equal(t, c.want, transfer(c.bytes, c.bandwidth), c)
	}
	for _, o := range []Options{{Network: Network{Bandwidth: -1}}, {Disk: Disk{Bandwidth: -1}}} {
		_, err := New(o)
		var bad *OptionError
		require.ErrorAs(t, err, &bad)
	}
}
