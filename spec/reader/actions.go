package reader

import (
	"math/bits"

	"github.com/firstgap/firstgap/spec/check"
)

// A model is a world, as what its actions and invariants are evaluated in.
type model struct{ World }

func move(name string, next func(s State, yield func(State, ...int))) check.Move[State] {
	return check.Move[State]{Name: name, Next: next}
}

// moves returns the actions in the order of the module's Next.
func (m *model) moves() []check.Move[State] {
	all := []check.Move[State]{
		move("Write", m.write),
		move("Commit", m.commit),
		move("Store", m.store),
		move("Deliver", m.deliver),
		move("Tell", m.tell),
		move("Begin", m.begin),
		move("ReadCached", m.readCached),
		move("ReadStored", m.readStored),
		move("Finish", m.finish),
		move("Report", m.report),
		move("Collect", m.collect),
		move("Promote", m.promote),
		move("Follow", m.follow),
	}
	if m.Leases {
		all = append(all, move("Lose", m.lose), move("GiveUp", m.giveUp), move("Anew", m.anew))
	}
	return all
}

func (s *State) issue(r Record) {
	r.Epoch = s.Newest
	s.log()[s.log().Len()] = r
}

// The writer changes page k for transaction t. The last argument is 1 when that ends the mini-transaction.
func (m *model) write(s State, yield func(State, ...int)) {
	end := s.log().Len()
	for t := int8(1); int(t) <= m.Txns; t++ {
		for k := int8(1); int(k) <= m.Pages; k++ {
			if int(end) == m.MaxLSN || !m.mayWrite(&s, t) || m.locked(&s, k) || !s.settled() && s.log()[end-1].Txn != t {
				continue
			}
			if m.Mtr {
				next := s
				next.issue(Record{Page: k, Txn: t})
				yield(next, int(t), int(k), 0)
			}
			next := s
			next.issue(Record{Page: k, Txn: t, Last: true})
			yield(next, int(t), int(k), 1)
		}
	}
}

// mayWrite says whether t may start now, or goes on.
func (m *model) mayWrite(s *State, t int8) bool {
	if s.started(t) {
		return s.active(t) && s.own(t)
	}
	for u := int8(1); u < t; u++ {
		if !s.started(u) {
			return false
		}
	}
	return true
}

func (m *model) locked(s *State, k int8) bool {
	for t := int8(1); int(t) <= m.Txns; t++ {
		if s.active(t) && s.own(t) && s.locks(t, k) {
			return true
		}
	}
	return false
}

// The commit record of t lives where the first change of t does.
func (m *model) commit(s State, yield func(State, ...int)) {
	for t := int8(1); int(t) <= m.Txns; t++ {
		if int(s.log().Len()) < m.MaxLSN && s.settled() && s.active(t) && s.own(t) {
			next := s
			next.issue(Record{Page: s.log()[s.log().firstWrite(t)-1].Page, Txn: t, Commit: true, Last: true})
			yield(next, int(t))
		}
	}
}

// The segment of member i in group g makes the next record of its group durable; the writer's VDL moves when that
// completes a write quorum.
func (m *model) store(s State, yield func(State, ...int)) {
	log := s.log()
	for g := range m.Groups {
		for i := range m.Members {
			l := s.Members[i][g].SCL + 1
			for l <= log.Len() && m.home(log[l-1].Page) != g {
				l++
			}
			if l <= log.Len() {
				next := s
				next.Members[i][g].SCL = l
				next.Epochs[s.Newest-1].VDL = m.durable(log, &next.Members)
				yield(next, g+1, i+1)
			}
		}
	}
}

// learn gives reader r the records got, and the word that all up to told is durable: mini-transaction by
// mini-transaction, what comes into view is applied to the pages that it caches, and dropped for all others.
func (m *model) learn(s State, r int, got [maxLSN]int8, told int8) State {
	from := m.viewOf(&s, &s.Readers[r])
	reader := &s.Readers[r]
	reader.Got, reader.Told = got, told
	had := s.had(reader)
	to := m.view(&had, told)
	for k := range m.Pages {
		if c := &reader.Pages[k].Cache; *c != None {
			*c = max(*c, had.newest(int8(k+1), from, to, every))
		}
	}
	return s
}

