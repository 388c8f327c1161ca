package volume

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// A layout says how many bits each part of an encoded state takes in a world.
//
// First come the writers: the phase of each, and from Repairing on its base, its VCL and its log. A record is
// its epoch and its entry, as one number: the rest follows from the log before it (see State.record). Then the acknowledged transactions, then the replicas, group by group. A replica is one
// tuple of fixed size: fence, line, store, SCLs, and what it told each epoch that is still fencing. Under
// symmetry the tuples of a group are sorted. Nothing else in a state names a replica, so this is exact: two
// states get the same encoding if and only if a permutation within the groups takes one to the other.
type layout struct {
	world       World
	epoch, lsn  uint // a number from 0 up to the largest epoch, LSN
	scl         uint // an LSN or -1
	recordEpoch uint // an epoch less 1
	record      uint // an entry
	tuple       uint // one replica
	words       int  // one replica, in words of 64 bits
	writes      int  // how many different entries are writes
	undos       int  // and undos
	sets        uint // how many quorum sets a group has
	structures  int  // and structural changes
}

const phaseBits = 2

func newLayout(w World) layout {
	width := func(largest int) uint { return uint(bits.Len(uint(largest))) }
	l := layout{world: w, epoch: width(w.MaxEpoch), lsn: width(w.MaxLSN), scl: width(w.MaxLSN + 1), recordEpoch: width(w.MaxEpoch - 1)}
	l.writes, l.undos = w.Txns*w.Keys, w.Txns
	if w.Moves {
		l.writes *= w.Groups
		l.undos *= w.Groups
	}
	if w.Structures {
		l.structures = w.Groups
	}
	if w.Mtr {
		l.writes *= 2
		l.structures *= 2
	}
	numbers := l.writes + w.Txns + l.undos + l.structures
	if w.Bug == cutPerGroup.String() {
		numbers++ // a hole
	}
	l.record = width(numbers - 1)
	if w.Members > 1 || w.Grows {
		l.sets = width(max(w.Members, 1))
	}
	l.tuple = 2*l.recordEpoch + uint(w.MaxLSN)*l.epoch + uint(w.MaxEpoch)*l.scl
	if w.RecordAcks {
		l.tuple += uint(w.MaxEpoch) * uint(w.MaxLSN)
	}
	if w.Answers {
		l.tuple += uint(w.MaxEpoch) * (l.epoch + uint(w.MaxLSN)*l.epoch)
	}
	if l.sets > 0 {
		l.tuple += uint(w.MaxEpoch) * 2 * uint(max(w.Members, 1))
	}
	l.words = int(l.tuple+63) / 64
	return l
}

// maxBytes returns the size of the largest encoding.
func (l *layout) maxBytes() int {
	w := l.world
	writer := phaseBits + 2*uint(w.Groups)*l.sets + 3*l.lsn + uint(w.MaxLSN)*(l.recordEpoch+l.record)
	return int(uint(w.MaxEpoch)*writer+uint(w.Txns)+uint(w.Groups*w.Replicas)*l.tuple+7) / 8
}

// number returns an entry as one number. The kinds come one after the other, each with as many numbers as it has entries.
func (l *layout) number(x entry) uint64 {
	t := int(x.t) - 1
	switch x.kind {
	case Write:
		return uint64(l.withEnd(l.inGroup(t*l.world.Keys+int(x.k), x), x))
	case Commit:
		return uint64(l.writes + t)
	case Undo:
		return uint64(l.writes + l.world.Txns + l.inGroup(t, x))
	case Structure:
		return uint64(l.writes + l.world.Txns + l.undos + l.withEnd(int(x.group), x))
	default:
		return uint64(l.writes + l.world.Txns + l.undos + l.structures)
	}
}

// inGroup adds the group to a number, where it is a choice, and withEnd whether the record ends its mini-transaction.
func (l *layout) inGroup(n int, x entry) int {
	if l.world.Moves {
		return n*l.world.Groups + int(x.group)
	}
	return n
}

