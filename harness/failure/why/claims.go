package why

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A claim is an answer by which a node says that something is durable of which it had not told so in that step or before.
// Whoever counts the answer takes a step that nothing supports: it is the symptom, and the claim the cause.
type claim struct {
	sender, receiver node.ID
	step             uint64 // the event in whose step it was sent
	got              uint64 // the event of its delivery
	epoch            node.Epoch
	lsns             []node.LSN // that it had not told as durable
	what             string     // "that it has everything up to LSN 13"
	of               string     // what is not there: "record 13", "its promise of epoch 2"
}

// claims follows what nodes tell as done, and holds their answers against it. Nodes that tell nothing are not held to anything.
type claims struct {
	spoke    map[node.ID]bool
	lines    map[node.Epoch][]*node.Record   // the log of each epoch, ascending
	group    map[node.ID]node.Group          // of segments, by what they store
	stored   map[node.ID]map[recordID]uint64 // by the step in which it was told first
	filled   map[node.ID][]filled            // images
	fenced   map[node.ID]map[node.Epoch]uint64
	joined   map[node.ID]map[node.Epoch]uint64
	started  map[node.Epoch]uint64
	verified map[node.ID]map[node.Epoch]int // how many of the records of an epoch's log were seen to be stored
	broken   []claim
}

type recordID struct {
	lsn   node.LSN
	epoch node.Epoch
}

type filled struct {
	step uint64
	upTo node.LSN
}

// mostClaims bounds how many broken claims are kept: one node that answers too early does so all the time.
const mostClaims = 64

func newClaims() claims {
	return claims{spoke: map[node.ID]bool{}, lines: map[node.Epoch][]*node.Record{}, group: map[node.ID]node.Group{}, stored: map[node.ID]map[recordID]uint64{},
		filled: map[node.ID][]filled{}, fenced: map[node.ID]map[node.Epoch]uint64{}, joined: map[node.ID]map[node.Epoch]uint64{}, started: map[node.Epoch]uint64{},
		verified: map[node.ID]map[node.Epoch]int{}}
}

// told takes what a node tells of a step.
func (c *claims) told(e *sim.Event) {
	t, id := e.Trace, e.Process
	c.spoke[id] = true
	once := func(all map[node.ID]map[node.Epoch]uint64) {
		if all[id] == nil {
			all[id] = map[node.Epoch]uint64{}
		}
		if all[id][t.Epoch] == 0 {
			all[id][t.Epoch] = e.Cause
		}
	}
	if issues(t.Action) && t.Record != nil {
		c.lines[t.Record.Epoch] = append(c.lines[t.Record.Epoch], t.Record)
	}
	switch t.Action {
	case node.ActStore:
		if t.Record == nil {
			return
		}
		if c.stored[id] == nil {
			c.stored[id] = map[recordID]uint64{}
		}
		c.group[id] = t.Record.Group
		if x := (recordID{t.Record.LSN, t.Record.Epoch}); c.stored[id][x] == 0 {
			c.stored[id][x] = e.Cause
		}
	case node.ActDecide:
		c.decided(t)
	case node.ActFill, node.ActHolds:
		c.filled[id] = append(c.filled[id], filled{e.Cause, t.LSN})
	case node.ActFence:
		once(c.fenced)
	case node.ActJoin:
		once(c.joined)
	case node.ActStart:
		if c.started[t.Epoch] == 0 {
			c.started[t.Epoch] = e.Cause
		}
	}
}

// said holds an answer that is delivered against what its sender had told when it sent it.
func (c *claims) said(e *sim.Event, t *tape) {
	if m, is := e.Message.(*node.Append); is && len(m.Records) > 0 {
		c.group[e.Process] = m.Records[0].Group
	}
	if len(c.broken) >= mostClaims {
		return
	}
	x := claim{sender: e.From, receiver: e.Process, step: e.Cause, got: e.Seq}
	toldBy := func(all map[node.ID]map[node.Epoch]uint64, epoch node.Epoch) bool {
		step := all[e.From][epoch]
		return step != 0 && step <= e.Cause
	}
	switch m := e.Message.(type) {
	case *node.Appended:
		if x.lsns = c.missing(e.From, m.Epoch, m.SCL, e.Cause); len(x.lsns) == 0 {
			return
		}
		x.epoch, x.what, x.of = m.Epoch, fmt.Sprintf("that it has everything up to LSN %d", m.SCL), recordsOf(x.lsns)
	case *node.Fenced:
		if m.Epoch == 1 || toldBy(c.fenced, m.Epoch) || c.held(e.From, e.Cause, t) {
			return
		}
		x.epoch, x.what, x.of = m.Epoch, fmt.Sprintf("that it has promised epoch %d", m.Epoch), fmt.Sprintf("its promise of epoch %d", m.Epoch)
	case *node.Joined:
		if m.Epoch == 1 || toldBy(c.joined, m.Epoch) || c.held(e.From, e.Cause, t) {
			if x.lsns = c.missing(e.From, m.Epoch, m.SCL, e.Cause); len(x.lsns) == 0 {
				return
			}
			x.epoch, x.what, x.of = m.Epoch, fmt.Sprintf("that it has everything up to LSN %d", m.SCL), recordsOf(x.lsns)
			break
		}
		x.epoch, x.what, x.of = m.Epoch, fmt.Sprintf("that it has joined epoch %d", m.Epoch), fmt.Sprintf("the history of epoch %d", m.Epoch)
	case *node.Swapped:
		if step := c.started[m.Epoch]; !m.Won || m.Epoch < 2 || step != 0 && step <= e.Cause {
			return
		}
		x.epoch, x.what, x.of = m.Epoch, fmt.Sprintf("that it has won epoch %d", m.Epoch), fmt.Sprintf("epoch %d", m.Epoch)
	default:
		return
	}
	c.broken = append(c.broken, x)
}

