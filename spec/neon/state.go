package neon

import "math/bits"

// A wal is the terms of its entries, and a history the LSN at which each term begins (see layout).
type (
	wal     uint64
	history uint64
)

// An acceptor is a safekeeper, and what proposers know of it (see layout).
type acceptor uint64

// A proposer is a compute, without what it knows of single acceptors.
type proposer struct {
	leader  bool
	term    uint // for which it asks for votes, or which it has won
	history history
	wal     wal
	conf    int // the generation of its configuration; 0 without membership change
}

// A state is one state of the module.
type state struct {
	proposers [maxProposers]proposer
	acceptors [maxAcceptors]acceptor
	committed uint64 // the entries ever committed: bit (lsn-1)·terms + term-1
	store     int    // the generation in the configuration store; 0 without membership change
	elected   uint64 // two bits for each term: how often it was elected, 3 for more
}

func (l *layout) length(w wal) int { return int(l.terms[bits.Len64(uint64(w))]) }

// flush returns the LSN of the next entry.
func (l *layout) flush(w wal) int { return l.length(w) + 1 }

// at returns the term of the entry with the LSN, 0 when there is none.
func (l *layout) at(w wal, lsn int) uint {
	return uint(uint64(w) >> (uint(lsn-1) * l.term) & l.termMask)
}

// before returns the entries below the LSN.
func (l *layout) before(w wal, lsn int) wal { return w & (1<<(uint(lsn-1)*l.term) - 1) }

// with returns the WAL with an entry of the term at the LSN, and none behind it.
func (l *layout) with(w wal, lsn int, term uint) wal {
	return l.before(w, lsn) | wal(term)<<(uint(lsn-1)*l.term)
}

// begin returns the LSN at which a term begins, 0 when it is not in the history.
func (l *layout) begin(h history, term uint) int {
	if term == 0 {
		return 1
	}
	return int(uint64(h) >> ((term - 1) * l.lsn) & l.lsnMask)
}

// last returns the last term of a history.
func (l *layout) last(h history) uint { return uint(l.lsns[bits.Len64(uint64(h))]) }

// after returns the first term of a history above the given one, 0 when there is none.
func (l *layout) after(h history, term uint) uint {
	if h >>= term * l.lsn; h == 0 {
		return 0
	}
	return term + uint(l.lsns[bits.TrailingZeros64(uint64(h))+1])
}

// local returns the part of a history that a WAL with this flush LSN has reached.
func (l *layout) local(h history, flush int) history {
	for t := uint(1); t <= uint(l.world.Terms); t++ {
		if l.begin(h, t) > flush {
			h &^= history(l.lsnMask << ((t - 1) * l.lsn))
		}
	}
	return h
}

// common returns the highest common point of the logs of a proposer and of an acceptor: the LSN of the first entry that differs.
func (l *layout) common(p, a history, flush int) int {
	last := uint(0) // the highest term that both have at one place of their histories
	for i, j := uint(0), uint(0); ; {
		if i, j = l.after(p, i), l.after(a, j); i == 0 || j == 0 {
			break
		}
		if i == j {
			last = i
		}
	}
	end := flush
	if next := l.after(a, last); next != 0 {
		end = l.begin(a, next)
	}
	if next := l.after(p, last); next != 0 {
		end = min(end, l.begin(p, next))
	}
	return end
}

func (l *layout) termOf(a acceptor) uint       { return uint(uint64(a) & l.termMask) }
func (l *layout) historyOf(a acceptor) history { return history(uint64(a) >> l.history & l.histMask) }
func (l *layout) walOf(a acceptor) wal         { return wal(uint64(a) >> l.wal & l.walMask) }

// voteOf returns the vote for proposer p; its flush LSN is 0 when there is none.
func (l *layout) voteOf(a acceptor, p int) (flush int, h history) {
	v := uint64(a) >> (l.votes + uint(p)*l.per)
	return int(v & l.lsnMask), history(v >> l.lsn & l.voteMask)
}

// nextOf returns the LSN that proposer p sends next, 0 when it has not truncated the WAL yet.
func (l *layout) nextOf(a acceptor, p int) int {
	return int(uint64(a) >> (l.votes + uint(p+1)*l.per - l.lsn) & l.lsnMask)
}

func (l *layout) setTerm(a *acceptor, term uint) { *a = *a&^acceptor(l.termMask) | acceptor(term) }

func (l *layout) setLog(a *acceptor, h history, w wal) {
	*a = *a&^acceptor(l.histMask<<l.history|l.walMask<<l.wal) | acceptor(h)<<l.history | acceptor(w)<<l.wal
}

func (l *layout) setVote(a *acceptor, p, flush int, h history) {
	at := l.votes + uint(p)*l.per
	*a = *a&^acceptor((1<<(l.per-l.lsn)-1)<<at) | acceptor(flush)<<at | acceptor(h)<<(at+l.lsn)
}

func (l *layout) setNext(a *acceptor, p, lsn int) {
	at := l.votes + uint(p+1)*l.per - l.lsn
	*a = *a&^acceptor(l.lsnMask<<at) | acceptor(lsn)<<at
}

// forget takes away all that proposer p knows of the acceptor.
func (l *layout) forget(a *acceptor, p int) { *a &^= acceptor(l.perMask << (l.votes + uint(p)*l.per)) }

// renamed returns the acceptor with what proposer p knows of it at the place from[p].
func (l *layout) renamed(a acceptor, from []int) acceptor {
	b := a&(1<<l.votes-1) | a>>l.conf<<l.conf
	for p, q := range from {
		b |= (a >> (l.votes + uint(q)*l.per) & acceptor(l.perMask)) << (l.votes + uint(p)*l.per)
	}
	return b
}

// starting returns the history with a term that begins at the LSN.
func (l *layout) starting(h history, term uint, lsn int) history {
	at := (term - 1) * l.lsn
	return h&^history(l.lsnMask<<at) | history(lsn)<<at
}

// entry returns the bit of an entry in the set of those committed.
func (l *layout) entry(term uint, lsn int) uint64 {
	return 1 << (uint(lsn-1)*uint(l.world.Terms) + term - 1)
}

// timesElected returns how often a term was elected; 3 is three times or more.
func (s *state) timesElected(term uint) int { return int(s.elected >> (2 * (term - 1)) & 3) }

func (s *state) elect(term uint) {
	if s.timesElected(term) < 3 {
		s.elected += 1 << (2 * (term - 1))
	}
}

func (l *layout) confOf(a acceptor) int { return int(uint64(a) >> l.conf & (1<<l.generation - 1)) }

func (l *layout) setConf(a *acceptor, generation int) {
	*a = *a&^acceptor((1<<l.generation-1)<<l.conf) | acceptor(generation)<<l.conf
}

// isMember and isNew say in what part of the configuration the acceptor is.
func (l *layout) isMember(a acceptor, generation int) bool {
	return a>>(l.members+uint(generation-1))&1 == 1
}

func (l *layout) isNew(a acceptor, generation int) bool {
	return a>>(l.news+uint(generation-1))&1 == 1
}
