package neon

import (
	"fmt"
	"math/bits"
	"strings"
)

// Membership change. A configuration has members and, while it changes (a joint one), new members; it then takes a quorum of both to be
// elected and to commit. The configuration store holds the newest one, and numbers them by generation; proposers and acceptors learn
// of it later, each by itself. Changes begin and end by turns, so every second generation is joint.

func joint(generation int) bool { return generation%2 == 0 }

// firstConf makes all acceptors but the last one members of generation 1, in which everyone is.
func (m *machine) firstConf() {
	m.store = 1
	for p := range m.Proposers {
		m.proposers[p].conf = 1
	}
	for a := range m.Acceptors {
		m.setConf(&m.acceptors[a], 1)
		if a < m.Acceptors-1 {
			m.acceptors[a] |= 1 << m.members
		}
	}
}

// settle clears the configurations that are no longer anyone's.
func (m *machine) settle() {
	used := acceptor(1) << m.store
	for p := range m.Proposers {
		used |= 1 << m.proposers[p].conf
	}
	for a := range m.Acceptors {
		used |= 1 << m.confOf(m.acceptors[a])
	}
	used >>= 1 // generations count from 1
	keep := used<<m.members | used<<m.news | (1<<m.members - 1)
	for a := range m.Acceptors {
		m.acceptors[a] &= keep
	}
}

// memberSets returns the sets of members, and of new ones, of a generation, by bits.
func (m *machine) memberSets(generation int) (members, news int) {
	for a := range m.Acceptors {
		if m.isMember(m.acceptors[a], generation) {
			members |= 1 << a
		}
		if m.isNew(m.acceptors[a], generation) {
			news |= 1 << a
		}
	}
	return members, news
}

// majority is the size of a quorum of a set of members, which takes one member at least.
func (m *machine) majority(set int) int {
	n := bits.OnesCount(uint(set))
	if m.Bug == badQuorum {
		return max(n/2, 1)
	}
	return n/2 + 1
}

// contact says how proposer p and an acceptor may deal with each other.
func (m *machine) contact(p int, acc acceptor) (with contact) {
	generation := m.proposers[p].conf
	with.same = m.confOf(acc) == generation
	if m.isMember(acc, generation) {
		with.ways++
	}
	if joint(generation) && m.isNew(acc, generation) {
		with.ways++
	}
	return with
}

// elects says whether the votes for p are quorums of its configuration, and those who gave them still in it.
func (m *machine) elects(p int) bool {
	generation, voters := m.proposers[p].conf, 0
	for a := range m.Acceptors {
		if flush, _ := m.voteOf(m.acceptors[a], p); flush > 0 {
			voters |= 1 << a
			if m.confOf(m.acceptors[a]) != generation {
				return false
			}
		}
	}
	members, news := m.memberSets(generation)
	quorum := func(set int) bool { return bits.OnesCount(uint(voters&set)) >= m.majority(set) }
	return quorum(members) && (!joint(generation) || quorum(news))
}

// nextWithConf is Next with membership change.
func (m *machine) nextWithConf(before *state, alike *[maxAcceptors]int, visit func(action, times int) bool) {
	for p := range m.Proposers {
		if !m.restartsWithConf(p, before, visit) || !m.proposes(p, before, visit) || !m.commitsWithConf(p, before, visit) ||
			!m.proposerSwitches(p, before, visit) {
			return
		}
		for a := range m.Acceptors {
			if acc := before.acceptors[a]; alike[a] > 0 && !m.meet(p, a, alike[a], m.contact(p, acc), acc, visit) {
				return
			}
		}
	}
	if !m.changes(before, visit) {
		return
	}
	for a := range m.Acceptors {
		if alike[a] == 0 {
			continue
		}
		if m.accSwitchConf(a) {
			if !m.took(visit, accSwitchConf, 0, a, 0, alike[a]) {
				return
			}
			m.acceptors = before.acceptors
		}
		if m.accReset(a) {
			if !m.took(visit, accReset, 0, a, 0, alike[a]) {
				return
			}
			m.acceptors = before.acceptors
		}
	}
}