func (l *layout) withEnd(n int, x entry) int {
	if l.world.Mtr {
		n *= 2
		if x.last {
			n++
		}
	}
	return n
}

// entryOf returns what a record says that the log before it does not.
func entryOf(r *Record) entry { return entry{r.Kind, r.Txn, r.Key, r.Group, r.Last} }

// parse is the inverse of number, but that the group of a change is -1 where it is that of the key.
func (l *layout) parse(n int) entry {
	end := func() (last bool) {
		last = true
		if l.world.Mtr {
			last = n&1 == 1
			n /= 2
		}
		return last
	}
	group := func() (g int) {
		g = -1
		if l.world.Moves {
			g = n % l.world.Groups
			n /= l.world.Groups
		}
		return g
	}
	if n < l.writes {
		last, g := end(), group()
		return entry{Write, int32(n/l.world.Keys + 1), int32(n % l.world.Keys), int32(g), last}
	}
	if n -= l.writes; n < l.world.Txns {
		return entry{kind: Commit, t: int32(n + 1), last: true}
	}
	if n -= l.world.Txns; n < l.undos {
		g := group()
		return entry{kind: Undo, t: int32(n + 1), group: int32(g), last: true}
	}
	if n -= l.undos; n < l.structures {
		last := end()
		return entry{Structure, 0, -1, int32(n), last}
	}
	return entry{kind: Hole, last: true}
}

// A bitWriter appends numbers of given widths to bytes, low bits first.
type bitWriter struct {
	dst []byte
	acc uint64
	n   uint // bits in acc, less than 64
}

func (b *bitWriter) put(v uint64, width uint) {
	b.acc |= v << b.n
	b.n += width
	if b.n >= 64 {
		b.dst = binary.LittleEndian.AppendUint64(b.dst, b.acc)
		b.n -= 64
		b.acc = v >> (width - b.n) // the bits that did not fit; none when v ended with the word
	}
}

func (b *bitWriter) finish() []byte {
	for ; b.n > 0; b.n -= min(b.n, 8) {
		b.dst = append(b.dst, byte(b.acc))
		b.acc >>= 8
	}
	return b.dst
}

// begins says whether bytes begin with the bits that were put so far.
func (b *bitWriter) begins(src []byte) bool {
	n := len(b.dst)
	if len(src) < n+int(b.n+7)/8 || !bytes.Equal(src[:n], b.dst) {
		return false
	}
	rest := bitReader{src: src[n:]}
	return rest.get(b.n) == b.acc
}

// A bitReader reads what a bitWriter wrote. Reading past the end gives zeros and is remembered.
type bitReader struct {
	src   []byte
	acc   uint64
	n     uint
	short bool
}

func (b *bitReader) get(width uint) uint64 {
	if width > 32 {
		low := b.get(32)
		return low | b.get(width-32)<<32
	}
	if b.n < width {
		switch {
		case len(b.src) >= 4:
			b.acc |= uint64(binary.LittleEndian.Uint32(b.src)) << b.n
			b.src = b.src[4:]
			b.n += 32
		default:
			for ; b.n < width && len(b.src) > 0; b.n += 8 {
				b.acc |= uint64(b.src[0]) << b.n
				b.src = b.src[1:]
			}
			if b.n < width {
				b.short = true
				b.n = width
			}
		}
	}
	v := b.acc & (1<<width - 1)
	b.acc >>= width
	b.n -= width
	return v
}

func (b *bitReader) tooShort(src []byte) error {
	return &EncodingError{"the whole of a state", fmt.Sprintf("only %d bytes", len(src))}
}

// words reads so many bits into words of 64 bits.
func (b *bitReader) words(words []uint64, width uint) {
	for i := range words {
		words[i] = b.get(min(width, 64))
		width -= min(width, 64)
	}
}

// An unpacker reads what a packer wrote.
type unpacker struct {
	words []uint64
	n     uint
}

