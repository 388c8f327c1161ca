package linearizability

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

// DrawLimit is how many operations are drawn at most: a browser has to hold them, and a reader to look at them.
const DrawLimit = 600

// Other limits of a page.
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

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// Draw writes one page of HTML that needs nothing else: the verdict, why it is so, and the history around it, or its first
// operations when there is nothing to explain.
func (f *FileResult) Draw(w io.Writer) (Drawing, error) {
	if f.recording == nil {
		return Drawing{}, errors.New("nothing to draw: " + f.Reason)
	}
	d := newDrawer(f)
	if len(d.ops) == 0 {
		return Drawing{}, errors.New("nothing to draw: no operation has a known outcome")
	}
	return d.drawing, pageTemplate.Execute(w, d.page())
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
	row        int
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

// A drawer lays out a page.
type drawer struct {
	f       *FileResult
	ops     []shownOp // drawn, by their begin
	rows    []pageRow
	x       map[int64]int // by the time of an event
	drawing Drawing
	events  []int64
	width   int
}

func newDrawer(f *FileResult) *drawer {
	d := &drawer{f: f, x: make(map[int64]int)}
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
	if len(d.ops) > 0 {
		d.timeline()
		d.clients()
	}
	return d
}

// endpoints is what operation says, without its text.
func (r *Recording) endpoints(at int) shownOp {
	if r.Model.Transactional() {
		return shownOp{begin: r.Txns[at].Begin, end: r.Txns[at].End}
	}
	return shownOp{begin: r.Calls[at].Begin, end: r.Calls[at].end(), key: r.Calls[at].Key}
}

// timeline gives every event a place from left to right. Those of the core have room for their texts.
func (d *drawer) timeline() {
	wide := make(map[int64]bool)
	timeless := true
	for _, op := range d.ops {
		timeless = timeless && op.begin == 0 && (op.end == 0 || op.end == Unfinished)
	}
	if timeless {
		// Without times, the transactions of a session stand one behind the other.
		count := make(map[string]int64)
		for i := range d.ops {
			op := &d.ops[i]
			count[op.client]++
			op.begin, op.end = 2*count[op.client], 2*count[op.client]+1
		}
	}
	for _, op := range d.ops {
		d.events = append(d.events, op.begin)
		if op.end != Unfinished && !op.unknown {
			d.events = append(d.events, op.end)
		}
		if op.core {
			wide[op.begin] = true
		}
	}
	slices.Sort(d.events)
	d.events = slices.Compact(d.events)
	narrow := min(44, max(6, 6000/len(d.events)))
	at := 8
	for _, event := range d.events {
		d.x[event] = at
		at += narrow
		if wide[event] {
			at += 150
		}
	}
	d.width = at + 120
}

// clients gives every client a row, those of the core first.
func (d *drawer) clients() {
	has := make(map[string]bool)
	for _, op := range d.ops {
		has[op.client] = has[op.client] || op.core
	}
	number := make(map[string]int)
	for _, core := range []bool{true, false} {
		for _, op := range d.ops {
			if _, known := number[op.client]; !known && has[op.client] == core {
				number[op.client] = len(d.rows)
				d.rows = append(d.rows, pageRow{Name: "client " + op.client, Core: core, Y: headHeight + rowHeight*len(d.rows)})
			}
		}
	}
	for i := range d.ops {
		d.ops[i].row = number[d.ops[i].client]
	}
}

// Sizes of the drawing, in pixels.
const (
	headHeight = 46 // with room for the arrows of the first row below the names of the faults
	rowHeight  = 34
	barMargin  = 4
)

// What the template shows.
type (
	page struct {
		Verdict                        Verdict
		File, Facts, WhyHead, Reason   string
		CoreSays                       string
		Core                           []pageCore
		MoreCore                       int
		OrdersSay                      string
		Orders, Notes                  []string
		Drawn                          string
		Head, RowHeight, Width, Height int
		Rows                           []pageRow
		Bars                           []pageBar
		Bands                          []pageBand
		Arrows                         []pageArrow
	}
	pageCore struct {
		At          int
		Text, Where string
		Drawn       bool
	}
	pageRow struct {
		Name string
		Core bool
		Y    int
	}
	pageBar struct {
		At, Row, X, Y, W, H, Tab int
		Text, Short, Where       string
		Core, Blamed, Unknown    bool
	}
	pageBand struct {
		X, W int
		Text string
	}
	pageArrow struct{ X1, Y1, CX1, CY1, CX2, CY2, X2, Y2 int }
)

func (d *drawer) page() page {
	f := d.f
	p := page{Verdict: f.Verdict, File: clipped(f.File, drawText), Reason: clipped(f.Reason, drawReason), Drawn: d.drawing.String(),
		Head: headHeight, RowHeight: rowHeight, Width: d.width, Height: headHeight + rowHeight*len(d.rows), Rows: d.rows}
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
	p.WhyHead = "Why it could not be told"
	switch {
	case f.Next != "":
		p.WhyHead = fmt.Sprintf("Why it is not %s", f.Next)
	case f.Verdict == Illegal:
		p.WhyHead = "Why it is illegal"
	}
	drawn := make(map[int]bool)
	for i := range d.ops {
		drawn[d.ops[i].at] = true
	}
	blamed := -1
	if x := f.explanation; x != nil {
		p.Reason = clipped(x.Violation.Error(), drawReason)
		p.CoreSays = coreSays(x.Minimal, len(x.Core))
		blamed = x.blamed(f.recording)
		p.MoreCore = max(0, len(x.Core)-drawCore)
		for _, at := range x.Core[:len(x.Core)-p.MoreCore] {
			op := f.recording.operation(at)
			p.Core = append(p.Core, pageCore{at, shorten(op.text), op.where(), drawn[at]})
		}
		for _, e := range x.Orders[:min(len(x.Orders), drawEdges)] {
			p.Orders = append(p.Orders, f.recording.order(e))
		}
		p.OrdersSay = ordersSay(x.Orders)
	}
	bars := make(map[int]pageBar)
	for _, op := range d.ops {
		b := pageBar{At: op.at, Row: op.row, X: d.x[op.begin], Y: d.rows[op.row].Y + barMargin, H: rowHeight - 2*barMargin, Tab: -1,
			Text: shorten(op.text), Short: op.text, Where: op.where(), Core: op.core, Blamed: op.at == blamed, Unknown: op.unknown || op.end == Unfinished}
		b.Short = shorten(b.Short)
		if op.core {
			b.Tab = 0
		}
		end := d.width
		if !b.Unknown {
			end = d.x[op.end]
		}
		b.W = max(end-b.X-2, 6)
		bars[op.at] = b
		p.Bars = append(p.Bars, b)
	}
	p.Bands = d.bands()
	if x := f.explanation; x != nil {
		for _, e := range x.Orders[:min(len(x.Orders), drawEdges)] {
			from, ok := bars[e.FromIndex]
			to, ok2 := bars[e.ToIndex]
			if ok && ok2 {
				p.Arrows = append(p.Arrows, arrow(from, to))
			}
		}
	}
	return p
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

// bands are the faults, where they fall into what is drawn.
func (d *drawer) bands() []pageBand {
	var bands []pageBand
	first, last := d.events[0], d.events[len(d.events)-1]
	place := func(time int64) int {
		at, _ := slices.BinarySearch(d.events, time)
		if at == len(d.events) {
			return d.width
		}
		return d.x[d.events[at]]
	}
	for _, fault := range d.f.recording.Faults {
		if fault.Begin > last || fault.End < first || len(bands) == drawFaults {
			continue
		}
		text := shorten(fault.Name)
		if fault.Value != "" {
			text += " " + shorten(fault.Value)
		}
		x := place(fault.Begin)
		bands = append(bands, pageBand{x, max(4, place(fault.End)-x), text})
	}
	return bands
}

// arrow leads from one bar to another.
func arrow(from, to pageBar) pageArrow {
	a := pageArrow{X1: from.X + min(from.W, 90)/2, X2: to.X + min(to.W, 90)/2, Y1: from.Y + from.H, Y2: to.Y}
	bend := 30
	switch {
	case from.Row == to.Row:
		a.Y1, a.Y2 = from.Y, to.Y
		a.CX1, a.CX2, a.CY1, a.CY2 = a.X1, a.X2, a.Y1-bend, a.Y2-bend
		return a
	case from.Row > to.Row:
		a.Y1, a.Y2 = from.Y, to.Y+to.H
		bend = -bend
	}
	a.CX1, a.CX2, a.CY1, a.CY2 = a.X1, a.X2, a.Y1+bend, a.Y2-bend
	return a
}

func shorten(text string) string { return clipped(text, drawText) }

// clipped is a text of at most so many bytes.
func clipped(text string, most int) string {
	if len(text) <= most {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
