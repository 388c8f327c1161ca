package judge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// Evidence is what a finished run left behind. The zero value of a field says that it is not known; Has says which kinds are.
type Evidence struct {
	// Name names a node.
	Name func(node.ID) string

	Outcome runtime.Outcome  // how the run ended
	Limits  sim.Limits       // that it had
	Waits   []Wait           // what was waited for once the faults had ended
	Stalled bool             // it stopped for good, as its plan may have made it
	Begun   []workload.Begun // what the workload's clients began, in the order of time, the queries of readers behind

	Operations   []linearizability.Call // on registers; nil: no clients call them
	Lists        []linearizability.Call // on lists; nil: no clients call them
	Transactions *workload.History      // nil: no clients run transactions
	Replies      []error                // answers that break the client contract
	Readings     *workload.Readings     // nil: there are no read replicas
	// Audit is the transaction that read everything after the last upheaval, as an index of Transactions, or -1 if none did.
	Audit int
	// Sum says what the rows of a transactions' workload must add up to; nil: nothing is conserved.
	Workload *workload.Workload
	// AuditedKeys are the operations, as indices of Operations, that read every key after the last upheaval.
	AuditedKeys []int

	Trace *Traced // nil: the nodes tell no trace, or no model follows it
	Log   *Log    // nil: what the writers logged is unknown
	// Durable is when each transaction was durable; nil: unknown.
	Durable  *Durable
	PageSize int // bytes, of the log's pages; 0: they make no tree
	// Copies are those of each group, with the pages that the log changed; nil: no node tells its pages.
	Copies [][]Copy
	Store  backup.Source // nil: nothing is backed up
	// Rotten are the objects of the store that it lists and says it cannot read. Their number is no more than the bits that the plan has
	// flipped of its disk, or the store is at fault.
	Rotten []string
	Flips  int // of the store's disk, in the plan
	// Late are the groups that came into use after the beginning: they may have put nothing into the store yet.
	Late      []node.Group
	Conflicts uint64 // objects of the store of which another copy would have put something else
	// Conflicting are the nodes that would have put something else.
	Conflicting []string
	Early       *Stand // how they stood before the last upheaval, of which only who was replaced is looked at; nil: unknown
	Stand       *Stand // how the copies stand at the end; nil: unknown
	Open        *Open  // which calls were not answered; nil: unknown
	Load        *Load  // what the run sent and wrote; nil: unknown
	// Contract is what clients saw of a workload that has a checker of its own; nil: they have none.
	Contract *Contracted
	// Staged says that the scenes of the run's plan were looked for.
	Staged bool
	// Sent is what a node sent that it must not send, the first of it; Listened says that somebody looked.
	Listened  bool
	Misplaced *WireError

	Counts counts.Counts // what the system's clients and model have counted
	// Excused are the checks that the run is not held to, because a disk forgot what its node had acknowledged and that is beyond
	// the fault budget. One of them that objects was not made.
	Excused []Check
}

// Traced is how far a model has followed the trace of a run.
type Traced struct {
	Err   error  // the first step that it refuses, or the first invariant that did not hold; nil: none
	Event uint64 // the number of the event of the run at which it was told; 0 is the end of the run
	Steps uint64 // that the model took
}

// A Wait is something that had to come within a bound of virtual time.
type Wait struct {
	For    string // what
	Bound  faults.Duration
	Met    bool
	States []string // what the nodes were doing when the time was up, one line each
}

// Has lists the kinds of evidence that are there.
func (e *Evidence) Has() []Kind {
	kinds := []Kind{Outcome}
	for _, k := range []struct {
		kind Kind
		has  bool
	}{
		{Operations, len(e.Operations)+len(e.Lists) > 0}, {Transactions, e.Transactions != nil && len(e.Transactions.Transactions) > 0},
		{Readings, e.Readings != nil && len(e.Readings.All) > 0}, {Audit, e.Audit >= 0 && e.Transactions != nil || len(e.AuditedKeys) > 0},
		{Claims, claimed(e.Transactions)}, {Trace, e.Trace != nil}, {TheLog, e.Log != nil && e.Log.End() > 0}, {Trees, e.Log != nil && e.Log.End() > 0 && e.PageSize > 0}, {Pages, len(e.Copies) > 0}, {Store, e.Store != nil}, {Messages, e.Listened}, {Standing, e.Stand != nil}, {Calls, e.Open != nil}, {Loads, e.Load != nil}, {Scenes, e.Staged}, {Contract, e.Contract != nil},
	} {
		if k.has {
			kinds = append(kinds, k.kind)
		}
	}
	return kinds
}

