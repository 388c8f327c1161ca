package writer

import (
	"github.com/firstgap/firstgap/impl/lock"
	"github.com/firstgap/firstgap/impl/node"
)

// loadBack is how far below the cut a recovery reads records for lagging segments. Those that lag further are
// filled by their peers' gossip.
const loadBack = 256

// compete asks the epoch register for the next epoch.
func (w *Writer) compete(out *node.Effects) {
	if !w.known {
		out.Send(w.Volume.Register, &node.ReadEpoch{Token: w.token})
		return
	}
	out.Send(w.Volume.Register, &node.Swap{Expect: w.expect, Token: w.token})
}

func (w *Writer) currentEpoch(m *node.CurrentEpoch, out *node.Effects) {
	if w.phase != competing || w.known || m.Token != w.token {
		return
	}
	w.known, w.expect = true, m.Epoch
	w.compete(out)
}

func (w *Writer) swapped(m *node.Swapped, out *node.Effects) {
	if w.phase != competing || m.Token != w.token {
		return
	}
	if !m.Won {
		if m.Epoch > w.expect {
			w.expect = m.Epoch
			w.compete(out)
		}
		return
	}
	w.epoch = m.Epoch
	learnt := m.Geometry
	// gofail: var bugOldStripes struct{}
	// if w.hook.Planted("bugOldStripes") {
	// 	learnt.Stripes = learnt.Stripes[:1]
	// }

	w.adopt(learnt)
	if w.epoch == 1 {
		w.openNew(out)
		return
	}
	w.phase = fencing
	w.fence(out)
}

// openNew opens a volume that was never written: there is nothing to recover.
func (w *Writer) openNew(out *node.Effects) {
	w.phase = open
	w.history = node.FirstHistory()
	for g := range w.groups {
		w.groups[g].eachMember(func(_ int, p *replica) { p.joined = true })
	}
	w.goOn(out)
}

// fence asks every segment that has not answered. The read of a recovery is the fence: read first and fence later,
// and the old writer gets its last acknowledgement in between (13 steps in the model).
func (w *Writer) fence(out *node.Effects) {
	// gofail: var writerBeforeFence struct{}
	// w.hook.Hit("writerBeforeFence")

	m := &node.Fence{Epoch: w.epoch}
	for g := range w.groups {
		w.groups[g].eachMember(func(r int, p *replica) {
			if w.answers[g][r] == nil {
				out.Send(p.id, m)
			}
		})
	}
}

func (w *Writer) fenced(g node.Group, r int, m *node.Fenced, out *node.Effects) {
	if w.phase != fencing || w.answers[g][r] != nil {
		return
	}
	w.answers[g][r] = m
	quorums := w.quorums
	// gofail: var bugReadsRMinusOne struct{}
	// if w.hook.Planted("bugReadsRMinusOne") {
	// 	quorums.Read--
	// }

	for g := range w.answers {
		var who node.Replicas
		for r, a := range w.answers[g] {
			if a != nil {
				who = who.With(r)
			}
		}
		members := w.groups[g].members
		// gofail: var bugNewcomerVotes struct{}
		// if w.hook.Planted("bugNewcomerVotes") {
		// 	members.Sets = []node.Replicas{members.Members()}
		// }

		if !quorums.Reads(members, who) {
			return
		}
	}
	w.decide(out)
}

// A finding is what the answers to a fence say about one LSN above the VDL.
type finding struct {
	held         bool
	last         bool
	oldestActive node.LSN
}

// A reading is what a recovery makes of the answers of a read quorum of every group.
type reading struct {
	history node.History // the newest among the answers
	vdl     node.LSN     // the highest that any segment was told: everything up to there is on a write quorum
	floor   node.LSN     // the highest of any segment: records at or below it may be gone, and no reader needs them
	found   []finding    // of vdl, vdl+1, …
}

