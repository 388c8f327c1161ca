// Command register is a replicated register for each key: the versioned quorum register (multi-writer ABD, Lynch and Shvartsman 1997).
//
// Any node takes reads and writes. It asks a majority for the newest version, then has a majority store the version that it answers
// with: a write's own, which is newer, or, for a read, the one it found, or else a later read could ask another majority and find an
// older one.
package main

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	firstgap "github.com/firstgap/firstgap/harness/lines/clients/go"
)

const retryTimer, retryEvery = 1, 15 * time.Millisecond

type request struct {
	Op   string
	Rows []struct{ Key, Value json.RawMessage }
}

type copied struct { // what a node holds under a key
	Version [3]int          // a number, the node that made it, and that node's operation: no two writes have the same
	Value   json.RawMessage // as the request had it
}

type message struct { // "ask", "store", and the answers to both
	Number int    // the operation
	Key    string // as the request had it
	Copy   copied
}

// An operation is a client's request under way: it asks, then stores. A crash loses it, and its client asks again.
type operation struct {
	message
	request
	text     []byte // of the request
	client   int
	phase    string
	answered map[int]bool
}

type owed struct{ to, number int } // who is to hear that a copy is stored once the disk has it

type register struct {
	*firstgap.Process
	copies        map[string]copied // by key
	operations    []*operation      // in the order in which they began
	owed, writing []owed            // those who wait, and those for whom the write under way is
	writes        int               // numbers the writes of this incarnation
	last          int               // operation: no other of this node ever has its number
	broken        bool              // what this node has acknowledged is lost to it, so it takes no part any more
}

func main() {
	firstgap.Run(func(p *firstgap.Process) firstgap.Node {
		p.Timers[retryTimer] = "retry"
		return &register{Process: p, copies: map[string]copied{}}
	})
}

func (r *register) OnStart(incarnation int, files []firstgap.File) {
	r.last = incarnation << 32
	for _, f := range files { // a disk without it has acknowledged nothing
		n := max(len(f.Data), 8) - 8
		if r.broken = checksum(f.Data[:n]) != f.Data[n:]; !r.broken {
			firstgap.Decode([]byte(f.Data[:n]), &r.copies)
		}
	}
}

func (r *register) OnRequest(client int, text []byte) {
	o := &operation{text: text, client: client, phase: "ask", answered: map[int]bool{}}
	firstgap.Decode(text, &o.request)
	switch {
	case r.broken:
	case o.Op != "read" && o.Op != "write" || len(o.Rows) != 1:
		r.Respond(client, text, firstgap.Fields{"status": "refused", "reason": "malformed"})
	default:
		r.last++
		o.Number, o.Key = r.last, string(o.Rows[0].Key)
		r.operations = append(r.operations[max(0, len(r.operations)-63):], o) // the oldest one's client has long given up
		r.goOn(o)
		r.SetTimer(retryTimer, retryEvery)
	}
}

// goOn sends the operation's message to all who have not answered it: messages are lost.
func (r *register) goOn(o *operation) {
	for _, m := range r.Members {
		if !o.answered[m] {
			r.Send(m, o.phase, o.message)
		}
	}
}

func (r *register) OnTimer(int) {
	for _, o := range r.operations {
		r.goOn(o)
	}
	if len(r.operations) > 0 {
		r.SetTimer(retryTimer, retryEvery)
	}
}

func (r *register) OnMessage(sender int, kind string, body []byte) {
	var m message
	firstgap.Decode(body, &m)
	i := slices.IndexFunc(r.operations, func(o *operation) bool { return o.Number == m.Number && kind == o.phase+"-ok" })
	switch {
	case r.broken:
	case kind == "ask": // what it has may not be durable yet: the client hears of it only when a majority has stored it
		m.Copy = r.copies[m.Key]
		r.Send(sender, "ask-ok", m)
	case kind == "store":
		r.copies[m.Key] = newest(r.copies[m.Key], m.Copy)
		r.owed = append(r.owed, owed{sender, m.Number}) // also when it is old: what a start has read may still be in the disk's cache
		r.write()
	case i >= 0:
		o := r.operations[i]
		o.answered[sender], o.Copy = true, newest(o.Copy, m.Copy)
		if len(o.answered) > len(r.Members)/2 {
			r.nextPhase(o)
		}
	}
}

func (r *register) nextPhase(o *operation) {
	if o.phase == "store" {
		r.operations = slices.DeleteFunc(r.operations, func(other *operation) bool { return other == o })
		r.Respond(o.client, o.text, firstgap.Fields{"status": "ok", "value": o.Copy.Value})
		return
	}
	if o.Op == "write" {
		o.Copy = copied{[3]int{o.Copy.Version[0] + 1, r.ID, o.Number}, o.Rows[0].Value}
	}
	o.phase, o.answered = "store", map[int]bool{}
	r.goOn(o)
}

// write writes all copies, when no write is under way: the next one then covers all that has come meanwhile.
func (r *register) write() {
	if len(r.owed) > 0 && len(r.writing) == 0 {
		r.writing, r.owed = r.owed, nil
		r.writes++
		text := firstgap.Text(firstgap.Encode(r.copies))
		r.Replace("copies", []byte(text+checksum(text)), r.writes)
	}
}

func (r *register) OnDisk(_ int, result string, _ []byte) {
	if r.broken = r.broken || result == "failed"; r.broken { // the disk may have it or not, and will fail from now on
		return
	}
	for _, o := range r.writing {
		if result == "ok" { // when it is full, those who wait will ask again
			r.Send(o.to, "store-ok", message{Number: o.number})
		}
	}
	r.writing = nil
	r.write()
}

func newest(a, b copied) copied {
	return slices.MaxFunc([]copied{a, b}, func(a, b copied) int { return slices.Compare(a.Version[:], b.Version[:]) })
}

func checksum(text firstgap.Text) firstgap.Text {
	return firstgap.Text(fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text))))
}
