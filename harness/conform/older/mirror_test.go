package older

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/mirror"
)

// The nodes of a pair of disks: managers 1 and 4, servers 2, 3, 5 and 6, the instances 7 and 8 and their manager 9.
const (
	near    node.ID = 1
	far     node.ID = 4
	primary node.ID = 7
	standby node.ID = 8
	pair    node.ID = 9
	later           = 1<<31 | 1 // the start of a standby that has taken over
)

func disk1() Disk { return Disk{near, []node.ID{2, 3}} }
func disk2() Disk { return Disk{far, []node.ID{5, 6}} }

func view(manager node.ID, epoch node.Epoch, holder node.ID, start uint32, members ...node.ID) told {
	return told{manager, node.Trace{Action: node.ActDiskView, Detail: &node.DiskStep{View: node.View{Epoch: epoch, Holder: holder, Members: members}, Start: start}}}
}

func opens(epoch node.Epoch, holder node.ID, server node.ID, members ...node.ID) told {
	return told{server, node.Trace{Action: node.ActDiskOpen, Detail: &node.DiskStep{View: node.View{Epoch: epoch, Holder: holder, Members: members}}}}
}

func reads(by node.ID, start uint32) told {
	return told{by, node.Trace{Action: node.ActDiskRead, Detail: &node.DiskStep{Start: start}}}
}

func id(by node.ID, start uint32, count uint64) node.WriteID {
	return node.WriteID{By: by, Start: start, Count: count}
}

func makes(w node.WriteID, at uint64, log string) told {
	return told{w.By, node.Trace{Action: node.ActDiskIssue, Detail: &node.DiskStep{Write: w, What: &node.DiskWrite{Writes: true, LogAt: at, Log: []byte(log)}}}}
}

func paints(w node.WriteID, number uint32, data string) told {
	return told{w.By, node.Trace{Action: node.ActDiskIssue, Detail: &node.DiskStep{Lane: block.PageLane, Write: w, What: &node.DiskWrite{Blocks: []node.Block{{Number: number, Data: []byte(data)}}}}}}
}

func page(t told) told {
	t.t.Detail.(*node.DiskStep).Lane = block.PageLane
	return t
}

func keeps(server node.ID, w node.WriteID) told {
	return told{server, node.Trace{Action: node.ActDiskStore, Detail: &node.DiskStep{Write: w}}}
}

func done(w node.WriteID) told {
	return told{w.By, node.Trace{Action: node.ActDiskAck, Detail: &node.DiskStep{Write: w}}}
}

func blank(server node.ID) told { return told{server, node.Trace{Action: node.ActDiskBlank}} }

func has(server node.ID, base uint64, log string, blocks ...node.Block) told {
	return told{server, node.Trace{Action: node.ActDiskHolds, Detail: &node.DiskStep{Base: base, Log: []byte(log), Blocks: blocks}}}
}

var w1, w2, w3 = id(primary, 1, 1), id(primary, 1, 2), id(primary, 1, 3)

// goodDisk is a write of the log and one of a page; a write that only the first server has when the instance starts anew,
// which reads the last one and writes something else there; a server that starts again; and one that is lost and dropped.
func goodDisk() []told {
	again := id(primary, 2, 1)
	return []told{
		view(near, 1, primary, 1, 2, 3), opens(1, primary, 3, 2, 3), opens(1, primary, 2, 2, 3), reads(primary, 1), // 0–3
		makes(w1, 0, "one"), keeps(2, w1), keeps(3, w1), done(w1), // 4–7
		paints(w2, 7, "x"), page(keeps(2, w2)), page(keeps(3, w2)), page(done(w2)), // 8–11
		makes(w3, 3, "two"), keeps(2, w3), // 12–13
		view(near, 2, primary, 2, 2, 3), opens(2, primary, 2, 2, 3), opens(2, primary, 3, 2, 3), reads(primary, 2), // 14–17
		makes(again, 3, "new"), keeps(2, again), keeps(3, again), done(again), // 18–21
		view(near, 3, primary, 2, 2, 3), has(3, 0, "onenew", node.Block{Number: 7, Data: []byte("x")}), opens(3, primary, 3, 2, 3), opens(3, primary, 2, 2, 3), // 22–25
		blank(2), view(near, 4, primary, 2, 3), opens(4, primary, 3, 3), // 26–28
		makes(id(primary, 2, 2), 6, "!"), keeps(3, id(primary, 2, 2)), done(id(primary, 2, 2)), // 29–31
	}
}

