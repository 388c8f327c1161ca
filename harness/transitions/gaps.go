package transitions

import (
	"github.com/firstgap/firstgap/spec/volume"
)

// A way is one way of taking a transition: the action's parameters in the state that it leaves.
type way struct {
	action  volume.Action
	e, t, l int
	r, p    int
}

// A GapClass is transitions of the model that the implementation never takes, and why. It is a claim, and is held against what is
// driven: one transition of the class that was driven refutes it.
type GapClass struct {
	Name   string
	Reason string
	covers func(s *volume.State, w *way) bool
}

// gapClasses are all reasons why a transition is not driven.
var gapClasses = []GapClass{
	{
		Name: "acknowledged at once",
		Reason: "The writer acknowledges a commit in the step in which its VDL reaches the commit's LSN. The model lets anything come between; " +
			"here nothing does, and the state in between is left by the acknowledgement alone.",
		covers: func(s *volume.State, w *way) bool {
			unacked := false
			for t := 1; t <= s.World().Txns; t++ {
				if l, e := s.CommitOf(t); l > 0 && l <= s.VDL(e) && !s.Acked(t) {
					unacked = true
				}
			}
			return unacked && w.action != volume.ActAck
		},
	},
	{
		Name: "kept records come in order",
		Reason: "Of the log that it kept, a new writer has loaded what some segment that answered its fence lacked, and what may have to be undone. Of this it sends " +
			"a segment all that lies above the segment's SCL, in one message and in the order of the LSNs, and the segment appends them in this order: where the writer " +
			"has loaded the lower one of two kept records, the higher one is never durable first, not even when a crash tears the write. The model stores them in any order.",
		covers: func(s *volume.State, w *way) bool {
			if w.action != volume.ActStore || w.l > s.Base(w.e) {
				return false
			}
			for l := 1; l < w.l; l++ {
				if s.Stored(w.r, l) == 0 && loaded(s, w.e, l) {
					return true
				}
			}
			return false
		},
	},
	{
		Name: "a peer gives all that it has",
		Reason: "A segment gives a peer every record that it has above the peer's SCL. Where the giver has had a lower record that the peer lacks for as long as " +
			"it has followed the line, no message of that line brings the higher one alone.",
		covers: func(s *volume.State, w *way) bool {
			line := s.Line(w.r)
			if w.action != volume.ActGossip || line == 1 {
				return false
			}
			for l := 1; l < w.l; l++ {
				if s.Stored(w.r, l) == 0 && l <= s.Base(line) && s.SCL(line-1, w.p) >= l {
					return true
				}
			}
			return false
		},
	},
}

// loaded tells whether the writer of e has loaded the kept record l whichever segments answered its fence: every read quorum has one
// that was not complete up to l, or a transaction with a change at or below l may have to be undone.
func loaded(s *volume.State, e, l int) bool {
	complete := 0
	for r := range s.World().Replicas {
		for d := 1; d < e; d++ {
			if s.SCL(d, r) >= l {
				complete++
				break
			}
		}
	}
	return complete < s.World().ReadQuorum || mayUndo(s, e, l)
}

// mayUndo tells whether a transaction with a change at or below l was active where e has cut the log.
func mayUndo(s *volume.State, e, l int) bool {
	standing, first := map[int32]int{}, map[int32]int{}
	for at := 1; at <= s.Base(e); at++ {
		switch r := s.Record(e, at); r.Kind {
		case volume.Write:
			standing[r.Txn]++
			if first[r.Txn] == 0 {
				first[r.Txn] = at
			}
		case volume.Undo:
			standing[r.Txn]--
		case volume.Commit:
			standing[r.Txn] = 0
		}
	}
	for t, n := range standing {
		if n > 0 && first[t] <= l {
			return true
		}
	}
	return false
}

// ways lists every way of taking a transition from its state, into which it puts s.
func (g *graph) ways(s *volume.State, id *volume.Identity, t *transition) ([]way, error) {
	if err := id.Load(s, []byte(g.codes[t.from])); err != nil {
		return nil, err
	}
	var all []way
	try := func(w way, refused volume.Refusal) {
		if refused != "" {
			return
		}
		w.action, _ = s.LastAction()
		if g.names[t.action] == w.action.String() && g.states[string(id.Append(nil, s))] == t.to {
			all = append(all, w)
		}
		s.TakeBack()
	}
	world := s.World()
	for e := 1; e <= world.MaxEpoch; e++ {
		try(way{e: e}, s.Advance(e))
		try(way{e: e}, s.Start(e))
		try(way{e: e}, s.Open(e))
		for t := 1; t <= world.Txns; t++ {
			try(way{e: e, t: t}, s.Commit(e, t))
			try(way{e: e, t: t}, s.Undo(e, t))
			try(way{e: e, t: t}, s.Ack(e, t))
			for k := range world.Keys {
				try(way{e: e, t: t}, s.Write(e, t, k, true))
			}
		}
		for r := range world.Replicas {
			try(way{e: e, r: r}, s.Fence(e, r))
			try(way{e: e, r: r}, s.Join(e, r))
			for l := 1; l <= s.End(e); l++ {
				try(way{e: e, r: r, l: l}, s.Store(e, l, r))
			}
		}
		for q := 1; q < 1<<world.Replicas; q++ {
			try(way{e: e}, s.Decide(e, volume.ReplicaSet{uint64(q)}))
		}
	}
	for r := range world.Replicas {
		for p := range world.Replicas {
			for l := 1; r != p && l <= world.MaxLSN; l++ {
				try(way{r: r, p: p, l: l}, s.Gossip(r, p, l))
			}
		}
	}
	return all, nil
}

// classOf returns the first class that covers every way of taking a transition, -1 if none does. It leaves s in the state that the
// transition leaves.
func (g *graph) classOf(s *volume.State, id *volume.Identity, t *transition) (int, error) {
	ways, err := g.ways(s, id, t)
	if err != nil {
		return -1, err
	}
	for n := range gapClasses {
		covered := len(ways) > 0
		for i := range ways {
			covered = covered && gapClasses[n].covers(s, &ways[i])
		}
		if covered {
			return n, nil
		}
	}
	return -1, nil
}
