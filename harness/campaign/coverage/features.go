// Package coverage says where runs have been: which states, transitions and pairs of actions of small worlds of the model they came
// through, of all that the checker enumerated, and, where nothing can be enumerated, which shapes they had, with a Good–Turing estimate
// of what is left.
//
// Use package campaign instead when an engineer wants runs and a verdict, and package counts for how often things happened.
package coverage

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
)

// A Feature is one thing that a run can reach: a place in a space (see Space), or, in the space Shapes, a digest of how the run went. It
// is the same in every process that has the same spaces.
type Feature uint64

// Shapes is the space that cannot be enumerated.
const Shapes = 255

// indexBits is how many bits of a Feature say where in its space it is.
const indexBits = 48

// At returns the feature at an index of a space.
func At(space int, index uint64) Feature {
	if space < 0 || space > Shapes || index >= 1<<indexBits {
		panic(fmt.Sprintf("coverage: index %d of space %d; expected at most 48 bits and 255", index, space))
	}
	return Feature(space)<<indexBits | Feature(index)
}

// Space returns the number of the feature's space.
func (f Feature) Space() int { return int(f >> indexBits) }

// Index returns where in its space the feature is.
func (f Feature) Index() uint64 { return uint64(f) & (1<<indexBits - 1) }

// Features are those that a run reached: ascending, each once. As text they are base64 (raw, for URLs) of the differences as varints, so
// that a run's thousand features take some two kilobytes.
type Features []Feature

// maxFeatures bounds what is read as text.
const maxFeatures = 1 << 20

// A FeaturesError says that text is not that of Features.
type FeaturesError struct{ Expected, Found string }

func (e *FeaturesError) Error() string {
	return fmt.Sprintf("features: expected %s, found %s", e.Expected, e.Found)
}

// MarshalText implements encoding.TextMarshaler.
func (f Features) MarshalText() ([]byte, error) {
	var raw []byte
	last := Feature(0)
	for i, x := range f {
		if i > 0 && x <= last {
			return nil, &FeaturesError{"features in ascending order, each once", fmt.Sprintf("%d after %d", x, last)}
		}
		raw = binary.AppendUvarint(raw, uint64(x-last))
		last = x
	}
	return base64.RawURLEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *Features) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.AppendDecode(nil, text)
	if err != nil {
		return &FeaturesError{"base64 for URLs", err.Error()}
	}
	*f = Features{}
	last := Feature(0)
	for len(raw) > 0 {
		step, n := binary.Uvarint(raw)
		if n <= 0 || len(*f) > 0 && step == 0 || last+Feature(step) < last || len(*f) == maxFeatures {
			return &FeaturesError{fmt.Sprintf("at most %d ascending varints", maxFeatures), fmt.Sprintf("none at feature %d", len(*f))}
		}
		raw = raw[n:]
		last += Feature(step)
		*f = append(*f, last)
	}
	return nil
}

// Sorted makes Features of features in any order.
func Sorted(all []Feature) Features {
	slices.Sort(all)
	return slices.Compact(all)
}

// A Space is a set of things that runs can reach, all known beforehand.
type Space struct {
	World string `json:"world"` // of the model
	Kind  string `json:"kind"`  // "states", "transitions" or "pairs"
	Size  uint64 `json:"size"`  // how many there are
}

func (s Space) String() string { return s.Kind + " of " + s.World }

// A Seen counts in how many runs each feature was reached: never, in one, or in more. It is the coverage of many runs, a fold over
// theirs in any order.
type Seen struct {
	Runs     uint64
	spaces   []Space
	counts   [][]uint8 // by space and index, 2 at most
	reached  []uint64  // by space
	shapes   map[Feature]uint8
	once     uint64 // shapes that one run had
	incident uint64 // pairs of a run and a shape of it
}

// NewSeen returns the coverage of no runs, of spaces in the order of their numbers.
func NewSeen(spaces []Space) *Seen {
	s := &Seen{spaces: spaces, counts: make([][]uint8, len(spaces)), reached: make([]uint64, len(spaces)), shapes: map[Feature]uint8{}}
	for i, x := range spaces {
		s.counts[i] = make([]uint8, x.Size)
	}
	return s
}

// Spaces returns the spaces, by number.
func (s *Seen) Spaces() []Space { return s.spaces }

// Count says whether runs reached a feature: 0 is none, 1 is one, 2 is several.
func (s *Seen) Count(f Feature) int {
	if f.Space() == Shapes {
		return int(s.shapes[f])
	}
	if n := f.Space(); n < len(s.counts) && f.Index() < uint64(len(s.counts[n])) {
		return int(s.counts[n][f.Index()])
	}
	return 0
}

// Add folds a run in. It returns the features that no run before it reached, and those that one did. A feature of no space is refused
// with a *FeaturesError: the run was held against other worlds.
func (s *Seen) Add(run Features) (first, second Features, err error) {
	for _, f := range run {
		if n := f.Space(); n != Shapes && (n >= len(s.counts) || f.Index() >= uint64(len(s.counts[n]))) {
			return nil, nil, &FeaturesError{fmt.Sprintf("features of %d spaces", len(s.spaces)), fmt.Sprintf("index %d of space %d", f.Index(), n)}
		}
	}
	s.Runs++
	for _, f := range run {
		switch s.Count(f) {
		case 0:
			first = append(first, f)
		case 1:
			second = append(second, f)
		}
		s.note(f)
	}
	return first, second, nil
}

func (s *Seen) note(f Feature) {
	n := f.Space()
	if n != Shapes {
		c := &s.counts[n][f.Index()]
		if *c == 0 {
			s.reached[n]++
		}
		*c = min(*c+1, 2)
		return
	}
	s.incident++
	switch c := s.shapes[f]; c {
	case 0:
		s.shapes[f] = 1
		s.once++
	case 1:
		s.shapes[f] = 2
		s.once--
	}
}

// Reached returns how many features of a space runs have reached.
func (s *Seen) Reached(space int) uint64 {
	if space == Shapes {
		return uint64(len(s.shapes))
	}
	return s.reached[space]
}

// New estimates how many shapes that no run had yet the next run will have: Good and Turing's share of what was seen once.
func (s *Seen) New() float64 {
	if s.Runs == 0 {
		return 1
	}
	return float64(s.once) / float64(s.Runs)
}

// Unseen estimates the share of a run's shapes that no run has had: of all (run, shape) pairs, those whose shape one run had.
func (s *Seen) Unseen() float64 {
	if s.incident == 0 {
		return 1
	}
	return float64(s.once) / float64(s.incident)
}
