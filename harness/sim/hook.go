package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/firstgap/firstgap/impl/node"
)

// hook answers the failpoints of one process, in all its incarnations.
type hook struct {
	w    *World
	p    *process
	dead bool // the process is being stopped
}

type pointCount struct {
	point string
	hits  uint64
}

// pointFault is a crash at a point that has not struck yet.
type pointFault struct {
	point string
	id    node.ID // of the process, or
	role  string  // any process of that role
	left  int     // passings until it strikes
	salt  uint64
	down  time.Duration // how long the process stays down; 0: until Start or Mend
}

// Hit implements node.Hook.
func (h *hook) Hit(point string) {
	if h.dead {
		return
	}
	h.count(point)
	for i, f := range h.w.armed {
		if f.point != point || f.id != h.p.id && (f.role == "" || f.role != h.p.role) {
			continue
		}
		if f.left--; f.left == 0 {
			h.w.armed = slices.Delete(h.w.armed, i, i+1)
			h.p.struck = f
			panic(node.Crash{Point: point})
		}
	}
}

func (h *hook) count(point string) {
	for i := range h.p.hits {
		if h.p.hits[i].point == point {
			h.p.hits[i].hits++
			return
		}
	}
	h.p.hits = append(h.p.hits, pointCount{point: point, hits: 1})
}

// Planted implements node.Hook.
func (h *hook) Planted(bug string) bool {
	if !node.PlantedHook(h.w.bug).Planted(bug) {
		return false
	}
	if h.w.planted != nil {
		h.w.planted(h.p.id, h.w.cause)
	}
	return true
}

// Seed implements runtime.Foreign.
func (h *hook) Seed() uint64 { return h.w.began }

// Bug implements runtime.Foreign. That a planted bug acts is not heard of: it does so in another program.
func (h *hook) Bug() string { return h.w.bug }

// Heard implements runtime.Foreign.
func (h *hook) Heard(line []byte) {
	if h.w.heard != nil {
		h.w.heard(h.p.id, h.w.noted, line)
	}
}

// PointHits says how often a process passed a failpoint during the whole run, in all its incarnations.
type PointHits struct {
	Process node.ID `json:"process"`
	Point   string  `json:"point"`
	Hits    uint64  `json:"hits"`
}

// Hits lists all passings of failpoints, by process and point. It is empty without the failpoint build.
func (w *World) Hits() []PointHits {
	var all []PointHits
	for _, p := range w.parties {
		for _, c := range p.hits {
			all = append(all, PointHits{Process: p.id, Point: c.point, Hits: c.hits})
		}
	}
	slices.SortFunc(all, func(a, b PointHits) int {
		return cmp.Or(cmp.Compare(a.Process, b.Process), cmp.Compare(a.Point, b.Point))
	})
	return all
}
