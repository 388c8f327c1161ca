package why

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A controlWord is what a message or a step says beyond what every fact has: of who lives, of who is a member, of who won, and of what a
// read needs or a write sets.
type controlWord struct {
	lost     bool      // of an answer to the monitor: its disk is lost
	suspects []node.ID // of the monitor's word to a writer
	group    node.Group
	members  node.Membership
	won      bool     // of the register's answer: the epoch is its receiver's
	reads    bool     // of a read of a page
	need     node.LSN // up to where its segment has to be complete
	value    *node.Value
}

// controlOf reads a message; nil where it says nothing of the kind.
func controlOf(m node.Message) *controlWord {
	switch m := m.(type) {
	case *node.Pong:
		if m.Lost {
			return &controlWord{lost: true}
		}
	case *node.Swapped:
		if m.Won {
			return &controlWord{won: true}
		}
	case *node.ReadPage:
		return &controlWord{reads: true, need: m.Need}
	case *node.ReadSnapshot:
		return &controlWord{reads: true, need: m.Need}
	case *node.Health:
		return &controlWord{suspects: m.Suspects}
	}
	return nil
}

// ofReplacement explains that a lost copy is not replaced, or a change of members not ended.
func (s *story) ofReplacement() {
	if story := s.replacement(); story != "" {
		s.leads(story, s.finding.Sentence())
	}
}

// replacement says how far a replacement came that a finding waits for: the loss, the monitor's question and the answer, its word to the
// writer, the writer's change at the register, the newcomer's fill. The first that did not come is what is missing. It is empty of other
// findings, and where nothing is known.
func (s *story) replacement() string {
	switch {
	case s.finding.Check != faults.Replacement:
		return ""
	case s.finding.Rule == keepsUp:
		return s.unreplaced()
	}
	return s.unended()
}

// unreplaced says how far the replacement of a lost copy came.
func (s *story) unreplaced() string {
	if len(s.finding.Nodes) == 0 {
		return ""
	}
	name := s.finding.Nodes[0]
	id, known := s.world.Named(name)
	if !known {
		return ""
	}
	first := name + " is lost"
	since := s.lastWhere(s.end(), func(f *fact) bool {
		return f.kind == sim.EventAction && strings.HasPrefix(f.what, "disk-lost") && slices.Contains(splitNames(f.what), name)
	})
	if since != 0 {
		first = fmt.Sprintf("%s lost its disk at %s", name, at(s.fact(since).at))
		s.must(since)
	} else if since = s.latest(sim.EventStart, id, s.end()); since == 0 {
		return ""
	}
	var lastAsked, told, named, change uint64
	var asked, answered, words, changes int
	var monitor, writer node.ID
	for n := uint64(1); n <= s.end(); n++ {
		f := &s.facts[n]
		if f.kind != sim.EventMessage {
			continue
		}
		switch f.what {
		case "ping":
			if f.process == id {
				lastAsked, monitor = n, f.from
				if n > since {
					asked++
				}
			}
		case "pong":
			if f.from == id && n > since && f.control != nil && f.control.lost {
				if told == 0 {
					told = n
				}
				answered++
			}
		case "health":
			writer = f.process
			if n > since {
				words++
				if f.control != nil && slices.Contains(f.control.suspects, id) && named == 0 {
					named = n
				}
			}
		case "change":
			if named != 0 && n > named {
				changes++
				change = n
			}
		}
	}
	switch {
	case monitor == 0:
		return ""
	case asked == 0:
		s.causeOf(monitor, lastAsked, fmt.Sprintf("had asked %s for the last time whether it lives", name))
		return fmt.Sprintf("%s; %s asked it for the last time at %s whether it lives, and nobody suspects it", first, s.name(monitor), at(s.fact(lastAsked).at))
	case named == 0 && told != 0:
		s.causeOf(monitor, told, fmt.Sprintf("was told by %s that its disk is lost, then and %s in all, and told no writer that it suspects it", name, times(answered)))
		heard := "it has told no writer anything since"
		if words > 0 {
			heard = fmt.Sprintf("what it told %s since, %s, does not name it", s.name(writer), times(words))
		}
		return fmt.Sprintf("%s, and answered %s %s, from %s on, that it is lost; %s", first, s.name(monitor), times(answered), at(s.fact(told).at), heard)
	case named == 0:
		return fmt.Sprintf("%s; %s asked it %s since whether it lives, it never said that its disk is lost, and no writer was told that it is suspected", first, s.name(monitor), times(asked))
	case changes == 0:
		s.cause(named, fmt.Sprintf("was told by %s that %s is suspected, and has asked for no change of members since", s.name(monitor), name))
		return fmt.Sprintf("%s; %s heard at %s that it is suspected, and has asked for no change of members since", first, s.name(s.fact(named).process), at(s.fact(named).at))
	}
	s.must(named, change)
	return fmt.Sprintf("%s; %s heard at %s that it is suspected; a change of members was asked for %s since, the last one at %s", first, s.name(s.fact(named).process), at(s.fact(named).at), times(changes), at(s.fact(change).at))
}

