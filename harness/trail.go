package harness

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"

	"github.com/firstgap/firstgap/harness/workload"
)

// A Trail is what happened in a run: all of it as hashes, and the end of it, bounded, as lines for people.
type Trail struct {
	Events int `json:"events"` // things that happened, deliveries and losses and traces alike
	// Hashes has the low 32 bits, little-endian, of the chained hash after each of the first events, in base64. It says
	// which event is the first by which another run differs.
	Hashes string   `json:"hashes"`
	From   int      `json:"from"` // number of the event of the first line, from 1
	Lines  []string `json:"lines"`
}

// Bounds of a trail: lines, and hashes.
const (
	trailLines  = 5_000
	trailHashes = 1 << 20
)

// recorder makes the trail of a run.
type recorder struct{ inner *sim.Recorder }

func newRecorder(w *sim.World) *recorder { return &recorder{w.Record(trailLines)} }

func (r *recorder) trail() *Trail {
	hashes, lines := r.inner.Hashes(), r.inner.Lines()
	t := &Trail{Events: len(hashes), From: len(hashes) - len(lines) + 1, Lines: lines}
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
	if i := n - t.From; i >= 0 && i < len(t.Lines) {
		return t.Lines[i]
	}
	return ""
}

// A Call is one transaction of a client history, as a failure file holds it.
type Call struct {
	ID      uint64    `json:"id"`
	Client  int       `json:"client"`
	Kind    string    `json:"kind"`
	Name    string    `json:"name"` // as its writer named it
	Writer  node.ID   `json:"writer"`
	Begin   int64     `json:"begin"`         // nanoseconds
	End     *int64    `json:"end,omitempty"` // nanoseconds; missing when it was never answered
	Outcome string    `json:"outcome"`
	Reason  string    `json:"reason,omitempty"`
	Order   uint64    `json:"order,omitempty"` // claimed: the commit LSN, or what was read up to
	Ops     []CallsOp `json:"ops"`
}

// A CallsOp is one operation of a Call.
type CallsOp struct {
	Op    string  `json:"op"` // "read", "write", "delete", "scan" or "rollback"
	Key   string  `json:"key,omitempty"`
	Value *string `json:"value,omitempty"` // missing when there is none
	*Range
	Since *int `json:"since,omitempty"` // of a rollback: the first operation, from 0, whose write is taken back
}

// A Range is what a scan asked for and saw.
type Range struct {
	From string                `json:"from"`
	To   string                `json:"to"`
	Most int                   `json:"most,omitempty"`
	Rows []linearizability.Row `json:"rows"`
	More bool                  `json:"more,omitempty"`
}

// calls renders a history for a failure file.
func calls(h *workload.History) []Call {
	all := make([]Call, 0, len(h.Transactions))
	for i := range h.Transactions {
		t := &h.Transactions[i]
		c := Call{ID: t.ID, Client: t.Client, Kind: t.Kind, Name: t.Name.String(), Writer: t.Writer, Begin: t.Begin,
			Outcome: outcome(t.Outcome), Ops: make([]CallsOp, 0, len(t.Ops))}
		if t.End != linearizability.Unfinished {
			c.End = &t.End
		}
		if t.Order > 0 {
			c.Order = t.Order - 1
		}
		if t.Reason != node.ReasonNone {
			c.Reason = t.Reason.String()
		}
		for j := range t.Ops {
			o := &t.Ops[j]
			op := CallsOp{Op: "write", Key: o.Key}
			exists := true
			switch o.Kind {
			case linearizability.Scan:
				op.Op, exists = "scan", false
				op.Range = &Range{From: o.From, To: o.To, Most: o.Most, Rows: o.Rows, More: o.More}
			case linearizability.Rollback:
				op.Op, exists = "rollback", false
				op.Since = &o.Since
			case linearizability.Read:
				op.Op, exists = "read", o.Found
			case linearizability.Delete:
				op.Op, exists = "delete", false
			}
			if exists {
				op.Value = &o.Value
			}
			c.Ops = append(c.Ops, op)
		}
		all = append(all, c)
	}
	return all
}
