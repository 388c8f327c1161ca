package segment

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/firstgap/firstgap/impl/node"
)

// The segment's disk holds one file, its log. Whatever the segment has to remember is an entry there, in the
// order in which it became true: a record, a promise, a history. One file and one order mean that a single sync
// covers all, and that a record that was accepted before a promise is durable before the promise is.
const logFile = "log"

type entryKind byte

const (
	recordEntry  entryKind = 1 // a node.Record
	promiseEntry entryKind = 2 // the epoch promised, in the header
	joinEntry    entryKind = 3 // a node.History
)

// An entry is one entry of the log.
type entry struct {
	kind     entryKind
	position uint64 // 1, 2, 3 … over the segment's life
	// synced is the highest position that was known to be durable when this entry was written. At a start it tells
	// bytes that were never promised to anybody (a torn tail, to be dropped) from bytes that were (damage).
	synced uint64

	record  *node.Record // recordEntry
	from    node.ID      // recordEntry: the peer that sent it, 0 for a writer; not on disk
	again   bool         // recordEntry: it was held before and became unreadable; not on disk
	promise node.Epoch   // promiseEntry
	history node.History // joinEntry
	lsn     node.LSN     // recordEntry: repeated in the header, so that a damaged record is still known by name
	epoch   node.Epoch   // recordEntry: likewise
}

const (
	entryMagic  = 0xF1657A90
	headerBytes = 4 + 1 + 8 + 8 + 8 + 4 + 4 + 4 + 4
)

// castagnoli is the polynomial that processors compute in hardware.
func castagnoli(b []byte) uint32 { return crc32.Checksum(b, castagnoliTable) }

var castagnoliTable = crc32.MakeTable(crc32.Castagnoli)

// appendEntry encodes e: a header with a checksum of its own, then the body, whose checksum the header carries.
func appendEntry(b []byte, e *entry) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint32(b, entryMagic)
	b = append(b, byte(e.kind))
	b = binary.LittleEndian.AppendUint64(b, e.position)
	b = binary.LittleEndian.AppendUint64(b, e.synced)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.lsn))
	b = binary.LittleEndian.AppendUint32(b, uint32(e.epoch))
	b = append(b, make([]byte, 12)...) // body length, body checksum, header checksum
	body := len(b)
	switch e.kind {
	case recordEntry:
		b = e.record.AppendBinary(b)
	case promiseEntry:
		b = binary.AppendUvarint(b, uint64(e.promise))
	case joinEntry:
		b = e.history.AppendBinary(b)
	}
	binary.LittleEndian.PutUint32(b[body-12:], uint32(len(b)-body))
	binary.LittleEndian.PutUint32(b[body-8:], castagnoli(b[body:]))
	binary.LittleEndian.PutUint32(b[body-4:], castagnoli(b[start:body-4]))
	return b
}

type scanState uint8

const (
	entryFits   scanState = iota
	bodyBad               // the header fits, the body does not: known by name, lost
	headerBad             // nothing is known
	endOfLog              // no bytes left
	bodyMissing           // the header fits, the file ends before the body does
)

// scanEntry reads the entry at the start of b and returns how many bytes it takes.
func scanEntry(b []byte) (e entry, n int, state scanState) {
	if len(b) == 0 {
		return e, 0, endOfLog
	}
	if len(b) < headerBytes || binary.LittleEndian.Uint32(b) != entryMagic ||
		castagnoli(b[:headerBytes-4]) != binary.LittleEndian.Uint32(b[headerBytes-4:]) {
		return e, 0, headerBad
	}
	e.kind = entryKind(b[4])
	e.position = binary.LittleEndian.Uint64(b[5:])
	e.synced = binary.LittleEndian.Uint64(b[13:])
	e.lsn = node.LSN(binary.LittleEndian.Uint64(b[21:]))
	e.epoch = node.Epoch(binary.LittleEndian.Uint32(b[29:]))
	size := int(binary.LittleEndian.Uint32(b[33:]))
	n = headerBytes + size
	if n > len(b) {
		return e, len(b), bodyMissing
	}
	body := b[headerBytes:n]
	if castagnoli(body) != binary.LittleEndian.Uint32(b[37:]) {
		return e, n, bodyBad
	}
	switch e.kind {
	case recordEntry:
		r, err := node.DecodeRecord(body)
		if err != nil {
			return e, n, bodyBad
		}
		e.record = r
	case promiseEntry:
		v, k := binary.Uvarint(body)
		if k != len(body) {
			return e, n, bodyBad
		}
		e.promise = node.Epoch(v)
	case joinEntry:
		h, err := node.DecodeHistory(body)
		if err != nil {
			return e, n, bodyBad
		}
		e.history = h
	default:
		return e, n, bodyBad
	}
	return e, n, entryFits
}

// A scan is what a start makes of the log that it finds.
type scan struct {
	entries []entry // readable, in order; lost records have record == nil
	kept    int     // bytes of the log up to the end of the last entry
	synced  uint64  // highest position that was certainly durable, and told, before the crash
	lost    bool    // some record that was durable is unreadable, but known by name
	dead    bool    // something that was durable is unreadable, and nobody knows what
}

// scanLog reads a log. Entries that follow the first unreadable one are dropped when nothing of that was known to
// be durable: a crash may lose any subset of what was not synced, and what comes behind a hole was appended after
// it. They are damage when an entry, on either side, says that the unreadable one had been synced.
//
// One case cannot be told from a torn tail: damage to the very last entries, synced and acknowledged, of which no
// later entry bears witness. Until the next sync the segment has no second place that would.
func scanLog(log []byte) scan {
	var s scan
	at := 0
	for {
		e, n, state := scanEntry(log[at:])
		if state == endOfLog {
			break
		}
		expected := uint64(len(s.entries)) + 1
		if state == headerBad || state == bodyMissing || e.position != expected {
			s.tail(log[at:], expected)
			break
		}
		if state == bodyBad {
			// A hole that a crash left ends the log here as well, unless somebody knows better.
			witness := s.synced
			if w := highestSynced(log[at+n:]); w > witness {
				witness = w
			}
			if witness < e.position {
				break
			}
			if e.kind != recordEntry {
				s.dead = true // a promise or a history that cannot be read: nobody knows what was promised
				break
			}
			s.lost = true
		}
		s.entries = append(s.entries, e)
		s.synced = max(s.synced, e.synced)
		at += n
		s.kept = at
	}
	return s
}

// tail judges bytes that do not begin with the entry expected there.
func (s *scan) tail(rest []byte, expected uint64) {
	if s.synced >= expected || highestSynced(rest) >= expected {
		s.dead = true
	}
}

// highestSynced searches bytes of which no alignment is known for entries, and returns the highest position that
// one of them knows to be durable.
func highestSynced(b []byte) uint64 {
	highest := uint64(0)
	for at := 0; at+headerBytes <= len(b); at++ {
		if binary.LittleEndian.Uint32(b[at:]) != entryMagic {
			continue
		}
		if e, _, state := scanEntry(b[at:]); state != headerBad {
			highest = max(highest, e.synced)
		}
	}
	return highest
}
