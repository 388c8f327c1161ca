package sim

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// Install schedules the faults of a plan, and at its horizon Mend. The plan's times count from the start of the run.
// Names are those of processes and clients, or a role, which stands for the process of that role that was started
// last when the fault begins; crash-at-point takes whichever process of the role passes the point. The succession says how
// the active node is replaced, for take-over, fail-over and promote; a plan without those does not need it.
//
// The plan should be valid for its topology (faults.Plan.Validate). What this world cannot carry out, such as a fault
// on a process that it does not have, is refused here before anything is scheduled.
func (w *World) Install(plan faults.Plan, next runtime.Succession) error {
	if plan.Horizon < 0 || plan.Horizon > farthest {
		return &OptionError{"plan.horizon", "a duration from 0s to " + farthest.String(), plan.Horizon.String()}
	}
	for i := range plan.Faults {
		f := &plan.Faults[i]
		if err := w.check(f, &next); err != nil {
			return &faults.FaultError{Index: i, Kind: f.Kind, Err: err}
		}
	}
	for _, f := range plan.Faults {
		if f.Kind == faults.DiskStale {
			w.planStale(&f)
			continue
		}
		w.actAt(node.Time(f.At), w.plan, f.Describe(), func() { w.strikeFault(&f, &next) })
	}
	w.actAt(node.Time(plan.Horizon), w.plan, MendAction, w.Mend)
	return nil
}

// MendAction is the name of the action that ends all faults, at the horizon of a plan.
const MendAction = "mend"

// farthest is the latest time that a plan can name: sums of a few such do not overflow.
const farthest = faults.Duration(math.MaxInt64 / 8)

func (w *World) check(f *faults.Fault, next *runtime.Succession) error {
	if !slices.Contains(faults.Kinds(), f.Kind) {
		names := make([]string, len(faults.Kinds()))
		for i, k := range faults.Kinds() {
			names[i] = string(k)
		}
		return &faults.UnknownError{What: "fault kind", Found: string(f.Kind), Known: names}
	}
	for _, d := range []struct {
		name        string
		found, most faults.Duration
	}{{"at", f.At, farthest}, {"for", f.For, farthest}, {"extra", f.Extra, longest}} {
		if d.found < 0 || d.found > d.most {
			return &OptionError{d.name, "a duration from 0s to " + d.most.String(), d.found.String()}
		}
	}
	if f.Kind == faults.Throttle && f.Bandwidth < 1 {
		return &OptionError{"bandwidth", "at least 1 byte a second", fmt.Sprint(f.Bandwidth)}
	}
	for _, names := range [][]string{f.Nodes, f.To} {
		for _, name := range names {
			if err := w.checkName(f, name); err != nil {
				return err
			}
		}
	}
	switch f.Kind {
	case faults.AZCutOff, faults.PowerLossAZ:
		return w.checkZone(f.AZ)
	case faults.TakeOver, faults.FailOver:
		if next.Start == nil {
			return fmt.Errorf("expected a way to start the next active node, found none: %w", runtime.ErrNotSupported)
		}
	case faults.Promote:
		if next.Promote == nil {
			return fmt.Errorf("expected a message that promotes a node, found none: %w", runtime.ErrNotSupported)
		}
	case faults.CrashWhen:
		if len(f.Nodes) == 0 || f.Hit < 1 || f.When == "" {
			return fmt.Errorf("expected nodes, a moment and a hit from 1, found %d nodes, %q and %d", len(f.Nodes), f.When, f.Hit)
		}
	case faults.CrashAtPoint:
		if len(f.Nodes) != 1 || f.Hit < 1 || f.Point == "" {
			return fmt.Errorf("expected one node, a point and a hit from 1, found %d nodes, %q and %d", len(f.Nodes), f.Point, f.Hit)
		}
	}
	return nil
}

func (w *World) checkName(f *faults.Fault, name string) error {
	if p := w.byName[name]; p != nil {
		switch f.Kind {
		case faults.Crash, faults.CrashAtPoint, faults.CrashWhen, faults.ClockSlow, faults.ClockJump, faults.DiskSlow, faults.DiskFail, faults.DiskFull, faults.DiskMisread, faults.DiskLies, faults.WriteLost, faults.WriteMisplaced, faults.DiskStale, faults.DiskEmptied, faults.DiskCorrupt, faults.DiskLost, faults.NodeLost:
			if p.actor != nil {
				return fmt.Errorf("expected a process, found the client %q", name)
			}
		}
		return nil
	}
	var known []string
	for _, p := range w.parties {
		if p.role != "" && p.role == name {
			return nil
		}
		known = append(known, p.name)
	}
	return &faults.UnknownError{What: "process", Found: name, Known: known}
}

