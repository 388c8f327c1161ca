package conform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// replica returns the model's number of a segment, -1 if it is not a segment.
func (v *Validator) replica(id node.ID) int {
	if int(id) >= len(v.replicas) {
		return -1
	}
	return int(v.replicas[id]) - 1
}

// segmentStep takes a step that a segment told.
func (v *Validator) segmentStep(from node.ID, t *node.Trace) *problem {
	r := v.replica(from)
	if r < 0 {
		return &problem{
			rule: ruleKnown, why: fmt.Sprintf("%s told a step that only a segment takes", v.who(from)),
			expected: "a segment of the volume", found: v.who(from),
		}
	}
	v.segments[r].spoke = true
	if t.Action == node.ActHolds {
		return v.holds(r, t)
	}
	if t.Action == node.ActStore && t.Record == nil {
		return &problem{rule: ruleComplete, why: fmt.Sprintf("Store of %s carries no record", v.who(from))}
	}
	if t.Action == node.ActFill {
		return v.fill(r, t)
	}
	again, p := v.heard(r, t)
	switch {
	case p != nil:
		return p
	case again:
		v.counts.Retold++
		return nil
	case t.Action == node.ActStore:
		return v.store(r, t)
	case t.Action == node.ActFence:
		return v.fence(r, t)
	}
	return v.join(r, t)
}

// heard tells whether the segment spoke of this place of its log before. Then it has to say the same again: a
// segment that fills a place with something else has lost what was there. A step without a position is not in
// the log; it is never skipped.
func (v *Validator) heard(r int, t *node.Trace) (bool, *problem) {
	if t.Position == 0 {
		return false, nil
	}
	s := &v.segments[r]
	d := digest(t)
	if n := len(s.told); n == 0 || t.Position > s.told[n-1].position {
		s.told = append(s.told, place{position: t.Position, digest: d})
		return false, nil
	}
	i, found := slices.BinarySearchFunc(s.told, t.Position, func(p place, at uint64) int {
		if p.position < at {
			return -1
		}
		return min(int(p.position-at), 1)
	})
	switch {
	case !found:
		return false, &problem{
			rule: rulePosition, why: fmt.Sprintf("%s tells position %d after position %d", v.who(s.id), t.Position, s.told[len(s.told)-1].position),
			expected: fmt.Sprintf("a position above %d, or one that it told before", s.told[len(s.told)-1].position), found: fmt.Sprint(t.Position),
		}
	case s.told[i].digest != d:
		return false, &problem{
			rule: ruleTold, guarantee: guarantees[node.ActHolds],
			why:      fmt.Sprintf("%s: %s told position %d of its log as something else before", anyoneBefore, v.who(s.id), t.Position),
			expected: "what it told the first time", found: describe(t),
		}
	}
	return true, nil
}

// digest tells the entries of a segment's log apart.
func digest(t *node.Trace) uint64 {
	d := uint64(t.Action)
	mix := func(x uint64) {
		d = (d ^ x) * 0x9E3779B97F4A7C15
		d ^= d >> 29
	}
	switch t.Action {
	case node.ActStore:
		// Not the peer it came from, nor the line: a restart tells what the disk holds, and the disk does not say.
		mix(uint64(t.Record.LSN))
		mix(uint64(t.Record.Epoch))
		mix(t.Record.Sum)
	case node.ActFence:
		mix(uint64(t.Epoch))
	case node.ActJoin:
		mix(uint64(t.Epoch))
		for _, s := range t.History() {
			mix(uint64(s.Epoch))
			mix(uint64(s.From))
		}
	}
	return d
}

// store takes a record that became durable on segment r. From a peer it is the model's Gossip; a gossip message
// that arrives after the peer moved to another line is still a record of r's own line, late: then it is a Store.
func (v *Validator) store(r int, t *node.Trace) *problem {
	rec := t.Record
	action := "Store"
	if t.From != 0 {
		action = "Gossip"
	}
	issued := v.issued(rec.LSN, rec.Epoch)
	if issued == nil || issued != rec && *issued != *rec {
		return &problem{
			action: action, rule: ruleIssued, why: fmt.Sprintf("%s stores record %d/%d, which no writer issued", v.who(v.segments[r].id), rec.LSN, rec.Epoch),
			expected: describeRecord(issued), found: full(rec),
		}
	}
	e, l := int(t.Epoch), int(rec.LSN)
	line := v.model.Line(r)
	if e != line {
		return refusedAs(action, volume.OtherLine, v.segmentState(r), describe(t), "%s stores a record on line %d", v.who(v.segments[r].id), e)
	}
	if l > v.model.End(e) || v.issuedOn(e, rec.LSN) != rec.Epoch {
		on := "nothing"
		if l <= v.model.End(e) {
			on = v.lines[e-1].records[l-1].String()
		}
		return &problem{
			action: action, rule: volume.Invariants()[1].Name, guarantee: volume.Invariants()[1].Guarantee,
			why:      fmt.Sprintf("%s stores record %d/%d, which is not on the log that it follows", v.who(v.segments[r].id), l, rec.Epoch),
			expected: fmt.Sprintf("at %d, line %d has %s; %s", l, e, on, v.segmentState(r)), found: describe(t),
		}
	}
	if t.From != 0 {
		peer := v.replica(t.From)
		if peer < 0 || peer/v.volume.Replicas() != r/v.volume.Replicas() {
			return refusedAs(action, volume.PeerElsewhere, v.segmentState(r), describe(t), "%s takes a record from %s, which is no peer", v.who(v.segments[r].id), v.who(t.From))
		}
		if v.model.Gossip(r, peer, l) == "" {
			return v.did(&v.counts.Gossips)
		}
	}
	if g := v.model.Store(e, l, r); g != "" {
		return refusedAs(action, g, v.segmentState(r), describe(t), "%s may not store record %d/%d", v.who(v.segments[r].id), l, rec.Epoch)
	}
	return v.did(&v.counts.Stores)
}

