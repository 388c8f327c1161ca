package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// traffic has process 1 send count pings at to 2, one each interval, under a plan, and returns what arrived.
func traffic(t testing.TB, o Options, count uint64, interval time.Duration, fs ...faults.Fault) ([]received, runtime.Counts) {
	t.Helper()
	var got []received
	w := newWorld(t, o)
	add(t, w, 1, "segment 1/1", sender(interval, count, 2))
	add(t, w, 2, "segment 1/2", collector(&got))
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(time.Hour), Faults: fs}, runtime.Succession{}))
	w.Run(after(time.Duration(count)*interval + time.Minute))
	return got, w.Counts()
}

func net(n Network) Options { return Options{Seed: 1, Network: n} }

func TestLatencyAndJitter(t *testing.T) {
	got, _ := traffic(t, net(Network{Latency: dur(5 * ms), Jitter: dur(10 * ms)}), 1000, ms)
	require.Len(t, got, 1000)
	least, most, overtaken := time.Hour, time.Duration(0), false
	for i, r := range got {
		took := r.at.Sub(after(time.Duration(r.n) * ms))
		least, most = min(least, took), max(most, took)
		overtaken = overtaken || i > 0 && r.n < got[i-1].n
	}
	assert.GreaterOrEqual(t, least, 5*ms)
	assert.Less(t, least, 6*ms)
	assert.LessOrEqual(t, most, 15*ms)
	assert.Greater(t, most, 14*ms)
	assert.True(t, overtaken, "independent delays reorder")
}

func TestHeavyTail(t *testing.T) {
	got, _ := traffic(t, net(Network{TailRate: 0.5, Tail: dur(ms)}), 4000, ms)
	beyond := func(d time.Duration) (n int) {
		for _, r := range got {
			if r.at.Sub(after(time.Duration(r.n)*ms)) >= d {
				n++
			}
		}
		return n
	}
	assert.InDelta(t, 2000, beyond(ms), 150)
	assert.InDelta(t, 1000, beyond(2*ms), 150)
	assert.InDelta(t, 500, beyond(4*ms), 100)
	assert.InDelta(t, 250, beyond(8*ms), 80)
	assert.Positive(t, beyond(64*ms))
	assert.Zero(t, beyond(128*ms+1))
}

func TestLossAndDuplicates(t *testing.T) {
	got, c := traffic(t, net(Network{Latency: dur(ms), Jitter: dur(ms), Loss: 0.2, Duplicate: 0.1}), 5000, ms)
	times := map[uint64]int{}
	for _, r := range got {
		times[r.n]++
	}
	twice := 0
	for _, n := range times {
		require.LessOrEqual(t, n, 2)
		twice += n - 1
	}
	assert.InDelta(t, 4000, len(times), 120)
	assert.InDelta(t, 400, twice, 80)
	assert.EqualValues(t, 5000-len(times), c.LostByLoss)
	assert.EqualValues(t, twice, c.Duplicated)
	assert.EqualValues(t, len(got), c.Delivered)
}

func TestZones(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want time.Duration
	}{{"az1", "az2", 4 * ms}, {"az1", "az1", ms}, {"", "az1", ms}, {"az1", "", ms}, {"", "", ms}} {
		var got []received
		w := newWorld(t, net(Network{Latency: dur(ms), CrossZone: dur(3 * ms)}))
		require.NoError(t, w.Add(runtime.Process{ID: 1, Name: "a", Zone: c.a, New: one(sender(0, 1, 2))}))
		require.NoError(t, w.Add(runtime.Process{ID: 2, Name: "b", Zone: c.b, New: one(collector(&got))}))
		require.NoError(t, w.Start(1))
		require.NoError(t, w.Start(2))
		w.Run(after(time.Second))
		assert.Equal(t, []received{{after(c.want), 1}}, got, "%v", c)
	}
}

func TestToOneself(t *testing.T) {
	var got []received
	w := newWorld(t, net(Network{Latency: dur(ms), Loss: 1}))
	add(t, w, 1, "a", func(now node.Time, ev node.Event, out *node.Effects) {
		if ev.Kind == node.Started {
			out.Send(1, &ping{1})
		} else {
			got = append(got, received{now, ev.Message.(*ping).n})
		}
	})
	w.Run(after(time.Second))
	assert.Equal(t, []received{{0, 1}}, got)
}

