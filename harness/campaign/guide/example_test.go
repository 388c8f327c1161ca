package guide_test

import (
	"fmt"

	"github.com/firstgap/firstgap/harness/campaign/guide"
	"github.com/firstgap/firstgap/harness/campaign/job"
)

// A third of the work is plain; the others are chosen.
func Example() {
	g, err := guide.New(guide.Options{System: registers(3), Seed: 100, Batch: 8, Guided: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	jobs, err := g.Jobs(0)
	arms := map[job.Arm]int{}
	for _, j := range jobs {
		arms[j.Arm]++
	}
	fmt.Println(arms[job.Random], "random,", arms[job.Guided], "guided,", err)
	// Output: 3 random, 5 guided, <nil>
}
