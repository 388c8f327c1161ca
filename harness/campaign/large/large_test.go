package large

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/subjects"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// The estimate is within the error that it says, at any number: as many of the sketches as that claims, and not all to one side.
func TestTheErrorIsAsStated(t *testing.T) {
	for _, n := range []int{1, 10, 100, 1_000, 5_000, 20_000, 100_000} {
		within, sum := 0, 0.0
		const sketches = 60
		for k := range sketches {
			var s Sketch
			for i := range n {
				s.Add(mix(uint64(k)<<32 | uint64(i)))
			}
			off := float64(s.Estimate())/float64(n) - 1
			sum += off
			if math.Abs(off) <= 2*StandardError {
				within++
			}
		}
		require.GreaterOrEqual(t, within, sketches*9/10, "%d states", n)
		require.Less(t, math.Abs(sum/sketches), StandardError/2, "%d states: the estimates lean to one side", n)
	}
	var none Sketch
	require.Zero(t, none.Estimate())
}

// mix is a number for a number, as good as random (splitmix64).
func mix(n uint64) uint64 {
	n = (n + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// What is merged is what one pass over all would have been, in any order and with any overlap.
func TestMergingIsOnePass(t *testing.T) {
	var all Sketch
	parts := make([]Sketch, 7)
	for i := range 30_000 {
		f := mix(uint64(i % 20_000))
		all.Add(f)
		parts[i*i%7].Add(f)
	}
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5, 6}, {6, 2, 4, 0, 5, 1, 3, 3, 2}} {
		var merged Sketch
		for _, p := range order {
			merged.Merge(&parts[p])
		}
		require.Equal(t, all, merged)
	}
	require.InEpsilon(t, 20_000, float64(all.Estimate()), 2*StandardError)
	parts[0].Add(1 << 10) // 41 zeros behind the number of the register
	require.NotEqual(t, all.most, parts[0].most)
}

func TestASketchTravels(t *testing.T) {
	for _, n := range []int{0, 1, 300, 10_000, 3_000_000} {
		var s, back Sketch
		for i := range n {
			s.Add(mix(uint64(i)))
		}
		text, err := s.MarshalText()
		require.NoError(t, err)
		require.Less(t, len(text), 3_000, "%d states", n)
		if n <= 300 {
			require.Less(t, len(text), 700, "%d states", n)
		}
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, s, back)
	}
	var s Sketch
	s.Add(5)
	text, err := s.MarshalText()
	require.NoError(t, err)
	short, err := packed(make([]byte, 17))
	require.NoError(t, err)
	long, err := packed(make([]byte, 1<<20)) // which is short when it is compressed
	require.NoError(t, err)
	high, err := packed(bytes.Repeat([]byte{longest + 1}, registers))
	require.NoError(t, err)
	for name, c := range map[string]struct{ text, want string }{
		"no base64":     {"?", "illegal base64"},
		"cut off":       {string(text[:len(text)/2/4*4]), "EOF"},
		"short":         {short, "expected 4096 registers, found 17"},
		"too long":      {long, "expected 4096 registers, found 4097"},
		"impossible":    {high, "register 0 is 54; expected at most 53"},
		"without end":   {strings.Repeat("A", 1<<20), "expected at most 8192 bytes"},
		"nothing at it": {"", "EOF"},
	} {
		var e *SketchError
		err := s.UnmarshalText([]byte(c.text))
		require.ErrorAs(t, err, &e, name)
		require.ErrorContains(t, err, c.want, name)
	}
	require.EqualValues(t, 1, s.Estimate(), "what was refused changed nothing")
}

// walksOf is a job of random walks in a named world of a model.
func walksOf(t *testing.T, subject, world string, seed uint64, w job.Walks) job.Job {
	s, err := subjects.Lookup(subject)
	require.NoError(t, err)
	named, err := s.Lookup(world)
	require.NoError(t, err)
	w.Subject, w.World, w.Constants = subject, world, named.Constants
	return job.Job{Arm: job.Model, Seed: seed, Walks: &w}
}

// packed is a sketch whose registers are these bytes.
func packed(plain []byte) (string, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return "", err
	}
	_, err = w.Write(plain)
	err = errors.Join(err, w.Close())
	return base64.StdEncoding.EncodeToString(b.Bytes()), err
}

