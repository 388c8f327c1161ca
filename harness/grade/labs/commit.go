package labs

import (
	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/workload"
)

// commit is lab 4: the whole writer, over our segments and our register. Clients begin, get, put, commit and abort. A writer may keep
// its rows on pages as it likes and all of them in memory, and need not scan, go back to savepoints, feed readers or a backup, or tell
// segments what they may collect.
func commit() Lab {
	const transactions, writes, mirrored, cut = "2. 故障可恢复事务(Crash Recoverable Transaction)", "7. Aurora 读写存储服务器", "8. 数据分片(Protection Group)", "7. Aurora 读写存储服务器"
	x := written()
	served := []string{"acknowledged", "rowsAudited"}
	recovered := append([]string{"recoveries"}, served...)
	undone := append([]string{"undos"}, recovered...)
	return Lab{Number: 4, Name: "commit", Title: "Commit and undo", Section: transactions, Role: protocol.Writer,
		System: func(m protocol.Maker) harness.System {
			return volumeOf("lab-4", protocol.Writer, m, aurora.Without{Fill: true, Tails: true, Backup: true, Upkeep: true, Tree: true})
		},
		Reference: ours,
		Checks: []judge.Check{faults.Trace, faults.Serializability, faults.Durability, faults.Pages, faults.Progress, faults.Replies, faults.Answers,
			judge.Wire},
		Tests: []Test{
			{Name: "serves", Rule: "where nothing goes wrong, transactions read what they wrote and what had committed, and commit or abort as a whole", Section: transactions, Public: true, Marks: 8, Runs: 4,
				Generate: x.runs(calm), Needs: served},
			{Name: "takes-over", Rule: "a new writer recovers, serves what was acknowledged, and the one that it replaced serves no more", Section: cut, Public: true, Marks: 8, Runs: 6,
				Generate: x.runs(takenOver(2)), Needs: recovered},
			{Name: "acknowledges-at-the-vdl", Rule: "a commit is acknowledged when the VDL has reached its LSN, and the VCL counts what a write quorum holds, each copy once", Section: writes, Public: true, Marks: 10, Runs: 6,
				Generate: x.with(slowDisks).runs(oneOf(powerLost, halfHeard)), Needs: served},
			{Name: "acknowledges-nothing-above-a-gap", Rule: "a commit is acknowledged when every record below it is complete, in every group", Section: mirrored, Marks: 8, Runs: 8,
				Generate: x.spread().runs(oneGroupDeaf), Needs: served},
			{Name: "undoes-what-had-not-committed", Rule: "a new writer takes back, latest first, every change of a transaction without a commit record", Section: cut, Public: true, Marks: 10, Runs: 8,
				Generate: x.forgotten().runs(takenOver(2)), Needs: undone},
			{Name: "undoes-nothing-twice", Rule: "what a compensation record has taken back is not taken back again, least of all over what has committed since", Section: cut, Marks: 8, Runs: 8,
				Generate: x.takenBack().runs(oneAfterTheOther), Needs: undone},
			{Name: "holds-rows-until-a-commit-is-durable", Rule: "locks are kept until the commit is acknowledged: who saw its values before would see what a recovery may cut", Section: transactions, Marks: 8, Runs: 8,
				Generate: x.contended().with(farDisks).runs(takenOver(1)), Needs: recovered},
			{Name: "locks-what-it-has-read", Rule: "a row that a transaction has read is changed by no other until it ends, and one that it then writes is its alone", Section: transactions, Marks: 6, Runs: 8,
				Generate: x.contended().runs(calm), Needs: served},
			{Name: "says-what-became-of-a-commit", Rule: "the answer to a commit names the LSN of its record; who was replaced before that was durable says that it does not know", Section: cut, Marks: 8, Runs: 8,
				Generate: x.with(farDisks).runs(replacedInDoubt), Needs: recovered},
			{Name: "answers-everybody", Rule: "who waits for a row is served when it is free, and no circle waits for ever", Section: transactions, Marks: 6, Runs: 8,
				Generate: x.contended().runs(takenOver(1)), Needs: served},
			{Name: "ends-who-is-silent", Rule: "a transaction whose client is not heard of is rolled back after a while, and its rows are free", Section: transactions, Marks: 4, Runs: 6,
				Generate: x.forgotten().runs(calm), Needs: append([]string{"undos"}, served...)},
			{Name: "sends-again", Rule: "what is not answered is sent again: to the register, and to every segment", Section: writes, Marks: 4, Runs: 8,
				Generate: x.runs(oneOf(deafened, deaf)), Needs: append([]string{"world.lostByLoss"}, recovered...)},
			{Name: "confirms-what-it-has-read", Rule: "a writer that may have been replaced answers no commit of a transaction that only read before more than N-W copies say that they serve no newer one", Section: "6. Quorum 机制", Marks: 4, Runs: 10,
				Generate: x.read1().runs(outlived), Needs: append([]string{"readOnly"}, recovered...)},
		},
		Mistakes: mistakes(
			"bugAckAtWMinusOne", "acknowledges-at-the-vdl",
			"bugAckIgnoresLower", "acknowledges-nothing-above-a-gap",
			"bugUndoSkipped", "undoes-what-had-not-committed",
			"bugLoadsTooLittle", "undoes-what-had-not-committed",
			"bugUndoneTwice", "undoes-nothing-twice",
			"bugLocksAtRequest", "holds-rows-until-a-commit-is-durable",
			"bugUpgradeForgotten", "locks-what-it-has-read",
			"bugAckNamesVDL", "says-what-became-of-a-commit",
			"bugDoubtIsAborted", "says-what-became-of-a-commit",
			"bugGrantForgotten", "answers-everybody",
			"bugDeadlockUnseen", "answers-everybody",
			"bugIdleKept", "ends-who-is-silent",
			"bugNeverResends", "sends-again",
			"bugCompeteOnce", "sends-again",
			"bugFenceOnce", "sends-again",
			"bugReadsUnconfirmed", "confirms-what-it-has-read",
			"bugReadsRMinusOne", "takes-over",
			"bugSendsPages", "serves",
		),
		Break: Break{Marks: 8, Steps: 3, Runs: 5, Generate: x.ladder(func(step int) plot {
			return kinds(step, step, false, faults.Crash, faults.Pause, faults.Loss, faults.Partition, faults.PartitionOneWay, faults.TakeOver, faults.FailOver, faults.PowerLossAZ, faults.Duplicate)
		})},
	}
}