func (w *World) checkZone(zone string) error {
	var known []string
	seen := map[string]bool{"": true}
	for _, p := range w.parties {
		if p.zone == zone && zone != "" {
			return nil
		}
		if !seen[p.zone] {
			seen[p.zone] = true
			known = append(known, p.zone)
		}
	}
	return &faults.UnknownError{What: "availability zone", Found: zone, Known: known}
}

// saltOf is what the randomness under a fault depends on. Its time and place in the plan have no part in it: moving
// a fault or dropping another leaves its choices.
func saltOf(f *faults.Fault) uint64 { return mix(stringHash(string(f.Kind)), uint64(f.Salt)+1) }

// strikeFault begins a fault.
func (w *World) strikeFault(f *faults.Fault, next *runtime.Succession) {
	length := time.Duration(f.For)
	switch f.Kind {
	case faults.Loss, faults.Duplicate, faults.Delay, faults.Reorder, faults.Damage, faults.Truncate, faults.Throttle, faults.OldWire, faults.Partition, faults.PartitionOneWay, faults.AZCutOff:
		w.beginLinkFault(w.linkFault(f), length)
	case faults.Crash:
		for _, p := range w.named(f.Nodes) {
			w.crashFor(p, string(f.Kind), saltOf(f), length)
		}
	case faults.PowerLossAZ:
		for _, p := range w.inZone(f.AZ) {
			if p.actor == nil {
				w.crashFor(p, string(f.Kind), saltOf(f), length)
			}
		}
	case faults.CrashAtPoint:
		armed := &pointFault{point: f.Point, left: f.Hit, salt: saltOf(f), down: length}
		if p := w.byName[f.Nodes[0]]; p != nil {
			armed.id = p.id
		} else {
			armed.role = f.Nodes[0]
		}
		w.armed = append(w.armed, armed)
	case faults.CrashWhen:
		w.aimed = append(w.aimed, &aimedFault{nodes: f.Nodes, when: f.When, left: f.Hit, salt: saltOf(f), down: length})
	case faults.Pause:
		for _, p := range w.named(f.Nodes) {
			w.pause(p, length)
		}
	case faults.ClockSlow:
		for _, p := range w.named(f.Nodes) {
			w.slowClock(p, f.Factor, length)
		}
	case faults.ClockJump:
		for _, p := range w.named(f.Nodes) {
			p.clock.jump(w.now, time.Duration(f.Extra))
		}
	case faults.DiskSlow:
		for _, p := range w.named(f.Nodes) {
			w.slowDisk(p, &diskFault{factor: f.Factor, extra: time.Duration(f.Extra)}, length)
		}
	case faults.DiskFail:
		for _, p := range w.named(f.Nodes) {
			w.failDisk(p, &diskFailure{rate: f.Rate, salt: saltOf(f)}, length)
		}
	case faults.DiskFull:
		for _, p := range w.named(f.Nodes) {
			w.fillDisk(p, length)
		}
	case faults.DiskMisread, faults.DiskLies, faults.WriteLost, faults.WriteMisplaced:
		for _, p := range w.named(f.Nodes) {
			w.spoilDisk(p, f.Kind, &diskFailure{rate: f.Rate, salt: saltOf(f)}, length)
		}
	case faults.DiskEmptied:
		for _, p := range w.named(f.Nodes) {
			w.putBack(p, f.Kind, saltOf(f), nil, length)
			// One that had lost all before, and knew it, no longer does.
			p.disk.forgot = p.disk.forgot || p.incarnation > 0
			p.before = p.incarnation
		}
	case faults.DiskCorrupt:
		for _, p := range w.named(f.Nodes) {
			w.corrupt(p, saltOf(f), f.Rate)
		}
	case faults.DiskLost:
		for _, p := range w.named(f.Nodes) {
			w.crash(p, string(f.Kind), saltOf(f))
			w.wipe(p)
			w.restartIn(p, length)
		}
	case faults.NodeLost:
		for _, p := range w.named(f.Nodes) {
			w.crash(p, string(f.Kind), saltOf(f))
			w.wipe(p)
			p.gone = true
		}
	case faults.Promote:
		for _, p := range w.named(f.Nodes) {
			w.promote(p, next)
		}
	case faults.TakeOver:
		w.counts.TakeOvers++
		next.Start()
	case faults.FailOver:
		if p := w.newest(next.Role); p != nil {
			w.crash(p, string(f.Kind), saltOf(f))
			p.gone = true
		}
		w.actAt(w.now.Add(length), w.plan, "new writer", next.Start)
	}
}

