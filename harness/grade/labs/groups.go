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
	x.Nodes.MonitorEvery, x.Nodes.SuspectAfter, x.Nodes.FillChunk = 12*ms, 3, 1 // one page in a message
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

// scrubbing verifies disks all the time, and nothing else writes them anew.
func (x setting) scrubbing() setting {
	x.Nodes.ScrubEvery, x.Nodes.CoalesceEvery = 4*ms, 1000*ms
	return x
}

// outOfOrder disks take long, and much of the log comes by gossip, behind what was written later.
func outOfOrder(_ dice, c *aurora.Configuration) {
	c.Nodes.GossipEvery, c.Nodes.RetryEvery, c.Nodes.CoalesceEvery = 6*ms, 25*ms, 9*ms
	c.Disk.Sync, c.Disk.Replace, c.Disk.SurviveRate, c.Disk.EffectRate = 2*ms, 2*ms, 0, 0
}

// wordy logs so much that it would not go unseen if none of it were dropped.
func (x setting) wordy() setting {
	x.Volume.PageSize, x.Workload.Clients, x.Workload.Transactions, x.Workload.ValueBytes, x.Workload.Think = 512, 5, 60, 90, 4*ms
	x.Workload.Mix.Rewrite = 10
	return x
}

// groups is lab 5: groups that come into use, members that are replaced, and repair.
func groups() Lab {
	x := small()
	x.lossless, x.formats = true, true
	const aurora2017, aurora2018, lecture = "SIGMOD 2017 ", "SIGMOD 2018 ", "8. 数据分片(Protection Group)"
	return Lab{Number: 5, Name: "groups", Title: "Groups, membership and repair", Section: lecture, Role: protocol.Segment,
		System: func(m protocol.Maker) harness.System {
			return volumeOf("lab-5", protocol.Segment, m, aurora.Without{Backup: true})
		},
		Reference: ours,
		Mistakes: mistakes(
			"bugWipedServes", "a-lost-disk-has-no-vote",
			"bugFillHalf", "half-a-filling-is-nothing",
			"bugCoalesceOnce", "log-turns-into-pages",
			"bugNeverTrims", "log-turns-into-pages",
			"bugTrimBeforeImages", "no-log-goes-before-its-pages-are-durable",
			"bugTrimDropsQueue", "no-log-goes-before-its-pages-are-durable",
			"bugTrimUnsorted", "a-shorter-log-keeps-its-order",
			"bugMetaOfFloor", "a-start-makes-the-same-pages",
			"bugScrubOnce", "disks-are-scrubbed",
			"bugRotLeft", "disks-are-scrubbed"),
		Checks: []judge.Check{faults.Trace, faults.Serializability, faults.Durability, faults.Snapshots, faults.Pages, faults.Progress, faults.Replies, faults.Tree,
			faults.CatchUp, faults.Wholeness, faults.Replacement, faults.Answers, judge.Wire},
		Tests: []Test{
			{Name: "serves-several-groups", Rule: "a group stores the log of its own pages, and comes into use when the volume grows", Section: lecture, Public: true, Marks: 8, Runs: 4,
				Generate: x.busy().growing().runs(calm), Needs: []string{"acknowledged", "pagesCompared", "structures"}},
			{Name: "groups-are-cut-together", Rule: "there is one cut for the volume: every group joins it", Section: aurora2017 + "§4.1", Marks: 10, Runs: 8,
				Generate: x.busy().growing().runs(both(cutShort, unheard)), Needs: []string{"acknowledged", "recoveries"}},
			{Name: "a-spare-takes-the-place", Rule: "a newcomer is filled by its peers, and then counts", Section: aurora2018 + "§4.1", Public: true, Marks: 10, Runs: 8,
				Generate: x.busy().spared().collecting().runs(nodeLost), Needs: []string{"acknowledged", "trace.finished", "trace.fills"}},
			{Name: "a-lost-disk-has-no-vote", Rule: "a segment that has lost its disk has no vote, and says so", Section: "6. Quorum 机制", Marks: 10, Runs: 8,
				Generate: x.busy().runs(diskLost), Needs: []string{"acknowledged", "recoveries", "world.wipes"}},
			{Name: "half-a-filling-is-nothing", Rule: "the page images that a peer gives count when all of them are there", Section: aurora2018 + "§4.1", Marks: 10, Runs: 8,
				Generate: x.busy().growing().spared().collecting().runs(diskLost), Needs: []string{"acknowledged", "trace.fills"}},
			{Name: "tails-keep-the-log", Rule: "a tail keeps the log and no pages, and counts as any other for what is written", Section: aurora2018 + "§4.2", Marks: 8, Runs: 6,
				Generate: x.busy().tailed().collecting().runs(both(restarted, takenOver(1))), Needs: []string{"acknowledged", "recoveries", "world.restarts"}},
			{Name: "log-turns-into-pages", Rule: "log that no reader and no recovery needs turns into pages, and is dropped", Section: aurora2017 + "§3.3, steps 5 and 7", Marks: 7, Runs: 6,
				Generate: x.wordy().collecting().runs(calm), Needs: []string{"acknowledged", "pagesCompared"},
				Checks: []judge.Check{faults.Trace, faults.Pages, faults.Collection, faults.Storage, faults.Writes}},
			{Name: "no-log-goes-before-its-pages-are-durable", Rule: "a segment drops log only when the page images that stand for it are durable, and what waits for its sync stays", Section: aurora2017 + "§3.3, steps 5 and 7", Marks: 10, Runs: 6,
				Generate: x.busy().collecting().with(slowDisks).runs(torn), Needs: []string{"acknowledged", "world.restarts"}},
			{Name: "a-shorter-log-keeps-its-order", Rule: "a start finds in a shorter log what it would have found in the longer one, in the order in which it became true", Section: aurora2017 + "§3.3, step 7", Marks: 4, Runs: 12,
				Generate: x.busy().collecting().with(outOfOrder).runs(both(torn, halfHeard)), Needs: []string{"acknowledged", "world.restarts", "trace.gossips"}},
			{Name: "a-start-makes-the-same-pages", Rule: "a page bears the LSN of the last record that changed it, after a restart too", Section: aurora2017 + "§3.2", Marks: 4, Runs: 10,
				Generate: x.growing().collecting().runs(twoStartLate), Needs: []string{"acknowledged", "world.restarts", "pagesCompared"}},
			{Name: "disks-are-scrubbed", Rule: "a disk is verified over and over, and what is found rotten is written anew from memory", Section: aurora2017 + "§3.3, step 8", Marks: 9, Runs: 6,
				Generate: x.busy().scrubbing().runs(rotsUnread), Needs: []string{"acknowledged", "world.corruptions"},
				Checks: []judge.Check{faults.Trace, faults.Durability, faults.Wholeness, faults.Upkeep}},
		},
		Break: Break{Marks: 10, Steps: 3, Runs: 6, Generate: x.busy().spared().ladder(func(step int) plot { return kinds(step, step, true) })},
	}
}
