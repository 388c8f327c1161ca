package placement

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/tla"
)

// pastViolations is a model searched past all violations, as TLC does when it is given no invariant.
type pastViolations struct{ check.Model }

func (m pastViolations) NewMachine() check.Machine { return neverBroken{m.Model.NewMachine()} }

type neverBroken struct{ check.Machine }

func (neverBroken) Broken() int { return -1 }

func named(t *testing.T, name string) World {
	t.Helper()
	found, err := Subject().Lookup(name)
	require.NoError(t, err)
	w, err := ReadWorld(found.Constants)
	require.NoError(t, err)
	return w
}

func search(t *testing.T, w World) *check.Result {
	t.Helper()
	m, err := NewModel(w)
	require.NoError(t, err)
	r, err := check.Run(t.Context(), m, check.Options{})
	require.NoError(t, err)
	return r
}

// Every named world has the verdict that is expected of it, and, whether or not something is found broken on the way,
// as many states as TLC found.
func TestWorldsAsTLCFoundThem(t *testing.T) {
	list, err := check.ReadTable(worlds)
	require.NoError(t, err)
	require.Len(t, list, len(Subject().Worlds))
	violated := map[string]bool{}
	for _, w := range list {
		violated[w.Violates] = true
		t.Run(w.Name, func(t *testing.T) {
			m, err := Subject().Read(w.Constants)
			require.NoError(t, err)
			r, err := check.Run(t.Context(), m, check.Options{})
			require.NoError(t, err)
			require.Equal(t, w.Violates, r.Invariant)
			if w.Violates == "" {
				require.Equal(t, check.Pass, r.Verdict)
			} else {
				require.Equal(t, check.Violation, r.Verdict)
				require.Empty(t, r.Reason, "broken, and not merely something that was not reached")
			}
			all, err := check.Run(t.Context(), pastViolations{m}, check.Options{})
			require.NoError(t, err)
			require.Zero(t, all.Left)
			require.Equal(t, w.Distinct, all.Distinct, "distinct states")
			require.Equal(t, w.Generated, all.Generated, "generated states")
			fired := uint64(1)
			for _, a := range all.Actions {
				fired += a.Times
			}
			require.Equal(t, all.Generated, fired, "every state generated but the first is an action taken")
			never := []string(nil)
			if w := named(t, w.Name); w.replicas() == 1 {
				never = []string{"Rebuild"} // when the only replica is lost, there is nothing to rebuild it from
			}
			require.Equal(t, never, all.Actions.Never())
		})
	}
	for _, i := range mustModel(t, named(t, "six")).Invariants() {
		if i.Name != "TypeOK" { // see TestTypeOK
			require.True(t, violated[i.Name], "no named world in which %s is found broken", i.Name)
		}
	}
}

func mustModel(t *testing.T, w World) check.Model {
	t.Helper()
	m, err := NewModel(w)
	require.NoError(t, err)
	return m
}

// Every broken variant has a world of its name in which it is found, and which passes without it.
func TestBrokenVariantsAreFound(t *testing.T) {
	require.Equal(t, Bugs()[1:], Subject().Bugs)
	for _, bug := range Subject().Bugs {
		w := named(t, bug)
		require.Equal(t, bug, w.Bug)
		r := search(t, w)
		require.Equal(t, check.Violation, r.Verdict)
		require.Equal(t, "Durable", r.Invariant)
		require.NotEmpty(t, r.Trace)
		w.Bug = "none"
		require.Equal(t, check.Pass, search(t, w).Verdict, "%s without its bug", bug)
	}
}

// Taking what is placed alike for one another changes how many states there are, and nothing that is found.
func TestSymmetryChangesNoVerdict(t *testing.T) {
	for _, named := range Subject().Worlds {
		w, err := ReadWorld(named.Constants)
		require.NoError(t, err)
		if w.MaxSilent > 1 || w.MaxSilent > 0 && named.Violates == "" || w.MaxLSN > 1 && w.replicas() > 4 || w.Bug == "former-acks" {
			continue // too many states without it for a test
		}
		t.Run(named.Name, func(t *testing.T) {
			w.Symmetry = false
			without := search(t, w)
			require.Empty(t, without.Reductions)
			w.Symmetry = true
			with := search(t, w)
			require.Equal(t, without.Verdict, with.Verdict)
			require.Equal(t, without.Invariant, with.Invariant)
			require.Len(t, with.Trace, len(without.Trace))
			if w.replicas() == 1 {
				require.Empty(t, with.Reductions, "nothing to exchange")
				return
			}
			require.Len(t, with.Reductions, 1)
			if with.Verdict == check.Pass {
				require.Less(t, with.Distinct, without.Distinct)
			}
		})
	}
}

