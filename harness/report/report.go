// Package report writes down what a job found: for programs (report.json), for CI (junit.xml), for code reviews (report.sarif), and for
// people (summary.md, and a table on the terminal); with one failure file for every failed run that was kept, and a page for each that
// was explained.
//
// Use package campaign instead when a program goes on with the result in the same process: its Summary has everything
// that a report says.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/retell"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/node"
)

// Version is that of report.json.
const Version = 2

// A Report is everything that a job found.
type Report struct {
	Format   string            `json:"format"` // "firstgap report"
	Version  int               `json:"version"`
	Verdict  judge.Verdict     `json:"verdict"`
	Reasons  []string          `json:"reasons"` // why it is not a pass
	Build    failure.Build     `json:"build"`
	Seconds  float64           `json:"seconds"`
	Model    *campaign.Model   `json:"model"`
	Runs     *campaign.Summary `json:"runs"`
	Failures []Failure         `json:"failures"`

	failed  []campaign.Failed
	dir     string          // where it was written
	sources *retell.Sources // that its failures are shown in; nil where there are none
	noModel bool            // the job was to leave the model out
	began   time.Time       // of the job
	host    string          // the machine that it ran on
}

// A Failure refers to the file of a failed run.
type Failure struct {
	Seed     uint64          `json:"seed"`
	Verdict  judge.Verdict   `json:"verdict"`
	Findings []judge.Finding `json:"findings"`
	Hash     string          `json:"hash"`
	File     string          `json:"file"`   // in the report's folder
	Replay   string          `json:"replay"` // the command
	// Why explains it; where it is missing though it was asked for, Unexplained says why.
	Why         *why.Explanation `json:"why,omitempty"`
	Unexplained string           `json:"unexplained,omitempty"`
	Page        string           `json:"page,omitempty"` // that shows it, in the report's folder

	steps  map[uint64]node.Action
	behind string // of the command
}

// story tells the explanation on lines of text, none where there is no explanation.
func (f *Failure) story() []string {
	if f.Why == nil {
		return nil
	}
	return retell.Story(f.Why)
}

// New makes the report of a job. Either part may be nil when the job did not get as far; it could not tell then. A job that was
// to leave the model out says so by noModel.
func New(model *campaign.Model, runs *campaign.Summary, noModel bool, took time.Duration) *Report {
	r := &Report{Format: "firstgap report", Version: Version, Verdict: judge.Pass, Reasons: []string{}, Build: failure.ThisBuild(),
		Seconds: took.Seconds(), Model: model, Runs: runs, Failures: []Failure{},
		noModel: model == nil && noModel, began: time.Now().Add(-took), host: hostname()}
	switch {
	case model == nil && noModel:
	case model == nil:
		r.object(judge.CouldNotTell, "the model was not checked")
	default:
		r.object(model.Verdict, model.Reasons...)
	}
	switch {
	case runs == nil:
		r.object(judge.CouldNotTell, "no run was made")
	default:
		r.object(runs.Verdict, runs.Reasons...)
		r.failed = runs.Failures
	}
	for _, f := range r.failed {
		r.Failures = append(r.Failures, Failure{Seed: f.Seed, Verdict: f.Failure.Verdict, Findings: f.Failure.Findings,
			Hash: f.Failure.Hash, File: fileOf(f.Seed), Why: f.Why, Unexplained: f.Unexplained, steps: f.Steps, behind: f.Failure.Needs.Behind()})
	}
	return r
}

// hostname returns the name of this machine, or what reports have where it has none.
func hostname() string {
	name, err := os.Hostname()
	if name = clean(strings.Join(strings.Fields(name), "-")); err != nil || name == "" {
		return "localhost"
	}
	return name
}

func (r *Report) object(v judge.Verdict, reasons ...string) {
	r.Verdict = r.Verdict.Worse(v)
	r.Reasons = append(r.Reasons, reasons...)
}

// pagePath is the path of a failure's page, "" where it has none.
func (r *Report) pagePath(f *Failure) string {
	if f.Page == "" {
		return ""
	}
	return filepath.Join(r.dir, f.Page)
}

// shown are the failures as SARIF shows them, with files that are in the folder.
func (r *Report) shown() []retell.Shown {
	var all []retell.Shown
	for i := range r.Failures {
		f := &r.Failures[i]
		x := retell.Shown{Seed: f.Seed, Findings: f.Findings, Why: f.Why, Steps: f.steps, File: filepath.Join(r.dir, f.File), Page: r.pagePath(f), Replay: f.Replay}
		if r.Runs != nil {
			x.System = r.Runs.System
		}
		all = append(all, x)
	}
	return all
}

func fileOf(seed uint64) string { return fmt.Sprintf("seed-%d.fgt", seed) }

func pageOf(seed uint64) string { return fmt.Sprintf("seed-%d.html", seed) }

// JSON renders report.json.
func (r *Report) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("report.json: %w", err)
	}
	return append(text, '\n'), nil
}
