package linearizability

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A replay executes steps one after another and stops at the first that does not fit there.
type replay struct {
	c      *compiled
	state  []int32 // by key, its value
	writer []int32 // by key, the step that wrote it, -1 when nobody has
	placed []bool  // by step
	latest int32   // of the steps replayed, the one that began last, -1 when none was
}

func newReplay(c *compiled) *replay {
	r := &replay{c: c, state: make([]int32, len(c.keys)), writer: make([]int32, len(c.keys)), placed: make([]bool, len(c.steps)), latest: -1}
	for i := range r.writer {
		r.writer[i] = -1
	}
	return r
}

// misread is the first read of the step that the state contradicts, or nil.
func (r *replay) misread(s *step) *access {
	for i := range s.reads {
		if r.state[s.reads[i].key] != s.reads[i].value {
			return &s.reads[i]
		}
	}
	return nil
}

// fits tells whether the state has all that the step has read.
func (r *replay) fits(s *step) bool {
	return r.misread(s) == nil && !s.lacksMore(r.state) && !s.finds(r.state)
}

// late tells that a step that began after the end of s is replayed already: real time is violated.
func (r *replay) late(s *step) bool {
	return r.latest >= 0 && r.c.steps[r.latest].begin > s.end
}

// place replays the next step.
func (r *replay) place(i int32) *Violation {
	s := &r.c.steps[i]
	if r.late(s) {
		after := &r.c.steps[r.latest]
		return r.c.violation(RealTimeReversal, s.txn, fmt.Sprintf("it ended at %d, and transaction %d, which began at %d, is ordered before it",
			s.end, r.c.id(after.txn), after.begin))
	}
	if read := r.misread(s); read != nil {
		detail := fmt.Sprintf("in this order nobody has written %q before it", r.c.keys[read.key])
		if w := r.writer[read.key]; w >= 0 {
			detail = fmt.Sprintf("in this order transaction %d wrote %q last before it", r.c.id(r.c.steps[w].txn), r.c.keys[read.key])
		}
		return r.c.readViolation(Unserializable, s.txn, *read, r.state[read.key], detail)
	}
	if s.finds(r.state) {
		return r.c.violation(Unserializable, s.txn, "in this order it would have found what it did not")
	}
	if s.lacksMore(r.state) {
		t := &r.c.history[s.txn]
		at := slices.IndexFunc(t.Ops, func(op Op) bool { return op.Kind == Scan && op.More })
		return r.c.leftOutNothing(s.txn, &t.Ops[at], "in this order there is no row behind what it, or a scan after it, saw")
	}
	for _, w := range s.writes {
		r.state[w.key], r.writer[w.key] = w.value, i
	}
	r.placed[i] = true
	if r.latest < 0 || s.begin > r.c.steps[r.latest].begin {
		r.latest = i
	}
	return nil
}

// certificate replays the claimed order; nil means that it proves the history legal.
//
// Transactions that write stand where they claim to stand, or in the order of their ends when none of them claims a
// position. Between them are put the readers that claim none, as soon as they fit: a reader changes nothing, so only
// its reads and real time bound it. A transaction of unknown outcome without a claim is put directly before the first
// one that needs it. Whatever is chosen here is replayed in full, so that a poor choice costs a proof and never truth.
func (c *compiled) certificate() *Violation {
	line, readers, unknown, objection := c.claimed()
	if objection != nil {
		return objection
	}
	// before[i] is the first end among line[i:]: what begins after it must not be placed before line[i:].
	before := make([]int64, len(line)+1)
	before[len(line)] = math.MaxInt64
	for i := len(line) - 1; i >= 0; i-- {
		before[i] = min(before[i+1], c.steps[line[i]].end)
	}
	p := placer{replay: newReplay(c), unknown: unknown}
	for at := 0; ; at++ {
		for len(readers) > 0 && c.steps[readers[0]].begin <= before[at] {
			p.waiting = append(p.waiting, readers[0])
			readers = readers[1:]
		}
		p.placeReaders()
		next := int64(math.MaxInt64) // the begin of what comes now: a reader that ended earlier cannot wait longer
		if at < len(line) {
			next = c.steps[line[at]].begin
		}
		for {
			due := slices.IndexFunc(p.waiting, func(i int32) bool { return c.steps[i].end < next || at == len(line) })
			if due < 0 {
				break
			}
			i := p.waiting[due]
			p.waiting = slices.Delete(p.waiting, due, due+1)
			if violation := p.demand(i, before[at]); violation != nil {
				return violation
			}
		}
		if at == len(line) {
			return nil
		}
		if violation := p.demand(line[at], before[at]); violation != nil {
			return violation
		}
	}
}

