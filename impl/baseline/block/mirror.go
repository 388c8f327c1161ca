package block

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// A Mirror is a disk of the primary instance of a mirrored database (SIGMOD 2017 §3.1): every write goes to its own
// disk, then to the standby instance, which makes it on a disk of its own in another zone and answers when that is done.
// The steps come one after the other, and all copies must answer.
type Mirror struct {
	Device
	config      MirrorConfig
	incarnation uint32
	asks        uint32
	count       uint64 // of the writes, to name them
	ask         *node.AttachDisk
	view        node.View // of the instances
	status      Status
	waited      int
	seqs        [lanes]uint64
	writes      [lanes]*node.DiskWrite // until they are made on both sides
	passed      [lanes]bool            // it is with the standby
	// begin is the log area as it was read. The standby gets it before the first write, which would leave a hole there else:
	// of the last write before a crash, the instance's own disk may have been the only one to have it.
	begin *node.DiskWrite
}

// A MirrorConfig is what the primary needs to know of its mirror.
type MirrorConfig struct {
	ID      node.ID // of the primary
	Manager node.ID // of the pair of instances
}

// NewMirror returns a mirror of disk, which belongs to the mirror alone.
func NewMirror(disk Device, c MirrorConfig) *Mirror {
	return &Mirror{Device: disk, config: c, status: Opening}
}

// Start implements Device.
func (m *Mirror) Start(ev node.Event, out *node.Effects) {
	m.incarnation = ev.Incarnation
	m.Device.Start(ev, out)
	m.attach(0, out)
}

func (m *Mirror) attach(drop node.ID, out *node.Effects) {
	m.asks++
	m.status = Opening
	m.ask = &node.AttachDisk{Token: token(m.incarnation, m.asks), Drop: drop, Over: m.view.Epoch}
	m.waited = 0
	out.Send(m.config.Manager, m.ask)
}

// Private implements Device.
func (m *Mirror) Private() bool { return false }

// Status implements Device.
func (m *Mirror) Status() Status {
	if own := m.Device.Status(); own != Ready {
		return own
	}
	return m.status
}

// standby returns the other instance, or 0 when the primary goes on alone.
func (m *Mirror) standby() node.ID {
	if i := slices.IndexFunc(m.view.Members, func(id node.ID) bool { return id != m.config.ID }); i >= 0 {
		return m.view.Members[i]
	}
	return 0
}

// Step implements Device.
func (m *Mirror) Step(ev node.Event, out *node.Effects) bool {
	own := m.step(ev, out) || m.Device.Step(ev, out)
	if own {
		m.pass(out)
	}
	return own
}

func (m *Mirror) step(ev node.Event, out *node.Effects) bool {
	if ev.Kind != node.Received {
		return false
	}
	switch a := ev.Message.(type) {
	case *node.DiskAttached:
		if ev.From != m.config.Manager {
			return false
		}
		if m.ask != nil && a.Token == m.ask.Token {
			m.ask, m.view, m.waited = nil, a.View, 0
			if other := m.standby(); other != 0 {
				out.Send(other, &node.MirrorOpen{View: m.view})
			} else {
				m.opened()
			}
		}
	case *node.AttachRefused:
		if ev.From != m.config.Manager {
			return false
		}
		if m.ask != nil && a.Token == m.ask.Token {
			m.ask, m.status = nil, Refused // the standby has taken over
		}
	case *node.MirrorOpened:
		if m.status == Opening && m.ask == nil && a.Epoch == m.view.Epoch {
			m.opened()
		}
	case *node.DiskClosed:
		if ev.From != m.standby() {
			return false
		}
		if m.ask == nil && a.Epoch == m.view.Epoch && m.status != Refused {
			m.attach(0, out) // the standby has started anew
		}
	case *node.MirrorWritten:
		if l := a.Lane; int(l) < lanes && a.Epoch == m.view.Epoch && m.passed[l] && a.Seq == m.seqs[l] {
			m.waited = 0
			if l == LogLane && m.begin != nil {
				m.begin, m.passed[l] = nil, false
			} else {
				m.made(l, out)
			}
		}
	default:
		return false
	}
	return true
}

