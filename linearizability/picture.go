package linearizability

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// DrawLimit is how many operations are drawn at most: a browser has to hold them, and a reader to look at them.
const DrawLimit = 600

// Other limits of a picture.
const (
	drawText   = 300 // bytes of an operation's text
	drawRows   = 100 // clients
	drawFaults = 200
	drawEdges  = 100
	drawCore   = 200  // operations of the contradiction in the list; all of them are among those drawn, as far as these go
	drawReason = 4000 // bytes of a sentence
)

// A Drawing says what was drawn.
type Drawing struct {
	Drawn, Of int // operations
}

func (d Drawing) String() string {
	if d.Drawn == d.Of {
		return fmt.Sprintf("drawn: all %d operations", d.Of)
	}
	return fmt.Sprintf("drawn: %d of %d operations (at most %d of at most %d clients: those next to the contradiction, on its key first)", d.Drawn, d.Of, DrawLimit, drawRows)
}

// A Picture is what there is to draw of a history: the verdict, why it is so, and the operations around it, or the first ones where there is
// nothing to explain. All of it is bounded. Who draws it is for the caller to say.
type Picture struct {
	Drawing
	Verdict    Verdict
	File       string
	Facts      string
	Head       string // what Reason is the reason of
	Reason     string
	CoreSays   string // what the core is, "" where there is none
	Core       []int  // places in Operations, as they are to be read
	MoreCore   int    // operations of the core that are not listed or not drawn
	OrdersSay  string
	Orders     []string
	Notes      []string
	Operations []PictureOperation // by their begin
	Faults     []PictureFault
}

// A PictureOperation is a call or a transaction as it is shown to people.
type PictureOperation struct {
	Client     string
	Text       string
	Where      string // whose it is, where it was recorded, and when it was
	Begin, End int64  // End counts unless Open
	Open       bool   // its end is not known
	Core       bool   // of the contradiction
	Blamed     bool   // the one that cannot be
}

// A PictureFault is something that a nemesis did.
type PictureFault struct {
	Text       string
	Begin, End int64
}

// explain finds the core of an illegal history.
func (f *FileResult) explain(ctx context.Context, level Level, limits Limits) {
	if f.result.Verdict != Illegal {
		return
	}
	x, err := f.recording.Explain(ctx, f.Model, level, f.result, limits)
	if err != nil {
		f.Notes = append(f.Notes, "the smallest contradictory part was not found: "+err.Error())
		return
	}
	f.explanation = &x
	f.Minimal = x.Minimal
	f.Core = f.recording.core(x)
}

// core are the operations of an explanation.
func (r *Recording) core(x Explanation) []CoreOperation {
	list := make([]CoreOperation, len(x.Core))
	for i, at := range x.Core {
		op := r.operation(at)
		list[i] = CoreOperation{op.client, op.text, op.line, op.begin, op.end}
	}
	return list
}

// A shownOp is a call or a transaction as it is shown to people.
type shownOp struct {
	at         int // in the history
	client     string
	text       string
	key        string // of a call
	line       int
	begin, end int64
	unknown    bool
	core       bool
}

// operation is the one with that index.
func (r *Recording) operation(at int) shownOp {
	if r.Model.Transactional() {
		t := &r.Txns[at]
		op := shownOp{at: at, client: shorten(r.clientName(t.Client)), text: t.describe(), begin: t.Begin, end: t.End, unknown: t.Outcome == OutcomeUnknown}
		if at < len(r.txnLines) {
			op.line = r.txnLines[at]
		}
		return op
	}
	c := &r.Calls[at]
	return shownOp{at: at, client: shorten(r.clientName(c.Client)), text: c.String(), key: c.Key, line: c.Line, begin: c.Begin, end: c.end(), unknown: c.Unknown}
}

func (r *Recording) operations() int { return max(len(r.Calls), len(r.Txns)) }

