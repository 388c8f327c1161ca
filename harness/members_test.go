package harness

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// What the register makes durable is counted for what it is, and once, however often it is told.
func TestChangesOfTheGeometryAreCounted(t *testing.T) {
	v := &node.Volume{WriteQuorum: 4, ReadQuorum: 3, Register: 100, Spares: 3, InUse: 1, GroupPages: 8,
		Segments: [][]node.ID{{1, 2, 3, 4, 5, 6, 7, 8, 9}, {11, 12, 13, 14, 15, 16, 17, 18, 19}}}
	g := newGeometer(v)
	version := uint64(1)
	change := func(group node.Group, m node.Membership) node.Membership {
		version++
		step := &node.Trace{Action: node.ActChange, Group: group, Members: m, Position: version}
		g.told(step)
		g.told(step)
		return m
	}
	m := change(0, v.FirstMembership().Replacing(5, 6))
	m = change(0, m.Replacing(4, 7))
	require.Equal(t, Changes{Begun: 2, Second: 1}, g.counts)
	m = change(0, m.Keeping(6, 5))
	m = change(0, m.Keeping(4, 7))
	require.Equal(t, Changes{Begun: 2, Second: 1, Finished: 1, Reverted: 1}, g.counts)
	version++
	g.told(&node.Trace{Action: node.ActGrow, Group: 1, Members: v.FirstMembership(), Position: version})
	change(1, v.FirstMembership().Replacing(0, 8))
	require.Equal(t, Changes{Begun: 3, Second: 1, Finished: 1, Reverted: 1, Grown: 1}, g.counts)
	require.Len(t, m.Sets, 1)
}
