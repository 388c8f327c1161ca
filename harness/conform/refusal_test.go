package conform

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// store makes record l of w durable on segments r of group 0.
func (y *toy) store(w *toyWriter, l node.LSN, rs ...int) {
	for _, r := range rs {
		if !y.segment(int(w.at(l).Group), r).store(w.at(l), 0) {
			panic("the toy may not store this")
		}
	}
}

// committed runs a transaction that writes the rows, up to its acknowledgement.
func (y *toy) committed(w *toyWriter, rows ...string) *toyTxn {
	t := w.begin()
	for _, row := range rows {
		must(w.write(t, row, row+"'", true))
	}
	must(w.commit(t))
	for l := node.LSN(1); l <= w.end(); l++ {
		w.replicate(l)
	}
	must(w.advance())
	must(w.ack(t))
	return t
}

// must says that a step of a scenario that has to be legal was.
func must(legal bool) {
	if !legal {
		panic("the scenario is wrong: the toy refused a step that had to be legal")
	}
}

// forged returns a changed copy of r, sealed anew.
func forged(r *node.Record, change func(*node.Record)) *node.Record {
	c := *r
	change(&c)
	c.Seal()
	return &c
}

// inGroups returns a row for each group of y.
func (y *toy) inGroups() []string {
	rows := make([]string, y.volume.Groups())
	for _, row := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		rows[y.volume.GroupOf(y.pageOf(row))] = row
	}
	return rows
}

// fenced starts a writer and has the segments of the numbers given, in every group, answer its fence.
func (y *toy) fenced(rs ...int) *toyWriter {
	w := y.start()
	for g := range y.volume.Segments {
		for _, r := range rs {
			must(y.segment(g, r).fence(w))
		}
	}
	return w
}

// A scenario prepares a legal run; its last step, and no other, is to be refused.
type scenario struct {
	name   string
	volume *node.Volume // one group of three, W = R = 2, when nil
	play   func(y *toy)
	action string
	rule   string
	why    string // part of it
}

