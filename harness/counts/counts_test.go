package counts_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/tally"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/reader"
	"github.com/firstgap/firstgap/impl/segment"
	"github.com/firstgap/firstgap/impl/writer"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// What a node tells is added to the field of its name; a name that no field has is kept beside, and not lost.
func TestWhatNodesTellIsAdded(t *testing.T) {
	var c counts.Counts
	c.Tell([]node.State{
		{Counters: []node.Counter{{Name: "structures", Value: 2}, {Name: "elections", Value: 3}}, Lags: []uint64{1, 2}},
		{Counters: []node.Counter{{Name: "structures", Value: 5}, {Name: "elections", Value: 4}, {Name: "ballots", Value: 1}}},
	})
	require.EqualValues(t, 7, c.Structures)
	require.Equal(t, counts.Other{{Name: "ballots", Value: 1}, {Name: "elections", Value: 7}}, c.Other)
	require.EqualValues(t, 2, c.Lag[1])
	sum := c
	sum.Add(&c)
	require.EqualValues(t, 14, sum.Structures)
	require.Equal(t, counts.Other{{Name: "ballots", Value: 2}, {Name: "elections", Value: 14}}, sum.Other)
	last := sum.Amounts()[len(sum.Amounts())-1]
	require.Equal(t, counts.Amount{Name: "elections", Text: "elections", Value: 14}, last)
}

// A counter of our own nodes that lost its field would be listed under a name for programs, and a campaign in which it stayed
// zero would pass.
func TestOurNodesCountersHaveFields(t *testing.T) {
	var c counts.Counts
	known := tally.Index(&c)
	for _, of := range []any{writer.Counters{}, segment.Counters{}, reader.Counters{}} {
		for _, n := range node.Counters(of) {
			require.NotNil(t, known[n.Name], "%T: %q is no field of Counts", of, n.Name)
		}
	}
}

func TestEveryAmountHasANameOfItsOwn(t *testing.T) {
	var c counts.Counts
	names, texts := map[string]bool{}, map[string]bool{}
	for _, a := range c.Amounts() {
		require.False(t, names[a.Name], a.Name)
		names[a.Name] = true
		if !strings.HasPrefix(a.Text, "of these") {
			require.False(t, texts[a.Text], a.Text)
			texts[a.Text] = true
		}
	}
	require.Greater(t, len(names), 70)
}