// The next record comes over the stream.
func (m *model) deliver(s State, yield func(State, ...int)) {
	for r := range m.Readers {
		reader := &s.Readers[r]
		line := &s.Epochs[reader.Line-1].Log
		if n := reader.len(); reader.On && mayDeliver(n, line.Len()) == "" {
			got := reader.Got
			got[n] = line[n].Epoch
			yield(m.learn(s, r, got, reader.Told), r+1)
		}
	}
}

// The word comes that all up to n is durable. It may have been sent long ago, and be overtaken.
func (m *model) tell(s State, yield func(State, ...int)) {
	for r := range m.Readers {
		reader := &s.Readers[r]
		line := &s.Epochs[reader.Line-1]
		for n := int8(1); n <= line.VDL; n++ {
			told := reader.Told
			if m.Bug == vdlGoesBack && n != told {
				told = None
			}
			if reader.On && mayTell(n, told, line.VDL, line.Log.lastCPL(n)) == "" {
				yield(m.learn(s, r, reader.Got, n), r+1, int(n))
			}
		}
	}
}

// A query begins: its snapshot is what the reader has in view.
func (m *model) begin(s State, yield func(State, ...int)) {
	for r := range m.Readers {
		if s.Readers[r].Snap == None && s.Readers[r].On {
			next := s
			reader := &next.Readers[r]
			reader.Snap = m.viewOf(&s, reader)
			reader.Last = max(reader.Last, reader.Snap)
			yield(next, r+1)
		}
	}
}

// read gives the query of the reader version v of page k, made by the records of log. Of the changes in it, it is shown
// the newest that had its commit by the snapshot, by what the stream has told of commits.
func (m *model) read(s *State, r *Reader, k, v int8, log *Log) {
	had, n := s.had(r), r.Snap
	if m.Bug == commitByArrival {
		n = r.len()
	}
	page := &r.Pages[k-1]
	page.Seen = v
	page.Shown = log.txnAt(log.newest(k, 0, v, func(t int8) bool { return m.Bug == showUncommitted || had.commitBy(t, n) }))
}

// fits says whether page k is cached, and no change since the snapshot is in it.
func (m *model) fits(r *Reader, k int8) bool {
	c := r.Pages[k-1].Cache
	return fits(c, r.Snap) || c != None && m.Bug == cachePastSnapshot
}

func (m *model) readCached(s State, yield func(State, ...int)) {
	for r := range m.Readers {
		for k := int8(1); int(k) <= m.Pages; k++ {
			reader := &s.Readers[r]
			page := &reader.Pages[k-1]
			if !reader.On || reader.Snap == None || page.Seen != None || !m.fits(reader, k) {
				continue
			}
			next := s
			had := s.had(reader)
			m.read(&next, &next.Readers[r], k, page.Cache, &had)
			yield(next, r+1, int(k))
		}
	}
}

// The segment of member i answers with the page as of the snapshot. It need not reach the snapshot itself, only the last
// record of its group there. What came into view while the answer was on its way is applied to the page before it is
// cached.
func (m *model) readStored(s State, yield func(State, ...int)) {
	log := s.log()
	for r := range m.Readers {
		for k := int8(1); int(k) <= m.Pages; k++ {
			reader := &s.Readers[r]
			if !reader.On || reader.Snap == None || reader.Pages[k-1].Seen != None || m.fits(reader, k) {
				continue
			}
			g := m.home(k)
			for i := range m.Members {
				segment := s.Members[i][g]
				need := m.lastIn(log, g, reader.Snap)
				if m.Bug == laggingSegment {
					need = 0
				}
				if mayAnswer(segment.SCL, need, segment.Floor, reader.Snap) != "" {
					continue
				}
				upTo := min(reader.Snap, segment.SCL)
				if m.Bug == newestFromSegment {
					upTo = segment.SCL
				}
				v := log.version(k, upTo)
				next := s
				m.read(&next, &next.Readers[r], k, v, log)
				if c := &next.Readers[r].Pages[k-1].Cache; *c == None {
					*c = v
					if had := s.had(reader); m.Bug != dropInFlight {
						*c = max(v, had.newest(k, reader.Snap, m.viewOf(&s, reader), every))
					}
				}
				yield(next, r+1, int(k), i+1)
			}
		}
	}
}