// where says whose an operation is and where it was recorded.
func (o *shownOp) where() string {
	text := "client " + o.client
	if o.line > 0 {
		text += fmt.Sprintf(", line %d", o.line)
	}
	switch {
	case o.unknown:
		text += fmt.Sprintf(", from %d, outcome unknown", o.begin)
	case o.begin != 0 || o.end != 0:
		text += fmt.Sprintf(", from %d to %d", o.begin, o.end)
	}
	return text
}

// A drawer chooses what is drawn.
type drawer struct {
	f       *FileResult
	ops     []shownOp // drawn, by their begin
	drawing Drawing
}

func newDrawer(f *FileResult) *drawer {
	d := &drawer{f: f}
	rec := f.recording
	core := make(map[int]bool)
	first, last, key := int64(0), int64(0), ""
	if f.explanation != nil {
		for i, at := range f.explanation.Core {
			op := rec.operation(at)
			core[at] = true
			if i == 0 {
				first, last, key = op.begin, op.begin, op.key
			}
			first, last = min(first, op.begin), max(last, op.begin)
			if !op.unknown && op.end != Unfinished {
				last = max(last, op.end)
			}
		}
	}
	// The nearest ones first: the core itself, then its key, then by the distance in time.
	type near struct {
		at       int
		rank     int
		distance int64
	}
	list := make([]near, rec.operations())
	for i := range list {
		op := rec.endpoints(i)
		n := near{at: i, rank: 2}
		switch {
		case core[i]:
			n.rank = 0
		case op.key == key:
			n.rank = 1
		}
		switch {
		case op.begin > last:
			n.distance = op.begin - last
		case op.end < first:
			n.distance = first - op.end
		}
		list[i] = n
	}
	slices.SortStableFunc(list, func(a, b near) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.distance, b.distance), cmp.Compare(a.at, b.at))
	})
	clients := make(map[string]bool)
	for _, n := range list {
		if len(d.ops) == DrawLimit {
			break
		}
		op := rec.operation(n.at)
		if !clients[op.client] && len(clients) == drawRows {
			continue
		}
		clients[op.client] = true
		op.core = core[n.at]
		d.ops = append(d.ops, op)
	}
	slices.SortStableFunc(d.ops, func(a, b shownOp) int { return cmp.Compare(a.begin, b.begin) })
	d.drawing = Drawing{Drawn: len(d.ops), Of: rec.operations()}
	d.order()
	return d
}

// endpoints is what operation says, without its text.
func (r *Recording) endpoints(at int) shownOp {
	if r.Model.Transactional() {
		return shownOp{begin: r.Txns[at].Begin, end: r.Txns[at].End}
	}
	return shownOp{begin: r.Calls[at].Begin, end: r.Calls[at].end(), key: r.Calls[at].Key}
}

// order gives the transactions of a session times, one behind the other, where none has any.
func (d *drawer) order() {
	for _, op := range d.ops {
		if op.begin != 0 || op.end != 0 && op.end != Unfinished {
			return
		}
	}
	count := make(map[string]int64)
	for i := range d.ops {
		op := &d.ops[i]
		count[op.client]++
		op.begin, op.end = 2*count[op.client], 2*count[op.client]+1
	}
}

