//go:build failpoints

package why

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
)

// Of bugs of every kind the headline says which node did what it must not have done: that, and not the symptom, is what somebody who does not
// know the bug has to read first.
func TestTheHeadlineNamesTheFault(t *testing.T) {
	g, err := harness.WithPoints()
	require.NoError(t, err)
	for _, c := range []struct {
		bug      string
		from     uint64 // the first seed that is tried
		check    judge.Check
		headline string // a pattern
		cause    string // of one of the causes, or of the waits; "" where the headline says all
	}{
		{"bugAckBeforeSync", 4, faults.Trace, `^Segment \d/\d answered writer \d at .* that it has everything up to LSN \d+, before records? .* on its disk; writer \d counted on it`, `its write of \d+ bytes to log was done at .* later`},
		{"bugFencedBeforeSync", 1, faults.Trace, `^Segment \d/\d answered writer \d at .* that it has promised epoch \d+, before its promise of epoch \d+ was on its disk; writer`, `and had not said that its promise of epoch \d+ is on its disk; its write`},
		{"bugGossipUnsynced", 2, faults.Trace, `^Segment \d/\d answered writer \d at .* before records .* were on its disk`, `its write of \d+ bytes to log`},
		{"bugWonBeforeWritten", 1, faults.Trace, `^Register answered writer \d at .* that it has won epoch \d+, before epoch \d+ was on its disk`, `its write of \d+ bytes to register was done`},
		{"bugLostForgotten", 5, faults.Trace, `^Segment \d/\d started again at .* without record \d+, and did not notice: its disk was struck at .* \(disk-corrupt segment \d/\d\)`, `had its disk struck`},
		{"bugOpenBeforeRepair", 2, faults.Trace, `^At .* writer \d .* where group \d needs \d+, complete: .* \(write quorum 4`, ""},
		{"bugReadsRMinusOne", 1, faults.Trace, `^At .* writer \d cut the log behind LSN \d+ by the answers of .*heard of a read quorum`, ""},
		{"bugNothingHidden", 1, faults.Trace, `^At .* reader \d shows a query as of \d+ row .*the committed rows of its snapshot`, ""},
		{"bugDoubtIsAborted", 2, faults.Serializability, `^At .* writer \d answered client \d about row .* had given the commit of that transaction its LSN`, `transaction \d+\.\d+ \(\d+ of the history\) is aborted`},
		{"bugDeadlockUnseen", 6, faults.Answers, `^Writer \d never answered put, request \d+ of client \d`, `which has not ended; its own call, .* is not answered either`},
		{"bugGossipOnce", 2, faults.CatchUp, `^Segment \d/\d: expected SCL \d+ .*; record \d+/\d+, which is on the disks of segment .* came to it`, ""},
		{"bugBeyondReadPoint", 1, faults.Floor, `^Writer \d: expected floor \d+ .* reads nothing below LSN \d+`, `began query .* which has not ended`},
		{"bugSendsAllAgain", 1, faults.Traffic, `^Writer \d makes most of what is too much: append`, `began with append`},
		{"bugCutAtHighest", 1, faults.Sanity, `^At .* writer \d.* cuts the log elsewhere than at the first gap.*After that: At .* ended itself`, ""},
	} {
		t.Run(c.bug, func(t *testing.T) {
			g.Bug = c.bug
			w := firstFailure(t, aurora.System(), g, c.from, 12, func(target failure.Target) bool { return target.Check == c.check })
			require.Regexp(t, c.headline, w.Headline)
			if c.cause == "" {
				return
			}
			all := ""
			for _, x := range w.Causes {
				all += x.Node + " " + x.Words + "\n"
			}
			require.Regexp(t, regexp.MustCompile(c.cause), all)
		})
	}
}
