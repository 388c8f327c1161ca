package sim

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// Run lets the world go on until the given time, or until something ends it earlier. Events of that time still happen.
func (w *World) Run(until node.Time) runtime.Outcome { return w.RunUntil(until, nil) }

// RunUntil is Run with a condition that ends it. It is asked before the first event and after each, so it should be
// cheap.
func (w *World) RunUntil(until node.Time, met func() bool) runtime.Outcome {
	for w.failed == nil {
		if met != nil && met() {
			return runtime.Outcome{End: runtime.ConditionMet, At: w.now}
		}
		if len(w.heap) == 0 {
			return runtime.Outcome{End: runtime.Idle, At: w.now}
		}
		at := w.heap[0].at
		switch {
		case at > until:
			w.now = max(w.now, until)
			return runtime.Outcome{End: runtime.TimeReached, At: w.now}
		case at > node.Time(w.limits.Time):
			w.exceed(runtime.LimitTime)
		case w.counts.Events >= w.limits.Events:
			w.exceed(runtime.LimitEvents)
		case w.bytes > w.limits.Bytes:
			w.exceed(runtime.LimitBytes)
		default:
			e := w.heap.pop()
			w.now = e.at
			w.handle(e)
		}
	}
	return *w.failed
}

func (w *World) exceed(limit string) {
	w.failed = &runtime.Outcome{End: runtime.LimitExceeded, Limit: limit, At: w.now}
}

// schedule puts an event on the heap.
func (w *World) schedule(at node.Time, p pending) {
	w.seq++
	p.cause = w.cause
	w.heap.push(entry{at: at, seq: w.seq, slot: w.holdSlot(&p)})
}

// turn has what follows be that of the other seed: chance, and what actors draw.
func (w *World) turn() {
	r := w.redraw
	w.seed, w.calls.Redrawn, w.redraw = r.Seed, r.Seed, Redraw{}
	w.severed = r.Cut
	if r.Alone {
		// Those that joined once the faults had ended are the harness's own: without them nothing is asked of what is left, and a run that
		// had failed for good by then would not be judged.
		w.gone = int32(len(w.parties))
		if w.worked > 0 {
			w.gone = w.worked
		}
	}
	if r.Mend {
		w.Mend()
	}
	if r.Turned != nil {
		r.Turned()
	}
}

func (w *World) holdSlot(p *pending) int32 {
	w.bytes += int64(p.bytes)
	w.counts.MostBytes = max(w.counts.MostBytes, uint64(w.bytes))
	if n := len(w.free); n > 0 {
		slot := w.free[n-1]
		w.free = w.free[:n-1]
		w.slab[slot] = *p
		return slot
	}
	w.slab = append(w.slab, *p)
	return int32(len(w.slab) - 1)
}

func (w *World) takeSlot(slot int32) pending {
	e := w.slab[slot]
	w.slab[slot].message = nil
	w.free = append(w.free, slot)
	w.bytes -= int64(e.bytes)
	return e
}

// handle lets one event happen, if it still can.
func (w *World) handle(next entry) {
	e := &w.slab[next.slot]
	w.cause = e.cause
	if w.redraw.Seed != 0 && w.noted >= w.redraw.After {
		w.turn()
	}
	if e.kind == EventAction {
		w.handleAction(w.takeSlot(next.slot))
		return
	}
	p := w.parties[e.to]
	if !w.arrives(p, e, next.at) {
		w.takeSlot(next.slot)
		return
	}
	if p.paused {
		e.arrived = true
		p.stalled = append(p.stalled, next.slot)
		return
	}
	taken := w.takeSlot(next.slot)
	w.counts.Events++
	if p.actor != nil {
		w.handleActor(p, &taken)
	} else {
		w.handleNode(p, &taken)
	}
}

