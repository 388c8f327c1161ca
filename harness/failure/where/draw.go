package where

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/sim"
)

// Options say how a curve is drawn.
type Options struct {
	Points  int           // of the curve; 0 is DefaultPoints
	Draws   int           // of the rest, from each point; 0 is DefaultDraws
	Workers int           // runs at a time; 0 is one a core. The curve is the same with any number.
	Seed    uint64        // of what is drawn
	Runs    int           // after which no further point is begun; 0 is any number
	Time    time.Duration // likewise, of real time; 0 is any. What a curve has by then depends on the machine.
}

// The defaults.
const (
	DefaultPoints = 50
	DefaultDraws  = 20
)

// What a jump is: kept, at least so much of the redrawn runs fails, and by so much more than before.
const (
	leastAfter = 0.75
	leastRise  = 0.5
	sharp      = 0.9 // with such a rise, one event alone decides
)

// A PrefixError says that a redrawn run began otherwise than the run whose rest was drawn anew: the system is not the same each time.
type PrefixError struct {
	Event           uint64
	Expected, Found uint64 // the hash up to it
}

func (e *PrefixError) Error() string {
	return fmt.Sprintf("where: expected the same run up to event %d, hash %016x, found %016x", e.Event, e.Expected, e.Found)
}

// Draw draws the curve of a run that fails by a target. It returns a *TargetError for one that does not.
func Draw(ctx context.Context, system harness.System, c configuration.Configuration, target failure.Target, o Options) (*Curve, error) {
	o.Points, o.Draws, o.Workers = cmp.Or(o.Points, DefaultPoints), cmp.Or(o.Draws, DefaultDraws), cmp.Or(o.Workers, runtime.GOMAXPROCS(0))
	s, err := tell(system, c, target)
	if err != nil {
		return nil, err
	}
	spent := &budget{o: &o, began: time.Now()}
	var best *drawing
	for _, m := range s.manners() {
		if best != nil && (best.sharp() && !(m.cut && s.told()) || spent.ended != "") {
			break
		}
		x := &drawing{o: &o, spent: spent, system: system, c: c, target: target, story: s, manner: m, points: map[int]Point{}}
		if err := x.find(ctx); err != nil {
			return nil, err
		}
		if best == nil || x.better(best) {
			best = x
		}
	}
	if err := best.fill(ctx); err != nil {
		return nil, err
	}
	return best.curve(), nil
}

// budget is what all manners together may spend.
type budget struct {
	o     *Options
	began time.Time
	runs  int
	ended string
}

// allows tells whether so many more runs may be made.
func (b *budget) allows(runs int) bool {
	switch {
	case b.ended != "":
	case b.o.Runs > 0 && b.runs+runs > b.o.Runs:
		b.ended = fmt.Sprintf("after %d runs", b.runs)
	case b.o.Time > 0 && time.Since(b.began) > b.o.Time:
		b.ended = fmt.Sprintf("after %v", b.o.Time)
	}
	return b.ended == ""
}

// drawing draws a curve in one manner.
type drawing struct {
	o      *Options
	spent  *budget
	system harness.System
	c      configuration.Configuration
	target failure.Target
	story  *story
	manner manner
	points map[int]Point // by the last step that is kept, -1 where none is
}

// find measures some points all over the run, and then ever closer around the steepest rise.
func (x *drawing) find(ctx context.Context) error {
	if err := x.measure(ctx, x.spread(x.o.Points/3)...); err != nil {
		return err
	}
	for len(x.points) < x.o.Points && x.spent.allows(0) {
		a, b := x.widest()
		if a == b {
			break
		}
		if err := x.measure(ctx, x.middle(a, b)); err != nil {
			return err
		}
	}
	return nil
}

// fill measures further points, in the middle of the largest gaps.
func (x *drawing) fill(ctx context.Context) error {
	for len(x.points) < x.o.Points && x.spent.allows(0) {
		ks := x.known()
		at := 0
		for i := 1; i < len(ks); i++ {
			if at == 0 || ks[i]-ks[i-1] > ks[at]-ks[at-1] {
				at = i
			}
		}
		if at == 0 || ks[at]-ks[at-1] < 2 {
			break
		}
		if err := x.measure(ctx, x.middle(ks[at-1], ks[at])); err != nil {
			return err
		}
	}
	return nil
}

// measure draws the rest anew behind each of some steps, as far as the budget allows.
func (x *drawing) measure(ctx context.Context, ks ...int) error {
	for _, k := range ks {
		if _, known := x.points[k]; known || !x.spent.allows(x.o.Draws) {
			continue
		}
		p, err := x.point(ctx, k)
		if err != nil {
			return err
		}
		x.points[k] = p
	}
	return ctx.Err()
}

