package reader

import (
	"math/bits"
	"time"
)

// Lags counts how long it took from the moments at which the writer's VDL moved to those at which a reader's view had
// reached it, in microseconds: each below 16 by itself, and from there on eight ranges for every doubling. The last holds
// all that is longer.
type Lags [lagRanges]uint64

const (
	lagRanges   = 16 + 8*24 // up to four minutes
	lagDoubling = 3         // ranges of a doubling, as a power of two
)

// Note counts one that took that long.
func (l *Lags) Note(d time.Duration) {
	us := uint64(max(0, d) / time.Microsecond)
	doublings := max(0, bits.Len64(us)-lagDoubling-1)
	l[min(doublings<<lagDoubling+int(us>>doublings), lagRanges-1)]++
}

// Add adds those of m.
func (l *Lags) Add(m *Lags) {
	for i, n := range m {
		l[i] += n
	}
}

// At returns the time that so many percent of them took at most, an eighth too much at the most. It is 0 when no lag was noted.
func (l *Lags) At(percent uint64) time.Duration {
	total, below := uint64(0), uint64(0)
	for _, n := range l {
		total += n
	}
	for i, n := range l {
		if below += n; total > 0 && below*100 >= total*percent {
			doublings := max(0, i>>lagDoubling-1)
			return time.Duration((i-doublings<<lagDoubling+1)<<doublings-1) * time.Microsecond
		}
	}
	return 0
}
