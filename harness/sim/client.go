package sim

import (
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// act carries out what an actor asked for.
func (w *World) act(p *process) {
	for i := range w.calls.List {
		c := &w.calls.List[i]
		switch c.Kind {
		case node.DoSend:
			w.request(p, c.To, &c.Request)
		case node.DoSetTimer:
			w.setTimer(p, c.Timer, c.After)
		case node.DoClearTimer:
			w.clearTimer(p, c.Timer)
		}
	}
	clear(w.calls.List)
	w.calls.List = w.calls.List[:0]
}

// request sends a client's request on its way.
func (w *World) request(client *process, to node.ID, r *node.Request) {
	w.counts.Requests++
	w.scratch = r.AppendDigest(w.scratch[:0])
	size := len(w.scratch)
	digest := xxh3.Hash(w.identity.Of(r))
	dst := w.find(to)
	if dst == nil || dst.actor != nil {
		w.lost(ByNobody)
		w.note(Event{Kind: EventLost, Process: to, From: client.id, Request: r, Reason: ByNobody}, digest)
		return
	}
	f := w.fateOf(client, dst, w.draw(mix(r.ID+1, uint64(client.id)<<16|uint64(to))), size)
	f.frame()
	if f.lost != 0 {
		w.lost(f.lost)
		w.note(Event{Kind: EventLost, Process: to, From: client.id, Request: r, Reason: f.lost}, digest)
		return
	}
	at := inOrder(&client.sent, dst.index, w.now.Add(f.delay))
	slot := w.holdCall(r, nil)
	w.schedule(at, pending{kind: EventRequest, from: client.index, to: dst.index, incarnation: dst.incarnation,
		value: digest, call: slot, bytes: int32(pendingBytes + size)})
}

// respond sends a process's reply on its way to a client.
func (w *World) respond(src *process, to node.ID, r *node.Reply) {
	w.counts.Replies++
	for i := range src.asked {
		if a := &src.asked[i]; a.Client == to && a.Request == r.ID {
			src.asked = slices.Delete(src.asked, i, i+1)
			break
		}
	}
	w.scratch = r.AppendDigest(w.scratch[:0])
	size := len(w.scratch)
	digest := xxh3.Hash(w.identity.Of(r))
	client := w.find(to)
	if client == nil || client.actor == nil {
		w.lost(ByNobody)
		w.note(Event{Kind: EventLost, Process: to, From: src.id, Reply: r, Reason: ByNobody}, digest)
		return
	}
	f := w.fateOf(src, client, w.draw(mix(^r.ID, uint64(src.id)<<16|uint64(to))), size)
	f.frame()
	if f.lost != 0 {
		w.lost(f.lost)
		w.note(Event{Kind: EventLost, Process: to, From: src.id, Reply: r, Reason: f.lost}, digest)
		return
	}
	at := inOrder(&client.got, src.index, w.now.Add(f.delay))
	slot := w.holdCall(nil, r)
	w.schedule(at, pending{kind: EventReply, from: src.index, to: client.index, value: digest, call: slot,
		bytes: int32(pendingBytes + size)})
}

// frame has a request or an answer whose frame is cut short be lost: a client's connection ends at it.
func (f *fate) frame() {
	if f.cut != 0 && f.lost == 0 {
		f.lost = ByDamage
	}
}

// inOrder returns when something that would arrive at t does so on a connection that keeps order, and notes it.
// Events of one time keep the order in which they were scheduled.
func inOrder(last *[]node.Time, index int32, t node.Time) node.Time {
	for int(index) >= len(*last) {
		*last = append(*last, 0)
	}
	t = max(t, (*last)[index])
	(*last)[index] = t
	return t
}

// held is what a request or reply on its way consists of.
type held struct {
	request node.Request
	reply   node.Reply
}

func (w *World) holdCall(q *node.Request, r *node.Reply) int32 {
	var slot int32
	if n := len(w.freeHeld); n > 0 {
		slot, w.freeHeld = w.freeHeld[n-1], w.freeHeld[:n-1]
	} else {
		slot = int32(len(w.held))
		w.held = append(w.held, held{})
	}
	if q != nil {
		w.held[slot].request = *q
	} else {
		w.held[slot].reply = *r
	}
	return slot
}

func (w *World) takeCall(slot int32) held {
	h := w.held[slot]
	w.held[slot] = held{}
	w.freeHeld = append(w.freeHeld, slot)
	return h
}

// Unanswered implements runtime.Runtime.
func (w *World) Unanswered() []runtime.Unanswered {
	var all []runtime.Unanswered
	for _, p := range w.parties {
		all = append(all, p.asked...)
	}
	return all
}
