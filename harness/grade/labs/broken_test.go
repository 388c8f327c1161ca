package labs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/impl/node"
)

// A wrapped node is a segment of ours of which one thing is broken from outside, as a student would break it, in any build.
type wrapped struct {
	node.Node
	// before may change an event, or say that it does not arrive.
	before func(ev *node.Event) bool
	after  func(ev *node.Event, out *node.Effects)
}

func (w *wrapped) State() node.State { return w.Node.(node.Teller).State() }

func (w *wrapped) Step(now node.Time, ev node.Event, out *node.Effects) {
	if w.before != nil && !w.before(&ev) {
		return
	}
	w.Node.Step(now, ev, out)
	if w.after != nil {
		w.after(&ev, out)
	}
}

// neverSyncs says that a sync is done as soon as it is asked for, and asks the disk for none.
func neverSyncs(p protocol.Place) node.Node {
	w := &wrapped{Node: ours(p)}
	w.after = func(_ *node.Event, out *node.Effects) {
		for i := 0; i < len(out.List); i++ {
			if e := out.List[i]; e.Kind == node.DoSync {
				out.List = append(out.List[:i], out.List[i+1:]...)
				w.Node.Step(0, node.Event{Kind: node.DiskDone, Token: e.Token}, out)
				i--
			}
		}
	}
	return w
}

// answersEarly tells the writer of an append that it has all of it, before anything is written.
func answersEarly(p protocol.Place) node.Node {
	w := &wrapped{Node: ours(p)}
	w.after = func(ev *node.Event, out *node.Effects) {
		if m, is := ev.Message.(*node.Append); ev.Kind == node.Received && is && len(m.Records) > 0 && w.State().Line == m.Epoch {
			out.Send(ev.From, &node.Appended{Epoch: m.Epoch, SCL: m.Records[len(m.Records)-1].LSN})
		}
	}
	return w
}

// forgets starts each time as if it were new.
func forgets(p protocol.Place) node.Node {
	return &wrapped{Node: ours(p), before: func(ev *node.Event) bool {
		if ev.Kind == node.Started {
			ev.Incarnation, ev.Files = 1, nil
		}
		return true
	}}
}

// asksNobody never sends a peer a question.
func asksNobody(p protocol.Place) node.Node {
	return &wrapped{Node: ours(p), after: func(_ *node.Event, out *node.Effects) {
		kept := out.List[:0]
		for _, e := range out.List {
			if _, asks := e.Message.(*node.GossipAsk); !asks {
				kept = append(kept, e)
			}
		}
		out.List = kept
	}}
}

// takesFromAnyLine believes that what a peer gives is of its own line.
func takesFromAnyLine(p protocol.Place) node.Node {
	w := &wrapped{Node: ours(p)}
	w.before = func(ev *node.Event) bool {
		switch m := ev.Message.(type) {
		case *node.GossipAsk:
			of := *m
			of.Line = w.State().Line
			ev.Message = &of
		case *node.GossipGive:
			// Under its own epoch each record would be refused: it is sealed anew, as one that was not told apart.
			of := node.GossipGive{Line: w.State().Line, Floor: m.Floor}
			for _, r := range m.Records {
				again := *r
				again.Epoch = w.State().Line
				again.Seal()
				of.Records = append(of.Records, &again)
			}
			ev.Message = &of
		}
		return true
	}
	return w
}

// answersNothing takes every message and says nothing.
func answersNothing(p protocol.Place) node.Node {
	return &wrapped{Node: ours(p), after: func(_ *node.Event, out *node.Effects) {
		kept := out.List[:0]
		for _, e := range out.List {
			if e.Kind != node.DoSend {
				kept = append(kept, e)
			}
		}
		out.List = kept
	}}
}

// endsItself panics at its hundredth event.
func endsItself(p protocol.Place) node.Node {
	n := 0
	return &wrapped{Node: ours(p), before: func(*node.Event) bool {
		if n++; n == 100 {
			panic("the hundredth event")
		}
		return true
	}}
}

func TestBrokenSegmentsLoseMarks(t *testing.T) {
	l := segments()
	for name, c := range map[string]struct {
		make protocol.Maker
		test string
	}{
		"never syncs":          {neverSyncs, "acknowledges-only-what-is-durable"},
		"answers early":        {answersEarly, "acknowledges-only-what-is-durable"},
		"forgets its promise":  {forgets, "keeps-its-promise-across-a-restart"},
		"asks nobody":          {asksNobody, "fills-gaps-by-gossip"},
		"takes from any line":  {takesFromAnyLine, "gossips-only-along-the-same-history"},
		"answers nothing":      {answersNothing, "serves"},
		"ends itself":          {endsItself, "serves"},
		"as if it were intact": {ours, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.test == "" { // so that it is what is broken that is seen, and not the wrapping
				score, lost := graded(&l, func(p protocol.Place) node.Node { return &wrapped{Node: ours(p)} }, secretOf(1), Options{})
				require.Empty(t, lost)
				require.Equal(t, l.Most(), score)
				return
			}
			for i := range *secrets {
				standsNot(t, &l, c.test, c.make, secretOf(i), "")
			}
		})
	}
}

// The same nodes and seeds give the same outcome, with any number of workers.
func TestAnOutcomeDependsOnNothingElse(t *testing.T) {
	l := register()
	for i := range l.Tests {
		x := &l.Tests[i]
		one := l.Run(x, l.Reference, l.Seeds(x, secretOf(3)), Options{Bug: bugMajorityVote})
		many := l.Run(x, l.Reference, l.Seeds(x, secretOf(3)), Options{Bug: bugMajorityVote, Workers: 3})
		require.Equal(t, one.Hashes, many.Hashes, x.Name)
		require.Equal(t, one.Says(), many.Says(), x.Name)
		require.Equal(t, one.Made, many.Made, x.Name)
	}
}

// A test in which nothing happened tells nothing.
func TestNothingIsNoPass(t *testing.T) {
	l := register()
	x := l.Tests[0]
	out := l.Run(&x, l.Reference, nil, Options{})
	require.False(t, out.Passed())
	require.Equal(t, "nothing was run", out.Says())
	x.Needs = []string{"operations", "world.wipes"}
	out = l.Run(&x, l.Reference, l.Seeds(&x, nil), Options{})
	require.False(t, out.Passed())
	require.Equal(t, "could not tell: expected runs in which something happens, found none of: world.wipes", out.Says())
	x.Scripts = []Script{{Name: "odd", Text: "start\n----\n"}}
	require.Equal(t, "odd: expected a system of a volume, found lab-1", l.runSays(&x))
	s := segments()
	require.Contains(t, s.runSays(&Test{Scripts: []Script{{Name: "odd", Text: "start\n----\n"}}}), "odd:1: start: ")
	require.Contains(t, s.runSays(&Test{Scripts: []Script{{Name: "odd", Text: "volume\n----\n\nstatus\n----\nnothing\n"}}}), "odd:4: status\nexpected:\n  nothing\nfound:\n  A: SCL 0")
}

func (l *Lab) runSays(x *Test) string {
	out := l.Run(x, l.Reference, nil, Options{})
	return out.Says()
}
