package guide_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	fuzz "github.com/google/gofuzz"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign/guide"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/older"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// A register keeps rows in memory.
type register struct{ rows map[string]node.Value }

func (r *register) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind != node.Requested {
		return
	}
	q := ev.Request
	if q.Op == node.OpWrite {
		r.rows[q.Rows[0].Key] = q.Rows[0].Value
	}
	out.Respond(ev.From, node.Reply{ID: q.ID, Op: q.Op, Status: node.OK, Value: r.rows[q.Rows[0].Key]})
}

// registers is the smallest system there is.
func registers(count int) harness.System {
	return harness.Replicas{Name: "register", Count: count, Mix: workload.Registers(),
		New: func(harness.Place) node.Node { return &register{rows: map[string]node.Value{}} }}.System()
}

// systems are those of every kind: with scenes and a generator of their own, with plans of the older kind, and of a stranger's nodes.
func systems() []harness.System {
	return append(older.Systems(), aurora.System(), registers(5))
}

// points are those of the failpoint build; a plan that has some is as valid without it.
func points() (names []string) {
	for _, p := range faults.Points() {
		names = append(names, p.Name)
	}
	return names
}

// with calls a function with draws.
func with(f *fuzz.Fuzzer, do func(fuzz.Continue)) {
	var drawn struct{}
	f.Funcs(func(_ *struct{}, c fuzz.Continue) { do(c) }).Fuzz(&drawn)
}

func mutated(t *testing.T, m *guide.Material, c *configuration.Configuration, f *fuzz.Fuzzer) (next configuration.Configuration, did []guide.Mutation) {
	with(f, func(c2 fuzz.Continue) {
		var err error
		next, did, err = guide.Mutate(m, c, c2)
		require.NoError(t, err)
	})
	return next, did
}

// overlap tells whether a read quorum meets every write quorum, and two write quorums each other.
func overlap(t *testing.T, s harness.System, c *configuration.Configuration) bool {
	topology, err := s.Topology(c)
	require.NoError(t, err)
	for i := range topology.Parts {
		if p := &topology.Parts[i]; p.Duty == faults.Holds {
			return p.WriteQuorum+p.ReadQuorum > p.Members() && 2*p.WriteQuorum > p.Members()
		}
	}
	return false
}

// Quorums that overlapped still do. One value of the settings alone, such as the number of spares, would make members of them, and a run
// of a sound system would lose what it acknowledged.
func TestQuorumsAreNotTakenApart(t *testing.T) {
	s := aurora.System()
	m := &guide.Material{System: s}
	settings := 0
	for seed := range uint64(150) {
		c, err := s.Generate(seed, m.Generation)
		require.NoError(t, err)
		for step := range int64(6) {
			next, by := mutated(t, m, &c, fuzz.NewWithSeed(int64(seed)*6+step))
			if slices.Contains(by, guide.Settings) {
				settings++
			}
			require.True(t, overlap(t, s, &next), "seed %d: %v\n%s", seed, by, next)
		}
	}
	require.Greater(t, settings, 100)
}

// Lines of mutations stay valid for every system, through many generations, and every mutation comes about.
func TestEveryMutationIsValid(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.Name(), func(t *testing.T) {
			g := harness.Generation{}
			if s.Name() == aurora.Name {
				g.Points, g.Bug = points(), "bugAckBeforeSync"
			}
			m := &guide.Material{System: s, Generation: g}
			did := map[guide.Mutation]int{}
			seeds := uint64(70)
			if s.Name() == aurora.Name || s.Name() == "quorum" || s.Name() == "register" {
				seeds = 120
			}
			for seed := range seeds {
				c, err := s.Generate(seed, g)
				require.NoError(t, err)
				if len(m.Others) < 20 {
					m.Others = append(m.Others, &c)
				}
				for step := range uint64(3) {
					before := c.String()
					next, by := mutated(t, m, &c, fuzz.NewWithSeed(int64(seed*100+step)))
					require.NoError(t, harness.Validate(s, &next), "seed %d step %d: %v\n%s", seed, step, by, next)
					require.Equal(t, before, c.String(), "seed %d step %d: %v changed what it was given", seed, step, by)
					require.Equal(t, g.Bug, next.Bug)
					require.False(t, overlap(t, s, &c) && !overlap(t, s, &next), "seed %d step %d: %v took quorums apart\n%s", seed, step, by, next)
					require.NotEqual(t, before, next.String(), "%v", by)
					for _, name := range by {
						did[name]++
					}
					c = next
				}
			}
			for _, name := range []guide.Mutation{guide.AddFaults, guide.RemoveFault, guide.RepeatFault, guide.MoveFault, guide.MeetFault, guide.SwapFaults, guide.StretchFault, guide.ScaleFault,
				guide.SaltFault, guide.TurnFault, guide.SpliceFaults, guide.Network, guide.Disk, guide.Ending, guide.RunSeed, guide.Settings} {
				if name == guide.TurnFault && (s.Name() == "local" || s.Name() == "snapshot") {
					continue // there is one node of a kind, and hardly a client in a plan
				}
				require.Positive(t, did[name], "%s", name)
			}
			t.Log(did)
		})
	}
}

// The same seed gives the same mutations, and so do the same bytes.
func TestDrawsDecideMutations(t *testing.T) {
	s := aurora.System()
	c, err := s.Generate(7, harness.Generation{})
	require.NoError(t, err)
	m := &guide.Material{System: s, Others: []*configuration.Configuration{&c}}
	of := func(f *fuzz.Fuzzer) string {
		next, did := mutated(t, m, &c, f)
		text, err := json.Marshal(next)
		require.NoError(t, err)
		return fmt.Sprint(did, string(text))
	}
	require.Equal(t, of(fuzz.NewWithSeed(3)), of(fuzz.NewWithSeed(3)))
	require.NotEqual(t, of(fuzz.NewWithSeed(3)), of(fuzz.NewWithSeed(4)))
	require.Equal(t, of(faults.Fuzzer([]byte("abcdefgh"))), of(faults.Fuzzer([]byte("abcdefgh"))))
	require.NotEqual(t, of(faults.Fuzzer([]byte("abcdefgh"))), of(faults.Fuzzer([]byte("hgfedcba"))))
}
