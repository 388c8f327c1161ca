package killtable_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/killtable"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// A register is a node that keeps rows in memory. With the planted bug it acknowledges every third write and does not make it.
type register struct {
	hook   node.Hook
	rows   map[string]node.Value
	writes int
}

func (r *register) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind != node.Requested {
		return
	}
	row := ev.Request.Rows[0]
	if ev.Request.Op == node.OpWrite {
		r.writes++
		if !r.hook.Planted("forgets-writes") || r.writes%3 != 0 {
			r.rows[row.Key] = row.Value
		}
	}
	out.Respond(ev.From, node.Reply{ID: ev.Request.ID, Op: ev.Request.Op, Status: node.OK, Value: r.rows[row.Key]})
}

// The checks have to find the bug in every search, and the check that is meant to has to be among those that object.
func Example() {
	system := harness.Replicas{
		Name: "register", Count: 1, Mix: workload.Registers(),
		Bugs: []faults.PlantedBug{{Name: "forgets-writes", Rule: "what was acknowledged is kept", Expect: []faults.Check{faults.Linearizability}}},
		New:  func(p harness.Place) node.Node { return &register{hook: p.Hook, rows: map[string]node.Value{}} },
	}.System()
	table, err := killtable.Run(context.Background(), killtable.Options{System: system, Trials: 3, Limit: 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range table.Rows {
		fmt.Printf("%s: found in %d of %d searches; problem: %q\n", row.Bug.Name, row.Found(), len(row.Trials), row.Problem)
	}
	// Output:
	// forgets-writes: found in 3 of 3 searches; problem: ""
}
