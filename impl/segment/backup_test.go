package segment

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/objects"
)

const objectStore = node.ID(50)

// commits returns 2n records: row on the root page gets a new value, and that is committed, n times.
func commits(n int) []*node.Record {
	var rs []*node.Record
	old := node.Value{}
	for i := range n {
		l := node.LSN(2*i + 1)
		txn := node.MakeTxn(1, uint32(i+1))
		w := &node.Record{LSN: l, Epoch: 1, Prev: l - 1, Kind: node.Write, Last: true, Txn: txn, Page: 1, Key: "row",
			Old: old, New: node.Some(fmt.Sprint("v", i)), OldestActive: l}
		c := &node.Record{LSN: l + 1, Epoch: 1, Prev: l, Kind: node.Commit, Last: true, Txn: txn, Page: 1, Key: "row", OldestActive: l + 2}
		w.Seal()
		c.Seal()
		old = w.New
		rs = append(rs, w, c)
	}
	return rs
}

// A shelf is an object store that the tests drive.
type shelf struct {
	*objects.Store
	files map[string][]byte
	sent  []node.Effect
	puts  int

	messages int
}

func newShelf() *shelf {
	s := &shelf{Store: objects.New(node.NoHook{}), files: map[string][]byte{}}
	s.step(node.Event{Kind: node.Started, Incarnation: 1})
	return s
}

func (s *shelf) step(ev node.Event) {
	var out node.Effects
	s.Step(0, ev, &out)
	for _, e := range out.List {
		switch e.Kind {
		case node.DoReplace:
			s.files[e.File] = slices.Clone(e.Data)
			s.puts++
			s.step(node.Event{Kind: node.DiskDone, Token: e.Token})
		case node.DoSync:
			s.step(node.Event{Kind: node.DiskDone, Token: e.Token})
		case node.DoSend:
			s.sent = append(s.sent, e)
		}
	}
}

// restock delivers what the benches asked the store, and what it answers, until nothing comes. With lose set, one in so many
// messages is lost.
func (s *shelf) restock(bs []*bench, lose int) {
	lost := func() bool { s.messages++; return lose > 0 && s.messages*2654435761>>9%lose == 0 }
	for busy := true; busy; {
		busy = false
		for _, b := range bs {
			sent := b.sent
			b.sent = nil
			for _, e := range sent {
				if e.To == objectStore && !lost() {
					s.step(node.Event{Kind: node.Received, From: b.id, Message: e.Message})
					busy = true
				}
			}
		}
		sent := s.sent
		s.sent = nil
		for _, e := range sent {
			for _, b := range bs {
				if b.id == e.To && !lost() {
					b.get(objectStore, e.Message)
				}
			}
		}
	}
}

func backedUpVolume() *node.Volume {
	v := testVolume()
	v.Objects, v.Window = objectStore, 4
	return v
}

// SIGMOD 2017 §3.3, step 6: what is durable for good goes to the object store, each object once, by one of the copies; and a
// volume restored from there is as it was at any point. Messages get lost, and one of the copies is down.
func TestTheBackupRestoresEveryPoint(t *testing.T) {
	for _, lose := range []int{0, 3, 5} {
		bs := group(t, backedUpVolume())[:2]
		store := newShelf()
		rs := commits(50)
		for n := 10; n <= 100; n += 10 {
			for _, b := range bs {
				b.get(writer1, told(1, node.LSN(n-3), node.LSN(n-3), rs[n-10:n]...))
				b.disk()
			}
			for range 80 {
				for _, b := range bs {
					b.fire(backupTimer)
				}
				store.restock(bs, lose)
			}
			for _, b := range bs {
				b.fire(coalesceTimer)
				b.disk()
				require.LessOrEqual(t, b.seg.Floor(), b.seg.backup.backed)
				require.Greater(t, b.seg.Floor()+8, node.LSN(n-3), "one in %d lost", lose)
			}
		}
		require.Zero(t, bs[0].seg.counters.Conflicts+bs[1].seg.counters.Conflicts)
		require.Equal(t, len(store.files), store.puts, "every object was put once")
		require.NotZero(t, bs[0].seg.Counters().Uploaded)
		require.NotZero(t, bs[1].seg.Counters().Uploaded)
		for l := node.LSN(1); l <= 97; l++ {
			v, err := backup.Restore(store, l)
			require.NoError(t, err, "at %d", l)
			want := node.Value{}
			if n := int(l) / 2; n > 0 {
				want = node.Some(fmt.Sprint("v", n-1))
			}
			require.Equal(t, want, v.Get("row"), "at %d", l)
			require.Less(t, v.Objects, 10, "images save most of the log")
		}
		_, err := backup.Restore(store, 98)
		require.ErrorContains(t, err, "can restore 0 to 97")

		again := objects.New(node.NoHook{})
		var files []node.File
		for name, data := range store.files {
			files = append(files, node.File{Name: name, Data: data})
		}
		var out node.Effects
		again.Step(0, node.Event{Kind: node.Started, Incarnation: 2, Files: files}, &out)
		v, err := backup.Restore(again, 0)
		require.NoError(t, err)
		require.Equal(t, node.LSN(97), v.VDL)
	}
}

