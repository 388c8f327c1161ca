package guide

import (
	"cmp"
	"container/heap"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/configuration"
)

// corpus is the configurations that serve as parents.
type corpus struct {
	entries map[uint64]*entry // by number
	order   []*entry          // by number
	bytes   int
	// owners are the entries that alone reached a feature.
	owners map[coverage.Feature]uint64
	hashes map[uint64]bool // of the entries' runs
}

func newCorpus() corpus {
	return corpus{entries: map[uint64]*entry{}, owners: map[coverage.Feature]uint64{}, hashes: map[uint64]bool{}}
}

// An entry is a kept configuration as a parent.
type entry struct {
	number  uint64
	hash    uint64
	c       configuration.Configuration
	bytes   int
	work    uint64
	counts  []uint64 // as in its line
	rare    int      // features that it alone reached
	at      int      // features that were new when it came
	chosen  uint64   // children that were folded
	fertile uint64   // of these, those that were kept
}

// fold takes note of what a line reached a second time, and of whose child it is.
func (c *corpus) fold(l *job.Line) {
	for _, f := range l.Second {
		if owner, is := c.owners[f]; is {
			delete(c.owners, f)
			if e := c.entries[owner]; e != nil {
				e.rare--
			}
		}
	}
	if l.Parent == nil {
		return
	}
	if e := c.entries[*l.Parent]; e != nil {
		e.chosen++
		if l.Kept {
			e.fertile++
		}
	}
}

// keep takes a line's configuration in, and drops another one where there is no room.
func (c *corpus) keep(l *job.Line, kept *configuration.Configuration) error {
	text, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("guide: configuration of line %d: %w", l.Number, err)
	}
	e := &entry{number: l.Number, hash: l.Hash, bytes: len(text), work: max(1, l.Work), counts: l.Counts, at: len(l.New)}
	// As it is written and read: a campaign that goes on has it from a file, and what is made of it must not depend on how that was
	// indented.
	if err := json.Unmarshal(text, &e.c); err != nil {
		return fmt.Errorf("guide: configuration of line %d: %w", l.Number, err)
	}
	for _, f := range l.New {
		if len(c.owners) < maxOwned {
			c.owners[f] = l.Number
			e.rare++
		}
	}
	c.hashes[e.hash] = true
	c.entries[e.number], c.order, c.bytes = e, append(c.order, e), c.bytes+e.bytes
	for len(c.order) > maxEntries || c.bytes > maxBytes && len(c.order) > 1 {
		c.drop()
	}
	return nil
}

// drop takes out the entry that is worth least: it alone reached the least, and of several the one that was chosen most. What it
// reached alone has no owner any more.
func (c *corpus) drop() {
	least := 0
	for i, e := range c.order {
		if m := c.order[least]; cmp.Or(cmp.Compare(e.rare, m.rare), cmp.Compare(m.chosen, e.chosen)) < 0 {
			least = i
		}
	}
	e := c.order[least]
	c.order = append(c.order[:least], c.order[least+1:]...)
	c.bytes -= e.bytes
	delete(c.entries, e.number)
	delete(c.hashes, e.hash)
}

// energy is how often an entry is chosen beside the others.
func (e *entry) energy(mean float64, chosen uint64) float64 {
	rare := 1 + float64(min(e.rare, 32))/4
	cheap := 2 * mean / (mean + float64(e.work))
	return rare * cheap * float64(1+e.fertile) / float64(1+chosen)
}

// dear is how many times the work of the one in the middle an entry takes, at least, that waits until the others have been run. The longest
// runs reach most, and each takes the time of dozens: with them at the head, a campaign finds nothing else for long.
const dear = 2

// shapeWeight is what one power of two of a shape counts beside one state, transition or pair of a world of the model.
const shapeWeight = 10

// Greedy orders entries so that each adds, of all that are left, most to those before it. Of a shape it adds by how much it is larger than
// any before, in powers of two: of all feedback that was tried, the order by that finds planted bugs soonest. Every other feature that none
// before has adds a little. Dear ones come behind the others, those first that add most for their work, and last, in the order in which
// they were, come those that add nothing. It returns indices.
func Greedy(all []Entry) []int {
	if len(all) == 0 {
		return nil
	}
	work := make([]uint64, len(all))
	for i := range all {
		work[i] = all[i].Work
	}
	slices.Sort(work)
	most := dear * max(1, work[len(work)/2])
	seen := map[coverage.Feature]int{} // by subject, the largest
	adds := func(e *Entry) (sum int) {
		for _, f := range e.Features {
			weight := 1
			if f.Space() == coverage.Shapes {
				weight = shapeWeight
			}
			subject, size := f.Shape()
			sum += weight * max(0, size-seen[subject])
		}
		return sum
	}
	// What an entry adds only falls, so that one whose gain is as it was when it was put on the heap is the best.
	h := make(gains, len(all))
	for i := range all {
		h[i] = gain{index: i, adds: adds(&all[i])}
		if all[i].Work > most {
			h[i].work = all[i].Work
		}
	}
	heap.Init(&h)
	var order, none []int
	for len(h) > 0 {
		top := &h[0]
		now := adds(&all[top.index])
		if now < top.adds {
			top.adds = now
			heap.Fix(&h, 0)
			continue
		}
		i := heap.Pop(&h).(gain).index
		if now == 0 {
			none = append(none, i)
			continue
		}
		order = append(order, i)
		for _, f := range all[i].Features {
			subject, size := f.Shape()
			seen[subject] = max(seen[subject], size)
		}
	}
	slices.Sort(none)
	return append(order, none...)
}

// A gain is what an entry would add.
type gain struct {
	index int
	adds  int
	work  uint64 // of a dear one; 0 of the others
}

// before tells whether an entry comes before another one. One that adds nothing is behind all others, and the dear ones are behind the
// cheap ones.
func (g *gain) before(o *gain) bool {
	rank := func(g *gain) int {
		switch {
		case g.adds == 0:
			return 2
		case g.work > 0:
			return 1
		}
		return 0
	}
	if c := cmp.Compare(rank(g), rank(o)); c != 0 {
		return c < 0
	}
	mine, other := float64(g.adds)/float64(max(1, g.work)), float64(o.adds)/float64(max(1, o.work))
	return mine > other || mine == other && g.index < o.index
}

type gains []gain

func (h gains) Len() int           { return len(h) }
func (h gains) Less(i, j int) bool { return h[i].before(&h[j]) }
func (h gains) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *gains) Push(x any)        { *h = append(*h, x.(gain)) }
func (h *gains) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
