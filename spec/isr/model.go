package isr

import "github.com/firstgap/firstgap/spec/check"

type model struct{ World }

// New returns the model of a world.
func New(w World) (check.Model, error) {
	p, err := plain(w)
	if err != nil {
		return nil, err
	}
	m := &model{w}
	return check.Coded[State]{Plain: p, Code: m.code, Decode: m.decode}.Model(), nil
}

type yield = func(next State, args ...int)

func plain(w World) (check.Plain[State], error) {
	if err := w.Validate(); err != nil {
		return check.Plain[State]{}, err
	}
	m := &model{w}
	return check.Plain[State]{
		Title:     "isr",
		Constants: w,
		Start:     m.start(),
		Moves: []check.Move[State]{
			{Name: "Elect", Next: m.elect},
			{Name: "BecomeLeader", Next: m.each(m.becomeLeader)},
			{Name: "BecomeFollower", Next: m.each(m.becomeFollower)},
			{Name: "Truncate", Next: m.each(m.truncate)},
			{Name: "Write", Next: m.each(m.write)},
			{Name: "Fetch", Next: m.each(m.fetch)},
			{Name: "Advance", Next: m.each(m.advance)},
			{Name: "Shrink", Next: m.each(m.shrink)},
			{Name: "Expand", Next: m.each(m.expand)},
			{Name: "Accept", Next: m.accept},
			{Name: "Learn", Next: m.each(m.learn)},
		},
		Must:     m.invariants(),
		Reach:    m.witnesses(),
		Symmetry: "replicas are interchangeable",
		Show:     m.show,
	}, nil
}

func (m *model) each(act func(s State, r int, yield yield)) func(State, func(State, ...int)) {
	return func(s State, yield func(State, ...int)) {
		for r := range m.Replicas {
			act(s, r, yield)
		}
	}
}

// elect: the controller elects a leader for the next epoch, one of the in-sync replicas, and may take another for failed and out
// of these. It need not have failed. The leader may be the one there was.
func (m *model) elect(s State, yield func(State, ...int)) {
	if int(s.Epoch) == m.MaxEpoch {
		return
	}
	for l := range m.Replicas {
		if !s.Replicas[l].InSync {
			if m.Bug == uncleanElection {
				next := s
				for r := range m.Replicas {
					next.Replicas[r].InSync = r == l
				}
				m.begin(&next, l)
				yield(next, l+1, 0)
			}
			continue
		}
		for out := -1; out < m.Replicas; out++ {
			next := s
			if out >= 0 {
				if out == l || !s.Replicas[out].InSync {
					continue
				}
				next.Replicas[out].InSync = false
			}
			m.begin(&next, l)
			yield(next, l+1, out+1)
		}
	}
}

// begin begins the next epoch with leader l, which is told the in-sync replicas.
func (m *model) begin(s *State, l int) {
	s.Epoch++
	s.Replicas[l].Leads = s.Replicas[l].Leads.with(s.Epoch)
	for i := range m.Replicas {
		if r := &s.Replicas[i]; r.InSync {
			r.Counts = r.Counts.with(s.Epoch)
		}
	}
}

// leave: a replica that goes on to another epoch forgets what it knew as the leader of its own.
func (m *model) leave(s *State, r int) {
	x := &s.Replicas[r]
	if !x.leads() {
		return
	}
	for i := range m.Replicas {
		o := &s.Replicas[i]
		o.Counts, o.Wanted = o.Counts.but(x.Epoch), o.Wanted.but(x.Epoch)
	}
	s.Requests[x.Epoch] = NoRequest
}

// becomeLeader: replica r hears that it was elected for a later epoch than it knows. Its high watermark stays behind that of
// the leader before, until its followers have fetched.
func (m *model) becomeLeader(s State, r int, yield yield) {
	for e := s.Replicas[r].Epoch + 1; e <= s.Epoch; e++ {
		if !s.Replicas[r].Leads.has(e) {
			continue
		}
		next := s
		m.leave(&next, r)
		next.Replicas[r].Epoch, next.Replicas[r].Truncated = e, false
		yield(next, r+1, int(e))
	}
}

// becomeFollower: replica r hears of another's election for a later epoch than it knows. It truncates before it fetches, even if
// that one led in the epoch that it knows, too: it may have followed another in between, and truncated.
func (m *model) becomeFollower(s State, r int, yield yield) {
	for e := s.Replicas[r].Epoch + 1; e <= s.Epoch; e++ {
		if s.Replicas[r].Leads.has(e) {
			continue
		}
		next := s
		m.leave(&next, r)
		x := &next.Replicas[r]
		x.Truncated = m.Bug == sameLeader && x.Truncated && s.Replicas[m.leaderOf(&s, x.Epoch)].Leads.has(e)
		x.Epoch = e
		if m.Bug == truncateToHW {
			x.Log.truncate(x.HW)
			x.Truncated = true
		}
		yield(next, r+1, int(e))
	}
}

// leader returns the leader of follower r, if that takes itself for one and is in r's epoch. One in another epoch may yet
// truncate what it has.
func (m *model) leader(s *State, r int, unfenced string) *Replica {
	x := &s.Replicas[r]
	if x.leads() {
		return nil
	}
	l := &s.Replicas[m.leaderOf(s, x.Epoch)]
	if l.Epoch != x.Epoch && (m.Bug != unfenced || !l.leads()) {
		return nil
	}
	return l
}

