package maelstrom

import (
	"math/big"
)

// The rules of the workloads g-counter and pn-counter.
const (
	// WrongCount: a read after the faults shows a value that is not the sum of all acknowledged additions and some of those of
	// unknown outcome.
	WrongCount = "wrong-count"
	// ImpossibleCount: a read shows more, or less, than the additions that had begun until then can make.
	ImpossibleCount = "impossible-count"
	// NoFinalRead: no read after the faults was answered, so what was kept is not known. It is never decided.
	NoFinalRead = "no-final-read"
)

func gCounter() Workload {
	return counterWorkload("g-counter", 0, "Clients add numbers from 0 to 4 to a counter, and read it, after the faults once more.")
}

func pnCounter() Workload {
	return counterWorkload("pn-counter", -5, "Clients add numbers from -5 to 4 to a counter, and read it, after the faults once more.")
}

func counterWorkload(name string, lowest int64, what string) Workload {
	return Workload{
		Name: name, What: what,
		Guarantee: "After the faults every node shows the sum of all additions that were acknowledged, and of some of those whose outcome is unknown.",
		Begin: func(p Parameters) (Session, error) {
			p, err := p.filled(name)
			return &counterSession{lowest: lowest, final: make([]bool, max(0, p.Clients))}, err
		},
		Check: func(_ Parameters, calls []Call) []Problem { return checkCounter(calls) },
		Count: figures,
	}
}

type counterSession struct {
	lowest int64
	final  []bool // by client: it has had its last read
}

func (s *counterSession) Setup(int) []Body { return nil }

func (s *counterSession) Next(_ int, draw func(n int) int) Body {
	if draw(2) == 0 {
		return Body{"type": "read"}
	}
	return Body{"type": "add", "delta": number(s.lowest + int64(draw(int(5-s.lowest))))}
}

func (s *counterSession) Final(client int) Body {
	if s.final[client] {
		return nil
	}
	s.final[client] = true
	return Body{"type": "read"}
}

func (s *counterSession) Answered(*Call) {}

// sums are the sums of some of a list of numbers: bit i of bits is set when low+i is one of them.
type sums struct {
	low  int64
	bits *big.Int
}

// with is the sums of which d may be a part or not.
func (s sums) with(d int64) sums {
	moved := new(big.Int)
	if d >= 0 {
		return sums{s.low, moved.Or(s.bits, moved.Lsh(s.bits, uint(d)))}
	}
	return sums{s.low + d, moved.Or(s.bits, moved.Lsh(s.bits, uint(-d)))}
}

func (s sums) has(v *big.Int) bool {
	at := new(big.Int).Sub(v, big.NewInt(s.low))
	return at.Sign() >= 0 && at.IsInt64() && at.Int64() < int64(s.bits.BitLen()) && s.bits.Bit(int(at.Int64())) == 1
}

func (s sums) highest() int64 { return s.low + int64(s.bits.BitLen()) - 1 }

// mostDelta bounds what is added at a time, so that the sums stay small; the clients add less.
const mostDelta = 1000

func checkCounter(calls []Call) []Problem {
	f := newFindings(calls)
	f.answered()
	type addition struct {
		call  int
		delta int64
	}
	var adds []addition
	possible := sums{0, big.NewInt(1)}
	acknowledged, unknown := int64(0), 0
	for i := range calls {
		c := &calls[i]
		if c.kind() != "add" || c.Outcome == Failed {
			continue
		}
		delta, ok := integer(c.Request["delta"])
		if !ok || delta < -mostDelta || delta > mostDelta {
			continue // no client of this workload asks for it
		}
		adds = append(adds, addition{i, delta})
		if c.Outcome == OK {
			if _, err := c.answer(); err == nil {
				acknowledged += delta
				continue
			} else {
				f.malformed(i, err)
			}
		}
		unknown++
		possible = possible.with(delta)
	}
	possible.low += acknowledged
	low, high := big.NewInt(0), big.NewInt(0) // of what had begun until the read at hand ended
	next, final := 0, 0
	for _, i := range f.readsByEnd() {
		c := &calls[i]
		v, ok := f.field(i, "value")
		if !ok {
			continue
		}
		count, ok := whole(v)
		if !ok {
			f.malformed(i, &shapeError{"a whole number in value", show(v, true)})
			continue
		}
		for next < len(adds) && calls[adds[next].call].Invoked <= c.Returned {
			if d := big.NewInt(adds[next].delta); d.Sign() < 0 {
				low.Add(low, d)
			} else {
				high.Add(high, d)
			}
			next++
		}
		switch {
		case count.Cmp(low) < 0 || count.Cmp(high) > 0:
			f.add(ImpossibleCount, []int{i}, "%s: expected a number from %v to %v, which is all that had begun until then, found %s", f.call(i), low, high, show(v, true))
		case c.Final && !possible.has(count):
			f.add(WrongCount, []int{i}, "%s: expected the sum %d of all acknowledged additions, and of some of the %d of unknown outcome, which is a number from %d to %d, found %s",
				f.call(i), acknowledged, unknown, possible.low, possible.highest(), show(v, true))
		}
		if c.Final {
			final++
		}
	}
	if len(calls) > 0 && final == 0 {
		f.undecided(NoFinalRead, []int{len(calls) - 1}, "no read after the faults was answered with a number, so it is not known what was kept")
	}
	return f.done()
}
