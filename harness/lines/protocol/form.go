package protocol

import (
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/impl/node"
)

// Version is that of the protocol. It grows with any change that a program of the one before would not take.
const Version = 1

// A greeting is the harness's first line. What a program must have is always there; the rest is left out where it is zero.
type greeting struct {
	Firstgap *uint16
	Wire     *uint16
	Hello    *hello
}

type hello struct {
	Role    string
	ID      node.ID
	Index   *int
	Members []node.ID
	Seed    *uint64
	Bug     string
	Volume  *node.Volume
	Nodes   *nodes
}

// nodes are those of aurora.Nodes, with durations as the wire has them.
type nodes struct {
	BackupEvery      time.Duration
	ScrubEvery       time.Duration
	CoalesceEvery    time.Duration
	GossipEvery      time.Duration
	FillChunk        int
	CachePages       int
	ReaderCachePages int
	LogAhead         int
	RetryEvery       time.Duration
	ReaderRetryEvery time.Duration
	MonitorEvery     time.Duration
	SuspectAfter     int
	IdleAfter        time.Duration
}

func nodesOf(n aurora.Nodes) *nodes {
	return &nodes{time.Duration(n.BackupEvery), time.Duration(n.ScrubEvery), time.Duration(n.CoalesceEvery), time.Duration(n.GossipEvery), n.FillChunk, n.CachePages,
		n.ReaderCachePages, n.LogAhead, time.Duration(n.RetryEvery), time.Duration(n.ReaderRetryEvery), time.Duration(n.MonitorEvery), n.SuspectAfter, time.Duration(n.IdleAfter)}
}

func (n *nodes) aurora() aurora.Nodes {
	return aurora.Nodes{BackupEvery: faults.Duration(n.BackupEvery), ScrubEvery: faults.Duration(n.ScrubEvery), CoalesceEvery: faults.Duration(n.CoalesceEvery),
		GossipEvery: faults.Duration(n.GossipEvery), FillChunk: n.FillChunk, CachePages: n.CachePages, ReaderCachePages: n.ReaderCachePages, LogAhead: n.LogAhead,
		RetryEvery: faults.Duration(n.RetryEvery), ReaderRetryEvery: faults.Duration(n.ReaderRetryEvery), MonitorEvery: faults.Duration(n.MonitorEvery),
		SuspectAfter: n.SuspectAfter, IdleAfter: faults.Duration(n.IdleAfter)}
}

// A welcome is a program's answer to the greeting.
type welcome struct {
	Firstgap int               `json:"firstgap"`
	Name     string            `json:"name,omitempty"`   // of the program, for people
	Timers   map[string]string `json:"timers,omitempty"` // what they are for, in a word or two, by their numbers
}

// A happening is the harness's line for an event.
type happening struct {
	Now   *node.Time
	Event *node.Event
	// Damaged says that a record of the message was damaged on its way: its sum does not fit. Whoever cannot compute sums goes by it.
	Damaged bool
}

// An answer is a program's line back. A state that is left out is the one that it told last.
type answer struct {
	Effects *[]node.Effect
	Trace   []node.Trace
	State   *node.State
}

// The forms of the lines that carry what the wire has.
var (
	greetings  = node.FormOf[greeting]()
	happenings = node.FormOf[happening]()
	answers    = node.FormOf[answer]()
)

// Schema is the JSON Schema (2020-12) of every line: what the harness writes are #/$defs/greeting and #/$defs/happening, what a program
// writes #/$defs/welcome and #/$defs/answer, and a frame of the wire is #/$defs/frame.
func Schema() node.Schema {
	defs := node.Schemas{}
	defs["frame"] = defs.Frame()
	line := func(name, what string, s node.Schema, required ...string) {
		s["description"], s["required"] = what, required
		defs[name] = s
	}
	line("greeting", "the first line that a program reads", greetings.Schema(defs), "firstgap", "wire", "hello")
	line("happening", "the line that a program reads for each event", happenings.Schema(defs), "now", "event")
	line("answer", "the line that a program writes for each event", answers.Schema(defs), "effects")
	line("welcome", "the line that a program writes for the first one", node.Schema{"type": "object", "additionalProperties": false, "properties": node.Schema{
		"firstgap": node.Schema{"const": Version}, "name": node.Schema{"type": "string"},
		"timers": node.Schema{"type": "object", "propertyNames": node.Schema{"pattern": "^(0|[1-9][0-9]{0,9})$"}, "additionalProperties": node.Schema{"type": "string"}},
	}}, "firstgap")
	defs["hello"]["required"] = []string{"role", "id", "index", "members", "seed"}
	return node.Schema{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "firstgap's protocol of lines, version 1, with the wire of version 2",
		"oneOf": []node.Schema{{"$ref": "#/$defs/greeting"}, {"$ref": "#/$defs/welcome"}, {"$ref": "#/$defs/happening"}, {"$ref": "#/$defs/answer"}, {"$ref": "#/$defs/frame"}},
		"$defs": defs}
}
