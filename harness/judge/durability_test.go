package judge

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

func wrote(key, value string) linearizability.Op {
	return linearizability.Op{Kind: linearizability.Write, Key: key, Value: value}
}

func deleted(key string) linearizability.Op {
	return linearizability.Op{Kind: linearizability.Delete, Key: key}
}

func saw(key, value string) linearizability.Op {
	return linearizability.Op{Kind: linearizability.Read, Key: key, Value: value, Found: value != ""}
}

// ending is the end of a run in which two accounts were set up and money moved (1, 2), a row was written, twice (3, 4),
// one was written and deleted (5, 6), one transaction was aborted (7), and two have no answer: one is on the log (8), and
// one is not (9). The auditor (10) has read it all.
func ending() EndState {
	h := &workload.History{}
	commits := map[node.Txn]node.LSN{}
	add := func(o linearizability.Outcome, at node.LSN, kept bool, ops ...linearizability.Op) {
		id := uint64(len(h.Transactions) + 1)
		x := workload.Transaction{Name: node.MakeTxn(1, uint32(id)), Txn: linearizability.Txn{
			ID: id, Client: 1, Begin: int64(10 * id), End: int64(10*id + 5), Ops: ops, Outcome: o}}
		if o == linearizability.Committed {
			x.Order = uint64(at) + 1
		} else if o == linearizability.OutcomeUnknown {
			x.End = linearizability.Unfinished
		}
		if kept {
			commits[x.Name] = at
		}
		h.Transactions = append(h.Transactions, x)
	}
	ok, aborted, unknown := linearizability.Committed, linearizability.Aborted, linearizability.OutcomeUnknown
	add(ok, 3, true, wrote("account0", "100@a"), wrote("account1", "100@b"))
	add(ok, 6, true, saw("account0", "100@a"), wrote("account0", "93@c"), wrote("account1", "107@d"))
	add(ok, 8, true, wrote("row0", "e"))
	add(ok, 10, true, wrote("row0", "f"))
	add(ok, 12, true, wrote("row1", "g"))
	add(ok, 14, true, deleted("row1"))
	add(aborted, 0, false, wrote("row2", "h"))
	add(unknown, 18, true, wrote("row3", "i"))
	add(unknown, 0, false, wrote("row3", "j"))
	add(ok, 30, false, saw("account0", "93@c"), saw("account1", "107@d"), saw("row0", "f"), saw("row1", ""), saw("row2", ""), saw("row3", "i"))
	return EndState{Workload: workload.Workload{Accounts: 2, Balance: 100}, History: h, Commits: commits, Audit: 9}
}

// read makes the auditor see something else.
func (e *EndState) read(key, value string) {
	ops := e.History.Transactions[e.Audit].Ops
	for i := range ops {
		if ops[i].Key == key {
			ops[i] = saw(key, value)
		}
	}
}

func TestDurabilityHasNothingAgainstASoundEnding(t *testing.T) {
	require.Empty(t, Durability(ending()))

	before := EndState{Workload: workload.Workload{Accounts: 2, Balance: 100}, History: &workload.History{Transactions: []workload.Transaction{
		{Txn: linearizability.Txn{ID: 1, Outcome: linearizability.Committed, Order: 1, Ops: []linearizability.Op{saw("account0", ""), saw("account1", "")}}},
	}}}
	require.Empty(t, Durability(before), "accounts that were never set up add up to nothing")
}

func TestDurabilityObjects(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*EndState)
		loss  Loss
		key   string
		txn   uint64
	}{
		{"an acknowledged value is gone", func(e *EndState) { e.read("row0", "e") }, AcknowledgedGone, "row0", 4},
		{"an acknowledged row is gone", func(e *EndState) { e.read("row0", "") }, AcknowledgedGone, "row0", 4},
		{"an acknowledged delete is gone", func(e *EndState) { e.read("row1", "g") }, AcknowledgedGone, "row1", 6},
		{"an aborted value shows", func(e *EndState) { e.read("row2", "h") }, UncommittedShows, "row2", 7},
		{"a value shows that the log dropped", func(e *EndState) { e.read("row3", "j") }, UncommittedShows, "row3", 9},
		{"a value that nobody wrote shows", func(e *EndState) { e.read("row2", "z") }, WrongValue, "row2", 0},
		{"a commit without an answer is on the log and its value is gone", func(e *EndState) { e.read("row3", "") }, WrongValue, "row3", 8},
		{"an acknowledged commit record is gone", func(e *EndState) { delete(e.Commits, node.MakeTxn(1, 4)) }, AcknowledgedGone, "", 4},
		{"an acknowledged commit record is elsewhere", func(e *EndState) { e.Commits[node.MakeTxn(1, 4)] = 11 }, AcknowledgedGone, "", 4},
		{"an aborted transaction has a commit record", func(e *EndState) { e.Commits[node.MakeTxn(1, 7)] = 16 }, AbortedCommitted, "", 7},
		{"two commits claim one LSN", func(e *EndState) {
			e.History.Transactions[4].Order = 11
			e.Commits[node.MakeTxn(1, 5)] = 10
		}, PositionTwice, "", 5},
		{"a balance is none", func(e *EndState) {
			e.History.Transactions[1].Ops[1].Value = "much"
			e.read("account0", "much")
		}, SumBroken, "account0", 0},
		{"an account is missing", func(e *EndState) {
			e.History.Transactions[1].Ops[1] = deleted("account0")
			e.read("account0", "")
		}, SumBroken, "", 0},
		{"money appears", func(e *EndState) {
			e.History.Transactions[1].Ops[1].Value = "99@c"
			e.read("account0", "99@c")
		}, SumBroken, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := ending()
			c.spoil(&e)
			broken := Durability(e)
			require.Len(t, broken, 1, "%v", broken)
			var d *DurabilityError
			require.ErrorAs(t, broken[0], &d)
			require.Equal(t, c.loss, d.Loss, d.Error())
			require.Equal(t, c.key, d.Key, d.Error())
			require.Equal(t, c.txn, d.Txn, d.Error())
			require.Contains(t, d.Error(), string(c.loss))
			require.Contains(t, d.Error(), "expected "+d.Expected)
			f := Violated(faults.Durability, d)
			require.Contains(t, f.String(), "after the last recovery everything acknowledged is there")
		})
	}
}