// groupNumber is the group that a finding is about.
var groupNumber = regexp.MustCompile(`\bgroup (\d+)`)

// unended says how far a change of members came that did not end.
func (s *story) unended() string {
	m := groupNumber.FindStringSubmatch(s.finding.Sentence())
	if m == nil {
		return ""
	}
	group := node.Group(number(m[1]) - 1)
	began := s.lastWhere(s.end(), func(f *fact) bool { return f.action == node.ActChange && f.control != nil && f.control.group == group })
	if began == 0 {
		return ""
	}
	pending := s.fact(began).control.members.Pending()
	if len(pending) == 0 {
		return ""
	}
	// A change is of the membership before it, as long as that pair is pending.
	p := pending[0]
	for {
		before := s.lastWhere(began-1, func(f *fact) bool { return f.action == node.ActChange && f.control != nil && f.control.group == group })
		if before == 0 || !slices.Contains(s.fact(before).control.members.Pending(), p) {
			break
		}
		began = before
	}
	newName, oldName := segmentName(group, p.New), segmentName(group, p.Old)
	newcomer, _ := s.world.Named(newName)
	writer := s.newestWriter(func(id node.ID, st node.State) bool { return !st.Deposed && s.over.running[id] })
	if newcomer == 0 || writer == 0 {
		return ""
	}
	s.must(began)
	s.about.nodes[newcomer], s.about.nodes[writer] = true, true
	first := fmt.Sprintf("%s shall take the place of %s since %s", newName, oldName, at(s.fact(began).at))
	s.causeOf(s.fact(began).process, began, fmt.Sprintf("began to replace %s by %s", oldName, newName))
	last := s.lastWhere(s.end(), func(f *fact) bool { return f.kind == sim.EventMessage && f.what == "change" && f.from == writer })
	asks := fmt.Sprintf("%s, of epoch %d, has never asked for a change", s.name(writer), s.over.states[writer].Epoch)
	if last != 0 {
		asks = fmt.Sprintf("%s asked for a change for the last time at %s", s.name(writer), at(s.fact(last).at))
	}
	has := s.over.states[newcomer]
	full := s.firstWhere(began, func(f *fact) bool {
		return f.kind == sim.EventMessage && f.process == writer && f.from == newcomer && (f.what == "appended" || f.what == "joined") && f.high != 0 && f.high == has.SCL
	})
	switch lag := s.behindWriter(writer, group, has.SCL); {
	case full == 0:
		told := s.lastWhere(s.end(), func(f *fact) bool { return f.kind == sim.EventMessage && f.process == writer && f.from == newcomer })
		if told == 0 {
			return fmt.Sprintf("%s; it has never said anything to %s, and is %s; %s", first, s.name(writer), has, asks)
		}
		return fmt.Sprintf("%s; it is %s, and has not told %s so; %s", first, has, s.name(writer), asks)
	case lag != 0:
		s.must(full)
		return fmt.Sprintf("%s; it has everything up to LSN %d, and lacks record %d; %s", first, has.SCL, lag, asks)
	default:
		s.cause(full, fmt.Sprintf("was told by %s that it has everything up to LSN %d, which is all of its group, and has not ended the change since", newName, has.SCL))
		return fmt.Sprintf("%s; it told %s at %s that it has everything up to LSN %d, which is all that its group has; %s, and goes on without ending the replacement", first, s.name(writer), at(s.fact(full).at), has.SCL, asks)
	}
}

// behindWriter returns the first record of a group that a writer has in its log above an LSN, 0 for none.
func (s *story) behindWriter(writer node.ID, group node.Group, scl node.LSN) node.LSN {
	st := s.over.states[writer]
	for _, r := range s.claims.lines[st.Epoch] {
		if r.Group == group && r.LSN > scl && r.LSN <= st.VDL {
			return r.LSN
		}
	}
	return 0
}
