// Package shipping makes Aurora's own writer and segments ship pages: with every batch of log records go the whole pages
// that the records have changed, and a segment makes them durable before it acknowledges. Nothing else differs, so that a
// comparison shows what it costs to send pages, apart from what quorums cost.
//
// Use packages writer and segment by themselves instead when an engineer does not measure what pages cost: wrapped, they
// are the same nodes with more to send.
package shipping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// writer is what the wrapper asks the writer that it wraps.
type writer interface {
	node.Node
	Epoch() node.Epoch
}

// A Writer is a writer that sends pages beside its records.
type Writer struct {
	inner writer
	size  int
	pages map[node.PageID]*page.Page // all that the writer has read or changed, as of its last record
	ships map[*node.Append]*node.AppendPages
}

// NewWriter wraps a writer of a volume with pages of that size, in bytes.
func NewWriter(inner node.Node, size int) (*Writer, error) {
	w, ok := inner.(writer)
	if !ok {
		return nil, fmt.Errorf("shipping: expected a writer that tells its epoch, found %T", inner)
	}
	return &Writer{inner: w, size: size, pages: map[node.PageID]*page.Page{}, ships: map[*node.Append]*node.AppendPages{}}, nil
}

// Stop lets go of what the writer holds.
func (w *Writer) Stop() {
	if s, ok := w.inner.(interface{ Stop() }); ok {
		s.Stop()
	}
}

// Phase says what the writer is doing, if it tells.
func (w *Writer) Phase() string {
	if p, ok := w.inner.(interface{ Phase() string }); ok {
		return p.Phase()
	}
	return ""
}

// Step implements node.Node.
func (w *Writer) Step(now node.Time, ev node.Event, out *node.Effects) {
	if m, ok := ev.Message.(*node.PageImage); ok && ev.Kind == node.Received && m.Epoch == w.inner.Epoch() {
		// The writer changes no page that it has not read, so one that is not known here has no record of it yet.
		if p, err := page.Decode(m.Image); err == nil && w.pages[p.ID] == nil {
			w.pages[p.ID] = p
		}
	}
	traces, effects := len(out.Trace), len(out.List)
	w.inner.Step(now, ev, out)
	for _, t := range out.Trace[traces:] {
		if t.Record != nil && t.Action == node.IssueOf(t.Record.Kind) && t.Record.Kind != node.Commit {
			w.apply(t.Record)
		}
	}
	clear(w.ships)
	for i := range out.List[effects:] {
		e := &out.List[effects+i]
		if m, ok := e.Message.(*node.Append); ok && e.Kind == node.DoSend && len(m.Records) > 0 {
			e.Message = w.ship(m)
		}
	}
}

func (w *Writer) apply(r *node.Record) {
	p := w.pages[r.Page]
	if p == nil {
		p = page.New(r.Page, 0, 0, 0) // this is its first change
		w.pages[r.Page] = p
	}
	if err := p.Apply(r); err != nil {
		panic("shipping: the writer's pages differ from what it has read and written: " + err.Error())
	}
}

// ship adds the pages that the records have changed, each once, as they are now, and as large as they are on a disk.
func (w *Writer) ship(m *node.Append) *node.AppendPages {
	if s := w.ships[m]; s != nil {
		return s
	}
	s := &node.AppendPages{Append: *m}
	for _, r := range m.Records {
		if r.Kind == node.Commit || slices.ContainsFunc(s.Images, func(i node.Block) bool { return i.Number == uint32(r.Page) }) {
			continue
		}
		if p := w.pages[r.Page]; p != nil { // else an earlier writer's record, sent again
			image := make([]byte, w.size)
			copy(image, p.Encode())
			s.Images = append(s.Images, node.Block{Number: uint32(r.Page), Data: image})
		}
	}
	w.ships[m] = s
	return s
}

const (
	pagePrefix = "page-"
	// pageToken marks the completions that are not the segment's own.
	pageToken node.Token = 1 << 63
)

// A Segment is a segment that keeps the pages that it is sent.
type Segment struct {
	inner node.Node
	pages uint64 // stored since the last start
}

// NewSegment wraps a segment.
func NewSegment(inner node.Node) *Segment { return &Segment{inner: inner} }

// Stored returns how many pages were stored since the last start.
func (s *Segment) Stored() uint64 { return s.pages }

// Step implements node.Node. The disk does one thing after the other: when the records are durable, and acknowledged, so
// are the pages. A page that is there without its records is ahead of the log, and counts for nothing.
func (s *Segment) Step(now node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		ev.Files = slices.DeleteFunc(slices.Clone(ev.Files), func(f node.File) bool { return strings.HasPrefix(f.Name, pagePrefix) })
	case node.DiskDone:
		if ev.Token&pageToken != 0 {
			return
		}
	case node.Received:
		if m, ok := ev.Message.(*node.AppendPages); ok {
			for _, i := range m.Images {
				s.pages++
				out.Replace(fmt.Sprint(pagePrefix, i.Number), i.Data, pageToken)
			}
			ev.Message = &m.Append
		}
	}
	s.inner.Step(now, ev, out)
}