// A NotMade is a check that could not be made, and the evidence that it needs.
type NotMade struct {
	Check Check  `json:"check"`
	Needs []Kind `json:"needs"` // one of them would do
}

func (n NotMade) String() string {
	s := "not checked: needs " + string(n.Needs[0])
	for _, k := range n.Needs[1:] {
		s += " or " + string(k)
	}
	return s
}

// A Judgement is what the checks made of the evidence.
type Judgement struct {
	Verdict  Verdict
	Findings []Finding
	Made     []Check // the checks that could be made, each once
	NotMade  []NotMade
	Counts   counts.Counts // what the checks looked at, and nothing else
	// Restorable tells that the store has something that can be restored.
	Restorable bool
}

// Judge holds the evidence against every check that can be made of it.
func Judge(e *Evidence) *Judgement { return Only("", e) }

// Only holds the evidence against one check, and against all of them where it is "". What other checks would find, or whether they could be
// made, it does not say.
func Only(c Check, e *Evidence) *Judgement {
	j := judge(c, e)
	if c == "" {
		return j
	}
	j.Findings = slices.DeleteFunc(j.Findings, func(f Finding) bool { return f.Check != c })
	j.Verdict = Pass
	for _, f := range j.Findings {
		j.Verdict = j.Verdict.Worse(f.Verdict)
	}
	j.NotMade = slices.DeleteFunc(j.NotMade, func(n NotMade) bool { return n.Check != c })
	return j
}

// judge makes one check, with those that are made along with it, or all where it is "".
func judge(only Check, e *Evidence) *Judgement {
	j := &Judgement{}
	for _, of := range []struct {
		checks []Check
		make   func(*Evidence)
	}{
		{[]Check{faults.Sanity, faults.Progress}, j.outcome},
		{[]Check{faults.Contract}, j.contract},
		{[]Check{faults.Trace}, j.trace},
		{[]Check{faults.Serializability}, j.transactions},
		{[]Check{faults.Linearizability}, j.operations},
		{[]Check{faults.Replies}, j.replies},
		{[]Check{faults.Snapshots}, j.snapshots},
		{[]Check{faults.Durability}, j.durability},
		{[]Check{faults.Tree}, j.tree},
		{[]Check{faults.Pages}, j.pages},
		{[]Check{faults.Restore}, j.restores},
		{[]Check{Wire}, j.wire},
		{[]Check{faults.CatchUp, faults.Wholeness, faults.Replacement, faults.Collection, faults.Floor, faults.Storage}, j.standing},
		{[]Check{faults.Answers}, j.calls},
		{[]Check{faults.Traffic, faults.Writes, faults.Upkeep}, j.loads},
	} {
		if only == "" || slices.Contains(of.checks, only) {
			of.make(e)
		}
	}
	j.excuse(e)
	for _, c := range append(faults.Checks(), Wire) {
		if !slices.Contains(j.Made, c) && c != faults.Activity && !j.excused(c) {
			j.NotMade = append(j.NotMade, NotMade{c, e.lacks(c)})
		}
	}
	if j.Verdict == "" {
		j.Verdict = Pass
	}
	return j
}

// excuse takes back what the excused checks object to.
func (j *Judgement) excuse(e *Evidence) {
	findings := j.Findings
	j.Findings, j.Verdict = nil, ""
	for _, f := range findings {
		if !slices.Contains(e.Excused, f.Check) {
			j.Add(f)
			continue
		}
		j.Counts.Excused++
		if !j.excused(f.Check) {
			j.NotMade = append(j.NotMade, NotMade{f.Check, []Kind{Memory}})
		}
	}
	j.Made = slices.DeleteFunc(j.Made, j.excused)
}

// excused tells whether a check has objected and is excused.
func (j *Judgement) excused(c Check) bool {
	return slices.ContainsFunc(j.NotMade, func(n NotMade) bool { return n.Check == c && n.Needs[0] == Memory })
}

