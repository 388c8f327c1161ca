package mirror

import "github.com/firstgap/firstgap/spec/check"

type model struct{ World }

// New returns the model of a world.
func New(w World) (check.Model, error) {
	p, err := plain(w)
	if err != nil {
		return nil, err
	}
	return p.Model(), nil
}

func plain(w World) (check.Plain[State], error) {
	if err := w.Validate(); err != nil {
		return check.Plain[State]{}, err
	}
	m := &model{w}
	return check.Plain[State]{
		Title:     "mirror",
		Constants: w,
		Start:     m.start(),
		Moves: []check.Move[State]{
			{Name: "Issue", Next: m.issue},
			{Name: "Store", Next: m.store},
			{Name: "Forward", Next: m.forward},
			{Name: "Ack", Next: m.ack},
			{Name: "Lose", Next: m.lose},
			{Name: "Burn", Next: m.burn},
			{Name: "Drop", Next: m.drop},
			{Name: "Join", Next: m.join},
			{Name: "Attach", Next: m.attach},
			{Name: "Read", Next: m.read},
			{Name: "Serve", Next: m.serve},
			{Name: "Open", Next: m.open},
			{Name: "Mirror", Next: m.mirror},
			{Name: "InSync", Next: m.inSync},
			{Name: "Degrade", Next: m.degrade},
		},
		Must:  m.invariants(),
		Reach: m.witnesses(),
		Show:  m.show,
	}, nil
}

func (m *model) invariants() []check.Must[State] {
	return []check.Must[State]{
		{Name: "TypeOK", Guarantee: "no volume is attached to an instance that is not born, and nothing is acknowledged that was not written", Holds: m.typeOK},
		{Name: "Durable", Guarantee: "an acknowledged write is on a copy from which it is recovered", Holds: m.durable},
		{Name: "OnEveryCopy", Guarantee: "an acknowledged write is on every copy of every zone in sync that is not lost", Holds: m.onEveryCopy},
		{Name: "ChainOrder", Guarantee: "what a copy answers, all copies before it have", Holds: m.chainOrder},
		{Name: "OneHistory", Guarantee: "a volume holds the writes of the instance that it is attached to, in their order, and no others", Holds: m.oneHistory},
		{Name: "FreshRead", Guarantee: "the newest instance serves all that was acknowledged", Holds: m.freshRead},
	}
}

func (m *model) start() State {
	s := State{Newest: 1}
	s.Phase[1], s.Home[1] = open, 1
	for a := 1; a <= m.Zones; a++ {
		s.InSync = s.InSync.with(a)
		s.Owner[a] = 1
		s.Chain[a].Len = uint8(m.Copies)
		for i := range m.Copies {
			s.Chain[a].Copies[i].OK = true
		}
	}
	s.Waits[1] = s.InSync
	return s
}

func (m *model) epochs(do func(e int)) {
	for e := 1; e <= m.MaxEpoch; e++ {
		do(e)
	}
}

func (m *model) zones(do func(a int)) {
	for a := 1; a <= m.Zones; a++ {
		do(a)
	}
}

func (m *model) epochsAndZones(do func(e, a int)) {
	m.epochs(func(e int) { m.zones(func(a int) { do(e, a) }) })
}

// kept returns what of the log of a copy of zone a counts. With Overwrite a copy may have more than the instance that it is
// attached to has read; that goes no further, for the instance writes something else in its place.
func (m *model) kept(s *State, a int, l Log) Log {
	if e := int(s.Owner[a]); m.Overwrite && s.writes(e) {
		return common(l, s.Log[e])
	}
	return l
}

// agreed returns the writes of l that every copy has from which a successor may start.
func (m *model) agreed(s *State, l Log) Log {
	m.zones(func(a int) {
		for _, c := range s.Chain[a].all() {
			if s.InSync.has(a) && c.OK {
				l = common(l, c.Log)
			}
		}
	})
	return l
}

// answered: zone a has answered that write w is stored.
func (m *model) answered(s *State, a int, w uint8) bool {
	chain := &s.Chain[a]
	if chain.Len == 0 {
		return false
	}
	c := chain.last()
	if m.Bug == "ack-at-head" {
		c = chain.first()
	}
	l := c.Log
	if m.Bug != "answer-deposed" {
		l = m.kept(s, a, l)
	}
	return c.OK && l.has(w)
}

// issue: the database of e writes; a log record or a page, it makes no difference here.
func (m *model) issue(s State, yield func(State, ...int)) {
	m.epochs(func(e int) {
		if !s.writes(e) || int(s.Issued) == m.MaxWrite {
			return
		}
		next := s
		next.Issued++
		next.Log[e].add(next.Issued)
		yield(next, e)
	})
}

