package harness

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
)

func TestEveryCheckHasAGuarantee(t *testing.T) {
	seen := map[string]Check{}
	for _, c := range append(Checks(), ConfigurationCheck) {
		g := Guarantee(c)
		require.NotEmpty(t, g, c)
		require.Empty(t, seen[g], "%s has the guarantee of %s", c, seen[g])
		seen[g] = c
	}
	require.Subset(t, Checks(), faults.Checks())
	require.Empty(t, Guarantee("no such check"))
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		a, b, want Verdict
	}{
		{Pass, Pass, Pass},
		{Pass, CouldNotTell, CouldNotTell},
		{CouldNotTell, Pass, CouldNotTell},
		{Pass, Violation, Violation},
		{CouldNotTell, Violation, Violation},
		{Violation, CouldNotTell, Violation},
		{Pass, "", CouldNotTell}, // a verdict that nobody gave is no pass
		{"", "", CouldNotTell},
	} {
		require.Equal(t, c.want, c.a.Worse(c.b), "%q and %q", c.a, c.b)
	}
	require.Equal(t, 0, Pass.ExitCode())
	require.Equal(t, 1, Violation.ExitCode())
	require.Equal(t, 2, CouldNotTell.ExitCode())
	require.Equal(t, 2, Verdict("").ExitCode())
}

// busy has done a bit of everything.
func busy() Counts {
	var c Counts
	for _, f := range c.fields() {
		*f = 1
	}
	for _, f := range c.others() {
		*f = 1
	}
	return c
}

func TestActivityNamesWhatNeverHappened(t *testing.T) {
	all := busy()
	require.NoError(t, Activity(&all))
	must := 0
	for _, a := range all.Amounts() {
		require.Positive(t, a.Value, "%s: not counted in a busy run", a.Name)
		if a.Must {
			must++
		}
	}
	// Each amount comes from one count, but for the lag, of which two are told, and what must happen is missed when it alone did not.
	for i, f := range append(all.fields(), all.others()...) {
		c := busy()
		*append(c.fields(), c.others()...)[i] = 0
		var gone []string
		for _, a := range c.Amounts() {
			if a.Value == 0 && !strings.HasPrefix(a.Name, "lag of readers, median") {
				gone = append(gone, a.Name)
			}
		}
		require.LessOrEqual(t, len(gone), 1, "%v", gone)
		require.Equal(t, uint64(1), *f)
		var missing []string
		for _, a := range c.Amounts() {
			if a.Must && a.Value == 0 {
				missing = append(missing, a.Name)
			}
		}
		err := Activity(&c)
		if len(missing) == 0 {
			require.NoError(t, err)
			continue
		}
		var e *VacuityError
		require.ErrorAs(t, err, &e)
		require.Equal(t, missing, e.Missing)
		require.Contains(t, e.Error(), missing[0])
	}
	var e *VacuityError
	require.ErrorAs(t, Activity(&Counts{}), &e)
	require.Len(t, e.Missing, must)
	require.Subset(t, e.Missing, []string{"runs", "commits acknowledged", "aborted transactions", "take-overs", "recoveries opened",
		"cuts that removed records", "undos", "crashes", "messages lost", "page reads from segments", "steps of the trace validated"})
}

// others are the counts of a busy run that are not the harness's own.
func (c *Counts) others() []*uint64 {
	w, r := &c.World, &c.Readers.Trace
	return []*uint64{&w.Events, &w.Messages, &w.Crashes, &w.Restarts, &w.LostByLoss, &w.LostByCut, &w.Duplicated, &w.LostPieces, &w.Wipes, &w.MostBytes,
		&c.Trace.Gossips, &c.Trace.Moves, &c.Trace.Resumed,
		&c.Trace.Begun, &c.Trace.Nested, &c.Trace.Finished, &c.Trace.Reverted, &c.Trace.Grown, &c.Trace.Steps, &c.Trace.Evaluations,
		&r.Begins, &r.Rows, &r.Cached, &r.Stored, &r.Overtaken, &r.Anews, &r.Follows, &r.GivenUp, &r.Promotes,
		&c.Readers.InFlight, &c.Readers.Hidden, &c.Readers.WarmPages, &c.Readers.Wrong, &c.Readers.Collected, &c.Readers.Lag[7]}
}

func TestCountsAddUp(t *testing.T) {
	sum, one := busy(), busy()
	sum.Add(&one)
	for _, f := range sum.fields() {
		require.Equal(t, uint64(2), *f)
	}
	require.Equal(t, uint64(2), sum.World.Crashes)
	require.Equal(t, uint64(2), sum.Trace.Steps)
}
