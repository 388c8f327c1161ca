package aurora

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/tally"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// evidence adds what the run has left behind.
func (b *built) evidence(e *judge.Evidence) {
	e.Workload = &b.c.Workload
	e.Transactions = b.history
	e.Begun = slices.Concat(b.history.Begun, b.readings.Begun)
	if b.audit != nil {
		if at, seen := b.audit.Seen(); seen {
			e.Audit = at
		}
	}
	if len(b.volume.Readers) > 0 {
		e.Readings = &b.readings
	}
	e.Log, e.Durable = b.watch.log(), &b.watch.durable
	if !b.of.Without.Tree {
		e.PageSize = page.SizeOf(b.volume)
	}
	if !b.of.Without.Pages {
		e.Copies = b.copies()
	}
	if id := b.volume.Objects; id != 0 && b.r.Running(id) {
		s := b.readStore(id)
		flips, _ := b.struck()
		e.Store, e.Rotten, e.Flips = s, s.rotten(), flips[string(faults.Objects)]
	}
	e.Listened, e.Misplaced = true, b.watch.misplaced
	if b.of.stands() {
		e.Load = b.load()
	}
	b.count(e)
}

// count adds what the clients and the model have counted.
func (b *built) count(e *judge.Evidence) {
	c := &e.Counts
	h := b.history.Count()
	c.Transactions = uint64(len(b.history.Transactions))
	c.Acknowledged, c.ReadOnly, c.Aborted = uint64(h.Acknowledged), uint64(h.ReadOnly), uint64(h.Aborted)
	c.Deadlocks, c.Unknown = uint64(h.Deadlocks), uint64(h.Unknown)
	c.Scans, c.RowsScanned, c.Rollbacks = uint64(h.Scans), uint64(h.RowsScanned), uint64(h.Rollbacks)
	c.Full, c.Misused = uint64(h.Full), uint64(h.Misused)
	if b.validator != nil {
		c.Trace, c.Readers = b.validator.Counts(), b.validator.ReaderCounts()
		c.TakeOvers, c.Recoveries, c.Cuts, c.Undos = c.Trace.Starts, c.Trace.Opens, c.Trace.Cuts, c.Trace.Undos
		for g := range c.Trace.Grown {
			e.Late = append(e.Late, node.Group(b.c.Volume.InUse)+node.Group(g))
		}
	}
	c.Scenes, e.Staged = b.watch.scenes, true
	if len(b.watch.records) > long {
		c.Scenes.Long = 1
	}
	scenes := tally.Index(&c.Scenes)
	has := b.c.Plan.Has(b.c.Topology())
	for _, s := range has {
		*scenes[string(s)] = 1
	}
	for _, s := range b.took(has, e.Rotten) {
		*scenes["took."+string(s)] = 1
	}
	for _, name := range shaped(b.c.Seed, &b.watch) {
		*scenes["took."+name] = 1
	}
	c.PageReads, c.Readings, c.RefusedByReaders = b.watch.pageImages, uint64(len(b.readings.All)), uint64(b.readings.Wrong)
	for _, told := range b.r.States() {
		for _, n := range told.State.Counters {
			if n.Name == "backupConflicts" {
				e.Conflicts += n.Value
				if n.Value > 0 {
					e.Conflicting = append(e.Conflicting, b.r.Name(told.ID))
				}
			}
		}
	}
}

// long is how many records the log of a long run has: most runs have some hundred.
const long = 1000

// copies are the segments that keep pages, by group, as far as they tell.
func (b *built) copies() [][]judge.Copy {
	var all [][]judge.Copy
	for _, members := range b.volume.Segments {
		var group []judge.Copy
		for i, id := range members {
			if i < len(b.volume.Tails) && b.volume.Tails[i] {
				continue // it keeps no pages
			}
			if state, tells := b.r.State(id); tells {
				group = append(group, judge.Copy{Name: b.r.Name(id), State: state, PageAt: func(p node.PageID, at node.LSN) ([]byte, error) {
					return b.pageAt(id, state.Line, p, at)
				}})
			}
		}
		all = append(all, group)
	}
	return all
}

// pageAt asks a segment for a page as a reader would, whose read does not name a writer to answer from now on.
func (b *built) pageAt(id node.ID, line node.Epoch, p node.PageID, at node.LSN) ([]byte, error) {
	answers, _ := b.r.Ask(id, &node.ReadSnapshot{Epoch: line, Page: p, ReadPoint: at, Need: at})
	if len(answers) != 1 {
		return nil, fmt.Errorf("it answers with %d messages", len(answers))
	}
	image, is := answers[0].(*node.PageImage)
	if !is || image.Page != p || image.ReadPoint != at {
		return nil, fmt.Errorf("it answers %s", node.Describe(answers[0]))
	}
	return image.Image, nil
}

// store is what the object store holds, read as anybody would, and kept after the run.
type store struct {
	names   []string // ascending
	objects map[string][]byte
}

// readStore reads all of the object store.
func (b *built) readStore(id node.ID) *store {
	s := &store{names: b.names(id, ""), objects: map[string][]byte{}}
	for _, name := range s.names {
		answers, _ := b.r.Ask(id, &node.GetObject{Name: name})
		for _, m := range answers {
			if read, is := m.(*node.ObjectRead); is && read.Name == name && read.Found {
				s.objects[name] = read.Data
			}
		}
	}
	return s
}

// names lists what the object store has with a prefix, ascending.
func (b *built) names(id node.ID, prefix string) (names []string) {
	for after, more := "", true; more; {
		answers, _ := b.r.Ask(id, &node.ListObjects{Prefix: prefix, After: after})
		more = false
		for _, m := range answers {
			if list, is := m.(*node.ObjectList); is && len(list.Names) > 0 {
				names = append(names, list.Names...)
				after, more = list.Names[len(list.Names)-1], list.More
			}
		}
	}
	return names
}

// rotten lists the objects that the store says it has and does not give.
func (s *store) rotten() []string {
	return slices.DeleteFunc(slices.Clone(s.names), func(name string) bool {
		_, given := s.objects[name]
		return given
	})
}

// Get implements backup.Source.
func (s *store) Get(name string) ([]byte, error) {
	data, found := s.objects[name]
	if !found {
		return nil, &backup.MissingError{Name: name}
	}
	return data, nil
}

// List implements backup.Source.
func (s *store) List(prefix string) ([]string, error) {
	from, _ := slices.BinarySearch(s.names, prefix)
	var names []string
	for _, n := range s.names[from:] {
		if !strings.HasPrefix(n, prefix) {
			break
		}
		names = append(names, n)
	}
	return names, nil
}
