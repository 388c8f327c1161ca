package node

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// A Stripe places pages on groups: page p, from From on up to where the next stripe begins, is in group
// First + (p−From) mod Count.
type Stripe struct {
	From  PageID
	First Group
	Count int
}

// A Geometry says where every page of a volume is, and which segments of each group count. It is durable in the register,
// beside the epoch, and changes by compare-and-swap on both: only the writer of the newest epoch changes it, one version
// at a time, and a new writer learns it with its epoch. So a writer that is replaced knows the geometry that its successor
// learns, or the one before it, and only two neighbouring versions ever have to be safe beside each other. Were a writer
// told later than it won its epoch, the one before could change it once more in between, and two versions that are no
// neighbours would meet: {ABCDEF} and {ABCDEG} have the 10 disjoint pairs of a direct swap (SIGMOD 2018 §4.1).
//
// A Geometry is never changed; what changes it returns a new one.
type Geometry struct {
	Version  uint64       // counts the changes, from 1 on
	Groups   []Membership // of the groups in use
	Stripes  []Stripe     // by From, ascending
	Capacity PageID       // the first page that is in no group
}

// FirstGeometry is that of a volume that never changed.
func (v *Volume) FirstGeometry() Geometry {
	n := v.inUse()
	g := Geometry{Version: 1, Stripes: []Stripe{{Count: n}}, Capacity: v.capacity(n)}
	for range n {
		g.Groups = append(g.Groups, v.FirstMembership())
	}
	return g
}

// GroupOf returns the group of page p. It panics for a page that no group has: its caller has allocated the page.
func (g *Geometry) GroupOf(p PageID) Group {
	for i := len(g.Stripes) - 1; i >= 0; i-- {
		if s := g.Stripes[i]; s.From <= p && p < g.Capacity {
			return s.First + Group(int(p-s.From)%s.Count)
		}
	}
	panic(fmt.Sprintf("page %d is in no group: %d pages in %d groups", p, g.Capacity, len(g.Groups)))
}

// Has tells whether page p is in some group.
func (g *Geometry) Has(p PageID) bool { return p < g.Capacity }

// Changing returns the geometry in which a group goes by another membership.
func (g Geometry) Changing(group Group, m Membership) Geometry {
	g.Version++
	g.Groups = slices.Clone(g.Groups)
	g.Groups[group] = m
	return g
}

// Growing returns the geometry with one more group of v in use, which brings v.GroupPages pages.
func (g Geometry) Growing(v *Volume) Geometry {
	g.Version++
	first := Group(len(g.Groups))
	g.Groups = append(slices.Clone(g.Groups), v.FirstMembership())
	g.Stripes = append(slices.Clone(g.Stripes), Stripe{From: g.Capacity, First: first, Count: 1})
	g.Capacity = v.capacity(len(g.Groups))
	return g
}

// A GeometryError says why one geometry may not follow another.
type GeometryError struct {
	From, To uint64 // versions
	Why      string
}

func (e *GeometryError) Error() string {
	return fmt.Sprintf("geometry of version %d after version %d: %s", e.To, e.From, e.Why)
}

// Follows returns a *GeometryError unless g is one safe step after old: one version on, and in it one group more, or one
// group with another membership that is one replacement begun, finished or taken back. Whether a replacement that is
// finished may be finished only its writer knows; all else the register refuses, so that a writer that errs cannot make
// two memberships meet whose quorums miss each other.
func (g *Geometry) Follows(old *Geometry, v *Volume) error {
	fail := func(format string, args ...any) error {
		return &GeometryError{From: old.Version, To: g.Version, Why: fmt.Sprintf(format, args...)}
	}
	if g.Version != old.Version+1 {
		return fail("expected version %d", old.Version+1)
	}
	if len(g.Groups) > len(old.Groups) {
		if len(g.Groups) > v.Groups() {
			return fail("%d groups of %d provisioned", len(g.Groups), v.Groups())
		}
		if want := old.Growing(v); !g.Equal(&want) {
			return fail("it grows, and not by the next group alone")
		}
		return nil
	}
	group := -1
	for i := range old.Groups {
		if i >= len(g.Groups) || !g.Groups[i].Equal(old.Groups[i]) {
			group = i
			break
		}
	}
	if group < 0 || group >= len(g.Groups) {
		return fail("nothing changes, or a group goes")
	}
	if want := old.Changing(Group(group), g.Groups[group]); !g.Equal(&want) {
		return fail("more changes than the membership of group %d", group)
	}
	if !g.Groups[group].follows(old.Groups[group], v.Replicas()) {
		return fail("group %d: %v after %v is no replacement begun, finished or taken back", group, g.Groups[group], old.Groups[group])
	}
	return nil
}

// ChangedGroup returns the group by which g differs from the geometry before it, and whether it is a new one.
func (g *Geometry) ChangedGroup(old *Geometry) (group Group, grown bool) {
	for i := range old.Groups {
		if !g.Groups[i].Equal(old.Groups[i]) {
			return Group(i), false
		}
	}
	return Group(len(old.Groups)), len(g.Groups) > len(old.Groups)
}

// Equal tells whether both say the same.
func (g *Geometry) Equal(o *Geometry) bool {
	return g.Version == o.Version && g.Capacity == o.Capacity && slices.Equal(g.Stripes, o.Stripes) &&
		slices.EqualFunc(g.Groups, o.Groups, Membership.Equal)
}

// AppendBinary appends the geometry to b.
func (g *Geometry) AppendBinary(b []byte) []byte {
	b = binary.AppendUvarint(b, g.Version)
	b = u(b, g.Capacity)
	b = binary.AppendUvarint(b, uint64(len(g.Stripes)))
	for _, s := range g.Stripes {
		b = binary.AppendUvarint(u(u(b, s.From), s.First), uint64(s.Count))
	}
	b = binary.AppendUvarint(b, uint64(len(g.Groups)))
	for _, m := range g.Groups {
		b = m.AppendBinary(b)
	}
	return b
}

// DecodeGeometry reads what AppendBinary wrote, and nothing else.
func DecodeGeometry(b []byte) (Geometry, error) {
	d := decoder{b: b}
	g := Geometry{Version: d.uvarint(), Capacity: PageID(d.uvarint())}
	n := d.uvarint()
	for ; n > 0 && !d.short; n-- {
		g.Stripes = append(g.Stripes, Stripe{From: PageID(d.uvarint()), First: Group(d.uvarint()), Count: int(d.uvarint())})
	}
	n = d.uvarint()
	for ; n > 0 && !d.short; n-- {
		m := Membership{Epoch: uint32(d.uvarint())}
		sets := d.uvarint()
		for ; sets > 0 && !d.short; sets-- {
			m.Sets = append(m.Sets, Replicas(d.uvarint()))
		}
		g.Groups = append(g.Groups, m)
	}
	if d.short || len(d.b) != 0 {
		return Geometry{}, fmt.Errorf("geometry of %d bytes: malformed", len(b))
	}
	return g, nil
}
