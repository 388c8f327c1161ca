package node

import (
	"encoding/binary"
	"fmt"
)

// A Message is what nodes send each other. No node changes a message once it was sent.
type Message interface {
	// Type is a short stable name, for traces and fault plans.
	Type() string
	// AppendDigest appends what a network tells this message from others of its type by: how it fares is drawn by it, and
	// its size is measured by it. See DigestLeavesOut.
	AppendDigest(b []byte) []byte
}

// DigestLeavesOut tells whether the digest of m is not all that tells m from others of its type. A run's identity then has
// m's body (see Identity), too. The digest itself stays as it is: with it, what a network does to a message of an older
// design would change, and what the designs are measured by.
func DigestLeavesOut(m Message) bool {
	switch m.(type) {
	case *WriteDisk, *MirrorWrite: // the write's name in traces
		return true
	case *GossipAsk, *AppendPages: // where one list ends and the next begins
		return true
	}
	return false
}

// Carrier is a message whose delivery may be told apart by the LSNs that it carries, so that a fault plan can
// name one record.
type Carrier interface {
	Message
	// LSNs returns the lowest and highest LSN that it carries, or 0, 0.
	LSNs() (from, to LSN)
}

// Append carries records from a writer to a segment, or none, to tell how far the log is durable.
type Append struct {
	Epoch   Epoch
	Records []*Record // of the segment's group, ascending
	VDL     LSN       // everything up to here is durable in every group, for good
	Last    LSN       // the last LSN of the segment's group at or below VDL
	Floor   LSN       `wire:"2"` // no query reads below it, and no recovery needs a record at or below it; at most VDL
}

// Appended acknowledges with the segment complete LSN: all the group's records up to there are durable here.
type Appended struct {
	Epoch Epoch // the line on which SCL counts
	SCL   LSN
}

// Stale refuses a message of a writer that has been replaced.
type Stale struct {
	Promise Epoch // the epoch that the segment has promised to serve
}

// NotJoined refuses what only a segment that follows the writer's log may do.
type NotJoined struct {
	Epoch Epoch // as asked
	Line  Epoch // what the segment follows
}

// Damaged refuses because records that the segment had acknowledged can no longer be read. It is never the same
// as not having them: a damaged segment has no vote.
type Damaged struct {
	Epoch Epoch // as asked
}

// Fence asks a segment to promise that it serves no epoch below Epoch, and to tell what it holds.
type Fence struct{ Epoch Epoch }

// Held describes one record that a segment holds on its line.
type Held struct {
	LSN          LSN
	Epoch        Epoch
	Last         bool
	OldestActive LSN
}

// Fenced answers Fence when the promise is durable. From then on the segment is frozen until it joins.
type Fenced struct {
	Epoch   Epoch
	History History
	SCL     LSN
	VDL     LSN // the highest that a writer has told it
	Floor   LSN // records at or below it may be collected, and are in the pages
	// Held lists what it holds above VDL, whether complete or not, and before that the last one at or below VDL.
	// SCLs alone would not do: of an LSN that no list names, the writer cannot know whether a group lost it.
	Held []Held
}

// Join installs the history of a new writer: the segment drops what is not on it.
type Join struct {
	Epoch   Epoch
	History History
}

// Joined answers Join when the new history is durable.
type Joined struct {
	Epoch Epoch
	SCL   LSN
}

// ReadLog asks a segment for the records that it holds from From to To.
type ReadLog struct {
	Epoch    Epoch
	From, To LSN
}

// LogRecords answers ReadLog: all that the segment holds from From through Through.
type LogRecords struct {
	Epoch         Epoch
	From, Through LSN
	Records       []*Record
}

// ReadPage asks for a page as of ReadPoint, of a segment that is complete up to Need, the last LSN of its group
// at or below the read point. Asking for SCL ≥ ReadPoint would starve a group that is idle.
type ReadPage struct {
	Epoch     Epoch
	Page      PageID
	ReadPoint LSN
	Need      LSN
	Attempt   uint32
}

// PageImage answers ReadPage.
type PageImage struct {
	Epoch     Epoch
	Page      PageID
	ReadPoint LSN
	Attempt   uint32
	Image     []byte // with its checksum
}

