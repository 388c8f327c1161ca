package bookkeeper

import (
	"slices"

	"github.com/firstgap/firstgap/spec/check"
)

func (m *model) invariants() []check.Must[State] {
	return []check.Must[State]{
		{Name: "TypeOK", Guarantee: "every part of the state is of its kind", Holds: m.typeOK},
		{Name: "Durable", Guarantee: "a closed ledger has every entry that was acknowledged", Holds: m.durable},
		{Name: "Stored", Guarantee: "an acknowledged entry is on an ack quorum of its write set, less the bookies that came back empty", Holds: m.stored},
		{Name: "Readable", Guarantee: "each entry of a closed ledger is on an ack quorum of its write set, less the bookies that came back empty", Holds: m.readable},
		{Name: "NoGap", Guarantee: "no entry is missing at or below the LAC that a bookie tells", Holds: m.noGap},
		{Name: "Agreed", Guarantee: "all clients that have closed a ledger closed it at the same entry", Holds: m.agreed},
		{Name: "InOrder", Guarantee: "each fragment begins behind the one before", Holds: m.inOrder},
	}
}

func (m *model) typeOK(s State) bool {
	if s.Status > Closed || int(s.Last) > m.Entries || int(s.Owner) > m.Recoverers || int(s.Changes) > m.MaxChanges || int(s.Wipes) > m.MaxWipes {
		return false
	}
	for c := range m.clients() {
		x := &s.Clients[c]
		if x.Phase > Done || (x.Phase == Writing) && c > 0 || int(x.Sent) > m.Entries || (c == 0 || x.Phase >= Reading) && x.Lac > x.Sent {
			return false
		}
	}
	for c := range s.Fragments {
		for f := range int(s.Fragments[c].Count) {
			if !m.whole(&s, c, f) {
				return false
			}
		}
	}
	for b := range m.Bookies {
		x := &s.Bookies[b]
		for c := range m.clients() {
			if x.Answered[c]&x.Waiting[c] != 0 || x.Said[c] > Unknown || x.Said[c] != Silent && s.Clients[c].Phase != Reading {
				return false
			}
		}
	}
	return true
}

// whole: each place of the ensemble of fragment f has one bookie.
func (m *model) whole(s *State, chain, f int) bool {
	taken := 0
	for b := range m.Bookies {
		if p := s.Bookies[b].place(chain, f); p > 0 {
			if p > m.Ensemble || taken&(1<<p) != 0 {
				return false
			}
			taken |= 1 << p
		}
	}
	return taken == 1<<(m.Ensemble+1)-2
}

// copies returns how many bookies of the write set of e, as the metadata has it, have it.
func (m *model) copies(s *State, e int) (n int) {
	for b := range m.Bookies {
		if x := &s.Bookies[b]; x.Entries.has(e) && m.in(s, x, metadata, e) {
			n++
		}
	}
	return n
}

// kept: all entries up to last are on an ack quorum, less those that came back empty.
func (m *model) kept(s *State, last uint8) bool {
	for e := 1; e <= int(last); e++ {
		if m.copies(s, e) < m.AckQuorum-int(s.Wipes) {
			return false
		}
	}
	return true
}

func (m *model) durable(s State) bool { return s.Status != Closed || s.Clients[0].Lac <= s.Last }

func (m *model) stored(s State) bool { return m.kept(&s, s.Clients[0].Lac) }

func (m *model) readable(s State) bool { return s.Status != Closed || m.kept(&s, s.Last) }

func (m *model) noGap(s State) bool {
	var highest uint8
	for b := range m.Bookies {
		highest = max(highest, s.Bookies[b].Lac)
	}
	return m.kept(&s, highest)
}

func (m *model) agreed(s State) bool {
	for c := range m.clients() {
		x := &s.Clients[c]
		end := x.Sent
		if c == 0 {
			end = x.Lac
		}
		if x.Phase == Done && end != s.Last {
			return false
		}
	}
	return true
}

func (m *model) inOrder(s State) bool {
	for c := range s.Fragments {
		f := &s.Fragments[c]
		for i := 1; i < int(f.Count); i++ {
			if f.First[i] <= f.First[i-1] {
				return false
			}
		}
	}
	return true
}

// witnesses returns the situations that a world must reach, as far as its constants allow them at all.
func (m *model) witnesses() []check.Must[State] {
	closed := func(more func(s *State) bool) func(State) bool {
		return func(s State) bool { return s.Status == Closed && more(&s) }
	}
	all := []check.Must[State]{{Name: "ByWriter", Guarantee: "the writer closes a ledger with every entry", Holds: closed(func(s *State) bool {
		return s.Owner == 0 && int(s.Last) == m.Entries
	})}}
	if m.Recoverers > 0 {
		all = append(all, check.Must[State]{Name: "Kept", Guarantee: "a recovery keeps an entry that was not acknowledged", Holds: closed(func(s *State) bool {
			return s.Owner > 0 && s.Last > s.Clients[0].Lac
		})})
	}
	if m.Recoverers > 0 && (m.AckQuorum > 1 || m.Entries > 1) {
		all = append(all, check.Must[State]{Name: "Cut", Guarantee: "a recovery closes before an entry that a bookie has", Holds: closed(func(s *State) bool {
			for b := range m.Bookies {
				if s.Bookies[b].Entries.without(int(s.Last)) != 0 {
					return s.Owner > 0
				}
			}
			return false
		})})
	}
	if m.MaxChanges > 0 && m.Bookies > m.Ensemble && m.Entries > 1 {
		all = append(all, check.Must[State]{Name: "Changed", Guarantee: "a closed ledger has two fragments", Holds: closed(func(s *State) bool {
			return s.Fragments[metadata].Count > 1
		})})
	}
	if m.Recoverers > 1 {
		all = append(all, check.Must[State]{Name: "Overtaken", Guarantee: "a recovery has read all, and another has closed the ledger", Holds: closed(func(s *State) bool {
			return s.Clients[1].Phase == Ended || s.Clients[2].Phase == Ended
		})})
	}
	if m.MaxWipes > 0 && m.Recoverers > 0 {
		all = append(all, check.Must[State]{Name: "Limbo", Guarantee: "a bookie that came back empty says that it cannot know", Holds: func(s State) bool {
			for b := range m.Bookies {
				if slices.Contains(s.Bookies[b].Said[:], Unknown) {
					return true
				}
			}
			return false
		}})
	}
	return all
}
