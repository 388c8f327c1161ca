package bookkeeper

import "github.com/firstgap/firstgap/spec/check"

type model struct{ World }

// New returns the model of a world.
func New(w World) (check.Model, error) {
	p, err := plain(w)
	if err != nil {
		return nil, err
	}
	m := &model{w}
	return check.Coded[State]{Plain: p, Code: m.code, Decode: m.decode}.Model(), nil
}

type yield = func(next State, args ...int)

func plain(w World) (check.Plain[State], error) {
	if err := w.Validate(); err != nil {
		return check.Plain[State]{}, err
	}
	m := &model{w}
	return check.Plain[State]{
		Title:     "bookkeeper",
		Constants: w,
		Start:     m.start(),
		Moves:     m.moves(),
		Must:      m.invariants(),
		Reach:     m.witnesses(),
		Symmetry:  "bookies are interchangeable, and so are recoverers",
		Show:      m.show,
	}, nil
}

func (m *model) moves() []check.Move[State] {
	return []check.Move[State]{
		{Name: "Send", Next: m.send},
		{Name: "Store", Next: m.ofBookies(m.store)},
		{Name: "Acknowledge", Next: m.acknowledge},
		{Name: "Change", Next: m.change},
		{Name: "Close", Next: m.close},
		{Name: "Recover", Next: m.ofRecoverers(m.recover)},
		{Name: "Fence", Next: m.ofBoth(m.fence)},
		{Name: "FenceUnheard", Next: m.ofBookies(m.fenceUnheard)},
		{Name: "Read", Next: m.ofRecoverers(m.read)},
		{Name: "Answer", Next: m.ofBoth(m.answer)},
		{Name: "Found", Next: m.ofRecoverers(m.found)},
		{Name: "Missing", Next: m.ofRecoverers(m.missing)},
		{Name: "WriteBack", Next: m.ofBoth(m.writeBack)},
		{Name: "Confirm", Next: m.ofRecoverers(m.confirm)},
		{Name: "Replace", Next: m.ofRecoverers(m.replace)},
		{Name: "Seal", Next: m.ofRecoverers(m.seal)},
		{Name: "Wipe", Next: m.ofBookies(m.wipe)},
	}
}

// clients returns how many clients there are, the writer included.
func (m *model) clients() int { return 1 + m.Recoverers }

func (m *model) ofRecoverers(act func(s State, r int, yield yield)) func(State, func(State, ...int)) {
	return func(s State, yield func(State, ...int)) {
		for r := 1; r <= m.Recoverers; r++ {
			act(s, r, yield)
		}
	}
}

func (m *model) ofBookies(act func(s State, b int, yield yield)) func(State, func(State, ...int)) {
	return func(s State, yield func(State, ...int)) {
		for b := range m.Bookies {
			act(s, b, yield)
		}
	}
}

func (m *model) ofBoth(act func(s State, r, b int, yield yield)) func(State, func(State, ...int)) {
	return m.ofRecoverers(func(s State, r int, yield func(State, ...int)) {
		for b := range m.Bookies {
			act(s, r, b, yield)
		}
	})
}

// send: the writer sends the next entry to its write set. It does not wait for those before.
func (m *model) send(s State, yield func(State, ...int)) {
	w := &s.Clients[0]
	if w.Phase != Writing || int(w.Sent) == m.Entries {
		return
	}
	m.ask(&s, 0)
	yield(s, int(w.Sent))
}

// ask sends client c's next entry to its write set in the ensemble that c writes to. The adds of the writer tell its LAC. Those
// of a recovery do not: an entry that it knows to be on an ack quorum may be so in an ensemble of its own, which nobody knows
// when it is given up, and the next recovery would read on behind an entry that hardly any bookie has.
func (m *model) ask(s *State, c int) {
	x := &s.Clients[c]
	x.Sent++
	e := int(x.Sent)
	if c == 0 || m.Bug == tellOwnLac {
		x.Told[e] = x.Lac
	}
	for b := range m.Bookies {
		if m.writes(s.Bookies[b].place(c, s.Fragments[c].last()), e) {
			s.Bookies[b].Waiting[c] = s.Bookies[b].Waiting[c].with(e)
		}
	}
}

// store: an add of the writer reaches bookie b, which is not fenced: it stores the entry and answers. An answer under way is
// not told apart from one that has arrived, since Acknowledge may wait: so is every delay of it a behaviour.
func (m *model) store(s State, b int, yield yield) {
	if s.Bookies[b].Fenced {
		return
	}
	m.keep(s, 0, b, yield)
}

