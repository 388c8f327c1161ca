// Package node is the contract between a node of the volume and what runs it.
//
// A node (segment, writer, epoch register) is a state machine that owns no goroutine, clock, random source,
// socket or file. A runtime hands it one event at a time; the node answers with effects, which the runtime
// performs after the step. The same state and the same event give the same effects, always: that is what makes a
// simulated run repeatable, and what lets the simulator and a live process run the same code.
//
// Use packages writer, segment and reader instead when an engineer wants the nodes of a volume: this package has what
// they and their runtimes agree on. The author of a node of another kind needs Node, Event, Effects, Request, Reply and
// Opaque of it.
package node

import (
	"fmt"
	"strings"
	"time"
)

// ID is the address of a process. No process has the address 0.
type ID uint16

// Time is the runtime's clock in nanoseconds since the run began. It never goes back.
type Time int64

// Add returns the time d later.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Sub returns how long after u the time t is.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// A Node reacts to one event. It appends to out what the runtime is to do, in order. It must not keep out, nor
// anything that it reached through ev except messages and records, which no node changes once they were sent.
type Node interface {
	Step(now Time, ev Event, out *Effects)
}

// EventKind says which fields of an Event count.
type EventKind uint8

const (
	// Started is a process's first event: Incarnation and Files count.
	Started EventKind = iota + 1
	// Received is a message from another node: From and Message count.
	Received
	// Fired is a timer that was set and not cleared: Timer counts.
	Fired
	// DiskDone is the completion of a DoSync, a DoReplace or a DoRead: Token counts, and for a read Data.
	DiskDone
	// Requested is a request of a client: From and Request count.
	Requested
	// DiskFailed is what comes in place of DiskDone when a DoSync, a DoReplace or a DoRead failed: Token counts. What it was to make
	// durable may be on the disk, or not, or in part, and every later operation fails, until the process starts again. A node
	// that goes on as if it were durable lies (what became of those who tried the sync again: lwn.net/Articles/752063); our own
	// stop. One that waits for a DiskDone that never comes has not lied either.
	DiskFailed
	// DiskFull is what comes in place of DiskDone when the disk had no room for a DoReplace, or for a DoAppend in front of a DoSync:
	// Token counts. The file that was to be replaced is as it was. What was appended, to any file, and was not covered by a
	// DoSync that has completed, is off the disk again, and a DoSync that is still under way will be told DiskFull, too: what
	// is appended from now on is the first that follows what is durable. Until it is told so, an append behind one that found no
	// room finds none, so that no hole comes about. The process runs on, and there may be room the next time.
	DiskFull
)

