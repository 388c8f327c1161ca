package neon

import (
	"cmp"
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
	confs     []definedConf  // with membership change: of the store, of each proposer, of each acceptor
}

type definedConf struct {
	generation    int
	members, news int // sets of acceptors, by bits
	joint         bool
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
	for _, c := range s.confs {
		numbers(c.generation, c.members, c.news)
	}
	return string(b)
}

// changed returns a copy to change.
func (s defined) changed(p, a int) defined {
	s.proposers, s.acceptors, s.elected, s.confs = slices.Clone(s.proposers), slices.Clone(s.acceptors), slices.Clone(s.elected), slices.Clone(s.confs)
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
	for range 1 + w.Proposers + w.Acceptors {
		if w.Generations > 0 {
			s.confs = append(s.confs, definedConf{generation: 1, members: 1<<(w.Acceptors-1) - 1})
		}
	}
	return s
}

// confOf returns the configuration of a proposer, or of an acceptor.
func (s defined) ofProposer(p int) *definedConf { return &s.confs[1+p] }
func (s defined) ofAcceptor(a int) *definedConf { return &s.confs[1+len(s.proposers)+a] }

// contact says whether p and a are in one configuration, and in how many ways a belongs to it.
func (s defined) contact(p, a int) (same bool, ways int) {
	if s.confs == nil {
		return true, 1
	}
	c := s.ofProposer(p)
	return c.generation == s.ofAcceptor(a).generation, c.members>>a&1 + c.news>>a&1
}

