package check

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
)

// visited is the set of the states found, by fingerprint, each with a link to a predecessor: 12 bytes a state.
//
// Workers insert at the same time without locks; only growing stops them. Which predecessor is kept must not
// depend on who comes first, or else counterexamples would differ from run to run: while a level is being
// found, a state keeps the smallest of its predecessors. Predecessors that come later would not be on a
// shortest path, so a state settles when it is expanded: then its own level is complete.
//
// The set has shards, by the highest bits of the fingerprint, and only a full shard grows, by a quarter: the old
// and the new table of a shard are in memory together for a moment, and for a table of everything that would
// be more than all that the search needs otherwise.
type visited struct {
	mu     sync.RWMutex // for reading while inserting, for writing while growing
	shards [shardCount]shard
}

// A shard is open addressing over buckets, which are cache lines. A fingerprint's home is its place among all
// fingerprints, so that the table can have any size and grows from one end to the other.
type shard struct {
	buckets []bucket
	most    int64 // states before it must grow
	_       [32]byte
	count   atomic.Int64 // on a cache line of its own: everyone reads the line above
	_       [56]byte
}

type bucket struct {
	fingerprints [bucketStates]uint64 // 0 when free, and then so are those after it
	links        [bucketStates]uint32
	_            uint32
}

const (
	shardBits    = 6
	shardCount   = 1 << shardBits
	bucketStates = 5
	bucketBytes  = 64
	firstBuckets = 64

	// A link is the highest linkBits of the predecessor's fingerprint, and a tag. Those bits nearly always name one state;
	// where they name several, a trace tries them all.
	linkBits = 30
	linkMask = 1<<linkBits - 1
	tagMask  = 3 << linkBits
	settled  = 3 << linkBits
)

// fresh is the tag of a state that is found in the given level. Two levels are told apart, the one that is being
// expanded and the one that is being found; all states before them have settled.
func fresh(level int64) uint32 { return uint32(1+level&1) << linkBits }

// linkTo returns the bits that name a predecessor.
func linkTo(fingerprint uint64) uint32 { return uint32(fingerprint >> (64 - linkBits)) }

func newVisited() *visited {
	v := &visited{}
	for i := range v.shards {
		v.shards[i].use(newBuckets(firstBuckets))
	}
	return v
}

