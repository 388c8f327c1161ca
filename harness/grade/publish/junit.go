package publish

import (
	"encoding/xml"
	"strings"

	"github.com/firstgap/firstgap/harness/grade"
)

// JUnit's XML as the schema for Ant's reports has it, which is the strictest of those that CIs go by (see package report).
type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	ID         int             `xml:"id,attr"`
	Package    string          `xml:"package,attr"`
	Name       string          `xml:"name,attr"`
	Timestamp  string          `xml:"timestamp,attr"`
	Hostname   string          `xml:"hostname,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	Out        string          `xml:"system-out"`
	Err        string          `xml:"system-err"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure"`
	Error   *junitFailure `xml:"error"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

func junit(r *grade.Result, o Options) ([]byte, error) {
	s := junitSuite{Package: "firstgap", Name: labOf(r), Timestamp: o.Now.UTC().Format("2006-01-02T15:04:05"), Hostname: "localhost", Time: "0.000",
		Properties: []junitProperty{{"score", scoreOf(r)}, {"submission", visible(r.Submission)}}, Out: visible(strings.Join(notes(r), "\n"))}
	for _, x := range rows(r) {
		c := junitCase{Class: labOf(r), Name: x.Name, Time: "0.000"}
		if !x.Passed {
			says := x.Says
			if r.Problem != "" {
				says = r.Problem
			}
			first, _, _ := strings.Cut(says, "\n")
			f := &junitFailure{Message: visible(first), Type: "lost marks", Text: visible(x.Rule + "\n" + says)}
			if r.Unfinished && x.Says == "" {
				// Nobody knows yet; that it would be a failure is not true, and that it passed even less.
				f.Type, f.Message, c.Error = "not graded", "not graded", f
				s.Errors++
			} else {
				c.Failure = f
				s.Failures++
			}
		}
		s.Cases = append(s.Cases, c)
	}
	s.Tests = len(s.Cases)
	text, err := xml.MarshalIndent(junitSuites{Suites: []junitSuite{s}}, "", "  ")
	return append([]byte(xml.Header), append(text, '\n')...), err
}
