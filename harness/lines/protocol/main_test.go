package protocol_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/impl/node"
)

// The tests' programs are this binary, run again: what it is then is said in its environment.
const being = "PROTOCOL_TEST_PROGRAM"

func TestMain(m *testing.M) {
	what := os.Getenv(being)
	if what == "" {
		os.Exit(m.Run())
	}
	name, how, _ := strings.Cut(what, ":")
	maker, err := protocol.Ours(protocol.Role(name))
	if name == string(protocol.Replica) {
		maker, err = newReplica, nil
	}
	if err != nil {
		panic(err)
	}
	runtime.GOMAXPROCS(1)
	if err := protocol.Serve(maker, os.Stdin, misbehaving(how)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

// program is this binary as a node: a role, and behind a colon how it misbehaves.
func program(what string, l lines.Limits) protocol.Program {
	return protocol.Program{Command: lines.Command{Args: []string{os.Args[0]}, Env: append(os.Environ(), being+"="+what), Limits: l}}
}

func system(t testing.TB, r protocol.Role, m protocol.Maker) harness.System {
	t.Helper()
	s, err := protocol.System(r, m, protocol.Options{})
	require.NoError(t, err)
	return s
}

// A misbehaver writes what it is given, but for what it does wrong at its third line: the second answer to an event.
type misbehaver struct {
	how   string
	lines int
	out   *os.File
}

func misbehaving(how string) io.Writer {
	if how == "" {
		return os.Stdout // what is measured must not pay for what is not asked for
	}
	m := &misbehaver{how: how, out: os.Stdout}
	if how == "chatter" {
		fmt.Println("listening on port 80")
	}
	return m
}

func (m *misbehaver) Write(b []byte) (int, error) {
	m.lines++
	if f := alters()[m.how]; f != nil {
		b = []byte(f(string(b)))
	}
	if m.lines == 3 {
		if f := wrongs()[m.how]; f != nil {
			f(m.out, string(b))
			return len(b), nil
		}
	}
	return m.out.Write(b)
}

// alters are mistakes that are made in every line.
func alters() map[string]func(string) string {
	replacing := func(what, by string) func(string) string {
		of := regexp.MustCompile(what)
		return func(line string) string { return of.ReplaceAllString(line, by) }
	}
	return map[string]func(string) string{
		"rounds": replacing(`"9007199254740993"`, `9007199254740992`),
		"text":   replacing(`"value":{"bytes":{"base64":"AP8="}`, `"value":{"bytes":"??"`),
		"mute":   replacing(`"kind":"respond","to":1001`, `"kind":"respond","to":1999`),
		"dice": func(line string) string { // the last digits of a delay
			return strings.ReplaceAll(line, `"after":20000000`, fmt.Sprintf(`"after":2%07d`, rand.IntN(1e7)))
		},
		"forgets": replacing(`"file":"values","data":"{`, `"file":"values","data":"[`),
	}
}

// wrongs are the ways to answer an event wrongly.
func wrongs() map[string]func(out io.Writer, line string) {
	say := func(s string) func(io.Writer, string) {
		return func(out io.Writer, _ string) { fmt.Fprintln(out, s) }
	}
	return map[string]func(io.Writer, string){
		"broken":      say(`{"effects":[`),
		"empty":       say(``),
		"no-effects":  say(`{"trace":[]}`),
		"unknown":     say(`{"effects":[{"kind":"set-timer","timer":1,"afterwards":5}]}`),
		"message":     say(`{"effects":[{"kind":"send","to":2,"message":{"hello":{}}}]}`),
		"no-message":  say(`{"effects":[{"kind":"send","to":2}]}`),
		"no-reply":    say(`{"effects":[{"kind":"respond","to":7}]}`),
		"no-status":   say(`{"effects":[{"kind":"respond","to":7,"reply":{"id":1}}]}`),
		"no-file":     say(`{"effects":[{"kind":"append","data":"x"}]}`),
		"negative":    say(`{"effects":[{"kind":"read","file":"x","from":-1}]}`),
		"no-kind":     say(`{"effects":[{"timer":1}]}`),
		"invalid":     say("{\"effects\":[],\"trace\":\"\xff\"}"),
		"trailing":    say(`{"effects":[]}{"effects":[]}`),
		"list":        say(`[]`),
		"two":         say("{\"effects\":[]}\n{\"effects\":[]}"),
		"long":        func(out io.Writer, _ string) { fmt.Fprintln(out, strings.Repeat(" ", 10<<20)) },
		"no-newline":  func(out io.Writer, line string) { fmt.Fprint(out, strings.TrimSpace(line)); wait() },
		"silent":      func(io.Writer, string) { wait() },
		"exit":        func(io.Writer, string) { fmt.Fprintln(os.Stderr, "no more\nof this"); os.Exit(0) },
		"panic":       func(io.Writer, string) { os.Stderr.WriteString("panic: of the program\n"); os.Exit(3) },
		"half-a-line": func(out io.Writer, _ string) { fmt.Fprint(out, `{"effe`); os.Exit(0) },
	}
}

func wait() { _, _ = io.Copy(io.Discard, bufio.NewReader(os.Stdin)); os.Exit(0) }

var _ node.Node = (*replica)(nil)
