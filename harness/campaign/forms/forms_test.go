package forms

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign/fuzz"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/older"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// registers is a system of quorums, whose reads can be planted with a bug.
func registers(t testing.TB) harness.System {
	for _, s := range older.Systems() {
		if s.Name() == "quorum" {
			return s
		}
	}
	require.Fail(t, "no such system")
	return nil
}

// found is a campaign in a folder, of which a failed run was looked at and kept, and another one was not.
func found(t testing.TB) (folder string, s *fuzz.Summary, system harness.System) {
	system = registers(t)
	folder = t.TempDir()
	c, err := system.Generate(3, harness.Generation{Bug: "bugReadWithoutRepair"})
	require.NoError(t, err)
	r, trail := failure.Record(system, c)
	require.Equal(t, judge.Violation, r.Verdict)
	text, err := failure.Of(&r, trail).Encode()
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(folder, "failures"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "failures", "a.fgt"), text, 0o644))
	target, _ := failure.TargetOf(r.Findings)
	h := store.Header{System: system.Name(), Seed: 1, Checks: judge.Checks(), Guided: true, Needs: failure.Needs{System: system.Name()}}
	checks := make([]uint64, len(h.Checks))
	for i, check := range h.Checks {
		if check == faults.Trace {
			checks[i] = 300
		}
	}
	arms := map[job.Arm]*store.Arm{
		job.Random: {Lines: 200, Verdicts: map[judge.Verdict]uint64{judge.Pass: 190, judge.Violation: 10}},
		job.Model:  {Lines: 100, Verdicts: map[judge.Verdict]uint64{judge.CouldNotTell: 99, judge.Violation: 1}},
	}
	s = &fuzz.Summary{Header: &h, Verdict: judge.Violation, Reasons: []string{"11 of 300 runs found a violation"}, Stop: fuzz.AllRun, Seconds: 12,
		Fold: &store.Fold{Lines: 300, Arms: arms, Checks: checks, Failures: []store.Failed{
			{Target: target, Count: 10, First: 3, Last: 200, Finding: r.Findings[0].Sentence()},
			{Target: failure.Target{Check: "model", Rule: "KeptIsStored", Kind: "volume", Verdict: judge.Violation}, Count: 1, First: 77, Last: 77, Finding: "volume in world w: KeptIsStored does not hold"},
		}},
		Failures: []store.Failure{{Signature: "x", Target: target, Sentence: "it took the older of two versions", Times: 4, First: 3, Number: 3,
			Files: []store.File{{Role: "file", Name: "a.fgt"}, {Role: "page", Name: "a.html"}}}}}
	return folder, s, system
}

