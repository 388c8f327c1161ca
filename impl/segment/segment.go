// Package segment is the storage node: one copy of one protection group. It makes log records durable,
// acknowledges how far it is complete (its SCL), fills gaps from its peers, materialises pages on read and in the
// background, drops the log that the pages stand for, and lets a new writer fence it and put it on a new history
// (SIGMOD 2017 §3.3 and §4.3, SIGMOD 2018 §2.3 and §2.4).
//
// Use package baseline/block instead when a database writes blocks and keeps its log to itself.
package segment

import (
	"cmp"
	"time"

	"github.com/firstgap/firstgap/impl/node"
)

// Limits of a segment. All are far above what a healthy volume needs; past them it drops the message, and the
// sender's retry comes when there is room.
const (
	maxQueued  = 4096    // entries waiting for a sync
	maxHeld    = 1 << 20 // records above the floor
	logChunk   = 128     // records in one LogRecords
	gossipMany = 64      // records in one GossipGive, LSNs in one GossipAsk
)

// Timers.
const (
	gossipTimer node.Timer = 1 + iota
	coalesceTimer
	backupTimer
	scrubTimer
)

// Config is what a segment needs to know.
type Config struct {
	ID     node.ID
	Volume *node.Volume
	// GossipEvery is how often it asks a peer for what it may lack.
	GossipEvery time.Duration
	// CoalesceEvery is how often it looks whether log is to be turned into pages; 0 is never, and then it keeps all of
	// the log.
	CoalesceEvery time.Duration
	// BackupEvery is how often it looks whether there is something to back up, when the volume has an object store. It
	// must not be 0 then.
	BackupEvery time.Duration
	// ScrubEvery is how often it reads a piece of its disk to verify it; 0 is never.
	ScrubEvery time.Duration
	// FillChunk is how many bytes of page images go into one message to a peer, beyond the first image; 0 is 16 KiB.
	FillChunk int
}

// A Segment is one storage node.
type Segment struct {
	id     node.ID
	volume *node.Volume
	group  node.Group
	peers  []node.ID
	tail   bool // it keeps the log and no pages
	every  time.Duration
	hook   node.Hook

	coalesceEvery time.Duration
	backupEvery   time.Duration
	scrubEvery    time.Duration
	fillChunk     int
	incarnation   uint32

	durable state // what the disk holds for certain
	// ahead is what durable becomes when everything in queue is durable. What may be accepted is judged by ahead: a
	// record of an old epoch that arrives while a promise is on its way to the disk would stand behind the promise
	// there.
	ahead state

	// The durable records on the durable line: those at or below the floor as images, the others one by one.
	images    images
	held      []heldRecord // ascending
	heldBytes int          // about what held takes in the log
	scl       node.LSN
	told      node.LSN // highest VDL that a writer told
	lastAt    node.LSN // the group's last LSN at or below told
	floor     node.LSN // highest floor that a writer told: the images may get there

	queue    []entry // appended, not known to be durable
	position uint64  // of the last entry appended
	synced   uint64  // of the last entry known to be durable
	toldTo   uint64  // at the start: of the last entry that was certainly told before
	syncing  bool
	buffer   []byte // the bytes that this step appends
	whole    []byte // the bytes by which this step replaces the images
	shorter  []byte // the bytes by which this step replaces the log

	serving  bool     // false until a start has settled what the disk holds
	settling []untold // what a start has to tell once nothing is lost
	// imagesOnly is up to where lost records are taken in images alone, since it is not known whether they were told of; 0: nowhere.
	imagesOnly node.LSN
	stopped    bool         // an operation of the disk failed: until the process starts again it does nothing
	room       roomless     // what is left to do since the disk was full
	dead       bool         // something durable is unreadable, and no header says what: for ever without a vote
	lost       []lostRecord // durable once, unreadable now, to be fetched from a peer
	writers    map[node.Epoch]node.ID
	pages      map[node.PageID]*versions
	order      []node.PageID // of pages, ascending: nothing may depend on the order of a map
	ticks      int
	asked      int // peers asked for what it may lack

	pending    *imageSet // on its way to the disk
	trimming   bool      // a shorter log is on its way to the disk
	imageBytes int       // of the images on the disk
	logBytes   int       // of the log on the disk, and what was appended since
	isHollow   bool      // the images cannot be read, and a peer has to give others
	hollowAt   node.LSN  // when hollow: what they were as of
	filling    filling
	fills      uint64
	// settlingFill is, at a start, the images whose coming may not have been told.
	settlingFill *images
	counters     Counters
	backup       backingUp
	scrubs       scrubbing
}

