package segment

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

const (
	self    = node.ID(1)
	peer    = node.ID(2)
	writer1 = node.ID(101)
	writer2 = node.ID(102)
)

// A bench drives one segment by hand, over a disk that makes durable when it is told to.
type bench struct {
	t        *testing.T
	volume   *node.Volume
	id       node.ID
	seg      *Segment
	starts   uint32
	file     []byte // the log
	images   []byte
	pending  []operation
	sent     []node.Effect
	traces   []node.Trace
	coalesce time.Duration
	chunk    int
}

// An operation is something that the disk has not done yet.
type operation struct {
	kind  node.EffectKind
	file  string
	data  []byte
	token node.Token
	from  int
	size  int
}

func newBench(t *testing.T) *bench { return newBenchOf(t, self, testVolume()) }

func newBenchOf(t *testing.T, id node.ID, v *node.Volume) *bench {
	b := &bench{t: t, id: id, volume: v, coalesce: time.Second}
	b.restart()
	return b
}

func testVolume() *node.Volume {
	return &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Register: 100, Segments: [][]node.ID{{self, peer, 3}}}
}

// restart loses what was not synced, and starts the segment again.
func (b *bench) restart() {
	b.pending, b.sent, b.traces = nil, nil, nil
	b.seg = New(Config{ID: b.id, Volume: b.volume, GossipEvery: time.Second, CoalesceEvery: b.coalesce, FillChunk: b.chunk}, node.NoHook{})
	var files []node.File
	if b.images != nil {
		files = append(files, node.File{Name: imagesFile, Data: slices.Clone(b.images)})
	}
	if b.file != nil {
		files = append(files, node.File{Name: logFile, Data: slices.Clone(b.file)})
	}
	b.starts++
	b.step(node.Event{Kind: node.Started, Incarnation: b.starts, Files: files})
	b.disk()
}

func (b *bench) step(ev node.Event) {
	var out node.Effects
	b.seg.Step(0, ev, &out)
	b.traces = append(b.traces, out.Trace...)
	for _, e := range out.List {
		switch e.Kind {
		case node.DoAppend, node.DoSync, node.DoReplace, node.DoRead:
			b.pending = append(b.pending, operation{e.Kind, e.File, slices.Clone(e.Data), e.Token, e.From, e.Size})
		case node.DoSend:
			b.sent = append(b.sent, e)
		}
	}
}

func (b *bench) get(from node.ID, m node.Message) {
	b.step(node.Event{Kind: node.Received, From: from, Message: m})
}

// disk completes what was asked of it.
func (b *bench) disk() {
	for len(b.pending) > 0 {
		b.one(true)
	}
}

// one lets the disk do the next thing, and tells of it.
func (b *bench) one(tell bool) {
	op := b.pending[0]
	b.pending = b.pending[1:]
	file := &b.file
	if op.file == imagesFile {
		file = &b.images
	}
	switch op.kind {
	case node.DoAppend:
		*file = append(*file, op.data...)
		return
	case node.DoReplace:
		*file = op.data
	}
	var read []byte
	if op.kind == node.DoRead {
		read = slices.Clone((*file)[min(op.from, len(*file)):min(op.from+op.size, len(*file))])
	}
	if tell {
		b.step(node.Event{Kind: node.DiskDone, Token: op.token, Data: read})
	}
}

func (b *bench) fire(t node.Timer) { b.step(node.Event{Kind: node.Fired, Timer: t}) }

// answer returns the only message sent since the last call.
func (b *bench) answer() node.Message {
	b.t.Helper()
	require.Len(b.t, b.sent, 1)
	m := b.sent[0].Message
	b.sent = nil
	return m
}

func (b *bench) silent() {
	b.t.Helper()
	require.Empty(b.t, b.sent)
}

func record(l, prev node.LSN, e node.Epoch, row, old, new string) *node.Record {
	r := &node.Record{LSN: l, Epoch: e, Prev: prev, Kind: node.Write, Last: true, Txn: node.MakeTxn(e, 1), Key: row, New: node.Some(new), OldestActive: l}
	if old != "" {
		r.Old = node.Some(old)
	}
	r.Seal()
	return r
}

func writes(e node.Epoch, rs ...*node.Record) *node.Append {
	return &node.Append{Epoch: e, Records: rs}
}

