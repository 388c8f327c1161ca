package writer

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// A fed writer is open, has one segment, and these readers; its own address is among them, for it was one.
type fed struct {
	t   *testing.T
	w   *Writer
	out node.Effects
}

const (
	reader1 = node.ID(201)
	reader2 = node.ID(202)
)

func newFed(t *testing.T) *fed {
	v := &node.Volume{WriteQuorum: 1, ReadQuorum: 1, Register: 100, Segments: [][]node.ID{{1}}, Readers: []node.ID{reader1, 101, reader2}}
	w := New(Config{ID: 101, Volume: v, CachePages: 4, RetryEvery: time.Second, IdleAfter: time.Minute, Limits: DefaultLimits()}, node.NoHook{})
	w.phase, w.epoch, w.history = open, 1, node.FirstHistory()
	w.groups[0].replicas[0].joined = true
	return &fed{t: t, w: w}
}

func (f *fed) get(from node.ID, m node.Message) {
	f.w.Step(f.w.now, node.Event{Kind: node.Received, From: from, Message: m}, &f.out)
}

func (f *fed) tick() { f.w.Step(f.w.now, node.Event{Kind: node.Fired, Timer: tick}, &f.out) }

// issue writes so many records, each of which ends a mini-transaction.
func (f *fed) issue(kind node.Kind, many int) {
	for range many {
		f.w.issue(node.Record{Kind: kind, Last: true, Txn: node.MakeTxn(1, 1), Key: "row"}, &f.out)
	}
	f.w.stream(&f.out)
}

// durable lets the segment acknowledge up to l.
func (f *fed) durable(l node.LSN) { f.get(1, &node.Appended{Epoch: 1, SCL: l}) }

// sent returns what was sent to a node since the last call, and forgets what was sent to others.
func (f *fed) sent(to node.ID) []node.Message {
	var all []node.Message
	for _, e := range f.out.List {
		if e.Kind == node.DoSend && e.To == to {
			all = append(all, e.Message)
		}
	}
	f.out.Reset()
	return all
}

// streamed returns the LSNs that were streamed to a reader since the last call, and the VDL that it was told last.
func (f *fed) streamed(to node.ID) (lsns []node.LSN, vdl node.LSN) {
	f.t.Helper()
	for _, m := range f.sent(to) {
		s, ok := m.(*node.Stream)
		require.True(f.t, ok, "%s", m.Type())
		require.LessOrEqual(f.t, len(s.Records), feedMany)
		for _, r := range s.Records {
			lsns = append(lsns, r.LSN)
		}
		vdl = s.VDL
	}
	return lsns, vdl
}

// told returns the traces of what the writer heard of readers since the last call.
func (f *fed) told() []node.Trace {
	var all []node.Trace
	for _, t := range f.out.Trace {
		switch t.Action {
		case node.ActReport, node.ActGiveUp, node.ActCollect:
			all = append(all, t)
		}
	}
	f.out.Reset()
	return all
}

// follow lets a reader say that it has all up to have, and reads at low or above.
func (f *fed) follow(from node.ID, number uint64, have, low node.LSN) {
	f.get(from, &node.Follow{Epoch: 1, Number: number, Have: have, Low: low})
}

func span(from, to node.LSN) []node.LSN {
	var all []node.LSN
	for l := from; l <= to; l++ {
		all = append(all, l)
	}
	return all
}

// A reader is offered the stream at every tick until it follows, and nothing else. The writer is no reader of its own.
func TestTheStreamIsOfferedUntilItIsFollowed(t *testing.T) {
	f := newFed(t)
	for range 2 {
		f.issue(node.Write, 3)
		f.tick()
		offer := &node.Offer{Epoch: 1, History: node.FirstHistory()}
		var to []node.ID
		for _, e := range f.out.List {
			if e.Message != nil && e.Message.Type() == "offer" {
				to = append(to, e.To)
				require.Equal(t, offer, e.Message)
			}
			require.False(t, e.Message != nil && e.Message.Type() == "stream")
		}
		require.Equal(t, []node.ID{reader1, reader2}, to)
		f.out.Reset()
	}
	f.get(reader1, &node.Follow{Epoch: 2, Number: 1})
	require.Empty(t, f.sent(reader1), "it follows another writer")
	f.get(7, &node.Follow{Epoch: 1, Number: 1})
	require.Empty(t, f.sent(7), "it is no reader")
	f.follow(reader1, 1, 2, 0)
	lsns, _ := f.streamed(reader1)
	require.Equal(t, span(3, 6), lsns, "from behind what it has")
	f.tick()
	require.Len(t, f.sent(reader2), 1, "the other is offered it still")
}

