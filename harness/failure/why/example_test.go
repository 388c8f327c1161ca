package why_test

import (
	"fmt"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// alone answers from its own memory, and tells no other node of what it was told.
type alone map[string]node.Value

func (m alone) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind != node.Requested {
		return
	}
	q := ev.Request
	reply := node.Reply{ID: q.ID, Op: q.Op, Status: node.OK}
	switch q.Op {
	case node.OpRead:
		reply.Value = m[q.Rows[0].Key]
	case node.OpWrite:
		m[q.Rows[0].Key] = q.Rows[0].Value
	}
	out.Respond(ev.From, reply)
}

// Two nodes that answer each from its own memory are no register. What went wrong begins with the answer that shows it.
func ExampleOf() {
	system := harness.Replicas{Name: "alone", Count: 2, Mix: workload.Registers(),
		New: func(harness.Place) node.Node { return alone{} }}.System()
	for seed := range uint64(20) {
		c, err := system.Generate(seed, harness.Generation{})
		if err != nil {
			panic(err)
		}
		target, fails := failure.TargetOf(harness.Run(system, c).Findings)
		if !fails || target.Check != faults.Durability && target.Check != faults.Linearizability {
			continue
		}
		w, err := why.Of(system, c, target)
		if err != nil {
			panic(err)
		}
		fmt.Println(w.Headline)
		fmt.Println("why:", w.Rule.Reason)
		return
	}
	// Output:
	// At 387.107 ms replica 1 answered auditor about row key0: found "c4.1", expected "c1.1" (stale read); replica 2, at 11.955 ms, acknowledged to client 1 the value that was expected, "c1.1".
	// why: A client that is shown what never was, or not shown what was, decides by it: money is spent twice.
}