// read applies the newest history to every answer, and then looks for every LSN in all of them. SCLs that were
// counted on different histories do not compare, and an LSN that no answer names is a gap, even below an SCL.
func (w *Writer) read() reading {
	var rd reading
	for g := range w.answers {
		for _, a := range w.answers[g] {
			if a == nil {
				continue
			}
			if rd.history == nil || a.History.Line() > rd.history.Line() {
				rd.history = a.History
			}
			rd.vdl = max(rd.vdl, a.VDL)
			rd.floor = max(rd.floor, a.Floor)
		}
	}
	// gofail: var bugOldestHistory struct{}
	// if w.hook.Planted("bugOldestHistory") {
	// 	for g := range w.answers {
	// 		for _, a := range w.answers[g] {
	// 			if a != nil && a.History.Line() < rd.history.Line() {
	// 				rd.history = a.History
	// 			}
	// 		}
	// 	}
	// }

	// gofail: var bugLowestVDL struct{}
	// if w.hook.Planted("bugLowestVDL") {
	// 	for g := range w.answers {
	// 		for _, a := range w.answers[g] {
	// 			if a != nil {
	// 				rd.vdl = min(rd.vdl, a.VDL)
	// 			}
	// 		}
	// 	}
	// }

	for g := range w.answers {
		for _, a := range w.answers[g] {
			if a == nil {
				continue
			}
			for _, h := range a.Held {
				if h.LSN < rd.vdl || !rd.history.Has(h.LSN, h.Epoch) {
					continue
				}
				i := int(h.LSN - rd.vdl)
				for len(rd.found) <= i {
					rd.found = append(rd.found, finding{})
				}
				rd.found[i] = finding{held: true, last: h.Last, oldestActive: h.OldestActive}
			}
		}
	}
	return rd
}

// cut returns where the log ends: before the first missing LSN, and there at the last consistency point
// (SIGMOD 2017 §4.3). Found at 101, 102 and 104, the log ends at 102: 103 was never on a write quorum, for any
// three answers would have met it, and nothing above an incomplete record can have been acknowledged.
func (w *Writer) cut(rd *reading) node.LSN {
	n := 0
	for n+1 < len(rd.found) && rd.found[n+1].held {
		n++
	}
	// gofail: var bugCutAtHighest struct{}
	// if w.hook.Planted("bugCutAtHighest") && len(rd.found) > 0 {
	// 	n = len(rd.found) - 1
	// }

	// gofail: var bugCutPerGroup struct{}
	// if w.hook.Planted("bugCutPerGroup") {
	// 	for g := range w.answers {
	// 		for _, a := range w.answers[g] {
	// 			if a != nil && a.History.Line() == rd.history.Line() && a.SCL > rd.vdl+node.LSN(n) {
	// 				n = int(a.SCL - rd.vdl)
	// 			}
	// 		}
	// 	}
	// }

	for n > 0 && !rd.found[n].last {
		n--
	}
	return rd.vdl + node.LSN(n)
}

// decide cuts the log, puts every segment on the new history, and begins to load what it needs of what is kept.
func (w *Writer) decide(out *node.Effects) {
	rd := w.read()
	base := w.cut(&rd)
	w.history = rd.history.Cut(base, w.epoch)
	w.phase = repairing
	w.end = base
	var answered []node.ID
	for g := range w.groups {
		w.groups[g].last = 0
		for r, a := range w.answers[g] {
			if a == nil {
				continue
			}
			answered = append(answered, w.groups[g].replicas[r].id)
			for _, h := range a.Held {
				if h.LSN <= base && w.history.Has(h.LSN, h.Epoch) {
					w.groups[g].last = max(w.groups[g].last, h.LSN)
				}
			}
		}
		w.groups[g].sent = w.groups[g].last
	}
	// gofail: var writerBeforeDecide struct{}
	// w.hook.Hit("writerBeforeDecide")

	out.Tell(node.Trace{Action: node.ActDecide, Epoch: w.epoch, LSN: base, Detail: &node.DecideStep{Answers: answered, History: w.history}})
	// gofail: var writerAfterDecide struct{}
	// w.hook.Hit("writerAfterDecide")

	w.beginLoad(base, &rd)
	w.join(out)
	w.loadMore(false, out)
	w.tryOpen(out)
}

// join installs the new history, with all the cuts before it, on every segment that does not follow it yet.
func (w *Writer) join(out *node.Effects) {
	var m *node.Join
	for g := range w.groups {
		// gofail: var bugJoinEnough struct{}
		// if group := &w.groups[g]; w.phase == open && len(group.members.Sets) == 1 && w.quorums.Writes(group.members, group.complete(0)) && w.hook.Planted("bugJoinEnough") {
		// 	continue
		// }

		w.groups[g].eachMember(func(_ int, p *replica) {
			if p.joined {
				return
			}
			if m == nil {
				m = &node.Join{Epoch: w.epoch, History: w.history}
			}
			out.Send(p.id, m)
		})
	}
}

