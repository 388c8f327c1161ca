// Package workload is the clients of a simulated run: what they ask of the writers, and what they saw.
//
// Each client runs one transaction after the other. What a transaction does is a function of the run's seed, the
// client's number and the transaction's number, never of what happened before it: a fault that is removed from a plan
// does not change what the clients want. A client records what it was told and nothing else, so that its history may be
// held against the system: a commit without an answer is of unknown outcome, also where the log has it.
//
// Use harness.Replicas instead when an engineer only needs clients for a system: it makes them. This package is for a
// system that makes its own.
package workload

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/firstgap/firstgap/faults"
)

// A Workload says what the clients of a run do. It is plain JSON; durations are of virtual time.
type Workload struct {
	Clients      int             `json:"clients"`
	Transactions int             `json:"transactions"` // of each client; it starts no more than these
	Accounts     int             `json:"accounts"`     // rows whose sum every transaction keeps
	Rows         int             `json:"rows"`         // further rows, to be written at will
	Churn        int             `json:"churn"`        // rows that come and go by the run, to split pages and merge them
	KeyBytes     int             `json:"keyBytes"`     // length of the keys of these
	ValueBytes   int             `json:"valueBytes"`   // how long a value is at most, or as long as it must be
	Balance      int             `json:"balance"`      // of each account when it is set up
	Think        faults.Duration `json:"think"`        // between two transactions of a client, on average
	Timeout      faults.Duration `json:"timeout"`      // for one answer, after which the client tries another writer
	Mix          Mix             `json:"mix"`
	// Only are the transactions, and the queries of readers, that clients begin. Absent: all.
	Only Picks `json:"only,omitzero"`
}

// A Mix weighs the kinds of transactions against each other.
type Mix struct {
	Transfer int `json:"transfer"` // moves an amount between two accounts
	Put      int `json:"put"`      // writes one row, blindly
	MultiPut int `json:"multiPut"` // writes several rows as one mini-transaction
	Delete   int `json:"delete"`   // deletes a row, and may write it again
	Rewrite  int `json:"rewrite"`  // writes a row twice
	Read     int `json:"read"`     // reads several rows, or all accounts
	Abort    int `json:"abort"`    // writes, and takes it back by choice
	Tangle   int `json:"tangle"`   // reads and writes a few rows in an order that invites deadlocks
	Silent   int `json:"silent"`   // writes, and is never heard of again

	Scan      int `json:"scan"`      // reads ranges, and what it has put into them
	Churn     int `json:"churn"`     // inserts or deletes neighbouring rows
	Savepoint int `json:"savepoint"` // goes back to savepoints, and on from there
	Long      int `json:"long"`      // reads, scans and writes many times
	Wrong     int `json:"wrong"`     // asks for what cannot be had
}

// kind is what a transaction is for.
type kind uint8

const (
	transfer kind = iota
	put
	multiPut
	remove
	rewrite
	read
	abort
	tangle
	silent
	scan
	churn
	savepoint
	long
	wrong
	setup
	probe
	audit
	room
)

var kindNames = [...]string{"transfer", "put", "multi-put", "delete", "rewrite", "read", "abort", "tangle", "silent",
	"scan", "churn", "savepoint", "long", "wrong", "setup", "probe", "audit", "room"}

func (k kind) String() string { return kindNames[k] }

// weights lists the mix by kind.
func (m Mix) weights() [setup]int {
	return [setup]int{m.Transfer, m.Put, m.MultiPut, m.Delete, m.Rewrite, m.Read, m.Abort, m.Tangle, m.Silent,
		m.Scan, m.Churn, m.Savepoint, m.Long, m.Wrong}
}

// An Error says which field of a workload makes no sense.
type Error struct {
	Field string // as in JSON
	Found string
	Want  string
}

func (e *Error) Error() string {
	return fmt.Sprintf("workload: %s is %s, want %s", e.Field, e.Found, e.Want)
}

// Limits of a workload. They keep a generated run small, and a mistyped one from taking the machine's memory.
const (
	MaxClients      = 64
	MaxTransactions = 10_000
	MaxRows         = 10_000
	MaxBytes        = 4096 // of a key, and of a value
)

