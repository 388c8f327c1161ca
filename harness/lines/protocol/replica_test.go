package protocol_test

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/impl/node"
)

// replica is a register that a majority keeps (Attiya, Bar-Noy and Dolev 1995): whoever is asked reads the newest version from a majority,
// and has a majority keep what it answers or writes.
type replica struct {
	at      protocol.Place
	values  map[string]versioned // durable
	next    uint64               // number of an operation of this incarnation, and token of a replace
	asked   map[uint64]*operation
	waiting map[node.Token]func(*node.Effects) // what is done when a replace is durable
	born    uint32
}

type versioned struct {
	N      uint64
	By     node.ID
	Value  []byte
	Exists bool
}

func (a versioned) newer(b versioned) bool { return a.N > b.N || a.N == b.N && a.By > b.By }

type operation struct {
	client  node.ID
	request node.Request
	best    versioned
	writing bool
	from    []node.ID
}

// note is what replicas send each other.
type note struct {
	Op    uint64
	Born  uint32
	Key   string
	Value versioned
}

func newReplica(p protocol.Place) node.Node {
	return &replica{at: p, values: map[string]versioned{}, asked: map[uint64]*operation{}, waiting: map[node.Token]func(*node.Effects){}}
}

func (r *replica) State() node.State {
	return node.State{Role: "replica", Serving: true, Counters: []node.Counter{{Name: "operations", Value: r.next}}}
}

func (r *replica) TimerName(t node.Timer) string { return map[node.Timer]string{1: "again"}[t] }

const again = 20 * time.Millisecond

func (r *replica) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		r.born = ev.Incarnation
		for _, f := range ev.Files {
			if err := json.Unmarshal(f.Data, &r.values); err != nil {
				panic(err) // the runs of these tests damage no disk
			}
		}
		out.SetTimer(1, again)
	case node.Fired:
		for _, n := range r.open() {
			r.ask(n, out)
		}
		out.SetTimer(1, again)
	case node.Requested:
		r.next++
		r.asked[r.next] = &operation{client: ev.From, request: ev.Request}
		r.ask(r.next, out)
	case node.DiskDone:
		if do := r.waiting[ev.Token]; do != nil {
			delete(r.waiting, ev.Token)
			do(out)
		}
	case node.Received:
		o, is := ev.Message.(*node.Opaque)
		if !is {
			return
		}
		var n note
		if json.Unmarshal(o.Bytes, &n) == nil {
			r.received(ev.From, o.Kind, n, out)
		}
	}
}

// open lists the operations that go on, in their order: that of a map is another one each time.
func (r *replica) open() []uint64 {
	var all []uint64
	for n := range r.asked {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

func (r *replica) ask(n uint64, out *node.Effects) {
	o := r.asked[n]
	kind := "ask"
	if o.writing {
		kind = "keep"
	}
	for _, id := range r.at.Members {
		r.send(id, kind, note{n, r.born, o.request.Rows[0].Key, o.best}, out)
	}
}

func (r *replica) send(to node.ID, kind string, n note, out *node.Effects) {
	text, err := json.Marshal(n)
	if err != nil {
		panic(err)
	}
	out.Send(to, &node.Opaque{Kind: kind, Bytes: text})
}

func (r *replica) received(from node.ID, kind string, n note, out *node.Effects) {
	switch kind {
	case "ask":
		r.send(from, "told", note{n.Op, n.Born, n.Key, r.values[n.Key]}, out)
	case "keep":
		answer := func(out *node.Effects) { r.send(from, "kept", n, out) }
		if !n.Value.newer(r.values[n.Key]) {
			// What is newer may be on its way to the disk: a replace that is begun later is durable later.
		} else {
			r.values[n.Key] = n.Value
		}
		text, err := json.Marshal(r.values)
		if err != nil {
			panic(err)
		}
		r.next++
		out.Replace("values", text, node.Token(r.next))
		r.waiting[node.Token(r.next)] = answer
	case "told", "kept":
		o := r.asked[n.Op]
		if o == nil || n.Born != r.born || o.writing != (kind == "kept") || slices.Contains(o.from, from) {
			return
		}
		o.from = append(o.from, from)
		if kind == "told" && n.Value.newer(o.best) {
			o.best = n.Value
		}
		if len(o.from) <= len(r.at.Members)/2 {
			return
		}
		if o.writing {
			delete(r.asked, n.Op)
			out.Respond(o.client, node.Reply{ID: o.request.ID, Op: o.request.Op, Status: node.OK, Value: node.Value{Bytes: string(o.best.Value), Exists: o.best.Exists}})
			return
		}
		o.writing, o.from = true, nil
		if row := o.request.Rows[0]; o.request.Op == node.OpWrite {
			o.best = versioned{o.best.N + 1, r.at.ID, []byte(row.Value.Bytes), row.Value.Exists}
		}
		r.ask(n.Op, out)
	}
}
