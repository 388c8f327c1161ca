package maelstrom

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/linearizability"
)

// The rules of transactions have the names that Adya and Elle have for the anomalies, such as G1a, G-single-realtime, lost-update
// or internal. The others are:
const (
	// WrongConsistency: the transactions could not be decided, or break the model in a way that has no name.
	WrongConsistency = "consistency"
	// UnknownConsistency: a check was asked for a model that it cannot decide.
	UnknownConsistency = "unknown-consistency-model"
)

// txnKeys is how many keys are in use at one time, as in Elle's generator.
const txnKeys = 10

func txnListAppend() Workload {
	return txnWorkload("txn-list-append", "append", "Clients run transactions that append unique elements to lists and read whole lists.")
}

func txnRWRegister() Workload {
	return txnWorkload("txn-rw-register", "w", "Clients run transactions that write unique values and read values.")
}

func txnWorkload(name, write, what string) Workload {
	return Workload{
		Name: name, What: what,
		Guarantee:   "The transactions have the consistency model that was asked for, which is strict serializability by default.",
		Consistency: consistencyNames(),
		Begin: func(p Parameters) (Session, error) {
			p, err := p.filled(name)
			if err != nil {
				return nil, err
			}
			if _, err := consistenciesOf(name, p.Consistency); err != nil {
				return nil, err
			}
			if p.KeyCount == 0 {
				p.KeyCount = txnKeys
			}
			return &txnSession{keys: newRotation(p.KeyCount, p.MaxWritesPerKey), write: write, shortest: p.MinTxnLength, longest: p.MaxTxnLength}, nil
		},
		Check: func(p Parameters, calls []Call) []Problem { return checkTxns(name, write, p, calls) },
		Count: figures,
	}
}

type txnSession struct {
	keys              *rotation
	write             string
	shortest, longest int
}

func (s *txnSession) Setup(int) []Body { return nil }

func (s *txnSession) Next(_ int, draw func(n int) int) Body {
	ops := make([]any, s.shortest+draw(s.longest-s.shortest+1))
	for i := range ops {
		key := s.keys.pick(draw)
		if draw(2) == 0 {
			ops[i] = []any{"r", number(int64(key)), nil}
			continue
		}
		key, value := s.keys.write(key)
		ops[i] = []any{s.write, number(int64(key)), number(int64(value))}
	}
	return Body{"type": "txn", "txn": ops}
}

func (s *txnSession) Final(int) Body { return nil }
func (s *txnSession) Answered(*Call) {}

// operations reads the operations of a transaction. Those of an answer have to be those that were asked for, with the reads
// filled in.
func operations(body Body, write string) ([]linearizability.Op, error) {
	list, err := body.list("txn")
	if err != nil {
		return nil, err
	}
	ops := make([]linearizability.Op, 0, len(list))
	for i, v := range list {
		op, _ := v.([]any)
		wrong := func(expected string) error {
			return &shapeError{expected + " as operation " + strconv.Itoa(i+1) + " of txn", show(v, true)}
		}
		if len(op) != 3 {
			return nil, wrong("an array of function, key and value")
		}
		key := text(op[1])
		switch op[0] {
		case write:
			kind := linearizability.Write
			if write == "append" {
				kind = linearizability.ListAppend
			}
			ops = append(ops, linearizability.Op{Kind: kind, Key: key, Value: text(op[2])})
		case "r":
			if write != "append" {
				read := linearizability.Op{Kind: linearizability.Read, Key: key, Found: op[2] != nil}
				if read.Found {
					read.Value = text(op[2])
				}
				ops = append(ops, read)
				continue
			}
			read := linearizability.Op{Kind: linearizability.ListRead, Key: key}
			elements, ok := op[2].([]any)
			if !ok && op[2] != nil {
				return nil, wrong("a read of an array, or of null,")
			}
			for _, e := range elements {
				read.List = append(read.List, text(e))
			}
			ops = append(ops, read)
		default:
			return nil, wrong(`the function "r" or "` + write + `"`)
		}
	}
	return ops, nil
}

// answers holds an answer's operations against those that were asked for.
func answers(asked, got []linearizability.Op) error {
	if len(asked) != len(got) {
		return &shapeError{fmt.Sprintf("the %d operations that were asked for in txn", len(asked)), strconv.Itoa(len(got))}
	}
	for i := range asked {
		a, g := &asked[i], &got[i]
		written := a.Kind == linearizability.Write || a.Kind == linearizability.ListAppend
		if a.Kind != g.Kind || a.Key != g.Key || written && a.Value != g.Value {
			return &shapeError{fmt.Sprintf("%v of key %s as operation %d of txn, as it was asked for", a.Kind, a.Key, i+1), fmt.Sprintf("%v of key %s", g.Kind, g.Key)}
		}
	}
	return nil
}

