package publish_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/grade"
	"github.com/firstgap/firstgap/harness/grade/publish"
)

// lost is the result of a submission that has lost some marks, and has a name as hostile as a file system takes.
func lost() *grade.Result {
	return &grade.Result{Format: grade.Format, Lab: 1, Title: "The versioned quorum register", Submission: "=cmd|' /C calc'!A0<script>alert(1)</script>\x1b[2J `@you`", Score: 36, Most: 100,
		Tests: []grade.Test{
			{Name: "reads", Rule: "a read returns the newest write", Section: "3.1", Public: true, Passed: true, Score: 20, Most: 20, Runs: 6},
			{Name: "crash", Rule: "what was acknowledged is on the disk", Section: "3.2", Most: 30, Runs: 4, Failed: 1,
				Says:  "At 30 ms replica 1 found nothing & <b>lost</b> it\nallowed instead: To find \"c3.4\" ```.\nagain: firstgap replay crash.fgt -- python3 a-very-long-name/of-a-program/that-goes-on.py --and --its --flags",
				Broke: "every call seems to take effect at one moment", Page: "crash.html", Replay: "crash.fgt"},
		},
		BreakPoint: &grade.BreakPoint{Faults: 1, Steps: 1, Set: []string{"at 20ms, replica 1 dies and starts again after 1ms"}, Kinds: []string{"crash"}, Score: 16, Most: 50,
			Says: "it breaks with 1 fault: crash\nas in crash", Page: "../../secret.html", Replay: "crash.fgt"},
		Hidden: grade.Known}
}

func full() *grade.Result {
	r := lost()
	r.Submission, r.Score = "anna", 100
	r.Tests[1] = grade.Test{Name: "crash", Rule: "what was acknowledged is on the disk", Passed: true, Score: 30, Most: 30}
	r.BreakPoint = &grade.BreakPoint{Faults: -1, Steps: 3, Score: 50, Most: 50, Says: "nothing that was tried broke it, up to 3 faults at once"}
	return r
}

// refused is a submission of which nothing was graded.
func refused() *grade.Result {
	r := lost()
	r.Score, r.Problem = 0, "line 1 of its answer is not JSON: \"hello\""
	for i := range r.Tests {
		r.Tests[i] = grade.Test{Name: r.Tests[i].Name, Rule: r.Tests[i].Rule, Most: r.Tests[i].Most}
	}
	r.BreakPoint = &grade.BreakPoint{Faults: -1, Steps: -1, Most: 50, Says: "not looked for"}
	return r
}

func options() publish.Options {
	env := map[string]string{"CLASSROOM": "db", "ASSIGNMENT": "lab-1", "ASSIGNMENT_TYPE": "individual", "OWNER": "anna", "SUBMISSION_TAG": "submit/20261129-ab12cd3",
		"COMMIT_URL": "https://host.example/c", "RELEASE_URL": "https://host.example/r"}
	return publish.Options{Now: time.Date(2026, 11, 29, 17, 4, 5, 0, time.UTC), Identity: publish.IdentityOf(func(k string) string { return env[k] })}
}

func written(t *testing.T, f publish.Format, r *grade.Result) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, f.Write(&b, r, options()), f)
	require.True(t, utf8.Valid(b.Bytes()), f)
	return b.String()
}

func schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".schema.json")
	require.NoError(t, err)
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource(name, parsed))
	s, err := c.Compile(name)
	require.NoError(t, err)
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, text string) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(t, err)
	require.NoError(t, s.Validate(value), text)
}

func TestEachFormatKeepsToItsDocumentedFields(t *testing.T) {
	for _, r := range []*grade.Result{full(), lost(), refused()} {
		valid(t, schema(t, "gradescope"), written(t, publish.Gradescope, r))
		valid(t, schema(t, "classroom50"), written(t, publish.Classroom50, r))
		for line := range strings.Lines(written(t, publish.GitHub, r)) {
			name, encoded, cut := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			require.True(t, cut)
			require.Regexp(t, `^[a-z-]+$`, name)
			text, err := base64.StdEncoding.DecodeString(encoded)
			require.NoError(t, err)
			valid(t, schema(t, "github"), string(text))
		}
	}
}

