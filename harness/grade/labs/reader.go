package labs

import (
	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/workload"
)

// readers is lab 6: a read replica of our writer's volume.
func readers() Lab {
	const lecture, replicas = "9. 只读数据库(Read-only Database)", "SIGMOD 2017 §4.2.4"
	x := replicated()
	read := []string{"acknowledged", "readings", "messages.read-snapshot"}
	recovered := append([]string{"recoveries"}, read...)
	return Lab{Number: 6, Name: "reader", Title: "A reader", Section: lecture, Role: protocol.Reader,
		System: func(m protocol.Maker) harness.System {
			return volumeOf("lab-6", protocol.Reader, m, aurora.Without{Fill: true, Tails: true, Backup: true})
		},
		Reference: ours,
		Checks:    []judge.Check{faults.Trace, faults.Snapshots, faults.Replies, faults.Answers, faults.Progress},
		Tests: []Test{
			{Name: "serves-snapshots", Rule: "all reads of a query are of one point of the log, and no client or reader goes back to an older one", Section: lecture, Public: true, Marks: 12, Runs: 4,
				Generate: x.runs(calm), Needs: append([]string{"refusedByReaders"}, read...)},
			{Name: "reads-what-is-durable", Rule: "a query reads as of a point that the writer has said to be durable: what lies above may be cut", Section: replicas, Public: true, Marks: 12, Runs: 6,
				Generate: x.with(farDisks).runs(both(halfHeard, takenOver(1))), Needs: recovered},
			{Name: "sees-whole-mini-transactions", Rule: "records come into view a whole mini-transaction at a time: in the middle of one the tree is no tree", Section: lecture, Public: true, Marks: 10, Runs: 6,
				Generate: x.splitting().with(lateStream).runs(streamLost), Needs: append([]string{"structures"}, read...)},
			{Name: "hides-what-has-not-committed", Rule: "a query sees of each transaction all or nothing: what an active one has changed is shown as it was before", Section: lecture, Public: true, Marks: 16, Runs: 8,
				Generate: x.uncommitted().runs(calm), Needs: append([]string{"undos"}, read...)},
			{Name: "keeps-its-pages-fresh", Rule: "a page that is kept has every record of it up to the view, those too that came while it was on its way", Section: lecture, Marks: 14, Runs: 8,
				Generate: x.cached().with(farPages).runs(calm), Needs: read},
			{Name: "tells-its-lowest-read-point", Rule: "the writer knows the lowest point at which a query reads, so that segments keep what it needs", Section: replicas, Marks: 8, Runs: 8,
				Generate: x.collecting().with(farPages).runs(calm), Needs: append([]string{"collected"}, read...)},
			{Name: "ends-idle-queries", Rule: "a query whose client is not heard of is ended after a while, so that it holds nothing back", Section: replicas, Marks: 4, Runs: 8,
				Checks:   []judge.Check{faults.Trace, faults.Snapshots, faults.Replies, faults.Answers, faults.Progress, faults.Floor},
				Generate: x.collecting().with(losesAnswers).runs(calm), Needs: read},
			{Name: "follows-the-newest-writer", Rule: "a reader follows the writer of the highest epoch, and drops what that one has cut and nothing else", Section: replicas, Marks: 12, Runs: 10,
				Generate: x.restarting().with(quickToGiveUp).runs(cutUnderReaders), Needs: recovered},
			{Name: "asks-again", Rule: "a page that does not come is asked of another segment", Section: replicas, Marks: 4, Runs: 6,
				Generate: x.runs(pagesLost), Needs: append([]string{"world.lostByLoss"}, read...)},
		},
		Mistakes: mistakes(
			"bugApplyBeyondVDL", "reads-what-is-durable",
			"bugReadPointOfView", "serves-snapshots",
			"bugApplySplit", "sees-whole-mini-transactions",
			"bugNothingHidden", "hides-what-has-not-committed",
			"bugHidesNewest", "hides-what-has-not-committed",
			"bugUndoUnseen", "hides-what-has-not-committed",
			"bugCommitHidden", "hides-what-has-not-committed",
			"bugHiddenEndLost", "hides-what-has-not-committed",
			"bugDropInFlight", "keeps-its-pages-fresh",
			"bugReadsNewer", "keeps-its-pages-fresh",
			"bugCachesLate", "keeps-its-pages-fresh",
			"bugFreshPageStale", "keeps-its-pages-fresh",
			"bugReportView", "tells-its-lowest-read-point",
			"bugIdleQueryKept", "ends-idle-queries",
			"bugFollowKeepsTail", "follows-the-newest-writer",
			"bugFollowsAny", "follows-the-newest-writer",
			"bugReaderAsksOnce", "asks-again",
		),
		Break: Break{Marks: 8, Steps: 3, Runs: 5, Generate: x.ladder(func(step int) plot {
			return kinds(step, step, false, faults.Crash, faults.Pause, faults.Loss, faults.Partition, faults.PartitionOneWay, faults.TakeOver, faults.FailOver, faults.Duplicate)
		})},
	}
}

