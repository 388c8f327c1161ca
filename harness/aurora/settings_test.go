package aurora

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/tally"
	"github.com/firstgap/firstgap/impl/node"
)

func TestConfigurationsSurviveJSON(t *testing.T) {
	for seed := range uint64(300) {
		c := generated(t, seed)
		again, err := read(strings.NewReader(c.Whole().String()))
		require.NoError(t, err)
		require.Equal(t, c.Whole().String(), again.Whole().String())
		require.Equal(t, c, again)
	}
}

// The generator reaches what runs are meant to vary.
func TestConfigurationsVary(t *testing.T) {
	seen := map[string]int{}
	note := func(what string, is bool) {
		if is {
			seen[what]++
		}
	}
	for seed := range uint64(1600) {
		c := generated(t, seed)
		v := c.Volume
		require.Greater(t, v.WriteQuorum+v.ReadQuorum, v.Members(), "quorums overlap")
		note("6/4/3", v.Members() == 6 && v.WriteQuorum == 4 && v.ReadQuorum == 3)
		note("3/2/2", v.Members() == 3)
		note("other shapes", v.Members() == 4 || v.Members() == 5)
		note("one group", v.Groups == 1)
		note("two groups", v.Groups == 2)
		note("three groups", v.Groups == 3)
		note("cache smaller than the volume", c.Nodes.CachePages < 8)
		note("one client", c.Workload.Clients == 1)
		note("six clients", c.Workload.Clients == 6)
		note("lossy network", c.Network.Loss > 0)
		note("slow messages", c.Network.TailRate > 0)
		note("tails", v.Tails > 0)
		note("a spare", v.Spares == 1)
		note("two spares", v.Spares == 2)
		note("growth", v.InUse < v.Groups)
		note("backup", v.BackupWindow > 0)
		note("no backup", v.BackupWindow == 0)
		note("smallest pages", v.PageSize == 512)
		note("largest pages", v.PageSize == 16384)
		note("readers", v.Readers > 0)
		note("no readers", v.Readers == 0)
		note("as many readers as there may be", v.Readers == node.MaxReaders)
		note("little log ahead", c.Nodes.LogAhead < 100)
		note("pages of a peer in several messages", c.Nodes.FillChunk < 4*c.Volume.PageSize)
		note("readers that are slow to notice", c.Nodes.ReaderRetryEvery > 3*c.Nodes.RetryEvery)
		note("duplicates", c.Network.Duplicate > 0)
		note("beyond the budget", c.Plan.BeyondBudget)
		note("the last writer crashes", c.Ending.Crash)
		note("the last writer lives", !c.Ending.Crash)
		for _, f := range c.Plan.Faults {
			note(string(f.Kind), true)
			require.NotEqual(t, faults.CrashAtPoint, f.Kind, "nobody passes points in a build without them")
		}
	}
	for _, k := range faults.Kinds() {
		if k != faults.CrashAtPoint {
			require.Positive(t, seen[string(k)], "fault %s in %v", k, seen)
		}
	}
	for what, n := range seen {
		require.Greater(t, n, 3, what)
	}
	require.Greater(t, seen["6/4/3"], 600)
	require.Len(t, seen, 29+len(faults.Kinds())-1)
}

func TestPointsAndBugsReachTheConfiguration(t *testing.T) {
	g := harness.Generation{Bug: "bugUndoSkipped"}
	for _, p := range faults.Points() {
		g.Points = append(g.Points, p.Name)
	}
	crashes := 0
	for seed := range uint64(100) {
		c, err := Generate(seed, g)
		require.NoError(t, err)
		require.Equal(t, g.Bug, c.Bug)
		for _, f := range c.Plan.Faults {
			if f.Kind == faults.CrashAtPoint {
				crashes++
			}
		}
	}
	require.Positive(t, crashes)

	_, err := Generate(1, harness.Generation{Bug: "bugOfMine"})
	require.ErrorContains(t, err, `unknown planted bug "bugOfMine"; known: bugAckAtWMinusOne`)
	_, err = Generate(1, harness.Generation{Points: []string{"here"}})
	require.ErrorContains(t, err, `unknown point "here"; known: `)
}

