package harness_test

import (
	"fmt"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// alone answers from its own memory, and tells no other node of what it was told.
type alone map[string]node.Value

func (a alone) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind != node.Requested {
		return
	}
	q := ev.Request
	reply := node.Reply{ID: q.ID, Op: q.Op, Status: node.OK}
	switch q.Op {
	case node.OpRead:
		reply.Value = a[q.Rows[0].Key]
	case node.OpWrite:
		a[q.Rows[0].Key] = q.Rows[0].Value
	}
	out.Respond(ev.From, reply)
}

// A system is a function that makes a node, and the operations that clients call. One node that answers by itself is as good as
// its memory; two of them are no register.
func ExampleReplicas() {
	for count := range 2 {
		system := harness.Replicas{Name: "alone", Count: count + 1, Mix: workload.Registers(),
			New: func(harness.Place) node.Node { return alone{} }}.System()
		found := map[judge.Check]bool{}
		for seed := range uint64(20) {
			c, err := system.Generate(seed, harness.Generation{})
			if err != nil {
				panic(err)
			}
			for _, f := range harness.Run(system, c).Findings {
				found[f.Check] = true
			}
		}
		fmt.Println(count+1, "of them, linearizability objects:", found[faults.Linearizability])
	}
	// Output:
	// 1 of them, linearizability objects: false
	// 2 of them, linearizability objects: true
}