// minimal returns the sets of acceptors with a majority of the members and no more of these.
func (s defined) minimal(members int) (all [][]int) {
	size := func(set int) (n int) {
		for ; set > 0; set >>= 1 {
			n += set & 1
		}
		return n
	}
	for set := range 1 << len(s.acceptors) {
		if size(set&members) != size(members)/2+1 {
			continue
		}
		var list []int
		for a := range s.acceptors {
			if set>>a&1 == 1 {
				list = append(list, a)
			}
		}
		all = append(all, list)
	}
	return all
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
	if s.confs != nil {
		quorums = nil
		s.changes(w, visit)
	}
	for p := range s.proposers {
		for a := range s.acceptors {
			for b := range s.acceptors {
				if s.confs != nil {
					n := s.changed(p, -1)
					n.proposers[p] = definedInit(w).proposers[p]
					n.proposers[p].term = s.acceptors[a].term + 1
					*n.ofProposer(p) = *s.ofAcceptor(b)
					visit(n)
				}
			}
		}
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

// changes are the steps of membership change alone.
func (s defined) changes(w World, visit func(s defined)) {
	store := s.confs[0]
	swap := func(c definedConf) {
		n := s.changed(-1, -1)
		c.generation = store.generation + 1
		n.confs[0] = c
		visit(n)
	}
	for set := range 1 << len(s.acceptors) {
		if !store.joint && set != store.members {
			swap(definedConf{members: store.members, news: set, joint: true})
		}
	}
	if store.joint {
		swap(definedConf{members: store.members})
		for _, old := range s.minimal(store.members) {
			for _, young := range s.minimal(store.news) {
				if s.finishes(w, old, young) {
					swap(definedConf{members: store.news})
				}
			}
		}
	}
	for p, q := range s.proposers {
		for a := range s.acceptors {
			if q.leader && s.ofAcceptor(a).generation > s.ofProposer(p).generation {
				n := s.changed(-1, -1)
				*n.ofProposer(p) = *s.ofAcceptor(a)
				visit(n)
			}
		}
	}
	for a := range s.acceptors {
		c := *s.ofAcceptor(a)
		if c.generation < store.generation {
			n := s.changed(-1, -1)
			*n.ofAcceptor(a) = store
			visit(n)
		}
		if (c.members|c.news)>>a&1 == 0 {
			n := s.changed(-1, a)
			n.acceptors[a] = definedInit(w).acceptors[a]
			for p := range n.proposers {
				n.proposers[p].next = slices.Clone(n.proposers[p].next)
				n.proposers[p].next[a] = 0
			}
			visit(n)
		}
	}
}

func (s defined) finishes(w World, old, young []int) bool {
	height := func(a int) definedEntry {
		h := s.local(a)
		return definedEntry{h[len(h)-1].term, s.flush(a)}
	}
	for _, a := range append(slices.Clone(old), young...) {
		if s.ofAcceptor(a).generation != s.confs[0].generation {
			return false
		}
	}
	for _, y := range young {
		for _, o := range old {
			h, g := height(y), height(o)
			if w.Bug != finishUnsynced && (h.term < g.term || h.term == g.term && h.lsn < g.lsn) || s.acceptors[y].term < s.acceptors[o].term {
				return false
			}
		}
	}
	return true
}

// elects says whether the voters are quorums of the configuration of p and still in it.
func (s defined) elects(p int) bool {
	c := s.ofProposer(p)
	var voters []int
	for a, v := range s.proposers[p].votes {
		if v != nil {
			voters = append(voters, a)
			if s.ofAcceptor(a).generation != c.generation {
				return false
			}
		}
	}
	quorum := func(set int) bool {
		return slices.ContainsFunc(s.minimal(set), func(q []int) bool {
			return !slices.ContainsFunc(q, func(a int) bool { return !slices.Contains(voters, a) })
		})
	}
	return quorum(c.members) && (!c.joint || quorum(c.news))
}

func (s defined) campaigns(w World, p, need int, visit func(s defined)) {
	q := s.proposers[p]
	for a := range s.acceptors {
		if t := s.acceptors[a].term; t < q.term || w.Bug == voteTwice && t == q.term {
			n := s.changed(p, a)
			n.proposers[p].votes[a] = &definedVote{s.local(a), s.flush(a)}
			n.acceptors[a].term = q.term
			if same, ways := s.contact(p, a); same {
				for range ways {
					visit(n)
				}
			}
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
	if s.confs == nil && voters < need || s.confs != nil && !s.elects(p) {
		return
	}
	donor, all, first := -1, true, true
	for a, v := range q.votes {
		if v == nil || definedHeight(w, v) != highest {
			continue
		}
		there := s.acceptors[a].term == q.term
		if w.Donor == named && first && !there {
			return
		}
		first = false
		if there {
			donor = a
		}
		all = all && there
	}
	if donor < 0 || w.Donor != some && w.Donor != named && !all {
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
		same, ways := s.contact(p, a)
		if acc.term != q.term || !same {
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
			for range ways {
				visit(n)
			}
		}
	}
	n := s.changed(p, -1)
	n.proposers[p].wal = append(n.proposers[p].wal, q.term)
	visit(n)
	// committable returns up to where the quorum has the log, 0 when p may not commit by it.
	committable := func(quorum []int) int {
		lsn := s.flush(quorum[0])
		for _, a := range quorum {
			lsn = min(lsn, s.flush(a))
			if s.acceptors[a].term != q.term || q.next[a] == 0 {
				return 0
			}
		}
		if w.Bug != commitOld && lsn < q.history[len(q.history)-1].lsn {
			return 0
		}
		return lsn
	}
	commit := func(lsn int) {
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
	if s.confs == nil {
		for _, quorum := range quorums {
			if lsn := committable(quorum); lsn > 0 {
				commit(lsn)
			}
		}
		return
	}
	c := *s.ofProposer(p)
	for _, old := range s.minimal(c.members) {
		lsn := committable(old)
		if lsn == 0 || slices.ContainsFunc(old, func(a int) bool { return s.ofAcceptor(a).generation != c.generation }) {
			continue
		}
		if !c.joint {
			commit(lsn)
			continue
		}
		for _, young := range s.minimal(c.news) {
			if other := committable(young); other > 0 {
				commit(min(lsn, other))
			}
		}
	}
}

func (s defined) within(w World) bool {
	return !slices.ContainsFunc(s.proposers, func(p definedProposer) bool { return p.term > w.Terms || len(p.wal) > w.Entries }) &&
		(s.confs == nil || s.confs[0].generation <= w.Generations)
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
	for i := range s.confs {
		generation := m.store
		if p := i - 1; p >= 0 && p < m.Proposers {
			generation = m.proposers[p].conf
		} else if a := i - 1 - m.Proposers; a >= 0 {
			generation = m.confOf(m.acceptors[a])
		}
		members, news := m.memberSets(generation)
		s.confs[i] = definedConf{generation, members, news, joint(generation)}
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
		{Proposers: 2, Acceptors: 2, Terms: 2, Entries: 1, Donor: named},
		{Proposers: 1, Acceptors: 3, Terms: 2, Entries: 1, Bug: commitOld},
		{Proposers: 1, Acceptors: 3, Terms: 2, Entries: 1, Bug: keepTail},
		{Proposers: 1, Acceptors: 3, Terms: 2, Entries: 1, Bug: lowestVote},
		{Proposers: 1, Acceptors: 3, Terms: 2, Entries: 1, Bug: flushFirst},
		{Proposers: 2, Acceptors: 2, Terms: 1, Entries: 1, Bug: badQuorum, Elections: true},
		{Proposers: 1, Acceptors: 2, Terms: 1, Entries: 1, Generations: 3, Elections: true},
		{Proposers: 1, Acceptors: 3, Terms: 1, Entries: 1, Generations: 2},
		{Proposers: 1, Acceptors: 2, Terms: 1, Entries: 1, Generations: 3, Bug: finishUnsynced},
	} {
		t.Run(fmt.Sprintf("%+v", w), func(t *testing.T) {
			reduced := w
			if reduced.Symmetry = true; w.Donor == named {
				reduced.Donor = every // a symmetry has no names; here it only puts the states into orbits
			}
			canon := machineOf(t, reduced)
			whole := *canon.model
			whole.Donor = cmp.Or(w.Donor, every)
			whole.Symmetry = false // New would refuse that with membership change: there are other initial states then
			m := &machine{model: &whole}
			m.Init()
			orbits, generated := map[string]bool{}, 1
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
					if n.within(w) != m.Within() { // a call for each state would take longer than all else
						require.Fail(t, "the constraint", "%+v", n)
					}
					for _, r := range rules()[1:] {
						holds := r.holds(m)
						if holds != n.holds(r.Name) {
							require.Equal(t, !holds, holds, "%s in %+v", r.Name, n)
						}
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
					if n != 0 {
						require.Zero(t, n, "%x from %+v", name, s)
					}
				}
			}
			if w.Bug != "" {
				return
			}
			r, err := check.Run(t.Context(), &whole, check.Options{Workers: 2})
			require.NoError(t, err)
			require.EqualValues(t, len(seen), r.Distinct)
			require.EqualValues(t, generated, r.Generated)
			if w.Donor == named {
				return
			}
			r = search(t, reduced)
			require.Equal(t, check.Pass, r.Verdict, r.Invariant)
			require.EqualValues(t, len(orbits), r.Distinct)
		})
	}
	for _, r := range rules()[1:] {
		if r.Name != "LogIsMonotonic" {
			require.NotZero(t, broken[r.Name], "no world here breaks %s", r.Name)
		}
	}
}
