package guide

import (
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/campaign/job"
)

// few is how many runs reach a goal before it counts as met.
const few = 3

// goals are named situations, which counters tell: what no run or few runs did is worth to be looked for.
type goals struct {
	names []string
	runs  []uint64 // that counted it
	best  []best
}

// best is the entry that counted most of something.
type best struct {
	number uint64
	count  uint64
}

func newGoals(names []string) goals {
	return goals{names: slices.Clone(names), runs: make([]uint64, len(names)), best: make([]best, len(names))}
}

// met tells whether a line is one of the first that did what a goal names.
func (g *goals) met(l *job.Line) bool {
	for i, n := range l.Counts {
		if i < len(g.runs) && n > 0 && g.runs[i] < few {
			return true
		}
	}
	return false
}

func (g *goals) fold(l *job.Line) {
	for i, n := range l.Counts {
		if i >= len(g.runs) || n == 0 {
			continue
		}
		g.runs[i]++
		if l.Kept && n > g.best[i].count {
			g.best[i] = best{l.Number, n}
		}
	}
}

// A wish is a goal that is not met, and what comes close.
type wish struct {
	scene   faults.Scene // "" where it is none of a scene
	parents []uint64     // entries that counted most of what is related
}

// wishes lists the goals that few runs met. What is related is counted by those with the same words before the last dot.
func (g *goals) wishes() []wish {
	var all []wish
	scenes := faults.Scenes()
	for i, name := range g.names {
		if g.runs[i] >= few {
			continue
		}
		var w wish
		if scene, is := strings.CutPrefix(name, "scenes."); is {
			scene = strings.TrimPrefix(scene, "took.")
			if slices.Contains(scenes, faults.Scene(scene)) {
				w.scene = faults.Scene(scene)
			}
		}
		kin := name[:strings.LastIndex(name, ".")+1]
		for k, other := range g.names {
			if g.best[k].count > 0 && kin != "" && strings.HasPrefix(other, kin) {
				w.parents = append(w.parents, g.best[k].number)
			}
		}
		if g.best[i].count > 0 {
			w.parents = []uint64{g.best[i].number}
		}
		slices.Sort(w.parents)
		w.parents = slices.Compact(w.parents)
		if w.scene != "" || len(w.parents) > 0 {
			all = append(all, w)
		}
	}
	return all
}