// The query ends.
func (m *model) finish(s State, yield func(State, ...int)) {
	for r := range m.Readers {
		if s.Readers[r].Snap != None && s.Readers[r].On {
			next := s
			next.Readers[r].Snap = None
			for k := range next.Readers[r].Pages {
				page := &next.Readers[r].Pages[k]
				page.Seen, page.Shown = None, None
			}
			yield(next, r+1)
		}
	}
}

// further returns the arguments of an action that has one more with Leases.
func (m *model) further(r int, n int8) []int {
	if m.Leases {
		return []int{r, int(n)}
	}
	return []int{r}
}

// The writer hears of the lowest point at which r reads, or will.
func (m *model) report(s State, yield func(State, ...int)) {
	for r := range m.Readers {
		reader := &s.Readers[r]
		n := m.lowest(&s, reader)
		switch {
		case m.Bug == reportView:
			n = m.viewOf(&s, reader)
		case m.Bug == reportTold && reader.Snap == None:
			n = reader.Told
		}
		from := n
		if m.Leases {
			from = reader.Low + 1 // what it hears may have been sent long ago
		}
		for l := from; l <= n; l++ {
			if reader.On && reader.Line == s.Newest && mayReport(l, reader.Low, n) == "" {
				next := s
				next.Readers[r].Low = l
				yield(next, m.further(r+1, l)...)
			}
		}
	}
}

// A segment hears of the PGMRPL and drops what only lower points need (SIGMOD 2017 §4.2.3).
func (m *model) collect(s State, yield func(State, ...int)) {
	pgmrpl := s.Readers[0].Low
	for r := range m.Readers {
		pgmrpl = min(pgmrpl, s.Readers[r].Low)
	}
	if m.Bug == collectAtVDL {
		pgmrpl = s.Epochs[s.Newest-1].VDL
	}
	for g := range m.Groups {
		for i := range m.Members {
			if pgmrpl > s.Members[i][g].Floor {
				next := s
				next.Members[i][g].Floor = pgmrpl
				yield(next, g+1, i+1)
			}
		}
	}
}

// A quorum is a set of segments: for each group a bit for each member.
type quorum [maxGroups]uint8

// quorums calls do with every set of segments that has a read quorum of each group.
func (m *model) quorums(do func(q quorum)) {
	all := 1 << (m.Groups * m.Members)
	for set := range all {
		var q quorum
		enough := true
		for g := range m.Groups {
			q[g] = uint8(set >> (g * m.Members) & (1<<m.Members - 1))
			enough = enough && bits.OnesCount8(q[g]) >= m.ReadQuorum
		}
		if enough {
			do(q)
		}
	}
}

