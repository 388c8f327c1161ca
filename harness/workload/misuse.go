package workload

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/firstgap/firstgap/impl/node"
)

// A misuse is a request that no writer can carry out. Each has one reason that the writer must give, and must leave
// everything as it was.
type misuse uint8

const (
	longKey misuse = iota + 1 // larger than any page
	longValue
	manyRows // in one request
	noRows
	emptyKey
	twoKeys     // in one get
	strangeTxn  // one that was never begun
	noSavepoint // one that was never made
	commitAgain // after the end of the transaction, as all that follow
	abortAgain
	useAgain
	markAgain

	lastInside = noSavepoint
	lastMisuse = markAgain
)

var misuseNames = [...]string{"", "key too long", "value too long", "too many rows", "no rows", "empty key", "get of two keys",
	"unknown transaction", "unknown savepoint", "commit after the end", "abort after the end", "write after the end", "savepoint after the end"}

func (m misuse) String() string { return misuseNames[m] }

// hugeBytes is larger than any page.
const hugeBytes = 20_000

// tooManyRows is more than a request may have. Nothing changes the rows of a request.
var tooManyRows = sync.OnceValue(func() []node.Row {
	rows := make([]node.Row, 5000)
	for i := range rows {
		rows[i] = node.Row{Key: fmt.Sprint("wrong", i), Value: node.Some("wrong")}
	}
	return rows
})

// request makes the request.
func (m misuse) request(t node.Txn, key string) node.Request {
	put := node.Request{Op: node.OpPut, Txn: t, Rows: []node.Row{{Key: key, Value: node.Some("wrong")}}}
	switch m {
	case longKey:
		put.Rows[0].Key = strings.Repeat("k", hugeBytes)
	case longValue:
		put.Rows[0].Value = node.Some(strings.Repeat("v", hugeBytes))
	case manyRows:
		put.Rows = tooManyRows()
	case noRows:
		put.Rows = nil
	case emptyKey:
		put.Rows[0].Key = ""
	case twoKeys:
		put.Op = node.OpGet
		put.Rows = []node.Row{{Key: key}, {Key: key + "x"}}
	case strangeTxn:
		put.Txn = node.MakeTxn(t.Epoch(), 1<<31)
	case noSavepoint:
		return node.Request{Op: node.OpRollback, Txn: t, Savepoint: 1 << 20}
	case commitAgain:
		return node.Request{Op: node.OpCommit, Txn: t}
	case abortAgain:
		return node.Request{Op: node.OpAbort, Txn: t}
	case markAgain:
		return node.Request{Op: node.OpSavepoint, Txn: t}
	}
	return put
}

// reason is the one that the writer must give.
func (m misuse) reason(committed bool) node.Reason {
	switch m {
	case longKey, longValue, manyRows:
		return node.ReasonTooLarge
	case noRows, emptyKey, twoKeys:
		return node.ReasonMalformed
	case strangeTxn:
		return node.ReasonUnknownTxn
	case noSavepoint:
		return node.ReasonNoSavepoint
	}
	if committed {
		return node.ReasonCommitted
	}
	return node.ReasonRolledBack
}

// A ReplyError is an answer that no writer may give to what it was asked.
type ReplyError struct {
	Client   int
	Txn      node.Txn
	Op       node.Op
	Asked    string // what was wrong with the request, "" when nothing was
	Expected string
	Found    string
}

func (e *ReplyError) Error() string {
	asked := e.Op.String()
	if e.Asked != "" {
		asked += " (" + e.Asked + ")"
	}
	return fmt.Sprintf("client %d, transaction %s, %s: expected %s, found %s", e.Client, e.Txn, asked, e.Expected, e.Found)
}

// elsewhere tells that the answer is of a writer that does not have the transaction any more, or not yet, because another
// one took over.
func elsewhere(t node.Txn, r *node.Reply) bool {
	switch r.Reason {
	case node.ReasonFenced, node.ReasonAttached, node.ReasonNotOpen:
		return true
	case node.ReasonUnknownTxn:
		return r.Epoch != t.Epoch()
	}
	return false
}

// judgeMisuse returns what is wrong with the answer to a misuse.
func judgeMisuse(m misuse, committed bool, t node.Txn, r *node.Reply) (expected string, ok bool) {
	want := m.reason(committed)
	switch {
	case r.Status == node.Refused && r.Reason == want, r.Status != node.OK && elsewhere(t, r):
		return "", true
	case m <= lastInside && (r.Status == node.Aborted || r.Status == node.Refused && r.Reason == node.ReasonRolledBack):
		return "", true // for a reason of its own, such as that the client was silent for too long
	}
	return fmt.Sprintf("%s: %s", node.Refused, want), false
}

// reasons are those that a writer may have for not doing what it was properly asked to do.
func reasons(op node.Op, s node.Status) []node.Reason {
	switch s {
	case node.OK:
		return []node.Reason{node.ReasonNone}
	case node.Aborted:
		if op == node.OpBegin {
			return nil
		}
		return []node.Reason{node.ReasonNone, node.ReasonDeadlock, node.ReasonIdle, node.ReasonFenced, node.ReasonAttached, node.ReasonFull}
	case node.Unknown:
		if op == node.OpCommit {
			return []node.Reason{node.ReasonFenced, node.ReasonAttached}
		}
		return nil
	case node.Refused:
		all := []node.Reason{node.ReasonNotOpen, node.ReasonFenced, node.ReasonAttached, node.ReasonBusy}
		switch op {
		case node.OpBegin:
			return all
		case node.OpPut:
			return append(all, node.ReasonUnknownTxn, node.ReasonRolledBack, node.ReasonFull)
		}
		return append(all, node.ReasonUnknownTxn, node.ReasonRolledBack)
	}
	return nil
}

// judgeReply returns what is wrong with the answer to a proper request.
func judgeReply(op node.Op, r *node.Reply) (expected, found string, ok bool) {
	answer := func() string { return fmt.Sprintf("%s: %s", r.Status, r.Reason) } // for the few that are wrong
	allowed := reasons(op, r.Status)
	switch {
	case len(allowed) == 0:
		return "an answer that fits what was asked", answer(), false
	case !slices.Contains(allowed, r.Reason):
		texts := make([]string, len(allowed))
		for i, a := range allowed {
			texts[i] = a.String()
		}
		return fmt.Sprintf("%s with one of these reasons: %s", r.Status, strings.Join(texts, ", ")), answer(), false
	case r.Reason == node.ReasonDeadlock && len(r.Blockers) == 0:
		return "the transactions of the cycle that this one would have closed", "none", false
	case r.Reason == node.ReasonDeadlock && slices.Contains(r.Blockers, r.Txn):
		return "the other transactions of the cycle", "the transaction itself among them", false
	case op == node.OpScan && r.More && len(r.Rows) == 0:
		return "at least one row of a scan that has more", "none", false
	case op == node.OpSavepoint && r.Status == node.OK && r.Savepoint == 0:
		return "a savepoint's number, from 1 on", "0", false
	}
	return "", "", true
}
