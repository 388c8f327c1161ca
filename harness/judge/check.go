// Package judge holds what a finished run left behind against what must be true. Its checks are pure functions over one
// Evidence: they run nothing, and the same evidence gives the same findings. Evidence that a system cannot give is absent, and
// the checks that need it are reported as not made, with what they need; a check that was not made is never a pass.
//
// Use Judge for all of a run, or one check's function (Durability, Pages, Restores, …) for evidence of your own. Use
// package harness instead when an engineer has a system and no evidence of it yet: it makes the run and judges it.
package judge

import (
	"slices"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/verdict"
)

// Check is one of the checks that every run is held to.
type Check = faults.Check

// The checks beside those that every run is held to by itself.
const (
	Wire        = faults.Wire
	Determinism = faults.Determinism
)

// ConfigurationCheck stands for what was asked for: a run that cannot be made tells nothing.
const ConfigurationCheck Check = "configuration"

// Checks lists all checks in the order in which they are reported. One more is of those systems alone that have a workload of their own:
// see ChecksOf.
func Checks() []Check { return append(faults.Checks(), Wire, Determinism) }

// ChecksOf lists the checks of a system that gives such evidence, those that cannot be made among them.
func ChecksOf(gives []Kind) []Check {
	if slices.Contains(gives, Contract) {
		return append([]Check{faults.Contract}, Checks()...)
	}
	return Checks()
}

// Guarantee is the promise that a check watches over.
func Guarantee(c Check) string {
	switch c {
	case faults.Trace:
		return "every step of the run is a step of the model, and the model's invariants hold"
	case faults.Serializability:
		return "what the clients saw is what one of them after the other would have seen, in an order that respects real time, and was durable when they saw it"
	case faults.Linearizability:
		return "every call seems to take effect at one moment between its request and its answer"
	case faults.Durability:
		return "after the last recovery everything acknowledged is there, and nothing uncommitted shows"
	case faults.Pages:
		return "segments that claim the same SCL on the same history hold the same bytes"
	case faults.Progress:
		return "once the faults have ended, the system serves again within a bound"
	case faults.Replies:
		return "a request that cannot be carried out is refused for the one reason that fits it, and a proper one is not"
	case faults.Snapshots:
		return "a snapshot of a reader is the committed prefix of the log at its read point, and read points never go back"
	case faults.Restore:
		return "a volume restored to any VDL, from the beginning on, is the committed prefix of the log up to it, row by row"
	case faults.Activity:
		return "the runs did something: clients were served, and what can go wrong in such a system really went wrong"
	case Wire:
		return "a writer sends log records and never a page"
	case faults.Tree:
		return "what the writers logged makes a tree that is whole after every structural change, and holds the rows that were written"
	case faults.CatchUp:
		return "once nothing goes wrong any more, every live member of a group follows the newest history and has all of the group's log, and every live reader serves all that is durable"
	case faults.Wholeness:
		return "once nothing goes wrong any more, a member is damaged only if its disk was, and no other copy has what it lost"
	case faults.Replacement:
		return "once nothing goes wrong any more, a copy that is lost, or does not know what it has lost, is no member of a group that has a spare, and no membership stays between two"
	case faults.Collection:
		return "log that no reader and no recovery needs turns into pages"
	case faults.Floor:
		return "the floor follows the log: a transaction or reader that is gone does not hold it"
	case faults.Answers:
		return "every call that reaches a node is answered, unless the node dies"
	case faults.Traffic:
		return "the messages of a run, and their bytes, are no more than its log, its reads, its nodes and its time account for"
	case faults.Writes:
		return "what a run writes to disks is no more than its log and its pages account for"
	case faults.Storage:
		return "what a copy's disk holds is no more than its pages and the log that is not collected account for"
	case faults.Upkeep:
		return "copies scrub their disks as often as they are told to, and no oftener"
	case faults.Sanity:
		return "no node ends itself, whatever it is told, and a run ends within its limits"
	case ConfigurationCheck:
		return "what is asked for can be run"
	case faults.Contract:
		return "what clients were answered is what their workload promises them"
	case Determinism:
		return "the same configuration gives the same run, event by event, in any process"
	}
	return ""
}

// A Kind is one kind of evidence that a run can leave behind.
type Kind string

// The kinds. Every system leaves Outcome.
const (
	Outcome      Kind = "outcome"      // how the run ended, and whether what was waited for came
	Operations   Kind = "operations"   // what clients saw of single operations on keys
	Transactions Kind = "transactions" // what clients saw of transactions
	Readings     Kind = "readings"     // what clients saw of read replicas
	Audit        Kind = "audit"        // a read of everything after the last upheaval
	Claims       Kind = "claims"       // of every acknowledged transaction its place in the order of commits, as the system said it
	Trace        Kind = "trace"        // what the nodes said of their steps, followed by a model
	TheLog       Kind = "log"          // what the writers logged
	Trees        Kind = "tree"         // pages that make a tree, as far as writers logged them
	Pages        Kind = "pages"        // page images of the copies
	Store        Kind = "store"        // what the run backed up
	Scenes       Kind = "scenes"       // which scenes the plan of a run has (see faults.Scene)
	Standing     Kind = "standing"     // how the copies stand once nothing goes wrong any more, and who is a member
	Calls        Kind = "calls"        // which calls a live node has not answered
	Loads        Kind = "loads"        // what a run sent, wrote and scrubbed, and what of
	Messages     Kind = "messages"     // who sent what to whom
	Contract     Kind = "contract"     // what clients saw of a workload that has a checker of its own
	Memory       Kind = "memory"       // disks that keep what they said is durable, which a plan beyond the budget may take away
)

// Needs lists the evidence that a check is made of. Where it lists alternatives, one of them is enough.
func Needs(c Check) []Kind {
	switch c {
	case faults.Trace:
		return []Kind{Trace}
	case faults.Serializability:
		return []Kind{Transactions}
	case faults.Linearizability:
		return []Kind{Operations}
	case faults.Durability:
		return []Kind{Audit}
	case faults.Pages:
		return []Kind{Pages}
	case faults.Replies:
		return []Kind{Transactions, Readings}
	case faults.Snapshots:
		return []Kind{Readings}
	case faults.Restore:
		return []Kind{Store}
	case faults.Tree:
		return []Kind{Trees}
	case faults.CatchUp, faults.Wholeness, faults.Replacement, faults.Collection, faults.Floor, faults.Storage:
		return []Kind{Standing}
	case faults.Answers:
		return []Kind{Calls}
	case faults.Traffic, faults.Writes, faults.Upkeep:
		return []Kind{Loads}
	case Wire:
		return []Kind{Messages}
	case faults.Contract:
		return []Kind{Contract}
	}
	return []Kind{Outcome}
}

// Verdict is how a run or a campaign ended.
type Verdict = verdict.Verdict

// The verdicts of runs.
const (
	Pass         = verdict.Pass
	Violation    = verdict.Violation
	CouldNotTell = verdict.CouldNotTell
)