func scenarios() []scenario {
	three := toyVolume(1, 3, 2, 2)
	two := toyVolume(2, 3, 2, 2)
	six := toyVolume(1, 6, 4, 3)
	return append(slices.Concat(geometryScenarios(), readerScenarios()), []scenario{
		{"a store is missing before an advance", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			y.store(w, 1, 0)
			y.tell(w.id, node.Trace{Action: node.ActAdvance, Epoch: 1, LSN: 1})
		}, "Advance", string(volume.TooFewComplete), "counts LSN 1 as complete"},

		{"an advance passes a gap", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.write(t, "bee", "1", true)
			w.write(t, "cow", "1", true)
			y.store(w, 1, 0, 1, 2)
			y.store(w, 2, 0)
			y.store(w, 3, 0, 1, 2)
			y.tell(w.id, node.Trace{Action: node.ActAdvance, Epoch: 1, LSN: 3})
		}, "Advance", string(volume.TooFewComplete), "counts LSN 2 as complete"},

		{"an advance passes the end of the log", three, func(y *toy) {
			w := y.writer(1)
			y.committed(w, "ant")
			y.tell(w.id, node.Trace{Action: node.ActAdvance, Epoch: 1, LSN: 1 << 60})
		}, "Advance", string(volume.NothingToCount), "counts LSN 3"},

		{"the VCL is told twice", three, func(y *toy) {
			w := y.writer(1)
			y.committed(w, "ant")
			y.tell(w.id, node.Trace{Action: node.ActAdvance, Epoch: 1, LSN: 2})
		}, "Advance", ruleGrowing, "does not grow"},

		{"a record is forged", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			r := forged(w.at(1), func(r *node.Record) { r.New = node.Some("2") })
			y.tell(y.segment(0, 0).id, node.Trace{Action: node.ActStore, Epoch: 1, Record: r, Position: 1})
		}, "Store", ruleIssued, "which no writer issued"},

		{"a record changed and kept its checksum", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			r := *w.at(1)
			r.New = node.Some("2")
			y.tell(y.segment(0, 0).id, node.Trace{Action: node.ActStore, Epoch: 1, Record: &r, Position: 1})
		}, "Store", ruleIssued, "which no writer issued"},

		{"a record comes from nowhere", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			r := forged(w.at(1), func(r *node.Record) { r.LSN = 1 << 62 })
			y.tell(y.segment(0, 0).id, node.Trace{Action: node.ActStore, Epoch: 1, Record: r, From: y.segment(0, 1).id, Position: 1})
		}, "Gossip", ruleIssued, "which no writer issued"},

		{"a record is stored twice", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			y.store(w, 1, 0)
			y.tell(y.segment(0, 0).id, node.Trace{Action: node.ActStore, Epoch: 1, Record: w.at(1), Position: 2})
		}, "Store", string(volume.AlreadyStored), "may not store"},

		{"a record is stored in another group", two, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), y.inGroups()[0], "1", true)
			y.tell(y.segment(1, 0).id, node.Trace{Action: node.ActStore, Epoch: 1, Record: w.at(1), Position: 1})
		}, "Store", string(volume.OtherGroup), "may not store"},

		{"gossip from another group", two, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), y.inGroups()[0], "1", true)
			y.tell(y.segment(0, 0).id, node.Trace{Action: node.ActStore, Epoch: 1, Record: w.at(1), From: y.segment(1, 0).id, Position: 1})
		}, "Gossip", string(volume.PeerElsewhere), "which is no peer"},

		{"a record of the old epoch is stored after the fence", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			y.fenced(0)
			y.tell(y.segment(0, 0).id, node.Trace{Action: node.ActStore, Epoch: 1, Record: w.at(1), Position: 2})
		}, "Store", string(volume.OtherFence), "may not store"},

		{"gossip after the fence", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			y.store(w, 1, 1)
			y.fenced(0)
			y.tell(y.segment(0, 0).id, node.Trace{Action: node.ActStore, Epoch: 1, Record: w.at(1), From: y.segment(0, 1).id, Position: 2})
		}, "Gossip", string(volume.OtherFence), "may not store"},

		{"a record of the old line is stored on the new one", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			y.recover()
			y.tell(y.segment(0, 0).id, node.Trace{Action: node.ActStore, Epoch: 1, Record: w.at(1), Position: 3})
		}, "Store", string(volume.OtherLine), "stores a record on line 1"},

		{"gossip brings a cut record back", three, func(y *toy) {
			w := y.writer(1)
			y.committed(w, "ant")
			w.write(w.begin(), "bee", "1", true)
			y.store(w, 3, 2)
			x := y.fenced(0, 1)
			must(x.decide())
			must(y.segment(0, 0).join(x))
			y.tell(y.segment(0, 0).id, node.Trace{Action: node.ActStore, Epoch: 2, Record: w.at(3), From: y.segment(0, 2).id, Position: 5})
		}, "Gossip", "OneLog", "not on the log that it follows"},

		{"gossip brings a cut record back over its successor", three, func(y *toy) {
			w := y.writer(1)
			y.committed(w, "ant")
			w.write(w.begin(), "bee", "1", true)
			y.store(w, 3, 2)
			x := y.fenced(0, 1)
			must(x.decide())
			must(y.segment(0, 0).join(x))
			must(y.segment(0, 1).join(x))
			must(x.open())
			must(x.write(x.begin(), "cow", "1", true))
			y.tell(y.segment(0, 0).id, node.Trace{Action: node.ActStore, Epoch: 2, Record: w.at(3), From: y.segment(0, 2).id, Position: 5})
		}, "Gossip", "OneLog", "not on the log that it follows"},

		{"a commit is acknowledged twice", three, func(y *toy) {
			w := y.writer(1)
			t := y.committed(w, "ant")
			y.tell(w.id, node.Trace{Action: node.ActAck, Epoch: 1, Txn: t.name})
		}, "Ack", string(volume.AlreadyAcked), "acknowledges transaction 1.1"},

		{"a commit is acknowledged above the VDL", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.commit(t)
			y.store(w, 1, 0, 1)
			y.store(w, 2, 0)
			must(w.advance())
			y.tell(w.id, node.Trace{Action: node.ActAck, Epoch: 1, Txn: t.name})
		}, "Ack", string(volume.AboveVDL), "acknowledges"},

		{"a commit is acknowledged though a lower LSN of another group is missing", two, func(y *toy) {
			w := y.writer(1)
			rows := y.inGroups()
			u := w.begin()
			w.write(u, rows[1], "1", true)
			t := w.begin()
			w.write(t, rows[0], "1", true)
			w.commit(t)
			y.store(w, 1, 0)
			y.store(w, 2, 0, 1, 2)
			y.store(w, 3, 0, 1, 2)
			y.tell(w.id, node.Trace{Action: node.ActAck, Epoch: 1, Txn: t.name})
		}, "Ack", string(volume.AboveVDL), "acknowledges"},

		{"a transaction is acknowledged that has no commit record", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			y.store(w, 1, 0, 1)
			must(w.advance())
			y.tell(w.id, node.Trace{Action: node.ActAck, Epoch: 1, Txn: t.name})
		}, "Ack", string(volume.NoCommit), "acknowledges"},

		{"a transaction is acknowledged that never wrote", three, func(y *toy) {
			y.tell(100, node.Trace{Action: node.ActAck, Epoch: 1, Txn: node.MakeTxn(1, 9)})
		}, "Ack", string(volume.NoCommit), "never wrote"},

		{"a successor acknowledges its predecessor's commit", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.commit(t)
			w.replicate(1)
			w.replicate(2)
			x := y.recover()
			y.tell(x.id, node.Trace{Action: node.ActAck, Epoch: 2, Txn: t.name})
		}, "Ack", string(volume.NoCommit), "epoch 2 acknowledges transaction 1.1"},

		{"a row is written that another transaction holds", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			r := w.next(node.Write, w.begin(), "ant", true)
			r.Old, r.New = node.Some("1"), node.Some("2")
			w.issue(r)
		}, "Write", string(volume.KeyLocked), `row "ant" is held by 1.1`},

		{"an undo is skipped and its row is written", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			w.replicate(1)
			x := y.recover()
			r := x.next(node.Write, x.begin(), "ant", true)
			r.Old, r.New = node.Some("1"), node.Some("2")
			x.issue(r)
		}, "Write", string(volume.KeyLocked), `row "ant" is held by 1.1`},

		{"a transaction is half undone and its first row is written", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.write(t, "bee", "1", true)
			w.replicate(1)
			w.replicate(2)
			x := y.recover()
			must(x.undo(x.txns[0]))
			r := x.next(node.Write, x.begin(), "bee", true)
			r.New = node.Some("2")
			x.issue(r)
		}, "Write", string(volume.KeyLocked), `row "bee" is held by 1.1`},

		{"an undo restores the wrong value", three, func(y *toy) {
			w := y.writer(1)
			y.committed(w, "ant")
			t := w.begin()
			w.write(t, "ant", "2", true)
			r := w.next(node.Undo, t, "ant", true)
			r.Old, r.New, r.Undoes = node.Some("2"), node.Value{}, 3
			w.issue(r)
		}, "Undo", ruleUndo, "does not take back"},

		{"an undo names another write", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.write(t, "ant", "2", true)
			r := w.next(node.Undo, t, "ant", true)
			r.Old, r.New, r.Undoes = node.Some("2"), node.Some("1"), 1
			w.issue(r)
		}, "Undo", ruleUndo, "does not take back"},

		{"changes are undone in the wrong order", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.write(t, "bee", "1", true)
			r := w.next(node.Undo, t, "ant", true)
			r.Old, r.Undoes = node.Some("1"), 1
			w.issue(r)
		}, "Undo", ruleRecord, "another undo than the model"},

		{"a transaction is undone twice", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			must(w.undo(t))
			r := w.next(node.Undo, t, "ant", true)
			r.Undoes = 1
			w.issue(r)
		}, "Undo", string(volume.NotActive), "may not undo"},

		{"a successor goes on with a transaction that it has to take back", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.write(t, "bee", "1", true)
			w.replicate(1)
			w.replicate(2)
			x := y.recover()
			must(x.undo(x.txns[0]))
			r := x.next(node.Write, x.txns[0], "cow", true)
			r.New = node.Some("1")
			x.issue(r)
		}, "Write", string(volume.NotOwn), "may not write"},

		{"a transaction is written to after its commit", three, func(y *toy) {
			w := y.writer(1)
			t := y.committed(w, "ant")
			r := w.next(node.Write, t, "bee", true)
			r.New = node.Some("1")
			w.issue(r)
		}, "Write", string(volume.HasCommitted), "may not write"},

		{"a transaction commits of which nothing stands", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			must(w.takeBack(t))
			w.issue(w.commitRecord(t))
		}, "Commit", string(volume.NotActive), "may not commit"},

		{"after a savepoint the wrong change is undone", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.write(t, "bee", "1", true)
			must(w.takeBack(t)) // bee
			w.write(t, "cow", "1", true)
			r := w.next(node.Undo, t, "ant", true) // as if the first undo had gone one deeper
			r.Old, r.Undoes = node.Some("1"), 1
			w.issue(r)
		}, "Undo", ruleRecord, "another undo than the model"},

		{"after a savepoint the wrong change of the same row is undone", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.write(t, "ant", "2", true)
			must(w.takeBack(t))
			w.write(t, "ant", "3", true)
			r := w.next(node.Undo, t, "ant", true)
			r.Old, r.Undoes = node.Some("3"), 1
			w.issue(r)
		}, "Undo", ruleUndo, "does not take back"},

		{"a row that a savepoint took back is written by another transaction", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.write(t, "bee", "1", true)
			must(w.takeBack(t))
			r := w.next(node.Write, w.begin(), "bee", true)
			r.New = node.Some("2")
			w.issue(r)
		}, "Write", string(volume.KeyLocked), `row "bee" is held by 1.1`},

		{"a structural change in the middle of a transaction's mini-transaction", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", false)
			w.issue(w.structural(0, true))
		}, "Structure", string(volume.UnsettledTxn), "may not change the structure"},

		{"a write in the middle of a structural change", three, func(y *toy) {
			w := y.writer(1)
			must(w.changePage(0, false))
			r := w.next(node.Write, w.begin(), "ant", true)
			r.New = node.Some("1")
			w.issue(r)
		}, "Write", string(volume.UnsettledOther), "may not write"},

		{"a commit in the middle of a structural change", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			must(w.changePage(0, false))
			w.issue(w.commitRecord(t))
		}, "Commit", string(volume.Unsettled), "may not commit"},

		{"an undo in the middle of a structural change", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			must(w.changePage(0, false))
			r := w.next(node.Undo, t, "ant", true)
			r.Old, r.Undoes = node.Some("1"), 1
			w.issue(r)
		}, "Undo", string(volume.Unsettled), "may not undo"},

		{"a structural change for a transaction", three, func(y *toy) {
			w := y.writer(1)
			w.issue(forged(w.structural(0, true), func(r *node.Record) { r.Txn = node.MakeTxn(1, 1) }))
		}, "Structure", ruleRecord, "for a transaction"},

		{"a structural change that takes something back", three, func(y *toy) {
			w := y.writer(1)
			must(w.changePage(0, true))
			w.issue(forged(w.structural(0, true), func(r *node.Record) { r.Undoes = 1 }))
		}, "Structure", ruleRecord, "takes something back"},

		{"a structural change before the writer is open", three, func(y *toy) {
			w := y.fenced(0, 1)
			w.issue(w.structural(0, true))
		}, "Structure", string(volume.NotOpen), "may not change the structure"},

		{"a structural change that leaves a record of its group out", three, func(y *toy) {
			w := y.writer(1)
			must(w.changePage(0, true))
			w.issue(forged(w.structural(0, true), func(r *node.Record) { r.Prev = 0 }))
		}, "Structure", rulePrevious, "does not continue its group"},

		{"a cut in the middle of a structural change", two, func(y *toy) {
			w := y.writer(1)
			must(w.changePage(0, true))
			must(w.changePage(0, false))
			must(w.changePage(1, true)) // and this half of it is lost
			w.replicate(1)
			w.replicate(2)
			x := y.fenced(0, 1)
			answers := []node.ID{y.segment(0, 0).id, y.segment(0, 1).id, y.segment(1, 0).id, y.segment(1, 1).id}
			y.tell(x.id, node.Trace{Action: node.ActDecide, Epoch: 2, LSN: 2, Detail: &node.DecideStep{Answers: answers, History: node.FirstHistory().Cut(2, 2)}})
		}, "Decide", ruleCut, "elsewhere than at the first gap"},

		{"a commit record follows its first row to another group", two, func(y *toy) {
			w := y.writer(1)
			row := y.inGroups()[0]
			t := w.begin()
			w.write(t, row, "1", true)
			must(w.move(row))
			w.issue(w.next(node.Commit, t, row, true))
		}, "Commit", ruleRecord, "another commit than the model"},

		{"a transaction commits twice", three, func(y *toy) {
			w := y.writer(1)
			t := y.committed(w, "ant")
			w.issue(w.next(node.Commit, t, "ant", true))
		}, "Commit", string(volume.NotActive), "may not commit"},

		{"a transaction commits in the middle of a mini-transaction", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", false)
			w.issue(w.next(node.Commit, t, "ant", true))
		}, "Commit", string(volume.Unsettled), "may not commit"},

		{"a mini-transaction is broken into", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", false)
			r := w.next(node.Write, w.begin(), "bee", true)
			r.New = node.Some("1")
			w.issue(r)
		}, "Write", string(volume.UnsettledOther), "may not write"},

		{"a commit record that does not end its mini-transaction", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.issue(w.next(node.Commit, t, "ant", false))
		}, "Commit", ruleRecord, "another commit than the model"},

		{"a commit record lives in another group than the first change", two, func(y *toy) {
			w := y.writer(1)
			rows := y.inGroups()
			t := w.begin()
			w.write(t, rows[0], "1", true)
			w.write(t, rows[1], "1", true)
			w.issue(w.next(node.Commit, t, rows[1], true))
		}, "Commit", ruleRecord, "another commit than the model"},

		{"a commit without a write", three, func(y *toy) {
			w := y.writer(1)
			w.issue(w.next(node.Commit, w.begin(), "ant", true))
		}, "Commit", ruleKnown, "which never wrote"},

		{"a successor commits what its predecessor began", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			w.replicate(1)
			x := y.recover()
			x.issue(x.next(node.Commit, x.txns[0], "ant", true))
		}, "Commit", string(volume.NotOwn), "may not commit"},

		{"a transaction carries another epoch in its name", three, func(y *toy) {
			y.committed(y.writer(1), "ant")
			x := y.recover()
			r := x.next(node.Write, x.begin(), "bee", true)
			r.New, r.Txn = node.Some("1"), node.MakeTxn(1, 77)
			x.issue(r)
		}, "Write", ruleKnown, "which never wrote"},

		{"an LSN is skipped", three, func(y *toy) {
			w := y.writer(1)
			r := w.next(node.Write, w.begin(), "ant", true)
			r.LSN, r.New = 2, node.Some("1")
			w.issue(r)
		}, "Write", ruleRecord, "another write than the model"},

		{"a record is issued unsealed", three, func(y *toy) {
			w := y.writer(1)
			r := w.next(node.Write, w.begin(), "ant", true)
			y.tell(w.id, node.Trace{Action: node.ActWrite, Epoch: 1, Record: r})
		}, "Write", ruleRecord, "cannot be its own"},

		{"a record is told under another epoch", three, func(y *toy) {
			w := y.writer(1)
			r := w.next(node.Write, w.begin(), "ant", true)
			r.Epoch = 2
			r.Seal()
			y.tell(w.id, node.Trace{Action: node.ActWrite, Epoch: 1, Record: r})
		}, "Write", ruleRecord, "cannot be its own"},

		{"a back-link leaves a record out", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			r := w.next(node.Write, t, "bee", true)
			r.New, r.Prev = node.Some("1"), 0
			w.issue(r)
		}, "Write", rulePrevious, "does not continue its group"},

		{"an old value is not the row's", three, func(y *toy) {
			w := y.writer(1)
			y.committed(w, "ant")
			r := w.next(node.Write, w.begin(), "ant", true)
			r.Old, r.New = node.Value{}, node.Some("2")
			w.issue(r)
		}, "Write", ruleOld, `row "ant" held something else`},

		{"a write takes something back", three, func(y *toy) {
			w := y.writer(1)
			r := w.next(node.Write, w.begin(), "ant", true)
			r.New, r.Undoes = node.Some("2"), 1
			w.issue(r)
		}, "Write", ruleRecord, "takes something back"},

		{"a record is in another group than its page", two, func(y *toy) {
			w := y.writer(1)
			r := w.next(node.Write, w.begin(), y.inGroups()[0], true)
			r.Group = 1
			w.issue(r)
		}, "Write", ruleHome, "another group than its page"},

		{"a group that is none", three, func(y *toy) {
			w := y.writer(1)
			r := w.next(node.Write, w.begin(), "ant", true)
			r.Group = 9
			w.issue(r)
		}, "Write", ruleRecord, "cannot be its own"},

		{"a writer writes before it is open", three, func(y *toy) {
			w := y.fenced(0, 1)
			r := w.next(node.Write, w.begin(), "ant", true)
			r.New = node.Some("1")
			w.issue(r)
		}, "Write", string(volume.NotOpen), "may not write"},

		{"a start skips an epoch", three, func(y *toy) {
			y.tell(toyRegister, node.Trace{Action: node.ActStart, Epoch: 3, Position: 3})
		}, "Start", string(volume.EarlierUnborn), "epoch 3 starts"},

		{"a start far away", three, func(y *toy) {
			y.tell(toyRegister, node.Trace{Action: node.ActStart, Epoch: 1 << 31, Position: 1 << 31})
		}, "Start", string(volume.NoEpoch), "starts before"},

		{"epoch 0 starts", three, func(y *toy) {
			y.tell(toyRegister, node.Trace{Action: node.ActStart})
		}, "Start", string(volume.NoEpoch), "epoch 0 starts"},

		{"somebody else than the register says who won", three, func(y *toy) {
			y.tell(100, node.Trace{Action: node.ActStart, Epoch: 2, Position: 2})
		}, "Start", ruleKnown, "node 100 says that epoch 2 was won"},

		{"the register's position is not its epoch", three, func(y *toy) {
			y.tell(toyRegister, node.Trace{Action: node.ActStart, Epoch: 2, Position: 3})
		}, "Start", rulePosition, "not the epoch"},

		{"a promise to an epoch that nobody won", three, func(y *toy) {
			y.tell(y.segment(0, 0).id, node.Trace{Action: node.ActFence, Epoch: 2, Position: 1})
		}, "Fence", string(volume.IsUnborn), "may not promise epoch 2"},

		{"a promise falls", three, func(y *toy) {
			y.start()
			w := y.start()
			must(y.segment(0, 0).fence(w))
			y.tell(y.segment(0, 0).id, node.Trace{Action: node.ActFence, Epoch: 2, Position: 2})
		}, "Fence", string(volume.FencedAlready), "may not promise epoch 2"},

		{"a cut without fences", three, func(y *toy) {
			w := y.start()
			y.tell(w.id, node.Trace{Action: node.ActDecide, Epoch: 2, Detail: &node.DecideStep{Answers: y.order[:2], History: node.FirstHistory().Cut(0, 2)}})
		}, "Decide", string(volume.Untold), "may not cut by these answers"},

		{"a cut by too few answers", three, func(y *toy) {
			w := y.fenced(0, 1)
			y.tell(w.id, node.Trace{Action: node.ActDecide, Epoch: 2, Detail: &node.DecideStep{Answers: y.order[:1], History: node.FirstHistory().Cut(0, 2)}})
		}, "Decide", string(volume.NoReadQuorum), "may not cut by these answers"},

		{"a cut by the answers of one segment, twice", three, func(y *toy) {
			w := y.fenced(0, 1)
			same := []node.ID{y.order[0], y.order[0]}
			y.tell(w.id, node.Trace{Action: node.ActDecide, Epoch: 2, Detail: &node.DecideStep{Answers: same, History: node.FirstHistory().Cut(0, 2)}})
		}, "Decide", string(volume.NoReadQuorum), "may not cut by these answers"},

		{"a cut by the answers of one group only", two, func(y *toy) {
			w := y.fenced(0, 1, 2)
			y.tell(w.id, node.Trace{Action: node.ActDecide, Epoch: 2, Detail: &node.DecideStep{Answers: y.volume.Segments[0], History: node.FirstHistory().Cut(0, 2)}})
		}, "Decide", string(volume.NoReadQuorum), "may not cut by these answers"},

		{"a cut by the answer of a stranger", three, func(y *toy) {
			w := y.fenced(0, 1)
			y.tell(w.id, node.Trace{Action: node.ActDecide, Epoch: 2, Detail: &node.DecideStep{Answers: []node.ID{10, 77}, History: node.FirstHistory().Cut(0, 2)}})
		}, "Decide", ruleKnown, "node 77"},

		{"a cut one higher", six, func(y *toy) {
			w := y.writer(1)
			y.committed(w, "ant")
			w.write(w.begin(), "bee", "1", true)
			y.store(w, 3, 5)
			x := y.fenced(0, 1, 2)
			y.tell(x.id, node.Trace{Action: node.ActDecide, Epoch: 2, LSN: 3, Detail: &node.DecideStep{Answers: y.order[:3], History: node.FirstHistory().Cut(3, 2)}})
		}, "Decide", ruleCut, "elsewhere than at the first gap"},

		{"a cut one lower", six, func(y *toy) {
			y.committed(y.writer(1), "ant", "bee")
			x := y.fenced(0, 1, 2)
			y.tell(x.id, node.Trace{Action: node.ActDecide, Epoch: 2, LSN: 2, Detail: &node.DecideStep{Answers: y.order[:3], History: node.FirstHistory().Cut(2, 2)}})
		}, "Decide", ruleCut, "elsewhere than at the first gap"},

		{"a cut in the middle of a mini-transaction", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.write(t, "bee", "1", false)
			w.replicate(1)
			w.replicate(2)
			x := y.fenced(0, 1)
			y.tell(x.id, node.Trace{Action: node.ActDecide, Epoch: 2, LSN: 2, Detail: &node.DecideStep{Answers: y.order[:2], History: node.FirstHistory().Cut(2, 2)}})
		}, "Decide", ruleCut, "elsewhere than at the first gap"},

		{"a cut per group", two, func(y *toy) {
			w := y.writer(1)
			rows := y.inGroups()
			t := w.begin()
			w.write(t, rows[0], "1", true)
			w.write(t, rows[1], "1", true)
			w.commit(t) // in group 0
			w.replicate(1)
			w.replicate(3)
			x := y.fenced(0, 1)
			answers := []node.ID{y.segment(0, 0).id, y.segment(0, 1).id, y.segment(1, 0).id, y.segment(1, 1).id}
			y.tell(x.id, node.Trace{Action: node.ActDecide, Epoch: 2, LSN: 3, Detail: &node.DecideStep{Answers: answers, History: node.FirstHistory().Cut(3, 2)}})
		}, "Decide", ruleCut, "elsewhere than at the first gap"},

		{"a cut at the highest LSN", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.write(t, "bee", "1", true)
			w.write(t, "cow", "1", true)
			y.store(w, 1, 0, 1)
			y.store(w, 3, 0, 1)
			x := y.fenced(0, 1)
			y.tell(x.id, node.Trace{Action: node.ActDecide, Epoch: 2, LSN: 3, Detail: &node.DecideStep{Answers: y.order[:2], History: node.FirstHistory().Cut(3, 2)}})
		}, "Decide", ruleCut, "elsewhere than at the first gap"},

		{"a decision tells a history that lacks a cut", three, func(y *toy) {
			y.committed(y.writer(1), "ant")
			w := y.recover()
			y.committed(w, "bee")
			x := y.fenced(0, 1, 2)
			y.tell(x.id, node.Trace{Action: node.ActDecide, Epoch: 3, LSN: 4, Detail: &node.DecideStep{Answers: y.order, History: node.FirstHistory().Cut(4, 3)}})
		}, "Decide", ruleHistory, "another history of cuts"},

		{"a writer decides twice", three, func(y *toy) {
			x := y.fenced(0, 1)
			must(x.decide())
			y.tell(x.id, node.Trace{Action: node.ActDecide, Epoch: 2, Detail: &node.DecideStep{Answers: y.order[:2], History: x.history}})
		}, "Decide", string(volume.NotFencing), "may not cut"},

		{"a join lacks one cut", three, func(y *toy) {
			y.committed(y.writer(1), "ant")
			w := y.recover()
			y.committed(w, "bee")
			x := y.fenced(0, 1, 2)
			must(x.decide())
			y.tell(y.segment(0, 0).id, node.Trace{Action: node.ActJoin, Epoch: 3, Position: y.segment(0, 0).position + 1, Detail: &node.JoinStep{History: node.FirstHistory().Cut(4, 3)}})
		}, "Join", ruleHistory, "another history of cuts"},

		{"a join without a history", three, func(y *toy) {
			x := y.fenced(0, 1, 2)
			must(x.decide())
			y.tell(y.segment(0, 0).id, node.Trace{Action: node.ActJoin, Epoch: 2, Position: 9})
		}, "Join", ruleHistory, "another history of cuts"},

		{"a join of an epoch below the promise", three, func(y *toy) {
			x := y.fenced(0, 1)
			must(x.decide())
			must(y.segment(0, 2).fence(y.start()))
			y.tell(y.segment(0, 2).id, node.Trace{Action: node.ActJoin, Epoch: 2, Position: 2, Detail: &node.JoinStep{History: x.history}})
		}, "Join", string(volume.FencedByNewer), "may not join epoch 2"},

		{"a join before the decision", three, func(y *toy) {
			y.fenced(0, 1, 2)
			y.tell(y.segment(0, 2).id, node.Trace{Action: node.ActJoin, Epoch: 2, Position: 2, Detail: &node.JoinStep{History: node.FirstHistory().Cut(0, 2)}})
		}, "Join", string(volume.NotServing), "may not join epoch 2"},

		{"open with one copy less than the write quorum", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			y.store(w, 1, 0)
			x := y.fenced(0, 1)
			must(x.decide())
			must(y.segment(0, 0).join(x))
			must(y.segment(0, 1).join(x))
			y.tell(x.id, node.Trace{Action: node.ActOpen, Epoch: 2})
		}, "Open", string(volume.Unrepaired), "may not open"},

		{"open with one join less than the write quorum", six, func(y *toy) {
			y.committed(y.writer(1), "ant")
			x := y.fenced(0, 1, 2)
			must(x.decide())
			for r := range 3 {
				must(y.segment(0, r).join(x))
			}
			y.tell(x.id, node.Trace{Action: node.ActOpen, Epoch: 2})
		}, "Open", string(volume.Unrepaired), "may not open"},

		{"a promise is lost in a restart", three, func(y *toy) {
			y.fenced(0)
			s := y.segment(0, 0)
			s.promise = 1
			y.tell(s.id, s.inventory())
		}, "Holds", rulePromise, anyoneBefore},

		{"a promise that was never told", three, func(y *toy) {
			y.start()
			s := y.segment(0, 0)
			s.promise = 2
			y.tell(s.id, s.inventory())
		}, "Holds", rulePromise, nobodyToldYou},

		{"a join is lost in a restart", three, func(y *toy) {
			y.recover()
			s := y.segment(0, 0)
			s.history = node.FirstHistory()
			y.tell(s.id, s.inventory())
		}, "Holds", ruleLine, anyoneBefore},

		{"a restart has another history", three, func(y *toy) {
			y.committed(y.writer(1), "ant")
			y.committed(y.recover(), "bee")
			y.recover()
			t := y.segment(0, 0).inventory()
			t.Detail.(*node.HoldsStep).History = node.FirstHistory().Cut(4, 3)
			y.tell(y.order[0], t)
		}, "Holds", ruleHistory, "another history of cuts"},

		{"a record is lost in a restart", three, func(y *toy) {
			y.committed(y.writer(1), "ant", "bee")
			s := y.segment(0, 0)
			delete(s.held, 2)
			y.tell(s.id, s.inventory())
		}, "Holds", ruleStore, "without record 2/1: " + anyoneBefore},

		{"the last record is lost in a restart", three, func(y *toy) {
			y.committed(y.writer(1), "ant", "bee")
			s := y.segment(0, 0)
			delete(s.held, 3)
			y.tell(s.id, s.inventory())
		}, "Holds", ruleStore, "without record 3/1: " + anyoneBefore},

		{"a restart finds a record that was never told", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			s := y.segment(0, 0)
			s.held[1] = w.at(1)
			y.tell(s.id, s.inventory())
		}, "Holds", ruleStore, nobodyToldYou},

		{"a restart finds a record beyond the log", three, func(y *toy) {
			t := y.segment(0, 0).inventory()
			t.Detail.(*node.HoldsStep).Held = []node.Held{{LSN: 1 << 61, Epoch: 1}}
			y.tell(y.order[0], t)
		}, "Holds", ruleStore, nobodyToldYou},

		{"a restart finds a record of another epoch", three, func(y *toy) {
			y.committed(y.writer(1), "ant")
			t := y.segment(0, 0).inventory()
			t.Detail.(*node.HoldsStep).Held[0].Epoch = 2
			y.tell(y.order[0], t)
		}, "Holds", ruleStore, "another record 1"},

		{"an inventory names a record twice", three, func(y *toy) {
			y.committed(y.writer(1), "ant")
			t := y.segment(0, 0).inventory()
			step := t.Detail.(*node.HoldsStep)
			step.Held = append(step.Held, step.Held[1])
			y.tell(y.order[0], t)
		}, "Holds", ruleStore, "restarts with record 2/1"},

		{"a restart has images of a record that it never held", three, func(y *toy) {
			w := y.writer(1)
			y.committed(w, "ant")
			w.write(w.begin(), "bee", "1", true)
			t := y.segment(0, 0).inventory()
			t.LSN, t.Detail.(*node.HoldsStep).Held = w.end(), nil
			y.tell(y.order[0], t)
		}, "Holds", ruleFloor, "never held record"},

		{"a restart has images as of beyond the log", three, func(y *toy) {
			t := y.segment(0, 0).inventory()
			t.LSN = 1 << 61
			y.tell(y.order[0], t)
		}, "Holds", ruleFloor, nobodyToldYou},

		{"a restart keeps records that its images stand for", three, func(y *toy) {
			y.committed(y.writer(1), "ant")
			t := y.segment(0, 0).inventory()
			t.LSN = t.Detail.(*node.HoldsStep).Held[0].LSN
			y.tell(y.order[0], t)
		}, "Holds", ruleStore, "restarts with record 1/1"},

		{"images of a peer that follows another line", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			y.store(w, 1, 1)
			y.tell(y.order[0], node.Trace{Action: node.ActFill, Epoch: 2, From: y.order[1], LSN: 1})
		}, "Gossip", string(volume.OtherLine), "takes images on line 2"},

		{"images of a segment of nobody", three, func(y *toy) {
			y.tell(y.order[0], node.Trace{Action: node.ActFill, Epoch: 1, From: 99, LSN: 0})
		}, "Gossip", string(volume.PeerElsewhere), "which is no peer"},

		{"images of what the peer never held", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.write(t, "bee", "1", true)
			y.store(w, 1, 1)
			y.tell(y.order[0], node.Trace{Action: node.ActFill, Epoch: 1, From: y.order[1], LSN: 2})
		}, "Gossip", string(volume.PeerLacks), "which it never held"},

		{"images as of beyond any number", three, func(y *toy) {
			y.tell(y.order[0], node.Trace{Action: node.ActFill, Epoch: 1, From: y.order[1], LSN: 1 << 63})
		}, "Fill", ruleFloor, nobodyToldYou},

		{"a restart has images as of beyond any number", three, func(y *toy) {
			t := y.segment(0, 0).inventory()
			t.LSN = 1 << 63
			y.tell(y.order[0], t)
		}, "Holds", ruleFloor, nobodyToldYou},

		{"images as of beyond the log", three, func(y *toy) {
			y.tell(y.order[0], node.Trace{Action: node.ActFill, Epoch: 1, From: y.order[1], LSN: 1})
		}, "Fill", ruleFloor, nobodyToldYou},

		{"a disk is wiped and its first place filled anew", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			y.store(w, 1, 0)
			y.start()
			y.tell(y.order[0], node.Trace{Action: node.ActFence, Epoch: 2, Position: 1})
		}, "Fence", ruleTold, anyoneBefore},

		{"a position is told out of order", three, func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.write(t, "bee", "1", true)
			y.tell(y.order[0], node.Trace{Action: node.ActStore, Epoch: 1, Record: w.at(1), Position: 2})
			y.tell(y.order[0], node.Trace{Action: node.ActStore, Epoch: 1, Record: w.at(2), Position: 1})
		}, "Store", rulePosition, "position 1 after position 2"},

		{"a segment that is none", three, func(y *toy) {
			y.start()
			y.tell(77, node.Trace{Action: node.ActFence, Epoch: 2, Position: 1})
		}, "Fence", ruleKnown, "node 77 told a step that only a segment takes"},

		{"an inventory of a node that is no segment", three, func(y *toy) {
			y.tell(toyRegister, node.Trace{Action: node.ActHolds, Epoch: 1})
		}, "Holds", ruleKnown, "the register told a step"},

		{"a segment that speaks for a writer", three, func(y *toy) {
			y.tell(y.order[0], node.Trace{Action: node.ActOpen, Epoch: 1})
		}, "Open", ruleKnown, "segment 1/1 speaks for the writer"},

		{"two writers share an epoch", three, func(y *toy) {
			w := y.writer(1)
			w.write(w.begin(), "ant", "1", true)
			w.id++
			w.write(w.begin(), "bee", "1", true)
		}, "Write", ruleWriter, "node 101 speaks for the writer of epoch 1"},

		{"an epoch that nobody has won", three, func(y *toy) {
			y.tell(100, node.Trace{Action: node.ActOpen, Epoch: 1 << 31})
		}, "Open", string(volume.IsUnborn), "which nobody has won"},

		{"epoch 0 speaks", three, func(y *toy) {
			y.tell(100, node.Trace{Action: node.ActAdvance, LSN: 1})
		}, "Advance", string(volume.IsUnborn), "which nobody has won"},

		{"a write without a record", three, func(y *toy) {
			y.tell(100, node.Trace{Action: node.ActWrite, Epoch: 1})
		}, "Write", ruleComplete, "carries no record"},

		{"a store without a record", three, func(y *toy) {
			y.tell(y.order[0], node.Trace{Action: node.ActStore, Epoch: 1, Position: 1})
		}, "Store", ruleComplete, "carries no record"},

		{"an action that is none", three, func(y *toy) {
			y.tell(100, node.Trace{Action: 99})
		}, "Action(99)", ruleAction, "which is none"},

		// Every step of the next two is a step of the model; the volume itself is wrong, and its invariants say so.
		{"quorums that do not overlap lose what is acknowledged", toyVolume(1, 3, 1, 1), func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.commit(t)
			y.store(w, 1, 0)
			y.store(w, 2, 0)
			must(w.advance())
			y.tell(w.id, node.Trace{Action: node.ActAck, Epoch: 1, Txn: t.name})
		}, "Ack", "Durable", "Durable is broken by it"},

		{"an acknowledgement after a successor cut the commit away", toyVolume(1, 3, 1, 2), func(y *toy) {
			w := y.writer(1)
			t := w.begin()
			w.write(t, "ant", "1", true)
			w.commit(t)
			y.store(w, 1, 0)
			y.store(w, 2, 0)
			must(w.advance())
			x := y.fenced(1, 2)
			must(x.decide())
			y.tell(w.id, node.Trace{Action: node.ActAck, Epoch: 1, Txn: t.name})
		}, "Ack", "Durable", "Durable is broken by it"},
	}...)
}

