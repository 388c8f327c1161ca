package maelstrom

import (
	"maps"
	"slices"
	"strconv"
)

// Bounds of Parameters: what is above them is a mistake, and would be felt as memory.
const (
	mostClients = 10_000
	mostNodes   = 1_000
	mostKeys    = 100_000
	mostLength  = 10_000
)

// filled is the parameters with their defaults; a value out of bounds is a *ParameterError.
func (p Parameters) filled(workload string) (Parameters, error) {
	if n := len(p.Nodes); n == 0 || n > mostNodes {
		return p, &ParameterError{Workload: workload, Parameter: "number of nodes", Value: strconv.Itoa(n), Known: between(1, mostNodes)}
	}
	for _, c := range []struct {
		name           string
		value          *int
		otherwise, max int
	}{
		{"number of clients", &p.Clients, len(p.Nodes), mostClients},
		{"number of calls of a key", &p.OpsPerKey, DefaultOpsPerKey, mostLength},
		{"number of keys", &p.KeyCount, 0, mostKeys},
		{"shortest transaction", &p.MinTxnLength, 1, mostLength},
		{"longest transaction", &p.MaxTxnLength, max(DefaultMaxTxnLength, p.MinTxnLength), mostLength},
		{"number of writes of a key", &p.MaxWritesPerKey, DefaultMaxWritesPerKey, mostLength},
	} {
		if *c.value < 0 || *c.value > c.max {
			return p, &ParameterError{Workload: workload, Parameter: c.name, Value: strconv.Itoa(*c.value), Known: between(0, c.max)}
		}
		if *c.value == 0 {
			*c.value = c.otherwise
		}
	}
	if p.MinTxnLength > p.MaxTxnLength {
		return p, &ParameterError{Workload: workload, Parameter: "shortest transaction", Value: strconv.Itoa(p.MinTxnLength), Known: between(0, p.MaxTxnLength)}
	}
	if p.Consistency == "" {
		p.Consistency = DefaultConsistency
	}
	if p.Topology == "" {
		p.Topology = DefaultTopology
	}
	return p, nil
}

func between(low, high int) []string {
	return []string{"numbers from " + strconv.Itoa(low) + " to " + strconv.Itoa(high)}
}

// rotation is a set of keys in use. A key that was written often enough gives way to a new one, so that a history stays cheap to
// decide however long it is, and new keys keep being made.
type rotation struct {
	active []int
	writes map[int]int
	fresh  int // the next key
	most   int // writes of a key
}

func newRotation(keys, most int) *rotation {
	r := &rotation{writes: map[int]int{}, most: most}
	for ; r.fresh < keys; r.fresh++ {
		r.active = append(r.active, r.fresh)
	}
	return r
}

// pick draws a key: the last one is drawn half of the time, the one before it half of the rest, and so on, so that some keys are
// contended and others are not.
func (r *rotation) pick(draw func(n int) int) int {
	i := len(r.active) - 1
	for i > 0 && draw(2) == 0 {
		i--
	}
	return r.active[i]
}

// write counts a write of a key and returns its number on that key, from 1, and the key, which is a new one when the old one has
// had all its writes.
func (r *rotation) write(key int) (k, value int) {
	if r.writes[key] >= r.most {
		delete(r.writes, key)
		if i := slices.Index(r.active, key); i >= 0 {
			r.active[i] = r.fresh
			key = r.fresh
			r.fresh++
		}
	}
	r.writes[key]++
	return key, r.writes[key]
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
