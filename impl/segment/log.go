package segment

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/firstgap/firstgap/impl/node"
)

// All that the segment has to remember is an entry of its log, in the order in which it became true: a record, a
// promise, a history. One file and one order mean that a single sync covers all, and that a record that was accepted
// before a promise is durable before the promise is. The other file, the images, stands for records that the log no
// longer has.
//
// A log begins with a base, twice: what was promised and followed when the log was last replaced, and how many of the
// entries that follow were kept from before. A segment that was formatted has one, so that a disk without a log is one
// that forgot.
const logFile = "log"

type entryKind byte

const (
	recordEntry  entryKind = 1 // a node.Record
	promiseEntry entryKind = 2 // the epoch promised, in the header
	joinEntry    entryKind = 3 // a node.History
	baseEntry    entryKind = 4 // a promise, a history, the floor, and how many entries were kept
)

// An entry is one entry of the log.
type entry struct {
	kind     entryKind
	position uint64 // 1, 2, 3 … over the segment's life
	// synced is the highest position that was known to be durable, and told, when this entry was written. At a start it
	// tells bytes of which the segment never spoke (a torn tail, to be dropped) from bytes of which it did (damage).
	synced uint64

	record  *node.Record // recordEntry
	from    node.ID      // recordEntry: the peer that sent it, 0 for a writer; not on disk
	size    int          // in bytes; not on disk
	again   bool         // recordEntry: it was held before and became unreadable; not on disk
	promise node.Epoch   // promiseEntry, baseEntry
	history node.History // joinEntry, baseEntry
	floor   node.LSN     // baseEntry: the images have everything at or below it
	kept    int          // baseEntry: entries that follow and are older than it, by position
	lsn     node.LSN     // recordEntry: repeated in the header, so that a damaged record is still known by name
	epoch   node.Epoch   // recordEntry: likewise
}

// An entry on disk is a header, a body, and the header once more. A write that a crash tears has a beginning and no
// end, so an entry that has both and a body that does not fit has rotted after it was written whole; and with either
// of the two headers gone, the other still says what stands there.
//
// The last entry has no other behind it that knows it as synced, so its own bytes have to tell a torn tail from damage. Taken
// for a torn tail it is dropped, and the segment votes without a record that it acknowledged. So a start mends headers
// (mendHeader). Up to three bits of one entry may flip, wherever they are: the entry is read, or known as damaged by its
// name. Four can be too many (three in the second header and one in the body), and no plan of faults asks for as many on one
// disk. The alternative is a mark that says how far the log was synced. Written with the entry, it cannot know of the
// entry's own sync; written after it, it costs every commit a second write and sync.
const (
	headMagic   = 0xF1657A90
	tailMagic   = 0xF1657A91
	headerBytes = 4 + 1 + 8 + 8 + 8 + 4 + 4 + 4 + 4
)

// castagnoli is the checksum that processors compute in hardware.
func castagnoli(b []byte) uint32 { return crc32.Checksum(b, castagnoliTable) }

var castagnoliTable = crc32.MakeTable(crc32.Castagnoli)

// appendEntry encodes e.
func appendEntry(b []byte, e *entry) []byte {
	start := len(b)
	b = append(b, make([]byte, headerBytes)...)
	switch e.kind {
	case recordEntry:
		b = e.record.AppendBinary(b)
	case promiseEntry:
		b = binary.AppendUvarint(b, uint64(e.promise))
	case joinEntry:
		b = e.history.AppendBinary(b)
	case baseEntry:
		b = binary.AppendUvarint(b, uint64(e.promise))
		b = binary.AppendUvarint(b, uint64(e.floor))
		b = binary.AppendUvarint(b, uint64(e.kept))
		b = e.history.AppendBinary(b)
	}
	body := b[start+headerBytes:]
	h := header{kind: e.kind, position: e.position, synced: e.synced, lsn: e.lsn, epoch: e.epoch, size: len(body), sum: castagnoli(body)}
	h.put(b[start:], headMagic)
	end := len(b)
	b = append(b, make([]byte, headerBytes)...)
	h.put(b[end:], tailMagic)
	return b
}

// A header is what an entry says of itself at both ends.
type header struct {
	kind             entryKind
	position, synced uint64
	lsn              node.LSN
	epoch            node.Epoch
	size             int    // of the body, in bytes
	sum              uint32 // of the body
}

// put writes it at the start of b.
func (h *header) put(b []byte, magic uint32) {
	b = b[:headerBytes]
	binary.LittleEndian.PutUint32(b, magic)
	b[4] = byte(h.kind)
	binary.LittleEndian.PutUint64(b[5:], h.position)
	binary.LittleEndian.PutUint64(b[13:], h.synced)
	binary.LittleEndian.PutUint64(b[21:], uint64(h.lsn))
	binary.LittleEndian.PutUint32(b[29:], uint32(h.epoch))
	binary.LittleEndian.PutUint32(b[33:], uint32(h.size))
	binary.LittleEndian.PutUint32(b[37:], h.sum)
	binary.LittleEndian.PutUint32(b[41:], castagnoli(b[:headerBytes-4]))
}

func readHeader(b []byte, magic uint32) (h header, fits bool) {
	if len(b) < headerBytes || binary.LittleEndian.Uint32(b) != magic ||
		castagnoli(b[:headerBytes-4]) != binary.LittleEndian.Uint32(b[headerBytes-4:]) {
		return h, false
	}
	return header{
		kind:     entryKind(b[4]),
		position: binary.LittleEndian.Uint64(b[5:]),
		synced:   binary.LittleEndian.Uint64(b[13:]),
		lsn:      node.LSN(binary.LittleEndian.Uint64(b[21:])),
		epoch:    node.Epoch(binary.LittleEndian.Uint32(b[29:])),
		size:     int(binary.LittleEndian.Uint32(b[33:])),
		sum:      binary.LittleEndian.Uint32(b[37:]),
	}, true
}

