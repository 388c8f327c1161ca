package maelstrom

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/firstgap/firstgap/linearizability"
)

// NotLinearizable: the calls on a key have no order that keeps real time and explains every answer.
const NotLinearizable = "not-linearizable"

func linKV() Workload {
	return Workload{
		Name:      "lin-kv",
		What:      "Clients read, write and compare-and-set the values of a few keys, many clients one key, and after the faults read all keys.",
		Guarantee: "The calls on each key are linearizable: each takes effect at one moment between its request and its answer.",
		Begin:     beginLinKV,
		Check:     func(_ Parameters, calls []Call) []Problem { return checkLinKV(calls) },
		Count:     figures,
	}
}

// linKVSession divides the clients into groups. A group works on one key until that has had its calls, and then on the next one.
// Half of a group only reads, as in Jepsen's workload of linearizable registers.
type linKVSession struct {
	groups  []group
	clients int
	nodes   int
	fresh   int         // the next key
	most    int         // calls of a key
	final   map[int]int // by client, the key that it reads next after the faults
}

// finalKeys is how many keys each client reads after the faults, the newest ones. Maelstrom's clients do not: what was acknowledged and
// is gone after a crash is missed where no call on its key came later.
const finalKeys = 100

type group struct {
	key, calls int
}

// linKVValues is how many values there are: so few that a compare-and-set often finds the value that it expects.
const linKVValues = 5

func beginLinKV(p Parameters) (Session, error) {
	p, err := p.filled("lin-kv")
	if err != nil {
		return nil, err
	}
	if p.KeyCount == 0 {
		p.KeyCount = max(1, p.Clients/(2*len(p.Nodes)))
	}
	s := &linKVSession{groups: make([]group, min(p.KeyCount, p.Clients)), clients: p.Clients, nodes: len(p.Nodes), most: p.OpsPerKey, final: map[int]int{}}
	for g := range s.groups {
		s.groups[g].key = s.fresh
		s.fresh++
	}
	return s, nil
}

func (s *linKVSession) Setup(int) []Body { return nil }

func (s *linKVSession) Next(client int, draw func(n int) int) Body {
	g := &s.groups[client%len(s.groups)]
	if g.calls == s.most {
		*g = group{key: s.fresh}
		s.fresh++
	}
	g.calls++
	key := number(int64(g.key))
	value := func() any { return number(int64(draw(linKVValues))) }
	if s.reads(client, draw) {
		return Body{"type": "read", "key": key}
	}
	if draw(3) == 0 {
		return Body{"type": "write", "key": key, "value": value()}
	}
	return Body{"type": "cas", "key": key, "from": value(), "to": value()}
}

// reads tells whether the client reads: every second one of a group always does, for a node each; a client that has no
// other beside it does so half of the time.
func (s *linKVSession) reads(client int, draw func(n int) int) bool {
	size := (s.clients - client%len(s.groups) + len(s.groups) - 1) / len(s.groups)
	if size < 2*s.nodes {
		return draw(2) == 0
	}
	return (client/len(s.groups)/s.nodes)%2 == 0
}

func (s *linKVSession) Final(client int) Body {
	key := max(s.final[client], s.fresh-finalKeys)
	if key >= s.fresh {
		return nil
	}
	s.final[client] = key + 1
	return Body{"type": "read", "key": number(int64(key))}
}

func (s *linKVSession) Answered(*Call) {}

// checkLinKV decides every key by itself. Two errors are answers: 20 says that the key has no value, and 22, of a
// compare-and-set, that it has another one than was expected. An answer null says that there is no value.
func checkLinKV(calls []Call) []Problem {
	f := newFindings(calls)
	f.answered()
	keys := map[string]*registerCalls{}
	for i := range calls {
		c, err := readLinKV(&calls[i])
		if err != nil {
			f.malformed(i, err)
		}
		if c == nil {
			continue
		}
		r := keys[c.Key]
		if r == nil {
			r = &registerCalls{}
			keys[c.Key] = r
		}
		r.history = append(r.history, *c)
		r.index = append(r.index, i)
	}
	for _, key := range sorted(keys) {
		f.linearizable(key, keys[key])
	}
	return f.done()
}

// registerCalls are the calls on one key and which of the run's calls they are.
type registerCalls struct {
	history []linearizability.Call
	index   []int
}

// readLinKV is the call as it is to be decided; nil when it says nothing.
func readLinKV(c *Call) (*linearizability.Call, error) {
	out := &linearizability.Call{Client: c.Client, Begin: int64(c.Invoked), End: int64(c.Returned), Key: text(c.Request["key"])}
	answered := c.Outcome == OK
	var answer Body
	var err error
	if answered {
		if answer, err = c.answer(); err != nil {
			answered = false
		}
	}
	absent := c.Outcome == Failed && c.Code == keyDoesNotExist
	switch kind := c.kind(); {
	case kind == "read" && answered:
		v, err := answer.value("value")
		if err != nil {
			return nil, err
		}
		out.Kind, out.Found = linearizability.Get, v != nil
		if out.Found {
			out.Value = text(v)
		}
		return out, nil
	case (kind == "read" || kind == "cas") && absent:
		out.Kind = linearizability.Get
		return out, nil
	case kind == "write" && c.Outcome != Failed:
		out.Kind, out.Value = linearizability.Put, text(c.Request["value"])
	case kind == "cas" && c.Outcome != Failed:
		out.Kind, out.From, out.Value, out.Swapped = linearizability.CompareAndSwap, text(c.Request["from"]), text(c.Request["to"]), true
	case kind == "cas" && c.Code == preconditionFailed:
		out.Kind, out.From, out.Value = linearizability.CompareAndSwap, text(c.Request["from"]), text(c.Request["to"])
		return out, nil
	default:
		return nil, err
	}
	if !answered {
		out.Unknown, out.End, out.Swapped = true, linearizability.Unfinished, false
	}
	return out, err
}

// linearizable decides one key, and where it is broken tells the smallest part of its calls that already is.
func (f *findings) linearizable(key string, r *registerCalls) {
	limits := linearizability.SimulationLimits()
	recording := &linearizability.Recording{Model: linearizability.ModelRegister, Calls: r.history}
	result := linearizability.CheckCalls(context.Background(), linearizability.ModelRegister, r.history, linearizability.Options{}, limits)
	switch {
	case result.Verdict == linearizability.Legal, errors.Is(result.Reason, linearizability.ErrEmpty):
	case result.Verdict == linearizability.Unknown:
		f.undecided(NotLinearizable, r.index[:min(len(r.index), 1)], "key %s: %s calls could not be decided: %v", key, strconv.Itoa(len(r.index)), result.Reason)
	default:
		violation := result.Violation
		var core []int
		if f.count[NotLinearizable] < problemsPerRule {
			if e, err := recording.Explain(context.Background(), linearizability.ModelRegister, "", result, limits); err == nil {
				core, violation = e.Core, e.Violation
			}
		}
		var broken *linearizability.CallViolation
		if core == nil && errors.As(violation, &broken) {
			core = broken.Core
		}
		f.add(NotLinearizable, r.of(core), "key %s is not linearizable: expected an order of its calls that keeps real time and explains every answer, and there is none: %v", key, violation)
	}
}

// of translates indices of the history into those of the run's calls.
func (r *registerCalls) of(core []int) []int {
	out := make([]int, 0, len(core))
	for _, i := range core {
		if i >= 0 && i < len(r.index) {
			out = append(out, r.index[i])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
