// Package ci tells a CI what failed in the forms that it shows beside the code: GitHub's annotations and step summary, and GitLab's code
// quality report. Each form is kept within what its reader takes, and says what was cut.
//
// Use package report instead when the files of a whole job are to be written; it has SARIF and JUnit's XML, which either CI reads.
package ci

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/firstgap/firstgap/harness/failure/retell"
	"github.com/firstgap/firstgap/harness/judge"
)

// A Host is the CI that a program runs in.
type Host string

// The hosts.
const (
	GitHub Host = "GitHub Actions"
	GitLab Host = "GitLab CI"
	Plain  Host = "no CI that is known" // a terminal, or a CI that reads files alone
)

// HostOf returns the host that the environment names.
func HostOf(env func(string) string) Host {
	switch {
	case env("GITHUB_ACTIONS") == "true":
		return GitHub
	case env("GITLAB_CI") == "true":
		return GitLab
	}
	return Plain
}

// Checkout is the folder that the host has the repository in, "" where it does not say: paths that it is told are relative to it.
func (h Host) Checkout(env func(string) string) string {
	switch h {
	case GitHub:
		return env("GITHUB_WORKSPACE")
	case GitLab:
		return env("CI_PROJECT_DIR")
	}
	return ""
}

// A Result is how a job ended, as a CI is told it.
type Result struct {
	Verdict  judge.Verdict
	Reasons  []string // why it is not a pass
	Problems []retell.Problem
	Checkout string // the folder of the repository; "" where it is not known
	Whole    string // where all of it is: a folder or file
}

// path makes a path relative to the checkout where it is below it.
func (r *Result) path(p string) string {
	if r.Checkout != "" && filepath.IsAbs(p) {
		if relative, err := filepath.Rel(r.Checkout, p); err == nil && filepath.IsLocal(relative) {
			p = relative
		}
	}
	return filepath.ToSlash(p)
}

// A rule is one that was broken: the first failure by it, and how many there are.
type rule struct {
	*retell.Problem
	failures int
}

// rules lists the rules that were broken, in the order of their first failures. A CI shows little, and one rule that is often broken
// would hide the others.
func (r *Result) rules() []rule {
	var all []rule
	at := map[string]int{}
	for i := range r.Problems {
		p := &r.Problems[i]
		n, known := at[p.Fingerprint]
		if !known {
			n = len(all)
			at[p.Fingerprint] = n
			all = append(all, rule{Problem: p})
		}
		all[n].failures++
	}
	return all
}

// sentence says what is wrong and how to see it again.
func (r *rule) sentence() string {
	s := r.Headline
	if r.Replay != "" { // otherwise it was not looked at, and its seed is not known
		s += fmt.Sprintf(" (seed %d); again: %s", r.Seed, r.Replay)
	}
	if r.failures > 1 {
		s += fmt.Sprintf("; %d failures by this rule", r.failures)
	}
	return s
}

// title of what is said of the job, and not of one problem.
func title(v judge.Verdict) string { return "firstgap: " + string(v) }

// cut bounds a text in bytes, at a rune, and marks that it was.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	const mark = "…"
	return strings.ToValidUTF8(s[:most-len(mark)], "") + mark
}