// state is what a segment promised and follows.
type state struct {
	promise node.Epoch
	history node.History
}

// line returns the epoch whose log it follows.
func (s *state) line() node.Epoch { return s.history.Line() }

// frozen tells that it promised an epoch that it does not follow yet. It accepts no record until it joins, so
// that the answer that it gave to the fence stays true.
func (s *state) frozen() bool { return s.promise != s.line() }

type lostRecord struct {
	lsn   node.LSN
	epoch node.Epoch
}

// New returns a segment that has not started.
func New(c Config, hook node.Hook) *Segment {
	g, r, _ := c.Volume.Find(c.ID)
	members := c.Volume.Segments[g]
	// Each asks its peers in an order of its own, so that not all ask the same one.
	peers := append(append([]node.ID(nil), members[r+1:]...), members[:r]...)
	return &Segment{
		id: c.ID, volume: c.Volume, group: g, peers: peers, every: c.GossipEvery, hook: hook,
		tail: r < len(c.Volume.Tails) && c.Volume.Tails[r], coalesceEvery: c.CoalesceEvery, backupEvery: c.BackupEvery, scrubEvery: c.ScrubEvery,
		fillChunk: cmp.Or(c.FillChunk, defaultFillChunk), backup: newBackup(c.Volume, r),
		durable: state{promise: 1, history: node.FirstHistory()},
		ahead:   state{promise: 1, history: node.FirstHistory()},
		writers: map[node.Epoch]node.ID{},
		pages:   map[node.PageID]*versions{},
	}
}

// Line returns the epoch whose log the segment durably follows.
func (s *Segment) Line() node.Epoch { return s.durable.line() }

// Promise returns the newest epoch that it has durably promised to serve.
func (s *Segment) Promise() node.Epoch { return s.durable.promise }

// SCL returns the segment complete LSN.
func (s *Segment) SCL() node.LSN { return s.scl }

// Serving tells whether the segment has settled what its disk holds.
func (s *Segment) Serving() bool { return s.serving }

// Floor returns the lowest read point that it serves: what is at or below it, it has as page images alone.
func (s *Segment) Floor() node.LSN { return s.images.floor }

// Damaged tells whether records that it had acknowledged can no longer be read.
func (s *Segment) Damaged() bool { return s.dead || s.isHollow || len(s.lost) > 0 }

