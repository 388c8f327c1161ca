package compare

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/baseline/database"
	"github.com/firstgap/firstgap/impl/baseline/mirrored"
	"github.com/firstgap/firstgap/impl/baseline/snapshot"
	"github.com/firstgap/firstgap/impl/node"
)

// A second instance that attaches a disk which another one holds is refused, and so are its clients; one that is to
// replace the first gets it, and then the first one's clients are refused.
func TestASecondInstanceIsRefused(t *testing.T) {
	c, err := newCluster(designNamed(t, "ebs"), 3)
	require.NoError(t, err)
	defer c.world.Close()
	c.run(20*time.Millisecond, nil)
	first := c.Active
	require.Len(t, c.play("first", 1000, 0, op(node.OpBegin), put("x", "1"), op(node.OpCommit)).replies, 3)
	manager, found := c.world.Named("manager")
	require.True(t, found)
	second := c.Process("intruder", "az1", func(id node.ID) node.Node {
		return database.New(databaseConfig(id), block.NewChain(block.ChainConfig{Manager: manager}))
	})
	c.Serve(second)
	c.run(20*time.Millisecond, nil)
	r := c.play("second", 1001, 0, op(node.OpBegin)).replies
	require.Equal(t, node.Refused, r[0].Status)
	require.Equal(t, node.ReasonAttached, r[0].Reason)

	c.Standby() // the operator's replacement
	c.run(50*time.Millisecond, nil)
	s := c.play("third", 1002, 0, op(node.OpBegin), get("x"), put("x", "2"), op(node.OpCommit))
	require.Equal(t, "1", s.replies[1].Value.Bytes)
	require.Equal(t, node.OK, s.replies[3].Status)
	c.Active = first
	c.play("fourth", 1003, 0, op(node.OpBegin), put("x", "3"), op(node.OpCommit))
	c.run(100*time.Millisecond, nil)
	s = c.play("fifth", 1004, 0, op(node.OpBegin))
	require.Equal(t, node.ReasonAttached, s.replies[0].Reason)
	require.NoError(t, c.Err)
}

// Of the two instances of a mirrored database one goes on, whichever it is that the other one does not hear from.
func TestTheStandbyTakesOver(t *testing.T) {
	for step := range uint64(60) {
		c, err := newCluster(designNamed(t, "rds"), step)
		require.NoError(t, err)
		clients := c.actors(1, 3)
		for _, cl := range clients {
			cl.more(60, 2)
		}
		c.run(time.Second, func() bool { return c.world.Events() >= 100+7*step })
		primary := c.Instances[0]
		what := fmt.Sprintf("step %d", step)
		require.NoError(t, c.world.Stop(primary), what)
		c.run(300*time.Millisecond, nil)
		require.NoError(t, c.Err, what)
		standby := c.world.Node(c.Instances[1]).(*mirrored.Instance)
		require.Equal(t, "open", standby.Phase(), what)
		// The old primary comes back: too late.
		require.NoError(t, c.world.Start(primary), what)
		c.run(50*time.Millisecond, nil)
		require.True(t, c.run(20*time.Second, allFinished(clients)), what)
		require.Equal(t, "deposed", c.world.Node(primary).(*mirrored.Instance).Phase(), what)
		// And the new one is what it is after a restart, too.
		require.NoError(t, c.world.Crash(c.Instances[1]), what)
		c.run(5*time.Millisecond, nil)
		require.NoError(t, c.world.Start(c.Instances[1]), what)
		found := c.audit(clients)
		require.Zero(t, found.unread, what)
		require.Zero(t, found.lost, what)
		require.Zero(t, found.torn, what)
		require.NoError(t, c.Err, what)
		c.world.Close()
	}
}

// When host and disk are gone, the database begins with the latest copy of the disk: the transactions up to one of them,
// all of them and no other, with everything that was acknowledged before the copy was begun and nothing after it.
func TestARestoreIsTheExactPrefix(t *testing.T) {
	const rows, transactions = 7, 300
	cuts := map[int]bool{}
	for seed := range uint64(12) {
		c, err := newCluster(designNamed(t, "snapshot"), seed)
		require.NoError(t, err)
		c.run(20*time.Millisecond, nil)
		var calls []node.Request
		for i := 1; i <= transactions; i++ {
			calls = append(calls, op(node.OpBegin), put("r"+strconv.Itoa(i%rows), strconv.Itoa(i), "last", strconv.Itoa(i)), op(node.OpCommit))
		}
		instance := c.world.Node(c.Active).(*snapshot.Instance)
		s := c.play("writer", 1000, 400+40*seed, calls...)
		// acked is known when a copy is complete that was begun later.
		acked, taken := len(s.replies)/3, instance.Taken()
		c.run(time.Second, func() bool { return instance.Taken() >= taken+2 || len(s.replies) == len(calls) })
		complete := instance.Taken() >= taken+2
		done := len(s.replies) / 3
		require.NoError(t, c.world.Stop(c.Active))
		c.Standby()
		c.run(200*time.Millisecond, nil)
		look := []node.Request{op(node.OpBegin), get("last")}
		for r := range rows {
			look = append(look, get("r"+strconv.Itoa(r)))
		}
		found := c.play("look", 1001, 0, append(look, op(node.OpCommit))...)
		require.Len(t, found.replies, len(look)+1)
		last, _ := strconv.Atoi(found.replies[1].Value.Bytes)
		for r := range rows {
			want := last - (last-r%rows+rows)%rows // the latest transaction up to last that wrote the row
			got, _ := strconv.Atoi(found.replies[2+r].Value.Bytes)
			require.Equal(t, max(want, 0), got, "seed %d: row %d of the first %d transactions", seed, r, last)
		}
		require.LessOrEqual(t, last, done)
		if complete {
			require.GreaterOrEqual(t, last, acked, "seed %d", seed)
			cuts[last] = true
		}
		require.NoError(t, c.Err)
		c.world.Close()
	}
	require.Greater(t, len(cuts), 5)
}
