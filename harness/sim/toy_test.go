package sim

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

const ms = time.Millisecond

func after(d time.Duration) node.Time { return node.Time(d) }

// toy is a node without state beside what the function captures.
type toy func(now node.Time, ev node.Event, out *node.Effects)

func (t toy) Step(now node.Time, ev node.Event, out *node.Effects) { t(now, ev, out) }

// ping is a message that is told apart by its digest.
type ping struct{ n uint64 }

func (*ping) Type() string                   { return "ping" }
func (p *ping) AppendDigest(b []byte) []byte { return binary.AppendUvarint(b, p.n) }

// carry is a message that is told apart by its LSN alone.
type carry struct {
	lsn   node.LSN
	other uint64
}

func (*carry) Type() string { return "carry" }
func (c *carry) AppendDigest(b []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(c.lsn)), c.other)
}
func (c *carry) LSNs() (from, to node.LSN) { return c.lsn, c.lsn }

// one runs the same node in every incarnation.
func one(t toy) func(node.Hook) node.Node { return func(node.Hook) node.Node { return t } }

func silent(node.Time, node.Event, *node.Effects) {}

func newWorld(t testing.TB, o Options) *World {
	t.Helper()
	w, err := New(o)
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return w
}

// add adds and starts a process.
func add(t testing.TB, w *World, id node.ID, name string, n toy) {
	t.Helper()
	require.NoError(t, w.Add(runtime.Process{ID: id, Name: name, New: one(n)}))
	require.NoError(t, w.Start(id))
}

// received is a message and when it came.
type received struct {
	at node.Time
	n  uint64
}

// collector keeps the pings that arrive.
func collector(into *[]received) toy {
	return func(now node.Time, ev node.Event, _ *node.Effects) {
		if ev.Kind != node.Received {
			return
		}
		switch m := ev.Message.(type) {
		case *ping:
			*into = append(*into, received{now, m.n})
		case *carry:
			*into = append(*into, received{now, uint64(m.lsn)})
		}
	}
}

// sender sends one ping with a rising number to each of to, every interval, count times.
func sender(interval time.Duration, count uint64, to ...node.ID) toy {
	var n uint64
	return func(_ node.Time, ev node.Event, out *node.Effects) {
		if ev.Kind == node.Fired {
			n++
			for _, id := range to {
				out.Send(id, &ping{n})
			}
		}
		if n < count {
			out.SetTimer(1, interval)
		}
	}
}

func typical() Options {
	return Options{
		Seed: 1,
		Network: Network{Latency: faults.Duration(ms), Jitter: faults.Duration(2 * ms), TailRate: 0.05,
			Tail: faults.Duration(10 * ms), Loss: 0.02, Duplicate: 0.02, CrossZone: faults.Duration(ms)},
		Disk: Disk{Append: faults.Duration(ms / 100), Sync: faults.Duration(ms), Replace: faults.Duration(ms), Jitter: faults.Duration(ms),
			TailRate: 0.02, Tail: faults.Duration(10 * ms), SurviveRate: 0.5, EffectRate: 0.5, TornRate: 0.3},
	}
}

// gossips is a small system that uses everything: processes that ping each other, write and sync, answer clients and
// tell; deterministic, and sensitive to the order of events.
type gossips struct {
	id    node.ID
	peers []node.ID
	hook  node.Hook
	sum   uint64
	token node.Token
}

