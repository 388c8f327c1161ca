package job_test

import (
	"encoding/json"
	"fmt"

	"github.com/firstgap/firstgap/harness/campaign/job"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// A job of a guided campaign travels to a worker as JSON.
func Example() {
	parent := uint64(12)
	text, err := json.Marshal(job.Job{Number: 300, Arm: job.Guided, Seed: 7, Parent: &parent})
	fmt.Println(string(text), err)
	// Output:
	// {"number":300,"arm":"guided","seed":7,"parent":12} <nil>
}