// begun is a pair of disks of which the primary has done a write.
func begun() []told {
	return []told{
		view(near, 1, primary, 1, 2, 3), view(far, 1, standby, 1, 5, 6), opens(1, standby, 5, 5, 6), opens(1, standby, 6, 5, 6), // 0–3
		opens(1, primary, 2, 2, 3), opens(1, primary, 3, 2, 3), view(pair, 1, primary, 1, primary, standby), reads(primary, 1), // 4–7
		makes(w1, 0, "one"), keeps(2, w1), keeps(3, w1), keeps(5, w1), keeps(6, w1), done(w1), // 8–13
	}
}

// restarted is a primary that starts again: of its last two writes, one of the log and one of pages, the standby has none, and
// gets the log as it was read.
func restarted() []told {
	whole, w4, again, painted := id(primary, 2, 0), id(primary, 1, 4), id(primary, 2, 1), id(primary, 2, 2)
	return append(begun(),
		makes(w2, 3, "two"), keeps(2, w2), keeps(3, w2), paints(w4, 7, "old"), page(keeps(2, w4)), page(keeps(3, w4)), // 14–19
		view(near, 2, primary, 2, 2, 3), opens(2, primary, 2, 2, 3), opens(2, primary, 3, 2, 3), view(pair, 2, primary, 2, primary, standby), reads(primary, 2), // 20–24
		makes(whole, 0, "onetwo"), keeps(5, whole), keeps(6, whole), // 25–27
		makes(again, 6, "!"), keeps(2, again), keeps(3, again), keeps(5, again), keeps(6, again), done(again), // 28–33
		paints(painted, 7, "new"), page(keeps(2, painted)), page(keeps(3, painted)), page(keeps(5, painted)), page(keeps(6, painted)), page(done(painted)), // 34–39
	)
}

// taken is a standby that takes over.
func taken() []told {
	alone := id(standby, later, 1)
	return append(begun(),
		view(pair, 2, standby, 1, standby), view(far, 2, standby, later, 5, 6), opens(2, standby, 5, 5, 6), opens(2, standby, 6, 5, 6), reads(standby, later), // 14–18
		makes(alone, 3, "mine"), keeps(5, alone), keeps(6, alone), done(alone), // 19–22
	)
}

// degraded is a primary that goes on without its standby.
func degraded() []told {
	return append(begun(), makes(w2, 3, "two"), keeps(2, w2), keeps(3, w2), view(pair, 2, primary, 1, primary), done(w2)) // 14–18
}

func watch(t *testing.T, disks []Disk, p *Pair, trace []told) (*Mirror, error) {
	m, err := NewMirror(disks, p)
	require.NoError(t, err)
	for i, x := range trace {
		if err := m.Tell(node.Time(i), x.from, &x.t); err != nil {
			require.Equal(t, err, m.Tell(node.Time(i), x.from, &x.t), "and ever after")
			require.Equal(t, len(trace)-1, i, "%v", err)
			return m, err
		}
	}
	return m, nil
}

func ofPair(t *testing.T, trace []told) (*Mirror, error) {
	return watch(t, []Disk{disk1(), disk2()}, &Pair{pair, []node.ID{primary, standby}}, trace)
}

func TestGoodDisksAreTaken(t *testing.T) {
	m, err := watch(t, []Disk{disk1()}, nil, goodDisk())
	require.NoError(t, err)
	// Two instances are attached and read in both lanes, a server is lost and dropped, and the first acknowledgement of
	// each instance lets it serve in the same step.
	require.EqualValues(t, 2*2+2*2+2*2+17, m.Steps())
	for name, trace := range map[string][]told{"restarted": restarted(), "taken over": taken(), "degraded": degraded()} {
		m, err := ofPair(t, trace)
		require.NoError(t, err, name)
		require.Greater(t, m.Steps(), uint64(10), name)
	}
	// What comes twice is no step, and what a server stores that was taken out, or whose zone was, does not count.
	again, err := watch(t, []Disk{disk1()}, nil, append(goodDisk(), keeps(3, id(primary, 2, 2)), keeps(2, id(primary, 2, 2))))
	require.NoError(t, err)
	require.Equal(t, m.Steps(), again.Steps())
	_, err = ofPair(t, append(degraded(), makes(w3, 6, "!"), keeps(2, w3), keeps(3, w3), done(w3), keeps(5, w2)))
	require.NoError(t, err)
	// A server that was left behind with a write under way, and crashed before it told it, has it when it starts again:
	// long after the instance has gone on to others.
	_, err = ofPair(t, append(degraded(), makes(w3, 6, "!"), keeps(2, w3), keeps(3, w3), done(w3), has(5, 0, "onetwo")))
	require.NoError(t, err)
}