// written is the setting of lab 4. Nobody reads alone, for who was replaced and does not know it may then be asked: one test is
// about that.
func written() setting {
	x := small()
	w := &x.Workload
	w.Clients, w.Transactions, w.Rows, w.Think = 3, 10, 5, 14*ms
	w.Mix = workload.Mix{Transfer: 3, Put: 2, MultiPut: 3, Delete: 1, Rewrite: 2, Abort: 2}
	x.adjust = punctual
	return x
}

// spread has two groups.
func (x setting) spread() setting {
	x.Volume.Groups, x.Volume.InUse = 2, 2
	w := &x.Workload
	w.Rows, w.ValueBytes, w.Mix = 24, 90, workload.Mix{MultiPut: 4, Put: 4, Rewrite: 2}
	w.Clients, w.Transactions, w.Think = 4, 14, 9*ms
	return x
}

// forgotten has clients that are never heard of again, with changes in many rows.
func (x setting) forgotten() setting {
	w := &x.Workload
	w.Rows, w.Mix = 12, workload.Mix{Put: 1, MultiPut: 3, Rewrite: 3, Abort: 1, Silent: 4}
	return x
}

// takenBack has transactions that abort while others, which began before, go on: a recovery reads of both.
func (x setting) takenBack() setting {
	w := &x.Workload
	w.Clients, w.Transactions, w.Rows, w.Think, w.Mix = 5, 16, 16, 8*ms, workload.Mix{Put: 1, MultiPut: 1, Rewrite: 2, Abort: 8, Silent: 4}
	return x
}

// contended has clients that want the same few rows, in any order.
func (x setting) contended() setting {
	w := &x.Workload
	w.Clients, w.Rows, w.Think, w.Mix = 5, 3, 8*ms, workload.Mix{Transfer: 4, Put: 1, Tangle: 6, Rewrite: 1}
	return x
}

// read1 has many clients that only read, of few rows that others change.
func (x setting) read1() setting {
	w := &x.Workload
	w.Clients, w.Transactions, w.Rows, w.Think = 6, 24, 3, 6*ms
	w.Mix = workload.Mix{Read: 8, Put: 3, MultiPut: 2, Transfer: 2}
	return x
}

// farDisks makes the time between a record's LSN and its being durable long.
func farDisks(_ dice, c *aurora.Configuration) {
	c.Network.TailRate, c.Disk.TailRate = 0, 0
	c.Disk.Sync = 6 * ms
}
