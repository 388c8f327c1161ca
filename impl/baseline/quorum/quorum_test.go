package quorum

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// table is a front (10) and replicas from 1 on, whose messages a test delivers as it likes.
type table struct {
	t        *testing.T
	front    *Front
	replicas []*Replica
	files    []map[string][]byte
	queue    []letter
	replies  []node.Reply
	calls    uint64
}

type letter struct {
	from, to node.ID
	m        node.Message
}

func newTable(t *testing.T, n, w, r int, repair bool) *table {
	b := &table{t: t}
	c := Config{ID: 10, W: w, R: r, Repair: repair, RetryEvery: time.Millisecond, IdleAfter: time.Second, Limits: DefaultLimits()}
	for i := range n {
		b.replicas = append(b.replicas, nil)
		b.files = append(b.files, map[string][]byte{})
		b.boot(i, 1)
		c.Replicas = append(c.Replicas, node.ID(i+1))
	}
	require.NoError(t, c.Validate())
	b.front = NewFront(c)
	b.step(10, node.Event{Kind: node.Started, Incarnation: 1})
	return b
}

func (b *table) boot(i int, incarnation uint32) {
	b.replicas[i] = NewReplica()
	ev := node.Event{Kind: node.Started, Incarnation: incarnation}
	for name, data := range b.files[i] {
		ev.Files = append(ev.Files, node.File{Name: name, Data: slices.Clone(data)})
	}
	b.step(node.ID(i+1), ev)
}

func (b *table) step(id node.ID, ev node.Event) {
	var out node.Effects
	if id == 10 {
		b.front.Step(0, ev, &out)
	} else {
		b.replicas[id-1].Step(0, ev, &out)
	}
	for _, e := range out.List {
		switch e.Kind {
		case node.DoSend:
			b.queue = append(b.queue, letter{id, e.To, e.Message})
		case node.DoAppend:
			b.files[id-1][e.File] = append(b.files[id-1][e.File], e.Data...)
		case node.DoSync, node.DoReplace:
			if e.Kind == node.DoReplace {
				b.files[id-1][e.File] = slices.Clone(e.Data)
			}
			b.step(id, node.Event{Kind: node.DiskDone, Token: e.Token})
		case node.DoRespond:
			b.replies = append(b.replies, *e.Reply)
		}
	}
}

// deliver lets messages between the front and the named replicas arrive until there are none; the others' are lost.
func (b *table) deliver(replicas ...node.ID) {
	for len(b.queue) > 0 {
		l := b.queue[0]
		b.queue = b.queue[1:]
		if slices.Contains(replicas, l.to) || slices.Contains(replicas, l.from) {
			b.step(l.to, node.Event{Kind: node.Received, From: l.from, Message: l.m})
		}
	}
}

// call makes a call that reaches the named replicas, and returns its reply if it has one.
func (b *table) call(r node.Request, replicas ...node.ID) *node.Reply {
	b.calls++
	r.ID = b.calls
	b.replies = nil
	b.step(10, node.Event{Kind: node.Requested, From: 99, Request: r})
	b.deliver(replicas...)
	for i := range b.replies {
		if b.replies[i].ID == r.ID {
			return &b.replies[i]
		}
	}
	return nil
}

func (b *table) begin() node.Txn { return b.call(node.Request{Op: node.OpBegin}).Txn }

func row(key, value string) []node.Row { return []node.Row{{Key: key, Value: node.Some(value)}} }

// put writes a row at the named replicas, and tells whether that was enough.
func (b *table) put(key, value string, replicas ...node.ID) bool {
	t := b.begin()
	require.Equal(b.t, node.OK, b.call(node.Request{Op: node.OpPut, Txn: t, Rows: row(key, value)}).Status)
	r := b.call(node.Request{Op: node.OpCommit, Txn: t}, replicas...)
	return r != nil && r.Status == node.OK
}

func (b *table) get(key string, replicas ...node.ID) string {
	t := b.begin()
	r := b.call(node.Request{Op: node.OpGet, Txn: t, Rows: []node.Row{{Key: key}}}, replicas...)
	require.NotNil(b.t, r)
	require.Equal(b.t, node.OK, b.call(node.Request{Op: node.OpCommit, Txn: t}).Status)
	return r.Value.String()
}

