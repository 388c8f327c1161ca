package coverage

import (
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// How windows are opened and closed.
const (
	// slots is how many windows look at a run through one world at a time. One of them gives way to the next when nothing can
	// happen in it any more; the other waits for a take-over all the same, and sees a recovery of a log that is written everywhere.
	slots = 2
	// patience is how many steps of the run a window waits for a step of its own: of a transaction that its client has left, none comes.
	patience = 4000
	// many is how many worlds a run is looked at through all of.
	many = 4
	// maxWindows is how many bits there are to say which windows a record is in.
	maxWindows = 64
)

// A Follower finds out where in the worlds of a universe a run comes through. It looks at the run through windows. A window is a state of a
// world. It takes up a transaction of the run, or a take-over, as the first that its world has, at whatever LSN and epoch that is, and
// then leaves out everything of the run that its world has no room for: other transactions, other rows, other groups, further
// segments. What is left is stepped through the model: so every state and transition that is counted is one of the enumerated ones. A
// step that the model refuses is one that depends on something left out: the window is closed, and the next one opened.
//
// A step that the model does not allow yet, because the segments that it needs are among those left out, is taken once the model allows it:
// the writer of the small world counts, answers and opens later than that of the run, as it may.
//
// It is for one goroutine, and for one run after the other.
type Follower struct {
	u       *Universe
	volume  *node.Volume
	windows []window
	begun   map[node.Txn]bool
	in      []uint64   // by LSN: the windows that have a record there
	vcl     []node.LSN // by epoch-1: as its writer told it
	index   []int32    // by address of a segment: its number plus one
	members [][]int    // by group: the replicas that are members
	marks   [][]uint32 // by space and index: the run that reached it last
	run     uint32
	found   []Feature
	steps   uint64
}

// NewFollower returns a follower of runs.
func (u *Universe) NewFollower() *Follower {
	f := &Follower{u: u, begun: map[node.Txn]bool{}}
	for i, w := range u.worlds {
		for range slots {
			if len(f.windows) == maxWindows {
				break
			}
			state, err := volume.NewState(w.world)
			if err != nil {
				panic("coverage: " + err.Error()) // it was enumerated
			}
			identity, err := volume.NewIdentity(w.world)
			if err != nil {
				panic("coverage: " + err.Error())
			}
			f.windows = append(f.windows, window{follower: f, bit: uint(len(f.windows)), at: i, world: w, state: state, identity: identity,
				waits: len(f.windows)%slots == 1})
		}
		for _, size := range w.sizes() {
			f.marks = append(f.marks, make([]uint32, size))
		}
	}
	return f
}

// Begin makes the follower follow a run of a volume from its beginning; of nil, it reaches nothing. Of many worlds a run is looked at
// through every other one, by its turn, because windows cost time: its seed does.
func (f *Follower) Begin(v *node.Volume, turn uint64) {
	for i := range f.windows {
		f.windows[i].close()
		f.windows[i].rounds = 0
		f.windows[i].off = len(f.u.worlds) > many && (uint64(f.windows[i].at)+turn)%2 == 0
	}
	f.volume = v
	clear(f.begun)
	f.in = f.in[:0]
	f.vcl = append(f.vcl[:0], 0)
	f.run++
	f.found = f.found[:0]
	f.steps = 0
	f.index = f.index[:0]
	f.members = f.members[:0]
	n := int32(0)
	if v == nil {
		return
	}
	for _, ids := range v.Segments {
		var members []int
		for i, id := range ids {
			for len(f.index) <= int(id) {
				f.index = append(f.index, 0)
			}
			n++
			f.index[id] = n
			if i < len(ids)-v.Spares {
				members = append(members, i)
			}
		}
		f.members = append(f.members, members)
	}
}

// Features returns what the run has reached so far.
func (f *Follower) Features() Features { return Sorted(append([]Feature(nil), f.found...)) }

// replica returns the number of a segment, -1 when it is none of the volume.
func (f *Follower) replica(id node.ID) int {
	if int(id) >= len(f.index) {
		return -1
	}
	return int(f.index[id]) - 1
}

// note counts a feature once in a run.
func (f *Follower) note(space int, index uint32) {
	if m := &f.marks[space][index]; *m != f.run {
		*m = f.run
		f.found = append(f.found, At(space, uint64(index)))
	}
}

// Tell takes a step that a node told, in the order of the run.
func (f *Follower) Tell(from node.ID, t *node.Trace) {
	if f.volume == nil {
		return
	}
	f.steps++
	switch t.Action {
	case node.ActWrite, node.ActCommit, node.ActUndo:
		f.issue(t)
	case node.ActStore:
		f.store(from, t)
	case node.ActFill:
		f.fill(from, t)
	case node.ActAdvance:
		f.advance(t)
	case node.ActStart:
		f.start(t)
	case node.ActChange, node.ActGrow:
		f.change(t)
	case node.ActAck, node.ActFence, node.ActDecide, node.ActJoin, node.ActOpen:
		for i := range f.windows {
			if w := &f.windows[i]; w.bound {
				w.step(from, t)
			}
		}
	}
}

// issue gives a record to the windows that have room for it.
func (f *Follower) issue(t *node.Trace) {
	r := t.Record
	if r == nil || r.Kind == node.Structure {
		return
	}
	begins := r.Kind == node.Write && !f.begun[r.Txn]
	if begins {
		f.begun[r.Txn] = true
	}
	for i := range f.windows {
		w := &f.windows[i]
		if w.bound && f.steps-w.last > patience {
			w.close()
		}
		if !w.bound && begins {
			w.open(int(t.Epoch), int(r.Group))
		}
		if w.bound && w.takes(r, begins) {
			w.issue(t)
		}
	}
}

// mark marks the record at an LSN as one of a window.
func (f *Follower) mark(l node.LSN, bit uint) {
	for len(f.in) <= int(l) {
		f.in = append(f.in, 0)
	}
	f.in[l] |= 1 << bit
}

// store gives a copy of a record to the windows that have the record.
func (f *Follower) store(from node.ID, t *node.Trace) {
	if t.Record == nil || int(t.Record.LSN) >= len(f.in) {
		return
	}
	for mask, i := f.in[t.Record.LSN], 0; mask != 0; mask, i = mask>>1, i+1 {
		if mask&1 == 1 {
			if w := &f.windows[i]; w.bound {
				w.store(from, t.From, int(t.Epoch), t.Record.LSN, t.Record.Epoch)
			}
		}
	}
}

// fill gives the copies that page images amount to, to the windows that have some of these records.
func (f *Follower) fill(from node.ID, t *node.Trace) {
	for i := range f.windows {
		w := &f.windows[i]
		if !w.bound {
			continue
		}
		for l := 1; w.bound && l <= w.state.End(w.small(int(t.Epoch))); l++ {
			x := w.recordAt(w.small(int(t.Epoch)), l)
			if x.lsn <= t.LSN {
				w.store(from, t.From, int(t.Epoch), x.lsn, x.epoch)
			}
		}
	}
}

func (f *Follower) advance(t *node.Trace) {
	if e := int(t.Epoch); e >= 1 && e <= len(f.vcl) {
		f.vcl[e-1] = t.LSN
	}
	for i := range f.windows {
		if w := &f.windows[i]; w.bound {
			w.catchUp()
		}
	}
}

// start tells the windows of a take-over, and opens those that are closed at it.
func (f *Follower) start(t *node.Trace) {
	e := int(t.Epoch)
	if e <= len(f.vcl) {
		return // the register tells what it told before
	}
	for len(f.vcl) < e {
		f.vcl = append(f.vcl, 0)
	}
	for i := range f.windows {
		w := &f.windows[i]
		if !w.bound {
			w.open(e-1, (w.rounds+i)%len(f.members))
		}
		if w.bound {
			w.start(e)
		}
	}
}

// change closes the windows of a group whose members change: their worlds have the same ones throughout.
func (f *Follower) change(t *node.Trace) {
	d := node.DetailOf[node.GeometryStep](t)
	g := int(d.Group)
	if g < 0 || g >= len(f.members) {
		return
	}
	var members []int
	for i, all := 0, d.Members.Members(); i < f.volume.Replicas(); i++ {
		if all.Has(i) {
			members = append(members, i)
		}
	}
	f.members[g] = members
	for i := range f.windows {
		if w := &f.windows[i]; w.bound && w.smallGroup(g) >= 0 {
			w.close()
		}
	}
}
