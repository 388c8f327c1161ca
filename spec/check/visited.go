package check

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// visited is the set of the states found, by fingerprint: 7 to 8 bytes a state when it is large.
//
// It is a quotient hash table: the place of a state in the table is a part of its fingerprint, so that only the rest is
// stored, with how far from its place the state had to go. All 64 bits of a fingerprint can be told from where it is and what is
// stored there, and each does so: two states are taken for one only if all 64 are the same. No predecessors are kept; see links.
//
// Workers insert at the same time; only growing stops them. What has been written into a bucket never changes, so that a state
// which is there, as most are that are looked for, is found by reading alone. A bucket is claimed for the few instructions in which
// a state is written.
//
// The set has shards, by the highest bits of the fingerprint, and only a full shard grows, by little: the old and the new table
// of a shard are in memory together for a moment, and for a table of everything that would be more than all that the search
// needs otherwise.
type visited struct {
	mu     sync.RWMutex // for reading while inserting, for writing while growing
	shards [shardCount]shard
}

// A shard is open addressing over buckets, which are cache lines. A fingerprint's home is its place among all
// fingerprints, so that the table can have any size and grows from one end to the other. A state whose home is full tries the bucket behind
// that, and then others all over the shard: with those that come next alone, full buckets would clot, and some states be far from home.
type shard struct {
	buckets []bucket
	slots   int    // of a bucket
	tries   uint   // bits of a value that say at which try the state found room
	step    uint64 // fingerprints, without the bits of the shard, from one home to the next
	most    int64  // states before it must grow
	_       [8]byte
	count   atomic.Int64 // on a cache line of its own: everyone reads the line above
	_       [56]byte
}

// A bucket holds the values of states: how far a fingerprint is behind the first one with the same home, and in the lowest bits at which
// try it found room. Large shards have many homes, so that 48 bits are enough, and ten values fit. Those of small shards have
// 56 bits, and a bucket has eight: the highest 8 bits of each are where the last two of ten would be.
type bucket struct {
	low     [manySlots]uint32
	middle  [manySlots]uint16
	control uint32 // how many slots are taken, and busy while one is being written
}

const (
	shardBits    = 6
	shardCount   = 1 << shardBits
	bucketBytes  = 64
	firstBuckets = 1 << 6 // so that 52 bits of 56 are enough to tell those of one home apart

	fewSlots    = 8
	manySlots   = 10
	manyBuckets = 1 << 14 // from which 44 bits of 48 are enough
	mostTries   = 6       // bits

	busy = 1 << 31
)

func newVisited() *visited {
	v := &visited{}
	for i := range v.shards {
		v.shards[i].use(words[bucket](firstBuckets))
	}
	return v
}

// free gives the memory back. The set is empty and of no use then.
func (v *visited) free() {
	for i := range v.shards {
		freeWords(v.shards[i].buckets)
		v.shards[i].buckets = nil
	}
}

func (v *visited) count() uint64 {
	n := int64(0)
	for i := range v.shards {
		n += v.shards[i].count.Load()
	}
	return uint64(n)
}

// bytes returns the memory that the set takes. The caller holds mu.
func (v *visited) bytes() int64 {
	n := 0
	for i := range v.shards {
		n += len(v.shards[i].buckets)
	}
	return int64(n) * bucketBytes
}

func (v *visited) shard(fingerprint uint64) *shard { return &v.shards[fingerprint>>(64-shardBits)] }

func (s *shard) use(b []bucket) {
	n := uint64(len(b))
	s.buckets, s.slots, s.most = b, fewSlots, int64(n)*fewSlots/8*7
	width := 56
	if n >= manyBuckets {
		s.slots, s.most, width = manySlots, int64(n)*manySlots/10*9, 48
	}
	// What is behind the first of a home is less than 2^58/n + n, since steps are rounded down and the first ones come too early: less than
	// the power of two that is at least 2^58/n, since the smallest shards are powers of two.
	behind := 64 - shardBits - (bits.Len64(n) - 1)
	s.tries = uint(min(width-behind, mostTries))
	s.step = (-n/n + 1) &^ (1<<shardBits - 1) // of 2^64/n, so many whole units in which values are counted
}