// SIGMOD 2017 §3.3: only queueing and persisting are in the foreground, and the acknowledgement comes after the latter.
func TestAcknowledgesOnlyWhatIsDurable(t *testing.T) {
	b := newBench(t)
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1")))
	b.silent()
	require.Empty(t, b.traces)
	b.disk()
	require.Equal(t, &node.Appended{Epoch: 1, SCL: 1}, b.answer())
	require.Equal(t, node.ActStore, b.traces[0].Action)
	b.restart()
	require.Equal(t, node.LSN(1), b.seg.SCL())
}

func TestWhatWasNotSyncedIsGone(t *testing.T) {
	b := newBench(t)
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1")))
	b.restart()
	require.Zero(t, b.seg.SCL())
}

// SIGMOD 2018 §2.3: the SCL is the top of a gapless chain, however much lies above the gap.
func TestSCLStopsAtAGap(t *testing.T) {
	b := newBench(t)
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1"), record(3, 2, 1, "c", "", "1")))
	b.disk()
	require.Equal(t, &node.Appended{Epoch: 1, SCL: 1}, b.answer())
	b.get(writer1, writes(1, record(2, 1, 1, "b", "", "1")))
	b.disk()
	require.Equal(t, &node.Appended{Epoch: 1, SCL: 3}, b.answer())
}

// LSNs of other groups are no gap: the back-link says what the group's previous record is.
func TestSCLPassesOtherGroups(t *testing.T) {
	b := newBench(t)
	b.get(writer1, writes(1, record(2, 0, 1, "a", "", "1"), record(7, 2, 1, "b", "", "1")))
	b.disk()
	require.Equal(t, &node.Appended{Epoch: 1, SCL: 7}, b.answer())
}

func TestADuplicateIsAcknowledgedAndNotStoredTwice(t *testing.T) {
	b := newBench(t)
	r := record(1, 0, 1, "a", "", "1")
	b.get(writer1, writes(1, r))
	b.get(writer1, writes(1, r)) // while the first is on its way to the disk
	require.Equal(t, &node.Appended{Epoch: 1, SCL: 0}, b.answer(), "not durable yet")
	b.disk()
	require.Equal(t, &node.Appended{Epoch: 1, SCL: 1}, b.answer())
	size := len(b.file)
	b.get(writer1, writes(1, r))
	require.Equal(t, &node.Appended{Epoch: 1, SCL: 1}, b.answer())
	require.Len(t, b.file, size)
	require.Len(t, b.traces, 1)
}

func TestARecordThatDoesNotFitItsChecksumIsNotStored(t *testing.T) {
	b := newBench(t)
	r := record(1, 0, 1, "a", "", "1")
	r.New = node.Some("2")
	b.get(writer1, writes(1, r))
	b.disk()
	require.Equal(t, &node.Appended{Epoch: 1, SCL: 0}, b.answer())
}

// Question Q3: the promise is durable before the answer leaves, and holds after a crash.
func TestFenceAnswersWhenThePromiseIsDurable(t *testing.T) {
	b := newBench(t)
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1")))
	b.disk()
	b.sent = nil
	b.get(writer2, &node.Fence{Epoch: 2})
	b.silent()
	b.disk()
	answer := b.answer().(*node.Fenced)
	require.Equal(t, node.LSN(1), answer.SCL)
	require.Equal(t, node.Epoch(1), answer.History.Line())
	require.Equal(t, []node.Held{{LSN: 1, Epoch: 1, Last: true, OldestActive: 1}}, answer.Held)
	b.restart()
	b.get(writer1, writes(1, record(2, 1, 1, "b", "", "1")))
	require.Equal(t, &node.Stale{Promise: 2}, b.answer())
}

// A record of the old epoch that arrives while the promise is on its way to the disk would stand behind it there.
func TestAPendingPromiseAlreadyRefuses(t *testing.T) {
	b := newBench(t)
	b.get(writer2, &node.Fence{Epoch: 2})
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1")))
	require.Equal(t, &node.Stale{Promise: 2}, b.answer())
}

// A record that was accepted before the promise is part of the answer, and durable before the promise is.
func TestARecordBeforeThePromiseIsInTheAnswer(t *testing.T) {
	b := newBench(t)
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1")))
	b.get(writer2, &node.Fence{Epoch: 2})
	b.disk()
	require.Equal(t, []node.Action{node.ActStore, node.ActFence}, actions(b.traces))
	for _, e := range b.sent {
		if f, ok := e.Message.(*node.Fenced); ok {
			require.Equal(t, node.LSN(1), f.SCL)
			return
		}
	}
	t.Fatal("no answer to the fence")
}

