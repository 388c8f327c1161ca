package neon

import (
	"encoding/binary"
	"fmt"
)

// Encode writes, bit by bit, the entries committed, the terms elected, the proposers, and the acceptors.
//
// Under symmetry it writes the least of the states that this one becomes when proposers or acceptors are exchanged, without trying
// all exchanges: the proposers are sorted by what is theirs alone, and the acceptors by what each of them is. Only proposers that are
// equal in what is theirs alone are tried in every order, for the acceptors may tell them apart.
func (m *machine) Encode(dst []byte) []byte {
	var keys [maxProposers]uint64
	for p := range m.Proposers {
		keys[p] = m.key(&m.proposers[p])
	}
	order, best := m.orders[0], m.acceptors // the first order leaves everyone in place
	if m.Symmetry {
		order = nil
		for _, from := range m.orders {
			if !sortedBy(&keys, from) {
				continue
			}
			if sorted := m.arranged(from); order == nil || less(sorted[:m.Acceptors], best[:m.Acceptors]) {
				order, best = from, sorted
			}
		}
	}
	b := bitWriter{}
	b.put(m.committed, uint(m.Terms*m.Entries))
	b.put(m.elected, 2*uint(m.Terms))
	b.put(uint64(m.store), m.generation)
	for _, p := range order {
		b.put(keys[p], m.own)
	}
	for a := range m.Acceptors {
		b.put(uint64(best[a]), m.width)
	}
	return b.appendTo(dst, int(m.all+7)/8)
}

// key returns a proposer as one number of m.own bits.
func (m *machine) key(p *proposer) uint64 {
	key := uint64(p.conf)<<(m.own-m.generation) | uint64(p.term)<<1 | uint64(p.history)<<(1+m.asked) | uint64(p.wal)<<(1+m.asked+uint(m.Terms)*m.lsn)
	if p.leader {
		key |= 1
	}
	return key
}

func sortedBy(keys *[maxProposers]uint64, order []int) bool {
	for i := 1; i < len(order); i++ {
		if keys[order[i-1]] > keys[order[i]] {
			return false
		}
	}
	return true
}

// arranged returns the acceptors with the proposers in the given order, sorted.
func (m *machine) arranged(from []int) [maxAcceptors]acceptor {
	sorted := m.acceptors
	for i := range m.Acceptors {
		a, j := sorted[i], i
		if &from[0] != &m.orders[0][0] {
			a = m.renamed(a, from)
		}
		for ; j > 0 && sorted[j-1] > a; j-- {
			sorted[j] = sorted[j-1]
		}
		sorted[j] = a
	}
	return sorted
}

func less(a, b []acceptor) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// Load makes it the state that Encode wrote.
func (m *machine) Load(code []byte) error {
	if want := int(m.all+7) / 8; len(code) != want {
		return fmt.Errorf("neon: a state of %d bytes, expected %d", len(code), want)
	}
	b := bitReader{src: code}
	m.committed = b.get(uint(m.Terms * m.Entries))
	m.elected = b.get(2 * uint(m.Terms))
	m.store = int(b.get(m.generation))
	for p := range m.Proposers {
		key := b.get(m.own)
		q := &m.proposers[p]
		q.conf, key = int(key>>(m.own-m.generation)), key&(1<<(m.own-m.generation)-1)
		q.leader, key = key&1 == 1, key>>1
		q.term, key = uint(key&(1<<m.asked-1)), key>>m.asked
		q.history, q.wal = history(key&m.histMask), wal(key>>(uint(m.Terms)*m.lsn))
	}
	for a := range m.Acceptors {
		m.acceptors[a] = acceptor(b.get(m.width))
	}
	return nil
}

const maxWords = 9 // seven acceptors of a word each, the proposers and the rest

// A bitWriter packs numbers, low bits first.
type bitWriter struct {
	words [maxWords + 1]uint64
	at    uint
}

func (b *bitWriter) put(v uint64, width uint) {
	i, off := b.at>>6, b.at&63
	b.words[i] |= v << off
	b.words[i+1] |= v >> 1 >> (63 - off)
	b.at += width
}

func (b *bitWriter) appendTo(dst []byte, size int) []byte {
	var bytes [8 * len(b.words)]byte
	for i, w := range b.words {
		binary.LittleEndian.PutUint64(bytes[8*i:], w)
	}
	return append(dst, bytes[:size]...)
}

// A bitReader reads what a bitWriter wrote.
type bitReader struct {
	src []byte
	at  uint
}

func (b *bitReader) get(width uint) (v uint64) {
	for got := uint(0); got < width; {
		off := b.at & 7
		v |= uint64(b.src[b.at>>3]>>off) << got
		got += 8 - off
		b.at += 8 - off
		if got > width {
			b.at -= got - width
		}
	}
	if width < 64 {
		v &= 1<<width - 1
	}
	return v
}
