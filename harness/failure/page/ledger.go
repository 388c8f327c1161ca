package page

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A ledger adds up the steps that nodes tell, as the model of the volume takes them: which segment holds what, of which epoch, and how far
// the log is complete. What it has of a node is shown beside what the node says of itself.
type ledger struct {
	camera  *camera
	groups  []int // by lane, from 1; 0 for none
	rows    map[node.LSN]*Row
	inGroup map[int][]node.LSN // by group, from 1: the LSNs of its records, ascending
	issued  map[stamp]node.LSN // the LSN before each in its group
	closing []stamp            // that end a mini-transaction, as they were issued
	copies  map[int]*copyOf    // by lane
	cells   []Cell             // their columns are lanes until the end
	lines   []Line
	drawn   map[string]node.LSN
	history map[int]node.History // by lane of a writer
}

// A stamp is a record's identity.
type stamp struct {
	lsn   node.LSN
	epoch node.Epoch
}

// A copyOf is what a segment holds, as far as it has told.
type copyOf struct {
	held  map[node.LSN]node.Epoch
	after map[node.LSN]node.LSN // by the LSN before it in the group: what it holds
	base  node.LSN              // up to which it has images
	scl   node.LSN
}

func newLedger(c *camera) *ledger {
	return &ledger{camera: c, rows: map[node.LSN]*Row{}, issued: map[stamp]node.LSN{}, inGroup: map[int][]node.LSN{}, copies: map[int]*copyOf{}, drawn: map[string]node.LSN{},
		history: map[int]node.History{}}
}

func (l *ledger) copyAt(lane int) *copyOf {
	s := l.copies[lane]
	if s == nil {
		s = &copyOf{held: map[node.LSN]node.Epoch{}, after: map[node.LSN]node.LSN{}}
		l.copies[lane] = s
	}
	return s
}

func (l *ledger) tell(moment uint64, lane int, field string, value uint64) {
	l.camera.set(&l.camera.film.Model, moment, lane, field, number(value))
}

// phase says what the writer of an epoch does, in the words in which it says so itself.
func (l *ledger) phase(moment uint64, lane int, name string) {
	f := &l.camera.film
	if f.Lanes[lane].Kind != string(faults.Writer) {
		return // the register tells that an epoch is given
	}
	l.camera.set(&f.Model, moment, lane, "is", f.Lanes[lane].Kind+", "+name)
	l.camera.set(&f.Model, moment, lane, "serves", choose(name == "open", "yes", "no"))
}

// line draws a line from a moment on.
func (l *ledger) line(moment uint64, name string, at node.LSN) {
	if was, known := l.drawn[name]; !known || was != at {
		l.drawn[name] = at
		l.lines = append(l.lines, Line{Moment: moment, Name: name, LSN: at})
	}
}

