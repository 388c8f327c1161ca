package control

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// A watched is a control plane with a monitor, and what it sends.
type watched struct {
	*Register
	round uint64
}

func (w *watched) fire() (told []*node.Health) {
	return w.take(step(w.Register, node.Event{Kind: node.Fired, Timer: monitorTimer}))
}

func (w *watched) pong(from node.ID, round uint64, lost bool) []*node.Health {
	return w.take(step(w.Register, node.Event{Kind: node.Received, From: from, Message: &node.Pong{Round: round, Lost: lost}}))
}

func (w *watched) take(out *node.Effects) (told []*node.Health) {
	for _, e := range out.List {
		switch m := e.Message.(type) {
		case *node.Ping:
			w.round = m.Round
		case *node.Health:
			told = append(told, m)
		}
	}
	return told
}

// allBut answers for every segment of the first group but these.
func (w *watched) allBut(t *testing.T, silent ...node.ID) {
	for _, members := range volume().Segments {
		for _, id := range members {
			quiet := false
			for _, s := range silent {
				quiet = quiet || s == id
			}
			if !quiet {
				require.Empty(t, w.pong(id, w.round, false))
			}
		}
	}
}

func watch(t *testing.T, incarnation uint32) *watched {
	w := &watched{Register: New(Config{ID: 100, Volume: volume(), MonitorEvery: time.Millisecond, SuspectAfter: 2}, node.NoHook{})}
	w.take(step(w.Register, node.Event{Kind: node.Started, Incarnation: incarnation}))
	require.NotZero(t, w.round)
	return w
}

func (w *watched) watchedBy(from node.ID, e node.Epoch) []*node.Health {
	return w.take(step(w.Register, node.Event{Kind: node.Received, From: from, Message: &node.Watch{Epoch: e}}))
}

// A segment is suspected after so many questions in a row without an answer, and no longer once it answers.
func TestSuspicion(t *testing.T) {
	w := watch(t, 1)
	require.Empty(t, w.watchedBy(5, 1)[0].Suspects)
	w.allBut(t, 3)
	require.Empty(t, w.fire(), "one is not enough")
	w.allBut(t, 3)
	told := w.fire()
	require.Len(t, told, 1)
	require.Equal(t, []node.ID{3}, told[0].Suspects)
	w.allBut(t, 3)
	require.Empty(t, w.fire(), "nothing new")
	require.Equal(t, []node.ID{3}, w.Suspects())

	back := w.pong(3, w.round, false)
	require.Len(t, back, 1, "back again is told at once")
	require.Empty(t, back[0].Suspects)
	require.Greater(t, back[0].Round, told[0].Round)
	require.Empty(t, w.pong(3, w.round, false), "doubled")

	w.allBut(t)
	w.fire()
	lost := w.pong(3, w.round, true)
	require.Equal(t, []node.ID{3}, lost[0].Suspects, "alive, but of no use")
}

// An answer to an old question says nothing of now, least of all one from before the monitor's restart.
func TestLateAnswersAreNoLife(t *testing.T) {
	before := watch(t, 1)
	w := watch(t, 2)
	first := w.round
	w.watchedBy(5, 1)
	w.allBut(t, 3)
	require.Empty(t, w.fire())
	require.Empty(t, w.pong(3, before.round, false))
	require.Empty(t, w.pong(3, w.round+7, false), "from nowhere")
	w.allBut(t, 3)
	require.Len(t, w.fire(), 1)
	require.Len(t, w.pong(3, first, false), 1, "late, and yet it was alive after it was asked")
	require.Greater(t, w.watchedBy(5, 1)[0].Round, uint64(2)<<32)
}

// Tidings go to the newest writer.
func TestTheNewestWriterIsTold(t *testing.T) {
	w := watch(t, 1)
	require.Len(t, w.watchedBy(6, 2), 1)
	require.Empty(t, w.watchedBy(5, 1), "replaced")
	w.allBut(t, 1)
	w.fire()
	w.allBut(t, 1)
	out := step(w.Register, node.Event{Kind: node.Fired, Timer: monitorTimer})
	to := node.ID(0)
	for _, e := range out.List {
		if e.Message != nil && e.Message.Type() == "health" {
			to = e.To
		}
	}
	require.Equal(t, node.ID(6), to)
}

// Without an interval there is no monitor: no segment is asked or suspected, and who watches is told so.
func TestNoMonitor(t *testing.T) {
	g := New(Config{ID: 100, Volume: volume()}, node.NoHook{})
	require.Empty(t, step(g, node.Event{Kind: node.Started, Incarnation: 1}).List)
	out := step(g, node.Event{Kind: node.Received, From: 5, Message: &node.Watch{Epoch: 1}})
	require.Equal(t, &node.Health{Round: 1<<32 + 1}, out.List[0].Message)
}