// The heart of shrinking: what happens to one message does not depend on what happened to others.
func TestRandomnessBelongsToTheMessage(t *testing.T) {
	n := Network{Latency: dur(ms), Jitter: dur(20 * ms), TailRate: 0.1, Tail: dur(20 * ms), Loss: 0.1, Duplicate: 0.1}
	plain, _ := traffic(t, net(n), 1000, ms)
	strip := func(rs []received, lost map[uint64]bool) []received {
		return slices.DeleteFunc(slices.Clone(rs), func(r received) bool { return lost[r.n] })
	}
	missing := func(rs []received) map[uint64]bool {
		gone := map[uint64]bool{}
		for _, r := range plain {
			gone[r.n] = true
		}
		for _, r := range rs {
			delete(gone, r.n)
		}
		return gone
	}
	loss := faults.Fault{Kind: faults.Loss, At: dur(100 * ms), For: dur(500 * ms), Rate: 0.5, Salt: 7}
	other := faults.Fault{Kind: faults.Loss, At: dur(50 * ms), For: dur(100 * ms), Rate: 0.5, Salt: 8}

	one, _ := traffic(t, net(n), 1000, ms, loss)
	gone := missing(one)
	assert.InDelta(t, 225, len(gone), 60)
	assert.Equal(t, strip(plain, gone), one, "a loss changes nothing for the messages that pass")

	two, _ := traffic(t, net(n), 1000, ms, other, loss)
	both := missing(two)
	for m := range gone {
		assert.True(t, both[m], "message %d: another fault in front of it in the plan changes nothing for this one", m)
	}
	assert.Greater(t, len(both), len(gone))

	salted := loss
	salted.Salt = 9
	three, _ := traffic(t, net(n), 1000, ms, salted)
	assert.NotEqual(t, one, three)

	reseeded := net(n)
	reseeded.Seed = 2
	four, _ := traffic(t, reseeded, 1000, ms)
	assert.NotEqual(t, plain, four)
}

// A record keeps its fate when the message around it changes, and gets a new one when it is sent again.
func TestRandomnessBelongsToTheLSN(t *testing.T) {
	arrivals := func(other uint64, repeats int) map[uint64][]node.Time {
		var got []received
		w := newWorld(t, net(Network{Jitter: dur(time.Second)}))
		add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
			for lsn := range node.LSN(20) {
				for range repeats {
					out.Send(2, &carry{lsn + 1, other})
				}
			}
		})
		add(t, w, 2, "b", collector(&got))
		w.Run(after(time.Minute))
		at := map[uint64][]node.Time{}
		for _, r := range got {
			at[r.n] = append(at[r.n], r.at)
		}
		return at
	}
	once := arrivals(1, 1)
	assert.Equal(t, once, arrivals(2, 1))
	for lsn, times := range arrivals(1, 3) {
		require.Len(t, times, 3)
		assert.Contains(t, times, once[lsn][0])
		assert.Len(t, slices.Compact(times), 3, "each attempt has its own delay")
	}
}

func TestDelayAndReorder(t *testing.T) {
	slow := faults.Fault{Kind: faults.Delay, At: dur(10*ms + 1), For: dur(10 * ms), Factor: 3, Extra: dur(ms)}
	got, _ := traffic(t, net(Network{Latency: dur(2 * ms)}), 30, ms, slow)
	require.Len(t, got, 30)
	for _, r := range got {
		want := 2 * ms
		if r.n > 10 && r.n <= 20 {
			want = 7 * ms
		}
		assert.Equal(t, want, r.at.Sub(after(time.Duration(r.n)*ms)), "%d", r.n)
	}
	got, _ = traffic(t, net(Network{Latency: dur(2 * ms)}), 200, ms, faults.Fault{Kind: faults.Reorder, For: dur(time.Minute), Extra: dur(20 * ms)})
	require.Len(t, got, 200)
	assert.False(t, slices.IsSortedFunc(got, func(a, b received) int { return int(a.n) - int(b.n) }))
	for _, r := range got {
		took := r.at.Sub(after(time.Duration(r.n) * ms))
		assert.True(t, took >= 2*ms && took <= 22*ms, "%v", took)
	}
	// The second copy comes up to Extra later than the first.
	got, c := traffic(t, net(Network{Latency: dur(2 * ms)}), 200, ms, faults.Fault{Kind: faults.Duplicate, For: dur(time.Minute), Rate: 1, Extra: dur(20 * ms)})
	require.Len(t, got, 400)
	assert.EqualValues(t, 200, c.Duplicated)
	late := 0
	for _, r := range got {
		took := r.at.Sub(after(time.Duration(r.n) * ms))
		assert.True(t, took >= 2*ms && took <= 22*ms, "%v", took)
		if took > 2*ms {
			late++
		}
	}
	assert.InDelta(t, 200, late, 1)
}

