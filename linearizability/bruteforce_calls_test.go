package linearizability

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// differential is how many random histories are held against brute force for each shape. The default takes seconds; the
// long run is asked for by name.
var differential = flag.Int("firstgap.histories", 0, "histories of each shape that are decided by brute force too; 0 is a few thousand")

// A holding is what a key holds, by nothing but the words of the models: no numbers, no encodings, nothing shared with the
// code under test.
type holding struct {
	value *string
	list  []string
	count int64
	held  bool
}

// perform executes a call on a holding; ok is false when it cannot be answered so.
func perform(model Model, h holding, c Call) (after holding, ok bool) {
	text := func() string {
		if h.value == nil {
			return ""
		}
		return *h.value
	}
	switch model {
	case ModelRegister, ModelKV:
		switch c.Kind {
		case Get:
			return h, text() == c.Value && (model == ModelKV || (h.value != nil) == c.Found)
		case Put:
			h.value = &c.Value
		case Discard:
			h.value = nil
		case Append:
			joined := text() + c.Value
			h.value = &joined
		case CompareAndSwap:
			equal := h.value != nil && *h.value == c.From
			if c.Unknown || c.Swapped {
				h.value = &c.Value
				return h, equal
			}
			return h, !equal
		}
	case ModelList:
		if c.Kind == Get {
			return h, slices.Equal(h.list, c.Elements)
		}
		h.list = append(slices.Clone(h.list), c.Value)
	case ModelSet:
		switch c.Kind {
		case Get:
			seen := slices.Compact(slices.Sorted(slices.Values(c.Elements)))
			return h, slices.Equal(slices.Sorted(slices.Values(h.list)), seen)
		case Add:
			if !slices.Contains(h.list, c.Value) {
				h.list = append(slices.Clone(h.list), c.Value)
			}
		case Remove:
			h.list = slices.DeleteFunc(slices.Clone(h.list), func(e string) bool { return e == c.Value })
		}
	case ModelQueue:
		if c.Kind == Enqueue {
			h.list = append(slices.Clone(h.list), c.Value)
			break
		}
		if len(h.list) == 0 {
			return h, !c.Unknown && !c.Found
		}
		if !c.Unknown && (!c.Found || h.list[0] != c.Value) {
			return h, false
		}
		h.list = h.list[1:]
	case ModelCounter:
		n, _ := strconv.ParseInt(c.Value, 10, 64)
		if c.Kind == Get {
			return h, h.count == n
		}
		h.count += n
	case ModelMutex:
		if h.held == (c.Kind == Acquire) {
			return h, false
		}
		h.held = !h.held
	}
	return h, true
}

// linearizable tries every order of every choice of the calls that may have happened.
func linearizable(model Model, history []Call, initial *string) bool {
	var extend func(done int, h holding) bool
	extend = func(done int, h holding) bool {
		complete := true
		for i, c := range history {
			complete = complete && (c.Unknown || done&(1<<i) != 0)
		}
		if complete {
			return true
		}
		for i, c := range history {
			if done&(1<<i) != 0 || c.Kind == Get && c.Unknown {
				continue
			}
			late := false
			for j, o := range history {
				late = late || done&(1<<j) == 0 && !o.Unknown && o.End < c.Begin
			}
			if late {
				continue
			}
			if after, ok := perform(model, h, c); ok && extend(done|1<<i, after) {
				return true
			}
		}
		return false
	}
	return extend(0, holding{value: initial})
}