// opened lets writes go to the standby, from the ones under way on.
func (m *Mirror) opened() {
	m.status = Ready
	m.seqs = [lanes]uint64{}
	m.passed = [lanes]bool{}
}

// Write implements Device.
func (m *Mirror) Write(lane uint8, w node.DiskWrite, out *node.Effects) {
	m.count++
	issue(lane, &w, node.WriteID{By: m.config.ID, Start: m.incarnation, Count: m.count}, out)
	m.writes[lane] = &w
	m.Device.Write(lane, w, out)
	m.pass(out)
}

// Busy implements Device.
func (m *Mirror) Busy(lane uint8) bool { return m.writes[lane] != nil }

// Behind implements Device: so may the blocks of the last writes before a crash have been on its own disk alone.
func (m *Mirror) Behind() bool { return m.standby() != 0 }

// Next implements Device.
func (m *Mirror) Next() (Arrival, bool) {
	a, ok := m.Device.Next()
	if ok && a.Log && len(a.Data) > 0 {
		m.begin = &node.DiskWrite{Writes: true, LogAt: a.Base, Log: a.Data, Base: a.Base}
	}
	return a, ok
}

// pass hands what is durable here to the standby.
func (m *Mirror) pass(out *node.Effects) {
	switch {
	case m.begin == nil || m.status != Ready || m.passed[LogLane]:
	case m.standby() == 0:
		m.begin = nil
	default:
		if m.begin.ID == (node.WriteID{}) {
			issue(LogLane, m.begin, node.WriteID{By: m.config.ID, Start: m.incarnation}, out)
		}
		m.seqs[LogLane]++
		m.passed[LogLane], m.waited = true, 0
		m.send(LogLane, out)
	}
	for lane, w := range m.writes {
		if w == nil || m.passed[lane] || m.status != Ready || m.Device.Busy(uint8(lane)) {
			continue
		}
		if m.standby() == 0 {
			m.made(uint8(lane), out)
			continue
		}
		m.seqs[lane]++
		m.passed[lane], m.waited = true, 0
		m.send(uint8(lane), out)
	}
}

// made ends the write of a lane.
func (m *Mirror) made(lane uint8, out *node.Effects) {
	tellWrite(node.ActDiskAck, lane, m.writes[lane].ID, out)
	m.writes[lane], m.passed[lane] = nil, false
}

func (m *Mirror) send(lane uint8, out *node.Effects) {
	w := m.writes[lane]
	if lane == LogLane && m.begin != nil {
		w = m.begin
	}
	out.Send(m.standby(), &node.MirrorWrite{WriteDisk: node.WriteDisk{Epoch: m.view.Epoch, Lane: lane, Seq: m.seqs[lane], Write: *w}})
}

// Tick implements Device. A standby that does not answer for long is left behind, if it has not taken over: the manager
// lets one of the two happen.
func (m *Mirror) Tick(out *node.Effects) {
	m.Device.Tick(out)
	switch other := m.standby(); {
	case m.status == Refused:
	case m.ask != nil:
		out.Send(m.config.Manager, m.ask)
	case m.status == Opening:
		if m.waited++; m.waited >= mirrorPatience {
			m.attach(other, out)
			return
		}
		out.Send(other, &node.MirrorOpen{View: m.view})
	case other == 0:
	default:
		// The standby hears from the primary at every tick, or it takes over: as it must when the primary's disk is gone.
		if m.Device.Status() == Ready {
			out.Send(other, &node.MirrorOpen{View: m.view})
		}
		if m.passed == [lanes]bool{} {
			m.waited = 0
			return
		}
		if m.waited++; m.waited >= mirrorPatience {
			m.attach(other, out)
			return
		}
		for lane := range m.passed {
			if m.passed[lane] {
				m.send(uint8(lane), out)
			}
		}
	}
	m.pass(out)
}

// mirrorPatience is how many ticks an instance waits for the other one. It is longer than what a chain needs to go on
// without a server, three times: the loss of a disk is not that of an instance.
const mirrorPatience = 3 * patience
