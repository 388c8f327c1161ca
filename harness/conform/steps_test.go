package conform

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// legal plays a scenario in which every step has to be accepted.
func legal(t *testing.T, v *node.Volume, play func(y *toy)) Counts {
	t.Helper()
	s := scenario{volume: v, play: play}
	x, errs := s.tell(t)
	var violation *Violation
	if errors.As(errors.Join(errs...), &violation) {
		t.Fatal(violation.Explain())
	}
	require.NoError(t, x.Finish())
	return x.Counts()
}

func TestRetoldPositionsAreSkipped(t *testing.T) {
	c := legal(t, nil, func(y *toy) {
		w := y.writer(1)
		y.committed(w, "ant")
		s := y.segment(0, 0)
		s.restart(9) // all that it ever told, 2 stores
		w.write(w.begin(), "bee", "1", true)
		must(s.crashDurable(w.at(3))) // durable, and the segment told no one
		s.restart(1)                  // one told, one new
		must(s.fence(y.start()))
		s.restart(2)
	})
	require.Equal(t, uint64(2+1+2), c.Retold)
	require.Equal(t, uint64(3), c.Holds)
	require.Equal(t, uint64(3*2+1), c.Stores)
	require.Equal(t, uint64(1), c.Fences)
}

func TestARegisterTellsItsEpochsAgain(t *testing.T) {
	c := legal(t, nil, func(y *toy) {
		y.start()
		y.start()
		for e := node.Epoch(2); e <= 4; e++ { // the last was won, and the register crashed before it could tell
			y.tell(toyRegister, node.Trace{Action: node.ActStart, Epoch: e, Position: uint64(e)})
		}
	})
	require.Equal(t, uint64(3), c.Starts)
	require.Equal(t, uint64(2), c.Retold)
}

// A gossip message may arrive after its sender moved to another line. The record is of the receiver's own line all
// the same.
func TestLateGossipIsAStore(t *testing.T) {
	c := legal(t, nil, func(y *toy) {
		w := y.writer(1)
		w.write(w.begin(), "ant", "1", true)
		y.store(w, 1, 0, 1)
		x := y.fenced(0, 1)
		must(x.decide())
		must(y.segment(0, 0).join(x))
		must(y.segment(0, 2).store(w.at(1), y.segment(0, 0).id))
		must(y.segment(0, 1).join(x))
	})
	require.Equal(t, uint64(3), c.Stores)
	require.Zero(t, c.Gossips)
}

// Images bring at once what gossip brings one by one. Told again after a restart they bring nothing; and an inventory
// may name as images what the segment took record by record.
func TestImagesOfAPeer(t *testing.T) {
	c := legal(t, nil, func(y *toy) {
		w := y.writer(1)
		txn := w.begin()
		w.write(txn, "ant", "1", true)
		w.write(txn, "bee", "1", true)
		w.write(txn, "cow", "1", true)
		for l := node.LSN(1); l <= 3; l++ {
			y.store(w, l, 0, 1)
		}
		y.store(w, 2, 2)
		from, to := y.order[0], y.order[2]
		for range 2 {
			y.tell(to, node.Trace{Action: node.ActFill, Epoch: 1, From: from, LSN: 2})
		}
		inventory := y.segment(0, 1).inventory()
		step := inventory.Detail.(*node.HoldsStep)
		inventory.LSN, step.Held = 2, step.Held[2:]
		y.tell(y.order[1], inventory)
		y.tell(to, node.Trace{Action: node.ActHolds, Epoch: 1, LSN: 2, Detail: &node.HoldsStep{Promise: 1, History: node.FirstHistory()}})
	})
	require.Equal(t, uint64(1), c.Fills)
	require.Equal(t, uint64(1), c.Retold)
	require.Equal(t, uint64(1), c.Gossips)
}

// What a segment answered to a fence stays its answer, though a newer writer fences it, and even puts it on another
// line, before the older one decides.
func TestAnAnswerThatIsUnderWayStays(t *testing.T) {
	legal(t, nil, func(y *toy) {
		w := y.writer(1)
		y.committed(w, "ant")
		w.write(w.begin(), "bee", "1", true)
		y.store(w, 3, 0)
		slow := y.fenced(0, 1)
		fast := y.fenced(0, 1, 2)
		must(fast.decide(y.segment(0, 1).id, y.segment(0, 2).id))
		must(y.segment(0, 0).join(fast))
		must(slow.decide()) // keeps 3, which segment 1/1 has dropped since
		if slow.base != 3 || fast.base != 2 {
			panic("the scenario is wrong")
		}
	})
}

// A transaction may write a row that it holds already; its undo goes back step by step.
func TestARowIsWrittenAgain(t *testing.T) {
	c := legal(t, nil, func(y *toy) {
		w := y.writer(1)
		y.committed(w, "ant")
		u := w.begin()
		for i := range 3 {
			must(w.write(u, "ant", fmt.Sprint(i), true))
		}
		for l := node.LSN(3); l <= 4; l++ { // the third change is lost in the take-over
			w.replicate(l)
		}
		x := y.recover()
		must(x.undo(x.txns[1]))
		z := y.start() // and the second undo is left to the next writer
		for l := node.LSN(5); l <= x.end(); l++ {
			x.replicate(l)
		}
		for _, id := range y.order {
			must(y.segments[id].fence(z))
		}
		must(z.decide())
		for _, id := range y.order {
			must(y.segments[id].join(z))
		}
		must(z.open())
		must(z.undo(z.txns[1]))
		if v := z.value("ant"); v != node.Some("ant'") {
			panic("the scenario is wrong: " + v.String())
		}
		y.committed(z, "ant")
	})
	require.Equal(t, uint64(2), c.Undos)
	require.Equal(t, uint64(2), c.Acks)
	require.Equal(t, uint64(1), c.Cuts+c.Removed, "the third change was on no segment: no cut that took anything away counts")
}

