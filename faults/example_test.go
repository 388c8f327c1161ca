package faults_test

import (
	"fmt"
	"time"

	"github.com/firstgap/firstgap/faults"
)

// A plan is drawn for six copies in three zones, within what the volume must survive. One that is written by hand is held against
// the same budget.
func Example() {
	topology := faults.Volume{Groups: 1, Replicas: 6, WriteQuorum: 4, ReadQuorum: 3, Zones: 3, Clients: 2}.Topology()
	generator := faults.Generator{Topology: topology, Horizon: faults.Duration(500 * time.Millisecond), Faults: 4}
	drawn, err := generator.Plan(1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("drawn:", len(drawn.Faults) > 0, drawn.Validate(topology))

	at := faults.Duration(10 * time.Millisecond)
	written := faults.Plan{Horizon: faults.Duration(time.Second), Faults: []faults.Fault{
		{Kind: faults.Crash, At: at, For: faults.Duration(300 * time.Millisecond), Nodes: []string{"segment 1/1", "segment 1/2", "segment 1/3"}},
	}}
	fmt.Println(written.Validate(topology))
	// Output:
	// drawn: true <nil>
	// beyond the fault budget: expected at most 2 segments of group 1 impaired for longer than 50ms, found 3 at 10ms: segment 1/1, segment 1/2, segment 1/3
}
