package linearizability_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/linearizability"
)

// Two clients write, and a third reads the older value after the newer one had been acknowledged.
func ExampleCheckCalls() {
	history := []linearizability.Call{
		{Client: 1, Begin: 0, End: 10, Kind: linearizability.Put, Key: "x", Value: "1"},
		{Client: 2, Begin: 20, End: 30, Kind: linearizability.Put, Key: "x", Value: "2"},
		{Client: 3, Begin: 40, End: 50, Kind: linearizability.Get, Key: "x", Value: "1", Found: true},
	}
	result := linearizability.CheckCalls(context.Background(), linearizability.ModelRegister, history, linearizability.Options{}, linearizability.FileLimits())
	violation := result.Violation.(*linearizability.CallViolation)
	fmt.Println(result.Verdict, "by", result.Proof)
	fmt.Println(violation.Anomaly, violation.Core, "expected", violation.Expected, "found", violation.Found)
	// Output:
	// illegal by order
	// lost acknowledged commit [0 1 2] expected "2" found "1"
}

// Each of two transactions reads what the other one replaces: no order explains that, and snapshot isolation allows it.
func ExampleStrongest() {
	read := func(key string) linearizability.Op { return linearizability.Op{Kind: linearizability.Read, Key: key} }
	write := func(key string) linearizability.Op {
		return linearizability.Op{Kind: linearizability.Write, Key: key, Value: "1"}
	}
	standing := linearizability.Strongest(context.Background(), []linearizability.Txn{
		{ID: 1, Client: 1, Begin: 0, End: 10, Outcome: linearizability.Committed, Ops: []linearizability.Op{read("x"), write("y")}},
		{ID: 2, Client: 2, Begin: 0, End: 10, Outcome: linearizability.Committed, Ops: []linearizability.Op{read("y"), write("x")}},
	}, linearizability.FileLimits())
	violation := standing.Results[standing.Next].Violation.(*linearizability.Violation)
	fmt.Println(standing.Strongest)
	fmt.Println(standing.Next, "is broken by", violation.Class)
	for _, e := range violation.Cycle {
		fmt.Println(e)
	}
	// Output:
	// snapshot-isolation
	// serializable is broken by G2-item
	// 2 before 1 (whose "y" it did not see)
	// 1 before 2 (whose "x" it did not see)
}