// Step implements node.Node.
func (s *Segment) Step(_ node.Time, ev node.Event, out *node.Effects) {
	s.buffer = s.buffer[:0]
	if s.stopped {
		return
	}
	switch ev.Kind {
	case node.Started:
		s.start(ev.Incarnation, ev.Files, out)
	case node.DiskDone:
		s.diskDone(ev.Token, ev.Data, out)
	case node.DiskFailed:
		// gofail: var bugFailedSyncCounts struct{}
		// if s.hook.Planted("bugFailedSyncCounts") {
		// 	s.diskDone(ev.Token, nil, out)
		// 	break
		// }

		// What is on the disk now is not known, and another sync that succeeds says nothing of what this one has lost. The
		// next start reads what is there.
		s.stopped, s.serving = true, false
		return
	case node.DiskFull:
		s.noRoom(ev.Token)
	case node.Fired:
		switch ev.Timer {
		case gossipTimer:
			s.makeRoom(out)
			s.gossip(out)
			// gofail: var bugGossipOnce struct{}
			// if s.hook.Planted("bugGossipOnce") {
			// 	break
			// }

			out.SetTimer(gossipTimer, s.every)
		case coalesceTimer:
			s.coalesce(out)
			// gofail: var bugCoalesceOnce struct{}
			// if s.hook.Planted("bugCoalesceOnce") {
			// 	break
			// }

			out.SetTimer(coalesceTimer, s.coalesceEvery)
		case backupTimer:
			s.backupAgain(out)
			// gofail: var bugBackupOnce struct{}
			// if s.hook.Planted("bugBackupOnce") {
			// 	break
			// }

			out.SetTimer(backupTimer, s.backupEvery)
		case scrubTimer:
			s.scrub(out)
			// gofail: var bugScrubOnce struct{}
			// if s.hook.Planted("bugScrubOnce") {
			// 	break
			// }

			out.SetTimer(scrubTimer, s.scrubEvery)
		}
	case node.Received:
		if s.serving {
			s.receive(ev.From, ev.Message, out)
		}
	}
	s.sync(out)
}

func (s *Segment) receive(from node.ID, m node.Message, out *node.Effects) {
	if s.room.refuses(m) {
		return
	}
	switch m := m.(type) {
	case *node.Ping:
		out.Send(from, &node.Pong{Round: m.Round, Lost: s.dead})
		return
	case *node.GossipAsk:
		s.give(from, m, out)
		return
	case *node.GossipGive:
		s.take(from, m, out)
		return
	case *node.ReadSnapshot:
		s.readSnapshot(from, m, out)
		return
	case *node.FillAsk:
		s.giveImages(from, m, out)
		return
	case *node.FillGive:
		s.takeImages(from, m, out)
		return
	case *node.ObjectRead:
		s.objectRead(m, out)
		return
	case *node.ObjectKept:
		s.objectKept(m, out)
		return
	}
	epoch, ok := writerEpoch(m)
	if !ok {
		return // an answer to somebody else: not for a segment
	}
	// A segment that lost what it had acknowledged has no vote in any recovery: counted as "I don't have it", its
	// answer would make a read quorum of replicas that never had the record (W+R−N = 1: one such lie is too many).
	if s.Damaged() && !s.takes(m) {
		out.Send(from, &node.Damaged{Epoch: epoch})
		return
	}
	stale := epoch < s.ahead.promise
	// gofail: var bugStaleJoin struct{}
	// if _, joins := m.(*node.Join); joins && s.hook.Planted("bugStaleJoin") {
	// 	stale = false
	// }

	// gofail: var bugStaleAppend struct{}
	// if _, appends := m.(*node.Append); appends && s.hook.Planted("bugStaleAppend") {
	// 	stale = false
	// }

	if stale {
		out.Send(from, &node.Stale{Promise: s.ahead.promise})
		return
	}
	s.writers[epoch] = from
	switch m := m.(type) {
	case *node.Append:
		s.append(from, m, out)
	case *node.Fence:
		s.fence(from, m, out)
	case *node.Join:
		s.join(from, m, out)
	case *node.ReadLog:
		s.readLog(from, m, out)
	case *node.ReadPage:
		s.readPage(from, m, out)
	case *node.Confirm:
		out.Send(from, &node.Confirmed{Epoch: m.Epoch, Round: m.Round})
	}
}

// takes tells what a damaged segment still does: it follows the log and stores records, of which its SCL says no more
// than what it has. It answers no recovery and serves no page.
func (s *Segment) takes(m node.Message) bool {
	switch m := m.(type) {
	case *node.Append:
		return s.settled()
	case *node.Join:
		return s.settled() || !s.dead && s.repairedBy(m)
	}
	return false
}

