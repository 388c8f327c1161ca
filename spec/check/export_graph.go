package check

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// MaxGraphStates is the most states that WriteGraph draws; a drawing of more is too large to look at.
const MaxGraphStates = 2000

// A GraphTooLargeError says that a world has more states than a drawing.
type GraphTooLargeError struct {
	Model string
	Limit int
}

func (e *GraphTooLargeError) Error() string {
	return fmt.Sprintf("check: a graph of model %s is drawn up to %d states; found more in this world", e.Model, e.Limit)
}

// WriteGraph writes every reachable state of the model, and every step between them, for Graphviz. The initial state has a
// double border; a state in which an invariant does not hold is red, is named after it, and is not gone on from. Other
// states outside a state constraint are left out. Under a reduction one state is drawn for all those that are taken for one another. The limit is the most states, 0 for
// MaxGraphStates; a model with more is refused with a *GraphTooLargeError, and then nothing is written.
func WriteGraph(ctx context.Context, m Model, limit int, w io.Writer) (err error) {
	if limit <= 0 {
		limit = MaxGraphStates
	}
	var at []byte // the state that steps are taken from
	defer caught(m, func() []byte { return at }, &err)
	d := drawing{model: m, machine: m.NewMachine(), numbers: map[string]int{}}
	d.machine.Init()
	d.enter()
	for from := 0; from < len(d.codes); from++ {
		if ctx.Err() != nil {
			return fmt.Errorf("check: the graph was interrupted: %w", context.Cause(ctx))
		}
		if len(d.codes) > limit {
			return &GraphTooLargeError{m.Name(), limit}
		}
		if d.broken[from] {
			continue
		}
		at = d.codes[from]
		if err := d.machine.Load(at); err != nil {
			return fmt.Errorf("check: %s: a state does not load again: %w", m.Name(), err)
		}
		labels := map[int][]string{} // of the steps to each state
		d.machine.Next(func(int, int) bool {
			if !within(d.machine) && d.machine.Broken() < 0 {
				return true
			}
			to := d.enter()
			if step := d.machine.Step(); !slices.Contains(labels[to], step) {
				labels[to] = append(labels[to], step)
			}
			return true
		})
		for to := range d.codes {
			if steps := labels[to]; steps != nil {
				d.edges = append(d.edges, fmt.Sprintf("  s%d -> s%d [label=%s];\n", from, to, dotLine(strings.Join(steps, "\n"))))
			}
		}
	}
	title := fmt.Sprintf("%s: %s states, %s", m.Name(), count(uint64(len(d.codes))), listOr(m.Reductions(), "no reduction"))
	_, err = fmt.Fprintf(w, "digraph states {\n  label=%s; labelloc=t; node [shape=box, fontname=monospace]; edge [fontname=monospace];\n%s%s}\n",
		dotLine(title), strings.Join(d.nodes, ""), strings.Join(d.edges, ""))
	return err
}

func listOr(list []string, none string) string {
	if len(list) == 0 {
		return none
	}
	return strings.Join(list, "; ")
}

// A drawing is a graph as far as it is known.
type drawing struct {
	model   Model
	machine Machine
	numbers map[string]int // of the states, by encoding
	codes   [][]byte
	broken  []bool
	nodes   []string
	edges   []string
}

// enter returns the number of the state that the machine is in.
func (d *drawing) enter() int {
	code := d.machine.Encode(nil)
	if n, known := d.numbers[string(code)]; known {
		return n
	}
	n := len(d.codes)
	d.numbers[string(code)] = n
	d.codes = append(d.codes, code)
	var lines []string
	for _, v := range d.machine.Vars() {
		lines = append(lines, v.Name+" = "+v.Value)
	}
	style := ""
	if n == 0 {
		style = ", peripheries=2"
	}
	broken := d.machine.Broken()
	d.broken = append(d.broken, broken >= 0)
	if broken >= 0 {
		lines = append(lines, d.model.Invariants()[broken].Name+" does not hold")
		style += ", color=red"
	}
	d.nodes = append(d.nodes, fmt.Sprintf("  s%d [label=%s%s];\n", n, dotText(lines), style))
	return n
}
