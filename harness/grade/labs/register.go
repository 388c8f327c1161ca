package labs

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/workload"
)

// The mistakes of lab 1, by the names that the reference asks its hook for.
const (
	bugAnswerBeforeSync = "bugAnswerBeforeSync"
	bugReadQuorumOfOne  = "bugReadQuorumOfOne"
	bugWriteQuorumOfOne = "bugWriteQuorumOfOne"
	bugNoWriteBack      = "bugNoWriteBack"
	bugOwnVersion       = "bugOwnVersion"
	bugTiesUndecided    = "bugTiesUndecided"
	bugOlderOverwrites  = "bugOlderOverwrites"
	bugMajorityVote     = "bugMajorityVote"
	bugOldAnswersCount  = "bugOldAnswersCount"
	bugWaitsForAll      = "bugWaitsForAll"
	registerNodes       = 3
	registerQuorum      = 2 // any two quorums have a node in common
	lectureQuorum       = "6. Quorum 机制"
)

func registerMistakes() []Mistake {
	lies := []faults.Check{faults.Linearizability, faults.Durability}
	return []Mistake{
		{faults.PlantedBug{Name: bugAnswerBeforeSync, Kind: faults.Safety, Expect: lies, Rule: "What a node says that it has stored is on its disk."}, "keeps-what-it-acknowledged"},
		{faults.PlantedBug{Name: bugReadQuorumOfOne, Kind: faults.Safety, Expect: lies, Rule: "A read hears R nodes, so that one of them has the last write."}, "two-quorums-meet"},
		{faults.PlantedBug{Name: bugWriteQuorumOfOne, Kind: faults.Safety, Expect: lies, Rule: "A write is stored by W nodes before it is acknowledged."}, "two-quorums-meet"},
		{faults.PlantedBug{Name: bugNoWriteBack, Kind: faults.Safety, Expect: lies, Rule: "A read has W nodes store what it answers: else the next read may answer with less."}, "a-read-stores-what-it-answers"},
		{faults.PlantedBug{Name: bugOwnVersion, Kind: faults.Safety, Expect: lies, Rule: "A write's version is above those of a read quorum, not above one's own."}, "versions-order-all-writes"},
		{faults.PlantedBug{Name: bugTiesUndecided, Kind: faults.Safety, Expect: lies, Rule: "Two writes never have the same version: the node's number decides between equal ones."}, "versions-order-all-writes"},
		{faults.PlantedBug{Name: bugOlderOverwrites, Kind: faults.Safety, Expect: lies, Rule: "A node keeps the newer of what it has and what it is sent."}, "the-highest-version-wins"},
		{faults.PlantedBug{Name: bugMajorityVote, Kind: faults.Safety, Expect: lies, Rule: "Of different answers the highest version counts, and no vote is taken: only one of R nodes may have it."}, "the-highest-version-wins"},
		{faults.PlantedBug{Name: bugOldAnswersCount, Kind: faults.Safety, Expect: lies, Rule: "An answer counts for what it answers: who was asked for a copy has not stored one."}, "an-answer-belongs-to-its-question"},
		{faults.PlantedBug{Name: bugWaitsForAll, Kind: faults.Liveness, Expect: []faults.Check{faults.Progress}, Rule: "A write waits for W nodes and a read for R, and never for all."}, "goes-on-without-a-minority"},
	}
}

// operating is what the runs of a lab of replicas are like, before chance and faults have their part.
type operating struct {
	workload.Operations
	horizon faults.Duration
	crash   bool // runs end with a restart of all nodes; else as the seed has it
	adjust  func(d dice, c *configuration.Configuration)
}

func (x operating) with(adjust func(dice, *configuration.Configuration)) operating {
	x.adjust = adjust
	return x
}

