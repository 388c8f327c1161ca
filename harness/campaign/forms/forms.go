// Package forms writes what a campaign found in the forms that CIs read, into a folder of its own in the campaign's: JUnit's XML with a case
// for every check, a SARIF log with a result for every failure, and a summary in Markdown.
//
// Use package report instead when a number of runs was made and nothing is kept, and package serve when people look at a campaign.
package forms

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/atomic"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/campaign/fuzz"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/ci"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/retell"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/report"
)

// Folder is where the forms are, below a campaign's folder.
const Folder = "report"

// Files of the folder.
const (
	JUnit   = "junit.xml"
	SARIF   = "report.sarif"
	Summary = "summary.md"
	Quality = "code-quality.json" // which only GitLab reads
)

// Begin takes away the forms that an earlier process left: should this one be killed, they are not taken for its own. A folder without
// any is no error.
func Begin(folder string) error { return remove(folder, JUnit, SARIF, Summary, Quality) }

// BeginAgain is Begin for what is run again.
func BeginAgain(folder string) error { return remove(folder, AgainSummary, AgainQuality) }

func remove(folder string, names ...string) error {
	var broken error
	for _, name := range names {
		if err := os.Remove(filepath.Join(folder, Folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			broken = errors.Join(broken, err)
		}
	}
	return broken
}

// Forms are what a campaign found, as CIs are told it.
type Forms struct {
	Result  *ci.Result
	Summary []byte // in Markdown, cut at what GitHub takes

	dir, quality string
}

// Write writes junit.xml, report.sarif and summary.md, each beside its old one and then in its place. The checkout is the folder of the
// repository, "" where it is not known. Source lines are those of the module that the program works in. It tries to write them all, and
// returns every error; a failure whose file cannot be read is among the results without its line, and is no error.
func Write(folder string, s *fuzz.Summary, about harness.About, checkout string) (*Forms, error) {
	f := &Forms{dir: filepath.Join(folder, Folder), quality: Quality}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return nil, err
	}
	all := shown(folder, s)
	var sources *retell.Sources
	if len(all) > 0 {
		sources, _ = retell.ReadSources(".") // a program that is run elsewhere has none, and that is no reason to report less
	}
	f.Result = &ci.Result{Verdict: s.Verdict, Reasons: s.Reasons, Checkout: checkout, Whole: folder}
	for i := range all {
		f.Result.Problems = append(f.Result.Problems, retell.ProblemOf(&all[i], sources))
	}
	var sarif bytes.Buffer
	broken := retell.SARIF(&sarif, all, sources, failure.ThisBuild())
	junit, err := report.New(nil, tallied(s, about, all), true, time.Duration(s.Seconds*float64(time.Second))).JUnit()
	broken = errors.Join(broken, err)
	var text bytes.Buffer
	broken = errors.Join(broken, s.WriteText(&text, folder))
	f.Summary = ci.Truncated(markdown("a campaign", s.Verdict, s.Reasons, all, text.String()), ci.MaxSummary, folder)
	for _, file := range []struct {
		name string
		text []byte
	}{{JUnit, junit}, {SARIF, sarif.Bytes()}, {Summary, f.Summary}} {
		broken = errors.Join(broken, atomic.Write(filepath.Join(f.dir, file.name), file.text))
	}
	return f, broken
}

// CodeQuality writes the report that GitLab shows beside the code.
func (f *Forms) CodeQuality(r *ci.Result) error {
	var b bytes.Buffer
	if err := r.CodeQuality(&b); err != nil {
		return err
	}
	return atomic.Write(filepath.Join(f.dir, f.quality), b.Bytes())
}

// shown lists the failures: those that were looked at, one for each cause, and for what failed and was not looked at the first.
func shown(folder string, s *fuzz.Summary) []retell.Shown {
	var all []retell.Shown
	for i := range s.Failures {
		k := &s.Failures[i]
		x := retell.Shown{System: s.Header.System, File: folder}
		for _, file := range k.Files {
			path := filepath.Join(folder, "failures", file.Name)
			switch file.Role {
			case "file":
				x.File, x.Replay = path, "firstgap replay "+path+s.Header.Needs.Behind()
			case "page":
				x.Page = path
			}
		}
		if kept, err := failure.Read(x.File); err == nil {
			x.Seed, x.Findings = kept.Configuration.Seed, kept.Findings
		}
		if k.Target.Among(x.Findings) == nil {
			x.Findings = []judge.Finding{finding(k.Target, k.Sentence)}
		}
		all = append(all, x)
	}
	for i := range s.Fold.Failures {
		k := &s.Fold.Failures[i]
		if k.Target.Verdict == judge.Violation && !looked(s, k.Target) {
			all = append(all, retell.Shown{System: s.Header.System, File: folder, Findings: []judge.Finding{finding(k.Target, fmt.Sprintf("run %d: %s", k.First, k.Finding))}})
		}
	}
	return all
}

