package designs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/mirror"
	"github.com/firstgap/firstgap/spec/placement"
	"github.com/firstgap/firstgap/spec/subjects"
)

// rulesOf returns the rules of a design by its name.
func rulesOf(t *testing.T, name string) (Design, Rules, Figures) {
	t.Helper()
	all := Designs()
	i := slices.IndexFunc(all, func(d Design) bool { return d.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	subject, err := subjects.Lookup(all[i].Model)
	require.NoError(t, err)
	world, err := subject.Lookup(all[i].World)
	require.NoError(t, err)
	r, azs, err := all[i].rules(world.Constants)
	require.NoError(t, err)
	return all[i], r, r.figures(azs)
}

// Each search comes out as its model expects, and what the designs are known for comes out of their rules.
func TestCompare(t *testing.T) {
	rows, err := Compare(t.Context(), Designs(), check.Options{Workers: 2})
	require.NoError(t, err)
	require.Equal(t, check.Pass, Verdict(rows))
	by := map[string]Row{}
	for _, r := range rows {
		require.True(t, r.Trial.AsExpected(), "%s: %s", r.Design, r.Trial.Problem)
		require.NotZero(t, r.Trial.Distinct, r.Design)
		require.NotContains(t, by, r.Design)
		by[r.Design] = r
	}
	type survives struct {
		any         int
		az, azPlus1 bool
	}
	of := func(s Survival) survives { return survives{s.Nodes, s.AZ, s.AZPlus1} }
	for name, want := range map[string]struct {
		acks, takeOver int
		writes, reads  survives
		lostWith       int
		unnoticed      bool
		breaks         string
	}{
		"EBS pair":       {2, 1, survives{0, false, false}, survives{1, false, false}, 2, false, ""},
		"mirrored MySQL": {4, 1, survives{0, false, false}, survives{3, true, true}, 4, false, ""},
		"Aurora":         {4, 3, survives{2, true, false}, survives{3, true, true}, 4, false, ""},
		"Aurora's nodes, halves that do not meet": {3, 3, survives{3, true, true}, survives{2, true, false}, 3, true, "Durable"},
		"versioned register":                      {2, 2, survives{1, true, false}, survives{1, true, false}, 2, false, ""},
		"PostgreSQL, shown in log order":          {2, 2, survives{1, true, false}, survives{1, true, false}, 2, false, ""},
		"PostgreSQL":                              {2, 2, survives{1, true, false}, survives{1, true, false}, 2, false, "SnapshotsOrdered"},
		"PostgreSQL, asynchronous":                {1, 1, survives{1, true, false}, survives{0, false, false}, 1, true, "Durable"},
	} {
		r := by[name]
		require.Equal(t, want.acks, r.Acks, name)
		require.Equal(t, want.takeOver, r.Recovery, name)
		require.Equal(t, want.writes, of(r.Writes), name)
		require.Equal(t, want.reads, of(r.Reads), name)
		require.Equal(t, want.lostWith, r.LostWith, name)
		require.Equal(t, want.unnoticed, r.Unnoticed, name)
		require.Equal(t, want.breaks, r.Trial.Invariant, name)
	}
}

// The figures of quorums are those that package placement counts for the same quorums in the same AZs, set by set and promise by promise.
func TestFiguresAreThoseOfThePlacement(t *testing.T) {
	compared := 0
	for _, d := range Designs() {
		_, r, f := rulesOf(t, d.Name)
		if r.Acks != r.AtLeast || r.Writes != r.Acks || r.Recovery+r.Acks <= r.Nodes {
			continue // no quorums that meet
		}
		compared++
		w := placement.World{WriteQuorum: r.Acks, ReadQuorum: r.Recovery, MaxLSN: 1}
		node := 0
		for _, n := range d.AZs {
			var az []int
			for range n {
				node++
				az = append(az, node)
			}
			w.AZs = append(w.AZs, az)
		}
		p, err := w.Figures()
		require.NoError(t, err)
		require.Equal(t, []int{p.Sets, p.Writes, p.Reads, p.Data}, []int{f.Sets, f.Writes.Sets, f.Reads.Sets, f.Data.Sets}, d.Name)
		require.Equal(t, map[placement.Promise]bool{
			placement.AZWrites: f.Writes.AZ, placement.AZReads: f.Reads.AZ, placement.AZData: f.Data.AZ,
			placement.AZPlusOneReads: f.Reads.AZPlus1, placement.AZPlusOneData: f.Data.AZPlus1,
		}, p.Keeps, d.Name)
	}
	require.GreaterOrEqual(t, compared, 7)
}

// As many copies as the rules say take a write with them, and fewer do not: a search of the mirrors with so many losses finds it.
func TestMirrorsLoseWhatTheirModelFinds(t *testing.T) {
	for name, w := range map[string]mirror.World{"EBS pair": {Zones: 1, Copies: 2}, "mirrored MySQL": {Zones: 2, Copies: 2}} {
		_, r, f := rulesOf(t, name)
		w.MaxWrite, w.MaxEpoch, w.Repair = 1, 1, true
		for w.CopyLosses = 1; w.CopyLosses <= r.Nodes; w.CopyLosses++ {
			m, err := mirror.New(w)
			require.NoError(t, err)
			m, err = check.Only(m, []string{"Durable"})
			require.NoError(t, err)
			found, err := check.Run(t.Context(), m, check.Options{Workers: 2})
			require.NoError(t, err)
			require.Equal(t, w.CopyLosses >= f.LostWith, found.Verdict == check.Violation, "%s: %d losses: %s %s", name, w.CopyLosses, found.Verdict, found.Reason)
		}
	}
}

// The quorums are tight, and the worlds large enough to tell: with one acknowledgement less, or one answer less to a take-over, a search
// of the same world finds what is lost. Where constants have the quorums these are changed, and elsewhere a broken variant counts short.
func TestOneLessIsTooFew(t *testing.T) {
	short := map[string][]map[string]any{
		"volume":     {{"writeQuorum": 3}, {"readQuorum": 2}},
		"quorum":     {{"writeQuorum": 1}, {"readQuorum": 1}},
		"mirror":     {{"bug": "ack-at-head"}},
		"neon":       {{"bug": "bad-quorum"}},
		"raft":       {{"bug": "commit-short"}},
		"bookkeeper": {{"bug": "read-unfenced"}},
		"isr":        {{"bug": "unclean-election"}},
		"longfork":   {{"bug": "promote-first"}, {"bug": "cancel-wait"}},
	}
	tried := 0
	for _, d := range Designs() {
		subject, err := subjects.Lookup(d.Model)
		require.NoError(t, err)
		require.NotEmpty(t, short[d.Model], d.Model)
		for _, change := range short[d.Model] {
			world, err := subject.Lookup(d.World)
			require.NoError(t, err)
			if world.Violates != "" {
				continue // it is broken as it is
			}
			tried++
			t.Run(fmt.Sprint(d.Name, change), func(t *testing.T) {
				var constants map[string]any
				require.NoError(t, json.Unmarshal(world.Constants, &constants))
				maps.Copy(constants, change)
				world.Constants, err = json.Marshal(constants)
				require.NoError(t, err)
				trial := subject.Try(t.Context(), world, check.Options{Workers: 2})
				require.Equal(t, check.Violation, trial.Verdict, trial.Problem)
				require.NotEmpty(t, trial.Invariant)
			})
		}
	}
	require.GreaterOrEqual(t, tried, 12)
}

// Every model is compared, or there is a reason, and no reason is given for one that is.
func TestEveryModelIsComparedOrThereIsAReason(t *testing.T) {
	compared := map[string]bool{}
	for _, d := range Designs() {
		compared[d.Model] = true
	}
	reasons := NotCompared()
	for _, s := range subjects.All() {
		_, excused := reasons[s.Name]
		require.NotEqual(t, compared[s.Name], excused, "%s: compared %t, with a reason not to be %t", s.Name, compared[s.Name], excused)
		delete(reasons, s.Name)
	}
	require.Empty(t, reasons, "reasons for models that are not there")
}

// Counting over all sets comes to what arithmetic says of thresholds.
func TestSurvivalOfThresholds(t *testing.T) {
	for _, sizes := range [][]int{{1}, {2}, {1, 1, 1}, {2, 2}, {2, 2, 2}, {3, 1}} {
		var azs []Set
		nodes, largest := 0, 0
		for _, n := range sizes {
			azs = append(azs, Set(1<<n-1)<<nodes)
			nodes += n
			largest = max(largest, n)
		}
		for need := 1; need <= nodes; need++ {
			s := survival(nodes, azs, func(failed Set) bool { return nodes-failed.len() >= need })
			spare := nodes - need
			require.Equal(t, spare, s.Nodes, "%v, %d needed", sizes, need)
			require.Equal(t, largest <= spare, s.AZ, "%v, %d needed", sizes, need)
			require.Equal(t, min(largest+1, nodes) <= spare, s.AZPlus1, "%v, %d needed", sizes, need)
		}
	}
	require.Equal(t, Survival{Nodes: -1}, survival(2, []Set{1, 2}, func(Set) bool { return false }), "not even without a failure")
}

// What does not fit is named, and a search that did not come out as expected, or did not end, passes for nothing.
func TestDesignsThatDoNotFit(t *testing.T) {
	for want, d := range map[string]Design{
		`design "x": unknown model "frogs"`:                                    {"x", "frogs", "pair", []int{2}},
		`design "x": model mirror has no world "frogs"`:                        {"x", "mirror", "frogs", []int{2}},
		`design "x": world: model is wal; expected one whose rules are known`:  {"x", "wal", "lecture", []int{1}},
		`design "x": world: AZs is [1 2]; expected 2 nodes, as world pair has`: {"x", "mirror", "pair", []int{1, 2}},
		`design "x": world: AZs is [2 2]; expected 6 nodes, as world six has`:  {"x", "volume", "six", []int{2, 2}},
	} {
		_, err := Compare(t.Context(), []Design{d}, check.Options{})
		require.ErrorContains(t, err, want)
	}
	rows, err := Compare(t.Context(), []Design{{"x", "mirror", "pair", []int{2}}}, check.Options{Depth: 3})
	require.NoError(t, err)
	require.Equal(t, check.Incomplete, Verdict(rows))
	rows[0].Trial.Verdict, rows[0].Trial.Problem = check.Violation, "found Durable, expected pass"
	require.Equal(t, check.Violation, Verdict(rows))
	require.NotEqual(t, check.Pass, Verdict(nil), fmt.Sprint("no rows are no pass"))

	_, err = rules["longfork"](json.RawMessage(`{"secondaries": 40, "acks": 1}`))
	require.EqualError(t, err, "world: nodes is 41; expected 1 to 16")
}
