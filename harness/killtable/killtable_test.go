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
	good := Trial{Runs: 3, Events: 30, CaughtBy: []judge.Check{faults.Pages, faults.Trace}}
	require.Empty(t, row(good, good).judge(7))
	require.Equal(t, "found in 1 of 2 searches of 7 runs each", row(good, Trial{}).judge(7))
	require.Contains(t, row(good, Trial{Runs: 1, CaughtBy: []judge.Check{faults.Pages}}).judge(7), "expected one of [trace]")

	r := row(good, Trial{Events: 99}, good)
	median, most := r.Median(7)
	require.Equal(t, []int{3, 8}, []int{median, most}, "a search that gave up needs more runs than it may make")
	require.EqualValues(t, 30, r.MedianEvents())
	require.Equal(t, map[judge.Check]int{faults.Pages: 2, faults.Trace: 2}, r.Objected())
	var out strings.Builder
	require.NoError(t, (&Table{Limit: 7, Rows: []Row{*r}}).WriteText(&out))
	require.Contains(t, out.String(), "bug          2/3    3            8     30             trace 2, pages 2")
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
