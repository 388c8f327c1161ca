package protocol

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/strict"
	"github.com/firstgap/firstgap/impl/node"
)

// A Program is a program that is a node, in any language.
type Program struct{ Command lines.Command }

// Maker returns what makes nodes of it, each a process of its own, from the first event of an incarnation to its crash.
func (p Program) Maker() Maker {
	return func(at Place) node.Node {
		m := &member{command: p.Command, place: at}
		m.foreign, _ = at.Hook.(runtime.Foreign)
		return m
	}
}

// A member is a node in a program. Where that breaks the protocol, Step panics with a *runtime.Breach.
type member struct {
	command lines.Command
	place   Place
	foreign runtime.Foreign // nil: the hook is not one
	program *lines.Program  // nil before the first event
	line    []byte          // of the harness, kept for its memory
	answer  answer
	told    bool // it has told a state
	state   node.State
	name    string
	timers  map[node.Timer]string
}

// Step implements node.Node.
func (m *member) Step(now node.Time, ev node.Event, out *node.Effects) {
	if m.program == nil {
		m.begin()
	}
	damaged := false
	if ev.Message != nil {
		ev.Message, damaged = node.DamagedOnItsWay(ev.Message)
	}
	line, err := happenings.AppendJSON(m.line[:0], &happening{Now: &now, Event: &ev, Damaged: damaged})
	if err != nil {
		panic(fmt.Sprintf("protocol: an event has no line: %v", err)) // a test takes every one
	}
	m.line = append(line, '\n')
	said := m.ask()
	if m.foreign != nil {
		m.foreign.Heard(said)
	}
	if err := answers.DecodeJSON(said, &m.answer); err != nil {
		panic(m.malformed(said, err))
	}
	if m.answer.Effects == nil {
		panic(m.form("missing key: effects", `the key "effects", with an empty list where nothing is to be done`, "none", said))
	}
	for i := range *m.answer.Effects {
		e := &(*m.answer.Effects)[i]
		if expected, found := wrong(e); expected != "" {
			panic(m.form("effect: "+e.Kind.String()+": "+expected, expected+fmt.Sprintf(" in effects[%d]", i), found, said))
		}
	}
	out.List = append(out.List, *m.answer.Effects...)
	out.Trace = append(out.Trace, m.answer.Trace...)
	if s := m.answer.State; s != nil {
		m.state, m.told = *s, true
	}
}

// wrong says what is wrong with an effect that decodes: what its kind needs and it lacks.
func wrong(e *node.Effect) (expected, found string) {
	needs := func(key string, has bool) {
		if !has && expected == "" {
			expected, found = fmt.Sprintf("the key %q of %q", key, e.Kind), "none"
		}
	}
	switch e.Kind {
	case node.DoSend:
		needs("to", e.To != 0)
		needs("message", e.Message != nil)
	case node.DoRespond:
		needs("to", e.To != 0)
		needs("reply", e.Reply != nil)
		needs("reply.status", e.Reply == nil || e.Reply.Status != 0)
	case node.DoAppend, node.DoReplace:
		needs("file", e.File != "")
	case node.DoRead:
		needs("file", e.File != "")
		if e.From < 0 || e.Size < 0 {
			expected, found = `"from" and "size" of "read" of 0 or more`, fmt.Sprintf("%d and %d", e.From, e.Size)
		}
	case node.DoSetTimer, node.DoClearTimer, node.DoSync:
	default:
		expected, found = `the key "kind"`, "none"
	}
	return expected, found
}

// begin starts the program and says hello.
func (m *member) begin() {
	p, err := lines.Start(m.command)
	if err != nil {
		panic(breachOf(err))
	}
	m.program = p
	one, wire, index, seed := uint16(Version), uint16(node.WireVersion), m.place.Index, m.place.Seed
	h := hello{Role: string(m.place.Role), ID: m.place.ID, Index: &index, Members: m.place.Members, Seed: &seed, Volume: m.place.Volume}
	if m.place.Volume != nil {
		h.Nodes = nodesOf(m.place.Nodes)
	}
	if m.foreign != nil {
		h.Bug = m.foreign.Bug()
	}
	line, err := greetings.AppendJSON(nil, &greeting{Firstgap: &one, Wire: &wire, Hello: &h})
	if err != nil {
		panic(fmt.Sprintf("protocol: a place has no line: %v", err))
	}
	m.line = append(line, '\n')
	said := m.ask()
	if m.foreign != nil {
		m.foreign.Heard(said)
	}
	var w welcome
	if err := strict.Unmarshal(said, &w); err != nil {
		found := err.Error()
		if s := (*strict.Error)(nil); errors.As(err, &s) {
			found = s.Error()
		}
		panic(m.form("hello", `the answer to hello, {"firstgap":1}`, found, said))
	}
	if w.Firstgap != Version {
		panic(m.form("hello: version", `the answer to hello, {"firstgap":1}`, fmt.Sprintf("version %d", w.Firstgap), said))
	}
	m.name, m.timers = w.Name, map[node.Timer]string{}
	for number, word := range w.Timers {
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			panic(m.form("hello: timers", `in "timers" the numbers of timers as keys`, strconv.Quote(number), said))
		}
		m.timers[node.Timer(n)] = word
	}
}