// Behind refuses a ReadPage because the segment is not complete up to Need.
type Behind struct {
	Epoch   Epoch
	Page    PageID
	Attempt uint32
	SCL     LSN
}

// Confirm asks whether the segment still serves Epoch.
type Confirm struct {
	Epoch Epoch
	Round uint64
}

// Confirmed answers that it does.
type Confirmed struct {
	Epoch Epoch
	Round uint64
}

// GossipAsk tells a peer of the same group what the segment has, to get what it lacks.
type GossipAsk struct {
	Line  Epoch
	SCL   LSN
	Above []LSN // held above SCL, ascending
	Lost  []LSN // held once, unreadable now
}

// GossipGive brings a peer records that it lacks.
type GossipGive struct {
	Line    Epoch
	Records []*Record
	Floor   LSN `wire:"2"` // of the giver, when it lies above the asker's SCL: a FillAsk brings what is below
}

// ReadEpoch asks the register for the current epoch.
type ReadEpoch struct{ Token uint64 }

// CurrentEpoch answers ReadEpoch.
type CurrentEpoch struct {
	Token uint64
	Epoch Epoch
}

// Swap asks the register to move from Expect to Expect+1 for the writer that Token names. The token, which no
// two starts of a process share, lets a writer whose answer was lost ask again.
type Swap struct {
	Expect Epoch
	Token  uint64
}

// Swapped answers Swap.
type Swapped struct {
	Token uint64
	Won   bool
	Epoch Epoch // the register's epoch now
	// Geometry is, for the winner, the register's: by it the new writer goes.
	Geometry Geometry
}

func (*Append) Type() string       { return "append" }
func (*Appended) Type() string     { return "appended" }
func (*Stale) Type() string        { return "stale" }
func (*NotJoined) Type() string    { return "not-joined" }
func (*Damaged) Type() string      { return "damaged" }
func (*Fence) Type() string        { return "fence" }
func (*Fenced) Type() string       { return "fenced" }
func (*Join) Type() string         { return "join" }
func (*Joined) Type() string       { return "joined" }
func (*ReadLog) Type() string      { return "read-log" }
func (*LogRecords) Type() string   { return "log-records" }
func (*ReadPage) Type() string     { return "read-page" }
func (*PageImage) Type() string    { return "page-image" }
func (*Behind) Type() string       { return "behind" }
func (*Confirm) Type() string      { return "confirm" }
func (*Confirmed) Type() string    { return "confirmed" }
func (*GossipAsk) Type() string    { return "gossip-ask" }
func (*GossipGive) Type() string   { return "gossip-give" }
func (*ReadEpoch) Type() string    { return "read-epoch" }
func (*CurrentEpoch) Type() string { return "current-epoch" }
func (*Swap) Type() string         { return "swap" }
func (*Swapped) Type() string      { return "swapped" }

func (m *Append) LSNs() (from, to LSN)     { return span(m.Records) }
func (m *LogRecords) LSNs() (from, to LSN) { return span(m.Records) }
func (m *GossipGive) LSNs() (from, to LSN) { return span(m.Records) }

func span(rs []*Record) (from, to LSN) {
	if len(rs) == 0 {
		return 0, 0
	}
	return rs[0].LSN, rs[len(rs)-1].LSN
}

func u[T ~uint64 | ~uint32 | ~uint16](b []byte, v T) []byte {
	return binary.AppendUvarint(b, uint64(v))
}

func digestRecords(b []byte, rs []*Record) []byte {
	for _, r := range rs {
		b = binary.LittleEndian.AppendUint64(b, r.Sum)
	}
	return b
}

