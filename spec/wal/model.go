package wal

import "github.com/firstgap/firstgap/spec/check"

type model struct {
	World
	programs [maxTxns + 1][]step
}

// New returns the model of a world.
func New(w World) (check.Model, error) {
	p, err := plain(w)
	if err != nil {
		return nil, err
	}
	return p.Model(), nil
}

func plain(w World) (check.Plain[State], error) {
	if err := w.Validate(); err != nil {
		return check.Plain[State]{}, err
	}
	m := &model{World: w}
	for t := 1; t <= w.Txns; t++ {
		m.programs[t] = program(w.Work, t)
	}
	return check.Plain[State]{
		Title:     "wal",
		Constants: w,
		Start:     initial,
		Moves: []check.Move[State]{
			{Name: "Write", Next: m.eachTxn(m.write)},
			{Name: "Commit", Next: m.eachTxn(m.commit)},
			{Name: "Switch", Next: m.eachTxn(m.switchPages)},
			{Name: "Undo", Next: m.eachTxn(m.undo)},
			{Name: "FlushLog", Next: m.flushLog},
			{Name: "FlushPage", Next: m.flushPage},
			{Name: "Ack", Next: m.eachTxn(m.ack)},
			{Name: "Ask", Next: m.eachTxn(m.ask)},
			{Name: "Truncate", Next: m.truncate},
			{Name: "Crash", Next: m.crash},
			{Name: "Redo", Next: m.redo},
			{Name: "Open", Next: m.open},
		},
		Must: []check.Must[State]{
			{Name: "TypeOK", Guarantee: "what is dropped, on disk, redone and in memory are parts of one log, in this order", Holds: m.typeOK},
			{Name: "Atomic", Guarantee: "each transaction has happened as a whole or not at all", Holds: m.atomic},
			{Name: "Durable", Guarantee: "a transaction that a client was told is committed is on disk, and has happened", Holds: m.durable},
			{Name: "NothingUncommitted", Guarantee: "the rows that nobody holds show nothing whose commit record is not on disk", Holds: m.nothingUncommitted},
		},
		Reach: m.witnesses(),
		Show:  show,
	}, nil
}

// eachTxn is a move that an action makes for each transaction for which its guard holds.
func (m *model) eachTxn(action func(s State, t int) (State, bool)) func(State, func(State, ...int)) {
	return func(s State, yield func(State, ...int)) {
		for t := 1; t <= m.Txns; t++ {
			if next, ok := action(s, t); ok {
				yield(next, t)
			}
		}
	}
}

func (m *model) pageOf(k uint8) int {
	if m.SamePage {
		return 1
	}
	return int(k)
}

// holds: t holds the lock on row k, until it is rolled back, or acknowledged.
func (m *model) holds(s *State, t int, k uint8) bool {
	return s.changes(t, k) && s.live(t) && !s.Acked[t] &&
		(s.unfinished(t) || s.commits(t) != 0 && m.Bug != "release-at-commit")
}

func (m *model) free(s *State, k uint8) bool { return m.freeBut(s, k, 0) }

func (m *model) freeBut(s *State, k uint8, t int) bool {
	for u := 1; u <= m.Txns; u++ {
		if u != t && m.holds(s, u, k) {
			return false
		}
	}
	return true
}

// tentative: the cache may hold changes of t that recovery would have to undo.
func (m *model) tentative(s *State, t int) bool {
	onDisk := s.commits(t) & (1<<(s.Flushed+1) - 1)
	return s.undos(t).len() < s.writes(t).len() && onDisk == 0 && (s.live(t) || m.UndoPass)
}

// logged: the log on disk has everything that changed page p.
func (m *model) logged(s *State, p int) bool {
	for l := max(s.Low, s.Flushed) + 1; l <= s.End; l++ {
		if r := s.Log[l]; r.Kind != commit && m.pageOf(r.Row) == p {
			return false
		}
	}
	return true
}

// pageWritten returns the disk with page p as it is in the cache.
func (m *model) pageWritten(s *State, p int) [3]int16 {
	disk := s.Disk
	for k := uint8(1); k <= 2; k++ {
		if m.pageOf(k) == p {
			disk[k] = s.Cache[k]
		}
	}
	return disk
}

