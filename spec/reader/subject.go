// Package reader is the model of read-only databases on the log stream of a volume, the same as spec/tla/Reader.tla:
// what a query of theirs may see, what segments may drop, and what becomes of both when a reader is made the writer.
//
// Use package volume instead when an engineer asks what the writer may acknowledge: here the log is durable when it says
// so.
package reader

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// Subject returns the model with its named worlds.
func Subject() check.Subject {
	return check.Subject{
		Name:   "reader",
		About:  "read-only databases on the log stream: what their queries see, what segments may drop, promotion to writer",
		Module: "Reader",
		Large:  large(),
		Worlds: worlds(),
		Bugs:   Bugs(),
		Read: func(text []byte) (check.Model, error) {
			w, err := ParseWorld(text)
			if err != nil {
				return nil, err
			}
			return New(w)
		},
		Config: func(text []byte) (string, error) {
			w, err := ParseWorld(text)
			return w.config(), err
		},
	}
}

// New returns the model of a world. It refuses one that contradicts itself or does not fit with a *WorldError.
func New(w World) (check.Model, error) {
	if err := w.Validate(); err != nil {
		return nil, err
	}
	return (&model{w}).plain().Model(), nil
}

func (m *model) plain() check.Plain[State] {
	p := check.Plain[State]{
		Title:     "reader",
		Constants: m.World,
		Start:     start(),
		Moves:     m.moves(),
		Must:      m.musts(),
		Reach:     m.reach(),
		Show:      m.show,
	}
	if m.Symmetry && (m.Readers > 1 || m.Members > 1) {
		p.Same, p.Symmetry = m.same, "symmetry: readers are interchangeable, and so are the members of all groups alike (exact orbits)"
	}
	return p
}

// same sorts the readers, and the members: nothing else in a state says which is which.
func (m *model) same(s State) State {
	slices.SortFunc(s.Readers[:m.Readers], compareReaders)
	slices.SortFunc(s.Members[:m.Members], func(a, b [maxGroups]Segment) int {
		for g := range a {
			if c := cmp.Or(cmp.Compare(a[g].SCL, b[g].SCL), cmp.Compare(a[g].Floor, b[g].Floor)); c != 0 {
				return c
			}
		}
		return 0
	})
	return s
}

