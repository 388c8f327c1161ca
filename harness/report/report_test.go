package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/ci"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/volume"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// sound is what a job finds when nothing is wrong.
func sound() (*campaign.Model, *campaign.Summary) {
	m := &campaign.Model{Verdict: judge.Pass,
		Worlds:   []campaign.World{{Name: "tiny", Verdict: judge.Pass, Distinct: 8808, Generated: 35336, Depth: 21, Seconds: 0.02}},
		Variants: []campaign.Variant{{Bug: "cut-at-highest", Verdict: judge.Pass, Invariant: "KeptIsStored", Seconds: 0.5, Trace: make([]check.Step, 7)}},
	}
	for _, i := range volume.Invariants() {
		m.Invariants = append(m.Invariants, campaign.Invariant{Name: i.Name, Guarantee: i.Guarantee, Verdict: judge.Pass, Worlds: 1, States: 8808})
	}
	s := &campaign.Summary{System: "aurora", Verdict: judge.Pass, Seed: 1, Asked: 1234567, Stop: campaign.AllRun, Seconds: 10}
	s.Counts.Runs, s.Counts.Acknowledged = 1234567, 30
	for _, c := range judge.Checks() {
		s.Checks = append(s.Checks, campaign.Tally{Check: c, Guarantee: judge.Guarantee(c), Verdict: judge.Pass, Runs: 1234567})
	}
	return m, s
}

// failed is what a job finds when one run went wrong, and another could not tell.
func failed(t testing.TB) (*campaign.Model, *campaign.Summary) {
	m, s := sound()
	s.Verdict, s.Failed, s.Untold = judge.Violation, 1, 1
	s.Reasons = []string{"1 of 1234567 runs found a violation"}
	for i := range s.Checks {
		switch s.Checks[i].Check {
		case faults.Durability:
			s.Checks[i].Verdict, s.Checks[i].Violations, s.Checks[i].Detail = judge.Violation, 1, "seed 7: row \"a<b\x01\" is gone\nwhat it held"
		case faults.Sanity:
			s.Checks[i].Verdict, s.Checks[i].CouldNotTell, s.Checks[i].Detail = judge.CouldNotTell, 1, "seed 8: the limit on events"
		}
	}
	c, err := aurora.System().Generate(7, harness.Generation{})
	require.NoError(t, err)
	c.Limits = sim.Limits{Events: 200}
	r, trail := failure.Record(aurora.System(), c)
	f := failure.Of(&r, trail)
	f.Verdict = judge.Violation
	f.Findings = []judge.Finding{{Check: faults.Durability, Verdict: judge.Violation, Guarantee: judge.Guarantee(faults.Durability), Subject: "row \"a<b\" | is gone"}}
	s.Failures = []campaign.Failed{{Seed: 7, Failure: f}}
	return m, s
}

// suites reads a report's junit.xml after holding it against the schema: the suites, what is in their system-out, and the
// cases by class and name.
func suites(t *testing.T, r *Report) (all junitSuites, out string, cases map[string]junitCase) {
	text, err := r.JUnit()
	require.NoError(t, err)
	require.Empty(t, refusals(text), "%s", text)
	require.NoError(t, xml.Unmarshal(text, &all))
	cases = map[string]junitCase{}
	for _, s := range all.Suites {
		out += s.Out
		for _, c := range s.Cases {
			key := c.Class + "/" + c.Name
			require.NotContains(t, cases, key, "readers drop duplicates")
			cases[key] = c
		}
	}
	return all, out, cases
}

// objections counts the failures and errors of all suites.
func objections(all junitSuites) (n int) {
	for _, s := range all.Suites {
		n += s.Failures + s.Errors
	}
	return n
}

