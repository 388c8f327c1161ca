package scenario

import (
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/control"
	"github.com/firstgap/firstgap/impl/node"
)

func init() {
	commands["members"] = (*stage).cmdMembers
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

// sayGeometry reports a step of the geometry: first when it is durable, then when the writer goes by it.
func (s *stage) sayGeometry(id node.ID, t *node.Trace) {
	who := s.name(id) + " goes by"
	if id == registerID {
		who = "version " + strconv.FormatUint(t.Position, 10) + " is durable:"
	}
	step := node.DetailOf[node.GeometryStep](t)
	what := s.setNames(step.Group, step.Members)
	if t.Action == node.ActGrow {
		what += ", a new group"
	}
	s.say("%s %s", who, what)
}

// members: who stores what, as the register has it.
func (s *stage) cmdMembers() {
	r, up := s.procs[registerID].node.(*control.Register)
	require.True(s.t, up, "the register is down")
	g := r.Geometry()
	var suspects []string
	for _, id := range r.Suspects() {
		suspects = append(suspects, s.name(id))
	}
	s.say("version %d, %d groups", g.Version, len(g.Groups))
	for i, m := range g.Groups {
		s.say("%s", s.setNames(node.Group(i), m))
	}
	if len(suspects) > 0 {
		s.say("suspected: %s", strings.Join(suspects, " "))
	}
}
