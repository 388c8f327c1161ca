package conform

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// speaks checks that from may speak for the writer of epoch e: that epoch has started, and no other node spoke for it.
func (v *Validator) speaks(from node.ID, e node.Epoch) *problem {
	if v.model.Phase(int(e)) == volume.Unborn {
		return &problem{
			rule: string(volume.IsUnborn), why: fmt.Sprintf("%s speaks for epoch %d, which nobody has won", v.who(from), e),
			expected: fmt.Sprintf("an epoch of 1 to %d", v.newest()), found: fmt.Sprintf("epoch %d", e),
		}
	}
	ln := v.line(int(e))
	switch {
	case from == v.volume.Register || v.replica(from) >= 0 || from == 0:
		return &problem{
			rule: ruleKnown, why: fmt.Sprintf("%s speaks for the writer of epoch %d", v.who(from), e),
			expected: "a writer", found: v.who(from),
		}
	case ln.writer == 0:
		ln.writer = from
	case ln.writer != from:
		return &problem{
			rule: ruleWriter, guarantee: guarantees[node.ActStart], why: fmt.Sprintf("%s speaks for the writer of epoch %d", v.who(from), e),
			expected: v.who(ln.writer), found: v.who(from),
		}
	}
	return nil
}

// newest returns the newest epoch that has started.
func (v *Validator) newest() int { return len(v.lines) }

// start takes the register's word that an epoch was won. A register that starts again tells all that it knows.
func (v *Validator) start(from node.ID, t *node.Trace) *problem {
	switch {
	case from != v.volume.Register:
		return &problem{
			rule: ruleKnown, why: fmt.Sprintf("%s says that epoch %d was won", v.who(from), t.Epoch),
			expected: v.who(v.volume.Register), found: v.who(from),
		}
	case t.Position != uint64(t.Epoch):
		return &problem{
			rule: rulePosition, why: "the register's position is not the epoch that it tells",
			expected: fmt.Sprintf("position %d", t.Epoch), found: fmt.Sprintf("position %d", t.Position),
		}
	}
	e := int(t.Epoch)
	if e >= 1 && v.model.Phase(e) != volume.Unborn {
		v.counts.Retold++
		return nil
	}
	if g := v.model.Start(e); g != "" {
		return refused(g, fmt.Sprintf("epoch %d", v.newest()+1), fmt.Sprintf("epoch %d", e), "epoch %d starts before one below it", e)
	}
	v.line(e)
	return v.did(&v.counts.Starts)
}

// advance takes the model's Advance once for every LSN that became complete.
func (v *Validator) advance(from node.ID, t *node.Trace) *problem {
	if p := v.speaks(from, t.Epoch); p != nil {
		return p
	}
	e := int(t.Epoch)
	vcl := node.LSN(v.model.VCL(e))
	if v.model.Phase(e) == volume.Open && t.LSN <= vcl {
		return &problem{
			rule: ruleGrowing, why: fmt.Sprintf("the VCL of epoch %d does not grow", e),
			expected: fmt.Sprintf("above %d", vcl), found: fmt.Sprint(t.LSN),
		}
	}
	for {
		if g := v.model.Advance(e); g != "" {
			why := fmt.Sprintf("epoch %d counts LSN %d as complete", e, vcl+1)
			if g == volume.TooFewComplete {
				why = v.unheard(v.counted(e, int(v.model.Record(e, int(vcl)+1).Group), int(vcl)+1), why)
			}
			return refused(g, v.writerState(e)+v.copies(e, vcl+1), fmt.Sprintf("VCL %d", t.LSN), "%s", why)
		}
		if p := v.did(&v.counts.Advances); p != nil {
			return p
		}
		if vcl++; vcl >= t.LSN {
			return nil
		}
	}
}

func (v *Validator) ack(from node.ID, t *node.Trace) *problem {
	if p := v.speaks(from, t.Epoch); p != nil {
		return p
	}
	txn, known := v.txns[t.Txn]
	if !known {
		return &problem{
			rule: string(volume.NoCommit), why: fmt.Sprintf("transaction %s, which never wrote, is acknowledged", t.Txn),
			expected: "a transaction with a commit record", found: "transaction " + t.Txn.String(),
		}
	}
	e := int(t.Epoch)
	if g := v.model.Ack(e, txn); g != "" {
		commit, epoch := v.model.CommitOf(txn)
		record := "no commit record"
		if commit != 0 {
			record = fmt.Sprintf("commit record %d/%d", commit, epoch)
		}
		return refused(g, v.writerState(e), fmt.Sprintf("transaction %s, %s, acknowledged: %t", t.Txn, record, v.model.Acked(txn)),
			"epoch %d acknowledges transaction %s", e, t.Txn)
	}
	return v.did(&v.counts.Acks)
}

