package strict_test

import (
	"fmt"

	"github.com/firstgap/firstgap/harness/strict"
)

// A misspelt key is refused by its path, where it would otherwise leave a fault out of a plan.
func Example() {
	var plan struct {
		Faults []struct {
			Kind  string   `json:"kind"`
			Nodes []string `json:"nodes"`
		} `json:"faults"`
	}
	fmt.Println(strict.Unmarshal([]byte(`{"faults": [{"kind": "crash", "nodes": ["segment 1/2"]}]}`), &plan), plan.Faults[0].Nodes)
	fmt.Println(strict.Unmarshal([]byte(`{"faults": [{"kind": "crash", "node": "segment 1/2"}]}`), &plan))
	// Output:
	// <nil> [segment 1/2]
	// faults[0].node: expected one of the keys kind, nodes, found an unknown key
}