// point draws the rest anew behind one step.
func (x *drawing) point(ctx context.Context, k int) (Point, error) {
	p := Point{Of: x.o.Draws}
	if k >= 0 {
		p.Event, p.At = x.story.steps[k].last, x.story.steps[k].at
	}
	fails := make([]bool, p.Of)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(x.o.Workers)
	for i := range fails {
		g.Go(func() (err error) {
			if err = ctx.Err(); err == nil {
				fails[i], err = x.fails(k, i)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return p, err
	}
	x.spent.runs += p.Of
	for _, f := range fails {
		if f {
			p.Fails++
		}
	}
	return p, nil
}

// fails makes one redrawn run, and tells whether it fails by the target.
func (x *drawing) fails(k, draw int) (bool, error) {
	o := x.future(k, draw)
	var hash uint64
	o.Listen = func(_ *sim.World, e *sim.Event) {
		if e.Seq == o.Redraw.After {
			hash = e.Hash
		}
	}
	r := harness.RunWith(x.system, x.c, o)
	if k >= 0 && hash != x.story.steps[k].hash {
		return false, &PrefixError{Event: o.Redraw.After, Expected: x.story.steps[k].hash, Found: hash}
	}
	return x.target.In(&r) != nil, nil
}

// known returns the steps that were measured, in order.
func (x *drawing) known() []int { return slices.Sorted(maps.Keys(x.points)) }

// busy lists the steps from a to before b in which something happens.
func (x *drawing) busy(a, b int) []int {
	var ks []int
	for k := a; k < b; k++ {
		if !x.story.steps[k].idle {
			ks = append(ks, k)
		}
	}
	return ks
}

// spread returns the two ends and about n steps between, where something happens.
func (x *drawing) spread(n int) []int {
	busy := x.busy(0, len(x.story.steps))
	ks := []int{-1, len(x.story.steps) - 1}
	for i := 1; i < n && len(busy) > 0; i++ {
		ks = append(ks, busy[i*len(busy)/n])
	}
	slices.Sort(ks)
	return slices.Compact(ks)
}

// middle returns a step in the middle between two that are not neighbours.
func (x *drawing) middle(a, b int) int {
	if busy := x.busy(a+1, b); len(busy) > 0 {
		return busy[len(busy)/2]
	}
	return (a + b) / 2
}

// widest returns the ends of the steepest rise, where that is not one step long; otherwise a step twice.
func (x *drawing) widest() (a, b int) {
	best, ks := 0, x.known()
	for i := 1; i < len(ks); i++ {
		if r := x.points[ks[i]].Fails - x.points[ks[i-1]].Fails; r > best || r == best && a != b && b-a == 1 {
			best, a, b = r, ks[i-1], ks[i]
		}
	}
	if b-a == 1 {
		return a, a
	}
	return a, b
}

// decides returns the step with the steepest rise behind the one before it, -1 where none rises.
func (x *drawing) decides() int {
	at, best := -1, 0
	for _, k := range x.known() {
		before, known := x.points[k-1]
		if r := x.points[k].Fails - before.Fails; known && r > best {
			at, best = k, r
		}
	}
	return at
}

// steepest is the rise there, from 0 to 1.
func (x *drawing) steepest() float64 {
	k := x.decides()
	if k < 0 {
		return 0
	}
	return x.points[k].Share() - x.points[k-1].Share()
}

// sharp tells whether one event decides and nothing else has a part in it.
func (x *drawing) sharp() bool { return x.steepest() >= sharp }

// better tells whether a drawing says more than another: of two that are sharp, the one by which the run was lost earlier.
func (x *drawing) better(other *drawing) bool {
	if x.sharp() && other.sharp() {
		return x.decides() < other.decides()
	}
	return x.steepest() > other.steepest()
}

// curve returns what was measured.
func (x *drawing) curve() *Curve {
	c := &Curve{Drawn: x.manner.drawn, Runs: x.spent.runs, Ended: x.spent.ended, Fails: x.story.steps[len(x.story.steps)-1].last}
	if at := x.story.fails.Event; at > 0 {
		c.Fails = at
	}
	for _, k := range x.known() {
		c.Points = append(c.Points, x.points[k])
	}
	if k := x.decides(); k >= 0 {
		before, after := x.points[k-1], x.points[k]
		if after.Share() >= leastAfter && after.Share()-before.Share() >= leastRise {
			s := x.story.steps[k]
			c.Jump = &Jump{Event: s.named, At: s.at, Line: line(x.system, x.c, x.target, s.named), Before: before, After: after}
			return c
		}
	}
	switch first, known := x.points[-1]; {
	case c.Ended != "":
		c.Without = "the budget ended before an event was found that decides"
	case known && first.Share() >= leastAfter:
		c.Without = "the run fails however it is drawn: it was lost from the beginning"
	default:
		c.Without = "no single event decides: the share that fails rises bit by bit"
	}
	return c
}
