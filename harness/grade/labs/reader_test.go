package labs

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/impl/node"
)

// silenced tells no trace.
func silenced(p protocol.Place) *altered {
	return &altered{Node: ours(p), says: func(_ node.Time, _ *node.Event, out *node.Effects) { out.Trace = nil }}
}

// A reader need not tell its steps: what clients were shown says enough.
func TestASilentReaderScoresFullMarks(t *testing.T) {
	l, err := Numbered(6)
	require.NoError(t, err)
	for i := range *secrets {
		score, lost := graded(&l, func(p protocol.Place) node.Node { return silenced(p) }, secretOf(i), Options{})
		require.Empty(t, lost, "secret %d", i)
		require.Equal(t, l.Most(), score)
	}
}

// Readers that are wrong in one way each, in any build, and tell nothing of it.
func TestBrokenReadersLoseMarks(t *testing.T) {
	l, err := Numbered(6)
	require.NoError(t, err)
	silently := func(change func(*altered)) func(protocol.Place) node.Node {
		return func(p protocol.Place) node.Node {
			a := silenced(p)
			change(a)
			return a
		}
	}
	streamed := func(change func(m *node.Stream)) func(protocol.Place) node.Node {
		return silently(func(a *altered) {
			a.hears = func(_ node.ID, m node.Message) node.Message {
				if s, is := m.(*node.Stream); is {
					changed := *s
					changed.Records = slices.Clone(s.Records)
					change(&changed)
					return &changed
				}
				return m
			}
		})
	}
	for name, c := range map[string]struct {
		make func(protocol.Place) node.Node
		test string
	}{
		"serves nothing": {silently(func(a *altered) {
			a.hears = func(node.ID, node.Message) node.Message { return nil }
		}), "serves-snapshots"},
		"takes all that comes for durable": {streamed(func(m *node.Stream) {
			if n := len(m.Records); n > 0 {
				m.VDL = m.Records[n-1].LSN
			}
		}), "reads-what-is-durable"},
		"takes every record for the end of a mini-transaction": {streamed(func(m *node.Stream) {
			for i, r := range m.Records {
				last := *r
				last.Last = true
				last.Seal()
				m.Records[i] = &last
			}
		}), "sees-whole-mini-transactions"},
		"takes every change for committed": {streamed(func(m *node.Stream) {
			for i, r := range m.Records {
				if r.Kind == node.Write {
					other := *r
					other.Old = r.New
					other.Seal()
					m.Records[i] = &other
				}
			}
		}), "hides-what-has-not-committed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range *secrets {
				for j := range l.Tests {
					if x := &l.Tests[j]; x.Name == c.test {
						out := l.Run(x, c.make, l.Seeds(x, secretOf(i)), Options{})
						require.False(t, out.Passed(), "secret %d: it stands the test %s", i, c.test)
						t.Logf("secret %d: %s", i, out.Says())
					}
				}
			}
		})
	}
}
