package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firstgap/firstgap/impl/node"
)

// EventKind says what happened, and which fields of an Event count.
type EventKind uint8

const (
	EventStart   EventKind = iota + 1 // a process or client starts: Incarnation
	EventMessage                      // a message is delivered: From, Message
	EventTimer                        // a timer fires: Timer
	EventDisk                         // a sync or replace completes: Token
	EventRequest                      // a request reaches a process: From, Request
	EventReply                        // a reply reaches a client: From, Reply
	EventAction                       // the harness acts: Name
	EventTrace                        // a node says what it did: Trace
	EventLost                         // From's message, request or reply is lost: Message, Request or Reply, and Reason
	EventCrash                        // a process dies: Incarnation, and in Name how
)

// Reason says why something was lost.
type Reason uint8

const (
	ByLoss   Reason = iota + 1 // the network lost it
	ByCut                      // a partition stopped it
	ByDown                     // its receiver was down, or had started anew
	ByNobody                   // no process has that address
)

func (r Reason) String() string {
	names := [...]string{"", "lost", "cut off", "receiver down", "no such receiver"}
	if int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("Reason(%d)", uint8(r))
}

// An Event is one thing that happened, for those who listen. It and what it points to are valid until the listener
// returns.
type Event struct {
	Seq  uint64 // from 1, without gaps
	At   node.Time
	Hash uint64 // the chain up to and with it
	Kind EventKind

	Process     node.ID // to whom it happened; 0 for an action
	From        node.ID
	Incarnation uint32
	Message     node.Message
	Timer       node.Timer
	Token       node.Token
	Request     *node.Request
	Reply       *node.Reply
	Trace       *node.Trace
	Reason      Reason
	Name        string
}

// Listen has do hear of everything that happens from now on; nil ends that. It must not change anything.
func (w *World) Listen(do func(*Event)) { w.listen = do }

// longestLine is how many bytes of a line Describe gives to what happened.
const longestLine = 240

// Describe renders an event on one line for people: time, process, what.
func (w *World) Describe(e *Event) string {
	name := ""
	if e.Process != 0 {
		name = w.Name(e.Process)
	}
	what := []byte(w.what(e))
	if len(what) > longestLine {
		cut := longestLine
		for !utf8.RuneStart(what[cut]) {
			cut--
		}
		what = append(what[:cut], "…"...)
	}
	return fmt.Sprintf("%12.6fms  %-14s %s", float64(e.At)/float64(time.Millisecond), name, what)
}

func (w *World) what(e *Event) string {
	switch e.Kind {
	case EventStart:
		return fmt.Sprintf("starts, incarnation %d", e.Incarnation)
	case EventMessage:
		return "← " + w.Name(e.From) + ": " + describeMessage(e.Message)
	case EventTimer:
		return fmt.Sprintf("timer %d", e.Timer)
	case EventDisk:
		return fmt.Sprintf("disk done, token %d", e.Token)
	case EventRequest:
		return "← " + w.Name(e.From) + ": " + describeRequest(e.Request)
	case EventReply:
		return "← " + w.Name(e.From) + ": " + describeReply(e.Reply)
	case EventAction:
		return "* " + e.Name
	case EventTrace:
		return "= " + w.describeTrace(e.Trace)
	case EventLost:
		what := ""
		switch {
		case e.Message != nil:
			what = describeMessage(e.Message)
		case e.Request != nil:
			what = describeRequest(e.Request)
		case e.Reply != nil:
			what = describeReply(e.Reply)
		}
		return fmt.Sprintf("× (%v) %s: %s", e.Reason, w.Name(e.From), what)
	case EventCrash:
		return "crashes, " + e.Name
	}
	return fmt.Sprintf("event of kind %d", e.Kind)
}

func describeMessage(m node.Message) string { return node.Describe(m) }

func describeRequest(r *node.Request) string {
	s := fmt.Sprintf("%v #%d txn %v", r.Op, r.ID, r.Txn)
	for _, row := range r.Rows {
		s += " " + row.Key
		if r.Op == node.OpPut {
			s += "=" + row.Value.String()
		}
	}
	return s
}

