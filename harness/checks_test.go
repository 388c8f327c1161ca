package harness

import (
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
	w := &c.World
	w.Crashes, w.Restarts, w.LostByLoss, w.LostByCut, w.Duplicated, w.LostPieces = 1, 1, 1, 1, 1, 1
	c.Trace.Gossips, c.Trace.Steps, c.Trace.Evaluations = 1, 1, 1
	return c
}

func TestActivityNamesWhatNeverHappened(t *testing.T) {
	all := busy()
	require.NoError(t, Activity(&all))
	for what, clear := range map[string]func(*Counts){
		"runs":                            func(c *Counts) { c.Runs = 0 },
		"commits acknowledged":            func(c *Counts) { c.Acknowledged = 0 },
		"read-only commits acknowledged":  func(c *Counts) { c.ReadOnly = 0 },
		"aborted transactions":            func(c *Counts) { c.Aborted = 0 },
		"commits of unknown outcome":      func(c *Counts) { c.Unknown = 0 },
		"take-overs":                      func(c *Counts) { c.TakeOvers = 0 },
		"recoveries opened":               func(c *Counts) { c.Recoveries = 0 },
		"cuts that removed records":       func(c *Counts) { c.Cuts = 0 },
		"undos":                           func(c *Counts) { c.Undos = 0 },
		"crashes":                         func(c *Counts) { c.World.Crashes = 0 },
		"restarts":                        func(c *Counts) { c.World.Restarts = 0 },
		"messages lost":                   func(c *Counts) { c.World.LostByLoss = 0 },
		"messages stopped by a partition": func(c *Counts) { c.World.LostByCut = 0 },
		"messages duplicated":             func(c *Counts) { c.World.Duplicated = 0 },
		"unsynced pieces lost in a crash": func(c *Counts) { c.World.LostPieces = 0 },
		"records that came by gossip":     func(c *Counts) { c.Trace.Gossips = 0 },
		"page reads from segments":        func(c *Counts) { c.PageReads = 0 },
		"pages compared":                  func(c *Counts) { c.PagesCompared = 0 },
		"rows audited":                    func(c *Counts) { c.RowsAudited = 0 },
		"steps of the trace validated":    func(c *Counts) { c.Trace.Steps = 0 },
		"invariants evaluated":            func(c *Counts) { c.Trace.Evaluations = 0 },
	} {
		c := busy()
		clear(&c)
		var e *VacuityError
		require.ErrorAs(t, Activity(&c), &e, what)
		require.Equal(t, []string{what}, e.Missing)
		require.Contains(t, e.Error(), what)
	}
	var e *VacuityError
	require.ErrorAs(t, Activity(&Counts{}), &e)
	require.Len(t, e.Missing, 21)
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
