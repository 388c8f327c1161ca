package transitions

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// A disk is what a process has on its disk, and what is on its way there. Operations end in the order in which they were asked for.
type disk struct {
	durable map[string][]byte
	waiting []node.Effect // appends, and operations that complete, in the order in which they were asked for
}

// do takes one effect that concerns the disk.
func (d *disk) do(e node.Effect) {
	e.Data = slices.Clone(e.Data)
	d.waiting = append(d.waiting, e)
}

// busy tells whether an operation is under way that completes.
func (d *disk) busy() bool {
	return slices.ContainsFunc(d.waiting, func(e node.Effect) bool { return e.Kind != node.DoAppend })
}

// end ends the first operation that completes, with all that was appended before it, and returns the event that tells of it.
func (d *disk) end() node.Event {
	for i, e := range d.waiting {
		d.perform(e)
		if e.Kind != node.DoAppend {
			d.waiting = slices.Delete(d.waiting, 0, i+1)
			return node.Event{Kind: node.DiskDone, Token: e.Token}
		}
	}
	panic("transitions: no operation of the disk is under way")
}

func (d *disk) perform(e node.Effect) {
	switch e.Kind {
	case node.DoAppend:
		d.durable[e.File] = append(slices.Clip(d.durable[e.File]), e.Data...)
	case node.DoReplace:
		d.durable[e.File] = e.Data
	case node.DoRead:
		panic("transitions: no node of a world without scrubs reads its disk")
	}
}

// crash ends what is under way.
func (d *disk) crash(how crash) {
	if how == tornCrash {
		last := -1
		for i, e := range d.waiting {
			if e.Kind == node.DoAppend {
				last = i
			}
		}
		if last >= 0 {
			d.waiting[last].Data = d.waiting[last].Data[:len(d.waiting[last].Data)-1]
		}
	}
	if how != lostCrash {
		for _, e := range d.waiting {
			d.perform(e)
		}
	}
	d.waiting = nil
}