// overtaken is an instance whose disk its servers open when the manager has given it to the next one.
func overtaken() []told {
	return append(goodDisk()[:14], view(near, 2, standby, 1, 2, 3), view(near, 3, primary, 2, 2, 3), opens(2, standby, 2, 2, 3), opens(2, standby, 3, 2, 3), reads(standby, 1), // 14–18
		opens(3, primary, 2, 2, 3), opens(3, primary, 3, 2, 3), reads(primary, 2)) // 19–21
}

// left is one of which the last server opens the disk when the next instance has it, without that server.
func left() []told {
	return append(goodDisk()[:14], view(near, 2, standby, 1, 2, 3), opens(2, standby, 2, 2, 3), view(near, 3, primary, 2, 2), opens(3, primary, 2, 2), reads(primary, 2), // 14–18
		opens(2, standby, 3, 2, 3), reads(standby, 1)) // 19–20
}

// late is a primary that starts again and whose disk comes back after the standby has taken over.
func late() []told {
	w := id(primary, 2, 1)
	return append(begun(), view(pair, 2, primary, 2, primary, standby), view(near, 2, primary, 2, 2, 3), // 14–15
		view(pair, 3, standby, 1, standby), view(far, 2, standby, later, 5, 6), opens(2, standby, 5, 5, 6), opens(2, standby, 6, 5, 6), reads(standby, later), // 16–20
		opens(2, primary, 2, 2, 3), opens(2, primary, 3, 2, 3), reads(primary, 2), makes(w, 3, "x"), keeps(2, w), keeps(3, w)) // 21–26
}

// Two successors at once, of which the first once seemed to read a disk that it did not have: the manager had given it to the
// second, and servers had opened it for the first.
func TestAnInstanceMayBeOvertakenWhileItOpens(t *testing.T) {
	for _, trace := range [][]told{overtaken(), left(), append(left(), makes(id(standby, 1, 1), 3, "x"))} {
		_, err := watch(t, []Disk{disk1()}, nil, trace)
		require.NoError(t, err)
	}
	// A primary that starts again, and whose disk comes back when the standby has taken over: it has its own disk alone.
	_, err := ofPair(t, late())
	require.NoError(t, err)
}

