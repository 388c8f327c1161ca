package volume

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// ReplicaName names replica r as texts do: "r3", or with several groups "g2.r3"; both counted from 1.
func (w World) ReplicaName(r int) string {
	if w.Groups == 1 {
		return fmt.Sprintf("r%d", r+1)
	}
	return fmt.Sprintf("g%d.r%d", r/w.Replicas+1, r%w.Replicas+1)
}

// KeyName names key k as texts do, counted from 1.
func (w World) KeyName(k int) string { return fmt.Sprintf("k%d", k+1) }

// String describes the record, for example "write t2 k1: 0 → 2 (epoch 1, g1)".
func (r Record) String() string {
	if r.Kind == Hole {
		return r.Kind.String()
	}
	var b strings.Builder
	b.WriteString(r.Kind.String())
	if r.Txn != 0 {
		fmt.Fprintf(&b, " t%d", r.Txn)
	}
	if r.Kind == Write || r.Kind == Undo {
		fmt.Fprintf(&b, " k%d: %d → %d", r.Key+1, r.Old, r.New)
	}
	fmt.Fprintf(&b, " (epoch %d, g%d", r.Epoch, r.Group+1)
	if !r.Last {
		b.WriteString(", mini-transaction unfinished")
	}
	b.WriteString(")")
	return b.String()
}

// Vars returns the state as named values: those of the module's variables that are not what they are at first
// or, for an epoch, before it starts.
func (s *State) Vars() []check.Var {
	var vars []check.Var
	add := func(value any, format string, args ...any) {
		vars = append(vars, check.Var{Name: fmt.Sprintf(format, args...), Value: fmt.Sprint(value)})
	}
	for e := 1; e <= int(s.newest); e++ {
		w := &s.writers[e-1]
		add(w.phase, "phase[%d]", e)
		for i, rec := range w.log {
			add(rec, "log[%d][%d]", e, i+1)
		}
		if w.phase >= Repairing {
			add(w.base, "base[%d]", e)
		}
		if w.phase == Open {
			add(w.vcl, "vcl[%d]", e)
		}
	}
	for r := range s.replicas {
		rep, name := &s.replicas[r], s.world.ReplicaName(r)
		add(rep.fence, "fence[%s]", name)
		add(rep.line, "line[%s]", name)
		for i, stored := range rep.store {
			if stored != 0 {
				add(fmt.Sprintf("epoch %d", stored), "store[%s][%d]", name, i+1)
			}
		}
		for i, scl := range rep.scl {
			if scl >= 0 {
				add(scl, "scl[%d][%s]", i+1, name)
			}
		}
		for i := 0; rep.got != nil && i < len(rep.got.rows); i++ {
			row := rep.got.rows[i]
			var lsns []string
			for l, has := range row {
				if has {
					lsns = append(lsns, fmt.Sprint(l+1))
				}
			}
			if len(lsns) > 0 {
				add(strings.Join(lsns, ", "), "got[%d][%s]", i+1, name)
			}
		}
		for e := 1; e <= int(s.newest); e++ {
			if line, ok := s.Told(e, r); ok {
				var row []string
				for i, stored := range s.writers[e-1].told[r] {
					if stored != 0 {
						row = append(row, fmt.Sprintf("%d of epoch %d", i+1, stored))
					}
				}
				add(fmt.Sprintf("line %d, stores %s", line, listOr(row, "nothing")), "told[%d][%s]", e, name)
			}
		}
	}
	for e := 1; e <= int(s.newest) && (s.world.Members > 1 || s.world.Grows); e++ {
		for g := range s.world.Groups {
			add(s.setsText(g, s.Made(e, g)), "made[%d][g%d]", e, g+1)
			add(s.setsText(g, s.Sets(e, g)), "sets[%d][g%d]", e, g+1)
		}
	}
	if len(s.acked) > 0 {
		add(s.ackedText(), "acked")
	}
	return vars
}

// setsText renders the quorum sets of group g.
func (s *State) setsText(g int, m Membership) string {
	var sets []string
	for _, set := range m {
		var names []string
		for i := range s.world.Replicas {
			if set.Has(i) {
				names = append(names, s.world.ReplicaName(g*s.world.Replicas+i))
			}
		}
		sets = append(sets, "{"+strings.Join(names, ", ")+"}")
	}
	return listOr(sets, "not in use")
}

func listOr(list []string, none string) string {
	if len(list) == 0 {
		return none
	}
	return strings.Join(list, ", ")
}

func (s *State) ackedText() string {
	sorted := slices.Clone(s.acked)
	slices.Sort(sorted)
	var names []string
	for _, t := range sorted {
		names = append(names, fmt.Sprintf("t%d", t))
	}
	return strings.Join(names, ", ")
}

// String renders the state for people, one variable a line.
func (s *State) String() string {
	var b strings.Builder
	for _, v := range s.Vars() {
		fmt.Fprintf(&b, "%s = %s\n", v.Name, v.Value)
	}
	return b.String()
}

// LastStep describes the last action taken, as the module would write it; empty after none.
func (s *State) LastStep() string {
	if len(s.journal) == 0 {
		return ""
	}
	c := &s.journal[len(s.journal)-1]
	name := func(r int32) string { return s.world.ReplicaName(int(r)) }
	switch c.action {
	case ActWrite:
		last := ""
		if s.world.Mtr {
			last = fmt.Sprintf(", last = %t", c.last)
		}
		return fmt.Sprintf("Write(%d, t%d, %s%s)%s", c.e, c.t, s.world.KeyName(int(c.k)), last, s.inGroup(c))
	case ActUndo:
		return fmt.Sprintf("Undo(%d, t%d)%s", c.e, c.t, s.inGroup(c))
	case ActStructure:
		return fmt.Sprintf("Structure(%d, g%d, last = %t)", c.e, c.g+1, c.last)
	case ActChange:
		return fmt.Sprintf("Change(%d, g%d) to %s", c.e, c.g+1, s.setsText(int(c.g), s.Made(int(c.e), int(c.g))))
	case ActGrow:
		return fmt.Sprintf("Grow(%d, g%d)", c.e, c.g+1)
	case ActCommit, ActAck:
		return fmt.Sprintf("%s(%d, t%d)", c.action, c.e, c.t)
	case ActStore, ActAckEarly:
		return fmt.Sprintf("%s(%d, %d, %s)", c.action, c.e, c.l, name(c.r))
	case ActGossip:
		return fmt.Sprintf("Gossip(%s, %s, %d)", name(c.r), name(c.p), c.l)
	case ActFence, ActJoin:
		return fmt.Sprintf("%s(%d, %s)", c.action, c.e, name(c.r))
	case ActDecide:
		var q []string
		for r := range s.replicas {
			if c.quorum.Has(r) {
				q = append(q, name(int32(r)))
			}
		}
		return fmt.Sprintf("Decide(%d) with Q = {%s}", c.e, strings.Join(q, ", "))
	case ActAmnesia:
		return fmt.Sprintf("Amnesia(%s)", name(c.r))
	}
	return fmt.Sprintf("%s(%d)", c.action, c.e) // Advance, Start, Open, Adopt
}

// inGroup says in which group a change is, where that is a choice.
func (s *State) inGroup(c *change) string {
	if !s.world.Moves {
		return ""
	}
	return fmt.Sprintf(" in g%d", c.g+1)
}

// LastAction returns which action was taken last, and whether there was one.
func (s *State) LastAction() (Action, bool) {
	if len(s.journal) == 0 {
		return 0, false
	}
	return s.journal[len(s.journal)-1].action, true
}
