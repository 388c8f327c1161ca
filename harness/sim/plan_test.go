package sim

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// diary is a world whose processes note when they start, by name.
type diary struct {
	*World
	t     *testing.T
	lines []string
	next  node.ID
}

func newDiary(t *testing.T) *diary {
	return &diary{World: newWorld(t, Options{Seed: 1, Disk: Disk{SurviveRate: 0.5}}), t: t}
}

// add adds and starts a process that passes point "tick" every millisecond.
func (d *diary) add(name, zone, role string) node.ID {
	d.next++
	id := d.next
	require.NoError(d.t, d.Add(runtime.Process{ID: id, Name: name, Zone: zone, Role: role, New: func(h node.Hook) node.Node {
		return toy(func(now node.Time, ev node.Event, out *node.Effects) {
			if ev.Kind == node.Started {
				d.lines = append(d.lines, fmt.Sprintf("%s/%d@%v", name, ev.Incarnation, time.Duration(now)))
			}
			if ev.Kind == node.Fired {
				out.Append("log", []byte("before"))
				h.Hit("tick")
				out.Append("log", []byte("after!"))
			}
			out.SetTimer(1, ms)
		})
	}}))
	require.NoError(d.t, d.Start(id))
	return id
}

func (d *diary) install(horizon time.Duration, startWriter func(), fs ...faults.Fault) {
	require.NoError(d.t, d.Install(faults.Plan{Horizon: dur(horizon), Faults: fs}, succession(startWriter)))
}

func TestCrashAndRestart(t *testing.T) {
	d := newDiary(t)
	d.add("segment 1/1", "az1", "")
	d.add("segment 1/2", "az1", "")
	d.add("segment 1/3", "az2", "")
	never := d.next + 1
	require.NoError(t, d.Add(runtime.Process{ID: never, Name: "segment 1/4", Zone: "az1", New: one(silent)}))
	d.install(100*ms, nil,
		faults.Fault{Kind: faults.Crash, At: dur(10 * ms), For: dur(10 * ms), Nodes: []string{"segment 1/1", "segment 1/3"}},
		faults.Fault{Kind: faults.PowerLossAZ, At: dur(15 * ms), For: dur(10 * ms), AZ: "az1"},
		faults.Fault{Kind: faults.Crash, At: dur(50 * ms), For: dur(20 * ms), Nodes: []string{"segment 1/3"}},
		faults.Fault{Kind: faults.Crash, At: dur(55 * ms), For: dur(5 * ms), Nodes: []string{"segment 1/3"}})
	d.Run(after(time.Second))
	assert.Equal(t, []string{"segment 1/1/1@0s", "segment 1/2/1@0s", "segment 1/3/1@0s",
		"segment 1/3/2@20ms",                       // when its fault is over
		"segment 1/1/2@25ms", "segment 1/2/2@25ms", // when both of its faults are
		"segment 1/3/3@70ms", // of two, the one that lasts longer
	}, d.lines)
	assert.EqualValues(t, 4, d.Counts().Crashes)
	assert.Zero(t, d.Started(never), "what was never started is not started by a fault")
}

func TestCrashAtPoint(t *testing.T) {
	d := newDiary(t)
	id := d.add("segment 1/1", "az1", "")
	d.add("segment 1/2", "az1", "")
	d.disk.SurviveRate = 1
	d.install(100*ms, nil, faults.Fault{Kind: faults.CrashAtPoint, At: dur(10*ms + 1), For: dur(5 * ms), Nodes: []string{"segment 1/1"}, Point: "tick", Hit: 3})
	d.Run(after(13 * ms))
	// The step that dies has done what came before the point, and nothing after it.
	assert.Equal(t, "beforeafter!beforeafter!before", tail(d.find(id).disk.contents()[0].Data, 30))
	d.Run(after(30 * ms))
	assert.Equal(t, []string{"segment 1/1/1@0s", "segment 1/2/1@0s", "segment 1/1/2@18ms"}, d.lines)
	c := d.Counts()
	assert.EqualValues(t, 1, c.Crashes)
	assert.EqualValues(t, 1, c.PointCrashes)
	assert.Equal(t, []PointHits{{1, "tick", 13 + 12}, {2, "tick", 30}}, d.Hits(), "counted over all incarnations")
}