// store: the first copy of zone a stores the next write of e.
func (m *model) store(s State, yield func(State, ...int)) {
	m.epochsAndZones(func(e, a int) {
		if !s.writes(e) || s.Chain[a].Len == 0 || m.Bug != "attach-twice" && int(s.Owner[a]) != e {
			return
		}
		next := s
		c := next.Chain[a].first()
		if m.Bug == "store-at-tail" {
			c = next.Chain[a].last()
		}
		l := c.Log
		if m.Overwrite {
			l = common(l, s.Log[e])
		}
		if !c.OK || l.Len >= s.Log[e].Len {
			return
		}
		l.add(s.Log[e].Writes[l.Len])
		c.Log = l
		yield(next, e, a)
	})
}

// forward: copy i of zone a forwards the next write to the one after it.
func (m *model) forward(s State, yield func(State, ...int)) {
	m.zones(func(a int) {
		for i := 1; i < int(s.Chain[a].Len); i++ {
			next := s
			from, to := &next.Chain[a].Copies[i-1], &next.Chain[a].Copies[i]
			f, l := m.kept(&s, a, from.Log), to.Log
			if m.Overwrite {
				l = common(l, f)
			}
			if from.OK && to.OK && l.Len < f.Len {
				l.add(f.Writes[l.Len])
				to.Log = l
				yield(next, a, i)
			}
		}
	})
}

// ack: the client is told that w is written, by all that e waits for.
func (m *model) ack(s State, yield func(State, ...int)) {
	m.epochs(func(e int) {
		if s.Phase[e] != open {
			return
		}
		waits := s.Waits[e]
		if m.Bug == "ack-before-mirror" {
			waits = Zones(0).with(int(s.Home[e]))
		}
		for w := uint8(1); int(w) <= m.MaxWrite; w++ {
			if !s.Log[e].has(w) || s.Acked[w] {
				continue
			}
			answered := true
			m.zones(func(a int) { answered = answered && (!waits.has(a) || m.answered(&s, a, w)) })
			if answered {
				next := s
				next.Acked[w] = true
				yield(next, e, int(w))
			}
		}
	})
}

// lose: copy i of zone a is lost.
func (m *model) lose(s State, yield func(State, ...int)) {
	if int(s.Lost) == m.CopyLosses {
		return
	}
	m.zones(func(a int) {
		for i, c := range s.Chain[a].all() {
			if c.OK {
				next := s
				next.Chain[a].Copies[i] = Copy{}
				next.Lost++
				yield(next, a, i+1)
			}
		}
	})
}

// burn: zone a is lost, with the copies and the instances in it.
func (m *model) burn(s State, yield func(State, ...int)) {
	if int(s.Burnt) == m.ZoneLosses {
		return
	}
	m.zones(func(a int) {
		if s.Chain[a].Len == 0 {
			return
		}
		next := m.burnt(s, a)
		next.Burnt++
		yield(next, a)
	})
}

// burnt returns the state without zone a.
func (m *model) burnt(s State, a int) State {
	s.Chain[a] = Chain{}
	m.epochs(func(e int) {
		if int(s.Home[e]) == a {
			s.Phase[e], s.Log[e], s.Waits[e] = dead, Log{}, 0
		}
	})
	return s
}

// drop takes a copy out of its chain. The one that stays takes its part: the first copy has all that the last one had,
// and what the last one lacks of the first was not acknowledged, and is sent again.
func (m *model) drop(s State, yield func(State, ...int)) {
	m.zones(func(a int) {
		if !m.Repair || s.Chain[a].Len != 2 {
			return
		}
		for i, c := range s.Chain[a].all() {
			if stays := s.Chain[a].Copies[1-i]; stays.OK && (m.Suspect || !c.OK) {
				next := s
				next.Chain[a] = Chain{Len: 1, Copies: [maxCopies]Copy{stays}}
				yield(next, a, i+1)
			}
		}
	})
}

// join: a new copy becomes the last of the chain, with all that the one before it has.
func (m *model) join(s State, yield func(State, ...int)) {
	m.zones(func(a int) {
		if !m.Repair || s.Chain[a].Len != 1 || m.Copies != 2 || !s.Chain[a].first().OK {
			return
		}
		next := s
		c := Copy{OK: true}
		if m.Bug != "join-unfilled" {
			c.Log = m.kept(&s, a, s.Chain[a].first().Log)
		}
		next.Chain[a].Copies[1] = c
		next.Chain[a].Len = 2
		yield(next, a)
	})
}

// attach: a new instance e in zone a, even while the one before still runs. The control plane makes it the newest, and the
// volume serves no other.
func (m *model) attach(s State, yield func(State, ...int)) {
	e := int(s.Newest) + 1 // instances are born in order
	if !m.Repair || e > m.MaxEpoch {
		return
	}
	m.zones(func(a int) {
		if s.Chain[a].Len == 0 || m.Bug != "attach-unsynced" && !s.InSync.has(a) {
			return
		}
		next := s
		next.Newest = uint8(e)
		next.Phase[e], next.Home[e] = attached, uint8(a)
		next.Owner[a] = uint8(e)
		yield(next, e, a)
	})
}

