package retell

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A Shown is a failure as SARIF shows it.
type Shown struct {
	Seed     uint64
	System   string
	Findings []judge.Finding
	Why      *why.Explanation       // nil where it was not explained: the finding alone is shown then
	Steps    map[uint64]node.Action // what the nodes told in the events of the explanation (see Steps); may be nil
	File     string                 // the failure file, absolute or relative to the working folder
	Page     string                 // the page that shows it, empty where there is none
	Replay   string                 // the command that makes it again
}

// Bounds of what readers take: GitHub's code scanning refuses a log that is larger or has more results, and shows no more of a flow than
// so many steps.
const (
	mostResults = 25_000
	mostSteps   = 1_000
	mostText    = 4_000   // bytes of a message
	mostPacked  = 9 << 20 // bytes of a log, compressed by gzip; GitHub takes 10 MB
)

// SARIF writes a log of SARIF 2.1.0 with one run and one result a failure: its rule is check and rule, its message the headline, its
// place the source line of the planted bug, the failpoint or the told step where the sources have it, otherwise the failure file; and
// the chain of events is its code flow. No failure makes a valid log without results. Sources may be nil.
func SARIF(w io.Writer, all []Shown, from *Sources, b failure.Build) error {
	return sarif(w, all, from, b, mostResults, mostPacked)
}

// sarif writes a log within bounds. What is too large loses its flows first, from the last result on, and then its last results; it
// says so.
func sarif(w io.Writer, all []Shown, from *Sources, b failure.Build, results, packed int) error {
	run := sarifRun{ColumnKind: "utf16CodeUnits", Results: []sarifResult{},
		Tool: sarifTool{sarifDriver{Name: "firstgap", Version: b.Version, InformationURI: "https://" + module, Rules: []sarifRule{}}}}
	for i := range all[:min(len(all), results)] {
		run.add(&all[i], from)
	}
	flows := len(run.Results)
	for {
		text, size, err := run.log(len(all)-len(run.Results), len(run.Results)-flows, min(results, len(run.Results)))
		if err != nil {
			return err
		}
		if size <= packed || len(run.Results) == 0 {
			_, err := w.Write(text)
			return err
		}
		if flows > 0 {
			flows /= 2
			for i := range run.Results[flows:] {
				run.Results[flows+i].Flows = nil
			}
			continue
		}
		run.Results = run.Results[:len(run.Results)/2]
	}
}

// log renders the log, with notes on what is left out of it, and returns its size when it is compressed, too.
func (run *sarifRun) log(results, flows, kept int) (text []byte, packed int, err error) {
	invocation := sarifInvocation{ExecutionSuccessful: true}
	note := func(format string, args ...any) {
		invocation.Notifications = append(invocation.Notifications, sarifNotification{Level: "warning", Message: sarifMessage{fmt.Sprintf(format, args...)}})
	}
	if results > 0 {
		note("%d more failures are left out: a log has at most %d results, and %d MB when it is compressed", results, mostResults, mostPacked>>20)
	}
	if flows > 0 && kept > 0 {
		note("%d of %d results are without what led there: a log has at most %d MB when it is compressed", flows, kept, mostPacked>>20)
	}
	run.Invocations = []sarifInvocation{invocation}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(sarifLog{Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{*run}}); err != nil {
		return nil, 0, err
	}
	var small counter
	z := gzip.NewWriter(&small)
	if _, err := z.Write(b.Bytes()); err != nil {
		return nil, 0, err
	}
	err = z.Close()
	return b.Bytes(), int(small), err
}

// A counter counts what is written to it.
type counter int

func (c *counter) Write(text []byte) (int, error) {
	*c += counter(len(text))
	return len(text), nil
}

// ruleID is the name that SARIF has of a target: the check, and behind a slash the rule in lower case with hyphens.
func ruleID(t failure.Target) string {
	if t.Rule == "" {
		return string(t.Check)
	}
	return string(t.Check) + "/" + slug(t.Rule)
}

func slug(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') }), "-")
}