// write is the next step of transaction t: one record, one change in the cache.
func (m *model) write(s State, t int) (State, bool) {
	if s.Recovering || int(s.End) == m.MaxLSN {
		return s, false
	}
	if s.begun(t) && (!s.live(t) || s.undos(t) != 0 || s.Acked[t] || m.Bug != "commit-before-updates" && !s.unfinished(t)) {
		return s, false
	}
	n := s.writes(t).len()
	if n == len(m.programs[t]) {
		return s, false
	}
	next := m.programs[t][n]
	if m.Bug != "ignore-locks" && !m.freeBut(&s, next.row, t) {
		return s, false
	}
	old := s.Cache[next.row]
	s.add(Record{uint8(t), write, next.row, old, old + next.add})
	s.Cache[next.row] = old + next.add
	return s, true
}

func (m *model) written(s *State, t int) bool { return s.writes(t).len() == len(m.programs[t]) }

// ready: t may commit, as far as its steps are concerned.
func (m *model) ready(s *State, t int) bool {
	return !s.Recovering && int(s.End) < m.MaxLSN && s.live(t) && s.unfinished(t) && s.undos(t) == 0
}

// cleanRows: the pages on disk have all that t has written.
func cleanRows(s *State, t int) bool {
	for k := uint8(1); k <= 2; k++ {
		if s.changes(t, k) && !s.clean(k) {
			return false
		}
	}
	return true
}

// commit: all steps of t are in the log. With force and steal their pages are on disk, too; with force alone they may
// not be yet, and ack waits for them.
func (m *model) commit(s State, t int) (State, bool) {
	if m.Shadow || !m.ready(&s, t) {
		return s, false
	}
	if m.Bug != "commit-before-updates" && !m.written(&s, t) {
		return s, false
	}
	if m.Force && m.Steal && !cleanRows(&s, t) {
		return s, false
	}
	s.add(Record{Txn: uint8(t), Kind: commit})
	return s, true
}

// switchPages is Switch: the pages of t and its commit record, in one step of the disk, as when a root block that names
// the new pages is written over the old one.
func (m *model) switchPages(s State, t int) (State, bool) {
	if !m.Shadow || !m.ready(&s, t) || !m.written(&s, t) {
		return s, false
	}
	disk := s.Disk
	for k := uint8(1); k <= 2; k++ {
		if m.onPagesOf(&s, t, k) {
			if !m.freeBut(&s, k, t) {
				return s, false
			}
			disk[k] = s.Cache[k]
		}
	}
	s.Disk = disk
	s.add(Record{Txn: uint8(t), Kind: commit})
	s.Flushed = s.End
	return s, true
}

// onPagesOf: row k is on a page that t has changed.
func (m *model) onPagesOf(s *State, t int, k uint8) bool {
	for j := uint8(1); j <= 2; j++ {
		if s.changes(t, j) && m.pageOf(j) == m.pageOf(k) {
			return true
		}
	}
	return false
}

// undo takes back the latest change of t that is not taken back yet, of a running transaction or, in recovery, of a
// loser. The undo record is what lets the next recovery know: without it that one would put old values over what has
// been committed since. With force and steal the page is written before the undo record is: without a redo pass nothing
// would bring the old value back to a page that was stolen.
func (m *model) undo(s State, t int) (State, bool) {
	if int(s.End) == m.MaxLSN || !s.unfinished(t) {
		return s, false
	}
	if s.Recovering && !(m.UndoPass && (m.Bug == "undo-before-redo" || s.Redone == s.Mark)) {
		return s, false
	}
	if !s.Recovering && !(m.Aborts && s.live(t)) {
		return s, false
	}
	done := s.undos(t)
	if m.Bug == "undo-restarts" {
		done = done >> (s.Mark + 1) << (s.Mark + 1)
	}
	r := s.Log[m.nthToUndo(s.writes(t), done.len())]
	p := m.pageOf(r.Row)
	if m.Force && m.Steal && !m.logged(&s, p) {
		return s, false
	}
	s.add(Record{uint8(t), undo, r.Row, r.New, r.Old})
	s.Cache[r.Row] = r.Old
	if m.Force && m.Steal {
		s.Disk = m.pageWritten(&s, p)
	}
	return s, true
}

// nthToUndo returns the write that is next after n of them were taken back.
func (m *model) nthToUndo(writes set, n int) uint8 {
	if m.Bug != "undo-forward" {
		n = writes.len() - 1 - n
	}
	for l := uint8(1); ; l++ {
		if writes.has(l) {
			if n == 0 {
				return l
			}
			n--
		}
	}
}

