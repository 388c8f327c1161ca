package exhaustive

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// For how long a process that crashed is down, in virtual time. A successor needs about 1 ms from its start to its service, so
// a segment that crashes in a recovery comes back behind it, and one that crashed with the writer in the middle of it.
const down = 1500 * time.Microsecond

// The volume: one group of three segments, each in a zone of its own, two of which make a record written, so that no crash
// leaves a copy to spare. Two clients make three transactions each.
const (
	segments     = 3
	quorum       = 2
	clients      = 2
	transactions = 3
)

// configure is the configuration of every run. What a run is besides is its crashes.
func configure(seed uint64, bug string) (configuration.Configuration, error) {
	us := func(n int) faults.Duration { return faults.Duration(n) * faults.Duration(time.Microsecond) }
	c := aurora.Configuration{
		Configuration: configuration.Configuration{
			Version: configuration.Version, System: aurora.Name, Seed: seed, Bug: bug,
			Network: sim.Network{Latency: us(100), Jitter: us(100), CrossZone: us(50)},
			Disk:    sim.Disk{Append: us(10), Sync: us(100), Replace: us(150), Jitter: us(50)},
			Plan:    faults.Plan{Horizon: horizon},
			Ending:  configuration.Ending{Bound: faults.Duration(2 * time.Second), Calm: us(1), Settle: us(10_000), Crash: true},
			Limits:  sim.Limits{Events: 200_000, Time: faults.Duration(2 * time.Minute), Bytes: 64 << 20},
		},
		Settings: aurora.Settings{
			Volume: aurora.Volume{Groups: 1, InUse: 1, Replicas: segments, WriteQuorum: quorum, ReadQuorum: quorum, PageSize: 512, Zones: segments},
			Nodes: aurora.Nodes{BackupEvery: us(10_000), CoalesceEvery: us(2_500), GossipEvery: us(3_000), CachePages: 16, LogAhead: 4096, RetryEvery: us(2_000),
				MonitorEvery: us(10_000), SuspectAfter: 3, IdleAfter: us(4_000)},
			Workload: workload.Workload{Clients: clients, Transactions: transactions, Accounts: 2, Rows: 2, Balance: 100, ValueBytes: 24,
				Think: us(400), Timeout: us(6_000), Mix: workload.Mix{Transfer: 1, Put: 1, MultiPut: 1, Delete: 1, Abort: 1, Read: 1}},
		},
	}
	whole := c.Whole()
	return whole, harness.Validate(aurora.System(), &whole)
}

// horizon is when a run stops to wait for its clients. They have ended long before, also when two writers have died.
const horizon = faults.Duration(60 * time.Millisecond)

// A step is one that had effects.
type step struct {
	process string
	number  int  // of the process
	sends   int  // messages and answers
	open    bool // the disk of the process has something to do, or to keep, that the process was not told to be durable
}

// points are the crashes that a step stands for: when all that it sent has left, and when a part of it has. Where nothing is
// open, kept or lost is the same.
func (s *step) points() []Point {
	var all []Point
	for sent := range max(s.sends, 1) {
		p := Point{Process: s.process, Step: s.number, Sent: sent}
		all = append(all, p)
		if s.open {
			p.Kept = true
			all = append(all, p)
		}
	}
	return all
}

// A trial is one run with its crashes.
type trial struct {
	harness.System // as it is, but for Build
	crashes        Crashes
	stage          *harness.Stage
	world          *sim.World
	// steps are those up to the end of the workload; behind is how many of them came before the last crash had struck.
	steps  []step
	behind int
	struck int // crashes
	// inRecovery says that the last crash came when a process was down or did not serve yet.
	inRecovery bool
	counts     map[string]int
	disks      map[node.ID]*onItsWay
	// writers are those that were started.
	writers map[node.ID]bool
	ended   bool // every client has ended its last transaction
	err     error
}

// onItsWay is what a process was not told to be durable.
type onItsWay struct {
	operations int
	appended   bool // something was appended behind the last sync
}

func newTrial(of aurora.Implementation, crashes Crashes) *trial {
	t := &trial{crashes: crashes, counts: map[string]int{}, disks: map[node.ID]*onItsWay{}, writers: map[node.ID]bool{}}
	watch := func(id node.ID, n node.Node) node.Node { return &watched{n, t, id} }
	register, segment, writer := of.Register, of.Segment, of.Writer
	of.Register = func(id node.ID, v *node.Volume, n aurora.Nodes, h node.Hook) node.Node {
		return watch(id, register(id, v, n, h))
	}
	of.Segment = func(id node.ID, v *node.Volume, n aurora.Nodes, h node.Hook) node.Node {
		return watch(id, segment(id, v, n, h))
	}
	of.Writer = func(id node.ID, v *node.Volume, n aurora.Nodes, h node.Hook) node.Node {
		t.writers[id] = true
		return watch(id, writer(id, v, n, h))
	}
	t.System = aurora.Of(aurora.Name, of)
	return t
}

