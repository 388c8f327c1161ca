package reader

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBadWorldsAreRefused(t *testing.T) {
	for _, c := range []struct {
		change string // to the world tiny
		err    string
	}{
		{`"groups": 0`, "world: groups is 0; expected 1 to 2"},
		{`"groups": 3`, "world: groups is 3; expected 1 to 2"},
		{`"members": 5`, "world: members is 5; expected 1 to 4"},
		{`"writeQuorum": 2`, "world: writeQuorum is 2; expected 1 to 1 (members)"},
		{`"readQuorum": 0`, "world: readQuorum is 0; expected 1 to 1 (members)"},
		{`"pages": 4`, "world: pages is 4; expected 1 to 3"},
		{`"readers": -1`, "world: readers is -1; expected 1 to 3"},
		{`"txns": 6`, "world: txns is 6; expected 1 to 5"},
		{`"maxLSN": 6`, "world: maxLSN is 6; expected 1 to 5"},
		{`"maxEpoch": 4`, "world: maxEpoch is 4; expected 1 to 3"},
		{`"bug": "cut-at-highest"`, `world: bug is "cut-at-highest"; expected one of none, show-uncommitted, view-inside-mtr, apply-beyond-vdl, ` +
			`vdl-goes-back, commit-by-arrival, cache-past-snapshot, newest-from-segment, lagging-segment, drop-in-flight, collect-at-vdl, ` +
			`report-view, report-told, promote-at-view, promote-keeps-cache, promote-forgets-readers, follow-keeps-tail, anew-keeps-cache, given-up-is-held`},
		{`"replicas": 3`, "world: unknown key replicas; known: groups, members, writeQuorum, readQuorum, pages, readers, txns, maxLSN, maxEpoch, mtr, leases, bug, symmetry"},
	} {
		t.Run(c.change, func(t *testing.T) {
			named, err := Subject().Lookup("tiny")
			require.NoError(t, err)
			var world map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(named.Constants, &world))
			require.NoError(t, json.Unmarshal([]byte("{"+c.change+"}"), &world))
			text, err := json.Marshal(world)
			require.NoError(t, err)
			_, err = Subject().Read(text)
			require.EqualError(t, err, c.err)
		})
	}
	_, err := Subject().Read([]byte(`{"groups": "one"}`))
	require.ErrorContains(t, err, "world:")
	_, err = New(World{Groups: 1})
	var wrong *WorldError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "members", wrong.Parameter)
}

// An empty bug means "none", and the receipt says so.
func TestNoBugIsNone(t *testing.T) {
	m, err := Subject().Read([]byte(`{"groups": 1, "members": 1, "writeQuorum": 1, "readQuorum": 1, "pages": 1, "readers": 1, "txns": 1, "maxLSN": 1, "maxEpoch": 1, "bug": ""}`))
	require.NoError(t, err)
	require.Equal(t, noBug, m.World().(World).Bug)
}
