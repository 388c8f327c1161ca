package labs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/impl/node"
)

// An altered node is one of ours to which some of what it is told, or says, is another thing.
type altered struct {
	node.Node
	hears func(from node.ID, m node.Message) node.Message // nil: nothing is heard
	says  func(now node.Time, ev *node.Event, out *node.Effects)
}

func (a *altered) Step(now node.Time, ev node.Event, out *node.Effects) {
	if a.hears != nil && ev.Kind == node.Received {
		if ev.Message = a.hears(ev.From, ev.Message); ev.Message == nil {
			return
		}
	}
	a.Node.Step(now, ev, out)
	if a.says != nil {
		a.says(now, &ev, out)
	}
}

// heard alters what comes of one type.
func heard[M node.Message](change func(from node.ID, m M) M) func(protocol.Place) *altered {
	return func(p protocol.Place) *altered {
		return &altered{Node: ours(p), hears: func(from node.ID, m node.Message) node.Message {
			if of, is := m.(M); is {
				return change(from, of)
			}
			return m
		}}
	}
}

// fencedAs alters the answers to a fence.
func fencedAs(change func(f *node.Fenced)) func(protocol.Place) *altered {
	return heard(func(_ node.ID, m *node.Fenced) *node.Fenced {
		f := *m
		f.Held = append([]node.Held(nil), m.Held...)
		change(&f)
		return &f
	})
}

// Recoveries that are wrong in one way each, in any build: each loses marks in the test that names its rule.
func TestBrokenRecoveriesLoseMarks(t *testing.T) {
	l, err := Numbered(3)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		make func(protocol.Place) *altered
		test string
	}{
		"does nothing": {func(p protocol.Place) *altered {
			return &altered{Node: ours(p), hears: func(node.ID, node.Message) node.Message { return nil }}
		}, "recovers"},
		"opens as soon as it has decided": {func(p protocol.Place) *altered {
			return &altered{Node: ours(p), says: func(_ node.Time, _ *node.Event, out *node.Effects) {
				for _, t := range out.Trace {
					if t.Action == node.ActDecide {
						out.Tell(node.Trace{Action: node.ActOpen, Epoch: t.Epoch})
					}
				}
			}}
		}, "recovers"},
		"counts an answer twice": {func(p protocol.Place) *altered {
			inner := ours(p)
			twice := &altered{Node: inner}
			twice.hears = func(from node.ID, m node.Message) node.Message {
				if f, is := m.(*node.Fenced); is {
					// As if its neighbour had said the same.
					if g, r, of := p.Volume.Find(from); of {
						inner.Step(0, node.Event{Kind: node.Received, From: p.Volume.Segments[g][(r+1)%len(p.Volume.Segments[g])], Message: f}, &node.Effects{})
					}
				}
				return m
			}
			return twice
		}, "fences-a-read-quorum"},
		"asks for promises once": {func(p protocol.Place) *altered {
			asked := false
			return &altered{Node: ours(p), says: func(_ node.Time, _ *node.Event, out *node.Effects) {
				kept, fence := out.List[:0], false
				for _, e := range out.List {
					_, is := e.Message.(*node.Fence)
					fence = fence || is
					if !is || !asked {
						kept = append(kept, e)
					}
				}
				asked = asked || fence
				out.List = kept
			}}
		}, "asks-again"},
		"takes every gap for filled": {fencedAs(func(f *node.Fenced) {
			for i := 0; i+1 < len(f.Held); i++ {
				for l := f.Held[i].LSN + 1; l < f.Held[i+1].LSN; l++ {
					h := f.Held[i+1]
					h.LSN, h.Last = l, true
					f.Held = append(f.Held, h)
				}
			}
		}), "cuts-at-the-first-gap"},
		"keeps half of a mini-transaction": {fencedAs(func(f *node.Fenced) {
			for i := range f.Held {
				f.Held[i].Last = true
			}
		}), "cuts-down-to-the-last-cpl"},
		"knows of no cut before": {fencedAs(func(f *node.Fenced) { f.History = node.FirstHistory() }), "takes-the-newest-history"},
		"takes whoever has joined for complete": {heard(func(_ node.ID, m *node.Joined) *node.Joined {
			return &node.Joined{Epoch: m.Epoch, SCL: 1 << 40}
		}), "repairs-before-it-opens"},
		"does not believe what was durable":    {fencedAs(func(f *node.Fenced) { f.VDL = 0 }), "keeps-what-was-acknowledged"},
		"goes by the segments that lag":        {fencedAs(func(f *node.Fenced) { f.Held = f.Held[:min(1, len(f.Held))] }), "keeps-what-was-acknowledged"},
		"knows nothing of the recovery before": {fencedAs(func(f *node.Fenced) { f.History = f.History[:max(1, len(f.History)-1)] }), "begins-again-anywhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range *secrets {
				for j := range l.Tests {
					if x := &l.Tests[j]; x.Name == c.test {
						out := l.Run(x, func(p protocol.Place) node.Node { return c.make(p) }, l.Seeds(x, secretOf(i)), Options{})
						require.False(t, out.Passed(), "secret %d: it stands the test %s", i, c.test)
						require.NotNil(t, out.Failed, "secret %d: %s", i, out.Says())
						t.Logf("secret %d: %s", i, out.Says())
					}
				}
			}
		})
	}
}
