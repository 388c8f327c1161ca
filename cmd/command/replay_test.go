package command

import (
	"fmt"
	"os"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/sim"
)

// recordFailure is a program for scripts: record-failure KIND FILE makes a run that does not pass and writes its failure
// file. The implementation passes every check, so what fails is what is asked of it: "limit" allows too few events;
// "violation" wants it to serve again in no time; "other" is "violation" as another program might have recorded it, and
// "mended" is one that this program does not make.
func recordFailure() {
	kind, file := os.Args[1], os.Args[2]
	c, err := aurora.Generate(19, harness.Generation{})
	if err == nil {
		c.Workload.Transactions, c.Volume.Readers = 4, 0 // a short one: all of its events are kept
		c.Plan.Faults, c.Plan.BeyondBudget = nil, false  // none of readers, and none that would excuse it
		switch kind {
		case "limit":
			c.Limits = sim.Limits{Events: 800}
		default:
			c.Ending.Bound = faults.Duration(time.Microsecond)
		}
		r, trail := failure.Record(aurora.System(), c.Whole())
		f := failure.Of(&r, trail)
		if kind == "mended" {
			c.Ending.Bound = faults.Duration(20 * time.Second)
			f.Configuration = c.Whole()
		}
		if kind == "other" {
			c.Network.Jitter++
			r, trail = failure.Record(aurora.System(), c.Whole())
			f.Hash, f.Trail = failure.Of(&r, trail).Hash, *trail
		}
		err = f.Write(file)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
