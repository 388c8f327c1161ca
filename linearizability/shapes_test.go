package linearizability

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// A callShape is one kind of histories of calls whose values come once each.
type callShape struct {
	name    string
	model   Model
	ordered bool // it is decided without a search
	// next is the next call, by effect, on a key that holds h, without its times; what it sees is filled in.
	next func(g *shaping, h holding) Call
}

// A shaping is what the calls of a history so far leave to those to come.
type shaping struct {
	r      *rand.Rand
	serial int
	older  []string // values that were there before
}

func (g *shaping) fresh() string {
	g.serial++
	return "v" + strconv.Itoa(g.serial) + "."
}

// any is one of several kinds.
func (g *shaping) any(kinds ...CallKind) Call { return Call{Kind: kinds[g.r.IntN(len(kinds))]} }

// written is a call of one of the kinds, with a fresh value where it writes one.
func (g *shaping) written(kinds ...CallKind) Call {
	c := g.any(kinds...)
	if c.Kind == Put || c.Kind == Append || c.Kind == Add || c.Kind == Enqueue || c.Kind == CompareAndSwap {
		c.Value = g.fresh()
	}
	return c
}

// swapping is a swap of what is there, or now and then, of something else.
func (g *shaping) swapping(c Call, h holding, failing int) Call {
	if c.Kind != CompareAndSwap {
		return c
	}
	if h.value != nil {
		c.From = *h.value
	} else if failing == 0 {
		c.Kind = Put
		return c
	}
	if h.value == nil || g.r.IntN(100) < failing {
		c.From = "never"
		if n := len(g.older); n > 0 {
			c.From = g.older[max(0, n-1-g.r.IntN(4))]
		}
	}
	c.Swapped = h.value != nil && c.From == *h.value
	return c
}

func callShapes() []callShape {
	return []callShape{
		{"register", ModelRegister, true, func(g *shaping, h holding) Call {
			return g.swapping(g.written(Get, Get, Put, CompareAndSwap), h, 0)
		}},
		{"register with failed swaps", ModelRegister, false, func(g *shaping, h holding) Call {
			return g.swapping(g.written(Get, Get, Put, CompareAndSwap, CompareAndSwap), h, 50)
		}},
		{"register of failed swaps", ModelRegister, false, func(g *shaping, h holding) Call {
			return g.swapping(g.written(Get, Put, CompareAndSwap, CompareAndSwap, CompareAndSwap, CompareAndSwap), h, 80)
		}},
		{"register with deletes", ModelRegister, false, func(g *shaping, h holding) Call {
			return g.written(Get, Get, Put, Discard)
		}},
		{"register with deletes and failed swaps", ModelRegister, false, func(g *shaping, h holding) Call {
			return g.swapping(g.written(Get, Get, Put, Discard, CompareAndSwap), h, 30)
		}},
		{"kv", ModelKV, true, func(g *shaping, h holding) Call { return g.written(Get, Put) }},
		{"kv with deletes", ModelKV, false, func(g *shaping, h holding) Call { return g.written(Get, Get, Put, Discard) }},
		{"kv of appends", ModelKV, true, func(g *shaping, h holding) Call { return g.written(Get, Append) }},
		{"kv with appends", ModelKV, true, func(g *shaping, h holding) Call { return g.written(Get, Get, Put, Append, Append) }},
		{"kv with appends and deletes", ModelKV, false, func(g *shaping, h holding) Call {
			return g.written(Get, Get, Get, Put, Append, Append, Discard)
		}},
		{"list", ModelList, true, func(g *shaping, h holding) Call { return g.written(Get, Append) }},
		{"set", ModelSet, true, func(g *shaping, h holding) Call { return g.written(Get, Add) }},
		{"set with removals", ModelSet, false, func(g *shaping, h holding) Call {
			c := g.written(Get, Get, Add, Remove)
			if c.Kind == Remove {
				switch {
				case len(h.list) > 0:
					c.Value = h.list[g.r.IntN(len(h.list))]
				default:
					c.Kind, c.Value = Add, g.fresh()
				}
			}
			return c
		}},
		{"set with removals by several", ModelSet, false, func(g *shaping, h holding) Call {
			c := g.written(Get, Get, Add, Add, Remove, Remove)
			if c.Kind == Remove { // some of what is gone, and some of what is still to come
				c.Value = "v" + strconv.Itoa(1+max(0, g.serial-g.r.IntN(6))+g.r.IntN(3)) + "."
			}
			return c
		}},
		{"queue", ModelQueue, true, func(g *shaping, h holding) Call { return g.written(Enqueue, Dequeue) }},
		{"queue that is empty often", ModelQueue, true, func(g *shaping, h holding) Call { return g.written(Enqueue, Enqueue, Dequeue, Dequeue, Dequeue) }},
		{"counter", ModelCounter, true, func(g *shaping, h holding) Call {
			c := g.any(Get, Add)
			if c.Kind == Add {
				c.Value = "1"
			}
			return c
		}},
		{"mutex", ModelMutex, true, func(g *shaping, h holding) Call {
			if h.held {
				return Call{Kind: Release}
			}
			return Call{Kind: Acquire}
		}},
	}
}

