package wal

import (
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
)

// A Traced is a transaction of a run that was traced, as far as the model's guards ask about it.
type Traced struct {
	Changes   int  // that are not taken back
	Undone    bool // it has taken something back
	Committed bool // its commit record is made
	Acked     bool
	Old       bool // it began before the last crash
}

// A Guards steps the model by what a run tells. A run has no bound, and the model has two rows and a short log, so each step
// is taken in a state that has the transaction that it is about, one other that holds its row, and those of its records
// that a guard looks at: of several changes the latest two. The rows of a run are the model's items one by one: the first
// change of a transaction is of X, the one that comes is of Y, and a page is the latest record on it.
type Guards struct{ m *model }

// NewGuards returns the model with steal, without force, with both passes of recovery and with rollback.
func NewGuards() (*Guards, error) {
	w := World{Work: "transfer", Txns: 2, Steal: true, RedoPass: true, UndoPass: true, Aborts: true, MaxLSN: maxLSN, MaxCrashes: 1, Bug: "none"}
	if err := w.Validate(); err != nil {
		return nil, err
	}
	m := &model{World: w}
	for t := 1; t <= w.Txns; t++ {
		m.programs[t] = program(w.Work, t)
	}
	return &Guards{m}, nil
}

// A Refusal says which action of the model, or invariant of it, does not allow a step of a traced run.
type Refusal = check.Refusal

// change adds a change of row k to the log and the cache.
func (s *State) change(t, k uint8) {
	s.add(Record{t, write, k, s.Cache[k], s.Cache[k] + 1})
	s.Cache[k]++
}

// put adds a transaction's records: of its changes so many, the last of row k.
func (s *State) put(t uint8, x Traced, changes int, k uint8) {
	if x.Undone {
		s.change(t, 3-k)
		s.Cache[3-k]--
		s.add(Record{t, undo, 3 - k, s.Cache[3-k] + 1, s.Cache[3-k]})
	}
	if changes > 1 {
		s.change(t, 3-k)
	}
	if changes > 0 {
		s.change(t, k)
	}
	if x.Committed {
		s.add(Record{Txn: t, Kind: commit})
	}
	s.Acked[t] = x.Acked
	if x.Old {
		s.Mark, s.Flushed, s.Redone = s.End, s.End, s.End
	}
}

// Write: the transaction changes a row, of which holder is the transaction that changed it last.
func (g *Guards) Write(x Traced, holder *Traced) error {
	s := initial
	if holder != nil {
		row := uint8(1)
		if x.Changes > 0 || x.Undone {
			row = 2
		}
		s.put(2, *holder, min(holder.Changes, 1), row)
	}
	s.put(1, x, min(x.Changes, 1), 1)
	if _, ok := g.m.write(s, 1); !ok {
		return check.Refuse("Write", "a transaction that is not over changes a row that nobody else holds", "its row free", fmt.Sprintf("%+v, and on the row %+v", x, holder))
	}
	return nil
}

// Commit: the transaction makes its commit record.
func (g *Guards) Commit(x Traced) error {
	s := initial
	n := x.Changes
	if n > 0 {
		n = 2 // it says that it is complete
	}
	s.put(1, x, n, 2)
	if _, ok := g.m.commit(s, 1); !ok {
		return check.Refuse("Commit", "a transaction commits once, with changes, and not after it took one back", "one under way", fmt.Sprintf("%+v", x))
	}
	return nil
}

// Undo: the transaction takes a change back. It returns which one that is, counted from the latest, which is 0.
func (g *Guards) Undo(x Traced, recovering bool) (int, error) {
	s := initial
	x.Undone = x.Undone && x.Changes == 0 // what was taken back before stands before what is left
	s.put(1, x, min(x.Changes, 2), 2)
	s.Recovering = recovering
	before := s
	next, ok := g.m.undo(s, 1)
	if !ok {
		return 0, check.Refuse("Undo", "what has not committed is taken back once, by its own start or by recovery", "a change to take back", fmt.Sprintf("%+v", x))
	}
	if next.Log[next.End].Row == before.Log[before.End].Row {
		return 0, nil
	}
	return 1, nil
}

// FlushLog: the log is durable up to one record more, if that was made.
func (g *Guards) FlushLog(made bool) error {
	s := initial
	if made {
		s.change(1, 1)
	}
	if !yields(func(y func(State, ...int)) { g.m.flushLog(s, y) }) {
		return check.Refuse("FlushLog", "what is durable was made", "a record", "none")
	}
	return nil
}

// FlushPage: a page is on its way to the disk; logged says whether the log is durable up to the latest change on it.
func (g *Guards) FlushPage(logged bool) error {
	s := initial
	s.change(1, 1)
	if logged {
		s.Flushed = s.End
	}
	if !yields(func(y func(State, ...int)) { g.m.flushPage(s, y) }) {
		return check.Refuse("FlushPage", "a page goes to the disk after the log of what changed it", "a log that is durable up to it", "a page ahead of it")
	}
	return nil
}

// Ack: the client is told; flushed says whether the commit record is durable.
func (g *Guards) Ack(x Traced, flushed bool) error {
	s := initial
	s.put(1, x, 2, 2)
	s.Flushed = s.End
	if !flushed {
		s.Flushed--
	}
	if _, ok := g.m.ack(s, 1); !ok {
		return check.Refuse("Ack", "a client is told once, and when the commit record is durable", "a commit on disk", fmt.Sprintf("%+v, durable %t", x, flushed))
	}
	return nil
}

// Open: recovery is over; losers says whether there are transactions without an end.
func (g *Guards) Open(losers bool, recovering bool) error {
	s := initial
	if losers {
		s.put(1, Traced{Old: true}, 1, 1)
	}
	s.Recovering = recovering
	if !yields(func(y func(State, ...int)) { g.m.open(s, y) }) {
		return check.Refuse("Open", "recovery serves when everything is redone and every loser is taken back", "no loser", fmt.Sprintf("losers %t, recovering %t", losers, recovering))
	}
	return nil
}

func yields(act func(func(State, ...int))) (any bool) {
	act(func(State, ...int) { any = true })
	return any
}
