package transitions

import (
	"fmt"
	"maps"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/writer"
	"github.com/firstgap/firstgap/spec/volume"
)

// A segmentNode, a writerNode and a registerNode are what this package has to be able to ask of a node.
type segmentNode interface {
	Promise() node.Epoch
	History() node.History
	Held() []node.Held
	Floor() node.LSN
	SCL() node.LSN
	Serving() bool
	Damaged() bool
}

type writerNode interface {
	Epoch() node.Epoch
	Phase() string
	End() node.LSN
	Knowledge() writer.Knowledge
}

type registerNode interface{ Epoch() node.Epoch }

// A view is what a process holds, read from the node itself and from its disk.
type view struct {
	segment   *segmentView
	onDisk    *segmentView // what a segment would be that started from what is durable now
	writer    *writerView
	epoch     node.Epoch // of the register
	epochDisk node.Epoch // and what it would be if it started from what is durable now
	busy      bool       // an operation of the disk is under way
}

type segmentView struct {
	promise node.Epoch
	history node.History
	held    []node.Held
	floor   node.LSN
	scl     node.LSN
	serving bool
	damaged bool
}

type writerView struct {
	epoch     node.Epoch
	phase     string
	end       node.LSN
	knowledge writer.Knowledge
	calls     []call
}

// view reads what a process holds.
func (c *cluster) view(p *process) (v view) {
	if p.node == nil {
		return v
	}
	v.busy = p.disk.busy()
	switch {
	case p.place == 0:
		v.epoch = p.node.(registerNode).Epoch()
		v.epochDisk = c.restarted(p).(registerNode).Epoch()
	case c.isSegment(p.place):
		v.segment = viewSegment(p.node.(segmentNode))
		v.onDisk = viewSegment(c.restarted(p).(segmentNode))
	default:
		w := p.node.(writerNode)
		v.writer = &writerView{epoch: w.Epoch(), phase: w.Phase(), end: w.End(), knowledge: w.Knowledge(), calls: slices.Clone(p.calls)}
		if v.writer.phase != "fencing" {
			for r := range v.writer.knowledge.Groups[0].Replicas {
				v.writer.knowledge.Groups[0].Replicas[r].Answer = nil // by which it has decided
			}
		}
	}
	return v
}

func viewSegment(s segmentNode) *segmentView {
	return &segmentView{s.Promise(), s.History(), s.Held(), s.Floor(), s.SCL(), s.Serving(), s.Damaged()}
}

// restarted returns the node that a process would have if it started now from what is durable on its disk.
func (c *cluster) restarted(p *process) node.Node {
	q := c.newProcess(p.place)
	q.incarnation = p.incarnation
	q.disk.durable = maps.Clone(p.disk.durable)
	var o outcome
	q.start(&o)
	for n := 0; q.disk.busy() && n < mostEnds; n++ {
		q.do(q.disk.end(), &o)
	}
	return q.node
}

// A Difference is one thing that a process holds, and the model says otherwise.
type Difference struct {
	Process  string `json:"process"`
	Field    string `json:"field"`
	Expected string `json:"expected"` // by the model
	Found    string `json:"found"`
}

func (d Difference) String() string {
	return fmt.Sprintf("%s: %s: expected %s, found %s", d.Process, d.Field, d.Expected, d.Found)
}

// A comparison collects differences.
type comparison struct {
	c       *cluster
	s       *volume.State
	process string
	found   []Difference
}

func (x *comparison) same(field string, expected, found int) {
	if expected != found {
		x.differ(field, fmt.Sprint(expected), fmt.Sprint(found))
	}
}

func (x *comparison) differ(field, expected, found string) {
	x.found = append(x.found, Difference{x.process, field, expected, found})
}

// compare holds the state of every process against the model's. LSNs are the model's, counted from the end of the set-up.
func (c *cluster) compare(s *volume.State, views func(place int) *view) []Difference {
	var found []Difference
	for place := range c.processes() {
		found = append(found, c.compareOne(s, place, views(place))...)
	}
	return append(found, c.compareClients(s, views)...)
}

