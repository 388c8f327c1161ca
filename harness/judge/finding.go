package judge

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// A Finding is one thing that one check found in one run, as fields: programs read them, and Sentence makes a sentence of
// them for people. A field that does not apply is left out.
type Finding struct {
	Check     Check   `json:"check"`
	Verdict   Verdict `json:"verdict"`   // Violation or CouldNotTell
	Guarantee string  `json:"guarantee"` // that is broken, or that could not be checked
	// Rule says which of the check's rules was broken: a guard or an invariant of the model, an anomaly, a kind of loss.
	Rule string `json:"rule,omitempty"`
	// Kind tells apart the ways to break a rule that is broken in many: what a node ended itself with, without numbers.
	Kind         string     `json:"kind,omitempty"`
	Event        uint64     `json:"event,omitempty"` // number of the event of the run at which it was found, from 1; 0 is the end of the run
	Nodes        []string   `json:"nodes,omitempty"`
	Transactions []uint64   `json:"transactions,omitempty"` // of the client history
	LSNs         []node.LSN `json:"lsns,omitempty"`
	Keys         []string   `json:"keys,omitempty"`
	Subject      string     `json:"subject,omitempty"` // what happened, or what it is about, in words
	Expected     string     `json:"expected,omitempty"`
	Found        string     `json:"found,omitempty"`
	Allowed      []string   `json:"allowed,omitempty"` // what the model allowed at that point
	// Lead is what led there, oldest first: steps of the trace, states of nodes, lines of a stack.
	Lead []string `json:"lead,omitempty"`
	// Differences are what copies, or the backup and the log, have of the same thing, where they have it differently.
	Differences []Difference `json:"differences,omitempty"`
}

// Sentence says on one line what was found.
func (f *Finding) Sentence() string {
	var parts []string
	if f.Subject != "" {
		parts = append(parts, f.Subject)
	}
	if f.Rule != "" && !strings.Contains(f.Subject, f.Rule) {
		parts = append(parts, f.Rule)
	}
	if (f.Expected != "" || f.Found != "") && !strings.Contains(f.Subject, "found "+f.Found) {
		parts = append(parts, fmt.Sprintf("expected %s, found %s", orNothing(f.Expected), orNothing(f.Found)))
	}
	return strings.Join(parts, ": ")
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// maxLead is how many lines of a finding's Lead String shows.
const maxLead = 40

// Explain says on several lines what there is to say beside the sentence: what was allowed, and what led there. It is empty when
// there is nothing more.
func (f *Finding) Explain() string {
	var b strings.Builder
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %-10s %s\n", name, text)
		}
	}
	list := func(name string, lines []string) {
		for i, text := range lines {
			line([]string{name, ""}[min(i, 1)], text)
		}
	}
	list("allowed", f.Allowed)
	var differences []string
	for i := range f.Differences {
		differences = append(differences, f.Differences[i].String())
	}
	list("differs", differences)
	if left := len(f.Lead) - maxLead; left > 0 {
		line("led here", fmt.Sprintf("(%d lines before these)", left))
		list("", f.Lead[left:])
	} else {
		list("led here", f.Lead)
	}
	return b.String()
}

func (f *Finding) String() string {
	return fmt.Sprintf("%s: %s: %s [guarantee: %s]", f.Verdict, f.Check, f.Sentence(), f.Guarantee)
}

// A describer is an error that fills in the fields of a finding.
type describer interface{ describe(*Finding) }

// sentence makes an error's text of the fields that it fills in.
func sentence(d describer) string {
	var f Finding
	d.describe(&f)
	return f.Sentence()
}

// Violated makes a finding of what a check objects to.
func Violated(c Check, err error) Finding { return findingOf(c, Violation, err) }

// Untold makes a finding of what a check could not decide.
func Untold(c Check, err error) Finding { return findingOf(c, CouldNotTell, err) }

func findingOf(c Check, v Verdict, err error) Finding {
	f := Finding{Check: c, Verdict: v, Guarantee: Guarantee(c)}
	var own describer
	var step *conform.Violation
	var anomaly *linearizability.Violation
	var call *linearizability.CallViolation
	switch {
	case errors.As(err, &own):
		own.describe(&f)
	case errors.As(err, &step):
		describeStep(step, &f)
	case errors.As(err, &anomaly):
		describeAnomaly(anomaly, &f)
	case errors.As(err, &call):
		f.Rule, f.Expected, f.Found, f.Subject, f.Keys = string(call.Anomaly), call.Expected, call.Found, plain(call), []string{call.Call.Key}
	default:
		f.Subject = plain(err)
	}
	return f
}

// plain is an error's text without the name of the package that decides histories: a finding has its check in front.
func plain(err error) string { return strings.TrimPrefix(err.Error(), "linearizability: ") }

// describeStep fills in a step of a trace that the model refuses.
func describeStep(x *conform.Violation, f *Finding) {
	f.Rule, f.Expected, f.Found, f.Allowed, f.Lead = x.Rule, x.Expected, x.Found, x.Allowed, x.Lead
	f.Subject = fmt.Sprintf("step %d (%s): %s; %s", x.Step, x.Action, x.Why, x.Guarantee)
	if x.LSN != 0 {
		f.LSNs = []node.LSN{x.LSN}
	}
}

// describeAnomaly fills in a history that no order explains.
func describeAnomaly(x *linearizability.Violation, f *Finding) {
	f.Rule, f.Expected, f.Found, f.Subject = string(x.Anomaly), x.Expected, x.Found, plain(x)
	f.Transactions = []uint64{x.Txn}
	for _, e := range x.Cycle {
		for _, t := range []uint64{e.From, e.To} {
			if t != 0 && !slices.Contains(f.Transactions, t) {
				f.Transactions = append(f.Transactions, t)
			}
		}
	}
	if x.Key != "" {
		f.Keys = []string{x.Key}
	}
}
