package scenario_test

import (
	"fmt"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/scenario"
)

// A commit that reached one segment of three, and whose writer dies, is kept by a recovery that meets this segment.
func Example() {
	e := scenario.New(aurora.Ours())
	defer e.Close()
	for _, c := range []struct{ line, input string }{
		{"volume replicas=3 write-quorum=2 read-quorum=2", ""},
		{"start", ""},
		{"reach lsn=2 A", ""},
		{"txn t", "put X=1\ncommit"},
		{"log", ""},
		{"crash writer-1", ""},
		{"cut-off C", ""},
		{"take-over", ""},
		{"heal", ""},
		{"tick times=2", ""},
		{"read X", ""},
	} {
		text, err := e.Do("example", c.line, c.input)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("> %s\n%s", c.line, text)
	}
	if err := e.Finish(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// > volume replicas=3 write-quorum=2 read-quorum=2
	// > start
	// > reach lsn=2 A
	// > txn t
	// LSN 1: write X none→1
	// LSN 2: commit
	// > log
	// LSN  A B C
	// 1    1 1 1
	// 2    1 . .
	// > crash writer-1
	// > cut-off C
	// > take-over
	// epoch 2 begins
	// A promises epoch 2
	// B promises epoch 2
	// first gap 3: cut at 2, from what A, B hold
	// A follows epoch 2
	// B follows epoch 2
	// > heal
	// > tick times=2
	// C follows epoch 2
	// epoch 2 is open
	// > read X
	// X = 1
}
