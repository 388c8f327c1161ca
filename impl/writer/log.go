package writer

import (
	"github.com/firstgap/firstgap/impl/node"
)

const resendMany = 64 // records in one Append to a segment that lags

// at returns the record that the volume's log has at l, which must not lie before w.first.
func (w *Writer) at(l node.LSN) *node.Record { return w.log[l-w.first] }

// issue gives a record its LSN: the one step that only one writer at a time may take, and the order of everything.
// The record is sent at the end of the step.
func (w *Writer) issue(r node.Record, out *node.Effects) *node.Record {
	g := &w.groups[r.Group]
	w.end++
	r.LSN, r.Epoch, r.Prev = w.end, w.epoch, g.last
	r.OldestActive = r.LSN + 1
	if len(w.active) > 0 {
		r.OldestActive = w.active[0].first
	}
	r.Seal()
	g.last = r.LSN
	g.lsns = append(g.lsns, r.LSN)
	w.log = append(w.log, &r)
	w.cache.apply(&r)
	out.Tell(node.Trace{Action: node.IssueOf(r.Kind), Epoch: w.epoch, Record: &r})
	return &r
}

// send broadcasts to each group what was issued since the last time: log records, and never a page.
func (w *Writer) send(out *node.Effects) {
	if w.phase != open {
		return
	}
	for i := range w.groups {
		g := &w.groups[i]
		if g.sent == g.last {
			continue
		}
		after := g.sent
		// gofail: var bugSendsAllAgain struct{}
		// if w.hook.Planted("bugSendsAllAgain") {
		// 	after = 0
		// }

		m := &node.Append{Epoch: w.epoch, VDL: w.vdl, Last: g.atVDL, Floor: w.floorOf(g), Records: w.recordsAfter(g, after, len(g.lsns))}
		g.sent, g.toldVDL = g.last, w.vdl
		g.eachMember(func(_ int, p *replica) {
			if p.joined {
				out.Send(p.id, m)
			}
		})
	}
}

// recordsAfter returns the group's records above l that the writer has, at most so many.
func (w *Writer) recordsAfter(g *group, l node.LSN, most int) []*node.Record {
	i := len(g.lsns)
	for i > 0 && g.lsns[i-1] > l {
		i--
	}
	lsns := g.lsns[i:]
	if len(lsns) > most {
		lsns = lsns[:most]
	}
	rs := make([]*node.Record, len(lsns))
	for i, l := range lsns {
		rs[i] = w.at(l)
	}
	return rs
}

// tellings is at how many ticks in a row segments are told how far the volume is durable, and what they may collect, once it has
// changed: a writer that is idle says nothing else, and a message can be lost.
const tellings = 3

// resend sends a segment that has not moved since the last tick what it lacks, and tells all how far the volume is
// durable, and its floor, when nothing else does.
func (w *Writer) resend(out *node.Effects) {
	for i := range w.groups {
		g := &w.groups[i]
		tell := false
		if w.phase == open {
			if floor := w.floorOf(g); g.toldVDL != w.vdl || g.toldFloor != floor {
				g.toldVDL, g.toldFloor, g.tellings = w.vdl, floor, tellings
			}
			tell = g.tellings > 0
			g.tellings = max(0, g.tellings-1)
		}
		g.eachMember(func(_ int, p *replica) {
			stuck := p.scl < g.sent && p.scl == p.before
			// gofail: var bugNeverResends struct{}
			// stuck = stuck && !w.hook.Planted("bugNeverResends")

			p.before = p.scl
			// gofail: var bugSendsPages struct{}
			// if w.phase == open && tell && w.hook.Planted("bugSendsPages") {
			// 	if c := w.cache.pages.Find(1); c != nil {
			// 		out.Send(p.id, &node.FillGive{At: w.vdl, Images: [][]byte{c.Value.Encode()}})
			// 	}
			// }

			if p.joined && (stuck || tell) {
				m := &node.Append{Epoch: w.epoch, VDL: w.vdl, Last: g.atVDL, Floor: w.floorOf(g)}
				if stuck {
					m.Records = w.recordsAfter(g, p.scl, resendMany)
				}
				out.Send(p.id, m)
			}
		})
	}
}

// joined takes an acknowledgement: the segment follows this writer's log and is complete up to scl. One segment
// counts once, however often it acknowledges, and only for what it acknowledged in this epoch: SCLs of different
// histories do not compare.
func (w *Writer) joined(g node.Group, r int, scl node.LSN, out *node.Effects) {
	if w.phase != repairing && w.phase != open {
		return
	}
	p := &w.groups[g].replicas[r]
	if !p.joined {
		p.joined = true
		p.scl = 0
		// It was told nothing before: one that joins when the others have been told would keep its log for ever.
		w.groups[g].tellings = tellings
	}
	p.scl = max(p.scl, scl)
	if w.phase == repairing {
		w.tryOpen(out)
		return
	}
	w.advance(out)
}

// pgcl returns the group's PGCL: the highest LSN up to which a write quorum is complete.
func (w *Writer) pgcl(g *group) node.LSN {
	quorums := w.quorums
	// gofail: var bugAckAtWMinusOne struct{}
	// if w.hook.Planted("bugAckAtWMinusOne") {
	// 	quorums.Write--
	// }

	counted := g.members
	// gofail: var bugWriteFirstSet struct{}
	// if w.hook.Planted("bugWriteFirstSet") {
	// 	counted.Sets = counted.Sets[:1]
	// }

	// For each SCL, who reaches it: groups have a handful of segments.
	best := node.LSN(0)
	members := g.members.Members()
	for r := range g.replicas {
		if p := &g.replicas[r]; p.joined && p.scl > best && members.Has(r) && quorums.Writes(counted, g.complete(p.scl)) {
			best = p.scl
		}
	}
	return best
}

// advance moves the VCL over every record that is complete in its group, the VDL to the last consistency point at
// or below it, and acknowledges the commits up to there. It is neither the lowest nor the highest PGCL: with
// groups complete up to 103 and 104, all of it interleaved, the volume is complete up to 104 (SIGMOD 2018 §2.3).
func (w *Writer) advance(out *node.Effects) {
	if w.vcl == w.end {
		return // who answers later than a write quorum moves nothing
	}
	var few [8]node.LSN
	pgcls := few[:0]
	for i := range w.groups {
		pgcls = append(pgcls, w.pgcl(&w.groups[i]))
	}
	// gofail: var bugAckIgnoresLower struct{}
	// if w.hook.Planted("bugAckIgnoresLower") {
	// 	for len(w.commits) > 0 && w.commits[0].commitLSN <= pgcls[w.at(w.commits[0].commitLSN).Group] {
	// 		t := w.commits[0]
	// 		w.commits = w.commits[1:]
	// 		w.acknowledge(t, out)
	// 	}
	// }

	vcl := w.vcl
	for vcl < w.end {
		r := w.at(vcl + 1)
		if pgcls[r.Group] < r.LSN {
			break
		}
		vcl = r.LSN
		if r.Last {
			for l := w.vdl + 1; l <= vcl; l++ {
				w.groups[w.at(l).Group].atVDL = l
			}
			w.vdl = vcl
		}
	}
	if vcl == w.vcl {
		return
	}
	w.vcl = vcl
	out.Tell(node.Trace{Action: node.ActAdvance, Epoch: w.epoch, LSN: vcl})
	for len(w.commits) > 0 && w.commits[0].commitLSN <= w.vdl {
		t := w.commits[0]
		w.commits = w.commits[1:]
		w.acknowledge(t, out)
	}
	w.unstall()
}
