package report

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/harness/failure/retell"
	"github.com/firstgap/firstgap/harness/judge"
)

// JUnit's XML as the schema for Ant's reports has it (github.com/windyroad/JUnit-Schema), which is the strictest of those that
// CIs go by: what it takes, Jenkins' junit-10.xsd and the readers of GitLab and GitHub's actions take, too. Every attribute and
// element here is one that it demands, but for skipped and message; it has none on testsuites, and no output in a test case. Names
// are unique within a class, because readers drop duplicates.
type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	ID         int             `xml:"id,attr"` // 0, 1, 2, …
	Package    string          `xml:"package,attr"`
	Name       string          `xml:"name,attr"`
	Timestamp  string          `xml:"timestamp,attr"` // when the job began, in UTC: the schema allows no time zone
	Hostname   string          `xml:"hostname,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"` // seconds: the sum of the cases'
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	Out        string          `xml:"system-out"`
	Err        string          `xml:"system-err"` // demanded, and always empty
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"` // seconds; 0.000 where the case was not measured by itself
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
	Skipped *junitSkipped `xml:"skipped"`

	seconds float64
	out     string // for the suite's system-out
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
	c := junitCase{Class: class, Name: clean(name), Time: inSeconds(seconds), seconds: seconds, out: clean(out)}
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

// skip makes a test case of what was not made.
func skip(class, name, why, out string) junitCase {
	return junitCase{Class: class, Name: clean(name), Time: inSeconds(0), Skipped: &junitSkipped{clean(why)}, out: clean(out)}
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
// check of the runs. The seed and the replay command of each failed run that was kept are in the text of what it failed, and in
// the properties of its suite.
func (r *Report) JUnit() ([]byte, error) {
	var all junitSuites
	switch m := r.Model; {
	case m != nil:
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
		all.add(r, "model.invariant", invariants, nil)
		all.add(r, "model.world", worlds, nil)
		all.add(r, "model.variant", variants, nil)
	case r.noModel:
		all.add(r, "model", []junitCase{skip("model", "model", "not checked: the job left the model out", "")}, nil)
	default:
		all.add(r, "model", []junitCase{junitCaseOf("model", "model", judge.CouldNotTell, 0, "the model was not checked", "")}, nil)
	}
	if s := r.Runs; s != nil {
		var checks []junitCase
		for _, c := range s.Checks {
			out := fmt.Sprintf("%s\nevaluated in %d runs: %d violations, %d could not tell", c.Guarantee, c.Runs, c.Violations, c.CouldNotTell)
			if c.Verdict == "" {
				checks = append(checks, skip("run.check", string(c.Check), c.NotMade, out))
				continue
			}
			checks = append(checks, junitCaseOf("run.check", string(c.Check), c.Verdict, 0, joined(c.Detail, r.replays(c.Check)), out))
		}
		reasons := strings.Join(s.Reasons, "\n")
		checks = append(checks, junitCaseOf("run", "campaign", s.Verdict, s.Seconds, joined(reasons, r.replays("")), countsLine(s)))
		all.add(r, "run", checks, r.properties())
	} else {
		all.add(r, "run", []junitCase{junitCaseOf("run", "campaign", judge.CouldNotTell, 0, "no run was made", "")}, nil)
	}
	text, err := xml.MarshalIndent(&all, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("junit.xml: %w", err)
	}
	return append([]byte(xml.Header), append(text, '\n')...), nil
}

// replays says how to see the kept failures again that a check objected to, or all of them.
func (r *Report) replays(c judge.Check) string {
	var lines []string
	for _, f := range r.Failures {
		if c != "" && !slices.ContainsFunc(f.Findings, func(x judge.Finding) bool { return x.Check == c }) {
			continue
		}
		line := fmt.Sprintf("seed %d: %s", f.Seed, f.Verdict)
		if f.Replay != "" {
			line += ": " + f.Replay
		}
		lines = append(lines, line)
		for _, told := range f.story() {
			lines = append(lines, strings.TrimRight("  "+told, " "))
		}
		if page := r.pagePath(&f); page != "" {
			lines = append(lines, "  page: "+page)
		}
	}
	return strings.Join(lines, "\n")
}

func joined(a, b string) string { return strings.Trim(a+"\n"+b, "\n") }

// properties says what was run, and of each failure that was kept what it failed and how to see it again.
func (r *Report) properties() []junitProperty {
	s := r.Runs
	all := []junitProperty{{"system", clean(s.System)}, {"seed", fmt.Sprint(s.Seed)}, {"runs", fmt.Sprint(s.Counts.Runs)}}
	for _, f := range r.Failures {
		var checks []string
		for _, x := range f.Findings {
			if !slices.Contains(checks, string(x.Check)) {
				checks = append(checks, string(x.Check))
			}
		}
		seed := fmt.Sprintf("seed %d", f.Seed)
		all = append(all, junitProperty{seed, clean(fmt.Sprintf("%s: %s", f.Verdict, strings.Join(checks, ", ")))},
			junitProperty{seed + " replay", clean(f.Replay)})
		if f.Why != nil {
			all = append(all, junitProperty{seed + " why", clean(retell.Headline(f.Why))})
		}
		if page := r.pagePath(&f); page != "" {
			all = append(all, junitProperty{seed + " page", clean(page)})
		}
	}
	return all
}

func (s *junitSuites) add(r *Report, name string, cases []junitCase, properties []junitProperty) {
	suite := junitSuite{ID: len(s.Suites), Package: "firstgap", Name: name, Timestamp: r.began.UTC().Format("2006-01-02T15:04:05"),
		Hostname: r.host, Tests: len(cases), Cases: cases, Properties: append([]junitProperty{{"verdict", string(r.Verdict)}}, properties...)}
	var seconds float64
	var out strings.Builder
	for _, c := range cases {
		seconds += c.seconds
		if c.Failure != nil {
			suite.Failures++
		}
		if c.Error != nil {
			suite.Errors++
		}
		if c.Skipped != nil {
			suite.Skipped++
		}
		if c.out != "" {
			fmt.Fprintf(&out, "%s: %s\n", c.Name, c.out)
		}
	}
	suite.Time, suite.Out = inSeconds(seconds), out.String()
	s.Suites = append(s.Suites, suite)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
