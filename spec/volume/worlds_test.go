package volume

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/tla"
)

func named(t testing.TB, name string) NamedWorld {
	t.Helper()
	worlds, err := Worlds()
	require.NoError(t, err)
	for _, w := range worlds {
		if w.Name == name {
			return w
		}
	}
	require.Fail(t, "no such world", name)
	return NamedWorld{}
}

// Every world that TLC has searched has the same number of states here, distinct and generated.
func TestWorldsAsTLCFoundThem(t *testing.T) {
	for _, table := range []struct{ name, tsv string }{
		{"worlds.tsv", tla.Worlds}, {"worlds-further.tsv", tla.FurtherWorlds}, {"worlds-trace.tsv", tla.TraceWorlds},
		{"worlds-acks.tsv", tla.AckWorlds},
	} {
		worlds, err := worldsOf(table.tsv)
		require.NoError(t, err)
		require.NotEmpty(t, worlds)
		for _, w := range worlds {
			t.Run(table.name+"/"+w.Name, func(t *testing.T) {
				m, err := NewModel(w.World)
				require.NoError(t, err)
				var model check.Model = m
				if w.unchecked {
					model = withoutInvariants{m}
				}
				r, err := check.Run(t.Context(), model, check.Options{NoReduction: true})
				require.NoError(t, err)
				require.Equal(t, check.Pass, r.Verdict, "%s does not hold: %s", r.Invariant, r.Guarantee)
				require.Equal(t, w.Distinct, r.Distinct, "distinct states")
				require.Equal(t, w.Generated, r.Generated, "generated states")
				require.Zero(t, r.Left)
				fired := uint64(1)
				for _, a := range r.Actions {
					fired += a.Times
				}
				require.Equal(t, r.Generated, fired, "every state generated but the first is an action taken")
			})
		}
	}
}

// withoutInvariants is a model searched past all violations, as TLC does when it is given no invariant.
type withoutInvariants struct{ *Model }

func (m withoutInvariants) NewMachine() check.Machine {
	return neverBroken{m.Model.NewMachine().(*machine)}
}

type neverBroken struct{ *machine }

func (neverBroken) Broken() int { return -1 }

// Every broken variant is found, by the invariant that TLC named and with the same counterexample at any number
// of workers; and its last state does break that invariant, by the full evaluation.
func TestBrokenVariantsAreFound(t *testing.T) {
	variants, err := BrokenVariants()
	require.NoError(t, err)
	ofAcks, err := AckVariants()
	require.NoError(t, err)
	ofTrace, err := TraceVariants()
	require.NoError(t, err)
	variants = slices.Concat(variants, ofAcks, ofTrace)
	require.Len(t, variants, int(bugs)-1, "one for each bug")
	for _, v := range variants {
		t.Run(v.World.Bug, func(t *testing.T) {
			var first *check.Result
			for _, workers := range []int{1, 2, 5} {
				r, err := Search(t.Context(), v.World, check.Options{Workers: workers})
				require.NoError(t, err)
				require.Equal(t, check.Violation, r.Verdict)
				require.Equal(t, v.Violates, r.Invariant)
				if first == nil {
					first = r
				}
				require.Equal(t, first.Trace, r.Trace)
				require.Equal(t, first.Digest, r.Digest)
			}
			m, err := NewModel(v.World)
			require.NoError(t, err)
			require.Equal(t, -1, follow(t, m, first.Trace[:len(first.Trace)-1]).broken(), "the state before the last")
			end := follow(t, m, first.Trace)
			broken, found := end.Broken()
			require.True(t, found)
			require.Equal(t, v.Violates, broken.Name)
			require.False(t, broken.Holds(end))
		})
	}
}

// follow takes the steps of a counterexample.
func follow(t *testing.T, m *Model, trace []check.Step) *State {
	machine := m.NewMachine().(*machine)
	for i, step := range trace {
		taken := false
		machine.Next(func(int, int) bool {
			taken = machine.Step() == step.Action
			return !taken
		})
		require.True(t, taken, "step %d, %s, is not possible", i+1, step.Action)
		require.NotEmpty(t, step.Changes)
	}
	return machine.State
}

// What is acknowledged and what recovery asks for must fit: of the four pairings only the highest SCL with
// acknowledgements of single records loses a commit.
func TestPairingsOfAcknowledgementAndRecovery(t *testing.T) {
	for _, recordAcks := range []bool{false, true} {
		for _, bug := range []bug{none, highestSCL} {
			w := named(t, "tiny-sym").World
			w.RecordAcks, w.Bug = recordAcks, bug.String()
			r, err := Search(t.Context(), w, check.Options{})
			require.NoError(t, err)
			if !recordAcks || bug == none {
				require.Equal(t, check.Pass, r.Verdict, "records %t, recovery %s: %s", recordAcks, bug, r.Invariant)
				continue
			}
			require.Equal(t, "Durable", r.Invariant)
			require.Len(t, r.Trace, 9) // two records of one transaction, two copies of each on three replicas, and its acknowledgement
			require.Equal(t, "Ack(1, t1)", r.Trace[8].Action)
		}
	}
}