// A row that moved is taken back where it is by then, and what no transaction did stays.
func TestARowMovesBetweenAWriteAndItsUndo(t *testing.T) {
	c := legal(t, toyVolume(2, 3, 2, 2), func(y *toy) {
		w := y.writer(1)
		row := y.inGroups()[0]
		y.committed(w, row)
		must(w.write(w.begin(), row, "2", true))
		must(w.move(row))
		for l := node.LSN(3); l <= w.end(); l++ {
			w.replicate(l)
		}
		x := y.recover()
		must(x.move(row))
		must(x.move(row))
		must(x.undo(x.txns[1]))
		if r := x.at(x.end()); r.Group != 1 || r.New != node.Some(row+"'") {
			panic("the scenario is wrong: " + r.String())
		}
		must(x.write(x.begin(), row, "3", true))
	})
	require.Equal(t, uint64(6), c.Structures)
	require.Equal(t, uint64(1), c.Moves)
}

// A transaction goes back to a savepoint, to its very beginning even, goes on and commits; what it took back, its
// successor does not find.
func TestATransactionGoesOnAfterASavepoint(t *testing.T) {
	c := legal(t, nil, func(y *toy) {
		w := y.writer(1)
		u := w.begin()
		must(w.write(u, "ant", "1", true))
		must(w.takeBack(u))
		must(w.write(u, "bee", "1", true))
		must(w.write(u, "ant", "2", true))
		must(w.takeBack(u))
		must(w.write(u, "ant", "3", true))
		must(w.write(u, "cow", "1", true))
		must(w.takeBack(u))
		must(w.commit(u))
		for l := node.LSN(1); l <= w.end(); l++ {
			w.replicate(l)
		}
		must(w.advance())
		must(w.ack(u))
		x := y.recover()
		for _, row := range []string{"ant", "bee", "cow"} { // all are free
			must(x.write(x.begin(), row, "4", true))
		}
		if r := x.at(x.base + 3); r.Old.Exists {
			panic("the scenario is wrong: " + r.String())
		}
	})
	require.Equal(t, uint64(3), c.Undos)
	require.Equal(t, uint64(4), c.Resumed)
	require.Equal(t, uint64(1), c.Acks)
}

// A cut counts once, however many segments drop what it takes away.
func TestCutsAreCountedOnce(t *testing.T) {
	c := legal(t, toyVolume(1, 6, 4, 3), func(y *toy) {
		w := y.writer(1)
		y.committed(w, "ant")
		u := w.begin()
		for i := range 4 {
			w.write(u, "bee", fmt.Sprint(i), true)
		}
		y.store(w, 4, 0, 1, 2) // 3 is nowhere: the first gap
		y.store(w, 5, 0)
		x := y.recover()
		y.recover() // cuts nothing
		_ = x
	})
	require.Equal(t, uint64(1), c.Cuts)
	require.Equal(t, uint64(4), c.Removed)
	require.Equal(t, uint64(4), c.Dropped)
	require.Equal(t, uint64(2), c.Opens)
}

// The trace that the benchmark steps: 2,000 LSNs, three groups of six, ten epochs.
var longTrace = sync.OnceValues(func() (*node.Volume, []toldStep) {
	v := toyVolume(3, 6, 4, 3)
	var trace []toldStep
	y := newToy(v, 1, func(from node.ID, t node.Trace) { trace = append(trace, toldStep{from, t}) })
	w := y.writer(1)
	rows := []string{"ant", "bee", "cow", "dog", "elk", "fox", "gnu", "hen", "ibis", "jay", "kiwi", "lion"}
	for e := 1; ; e++ {
		for n := 0; w.end() < node.LSN(200*e); n++ {
			t := w.begin()
			for i := range 4 {
				must(w.write(t, rows[(n+i)%len(rows)], fmt.Sprint(e, n), i%2 == 1))
			}
			from := w.end() - 3
			if n%7 == 6 {
				for range 4 {
					must(w.undo(t))
				}
			} else {
				must(w.commit(t))
			}
			for l := from; l <= w.end(); l++ {
				w.replicate(l)
				w.advance()
			}
			w.ack(t)
		}
		if e == 10 {
			return v, trace
		}
		must(w.write(w.begin(), rows[e], "lost", true)) // a record that the cut takes away, and one to be undone
		must(w.write(w.begin(), rows[e+1], "undone", true))
		w.replicate(w.end() - 1)
		w = y.recover()
		for _, t := range w.txns {
			for w.undo(t) {
			}
		}
		for l := w.base + 1; l <= w.end(); l++ {
			w.replicate(l)
		}
		must(w.advance())
	}
})

func TestALongTraceIsAccepted(t *testing.T) {
	v, trace := longTrace()
	x, err := validate(v, trace)
	require.NoError(t, err)
	require.GreaterOrEqual(t, x.lines[9].last[0], node.LSN(1990))
	require.Equal(t, uint64(9), x.Counts().Opens)
	require.Equal(t, uint64(len(trace)), x.Counts().Steps)
}

func BenchmarkTell(b *testing.B) {
	v, trace := longTrace()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		x, err := New(v)
		if err != nil {
			b.Fatal(err)
		}
		for i := range trace {
			if err := x.Tell(node.Time(i), trace[i].from, &trace[i].trace); err != nil {
				b.Fatal(err)
			}
		}
		if err := x.Finish(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(trace)), "ns/step")
	b.ReportMetric(float64(len(trace)), "steps")
	b.ReportMetric(0, "ns/op")
}