func receiptOf(t *testing.T, o job.Outcome) *Receipt {
	require.Empty(t, o.Broken)
	var r Receipt
	require.NoError(t, json.Unmarshal(o.Receipt, &r))
	return &r
}

// In worlds that can be enumerated, the joint coverage is held against the true number: the states of a whole search, and the union
// of what differently seeded walks came through.
func TestJointCoverageAgainstTheTrueNumber(t *testing.T) {
	for _, world := range []string{"tiny", "undo", "two-groups-small"} {
		s, err := subjects.Lookup("volume")
		require.NoError(t, err)
		w, err := s.Lookup(world)
		require.NoError(t, err)
		m, err := s.Read(w.Constants)
		require.NoError(t, err)
		var whole Sketch
		states := map[uint64]bool{}
		r, err := check.Run(t.Context(), m, check.Options{Visit: func(f uint64) { whole.Add(f); states[f] = true }})
		require.NoError(t, err)
		require.Equal(t, check.Pass, r.Verdict)
		require.Equal(t, w.Distinct, r.Distinct)
		require.Len(t, states, int(r.Distinct))
		require.InEpsilon(t, r.Distinct, whole.Estimate(), 3*StandardError, world)

		union, sum := map[uint64]bool{}, uint64(0)
		var joint Joint
		for seed := range uint64(8) {
			walks := job.Walks{Walks: 40, Depth: 60}
			one, err := check.Run(t.Context(), m, check.Options{Walks: 40, Depth: 60, Seed: seed, Visit: func(f uint64) { union[f] = true }})
			require.NoError(t, err)
			o := Do(t.Context(), walksOf(t, "volume", world, seed, walks))
			require.Equal(t, one.Digest, receiptOf(t, o).Digest)
			sum += one.Distinct
			require.NoError(t, joint.Add(seed, o.Receipt))
		}
		c := joint.Worlds()[0]
		require.Equal(t, sum, c.Sum)
		about, exact := c.Distinct()
		require.False(t, exact)
		require.InEpsilon(t, len(union), about, 3*StandardError, world)
		require.Less(t, len(union), int(sum), "%s: walks overlap", world)
		for f := range union {
			require.True(t, states[f], "a state on a walk is one of the world")
		}
	}
}

// The same job has the same outcome, and another seed or another bound sees something else.
func TestAJobIsRepeatable(t *testing.T) {
	walks := job.Walks{Walks: 20, Depth: 60}
	first := Do(t.Context(), walksOf(t, "volume", "two-groups-of-six", 3, walks))
	again := Do(t.Context(), walksOf(t, "volume", "two-groups-of-six", 3, walks))
	require.NotZero(t, first.Hash)
	require.NotZero(t, first.Work)
	require.Equal(t, judge.CouldNotTell, first.Verdict)
	require.Less(t, len(first.Receipt), 4<<10)
	first.Seconds, again.Seconds = 0, 0
	require.Equal(t, first, again)
	other := Do(t.Context(), walksOf(t, "volume", "two-groups-of-six", 4, walks))
	require.NotEqual(t, first.Hash, other.Hash)
	search := Do(t.Context(), walksOf(t, "volume", "two-groups-of-six", 4, job.Walks{States: 1000}))
	r := receiptOf(t, search)
	require.Equal(t, "the limit of 1,000 states ran out", r.Reason)
	require.GreaterOrEqual(t, r.Distinct, uint64(1000))
}

