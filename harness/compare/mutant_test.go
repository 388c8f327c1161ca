package compare

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/harness/older"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/baseline/mirrored"
	"github.com/firstgap/firstgap/impl/node"
)

// servers puts mutants in the place of the servers of all disks.
func servers(wrong func() older.Mutant) func(string, node.Node) node.Node {
	return func(_ string, n node.Node) node.Node {
		if s, is := n.(*block.Server); is {
			return wrong().Of(s)
		}
		return n
	}
}

// forgetsBlocks has a server find none of its blocks when it starts.
func forgetsBlocks() older.Mutant {
	return older.Mutant{Before: func(ev *node.Event) {
		var files []node.File
		for _, f := range ev.Files {
			if !strings.HasPrefix(f.Name, "block-") {
				files = append(files, f)
			}
		}
		ev.Files = files
	}}
}

// answersForTheMirror has the standby answer for its disk before that has the write.
func answersForTheMirror(_ string, n node.Node) node.Node {
	if _, is := n.(*mirrored.Instance); !is {
		return n
	}
	return older.StandbyAtOnce().Of(n)
}

// forgetsItsPeer has the manager of the pair give the standby the disk though the primary goes on alone.
func forgetsItsPeer(name string, n node.Node) node.Node {
	if name != "pair" {
		return n
	}
	promoted := node.ID(0)
	return older.Mutant{
		Before: func(ev *node.Event) {
			if a, is := ev.Message.(*node.AttachDisk); is && ev.Kind == node.Received && a.Force {
				promoted = ev.From
			}
		},
		After: func(_ node.Time, _ node.Event, out *node.Effects) {
			for i := range out.List {
				if r, is := out.List[i].Message.(*node.AttachRefused); is && out.List[i].To == promoted {
					v := node.View{Epoch: 1 << 20, Holder: promoted, Members: []node.ID{promoted}}
					out.List[i].Message = &node.DiskAttached{Token: r.Token, View: v}
					out.Tell(node.Trace{Action: node.ActDiskView, Detail: &node.DiskStep{View: v, Start: uint32(r.Token >> 32)}})
				}
			}
		}}.Of(n)
}

// Each wrong process, and the action of the model by whose name its run is refused.
func TestMutantsAreCaughtByTheModel(t *testing.T) {
	for name, c := range map[string]struct {
		design string
		mutate func(string, node.Node) node.Node
		crash  string // a process that starts again in the middle
		cut    bool   // the instances lose each other
		rules  []string
	}{
		"answers at the head, one disk":       {"ebs", servers(older.AnswersAtHead), "", false, []string{"Serve", "Ack"}},
		"answers at the head, two disks":      {"rds", servers(older.AnswersAtHead), "", false, []string{"Serve", "Ack", "Store"}},
		"forgets the log":                     {"ebs", servers(older.ForgetsLog), "server 2", false, []string{"a restarted server holds what it stored"}},
		"forgets its blocks":                  {"rds", servers(forgetsBlocks), "server 3", false, []string{"a restarted server holds what it stored"}},
		"the standby answers at once":         {"rds", answersForTheMirror, "", false, []string{"Serve", "Ack"}},
		"both go on alone, and so diverge":    {"rds", forgetsItsPeer, "", true, []string{"Attach"}},
		"none: a server starts again":         {"ebs", nil, "server 2", false, nil},
		"none: the instances lose each other": {"rds", nil, "", true, nil},
	} {
		d := designNamed(t, c.design)
		d.mutate = c.mutate
		world, err := newCluster(d, 7)
		require.NoError(t, err)
		clients := world.actors(1, 4)
		for _, cl := range clients {
			cl.more(1<<20, 2)
		}
		world.run(100*time.Millisecond, nil)
		if c.crash != "" {
			id, found := world.world.Named(c.crash)
			require.True(t, found, name)
			require.NoError(t, world.world.Crash(id), name)
			world.run(5*time.Millisecond, nil)
			require.NoError(t, world.world.Start(id), name)
		}
		if c.cut {
			require.NoError(t, world.world.Install(apart("standby", "primary", world.world.Now()), runtime.Succession{}), name)
		}
		world.run(500*time.Millisecond, nil)
		if c.rules == nil {
			require.NoError(t, world.Err, name)
		} else {
			var x *conform.Violation
			require.ErrorAs(t, world.Err, &x, name)
			require.Contains(t, c.rules, x.Rule, "%s: %v", name, x)
		}
		world.world.Close()
	}
}

