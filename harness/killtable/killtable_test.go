package killtable

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// The judge itself has to object: to a bug that is not found, and to one that only the wrong check finds.
func TestARowObjects(t *testing.T) {
	row := func(trials ...Trial) *Row {
		return &Row{Bug: faults.PlantedBug{Name: "bug", Expect: []faults.Check{faults.Trace}}, Trials: trials}
	}
	good := Trial{Find: Find{Runs: 3, Events: 30}, Made: 9, CaughtBy: []judge.Check{faults.Pages, faults.Trace}}
	require.Empty(t, row(good, good).judge(7))
	require.Equal(t, "found in 1 of 2 searches of 7 runs each", row(good, Trial{}).judge(7))
	require.Contains(t, row(good, Trial{Find: Find{Runs: 1}, CaughtBy: []judge.Check{faults.Pages}}).judge(7), "expected one of [trace]")

	r := row(good, Trial{}, good)
	middle, most := r.Median(7)
	require.Equal(t, []int{3, 8}, []int{middle, most}, "a search that gave up needs more runs than it may make")
	require.EqualValues(t, 30, median(r.Trials, func(t *Trial) Find { return t.Find }).Events)
	require.Equal(t, map[judge.Check]int{faults.Pages: 2, faults.Trace: 2}, r.Objected())
	of := func(r *Row) []any { c, n := r.Alone(); return []any{c, n} }
	require.Equal(t, []any{judge.Check(""), 0}, of(r))
	lonely := Trial{Find: Find{Runs: 3, Events: 30_000, Work: 41_000}, Made: 3, CaughtBy: []judge.Check{faults.Pages}, WithoutTrace: Find{Runs: 3}}
	alone := row(lonely, lonely)
	require.Equal(t, []any{faults.Pages, 2}, of(alone))
	require.Equal(t, []any{faults.Pages, 2}, of(row(lonely, good, lonely)))
	require.Equal(t, []any{judge.Check(""), 0}, of(row(lonely, Trial{})), "half of the searches are not most of them")
	require.Equal(t, []any{judge.Check(""), 0}, of(row(lonely, good)))
	var out strings.Builder
	require.NoError(t, (&Table{Limit: 7, Further: 9, FurtherTrials: 1, Rows: []Row{*r, *alone}}).WriteText(&out))
	require.Regexp(t, `bug +2/3 +3 +8 +0 +0 +>9 +>9 +- +trace 2, pages 2`, out.String())
	require.Regexp(t, `bug +2/3 +3 +3 +30 +41 +3 +>3 +pages 2 +pages 2`, out.String())
}

// A table is held against the last one: what has become harder, what is new and what is gone, each by name.
func TestATableIsComparedWithTheLast(t *testing.T) {
	line := func(bug string, events uint64, alone judge.Check) Line {
		return Line{Bug: bug, Kind: faults.Safety, Found: 10, Median: Find{Runs: 7, Events: events, Work: events}, Alone: alone, Objected: map[judge.Check]int{faults.Pages: 10}}
	}
	last := &Last{Trials: 10, Limit: 7, Bugs: []Line{line("easy", 1000, faults.Pages), line("hard", 200_000, ""), line("gone", 1, "")}}
	same := &Last{Trials: 10, Limit: 7, Bugs: []Line{line("easy", 450_000, ""), line("hard", 600_000, ""), line("gone", 1, "")}}
	require.Empty(t, last.Compare(same), "three times the floor, and three times what it was")
	worse := last.Compare(&Last{Bugs: []Line{line("easy", 450_001, ""), line("hard", 600_001, ""), line("new", 1, "")}})
	require.Equal(t, []error{
		&HarderError{Bug: "easy", Last: 1000, Found: 450_001},
		&HarderError{Bug: "hard", Last: 200_000, Found: 600_001},
		&UnknownError{Bug: "new", New: true},
		&UnknownError{Bug: "gone"},
	}, worse)
	require.EqualError(t, worse[1], "hard: expected it to be found in at most 600000 events, 3 times the 200000 of the last table, found it in 600001 (median)")
	require.ErrorContains(t, worse[2], "new: ")
	require.ErrorContains(t, worse[3], "gone: ")
	// A search that half of the time finds nothing takes more than any other.
	never := median([]Trial{{}, {}}, func(t *Trial) Find { return t.Find })
	require.Zero(t, never.Runs)

	require.Equal(t, []judge.Check{faults.Trace}, last.Lonely([]judge.Check{faults.Pages, faults.Trace}))
	require.Equal(t, 3, last.Within(7))
	require.Zero(t, last.Within(6))
	b, err := last.Encode()
	require.NoError(t, err)
	again, err := ReadLast(b)
	require.NoError(t, err)
	require.Equal(t, last, again)
	both := last.With(&Last{Trials: 10, Limit: 7, Bugs: []Line{line("new", 1, ""), line("hard", 2, "")}}, []faults.PlantedBug{{Name: "new"}, {Name: "easy"}, {Name: "hard"}})
	require.Equal(t, []Line{line("new", 1, ""), line("easy", 1000, faults.Pages), line("hard", 2, "")}, both.Bugs)
	_, err = ReadLast([]byte(`{"bugs": [{"runs": 1}]}`))
	require.ErrorContains(t, err, "killtable: the table that was kept: ")
	require.Equal(t, []int{2, 1, 0}, last.hardestFirst(&Table{Rows: []Row{{Bug: faults.PlantedBug{Name: "easy"}}, {Bug: faults.PlantedBug{Name: "hard"}}, {Bug: faults.PlantedBug{Name: "new"}}}}))
}

// buggy is a system that only says which bugs it has.
type buggy struct {
	harness.System
	bugs []faults.PlantedBug
}

func (b buggy) Name() string         { return "buggy" }
func (b buggy) About() harness.About { return harness.About{Bugs: b.bugs} }
func (b buggy) Generate(seed uint64, g harness.Generation) (configuration.Configuration, error) {
	return configuration.Configuration{Version: configuration.Version, System: "other", Seed: seed, Bug: g.Bug}, nil
}

// A table of nothing, and one of runs that cannot be made, are no tables.
func TestATableThatCouldNotBeMadeIsAnError(t *testing.T) {
	_, err := Run(t.Context(), Options{System: buggy{}})
	require.ErrorIs(t, err, ErrNoBugs)
	one := buggy{bugs: []faults.PlantedBug{{Name: "a"}}}
	_, err = Run(t.Context(), Options{System: one, Bugs: []string{"b"}})
	require.ErrorContains(t, err, `unknown planted bug "b"; known: a`)
	_, err = Run(t.Context(), Options{System: one, Trials: 1})
	require.ErrorContains(t, err, "configuration: ")
}
