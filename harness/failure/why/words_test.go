package why

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

func name(id node.ID) string { return fmt.Sprintf("node %d", id) }

// A message type without words would be shown as its Go fields, to somebody who has never seen the code.
func TestEveryMessageTypeHasWords(t *testing.T) {
	types := node.MessageTypes()
	require.Greater(t, len(types), 60)
	for _, what := range types {
		require.NotNil(t, messages[what], "no words for messages of type %s", what)
	}
	for what := range messages {
		require.Contains(t, types, what, "words for a type that there is not")
	}
	for what, by := range answers {
		require.Contains(t, types, what, "an answer to a type that there is not")
		for _, a := range by {
			require.Contains(t, types, a, "%s is answered by a type that there is not", what)
		}
	}
	require.Equal(t, `records 3 to 4, 7 of epoch 2, durable up to LSN 2`, message(&node.Append{Epoch: 2, VDL: 2, Records: []*node.Record{{LSN: 3}, {LSN: 4}, {LSN: 7}}}))
	require.Equal(t, `hello "you"`, message(&node.Opaque{Kind: "hello", Bytes: []byte("you")}), "a stranger's message is its type and its text")
}

func TestEveryActionHasWords(t *testing.T) {
	named := 0
	for a := range 256 {
		action := node.Action(a)
		if s := action.String(); s == "" || strings.HasPrefix(s, "Action(") {
			require.Nil(t, actions[action], "words for action %d, which there is not", a)
			continue
		}
		named++
		require.NotNil(t, actions[action], "no words for %v", action)
		// Words are made of a step as a broken node may tell it: with nothing in it.
		require.NotEmpty(t, names(name).step(&node.Trace{Action: action}), "%v", action)
	}
	require.Greater(t, named, 40)
	require.Equal(t, "promised epoch 2", names(name).step(&node.Trace{Action: node.ActFence, Epoch: 2}))
}

func TestEveryKindOfEventHasWords(t *testing.T) {
	m := &node.Stale{Promise: 3}
	for kind, want := range map[sim.EventKind]string{
		sim.EventStart: "node 1|started", sim.EventMessage: "node 1|got from node 2 the refusal that it has promised epoch 3", sim.EventTimer: "node 1|had its timer 7 fire",
		sim.EventDisk: "node 1|was told by its disk that operation 5 is done", sim.EventRequest: "node 1|was asked by node 2 for something", sim.EventReply: "node 1|was answered by node 2: something",
		sim.EventAction: "the run|crashed, for one of them did what the plan waits for (crash-when)", sim.EventTrace: "node 1|promised epoch 4",
		sim.EventLost: "node 2|sent node 1 the refusal that it has promised epoch 3, which never came: the two were cut off", sim.EventCrash: "node 1|crashed (crash-when)",
	} {
		e := sim.Event{Kind: kind, Process: 1, From: 2, Incarnation: 1, Timer: 7, Token: 5, Name: "crash-when", Trace: &node.Trace{Action: node.ActFence, Epoch: 4}}
		switch kind {
		case sim.EventAction:
			e.Process = 0
		case sim.EventMessage:
			e.Message = m
		case sim.EventLost:
			e.Message, e.Reason = m, sim.ByCut
		}
		whose, words := wordsOf(&e, name, "")
		require.Equal(t, want, whose+"|"+words, "%v", kind)
	}
	// No kind is without a name, so that one more shows here.
	for k := sim.EventStart; !strings.HasPrefix(k.String(), "EventKind("); k++ {
		_, words := wordsOf(&sim.Event{Kind: k, Trace: &node.Trace{}}, name, "")
		require.NotContains(t, words, "event of kind", "no words for %v", k)
	}
	for r := sim.ByLoss; !strings.HasPrefix(r.String(), "Reason("); r++ {
		require.NotEmpty(t, lossReasons[r], "no words for %v", r)
	}
	lost := []sim.LostWrite{{File: "log", From: 10, Bytes: 5, Why: sim.NeverSynced}}
	_, words := wordsOf(&sim.Event{Kind: sim.EventCrash, Process: 1, Name: "crash", Lost: lost}, name, "")
	require.Equal(t, "crashed (crash) and lost bytes 10 to 14 of log (never synced)", words)
}
