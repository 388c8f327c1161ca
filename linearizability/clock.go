package linearizability

// A clock says up to which of its steps a session is seen, for each session; 0 is not at all. It is made of parts, which clocks
// share where they say the same, so that one that takes over another mostly compares pointers: the sessions of a long history
// are many, and of those that are over everybody sees the same before long. With a plain slice, 100,000 transactions whose
// clients come back under new numbers took most of their time for copying what nobody added to.
type clock []*clockPart

const clockPartSize = 64

// A clockPart is never changed after the clock that made it is done. Of two that say the same the older one is kept, so that
// clocks made apart come to share it.
type clockPart struct {
	born int
	seen [clockPartSize]int32
}

// A clockMaker makes clocks of so many sessions.
type clockMaker struct {
	width int32
	parts int // made so far
}

func (m *clockMaker) clock() clock { return make(clock, (m.width+clockPartSize-1)/clockPartSize) }

// at is what the clock says of a session.
func (c clock) at(session int32) int32 {
	if p := c[session/clockPartSize]; p != nil {
		return p.seen[session%clockPartSize]
	}
	return 0
}

// see makes a clock see all that another one sees.
func (m *clockMaker) see(c, other clock) {
	for i, theirs := range other {
		ours := c[i]
		switch {
		case ours == theirs || theirs == nil:
			continue
		case ours == nil:
			c[i] = theirs
			continue
		}
		more, less := false, false
		for k, seen := range theirs.seen {
			more, less = more || seen > ours.seen[k], less || seen < ours.seen[k]
		}
		switch {
		case more && less:
			both := m.copied(ours)
			for k, seen := range theirs.seen {
				both.seen[k] = max(both.seen[k], seen)
			}
			c[i] = both
		case more || !less && theirs.born < ours.born:
			c[i] = theirs
		}
	}
}

// advance makes a clock see a session up to a step.
func (m *clockMaker) advance(c clock, session, step int32) {
	p := c[session/clockPartSize]
	if p == nil {
		p = new(clockPart)
	}
	if p.seen[session%clockPartSize] < step {
		p = m.copied(p)
		p.seen[session%clockPartSize] = step
		c[session/clockPartSize] = p
	}
}

func (m *clockMaker) copied(p *clockPart) *clockPart {
	m.parts++
	return &clockPart{m.parts, p.seen}
}