// compareOne holds one process against the model.
func (c *cluster) compareOne(s *volume.State, place int, v *view) []Difference {
	x := &comparison{c: c, s: s, process: c.name(place)}
	switch {
	case place == 0:
		newest := 1
		for s.Phase(newest+1) != volume.Unborn {
			newest++
		}
		x.same("epoch", newest, int(v.epoch))
		x.same("epoch on its disk", newest, int(v.epochDisk))
	case v.segment != nil:
		if v.segment.serving {
			x.segment(place-1, v.segment, "")
		}
		x.segment(place-1, v.onDisk, " on its disk")
	case v.writer != nil:
		x.writer(v.writer)
	}
	return x.found
}

// compareClients holds what clients were told of their commits against the model.
func (c *cluster) compareClients(s *volume.State, views func(place int) *view) []Difference {
	x := &comparison{c: c, s: s, process: "the clients"}
	for t := 1; t <= c.scope.Model.Txns; t++ {
		told := false
		for e := 1; e <= c.scope.Model.MaxEpoch; e++ {
			w := views(c.writer(e)).writer
			told = told || w != nil && w.calls[t].acked
		}
		if acked := s.Acked(t); acked != told {
			x.differ(fmt.Sprintf("transaction %d acknowledged", t), fmt.Sprint(acked), fmt.Sprint(told))
		}
	}
	return x.found
}

// lsn returns an LSN of the run as the model counts it.
func (c *cluster) lsn(l node.LSN) int { return int(l) - c.prefix }

func (x *comparison) segment(r int, v *segmentView, where string) {
	s := x.s
	line := s.Line(r)
	x.same("promise"+where, s.FenceOf(r), int(v.promise))
	x.same("line"+where, line, int(v.history.Line()))
	for l := 1; l <= s.End(line); l++ {
		if of := int(s.Record(line, l).Epoch); l <= s.Base(line) {
			x.same(fmt.Sprintf("epoch that its history gives for LSN %d%s", l, where), of, int(v.history.Owner(node.LSN(l+x.c.prefix))))
		}
	}
	for l := 1; l <= x.c.scope.Model.MaxLSN; l++ {
		x.same(fmt.Sprintf("epoch of the record stored at LSN %d%s", l, where), s.Stored(r, l), v.stored(node.LSN(l+x.c.prefix)))
	}
	x.same("SCL"+where, s.SCL(line, r), x.c.lsn(v.scl))
	if v.damaged {
		x.differ("damaged"+where, "false", "true")
	}
}

// stored returns the epoch of the record that the segment has at l, as a record or in its images, 0 if it has none.
func (v *segmentView) stored(l node.LSN) int {
	if l <= v.floor {
		return int(v.history.Owner(l))
	}
	for _, h := range v.held {
		if h.LSN == l {
			return int(h.Epoch)
		}
	}
	return 0
}

var phases = map[string]volume.Phase{"fencing": volume.Fencing, "repairing": volume.Repairing, "open": volume.Open}

func (x *comparison) writer(v *writerView) {
	s, e := x.s, int(v.epoch)
	if e == 0 {
		return // it has not heard that it won one
	}
	phase := s.Phase(e)
	if p, serves := phases[v.phase]; serves && p != phase {
		x.differ("phase", phase.String(), v.phase)
	}
	k := &v.knowledge
	if v.phase == "fencing" {
		x.answers(e, k)
		return
	}
	if v.phase == "competing" || k.History == nil {
		return
	}
	x.same("last LSN", s.End(e), x.c.lsn(v.end))
	if e > 1 {
		x.same("cut", s.Base(e), x.c.lsn(k.History.Base()))
	}
	if phase == volume.Open {
		x.same("VCL", s.VCL(e), x.c.lsn(k.VCL))
		x.same("VDL", s.VDL(e), x.c.lsn(k.VDL))
	} else {
		x.same("VCL before it opens", 0, int(k.VCL))
	}
	for i, r := range k.Log {
		if l := x.c.lsn(k.First) + i; r != nil && l >= 1 && l <= s.End(e) {
			x.record(e, l, r, k)
		}
	}
	for r, known := range k.Groups[0].Replicas {
		// What it has heard may be old; it is never more than what the segment has acknowledged.
		switch scl := s.SCL(e, r); {
		case !known.Joined:
		case scl < 0:
			x.differ(fmt.Sprintf("what it knows of segment 1/%d", r+1), "not joined", "joined")
		case x.c.lsn(known.SCL) > scl:
			x.differ(fmt.Sprintf("SCL that it knows of segment 1/%d", r+1), fmt.Sprintf("at most %d", scl), fmt.Sprint(x.c.lsn(known.SCL)))
		}
	}
	if pgcl := x.pgcl(e); x.c.lsn(k.Groups[0].PGCL) > pgcl {
		x.differ("PGCL", fmt.Sprintf("at most %d", pgcl), fmt.Sprint(x.c.lsn(k.Groups[0].PGCL)))
	}
}

