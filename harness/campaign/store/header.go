package store

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/tally"
)

// A Space is a space of the campaign's coverage. Two spaces of one name and size may still be of different worlds: their digests tell.
type Space struct {
	coverage.Space
	Digest string `json:"digest"` // of all that is in it
}

// A Header says what campaign a folder is of. It is written when the campaign begins, and never changes.
type Header struct {
	Version int           `json:"version"` // of the folder; Create sets it
	Created time.Time     `json:"created"` // Create sets it where it is missing
	System  string        `json:"system"`  // under test
	Needs   failure.Needs `json:"needs"`   // what it takes to have that system in a program
	Seed    uint64        `json:"seed"`
	Bug     string        `json:"bug,omitempty"` // the planted bug of every run
	Build   failure.Build `json:"build"`         // that began it
	Batch   uint64        `json:"batch"`         // jobs of a batch
	Guided  bool          `json:"guided"`
	Share   float64       `json:"share"` // of the random arm, from 0 to 1
	Spaces  []Space       `json:"spaces"`
	// Large are the worlds of the model that are searched, MODEL/WORLD each, where that is what the campaign does; none is all.
	Large []string `json:"large,omitempty"`
	// Counters are the names of what Counts of a line count, in their order, and Most those of which many runs have the most of any and
	// not the sum. Create sets both where they are missing.
	Counters []string `json:"counters"`
	Most     []string `json:"most,omitempty"`
	// Checks are what Made of a line points at. Create sets all that there are where they are missing.
	Checks []judge.Check `json:"checks"`
	// Segment is how many lines a file of lines has. Create sets it to 100,000 where it is 0.
	Segment uint64 `json:"segment"`
}

const (
	segmentLines = 100_000
	maxSegment   = 1 << 24
	maxColumns   = 1 << 12
	maxFeatures  = 1 << 32 // each of which takes a byte where coverage is counted
)

// complete sets what has a default, and refuses what cannot be.
func (h *Header) complete() error {
	h.Version = Version
	if h.Counters == nil {
		h.Counters, h.Most = Counters()
	}
	if h.Checks == nil {
		h.Checks = append(judge.Checks(), judge.ConfigurationCheck)
	}
	if h.Segment == 0 {
		h.Segment = segmentLines
	}
	if h.Created.IsZero() {
		h.Created = time.Now().UTC()
	}
	return h.valid()
}

func (h *Header) valid() error {
	switch {
	case h.System == "":
		return &LimitError{"header", "the name of a system", "none"}
	case h.Batch == 0:
		return &LimitError{"header", "at least one job in a batch", "0"}
	case h.Segment == 0 || h.Segment > maxSegment:
		return &LimitError{"header", fmt.Sprintf("1 to %d lines in a file", maxSegment), fmt.Sprint(h.Segment)}
	case !(h.Share >= 0 && h.Share <= 1):
		return &LimitError{"header", "a share from 0 to 1", fmt.Sprint(h.Share)}
	case len(h.Spaces) > coverage.Shapes:
		return &LimitError{"header", fmt.Sprintf("at most %d spaces", coverage.Shapes), fmt.Sprint(len(h.Spaces))}
	case len(h.Counters) > maxColumns || len(h.Checks) > maxColumns:
		return &LimitError{"header", fmt.Sprintf("at most %d counters and as many checks", maxColumns), fmt.Sprintf("%d and %d", len(h.Counters), len(h.Checks))}
	}
	features := uint64(0)
	for _, s := range h.Spaces {
		if features += min(s.Size, maxFeatures+1); features > maxFeatures {
			return &LimitError{"header", fmt.Sprintf("at most %d features in all spaces", maxFeatures), "more"}
		}
	}
	return nil
}

// Counters returns the names of all counters, sorted, and of these those of which many runs have the most of any.
func Counters() (all, most []string) {
	var one, two counts.Counts
	a, b := tally.Index(&one), tally.Index(&two)
	all = slices.Sorted(maps.Keys(a))
	for _, name := range all {
		*a[name], *b[name] = 1, 1
	}
	one.Add(&two)
	for _, name := range all {
		if *a[name] == 1 {
			most = append(most, name)
		}
	}
	return all, most
}

// Coverage returns the spaces as package coverage has them.
func (h *Header) Coverage() []coverage.Space {
	all := make([]coverage.Space, len(h.Spaces))
	for i, s := range h.Spaces {
		all[i] = s.Space
	}
	return all
}

// Worlds lists the worlds of the model by which coverage is measured, in the order of their spaces; it is empty and not nil where there
// are none.
func (h *Header) Worlds() []string {
	names := []string{}
	for _, s := range h.Spaces {
		if s.Kind == coverage.States {
			names = append(names, s.World)
		}
	}
	return names
}

// ID names the campaign: a digest of its header, which is another one for every campaign, since it has the time when it began.
func (h *Header) ID() string {
	text, err := json.Marshal(h)
	if err != nil {
		panic(fmt.Sprintf("store: header: %v", err)) // the package's own type
	}
	return fmt.Sprintf("%016x", xxh3.Hash(text))
}

// A Columns turns what an outcome says by names into what a line says by places, and back.
type Columns struct {
	counters []string
	checks   map[judge.Check]int
}

// Columns returns the columns of the header's lines.
func (h *Header) Columns() *Columns {
	c := &Columns{counters: h.Counters, checks: map[judge.Check]int{}}
	for i, name := range h.Checks {
		c.checks[name] = i
	}
	return c
}

// Counts returns the counts of a line, without the zeros at the end. Counters that the header does not have are left out.
func (c *Columns) Counts(of *counts.Counts) []uint64 {
	index := tally.Index(of)
	all := make([]uint64, 0, len(c.counters))
	some := 0
	for i, name := range c.counters {
		value := uint64(0)
		if place := index[name]; place != nil {
			value = *place
		}
		if all = append(all, value); value > 0 {
			some = i + 1
		}
	}
	return all[:some]
}

// Named returns the counts of a line, or the sum of those of many. Counters that this program does not have are left out.
func (c *Columns) Named(line []uint64) counts.Counts {
	var all counts.Counts
	index := tally.Index(&all)
	for i, value := range line {
		if place := index[c.counters[i]]; place != nil {
			*place = value
		}
	}
	return all
}

// Place returns the place of a check, false where the header does not have it.
func (c *Columns) Place(check judge.Check) (int, bool) {
	at, ok := c.checks[check]
	return at, ok
}

// Made returns the places of checks, ascending. A check that the header does not have is a *LimitError.
func (c *Columns) Made(checks []judge.Check) ([]int, error) {
	var places []int
	for _, name := range checks {
		at, ok := c.checks[name]
		if !ok {
			return nil, &LimitError{"line", "a check of the header", string(name)}
		}
		places = append(places, at)
	}
	slices.Sort(places)
	return places, nil
}
