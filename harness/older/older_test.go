package older_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/harnesstest"
	_ "github.com/firstgap/firstgap/harness/internal/runflags"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/killtable"
	"github.com/firstgap/firstgap/harness/older"
)

// runs of each design that the tests make: so many that every check of it is made, and what it counts is seen.
const runs = 50

func named(t *testing.T, name string) harness.System {
	t.Helper()
	for _, s := range older.Systems() {
		if s.Name() == name {
			return s
		}
	}
	t.Fatalf("no design %q", name)
	return nil
}

// Every design under faults, within its budget and beyond: no check objects, and those that its evidence allows are made.
func TestRuns(t *testing.T) {
	transactions := []judge.Check{faults.Trace, faults.Serializability, faults.Durability, faults.Progress, faults.Replies, faults.Sanity}
	made := map[string][]judge.Check{"local": transactions, "snapshot": transactions, "ebs": transactions, "rds": transactions,
		"quorum": {faults.Trace, faults.Linearizability, faults.Durability, faults.Progress, faults.Sanity}}
	require.Len(t, older.Systems(), len(made))
	for _, s := range older.Systems() {
		t.Run(s.Name(), func(t *testing.T) {
			t.Parallel()
			sum := harnesstest.Run(t, campaign.Options{System: s, Runs: runs})
			for _, c := range made[s.Name()] {
				at := slices.IndexFunc(sum.Checks, func(x campaign.Tally) bool { return x.Check == c })
				require.Equal(t, judge.Pass, sum.Checks[at].Verdict, c)
				require.GreaterOrEqual(t, sum.Checks[at].Runs, uint64(runs*9/10), c)
			}
			c := sum.Counts
			require.NotZero(t, c.BeyondBudget)
			require.Less(t, c.BeyondBudget, uint64(runs/4))
			if s.Name() == "quorum" {
				require.Greater(t, c.Operations, uint64(runs*30))
				require.NotZero(t, c.Doubtful)
			} else {
				require.Greater(t, c.Acknowledged, uint64(runs*10))
				require.NotZero(t, c.Scans)
			}
		})
	}
}

// The planted bugs of every design are found by a check that is meant to find them.
func TestEveryPlantedBugIsFound(t *testing.T) {
	for _, s := range older.Systems() {
		t.Run(s.Name(), func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, s.About().Bugs)
			table, err := killtable.Run(t.Context(), killtable.Options{System: s, Trials: 3, Limit: 100})
			require.NoError(t, err)
			require.Len(t, table.Rows, len(s.About().Bugs))
			var text bytes.Buffer
			require.NoError(t, table.WriteText(&text))
			t.Log("\n" + text.String())
			for _, r := range table.Rows {
				require.Empty(t, r.Problem, r.Bug.Name)
			}
		})
	}
}

// A failing run of a design is a file that another process replays, as any system's.
func TestAFailureIsReplayed(t *testing.T) {
	s := named(t, "ebs")
	var r harness.Result
	var trail *failure.Trail
	for seed := uint64(1); r.Verdict != judge.Violation; seed++ {
		require.Less(t, seed, uint64(20))
		c, err := s.Generate(seed, harness.Generation{Bug: s.About().Bugs[0].Name})
		require.NoError(t, err)
		r, trail = failure.Record(s, c)
	}
	file := t.TempDir() + "/ebs.fgt"
	require.NoError(t, failure.Of(&r, trail).Write(file))
	f, err := failure.Read(file)
	require.NoError(t, err)
	again, err := failure.Again(f, older.Systems())
	require.NoError(t, err)
	require.Equal(t, failure.Reproduced, again.Answer, "%v", again.Differences)
}

func settings[T any](t *testing.T, c *configuration.Configuration) *T {
	var set T
	require.NoError(t, json.Unmarshal(c.Settings, &set))
	return &set
}

// Settings that no design can run are refused by the name of the field.
func TestSettingsThatMakeNoSense(t *testing.T) {
	for field, spoil := range map[string]func(*older.Settings){
		"database.pages":         func(s *older.Settings) { s.Database.Pages = 0 },
		"database.pageSize":      func(s *older.Settings) { s.Database.PageSize = 1 << 20 },
		"database.cachePages":    func(s *older.Settings) { s.Database.CachePages = -1 },
		"database.keepLog":       func(s *older.Settings) { s.Database.KeepLog = 0 },
		"database.flushAfter":    func(s *older.Settings) { s.Database.FlushAfter = 0 },
		"database.tickEvery":     func(s *older.Settings) { s.Database.TickEvery = faults.Duration(2 * time.Hour) },
		"database.idleAfter":     func(s *older.Settings) { s.Database.IdleAfter = s.Workload.Timeout },
		"database.snapshotEvery": func(s *older.Settings) { s.Database.SnapshotEvery = faults.Duration(2 * time.Hour) },
		"workload.mix":           func(s *older.Settings) { s.Workload.Mix.Savepoint = 1 },
		"workload.valueBytes":    func(s *older.Settings) { s.Workload.ValueBytes = 3000 },
		"clients":                func(s *older.Settings) { s.Workload.Clients = 0 },
	} {
		for _, name := range []string{"local", "ebs", "rds", "snapshot"} {
			s := named(t, name)
			c, err := s.Generate(1, harness.Generation{})
			require.NoError(t, err)
			set := settings[older.Settings](t, &c)
			spoil(set)
			c.Settings, err = json.Marshal(set)
			require.NoError(t, err)
			require.ErrorContains(t, harness.Validate(s, &c), field, name)
		}
	}
	for field, spoil := range map[string]func(*older.RegisterSettings){
		"register.n":       func(s *older.RegisterSettings) { s.Register.N = 10 },
		"register.r":       func(s *older.RegisterSettings) { s.Register.R = 0 },
		"register.w":       func(s *older.RegisterSettings) { s.Register.W = s.Register.N + 1 },
		"retryEvery":       func(s *older.RegisterSettings) { s.RetryEvery = 0 },
		"idleAfter":        func(s *older.RegisterSettings) { s.IdleAfter = s.Workload.Timeout },
		"workload.clients": func(s *older.RegisterSettings) { s.Workload.Clients = 0 },
		"workload.each":    func(s *older.RegisterSettings) { s.Workload.Each = 0 },
		"workload.keys":    func(s *older.RegisterSettings) { s.Workload.Keys = 0 },
		"workload.writes":  func(s *older.RegisterSettings) { s.Workload.Writes = 11 },
		"workload.think":   func(s *older.RegisterSettings) { s.Workload.Think = 0 },
		"workload.timeout": func(s *older.RegisterSettings) { s.Workload.Timeout = 0 },
	} {
		s := named(t, "quorum")
		c, err := s.Generate(1, harness.Generation{})
		require.NoError(t, err)
		set := settings[older.RegisterSettings](t, &c)
		spoil(set)
		c.Settings, err = json.Marshal(set)
		require.NoError(t, err)
		require.ErrorContains(t, harness.Validate(s, &c), field)
	}
}