// The lecture's example: 23 at version 3 on S1 and S3, 20 at version 2 on S2. Whichever two are asked, the highest version
// wins, and no vote is taken.
func TestTheHighestVersionWins(t *testing.T) {
	b := newTable(t, 3, 2, 2, false)
	require.True(t, b.put("x", "10", 1, 2, 3))
	require.True(t, b.put("x", "20", 1, 2, 3))
	require.True(t, b.put("x", "23", 1, 3))
	require.Equal(t, register{node.Version{Number: 2, By: b.replicas[1].rows["x"].version.By}, node.Some("20")}, b.replicas[1].rows["x"])
	require.EqualValues(t, 3, b.replicas[0].rows["x"].version.Number)
	for _, two := range [][]node.ID{{1, 2}, {2, 3}, {1, 3}} {
		require.Equal(t, "23", b.get("x", two...))
	}
	require.Equal(t, "none", b.get("never", 1, 2))
	require.False(t, b.put("x", "24", 2), "one is no quorum")
}

// A write that has reached one replica of three: one read sees it and the next one does not, unless the first has given it
// to a write quorum. That is what makes the register linearizable and not only regular.
func TestReadRepair(t *testing.T) {
	for _, repair := range []bool{false, true} {
		b := newTable(t, 3, 2, 2, repair)
		require.True(t, b.put("x", "old", 1, 2, 3))
		txn := b.begin()
		require.Equal(t, node.OK, b.call(node.Request{Op: node.OpPut, Txn: txn, Rows: row("x", "new")}).Status)
		b.calls++
		b.step(10, node.Event{Kind: node.Requested, From: 99, Request: node.Request{ID: b.calls, Op: node.OpCommit, Txn: txn}})
		var tells []letter
		for len(b.queue) > 0 { // the versions come from all, and then only the first replica is told
			l := b.queue[0]
			b.queue = b.queue[1:]
			if _, tell := l.m.(*node.WriteRegister); tell {
				tells = append(tells, l)
				continue
			}
			b.step(l.to, node.Event{Kind: node.Received, From: l.from, Message: l.m})
		}
		require.Len(t, tells, 3)
		b.step(1, node.Event{Kind: node.Received, From: 10, Message: tells[0].m})
		b.queue = nil

		require.Equal(t, "new", b.get("x", 1, 2))
		want := "old"
		if repair {
			want = "new"
		}
		require.Equal(t, want, b.get("x", 2, 3), "repair %t", repair)
	}
}

// W=1 and R=1 of 2 do not overlap, and a read misses what was acknowledged.
func TestQuorumsThatDoNotOverlapForget(t *testing.T) {
	b := newTable(t, 2, 1, 1, false)
	require.True(t, b.put("x", "1", 1))
	require.Equal(t, "none", b.get("x", 2))
}

func TestOneRowATransaction(t *testing.T) {
	b := newTable(t, 3, 2, 2, true)
	txn := b.begin()
	two := append(row("x", "1"), row("y", "1")...)
	for name, c := range map[string]struct {
		r    node.Request
		want node.Reason
	}{
		"two rows":  {node.Request{Op: node.OpPut, Txn: txn, Rows: two}, node.ReasonSingleRow},
		"a scan":    {node.Request{Op: node.OpScan, Txn: txn}, node.ReasonSingleRow},
		"no rows":   {node.Request{Op: node.OpPut, Txn: txn}, node.ReasonMalformed},
		"no key":    {node.Request{Op: node.OpGet, Txn: txn, Rows: row("", "")}, node.ReasonMalformed},
		"a long":    {node.Request{Op: node.OpPut, Txn: txn, Rows: row("k", string(make([]byte, 3000)))}, node.ReasonTooLarge},
		"a stray":   {node.Request{Op: node.OpCommit, Txn: 77}, node.ReasonUnknownTxn},
		"an op":     {node.Request{Op: 99, Txn: txn}, node.ReasonMalformed},
		"with rows": {node.Request{Op: node.OpCommit, Txn: txn, Rows: two}, node.ReasonMalformed},
	} {
		r := b.call(c.r)
		require.NotNil(t, r, name)
		require.Equal(t, node.Refused, r.Status, name)
		require.Equal(t, c.want, r.Reason, name)
	}
	require.Equal(t, node.OK, b.call(node.Request{Op: node.OpPut, Txn: txn, Rows: row("x", "1")}).Status)
	require.Equal(t, node.ReasonSingleRow, b.call(node.Request{Op: node.OpGet, Txn: txn, Rows: row("x", "")}).Reason,
		"a read and a write are two transactions: nothing keeps another write from coming between")
	require.Equal(t, node.OK, b.call(node.Request{Op: node.OpAbort, Txn: txn}).Status)
	require.Equal(t, "none", b.get("x", 1, 2))
}

