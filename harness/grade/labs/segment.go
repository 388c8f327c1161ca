package labs

import (
	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines/protocol"
)

// segmentLeavesOut is what segments of lab 2 need not do. That no disk loses all, and none is full, is asked for later.
func segmentLeavesOut() aurora.Without {
	return aurora.Without{Fill: true, Tails: true, Backup: true, Room: true}
}

// slowDisks makes the time between a write and its end long, so that crashes fall into it, and has a crash take all of it.
func slowDisks(_ dice, c *aurora.Configuration) {
	c.Disk.Sync, c.Disk.Replace, c.Disk.SurviveRate, c.Disk.EffectRate = 3*ms, 3*ms, 0, 0
}

// hardlyGossips leaves gaps open for long.
func hardlyGossips(_ dice, c *aurora.Configuration) { c.Nodes.GossipEvery = 150 * ms }

// gossipsOften has most of what is lost come by gossip, to disks that take long.
func gossipsOften(_ dice, c *aurora.Configuration) {
	c.Nodes.GossipEvery, c.Nodes.RetryEvery, c.Disk.Sync = 4*ms, 25*ms, 8*ms
}

// longLog turns no log into pages.
func longLog(_ dice, c *aurora.Configuration) { c.Nodes.CoalesceEvery = 1000 * ms }

// tearing disks keep half of what was not synced when they crash, and tear it.
func tearing(_ dice, c *aurora.Configuration) {
	c.Disk.Sync, c.Disk.SurviveRate, c.Disk.TornRate = 2*ms, 0.6, 0.6
}

func (x setting) with(adjust func(dice, *aurora.Configuration)) setting {
	x.adjust = adjust
	return x
}

// busy has clients ask more often.
func (x setting) busy() setting {
	x.Workload.Think, x.Workload.Transactions = 8*ms, 16
	return x
}

// read has readers, with caches so small that they ask segments all the time.
func (x setting) read(readers int) setting {
	x.Volume.Readers, x.Nodes.ReaderCachePages = readers, 1
	return x
}

