package judge

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// A value of t1.1, committed at LSN 2 of epoch 1, is shown to the second transaction, at 10.
func TestWhatIsNotDurableIsShownToNobody(t *testing.T) {
	txn := node.MakeTxn(1, 1)
	row := linearizability.Row{Key: "row0", Value: "c1.1"}
	history := workload.History{
		Transactions: []workload.Transaction{
			{Txn: linearizability.Txn{ID: 1, Ops: []linearizability.Op{{Kind: linearizability.Write, Key: row.Key, Value: row.Value}}}, Name: txn},
			{Txn: linearizability.Txn{ID: 2}, Name: node.MakeTxn(1, 2)},
		},
		Shown: []workload.Shown{{At: 3, Transaction: 0, Row: row}, {At: 10, Transaction: 1, Row: row}},
	}
	commit := node.Trace{Action: node.ActCommit, Epoch: 1, Record: &node.Record{LSN: 2, Epoch: 1, Kind: node.Commit, Last: true, Txn: txn}}
	advance := func(e node.Epoch, l node.LSN) node.Trace {
		return node.Trace{Action: node.ActAdvance, Epoch: e, LSN: l}
	}
	histories := []node.History{nil, {{Epoch: 1, From: 1}, {Epoch: 2, From: 3}}, {{Epoch: 1, From: 1}, {Epoch: 3, From: 2}}}
	open := func(e node.Epoch) node.Trace { return node.Trace{Action: node.ActOpen, Epoch: e} }
	for _, c := range []struct {
		name  string
		told  []node.Trace // one at each moment, from 8 on
		early bool
		since node.Time
	}{
		{"the VDL reached it before", []node.Trace{commit, advance(1, 2)}, false, 9},
		{"the VDL reached it at the same moment", []node.Trace{commit, advance(1, 1), advance(1, 3)}, false, 10},
		{"the VDL reached it later", []node.Trace{commit, advance(1, 1), advance(1, 1), advance(1, 2)}, true, 11},
		{"the VDL never reached it", []node.Trace{commit, advance(1, 1)}, true, 0},
		{"another writer's VDL says nothing", []node.Trace{commit, advance(2, 9)}, true, 0},
		{"a later writer kept it", []node.Trace{commit, open(2)}, false, 9},
		{"a later writer cut it", []node.Trace{commit, open(3)}, true, 0},
		{"a writer that never decided opens", []node.Trace{commit, open(9)}, true, 0},
		{"it has no commit record", []node.Trace{advance(1, 9)}, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d Durable
			for i := range c.told {
				d.Traced(node.Time(8+i), &c.told[i], histories)
			}
			err := d.shown(&history)
			if !c.early {
				require.NoError(t, err)
				require.Equal(t, c.since, d.since[txn])
				return
			}
			var early *EarlyReadError
			require.ErrorAs(t, err, &early)
			require.Equal(t, EarlyReadError{Reader: 2, Writer: 1, Row: row, Shown: 10, Durable: early.Durable}, *early)
			require.Equal(t, c.since, node.Time(early.Durable))
		})
	}
}
