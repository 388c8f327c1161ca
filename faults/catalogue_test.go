package faults_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/faults/overlay"
)

// The catalogue and the gofail comments of the implementation name the same points and the same bugs.
func TestCatalogueMatchesTheSource(t *testing.T) {
	inSource, err := overlay.Scan("../impl")
	require.NoError(t, err)
	var moments, bugs []string
	for _, p := range inSource {
		if p.Bug != "" {
			bugs = append(bugs, p.Bug)
			continue
		}
		moments = append(moments, p.Name)
	}
	slices.Sort(moments)
	slices.Sort(bugs)

	var listed []string
	for _, p := range faults.Points() {
		listed = append(listed, p.Name)
	}
	require.Equal(t, moments, listed, "points: expected those of the gofail comments in impl, found those of the catalogue")

	listed = nil
	for _, b := range faults.PlantedBugs() {
		listed = append(listed, b.Name)
	}
	slices.Sort(listed)
	require.Equal(t, slices.Compact(bugs), listed, "planted bugs: expected those of the gofail comments in impl, found those of the catalogue")
}

// A durable step has a point before and one after it. A writer has no disk, so that its points stand alone.
func TestDurableStepsHavePointsInPairs(t *testing.T) {
	require.NotEmpty(t, faults.Points())
	for _, p := range faults.Points() {
		require.NotEmpty(t, p.When)
		require.True(t, strings.HasPrefix(p.Name, string(p.Role)), "%s: its name begins with the role of the nodes that pass it", p.Name)
		if p.Role == faults.Writer {
			continue
		}
		other := strings.Replace(p.Name, "Before", "After", 1)
		if other == p.Name {
			other = strings.Replace(p.Name, "After", "Before", 1)
		}
		require.NotEqual(t, p.Name, other, "neither before nor after a step")
		_, err := faults.LookupPoint(other)
		require.NoError(t, err)
	}
}

func TestPlantedBugsSayWhatTheyBreak(t *testing.T) {
	require.GreaterOrEqual(t, len(faults.PlantedBugs()), 100)
	checks := append(faults.Checks(), faults.Wire, faults.Determinism)
	harms := map[faults.Harm]int{}
	for _, b := range faults.PlantedBugs() {
		found, err := faults.LookupBug(b.Name)
		require.NoError(t, err)
		require.Equal(t, b, found)
		require.Regexp(t, `^[A-Z].*\.$`, b.Rule)
		require.NotEmpty(t, b.Expect)
		require.Subset(t, checks, b.Expect)
		harms[b.Kind]++
	}
	require.Len(t, harms, 3)
	for _, h := range []faults.Harm{faults.Safety, faults.Liveness, faults.Resource} {
		require.Positive(t, harms[h], h)
	}
}

func TestUnknownNamesListTheKnown(t *testing.T) {
	_, err := faults.LookupBug("bugUndoSkiped")
	var unknown *faults.UnknownError
	require.ErrorAs(t, err, &unknown)
	require.ErrorContains(t, err, `unknown planted bug "bugUndoSkiped"; known: bugAckAtWMinusOne, bugAckIgnoresLower,`)
	_, err = faults.LookupPoint("segmentBeforeSink")
	require.ErrorContains(t, err, `unknown point "segmentBeforeSink"; known: objectsAfterKeep,`)
}

func TestNoOverlayIsAnError(t *testing.T) {
	_, err := faults.EnableAll()
	require.ErrorIs(t, err, faults.ErrNoOverlay)
	_, err = faults.Unhit()
	require.ErrorIs(t, err, faults.ErrNoOverlay)
}

// A kind that says nothing of itself would be a blank line in firstgap faults, and one whose cost is wrong would have an engineer
// read a plan as within the budget: what is free never breaks it, however much of it there is.
func TestEveryKindIsDescribed(t *testing.T) {
	volume := faults.Volume{Groups: 1, Replicas: 6, WriteQuorum: 4, ReadQuorum: 3, Zones: 3, Readers: 2}.Topology()
	segments := []string{"segment 1/1", "segment 1/2", "segment 1/3"}
	for _, d := range faults.Catalogue() {
		require.NotEmpty(t, d.What, d.Kind)
		alone := faults.Plan{Faults: []faults.Fault{{Kind: d.Kind}}}
		require.Equal(t, d.Cost == faults.Damages || d.Cost == faults.Forgets, alone.Lasting(), d.Kind)
		require.Equal(t, d.Cost == faults.Forgets, alone.Forgets(), d.Kind)
		all := func(rate float64) error {
			p := faults.Plan{Horizon: faults.Duration(time.Second)}
			for _, name := range segments {
				f := faults.Fault{Kind: d.Kind, At: faults.Duration(time.Millisecond)}
				for _, field := range d.Needs {
					switch field {
					case "for":
						f.For = faults.Duration(500 * time.Millisecond)
					case "nodes":
						f.Nodes = []string{name}
					case "rate":
						f.Rate = rate
					case "factor":
						f.Factor = 2
					case "bandwidth":
						f.Bandwidth = faults.MinBandwidth
					case "extra":
						f.Extra = faults.Duration(time.Millisecond)
					case "az":
						f.AZ = "az" + name[len(name)-1:]
					case "point":
						f.Point = "segmentAfterSync"
					case "hit":
						f.Hit = 1
					case "when":
						f.When = faults.Acknowledged
					}
				}
				if len(f.Nodes) == 0 && f.AZ == "" && d.Cost != faults.Free {
					f.To = []string{name}
				}
				if d.Kind == faults.Delay || d.Kind == faults.DiskSlow {
					f.Factor = faults.MaxFactor // or extra
				}
				if d.Kind == faults.Promote {
					f.Nodes = []string{"reader 1"}
				}
				if d.Kind == faults.Partition {
					f.To = []string{"writer"}
				}
				p.Faults = append(p.Faults, f)
			}
			return p.Validate(volume)
		}
		var beyond *faults.BudgetError
		switch d.Cost {
		case faults.Free:
			require.NoError(t, all(1), d.Kind)
		case faults.Often:
			require.NoError(t, all(0.5), d.Kind)
			require.ErrorAs(t, all(0.6), &beyond, d.Kind)
		case faults.Impairs, faults.Damages, faults.Forgets:
			require.ErrorAs(t, all(1), &beyond, d.Kind)
			require.Equal(t, d.Cost == faults.Damages, beyond.What == "with a damaged or lost disk", "%s: %v", d.Kind, beyond)
			require.Equal(t, d.Cost == faults.Forgets, beyond.What == "that may forget what they acknowledged and not know it", "%s: %v", d.Kind, beyond)
		default:
			t.Errorf("%s costs %q", d.Kind, d.Cost)
		}
	}
}