// Validate refuses a workload that no client could run.
func (w Workload) Validate() error {
	for _, f := range []struct {
		field           string
		found, min, max int
	}{
		{"clients", w.Clients, 1, MaxClients},
		{"transactions", w.Transactions, 1, MaxTransactions},
		{"accounts", w.Accounts, 2, MaxRows},
		{"rows", w.Rows, 1, MaxRows},
		{"balance", w.Balance, 0, 1_000_000},
		{"churn", w.Churn, 0, MaxRows},
		{"keyBytes", w.KeyBytes, 0, MaxBytes},
		{"valueBytes", w.ValueBytes, 0, MaxBytes},
	} {
		if f.found < f.min || f.found > f.max {
			return &Error{f.field, strconv.Itoa(f.found), fmt.Sprintf("%d to %d", f.min, f.max)}
		}
	}
	for _, f := range []struct {
		field string
		found faults.Duration
	}{{"think", w.Think}, {"timeout", w.Timeout}} {
		if f.found < faults.Duration(time.Microsecond) || f.found > faults.Duration(time.Hour) {
			return &Error{f.field, f.found.String(), "1µs to 1h"}
		}
	}
	if w.Mix.Churn > 0 && w.Churn == 0 {
		return &Error{"churn", "0", "at least 1 where the mix has churn"}
	}
	sum := 0
	for i, n := range w.Mix.weights() {
		if n < 0 || n > 1000 {
			return &Error{"mix: " + kind(i).String(), strconv.Itoa(n), "0 to 1000"}
		}
		sum += n
	}
	if sum == 0 {
		return &Error{"mix", "all zero", "at least one kind of transaction above zero"}
	}
	return w.Only.Validate()
}

// Sum is what the accounts hold together once they are set up.
func (w Workload) Sum() int { return w.Accounts * w.Balance }

// Account returns the key of account i, from 0 on.
func Account(i int) string { return accountPrefix + strconv.Itoa(i) }

// Row returns the key of row i, from 0 on.
func Row(i int) string { return rowPrefix + strconv.Itoa(i) }

// ChurnRow returns the key of row i, from 0 on, of those that come and go. They are in the order of their numbers, and differ only at
// their ends: of keys that differ early an inner page needs a few bytes each, and no tree of a run has more than two levels.
func (w Workload) ChurnRow(i int) string {
	digits := strconv.Itoa(i)
	row := append(make([]byte, 0, max(w.KeyBytes, len(churnPrefix)+churnDigits, len(churnPrefix)+len(digits))), churnPrefix...)
	for range w.KeyBytes - len(churnPrefix) - max(churnDigits, len(digits)) {
		row = append(row, 'k')
	}
	for range churnDigits - len(digits) {
		row = append(row, '0')
	}
	return string(append(row, digits...))
}

// churnDigits is how many digits the number of a row that comes and goes has at least.
const churnDigits = 5

// The keys of a kind of rows begin alike.
const (
	accountPrefix = "account"
	churnPrefix   = "churn"
	rowPrefix     = "row"
)

// ProbeRow is the row that an Auditor writes to see whether anything goes at all.
const ProbeRow = "probe"

// Keys lists every row that a client of this workload may write.
func (w Workload) Keys() []string {
	keys := make([]string, 0, w.Accounts+w.Rows+w.Churn+1)
	for i := range w.Accounts {
		keys = append(keys, Account(i))
	}
	for i := range w.Rows {
		keys = append(keys, Row(i))
	}
	for i := range w.Churn {
		keys = append(keys, w.ChurnRow(i))
	}
	return append(keys, ProbeRow)
}

// tagged makes the value of one write unlike that of any other: who wrote it, and its number there. It is padded to some
// length up to the workload's.
func (w Workload) tagged(client int, n uint64) string {
	tag := "c" + strconv.Itoa(client) + "." + strconv.FormatUint(n, 10)
	if room := w.ValueBytes - balanceBytes - len(tag); room > 0 {
		d := newDice(n, client, 0)
		if pad := d.below(room); pad > 0 {
			tag += "." + strings.Repeat("v", pad)
		}
	}
	return tag
}

// balanceBytes is how much a balance takes before its tag.
const balanceBytes = 12

// MostBytes returns the size of the largest row that a client of this workload writes: key and value.
func (w Workload) MostBytes() int {
	key := max(len(Account(w.Accounts)), len(Row(w.Rows)), len(ProbeRow), len(w.ChurnRow(w.Churn)))
	return key + max(w.ValueBytes, balanceBytes+len("c99.99999999"))
}

// balance writes what an account holds, made unique by its tag.
func balance(amount int, tag string) string { return strconv.Itoa(amount) + "@" + tag }

// Balance reads what an account holds.
func Balance(value string) (int, error) {
	amount, _, ok := strings.Cut(value, "@")
	if !ok {
		return 0, fmt.Errorf("workload: balance %q, want an amount, @ and the tag of its write", value)
	}
	n, err := strconv.Atoi(amount)
	if err != nil {
		return 0, fmt.Errorf("workload: balance %q: %w", value, err)
	}
	return n, nil
}
