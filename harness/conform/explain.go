package conform

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// fewOf is how many of a kind an explanation names.
const fewOf = 8

// fail records the first violation. The model is put back to where it was before the step, so that what it
// allowed instead can be told.
func (v *Validator) fail(now node.Time, from node.ID, t *node.Trace, p *problem) *Violation {
	for v.model.TakeBack() {
	}
	x := &Violation{
		Step: int(v.counts.Steps), Now: now, From: from, Action: p.action, Rule: p.rule, Guarantee: p.guarantee, Why: p.why,
		Expected: p.expected, Found: p.found, Lead: v.recent.lines(v),
	}
	if x.Action == "" {
		x.Action = t.Action.String()
	}
	if x.LSN = t.LSN; t.Record != nil {
		x.LSN = t.Record.LSN
	}
	if x.Guarantee == "" {
		x.Guarantee = guarantees[t.Action]
	}
	if x.Guarantee == "" {
		x.Guarantee = readerGuarantees[t.Action]
	}
	if x.Guarantee == "" {
		x.Guarantee = "every step of a run is a step of the model"
	}
	if from == 0 && t.Action == 0 {
		x.Step++ // Finish
	} else {
		x.Lead = append(x.Lead, v.recorded(now, from, t))
		x.Allowed = v.allowed(from, t)
	}
	v.failed = x
	return x
}

// who names a node.
func (v *Validator) who(id node.ID) string {
	if id == v.volume.Register {
		return "the register"
	}
	if g, r, ok := v.volume.Find(id); ok {
		return fmt.Sprintf("segment %d/%d", g+1, r+1)
	}
	if i := slices.Index(v.volume.Readers, id); i >= 0 {
		return fmt.Sprintf("reader %d", i+1)
	}
	return fmt.Sprintf("node %d", id)
}

func (v *Validator) members(ids []node.ID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = v.who(id)
	}
	return few(names, "nobody")
}

// few lists the first names.
func few(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	if more := len(names) - fewOf; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:fewOf], ", "), more)
	}
	return strings.Join(names, ", ")
}

// describe renders a step without who told it and when.
func describe(t *node.Trace) string {
	s := fmt.Sprintf("%s epoch %d", t.Action, t.Epoch)
	switch t.Action {
	case node.ActWrite, node.ActCommit, node.ActUndo, node.ActStructure, node.ActStore:
		s += " " + describeRecord(t.Record)
	case node.ActAdvance:
		s += fmt.Sprintf(" VCL %d", t.LSN)
	case node.ActAck:
		s += fmt.Sprintf(" transaction %s", t.Txn)
	case node.ActDecide:
		s += fmt.Sprintf(" cut %d by %d answers", t.LSN, len(node.DetailOf[node.DecideStep](t).Answers))
	case node.ActChange, node.ActGrow:
		d := node.DetailOf[node.GeometryStep](t)
		s += fmt.Sprintf(" group %d: %v", d.Group+1, d.Members)
	case node.ActHolds:
		d := node.DetailOf[node.HoldsStep](t)
		s += fmt.Sprintf(" promise %d, images as of %d, %d records above", d.Promise, t.LSN, len(d.Held))
	case node.ActFill:
		s += fmt.Sprintf(" images as of %d", t.LSN)
	default:
		if t.Action.OfReaders() {
			s += describeReader(t)
		}
	}
	if h := t.History(); len(h) > 0 {
		s += ", history " + h.String()
	}
	if t.Position != 0 && t.Action != node.ActStart {
		s += fmt.Sprintf(", position %d", t.Position)
	}
	return s
}

func describeRecord(r *node.Record) string {
	if r == nil {
		return "no record"
	}
	return r.String()
}

// recorded renders a step as a line of the lead.
func (v *Validator) recorded(now node.Time, from node.ID, t *node.Trace) string {
	s := fmt.Sprintf("%-12s %-12s %s", time.Duration(now), v.who(from), describe(t))
	if t.From != 0 {
		s += ", from " + v.who(t.From)
	}
	return s
}

// writerState renders what the model has of a writer.
func (v *Validator) writerState(e int) string {
	m := v.model
	s := fmt.Sprintf("epoch %d is %s", e, m.Phase(e))
	if m.Phase(e) < volume.Repairing {
		return s
	}
	s += fmt.Sprintf(": log to %d, kept %d, VCL %d, VDL %d", m.End(e), m.Base(e), m.VCL(e), m.VDL(e))
	if t, ok := v.midway(e); ok {
		of := "no transaction"
		if t != 0 {
			of = v.txnNames[t-1].String()
		}
		s += fmt.Sprintf(", mini-transaction of %s unfinished", of)
	}
	if names := v.activeNames(e); len(names) > 0 {
		s += ", active: " + few(names, "")
	}
	return s
}

