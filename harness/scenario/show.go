package scenario

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
)

func (s *stage) say(format string, args ...any) {
	if !s.silent && !s.quiet {
		s.out = append(s.out, fmt.Sprintf(format, args...)+"\n")
	}
}

// told returns what was said since it was asked last.
func (s *stage) told() string {
	text := strings.Join(s.out, "")
	s.out = nil
	return text
}

// sayTrace shows the steps that the lecture speaks of.
func (s *stage) sayTrace(id node.ID, t *node.Trace) error {
	if t.Record != nil {
		s.changed = max(s.changed, t.Record.Page)
	}
	switch t.Action {
	case node.ActWrite, node.ActCommit, node.ActUndo, node.ActStructure:
		s.say("%s", issued(t.Record))
	case node.ActStart:
		s.say("epoch %d begins", t.Epoch)
	case node.ActFence:
		s.say("%s promises epoch %d", s.name(id), t.Epoch)
	case node.ActDecide:
		answers := node.DetailOf[node.DecideStep](t).Answers
		gap, err := s.firstGap(answers)
		if err != nil {
			return err
		}
		s.say("first gap %d: cut at %d, from what %s hold", gap, t.LSN, s.names(answers, ", "))
	case node.ActJoin:
		s.say("%s follows epoch %d", s.name(id), t.Epoch)
	case node.ActOpen:
		s.say("epoch %d is open", t.Epoch)
	case node.ActChange, node.ActGrow:
		s.sayGeometry(id, t)
	case node.ActAck:
		s.say("acknowledged: %s", s.label(t.Txn))
	}
	return nil
}

// issued says which record got an LSN.
func issued(r *node.Record) string {
	text := fmt.Sprintf("LSN %d: ", r.LSN)
	switch r.Kind {
	case node.Structure:
		text += fmt.Sprintf("structure of page %d", r.Page)
	case node.Commit:
		text += r.Kind.String()
	default:
		text += fmt.Sprintf("%s %s %s→%s", r.Kind, r.Key, short(r.Old), short(r.New))
	}
	if !r.Last {
		text += ", mini-transaction goes on"
	}
	return text
}

// sayGeometry shows a step of the geometry: first when it is durable, then when the writer goes by it.
func (s *stage) sayGeometry(id node.ID, t *node.Trace) {
	who, step := s.name(id)+" goes by", node.DetailOf[node.GeometryStep](t)
	if id == registerID {
		who = fmt.Sprintf("version %d is durable:", t.Position)
		// A register that starts again tells the last one again.
		if t.Position == s.geometry.Version+1 {
			if t.Action == node.ActGrow {
				s.geometry = s.geometry.Growing(s.volume)
			} else {
				s.geometry = s.geometry.Changing(step.Group, step.Members)
			}
		}
	}
	what := s.setNames(step.Group, step.Members)
	if t.Action == node.ActGrow {
		what += ", a new group"
	}
	s.say("%s %s", who, what)
}

// setNames renders a membership with the letters of the segments.
func (s *stage) setNames(g node.Group, m node.Membership) string {
	var sets []string
	for _, set := range m.Sets {
		text := ""
		for r, id := range s.volume.Segments[g] {
			if set.Has(r) {
				text += s.name(id)
			}
		}
		sets = append(sets, text)
	}
	return strings.Join(sets, ", ")
}

func (s *stage) names(ids []node.ID, between string) string {
	var names []string
	for _, id := range ids {
		names = append(names, s.name(id))
	}
	return strings.Join(names, between)
}

// firstGap is the first LSN that none of the segments holds. It is worked out from the segments' logs, not from what the writer
// says.
func (s *stage) firstGap(segments []node.ID) (node.LSN, error) {
	held := map[node.LSN]bool{}
	for _, id := range segments {
		one, err := s.held(id)
		if err != nil {
			return 0, err
		}
		for l := range one {
			held[l] = true
		}
	}
	for l := node.LSN(1); ; l++ {
		if !held[l] {
			return l, nil
		}
	}
}