// The sum of the tests is the score in every format: a reader that adds up by itself gets the same.
func TestTheSumOfTheTestsIsTheScore(t *testing.T) {
	for _, r := range []*grade.Result{full(), lost(), refused()} {
		var g struct {
			Score int
			Tests []struct {
				Score int
				Max   int `json:"max_score"`
			}
		}
		require.NoError(t, json.Unmarshal([]byte(written(t, publish.Gradescope, r)), &g))
		sum, most := 0, 0
		for _, x := range g.Tests {
			sum, most = sum+x.Score, most+x.Max
		}
		require.Equal(t, []int{r.Score, r.Most, r.Score}, []int{sum, most, g.Score})
		var c struct {
			Score int
			Most  int `json:"max-score"`
			Tests []struct {
				Score int
				Most  int `json:"max-score"`
			}
		}
		require.NoError(t, json.Unmarshal([]byte(written(t, publish.Classroom50, r)), &c))
		sum, most = 0, 0
		for _, x := range c.Tests {
			sum, most = sum+x.Score, most+x.Most
		}
		require.Equal(t, []int{c.Score, c.Most}, []int{sum, most})
		sum, most = 0, 0
		for line := range strings.Lines(written(t, publish.GitHub, r)) {
			_, encoded, _ := strings.Cut(strings.TrimSpace(line), "=")
			text, err := base64.StdEncoding.DecodeString(encoded)
			require.NoError(t, err)
			var x struct {
				Max   int `json:"max_score"`
				Tests []struct{ Score int }
			}
			require.NoError(t, json.Unmarshal(text, &x))
			sum, most = sum+x.Tests[0].Score, most+x.Max
		}
		require.Equal(t, []int{r.Score, r.Most}, []int{sum, most})
	}
}

func TestJUnitIsWhole(t *testing.T) {
	for _, r := range []*grade.Result{full(), lost(), refused()} {
		var suites struct {
			Suites []struct {
				Tests     int    `xml:"tests,attr"`
				Failures  int    `xml:"failures,attr"`
				Timestamp string `xml:"timestamp,attr"`
				Cases     []struct {
					Name    string `xml:"name,attr"`
					Failure *struct {
						Text string `xml:",chardata"`
					} `xml:"failure"`
				} `xml:"testcase"`
			} `xml:"testsuite"`
		}
		require.NoError(t, xml.Unmarshal([]byte(written(t, publish.JUnit, r)), &suites))
		require.Len(t, suites.Suites, 1)
		s := suites.Suites[0]
		require.Equal(t, 3, s.Tests)
		require.Len(t, s.Cases, 3)
		require.Equal(t, "2026-11-29T17:04:05", s.Timestamp)
		names, failures := map[string]bool{}, 0
		for _, c := range s.Cases {
			require.False(t, names[c.Name], "readers drop duplicates")
			names[c.Name] = true
			if c.Failure != nil {
				failures++
			}
		}
		require.Equal(t, s.Failures, failures)
		require.Equal(t, r.Full(), failures == 0)
	}
	unfinished := refused()
	unfinished.Problem, unfinished.Unfinished, unfinished.BreakPoint = "", true, nil
	text := written(t, publish.JUnit, unfinished)
	require.Contains(t, text, `errors="2"`)
	require.Contains(t, text, `failures="0"`)
}