// midway returns the transaction whose mini-transaction ends the log unfinished, 0 when it is that of a structural change.
func (v *Validator) midway(e int) (txn int, ok bool) {
	if end := v.model.End(e); end > 0 {
		rec := v.model.Record(e, end)
		return int(rec.Txn), !rec.Last
	}
	return 0, false
}

// Believes says what the model has of a node, "" where it has nothing of it: of a segment what it holds, of a reader what it follows, of a
// writer its log, of the register the epochs.
func (v *Validator) Believes(id node.ID) string {
	if r := v.replica(id); r >= 0 {
		_, s, _ := strings.Cut(v.segmentState(r), ": ")
		return s
	}
	if id == v.volume.Register {
		return fmt.Sprintf("epoch %d is the newest", v.newest())
	}
	if p := v.readers.replay; slices.Contains(v.volume.Readers, id) {
		if line := p.Line(int(id)); line > 0 {
			return fmt.Sprintf("follows epoch %d, %s; VDL %d there", line, p.Describe(int(id)), v.model.VDL(line))
		}
		return "follows nobody yet"
	}
	for e := len(v.lines); e > 0; e-- {
		if v.lines[e-1].writer == id {
			return v.writerState(e)
		}
	}
	return ""
}

func (v *Validator) activeTxns(e int) []int {
	var ts []int
	for t := range v.txnNames {
		if v.model.Active(e, t+1) {
			ts = append(ts, t+1)
		}
	}
	return ts
}

func (v *Validator) activeNames(e int) []string {
	held := map[int][]string{}
	for key := range v.names {
		if t := v.model.Holder(e, key); t != 0 {
			held[t] = append(held[t], v.names[key])
		}
	}
	var names []string
	for _, t := range v.activeTxns(e) {
		names = append(names, fmt.Sprintf("%s (holds %s)", v.txnNames[t-1], few(held[t], "nothing")))
	}
	return names
}

// holderOf says who else holds a row, when somebody does.
func (v *Validator) holderOf(e, key, txn int) string {
	if h := v.model.Holder(e, key); h != 0 && h != txn {
		return fmt.Sprintf(": row %q is held by %s", v.row(key), v.txnNames[h-1])
	}
	return ""
}

// copies says which segments are complete up to l, as the writer of e knows it.
func (v *Validator) copies(e int, l node.LSN) string {
	if int(l) > v.model.End(e) {
		return fmt.Sprintf("; the log has no LSN %d", l)
	}
	g := int(v.model.Record(e, int(l)).Group)
	return "; " + v.scls(e, g, fmt.Sprintf("LSN %d is in group %d", l, g+1))
}

func (v *Validator) scls(e, g int, what string) string {
	var names []string
	for i := range v.volume.Replicas() {
		r := g*v.volume.Replicas() + i
		if scl := v.model.SCL(e, r); scl >= 0 {
			names = append(names, fmt.Sprintf("%s at %d", v.who(v.segments[r].id), scl))
		}
	}
	quorum := fmt.Sprintf("write quorum %d", v.volume.WriteQuorum)
	if v.volume.Spares > 0 || len(v.volume.Tails) > 0 {
		quorum += " of each of " + setsText(v.model.Sets(e, g))
	}
	return fmt.Sprintf("%s, complete: %s (%s)", what, few(names, "nobody"), quorum)
}

// repaired says how far the groups are that keep the writer of e from opening.
func (v *Validator) repaired(e int) string {
	s := ""
	for g := range v.volume.Groups() {
		if len(v.model.Sets(e, g)) == 0 {
			continue
		}
		s += "; " + v.scls(e, g, fmt.Sprintf("group %d needs %d", g+1, v.lastKept(e, g)))
	}
	return s
}

// lastKept returns the last LSN of group g among those that the writer of e kept, 0 if it kept none of them.
func (v *Validator) lastKept(e, g int) int {
	for l := v.model.Base(e); l > 0; l-- {
		if int(v.model.Record(e, l).Group) == g {
			return l
		}
	}
	return 0
}

// answers says what the segments told the writer of e. They are frozen until they join, so what they hold is what
// they told, unless a newer epoch has moved them on since.
func (v *Validator) answers(e int) string {
	var names []string
	for r := range v.segments {
		line, ok := v.model.Told(e, r)
		if !ok {
			continue
		}
		if v.model.Line(r) != line {
			names = append(names, fmt.Sprintf("%s was on line %d", v.who(v.segments[r].id), line))
			continue
		}
		names = append(names, fmt.Sprintf("%s on line %d holds %s", v.who(v.segments[r].id), line, ranges(v.stored(r))))
	}
	return strings.Join(names, "; ")
}

