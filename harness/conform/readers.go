package conform

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/reader"
	"github.com/firstgap/firstgap/spec/volume"
)

// ReaderCounts says what the steps of readers amounted to.
type ReaderCounts struct {
	Delivers  uint64 `json:"delivers"`
	Tells     uint64 `json:"tells"`
	Follows   uint64 `json:"follows" text:"readers that followed a new writer" by:"30"`
	Loses     uint64 `json:"loses"` // readers whose log and cache became void
	Anews     uint64 `json:"anews" text:"readers begun anew" by:"30"`
	Begins    uint64 `json:"begins" text:"snapshots of readers" by:"30"`
	Cached    uint64 `json:"cached" text:"pages that readers read from a cache" by:"30"`  // pages that queries read out of a cache
	Stored    uint64 `json:"stored" text:"pages that readers read from segments" by:"30"` // and from segments
	Shows     uint64 `json:"shows"`
	Rows      uint64 `json:"rows" text:"rows of readers compared" by:"30"` // compared with the committed prefix, those that must not show among them
	Finishes  uint64 `json:"finishes"`
	Reports   uint64 `json:"reports"`
	GivenUp   uint64 `json:"givenUp" text:"readers given up" by:"60"`
	Collects  uint64 `json:"collects"`
	Promotes  uint64 `json:"promotes" text:"readers promoted to writer" by:"200"`
	Overtaken uint64 `json:"overtaken" text:"of these, behind the reader's view" by:"30"` // pages read after the reader's view had moved past the query
}

// readers is what the validator keeps of readers: the model's replay, and the logs by page and by row.
type readers struct {
	replay  *reader.Replay
	indexes map[int]*index // by epoch
	counts  ReaderCounts
}

func newReaders(v *Validator) readers {
	var names []int
	for _, id := range v.volume.Readers {
		names = append(names, int(id))
	}
	return readers{replay: reader.NewReplay(logs{v}, names), indexes: map[int]*index{}}
}

// An index is the log of one epoch by page, group and row.
type index struct {
	upTo    node.LSN
	pages   map[node.PageID][]node.LSN
	groups  [][]node.LSN
	cpls    []node.LSN
	rows    map[string][]*node.Record // the writes, ascending
	keys    []string                  // of rows, ascending
	undone  map[node.LSN]node.LSN     // by write: the undo
	commits map[node.Txn]node.LSN
}

// index returns the log of e, up to its end.
func (v *Validator) index(e int) *index {
	x := v.readers.indexes[e]
	if x == nil {
		x = &index{pages: map[node.PageID][]node.LSN{}, groups: make([][]node.LSN, v.volume.Groups()), rows: map[string][]*node.Record{},
			undone: map[node.LSN]node.LSN{}, commits: map[node.Txn]node.LSN{}}
		v.readers.indexes[e] = x
	}
	for _, r := range v.line(e).records[x.upTo:] {
		x.add(r)
	}
	return x
}

func (x *index) add(r *node.Record) {
	x.upTo = r.LSN
	x.pages[r.Page] = append(x.pages[r.Page], r.LSN)
	x.groups[r.Group] = append(x.groups[r.Group], r.LSN)
	if r.Last {
		x.cpls = append(x.cpls, r.LSN)
	}
	switch r.Kind {
	case node.Write:
		if x.rows[r.Key] == nil {
			i, _ := slices.BinarySearch(x.keys, r.Key)
			x.keys = slices.Insert(x.keys, i, r.Key)
		}
		x.rows[r.Key] = append(x.rows[r.Key], r)
	case node.Undo:
		x.undone[r.Undoes] = r.LSN
	case node.Commit:
		x.commits[r.Txn] = r.LSN
	}
}

// atMost returns the last of ascending LSNs that is at most n, 0 when none is.
func atMost(lsns []node.LSN, n int) int {
	i, found := slices.BinarySearch(lsns, node.LSN(n))
	if found {
		return n
	}
	if i == 0 {
		return 0
	}
	return int(lsns[i-1])
}

