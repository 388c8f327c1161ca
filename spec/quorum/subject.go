package quorum

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// New returns the model of a world. It refuses, with a *WorldError, one that contradicts itself or does not fit.
func New(w World) (check.Model, error) {
	w, err := w.check()
	if err != nil {
		return nil, err
	}
	return model{w}.plain().Model(), nil
}

func (m model) plain() check.Plain[State] {
	p := check.Plain[State]{
		Title:     "quorum",
		Constants: m.World,
		Start:     m.init(),
		Moves:     m.moves(),
		Must:      m.mustNamed(),
		Reach:     m.reach(),
		Show:      m.show,
	}
	if m.Symmetry {
		p.Same, p.Symmetry = m.same, "replicas are interchangeable"
	}
	return p
}

// Subject returns the model with its named worlds.
func Subject() check.Subject {
	return check.Subject{
		Name:   "quorum",
		About:  "the versioned register of a quorum system: N replicas, writes to W, reads from R",
		Module: "Quorum",
		Large:  large(),
		Worlds: worlds(),
		Bugs:   Bugs(),
		Read: func(text []byte) (check.Model, error) {
			var w World
			if err := check.ReadWorld(text, &w); err != nil {
				return nil, err
			}
			return New(w)
		},
		Config: func(text []byte) (string, error) {
			var w World
			if err := check.ReadWorld(text, &w); err != nil {
				return "", err
			}
			w, err := w.check()
			if err != nil {
				return "", err
			}
			return model{w}.config(), nil
		},
	}
}

// config returns the configuration of TLC for the world.
func (m model) config() string {
	var b strings.Builder
	replicas := make([]string, m.Replicas)
	for r := range replicas {
		replicas[r] = replicaName(r)
	}
	fmt.Fprintf(&b, "SPECIFICATION Spec\nCONSTANTS\n  Replica = {%s}\n", strings.Join(replicas, ", "))
	fmt.Fprintf(&b, "  W = %d\n  R = %d\n", m.WriteQuorum, m.ReadQuorum)
	fmt.Fprintf(&b, "  Writers = %d\n  Writes = %d\n  Readers = %d\n  Reads = %d\n", m.Writers, m.Writes, m.Readers, m.Reads)
	fmt.Fprintf(&b, "  VersionsFrom = %q\n  WritesBack = %s\n  Bug = %q\n", m.VersionsFrom, strings.ToUpper(strconv.FormatBool(m.WriteBack)), m.Bug)
	if m.Symmetry {
		b.WriteString("SYMMETRY Symmetry\n")
	}
	b.WriteString("INVARIANTS")
	for _, x := range m.mustNamed() {
		b.WriteString(" " + x.Name)
	}
	b.WriteString("\nCHECK_DEADLOCK FALSE\n") // a world ends where its operations do
	return b.String()
}

func replicaName(r int) string { return fmt.Sprintf("S%d", r+1) }

func (m model) opName(o int) string {
	kind := "Read"
	if m.isWrite(o) {
		kind = "Write"
	}
	return fmt.Sprintf("%s(%d, %d)", kind, m.client(o)+1, m.turn(o)+1)
}

// valueName returns a value as its version, counter and writer, and the write that brought it.
func (m model) valueName(s *State, v Value) string {
	if v == Initial {
		return "version 0, the initial value"
	}
	count, writer := m.version(s, v)
	return fmt.Sprintf("version %d.%d of %s", count, writer, m.opName(v.op()))
}

// show returns the state in words: each replica with what it holds, each operation with its stage, and which ones had
// ended when it began.
func (m model) show(s State) []check.Var {
	var vars []check.Var
	for r := range m.replicas(&s) {
		vars = append(vars, check.Var{Name: replicaName(r), Value: m.valueName(&s, s.Replicas[r].Holds)})
	}
	for o := range m.ops() {
		op := s.Ops[o]
		if op.Stage == Unborn {
			continue
		}
		name := m.opName(o)
		vars = append(vars, check.Var{Name: name, Value: m.stageName(&s, o)})
		if op.Before != 0 {
			var ended []string
			for _, p := range members(op.Before) {
				ended = append(ended, m.opName(p))
			}
			vars = append(vars, check.Var{Name: "before " + name, Value: strings.Join(ended, ", ")})
		}
	}
	return vars
}

func (m model) stageName(s *State, o int) string {
	op, c := s.Ops[o], m.client(o)
	value := op.Value
	if m.isWrite(o) {
		value = valueOf(o)
	}
	words := ""
	switch op.Stage {
	case Asking:
		words = "asking"
		for r, replica := range m.replicas(s) {
			if replica.Told[c] != Absent {
				words += fmt.Sprintf("; %s told %s", replicaName(r), m.valueName(s, replica.Told[c]))
			}
		}
	case Storing:
		words = "storing " + m.valueName(s, value)
		for r, replica := range m.replicas(s) {
			if replica.Stored&(1<<c) != 0 {
				words += "; " + replicaName(r) + " acknowledged"
			}
		}
	case Ended:
		words = "returned " + m.valueName(s, value)
		if m.isWrite(o) {
			words = "acknowledged as " + m.valueName(s, value)
		}
	}
	return words
}
