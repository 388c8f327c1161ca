package reader

import "github.com/firstgap/firstgap/spec/check"

// musts returns the invariants in the module's order.
func (m *model) musts() []check.Must[State] {
	return []check.Must[State]{
		{Name: "TypeOK", Guarantee: "A writer's log consists of what it kept, written by earlier epochs, and then of its own records; no reader follows a writer that there is not.", Holds: m.typeOK},
		{Name: "NothingUncommitted", Guarantee: "Nothing uncommitted is seen: what a query is shown was written by a transaction whose commit is durable.", Holds: m.nothingUncommitted},
		{Name: "NoSplit", Guarantee: "No mini-transaction is split: the pages that a query has read are the volume as it was at one point between two mini-transactions.", Holds: m.noSplit},
		{Name: "WholeSnapshot", Guarantee: "A query is shown all of each transaction that had committed by its snapshot, and nothing of any other.", Holds: m.wholeSnapshot},
		{Name: "NeverBack", Guarantee: "Snapshots never go back: what a reader has in view, and what any writer has kept since, contains every snapshot that a query of it was given.", Holds: m.neverBack},
		{Name: "NeededIsKept", Guarantee: "No version that is needed is collected: every segment has the pages as of every point at which a query reads, or the next one will.", Holds: m.neededIsKept},
		{Name: "NothingLost", Guarantee: "No promotion has taken away what was durable, and so acknowledged.", Holds: m.nothingLost},
	}
}

// each says whether something holds for every reader of the world.
func (m *model) each(s *State, holds func(r *Reader) bool) bool {
	for r := range m.Readers {
		if !holds(&s.Readers[r]) {
			return false
		}
	}
	return true
}

func (m *model) typeOK(s State) bool {
	for e := range s.Epochs {
		epoch := &s.Epochs[e]
		end := epoch.Log.Len()
		if epoch.Base > end || epoch.VDL > end {
			return false
		}
		for l := int8(1); l <= end; l++ {
			if (epoch.Log[l-1].Epoch == int8(e+1)) != (l > epoch.Base) {
				return false
			}
		}
	}
	return int(s.Newest) <= m.MaxEpoch && m.each(&s, func(r *Reader) bool { return r.Line <= s.Newest && int(r.len()) <= m.MaxLSN })
}

func (m *model) nothingUncommitted(s State) bool {
	return m.each(&s, func(r *Reader) bool {
		line := &s.Epochs[r.Line-1]
		for k := range m.Pages {
			if shown := r.Pages[k].Shown; shown > 0 && !line.Log.commitBy(shown, line.VDL) {
				return false
			}
		}
		return true
	})
}

func (m *model) noSplit(s State) bool {
	log := s.log()
	return m.each(&s, func(r *Reader) bool {
		asOf := func(n int8) bool {
			for k := range m.Pages {
				if seen := r.Pages[k].Seen; seen != None && seen != log.version(int8(k+1), n) {
					return false
				}
			}
			return true
		}
		for n := log.Len(); n > 0; n-- {
			if log[n-1].Last && asOf(n) {
				return true
			}
		}
		return asOf(0)
	})
}

func (m *model) wholeSnapshot(s State) bool {
	return m.each(&s, func(r *Reader) bool {
		for k := range m.Pages {
			if shown := r.Pages[k].Shown; shown != None && shown != s.log().value(int8(k+1), r.Snap) {
				return false
			}
		}
		return true
	})
}

func (m *model) neverBack(s State) bool {
	return m.each(&s, func(r *Reader) bool {
		if !r.On {
			return true
		}
		for e := r.Line + 1; e <= s.Newest; e++ {
			if r.Last > s.Epochs[e-1].Base {
				return false
			}
		}
		return r.Last <= m.viewOf(&s, r)
	})
}

func (m *model) neededIsKept(s State) bool {
	return m.each(&s, func(r *Reader) bool {
		if !r.On || !r.Held {
			return true
		}
		lowest := m.lowest(&s, r)
		for i := range m.Members {
			for g := range m.Groups {
				if s.Members[i][g].Floor > lowest {
					return false
				}
			}
		}
		return true
	})
}

func (m *model) nothingLost(s State) bool {
	for e := int8(2); e <= s.Newest; e++ {
		for d := int8(1); d < e; d++ {
			if s.Epochs[d-1].VDL > s.Epochs[e-1].Base {
				return false
			}
		}
	}
	return true
}

// reach returns the situations that the world must reach, as far as it is large enough for them.
func (m *model) reach() []check.Must[State] {
	some := func(holds func(s *State, r *Reader) bool) func(State) bool {
		return func(s State) bool {
			return !m.each(&s, func(r *Reader) bool { return !holds(&s, r) })
		}
	}
	all := []check.Must[State]{
		{Name: "HiddenChange", Guarantee: "A query reads a page with a change that it must not be shown.", Holds: some(func(s *State, r *Reader) bool {
			for k := range m.Pages {
				if p := r.Pages[k]; p.Seen > 0 && s.log().txnAt(s.log().upTo(p.Seen)) != p.Shown {
					return true
				}
			}
			return false
		})},
		{Name: "Overtaken", Guarantee: "A reader's view moves on while its query reads at its snapshot.", Holds: some(func(s *State, r *Reader) bool {
			return r.Snap != None && m.viewOf(s, r) > r.Snap
		})},
		{Name: "Collected", Guarantee: "A segment drops versions.", Holds: func(s State) bool {
			return s.Members[0][0].Floor > 0
		}},
	}
	if m.MaxLSN > 1 {
		all = append(all, check.Must[State]{Name: "ShownCommitted", Guarantee: "A query is shown a change.", Holds: some(func(_ *State, r *Reader) bool {
			return r.Pages[0].Shown > 0
		})})
	}
	if m.Mtr && m.Pages > 1 && m.MaxLSN > 1 {
		all = append(all, check.Must[State]{Name: "HalfAnMtr", Guarantee: "A reader has a durable record of a mini-transaction whose end it has not.", Holds: some(func(s *State, r *Reader) bool {
			had := s.had(r)
			n := min(r.len(), r.Told)
			return n > 0 && !had[n-1].Last
		})})
	}
	if m.Groups > 1 && m.Pages > 1 {
		all = append(all, check.Must[State]{Name: "IdleGroup", Guarantee: "A query reads from a group whose segments all end below its snapshot, having nothing between.", Holds: some(func(s *State, r *Reader) bool {
			for k := range m.Pages {
				highest := int8(0)
				for i := range m.Members {
					highest = max(highest, s.Members[i][m.home(int8(k+1))].SCL)
				}
				if r.Pages[k].Seen != None && highest < r.Snap {
					return true
				}
			}
			return false
		})})
	}
	if m.MaxEpoch > 1 && m.Readers > 1 {
		all = append(all, check.Must[State]{Name: "HasWhatWasCut", Guarantee: "A reader has records that the newest writer's cut took away.", Holds: some(func(s *State, r *Reader) bool {
			return r.Line < s.Newest && r.len() > s.Epochs[s.Newest-1].Base
		})})
	}
	return all
}
