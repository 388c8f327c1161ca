package neon

import (
	"slices"

	"github.com/firstgap/firstgap/spec/check"
)

// A rule is an invariant of the module.
type rule struct {
	check.Invariant
	holds func(m *machine) bool
}

// rules returns the invariants in the module's order.
func rules() []rule {
	of := func(name, guarantee string, holds func(m *machine) bool) rule {
		return rule{check.Invariant{Name: name, Guarantee: guarantee}, holds}
	}
	return []rule{
		of("TypeOK", "A proposer has a log, a term history and positions to send from when it is elected, and not before; no WAL has a hole; no vote has a term above the one that it was asked for.", (*machine).typeOK),
		of("ElectionSafety", "Two proposers that are elected at the same time are elected for different terms.", (*machine).electionSafety),
		of(electedOnce, "No term is ever elected twice.", (*machine).electionSafetyFull),
		of("LogIsMonotonic", "The terms of the entries in a safekeeper's WAL never go down.", (*machine).logIsMonotonic),
		of("LogSafety", "Of two entries that were ever committed at one LSN, both are the same entry.", (*machine).logSafety),
		of(notTruncated, "No elected proposer is about to truncate a committed entry on a safekeeper.", (*machine).committedNotTruncated),
	}
}

// With five acceptors it is right to truncate an entry that was committed: three of them commit an entry of term 1 in term 3, and then
// the leader of term 2 cuts it from another one. So the invariant is decided only where a world names it.
const notTruncated = "CommittedNotTruncated"

// electedOnce is decided where the state counts elections.
const electedOnce = "ElectionSafetyFull"

func invariantNames() (names []string) {
	for _, r := range rules() {
		names = append(names, r.Name)
	}
	return names
}

// rulesOf returns the invariants that a world wants decided.
func rulesOf(w World) []rule {
	return slices.DeleteFunc(rules(), func(r rule) bool {
		if len(w.Invariants) == 0 {
			return r.Name == notTruncated || r.Name == electedOnce && !w.Elections
		}
		return !slices.Contains(w.Invariants, r.Name)
	})
}

// Broken returns the first invariant that does not hold.
func (m *machine) Broken() int {
	for i := range m.rules {
		if !m.rules[i].holds(m) {
			return i
		}
	}
	return -1
}

func (m *machine) typeOK() bool {
	for p := range m.Proposers {
		q := &m.proposers[p]
		if q.term == 0 || q.leader != (q.history != 0) || !q.leader && q.wal != 0 || q.leader && m.last(q.history) != q.term || !m.whole(q.wal) {
			return false
		}
		for a := range m.Acceptors {
			acc := m.acceptors[a]
			flush, h := m.voteOf(acc, p)
			if flush == 0 && h != 0 || flush > m.Entries+1 || m.last(h) > q.term || m.nextOf(acc, p) != 0 && !q.leader || m.nextOf(acc, p) > m.Entries+1 {
				return false
			}
		}
	}
	for a := range m.Acceptors {
		acc := m.acceptors[a]
		if term := m.termOf(acc); term > uint(m.Terms) || m.last(m.historyOf(acc)) > term || !m.whole(m.walOf(acc)) {
			return false
		}
	}
	return true
}

// whole says whether a WAL has an entry at each LSN below its flush LSN, none of them of a term that the world does not have.
func (m *machine) whole(w wal) bool {
	for lsn := 1; lsn < m.flush(w); lsn++ {
		if term := m.at(w, lsn); term == 0 || term > uint(m.Terms) {
			return false
		}
	}
	return true
}

func (m *machine) electionSafety() bool {
	for p := range m.Proposers {
		for q := range p {
			if m.proposers[p].leader && m.proposers[q].leader && m.proposers[p].term == m.proposers[q].term {
				return false
			}
		}
	}
	return true
}

func (m *machine) electionSafetyFull() bool {
	const twice = 0xaaaa // the higher bit of each count
	return m.elected&twice == 0
}

func (m *machine) logIsMonotonic() bool {
	for a := range m.Acceptors {
		w := m.walOf(m.acceptors[a])
		for last := uint(0); w != 0; w >>= m.layout.term {
			term := uint(uint64(w) & m.termMask)
			if term < last {
				return false
			}
			last = term
		}
	}
	return true
}

func (m *machine) logSafety() bool {
	for set := m.committed; set != 0; set >>= uint(m.Terms) {
		if at := set & (1<<uint(m.Terms) - 1); at&(at-1) != 0 {
			return false
		}
	}
	return true
}

func (m *machine) committedNotTruncated() bool {
	if m.committed == 0 {
		return true
	}
	for p := range m.Proposers {
		q := &m.proposers[p]
		for a := range m.Acceptors {
			acc := m.acceptors[a]
			if !q.leader || m.termOf(acc) != q.term {
				continue
			}
			w := m.walOf(acc)
			for lsn := m.commonPoint(q, acc); lsn < m.flush(w); lsn++ {
				if m.committed&m.entry(m.at(w, lsn), lsn) != 0 {
					return false
				}
			}
		}
	}
	return true
}

// reachOf returns the situations that a world must reach, as far as its constants allow them.
func reachOf(w World) []rule {
	all := []rule{{check.Invariant{Name: "Committed", Guarantee: "an entry is committed"}, func(m *machine) bool { return m.committed != 0 }}}
	if w.Terms > 1 {
		all = append(all, rule{check.Invariant{Name: "Inherited", Guarantee: "an elected proposer has an entry of an earlier term"}, (*machine).inherited})
	}
	if w.Terms > 1 && w.Acceptors > 2 {
		all = append(all, rule{check.Invariant{Name: "Diverged", Guarantee: "an acceptor has an entry that its leader has not"}, (*machine).diverged})
	}
	return all
}

// Witnessed says whether the state is one of a situation.
func (m *machine) Witnessed(situation int) bool { return m.reach[situation].holds(m) }

func (m *machine) inherited() bool {
	for p := range m.Proposers {
		if q := &m.proposers[p]; q.leader && q.wal != 0 && m.at(q.wal, 1) != q.term {
			return true
		}
	}
	return false
}

func (m *machine) diverged() bool {
	for p := range m.Proposers {
		for a := range m.Acceptors {
			q, acc := &m.proposers[p], m.acceptors[a]
			if q.leader && m.termOf(acc) == q.term && m.commonPoint(q, acc) < m.flush(m.walOf(acc)) {
				return true
			}
		}
	}
	return false
}