// randomCalls runs calls one after another in a random order, with times around their places, outcomes that are lost and
// answers that are wrong now and then, so that about as many histories are legal as are not.
func randomCalls(r *rand.Rand, model Model) ([]Call, *string) {
	n := 2 + r.IntN(6)
	unique := r.IntN(3) > 0
	values := 2 + r.IntN(3)
	serial := 0
	fresh := func() string {
		serial++
		if unique {
			return strconv.Itoa(serial)
		}
		return strconv.Itoa(1 + r.IntN(values))
	}
	var initial *string
	if (model == ModelRegister || model == ModelKV) && r.IntN(4) == 0 {
		text := "0"
		initial = &text
	}
	h := holding{value: initial}
	deletes := r.IntN(4) == 0
	amount := []string{"1", "1", "2", "-1"}[r.IntN(4)]
	lost := []int{3, 6, 100}[r.IntN(3)]
	var history []Call
	for i := range n {
		c := Call{Client: i, Key: "x", Begin: int64(10*i) - int64(r.IntN(30)), End: int64(10*i) + int64(r.IntN(30)), Line: i + 1}
		switch model {
		case ModelRegister, ModelKV:
			c.Kind = []CallKind{Get, Get, Put, CompareAndSwap}[r.IntN(4)]
			if model == ModelKV && c.Kind == CompareAndSwap {
				c.Kind = Put
				if r.IntN(4) == 0 {
					c.Kind = Append
				}
			}
			if deletes && r.IntN(4) == 0 {
				c.Kind = Discard
			}
			if c.Kind != Get && c.Kind != Discard {
				c.Value = fresh()
			}
			if c.Kind == CompareAndSwap {
				c.From = strconv.Itoa(r.IntN(values + 1))
				if h.value != nil && r.IntN(3) > 0 {
					c.From = *h.value
				}
				c.Swapped = h.value != nil && *h.value == c.From
			}
		case ModelList:
			c.Kind = []CallKind{Get, Append}[r.IntN(2)]
		case ModelSet:
			c.Kind = []CallKind{Get, Add, Add}[r.IntN(3)]
			if deletes && r.IntN(3) == 0 {
				c.Kind, c.Value = Remove, strconv.Itoa(1+r.IntN(serial+1))
			}
		case ModelQueue:
			c.Kind = []CallKind{Enqueue, Dequeue}[r.IntN(2)]
		case ModelCounter:
			c.Kind, c.Value = []CallKind{Get, Add}[r.IntN(2)], amount
			if !unique {
				c.Value = strconv.Itoa(r.IntN(4) - 1)
			}
		case ModelMutex:
			c.Kind = Acquire
			if h.held != (r.IntN(5) == 0) {
				c.Kind = Release
			}
		}
		if c.Kind == Append && model == ModelList || c.Kind == Enqueue || c.Kind == Add && model == ModelSet {
			c.Value = fresh()
		}
		// What it sees.
		switch {
		case c.Kind == Get && (model == ModelList || model == ModelSet):
			c.Elements = slices.Clone(h.list)
			if model == ModelSet {
				r.Shuffle(len(c.Elements), func(a, b int) { c.Elements[a], c.Elements[b] = c.Elements[b], c.Elements[a] })
			}
		case c.Kind == Get && model == ModelCounter:
			c.Value = strconv.FormatInt(h.count, 10)
		case c.Kind == Get && h.value != nil:
			c.Value, c.Found = *h.value, true
		case c.Kind == Dequeue && len(h.list) > 0:
			c.Value, c.Found = h.list[0], true
		}
		c.Unknown = r.IntN(lost) == 0
		if !c.Unknown || r.IntN(2) == 0 {
			h, _ = perform(model, h, c)
		}
		if c.Unknown {
			c.Swapped, c.Found = false, false
			if c.Kind == Get || c.Kind == Dequeue {
				c.Value, c.Elements = "", nil
			}
			if r.IntN(2) == 0 {
				c.End = Unfinished
			}
		}
		history = append(history, c)
	}
	switch r.IntN(3) {
	case 0: // a wrong answer
		c := &history[r.IntN(n)]
		other := history[r.IntN(n)]
		switch {
		case c.Unknown:
		case c.Kind == Get && (model == ModelList || model == ModelSet):
			if len(c.Elements) > 0 && r.IntN(2) == 0 {
				at := r.IntN(len(c.Elements))
				c.Elements = slices.Delete(c.Elements, at, at+1)
			} else if other.Value != "" {
				c.Elements = append(c.Elements, other.Value)
			}
		case c.Kind == Get && model == ModelCounter:
			c.Value = strconv.Itoa(r.IntN(n))
		case (c.Kind == Get || c.Kind == Dequeue) && other.Value != "":
			c.Value, c.Found = other.Value, true
		case c.Kind == Get || c.Kind == Dequeue:
			c.Value, c.Found = "", false
		case c.Kind == CompareAndSwap:
			c.Swapped = !c.Swapped
		}
	case 1: // real time that knows less of the order
		for i := range history {
			shift := int64(r.IntN(60) - 30)
			history[i].Begin += shift
			if history[i].End != Unfinished {
				history[i].End += shift
			}
		}
	}
	if r.IntN(3) == 0 { // ties
		for i := range history {
			history[i].Begin = history[i].Begin / 10 * 10
			if history[i].End != Unfinished {
				history[i].End = max(history[i].Begin, history[i].End/10*10)
			}
		}
	}
	r.Shuffle(n, func(a, b int) { history[a], history[b] = history[b], history[a] })
	return history, initial
}

