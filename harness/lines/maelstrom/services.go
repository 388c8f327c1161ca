package maelstrom

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/impl/node"
)

// A service is a node of ours that nodes may ask.
type service struct {
	name string
	make func(seed uint64) store
}

// services lists them. They stand outside of all zones, never crash, and are reached over the simulated network.
func services() []service {
	return []service{
		{"lin-kv", func(uint64) store { return &latest{states: timeline{}} }},
		{"seq-kv", func(seed uint64) store { return &sequential{states: timeline{}, seen: map[string]int{}, seed: seed} }},
		{"lww-kv", func(seed uint64) store { return newEventual(seed) }},
		{"lin-tso", func(uint64) store { return &oracle{} }},
	}
}

func isService(name string) bool {
	for _, s := range services() {
		if s.name == name {
			return true
		}
	}
	return false
}

// A store answers calls, one after the other.
type store interface {
	// handle returns the body of the answer. Who is the name of the one that asks, and number tells this call from all others.
	handle(who string, number uint64, b Body) Body
}

// A server is a service as a node: it answers each call once, and one that the network doubled by what it has answered before.
type server struct {
	place    *place
	name     string
	store    store
	calls    uint64
	answered map[caller]*node.Opaque
}

type caller struct {
	from       node.ID
	of, number uint32
}

// Step implements node.Node.
func (s *server) Step(_ node.Time, ev node.Event, out *node.Effects) {
	opaque, is := ev.Message.(*node.Opaque)
	if ev.Kind != node.Received || !is {
		return
	}
	var p parcel
	if err := json.Unmarshal(opaque.Bytes, &p); err != nil {
		panic(fmt.Sprintf("maelstrom: a message that was sent is none: %v", err)) // no fault of a plan changes its bytes
	}
	key := caller{ev.From, p.Of, p.Number}
	answer := s.answered[key]
	if answer == nil {
		answer = s.answer(&p)
		s.answered[key] = answer
	}
	out.Send(ev.From, answer)
}

func (s *server) answer(p *parcel) *node.Opaque {
	s.calls++
	b, err := decode(p.Body)
	if err != nil {
		panic(fmt.Sprintf("maelstrom: a body that was sent is none: %v", err)) // it was looked at when it was sent
	}
	reply := s.store.handle(p.Src, s.calls, b)
	if id, has := b["msg_id"]; has {
		reply["in_reply_to"] = id
	}
	return (&parcel{envelope: envelope{Src: s.name, Dest: p.Src, Body: encode(reply)}, Of: p.Of, Number: p.Number}).message()
}

// Error codes of services.
const (
	codeNotSupported = 10
	codeMalformed    = 12
	codeNoKey        = 20
	codeMismatch     = 22
)

func refusal(code int, text string) Body { return Body{"type": "error", "code": code, "text": text} }

// A stated is a value that a key has had.
type stated struct {
	at   int // the number of the state that it came with, from 1
	text string
}

// A timeline is what keys have had, in the order of the states: what a key has in a state is the last value of that state or one before.
type timeline map[string][]stated

func (h timeline) in(key string, state int) (string, bool) {
	all := h[key]
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].at <= state {
			return all[i].text, true
		}
	}
	return "", false
}

// forget drops what no state from a number on has.
func (h timeline) forget(key string, from int) {
	all := h[key]
	for len(all) > 1 && all[1].at <= from {
		all = all[1:]
	}
	h[key] = all
}

// canonical is a JSON value as two of them are compared by: with its keys in order, and without white space.
func canonical(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("maelstrom: a value that is no JSON: %v", err)) // it was decoded
	}
	return string(b)
}

// applied is how a call on a key-value store went: the answer, and what it writes.
type applied struct {
	reply  Body
	writes bool
	to     string
}

// changes tells whether the key has another value then.
func (a *applied) changes(current string, exists bool) bool {
	return a.writes && (!exists || a.to != current)
}

