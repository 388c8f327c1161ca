package conform

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/volume"
)

// A told change of the geometry, as the register told it when it was durable.
type toldChange struct {
	action  node.Action
	epoch   node.Epoch // of the writer that asked for it
	group   node.Group
	members node.Membership
}

func (c *toldChange) equal(o *toldChange) bool {
	return c.action == o.action && c.epoch == o.epoch && c.group == o.group && c.members.Equal(o.members)
}

// worldOf returns the world of a volume. The limits of a world bound a search; stepping has none.
func worldOf(v *node.Volume) volume.World {
	const many = 1 << 28
	w := volume.World{
		Groups: v.Groups(), Replicas: v.Replicas(), WriteQuorum: v.WriteQuorum, ReadQuorum: v.ReadQuorum,
		Keys: many, Txns: many, MaxLSN: many, MaxEpoch: 1 << 14,
		Aborts: true, Mtr: true, Rewrites: true, Answers: true, Structures: true, Moves: true, Savepoints: true,
		Members: 64, Spares: v.Spares, Grows: true, InUse: v.InUse,
	}
	for r, tail := range v.Tails {
		if tail {
			w.Tails = append(w.Tails, r)
		}
	}
	return w
}

func modelSets(m node.Membership) volume.Membership {
	sets := make(volume.Membership, len(m.Sets))
	for i, s := range m.Sets {
		sets[i] = volume.Set(s)
	}
	return sets
}

// geometry takes a change of who counts, or a group that comes into use: from the register when it is durable there, from
// a writer when it goes by it.
func (v *Validator) geometry(from node.ID, t *node.Trace) *problem {
	step := node.DetailOf[node.GeometryStep](t)
	if int(step.Group) >= v.volume.Groups() {
		return &problem{
			rule: ruleKnown, why: fmt.Sprintf("%s of group %d", t.Action, step.Group+1),
			expected: fmt.Sprintf("one of %d groups", v.volume.Groups()), found: describe(t),
		}
	}
	told := toldChange{t.Action, t.Epoch, step.Group, step.Members}
	if from == v.volume.Register {
		return v.made(t, &told)
	}
	return v.adopted(from, t, &told)
}

// made takes the register's word that a change is durable. A register that starts again tells the last one again.
func (v *Validator) made(t *node.Trace, told *toldChange) *problem {
	switch last := uint64(len(v.changes)) + 1; {
	case t.Position == last && last > 1:
		if was := &v.changes[last-2]; !was.equal(told) {
			return &problem{
				rule: ruleTold, guarantee: guarantees[node.ActChange], why: fmt.Sprintf("the register told version %d of the geometry as something else before", last),
				expected: fmt.Sprintf("%s of group %d for epoch %d: %v", was.action, was.group+1, was.epoch, was.members), found: describe(t),
			}
		}
		v.counts.Retold++
		return nil
	case t.Position != last+1:
		return &problem{
			rule: rulePosition, why: fmt.Sprintf("the register tells version %d of the geometry after version %d", t.Position, last),
			expected: fmt.Sprintf("version %d, or %d again", last+1, last), found: describe(t),
		}
	}
	e, g := int(t.Epoch), int(told.group)
	was := v.counting[g]
	var count *uint64
	if t.Action == node.ActGrow {
		if first := v.volume.FirstMembership(); v.inUse != g || !told.members.Equal(first) {
			return &problem{
				rule: ruleGrowth, why: fmt.Sprintf("group %d comes into use with %v", g+1, told.members),
				expected: fmt.Sprintf("group %d with %v", v.inUse+1, first), found: describe(t),
			}
		}
		if refusal := v.model.Grow(e, g); refusal != "" {
			return refused(refusal, v.geometryState(e), describe(t), "the register brings group %d into use for epoch %d", g+1, e)
		}
		v.inUse++
		count = &v.counts.Grown
	} else {
		if told.members.Epoch != was.Epoch+1 {
			return &problem{
				rule: ruleMembers, why: fmt.Sprintf("membership %d of group %d follows membership %d", told.members.Epoch, g+1, was.Epoch),
				expected: fmt.Sprintf("membership epoch %d", was.Epoch+1), found: describe(t),
			}
		}
		if refusal := v.model.Change(e, g, modelSets(told.members)); refusal != "" {
			return refused(refusal, v.geometryState(e)+v.filledState(e, g), describe(t), "the register changes the membership of group %d for epoch %d", g+1, e)
		}
		count = v.kindOf(was, told.members)
	}
	v.counting[g] = told.members
	v.changes = append(v.changes, *told)
	v.line(e).change = told
	return v.did(count)
}

// kindOf returns where a change is counted.
func (v *Validator) kindOf(was, is node.Membership) *uint64 {
	switch {
	case len(is.Sets) > len(was.Sets):
		if len(was.Sets) > 1 {
			v.counts.Nested++
		}
		return &v.counts.Begun
	case is.Sets[0] != was.Sets[0]:
		return &v.counts.Finished
	}
	return &v.counts.Reverted
}

// adopted takes a writer's word that it goes by the change that was made for it.
func (v *Validator) adopted(from node.ID, t *node.Trace, told *toldChange) *problem {
	if p := v.speaks(from, t.Epoch); p != nil {
		return p
	}
	e := int(t.Epoch)
	if refusal := v.model.Adopt(e); refusal != "" {
		return refused(refusal, v.geometryState(e), describe(t), "the writer of epoch %d goes by a change that is not made", e)
	}
	if made := v.line(e).change; made == nil || !made.equal(told) {
		expected := "no change"
		if made != nil {
			expected = fmt.Sprintf("%s of group %d: %v", made.action, made.group+1, made.members)
		}
		return &problem{
			rule: ruleMembers, why: fmt.Sprintf("the writer of epoch %d goes by another change than the one that was made for it", e),
			expected: expected, found: describe(t),
		}
	}
	return v.did(&v.counts.Adopted)
}

// geometryState renders who counts, in the register and for a writer.
func (v *Validator) geometryState(e int) string {
	s := fmt.Sprintf("epoch %d is %s, the newest is %d", e, v.model.Phase(e), v.newest())
	for g := range v.volume.Groups() {
		if made, sets := v.model.Made(e, g), v.model.Sets(e, g); len(made) > 0 {
			s += fmt.Sprintf("; group %d: %s", g+1, setsText(made))
			if !slices.Equal(made, sets) {
				s += fmt.Sprintf(", the writer goes by %s", setsText(sets))
			}
		}
	}
	return s
}

// filledState says which segments of a group hold what a change waits for.
func (v *Validator) filledState(e, g int) string {
	need := 0
	for l := v.model.VCL(e); l > 0 && need == 0; l-- {
		if int(v.model.Record(e, l).Group) == g {
			need = l
		}
	}
	return "; " + v.scls(e, g, fmt.Sprintf("group %d up to the VCL ends at %d", g+1, need))
}

func setsText(m volume.Membership) string {
	if len(m) == 0 {
		return "not in use"
	}
	var names []string
	for _, s := range m {
		names = append(names, node.Replicas(s).String())
	}
	return few(names, "")
}
