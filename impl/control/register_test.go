package control

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

func step(g *Register, ev node.Event) *node.Effects {
	var out node.Effects
	g.Step(0, ev, &out)
	return &out
}

func swap(g *Register, from node.ID, expect node.Epoch, token uint64) *node.Effects {
	return step(g, node.Event{Kind: node.Received, From: from, Message: &node.Swap{Expect: expect, Token: token}})
}

// The winner hears of it when it is durable, and not before.
func TestSwapIsDurableBeforeItIsWon(t *testing.T) {
	g := New(Config{ID: 1}, node.NoHook{})
	out := swap(g, 5, 0, 50)
	require.Len(t, out.List, 1)
	require.Equal(t, node.DoReplace, out.List[0].Kind)
	require.Zero(t, g.Epoch())
	require.Empty(t, swap(g, 6, 0, 60).List, "one at a time")
	out = step(g, node.Event{Kind: node.DiskDone, Token: 1})
	require.Equal(t, &node.Swapped{Token: 50, Won: true, Epoch: 1}, out.List[0].Message)
	require.Empty(t, out.Trace, "epoch 1 is open from the start")
}

// Two writers never share an epoch; the winner, and only it, may ask again.
func TestOneWinnerAnEpoch(t *testing.T) {
	g := New(Config{ID: 1}, node.NoHook{})
	swap(g, 5, 0, 50)
	step(g, node.Event{Kind: node.DiskDone})
	require.Equal(t, &node.Swapped{Token: 60, Won: false, Epoch: 1}, swap(g, 6, 0, 60).List[0].Message)
	require.Equal(t, &node.Swapped{Token: 50, Won: true, Epoch: 1}, swap(g, 5, 0, 50).List[0].Message)
	file := swap(g, 6, 1, 60).List[0].Data
	out := step(g, node.Event{Kind: node.DiskDone})
	require.Equal(t, node.ActStart, out.Trace[0].Action)
	require.Equal(t, node.Epoch(2), out.Trace[0].Epoch)
	require.Equal(t, &node.Swapped{Token: 50, Won: false, Epoch: 2}, swap(g, 5, 0, 50).List[0].Message)

	again := New(Config{ID: 1}, node.NoHook{})
	out = step(again, node.Event{Kind: node.Started, Files: []node.File{{Name: "register", Data: file}}})
	require.Equal(t, node.Epoch(2), again.Epoch())
	require.Len(t, out.Trace, 1, "it may have died before it told")
	require.Equal(t, &node.Swapped{Token: 60, Won: true, Epoch: 2}, swap(again, 6, 1, 60).List[0].Message)
}

// A register that cannot read its epoch must not guess one: it would hand one out twice.
func TestADamagedRegisterDoesNotStart(t *testing.T) {
	file := cell{epoch: 4, token: 9}.encode()
	for i := range file {
		damaged := append([]byte(nil), file...)
		damaged[i] ^= 1
		require.Panics(t, func() {
			step(New(Config{ID: 1}, node.NoHook{}), node.Event{Kind: node.Started, Files: []node.File{{Name: "register", Data: damaged}}})
		})
	}
}