func actions(ts []node.Trace) []node.Action {
	var as []node.Action
	for _, t := range ts {
		as = append(as, t.Action)
	}
	return as
}

// Between its promise and its join a segment is frozen, so that its answer stays true: no gossip either.
func TestFrozenBetweenPromiseAndJoin(t *testing.T) {
	b := newBench(t)
	b.get(writer2, &node.Fence{Epoch: 2})
	b.disk()
	b.sent = nil
	b.get(peer, &node.GossipGive{Line: 1, Records: []*node.Record{record(1, 0, 1, "a", "", "1")}})
	b.get(writer2, writes(2, record(1, 0, 2, "a", "", "1")))
	require.Equal(t, &node.NotJoined{Epoch: 2, Line: 1}, b.answer())
	b.disk()
	require.Zero(t, b.seg.SCL())
}

// Question Q4 and Q6: a join drops what is not on the new history, and the records that it drops do not come back, neither
// from the old writer nor by gossip; their LSNs are used again by the new epoch.
func TestJoinDropsWhatIsNotOnTheHistory(t *testing.T) {
	b := newBench(t)
	kept, dropped := record(1, 0, 1, "a", "", "1"), record(2, 1, 1, "b", "", "1")
	b.get(writer1, writes(1, kept, dropped))
	b.disk()
	history := node.FirstHistory().Cut(1, 2)
	b.get(writer2, &node.Join{Epoch: 2, History: history})
	b.disk()
	require.Equal(t, node.LSN(1), b.seg.SCL())
	b.sent = nil
	b.get(peer, &node.GossipGive{Line: 1, Records: []*node.Record{dropped}})
	b.get(peer, &node.GossipGive{Line: 2, Records: []*node.Record{dropped}})
	b.disk()
	require.Equal(t, node.LSN(1), b.seg.SCL())
	b.get(writer2, writes(2, record(2, 1, 2, "b", "", "2")))
	b.disk()
	require.Equal(t, node.LSN(2), b.seg.SCL())
	b.restart()
	require.Equal(t, node.LSN(2), b.seg.SCL())
	require.Equal(t, node.Epoch(2), b.seg.Line())
	image, err := b.seg.PageAt(0, 2)
	require.NoError(t, err)
	p, err := page.Decode(image)
	require.NoError(t, err)
	require.Equal(t, []page.Cell{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}, p.Cells)
}

// Question Q4: a stale cut is superseded, whichever order the joins arrive in.
func TestAnOlderJoinIsRefused(t *testing.T) {
	b := newBench(t)
	b.get(writer2, &node.Join{Epoch: 3, History: node.FirstHistory().Cut(0, 3)})
	b.disk()
	b.sent = nil
	b.get(writer1, &node.Join{Epoch: 2, History: node.FirstHistory().Cut(0, 2)})
	require.Equal(t, &node.Stale{Promise: 3}, b.answer())
	require.Equal(t, node.Epoch(3), b.seg.Line())
}

// Pages are materialised at the read point, from the base page and the records up to there, in any order of reads.
func TestPagesAtEveryReadPoint(t *testing.T) {
	b := newBench(t)
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1"), record(2, 1, 1, "a", "1", "2"), record(3, 2, 1, "b", "", "3")))
	b.disk()
	want := map[node.LSN][]page.Cell{
		0: {}, 1: {{Key: "a", Value: "1"}}, 2: {{Key: "a", Value: "2"}}, 3: {{Key: "a", Value: "2"}, {Key: "b", Value: "3"}},
	}
	for _, at := range []node.LSN{3, 1, 2, 0, 3, 2} {
		image, err := b.seg.PageAt(0, at)
		require.NoError(t, err)
		p, err := page.Decode(image)
		require.NoError(t, err)
		require.Equal(t, want[at], p.Cells, "read point %d", at)
	}
}

func TestReadOfAnIncompleteSegmentIsRefused(t *testing.T) {
	b := newBench(t)
	b.get(writer1, &node.ReadPage{Epoch: 1, ReadPoint: 9, Need: 5, Attempt: 4})
	require.Equal(t, &node.Behind{Epoch: 1, Attempt: 4}, b.answer())
}