func TestJUnitHasACaseForEveryInvariantAndCheck(t *testing.T) {
	m, s := sound()
	all, out, cases := suites(t, New(m, s, false, time.Minute))
	require.Zero(t, objections(all))
	for _, i := range volume.Invariants() {
		require.Contains(t, cases, "model.invariant/"+i.Name)
		require.Contains(t, out, i.Name+": "+i.Guarantee+"\nholds in 8808 states")
	}
	for _, c := range judge.Checks() {
		require.Contains(t, cases, "run.check/"+string(c))
		require.Contains(t, out, string(c)+": "+judge.Guarantee(c)+"\nevaluated in 1234567 runs")
	}
	require.Contains(t, cases, "model.world/tiny")
	require.Contains(t, cases, "model.variant/cut-at-highest is caught")
	require.Contains(t, cases, "run/campaign")
	require.Len(t, cases, len(volume.Invariants())+len(judge.Checks())+3)
	// Times are those that were measured: of worlds, variants and the campaign.
	require.Equal(t, "0.020", cases["model.world/tiny"].Time)
	require.Equal(t, "0.500", cases["model.variant/cut-at-highest is caught"].Time)
	require.Equal(t, "10.000", cases["run/campaign"].Time)
	require.Equal(t, "0.000", cases["run.check/durability"].Time)
	times := map[string]string{}
	for _, s := range all.Suites {
		times[s.Name] = s.Time
	}
	require.Equal(t, map[string]string{"model.invariant": "0.000", "model.world": "0.020", "model.variant": "0.500", "run": "10.000"}, times)
}

func TestJUnitSaysWhatFailed(t *testing.T) {
	m, s := failed(t)
	r := New(m, s, false, time.Minute)
	require.Equal(t, judge.Violation, r.Verdict)
	r.Failures[0].Replay = "firstgap replay out/seed-7.fgt"
	all, _, cases := suites(t, r)
	d := cases["run.check/durability"]
	require.NotNil(t, d.Failure)
	require.Equal(t, "violation", d.Failure.Type)
	require.Equal(t, `seed 7: row "a<b" is gone`, d.Failure.Message, "the first line, without what XML cannot say")
	require.Contains(t, d.Failure.Text, "what it held\nseed 7: violation: firstgap replay out/seed-7.fgt")
	require.Contains(t, cases["run/campaign"].Failure.Text, "seed 7: violation: firstgap replay out/seed-7.fgt")
	require.NotContains(t, cases["run.check/sanity"].Error.Text, "replay", "it objected to no run that was kept")
	require.Equal(t, []junitProperty{{"verdict", "violation"}, {"system", "aurora"}, {"seed", "1"}, {"runs", "1234567"},
		{"seed 7", "violation: durability"}, {"seed 7 replay", "firstgap replay out/seed-7.fgt"}}, all.Suites[len(all.Suites)-1].Properties)
	x := cases["run.check/sanity"]
	require.Nil(t, x.Failure)
	require.NotNil(t, x.Error, "what could not be told has not passed")
	require.NotNil(t, cases["run/campaign"].Failure)
	require.Nil(t, cases["run.check/trace"].Failure)
}

func TestAPartThatWasNotDoneIsNoPass(t *testing.T) {
	m, s := sound()
	for _, r := range []*Report{New(nil, s, false, 0), New(m, nil, false, 0), New(nil, nil, false, 0)} {
		require.Equal(t, judge.CouldNotTell, r.Verdict)
		require.NotEmpty(t, r.Reasons)
		all, _, _ := suites(t, r)
		require.Positive(t, objections(all))
		require.Contains(t, string(r.Markdown()), "could not tell")
		require.NoError(t, r.WriteText(&bytes.Buffer{}))
	}
	require.Equal(t, judge.Pass, New(m, s, false, 0).Verdict)
}

// What was not to be made is skipped and says why; it is no objection, and no pass.
func TestWhatWasNotToBeMadeIsSkipped(t *testing.T) {
	_, s := sound()
	s.Checks[0].Verdict, s.Checks[0].NotMade = "", "not checked: needs operations"
	r := New(nil, s, true, 0)
	require.Equal(t, judge.Pass, r.Verdict)
	all, _, cases := suites(t, r)
	require.Zero(t, objections(all))
	require.Equal(t, "not checked: needs operations", cases["run.check/"+string(s.Checks[0].Check)].Skipped.Message)
	require.Equal(t, "not checked: the job left the model out", cases["model/model"].Skipped.Message)
	// A check that objected was made, whatever the system was said to give.
	s.Checks[0].Verdict, s.Checks[0].Violations = judge.Violation, 1
	_, _, cases = suites(t, New(nil, s, true, 0))
	require.NotNil(t, cases["run.check/"+string(s.Checks[0].Check)].Failure)
}

