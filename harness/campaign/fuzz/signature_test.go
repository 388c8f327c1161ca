package fuzz

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
)

func textOf(t *testing.T, x any) []byte {
	text, err := json.Marshal(x)
	require.NoError(t, err)
	return text
}

func said(bad string, causes ...string) *why.What {
	w := &why.What{Target: failure.Target{Check: faults.Durability, Rule: "nothing acknowledged is lost", Verdict: judge.Violation}}
	w.Bad = &why.Link{Node: "segment 1/3", Words: bad}
	for _, c := range causes {
		w.Causes = append(w.Causes, why.Link{Node: "writer 2", Words: c})
	}
	return w
}

// The same mistake shows at other segments, LSNs and times in every run; another mistake that breaks the same rule does something else.
func TestASignatureTellsCausesApartAndNotRuns(t *testing.T) {
	a := SignatureOf(said("acknowledged LSN 17 at 12.5 ms", "sent records 3, 4 and 7"))
	require.Equal(t, a, SignatureOf(said("acknowledged LSN 3 at 7 ms", "sent records 9, 11, 12 and 15")))
	require.Equal(t, a.String(), SignatureOf(said("acknowledged LSN 3 at 7 ms", "sent records 9, 11, 12 and 15")).String())
	require.Equal(t, []string{"segment # acknowledged LSN # at # ms", "writer # sent records #"}, a.Causes)
	require.NotEqual(t, a.String(), SignatureOf(said("acknowledged LSN 17 at 12.5 ms", "forgot record 3")).String())
	require.NotEqual(t, a.String(), SignatureOf(said("promised epoch 2", "sent records 3, 4 and 7")).String())
	other := said("acknowledged LSN 17 at 12.5 ms", "sent records 3, 4 and 7")
	other.Target.Rule = "another"
	require.NotEqual(t, a.String(), SignatureOf(other).String())
}

// How often something happened in a row is no other cause.
func TestARepeatedCauseCountsOnce(t *testing.T) {
	require.Equal(t, SignatureOf(said("x", "lost write 1")), SignatureOf(said("x", "lost write 1", "lost write 2")))
	stalled := &why.What{Waits: []why.Wait{{Node: "client 1", For: "an answer", Of: "writer 1"}}}
	require.Equal(t, []string{"client # waits for an answer of writer #"}, SignatureOf(stalled).Causes)
}