// lacks lists what a check that was not made needs, as far as it is not there.
func (e *Evidence) lacks(c Check) []Kind {
	if c == faults.Durability && e.Transactions != nil && e.Audit >= 0 {
		return []Kind{TheLog, Claims} // everything was read, and what is owed cannot be told
	}
	return Needs(c)
}

// Add adds a finding.
func (j *Judgement) Add(f Finding) {
	j.Findings = append(j.Findings, f)
	if j.Verdict == "" {
		j.Verdict = f.Verdict
	} else {
		j.Verdict = j.Verdict.Worse(f.Verdict)
	}
}

func (j *Judgement) object(c Check, errs ...error) {
	for _, err := range errs {
		j.Add(Violated(c, err))
	}
}

func (j *Judgement) made(c Check) {
	if !slices.Contains(j.Made, c) {
		j.Made = append(j.Made, c)
	}
}

func (j *Judgement) outcome(e *Evidence) {
	j.made(faults.Sanity)
	switch e.Outcome.End {
	case runtime.Panicked:
		j.object(faults.Sanity, &PanicError{Node: e.Outcome.Name, Event: e.Outcome.Event, Value: e.Outcome.Value, Stack: e.Outcome.Stack})
	case runtime.Breached:
		b := &BreachError{Node: e.Outcome.Name, Event: e.Outcome.Event, Breach: e.Outcome.Breach}
		if b.Breach.Ours {
			j.Add(Untold(faults.Sanity, b))
			break
		}
		j.object(faults.Sanity, b)
	case runtime.LimitExceeded:
		j.Add(Untold(faults.Sanity, &LimitError{Limit: e.Outcome.Limit, Limits: e.Limits, At: e.Outcome.At}))
	}
	for _, w := range e.Waits {
		j.made(faults.Progress)
		if !w.Met {
			j.object(faults.Progress, &ProgressError{Waited: w.For, Bound: w.Bound, States: w.States})
		}
	}
	if e.Stalled {
		j.Counts.Stalled = 1
	}
}

func (j *Judgement) trace(e *Evidence) {
	if e.Trace == nil {
		return
	}
	j.made(faults.Trace)
	if e.Trace.Err == nil {
		return
	}
	f := Violated(faults.Trace, e.Trace.Err)
	f.Event = e.Trace.Event
	var v *conform.Violation
	if errors.As(e.Trace.Err, &v) && v.From != 0 {
		f.Nodes = []string{e.Name(v.From)}
	}
	j.Add(f)
}

// transactions decides what the clients saw. Where a commit has no answer, the log knows what became of it, and that
// may make a certificate; without one, the history has to stand as the clients know it.
func (j *Judgement) transactions(e *Evidence) {
	if e.Transactions == nil {
		return
	}
	h := e.Transactions
	known := make([]linearizability.Txn, len(h.Transactions))
	learned := make([]linearizability.Txn, len(known))
	kept := e.Log.Commits()
	unlike := false
	for i := range known {
		t := &h.Transactions[i]
		known[i], learned[i] = t.Txn, t.Txn
		if at, ok := kept[t.Name]; ok && t.Outcome == linearizability.OutcomeUnknown {
			learned[i].Outcome, learned[i].Order = linearizability.Committed, uint64(at)+1
			unlike = true
		}
	}
	result := linearizability.CheckTxns(context.Background(), learned, linearizability.SimulationLimits())
	if result.Verdict != linearizability.Legal && unlike {
		result = linearizability.CheckTxns(context.Background(), known, linearizability.SimulationLimits())
	}
	switch {
	case result.Verdict == linearizability.Illegal:
		j.made(faults.Serializability)
		j.object(faults.Serializability, result.Violation)
	case result.Verdict == linearizability.Legal:
		j.made(faults.Serializability)
		if result.Proof == linearizability.ByCertificate {
			j.Counts.Certificates = 1
		}
		// Under strict locks no transaction is answered what was never committed, not even one that does not commit either.
		if err := linearizability.CheckReads(learned); err != nil {
			j.object(faults.Serializability, err)
		}
		if e.Durable != nil {
			if err := e.Durable.shown(h); err != nil {
				j.object(faults.Serializability, err)
			}
		}
	case errors.Is(result.Reason, linearizability.ErrEmpty):
		// The clients have seen nothing: neither legal nor illegal, and the run is counted by what else it did.
	default:
		j.Add(Untold(faults.Serializability, result.Err()))
	}
}