// The state that stands for others is the same one exactly when some permutation of the replicas that keeps AZs, hosts
// and full segments together makes the one of the other: tried out on all permutations.
func TestSymmetryIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, w := range map[string]World{
		"six":           named(t, "six"),
		"full and tail": named(t, "full-tail"),
		"shared host":   named(t, "shared-host"),
		"uneven":        {AZs: [][]int{{1, 4}, {2, 3, 6}, {5}}, Hosts: [][]int{{2, 6}}, Full: []int{1, 2, 5, 6}, WriteQuorum: 4, ReadQuorum: 3, MaxLSN: 1},
		"scattered":     {AZs: [][]int{{6, 1, 4}, {2, 3, 5}}, Hosts: [][]int{{1, 4}, {5, 2}}, Full: []int{6, 4, 3, 2}, WriteQuorum: 4, ReadQuorum: 3, MaxLSN: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := w.complete()
			require.NoError(t, err)
			m := newModule(w)
			stages, sym := m.stages(), symmetries(m)
			require.Greater(t, len(sym), 1)
			require.NotEmpty(t, stages)
			same, others := 0, 0
			for range 2000 {
				s := arbitrary(rng, m.replicas())
				for _, p := range sym {
					require.Equal(t, sorted(s, stages), sorted(permuted(s, p), stages))
				}
				other := permuted(s, rng.Perm(m.replicas())) // by any permutation
				orbit := slices.ContainsFunc(sym, func(p []int) bool { return permuted(s, p) == other })
				require.Equal(t, orbit, sorted(s, stages) == sorted(other, stages))
				if orbit {
					same++
				} else {
					others++
				}
			}
			require.NotZero(t, same)
			require.NotZero(t, others)
		})
	}
}

// symmetries returns Sym of the module, by its definition.
func symmetries(m *module) [][]int {
	var all [][]int
	var extend func(p []int)
	extend = func(p []int) {
		if len(p) == m.replicas() {
			image := func(s set) set {
				var to set
				for _, r := range s.members() {
					to |= only(p[r-1] + 1)
				}
				return to
			}
			into := func(parts []set) bool {
				return !slices.ContainsFunc(parts, func(s set) bool { return !slices.Contains(parts, image(s)) })
			}
			if into(m.azs) && into(m.hosts) && image(m.full) == m.full {
				all = append(all, slices.Clone(p))
			}
			return
		}
		for r := range m.replicas() {
			if !slices.Contains(p, r) {
				extend(append(p, r))
			}
		}
	}
	extend(nil)
	return all
}

func permuted(s state, p []int) state {
	to := s
	for r := range p {
		to.Status[r], to.Store[r], to.Told[r] = s.Status[p[r]], s.Store[p[r]], s.Told[p[r]]
	}
	return to
}

func arbitrary(rng *rand.Rand, n int) state {
	var s state
	for r := range n {
		s.Status[r], s.Store[r], s.Told[r] = uint8(rng.IntN(3)), uint8(rng.IntN(2)), uint8(rng.IntN(2))
	}
	return s
}

// TypeOK holds in every world, so it is fed states that no world has.
func TestTypeOK(t *testing.T) {
	m := newModule(func() World { w, err := named(t, "six").complete(); require.NoError(t, err); return w }())
	require.True(t, m.typeOK(state{}))
	require.True(t, m.typeOK(state{Store: [9]uint8{1}, Told: [9]uint8{1}, Acked: 1}))
	for name, s := range map[string]state{
		"more acknowledged than there is":      {Acked: 2},
		"a record that was not acknowledged":   {Store: [9]uint8{1}},
		"a record that was never sent":         {Store: [9]uint8{2}, Told: [9]uint8{2}},
		"a lost disk that holds something":     {Status: [9]uint8{lost}, Store: [9]uint8{1}, Told: [9]uint8{1}},
		"a replica neither up, down, nor lost": {Status: [9]uint8{lost + 1}},
	} {
		require.False(t, m.typeOK(s), name)
	}
}

// Durable asks the disks that are left, whether or not their replicas answer now: those that are down may be all that
// answer later.
func TestDurableAsksWhoIsDown(t *testing.T) {
	w, err := named(t, "three").complete()
	require.NoError(t, err)
	m := newModule(w)
	s := state{Store: [9]uint8{1}, Told: [9]uint8{1, 1}, Acked: 1}
	require.False(t, m.durable(s), "2 and 3 have nothing")
	s.Status[1] = down
	require.False(t, m.durable(s), "2 may return")
	s.Status[1] = lost
	require.True(t, m.durable(s), "2 counts for nothing any more")
}

