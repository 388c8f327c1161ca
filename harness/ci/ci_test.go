package ci

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/failure/retell"
	"github.com/firstgap/firstgap/harness/judge"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// problem is a failure by a rule of that number.
func problem(rule int, seed uint64, v judge.Verdict) retell.Problem {
	return retell.Problem{Rule: fmt.Sprintf("trace/rule-%d", rule), Verdict: v, Headline: fmt.Sprintf("segment 1/%d answered", rule), Path: fmt.Sprintf("impl/writer/w%d.go", rule),
		Line: 10 + rule, Fingerprint: fmt.Sprintf("aurora/trace/rule-%d", rule), Seed: seed, Replay: fmt.Sprintf("firstgap replay out/seed-%d.fgt", seed)}
}

func annotations(t *testing.T, r Result) []string {
	var b strings.Builder
	require.NoError(t, r.Annotations(&b))
	if b.Len() == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func TestTheHostIsWhatTheEnvironmentSays(t *testing.T) {
	for _, c := range []struct {
		env      map[string]string
		want     Host
		checkout string
	}{
		{map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": "/a"}, GitHub, "/a"},
		{map[string]string{"GITLAB_CI": "true", "CI_PROJECT_DIR": "/b", "GITHUB_WORKSPACE": "/a"}, GitLab, "/b"},
		{map[string]string{"GITHUB_ACTIONS": "false", "CI": "true", "CI_PROJECT_DIR": "/b"}, Plain, ""},
		{nil, Plain, ""},
	} {
		env := func(name string) string { return c.env[name] }
		require.Equal(t, c.want, HostOf(env))
		require.Equal(t, c.checkout, HostOf(env).Checkout(env))
	}
}

func TestAnnotations(t *testing.T) {
	r := Result{Verdict: judge.Violation, Checkout: "/repo", Whole: "out"}
	require.Equal(t, []string{"::error title=firstgap%3A violation::"}, annotations(t, r), "a violation is never silent")
	require.Empty(t, annotations(t, Result{Verdict: judge.Pass}))
	require.Equal(t, []string{"::warning title=firstgap%3A could not tell::time was up%0Aafter 3 runs"},
		annotations(t, Result{Verdict: judge.CouldNotTell, Reasons: []string{"time was up", "after 3 runs"}}))

	// One a rule, with how often it was broken; what could not be told is a warning.
	r.Problems = []retell.Problem{problem(1, 4, judge.Violation), problem(2, 5, judge.CouldNotTell), problem(1, 6, judge.Violation)}
	r.Problems[1].Path = "/repo/a, b: c.go"
	require.Equal(t, []string{
		"::error file=impl/writer/w1.go,line=11,title=firstgap%3A trace/rule-1::segment 1/1 answered (seed 4); again: firstgap replay out/seed-4.fgt; 2 failures by this rule",
		"::warning file=a%2C b%3A c.go,line=12,title=firstgap%3A trace/rule-2::segment 1/2 answered (seed 5); again: firstgap replay out/seed-5.fgt",
	}, annotations(t, r))

	// Ten are shown, whatever else there is, and the last says how many are not.
	r.Problems = nil
	for i := range 10 {
		r.Problems = append(r.Problems, problem(i, uint64(i), judge.Violation))
	}
	require.Len(t, annotations(t, r), 10)
	require.NotContains(t, annotations(t, r)[9], "not shown")
	for i := range 25 {
		r.Problems = append(r.Problems, problem(10+i, uint64(i), judge.Violation), problem(100+i, 1, judge.CouldNotTell))
	}
	all := annotations(t, r)
	require.Len(t, all, 20)
	require.Equal(t, "::error title=firstgap%3A violation::26 more rules are not shown here: a step has at most 10 such annotations; out has all of them", all[9])
	require.Equal(t, "::warning title=firstgap%3A violation::16 more rules are not shown here: a step has at most 10 such annotations; out has all of them", all[19])
}

// parse reads a workflow command as GitHub's runner does.
func parse(t *testing.T, line string) (level string, properties map[string]string, message string) {
	m := regexp.MustCompile(`^::([a-z-]+)(?: ([^:]*))?::(.*)$`).FindStringSubmatch(line)
	require.NotNil(t, m, "%q", line)
	properties = map[string]string{}
	for pair := range strings.SplitSeq(m[2], ",") {
		name, value, _ := strings.Cut(pair, "=")
		properties[name] = strings.NewReplacer("%25", "%", "%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",").Replace(value)
	}
	return m[1], properties, strings.NewReplacer("%25", "%", "%0D", "\r", "%0A", "\n").Replace(m[3])
}

// Words of a system under test stay words: they end no command and begin none, and what the runner reads is what was said.
func TestWordsAreNoCommands(t *testing.T) {
	hostile := "100% ::error::\r\n::set-output name=x::y, z=1"
	p := problem(1, 1, judge.Violation)
	p.Headline, p.Path, p.Replay = hostile, hostile, ""
	all := annotations(t, Result{Verdict: judge.Violation, Problems: []retell.Problem{p}})
	require.Len(t, all, 1)
	level, properties, message := parse(t, all[0])
	require.Equal(t, "error", level)
	require.Equal(t, hostile, properties["file"])
	require.Equal(t, hostile, message, "a seed is said of a run that can be made again")

	p.Headline = strings.Repeat("ä", mostMessage)
	_, _, message = parse(t, annotations(t, Result{Verdict: judge.Violation, Problems: []retell.Problem{p}})[0])
	require.LessOrEqual(t, len(message), mostMessage)
	require.True(t, utf8.ValidString(message))
	require.True(t, strings.HasSuffix(message, "…"))
}

func TestNoLineOfAReportIsACommand(t *testing.T) {
	var b strings.Builder
	require.NoError(t, quiet(&b, "TOKEN", func(w io.Writer) error { _, err := io.WriteString(w, "::error::from a node"); return err }))
	require.Equal(t, "::stop-commands::TOKEN\n::error::from a node\n::TOKEN::\n", b.String())
	// Commands are taken again, whatever became of the report.
	b.Reset()
	require.ErrorIs(t, Quiet(&b, func(io.Writer) error { return io.ErrShortWrite }), io.ErrShortWrite)
	m := regexp.MustCompile(`^::stop-commands::([A-Z2-7]{26})\n\n::([A-Z2-7]{26})::\n$`).FindStringSubmatch(b.String())
	require.NotNil(t, m, "%q", b.String())
	require.Equal(t, m[1], m[2])
	first := b.String()
	b.Reset()
	require.NoError(t, Quiet(&b, func(io.Writer) error { return nil }))
	require.NotEqual(t, first, b.String(), "a token that can be guessed is none")
	require.Error(t, Quiet(broken{}, func(io.Writer) error { return nil }))
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("a pipe that nothing reads") }

// quality reads a code quality report and holds it against what GitLab demands of one (docs.gitlab.com, "Code Quality report format").
func quality(t *testing.T, r Result) []issue {
	var b bytes.Buffer
	require.NoError(t, r.CodeQuality(&b))
	require.False(t, bytes.HasPrefix(b.Bytes(), []byte("\ufeff")), "GitLab refuses a byte order mark")
	var all []issue
	d := json.NewDecoder(&b)
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&all))
	require.NotNil(t, all, "an empty report is an empty array")
	_, err := d.Token()
	require.ErrorIs(t, err, io.EOF, "one array and nothing else")
	seen := map[string]bool{}
	for _, x := range all {
		require.NotEmpty(t, x.Description)
		require.NotEmpty(t, x.Check)
		require.False(t, seen[x.Fingerprint], "GitLab takes two of one fingerprint for one")
		seen[x.Fingerprint] = true
		require.Contains(t, []string{"info", "minor", "major", "critical", "blocker"}, x.Severity)
		require.False(t, strings.HasPrefix(x.Location.Path, "./") || x.Location.Path == "")
		require.Positive(t, x.Location.Lines.Begin)
	}
	return all
}

func TestCodeQuality(t *testing.T) {
	require.Empty(t, quality(t, Result{Verdict: judge.Pass}))
	r := Result{Verdict: judge.Violation, Checkout: "/repo", Whole: "/repo/out", Problems: []retell.Problem{
		problem(1, 4, judge.Violation), problem(2, 5, judge.CouldNotTell), problem(1, 6, judge.Violation)}}
	r.Problems[1].Path = "/repo/out/seed-5.fgt"
	var b bytes.Buffer
	require.NoError(t, r.CodeQuality(&b))
	require.Equal(t, `[
  {
    "description": "segment 1/1 answered (seed 4); again: firstgap replay out/seed-4.fgt; 2 failures by this rule",
    "check_name": "trace/rule-1",
    "fingerprint": "aurora/trace/rule-1",
    "severity": "critical",
    "location": {
      "path": "impl/writer/w1.go",
      "lines": {
        "begin": 11
      }
    }
  },
  {
    "description": "segment 1/2 answered (seed 5); again: firstgap replay out/seed-5.fgt",
    "check_name": "trace/rule-2",
    "fingerprint": "aurora/trace/rule-2",
    "severity": "major",
    "location": {
      "path": "out/seed-5.fgt",
      "lines": {
        "begin": 12
      }
    }
  }
]
`, b.String())
	require.Len(t, quality(t, r), 2)

	untold := quality(t, Result{Verdict: judge.CouldNotTell, Reasons: []string{"no run was made"}, Whole: "out"})
	require.Len(t, untold, 1)
	require.Equal(t, "firstgap: could not tell; no run was made", untold[0].Description)

	r.Problems = nil
	for i := range 1_500 {
		r.Problems = append(r.Problems, problem(i, 1, judge.Violation))
	}
	many := quality(t, r)
	require.Len(t, many, mostQuality)
	require.Equal(t, "501 more rules are not shown here; /repo/out has all of them", many[mostQuality-1].Description)
}

func TestPathsAreThoseOfTheCheckout(t *testing.T) {
	for _, c := range [][3]string{
		{"/repo", "/repo/a/b.go", "a/b.go"}, {"/repo", "/repository/b.go", "/repository/b.go"}, {"/repo", "a/b.go", "a/b.go"}, {"", "/repo/a", "/repo/a"},
	} {
		require.Equal(t, c[2], (&Result{Checkout: c[0]}).path(c[1]))
	}
}

func TestASummaryIsCutBelowWhatGitHubTakes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "summary")
	line := strings.Repeat("x", 99) + "\n"
	require.NoError(t, AppendSummary(file, []byte(strings.Repeat(line, 6_000)), "out"))
	require.NoError(t, AppendSummary(file, []byte(strings.Repeat(line, 6_000)), "out"))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.LessOrEqual(t, len(text), MaxSummary)
	require.Greater(t, len(text), MaxSummary-300)
	require.True(t, strings.HasSuffix(string(text), "x\n\n*cut here: the summary is too long; out has all of it*\n"))
	require.ErrorContains(t, AppendSummary(file, []byte(line), "out"), "expected room for 1024 bytes below 1024000")
	require.Equal(t, "a", string(Truncated([]byte("a"), 1, "out")))
}
