package coverage

import (
	"fmt"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// noAction is what the last action of a window is before its first one.
const noAction = volume.Action(255)

// A window is a run as one small world has room for it.
type window struct {
	follower *Follower
	bit      uint // its place among the follower's windows
	at       int  // the place of its world
	world    *world
	waits    bool // for a take-over
	off      bool // for this run
	rounds   int  // windows of this run before it

	bound    bool
	base     int      // the epoch that is the world's first
	groups   []int    // by the world's group: that of the run
	replicas []int8   // by the run's replica: the world's, -1 for those left out
	rows     []string // by the world's key; "" is free
	txns     []node.Txn
	lsns     [][]node.LSN // by the world's epoch-1 and LSN-1: the LSN of a record that its writer issued
	opened   uint64       // by the world's epoch: the run's writer serves
	acks     []uint64     // by the world's epoch-1: transactions whose acknowledgement the model does not allow yet
	last     uint64       // the follower's step when it took its last one

	state    *volume.State
	identity *volume.Identity
	code     []byte
	number   uint32 // of the state
	before   volume.Action
}

// A recordID identifies a record of the run.
type recordID struct {
	lsn   node.LSN
	epoch node.Epoch
}

func (w *window) close() {
	w.bound = false
	w.rounds++
	mask := ^(uint64(1) << w.bit)
	for _, of := range w.lsns {
		for _, l := range of {
			w.follower.in[l] &= mask
		}
	}
	w.lsns = w.lsns[:0]
}

// open makes the window look at what begins in an epoch and a group of the run, as far as the world has room for groups like that.
func (w *window) open(epoch, group int) {
	f, world := w.follower, &w.world.world
	if w.off || epoch < 1 || len(f.members) < world.Groups || w.rounds > 1<<20 {
		return
	}
	all := f.volume.Replicas()
	w.groups = w.groups[:0]
	w.replicas = w.replicas[:0]
	for range len(f.members) * all {
		w.replicas = append(w.replicas, -1)
	}
	for g := range world.Groups {
		// Which group is the world's first differs, because the world tells them apart by their rows.
		of := (group + (g+w.rounds)%world.Groups) % len(f.members)
		members := f.members[of]
		if len(members) < world.Replicas {
			return
		}
		w.groups = append(w.groups, of)
		stride := 1
		if w.rounds%2 == 1 && (len(members)%2 == 1 || world.Replicas <= len(members)/2) {
			stride = 2
		}
		for i := range world.Replicas {
			w.replicas[of*all+members[(w.rounds+i*stride)%len(members)]] = int8(g*world.Replicas + i)
		}
	}
	w.bound, w.base, w.opened, w.last = true, epoch, 0, f.steps
	w.txns = w.txns[:0]
	w.rows = append(w.rows[:0], make([]string, world.Keys)...)
	w.acks = append(w.acks[:0], make([]uint64, world.MaxEpoch)...)
	w.lsns = slices.Grow(w.lsns[:0], world.MaxEpoch)[:world.MaxEpoch]
	for i := range w.lsns {
		w.lsns[i] = w.lsns[i][:0]
	}
	w.state.Reset()
	w.before = noAction
	w.number = 0
	f.note(w.at*len(kinds), 0)
}

// small returns the world's number of an epoch of the run: below 1 for those before the window, above MaxEpoch for those behind it.
func (w *window) small(epoch int) int { return epoch - w.base + 1 }

// smallGroup returns the world's number of a group, -1 for one that is left out.
func (w *window) smallGroup(g int) int { return slices.Index(w.groups, g) }

// recordAt returns what the run has at LSN l of the log of epoch e, both the world's.
func (w *window) recordAt(e, l int) recordID {
	own := w.state.Record(e, l).Epoch
	return recordID{w.lsns[own-1][l-1], node.Epoch(w.base + int(own) - 1)}
}

// takes tells whether the window has room for a record, and makes it where it can.
func (w *window) takes(r *node.Record, begins bool) bool {
	world := &w.world.world
	e := w.small(int(r.Epoch))
	if e < 1 || e > world.MaxEpoch {
		return false
	}
	known := slices.Index(w.txns, r.Txn) >= 0
	if !known && (!begins || len(w.txns) == world.Txns) {
		return false
	}
	if r.Kind != node.Commit {
		g := w.smallGroup(int(r.Group))
		switch k := slices.Index(w.rows, r.Key); {
		case k < 0 && r.Kind == node.Write && g >= 0:
			if k = w.free(g); k < 0 {
				return false
			}
			w.rows[k] = r.Key
		case k < 0:
			return false
		case g != k%world.Groups: // the row has moved
			w.close()
			return false
		}
	}
	if !known {
		w.txns = append(w.txns, r.Txn)
	}
	return true
}

// free returns a key of a group that no row has, -1 when all are taken. Which one comes first differs from window to window: the world
// tells them apart.
func (w *window) free(g int) int {
	world := &w.world.world
	for i := range world.Keys {
		if k := (i + w.rounds) % world.Keys; k%world.Groups == g && w.rows[k] == "" {
			return k
		}
	}
	return -1
}

// issue takes a record of the window.
func (w *window) issue(t *node.Trace) {
	r := t.Record
	e, txn := w.small(int(r.Epoch)), slices.Index(w.txns, r.Txn)+1
	var refused volume.Refusal
	var action volume.Action
	k := slices.Index(w.rows, r.Key)
	switch r.Kind {
	case node.Write:
		action, refused = volume.ActWrite, w.state.WriteIn(e, txn, k, k%w.world.world.Groups, r.Last || !w.world.world.Mtr)
	case node.Commit:
		action, refused = volume.ActCommit, w.state.Commit(e, txn)
	default:
		if !w.has(r.Undoes) {
			return // it takes back what is left out
		}
		action, refused = volume.ActUndo, w.state.UndoIn(e, txn, k%w.world.world.Groups)
	}
	switch refused {
	case "":
	case volume.LogFull, volume.HoldsKey:
		return // there is no room for it: it is left out, and what takes it back will be
	default:
		w.close()
		return
	}
	l := w.state.End(e)
	if w.groups[w.state.Record(e, l).Group] != int(r.Group) {
		w.close() // the commit record is in a group that is left out
		return
	}
	of := &w.lsns[e-1]
	for len(*of) < l {
		*of = append(*of, 0)
	}
	(*of)[l-1] = r.LSN
	w.follower.mark(r.LSN, w.bit)
	w.took(action)
}

// has tells whether a record of the window has that LSN.
func (w *window) has(l node.LSN) bool {
	return int(l) < len(w.follower.in) && w.follower.in[l]>>w.bit&1 == 1
}

// store takes a copy of a record on a segment's line.
func (w *window) store(from, peer node.ID, epoch int, lsn node.LSN, of node.Epoch) {
	r := w.replica(from)
	e := w.small(epoch)
	if r < 0 || e < 1 || e > w.world.world.MaxEpoch {
		return
	}
	l := 1
	for ; l <= w.state.End(e); l++ {
		if w.recordAt(e, l) == (recordID{lsn, of}) {
			break
		}
	}
	if l > w.state.End(e) || w.state.Stored(r, l) != 0 {
		return
	}
	if p := w.replica(peer); peer != 0 && p >= 0 && w.state.Line(r) == e && w.state.Gossip(r, p, l) == "" {
		w.took(volume.ActGossip)
		return
	}
	if w.state.Store(e, l, r) != "" {
		w.close()
		return
	}
	w.took(volume.ActStore)
}

// replica returns the world's number of a segment, -1 for one that is left out.
func (w *window) replica(id node.ID) int {
	r := w.follower.replica(id)
	if r < 0 {
		return -1
	}
	return int(w.replicas[r])
}

func (w *window) start(epoch int) {
	if e := w.small(epoch); e > w.world.world.MaxEpoch || w.state.Start(e) != "" {
		w.close()
		return
	}
	w.took(volume.ActStart)
}

// step takes what a node told of something that is no record.
func (w *window) step(from node.ID, t *node.Trace) {
	e := w.small(int(t.Epoch))
	if e < 1 || e > w.world.world.MaxEpoch {
		return
	}
	switch t.Action {
	case node.ActAck:
		if i := slices.Index(w.txns, t.Txn); i >= 0 {
			w.acks[e-1] |= 1 << i
			w.catchUp()
		}
	case node.ActOpen:
		w.opened |= 1 << e
		w.catchUp()
	case node.ActDecide:
		if e > 1 { // the first one's is before the window
			w.decide(e, t)
		}
	case node.ActFence:
		if r := w.replica(from); r >= 0 && w.state.FenceOf(r) < e {
			w.take(volume.ActFence, w.state.Fence(e, r))
		}
	case node.ActJoin:
		if r := w.replica(from); r >= 0 && w.state.Line(r) < e {
			w.take(volume.ActJoin, w.state.Join(e, r))
		}
	}
}

func (w *window) take(a volume.Action, refused volume.Refusal) {
	if refused != "" {
		w.close()
		return
	}
	w.took(a)
}

// decide cuts the window's log by the answers of the segments that are in it, and closes the window when the run's cut is elsewhere: it then
// depends on something that is left out.
func (w *window) decide(e int, t *node.Trace) {
	var q volume.ReplicaSet
	d := node.DetailOf[node.DecideStep](t)
	for _, id := range d.Answers {
		if r := w.replica(id); r >= 0 {
			q = q.With(r)
		}
	}
	if w.state.Decide(e, q) != "" {
		w.close()
		return
	}
	kept := func(x recordID) bool { return x.lsn <= t.LSN && d.History.Has(x.lsn, x.epoch) }
	n := 0
	for own := 1; own < e; own++ {
		for l, lsn := range w.lsns[own-1] {
			if lsn != 0 && kept(recordID{lsn, node.Epoch(w.base + own - 1)}) && int(w.recordEpoch(own, l+1)) == own {
				n++
			}
		}
	}
	if base := w.state.Base(e); n != base || base > 0 && !kept(w.recordAt(e, base)) {
		w.close()
		return
	}
	w.took(volume.ActDecide)
}

// recordEpoch returns whose record the log of epoch e has at l, both the world's.
func (w *window) recordEpoch(e, l int) int32 { return w.state.Record(e, l).Epoch }

// catchUp takes what the run's writers have done before the model allowed it here.
func (w *window) catchUp() {
	f := w.follower
	for moved := true; moved && w.bound; {
		moved = false
		took := func(a volume.Action, refused volume.Refusal) bool {
			if refused != "" {
				return false
			}
			moved = true
			w.took(a)
			return w.bound
		}
		for e := 1; e <= len(w.acks) && w.bound && w.state.Phase(e) != volume.Unborn; e++ {
			if w.opened>>e&1 == 1 && w.state.Phase(e) == volume.Repairing && !took(volume.ActOpen, w.state.Open(e)) {
				continue
			}
			at := w.base + e - 2
			for w.bound && at < len(f.vcl) && w.state.VCL(e) < w.state.End(e) && w.recordAt(e, w.state.VCL(e)+1).lsn <= f.vcl[at] {
				if !took(volume.ActAdvance, w.state.Advance(e)) {
					break
				}
			}
			for i := range w.txns {
				if w.bound && w.acks[e-1]>>i&1 == 1 && took(volume.ActAck, w.state.Ack(e, i+1)) {
					w.acks[e-1] &^= 1 << i
				}
			}
		}
	}
}

// took counts a step that the model has taken.
func (w *window) took(a volume.Action) {
	f := w.follower
	w.state.Forget()
	w.last = f.steps
	w.code = w.identity.Append(w.code[:0], w.state)
	edge, to, known := w.world.edge(w.number, uint8(a), xxh3.Hash(w.code))
	if !known {
		panic(fmt.Sprintf("coverage: invariant: a step of the model was enumerated; world %s has no %s that leads to\n%s", w.world.name, a, w.state))
	}
	first := w.at * len(kinds)
	f.note(first, to)
	f.note(first+1, edge)
	if w.before != noAction {
		f.note(first+2, w.world.pairAt[pair{uint8(w.before), uint8(a)}])
	}
	w.before, w.number = a, to
	switch {
	case a == volume.ActAdvance || a == volume.ActAck || a == volume.ActOpen:
		// catchUp is what takes these
	case a == volume.ActStore || a == volume.ActGossip || a == volume.ActJoin:
		w.catchUp()
	}
	if w.bound && w.over() {
		w.close()
	}
}

// over tells whether nothing that the window waits for can come: everything is written everywhere and answered.
func (w *window) over() bool {
	newest := len(w.acks)
	for newest > 1 && w.state.Phase(newest) == volume.Unborn {
		newest--
	}
	if w.waits && newest == 1 || len(w.txns) == 0 || w.state.Phase(newest) != volume.Open || w.state.VCL(newest) < w.state.End(newest) {
		return false
	}
	for i := range w.txns {
		l, _ := w.state.CommitOf(i + 1)
		if w.state.Active(newest, i+1) && w.state.End(newest) < w.world.world.MaxLSN || l > 0 && !w.state.Acked(i+1) {
			return false
		}
	}
	world := &w.world.world
	for r := range world.Groups * world.Replicas {
		if w.state.Line(r) != newest {
			return false
		}
		for l := 1; l <= w.state.End(newest); l++ {
			if int(w.state.Record(newest, l).Group) == r/world.Replicas && w.state.Stored(r, l) == 0 {
				return false
			}
		}
	}
	return true
}