func TestTheFolderHoldsTheReport(t *testing.T) {
	m, s := failed(t)
	dir := filepath.Join(t.TempDir(), "a", "report")
	folder, err := Open(dir)
	require.NoError(t, err)
	// An earlier job left a failure there, and somebody a file of their own.
	for _, name := range []string{"seed-3.fgt", "notes.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("old"), 0o644))
	}
	require.NoError(t, folder.Begin())
	require.NoFileExists(t, filepath.Join(dir, "seed-3.fgt"), "a stale failure among new ones")
	require.FileExists(t, filepath.Join(dir, "notes.txt"))
	for _, f := range s.Failures {
		require.NoError(t, folder.Failed(f))
	}
	r := New(m, s, false, time.Minute)
	require.NoError(t, folder.Write(r))

	text, err := os.ReadFile(filepath.Join(dir, "report.json"))
	require.NoError(t, err)
	var read map[string]any
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, "violation", read["verdict"])
	require.Equal(t, "firstgap report", read["format"])
	entry := read["failures"].([]any)[0].(map[string]any)
	require.Equal(t, "seed-7.fgt", entry["file"])
	require.Equal(t, "firstgap replay "+filepath.Join(dir, "seed-7.fgt"), entry["replay"])

	f, err := failure.Read(filepath.Join(dir, "seed-7.fgt"))
	require.NoError(t, err)
	require.Equal(t, uint64(7), f.Configuration.Seed)
	for _, name := range []string{"junit.xml", "summary.md"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Contains(t, string(text), "durability")
	}
}

// whyOf is an explanation in these words.
func whyOf(words string) *why.Explanation {
	return &why.Explanation{Format: "firstgap explanation", Version: why.Version, Minimal: true, What: why.What{
		Target: failure.Target{Check: faults.Durability, Verdict: judge.Violation}, Headline: words, Rule: why.Rule{Text: words, Reason: words, Source: words}, Allowed: []string{words},
		Causes: []why.Link{{Event: 1, Node: words, Words: words}}, Chain: []why.Link{{Event: 2, Node: "segment 1/3", Words: words}}, Bad: &why.Link{Event: 3, Node: words, Words: words}}}
}

// Whoever reads the terminal, the summary, a test report or the programs' file learns why, and where the page is.
func TestTheReportCarriesTheExplanation(t *testing.T) {
	m, s := failed(t)
	s.Failures[0].Why = whyOf("it forgot")
	second := s.Failures[0]
	second.Seed, second.Why, second.Unexplained = 9, nil, "it fails by the same check and rule as seed 7"
	s.Failures = append(s.Failures, second)
	dir := t.TempDir()
	folder, err := Open(dir)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "seed-3.html"), nil, 0o644))
	require.NoError(t, folder.Begin())
	require.NoFileExists(t, filepath.Join(dir, "seed-3.html"))
	require.NoError(t, folder.Page(7, func(file string) error { return os.WriteFile(file, []byte("<html>"), 0o644) }))
	require.ErrorIs(t, folder.Page(9, func(string) error { return io.ErrShortWrite }), io.ErrShortWrite)
	require.NoFileExists(t, filepath.Join(dir, "seed-9.html"))
	r := New(m, s, false, time.Minute)
	require.NoError(t, folder.Write(r))

	page := filepath.Join(dir, "seed-7.html")
	var terminal bytes.Buffer
	require.NoError(t, r.WriteText(&terminal))
	all, _, cases := suites(t, r)
	for what, text := range map[string]string{"terminal": terminal.String(), "summary": string(r.Markdown()), "junit": cases["run.check/durability"].Failure.Text} {
		for _, words := range []string{"it forgot", "fails    durability", "because  it forgot", "what led there:\n", "0.000ms segment 1/3: it forgot", page} {
			require.Contains(t, text, words, what)
		}
		require.Equal(t, 1, strings.Count(text, "what led there:"), what)
	}
	require.Contains(t, terminal.String(), "not explained: it fails by the same check and rule as seed 7")
	require.Contains(t, string(r.Markdown()), "\nNot explained: it fails by the same check and rule as seed 7\n")
	require.Contains(t, all.Suites[len(all.Suites)-1].Properties, junitProperty{"seed 7 why", "it forgot"})
	require.Contains(t, all.Suites[len(all.Suites)-1].Properties, junitProperty{"seed 7 page", page})

	text, err := os.ReadFile(filepath.Join(dir, "report.json"))
	require.NoError(t, err)
	var read struct{ Failures []Failure }
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, s.Failures[0].Why, read.Failures[0].Why)
	require.Equal(t, "seed-7.html", read.Failures[0].Page)
	require.Nil(t, read.Failures[1].Why)
	require.Empty(t, read.Failures[1].Page)
	require.Equal(t, second.Unexplained, read.Failures[1].Unexplained)

	sarif, err := os.ReadFile(filepath.Join(dir, "report.sarif"))
	require.NoError(t, err)
	require.Equal(t, 2, bytes.Count(sarif, []byte(`"ruleId": "durability"`)))
	require.Equal(t, 1, bytes.Count(sarif, []byte(`"codeFlows"`)))
	require.Contains(t, string(sarif), "seed-7.html")
}

