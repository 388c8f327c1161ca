package older

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	model "github.com/firstgap/firstgap/harness/conform/older"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

const ms = faults.Duration(time.Millisecond)

// front answers as a test has it.
type front func(r node.Request) *node.Reply

func (f front) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind != node.Requested {
		return
	}
	if r := f(ev.Request); r != nil {
		r.ID, r.Op = ev.Request.ID, ev.Request.Op
		out.Respond(ev.From, *r)
	}
}

// seen runs one client of writes against a front.
func seen(t *testing.T, writes int, f front) *judge.Evidence {
	w, err := sim.New(sim.Options{Seed: 1, Network: sim.Network{Latency: ms}, Limits: sim.Limits{Events: 10_000, Time: faults.Duration(time.Minute), Bytes: 1 << 20}})
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, w.Add(runtime.Process{ID: 1, Name: "front 1", New: func(node.Hook) node.Node { return f }}))
	require.NoError(t, w.Start(1))
	x := &rows{r: w, seed: 1, fronts: []node.ID{1}, w: Calls{Clients: 1, Each: 5, Keys: 2, Writes: writes, Think: ms, Timeout: 10 * ms}}
	require.NoError(t, x.begin())
	w.RunUntil(node.Time(time.Second), x.Idle)
	require.True(t, x.Idle())
	e := &judge.Evidence{}
	x.evidence(e)
	return e
}

// What a client records of a call is what it was told: done, never happened, or unknown.
func TestACallIsRecordedAsItWasAnswered(t *testing.T) {
	ok := func(node.Request) *node.Reply { return &node.Reply{Status: node.OK, Txn: 7} }
	refuse := func(op node.Op, why node.Reason) front {
		return func(r node.Request) *node.Reply {
			if r.Op == op {
				return &node.Reply{Status: node.Refused, Reason: why}
			}
			return ok(r)
		}
	}
	e := seen(t, 10, ok)
	require.Len(t, e.Operations, 5)
	for _, c := range e.Operations {
		require.Equal(t, linearizability.Put, c.Kind)
		require.False(t, c.Unknown)
		require.Greater(t, c.End, c.Begin)
	}
	require.EqualValues(t, 5, e.Counts.Operations)

	e = seen(t, 0, func(r node.Request) *node.Reply {
		return &node.Reply{Status: node.OK, Txn: 7, Value: node.Some("v")}
	})
	require.Len(t, e.Operations, 5)
	require.Equal(t, linearizability.Get, e.Operations[0].Kind)
	require.Equal(t, "v", e.Operations[0].Value)
	require.True(t, e.Operations[0].Found)

	e = seen(t, 10, refuse(node.OpCommit, node.ReasonUnknownTxn))
	require.Empty(t, e.Operations, "a commit that is refused has not happened")
	require.EqualValues(t, 5, e.Counts.Declined)
	require.Empty(t, e.Replies)

	e = seen(t, 10, func(r node.Request) *node.Reply {
		if r.Op == node.OpCommit {
			return nil
		}
		return ok(r)
	})
	require.Len(t, e.Operations, 5, "a commit that is not answered may have happened")
	require.True(t, e.Operations[4].Unknown)
	require.EqualValues(t, 5, e.Counts.Doubtful)

	e = seen(t, 10, refuse(node.OpPut, node.ReasonFull))
	require.Empty(t, e.Operations)
	require.Len(t, e.Replies, 5)
	require.ErrorContains(t, e.Replies[0], `client 1, put of row "row`)
	require.ErrorContains(t, e.Replies[0], "expected ok, or refused: ")
	require.ErrorContains(t, e.Replies[0], "found refused: volume full")
}

// acknowledged is a disk of servers 1 and 2 that holds an acknowledged write of instance 7.
func acknowledged(t *testing.T) model.All {
	disks, err := model.NewMirror([]model.Disk{{Manager: 3, Servers: []node.ID{1, 2}}}, nil)
	require.NoError(t, err)
	view, write := node.View{Epoch: 1, Holder: 7, Members: []node.ID{1, 2}}, node.WriteID{By: 7, Start: 1, Count: 1}
	for _, x := range []struct {
		from node.ID
		does node.Action
		step node.DiskStep
	}{
		{3, node.ActDiskView, node.DiskStep{View: view, Start: 1}}, {1, node.ActDiskOpen, node.DiskStep{View: view}}, {2, node.ActDiskOpen, node.DiskStep{View: view}},
		{7, node.ActDiskRead, node.DiskStep{Start: 1}}, {7, node.ActDiskIssue, node.DiskStep{Write: write, What: &node.DiskWrite{Writes: true, Log: []byte("one")}}},
		{1, node.ActDiskStore, node.DiskStep{Write: write}}, {2, node.ActDiskStore, node.DiskStep{Write: write}}, {7, node.ActDiskAck, node.DiskStep{Write: write}},
	} {
		require.NoError(t, disks.Tell(0, x.from, &node.Trace{Action: x.does, Detail: &x.step}))
	}
	return model.All{disks}
}

// A model ends only where the plan has taken the last copy, and its server says so.
func TestAModelEndsWithTheLastCopy(t *testing.T) {
	w, err := sim.New(sim.Options{Seed: 1, Limits: sim.Limits{Events: 10_000, Time: faults.Duration(time.Minute), Bytes: 1 << 20}})
	require.NoError(t, err)
	defer w.Close()
	for i, name := range []string{"server 1", "server 2"} {
		require.NoError(t, w.Add(runtime.Process{ID: node.ID(i + 1), Name: name, New: func(node.Hook) node.Node { return front(nil) }}))
	}
	blank := &node.Trace{Action: node.ActDiskBlank}
	plan := &faults.Plan{BeyondBudget: true, Faults: []faults.Fault{{Kind: faults.DiskLost, Nodes: []string{"server 1"}}}}
	m := modelOf(acknowledged(t), w, plan)
	require.NoError(t, m.Tell(0, 1, blank))
	require.ErrorContains(t, m.Tell(0, 2, blank), "Durable", "which the plan has not taken")
	require.Error(t, m.Finish())

	plan.Faults[0].Nodes = []string{"server 1", "server 2"}
	m = modelOf(acknowledged(t), w, plan)
	require.NoError(t, m.Tell(0, 1, blank))
	require.NoError(t, m.Tell(0, 2, blank))
	require.NoError(t, m.Tell(0, 2, &node.Trace{Action: node.ActDiskAck}), "nothing is followed any more")
	require.NoError(t, m.Finish())

	plan.BeyondBudget = false
	within := acknowledged(t)
	require.Equal(t, any(within), any(modelOf(within, w, plan)), "a plan within the budget takes no last copy")
}