// get returns the next bits, at most 32.
func (u *unpacker) get(width uint) uint64 {
	i, off := u.n>>6, u.n&63
	u.n += width
	if width == 0 {
		return 0
	}
	v := u.words[i] >> off
	if off+width > 64 {
		v |= u.words[i+1] << (64 - off)
	}
	return v & (1<<width - 1)
}

// encode appends the identity of s to dst. tuples is scratch of at least words × replicas of the world.
func (l *layout) encode(s *State, dst []byte, tuples []uint64) []byte {
	b := bitWriter{dst: dst}
	l.putHead(&b, s)
	for r := range s.replicas {
		l.pack(s, r, tuples[r*l.words:(r+1)*l.words])
	}
	l.putTuples(&b, tuples)
	return b.finish()
}

// putHead writes what comes before the replicas.
func (l *layout) putHead(b *bitWriter, s *State) {
	for e := range l.world.MaxEpoch {
		l.putWriter(b, s, e)
	}
	l.putAcked(b, s)
}

// putTuples writes the replicas. It sorts their tuples first, under symmetry.
func (l *layout) putTuples(b *bitWriter, tuples []uint64) {
	words := l.words
	if l.world.Symmetry {
		size := l.world.Replicas * words
		for g := range l.world.Groups {
			sortTuples(tuples[g*size:(g+1)*size], words)
		}
	}
	for r := 0; r < len(tuples); r += words {
		left := l.tuple
		for _, word := range tuples[r : r+words] {
			b.put(word, min(left, 64))
			left -= min(left, 64)
		}
	}
}

// putWriter writes the writer of epoch e+1.
func (l *layout) putWriter(b *bitWriter, s *State, e int) {
	if e >= int(s.newest) {
		b.put(uint64(Unborn), phaseBits)
		return
	}
	w := &s.writers[e]
	b.put(uint64(w.phase), phaseBits)
	for g := 0; l.sets > 0 && g < l.world.Groups; g++ {
		b.put(uint64(len(w.made[g])), l.sets)
		b.put(uint64(len(w.sets[g])), l.sets)
	}
	if w.phase < Repairing {
		return
	}
	b.put(uint64(w.base), l.lsn)
	b.put(uint64(w.vcl), l.lsn)
	b.put(uint64(len(w.log)), l.lsn)
	for i := range w.log {
		rec := &w.log[i]
		b.put(uint64(max(rec.Epoch-1, 0))|l.number(entryOf(rec))<<l.recordEpoch, l.recordEpoch+l.record)
	}
}

// putAcked writes a bit for each transaction: whether it is acknowledged.
func (l *layout) putAcked(b *bitWriter, s *State) {
	for t := 1; t <= l.world.Txns; t++ {
		if s.Acked(t) {
			b.put(1, 1)
		} else {
			b.put(0, 1)
		}
	}
}

// A packer fills words from the low bits up.
type packer struct {
	words []uint64
	n     uint
}

func (p *packer) put(v uint64, width uint) {
	i, off := p.n>>6, p.n&63
	p.n += width
	if v == 0 {
		return
	}
	p.words[i] |= v << off
	if off+width > 64 {
		p.words[i+1] |= v >> (64 - off)
	}
}

// pack writes the tuple of replica r.
func (l *layout) pack(s *State, r int, words []uint64) {
	clear(words)
	rep := &s.replicas[r]
	p := packer{words: words}
	p.put(uint64(rep.fence-1), l.recordEpoch)
	p.put(uint64(rep.line-1), l.recordEpoch)
	l.packRow(&p, rep.store)
	for e := range l.world.MaxEpoch {
		p.put(uint64(rep.sclOf(e+1)+1), l.scl)
	}
	if l.world.RecordAcks {
		l.packGot(&p, rep)
	}
	if l.sets > 0 {
		l.packSets(s, &p, r)
	}
	if !l.world.Answers {
		return
	}
	for e := 1; e <= l.world.MaxEpoch; e++ {
		line, ok := s.Told(e, r)
		if !ok {
			p.n += l.epoch + uint(l.world.MaxLSN)*l.epoch
			continue
		}
		p.put(uint64(line), l.epoch)
		l.packRow(&p, s.writers[e-1].told[r])
	}
}

