package watch_test

import (
	"fmt"
	"os"
	"time"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/watch"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// In a log a campaign is a line a minute, and its last state at its end.
func Example() {
	s := &watch.Status{Campaign: "nightly", System: "toy", Build: "1.0", Elapsed: 90 * time.Second, Done: 4000, LastMinute: 50, Rate: 44.4, Workers: 2,
		Arms:   []watch.Arm{{Arm: job.Random, Passed: 4000, Work: 80_000, New: 3}},
		Spaces: []watch.Space{{Space: coverage.Space{World: "small", Kind: "states", Size: 4}, Reached: 3}},
		Shapes: watch.Shapes{Had: 12, Unseen: 0.01}}
	fmt.Println(watch.Line(s))
	p := watch.NewPanel(os.Stdout, time.Now)
	p.Show(s)
	p.End()
	// Output:
	// nightly: 1m30s, 4,000 jobs, 50.0 a second, 2 workers, 75.0% of the enumerated worlds, +0 in the last hour, 12 shapes, an estimated 1% of a run unseen, no failures
	// nightly: 1m30s, 4,000 jobs, 50.0 a second, 2 workers, 75.0% of the enumerated worlds, +0 in the last hour, 12 shapes, an estimated 1% of a run unseen, no failures
	// campaign    nightly, of toy, build 1.0
	// time        1m30s, 2 workers
	// jobs        4,000 done, 0 in progress
	// speed       50.0 jobs/s in the last minute, 44.4 overall
	// failures    0 distinct, 0 in all
	// arm          jobs   work  failed  new  per 1k jobs
	// random      4,000  80.0k       0    3          0.8
	// world       states
	// small        75.0%
	// shapes      12, +0 in the last hour, an estimated 1% of a run unseen
	// store       0 B
	// queue       0 waiting, 0 out, 0 out once more
}
