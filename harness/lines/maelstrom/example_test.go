package maelstrom_test

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/maelstrom"
)

// A program in Python answers a second of calls, under faults.
func Example() {
	workload, err := maelstrom.Named("echo")
	if err != nil {
		fmt.Println(err)
		return
	}
	system, err := maelstrom.System(maelstrom.Options{Workload: workload, TimeLimit: time.Second, Settings: maelstrom.Settings{Nodes: 2},
		Command: lines.Command{Args: []string{"python3", "testdata/nodes/node.py", "echo"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := system.Generate(1, harness.Generation{})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := harness.Run(system, c)
	fmt.Println(system.Name(), r.Verdict)
	// Output: maelstrom-echo pass
}
