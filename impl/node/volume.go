package node

import (
	"fmt"
	"math"
)

// A Volume is what every node knows of the volume from the start: who is there, and what counts as written.
type Volume struct {
	WriteQuorum int    // copies, in each group, that make a record count as written
	ReadQuorum  int    // answers, in each group, that a recovery needs
	PageSize    int    // bytes of a page's image at most; 0 is page.DefaultSize
	Segments    [][]ID // by group, then replica: all that are provisioned, the spares of each group last
	Spares      int    // segments of each group that are no member at first
	InUse       int    // groups in use from the start; 0 is all
	GroupPages  int    // pages that each group brings; 0 is no limit, and then all groups are in use from the start
	Zones       []int  // by replica number: the availability zone that it is in; nil when they are not told apart
	Tails       []bool // by replica number: it keeps the log and no pages; nil when all are full
	Register    ID     // the control plane's epoch register
	Readers     []ID   // the read replicas, at most MaxReaders
	Objects     ID     // the object store that the volume is backed up to; 0: it is not backed up
	Window      int    // LSNs in one log object of the backup; 0 is backup.DefaultWindow
}

// Groups returns the number of protection groups.
func (v *Volume) Groups() int { return len(v.Segments) }

// Replicas returns the number of segments in each group.
func (v *Volume) Replicas() int { return len(v.Segments[0]) }

// FirstMembership is that of a group that never changed its members.
func (v *Volume) FirstMembership() Membership {
	return Membership{Epoch: 1, Sets: []Replicas{1<<(v.Replicas()-v.Spares) - 1}}
}

// Quorums returns what counts as written and as read in each group.
func (v *Volume) Quorums() Quorums {
	q := Quorums{Write: v.WriteQuorum, Read: v.ReadQuorum}
	for r := range v.Replicas() {
		if r < len(v.Tails) && v.Tails[r] {
			q.Tails = true
		} else {
			q.Fulls = q.Fulls.With(r)
		}
	}
	return q
}

// inUse returns how many groups are in use from the start.
func (v *Volume) inUse() int {
	if v.InUse == 0 {
		return len(v.Segments)
	}
	return v.InUse
}

// unlimited is the capacity of a volume without a limit, far above what any run allocates.
const unlimited PageID = 1 << 30

// capacity returns how many pages so many groups have.
func (v *Volume) capacity(groups int) PageID {
	if v.GroupPages == 0 {
		return unlimited
	}
	return PageID(groups * v.GroupPages)
}

// GroupOf returns the group that stores page p, now or once the volume has grown so far: growth moves no page. It is
// what Geometry.GroupOf says of every geometry that has the page, and a number above all groups' for a page that none has.
func (v *Volume) GroupOf(p PageID) Group {
	n := v.inUse()
	if v.GroupPages == 0 || p < v.capacity(n) {
		return Group(int(p) % n)
	}
	return Group(min(int(p)/v.GroupPages, math.MaxUint16))
}

// Find returns the group and the replica number of the segment with that address.
func (v *Volume) Find(id ID) (g Group, replica int, ok bool) {
	for g, members := range v.Segments {
		for r, m := range members {
			if m == id {
				return Group(g), r, true
			}
		}
	}
	return 0, 0, false
}

// Validate refuses a volume that no node could run. Quorums that do not overlap are allowed: showing what they
// lose is what this project is for.
func (v *Volume) Validate() error {
	if len(v.Segments) == 0 {
		return fmt.Errorf("volume: no protection group")
	}
	n := len(v.Segments[0])
	seen := map[ID]bool{0: true, v.Register: true, v.Objects: true}
	if v.Register == 0 {
		return fmt.Errorf("volume: no epoch register")
	}
	if v.Objects != 0 && v.Objects == v.Register {
		return fmt.Errorf("volume: address %d is the epoch register's and the object store's", v.Objects)
	}
	if v.Window < 0 {
		return fmt.Errorf("volume: %d LSNs in one log object of the backup, want at least 1, or 0 for the default", v.Window)
	}
	if n < 1 || n > MaxReplicas {
		return fmt.Errorf("volume: %d segments in each group, want 1 to %d", n, MaxReplicas)
	}
	if v.Spares < 0 || v.Spares >= n {
		return fmt.Errorf("volume: %d spares of %d segments in each group, want 0 to %d", v.Spares, n, n-1)
	}
	if v.InUse < 0 || v.InUse > len(v.Segments) {
		return fmt.Errorf("volume: %d groups in use from the start, want 1 to %d, or 0 for all", v.InUse, len(v.Segments))
	}
	if v.GroupPages < 0 || v.GroupPages > 1<<20 || v.GroupPages == 0 && v.inUse() < len(v.Segments) {
		return fmt.Errorf("volume: %d pages in each group, want 1 to %d, or 0 for no limit when all groups are in use", v.GroupPages, 1<<20)
	}
	if len(v.Zones) != 0 && len(v.Zones) != n {
		return fmt.Errorf("volume: zones of %d segments, each group has %d", len(v.Zones), n)
	}
	if err := v.validateTails(n - v.Spares); err != nil {
		return err
	}
	for g, members := range v.Segments {
		if len(members) != n {
			return fmt.Errorf("volume: group %d has %d segments, group 0 has %d", g, len(members), n)
		}
		for _, id := range members {
			if seen[id] {
				return fmt.Errorf("volume: address %d of group %d is used twice, or zero", id, g)
			}
			seen[id] = true
		}
	}
	if v.WriteQuorum < 1 || v.WriteQuorum > n-v.Spares {
		return fmt.Errorf("volume: write quorum %d, want 1 to %d", v.WriteQuorum, n-v.Spares)
	}
	if len(v.Readers) > MaxReaders {
		return fmt.Errorf("volume: %d readers, want at most %d", len(v.Readers), MaxReaders)
	}
	for _, id := range v.Readers {
		if seen[id] {
			return fmt.Errorf("volume: address %d of a reader is used twice, or zero", id)
		}
		seen[id] = true
	}
	if v.ReadQuorum < 1 || v.ReadQuorum > n-v.Spares {
		return fmt.Errorf("volume: read quorum %d, want 1 to %d", v.ReadQuorum, n-v.Spares)
	}
	return nil
}

// validateTails refuses tails without which a group could not serve a page.
func (v *Volume) validateTails(members int) error {
	if len(v.Tails) > v.Replicas() {
		return fmt.Errorf("volume: tails of %d segments, each group has %d", len(v.Tails), v.Replicas())
	}
	fulls := v.Quorums().Fulls & v.FirstMembership().Members()
	if fulls == 0 {
		return fmt.Errorf("volume: none of the %d segments that count keeps pages", members)
	}
	return nil
}