// The module and this package have the same actions, invariants and broken guards.
func TestNamesAreTheModules(t *testing.T) {
	text, err := tla.Modules.ReadFile("Placement.tla")
	require.NoError(t, err)
	module := string(text)
	next := module[strings.Index(module, "Next =="):strings.Index(module, "Spec ==")]
	var actions []string
	for _, found := range regexp.MustCompile(`[:/] ([A-Z]\w+)`).FindAllStringSubmatch(next, -1) {
		actions = append(actions, found[1])
	}
	w := named(t, "six-silent")
	require.Equal(t, actions, mustModel(t, w).Actions())
	w.MaxSilent = 0
	require.Equal(t, actions[:len(actions)-1], mustModel(t, w).Actions(), "nothing forgets where nothing may")

	after := 0
	for _, i := range mustModel(t, w).Invariants() {
		at := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(i.Name) + ` +==`).FindStringIndex(module)
		require.NotNil(t, at, i.Name)
		require.Greater(t, at[0], after, "%s is in the module's order", i.Name)
		require.NotEmpty(t, i.Guarantee)
		after = at[0]
	}
	var bugs []string
	for _, found := range regexp.MustCompile(`Bug = "([a-z-]+)"`).FindAllStringSubmatch(module, -1) {
		bugs = append(bugs, found[1])
	}
	slices.Sort(bugs)
	known := slices.Sorted(slices.Values(Subject().Bugs))
	require.Equal(t, known, slices.Compact(bugs))
	for _, p := range Promises() {
		require.Contains(t, module, `"`+string(p)+`"`)
	}
}

func TestConfig(t *testing.T) {
	text, err := Subject().Config([]byte(`{"azs": [[1, 2], [3]], "hosts": [[2, 1]], "full": [3, 1], "writeQuorum": 2, "writeFull": 2,
		"readQuorum": 2, "readFull": 1, "maxLSN": 1, "maxSilent": 1, "promise": ["az-writes", "az+1-data"], "readsIn": 4,
		"bug": "former-acks", "symmetry": true}`))
	require.NoError(t, err)
	require.Equal(t, `SPECIFICATION Spec
CONSTANTS
  Azs = {{1, 2}, {3}}
  Hosts = {{1, 2}, {3}}
  Full = {1, 3}
  W = 2
  WFull = 2
  R = 2
  RFull = 1
  MaxLSN = 1
  MaxSilent = 1
  Promise = {"az-writes","az+1-data"}
  WritesIn = 0
  ReadsIn = 4
  DataIn = 0
  SilentIn = 0
  Bug = "former-acks"
INVARIANTS TypeOK Durable AzKeepsWrites AzKeepsReads AzKeepsData AzPlusOneKeepsReads AzPlusOneKeepsData Counted
VIEW Orbit
CHECK_DEADLOCK FALSE
`, text)
	text, err = Subject().Config([]byte(`{"azs": [[1]], "writeQuorum": 1, "readQuorum": 1, "maxLSN": 2}`))
	require.NoError(t, err)
	require.NotContains(t, text, "VIEW")
	require.Contains(t, text, "  Full = {1}\n")
	require.Contains(t, text, "  Promise = {}\n")
	require.Contains(t, text, `  Bug = "none"`)
	_, err = Subject().Config([]byte(`{"azs": [[1]], "writeQuorum": 2, "readQuorum": 1, "maxLSN": 2}`))
	require.EqualError(t, err, "world: writeQuorum is 2; expected 1 to 1 (replicas)")
	_, err = Subject().Config([]byte(`{"az": 1}`))
	require.ErrorContains(t, err, "unknown key az; known: azs, hosts,")
}

