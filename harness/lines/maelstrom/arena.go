package maelstrom

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// An arena is such a system in a run.
type arena struct {
	crowd
	of         Workload
	parameters Parameters
	runtime    runtime.Runtime
	next       node.ID // the next address of a client
	clients    []*client
	broken     error // of the folder of the run
}

// client makes one that asks the node of its number.
func (a *arena) client(index int, setup []Body) *client {
	name := fmt.Sprintf("c%d", len(a.place.clients)+1)
	id := a.next
	a.next++
	a.place.clients[name], a.place.callers[id] = id, name
	at := index % len(a.place.nodes)
	c := &client{crowd: &a.crowd, index: index, name: name, home: a.place.ids[a.place.nodes[at]], node: a.place.nodes[at], seed: a.place.seed, setup: setup}
	return c
}

// join adds a client to the run.
func (a *arena) join(name string, c *client) error {
	if !c.final {
		a.clients = append(a.clients, c)
	}
	return a.runtime.AddClient(runtime.Client{ID: a.place.clients[c.name], Name: name, Actor: c})
}

// Probe implements harness.Clients. Clients go on until they are stopped, so that whether the system serves shows in what they are answered.
func (a *arena) Probe() harness.Probe { return &probe{arena: a, served: a.served} }

type probe struct {
	arena  *arena
	served uint64
}

// Wrote tells whether a call was answered since the probe was sent out. In a run in which most calls are left out there may be none to make.
func (p *probe) Wrote() bool {
	a := p.arena
	return a.served > p.served || a.refusedSetup != nil || a.settings.Only != nil && a.Idle()
}

func (p *probe) Stop() {}

// Audit implements harness.Clients: for each client one joins that makes its last calls.
func (a *arena) Audit() harness.Audit {
	for i := range a.settings.Clients {
		c := a.client(i, nil)
		c.final = true
		a.finals = append(a.finals, c)
		if err := a.join(fmt.Sprintf("auditor %d", i+1), c); err != nil {
			panic(fmt.Sprintf("maelstrom: %v", err)) // the address is free
		}
	}
	return audit{a}
}

type audit struct{ arena *arena }

// Done tells whether all last calls were made.
func (x audit) Done() bool {
	return !slices.ContainsFunc(x.arena.finals, func(c *client) bool { return !c.done })
}

// Stop implements harness.Clients.
func (a *arena) Stop() { a.stopped = true }

// Idle implements harness.Clients.
func (a *arena) Idle() bool {
	return !slices.ContainsFunc(a.clients, func(c *client) bool { return !c.idle() })
}

// evidence adds what the clients saw.
func (a *arena) evidence(e *judge.Evidence) {
	calls := make([]Call, len(a.calls))
	ends := make([]uint64, len(a.calls))
	contract := &judge.Contracted{Guarantee: a.of.Guarantee, Calls: len(a.calls)}
	for i, c := range a.calls {
		calls[i], ends[i] = *c, a.ends[c]
		if c.Returned == 0 {
			calls[i].Returned = a.runtime.Now() // it was under way when the run ended
		}
		if c.Outcome == OK {
			contract.Answered++
		}
	}
	late, clocks := a.uncalled(), a.clocks()
	refused := a.refusedSetup
	parameters, check := a.parameters, a.of.Check
	contract.Check = func() (all []judge.ContractError) {
		if refused != nil {
			all = append(all, judge.ContractError{Rule: "setup", Says: "expected that a node takes what it is told before all else, found that it refuses", Lead: []string{describe(refused)}})
		}
		for _, p := range check(parameters, calls) {
			x := judge.ContractError{Rule: p.Rule, Says: p.Says, Undecided: p.Undecided}
			for _, i := range p.Calls {
				x.Lead, x.Event = append(x.Lead, describe(&calls[i])), max(x.Event, ends[i])
			}
			x.Lead = append(x.Lead, clocks...)
			all = append(all, x)
		}
		return append(all, late...)
	}
	e.Contract, e.Begun = contract, a.begun
	if a.of.Count != nil {
		var other counts.Other
		for _, f := range a.of.Count(calls) {
			if f.Value > 0 {
				other = other.Plus(counts.Other{{Name: a.of.Name + ": " + f.Name, Value: uint64(f.Value)}})
			}
		}
		e.Counts.Other = other
	}
}

// uncalled is a line that a program has written since it was given the last one, in simulated time.
func (a *arena) uncalled() (all []judge.ContractError) {
	if a.place.wall != nil {
		return nil
	}
	for _, m := range a.place.running {
		line, err := m.program.Line()
		if line == nil || err != nil {
			continue
		}
		w := unasked()
		all = append(all, judge.ContractError{Rule: w.kind, Says: fmt.Sprintf("%s: expected of %s %s, found %s", w.rule, m.name(), w.expected, lines.Cut(line))})
	}
	return all
}

// clocks are hints for whoever wonders what a program did not do: those that wait for a moment wait in vain in simulated time.
func (a *arena) clocks() (all []string) {
	if a.place.wall != nil {
		return nil
	}
	for _, m := range a.place.running {
		if hint := m.group.Clock(); hint != "" {
			all = append(all, fmt.Sprintf("%s has a clock of its own (%s), and in simulated time none passes for it: --clock wall runs it", m.name(), hint))
		}
	}
	return all
}

// describe is a call on one line.
func describe(c *Call) string {
	who := fmt.Sprintf("client %d", c.Client+1)
	if c.Final {
		who += ", after the faults"
	}
	answer := "no answer"
	if c.Reply != nil {
		answer = lines.Cut(encode(c.Reply))
	}
	return fmt.Sprintf("%v to %v: %s asks %s %s: %v: %s", time.Duration(c.Invoked), time.Duration(c.Returned), who, c.Node, lines.Cut(encode(c.Request)), c.Outcome, answer)
}

// absolute has a program, and the files that it is given, be found from any folder: each node runs in a folder of its own.
func absolute(args []string) ([]string, error) {
	if len(args) == 0 || args[0] == "" {
		return nil, fmt.Errorf("maelstrom: expected a program, found none")
	}
	all := slices.Clone(args)
	if strings.Contains(all[0], "/") {
		path, err := filepath.Abs(all[0])
		if err != nil {
			return nil, err
		}
		all[0] = path
	} else if _, err := exec.LookPath(all[0]); err != nil {
		return nil, fmt.Errorf("maelstrom: %w", err)
	}
	for i, arg := range all[1:] {
		if path, err := filepath.Abs(arg); err == nil && !strings.HasPrefix(arg, "-") && exists(path) {
			all[i+1] = path
		}
	}
	return all, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
