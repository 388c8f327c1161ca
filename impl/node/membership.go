package node

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Replicas is a set of segments of one group, by replica number from 0 on.
type Replicas uint64

// MaxReplicas is how many segments a group may have, spares included.
const MaxReplicas = 64

// MaxSets is how many quorum sets a group has at most: with two replacements under way. A third would ask eight sets
// at once, and three failures are more than a group of six stands anyway.
const MaxSets = 4

// ReplicaSet returns the set of these replica numbers.
func ReplicaSet(numbers ...int) Replicas {
	var s Replicas
	for _, n := range numbers {
		s |= 1 << n
	}
	return s
}

// Has tells whether replica n is in the set.
func (s Replicas) Has(n int) bool { return s>>n&1 == 1 }

// With returns the set and n.
func (s Replicas) With(n int) Replicas { return s | 1<<n }

// Without returns the set less n.
func (s Replicas) Without(n int) Replicas { return s &^ (1 << n) }

// Len returns how many replicas are in the set.
func (s Replicas) Len() int { return bits.OnesCount64(uint64(s)) }

// String names the replicas from 1 on, as fault plans do.
func (s Replicas) String() string {
	text := "{"
	for n := range MaxReplicas {
		if s.Has(n) {
			if text != "{" {
				text += " "
			}
			text += fmt.Sprint(n + 1)
		}
	}
	return text + "}"
}

// A Membership says which segments of a group count, as quorum sets (SIGMOD 2018 §4.1). A record is written when it is
// on a write quorum of every set. Only the first set has the read vote: a newcomer has nothing of what was written
// before it came, so that D, E and an empty G would miss what is on A, B, C and F (10 such pairs in the model).
type Membership struct {
	Epoch uint32 // counts the changes of the group's membership, from 1 on
	Sets  []Replicas
}

// Members returns every segment that is in some set.
func (m Membership) Members() Replicas {
	var all Replicas
	for _, s := range m.Sets {
		all |= s
	}
	return all
}

// Settled returns the set that has the read vote.
func (m Membership) Settled() Replicas { return m.Sets[0] }

// Replacing returns the membership in which the segment old of every set may be replaced by new: twice as many sets.
func (m Membership) Replacing(old, new int) Membership {
	next := Membership{Epoch: m.Epoch + 1, Sets: append([]Replicas(nil), m.Sets...)}
	for _, s := range m.Sets {
		if s.Has(old) {
			next.Sets = append(next.Sets, s.Without(old).With(new))
		}
	}
	return next
}

// Keeping returns the membership of only those sets that have the segment stay and not the segment leave.
func (m Membership) Keeping(stay, leave int) Membership {
	next := Membership{Epoch: m.Epoch + 1}
	for _, s := range m.Sets {
		if s.Has(stay) && !s.Has(leave) {
			next.Sets = append(next.Sets, s)
		}
	}
	return next
}

// Equal tells whether both have the same sets in the same order, and the same epoch.
func (m Membership) Equal(o Membership) bool {
	return m.Epoch == o.Epoch && slices.Equal(m.Sets, o.Sets)
}

// A Replacement is a change of a group's membership that is under way: New shall take the place of Old.
type Replacement struct{ Old, New int } // replica numbers

// Pending lists the replacements that are neither finished nor taken back, by the number of the newcomer. The sets say
// it all, so that a new writer goes on with what the one before began.
func (m Membership) Pending() []Replacement {
	var all []Replacement
	settled := m.Settled()
	for _, s := range m.Sets[1:] {
		if in := s &^ settled; in.Len() == 1 {
			out := settled &^ s
			all = append(all, Replacement{Old: bits.TrailingZeros64(uint64(out)), New: bits.TrailingZeros64(uint64(in))})
		}
	}
	slices.SortFunc(all, func(a, b Replacement) int { return a.New - b.New })
	return all
}

// follows tells whether m is one step after old, in a group of so many segments.
func (m Membership) follows(old Membership, replicas int) bool {
	for _, p := range old.Pending() {
		if m.Equal(old.Keeping(p.New, p.Old)) || m.Equal(old.Keeping(p.Old, p.New)) {
			return true
		}
	}
	if len(old.Sets) >= MaxSets {
		return false
	}
	all := old.Members()
	for gone := range replicas {
		for new := range replicas {
			if old.MayReplace(gone) && !all.Has(new) && m.Equal(old.Replacing(gone, new)) {
				return true
			}
		}
	}
	return false
}

// MayReplace tells whether a replacement of segment old may begin: it is settled, and no segment is about to take its place.
func (m Membership) MayReplace(old int) bool {
	if !m.Settled().Has(old) || len(m.Sets) >= MaxSets {
		return false
	}
	return !slices.ContainsFunc(m.Pending(), func(p Replacement) bool { return p.Old == old })
}

// AppendBinary appends the membership to b.
func (m Membership) AppendBinary(b []byte) []byte {
	b = binary.AppendUvarint(u(b, m.Epoch), uint64(len(m.Sets)))
	for _, s := range m.Sets {
		b = u(b, s)
	}
	return b
}

// String names the sets as one would on a whiteboard.
func (m Membership) String() string {
	words := make([]string, len(m.Sets))
	for i, s := range m.Sets {
		words[i] = s.String()
	}
	return fmt.Sprintf("%s of membership epoch %d", strings.Join(words, ", "), m.Epoch)
}

// Quorums says what counts as written and as read in a group.
type Quorums struct {
	Write, Read int // of any members of a set
	// Fulls are the segments that keep pages. When there are others (tails, which keep the log alone), all the fulls of a
	// set make a write quorum too, and a read quorum has to have one of them (SIGMOD 2018 §4.2).
	Fulls Replicas
	Tails bool
}

// Writes tells whether who is a write quorum of every set.
func (q Quorums) Writes(m Membership, who Replicas) bool {
	for _, s := range m.Sets {
		if !q.writes(s, who) {
			return false
		}
	}
	return true
}

func (q Quorums) writes(set, who Replicas) bool {
	if (set & who).Len() >= q.Write {
		return true
	}
	fulls := set & q.Fulls
	return q.Tails && fulls != 0 && fulls&^who == 0
}

// Reads tells whether who is a read quorum: it meets every write quorum there has been.
func (q Quorums) Reads(m Membership, who Replicas) bool {
	in := m.Settled() & who
	return in.Len() >= q.Read && (!q.Tails || in&q.Fulls != 0)
}

// Blocks tells whether without who no set has a write quorum: who has a member of each. One set would not do: a writer
// that goes by {ABCDEF}, {ABCDEG} and has heard D, E and F may be told too late that only {ABCDEG} is left, and its
// successor opens with A, B, C and G.
func (q Quorums) Blocks(m Membership, who Replicas) bool {
	for _, s := range m.Sets {
		if q.writes(s, s&^who) {
			return false
		}
	}
	return true
}