// keep is store and writeBack.
func (m *model) keep(s State, c, b int, yield yield) {
	for e := 1; e <= m.Entries; e++ {
		if !s.Bookies[b].Waiting[c].has(e) {
			continue
		}
		next := s
		x := &next.Bookies[b]
		x.Waiting[c] = x.Waiting[c].but(e)
		x.Entries = x.Entries.with(e)
		if m.in(&s, x, c, e) { // the answer of one that was replaced comes too late
			x.Answered[c] = x.Answered[c].with(e)
		}
		x.Lac = max(x.Lac, s.Clients[c].Told[e])
		m.settle(&next, c)
		if c == 0 {
			yield(next, e, b+1)
		} else {
			yield(next, c, e, b+1)
		}
	}
}

// settle forgets what no step asks for: which bookies have answered for entries up to the LAC, and which LAC adds told that are not
// under way.
func (m *model) settle(s *State, c int) {
	x := &s.Clients[c]
	var waiting Set
	for b := range m.Bookies {
		s.Bookies[b].Answered[c] = s.Bookies[b].Answered[c].without(int(x.Lac))
		waiting |= s.Bookies[b].Waiting[c]
	}
	for e := 1; e <= int(x.Lac); e++ {
		if !waiting.has(e) {
			x.Told[e] = 0
		}
	}
}

// acked: an ack quorum of the write set that client c sends entry e to has answered.
func (m *model) acked(s *State, c, e int) bool {
	n := 0
	for b := range m.Bookies {
		if x := &s.Bookies[b]; x.Answered[c].has(e) && m.in(s, x, c, e) {
			n++
		}
	}
	return n >= m.AckQuorum
}

// acknowledge: the client is told that an entry is stored, after all those below it: the LAC passes it.
func (m *model) acknowledge(s State, yield func(State, ...int)) {
	w := &s.Clients[0]
	for e := int(w.Lac) + 1; w.Phase == Writing && e <= int(w.Sent); e++ {
		if m.acked(&s, 0, e) {
			next := s
			next.Clients[0].Lac = uint8(e)
			m.settle(&next, 0)
			yield(next, e)
		}
		if m.Bug != acknowledgeAround {
			return
		}
	}
}

// change: an add to a bookie of the ensemble failed: the writer puts another in its place, from the first entry that is not
// acknowledged on. The metadata has the new ensemble, by compare-and-set, before the writer uses it: else what it acknowledges
// there is lost to a recovery that reads the old one.
func (m *model) change(s State, yield func(State, ...int)) {
	if s.Clients[0].Phase != Writing || s.Status != Open && m.Bug != changeUnrecorded {
		return
	}
	m.exchange(s, 0, func(next State, args ...int) {
		if m.Bug != changeUnrecorded {
			next.record(0)
		}
		yield(next, args...)
	})
}

// record makes the fragments of client c those of the metadata.
func (s *State) record(c int) {
	s.Fragments[metadata] = s.Fragments[c]
	for b := range s.Bookies {
		s.Bookies[b].Places[metadata] = s.Bookies[b].Places[c]
	}
}

// exchange is change and replace: what client c has sent, and does not know to be on an ack quorum, is sent to the newcomer
// where that is in the write set. The fragment that begins at the same entry is written over.
func (m *model) exchange(s State, c int, yield yield) {
	if int(s.Changes) == m.MaxChanges {
		return
	}
	x := &s.Clients[c]
	f := s.Fragments[c].last()
	for b := range m.Bookies {
		place := s.Bookies[b].place(c, f)
		if !m.failed(&s, c, b, place) {
			continue
		}
		for o := range m.Bookies {
			if s.Bookies[o].place(c, f) != 0 {
				continue
			}
			next := s
			next.Changes++
			at := f
			if s.Fragments[c].First[f] != x.Lac+1 {
				at = f + 1
				next.Fragments[c].First[at] = x.Lac + 1
				next.Fragments[c].Count++
				for i := range m.Bookies {
					next.Bookies[i].setPlace(c, at, s.Bookies[i].place(c, f))
				}
			}
			next.Bookies[b].setPlace(c, at, 0)
			next.Bookies[b].Answered[c] = 0
			next.Bookies[o].setPlace(c, at, place)
			for e := int(x.Lac) + 1; e <= int(x.Sent); e++ {
				if m.writes(place, e) {
					next.Bookies[o].Waiting[c] = next.Bookies[o].Waiting[c].with(e)
				}
			}
			yield(next, b+1, o+1)
		}
	}
}