func TestValidateNamesTheField(t *testing.T) {
	for field, spoil := range map[string]func(*Configuration){
		"version":            func(c *Configuration) { c.Version = 99 },
		"volume.groups":      func(c *Configuration) { c.Volume.Groups = 0 },
		"volume.replicas":    func(c *Configuration) { c.Volume.Replicas = 10 },
		"volume.writeQuorum": func(c *Configuration) { c.Volume.WriteQuorum = 7 },
		"volume.pageSize":    func(c *Configuration) { c.Volume.PageSize = 100 },
		"volume.zones":       func(c *Configuration) { c.Volume.Zones = 0 },
		"nodes.cachePages":   func(c *Configuration) { c.Nodes.CachePages = 0 },
		"nodes.logAhead":     func(c *Configuration) { c.Nodes.LogAhead = 0 },
		"nodes.monitorEvery": func(c *Configuration) { c.Nodes.MonitorEvery = 0 },
		"nodes.suspectAfter": func(c *Configuration) { c.Nodes.SuspectAfter = 0 },
		"volume.spares": func(c *Configuration) {
			c.Volume.Spares, c.Volume.WriteQuorum, c.Volume.ReadQuorum, c.Volume.Zones = -1, 3, 3, 3
		},
		"volume.tails":           func(c *Configuration) { c.Volume.Tails = 4 },
		"volume.inUse":           func(c *Configuration) { c.Volume.InUse = 1 },
		"volume.groupPages":      func(c *Configuration) { c.Volume.GroupPages = -1 },
		"workload.valueBytes":    func(c *Configuration) { c.Workload.ValueBytes = 2000 },
		"nodes.coalesceEvery":    func(c *Configuration) { c.Nodes.CoalesceEvery = 0 },
		"nodes.backupEvery":      func(c *Configuration) { c.Nodes.BackupEvery = 0 },
		"volume.backupWindow":    func(c *Configuration) { c.Volume.BackupWindow = -1 },
		"nodes.gossipEvery":      func(c *Configuration) { c.Nodes.GossipEvery = 0 },
		"nodes.retryEvery":       func(c *Configuration) { c.Nodes.RetryEvery = -1 },
		"nodes.readerRetryEvery": func(c *Configuration) { c.Nodes.ReaderRetryEvery = -1 },
		"nodes.readerCachePages": func(c *Configuration) { c.Nodes.ReaderCachePages = -1 },
		"nodes.fillChunk":        func(c *Configuration) { c.Nodes.FillChunk = maxFillChunk + 1 },
		"nodes.idleAfter":        func(c *Configuration) { c.Nodes.IdleAfter = c.Workload.Timeout },
		"ending.bound":           func(c *Configuration) { c.Ending.Bound = 0 },
		"ending.calm":            func(c *Configuration) { c.Ending.Calm = 0 },
		"ending.settle":          func(c *Configuration) { c.Ending.Settle = faults.Duration(2 * time.Hour) },
	} {
		c := quiet(t)
		spoil(&c)
		var e *configuration.Error
		require.ErrorAs(t, c.Validate(), &e, field)
		require.Equal(t, field, e.Field)
	}
	for words, spoil := range map[string]func(*Configuration){
		"network.loss":      func(c *Configuration) { c.Network.Loss = 2 },
		"disk.sync":         func(c *Configuration) { c.Disk.Sync = -1 },
		"workload: clients": func(c *Configuration) { c.Workload.Clients = 0 },
		"unknown node \"me\"": func(c *Configuration) {
			c.Plan.Faults = []faults.Fault{{Kind: faults.Pause, For: 1, Nodes: []string{"me"}}}
		},
		"unknown planted bug":  func(c *Configuration) { c.Bug = "none of ours" },
		"expected a horizon":   func(c *Configuration) { c.Plan.Horizon = 0 },
		"beyond the fault bud": func(c *Configuration) { c.Plan.Faults = tooMuch() },
	} {
		c := quiet(t)
		spoil(&c)
		require.ErrorContains(t, c.Validate(), words)
	}
}

func tooMuch() []faults.Fault {
	return []faults.Fault{{Kind: faults.Crash, At: 1000, For: faults.Duration(200 * time.Millisecond),
		Nodes: []string{"segment 1/1", "segment 1/2", "segment 1/3"}}}
}

