// Package harness runs a system under test in a world where clocks, networks and disks belong to the harness, and holds what
// is left against what must be true.
//
// A System says how its nodes are made, which clients ask it and what evidence it gives. Run makes one run of it from a
// configuration, strikes it with the faults of the configuration's plan, has it serve again, and judges it (package judge).
// Package campaign makes many runs, package failure keeps and replays those that failed, and package cmd/command makes a
// command of all that for any system.
//
// A system is judged by what it can show. Its clients' history is always there; where its nodes tell a trace, a log, pages or a
// store, more checks are made, and those that cannot be made are reported as such.
//
// Use package harnesstest instead when a Go programmer wants many runs in go test, and package sim when a test drives a
// few nodes by itself and judges them by itself.
package harness

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
)

// A Result is how one run ended.
type Result struct {
	Configuration configuration.Configuration
	Verdict       judge.Verdict
	Findings      []judge.Finding // everything that any check objected to, or could not tell
	Made          []judge.Check   // the checks that could be made, each once
	NotMade       []judge.NotMade // those that could not
	Counts        counts.Counts
	Hash          uint64          // the run's identity: the chain over all that happened
	Evidence      *judge.Evidence // what the checks were made of; nil when the run could not be made
	// Backup is what the run was backed up to, when something that can be restored was.
	Backup backup.Source
}

// Work is what the run cost, the same on every machine: the events of its world, the steps that the model took, the pages that were
// compared and the rows that were restored.
func (r *Result) Work() uint64 {
	steps := uint64(0)
	if r.Evidence != nil && r.Evidence.Trace != nil {
		steps = r.Evidence.Trace.Steps
	}
	return r.Counts.World.Events + steps + r.Counts.PagesCompared + r.Counts.RestoredRows
}

// Listen hears of everything that happens in a run, in order (see sim.World.Listen). It may be nil.
type Listen func(*sim.World, *sim.Event)

// Options are what a run may be made with beside its configuration.
type Options struct {
	Listen Listen     // may be nil
	Redraw sim.Redraw // never, where it is zero
	// Only is the one check that is made; "" makes all. Where it is the trace's, the run ends when the model refuses a step: what comes
	// then changes nothing of what is found.
	Only judge.Check
	// Events is how many events end the run at the latest, where that is less than its configuration has it; 0 is no such number.
	Events uint64
	// Built is called when the system has built the run, before anything of it happens: whoever explains a run looks at the model
	// while it goes on. It must not change anything. It may be nil.
	Built func(*Stage)
	// Still has the clients begin nothing once the rest is drawn anew. What they have begun they end.
	Still bool
	// Planted hears of each time that a planted bug acts (see sim.Options.Planted). It may be nil.
	Planted func(process node.ID, event uint64)
	// Traced hears of each step that a node told and the model, if there is one, took. It may be nil.
	Traced func(from node.ID, t *node.Trace)
	// Heard is told of each line by which a node in another program answers (see sim.Options.Heard). It may be nil.
	Heard func(process node.ID, event uint64, line []byte)
	// Ended is called when the run is over, before it is judged and its nodes are let go. It may be nil.
	Ended func(*Stage)
}

// Run makes a run and holds it against every check that can be made. The same system and configuration give the same Result.
func Run(s System, c configuration.Configuration) Result { return RunWith(s, c, Options{}) }

// RunWith is Run with options.
func RunWith(s System, c configuration.Configuration, o Options) Result {
	r := run{system: s, c: &c, only: o.Only, result: Result{Configuration: c}}
	r.Refused = func() { r.tracedLate = r.forgot() }
	r.Follower.Took = o.Traced
	defer r.close()
	if err := r.build(o); err != nil {
		// Not a run at all.
		r.result.Verdict = judge.CouldNotTell
		r.result.Findings = []judge.Finding{judge.Untold(judge.ConfigurationCheck, err)}
		return r.result
	}
	r.play()
	if o.Ended != nil {
		o.Ended(&r.Stage)
	}
	r.judge()
	return r.result
}

// close stops all nodes of a run, also of one that was built in part.
func (r *run) close() {
	if r.world != nil {
		r.world.Close()
	}
	if r.Stage.Close != nil {
		r.Stage.Close()
	}
}

// run makes one run.
type run struct {
	system System
	c      *configuration.Configuration
	only   judge.Check // "": all
	world  runtime.Runtime
	Follower
	// tracedLate tells that a disk had forgotten when the model refused a step.
	tracedLate bool
	outcome    runtime.Outcome
	broken     bool // the world does not go on
	waits      []judge.Wait
	early      *judge.Stand // before the last upheaval
	stand      *judge.Stand
	open       *judge.Open
	stalled    bool
	result     Result
}

// A SystemError says that a configuration is of another system than the one that is to run it.
type SystemError struct{ Expected, Found string }

func (e *SystemError) Error() string {
	return fmt.Sprintf("configuration: system is %q, want %q", e.Found, e.Expected)
}