// failed: client c waits for bookie b at a place of its ensemble, and may have given up.
func (m *model) failed(s *State, c, b, place int) bool {
	for e := int(s.Clients[c].Lac) + 1; e <= int(s.Clients[c].Sent); e++ {
		if m.writes(place, e) && s.Bookies[b].Waiting[c].has(e) {
			return true
		}
	}
	return false
}

// close: the writer closes its ledger at the LAC. What it has sent beyond that it never acknowledges.
func (m *model) close(s State, yield func(State, ...int)) {
	w := &s.Clients[0]
	if w.Phase != Writing || s.Status != Open {
		return
	}
	w.Phase = Done
	s.Status, s.Last = Closed, w.Lac
	s.drop(0)
	yield(s)
}

// drop forgets what client c has under way when it has closed the ledger: it could only add copies, of which nobody asks.
func (s *State) drop(c int) {
	s.Clients[c].Told = [maxEntries + 1]uint8{}
	for b := range s.Bookies {
		s.Bookies[b].Waiting[c], s.Bookies[b].Answered[c] = 0, 0
	}
}

// over: the ledger is closed. A recovery that does not know yet could only fence and add copies, unless it closes once more.
func (m *model) over(s *State) bool { return s.Status == Closed && m.Bug != closeBlindly }

// recover: client r takes the writer, or another recoverer, for dead. From here on the metadata refuses the writer's changes,
// and those of the recoverer before.
func (m *model) recover(s State, r int, yield yield) {
	if s.Clients[r].Phase != Idle || s.Status == Closed {
		return
	}
	s.Status, s.Owner = InRecovery, uint8(r)
	s.Fragments[r] = s.Fragments[metadata]
	f := s.Fragments[r].last()
	x := &s.Clients[r]
	x.Phase, x.From = Fencing, s.Fragments[r].First[f]
	x.Lac = x.From - 1 // what is in the fragments before is on an ack quorum: they would not have ended else
	if m.Bug == readFromStart {
		x.Lac = 0
	}
	for b := range s.Bookies {
		s.Bookies[b].Places[r] = s.Bookies[b].Places[metadata]
		s.Bookies[b].Reads[r] = uint8(s.Bookies[b].place(r, f))
	}
	yield(s, r)
}

// fence: bookie b takes no more adds of the writer, and recoverer r hears of it, and of b's LAC.
func (m *model) fence(s State, r, b int, yield yield) {
	x := &s.Bookies[b]
	if m.over(&s) || s.Clients[r].Phase != Fencing || x.Reads[r] == 0 || x.Told[r] {
		return
	}
	x.Fenced, x.Told[r] = true, true
	s.Clients[r].Lac = max(s.Clients[r].Lac, x.Lac)
	yield(s, r, b+1)
}

// fenceUnheard: bookie b is fenced, and the recoverer that asked for it does not hear of it, or too late. So does a recovery
// read that comes late.
func (m *model) fenceUnheard(s State, b int, yield yield) {
	x := &s.Bookies[b]
	if m.over(&s) || x.Fenced {
		return
	}
	for r := 1; r <= m.Recoverers; r++ {
		if x.Reads[r] != 0 {
			x.Fenced = true
			yield(s, b+1)
			return
		}
	}
}

// covered: no write set has an ack quorum that recoverer r has not heard to be fenced.
func (m *model) covered(s *State, r int) bool {
	for e := 1; e <= m.Ensemble; e++ {
		unfenced := 0
		for b := range m.Bookies {
			if x := &s.Bookies[b]; m.writes(int(x.Reads[r]), e) && !x.Told[r] {
				unfenced++
			}
		}
		if unfenced >= m.AckQuorum {
			return false
		}
	}
	return true
}

// read: recoverer r has fenced enough, and begins to read behind the highest LAC that it heard of.
func (m *model) read(s State, r int, yield yield) {
	x := &s.Clients[r]
	if m.over(&s) || x.Phase != Fencing || !m.covered(&s, r) {
		return
	}
	x.Phase, x.Sent = Reading, x.Lac
	for b := range m.Bookies {
		s.Bookies[b].Told[r] = false // nobody asks for it any longer
	}
	yield(s, r)
}

// reads says whether bookie b is asked for the entry that recoverer r reads next. It reads from the ensemble that the metadata
// had when r began, and never from the one that r has changed it to: the new members have only what r wrote back.
func (m *model) reads(s *State, r, b int) bool {
	e, x := int(s.Clients[r].Sent)+1, &s.Bookies[b]
	if e < int(s.Clients[r].From) || m.Bug == readNewEnsemble {
		return m.in(s, x, r, e)
	}
	return m.writes(int(x.Reads[r]), e)
}

