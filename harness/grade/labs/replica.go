package labs

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/impl/node"
)

// A replica is the reference of lab 1: a multi-writer register for each key. Whichever node a client asks hears a read quorum for the
// newest copy, and has a write quorum store the copy that it answers with: of a write, the new one.
type replica struct {
	place      protocol.Place
	copies     map[string]copied // as written, or on their way to the disk
	damaged    bool              // the disk can not be read: it takes no part any more
	owed       []func(*node.Effects)
	writing    int // how many of what is owed wait for the write under way
	operations []*operation
	last       uint64 // operation; the incarnation is in its upper half, so that none comes twice
}

// A version orders writes: by number, then by node, then by the node's operation, for it may write twice at a time.
type version [3]uint64

// copied is what a node holds under a key.
type copied struct {
	Version version
	Exists  bool
	Bytes   []byte
}

// said is what messages carry, in JSON.
type said struct {
	Operation uint64
	Key       string
	Copy      copied
}

// An operation is a client's request under way: it asks for copies, and then has one stored.
type operation struct {
	said
	phase   string // "ask" or "store"
	request node.Event
	heard   []node.ID
	answers []copied
}

// mostOperations bounds what a node has under way; the oldest, whose client has long given up, gives way.
const mostOperations = 64

func newReplica(p protocol.Place) node.Node { return &replica{place: p, copies: map[string]copied{}} }

func (r *replica) planted(bug string) bool { return r.place.Hook != nil && r.place.Hook.Planted(bug) }

// State implements node.Teller.
func (r *replica) State() node.State {
	return node.State{Role: string(protocol.Replica), Serving: !r.damaged, Damaged: r.damaged}
}

// Step implements node.Node.
func (r *replica) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		r.start(ev)
	case node.Requested:
		r.requested(ev, out)
	case node.DiskDone:
		for _, answer := range r.owed[:r.writing] {
			answer(out)
		}
		r.owed, r.writing = r.owed[r.writing:], 0
	case node.Received:
		var m said
		if o, is := ev.Message.(*node.Opaque); is && !r.damaged && json.Unmarshal(o.Bytes, &m) == nil {
			r.received(ev.From, o.Kind, m, out)
		}
	}
	if len(r.owed) > 0 && r.writing == 0 {
		r.writing = len(r.owed)
		data := r.encoded(r.copies)
		out.Replace("copies", append(data, checksum(data)...), 1)
	}
}

func (r *replica) start(ev node.Event) {
	r.last = uint64(ev.Incarnation) << 32
	for _, f := range ev.Files {
		n := max(len(f.Data)-8, 0)
		r.damaged = string(checksum(f.Data[:n])) != string(f.Data[n:]) || json.Unmarshal(f.Data[:n], &r.copies) != nil
	}
}

func (r *replica) requested(ev node.Event, out *node.Effects) {
	q := &ev.Request
	if (q.Op != node.OpRead && q.Op != node.OpWrite) || len(q.Rows) != 1 {
		out.Respond(ev.From, node.Reply{ID: q.ID, Op: q.Op, Status: node.Refused, Reason: node.ReasonMalformed})
		return
	}
	if r.damaged {
		return
	}
	r.last++
	o := &operation{said: said{Operation: r.last, Key: q.Rows[0].Key}, phase: "ask", request: ev}
	r.operations = append(r.operations[max(0, len(r.operations)-mostOperations+1):], o)
	r.say(o.phase, o.said, out, r.place.Members...)
}

// say sends once: a client that is not answered asks again.
func (r *replica) say(kind string, m said, out *node.Effects, to ...node.ID) {
	data := r.encoded(m)
	for _, id := range to {
		out.Send(id, &node.Opaque{Kind: kind, Bytes: data})
	}
}

func (r *replica) encoded(of any) []byte {
	data, err := json.Marshal(of)
	if err != nil {
		panic(fmt.Sprintf("labs: %v", err)) // numbers, strings and bytes
	}
	return data
}

func checksum(b []byte) []byte { return fmt.Appendf(nil, "%08x", crc32.ChecksumIEEE(b)) }

func (r *replica) received(from node.ID, kind string, m said, out *node.Effects) {
	switch kind {
	case "ask":
		m.Copy = r.copies[m.Key] // it may not be durable yet: no client is told of it before a quorum has stored it
		r.say("ask-ok", m, out, from)
	case "store":
		r.store(from, m, out)
	case "ask-ok", "store-ok":
		r.answered(from, kind, m, out)
	}
}

func (r *replica) store(from node.ID, m said, out *node.Effects) {
	if old := r.copies[m.Key]; slices.Compare(m.Copy.Version[:], old.Version[:]) > 0 || r.planted(bugOlderOverwrites) {
		r.copies[m.Key] = m.Copy
	}
	if r.planted(bugAnswerBeforeSync) {
		r.say("store-ok", m, out, from)
	}
	r.owed = append(r.owed, func(out *node.Effects) { r.say("store-ok", m, out, from) })
}

func (r *replica) answered(from node.ID, kind string, m said, out *node.Effects) {
	i := slices.IndexFunc(r.operations, func(o *operation) bool {
		return o.Operation == m.Operation && (o.phase+"-ok" == kind || r.planted(bugOldAnswersCount))
	})
	if i < 0 {
		return
	}
	o := r.operations[i]
	if slices.Contains(o.heard, from) {
		return
	}
	o.heard, o.answers = append(o.heard, from), append(o.answers, m.Copy)
	if len(o.heard) < r.quorum(o.phase) {
		return
	}
	writes := o.request.Request.Op == node.OpWrite
	if o.phase == "ask" {
		o.Copy = r.newest(o.answers)
		if writes {
			o.Copy = r.next(o)
		}
		if writes || !r.planted(bugNoWriteBack) {
			o.phase, o.heard, o.answers = "store", nil, nil
			r.say("store", o.said, out, r.place.Members...)
			return
		}
	}
	r.operations = slices.Delete(r.operations, i, i+1)
	q := &o.request.Request
	out.Respond(o.request.From, node.Reply{ID: q.ID, Op: q.Op, Status: node.OK, Value: node.Value{Bytes: string(o.Copy.Bytes), Exists: o.Copy.Exists}})
}

// quorum is how many nodes a phase waits for: any two quorums have a node in common.
func (r *replica) quorum(phase string) int {
	switch {
	case r.planted(bugWaitsForAll):
		return len(r.place.Members)
	case phase == "ask" && r.planted(bugReadQuorumOfOne), phase == "store" && r.planted(bugWriteQuorumOfOne):
		return 1
	}
	return len(r.place.Members)/2 + 1
}

// newest is the copy that a quorum's answers come to: the one with the highest version.
func (r *replica) newest(answers []copied) copied {
	if r.planted(bugMajorityVote) {
		return answers[0] // of two that differ, neither has a majority
	}
	return slices.MaxFunc(answers, func(a, b copied) int { return slices.Compare(a.Version[:], b.Version[:]) })
}

// next is the copy that a write has stored: its version is above all that a read quorum has.
func (r *replica) next(o *operation) copied {
	value := o.request.Request.Rows[0].Value
	v := version{o.Copy.Version[0] + 1, uint64(r.place.ID), o.Operation}
	if r.planted(bugOwnVersion) {
		v[0] = o.Operation // a count of its own
	}
	if r.planted(bugTiesUndecided) {
		v = version{v[0]}
	}
	return copied{Version: v, Exists: value.Exists, Bytes: []byte(value.Bytes)}
}
