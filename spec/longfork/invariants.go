package longfork

import (
	"slices"

	"github.com/firstgap/firstgap/spec/check"
)

// must returns the invariants in the module's order.
func (m *model) must() []check.Must[State] {
	return []check.Must[State]{
		{Name: "TypeOK", Guarantee: "The log has each transaction once, in the stage that it must be in; secondaries have received and replayed parts of the log.", Holds: m.typeOK},
		{Name: "Durable", Guarantee: "A transaction whose client was told that it is committed is in the log.", Holds: m.durable},
		{Name: "SeenIsKept", Guarantee: "What a snapshot showed is in the log: a reader acts on nothing that is taken back.", Holds: m.seenIsKept},
		{Name: "AckedIsShown", Guarantee: "A primary that serves shows what clients were told is committed: they read their own writes.", Holds: m.ackedIsShown},
		{Name: "NoLostUpdate", Guarantee: "Of two committed transactions that wrote one row, one began on a snapshot that shows the other.", Holds: m.noLostUpdate},
		{Name: "Causal", Guarantee: "A snapshot that shows a transaction shows what that one began on.", Holds: m.causal},
		{Name: "SecondariesOrdered", Guarantee: "Of two snapshots taken at secondaries, one shows all that the other does: reads at secondaries alone see one history.", Holds: m.secondariesOrdered},
		{Name: "SnapshotsOrdered", Guarantee: "Of two snapshots, taken anywhere, one shows all that the other does: there is no long fork.", Holds: m.snapshotsOrdered},
	}
}

func invariantNames() []string {
	var names []string
	for _, x := range (&model{}).must() {
		names = append(names, x.Name)
	}
	return names
}

// mustNamed returns those invariants that the world wants checked.
func (m *model) mustNamed() []check.Must[State] {
	return slices.DeleteFunc(m.must(), func(x check.Must[State]) bool {
		return len(m.Invariants) > 0 && !slices.Contains(m.Invariants, x.Name)
	})
}

func (m *model) typeOK(s State) bool {
	if int(s.End) > m.Txns || s.losses() > m.Losses || s.Opening && s.Primary == 0 {
		return false
	}
	logged := s.inLog()
	for t := 1; t <= m.Txns; t++ {
		x := s.txn(t)
		committed := x.Stage == Committed || x.Stage == Visible
		if committed != logged.has(t) || committed && x.Row == 0 || (x.Stage == Unborn || x.Stage == Aborted) && *x != (Txn{Stage: x.Stage}) {
			return false
		}
	}
	for n := 1; n <= m.Secondaries; n++ {
		x := s.node(n)
		if x.Received > s.End || !x.Replayed.within(s.firstOf(int(min(x.Received, s.End)))) {
			return false
		}
		if (x.Down || int(s.Primary) == n) && (x.Received != 0 || x.Replayed != 0) {
			return false
		}
	}
	return true
}

func (m *model) durable(s State) bool { return s.Acked.within(s.inLog()) }

func (m *model) seenIsKept(s State) bool {
	kept := s.inLog()
	return !slices.ContainsFunc(s.Snapshots[:], func(x Snapshot) bool { return !x.Shows.within(kept) })
}

func (m *model) ackedIsShown(s State) bool { return !s.serving() || s.Acked.within(s.visible()) }

func (m *model) noLostUpdate(s State) bool {
	for _, t := range s.log() {
		for _, u := range s.log() {
			a, b := s.txn(int(t)), s.txn(int(u))
			if t != u && a.Row == b.Row && !a.Basis.has(int(u)) && !b.Basis.has(int(t)) {
				return false
			}
		}
	}
	return true
}

func (m *model) causal(s State) bool {
	for _, x := range s.Snapshots {
		for t := 1; t <= m.Txns; t++ {
			if x.Shows.has(t) && !s.txn(t).Basis.within(x.Shows) {
				return false
			}
		}
	}
	return true
}

func ordered(s *State, counts func(Place) bool) bool {
	for i, x := range s.Snapshots {
		for _, y := range s.Snapshots[:i] {
			if counts(x.At) && counts(y.At) && !x.Shows.ordered(y.Shows) {
				return false
			}
		}
	}
	return true
}

func (m *model) secondariesOrdered(s State) bool {
	return ordered(&s, func(at Place) bool { return at == AtSecondary })
}

func (m *model) snapshotsOrdered(s State) bool {
	return ordered(&s, func(at Place) bool { return at != Nowhere })
}

// reach returns the situations that must be reachable in the world.
func (m *model) reach() []check.Must[State] {
	all := []check.Must[State]{{Name: "AllAcked", Guarantee: "All transactions are acknowledged.", Holds: func(s State) bool {
		return s.Acked == 1<<m.Txns-1
	}}}
	if m.Snapshots > 0 {
		all = append(all, check.Must[State]{Name: "SecondaryAhead", Guarantee: "A secondary showed a reader what the primary does not show yet: one half of a fork.", Holds: func(s State) bool {
			return s.serving() && s.Primary == 0 && slices.ContainsFunc(s.Snapshots[:], func(x Snapshot) bool {
				return x.At == AtSecondary && !x.Shows.within(s.visible())
			})
		}})
	}
	if m.Snapshots > 1 {
		all = append(all, check.Must[State]{Name: "SecondaryBehind", Guarantee: "A secondary showed a reader less than the primary showed one.", Holds: func(s State) bool {
			for _, x := range s.Snapshots {
				for _, y := range s.Snapshots {
					if x.At == AtSecondary && y.At == AtPrimary && x.Shows != y.Shows && x.Shows.within(y.Shows) {
						return true
					}
				}
			}
			return false
		}})
	}
	if m.Txns > 1 && m.Rows > 1 {
		all = append(all, check.Must[State]{Name: "CommitsWait", Guarantee: "Two commits are in the log that the primary does not show: there is another order to show them in.", Holds: func(s State) bool {
			return s.serving() && (s.inLog()&^s.visible()).len() > 1
		}})
	}
	if m.Txns > 1 {
		all = append(all, check.Must[State]{Name: "Conflict", Guarantee: "A transaction may not write a row, as its snapshot does not show who wrote it last.", Holds: func(s State) bool {
			for t := 1; t <= m.Txns; t++ {
				if x := s.txn(t); s.serving() && x.Stage == Running && x.Row == 0 && m.taken(&s, t, 1) {
					return true
				}
			}
			return false
		}})
	}
	if m.Losses > 0 && m.Acks > 0 {
		all = append(all, check.Must[State]{Name: "Promoted", Guarantee: "A secondary was promoted that has an acknowledged transaction.", Holds: func(s State) bool {
			return s.Primary != 0 && s.Acked != 0
		}})
	}
	if m.Losses > 0 && m.Acks > 0 && m.Acks < m.Secondaries {
		all = append(all, check.Must[State]{Name: "ServesAgain", Guarantee: "A secondary that was promoted shows a transaction.", Holds: func(s State) bool {
			return s.Primary != 0 && s.visible() != 0
		}})
	}
	return all
}