// Each break of a trace, and the action or invariant of the model that objects to it.
func TestBrokenDisksAreRefusedByName(t *testing.T) {
	disk := func(at int, x ...told) []told { return append(slices.Clone(goodDisk()[:at]), x...) }
	two := func(trace []told, at int, x ...told) []told { return append(slices.Clone(trace[:at]), x...) }
	lane := keeps(2, w1)
	lane.t.Detail.(*node.DiskStep).Lane = 2
	for name, c := range map[string]struct {
		pair  bool
		trace []told
		rule  string
	}{
		"an answer at the head":                          {false, disk(6, done(w1)), "Serve"},
		"an answer at the head, later":                   {false, disk(14, done(w3)), "Ack"},
		"an answer twice":                                {false, disk(8, done(w1)), "Ack"},
		"an answer without the mirror":                   {true, two(begun(), 11, done(w1)), "Serve"},
		"an answer with half of the mirror":              {true, two(begun(), 12, done(w1)), "Serve"},
		"an answer of a primary that is replaced":        {true, two(taken(), 18, makes(w2, 3, "two"), keeps(2, w2), keeps(3, w2), done(w2)), "Ack"},
		"a write to the second copy first":               {false, disk(5, keeps(3, w1)), "Forward"},
		"a write that passes another":                    {false, disk(8, makes(w2, 3, "a"), makes(w3, 4, "b"), keeps(2, w3)), "Store"},
		"an old write once more":                         {false, disk(14, keeps(2, w1)), "Store"},
		"a write of an instance that was replaced":       {false, disk(17, makes(id(primary, 1, 4), 6, "x"), keeps(2, w3), keeps(2, id(primary, 1, 4))), "Store"},
		"a write of before passed on":                    {false, disk(18, keeps(3, w3)), "Forward"},
		"a write behind a hole":                          {false, disk(13, told{2, node.Trace{Action: node.ActDiskBlank, Detail: &node.DiskStep{Write: w3}}}), "Store"},
		"the mirror lacks what was read":                 {true, two(restarted(), 25, makes(id(primary, 2, 1), 6, "!"), keeps(5, id(primary, 2, 1))), "Store"},
		"a write before the log is read":                 {false, disk(3, makes(w1, 0, "one")), "Issue"},
		"a write of nobody":                              {false, disk(4, makes(id(primary, 9, 1), 0, "one")), "Issue"},
		"a write made twice":                             {false, disk(5, makes(w1, 0, "one")), "Issue"},
		"a log read by nobody":                           {false, disk(2, reads(primary, 1)), "Read"},
		"a log read by whom half of the disk serves":     {false, append(overtaken()[:17], reads(standby, 1)), "Read"},
		"a write of whom the disk was opened too late":   {false, append(left(), makes(id(standby, 1, 1), 3, "x"), keeps(3, id(standby, 1, 1))), "Store"},
		"a write of whom another one overtook":           {false, append(overtaken(), makes(id(standby, 1, 1), 3, "x"), keeps(2, id(standby, 1, 1))), "Store"},
		"an answer of a primary that came back too late": {true, append(late(), done(id(primary, 2, 1))), ruleKnown},
		"a mirror of a primary that came back too late":  {true, append(late(), keeps(5, id(primary, 2, 1))), "Store"},
		"a log read twice":                               {false, disk(4, reads(primary, 1)), "Read"},
		"a standby that takes over after all":            {true, two(degraded(), 19, view(pair, 3, standby, 1, standby), view(far, 2, standby, later, 5, 6), opens(2, standby, 5, 5, 6), opens(2, standby, 6, 5, 6)), "Attach"},
		"the last copy is left out":                      {false, disk(26, blank(2), view(near, 4, primary, 2, 2), opens(4, primary, 2, 2)), "Drop"},
		"both copies are lost":                           {false, disk(27, blank(3)), "Durable"},
		"a restart forgets the log":                      {false, disk(23, has(3, 0, "one", node.Block{Number: 7, Data: []byte("x")})), ruleHolds},
		"a restart forgets a block":                      {false, disk(23, has(3, 0, "onenew")), ruleHolds},
		"a restart has another block":                    {false, disk(23, has(3, 0, "onenew", node.Block{Number: 7, Data: []byte("y")})), ruleHolds},
		"a restart has another log":                      {false, disk(23, has(3, 0, "onetwo", node.Block{Number: 7, Data: []byte("x")})), ruleHolds},
		"a restart has dropped the log":                  {false, disk(23, has(3, 3, "new", node.Block{Number: 7, Data: []byte("x")})), ruleHolds},
		"a manager goes back":                            {false, disk(22, view(near, 1, primary, 1, 2, 3)), ruleView},
		"two views of an epoch":                          {false, disk(22, view(near, 2, standby, 1, 2, 3)), ruleView},
		"the pair's manager goes back":                   {true, two(taken(), 15, view(pair, 1, primary, 1, primary, standby)), ruleView},
		"a view that nobody gave":                        {false, disk(22, opens(3, primary, 2, 2, 3)), ruleView},
		"a manager of nothing":                           {false, []told{view(far, 1, primary, 1, 2, 3)}, ruleKnown},
		"a server of nothing":                            {false, disk(5, keeps(5, w1)), ruleKnown},
		"a write that nobody made":                       {false, disk(5, keeps(2, w2)), ruleKnown},
		"a lane that is none":                            {false, disk(5, lane), ruleComplete},
		"nothing":                                        {false, []told{{near, node.Trace{Action: node.ActDiskView}}}, ruleComplete},
		"a write of nothing":                             {false, disk(4, told{primary, node.Trace{Action: node.ActDiskIssue, Detail: &node.DiskStep{Write: w1}}}), ruleComplete},
		"an action of another model":                     {false, []told{{near, node.Trace{Action: node.ActStore, Detail: &node.DiskStep{}}}}, ruleAction},
	} {
		var err error
		if c.pair {
			_, err = ofPair(t, c.trace)
		} else {
			_, err = watch(t, []Disk{disk1()}, nil, c.trace)
		}
		var x *conform.Violation
		require.ErrorAs(t, err, &x, name)
		require.Equal(t, c.rule, x.Rule, "%s: %v", name, err)
		require.Contains(t, err.Error(), "expected ", name)
	}
}

