package block

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// patience is how many ticks an instance waits for a server before it goes on without it.
const patience = 4

// A ChainConfig is what an instance needs to know of a disk behind the network.
type ChainConfig struct {
	Manager node.ID
	// Force attaches the disk though another instance holds it. The operator who sets it has decided that the other one is to be
	// replaced; what the other one does from then on, the servers refuse.
	Force bool
}

// A Chain is a disk behind the network, as its one holder uses it.
type Chain struct {
	config      ChainConfig
	incarnation uint32
	asks        uint32 // of the manager, to name them
	ask         *node.AttachDisk
	status      Status
	view        node.View
	opened      []node.ID
	waited      int // ticks since something moved
	seqs        [lanes]uint64
	writes      [lanes]*node.DiskWrite
	own         [lanes]bool // the instance's, and not what another one has it write
	count       uint64      // of the instance's writes, to name them
	reads       []uint32
	reading     bool // the log area
	log         []byte
	logBase     uint64
	arrived     arrivals
}

// NewChain returns a disk that is not attached.
func NewChain(c ChainConfig) *Chain { return &Chain{config: c, status: Opening} }

// Start implements Device.
func (c *Chain) Start(ev node.Event, out *node.Effects) {
	c.incarnation = ev.Incarnation
	c.attach(0, out)
}

// attach asks for a new view: to begin with, when a server has started anew, or to go on without a member.
func (c *Chain) attach(drop node.ID, out *node.Effects) {
	if c.status == Refused || c.status == Broken {
		return
	}
	c.asks++
	c.status = Opening
	c.ask = &node.AttachDisk{Token: token(c.incarnation, c.asks), Force: c.config.Force && c.view.Epoch == 0,
		Drop: drop, Over: c.view.Epoch}
	c.waited = 0
	out.Send(c.config.Manager, c.ask)
}

// Status implements Device.
func (c *Chain) Status() Status { return c.status }

// Private implements Device.
func (c *Chain) Private() bool { return false }

// Behind implements Device: what the last server has, all have.
func (c *Chain) Behind() bool { return false }

// View returns the view that the disk goes by.
func (c *Chain) View() node.View { return c.view }

// Step implements Device.
func (c *Chain) Step(ev node.Event, out *node.Effects) bool {
	if ev.Kind != node.Received {
		return false
	}
	switch m := ev.Message.(type) {
	case *node.DiskAttached:
		if ev.From != c.config.Manager {
			return false
		}
		if c.ask != nil && m.Token == c.ask.Token {
			uses := c.ask.Uses
			c.ask, c.view, c.waited = nil, m.View, 0
			if uses {
				c.ready(out)
				return true
			}
			c.opened = nil
			c.openAll(out)
		}
	case *node.AttachRefused:
		if ev.From != c.config.Manager {
			return false
		}
		if c.ask != nil && m.Token == c.ask.Token {
			c.ask, c.status = nil, Refused
		}
	case *node.DiskOpened:
		c.serverOpened(ev.From, m, out)
	case *node.DiskClosed:
		if m.Epoch == c.view.Epoch && c.ask == nil && slices.Contains(c.view.Members, ev.From) {
			c.attach(0, out)
		}
	case *node.DiskBlank:
		if m.Epoch == c.view.Epoch && c.ask == nil && slices.Contains(c.view.Members, ev.From) {
			if len(c.view.Members) == 1 {
				c.status = Broken
				return true
			}
			c.attach(ev.From, out)
		}
	case *node.DiskWritten:
		if m.Epoch == c.view.Epoch && c.status == Ready && int(m.Lane) < lanes && m.Seq == c.seqs[m.Lane] && c.writes[m.Lane] != nil {
			if c.own[m.Lane] {
				tellWrite(node.ActDiskAck, m.Lane, c.writes[m.Lane].ID, out)
			}
			c.writes[m.Lane], c.waited = nil, 0
		}
	case *node.BlockData:
		if i := slices.Index(c.reads, m.Number); i >= 0 && m.Epoch == c.view.Epoch {
			c.reads, c.waited = slices.Delete(c.reads, i, i+1), 0
			c.arrived = append(c.arrived, Arrival{Number: m.Number, Data: m.Data})
		}
	case *node.DiskLog:
		c.logRead(m, out)
	default:
		return false
	}
	return true
}

func (c *Chain) openAll(out *node.Effects) {
	for _, id := range c.view.Members {
		if !slices.Contains(c.opened, id) {
			out.Send(id, &node.OpenDisk{View: c.view})
		}
	}
}

// serverOpened makes the disk usable when every server of the view has opened it: no write of an older view can be
// acknowledged from then on. What was under way is asked for again.
func (c *Chain) serverOpened(from node.ID, m *node.DiskOpened, out *node.Effects) {
	if c.status != Opening || c.ask != nil || m.Epoch != c.view.Epoch || slices.Contains(c.opened, from) || !slices.Contains(c.view.Members, from) {
		return
	}
	c.opened = append(c.opened, from)
	if len(c.opened) < len(c.view.Members) {
		return
	}
	if c.view.Used {
		c.ready(out)
		return
	}
	// The manager has to know before anything is written: a server that has nothing afterwards is not new.
	c.asks++
	c.ask = &node.AttachDisk{Token: token(c.incarnation, c.asks), Over: c.view.Epoch, Uses: true}
	out.Send(c.config.Manager, c.ask)
}

