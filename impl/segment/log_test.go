package segment

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// logOf encodes entries as a segment would have appended them: a record at every position, every entry bearing
// witness that all up to syncedBy before it were durable. It returns where each entry starts.
func logOf(n int, syncedLag int) (log []byte, starts []int) {
	for i := 1; i <= n; i++ {
		e := entry{kind: recordEntry, position: uint64(i), synced: uint64(max(0, i-1-syncedLag)), lsn: node.LSN(i), epoch: 1}
		r := &node.Record{LSN: e.lsn, Epoch: 1, Prev: e.lsn - 1, Kind: node.Write, Last: true, Key: fmt.Sprint("row", i), New: node.Some("v")}
		r.Seal()
		e.record = r
		starts = append(starts, len(log))
		log = appendEntry(log, &e)
	}
	return log, append(starts, len(log))
}

func TestScanOfAnIntactLog(t *testing.T) {
	log, _ := logOf(5, 2)
	s := scanLog(log)
	require.Len(t, s.entries, 5)
	require.Equal(t, len(log), s.kept)
	require.Equal(t, uint64(2), s.synced)
	require.False(t, s.lost || s.dead)
	for i, e := range s.entries {
		require.Equal(t, node.LSN(i+1), e.record.LSN)
	}
}

// A torn tail, at every byte, is dropped: nobody was promised anything of it.
func TestScanDropsATornTail(t *testing.T) {
	log, starts := logOf(4, 1)
	for cut := starts[3] + 1; cut < len(log); cut++ {
		s := scanLog(log[:cut])
		require.Len(t, s.entries, 3, "cut at %d", cut)
		require.Equal(t, starts[3], s.kept)
		require.False(t, s.lost || s.dead, "cut at %d", cut)
	}
}

// A crash that loses the middle of what was not synced leaves a hole of zeros with entries behind it. All from the
// hole on goes: it was appended after the hole, and acknowledged by nobody.
func TestScanDropsWhatLiesBehindAHole(t *testing.T) {
	log, starts := logOf(5, 4) // no entry knows of any sync
	for hole := range 5 {
		damaged := append([]byte(nil), log...)
		clear(damaged[starts[hole]:starts[hole+1]])
		s := scanLog(damaged)
		require.Len(t, s.entries, hole)
		require.Equal(t, starts[hole], s.kept)
		require.False(t, s.lost || s.dead, "hole at entry %d", hole)
	}
}

// Any flipped bit in what a later entry knows to be durable is damage, never "I don't have it". In a record's body it
// costs that record, which is known by name; elsewhere the segment cannot tell what it promised.
func TestScanSeesDamageAtEveryByte(t *testing.T) {
	log, starts := logOf(4, 0)
	witnessed := starts[3] // entry 4 says that 3 entries were durable
	for at := range witnessed {
		damaged := append([]byte(nil), log...)
		damaged[at] ^= 0x10
		s := scanLog(damaged)
		entry := 0
		for starts[entry+1] <= at {
			entry++
		}
		if at-starts[entry] < headerBytes {
			require.True(t, s.dead, "byte %d of entry %d's header", at-starts[entry], entry+1)
			continue
		}
		require.False(t, s.dead, "byte %d of entry %d", at-starts[entry], entry+1)
		require.True(t, s.lost, "byte %d of entry %d", at-starts[entry], entry+1)
		require.Len(t, s.entries, 4)
		require.Nil(t, s.entries[entry].record)
		require.Equal(t, node.LSN(entry+1), s.entries[entry].lsn)
	}
}

// A promise that cannot be read leaves nobody who knows what was promised.
func TestScanOfADamagedPromiseIsDead(t *testing.T) {
	p := entry{kind: promiseEntry, position: 1, promise: 7}
	log := appendEntry(nil, &p)
	body := len(log) - 1
	j := entry{kind: joinEntry, position: 2, synced: 1, history: node.FirstHistory().Cut(0, 7)}
	log = appendEntry(log, &j)
	require.False(t, scanLog(log).dead)
	log[body] ^= 1
	require.True(t, scanLog(log).dead)
}
