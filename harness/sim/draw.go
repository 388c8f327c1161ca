package sim

import (
	"math/bits"
	"time"
)

// A draw is the randomness of one identity: of this message from here to there, sent for the third time. It is not
// the next number of a sequence: taking one fault out of a plan would then give every later message another delay,
// and a failure could hardly be shrunk (three times as many faults stay, and more, when keyed by sequence).
type draw uint64

// question tells apart what is asked of one draw.
type question uint64

const (
	askJitter question = iota + 1
	askTail
	askTailLength
	askTailScale
	askLoss
	askDuplicate
	askFault
	askEffect
	askSurvive
	askTear
	askTearLength
	askPosition
	// askSecond is added to the questions about a duplicate.
	askSecond question = 1 << 8
)

// mix is the finaliser of splitmix64 over a combination of both.
func mix(h, v uint64) uint64 {
	h ^= v*0x9e3779b97f4a7c15 + 0x632be59bd9b4e019 + h<<6 + h>>2
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

func (d draw) bits(q question) uint64 { return mix(uint64(d), uint64(q)) }

// of returns the draw of the same identity under a fault with the given salt.
func (d draw) of(salt uint64) draw { return draw(mix(uint64(d), salt)) }

// chance is true at the given rate.
func (d draw) chance(q question, rate float64) bool {
	if rate <= 0 {
		return false
	}
	return float64(d.bits(q)>>11)*(1.0/(1<<53)) < rate
}

// below returns a number from 0 to n-1, or 0 when n is not positive.
func (d draw) below(q question, n int64) int64 {
	if n <= 0 {
		return 0
	}
	high, _ := bits.Mul64(d.bits(q), uint64(n))
	return int64(high)
}

// span returns a duration from 0 to most.
func (d draw) span(q question, most time.Duration) time.Duration {
	return time.Duration(d.below(q, int64(most)+1))
}

// maxTailDoublings bounds a tail at 64 times its scale, twice over.
const maxTailDoublings = 6

// tail returns what a heavy tail adds: nothing most of the time; at the given rate something around scale, every
// doubling half as likely as the one before (a Pareto law with exponent 1, cut off).
func (d draw) tail(q question, rate float64, scale time.Duration) time.Duration {
	if !d.chance(askTail+q, rate) {
		return 0
	}
	doublings := min(bits.TrailingZeros64(d.bits(askTailScale+q)), maxTailDoublings)
	return (scale + d.span(askTailLength+q, scale)) << doublings
}

// scaled returns factor times d. Two rounding steps, so that no platform fuses them into another result.
func scaled(d time.Duration, factor float64) time.Duration {
	product := float64(d) * factor
	return time.Duration(product)
}

// attempts counts how often each identity has been seen. It is an open table because a run does this for every
// message; nothing ever walks over it. An entry is one word, for the table outgrows the processor's cache: the upper bits of
// the identity and the count below them. Two identities that share their upper bits count together, which does no harm.
type attempts struct {
	entries []uint64 // 0 marks an empty place
	used    int
}

const (
	countBits = 24
	mostCount = 1<<countBits - 1
)

// next returns how often key was seen before.
func (a *attempts) next(key uint64) uint64 {
	if a.used*4 >= len(a.entries)*3 {
		a.grow()
	}
	upper := max(key>>countBits, 1)
	place := a.place(upper)
	count := *place & mostCount
	if *place == 0 {
		*place = upper<<countBits | 1
		a.used++
		return 0
	}
	if count < mostCount {
		*place++
	}
	return count
}

// place returns where the identity with these upper bits is, or is to be.
func (a *attempts) place(upper uint64) *uint64 {
	mask := uint64(len(a.entries) - 1)
	for i := upper & mask; ; i = (i + 1) & mask {
		if e := a.entries[i]; e == 0 || e>>countBits == upper {
			return &a.entries[i]
		}
	}
}

func (a *attempts) grow() {
	old := a.entries
	a.entries = make([]uint64, max(1024, 2*len(old)))
	for _, e := range old {
		if e != 0 {
			*a.place(e >> countBits) = e
		}
	}
}
