package block

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// bench lets messages travel between a holder (1), a manager (2) and two servers (3 and 4), one after the other.
type bench struct {
	t       *testing.T
	nodes   map[node.ID]node.Node
	files   map[node.ID]map[string][]byte
	holders map[node.ID]*Chain
	down    []node.ID
	sent    []string
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, nodes: map[node.ID]node.Node{}, files: map[node.ID]map[string][]byte{}, holders: map[node.ID]*Chain{}}
	b.start(2, 1)
	b.start(3, 1)
	b.start(4, 1)
	return b
}

func (b *bench) start(id node.ID, incarnation uint32) {
	if id == 2 {
		b.nodes[id] = NewManager(ManagerConfig{Members: []node.ID{3, 4}})
	} else {
		b.nodes[id] = NewServer(id)
	}
	ev := node.Event{Kind: node.Started, Incarnation: incarnation}
	for name, data := range b.files[id] {
		ev.Files = append(ev.Files, node.File{Name: name, Data: slices.Clone(data)})
	}
	b.step(id, ev)
}

func (b *bench) step(id node.ID, ev node.Event) {
	var out node.Effects
	b.nodes[id].Step(0, ev, &out)
	b.perform(id, &out)
}

func (b *bench) perform(id node.ID, out *node.Effects) {
	if b.files[id] == nil {
		b.files[id] = map[string][]byte{}
	}
	for _, e := range out.List {
		switch e.Kind {
		case node.DoAppend:
			b.files[id][e.File] = append(b.files[id][e.File], e.Data...)
		case node.DoSync:
			b.step(id, node.Event{Kind: node.DiskDone, Token: e.Token})
		case node.DoReplace:
			b.files[id][e.File] = slices.Clone(e.Data)
			b.step(id, node.Event{Kind: node.DiskDone, Token: e.Token})
		case node.DoSend:
			b.sent = append(b.sent, e.Message.Type())
			if slices.Contains(b.down, e.To) {
				continue
			}
			ev := node.Event{Kind: node.Received, From: id, Message: e.Message}
			if c := b.holders[e.To]; c != nil {
				var o node.Effects
				c.Step(ev, &o)
				b.perform(e.To, &o)
			} else {
				b.step(e.To, ev)
			}
		}
	}
}

func (b *bench) attach(id node.ID, force bool) *Chain {
	c := NewChain(ChainConfig{Manager: 2, Force: force})
	b.holders[id] = c
	var out node.Effects
	c.Start(node.Event{Kind: node.Started, Incarnation: 1}, &out)
	b.perform(id, &out)
	return c
}

func (b *bench) write(id node.ID, w node.DiskWrite) {
	var out node.Effects
	b.holders[id].Write(LogLane, w, &out)
	b.perform(id, &out)
}

func (b *bench) tick(id node.ID, n int) {
	for range n {
		var out node.Effects
		b.holders[id].Tick(&out)
		b.perform(id, &out)
	}
}

func (b *bench) log(id node.ID) []byte { return b.files[id]["log"][logHeader:] }

func entry(at uint64, text string) node.DiskWrite {
	return node.DiskWrite{Writes: true, LogAt: at, Log: []byte(text)}
}

// One instance at a time has the disk. A second one is refused; one that is to replace the first gets it, and what the
// first one writes from then on reaches no server.
func TestASecondAttachIsRefused(t *testing.T) {
	b := newBench(t)
	first := b.attach(10, false)
	require.Equal(t, Ready, first.Status())
	b.write(10, entry(0, "one"))
	require.False(t, first.Busy(LogLane))
	require.Equal(t, "one", string(b.log(3)))
	require.Equal(t, "one", string(b.log(4)))

	require.Equal(t, Refused, b.attach(11, false).Status())
	require.Equal(t, Ready, first.Status())

	third := b.attach(12, true)
	require.Equal(t, Ready, third.Status())
	b.write(10, entry(3, "two"))
	require.True(t, first.Busy(LogLane))
	b.tick(10, patience+1)
	require.Equal(t, Refused, first.Status())
	require.Equal(t, "one", string(b.log(3)))
}