// Picture returns what there is to draw.
func (f *FileResult) Picture() (*Picture, error) {
	if f.recording == nil {
		return nil, errors.New("nothing to draw: " + f.Reason)
	}
	d := newDrawer(f)
	if len(d.ops) == 0 {
		return nil, errors.New("nothing to draw: no operation has a known outcome")
	}
	p := &Picture{Verdict: f.Verdict, File: clipped(f.File, drawText), Reason: clipped(f.Reason, drawReason), Drawing: d.drawing}
	p.Facts = fmt.Sprintf("%d operations, %d of unknown outcome; format %s, model %s", f.Operations, f.Unknown, f.Format, f.Model)
	if f.Level != "" {
		p.Facts += fmt.Sprintf(", level %s", f.Level)
	}
	if f.Strongest != "" {
		p.Facts += fmt.Sprintf("; the strongest level that holds is %s", f.Strongest)
	}
	for _, note := range f.Notes {
		p.Notes = append(p.Notes, clipped(note, drawReason))
	}
	p.Head = "Why it could not be told"
	switch {
	case f.Next != "":
		p.Head = fmt.Sprintf("Why it is not %s", f.Next)
	case f.Verdict == Illegal:
		p.Head = "Why it is illegal"
	}
	place := make(map[int]int) // in Operations, by the place in the history
	for i := range d.ops {
		place[d.ops[i].at] = i
	}
	blamed := -1
	if x := f.explanation; x != nil {
		p.Reason = clipped(x.Violation.Error(), drawReason)
		p.CoreSays = coreSays(x.Minimal, len(x.Core))
		blamed = x.blamed(f.recording)
		for _, at := range x.Core {
			if i, drawn := place[at]; drawn && len(p.Core) < drawCore {
				p.Core = append(p.Core, i)
			}
		}
		p.MoreCore = len(x.Core) - len(p.Core)
		for _, e := range x.Orders[:min(len(x.Orders), drawEdges)] {
			p.Orders = append(p.Orders, f.recording.order(e))
		}
		p.OrdersSay = ordersSay(x.Orders)
	}
	for _, op := range d.ops {
		p.Operations = append(p.Operations, PictureOperation{Client: op.client, Text: shorten(op.text), Where: op.where(), Begin: op.begin, End: op.end,
			Open: op.unknown || op.end == Unfinished, Core: op.core, Blamed: op.at == blamed})
	}
	p.Faults = d.faults()
	return p, nil
}

// ordersSay says what forced orders are together: a circle, or one when a write and those who saw its value count as one.
func ordersSay(orders []Edge) string {
	for i, e := range orders {
		if e.ToIndex != orders[(i+1)%len(orders)].FromIndex {
			return "These orders are forced. As nothing stands between a write and those who see its value, they go in a circle:"
		}
	}
	return "These orders are forced, and they go in a circle:"
}

// coreSays says what a core is.
func coreSays(minimal bool, n int) string {
	switch {
	case n == 1:
		return "This operation alone is already contradictory, whatever became of all others:"
	case minimal:
		return fmt.Sprintf("These %d operations are already contradictory, whatever became of all others. When any one of them is forgotten, the rest is fine:", n)
	}
	return fmt.Sprintf("These %d operations are already contradictory, whatever became of all others. It was not shown within the limits that fewer are not:", n)
}

// blamed is the operation that the objection names, or -1.
func (x *Explanation) blamed(r *Recording) int {
	var (
		ofCalls *CallViolation
		ofTxns  *Violation
	)
	switch {
	case errors.As(x.Violation, &ofCalls):
		return ofCalls.Index
	case errors.As(x.Violation, &ofTxns):
		return slices.IndexFunc(r.Txns, func(t Txn) bool { return t.ID == ofTxns.Txn })
	}
	return -1
}

// order renders a forced order.
func (r *Recording) order(e Edge) string {
	if r.Model.Transactional() {
		return e.String()
	}
	from, to := r.operation(e.FromIndex), r.operation(e.ToIndex)
	return fmt.Sprintf("client %s's %s %s: client %s's %s", from.client, shorten(from.text), e.Why, to.client, shorten(to.text))
}

// faults are those that fall into what is drawn.
func (d *drawer) faults() []PictureFault {
	var all []PictureFault
	first, last := d.ops[0].begin, d.ops[0].begin
	for _, op := range d.ops {
		last = max(last, op.begin)
		if !op.unknown && op.end != Unfinished {
			last = max(last, op.end)
		}
	}
	for _, fault := range d.f.recording.Faults {
		if fault.Begin > last || fault.End < first || len(all) == drawFaults {
			continue
		}
		text := shorten(fault.Name)
		if fault.Value != "" {
			text += " " + shorten(fault.Value)
		}
		all = append(all, PictureFault{text, fault.Begin, fault.End})
	}
	return all
}

func shorten(text string) string { return clipped(text, drawText) }

// clipped is a text of at most so many bytes.
func clipped(text string, most int) string {
	if len(text) <= most {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
