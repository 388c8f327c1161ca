package fleet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/firstgap/firstgap/harness/campaign/fleet"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/verdict"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// A coordinator hands out three jobs, and a worker of the same process does them. A worker of another process does the same with the URL of
// a server in its Login.
func Example() {
	dir, err := os.MkdirTemp("", "queue")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	q, err := fleet.Open(ctx, fleet.Options{Dir: dir, Campaign: json.RawMessage(`{"system":"toy"}`)})
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()

	worker := make(chan error)
	go func() {
		worker <- fleet.Work(ctx, fleet.WorkerOptions{
			Login:  q.Login(),
			Accept: func(campaign json.RawMessage) error { fmt.Println("the campaign", string(campaign)); return nil },
			Do: func(_ context.Context, j job.Job) job.Outcome {
				return job.Outcome{Number: j.Number, Work: j.Seed * j.Seed, Verdict: verdict.Pass}
			},
		})
	}()
	if err := q.Put(ctx, job.Job{Number: 0, Seed: 3}, job.Job{Number: 1, Seed: 4}, job.Job{Number: 2, Seed: 5}); err != nil {
		log.Fatal(err)
	}
	sum := uint64(0)
	for range 3 {
		o := <-q.Outcomes()
		sum += o.Work
	}
	if err := q.End(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(sum, "is the sum, and the worker left:", <-worker)
	// Output:
	// the campaign {"system":"toy"}
	// 50 is the sum, and the worker left: <nil>
}