// restartsWithConf takes RestartProposer: p asks for the term after that of any acceptor, and takes over the configuration of any
// acceptor. Each pair of acceptors is a way of taking the action.
func (m *machine) restartsWithConf(p int, before *state, visit func(action, times int) bool) bool {
	var terms [maxTerms + 2]int
	var confs [maxGenerations + 2]int
	for a := range m.Acceptors {
		terms[m.termOf(before.acceptors[a])]++
		confs[m.confOf(before.acceptors[a])]++
	}
	for term, n := range terms {
		for conf, k := range confs {
			if n*k == 0 {
				continue
			}
			m.proposers[p] = proposer{term: uint(term + 1), conf: conf}
			for a := range m.Acceptors {
				m.forget(&m.acceptors[a], p)
			}
			m.settle()
			if !m.took(visit, restartProposer, p, 0, term+1, n*k) {
				return false
			}
			m.proposers[p], m.acceptors = before.proposers[p], before.acceptors
		}
	}
	return true
}

// commitsWithConf takes CommitEntries: p commits what a quorum of the members has and, in a joint configuration, a quorum of the new
// members. A quorum here is a set of acceptors with a majority of members and no more of these; others may be in it, as the module has
// it, and each such set, or pair of sets, is a way of taking the action.
func (m *machine) commitsWithConf(p int, before *state, visit func(action, times int) bool) bool {
	q := &m.proposers[p]
	if !q.leader {
		return true
	}
	var flush [maxMembers]int
	ready, here := 0, 0 // acceptors that have truncated for p, and those in p's configuration
	for a := range m.Acceptors {
		acc := m.acceptors[a]
		if m.termOf(acc) == q.term && m.nextOf(acc, p) != 0 {
			flush[a] = m.flush(m.walOf(acc))
			ready |= 1 << a
		}
		if m.confOf(acc) == q.conf {
			here |= 1 << a
		}
	}
	first := m.begin(q.history, q.term)
	if m.Bug == commitOld {
		first = 1
	}
	// sets counts the quorums by the LSN up to which all of them have the log.
	sets := func(among, members int) (n [maxEntries + 2]int) {
		for set := among; set > 0; set = (set - 1) & among {
			if bits.OnesCount(uint(set&members)) != m.majority(members) {
				continue
			}
			lsn := m.Entries + 1
			for rest := set; rest != 0; rest &= rest - 1 {
				lsn = min(lsn, flush[bits.TrailingZeros(uint(rest))])
			}
			if lsn >= first {
				n[lsn]++
			}
		}
		return n
	}
	members, news := m.memberSets(q.conf)
	times := sets(ready&here, members)
	if joint(q.conf) {
		old, young := times, sets(ready, news)
		clear(times[:])
		for i, n := range old {
			for j, k := range young {
				times[min(i, j)] += n * k
			}
		}
	}
	for lsn := m.Entries + 1; lsn >= 1; lsn-- {
		if times[lsn] == 0 {
			continue
		}
		m.commit(q.wal, lsn)
		if !m.took(visit, commitEntries, p, 0, lsn, times[lsn]) {
			return false
		}
		m.committed = before.committed
	}
	return true
}

// proposerSwitches takes ProposerSwitchConf: an elected proposer takes over a newer configuration of an acceptor. One that is not yet
// elected has votes of its old configuration, and must restart.
func (m *machine) proposerSwitches(p int, before *state, visit func(action, times int) bool) bool {
	var confs [maxGenerations + 2]int
	for a := range m.Acceptors {
		confs[m.confOf(before.acceptors[a])]++
	}
	for conf := m.proposers[p].conf + 1; conf <= m.store; conf++ {
		if confs[conf] == 0 || !before.proposers[p].leader {
			continue
		}
		m.proposers[p].conf = conf
		m.settle()
		if !m.took(visit, proposerSwitchConf, p, 0, conf, confs[conf]) {
			return false
		}
		m.proposers[p], m.acceptors = before.proposers[p], before.acceptors
	}
	return true
}

