package node

import "fmt"

// A Volume is what every node knows of the volume from the start: who is there, and what counts as written.
type Volume struct {
	WriteQuorum int    // copies, in each group, that make a record count as written
	ReadQuorum  int    // answers, in each group, that a recovery needs
	Pages       int    // pages of the volume; page p is in group p mod groups
	PageSize    int    // bytes of a page's image at most; 0 is page.DefaultSize
	Segments    [][]ID // by group, then replica: all that are provisioned, the spares of each group last
	Spares      int    // segments of each group that are no member at first
	InUse       int    // groups in use from the start; 0 is all
	Tails       []bool // by replica number: it keeps the log and no pages; nil when all are full
	Register    ID     // the control plane's epoch register
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

// GroupOf returns the group that stores page p.
func (v *Volume) GroupOf(p PageID) Group { return Group(int(p) % len(v.Segments)) }

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
	seen := map[ID]bool{0: true, v.Register: true}
	if v.Register == 0 {
		return fmt.Errorf("volume: no epoch register")
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
	if v.WriteQuorum < 1 || v.WriteQuorum > n {
		return fmt.Errorf("volume: write quorum %d, want 1 to %d", v.WriteQuorum, n)
	}
	if v.ReadQuorum < 1 || v.ReadQuorum > n {
		return fmt.Errorf("volume: read quorum %d, want 1 to %d", v.ReadQuorum, n)
	}
	if v.Pages < 1 {
		return fmt.Errorf("volume: %d pages, want at least 1", v.Pages)
	}
	return nil
}
