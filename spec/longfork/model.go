package longfork

import "github.com/firstgap/firstgap/spec/check"

type model struct{ World }

// New returns the model of a world. It refuses, with a *WorldError, one that contradicts itself or does not fit.
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
	if w.Bug == "" {
		w.Bug = check.NoBug
	}
	m := &model{w}
	p := check.Plain[State]{
		Title:     "longfork",
		Constants: w,
		Moves: []check.Move[State]{
			{Name: "Begin", Next: m.eachTxn(m.begin)},
			{Name: "Write", Next: m.write},
			{Name: "Abort", Next: m.eachTxn(m.abort)},
			{Name: "Commit", Next: m.eachTxn(m.commit)},
			{Name: "Receive", Next: m.eachSecondary(m.receive)},
			{Name: "Replay", Next: m.replay},
			{Name: "Show", Next: m.eachTxn(m.showCommit)},
			{Name: "Ack", Next: m.eachTxn(m.ack)},
			{Name: "ReadPrimary", Next: m.readPrimary},
			{Name: "ReadSecondary", Next: m.eachSecondary(m.readSecondary)},
			{Name: "LosePrimary", Next: m.losePrimary},
			{Name: "LoseSecondary", Next: m.eachSecondary(m.loseSecondary)},
			{Name: "Promote", Next: m.eachSecondary(m.promote)},
			{Name: "Open", Next: m.open},
		},
		Must:  m.mustNamed(),
		Reach: m.reach(),
		Show:  m.show,
	}
	if w.Symmetry {
		p.Same, p.Symmetry = m.same, "secondaries are interchangeable"
	}
	return p, nil
}

// eachTxn is a move that an action makes for each transaction for which its guard holds.
func (m *model) eachTxn(action func(s *State, t int) bool) func(State, func(State, ...int)) {
	return func(s State, yield func(State, ...int)) {
		for t := 1; t <= m.Txns; t++ {
			if next := s; action(&next, t) {
				yield(next, t)
			}
		}
	}
}

// eachSecondary is a move that an action makes for each secondary that is there and for which its guard holds.
func (m *model) eachSecondary(action func(s *State, n int) bool) func(State, func(State, ...int)) {
	return func(s State, yield func(State, ...int)) {
		for n := 1; n <= m.Secondaries; n++ {
			if next := s; s.following(n) && action(&next, n) {
				yield(next, n)
			}
		}
	}
}

// replicated: enough secondaries have received the first l records of the log.
func (m *model) replicated(s *State, l int) bool {
	copies := 0
	for n := 1; n <= m.Secondaries; n++ {
		if s.following(n) && int(s.node(n).Received) >= l {
			copies++
		}
	}
	return copies >= m.Acks
}

// begin: a transaction takes its snapshot, at the primary.
func (m *model) begin(s *State, t int) bool {
	if !s.serving() || s.txn(t).Stage != Unborn {
		return false
	}
	*s.txn(t) = Txn{Stage: Running, Basis: s.visible()}
	return true
}

// write: a transaction writes a row. It waits for another one that wrote the row and has neither aborted nor become visible; and
// when that one has become visible after its own snapshot was taken, it can only abort: the first that updates wins.
func (m *model) write(s State, yield func(State, ...int)) {
	if !s.serving() {
		return
	}
	for t := 1; t <= m.Txns; t++ {
		if x := s.txn(t); x.Stage != Running || x.Row != 0 {
			continue
		}
		for k := 1; k <= m.Rows; k++ {
			if m.Bug != ignoreConflict && m.taken(&s, t, k) {
				continue
			}
			next := s
			next.txn(t).Row = uint8(k)
			yield(next, t, k)
		}
	}
}

// taken: another transaction wrote row k, and the snapshot of t does not show it.
func (m *model) taken(s *State, t, k int) bool {
	for u := 1; u <= m.Txns; u++ {
		if u != t && int(s.txn(u).Row) == k && !s.txn(t).Basis.has(u) {
			return true
		}
	}
	return false
}

// abort: a transaction gives up. What it wrote is as if it had not been.
func (m *model) abort(s *State, t int) bool {
	if !s.serving() || s.txn(t).Stage != Running {
		return false
	}
	*s.txn(t) = Txn{Stage: Aborted}
	return true
}

// commit: the commit record is in the log of the primary.
func (m *model) commit(s *State, t int) bool {
	x := s.txn(t)
	if !s.serving() || x.Stage != Running || x.Row == 0 {
		return false
	}
	x.Stage = Committed
	s.Log[s.End] = uint8(t)
	s.End++
	return true
}

// receive: the next record of the log is durable on a secondary.
func (m *model) receive(s *State, n int) bool {
	x := s.node(n)
	if !s.primaryUp() || x.Received == s.End {
		return false
	}
	x.Received++
	return true
}