// aimedFault is a crash that waits for a moment.
type aimedFault struct {
	nodes []string
	when  string
	left  int // times until it strikes
	salt  uint64
	down  time.Duration
}

// acknowledges tells whether an answer says that a write is kept.
func acknowledges(r *node.Reply) bool {
	if r.Status != node.OK {
		return false
	}
	switch r.Op {
	case node.OpCommit, node.OpWrite, node.OpSwap, node.OpAppend, node.OpApply:
		return true
	}
	return false
}

// aim counts what the last step of p did against the crashes that wait for it. One that strikes does so at the moment of the
// step: what p sent is on its way, and has not arrived.
func (w *World) aim(p *process) {
	for i := 0; i < len(w.aimed); i++ {
		f := w.aimed[i]
		for j := range w.out.List {
			e := &w.out.List[j]
			switch {
			case f.when == faults.Acknowledged && e.Kind == node.DoRespond && acknowledges(e.Reply):
			case f.when != faults.Acknowledged && e.Kind == node.DoSend && e.Message.Type() == f.when:
			default:
				continue
			}
			if !slices.Contains(w.named(f.nodes), p) {
				break
			}
			if f.left--; f.left == 0 {
				w.actAt(w.now, w.plan, string(faults.CrashWhen), func() {
					for _, p := range w.named(f.nodes) {
						w.crashFor(p, string(faults.CrashWhen), f.salt, f.down)
					}
				})
				w.counts.AimedCrashes++
				w.aimed = slices.Delete(w.aimed, i, i+1)
				i--
				break
			}
		}
	}
}

// named resolves names as they stand now. A role that no process has taken yet stands for no process.
func (w *World) named(names []string) []*process {
	var all []*process
	for _, name := range names {
		if p := w.byName[name]; p != nil {
			all = append(all, p)
		} else if p := w.newest(name); p != nil {
			all = append(all, p)
		}
	}
	return all
}

// promote asks a process to be the active one, and from then on, until it starts again, it is the newest of that role. It is
// the control plane's order, which reaches the process for certain if it runs.
func (w *World) promote(p *process, next *runtime.Succession) {
	if p.node == nil {
		return
	}
	w.counts.Promotions++
	w.starts++
	p.role, p.started = next.Role, w.starts
	w.send(p, p.id, next.Promote)
}

func (w *World) inZone(zone string) []*process {
	var all []*process
	for _, p := range w.parties {
		if p.zone == zone {
			all = append(all, p)
		}
	}
	return all
}

func (w *World) linkFault(f *faults.Fault) *linkFault {
	l := &linkFault{kind: f.Kind, both: f.Kind == faults.Partition || f.Kind == faults.OldWire, rate: f.Rate, factor: f.Factor,
		extra: time.Duration(f.Extra), salt: saltOf(f), bandwidth: f.Bandwidth, queue: f.Queue, end: w.now.Add(time.Duration(f.For))}
	from, to := w.named(f.Nodes), w.named(f.To)
	if f.Kind == faults.AZCutOff {
		from, l.both = w.inZone(f.AZ), true
	}
	// A side that the fault does not name is everyone outside of the other; without both, everyone.
	haveFrom := len(f.Nodes) > 0 || f.Kind == faults.AZCutOff
	haveTo := len(f.To) > 0
	if !haveFrom {
		l.from.outside, from = true, to
	}
	if !haveTo {
		l.to.outside = true
		if to = nil; haveFrom {
			to = from
		}
	}
	for _, p := range from {
		l.from.add(p.index)
	}
	for _, p := range to {
		l.to.add(p.index)
	}
	return l
}

