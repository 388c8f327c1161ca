package judge

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// A Snapshot is what one read-only transaction saw at a reader.
type Snapshot struct {
	Reader  node.ID
	Session uint64 // one client's use of the readers, in which it must never see an older state than before
	At      node.LSN
	// Asked is the read point that the client asked for, 0 when it took the newest. One that asked goes back at will.
	Asked node.LSN
	// Began is when the client asked for the snapshot, and Answered when it was told the read point.
	Began, Answered int64
	Reads           []linearizability.Op // Read and Scan
}

// A Staleness says how a snapshot is not one.
type Staleness string

// The ways.
const (
	NoSuchPoint     Staleness = "there is no such read point"
	OtherPoint      Staleness = "the read point is not the one asked for"
	NotThePrefix    Staleness = "what it shows is not the committed prefix"
	ReaderWentBack  Staleness = "its reader went back"
	SessionWentBack Staleness = "its session went back"
)

// A SnapshotError is a snapshot that is not as it must be.
type SnapshotError struct {
	Staleness Staleness
	Reader    string
	Session   uint64
	At        node.LSN
	Key       string // the row, "" when it is not about one
	Expected  string
	Found     string
}

func (e *SnapshotError) Error() string { return sentence(e) }

func (e *SnapshotError) describe(f *Finding) {
	f.Rule, f.Expected, f.Found = string(e.Staleness), e.Expected, e.Found
	f.Nodes, f.LSNs = []string{e.Reader}, []node.LSN{e.At}
	f.Subject = fmt.Sprintf("snapshot of %s at LSN %d, session %d", e.Reader, e.At, e.Session)
	if e.Key != "" {
		f.Keys = []string{e.Key}
		f.Subject += fmt.Sprintf(": row %q", e.Key)
	}
}

// Snapshots holds what readers showed against the committed prefixes of the log, and their read points against time: a
// snapshot that is asked for after another one was given, by the same reader or in the same session, is not older. (Of two
// that were under way at once, neither came first: answers overtake each other.) All objections are returned.
func Snapshots(l *Log, seen []Snapshot, name func(node.ID) string) []error {
	var broken []error
	object := func(s *Snapshot, how Staleness, key, expected, found string) {
		broken = append(broken, &SnapshotError{Staleness: how, Reader: name(s.Reader), Session: s.Session, At: s.At, Key: key, Expected: expected, Found: found})
	}
	p := newPrefix(l)
	for _, s := range sortedBy(seen, func(s Snapshot) node.LSN { return s.At }) {
		if s.Asked != 0 && s.Asked != s.At {
			object(&s, OtherPoint, "", fmt.Sprintf("LSN %d", s.Asked), fmt.Sprintf("LSN %d", s.At))
		}
		if !l.Consistent(s.At) {
			object(&s, NoSuchPoint, "", "the end of a mini-transaction on the log", fmt.Sprintf("none there, in a log up to %d", l.End()))
			continue
		}
		p.advance(s.At)
		for _, op := range s.Reads {
			differences(p.rows, op, func(key, expected, found string) { object(&s, NotThePrefix, key, expected, found) })
		}
	}
	for _, order := range []struct {
		how Staleness
		of  func(*Snapshot) uint64
	}{
		{ReaderWentBack, func(s *Snapshot) uint64 { return uint64(s.Reader) }},
		{SessionWentBack, func(s *Snapshot) uint64 { return s.Session }},
	} {
		for s, least := range wentBack(seen, order.of) {
			object(s, order.how, "", fmt.Sprintf("at least the LSN %d of an earlier one", least), fmt.Sprintf("LSN %d", s.At))
		}
	}
	return broken
}

// wentBack yields the snapshots that are older than one of the same kind which was given before they were asked for, and
// how old they may be.
func wentBack(seen []Snapshot, kind func(*Snapshot) uint64) func(yield func(*Snapshot, node.LSN) bool) {
	began, answered := make([]*Snapshot, 0, len(seen)), make([]*Snapshot, 0, len(seen))
	for i := range seen {
		if s := &seen[i]; s.Asked == 0 {
			began, answered = append(began, s), append(answered, s)
		}
	}
	slices.SortStableFunc(began, func(a, b *Snapshot) int { return cmp.Compare(a.Began, b.Began) })
	slices.SortStableFunc(answered, func(a, b *Snapshot) int { return cmp.Compare(a.Answered, b.Answered) })
	return func(yield func(*Snapshot, node.LSN) bool) {
		least := make(map[uint64]node.LSN)
		for _, s := range began {
			for len(answered) > 0 && answered[0].Answered < s.Began {
				k := kind(answered[0])
				least[k] = max(least[k], answered[0].At)
				answered = answered[1:]
			}
			if at := least[kind(s)]; s.At < at && !yield(s, at) {
				return
			}
		}
	}
}