// flushLog: the next record of the log reaches the disk.
func (m *model) flushLog(s State, yield func(State, ...int)) {
	for l := s.Flushed + 1; l <= s.End; l++ {
		if l != s.Flushed+1 && !(m.Bug == "commit-overtakes" && s.Log[l].Kind == commit) {
			continue
		}
		next := s
		copy(next.Log[s.Flushed+2:l+1], s.Log[s.Flushed+1:l])
		next.Log[s.Flushed+1] = s.Log[l]
		next.Flushed++
		yield(next)
	}
}

// flushPage: page p reaches the disk, after the records of what changed it. Without steal it has no change that may
// have to be undone; in the middle of the redo pass it may show one that was.
func (m *model) flushPage(s State, yield func(State, ...int)) {
	pages := 2
	if m.SamePage {
		pages = 1
	}
	for p := 1; p <= pages; p++ {
		disk := m.pageWritten(&s, p)
		if disk == s.Disk || m.Bug != "page-before-log" && !m.logged(&s, p) || !m.Steal && !m.settled(&s, p) {
			continue
		}
		next := s
		next.Disk = disk
		yield(next, p)
	}
}

// settled: nothing on page p may have to be undone.
func (m *model) settled(s *State, p int) bool {
	if s.Recovering && s.Redone != s.Mark {
		return false
	}
	for t := 1; t <= m.Txns; t++ {
		if m.tentative(s, t) && (s.changes(t, 1) && m.pageOf(1) == p || s.changes(t, 2) && m.pageOf(2) == p) {
			return false
		}
	}
	return true
}

// ack: the client is told that t is committed, and its locks are released.
func (m *model) ack(s State, t int) (State, bool) {
	if s.Recovering || s.Acked[t] || !s.live(t) || s.commits(t) == 0 || !m.written(&s, t) {
		return s, false
	}
	if m.Bug != "ack-before-flush" && !s.flushed(t) || m.Force && !cleanRows(&s, t) {
		return s, false
	}
	s.Acked[t] = true
	return s, true
}

// ask: a client that was told nothing before the crash asks, and is answered from the log: t is committed.
func (m *model) ask(s State, t int) (State, bool) {
	if s.Recovering || s.Acked[t] || s.live(t) || s.commits(t) == 0 {
		return s, false
	}
	s.Acked[t] = true
	return s, true
}

// truncate drops the oldest record from the log, once neither redo nor undo can need it: its transaction is over, and
// the page on disk has it.
func (m *model) truncate(s State, yield func(State, ...int)) {
	if s.Recovering || s.Low == s.Flushed {
		return
	}
	r := s.Log[s.Low+1]
	t := int(r.Txn)
	if !s.flushed(t) || s.live(t) && !s.Acked[t] && (s.commits(t) != 0 || s.unfinished(t)) {
		return
	}
	if r.Kind != commit && m.Bug != "truncate-early" && !(s.clean(r.Row) && m.free(&s, r.Row)) {
		return
	}
	s.Low++
	yield(s)
}

// crash: what is not on disk is gone, and recovery begins.
func (m *model) crash(s State, yield func(State, ...int)) {
	if int(s.Crashes) == m.MaxCrashes {
		return
	}
	next := State{Recovering: true, Cache: s.Disk, Disk: s.Disk, Acked: s.Acked, Crashes: s.Crashes + 1}
	for l := uint8(1); l <= s.Flushed; l++ {
		if m.Bug == "undo-unlogged" && s.Log[l].Kind == undo {
			continue
		}
		next.add(s.Log[l])
		if l <= s.Low {
			next.Low++
		}
	}
	next.Flushed, next.Mark, next.Redone = next.End, next.End, next.End
	if m.RedoPass {
		next.Redone = next.Low
	}
	yield(next)
}

// redo puts the new value of the next record into the cache. Without an undo pass it passes over what was never
// committed.
func (m *model) redo(s State, yield func(State, ...int)) {
	if !s.Recovering || s.Redone == s.Mark {
		return
	}
	l := s.Redone + 1
	if m.Bug == "redo-backward" {
		l = s.Mark + s.Low - s.Redone
	}
	r := s.Log[l]
	if r.Kind != commit && (m.UndoPass || m.Bug == "redo-losers" || s.commits(int(r.Txn)) != 0) {
		s.Cache[r.Row] = r.New
	}
	s.Redone++
	yield(s)
}

