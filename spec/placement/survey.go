package placement

import (
	"fmt"

	"github.com/firstgap/firstgap/spec/check"
)

// A Condition is what has become of the replicas of one group after a record was acknowledged. Each list has replicas, counted
// from 1; no replica is in two of the lists Down, Lost and Silent.
type Condition struct {
	Stores []int // those that had the record on disk, and said so, before anything went wrong: a write quorum
	Down   []int // they answer no longer, and their disks are as they were
	Lost   []int // their disks are lost, and that is known
	Silent []int // their disks are empty, and they answer and vote on as if they never had anything
}

// A Survival is what the model lets a design do in a condition.
type Survival struct {
	Writes bool // those that are up are a write quorum
	Reads  bool // those that are up are a read quorum
	Data   bool // the record, and its page, are on some disk that is not known to be lost: the invariant Kept
	// Durable says that every read quorum of disks that are not known to be lost has the record: the invariant of that name.
	// Without it a recovery may lose the record and not know.
	Durable bool
}

// After says what is left in a condition, without a search. It refuses what Validate refuses, and a condition that no behaviour
// of the model reaches.
func (w World) After(c Condition) (Survival, error) {
	w, err := w.complete()
	if err != nil {
		return Survival{}, err
	}
	m := newQuorums(w)
	s := state{Acked: 1}
	struck := make([]string, m.replicas())
	for _, list := range []struct {
		name    string
		members []int
		strike  func(r int)
	}{
		{"stores", c.Stores, func(r int) { s.Store[r], s.Told[r] = 1, 1 }},
		{"down", c.Down, func(r int) { s.Status[r] = down }},
		{"lost", c.Lost, func(r int) { s.Status[r], s.Store[r], s.Told[r] = lost, 0, 0 }},
		{"silent", c.Silent, func(r int) { s.Store[r] = 0 }},
	} {
		for _, r := range list.members {
			if r < 1 || r > m.replicas() {
				return Survival{}, check.Wrong("condition: "+list.name, fmt.Sprintf("%v, with replica %d", list.members, r), fmt.Sprintf("replicas 1 to %d", m.replicas()))
			}
			if before := struck[r-1]; before != "" {
				return Survival{}, check.Wrong("condition: "+list.name, fmt.Sprintf("%v, with replica %d, which is among %s", list.members, r, before), "each replica in at most one list")
			}
			if list.name != "stores" {
				struck[r-1] = list.name
			}
			list.strike(r - 1)
		}
	}
	if !m.writes[setOf(c.Stores)] {
		return Survival{}, check.Wrong("condition: stores", fmt.Sprint(c.Stores), "a write quorum, for the record is acknowledged")
	}
	return Survival{Writes: m.writes[m.up(s)], Reads: m.reads[m.up(s)], Data: m.kept(s), Durable: m.durable(s)}, nil
}
