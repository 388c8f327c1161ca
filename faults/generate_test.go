package faults_test

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	fuzz "github.com/google/gofuzz"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
)

var rewrite = flag.Bool("rewrite", false, "record the golden plans anew")

// asChild, in the environment, makes the test binary print the digest of many plans and nothing else.
const asChild = "FIRSTGAP_PRINT_PLAN_DIGEST"

func TestMain(m *testing.M) {
	if os.Getenv(asChild) != "" {
		fmt.Print(digest())
		return
	}
	os.Exit(m.Run())
}

func generator(beyond bool) faults.Generator {
	return faults.Generator{
		Topology: aurora(), Horizon: 2000 * ms, Faults: 8, Beyond: beyond, Lost: true, SpareEach: true,
		Points: []string{"registerBeforeSwap", "segmentAfterSync", "segmentBeforeSync"},
	}
}

func text(p faults.Plan) []byte {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		panic(err)
	}
	return append(text, '\n')
}

func digest() string {
	h := sha256.New()
	for seed := range int64(500) {
		for _, beyond := range []bool{false, true} {
			p, err := generator(beyond).Plan(seed)
			if err != nil {
				panic(err)
			}
			h.Write(text(p))
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func TestSameSeedSamePlanInAnotherProcess(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	other := exec.Command(self)
	other.Env = append(os.Environ(), asChild+"=1")
	out, err := other.Output()
	require.NoError(t, err)
	require.Len(t, string(out), 64)
	require.Equal(t, digest(), string(out))
}

// The plans of a few seeds are on record: a change to the generator changes every recorded failure's seed, so it
// must be seen. Record anew with `go test ./faults -rewrite`.
func TestGoldenPlans(t *testing.T) {
	for seed := range int64(4) {
		p, err := generator(seed == 3).Plan(seed)
		require.NoError(t, err)
		file := filepath.Join("testdata", fmt.Sprintf("plan-%d.json", seed))
		if *rewrite {
			require.NoError(t, os.MkdirAll("testdata", 0o777))
			require.NoError(t, os.WriteFile(file, text(p), 0o666))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), string(text(p)))
	}
}

func TestGeneratedPlans(t *testing.T) {
	topologies := []faults.Volume{
		volume(),
		{Groups: 3, Replicas: 6, WriteQuorum: 4, ReadQuorum: 3, Zones: 3, Clients: 4},
		{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Zones: 3},
		{Groups: 1, Replicas: 5, WriteQuorum: 3, ReadQuorum: 3, Zones: 2, Clients: 1},
		{Groups: 2, Replicas: 4, WriteQuorum: 4, ReadQuorum: 1, Zones: 1, Clients: 1}, // can spare none
		{Groups: 1, Replicas: 1, WriteQuorum: 1, ReadQuorum: 1, Zones: 1},
		{Groups: 2, Replicas: 6, WriteQuorum: 4, ReadQuorum: 3, Zones: 3, Clients: 4, Readers: 3},
		{Groups: 2, Replicas: 6, WriteQuorum: 4, ReadQuorum: 3, Zones: 3, Clients: 4, Readers: 1, Objects: true},
	}
	const plans = 1000
	for _, v := range topologies {
		topology := v.Topology()
		strikesStore := make(map[faults.Kind]int)
		kinds := make(map[faults.Kind]int)
		beyondKinds := make(map[faults.Kind]int)
		empty := 0
		for seed := range int64(plans) {
			g := generator(false)
			g.Topology = topology
			g.Points = append(slices.Clone(g.Points), "objectsAfterKeep") // which no node passes where there is no store
			p, err := g.Plan(seed)
			require.NoError(t, err)
			require.NoError(t, p.Validate(topology), "seed %d:\n%s", seed, text(p))
			require.False(t, p.BeyondBudget)
			require.LessOrEqual(t, len(p.Faults), g.Faults)
			if len(p.Faults) == 0 {
				empty++
			}
			for i, f := range p.Faults {
				kinds[f.Kind]++
				if slices.Contains(f.Nodes, string(faults.Objects)) || slices.Contains(f.To, string(faults.Objects)) {
					strikesStore[f.Kind]++
				}
				require.True(t, i == 0 || p.Faults[i-1].At <= f.At, "out of order")
			}
			var back faults.Plan
			require.NoError(t, json.Unmarshal(text(p), &back))
			require.Equal(t, p, back)

			g.Beyond = true
			p, err = g.Plan(seed)
			require.NoError(t, err)
			require.NoError(t, p.Validate(topology), "seed %d:\n%s", seed, text(p))
			require.True(t, p.BeyondBudget)
			for _, f := range p.Faults {
				beyondKinds[f.Kind]++
			}
			p.BeyondBudget = false
			var beyond *faults.BudgetError
			require.ErrorAs(t, p.Validate(topology), &beyond, "seed %d is marked and stays within the budget:\n%s", seed, text(p))
		}
		require.Less(t, empty, plans/4)
		for _, k := range []faults.Kind{faults.Crash, faults.CrashAtPoint, faults.Pause, faults.DiskSlow, faults.Partition, faults.Loss} {
			require.Equal(t, v.Objects, strikesStore[k] > 0, "%s of the object store for %+v", k, topology)
		}
		for _, k := range faults.Kinds() {
			if slices.Contains([]faults.Kind{faults.DiskCorrupt, faults.DiskLost, faults.NodeLost}, k) && topology.Budget().Damaged == 0 {
				require.Zero(t, kinds[k])
				continue
			}
			if p := (faults.Plan{Faults: []faults.Fault{{Kind: k}}}); p.Forgets() { // beyond the budget alone
				require.Zero(t, kinds[k])
				require.NotZero(t, beyondKinds[k], k)
				continue
			}
			if k == faults.CrashWhen { // of scenes alone
				require.Zero(t, kinds[k])
				continue
			}
			if k == faults.Promote && v.Readers == 0 {
				require.Zero(t, kinds[k])
				continue
			}
			require.NotZero(t, kinds[k], "%s never in %d plans for %+v", k, plans, topology)
		}
		require.Greater(t, kinds[faults.TakeOver]+kinds[faults.FailOver], plans, "fewer than one take-over a plan")
	}
}

// Plans of very many faults rot one disk again and again, up to what a plan may.
func TestGeneratedPlansFlipFewBitsOfOneDisk(t *testing.T) {
	most := 0
	for seed := range int64(60) {
		g := generator(seed%2 == 0)
		g.Topology = faults.Volume{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Zones: 1, Clients: 1}.Topology()
		g.Faults = 400
		p, err := g.Plan(seed)
		require.NoError(t, err)
		require.NoError(t, p.Validate(g.Topology))
		flips := map[string]int{}
		for _, f := range p.Faults {
			if f.Kind == faults.DiskCorrupt {
				flips[f.Nodes[0]]++
				most = max(most, flips[f.Nodes[0]])
			}
		}
	}
	require.Contains(t, []int{2, 3}, most)
}

// Long faults at the very limit of the budget do occur: plans that stay far from it would prove little.
func TestGeneratedPlansReachTheBudget(t *testing.T) {
	full := 0
	for seed := range int64(300) {
		p, err := generator(false).Plan(seed)
		require.NoError(t, err)
		less := aurora().Budget()
		less.Impaired--
		if less.Check(p, aurora()) != nil {
			full++
		}
	}
	require.Greater(t, full, 100)
}

// The shortest horizon that a generator takes is one that every scene fits into.
func TestTheShortestHorizon(t *testing.T) {
	g := generator(false)
	v := volume()
	v.Readers, v.Objects = 2, true
	g.Topology = v.Topology()
	g.Horizon = 4*g.Topology.Budget().Short + 1
	for seed := range int64(2000) {
		p, err := g.Plan(seed)
		require.NoError(t, err)
		require.NoError(t, p.Validate(g.Topology), "seed %d", seed)
	}
}

func TestWithoutPointsNoCrashAtPoint(t *testing.T) {
	g := generator(false)
	g.Points = nil
	for seed := range int64(200) {
		p, err := g.Plan(seed)
		require.NoError(t, err)
		for _, f := range p.Faults {
			require.NotEqual(t, faults.CrashAtPoint, f.Kind)
		}
	}
}

func TestGeneratorRefuses(t *testing.T) {
	for want, change := range map[string]func(*faults.Generator){
		"expected parts that hold from 1 to 1, found 0":           func(g *faults.Generator) { g.Topology.Parts = nil },
		"expected a horizon above 200ms, found 200ms":             func(g *faults.Generator) { g.Horizon = 200 * ms },
		"expected at least 1 fault, found 0":                      func(g *faults.Generator) { g.Faults = 0 },
		`unknown point "segmentBeforeSink"; known: registerAfter`: func(g *faults.Generator) { g.Points = []string{"segmentBeforeSink"} },
	} {
		g := generator(false)
		change(&g)
		_, err := g.Plan(1)
		require.ErrorContains(t, err, want)
	}
}

// Any bytes make a valid plan, so that coverage can drive the generator.
func FuzzPlan(f *testing.F) {
	f.Add([]byte("01234567"))
	f.Add([]byte("firstgap drives the same generators by coverage, from any bytes at all"))
	f.Add(make([]byte, 400))
	f.Fuzz(func(t *testing.T, data []byte) {
		var p faults.Plan
		faults.Fuzzer(data).Funcs(generator(false).Funcs()...).Fuzz(&p)
		require.NoError(t, p.Validate(aurora()), "%s", text(p))
	})
}

// A fuzzer that changes one byte of its input changes one draw, and all others stay: so it can keep what worked. gofuzz's own
// reading of bytes takes the first eight as a seed, which changes everything, and spends 8 to 19 on each draw.
func TestAByteIsADraw(t *testing.T) {
	draws := func(data []byte) []int {
		var all []int
		faults.Fuzzer(data).Funcs(func(n *int, c fuzz.Continue) { *n = c.Intn(1000) }).NumElements(30, 30).NilChance(0).Fuzz(&all)
		return all
	}
	data := make([]byte, 20)
	for i := range data {
		data[i] = byte(37 * i)
	}
	was := draws(data)
	for at := range data {
		changed := slices.Clone(data)
		changed[at] ^= 0x80
		differ := 0
		for i, n := range draws(changed) {
			if n != was[i] {
				differ++
			}
		}
		require.LessOrEqual(t, differ, 1, "byte %d", at)
	}
	require.Equal(t, draws(nil), draws(nil), "also when there are no bytes")
	require.NotEqual(t, draws(nil)[0], draws(nil)[1], "a fixed generator goes on")
}

func TestSingleFaultsAreValid(t *testing.T) {
	fuzzer := fuzz.NewWithSeed(1).Funcs(generator(false).Funcs()...)
	for range 2000 {
		var f faults.Fault
		fuzzer.Fuzz(&f)
		p := planOf(f)
		p.BeyondBudget = true // a single fault may cut off three segments
		require.NoError(t, p.Validate(aurora()))
	}
}

func BenchmarkPlan(b *testing.B) {
	g := generator(false)
	found := 0
	for seed := int64(0); b.Loop(); seed++ {
		p, err := g.Plan(seed)
		if err != nil {
			b.Fatal(err)
		}
		found += len(p.Faults)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "plans/s")
	b.ReportMetric(float64(found)/float64(b.N), "faults/plan")
}

// A system of a stranger: nodes that hold copies, none of which is active for the others. With or without disks.
func replicas(disk bool) faults.Topology {
	p := faults.Part{Role: "replica", Duty: faults.Holds, Count: 5, WriteQuorum: 3, ReadQuorum: 3, Disk: disk}
	if disk {
		p.Points = []string{"replicaBeforeAnswer"}
	}
	return faults.Topology{Parts: []faults.Part{p}, Zones: 3, Clients: 4}
}

// Plans are drawn over roles and zones: what a system does not have is in none of them, and what it has is in some.
func TestPlansOfASystemThatNamesItsNodesOtherwise(t *testing.T) {
	for _, disk := range []bool{false, true} {
		topology := replicas(disk)
		kinds := map[faults.Kind]int{}
		for seed := range int64(2000) {
			g := faults.Generator{Topology: topology, Horizon: faults.Duration(300 * time.Millisecond), Faults: 5, Lost: true,
				Points: []string{"replicaBeforeAnswer"}, Beyond: seed%8 == 0}
			if !disk {
				g.Points = nil
			}
			p, err := g.Plan(seed)
			require.NoError(t, err)
			require.NoError(t, p.Validate(topology), "seed %d:\n%s", seed, text(p))
			for _, f := range p.Faults {
				kinds[f.Kind]++
			}
		}
		for _, k := range []faults.Kind{faults.TakeOver, faults.FailOver, faults.Promote, faults.DiskLost, faults.NodeLost, faults.DiskFull, faults.DiskMisread, faults.DiskEmptied} {
			require.Zero(t, kinds[k], k)
		}
		for _, k := range []faults.Kind{faults.Pause, faults.Partition, faults.PartitionOneWay, faults.AZCutOff, faults.Loss} {
			require.Greater(t, kinds[k], 20, k)
		}
		// A node without a disk forgets in a crash what it acknowledged: every replicated system would be found to lie.
		for _, k := range []faults.Kind{faults.Crash, faults.PowerLossAZ, faults.CrashAtPoint, faults.DiskSlow} {
			require.Equal(t, disk, kinds[k] > 0, k)
		}
	}
}

// Of nodes that do not notice a flipped bit no plan flips one: a breach takes their disks instead, and what somebody writes by
// hand is beyond the budget wherever it strikes.
func TestNoBitFlipsOfNodesThatDoNotNotice(t *testing.T) {
	topology := replicas(true)
	topology.Parts[0].Unsealed, topology.Parts[0].Damaged = true, 1
	lost, within := 0, 0
	for seed := range int64(1000) {
		g := faults.Generator{Topology: topology, Horizon: faults.Duration(300 * time.Millisecond), Faults: 5, Lost: true, Beyond: seed%4 == 0}
		p, err := g.Plan(seed)
		require.NoError(t, err)
		require.NoError(t, p.Validate(topology), "seed %d:\n%s", seed, text(p))
		for _, f := range p.Faults {
			require.NotEqual(t, faults.DiskCorrupt, f.Kind)
			if f.Kind == faults.DiskLost {
				lost++
				if !p.BeyondBudget {
					within++
				}
			}
		}
	}
	require.Greater(t, within, 20)
	require.Greater(t, lost-within, 20)
	rot := faults.Plan{Horizon: ms, Faults: []faults.Fault{{Kind: faults.DiskCorrupt, Nodes: []string{"replica 2"}}}}
	require.EqualError(t, rot.Validate(topology), "beyond the fault budget: expected at most 0 replicas with flipped bits, which they do not notice, found 1 at 0s: replica 2")
	topology.Parts[0].Unsealed = false
	require.NoError(t, rot.Validate(topology))
}