// arrives tells whether e reaches p, and does what happens even when p is paused. After a pause it is asked again: what
// has arrived can no longer be cut off, but its receiver may have died.
func (w *World) arrives(p *process, e *pending, at node.Time) bool {
	switch e.kind {
	case EventStart:
		return p.starting && e.incarnation == p.incarnation
	case EventMessage, EventRequest:
		if !e.arrived && w.cut(e.from, e.to) {
			w.cutOff(p, e)
			return false
		}
		// A client's connection ends with the process that it was made to.
		late := w.network.LateDelivery && e.kind == EventMessage
		if p.node == nil || e.incarnation != p.incarnation && !late {
			w.down(p, e)
			return false
		}
		return e.arrived || !w.queues(p, e)
	case EventReply:
		if !e.arrived && w.cut(e.from, e.to) {
			w.cutOff(p, e)
			return false
		}
		return true
	case EventTimer:
		return w.timerDue(p, e, at)
	case EventDisk:
		if p.node == nil || e.incarnation != p.incarnation {
			return false // what became of it was decided when the process crashed
		}
		if !e.arrived {
			e.ended = w.completed(p)
		}
		return true
	}
	panic(fmt.Sprintf("sim: event of kind %d on the heap", e.kind))
}

// cutOff notes that a partition began while e was on its way.
func (w *World) cutOff(p *process, e *pending) {
	src := w.parties[e.from]
	if e.kind == EventMessage {
		w.lose(src, p.id, e.message, e.value, ByCut)
		return
	}
	h := w.takeCall(e.call)
	lost := Event{Kind: EventLost, Process: p.id, From: src.id, Reason: ByCut}
	if e.kind == EventRequest {
		lost.Request = &h.request
	} else {
		lost.Reply = &h.reply
	}
	w.lost(ByCut)
	w.note(lost, e.value)
}

func (w *World) handleAction(e pending) {
	a := w.actions[e.call]
	w.actions[e.call] = action{}
	w.freeActions = append(w.freeActions, e.call)
	if a.plan != 0 && a.plan != w.plan {
		return // called off
	}
	w.counts.Events++
	w.note(Event{Kind: EventAction, Name: a.name}, stringHash(a.name))
	w.cause = w.noted
	a.do()
}

func (w *World) handleActor(p *process, e *pending) {
	switch e.kind {
	case EventStart:
		p.starting = false
		w.note(Event{Kind: EventStart, Process: p.id, Incarnation: 1}, 0)
		w.cause = w.noted
		p.actor.Start(w.now, &w.calls)
	case EventReply:
		h := w.takeCall(e.call)
		from := w.parties[e.from].id
		w.fold(EventReply, p.id, from, 0, e.value)
		if w.listen != nil {
			heard := h.reply // a copy, or h would be on the garbage heap even without a listener
			w.tell(&Event{Kind: EventReply, Process: p.id, From: from, Reply: &heard})
		}
		w.cause = w.noted
		p.actor.Reply(w.now, from, h.reply, &w.calls)
	case EventTimer:
		delete(p.timers, e.timer)
		w.note(Event{Kind: EventTimer, Process: p.id, Timer: e.timer}, uint64(e.timer))
		w.cause = w.noted
		p.actor.Timer(w.now, e.timer, &w.calls)
	}
	w.act(p)
}