// history makes a history of the shape. Mistaken ones have one answer that another call of the same kind gave, a few effects
// away or anywhere.
func (s callShape) history(l load, mistaken bool) []Call {
	g := &shaping{r: rand.New(rand.NewPCG(l.seed, 61))}
	at, order := l.instants(g.r)
	keys := make([]holding, l.keys)
	history := make([]Call, 0, l.operations)
	for _, i := range order {
		key := g.r.IntN(l.keys)
		h := &keys[key]
		c := s.next(g, *h)
		c.Client, c.Begin, c.End, c.Unknown, c.Line = at[i].client, at[i].begin, at[i].end, at[i].lost, int(i)+1
		c.Key = "k" + strconv.Itoa(key)
		if h.value != nil && (len(g.older) == 0 || g.older[len(g.older)-1] != *h.value) {
			g.older = append(g.older, *h.value)
		}
		switch {
		case c.Kind == Get && (s.model == ModelList || s.model == ModelSet):
			c.Elements = slices.Clone(h.list)
		case c.Kind == Get && s.model == ModelCounter:
			c.Value = strconv.FormatInt(h.count, 10)
		case c.Kind == Get && h.value != nil:
			c.Value, c.Found = *h.value, true
		case c.Kind == Dequeue && len(h.list) > 0:
			c.Value, c.Found = h.list[0], true
		}
		if at[i].happens && (c.Kind != CompareAndSwap || c.Swapped) {
			unheard := c
			unheard.Unknown = false
			*h, _ = perform(s.model, *h, unheard)
		}
		if c.Unknown {
			c.Found, c.Swapped, c.Elements = false, false, nil
			if c.Kind == Dequeue || c.Kind == Get {
				c.Value = ""
			}
		}
		history = append(history, c)
	}
	if mistaken {
		s.plant(g.r, history)
	}
	return history
}