// A reader of SARIF that finds no file takes it that the job has failed.
func TestAReportWithoutFailuresHasItsSARIF(t *testing.T) {
	m, s := sound()
	folder, err := Open(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, folder.Write(New(m, s, false, time.Minute)))
	text, err := os.ReadFile(filepath.Join(folder.Dir(), "report.sarif"))
	require.NoError(t, err)
	require.Contains(t, string(text), `"results": []`)
}

func TestAFolderThatCannotBeWrittenIsFoundBefore(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	for _, dir := range []string{file, filepath.Join(file, "below"), ""} {
		_, err := Open(dir)
		var e *FolderError
		require.ErrorAs(t, err, &e, dir)
		require.Contains(t, e.Error(), "cannot be written")
	}
}

func TestMarkdownForPeople(t *testing.T) {
	m, s := failed(t)
	r := New(m, s, false, time.Minute)
	text := string(r.Markdown())
	require.Contains(t, text, "## firstgap: violation")
	require.Contains(t, text, "| tiny | pass | 8,808 | 35,336 | 21 | 0.02 |")
	require.Contains(t, text, "| runs | 1,234,567 |")
	require.Contains(t, text, `- **durability**: row "a&lt;b" \| is gone`)
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "|") {
			require.True(t, strings.HasSuffix(line, "|\n"), line)
		}
	}
}

func TestTheSummaryIsTruncated(t *testing.T) {
	m, s := failed(t)
	s.Reasons = append(s.Reasons, strings.Repeat("a long story ", 200_000))
	r := New(m, s, false, time.Minute)
	require.LessOrEqual(t, len(r.Markdown()), ci.MaxSummary)
	require.Contains(t, string(r.Markdown()), "cut here")

	file := filepath.Join(t.TempDir(), "summary")
	require.NoError(t, os.WriteFile(file, []byte("from the step before\n"), 0o644))
	m, s = sound()
	r = New(m, s, false, time.Minute)
	require.NoError(t, r.AppendSummary(file))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(text), "from the step before\n## firstgap: pass"))

	require.NoError(t, os.WriteFile(file, bytes.Repeat([]byte("x"), ci.MaxSummary-2000), 0o644))
	require.NoError(t, r.AppendSummary(file))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.LessOrEqual(t, info.Size(), int64(ci.MaxSummary))
	require.ErrorContains(t, r.AppendSummary(file), "expected room")
	require.Error(t, r.AppendSummary(filepath.Join(file, "below")))
}

func TestTheTableForATerminal(t *testing.T) {
	m, s := failed(t)
	for i := range s.Checks {
		if s.Checks[i].Check == faults.Trace {
			s.Checks[i].NotMade = "not checked: needs a trace"
		}
	}
	folder, err := Open(t.TempDir())
	require.NoError(t, err)
	r := New(m, s, false, time.Minute)
	require.NoError(t, folder.Write(r))
	var b bytes.Buffer
	require.NoError(t, r.WriteText(&b))
	text := b.String()
	for _, words := range []string{"tiny   ", "caught", "KeptIsStored", "durability       violation       1,234,567           1  ", "runs beyond the fault budget",
		"seed 7: violation", "breaks: after the last recovery", "firstgap replay ", "verdict: violation (60.0 s)"} {
		require.Contains(t, text, words)
	}
	require.Regexp(t, `(?m)^trace +not checked: needs a trace$`, text)
}