// A guard that is broken in a world too large to be searched is found, its counterexample is in the joint receipt, and the command that
// is printed finds it again.
func TestABrokenVariantOfALargeWorldIsFound(t *testing.T) {
	for _, v := range []struct{ subject, world, bug, invariant string }{
		{"volume", "two-groups-of-six", "cut-at-highest", "KeptIsStored"},
		{"volume", "two-groups-of-six", "short-write-quorum", "CompleteIsStored"},
		{"wal", "four-deposits", "ack-before-flush", "Durable"},
		{"placement", "nine-silent", "short-read-quorum", "Durable"},
	} {
		t.Run(v.subject+"/"+v.bug, func(t *testing.T) {
			var joint Joint
			var found *job.Outcome
			var worlds []World
			for _, w := range Worlds() {
				if w.Subject == v.subject && w.Name == v.world {
					w.Constants = withBug(t, w.Constants, v.bug)
					worlds = append(worlds, w)
				}
			}
			for _, j := range Jobs(worlds, 1, 1, 12) {
				o := Do(t.Context(), j)
				require.Empty(t, o.Broken)
				require.NoError(t, joint.Add(o.Number, o.Receipt))
				if o.Verdict == judge.Violation {
					found = &o
					break
				}
			}
			require.NotNil(t, found, "of 12 jobs")
			require.Equal(t, judge.Violation, joint.Verdict())
			require.Equal(t, Check, found.Target.Check)
			require.Equal(t, v.subject, found.Target.Kind)
			require.Contains(t, found.Finding, "again: firstgap check "+v.subject+" --world "+v.world+" --walks ")
			c := joint.Worlds()[0]
			i := slices.IndexFunc(c.Violations, func(x Violation) bool { return x.Receipt.Invariant == v.invariant })
			require.GreaterOrEqual(t, i, 0, "%s among those broken", v.invariant)
			require.NotEmpty(t, c.Violations[i].Receipt.Trace)
			text := written(t, &joint)
			require.Contains(t, text, "violation: "+v.invariant+" does not hold, found by ")
			require.Contains(t, text, "A counterexample from a random walk, without the steps that it can do without:\n\n  1  ")
			require.NotContains(t, text, "incomplete")
			again := Do(t.Context(), job.Job{Arm: job.Model, Seed: c.Violations[i].Receipt.Bounds.Seed, Walks: &job.Walks{Subject: v.subject, World: v.world,
				Constants: c.Constants, Walks: c.Violations[i].Receipt.Bounds.Walks, Depth: c.Violations[i].Receipt.Bounds.Depth}})
			require.Equal(t, c.Violations[i].Receipt.Digest, receiptOf(t, again).Digest)
		})
	}
}

func withBug(t *testing.T, constants json.RawMessage, bug string) json.RawMessage {
	var world map[string]any
	require.NoError(t, json.Unmarshal(constants, &world))
	world["bug"] = bug
	text, err := json.Marshal(world)
	require.NoError(t, err)
	return text
}

func written(t *testing.T, j *Joint) string {
	var b strings.Builder
	require.NoError(t, j.WriteText(&b))
	return b.String()
}

// The order in which receipts come does not matter, and the violation that is shown is the first by number.
func TestTheOrderOfReceiptsDoesNotMatter(t *testing.T) {
	var outcomes []job.Outcome
	for seed := range uint64(6) {
		j := walksOf(t, "wal", "four-deposits", seed, job.Walks{Walks: 10, Depth: 40})
		j.Number = seed
		j.Walks.Constants = withBug(t, j.Walks.Constants, "page-before-log")
		outcomes = append(outcomes, Do(t.Context(), j))
	}
	var forth, back Joint
	for i := range outcomes {
		require.NoError(t, forth.Add(outcomes[i].Number, outcomes[i].Receipt))
		o := &outcomes[len(outcomes)-1-i]
		require.NoError(t, back.Add(o.Number, o.Receipt))
	}
	require.Equal(t, written(t, &forth), written(t, &back))
	require.Equal(t, judge.Violation, forth.Verdict())
}

func TestTheJointReceiptIsPrinted(t *testing.T) {
	var joint Joint
	for i := range uint64(3) {
		o := Do(t.Context(), walksOf(t, "volume", "two-groups-of-six", i, job.Walks{Walks: 20, Depth: 60}))
		require.NoError(t, joint.Add(i, o.Receipt))
	}
	o := Do(t.Context(), walksOf(t, "volume", "two-groups-of-six", 0, job.Walks{States: 500}))
	require.NoError(t, joint.Add(3, o.Receipt))
	require.Equal(t, judge.CouldNotTell, joint.Verdict())
	text := written(t, &joint)
	for _, want := range []string{
		"verdict     incomplete: no search comes to the end of this world, and 4 have not; no invariant failed in the states seen\n",
		"world       two-groups-of-six: groups 2, replicas 6, ", "searches    3 by random walks, 60 walks in all; 1 level by level\n",
		"19 of 20 such estimates are within 3.2 %", "reductions  symmetry: ", "actions     Write ", "missed      all that no search came through\n",
		"invariants  TypeOK, ", "digest      ",
	} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "pass")

	// A program is told the same: of a joint receipt without its worlds nothing would be left.
	printed, err := json.Marshal(&joint)
	require.NoError(t, err)
	var read []Coverage
	require.NoError(t, json.Unmarshal(printed, &read))
	require.Len(t, read, 1)
	require.Equal(t, uint64(60), read[0].Walks)
	require.Equal(t, joint.Worlds()[0].Sketch.Estimate(), read[0].Sketch.Estimate())
}

