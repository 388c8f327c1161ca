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

// A torn tail, at every byte, is dropped: the segment had not spoken of it.
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
// hole on goes: it was appended after the hole, and the segment never acknowledged it.
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

// Each single bit flips in turn, in every entry, known to be durable or not: either nothing is lost, because the other
// header still says it, or one record is, and it is known by name. It is never taken for a torn tail, which would be dropped
// as if the segment had never had it.
//
// Seed 25 of the first hundred simulated runs found the last entry damaged, of which no later one bore witness: it was
// dropped, and the segment came back without a record that it had acknowledged.
func TestScanSurvivesAnyFlippedBit(t *testing.T) {
	log, starts := logOf(4, 0)
	for at := range log {
		for bit := range 8 {
			damaged := append([]byte(nil), log...)
			damaged[at] ^= 1 << bit
			s := scanLog(damaged)
			entry := 0
			for starts[entry+1] <= at {
				entry++
			}
			inBody := at-starts[entry] >= headerBytes && at < starts[entry+1]-headerBytes
			require.False(t, s.dead, "byte %d of entry %d", at-starts[entry], entry+1)
			require.Len(t, s.entries, 4, "byte %d of entry %d", at-starts[entry], entry+1)
			require.Equal(t, len(log), s.kept)
			require.Equal(t, inBody, s.lost, "byte %d of entry %d", at-starts[entry], entry+1)
			require.Equal(t, inBody, s.entries[entry].record == nil)
			require.Equal(t, node.LSN(entry+1), s.entries[entry].lsn)
		}
	}
}

// One bit of each header of the last entry, which has no other behind it that knows it as synced: every such pair. Neither
// header could be read, the entry was taken for a torn tail, and the segment came back without a record that it had
// acknowledged and voted: a run whose plan rotted one disk twice found it.
func TestScanSurvivesABitOfEachHeader(t *testing.T) {
	log, starts := logOf(2, 0)
	tail := starts[2] - headerBytes
	for first := range headerBytes * 8 {
		flip(log[starts[1]:], first)
		for second := range headerBytes * 8 {
			flip(log[tail:], second)
			s := scanLog(log)
			if s.dead || s.lost || s.kept != len(log) || len(s.entries) != 2 || s.entries[1].record == nil || s.entries[1].record.LSN != 2 {
				t.Fatalf("bits %d and %d: dead %t, lost %t, %d of %d bytes kept", first, second, s.dead, s.lost, s.kept, len(log))
			}
			flip(log[tail:], second)
		}
		flip(log[starts[1]:], first)
	}
}

// Three bits of the last entry, wherever they are: it is read, or known as damaged by its name.
func TestScanSurvivesAnyThreeFlippedBits(t *testing.T) {
	log, starts := logOf(2, 0)
	intact := append([]byte(nil), log...)
	entry := log[starts[1]:]
	n := 8 * len(entry)
	read, damaged := 0, 0
	for a := 0; a < n; a += 13 {
		for b := a + 1; b < n; b += 29 {
			for c := b + 1; c < n; c += 37 {
				for _, at := range [...]int{a, b, c} {
					flip(entry, at)
				}
				s := scanLog(log)
				if s.dead || s.kept != len(log) || len(s.entries) != 2 || s.entries[1].lsn != 2 {
					t.Fatalf("bits %d, %d, %d: dead %t, %d of %d bytes kept", a, b, c, s.dead, s.kept, len(log))
				}
				if r := s.entries[1].record; r == nil {
					damaged++
				} else {
					require.Equal(t, node.LSN(2), r.LSN)
					read++
				}
				copy(log, intact)
			}
		}
	}
	require.Positive(t, read)
	require.Positive(t, damaged)
}

// The start relies on this: no two ways to flip at most two bits of a header look the same, and none looks like a header
// that is whole. By linearity it holds for every header when it holds for one.
func TestFlipsOfAHeaderAreToldApart(t *testing.T) {
	seen := map[uint32]bool{0: true}
	add := func(s uint32) {
		if seen[s] {
			t.Fatalf("two ways to the syndrome %08x", s)
		}
		seen[s] = true
	}
	for i, one := range flips {
		add(one)
		for _, two := range flips[:i] {
			add(one ^ two)
		}
	}
	require.Len(t, seen, 1+360+360*359/2)

	var b [headerBytes]byte
	want := header{kind: recordEntry, position: 77, synced: 70, lsn: 4711, epoch: 3, size: 200, sum: 0xABCDEF01}
	for i := range flips {
		for j := 0; j < i; j += 41 {
			want.put(b[:], headMagic)
			flip(b[:], i)
			flip(b[:], j)
			found, fits := mendHeader(b[:], headMagic)
			_, second := mendHeader(b[:], tailMagic)
			if !fits || found != want || second {
				t.Fatalf("bits %d and %d: mended %t to %+v, taken for a second header: %t", i, j, fits, found, second)
			}
		}
	}
}

// A header that a crash tore or never wrote is not one to be mended: what it lacks is more than two bits.
func TestATornHeaderIsNotMended(t *testing.T) {
	var whole [headerBytes]byte
	h := header{kind: recordEntry, position: 77, synced: 70, lsn: 4711, epoch: 3, size: 200, sum: 0xABCDEF01}
	h.put(whole[:], headMagic)
	for n := range headerBytes {
		_, fits := mendHeader(whole[:n], headMagic)
		require.False(t, fits, "%d bytes", n)
	}
	for n := range headerBytes - 2 {
		b := make([]byte, headerBytes)
		copy(b, whole[:n])
		_, fits := mendHeader(b, headMagic)
		require.False(t, fits, "%d bytes and zeros", n)
	}
}

// Both headers gone, where a later entry knows that there was something: the segment cannot tell what it promised.
func TestScanOfAnEntryThatIsGoneIsDead(t *testing.T) {
	log, starts := logOf(4, 0)
	for entry := range 3 {
		damaged := append([]byte(nil), log...)
		clear(damaged[starts[entry]:starts[entry+1]])
		require.True(t, scanLog(damaged).dead, "entry %d", entry+1)
	}
	clear(log[starts[3]:])
	require.False(t, scanLog(log).dead, "of the last entry nobody knows that it was there")
}

// With a history that cannot be read, what was promised is not known.
func TestScanOfADamagedHistoryIsDead(t *testing.T) {
	j := entry{kind: joinEntry, position: 1, history: node.FirstHistory().Cut(0, 7)}
	log := appendEntry(nil, &j)
	require.False(t, scanLog(log).dead)
	log[headerBytes+1] ^= 1
	require.True(t, scanLog(log).dead)
}