// fill takes page images that a peer gave: of every record of the group at or below the floor that the segment lacked,
// they are what Gossip brings one by one. A segment that restarts may tell of them again, much later, and then lacks
// nothing. Like a record that comes late, they count as the writer's when the peer has moved to another line in the meantime.
func (v *Validator) fill(r int, t *node.Trace) *problem {
	id, e := v.segments[r].id, int(t.Epoch)
	peer := v.replica(t.From)
	if peer < 0 || peer == r || peer/v.volume.Replicas() != r/v.volume.Replicas() {
		return refusedAs("Gossip", volume.PeerElsewhere, v.segmentState(r), describe(t), "%s takes images from %s, which is no peer", v.who(id), v.who(t.From))
	}
	if t.LSN > 0 && v.lacks(r, t.LSN) == 0 {
		v.counts.Retold++
		return nil
	}
	if line := v.model.Line(r); e != line {
		return refusedAs("Gossip", volume.OtherLine, v.segmentState(r), describe(t), "%s takes images on line %d", v.who(id), e)
	}
	if t.LSN > node.LSN(v.model.End(e)) {
		return v.beyond(r, "takes", t)
	}
	v.counts.Fills++
	for l := 1; l <= int(t.LSN); l++ {
		if !v.of(r, e, l) || v.model.Stored(r, l) != 0 {
			continue
		}
		count := &v.counts.Gossips
		if g := v.model.Gossip(r, peer, l); g != "" {
			if v.model.Line(peer) == e && g == volume.PeerLacks {
				why := fmt.Sprintf("%s takes from %s images of record %d, which it never held", v.who(id), v.who(t.From), l)
				return refusedAs("Gossip", g, v.segmentState(peer), describe(t), "%s", v.unheard([]int{peer}, why))
			}
			if g := v.model.Store(e, l, r); g != "" {
				return refusedAs("Gossip", g, v.segmentState(r), describe(t), "%s may not have record %d by images", v.who(id), l)
			}
			count = &v.counts.Stores
		}
		if p := v.did(count); p != nil {
			return p
		}
	}
	return nil
}

// of tells whether the record at l of line e, not beyond its end, is of the group of segment r.
func (v *Validator) of(r, e, l int) bool {
	return int(v.lines[e-1].records[l-1].Group) == r/v.volume.Replicas()
}

// lacks returns the first record of its group on its own line, at or below upTo, that segment r does not hold, or 0. What
// the line does not have at all it lacks, too.
func (v *Validator) lacks(r int, upTo node.LSN) int {
	line := v.model.Line(r)
	end := v.model.End(line)
	for l := 1; l <= int(min(upTo, node.LSN(end))); l++ {
		if v.of(r, line, l) && v.model.Stored(r, l) == 0 {
			return l
		}
	}
	if upTo > node.LSN(end) {
		return end + 1
	}
	return 0
}

// beyond makes a problem of a floor that no log reaches.
func (v *Validator) beyond(r int, does string, t *node.Trace) *problem {
	return remembers(ruleFloor, false, fmt.Sprintf("%s %s images as of %d", v.who(v.segments[r].id), does, t.LSN),
		fmt.Sprintf("a floor of %d at most, where line %d ends", v.model.End(int(t.Epoch)), t.Epoch), describe(t))
}

// issuedOn returns the epoch of the record that line e has at l, which must not lie beyond its end.
func (v *Validator) issuedOn(e int, l node.LSN) node.Epoch { return v.lines[e-1].records[l-1].Epoch }

func refusedAs(action string, g volume.Refusal, expected, found, why string, args ...any) *problem {
	p := refused(g, expected, found, why, args...)
	p.action = action
	return p
}

func (v *Validator) fence(r int, t *node.Trace) *problem {
	if g := v.model.Fence(int(t.Epoch), r); g != "" {
		return refused(g, v.segmentState(r), describe(t), "%s may not promise epoch %d", v.who(v.segments[r].id), t.Epoch)
	}
	return v.did(&v.counts.Fences)
}

