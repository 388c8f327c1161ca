package labs

import (
	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// recovery is lab 3: what a new writer does before it serves. Our writer serves; who takes over is the submission; and when that
// has told Open, ours takes over from it, recovers over what it left, and serves on.
func recovery() Lab {
	const quorums, cut, mini = "6. Quorum 机制", "7. Aurora 读写存储服务器", "9. 只读数据库(Read-only Database)"
	x := recovered()
	dense := x
	dense.Workload.Mix = workload.Mix{MultiPut: 4, Churn: 6, Abort: 1, Scan: 1}
	wide := x // mini-transactions over rows of both groups
	wide.Workload.Rows, wide.Workload.Mix = 30, workload.Mix{MultiPut: 10, Abort: 1, Scan: 1}
	recoveries := []string{"acknowledged", "recoveries", "rowsAudited"}
	return Lab{Number: 3, Name: "recovery", Title: "Recovery", Section: cut, Role: protocol.Writer,
		System:    recovering,
		Reference: ours,
		Checks:    []judge.Check{faults.Trace, faults.Serializability, faults.Durability, faults.Pages, faults.Progress, judge.Wire},
		Tests: []Test{
			{Name: "recovers", Rule: "a new writer wins its epoch, fences, cuts, repairs and opens, and what was acknowledged is there", Section: cut, Public: true, Marks: 10, Runs: 5,
				Generate: x.runs(replaced), Needs: recoveries},
			{Name: "fences-a-read-quorum", Rule: "it cuts by the answers of a read quorum of every group to its fence, and needs no more than that", Section: quorums, Marks: 10, Runs: 6,
				Generate: x.runs(fewAnswer), Needs: recoveries},
			{Name: "asks-again", Rule: "what is not answered is asked again: the register for an epoch, segments for their promise", Section: quorums, Marks: 10, Runs: 8,
				Generate: x.runs(deafened), Needs: recoveries},
			{Name: "cuts-at-the-first-gap", Rule: "there is one cut for the volume, before the first LSN that no answer has: what stands behind a gap goes, in every group", Section: cut, Marks: 12, Runs: 10,
				Generate: dense.runs(gap), Needs: append([]string{"cuts"}, recoveries...)},
			{Name: "cuts-down-to-the-last-cpl", Rule: "from there the cut goes down to the end of a mini-transaction, which is kept as a whole or not at all", Section: mini, Marks: 8, Runs: 10,
				Generate: wide.runs(gap), Needs: append([]string{"cuts"}, recoveries...)},
			{Name: "takes-the-newest-history", Rule: "the newest history among all answers says which records count; what an earlier recovery has cut stays cut", Section: cut, Marks: 12, Runs: 10,
				Generate: x.runs(cutBefore), Needs: append([]string{"scenes.met"}, recoveries...)},
			{Name: "repairs-before-it-opens", Rule: "it opens only when what it keeps is on a write quorum of every group", Section: cut, Marks: 12, Runs: 10,
				Generate: x.runs(lackingSome), Needs: recoveries},
			{Name: "keeps-what-was-acknowledged", Rule: "what a writer has said to be durable is never cut, however few have heard it", Section: cut, Marks: 8, Runs: 8,
				Generate: x.runs(rightAfter), Needs: append([]string{"world.crashes"}, recoveries...)},
			{Name: "begins-again-anywhere", Rule: "a recovery may end anywhere, and the next one begins again over what it has left", Section: cut, Marks: 8, Runs: 8,
				Generate: x.runs(interrupted), Needs: recoveries},
		},
		Mistakes: mistakes(
			"bugReadsRMinusOne", "fences-a-read-quorum",
			"bugCompeteOnce", "asks-again",
			"bugFenceOnce", "asks-again",
			"bugCutAtHighest", "cuts-at-the-first-gap",
			"bugCutPerGroup", "cuts-at-the-first-gap",
			"bugOldestHistory", "takes-the-newest-history",
			"bugOpenBeforeRepair", "repairs-before-it-opens",
			"bugOpenAtOneGroup", "repairs-before-it-opens",
			"bugLowestVDL", "keeps-what-was-acknowledged",
		),
		Break: Break{Marks: 10, Steps: 4, Runs: 4, Generate: x.ladder(struck)},
	}
}

// recovering is the volume with a submission's recoveries. Our own nodes beside them have none of the bugs that are planted in it.
func recovering(make protocol.Maker) harness.System {
	i := aurora.Ours()
	right := i.Writer
	i.Writer = func(id node.ID, v *node.Volume, n aurora.Nodes, _ node.Hook) node.Node {
		return right(id, v, n, node.NoHook{})
	}
	i.Recovery = func(id node.ID, v *node.Volume, n aurora.Nodes, hook node.Hook) node.Node {
		return make(protocol.Place{Role: protocol.Writer, ID: id, Members: []node.ID{id}, Volume: v, Nodes: n, Hook: hook})
	}
	return aurora.Of("lab-3", i)
}

// recovered is the setting of lab 3: two groups, so that one cut is one for both, and clients that leave a writer something to cut
// whenever it dies. Pages are so small that rows are in both groups.
func recovered() setting {
	x := small()
	x.horizon = 200 * ms
	x.Volume.Groups, x.Volume.InUse = 2, 2
	w := &x.Workload
	w.Clients, w.Transactions, w.Rows, w.Churn, w.ValueBytes, w.Think = 5, 9, 12, 40, 80, 16*ms
	w.Mix.Churn, w.Mix.Rewrite, w.Mix.Read, w.Mix.Scan = 4, 2, 1, 1
	x.adjust = punctual
	return x
}

// punctual leaves what is late beyond measure to faults: who waits for a read of everything is to wait for the submission alone.
func punctual(_ dice, c *aurora.Configuration) { c.Network.TailRate, c.Disk.TailRate = 0, 0 }
