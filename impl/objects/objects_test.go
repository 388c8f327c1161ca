package objects

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
)

func started(t *testing.T, files ...node.File) *Store {
	s := New(node.NoHook{})
	var out node.Effects
	s.Step(0, node.Event{Kind: node.Started, Incarnation: 1, Files: files}, &out)
	require.Equal(t, node.DoSync, out.List[0].Kind)
	require.Empty(t, step(s, node.Event{Kind: node.Received, From: 7, Message: &node.ListObjects{}}), "it serves what is certainly durable")
	s.Step(0, node.Event{Kind: node.DiskDone}, &out)
	return s
}

func step(s *Store, ev node.Event) []node.Effect {
	var out node.Effects
	s.Step(0, ev, &out)
	return out.List
}

func ask(s *Store, from node.ID, m node.Message) []node.Effect {
	return step(s, node.Event{Kind: node.Received, From: from, Message: m})
}

// An object is acknowledged when it is durable, to all who put it; and never changed.
func TestAnObjectIsPutOnce(t *testing.T) {
	s := started(t)
	out := ask(s, 7, &node.PutObject{Name: "a", Data: []byte("one")})
	require.Len(t, out, 1)
	require.Equal(t, node.DoReplace, out[0].Kind)
	require.Empty(t, ask(s, 8, &node.PutObject{Name: "a", Data: []byte("two")}), "on its way")
	require.Equal(t, &node.ObjectRead{Name: "a"}, ask(s, 7, &node.GetObject{Name: "a"})[0].Message, "not durable: not there")
	done := step(s, node.Event{Kind: node.DiskDone, Token: out[0].Token})
	require.Len(t, done, 2)
	kept := &node.ObjectKept{Name: "a", Sum: xxh3.Hash([]byte("one"))}
	require.Equal(t, kept, done[0].Message)
	require.Equal(t, node.ID(8), done[1].To)
	require.Equal(t, kept, ask(s, 8, &node.PutObject{Name: "a", Data: []byte("two")})[0].Message, "it says what it has")
	require.Equal(t, &node.ObjectRead{Name: "a", Found: true, Sum: kept.Sum, Data: []byte("one")}, ask(s, 7, &node.GetObject{Name: "a"})[0].Message)
	require.Equal(t, &node.ObjectRead{Name: "a", Found: true, Sum: kept.Sum}, ask(s, 7, &node.GetObject{Name: "a", Head: true})[0].Message)
	require.EqualValues(t, 1, s.Stored())
}

func TestListing(t *testing.T) {
	var files []node.File
	for i := range 300 {
		files = append(files, node.File{Name: fmt.Sprintf("log/%03d", 299-i), Data: sealed(nil)})
	}
	s := started(t, append(files, node.File{Name: "volume", Data: sealed(nil)})...)
	first := ask(s, 7, &node.ListObjects{Prefix: "log/"})[0].Message.(*node.ObjectList)
	require.Len(t, first.Names, listMany)
	require.True(t, first.More)
	rest := ask(s, 7, &node.ListObjects{Prefix: "log/", After: first.Names[listMany-1]})[0].Message.(*node.ObjectList)
	require.False(t, rest.More)
	require.Len(t, rest.Names, 300-listMany)
	require.Equal(t, "log/299", rest.Names[len(rest.Names)-1])
	names, err := s.List("log/")
	require.NoError(t, err)
	require.Equal(t, append(first.Names, rest.Names...), names)
	_, err = s.Get("log/300")
	require.Equal(t, &backup.MissingError{Name: "log/300"}, err)
}

// What goes past a limit is dropped, and nothing else happens.
func TestLimits(t *testing.T) {
	s := started(t)
	require.Empty(t, ask(s, 7, &node.PutObject{Name: "", Data: nil}))
	require.Empty(t, ask(s, 7, &node.PutObject{Name: "a", Data: make([]byte, maxObject+1)}))
	for i := range maxOnWay {
		require.Len(t, ask(s, 7, &node.PutObject{Name: fmt.Sprint(i)}), 1)
	}
	require.Empty(t, ask(s, 7, &node.PutObject{Name: "one more"}))
}

// An object whose write failed is kept for no segment, or one of them would drop the log that only it has.
func TestAStoreStopsWhenItsDiskFails(t *testing.T) {
	s := started(t)
	out := ask(s, 7, &node.PutObject{Name: "a", Data: []byte("one")})
	require.Empty(t, step(s, node.Event{Kind: node.DiskFailed, Token: out[0].Token}))
	require.False(t, s.State().Serving)
	require.Empty(t, step(s, node.Event{Kind: node.DiskDone, Token: out[0].Token}))
	require.Empty(t, ask(s, 7, &node.ListObjects{}))
}

// An object for which there was no room is not kept and not said to be. It is put again, and kept when there is room.
func TestAStoreWithoutRoom(t *testing.T) {
	s := started(t)
	first := ask(s, 7, &node.PutObject{Name: "a", Data: []byte("one")})
	second := ask(s, 7, &node.PutObject{Name: "b", Data: []byte("two")})
	require.Empty(t, step(s, node.Event{Kind: node.DiskFull, Token: first[0].Token}))
	kept := step(s, node.Event{Kind: node.DiskDone, Token: second[0].Token})
	require.Equal(t, "b", kept[0].Message.(*node.ObjectKept).Name)
	_, err := s.Get("a")
	require.Equal(t, &backup.MissingError{Name: "a"}, err)
	again := ask(s, 7, &node.PutObject{Name: "a", Data: []byte("one")})
	kept = step(s, node.Event{Kind: node.DiskDone, Token: again[0].Token})
	require.Equal(t, "a", kept[0].Message.(*node.ObjectKept).Name)
}

// An object of which a bit has flipped is listed and never given, at whichever bit: the store says which it is. It may be put again.
func TestAnObjectThatRots(t *testing.T) {
	whole := sealed([]byte("one"))
	for bit := range 8 * len(whole) {
		rotten := append([]byte(nil), whole...)
		rotten[bit/8] ^= 1 << (bit % 8)
		s := started(t, node.File{Name: "a", Data: rotten}, node.File{Name: "b", Data: whole})
		require.Equal(t, []string{"a", "b"}, ask(s, 7, &node.ListObjects{})[0].Message.(*node.ObjectList).Names)
		require.Equal(t, &node.ObjectRead{Name: "a"}, ask(s, 7, &node.GetObject{Name: "a"})[0].Message)
		require.Equal(t, &node.ObjectRead{Name: "a"}, ask(s, 7, &node.GetObject{Name: "a", Head: true})[0].Message)
		require.Equal(t, []byte("one"), ask(s, 7, &node.GetObject{Name: "b"})[0].Message.(*node.ObjectRead).Data)
		_, err := s.Get("a")
		require.Equal(t, &backup.MissingError{Name: "a"}, err)
		require.Equal(t, "cannot read 1: a", s.State().Phase)
		out := ask(s, 7, &node.PutObject{Name: "a", Data: []byte("one")})
		require.Equal(t, whole, out[0].Data)
		step(s, node.Event{Kind: node.DiskDone, Token: out[0].Token})
		require.Empty(t, s.Rotten())
		require.Empty(t, s.State().Phase)
	}
	for n := range whole {
		require.Equal(t, []string{"a"}, started(t, node.File{Name: "a", Data: whole[:n]}).Rotten(), "%d bytes", n)
	}
}