// open: everything is redone, no loser is left: serve.
func (m *model) open(s State, yield func(State, ...int)) {
	if !s.Recovering || s.Redone != s.Mark {
		return
	}
	for t := 1; m.UndoPass && m.Bug != "open-before-undo" && t <= m.Txns; t++ {
		if s.unfinished(t) {
			return
		}
	}
	s.Recovering = false
	yield(s)
}

func (m *model) typeOK(s State) bool {
	return s.Low <= s.Flushed && s.Flushed <= s.End && int(s.End) <= m.MaxLSN &&
		s.Redone <= s.Mark && s.Mark <= s.Flushed && (s.Recovering || s.Redone == s.Mark)
}

// total is row k after the transactions of a set of bits, in any order.
func (m *model) total(txns uint, k uint8) int16 {
	v := values[k]
	for t := 1; t <= m.Txns; t++ {
		if txns&(1<<t) == 0 {
			continue
		}
		for _, st := range m.programs[t] {
			if st.row == k {
				v += st.add
			}
		}
	}
	return v
}

// shows: a transaction that locks the rows that are free sees just the transactions given.
func (m *model) shows(s *State, txns uint) bool {
	for k := uint8(1); k <= 2; k++ {
		if m.free(s, k) && s.Cache[k] != m.total(txns, k) {
			return false
		}
	}
	return true
}

// showsAny: the rows that are free show some set of transactions that has all of least, and none that is not in most.
func (m *model) showsAny(s *State, least, most uint) bool {
	for txns := uint(0); txns <= most; txns += 2 { // there is no transaction 0
		if txns&least == least && txns&^most == 0 && m.shows(s, txns) {
			return true
		}
	}
	return false
}

func (m *model) all() uint { return 1<<(m.Txns+1) - 1 }

// onDisk returns the transactions whose commit record is on disk.
func onDisk(s *State) (txns uint) {
	for l := uint8(1); l <= s.Flushed; l++ {
		if s.Log[l].Kind == commit {
			txns |= 1 << s.Log[l].Txn
		}
	}
	return txns
}

func (m *model) atomic(s State) bool { return s.Recovering || m.showsAny(&s, 0, m.all()) }

func (m *model) durable(s State) bool {
	var acked uint
	for t, is := range s.Acked {
		if is {
			acked |= 1 << t
		}
	}
	return acked&^onDisk(&s) == 0 && (s.Recovering || m.showsAny(&s, acked, m.all()))
}

func (m *model) nothingUncommitted(s State) bool {
	return s.Recovering || m.showsAny(&s, 0, onDisk(&s))
}

// witnesses returns the situations that a world must reach, as far as its constants allow them at all.
func (m *model) witnesses() []check.Must[State] {
	all := []check.Must[State]{{Name: "Told", Guarantee: "a client is told that a transaction is committed", Holds: func(s State) bool {
		return s.Acked != [maxTxns + 1]bool{}
	}}}
	if m.Steal {
		all = append(all, check.Must[State]{Name: "Stolen", Guarantee: "a page on disk has what is not committed", Holds: func(s State) bool {
			return s.Disk != values && onDisk(&s) == 0
		}})
	}
	if m.MaxCrashes > 0 {
		all = append(all, check.Must[State]{Name: "Untold", Guarantee: "a transaction survives a crash though nobody was told of it", Holds: func(s State) bool {
			return !s.Recovering && s.Crashes > 0 && s.Acked == [maxTxns + 1]bool{} && onDisk(&s) != 0
		}})
	}
	if m.MaxCrashes > 0 && m.UndoPass {
		all = append(all, check.Must[State]{Name: "TakenBack", Guarantee: "recovery takes back a transaction", Holds: func(s State) bool {
			return s.Recovering && s.End > s.Mark && m.rolledBack(&s)
		}})
	}
	return all
}

// rolledBack: some transaction has taken back all that it wrote.
func (m *model) rolledBack(s *State) bool {
	for t := 1; t <= m.Txns; t++ {
		if n := s.undos(t).len(); n > 0 && n == s.writes(t).len() {
			return true
		}
	}
	return false
}
