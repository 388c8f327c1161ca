// Package mirrored is the mirrored database of two zones (SIGMOD 2017 §3.1, figure 2): a primary instance whose every
// write of log and pages is made on its own replicated disk, then sent to a standby instance, which makes it on one of its
// own. A write is done when all four servers have it.
//
// Use package database with one Mirror of package block instead when an operator has one zone.
package mirrored

import (
	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/baseline/database"
	"github.com/firstgap/firstgap/impl/node"
)

// Config is what an instance needs to know.
type Config struct {
	Database database.Config
	Disk     node.ID // the manager of the instance's own disk
	Pair     node.ID // the manager of the two instances
	Peer     node.ID // the other instance
	Standby  bool    // it begins as the standby
}

// patience is how many ticks without a word of the primary make a standby take over. It is longer than a primary that
// goes on without a server of its disk is silent.
const patience = 24

const (
	roleFile      = "role"
	tick          = node.Timer(1)
	roleToken     = node.Token(1)
	promotedToken = node.Token(2)
	// laterStart tells the promoted instance's asks of its manager from those that it made as a standby.
	laterStart = 1 << 31
)

// Promoted tells of a start of an instance's disk whether it is that of a standby which has taken over.
func Promoted(start uint32) bool { return start&laterStart != 0 }

// An Instance is one of the two.
type Instance struct {
	config Config
	db     *database.Database // nil while it is a standby
	now    node.Time
	start  node.Event

	disk     *block.Chain
	view     node.View  // of the instances, as the primary opened it
	floor    node.Epoch // the newest view before the last start
	opening  bool       // the view is on its way to the disk
	silent   int        // ticks since the primary was last heard of
	ask      *node.AttachDisk
	asks     uint32
	left     bool // it is no member of the pair any more
	promoted bool
	lanes    [2]lane
}

// A lane is writes of the primary that stay in their order. Writes of different lanes pass each other.
type lane struct {
	seq  uint64            // of the last write begun
	m    *node.MirrorWrite // under way, or nil
	next *node.MirrorWrite // of a newer view, when one of an older view is under way
	from node.ID
}

// New returns an instance that has not started.
func New(c Config) *Instance {
	i := &Instance{config: c}
	if !c.Standby {
		disk := block.NewChain(block.ChainConfig{Manager: c.Disk})
		i.db = database.New(c.Database, block.NewMirror(disk, block.MirrorConfig{ID: c.Database.ID, Manager: c.Pair}))
	}
	return i
}

// Phase says what the instance is doing: as its database does, or standby.
func (i *Instance) Phase() string {
	if i.db == nil {
		return "standby"
	}
	return i.db.Phase()
}

// State implements node.Teller: that of its database, or of a standby.
func (i *Instance) State() node.State {
	if i.db == nil {
		return node.State{Role: "standby", Phase: i.Phase(), Epoch: i.view.Epoch, Deposed: i.left}
	}
	return i.db.State()
}

// Step implements node.Node.
func (i *Instance) Step(now node.Time, ev node.Event, out *node.Effects) {
	i.now = now
	if i.db != nil {
		i.db.Step(now, ev, out)
		return
	}
	switch ev.Kind {
	case node.Started:
		i.begin(ev, out)
	case node.Fired:
		i.tick(out)
	case node.DiskDone:
		i.stored(ev.Token, out)
	case node.Requested:
		r := ev.Request
		out.Respond(ev.From, node.Reply{ID: r.ID, Op: r.Op, Txn: r.Txn, Status: node.Refused, Reason: node.ReasonNotOpen})
	case node.Received:
		i.receive(ev, out)
	}
	if i.db == nil {
		i.mirror(out)
	}
}

func (i *Instance) begin(ev node.Event, out *node.Effects) {
	i.start = node.Event{Kind: node.Started, Incarnation: ev.Incarnation}
	for _, f := range ev.Files {
		if f.Name == roleFile && len(f.Data) > 0 {
			v, rest, ok := node.DecodeView(f.Data)
			if !ok || len(rest) != 1 {
				panic("mirrored database: the role on its disk cannot be read") // a guess would make two primaries
			}
			i.floor = v.Epoch
			if rest[0] == 1 {
				i.takeOver(out)
				return
			}
		}
	}
	i.disk = block.NewChain(block.ChainConfig{Manager: i.config.Disk})
	i.disk.Start(i.start, out)
	out.SetTimer(tick, i.config.Database.TickEvery)
}

