package transitions

import (
	"slices"

	"github.com/firstgap/firstgap/spec/volume"
)

// A way is one way of taking a transition: the action's parameters in the state that it leaves.
type way struct {
	action  volume.Action
	e, t, l int
	k       int
	r, p    int
	quorum  volume.ReplicaSet
}

// A GapClass is transitions of the model that the implementation never takes, and why. It is a claim, and is held against what is
// driven: one transition of the class that was driven refutes it.
type GapClass struct {
	Name   string
	Reason string
	covers func(s *volume.State, w *way) bool
}

// The names of the classes.
const (
	ackedAtOnce = "acknowledged at once"
	keptInOrder = "kept records come in order"
	notLoaded   = "kept records that all had are not loaded"
	firstQuorum = "the first read quorum decides"
	givesAll    = "a peer gives all that it has"
	locksHeld   = "rows stay locked until the commit is durable"
	rolledBack  = "a rollback is one step"
)

// gapsOf returns the classes that a world has.
func gapsOf(s *Scope) []GapClass {
	var all []GapClass
	for _, c := range gapClasses {
		if slices.Contains(s.Gaps, c.Name) {
			all = append(all, c)
		}
	}
	return all
}

// gapClasses are all reasons why a transition is not driven.
var gapClasses = []GapClass{
	{
		Name: ackedAtOnce,
		Reason: "The writer acknowledges a commit in the step in which its VDL reaches the commit's LSN, and commits in the order of their LSNs. The model lets anything " +
			"come between; here only what the same step advances over does.",
		covers: func(s *volume.State, w *way) bool {
			for t := 1; t <= s.World().Txns; t++ {
				l, e := s.CommitOf(t)
				if l == 0 || l > s.VDL(e) || s.Acked(t) {
					continue
				}
				first, _ := s.CommitOf(w.t)
				if w.e != e || w.action != volume.ActAdvance && (w.action != volume.ActAck || first > l) {
					return true
				}
			}
			return false
		},
	},
	{
		Name: keptInOrder,
		Reason: "Of the log that it kept, a new writer loads what some segment lacked that answered its fence, what may have to be undone, and all above. Of this it sends " +
			"a segment all that lies above the segment's SCL, in one message and in the order of the LSNs, and the segment appends them in this order: where the writer " +
			"has loaded the lower one of two kept records, the higher one is never durable first, not even when a crash tears the write. The model stores them in any order.",
		covers: func(s *volume.State, w *way) bool {
			if w.action != volume.ActStore || w.l > s.Base(w.e) || given(s, w.r, w.l) {
				return false
			}
			for l := 1; l < w.l; l++ {
				if s.Stored(w.r, l) == 0 && !loadsAbove(s, w.e, l, w.l) {
					return true
				}
			}
			return false
		},
	},
	{
		Name: notLoaded,
		Reason: "Of the log that it kept, a new writer does not load what all segments had that answered its fence, where nothing there may have to be undone. Who lacks " +
			"it gets it of a peer, and not of the writer.",
		covers: func(s *volume.State, w *way) bool {
			return w.action == volume.ActStore && w.l <= s.Base(w.e) && unloaded(s, w.e, w.l) && !given(s, w.r, w.l)
		},
	},
	{
		Name: firstQuorum,
		Reason: "A new writer decides as soon as the answers to its fence are a read quorum. The model may wait for more, and keep by them what no read quorum " +
			"of the least size has.",
		covers: func(s *volume.State, w *way) bool {
			return w.action == volume.ActDecide && w.quorum.Len() > s.World().ReadQuorum
		},
	},
	{
		Name: locksHeld,
		Reason: "A transaction keeps its locks until its commit is acknowledged, so that no other reads or changes what a recovery may still cut. In the model they are " +
			"free once the commit record has its LSN.",
		covers: func(s *volume.State, w *way) bool {
			if w.action != volume.ActWrite {
				return false
			}
			for l := s.End(w.e); l > s.VDL(w.e); l-- {
				if r := s.Record(w.e, l); r.Kind == volume.Commit && int(r.Epoch) == w.e && wrote(s, w.e, int(r.Txn), w.k) {
					return true
				}
			}
			return false
		},
	},
	{
		Name: rolledBack,
		Reason: "A writer takes back all that a transaction of its own has changed in one step, when it has the pages. The model takes back one change at a time, and lets " +
			"anything come between. Where the world's log has no room for all of it, none of it is driven.",
		covers: func(s *volume.State, w *way) bool {
			for e := 1; e <= s.World().MaxEpoch; e++ {
				for t := 1; t <= s.World().Txns; t++ {
					if s.Phase(e) != volume.Open || !s.Active(e, t) {
						continue
					}
					began, standing := changes(s, e, t)
					undoes := w.action == volume.ActUndo && w.e == e && w.t == t
					if began == e && (undoes && standing > s.World().MaxLSN-s.End(e) || !undoes && s.Undone(e, t)) {
						return true
					}
				}
			}
			return false
		},
	},
	{
		Name: givesAll,
		Reason: "A segment gives a peer every record that it has above the peer's SCL. Where the giver had a lower record that the peer lacks before it can have had the " +
			"higher one (when it joined the line, or when the writer opened), no message brings the higher one alone.",
		covers: func(s *volume.State, w *way) bool {
			return w.action == volume.ActGossip && !gives(s, w.p, w.r, w.l)
		},
	},
}