// A crash waits for what one of its nodes does, counts it from its beginning on, and takes all of them at once; what was sent in
// that step arrives.
func TestCrashWhen(t *testing.T) {
	w := newWorld(t, Options{Seed: 1, Network: Network{Latency: dur(ms / 10)}})
	var heard []received
	answer := func(_ node.Time, ev node.Event, out *node.Effects) {
		if ev.Kind == node.Requested {
			out.Respond(ev.From, node.Reply{ID: ev.Request.ID, Op: node.OpWrite, Status: node.OK})
		}
	}
	require.NoError(t, w.Add(runtime.Process{ID: 1, Name: "writer 1", Role: "writer", New: one(answer)}))
	require.NoError(t, w.Start(1))
	add(t, w, 2, "a", sender(ms, 30, 3))
	add(t, w, 3, "b", collector(&heard))
	require.NoError(t, w.AddClient(runtime.Client{ID: 9, Name: "client 1", Actor: &asker{peers: []node.ID{1}}}))
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(time.Second), Faults: []faults.Fault{
		{Kind: faults.CrashWhen, At: dur(10*ms + 1), For: dur(5 * ms), Nodes: []string{"b", "a"}, When: "ping", Hit: 3},
		{Kind: faults.CrashWhen, At: dur(40 * ms), For: dur(5 * ms), Nodes: []string{"writer", "b"}, When: faults.Acknowledged, Hit: 1},
	}}, runtime.Succession{}))
	w.Run(after(30 * ms))
	require.EqualValues(t, []uint32{1, 2, 2}, []uint32{w.Started(1), w.Started(2), w.Started(3)}, "a said it for the third time, and b fell with it")
	require.EqualValues(t, 12, heard[11].n, "the third of those that count is the 13th")
	w.Run(after(200 * ms))
	require.EqualValues(t, []uint32{2, 2, 3}, []uint32{w.Started(1), w.Started(2), w.Started(3)})
	require.EqualValues(t, 2, w.Counts().AimedCrashes)
}

// With a share, the bit is one of those that were written last.
func TestRotOfWhatWasWrittenLast(t *testing.T) {
	for salt := range uint32(50) {
		w := newWorld(t, Options{Seed: 1})
		add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
			if ev.Kind == node.Started {
				out.Replace("images", make([]byte, 5000), 1)
				out.Append("log", make([]byte, 1000))
				out.Sync(2)
			}
		})
		require.NoError(t, w.Install(faults.Plan{Horizon: dur(2 * ms), Faults: []faults.Fault{{Kind: faults.DiskCorrupt, At: dur(ms), Nodes: []string{"a"}, Rate: 0.1, Salt: salt}}}, runtime.Succession{}))
		w.Run(after(2 * ms))
		require.Equal(t, make([]byte, 5000), w.Files(1)[0].Data)
		data := w.Files(1)[1].Data
		require.Equal(t, make([]byte, 900), data[:900])
		require.NotEqual(t, make([]byte, 100), data[900:])
	}
}

// A promoted reader is the writer, too: a fault between the two strikes none of what the control plane tells it.
func TestWhatAProcessTellsItselfPassesEveryFault(t *testing.T) {
	var promoted int
	w := newWorld(t, Options{Seed: 1, Network: Network{Latency: dur(ms)}})
	add(t, w, 1, "reader 1", func(_ node.Time, ev node.Event, _ *node.Effects) {
		if ev.Kind == node.Received {
			promoted++
		}
	})
	require.NoError(t, w.Add(runtime.Process{ID: 2, Name: "writer 1", Role: "writer", New: one(silent)}))
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(time.Second), Faults: []faults.Fault{
		{Kind: faults.Promote, At: dur(10 * ms), Nodes: []string{"reader 1"}},
		{Kind: faults.Partition, At: dur(20 * ms), For: dur(500 * ms), Nodes: []string{"reader 1"}, To: []string{"writer"}},
		{Kind: faults.Promote, At: dur(30 * ms), Nodes: []string{"reader 1"}},
	}}, runtime.Succession{Role: "writer", Promote: &node.Promote{}}))
	w.Run(after(100 * ms))
	require.Equal(t, 2, promoted)
}

