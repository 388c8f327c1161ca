package check

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Behaviour is a sequence of steps from the initial state: a counterexample, or one that was chosen at random.
type Behaviour struct {
	Model     string `json:"model"`
	World     any    `json:"world"`
	Invariant string `json:"invariant"` // that does not hold in the last state or, with a loop, the property that fails; empty for none
	Guarantee string `json:"guarantee,omitempty"`
	Initial   []Var  `json:"initial"`
	Steps     []Step `json:"steps"`
	// Loop is the number of the state, counted from 0, to which the last step has led back, so that what follows repeats
	// forever; nil when the behaviour just ends. When it is the last state itself, nothing happens any more.
	Loop *int `json:"loop,omitempty"`
	// Origin says how the behaviour came about.
	Origin string `json:"origin"`
}

// Counterexample returns the counterexample that is in a result of the model, and whether there is one.
func Counterexample(m Model, r *Result) (Behaviour, bool) {
	if r.Verdict != Violation || r.Reason == NotReachable {
		return Behaviour{}, false
	}
	b := begin(m)
	b.Invariant, b.Guarantee, b.Steps = r.Invariant, r.Guarantee, r.Trace
	b.Origin = "a shortest counterexample"
	switch {
	case r.Walks > 0:
		b.Origin = fmt.Sprintf("a counterexample from random walks with seed %d, without the steps that it can do without", r.Seed)
	case r.Lasso != nil:
		loop := r.Lasso.Prefix
		b.Loop, b.Origin = &loop, "a fair behaviour without the progress that was promised"
	}
	return b, true
}

func begin(m Model) Behaviour {
	machine := m.NewMachine()
	machine.Init()
	return Behaviour{Model: m.Name(), World: m.World(), Initial: machine.Vars(), Steps: []Step{}}
}

// RandomBehaviour takes at most so many steps, each chosen by the seed among those that are possible and lead to a state inside the
// state constraint, or to one that breaks an invariant. It ends early in a
// state without steps, or in which an invariant does not hold, which it then names.
func RandomBehaviour(m Model, seed uint64, steps int) (b Behaviour, err error) {
	var code []byte // of the state from which steps are taken; nil for the initial one
	defer caught(m, func() []byte { return code }, &err)
	machine := m.NewMachine()
	machine.Init()
	b = begin(m)
	b.Origin = fmt.Sprintf("chosen at random by seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	possible := make([]int, len(m.Actions())) // steps of each action
	for broken := machine.Broken(); ; broken = machine.Broken() {
		if broken >= 0 {
			rule := m.Invariants()[broken]
			b.Invariant, b.Guarantee = rule.Name, rule.Guarantee
			return b, nil
		}
		clear(possible)
		possibly := func() bool { return within(machine) || machine.Broken() >= 0 }
		machine.Next(func(action, _ int) bool {
			if possibly() {
				possible[action]++
			}
			return true
		})
		var actions []int
		for action, n := range possible {
			if n > 0 {
				actions = append(actions, action)
			}
		}
		if len(actions) == 0 || len(b.Steps) == steps {
			return b, nil
		}
		// First an action, each as likely, and then one of its steps: an action with many would drown the others.
		chosen := actions[chance.IntN(len(actions))]
		which := chance.IntN(possible[chosen])
		before := machine.Vars()
		name := ""
		machine.Next(func(action, _ int) bool {
			if action != chosen || !possibly() {
				return true
			}
			if which--; which >= 0 {
				return true
			}
			name = machine.Step()
			return false
		})
		b.Steps = append(b.Steps, Step{name, Diff(before, machine.Vars())})
		code = machine.Encode(code[:0])
	}
}

// states returns the state after each step, the initial one first, each as its parts that are not left out.
func (b *Behaviour) states() []map[string]string {
	state := make(map[string]string, len(b.Initial))
	for _, v := range b.Initial {
		state[v.Name] = v.Value
	}
	all := []map[string]string{state}
	for _, step := range b.Steps {
		next := make(map[string]string, len(state))
		for name, value := range state {
			next[name] = value
		}
		for _, c := range step.Changes {
			if c.To == "" {
				delete(next, c.Var)
			} else {
				next[c.Var] = c.To
			}
		}
		all = append(all, next)
		state = next
	}
	return all
}

// names returns the parts of the states, in the order in which they come up.
func (b *Behaviour) names() []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, v := range b.Initial {
		add(v.Name)
	}
	for _, step := range b.Steps {
		for _, c := range step.Changes {
			add(c.Var)
		}
	}
	return names
}

