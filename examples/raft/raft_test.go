package raft

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firstgap/firstgap/cmd/command"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/harnesstest"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/killtable"
	"github.com/firstgap/firstgap/impl/node"
)

// asCommand has the test's program be the command, so that a failure is replayed in another process than the one that found it.
const asCommand = "RAFT_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(command.Main(System()))
	}
	os.Exit(m.Run())
}

func TestThreeMembers(t *testing.T) {
	s := harnesstest.Run(t, campaign.Options{System: System(), Runs: 300})
	for _, name := range []string{"campaigns", "proposals"} {
		if !slices.ContainsFunc(s.Counts.Other, func(c node.Counter) bool { return c.Name == name && c.Value >= 300 }) {
			t.Errorf("counters: expected at least 300 %s, found %v", name, s.Counts.Other)
		}
	}
}

func TestFiveMembers(t *testing.T) {
	harnesstest.Run(t, campaign.Options{System: group(5, never).System(), Runs: 60})
}

func TestEveryPlantedBugIsFound(t *testing.T) {
	table, err := killtable.Run(t.Context(), killtable.Options{System: System(), Trials: 10, Limit: 300})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := table.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &text)
	if len(table.Rows) != 2 {
		t.Errorf("rows: expected 2, found %d", len(table.Rows))
	}
	for _, r := range table.Rows {
		if r.Problem != "" {
			t.Errorf("%s: %s", r.Bug.Name, r.Problem)
		}
	}
}

