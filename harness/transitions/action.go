package transitions

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// An action is one of the model's, as a node told it, with the model's numbers.
type action struct {
	kind       node.Action
	e, t, k, l int
	r, p       int // the segment, and for a Store the peer, -1 for a writer
	last       bool
	quorum     volume.ReplicaSet
	cut        int
}

// action reads a step that a process told. Of what is no action of the model (what a segment holds after a restart, which is read
// from the segment itself here) it returns false.
func (c *cluster) action(p *process, t *node.Trace) (a action, told bool, err error) {
	a = action{kind: t.Action, e: int(t.Epoch), r: p.place - 1, p: -1}
	switch t.Action {
	case node.ActWrite, node.ActCommit, node.ActUndo:
		a.k, a.last = -1, t.Record.Last
		value := t.Record.New
		switch t.Action {
		case node.ActWrite:
			if a.k, err = numbered("k", t.Record.Key); err != nil {
				return a, false, err
			}
			a.k--
		case node.ActUndo:
			value = t.Record.Old
		}
		if t.Action == node.ActCommit {
			a.t, err = c.client(p, t.Record.Txn)
		} else {
			a.t, err = numbered("t", value.Bytes)
		}
	case node.ActStore:
		a.l = c.lsn(t.Record.LSN)
		if t.From != 0 {
			a.p = c.placeOf(t.From) - 1
		}
	case node.ActAdvance:
		a.l = c.lsn(t.LSN)
	case node.ActAck:
		a.t, err = c.client(p, t.Txn)
	case node.ActDecide:
		for _, id := range node.DetailOf[node.DecideStep](t).Answers {
			a.quorum = a.quorum.With(c.placeOf(id) - 1)
		}
		a.cut = c.lsn(t.LSN)
	case node.ActStart, node.ActFence, node.ActJoin, node.ActOpen:
	case node.ActHolds:
		return a, false, nil
	default:
		err = fmt.Errorf("%s tells %s, of which the world has none", c.name(p.place), t.Action)
	}
	return a, err == nil, err
}

// client returns the number of a writer's own transaction.
func (c *cluster) client(p *process, t node.Txn) (int, error) {
	for n := range p.calls {
		if p.calls[n].txn == t {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%s tells of transaction %s, which no client began", c.name(p.place), t)
}

func numbered(prefix, name string) (int, error) {
	digits, fits := strings.CutPrefix(name, prefix)
	n, err := strconv.Atoi(digits)
	if !fits || err != nil {
		return 0, fmt.Errorf("a record has %q; expected %s and a number", name, prefix)
	}
	return n, nil
}

// take takes the action in the model, and calls each after each step of it: an Advance over several LSNs is several.
func (a *action) take(s *volume.State, each func()) (refused volume.Refusal, problem string) {
	switch a.kind {
	case node.ActWrite:
		refused = s.Write(a.e, a.t, a.k, a.last)
	case node.ActCommit:
		refused = s.Commit(a.e, a.t)
	case node.ActUndo:
		refused = s.Undo(a.e, a.t)
	case node.ActStore:
		// A record that a peer gave before it moved to another line is a record of the segment's own line, late.
		if a.p < 0 || s.Gossip(a.r, a.p, a.l) != "" {
			refused = s.Store(a.e, a.l, a.r)
		}
	case node.ActAdvance:
		for refused == "" {
			if refused = s.Advance(a.e); refused != "" {
				return refused, ""
			}
			each()
			if s.VCL(a.e) >= a.l {
				return "", ""
			}
		}
	case node.ActAck:
		refused = s.Ack(a.e, a.t)
	case node.ActStart:
		refused = s.Start(a.e)
	case node.ActFence:
		refused = s.Fence(a.e, a.r)
	case node.ActDecide:
		if refused = s.Decide(a.e, a.quorum); refused == "" && s.Base(a.e) != a.cut {
			return "", fmt.Sprintf("the cut: expected %d by these answers, found %d", s.Base(a.e), a.cut)
		}
	case node.ActJoin:
		refused = s.Join(a.e, a.r)
	case node.ActOpen:
		refused = s.Open(a.e)
	}
	if refused == "" {
		each()
	}
	return refused, ""
}

func (a *action) String() string {
	switch a.kind {
	case node.ActStore:
		if a.p >= 0 {
			return fmt.Sprintf("Gossip of LSN %d from segment 1/%d to segment 1/%d", a.l, a.p+1, a.r+1)
		}
		return fmt.Sprintf("Store of LSN %d on segment 1/%d in epoch %d", a.l, a.r+1, a.e)
	case node.ActFence, node.ActJoin:
		return fmt.Sprintf("%s of segment 1/%d in epoch %d", a.kind, a.r+1, a.e)
	case node.ActWrite, node.ActCommit, node.ActUndo, node.ActAck:
		return fmt.Sprintf("%s of transaction %d in epoch %d", a.kind, a.t, a.e)
	case node.ActAdvance:
		return fmt.Sprintf("Advance of epoch %d to %d", a.e, a.l)
	}
	return fmt.Sprintf("%s of epoch %d", a.kind, a.e)
}