func TestAReplicaRecovers(t *testing.T) {
	b := newTable(t, 1, 1, 1, false)
	for _, v := range []string{"1", "2", "3"} {
		require.True(t, b.put("x", v, 1))
	}
	intact := slices.Clone(b.files[0][logFile])
	b.boot(0, 2)
	require.Equal(t, "3", b.get("x", 1))

	// Its end may be torn: nothing of that was acknowledged.
	b.files[0][logFile] = intact[:2*sector+20]
	b.boot(0, 3)
	require.Equal(t, "2", b.get("x", 1))
	require.True(t, b.put("x", "4", 1))
	b.boot(0, 4)
	require.Equal(t, "4", b.get("x", 1))

	// Damage in front of something intact, or no log at all, is no end: such a replica says nothing any more.
	b.files[0][logFile] = slices.Clone(intact)
	b.files[0][logFile][sector+20] ^= 1
	b.boot(0, 5)
	require.True(t, b.replicas[0].Damaged())
	require.False(t, b.put("x", "5", 1))
	b.files[0] = map[string][]byte{}
	b.boot(0, 6)
	require.True(t, b.replicas[0].Damaged())
}

// The log is replaced by the rows as they are when it is long, also while it is being read from.
func TestTheLogIsKeptShort(t *testing.T) {
	b := newTable(t, 1, 1, 1, false)
	for i := range 3 * maxLog / sector / 2 {
		require.True(t, b.put(string(rune('a'+i%5)), string(rune('A'+i%26)), 1))
	}
	require.Less(t, len(b.files[0][logFile]), maxLog+2*sector)
	before := map[string]register{}
	for k, v := range b.replicas[0].rows {
		before[k] = v
	}
	b.boot(0, 2)
	require.Equal(t, before, b.replicas[0].rows)
}

func TestConfigurationsThatMakeNoSense(t *testing.T) {
	for _, c := range []Config{
		{W: 1, R: 1}, {Replicas: []node.ID{1}, W: 0, R: 1}, {Replicas: []node.ID{1}, W: 2, R: 1},
		{Replicas: []node.ID{1, 2}, W: 1, R: 3}, {Replicas: []node.ID{1, 2}, W: 1, R: 0}, {Replicas: make([]node.ID, 65), W: 1, R: 1},
	} {
		var bad *ConfigError
		require.ErrorAs(t, c.Validate(), &bad)
		require.Contains(t, bad.Error(), "expected "+bad.Field)
	}
}

// A crash may tear off some of the padding of a last write whose rows are all there. The next write once began where the torn
// one ended, in the middle of a sector, and the next start took everything from there on for what a crash had left over: the
// replica had forgotten what it had acknowledged, and did not know it.
func TestATornPaddingIsMended(t *testing.T) {
	for torn := range 40 {
		b := newTable(t, 1, 1, 1, false)
		require.True(t, b.put("x", "1", 1))
		log := b.files[0][logFile]
		b.files[0][logFile] = log[:len(log)-torn]
		b.boot(0, 2)
		require.True(t, b.put("x", "2", 1))
		require.True(t, b.put("y", "3", 1))
		before := map[string]register{}
		for k, v := range b.replicas[0].rows {
			before[k] = v
		}
		b.boot(0, 3)
		require.False(t, b.replicas[0].Damaged())
		require.Equal(t, before, b.replicas[0].rows, "%d bytes torn off", torn)
	}
}

// A replica that begins on a formatted disk may crash at any moment: only one that had begun before, and finds nothing, has
// lost its disk.
func TestAFormattedReplicaMayCrashBeforeItHasBegun(t *testing.T) {
	r := NewReplica()
	var out node.Effects
	r.Step(0, node.Event{Kind: node.Started, Incarnation: 2, Files: Formatted()}, &out)
	require.False(t, r.Damaged())
	r = NewReplica()
	r.Step(0, node.Event{Kind: node.Started, Incarnation: 2}, &out)
	require.True(t, r.Damaged())
}