// add adds a failure, and its rule where it is new.
func (run *sarifRun) add(s *Shown, from *Sources) {
	target, f, headline := s.failed()
	rule := sarifRule{ID: ruleID(target), Name: words(string(target.Check), target.Rule)}
	about := cmp.Or(target.Rule, f.Guarantee, string(target.Check))
	rule.Short, rule.Full = message(about), message(cmp.Or(f.Guarantee, about))
	rule.Configuration.Level = level(target.Verdict)
	if s.Why != nil {
		r := s.Why.What.Rule
		rule.Full = message(cmp.Or(sentences(r.Text, r.Reason), rule.Full.Text))
		rule.Help = message(cmp.Or(sentences(r.Reason, r.Source), rule.Full.Text))
	} else {
		rule.Help = rule.Full
	}
	at := slices.IndexFunc(run.Tool.Driver.Rules, func(r sarifRule) bool { return r.ID == rule.ID })
	if at < 0 {
		at = len(run.Tool.Driver.Rules)
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule)
	} else if s.Why != nil {
		run.Tool.Driver.Rules[at] = rule // one that was explained knows more
	}
	file := from.file(s.File)
	result := sarifResult{RuleID: rule.ID, RuleIndex: at, Level: level(target.Verdict), Message: message(cmp.Or(headline, about)),
		Fingerprints: map[string]string{"firstgap/system/rule/v1": s.fingerprint(target)},
		Properties:   map[string]any{"system": s.System, "seed": s.Seed}}
	if s.Replay != "" {
		result.Properties["replay"] = s.Replay
	}
	place, told := from.place(s, &f)
	result.Locations = []sarifLocation{{Physical: place}}
	if told {
		result.Related = append(result.Related, sarifLocation{ID: 1, Physical: file, Message: pointer(message("the failure file"))})
	}
	if s.Page != "" {
		result.Related = append(result.Related, sarifLocation{ID: 2, Physical: from.file(s.Page), Message: pointer(message("the page that shows it"))})
	}
	if s.Why != nil {
		result.Properties["smallest"] = s.Why.After
		result.Properties["minimal"] = s.Why.Minimal
		if flow := from.flow(s, file); len(flow) > 0 {
			result.Flows = []sarifFlow{{Message: pointer(message("what led there")), Threads: []sarifThread{{Locations: flow}}}}
		}
	}
	run.Results = append(run.Results, result)
}

// failed says by what the run failed, the finding that says so, and the sentence that stands for both.
func (s *Shown) failed() (target failure.Target, f judge.Finding, headline string) {
	if s.Why != nil {
		return s.Why.What.Target, s.Why.What.Finding, Headline(s.Why)
	}
	target, failed := failure.TargetOf(s.Findings)
	if !failed {
		return failure.Target{Check: judge.Check("run"), Verdict: judge.CouldNotTell}, f, "the run did not pass, and no check says why"
	}
	f = *target.Among(s.Findings)
	return target, f, f.Sentence()
}

// fingerprint is the same of every failure of one system by one rule, from whichever seed.
func (s *Shown) fingerprint(target failure.Target) string {
	return slug(s.System) + "/" + ruleID(target)
}

// place is where a failure is shown: the source line that it is about, otherwise its file.
func (from *Sources) place(s *Shown, f *judge.Finding) (place sarifPhysical, told bool) {
	if place, told = from.of(s, f); told {
		return place, true
	}
	return from.file(s.File), false
}

// flow makes a code flow of what lies behind a failure and the chain of events that led there, in the order of the events.
func (from *Sources) flow(s *Shown, file sarifPhysical) []sarifStep {
	links := linksOf(&s.Why.What)
	slices.SortStableFunc(links, func(a, b why.Link) int { return cmp.Compare(a.Event, b.Event) })
	links = slices.CompactFunc(links, func(a, b why.Link) bool { return a.Event == b.Event && a.Words == b.Words })
	var flow []sarifStep
	for i := range links[:min(len(links), mostSteps)] {
		l := &links[i]
		place, told := from.step(s.Steps[l.Event], l.Node)
		if !told {
			place = file
		}
		step := sarifStep{Order: i + 1, Importance: "important",
			Location: sarifLocation{Physical: place, Message: pointer(message(linkLine(l))), Logical: []sarifLogical{{Name: cmp.Or(line(l.Node), "the run"), Kind: "object"}}}}
		if b := s.Why.What.Bad; b != nil && b.Event == l.Event {
			step.Importance = "essential"
		}
		flow = append(flow, step)
	}
	return flow
}

// linksOf lists all events that an explanation names.
func linksOf(w *why.What) []why.Link {
	links := slices.Concat(w.Causes, w.Chain)
	if w.Bad != nil {
		links = append(links, *w.Bad)
	}
	return links
}