// answer: bookie b answers a recovery read, and fences the ledger by it: an answer that there is no such entry must stay true.
// One that came back empty does not know what it had.
func (m *model) answer(s State, r, b int, yield yield) {
	x := &s.Bookies[b]
	if m.over(&s) || s.Clients[r].Phase != Reading || x.Said[r] != Silent || !m.reads(&s, r, b) {
		return
	}
	switch e := int(s.Clients[r].Sent) + 1; {
	case x.Entries.has(e):
		x.Said[r] = Yes
	case x.Limbo:
		x.Said[r] = Unknown
	default:
		x.Said[r] = No
	}
	if m.Bug != readUnfenced {
		x.Fenced = true
	}
	yield(s, r, b+1)
}

// said returns how many bookies gave an answer to recoverer r.
func (m *model) said(s *State, r int, a Answer) (n int) {
	for b := range m.Bookies {
		if s.Bookies[b].Said[r] == a {
			n++
		}
	}
	return n
}

func (m *model) forget(s *State, r int) {
	for b := range m.Bookies {
		s.Bookies[b].Said[r] = Silent
	}
}

// found: one bookie has the entry. The recoverer writes it back to its write set, since it may be on no other, and reads on.
func (m *model) found(s State, r int, yield yield) {
	if m.over(&s) || s.Clients[r].Phase != Reading || m.said(&s, r, Yes) == 0 {
		return
	}
	m.forget(&s, r)
	m.ask(&s, r)
	yield(s, r)
}

// missing: so many bookies do not have the entry that no ack quorum can have it. The ledger ends before it. Answers that say
// otherwise may still be under way.
func (m *model) missing(s State, r int, yield yield) {
	enough := m.WriteQuorum - m.AckQuorum + 1
	if m.Bug == oneNo {
		enough = 1
	}
	if m.over(&s) || s.Clients[r].Phase != Reading || m.said(&s, r, No) < enough {
		return
	}
	m.forget(&s, r)
	s.Clients[r].Phase = Ended
	yield(s, r)
}

// writeBack: an add of recoverer r reaches bookie b, fenced or not.
func (m *model) writeBack(s State, r, b int, yield yield) {
	if !m.over(&s) {
		m.keep(s, r, b, yield)
	}
}

// confirm: what recoverer r wrote back is on an ack quorum.
func (m *model) confirm(s State, r int, yield yield) {
	x := &s.Clients[r]
	if e := int(x.Lac) + 1; m.over(&s) || x.Phase != Reading && x.Phase != Ended || e > int(x.Sent) || !m.acked(&s, r, e) {
		return
	}
	x.Lac++
	m.settle(&s, r)
	yield(s, r)
}

// replace: as change, of a recoverer. It tells nobody until it closes the ledger: another recoverer must read from where the
// writer wrote.
func (m *model) replace(s State, r int, yield yield) {
	if x := s.Clients[r].Phase; m.over(&s) || x != Reading && x != Ended {
		return
	}
	recorded := m.Bug == changeInMetadata
	if recorded && !s.current(r) {
		return
	}
	m.exchange(s, r, func(next State, args ...int) {
		if recorded {
			next.record(r)
		}
		yield(next, append([]int{r}, args...)...)
	})
}

// current: the metadata is as recoverer r left it, so that its compare-and-set succeeds.
func (s *State) current(r int) bool { return s.Status == InRecovery && int(s.Owner) == r }

// seal: recoverer r closes the ledger, with its own fragments, when all that it read is on an ack quorum again.
func (m *model) seal(s State, r int, yield yield) {
	x := &s.Clients[r]
	if x.Phase != Ended || x.Lac != x.Sent && m.Bug != closeUnwritten || !s.current(r) && m.Bug != closeBlindly {
		return
	}
	x.Phase = Done
	s.Status, s.Last, s.Owner = Closed, x.Sent, uint8(r)
	s.record(r)
	s.drop(r)
	yield(s, r)
}

// wipe: bookie b loses its disks and comes back under its name. It does not know what it had promised and stored, so the ledger
// is fenced and in limbo there.
func (m *model) wipe(s State, b int, yield yield) {
	if int(s.Wipes) == m.MaxWipes {
		return
	}
	s.Wipes++
	x := &s.Bookies[b]
	x.Entries, x.Lac = 0, 0
	x.Limbo = m.Bug != emptySaysNo
	x.Fenced = m.Bug != limboUnfenced && m.Bug != emptySaysNo
	yield(s, b+1)
}
