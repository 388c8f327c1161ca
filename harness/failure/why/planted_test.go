//go:build failpoints

package why

import (
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/older"
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
		// What it says that it holds is all that is known: it may have noticed.
		{"bugLostForgotten", 5, faults.Trace, `^Segment \d/\d started again at .* without record \d+, which it had told as stored: its disk was struck at .* \(disk-corrupt segment \d/\d\), and what it says that it holds names neither the record nor that it lost one`, `flipped a durable bit on the disk of segment \d/\d`},
		{"bugOpenBeforeRepair", 2, faults.Trace, `^At .* writer \d began to serve as the writer of epoch \d, where of group \d everything up to LSN \d+ has to be on a write quorum of 4 .* and complete is segment`, ""},
		{"bugReadsRMinusOne", 1, faults.Trace, `^At .* writer \d cut the log behind LSN \d+ by the answers of .*heard of a read quorum`, ""},
		{"bugNothingHidden", 1, faults.Trace, `^At .* reader \d shows a query as of \d+ row .*the committed rows of its snapshot`, ""},
		{"bugDoubtIsAborted", 2, faults.Serializability, `^At .* writer \d answered client \d about row .* had given the commit of that transaction its LSN`, `transaction \d+\.\d+ \(\d+ of the history\) is aborted`},
		{"bugDeadlockUnseen", 6, faults.Answers, `^Writer \d never answered put, request \d+ of client \d`, `which has not ended; its own call, .* is not answered either`},
		{"bugGossipOnce", 2, faults.CatchUp, `Segment \d/\d: expected SCL \d+ .*; record \d+/\d+, which is on the disks of segment .* came to it`, ""},
		{"bugBeyondReadPoint", 1, faults.Floor, `^Writer \d: expected floor \d+ .* reader \d+ began query .* as of LSN \d+, which has not ended; its .* is not answered`, `reads nothing below LSN \d+`},
		{"bugSendsAllAgain", 1, faults.Traffic, `^Writer \d makes most of what is too much: append`, `began with append`},
		// Copies and the backup: the object, who put it, what it holds, and what the log makes of it.
		{"bugFillHalf", 5_000_004, faults.Pages, `^Segment \d/\d has a wrong page \d+ as of LSN \d+: from byte \d+ on it has 0x.. there, and segment \d/\d, as the log makes it, has 0x.. there; row .* its page is of LSN \d+ and lacks record \d+/\d+, .* took page images as of LSN \d+ from segment`, `which its page \d+ lacks`},
		{"bugBackupLatest", 8_000_000, faults.Restore, `^At .* segment \d/\d put to the store the object of group \d's pages from \d+ on, as of LSN \d+, which has as of LSN \d+ another page`, `log is durable up to`},
		{"bugBackupSkipsFirst", 5_000_001, faults.Restore, `^At .* segment \d/\d put to the store the object of group \d's records \d+ to \d+, which has no record \d+, and the log has record`, ``},
		{"bugBackupUnseen", 8_000_000, faults.Restore, `^No segment ever put to the store the object of group \d's records .* segment \d/\d was told that it is not there, put nothing, and at .* asked for the object of`, `went on all the same`},
		{"bugBackupOnce", 1_000_000, faults.Restore, `No segment ever put to the store the object volume: .* asked last at`, `has not asked for it in the`},
		// Waits: for what of whom, and what should have woken them.
		{"bugStalledForgotten", 4_000_005, faults.Answers, `^Writer \d never answered put, .* counted everything up to LSN \d+ as complete, so that there was room in the log, and the call that waited for it, .* was not taken up`, ``},
		{"bugGrantForgotten", 2_000_000, faults.Answers, `^Writer \d never answered put, .* ended transaction .* the call on it is not taken up again`, ``},
		{"bugPageAskedOnce", 2_000_002, faults.Answers, `^Writer \d never answered .* asked segment \d/\d for page \d+, which was lost on its way .* and has not asked again`, ``},
		{"bugFenceOnce", 2_000_000, faults.Progress, `^Writer \d does not get on: it is fencing, .* its fence \(epoch \d+\) to segment .* was lost, each once, .* and it has sent none since`, ``},
		{"bugReadPointKept", 6_000_001, faults.Floor, `was told by reader \d+, for the last time, that it reads nothing below LSN \d+, and goes by \d+ still`, ``},
		{"bugMonitorOnce", 9_000_000, faults.Replacement, `^Register: its monitor timer, .*once and never again.*nobody suspects it.*expected a spare in its place`, ``},
		// Too much, and too little.
		{"bugSyncsNothing", 3_000_000, faults.Writes, `^\d+ nodes of the kind segment make what is too much: syncs, .* of these syncs of segment \d/\d cover nothing: it had appended nothing since the sync before`, ``},
		{"bugScrubOnce", 5_000_000, faults.Upkeep, `segments look at their disks no more: at .* looked at its disk for the last time, after .* and not in the .* since`, ``},
		{"bugSendsPages", 9_000_000, judge.Wire, `^At .* writer \d+ sent segment \d/\d a [a-z-]+ .* a writer must send log records, and requests that carry no data`, ``},
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

// The older systems' faults are explained, too: a database whose log was not synced says by which crash it lost what.
func TestTheFaultOfAnOlderSystemIsNamed(t *testing.T) {
	g, err := harness.WithPoints()
	require.NoError(t, err)
	g.Bug = "bugLogNotSynced"
	i := slices.IndexFunc(older.Systems(), func(s harness.System) bool {
		return slices.ContainsFunc(s.About().Bugs, func(b faults.PlantedBug) bool { return b.Name == g.Bug })
	})
	require.GreaterOrEqual(t, i, 0)
	w := firstFailure(t, older.Systems()[i], g, 1, 60, func(target failure.Target) bool { return target.Check == faults.Progress })
	require.Regexp(t, `^Database 1 does not get on: it is broken, .* database 1 crashed \(.*\) and lost bytes \d+ to \d+ of log \(never synced\)`, w.Headline)
	require.NotEmpty(t, w.Causes)
}
