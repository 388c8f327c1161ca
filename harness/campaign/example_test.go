package campaign_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign"
)

// Four runs of the project's own implementation. What so few runs happen not to do is said, and is no objection.
func Example() {
	s, err := campaign.Run(context.Background(), campaign.Options{System: aurora.System(), Seed: 1, Runs: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Verdict, "runs:", s.Counts.Runs, "failed:", s.Failed, s.Stop)
	// Output:
	// pass runs: 4 failed: 0 all runs made
}
