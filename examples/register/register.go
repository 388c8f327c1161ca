// Package register is a replicated register for each key: multi-writer ABD (Lynch and Shvartsman 1997). Any node takes reads and
// writes, asks a majority for the newest version, and has a majority store the version that it answers with.
package register

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// System is the register on disks. InMemory is one that forgets when it crashes, and so is never crashed.
func System() harness.System   { return system("register", true, 3) }
func InMemory() harness.System { return system("register-in-memory", false, 2) }
func system(name string, disk bool, possible int) harness.System {
	expect := []faults.Check{faults.Linearizability, faults.Durability}
	bugs := []faults.PlantedBug{{Name: "bugNoWriteBack", Rule: "a majority stores what a read answers with", Expect: expect},
		{Name: "bugQuorumOfOne", Rule: "two quorums have a node in common", Expect: expect},
		{Name: "bugAnswerBeforeSync", Rule: "what is acknowledged is on the disk", Expect: expect}}
	return harness.Replicas{Name: name, What: "a register for each key on three nodes, each of which takes reads and writes",
		Disk: disk, Mix: workload.Registers(), Bugs: bugs[:possible], New: func(p harness.Place) node.Node {
			return &replica{place: p, disk: disk, copies: map[string]copied{}}
		}}.System()
}

// A version orders writes: by number, then by node. Two writes that one node makes at a time would have the same, or one made
// before a crash, still on its way, and one made after it; so the operation, which no other of the node ever has, is part of it.
type version [3]uint64

type copied struct { // what a node holds under a key
	Version version
	Exists  bool
	Bytes   []byte
}

func newest(of ...copied) copied {
	return slices.MaxFunc(of, func(a, b copied) int { return slices.Compare(a.Version[:], b.Version[:]) })
}

type message struct { // "ask", "store", and the answers to both
	Operation uint64
	Key       string
	Copy      copied
}
type operation struct { // a client's request under way: it asks, then stores
	message
	kind    string // of the message that it sends
	asked   node.Event
	answers map[node.ID]bool
}
type replica struct {
	place      harness.Place
	disk       bool
	damaged    bool // what it acknowledged is unreadable: it takes no part any more
	copies     map[string]copied
	owed       []func(*node.Effects) // answers that wait for the disk
	writing    int                   // how many of them the write under way is for
	operations []*operation          // at most 64: then the oldest, whose client has long given up, gives way
	last       uint64                // operation
}

func (r *replica) Step(_ node.Time, ev node.Event, out *node.Effects) {
	m, opaque := ev.Message.(*node.Opaque)
	switch q := ev.Request; {
	case ev.Kind == node.Started:
		r.last = uint64(ev.Incarnation) << 32
		for _, f := range ev.Files { // only one: a disk without it has acknowledged nothing
			n := max(len(f.Data), 8) - 8
			r.damaged = string(checksum(f.Data[:n])) != string(f.Data[n:]) || json.Unmarshal(f.Data[:n], &r.copies) != nil
		}
	case r.damaged:
	case ev.Kind == node.Requested && (q.Op == node.OpRead || q.Op == node.OpWrite) && len(q.Rows) == 1:
		r.last++
		r.operations = append(r.operations[max(0, len(r.operations)-63):], &operation{message{r.last, q.Rows[0].Key, copied{}}, "ask", ev, map[node.ID]bool{}})
		say("ask", r.operations[len(r.operations)-1].message, out, r.place.Members...) // once: its client asks again
	case ev.Kind == node.Requested:
		out.Respond(ev.From, node.Reply{ID: q.ID, Op: q.Op, Status: node.Refused, Reason: node.ReasonMalformed})
	case ev.Kind == node.DiskDone:
		for _, answer := range r.owed[:r.writing] {
			answer(out)
		}
		r.owed, r.writing = r.owed[r.writing:], 0
	case ev.Kind == node.Received && opaque:
		var about message
		if json.Unmarshal(m.Bytes, &about) == nil {
			r.receive(ev.From, m.Kind, about, out)
		}
	}
	if len(r.owed) > 0 && r.writing == 0 {
		r.writing = len(r.owed)
		data, _ := json.Marshal(r.copies) // numbers, strings and bytes
		out.Replace("copies", append(data, checksum(data)...), 1)
	}
}

func checksum(b []byte) []byte { return fmt.Appendf(nil, "%08x", crc32.ChecksumIEEE(b)) }

func say(kind string, m message, out *node.Effects, to ...node.ID) {
	data, _ := json.Marshal(m) // numbers, strings and bytes
	for _, id := range to {
		out.Send(id, &node.Opaque{Kind: kind, Bytes: data})
	}
}

func (r *replica) receive(from node.ID, kind string, m message, out *node.Effects) {
	switch kind {
	case "ask":
		m.Copy = r.copies[m.Key] // perhaps not durable yet: nobody answers a client with it before a majority has stored it
		say("ask-ok", m, out, from)
	case "store":
		r.copies[m.Key] = newest(r.copies[m.Key], m.Copy)
		if !r.disk || r.place.Hook.Planted("bugAnswerBeforeSync") {
			say("store-ok", m, out, from)
		}
		if r.disk { // whether it is new or not: what was read at a start may still be in the disk's cache
			r.owed = append(r.owed, func(out *node.Effects) { say("store-ok", m, out, from) })
		}
	}
	i := slices.IndexFunc(r.operations, func(o *operation) bool { return o.Operation == m.Operation && kind == o.kind+"-ok" })
	if i < 0 {
		return
	}
	o := r.operations[i]
	o.answers[from], o.Copy = true, newest(o.Copy, m.Copy)
	q, writes := &o.asked.Request, o.asked.Request.Op == node.OpWrite
	switch {
	case len(o.answers) <= len(r.place.Members)/2 && !r.place.Hook.Planted("bugQuorumOfOne"):
	case o.kind == "ask" && (writes || !r.place.Hook.Planted("bugNoWriteBack")):
		if writes {
			o.Copy = copied{version{o.Copy.Version[0] + 1, uint64(r.place.ID), o.Operation}, q.Rows[0].Value.Exists, []byte(q.Rows[0].Value.Bytes)}
		}
		o.kind, o.answers = "store", map[node.ID]bool{}
		say(o.kind, o.message, out, r.place.Members...)
	default:
		r.operations = slices.Delete(r.operations, i, i+1)
		out.Respond(o.asked.From, node.Reply{ID: q.ID, Op: q.Op, Status: node.OK, Value: node.Value{Bytes: string(o.Copy.Bytes), Exists: o.Copy.Exists}})
	}
}
