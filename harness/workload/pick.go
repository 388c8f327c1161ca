package workload

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/node"
)

// A Pick is one transaction, query or call that a client begins where a workload says which ones its clients begin. It asks for what
// it would ask for without the others, and begins when it did among them: who leaves the others out does not change it.
type Pick struct {
	Client int `json:"client"` // its number
	Number int `json:"number"` // of the client's transactions, queries or calls, from 1
	// At is the time before which it does not begin: when it began in the run that it was picked from.
	At faults.Duration `json:"at,omitempty"`
	// Opens makes it the transaction that sets the accounts up, and a query the first of a stay at its reader.
	Opens bool `json:"opens,omitempty"`
	// Values is the number of the first value that it writes: values differ in length by their numbers.
	Values uint64 `json:"values,omitempty"`
	// Steps are those of its requests that are made, from 1, ascending, its begin and its end left out. Absent: all.
	Steps []int `json:"steps,omitzero"`
}

// makes tells whether it makes a step.
func (p *Pick) makes(step int) bool {
	return p.Steps == nil || slices.Contains(p.Steps, step)
}

// Picks are all that the clients of a run begin, by client and number, ascending. Nil is everything that the workload has.
type Picks []Pick

// Of returns the pick of a client with that number. Where nothing is picked, everything is.
func (p Picks) Of(client, number int) (Pick, bool) {
	if p == nil {
		return Pick{Client: client, Number: number}, true
	}
	i, found := slices.BinarySearchFunc(p, Pick{Client: client, Number: number}, Pick.Compare)
	if !found {
		return Pick{}, false
	}
	return p[i], true
}

// Next returns how much of at most so much a client has done when it comes to its next pick, and how long it is until that one begins: what
// is not picked counts as done.
func (p Picks) Next(client, done, most int, now node.Time) (at int, wait time.Duration) {
	for at = done; at < most; at++ {
		if pick, picked := p.Of(client, at+1); picked {
			return at, pick.Wait(now)
		}
	}
	return at, 0
}

// more tells whether a client has picks behind a number.
func (p Picks) more(client, number int) bool {
	i, _ := slices.BinarySearchFunc(p, Pick{Client: client, Number: number + 1}, Pick.Compare)
	return p == nil || i < len(p) && p[i].Client == client
}

// Compare orders picks by client and number.
func (p Pick) Compare(other Pick) int {
	return cmp.Or(cmp.Compare(p.Client, other.Client), cmp.Compare(p.Number, other.Number))
}

// maxPicks is more than a run within its limits begins.
const maxPicks = MaxClients * MaxTransactions

// Validate refuses picks that are out of order, or that no client could begin.
func (p Picks) Validate() error {
	if len(p) > maxPicks {
		return &Error{"only", strconv.Itoa(len(p)) + " picks", fmt.Sprintf("at most %d", maxPicks)}
	}
	for i, x := range p {
		at := fmt.Sprintf("only[%d]", i)
		switch {
		case x.Client < 1 || x.Number < 1:
			return &Error{at, fmt.Sprintf("client %d, number %d", x.Client, x.Number), "both from 1"}
		case i > 0 && p[i-1].Compare(x) >= 0:
			return &Error{at, fmt.Sprintf("client %d, number %d", x.Client, x.Number), "one behind the pick before it, by client and number"}
		case x.At < 0 || x.At > faults.Duration(time.Hour):
			return &Error{at + ".at", x.At.String(), "0s to 1h"}
		}
		for j, s := range x.Steps {
			if s < 1 || s > maxSteps || j > 0 && x.Steps[j-1] >= s {
				return &Error{at + ".steps", fmt.Sprint(x.Steps), fmt.Sprintf("numbers from 1 to %d, ascending", maxSteps)}
			}
		}
	}
	return nil
}

// maxSteps is more than any transaction has.
const maxSteps = MaxRows

// Begun is one transaction, query or call that a client began, as the pick that begins it again.
type Begun struct {
	Pick
	Requests int // that it comprises, its begin and its end left out
}

// All returns the numbers of its steps.
func (b *Begun) All() []int {
	if b.Steps != nil {
		return b.Steps
	}
	all := make([]int, b.Requests)
	for i := range all {
		all[i] = i + 1
	}
	return all
}

// Wait returns how long a client has to wait at a time before it begins a pick.
func (p *Pick) Wait(now node.Time) time.Duration {
	return max(0, time.Duration(p.At)-time.Duration(now))
}

// Begun returns what is begun now.
func (p Pick) Begun(now node.Time, requests int) Begun {
	p.At = faults.Duration(now)
	return Begun{Pick: p, Requests: requests}
}

// keep leaves the steps of a script that a pick makes. A way back to a savepoint that is not made is not made either.
func (s *script) keep(p *Pick) {
	if p.Steps == nil {
		return
	}
	var steps []step
	var made, left []int // numbers of the savepoints that there would be, and that there are
	for i, x := range s.steps {
		kept := p.makes(i + 1)
		switch {
		case x.marks:
			made = append(made, i)
			if kept {
				left = append(left, i)
			}
		case x.back > 0:
			made = made[:x.back]
			place := slices.Index(left, made[x.back-1])
			left = slices.DeleteFunc(left, func(n int) bool { return n > made[x.back-1] })
			if kept = kept && place >= 0; kept {
				x.back = place + 1
			}
		}
		if kept {
			steps = append(steps, x)
		}
	}
	var after []misuse
	for i, x := range s.after {
		if p.makes(len(s.steps) + i + 1) {
			after = append(after, x)
		}
	}
	s.steps, s.after = steps, after
}

// WithoutIdle returns a workload with no more clients, and transactions of each, than are picked.
func (w Workload) WithoutIdle() Workload {
	w.Clients, w.Transactions = w.Only.Most(w.Clients, w.Transactions)
	return w
}

// Most returns the highest numbers of clients and of what they begin that are picked, among so many clients and so much of each; at
// least 1. Where nothing is picked, that is all.
func (p Picks) Most(clients, each int) (int, int) {
	if p == nil {
		return clients, each
	}
	most, number := 1, 1
	for _, x := range p {
		if x.Client <= clients {
			most, number = max(most, x.Client), max(number, x.Number)
		}
	}
	return min(most, clients), min(number, each)
}