// What an instance reads.
const (
	readAll = iota
	readAgreed
)

// read, with Overwrite: the instance reads what the last copy has, drained or not. Besides its own it waits for every zone
// that is in sync. Or it takes only what every copy has: the rest counts no more, for it can write that again, as a database
// can whose pages are in its log.
func (m *model) read(s State, yield func(State, ...int)) {
	if !m.Overwrite {
		return
	}
	m.epochs(func(e int) {
		if s.Phase[e] != attached || s.Chain[s.Home[e]].Len == 0 || !s.Chain[s.Home[e]].last().OK {
			return
		}
		next := s
		next.Phase[e] = hasRead
		next.Waits[e] = s.InSync.with(int(s.Home[e]))
		all := s.Chain[s.Home[e]].last().Log
		next.Log[e], next.Taken[e] = all, all.Len
		yield(next, e, readAll)
		few := m.agreed(&s, all)
		next.Log[e], next.Taken[e] = few, few.Len
		for i, c := range s.Chain[s.Home[e]].all() {
			next.Chain[s.Home[e]].Copies[i].Log = common(c.Log, few)
		}
		yield(next, e, readAgreed)
	})
}

// serve, with Overwrite: the instance serves when all that it waits for have its first write. Then no copy has anything
// else in the place of it.
func (m *model) serve(s State, yield func(State, ...int)) {
	if !m.Overwrite {
		return
	}
	m.epochs(func(e int) {
		if s.Phase[e] != hasRead {
			return
		}
		first := m.Bug == "serve-unwritten"
		for i := s.Taken[e]; i < s.Log[e].Len; i++ {
			answered := true
			m.zones(func(a int) { answered = answered && (!s.Waits[e].has(a) || m.answered(&s, a, s.Log[e].Writes[i])) })
			first = first || answered
		}
		if first {
			next := s
			next.Phase[e] = open
			yield(next, e)
		}
	})
}

// open: the instance reads what the volume has, when no write of before is still on its way down the chain, and serves.
// Besides its own it waits for every zone that is in sync, though it may have to mirror there first.
func (m *model) open(s State, yield func(State, ...int)) {
	e := int(s.Newest)
	volume := &s.Chain[s.Home[e]]
	if m.Overwrite || s.Phase[e] != attached || !volume.working() || m.Bug != "attach-undrained" && volume.first().Log != volume.last().Log {
		return
	}
	next := s
	next.Phase[e] = open
	next.Log[e] = volume.last().Log
	next.Waits[e] = s.InSync.with(int(s.Home[e]))
	yield(next, e)
}

// mirror: the volume of another zone a is attached to e. What it has of an older instance and e does not have, no client was
// told of; it goes, for e will write something else in its place.
func (m *model) mirror(s State, yield func(State, ...int)) {
	e := int(s.Newest)
	if !m.Repair || !s.writes(e) {
		return
	}
	m.zones(func(a int) {
		if a == int(s.Home[e]) || s.Chain[a].Len == 0 || !m.Overwrite && !s.Chain[a].working() || int(s.Owner[a]) == e && s.Waits[e].has(a) {
			return
		}
		next := s
		next.Owner[a] = uint8(e)
		next.Waits[e] = s.Waits[e].with(a)
		if m.Bug != "mirror-untruncated" {
			for i, c := range s.Chain[a].all() {
				next.Chain[a].Copies[i].Log = common(c.Log, s.Log[e]) // one that is lost has none
			}
		}
		yield(next, e, a)
	})
}

// inSync: zone a has caught up: from now on a successor may start there. That is when it has all that the volume at home
// would answer for, for anything of it may have been acknowledged: by an instance before, whose reply is still on its way,
// too. To ask only what this instance knows to be acknowledged loses such a write.
func (m *model) inSync(s State, yield func(State, ...int)) {
	e := int(s.Newest)
	if s.Phase[e] != open {
		return
	}
	m.zones(func(a int) {
		if !s.Waits[e].has(a) || s.InSync.has(a) {
			return
		}
		if m.Bug != "insync-early" && !m.caughtUp(&s, a, int(s.Home[e])) {
			return
		}
		next := s
		next.InSync = s.InSync.with(a)
		yield(next, e, a)
	})
}

func (m *model) caughtUp(s *State, a, home int) bool {
	there, here := &s.Chain[a], &s.Chain[home]
	if !there.working() || !here.working() {
		return false
	}
	if m.Bug == "insync-by-own-acks" {
		return s.hasAcked(&there.last().Log)
	}
	return here.last().Log.prefix(there.last().Log)
}