// Steps makes the smallest run once more and returns what the nodes told in the events that its explanation names, for SARIF to find
// the source lines that tell it. It has nothing of a system whose nodes tell no trace.
func Steps(s harness.System, e *why.Explanation) map[uint64]node.Action {
	wanted := map[uint64]bool{}
	for _, l := range linksOf(&e.What) {
		wanted[l.Event] = true
	}
	steps := map[uint64]node.Action{}
	harness.RunWith(s, e.Configuration, harness.Options{Only: e.What.Target.Check, Listen: func(_ *sim.World, ev *sim.Event) {
		if ev.Kind != sim.EventTrace {
			return
		}
		if wanted[ev.Seq] {
			steps[ev.Seq] = ev.Trace.Action
		}
		// What handled the event is best seen by the first thing that it told.
		if _, has := steps[ev.Cause]; wanted[ev.Cause] && !has {
			steps[ev.Cause] = ev.Trace.Action
		}
	}})
	return steps
}

// of finds the source line that a failure is shown at: that of its planted bug, or of the failpoint that it crashes a node at, or where
// the step is told that the model refused.
func (from *Sources) of(s *Shown, f *judge.Finding) (sarifPhysical, bool) {
	if s.Why != nil {
		if p, known := from.point(s.Why.Configuration.Bug); known {
			return p, true
		}
		for _, x := range s.Why.Configuration.Plan.Faults {
			if x.Kind == faults.CrashAtPoint {
				if p, known := from.point(x.Point); known {
					return p, true
				}
			}
		}
		if b := s.Why.What.Bad; b != nil {
			if p, known := from.step(s.Steps[b.Event], b.Node); known {
				return p, true
			}
		}
	}
	who := ""
	if len(f.Nodes) > 0 {
		who = f.Nodes[0]
	}
	return from.named(stepOf(f), who)
}

// stepOf returns the action of the step that a finding of the check trace is about, "" where it has none.
func stepOf(f *judge.Finding) string {
	if f.Check != faults.Trace {
		return ""
	}
	var n int
	rest := f.Subject
	if _, err := fmt.Sscanf(rest, "step %d (", &n); err != nil {
		return ""
	}
	_, rest, _ = strings.Cut(rest, "(")
	action, _, _ := strings.Cut(rest, ")")
	return action
}

func level(v judge.Verdict) string {
	if v == judge.Violation {
		return "error"
	}
	return "warning"
}

func pointer[T any](x T) *T { return &x }

// sentences puts texts behind each other.
func sentences(all ...string) string {
	var b strings.Builder
	for _, s := range all {
		if s = strings.TrimRight(s, ". "); s != "" {
			b.WriteString(s + ". ")
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// message makes a message of text: one paragraph, bounded. A backslash, brackets and braces would mean links and placeholders.
func message(text string) sarifMessage {
	text = line(text)
	if len(text) > mostText {
		n := mostText
		for !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n] + "…"
	}
	return sarifMessage{strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, "{", "{{", "}", "}}").Replace(text)}
}

// uri renders the path of a file as a relative reference or an absolute one.
func uri(path string) string {
	path = filepath.ToSlash(path)
	u := url.URL{Path: path}
	if strings.HasPrefix(path, "/") {
		u.Scheme = "file"
	}
	return u.String()
}

// What follows is the part of SARIF 2.1.0 that is written; the names are its.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Invocations []sarifInvocation `json:"invocations"`
	ColumnKind  string            `json:"columnKind"`
	Results     []sarifResult     `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"version,omitempty"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID            string       `json:"id"`
	Name          string       `json:"name"`
	Short         sarifMessage `json:"shortDescription"`
	Full          sarifMessage `json:"fullDescription"`
	Help          sarifMessage `json:"help"`
	Configuration struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
}

type sarifMessage struct {
	Text string `json:"text"`
}

type sarifInvocation struct {
	ExecutionSuccessful bool                `json:"executionSuccessful"`
	Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level   string       `json:"level"`
	Message sarifMessage `json:"message"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      sarifMessage      `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Related      []sarifLocation   `json:"relatedLocations,omitempty"`
	Flows        []sarifFlow       `json:"codeFlows,omitempty"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Properties   map[string]any    `json:"properties"`
}

type sarifLocation struct {
	ID       int            `json:"id,omitempty"`
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	Message  *sarifMessage  `json:"message,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   sarifRegion   `json:"region"`
}

type sarifArtifact struct {
	URI  string `json:"uri"`
	Base string `json:"uriBaseId,omitempty"`
}

type sarifRegion struct {
	StartLine int `json:"startLine"`
}

type sarifLogical struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

type sarifFlow struct {
	Message *sarifMessage `json:"message"`
	Threads []sarifThread `json:"threadFlows"`
}

type sarifThread struct {
	Locations []sarifStep `json:"locations"`
}

type sarifStep struct {
	Location   sarifLocation `json:"location"`
	Order      int           `json:"executionOrder"`
	Importance string        `json:"importance"`
}
