package failure

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A Trail is what happened in a run: all of it as hashes, and the end of it, bounded, as records. Lines for people are made
// of these.
type Trail struct {
	Events int `json:"events"` // things that happened, deliveries and losses and traces alike
	// Hashes has the low 32 bits, little-endian, of the chained hash after each of the first events, in base64. It says
	// which event is the first by which another run differs.
	Hashes string `json:"hashes"`
	From   int    `json:"from"` // number of the event of the first record, from 1
	// Nodes are the names of all processes and clients, by address.
	Nodes   map[node.ID]string `json:"nodes"`
	Records []sim.Record       `json:"records"`
}

// Bounds of a trail: records, and hashes.
const (
	trailRecords = 5_000
	trailHashes  = 1 << 20
	allRecords   = 1 << 20 // of a trail that is compared and not kept
)

// Record makes a run and writes down every event.
func Record(s harness.System, c configuration.Configuration) (harness.Result, *Trail) {
	return record(s, c, trailRecords)
}

func record(s harness.System, c configuration.Configuration, records int) (harness.Result, *Trail) {
	var r *sim.Recorder
	result := harness.RunWith(s, c, harness.Options{Listen: func(w *sim.World, e *sim.Event) {
		if r == nil {
			r = sim.NewRecorder(w, records)
		}
		r.Hear(e)
	}})
	if r == nil {
		return result, nil // not a run at all
	}
	return result, trailOf(r)
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