func TestDurabilityReportsEveryLoss(t *testing.T) {
	e := ending()
	e.read("row0", "e")
	e.read("row2", "h")
	e.read("account1", "")
	require.Len(t, Durability(e), 4, "two rows, an account and the sum")
}

// Without a log, what was acknowledged is owed in the order that was claimed, and a commit without an answer may be there or not.
func TestDurabilityWithoutALog(t *testing.T) {
	unlogged := func(key, value string) EndState {
		e := ending()
		e.Commits = nil
		e.read(key, value)
		return e
	}
	for _, c := range []struct {
		key, value string
		loss       Loss // "": nothing is wrong
		txn        uint64
	}{
		{"row3", "i", "", 0},
		{"row3", "j", "", 0},
		{"row3", "", "", 0},
		{"row0", "e", AcknowledgedGone, 4},
		{"row0", "", AcknowledgedGone, 4},
		{"row1", "g", AcknowledgedGone, 6},
		{"row2", "h", UncommittedShows, 7},
		{"row2", "z", WrongValue, 0},
		{"account0", "94@c", AcknowledgedGone, 2},
	} {
		broken := Durability(unlogged(c.key, c.value))
		if c.loss == "" {
			require.Empty(t, broken, "%+v", c)
			continue
		}
		require.NotEmpty(t, broken, "%+v", c)
		var d *DurabilityError
		require.ErrorAs(t, broken[0], &d)
		require.Equal(t, c.loss, d.Loss, "%+v", c)
		require.Equal(t, c.txn, d.Txn, "%+v", c)
	}
	// What a transaction of unknown outcome had written before it wrote the row again is never left behind, and a delete of it may
	// be.
	e := unlogged("row3", "i")
	e.History.Transactions[7].Ops = append(e.History.Transactions[7].Ops, deleted("row3"))
	require.ErrorContains(t, errors.Join(Durability(e)...), string(UncommittedShows))
	e = unlogged("row0", "")
	e.History.Transactions[8].Ops = append(e.History.Transactions[8].Ops, deleted("row0"))
	require.Empty(t, Durability(e))
}

// Without a log, durability can be checked only where the system claims an order, and says what it needs where it does not.
func TestDurabilityNeedsALogOrClaims(t *testing.T) {
	end := ending()
	e := &Evidence{Transactions: end.History, Workload: &end.Workload, Audit: end.Audit}
	j := &Judgement{}
	j.durability(e)
	require.Equal(t, []Check{faults.Durability}, j.Made)
	require.Contains(t, e.Has(), Claims)
	end.History.Transactions[2].Order = 0
	j = &Judgement{}
	j.durability(e)
	require.Empty(t, j.Made)
	require.NotContains(t, e.Has(), Claims)
	require.Equal(t, "not checked: needs log or claims", NotMade{faults.Durability, e.lacks(faults.Durability)}.String())
	e.Audit = -1
	require.Equal(t, "not checked: needs audit", NotMade{faults.Durability, e.lacks(faults.Durability)}.String())
}

// What commits while the auditor reads is after it in the order, and nothing it has to show.
func TestDurabilityLeavesOutWhatCommittedDuringTheAudit(t *testing.T) {
	e := ending()
	x := &e.History.Transactions[7]
	e.Commits[x.Name] = 35
	e.read("row3", "")
	require.Empty(t, Durability(e))
	// Not so when it was acknowledged before the auditor began.
	x.Outcome, x.Order, x.End = linearizability.Committed, 36, 90
	require.NotEmpty(t, Durability(e))
}

// An auditor that scans sees what is there, what is missing, and what should not be there.
func TestDurabilityOfAScannedEnding(t *testing.T) {
	scanned := func(rows ...linearizability.Row) EndState {
		e := ending()
		e.Workload.Rows = 4
		e.History.Transactions[e.Audit].Ops = []linearizability.Op{
			{Kind: linearizability.Scan, Rows: rows[:2], More: true},
			{Kind: linearizability.Scan, From: rows[1].Key + "\x00", Rows: rows[2:]},
		}
		return e
	}
	row := func(key, value string) linearizability.Row { return linearizability.Row{Key: key, Value: value} }
	require.Empty(t, Durability(scanned(row("account0", "93@c"), row("account1", "107@d"), row("row0", "f"), row("row3", "i"))))
	for says, e := range map[string]EndState{
		`transaction 4, commit LSN 10: row "row0": an acknowledged transaction is gone: expected f of transaction 4, found none`: scanned(row("account0", "93@c"), row("account1", "107@d"), row("row3", "i")),
		`transaction 7, commit LSN 0: row "row2": an uncommitted value shows: expected none, found h of transaction 7 (aborted)`: scanned(row("account0", "93@c"), row("account1", "107@d"), row("row0", "f"), row("row2", "h"), row("row3", "i")),
		`row "stranger": a row holds what the order of commits does not explain: expected none, found k`:                         scanned(row("account0", "93@c"), row("account1", "107@d"), row("row0", "f"), row("row3", "i"), row("stranger", "k")),
	} {
		broken := Durability(e)
		require.Len(t, broken, 1)
		require.ErrorContains(t, broken[0], says)
	}
}
