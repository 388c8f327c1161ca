package isr

import (
	"slices"

	"github.com/firstgap/firstgap/spec/check"
)

func (m *model) invariants() []check.Must[State] {
	return []check.Must[State]{
		{Name: "TypeOK", Guarantee: "every part of the state is of its kind", Holds: m.typeOK},
		{Name: "Ascending", Guarantee: "epochs never go down along a log", Holds: m.ascending},
		{Name: "Durable", Guarantee: "every in-sync replica has all that was committed", Holds: m.durable},
		{Name: "LeaderComplete", Guarantee: "the leader has all that was committed", Holds: m.leaderComplete},
		{Name: "OneHistory", Guarantee: "no log differs below its high watermark from what was committed", Holds: m.oneHistory},
		{Name: "Prefix", Guarantee: "the log of a follower that fetches is a prefix of its leader's", Holds: m.prefix},
	}
}

func (m *model) typeOK(s State) bool {
	inSync := false
	for e := uint8(1); int(e) <= m.MaxEpoch; e++ {
		leaders := 0
		for r := range m.Replicas {
			if s.Replicas[r].Leads.has(e) {
				leaders++
			}
		}
		if leaders != 1 && e <= s.Epoch || leaders != 0 && e > s.Epoch || s.Requests[e] > Accepted || s.Requests[e] != NoRequest && e > s.Epoch {
			return false
		}
	}
	for i := range m.Replicas {
		r := &s.Replicas[i]
		inSync = inSync || r.InSync
		if r.HW > r.Log.Len || int(r.Log.Len) > m.MaxOffset || r.Epoch < 1 || r.Epoch > s.Epoch || r.leads() && r.Truncated {
			return false
		}
	}
	return inSync && int(s.Committed.Len) <= m.MaxOffset
}

func (m *model) ascending(s State) bool {
	for i := range m.Replicas {
		if l := &s.Replicas[i].Log; !slices.IsSorted(l.Epochs[:l.Len]) {
			return false
		}
	}
	return true
}

// has says whether a replica has all that was committed.
func (r *Replica) has(s *State) bool { return s.Committed.prefix(s.Committed.Len, &r.Log) }

func (m *model) durable(s State) bool {
	for i := range m.Replicas {
		if r := &s.Replicas[i]; r.InSync && !r.has(&s) {
			return false
		}
	}
	return true
}

func (m *model) leaderComplete(s State) bool { return s.Replicas[m.leaderOf(&s, s.Epoch)].has(&s) }

func (m *model) oneHistory(s State) bool {
	for i := range m.Replicas {
		if r := &s.Replicas[i]; !r.Log.prefix(r.HW, &s.Committed) {
			return false
		}
	}
	return true
}

func (m *model) prefix(s State) bool {
	for i := range m.Replicas {
		r := &s.Replicas[i]
		if !r.Truncated {
			continue
		}
		l := &s.Replicas[m.leaderOf(&s, r.Epoch)]
		if l.Epoch == r.Epoch && !r.Log.prefix(r.Log.Len, &l.Log) {
			return false
		}
	}
	return true
}

// witnesses returns the situations that a world must reach, as far as its constants allow them at all.
func (m *model) witnesses() []check.Must[State] {
	all := []check.Must[State]{{Name: "Full", Guarantee: "a whole log is committed", Holds: func(s State) bool { return int(s.Committed.Len) == m.MaxOffset }}}
	if m.MaxOffset > 1 && m.MaxEpoch > 1 {
		all = append(all, check.Must[State]{Name: "Inherited", Guarantee: "records of two epochs are committed", Holds: func(s State) bool {
			return s.Committed.Epochs[0] != s.Committed.last()
		}})
	}
	if m.Replicas > 1 && m.MaxEpoch > 1 {
		all = append(all, check.Must[State]{Name: "Zombie", Guarantee: "two replicas take themselves for the leader, and each has a record of its own", Holds: func(s State) bool {
			writing := 0
			for i := range m.Replicas {
				if r := &s.Replicas[i]; r.leads() && r.Log.last() == r.Epoch {
					writing++
				}
			}
			return writing > 1
		}})
	}
	if m.Replicas > 1 && m.Alter {
		all = append(all, check.Must[State]{Name: "Alone", Guarantee: "a leader commits what no other replica has", Holds: func(s State) bool {
			having := 0
			for i := range m.Replicas {
				if s.Replicas[i].has(&s) {
					having++
				}
			}
			return having == 1 && s.Committed.Len > 0
		}})
	}
	return all
}
