package harness

import (
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// A System is a system under test: what the harness has to know to run it, to strike it and to judge it. A system is a value
// without state; all that a run changes is in what Build makes.
//
// Most systems need not implement it: Replicas makes one of a function that makes a node.
type System interface {
	// Name is what configurations, commands and failure files call the system.
	Name() string
	// About says what it is and what it can give.
	About() About
	// Generate draws the configuration of a seed. The same seed gives the same configuration in any process.
	Generate(seed uint64, g Generation) (configuration.Configuration, error)
	// Topology validates the settings of a configuration and returns the system that they describe as fault plans see it: its
	// roles, how many nodes of each there are, their zones, disks and quorums, and with them the fault budget.
	Topology(c *configuration.Configuration) (faults.Topology, error)
	// Build adds the nodes and clients of a run to a stage and starts those that run from the beginning. The configuration is
	// valid.
	Build(c *configuration.Configuration, s *Stage) error
}

// About says what a system is.
type About struct {
	What string // in one line
	// Gives lists the kinds of evidence that runs of it leave behind. A check that needs another kind is reported as not made,
	// and a campaign that never saw one of these cannot tell.
	Gives []judge.Kind
	// Never names what runs of it cannot count (counts.Amount.Name), though it gives the evidence that it is counted from: a
	// campaign does not expect it.
	Never []string
	// Bugs are the planted bugs that a configuration of the system may name: its nodes ask their hook for them.
	Bugs []faults.PlantedBug
	// Unrepeatable says why the same configuration gives another run each time, where that is so by its author's choice: its nodes have
	// clocks of their own. What a run shows is then no less true, and can neither be replayed nor explained; "" is: it repeats.
	Unrepeatable string
	// Volume says that its nodes tell a trace of a volume (see Stage.Volume), so that it can be said where in the model's worlds runs
	// came through.
	Volume bool
	// Overlay says that the planted bugs are there only in a build with the failpoint overlay.
	Overlay bool
}

// Checks lists the checks that can be made of what a system gives, and those that cannot, with what they need.
func (a *About) Checks() (made []judge.Check, not []judge.NotMade) {
	for _, c := range judge.ChecksOf(a.Gives) {
		needs := judge.Needs(c)
		if slices.ContainsFunc(needs, func(k judge.Kind) bool { return k == judge.Outcome || slices.Contains(a.Gives, k) }) {
			made = append(made, c)
		} else {
			not = append(not, judge.NotMade{Check: c, Needs: needs})
		}
	}
	return made, not
}

// Knows refuses the name of a planted bug that the system does not have, alone or among several with commas between them; "" says that
// nothing is planted.
func (a *About) Knows(bugs string) error {
	if bugs == "" {
		return nil
	}
	for bug := range strings.SplitSeq(bugs, ",") {
		if slices.ContainsFunc(a.Bugs, func(b faults.PlantedBug) bool { return b.Name == bug }) {
			continue
		}
		names := make([]string, len(a.Bugs))
		for i, b := range a.Bugs {
			names[i] = b.Name
		}
		return &faults.UnknownError{What: "planted bug", Found: bug, Known: names}
	}
	return nil
}

// Generation says how configurations are generated from seeds.
type Generation struct {
	Bug string // the planted bug of every run, several with commas between them, or none
	// Points are those that crash-at-point faults draw from: none in a build without the overlay, where no node passes
	// them.
	Points []string
}

// A Stage is what a system builds a run on.
type Stage struct {
	// Runtime runs what Build adds.
	Runtime runtime.Runtime
	// Plan is what will go wrong. Build may take out what this system's run cannot carry out, and must say so by an error
	// where that would weaken what was asked for.
	Plan *faults.Plan

	// What follows is for Build to set.

	// Clients are those of the run; they must be set.
	Clients Clients
	// Succession replaces the active node, in a system that has one; nil in others.
	Succession Succession
	// Observer hears what nodes say; it may be nil.
	Observer runtime.Observer
	// Model follows the nodes' trace; it may be nil.
	Model Model
	// Volume is what the trace is of, where it is one of a volume's nodes (see package conform); nil in others.
	Volume *node.Volume
	// Restart are the processes that crash and start again at the last upheaval of a system without succession.
	Restart []node.ID
	// Stand says how the copies stand at this moment. With it, a run waits at its end until they stand as they must. It may be nil.
	Stand func() *judge.Stand
	// Idle tells whether a process has no part in the run yet, such as a copy of a group that is not in use: where something does not come,
	// nobody waits for it. It may be nil.
	Idle func(node.ID) bool
	// Answers says that a node answers every call that reaches it while it lives.
	Answers bool
	// Evidence adds what the run has left behind, when it is over: histories, log, pages, store. The outcome, what was waited
	// for and what the model says are there already.
	Evidence func(*judge.Evidence)
	// Close lets go what Build has made outside of the runtime, such as folders, once all nodes are stopped. It may be nil.
	Close func()
}

// A Model follows the trace of a run step by step.
type Model interface {
	// Tell takes one step that the node from told. Once a step was refused it returns the same error ever after: what follows
	// the first violation proves nothing.
	Tell(now node.Time, from node.ID, t *node.Trace) error
	// Finish returns the first error of Tell, or what does not hold at the end.
	Finish() error
	// Steps returns how many steps the model took.
	Steps() uint64
}

// A Believer is a Model that says what it has of a node, on one line, for people who compare that with what the node tells of itself; ""
// where it has nothing of it. After a refused step it is as it was before that.
type Believer interface {
	Believes(node.ID) string
}

// Clients are the clients of a run.
type Clients interface {
	// Probe adds a client that writes until its write is acknowledged. The run asks Wrote whether it was, and then Stop.
	Probe() Probe
	// Audit adds a client that writes and then reads everything.
	Audit() Audit
	// Stop lets every client end its call under way, and begin no other.
	Stop()
	// Idle tells whether no client waits for an answer any more.
	Idle() bool
}

// A Probe is a client that shows whether the system serves.
type Probe interface {
	Wrote() bool
	Stop()
}

// An Audit is a client that reads everything.
type Audit interface {
	// Done tells whether it has written once more and has read everything.
	Done() bool
}

// Succession is how the active node of a system is replaced by the next one.
type Succession interface {
	// Runtime says it to the runtime that carries faults out.
	Runtime() runtime.Succession
	// Start starts the next node.
	Start()
	// Lives tells whether some active node serves, or still tries to.
	Lives() bool
	// Crash ends all nodes that were ever active, for good.
	Crash()
}