func describeReply(r *node.Reply) string {
	s := fmt.Sprintf("%v #%d txn %v %v", r.Op, r.ID, r.Txn, r.Status)
	if r.Reason != node.ReasonNone {
		s += fmt.Sprintf(" (%v)", r.Reason)
	}
	if r.Op == node.OpGet && r.Status == node.OK {
		s += " " + r.Value.String()
	}
	if r.LSN != 0 {
		s += fmt.Sprintf(" LSN %d", r.LSN)
	}
	return s
}

func (w *World) describeTrace(t *node.Trace) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v epoch %d", t.Action, t.Epoch)
	if t.Record != nil {
		b.WriteString(" " + t.Record.String())
	}
	if t.LSN != 0 {
		fmt.Fprintf(&b, " LSN %d", t.LSN)
	}
	if t.Txn != 0 {
		fmt.Fprintf(&b, " txn %v", t.Txn)
	}
	if t.From != 0 {
		b.WriteString(" from " + w.Name(t.From))
	}
	if t.Position != 0 {
		fmt.Fprintf(&b, " position %d", t.Position)
	}
	for i, a := range node.DetailOf[node.DecideStep](t).Answers {
		b.WriteString([]string{", ", " answers of "}[bit(i == 0)] + w.Name(a))
	}
	if h := t.History(); h != nil {
		fmt.Fprintf(&b, " history %v", h)
	}
	if d, is := t.Detail.(*node.HoldsStep); is {
		fmt.Fprintf(&b, " promise %d holds %d", d.Promise, len(d.Held))
	}
	return b.String()
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// describeStep renders what a node was handling.
func (w *World) describeStep(ev *node.Event) string {
	switch ev.Kind {
	case node.Started:
		names := make([]string, len(ev.Files))
		for i, f := range ev.Files {
			names[i] = fmt.Sprintf("%s, %d bytes", strconv.Quote(f.Name), len(f.Data))
		}
		return fmt.Sprintf("start, incarnation %d, files [%s]", ev.Incarnation, strings.Join(names, "; "))
	case node.Received:
		return w.what(&Event{Kind: EventMessage, From: ev.From, Message: ev.Message})
	case node.Fired:
		return w.what(&Event{Kind: EventTimer, Timer: ev.Timer})
	case node.DiskDone:
		return w.what(&Event{Kind: EventDisk, Token: ev.Token})
	case node.Requested:
		return w.what(&Event{Kind: EventRequest, From: ev.From, Request: &ev.Request})
	}
	return fmt.Sprintf("event of kind %d", ev.Kind)
}

// A Recorder keeps what a run did, to compare two runs and to show how one ended.
type Recorder struct {
	w      *World
	last   int
	hashes []uint64
	lines  []string // a ring of the last ones
}

// NewRecorder returns a recorder of a world, which keeps the lines of the last events, for the one who listens: it has Hear
// hear of everything.
func NewRecorder(w *World, last int) *Recorder { return &Recorder{w: w, last: last} }

// Record starts to record: the chained hash after every event, and the lines of the last ones.
func (w *World) Record(last int) *Recorder {
	r := NewRecorder(w, last)
	w.Listen(r.Hear)
	return r
}

// Hear writes an event down.
func (r *Recorder) Hear(e *Event) {
	if r.last > 0 {
		line := r.w.Describe(e)
		if len(r.lines) < r.last {
			r.lines = append(r.lines, line)
		} else {
			r.lines[len(r.hashes)%r.last] = line
		}
	}
	r.hashes = append(r.hashes, e.Hash)
}

// Hashes returns the chained hash after every event.
func (r *Recorder) Hashes() []uint64 { return r.hashes }

// Lines returns the lines of the last events, oldest first.
func (r *Recorder) Lines() []string {
	if len(r.lines) < r.last {
		return append([]string(nil), r.lines...)
	}
	oldest := len(r.hashes) % max(r.last, 1)
	return append(append([]string(nil), r.lines[oldest:]...), r.lines[:oldest]...)
}

// FirstDifference returns the index of the first event by which two runs differ, one of which may have stopped
// earlier, or -1 when they are the same. Its number (Event.Seq) is one higher.
func FirstDifference(a, b []uint64) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return -1
}