// pgcl returns up to which LSN a write quorum is complete on the line of e.
func (x *comparison) pgcl(e int) int {
	var scls []int
	for r := range x.c.segments() {
		scls = append(scls, x.s.SCL(e, r))
	}
	slices.Sort(scls)
	return scls[len(scls)-x.c.scope.Model.WriteQuorum]
}

// answers compares what segments told the writer of e, as far as it came, with what the model says that they told.
func (x *comparison) answers(e int, k *writer.Knowledge) {
	for r, known := range k.Groups[0].Replicas {
		a := known.Answer
		if a == nil {
			continue
		}
		line, told := x.s.Told(e, r)
		if !told {
			x.differ(fmt.Sprintf("answer of segment 1/%d", r+1), "none", "one")
			continue
		}
		x.same(fmt.Sprintf("line in the answer of segment 1/%d", r+1), line, int(a.History.Line()))
		v := segmentView{held: a.Held, floor: a.VDL, history: a.History} // what lies at or below the VDL is not listed
		for l := 1; l <= x.c.scope.Model.MaxLSN; l++ {
			if at := node.LSN(l + x.c.prefix); at > a.VDL {
				x.same(fmt.Sprintf("epoch of the record at LSN %d in the answer of segment 1/%d", l, r+1), x.s.ToldStored(e, r, l), v.stored(at))
			}
		}
	}
}

// record compares one record of a writer's log.
func (x *comparison) record(e, l int, r *node.Record, k *writer.Knowledge) {
	m := x.s.Record(e, l)
	field := func(name string) string { return name + fmt.Sprintf(" of the record at LSN %d", l) }
	x.same(field("epoch"), int(m.Epoch), int(r.Epoch))
	if want := kinds[m.Kind]; want != r.Kind {
		x.differ(field("kind"), want.String(), r.Kind.String())
		return
	}
	if m.Last != r.Last {
		x.differ(field("end of the mini-transaction"), fmt.Sprint(m.Last), fmt.Sprint(r.Last))
	}
	switch m.Kind {
	case volume.Write, volume.Undo:
		if want := rowName(int(m.Key)); r.Key != want {
			x.differ(field("row"), want, r.Key)
		}
		if want := valueOf(int(m.Old)); r.Old.Bytes != want {
			x.differ(field("value before"), want, r.Old.Bytes)
		}
		if want := valueOf(int(m.New)); r.New.Bytes != want {
			x.differ(field("value after"), want, r.New.Bytes)
		}
	}
	// Its transaction is the one of the first write that the model gives to the same.
	for i, first := range k.Log {
		if at := x.c.lsn(k.First) + i; first != nil && at >= 1 && at <= x.s.End(e) && x.s.Record(e, at).Txn == m.Txn {
			if first.Txn != r.Txn {
				x.differ(field("transaction"), first.Txn.String(), r.Txn.String())
			}
			return
		}
	}
}

var kinds = map[volume.Kind]node.Kind{volume.Write: node.Write, volume.Commit: node.Commit, volume.Undo: node.Undo, volume.Structure: node.Structure}