// false returns the claims, up to an event, of nodes that tell what they do, oldest first.
func (c *claims) false(upTo uint64) []claim {
	return slices.DeleteFunc(slices.Clone(c.broken), func(x claim) bool { return x.got > upTo || !c.spoke[x.sender] })
}

func recordsOf(lsns []node.LSN) string {
	if len(lsns) == 1 {
		return fmt.Sprintf("record %d", lsns[0])
	}
	return "records " + ranges(lsns)
}

// held tells whether a node has said what it holds since it started last: it may have found on its disk a promise of which it never
// told, and then tells of that with all else.
func (c *claims) held(id node.ID, step uint64, t *tape) bool {
	start := t.latest(sim.EventStart, id, step)
	return start > 1 && t.facts[start].incarnation > 1
}

// newest is the newest epoch that has a log, 0 for none.
func (c *claims) newest() (newest node.Epoch) {
	for e := range c.lines {
		newest = max(newest, e)
	}
	return newest
}

// decided begins the log of an epoch with what it kept of those before.
func (c *claims) decided(t *node.Trace) {
	h := t.History()
	var kept []*node.Record
	for i, start := range h {
		if start.Epoch == t.Epoch {
			continue
		}
		for _, r := range c.lines[start.Epoch] {
			if r.Epoch == start.Epoch && r.LSN >= start.From && r.LSN <= t.LSN && (i+1 == len(h) || r.LSN < h[i+1].From) {
				kept = append(kept, r)
			}
		}
	}
	c.lines[t.Epoch] = kept
}

// missing returns which records of a segment's group, on the log of an epoch up to an LSN, the segment had not told as stored when it
// took a step.
func (c *claims) missing(id node.ID, epoch node.Epoch, upTo node.LSN, step uint64) (lsns []node.LSN) {
	group, known := c.group[id]
	all := c.lines[epoch]
	if c.verified[id] == nil {
		c.verified[id] = map[node.Epoch]int{}
	}
	if !known {
		return nil // it was sent nothing yet
	}
	for i := c.verified[id][epoch]; i < len(all) && all[i].LSN <= upTo; i++ {
		r := all[i]
		told := c.stored[id][recordID{r.LSN, r.Epoch}]
		has := r.Group != group || told != 0 && told <= step ||
			slices.ContainsFunc(c.filled[id], func(f filled) bool { return f.step <= step && f.upTo >= r.LSN })
		if !has {
			lsns = append(lsns, r.LSN)
		} else if len(lsns) == 0 {
			c.verified[id][epoch] = i + 1
		}
	}
	return lsns
}

// storedAfterFailure makes causes of the first step in which a node said that something is on its disk, and of its disk's word, in that step,
// that the operation failed.
func (s *story) storedAfterFailure() {
	n := s.firstWhere(1, func(f *fact) bool {
		if f.kind != sim.EventTrace || f.action != node.ActStore && f.action != node.ActFence && f.action != node.ActJoin {
			return false
		}
		by := s.fact(f.cause)
		return by != nil && by.kind == sim.EventDisk && by.reason != 0
	})
	if n == 0 {
		return
	}
	f := s.fact(n)
	s.cause(f.cause, "was told by its disk that the operation failed")
	what := fmt.Sprintf("said in that same step that record %d is on its disk", f.high)
	if f.action != node.ActStore {
		what = fmt.Sprintf("said in that same step that it is durable: %v of epoch %d", f.action, f.epoch)
	}
	s.cause(n, what)
}