// A reader that does not acknowledge is sent a window of the log and no more: the writer keeps nothing for it.
func TestAReaderIsSentAWindow(t *testing.T) {
	f := newFed(t)
	f.follow(reader1, 1, 0, 0)
	f.issue(node.Write, feedWindow+100)
	lsns, _ := f.streamed(reader1)
	require.Equal(t, span(1, feedWindow), lsns)
	f.issue(node.Write, 1)
	lsns, _ = f.streamed(reader1)
	require.Empty(t, lsns)
	f.follow(reader1, 2, 40, 0)
	lsns, _ = f.streamed(reader1)
	require.Equal(t, span(feedWindow+1, feedWindow+40), lsns)
	f.follow(reader1, 2, feedWindow, 0)
	f.follow(reader1, 1, feedWindow, 0)
	lsns, _ = f.streamed(reader1)
	require.Empty(t, lsns, "words that were overtaken say nothing")
}

// What was sent and not acknowledged between two ticks is sent again, a chunk of it.
func TestWhatWasLostIsSentAgain(t *testing.T) {
	f := newFed(t)
	f.follow(reader1, 1, 0, 0)
	f.issue(node.Write, 50)
	f.sent(reader1)
	f.follow(reader1, 2, 10, 0)
	f.tick()
	lsns, _ := f.streamed(reader1)
	require.Empty(t, lsns, "it has moved since the last tick")
	f.tick()
	lsns, _ = f.streamed(reader1)
	require.Equal(t, span(11, 10+feedMany), lsns[:feedMany])
	require.Equal(t, span(11+feedMany, 50), lsns[feedMany:], "and what comes behind it as ever")
	f.follow(reader1, 3, 50, 0)
	f.tick()
	f.tick()
	lsns, _ = f.streamed(reader1)
	require.Empty(t, lsns)
}

// A reader serves for six ticks without a word of the writer, so one that has everything is told now and then that the writer is there:
// the readers of a volume that nobody wrote to served nothing until somebody did.
func TestAnIdleWriterSaysThatItIsThere(t *testing.T) {
	f := newFed(t)
	f.follow(reader1, 1, 0, 0)
	for range 3 {
		f.tick()
	}
	f.sent(reader1)
	for n := range 10 {
		f.follow(reader1, uint64(n+2), 0, 0)
		f.tick()
		f.tick()
		require.Len(t, f.sent(reader1), 1)
	}
}

// A commit must not wait for a tick to be seen on the readers; other moves of the VDL wait.
func TestWhenReadersAreToldTheVDL(t *testing.T) {
	f := newFed(t)
	f.follow(reader1, 1, 0, 0)
	f.issue(node.Write, 2)
	f.issue(node.Commit, 1)
	f.issue(node.Write, 1)
	f.sent(reader1)
	f.w.now = node.Time(time.Second)
	f.durable(2)
	require.Empty(t, f.sent(reader1))
	f.w.now = node.Time(2 * time.Second)
	f.durable(3)
	got := f.sent(reader1)
	require.Equal(t, []node.Message{&node.Stream{Epoch: 1, VDL: 3, Since: node.Time(2 * time.Second)}}, got)
	f.w.now = node.Time(3 * time.Second)
	f.durable(4)
	require.Empty(t, f.sent(reader1))
	f.follow(reader1, 2, 4, 0)
	f.tick()
	got = f.sent(reader1)
	require.Equal(t, []node.Message{&node.Stream{Epoch: 1, VDL: 4, Since: node.Time(3 * time.Second)}}, got)
	// That may be lost, and an idle writer says nothing else: it says so again, until the reader says that it reads there.
	f.tick()
	require.Equal(t, got, f.sent(reader1))
	f.follow(reader1, 3, 4, 4)
	f.tick()
	require.Empty(t, f.sent(reader1), "it knows")
}

