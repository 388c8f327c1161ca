package tally_test

import (
	"fmt"

	"github.com/firstgap/firstgap/harness/tally"
)

type counters struct {
	Commits uint64 `json:"commits" text:"commits acknowledged" by:"10"`
	Longest uint64 `json:"longest" text:"longest wait in ms" fold:"max"`
}

// Two runs are added up, and the sum is listed for people. A counter is named in one place, which is the struct.
func Example() {
	var sum counters
	for _, run := range []counters{{Commits: 3, Longest: 40}, {Commits: 5, Longest: 20}} {
		tally.Add(&sum, &run)
	}
	for _, row := range tally.Rows(&sum) {
		fmt.Println(row.Text+":", row.Value)
	}
	// Output:
	// commits acknowledged: 8
	// longest wait in ms: 40
}