// ask writes the line and returns what the program answers. It is valid until the next.
func (m *member) ask() []byte {
	switch early, err := m.program.Unread(); {
	case err != nil:
		panic(breachOf(err))
	case len(early) > 0:
		// It may be the rest of an answer of two lines, which is not seen with the first: when the second comes is the machine's affair.
		panic(&runtime.Breach{Rule: runtime.AnswersInTime, Kind: "unasked", Expected: "one line for each event, and none in between",
			Found: fmt.Sprintf("%d bytes before the next event", len(early)), Line: shown(early), Lead: m.logged()})
	}
	if err := m.program.Write(m.line); err != nil {
		panic(breachOf(err))
	}
	said, err := m.program.Read()
	if err != nil {
		panic(breachOf(err))
	}
	return said
}

// malformed is an answer that is not of the protocol.
func (m *member) malformed(said []byte, err error) *runtime.Breach {
	if at := firstInvalid(said); at >= 0 {
		return m.form("not UTF-8", "UTF-8", fmt.Sprintf("the byte 0x%02x at byte %d", said[at], at), said)
	}
	var w *node.WireError
	if !errors.As(err, &w) {
		return m.form("answer", "an answer", err.Error(), said)
	}
	where := "at the beginning"
	if w.Path != "" {
		where = "in " + w.Path
	}
	return m.form(string(w.Rule)+" "+numbered.ReplaceAllString(w.Path, "[]"), w.Expected, fmt.Sprintf("%s %s, at byte %d", w.Found, where, w.Offset), around(said, w.Offset))
}

// numbered is a place in a list.
var numbered = regexp.MustCompile(`\[[0-9]+\]`)

func (m *member) form(kind, expected, found string, said []byte) *runtime.Breach {
	return &runtime.Breach{Rule: runtime.KeepsTheForm, Kind: kind, Expected: expected, Found: found, Line: shown(said), Lead: m.logged()}
}

func (m *member) logged() []string { return logged(m.program.Stderr()) }

func firstInvalid(line []byte) int {
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRune(line[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// around is what stands around a place of a long line.
func around(line []byte, at int) []byte {
	const each = 120
	if len(line) <= 2*each || at < 0 {
		return line
	}
	from, to := max(0, at-each), min(len(line), at+each)
	var b []byte
	if from > 0 {
		b = append(b, "…"...)
	}
	b = append(b, line[from:to]...)
	if to < len(line) {
		b = append(b, "…"...)
	}
	return b
}

// shown is a line for people: as it is where all of it can be seen, and quoted where it cannot.
func shown(line []byte) string {
	s := lines.Cut(line)
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// breachOf is what is wrong with a program, as a finding has it.
func breachOf(err error) *runtime.Breach {
	var e *lines.Error
	if !errors.As(err, &e) {
		return &runtime.Breach{Rule: runtime.LivesOn, Expected: "a program", Found: err.Error(), Ours: true}
	}
	b := &runtime.Breach{Rule: runtime.AnswersInTime, Kind: string(e.Problem), Expected: e.Expected, Found: e.Found, Lead: logged(e.Stderr), Ours: e.Problem.Ours()}
	if e.Line != "" {
		b.Line = shown([]byte(e.Line))
	}
	if e.Problem == lines.Ended {
		b.Rule = runtime.LivesOn
		if e.Status != "" {
			b.Kind += ": " + e.Status
		}
	}
	return b
}

// logged are the lines that a program wrote last to its standard error.
func logged(text string) []string {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	return append([]string{"its standard error ends with:"}, strings.Split(text, "\n")...)
}

// State implements node.Teller, of a program that tells its state.
func (m *member) State() node.State { return m.state }

// Tells implements runtime.MayTell.
func (m *member) Tells() bool { return m.told }

// TimerName implements node.TimerNamer.
func (m *member) TimerName(t node.Timer) string { return m.timers[t] }

// Stop implements runtime.Stopper: it is the crash of the process, and the end of the run.
func (m *member) Stop() {
	if m.program != nil {
		m.program.Stop()
	}
}
