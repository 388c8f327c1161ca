package check

import (
	"sync"
	"sync/atomic"
)

// visited is the set of the states found, by fingerprint, each with the fingerprint of a predecessor.
//
// Workers insert at the same time without locks; only growing stops them. Which predecessor is kept must not
// depend on who comes first, or else counterexamples would differ from run to run: while a level is being
// found, a state keeps the smallest of its predecessors' fingerprints, and settle ends that when the level is
// complete, for predecessors that come later would not be on a shortest path.
type visited struct {
	mu    sync.RWMutex // for reading while inserting, for writing while growing
	slots []slot       // open addressing, a power of two
	count atomic.Uint64
}

type slot struct {
	fingerprint uint64 // 0 when free
	parent      uint64 // the predecessor's fingerprint without its lowest bit; fresh until settled
}

const (
	fresh      = 1 << 63
	firstSlots = 1 << 14
	slotBytes  = 16
)

func newVisited() *visited { return &visited{slots: make([]slot, firstSlots)} }

// capacity returns how many states fit before the set must grow.
func (v *visited) capacity() uint64 { return uint64(len(v.slots)) / 4 * 3 }

type insertion uint8

const (
	known insertion = iota
	added
	full // nothing was done; grow, and insert again
)

// insert adds a state that was reached from parent, or notes parent as another predecessor of a state that
// has not settled. The caller holds mu for reading.
func (v *visited) insert(fingerprint, parent uint64) insertion {
	mask := uint64(len(v.slots) - 1)
	for i := fingerprint & mask; ; i = (i + 1) & mask {
		s := &v.slots[i]
		found := atomic.LoadUint64(&s.fingerprint)
		if found == 0 {
			if v.count.Load() >= v.capacity() {
				return full
			}
			if atomic.CompareAndSwapUint64(&s.fingerprint, 0, fingerprint) {
				v.count.Add(1)
				s.link(parent)
				return added
			}
			found = atomic.LoadUint64(&s.fingerprint)
		}
		if found == fingerprint {
			s.link(parent)
			return known
		}
	}
}

// link keeps the smallest predecessor, unless the state has settled.
func (s *slot) link(parent uint64) {
	mine := parent>>1 | fresh
	for {
		has := atomic.LoadUint64(&s.parent)
		if has != 0 && (has&fresh == 0 || has <= mine) {
			return
		}
		if atomic.CompareAndSwapUint64(&s.parent, has, mine) {
			return
		}
	}
}

// find returns the slot of a state whose fingerprint agrees with the one given but for the bits that ignore masks.
func (v *visited) find(fingerprint, ignore uint64) *slot {
	mask := uint64(len(v.slots) - 1)
	for low := range ignore + 1 {
		want := fingerprint&^ignore | low
		for i := want & mask; v.slots[i].fingerprint != 0; i = (i + 1) & mask {
			if v.slots[i].fingerprint == want {
				return &v.slots[i]
			}
		}
	}
	return nil
}

// settle fixes the predecessor of a state for good. Different states may settle at the same time.
func (v *visited) settle(fingerprint uint64) {
	if s := v.find(fingerprint, 0); s != nil {
		s.parent &^= fresh
	}
}

// parentOf returns the fingerprint of the predecessor that a settled state has kept; 0 when it is not there.
func (v *visited) parentOf(fingerprint uint64) uint64 {
	s := v.find(fingerprint, 0)
	if s == nil {
		return 0
	}
	if s = v.find(s.parent&^fresh<<1, 1); s == nil {
		return 0
	}
	return s.fingerprint
}

// grown returns how many slots the set has once it has grown.
func (v *visited) grown() int {
	if len(v.slots) < 1<<22 {
		return len(v.slots) * 4
	}
	return len(v.slots) * 2
}

// grow makes room. The caller holds mu for writing.
func (v *visited) grow() {
	old := v.slots
	v.slots = make([]slot, v.grown())
	mask := uint64(len(v.slots) - 1)
	for _, s := range old {
		if s.fingerprint == 0 {
			continue
		}
		i := s.fingerprint & mask
		for v.slots[i].fingerprint != 0 {
			i = (i + 1) & mask
		}
		v.slots[i] = s
	}
}
