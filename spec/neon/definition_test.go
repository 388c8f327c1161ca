package neon

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// The module's definitions once more, as literally as Go allows and with no thought of speed: sequences are slices, sets are lists, and
// every quorum is a set of its own.

type definedEntry struct{ term, lsn int }

type definedVote struct {
	history []definedEntry
	flush   int
}

type definedProposer struct {
	leader  bool
	term    int
	votes   []*definedVote // by acceptor
	history []definedEntry
	wal     []int
	next    []int // by acceptor, 0 for none
}

type definedAcceptor struct {
	term    int
	history []definedEntry
	wal     []int
}

type defined struct {
	proposers []definedProposer
	acceptors []definedAcceptor
	committed []definedEntry // sorted
	elected   []int          // by term
}

// key is the identity of a state: its numbers, each list with its length before it.
func (s defined) key() string {
	var b []byte
	numbers := func(list ...int) {
		b = append(b, byte(len(list)))
		for _, n := range list {
			b = append(b, byte(n))
		}
	}
	entries := func(list []definedEntry) {
		b = append(b, byte(len(list)))
		for _, e := range list {
			b = append(b, byte(e.term), byte(e.lsn))
		}
	}
	for _, p := range s.proposers {
		numbers(p.term, len(p.history))
		entries(p.history)
		numbers(p.wal...)
		numbers(p.next...)
		for _, v := range p.votes {
			if v == nil {
				numbers()
				continue
			}
			numbers(v.flush)
			entries(v.history)
		}
	}
	for _, a := range s.acceptors {
		numbers(a.term)
		entries(a.history)
		numbers(a.wal...)
	}
	entries(s.committed)
	numbers(s.elected...)
	return string(b)
}

// changed returns a copy to change.
func (s defined) changed(p, a int) defined {
	s.proposers, s.acceptors, s.elected = slices.Clone(s.proposers), slices.Clone(s.acceptors), slices.Clone(s.elected)
	if p >= 0 {
		q := &s.proposers[p]
		q.votes, q.next, q.wal = slices.Clone(q.votes), slices.Clone(q.next), slices.Clone(q.wal)
	}
	if a >= 0 {
		s.acceptors[a].wal = slices.Clone(s.acceptors[a].wal)
	}
	return s
}

func (s defined) flush(a int) int { return len(s.acceptors[a].wal) + 1 }

func (s defined) local(a int) (h []definedEntry) {
	for _, e := range s.acceptors[a].history {
		if e.lsn <= s.flush(a) {
			h = append(h, e)
		}
	}
	return h
}

func (s defined) commonPoint(p, a int) int {
	hp, ha := s.proposers[p].history, s.local(a)
	i := 0
	for j := range min(len(hp), len(ha)) {
		if hp[j].term == ha[j].term {
			i = j
		}
	}
	end := func(h []definedEntry) int {
		if i == len(h)-1 {
			return s.flush(a)
		}
		return h[i+1].lsn
	}
	return min(end(hp), end(ha))
}

func definedInit(w World) (s defined) {
	for range w.Proposers {
		s.proposers = append(s.proposers, definedProposer{term: 1, votes: make([]*definedVote, w.Acceptors), next: make([]int, w.Acceptors)})
	}
	for range w.Acceptors {
		s.acceptors = append(s.acceptors, definedAcceptor{history: []definedEntry{{0, 1}}})
	}
	s.elected = make([]int, w.Terms+2)
	return s
}

func definedNeed(w World) int {
	if w.Bug == badQuorum {
		return w.Acceptors / 2
	}
	return w.Acceptors/2 + 1
}

func definedQuorums(w World) (all [][]int) {
	for set := range 1 << w.Acceptors {
		var q []int
		for a := range w.Acceptors {
			if set>>a&1 == 1 {
				q = append(q, a)
			}
		}
		if len(q) >= definedNeed(w) {
			all = append(all, q)
		}
	}
	return all
}

func definedHeight(w World, v *definedVote) int {
	h := v.history[len(v.history)-1].term*(w.Entries+2) + v.flush
	switch w.Bug {
	case lowestVote:
		return -h
	case flushFirst:
		return v.flush*(w.Terms+1) + v.history[len(v.history)-1].term
	}
	return h
}

// next calls visit with each step of the module's Next.
func (s defined) next(w World, visit func(s defined)) {
	quorums := definedQuorums(w)
	for p := range s.proposers {
		for _, q := range quorums {
			n := s.changed(p, -1)
			term := 0
			for _, a := range q {
				term = max(term, s.acceptors[a].term)
			}
			n.proposers[p] = definedInit(w).proposers[p]
			n.proposers[p].term = term + 1
			visit(n)
		}
		if !s.proposers[p].leader {
			s.campaigns(w, p, definedNeed(w), visit)
			continue
		}
		s.leads(w, p, quorums, visit)
	}
}