func (i *Instance) receive(ev node.Event, out *node.Effects) {
	switch m := ev.Message.(type) {
	case *node.MirrorOpen:
		i.open(ev.From, m, out)
	case *node.MirrorWrite:
		i.write(ev.From, m, out)
	case *node.DiskAttached:
		if ev.From == i.config.Pair {
			if i.ask != nil && m.Token == i.ask.Token {
				// The primary is no member any more: what it writes from now on gets no acknowledgement.
				i.promoted, i.view = true, m.View
				out.Replace(roleFile, append(m.View.AppendBinary(nil), 1), promotedToken)
			}
			return
		}
		i.disk.Step(ev, out)
	case *node.AttachRefused:
		if ev.From == i.config.Pair {
			if i.ask != nil && m.Token == i.ask.Token {
				i.left = true // the primary goes on alone
			}
			return
		}
		i.disk.Step(ev, out)
	default:
		i.disk.Step(ev, out)
	}
}

// open takes a view of the pair, and hears that the primary lives. One from before the last start is not taken again: a
// write of it that was overtaken might still be on its way.
func (i *Instance) open(from node.ID, m *node.MirrorOpen, out *node.Effects) {
	v := m.View
	switch {
	case i.promoted || i.opening:
	case v.Epoch <= i.floor:
		out.Send(from, &node.DiskClosed{Epoch: v.Epoch})
	case v.Epoch < i.view.Epoch:
	case v.Epoch == i.view.Epoch:
		i.silent = 0
		out.Send(from, &node.MirrorOpened{Epoch: v.Epoch})
	case i.disk.Status() == block.Ready:
		i.silent = 0
		i.view, i.opening = v, true
		for l := range i.lanes {
			i.lanes[l].seq, i.lanes[l].next = 0, nil
		}
		out.Replace(roleFile, append(v.AppendBinary(nil), 0), roleToken)
	}
}

func (i *Instance) stored(t node.Token, out *node.Effects) {
	switch {
	case t == roleToken && !i.promoted:
		i.opening = false
		out.Send(i.view.Holder, &node.MirrorOpened{Epoch: i.view.Epoch})
	case t == promotedToken:
		i.takeOver(out)
	}
}

// takeOver makes the standby a database on its own disk, which has everything that was ever acknowledged.
func (i *Instance) takeOver(out *node.Effects) {
	i.db = database.New(i.config.Database, block.NewChain(block.ChainConfig{Manager: i.config.Disk}))
	i.disk = nil
	ev := i.start
	ev.Incarnation |= laterStart
	i.db.Step(i.now, ev, out)
}

func (i *Instance) write(from node.ID, m *node.MirrorWrite, out *node.Effects) {
	if i.promoted || i.opening || int(m.Lane) >= len(i.lanes) {
		return
	}
	if m.Epoch != i.view.Epoch {
		if m.Epoch > i.view.Epoch || m.Epoch <= i.floor {
			out.Send(from, &node.DiskClosed{Epoch: m.Epoch})
		}
		return
	}
	i.silent = 0
	switch l := &i.lanes[m.Lane]; {
	case m.Seq == l.seq+1:
		l.seq = m.Seq
		l.from = from
		l.next = m
	case m.Seq == l.seq && l.m == nil && l.next == nil:
		i.written(m, from, out) // the answer was lost
	}
}

// mirror makes the writes that have come, one after the other in each lane.
func (i *Instance) mirror(out *node.Effects) {
	for n := range i.lanes {
		l := &i.lanes[n]
		if i.disk.Busy(uint8(n)) {
			continue
		}
		if l.m != nil {
			if l.m.Epoch == i.view.Epoch && !i.promoted {
				i.written(l.m, l.from, out)
			}
			l.m = nil
		}
		if l.next != nil && i.disk.Status() == block.Ready {
			l.m, l.next = l.next, nil
			i.disk.Write(uint8(n), l.m.Write, out)
		}
	}
}

func (i *Instance) written(m *node.MirrorWrite, to node.ID, out *node.Effects) {
	out.Send(to, &node.MirrorWritten{DiskWritten: node.DiskWritten{Epoch: m.Epoch, Lane: m.Lane, Seq: m.Seq}})
}

func (i *Instance) tick(out *node.Effects) {
	out.SetTimer(tick, i.config.Database.TickEvery)
	i.disk.Tick(out)
	if i.promoted || i.left {
		return
	}
	if i.ask != nil {
		out.Send(i.config.Pair, i.ask)
		return
	}
	if i.silent++; i.silent >= patience && i.disk.Status() == block.Ready {
		i.asks++
		i.ask = &node.AttachDisk{Token: uint64(i.start.Incarnation)<<32 | uint64(i.asks), Force: true, Drop: i.config.Peer}
		out.Send(i.config.Pair, i.ask)
	}
}
