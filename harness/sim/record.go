package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/node"
)

// EventKind says what happened, and which fields of an Event count.
type EventKind uint8

const (
	EventStart   EventKind = iota + 1 // a process or client starts: Incarnation
	EventMessage                      // a message is delivered: From, Message
	EventTimer                        // a timer fires: Timer
	EventDisk                         // a read, sync or replace completes, or fails: Token, and then Reason
	EventRequest                      // a request reaches a process: From, Request
	EventReply                        // a reply reaches a client: From, Reply
	EventAction                       // the harness acts: Name
	EventTrace                        // a node says what it did: Trace
	EventLost                         // From's message, request or reply is lost: Message, Request or Reply, and Reason
	EventCrash                        // a process dies: Incarnation, and in Name how
)

var eventKinds = [...]string{"", "start", "message", "timer", "disk", "request", "reply", "action", "trace", "lost", "crash"}

func (k EventKind) String() string { return nameIn(eventKinds[:], "EventKind", uint8(k)) }

// MarshalText writes the kind's name.
func (k EventKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a kind's name and refuses an unknown one.
func (k *EventKind) UnmarshalText(text []byte) error {
	i, err := placeIn(eventKinds[:], "kind of event", text)
	*k = EventKind(i)
	return err
}

func nameIn(all []string, what string, i uint8) string {
	if int(i) < len(all) {
		return all[i]
	}
	return fmt.Sprintf("%s(%d)", what, i)
}

func placeIn(all []string, what string, text []byte) (uint8, error) {
	if i := slices.Index(all, string(text)); i > 0 {
		return uint8(i), nil
	}
	return 0, &faults.UnknownError{What: what, Found: string(text), Known: all[1:]}
}

// Reason says why something was lost.
type Reason uint8

const (
	ByLoss    Reason = iota + 1 // the network lost it
	ByCut                       // a partition stopped it
	ByDown                      // its receiver was down, or had started anew
	ByNobody                    // no process has that address
	ByDamage                    // its frame was damaged, and the connection threw it away
	ByDisk                      // of an operation of the disk: it failed
	ByQueue                     // too much waited for the link in front of it
	ByRoom                      // of an operation of the disk: there was no room
	ByVersion                   // the version of the wire that its receiver speaks has no form for it
)

var reasons = [...]string{"", "lost", "cut off", "receiver down", "no such receiver", "damaged", "failed", "queue full", "no room", "newer than the receiver"}

func (r Reason) String() string { return nameIn(reasons[:], "Reason", uint8(r)) }

// MarshalText writes the reason's name.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a reason's name and refuses an unknown one.
func (r *Reason) UnmarshalText(text []byte) error {
	i, err := placeIn(reasons[:], "reason of a loss", text)
	*r = Reason(i)
	return err
}

// An Event is one thing that happened, for those who listen. It and what it points to are valid until the listener
// returns.
type Event struct {
	Seq  uint64 // from 1, without gaps
	At   node.Time
	Hash uint64 // the chain up to and with it
	Kind EventKind
	// Cause is the number of the event in whose step this one was made: a message was sent, a timer set, an operation of a disk begun,
	// and what a node says of a step is of the event that it handled. 0 is what was there before the run began. It is no part of Hash.
	Cause uint64

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
	// Lost is what a crash took off a disk, or, of a completion, what it says is durable and is not. Like Cause it is no part of Hash,
	// and it is made only where somebody listens.
	Lost []LostWrite
}

// A LostWrite is one append or replace that is not on the disk where its node left it.
type LostWrite struct {
	File  string
	From  int // the first byte in the file; 0 of a replace
	Bytes int
	Cause uint64 // number of the event in whose step it was begun; 0 of what was there before the run
	Why   Loss
}

// Loss says why a write is not on a disk.
type Loss uint8

const (
	NeverSynced    Loss = iota + 1 // no sync had completed that covers it
	FoundUnsynced                  // a start had found it after a crash, and no sync has covered it since
	LiedAbout                      // the disk said that it was durable, and lied
	WriteNeverMade                 // the disk said that it was durable, and lost it
	WriteElsewhere                 // the disk said that it was durable, and put it elsewhere
	HalfWritten                    // the crash came in the middle of it: Bytes are what is missing
	NotReplaced                    // the replace had not completed
)

func (l Loss) String() string {
	names := [...]string{"", "never synced", "found after a crash and never synced", "the disk lied about it", "the disk lost it", "the disk put it elsewhere", "torn by the crash", "not completed"}
	return nameIn(names[:], "Loss", uint8(l))
}

// Told tells whether the node had been told that it was durable.
func (l *LostWrite) Told() bool {
	return l.Why == LiedAbout || l.Why == WriteNeverMade || l.Why == WriteElsewhere
}

// Listen has do hear of everything that happens from now on; nil ends that. It must not change anything.
func (w *World) Listen(do func(*Event)) { w.listen = do }

// A Begun is an operation of a disk that a step has begun: an append to a file, a replace of one, or a sync.
type Begun struct {
	Cause   uint64 // number of the event in whose step
	File    string // of an append or a replace
	From    int    // of an append: how many bytes the file had
	Bytes   int
	Replace bool
	Sync    bool
	Token   node.Token // of a replace or a sync: that of the completion
	NoRoom  bool       // the disk was full
}

// ListenDisk has do hear of every append, replace and sync from now on, when it begins; nil ends that. What becomes of them the
// listener of events hears (Listen).
func (w *World) ListenDisk(do func(node.ID, *Begun)) { w.hear = do }

func (w *World) begun(p *process, b Begun) {
	if w.hear != nil {
		b.Cause = w.cause
		heard := b // a copy, or b would be on the garbage heap even without a listener
		w.hear(p.id, &heard)
	}
}

// longestLine is how many bytes of a line Describe gives to what happened.
const longestLine = 240

// Describe renders an event on one line for people: time, process, what.
func (w *World) Describe(e *Event) string { return names(w.Name).describe(e) }

// names says what nodes are called.
type names func(node.ID) string

func (w names) describe(e *Event) string {
	name := ""
	if e.Process != 0 {
		name = w(e.Process)
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

func (w names) what(e *Event) string {
	switch e.Kind {
	case EventStart:
		return fmt.Sprintf("starts, incarnation %d", e.Incarnation)
	case EventMessage:
		return "← " + w(e.From) + ": " + describeMessage(e.Message)
	case EventTimer:
		return fmt.Sprintf("timer %d", e.Timer)
	case EventDisk:
		if e.Reason == ByDisk {
			return fmt.Sprintf("disk failed, token %d", e.Token)
		}
		if e.Reason == ByRoom {
			return fmt.Sprintf("disk full, token %d", e.Token)
		}
		return fmt.Sprintf("disk done, token %d", e.Token)
	case EventRequest:
		return "← " + w(e.From) + ": " + describeRequest(e.Request)
	case EventReply:
		return "← " + w(e.From) + ": " + describeReply(e.Reply)
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
		return fmt.Sprintf("× (%v) %s: %s", e.Reason, w(e.From), what)
	case EventCrash:
		return "crashes, " + e.Name
	}
	return fmt.Sprintf("event of kind %d", e.Kind)
}

func describeMessage(m node.Message) string { return node.Describe(m) }

func describeRequest(r *node.Request) string {
	s := fmt.Sprintf("%v #%d txn %v", r.Op, r.ID, r.Txn)
	for i, row := range r.Rows {
		s += " " + row.Key
		switch {
		case r.Op == node.OpSwap:
			s += "=" + r.Expect.String() + "→" + row.Value.String()
		case r.Op == node.OpCall:
			s += " " + row.Value.Bytes
		case r.Op == node.OpPut, r.Op == node.OpWrite, r.Op == node.OpAppend, r.Op == node.OpApply && i < len(r.Reads) && !r.Reads[i]:
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
	switch ok := r.Status == node.OK; {
	case ok && (r.Op == node.OpGet || r.Op == node.OpRead):
		s += " " + r.Value.String()
	case ok && r.Op == node.OpCall:
		s += " " + r.Value.Bytes
	case ok && (r.Op == node.OpElements || r.Op == node.OpApply):
		for _, row := range r.Rows {
			s += " " + row.Value.String()
		}
	}
	if r.LSN != 0 {
		s += fmt.Sprintf(" LSN %d", r.LSN)
	}
	return s
}

func (w names) describeTrace(t *node.Trace) string {
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
		b.WriteString(" from " + w(t.From))
	}
	if t.Position != 0 {
		fmt.Fprintf(&b, " position %d", t.Position)
	}
	for i, a := range node.DetailOf[node.DecideStep](t).Answers {
		b.WriteString([]string{", ", " answers of "}[bit(i == 0)] + w(a))
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
		return names(w.Name).what(&Event{Kind: EventMessage, From: ev.From, Message: ev.Message})
	case node.Fired:
		return names(w.Name).what(&Event{Kind: EventTimer, Timer: ev.Timer})
	case node.DiskDone:
		return names(w.Name).what(&Event{Kind: EventDisk, Token: ev.Token})
	case node.DiskFailed:
		return names(w.Name).what(&Event{Kind: EventDisk, Token: ev.Token, Reason: ByDisk})
	case node.DiskFull:
		return names(w.Name).what(&Event{Kind: EventDisk, Token: ev.Token, Reason: ByRoom})
	case node.Requested:
		return names(w.Name).what(&Event{Kind: EventRequest, From: ev.From, Request: &ev.Request})
	}
	return fmt.Sprintf("event of kind %d", ev.Kind)
}

// A Record is one event as data: what a file keeps of it, and other programs read. Its line for people is made of it
// (Event, Line).
type Record struct {
	Number      uint64          `json:"n"`               // from 1
	Cause       uint64          `json:"cause,omitempty"` // of which event it is an effect (see Event)
	At          node.Time       `json:"at"`              // nanoseconds of virtual time
	Kind        EventKind       `json:"kind"`
	Process     node.ID         `json:"process,omitempty"` // to whom it happened
	From        node.ID         `json:"from,omitempty"`
	Incarnation uint32          `json:"incarnation,omitempty"`
	Timer       node.Timer      `json:"timer,omitempty"`
	Token       node.Token      `json:"token,omitempty"`
	Reason      Reason          `json:"reason,omitempty"` // of a loss, or ByDisk or ByRoom
	Name        string          `json:"name,omitempty"`   // of an action, or how a process died
	What        json.RawMessage `json:"what,omitempty"`   // the message, request, reply or trace, as the wire has it in JSON (package node)
	// Left says that What was too long to be kept: its type, and how many bytes it had.
	Left *Left `json:"left,omitempty"`
}

// Left is what a Record leaves out.
type Left struct {
	Type  string `json:"type"`
	Bytes int    `json:"bytes"`
}

// mostWhat is how many bytes of JSON a Record keeps: page images and long lists are left out.
const mostWhat = 2048

// recordOf makes a record of an event.
func recordOf(e *Event) Record {
	r := Record{Number: e.Seq, Cause: e.Cause, At: e.At, Kind: e.Kind, Process: e.Process, From: e.From, Incarnation: e.Incarnation, Timer: e.Timer,
		Token: e.Token, Reason: e.Reason, Name: e.Name}
	var v any
	left := Left{}
	switch {
	case e.Message != nil:
		v, left.Type = e.Message, e.Message.Type()
	case e.Request != nil:
		v, left.Type = e.Request, e.Request.Op.String()
	case e.Reply != nil:
		v, left.Type = e.Reply, e.Reply.Op.String()
	case e.Trace != nil:
		v, left.Type = e.Trace, e.Trace.Action.String()
	default:
		return r
	}
	text, err := node.AppendWireJSON(nil, v)
	if left.Bytes = len(text); err != nil || len(text) > mostWhat {
		r.Left = &left // a message of a type that the wire does not know is a stranger's
		return r
	}
	r.What = text
	return r
}

// Event returns the event that a record is of, as far as the record has it.
func (r *Record) Event() (Event, error) {
	e := Event{Seq: r.Number, Cause: r.Cause, At: r.At, Kind: r.Kind, Process: r.Process, From: r.From, Incarnation: r.Incarnation, Timer: r.Timer,
		Token: r.Token, Reason: r.Reason, Name: r.Name}
	if r.What == nil {
		return e, nil
	}
	for _, into := range []any{&e.Message, new(node.Request), new(node.Reply), new(node.Trace)} {
		if err := node.DecodeWireJSON(r.What, into); err != nil {
			var wrong *node.WireError
			if errors.As(err, &wrong) && wrong.Rule == node.WireUnknown && wrong.Path == "" {
				continue // it carries something else
			}
			return e, fmt.Errorf("event %d: %w", r.Number, err)
		}
		switch into := into.(type) {
		case *node.Request:
			e.Request = into
		case *node.Reply:
			e.Reply = into
		case *node.Trace:
			e.Trace = into
		}
		return e, nil
	}
	return e, fmt.Errorf("event %d: expected a message, request, reply or trace, found %s", r.Number, r.What)
}

// Line renders a record on one line for people, as World.Describe renders the event.
func (r *Record) Line(name func(node.ID) string) string {
	e, err := r.Event()
	switch {
	case err != nil:
		e.Kind, e.Name = EventAction, err.Error()
	case r.Left != nil:
		e.Message = leftOut{*r.Left}
		if e.Kind != EventLost {
			e.Kind = EventMessage
		}
	}
	return names(name).describe(&e)
}

// leftOut stands for what a record has left out.
type leftOut struct{ Left }

func (l leftOut) Type() string                 { return l.Left.Type }
func (l leftOut) AppendDigest(b []byte) []byte { return b }
func (l leftOut) Format(f fmt.State, _ rune)   { fmt.Fprintf(f, "(%d bytes, left out)", l.Bytes) }

// A Recorder keeps what a run did, to compare two runs and to show how one ended.
type Recorder struct {
	w       *World
	last    int
	hashes  []uint64
	records []Record // a ring of the last ones
}

// NewRecorder returns a recorder of a world, which keeps the last events, for the one who listens: it has Hear hear of
// everything.
func NewRecorder(w *World, last int) *Recorder { return &Recorder{w: w, last: last} }

// Record starts to record: the chained hash after every event, and the last events.
func (w *World) Record(last int) *Recorder {
	r := NewRecorder(w, last)
	w.Listen(r.Hear)
	return r
}

// Hear writes an event down.
func (r *Recorder) Hear(e *Event) {
	if r.last > 0 {
		one := recordOf(e)
		if len(r.records) < r.last {
			r.records = append(r.records, one)
		} else {
			r.records[len(r.hashes)%r.last] = one
		}
	}
	r.hashes = append(r.hashes, e.Hash)
}

// Hashes returns the chained hash after every event.
func (r *Recorder) Hashes() []uint64 { return r.hashes }

// Records returns the last events, oldest first.
func (r *Recorder) Records() []Record {
	if len(r.records) < r.last {
		return slices.Clone(r.records)
	}
	oldest := len(r.hashes) % max(r.last, 1)
	return slices.Concat(r.records[oldest:], r.records[:oldest])
}

// Lines returns the lines of the last events, oldest first.
func (r *Recorder) Lines() []string {
	var lines []string
	for _, one := range r.Records() {
		lines = append(lines, one.Line(r.w.Name))
	}
	return lines
}

// Nodes returns the names of all processes and clients, by address.
func (r *Recorder) Nodes() map[node.ID]string {
	all := map[node.ID]string{}
	for _, p := range r.w.parties {
		all[p.id] = p.name
	}
	return all
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
