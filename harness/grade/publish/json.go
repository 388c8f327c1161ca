package publish

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/harness/grade"
)

// indented is JSON that people can read.
func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

// Gradescope's results.json (gradescope-autograders.readthedocs.io/en/latest/specs). A hidden test is shown with its score and
// without its runs: to hide one of them from students hides the sum, too.
type gradescopeResults struct {
	Score            int              `json:"score"`
	Output           string           `json:"output"`
	OutputFormat     string           `json:"output_format"`
	TestOutputFormat string           `json:"test_output_format"`
	TestNameFormat   string           `json:"test_name_format"`
	Visibility       string           `json:"visibility"`
	StdoutVisibility string           `json:"stdout_visibility"`
	ExtraData        map[string]any   `json:"extra_data"`
	Tests            []gradescopeTest `json:"tests"`
}

type gradescopeTest struct {
	Score      int      `json:"score"`
	MaxScore   int      `json:"max_score"`
	Status     string   `json:"status"`
	Name       string   `json:"name"`
	Number     string   `json:"number"`
	Output     string   `json:"output"`
	Tags       []string `json:"tags"`
	Visibility string   `json:"visibility"`
}

func gradescope(r *grade.Result) ([]byte, error) {
	g := gradescopeResults{Score: r.Score, Output: visible(strings.Join(notes(r), "\n")), OutputFormat: "text", TestOutputFormat: "text", TestNameFormat: "text",
		Visibility: "visible", StdoutVisibility: "hidden", ExtraData: map[string]any{"lab": r.Lab, "format": r.Format}, Tests: []gradescopeTest{}}
	for i, x := range rows(r) {
		t := gradescopeTest{Score: x.Score, MaxScore: x.Most, Status: "failed", Name: x.Name, Number: fmt.Sprint(i + 1), Output: visible(x.Rule), Tags: []string{"hidden"}, Visibility: "visible"}
		if x.Passed {
			t.Status = "passed"
		}
		if x.Public {
			t.Tags = []string{"public"}
		}
		if x.Says != "" {
			t.Output += "\n\n" + visible(x.Says)
		}
		g.Tests = append(g.Tests, t)
	}
	return indented(g)
}

// An Identity says whose submission it is, for Classroom 50. Its runner tells it to the grader in the environment.
type Identity struct {
	Classroom  string // CLASSROOM
	Assignment string // ASSIGNMENT
	Type       string // ASSIGNMENT_TYPE: individual or group
	Owner      string // OWNER
	Tag        string // SUBMISSION_TAG: begins with submit/
	Commit     string // COMMIT_URL
	Release    string // RELEASE_URL
	Review     string // REVIEW_URL; that of the commit where it is empty
}

// IdentityOf reads an identity from the environment.
func IdentityOf(env func(string) string) Identity {
	i := Identity{Classroom: env("CLASSROOM"), Assignment: env("ASSIGNMENT"), Type: env("ASSIGNMENT_TYPE"), Owner: env("OWNER"), Tag: env("SUBMISSION_TAG"),
		Commit: env("COMMIT_URL"), Release: env("RELEASE_URL"), Review: env("REVIEW_URL")}
	if i.Review == "" {
		i.Review = i.Commit
	}
	return i
}

// An IdentityError says what Classroom 50 must be told and was not.
type IdentityError struct {
	Field string // of result.json
	Found string
	Want  string
}

func (e *IdentityError) Error() string {
	return fmt.Sprintf("%s is %q; expected %s; its runner gives it to the grader in the environment", e.Field, e.Found, e.Want)
}

func (i *Identity) validate() error {
	for _, f := range [][2]string{{"classroom", i.Classroom}, {"assignment", i.Assignment}, {"owner", i.Owner}, {"commit", i.Commit}, {"release", i.Release}, {"review", i.Review}} {
		if f[1] == "" {
			return &IdentityError{f[0], "", "a name or an address"}
		}
	}
	if i.Type != "individual" && i.Type != "group" {
		return &IdentityError{"assignment_type", i.Type, "individual or group"}
	}
	if !strings.HasPrefix(i.Tag, "submit/") {
		return &IdentityError{"submission", i.Tag, "a tag that begins with submit/"}
	}
	return nil
}

// Classroom 50's result.json (schema classroom50/result/v1). Its runner overwrites the times with its own.
type classroom50Result struct {
	Schema     string            `json:"schema"`
	Classroom  string            `json:"classroom"`
	Assignment string            `json:"assignment"`
	Type       string            `json:"assignment_type"`
	Owner      string            `json:"owner"`
	Submission string            `json:"submission"`
	Commit     string            `json:"commit"`
	Release    string            `json:"release"`
	Review     string            `json:"review"`
	Datetime   string            `json:"datetime"`
	GradedAt   string            `json:"graded_at"`
	Score      int               `json:"score"`
	MaxScore   int               `json:"max-score"`
	Tests      []classroom50Test `json:"tests"`
}

type classroom50Test struct {
	Name     string `json:"test-name"`
	Passed   bool   `json:"passed"`
	Score    int    `json:"score"`
	MaxScore int    `json:"max-score"`
	Output   string `json:"output,omitempty"` // fields that it does not know are kept
}

func classroom50(r *grade.Result, o Options) ([]byte, error) {
	i := o.Identity
	if err := i.validate(); err != nil {
		return nil, err
	}
	now := o.Now.UTC().Format("2006-01-02T15:04:05Z")
	c := classroom50Result{Schema: "classroom50/result/v1", Classroom: i.Classroom, Assignment: i.Assignment, Type: i.Type, Owner: i.Owner, Submission: i.Tag,
		Commit: i.Commit, Release: i.Release, Review: i.Review, Datetime: now, GradedAt: now, Score: r.Score, MaxScore: r.Most, Tests: []classroom50Test{}}
	for _, x := range rows(r) {
		says := x.Says
		if r.Problem != "" {
			says = r.Problem
		}
		c.Tests = append(c.Tests, classroom50Test{x.Name, x.Passed, x.Score, x.Most, visible(says)})
	}
	return indented(c)
}

// What GitHub's autograding-grading-reporter reads of each runner, in base64, from the environment. A runner for each test: the
// reporter's table gives a runner's marks by the share of its tests that pass, and never by their scores.
type gitHubRunner struct {
	Version  int          `json:"version"`
	Status   string       `json:"status"` // pass, fail, error
	MaxScore int          `json:"max_score"`
	Tests    []gitHubTest `json:"tests"`
}

type gitHubTest struct {
	Name     string `json:"name"`
	Status   string `json:"status"`
	Score    int    `json:"score"`
	Message  string `json:"message"`
	TestCode string `json:"test_code"`
	Filename string `json:"filename"`
	LineNo   int    `json:"line_no"`
	Duration int    `json:"duration"`
}

// gitHub writes a line NAME=BASE64 for each test, which a step appends to the file that GITHUB_OUTPUT names.
func gitHub(r *grade.Result) ([]byte, error) {
	var b bytes.Buffer
	for _, x := range rows(r) {
		t := gitHubTest{Name: x.Name, Status: "fail", Score: x.Score, Message: visible(x.Says), TestCode: visible(x.Rule)}
		if r.Problem != "" {
			t.Message = visible(r.Problem)
		}
		if x.Passed {
			t.Status = "pass"
		}
		text, err := json.Marshal(gitHubRunner{Version: 1, Status: t.Status, MaxScore: x.Most, Tests: []gitHubTest{t}})
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s=%s\n", x.Name, base64.StdEncoding.EncodeToString(text))
	}
	return b.Bytes(), nil
}