// changes returns the epoch of the first change of t on the log of e, 0 if it has none, and how many of its changes are not taken back.
func changes(s *volume.State, e, t int) (began, standing int) {
	for l := 1; l <= s.End(e); l++ {
		switch r := s.Record(e, l); {
		case int(r.Txn) != t:
		case r.Kind == volume.Write:
			if began == 0 {
				began = int(r.Epoch)
			}
			standing++
		case r.Kind == volume.Undo:
			standing--
		}
	}
	return began, standing
}

// wrote tells whether transaction t has written row k on the log of e.
func wrote(s *volume.State, e, t, k int) bool {
	for l := 1; l <= s.End(e); l++ {
		if r := s.Record(e, l); r.Kind == volume.Write && int(r.Txn) == t && int(r.Key) == k {
			return true
		}
	}
	return false
}

// gives tells whether a message in which p gives r the record l, and none below it that r lacks, may be under way on the line that both
// follow.
func gives(s *volume.State, p, r, l int) bool {
	line := s.Line(r)
	for lower := 1; lower < l && lower <= s.Base(line); lower++ {
		if s.Stored(r, lower) != 0 {
			continue
		}
		if wasComplete(s, line, lower, p) {
			return false // p had it when it joined
		}
		others := 0
		for q := range s.World().Replicas {
			if q != p && s.Stored(q, lower) != 0 {
				others++
			}
		}
		if l > s.Base(line) && others < s.World().WriteQuorum {
			return false // p was of the write quorum that had it when the writer opened, before the writer issued l
		}
	}
	return true
}

// given tells whether a peer may give r the record l. A segment that crashes when it has written it, and before it has told of it, does
// not know where it came from: then the model's Gossip is a Store.
func given(s *volume.State, r, l int) bool {
	for p := range s.World().Replicas {
		if p != r && s.Line(p) == s.Line(r) && s.Stored(p, l) != 0 && gives(s, p, r, l) {
			return true
		}
	}
	return false
}

// behind marks the transitions that leave a state to which only gaps lead: none of them was driven, and each has a reason.
func (g *graph) behind(taken []bool, classes []int) []bool {
	into := make([][]int32, len(g.codes))
	for i := range g.list {
		into[g.list[i].to] = append(into[g.list[i].to], int32(i))
	}
	const unknown, yes, no = 0, 1, 2
	states := make([]uint8, len(g.codes)) // whether only gaps lead there
	states[0] = no
	var only func(state int32) bool
	only = func(state int32) bool {
		if states[state] == unknown {
			states[state] = yes
			for _, i := range into[state] {
				if taken[i] || classes[i] < 0 && !only(g.list[i].from) {
					states[state] = no
					break
				}
			}
		}
		return states[state] == yes
	}
	marks := make([]bool, len(g.list))
	for i := range g.list {
		marks[i] = !taken[i] && classes[i] < 0 && only(g.list[i].from)
	}
	return marks
}

// loadsAbove tells whether the writer of e may have loaded the kept record l without the lower one: the segments that answered its fence
// were all complete up to the lower one, and not all of them up to l, or something between them may have to be undone.
func loadsAbove(s *volume.State, e, lower, l int) bool {
	if mayUndo(s, e, lower) {
		return false
	}
	for q := range 1 << s.World().Replicas {
		set := volume.ReplicaSet{uint64(q)}
		if set.Len() == s.World().ReadQuorum && mayDecide(s, e, set) && completeTo(s, e, lower, set) && (mayUndo(s, e, l) || !completeTo(s, e, l, set)) {
			return true
		}
	}
	return false
}

// unloaded tells whether the writer of e has not loaded the kept record l, whichever segments answered its fence: all of every read
// quorum whose answers make up what it kept were complete up to l.
func unloaded(s *volume.State, e, l int) bool {
	if mayUndo(s, e, l) {
		return false
	}
	for q := range 1 << s.World().Replicas {
		if set := (volume.ReplicaSet{uint64(q)}); set.Len() == s.World().ReadQuorum && mayDecide(s, e, set) && !completeTo(s, e, l, set) {
			return false
		}
	}
	return true
}

// mayDecide tells whether e can have cut its log by the answers of the set: each has promised e, and they had all that was kept. What
// a segment has of it now is all that it may have had.
func mayDecide(s *volume.State, e int, set volume.ReplicaSet) bool {
	for l := 1; l <= s.Base(e); l++ {
		found := false
		for r := range s.World().Replicas {
			found = found || set.Has(r) && s.Stored(r, l) != 0
		}
		if !found {
			return false
		}
	}
	for r := range s.World().Replicas {
		if set.Has(r) && s.FenceOf(r) < e {
			return false
		}
	}
	return true
}

// completeTo tells whether all of the set were complete up to l before they joined e.
func completeTo(s *volume.State, e, l int, set volume.ReplicaSet) bool {
	for r := range s.World().Replicas {
		if set.Has(r) && !wasComplete(s, e, l, r) {
			return false
		}
	}
	return true
}

// wasComplete tells whether r was complete up to l on a line before e's.
func wasComplete(s *volume.State, e, l, r int) bool {
	for d := 1; d < e; d++ {
		if s.SCL(d, r) >= l {
			return true
		}
	}
	return false
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
				try(way{e: e, t: t, k: k}, s.Write(e, t, k, true))
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
			set := volume.ReplicaSet{uint64(q)}
			try(way{e: e, quorum: set}, s.Decide(e, set))
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
func (g *graph) classOf(classes []GapClass, s *volume.State, id *volume.Identity, t *transition) (int, error) {
	ways, err := g.ways(s, id, t)
	if err != nil {
		return -1, err
	}
	for n := range classes {
		covered := len(ways) > 0
		for i := range ways {
			covered = covered && classes[n].covers(s, &ways[i])
		}
		if covered {
			return n, nil
		}
	}
	return -1, nil
}
