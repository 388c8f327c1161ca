// Command hashes prints, for each seed from 0 on, a hash of the run's configuration and the hash of the run. A test
// builds it twice, once with the race detector, and compares what both print.
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
)

func main() {
	if len(os.Args) != 2 {
		fail("usage: hashes SEEDS")
	}
	seeds, err := strconv.ParseUint(os.Args[1], 10, 32)
	if err != nil {
		fail(err.Error())
	}
	system := aurora.System()
	for seed := range seeds {
		c, err := system.Generate(seed, harness.Generation{})
		if err != nil {
			fail(err.Error())
		}
		r := harness.Run(system, c)
		fmt.Printf("%d %016x %016x %d %s\n", seed, xxh3.HashString(c.String()), r.Hash, r.Counts.World.Events, r.Verdict)
	}
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, "hashes: "+why)
	os.Exit(2)
}
