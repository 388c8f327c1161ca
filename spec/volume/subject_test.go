package volume

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/tla"
)

// The tables' figures are held against the model elsewhere; here, that a user gets at each world by its name.
func TestSubjectHasEveryWorld(t *testing.T) {
	s := Subject()
	names := map[string]bool{}
	for _, w := range s.Worlds {
		require.False(t, names[w.Name], "two worlds are called %s", w.Name)
		names[w.Name] = true
		m, err := s.Read(w.Constants)
		require.NoError(t, err, w.Name)
		var given World
		require.NoError(t, json.Unmarshal(w.Constants, &given))
		require.Equal(t, given, m.World())
		if given.Bug == "none" || w.Violates == "" { // a bug that does no harm in this world
			require.NotZero(t, w.Distinct)
			require.NotZero(t, w.Generated)
		} else {
			require.Equal(t, given.Bug, w.Name)
			require.NotEmpty(t, w.Violates)
		}
		_, err = s.Config(w.Constants)
		require.NoError(t, err, w.Name)
		_, err = s.Root(w.Constants)
		require.NoError(t, err, w.Name)
	}
	for _, bug := range Bugs()[1:] {
		require.True(t, names[bug])
		require.Contains(t, s.Bugs, bug)
	}
	for _, tsv := range []string{tla.Worlds, tla.FurtherWorlds, tla.TraceWorlds, tla.AckWorlds} {
		list, err := worldsOf(tsv)
		require.NoError(t, err)
		for _, w := range list {
			require.NotEqual(t, w.unchecked, names[w.Name], w.Name)
		}
	}
	require.True(t, names["1x1-up0"])
	_, err := s.Read([]byte(`{"groups": 0}`))
	var wrong *WorldError
	require.ErrorAs(t, err, &wrong)
}

// A world with progress comes out as TLC said.
func TestSubjectProgress(t *testing.T) {
	s := Subject()
	for name, violates := range map[string]string{"1x1-up1": "", "1x1-up0": "Opens(2)"} {
		w, err := s.Lookup(name)
		require.NoError(t, err)
		require.Equal(t, violates, w.Violates)
		trial := s.Try(t.Context(), w, check.Options{})
		require.True(t, trial.AsExpected(), trial.Problem)
	}
}