// truncate: follower r makes its log a prefix of its leader's. It asks for the epoch of its last record. The leader answers with
// the largest epoch not above that which it has, and where that ends; r keeps no more of it, asks again if it does not
// have that epoch itself, and so on.
func (m *model) truncate(s State, r int, yield yield) {
	x := &s.Replicas[r]
	l := m.leader(&s, r, truncateUnfenced)
	if l == nil || x.Truncated {
		return
	}
	if m.Bug == truncateUnknown {
		// The answer is an offset alone: where the next larger epoch begins, or the high watermark is taken if there is neither.
		switch end := l.Log.end(x.Log.last()); {
		case end < l.Log.Len || l.Log.last() == x.Log.last():
			x.Log.truncate(end)
		default:
			x.Log.truncate(x.HW)
		}
	} else {
		for done := false; !done; {
			asked := x.Log.last()
			end := l.Log.end(asked)
			var known uint8 // the largest epoch not above the one asked for
			if end > 0 {
				known = l.Log.Epochs[end-1]
			}
			x.Log.truncate(min(end, x.Log.end(known)))
			done = x.Log.last() == known || x.Log.Len == 0
		}
	}
	x.HW = min(x.HW, x.Log.Len)
	x.Truncated = true
	yield(s, r+1)
}

// write: a leader, or one that takes itself for it, appends a record.
func (m *model) write(s State, r int, yield yield) {
	x := &s.Replicas[r]
	if !x.leads() || int(x.Log.Len) == m.MaxOffset {
		return
	}
	x.Log.append(x.Epoch)
	yield(s, r+1)
}

// fetch: follower r gets its leader's next record, if there is one, and its high watermark.
func (m *model) fetch(s State, r int, yield yield) {
	x := &s.Replicas[r]
	l := m.leader(&s, r, fetchUnfenced)
	if l == nil || !x.Truncated {
		return
	}
	before := *x
	if l.Log.Len > x.Log.Len {
		x.Log.append(l.Log.Epochs[x.Log.Len])
	}
	x.HW = min(l.HW, x.Log.Len)
	if *x != before {
		yield(s, r+1)
	}
}

// counted says whether leader x waits for another replica: those that are in sync as far as it knows, and those that may be once
// the controller has heard of them.
func (m *model) counted(s *State, x, other *Replica) bool {
	if m.Bug == shrinkUnrecorded && s.Requests[x.Epoch] != NoRequest {
		return other.Wanted.has(x.Epoch)
	}
	return (other.Counts | other.Wanted).has(x.Epoch)
}

// follows says whether a replica is known to leader x to have so many records: it has fetched in x's epoch.
func (m *model) follows(x, other *Replica, records uint8) bool {
	return other.Log.Len >= records && (other == x || other.Epoch == x.Epoch && other.Truncated || m.Bug == advanceUnfenced)
}

// advance: all in-sync replicas have the record at the leader's high watermark: it is committed.
func (m *model) advance(s State, r int, yield yield) {
	x := &s.Replicas[r]
	if !x.leads() || x.HW >= x.Log.Len {
		return
	}
	for i := range m.Replicas {
		if o := &s.Replicas[i]; m.counted(&s, x, o) && !m.follows(x, o, x.HW+1) {
			return
		}
	}
	if x.HW == s.Committed.Len {
		s.Committed.append(x.Log.Epochs[x.HW])
	}
	x.HW++
	yield(s, r+1)
}

// ask: the leader r asks the controller for its in-sync replicas with one more, or less.
func (m *model) ask(s State, r, other int, yield yield) {
	e := s.Replicas[r].Epoch
	s.Requests[e] = Asked
	for i := range m.Replicas {
		if o := &s.Replicas[i]; o.Counts.has(e) != (i == other) {
			o.Wanted = o.Wanted.with(e)
		}
	}
	yield(s, r+1, other+1)
}

// mayAsk: one request at a time is under way.
func (m *model) mayAsk(s *State, r int) bool {
	x := &s.Replicas[r]
	return m.Alter && x.leads() && s.Requests[x.Epoch] == NoRequest
}

// shrink: the leader takes a follower for too slow.
func (m *model) shrink(s State, r int, yield yield) {
	if !m.mayAsk(&s, r) {
		return
	}
	for o := range m.Replicas {
		if o != r && s.Replicas[o].Counts.has(s.Replicas[r].Epoch) {
			m.ask(s, r, o, yield)
		}
	}
}

// expand: a follower has caught up: with the high watermark, and with all records of earlier epochs, since the high watermark of
// the leader before may have been higher.
func (m *model) expand(s State, r int, yield yield) {
	if !m.mayAsk(&s, r) {
		return
	}
	x := &s.Replicas[r]
	caughtUp := max(x.HW, x.Log.end(x.Epoch-1))
	if m.Bug == expandEarly {
		caughtUp = x.HW
	}
	for o := range m.Replicas {
		if other := &s.Replicas[o]; o != r && !other.Counts.has(x.Epoch) && m.follows(x, other, caughtUp) {
			m.ask(s, r, o, yield)
		}
	}
}

// accept: the controller takes the request of the leader of its epoch. It refuses those of epochs before.
func (m *model) accept(s State, yield func(State, ...int)) {
	if s.Requests[s.Epoch] != Asked {
		return
	}
	s.Requests[s.Epoch] = Accepted
	for i := range m.Replicas {
		s.Replicas[i].InSync = s.Replicas[i].Wanted.has(s.Epoch)
	}
	yield(s, int(s.Epoch))
}

// learn: the leader hears that its request was accepted.
func (m *model) learn(s State, r int, yield yield) {
	x := &s.Replicas[r]
	e := x.Epoch
	if !x.leads() || s.Requests[e] != Accepted {
		return
	}
	s.Requests[e] = NoRequest
	for i := range m.Replicas {
		o := &s.Replicas[i]
		o.Counts = o.Counts.but(e)
		if o.Wanted.has(e) {
			o.Counts, o.Wanted = o.Counts.with(e), o.Wanted.but(e)
		}
	}
	yield(s, r+1)
}