// What a submission is called, and what it wrote, ends up in terminals, spreadsheets, pages and mails.
func TestWhatStudentsWroteIsTextAndNothingElse(t *testing.T) {
	r := lost()
	for _, f := range publish.Formats() {
		text := written(t, f, r)
		require.NotContains(t, text, "\x1b", f)
	}
	html := written(t, publish.HTML, r)
	require.NotContains(t, html, "<script")
	require.NotContains(t, html, "<b>")
	require.NotContains(t, html, "secret.html", "no link leads out of the folder")
	require.Contains(t, html, `href="crash.html"`)
	require.NotContains(t, html, "http://")
	require.NotContains(t, html, "https://")
	markdown := written(t, publish.Markdown, r)
	head, _, _ := strings.Cut(markdown, "```")
	require.NotContains(t, head, "<script")
	require.NotContains(t, head, "@you")
	require.Contains(t, markdown, "\n````text\n", "a fence that the text cannot end")
	var b bytes.Buffer
	require.NoError(t, publish.Text(&b, r))
	require.NotContains(t, b.String(), "\x1b")
	r.Tests[1].Says = "first\u202egnp.exe\r\nsecond \x00\xff"
	b.Reset()
	require.NoError(t, publish.Text(&b, r))
	require.NotContains(t, b.String(), "\u202e")
	require.NotContains(t, b.String(), "\r")
	require.NotContains(t, written(t, publish.JUnit, r), "\x00")
}

func TestHiddenTestsDoNotShowTheirRuns(t *testing.T) {
	r := lost()
	r.Hidden = grade.OfCourse
	for _, f := range publish.Formats() {
		text := written(t, f, r)
		if f == publish.GitHub {
			all := ""
			for line := range strings.Lines(text) {
				_, encoded, _ := strings.Cut(strings.TrimSpace(line), "=")
				decoded, err := base64.StdEncoding.DecodeString(encoded)
				require.NoError(t, err)
				all += string(decoded)
			}
			text = all
		}
		for _, leak := range []string{"crash.fgt", "crash.html", "30 ms", "20ms", "replica 1", "c3.4"} {
			require.NotContains(t, text, leak, f)
		}
		require.Contains(t, text, "every call seems to take effect at one moment", f)
	}
}

func TestTheTableFitsSixtyColumns(t *testing.T) {
	for _, r := range []*grade.Result{full(), lost(), refused()} {
		var b bytes.Buffer
		require.NoError(t, publish.Text(&b, r))
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			if strings.HasPrefix(line, "  again: ") {
				continue // a command is copied as a whole
			}
			require.LessOrEqual(t, utf8.RuneCountInString(line), publish.Width, "%q", line)
		}
	}
	var b bytes.Buffer
	require.NoError(t, publish.Text(&b, lost()))
	require.Contains(t, b.String(), "\n  again: firstgap replay crash.fgt -- python3 a-very-long-name/of-a-program/that-goes-on.py --and --its --flags\n")
	require.Contains(t, b.String(), "\n  allowed instead: ")
}

func TestSummariesHaveAnEnd(t *testing.T) {
	r := lost()
	r.Tests[1].Says = strings.Repeat("x", 600<<10)
	text := written(t, publish.Markdown, r)
	require.Less(t, len(text), 1000<<10)
	require.Contains(t, text, "The rest has no room here.")
}

func TestClassroom50AsksWhoseItIs(t *testing.T) {
	for field, spoil := range map[string]func(*publish.Identity){
		"classroom":       func(i *publish.Identity) { i.Classroom = "" },
		"assignment_type": func(i *publish.Identity) { i.Type = "pair" },
		"submission":      func(i *publish.Identity) { i.Tag = "v1" },
	} {
		o := options()
		spoil(&o.Identity)
		var wrong *publish.IdentityError
		require.ErrorAs(t, publish.Classroom50.Write(&bytes.Buffer{}, full(), o), &wrong)
		require.Equal(t, field, wrong.Field)
	}
}

func TestFormatsHaveNames(t *testing.T) {
	files := map[string]bool{}
	for _, f := range publish.Formats() {
		named, err := publish.Named(string(f))
		require.NoError(t, err)
		require.Equal(t, f, named)
		require.False(t, files[f.File()])
		files[f.File()] = true
	}
	_, err := publish.Named("excel")
	var unknown *faults.UnknownError
	require.ErrorAs(t, err, &unknown)
	require.ErrorAs(t, publish.Format("excel").Write(&bytes.Buffer{}, full(), options()), &unknown)
}