func (v *Validator) join(r int, t *node.Trace) *problem {
	e := int(t.Epoch)
	was := v.model.Line(r)
	before := v.held(r)
	if g := v.model.Join(e, r); g != "" {
		return refused(g, v.segmentState(r), describe(t), "%s may not join epoch %d", v.who(v.segments[r].id), e)
	}
	ln := v.line(e)
	if !sameHistory(ln.history, t.History()) {
		return v.otherHistory(ln, t)
	}
	if dropped := before - v.held(r); dropped > 0 && was != e {
		v.counts.Dropped += uint64(dropped)
		v.countCut(ln)
	}
	return v.did(&v.counts.Joins)
}

// holds compares what a restarted segment says that it holds with what it told before.
func (v *Validator) holds(r int, t *node.Trace) *problem {
	v.counts.Holds++
	id := v.segments[r].id
	line := v.model.Line(r)
	said := node.DetailOf[node.HoldsStep](t)
	if promise := v.model.FenceOf(r); int(said.Promise) != promise {
		return remembers(rulePromise, int(said.Promise) < promise, fmt.Sprintf("%s restarts with promise %d", v.who(id), said.Promise),
			fmt.Sprintf("promise %d", promise), fmt.Sprintf("promise %d", said.Promise))
	}
	if int(t.Epoch) != line {
		return remembers(ruleLine, int(t.Epoch) < line, fmt.Sprintf("%s restarts on line %d", v.who(id), t.Epoch),
			fmt.Sprintf("line %d", line), fmt.Sprintf("line %d", t.Epoch))
	}
	ln := v.line(line)
	if !sameHistory(ln.history, t.History()) {
		return v.otherHistory(ln, t)
	}
	// Up to the floor the segment has page images: of all that the model says it holds, and it must hold all of its group.
	if t.LSN > node.LSN(v.model.End(line)) {
		return v.beyond(r, "restarts with", t)
	}
	if l := v.lacks(r, t.LSN); l != 0 {
		return remembers(ruleFloor, false, fmt.Sprintf("%s restarts with images as of %d, and never held record %d", v.who(id), t.LSN, l),
			v.segmentState(r), v.inventory(t))
	}
	l := int(t.LSN) + 1
	for _, h := range said.Held {
		if int(h.LSN) < l || int(h.LSN) > v.model.End(line) {
			return remembers(ruleStore, false, fmt.Sprintf("%s restarts with record %d/%d", v.who(id), h.LSN, h.Epoch), v.segmentState(r), v.inventory(t))
		}
		for ; l < int(h.LSN); l++ {
			if e := v.model.Stored(r, l); e != 0 {
				return remembers(ruleStore, true, fmt.Sprintf("%s restarts without record %d/%d", v.who(id), l, e), v.segmentState(r), v.inventory(t))
			}
		}
		rec := ln.records[l-1]
		if e := v.model.Stored(r, l); e != int(h.Epoch) || h.Last != rec.Last || h.OldestActive != rec.OldestActive {
			return remembers(ruleStore, e != 0, fmt.Sprintf("%s restarts with another record %d", v.who(id), l), v.segmentState(r), v.inventory(t))
		}
		l++
	}
	for ; l <= v.model.End(line); l++ {
		if e := v.model.Stored(r, l); e != 0 {
			return remembers(ruleStore, true, fmt.Sprintf("%s restarts without record %d/%d", v.who(id), l, e), v.segmentState(r), v.inventory(t))
		}
	}
	return nil
}

// remembers makes a problem of an inventory that does not fit: something is gone, or was never told.
func remembers(rule string, gone bool, what, expected, found string) *problem {
	why := what + ": " + nobodyToldYou
	if gone {
		why = what + ": " + anyoneBefore
	}
	return &problem{rule: rule, why: why, expected: expected, found: found}
}

func (v *Validator) inventory(t *node.Trace) string {
	said := node.DetailOf[node.HoldsStep](t)
	var lsns []int
	for _, h := range said.Held {
		lsns = append(lsns, int(h.LSN))
	}
	return fmt.Sprintf("promise %d, line %d, images as of %d, holds above %s", said.Promise, t.Epoch, t.LSN, ranges(lsns))
}

// held counts the records that segment r holds.
func (v *Validator) held(r int) int {
	n := 0
	for l := 1; l <= v.model.End(v.model.Line(r)); l++ {
		if v.model.Stored(r, l) != 0 {
			n++
		}
	}
	return n
}

// ranges renders ascending numbers, such as "1-5, 7".
func ranges(n []int) string {
	if len(n) == 0 {
		return "nothing"
	}
	var parts []string
	for i := 0; i < len(n); {
		j := i
		for j+1 < len(n) && n[j+1] == n[j]+1 {
			j++
		}
		if i == j {
			parts = append(parts, fmt.Sprint(n[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", n[i], n[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}
