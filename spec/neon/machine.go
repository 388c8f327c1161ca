package neon

import "fmt"

// The actions, in the module's order.
const (
	restartProposer = iota
	vote
	becomeLeader
	updateTerm
	truncateWal
	newEntry
	appendEntry
	commitEntries
	startChange
	finishChange
	abortChange
	proposerSwitchConf
	accSwitchConf
	accReset
)

func actionNames() []string {
	return []string{"RestartProposer", "Vote", "BecomeLeader", "UpdateTerm", "TruncateWal", "NewEntry", "AppendEntry", "CommitEntries",
		"StartChange", "FinishChange", "AbortChange", "ProposerSwitchConf", "AccSwitchConf", "AccReset"}
}

// A machine is the state of one worker of a search.
type machine struct {
	*model
	state

	// The step taken: an action, its proposer and acceptor, and the term, the LSN, the generation or the set that it came to.
	action, p, a, to int
}

func (m *machine) Init() {
	m.state = state{}
	for p := range m.Proposers {
		m.proposers[p].term = 1
	}
	if m.Generations > 0 {
		m.firstConf()
	}
}

// Within is the state constraint of the published configurations.
func (m *machine) Within() bool {
	for p := range m.Proposers {
		if q := &m.proposers[p]; q.term > uint(m.Terms) || q.wal>>(uint(m.Entries)*m.layout.term) != 0 {
			return false
		}
	}
	return m.store <= m.Generations
}

// alike returns for each acceptor how many there are of its kind, the first one of which stands for all; 0 for the others. Under
// symmetry those that are alike, in what any proposer knows of them too, take the same steps.
func (m *machine) alike() (times [maxAcceptors]int) {
	for a := range m.Acceptors {
		times[a] = 1
		for b := 0; m.Symmetry && b < a; b++ {
			if m.acceptors[a] == m.acceptors[b] && times[b] > 0 {
				times[b]++
				times[a] = 0
				break
			}
		}
	}
	return times
}

// Next takes the actions of one proposer after the other.
func (m *machine) Next(visit func(action, times int) bool) {
	before := m.state
	alike := m.alike()
	if m.Generations > 0 {
		m.nextWithConf(&before, &alike, visit)
		return
	}
	for p := range m.Proposers {
		if !m.restarts(p, &before, visit) || !m.proposes(p, &before, visit) || !m.commits(p, visit) {
			return
		}
		for a := range m.Acceptors {
			if alike[a] > 0 && !m.meet(p, a, alike[a], contact{true, 1}, before.acceptors[a], visit) {
				return
			}
		}
	}
}

// took has a step visited. What it does not change is as it was.
func (m *machine) took(visit func(action, times int) bool, action, p, a, to, times int) bool {
	m.action, m.p, m.a, m.to = action, p, a, to
	return visit(action, times)
}

// proposes takes the actions that change proposer p alone.
func (m *machine) proposes(p int, before *state, visit func(action, times int) bool) bool {
	if m.becomeLeader(p) {
		if !m.took(visit, becomeLeader, p, 0, 0, 1) {
			return false
		}
		m.proposers[p], m.elected = before.proposers[p], before.elected
	}
	if m.newEntry(p) {
		if !m.took(visit, newEntry, p, 0, 0, 1) {
			return false
		}
		m.proposers[p] = before.proposers[p]
	}
	return true
}

// A contact says what membership lets a proposer and an acceptor do.
type contact struct {
	same bool // both are in the same configuration
	ways int  // in which the acceptor belongs to it: as a member, as a new one; TLC counts a vote and an entry for each
}

// meet takes the actions of proposer p and acceptor a, which change what is the acceptor's alone.
func (m *machine) meet(p, a, times int, with contact, before acceptor, visit func(action, times int) bool) bool {
	acc := &m.acceptors[a]
	if with.same && with.ways > 0 && m.vote(p, acc) {
		if !m.took(visit, vote, p, a, 0, times*with.ways) {
			return false
		}
		*acc = before
	}
	if m.updateTerm(p, acc) {
		if !m.took(visit, updateTerm, p, a, 0, times) {
			return false
		}
		*acc = before
	}
	if with.same && m.truncateWal(p, acc) {
		if !m.took(visit, truncateWal, p, a, 0, times) {
			return false
		}
		*acc = before
	}
	if with.same && with.ways > 0 && m.appendEntry(p, acc) {
		if !m.took(visit, appendEntry, p, a, 0, times*with.ways) {
			return false
		}
		*acc = before
	}
	return true
}

