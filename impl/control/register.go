// Package control is the control plane: the register, by which writers take over from each other and change who stores
// what, and the monitor, which says who may be dead.
//
// Not for an operator who must survive the loss of the register's own disk: it is one node, and a consensus service
// would stand in its place.
package control

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/firstgap/firstgap/impl/node"
)

const registerFile = "register"

// Config is what the control plane needs to know.
type Config struct {
	ID     node.ID
	Volume *node.Volume
	// MonitorEvery is how often every segment is asked whether it is alive; 0 is never, and then no segment is suspected.
	MonitorEvery time.Duration
	// SuspectAfter is how many questions in a row a segment leaves unanswered before it is suspected; 0 is
	// DefaultSuspectAfter.
	SuspectAfter int
}

// A Register holds the volume's newest epoch and its geometry, and moves each by compare-and-swap. It is what makes epochs
// unique: two recoveries can fence disjoint read quorums (ABC and DEF), so no quorum of segments could. And it is what
// makes memberships a line: the geometry changes only for the writer of the newest epoch, one version at a time (see
// node.Geometry). One file holds both, so that one is never newer than the other allows.
type Register struct {
	id      node.ID
	volume  *node.Volume
	hook    node.Hook
	durable cell
	next    cell // what is being written, when writing
	asker   node.ID
	writing bool
	monitor monitor
	stopped bool // its disk failed: until the process starts again it does nothing
}

// A cell is what the register stores: the epoch, the writer that won it, the geometry, and how that came about.
type cell struct {
	epoch    node.Epoch
	token    uint64
	geometry node.Geometry
	// The last change: a crash between the write and its completion leaves one of which no writer heard, and it has to be told.
	by    node.Epoch // whose writer asked for it
	group node.Group
	grown bool
}

// New returns a control plane that has not started.
func New(c Config, hook node.Hook) *Register {
	return &Register{
		id: c.ID, volume: c.Volume, hook: hook,
		durable: cell{geometry: c.Volume.FirstGeometry()}, monitor: newMonitor(c),
	}
}

// Epoch returns the durable epoch.
func (g *Register) Epoch() node.Epoch { return g.durable.epoch }

// Geometry returns the durable geometry.
func (g *Register) Geometry() node.Geometry { return g.durable.geometry }

// Suspects lists the segments that the monitor takes for dead, by address.
func (g *Register) Suspects() []node.ID { return g.monitor.suspects() }

// Step implements node.Node.
func (g *Register) Step(_ node.Time, ev node.Event, out *node.Effects) {
	if g.stopped {
		return
	}
	switch ev.Kind {
	case node.DiskFailed:
		g.stopped = true // what it has on disk is not known: the next start reads it
	case node.DiskFull:
		g.writing = false // nothing has changed, and who asked asks again
	case node.Started:
		g.start(ev.Files, out)
		g.monitor.start(ev.Incarnation, out)
	case node.DiskDone:
		g.written(out)
	case node.Fired:
		// gofail: var bugMonitorOnce struct{}
		// if g.hook.Planted("bugMonitorOnce") {
		// 	break
		// }

		g.monitor.fired(out)
	case node.Received:
		switch m := ev.Message.(type) {
		case *node.ReadEpoch:
			out.Send(ev.From, &node.CurrentEpoch{Token: m.Token, Epoch: g.durable.epoch})
		case *node.Swap:
			g.swap(ev.From, m, out)
		case *node.Change:
			g.change(ev.From, m, out)
		case *node.Pong:
			// gofail: var bugLossUnheard struct{}
			// if m.Lost && g.hook.Planted("bugLossUnheard") {
			// 	m = &node.Pong{Round: m.Round}
			// }

			g.monitor.pong(ev.From, m, out)
		case *node.Watch:
			g.monitor.watch(ev.From, m, out)
		}
	}
}

func (g *Register) start(files []node.File, out *node.Effects) {
	for _, f := range files {
		if f.Name != registerFile {
			continue
		}
		c, err := decodeTwice(f.Data)
		if err != nil {
			// A register that guesses an epoch would hand one out twice.
			panic(fmt.Sprintf("epoch register %d: %v", g.id, err))
		}
		g.durable = c
	}
	// A crash between the write and its completion leaves an epoch that was won and never told, or a change: what was
	// written last, one of them.
	for e := node.Epoch(2); e <= g.durable.epoch; e++ {
		out.Tell(node.Trace{Action: node.ActStart, Epoch: e, Position: uint64(e)})
	}
	g.durable.tellChange(out)
}

// tellChange tells the last change of the geometry, if there was one.
func (c *cell) tellChange(out *node.Effects) {
	if c.by == 0 {
		return
	}
	t := node.Trace{Action: node.ActChange, Epoch: c.by, Position: c.geometry.Version,
		Detail: &node.GeometryStep{Group: c.group, Members: c.geometry.Groups[c.group]}}
	if c.grown {
		t.Action = node.ActGrow
	}
	out.Tell(t)
}