// mostIdleLoads is after how many ticks without a single record a recovery gives up. It has decided to keep what was on one segment
// alone, and that segment has lost its disk before any other had it: nothing acknowledged, or a write quorum would hold it, so
// who decides anew cuts it. This writer cannot, for its history is on segments, and says so: who watches over it starts a
// successor, as for one that died. So many ticks are longer than any restart, and shorter than the patience of whoever waits.
const mostIdleLoads = 200

// loading is the reading of the kept records from w.first to the cut.
type loading struct {
	base    node.LSN
	missing int      // slots of w.log still empty
	idle    int      // ticks since the last one was filled
	passes  int      // over all groups since the last tick
	cursors []cursor // by group
	prefer  []int    // by group: the replica that was complete furthest
}

// A cursor is how far a group has been read, and whom it is read from.
type cursor struct {
	next    node.LSN // base+1 when this pass is done
	attempt int
}

// beginLoad decides from where on records are needed: from the first change of the oldest transaction that may have
// to be undone, and for the repair of segments that lag, within reason.
func (w *Writer) beginLoad(base node.LSN, rd *reading) {
	oldest := node.LSN(1) // all of the log, when nothing says better
	if i := int(base - rd.vdl); i < len(rd.found) && rd.found[i].held {
		oldest = rd.found[i].oldestActive
	}
	// gofail: var bugLoadsTooLittle struct{}
	// if w.hook.Planted("bugLoadsTooLittle") {
	// 	oldest = base + 1
	// }

	from := base + 1
	w.load = loading{base: base, cursors: make([]cursor, len(w.groups)), prefer: make([]int, len(w.groups))}
	for g := range w.groups {
		best := node.LSN(0)
		for r, a := range w.answers[g] {
			if a == nil {
				continue
			}
			complete := min(a.SCL, a.History.Common(w.history))
			if complete >= best {
				best = complete
				w.load.prefer[g] = r
			}
			if complete < w.groups[g].last {
				from = min(from, complete+1)
			}
		}
	}
	if base > loadBack {
		from = max(from, base-loadBack)
	}
	from = max(from, rd.floor+1) // who lacks what is below is filled by a peer
	w.first = min(from, oldest, w.warmFrom(base, rd))
	w.log = make([]*node.Record, base+1-w.first)
	w.load.missing = len(w.log)
	for g := range w.load.cursors {
		w.load.cursors[g].next = w.first
	}
}

// loadMore asks each group for the next records. With again set, nothing came since the last tick, and another
// segment is asked. A pass over all groups that leaves gaps begins anew with other segments: above an SCL, one
// segment holds what another lacks.
func (w *Writer) loadMore(again bool, out *node.Effects) {
	if w.load.missing == 0 {
		return
	}
	if again {
		w.load.passes = 0
	}
	done := true
	for g := range w.load.cursors {
		if w.load.cursors[g].next <= w.load.base {
			done = false
		}
	}
	if done {
		w.load.passes++
		first := w.first
		for w.at(first) != nil {
			first++
		}
		for g := range w.load.cursors {
			c := &w.load.cursors[g]
			c.next = first
			c.attempt++
		}
	}
	for g := range w.load.cursors {
		c := &w.load.cursors[g]
		if c.next > w.load.base {
			continue
		}
		if again {
			c.attempt++
		}
		out.Send(w.source(g), &node.ReadLog{Epoch: w.epoch, From: c.next, To: w.load.base})
	}
}

// source chooses whom to load a group from: first the segment that was complete furthest, then each that answered.
func (w *Writer) source(g int) node.ID {
	n := len(w.groups[g].replicas)
	for i := range n {
		r := (w.load.prefer[g] + w.load.cursors[g].attempt + i) % n
		if w.answers[g][r] != nil {
			return w.groups[g].replicas[r].id
		}
	}
	return w.groups[g].replicas[w.load.prefer[g]].id
}

