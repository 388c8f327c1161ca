package failure

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A Trail is what happened in a run: all of it as hashes, and as records, bounded, the end of it and what was around the event at which
// something was found: a stall, or a long run, has long pushed that out of its end. Lines for people are made of these.
type Trail struct {
	Events int `json:"events"` // things that happened, deliveries and losses and traces alike
	// Hashes has the low 32 bits, little-endian, of the chained hash after each of the first events, in base64. It says
	// which event is the first by which another run differs.
	Hashes string `json:"hashes"`
	From   int    `json:"from"` // number of the event of the first record, from 1
	// Nodes are the names of all processes and clients, by address.
	Nodes   map[node.ID]string `json:"nodes"`
	Records []sim.Record       `json:"records"`
	// Around are the records before and just behind the event of the finding by which the run fails, as far as Records has them no more.
	// Their numbers follow one another.
	Around []sim.Record `json:"around,omitempty"`
}

// Bounds of a trail: records, and hashes.
const (
	trailRecords = 5_000
	aroundBefore = 2_000 // records before the event of a finding, it among them
	aroundBehind = 50
	trailHashes  = 1 << 20
	allRecords   = 1 << 20 // of a trail that is compared and not kept
)

// Record makes a run and writes down every event. Where it fails by what was found at an event that its end does not have, it is made once
// more, for what was around that.
func Record(s harness.System, c configuration.Configuration) (harness.Result, *Trail) {
	result, t := record(s, c, trailRecords)
	if t != nil {
		t.lookAround(s, c, &result)
	}
	return result, t
}

// lookAround adds what was around the event of the finding by which a run fails. Of a system that is not deterministic nothing is added:
// the second run is another one.
func (t *Trail) lookAround(s harness.System, c configuration.Configuration, r *harness.Result) {
	target, fails := TargetOf(r.Findings)
	if !fails {
		return
	}
	event := target.In(r).Event
	if event == 0 || event >= uint64(t.From) {
		return
	}
	again, around := recorded(s, c, aroundBefore+aroundBehind, min(event+aroundBehind, uint64(t.From)-1), nil)
	if around == nil || again.Hash != r.Hash {
		return
	}
	t.Around = around.Records()
}

func record(s harness.System, c configuration.Configuration, records int) (harness.Result, *Trail) {
	return recordWith(s, c, records, nil)
}

// recordWith is record, and has the lines be heard by which programs answer.
func recordWith(s harness.System, c configuration.Configuration, records int, heard func(node.ID, uint64, []byte)) (harness.Result, *Trail) {
	result, r := recorded(s, c, records, math.MaxUint64, heard)
	if r == nil {
		return result, nil
	}
	return result, trailOf(r)
}

// recorded makes a run, and keeps the last records of its events up to one. There are none where it is not a run at all.
func recorded(s harness.System, c configuration.Configuration, records int, to uint64, heard func(node.ID, uint64, []byte)) (result harness.Result, r *sim.Recorder) {
	result = harness.RunWith(s, c, harness.Options{Heard: heard, Listen: func(w *sim.World, e *sim.Event) {
		if r == nil {
			r = sim.NewRecorder(w, records)
		}
		if e.Seq <= to {
			r.Hear(e)
		}
	}})
	return result, r
}

func trailOf(r *sim.Recorder) *Trail {
	hashes, records := r.Hashes(), r.Records()
	t := &Trail{Events: len(hashes), From: len(hashes) - len(records) + 1, Nodes: r.Nodes(), Records: records}
	var b []byte
	for _, h := range hashes[:min(len(hashes), trailHashes)] {
		b = binary.LittleEndian.AppendUint32(b, uint32(h))
	}
	t.Hashes = base64.StdEncoding.EncodeToString(b)
	return t
}

// marks returns the hashes of a trail.
func (t *Trail) marks() ([]uint32, error) {
	b, err := base64.StdEncoding.DecodeString(t.Hashes)
	if err != nil {
		return nil, err
	}
	marks := make([]uint32, len(b)/4)
	for i := range marks {
		marks[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return marks, nil
}

// line returns the line of event number n, or "" when the trail has dropped it.
func (t *Trail) line(n int) string {
	if i := n - t.From; i >= 0 && i < len(t.Records) {
		return t.Records[i].Line(t.Name)
	}
	if len(t.Around) > 0 {
		if i := n - int(t.Around[0].Number); i >= 0 && i < len(t.Around) {
			return t.Around[i].Line(t.Name)
		}
	}
	return ""
}

// Name names a node.
func (t *Trail) Name(id node.ID) string {
	if name, known := t.Nodes[id]; known {
		return name
	}
	return fmt.Sprintf("process %d", id)
}

// Lines renders the records for people, one line each.
func (t *Trail) Lines() []string {
	lines := make([]string, len(t.Records))
	for i := range t.Records {
		lines[i] = t.Records[i].Line(t.Name)
	}
	return lines
}