// A world that turns out to be small enough is no pass of a campaign either.
func TestASearchThatSeesEverythingIsNoPass(t *testing.T) {
	o := Do(t.Context(), walksOf(t, "volume", "tiny", 0, job.Walks{States: 1 << 20}))
	require.Equal(t, judge.CouldNotTell, o.Verdict)
	r := receiptOf(t, o)
	require.Equal(t, check.Incomplete, r.Verdict)
	require.Contains(t, r.Reason, "firstgap check decides it")
}

// What cannot be done says why, and is no pass.
func TestAJobThatCannotBeDone(t *testing.T) {
	good := walksOf(t, "volume", "two-groups-of-six", 0, job.Walks{Walks: 1, Depth: 5})
	for name, c := range map[string]struct {
		change func(j *job.Job)
		want   string
	}{
		"no walks":        {func(j *job.Job) { j.Walks = nil }, "walks is left out"},
		"no bound":        {func(j *job.Job) { j.Walks.Walks = 0 }, "expected a number of walks"},
		"negative":        {func(j *job.Job) { j.Walks.Walks = -1 }, "walks is -1; expected 0 to 1048576"},
		"without end":     {func(j *job.Job) { j.Walks.Depth = 1 << 40 }, "depth is 1099511627776"},
		"both":            {func(j *job.Job) { j.Walks.States = 5 }, "option States is 5 with Walks"},
		"unknown model":   {func(j *job.Job) { j.Walks.Subject = "frogs" }, `unknown model "frogs"; known: volume, `},
		"unknown key":     {func(j *job.Job) { j.Walks.Constants = []byte(`{"frogs":1}`) }, "volume: world file: "},
		"not a world":     {func(j *job.Job) { j.Walks.Constants = []byte(`{`) }, "volume: world file: not a JSON object"},
		"beyond a state":  {func(j *job.Job) { j.Walks.Constants = withNumber(t, j.Walks.Constants, "replicas", 1000) }, "replicas is 1000"},
		"nothing is said": {func(j *job.Job) { j.Walks.Constants = nil }, "not a JSON object"},
	} {
		walks := *good.Walks
		j := good
		j.Walks = &walks
		c.change(&j)
		o := Do(t.Context(), j)
		require.Contains(t, o.Broken, c.want, name)
		require.Equal(t, judge.CouldNotTell, o.Verdict, name)
		require.Nil(t, o.Receipt, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := Do(ctx, good)
	require.Equal(t, "context canceled", o.Broken)
	require.Equal(t, judge.CouldNotTell, o.Verdict)
}

func withNumber(t *testing.T, constants json.RawMessage, key string, n int) json.RawMessage {
	var world map[string]any
	require.NoError(t, json.Unmarshal(constants, &world))
	world[key] = n
	text, err := json.Marshal(world)
	require.NoError(t, err)
	return text
}

// A receipt that is not one is refused by name, and changes nothing.
func TestWhatIsNoReceipt(t *testing.T) {
	good := Do(t.Context(), walksOf(t, "volume", "two-groups-of-six", 0, job.Walks{Walks: 2, Depth: 9})).Receipt
	change := func(key string, value any) json.RawMessage {
		var r map[string]any
		require.NoError(t, json.Unmarshal(good, &r))
		r[key] = value
		text, err := json.Marshal(r)
		require.NoError(t, err)
		return text
	}
	for name, c := range map[string]struct {
		receipt json.RawMessage
		want    string
	}{
		"cut off":                     {good[:len(good)/2], "unexpected end of JSON input"},
		"a pass":                      {change("verdict", "pass"), `verdict is "pass"; expected incomplete or violation`},
		"a violation of nothing":      {change("verdict", "violation"), `verdict is violation with invariant ""`},
		"an invariant that was held":  {change("invariant", "Durable"), `verdict is incomplete with invariant "Durable"`},
		"no sketch":                   {change("sketch", nil), "expected a sketch of the states, found none"},
		"a sketch of something else":  {change("sketch", "AAAA"), "sketch of states: "},
		"no states":                   {change("distinct", 0), "0 distinct of "},
		"no constants":                {change("constants", nil), "expected constants, found \"null\""},
		"actions that are a list":     {change("actions", []int{1}), "actions: expected an object"},
		"longer than any receipt":     {make(json.RawMessage, maxReceipt+1), "expected at most 1048576 bytes"},
		"actions with a half of them": {change("actions", map[string]any{"Write": 0.5}), "actions: Write: "},
	} {
		var joint Joint
		err := joint.Add(9, c.receipt)
		var e *ReceiptError
		require.ErrorAs(t, err, &e, name)
		require.ErrorContains(t, err, "receipt of job 9: ", name)
		require.ErrorContains(t, err, c.want, name)
		require.Empty(t, joint.Worlds(), name)
	}
	var none Joint
	require.Equal(t, judge.CouldNotTell, none.Verdict())
	require.Empty(t, written(t, &none))
}

// Jobs are a function of the seed and their ordinals alone, differ in seed, and are bounded differently.
func TestJobs(t *testing.T) {
	worlds := Worlds()
	require.Len(t, worlds, 19)
	all := Jobs(worlds, 5, 0, 400)
	require.Equal(t, all[123:200], Jobs(worlds, 5, 123, 77))
	require.NotEqual(t, all[100].Seed, Jobs(worlds, 6, 100, 1)[0].Seed)
	seeds, bounds, searched, named := map[uint64]bool{}, map[int]bool{}, map[int]int{}, map[string]bool{}
	for _, j := range all {
		require.Equal(t, job.Model, j.Arm)
		named[j.Walks.World] = true
		if j.Walks.Walks == 0 {
			searched[j.Walks.States]++
			continue
		}
		require.False(t, seeds[j.Seed], "two jobs have one seed")
		seeds[j.Seed] = true
		bounds[j.Walks.Depth] = true
		require.LessOrEqual(t, j.Walks.Walks*j.Walks.Depth, statesOfWalks)
	}
	require.Len(t, named, len(worlds))
	require.Len(t, bounds, len(depths()))
	require.Equal(t, map[int]int{5_000: len(worlds), 50_000: len(worlds)}, searched)
	require.Empty(t, Jobs(nil, 1, 0, 5))
}

// The large worlds are large: a search to a depth at which the broken variants are found long since has most of its states left.
func TestLargeWorldsAreLarge(t *testing.T) {
	for _, w := range Worlds() {
		o := Do(t.Context(), job.Job{Arm: job.Model, Walks: &job.Walks{Subject: w.Subject, World: w.Name, Constants: w.Constants, States: 4_000}})
		r := receiptOf(t, o)
		require.Equal(t, "the limit of 4,000 states ran out", r.Reason, w.Name)
		require.Equal(t, judge.CouldNotTell, o.Verdict, w.Name)
		require.Less(t, len(o.Receipt), 4<<10, w.Name)
	}
}

// What a campaign keeps of a failure is as it is of a run.
func TestTheTargetOfAViolation(t *testing.T) {
	j := walksOf(t, "volume", "two-groups-of-six", 1, job.Walks{Walks: 200, Depth: 100})
	j.Walks.Constants = withBug(t, j.Walks.Constants, "cut-at-highest")
	o := Do(t.Context(), j)
	require.Equal(t, &failure.Target{Check: Check, Rule: "KeptIsStored", Kind: "volume", Verdict: judge.Violation}, o.Target)
	require.Regexp(t, `^volume in world two-groups-of-six: KeptIsStored does not hold after \d+ steps: ".+"; again: firstgap check volume --world two-groups-of-six --walks 200 --depth 100 --seed 1$`, o.Finding)
}