// build makes the world and everything in it.
func (r *run) build(o Options) error {
	c := r.c
	if err := Validate(r.system, c); err != nil {
		return err
	}
	about := r.system.About()
	if c.Bug != "" && about.Overlay && !HasPoints() {
		return fmt.Errorf("bug %s: %w", c.Bug, faults.ErrNoOverlay)
	}
	limits := c.Limits
	if o.Events > 0 {
		limits.Events = min(cmp.Or(limits.Events, o.Events), o.Events)
	}
	if o.Still {
		o.Redraw.Turned = func() { r.Stage.Clients.Stop() }
	}
	world, err := sim.New(sim.Options{Seed: c.Seed, Network: c.Network, Disk: c.Disk, Limits: limits, Bug: c.Bug, Observer: r, Redraw: o.Redraw, Planted: o.Planted, Heard: o.Heard})
	if err != nil {
		return err
	}
	if o.Listen != nil {
		world.Listen(func(e *sim.Event) { o.Listen(world, e) })
	}
	if err := r.on(world, world); err != nil {
		return err
	}
	if o.Built != nil {
		o.Built(&r.Stage)
	}
	return nil
}

// on sets the run up on a runtime, and schedules its faults.
func (r *run) on(world runtime.Runtime, injector runtime.Injector) error {
	r.world = world
	c := r.c
	plan := c.Plan
	r.Stage = Stage{Runtime: r.world, Plan: &plan}
	if err := r.system.Build(c, &r.Stage); err != nil {
		return err
	}
	if r.Stage.Clients == nil {
		return fmt.Errorf("system %s: its Build set no clients", r.system.Name())
	}
	var next runtime.Succession
	if r.Stage.Succession != nil {
		next = r.Stage.Succession.Runtime()
	}
	return injector.Install(plan, next)
}

// Validate refuses a configuration that a system cannot run: all that is wrong with it.
func Validate(s System, c *configuration.Configuration) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if c.System != s.Name() {
		return &SystemError{Expected: s.Name(), Found: c.System}
	}
	about := s.About()
	if err := about.Knows(c.Bug); err != nil {
		return err
	}
	t, err := s.Topology(c)
	if err != nil {
		return err
	}
	return c.Plan.Validate(t)
}

// play lets the run happen: faults while the clients work; then none, and the system must serve; then a last upheaval in the
// middle of the work, and an audit.
func (r *run) play() {
	horizon, next, clients := node.Time(r.c.Plan.Horizon), r.Stage.Succession, r.Stage.Clients
	if !r.until(horizon, nil) {
		return
	}
	// The faults have ended. The plan may have left the system without an active node, or with one that the one that died last
	// has replaced.
	replaced := next == nil
	replace := func() {
		if !replaced && !next.Lives() {
			next.Start()
			replaced = true
		}
	}
	replace()
	probe := clients.Probe()
	r.waitFor("an acknowledged write by whichever node serves", func() bool {
		// A reader that won the epoch and died before it fenced any segment leaves a writer that serves until it asks the
		// register for something.
		replace()
		return probe.Wrote()
	})
	probe.Stop()
	if r.broken || !r.until(max(r.world.Now(), horizon+node.Time(r.c.Ending.Calm)), nil) {
		return
	}
	if !r.answered() || !r.replaced() {
		return
	}
	r.upheave()
	clients.Stop()
	if !r.waitFor("the end of every client's last call", clients.Idle) {
		return
	}
	audit := clients.Audit()
	last := "the last take-over"
	if next == nil {
		last = "the last restart of every node"
	}
	if !r.waitFor("an acknowledged write and a read of everything after "+last, audit.Done) {
		return
	}
	// Gossip may fill what is still missing somewhere.
	if r.until(r.world.Now().Add(time.Duration(r.c.Ending.Settle)), nil) {
		r.settle()
	}
}

// How long nodes have to answer what they were asked before the last upheaval, and to stand as they must after it; and how often
// the run looks. Where nothing is wrong, both take less than a tenth of a second.
const (
	answerBound = faults.Duration(5 * time.Second)
	standBound  = faults.Duration(5 * time.Second)
	lookEvery   = 10 * time.Millisecond
)

// answered waits until every call that has reached a node is answered, or its node is dead: after the upheaval the calls that
// hang are gone with the nodes that they hang in.
func (r *run) answered() bool {
	if !r.Stage.Answers {
		return true
	}
	r.open = &judge.Open{Bound: answerBound}
	left := r.world.Unanswered()
	if !r.look(answerBound, func() bool {
		now := r.world.Unanswered()
		left = slices.DeleteFunc(left, func(a runtime.Unanswered) bool { return !slices.Contains(now, a) })
		return len(left) == 0
	}) {
		return false
	}
	for _, a := range left {
		state, _ := r.world.State(a.Process)
		r.open.Calls = append(r.open.Calls, judge.OpenCall{Node: r.world.Name(a.Process), Client: r.world.Name(a.Client), Op: a.Op.String(),
			Request: a.Request, Since: a.Since, State: state.String()})
	}
	return true
}