// A request is unanswered from when it reaches a process until the process answers it, or dies.
func TestUnanswered(t *testing.T) {
	w := newWorld(t, Options{Seed: 1, Network: Network{Latency: dur(ms)}})
	var asked []node.Event
	add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
		switch {
		case ev.Kind == node.Requested:
			asked = append(asked, ev)
			out.SetTimer(1, 20*ms)
		case ev.Kind == node.Fired && len(asked) > 0:
			out.Respond(asked[0].From, node.Reply{ID: asked[0].Request.ID, Op: asked[0].Request.Op, Status: node.OK})
		}
	})
	require.NoError(t, w.AddClient(runtime.Client{ID: 9, Name: "client 1", Actor: &asker{peers: []node.ID{1}}}))
	w.RunUntil(after(time.Second), func() bool { return len(asked) > 0 })
	left := w.Unanswered()
	require.Len(t, left, 1)
	require.Equal(t, runtime.Unanswered{Process: 1, Client: 9, Request: asked[0].Request.ID, Op: asked[0].Request.Op, Since: w.Now()}, left[0])
	require.NoError(t, w.Crash(1))
	require.Empty(t, w.Unanswered())
}

func tail(b []byte, n int) string { return string(b[max(0, len(b)-n):]) }

func TestCrashAtAPointOfWhicheverWriter(t *testing.T) {
	d := newDiary(t)
	d.add("writer 1", "", "writer")
	d.add("writer 2", "", "writer")
	d.add("segment 1/1", "", "")
	d.install(100*ms, nil, faults.Fault{Kind: faults.CrashAtPoint, For: dur(5*ms + 1), Nodes: []string{"writer"}, Point: "tick", Hit: 3})
	d.Run(after(20 * ms))
	// Each millisecond writer 1 passes it, then writer 2: the third passing is writer 1's.
	assert.Equal(t, []string{"writer 1/1@0s", "writer 2/1@0s", "segment 1/1/1@0s", "writer 1/2@7.000001ms"}, d.lines)
	assert.Equal(t, d.Newest("writer"), node.ID(1), "the newest is the one that was started last")
}

func TestACrashOfANodesOwn(t *testing.T) {
	w := newWorld(t, Options{Seed: 1})
	add(t, w, 1, "a", func(_ node.Time, ev node.Event, out *node.Effects) {
		out.Append("log", []byte("x"))
		out.Sync(1)
		if ev.Kind == node.DiskDone {
			panic(node.Crash{Point: "somewhere"})
		}
	})
	r := w.Record(10)
	require.Equal(t, runtime.Idle, w.Run(after(time.Second)).End)
	assert.Contains(t, r.Lines()[len(r.Lines())-1], "crashes, at somewhere")
	assert.Nil(t, w.Node(1))
}

func TestTakeOverAndWriterCrash(t *testing.T) {
	d := newDiary(t)
	first := d.add("writer 1", "", "writer")
	writers := 1
	start := func() {
		writers++
		d.add(fmt.Sprintf("writer %d", writers), "", "writer")
	}
	d.install(100*ms, start,
		faults.Fault{Kind: faults.TakeOver, At: dur(10 * ms)},
		faults.Fault{Kind: faults.FailOver, At: dur(20 * ms), For: dur(5 * ms)},
		faults.Fault{Kind: faults.Pause, At: dur(22 * ms), For: dur(5 * ms), Nodes: []string{"writer"}})
	d.Run(after(time.Second))
	assert.Equal(t, []string{"writer 1/1@0s", "writer 2/1@10ms", "writer 3/1@25ms"}, d.lines, "a writer that crashed for good is not mended")
	assert.NotNil(t, d.Node(first), "the old one lives on")
	assert.Nil(t, d.Node(2))
	assert.Zero(t, d.Counts().Pauses, "at 22ms the newest writer is dead")
}