// txns are the calls as transactions, the ID of each the call's index. A transaction that was not answered may have happened,
// and says nothing of what it read. A client whose call had an unknown outcome is another session from then on, as in Jepsen.
func (f *findings) txns(write string, clients int) []linearizability.Txn {
	out := make([]linearizability.Txn, len(f.calls))
	session := map[int]int{}
	for i := range f.calls {
		c := &f.calls[i]
		if _, has := session[c.Client]; !has {
			session[c.Client] = c.Client
		}
		t := linearizability.Txn{ID: uint64(i), Client: session[c.Client], Begin: int64(c.Invoked), End: int64(c.Returned)}
		asked, err := operations(c.Request, write)
		if err != nil {
			asked = nil // no client of this workload asks so
		}
		answered := false
		if c.Outcome == OK {
			answer, err := c.answer()
			var got []linearizability.Op
			if err == nil {
				got, err = operations(answer, write)
			}
			if err == nil {
				err = answers(asked, got)
			}
			if err == nil {
				answered = true
				t.Outcome, t.Ops = linearizability.Committed, got
			} else {
				f.malformed(i, err)
			}
		}
		if !answered {
			t.Ops = slices.DeleteFunc(asked, func(op linearizability.Op) bool {
				return op.Kind == linearizability.Read || op.Kind == linearizability.ListRead
			})
			if c.Outcome == Failed {
				t.Outcome = linearizability.Aborted
			} else {
				t.End = linearizability.Unfinished
				session[c.Client] += clients
			}
		}
		out[i] = t
	}
	return out
}

func checkTxns(name, write string, p Parameters, calls []Call) []Problem {
	f := newFindings(calls)
	f.answered()
	asked, err := consistenciesOf(name, p.Consistency)
	if err != nil {
		f.undecided(UnknownConsistency, []int{}, "%v", err)
		return f.done()
	}
	clients := 1
	for i := range calls {
		clients = max(clients, calls[i].Client+1)
	}
	history := f.txns(write, clients)
	for _, model := range asked {
		if model.level == "" {
			f.dependencies(model, history)
			continue
		}
		f.level(model, history)
	}
	return f.done()
}

// level decides a model that package linearizability knows, and where it is broken tells the smallest part that already is.
func (f *findings) level(model consistency, history []linearizability.Txn) {
	limits := linearizability.SimulationLimits()
	ctx := context.Background()
	if !model.easy() && linearizability.CheckLevel(ctx, linearizability.StrictSerializable, history, limits).Verdict == linearizability.Legal {
		return // real time leaves little to search, and strict serializability implies every model
	}
	if !model.sessions {
		history = slices.Clone(history)
		for i := range history {
			history[i].Client = i
		}
	}
	result := linearizability.CheckLevel(ctx, model.level, history, limits)
	switch {
	case result.Verdict == linearizability.Legal, errors.Is(result.Reason, linearizability.ErrEmpty):
	case result.Verdict == linearizability.Unknown:
		f.undecided(WrongConsistency, []int{}, "whether %d transactions are %s could not be decided: %v", len(history), model.name, result.Reason)
	default:
		var v *linearizability.Violation
		recording := &linearizability.Recording{Model: linearizability.ModelTxn, Level: model.level, Txns: history}
		core := []int(nil)
		violation := result.Violation
		if e, err := recording.Explain(ctx, linearizability.ModelTxn, model.level, result, limits); err == nil {
			core, violation = e.Core, e.Violation
		}
		rule := WrongConsistency
		says := violation.Error()
		if errors.As(violation, &v) {
			told := *v
			if v.Txn < uint64(len(f.calls)) {
				told.Client = f.calls[v.Txn].Client
			}
			says = told.Error()
			if core == nil {
				core = v.Core
			}
			switch {
			case v.Class != "":
				rule = string(v.Class)
			case v.Anomaly != "":
				rule = string(v.Anomaly)
			}
			for _, e := range v.Cycle {
				core = append(core, e.FromIndex, e.ToIndex)
			}
		}
		slices.Sort(core)
		f.add(strings.ReplaceAll(rule, " ", "-"), slices.Compact(core), "the transactions, by the numbers of their calls, are not %s: %s", model.name, says)
	}
}
