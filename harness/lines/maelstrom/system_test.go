package maelstrom_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/maelstrom"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
)

// The programs of most tests are this binary, run again: what it does then is said in its environment.
const acting = "MAELSTROM_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if what := os.Getenv(acting); what != "" {
		act(what)
		return
	}
	var err error
	if scratch, err = os.MkdirTemp("", "maelstrom-nodes-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(scratch)
	os.Exit(code)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

type incoming struct {
	Src, Dest string
	Body      struct {
		Type   string          `json:"type"`
		MsgID  int             `json:"msg_id"`
		NodeID string          `json:"node_id"`
		Echo   json.RawMessage `json:"echo"`
	}
}

// act is an echo that does something else once it has been asked three times.
func act(what string) {
	in := bufio.NewScanner(os.Stdin)
	asked := 0
	if what == "counts starts" {
		// It is right only where its folder is its own and survives a crash: it echoes nothing before it has started twice.
		f, err := os.OpenFile("starts", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(f, "again")
	}
	for in.Scan() {
		var m incoming
		if err := json.Unmarshal(in.Bytes(), &m); err != nil {
			panic(err)
		}
		reply := func(format string, args ...any) {
			fmt.Printf(`{"src":%q,"dest":%q,"body":{"in_reply_to":%d,%s}}`+"\n", m.Dest, m.Src, m.Body.MsgID, fmt.Sprintf(format, args...))
		}
		if m.Body.Type == "init" {
			switch what {
			case "no init":
			case "refuses init":
				reply(`"type":"error","code":11`)
			default:
				reply(`"type":"init_ok"`)
			}
			continue
		}
		if asked++; asked < 3 {
			reply(`"type":"echo_ok","echo":%s`, m.Body.Echo)
			continue
		}
		switch what {
		case "no json":
			fmt.Println("I got a message")
		case "no object":
			fmt.Println(`[1]`)
		case "no src":
			fmt.Println(`{"dest":"c1","body":{}}`)
		case "no dest":
			fmt.Printf(`{"src":%q,"body":{}}`+"\n", m.Dest)
		case "no body":
			fmt.Printf(`{"src":%q,"dest":"c1","body":7}`+"\n", m.Dest)
		case "another key":
			fmt.Printf(`{"src":%q,"dest":"c1","body":{},"source":"n0"}`+"\n", m.Dest)
		case "nowhere":
			fmt.Printf(`{"src":%q,"dest":"n77","body":{"type":"hello"}}`+"\n", m.Dest)
		case "nobody":
			fmt.Printf(`{"src":"n77","dest":"n0","body":{"type":"hello"}}` + "\n")
		case "no type":
			fmt.Printf(`{"src":%q,"dest":%q,"body":{"in_reply_to":%d}}`+"\n", m.Dest, m.Src, m.Body.MsgID)
		case "no call":
			fmt.Printf(`{"src":%q,"dest":%q,"body":{"type":"echo_ok","in_reply_to":%d}}`+"\n", m.Dest, m.Src, m.Body.MsgID+1000)
		case "no reply":
			fmt.Printf(`{"src":%q,"dest":%q,"body":{"type":"echo_ok"}}`+"\n", m.Dest, m.Src)
		case "exits":
			fmt.Fprintln(os.Stderr, "panic: I have had enough")
			os.Exit(7)
		case "draws":
			reply(`"type":"echo_ok","echo":%s,"at":%d`, m.Body.Echo, time.Now().UnixNano())
		case "later":
			reply(`"type":"echo_ok","echo":%s`, m.Body.Echo)
			if asked == 3 {
				go func() {
					for !exists("go") {
						time.Sleep(time.Millisecond)
					}
					fmt.Printf(`{"src":%q,"dest":"lin-kv","body":{"type":"tick"}}`+"\n", m.Dest)
					_ = os.WriteFile("done", nil, 0o600)
				}()
			}
		default:
			reply(`"type":"echo_ok","echo":%s`, m.Body.Echo)
		}
	}
}

func self(t *testing.T, what string) lines.Command {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	return lines.Command{Args: []string{path}, Env: append(os.Environ(), acting+"="+what)}
}

func systemOf(t *testing.T, workload string, o maelstrom.Options) harness.System {
	t.Helper()
	var err error
	o.Workload, err = maelstrom.Named(workload)
	require.NoError(t, err)
	s, err := maelstrom.System(o)
	require.NoError(t, err)
	return s
}

// small are options of short runs without faults.
func small(c lines.Command) maelstrom.Options {
	return maelstrom.Options{Command: c, Settings: maelstrom.Settings{Nodes: 2, Rate: 20, Recovery: faults.Duration(time.Second)}, TimeLimit: time.Second, Nemeses: []maelstrom.Nemesis{}}
}

func generated(t *testing.T, s harness.System, seed uint64) configuration.Configuration {
	t.Helper()
	c, err := s.Generate(seed, harness.Generation{})
	require.NoError(t, err)
	return c
}

func TestAnEchoPassesTheSameWayEachTime(t *testing.T) {
	o := small(self(t, "echo"))
	o.Nemeses = nil
	s := systemOf(t, "echo", o)
	first, err := failure.Twice(s, generated(t, s, 1))
	require.NoError(t, err)
	require.Equal(t, judge.Pass, first.Verdict, first.Findings)
	require.Contains(t, first.Made, faults.Contract)
	require.NotZero(t, first.Evidence.Contract.Answered)
}

// What breaks the protocol ends the run with a finding by its rule, with the line.
func TestWhatBreaksTheProtocolIsSaidWithItsLine(t *testing.T) {
	for what, want := range map[string]struct {
		rule       runtime.BreachRule
		kind, line string
	}{
		"no init":      {maelstrom.Initialises, "no-init-ok", ""},
		"refuses init": {maelstrom.Initialises, "no-init-ok", `"code":11`},
		"no json":      {runtime.KeepsTheForm, "line-not-json", "I got a message"},
		"no object":    {runtime.KeepsTheForm, "line-not-an-object", "[1]"},
		"no src":       {runtime.KeepsTheForm, "no-src", `{"dest":"c1","body":{}}`},
		"no dest":      {runtime.KeepsTheForm, "no-dest", `"body":{}}`},
		"no body":      {runtime.KeepsTheForm, "no-body", `"body":7}`},
		"another key":  {runtime.KeepsTheForm, "unknown-key", `"source":"n0"}`},
		"nowhere":      {maelstrom.Addresses, "no-such-dest", `"dest":"n77"`},
		"nobody":       {maelstrom.Addresses, "no-such-src", `"src":"n77"`},
		"no type":      {maelstrom.Replies, "no-type", `"in_reply_to":`},
		"no call":      {maelstrom.Replies, "no-such-call", `"in_reply_to":100`},
		"no reply":     {maelstrom.Replies, "no-in_reply_to", `{"type":"echo_ok"}`},
		"exits":        {runtime.LivesOn, "ended", ""},
	} {
		t.Run(what, func(t *testing.T) {
			s := systemOf(t, "echo", small(self(t, what)))
			r := harness.Run(s, generated(t, s, 1))
			require.Equal(t, judge.Violation, r.Verdict, r.Findings)
			f := r.Findings[0]
			require.Equal(t, faults.Sanity, f.Check)
			require.Equal(t, string(want.rule), f.Rule)
			require.Equal(t, want.kind, f.Kind)
			require.Contains(t, f.Found, want.line)
			require.Len(t, f.Nodes, 1)
			if what == "exits" {
				require.Equal(t, []string{"panic: I have had enough"}, f.Lead)
				require.Contains(t, f.Found, "exit status 7")
			}
		})
	}
}

// A program that asks its own clock is another run the second time, and the first event that differs is said.
func TestAProgramThatIsAnotherRunEachTimeIsToldTheFirstLineThatDiffers(t *testing.T) {
	s := systemOf(t, "echo", small(self(t, "draws")))
	_, err := failure.Twice(s, generated(t, s, 1))
	var e *failure.DeterminismError
	require.ErrorAs(t, err, &e)
	require.Contains(t, e.Expected, `"at":`)
	require.Contains(t, e.Found, `"at":`)
	require.NotEqual(t, e.Expected, e.Found)
}

// A line that nothing brought about is a breach in simulated time, and welcome where time follows the wall clock.
func TestALineThatNothingBroughtAboutNeedsTheWallClock(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	o := small(self(t, "later"))
	o.Settings.Nodes, o.Settings.Clients = 1, 2
	s := systemOf(t, "echo", o)
	heard := 0
	r := harness.RunWith(s, generated(t, s, 1), harness.Options{Listen: func(*sim.World, *sim.Event) {
		if heard++; heard != 40 {
			return
		}
		// The program has been asked, and is quiet. Now its own thread writes.
		folders, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*", "n0"))
		require.NoError(t, err)
		require.Len(t, folders, 1)
		require.NoError(t, os.WriteFile(filepath.Join(folders[0], "go"), nil, 0o600))
		require.Eventually(t, func() bool { return exists(filepath.Join(folders[0], "done")) }, 10*time.Second, time.Millisecond)
	}})
	require.Equal(t, judge.Violation, r.Verdict)
	require.Equal(t, string(maelstrom.OwnClock), r.Findings[0].Rule)
	require.Contains(t, r.Findings[0].Sentence(), `"type":"tick"`)
	require.Contains(t, r.Findings[0].Sentence(), "--clock wall")

	require.Empty(t, s.About().Unrepeatable)
	o.Settings.Clock = maelstrom.Wall
	o.Settings.Recovery = faults.Duration(10 * time.Millisecond)
	require.NotEmpty(t, systemOf(t, "echo", o).About().Unrepeatable)
}

// Each node has a folder of its own, which a crash leaves as it is and a lost disk empties, and which is gone after the run.
func TestAFolderSurvivesACrashAndNoLostDisk(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	o := small(self(t, "counts starts"))
	o.Settings.Disk, o.Settings.Nodes, o.TimeLimit = true, 2, 2*time.Second
	s := systemOf(t, "echo", o)
	c := generated(t, s, 1)
	c.Ending.Crash = false
	at := func(s float64) faults.Duration { return faults.Duration(s * float64(time.Second)) }
	c.Plan.Faults = []faults.Fault{{Kind: faults.Crash, At: at(0.3), For: at(0.1), Nodes: []string{"node 1"}},
		{Kind: faults.Crash, At: at(0.6), For: at(0.1), Nodes: []string{"node 2"}},
		{Kind: faults.DiskLost, At: at(0.9), For: at(0.1), Nodes: []string{"node 2"}}}
	c.Plan.BeyondBudget = true
	starts := map[string]string{}
	r := harness.RunWith(s, c, harness.Options{Ended: func(*harness.Stage) {
		files, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*", "*", "starts"))
		require.NoError(t, err)
		for _, f := range files {
			text, err := os.ReadFile(f)
			require.NoError(t, err)
			starts[filepath.Base(filepath.Dir(f))] = strings.TrimSpace(string(text))
		}
	}})
	require.Equal(t, judge.Pass, r.Verdict, r.Findings)
	require.Equal(t, map[string]string{"n0": "again\nagain", "n1": "again"}, starts)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	w, err := maelstrom.Named("echo")
	require.NoError(t, err)
	for want, o := range map[string]maelstrom.Options{
		"settings.nodes is 26":         {Settings: maelstrom.Settings{Nodes: 26}},
		"settings.zones is 6":          {Settings: maelstrom.Settings{Zones: 6}},
		"settings.clients is 101":      {Settings: maelstrom.Settings{Clients: 101}},
		"settings.rate is -1":          {Settings: maelstrom.Settings{Rate: -1}},
		"settings.clock is none":       {Settings: maelstrom.Settings{Clock: "none"}},
		"settings.timeout is -1ns":     {Settings: maelstrom.Settings{Timeout: -1}},
		"time limit is 1ms":            {TimeLimit: time.Millisecond},
		`unknown nemesis "rain"`:       {Nemeses: []maelstrom.Nemesis{"rain"}},
		"crashes need a program":       {Nemeses: []maelstrom.Nemesis{maelstrom.Crashes}},
		"unknown distribution":         {Latency: &maelstrom.Latency{Dist: "odd"}},
		"latency is -1ns":              {Latency: &maelstrom.Latency{Mean: -1, Dist: "constant"}},
		"expected a program":           {Command: lines.Command{Args: []string{""}}},
		"executable file not found in": {Command: lines.Command{Args: []string{"no-such-program-of-this-name"}}},
	} {
		o.Workload = w
		if o.Command.Args == nil {
			o.Command = self(t, "echo")
		}
		_, err := maelstrom.System(o)
		require.ErrorContains(t, err, want)
	}
	s := systemOf(t, "echo", small(self(t, "echo")))
	c := generated(t, s, 1)
	c.Plan.Faults = []faults.Fault{{Kind: faults.ClockJump, At: 1, Nodes: []string{"node 1"}, Extra: 1}}
	err = harness.Validate(s, &c)
	require.ErrorIs(t, err, runtime.ErrNotSupported)
	c = generated(t, s, 1)
	c.Ending.Crash = true
	require.ErrorContains(t, harness.Validate(s, &c), "ending.crash is true")
	var missing *configuration.Error
	c = generated(t, s, 1)
	c.Settings = nil
	require.True(t, errors.As(harness.Validate(s, &c), &missing))
}

// Plans have faults of the families that were asked for alone, none before the nodes are there, and crashes only where there are disks.
func TestPlansHaveWhatWasAskedForAlone(t *testing.T) {
	for _, nemeses := range [][]maelstrom.Nemesis{{maelstrom.Partitions}, {maelstrom.OneWay, maelstrom.Pauses}, {maelstrom.Duplicates}, nil, {}} {
		o := small(self(t, "echo"))
		o.Nemeses, o.TimeLimit = nemeses, 10*time.Second
		s := systemOf(t, "echo", o)
		kinds := map[faults.Kind]int{}
		for seed := range uint64(60) {
			c := generated(t, s, seed)
			for _, f := range c.Plan.Faults {
				require.GreaterOrEqual(t, f.At, faults.Duration(100*time.Millisecond))
				kinds[f.Kind]++
			}
			if len(nemeses) > 0 {
				require.NotEmpty(t, c.Plan.Faults)
			}
		}
		switch {
		case nemeses == nil:
			require.Greater(t, len(kinds), 6)
			require.Zero(t, kinds[faults.Crash])
			require.Zero(t, kinds[faults.DiskFail])
		case len(nemeses) == 0:
			require.Empty(t, kinds)
		default:
			require.Len(t, kinds, len(nemeses))
		}
	}
}
