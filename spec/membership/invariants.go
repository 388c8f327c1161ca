package membership

import "github.com/firstgap/firstgap/spec/check"

func (m *model) must() []check.Must[State] {
	return []check.Must[State]{
		{Name: "TypeOK", Holds: m.typeOK,
			Guarantee: "nobody knows of an epoch that the register does not have, and nothing exceeds the log"},
		{Name: "Durable", Holds: m.durable,
			Guarantee: "whoever asks the register finds every complete record, whichever read quorum answers"},
		{Name: "FreshRead", Holds: m.freshRead,
			Guarantee: "so does a reader that has missed changes, if it finds a read quorum of its old membership that has missed them, too"},
		{Name: "CompleteIsStored", Holds: m.completeIsStored,
			Guarantee: "where all members have a vote, every complete record is on a write quorum again"},
	}
}

func (m *model) typeOK(s State) bool {
	if s.Epoch < 1 || int(s.Epoch) > m.MaxEpoch || s.Writer < 1 || s.Writer > s.Epoch || int(s.PGCL) > m.MaxLSN {
		return false
	}
	for e := uint8(1); e <= s.Epoch; e++ {
		if members := s.members(e); members == 0 || members >= one(m.segments) {
			return false
		}
	}
	for x := range m.segments {
		if s.Known[x] < 1 || s.Known[x] > s.Epoch || int(s.SCL[x]) > m.MaxLSN || s.Told[x] > s.SCL[x] || s.Filled[x] > s.Known[x] ||
			s.Copied[x].has(x) || s.Copied[x] >= one(m.segments) {
			return false
		}
	}
	return true
}

// lacking returns those that lack a complete record and still answer a reader of epoch e.
func (m *model) lacking(s *State, e uint8) Segments {
	return m.voters(s, e) & m.those(func(x int) bool { return s.Known[x] <= e && s.SCL[x] < s.PGCL })
}

// A read quorum that does not find a record exists if and only if all those that lack it are one.
func (m *model) durable(s State) bool { return !m.isRead(&s, s.Epoch, m.lacking(&s, s.Epoch)) }

func (m *model) freshRead(s State) bool {
	for e := uint8(1); m.StaleReads && e < s.Epoch; e++ {
		if m.isRead(&s, e, m.lacking(&s, e)) {
			return false
		}
	}
	return true
}

func (m *model) completeIsStored(s State) bool {
	if m.voters(&s, s.Epoch) != s.members(s.Epoch) {
		return true
	}
	have := m.those(func(x int) bool { return s.SCL[x] >= s.PGCL })
	for _, set := range s.sets(s.Epoch).list() {
		if (have & set).len() < m.write(set) {
			return false
		}
	}
	return true
}

// reach returns the situations that must be met, those for which the world has segments and epochs enough.
func (m *model) reach() []check.Must[State] {
	var all []check.Must[State]
	if m.Doubtful > 0 && m.MaxEpoch >= 2 {
		all = append(all, check.Must[State]{Name: "VotesBeside", Holds: m.votesBeside,
			Guarantee: "a newcomer that is filled votes while the segment that it is to replace is still a member"})
	}
	if m.Doubtful > 0 && m.MaxEpoch >= 3 {
		all = append(all,
			check.Must[State]{Name: "Replaced", Holds: m.replaced,
				Guarantee: "a newcomer has taken the place of another, and a record is complete since"},
			check.Must[State]{Name: "TakenBack", Holds: m.takenBack,
				Guarantee: "a replacement was taken back after the writer had gone by it"})
	}
	if m.Doubtful > 1 && m.MaxEpoch >= 3 {
		all = append(all, check.Must[State]{Name: "FourSets", Holds: m.fourSets,
			Guarantee: "while two segments are being replaced, a record is complete by all four quorum sets"})
	}
	if m.Zone > 0 && m.MaxEpoch >= 2 && m.Steady >= max(m.ReadQuorum, m.ShortWrite) {
		all = append(all, check.Must[State]{Name: "SurvivorsServe", Holds: m.survivorsServe,
			Guarantee: "when all but as few as a read quorum are lost, these complete a record by themselves, and their answers count"})
	}
	if m.Zone > 0 && m.MaxEpoch >= 3 {
		all = append(all, check.Must[State]{Name: "Grown", Holds: m.grown,
			Guarantee: "after the zone was lost and is back, all vote again"})
	}
	return all
}

func (m *model) votesBeside(s State) bool {
	for x := m.slots; x < m.segments; x++ {
		if m.replacing(&s, m.twin(x), x) && m.voters(&s, s.Epoch).has(x) {
			return true
		}
	}
	return false
}

func (m *model) replaced(s State) bool {
	spares := s.members(s.Epoch).without(m.founders)
	return s.Writer == s.Epoch && s.single(s.Epoch) && spares != 0 && s.PGCL > 0 && m.voters(&s, s.Epoch) == s.members(s.Epoch)
}

func (m *model) takenBack(s State) bool {
	return s.Epoch >= 3 && s.Writer == s.Epoch-1 && s.members(s.Writer).without(s.members(s.Epoch)).without(m.founders) != 0 &&
		s.members(s.Epoch) == m.founders
}

func (m *model) fourSets(s State) bool {
	have := m.those(func(x int) bool { return s.Told[x] >= s.PGCL })
	return s.Writer == s.Epoch && len(s.sets(s.Epoch).list()) == 4 && s.PGCL > 0 && m.isWrite(&s, s.Epoch, have)
}

func (m *model) survivorsServe(s State) bool {
	alive := m.those(func(x int) bool { return s.Known[x] > 1 })
	have := m.those(func(x int) bool { return s.SCL[x] > 0 })
	return s.Writer == s.Epoch && m.shrunk(&s, s.Epoch) && s.PGCL > 0 && alive.len() <= max(m.ReadQuorum, m.ShortWrite) &&
		have.without(alive) == 0 && m.voters(&s, s.Epoch) == alive
}

func (m *model) grown(s State) bool {
	return s.Epoch >= 3 && m.shrunk(&s, s.Epoch-1) && !m.shrunk(&s, s.Epoch) && m.voters(&s, s.Epoch) == s.members(s.Epoch)
}
