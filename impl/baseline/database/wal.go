package database

import (
	"encoding/binary"
	"fmt"

	"github.com/firstgap/firstgap/impl/node"
)

// sector is the unit in which the log is written: the piece that begins a write begins a sector.
const sector = 512

func alignUp(n uint64) uint64 { return (n + sector - 1) / sector * sector }

// appendFrame appends a record as the log has it: its length, then itself, which ends with its checksum.
func appendFrame(b []byte, r *node.Record) []byte {
	body := r.AppendBinary(nil)
	return append(binary.AppendUvarint(b, uint64(len(body))), body...)
}

// A logged is a record and where it ends in the log.
type logged struct {
	record *node.Record
	from   uint64
	end    uint64
}

// readWAL reads a log area that begins at base: every record up to the first gap. What stands behind that was never
// acknowledged, for one write follows the other only when it is durable. A sector behind the gap that holds records of a
// later write says otherwise: then something durable is gone, and cutting the log there would forget commits.
func readWAL(base uint64, data []byte) ([]logged, error) {
	var log []logged
	at := 0
	for at < len(data) {
		boundary := (base+uint64(at))%sector == 0
		if data[at] == 0 {
			if boundary {
				break
			}
			at = int(alignUp(base+uint64(at)) - base) // padding
			continue
		}
		r, n := readFrame(data[at:])
		if r == nil || len(log) > 0 && r.LSN != log[len(log)-1].record.LSN+1 {
			break
		}
		log = append(log, logged{r, base + uint64(at), base + uint64(at+n)})
		at += n
	}
	last := node.LSN(0)
	if len(log) > 0 {
		last = log[len(log)-1].record.LSN
	}
	for s := int(alignUp(base+uint64(at)+1) - base); s < len(data); s += sector {
		// The rest of the one write that was under way is a prefix of it, so no record of it stands alone behind a gap.
		if r, _ := readFrame(data[s:]); r != nil && r.LSN > last {
			return nil, &DamageError{"log", fmt.Sprintf("record %d at position %d", last+1, base+uint64(at)),
				fmt.Sprintf("record %d at position %d and none between", r.LSN, base+uint64(s))}
		}
	}
	return log, nil
}

func readFrame(b []byte) (*node.Record, int) {
	l, k := binary.Uvarint(b)
	if k <= 0 || l == 0 || l > uint64(len(b)-k) {
		return nil, 0
	}
	r, err := node.DecodeRecord(b[k : k+int(l)])
	if err != nil {
		return nil, 0
	}
	return r, k + int(l)
}
