package sim

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// A node whose clock is slow sets its timers by it and is shown it; its neighbour's clock goes on. When the fault ends, the clock
// goes on from what it shows, and stays behind.
func TestASlowClock(t *testing.T) {
	type tick struct{ world, shown time.Duration }
	w := newWorld(t, Options{Seed: 1})
	ticks := map[node.ID][]tick{}
	for id, name := range map[node.ID]string{1: "a", 2: "b"} {
		add(t, w, id, name, func(now node.Time, ev node.Event, out *node.Effects) {
			out.SetTimer(1, 10*ms)
			if ev.Kind == node.Fired {
				ticks[id] = append(ticks[id], tick{time.Duration(w.Now()), time.Duration(now)})
			}
		})
	}
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(200 * ms), Faults: []faults.Fault{
		{Kind: faults.ClockSlow, At: dur(15 * ms), For: dur(60 * ms), Nodes: []string{"a"}, Factor: 3}}}, runtime.Succession{}))
	w.Run(after(101 * ms))
	// The timer that runs when the fault begins fires by the old rate, the one that runs when it ends by the slow one.
	assert.Equal(t, []tick{{10 * ms, 10 * ms}, {20 * ms, 15*ms + 5*ms/3}, {50 * ms, 15*ms + 35*ms/3}, {80 * ms, 40 * ms}, {90 * ms, 50 * ms}, {100 * ms, 60 * ms}}, ticks[1])
	require.Len(t, ticks[2], 10)
	for i, x := range ticks[2] {
		assert.Equal(t, tick{time.Duration(i+1) * 10 * ms, time.Duration(i+1) * 10 * ms}, x)
	}
}

// Two faults at a time slow a clock down by both, each ends by itself, and the horizon ends all.
func TestSlowClocksOverlap(t *testing.T) {
	w := newWorld(t, Options{Seed: 1})
	add(t, w, 1, "a", silent)
	slow := func(at, length time.Duration, factor float64) faults.Fault {
		return faults.Fault{Kind: faults.ClockSlow, At: dur(at), For: dur(length), Nodes: []string{"a"}, Factor: factor}
	}
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(100 * ms), Faults: []faults.Fault{slow(0, 60*ms, 2), slow(20*ms, 20*ms, 3), slow(70*ms, 30*ms, 4)}}, runtime.Succession{}))
	rate := func(at time.Duration) float64 {
		w.Run(after(at))
		return max(w.parties[0].clock.rate, 1)
	}
	assert.Equal(t, 2.0, rate(10*ms))
	assert.Equal(t, 6.0, rate(30*ms))
	assert.Equal(t, 2.0, rate(50*ms))
	assert.Equal(t, 1.0, rate(65*ms))
	assert.Equal(t, 4.0, rate(99*ms))
	assert.Equal(t, 1.0, rate(100*ms))
}

// A clock that jumps shows more, and no timer fires for that.
func TestAClockThatJumps(t *testing.T) {
	var fired, shown time.Duration
	w := newWorld(t, Options{Seed: 1})
	add(t, w, 1, "a", func(now node.Time, ev node.Event, out *node.Effects) {
		if ev.Kind == node.Fired {
			fired, shown = time.Duration(w.Now()), time.Duration(now)
			return
		}
		out.SetTimer(1, 50*ms)
	})
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(100 * ms), Faults: []faults.Fault{
		{Kind: faults.ClockJump, At: dur(10 * ms), Nodes: []string{"a"}, Extra: dur(30 * ms)}}}, runtime.Succession{}))
	w.Run(after(60 * ms))
	assert.Equal(t, 50*ms, fired)
	assert.Equal(t, 80*ms, shown)
}

// A timer that is never due stays so on a slow clock.
func TestASlowClockDoesNotOverflow(t *testing.T) {
	c := clock{rate: 1000}
	assert.Equal(t, time.Duration(math.MaxInt64), c.takes(math.MaxInt64))
	assert.Equal(t, time.Second, c.takes(ms))
}

// A damaged message with a record arrives with a bit of it flipped; one without is lost, as its connection has thrown it away.
func TestDamagedMessages(t *testing.T) {
	w := newWorld(t, Options{Seed: 1})
	r := &node.Record{LSN: 1, Epoch: 1, Kind: node.Write, Key: "k", New: node.Some("v")}
	r.Seal()
	sound, rotten := 0, 0
	add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
		if ev.Kind == node.Started {
			out.SetTimer(1, ms) // the fault has begun then
			return
		}
		for range 200 {
			out.Send(2, &node.Append{Epoch: 1, Records: []*node.Record{r}})
			out.Send(2, &node.Confirm{Epoch: 1})
		}
	})
	confirms := 0
	add(t, w, 2, "b", func(_ node.Time, ev node.Event, _ *node.Effects) {
		switch m := ev.Message.(type) {
		case *node.Append:
			if m.Records[0].Intact() {
				sound++
			} else {
				rotten++
			}
		case *node.Confirm:
			confirms++
		}
	})
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(100 * ms), Faults: []faults.Fault{
		{Kind: faults.Damage, For: dur(50 * ms), Nodes: []string{"a"}, Rate: 0.3, Salt: 5}}}, runtime.Succession{}))
	w.Run(after(100 * ms))
	c := w.Counts()
	require.Equal(t, 200, sound+rotten)
	require.InDelta(t, 60, rotten, 25)
	require.EqualValues(t, rotten, c.Damaged)
	require.EqualValues(t, 200-confirms, c.LostByDamage)
	require.InDelta(t, 140, confirms, 25)
	require.True(t, r.Intact())
}
