package coverage

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// A walker walks through a world at random and tells a follower what nodes of a run would tell that did the same: at other LSNs and
// epochs, and with other transactions, rows and groups around it.
type walker struct {
	t      *testing.T
	w      *world
	s      *volume.State
	ids    *volume.Identity
	rng    *rand.Rand
	v      *node.Volume
	f      *Follower
	lsns   map[[2]int]node.LSN
	next   node.LSN
	epoch  int // of the run that is the world's first
	around bool
	others uint64
}

func newWalker(t *testing.T, u *Universe, at int, seed uint64, around bool) *walker {
	w := u.worlds[at]
	s, err := volume.NewState(w.world)
	require.NoError(t, err)
	ids, err := volume.NewIdentity(w.world)
	require.NoError(t, err)
	x := &walker{t: t, w: w, s: s, ids: ids, rng: rand.New(rand.NewPCG(seed, 1)), f: u.NewFollower(), lsns: map[[2]int]node.LSN{}, next: 1, epoch: 1, around: around}
	x.v = &node.Volume{WriteQuorum: w.world.WriteQuorum, ReadQuorum: w.world.ReadQuorum, Register: 1}
	id := node.ID(2)
	for range 2 {
		var members []node.ID
		for range w.world.Replicas {
			members = append(members, id)
			id++
		}
		x.v.Segments = append(x.v.Segments, members)
	}
	x.f.Begin(x.v, 0)
	if around { // the run has had writers and records before
		for range 4 {
			x.epoch++
			x.tell(1, &node.Trace{Action: node.ActStart, Epoch: node.Epoch(x.epoch)})
		}
		x.next = 1000
	}
	return x
}

func (x *walker) tell(from node.ID, t *node.Trace) { x.f.Tell(from, t) }

// noise tells of something that the world has no room for: a transaction in the other group.
func (x *walker) noise() {
	if !x.around || x.rng.IntN(3) > 0 {
		return
	}
	x.others++
	x.next++
	r := &node.Record{LSN: x.next, Epoch: node.Epoch(x.epoch), Group: 1, Kind: node.Write, Txn: node.Txn(1<<40 + x.others), Key: "other", Last: true}
	// It does not begin a window: those of the test are open.
	if len(x.f.begun) > 0 {
		x.tell(90, &node.Trace{Action: node.ActWrite, Epoch: r.Epoch, Record: r})
		x.tell(x.v.Segments[1][0], &node.Trace{Action: node.ActStore, Epoch: r.Epoch, Record: r})
	}
}

func (x *walker) issue(e int, kind node.Kind, action node.Action, t int) {
	x.next++
	l := x.s.End(e)
	x.lsns[[2]int{e, l}] = x.next
	rec := x.s.Record(e, l)
	r := &node.Record{LSN: x.next, Epoch: node.Epoch(x.epoch + e - 1), Group: 0, Kind: kind, Txn: node.Txn(t), Last: rec.Last}
	if kind != node.Commit {
		r.Key = "row"
	}
	if kind == node.Undo {
		for k := l - 1; k >= 1; k-- {
			if y := x.s.Record(e, k); y.Kind == volume.Write && int(y.Txn) == t {
				r.Undoes = x.lsn(e, k)
				break
			}
		}
	}
	x.tell(90, &node.Trace{Action: action, Epoch: r.Epoch, Record: r})
}

// lsn returns the run's LSN of what the log of e has at l.
func (x *walker) lsn(e, l int) node.LSN { return x.lsns[[2]int{int(x.s.Record(e, l).Epoch), l}] }

