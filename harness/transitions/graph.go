package transitions

import (
	"strings"

	"github.com/firstgap/firstgap/spec/volume"
)

// A transition is one step between two states of the model, up to which replicas of the group are which. Two ways of taking an
// action that lead from the one to the other are one transition: which of two read quorums a cut is computed from, say.
type transition struct {
	from   int32
	action uint8
	to     int32
}

// A graph is all that the model can do in a world: its states, by number, and its transitions.
type graph struct {
	names       []string // of actions
	number      map[string]uint8
	states      map[string]int32
	codes       []string
	transitions map[transition]int32
	list        []transition
	steps       []string // one way of taking each, in words
}

// newGraph searches the model to the end. The world must have Symmetry.
func newGraph(w volume.World) (*graph, error) {
	m, err := volume.NewModel(w)
	if err != nil {
		return nil, err
	}
	g := &graph{names: m.Actions(), number: map[string]uint8{}, states: map[string]int32{}, transitions: map[transition]int32{}}
	for i, name := range g.names {
		g.number[name] = uint8(i)
	}
	machine := m.NewMachine()
	g.state(machine.Encode(nil))
	var code []byte
	for from := 0; from < len(g.codes); from++ {
		if err := machine.Load([]byte(g.codes[from])); err != nil {
			return nil, err
		}
		machine.Next(func(a, _ int) bool {
			code = machine.Encode(code[:0])
			t := transition{int32(from), uint8(a), g.state(code)}
			if _, known := g.transitions[t]; !known {
				g.transitions[t] = int32(len(g.list))
				g.list = append(g.list, t)
				g.steps = append(g.steps, machine.Step())
			}
			return true
		})
	}
	return g, nil
}

// state returns the number of a state.
func (g *graph) state(code []byte) int32 {
	n, known := g.states[string(code)]
	if !known {
		n = int32(len(g.codes))
		g.codes = append(g.codes, string(code))
		g.states[g.codes[n]] = n
	}
	return n
}

// describe puts a transition in words.
func (g *graph) describe(s *volume.State, id *volume.Identity, t int) string {
	if err := id.Load(s, []byte(g.codes[g.list[t].from])); err != nil {
		return g.steps[t]
	}
	return g.steps[t] + " where " + strings.Join(strings.Fields(strings.ReplaceAll(strings.TrimSpace(s.String()), "\n", "; ")), " ")
}