func (s defined) campaigns(w World, p, need int, visit func(s defined)) {
	q := s.proposers[p]
	for a := range s.acceptors {
		if t := s.acceptors[a].term; t < q.term || w.Bug == voteTwice && t == q.term {
			n := s.changed(p, a)
			n.proposers[p].votes[a] = &definedVote{s.local(a), s.flush(a)}
			n.acceptors[a].term = q.term
			visit(n)
		}
	}
	voters, highest := 0, 0
	for _, v := range q.votes {
		if v == nil {
			continue
		}
		if h := definedHeight(w, v); voters == 0 || h > highest {
			highest = h
		}
		voters++
	}
	if voters < need {
		return
	}
	donor, all := -1, true
	for a, v := range q.votes {
		if v == nil || definedHeight(w, v) != highest {
			continue
		}
		if s.acceptors[a].term == q.term {
			donor = a
		} else {
			all = false
		}
	}
	if donor < 0 || w.Donor != some && !all {
		return
	}
	n := s.changed(p, -1)
	v := q.votes[donor]
	n.proposers[p].leader = true
	n.proposers[p].history = append(slices.Clone(v.history), definedEntry{q.term, v.flush})
	n.proposers[p].wal = slices.Clone(s.acceptors[donor].wal)
	if w.Elections {
		n.elected[q.term] = min(n.elected[q.term]+1, 3)
	}
	visit(n)
}

func (s defined) leads(w World, p int, quorums [][]int, visit func(s defined)) {
	q := s.proposers[p]
	for a, acc := range s.acceptors {
		if acc.term < q.term {
			n := s.changed(-1, a)
			n.acceptors[a].term = q.term
			visit(n)
		}
		if acc.term != q.term {
			continue
		}
		n := s.changed(p, a)
		lsn := s.commonPoint(p, a)
		n.acceptors[a].history = q.history
		if w.Bug != keepTail {
			n.acceptors[a].wal = n.acceptors[a].wal[:lsn-1]
		}
		n.proposers[p].next[a] = lsn
		visit(n)
		if next := q.next[a]; next > 0 && next <= len(q.wal) {
			n := s.changed(p, a)
			n.acceptors[a].wal = append(n.acceptors[a].wal[:next-1], q.wal[next-1])
			n.proposers[p].next[a] = next + 1
			visit(n)
		}
	}
	n := s.changed(p, -1)
	n.proposers[p].wal = append(n.proposers[p].wal, q.term)
	visit(n)
	for _, quorum := range quorums {
		lsn, all := s.flush(quorum[0]), true
		for _, a := range quorum {
			lsn = min(lsn, s.flush(a))
			all = all && s.acceptors[a].term == q.term && q.next[a] > 0
		}
		if !all || w.Bug != commitOld && lsn < q.history[len(q.history)-1].lsn {
			continue
		}
		n := s.changed(-1, -1)
		n.committed = slices.Clone(s.committed)
		for i := 1; i < lsn && i <= len(q.wal); i++ {
			if e := (definedEntry{q.wal[i-1], i}); !slices.Contains(n.committed, e) {
				n.committed = append(n.committed, e)
			}
		}
		slices.SortFunc(n.committed, func(a, b definedEntry) int { return slices.Compare([]int{a.lsn, a.term}, []int{b.lsn, b.term}) })
		visit(n)
	}
}

func (s defined) within(w World) bool {
	return !slices.ContainsFunc(s.proposers, func(p definedProposer) bool { return p.term > w.Terms || len(p.wal) > w.Entries })
}

// holds evaluates an invariant by its definition.
func (s defined) holds(name string) bool {
	for p, x := range s.proposers {
		for q, y := range s.proposers {
			if name == "ElectionSafety" && x.leader && y.leader && x.term == y.term && p != q {
				return false
			}
		}
		for a, acc := range s.acceptors {
			if name != notTruncated || !x.leader || acc.term != x.term {
				continue
			}
			for lsn := s.commonPoint(p, a); lsn <= len(acc.wal); lsn++ {
				if slices.Contains(s.committed, definedEntry{acc.wal[lsn-1], lsn}) {
					return false
				}
			}
		}
	}
	for _, acc := range s.acceptors {
		if name == "LogIsMonotonic" && !slices.IsSorted(acc.wal) {
			return false
		}
	}
	for _, c := range s.committed {
		for _, d := range s.committed {
			if name == "LogSafety" && c.lsn == d.lsn && c != d {
				return false
			}
		}
	}
	return name != electedOnce || !slices.ContainsFunc(s.elected, func(n int) bool { return n > 1 })
}