// operations decides what the clients of single operations saw.
func (j *Judgement) operations(e *Evidence) {
	for _, of := range []struct {
		model linearizability.Model
		calls []linearizability.Call
	}{{linearizability.ModelRegister, e.Operations}, {linearizability.ModelList, e.Lists}} {
		if len(of.calls) == 0 {
			continue
		}
		result := linearizability.CheckCalls(context.Background(), of.model, of.calls, linearizability.Options{}, linearizability.SimulationLimits())
		switch {
		case result.Verdict == linearizability.Illegal:
			j.made(faults.Linearizability)
			j.object(faults.Linearizability, result.Violation)
		case result.Verdict == linearizability.Legal:
			j.made(faults.Linearizability)
		default:
			j.Add(Untold(faults.Linearizability, result.Err()))
		}
	}
}

// replies holds the answers, to the requests that could be carried out and to those that could not, against what they
// may be.
func (j *Judgement) replies(e *Evidence) {
	if e.Transactions != nil && len(e.Transactions.Transactions) > 0 {
		j.made(faults.Replies)
	}
	if e.Transactions != nil {
		for _, err := range e.Transactions.Broken {
			j.object(faults.Replies, err)
		}
	}
	if e.Readings != nil {
		for _, err := range e.Readings.Broken {
			j.object(faults.Replies, err)
		}
	}
	for _, err := range e.Replies {
		j.made(faults.Replies)
		j.object(faults.Replies, err)
	}
}

// snapshots holds what the reading clients saw against the committed prefixes of the log.
func (j *Judgement) snapshots(e *Evidence) {
	if e.Readings == nil || e.Log == nil {
		return
	}
	if len(e.Readings.All) > 0 {
		j.made(faults.Snapshots)
	}
	var seen []Snapshot
	for _, q := range e.Readings.All {
		seen = append(seen, Snapshot{Reader: q.Reader, Session: q.Session, At: q.At, Asked: q.Asked, Began: q.Began, Answered: q.Answered, Reads: q.Ops})
	}
	j.object(faults.Snapshots, Snapshots(e.Log, seen, e.Name)...)
}

func (j *Judgement) durability(e *Evidence) {
	switch {
	case e.Transactions != nil && e.Audit >= 0 && (e.Log != nil || claimed(e.Transactions)):
		j.made(faults.Durability)
		end := EndState{Workload: *e.Workload, History: e.Transactions, Audit: e.Audit}
		if e.Log != nil {
			end.Commits = e.Log.Commits()
		}
		j.Counts.RowsAudited = uint64(len(end.audited()))
		j.object(faults.Durability, Durability(end)...)
	case len(e.AuditedKeys) > 0:
		j.made(faults.Durability)
		j.Counts.RowsAudited = uint64(len(e.AuditedKeys))
		j.object(faults.Durability, Kept(e.Operations, e.AuditedKeys)...)
	}
}

// tree makes the pages of the log that the newest writer goes on from.
func (j *Judgement) tree(e *Evidence) {
	if e.Log == nil || e.Log.End() == 0 || e.PageSize == 0 {
		return
	}
	j.made(faults.Tree)
	if _, err := Tree(e.Log, e.PageSize, math.MaxUint32); err != nil {
		j.object(faults.Tree, err)
	}
}

func (j *Judgement) pages(e *Evidence) {
	for g, group := range e.Copies {
		compared, broken := ComparePages(group, e.Log.Pages(node.Group(g)))
		if compared > 0 {
			j.made(faults.Pages)
		}
		j.Counts.PagesCompared += uint64(compared)
		for _, err := range broken {
			var differ *PageError
			if errors.As(err, &differ) {
				differ.log = e.Log
			}
		}
		j.object(faults.Pages, broken...)
	}
}

func (j *Judgement) wire(e *Evidence) {
	if !e.Listened {
		return
	}
	j.made(Wire)
	if e.Misplaced != nil {
		j.object(Wire, e.Misplaced)
	}
}

// A ProgressError says what did not happen in time after the faults had ended.
type ProgressError struct {
	Waited string          // for what
	Bound  faults.Duration // how long
	States []string        // what the nodes were doing, one line each
}

func (e *ProgressError) Error() string { return sentence(e) }