func (w *Writer) loaded(g node.Group, m *node.LogRecords, out *node.Effects) {
	if w.phase != repairing || w.load.missing == 0 {
		return
	}
	for _, r := range m.Records {
		if r.LSN < w.first || r.LSN > w.load.base || !r.Intact() || !w.history.Has(r.LSN, r.Epoch) {
			continue
		}
		if slot := &w.log[r.LSN-w.first]; *slot == nil {
			*slot = r
			w.load.missing--
			w.load.idle = 0
		}
	}
	// It may answer any question of this recovery: once nothing is missing, no other answer is waited for.
	if w.load.missing == 0 {
		w.afterLoad()
		w.tryOpen(out)
		return
	}
	c := &w.load.cursors[g]
	if m.From != c.next {
		return // an earlier question's answer; what it held is taken, the next step is not
	}
	c.next = m.Through + 1
	if c.next <= w.load.base {
		out.Send(w.source(int(g)), &node.ReadLog{Epoch: w.epoch, From: c.next, To: w.load.base})
		return
	}
	for g := range w.load.cursors {
		if w.load.cursors[g].next <= w.load.base {
			return
		}
	}
	if w.load.passes < len(w.groups[g].replicas) {
		w.loadMore(false, out)
	}
}

// afterLoad finds the transactions that were active at the cut, and locks their rows until they are undone, those of
// changes that are taken back already as well: a transaction keeps its locks until it ends, by its client or by an undo.
func (w *Writer) afterLoad() {
	rows := map[node.Txn][]string{}
	for _, r := range w.log {
		g := &w.groups[r.Group]
		g.lsns = append(g.lsns, r.LSN)
		t := w.txns[r.Txn]
		switch r.Kind {
		case node.Write:
			if t == nil {
				t = newTxn(r.Txn)
				t.first, t.found = r.LSN, true
				w.txns[r.Txn] = t
				w.undoing = append(w.undoing, t)
			}
			t.writes = append(t.writes, r)
			rows[t.id] = append(rows[t.id], r.Key)
		case node.Undo:
			// gofail: var bugUndoneTwice struct{}
			// if w.hook.Planted("bugUndoneTwice") {
			// 	continue
			// }

			// The one that it undoes is the last, or lies below what was loaded and matters no more.
			if t != nil && len(t.writes) > 0 && t.writes[len(t.writes)-1].LSN == r.Undoes {
				t.writes = t.writes[:len(t.writes)-1]
			}
		case node.Commit:
			if t != nil {
				t.commitLSN = r.LSN
			}
		}
	}
	n := 0
	for _, t := range w.undoing {
		delete(w.txns, t.id)
		if t.commitLSN == 0 && len(t.writes) > 0 {
			w.undoing[n] = t
			n++
		}
	}
	w.undoing = w.undoing[:n]
	for _, t := range w.undoing {
		for _, key := range rows[t.id] {
			w.locks.Acquire(t.id, lock.Row(key), lock.Exclusive) // no other transaction holds anything yet
		}
	}
	w.active = append(w.active, w.undoing...)
}

// tryOpen begins to serve when everything kept is on a write quorum of every group. Opened before, a record below
// the quorum would be served, and dropped by a next recovery that reads others.
func (w *Writer) tryOpen(out *node.Effects) {
	if w.phase != repairing || w.load.missing > 0 {
		return
	}
	for i := range w.groups {
		need := w.groups[i].last
		// gofail: var bugOpenBeforeRepair struct{}
		// if w.hook.Planted("bugOpenBeforeRepair") {
		// 	need = 0
		// }

		// gofail: var bugOpenAtOneGroup struct{}
		// if w.hook.Planted("bugOpenAtOneGroup") && i > 0 {
		// 	break
		// }

		if g := &w.groups[i]; !w.quorums.Writes(g.members, g.complete(need)) {
			return
		}
	}
	// gofail: var writerBeforeOpen struct{}
	// w.hook.Hit("writerBeforeOpen")

	w.phase = open
	w.warmUp()
	// Only now is what is kept on a write quorum. Told to a segment before, this VDL would keep a record that the next
	// recovery finds nowhere.
	w.vcl, w.vdl = w.load.base, w.load.base
	for i := range w.groups {
		w.groups[i].atVDL = w.groups[i].last
	}
	out.Tell(node.Trace{Action: node.ActOpen, Epoch: w.epoch})
	// gofail: var writerAfterOpen struct{}
	// w.hook.Hit("writerAfterOpen")

	for _, t := range w.undoing {
		w.abandon(t, node.Reply{}, out)
	}
	w.undoing = nil
}