// plant gives a call the answer of another one.
func (s callShape) plant(r *rand.Rand, history []Call) {
	answers := func(c *Call) bool {
		return !c.Unknown && (c.Kind == Get || c.Kind == Dequeue || c.Kind == CompareAndSwap)
	}
	near := []int{2, 5, 20, len(history)}[r.IntN(4)]
	for range 20 + 4*len(history) {
		i := r.IntN(len(history))
		j := max(0, min(len(history)-1, i+r.IntN(2*near+1)-near))
		a, b := &history[i], &history[j]
		if i == j || !answers(a) || !answers(b) || a.Kind != b.Kind || a.Key != b.Key ||
			a.Value == b.Value && a.Found == b.Found && slices.Equal(a.Elements, b.Elements) {
			continue
		}
		switch {
		case a.Kind == CompareAndSwap && a.Swapped == b.Swapped:
			a.From, b.From = b.From, a.From
		case a.Kind == CompareAndSwap:
			a.Swapped, b.Swapped = b.Swapped, a.Swapped
		case a.Kind == Dequeue && r.IntN(2) == 0: // each takes what the other one took
			a.Value, a.Found, b.Value, b.Found = b.Value, b.Found, a.Value, a.Found
		default:
			a.Value, a.Found, a.Elements = b.Value, b.Found, b.Elements
		}
		return
	}
	if s.model != ModelMutex {
		return
	}
	for range 100 { // without an answer, what is wrong is the time
		if c := &history[r.IntN(len(history))]; !c.Unknown {
			shift := int64(near) * 1_000_000
			c.Begin, c.End = c.Begin+shift, c.End+shift
			return
		}
	}
}

// Long histories of every shape, whose values come once each, are decided, within what a simulated run may spend.
func TestLongHistoriesOfEveryShapeAreDecided(t *testing.T) {
	histories := 24
	switch {
	case *differential > 0:
		histories = max(histories, *differential/1000)
	case testing.Short(): // under the race detector, where what is decided is not the question
		histories = 6
	}
	for _, s := range callShapes() {
		t.Run(s.name, func(t *testing.T) {
			count := inParallel(histories, func(seed uint64, count map[string]int) {
				r := rand.New(rand.NewPCG(seed, 67))
				l := load{operations: 50 << r.IntN(6), clients: 2 + r.IntN(5)*r.IntN(7), keys: 1 + r.IntN(3)/2, lost: float64(r.IntN(5)) / 20, seed: seed}
				mistaken := seed%2 == 1
				result := CheckCalls(context.Background(), s.model, s.history(l, mistaken), Options{}, SimulationLimits())
				switch {
				case result.Verdict == Unknown && result.Reason != ErrEmpty:
					t.Errorf("%+v, mistaken %t: %v", l, mistaken, result.Reason)
				case result.Verdict == Illegal && !mistaken:
					t.Errorf("%+v: expected legal: %v", l, result.Err())
				}
				count[fmt.Sprint("mistaken ", mistaken, ": ", result.Verdict, " by ", result.Proof)]++
			})
			t.Log(count)
			if !testing.Short() { // so few may all be of one kind
				require.Positive(t, count["mistaken false: legal by order"]+count["mistaken false: legal by search"])
				require.Positive(t, count["mistaken true: illegal by order"]+count["mistaken true: illegal by search"])
			}
			if s.ordered {
				require.Zero(t, count["mistaken false: legal by search"]+count["mistaken true: legal by search"]+count["mistaken true: illegal by search"])
			}
		})
	}
}

// small is a load that brute force can decide; of its histories, some have ties in time.
func (s callShape) small(seed uint64) []Call {
	r := rand.New(rand.NewPCG(seed, 71))
	history := s.history(load{operations: 2 + r.IntN(6), clients: 1 + r.IntN(6), keys: 1, lost: float64(r.IntN(3)) / 6, seed: seed}, r.IntN(3) > 0)
	if grain := int64(r.IntN(3)) * 400_000; grain > 0 {
		for i := range history {
			history[i].Begin, history[i].End = history[i].Begin/grain, history[i].End/grain
		}
	}
	r.Shuffle(len(history), func(a, b int) { history[a], history[b] = history[b], history[a] })
	return history
}

// Every verdict on small histories of every shape is that of brute force.
func TestShapesAgreeWithBruteForce(t *testing.T) {
	histories := 2000
	if *differential > 0 {
		histories = *differential
	}
	for _, s := range callShapes() {
		t.Run(s.name, func(t *testing.T) {
			count := inParallel(histories, func(seed uint64, count map[string]int) {
				agree(t, s.model, s.small(seed), nil, seed, count)
			})
			t.Log(count)
			require.Positive(t, count["legal by order"]+count["legal by search"])
			require.Positive(t, count["illegal by order"]+count["illegal by search"])
			if s.ordered {
				require.Zero(t, count["legal by search"]+count["illegal by search"])
			}
		})
	}
}