func (l *layout) packRow(p *packer, row []int16) {
	for _, stored := range row {
		p.put(uint64(stored), l.epoch)
	}
	p.n += uint(l.world.MaxLSN-len(row)) * l.epoch
}

// packSets writes in which sets replica r is. Sets are named by their place, so that they are the same for all members.
func (l *layout) packSets(s *State, p *packer, r int) {
	g, i := s.GroupOf(r), r%l.world.Replicas
	for e := 1; e <= l.world.MaxEpoch; e++ {
		for _, m := range []Membership{s.Made(e, g), s.Sets(e, g)} {
			for _, set := range m {
				p.put(uint64(set>>i&1), 1)
			}
			p.n += uint(max(l.world.Members, 1) - len(m))
		}
	}
}

// packGot writes a bit for each record that a replica may have acknowledged by itself.
func (l *layout) packGot(p *packer, rep *replica) {
	for e := 1; e <= l.world.MaxEpoch; e++ {
		for lsn := 1; lsn <= l.world.MaxLSN; lsn++ {
			if rep.gotAt(int32(e), int32(lsn)) {
				p.put(1, 1)
			} else {
				p.put(0, 1)
			}
		}
	}
}

// sortTuples sorts tuples of the given number of words; there are nine at most.
func sortTuples(tuples []uint64, words int) {
	if words == 1 {
		for i := 1; i < len(tuples); i++ {
			v, j := tuples[i], i
			for ; j > 0 && tuples[j-1] > v; j-- {
				tuples[j] = tuples[j-1]
			}
			tuples[j] = v
		}
		return
	}
	n := len(tuples) / words
	at := func(i int) []uint64 { return tuples[i*words : (i+1)*words] }
	for i := 1; i < n; i++ {
		for j := i; j > 0 && greater(at(j-1), at(j)); j-- {
			a, b := at(j-1), at(j)
			for w := range a {
				a[w], b[w] = b[w], a[w]
			}
		}
	}
}

func greater(a, b []uint64) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] > b[i]
		}
	}
	return false
}

// An EncodingError says that bytes are not the encoding of a state of the world.
type EncodingError struct {
	Expected string
	Found    string
}

func (e *EncodingError) Error() string {
	return fmt.Sprintf("volume: not the encoding of a state: expected %s, found %s", e.Expected, e.Found)
}

// decode makes s the state that encode wrote. tuple is scratch for one replica.
func (l *layout) decode(s *State, src []byte, tuple []uint64) error {
	b := bitReader{src: src}
	s.Reset()
	if err := l.decodeHead(s, &b); err != nil {
		return err
	}
	for r := range s.replicas {
		b.words(tuple, l.tuple)
		l.unpack(s, r, tuple)
	}
	if b.short {
		return b.tooShort(src)
	}
	return nil
}

// decodeHead reads what putHead wrote. It leaves the replicas as they are.
func (l *layout) decodeHead(s *State, b *bitReader) error {
	s.resetWriters()
	s.grow(l.world.MaxEpoch)
	for e := int32(1); int(e) <= l.world.MaxEpoch; e++ {
		w := &s.writers[e-1]
		w.phase = Phase(b.get(phaseBits))
		if w.phase != Unborn {
			s.newest = e
			w.made, w.sets = s.first, s.first
			if l.sets > 0 {
				l.countSets(b, w)
			}
		}
		if w.phase < Repairing {
			continue
		}
		w.base, w.vcl = int32(b.get(l.lsn)), int32(b.get(l.lsn))
		for n := int(b.get(l.lsn)); n > 0; n-- {
			epoch := int32(b.get(l.recordEpoch)) + 1
			number := b.get(l.record)
			x := l.parse(int(number))
			if s.bug == cutPerGroup && (x.kind == Hole || epoch < e) {
				rec, err := l.copied(s, e, epoch, number)
				if err != nil {
					return err
				}
				s.push(e, rec)
				continue
			}
			if x.kind == Hole || int(x.t) > l.world.Txns || (x.kind == Commit || x.kind == Undo) && (int(x.t) >= len(w.txns) || !w.txns[x.t].active()) {
				return &EncodingError{"a record of a transaction that is under way", fmt.Sprintf("%s of transaction %d", x.kind, x.t)}
			}
			if x.group < 0 {
				x.group = int32(s.home(w, epoch, x))
			}
			s.push(e, s.record(w, epoch, x))
		}
	}
	for t := 1; t <= l.world.Txns; t++ {
		if b.get(1) == 0 {
			continue
		}
		lsn, _ := s.CommitOf(t)
		if lsn == 0 {
			return &EncodingError{"an acknowledged transaction to have a commit record", fmt.Sprintf("none of transaction %d", t)}
		}
		s.outcomes[t].acked = true
		s.acked = append(s.acked, int32(t))
		s.highest = max(s.highest, int32(lsn))
	}
	return nil
}