func (g *gossips) Step(now node.Time, ev node.Event, out *node.Effects) {
	g.hook.Hit("step")
	switch ev.Kind {
	case node.Started:
		for _, f := range ev.Files {
			for _, b := range f.Data {
				g.sum = mix(g.sum, uint64(b))
			}
		}
		out.SetTimer(1, ms)
	case node.Fired:
		out.SetTimer(1, time.Duration(1+g.sum%3)*ms)
		for _, p := range g.peers {
			out.Send(p, &ping{g.sum})
		}
	case node.Received:
		m, ok := ev.Message.(*ping)
		if !ok {
			g.sum = mix(g.sum, 1) // promoted
			break
		}
		g.sum = mix(g.sum, m.n)
		if g.sum%4 == 0 {
			g.hook.Hit("write")
			g.token++
			out.Append("log", binary.LittleEndian.AppendUint64(nil, g.sum))
			out.Sync(g.token)
		}
		if g.sum%8 == 2 {
			g.token++
			out.Read("log", int(g.sum/8%64), 16, g.token)
		}
		if g.sum%16 == 1 {
			g.token++
			out.Replace("cell", binary.LittleEndian.AppendUint64(nil, g.sum), g.token)
		}
	case node.DiskDone:
		for _, b := range ev.Data {
			g.sum = mix(g.sum, uint64(b))
		}
		out.Tell(node.Trace{Action: node.ActStore, LSN: node.LSN(ev.Token), Position: g.sum})
	case node.Requested:
		out.Respond(ev.From, node.Reply{ID: ev.Request.ID, Op: ev.Request.Op, Status: node.OK, LSN: node.LSN(g.sum)})
	}
}

// asker is a client that asks one process after the other.
type asker struct {
	peers []node.ID
	next  uint64
	got   []node.Reply
}

func (a *asker) ask(out *runtime.Calls) {
	a.next++
	out.Request(a.peers[a.next%uint64(len(a.peers))], node.Request{ID: a.next, Op: node.OpBegin})
	out.SetTimer(1, 20*ms)
}

func (a *asker) Start(_ node.Time, out *runtime.Calls) { a.ask(out) }
func (a *asker) Reply(_ node.Time, _ node.ID, r node.Reply, out *runtime.Calls) {
	a.got = append(a.got, r)
	a.ask(out)
}
func (a *asker) Timer(_ node.Time, _ node.Timer, out *runtime.Calls) { a.ask(out) }

// gossip sets up n gossips in three zones, two of them writers, and two clients.
func gossip(t testing.TB, o Options, n int) (*World, []*asker) {
	w := newWorld(t, o)
	var ids []node.ID
	for i := range n {
		ids = append(ids, node.ID(i+1))
	}
	for i, id := range ids {
		p := runtime.Process{ID: id, Name: "segment 1/" + string(rune('1'+i)), Zone: "az" + string(rune('1'+i%3))}
		if i < 2 {
			p.Zone, p.Role = "", "writer"
		}
		peers := append(append([]node.ID(nil), ids[:i]...), ids[i+1:]...)
		p.New = func(h node.Hook) node.Node { return &gossips{id: id, peers: peers, hook: h, sum: uint64(id)} }
		require.NoError(t, w.Add(p))
		require.NoError(t, w.Start(id))
	}
	var askers []*asker
	for i := range 2 {
		a := &asker{peers: ids}
		askers = append(askers, a)
		require.NoError(t, w.AddClient(runtime.Client{ID: node.ID(100 + i), Name: "client " + string(rune('1'+i)), Actor: a}))
	}
	return w, askers
}

func dur(d time.Duration) faults.Duration { return faults.Duration(d) }

