package aurora

import (
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// effects is what a run notes so that, at its end, each scene of its plan can be held against what happened: a scene whose faults
// missed each other, or struck a node that was down, was planned and did nothing. Nothing is scheduled for it, so that a run is the
// same with it and without.
type effects struct {
	starts []node.Time                // of writers, in order
	won    map[node.Epoch]node.Time   // when the epoch was won
	opened map[node.Epoch]node.Time   // when its writer opened
	lacks  map[node.ID][]node.Time    // when a segment asked for records that it had lost, or had no vote for want of them
	grew   map[node.ID][]acknowledged // by segment
	last   map[node.ID]node.Appended  // with the highest SCL, of a segment
	behind uint64                     // times that a reader asked a segment that has so many records, and of an older line
}

// acknowledged is that a segment acknowledged more than before.
type acknowledged struct {
	at  node.Time
	scl node.LSN
}

// traced notes a step.
func (x *effects) traced(now node.Time, t *node.Trace) {
	first := func(m *map[node.Epoch]node.Time) {
		if *m == nil {
			*m = map[node.Epoch]node.Time{}
		}
		if _, known := (*m)[t.Epoch]; !known && t.Epoch < maxEpochs { // a register that starts again tells of all
			(*m)[t.Epoch] = now
		}
	}
	switch t.Action {
	case node.ActStart:
		first(&x.won)
	case node.ActOpen:
		first(&x.opened)
	}
}

// delivered notes a message.
func (x *effects) delivered(now node.Time, from, to node.ID, m node.Message) {
	switch m := m.(type) {
	case *node.Damaged:
		x.lacking(now, from)
	case *node.GossipAsk:
		if len(m.Lost) > 0 {
			x.lacking(now, from)
		}
	case *node.Appended:
		if m.SCL > x.last[from].SCL {
			if x.last == nil {
				x.last, x.grew = map[node.ID]node.Appended{}, map[node.ID][]acknowledged{}
			}
			x.last[from] = *m
			x.grew[from] = append(x.grew[from], acknowledged{now, m.SCL})
		}
	case *node.ReadSnapshot:
		if had := x.last[to]; m.Need > 0 && m.Need <= had.SCL && m.Epoch > had.Epoch {
			x.behind++
		}
	}
}

func (x *effects) lacking(now node.Time, from node.ID) {
	if x.lacks == nil {
		x.lacks = map[node.ID][]node.Time{}
	}
	x.lacks[from] = append(x.lacks[from], now)
}

// took lists those of the plan's scenes that took effect in the run. Rotten are the objects that the store can no longer read.
func (b *built) took(has []faults.Scene, rotten []string) (scenes []faults.Scene) {
	w := &b.watch
	x := &w.effects
	counts := b.r.Counts()
	for _, s := range has {
		var did bool
		switch s {
		case faults.RegisterCrashed:
			did = b.some(faults.Crash, x.asked)
		case faults.RegisterPaused:
			did = b.some(faults.Pause, x.asked)
		case faults.RegisterSlow:
			did = b.some(faults.Delay, x.asked)
		case faults.RegisterRotten:
			did = b.some(faults.DiskCorrupt, func(rot *faults.Fault) bool {
				return ofRegister(rot) && b.some(faults.Crash, func(f *faults.Fault) bool {
					return ofRegister(f) && f.At >= rot.At && x.wonAfter(node.Time(f.At+f.For))
				})
			})
		case faults.RotInRecovery:
			did = b.some(faults.DiskCorrupt, func(f *faults.Fault) bool { return b.lacked(f, f.At) })
		case faults.RotTwice:
			did = b.some(faults.DiskCorrupt, func(first *faults.Fault) bool {
				return b.lacked(first, first.At) && b.some(faults.DiskCorrupt, func(f *faults.Fault) bool {
					return f.Nodes[0] == first.Nodes[0] && f.At > first.At && b.lacked(f, f.At)
				})
			})
		case faults.LostInRecovery:
			did = b.some(faults.DiskLost, func(f *faults.Fault) bool { return x.recovering(node.Time(f.At)) })
		case faults.FencedThenDead:
			did = b.aimed(faults.Fenced, &counts)
		case faults.AckThenCrash:
			did = b.aimed(faults.Acknowledged, &counts)
		case faults.StoreCrashed:
			did = b.aimed(faults.Kept, &counts)
		case faults.DiskFilled:
			did = counts.NoRoom > 0
		case faults.LateConfirmation:
			did = w.scenes.Confirmed > 0
		case faults.LastFullLost:
			did = b.some(faults.DiskLost, b.tailsWentOn)
		case faults.CutRecordMet:
			did = w.scenes.Met > 0
		case faults.CrashedStarting:
			did = counts.LostSurvivors > 0
		case faults.DeafRecovery:
			did = b.some(faults.Partition, func(f *faults.Fault) bool {
				return slices.Contains(f.Nodes, string(faults.Writer)) && x.begun(node.Time(f.At), node.Time(f.At+f.For))
			})
		case faults.OldMinority:
			did = w.scenes.Confirmed > 0
		case faults.OldSegmentAsked:
			did = x.behind > 0
		case faults.StoreRotten:
			did = len(rotten) > 0
		}
		if did {
			scenes = append(scenes, s)
		}
	}
	return scenes
}

// some tells whether the plan has a fault of a kind of which more is true.
func (b *built) some(k faults.Kind, more func(*faults.Fault) bool) bool {
	return slices.ContainsFunc(b.c.Plan.Faults, func(f faults.Fault) bool { return f.Kind == k && more(&f) })
}

func ofRegister(f *faults.Fault) bool { return slices.Contains(f.Nodes, string(faults.Register)) }

// asked tells whether a fault of the register was on at some moment between a writer's start and its epoch.
func (x *effects) asked(f *faults.Fault) bool {
	if !ofRegister(f) {
		return false
	}
	for _, from := range x.starts {
		for _, to := range x.won {
			between := slices.ContainsFunc(x.starts, func(s node.Time) bool { return from < s && s <= to })
			if from <= to && !between && node.Time(f.At) <= to && from <= node.Time(f.At+f.For) {
				return true
			}
		}
	}
	return false
}

func (x *effects) wonAfter(t node.Time) bool {
	for _, at := range x.won {
		if at >= t {
			return true
		}
	}
	return false
}

// recovering tells whether a recovery was under way at a time: an epoch won that opened later.
func (x *effects) recovering(t node.Time) bool {
	for e, at := range x.won {
		if opened, did := x.opened[e]; at <= t && did && t <= opened {
			return true
		}
	}
	return false
}

// begun tells whether a writer wanted an epoch, or recovered, at some moment of a time.
func (x *effects) begun(from, to node.Time) bool {
	for e, at := range x.won {
		if opened, did := x.opened[e]; from <= at && at <= to || did && at <= to && from <= opened {
			return true
		}
	}
	return slices.ContainsFunc(x.starts, func(s node.Time) bool { return from-node.Time(time.Millisecond) <= s && s <= to })
}

// lacked tells whether the segment that a fault strikes was without something from that time on.
func (b *built) lacked(f *faults.Fault, from faults.Duration) bool {
	id, known := b.r.Named(f.Nodes[0])
	return known && slices.ContainsFunc(b.watch.effects.lacks[id], func(t node.Time) bool { return t >= node.Time(from) })
}

// aimed tells whether a crash struck that waited for this moment. Where the plan has crashes that wait for others, too, only so many
// that all of those did not account for them are known to have struck.
func (b *built) aimed(when string, counts *runtime.Counts) bool {
	others := uint64(0)
	for _, f := range b.c.Plan.Faults {
		if f.Kind == faults.CrashWhen && f.When != when {
			others++
		}
	}
	return counts.AimedCrashes > others
}

// tailsWentOn tells whether, while the full segments of a group but the one that a fault strikes lagged, a tail acknowledged more than
// any of them had.
func (b *built) tailsWentOn(lost *faults.Fault) bool {
	id, known := b.r.Named(lost.Nodes[0])
	if !known {
		return false
	}
	group, _, _ := b.volume.Find(id)
	// The others are back right before the disk is lost.
	end := node.Time(lost.At - b.c.Topology().Budget().Short/10)
	tails, fulls := node.LSN(0), node.LSN(0)
	for r, other := range b.volume.Segments[group] {
		for _, a := range b.watch.effects.grew[other] {
			switch {
			case a.at > end:
			case r < len(b.volume.Tails) && b.volume.Tails[r]:
				tails = max(tails, a.scl)
			case other != id:
				fulls = max(fulls, a.scl)
			}
		}
	}
	return tails > fulls
}