// tooFew says how many segments of each group have answered, of the groups of which fewer than a read quorum have.
func (v *Validator) tooFew(answered []node.ID) string {
	of := make([]int, v.volume.Groups())
	for _, r := range v.replicasOf(answered) {
		of[r/v.volume.Replicas()]++
	}
	var few []string
	for g, n := range of {
		if n < v.volume.ReadQuorum && len(v.model.Sets(v.newest(), g)) > 0 {
			few = append(few, fmt.Sprintf("%d of group %d", n, g+1))
		}
	}
	if len(few) == 0 {
		return "" // enough segments, and not of each set of members
	}
	return fmt.Sprintf(": they are %s, and a read quorum is %d", strings.Join(few, ", "), v.volume.ReadQuorum)
}

// decide compares the implementation's cut with the model's over the same answers.
func (v *Validator) decide(from node.ID, t *node.Trace) *problem {
	if p := v.speaks(from, t.Epoch); p != nil {
		return p
	}
	e := int(t.Epoch)
	var q volume.ReplicaSet
	newest := 0
	answered := node.DetailOf[node.DecideStep](t).Answers
	for _, id := range answered {
		r := v.replica(id)
		if r < 0 {
			return &problem{
				rule: ruleKnown, why: fmt.Sprintf("epoch %d cuts by the answer of %s", e, v.who(id)),
				expected: "segments of the volume", found: v.who(id),
			}
		}
		q = q.With(r)
		if line, ok := v.model.Told(e, r); ok {
			newest = max(newest, line)
		}
	}
	said := func() string { return fmt.Sprintf("cut %d by the answers of %s", t.LSN, v.members(answered)) }
	if g := v.model.Decide(e, q); g != "" {
		why := fmt.Sprintf("epoch %d may not cut by these answers", e)
		if g == volume.Unfenced || g == volume.Untold {
			why = v.unheard(v.replicasOf(answered), why)
		}
		if g == volume.NoReadQuorum {
			why += v.tooFew(answered)
		}
		return refused(g, fmt.Sprintf("%s; answers: %s", v.writerState(e), v.answers(e)), said(), "%s", why)
	}
	base := v.model.Base(e)
	if t.LSN != node.LSN(base) {
		v.model.TakeBack() // so that the answers can still be told
		return &problem{
			rule: ruleCut, why: fmt.Sprintf("epoch %d cuts the log elsewhere than at the first gap: behind LSN %d, and not behind LSN %d", e, t.LSN, base),
			expected: fmt.Sprintf("cut %d on the line of epoch %d; answers: %s", base, newest, v.answers(e)), found: said(),
		}
	}
	ln := v.cut(e, newest, base)
	if !sameHistory(ln.history, t.History()) {
		return v.otherHistory(ln, t)
	}
	if removed := v.model.End(newest) - base; removed > 0 {
		v.counts.Removed += uint64(removed)
		if v.heldAbove(newest, base) {
			v.countCut(ln)
		}
	}
	return v.did(&v.counts.Decides)
}

func (v *Validator) otherHistory(ln *line, t *node.Trace) *problem {
	found := "none"
	if h := t.History(); len(h) > 0 {
		found = h.String()
	}
	return &problem{
		rule: ruleHistory, why: fmt.Sprintf("%s of epoch %d has another history of cuts", t.Action, t.Epoch),
		expected: ln.history.String(), found: found,
	}
}

// heldAbove tells whether a segment holds a record of the line that lies above base.
func (v *Validator) heldAbove(line, base int) bool {
	for r := range v.segments {
		for l := base + 1; l <= v.model.End(line); l++ {
			if v.model.Has(r, line, l) {
				return true
			}
		}
	}
	return false
}

// countCut counts the cut of a line, once, as one that took something away.
func (v *Validator) countCut(ln *line) {
	if !ln.removed {
		ln.removed = true
		v.counts.Cuts++
	}
}

func (v *Validator) open(from node.ID, t *node.Trace) *problem {
	if p := v.speaks(from, t.Epoch); p != nil {
		return p
	}
	e := int(t.Epoch)
	if g := v.model.Open(e); g != "" {
		why := fmt.Sprintf("epoch %d may not open", e)
		if g == volume.Unrepaired {
			var rs []int
			for group := range v.volume.Groups() {
				rs = append(rs, v.counted(e, group, v.lastKept(e, group))...)
			}
			why = v.unheard(rs, why)
		}
		return refused(g, v.writerState(e)+v.repaired(e), fmt.Sprintf("epoch %d open", e), "%s", why)
	}
	return v.did(&v.counts.Opens)
}