// place returns the bucket at which looking for a state begins, and what is stored of it there.
func (s *shard) place(fingerprint uint64) (home, value uint64) {
	rest := fingerprint << shardBits
	home, _ = bits.Mul64(rest, uint64(len(s.buckets)))
	return home, (rest - home*s.step) >> shardBits << s.tries
}

// next returns the bucket of the next try: that of this value, which counts the tries.
func (s *shard) next(home, value uint64) uint64 {
	bucket := home + s.offset(value)
	if n := uint64(len(s.buckets)); bucket >= n {
		bucket -= n
	}
	return bucket
}

// offset returns how many buckets behind its home a value is.
func (s *shard) offset(value uint64) uint64 {
	switch value & (1<<s.tries - 1) {
	case 0:
		return 0
	case 1:
		return 1 // which is near in memory, too
	default:
		high, _ := bits.Mul64(value*0x9e3779b97f4a7c15, uint64(len(s.buckets)))
		return high
	}
}

// fingerprint returns what has this value in this bucket of the shard of this number.
func (s *shard) fingerprint(number int, bucket, value uint64) uint64 {
	home := bucket - s.offset(value)
	if home > bucket {
		home += uint64(len(s.buckets))
	}
	rest := home*s.step + value>>s.tries<<shardBits
	return uint64(number)<<(64-shardBits) | rest>>shardBits
}

// last returns the value of the last try.
func (s *shard) last(value uint64) uint64 { return value | (1<<s.tries - 1) }

// slot returns the one of the first n slots that has the value, -1 if none has.
func (b *bucket) slot(value uint64, n, slots int) int {
	low := uint32(value)
	for j := range min(n, manySlots) {
		if b.low[j] == low && b.middle[j] == uint16(value>>32) && (slots == manySlots || b.high(j) == uint8(value>>48)) {
			return j
		}
	}
	return -1
}

// high returns the highest 8 bits of a value where a bucket has few of them. Four values share a word, and one may be being written.
func (b *bucket) high(slot int) uint8 {
	return uint8(atomic.LoadUint32(&b.low[fewSlots+slot>>2&1]) >> (slot & 3 * 8))
}

// put writes a value into a slot that is claimed, or that no other goroutine can see.
func (b *bucket) put(slot int, value uint64, slots int) {
	b.low[slot], b.middle[slot] = uint32(value), uint16(value>>32)
	if slots == fewSlots {
		at := &b.low[fewSlots+slot>>2&1]
		atomic.StoreUint32(at, *at|uint32(value>>48)<<(slot&3*8))
	}
}

// value returns what put wrote.
func (b *bucket) value(slot, slots int) uint64 {
	v := uint64(b.middle[slot])<<32 | uint64(b.low[slot])
	if slots == fewSlots {
		v |= uint64(b.high(slot)) << 48
	}
	return v
}

type insertion uint8

const (
	known insertion = iota
	added
	full // nothing was done; grow the shard, and insert again
)

// insert adds a state, unless it is there. The caller holds mu for reading.
func (v *visited) insert(fingerprint uint64) insertion {
	s := v.shard(fingerprint)
	home, value := s.place(fingerprint)
	at := home
	for last := s.last(value); ; at = s.next(home, value) {
		b := &s.buckets[at]
		for {
			control := atomic.LoadUint32(&b.control)
			n := int(control &^ busy)
			if b.slot(value, n, s.slots) >= 0 {
				return known
			}
			if n == s.slots {
				break
			}
			if control&busy != 0 {
				runtime.Gosched() // the other one has only a few instructions to go, or was interrupted
				continue
			}
			if s.count.Load() >= s.most {
				return full
			}
			if atomic.CompareAndSwapUint32(&b.control, control, control|busy) { // and then no other state has come since slot looked
				b.put(n, value, s.slots)
				atomic.StoreUint32(&b.control, control+1)
				s.count.Add(1)
				return added
			}
		}
		if value == last {
			return full // though not of states: all buckets that it tried are
		}
		value++
	}
}

