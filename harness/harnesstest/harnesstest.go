// Package harnesstest runs a system in go test: many simulated runs under faults, each held against every check that can be made
// of it. A run that fails fails the test, with what was found and why, and leaves a failure file that is still there when the test
// has ended.
//
//	func TestMySystem(t *testing.T) {
//		harnesstest.Run(t, campaign.Options{System: mysystem.System(), Runs: 200})
//	}
//
// Use package campaign instead when a program makes the runs outside of go test.
package harnesstest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/page"
	"github.com/firstgap/firstgap/harness/judge"
)

// explainFor is how long one failure is explained, at most, when the caller does not say.
const explainFor = 15 * time.Second

// Run makes a campaign and fails the test unless it passes. Every failed run that the campaign keeps is reported by itself, and the
// first ones are explained, each for 15 s at most: o.Explain says otherwise, with a negative For for not at all.
func Run(t testing.TB, o campaign.Options) *campaign.Summary {
	t.Helper()
	if o.Explain.For == 0 {
		o.Explain.For = patience(t)
	}
	s := Campaign(t, o)
	for _, f := range s.Failures {
		t.Error(describe(t, f, fileOf(t, f.Seed)) + shown(t, o.System, f))
	}
	if s.Verdict != judge.Pass {
		t.Fatalf("%d runs of %s: %s: %s", s.Counts.Runs, s.System, s.Verdict, strings.Join(s.Reasons, "; "))
	}
	return s
}

// Campaign makes a campaign and leaves to the test what to make of it. Each failed run's file is written when it is found.
func Campaign(t testing.TB, o campaign.Options) *campaign.Summary {
	t.Helper()
	failed := o.Failed
	o.Failed = func(f campaign.Failed) error {
		t.Logf("a failure: %s", write(t, f.Failure, f.Seed))
		if failed != nil {
			return failed(f)
		}
		return nil
	}
	s, err := campaign.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Describe says what a failing run broke, and how to see it again. It writes the failure's file.
func Describe(t testing.TB, f campaign.Failed) string {
	t.Helper()
	return describe(t, f, write(t, f.Failure, f.Seed))
}

// describe is Describe of a failure whose file is written.
func describe(t testing.TB, f campaign.Failed, file string) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %s", f.Seed, f.Failure.Verdict)
	for i := range f.Failure.Findings {
		x := &f.Failure.Findings[i]
		fmt.Fprintf(&b, "\n%s: %s\n  breaks: %s\n%s", x.Check, x.Sentence(), x.Guarantee, strings.TrimRight(x.Explain(), "\n"))
	}
	if f.Why != nil {
		b.WriteString("\n\nwhy\n")
		if err := f.Why.WriteText(&b); err != nil {
			t.Fatal(err) // a builder takes everything
		}
	}
	if f.Unexplained != "" {
		fmt.Fprintf(&b, "\nnot explained: %s", f.Unexplained)
	}
	fmt.Fprintf(&b, "\nreplay, by a command that knows the system %s: firstgap replay %s", f.Failure.Needs.System, file)
	return b.String()
}

// patience is how long one failure may be explained: not so long that the test would be ended for it.
func patience(t testing.TB) time.Duration {
	limited, is := t.(interface{ Deadline() (time.Time, bool) })
	if !is {
		return explainFor
	}
	end, has := limited.Deadline()
	if !has {
		return explainFor
	}
	return min(explainFor, time.Until(end)/(4*campaign.DefaultExplained))
}

// shown draws the page of a failure that was explained, and says where it is.
func shown(t testing.TB, system harness.System, f campaign.Failed) string {
	t.Helper()
	if f.Why == nil {
		return ""
	}
	p, err := page.Of(system, f.Why)
	if err != nil {
		return fmt.Sprintf("\nno page: %v", err)
	}
	file := filepath.Join(folder(t), fmt.Sprintf("seed-%d.html", f.Seed))
	if err := p.WriteFile(file); err != nil {
		return fmt.Sprintf("\nno page: %v", err)
	}
	return "\npage: " + file
}

// write writes a failure's file where it outlives the test.
func write(t testing.TB, f *failure.Failure, seed uint64) string {
	t.Helper()
	file := fileOf(t, seed)
	if err := f.Write(file); err != nil {
		t.Fatal(err)
	}
	return file
}

// fileOf is the path of a failure's file.
func fileOf(t testing.TB, seed uint64) string {
	t.Helper()
	return filepath.Join(folder(t), fmt.Sprintf("seed-%d.fgt", seed))
}

// folder is the test's folder for artifacts where `go test -artifacts` keeps it; otherwise one of the machine's folder for
// temporary files, because the test's own is gone when the test has ended, and a replay command that names a file in it
// would point at nothing.
func folder(t testing.TB) string {
	t.Helper()
	if keep := flag.Lookup("test.artifacts"); keep != nil && keep.Value.String() == "true" {
		return t.ArtifactDir()
	}
	dir := filepath.Join(os.TempDir(), "firstgap", strings.NewReplacer("/", "-", " ", "-").Replace(t.Name()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