// mesh has every process ping every other at one moment, and returns who heard whom.
func mesh(t *testing.T, f faults.Fault) []string {
	t.Helper()
	var heard []string
	w := newWorld(t, net(Network{Latency: dur(ms)}))
	names := []string{"", "segment 1/1", "segment 1/2", "segment 1/3", "writer 1"}
	for id := node.ID(1); id <= 4; id++ {
		p := runtime.Process{ID: id, Name: names[id], Zone: "az1", New: one(func(_ node.Time, ev node.Event, out *node.Effects) {
			switch ev.Kind {
			case node.Started:
				out.SetTimer(1, 10*ms)
			case node.Fired:
				for other := node.ID(1); other <= 4; other++ {
					if other != id {
						out.Send(other, &ping{uint64(id)})
					}
				}
			case node.Received:
				heard = append(heard, fmt.Sprintf("%d→%d", ev.From, id))
			}
		})}
		if id == 4 {
			p.Role, p.Zone = "writer", ""
		}
		if id == 3 {
			p.Zone = "az2"
		}
		require.NoError(t, w.Add(p))
		require.NoError(t, w.Start(id))
	}
	f.At, f.For = dur(5*ms), dur(20*ms)
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(time.Second), Faults: []faults.Fault{f}}, runtime.Succession{}))
	w.Run(after(20 * ms))
	slices.Sort(heard)
	return heard
}

func TestWhomANetworkFaultStrikes(t *testing.T) {
	all := []string{"1→2", "1→3", "1→4", "2→1", "2→3", "2→4", "3→1", "3→2", "3→4", "4→1", "4→2", "4→3"}
	for _, c := range []struct {
		name string
		f    faults.Fault
		cut  []string
	}{
		{"one way", faults.Fault{Kind: faults.PartitionOneWay, Nodes: []string{"segment 1/1"}, To: []string{"segment 1/2"}}, []string{"1→2"}},
		{"both ways", faults.Fault{Kind: faults.Partition, Nodes: []string{"segment 1/1"}, To: []string{"segment 1/2", "writer"}}, []string{"1→2", "1→4", "2→1", "4→1"}},
		{"from the rest", faults.Fault{Kind: faults.Partition, Nodes: []string{"segment 1/1", "segment 1/2"}},
			[]string{"1→3", "1→4", "2→3", "2→4", "3→1", "3→2", "4→1", "4→2"}},
		{"to the rest", faults.Fault{Kind: faults.PartitionOneWay, Nodes: []string{"writer"}}, []string{"4→1", "4→2", "4→3"}},
		{"zone", faults.Fault{Kind: faults.AZCutOff, AZ: "az1"}, []string{"1→3", "1→4", "2→3", "2→4", "3→1", "3→2", "4→1", "4→2"}},
		{"loss between", faults.Fault{Kind: faults.Loss, Rate: 1, Nodes: []string{"segment 1/1"}, To: []string{"segment 1/2"}}, []string{"1→2"}},
		{"loss to", faults.Fault{Kind: faults.Loss, Rate: 1, To: []string{"segment 1/2"}}, []string{"1→2", "3→2", "4→2"}},
		{"loss to two", faults.Fault{Kind: faults.Loss, Rate: 1, To: []string{"segment 1/1", "segment 1/2"}}, []string{"3→1", "3→2", "4→1", "4→2"}},
		{"loss from", faults.Fault{Kind: faults.Loss, Rate: 1, Nodes: []string{"segment 1/2"}}, []string{"2→1", "2→3", "2→4"}},
		{"loss everywhere", faults.Fault{Kind: faults.Loss, Rate: 1}, all},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(c.cut, s) })
			got := mesh(t, c.f)
			if len(want) == 0 {
				assert.Empty(t, got)
			} else {
				assert.Equal(t, want, got)
			}
		})
	}
}

// What is on its way when a partition begins does not get through, and what is sent during one is not kept.
func TestAPartitionInTime(t *testing.T) {
	got, c := traffic(t, net(Network{Latency: dur(5*ms + ms/2)}), 30, ms,
		faults.Fault{Kind: faults.PartitionOneWay, At: dur(10 * ms), For: dur(10 * ms), Nodes: []string{"segment 1/1"}})
	var arrived []uint64
	for _, r := range got {
		arrived = append(arrived, r.n)
	}
	// 5 was sent at 5ms and would arrive at 10.5ms. The fault begins before the timers of its moment and ends so.
	assert.Equal(t, []uint64{1, 2, 3, 4, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30}, arrived)
	assert.EqualValues(t, 15, c.LostByCut)
}