// A world that contradicts itself or does not fit is refused, and the error names the limit.
func TestWorldsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`"azs": []`:                         "azs is [], of 0 replicas; expected 1 to 9 replicas",
		`"azs": [[1,2,3,4,5],[6,7,8,9,10]]`: "azs is [[1 2 3 4 5] [6 7 8 9 10]], of 10 replicas; expected 1 to 9 replicas",
		`"azs": [[1,2],[],[3,4]]`:           "azs is [[1 2] [] [3 4]]; expected none that is empty",
		`"azs": [[1,2],[3,5]]`:              "azs is [[1 2] [3 5]], with replica 5; expected replicas 1 to 4",
		`"azs": [[1,2],[2,3]]`:              "azs is [[1 2] [2 3]], with replica 2 twice; expected each replica at most once",
		`"azs": [[0,2],[1,3]]`:              "with replica 0; expected replicas 1 to 4",
		`"hosts": [[2,3]]`:                  "hosts is [[2 3]], with one in two AZs: [2 3]; expected each host within one AZ",
		`"hosts": [[1,2],[2]]`:              "hosts is [[1 2] [2]], with replica 2 twice",
		`"hosts": [[]]`:                     "hosts is [[]]; expected none that is empty",
		`"full": [1,1]`:                     "full is [[1 1]], with replica 1 twice",
		`"full": [7]`:                       "full is [[7]], with replica 7; expected replicas 1 to 6",
		`"writeQuorum": 0`:                  "writeQuorum is 0; expected 1 to 6 (replicas)",
		`"writeQuorum": 7`:                  "writeQuorum is 7; expected 1 to 6 (replicas)",
		`"readQuorum": -1`:                  "readQuorum is -1; expected 1 to 6 (replicas)",
		`"full": [1,2], "writeFull": 3`:     "writeFull is 3; expected 0 to 2 (full replicas)",
		`"readFull": 7`:                     "readFull is 7; expected 0 to 6 (full replicas)",
		`"maxLSN": 0`:                       "maxLSN is 0; expected 1 to 4",
		`"maxLSN": 5`:                       "maxLSN is 5; expected 1 to 4",
		`"maxSilent": 7`:                    "maxSilent is 7; expected 0 to 6 (replicas)",
		`"writesIn": 65`:                    "writesIn is 65; expected 0 to 64 (sets of replicas)",
		`"readsIn": -1`:                     "readsIn is -1; expected 0 to 64 (sets of replicas)",
		`"dataIn": 65`:                      "dataIn is 65; expected 0 to 64 (sets of replicas)",
		`"silentIn": 65`:                    "silentIn is 65; expected 0 to 64 (sets of replicas)",
		`"promise": ["az"]`:                 `promise is "az"; expected some of az-writes, az-reads, az-data, az+1-reads, az+1-data`,
		`"promise": ["az-data","az-data"]`:  `promise is "az-data" twice; expected each at most once`,
		`"bug": "amnesia"`:                  `bug is "amnesia"; expected one of none, short-write-quorum, short-read-quorum, read-without-full,`,
		`"bug": "read-without-full"`:        `bug is "read-without-full" with readFull 0, where it breaks nothing; expected readFull of 1 or more with it`,
	} {
		t.Run(text, func(t *testing.T) {
			world := map[string]json.RawMessage{"azs": json.RawMessage("[[1,2],[3,4],[5,6]]"), "writeQuorum": json.RawMessage("4"),
				"readQuorum": json.RawMessage("3"), "maxLSN": json.RawMessage("1")}
			require.NoError(t, json.Unmarshal([]byte("{"+text+"}"), &world))
			all, err := json.Marshal(world)
			require.NoError(t, err)
			_, err = Subject().Read(all)
			var refused *WorldError
			require.ErrorAs(t, err, &refused)
			require.ErrorContains(t, refused, "world: "+refused.Parameter+" is ")
			require.ErrorContains(t, refused, want)
			var w World
			require.NoError(t, json.Unmarshal(all, &w))
			require.Equal(t, err, w.Validate())
			_, err = NewModel(w)
			require.Equal(t, refused, err)
			_, err = w.Figures()
			require.Equal(t, refused, err)
		})
	}
	_, err := Subject().Read([]byte(`{"replicas": 6}`))
	require.EqualError(t, err, "world: unknown key replicas; known: azs, hosts, full, writeQuorum, writeFull, readQuorum, readFull,"+
		" maxLSN, maxSilent, promise, writesIn, readsIn, dataIn, silentIn, bug, symmetry")
	_, err = Subject().Read([]byte(`{"azs": 6}`))
	require.Error(t, err)
}

// The largest world that is accepted takes its steps and encodes.
func TestTheLargestWorldFits(t *testing.T) {
	w := World{AZs: [][]int{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}, WriteQuorum: 6, ReadQuorum: 4, MaxLSN: maxLSN, MaxSilent: 9, Promise: Promises()}
	m := mustModel(t, w).NewMachine()
	rng := rand.New(rand.NewPCG(3, 4))
	taken := 0
	for range 300 {
		steps := 0
		m.Next(func(int, int) bool { steps++; return true })
		if steps == 0 { // all disks are lost
			m.Init()
			continue
		}
		taken++
		pick := rng.IntN(steps)
		m.Next(func(int, int) bool { pick--; return pick >= 0 })
		code, vars := m.Encode(nil), m.Vars()
		require.NoError(t, m.Load(code))
		require.Equal(t, vars, m.Vars())
		require.Equal(t, code, m.Encode(nil))
	}
	require.Greater(t, taken, 200)
}