// play tells a scenario and returns what came of each of its steps.
func (s *scenario) tell(t *testing.T) (*Validator, []error) {
	v := s.volume
	if v == nil {
		v = toyVolume(1, 3, 2, 2)
	}
	x, err := New(v)
	require.NoError(t, err)
	var errs []error
	s.play(newToy(v, 1, func(from node.ID, tr node.Trace) {
		errs = append(errs, x.Tell(node.Time(len(errs))*1000, from, &tr))
	}))
	return x, errs
}

func TestIllegalStepsAreRefused(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			x, errs := s.tell(t)
			require.NotEmpty(t, errs)
			for i, err := range errs[:len(errs)-1] {
				require.NoError(t, err, "step %d of the preparation has to be legal", i+1)
			}
			var v *Violation
			require.ErrorAs(t, errs[len(errs)-1], &v)
			t.Log(v.Explain())
			require.Equal(t, s.action, v.Action)
			require.Equal(t, s.rule, v.Rule)
			require.Contains(t, v.Why, s.why)
			require.NotEmpty(t, v.Guarantee)
			require.Contains(t, v.Error(), v.Guarantee, "the error quotes what was broken")
			require.Contains(t, v.Error(), v.Rule)
			require.Equal(t, len(errs), v.Step)
			require.Len(t, v.Lead, min(len(errs), 13))
			require.NotEmpty(t, v.Allowed)
			require.Same(t, v, x.Violation())

			// The first violation stays while others follow.
			require.Same(t, v, x.Tell(0, toyRegister, &node.Trace{Action: node.ActStart, Epoch: 2, Position: 2}))
			require.Same(t, v, x.Finish())
		})
	}
}