// take adds a step.
func (l *ledger) take(e *sim.Event, lane int) {
	t := e.Trace
	if refused := l.camera.film.Refused; refused != 0 && e.Seq >= refused {
		if t.Action == node.ActAdvance {
			l.line(e.Seq, fmt.Sprintf("VCL as the writer of epoch %d counts", t.Epoch), t.LSN)
		}
		return
	}
	switch t.Action {
	case node.ActWrite, node.ActCommit, node.ActUndo, node.ActStructure:
		if t.Record != nil {
			l.issue(e.Seq, lane, t.Record)
		}
	case node.ActStore:
		if t.Record != nil {
			l.store(e.Seq, lane, t.Record)
		}
	case node.ActHolds:
		l.holds(e.Seq, lane, t)
	case node.ActFill:
		l.image(e.Seq, lane, t.LSN)
	case node.ActFence:
		l.tell(e.Seq, lane, "promise", uint64(t.Epoch))
	case node.ActJoin:
		l.tell(e.Seq, lane, "line", uint64(t.Epoch))
		l.tell(e.Seq, lane, "promise", uint64(t.Epoch))
		l.join(e.Seq, lane, t.History())
	case node.ActStart:
		// The register tells it, or the writer that won.
		l.tell(e.Seq, lane, "epoch", uint64(t.Epoch))
		l.phase(e.Seq, lane, "fencing")
	case node.ActDecide:
		l.tell(e.Seq, lane, "epoch", uint64(t.Epoch))
		l.tell(e.Seq, lane, "cut", uint64(t.LSN))
		l.phase(e.Seq, lane, "repairing")
		l.history[lane] = t.History()
		l.line(e.Seq, fmt.Sprintf("cut of epoch %d", t.Epoch), t.LSN)
	case node.ActOpen:
		l.phase(e.Seq, lane, "open")
	case node.ActAdvance:
		l.phase(e.Seq, lane, "open") // the first writer of a volume has nothing to recover, and does not tell that it opens
		l.tell(e.Seq, lane, "epoch", uint64(t.Epoch))
		l.tell(e.Seq, lane, "VCL", uint64(t.LSN))
		l.line(e.Seq, fmt.Sprintf("VCL of epoch %d", t.Epoch), t.LSN)
		history := l.history[lane]
		for _, s := range slices.Backward(l.closing) {
			if s.lsn <= t.LSN && (history == nil && s.epoch <= t.Epoch || history != nil && history.Has(s.lsn, s.epoch)) {
				l.tell(e.Seq, lane, "VDL", uint64(s.lsn))
				l.line(e.Seq, fmt.Sprintf("VDL of epoch %d", t.Epoch), s.lsn)
				break
			}
		}
	}
}

// issue notes a record that a writer gave its LSN.
func (l *ledger) issue(moment uint64, lane int, r *node.Record) {
	l.tell(moment, lane, "last LSN", uint64(r.LSN))
	l.record(moment, r)
}

func (l *ledger) record(moment uint64, r *node.Record) {
	s := stamp{r.LSN, r.Epoch}
	if _, known := l.issued[s]; known {
		return
	}
	l.issued[s] = r.Prev
	if r.Last {
		l.closing = append(l.closing, s)
	}
	words := clip(r.String(), mostRow)
	row := l.rows[r.LSN]
	group := int(r.Group) + 1
	if at, known := slices.BinarySearch(l.inGroup[group], r.LSN); !known {
		l.inGroup[group] = slices.Insert(l.inGroup[group], at, r.LSN)
	}
	if row == nil {
		l.rows[r.LSN] = &Row{LSN: r.LSN, From: moment, Group: group, Last: r.Last, Words: words}
		return
	}
	row.Group, row.Last = group, r.Last
	row.Words = clip(row.Words+"; "+words, 2*mostRow)
}

// mostRow is how many bytes of a record are shown.
const mostRow = 120

// store notes a record that a segment says it holds. A segment that starts again tells all that may be new: what was heard is passed over.
func (l *ledger) store(moment uint64, lane int, r *node.Record) {
	l.record(moment, r)
	s := l.copyAt(lane)
	if s.held[r.LSN] == r.Epoch {
		return
	}
	s.held[r.LSN] = r.Epoch
	s.after[r.Prev] = r.LSN
	l.cells = append(l.cells, Cell{Moment: moment, Column: lane, From: r.LSN, To: r.LSN, How: Holds, Epoch: r.Epoch})
	l.reach(moment, lane, s)
}

// reach moves the SCL on over everything that is there.
func (l *ledger) reach(moment uint64, lane int, s *copyOf) {
	for {
		next, is := s.after[s.scl]
		if !is || next <= s.scl {
			break
		}
		s.scl = next
	}
	l.tell(moment, lane, "SCL", uint64(s.scl))
}

// again finds the SCL anew.
func (l *ledger) again(moment uint64, lane int, s *copyOf) {
	s.after = map[node.LSN]node.LSN{}
	for _, lsn := range slices.Sorted(maps.Keys(s.held)) { // of two behind the same LSN the higher one counts
		if prev, known := l.issued[stamp{lsn, s.held[lsn]}]; known {
			s.after[prev] = lsn
		}
	}
	s.scl = l.lastIn(lane, s.base)
	l.reach(moment, lane, s)
}