func TestTheFormsOfACampaign(t *testing.T) {
	folder, s, system := found(t)
	f, err := Write(folder, s, system.About(), "")
	require.NoError(t, err)
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join(folder, Folder, name))
		require.NoError(t, err)
		return text
	}

	// Both failures are told: the one that was looked at with its file, the other one with what is known of it.
	require.Len(t, f.Result.Problems, 2)
	require.Equal(t, "trace/endread", f.Result.Problems[0].Rule)
	require.Equal(t, uint64(3), f.Result.Problems[0].Seed)
	require.Contains(t, f.Result.Problems[0].Path, filepath.Join("impl", "baseline", "quorum"))
	require.Equal(t, "firstgap replay "+filepath.Join(folder, "failures", "a.fgt"), f.Result.Problems[0].Replay)
	require.Equal(t, "model/keptisstored", f.Result.Problems[1].Rule)
	require.Equal(t, "run 77: volume in world w: KeptIsStored does not hold", f.Result.Problems[1].Headline)

	text, err := os.ReadFile("../../failure/retell/testdata/sarif-schema-2.1.0.json")
	require.NoError(t, err)
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("sarif.json", schema))
	compiled, err := c.Compile("sarif.json")
	require.NoError(t, err)
	sarif, err := jsonschema.UnmarshalJSON(bytes.NewReader(read(SARIF)))
	require.NoError(t, err)
	require.NoError(t, compiled.Validate(sarif))
	require.Contains(t, string(read(SARIF)), `"ruleId": "trace/endread"`)

	var junit struct {
		Suites []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name    string  `xml:"name,attr"`
				Failure *string `xml:"failure"`
				Error   *string `xml:"error"`
				Skipped *string `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(read(JUnit), &junit))
	failed, skipped := []string{}, 0
	for _, suite := range junit.Suites {
		for _, x := range suite.Cases {
			require.Nil(t, x.Error, x.Name)
			if x.Failure != nil {
				failed = append(failed, x.Name)
			}
			if x.Skipped != nil {
				skipped++
			}
		}
	}
	require.Equal(t, []string{"trace", "campaign"}, failed)
	require.Greater(t, skipped, 5, "what was not made is no pass")
	require.Contains(t, string(read(JUnit)), "10 runs, first run 3")
	require.Contains(t, string(read(JUnit)), "firstgap replay "+filepath.Join(folder, "failures", "a.fgt"))

	summary := string(read(Summary))
	require.Equal(t, string(f.Summary), summary)
	for _, want := range []string{"## firstgap, a campaign: violation\n\n- 11 of 300 runs found a violation\n", "### trace/endread\n", "    firstgap replay ", "\n    ARM ", "    verdict: violation (all runs made, 300 jobs, 12.0 s)\n"} {
		require.Contains(t, summary, want)
	}

	// GitLab's form is written when it is asked for, and none of them outlives the beginning of the next process.
	require.NoFileExists(t, filepath.Join(folder, Folder, Quality))
	require.NoError(t, f.CodeQuality(f.Result))
	var issues []any
	require.NoError(t, json.Unmarshal(read(Quality), &issues))
	require.Len(t, issues, 2)
	require.NoError(t, os.WriteFile(filepath.Join(folder, Folder, "notes.txt"), nil, 0o644))
	require.NoError(t, Begin(folder))
	left, err := os.ReadDir(filepath.Join(folder, Folder))
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.NoError(t, Begin(folder))
}

// A campaign that passed has no problem, and one without a run passes nothing.
func TestFormsWithoutFailures(t *testing.T) {
	folder, s, system := found(t)
	s.Failures, s.Fold.Failures, s.Verdict, s.Reasons = nil, nil, judge.Pass, nil
	delete(s.Fold.Arms, job.Model)
	f, err := Write(folder, s, system.About(), "")
	require.NoError(t, err)
	require.Empty(t, f.Result.Problems)
	text, err := os.ReadFile(filepath.Join(folder, Folder, JUnit))
	require.NoError(t, err)
	require.NotContains(t, string(text), "<failure")

	s.Fold = &store.Fold{Checks: make([]uint64, len(s.Header.Checks))}
	s.Verdict, s.Reasons = judge.CouldNotTell, []string{"no run was made"}
	f, err = Write(folder, s, system.About(), "")
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, f.Result.Annotations(&b))
	require.Equal(t, "::warning title=firstgap%3A could not tell::no run was made\n", b.String())
	text, err = os.ReadFile(filepath.Join(folder, Folder, JUnit))
	require.NoError(t, err)
	require.Contains(t, string(text), "<error")
}

// A failure's file that is damaged is told without its line; a folder that cannot be written is an error.
func TestFormsOfWhatCannotBeRead(t *testing.T) {
	folder, s, system := found(t)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "failures", "a.fgt"), []byte("half"), 0o644))
	f, err := Write(folder, s, system.About(), folder)
	require.NoError(t, err)
	require.Len(t, f.Result.Problems, 2)
	require.Equal(t, "trace/endread", f.Result.Problems[0].Rule)
	require.Contains(t, f.Result.Problems[0].Headline, "it took the older of two versions")
	var b bytes.Buffer
	require.NoError(t, f.Result.Annotations(&b))
	require.Contains(t, b.String(), "::error file=failures/a.fgt,line=1,")

	_, err = Write(filepath.Join(folder, "failures", "a.fgt"), s, system.About(), "")
	require.Error(t, err)
}

// What was run again and fails is told: a failure that came back with its file, an entry that passed once with what it fails by.
func TestWhatWasRunAgain(t *testing.T) {
	folder, s, system := found(t)
	entry := failure.Target{Check: faults.Durability, Verdict: judge.Violation}
	r := &fuzz.Replayed{Verdict: judge.Violation, Reasons: []string{"failure a.fgt fails by the same again"},
		Entries:     []fuzz.Failing{{Name: "e", Seed: 9, Target: entry, Finding: "row x is gone"}},
		Regressions: []fuzz.Regression{{Signature: "trace", File: "a.fgt", Reproduced: true, Now: s.Failures[0].Target.String()}, {Signature: "mended", File: "b.fgt"}, {Signature: "lost", File: "c.fgt", Now: "trace"}}}
	f, err := WriteAgain(folder, r, system, folder)
	require.NoError(t, err)
	require.Len(t, f.Result.Problems, 2, "one was mended, one has no file any more")
	require.Equal(t, "trace/endread", f.Result.Problems[0].Rule)
	require.Equal(t, "durability", f.Result.Problems[1].Rule)
	require.Equal(t, filepath.Join(folder, "corpus", "e.json"), f.Result.Problems[1].Path)
	require.NoError(t, f.CodeQuality(f.Result))
	summary, err := os.ReadFile(filepath.Join(folder, Folder, AgainSummary))
	require.NoError(t, err)
	require.Contains(t, string(summary), "## firstgap, run again: violation\n\n- failure a.fgt fails by the same again\n")
	require.NoError(t, Begin(folder))
	require.FileExists(t, filepath.Join(folder, Folder, AgainQuality), "a campaign takes away its own")
	require.NoError(t, BeginAgain(folder))
	require.NoFileExists(t, filepath.Join(folder, Folder, AgainQuality))
	require.NoFileExists(t, filepath.Join(folder, Folder, AgainSummary))
}
