package workload_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// A register is a node that keeps rows in memory.
type register map[string]node.Value

func (r register) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind != node.Requested {
		return
	}
	row := ev.Request.Rows[0]
	if ev.Request.Op == node.OpWrite {
		r[row.Key] = row.Value
	}
	out.Respond(ev.From, node.Reply{ID: ev.Request.ID, Op: ev.Request.Op, Status: node.OK, Value: r[row.Key]})
}

// Two clients call a register at the same time. What they saw is a history of calls, for package
// linearizability to decide.
func Example() {
	w, err := sim.New(sim.Options{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Close()
	err = errors.Join(w.Add(runtime.Process{ID: 1, Name: "register", New: func(node.Hook) node.Node { return register{} }}), w.Start(1))
	operations := workload.Operations{Clients: 2, Calls: 20, Keys: 1, Mix: workload.Registers(),
		Think: faults.Duration(time.Millisecond), Timeout: faults.Duration(50 * time.Millisecond)}
	var history workload.CallHistory
	for number := 1; number <= operations.Clients; number++ {
		client := workload.NewCaller(operations, 1, number, []node.ID{1}, &history)
		err = errors.Join(err, w.AddClient(runtime.Client{ID: node.ID(1 + number), Name: fmt.Sprintf("client %d", number), Actor: workload.Actor{Client: client}}))
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	w.Run(node.Time(time.Second))
	fmt.Println(len(history.Registers()), "calls, without an answer:", history.Unanswered())
	// Output:
	// 40 calls, without an answer: 0
}