// members returns for each group that has any a number whose digits are the members: 13 for the first and the third.
func (q quorum) members() []int {
	var numbers []int
	for _, set := range q {
		n := 0
		for i := range maxMembers {
			if set&(1<<i) != 0 {
				n = 10*n + i + 1
			}
		}
		if n > 0 {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// firstGap returns the LSN below the first of the log that none of the segments has.
func (m *model) firstGap(s *State, q quorum) int8 {
	log := s.log()
	for l := int8(1); l <= log.Len(); l++ {
		g, found := m.home(log[l-1].Page), false
		for i := range m.Members {
			found = found || q[g]&(1<<i) != 0 && s.Members[i][g].SCL >= l
		}
		if !found {
			return l - 1
		}
	}
	return log.Len()
}

// Reader r is made the writer, by the answers of the segments q. It keeps no page: its cache is as far behind as it was
// itself. It has yet to hear from every reader before it may let the segments drop anything.
func (m *model) promote(s State, yield func(State, ...int)) {
	if int(s.Newest) == m.MaxEpoch {
		return
	}
	for r := range m.Readers {
		if !s.Readers[r].On {
			continue
		}
		m.quorums(func(q quorum) {
			log := s.log()
			cut := log.lastCPL(m.firstGap(&s, q))
			if m.Bug == promoteAtView {
				cut = log.upTo(m.viewOf(&s, &s.Readers[r]))
			}
			next := s
			next.Newest++
			kept := log.cut(cut)
			for i := range m.Members {
				for g := range m.Groups {
					scl := &next.Members[i][g].SCL
					*scl = m.lastIn(&kept, g, min(*scl, cut))
				}
			}
			vdl := m.durable(&kept, &next.Members)
			next.Epochs[next.Newest-1] = Epoch{Log: kept, Base: cut, VDL: vdl}
			reader := &next.Readers[r]
			reader.Line = next.Newest
			for l := range reader.Got {
				reader.Got[l] = kept[l].Epoch
			}
			reader.Told = max(reader.Told, vdl)
			for i := range m.Readers {
				next.Readers[i].Low = 0
				if m.Bug == promoteForgetsReaders {
					next.Readers[i].Low = vdl
				}
			}
			for k := range m.Pages {
				if m.Bug != promoteKeepsCache {
					reader.Pages[k].Cache = None
				}
			}
			yield(next, append([]int{r + 1}, q.members()...)...)
		})
	}
}

// Reader r follows the newest writer, and drops what is not on its log. With Leases, it may hear of the writers one after
// the other.
func (m *model) follow(s State, yield func(State, ...int)) {
	for r := range m.Readers {
		if s.Readers[r].Line == s.Newest || !s.Readers[r].On {
			continue
		}
		from := s.Newest
		if m.Leases {
			from = s.Readers[r].Line + 1
		}
		for e := from; e <= s.Newest; e++ {
			next := s
			reader := &next.Readers[r]
			reader.Line = e
			if m.Bug != followKeepsTail {
				same := 0
				for same < maxLSN && reader.Got[same] != 0 && reader.Got[same] == s.Epochs[e-1].Log[same].Epoch {
					same++
				}
				clear(reader.Got[same:])
			}
			yield(next, m.further(r+1, e)...)
		}
	}
}

// What reader r has is void, its query too: it began again, or has heard nothing for so long that it may have been given
// up.
func (m *model) lose(s State, yield func(State, ...int)) {
	for r := range m.Readers {
		if !s.Readers[r].On {
			continue
		}
		next := s
		reader := &next.Readers[r]
		reader.On, reader.Snap = false, None
		for k := range reader.Pages {
			page := &reader.Pages[k]
			page.Seen, page.Shown = None, None
			if m.Bug != anewKeepsCache {
				page.Cache = None
			}
		}
		yield(next, r+1)
	}
}

// The writer waits no longer for reader r: nothing is held back for it that is not for the writer itself.
func (m *model) giveUp(s State, yield func(State, ...int)) {
	for r := range m.Readers {
		reader := &s.Readers[r]
		for n := reader.Low; n <= s.Epochs[s.Newest-1].VDL; n++ {
			if reader.Held || n > reader.Low {
				next := s
				next.Readers[r].Low, next.Readers[r].Held = n, m.Bug == givenUpIsHeld
				yield(next, r+1, int(n))
			}
		}
	}
}

// Reader r begins anew, at what the newest writer has durable.
func (m *model) anew(s State, yield func(State, ...int)) {
	for r := range m.Readers {
		if s.Readers[r].On {
			continue
		}
		log := s.log()
		told := max(s.Readers[r].Told, s.Epochs[s.Newest-1].VDL)
		for n := told; n <= log.Len(); n++ {
			next := s
			reader := &next.Readers[r]
			clear(reader.Got[:])
			for l := range n {
				reader.Got[l] = log[l].Epoch
			}
			reader.Line, reader.Told, reader.On, reader.Held = s.Newest, told, true, true
			yield(next, r+1, int(n))
		}
	}
}