// everything is a plan with every kind of fault.
func everything() faults.Plan {
	return faults.Plan{Horizon: dur(400 * ms), Faults: []faults.Fault{
		{Kind: faults.Loss, At: dur(10 * ms), For: dur(100 * ms), Nodes: []string{"segment 1/3"}, Rate: 0.5, Salt: 1},
		{Kind: faults.Duplicate, At: dur(10 * ms), For: dur(100 * ms), Rate: 0.3, Extra: dur(5 * ms), Salt: 2},
		{Kind: faults.Delay, At: dur(20 * ms), For: dur(50 * ms), To: []string{"segment 1/4"}, Factor: 3, Extra: dur(ms)},
		{Kind: faults.Reorder, At: dur(20 * ms), For: dur(50 * ms), Extra: dur(10 * ms), Salt: 3},
		{Kind: faults.Damage, At: dur(30 * ms), For: dur(50 * ms), Rate: 0.2, Salt: 8},
		{Kind: faults.Truncate, At: dur(30 * ms), For: dur(50 * ms), Rate: 0.2, Salt: 15},
		{Kind: faults.OldWire, At: dur(70 * ms), For: dur(50 * ms), Nodes: []string{"segment 1/2"}},
		{Kind: faults.Throttle, At: dur(100 * ms), For: dur(50 * ms), Nodes: []string{"segment 1/1"}, Bandwidth: 4096, Queue: 10},
		{Kind: faults.ClockSlow, At: dur(30 * ms), For: dur(100 * ms), Nodes: []string{"segment 1/1", "segment 1/5"}, Factor: 2.5},
		{Kind: faults.ClockJump, At: dur(35 * ms), Nodes: []string{"segment 1/1"}, Extra: dur(20 * ms)},
		{Kind: faults.Partition, At: dur(50 * ms), For: dur(50 * ms), Nodes: []string{"writer"}},
		{Kind: faults.PartitionOneWay, At: dur(60 * ms), For: dur(50 * ms), Nodes: []string{"segment 1/5"}, To: []string{"segment 1/6"}},
		{Kind: faults.AZCutOff, At: dur(70 * ms), For: dur(50 * ms), AZ: "az1"},
		{Kind: faults.Crash, At: dur(80 * ms), For: dur(30 * ms), Nodes: []string{"segment 1/3", "segment 1/4"}, Salt: 4},
		{Kind: faults.CrashAtPoint, At: dur(90 * ms), For: dur(30 * ms), Nodes: []string{"writer"}, Point: "write", Hit: 3, Salt: 5},
		{Kind: faults.CrashWhen, At: dur(100 * ms), For: dur(5 * ms), Nodes: []string{"segment 1/6"}, When: "ping", Hit: 4, Salt: 8},
		{Kind: faults.Pause, At: dur(120 * ms), For: dur(30 * ms), Nodes: []string{"segment 1/5"}},
		{Kind: faults.PowerLossAZ, At: dur(150 * ms), For: dur(20 * ms), AZ: "az2", Salt: 6},
		{Kind: faults.DiskSlow, At: dur(180 * ms), For: dur(40 * ms), Nodes: []string{"segment 1/6"}, Factor: 10},
		{Kind: faults.DiskFail, At: dur(185 * ms), For: dur(30 * ms), Nodes: []string{"segment 1/5"}, Rate: 0.5, Salt: 9},
		{Kind: faults.DiskFull, At: dur(187 * ms), For: dur(10 * ms), Nodes: []string{"segment 1/3"}},
		{Kind: faults.DiskMisread, At: dur(20 * ms), For: dur(100 * ms), Nodes: []string{"segment 1/1"}, Rate: 0.5, Salt: 10},
		{Kind: faults.DiskLies, At: dur(20 * ms), For: dur(100 * ms), Nodes: []string{"segment 1/3"}, Rate: 1, Salt: 11},
		{Kind: faults.WriteLost, At: dur(20 * ms), For: dur(100 * ms), Nodes: []string{"segment 1/6"}, Rate: 0.3, Salt: 12},
		{Kind: faults.WriteMisplaced, At: dur(100 * ms), For: dur(50 * ms), Nodes: []string{"segment 1/2"}, Rate: 0.5, Salt: 13},
		{Kind: faults.DiskStale, At: dur(192 * ms), For: dur(3 * ms), Nodes: []string{"segment 1/5"}, Extra: dur(30 * ms), Salt: 14},
		{Kind: faults.DiskEmptied, At: dur(215 * ms), For: dur(3 * ms), Nodes: []string{"segment 1/3"}},
		{Kind: faults.DiskCorrupt, At: dur(190 * ms), Nodes: []string{"segment 1/6"}, Salt: 7},
		{Kind: faults.DiskLost, At: dur(195 * ms), For: dur(10 * ms), Nodes: []string{"segment 1/2"}},
		{Kind: faults.NodeLost, At: dur(230 * ms), Nodes: []string{"segment 1/1"}},
		{Kind: faults.Promote, At: dur(198 * ms), Nodes: []string{"segment 1/4"}},
		{Kind: faults.TakeOver, At: dur(200 * ms)},
		{Kind: faults.FailOver, At: dur(220 * ms), For: dur(10 * ms)},
	}}
}

// succession replaces the writer by what start starts.
func succession(start func()) runtime.Succession {
	return runtime.Succession{Role: string(faults.Writer), Start: start, Promote: &node.Promote{}}
}
