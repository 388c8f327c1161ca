package why

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/node"
)

func someNames(id node.ID) string {
	if id == 27 {
		return "writer 8"
	}
	return fmt.Sprintf("process %d", id)
}

// Real lines of real failures: the variables of a model say nothing to somebody who has not read it.
func TestWhatWasAllowedIsSaidInSentences(t *testing.T) {
	for _, c := range []struct{ lines, want []string }{
		{[]string{"epoch 1 is open: log to 2, kept 0, VCL 0, VDL 0", "Advance to 0", "by then LSN 1 is in group 1, complete: segment 1/1 at 0 (write quorum 1)"},
			[]string{"The writer of epoch 1 serves; its log ends at LSN 2, complete up to 0 (VCL) and durable up to 0 (VDL).",
				"It may not count more as complete than up to LSN 0 (VCL).",
				"Of group 1 everything up to LSN 1 has to be on a write quorum of 1, and complete is segment 1/1 up to LSN 0."}},
		{[]string{"epoch 2 is repairing: log to 4, kept 4, VCL 0, VDL 0", "no Open; group 1 needs 4, complete: segment 1/1 at 4, segment 1/2 at 2 (write quorum 2)",
			"by then group 1 needs 4, complete: segment 1/1 at 4, segment 1/2 at 2 (write quorum 2)"},
			[]string{"The writer of epoch 2 repairs the log, and does not serve yet; its log ends at LSN 4, of which it took over all up to 4, complete up to 0 (VCL) and durable up to 0 (VDL).",
				"It may not serve yet: of group 1 everything up to LSN 4 has to be on a write quorum of 2, and complete is segment 1/1 up to LSN 4, segment 1/2 up to LSN 2."}},
		{[]string{"no Open; group 1 needs 29, complete: nobody (write quorum 3 of each of {1 2 3 4})"},
			[]string{"It may not serve yet: of group 1 everything up to LSN 29 has to be on a write quorum of 3 of each of segments 1, 2, 3, 4, and no segment has said how far it is."}},
		{[]string{"epoch 1 is open: log to 7, kept 0, VCL 7, VDL 7", "Advance to 7", "floor 5",
			"reader 1 follows epoch 1, on true, held true, got 1..7, told 7, view 7, last 5, snap 5, VDL 7 there", "the query reads as of 5", "page 1 is of LSN 5 there and of 7 in view"},
			[]string{"The writer of epoch 1 serves; its log ends at LSN 7, complete up to 7 (VCL) and durable up to 7 (VDL).",
				"Reader 1 follows the writer of epoch 1, has its log up to LSN 7, knows that it is durable up to LSN 7, and shows new queries the state as of LSN 7; its queries read as of LSN 5.",
				"The query reads as of LSN 5.", "As of that point the newest change of page 1 is that of LSN 5; at the reader's newest view it is that of LSN 7."}},
		{[]string{"segment 1/3: promise 2, line 1, SCL 4, holds 1-4, 7", "Store of 5/1 write", "Join of epoch 2", "Join of epoch 2"},
			[]string{"Segment 1/3 has promised epoch 2, follows the log of epoch 1 and has everything up to LSN 4 (SCL); it holds 1-4, 7.",
				"It may say of these records that they are on its disk: 5/1 write.", "It may join epoch 2."}},
		{[]string{"epoch 3 is fencing", "Decide by all answers: cut 4 on the line of epoch 2", "answers: segment 1/1 on line 2 holds 1-4; node 27 was on line 1"},
			[]string{"The writer of epoch 3 asks segments for their promises.", "By all answers that it has it may cut the log behind LSN 4, on the line of epoch 2.",
				"These have answered: segment 1/1 on line 2 holds 1-4, writer 8 was on line 1."}},
		{[]string{"Start of epoch 3", "a stranger's own words", `"c6.29"`}, []string{"The next epoch that a writer may be given is 3.", "a stranger's own words", `To find "c6.29".`}},
		{[]string{"no cut, for whoever cuts the log has heard of a read quorum of every group", "Fence by epoch 2", "Open", "Ack of 1.2", "Commit of 1.3", "Undo of 1.4", "node 5 is there"},
			[]string{"It may not cut the log yet, for whoever cuts the log has heard of a read quorum of every group.", "It may promise epoch 2.", "It may begin to serve.", "It may acknowledge transaction 1.2."}},
	} {
		require.Equal(t, c.want, names(someNames).sentences(c.lines))
	}
}

// One who reads "node 27" in one sentence and "writer 8" in the next cannot know that they are one.
func TestNodesAreCalledByTheirNames(t *testing.T) {
	w := What{Headline: "At 4 ms writer 8: node 27 speaks for the writer of epoch 7 (found node 27).", Bad: &Link{Node: "writer 8", Words: "heard node 27"},
		Chain: []Link{{Words: "node 27 and node 9"}}, Causes: []Link{{Words: "of node 27"}}, Beliefs: []Belief{{Model: "node 27"}},
		Finding: judge.Finding{Subject: "node 27", Expected: "node 26", Found: "node 27", Rule: "node 27"}, Allowed: []string{"node 27 begins"}}
	w.plain(someNames)
	require.Equal(t, "At 4 ms writer 8 speaks for the writer of epoch 7 (found writer 8).", w.Headline)
	require.Equal(t, []string{"heard writer 8", "writer 8 and node 9", "of writer 8", "writer 8", "writer 8", "node 26", "writer 8", "writer 8 begins"},
		[]string{w.Bad.Words, w.Chain[0].Words, w.Causes[0].Words, w.Beliefs[0].Model, w.Finding.Subject, w.Finding.Expected, w.Finding.Found, w.Allowed[0]})
	require.Equal(t, "node 27", w.Finding.Rule, "by its rule a finding is known")
}