// runs makes the Generate of a test: runs of the setting, with faults by a plot.
func (x operating) runs(p plot) func(harness.System, uint64, string) (configuration.Configuration, error) {
	return func(s harness.System, seed uint64, bug string) (configuration.Configuration, error) {
		c := configuration.Configuration{Version: configuration.Version, System: s.Name(), Seed: seed, Bug: bug,
			Limits: sim.Limits{Events: 50_000, Time: faults.Duration(time.Minute), Bytes: 64 << 20}}
		c.Draw()
		c.Network.Loss, c.Network.Duplicate = 0, 0
		c.Ending.Bound, c.Ending.Calm, c.Ending.Settle, c.Ending.Crash = 2000*ms, 20*ms, 40*ms, c.Ending.Crash || x.crash
		if x.adjust != nil {
			x.adjust(diceOf(seed, "adjust"), &c)
		}
		var err error
		if c.Settings, err = json.Marshal(struct {
			Workload workload.Operations `json:"workload"`
		}{x.Operations}); err != nil {
			return c, fmt.Errorf("labs: %w", err)
		}
		t, err := s.Topology(&c)
		if err != nil {
			return c, err
		}
		if c.Plan, err = drawn(seed, t, x.horizon, p); err != nil {
			return c, err
		}
		return validated(s, c)
	}
}

// ladder makes the Generate of a Break: on each step the plot has at most so many faults.
func (x operating) ladder(p func(step int) plot) func(harness.System, uint64, int, string) (configuration.Configuration, error) {
	return ladder(func(s harness.System, seed uint64, step int, bug string) (configuration.Configuration, error) {
		return x.runs(p(step))(s, seed, bug)
	})
}

// register is lab 1: the versioned quorum register.
func register() Lab {
	x := operating{horizon: 130 * ms, Operations: workload.Operations{Clients: 3, Calls: 16, Keys: 1, Think: 7 * ms, Timeout: 30 * ms, Mix: workload.Registers()}}
	// Many clients of one key, on disks that take little.
	many := x.with(func(_ dice, c *configuration.Configuration) {
		c.Disk.Replace, c.Disk.Jitter, c.Disk.TailRate = ms/4, ms/4, 0
	})
	many.Clients, many.Calls, many.Think, many.Mix = 4, 18, 5*ms, workload.OperationMix{Read: 3, Write: 2}
	clash := many
	clash.Clients, clash.Calls, clash.Think, clash.Mix = 6, 16, 5*ms, workload.OperationMix{Read: 1, Write: 1}
	crowd := clash
	crowd.Calls = 26
	reading := clash
	reading.Mix, reading.Think, reading.Timeout = workload.OperationMix{Read: 6, Write: 1}, 2*ms, 8*ms
	slow := many.with(func(_ dice, c *configuration.Configuration) {
		c.Disk.Replace, c.Disk.SurviveRate, c.Disk.EffectRate = 4*ms, 0, 0
	})
	slow.Timeout = 30 * ms
	var bugs []faults.PlantedBug
	for _, m := range registerMistakes() {
		bugs = append(bugs, m.Bug)
	}
	return Lab{Number: 1, Name: "register", Title: "The versioned quorum register", Section: lectureQuorum, Role: protocol.Replica,
		System: func(m protocol.Maker) harness.System {
			s, err := protocol.System(protocol.Replica, m, protocol.Options{Name: "lab-1", Count: registerNodes, Quorum: registerQuorum, Mix: workload.Registers(), Bugs: bugs})
			if err != nil {
				panic(fmt.Sprintf("labs: %v", err)) // the role is built in
			}
			return s
		},
		Reference: newReplica, Mistakes: registerMistakes(),
		Checks: []judge.Check{faults.Linearizability, faults.Durability, faults.Progress, faults.Replies},
		Tests: []Test{
			{Name: "serves", Rule: "where nothing goes wrong, reads return what was written last", Section: lectureQuorum, Public: true, Marks: 10, Runs: 4,
				Generate: x.runs(calm), Needs: []string{"operations", "rowsAudited"}},
			{Name: "two-quorums-meet", Rule: "a write is on W nodes before it is acknowledged, and a read hears R nodes: R + W > N", Section: lectureQuorum, Public: true, Marks: 15, Runs: 10,
				Generate: clash.runs(both(spread, oldHere)), Needs: []string{"operations"}},
			{Name: "the-highest-version-wins", Rule: "of different answers the highest version counts, and a node never goes back to a lower one", Section: lectureQuorum, Marks: 15, Runs: 8,
				Generate: clash.runs(late), Needs: []string{"operations"}},
			{Name: "versions-order-all-writes", Rule: "the version of a write is above all that a read quorum has, and no two writes have the same", Section: lectureQuorum, Marks: 10, Runs: 16,
				Generate: crowd.runs(both(spread, oldHere)), Needs: []string{"operations"}},
			{Name: "a-read-stores-what-it-answers", Rule: "what a read answers is on W nodes, or the next read may answer with less", Section: lectureQuorum, Marks: 10, Runs: 12,
				Generate: reading.runs(both(halfLost, doubled)), Needs: []string{"operations"}},
			{Name: "an-answer-belongs-to-its-question", Rule: "an answer counts once, for what it answers, and for nothing that is asked later", Section: lectureQuorum, Marks: 12, Runs: 10,
				Generate: clash.runs(both(doubled, spread)), Needs: []string{"operations", "world.duplicated"}},
			{Name: "goes-on-without-a-minority", Rule: "a write waits for W nodes and a read for R, and never for all: slow and dead nodes are passed over", Section: "5. Aurora 存储服务器的容错目标", Public: true, Marks: 8, Runs: 3,
				// The second crash strikes only where something is acknowledged while a node is down.
				Generate: many.runs(oneIsGone), Needs: []string{"operations", "world.aimedCrashes"}},
			{Name: "keeps-what-it-acknowledged", Rule: "what a node says that it has stored is on its disk: all nodes may lose their power at once", Section: "2. 故障可恢复事务(Crash Recoverable Transaction)", Marks: 10, Runs: 6,
				Generate: slow.runs(allRestart), Needs: []string{"operations", "world.restarts"}},
		},
		Break: Break{Marks: 10, Steps: 3, Runs: 8, Generate: many.ladder(func(step int) plot { return kinds(step, step, false) })},
	}
}