// copied returns the record that comes next on the log of e, when it is a hole or the writer of an older epoch wrote it.
// Over holes the log so far does not say what the rest of a record is, but the log of its own writer does.
func (l *layout) copied(s *State, e, epoch int32, number uint64) (Record, error) {
	hole := theHole()
	if number == l.number(entryOf(&hole)) {
		return hole, nil
	}
	own, lsn := &s.writers[epoch-1], s.writers[e-1].next()
	if int(lsn) > len(own.log) || l.number(entryOf(&own.log[lsn-1])) != number {
		return hole, &EncodingError{"a record of the writer that wrote it", fmt.Sprintf("another at LSN %d of epoch %d, on the log of epoch %d", lsn, epoch, e)}
	}
	return own.log[lsn-1], nil
}

// countSets reads how many sets the groups of a writer have, all empty so far.
func (l *layout) countSets(b *bitReader, w *writer) {
	w.made, w.sets = make(geometry, l.world.Groups), make(geometry, l.world.Groups)
	for g := range l.world.Groups {
		for _, geo := range []geometry{w.made, w.sets} {
			if n := min(int(b.get(l.sets)), max(l.world.Members, 1)); n > 0 {
				geo[g] = make(Membership, n)
			}
		}
	}
}

// unpackSets puts replica r into its sets.
func (l *layout) unpackSets(s *State, b *unpacker, r int) {
	g, i := s.GroupOf(r), r%l.world.Replicas
	for e := 1; e <= l.world.MaxEpoch; e++ {
		for _, m := range []Membership{s.Made(e, g), s.Sets(e, g)} {
			for n := range max(l.world.Members, 1) {
				if in := Set(b.get(1)); n < len(m) {
					m[n] |= in << i
				}
			}
		}
	}
}

// unpack makes replica r what pack wrote.
func (l *layout) unpack(s *State, r int, tuple []uint64) {
	rep := &s.replicas[r]
	b := unpacker{words: tuple}
	rep.fence = int32(b.get(l.recordEpoch)) + 1
	rep.line = int32(b.get(l.recordEpoch)) + 1
	rep.store = l.unpackRow(&b, rep.store)
	for e := 1; e <= l.world.MaxEpoch; e++ {
		rep.setSCL(int32(e), int32(b.get(l.scl))-1)
	}
	for e := 1; l.world.RecordAcks && e <= l.world.MaxEpoch; e++ {
		row := rep.gotRow(int32(e), l.world.MaxLSN)
		for i := range row {
			row[i] = b.get(1) == 1
		}
	}
	if l.sets > 0 {
		l.unpackSets(s, &b, r)
	}
	for e := 1; l.world.Answers && e <= l.world.MaxEpoch; e++ {
		w := &s.writers[e-1]
		w.toldLine[r] = int32(b.get(l.epoch))
		w.told[r] = l.unpackRow(&b, w.told[r])
	}
}

func (l *layout) unpackRow(b *unpacker, row []int16) []int16 {
	row = row[:0]
	for range l.world.MaxLSN {
		row = append(row, int16(b.get(l.epoch)))
	}
	return row
}