// value returns what had been committed to a row by n: Value of the module, in which a write that was taken back
// again does not count.
func (x *index) value(key string, n node.LSN) node.Value {
	writes := x.rows[key]
	upTo, found := slices.BinarySearchFunc(writes, n, func(w *node.Record, l node.LSN) int { return cmp.Compare(w.LSN, l) })
	if found {
		upTo++
	}
	for i := upTo - 1; i >= 0; i-- {
		w := writes[i]
		commit, committed := x.commits[w.Txn]
		undo, undone := x.undone[w.LSN]
		if committed && commit <= n && !(undone && undo <= n) {
			return w.New
		}
	}
	return node.Value{}
}

// logs gives the replay the volume as the validator has it.
type logs struct{ v *Validator }

// Newest implements reader.Volume.
func (l logs) Newest() int {
	e := len(l.v.lines)
	for e > 1 && l.v.model.Phase(e) < volume.Repairing {
		e--
	}
	return e
}

// End implements reader.Volume.
func (l logs) End(e int) int { return l.v.model.End(e) }

// Base implements reader.Volume. An epoch that has not decided cuts nothing.
func (l logs) Base(e int) int {
	if l.v.model.Phase(e) < volume.Repairing {
		return 1 << 40
	}
	return l.v.model.Base(e)
}

// VDL implements reader.Volume.
func (l logs) VDL(e int) int { return l.v.model.VDL(e) }

// LastCPL implements reader.Volume.
func (l logs) LastCPL(e, n int) int { return atMost(l.v.index(e).cpls, n) }

// Version implements reader.Volume.
func (l logs) Version(e, k, n int) int { return atMost(l.v.index(e).pages[node.PageID(k)], n) }