// An idle writer tells segments a floor that has moved since its last write, more than once, for a message can be lost; and then
// nothing more. A group that it has no write for would keep all of its log otherwise.
func TestAnIdleWriterTellsTheFloor(t *testing.T) {
	f := newFed(t)
	f.issue(node.Commit, 20)
	f.durable(20)
	f.follow(reader1, 1, 20, 5)
	f.follow(reader2, 1, 20, 20)
	for range tellings {
		f.tick()
	}
	f.sent(1)
	f.follow(reader1, 2, 20, 20)
	f.follow(reader2, 2, 20, 20)
	for range tellings {
		f.tick()
		require.Equal(t, []node.Message{&node.Append{Epoch: 1, VDL: 20, Last: 20, Floor: 20}}, f.sent(1))
	}
	f.tick()
	require.Empty(t, f.sent(1))
}

// A segment that joins when all that there was to tell has been told is told it too: it was left with a floor of an hour ago, and kept
// its log for as long as the writer had nothing to write.
func TestASegmentThatJoinsLateIsToldTheFloor(t *testing.T) {
	f := newFed(t)
	f.issue(node.Commit, 20)
	f.durable(20)
	f.follow(reader1, 1, 20, 20)
	f.follow(reader2, 1, 20, 20)
	f.w.groups[0].replicas[0].joined = false
	for range tellings + 1 {
		f.tick()
	}
	f.sent(1)
	f.get(1, &node.Joined{Epoch: 1, SCL: 20})
	f.tick()
	require.Equal(t, []node.Message{&node.Append{Epoch: 1, VDL: 20, Last: 20, Floor: 20}}, f.sent(1))
}

// Segments keep what the slowest reader reads. A new writer, which has heard of none, takes each to read anywhere.
func TestReadersHoldTheFloor(t *testing.T) {
	f := newFed(t)
	f.issue(node.Commit, 20)
	f.durable(20)
	f.w.raiseFloor()
	require.Zero(t, f.w.floor)
	f.told()
	f.follow(reader1, 1, 20, 15)
	f.follow(reader2, 1, 20, 12)
	f.follow(reader1, 2, 20, 14)
	require.Equal(t, []node.Trace{
		{Action: node.ActReport, Epoch: 1, From: reader1, LSN: 15},
		{Action: node.ActReport, Epoch: 1, From: reader2, LSN: 12},
	}, f.told(), "read points do not go back")
	f.w.raiseFloor()
	require.Equal(t, node.LSN(12), f.w.floor)
	f.w.stream(&f.out)
	f.w.stream(&f.out)
	require.Equal(t, []node.Trace{{Action: node.ActCollect, Epoch: 1, LSN: 12}}, f.told(), "once")
	f.follow(reader2, 2, 20, 19)
	f.w.raiseFloor()
	require.Equal(t, node.LSN(15), f.w.floor)
}

// A reader of which nothing is heard for too long holds nothing back any more. It counts again when it is told to begin
// anew, at the VDL, and not when it says that it reads where it did: that may be collected.
func TestASilentReaderIsGivenUp(t *testing.T) {
	f := newFed(t)
	f.issue(node.Commit, 20)
	f.durable(20)
	f.follow(reader1, 1, 20, 5)
	f.follow(reader2, 1, 20, 20)
	f.w.raiseFloor() // where the slower one reads
	f.w.stream(&f.out)
	for n := range uint64(feedLease) {
		f.told()
		f.follow(reader2, 2+n, 20, 20)
		f.tick()
		require.Empty(t, f.told())
	}
	f.follow(reader2, 100, 20, 20)
	f.tick()
	require.Equal(t, []node.Trace{{Action: node.ActGiveUp, Epoch: 1, From: reader1}}, f.told())
	f.w.raiseFloor()
	require.Equal(t, node.LSN(20), f.w.floor)
	f.issue(node.Commit, 2)
	f.durable(22)
	require.Empty(t, f.sent(reader1))
	f.tick()
	require.Equal(t, []node.Message{&node.Offer{Epoch: 1, History: node.FirstHistory(), Anew: 1}}, f.sent(reader1))
	f.follow(reader1, 2, 20, 5)
	sent := slices.Clone(f.out.List)
	require.Equal(t, []node.Trace{{Action: node.ActReport, Epoch: 1, From: reader1, LSN: 22}}, f.told())
	require.Len(t, sent, 1)
	require.Equal(t, &node.Anew{Epoch: 1, Number: 1, Answer: 2, From: 22, Ready: 22, Lasts: []node.LSN{22}}, sent[0].Message)
	f.get(reader1, &node.Follow{Epoch: 1, Number: 3, Began: 1, Have: 22, Low: 22})
	f.issue(node.Write, 1)
	lsns, _ := f.streamed(reader1)
	require.Equal(t, []node.LSN{23}, lsns)
}