// apply carries a call out on what its key has.
func apply(b Body, current string, exists, creates bool) applied {
	field := func(key string) (string, bool) {
		v, has := b[key]
		return canonical(v), has
	}
	if _, has := b["key"]; !has {
		return applied{reply: refusal(codeMalformed, "expected a key, found none")}
	}
	switch b["type"] {
	case "read":
		if !exists {
			return applied{reply: refusal(codeNoKey, "key does not exist")}
		}
		return applied{reply: Body{"type": "read_ok", "value": json.RawMessage(current)}}
	case "write":
		to, has := field("value")
		if !has {
			return applied{reply: refusal(codeMalformed, "expected a value, found none")}
		}
		return applied{reply: Body{"type": "write_ok"}, writes: true, to: to}
	case "cas":
		from, hasFrom := field("from")
		to, hasTo := field("to")
		switch {
		case !hasFrom || !hasTo:
			return applied{reply: refusal(codeMalformed, "expected from and to")}
		case exists && from != current:
			return applied{reply: refusal(codeMismatch, fmt.Sprintf("current value %s is not %s", current, from))}
		case !exists && (!creates || b["create_if_not_exists"] != true):
			return applied{reply: refusal(codeNoKey, "key does not exist")}
		}
		return applied{reply: Body{"type": "cas_ok"}, writes: true, to: to}
	}
	return applied{reply: refusal(codeNotSupported, fmt.Sprintf("expected read, write or cas, found %v", b["type"]))}
}

// latest is a linearizable key-value store.
type latest struct {
	states timeline
	last   int
}

func (s *latest) handle(_ string, _ uint64, b Body) Body {
	key := canonical(b["key"])
	current, exists := s.states.in(key, s.last)
	o := apply(b, current, exists, true)
	if o.changes(current, exists) {
		s.last++
		s.states[key] = append(s.states[key], stated{s.last, o.to})
		s.states.forget(key, s.last)
	}
	return o.reply
}

// sequential is a sequentially consistent one: what changes nothing may take place in one of the last states, as long as nobody that asks
// goes back behind what it has seen. What changes something takes place in the newest.
type sequential struct {
	states timeline
	last   int
	seen   map[string]int // by who asks: the state that it has seen last
	seed   uint64
}

// kept is how many states a sequential store can go back by.
const kept = 32

func (s *sequential) handle(who string, number uint64, b Body) Body {
	key := canonical(b["key"])
	oldest := max(s.seen[who], s.last-kept+1)
	at := oldest + below(s.seed, number, s.last-oldest+1)
	current, exists := s.states.in(key, at)
	o := apply(b, current, exists, true)
	if !o.changes(current, exists) {
		s.seen[who] = at
		return o.reply
	}
	current, exists = s.states.in(key, s.last)
	if o = apply(b, current, exists, true); o.changes(current, exists) {
		s.last++
		s.states[key] = append(s.states[key], stated{s.last, o.to})
		s.states.forget(key, s.last-kept)
	}
	s.seen[who] = s.last
	return o.reply
}

// eventual is copies that answer by themselves and merge now and then, by the timestamps of their own clocks: of two writes of a key that
// met on two copies, one is lost.
type eventual struct {
	copies []replicaKV
	seed   uint64
}

// A replicaKV is one copy.
type replicaKV struct {
	clock  int
	values map[string]stated
}

// copies is how many of them there are.
const copies = 2

func newEventual(seed uint64) *eventual {
	e := &eventual{seed: seed}
	for range copies {
		e.copies = append(e.copies, replicaKV{values: map[string]stated{}})
	}
	return e
}

func (e *eventual) handle(_ string, number uint64, b Body) Body {
	draw := func(question uint64) *replicaKV { return &e.copies[below(e.seed^question, number, len(e.copies))] }
	from, into, asked := draw(1), draw(2), draw(3)
	into.clock = max(into.clock, from.clock)
	for key, v := range maps.All(from.values) {
		if own, has := into.values[key]; !has || own.at < v.at {
			into.values[key] = v
		}
	}
	key := canonical(b["key"])
	current, exists := asked.values[key]
	o := apply(b, current.text, exists, false)
	if o.writes {
		asked.values[key] = stated{asked.clock, o.to}
		asked.clock++
	}
	return o.reply
}

// oracle gives out timestamps, each once and each above those before.
type oracle struct{ next int }

func (o *oracle) handle(_ string, _ uint64, b Body) Body {
	if b["type"] != "ts" {
		return refusal(codeNotSupported, fmt.Sprintf("expected ts, found %v", b["type"]))
	}
	o.next++
	return Body{"type": "ts_ok", "ts": o.next - 1}
}

// below draws a number below n, the same for the same seed and question.
func below(seed, question uint64, n int) int {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d/%d", seed, question)
	return int(xxh3.Hash(b.Bytes()) % uint64(n))
}