// Build implements harness.System. There are as many writers as crashes and the ending may take; what starts them is the trial.
func (t *trial) Build(c *configuration.Configuration, stage *harness.Stage) error {
	more := *c
	for range MostCrashes {
		more.Plan.Faults = append(slices.Clone(more.Plan.Faults), faults.Fault{Kind: faults.TakeOver, At: horizon})
	}
	t.stage = stage
	return t.System.Build(&more, stage)
}

// run makes the run.
func (t *trial) run(c configuration.Configuration, listen harness.Listen) (harness.Result, error) {
	r := harness.RunWith(t, c, harness.Options{Listen: listen, Built: func(s *harness.Stage) { t.world = s.Runtime.(*sim.World) }})
	if t.err == nil && t.struck < len(t.crashes) {
		t.err = &UnstruckError{t.crashes, t.crashes[t.struck]}
	}
	return r, t.err
}

// An UnstruckError says that a run was not the one that was asked for: a process never came to the step after which it was to die.
type UnstruckError struct {
	Crashes Crashes
	Missed  Point
}

func (e *UnstruckError) Error() string {
	return fmt.Sprintf("exhaustive: crashes %v: expected a step %d of %s before the workload ended, found none", e.Crashes, e.Missed.Step, e.Missed.Process)
}

// watched is a node whose steps are counted.
type watched struct {
	node.Node
	t  *trial
	id node.ID
}

func (w *watched) Step(now node.Time, ev node.Event, out *node.Effects) {
	w.Node.Step(now, ev, out)
	w.t.stepped(w.id, &ev, out)
}

// State implements node.Teller.
func (w *watched) State() node.State {
	if t, tells := w.Node.(node.Teller); tells {
		return t.State()
	}
	return node.State{}
}

// Stop implements runtime.Stopper.
func (w *watched) Stop() {
	if s, stops := w.Node.(runtime.Stopper); stops {
		s.Stop()
	}
}

// stepped notes a step, and has the process die after it if it is the one.
func (t *trial) stepped(id node.ID, ev *node.Event, out *node.Effects) {
	if t.world == nil {
		return // Ask, before anything has happened
	}
	d := t.disks[id]
	if d == nil || ev.Kind == node.Started {
		d = &onItsWay{}
		t.disks[id] = d
	}
	if ev.Kind == node.DiskDone || ev.Kind == node.DiskFailed {
		d.operations--
	}
	effects, sends := len(out.Trace) > 0, 0
	for i := range out.List {
		switch out.List[i].Kind {
		case node.DoSend, node.DoRespond:
			sends++
		case node.DoSetTimer, node.DoClearTimer:
			continue
		case node.DoAppend:
			d.appended = true
		case node.DoSync:
			d.operations++
			d.appended = false
		case node.DoReplace, node.DoRead:
			d.operations++
		}
		effects = true
	}
	t.ended = t.ended || t.stage.Clients.Idle()
	if !effects || t.ended {
		return
	}
	name := t.world.Name(id)
	t.counts[name]++
	t.steps = append(t.steps, step{process: name, number: t.counts[name], sends: sends, open: d.operations > 0 || d.appended})
	if t.struck == len(t.crashes) || t.crashes[t.struck].Process != name || t.crashes[t.struck].Step != t.counts[name] {
		return
	}
	p := t.crashes[t.struck]
	if p.Sent >= max(sends, 1) {
		return // there is no such moment, and the run will be found not to have struck
	}
	if p.Sent > 0 {
		left := p.Sent
		out.List = slices.DeleteFunc(out.List, func(e node.Effect) bool {
			if e.Kind != node.DoSend && e.Kind != node.DoRespond {
				return false
			}
			left--
			return left < 0
		})
	}
	t.struck++
	t.behind = len(t.steps)
	t.world.At(t.world.Now(), "crash of "+name, func() { t.err = errors.Join(t.err, t.crash(id, p.Kept)) })
}

// crash takes a process down. A writer stays dead, and where it is the newest another starts in its place; what else crashes
// starts again.
func (t *trial) crash(id node.ID, kept bool) error {
	t.inRecovery = t.recovers()
	if !t.world.Running(id) {
		return fmt.Errorf("exhaustive: crashes %v: expected %s to run, found it down", t.crashes, t.world.Name(id))
	}
	next := t.stage.Succession.Runtime()
	if !t.writers[id] {
		return t.world.CrashFor(id, kept, down)
	}
	newest := t.world.Newest(next.Role) == id
	if err := t.world.Stop(id); err != nil {
		return err
	}
	if newest {
		t.world.At(t.world.Now().Add(down), "new writer", t.stage.Succession.Start)
	}
	return nil
}

// recovers tells whether the register or a segment is down or does not serve yet, or the newest writer does not.
func (t *trial) recovers() bool {
	newest := t.world.Newest(t.stage.Succession.Runtime().Role)
	for _, id := range t.world.Processes() {
		if t.writers[id] && id != newest || t.world.Started(id) == 0 {
			continue
		}
		if state, tells := t.world.State(id); !tells || !state.Serving {
			return true
		}
	}
	return false
}
