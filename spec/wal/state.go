package wal

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// The kinds of record.
const (
	write uint8 = iota + 1
	undo
	commit
)

// A Record is one record of the log. That of a commit has no row and no values.
type Record struct {
	Txn, Kind, Row uint8
	Old, New       int16
}

// A State is one state of the model. Rows, transactions and LSNs count from 1, as in the module; so index 0 of Log,
// Cache and Disk stays empty.
type State struct {
	Recovering bool
	Log        [maxLSN + 1]Record // with its end that is in memory, and with its beginning that was dropped
	End        uint8              // its length
	Flushed    uint8              // so much of it is on disk
	Low        uint8              // so much of it was dropped
	Mark       uint8              // its length at the last crash
	Redone     uint8              // how far recovery has redone it
	Cache      [3]int16           // values in the buffer pool
	Disk       [3]int16           // values in the pages on disk
	Acked      [maxTxns + 1]bool  // transactions whose commit the client has been told of
	Crashes    uint8              // how many there were
}

var initial = State{Cache: values, Disk: values}

var values = [3]int16{0, 500, 750}

// A step of a transaction adds to one row.
type step struct {
	row uint8
	add int16
}

// program returns the steps of transaction t.
func program(work string, t int) []step {
	amount := int16(10) << (t - 1)
	switch {
	case work == "deposit" && t%2 == 1:
		return []step{{1, amount}}
	case work == "deposit":
		return []step{{2, amount}}
	case work == "correct":
		return []step{{1, amount + 5}, {1, -5}, {2, -amount}}
	case work == "cross" && t%2 == 0:
		return []step{{2, -amount}, {1, amount}}
	default:
		return []step{{1, amount}, {2, -amount}}
	}
}

// set is a set of LSNs.
type set uint16

func (s set) has(l uint8) bool { return s&(1<<l) != 0 }

func (s set) len() (n int) {
	for ; s != 0; s &= s - 1 {
		n++
	}
	return n
}

// of returns where the log, as far as it was not dropped, has records of t of a kind; 0 is for any kind.
func (s *State) of(t int, kind uint8) (at set) {
	for l := s.Low + 1; l <= s.End; l++ {
		if r := s.Log[l]; int(r.Txn) == t && (kind == 0 || r.Kind == kind) {
			at |= 1 << l
		}
	}
	return at
}

func (s *State) writes(t int) set  { return s.of(t, write) }
func (s *State) undos(t int) set   { return s.of(t, undo) }
func (s *State) commits(t int) set { return s.of(t, commit) }

func (s *State) changes(t int, k uint8) bool {
	for l := s.Low + 1; l <= s.End; l++ {
		if r := s.Log[l]; int(r.Txn) == t && r.Kind == write && r.Row == k {
			return true
		}
	}
	return false
}

func (s *State) begun(t int) bool {
	for l := uint8(1); l <= s.End; l++ {
		if int(s.Log[l].Txn) == t {
			return true
		}
	}
	return false
}

func (s *State) unfinished(t int) bool {
	return s.commits(t) == 0 && s.undos(t).len() < s.writes(t).len()
}

// live: all that t has written it has written since the last crash.
func (s *State) live(t int) bool {
	w := s.writes(t)
	return w != 0 && w>>(s.Mark+1)<<(s.Mark+1) == w
}

// flushed: all records of t are on disk.
func (s *State) flushed(t int) bool { return s.of(t, 0)>>(s.Flushed+1) == 0 }

func (s *State) clean(k uint8) bool { return s.Disk[k] == s.Cache[k] }

func (s *State) add(r Record) {
	s.End++
	s.Log[s.End] = r
}

// row names a row as the lecture does.
func row(k uint8) string { return [...]string{"", "X", "Y"}[k] }

func (r Record) String() string {
	switch r.Kind {
	case write:
		return fmt.Sprintf("T%d %s %d→%d", r.Txn, row(r.Row), r.Old, r.New)
	case undo:
		return fmt.Sprintf("T%d undoes %s %d→%d", r.Txn, row(r.Row), r.Old, r.New)
	default:
		return fmt.Sprintf("T%d commits", r.Txn)
	}
}

// show returns the state in words.
func show(s State) []check.Var {
	phase := "open"
	if s.Recovering {
		phase = fmt.Sprintf("recovering, redone to %d of %d", s.Redone, s.Mark)
	}
	part := func(from, to uint8) string {
		var records []string
		for l := from + 1; l <= to; l++ {
			records = append(records, fmt.Sprintf("%d: %s", l, s.Log[l]))
		}
		return strings.Join(records, "; ")
	}
	var acked []string
	for t, is := range s.Acked {
		if is {
			acked = append(acked, fmt.Sprintf("T%d", t))
		}
	}
	rows := func(v [3]int16) string { return fmt.Sprintf("X=%d Y=%d", v[1], v[2]) }
	return []check.Var{
		{Name: "phase", Value: phase},
		{Name: "log dropped", Value: part(0, s.Low)},
		{Name: "log on disk", Value: part(s.Low, s.Flushed)},
		{Name: "log in memory", Value: part(s.Flushed, s.End)},
		{Name: "last crash after", Value: fmt.Sprint(s.Mark)},
		{Name: "cache", Value: rows(s.Cache)},
		{Name: "pages on disk", Value: rows(s.Disk)},
		{Name: "acknowledged", Value: strings.Join(acked, " ")},
		{Name: "crashes", Value: fmt.Sprint(s.Crashes)},
	}
}