// A reader that is told twice to begin anew, for it asked again before it heard, begins where the first one says. It is streamed
// what lies between the two, and does not wait for it for ever.
func TestAReaderBeginsWhereTheFirstAnswerSays(t *testing.T) {
	f := newFed(t)
	f.issue(node.Commit, 20)
	f.durable(20)
	f.get(reader1, &node.Follow{Epoch: 1, Number: 1, Wants: true})
	f.issue(node.Commit, 2)
	f.durable(22)
	f.get(reader1, &node.Follow{Epoch: 1, Number: 2})
	f.sent(reader1)
	f.get(reader1, &node.Follow{Epoch: 1, Number: 3, Began: 1, Have: 20, Low: 20})
	f.tick()
	f.get(reader1, &node.Follow{Epoch: 1, Number: 4, Began: 1, Have: 20, Low: 20})
	f.tick()
	lsns, _ := f.streamed(reader1)
	require.Equal(t, []node.LSN{21, 22}, lsns)
}

// Where a reader has to begin anew, and from where on it is streamed to.
func TestWhoBeginsAnew(t *testing.T) {
	for _, c := range []struct {
		why    string
		follow node.Follow
		active node.LSN // the first record of a transaction that is active at the VDL, or 0
		first  node.LSN // that the writer has
		from   node.LSN // of the Anew; 0 if there is no Anew
	}{
		{"it goes on from what it has", node.Follow{Have: 18}, 0, 1, 0},
		{"it has nothing", node.Follow{Wants: true}, 0, 1, 20},
		{"it has to know what to hide", node.Follow{Wants: true}, 7, 1, 6},
		{"what it lacks is not kept any more", node.Follow{Have: 8}, 0, 10, 20},
		{"what it lacks is just kept", node.Follow{Have: 9}, 0, 10, 0},
		{"it has more than there is", node.Follow{Have: 26}, 0, 1, 20},
	} {
		f := newFed(t)
		if c.active > 0 {
			f.issue(node.Commit, int(c.active)-1)
			f.w.active = append(f.w.active, &txn{first: c.active})
		}
		f.issue(node.Write, 25-int(f.w.end))
		f.durable(20)
		f.w.log, f.w.first = f.w.log[c.first-1:], c.first
		f.sent(reader1)
		m := c.follow
		m.Epoch, m.Number = 1, 9
		f.get(reader1, &m)
		got := f.sent(reader1)
		require.NotEmpty(t, got, c.why)
		if c.from == 0 {
			require.Equal(t, "stream", got[0].Type(), c.why)
			require.Equal(t, m.Have+1, got[0].(*node.Stream).Records[0].LSN, c.why)
			continue
		}
		require.Equal(t, &node.Anew{Epoch: 1, Number: 1, Answer: 9, From: c.from, Ready: 20, Lasts: []node.LSN{20}}, got[0], c.why)
		var lsns []node.LSN
		for _, m := range got[1:] {
			for _, r := range m.(*node.Stream).Records {
				lsns = append(lsns, r.LSN)
			}
		}
		require.Equal(t, span(c.from+1, 25), lsns, c.why)
		m.Number++
		f.get(reader1, &m)
		got = f.sent(reader1)
		require.NotEmpty(t, got, c.why)
		require.Equal(t, uint32(1), got[0].(*node.Anew).Number, "%s: it has not heard yet, and is told once more", c.why)
	}
}

// A writer that does not serve streams to no reader and hears no reader.
func TestOnlyAnOpenWriterStreams(t *testing.T) {
	f := newFed(t)
	f.w.phase = repairing
	f.issue(node.Commit, 3)
	f.follow(reader1, 1, 0, 0)
	require.Empty(t, f.sent(reader1))
	require.False(t, f.w.feed.followers[0].heard)
}