// halfLost loses half of what nodes send to each other, so that every copy lags now and then.
func halfLost(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
	names := holders(t, 1)
	for i, name := range names {
		others := append(append([]string{}, names[:i]...), names[i+1:]...)
		all = append(all, faults.Fault{Kind: faults.Loss, At: 0, For: horizon * 9 / 10, Nodes: []string{name}, To: others, Rate: 0.5, Salt: d.salt()})
	}
	return all
}

// spread has every message of one node to the others take long, each its own time: what it has them store is for a while on some of
// them alone, or on itself.
func spread(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	names := holders(t, 1)
	d.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return []faults.Fault{{Kind: faults.Reorder, At: 0, For: horizon * 9 / 10, Nodes: names[:1], To: slices.Sorted(slices.Values(names[1:])), Extra: d.between(10*ms, 15*ms), Salt: d.salt()}}
}

// oldHere has the same of every message to one node: what it has is old for a while.
func oldHere(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	names := holders(t, 1)
	d.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return []faults.Fault{{Kind: faults.Reorder, At: 0, For: horizon * 9 / 10, Nodes: slices.Sorted(slices.Values(names[1:])), To: names[:1], Extra: d.between(10*ms, 15*ms), Salt: d.salt()}}
}

// late has what the others send to one node take long, so that what it has is always as old.
func late(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	names := holders(t, 1)
	d.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return []faults.Fault{{Kind: faults.Delay, At: 0, For: horizon * 9 / 10, Nodes: slices.Sorted(slices.Values(names[1:])), To: names[:1], Extra: d.between(6*ms, 9*ms)}}
}

// doubled has every message come twice.
func doubled(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	return []faults.Fault{{Kind: faults.Duplicate, At: 0, For: horizon * 9 / 10, Rate: 1, Extra: d.between(ms, 3*ms), Salt: d.salt()}}
}

// oneIsGone crashes one node for nearly all of the run, and the others for a moment, once one of them has acknowledged something meanwhile.
func oneIsGone(d dice, t faults.Topology, horizon faults.Duration) []faults.Fault {
	names := holders(t, 1)
	d.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	at := d.between(0, horizon/10)
	return []faults.Fault{{Kind: faults.Crash, At: at, For: horizon - at, Nodes: names[:1], Salt: d.salt()},
		{Kind: faults.CrashWhen, At: at + 2*ms, For: ms, When: faults.Acknowledged, Hit: 1 + d.IntN(3), Nodes: names[1:], Salt: d.salt()}}
}

// allRestart takes the power from all nodes at once, several times, right after something was acknowledged.
func allRestart(d dice, t faults.Topology, horizon faults.Duration) (all []faults.Fault) {
	for i := range faults.Duration(5) {
		all = append(all, faults.Fault{Kind: faults.CrashWhen, At: i * horizon / 5, For: d.between(ms, 6*ms), When: faults.Acknowledged, Hit: 1 + d.IntN(2), Nodes: holders(t, 1), Salt: d.salt()})
	}
	return all
}