// Each guard and rule that a trace can run into is run into by some scenario.
func TestScenariosCoverTheRules(t *testing.T) {
	met := map[string]bool{}
	for _, s := range scenarios() {
		met[s.rule] = true
	}
	for _, rule := range []string{ruleKnown, ruleComplete, ruleWriter, ruleRecord, rulePrevious, ruleOld, ruleUndo, ruleHome,
		ruleMembers, ruleGrowth,
		ruleIssued, rulePosition, ruleGrowing, ruleCut, ruleHistory, rulePromise, ruleLine, ruleStore, ruleFloor, ruleTold, ruleAction} {
		require.True(t, met[rule], "no scenario for: %s", rule)
	}
}

// Finish evaluates every invariant in full. A model that forgets, which no trace can make of a sound one, stands
// for a break that the evaluation step by step has missed.
func TestFinishEvaluatesInFull(t *testing.T) {
	s := scenario{play: func(y *toy) { y.committed(y.writer(1), "ant") }}
	x, errs := s.tell(t)
	require.NoError(t, errors.Join(errs...))
	require.NoError(t, x.Finish())

	x.model = forgetful(t)
	var v *Violation
	require.ErrorAs(t, x.Finish(), &v)
	require.Equal(t, "Finish", v.Action)
	require.Equal(t, "CompleteIsStored", v.Rule)
	require.Equal(t, len(errs)+1, v.Step)
	require.Same(t, v, x.Violation())
}