// replaced waits until what was lost is replaced. That is asked once more at the end, of another active node: what one has failed to
// hear of, the next may be told when it starts.
func (r *run) replaced() bool {
	if r.Stage.Stand == nil || r.beyondRepair() {
		return true
	}
	var s *judge.Stand
	if !r.look(standBound, func() bool {
		s = r.Stage.Stand()
		return s == nil || len(s.Replacement()) == 0
	}) {
		return false
	}
	if s != nil {
		s.Bound = standBound
		r.early = s
	}
	return true
}

// settle waits until the copies stand as they must.
func (r *run) settle() {
	if r.Stage.Stand == nil || r.beyondRepair() {
		return
	}
	var s *judge.Stand
	if !r.look(standBound, func() bool {
		s = r.Stage.Stand()
		return s == nil || s.Settled()
	}) || s == nil {
		return
	}
	s.Bound = standBound
	r.stand = s
}

// look lets the world go on until what it looks for now and then is so, or the time is up. It tells whether the world can go on.
func (r *run) look(bound faults.Duration, done func() bool) bool {
	for end := r.world.Now().Add(time.Duration(bound)); !done() && r.world.Now() < end; {
		if !r.until(min(end, r.world.Now().Add(lookEvery)), nil) {
			return false
		}
	}
	return true
}

// upheave lets the last thing go wrong: the active node is replaced, or, in a system without one, every node loses its memory.
func (r *run) upheave() {
	if next := r.Stage.Succession; next != nil {
		if r.c.Ending.Crash {
			next.Crash()
		}
		next.Start()
		return
	}
	if !r.c.Ending.Crash {
		return
	}
	for _, id := range r.Stage.Restart {
		if err := r.world.Stop(id); err != nil {
			panic(fmt.Sprintf("harness: %v", err)) // the system has added it
		}
	}
	for _, id := range r.Stage.Restart {
		if err := r.world.Start(id); err != nil {
			panic(fmt.Sprintf("harness: %v", err)) // it has just been stopped
		}
	}
}

// until lets the world go on, and tells whether it can go on further.
func (r *run) until(t node.Time, met func() bool) bool {
	refused := func() bool { return r.only == faults.Trace && r.refused() }
	r.outcome = r.world.RunUntil(t, func() bool { return refused() || met != nil && met() })
	r.broken = refused() || r.outcome.End.Broken()
	return !r.broken
}

// waitFor lets the world go on until the condition holds, and objects when that takes too long.
func (r *run) waitFor(what string, met func() bool) bool {
	if !r.until(r.world.Now().Add(time.Duration(r.c.Ending.Bound)), met) {
		return false
	}
	w := judge.Wait{For: what, Bound: r.c.Ending.Bound, Met: r.outcome.End == runtime.ConditionMet}
	if !w.Met {
		if r.beyondRepair() {
			r.stalled = true
			return false
		}
		w.States = r.states()
	}
	r.waits = append(r.waits, w)
	return w.Met
}

// states describes the nodes for somebody who wonders why nothing happens.
func (r *run) states() []string {
	var lines []string
	for _, p := range r.world.Processes() {
		if r.world.Started(p) == 0 {
			continue // it was never needed
		}
		if r.Stage.Idle != nil && r.Stage.Idle(p) {
			continue
		}
		line := r.world.Name(p) + ": "
		if s, tells := r.world.State(p); tells {
			line += s.String()
		} else if r.world.Running(p) {
			line += "runs, and tells no state"
		} else {
			line += "down"
		}
		lines = append(lines, line)
	}
	return lines
}

// judge holds the run against every check that can be made of what it left behind.
func (r *run) judge() {
	e := &judge.Evidence{Name: r.world.Name, Outcome: r.outcome, Limits: r.c.Limits, Waits: r.waits, Stalled: r.stalled, Early: r.early, Stand: r.stand, Open: r.open, Audit: -1}
	r.End(e)
	// What is left behind is asked for, too, and a program can break its protocol by what it answers then.
	if o := r.world.RunUntil(r.world.Now(), func() bool { return true }); o.End == runtime.Breached {
		r.outcome, e.Outcome = o, o
	}
	e.Excused = r.excused()
	j := judge.Only(r.only, e)
	r.result.Evidence = e
	r.result.Verdict, r.result.Findings, r.result.Made, r.result.NotMade = j.Verdict, j.Findings, j.Made, j.NotMade
	if j.Restorable {
		r.result.Backup = e.Store
	}
	c := &r.result.Counts
	*c = j.Counts
	c.Runs = 1
	if r.c.Plan.BeyondBudget {
		c.BeyondBudget = 1
	}
	c.Add(&e.Counts)
	var states []node.State
	for _, told := range r.world.States() {
		states = append(states, told.State)
	}
	c.Tell(states)
	c.World = r.world.Counts()
	r.result.Hash = r.world.Hash()
}
