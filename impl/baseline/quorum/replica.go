// Package quorum is the quorum system of versioned registers that Aurora's quorums come from: N replicas hold each row
// with a version, a write counts when W of them have it, and a read asks R and takes the highest version. There is no log
// of the whole and no transaction of several rows.
//
// Use packages writer and segment instead when a client changes several rows in one transaction.
package quorum

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

const (
	logFile  = "rows"
	bornFile = "born"
	sector   = 512 // a write of the log begins one
	header   = 16  // magic, length
)

var magic = []byte("registr1")

// A Replica holds one copy of every row. It answers nothing that is not durable, and nothing at all once it has lost what
// was: W+R−N is one in the usual configurations, so a single replica that forgets and does not say so is one too many.
type Replica struct {
	rows    map[string]register
	log     []byte // what is on the disk
	queue   []waiting
	under   []waiting
	writing bool
	born    bool
	damaged bool
}

type register struct {
	version node.Version
	value   node.Value
}

// waiting is a write that is not durable.
type waiting struct {
	from node.ID
	m    *node.WriteRegister
}

// NewReplica returns a replica that has not started.
func NewReplica() *Replica { return &Replica{rows: map[string]register{}} }

// Damaged tells that the replica has lost what it had, and answers nothing any more.
func (r *Replica) Damaged() bool { return r.damaged }

// State implements node.Teller.
func (r *Replica) State() node.State {
	return node.State{Role: "replica", Serving: r.born && !r.damaged, Damaged: r.damaged}
}

// Formatted is the disk of a replica that has begun and holds no rows. One that begins on an empty disk and crashes before it has
// made this much durable takes itself for damaged ever after.
func Formatted() []node.File { return []node.File{{Name: bornFile}} }

const (
	bornToken node.Token = 1
	syncToken node.Token = 2
)

// Step implements node.Node.
func (r *Replica) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		r.start(ev, out)
	case node.DiskDone:
		if ev.Token == bornToken {
			r.born = true
			r.holds(out)
			return
		}
		r.synced(out)
	case node.Received:
		if !r.born || r.damaged {
			return
		}
		switch m := ev.Message.(type) {
		case *node.ReadRegister:
			row := r.rows[m.Key]
			out.Tell(node.Trace{Action: node.ActRegisterTell, From: ev.From, Detail: &node.RegisterStep{Key: m.Key, Token: m.Token, Version: row.version}})
			out.Send(ev.From, &node.RegisterValue{Token: m.Token, Version: row.version, Value: row.value})
		case *node.WriteRegister:
			r.queue = append(r.queue, waiting{ev.From, m})
			r.write(out)
		}
	}
}

func (r *Replica) start(ev node.Event, out *node.Effects) {
	found := false
	for _, f := range ev.Files {
		switch f.Name {
		case bornFile:
			found = true
		case logFile:
			r.log = f.Data
		}
	}
	if !found && (ev.Incarnation > 1 || len(r.log) > 0) {
		r.damaged = true // it had begun before, and does not know what it has acknowledged since
		return
	}
	end, ok := r.read()
	if !ok {
		r.damaged = true
		return
	}
	if !found {
		out.Replace(bornFile, nil, bornToken)
		return
	}
	// What a write that was under way has left goes, so that nothing of it comes back behind the next.
	// Of the last write a crash may have torn off some of the padding alone: it is whole, and the next one must not begin where
	// nobody looks for it.
	r.log = append(slices.Clone(r.log[:end]), make([]byte, aligned(end)-end)...)
	out.Replace(logFile, r.log, bornToken)
}

// read takes the rows from the log, and tells where it ends. One write follows the other only when it is durable, so
// there is nothing intact behind the end; if there is, something durable is gone.
func (r *Replica) read() (end int, ok bool) {
	for at := 0; at < len(r.log); {
		body, size := frame(r.log[at:])
		if body == nil {
			for s := at + sector; s < len(r.log); s += sector {
				if later, _ := frame(r.log[s:]); later != nil {
					return 0, false
				}
			}
			return at, true
		}
		for len(body) > 0 {
			key, v, value, rest, fine := node.DecodeRegister(body)
			if !fine {
				return 0, false
			}
			r.take(key, v, value)
			body = rest
		}
		at += size
		end = at
	}
	return end, true
}

func (r *Replica) take(key string, v node.Version, value node.Value) {
	if r.rows[key].version.Less(v) {
		r.rows[key] = register{v, value}
	}
}

// frame reads one write of the log. It returns nil for anything else.
func frame(b []byte) (body []byte, size int) {
	if len(b) < header || !bytes.Equal(b[:8], magic) {
		return nil, 0
	}
	n := binary.LittleEndian.Uint64(b[8:])
	if n > uint64(len(b)-header) {
		return nil, 0
	}
	body, ok := node.CutSum(b[header : header+n])
	if !ok || body == nil {
		return nil, 0
	}
	return body, min(aligned(header+int(n)), len(b))
}

func aligned(n int) int { return (n + sector - 1) / sector * sector }

// maxLog is how long the log grows before it is replaced by one with the rows as they are.
const maxLog = 1 << 18

// write makes what has come durable, all at once, unless a write is under way.
func (r *Replica) write(out *node.Effects) {
	if r.writing || len(r.queue) == 0 {
		return
	}
	r.writing = true
	r.under, r.queue = r.queue, nil
	var body []byte
	for _, w := range r.under {
		body = node.AppendRegister(body, w.m.Key, w.m.Version, w.m.Value)
	}
	if len(r.log) > maxLog {
		rows := []byte{}
		for _, key := range slices.Sorted(maps.Keys(r.rows)) {
			rows = node.AppendRegister(rows, key, r.rows[key].version, r.rows[key].value)
		}
		r.log = framed(append(rows, body...))
		out.Replace(logFile, r.log, syncToken)
		return
	}
	piece := framed(body)
	r.log = append(r.log, piece...)
	out.Append(logFile, piece)
	out.Sync(syncToken)
}

func framed(body []byte) []byte {
	sealed := node.AppendSum(body)
	b := make([]byte, aligned(header+len(sealed)))
	copy(b, magic)
	binary.LittleEndian.PutUint64(b[8:], uint64(len(sealed)))
	copy(b[header:], sealed)
	return b
}

func (r *Replica) synced(out *node.Effects) {
	for _, w := range r.under {
		r.take(w.m.Key, w.m.Version, w.m.Value)
		out.Tell(node.Trace{Action: node.ActRegisterStore, From: w.from, Detail: &node.RegisterStep{Key: w.m.Key, Token: w.m.Token, Version: w.m.Version}})
		out.Send(w.from, &node.RegisterWritten{Token: w.m.Token})
	}
	r.under, r.writing = nil, false
	r.write(out)
}

// holds tells all that a replica begins with: some of it may have become durable without its having said so.
func (r *Replica) holds(out *node.Effects) {
	step := &node.RegisterStep{}
	for _, key := range slices.Sorted(maps.Keys(r.rows)) {
		step.Rows = append(step.Rows, node.RegisterRow{Key: key, Version: r.rows[key].version})
	}
	out.Tell(node.Trace{Action: node.ActRegisterHolds, Detail: step})
}