// writerEpoch returns the epoch that a writer's message carries.
func writerEpoch(m node.Message) (node.Epoch, bool) {
	switch m := m.(type) {
	case *node.Append:
		return m.Epoch, true
	case *node.Fence:
		return m.Epoch, true
	case *node.Join:
		return m.Epoch, true
	case *node.ReadLog:
		return m.Epoch, true
	case *node.ReadPage:
		return m.Epoch, true
	case *node.Confirm:
		return m.Epoch, true
	}
	return 0, false
}

// append takes a writer's records. Those that it has already are acknowledged again, nothing else is done twice.
func (s *Segment) append(from node.ID, m *node.Append, out *node.Effects) {
	if s.ahead.line() != m.Epoch {
		out.Send(from, &node.NotJoined{Epoch: m.Epoch, Line: s.ahead.line()})
		return
	}
	if s.durable.line() == m.Epoch && m.VDL > s.told {
		s.told, s.lastAt = m.VDL, m.Last
	}
	if s.durable.line() == m.Epoch {
		s.floor = max(s.floor, min(m.Floor, s.told))
	}
	before := s.position
	for _, r := range m.Records {
		s.accept(r, 0, out)
	}
	if s.position == before && s.durable.line() == m.Epoch {
		out.Send(from, &node.Appended{Epoch: m.Epoch, SCL: s.scl})
	}
	// gofail: var bugAckBeforeSync struct{}
	// if s.hook.Planted("bugAckBeforeSync") {
	// 	early := s.scl
	// 	for i := range s.queue {
	// 		if r := s.queue[i].record; r != nil && r.Prev == early {
	// 			early = r.LSN
	// 		}
	// 	}
	// 	out.Send(from, &node.Appended{Epoch: m.Epoch, SCL: early})
	// }

}

// accept appends r to the log unless it does not belong there.
func (s *Segment) accept(r *node.Record, from node.ID, out *node.Effects) {
	intact := r.Intact()
	// gofail: var bugNoChecksum struct{}
	// intact = intact || s.hook.Planted("bugNoChecksum")

	if r.Group != s.group || !intact || r.LSN == 0 || len(s.held) >= maxHeld || len(s.queue) >= maxQueued {
		return
	}
	if s.isLost(r.LSN, r.Epoch) {
		s.refetch(r, out)
		return
	}
	onLine := s.ahead.history.Has(r.LSN, r.Epoch)
	// gofail: var bugGossipRevivesCut struct{}
	// onLine = onLine || s.hook.Planted("bugGossipRevivesCut")

	if !onLine || s.has(r.LSN, r.Epoch) {
		return
	}
	s.enqueue(entry{kind: recordEntry, record: r, from: from, lsn: r.LSN, epoch: r.Epoch}, out)
	// gofail: var bugGossipUnsynced struct{}
	// if from != 0 && s.durable.line() == s.ahead.line() && s.hook.Planted("bugGossipUnsynced") {
	// 	s.hold(r, s.position)
	// }

}

// has tells whether the record is held, or on its way to the disk.
func (s *Segment) has(l node.LSN, e node.Epoch) bool {
	if l <= s.below() {
		return true
	}
	if r := s.at(l); r != nil && r.Epoch == e {
		return true
	}
	for i := range s.queue {
		if q := &s.queue[i]; q.kind == recordEntry && q.lsn == l && q.epoch == e {
			return true
		}
	}
	return false
}

