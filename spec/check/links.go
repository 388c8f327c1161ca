package check

import (
	"fmt"
	"math"
	"slices"
	"sync/atomic"
)

// links are the predecessors of the states of a set that is complete: of each state the one with the smallest fingerprint among those
// on the level before it. So they do not depend on who comes first. They take 4 bytes for each slot of the set, while a way is
// looked for.
type links struct {
	visited *visited
	before  [shardCount + 1]uint64 // slots of the shards before this one
	parents []uint32               // by slot: the slot of the predecessor and 1; 0 while the state is not reached
	found   []uint32               // a bit for each slot: reached on the level that is being found
}

// A TooManyLinksError says that a violation was found in so large a search that there are no numbers for the links by which the way to
// it would be found.
type TooManyLinksError struct {
	Invariant string
	Slots     uint64 // of the set of states
}

func (e *TooManyLinksError) Error() string {
	return fmt.Sprintf("check: %s does not hold, but the way there is not looked for among states in %s slots; expected %s at most",
		e.Invariant, count(e.Slots), count(math.MaxUint32-1))
}

func newLinks(v *visited, invariant string) (*links, error) {
	l := &links{visited: v}
	for i := range v.shards {
		l.before[i+1] = l.before[i] + uint64(len(v.shards[i].buckets)*v.shards[i].slots)
	}
	n := l.before[shardCount]
	if n >= math.MaxUint32 {
		return nil, &TooManyLinksError{invariant, n}
	}
	l.parents, l.found = words[uint32](int(n)), words[uint32](int(n+31)/32)
	return l, nil
}

func (l *links) free() {
	freeWords(l.parents)
	freeWords(l.found)
}

func (l *links) bytes() int64 { return int64(len(l.parents)+len(l.found)) * 4 }

// slot returns where in the set a state is.
func (l *links) slot(fingerprint uint64) (slot uint32, ok bool) {
	s := l.visited.shard(fingerprint)
	bucket, j, ok := s.find(fingerprint)
	return uint32(l.before[fingerprint>>(64-shardBits)] + bucket*uint64(s.slots) + uint64(j)), ok
}

// fingerprint returns the state that is in a slot.
func (l *links) fingerprint(slot uint32) uint64 {
	number, _ := slices.BinarySearch(l.before[1:], uint64(slot)+1)
	s := &l.visited.shards[number]
	at := uint64(slot) - l.before[number]
	bucket, j := at/uint64(s.slots), int(at%uint64(s.slots))
	return s.fingerprint(number, bucket, s.buckets[bucket].value(j, s.slots))
}

// note notes that a step leads from one state to another. It says whether that one was not reached before.
func (l *links) note(parent, child uint32) bool {
	at, found, bit := &l.parents[child], &l.found[child/32], uint32(1)<<(child%32)
	has := atomic.LoadUint32(at)
	if has == 0 {
		atomic.OrUint32(found, bit) // first: who sees the link must see that it may still change
		if atomic.CompareAndSwapUint32(at, 0, parent+1) {
			return true
		}
		has = atomic.LoadUint32(at)
	}
	if atomic.LoadUint32(found)&bit == 0 {
		return false // of an earlier level
	}
	for l.fingerprint(parent) < l.fingerprint(has-1) && !atomic.CompareAndSwapUint32(at, has, parent+1) {
		has = atomic.LoadUint32(at)
	}
	return false
}

// settle fixes the links of the level that was found. No other goroutine uses them meanwhile.
func (l *links) settle() { clear(l.found) }