// find returns the bucket and the slot of a state, and whether it is there. The caller holds mu.
func (s *shard) find(fingerprint uint64) (bucket uint64, slot int, ok bool) {
	home, value := s.place(fingerprint)
	at := home
	for last := s.last(value); ; at = s.next(home, value) {
		b := &s.buckets[at]
		n := int(atomic.LoadUint32(&b.control) &^ busy)
		if j := b.slot(value, n, s.slots); j >= 0 {
			return at, j, true
		}
		if n < s.slots || value == last {
			return 0, 0, false
		}
		value++
	}
}

// has says whether a state is there. The caller holds mu.
func (v *visited) has(fingerprint uint64) bool {
	_, _, ok := v.shard(fingerprint).find(fingerprint)
	return ok
}

// grown returns how many buckets the shard has once it has grown. The larger it is, the smaller the step: what is free in
// a large set costs more than to move its states once more.
func (s *shard) grown() int {
	switch n := len(s.buckets); {
	case n < 1<<9:
		return 2 * n
	case n < 1<<12:
		return n + n/4
	default:
		return n + n/10
	}
}

// crowded returns the shards that grow when the one given is full: that one, and while shards are small, all that are
// nearly full. They fill at the same pace, and to stop the workers for each of them would cost more than the growing.
func (v *visited) crowded(full *shard) []*shard {
	if len(full.buckets) >= manyBuckets {
		return []*shard{full}
	}
	var all []*shard
	for i := range v.shards {
		if s := &v.shards[i]; s == full || len(s.buckets) < manyBuckets && s.count.Load() >= s.most/8*7 {
			all = append(all, s)
		}
	}
	return all
}

// grow makes room. The caller holds mu of the set for writing.
func (s *shard) grow() {
	old := shard{buckets: s.buckets, slots: s.slots, tries: s.tries, step: s.step}
	for n := s.grown(); ; n += n / 4 {
		s.use(words[bucket](n))
		if s.moveFrom(&old) {
			break
		}
		freeWords(s.buckets)
	}
	freeWords(old.buckets)
}

// moveFrom adds the states of another table of the shard, and says whether there was room for each where it tried.
func (s *shard) moveFrom(old *shard) bool {
	for i := range old.buckets {
		b := &old.buckets[i]
		for j := range int(b.control) {
			if !s.add(old.fingerprint(0, uint64(i), b.value(j, old.slots))) {
				return false
			}
		}
	}
	return true
}

// add adds a state that is not there yet to a table that no other goroutine uses, but does not count it. It says whether there was
// room where it tried.
func (s *shard) add(fingerprint uint64) bool {
	home, value := s.place(fingerprint)
	at := home
	for last := s.last(value); ; at = s.next(home, value) {
		b := &s.buckets[at]
		if n := int(b.control); n < s.slots {
			b.put(n, value, s.slots)
			b.control++
			return true
		}
		if value == last {
			return false
		}
		value++
	}
}

// restore adds a state to a set that no other goroutine uses, and says whether it was not there yet.
func (v *visited) restore(fingerprint uint64) bool {
	s := v.shard(fingerprint)
	if _, _, ok := s.find(fingerprint); ok {
		return false
	}
	for s.count.Load() >= s.most || !s.add(fingerprint) {
		s.grow()
	}
	s.count.Add(1)
	return true
}

// each calls do with every state of a set that no other goroutine uses, until it returns an error.
func (v *visited) each(do func(fingerprint uint64) error) error {
	for number := range v.shards {
		s := &v.shards[number]
		for i := range s.buckets {
			b := &s.buckets[i]
			for j := range int(b.control) {
				if err := do(s.fingerprint(number, uint64(i), b.value(j, s.slots))); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