// forgetful returns a state in which a record that counts as complete is on one replica only.
func forgetful(t *testing.T) *volume.State {
	m, err := volume.NewState(volume.World{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 1, Txns: 1, MaxLSN: 1, MaxEpoch: 1, Bug: "amnesia"})
	require.NoError(t, err)
	for _, g := range []volume.Refusal{m.Write(1, 1, 0, true), m.Store(1, 1, 0), m.Store(1, 1, 1), m.Advance(1), m.Amnesia(0)} {
		require.Empty(t, g)
	}
	m.Forget()
	return m
}

// What the model allowed is told in terms of the implementation: the cut, the holders, the copies.
func TestExplanationsNameTheAlternative(t *testing.T) {
	for name, want := range map[string][]string{
		"a cut at the highest LSN": {
			"expected   cut 1 on the line of epoch 1; answers: segment 1/1 on line 1 holds 1, 3; segment 1/2 on line 1 holds 1, 3",
			"found      cut 3 by the answers of segment 1/1, segment 1/2",
			"Decide by all answers: cut 1 on the line of epoch 1",
		},
		"a store is missing before an advance": {
			"LSN 1 is in group 1, complete: segment 1/1 at 1, segment 1/2 at 0, segment 1/3 at 0 (write quorum 2)",
			"active: 1.1 (holds ant)", "Advance to 0",
		},
		"open with one copy less than the write quorum": {
			"group 1 needs 1, complete: segment 1/1 at 1, segment 1/2 at 0 (write quorum 2)",
		},
		"a row is written that another transaction holds": {"Commit of 1.1", "Undo of 1.1", "1µs          node 100     Write epoch 1 2/1 write t1.2 ant 1→2"},
		"a record of the old epoch is stored after the fence": {
			"promise 2, line 1, SCL 0, holds nothing", "Store of nothing", "Fence by epoch none",
		},
		"gossip brings a cut record back": {"at 3, line 2 has nothing", "from segment 1/3"},
	} {
		i := slices.IndexFunc(scenarios(), func(s scenario) bool { return s.name == name })
		require.GreaterOrEqual(t, i, 0, name)
		s := scenarios()[i]
		x, _ := s.tell(t)
		for _, part := range want {
			require.Contains(t, x.Violation().Explain(), part, name)
		}
	}
}

// Two evaluations of the same trace say the same, to the letter: nothing in a verdict depends on the order of a map.
func TestExplanationsAreTheSameEachTime(t *testing.T) {
	for _, s := range scenarios() {
		a, _ := s.tell(t)
		b, _ := s.tell(t)
		require.Equal(t, a.Violation(), b.Violation(), s.name)
	}
}

func TestNewRefusesAVolumeThatNobodyCouldRun(t *testing.T) {
	_, err := New(&node.Volume{Register: 1})
	require.ErrorContains(t, err, "trace validation: volume: no protection group")
	_, err = New(toyVolume(1, 10, 6, 5))
	require.ErrorContains(t, err, "replicas")
	require.True(t, strings.HasPrefix(err.Error(), "trace validation: "))
}