// step takes a step at random, if the model allows it, and tells of it.
func (x *walker) step() bool {
	world := &x.w.world
	e, t := 1+x.rng.IntN(world.MaxEpoch), 1+x.rng.IntN(world.Txns)
	r, p, l := x.rng.IntN(world.Replicas), x.rng.IntN(world.Replicas), 1+x.rng.IntN(world.MaxLSN)
	epoch := node.Epoch(x.epoch + e - 1)
	id := x.v.Segments[0][r]
	switch x.rng.IntN(12) {
	case 0:
		if x.s.Write(e, t, 0, true) != "" {
			return false
		}
		x.issue(e, node.Write, node.ActWrite, t)
	case 1:
		if x.s.Commit(e, t) != "" {
			return false
		}
		x.issue(e, node.Commit, node.ActCommit, t)
	case 2:
		if x.s.Undo(e, t) != "" {
			return false
		}
		x.issue(e, node.Undo, node.ActUndo, t)
	case 3, 4:
		if x.s.Store(e, l, r) != "" {
			return false
		}
		x.tell(id, &node.Trace{Action: node.ActStore, Epoch: epoch, Record: x.record(e, l)})
	case 5:
		if x.s.Gossip(r, p, l) != "" {
			return false
		}
		line := x.s.Line(r)
		x.tell(id, &node.Trace{Action: node.ActStore, Epoch: node.Epoch(x.epoch + line - 1), Record: x.record(line, l), From: x.v.Segments[0][p]})
	case 6:
		if x.s.Advance(e) != "" {
			return false
		}
		x.tell(90, &node.Trace{Action: node.ActAdvance, Epoch: epoch, LSN: x.lsn(e, x.s.VCL(e))})
	case 7:
		if x.s.Ack(e, t) != "" {
			return false
		}
		x.tell(90, &node.Trace{Action: node.ActAck, Epoch: epoch, Txn: node.Txn(t)})
	case 8:
		if x.rng.IntN(4) > 0 || x.s.Start(e) != "" {
			return false
		}
		x.tell(1, &node.Trace{Action: node.ActStart, Epoch: epoch})
	case 9:
		if x.s.Fence(e, r) != "" {
			return false
		}
		x.tell(id, &node.Trace{Action: node.ActFence, Epoch: epoch})
	case 10:
		return x.decide(e)
	case 11:
		if x.rng.IntN(2) == 0 {
			if x.s.Join(e, r) != "" {
				return false
			}
			x.tell(id, &node.Trace{Action: node.ActJoin, Epoch: epoch})
		} else {
			if x.s.Open(e) != "" {
				return false
			}
			x.tell(90, &node.Trace{Action: node.ActOpen, Epoch: epoch})
		}
	}
	return true
}

func (x *walker) record(e, l int) *node.Record {
	return &node.Record{LSN: x.lsn(e, l), Epoch: node.Epoch(x.epoch + int(x.s.Record(e, l).Epoch) - 1), Group: 0}
}

func (x *walker) decide(e int) bool {
	var q volume.ReplicaSet
	var answers []node.ID
	for r := range x.w.world.Replicas {
		if x.s.FenceOf(r) == e && x.rng.IntN(3) > 0 {
			q, answers = q.With(r), append(answers, x.v.Segments[0][r])
		}
	}
	if x.s.Decide(e, q) != "" {
		return false
	}
	base := x.s.Base(e)
	d := &node.DecideStep{Answers: answers}
	for l := 1; l <= base; l++ {
		if own := node.Epoch(x.epoch + int(x.s.Record(e, l).Epoch) - 1); len(d.History) == 0 || d.History[len(d.History)-1].Epoch != own {
			d.History = append(d.History, node.Span{Epoch: own, From: x.lsn(e, l)})
		}
	}
	cut := node.LSN(0)
	if base > 0 {
		cut = x.lsn(e, base)
	}
	d.History = append(d.History, node.Span{Epoch: node.Epoch(x.epoch + e - 1), From: cut + 1})
	x.tell(90, &node.Trace{Action: node.ActDecide, Epoch: node.Epoch(x.epoch + e - 1), LSN: cut, Detail: d})
	return true
}

// A run that is a walk through the world itself is followed exactly: after each step a window is in the walk's state, at whatever LSNs and
// epochs the run has it, and whatever else the run does. A window that was one step off would count states that no run came through.
func TestAWalkThroughTheWorldIsFollowedStepByStep(t *testing.T) {
	u := universe(t, "tiny-sym", "six-short", "two-txns")
	for at, w := range u.worlds {
		var followed, steps int
		for seed := range uint64(40) {
			for _, around := range []bool{false, true} {
				x := newWalker(t, u, at, seed, around)
				var mine *window
				for range 400 {
					x.noise()
					if !x.step() {
						continue
					}
					steps++
					if mine == nil {
						// The window that opened at the walk's first step, in its group: at a take-over the windows look at different ones.
						for _, waits := range []bool{true, false} {
							if i := slices.IndexFunc(x.f.windows, func(y window) bool { return y.at == at && y.waits == waits && y.bound && y.groups[0] == 0 }); mine == nil && i >= 0 {
								mine = &x.f.windows[i]
							}
						}
						require.NotNil(t, mine, w.name)
					}
					if !mine.bound {
						break // all is written and answered, or the walk goes on where its world ends
					}
					require.Equal(t, x.ids.Append(nil, x.s), mine.identity.Append(nil, mine.state), "%s, seed %d, after %s", w.name, seed, x.s.LastStep())
					followed++
				}
				for _, y := range x.f.Features() {
					require.Less(t, y.Index(), u.Spaces()[y.Space()].Size)
				}
			}
		}
		require.Greater(t, followed, steps*9/10, "%s: windows were open", w.name)
		require.Greater(t, followed, 1000, w.name)
	}
}