// A world without the additions has the nine invariants and the guards of Volume.tla, and one with them those of VolumeAcks.tla.
func TestInvariantsOfAWorld(t *testing.T) {
	w := named(t, "tiny-sym").World
	require.Len(t, w.Invariants(), 9)
	for _, change := range []func(*World){
		func(w *World) { w.RecordAcks = true },
		func(w *World) { w.LAL = 2 },
		func(w *World) { w.Bug = "cut-per-group" },
	} {
		with := w
		change(&with)
		require.Len(t, with.Invariants(), 11)
		m, err := NewModel(with)
		require.NoError(t, err)
		require.Len(t, m.Invariants(), 11)
	}
}

// Quorums that do not overlap contradict nothing, so such a world is searched, and found wrong.
func TestQuorumsThatDoNotOverlapAreFoundWrong(t *testing.T) {
	for _, q := range []struct{ replicas, write, read int }{{2, 1, 1}, {3, 1, 2}, {3, 2, 1}, {3, 1, 1}, {4, 2, 2}} {
		w := named(t, "tiny-sym").World
		w.Replicas, w.WriteQuorum, w.ReadQuorum = q.replicas, q.write, q.read
		r, err := Search(t.Context(), w, check.Options{})
		require.NoError(t, err)
		require.Equal(t, check.Violation, r.Verdict, "W = %d and R = %d of %d", q.write, q.read, q.replicas)
		require.NotEmpty(t, r.Trace)
	}
}

// Without the symmetry the same behaviours are found, only more of their states; a world of one replica has none.
func TestReductionsAreReported(t *testing.T) {
	for name, reductions := range map[string]int{"tiny": 0, "tiny-sym": 1, "two-groups-small": 0} {
		r, err := Search(t.Context(), named(t, name).World, check.Options{NoReduction: true})
		require.NoError(t, err)
		require.Len(t, r.Reductions, reductions, name)
	}
}

// A world that contradicts itself or does not fit is refused, and the error names the limit.
func TestWorldsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*World)
		want   string
	}{
		"no groups":       {func(w *World) { w.Groups = 0 }, "world: groups is 0; expected 1 to 256"},
		"ten replicas":    {func(w *World) { w.Replicas = 10 }, "world: replicas is 10; expected 1 to 9"},
		"W above N":       {func(w *World) { w.WriteQuorum = 4 }, "world: writeQuorum is 4; expected 1 to 3 (replicas)"},
		"no R":            {func(w *World) { w.ReadQuorum = 0 }, "world: readQuorum is 0; expected 1 to 3 (replicas)"},
		"no keys":         {func(w *World) { w.Keys = 0 }, "world: keys is 0; expected 1 to 1073741824"},
		"negative txns":   {func(w *World) { w.Txns = -1 }, "world: txns is -1; expected 1 to 1073741824"},
		"no LSN":          {func(w *World) { w.MaxLSN = 0 }, "world: maxLSN is 0; expected 1 to 1073741824"},
		"too many epochs": {func(w *World) { w.MaxEpoch = 40000 }, "world: maxEpoch is 40000; expected 1 to 32767"},
		"too many replicas in all": {func(w *World) { w.Groups, w.Replicas = 100, 9 },
			"world: groups × replicas is 900; expected at most 256"},
		"unknown bug": {func(w *World) { w.Bug = "cut-at-lowest" }, `world: bug is "cut-at-lowest"; expected one of none, cut-at-highest,`},
		"a state that does not fit": {func(w *World) { w.MaxLSN = 5000 },
			"world: groups × replicas × maxLSN × maxEpoch is 1 × 3 × 5000 × 2, so that one state takes up to 7521 bytes; expected a state of at most 4096 bytes"},
		"everything at its largest": {func(w *World) {
			*w = World{Groups: 28, Replicas: 9, WriteQuorum: 9, ReadQuorum: 9, Keys: 1 << 30, Txns: 1 << 30, MaxLSN: 1 << 30, MaxEpoch: 32767, Mtr: true, Answers: true}
		}, "expected a state of at most 4096 bytes"},
		"a limit below 0":     {func(w *World) { w.LAL = -1 }, "world: lal is -1; expected 0 (no limit) to 1073741824"},
		"no limit to go past": {func(w *World) { w.Bug = "allocate-past-lal" }, "world: lal is 0 under the bug allocate-past-lal; expected a limit to go past, 1 or more"},
		"single acknowledgements that do not fit": {func(w *World) { w.MaxLSN, w.RecordAcks = 3600, true },
			"world: groups × replicas × maxLSN × maxEpoch is 1 × 3 × 3600 × 2, so that one state takes up to"},
		"holes in what they do not fit": {func(w *World) { w.Bug, w.Savepoints = "cut-per-group", true },
			"world: structures, moves, savepoints is true under the bug cut-per-group; expected false: what its holes leave"},
		"spares below a quorum": {func(w *World) { w.Spares = 2 }, "world: spares is 2; expected 0 to 1 (replicas less the larger quorum)"},
		"groups that are none":  {func(w *World) { w.InUse = 2 }, "world: inUse is 2; expected 0 to 1 (groups)"},
		"too many sets":         {func(w *World) { w.Members = 65 }, "world: members is 65; expected 0 to 64"},
		"a tail that is none":   {func(w *World) { w.Tails = []int{0, 3} }, "world: tails[1] is 3; expected 0 to 2"},
		"tails like the others": {func(w *World) { w.Tails = []int{1} }, "world: symmetry is true in a world with tails"},
		"sets of single acknowledgements": {func(w *World) { w.Members, w.RecordAcks = 2, true },
			"world: members, spares, grows, inUse, tails is given in a world with recordAcks"},
		"homes of other keys": {func(w *World) { w.HomeOf = []int{0, 0} }, "world: homeOf is a list of 2; expected none, or one group for each of 1 keys"},
		"home in no group":    {func(w *World) { w.HomeOf = []int{1} }, "world: homeOf[0] is 1; expected 0 to 0"},
	} {
		t.Run(name, func(t *testing.T) {
			w := named(t, "tiny-sym").World
			c.change(&w)
			var refused *WorldError
			require.ErrorAs(t, w.Validate(), &refused)
			require.ErrorContains(t, refused, c.want)
			_, err := Search(t.Context(), w, check.Options{})
			require.ErrorContains(t, err, c.want)
		})
	}
}

