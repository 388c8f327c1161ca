package main

import (
	"fmt"
	"os"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/sim"
)

// recordFailure is a program for scripts: record-failure KIND FILE makes a run that does not pass and writes its failure
// file. The implementation passes every check, so what fails is what is asked of it: "limit" allows too few events;
// "violation" wants it to serve again in no time; "other" is "violation" as another program might have recorded it.
func recordFailure() {
	kind, file := os.Args[1], os.Args[2]
	c, err := harness.Generation{}.Generate(19)
	if err == nil {
		c.Workload.Transactions, c.Volume.Readers = 4, 0 // a short one: all of its events are kept
		c.Plan.Faults, c.Plan.BeyondBudget = nil, false  // none of readers, and none that would excuse it
		switch kind {
		case "limit":
			c.Limits = sim.Limits{Events: 800}
		default:
			c.Ending.Bound = faults.Duration(time.Microsecond)
		}
		r := harness.RunRecorded(c, true)
		f := harness.NewFailure(&r)
		if kind == "other" {
			c.Network.Jitter++
			r = harness.RunRecorded(c, true)
			f.Hash, f.Trail = harness.NewFailure(&r).Hash, *r.Trail
		}
		err = f.Write(file)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