// What a design cannot hold out against is outside of its budget, and what a run of it shows then is no pass: the disk of local
// is all there is.
func TestAWeaknessIsOutsideOfTheBudget(t *testing.T) {
	for _, s := range older.Systems() {
		c, err := s.Generate(1, harness.Generation{})
		require.NoError(t, err)
		top, err := s.Topology(&c)
		require.NoError(t, err)
		var holder string
		for _, n := range top.Nodes() {
			if n.Role == "database" && n.Index == 1 || n.Role == "server" || n.Role == "replica" {
				holder = n.String()
			}
		}
		ms := faults.Duration(time.Millisecond)
		c.Plan = faults.Plan{Horizon: 300 * ms, Faults: []faults.Fault{{Kind: faults.DiskCorrupt, At: 200 * ms, Nodes: []string{holder}}}}
		require.ErrorContains(t, c.Plan.Validate(top), "beyond the fault budget", s.Name())
		c.Plan.Faults[0] = faults.Fault{Kind: faults.DiskLost, At: 200 * ms, For: 10 * ms, Nodes: []string{holder}}
		if s.Name() == "quorum" { // of which one replica may be lost, where the others are a quorum
			set := settings[older.RegisterSettings](t, &c)
			set.Register = older.Register{N: 3, R: 2, W: 2, ReadRepair: true}
			c.Settings, err = json.Marshal(set)
			require.NoError(t, err)
			top, err = s.Topology(&c)
			require.NoError(t, err)
			c.Plan.Faults[0].Nodes = []string{"replica 1"}
			require.NoError(t, c.Plan.Validate(top))
			require.Equal(t, judge.Pass, harness.Run(s, c).Verdict)
			continue
		}
		require.ErrorContains(t, c.Plan.Validate(top), "beyond the fault budget", s.Name())
		c.Plan.BeyondBudget = true
		r := harness.Run(s, c)
		if s.Name() == "local" || s.Name() == "snapshot" {
			require.Equal(t, judge.Violation, r.Verdict, s.Name())
			require.True(t, slices.ContainsFunc(r.Findings, func(f judge.Finding) bool { return f.Check == faults.Durability }), "%s: %v", s.Name(), r.Findings)
		} else {
			require.Equal(t, judge.Pass, r.Verdict, "%s: %v", s.Name(), r.Findings)
		}
	}
}

// Registers whose quorums need not overlap are no registers: linearizability says so, and the model.
func TestQuorumsThatDoNotOverlapAreCaught(t *testing.T) {
	s := named(t, "quorum")
	found := map[judge.Check]bool{}
	for seed := uint64(1); seed <= 20; seed++ {
		c, err := s.Generate(seed, harness.Generation{})
		require.NoError(t, err)
		set := settings[older.RegisterSettings](t, &c)
		set.Register = older.Register{N: 3, R: 1, W: 1, ReadRepair: true}
		c.Settings, err = json.Marshal(set)
		require.NoError(t, err)
		c.Plan.Faults = nil
		c.Plan.Faults = append(c.Plan.Faults, faults.Fault{Kind: faults.Partition, At: 0, For: c.Plan.Horizon / 2, Nodes: []string{"replica 1"}, To: []string{"front"}})
		for _, f := range harness.Run(s, c).Findings {
			found[f.Check] = true
		}
	}
	require.True(t, found[faults.Trace], "%v", found)
	require.True(t, found[faults.Linearizability], "%v", found)
}

// What systems say of themselves is there for people to read.
func TestSystemsSayWhatTheyAre(t *testing.T) {
	for _, s := range older.Systems() {
		about := s.About()
		require.NotEmpty(t, about.What)
		require.False(t, strings.Contains(about.What, "\n"))
		require.Contains(t, about.Gives, judge.Trace)
		require.Contains(t, about.Gives, judge.Audit)
		for _, b := range about.Bugs {
			require.NotEmpty(t, b.Rule, b.Name)
			require.NotEmpty(t, b.Expect, b.Name)
		}
	}
}