func TestDisksThatTheModelHasNoRoomFor(t *testing.T) {
	var bad *mirror.WorldError
	_, err := NewMirror([]Disk{{near, []node.ID{2, 3, 4}}}, nil)
	require.ErrorAs(t, err, &bad)
	for _, disks := range [][]Disk{nil, {disk1(), disk2()}, {disk1(), {far, []node.ID{5}}}} {
		_, err := NewMirror(disks, nil)
		require.Error(t, err)
	}
}

// What a server has sent on, or answered, arrives though the server has lost it since.
func TestALostServersMessagesArrive(t *testing.T) {
	trace := append(slices.Clone(goodDisk()[:5]), keeps(2, w1), blank(2), keeps(3, w1), blank(2),
		view(near, 2, primary, 1, 3), opens(2, primary, 3, 3), done(w1), blank(3))
	_, err := watch(t, []Disk{disk1()}, nil, trace)
	var x *conform.Violation
	require.ErrorAs(t, err, &x, "the last one is too much")
	require.Equal(t, "Durable", x.Rule)
}

// A model that has seen nothing has shown nothing, even when the others have.
func TestAllOfThemHaveToStep(t *testing.T) {
	log, err := NewWAL()
	require.NoError(t, err)
	m, err := NewMirror([]Disk{disk1()}, nil)
	require.NoError(t, err)
	all := All{log, m}
	for i, x := range goodDisk() {
		require.NoError(t, all.Tell(node.Time(i), x.from, &x.t))
	}
	require.NotZero(t, m.Steps())
	require.Zero(t, all.Steps())
	for i, x := range goodLog() {
		require.NoError(t, all.Tell(node.Time(i), x.from, &x.t))
	}
	require.Equal(t, m.Steps()+log.Steps(), all.Steps())
	require.NoError(t, all.Finish())
	x := done(w1)
	err = all.Tell(0, x.from, &x.t)
	require.Error(t, err)
	require.Equal(t, err, all.Finish(), "and at the end")
}

// A disk is gone when each server of it that counts has told so, and not before.
func TestADiskIsGoneWithItsLastCopy(t *testing.T) {
	m, err := watch(t, []Disk{disk1()}, nil, append(goodDisk()[:26], blank(2)))
	require.NoError(t, err)
	require.False(t, m.Gone(2))
	x := blank(3)
	require.Error(t, m.Tell(0, x.from, &x.t))
	require.True(t, m.Gone(2))
	require.True(t, m.Gone(3))
	m, err = watch(t, []Disk{disk1()}, nil, goodDisk()) // which leaves one of them out
	require.NoError(t, err)
	require.False(t, m.Gone(2))
	require.False(t, m.Gone(9), "no server")
}

// A server holds what it stored and never told: a successor reads it, and writes its own log behind it. What the server tells as stored
// after that is there in the next start with all that is in front of it, and only then.
func TestWhatARestartFindsIsThereFromThenOn(t *testing.T) {
	x, behind := node.Block{Number: 7, Data: []byte("x")}, id(primary, 2, 1)
	trace := append(goodDisk()[:14],
		view(near, 2, primary, 2, 2, 3), has(3, 0, "onetwo", x), opens(2, primary, 3, 2, 3), opens(2, primary, 2, 2, 3), reads(primary, 2),
		makes(behind, 6, "!"), keeps(2, behind), keeps(3, behind), done(behind),
		view(near, 3, primary, 2, 2, 3))
	_, err := watch(t, []Disk{disk1()}, nil, append(slices.Clone(trace), has(3, 0, "onetwo!", x), opens(3, primary, 3, 2, 3)))
	require.NoError(t, err)
	_, err = watch(t, []Disk{disk1()}, nil, append(slices.Clone(trace), has(3, 0, "onetwo", x)))
	require.ErrorContains(t, err, "a restarted server holds what it stored")
}