// lastIn returns the last LSN at or below one that is of the group of a segment.
func (l *ledger) lastIn(lane int, upTo node.LSN) node.LSN {
	all := l.inGroup[l.groups[lane]]
	at, is := slices.BinarySearch(all, upTo)
	switch {
	case is:
		return upTo
	case at == 0:
		return 0
	}
	return all[at-1]
}

// image notes that a segment has pages up to an LSN, whatever log it has.
func (l *ledger) image(moment uint64, lane int, upTo node.LSN) {
	s := l.copyAt(lane)
	if upTo <= s.base {
		return
	}
	l.cells = append(l.cells, Cell{Moment: moment, Column: lane, From: s.base + 1, To: upTo, How: Image})
	s.base = upTo
	s.scl = max(s.scl, l.lastIn(lane, upTo))
	l.reach(moment, lane, s)
}

// join takes away what is not on the history that a segment follows from now on.
func (l *ledger) join(moment uint64, lane int, h node.History) {
	if len(h) == 0 {
		return
	}
	s := l.copyAt(lane)
	for _, lsn := range slices.Sorted(maps.Keys(s.held)) {
		if !h.Has(lsn, s.held[lsn]) {
			delete(s.held, lsn)
			l.cells = append(l.cells, Cell{Moment: moment, Column: lane, From: lsn, To: lsn, How: Gone})
		}
	}
	l.again(moment, lane, s)
}

// holds compares what a segment says it holds, when it starts again, with what it had told.
func (l *ledger) holds(moment uint64, lane int, t *node.Trace) {
	d := node.DetailOf[node.HoldsStep](t)
	l.tell(moment, lane, "promise", uint64(d.Promise))
	if len(d.History) > 0 {
		l.tell(moment, lane, "line", uint64(d.History.Line()))
	}
	s := l.copyAt(lane)
	if t.LSN < s.base { // its disk was lost, or an older one is back
		s.base = t.LSN
		l.cells = append(l.cells, Cell{Moment: moment, Column: lane, From: 1, To: t.LSN, How: Image})
	}
	l.image(moment, lane, t.LSN)
	now := map[node.LSN]node.Epoch{}
	for _, h := range d.Held {
		now[h.LSN] = h.Epoch
		if s.held[h.LSN] != h.Epoch {
			s.held[h.LSN] = h.Epoch
			l.cells = append(l.cells, Cell{Moment: moment, Column: lane, From: h.LSN, To: h.LSN, How: Holds, Epoch: h.Epoch})
		}
	}
	for _, lsn := range slices.Sorted(maps.Keys(s.held)) {
		if _, has := now[lsn]; has || lsn <= t.LSN {
			continue
		}
		l.cells = append(l.cells, Cell{Moment: moment, Column: lane, From: lsn, To: lsn, How: Lost, Epoch: s.held[lsn]})
		delete(s.held, lsn)
	}
	l.again(moment, lane, s)
}

// grid puts the columns in the order of the lanes.
func (l *ledger) grid(place []int) *Grid {
	if len(l.rows) == 0 {
		return nil
	}
	g := &Grid{Lines: l.lines}
	column := map[int]int{}
	for _, lane := range slices.SortedFunc(maps.Keys(l.copies), func(a, b int) int { return cmp.Compare(place[a], place[b]) }) {
		column[lane] = len(g.Columns)
		g.Columns = append(g.Columns, Column{Lane: place[lane], Group: l.groups[lane]})
	}
	for _, c := range l.cells {
		c.Column = column[c.Column]
		g.Cells = append(g.Cells, c)
	}
	for _, lsn := range slices.Sorted(maps.Keys(l.rows)) {
		g.Rows = append(g.Rows, *l.rows[lsn])
	}
	return g
}