// claimed sorts the steps: those with a place in the line, readers without one by their begin, unknown ones without one.
func (c *compiled) claimed() (line, readers, unknown []int32, objection *Violation) {
	claiming, unclaimed := false, int32(-1)
	line = make([]int32, 0, len(c.steps))
	for i := range c.steps {
		switch s := &c.steps[i]; {
		case s.claim > 0:
			line = append(line, int32(i))
			claiming = claiming || len(s.writes) > 0
		case len(s.writes) == 0:
			readers = append(readers, int32(i))
		case !s.must:
			unknown = append(unknown, int32(i))
		default:
			line = append(line, int32(i))
			unclaimed = int32(i)
		}
	}
	if claiming && unclaimed >= 0 {
		return nil, nil, nil, c.violation(Unserializable, c.steps[unclaimed].txn, "it claims no position although others do")
	}
	slices.SortFunc(line, func(a, b int32) int {
		x, y := &c.steps[a], &c.steps[b]
		if unclaimed >= 0 {
			return cmp.Or(cmp.Compare(x.end, y.end), cmp.Compare(a, b))
		}
		// Readers of one position stand after its writer, and as they change nothing, in the order of their begins.
		return cmp.Or(cmp.Compare(x.claim, y.claim), cmp.Compare(min(1, len(y.writes)), min(1, len(x.writes))),
			cmp.Compare(x.begin, y.begin), cmp.Compare(a, b))
	})
	slices.SortFunc(readers, func(a, b int32) int {
		return cmp.Or(cmp.Compare(c.steps[a].begin, c.steps[b].begin), cmp.Compare(a, b))
	})
	return line, readers, unknown, nil
}

// A placer replays a line and puts the rest between.
type placer struct {
	*replay
	waiting []int32 // readers that real time allows here, by their begin
	unknown []int32 // transactions of unknown outcome without a claim
	tried   []bool  // of unknown, those that did not help the present demand
}

// placeReaders places the readers that fit the state, unless one that ended before their begin still waits.
func (p *placer) placeReaders() {
	left, due := p.waiting[:0], int64(math.MaxInt64)
	for _, i := range p.waiting {
		s := &p.c.steps[i]
		if s.begin > due || !p.fits(s) || p.place(i) != nil {
			left = append(left, i)
			due = min(due, s.end)
		}
	}
	p.waiting = left
}

// demand places a step, and before it the transactions of unknown outcome whose values it read. These must have begun
// before any step that is still to come has ended.
func (p *placer) demand(i int32, before int64) *Violation {
	s := &p.c.steps[i]
	for try := 0; try < len(s.reads); try++ { // each transaction placed serves at least one read
		read := p.misread(s)
		if read == nil || len(p.unknown) == 0 {
			break
		}
		p.tried = make([]bool, len(p.unknown))
		if !p.serve(*read, before) {
			break
		}
		p.placeReaders()
	}
	return p.place(i)
}

// serve places a transaction of unknown outcome that wrote what was read, and before it those that it has read from.
func (p *placer) serve(read access, before int64) bool {
	for at, i := range p.unknown {
		s := &p.c.steps[i]
		value, ok := s.wrote(read.key)
		if !ok || value != read.value || s.begin > before || p.tried[at] || p.placed[i] {
			continue
		}
		p.tried[at] = true
		for try := 0; try < len(s.reads); try++ {
			if own := p.misread(s); own == nil || !p.serve(*own, before) {
				break
			}
		}
		if !p.placed[i] && p.place(i) == nil {
			return true
		}
	}
	return false
}
