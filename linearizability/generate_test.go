package linearizability

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"strconv"
)

// A load is a made-up history of calls or transactions: clients run one operation after another, each takes effect at a
// random instant between its begin and its end, and some never hear what came of it, after which the client goes on under a
// new number.
type load struct {
	operations, clients, keys int
	lost                      float64 // share of operations whose outcome is unknown; half of them take effect
	seed                      uint64
	failing                   float64 // share of swaps that expect what is not there any more
}

// An instant is when an operation begins, takes effect and ends.
type instant struct {
	begin, effect, end int64
	client             int
	lost, happens      bool
}

type freeClients []instant // the next begin of a client

func (f freeClients) Len() int           { return len(f) }
func (f freeClients) Less(i, j int) bool { return f[i].begin < f[j].begin }
func (f freeClients) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *freeClients) Push(x any)        { *f = append(*f, x.(instant)) }
func (f *freeClients) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}

// instants are those of the operations, and their order of effect.
func (l load) instants(r *rand.Rand) (at []instant, order []int32) {
	var free freeClients
	for c := range l.clients {
		heap.Push(&free, instant{begin: r.Int64N(1_000_000), client: c})
	}
	next := l.clients
	at = make([]instant, l.operations)
	order = make([]int32, l.operations)
	for i := range at {
		k := heap.Pop(&free).(instant)
		length := int64(r.ExpFloat64()*1_000_000) + 1
		k.effect, k.end = k.begin+r.Int64N(length), k.begin+length
		k.lost = r.Float64() < l.lost
		k.happens = !k.lost || r.IntN(2) == 0
		at[i], order[i] = k, int32(i)
		free := &free
		if k.lost {
			heap.Push(free, instant{begin: k.end, client: next})
			next++
		} else {
			heap.Push(free, instant{begin: k.end + r.Int64N(10_000), client: k.client})
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		if at[a].effect != at[b].effect {
			return int(max(-1, min(1, at[a].effect-at[b].effect)))
		}
		return int(a - b)
	})
	return at, order
}

// registerCalls are puts, gets and swaps of values that are written once each: of the swaps, three in four expect what is
// there.
func (l load) registerCalls() []Call {
	r := rand.New(rand.NewPCG(l.seed, 1))
	at, order := l.instants(r)
	keys := make([]string, l.keys)
	for i := range keys {
		keys[i] = "key" + strconv.Itoa(i)
	}
	state, stale := make([]string, l.keys), make([]string, l.keys)
	history := make([]Call, l.operations)
	for n, i := range order {
		key := r.IntN(l.keys)
		before := state[key]
		c := Call{Client: at[i].client, Begin: at[i].begin, End: at[i].end, Key: keys[key], Kind: Get, Unknown: at[i].lost, Line: int(i) + 1}
		now := &state[key]
		switch r.IntN(4) {
		case 0, 1:
			if !c.Unknown {
				c.Value, c.Found = *now, *now != ""
			}
		case 2:
			c.Kind, c.Value = Put, strconv.Itoa(n)
			if at[i].happens {
				*now = c.Value
			}
		case 3:
			if *now == "" {
				c.Kind, c.Value = Put, strconv.Itoa(n)
			} else {
				c.Kind, c.From, c.Value, c.Swapped = CompareAndSwap, *now, strconv.Itoa(n), !c.Unknown
			}
			if l.failing > 0 && stale[key] != "" && r.Float64() < l.failing {
				c.Kind, c.From, c.Value, c.Swapped = CompareAndSwap, stale[key], strconv.Itoa(n), false
			} else if at[i].happens {
				*now = c.Value
			}
		}
		if *now != before {
			stale[key] = before
		}
		history[i] = c
	}
	return history
}

// transactions are of two keys that each reads, of the last of which it writes most; blind ones write what they did not read.
func (l load) transactions(blind bool) []Txn {
	r := rand.New(rand.NewPCG(l.seed, 2))
	at, order := l.instants(r)
	keys := make([]string, l.keys)
	for i := range keys {
		keys[i] = "key" + strconv.Itoa(i)
	}
	state := make([]string, l.keys)
	history := make([]Txn, l.operations)
	for n, i := range order {
		k := at[i]
		t := Txn{ID: uint64(i) + 1, Client: k.client, Begin: k.begin, End: k.end, Outcome: Committed}
		if k.lost {
			t.Outcome = OutcomeUnknown
		}
		touched := [2]int{r.IntN(l.keys), r.IntN(l.keys)}
		for _, key := range touched {
			if blind && r.IntN(2) == 0 {
				continue
			}
			t.Ops = append(t.Ops, Op{Kind: Read, Key: keys[key], Value: state[key], Found: state[key] != ""})
		}
		reading := r.IntN(4) == 0
		for at, key := range touched {
			if reading || at > 0 && touched[0] == key {
				continue
			}
			value := strconv.Itoa(2*n + at)
			t.Ops = append(t.Ops, Op{Kind: Write, Key: keys[key], Value: value})
			if k.happens {
				state[key] = value
			}
		}
		history[i] = t
	}
	return history
}

// calls are of any model: elements and values come once each, and what is seen is what is there.
func (l load) calls(model Model) []Call {
	if model == ModelRegister {
		return l.registerCalls()
	}
	r := rand.New(rand.NewPCG(l.seed, 3))
	at, order := l.instants(r)
	keys := make([]holding, l.keys)
	history := make([]Call, l.operations)
	for n, i := range order {
		key := r.IntN(l.keys)
		h := &keys[key]
		c := Call{Client: at[i].client, Begin: at[i].begin, End: at[i].end, Key: "key" + strconv.Itoa(key), Kind: Get, Unknown: at[i].lost, Line: int(i) + 1}
		changes := r.IntN(2) == 0
		switch model {
		case ModelKV:
			if h.value != nil {
				c.Value, c.Found = *h.value, true
			}
			if changes {
				c.Kind, c.Value, c.Found = Put, strconv.Itoa(n), false
			}
		case ModelList, ModelSet:
			c.Elements = slices.Clone(h.list)
			if changes {
				c.Kind, c.Value, c.Elements = Append, strconv.Itoa(n), nil
				if model == ModelSet {
					c.Kind = Add
				}
			}
		case ModelQueue:
			c.Kind = Dequeue
			if len(h.list) > 0 {
				c.Value, c.Found = h.list[0], true
			}
			if changes {
				c.Kind, c.Value, c.Found = Enqueue, strconv.Itoa(n), false
			}
		case ModelCounter:
			c.Value = strconv.FormatInt(h.count, 10)
			if changes {
				c.Kind, c.Value = Add, "1"
			}
		case ModelMutex:
			c.Kind = Acquire
			if h.held {
				c.Kind = Release
			}
		}
		if at[i].happens {
			*h, _ = perform(model, *h, c)
		}
		if c.Unknown {
			c.Found, c.Elements = false, nil
			if c.Kind == Dequeue || c.Kind == Get {
				c.Value = ""
			}
		}
		history[i] = c
	}
	return history
}