// segments is lab 2: one copy of a protection group.
func segments() Lab {
	x := small()
	x.lossless, x.formats = true, true
	const aurora2017, aurora2018 = "SIGMOD 2017 ", "SIGMOD 2018 "
	return Lab{Number: 2, Name: "segment", Title: "A segment", Section: "7. Aurora 读写存储服务器", Role: protocol.Segment,
		System: func(m protocol.Maker) harness.System {
			return volumeOf("lab-2", protocol.Segment, m, segmentLeavesOut())
		},
		Reference: ours,
		Mistakes: mistakes(
			"bugAckBeforeSync", "acknowledges-only-what-is-durable",
			"bugFailedSyncCounts", "a-failed-sync-makes-nothing-durable",
			"bugSCLSkipsHole", "stops-at-the-first-gap",
			"bugPromiseNotPersisted", "keeps-its-promise-across-a-restart",
			"bugFencedBeforeSync", "keeps-its-promise-across-a-restart",
			"bugRecoverWithoutFence", "refuses-a-lower-epoch",
			"bugStaleAppend", "refuses-a-lower-epoch",
			"bugStaleJoin", "refuses-a-lower-epoch",
			"bugJoinKeepsAtStart", "joins-a-cut",
			"bugGossipRevivesCut", "gossips-only-along-the-same-history",
			"bugGossipOnce", "fills-gaps-by-gossip",
			"bugGossipUnsynced", "counts-a-peer-s-record-when-it-is-durable",
			"bugBeyondReadPoint", "serves-pages-as-of-the-read-point",
			"bugReadBehind", "serves-pages-as-of-the-read-point",
			"bugSnapshotOfOldLine", "gives-no-page-of-an-older-line",
			"bugFencedAbove", "answers-a-fence",
			"bugSyncsNothing", "syncs-when-something-waits",
			"bugNoChecksum", "damage-on-the-way-is-noticed",
			"bugTornIsDamage", "what-a-crash-tore-is-dropped",
			"bugLostForgotten", "damage-on-the-disk-is-noticed"),
		// How much a segment keeps, and how often it writes, is no matter here.
		Checks: []judge.Check{faults.Trace, faults.Serializability, faults.Durability, faults.Snapshots, faults.Pages, faults.Progress, faults.Replies, faults.Tree,
			faults.CatchUp, faults.Wholeness, faults.Answers, judge.Wire},
		Tests: []Test{
			{Name: "serves", Rule: "where nothing goes wrong, a segment stores what it is sent, says so, and gives pages", Section: "7. Aurora 读写存储服务器", Public: true, Marks: 5, Runs: 4,
				Generate: x.read(1).runs(calm), Needs: []string{"acknowledged", "pagesCompared", "rowsAudited", "readerPages"}},
			{Name: "acknowledges-only-what-is-durable", Rule: "a segment persists a record before it acknowledges it", Section: aurora2017 + "§3.3, steps 1 and 2", Public: true, Marks: 8, Runs: 5,
				Generate: x.busy().with(slowDisks).runs(oneOf(powerLost, restarted)), Needs: []string{"acknowledged", "world.restarts"}, Scripts: []Script{script("segment", "acknowledges")}},
			{Name: "a-failed-sync-makes-nothing-durable", Rule: "what a failed sync was to cover is acknowledged by no segment, and a later sync does not make up for it", Section: aurora2017 + "§3.3", Marks: 3, Runs: 4,
				Generate: x.busy().with(slowDisks).runs(syncsFail), Needs: []string{"acknowledged", "world.diskFailures"}},
			{Name: "stops-at-the-first-gap", Rule: "a segment's SCL stops before the first record that it lacks, by the back-links", Section: aurora2017 + "§4.2.1", Public: true, Marks: 8, Runs: 4,
				Generate: x.busy().runs(halfHeard), Needs: []string{"acknowledged", "world.lostByLoss"}, Scripts: []Script{script("segment", "first-gap")}},
			{Name: "keeps-its-promise-across-a-restart", Rule: "a promise to refuse lower epochs is durable before its answer leaves, and a crash does not undo it", Section: aurora2018 + "§2.4", Marks: 8, Runs: 6,
				Generate: x.busy().with(slowDisks).runs(fencedThenDead), Needs: []string{"acknowledged", "recoveries", "world.restarts"}, Scripts: []Script{script("segment", "promise")}},
			{Name: "refuses-a-lower-epoch", Rule: "a segment that has promised an epoch takes nothing from an older writer any more", Section: aurora2018 + "§2.4", Marks: 8, Runs: 6,
				Generate: x.busy().runs(both(lateWriter, duel)), Needs: []string{"acknowledged", "recoveries", "messages.stale"}, Scripts: []Script{script("segment", "stale-join")}},
			{Name: "joins-a-cut", Rule: "a segment drops what the history that it joins does not have, now and after every restart", Section: aurora2017 + "§4.1", Marks: 8, Runs: 6,
				Generate: x.busy().runs(cutShort), Needs: []string{"acknowledged", "recoveries", "trace.dropped"}, Scripts: []Script{script("segment", "cut-then-restart")}},
			{Name: "gossips-only-along-the-same-history", Rule: "a record that was cut never comes back by gossip", Section: aurora2017 + "§4.1", Marks: 6, Runs: 6,
				Generate: x.busy().runs(leftBehind), Needs: []string{"acknowledged", "messages.gossip-ask", "trace.gossips"}, Scripts: []Script{script("segment", "old-line")}},
			{Name: "fills-gaps-by-gossip", Rule: "a segment asks its peers for what it lacks, again and again", Section: aurora2017 + "§3.3, step 4", Marks: 6, Runs: 5,
				Generate: x.busy().runs(both(unheard, takenOver(1))), Needs: []string{"acknowledged", "trace.gossips"}},
			{Name: "serves-pages-as-of-the-read-point", Rule: "a page is sent as of the read point, by a segment that is complete up to there, on the asker's line or a later one", Section: aurora2017 + "§4.2.3", Marks: 8, Runs: 4,
				Generate: x.busy().read(2).with(hardlyGossips).runs(unheard), Needs: []string{"acknowledged", "readerPages", "pagesCompared"}, Scripts: []Script{script("segment", "behind")}},
			{Name: "gives-no-page-of-an-older-line", Rule: "a reader is given pages by segments of its own line or a later one: an older one may have what a recovery cut", Section: aurora2017 + "§4.2.4", Marks: 3, Runs: 4,
				Generate: x.busy().read(2).runs(aCutIsAsked), Needs: []string{"acknowledged", "readerPages", "recoveries"}, Scripts: []Script{script("segment", "old-line")}},
			{Name: "answers-a-fence", Rule: "the answer to a fence has every record from the VDL on, the one at the VDL included", Section: aurora2017 + "§4.3", Public: true, Marks: 5, Runs: 8,
				Generate: x.runs(takenOver(3)), Needs: []string{"acknowledged", "recoveries"}},
			{Name: "counts-a-peer-s-record-when-it-is-durable", Rule: "a record that a peer gave counts when it is durable, as one of the writer's does", Section: aurora2017 + "§3.3", Marks: 3, Runs: 6,
				Generate: x.busy().with(gossipsOften).runs(halfHeard), Needs: []string{"acknowledged", "trace.gossips"}},
			{Name: "syncs-when-something-waits", Rule: "a sync is asked for when something waits for it", Section: aurora2017 + "§3.3", Marks: 1, Runs: 3,
				Generate: x.runs(calm), Needs: []string{"acknowledged", "world.syncs"}, Checks: []judge.Check{faults.Writes}},
			{Name: "damage-on-the-way-is-noticed", Rule: "a segment stores only records that fit their checksum", Section: aurora2017 + "§3.2", Marks: 2, Runs: 3,
				Generate: x.busy().runs(damagedOnTheWay), Needs: []string{"acknowledged", "world.damaged"}},
			{Name: "what-a-crash-tore-is-dropped", Rule: "what a crash left half written was never acknowledged: the next start drops it and serves", Section: aurora2017 + "§4.3", Marks: 4, Runs: 5,
				Generate: x.busy().with(tearing).runs(torn), Needs: []string{"acknowledged", "world.tornWrites"}},
			{Name: "damage-on-the-disk-is-noticed", Rule: "a segment that can no longer read what it acknowledged has no vote, until it has it again from a peer", Section: "6. Quorum 机制", Marks: 4, Runs: 12,
				Generate: x.busy().with(longLog).runs(rotted), Needs: []string{"acknowledged", "recoveries", "world.corruptions"}},
		},
		Break: Break{Marks: 10, Steps: 3, Runs: 6, Generate: x.busy().ladder(func(step int) plot { return kinds(step, step, false) })},
	}
}