// degrade: the instance goes on without zone a. It asks the control plane, so that no successor starts there, and is
// refused if one has.
func (m *model) degrade(s State, yield func(State, ...int)) {
	m.epochsAndZones(func(e, a int) {
		waits := s.writes(e) && s.Waits[e].has(a) || m.Overwrite && s.Phase[e] == attached && s.InSync.has(a)
		if !m.Repair || a == int(s.Home[e]) || !waits || !m.Suspect && !s.Chain[a].gone() {
			return
		}
		if m.Bug != "degrade-alone" && int(s.Newest) != e {
			return
		}
		next := s
		next.Waits[e] = s.Waits[e].without(a)
		if m.Bug != "degrade-alone" {
			next.InSync = s.InSync.without(a)
		}
		yield(next, e, a)
	})
}

func (m *model) typeOK(s State) bool {
	ok := true
	m.zones(func(a int) { ok = ok && int(s.Chain[a].Len) <= m.Copies && s.Owner[a] <= s.Newest })
	m.epochs(func(e int) { ok = ok && (e <= int(s.Newest)) == (s.Phase[e] != unborn) })
	for w, is := range s.Acked {
		ok = ok && (!is || w >= 1 && w <= int(s.Issued))
	}
	return ok
}

func (m *model) durable(s State) bool {
	for w, is := range s.Acked {
		if !is {
			continue
		}
		stored := false
		m.zones(func(a int) {
			for _, c := range s.Chain[a].all() {
				stored = stored || s.InSync.has(a) && c.Log.has(uint8(w))
			}
		})
		if !stored {
			return false
		}
	}
	return true
}

func (m *model) onEveryCopy(s State) bool {
	ok := true
	m.zones(func(a int) {
		for _, c := range s.Chain[a].all() {
			ok = ok && (!s.InSync.has(a) || !c.OK || s.hasAcked(&c.Log))
		}
	})
	return ok
}

func (m *model) chainOrder(s State) bool {
	ok := true
	m.zones(func(a int) {
		if c := &s.Chain[a]; c.Len == 2 && c.working() && !(m.Overwrite && s.Phase[s.Owner[a]] == attached) {
			ok = ok && m.kept(&s, a, c.last().Log).prefix(m.kept(&s, a, c.first().Log))
		}
	})
	return ok
}

func (m *model) oneHistory(s State) bool {
	ok := true
	m.zones(func(a int) {
		e := s.Owner[a]
		for _, c := range s.Chain[a].all() {
			ok = ok && (s.Phase[e] != open || c.Log.prefix(s.Log[e]))
		}
	})
	return ok
}

func (m *model) freshRead(s State) bool {
	ok := true
	m.epochs(func(e int) {
		if s.writes(e) && (e == int(s.Newest) || m.Bug == "read-deposed") {
			ok = ok && s.hasAcked(&s.Log[e])
		}
	})
	return ok
}

// witnesses returns the situations that a world must reach, as far as its constants allow them at all.
func (m *model) witnesses() []check.Must[State] {
	all := []check.Must[State]{{Name: "Acknowledged", Guarantee: "a client is told that a write is stored", Holds: func(s State) bool {
		return s.Acked != [room + 1]bool{}
	}}}
	if m.MaxEpoch > 1 {
		all = append(all, check.Must[State]{Name: "Replaced", Guarantee: "an instance serves what was acknowledged by another", Holds: func(s State) bool {
			return s.Phase[s.Newest] == open && s.Newest > 1 && s.Log[s.Newest].Len > 0 && s.Acked[s.Log[s.Newest].Writes[0]]
		}})
	}
	if m.MaxEpoch > 1 && m.Zones > 1 && m.ZoneLosses > 0 {
		all = append(all, check.Must[State]{Name: "OtherZone", Guarantee: "after the loss of a zone an instance in the other goes on alone", Holds: func(s State) bool {
			e := s.Newest
			return s.Phase[e] == open && s.Home[e] == 2 && s.Chain[1].Len == 0 && s.Waits[e] == Zones(0).with(2)
		}})
	}
	if m.Overwrite && m.MaxEpoch > 1 && m.Copies > 1 {
		all = append(all, check.Must[State]{Name: "Undrained", Guarantee: "an instance has read the last copy, and the first has more", Holds: func(s State) bool {
			c := &s.Chain[s.Home[s.Newest]]
			return s.Phase[s.Newest] == hasRead && c.Len > 0 && !c.first().Log.prefix(s.Log[s.Newest])
		}})
	}
	if m.Suspect && m.Zones > 1 {
		all = append(all, check.Must[State]{Name: "CatchesUp", Guarantee: "an instance waits for a zone that is not in sync yet", Holds: func(s State) bool {
			return s.Phase[s.Newest] == open && s.Waits[s.Newest]&^s.InSync != 0
		}})
	}
	return all
}
