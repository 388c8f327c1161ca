package labs

import (
	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines/protocol"
)

// growing has groups that come into use when the tree needs their pages: many rows come, in small pages.
func (x setting) growing() setting {
	x.Volume.Groups, x.Volume.InUse, x.Volume.GroupPages = 3, 1, 5
	x.Workload.Churn, x.Workload.KeyBytes, x.Workload.ValueBytes, x.Workload.Mix.Churn = 40, 40, 40, 8
	return x
}

// spared has a spare for each of two groups, which takes the place of a member that is not heard.
func (x setting) spared() setting {
	x.Volume.Groups, x.Volume.InUse, x.Volume.Replicas, x.Volume.Spares = 2, 2, 7, 1
	x.Nodes.MonitorEvery, x.Nodes.SuspectAfter, x.Nodes.FillChunk = 12*ms, 3, 600
	return x
}

// tailed has three segments that keep pages and three that keep the log alone.
func (x setting) tailed() setting {
	x.Volume.Tails = 3
	return x
}

// collecting turns log into pages all the time.
func (x setting) collecting() setting {
	x.Nodes.CoalesceEvery = 6 * ms
	return x
}

// scrubbing verifies disks all the time.
func (x setting) scrubbing() setting {
	x.Nodes.ScrubEvery = 6 * ms
	return x
}

// groups is lab 5: groups that come into use, members that are replaced, and repair.
func groups() Lab {
	x := small()
	x.lossless = true
	const aurora2017, aurora2018, lecture = "SIGMOD 2017 ", "SIGMOD 2018 ", "8. 数据分片(Protection Group)"
	return Lab{Number: 5, Name: "groups", Title: "Groups, membership and repair", Section: lecture, Role: protocol.Segment,
		System: func(m protocol.Maker) harness.System {
			return volumeOf("lab-5", protocol.Segment, m, aurora.Without{Backup: true})
		},
		Reference: ours,
		Checks: []judge.Check{faults.Trace, faults.Serializability, faults.Durability, faults.Snapshots, faults.Pages, faults.Progress, faults.Replies, faults.Tree,
			faults.CatchUp, faults.Wholeness, faults.Replacement, faults.Answers, judge.Wire},
		Tests: []Test{
			{Name: "serves-several-groups", Rule: "a group stores the log of its own pages, and comes into use when the volume grows", Section: lecture, Public: true, Marks: 10, Runs: 4,
				Generate: x.busy().growing().runs(calm), Needs: []string{"acknowledged", "pagesCompared", "structures"}},
			{Name: "groups-are-cut-together", Rule: "there is one cut for the volume: every group joins it", Section: aurora2017 + "§4.1", Marks: 10, Runs: 8,
				Generate: x.busy().growing().runs(both(cutShort, unheard)), Needs: []string{"acknowledged", "recoveries"}},
			{Name: "a-spare-takes-the-place", Rule: "a newcomer is filled by its peers, and then counts", Section: aurora2018 + "§4.1", Public: true, Marks: 10, Runs: 8,
				Generate: x.busy().spared().collecting().runs(nodeLost), Needs: []string{"acknowledged", "trace.finished", "trace.fills"}},
			{Name: "a-lost-disk-has-no-vote", Rule: "a segment that has lost its disk has no vote, and says so", Section: "6. Quorum 机制", Marks: 12, Runs: 8,
				Generate: x.busy().runs(diskLost), Needs: []string{"acknowledged", "recoveries", "world.wipes"}},
			{Name: "half-a-filling-is-nothing", Rule: "the page images that a peer gives count when all of them are there", Section: aurora2018 + "§4.1", Marks: 10, Runs: 8,
				Generate: x.busy().growing().spared().collecting().runs(diskLost), Needs: []string{"acknowledged", "trace.fills"}},
			{Name: "tails-keep-the-log", Rule: "a tail keeps the log and no pages, and counts as any other for what is written", Section: aurora2018 + "§4.2", Marks: 10, Runs: 6,
				Generate: x.busy().tailed().collecting().runs(both(restarted, takenOver(1))), Needs: []string{"acknowledged", "recoveries", "world.restarts"}},
			{Name: "log-turns-into-pages", Rule: "log that no reader and no recovery needs turns into pages, and is dropped", Section: aurora2017 + "§3.3, steps 5 and 7", Marks: 8, Runs: 4,
				Generate: x.busy().collecting().runs(calm), Needs: []string{"acknowledged", "pagesCompared"},
				Checks: []judge.Check{faults.Trace, faults.Pages, faults.Collection, faults.Storage, faults.Writes}},
			{Name: "no-log-goes-before-its-pages-are-durable", Rule: "a segment drops log only when the page images that stand for it are durable, and what waits for its sync stays", Section: aurora2017 + "§3.3, steps 5 and 7", Marks: 10, Runs: 8,
				Generate: x.busy().collecting().with(slowDisks).runs(torn), Needs: []string{"acknowledged", "world.restarts"}},
			{Name: "disks-are-scrubbed", Rule: "a disk is verified over and over, and what is found rotten is written anew from memory", Section: aurora2017 + "§3.3, step 8", Marks: 10, Runs: 6,
				Generate: x.busy().scrubbing().runs(rotsUnread), Needs: []string{"acknowledged", "world.corruptions"},
				Checks: []judge.Check{faults.Trace, faults.Durability, faults.Wholeness, faults.Upkeep}},
		},
		Break: Break{Marks: 10, Steps: 3, Runs: 6, Generate: x.busy().spared().ladder(func(step int) plot { return kinds(step, step, true) })},
	}
}