func TestAWriterThatCrashesForGoodWhileItIsDown(t *testing.T) {
	d := newDiary(t)
	d.add("writer 1", "", "writer")
	d.install(100*ms, func() { d.add("writer 2", "", "writer") },
		faults.Fault{Kind: faults.CrashAtPoint, At: dur(10 * ms), For: dur(20 * ms), Nodes: []string{"writer"}, Point: "tick", Hit: 1},
		faults.Fault{Kind: faults.FailOver, At: dur(20 * ms), For: dur(5 * ms)})
	d.Run(after(time.Second))
	assert.Equal(t, []string{"writer 1/1@0s", "writer 2/1@25ms"}, d.lines)
}

// The writer that a fault struck stays struck, and its successor is spared.
func TestAFaultStaysWithTheWriterThatItStruck(t *testing.T) {
	d := newDiary(t)
	d.add("writer 1", "", "writer")
	d.add("segment 1/1", "", "")
	d.install(100*ms, func() { d.add("writer 2", "", "writer") },
		faults.Fault{Kind: faults.Partition, At: dur(10 * ms), For: dur(50 * ms), Nodes: []string{"writer"}},
		faults.Fault{Kind: faults.TakeOver, At: dur(20 * ms)})
	d.Run(after(30 * ms))
	assert.True(t, d.cut(0, 1))
	assert.True(t, d.cut(2, 0), "everyone outside includes who came later")
	assert.False(t, d.cut(2, 1))
	d.Run(after(70 * ms))
	assert.False(t, d.cut(0, 1))
}

func TestHorizonMendsEverything(t *testing.T) {
	d := newDiary(t)
	d.add("segment 1/1", "az1", "")
	d.add("segment 1/2", "az1", "")
	id := d.add("segment 1/3", "az1", "")
	d.add("segment 1/4", "az2", "")
	for _, f := range []faults.Fault{
		{Kind: faults.Crash, At: dur(10 * ms), For: dur(time.Hour), Nodes: []string{"segment 1/1"}},
		{Kind: faults.Pause, At: dur(10 * ms), For: dur(time.Hour), Nodes: []string{"segment 1/2"}},
		{Kind: faults.Partition, At: dur(10 * ms), For: dur(time.Hour), Nodes: []string{"segment 1/1"}},
		{Kind: faults.DiskSlow, At: dur(10 * ms), For: dur(time.Hour), Nodes: []string{"segment 1/2"}, Factor: 10},
		{Kind: faults.CrashAtPoint, At: dur(10 * ms), For: dur(ms), Nodes: []string{"segment 1/2"}, Point: "tick", Hit: 1000},
		{Kind: faults.CrashAtPoint, At: dur(10 * ms), For: dur(time.Hour), Nodes: []string{"segment 1/4"}, Point: "tick", Hit: 5},
	} {
		d.install(30*ms, nil, f)
	}
	d.At(after(15*ms), "stop", func() { require.NoError(t, d.Stop(id)) })
	d.At(after(40*ms), "look", func() {
		assert.Empty(t, d.links)
		assert.Empty(t, d.armed)
		assert.Empty(t, d.byName["segment 1/2"].disk.slow)
	})
	d.Run(after(2 * time.Second))
	assert.Equal(t, []string{"segment 1/1/1@0s", "segment 1/2/1@0s", "segment 1/3/1@0s", "segment 1/4/1@0s",
		"segment 1/1/2@30ms", "segment 1/4/2@30ms"}, d.lines)
	assert.Nil(t, d.Node(id), "what was stopped stays down")
	assert.Greater(t, d.Hits()[1].Hits, uint64(1900), "the paused one goes on, and the crash at its 1000th passing is called off")
}

