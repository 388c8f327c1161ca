package older

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/impl/node"
)

const database node.ID = 1

func record(kind node.Kind, lsn node.LSN, epoch node.Epoch, txn uint32, key, old, new string) *node.Record {
	value := func(s string) node.Value {
		if s == "" {
			return node.Value{}
		}
		return node.Some(s)
	}
	return &node.Record{Kind: kind, LSN: lsn, Epoch: epoch, Txn: node.MakeTxn(epoch, txn), Key: key, Old: value(old), New: value(new)}
}

func issue(r *node.Record) told {
	return told{database, node.Trace{Action: node.ActWalIssue, Record: r}}
}

func undoes(r *node.Record, lsn node.LSN) *node.Record { r.Undoes = lsn; return r }

func wrote(lsn node.LSN, txn uint32, key, old, new string) told {
	return issue(record(node.Write, lsn, 1, txn, key, old, new))
}

func took(lsn, of node.LSN, txn uint32, key, old, new string) told {
	return issue(undoes(record(node.Undo, lsn, 1, txn, key, old, new), of))
}

func committed(lsn node.LSN, txn uint32) told {
	return issue(record(node.Commit, lsn, 1, txn, "", "", ""))
}

func durable(lsn node.LSN) told {
	return told{database, node.Trace{Action: node.ActWalDurable, LSN: lsn}}
}
func paged(lsn node.LSN) told { return told{database, node.Trace{Action: node.ActWalPage, LSN: lsn}} }
func acked(txn uint32) told {
	return told{database, node.Trace{Action: node.ActWalAck, Txn: node.MakeTxn(1, txn)}}
}
func opened() told { return told{database, node.Trace{Action: node.ActWalOpen}} }
func found(last node.LSN, records ...*node.Record) told {
	return told{database, node.Trace{Action: node.ActWalFound, LSN: last, Detail: &node.FoundStep{Records: records}}}
}

// goodLog is a transaction of two rows that commits; one that is taken back; one whose page is stolen, and which a crash
// makes a loser; and one that changes its row once more.
func goodLog() []told {
	return []told{
		found(0), issue(record(node.Commit, 1, 1, 0, "", "", "")), durable(1), opened(), // 0–3
		wrote(2, 1, "x", "", "1"), wrote(3, 1, "y", "", "1"), committed(4, 1), durable(4), acked(1), paged(3), // 4–9
		wrote(5, 2, "x", "1", "2"), wrote(6, 2, "x", "2", "3"), took(7, 6, 2, "x", "3", "2"), took(8, 5, 2, "x", "2", "1"), // 10–13
		wrote(9, 3, "x", "1", "4"), durable(9), paged(9), // 14–16
		found(9, record(node.Write, 9, 1, 3, "x", "1", "4")),                                                           // 17
		issue(undoes(record(node.Undo, 10, 1, 3, "x", "4", "1"), 9)), issue(record(node.Commit, 11, 2, 0, "", "", "")), // 18–19
		durable(11), opened(), issue(record(node.Write, 12, 2, 1, "x", "1", "5")), // 20–22
	}
}

func followed(t *testing.T, trace []told) (*WAL, error) {
	w, err := NewWAL()
	require.NoError(t, err)
	for i, x := range trace {
		if err := w.Tell(node.Time(i), x.from, &x.t); err != nil {
			require.Equal(t, err, w.Tell(node.Time(i), x.from, &x.t), "and ever after")
			return w, err
		}
	}
	return w, nil
}

func TestAGoodLogIsTaken(t *testing.T) {
	w, err := followed(t, goodLog())
	require.NoError(t, err)
	require.EqualValues(t, len(goodLog()), w.Steps())
}

func TestBrokenLogsAreRefusedByName(t *testing.T) {
	put := func(at int, x ...told) []told { return append(slices.Clone(goodLog()[:at]), x...) }
	for name, c := range map[string]struct {
		trace []told
		rule  string
	}{
		"a change of a locked row":           {put(15, wrote(10, 4, "x", "4", "5")), "Write"},
		"a change before the commit is told": {put(8, wrote(5, 2, "x", "1", "2")), "Write"},
		"a change after the commit":          {put(7, wrote(5, 1, "z", "", "2")), "Write"},
		"a change after something is undone": {put(13, wrote(8, 2, "z", "", "2")), "Write"},
		"a change of a loser":                {put(22, issue(record(node.Write, 12, 1, 3, "x", "1", "2"))), "Write"},
		"a change in recovery":               {put(18, issue(record(node.Write, 10, 2, 1, "y", "1", "2"))), "Write"},
		"a commit of nothing":                {put(4, committed(2, 1)), "Commit"},
		"a second commit":                    {put(7, committed(5, 1)), "Commit"},
		"a commit after something is undone": {put(13, committed(8, 2)), "Commit"},
		"a commit of a loser":                {put(18, committed(10, 3)), "Commit"},
		"an undo of what is committed":       {put(9, took(5, 3, 1, "y", "1", "")), "Undo"},
		"an undo twice":                      {put(14, took(9, 5, 2, "x", "1", "1")), "Undo"},
		"an undo out of order":               {put(12, took(7, 5, 2, "x", "3", "1")), "Undo"},
		"an undo to another value":           {put(12, took(7, 6, 2, "x", "3", "9")), "Undo"},
		"durable before it is made":          {put(7, durable(9)), "FlushLog"},
		"a log that is less durable":         {put(8, durable(3)), ruleLog},
		"a page ahead of the log":            {put(5, paged(2)), "FlushPage"},
		"an answer before the log":           {put(7, acked(1)), "Ack"},
		"an answer twice":                    {put(9, acked(1)), "Ack"},
		"an answer without a commit":         {put(6, acked(1)), "Ack"},
		"open with a loser":                  {put(18, issue(record(node.Commit, 10, 2, 0, "", "", "")), durable(10), opened()), "Open"},
		"open twice":                         {put(4, opened()), "Open"},
		"a crash takes what was durable":     {put(9, found(3, record(node.Write, 3, 1, 1, "y", "", "1"))), ruleDurable},
		"a log with a hole":                  {put(9, found(4, record(node.Write, 2, 1, 1, "x", "", "1"), record(node.Commit, 4, 1, 1, "", "", ""))), ruleLog},
		"a record that is not the next":      {put(4, wrote(3, 1, "x", "", "1")), ruleLog},
		"another old value":                  {put(10, wrote(5, 2, "x", "7", "2")), ruleOld},
		"a value that recovery lost":         {put(22, issue(record(node.Write, 12, 2, 1, "y", "", "5"))), ruleOld},
		"a structural change":                {put(4, issue(record(node.Structure, 2, 1, 1, "p", "", ""))), ruleAction},
		"an instance that has not started":   {[]told{opened()}, ruleKnown},
		"no record":                          {put(4, told{database, node.Trace{Action: node.ActWalIssue}}), ruleComplete},
		"an action of another model":         {put(4, told{database, node.Trace{Action: node.ActStore}}), ruleAction},
	} {
		_, err := followed(t, c.trace)
		var x *conform.Violation
		require.ErrorAs(t, err, &x, name)
		require.Equal(t, c.rule, x.Rule, "%s: %v", name, err)
		require.Contains(t, err.Error(), "expected ", name)
	}
}