// fence promises to serve no epoch below m.Epoch, and answers when the promise is durable. Answered before, the
// promise could be forgotten in a crash, and the old writer get its last acknowledgement after the new one's read.
func (s *Segment) fence(from node.ID, m *node.Fence, out *node.Effects) {
	// gofail: var bugRecoverWithoutFence struct{}
	// if s.hook.Planted("bugRecoverWithoutFence") && m.Epoch > s.ahead.promise {
	// 	answer := s.fenced()
	// 	answer.Epoch = m.Epoch
	// 	out.Send(from, answer)
	// 	return
	// }

	switch {
	case m.Epoch > s.ahead.promise:
		s.ahead.promise = m.Epoch
		// gofail: var segmentBeforePromise struct{}
		// s.hook.Hit("segmentBeforePromise")

		s.enqueue(entry{kind: promiseEntry, promise: m.Epoch}, out)
		// gofail: var bugFencedBeforeSync struct{}
		// if s.hook.Planted("bugFencedBeforeSync") {
		// 	answer := s.fenced()
		// 	answer.Epoch = m.Epoch
		// 	out.Send(from, answer)
		// }

	case m.Epoch == s.durable.promise && s.durable.line() < m.Epoch:
		out.Send(from, s.fenced())
	}
}

// fenced is the answer to a fence: everything that a recovery may ask.
func (s *Segment) fenced() *node.Fenced {
	f := &node.Fenced{Epoch: s.durable.promise, History: s.durable.history, SCL: s.scl, VDL: s.told, Floor: max(s.floor, s.images.floor)}
	known := s.held
	if n := s.before(s.told); n > 0 {
		known = s.held[n-1:]
	} else if s.images.tail.LSN > 0 {
		f.Held = append(f.Held, s.images.tail) // collected, but the chain goes on from it
	}
	// gofail: var bugFencedAbove struct{}
	// if s.hook.Planted("bugFencedAbove") {
	// 	known = s.above(s.told)
	// }

	for _, h := range known {
		f.Held = append(f.Held, heldOf(h.Record))
	}
	return f
}

// join puts the segment on the history of m, and answers when that is durable.
func (s *Segment) join(from node.ID, m *node.Join, out *node.Effects) {
	switch {
	case s.ahead.line() < m.Epoch:
		s.ahead = state{promise: m.Epoch, history: m.History}
		// gofail: var segmentBeforeJoin struct{}
		// s.hook.Hit("segmentBeforeJoin")

		s.enqueue(entry{kind: joinEntry, history: m.History}, out)
	case s.durable.line() == m.Epoch:
		out.Send(from, &node.Joined{Epoch: m.Epoch, SCL: s.scl})
	}
}

func (s *Segment) readLog(from node.ID, m *node.ReadLog, out *node.Effects) {
	if s.durable.promise != m.Epoch {
		return // not fenced yet: it asks again
	}
	answer := &node.LogRecords{Epoch: m.Epoch, From: m.From, Through: m.To}
	for _, h := range s.above(max(m.From, 1) - 1) {
		if h.LSN > m.To {
			break
		}
		answer.Records = append(answer.Records, h.Record)
		if len(answer.Records) == logChunk {
			answer.Through = h.LSN
			break
		}
	}
	out.Send(from, answer)
}

// enqueue appends an entry to the log. It counts when the sync that follows completes. Entries that come together, as the
// records of one message do, are one write.
func (s *Segment) enqueue(e entry, out *node.Effects) {
	s.position++
	e.position, e.synced = s.position, s.synced
	if len(s.settling) > 0 || s.imagesOnly > 0 {
		// What waits to be told is durable, and not told: the next start has to tell it, and does so of what lies behind
		// the highest position that an entry knows to be synced.
		e.synced = s.toldTo
	}
	before := len(s.buffer)
	s.buffer = appendEntry(s.buffer, &e)
	s.logBytes += len(s.buffer) - before
	if n := len(out.List); n > 0 && out.List[n-1].Kind == node.DoAppend {
		last := &out.List[n-1]
		last.Data = s.buffer[before-len(last.Data):]
	} else {
		out.Append(logFile, s.buffer[before:])
	}
	e.size = len(s.buffer) - before
	s.queue = append(s.queue, e)
}

