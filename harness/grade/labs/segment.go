package labs

import (
	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines/protocol"
)

// segments is lab 2: one copy of a protection group.
func segments() Lab {
	x := small()
	return Lab{Number: 2, Name: "segment", Title: "A segment", Section: "7. Aurora 读写存储服务器", Role: protocol.Segment,
		System: func(m protocol.Maker) harness.System {
			return volumeOf("lab-2", protocol.Segment, m, aurora.Without{Fill: true, Tails: true, Backup: true, Room: true})
		},
		Reference: ours,
		Checks: []judge.Check{faults.Trace, faults.Serializability, faults.Durability, faults.Pages, faults.Progress, faults.Replies, faults.Tree,
			faults.CatchUp, faults.Wholeness, faults.Answers, judge.Wire},
		Tests: []Test{
			{Name: "serves", Rule: "nothing goes wrong, and clients are served", Section: "7. Aurora 读写存储服务器", Public: true, Marks: 5, Runs: 4,
				Generate: x.runs(calm), Needs: []string{"acknowledged", "pagesCompared", "rowsAudited"}},
			{Name: "acknowledges-only-what-is-durable", Rule: "a segment persists a record before it acknowledges it", Section: "SIGMOD 2017 §3.3, steps 1 and 2", Marks: 10, Runs: 6,
				Generate: x.runs(kinds(1, 2, false, faults.Crash, faults.PowerLossAZ)), Needs: []string{"acknowledged", "world.restarts"}},
		},
		Break: Break{Marks: 10, Steps: 3, Runs: 6, Generate: x.ladder(func(step int) plot { return kinds(step, step, false) })},
	}
}
