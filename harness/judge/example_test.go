package judge_test

import (
	"fmt"

	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// Transaction 1 was acknowledged. An auditor reads what is left after the last recovery, once with what it wrote and once without.
func ExampleDurability() {
	for _, left := range []string{"510", ""} {
		wrote := linearizability.Op{Kind: linearizability.Write, Key: "row0", Value: "510"}
		read := linearizability.Op{Kind: linearizability.Read, Key: "row0", Value: left, Found: left != ""}
		name := node.MakeTxn(1, 1)
		end := judge.EndState{
			History: &workload.History{Transactions: []workload.Transaction{
				{Name: name, Txn: linearizability.Txn{ID: 1, Client: 1, Begin: 10, End: 20, Ops: []linearizability.Op{wrote}, Outcome: linearizability.Committed, Order: 3}},
				{Name: node.MakeTxn(2, 1), Txn: linearizability.Txn{ID: 2, Client: 2, Begin: 90, End: 99, Ops: []linearizability.Op{read}, Outcome: linearizability.Committed, Order: 5}},
			}},
			Commits: map[node.Txn]node.LSN{name: 2},
			Audit:   1,
		}
		fmt.Println(judge.Durability(end))
	}
	// Output:
	// []
	// [transaction 1, commit LSN 2: row "row0": an acknowledged transaction is gone: expected 510 of transaction 1, found none after the last recovery]
}