// The largest states that are accepted do encode, to no more than is said.
func TestLargeWorldsFit(t *testing.T) {
	for _, w := range []World{
		{Groups: 12, Replicas: 9, WriteQuorum: 5, ReadQuorum: 5, Keys: 30, Txns: 20, MaxLSN: 20, MaxEpoch: 6, Aborts: true, Mtr: true, Symmetry: true},
		{Groups: 3, Replicas: 6, WriteQuorum: 4, ReadQuorum: 3, Keys: 9, Txns: 9, MaxLSN: 60, MaxEpoch: 4, Symmetry: true, Rewrites: true, Answers: true},
		{Groups: 3, Replicas: 6, WriteQuorum: 4, ReadQuorum: 3, Keys: 9, Txns: 9, MaxLSN: 60, MaxEpoch: 4, Symmetry: true, RecordAcks: true, LAL: 20, Bug: "cut-per-group"},
		{Groups: 5, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 9, Txns: 9, MaxLSN: 60, MaxEpoch: 4, Mtr: true, Symmetry: true, Rewrites: true, Answers: true, Structures: true, Moves: true, Savepoints: true},
		{Groups: 3, Replicas: 9, WriteQuorum: 4, ReadQuorum: 3, Keys: 2, Txns: 9, MaxLSN: 60, MaxEpoch: 4, Answers: true, Structures: true, Moves: true, Members: 8, Spares: 3, Grows: true, InUse: 1},
		{Groups: 1, Replicas: 1, WriteQuorum: 1, ReadQuorum: 1, Keys: 3000, Txns: 100, MaxLSN: 200, MaxEpoch: 3},
	} {
		w := newWalk(t, w, 7)
		for n := 0; n < 40 && w.step(); n++ {
			code := w.Encode(nil)
			require.LessOrEqual(t, len(code), w.layout.maxBytes())
			other := newWalk(t, w.world, 7)
			require.NoError(t, other.Load(code))
			require.Equal(t, code, other.Encode(nil))
		}
		require.Greater(t, w.Steps(), 30)
	}
}

func TestWorldFiles(t *testing.T) {
	w, err := ParseWorld([]byte(`{"groups":1, "replicas":3, "writeQuorum":2, "readQuorum":2, "keys":1, "txns":1,
		"maxLSN":2, "maxEpoch":2, "aborts":false, "mtr":false, "bug":"none", "symmetry":true}`))
	require.NoError(t, err)
	require.Equal(t, named(t, "tiny-sym").World, w)
	for text, want := range map[string]string{
		`{"replica":3}`:   `world file: unknown field "replica"; known keys: groups, replicas, writeQuorum,`,
		`{"groups":"3"}`:  "world file: cannot unmarshal string",
		`{"groups":3`:     "world file: not a JSON object: unexpected end of JSON input",
		`null`:            "world file: not a JSON object",
		`[]`:              "world file: not a JSON object",
		`{"groups":3} {}`: "world file: not a JSON object",
	} {
		_, err := ParseWorld([]byte(text))
		var bad *WorldFileError
		require.ErrorAs(t, err, &bad, text)
		require.ErrorContains(t, err, want)
	}
}

// The encoding of something else is not loaded as if it were a state.
func TestLoadRefusesWhatIsNoState(t *testing.T) {
	w := newWalk(t, named(t, "aborts").World, 3)
	var long []byte
	for n := 0; n < 40 && w.step(); n++ {
		if code := w.Encode(nil); len(code) > len(long) {
			long = code
		}
	}
	var bad *EncodingError
	require.ErrorAs(t, w.Load(long[:len(long)-1]), &bad)
	require.ErrorContains(t, bad, fmt.Sprintf("expected the whole of a state, found only %d bytes", len(long)-1))
	require.ErrorAs(t, w.Load([]byte{0b10_10_01_11, 0xff, 0xff, 0xff}), &bad)
}