func (w *World) handleNode(p *process, e *pending) {
	ev := &w.event // of the world, or each step would put one on the garbage heap
	switch e.kind {
	case EventStart:
		p.starting = false
		w.counts.Starts++
		if p.incarnation > 1 {
			w.counts.Restarts++
		}
		if p.disk.forgot {
			w.counts.Forgotten++
			p.disk.forgot = false
		}
		*ev = node.Event{Kind: node.Started, Incarnation: p.incarnation - p.before, Files: p.disk.contents()}
		digest := uint64(p.incarnation)
		for _, f := range ev.Files {
			digest = mix(mix(digest, xxh3.HashString(f.Name)), xxh3.Hash(f.Data))
		}
		w.note(Event{Kind: EventStart, Process: p.id, Incarnation: p.incarnation}, digest)
	case EventMessage:
		from := w.parties[e.from].id
		*ev = node.Event{Kind: node.Received, From: from, Message: e.message}
		w.counts.Delivered++
		w.fold(EventMessage, p.id, from, 0, e.value)
		if w.listen != nil {
			w.tell(&Event{Kind: EventMessage, Process: p.id, From: from, Message: e.message})
		}
		if w.observer != nil {
			w.observer.Delivered(w.now, from, p.id, e.message)
		}
	case EventTimer:
		delete(p.timers, e.timer)
		*ev = node.Event{Kind: node.Fired, Timer: e.timer}
		w.fold(EventTimer, p.id, 0, 0, uint64(e.timer))
		if w.listen != nil {
			w.tell(&Event{Kind: EventTimer, Process: p.id, Timer: e.timer})
		}
	case EventDisk:
		if e.ended != 0 {
			*ev = node.Event{Kind: node.DiskFailed, Token: node.Token(e.value)}
			if e.ended == ByRoom {
				ev.Kind = node.DiskFull
				w.tellNoRoom(p)
			}
			w.fold(EventDisk, p.id, 0, uint8(e.ended), e.value)
			if w.listen != nil {
				w.tell(&Event{Kind: EventDisk, Process: p.id, Token: node.Token(e.value), Reason: e.ended, Lost: p.takeMissing()})
			}
			break
		}
		*ev = node.Event{Kind: node.DiskDone, Token: node.Token(e.value), Data: p.disk.takeRead(node.Token(e.value))}
		digest := e.value
		if len(ev.Data) > 0 {
			digest = mix(digest, xxh3.Hash(ev.Data))
		}
		w.fold(EventDisk, p.id, 0, 0, digest)
		if w.listen != nil {
			w.tell(&Event{Kind: EventDisk, Process: p.id, Token: node.Token(e.value), Lost: p.takeMissing()})
		}
	case EventRequest:
		h := w.takeCall(e.call)
		from := w.parties[e.from].id
		p.asked = append(p.asked, runtime.Unanswered{Process: p.id, Client: from, Request: h.request.ID, Op: h.request.Op, Since: w.now})
		*ev = node.Event{Kind: node.Requested, From: from, Request: h.request}
		w.fold(EventRequest, p.id, from, 0, e.value)
		if w.listen != nil {
			heard := h.request
			w.tell(&Event{Kind: EventRequest, Process: p.id, From: from, Request: &heard})
		}
	}
	w.step(p, ev)
}

// step lets p handle ev, and carries out what it wants.
func (w *World) step(p *process, ev *node.Event) {
	w.cause = w.noted
	w.out.Reset()
	struck := w.call(p, ev)
	if w.failed != nil {
		return
	}
	for i := range w.out.Trace {
		t := &w.out.Trace[i]
		w.fold(EventTrace, p.id, t.From, uint8(t.Action), xxh3.Hash(w.identity.Of(t)))
		if w.listen != nil {
			w.tell(&Event{Kind: EventTrace, Process: p.id, Trace: t})
		}
		if w.observer != nil {
			w.observer.Traced(w.now, p.id, t)
		}
	}
	w.perform(p, ev)
	if len(w.aimed) > 0 {
		w.aim(p)
	}
	if struck {
		w.strike(p)
	}
}

// call makes the step, and tells whether the process is to die of it.
func (w *World) call(p *process, ev *node.Event) (struck bool) {
	defer func() {
		if r := recover(); r != nil {
			struck = w.recovered(p, ev, r)
		}
	}()
	if p.node == nil {
		p.node = p.create(&p.hook)
		p.made = len(w.made)
		w.made = append(w.made, made{id: p.id, node: p.node})
	}
	p.steps++
	p.node.Step(p.clock.at(w.now), *ev, &w.out)
	return false
}

func (w *World) recovered(p *process, ev *node.Event, value any) (struck bool) {
	if c, ok := value.(node.Crash); ok {
		if p.struck == nil {
			p.struck = &pointFault{point: c.Point} // the node's own doing
		}
		return true
	}
	if b, is := value.(*runtime.Breach); is {
		if w.failed == nil {
			w.failed = &runtime.Outcome{End: runtime.Breached, At: w.now, Process: p.id, Name: p.name, Event: w.describeStep(ev), Breach: b}
		}
		w.drop(p) // nothing more that the program says counts
		return false
	}
	w.failed = &runtime.Outcome{
		End: runtime.Panicked, At: w.now, Process: p.id, Name: p.name, Event: w.describeStep(ev),
		Value: fmt.Sprint(value), Stack: string(debug.Stack()),
	}
	return false
}