func TestTheLastServerAnswers(t *testing.T) {
	b := newBench(t)
	c := b.attach(10, false)
	b.down = []node.ID{4}
	b.write(10, entry(0, "one"))
	require.True(t, c.Busy(LogLane), "the first server alone acknowledges nothing")
	require.Equal(t, "one", string(b.log(3)))
	b.tick(10, 3*patience)
	require.False(t, c.Busy(LogLane), "the manager has taken the other one out")
	require.Equal(t, []node.ID{3}, c.View().Members)

	// It comes back with what it had, and has no part in anything.
	b.down = nil
	b.start(4, 2)
	b.write(10, entry(3, "two"))
	require.Empty(t, b.log(4))
	require.Equal(t, "onetwo", string(b.log(3)))
}

// A server that lost its disk says so. Were it taken for a new one, a pair whose other half fails next would forget all.
func TestABlankServerIsLeftOut(t *testing.T) {
	b := newBench(t)
	c := b.attach(10, false)
	b.write(10, entry(0, "one"))
	b.files[3] = nil
	b.start(3, 2)
	b.write(10, entry(3, "two"))
	b.tick(10, 2*patience)
	require.False(t, c.Busy(LogLane))
	require.Equal(t, []node.ID{4}, c.View().Members)
	require.Equal(t, "onetwo", string(b.log(4)))
	require.True(t, b.nodes[3].(*Server).Blank())

	b.files[4] = nil
	b.start(4, 2)
	b.write(10, entry(6, "three"))
	b.tick(10, 2*patience)
	require.Equal(t, Broken, c.Status(), "the last copy is gone")
}

// A write that was overtaken by its successors, and arrives again after the server has started anew, changes nothing.
func TestAnOldWriteIsRefusedAfterARestart(t *testing.T) {
	b := newBench(t)
	b.attach(10, false)
	b.write(10, entry(0, "one"))
	b.write(10, entry(3, "two"))
	b.start(3, 2)
	late := &node.WriteDisk{Epoch: 1, Lane: LogLane, Seq: 1, Write: entry(0, "one")}
	b.step(3, node.Event{Kind: node.Received, From: 10, Message: late})
	require.Equal(t, "onetwo", string(b.log(3)))
	b.write(10, entry(6, "three"))
	b.tick(10, 2*patience)
	require.Equal(t, "onetwothree", string(b.log(3)))
	require.Equal(t, "onetwothree", string(b.log(4)))
	require.EqualValues(t, 2, b.holders[10].View().Epoch)
}

func TestAStoreHasNoHoles(t *testing.T) {
	var out node.Effects
	s := &store{}
	_, err := s.write(&node.DiskWrite{Writes: true, LogAt: 5, Log: []byte("x")}, &out)
	var gap *GapError
	require.ErrorAs(t, err, &gap)
	require.Equal(t, GapError{At: 5}, *gap)

	token, err := s.write(&node.DiskWrite{Writes: true, Log: []byte("abcdef")}, &out)
	require.NoError(t, err)
	require.NotZero(t, token)
	_, err = s.write(&node.DiskWrite{Writes: true, LogAt: 4, Log: []byte("XY"), Base: 2}, &out)
	require.NoError(t, err)
	require.Equal(t, "cdXY", string(s.log))
	require.EqualValues(t, 2, s.base)
	_, err = s.write(&node.DiskWrite{Writes: true, LogAt: 1}, &out)
	require.ErrorContains(t, err, "expected a write from 2 to 6, found one at 1")

	var again store
	found, err := again.load([]node.File{{Name: logFile, Data: []byte("\x02\x00\x00\x00\x00\x00\x00\x00cdXY")}, {Name: "block-7", Data: []byte("b")}})
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, s.log, again.log)
	require.Equal(t, []node.Block{{Number: 7, Data: []byte("b")}}, again.image())
	for _, bad := range []node.File{{Name: logFile, Data: []byte("short")}, {Name: "block-x"}} {
		_, err := (&store{}).load([]node.File{bad})
		require.Error(t, err)
	}
}

// What a start finds of writes that no sync covered could still be lost by the next crash: a disk is of use when a sync has ended.
func TestAStartSyncsWhatItFinds(t *testing.T) {
	var s store
	var out node.Effects
	s.format(&out)
	files := []node.File{{Name: logFile, Data: append(out.List[0].Data, "found"...)}}
	out = node.Effects{}
	l := NewLocal()
	l.Start(node.Event{Kind: node.Started, Incarnation: 2, Files: files}, &out)
	require.Equal(t, Opening, l.Status())
	require.Equal(t, node.DoSync, out.List[0].Kind)
	l.Step(node.Event{Kind: node.DiskDone, Token: out.List[0].Token}, &out)
	require.Equal(t, Ready, l.Status())
}