func twice(t *testing.T, s harness.System, seed uint64) harness.Result {
	t.Helper()
	c, err := s.Generate(seed, harness.Generation{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := failure.Twice(s, c)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	return r
}

func TestTheSameSeedIsTheSameRun(t *testing.T) {
	hashes := map[uint64]uint64{}
	for seed := range uint64(8) {
		r := twice(t, System(), seed)
		if other, is := hashes[r.Hash]; is {
			t.Errorf("seed %d is the run of seed %d", seed, other)
		}
		hashes[r.Hash] = seed
	}
}

// The library as it comes campaigns by crypto/rand.
func TestTheLibrarysOwnTimeoutsAreRefused(t *testing.T) {
	own := group(3, 3).System()
	c, err := own.Generate(1, harness.Generation{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = failure.Twice(own, c)
	var e *failure.DeterminismError
	if !errors.As(err, &e) {
		t.Fatalf("two runs: expected a *failure.DeterminismError, found %v", err)
	}
	t.Log(e)
	if e.Event == 0 || e.Expected == e.Found || e.Expected == "" || e.Found == "" {
		t.Errorf("expected the first event that differs as it was and as it is, found event %d, %q and %q", e.Event, e.Expected, e.Found)
	}
	s := harnesstest.Campaign(t, campaign.Options{System: own, Runs: 1, Seed: 1})
	at := slices.IndexFunc(s.Checks, func(c campaign.Tally) bool { return c.Check == judge.Determinism })
	if found := s.Checks[at]; s.Verdict != judge.Violation || found.Violations != 1 || !strings.Contains(found.Detail, "not deterministic: the same configuration gave another run from event ") {
		t.Errorf("campaign: expected a violation of determinism that names an event, found %s: %+v", s.Verdict, found)
	}
}

// run runs the command in a process of its own.
func run(t *testing.T, exit int, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Env = append(os.Environ(), asCommand+"=1", "GITHUB_STEP_SUMMARY=")
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if found := c.ProcessState.ExitCode(); found != exit {
		t.Fatalf("%v: expected exit code %d, found %d (%v)\n%s%s", args, exit, found, err, out, &errs)
	}
	return string(out)
}

func TestAFailureIsReportedAndReplayed(t *testing.T) {
	dir := t.TempDir()
	if out := run(t, 1, "run", "--bug", "bugLocalRead", "--runs", "60", "--out", dir); !strings.Contains(out, "verdict: violation") {
		t.Errorf("run: expected a violation, found\n%s", out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "seed-*.fgt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("failure files: expected at least one, found %v (%v)", files, err)
	}
	f, err := failure.Read(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if f.Needs.System != "raft" || f.Configuration.Bug != "bugLocalRead" || len(f.Calls) == 0 {
		t.Errorf("failure: expected one of raft with bugLocalRead and its calls, found %+v, bug %q, %d calls", f.Needs, f.Configuration.Bug, len(f.Calls))
	}
	if out := run(t, 1, "replay", files[0]); !strings.Contains(out, "reproduced: the same run as recorded, violation") {
		t.Errorf("replay: expected the same run, found\n%s", out)
	}

	text, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Verdict  string
		Failures []struct{ File, Replay string }
	}
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	if report.Verdict != "violation" || len(report.Failures) != len(files) || report.Failures[0].Replay == "" {
		t.Errorf("report.json: expected a violation and %d failures to replay, found %+v", len(files), report)
	}
	if text, err = os.ReadFile(filepath.Join(dir, "junit.xml")); err != nil {
		t.Fatal(err)
	}
	var junit struct {
		Suites []struct {
			Name     string `xml:"name,attr"`
			Failures int    `xml:"failures,attr"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(text, &junit); err != nil {
		t.Fatal(err)
	}
	failures := map[string]int{}
	for _, s := range junit.Suites {
		failures[s.Name] = s.Failures
	}
	if failures["run"] == 0 {
		t.Errorf("junit.xml: expected failures in the suite run, found %v", failures)
	}
}

// alone is a member without others, and what it has written: everything that it asks for is done at once.
func alone(t *testing.T, log []byte) (*member, []byte) {
	t.Helper()
	m := &member{place: harness.Place{ID: 1, Members: []node.ID{1}, Hook: node.NoHook{}}, ticks: never}
	events := []node.Event{{Kind: node.Started, Files: []node.File{{Name: "log", Data: log}}}}
	for range 20 {
		events = append(events, node.Event{Kind: node.Fired, Timer: 1})
	}
	var written []byte
	var out node.Effects
	for len(events) > 0 {
		m.Step(0, events[0], &out)
		events = events[1:]
		for _, e := range out.List {
			switch e.Kind {
			case node.DoReplace:
				written = slices.Clone(e.Data)
			case node.DoAppend:
				written = append(written, e.Data...)
			case node.DoSync:
				events = slices.Insert(events, 0, node.Event{Kind: node.DiskDone, Token: e.Token})
			}
		}
		out.Reset()
	}
	return m, written
}

// A crash cuts records off, or leaves zeros in their place; a disk that rots changes bits. After the first a member goes on. After the
// second it says nothing: one that took rot for a crash would have forgotten its vote, and a majority of them what was committed.
func TestDamageIsToldFromACrash(t *testing.T) {
	leader, log := alone(t, nil)
	if s := leader.State(); s.Phase != "StateLeader" || !s.Serving || len(log) < 24 {
		t.Fatalf("expected a leader with a log, found %v and %d bytes", s, len(log))
	}
	for n := range len(log) {
		if m, _ := alone(t, log[:n]); m.State().Damaged {
			t.Errorf("cut off after %d of %d bytes: expected a member, found damage", n, len(log))
		}
		for bit := range 8 {
			rotten := slices.Clone(log)
			rotten[n] ^= 1 << bit
			m, written := alone(t, rotten)
			if !m.State().Damaged || written != nil {
				t.Errorf("bit %d of byte %d: expected damage and a disk that is left as it is, found %v and %d bytes written", bit, n, m.State(), len(written))
			}
		}
	}
	// A record that is a hole, and what comes behind it: records that rested on it.
	holes := 0
	for at := 0; at < len(log); holes++ {
		end := at + 12 + int(binary.BigEndian.Uint32(log[at:]))
		holed := slices.Concat(log[:at], make([]byte, end-at), log[end:])
		if m, written := alone(t, holed); m.State().Damaged || !bytes.HasPrefix(written, log[:at]) {
			t.Errorf("a hole from byte %d to %d: expected a member with the %d bytes in front of it, found %v", at, end, at, m.State())
		}
		at = end
	}
	if holes < 3 {
		t.Errorf("records: expected at least 3, found %d", holes)
	}
}
