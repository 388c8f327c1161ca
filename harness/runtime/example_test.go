package runtime_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// A caller is a client: it asks once, and asks again when no answer comes in time.
type caller struct{ answers []node.Reply }

const patience node.Timer = 1

func (c *caller) Start(_ node.Time, out *runtime.Calls) {
	out.Request(1, node.Request{ID: 1, Op: node.OpRead, Rows: []node.Row{{Key: "x"}}})
	out.SetTimer(patience, time.Second)
}

func (c *caller) Reply(_ node.Time, _ node.ID, r node.Reply, out *runtime.Calls) {
	c.answers = append(c.answers, r)
	out.ClearTimer(patience)
}

func (c *caller) Timer(now node.Time, _ node.Timer, out *runtime.Calls) { c.Start(now, out) }

// answering is a node that knows one row.
type answering struct{}

func (answering) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind == node.Requested {
		out.Respond(ev.From, node.Reply{ID: ev.Request.ID, Op: ev.Request.Op, Status: node.OK, Value: node.Some("510")})
	}
}

// A client asks a node. It sees a Runtime and not what stands behind, which is the simulator here.
func Example() {
	world, err := sim.New(sim.Options{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer world.Close()
	var r runtime.Runtime = world
	client := &caller{}
	err = errors.Join(
		r.Add(runtime.Process{ID: 1, Name: "register", New: func(node.Hook) node.Node { return answering{} }}),
		r.Start(1),
		r.AddClient(runtime.Client{ID: 2, Name: "client 1", Actor: client}))
	if err != nil {
		fmt.Println(err)
		return
	}
	outcome := r.RunUntil(node.Time(time.Minute), func() bool { return len(client.answers) > 0 })
	fmt.Println(outcome.End, client.answers[0].Value)
	// Output:
	// condition met 510
}