func looked(s *fuzz.Summary, t failure.Target) bool {
	return slices.ContainsFunc(s.Failures, func(k store.Failure) bool { return k.Target == t })
}

// finding is what is known of a failure without its file.
func finding(t failure.Target, sentence string) judge.Finding {
	return judge.Finding{Check: t.Check, Rule: t.Rule, Kind: t.Kind, Verdict: t.Verdict, Guarantee: judge.Guarantee(t.Check), Subject: sentence}
}

// tallied is the campaign as a number of runs, for the forms that have a case for each check.
func tallied(s *fuzz.Summary, about harness.About, all []retell.Shown) *campaign.Summary {
	c := &campaign.Summary{System: s.Header.System, Gives: about.Gives, Verdict: s.Verdict, Reasons: s.Reasons, Seed: s.Header.Seed, Stop: campaign.Stop(s.Stop),
		Seconds: s.Seconds, Counts: s.Counts, Unseen: s.Unseen}
	for _, a := range s.Fold.Arms {
		c.Failed += a.Verdicts[judge.Violation]
		c.Untold += a.Verdicts[judge.CouldNotTell]
	}
	_, not := about.Checks()
	for at, check := range s.Header.Checks {
		if !slices.Contains(judge.ChecksOf(about.Gives), check) {
			continue
		}
		t := campaign.Tally{Check: check, Guarantee: judge.Guarantee(check), Runs: s.Fold.Checks[at]}
		var detail []string
		for _, k := range s.Fold.Failures {
			switch {
			case k.Target.Check != check:
				continue
			case k.Target.Verdict == judge.Violation:
				t.Violations += k.Count
			default:
				t.CouldNotTell += k.Count
			}
			detail = append(detail, fmt.Sprintf("%s: %d runs, first run %d: %s", k.Target, k.Count, k.First, k.Finding))
		}
		for i := range all {
			if x := &all[i]; x.Replay != "" && slices.ContainsFunc(x.Findings, func(f judge.Finding) bool { return f.Check == check }) {
				detail = append(detail, x.Replay)
			}
		}
		t.Detail = strings.Join(detail, "\n")
		switch {
		case t.Violations > 0:
			t.Verdict = judge.Violation
		case t.CouldNotTell > 0:
			t.Verdict = judge.CouldNotTell
		case t.Runs > 0:
			t.Verdict = judge.Pass
		default:
			t.NotMade = fmt.Sprintf("not checked: no run of %d had what it needs", s.Fold.Lines)
			if i := slices.IndexFunc(not, func(n judge.NotMade) bool { return n.Check == check }); i >= 0 {
				t.NotMade = not[i].String()
			}
		}
		c.Checks = append(c.Checks, t)
	}
	if m := s.Fold.Arms[job.Model]; m != nil {
		// Walks decide nothing, so that they are no case; what they broke is a failure as any other.
		c.Untold -= m.Verdicts[judge.CouldNotTell]
	}
	return c
}

// markdown is the summary for people: what the terminal shows, as it is, behind the verdict and the failures.
func markdown(what string, v judge.Verdict, reasons []string, all []retell.Shown, text string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "## firstgap, %s: %s\n\n", what, v)
	for _, reason := range reasons {
		fmt.Fprintf(&b, "- %s\n", plain(reason))
	}
	for i := range all {
		x := &all[i]
		p := retell.ProblemOf(x, nil)
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", plain(p.Rule), plain(p.Headline))
		if x.Replay != "" {
			fmt.Fprintf(&b, "\n    %s\n", strings.Join(strings.Fields(x.Replay), " ")) // indented by four, it is shown as it is
		}
	}
	b.WriteString("\n")
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight("    "+strings.TrimRight(line, "\n"), " ") + "\n")
	}
	return []byte(b.String())
}

// plain keeps a text on its line, and from being markup.
func plain(s string) string {
	return strings.NewReplacer("\n", " ", "<", "&lt;", "|", "\\|").Replace(s)
}