// definedBy reads the state of a machine.
func definedBy(m *machine) defined {
	s := definedInit(m.constants)
	list := func(h history) []definedEntry {
		all := []definedEntry{{0, 1}}
		for t := uint(1); t <= uint(m.Terms); t++ {
			if lsn := m.begin(h, t); lsn > 0 {
				all = append(all, definedEntry{int(t), lsn})
			}
		}
		return all
	}
	terms := func(w wal) (all []int) {
		for ; w != 0; w >>= m.layout.term {
			all = append(all, int(uint64(w)&m.termMask))
		}
		return all
	}
	for p := range s.proposers {
		q, d := &m.proposers[p], &s.proposers[p]
		d.leader, d.term, d.wal = q.leader, int(q.term), terms(q.wal)
		if q.leader {
			d.history = list(q.history)
		}
		for a := range s.acceptors {
			if flush, h := m.voteOf(m.acceptors[a], p); flush > 0 {
				d.votes[a] = &definedVote{list(h), flush}
			}
			d.next[a] = m.nextOf(m.acceptors[a], p)
		}
	}
	for a := range s.acceptors {
		acc := m.acceptors[a]
		s.acceptors[a] = definedAcceptor{int(m.termOf(acc)), list(m.historyOf(acc)), terms(m.walOf(acc))}
	}
	for lsn := 1; lsn <= m.Entries; lsn++ {
		for term := 1; term <= m.Terms; term++ {
			if m.committed&m.entry(uint(term), lsn) != 0 {
				s.committed = append(s.committed, definedEntry{term, lsn})
			}
		}
	}
	for term := 1; term <= m.Terms; term++ {
		s.elected[term] = m.timesElected(uint(term))
	}
	return s
}

// The fast model has the states of the definitions, each with the same successors as often and the same invariants, in worlds that
// hold and in broken ones; and under symmetry it has one state for each orbit of them.
func TestStatesAsTheModuleDefinesThem(t *testing.T) {
	broken := map[string]int{}
	for _, w := range []World{
		{Proposers: 2, Acceptors: 3, Terms: 1, Entries: 1},
		{Proposers: 2, Acceptors: 2, Terms: 1, Entries: 2, Elections: true},
		{Proposers: 1, Acceptors: 3, Terms: 2, Entries: 1, Donor: some},
		{Proposers: 1, Acceptors: 3, Terms: 2, Entries: 1, Bug: commitOld},
		{Proposers: 1, Acceptors: 3, Terms: 2, Entries: 1, Bug: keepTail},
		{Proposers: 1, Acceptors: 3, Terms: 2, Entries: 1, Bug: lowestVote},
		{Proposers: 1, Acceptors: 3, Terms: 2, Entries: 1, Bug: flushFirst},
		{Proposers: 2, Acceptors: 2, Terms: 1, Entries: 1, Bug: badQuorum, Elections: true},
	} {
		t.Run(fmt.Sprintf("%+v", w), func(t *testing.T) {
			m := machineOf(t, w)
			orbits, generated := map[string]bool{}, 1
			w.Symmetry = true
			canon := machineOf(t, w)
			w.Symmetry = false
			codes := [][]byte{m.Encode(nil)}
			seen := map[string]bool{definedInit(w).key(): true}
			for len(codes) > 0 {
				require.NoError(t, m.Load(codes[0]))
				codes = codes[1:]
				s := definedBy(m)
				canon.state = m.state
				orbits[string(canon.Encode(nil))] = true
				want := map[string]int{}
				s.next(w, func(n defined) { want[n.key()]++ })
				m.Next(func(_, times int) bool {
					generated += times
					n := definedBy(m)
					name := n.key()
					want[name] -= times
					require.Equal(t, n.within(w), m.Within())
					for _, r := range rules()[1:] {
						holds := r.holds(m)
						require.Equal(t, n.holds(r.Name), holds, "%s in %+v", r.Name, n)
						if !holds {
							broken[r.Name]++
						}
					}
					if m.Within() && !seen[name] {
						seen[name] = true
						codes = append(codes, m.Encode(nil))
					}
					return true
				})
				for name, n := range want {
					require.Zero(t, n, "%x from %+v", name, s)
				}
			}
			for symmetry, states := range map[bool]int{false: len(seen), true: len(orbits)} {
				if w.Symmetry = symmetry; w.Bug == "" {
					r := search(t, w)
					require.Equal(t, check.Pass, r.Verdict)
					require.EqualValues(t, states, r.Distinct)
					require.True(t, symmetry || r.Generated == uint64(generated))
				}
			}
		})
	}
	for _, r := range rules()[1:] {
		if r.Name != "LogIsMonotonic" {
			require.NotZero(t, broken[r.Name], "no world here breaks %s", r.Name)
		}
	}
}