// replicated is the setting of lab 6.
func replicated() setting {
	x := small()
	x.Volume.Readers, x.Nodes.ReaderCachePages = 2, 4
	w := &x.Workload
	w.Clients, w.Transactions, w.Rows, w.Think = 3, 14, 8, 10*ms
	w.Mix = workload.Mix{Transfer: 4, Put: 2, MultiPut: 3, Delete: 2, Rewrite: 2, Abort: 2, Scan: 1}
	x.adjust = punctual
	return x
}

// splitting has rows that come and go, in pages that split and merge.
func (x setting) splitting() setting {
	w := &x.Workload
	w.Churn, w.KeyBytes, w.ValueBytes, w.Mix = 40, 30, 40, workload.Mix{Churn: 8, MultiPut: 2, Scan: 1}
	return x
}

// uncommitted has transactions that last, and many that do not commit.
func (x setting) uncommitted() setting {
	w := &x.Workload
	w.Clients, w.Rows, w.Mix = 4, 6, workload.Mix{Transfer: 2, Rewrite: 4, MultiPut: 2, Delete: 3, Abort: 4, Silent: 2, Scan: 1}
	return x
}

// cached has more pages than a reader keeps, and changes in all of them.
func (x setting) cached() setting {
	x.Nodes.ReaderCachePages = 3
	w := &x.Workload
	w.Rows, w.ValueBytes, w.Think, w.Transactions = 16, 90, 5*ms, 24
	return x
}

// restarting has readers that hear little of a writer before the next one.
func (x setting) restarting() setting {
	w := &x.Workload
	w.Mix = workload.Mix{Transfer: 2, MultiPut: 4, Put: 4, Rewrite: 3, Scan: 1}
	w.Clients, w.Think = 4, 8*ms
	return x
}

// quickToGiveUp writers soon offer their stream again to a reader of which they hear nothing, such as one that follows another writer.
func quickToGiveUp(_ dice, c *aurora.Configuration) {
	c.Network.TailRate, c.Disk.TailRate = 0, 0
	c.Nodes.RetryEvery = 4 * ms
}

// lateStream lets records overtake each other on their way to readers.
func lateStream(_ dice, c *aurora.Configuration) {
	c.Network.TailRate, c.Disk.TailRate = 0, 0
	c.Network.Jitter = 3 * ms
}

// farPages takes the time of several records to bring a page.
func farPages(_ dice, c *aurora.Configuration) {
	c.Network.TailRate, c.Disk.TailRate = 0, 0
	c.Network.Latency, c.Network.Jitter = ms/2, 4*ms
}

// losesAnswers loses what readers answer, and so leave queries without clients.
func losesAnswers(_ dice, c *aurora.Configuration) {
	c.Network.TailRate, c.Disk.TailRate = 0, 0
	c.Network.Loss = 0.06
}