type entryState uint8

const (
	whole   entryState = iota // it can be read
	rotten                    // it was written whole, and cannot be read any more
	partial                   // it has no end
	none                      // nothing of it is there
)

// scanEntry reads the entry at the start of b, and returns how many bytes it takes.
func scanEntry(b []byte) (e entry, n int, state entryState) {
	h, fits := mendHeader(b, headMagic)
	if !fits {
		if h, fits = searchTail(b); !fits {
			return e, 0, none
		}
	}
	e = entry{kind: h.kind, position: h.position, synced: h.synced, lsn: h.lsn, epoch: h.epoch}
	end := headerBytes + h.size
	if end+headerBytes > len(b) {
		return e, len(b), partial
	}
	tail, ended := mendHeader(b[end:], tailMagic)
	ended = ended && tail == h
	n = end + headerBytes
	switch {
	case castagnoli(b[headerBytes:end]) == h.sum && e.decode(b[headerBytes:end]):
		return e, n, whole
	case ended:
		return e, n, rotten
	}
	return e, n, partial
}

// searchTail looks for the second header of an entry whose first one cannot be read.
func searchTail(b []byte) (header, bool) {
	for at := headerBytes; at+headerBytes <= len(b); at++ {
		if h, fits := mendHeader(b[at:], tailMagic); fits {
			return h, h.size == at-headerBytes // otherwise it is a later entry's
		}
	}
	return header{}, false
}

func (e *entry) decode(body []byte) bool {
	switch e.kind {
	case recordEntry:
		r, err := node.DecodeRecord(body)
		e.record = r
		return err == nil
	case promiseEntry:
		v, k := binary.Uvarint(body)
		e.promise = node.Epoch(v)
		return k == len(body)
	case joinEntry:
		h, err := node.DecodeHistory(body)
		e.history = h
		return err == nil
	case baseEntry:
		var numbers [3]uint64
		for i := range numbers {
			v, k := binary.Uvarint(body)
			if k <= 0 {
				return false
			}
			numbers[i], body = v, body[k:]
		}
		h, err := node.DecodeHistory(body)
		e.promise, e.floor, e.kept, e.history = node.Epoch(numbers[0]), node.LSN(numbers[1]), int(numbers[2]), h
		return err == nil
	}
	return false
}

// A scan is what a start makes of the log that it finds.
type scan struct {
	base     entry   // what the log begins with; the zero value, of no kind, for a log without
	entries  []entry // readable, in order; lost records have record == nil
	kept     int     // bytes of the log up to the end of the last entry
	position uint64  // of the last entry
	synced   uint64  // highest position that was certainly durable, and told, before the crash
	lost     bool    // some record that was durable is unreadable, but known by name
	dead     bool    // something that was durable is unreadable, and no header says what
}

// scanLog reads a log. What follows the first entry that has no end is dropped when nothing of it was known to be
// durable: a crash may lose any subset of what was not synced, and what comes behind a hole was appended after it. It
// is damage when the entry was written whole, or when another one, on either side, says that it had been synced.
func scanLog(log []byte) scan {
	var s scan
	if !s.scanBase(log) {
		s.dead = true
		return s
	}
	older := s.base.kept // entries still to come that were kept from before the base
	for s.kept < len(log) {
		rest := log[s.kept:]
		e, n, state := scanEntry(rest)
		last := s.position
		if older > 0 && len(s.entries) == 0 {
			last = 0
		} else if older > 0 {
			last = s.entries[len(s.entries)-1].position
		}
		fits := e.position == last+1 || older > 0 && e.position > last && e.position <= s.base.position
		if state == none || state == partial || !fits {
			s.dead = older > 0 || max(s.synced, highestSynced(rest)) > last
			return s
		}
		if state == rotten {
			if e.kind != recordEntry {
				s.dead = true // a promise or a history: what was promised is not known
				return s
			}
			e.record = nil
			s.lost = true
		}
		s.entries = append(s.entries, e)
		s.position = max(s.position, e.position)
		s.synced = max(s.synced, e.synced)
		s.kept += n
		older = max(0, older-1)
	}
	s.dead = older > 0 // the log was replaced as a whole, so its end was there
	return s
}

// scanBase reads what a log begins with, from whichever of its two copies can be read, and tells whether that is known.
func (s *scan) scanBase(log []byte) bool {
	at := 0
	for range 2 {
		e, n, state := scanEntry(log[at:])
		if e.kind != baseEntry || state == none || state == partial {
			if at > 0 {
				return false // the second copy is gone: the log ends where it cannot have ended
			}
			return state != partial || e.kind != baseEntry // a log without a base
		}
		if state == whole {
			s.base = e
		}
		at += n
	}
	s.kept, s.position, s.synced = at, s.base.position, s.base.synced
	return s.base.kind == baseEntry
}

// highestSynced searches bytes of which no alignment is known for entries, and returns the highest position that
// one of them knows to be durable.
func highestSynced(b []byte) uint64 {
	highest := uint64(0)
	for at := 0; at+headerBytes <= len(b); at++ {
		for _, magic := range [...]uint32{headMagic, tailMagic} {
			if h, fits := mendHeader(b[at:], magic); fits {
				highest = max(highest, h.synced)
			}
		}
	}
	return highest
}