// changes takes StartChange to each set of acceptors, FinishChange and AbortChange, each a compare-and-swap on the configuration store.
func (m *machine) changes(before *state, visit func(action, times int) bool) bool {
	members, news := m.memberSets(m.store)
	change := func(action, to, times, members, news int) bool {
		m.store++
		for a := range m.Acceptors {
			m.acceptors[a] |= acceptor(members>>a&1)<<(m.members+uint(m.store-1)) | acceptor(news>>a&1)<<(m.news+uint(m.store-1))
		}
		m.settle()
		if !m.took(visit, action, 0, 0, to, times) {
			return false
		}
		m.store, m.acceptors = before.store, before.acceptors
		return true
	}
	if !joint(m.store) {
		for set := range 1 << m.Acceptors {
			if set != members && !change(startChange, set, 1, members, set) {
				return false
			}
		}
		return true
	}
	if times := m.finishes(members, news); times > 0 && !change(finishChange, 0, times, news, 0) {
		return false
	}
	return change(abortChange, 0, 1, members, 0)
}

// finishes returns in how many ways the change may end: a quorum of the members and one of the new members know of the joint
// configuration, and each of the new ones has a log and a term as high as the highest of the old ones. Otherwise the new members could
// elect a proposer that lacks what was committed, or elect one for a term that the old ones have elected another for.
func (m *machine) finishes(members, news int) (times int) {
	here := 0
	var height, term [maxMembers]int
	for a := range m.Acceptors {
		acc := m.acceptors[a]
		if m.confOf(acc) == m.store {
			here |= 1 << a
		}
		flush := m.flush(m.walOf(acc))
		height[a] = int(m.last(m.local(m.historyOf(acc), flush)))<<8 | flush
		term[a] = int(m.termOf(acc))
	}
	for old := here; old > 0; old = (old - 1) & here {
		if bits.OnesCount(uint(old&members)) != m.majority(members) {
			continue
		}
		highest, latest := 0, 0
		for rest := old; rest != 0; rest &= rest - 1 {
			a := bits.TrailingZeros(uint(rest))
			highest, latest = max(highest, height[a]), max(latest, term[a])
		}
		synced := 0
		for a := range m.Acceptors {
			if here>>a&1 == 1 && (height[a] >= highest || m.Bug == finishUnsynced) && term[a] >= latest {
				synced |= 1 << a
			}
		}
		for young := synced; young > 0; young = (young - 1) & synced {
			if bits.OnesCount(uint(young&news)) == m.majority(news) {
				times++
			}
		}
	}
	return times
}

// accSwitchConf: the acceptor takes over the configuration in the store.
func (m *machine) accSwitchConf(a int) bool {
	if m.confOf(m.acceptors[a]) >= m.store {
		return false
	}
	m.setConf(&m.acceptors[a], m.store)
	m.settle()
	return true
}

// accReset: an acceptor that does not belong to its configuration loses all that it has. No proposer goes on from where it was.
func (m *machine) accReset(a int) bool {
	acc := &m.acceptors[a]
	generation := m.confOf(*acc)
	if m.isMember(*acc, generation) || joint(generation) && m.isNew(*acc, generation) {
		return false
	}
	*acc &^= 1<<m.votes - 1
	for p := range m.Proposers {
		m.setNext(acc, p, 0)
	}
	return true
}

// setText writes a set of acceptors.
func setText(set int) string {
	var names []string
	for a := 0; set>>a != 0; a++ {
		if set>>a&1 == 1 {
			names = append(names, fmt.Sprintf("a%d", a+1))
		}
	}
	return "{" + strings.Join(names, ", ") + "}"
}

// confVars writes who is in which configuration.
func (m *machine) confVars(add func(name, format string, args ...any)) {
	text := func(generation int) string {
		members, news := m.memberSets(generation)
		if joint(generation) {
			return fmt.Sprintf("generation %d, members %s, new %s", generation, setText(members), setText(news))
		}
		return fmt.Sprintf("generation %d, members %s", generation, setText(members))
	}
	if m.Generations == 0 {
		return
	}
	add("store", "%s", text(m.store))
	for p := range m.Proposers {
		add(fmt.Sprintf("configuration of p%d", p+1), "%s", text(m.proposers[p].conf))
	}
	for a := range m.Acceptors {
		add(fmt.Sprintf("configuration of a%d", a+1), "%s", text(m.confOf(m.acceptors[a])))
	}
}