func compareReaders(a, b Reader) int {
	if c := cmp.Or(cmp.Compare(a.Line, b.Line), slices.Compare(a.Got[:], b.Got[:]), cmp.Compare(a.Told, b.Told),
		cmp.Compare(a.Low, b.Low), cmp.Compare(a.Snap, b.Snap), cmp.Compare(a.Last, b.Last)); c != 0 {
		return c
	}
	if a.On != b.On || a.Held != b.Held {
		return cmp.Or(compareBool(a.On, b.On), compareBool(a.Held, b.Held))
	}
	for k := range a.Pages {
		p, q := &a.Pages[k], &b.Pages[k]
		if c := cmp.Or(cmp.Compare(p.Seen, q.Seen), cmp.Compare(p.Shown, q.Shown), cmp.Compare(p.Cache, q.Cache)); c != 0 {
			return c
		}
	}
	return 0
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// show returns the state in words.
func (m *model) show(s State) []check.Var {
	var vars []check.Var
	add := func(name, format string, args ...any) {
		vars = append(vars, check.Var{Name: name, Value: fmt.Sprintf(format, args...)})
	}
	for e := range s.Newest {
		epoch := &s.Epochs[e]
		add(fmt.Sprintf("log[%d]", e+1), "%s", epoch.Log.text())
		if epoch.Base > 0 {
			add(fmt.Sprintf("base[%d]", e+1), "%d", epoch.Base)
		}
		add(fmt.Sprintf("vdl[%d]", e+1), "%d", epoch.VDL)
	}
	for g := range m.Groups {
		for i := range m.Members {
			add(fmt.Sprintf("scl[%d][%d]", g+1, i+1), "%d", s.Members[i][g].SCL)
			add(fmt.Sprintf("floor[%d][%d]", g+1, i+1), "%d", s.Members[i][g].Floor)
		}
	}
	for i := range m.Readers {
		r := &s.Readers[i]
		var got []string
		for _, e := range r.Got[:r.len()] {
			got = append(got, fmt.Sprint(e))
		}
		add(fmt.Sprintf("line[%d]", i+1), "%d", r.Line)
		add(fmt.Sprintf("got[%d]", i+1), "<<%s>>", strings.Join(got, ", "))
		add(fmt.Sprintf("told[%d]", i+1), "%d", r.Told)
		add(fmt.Sprintf("low[%d]", i+1), "%d", r.Low)
		add(fmt.Sprintf("last[%d]", i+1), "%d", r.Last)
		add(fmt.Sprintf("view[%d]", i+1), "%d", m.viewOf(&s, r))
		if m.Leases {
			add(fmt.Sprintf("on[%d]", i+1), "%t", r.On)
			add(fmt.Sprintf("held[%d]", i+1), "%t", r.Held)
		}
		if r.Snap != None {
			add(fmt.Sprintf("snap[%d]", i+1), "%d", r.Snap)
		}
		for k := range m.Pages {
			for _, v := range []struct {
				name  string
				value int8
			}{{"seen", r.Pages[k].Seen}, {"shown", r.Pages[k].Shown}, {"cache", r.Pages[k].Cache}} {
				if v.value != None {
					add(fmt.Sprintf("%s[%d][%d]", v.name, i+1, k+1), "%d", v.value)
				}
			}
		}
	}
	return vars
}

// text returns the log record by record, such as "1: t1 writes 2, 2: t1 commits"; + marks a record that leaves its
// mini-transaction unfinished.
func (l *Log) text() string {
	var words []string
	for n, r := range l[:l.Len()] {
		word := fmt.Sprintf("%d: t%d writes %d", n+1, r.Txn, r.Page)
		if r.Commit {
			word = fmt.Sprintf("%d: t%d commits", n+1, r.Txn)
		}
		if !r.Last {
			word += " +"
		}
		words = append(words, word)
	}
	return "<<" + strings.Join(words, ", ") + ">>"
}

// config returns the configuration by which TLC checks the module on the world.
func (w World) config() string {
	names := func(letter string, n int) []string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("%s%d", letter, i+1))
		}
		return all
	}
	readers, members := names("r", w.Readers), names("m", w.Members)
	var b strings.Builder
	fmt.Fprintf(&b, "SPECIFICATION Spec\nCONSTANTS\n")
	for _, value := range slices.Concat(readers, members) {
		fmt.Fprintf(&b, "  %s = %s\n", value, value)
	}
	fmt.Fprintf(&b, "  Groups = %d\n  Member = {%s}\n  W = %d\n  R = %d\n", w.Groups, strings.Join(members, ", "), w.WriteQuorum, w.ReadQuorum)
	fmt.Fprintf(&b, "  Pages = %d\n  Reader = {%s}\n  MaxTxn = %d\n  MaxLSN = %d\n", w.Pages, strings.Join(readers, ", "), w.Txns, w.MaxLSN)
	fmt.Fprintf(&b, "  MaxEpoch = %d\n  Mtr = %s\n  Leases = %s\n  Bug = %q\n", w.MaxEpoch, strings.ToUpper(strconv.FormatBool(w.Mtr)),
		strings.ToUpper(strconv.FormatBool(w.Leases)), w.Bug)
	if w.Symmetry {
		b.WriteString("SYMMETRY Symmetry\n")
	}
	b.WriteString("INVARIANTS")
	for _, x := range (&model{w}).musts() {
		b.WriteString(" " + x.Name)
	}
	b.WriteString("\nCHECK_DEADLOCK FALSE\n") // a world ends where its limits are reached
	return b.String()
}