func (v *Validator) stored(r int) []int {
	var lsns []int
	for l := 1; l <= v.model.End(v.model.Line(r)); l++ {
		if v.model.Stored(r, l) != 0 {
			lsns = append(lsns, l)
		}
	}
	return lsns
}

// segmentState renders what the model has of a segment.
func (v *Validator) segmentState(r int) string {
	m := v.model
	return fmt.Sprintf("%s: promise %d, line %d, SCL %d, holds %s", v.who(v.segments[r].id), m.FenceOf(r), m.Line(r), m.SCL(m.Line(r), r), ranges(v.stored(r)))
}

// allowed says what the model allowed in the place of a step that it refused: to that segment, or to that writer.
func (v *Validator) allowed(from node.ID, t *node.Trace) []string {
	if r := v.replica(from); r >= 0 {
		return v.allowedSegment(r)
	}
	if e := int(t.Epoch); from != v.volume.Register && v.model.Phase(e) != volume.Unborn {
		return v.allowedWriter(e)
	}
	return []string{fmt.Sprintf("Start of epoch %d", v.newest()+1)}
}

// could tells whether the model takes an action, and leaves it where it was.
func (v *Validator) could(g volume.Refusal) bool {
	if g != "" {
		return false
	}
	v.model.TakeBack()
	return true
}

func (v *Validator) allowedSegment(r int) []string {
	m := v.model
	line := m.Line(r)
	lines := []string{v.segmentState(r)}
	var stores, promises, joins []string
	for l := 1; l <= m.End(line); l++ {
		if v.could(m.Store(line, l, r)) {
			stores = append(stores, v.lines[line-1].records[l-1].String())
		}
	}
	for e := 1; e <= v.newest(); e++ {
		if v.could(m.Fence(e, r)) {
			promises = append(promises, fmt.Sprint(e))
		}
		if v.could(m.Join(e, r)) {
			joins = append(joins, fmt.Sprint(e))
		}
	}
	return append(lines, "Store of "+few(stores, "nothing"), "Fence by epoch "+few(promises, "none"), "Join of epoch "+few(joins, "none"))
}

func (v *Validator) allowedWriter(e int) []string {
	m := v.model
	lines := []string{v.writerState(e)}
	switch m.Phase(e) {
	case volume.Fencing:
		var q volume.ReplicaSet
		newest := 0
		for r := range v.segments {
			if line, ok := m.Told(e, r); ok {
				q = q.With(r)
				newest = max(newest, line)
			}
		}
		if g := m.Decide(e, q); g == "" {
			lines = append(lines, fmt.Sprintf("Decide by all answers: cut %d on the line of epoch %d", m.Base(e), newest))
			m.TakeBack()
		} else {
			lines = append(lines, "no Decide: "+string(g))
		}
		return append(lines, "answers: "+v.answers(e))
	case volume.Repairing:
		if v.could(m.Open(e)) {
			return append(lines, "Open")
		}
		return append(lines, "no Open"+v.repaired(e))
	}
	var commits, undos, acks []string
	for t, name := range v.txnNames {
		if v.could(m.Commit(e, t+1)) {
			commits = append(commits, name.String())
		}
		if v.could(m.Undo(e, t+1)) {
			undos = append(undos, name.String())
		}
		if v.could(m.Ack(e, t+1)) {
			acks = append(acks, name.String())
		}
	}
	vcl := m.VCL(e)
	for m.Advance(e) == "" {
		vcl++
	}
	for m.Steps() > 0 {
		m.TakeBack()
	}
	return append(lines, "Commit of "+few(commits, "nothing"), "Undo of "+few(undos, "nothing"), "Ack of "+few(acks, "nothing"),
		fmt.Sprintf("Advance to %d", vcl))
}

// A ring keeps the last steps, by what their text needs.
type ring struct {
	steps [12]recentStep
	next  int
	full  bool
}

type recentStep struct {
	now   node.Time
	from  node.ID
	trace node.Trace
}

func (g *ring) add(now node.Time, from node.ID, t *node.Trace) {
	g.steps[g.next] = recentStep{now: now, from: from, trace: *t}
	if g.next++; g.next == len(g.steps) {
		g.next, g.full = 0, true
	}
}

// now returns when the last step was told.
func (g *ring) now() node.Time { return g.steps[(g.next+len(g.steps)-1)%len(g.steps)].now }

// lines renders the steps, oldest first.
func (g *ring) lines(v *Validator) []string {
	order := slices.Clone(g.steps[:g.next])
	if g.full {
		order = append(slices.Clone(g.steps[g.next:]), order...)
	}
	var lines []string
	for i := range order {
		s := &order[i]
		lines = append(lines, v.recorded(s.now, s.from, &s.trace))
	}
	return lines
}
