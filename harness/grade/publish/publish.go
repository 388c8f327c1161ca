// Package publish turns the result of a grading into what course systems read: Gradescope, Classroom 50, GitHub's autograding,
// JUnit, Markdown, a page of HTML, and a table for the terminal. Each is a fold over one grade.Result.
//
// What is published is for students: of tests whose seeds are the course's secret it says what was broken, and neither the run nor
// its faults (grade.Result.ForStudents). Text alone is for whoever graded, and shows all.
//
// Use the result itself (its JSON) instead when a program of your own reads it: it has more in it than any of these formats.
package publish

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/grade"
)

// A Format is what a course system reads.
type Format string

// The formats.
const (
	Gradescope  Format = "gradescope"
	Classroom50 Format = "classroom50"
	GitHub      Format = "github"
	JUnit       Format = "junit"
	Markdown    Format = "markdown"
	HTML        Format = "html"
)

// Formats lists all formats.
func Formats() []Format {
	return []Format{Gradescope, Classroom50, GitHub, JUnit, Markdown, HTML}
}

// Named returns the format of a name.
func Named(name string) (Format, error) {
	var known []string
	for _, f := range Formats() {
		if string(f) == name {
			return f, nil
		}
		known = append(known, string(f))
	}
	return "", &faults.UnknownError{What: "format", Found: name, Known: known}
}

// File is the name that the format's readers look for, or the one that it usually has.
func (f Format) File() string {
	switch f {
	case Gradescope:
		return "results.json"
	case Classroom50:
		return "classroom50.json"
	case GitHub:
		return "github-output"
	case JUnit:
		return "junit.xml"
	case Markdown:
		return "summary.md"
	case HTML:
		return "result.html"
	}
	panic("publish: a format without a file: " + string(f)) // all that Named knows have one
}

// Options are what formats ask for that a result does not have.
type Options struct {
	Now      time.Time // when it was graded, for formats that demand a time; a result has none
	Identity Identity  // of Classroom50
}

// Write writes a result in a format.
func (f Format) Write(w io.Writer, r *grade.Result, o Options) error {
	r = r.ForStudents()
	var text []byte
	var err error
	switch f {
	case Gradescope:
		text, err = gradescope(r)
	case Classroom50:
		text, err = classroom50(r, o)
	case GitHub:
		text, err = gitHub(r)
	case JUnit:
		text, err = junit(r, o)
	case Markdown:
		text = markdown(r)
	case HTML:
		text, err = page(r)
	default:
		_, err = Named(string(f))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f, err)
	}
	_, err = w.Write(text)
	return err
}

// A row is a test, or the break-point, as tables have it.
type row struct {
	Name, Rule, Section string
	Public, Passed      bool
	Score, Most         int
	Runs                int
	Says                string
	Page, Replay        string
}

// rows lists the tests and the break-point.
func rows(r *grade.Result) []row {
	var all []row
	for i := range r.Tests {
		t := &r.Tests[i]
		all = append(all, row{t.Name, t.Rule, t.Section, t.Public, t.Passed, t.Score, t.Most, t.Runs, t.Says, t.Page, t.Replay})
	}
	if b := r.BreakPoint; b != nil {
		all = append(all, row{Name: grade.BreakPointName, Rule: "how many faults at once it takes to break it", Passed: b.Score == b.Most,
			Score: b.Score, Most: b.Most, Says: b.Says, Page: b.Page, Replay: b.Replay})
	}
	return all
}

// notes are sentences on the whole of a result.
func notes(r *grade.Result) []string {
	var all []string
	if r.Problem != "" {
		all = append(all, "Nothing was graded: "+r.Problem)
	}
	if r.Unfinished {
		all = append(all, "The grading has not ended: what is missing counts nothing yet.")
	}
	if len(r.Flaky) > 0 {
		var names []string
		for _, f := range r.Flaky {
			name, _, _ := strings.Cut(f, ":")
			names = append(names, name)
		}
		all = append(all, "It is not the same twice, and scores 0 there: "+strings.Join(names, ", ")+".")
	}
	switch r.Hidden {
	case grade.Known:
		all = append(all, "No secret was given: the seeds of the hidden tests are known.")
	case grade.LeftOut:
		all = append(all, "These are the public tests alone.")
	}
	return all
}

// visible drops what a terminal, JSON or XML would take for more than text: control characters, but for ends of lines and tabs.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0xffff:
			return '�'
		case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069: // they turn the direction of what follows
			return '�'
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
}
