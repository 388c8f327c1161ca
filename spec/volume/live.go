package volume

import (
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
)

// The module VolumeLive.tla: progress when only the replicas in World.Up keep answering. With as many of every group up as a
// write quorum and a read quorum take, a recovery ends and a commit is acknowledged, unless a newer writer starts; with
// fewer, neither need happen.
//
// Nothing is promised of the writer's clients, of gossip or of replicas that are not up: they may go on, or not.
//
// A world without Up promises no progress, and its search is one for invariants alone.

// isUp says whether replica r keeps answering.
func (w World) isUp(r int) bool {
	return r%w.Replicas < w.Up[r/w.Replicas]
}

// A property is an instance of one of the two.
type property struct {
	answers bool // otherwise it is Opens
	e, t    int
}

// properties returns Opens and Answers, each for all that they say "for all" of. Epoch 1 is open from the start, so there is
// no Opens(1).
func (w World) properties() []property {
	if len(w.Up) == 0 {
		return nil
	}
	var all []property
	for e := 2; e <= w.MaxEpoch; e++ {
		all = append(all, property{e: e})
	}
	for e := 1; e <= w.MaxEpoch; e++ {
		for t := 1; t <= w.Txns; t++ {
			all = append(all, property{answers: true, e: e, t: t})
		}
	}
	return all
}

// Properties returns the instances of Opens and Answers.
func (m *Model) Properties() []check.Property {
	var all []check.Property
	for _, p := range m.world.properties() {
		if p.answers {
			all = append(all, check.Property{
				Name:      fmt.Sprintf("Answers(%d, t%d)", p.e, p.t),
				Guarantee: "Once an open writer has written a commit record, the commit is acknowledged, or a newer writer starts.",
			})
		} else {
			all = append(all, check.Property{
				Name:      fmt.Sprintf("Opens(%d)", p.e),
				Guarantee: "A writer that takes over opens, or a newer one starts.",
			})
		}
	}
	return all
}

// An instance is an action that is weakly fair, with its parameters.
type instance struct {
	action     Action
	e, t, l, r int32
}

// liveness is what a machine needs to tell which instances are weakly fair.
type liveness struct {
	properties []property
	numbers    map[instance]int
	instances  []string
}

func newLiveness(w World) liveness {
	return liveness{properties: w.properties(), numbers: map[instance]int{}}
}

// From says whether the writer is fencing, or open with a commit record of its own for t.
func (m *machine) From(property int) bool {
	p := m.properties[property]
	if !p.answers {
		return m.Phase(p.e) == Fencing
	}
	_, epoch := m.CommitOf(p.t)
	return epoch == p.e && m.Phase(p.e) == Open
}

// To says whether the writer has opened, or t is acknowledged, or the writer is Replaced(e): a newer one has started.
func (m *machine) To(property int) bool {
	p := m.properties[property]
	replaced := int(m.newest) > p.e
	if p.answers {
		return replaced || m.Acked(p.t)
	}
	return replaced || m.Phase(p.e) == Open
}

// Fair is Fair of the module: WF of Decide, Open, Advance and Ack, and of Fence, Join and Store on replicas that are up.
func (m *machine) Fair(dst []int) []int {
	c := &m.journal[len(m.journal)-1]
	i := instance{action: c.action, e: c.e}
	switch c.action {
	case ActDecide, ActOpen, ActAdvance:
	case ActAck:
		i.t = c.t
	case ActFence, ActJoin, ActStore:
		if !m.world.isUp(int(c.r)) {
			return dst
		}
		i.r, i.l = c.r, c.l
	default:
		return dst
	}
	n, known := m.numbers[i]
	if !known {
		n = len(m.instances)
		m.numbers[i] = n
		name := m.LastStep()
		if c.action == ActDecide { // with any Q
			name = fmt.Sprintf("Decide(%d)", c.e)
		}
		m.instances = append(m.instances, name)
	}
	return append(dst, n)
}

// Instance returns the name of a weakly fair instance.
func (m *machine) Instance(number int) string { return m.instances[number] }
