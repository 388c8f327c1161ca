package linearizability

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func ExampleRecorder() {
	var recorder Recorder
	put := recorder.Put("x", "1")
	put.Done(nil)
	put = recorder.Put("x", "2")
	put.Done(errors.New("timeout")) // its outcome is unknown
	get := recorder.Get("x")
	get.Saw("2", true, nil)
	get = recorder.Get("x")
	get.Saw("1", true, nil)
	var illegal *IllegalError
	if errors.As(recorder.Check(context.Background()), &illegal) {
		for _, operation := range illegal.Core {
			fmt.Println(operation)
		}
	}
	// Output:
	// client 0: put(x, "1")
	// client 2: get(x) = "2"
	// client 3: get(x) = "1"
}

// A simulatedStore is one register each key, whose calls take effect at random between their begin and their end. Of the
// calls, lost have an unknown outcome. It stands behind a Recorder, so that the same calls can be recorded with and without
// forgetting.
type simulatedStore struct {
	r       *rand.Rand
	kinds   []CallKind
	keys    int
	lost    float64
	values  map[string]string
	former  map[string]string
	written int
}

type simulatedCall struct {
	pending *Pending
	call    Call
	done    bool // it took effect
	lost    bool
	value   string
	found   bool
	swapped bool
}

// run lets clients call until so many calls ended, and calls after with each end.
func (s *simulatedStore) run(recorder *Recorder, clients, calls int, after func()) {
	s.values, s.former = make(map[string]string), make(map[string]string)
	open := make([]*simulatedCall, clients)
	for ended := 0; ended < calls; {
		at := s.r.IntN(clients)
		c := open[at]
		switch {
		case c == nil:
			c = &simulatedCall{call: Call{Kind: s.kinds[s.r.IntN(len(s.kinds))], Key: "k" + strconv.Itoa(s.r.IntN(s.keys))}, lost: s.r.Float64() < s.lost}
			if c.call.Kind != Get && c.call.Kind != Discard {
				s.written++
				c.call.Value = "v" + strconv.Itoa(s.written)
			}
			if c.call.Kind == CompareAndSwap {
				c.call.From = s.values[c.call.Key]
			}
			c.pending = recorder.Begin(c.call)
			open[at] = c
		case !c.done:
			c.done = true
			if !c.lost || s.r.IntN(2) == 0 {
				s.apply(c)
			}
		default:
			ended++
			c.end()
			open[at] = nil
			after()
		}
	}
}

func (s *simulatedStore) apply(c *simulatedCall) {
	key := c.call.Key
	c.value, c.found = s.values[key], s.values[key] != ""
	next := c.value
	switch c.call.Kind {
	case Put:
		next = c.call.Value
	case Append:
		next += c.call.Value
	case Discard:
		next = ""
	case CompareAndSwap:
		if c.swapped = c.found && c.value == c.call.From; c.swapped {
			next = c.call.Value
		}
	}
	if next != c.value {
		s.former[key] = c.value
	}
	s.values[key] = next
}

func (c *simulatedCall) end() {
	var err error
	if c.lost {
		err = errors.New("lost")
	}
	switch c.call.Kind {
	case Get:
		c.pending.Saw(c.value, c.found, err)
	case CompareAndSwap:
		c.pending.Swapped(c.swapped, err)
	default:
		c.pending.Done(err)
	}
}

// What is kept must not grow with the length of a legal run.
func TestForgettingKeepsMemoryFlat(t *testing.T) {
	for name, tc := range map[string]struct {
		model   Model
		kinds   []CallKind
		keys    int
		clients int
		most    int
	}{
		"one key that never pauses":       {ModelRegister, []CallKind{Get, Put}, 1, 20, 400},
		"reads of one value":              {ModelRegister, []CallKind{Get}, 1, 20, 400},
		"many keys":                       {ModelKV, []CallKind{Get, Put}, 50, 20, 50 * 70},
		"swaps that pause now and then":   {ModelRegister, []CallKind{Get, Put, CompareAndSwap, Discard}, 8, 3, 8 * 100},
		"appends that pause now and then": {ModelKV, []CallKind{Get, Get, Put, Append}, 8, 3, 8 * 100},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := &Recorder{Model: tc.model, Forget: true}
			store := &simulatedStore{r: rand.New(rand.NewPCG(1, 2)), kinds: tc.kinds, keys: tc.keys}
			var half, all, n int
			const calls = 8_000
			store.run(recorder, tc.clients, calls, func() {
				n++
				kept := recorder.Retained()
				require.LessOrEqual(t, kept, tc.most, "after %d calls", n)
				if n <= calls/2 {
					half = max(half, kept)
				}
				all = max(all, kept)
			})
			require.NoError(t, recorder.Check(t.Context()))
			require.LessOrEqual(t, all, half+half/2, "it grows")
		})
	}
}

// Forgetting finds what is found without it, and nothing else.
func TestForgettingFindsTheSame(t *testing.T) {
	illegal := 0
	for seed := range uint64(90) {
		record := func(forget bool) error {
			r := rand.New(rand.NewPCG(seed, 5))
			kinds := [][]CallKind{{Get, Put}, {Get, Put, CompareAndSwap, Discard}, {Get, Get, Get, Put, Append}}[seed%3]
			model := ModelRegister
			if seed%3 == 2 {
				model = ModelKV
			}
			recorder := &Recorder{Model: model, Forget: forget}
			store := &simulatedStore{r: r, kinds: kinds, keys: 1 + r.IntN(2), lost: 0.02 * float64(seed%4)}
			// A store that is broken now and then: a client's call takes effect, and is taken back.
			n := 0
			calls := 300
			if model == ModelKV {
				calls = 90 // appends are left to a search
			}
			store.run(recorder, 2+r.IntN(3), calls, func() {
				if n++; seed%2 == 1 && n%100 == 80 {
					for key, former := range store.former {
						store.values[key] = former
					}
				}
			})
			return recorder.Check(t.Context())
		}
		with, without := record(true), record(false)
		var first, second *IllegalError
		require.Equal(t, errors.As(without, &first), errors.As(with, &second), "seed %d: with forgetting %v, without %v", seed, with, without)
		if first != nil {
			illegal++
		} else {
			require.NoError(t, without, "seed %d", seed)
			require.NoError(t, with, "seed %d", seed)
		}
	}
	require.Greater(t, illegal, 15)
	require.Less(t, illegal, 75)
}