// What TLC is told of a world. Whether TLC then finds the figures of the tables is for a user with TLC to see:
// firstgap check volume --tlc.
func TestTwin(t *testing.T) {
	s := Subject()
	twin := func(constants string) (string, string) {
		root, err := s.Root([]byte(constants))
		require.NoError(t, err)
		config, err := s.Config([]byte(constants))
		require.NoError(t, err)
		return root, config
	}
	root, config := twin(`{"groups": 2, "replicas": 2, "writeQuorum": 2, "readQuorum": 1, "keys": 3, "txns": 4, "maxLSN": 5,
		"maxEpoch": 6, "mtr": true, "bug": "amnesia", "symmetry": true, "homeOf": [1, 0, 0]}`)
	require.Equal(t, `---- MODULE MC ----
EXTENDS Volume, TLC

CONSTANTS g1_r1, g1_r2, g2_r1, g2_r2, k1, k2, k3, g1, g2

TheReplicas == {g1_r1, g1_r2, g2_r1, g2_r2}
TheKeys == {k1, k2, k3}
TheGroupOf == g1_r1 :> g1 @@ g1_r2 :> g1 @@ g2_r1 :> g2 @@ g2_r2 :> g2
TheHomeOf == k1 :> g2 @@ k2 :> g1 @@ k3 :> g1
Symmetry == {p @@ q : p \in Permutations({g1_r1, g1_r2}), q \in Permutations({g2_r1, g2_r2})}
====
`, root)
	require.Equal(t, `SPECIFICATION Spec
CONSTANTS
  g1_r1 = g1_r1
  g1_r2 = g1_r2
  g2_r1 = g2_r1
  g2_r2 = g2_r2
  k1 = k1
  k2 = k2
  k3 = k3
  g1 = g1
  g2 = g2
  Replica <- TheReplicas
  Key <- TheKeys
  GroupOf <- TheGroupOf
  HomeOf <- TheHomeOf
  MaxTxn = 4
  W = 2
  R = 1
  MaxLSN = 5
  MaxEpoch = 6
  Aborts = FALSE
  Mtr = TRUE
  Bug = "amnesia"
SYMMETRY Symmetry
INVARIANTS TypeOK OneLog Durable NothingLost KeptIsStored CompleteIsStored FreshRead UndoRestores MtrAtomic
CHECK_DEADLOCK FALSE
`, config)

	const small = `"groups": 1, "replicas": 2, "writeQuorum": 2, "readQuorum": 1, "keys": 1, "txns": 1, "maxLSN": 2, "maxEpoch": 2`
	root, config = twin(`{` + small + `, "answers": true}`)
	require.Contains(t, root, "EXTENDS VolumeTrace, TLC")
	require.NotContains(t, root, "Symmetry")
	require.NotContains(t, config, "SYMMETRY")
	require.Contains(t, config, "SPECIFICATION TraceSpec\n")
	require.Contains(t, config, "  Rewrites = FALSE\n  Answers = TRUE\n")
	require.Contains(t, config, "  UndoRestores <- TraceUndoRestores\n  MtrAtomic <- TraceMtrAtomic\n")
	require.Contains(t, config, "  Bug = \"none\"\n")

	for _, change := range []string{"structures", "moves", "savepoints"} {
		root, config = twin(`{` + small + `, "` + change + `": true}`)
		require.Contains(t, root, "EXTENDS VolumeTrace, TLC")
		require.Contains(t, config, "  "+strings.ToUpper(change[:1])+change[1:]+" = TRUE\n")
	}

	root, config = twin(`{"groups": 2, "replicas": 3, "writeQuorum": 2, "readQuorum": 1, "keys": 1, "txns": 1, "maxLSN": 2, "maxEpoch": 2,
		"members": 4, "spares": 1, "grows": true, "inUse": 1, "tails": [1]}`)
	require.Contains(t, root, "EXTENDS VolumeTrace, TLC")
	require.Contains(t, root, "TheFirstMembers == {g1_r1, g1_r2, g2_r1, g2_r2}\nTheFirstGroups == {g1}\nTheFull == {g1_r1, g1_r3, g2_r1, g2_r3}\n")
	require.Contains(t, config, "  Members = 4\n  Grows = TRUE\n  FirstMembers <- TheFirstMembers\n")
	require.Contains(t, config, "  Durable <- TraceDurable\n  CompleteIsStored <- TraceCompleteIsStored\n  FreshRead <- TraceFreshRead\n")

	root, config = twin(`{` + small + `, "up": [1]}`)
	require.Contains(t, root, "EXTENDS VolumeLive, TLC")
	require.Contains(t, root, "TheUp == {g1_r1}\n")
	require.Contains(t, config, "SPECIFICATION LiveSpec\n")
	require.Contains(t, config, "  Up <- TheUp\nPROPERTIES Opens Answers\n")

	root, config = twin(`{` + small + `, "recordAcks": true}`)
	require.Contains(t, root, "EXTENDS VolumeAcks, TLC")
	require.Contains(t, config, "SPECIFICATION AcksSpec\n")
	require.Contains(t, config, "  RecordAcks = TRUE\n  Lal = 2\n  Cut <- AcksCut\n")
	require.Contains(t, config, " MtrAtomic WithinLAL TxnAtomic\n")
	_, config = twin(`{` + small + `, "lal": 1}`)
	require.Contains(t, config, "  RecordAcks = FALSE\n  Lal = 1\n  Cut <- AcksCut\n")
	_, config = twin(`{` + small + `, "bug": "cut-per-group"}`)
	require.Contains(t, config, "SPECIFICATION AcksSpec\n")

	_, err := s.Config([]byte(`{` + small + `, "lal": 1, "answers": true}`))
	require.ErrorContains(t, err, "expected none for TLC")
	_, err = s.Config([]byte(`{` + small + `, "up": [1], "rewrites": true}`))
	require.ErrorContains(t, err, "expected false for TLC")
	_, err = s.Root([]byte(`{` + small + `, "bug": "frogs"}`))
	require.ErrorContains(t, err, "expected one of none, cut-at-highest")
}
