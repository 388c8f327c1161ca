package why

import (
	"slices"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// mostBeliefs is how many nodes an explanation shows the beliefs of.
const mostBeliefs = 8

// beliefs are taken in the second run: the words of the events that are shown, and at the bad one what nodes held.
type beliefs struct {
	model harness.Believer // nil where the model says nothing of nodes
	links map[uint64]Link
	list  []Belief
}

// at listens for the events of a chain.
func (b *beliefs) at(s *story, ns []uint64) harness.Listen {
	b.links = map[uint64]Link{}
	moment := s.bad
	if moment == 0 {
		moment = s.end()
	}
	var speaker *Speaker
	return func(w *sim.World, e *sim.Event) {
		if speaker == nil {
			speaker = NewSpeaker(w)
		}
		_, shown := slices.BinarySearch(ns, e.Seq)
		if shown || e.Kind == sim.EventDisk || e.Kind == sim.EventCrash {
			whose, words := speaker.Words(e)
			if shown {
				b.links[e.Seq] = Link{Event: e.Seq, At: e.At, Node: whose, Words: words}
			}
		}
		if e.Seq == moment {
			b.take(w, s, ns)
		}
	}
}

// take asks the nodes that matter: who did the bad step, who waits, who is in a cause, the active node, and who is in the chain.
func (b *beliefs) take(w *sim.World, s *story, ns []uint64) {
	var ids []node.ID
	add := func(id node.ID) {
		if id != 0 && len(ids) < mostBeliefs && !slices.Contains(ids, id) && slices.Contains(w.Processes(), id) {
			ids = append(ids, id)
		}
	}
	if f := s.fact(s.bad); f != nil {
		add(f.process)
	}
	for _, wait := range s.waits {
		if id, known := w.Named(wait.Node); known {
			add(id)
		}
	}
	var active node.ID
	var epoch node.Epoch
	for _, id := range w.Processes() {
		if st, tells := w.State(id); tells && st.Role == "writer" && st.Epoch >= epoch {
			active, epoch = id, st.Epoch
		}
	}
	for _, c := range s.causes {
		if id, known := w.Named(c.Node); known {
			add(id)
		}
	}
	add(active)
	for i := len(ns) - 1; i >= 0; i-- {
		f := s.fact(ns[i])
		add(f.process)
		add(f.from)
	}
	for _, id := range ids {
		one := Belief{Node: w.Name(id), Holds: "is down"}
		if st, tells := w.State(id); tells {
			one.Holds = st.String()
		} else if w.Running(id) {
			one.Holds = "runs, and tells nothing of itself"
		}
		if b.model != nil {
			one.Model = shortenTo(b.model.Believes(id), longestAllowed)
		}
		b.list = append(b.list, one)
	}
}
