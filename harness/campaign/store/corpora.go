package store

import (
	"bytes"
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/firstgap/firstgap/harness/atomic"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
)

// An OtherError says that two campaigns are of different things, so that what one kept means nothing to the other.
type OtherError struct{ Folder, Other, What, Expected, Found string }

func (e *OtherError) Error() string {
	return fmt.Sprintf("campaign %s: expected the %s of %s, %s, found %s", e.Other, e.What, e.Folder, e.Expected, e.Found)
}

// like refuses a campaign whose features mean something else.
func (r *Reader) like(o *Reader) error {
	h, other := &r.header, &o.header
	differ := func(what, expected, found string) error { return &OtherError{r.path, o.path, what, expected, found} }
	if h.System != other.System {
		return differ("system", h.System, other.System)
	}
	if h.Bug != other.Bug {
		return differ("planted bug", cmp.Or(h.Bug, "none"), cmp.Or(other.Bug, "none"))
	}
	if len(h.Spaces) != len(other.Spaces) {
		return differ("spaces", fmt.Sprint(len(h.Spaces)), fmt.Sprint(len(other.Spaces)))
	}
	for i, s := range h.Spaces {
		if o := other.Spaces[i]; s != o {
			return differ(fmt.Sprint("space ", i), spaceWords(s), spaceWords(o))
		}
	}
	return nil
}

func spaceWords(s Space) string {
	return fmt.Sprintf("%d %s with the digest %s", s.Size, s.Space, s.Digest)
}

// A Merged says what became of the corpus of one campaign in another.
type Merged struct {
	Taken   int // entries that were not there
	There   int // whose configuration was, or which are of the campaign itself, which comes to them again
	Damaged int // that could not be read, and were left out
}

// Merge adds the entries of another campaign's corpus, whose system, planted bug and spaces must be the same: else it fails with an
// *OtherError, and nothing is added. The worlds of other spaces say nothing of what an entry reaches here, and to run it again is what a
// campaign does.
func (s *Store) Merge(from *Reader) (Merged, error) {
	var m Merged
	if err := s.like(from); err != nil {
		return m, err
	}
	entries, err := from.Entries()
	m.Damaged = damages(err)
	if err != nil && m.Damaged == 0 {
		return m, err
	}
	own, err := s.Entries()
	if err != nil {
		return m, err
	}
	there := map[string]bool{}
	for _, e := range own {
		name, err := e.Name()
		if err != nil {
			return m, err
		}
		there[name] = true
	}
	for _, e := range entries {
		name, err := e.Name()
		if err != nil {
			return m, err
		}
		if there[name] || e.Campaign == s.header.ID() {
			m.There++
			continue
		}
		if err := s.PutEntry(e); err != nil {
			return m, err
		}
		there[name] = true
		m.Taken++
	}
	return m, nil
}

// damages counts the damaged files of an error that consists of them.
func damages(err error) int {
	if err == nil {
		return 0
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		n := 0
		for _, e := range all.Unwrap() {
			n += damages(e)
		}
		return n
	}
	var damage *DamageError
	if errors.As(err, &damage) {
		return 1
	}
	return 0
}

// A Minimised says which entries of a corpus are enough.
type Minimised struct {
	Kept, Dropped []Entry // in the order of Entries
	Reached       int     // the features that all of them reach, and so do those that are kept
}

// Cover chooses entries that together reach all that the entries reach: again and again the one that reaches the most of what is left,
// of those the one with the least work, and then the first. With shapes left out, only the features of enumerated spaces count.
func Cover(entries []Entry, shapes bool) Minimised {
	left := map[coverage.Feature]bool{}
	q := queue{entries: entries, gains: make([]int, len(entries))}
	gain := func(i int) (n int) {
		for _, f := range entries[i].Seen {
			if left[f] {
				n++
			}
		}
		return n
	}
	for i := range entries {
		for _, f := range entries[i].Seen {
			if shapes || f.Space() != coverage.Shapes {
				left[f] = true
			}
		}
		q.order = append(q.order, i)
	}
	for i := range entries {
		q.gains[i] = gain(i)
	}
	m := Minimised{Reached: len(left)}
	chosen := make([]bool, len(entries))
	heap.Init(&q)
	for len(left) > 0 {
		// What an entry gains only becomes less. The one that is still the best when its own gain is up to date is the best of all.
		best := q.order[0]
		if now := gain(best); now < q.gains[best] {
			q.gains[best] = now
			heap.Fix(&q, 0)
			continue
		}
		heap.Pop(&q)
		chosen[best] = true
		for _, f := range entries[best].Seen {
			delete(left, f)
		}
	}
	for i, e := range entries {
		if chosen[i] {
			m.Kept = append(m.Kept, e)
		} else {
			m.Dropped = append(m.Dropped, e)
		}
	}
	return m
}

// A queue has the entry that gains the most first. It is a heap.Interface.
type queue struct {
	entries []Entry
	gains   []int
	order   []int
}

func (q *queue) Len() int { return len(q.order) }

func (q *queue) Less(a, b int) bool {
	i, j := q.order[a], q.order[b]
	return cmp.Or(cmp.Compare(q.gains[j], q.gains[i]), cmp.Compare(q.entries[i].Work, q.entries[j].Work), cmp.Compare(i, j)) < 0
}

func (q *queue) Swap(a, b int) { q.order[a], q.order[b] = q.order[b], q.order[a] }
func (q *queue) Push(i any)    { q.order = append(q.order, i.(int)) }

func (q *queue) Pop() any {
	last := q.order[len(q.order)-1]
	q.order = q.order[:len(q.order)-1]
	return last
}

// Minimise removes the entries of the corpus that Cover drops. One that is interrupted leaves a corpus that reaches as much.
func (s *Store) Minimise(shapes bool) (Minimised, error) {
	entries, err := s.Entries()
	if err != nil {
		return Minimised{}, err
	}
	m := Cover(entries, shapes)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return m, s.broken
	}
	for _, e := range m.Dropped {
		file, err := s.entryFile(&e)
		if err != nil {
			return m, err
		}
		if err := ignoreMissing(s.disk.remove(file)); err != nil {
			return m, &WriteError{file, bare(err)}
		}
	}
	if len(m.Dropped) == 0 {
		return m, nil
	}
	return m, s.disk.sync(corpusFolder)
}

// Export writes the configuration of each entry into a folder, under the entry's name, as firstgap run --configuration takes it, and
// returns how many. A file of that name with something else in it is a *LimitError, and stays.
func (r *Reader) Export(folder string) (int, error) {
	entries, damage := r.Entries()
	if damage != nil && damages(damage) == 0 {
		return 0, damage
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return 0, fmt.Errorf("folder %s: %w", folder, bare(err))
	}
	written := map[string]bool{} // one that was merged may be one of the campaign itself, too
	for _, e := range entries {
		name, err := e.Name()
		if err != nil {
			return len(written), err
		}
		file := filepath.Join(folder, name+".json")
		text := []byte(e.Configuration.String())
		there, err := os.ReadFile(file)
		switch {
		case err == nil && bytes.Equal(there, text):
			written[name] = true
			continue
		case err == nil:
			return len(written), &LimitError{"export", "no " + file + " yet", "another one"}
		case !errors.Is(err, fs.ErrNotExist):
			return len(written), err
		}
		if err := atomic.Write(file, text); err != nil {
			return len(written), err
		}
		written[name] = true
	}
	return len(written), damage
}