// sync asks for a sync when something waits for one and none is under way: everything that arrives meanwhile
// shares the next.
func (s *Segment) sync(out *node.Effects) {
	// gofail: var bugSyncsNothing struct{}
	// if s.serving && !s.syncing && s.hook.Planted("bugSyncsNothing") {
	// 	s.syncing = true
	// 	out.Sync(node.Token(s.position))
	// 	return
	// }

	if s.syncing || len(s.queue) == 0 || !s.serving {
		return
	}
	s.syncing = true
	// gofail: var segmentBeforeSync struct{}
	// s.hook.Hit("segmentBeforeSync")

	out.Sync(node.Token(s.position))
}

// diskDone is told that something is durable.
func (s *Segment) diskDone(token node.Token, read []byte, out *node.Effects) {
	switch {
	case !s.serving:
		s.settle(out)
	case token == imagesToken:
		s.imagesDurable(out)
	case token == logToken:
		s.trimmed()
	case token == scrubToken:
		s.scrubbed(read, out)
	default:
		s.synchronised(uint64(token), out)
	}
}

// synchronised is told that every entry up to the position upTo is durable.
func (s *Segment) synchronised(upTo uint64, out *node.Effects) {
	// gofail: var segmentAfterSync struct{}
	// s.hook.Hit("segmentAfterSync")

	s.syncing = false
	wasDamaged := s.Damaged()
	n := 0
	stored := false
	for n < len(s.queue) && s.queue[n].position <= upTo {
		e := &s.queue[n]
		s.synced = e.position
		// A peer's images may have come first: then they have told of it.
		e.again = e.again || e.kind == recordEntry && e.lsn <= s.below()
		s.install(e)
		if e.kind == joinEntry {
			s.dropImages()
		}
		s.tellUntold(out)
		s.tell(e, out)
		switch e.kind {
		case recordEntry:
			stored = true
		case promiseEntry:
			// gofail: var segmentAfterPromise struct{}
			// s.hook.Hit("segmentAfterPromise")

			s.answer(e.promise, s.fenced(), out)
		case joinEntry:
			// gofail: var segmentAfterJoin struct{}
			// s.hook.Hit("segmentAfterJoin")

			s.answer(s.durable.line(), &node.Joined{Epoch: s.durable.line(), SCL: s.scl}, out)
		}
		n++
	}
	s.queue = s.queue[:copy(s.queue, s.queue[n:])]
	if wasDamaged && !s.Damaged() {
		s.tellHeld(out)
	}
	if stored {
		s.answer(s.durable.line(), &node.Appended{Epoch: s.durable.line(), SCL: s.scl}, out)
	}
}

// answer sends m to the writer of epoch e, if one was heard of.
func (s *Segment) answer(e node.Epoch, m node.Message, out *node.Effects) {
	if to, known := s.writers[e]; known {
		out.Send(to, m)
	}
}

// install makes a durable entry count.
func (s *Segment) install(e *entry) {
	switch e.kind {
	case recordEntry:
		if s.isLost(e.lsn, e.epoch) {
			s.forgetLost(e.lsn, e.epoch)
			s.foundAgain(e.record)
		}
		s.hold(e.record, e.position)
	case promiseEntry:
		s.durable.promise = e.promise
	case joinEntry:
		s.durable = state{promise: e.history.Line(), history: e.history}
		s.drop()
	}
}

// tell traces a durable entry. A record that was fetched again, because it had become unreadable, was told before.
func (s *Segment) tell(e *entry, out *node.Effects) {
	if t, ok := s.trace(e); ok {
		out.Tell(t)
	}
}

func (s *Segment) trace(e *entry) (node.Trace, bool) {
	switch e.kind {
	case recordEntry:
		return node.Trace{Action: node.ActStore, Epoch: s.durable.line(), Record: e.record, From: e.from, Position: e.position}, !e.again
	case promiseEntry:
		return node.Trace{Action: node.ActFence, Epoch: e.promise, Position: e.position}, true
	default:
		return node.Trace{Action: node.ActJoin, Epoch: e.history.Line(), Position: e.position, Detail: &node.JoinStep{History: e.history}}, true
	}
}
