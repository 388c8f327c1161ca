package where

import (
	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/sim"
)

// A manner says what a redrawn rest is. In each, chance is drawn anew, and all faults end: were they only drawn anew, most rests would
// be struck by some other fault that does the same harm, and the jump would be at none of them.
type manner struct {
	drawn string
	still bool // the clients begin nothing, or they begin other things
	cut   bool // nothing arrives any more
}

// manners lists them in the order in which they are tried. The first shows what needs a fault or a chance. Where the rest fails however
// it is drawn, since clients ask for something, or something is still under way, the last one shows what was not to be stopped any more.
func manners() []manner {
	return []manner{
		{drawn: "other delays, losses and disks; no fault goes on or begins, and no client begins anything", still: true},
		{drawn: "other delays, losses and disks, and clients that begin other things; no fault goes on or begins"},
		{drawn: "nothing arrives any more; no fault goes on or begins, and no client begins anything", still: true, cut: true},
	}
}

// cutEvents is for how many events a run goes on in which nothing arrives.
const cutEvents = 500

// cuttable tells whether a failure shows while the run goes on. One that is looked for when it is over never shows in a run in which
// nothing arrives any more.
func (s *story) cuttable() bool {
	switch s.fails.Check {
	case faults.Sanity, faults.Serializability, faults.Linearizability, faults.Replies, faults.Snapshots:
		return true
	}
	return s.fails.Event > 0
}

// future returns what a run is made with whose rest behind a step is drawn for the draw-th time; -1 is the step before the first.
func (x *drawing) future(k, draw int) (configuration.Configuration, harness.Options) {
	c, o := x.c, harness.Options{Only: x.target.Check, Redraw: sim.Redraw{Seed: mixed(x.o.Seed, uint64(draw)) | 1, Mend: true, Cut: x.manner.cut}, Still: x.manner.still}
	if k >= 0 {
		o.Redraw.After = x.story.steps[k].last
	}
	if x.manner.cut {
		o.Events = o.Redraw.After + cutEvents
	}
	return c, o
}

// mixed is the finaliser of SplitMix64 over both.
func mixed(a, b uint64) uint64 {
	z := a + (b+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
