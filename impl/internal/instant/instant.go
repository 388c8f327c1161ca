// Package instant runs the nodes of examples in a world where nothing goes wrong and nothing takes time: a message arrives, and a
// disk has done what it was asked for, before anything else happens, and time passes only while all nodes wait.
//
// Use package harness/sim instead when a test wants delays, losses and crashes.
package instant

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/firstgap/firstgap/impl/node"
)

// Outside is the address from which a World sends and asks.
const Outside node.ID = 1<<16 - 1

// limit is how many events a World handles before it gives up on an answer.
const limit = 10_000

// A World is some nodes. The zero World is empty.
type World struct {
	now       node.Time
	processes map[node.ID]*process
	queue     []event
	timers    []timer
	replies   []node.Reply
	answers   []node.Message
	sent      map[string]int
	requests  uint64
}

type process struct {
	n     node.Node
	start uint32
	disk  map[string][]byte
}

type event struct {
	to node.ID
	node.Event
}

type timer struct {
	of   node.ID
	name node.Timer
	due  node.Time
}

// Start starts a node. One that had the address before has crashed; its disk is there.
func (w *World) Start(id node.ID, n node.Node) {
	if w.processes == nil {
		w.processes, w.sent = map[node.ID]*process{}, map[string]int{}
	}
	p := w.processes[id]
	if p == nil {
		p = &process{disk: map[string][]byte{}}
		w.processes[id] = p
	}
	mine := func(to node.ID) bool { return to == id }
	w.queue = slices.DeleteFunc(w.queue, func(e event) bool { return mine(e.to) })
	w.timers = slices.DeleteFunc(w.timers, func(t timer) bool { return mine(t.of) })
	p.n = n
	p.start++
	ev := node.Event{Kind: node.Started, Incarnation: p.start}
	for _, name := range slices.Sorted(maps.Keys(p.disk)) {
		ev.Files = append(ev.Files, node.File{Name: name, Data: slices.Clone(p.disk[name])})
	}
	w.queue = append(w.queue, event{id, ev})
	w.settle()
}

// Lose takes a node and its disk away.
func (w *World) Lose(id node.ID) { delete(w.processes, id) }

// Ask sends a client's request and returns the reply. It panics where none comes.
func (w *World) Ask(to node.ID, r node.Request) node.Reply {
	w.requests++
	r.ID, w.replies = w.requests, nil
	w.queue = append(w.queue, event{to, node.Event{Kind: node.Requested, From: Outside, Request: r}})
	w.until(fmt.Sprintf("a reply to %v", r.Op), func() bool { return len(w.replies) > 0 })
	return w.replies[0]
}

// Send sends a message and returns those with which the node answers.
func (w *World) Send(to node.ID, m node.Message) []node.Message {
	w.answers = nil
	w.queue = append(w.queue, event{to, node.Event{Kind: node.Received, From: Outside, Message: m}})
	w.settle()
	return w.answers
}

// Pass lets time pass.
func (w *World) Pass(d time.Duration) {
	end := w.now.Add(d)
	w.settle()
	for w.fire(end) {
		w.settle()
	}
	w.now = end
}

// Sent returns how many messages of a type the nodes have sent.
func (w *World) Sent(messageType string) int { return w.sent[messageType] }

// settle lets everything happen that takes no time.
func (w *World) settle() {
	for range limit {
		if len(w.queue) == 0 {
			return
		}
		w.step()
	}
	panic(fmt.Sprintf("instant: the nodes are still busy after %d events", limit))
}

// until lets time pass until the condition holds.
func (w *World) until(what string, met func() bool) {
	for range limit {
		if met() {
			return
		}
		if len(w.queue) > 0 {
			w.step()
		} else if !w.fire(w.now.Add(time.Minute)) {
			break
		}
	}
	panic("instant: there is never " + what)
}

// fire puts the timer that is due first into the queue, when that is by the time given.
func (w *World) fire(by node.Time) bool {
	if len(w.timers) == 0 {
		return false
	}
	first := 0
	for i, t := range w.timers {
		if t.due < w.timers[first].due {
			first = i
		}
	}
	t := w.timers[first]
	if t.due > by {
		return false
	}
	w.timers = slices.Delete(w.timers, first, first+1)
	w.now = t.due
	w.queue = append(w.queue, event{t.of, node.Event{Kind: node.Fired, Timer: t.name}})
	return true
}

// step hands a node the first event and does what it wants done.
func (w *World) step() {
	ev := w.queue[0]
	w.queue = w.queue[1:]
	p := w.processes[ev.to]
	if p == nil {
		return // it is lost, or has not started
	}
	var out node.Effects
	p.n.Step(w.now, ev.Event, &out)
	for _, e := range out.List {
		w.do(ev.to, p, &e)
	}
}

func (w *World) do(id node.ID, p *process, e *node.Effect) {
	done := func(data []byte) {
		w.queue = append(w.queue, event{id, node.Event{Kind: node.DiskDone, Token: e.Token, Data: data}})
	}
	switch e.Kind {
	case node.DoSend:
		w.sent[e.Message.Type()]++
		if e.To == Outside {
			w.answers = append(w.answers, e.Message)
		} else {
			w.queue = append(w.queue, event{e.To, node.Event{Kind: node.Received, From: id, Message: e.Message}})
		}
	case node.DoRespond:
		w.replies = append(w.replies, *e.Reply)
	case node.DoSetTimer, node.DoClearTimer:
		w.timers = slices.DeleteFunc(w.timers, func(t timer) bool { return t.of == id && t.name == e.Timer })
		if e.Kind == node.DoSetTimer {
			w.timers = append(w.timers, timer{id, e.Timer, w.now.Add(e.After)})
		}
	case node.DoAppend:
		p.disk[e.File] = append(p.disk[e.File], e.Data...)
	case node.DoSync:
		done(nil)
	case node.DoReplace:
		p.disk[e.File] = slices.Clone(e.Data)
		done(nil)
	case node.DoRead:
		file := p.disk[e.File]
		done(slices.Clone(file[min(e.From, len(file)):min(e.From+e.Size, len(file))]))
	}
}
