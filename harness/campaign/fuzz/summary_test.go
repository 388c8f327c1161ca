package fuzz

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
)

// verdictOf is the verdict of a campaign with so many passing lines of each arm, and what is put behind them.
func verdictOf(t *testing.T, behind ...job.Line) *Summary {
	o := Options{System: broken(), Folder: filepath.Join(t.TempDir(), "c"), Worlds: []string{}, Looking: Looking{For: -1}}
	o.complete()
	u, err := coverage.Enumerate(t.Context())
	require.NoError(t, err)
	s, err := store.Create(o.Folder, o.header(u))
	require.NoError(t, err)
	defer s.Close()
	l := &lead{o: &o, universe: u, store: s, columns: s.Header().Columns(), began: time.Now(), stop: AllRun}
	l.looking = newLooking(&o, s)
	about := o.System.About()
	made, _ := about.Checks()
	places, err := l.columns.Made(made)
	require.NoError(t, err)
	all := make([]uint64, len(s.Header().Counters))
	for i := range all {
		all[i] = 1
	}
	var lines []job.Line
	for i := range 40 {
		arm := job.Random
		if i%2 == 1 {
			arm = job.Guided
		}
		lines = append(lines, job.Line{Number: uint64(i), Arm: arm, Verdict: judge.Pass, Counts: all, Made: places})
	}
	for i, x := range behind {
		x.Number = uint64(40 + i)
		lines = append(lines, x)
	}
	require.NoError(t, s.Append(lines...))
	return l.summary()
}

// What a campaign's lines say against a pass is said, each by its own sentence; what says nothing against it is not.
func TestWhatIsNoPass(t *testing.T) {
	require.Equal(t, judge.Pass, verdictOf(t).Verdict, "%v", verdictOf(t).Reasons)
	untold := job.Line{Verdict: judge.CouldNotTell, Target: &failure.Target{Check: "x", Verdict: judge.CouldNotTell}}
	for name, c := range map[string]struct {
		change  func(*job.Line)
		times   int
		verdict judge.Verdict
		reason  string
	}{
		"a violation":                              {func(l *job.Line) { l.Arm, l.Verdict = job.Random, judge.Violation }, 1, judge.Violation, "1 of 41 runs found a violation"},
		"a violation of a changed configuration":   {func(l *job.Line) { l.Arm, l.Verdict = job.Guided, judge.Violation }, 1, judge.Violation, "1 of 41 runs found a violation"},
		"a random run that cannot tell":            {func(l *job.Line) { l.Arm = job.Random }, 1, judge.CouldNotTell, "1 of 41 runs could not tell"},
		"an entry of a corpus that cannot tell":    {func(l *job.Line) { l.Arm = job.Kept }, 1, judge.CouldNotTell, "1 of 41 runs could not tell"},
		"a changed configuration that cannot tell": {func(l *job.Line) { l.Arm = job.Guided }, 1, judge.Pass, ""},
		"many of them":                             {func(l *job.Line) { l.Arm = job.Guided }, 3, judge.CouldNotTell, "3 of 43 runs could not tell"},
		"a job that could not be done":             {func(l *job.Line) { l.Arm, l.Broken = job.Guided, "no such system" }, 1, judge.CouldNotTell, "1 jobs could not be done, the first of them job 40"},
		"a job that was given up":                  {func(l *job.Line) { l.Arm, l.GivenUp = job.Guided, 3 }, 1, judge.CouldNotTell, "1 jobs were given up, since no worker came to their end, the first of them job 40"},
	} {
		var behind []job.Line
		for range c.times {
			l := untold
			c.change(&l)
			behind = append(behind, l)
		}
		s := verdictOf(t, behind...)
		require.Equal(t, c.verdict, s.Verdict, "%s: %v", name, s.Reasons)
		if c.reason == "" {
			require.Empty(t, s.Reasons, name)
			require.Equal(t, uint64(1), s.Idle)
			continue
		}
		require.Contains(t, s.Reasons, c.reason, fmt.Sprint(name))
	}
}
