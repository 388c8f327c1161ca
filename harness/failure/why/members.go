package why

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// membersOf explains a group that stays between two sets of members: who is to come in place of whom since when, and what has become of the
// one that is to come.
func (s *story) membersOf(group node.Group) string {
	last := s.lastWhere(s.end(), func(f *fact) bool {
		return (f.action == node.ActChange || f.action == node.ActGrow) && f.control != nil && f.control.group == group
	})
	if last == 0 {
		return ""
	}
	members := s.fact(last).control.members
	s.cause(last, fmt.Sprintf("changed the members of group %d to %v, and no change of them came since", group+1, members))
	said := ""
	for _, p := range members.Pending() {
		old, fresh := segmentName(group, p.Old), segmentName(group, p.New)
		id, known := s.world.Named(fresh)
		if !known {
			continue
		}
		s.about.nodes[id] = true
		said = fmt.Sprintf("%s is to stand in for %s since %s", fresh, old, at(s.fact(last).at))
		fill := s.lastWhere(s.end(), func(e *fact) bool { return e.process == id && e.action == node.ActFill })
		asked, given := 0, 0
		var lastAsk, lastGive uint64
		for n := last; n <= s.end(); n++ {
			e := s.fact(n)
			if (e.kind == sim.EventMessage || e.kind == sim.EventLost) && e.what == "fill-ask" && e.from == id {
				asked++
				lastAsk = n
			}
			if e.kind == sim.EventMessage && e.what == "fill-give" && e.process == id {
				given++
				lastGive = n
			}
		}
		switch {
		case fill != 0:
			s.cause(fill, fmt.Sprintf("took page images as of LSN %d; it %s", s.fact(fill).high, s.stateOf(id)))
			said += fmt.Sprintf("; it took page images at %s and %s, and the change was not ended", at(s.fact(fill).at), s.stateOf(id))
		case asked == 0:
			s.causeOf(id, last, fmt.Sprintf("is to stand in for %s, and never asked a peer for pages; it %s", old, s.stateOf(id)))
			said += fmt.Sprintf("; it has never asked a peer for pages, and %s", s.stateOf(id))
		default:
			s.causeOf(id, lastAsk, fmt.Sprintf("asked a peer for pages for the last time, %s in all, and was given some %s", times(asked), times(given)))
			s.must(lastGive)
			said += fmt.Sprintf("; it asked for pages %s, for the last time at %s, was given some %s, and has never said that it took them; it %s", times(asked), at(s.fact(lastAsk).at), times(given), s.stateOf(id))
		}
	}
	return said
}

// segmentName is what a segment is called.
func segmentName(g node.Group, replica int) string {
	return fmt.Sprintf("segment %d/%d", g+1, replica+1)
}

// groupIn is the group that a subject such as "group 1" names.
func groupIn(subject string) (node.Group, bool) {
	rest, is := strings.CutPrefix(subject, "group ")
	n := number(rest)
	return node.Group(n - 1), is && n > 0
}

// lagging explains a reader that stays behind: what of the stream it lacks, how often that came and was lost, and since when it was sent no more.
func (s *story) lagging(id node.ID) string {
	st, tells := s.over.states[id]
	if !tells || st.Role != "reader" {
		return ""
	}
	want := number(strings.TrimPrefix(strings.SplitN(s.finding.Expected, " within", 2)[0], "a view of "))
	var last, lost uint64
	told := node.LSN(0)
	came, gone := 0, 0
	for n := uint64(1); n <= s.end(); n++ {
		e := s.fact(n)
		if e.what != "stream" || e.process != id {
			continue
		}
		brings := e.high > st.VDL
		switch e.kind {
		case sim.EventMessage:
			told = max(told, e.vdl)
			if brings {
				came++
			}
			last = n
		case sim.EventLost:
			if brings {
				gone++
				lost = n
			}
		}
	}
	s.about.lsns[st.VDL+1] = true
	said := fmt.Sprintf("it lacks what lies above LSN %d, up to %d; messages that bring it came %s and were lost %s", st.VDL, want, times(came), times(gone))
	if lost != 0 {
		e := s.fact(lost)
		s.cause(lost, fmt.Sprintf("sent %s LSNs up to %d of the stream, durable up to %d, for the last time; that was lost (%v), and it has not sent them again", s.name(id), e.high, e.vdl, e.reason))
		said += fmt.Sprintf(", for the last time at %s (%v), and were not sent again", at(e.at), e.reason)
	}
	if last != 0 {
		e := s.fact(last)
		s.cause(last, fmt.Sprintf("got the stream for the last time: LSNs up to %d, durable up to %d", e.high, e.vdl))
		if lost == 0 && came == 0 {
			said += fmt.Sprintf("; what came last, at %s, brought nothing of it and said that the log is durable up to %d", at(e.at), told)
		} else if lost == 0 {
			said += fmt.Sprintf("; the last of the stream came to it at %s, durable up to %d, and none in the %v since", at(e.at), e.vdl, sinceWhen(e.at, s.over.now))
		}
	}
	return said
}

// unheard explains a floor that stays though readers have said that they read nothing below a higher point.
func (s *story) unheard(writer node.ID) (said string) {
	words, noted := map[node.ID]uint64{}, map[node.ID]node.LSN{}
	for n := uint64(1); n <= s.end(); n++ {
		e := s.fact(n)
		switch {
		case e.kind == sim.EventMessage && e.what == "follow" && e.process == writer:
			words[e.from] = n
		case e.kind == sim.EventTrace && e.action == node.ActReport && e.process == writer:
			noted[e.from] = e.high
		}
	}
	for _, id := range s.over.processes {
		n := words[id]
		if n == 0 || s.fact(n).lowest <= noted[id] {
			continue
		}
		words := fmt.Sprintf("was told by %s, for the last time, that it reads nothing below LSN %d, and goes by %d still", s.name(id), s.fact(n).lowest, noted[id])
		s.cause(n, words)
		said = cmp.Or(said, fmt.Sprintf("at %s it %s", at(s.fact(n).at), words))
	}
	// A reader that never answers holds the floor until it is given up.
	for _, id := range s.over.processes {
		if st := s.over.states[id]; st.Role != "reader" && !strings.HasPrefix(s.name(id), "reader") || words[id] != 0 || id == writer {
			continue
		}
		offers, first := 0, uint64(0)
		for n := uint64(1); n <= s.end(); n++ {
			if e := s.fact(n); (e.kind == sim.EventMessage || e.kind == sim.EventLost) && e.what == "offer" && e.from == writer && e.process == id {
				offers++
				if first == 0 {
					first = n
				}
			}
		}
		if offers > 0 {
			words := fmt.Sprintf("began to ask %s to follow it: %s to the end, without one answer; %s %s, and it has not given it up", s.name(id), times(offers), s.name(id), s.stateOf(id))
			s.causeOf(writer, first, words)
			said = cmp.Or(said, fmt.Sprintf("at %s it %s", at(s.fact(first).at), words))
		}
	}
	return said
}