func (g *Register) swap(from node.ID, m *node.Swap, out *node.Effects) {
	if g.writing {
		return // it asks again
	}
	if m.Expect != g.durable.epoch {
		// The winner may ask again when its answer was lost. Anybody else has lost.
		answer := &node.Swapped{Token: m.Token, Epoch: g.durable.epoch}
		won := m.Token == g.durable.token
		// gofail: var bugSharedEpoch struct{}
		// won = won || g.hook.Planted("bugSharedEpoch")

		if won && m.Expect+1 == g.durable.epoch {
			answer.Won, answer.Geometry = true, g.durable.geometry
		}
		out.Send(from, answer)
		return
	}
	g.next = g.durable
	g.next.epoch, g.next.token = m.Expect+1, m.Token
	// gofail: var registerBeforeSwap struct{}
	// g.hook.Hit("registerBeforeSwap")

	g.write(from, out)
	// gofail: var bugWonBeforeWritten struct{}
	// if g.hook.Planted("bugWonBeforeWritten") {
	// 	out.Send(from, &node.Swapped{Token: m.Token, Won: true, Epoch: g.next.epoch, Geometry: g.next.geometry})
	// }

}

// change replaces the geometry for the writer of the newest epoch. The register is told the whole of the next one, and
// takes it only if it is a single safe step from its own. A writer whose answer was lost asks again for the same, and is
// told that it was done: no other writer could have.
func (g *Register) change(from node.ID, m *node.Change, out *node.Effects) {
	if g.writing {
		return // it asks again
	}
	now := &g.durable.geometry
	answer := &node.Changed{Asked: m.Geometry.Version, Epoch: g.durable.epoch, Version: now.Version}
	switch {
	case m.Epoch != g.durable.epoch:
		answer.Outcome = node.ChangeWrongEpoch
	case m.Geometry.Equal(now) && g.durable.by == m.Epoch:
		answer.Outcome = node.ChangeDone
	case m.Geometry.Version != now.Version+1:
		answer.Outcome = node.ChangeWrongVersion
	case m.Geometry.Follows(now, g.volume) != nil:
		answer.Outcome = node.ChangeUnsafe
	default:
		g.next = g.durable
		g.next.geometry, g.next.by = m.Geometry, m.Epoch
		g.next.group, g.next.grown = m.Geometry.ChangedGroup(now)
		// gofail: var registerBeforeChange struct{}
		// g.hook.Hit("registerBeforeChange")

		g.write(from, out)
		return
	}
	out.Send(from, answer)
}

// write makes g.next durable for whom asked.
func (g *Register) write(asker node.ID, out *node.Effects) {
	g.asker, g.writing = asker, true
	out.Replace(registerFile, g.next.encodeTwice(), 1)
}

func (g *Register) written(out *node.Effects) {
	before := g.durable
	g.durable, g.writing = g.next, false
	if g.durable.epoch == before.epoch {
		g.durable.tellChange(out)
		// gofail: var registerAfterChange struct{}
		// g.hook.Hit("registerAfterChange")

		version := g.durable.geometry.Version
		out.Send(g.asker, &node.Changed{Asked: version, Outcome: node.ChangeDone, Epoch: g.durable.epoch, Version: version})
		return
	}
	if g.durable.epoch > 1 { // epoch 1 is open from the start: there is nothing to recover
		out.Tell(node.Trace{Action: node.ActStart, Epoch: g.durable.epoch, Position: uint64(g.durable.epoch)})
	}
	// gofail: var registerAfterSwap struct{}
	// g.hook.Hit("registerAfterSwap")

	out.Send(g.asker, &node.Swapped{Token: g.durable.token, Won: true, Epoch: g.durable.epoch, Geometry: g.durable.geometry})
}

// fixed is how many bytes of a stored cell are before the geometry.
const fixed = 19

// encodeTwice writes the cell two times, one behind the other. The register is one node: a bit that flips in its only copy would
// stop the volume for good, for it must not guess an epoch.
func (c cell) encodeTwice() []byte {
	b := c.encode()
	return append(b, b...)
}

// decodeTwice reads the first of the two copies that is whole. They are written as one file, so they never differ otherwise.
func decodeTwice(b []byte) (cell, error) {
	half := len(b) / 2
	c, err := decodeCell(b[:half])
	if err == nil {
		return c, nil
	}
	c, second := decodeCell(b[half:])
	if second != nil {
		return cell{}, fmt.Errorf("neither copy can be read: %w; %w", err, second)
	}
	return c, nil
}

func (c cell) encode() []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(c.epoch))
	b = binary.LittleEndian.AppendUint64(b, c.token)
	b = binary.LittleEndian.AppendUint32(b, uint32(c.by))
	b = binary.LittleEndian.AppendUint16(b, uint16(c.group))
	grown := byte(0)
	if c.grown {
		grown = 1
	}
	b = c.geometry.AppendBinary(append(b, grown))
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func decodeCell(b []byte) (cell, error) {
	n := len(b) - 4
	if n < fixed {
		return cell{}, fmt.Errorf("file of %d bytes, want at least %d", len(b), fixed+4)
	}
	if crc32.ChecksumIEEE(b[:n]) != binary.LittleEndian.Uint32(b[n:]) {
		return cell{}, fmt.Errorf("checksum does not fit")
	}
	geometry, err := node.DecodeGeometry(b[fixed:n])
	if err != nil {
		return cell{}, err
	}
	c := cell{
		epoch: node.Epoch(binary.LittleEndian.Uint32(b)), token: binary.LittleEndian.Uint64(b[4:]), geometry: geometry,
		by: node.Epoch(binary.LittleEndian.Uint32(b[12:])), group: node.Group(binary.LittleEndian.Uint16(b[16:])), grown: b[18] == 1,
	}
	if int(c.group) >= len(geometry.Groups) {
		return cell{}, fmt.Errorf("group %d changed last, of %d", c.group, len(geometry.Groups))
	}
	return c, nil
}