func TestMendCallsOffWhatHasNotBegun(t *testing.T) {
	d := newDiary(t)
	d.add("segment 1/1", "az1", "")
	d.install(100*ms, nil, faults.Fault{Kind: faults.Crash, At: dur(20 * ms), For: dur(ms), Nodes: []string{"segment 1/1"}})
	d.Run(after(10 * ms))
	d.Mend()
	d.Run(after(30 * ms))
	assert.Equal(t, []string{"segment 1/1/1@0s"}, d.lines)
	// A plan that is installed after that counts.
	d.install(100*ms, nil, faults.Fault{Kind: faults.Crash, At: dur(40 * ms), For: dur(ms), Nodes: []string{"segment 1/1"}})
	d.Run(after(50 * ms))
	assert.Equal(t, []string{"segment 1/1/1@0s", "segment 1/1/2@41ms"}, d.lines)
}

// Which unsynced bytes survive is the crash's own choice.
func TestSaltOfACrash(t *testing.T) {
	sizes := map[int]bool{}
	for salt := uint32(1); salt <= 20; salt++ {
		d := newDiary(t)
		id := d.add("segment 1/1", "az1", "")
		d.install(100*ms, nil, faults.Fault{Kind: faults.Crash, At: dur(20 * ms), For: dur(time.Hour), Nodes: []string{"segment 1/1"}, Salt: salt})
		d.Run(after(20 * ms))
		c := d.Counts()
		sizes[int(c.LostPieces)] = true
		assert.EqualValues(t, 38, c.LostPieces+c.SurvivedPieces)
		require.Len(t, d.Files(id), 1)
	}
	assert.Greater(t, len(sizes), 4)
}

func TestInstallRefuses(t *testing.T) {
	d := newDiary(t)
	d.add("segment 1/1", "az1", "")
	require.NoError(t, d.AddClient(runtime.Client{ID: 9, Name: "client 1", Actor: &asker{peers: []node.ID{1}}}))
	for _, c := range []struct {
		f    faults.Fault
		want string
	}{
		{faults.Fault{Kind: "meteorite"}, `unknown fault kind "meteorite"; known: loss, `},
		{faults.Fault{Kind: faults.Crash, Nodes: []string{"segment 9/9"}}, `unknown process "segment 9/9"; known: segment 1/1, client 1`},
		{faults.Fault{Kind: faults.Loss, To: []string{"writer"}}, `unknown process "writer"`},
		{faults.Fault{Kind: faults.Crash, Nodes: []string{"client 1"}}, `expected a process, found the client "client 1"`},
		{faults.Fault{Kind: faults.PowerLossAZ, AZ: "az9"}, `unknown availability zone "az9"; known: az1`},
		{faults.Fault{Kind: faults.AZCutOff}, `unknown availability zone ""`},
		{faults.Fault{Kind: faults.Loss, Extra: dur(2 * time.Hour)}, "extra: expected a duration from 0s to 1h0m0s, found 2h0m0s"},
		{faults.Fault{Kind: faults.Loss, At: -1}, "at: expected"},
		{faults.Fault{Kind: faults.Loss, For: 1 << 62}, "for: expected"},
		{faults.Fault{Kind: faults.TakeOver}, "expected a way to start the next active node, found none"},
		{faults.Fault{Kind: faults.CrashAtPoint, Nodes: []string{"segment 1/1"}, Point: "tick"}, "found 1 nodes, \"tick\" and 0"},
		{faults.Fault{Kind: faults.CrashWhen, Nodes: []string{"segment 1/1"}, When: "ping"}, "found 1 nodes, \"ping\" and 0"},
	} {
		err := d.Install(faults.Plan{Faults: []faults.Fault{{Kind: faults.Loss}, c.f}}, runtime.Succession{})
		var f *faults.FaultError
		require.True(t, errors.As(err, &f), "%v", c.f)
		assert.Equal(t, 1, f.Index)
		assert.Contains(t, err.Error(), c.want)
	}
	var option *OptionError
	require.ErrorAs(t, d.Install(faults.Plan{Horizon: -1}, runtime.Succession{}), &option)
	assert.Equal(t, "plan.horizon", option.Option)
	assert.Len(t, d.heap, 2, "a refused plan schedules nothing beside the starts")
}