// held returns what a segment holds, by LSN, with the records' epochs: what it would tell if it started again with its disk as it
// is. It is asked of a copy.
func (s *stage) held(id node.ID) (map[node.LSN]node.Epoch, error) {
	held := map[node.LSN]node.Epoch{}
	if s.procs[id] == nil {
		return held, nil
	}
	d := disk{files: copied(s.procs[id].disk.files)}
	again := &process{node: s.of.Segment(id, s.volume, settings(), s.hook)}
	defer again.stop()
	events := []node.Event{{Kind: node.Started, Incarnation: s.procs[id].incarnation + 1, Files: copied(d.files)}}
	for n := 0; len(events) > 0; n++ {
		if n >= maxSteps {
			return nil, fmt.Errorf("%w: a copy of %s that was started again", errRestless, s.name(id))
		}
		var out node.Effects
		again.node.Step(s.now, events[0], &out)
		events = events[1:]
		for i := range out.Trace {
			if t := &out.Trace[i]; t.Action == node.ActHolds {
				for _, h := range node.DetailOf[node.HoldsStep](t).Held {
					held[h.LSN] = h.Epoch
				}
			}
		}
		for i := range out.List {
			switch e := &out.List[i]; e.Kind {
			case node.DoAppend, node.DoSync, node.DoReplace, node.DoRead:
				if done, err := d.do(e); err == nil && done != nil {
					events = append(events, *done)
				}
			}
		}
	}
	return held, nil
}

func (s *stage) cmdLog(c *call) error {
	from := node.LSN(c.number("from", 1, 1, maxLSN))
	if err := c.ok(); err != nil {
		return err
	}
	header, last := "LSN ", from
	var names []string
	var all []map[node.LSN]node.Epoch
	for _, id := range slices.Concat(s.volume.Segments...) {
		held, err := s.held(id)
		if err != nil {
			return err
		}
		for l := range held {
			last = max(last, l)
		}
		names, all = append(names, s.name(id)), append(all, held)
		header += " " + s.name(id)
	}
	s.say("%s", header)
	gap := ""
	for l, empty := from, 0; l <= last && empty < 4; l++ {
		line, found := fmt.Sprintf("%-4d", l), false
		for i, held := range all {
			mark := "."
			if e := held[l]; e != 0 {
				mark, found = strconv.Itoa(int(e)), true
			}
			line += fmt.Sprintf(" %-*s", len(names[i]), mark)
		}
		line = strings.TrimRight(line, " ")
		if !found {
			gap += line + "\n" // shown when something follows it
			empty++
			continue
		}
		s.say("%s%s", gap, line)
		gap, empty = "", 0
	}
	return nil
}

func (s *stage) cmdStatus(c *call) error {
	for _, id := range s.ids() {
		if id != registerID {
			s.say("%s", s.status(id))
		}
	}
	return nil
}

// status says how a process is, in words of the lecture.
func (s *stage) status(id node.ID) string {
	name := s.name(id)
	if s.procs[id].node == nil {
		return name + " is down"
	}
	t, tells := s.state(id)
	counter := func(name string) (value uint64, counted bool) {
		i := slices.IndexFunc(t.Counters, func(c node.Counter) bool { return c.Name == name })
		if i < 0 {
			return 0, false
		}
		return t.Counters[i].Value, true
	}
	switch {
	case !tells:
		return name + " runs, and tells no state"
	case t.Role == "segment":
		text := fmt.Sprintf("%s: SCL %d, follows epoch %d, promised epoch %d", name, t.SCL, t.Line, t.Promise)
		if t.Damaged {
			text += ", damaged"
		}
		return text
	case t.Role == "writer":
		text := fmt.Sprintf("%s: %s, epoch %d, VDL %d of %d", name, t.Phase, t.Epoch, t.VDL, t.End)
		if warm, counted := counter("warmPages"); counted {
			text += fmt.Sprintf(", %d warm pages", warm)
		}
		return text
	case t.Role == "reader":
		serves := "serves"
		if !t.Serving {
			serves = "does not serve"
		}
		pages, _ := counter("readerPages")
		anew, _ := counter("anew")
		late, _ := counter("collectedQueries")
		return fmt.Sprintf("%s: view %d, %s; %d pages read, begun anew %d times, %d queries too late", name, t.VDL, serves, pages, anew, late)
	}
	return name + ": " + t.String()
}