// echo answers each request with its number.
func echo(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind == node.Requested {
		out.Respond(ev.From, node.Reply{ID: ev.Request.ID, Status: node.OK})
	}
}

// stream is a client that sends a request each millisecond.
type stream struct {
	count uint64
	sent  uint64
	got   []uint64
	at    []node.Time
}

func (s *stream) Start(_ node.Time, out *runtime.Calls) { out.SetTimer(1, ms) }
func (s *stream) Reply(now node.Time, _ node.ID, r node.Reply, _ *runtime.Calls) {
	s.got, s.at = append(s.got, r.ID), append(s.at, now)
}
func (s *stream) Timer(_ node.Time, _ node.Timer, out *runtime.Calls) {
	s.sent++
	out.Request(1, node.Request{ID: s.sent, Op: node.OpGet, Rows: []node.Row{{Key: "k"}}})
	if s.sent < s.count {
		out.SetTimer(1, ms)
	}
}

func streaming(t *testing.T, n Network, fs ...faults.Fault) (*stream, *World) {
	t.Helper()
	w := newWorld(t, net(n))
	s := &stream{count: 500}
	require.NoError(t, w.Add(runtime.Process{ID: 1, Name: "writer 1", Role: "writer", New: one(echo)}))
	require.NoError(t, w.Start(1))
	require.NoError(t, w.AddClient(runtime.Client{ID: 9, Name: "client 1", Actor: s}))
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(time.Minute), Faults: fs}, runtime.Succession{}))
	w.Run(after(time.Hour))
	return s, w
}

func TestAClientsConnectionKeepsOrder(t *testing.T) {
	s, w := streaming(t, Network{Latency: dur(ms), Jitter: dur(50 * ms), TailRate: 0.1, Tail: dur(20 * ms), Duplicate: 0.5},
		faults.Fault{Kind: faults.Duplicate, For: dur(time.Second), Rate: 0.5, Extra: dur(ms)})
	require.Len(t, s.got, 500)
	assert.True(t, slices.IsSorted(s.got))
	assert.Len(t, slices.Compact(s.got), 500)
	assert.True(t, slices.IsSorted(s.at))
	assert.EqualValues(t, 500, w.Counts().Requests)
	assert.EqualValues(t, 500, w.Counts().Replies)
	assert.Zero(t, w.Counts().Duplicated)
}

func TestAClientsConnectionLoses(t *testing.T) {
	s, w := streaming(t, Network{Latency: dur(ms), Jitter: dur(50 * ms), Loss: 0.1})
	assert.InDelta(t, 405, len(s.got), 40)
	assert.True(t, slices.IsSorted(s.got))
	assert.EqualValues(t, 500-len(s.got), w.Counts().LostByLoss)
}

func TestClientsAreCutOffToo(t *testing.T) {
	const latency = ms/2 + 1
	s, w := streaming(t, Network{Latency: dur(latency)},
		faults.Fault{Kind: faults.PartitionOneWay, At: dur(99*ms + 3*ms/4), For: dur(10*ms + ms/2), Nodes: []string{"writer"}, To: []string{"client 1"}},
		faults.Fault{Kind: faults.PartitionOneWay, At: dur(200*ms + ms/4), For: dur(10 * ms), Nodes: []string{"client 1"}})
	var missing []uint64
	for n := uint64(1); n <= 500; n++ {
		if !slices.Contains(s.got, n) {
			missing = append(missing, n)
		}
	}
	// The replies from that to 99 (on its way) on, then the requests from 200 (on its way) on.
	want := []uint64{99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 200, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210}
	assert.Equal(t, want, missing)
	assert.EqualValues(t, len(missing), w.Counts().LostByCut)
}

func TestARequestToTheDeadIsLost(t *testing.T) {
	for _, late := range []bool{false, true} { // a connection dies with its process, also where datagrams come late
		w := newWorld(t, net(Network{Latency: dur(5 * ms), LateDelivery: late}))
		s := &stream{count: 20}
		add(t, w, 1, "writer 1", echo)
		require.NoError(t, w.AddClient(runtime.Client{ID: 9, Name: "client 1", Actor: s}))
		w.Run(after(8*ms + 1)) // 1 to 3 have arrived, 4 to 8 are on their way
		require.NoError(t, w.Crash(1))
		w.Run(after(10*ms + 1)) // 9 and 10 are sent to a dead process
		require.NoError(t, w.Start(1))
		w.Run(after(time.Second))
		assert.Equal(t, []uint64{1, 2, 3, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, s.got)
		assert.EqualValues(t, 7, w.Counts().LostByDown)
	}
}
