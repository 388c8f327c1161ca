package sim

import (
	"math"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/node"
)

// clock is a node's own: it goes as the world's does until a fault has it go slower or jump. It is the machine's, so a crash leaves
// it as it is. The zero clock is the world's.
type clock struct {
	rate        float64   // how many times as long a second takes; 0 is 1
	since, then node.Time // at the world's time since it showed then
	slow        []*slowClock
}

// slowClock is one fault that has a clock go slower.
type slowClock struct{ factor float64 }

// at returns what the clock shows.
func (c *clock) at(now node.Time) node.Time {
	passed := now.Sub(c.since)
	if c.rate > 1 {
		passed = time.Duration(float64(passed) / c.rate)
	}
	return c.then.Add(passed)
}

// takes returns how long what takes so long by this clock takes by the world's.
func (c *clock) takes(d time.Duration) time.Duration {
	if c.rate <= 1 {
		return d
	}
	if float64(d) > math.MaxInt64/c.rate/2 {
		return math.MaxInt64 // never
	}
	return scaled(d, c.rate)
}

// setRate has the clock go on at another rate from what it shows.
func (c *clock) setRate(now node.Time, rate float64) {
	c.since, c.then, c.rate = now, c.at(now), min(rate, faults.MaxFactor)
	if rate == 1 {
		c.slow = nil
	}
}

// jump has the clock show more at once. Timers count what passes, so those that run fire when they would have.
func (c *clock) jump(now node.Time, ahead time.Duration) {
	c.since, c.then = now, c.at(now).Add(ahead)
}

// slowClock has a clock go slower for a while. Several such faults at a time are all of them at once.
func (w *World) slowClock(p *process, factor float64, length time.Duration) {
	one := &slowClock{factor}
	p.clock.slow = append(p.clock.slow, one)
	p.clock.setRate(w.now, p.clock.factor())
	w.actAt(w.now.Add(length), w.plan, "end of "+string(faults.ClockSlow)+" "+p.name, func() {
		p.clock.slow = without(p.clock.slow, one)
		p.clock.setRate(w.now, p.clock.factor())
	})
}

// factor is how many times as long a second takes under all faults.
func (c *clock) factor() float64 {
	rate := 1.0
	for _, s := range c.slow {
		rate *= max(s.factor, 1)
	}
	return rate
}