func (s *stage) cmdQuiet(*call) error {
	s.quiet = true
	return nil
}

func (s *stage) cmdMembers(c *call) error {
	s.say("version %d, %d groups", s.geometry.Version, len(s.geometry.Groups))
	for i, m := range s.geometry.Groups {
		s.say("%s", s.setNames(node.Group(i), m))
	}
	if len(s.suspects) > 0 {
		s.say("suspected: %s", s.names(s.suspects, " "))
	}
	return nil
}

// A PageError says that two segments that are complete up to the same LSN of the same history have another page.
type PageError struct {
	Page       node.PageID
	At         node.LSN
	One, Other string // the segments
	Byte       int    // the first that differs, or the length of the shorter page
}

func (e *PageError) Error() string {
	return fmt.Sprintf("page %d as of LSN %d: expected equal bytes of %s and %s, found the first that differs at byte %d", e.Page, e.At, e.One, e.Other, e.Byte)
}

func (s *stage) cmdPages(c *call) error {
	for _, id := range slices.Concat(s.volume.Segments...) {
		if _, tells := s.state(id); !tells && s.procs[id].node != nil {
			return c.object("a segment", s.name(id), "one that tells its state, so that it is known whom it can be compared with")
		}
	}
	compared := 0
	for g, members := range s.volume.Segments {
		for i, a := range members {
			for j := i + 1; j < len(members); j++ {
				b := members[j]
				x, y := s.pageState(a, i), s.pageState(b, j)
				if x == nil || y == nil || x.Line != y.Line || x.SCL != y.SCL {
					continue
				}
				for p := range s.changed + 1 {
					if s.volume.GroupOf(p) != node.Group(g) {
						continue
					}
					if err := s.compare(p, x, a, b); err != nil {
						return err
					}
					compared++
				}
			}
		}
	}
	if compared == 0 {
		return c.object("segments to compare", "", "two that follow one epoch, have one SCL and keep pages")
	}
	s.say("pages are equal")
	return nil
}

// pageState returns how a segment is that has pages to show, or nil.
func (s *stage) pageState(id node.ID, replica int) *node.State {
	t, tells := s.state(id)
	if !tells || !t.Serving || t.Damaged || replica < len(s.volume.Tails) && s.volume.Tails[replica] {
		return nil
	}
	return &t
}

// compare holds a page of two segments against each other, at the point up to which both are complete.
func (s *stage) compare(p node.PageID, at *node.State, a, b node.ID) error {
	one, err := s.pageAt(a, at, p)
	if err != nil {
		return err
	}
	other, err := s.pageAt(b, at, p)
	if err != nil || bytes.Equal(one, other) {
		return err
	}
	n := 0
	for n < min(len(one), len(other)) && one[n] == other[n] {
		n++
	}
	return &PageError{Page: p, At: at.SCL, One: s.name(a), Other: s.name(b), Byte: n}
}

// pageAt asks a segment for a page as a reader would. The read is no part of the scenario: it changes nothing, and what it is
// answered goes to no process.
func (s *stage) pageAt(id node.ID, at *node.State, p node.PageID) ([]byte, error) {
	var out node.Effects
	s.procs[id].node.Step(s.now, node.Event{Kind: node.Received, From: clientID,
		Message: &node.ReadSnapshot{Epoch: at.Line, Page: p, ReadPoint: at.SCL, Need: at.SCL}}, &out)
	found := "no answer"
	for i := range out.List {
		if e := &out.List[i]; e.Kind == node.DoSend && e.To == clientID {
			if image, is := e.Message.(*node.PageImage); is && image.Page == p && image.ReadPoint == at.SCL {
				return image.Image, nil
			}
			found = node.Describe(e.Message)
		}
	}
	return nil, fmt.Errorf("page %d as of LSN %d: expected its image from %s, found %s", p, at.SCL, s.name(id), found)
}
