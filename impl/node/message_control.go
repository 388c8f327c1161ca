package node

import (
	"encoding/binary"
	"fmt"
)

// Change asks the register to replace the volume's geometry by Geometry, whose version is one above the one that the
// writer knows. Only the newest writer may, so it carries the epoch.
type Change struct {
	Epoch    Epoch
	Geometry Geometry
}

// A ChangeOutcome says what became of a Change.
type ChangeOutcome uint8

const (
	// ChangeDone: the geometry asked for is durable.
	ChangeDone ChangeOutcome = iota + 1
	// ChangeWrongEpoch: a newer writer has won an epoch, and replaces the one that asked.
	ChangeWrongEpoch
	// ChangeWrongVersion: the register's geometry is not the one before that asked for.
	ChangeWrongVersion
	// ChangeUnsafe: the geometry asked for is no single safe step (see Geometry.Follows).
	ChangeUnsafe
)

func (o ChangeOutcome) String() string {
	names := [...]string{"", "done", "wrong epoch", "wrong version", "unsafe"}
	if int(o) < len(names) {
		return names[o]
	}
	return fmt.Sprintf("ChangeOutcome(%d)", uint8(o))
}

// Changed answers Change.
type Changed struct {
	Asked   uint64 // the version that was asked for
	Outcome ChangeOutcome
	Epoch   Epoch  // the register's epoch now
	Version uint64 // the register's version now
}

// Ping asks a segment whether it is alive.
type Ping struct{ Round uint64 }

// Pong answers Ping.
type Pong struct {
	Round uint64
	Lost  bool // alive, and never to have a vote again as it is: what it promised or acknowledged is gone
}

// Watch asks the control plane to tell the writer of Epoch which segments are suspected, now and whenever that changes.
type Watch struct{ Epoch Epoch }

// Health tells a writer which segments the control plane suspects, all of them.
type Health struct {
	Round    uint64 // grows from one to the next, across restarts
	Suspects []ID   // ascending
}

func (*Change) Type() string  { return "change" }
func (*Changed) Type() string { return "changed" }
func (*Ping) Type() string    { return "ping" }
func (*Pong) Type() string    { return "pong" }
func (*Watch) Type() string   { return "watch" }
func (*Health) Type() string  { return "health" }

func (m *Change) AppendDigest(b []byte) []byte { return m.Geometry.AppendBinary(u(b, m.Epoch)) }
func (m *Changed) AppendDigest(b []byte) []byte {
	b = binary.AppendUvarint(append(b, byte(m.Outcome)), m.Asked)
	return binary.AppendUvarint(u(b, m.Epoch), m.Version)
}
func (m *Ping) AppendDigest(b []byte) []byte { return binary.AppendUvarint(b, m.Round) }
func (m *Pong) AppendDigest(b []byte) []byte {
	return append(binary.AppendUvarint(b, m.Round), bit(m.Lost))
}
func (m *Watch) AppendDigest(b []byte) []byte { return u(b, m.Epoch) }
func (m *Health) AppendDigest(b []byte) []byte {
	b = binary.AppendUvarint(b, m.Round)
	for _, id := range m.Suspects {
		b = u(b, id)
	}
	return b
}