// Nothing is collected that is not backed up, however long the object store is away.
func TestTheFloorWaitsForTheBackup(t *testing.T) {
	b := newBenchOf(t, self, backedUpVolume())
	b.get(writer1, told(1, 20, 20, commits(10)...))
	b.disk()
	for range 10 {
		b.fire(backupTimer)
		b.fire(coalesceTimer)
		b.disk()
	}
	require.Zero(t, b.seg.Floor())
}

// Who comes late, or was filled, puts nothing that is there, and what it would have put is what is there.
func TestWhoIsFilledGoesOnWithTheBackup(t *testing.T) {
	bs := group(t, backedUpVolume())
	store := newShelf()
	rs := commits(20)
	for _, b := range bs[1:] {
		b.get(writer1, told(1, 30, 30, rs...))
		b.disk()
	}
	for range 100 {
		for _, b := range bs[1:] {
			b.fire(backupTimer)
		}
		store.restock(bs, 0)
	}
	for _, b := range bs[1:] {
		b.fire(coalesceTimer)
		b.disk()
		require.Equal(t, node.LSN(28), b.seg.Floor())
	}
	for range 2 * idleTicks {
		bs[0].fire(gossipTimer)
		exchange(bs)
	}
	require.Equal(t, node.LSN(28), bs[0].seg.Floor())
	require.Equal(t, node.LSN(28), bs[0].seg.backup.backed)
	for _, b := range bs {
		b.get(writer1, told(1, 40, 40))
	}
	for range 100 {
		bs[0].fire(backupTimer)
		store.restock(bs, 0)
	}
	require.Equal(t, node.LSN(40), bs[0].seg.backup.backed)
	require.Zero(t, bs[0].seg.Counters().Conflicts)
	require.NotZero(t, bs[0].seg.Counters().Uploaded)
}

// An object that the store had and cannot read any more is put again by a tail that comes late, when the full segments are past it:
// the tail would wait for it for ever, and collect nothing. As long as full segments may put it, it leaves that to them.
func TestATailPutsWhatNoFullSegmentPutsAgain(t *testing.T) {
	v := backedUpVolume()
	v.Tails = []bool{false, false, true}
	tail := newBenchOf(t, 3, v)
	store := newShelf()
	tail.get(writer1, told(1, 20, 20, commits(10)...))
	tail.disk()
	for range tailPatience {
		tail.fire(backupTimer)
		store.restock([]*bench{tail}, 0)
	}
	require.Zero(t, store.puts)
	for range 100 {
		tail.fire(backupTimer)
		store.restock([]*bench{tail}, 0)
	}
	require.Equal(t, 1+20/4, store.puts, "the volume's object, and its log")
	require.Equal(t, node.LSN(20), tail.seg.backup.backed)
	tail.fire(coalesceTimer)
	tail.disk()
	require.Equal(t, node.LSN(20), tail.seg.Floor())
}
