package database

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/node"
)

// remote is a database (1) on a disk behind the network: a manager (2) and one server (3), whose own disks are done at once.
// Messages arrive in the order of their sending, but for answers to reads while they are held.
type remote struct {
	t        *testing.T
	nodes    map[node.ID]node.Node
	now      node.Time
	calls    uint64
	sent     []sent
	held     []sent // answers to reads
	holds    bool
	asked    int // reads of blocks that reached the server
	answered *node.Reply
}

type sent struct {
	from, to node.ID
	m        node.Message
}

func newRemote(t *testing.T, c Config) *remote {
	r := &remote{t: t, nodes: map[node.ID]node.Node{
		1: New(c, block.NewChain(block.ChainConfig{Manager: 2})),
		2: block.NewManager(block.ManagerConfig{Members: []node.ID{3}}),
		3: block.NewServer(3),
	}}
	for _, id := range []node.ID{3, 2, 1} {
		r.step(id, node.Event{Kind: node.Started, Incarnation: 1})
	}
	r.deliver()
	require.Equal(t, "open", r.nodes[1].(*Database).Phase())
	return r
}

func (r *remote) step(id node.ID, ev node.Event) {
	var out node.Effects
	r.nodes[id].Step(r.now, ev, &out)
	var done []node.Token
	for _, e := range out.List {
		switch e.Kind {
		case node.DoSend:
			r.sent = append(r.sent, sent{id, e.To, e.Message})
		case node.DoSync, node.DoReplace:
			done = append(done, e.Token)
		case node.DoRespond:
			r.answered = e.Reply
		}
	}
	for _, token := range done {
		r.step(id, node.Event{Kind: node.DiskDone, Token: token})
	}
}

// deliver brings what is on its way.
func (r *remote) deliver() {
	for len(r.sent) > 0 {
		s := r.sent[0]
		r.sent = r.sent[1:]
		switch s.m.(type) {
		case *node.ReadBlock:
			r.asked++
		case *node.BlockData:
			if r.holds {
				r.held = append(r.held, s)
				continue
			}
		}
		r.step(s.to, node.Event{Kind: node.Received, From: s.from, Message: s.m})
	}
}

// answer brings the first answer to a read that is held.
func (r *remote) answer() {
	s := r.held[0]
	r.held = r.held[1:]
	r.step(s.to, node.Event{Kind: node.Received, From: s.from, Message: s.m})
	r.deliver()
}

func (r *remote) tick(d time.Duration) {
	r.now = r.now.Add(d)
	r.step(1, node.Event{Kind: node.Fired, Timer: tick})
	r.deliver()
}

// ask makes a call and returns its reply, or nil while it waits.
func (r *remote) ask(q node.Request) *node.Reply {
	r.calls++
	q.ID, r.answered = r.calls, nil
	r.step(1, node.Event{Kind: node.Requested, From: 7, Request: q})
	r.deliver()
	return r.answered
}

// A page's block is asked for twice, because its answer takes longer than a tick. The first answer brings the page, a transaction
// changes it, it is written back, and another page takes its room. Then it is wanted again, and the second answer arrives, which
// shows the page as it was before: taken for the answer to the new question, it hid a commit.
func TestALateAnswerHidesNoCommit(t *testing.T) {
	c := DefaultConfig(1)
	c.Pages, c.PageSize, c.CachePages = 2, 8192, 1
	for _, again := range []bool{false, true} { // a late answer that comes twice is late twice
		r := newRemote(t, c)
		d := r.nodes[1].(*Database)
		x, y := "x", "y"
		for d.locate(x) == d.locate(y) {
			y += "y"
		}
		txn := r.ask(node.Request{Op: node.OpBegin}).Txn
		r.holds = true
		require.Nil(t, r.ask(write(txn, x, "1")))
		r.tick(time.Millisecond)
		require.Len(t, r.held, 2, "two questions, two answers")
		r.answer()
		require.Equal(t, node.OK, r.answered.Status)
		late := r.held
		if again {
			late = append(late, late...)
		}
		r.holds, r.held = false, nil
		require.Equal(t, node.OK, r.ask(call(txn, node.OpCommit)).Status)
		r.tick(time.Second)
		txn = r.ask(node.Request{Op: node.OpBegin}).Txn
		require.Equal(t, node.OK, r.ask(read(txn, y)).Status)
		require.Nil(t, d.pages.Find(d.locate(x)), "the page has left the pool")

		r.holds, r.asked = true, 0
		require.Nil(t, r.ask(read(txn, x)))
		r.held = append(late, r.held...)
		for range late {
			r.answer()
			require.Nil(t, r.answered, "the transaction waits on, instead of reading what was before the commit")
		}
		r.answer()
		require.Equal(t, node.Some("1"), r.answered.Value)
		require.Equal(t, 1+len(late), r.asked, "one question, and one more for each late answer")
	}
}