// lists are transactions that append to lists and read them whole; of those whose outcome is unknown, what they read is too.
func (l load) lists() []Txn {
	r := rand.New(rand.NewPCG(l.seed, 73))
	at, order := l.instants(r)
	state := make([][]string, l.keys)
	history := make([]Txn, l.operations)
	serial := 0
	for _, i := range order {
		t := Txn{ID: uint64(i) + 1, Client: at[i].client, Begin: at[i].begin, End: at[i].end, Outcome: Committed}
		if at[i].lost {
			t.Outcome = OutcomeUnknown
		}
		own := make(map[int][]string)
		for range 1 + r.IntN(4) {
			k := r.IntN(l.keys)
			key := "k" + strconv.Itoa(k)
			if r.IntN(2) == 0 {
				serial++
				own[k] = append(own[k], strconv.Itoa(serial))
				t.Ops = append(t.Ops, Op{Kind: ListAppend, Key: key, Value: strconv.Itoa(serial)})
			} else if !at[i].lost {
				t.Ops = append(t.Ops, Op{Kind: ListRead, Key: key, List: slices.Concat(state[k], own[k])})
			}
		}
		if at[i].happens {
			for k, elements := range own {
				state[k] = slices.Concat(state[k], elements)
			}
		}
		history[i] = t
	}
	return history
}

// misread gives a read the answer of another one of the same key.
func misread(r *rand.Rand, history []Txn) {
	for range 20 + 4*len(history) {
		t, o := &history[r.IntN(len(history))], &history[r.IntN(len(history))]
		if t.Outcome != Committed || o.Outcome != Committed {
			continue
		}
		for i := range t.Ops {
			for _, b := range o.Ops {
				a := &t.Ops[i]
				if a.Kind == b.Kind && a.Key == b.Key && (a.Kind == Read || a.Kind == ListRead) && (a.Value != b.Value || !slices.Equal(a.List, b.List)) {
					a.Value, a.Found, a.List = b.Value, b.Found, b.List
					return
				}
			}
		}
	}
}

// Long histories of transactions that write blindly nowhere are decided at every level, within what a simulated run may spend.
func TestLongHistoriesAreDecidedAtEveryLevel(t *testing.T) {
	histories := 12
	if *differential > 0 {
		histories = max(histories, *differential/5000)
	}
	for name, of := range map[string]func(l load) []Txn{"lists": load.lists, "registers": func(l load) []Txn { return l.transactions(false) }} {
		t.Run(name, func(t *testing.T) {
			count := inParallel(histories, func(seed uint64, count map[string]int) {
				r := rand.New(rand.NewPCG(seed, 79))
				l := load{operations: 50 << r.IntN(5), clients: 2 + r.IntN(5)*r.IntN(7), keys: 2 + r.IntN(12), lost: float64(r.IntN(5)) / 20, seed: seed}
				history := of(l)
				mistaken := seed%2 == 1
				if mistaken {
					misread(r, history)
				}
				for _, level := range Levels() {
					result := CheckLevel(context.Background(), level, history, SimulationLimits())
					switch {
					case result.Verdict == Unknown:
						t.Errorf("%+v, mistaken %t, %s: %v", l, mistaken, level, result.Reason)
					case result.Verdict == Illegal && !mistaken:
						t.Errorf("%+v: expected legal at %s: %v", l, level, result.Err())
					}
					count[fmt.Sprint(level, " ", result.Verdict, " by ", result.Proof)]++
				}
			})
			t.Log(count)
			require.Positive(t, count["strict-serializable legal by order"]+count["strict-serializable legal by search"])
			require.Positive(t, count["read-committed illegal by cycle"]+count["read-committed illegal by read"])
		})
	}
}
