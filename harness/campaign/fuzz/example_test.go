package fuzz_test

import (
	"context"
	"fmt"
	"os"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/fuzz"
)

// Eight runs of our own system are kept in a folder; the next eight go on from there.
func Example() {
	folder, err := os.MkdirTemp("", "campaign")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	for _, runs := range []uint64{8, 16} {
		s, err := fuzz.Run(context.Background(), fuzz.Options{System: aurora.System(), Folder: folder + "/c", Worlds: coverage.Small(), Seed: 1, Batch: 8, Runs: runs})
		if err != nil {
			panic(err)
		}
		fmt.Println(s.Fold.Lines, "runs,", s.Stop)
	}
	// Output:
	// 8 runs, all runs made
	// 16 runs, all runs made
}