func (m *Append) AppendDigest(b []byte) []byte {
	return digestRecords(u(u(u(u(b, m.Epoch), m.VDL), m.Last), m.Floor), m.Records)
}
func (m *Appended) AppendDigest(b []byte) []byte  { return u(u(b, m.Epoch), m.SCL) }
func (m *Stale) AppendDigest(b []byte) []byte     { return u(b, m.Promise) }
func (m *NotJoined) AppendDigest(b []byte) []byte { return u(u(b, m.Epoch), m.Line) }
func (m *Damaged) AppendDigest(b []byte) []byte   { return u(b, m.Epoch) }
func (m *Fence) AppendDigest(b []byte) []byte     { return u(b, m.Epoch) }
func (m *Fenced) AppendDigest(b []byte) []byte {
	b = m.History.AppendBinary(u(u(u(u(b, m.Epoch), m.SCL), m.VDL), m.Floor))
	for _, h := range m.Held {
		b = appendHeld(b, h)
	}
	return b
}
func (m *Join) AppendDigest(b []byte) []byte    { return m.History.AppendBinary(u(b, m.Epoch)) }
func (m *Joined) AppendDigest(b []byte) []byte  { return u(u(b, m.Epoch), m.SCL) }
func (m *ReadLog) AppendDigest(b []byte) []byte { return u(u(u(b, m.Epoch), m.From), m.To) }
func (m *LogRecords) AppendDigest(b []byte) []byte {
	return digestRecords(u(u(u(b, m.Epoch), m.From), m.Through), m.Records)
}
func (m *ReadPage) AppendDigest(b []byte) []byte {
	return u(u(u(u(u(b, m.Epoch), m.Page), m.ReadPoint), m.Need), m.Attempt)
}
func (m *PageImage) AppendDigest(b []byte) []byte {
	return append(u(u(u(u(b, m.Epoch), m.Page), m.ReadPoint), m.Attempt), m.Image...)
}
func (m *Behind) AppendDigest(b []byte) []byte {
	return u(u(u(u(b, m.Epoch), m.Page), m.Attempt), m.SCL)
}
func (m *Confirm) AppendDigest(b []byte) []byte   { return u(u(b, m.Epoch), m.Round) }
func (m *Confirmed) AppendDigest(b []byte) []byte { return u(u(b, m.Epoch), m.Round) }
func (m *GossipAsk) AppendDigest(b []byte) []byte {
	b = u(u(b, m.Line), m.SCL)
	for _, l := range m.Above {
		b = u(b, l)
	}
	b = append(b, '/')
	for _, l := range m.Lost {
		b = u(b, l)
	}
	return b
}
func (m *GossipGive) AppendDigest(b []byte) []byte {
	return digestRecords(u(u(b, m.Line), m.Floor), m.Records)
}
func (m *ReadEpoch) AppendDigest(b []byte) []byte    { return u(b, m.Token) }
func (m *CurrentEpoch) AppendDigest(b []byte) []byte { return u(u(b, m.Token), m.Epoch) }
func (m *Swap) AppendDigest(b []byte) []byte         { return u(u(b, m.Expect), m.Token) }
func (m *Swapped) AppendDigest(b []byte) []byte {
	return m.Geometry.AppendBinary(append(u(u(b, m.Token), m.Epoch), bit(m.Won)))
}

// AppendDigest appends what a request is measured by.
func (r *Request) AppendDigest(b []byte) []byte {
	b = u(u(append(b, byte(r.Op)), r.ID), r.Txn)
	b = appendRows(u(u(u(b, uint64(r.Most)), r.Savepoint), r.ReadPoint), r.Rows)
	b = appendString(appendString(b, r.From), r.To)
	if r.Op < OpRead {
		return b // the rest is of operations by themselves
	}
	b = appendValue(b, r.Expect)
	for _, reads := range r.Reads {
		b = append(b, bit(reads))
	}
	return b
}

func appendRows(b []byte, rows []Row) []byte {
	b = u(b, uint64(len(rows)))
	for _, row := range rows {
		b = appendValue(appendString(b, row.Key), row.Value)
	}
	return b
}

// AppendDigest appends what a reply is measured by.
func (r *Reply) AppendDigest(b []byte) []byte {
	b = append(b, byte(r.Op), byte(r.Status), byte(r.Reason))
	b = appendValue(u(u(u(u(b, r.ID), r.Txn), r.LSN), r.Epoch), r.Value)
	b = appendRows(u(append(b, bit(r.More)), r.Savepoint), r.Rows)
	for _, t := range r.Blockers {
		b = u(b, t)
	}
	return b
}

// Describe renders a message on one line for people.
func Describe(m Message) string { return fmt.Sprintf("%s %+v", m.Type(), m) }
