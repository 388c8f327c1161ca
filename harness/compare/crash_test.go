package compare

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

func designNamed(t *testing.T, name string) *Design {
	t.Helper()
	for _, d := range Designs(DefaultRegister()) {
		if d.Name == name {
			return &d
		}
	}
	t.Fatalf("no design %q", name)
	return nil
}

// script is a client that makes one call after the other and keeps the replies.
type script struct {
	to      node.ID
	calls   []node.Request
	replies []node.Reply
	txn     node.Txn
}

func (s *script) Start(_ node.Time, out *runtime.Calls) { s.next(out) }

func (s *script) next(out *runtime.Calls) {
	if i := len(s.replies); i < len(s.calls) {
		r := s.calls[i]
		r.ID, r.Txn = uint64(i)+1, s.txn
		if r.Op == node.OpBegin {
			r.Txn = 0
		}
		out.Request(s.to, r)
	}
}

func (s *script) Reply(_ node.Time, _ node.ID, r node.Reply, out *runtime.Calls) {
	s.replies = append(s.replies, r)
	if r.Op == node.OpBegin {
		s.txn = r.Txn
	}
	s.next(out)
}

func (s *script) Timer(node.Time, node.Timer, *runtime.Calls) {}

func put(rows ...string) node.Request {
	r := node.Request{Op: node.OpPut}
	for i := 0; i < len(rows); i += 2 {
		r.Rows = append(r.Rows, node.Row{Key: rows[i], Value: node.Some(rows[i+1])})
	}
	return r
}

func get(key string) node.Request {
	return node.Request{Op: node.OpGet, Rows: []node.Row{{Key: key}}}
}

func op(o node.Op) node.Request { return node.Request{Op: o} }

// play runs a script against the newest instance until it is over, or until the world has seen so many events.
func (c *cluster) play(name string, id node.ID, events uint64, calls ...node.Request) *script {
	s := &script{to: c.Active, calls: calls}
	if err := c.world.AddClient(runtime.Client{ID: id, Name: name, Actor: s}); err != nil {
		c.Err = err
		return s
	}
	c.run(10*time.Second, func() bool {
		return len(s.replies) == len(calls) || events > 0 && c.world.Events() >= events
	})
	return s
}

// The lecture's transaction: 10 from Y to X, which hold 750 and 500. The database crashes after every single event of it:
// what is there afterwards is the state before it or the one after it, and the one after it when it was acknowledged.
func TestTheTransferIsWholeWhereverTheDatabaseCrashes(t *testing.T) {
	for _, name := range []string{"local", "snapshot", "ebs", "rds"} {
		d := designNamed(t, name)
		before, after, told := 0, 0, 0
		open := []node.Request{op(node.OpBegin), put("X", "500", "Y", "750"), op(node.OpCommit)}
		transfer := []node.Request{op(node.OpBegin), get("X"), get("Y"), put("X", "510"), put("Y", "740"), op(node.OpCommit)}
		for step := uint64(1); ; step++ {
			c, err := newCluster(d, step)
			require.NoError(t, err)
			c.run(time.Second, func() bool { return c.world.Now() > node.Time(20*time.Millisecond) })
			s := c.play("setup", 1000, 0, open...)
			require.Len(t, s.replies, 3, name)
			start := c.world.Events()
			s = c.play("transfer", 1001, start+step, transfer...)
			acked := len(s.replies) == len(transfer)
			if acked {
				for _, r := range s.replies {
					require.Equal(t, node.OK, r.Status, "%s, step %d: %+v", name, step, r)
				}
			}
			instance := c.Active
			require.NoError(t, c.world.Crash(instance))
			c.run(10*time.Millisecond, nil)
			require.NoError(t, c.world.Start(instance))
			c.run(100*time.Millisecond, nil)
			look := c.play("look", 1002, 0, op(node.OpBegin), get("X"), get("Y"), op(node.OpCommit))
			require.Len(t, look.replies, 4, "%s, step %d", name, step)
			require.NoError(t, c.Err)
			found := look.replies[1].Value.Bytes + " " + look.replies[2].Value.Bytes
			switch found {
			case "500 750":
				require.False(t, acked, "%s, step %d: acknowledged and gone", name, step)
				before++
			case "510 740":
				after++
			default:
				t.Fatalf("%s, step %d: X and Y hold %s", name, step, found)
			}
			c.world.Close()
			if acked {
				if told++; told == 20 { // and while the pages are written back
					break
				}
			}
		}
		require.NotZero(t, before, name)
		require.NotZero(t, after, name)
	}
}

// Whichever process crashes, after whichever event of a busy run: nothing acknowledged is lost, no transaction is there by
// half, and the rest goes on.
func TestACrashAtEveryStep(t *testing.T) {
	torn, lost := uint64(0), uint64(0)
	stride := uint64(1)
	if testing.Short() {
		stride = 3 // at every step under the race detector it would take longer than all else together
	}
	for _, name := range []string{"local", "snapshot", "ebs", "rds", "quorum"} {
		d := designNamed(t, name)
		lostPieces := uint64(0)
		victims := func(c *cluster) []node.ID {
			var ids []node.ID
			for id := node.ID(1); id < c.Next; id++ {
				ids = append(ids, id)
			}
			return ids
		}
		c, err := newCluster(d, 1)
		require.NoError(t, err)
		n := len(victims(c))
		c.world.Close()
		for step := uint64(4); step < 400; step += stride {
			c, err := newCluster(d, step)
			require.NoError(t, err)
			clients := c.actors(1, 3)
			for _, cl := range clients {
				cl.more(6, 2)
			}
			c.run(time.Second, func() bool { return c.world.Events() >= step })
			victim := victims(c)[step%uint64(n)]
			what := fmt.Sprintf("%s, step %d, %s", name, step, c.world.Name(victim))
			require.NoError(t, c.world.Crash(victim), what)
			c.run(5*time.Millisecond, nil)
			require.NoError(t, c.world.Start(victim), what)
			require.True(t, c.run(20*time.Second, allFinished(clients)), what)
			// Once more, so that what recovery has made is recovered from.
			require.NoError(t, c.world.Crash(c.Active), what)
			c.run(5*time.Millisecond, nil)
			require.NoError(t, c.world.Start(c.Active), what)
			found := c.audit(clients)
			require.Zero(t, found.unread, what)
			require.Zero(t, found.lost, what)
			require.Zero(t, found.torn, what)
			require.NoError(t, c.Err, what)
			lostPieces += c.world.Counts().LostPieces
			torn += c.world.Counts().TornWrites
			c.world.Close()
		}
		require.True(t, lostPieces > 0 || stride > 1, name)
		lost += lostPieces
		require.Equal(t, validated[name], d.traced > 1000, "%s: %d steps", name, d.traced)
	}
	require.NotZero(t, torn)
	require.NotZero(t, lost)
}