// restarts takes RestartProposer: proposer p loses all that it knows, and asks for the term after the highest of some quorum of
// acceptors. Each quorum is a way of taking the action.
func (m *machine) restarts(p int, before *state, visit func(action, times int) bool) bool {
	below := 0 // quorums of acceptors with lower terms
	for term := uint(0); term <= uint(m.Terms); term++ {
		n := 0
		for a := range m.Acceptors {
			if m.termOf(before.acceptors[a]) <= term {
				n++
			}
		}
		times := m.quorums[n] - below
		if times == 0 {
			continue
		}
		below = m.quorums[n]
		m.proposers[p] = proposer{term: term + 1}
		for a := range m.Acceptors {
			m.forget(&m.acceptors[a], p)
		}
		if !m.took(visit, restartProposer, p, 0, int(term+1), times) {
			return false
		}
		m.proposers[p], m.acceptors = before.proposers[p], before.acceptors
	}
	return true
}

// vote: the acceptor votes for proposer p at once, and tells how far its log goes.
func (m *machine) vote(p int, acc *acceptor) bool {
	q := &m.proposers[p]
	if term := m.termOf(*acc); q.leader || term >= q.term && (m.Bug != voteTwice || term > q.term) {
		return false
	}
	flush := m.flush(m.walOf(*acc))
	m.setTerm(acc, q.term)
	m.setVote(acc, p, flush, m.local(m.historyOf(*acc), flush))
	return true
}

// becomeLeader: proposer p is elected by a quorum of votes. It copies the log of the highest one, by the term of its last entry and then
// by its flush LSN, while that acceptor is still in its term.
func (m *machine) becomeLeader(p int) bool {
	q := &m.proposers[p]
	if q.leader {
		return false
	}
	votes, highest := 0, -1
	var best acceptor
	for a := range m.Acceptors {
		acc := m.acceptors[a]
		flush, h := m.voteOf(acc, p)
		if flush == 0 {
			continue
		}
		votes++
		height := int(m.last(h))<<8 | flush
		switch m.Bug {
		case lowestVote:
			height = 1<<16 - height
		case flushFirst:
			height = flush<<8 | int(m.last(h))
		}
		// Equal votes come of equal logs, unless a bug has made them differ; then the log decides, for names must not. Which of these
		// acceptors is asked makes a difference only when one of them is in a higher term by now.
		height *= 2
		if m.Donor != named && (m.termOf(acc) == q.term) == (m.Donor == some) {
			height++
		}
		if height > highest || height == highest && m.Donor != named && m.logBefore(p, acc, best) {
			highest, best = height, acc
		}
	}
	if m.Generations == 0 && votes < m.quorum() || m.Generations > 0 && !m.elects(p) || m.termOf(best) != q.term {
		return false
	}
	flush, h := m.voteOf(best, p)
	q.leader, q.history, q.wal = true, m.starting(h, q.term, flush), m.walOf(best)
	if m.Elections {
		m.elect(q.term)
	}
	return true
}

// logBefore orders two acceptors by their logs and what they told proposer p of them.
func (m *machine) logBefore(p int, a, b acceptor) bool {
	_, h := m.voteOf(a, p)
	_, g := m.voteOf(b, p)
	return h < g || h == g && m.walOf(a) < m.walOf(b)
}

// updateTerm: the acceptor hears of the term of a proposer that is already elected.
func (m *machine) updateTerm(p int, acc *acceptor) bool {
	q := &m.proposers[p]
	if !q.leader || m.termOf(*acc) >= q.term {
		return false
	}
	m.setTerm(acc, q.term)
	return true
}