// inParallel runs a check for each seed, on all processors.
func inParallel(seeds int, check func(seed uint64, count map[string]int)) map[string]int {
	total := map[string]int{}
	var mutex sync.Mutex
	var all sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		all.Go(func() {
			count := map[string]int{}
			for seed := w; seed < seeds; seed += workers {
				check(uint64(seed), count)
			}
			mutex.Lock()
			defer mutex.Unlock()
			for k, n := range count {
				total[k] += n
			}
		})
	}
	all.Wait()
	return total
}

// Every verdict on calls is that of brute force, and every core that an objection names is illegal by itself.
func TestCallsAgreeWithBruteForce(t *testing.T) {
	histories := 12_000
	if *differential > 0 {
		histories = *differential
	}
	for _, model := range []Model{ModelRegister, ModelKV, ModelList, ModelSet, ModelQueue, ModelCounter, ModelMutex} {
		t.Run(string(model), func(t *testing.T) {
			count := inParallel(histories, func(seed uint64, count map[string]int) {
				history, initial := randomCalls(rand.New(rand.NewPCG(seed, 23)), model)
				agree(t, model, history, initial, seed, count)
			})
			t.Log(count)
			for _, kind := range []string{"legal by order", "illegal by order"} {
				require.GreaterOrEqual(t, count[kind], histories/50, "too few histories are %s: %v", kind, count)
			}
		})
	}
}

// Two failed swaps of which one had ended before the other began were once placed each for itself, the later one before the
// earlier: the first saw that the value was no longer 0, and the second that it was not yet 1. Of a million random histories,
// one showed it.
func TestFailedSwapsKeepRealTimeAmongThemselves(t *testing.T) {
	zero := "0"
	history := []Call{
		{Client: 1, Kind: CompareAndSwap, Key: "x", From: "0", Value: "1", Swapped: true, Begin: 0, End: 39},
		{Client: 2, Kind: CompareAndSwap, Key: "x", From: "0", Value: "2", Begin: 29, End: 30},
		{Client: 3, Kind: CompareAndSwap, Key: "x", From: "1", Value: "3", Begin: 32, End: 74},
	}
	agree(t, ModelRegister, history, &zero, 0, map[string]int{})
	require.Equal(t, Illegal, CheckCalls(context.Background(), ModelRegister, history, Options{Initial: &zero}, Limits{}).Verdict)
}

func agree(t *testing.T, model Model, history []Call, initial *string, seed uint64, count map[string]int) {
	want := Illegal
	if linearizable(model, history, initial) {
		want = Legal
	}
	got := CheckCalls(context.Background(), model, history, Options{Initial: initial}, Limits{})
	if got.Verdict == Unknown {
		if got.Reason != ErrEmpty {
			t.Errorf("seed %d: %v\n%s", seed, got.Reason, render(history))
		}
		return
	}
	count[got.Verdict.String()+" by "+string(got.Proof)]++
	if got.Verdict != want {
		t.Errorf("seed %d: expected %s, found %s by %s: %v\ninitial %v\n%s", seed, want, got.Verdict, got.Proof, got.Err(), initial != nil, render(history))
		return
	}
	key := byKey(history)
	if len(key) == 1 {
		b := newBudget(context.Background(), Limits{})
		if v := (&search{part: key[0], model: model, initial: initial}).run(b, 1<<30); v != want {
			t.Errorf("seed %d: expected %s, the search finds %s\n%s", seed, want, v, render(history))
		}
		if v := (&search{part: key[0], model: model, initial: initial, large: true}).run(b, 1<<30); v != want {
			t.Errorf("seed %d: expected %s, the search by choices finds %s\n%s", seed, want, v, render(history))
		}
		ops, m := key[0].operations(model, initial)
		if v := b.search(1<<30, m, ops, 1); v != want {
			t.Errorf("seed %d: expected %s, porcupine finds %s\n%s", seed, want, v, render(history))
		}
	}
	if want == Legal {
		return
	}
	violation := got.Violation.(*CallViolation)
	count[string(violation.Anomaly)]++
	if guarantees[violation.Anomaly] == "" {
		t.Errorf("seed %d: %q has no guarantee", seed, violation.Anomaly)
	}
	var core []Call
	for _, i := range violation.Core {
		core = append(core, history[i])
	}
	if !slices.Contains(violation.Core, violation.Index) || linearizable(model, core, initial) {
		t.Errorf("seed %d: the core is legal: %v: %v\n%s\nof\n%s", seed, violation.Core, violation, render(core), render(history))
	}
}

func render(history []Call) string {
	var b strings.Builder
	for i, c := range history {
		fmt.Fprintf(&b, "%d [%d,%d] %s unknown=%t\n", i, c.Begin, c.End, &c, c.Unknown)
	}
	return b.String()
}
