package linearizability_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/linearizability"
)

// A mapStore is a store under test. One that loses writes takes back every seventh.
type mapStore struct {
	mu     sync.Mutex
	values map[string]string
	puts   int
	loses  bool
}

func newStore() *mapStore { return &mapStore{values: make(map[string]string)} }

func (s *mapStore) Put(key, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.puts++; !s.loses || s.puts%7 != 0 {
		s.values[key] = value
	}
	return nil
}

func (s *mapStore) Get(key string) (string, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.values[key]
	return value, ok, nil
}

func TestStore(t *testing.T) {
	var recorder linearizability.Recorder // ready for a key-value store; safe for many goroutines
	store := newStore()
	var clients sync.WaitGroup
	for client := range 8 {
		clients.Go(func() {
			for i := range 50 {
				put := recorder.Put("x", fmt.Sprint(client, i))
				put.Done(store.Put("x", fmt.Sprint(client, i)))
				get := recorder.Get("x")
				get.Saw(store.Get("x"))
			}
		})
	}
	clients.Wait()
	if err := recorder.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The same finds a store that loses writes, and says which calls show it.
func TestStoreThatLosesWrites(t *testing.T) {
	var recorder linearizability.Recorder
	store := newStore()
	store.loses = true
	for i := range 10 {
		put := recorder.Put("x", fmt.Sprint(i))
		put.Done(store.Put("x", fmt.Sprint(i)))
		get := recorder.Get("x")
		get.Saw(store.Get("x"))
	}
	var illegal *linearizability.IllegalError
	require.True(t, errors.As(recorder.Check(t.Context()), &illegal))
	require.Len(t, illegal.Core, 3)
	require.Equal(t, []string{`client 10: put(x, "5")`, `client 12: put(x, "6")`, `client 13: get(x) = "5"`},
		[]string{illegal.Core[0].String(), illegal.Core[1].String(), illegal.Core[2].String()})
}