func (k EventKind) String() string {
	names := [...]string{"", "started", "received", "fired", "disk-done", "requested", "disk-failed", "disk-full"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("EventKind(%d)", uint8(k))
}

// An Event is what happened to a node.
type Event struct {
	Kind        EventKind
	Incarnation uint32 // how often this process has started before, plus one
	Files       []File // what its disk holds; the node may keep the bytes
	From        ID
	Message     Message
	Timer       Timer
	Token       Token
	Data        []byte // what was read; the node may keep it
	Request     Request
}

// A File is one file on a node's disk as a start finds it.
type File struct {
	Name string
	Data []byte
}

// Timer names one of a node's timers. Setting it again moves it.
type Timer uint32

// Token is what a node chose to recognise the completion of a disk operation by.
type Token uint64

// EffectKind says which fields of an Effect count.
type EffectKind uint8

const (
	// DoSend passes Message to the node To. It may be lost, late, doubled or overtaken.
	DoSend EffectKind = iota + 1
	// DoSetTimer fires Timer once, After from now.
	DoSetTimer
	// DoClearTimer forgets Timer.
	DoClearTimer
	// DoAppend adds Data at the end of File. Until a later DoSync completes, a crash may lose it, or any part of it,
	// also where what was appended after it survives.
	DoAppend
	// DoSync makes durable what this node appended before, and completes with Token. Tokens should differ: how long an operation
	// takes in the simulator depends on its token, and one that is used for all makes every one as slow as the first.
	DoSync
	// DoReplace puts Data in the place of File as a whole: after a crash the file is either the old or the new one.
	// It completes with Token when the new one is durable.
	DoReplace
	// DoRead reads Size bytes of File from the byte From on, or fewer where the file ends before, and completes with Token.
	// What was appended before is read, durable or not.
	DoRead
	// DoRespond answers the client To with Reply.
	DoRespond
)

func (k EffectKind) String() string {
	names := [...]string{"", "send", "set-timer", "clear-timer", "append", "sync", "replace", "read", "respond"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("EffectKind(%d)", uint8(k))
}

// An Effect is one thing that a node wants done. Data is valid until the node's next step; a runtime that needs it
// longer copies it.
type Effect struct {
	Kind    EffectKind
	To      ID
	Message Message
	Timer   Timer
	After   time.Duration
	File    string
	Data    []byte
	From    int // of a read, in bytes
	Size    int // of a read, in bytes
	Token   Token
	Reply   *Reply
}

// Effects collects what one step wants done, and what it has to tell about itself (see Trace). The runtime owns
// it and hands it in, so that it still has what came before when a step ends in a Crash.
type Effects struct {
	List  []Effect
	Trace []Trace
}

// Reset empties out for the next step and keeps its memory.
func (o *Effects) Reset() {
	clear(o.List)
	clear(o.Trace)
	o.List = o.List[:0]
	o.Trace = o.Trace[:0]
}

func (o *Effects) Send(to ID, m Message) {
	o.List = append(o.List, Effect{Kind: DoSend, To: to, Message: m})
}

func (o *Effects) SetTimer(t Timer, after time.Duration) {
	o.List = append(o.List, Effect{Kind: DoSetTimer, Timer: t, After: after})
}

func (o *Effects) ClearTimer(t Timer) {
	o.List = append(o.List, Effect{Kind: DoClearTimer, Timer: t})
}

func (o *Effects) Append(file string, data []byte) {
	o.List = append(o.List, Effect{Kind: DoAppend, File: file, Data: data})
}

func (o *Effects) Sync(t Token) {
	o.List = append(o.List, Effect{Kind: DoSync, Token: t})
}

func (o *Effects) Replace(file string, data []byte, t Token) {
	o.List = append(o.List, Effect{Kind: DoReplace, File: file, Data: data, Token: t})
}

func (o *Effects) Read(file string, from, size int, t Token) {
	o.List = append(o.List, Effect{Kind: DoRead, File: file, From: from, Size: size, Token: t})
}

func (o *Effects) Respond(to ID, r Reply) {
	o.List = append(o.List, Effect{Kind: DoRespond, To: to, Reply: &r})
}

// Tell adds t to the node's trace.
func (o *Effects) Tell(t Trace) { o.Trace = append(o.Trace, t) }

// A Hook is what the failpoints of a node ask whether to act now. Without the failpoint build no node asks it.
type Hook interface {
	// Hit marks the passing of a point. It panics with a Crash when the process is to die here.
	Hit(point string)
	// Planted tells whether the planted bug of that name is active in this run.
	Planted(bug string) bool
}

// NoHook never acts.
type NoHook struct{}

func (NoHook) Hit(string)          {}
func (NoHook) Planted(string) bool { return false }

// PlantedHook plants the bug of its name, or those of several names with commas between them, and none where it is "". It crashes no
// node.
type PlantedHook string

func (PlantedHook) Hit(string) {}

// Planted implements Hook.
func (h PlantedHook) Planted(bug string) bool {
	for names := string(h); names != ""; {
		var name string
		if name, names, _ = strings.Cut(names, ","); name == bug {
			return true
		}
	}
	return false
}

// A Crash is what Hook.Hit panics with to end a process in the middle of a step. The runtime performs the
// effects that came before, then takes the process down.
type Crash struct{ Point string }