// apart keeps two processes from hearing each other for a while.
func apart(one, other string, now node.Time) faults.Plan {
	at := faults.Duration(now)
	return faults.Plan{Horizon: at + 300*ms, Faults: []faults.Fault{{Kind: faults.Partition, At: at, For: 300 * ms, Nodes: []string{one}, To: []string{other}}}}
}

// A primary that starts again while a write of its log is on its own disk alone has that on the mirror, too, before it writes
// behind it: servers that are sent a write behind a hole can use nothing of what they have, and the mirror was worth nothing
// after such a crash. That showed only when the zone of the primary was lost as well.
func TestAPrimaryThatStartsAgainLeavesNoHole(t *testing.T) {
	for step := range uint64(80) {
		c, err := newCluster(designNamed(t, "rds"), step)
		require.NoError(t, err)
		clients := c.actors(1, 3)
		for _, cl := range clients {
			cl.more(20, 2)
		}
		c.run(time.Second, func() bool { return c.world.Events() >= 100+7*step })
		require.NoError(t, c.world.Crash(c.Instances[0]))
		c.run(5*time.Millisecond, nil)
		require.NoError(t, c.world.Start(c.Instances[0]))
		c.run(300*time.Millisecond, nil)
		require.True(t, c.run(20*time.Second, allFinished(clients)))
		for _, id := range c.Storage {
			require.False(t, c.world.Node(id).(*block.Server).Blank(), "step %d: %s", step, c.world.Name(id))
		}
		c.stopZone(c.Homes[0])
		c.run(600*time.Millisecond, nil)
		require.Equal(t, "open", c.world.Node(c.Instances[1]).(*mirrored.Instance).Phase(), "step %d", step)
		found := c.audit(clients)
		require.Zero(t, found.lost+found.torn+found.unread, "step %d", step)
		require.NoError(t, c.Err)
		c.world.Close()
	}
}

// A server whose disk is lost, at any moment of a busy run: the model follows it out of its chain, and nothing is lost.
func TestALostDiskIsFollowed(t *testing.T) {
	for _, name := range []string{"ebs", "rds"} {
		d := designNamed(t, name)
		wiped := ""
		d.mutate = func(process string, n node.Node) node.Node {
			return older.Mutant{Before: func(ev *node.Event) {
				if ev.Kind == node.Started && process == wiped {
					ev.Files = nil
				}
			}}.Of(n)
		}
		dropped := 0
		for seed := range uint64(24) {
			wiped = ""
			c, err := newCluster(d, seed)
			require.NoError(t, err)
			clients := c.actors(1, 3)
			for _, cl := range clients {
				cl.more(40, 2)
			}
			c.run(time.Second, func() bool { return c.world.Events() >= 80+31*seed })
			victim := c.Storage[int(seed)%len(c.Storage)]
			wiped = c.world.Name(victim)
			require.NoError(t, c.world.Crash(victim))
			c.run(time.Duration(1+seed)*time.Millisecond, nil)
			require.NoError(t, c.world.Start(victim))
			require.True(t, c.run(20*time.Second, allFinished(clients)), "%s, seed %d", name, seed)
			found := c.audit(clients)
			require.Zero(t, found.lost+found.torn+found.unread, "%s, seed %d", name, seed)
			require.NoError(t, c.Err, "%s, seed %d", name, seed)
			state, tells := c.world.State(victim)
			require.True(t, tells)
			if state.Damaged {
				dropped++
			}
			c.world.Close()
		}
		require.NotZero(t, dropped, name)
	}
}