// strike takes down a process that a point has crashed.
func (w *World) strike(p *process) {
	f := p.struck
	p.struck = nil
	w.counts.PointCrashes++
	w.crash(p, "at "+f.point, f.salt)
	if f.down > 0 {
		w.restartIn(p, f.down)
	}
}

// perform carries out the effects of a step. What panics here is an effect that makes no sense.
func (w *World) perform(p *process, ev *node.Event) {
	defer func() {
		if r := recover(); r != nil {
			w.recovered(p, ev, fmt.Sprintf("an effect that cannot be carried out: %v", r))
		}
	}()
	for i := range w.out.List {
		e := &w.out.List[i]
		switch e.Kind {
		case node.DoSend:
			w.send(p, e.To, e.Message)
		case node.DoSetTimer:
			w.setTimer(p, e.Timer, e.After)
		case node.DoClearTimer:
			w.clearTimer(p, e.Timer)
		case node.DoAppend:
			w.appendTo(p, e.File, e.Data)
		case node.DoSync:
			w.sync(p, e.Token)
		case node.DoReplace:
			w.replace(p, e.File, e.Data, e.Token)
		case node.DoRead:
			w.readFrom(p, e.File, e.From, e.Size, e.Token)
		case node.DoRespond:
			w.respond(p, e.To, e.Reply)
		default:
			panic(fmt.Sprintf("effect of unknown kind %d", e.Kind))
		}
	}
}

func (w *World) setTimer(p *process, t node.Timer, after time.Duration) {
	due := w.now.Add(p.clock.takes(max(after, 0)))
	if due < w.now {
		due = math.MaxInt64 // never
	}
	s, ok := p.timers[t]
	if ok && s.queued <= due {
		w.seq++
		s.due, s.seq, s.cause, s.cleared = due, w.seq, w.cause, false
		p.timers[t] = s
		return
	}
	p.timerN++
	w.schedule(due, pending{kind: EventTimer, to: p.index, incarnation: p.incarnation, timer: t, value: p.timerN, bytes: pendingBytes})
	p.timers[t] = timer{due: due, seq: w.seq, queued: due, cause: w.cause, entry: p.timerN}
}

func (w *World) clearTimer(p *process, t node.Timer) {
	if s, ok := p.timers[t]; ok {
		s.cleared = true
		p.timers[t] = s
	}
}

// timerDue tells whether the timer of e is to fire now: what set it last is the cause then. One that was set later in the meantime is put back. Those of a
// dead incarnation are none: a crash forgets them, and no two entries of a process share a number.
func (w *World) timerDue(p *process, e *pending, at node.Time) bool {
	s, ok := p.timers[e.timer]
	if !ok || s.entry != e.value {
		return false
	}
	if s.cleared {
		delete(p.timers, e.timer)
		return false
	}
	if s.due <= at {
		w.cause = s.cause
		return true
	}
	s.queued = s.due
	p.timers[e.timer] = s
	again := *e
	again.arrived = false
	w.heap.push(entry{at: s.due, seq: s.seq, slot: w.holdSlot(&again)})
	return false
}

// fold adds one thing that happened to the run's identity.
func (w *World) fold(k EventKind, to, from node.ID, detail uint8, payload uint64) {
	b := &w.chain
	binary.LittleEndian.PutUint64(b[0:], w.hash)
	binary.LittleEndian.PutUint64(b[8:], uint64(w.now))
	binary.LittleEndian.PutUint64(b[16:], payload)
	binary.LittleEndian.PutUint16(b[24:], uint16(to))
	binary.LittleEndian.PutUint16(b[26:], uint16(from))
	b[28], b[29] = byte(k), detail
	w.hash = xxh3.Hash(b[:])
	w.noted++
}

// note folds what happened and tells the listener, if there is one.
func (w *World) note(e Event, payload uint64) {
	w.fold(e.Kind, e.Process, e.From, uint8(e.Reason), payload)
	if w.listen != nil {
		heard := e // a copy, or e would be on the garbage heap even without a listener
		w.tell(&heard)
	}
}

func (w *World) tell(e *Event) {
	e.Seq, e.At, e.Hash, e.Cause = w.noted, w.now, w.hash, w.cause
	w.listen(e)
}

func stringHash(s string) uint64 { return xxh3.HashString(s) }