// files are what the next start finds.
func (d *disk) files() []node.File {
	var list []node.File
	for name, data := range d.durable {
		list = append(list, node.File{Name: name, Data: slices.Clone(data)})
	}
	slices.SortFunc(list, func(a, b node.File) int { return compare(a.Name, b.Name) })
	return list
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// A call is where a client of one transaction is with its writer.
type call struct {
	txn     node.Txn
	pending bool    // it waits for a reply
	op      node.Op // the last that it asked for
	ended   bool
	acked   bool // it was told that it is committed
}

// A process is one node with its disk, and, of a writer, its clients: one for each transaction. Nothing happens to it but what
// step is told.
type process struct {
	world       *cluster
	place       int // among the processes of the world
	node        node.Node
	incarnation uint32
	disk        disk
	heard       uint64 // the highest position of which it told
	calls       []call // of a writer, by transaction - 1
	out         node.Effects
}

// A sent is a message that a process sent.
type sent struct {
	to      node.ID
	message node.Message
}

// An outcome is what a step of a process did to others, and told.
type outcome struct {
	sent []sent
	told []node.Trace
}

// newProcess returns a process that has not started.
func (c *cluster) newProcess(place int) *process {
	p := &process{world: c, place: place, disk: disk{durable: map[string][]byte{}}}
	if c.isWriter(place) {
		p.calls = make([]call, c.scope.Model.Txns+1)
	}
	for _, f := range c.freshDisk(place) {
		p.disk.durable[f.Name] = f.Data
	}
	return p
}

// step lets one thing happen to the process.
func (p *process) step(ev *event, o *outcome) {
	switch ev.kind {
	case started:
		p.start(o)
	case diskEnded:
		p.do(p.disk.end(), o)
	case delivered:
		p.do(node.Event{Kind: node.Received, From: ev.from, Message: ev.message}, o)
	case ticked:
		for range 2 * len(p.world.volume.Segments[0]) {
			p.do(node.Event{Kind: node.Fired, Timer: 1}, o)
		}
	case asked:
		p.ask(ev.from, o)
	case called:
		p.call(ev, o)
	}
}

// happen is step, and after it everything that the process has under way on its disk ends.
func (p *process) happen(ev *event, o *outcome) {
	if ev.kind != 0 {
		p.step(ev, o)
	}
	if ev.crash != noCrash {
		p.disk.crash(ev.crash)
		p.start(o)
	}
	for n := 0; p.disk.busy(); n++ {
		if n == mostEnds {
			panic(fmt.Sprintf("after %d operations of its disk it asks for more", n))
		}
		p.step(&event{kind: diskEnded}, o)
	}
}

// mostEnds is how many operations of a disk follow one event at most.
const mostEnds = 64

func (p *process) start(o *outcome) {
	p.incarnation++
	p.node = p.world.make(p.place)
	p.do(node.Event{Kind: node.Started, Incarnation: p.incarnation, Files: p.disk.files()}, o)
}

// mostAsks is how many gossip timers fire at most until a segment asks a given peer: it asks its peers by turns, and when it knows
// of no gap only at every eighth timer.
const mostAsks = 8 * node.MaxReplicas

// ask fires the gossip timer until the segment asks one peer for what it lacks. Of the other peers' questions nothing leaves: a
// network may lose them.
func (p *process) ask(peer node.ID, o *outcome) {
	for range mostAsks {
		var once outcome
		p.do(node.Event{Kind: node.Fired, Timer: 1}, &once)
		o.told = append(o.told, once.told...)
		for _, m := range once.sent {
			if m.to == peer {
				o.sent = append(o.sent, once.sent...)
				return
			}
		}
	}
}

// call is a client's request. The first one of a transaction begins it.
func (p *process) call(ev *event, o *outcome) {
	c := &p.calls[ev.txn]
	client := firstClient + node.ID(ev.txn)
	if c.op == 0 {
		c.op, c.pending = node.OpBegin, true
		p.do(node.Event{Kind: node.Requested, From: client, Request: node.Request{ID: 1, Op: node.OpBegin}}, o)
	}
	r := node.Request{ID: uint64(ev.op), Op: ev.op, Txn: c.txn}
	if ev.op == node.OpPut {
		r.Rows = []node.Row{{Key: rowName(ev.key), Value: node.Some(valueOf(ev.txn))}}
	}
	c.op, c.pending = ev.op, true
	p.do(node.Event{Kind: node.Requested, From: client, Request: r}, o)
}

// do hands the node one event and carries out what it wants.
func (p *process) do(ev node.Event, o *outcome) {
	p.out.Reset()
	p.node.Step(0, ev, &p.out)
	for _, t := range p.out.Trace {
		if t.Position > 0 && t.Position <= p.heard {
			continue // a start tells again what a crash may have kept from being told
		}
		p.heard = max(p.heard, t.Position)
		o.told = append(o.told, t)
	}
	for _, e := range p.out.List {
		switch e.Kind {
		case node.DoSend:
			o.sent = append(o.sent, sent{e.To, e.Message})
		case node.DoAppend, node.DoSync, node.DoReplace, node.DoRead:
			p.disk.do(e)
		case node.DoRespond:
			p.reply(e.To, e.Reply)
		}
	}
}

// reply notes what a client was told.
func (p *process) reply(to node.ID, r *node.Reply) {
	c := &p.calls[to-firstClient]
	c.pending = false
	switch {
	case r.Op == node.OpBegin:
		c.txn = r.Txn
	case r.Status == node.Aborted || r.Op == node.OpAbort:
		c.ended = true
	case r.Op == node.OpCommit:
		c.ended, c.acked = true, r.Status == node.OK
	}
}

// rowName and valueOf name a row of the model, and the value that a transaction writes: 0 is what it was before.
func rowName(key int) string { return fmt.Sprintf("k%d", key+1) }
func valueOf(txn int) string { return fmt.Sprintf("t%d", txn) }
