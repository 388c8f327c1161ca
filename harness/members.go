package harness

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// Changes says how often the volume's geometry changed in a run, by what the register made durable.
type Changes struct {
	Begun    uint64 `json:"begun"`    // replacements
	Second   uint64 `json:"second"`   // of these, in the middle of another
	Finished uint64 `json:"finished"` // the newcomer is the only one in its place
	Reverted uint64 `json:"reverted"` // the newcomer went again
	Grown    uint64 `json:"grown"`    // groups that came into use
}

func (c *Changes) fields() []*uint64 {
	return []*uint64{&c.Begun, &c.Second, &c.Finished, &c.Reverted, &c.Grown}
}

// A geometer counts the changes of a run's geometry.
type geometer struct {
	groups  []node.Membership
	version uint64
	counts  Changes
}

func newGeometer(v *node.Volume) geometer {
	return geometer{groups: v.FirstGeometry().Groups, version: 1}
}

// told takes what the register tells. When it starts again it tells its last change again.
func (g *geometer) told(t *node.Trace) {
	if t.Position <= g.version {
		return
	}
	g.version = t.Position
	if t.Action == node.ActGrow {
		g.groups = append(g.groups, t.Members)
		g.counts.Grown++
		return
	}
	if int(t.Group) >= len(g.groups) || len(t.Members.Sets) == 0 {
		return // the model objects
	}
	old := g.groups[t.Group]
	g.groups[t.Group] = t.Members
	switch {
	case len(t.Members.Sets) > len(old.Sets):
		g.counts.Begun++
		if len(old.Sets) > 1 {
			g.counts.Second++
		}
	case slices.ContainsFunc(old.Pending(), func(p node.Replacement) bool { return t.Members.Equal(old.Keeping(p.New, p.Old)) }):
		g.counts.Finished++
	default:
		g.counts.Reverted++
	}
}
