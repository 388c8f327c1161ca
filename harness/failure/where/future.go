package where

import (
	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/sim"
)

// A manner says what a redrawn rest is. In each, chance is drawn anew, and all faults end: were they drawn anew, too, most rests would
// be struck by some other fault that does the same harm, and the curve would rise at none of them.
type manner struct {
	drawn string
	still bool // the clients begin nothing; else they begin other things
	alone bool // the clients are cut off
	cut   bool // nothing arrives any more
}

// manners lists how the rest is drawn, in the order in which that is tried.
//
// Were the clients to go on, what they have under way would be done again by each of their retries, and nearly every rest would come to
// the same failure: the curve would rise where a client begins, and not where a node goes wrong. Where a failure shows at an event, it
// is not to be stopped once what is known at each node, without another message, is enough for it. Where it is looked for at the end,
// the nodes have to go on, and only the clients are gone; what clients were told is past stopping either way, and the earlier of both
// counts.
func (s *story) manners() []manner {
	alone := manner{drawn: "other delays, losses and disks; no fault goes on or begins, and the clients are gone", still: true, alone: true}
	cut := manner{drawn: "nothing arrives any more; no fault goes on or begins", still: true, cut: true}
	rest := []manner{
		{drawn: "other delays, losses and disks; no fault goes on or begins, and the clients begin nothing more", still: true},
		{drawn: "other delays, losses and disks; no fault goes on or begins, and the clients begin other things"},
	}
	switch {
	case s.fails.Event > 0 || s.fails.Check == faults.Sanity: // a node ends itself at the last event
		return append([]manner{cut, alone}, rest...)
	case s.told():
		return append([]manner{alone, cut}, rest...)
	}
	return append([]manner{alone}, rest...) // it never shows in a run in which nothing arrives any more
}

// told tells whether a failure that is looked for at the end is past stopping before: what was told to clients is.
func (s *story) told() bool {
	switch s.fails.Check {
	case faults.Serializability, faults.Linearizability, faults.Replies, faults.Snapshots:
		return true
	}
	return false
}

// cutEvents is for how many events a run goes on in which nothing arrives.
const cutEvents = 150

// future returns what a run is made with whose rest behind a step is drawn for the draw-th time; -1 is the step before the first.
func (x *drawing) future(k, draw int) harness.Options {
	o := harness.Options{Only: x.target.Check, Redraw: sim.Redraw{Seed: mixed(x.o.Seed, uint64(draw)) | 1, Mend: true, Alone: x.manner.alone, Cut: x.manner.cut}, Still: x.manner.still}
	if k >= 0 {
		o.Redraw.After = x.story.steps[k].last
	}
	if x.manner.cut {
		o.Events = o.Redraw.After + cutEvents
	}
	return o
}

// mixed is the finaliser of SplitMix64 over both.
func mixed(a, b uint64) uint64 {
	z := a + (b+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
