package writer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// Four segments, of which the last is a spare: it is asked nothing, sent nothing, and what it says counts for nothing.
func TestWhoIsNoMemberDoesNotCount(t *testing.T) {
	v := &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Register: 100, Segments: [][]node.ID{{1, 2, 3, 4}}, Spares: 1}
	w := New(Config{ID: 101, Volume: v, CachePages: 4, Limits: DefaultLimits()}, node.NoHook{})
	w.phase, w.epoch = fencing, 2
	var out node.Effects
	to := func() (ids []node.ID) {
		for _, e := range out.List {
			ids = append(ids, e.To)
		}
		out.Reset()
		return ids
	}
	w.fence(&out)
	require.Equal(t, []node.ID{1, 2, 3}, to())
	answer := &node.Fenced{Epoch: 2, History: node.FirstHistory()}
	w.receive(1, answer, &out)
	w.receive(4, answer, &out)
	require.Equal(t, fencing, w.phase)
	w.receive(3, answer, &out)
	require.Equal(t, repairing, w.phase)
	require.Equal(t, []node.ID{1, 2, 3}, to(), "who is to join")
	w.receive(4, &node.Joined{Epoch: 2}, &out)
	w.receive(2, &node.Joined{Epoch: 2}, &out)
	require.Equal(t, repairing, w.phase)
	w.receive(3, &node.Joined{Epoch: 2}, &out)
	require.Equal(t, open, w.phase)

	w.issue(node.Record{Kind: node.Commit, Last: true}, &out)
	w.send(&out)
	require.Equal(t, []node.ID{2, 3}, to())
	w.receive(2, &node.Appended{Epoch: 2, SCL: 1}, &out)
	w.receive(4, &node.Appended{Epoch: 2, SCL: 1}, &out)
	require.Zero(t, w.vdl)

	// While the spare may replace the third, a record is written when it is on two of each set; a segment that is in
	// both counts for both.
	w.groups[0].members = w.groups[0].members.Replacing(2, 3)
	w.receive(3, &node.Appended{Epoch: 2, SCL: 1}, &out)
	require.Zero(t, w.vdl, "1 2 3 has two, 1 2 4 has one")
	w.receive(4, &node.Appended{Epoch: 2, SCL: 1}, &out)
	require.EqualValues(t, 1, w.vdl)
}
