package faults_test

import (
	"slices"
	"strings"
	"testing"

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
	require.Len(t, faults.PlantedBugs(), 41)
	for _, b := range faults.PlantedBugs() {
		found, err := faults.LookupBug(b.Name)
		require.NoError(t, err)
		require.Equal(t, b, found)
		require.Contains(t, b.Rule, "SIGMOD")
		require.NotEmpty(t, b.Expect)
		require.Subset(t, faults.Checks(), b.Expect)
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
