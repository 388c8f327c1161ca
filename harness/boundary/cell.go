package boundary

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/spec/placement"
)

// Segments is how many copies the group has: two in each of three zones.
const Segments = 6

// A Kind is what has become of one segment.
type Kind uint8

// The kinds.
const (
	Up    Kind = iota // nothing
	Down              // its process is dead, and its disk as it was
	Lost              // it runs on an empty disk, and knows that its disk was lost
	Wiped             // it runs on a disk as a new segment has it, under the same address, and no node was told
	kinds
)

func (k Kind) String() string { return [...]string{"up", "down", "lost", "wiped"}[k] }

// MarshalText writes the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// An Ending is what becomes of the writer at the moment at which the segments are struck.
type Ending uint8

// The endings.
const (
	Lives    Ending = iota // the writer goes on
	TakeOver               // it dies, and a successor takes over
	endings
)

func (e Ending) String() string { return [...]string{"writer lives", "successor takes over"}[e] }

// MarshalText writes the ending's name.
func (e Ending) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// A Cell is one state of the segments with one fate of the writer.
type Cell struct {
	Struck [Segments]Kind `json:"struck"` // by segment
	Ending Ending         `json:"ending"`
}

// Cells lists all cells: for each ending the 4^6 states of six segments, those with fewer struck first.
func Cells() []Cell {
	var all []Cell
	for ending := range endings {
		var of []Cell
		for code := range 1 << (2 * Segments) {
			c := Cell{Ending: ending}
			for s := range c.Struck {
				c.Struck[s] = Kind(code >> (2 * s) & 3)
			}
			of = append(of, c)
		}
		slices.SortStableFunc(of, func(a, b Cell) int { return b.count(Up) - a.count(Up) })
		all = append(all, of...)
	}
	return all
}

// of lists the segments of a kind, counted from 1.
func (c Cell) of(k Kind) []int {
	var list []int
	for s, is := range c.Struck {
		if is == k {
			list = append(list, s+1)
		}
	}
	return list
}

func (c Cell) count(k Kind) int { return len(c.of(k)) }

// Name names the cell by its segments: "down 1 2, lost 3: writer lives".
func (c Cell) Name() string {
	return c.name(func(k Kind) string { return strings.Trim(fmt.Sprint(c.of(k)), "[]") })
}

// Class names the cells that differ from this one only by which segments are struck. Segments are interchangeable in the model:
// it counts them. "2 down, 1 lost: writer lives".
func (c Cell) Class() string {
	return c.Numbers() + ": " + c.Ending.String()
}

// Numbers is Class without the ending.
func (c Cell) Numbers() string {
	var parts []string
	for k := Down; k < kinds; k++ {
		if n := c.count(k); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, k))
		}
	}
	if len(parts) == 0 {
		return "none struck"
	}
	return strings.Join(parts, ", ")
}

func (c Cell) name(members func(Kind) string) string {
	var parts []string
	for k := Down; k < kinds; k++ {
		if c.count(k) > 0 {
			parts = append(parts, k.String()+" "+members(k))
		}
	}
	if len(parts) == 0 {
		parts = []string{"none struck"}
	}
	return strings.Join(parts, ", ") + ": " + c.Ending.String()
}

// stores are the four segments that hold the last acknowledged record when the others do not: the worst for this cell, as the
// model sees it. The two that lag are two that nothing happens to, as far as there are such.
func (c Cell) stores() []int {
	return slices.Sorted(slices.Values(slices.Concat(c.of(Wiped), c.of(Lost), c.of(Down), c.of(Up))[:writeQuorum]))
}

// lag are the segments that do not hold it.
func (c Cell) lag() []int {
	stores := c.stores()
	var list []int
	for s := 1; s <= Segments; s++ {
		if !slices.Contains(stores, s) {
			list = append(list, s)
		}
	}
	return list
}

// A Claim is what the model says of something that may go on.
type Claim uint8

// The claims.
const (
	MayGoOn    Claim = iota // beyond the budget: those that were silently wiped decide, and either is allowed
	GoesOn                  // it has to go on
	HasToStall              // it must not go on: no quorum is there
)

func (c Claim) String() string { return [...]string{"either", "go on", "stall"}[c] }

// MarshalText writes the claim.
func (c Claim) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// allows tells whether what happened is what the claim says.
func (c Claim) allows(wentOn bool) bool {
	return c == MayGoOn || wentOn == (c == GoesOn)
}

// A Statement is what the model says of a cell.
type Statement struct {
	Writes Claim `json:"writes"` // while the segments are struck
	Reads  Claim `json:"reads"`
	// Those that were down are back with their disks. The volume is recoverable if it goes on then.
	WritesAfter Claim `json:"writesAfter"`
	ReadsAfter  Claim `json:"readsAfter"`
	// Data says that what was acknowledged is on the disk of some segment whose disk is not known to be lost.
	Data bool `json:"data"`
	// Keeps says that nothing acknowledged may be lost. Otherwise a read quorum can be of those that have forgotten it and of
	// those that never had it: no writer can know, but the checks must say so.
	Keeps bool `json:"keeps"`
}

const (
	writeQuorum = 4
	readQuorum  = 3
)

// world is the design as the placement model has it.
func world() placement.World {
	return placement.World{AZs: [][]int{{1, 2}, {3, 4}, {5, 6}}, WriteQuorum: writeQuorum, ReadQuorum: readQuorum, MaxLSN: 1, MaxSilent: Segments}
}

