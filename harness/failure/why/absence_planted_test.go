//go:build failpoints

package why

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/failure"
)

// What is named is the node that left something out, and the work that it left out: not the node that waits for it, and not what others of its
// kind do, which have the same mistake.
func TestTheHeadlineNamesWhatDidNotHappen(t *testing.T) {
	g, err := harness.WithPoints()
	require.NoError(t, err)
	for _, c := range []struct {
		bug      string
		seed     uint64
		headline string // a pattern
	}{
		{"bugMonitorOnce", 9000000, `^Register: its monitor timer, set at \S+ ms, fired at \S+ ms, once and never again: when it set it, it sent ping to .*; it was due \d+ times more\. In the end: segment 1/5 lost its disk at 54\.975 ms; .* nobody suspects it`},
		{"bugBackupOnce", 1000000, `^Segment \d/\d: its backup timer, .* once and never again.*; so it was with \d+ more of its kind`},
		{"bugGossipOnce", 9000000, `^Segment \d/\d: its gossip timer, .* once and never again`},
		{"bugCoalesceOnce", 5000000, `^Segment \d/\d: its coalescing timer, .* once and never again`},
		{"bugScrubOnce", 5000000, `^Segment \d/\d: its scrubbing timer, .* once and never again`},
		{"bugStreamOnce", 6000001, `^Writer 3 sent reader 1 record 261 for the last time at .* did not send it again, though reader 1 told it \d+ times since, .* everything up to LSN 260`},
		{"bugFenceOnce", 2000000, `^Writer 3 does not get on: it is fencing, .*; its fence \(epoch 3\) to segment 1/1 .* was lost, .* it has sent none since`},
		{"bugCompeteOnce", 2000000, `^Writer 4 does not get on: it is competing, .*; its read-epoch to register was lost, .* it has sent none since`},
		{"bugPageAskedOnce", 2000002, `^Writer 2 never answered put, .* writer 2 asked segment 1/3 for page 1, which was lost .* has not asked again`},
		{"bugReaderAsksOnce", 7000001, `^Reader 1 sent segment 1/3 read-snapshot \(page 2\) at .*, and did not send it again: .* the way between the two was open`},
		{"bugNeverResends", 7000001, `^Writer 2 never sent segment 1/4 record 15, though segment 1/4 told it at .* everything up to LSN 14`},
		{"bugLossUnheard", 9000000, `^Segment 1/5 lost its disk at .*, and answered register \d+ times, .* that it is lost; what it told writer 6 since, \d+ times, does not name it`},
		{"bugNeverFilled", 9000000, `^Segment 1/7 shall take the place of segment 1/5 since .*; it told writer 6 at .* that it has everything up to LSN \d+, .* writer 6, of epoch 6, has never asked for a change`},
		{"bugNeedForgotten", 1000000, `^Writer 2 asked segment 1/1 for page 0 as of LSN 232, of whoever is complete up to LSN 0; the last record of its group below is 208/3`},
		{"bugReadsUnconfirmed", 1000002, `^Writer 1 answered the commit of transaction 1\.51, which only read, without asking a segment whether epoch 1 still holds: it had last heard from one at 81\.365 ms; epoch 2 was given at`},
		{"bugSharedEpoch", 10000018, `^Register gave epoch 2 to writer 2, .* and answered writer 3 as well, .* that it has won epoch 2; it wrote nothing in that step`},
		{"bugCachesLate", 4000000, `^Reader 2 keeps page 1 as of LSN 5, which came from segment 1/1 .*; record 6/1, a change of that page, had come into its view at .*, before it asked`},
	} {
		t.Run(c.bug, func(t *testing.T) {
			g.Bug = c.bug
			w := firstFailure(t, aurora.System(), g, c.seed, 1, func(failure.Target) bool { return true })
			require.Regexp(t, c.headline, w.Headline)
			require.NotEmpty(t, w.Causes)
			if w.Target.Check == "replacement" {
				require.NotContains(t, w.Rule.Text, "keeps up by itself")
			}
		})
	}
}