// replay: a secondary shows the next of the commits that it has received. It may do so before the primary shows it.
func (m *model) replay(s State, yield func(State, ...int)) {
	for n := 1; n <= m.Secondaries; n++ {
		x := s.node(n)
		for l := 1; s.following(n) && l <= int(x.Received); l++ {
			t := int(s.Log[l-1])
			if x.Replayed.has(t) || m.SecondariesWait && !m.replicated(&s, l) {
				continue
			}
			if m.Bug != replayOutOfOrder && x.Replayed != s.firstOf(l-1) {
				continue
			}
			next := s
			next.node(n).Replayed |= one(t)
			yield(next, n, t)
		}
	}
}

// showCommit is Show: the primary shows a commit, once its record has copies. In the order of the log, it shows it when it shows
// all before it. A session of PostgreSQL leaves the ProcArray when it gets to it, whichever record is next in the log.
func (m *model) showCommit(s *State, t int) bool {
	if !s.serving() || s.txn(t).Stage != Committed {
		return false
	}
	l := s.place(t)
	if m.Bug != cancelWait && !m.replicated(s, l) {
		return false
	}
	if m.Bug != primaryByProcArray && !s.firstOf(l-1).within(s.visible()) {
		return false
	}
	s.txn(t).Stage = Visible
	return true
}

// ack: the client is told that its transaction is committed.
func (m *model) ack(s *State, t int) bool {
	if !s.serving() || s.Acked.has(t) {
		return false
	}
	early := m.Bug == ackBeforeVisible && s.txn(t).Stage == Committed && m.replicated(s, s.place(t))
	if s.txn(t).Stage != Visible && !early {
		return false
	}
	s.Acked |= one(t)
	return true
}

// readPrimary: a reader takes a snapshot at the primary.
func (m *model) readPrimary(s State, yield func(State, ...int)) {
	if s.serving() && s.take(Snapshot{AtPrimary, s.visible()}, m.Snapshots) {
		yield(s)
	}
}

// readSecondary: a reader takes a snapshot at a secondary.
func (m *model) readSecondary(s *State, n int) bool {
	return s.take(Snapshot{AtSecondary, s.node(n).Replayed}, m.Snapshots)
}

// losePrimary: the primary is gone with its disk. What runs there ends, and what its log had beyond its copies is nowhere.
func (m *model) losePrimary(s State, yield func(State, ...int)) {
	if !s.primaryUp() || s.losses() == m.Losses {
		return
	}
	if s.Primary == 0 {
		s.FirstDown = true
	} else {
		s.node(int(s.Primary)).Down = true
	}
	yield(s)
}

// loseSecondary: a secondary is gone with its disk.
func (m *model) loseSecondary(s *State, n int) bool {
	if s.losses() == m.Losses {
		return false
	}
	*s.node(n) = Secondary{Down: true}
	return true
}

// promote: of so many secondaries that one of them has received each commit that was shown, the one that has received most
// becomes the primary. The others drop what they have beyond its log, and so does the table of transactions: what ran has
// ended, and what is in the log is committed.
func (m *model) promote(s *State, n int) bool {
	if s.primaryUp() {
		return false
	}
	x := s.node(n)
	asked, behind := 0, 0
	for u := 1; u <= m.Secondaries; u++ {
		if s.following(u) {
			asked++
			if s.node(u).Received <= x.Received {
				behind++
			}
		}
	}
	switch m.Bug {
	case promoteFirst:
	case promoteShortest:
		if asked < m.MustRead() {
			return false
		}
	default:
		if behind < m.MustRead() {
			return false
		}
	}
	s.End = x.Received
	for l := int(s.End); l < maxTxns; l++ {
		s.Log[l] = 0
	}
	kept := s.inLog()
	*x = Secondary{}
	for u := 1; u <= m.Secondaries; u++ {
		y := s.node(u)
		y.Received = min(y.Received, s.End)
		y.Replayed &= kept
	}
	for t := 1; t <= m.Txns; t++ {
		switch y := s.txn(t); {
		case kept.has(t):
			y.Stage = Committed
		case y.Stage != Unborn:
			*y = Txn{Stage: Aborted}
		}
	}
	s.Primary, s.Opening = uint8(n), true
	return true
}

// open: the promoted node serves, once all its log has copies: a snapshot would show what only it has, and the next loss would
// take that away.
func (m *model) open(s State, yield func(State, ...int)) {
	if !s.primaryUp() || !s.Opening || m.Bug != serveBeforeReplicated && !m.replicated(&s, int(s.End)) {
		return
	}
	s.Opening = false
	for _, t := range s.log() {
		s.txn(int(t)).Stage = Visible
	}
	yield(s)
}