// without returns the faults that go on when one of them has ended.
func without[F comparable](faults []F, ended F) []F {
	return slices.DeleteFunc(faults, func(f F) bool { return f == ended })
}

func (w *World) beginLinkFault(l *linkFault, length time.Duration) {
	w.links = append(w.links, l)
	w.actAt(w.now.Add(length), w.plan, "end of "+string(l.kind), func() {
		w.links = without(w.links, l)
	})
}

func (w *World) crashFor(p *process, how string, salt uint64, length time.Duration) {
	w.crash(p, how, salt)
	w.restartIn(p, length) // of one that was down already, too: both faults must have ended
}

func (w *World) slowDisk(p *process, slow *diskFault, length time.Duration) {
	p.disk.slow = append(p.disk.slow, slow)
	w.actAt(w.now.Add(length), w.plan, "end of "+string(faults.DiskSlow)+" "+p.name, func() {
		p.disk.slow = without(p.disk.slow, slow)
	})
}

// failDisk has operations of a disk fail for a while. Then its operator starts the process again, if one failed.
func (w *World) failDisk(p *process, failing *diskFailure, length time.Duration) {
	p.disk.failing = append(p.disk.failing, failing)
	w.actAt(w.now.Add(length), w.plan, "end of "+string(faults.DiskFail)+" "+p.name, func() {
		p.disk.failing = without(p.disk.failing, failing)
		if p.disk.dead && len(p.disk.failing) == 0 {
			w.crashFor(p, string(faults.DiskFail), failing.salt, 0)
		}
	})
}

// fillDisk leaves no room on a disk for a while.
func (w *World) fillDisk(p *process, length time.Duration) {
	p.disk.full++
	w.actAt(w.now.Add(length), w.plan, "end of "+string(faults.DiskFull)+" "+p.name, func() { p.disk.full-- })
}

// spoiled returns the faults of a kind that a disk has now.
func (d *disk) spoiled(k faults.Kind) *[]*diskFailure {
	switch k {
	case faults.DiskMisread:
		return &d.misreading
	case faults.DiskLies:
		return &d.lying
	case faults.WriteLost:
		return &d.losing
	}
	return &d.misplacing
}

// spoilDisk has a disk do for a while what the kind says.
func (w *World) spoilDisk(p *process, k faults.Kind, spoiling *diskFailure, length time.Duration) {
	all := p.disk.spoiled(k)
	*all = append(*all, spoiling)
	w.actAt(w.now.Add(length), w.plan, "end of "+string(k)+" "+p.name, func() { *all = without(*all, spoiling) })
}

// planStale schedules the two moments of a disk that is put back: when its state is kept, and when it comes back.
func (w *World) planStale(f *faults.Fault) {
	var old []kept
	w.actAt(max(0, node.Time(f.At-f.Extra)), w.plan, "state kept of "+strings.Join(f.Nodes, ", "), func() {
		for _, p := range w.named(f.Nodes) {
			old = p.disk.keep()
		}
	})
	w.actAt(node.Time(f.At), w.plan, f.Describe(), func() {
		for _, p := range w.named(f.Nodes) {
			w.putBack(p, f.Kind, saltOf(f), old, time.Duration(f.For))
		}
	})
}

// Mend ends all faults, calls off those that have not begun, wakes what is paused, and starts what is down, except
// what Stop or a fail-over took down for good. What a crash or a corruption did to a disk stays. The network and the
// disks are from then on as Options describe them.
func (w *World) Mend() {
	if w.worked == 0 {
		w.worked = int32(len(w.parties))
	}
	w.plan++
	w.links, w.armed, w.aimed = nil, nil, nil
	for _, p := range w.parties {
		d := &p.disk
		d.slow, d.failing, d.full = nil, nil, 0
		d.misreading, d.lying, d.losing, d.misplacing = nil, nil, nil, nil
		if p.disk.dead {
			w.crash(p, string(faults.DiskFail), 0) // and it starts again, below
		}
		p.clock.setRate(w.now, 1)
		p.downUntil = 0
		if p.paused {
			w.resume(p)
		}
		if p.actor == nil && p.incarnation > 0 && p.node == nil && !p.starting && !p.gone {
			w.begin(p)
		}
	}
}
