package failure

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/judge"
)

// What was found in the middle of a long run is not in the end of it: of 298,766 events of a stall the file kept 5,000, all of them idle
// timers. The events around the finding are kept beside them, and both replay as they were.
func TestATrailKeepsWhatWasAroundTheFinding(t *testing.T) {
	c := quiet(t)
	r, trail := Record(aurora.System(), c)
	require.Greater(t, trail.From, 4_000, "a run so long that its end is not all of it")
	require.Empty(t, trail.Around, "a run that passes has nothing to look around")

	for event, want := range map[uint64][2]int{3_000: {1_001, 3_050}, 10: {1, 60}} {
		found := r
		found.Findings = []judge.Finding{{Check: faults.Trace, Rule: "a rule", Verdict: judge.Violation, Event: event}}
		around := *trail
		around.lookAround(aurora.System(), c, &found)
		require.Equal(t, want[0], int(around.Around[0].Number))
		require.Equal(t, want[1], int(around.Around[len(around.Around)-1].Number))
		for i := range around.Around {
			require.Equal(t, want[0]+i, int(around.Around[i].Number), "no event is missing")
		}
		require.NotEmpty(t, around.line(int(event)), "a replay shows the line of an event that differs there")
		require.Empty(t, around.line(4_000), "neither in the window nor at the end")

		f := Of(&found, &around)
		text, err := f.Encode()
		require.NoError(t, err)
		read, err := Decode("it", text)
		require.NoError(t, err)
		require.Equal(t, len(around.Around), len(read.Trail.Around))
		first, err := read.Trail.FirstDifference(trail)
		require.NoError(t, err)
		require.Zero(t, first)
	}

	// Where the end has it, and at the end of the run itself, there is nothing to add.
	for _, event := range []uint64{0, uint64(trail.From), uint64(trail.Events)} {
		found := r
		found.Findings = []judge.Finding{{Check: faults.Trace, Verdict: judge.Violation, Event: event}}
		around := *trail
		around.lookAround(aurora.System(), c, &found)
		require.Empty(t, around.Around)
	}

	// Of another run nothing is added: its events are not those that are explained.
	found := r
	found.Hash++
	found.Findings = []judge.Finding{{Check: faults.Trace, Verdict: judge.Violation, Event: 10}}
	around := *trail
	around.lookAround(aurora.System(), c, &found)
	require.Empty(t, around.Around)
}

// Files of the version before lack what is around a finding, and are read.
func TestAFileOfTheVersionBeforeIsRead(t *testing.T) {
	f := aFailure(t)
	f.Trail.Around = nil
	text, err := f.Encode()
	require.NoError(t, err)
	var e envelope
	require.NoError(t, json.Unmarshal(text, &e))
	e.Version = oldestVersion
	old, err := json.Marshal(e)
	require.NoError(t, err)
	require.False(t, slices.Equal(text, old))
	read, err := Decode("old", old)
	require.NoError(t, err)
	require.Equal(t, f.Hash, read.Hash)
}
