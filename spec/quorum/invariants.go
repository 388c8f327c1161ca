package quorum

import (
	"slices"

	"github.com/firstgap/firstgap/spec/check"
)

// must returns the invariants in the module's order.
func (m model) must() []check.Must[State] {
	return []check.Must[State]{
		{Name: "TypeOK", Guarantee: "A write has a version, and a read a value, from when it stops asking; only a storing operation has acknowledgements.", Holds: m.typeOK},
		{Name: "OneValue", Guarantee: "No two writes have the same version.", Holds: m.oneValue},
		{Name: "Durable", Guarantee: "Whichever R replicas answer, one of them holds an acknowledged write or a newer one; so the write survives the loss of all the others.", Holds: m.durable},
		{Name: "Regular", Guarantee: "Each read, taken by itself, returns the last write before it or one that was under way.", Holds: m.regular},
		{Name: "Linearizable", Guarantee: "One order of the writes explains all reads: to its clients the register is a single copy.", Holds: m.linearizable},
	}
}

func invariantNames() []string {
	var names []string
	for _, x := range (model{}).must() {
		names = append(names, x.Name)
	}
	return names
}

// mustNamed returns those invariants that the world wants checked.
func (m model) mustNamed() []check.Must[State] {
	return slices.DeleteFunc(m.must(), func(x check.Must[State]) bool {
		return len(m.Invariants) > 0 && !slices.Contains(m.Invariants, x.Name)
	})
}

func (m model) typeOK(s State) bool {
	ended := m.ended(&s)
	storing := uint8(0) // clients
	for o := range m.ops() {
		op := s.Ops[o]
		if op.Before&(1<<o) != 0 || op.Before&^ended != 0 {
			return false
		}
		settled := op.Stage >= Storing
		if m.isWrite(o) && (op.Count > 0) != settled || !m.isWrite(o) && (op.Value != Absent) != settled {
			return false
		}
		if op.Stage == Storing {
			storing |= 1 << m.client(o)
		}
	}
	for _, r := range m.replicas(&s) {
		if r.Holds != Initial && s.Ops[r.Holds.op()].Count == 0 || r.Stored&^storing != 0 {
			return false
		}
	}
	return true
}

func (m model) oneValue(s State) bool {
	for a := range m.writeOps() {
		for b := range a {
			if s.Ops[a].Count > 0 && s.Ops[b].Count > 0 && !m.newer(&s, valueOf(a), valueOf(b)) && !m.newer(&s, valueOf(b), valueOf(a)) {
				return false
			}
		}
	}
	return true
}

// durable counts, where the module goes through all sets of R replicas: there is one without the write if and only if
// at least R replicas are without it.
func (m model) durable(s State) bool {
	for o := range m.writeOps() {
		if s.Ops[o].Stage != Ended {
			continue
		}
		without := 0
		for _, r := range m.replicas(&s) {
			if r.Holds != valueOf(o) && !m.newer(&s, r.Holds, valueOf(o)) {
				without++
			}
		}
		if without >= m.ReadQuorum {
			return false
		}
	}
	return true
}

// regular: each read that has ended is explained by an order of the writes, by itself.
func (m model) regular(s State) bool {
	for _, o := range members(m.endedReads(&s)) {
		if !m.explained(&s, 1<<o) {
			return false
		}
	}
	return true
}

// linearizable: one order of the writes explains all reads that have ended.
func (m model) linearizable(s State) bool { return m.explained(&s, m.endedReads(&s)) }

func (m model) endedReads(s *State) uint8 {
	return m.ended(s) &^ (1<<m.writeOps() - 1)
}

// explained says whether there is an order of the writes that explains the set of reads: both can be lined up, each
// read next after the write of its value (and other reads of it), and nothing that ended before another began comes
// after it. A write that has not ended may take effect at any time, or never, which is to be the last.
func (m model) explained(s *State, reads uint8) bool {
	var begun uint8
	for o := range m.writeOps() {
		if s.Ops[o].Stage != Unborn {
			begun |= 1 << o
		}
	}
	return m.lineUp(s, begun, reads, 0, Initial)
}

// lineUp continues an order of the writes that has reached value last: it places the reads of last, then tries each of
// the writes that are left as the next. placed are the operations that have their place. A read of last that cannot be
// placed now is left over at the end.
func (m model) lineUp(s *State, writes, reads, placed uint8, last Value) bool {
	ready := func(o int) bool { return s.Ops[o].Before&(reads|writes)&^placed == 0 }
	for again := true; again; {
		again = false
		for _, o := range members(reads &^ placed) {
			if s.Ops[o].Value == last && ready(o) {
				placed |= 1 << o
				again = true
			}
		}
	}
	if (reads|writes)&^placed == 0 {
		return true
	}
	for _, w := range members(writes &^ placed) {
		if ready(w) && m.lineUp(s, writes, reads, placed|1<<w, valueOf(w)) {
			return true
		}
	}
	return false
}

// reach returns the situations that must be reachable in the world.
func (m model) reach() []check.Must[State] {
	all := []check.Must[State]{
		{Name: "Done", Guarantee: "All operations end.", Holds: func(s State) bool {
			return m.ended(&s) == 1<<m.ops()-1
		}},
		{Name: "ReadUnderWay", Guarantee: "A read returns a value whose write has not ended: the one that the next read may miss.", Holds: func(s State) bool {
			return slices.ContainsFunc(members(m.endedReads(&s)), func(o int) bool {
				v := s.Ops[o].Value
				return v != Initial && s.Ops[v.op()].Stage != Ended
			})
		}},
	}
	if m.ask(m.writeOps()) > 1 { // of a read
		all = append(all, check.Must[State]{Name: "AnswersDiffer", Guarantee: "Replicas tell a read different values, of which it must take the newest.", Holds: func(s State) bool {
			for o := m.writeOps(); o < m.ops(); o++ {
				if told := m.answers(&s, m.client(o)); slices.ContainsFunc(told, func(v Value) bool { return v != told[0] }) {
					return true
				}
			}
			return false
		}})
	}
	if m.WriteQuorum < m.Replicas {
		all = append(all, check.Must[State]{Name: "Behind", Guarantee: "A write has ended that some replica has not heard of.", Holds: func(s State) bool {
			for o := range m.writeOps() {
				if s.Ops[o].Stage == Ended && slices.ContainsFunc(m.replicas(&s), func(r Replica) bool { return m.newer(&s, valueOf(o), r.Holds) }) {
					return true
				}
			}
			return false
		}})
	}
	if m.Writers > 1 {
		all = append(all, check.Must[State]{Name: "WritesCross", Guarantee: "Two writers store at the same time.", Holds: func(s State) bool {
			n := 0
			for o := range m.writeOps() {
				if s.Ops[o].Stage == Storing {
					n++
				}
			}
			return n > 1
		}})
	}
	return all
}