func TestReadConfigurationRefuses(t *testing.T) {
	good := quiet(t).Whole().String()
	for words, text := range map[string]string{
		"sead: expected one of the keys bug, disk, ending, limits, network, plan, seed, settings, system, version, found an unknown key": strings.Replace(good, `"seed"`, `"sead"`, 1),
		"settings of aurora: nodes.gossipEvery: expected a duration":                                                                     strings.Replace(good, `"gossipEvery": "`, `"gossipEvery": "x`, 1),
		"plan.horizun: expected one of the keys":                                                                                         strings.Replace(good, `"horizon"`, `"horizun"`, 1),
		"unexpected EOF":                                                                                                                 good[:len(good)/2],
		"expected the end behind the JSON value":                                                                                         good + good,
		"version is 1, want 4":                                                                                                           strings.Replace(good, `"version": 4`, `"version": 1`, 1),
	} {
		_, err := read(strings.NewReader(text))
		require.ErrorContains(t, err, words)
	}
}

// Most runs are short; the few long ones have room for a tree of several levels, and more events.
func TestFewConfigurationsAreLong(t *testing.T) {
	n := map[int]int{}
	for seed := range uint64(20_000) {
		n[length(seed)]++
	}
	require.Greater(t, n[1], 19_600)
	for _, times := range []int{3, 8, 24} {
		require.Positive(t, n[times], "%d times as long", times)
	}
	require.Greater(t, n[3], 5*n[8]/2)
	require.Greater(t, n[8], n[24])
	for seed := range uint64(2000) {
		if times := length(seed); times > 1 {
			c := generated(t, seed)
			require.Greater(t, c.Plan.Horizon, faults.Duration(times)*faults.Duration(290*time.Millisecond))
			require.EqualValues(t, 400_000*times, c.Limits.Events)
			require.Zero(t, c.Volume.GroupPages, "room for the tree")
		}
	}
}

// A scene that waits for a message by a name that no message has would wait for ever.
func TestScenesWaitForMessagesThatThereAre(t *testing.T) {
	require.Equal(t, (*node.Fenced)(nil).Type(), faults.Fenced)
	require.Equal(t, (*node.ObjectKept)(nil).Type(), faults.Kept)
}

// What a plan has is counted under its name.
func TestEverySceneHasACounter(t *testing.T) {
	var c counts.Scenes
	known := tally.Index(&c)
	for _, s := range faults.Scenes() {
		require.NotNil(t, known[string(s)], s)
		require.NotNil(t, known["took."+string(s)], s)
		require.NotEmpty(t, s.What())
	}
}

// Every scene, and every run of another shape, is in one plan of a hundred at least; and what its runs made of it is counted beside.
func TestNoSceneIsRare(t *testing.T) {
	planned, err := Plan(1, 1500)
	require.NoError(t, err)
	require.NoError(t, planned.Rare())

	run := counts.Counts{Runs: 100}
	run.Scenes.RotTwice, run.Scenes.Took.RotTwice, run.Scenes.Took.LongRun, run.Scenes.Long = 7, 3, 1, 4
	planned.Ran(&run)
	var b strings.Builder
	require.NoError(t, planned.WriteText(&b))
	require.Regexp(t, `scene +what happens in it +of 1500 plans +of 100 runs +took effect\n`, b.String())
	require.Regexp(t, `rot-twice +a segment's disk rots, it restarts, it rots again, it restarts again +\d+ +7 +3\n`, b.String())
	require.Regexp(t, `long-run .* +\d+ +\d+ +1\n`, b.String())

	planned.Scenes[2].Plans = 14
	var rare *RareSceneError
	require.ErrorAs(t, planned.Rare(), &rare)
	require.EqualError(t, rare, "scene register-slow: expected it in at least 15 of 1500 plans, found it in 14")
}

// One part of a configuration does not depend on what another has drawn.
func TestPartsAreDrawnApart(t *testing.T) {
	seen := map[int64]string{}
	for _, part := range []string{"volume", "nodes", "network", "disk", "workload", "ending", "plan", "incident"} {
		for seed := range uint64(1000) {
			s := configuration.PartSeed(seed, part)
			require.GreaterOrEqual(t, s, int64(0))
			require.Empty(t, seen[s], "%s and %s share a seed", part, seen[s])
			seen[s] = part
		}
	}
}