// truncateWal: the elected proposer p has the acceptor cut its WAL at the highest common point, and take over the leader's term history.
// This comes with each connection, so it may happen again.
func (m *machine) truncateWal(p int, acc *acceptor) bool {
	q := &m.proposers[p]
	if !q.leader || m.termOf(*acc) != q.term {
		return false
	}
	w := m.walOf(*acc)
	lsn := m.commonPoint(q, *acc)
	if m.Bug != keepTail {
		w = m.before(w, lsn)
	}
	m.setLog(acc, q.history, w)
	m.setNext(acc, p, lsn)
	return true
}

// commonPoint returns where the log of an acceptor begins to differ from that of a leader.
func (m *machine) commonPoint(q *proposer, acc acceptor) int {
	flush := m.flush(m.walOf(acc))
	return m.common(q.history, m.local(m.historyOf(acc), flush), flush)
}

// newEntry: the elected proposer p writes an entry, which is its term.
func (m *machine) newEntry(p int) bool {
	q := &m.proposers[p]
	if !q.leader {
		return false
	}
	q.wal = m.with(q.wal, m.flush(q.wal), q.term)
	return true
}

// appendEntry: the acceptor appends the next entry of the elected proposer p.
func (m *machine) appendEntry(p int, acc *acceptor) bool {
	q := &m.proposers[p]
	lsn := m.nextOf(*acc, p)
	if !q.leader || m.termOf(*acc) != q.term || lsn == 0 || lsn >= m.flush(q.wal) {
		return false
	}
	m.setNext(acc, p, lsn+1)
	m.setLog(acc, m.historyOf(*acc), m.with(m.walOf(*acc), lsn, m.at(q.wal, lsn)))
	return true
}

// commits takes CommitEntries: the elected proposer p commits what all of a quorum have, as soon as that reaches the LSN at which its own
// term begins: entries of earlier terms are not committed by themselves. Each quorum is a way of taking the action.
func (m *machine) commits(p int, visit func(action, times int) bool) bool {
	q := &m.proposers[p]
	if !q.leader {
		return true
	}
	before := m.committed
	above, n := 0, 0 // quorums of acceptors that have more, acceptors that have as much
	var flush [maxAcceptors]int
	for a := range m.Acceptors {
		if acc := m.acceptors[a]; m.termOf(acc) == q.term && m.nextOf(acc, p) != 0 {
			flush[a] = m.flush(m.walOf(acc))
		}
	}
	first := m.begin(q.history, q.term)
	if m.Bug == commitOld {
		first = 1
	}
	for lsn := m.Entries + 1; lsn >= first; lsn-- {
		for a := range m.Acceptors {
			if flush[a] == lsn {
				n++
			}
		}
		times := m.quorums[n] - above
		if times == 0 {
			continue
		}
		above = m.quorums[n]
		m.commit(q.wal, lsn)
		if !m.took(visit, commitEntries, p, 0, lsn, times) {
			return false
		}
		m.committed = before
	}
	return true
}

// commit commits the entries of a WAL below the LSN. A WAL may end before that only when a bug has kept a tail on acceptors.
func (m *machine) commit(w wal, lsn int) {
	for i := 1; i < lsn; i++ {
		if term := m.at(w, i); term > 0 {
			m.committed |= m.entry(term, i)
		}
	}
}

// Step names the step taken.
func (m *machine) Step() string {
	name := actionNames()[m.action]
	switch m.action {
	case restartProposer:
		if m.Generations > 0 {
			return fmt.Sprintf("%s(p%d) for term %d in generation %d", name, m.p+1, m.to, m.proposers[m.p].conf)
		}
		return fmt.Sprintf("%s(p%d) for term %d", name, m.p+1, m.to)
	case commitEntries:
		return fmt.Sprintf("%s(p%d) below LSN %d", name, m.p+1, m.to)
	case becomeLeader, newEntry:
		return fmt.Sprintf("%s(p%d)", name, m.p+1)
	case startChange:
		return fmt.Sprintf("%s to %s", name, setText(m.to))
	case finishChange, abortChange:
		return name
	case proposerSwitchConf:
		return fmt.Sprintf("%s(p%d) to generation %d", name, m.p+1, m.to)
	case accSwitchConf, accReset:
		return fmt.Sprintf("%s(a%d)", name, m.a+1)
	default:
		return fmt.Sprintf("%s(p%d, a%d)", name, m.p+1, m.a+1)
	}
}
