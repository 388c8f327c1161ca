package node

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// A Span says that the log from From on, up to the next span, was written by Epoch.
type Span struct {
	Epoch Epoch
	From  LSN
}

// A History names the writer of every LSN of one line of the log: it is the whole history of cuts that led to it.
// A cut always travels with all of it. Were it only the last cut, a segment that missed one in between would keep
// records that no other segment has (schedule Q4 of the model: 23 steps to a dropped record that was visible).
// A History is never changed; Cut returns a new one.
type History []Span

// FirstHistory is that of a volume that was never recovered.
func FirstHistory() History { return History{{Epoch: 1, From: 1}} }

// Line returns the epoch whose log this is the history of.
func (h History) Line() Epoch { return h[len(h)-1].Epoch }

// Owner returns the epoch whose record stands at l on this line.
func (h History) Owner(l LSN) Epoch {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i].From <= l {
			return h[i].Epoch
		}
	}
	return 0
}

// Has tells whether the record (l, e) is on this line.
func (h History) Has(l LSN, e Epoch) bool { return h.Owner(l) == e }

// Cut returns the history of the line that keeps this one up to base and goes on in epoch e.
func (h History) Cut(base LSN, e Epoch) History {
	var kept History
	for _, s := range h {
		if s.From <= base {
			kept = append(kept, s)
		}
	}
	return append(kept, Span{Epoch: e, From: base + 1})
}

// Base returns how much of the log the newest epoch kept from before.
func (h History) Base() LSN { return h[len(h)-1].From - 1 }

// AppendBinary appends the history to b.
func (h History) AppendBinary(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(h)))
	for _, s := range h {
		b = binary.AppendUvarint(b, uint64(s.Epoch))
		b = binary.AppendUvarint(b, uint64(s.From))
	}
	return b
}

// DecodeHistory reads what AppendBinary wrote, and nothing else.
func DecodeHistory(b []byte) (History, error) {
	d := decoder{b: b}
	n := d.uvarint()
	if n > uint64(len(b)) {
		return nil, fmt.Errorf("history: %d spans in %d bytes", n, len(b))
	}
	h := make(History, n)
	for i := range h {
		h[i] = Span{Epoch: Epoch(d.uvarint()), From: LSN(d.uvarint())}
		if i > 0 && (h[i].Epoch <= h[i-1].Epoch || h[i].From < h[i-1].From) {
			return nil, fmt.Errorf("history: span %d does not follow the one before it", i)
		}
	}
	if d.short || len(d.b) != 0 || n == 0 {
		return nil, fmt.Errorf("history of %d bytes: malformed", len(b))
	}
	return h, nil
}

func (h History) String() string {
	parts := make([]string, len(h))
	for i, s := range h {
		parts[i] = fmt.Sprintf("%d from %d", s.Epoch, s.From)
	}
	return strings.Join(parts, ", ")
}

// Common returns the highest LSN up to which both lines hold the same records.
func (h History) Common(o History) LSN {
	i := 0
	for i < len(h) && i < len(o) && h[i] == o[i] {
		i++
	}
	switch {
	case i < len(h) && i < len(o):
		return min(h[i].From, o[i].From) - 1
	case i < len(h):
		return h[i].From - 1
	case i < len(o):
		return o[i].From - 1
	}
	return ^LSN(0)
}