// Common implements reader.Volume.
func (l logs) Common(d, e int) int {
	a, b := l.v.line(d).records, l.v.line(e).records
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// Complete implements reader.Volume.
func (l logs) Complete(segment, e int) int {
	line := l.v.model.Line(segment)
	scl := l.v.model.SCL(line, segment)
	if line < e {
		// It answered before its reader followed the newer writer: what it had is good as far as both logs are one.
		return min(scl, l.Common(line, e))
	}
	return scl
}

// LastIn implements reader.Volume.
func (l logs) LastIn(segment, e, n int) int {
	return atMost(l.v.index(e).groups[l.v.model.GroupOf(segment)], n)
}

// Rules that what readers tell has to keep to, beside the guards and invariants of the model.
const (
	ruleShown = "WholeSnapshot: a query is shown all of each transaction that had committed by its snapshot, and nothing of any other"
	ruleOwn   = "a reader tells its own steps, and a writer what it heard of readers"
)

// readerGuarantees says what the actions of readers are there to keep.
var readerGuarantees = map[node.Action]string{
	node.ActDeliver:    "a reader has the records of the log that it follows, without gaps",
	node.ActTell:       "a reader takes for durable what its writer said is",
	node.ActFollow:     "whoever follows a new writer drops what that one cut, and nothing else",
	node.ActLose:       "a reader whose log and cache are void serves nothing until it begins anew",
	node.ActAnew:       "a reader begins anew with a log that is there, and serves what is durable",
	node.ActBegin:      "a query reads as of the end of a mini-transaction that is durable, and read points never go back",
	node.ActReadCached: "a cached page is the page as of the query: whole mini-transactions, none missing and none too many",
	node.ActReadStored: "a segment that is complete up to the query's read point sends the page as of it",
	node.ActShow:       "a query is shown the committed rows of its snapshot, and no others",
	node.ActFinish:     "a query ends once",
	node.ActReport:     "the writer knows the lowest point at which a reader reads, or one that is lower",
	node.ActGiveUp:     "a reader is given up by its writer",
	node.ActCollect:    "no version that is needed is collected",
	node.ActPromote:    "a reader becomes the writer once",
}

// readerStep takes a step of the model of readers.
func (v *Validator) readerStep(from node.ID, t *node.Trace) *problem {
	p, r, e, n := v.readers.replay, int(from), int(t.Epoch), int(t.LSN)
	c := &v.readers.counts
	var g reader.Refusal
	var count *uint64
	switch t.Action {
	case node.ActReport, node.ActGiveUp, node.ActCollect:
		if q := v.speaks(from, t.Epoch); q != nil {
			return q
		}
		switch t.Action {
		case node.ActReport:
			g, count = p.Report(e, int(t.From), n), &c.Reports
		case node.ActGiveUp:
			g, count = p.GiveUp(e, int(t.From)), &c.GivenUp
		default:
			g, count = p.Collect(e, n), &c.Collects
		}
	case node.ActDeliver, node.ActTell, node.ActBegin:
		if line := p.Line(r); line != e {
			return v.otherLine(from, t, line)
		}
		switch t.Action {
		case node.ActDeliver:
			g, count = p.Deliver(r, n), &c.Delivers
		case node.ActTell:
			g, count = p.Tell(r, n), &c.Tells
		default:
			g, count = p.Begin(r, uint64(t.Txn), n), &c.Begins
		}
	case node.ActFollow:
		g, count = p.Follow(r, e, n), &c.Follows
	case node.ActLose:
		g, count = p.Lose(r), &c.Loses
	case node.ActAnew:
		if line := p.Line(r); line != e {
			return v.otherLine(from, t, line)
		}
		g, count = p.Anew(r, n, int(node.DetailOf[node.AnewStep](t).VDL)), &c.Anews
	case node.ActReadCached:
		g, count = p.ReadCached(r, uint64(t.Txn), int(t.Page), n), &c.Cached
	case node.ActReadStored:
		segment := v.replica(t.From)
		if segment < 0 || v.model.GroupOf(segment) != int(v.volume.GroupOf(t.Page)) {
			return &problem{rule: ruleKnown, why: fmt.Sprintf("%s read page %d from %s", v.who(from), t.Page, v.who(t.From)), expected: "a segment of the page's group", found: v.who(t.From)}
		}
		g, count = p.ReadStored(r, uint64(t.Txn), int(t.Page), segment, n), &c.Stored
		if p.View(r) > p.Snapshot(r, uint64(t.Txn)) {
			c.Overtaken++
		}
	case node.ActShow:
		line, snap, refusal := p.Query(r, uint64(t.Txn))
		if refusal == "" {
			if q := v.shows(from, t, line, snap); q != nil {
				return q
			}
		}
		g, count = refusal, &c.Shows
	case node.ActFinish:
		g, count = p.Finish(r, uint64(t.Txn)), &c.Finishes
	case node.ActPromote:
		g, count = p.Leave(r), &c.Promotes
	}
	if g != "" {
		return v.refusedReader(g, from, t)
	}
	*count++
	v.counts.Evaluations += 2
	if name, broken := p.Broken(); broken {
		return &problem{
			rule: name, guarantee: guaranteeOf(name), why: fmt.Sprintf("the model allows the step, and %s is broken by it", name),
			expected: "an invariant that holds in every state", found: "broken after " + describe(t) + v.readerState(from, t),
		}
	}
	return nil
}

// guaranteeOf returns what an invariant of the model of readers guarantees.
func guaranteeOf(name string) string {
	for _, x := range reader.Guarantees() {
		if x.Name == name {
			return x.Guarantee
		}
	}
	return ""
}

func (v *Validator) otherLine(from node.ID, t *node.Trace, line int) *problem {
	return &problem{
		rule: ruleOwn, why: fmt.Sprintf("%s speaks of the log of epoch %d, and follows that of %d", v.who(from), t.Epoch, line),
		expected: fmt.Sprintf("epoch %d", line), found: fmt.Sprintf("epoch %d", t.Epoch),
	}
}

// refusedReader makes a problem of a guard that did not hold.
func (v *Validator) refusedReader(g reader.Refusal, from node.ID, t *node.Trace) *problem {
	return &problem{
		rule: string(g), why: fmt.Sprintf("%s may not %s", v.who(from), strings.ToLower(t.Action.String())),
		expected: "what the model allows" + v.readerState(from, t), found: describe(t),
	}
}

// readerState renders what the model has of the reader that a step is about.
func (v *Validator) readerState(from node.ID, t *node.Trace) string {
	r := int(from)
	if t.Action == node.ActReport || t.Action == node.ActGiveUp {
		r = int(t.From)
	}
	p := v.readers.replay
	s := fmt.Sprintf("; floor %d", p.Floor())
	line := p.Line(r)
	if line == 0 {
		return s
	}
	s += fmt.Sprintf("; %s follows epoch %d, %s, VDL %d there", v.who(node.ID(r)), line, p.Describe(r), v.model.VDL(line))
	if snap := p.Snapshot(r, uint64(t.Txn)); snap != reader.None {
		s += fmt.Sprintf("; the query reads as of %d", snap)
		if t.Action == node.ActReadCached || t.Action == node.ActReadStored {
			l := logs{v}
			s += fmt.Sprintf("; page %d is of LSN %d there and of %d in view", t.Page, l.Version(line, int(t.Page), snap), l.Version(line, int(t.Page), p.View(r)))
		}
	}
	return s
}

// shows compares what a query was shown with what had been committed by its snapshot.
func (v *Validator) shows(from node.ID, t *node.Trace, line, snap int) *problem {
	shown, is := t.Detail.(*node.Shown)
	if !is {
		return &problem{rule: ruleComplete, why: fmt.Sprintf("Show of %s carries no rows", v.who(from))}
	}
	x, at := v.index(line), node.LSN(snap)
	differs := func(key string, want, found node.Value) *problem {
		return &problem{
			rule: ruleShown, why: fmt.Sprintf("%s shows a query as of %d row %q", v.who(from), snap, key),
			expected: want.String(), found: found.String(),
		}
	}
	rows := shown.Rows
	i, _ := slices.BinarySearch(x.keys, shown.From)
	for ; i < len(x.keys) && (shown.To == "" || x.keys[i] < shown.To); i++ {
		key := x.keys[i]
		want := x.value(key, at)
		v.readers.counts.Rows++
		var found node.Value
		if len(rows) > 0 && rows[0].Key <= key {
			if rows[0].Key < key {
				return differs(rows[0].Key, node.Value{}, rows[0].Value)
			}
			found, rows = rows[0].Value, rows[1:]
		} else if len(rows) == 0 && shown.More {
			if want.Exists {
				return nil // the rest was left out, and there is one
			}
			continue
		}
		if want != found {
			return differs(key, want, found)
		}
	}
	if len(rows) > 0 {
		return differs(rows[0].Key, node.Value{}, rows[0].Value)
	}
	if shown.More {
		return &problem{rule: ruleShown, why: fmt.Sprintf("%s says that a query as of %d has more rows to see", v.who(from), snap), expected: "no more", found: "more"}
	}
	return nil
}

// ReaderCounts returns what has been counted of readers so far.
func (v *Validator) ReaderCounts() ReaderCounts { return v.readers.counts }

// describeReader renders a step of readers without its action.
func describeReader(t *node.Trace) string {
	s := ""
	if t.Txn != 0 {
		s += " query " + t.Txn.String()
	}
	switch t.Action {
	case node.ActReadCached, node.ActReadStored:
		s += fmt.Sprintf(", page %d", t.Page)
	case node.ActAnew:
		s += fmt.Sprintf(" VDL %d,", node.DetailOf[node.AnewStep](t).VDL)
	case node.ActShow:
		if shown, is := t.Detail.(*node.Shown); is {
			s += fmt.Sprintf(", %d rows from %q to %q, more %t", len(shown.Rows), shown.From, shown.To, shown.More)
		}
	}
	if t.LSN != 0 {
		s += fmt.Sprintf(" LSN %d", t.LSN)
	}
	return s
}