// Plans of the generator can be carried out as they are.
func TestGeneratedPlansInstall(t *testing.T) {
	topology := faults.Volume{Groups: 2, Replicas: 6, WriteQuorum: 4, ReadQuorum: 3, Zones: 3, Clients: 2, Readers: 2}.Topology()
	generator := faults.Generator{Topology: topology, Horizon: dur(2 * time.Second), Faults: 8, Lost: true, SpareEach: true, Staged: true}
	for _, p := range faults.Points() {
		generator.Points = append(generator.Points, p.Name)
	}
	kinds := map[faults.Kind]bool{}
	for seed := int64(1); seed <= 320; seed++ {
		generator.Beyond = seed%4 == 0 // some kinds are within no budget
		plan, err := generator.Plan(seed)
		require.NoError(t, err)
		d := newDiary(t)
		for _, n := range topology.Nodes() {
			switch n.Role {
			case faults.Writer:
				d.add("writer 1", "", "writer")
			case faults.Segment:
				d.add(n.String(), topology.Zone(n), "")
			case faults.Client:
				require.NoError(t, d.AddClient(runtime.Client{ID: node.ID(1000 + n.Index), Name: n.String(), Actor: &asker{peers: []node.ID{1}}}))
			default:
				d.add(n.String(), "", "")
			}
		}
		writers := 1
		require.NoError(t, d.Install(plan, succession(func() { writers++; d.add(fmt.Sprintf("writer %d", writers), "", "writer") })))
		out := d.Run(after(2100 * ms))
		require.Equal(t, runtime.TimeReached, out.End, out.String())
		for _, f := range plan.Faults {
			kinds[f.Kind] = true
		}
		for _, p := range d.parties {
			assert.True(t, p.actor != nil || p.node != nil || p.gone, "%s is down after the horizon", p.name)
			assert.False(t, p.paused)
		}
		assert.Empty(t, d.links)
	}
	assert.Len(t, kinds, len(faults.Kinds()), "every kind was tried")
}

// However many faults slow one thing down: together they are no worse than the worst that one may be, and no sum of
// delays overflows.
func TestFactorsAreBounded(t *testing.T) {
	slow := faults.Fault{For: dur(time.Hour), Factor: faults.MaxFactor}
	var fs []faults.Fault
	for range 8 {
		slow.Kind, slow.Nodes = faults.DiskSlow, []string{"segment 1/1"}
		fs = append(fs, slow)
		slow.Kind, slow.Nodes = faults.Delay, nil
		fs = append(fs, slow)
	}
	var done []time.Duration
	w := newWorld(t, Options{Seed: 1, Network: Network{Latency: dur(time.Second)}, Disk: Disk{Sync: dur(time.Second)}})
	require.NoError(t, w.Add(runtime.Process{ID: 1, Name: "segment 1/1", New: one(func(now node.Time, ev node.Event, out *node.Effects) {
		if ev.Kind == node.Started {
			out.SetTimer(1, ms)
		}
		if ev.Kind == node.Fired {
			out.Sync(1)
			out.Send(2, &ping{1})
		}
		if ev.Kind == node.DiskDone {
			done = append(done, time.Duration(now))
		}
	})}))
	require.NoError(t, w.Start(1))
	add(t, w, 2, "segment 1/2", func(now node.Time, ev node.Event, _ *node.Effects) {
		if ev.Kind == node.Received {
			done = append(done, time.Duration(now))
		}
	})
	require.NoError(t, w.Install(faults.Plan{Horizon: dur(time.Hour), Faults: fs}, runtime.Succession{}))
	w.Run(after(time.Hour))
	assert.Equal(t, []time.Duration{1000*time.Second + ms, 1000*time.Second + ms}, done)
}