// A run with a mistake tells what the model does not allow, in any order. Its windows close, and nothing is counted that is not enumerated:
// the follower itself asserts that.
func TestALyingRunClosesWindowsAndBreaksNothing(t *testing.T) {
	u := universe(t, Small()...)
	spaces := u.Spaces()
	for seed := range uint64(60) {
		x := newWalker(t, u, 0, seed, seed%2 == 0)
		rng := rand.New(rand.NewPCG(seed, 2))
		for range 300 {
			x.noise()
			x.step()
			if rng.IntN(6) > 0 || len(x.lsns) == 0 {
				continue
			}
			// Something that did not happen.
			e := node.Epoch(x.epoch + rng.IntN(4) - 1)
			r := &node.Record{LSN: node.LSN(1 + rng.IntN(int(x.next)+3)), Epoch: e, Kind: node.Kind(1 + rng.IntN(4)), Txn: node.Txn(rng.IntN(3)), Key: "row", Last: true}
			lie := &node.Trace{Action: node.Action(1 + rng.IntN(20)), Epoch: e, LSN: r.LSN, Txn: r.Txn, From: node.ID(rng.IntN(16)), Record: r}
			switch lie.Action {
			case node.ActDecide:
				lie.Detail = &node.DecideStep{Answers: []node.ID{2, 3, node.ID(rng.IntN(30))}, History: node.History{{Epoch: e, From: 1}}}
			case node.ActChange, node.ActGrow:
				lie.Detail = &node.GeometryStep{Group: node.Group(rng.IntN(4)), Members: node.Membership{Sets: []node.Replicas{node.Replicas(rng.IntN(8))}}}
			}
			x.tell(node.ID(rng.IntN(16)), lie)
		}
		for _, y := range x.f.Features() {
			require.Less(t, y.Index(), spaces[y.Space()].Size)
		}
	}
}

// A follower that is used for one run after the other says of each what it would have said of it alone.
func TestAFollowerForgetsTheRunBefore(t *testing.T) {
	u := universe(t, Small()...)
	walk := func(f *Follower, seed uint64) Features {
		x := newWalker(t, u, 0, seed, false)
		if f != nil {
			x.f = f
			f.Begin(x.v, 0)
		}
		for range 200 {
			x.step()
		}
		return x.f.Features()
	}
	f := u.NewFollower()
	for seed := range uint64(10) {
		require.Equal(t, walk(nil, seed), walk(f, seed))
	}
	f.Begin(nil, 0)
	f.Tell(2, &node.Trace{Action: node.ActStart, Epoch: 2})
	require.Empty(t, f.Features(), "a system without a volume comes through no world")
}

// Of many worlds a run is looked at through every other one.
func TestARunIsLookedAtThroughEveryOtherOfManyWorlds(t *testing.T) {
	u := universe(t, append(Small(), "two-txns")...)
	f := u.NewFollower()
	v := &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Register: 1, Segments: [][]node.ID{{2, 3, 4, 5, 6, 7}, {8, 9, 10, 11, 12, 13}}}
	for turn := range uint64(2) {
		f.Begin(v, turn)
		f.Tell(1, &node.Trace{Action: node.ActStart, Epoch: 2})
		worlds := map[int]bool{}
		for _, x := range f.Features() {
			worlds[x.Space()/len(kinds)] = true
		}
		for at := range u.worlds {
			require.Equal(t, (uint64(at)+turn)%2 == 1, worlds[at], "world %d at turn %d", at, turn)
		}
	}
}
