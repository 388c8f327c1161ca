package volume

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/zeebo/xxh3"
)

// parts are the hashes of the parts of a state: the acknowledged transactions, each writer, each replica. A fingerprint is
// made of their sum, which depends on no order: so replicas of a group are interchangeable without being sorted, and after a
// step only the part that the step changed is hashed anew.
//
// A hash has 128 bits, and so has the sum; two states with different parts have the same sum by chance once in 2^128, or where equal
// parts are counted up to nine times, once in 2^122. The 64 bits of the fingerprint, made of the sum at the end, decide.
type parts struct {
	load     uint64 // State.loads when they were made
	steps    int    // after so many steps
	sum      xxh3.Uint128
	acked    xxh3.Uint128
	writers  []xxh3.Uint128
	replicas []xxh3.Uint128
	tuples   []uint64  // of the replicas, as pack writes them
	head     bitWriter // what encode writes before them
	likes    []int     // for each replica that is the first of its group of its like, how many such there are; 0 for all others

	tuple, sorted []uint64 // scratch
	bits          []byte   // scratch
}

func newParts(l *layout, replicas int) parts {
	return parts{
		writers: make([]xxh3.Uint128, l.world.MaxEpoch), replicas: make([]xxh3.Uint128, replicas), tuples: make([]uint64, l.words*replicas),
		likes: make([]int, replicas), tuple: make([]uint64, l.words), sorted: make([]uint64, l.words*replicas),
		bits: make([]byte, 0, l.maxBytes()+8*l.words+16),
	}
}

// Seeds keep parts of different kinds apart. A replica's is its group under symmetry, otherwise itself.
const (
	seedAcked uint64 = iota
	seedWriter
	seedReplica = 1 << 32
)

func plus(a, b xxh3.Uint128) xxh3.Uint128 {
	lo, carry := bits.Add64(a.Lo, b.Lo, 0)
	hi, _ := bits.Add64(a.Hi, b.Hi, carry)
	return xxh3.Uint128{Hi: hi, Lo: lo}
}

func minus(a, b xxh3.Uint128) xxh3.Uint128 {
	lo, borrow := bits.Sub64(a.Lo, b.Lo, 0)
	hi, _ := bits.Sub64(a.Hi, b.Hi, borrow)
	return xxh3.Uint128{Hi: hi, Lo: lo}
}

// split takes the state of the machine apart.
func (m *machine) split() {
	p := &m.parts
	p.load, p.steps = m.loads, len(m.journal)
	m.splitHead()
	for r := range m.replicas {
		tuple := p.at(r, m.layout.words)
		m.layout.pack(m.State, r, tuple)
		p.replicas[r] = m.hashTuple(r, tuple)
	}
	m.addUp()
}

// ready takes the state apart, unless that is done: before steps are taken from it.
func (m *machine) ready() {
	if m.parts.load != m.loads || m.parts.steps != len(m.journal) {
		m.split()
	}
}

// splitHead takes apart what comes before the replicas.
func (m *machine) splitHead() {
	p := &m.parts
	p.head = bitWriter{dst: p.head.dst[:0]}
	m.layout.putHead(&p.head, m.State)
	p.acked = m.hashAcked()
	for e := range p.writers {
		p.writers[e] = m.hashWriter(e)
	}
}

// addUp adds the parts up, and finds which replicas are alike.
func (m *machine) addUp() {
	p := &m.parts
	p.sum = p.acked
	for _, h := range p.writers {
		p.sum = plus(p.sum, h)
	}
	for _, h := range p.replicas {
		p.sum = plus(p.sum, h)
	}
	m.findLikes()
}

// at returns the tuple of replica r.
func (p *parts) at(r, words int) []uint64 { return p.tuples[r*words : (r+1)*words] }

// findLikes finds which replicas are alike.
func (m *machine) findLikes() {
	p, words := &m.parts, m.layout.words
	for r := range p.likes {
		p.likes[r] = 1
		if !m.world.Symmetry {
			continue
		}
		tuple := p.at(r, words)
		for like := r - r%m.world.Replicas; like < r; like++ {
			if p.likes[like] > 0 && slices.Equal(p.at(like, words), tuple) {
				p.likes[r] = 0
				p.likes[like]++
				break
			}
		}
	}
}

// Load makes the machine the state that Encode wrote. Two states that are loaded one after the other were mostly found from the same
// one: what they have in common stays as it is.
func (m *machine) Load(code []byte) error {
	p, l := &m.parts, &m.layout
	if p.load != m.loads || p.steps > 0 || len(m.journal) > 0 || l.sets > 0 {
		if err := l.decode(m.State, code, p.tuple); err != nil {
			return err
		}
		m.split()
		return nil
	}
	b := bitReader{src: code}
	m.loads++ // what other machines on the same State know is of another one from here on
	same := p.head.begins(code)
	if same {
		b.src = code[len(p.head.dst):]
		b.get(p.head.n)
	} else if err := l.decodeHead(m.State, &b); err != nil {
		return err
	}
	for r := range m.replicas {
		b.words(p.tuple, l.tuple)
		tuple := p.at(r, l.words)
		unchanged := slices.Equal(tuple, p.tuple)
		if unchanged && (same || !m.world.Answers) { // a head that changed has forgotten what was told
			continue
		}
		l.unpack(m.State, r, p.tuple)
		if !unchanged {
			copy(tuple, p.tuple)
			p.replicas[r] = m.hashTuple(r, tuple)
		}
	}
	if b.short {
		return b.tooShort(code)
	}
	if !same {
		m.splitHead()
	}
	m.addUp()
	p.load = m.loads
	return nil
}

