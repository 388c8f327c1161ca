package conform

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
)

// A Violation is the first step of a run that the model does not allow. It is what `firstgap explain` shows.
type Violation struct {
	Step      int       // its number among the steps told, from 1; one more than the last for what Finish found
	Now       node.Time // when it was told
	From      node.ID   // who told it
	LSN       node.LSN  // that it is about, 0 when it is about none
	Action    string    // the action of the model, or "Holds", or "Finish"
	Rule      string    // the guard that refused it, the invariant that it broke, or what a trace has to keep to
	Guarantee string    // the sentence of the design that this protects
	Why       string    // what happened, in one sentence
	Expected  string    // what the model has
	Found     string    // what the implementation said
	Allowed   []string  // what the model allowed at that point
	Lead      []string  // the last steps before it, oldest first, then the step itself
}

func (x *Violation) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "trace: step %d (%s): %s: %s; rule: %s", x.Step, x.Action, x.Why, x.Guarantee, x.Rule)
	if x.Expected != "" || x.Found != "" {
		fmt.Fprintf(&b, "; expected %s, found %s", x.Expected, x.Found)
	}
	return b.String()
}

// Explain renders the violation for people, on several lines.
func (x *Violation) Explain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "step %d: %s\n", x.Step, x.Why)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %-10s %s\n", name, text)
		}
	}
	line("action", x.Action)
	line("rule", x.Rule)
	line("guarantee", x.Guarantee)
	line("expected", x.Expected)
	line("found", x.Found)
	for i, s := range x.Allowed {
		line([]string{"allowed", ""}[min(i, 1)], s)
	}
	for i, s := range x.Lead {
		line([]string{"led here", ""}[min(i, 1)], s)
	}
	return b.String()
}

// Rules that the trace itself has to keep to, beside the guards and invariants of the model.
const (
	ruleKnown     = "a step is one of the volume's own nodes, epochs, groups and transactions"
	ruleComplete  = "a step carries what its action is about"
	ruleWriter    = "an epoch has one writer"
	ruleRecord    = "a record that is issued is the one that the model appends"
	rulePrevious  = "a record's back-link names the record before it in its group"
	ruleOld       = "a record's old value is the value of its row on the writer's log"
	ruleUndo      = "an undo restores the old value of the write that it takes back"
	ruleHome      = "a record is in the protection group where its page lives"
	ruleMembers   = "a membership is told by its epoch, which counts the changes of its group"
	ruleGrowth    = "groups come into use one after the other, with their first members"
	ruleIssued    = "a segment stores what a writer issued under that LSN and epoch, byte for byte"
	rulePosition  = "a place in a segment's log is told in order, and what was told of it stays"
	ruleGrowing   = "vcl' = [vcl EXCEPT ![e] = @ + 1]"
	ruleCut       = "base' = [base EXCEPT ![e] = Cut(Q)]"
	ruleHistory   = "a history names the writer of every LSN of the log of its epoch"
	rulePromise   = "a restarted segment has the promise that it made: fence[r]"
	ruleLine      = "a restarted segment follows the log that it joined: line[r]"
	ruleStore     = "a restarted segment holds what it stored, and nothing else: store[r]"
	ruleFloor     = "page images are of what the segment held, all of it up to their floor: store[r]"
	ruleTold      = "a Position that was told before says the same again"
	ruleAction    = "a step is an action of the model"
	anyoneBefore  = "amnesia: what was durable is gone"
	nobodyToldYou = "it holds what it was never told of"
)

// guarantees says what the actions of the model are there to keep, in the words of the design.
var guarantees = map[node.Action]string{
	node.ActWrite:     "rows are locked until their transaction has committed or is undone, and a mini-transaction is contiguous",
	node.ActCommit:    "a transaction commits once, in the epoch that began it, and not after it was undone",
	node.ActUndo:      "what never committed is taken back once, latest change first",
	node.ActStructure: "a structural change belongs to no transaction and is a mini-transaction of its own",
	node.ActStore:     "a segment serves the epoch that it promised and stores nothing but records of the log that it follows",
	node.ActAdvance:   "a record is complete when a write quorum of its group holds it and everything before it in that group",
	node.ActAck:       "a commit is acknowledged when VDL has reached it: it and everything before it are on a write quorum",
	node.ActStart:     "no two writers share an epoch, and none is skipped",
	node.ActFence:     "a segment's promise only rises, and is durable before its answer leaves",
	node.ActDecide:    "the log is cut at the first LSN that a read quorum of fenced segments lacks, then down to the last CPL",
	node.ActJoin:      "a cut travels with the whole history of cuts, and a segment that joins drops what is not on it",
	node.ActOpen:      "before a writer serves, a write quorum of every group holds everything that it kept",
	node.ActChange:    "only the newest writer changes who counts, one step at a time, and a newcomer has the read vote when it is filled",
	node.ActGrow:      "only the newest writer brings a group into use, and its successor learns of it with its epoch",
	node.ActHolds:     "what a segment told as durable is durable",
	node.ActFill:      "a peer gives nothing but what it holds itself, on the same line",
}

// problem is what a step's check returns; Tell makes a Violation of it.
type problem struct {
	action    string // when it is not the step's own
	rule      string
	guarantee string // when it is not the action's own
	why       string
	expected  string
	found     string
}