// Bugs 13 and 14 of the catalogue: what was acknowledged and cannot be read is damage. The segment has no vote, serves
// nothing, and gets the record again from a peer, whose line may be any.
func TestADamagedRecordIsNeverServedAndIsFetchedAgain(t *testing.T) {
	b := newBench(t)
	first, second := record(1, 0, 1, "a", "", "1"), record(2, 1, 1, "b", "", "1")
	b.get(writer1, writes(1, first))
	b.disk()
	end := len(b.file)
	b.get(writer1, writes(1, second))
	b.disk()
	b.file[end-headerBytes-10] ^= 4
	b.restart()
	require.True(t, b.seg.Damaged())
	require.Equal(t, []node.Action{node.ActStore}, actions(b.traces), "the last entry may not have been told; what it holds it cannot say")
	require.Equal(t, second, b.traces[0].Record)
	b.traces = nil
	_, err := b.seg.PageAt(0, 1)
	require.Error(t, err)
	for _, m := range []node.Message{&node.Fence{Epoch: 2}, &node.ReadPage{Epoch: 1}, &node.Confirm{Epoch: 1}, &node.ReadLog{Epoch: 1}} {
		b.get(writer2, m)
		require.IsType(t, &node.Damaged{}, b.answer(), m.Type())
	}
	b.get(writer1, writes(1, second))
	require.Equal(t, &node.Appended{Epoch: 1, SCL: 0}, b.answer(), "it stores on, and claims only what it can read")
	b.step(node.Event{Kind: node.Fired, Timer: gossipTimer})
	require.Equal(t, []node.LSN{1}, b.answer().(*node.GossipAsk).Lost)
	b.get(peer, &node.GossipGive{Line: 5, Records: []*node.Record{record(1, 0, 5, "a", "", "9")}})
	require.True(t, b.seg.Damaged(), "another epoch's record of that LSN is another record")
	b.get(peer, &node.GossipGive{Line: 5, Records: []*node.Record{first}})
	b.disk()
	require.False(t, b.seg.Damaged())
	require.Equal(t, node.LSN(2), b.seg.SCL())
	require.Equal(t, []node.Action{node.ActHolds}, actions(b.traces), "the first never stopped being held")
	require.Len(t, node.DetailOf[node.HoldsStep](&b.traces[0]).Held, 2)
	b.restart()
	require.False(t, b.seg.Damaged())
	require.Equal(t, node.LSN(2), b.seg.SCL())
}

// A join that drops what cannot be read leaves nothing missing.
func TestAJoinThatDropsTheDamageRepairsIt(t *testing.T) {
	b := newBench(t)
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1")))
	b.disk()
	end := len(b.file)
	b.get(writer1, writes(1, record(2, 1, 1, "b", "", "1")))
	b.disk()
	b.file[end-headerBytes-10] ^= 4
	b.restart()
	b.get(writer2, &node.Join{Epoch: 2, History: node.FirstHistory().Cut(0, 2)})
	b.disk()
	require.False(t, b.seg.Damaged())
	require.Equal(t, node.Epoch(2), b.seg.Line())
	require.Zero(t, b.seg.SCL())
}

// A crash between a sync and its completion leaves entries that are durable and were never told. The next start
// tells them, with their positions, and then all that it holds.
func TestARestartTellsWhatItMayNotHaveTold(t *testing.T) {
	b := newBench(t)
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1")))
	b.one(false)
	b.one(false) // durable, and the completion never comes
	b.restart()
	require.Equal(t, []node.Action{node.ActStore, node.ActHolds}, actions(b.traces))
	require.Equal(t, uint64(1), b.traces[0].Position)
}

func TestGossipFillsAGap(t *testing.T) {
	a, b := newBench(t), newBench(t)
	first, second := record(1, 0, 1, "a", "", "1"), record(2, 1, 1, "b", "", "1")
	a.get(writer1, writes(1, first, second))
	a.disk()
	b.get(writer1, writes(1, second))
	b.disk()
	a.sent, b.sent = nil, nil
	b.step(node.Event{Kind: node.Fired, Timer: gossipTimer})
	ask := b.answer().(*node.GossipAsk)
	require.Equal(t, []node.LSN{2}, ask.Above)
	a.get(peer, ask)
	give := a.answer().(*node.GossipGive)
	require.Equal(t, []*node.Record{first}, give.Records)
	b.get(peer, give)
	b.disk()
	require.Equal(t, node.LSN(2), b.seg.SCL())
	require.Equal(t, peer, b.traces[len(b.traces)-1].From)
}