func (c *Chain) ready(out *node.Effects) {
	c.status, c.waited = Ready, 0
	c.seqs = [lanes]uint64{}
	for lane, w := range c.writes {
		if w != nil {
			c.send(uint8(lane), 1, out)
		}
	}
	for _, n := range c.reads {
		out.Send(c.view.Last(), &node.ReadBlock{Epoch: c.view.Epoch, Number: n})
	}
	if c.reading {
		c.log = nil
		out.Send(c.view.Last(), &node.ReadDiskLog{Epoch: c.view.Epoch})
	}
}

// Write implements Device.
func (c *Chain) Write(lane uint8, w node.DiskWrite, out *node.Effects) {
	if c.own[lane] = w.ID == (node.WriteID{}); c.own[lane] {
		c.count++
		issue(lane, &w, node.WriteID{By: c.view.Holder, Start: c.incarnation, Count: c.count}, out)
	}
	c.writes[lane] = &w
	if c.status == Ready {
		c.waited = 0
		c.send(lane, c.seqs[lane]+1, out)
	}
}

func (c *Chain) send(lane uint8, seq uint64, out *node.Effects) {
	c.seqs[lane] = seq
	out.Send(c.view.Members[0], &node.WriteDisk{Epoch: c.view.Epoch, Lane: lane, Seq: seq, Write: *c.writes[lane]})
}

// Busy implements Device.
func (c *Chain) Busy(lane uint8) bool { return c.writes[lane] != nil }

// Read implements Device.
func (c *Chain) Read(number uint32, out *node.Effects) {
	if slices.Contains(c.reads, number) {
		return
	}
	c.reads = append(c.reads, number)
	if c.status == Ready {
		c.waited = 0
		out.Send(c.view.Last(), &node.ReadBlock{Epoch: c.view.Epoch, Number: number})
	}
}

// ReadLog implements Device.
func (c *Chain) ReadLog(out *node.Effects) {
	c.reading, c.log = true, nil
	if c.status == Ready {
		c.waited = 0
		out.Send(c.view.Last(), &node.ReadDiskLog{Epoch: c.view.Epoch})
	}
}

func (c *Chain) logRead(m *node.DiskLog, out *node.Effects) {
	if !c.reading || m.Epoch != c.view.Epoch {
		return
	}
	if c.log == nil {
		if m.From != m.Base {
			return // an answer that came twice
		}
		c.logBase, c.log = m.Base, []byte{}
	}
	if m.From != c.logBase+uint64(len(c.log)) {
		return
	}
	c.waited = 0
	c.log = append(c.log, m.Data...)
	if at := c.logBase + uint64(len(c.log)); at < m.End {
		out.Send(c.view.Last(), &node.ReadDiskLog{Epoch: c.view.Epoch, From: at})
		return
	}
	c.reading = false
	out.Tell(node.Trace{Action: node.ActDiskRead, Detail: &node.DiskStep{Start: c.incarnation}})
	c.arrived = append(c.arrived, Arrival{Log: true, Base: c.logBase, Data: c.log})
}

// Next implements Device.
func (c *Chain) Next() (Arrival, bool) { return c.arrived.next() }

// Tick implements Device. A server that has not answered for long is left behind, as long as another one has: what was
// ever acknowledged is on each.
func (c *Chain) Tick(out *node.Effects) {
	switch {
	case c.status == Refused || c.status == Broken:
	case c.ask != nil:
		out.Send(c.config.Manager, c.ask)
	case c.status == Opening:
		c.waited++
		if c.waited >= patience && len(c.opened) > 0 {
			for _, id := range c.view.Members {
				if !slices.Contains(c.opened, id) {
					c.attach(id, out)
					return
				}
			}
		}
		c.openAll(out)
	case c.idle():
		c.waited = 0
	default:
		// Some server may be slow or gone: which one, the next view tells, whose members answer one by one.
		if c.waited++; c.waited >= patience {
			c.attach(0, out)
			return
		}
		c.again(out)
	}
}

func (c *Chain) idle() bool {
	return c.writes == [lanes]*node.DiskWrite{} && len(c.reads) == 0 && !c.reading
}

// again asks once more for what may have been lost.
func (c *Chain) again(out *node.Effects) {
	for lane, w := range c.writes {
		if w != nil {
			c.send(uint8(lane), c.seqs[lane], out)
		}
	}
	for _, n := range c.reads {
		out.Send(c.view.Last(), &node.ReadBlock{Epoch: c.view.Epoch, Number: n})
	}
	if c.reading {
		out.Send(c.view.Last(), &node.ReadDiskLog{Epoch: c.view.Epoch, From: c.logBase + uint64(len(c.log))})
	}
}