// Encode appends the identity of the state to dst. After a step it takes the parts that the step did not change from before.
func (m *machine) Encode(dst []byte) []byte {
	p, l := &m.parts, &m.layout
	c := m.stepTaken()
	if c == nil || m.changesAll(c) {
		return l.encode(m.State, dst, p.sorted)
	}
	copy(p.sorted, p.tuples)
	b := bitWriter{dst: dst}
	if onReplica(c.action) {
		b = bitWriter{append(dst, p.head.dst...), p.head.acc, p.head.n}
		copy(p.sorted[int(c.r)*l.words:], m.changedTuple(c))
	} else {
		l.putHead(&b, m.State)
	}
	l.putTuples(&b, p.sorted)
	return b.finish()
}

// stepTaken returns the one step that was taken since the state was taken apart, nil if there was not just one.
func (m *machine) stepTaken() *change {
	if p := &m.parts; p.load == m.loads && len(m.journal) == p.steps+1 {
		return &m.journal[p.steps]
	}
	return nil
}

// changesAll says whether a step changes more than one part: sets, and what was told, are in the tuples of all replicas.
func (m *machine) changesAll(c *change) bool {
	return !onReplica(c.action) && (m.layout.sets > 0 || m.world.Answers && c.action == ActDecide)
}

// changedTuple returns the tuple of the replica that a step changed.
func (m *machine) changedTuple(c *change) []uint64 {
	p, l, rep := &m.parts, &m.layout, &m.replicas[c.r]
	simple := !m.world.RecordAcks && !m.world.Answers
	switch {
	case simple && (c.action == ActStore || c.action == ActGossip): // a record that was not there, and an SCL
		copy(p.tuple, p.at(int(c.r), l.words))
		at := 2*l.recordEpoch + uint(c.l-1)*l.epoch
		flip(p.tuple, at, uint64(rep.store[c.l-1]))
		at = 2*l.recordEpoch + uint(l.world.MaxLSN)*l.epoch + uint(c.sclEpoch-1)*l.scl
		flip(p.tuple, at, uint64(c.scl+1)^uint64(rep.sclOf(int(c.sclEpoch))+1))
	case simple && c.action == ActFence:
		copy(p.tuple, p.at(int(c.r), l.words))
		flip(p.tuple, 0, uint64(c.fence-1)^uint64(rep.fence-1))
	default:
		l.pack(m.State, int(c.r), p.tuple)
	}
	return p.tuple
}

// flip changes the bits of a number that begins at a bit by those that are set in v.
func flip(words []uint64, at uint, v uint64) {
	words[at>>6] ^= v << (at & 63)
	if high := v >> (64 - at&63); high != 0 {
		words[at>>6+1] ^= high
	}
}

func (m *machine) hashAcked() xxh3.Uint128 {
	b := bitWriter{dst: m.parts.bits[:0]}
	m.layout.putAcked(&b, m.State)
	return xxh3.Hash128Seed(b.finish(), seedAcked)
}

// hashWriter hashes the writer of epoch e+1.
func (m *machine) hashWriter(e int) xxh3.Uint128 {
	b := bitWriter{dst: m.parts.bits[:0]}
	m.layout.putWriter(&b, m.State, e)
	return xxh3.Hash128Seed(b.finish(), seedWriter+uint64(e))
}

func (m *machine) hashTuple(r int, tuple []uint64) xxh3.Uint128 {
	dst := m.parts.bits[:0]
	for _, w := range tuple {
		dst = binary.LittleEndian.AppendUint64(dst, w)
	}
	if m.world.Symmetry {
		r = m.GroupOf(r)
	}
	return xxh3.Hash128Seed(dst, seedReplica+uint64(r))
}

// Fingerprint returns the fingerprint of the state (see check.Fingerprinter).
func (m *machine) Fingerprint() uint64 {
	p := &m.parts
	c := m.stepTaken()
	switch {
	case c == nil:
		m.ready()
		return final(p.sum)
	case m.changesAll(c):
		return final(m.whole())
	case c.action == ActAck:
		return final(plus(minus(p.sum, p.acked), m.hashAcked()))
	case onReplica(c.action):
		return final(plus(minus(p.sum, p.replicas[c.r]), m.hashTuple(int(c.r), m.changedTuple(c))))
	default:
		return final(plus(minus(p.sum, p.writers[c.e-1]), m.hashWriter(int(c.e-1))))
	}
}

// onReplica says whether an action changes one replica and nothing else that a fingerprint is made of.
func onReplica(a Action) bool {
	switch a {
	case ActStore, ActGossip, ActFence, ActJoin, ActAmnesia, ActAckEarly:
		return true
	}
	return false
}

// whole adds up all parts of the state, none of which is kept.
func (m *machine) whole() xxh3.Uint128 {
	sum := m.hashAcked()
	for e := range m.parts.writers {
		sum = plus(sum, m.hashWriter(e))
	}
	for r := range m.replicas {
		m.layout.pack(m.State, r, m.parts.tuple)
		sum = plus(sum, m.hashTuple(r, m.parts.tuple))
	}
	return sum
}

// final makes 64 bits of a sum, each of which depends on all of its bits (the finalizer of MurmurHash3).
func final(sum xxh3.Uint128) uint64 {
	x := sum.Lo + bits.RotateLeft64(sum.Hi*0x9e3779b97f4a7c15, 32)
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return x
}