// free gives the memory back. The set is empty and of no use then.
func (v *visited) free() {
	for i := range v.shards {
		freeBuckets(v.shards[i].buckets)
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

func (s *shard) use(b []bucket) { s.buckets, s.most = b, int64(len(b))*bucketStates/8*7 }

// home returns the bucket at which looking for a state begins.
func (s *shard) home(fingerprint uint64) uint64 {
	high, _ := bits.Mul64(fingerprint<<shardBits, uint64(len(s.buckets)))
	return high
}

func (s *shard) after(bucket uint64) uint64 {
	if bucket++; bucket < uint64(len(s.buckets)) {
		return bucket
	}
	return 0
}

type insertion uint8

const (
	known insertion = iota
	added
	full // nothing was done; grow the shard, and insert again
)

// insert adds a state that was reached from parent, or notes parent as another predecessor of a state of the
// level that is being found, whose tag is given. The caller holds mu for reading.
func (v *visited) insert(fingerprint, parent uint64, tag uint32) insertion {
	s := v.shard(fingerprint)
	link := linkTo(parent) | tag
	for i := s.home(fingerprint); ; i = s.after(i) {
		b := &s.buckets[i]
		for j := range b.fingerprints {
			found := atomic.LoadUint64(&b.fingerprints[j])
			if found == 0 {
				if s.count.Load() >= s.most {
					return full
				}
				if atomic.CompareAndSwapUint64(&b.fingerprints[j], 0, fingerprint) {
					s.count.Add(1)
					keepSmallest(&b.links[j], link)
					return added
				}
				found = atomic.LoadUint64(&b.fingerprints[j])
			}
			if found == fingerprint {
				keepSmallest(&b.links[j], link)
				return known
			}
		}
	}
}

// keepSmallest keeps the smallest predecessor of a state that is being found; a link is 0 until it is first written.
func keepSmallest(at *uint32, link uint32) {
	for {
		has := atomic.LoadUint32(at)
		if has != 0 && (has&tagMask != link&tagMask || has <= link) {
			return
		}
		if atomic.CompareAndSwapUint32(at, has, link) {
			return
		}
	}
}

// find returns the link of a state, nil when it is not there. The caller holds mu.
func (v *visited) find(fingerprint uint64) *uint32 {
	s := v.shard(fingerprint)
	for i := s.home(fingerprint); ; i = s.after(i) {
		b := &s.buckets[i]
		for j := range b.fingerprints {
			switch atomic.LoadUint64(&b.fingerprints[j]) {
			case fingerprint:
				return &b.links[j]
			case 0:
				return nil
			}
		}
	}
}

// settle fixes the predecessor of a state for good, and says whether it was not fixed yet. No two workers settle the same
// state at a time; others may note predecessors of it meanwhile, which no longer changes its link. The caller holds mu for
// reading.
func (v *visited) settle(fingerprint uint64) bool {
	link := v.find(fingerprint)
	if link == nil {
		return false
	}
	has := atomic.LoadUint32(link)
	atomic.StoreUint32(link, has|settled)
	return has&tagMask != settled
}

// settleOnce is settle for states that several workers may settle at a time: one of them is told true.
func (v *visited) settleOnce(fingerprint uint64) bool {
	link := v.find(fingerprint)
	return link != nil && atomic.OrUint32(link, settled)&tagMask != settled
}

// named appends to dst the states that a link names, the smallest first.
func (v *visited) named(dst []uint64, link uint32) []uint64 {
	from := uint64(link&linkMask) << (64 - linkBits)
	s := v.shard(from)
	last := s.home(from | 1<<(64-linkBits) - 1)
	begin := len(dst)
	beyond := false // the home of the largest that the link can name
	for i := s.home(from); ; i = s.after(i) {
		b := &s.buckets[i]
		beyond = beyond || i == last
		for _, f := range b.fingerprints {
			if f == 0 {
				if beyond {
					slices.Sort(dst[begin:])
					return dst
				}
				break
			}
			if linkTo(f) == link&linkMask {
				dst = append(dst, f)
			}
		}
	}
}

// grown returns how many buckets the shard has once it has grown.
func (s *shard) grown() int {
	switch n := len(s.buckets); {
	case n < 1<<12:
		return 4 * n
	case n < 1<<14:
		return 2 * n
	default:
		return n + n/4
	}
}

// crowded returns the shards that grow when the one given is full: that one, and while shards are small, all that are
// nearly full. They fill at the same pace, and to stop the workers for each of them would cost more than the growing.
func (v *visited) crowded(full *shard) []*shard {
	const small = 1 << 14
	if len(full.buckets) >= small {
		return []*shard{full}
	}
	var all []*shard
	for i := range v.shards {
		if s := &v.shards[i]; s == full || len(s.buckets) < small && s.count.Load() >= s.most/8*7 {
			all = append(all, s)
		}
	}
	return all
}

// grow makes room. The caller holds mu of the set for writing.
func (s *shard) grow() {
	old := s.buckets
	s.use(newBuckets(s.grown()))
	for i := range old {
		for j, f := range old[i].fingerprints {
			if f == 0 {
				break
			}
			s.put(f, old[i].links[j])
		}
	}
	freeBuckets(old)
}

// put adds a state that is not there yet, with its link, but does not count it.
func (s *shard) put(fingerprint uint64, link uint32) {
	for i := s.home(fingerprint); ; i = s.after(i) {
		b := &s.buckets[i]
		for j := range b.fingerprints {
			if b.fingerprints[j] == 0 {
				b.fingerprints[j], b.links[j] = fingerprint, link
				return
			}
		}
	}
}

// restore adds a state to a set that no other goroutine uses, and says whether it was not there yet.
func (v *visited) restore(fingerprint uint64, link uint32) bool {
	if v.find(fingerprint) != nil {
		return false
	}
	s := v.shard(fingerprint)
	if s.count.Load() >= s.most {
		s.grow()
	}
	s.put(fingerprint, link)
	s.count.Add(1)
	return true
}

// each calls do with every state of a set that no other goroutine uses, until it returns an error.
func (v *visited) each(do func(fingerprint uint64, link uint32) error) error {
	for i := range v.shards {
		for j := range v.shards[i].buckets {
			b := &v.shards[i].buckets[j]
			for k, f := range b.fingerprints {
				if f == 0 {
					break
				}
				if err := do(f, b.links[k]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
