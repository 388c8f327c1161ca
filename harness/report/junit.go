package report

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/harness/judge"
)

// The parts of JUnit's XML that GitLab, GitHub's actions and Jenkins read. Names are unique within a class, because
// readers drop duplicates.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
	Skipped *junitSkipped `xml:"skipped"`
	Out     string        `xml:"system-out,omitempty"`
}

// junitSkipped is a check that could not be made, and what it needs.
type junitSkipped struct {
	Message string `xml:"message,attr"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// junitCaseOf makes a test case. What could not be told is an error: a skipped one would look as if it had passed.
func junitCaseOf(class, name string, v judge.Verdict, seconds float64, detail, out string) junitCase {
	c := junitCase{Class: class, Name: clean(name), Time: inSeconds(seconds), Out: clean(out)}
	first, _, _ := strings.Cut(detail, "\n")
	p := &junitProblem{Message: clean(first), Type: string(v), Text: clean(detail)}
	switch v {
	case judge.Pass:
	case judge.Violation:
		c.Failure = p
	default:
		c.Error = p
	}
	return c
}

// clean drops what XML cannot say.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 {
			return r
		}
		return -1
	}, s)
}

func inSeconds(s float64) string { return fmt.Sprintf("%.3f", s) }

// JUnit renders junit.xml: one test case for every invariant of the model, every world, every broken variant and every
// check of the runs.
func (r *Report) JUnit() ([]byte, error) {
	all := junitSuites{Name: "firstgap", Time: inSeconds(r.Seconds)}
	if m := r.Model; m != nil {
		var invariants, worlds, variants []junitCase
		for _, i := range m.Invariants {
			invariants = append(invariants, junitCaseOf("model.invariant", i.Name, i.Verdict, 0, i.Detail,
				fmt.Sprintf("%s\nholds in %d states of %d worlds; caught the broken variants: %s", i.Guarantee, i.States, i.Worlds, orNone(i.Caught))))
		}
		for _, w := range m.Worlds {
			worlds = append(worlds, junitCaseOf("model.world", w.Name, w.Verdict, w.Seconds, w.Detail,
				fmt.Sprintf("%d distinct of %d generated states, depth %d; actions never taken: %s", w.Distinct, w.Generated, w.Depth, orNone(w.Never))))
		}
		for _, v := range m.Variants {
			variants = append(variants, junitCaseOf("model.variant", v.Bug+" is caught", v.Verdict, v.Seconds, v.Detail,
				fmt.Sprintf("violates %s after %d steps, %d states", v.Invariant, len(v.Trace), v.Distinct)))
		}
		all.add("model.invariant", invariants)
		all.add("model.world", worlds)
		all.add("model.variant", variants)
	} else {
		all.add("model", []junitCase{junitCaseOf("model", "model", judge.CouldNotTell, 0, "the model was not checked", "")})
	}
	if s := r.Runs; s != nil {
		var checks []junitCase
		for _, c := range s.Checks {
			one := junitCaseOf("run.check", string(c.Check), c.Verdict, 0, c.Detail,
				fmt.Sprintf("%s\nevaluated in %d runs: %d violations, %d could not tell", c.Guarantee, c.Runs, c.Violations, c.CouldNotTell))
			if c.NotMade != "" {
				one.Error, one.Skipped = nil, &junitSkipped{clean(c.NotMade)}
			}
			checks = append(checks, one)
		}
		checks = append(checks, junitCaseOf("run", "campaign", s.Verdict, s.Seconds, strings.Join(s.Reasons, "\n"), countsLine(s)))
		all.add("run", checks)
	} else {
		all.add("run", []junitCase{junitCaseOf("run", "campaign", judge.CouldNotTell, 0, "no run was made", "")})
	}
	text, err := xml.MarshalIndent(&all, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("junit.xml: %w", err)
	}
	return append([]byte(xml.Header), append(text, '\n')...), nil
}

func (s *junitSuites) add(name string, cases []junitCase) {
	suite := junitSuite{Name: name, Tests: len(cases), Time: "0.000", Cases: cases}
	for _, c := range cases {
		if c.Failure != nil {
			suite.Failures++
		}
		if c.Error != nil {
			suite.Errors++
		}
		if c.Skipped != nil {
			suite.Skipped++
		}
	}
	s.Tests += suite.Tests
	s.Failures += suite.Failures
	s.Errors += suite.Errors
	s.Skipped += suite.Skipped
	s.Suites = append(s.Suites, suite)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
