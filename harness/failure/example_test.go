package failure_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// With quorums of one, a take-over may ask a segment that has nothing of what was acknowledged, and in one of these runs a check objects. It is
// recorded, kept as a file, read, and made once more.
func Example() {
	folder, err := os.MkdirTemp("", "failure")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	var result harness.Result
	var trail *failure.Trail
	for seed := uint64(1); seed <= 100 && result.Verdict != judge.Violation; seed++ {
		c, err := aurora.Generate(seed, harness.Generation{})
		if err != nil {
			fmt.Println(err)
			return
		}
		c.Volume.WriteQuorum, c.Volume.ReadQuorum, c.Plan.BeyondBudget = 1, 1, true
		result, trail = failure.Record(aurora.System(), c.Whole())
	}
	fmt.Println(result.Verdict)

	file := filepath.Join(folder, "seed.fgt")
	if err := failure.Of(&result, trail).Write(file); err != nil {
		fmt.Println(err)
		return
	}
	f, err := failure.Read(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	again, err := failure.Again(f, []harness.System{aurora.System()})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(again.Answer)
	// Output:
	// violation
	// reproduced
}