// A Format is how a behaviour is written.
type Format string

// The formats: for people, as JSON, in the Informal Trace Format that Apalache, Quint and trace viewers read, and for
// Graphviz.
const (
	Text Format = ".txt"
	JSON Format = ".json"
	ITF  Format = ".itf.json"
	DOT  Format = ".dot"
)

// FormatOf returns the format that the ending of a file's name says. Its error lists those that are known.
func FormatOf(file string) (Format, error) {
	for _, f := range []Format{ITF, JSON, Text, DOT} { // .itf.json ends in .json, too
		if strings.HasSuffix(file, string(f)) {
			return f, nil
		}
	}
	return "", fmt.Errorf("%s ends in %q; expected one of %s, %s, %s, %s", file, filepath.Ext(file), Text, JSON, ITF, DOT)
}

// Write writes the behaviour in a format.
func (b Behaviour) Write(w io.Writer, f Format) error {
	var text []byte
	var err error
	switch f {
	case Text:
		text = []byte(b.text())
	case JSON:
		text, err = json.MarshalIndent(b, "", "  ")
	case ITF:
		text, err = json.MarshalIndent(b.itf(), "", "  ")
	case DOT:
		text = []byte(b.dot())
	default:
		err = fmt.Errorf("check: no format %q", f)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

func (b *Behaviour) text() string {
	var t strings.Builder
	fmt.Fprintf(&t, "model %s: %s\n", b.Model, b.Origin)
	if b.Invariant != "" {
		fmt.Fprintf(&t, "%s: %q\n", b.Invariant, b.Guarantee)
	}
	t.WriteString("\n  0  the initial state\n")
	for _, v := range b.Initial {
		fmt.Fprintf(&t, "       %s = %s\n", v.Name, v.Value)
	}
	for i, step := range b.Steps {
		fmt.Fprintf(&t, "%3d  %s\n", i+1, step.Action)
		for _, c := range step.Changes {
			fmt.Fprintf(&t, "       %s\n", c)
		}
	}
	if b.Loop != nil {
		if *b.Loop == len(b.Steps) {
			t.WriteString("     and then nothing, forever\n")
		} else {
			fmt.Fprintf(&t, "     and from step %d again, forever\n", *b.Loop+1)
		}
	}
	return strings.TrimSuffix(t.String(), "\n")
}

// String says how one part of a state changed.
func (c Change) String() string {
	switch {
	case c.From == "":
		return c.Var + " = " + c.To
	case c.To == "":
		return c.Var + ": no longer " + c.From
	}
	return c.Var + ": " + c.To + ", was " + c.From
}

// An itfTrace is a behaviour in the Informal Trace Format.
type itfTrace struct {
	Meta   map[string]any   `json:"#meta"`
	Vars   []string         `json:"vars"`
	Loop   *int             `json:"loop,omitempty"`
	States []map[string]any `json:"states"`
}

// lastAction is the variable that says which step led to a state.
const lastAction = "action"

// itf makes a variable of every part of the state. Parts with an index, such as fence[r1] and log[1][2], are one variable,
// a function of the index. A variable is a number or a truth value where that is what all of its values are.
func (b *Behaviour) itf() itfTrace {
	itf := itfTrace{
		Meta: map[string]any{"format": "ITF", "source": "firstgap " + b.Model, "description": b.Origin, "world": b.World},
		Vars: []string{},
	}
	if b.Loop != nil {
		// There, the state at the loop follows the last one. Ours are the same state but for how they were reached.
		loop := min(*b.Loop+1, len(b.Steps))
		itf.Loop = &loop
	}
	if b.Invariant != "" {
		itf.Meta["invariant"], itf.Meta["guarantee"] = b.Invariant, b.Guarantee
	}
	states := b.states()
	parts := map[string][]string{} // of each variable
	for _, name := range b.names() {
		variable, _, _ := strings.Cut(name, "[")
		if parts[variable] == nil {
			itf.Vars = append(itf.Vars, variable)
		}
		parts[variable] = append(parts[variable], name)
	}
	values := map[string]func(string) any{}
	for _, variable := range itf.Vars {
		values[variable] = itfType(states, variable, parts[variable])
	}
	for i, state := range states {
		shown := map[string]any{"#meta": map[string]any{"index": i}, lastAction: "Init"}
		if i > 0 {
			shown[lastAction] = b.Steps[i-1].Action
		}
		for _, variable := range itf.Vars {
			value := values[variable]
			if slices.Equal(parts[variable], []string{variable}) {
				shown[variable] = value(state[variable])
				continue
			}
			pairs := [][2]any{}
			for _, part := range parts[variable] {
				if text, ok := state[part]; ok {
					pairs = append(pairs, [2]any{itfIndex(part[len(variable):]), value(text)})
				}
			}
			shown[variable] = map[string]any{"#map": pairs}
		}
		itf.States = append(itf.States, shown)
	}
	itf.Vars = append(itf.Vars, lastAction)
	return itf
}

// itfType returns how the values of a variable are written.
func itfType(states []map[string]string, variable string, parts []string) func(string) any {
	numbers, truths := true, true
	for _, state := range states {
		for _, part := range parts {
			text, ok := state[part]
			if !ok && part != variable {
				continue // a function need not have every index
			}
			if _, err := strconv.ParseInt(text, 10, 64); err != nil {
				numbers = false
			}
			truths = truths && (text == "true" || text == "false")
		}
	}
	switch {
	case numbers:
		return itfNumber
	case truths:
		return func(text string) any { return text == "true" }
	}
	return func(text string) any { return text }
}

// itfNumber returns a number as the format wants it: one that a float cannot hold exactly is spelled out.
func itfNumber(text string) any {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n >= 1<<53 || n <= -1<<53 {
		return map[string]any{"#bigint": text}
	}
	return n
}

// itfIndex returns the index of a part: "[1]" is a number, "[r1]" a word, "[1][r1]" a tuple.
func itfIndex(brackets string) any {
	var tuple []any
	for _, one := range strings.Split(strings.Trim(brackets, "[]"), "][") {
		if _, err := strconv.ParseInt(one, 10, 64); err == nil {
			tuple = append(tuple, itfNumber(one))
		} else {
			tuple = append(tuple, one)
		}
	}
	if len(tuple) == 1 {
		return tuple[0]
	}
	return map[string]any{"#tup": tuple}
}

func (b *Behaviour) dot() string {
	var t strings.Builder
	title := b.Model + ": " + b.Origin
	if b.Invariant != "" {
		title += "\n" + b.Invariant + " does not hold"
	}
	fmt.Fprintf(&t, "digraph behaviour {\n  label=%s; labelloc=t; node [shape=box, fontname=monospace]; edge [fontname=monospace];\n", dotLine(title))
	var initial []string
	for _, v := range b.Initial {
		initial = append(initial, v.Name+" = "+v.Value)
	}
	last := len(b.Steps)
	back := b.Loop != nil && *b.Loop < last // the last step leads to a state that has been drawn
	for i := range last + 1 {
		if back && i == last {
			break
		}
		lines, style := initial, ""
		if i > 0 {
			lines = nil
			for _, c := range b.Steps[i-1].Changes {
				lines = append(lines, c.String())
			}
		}
		if i == 0 {
			style = ", peripheries=2"
		}
		if i == last && b.Invariant != "" && b.Loop == nil {
			style += ", color=red"
		}
		fmt.Fprintf(&t, "  s%d [label=%s%s];\n", i, dotText(lines), style)
	}
	for i, step := range b.Steps {
		to, style := i+1, ""
		if back && to == last {
			to, style = *b.Loop, ", color=red"
		}
		fmt.Fprintf(&t, "  s%d -> s%d [label=%s%s];\n", i, to, dotLine(step.Action), style)
	}
	if b.Loop != nil && !back {
		fmt.Fprintf(&t, "  s%d -> s%d [label=\"nothing, forever\", color=red];\n", last, last)
	}
	t.WriteString("}")
	return t.String()
}

// dotText quotes lines that are set one below the other, flush left.
func dotText(lines []string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, line := range lines {
		b.WriteString(dotEscape(line) + `\l`)
	}
	b.WriteByte('"')
	return b.String()
}

// dotLine quotes a label that is centred.
func dotLine(text string) string { return `"` + dotEscape(text) + `"` }

func dotEscape(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text)
}
