package grade_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/grade"
	"github.com/firstgap/firstgap/harness/grade/labs"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
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

// A lab of two nodes that have to be one register, and a submission that forgot that there are two.
func Example() {
	lab := &labs.Lab{Number: 1, Title: "Two nodes, one register",
		System: func(m protocol.Maker) harness.System {
			return harness.Replicas{Name: "two", Count: 2, Mix: workload.Registers(), New: func(p harness.Place) node.Node {
				return m(protocol.Place{Role: protocol.Replica, ID: p.ID, Members: p.Members})
			}}.System()
		},
		Tests: []labs.Test{{Name: "reads", Public: true, Marks: 10, Runs: 4, Needs: []string{"operations"},
			Generate: func(s harness.System, seed uint64, bug string) (configuration.Configuration, error) {
				return s.Generate(seed, harness.Generation{Bug: bug})
			}}}}
	submission := grade.Submission{Name: "anna", Maker: func(protocol.Place) node.Node { return alone{} }}
	r, err := grade.Grade(context.Background(), lab, submission, grade.Options{})
	if err != nil {
		fmt.Println(err) // no score may be made of it
		return
	}
	fmt.Printf("%s: %d of %d\n", r.Submission, r.Score, r.Most)
	fmt.Println("broken:", r.Tests[0].Broke)
	// Output:
	// anna: 0 of 10
	// broken: every call seems to take effect at one moment between its request and its answer
}