// A segment that cannot read its own history says so for ever, and leaves its log as it is.
func TestADeadSegmentOnlySaysThatItIsDamaged(t *testing.T) {
	b := newBench(t)
	first := record(1, 0, 1, "a", "", "1")
	b.get(writer1, writes(1, first))
	b.disk()
	end := len(b.file)
	b.get(writer2, &node.Join{Epoch: 2, History: node.FirstHistory().Cut(1, 2)})
	b.disk()
	b.file[end+headerBytes] ^= 1
	log := slices.Clone(b.file)
	b.restart()
	require.True(t, b.seg.Damaged())
	require.Empty(t, b.traces)
	b.get(writer2, &node.Fence{Epoch: 3})
	require.IsType(t, &node.Damaged{}, b.answer())
	b.get(writer2, &node.Join{Epoch: 3, History: node.FirstHistory().Cut(0, 3)})
	require.IsType(t, &node.Damaged{}, b.answer())
	b.get(peer, &node.GossipGive{Line: 1, Records: []*node.Record{record(2, 1, 1, "b", "", "1"), first}})
	b.step(node.Event{Kind: node.Fired, Timer: gossipTimer})
	b.disk()
	b.silent()
	b.get(peer, &node.Ping{Round: 7})
	require.Equal(t, &node.Pong{Round: 7, Lost: true}, b.answer(), "alive, and to be replaced")
	require.Equal(t, log, b.file)
}

// The control plane asks who is alive: a segment answers on every line.
func TestASegmentAnswersThatItIsAlive(t *testing.T) {
	b := newBench(t)
	b.get(writer2, &node.Fence{Epoch: 3})
	b.get(peer, &node.Ping{Round: 7})
	require.Equal(t, &node.Pong{Round: 7}, b.answer())
}

// A segment that knows of no gap asks now and then, and each of its peers in turn: with four of them, every eighth timer
// was always the same one's. In a group of four and a spare, a spare that was no member was the only one whom a member
// asked that had missed the last records before a take-over; its peers had them, and the new writer waited for ever.
func TestAnIdleSegmentAsksEveryPeer(t *testing.T) {
	for peers := 1; peers <= 9; peers++ {
		v := testVolume()
		v.Segments = [][]node.ID{{self}}
		for i := range peers {
			v.Segments[0] = append(v.Segments[0], peer+node.ID(i))
		}
		b := newBenchOf(t, self, v)
		b.disk()
		asked := map[node.ID]bool{}
		for range peers * idleTicks {
			b.sent = nil
			b.step(node.Event{Kind: node.Fired, Timer: gossipTimer})
			for _, e := range b.sent {
				if _, is := e.Message.(*node.GossipAsk); is {
					asked[e.To] = true
				}
			}
		}
		require.Len(t, asked, peers)
	}
}

// A sync that failed acknowledges nothing, and neither does a later one that succeeds: what the first was to make durable may be
// gone from the cache as well. The segment stops, and the next start reads what there is.
func TestASegmentStopsWhenItsDiskFails(t *testing.T) {
	b := newBench(t)
	b.get(writer1, writes(1, record(1, 0, 1, "a", "", "1")))
	var out node.Effects
	b.seg.Step(0, node.Event{Kind: node.DiskFailed, Token: b.pending[len(b.pending)-1].token}, &out)
	require.Empty(t, out.List)
	require.False(t, b.seg.State().Serving)
	require.Equal(t, "stopped: its disk failed", b.seg.State().Phase)
	for _, ev := range []node.Event{
		{Kind: node.DiskDone, Token: b.pending[len(b.pending)-1].token},
		{Kind: node.Received, From: writer1, Message: writes(1, record(2, 1, 1, "b", "", "2"))},
		{Kind: node.Received, From: 100, Message: &node.Ping{Round: 1}},
		{Kind: node.Fired, Timer: gossipTimer},
	} {
		b.seg.Step(0, ev, &out)
	}
	require.Empty(t, out.List)
	require.Empty(t, out.Trace)
	b.restart()
	require.True(t, b.seg.State().Serving)
	require.Zero(t, b.seg.SCL())
}
