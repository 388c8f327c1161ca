// Package harnesstest runs a system in go test: many simulated runs under faults, each held against every check that can be made
// of it. A run that fails fails the test, with what was found, and leaves a failure file that is still there when the test
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

	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
)

// Run makes a campaign and fails the test unless it passes. Every failed run that the campaign keeps is reported by itself.
func Run(t testing.TB, o campaign.Options) *campaign.Summary {
	t.Helper()
	s := Campaign(t, o)
	for _, f := range s.Failures {
		t.Error(Describe(t, f))
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

// Describe says what a failing run broke, and how to see it again.
func Describe(t testing.TB, f campaign.Failed) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %s", f.Seed, f.Failure.Verdict)
	for i := range f.Failure.Findings {
		x := &f.Failure.Findings[i]
		fmt.Fprintf(&b, "\n%s: %s\n  breaks: %s\n%s", x.Check, x.Sentence(), x.Guarantee, strings.TrimRight(x.Explain(), "\n"))
	}
	fmt.Fprintf(&b, "\nreplay, by a command that knows the system %s: firstgap replay %s", f.Failure.Needs.System, write(t, f.Failure, f.Seed))
	return b.String()
}

// write writes a failure's file where it outlives the test.
func write(t testing.TB, f *failure.Failure, seed uint64) string {
	t.Helper()
	file := filepath.Join(folder(t), fmt.Sprintf("seed-%d.fgt", seed))
	if err := f.Write(file); err != nil {
		t.Fatal(err)
	}
	return file
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