// Model says what the model says of a cell: spec/placement, asked twice, where silently wiped segments count for nothing and
// where they count as they claim. Where both answers are the same, nothing else may happen. A successor opens when it has
// fenced a read quorum and has put what it keeps on a write quorum (spec/volume: Decide, Open), so before that it neither
// writes nor reads. Where its read quorum may have missed something that was acknowledged, segments may hold more than what it
// keeps, as page images that no cut can be taken out of. They say that they are damaged and refuse, so it may stall.
func Model(c Cell) (Statement, error) {
	var s Statement
	stores := c.stores()
	claim := func(down []int, of func(placement.Survival) bool) (Claim, error) {
		least, err := world().After(placement.Condition{Stores: stores, Down: slices.Concat(down, c.of(Wiped)), Lost: c.of(Lost)})
		if err != nil {
			return MayGoOn, err
		}
		most, err := world().After(placement.Condition{Stores: stores, Down: down, Lost: c.of(Lost), Silent: c.of(Wiped)})
		switch {
		case err != nil:
			return MayGoOn, err
		case of(least):
			return GoesOn, nil
		case !of(most):
			return HasToStall, nil
		}
		return MayGoOn, nil
	}
	writes := func(v placement.Survival) bool { return v.Writes && (c.Ending == Lives || v.Reads) }
	reads := func(v placement.Survival) bool { return v.Reads && (c.Ending == Lives || v.Writes) }
	for _, q := range []struct {
		into *Claim
		down []int
		of   func(placement.Survival) bool
	}{{&s.Writes, c.of(Down), writes}, {&s.Reads, c.of(Down), reads}, {&s.WritesAfter, nil, writes}, {&s.ReadsAfter, nil, reads}} {
		var err error
		if *q.into, err = claim(q.down, q.of); err != nil {
			return s, fmt.Errorf("boundary: %s: %w", c.Name(), err)
		}
	}
	v, err := world().After(placement.Condition{Stores: stores, Down: c.of(Down), Lost: c.of(Lost), Silent: c.of(Wiped)})
	if err != nil {
		return s, fmt.Errorf("boundary: %s: %w", c.Name(), err)
	}
	s.Data, s.Keeps = v.Data, v.Durable
	if c.Ending == TakeOver && !s.Keeps {
		for _, claim := range []*Claim{&s.Writes, &s.Reads, &s.WritesAfter, &s.ReadsAfter} {
			if *claim == GoesOn {
				*claim = MayGoOn
			}
		}
	}
	return s, nil
}

// An Observation is what happened in a cell.
type Observation struct {
	Writes      bool `json:"writes"`
	Reads       bool `json:"reads"`
	WritesAfter bool `json:"writesAfter"`
	ReadsAfter  bool `json:"readsAfter"`
	Data        bool `json:"data"` // some segment that does not say that its disk is lost claims to be complete up to the last acknowledged record
	Lost        bool `json:"lost"` // some read was not answered with what was acknowledged before
	// Damaged are the segments that say of themselves, at the end, that they have lost something.
	Damaged []int `json:"damaged,omitempty"`
	// Checks are those that objected (package judge), and what the first of each had to say.
	Checks map[faults.Check]string `json:"checks,omitempty"`
	// Ended says that the world could not go on, and why.
	Ended string `json:"ended,omitempty"`
}

// differences lists how what happened differs from what the model says.
func (c Cell) differences(s *Statement, o *Observation) []string {
	var list []string
	differs := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	went := map[bool]string{true: "go on", false: "stalled"}
	for _, q := range []struct {
		what  string
		claim Claim
		found bool
	}{{"writes", s.Writes, o.Writes}, {"reads", s.Reads, o.Reads}, {"writes after those that were down are back", s.WritesAfter, o.WritesAfter},
		{"reads after those that were down are back", s.ReadsAfter, o.ReadsAfter}} {
		if !q.claim.allows(q.found) {
			differs("%s: the model says %s, found that they %s", q.what, q.claim, went[q.found])
		}
	}
	if s.Data && s.Keeps && !o.Data {
		differs("data: the model says that some disk has what was acknowledged, found that no segment claims it")
	}
	if o.Lost && s.Keeps {
		differs("lost: the model says that nothing acknowledged is lost, found that a read does not show it")
	}
	for segment, kind := range c.Struck {
		// A segment whose page images are of a later point than the cut of a recovery that has lost something says that it is
		// damaged, too: it is.
		if says := slices.Contains(o.Damaged, segment+1); says != (kind == Lost) && (!says || s.Keeps) {
			differs("damage: segment %d is %s, found that those which say that they are damaged are %v", segment+1, kind, o.Damaged)
		}
	}
	if o.Ended != "" {
		differs("the run ended: %s", o.Ended)
	}
	return append(list, c.unsaid(s, o)...)
}

// unsaid lists what the checks had to say and did not, and what they said and had not to. A wiped segment is found by the trace
// check, for it had told what it no longer has. Of what is lost or wrong, clients or the audit see something, or it is not lost.
func (c Cell) unsaid(s *Statement, o *Observation) []string {
	var list []string
	_, amnesia := o.Checks[faults.Trace]
	if c.count(Wiped) > 0 && !amnesia {
		list = append(list, "trace: a segment has forgotten what it stored, found that the check does not say so")
	}
	said := o.Checks[faults.Durability] != "" || o.Checks[faults.Serializability] != ""
	if o.Lost && !said {
		list = append(list, "durability, serializability: what was acknowledged is lost, found that neither check says so")
	}
	for _, check := range slices.Sorted(maps.Keys(o.Checks)) {
		if s.Keeps && (check != faults.Trace || c.count(Wiped) == 0) {
			list = append(list, fmt.Sprintf("%s: the model says that nothing is wrong, found: %s", check, o.Checks[check]))
		}
	}
	return list
}