func (e *ProgressError) describe(f *Finding) {
	f.Rule = "what is waited for comes within its bound"
	f.Expected = fmt.Sprintf("%s within %v of virtual time", e.Waited, time.Duration(e.Bound))
	f.Found, f.Lead = "none", e.States
	// Of all the nodes the one that should serve and does not is what a reader looks for: a line of a table has room for no more.
	for _, state := range e.States {
		if name, how, _ := strings.Cut(state, ": "); strings.Contains(how, "not serving") && !strings.Contains(how, "deposed") {
			f.Subject, f.Nodes = state, []string{name}
			return
		}
	}
}

// A WireError is a message that its sender must not send.
type WireError struct {
	From    string
	Message string // its type
	Want    string
}

func (e *WireError) Error() string { return sentence(e) }

func (e *WireError) describe(f *Finding) {
	f.Nodes, f.Expected, f.Found = []string{e.From}, fmt.Sprintf("%s from %s", e.Want, e.From), e.Message
}

// A PanicError is a node that ended itself.
type PanicError struct {
	Node  string
	Event string // what it was told
	Value string // what it panicked with
	Stack string // differs between builds
}

func (e *PanicError) Error() string { return sentence(e) }

func (e *PanicError) describe(f *Finding) {
	f.Rule, f.Nodes, f.Kind = "no node ends itself", []string{e.Node}, kindOfPanic(e.Value)
	f.Subject = fmt.Sprintf("%s panicked on %s: %s", e.Node, e.Event, e.Value)
	f.Lead = lines(e.Stack)
}

// lastWords is the line of a program's standard error that tells most: the last one that names an error, as interpreters put it at the
// end and Go at the beginning of what they say, else the last one.
func lastWords(log []string) (said string) {
	for _, line := range slices.Backward(log) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") || errorName.MatchString(line) {
			return line
		}
		said = cmp.Or(said, line)
	}
	return said
}

// errorName is how a line begins that names an error in Python, JavaScript or Ruby.
var errorName = regexp.MustCompile(`^[\w.:]*(Error|Exception)\b`)

// A BreachError is a program that broke the protocol by which it is run.
type BreachError struct {
	Node   string
	Event  string // what it was told
	Breach *runtime.Breach
}

func (e *BreachError) Error() string { return sentence(e) }

func (e *BreachError) describe(f *Finding) {
	b := e.Breach
	f.Rule, f.Kind, f.Nodes, f.Expected, f.Found, f.Lead = string(b.Rule), b.Kind, []string{e.Node}, b.Expected, b.Found, b.Lead
	f.Subject = fmt.Sprintf("the program of %s, on %s", e.Node, e.Event)
	if b.Line != "" {
		f.Found += ": " + b.Line
	}
	if said := lastWords(b.Lead); said != "" {
		f.Found += "; it said last: " + said
	}
	if b.Ours {
		f.Rule = "the machine runs programs"
		return
	}
	f.Guarantee = "a program keeps the protocol by which it is run"
}

// kindOfPanic is what two panics have in common that come of one mistake: the first clause that says something, without numbers. What
// stands behind it is of the run, such as rows and LSNs.
func kindOfPanic(value string) string {
	clauses := strings.SplitN(value, ": ", 3)
	kind := clauses[0]
	if len(clauses) > 1 && (kind == "runtime error" || len(kind) < shortClause) {
		kind += ": " + clauses[1]
	}
	return numbers.ReplaceAllString(kind, "n")
}

// shortClause is how long the name of a package or of a page's kind is at most: it says nothing by itself.
const shortClause = 12

var numbers = regexp.MustCompile(`[0-9]+`)

// A LimitError says that a run used up more than it may, so that how it would have ended is unknown.
type LimitError struct {
	Limit  string // "events", "time" or "bytes"
	Limits sim.Limits
	At     node.Time
}

func (e *LimitError) Error() string { return sentence(e) }

func (e *LimitError) describe(f *Finding) {
	most := fmt.Sprint(e.Limits.Events)
	switch e.Limit {
	case runtime.LimitTime:
		most = e.Limits.Time.String()
	case runtime.LimitBytes:
		most = fmt.Sprint(e.Limits.Bytes)
	}
	f.Subject = fmt.Sprintf("the run exceeded its limit on %s (%s) at %v of virtual time", e.Limit, most, time.Duration(e.At))
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimRight(text, "\n"), "\n")
}
