package judge

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// A Log is what the writers of a run wrote, as far as the newest of them that opened goes on from it: what was cut is not
// on it. It is made of what the writers told when they gave the records their LSNs, which the model has followed, and of
// nothing that a segment or a reader says.
type Log struct {
	records []*node.Record // by LSN
	written []*node.Record // all that were ever written, in the order of the telling
}

// NewLog returns the log that a history of cuts leaves of all the records that were ever written.
func NewLog(written []*node.Record, h node.History) *Log {
	l := &Log{written: written}
	for _, r := range written {
		if h.Has(r.LSN, r.Epoch) {
			l.records = append(l.records, r)
		}
	}
	slices.SortStableFunc(l.records, func(a, b *node.Record) int { return cmp.Compare(a.LSN, b.LSN) })
	return l
}

// End returns the last LSN, 0 of an empty log.
func (l *Log) End() node.LSN {
	if len(l.records) == 0 {
		return 0
	}
	return l.records[len(l.records)-1].LSN
}

// All goes through the records, by LSN.
func (l *Log) All() iter.Seq[*node.Record] { return slices.Values(l.records) }

// At returns the record at an LSN, nil if the log has none there.
func (l *Log) At(at node.LSN) *node.Record {
	i, ok := slices.BinarySearchFunc(l.records, at, func(r *node.Record, at node.LSN) int { return cmp.Compare(r.LSN, at) })
	if !ok {
		return nil
	}
	return l.records[i]
}

// Consistent tells whether a mini-transaction ends at that LSN, so that a read point may be there.
func (l *Log) Consistent(at node.LSN) bool {
	if at == 0 {
		return true
	}
	r := l.At(at)
	return r != nil && r.Last
}

// Consistency returns the last LSN, at or below that one, at which a mini-transaction ends.
func (l *Log) Consistency(at node.LSN) node.LSN {
	i, ok := slices.BinarySearchFunc(l.records, at, func(r *node.Record, at node.LSN) int { return cmp.Compare(r.LSN, at) })
	if !ok {
		i--
	}
	for ; i >= 0; i-- {
		if l.records[i].Last {
			return l.records[i].LSN
		}
	}
	return 0
}

// Pages returns the pages of a group that some record changed, ascending.
func (l *Log) Pages(g node.Group) []node.PageID {
	var pages []node.PageID
	for _, r := range l.written {
		if r.Group == g {
			pages = append(pages, r.Page)
		}
	}
	slices.Sort(pages)
	return slices.Compact(pages)
}

// Commits returns the LSN of the commit record of every transaction that has one; none of an unknown log.
func (l *Log) Commits() map[node.Txn]node.LSN {
	commits := make(map[node.Txn]node.LSN)
	if l == nil {
		return commits
	}
	for _, r := range l.records {
		if r.Kind == node.Commit {
			commits[r.Txn] = r.LSN
		}
	}
	return commits
}

// CommittedPrefix returns the rows of the volume at an LSN: those of the transactions that had committed by then, each as
// the last of them by commit LSN left it, without what a transaction took back itself. It goes by the commit records and
// never by the old values or the order of the writes, so that it is another way to the same rows than undoing is.
func CommittedPrefix(l *Log, at node.LSN) map[string]string {
	p := newPrefix(l)
	p.advance(at)
	return p.rows
}

// A prefix is the committed prefix of a log, which grows.
type prefix struct {
	log  *Log
	next int
	open map[node.Txn][]*node.Record // the writes of those that have not committed
	rows map[string]string
}

func newPrefix(l *Log) *prefix {
	return &prefix{log: l, open: make(map[node.Txn][]*node.Record), rows: make(map[string]string)}
}

// advance goes on to a later LSN.
func (p *prefix) advance(to node.LSN) {
	for ; p.next < len(p.log.records) && p.log.records[p.next].LSN <= to; p.next++ {
		switch r := p.log.records[p.next]; r.Kind {
		case node.Write:
			p.open[r.Txn] = append(p.open[r.Txn], r)
		case node.Undo:
			p.open[r.Txn] = slices.DeleteFunc(p.open[r.Txn], func(w *node.Record) bool { return w.LSN == r.Undoes })
		case node.Commit:
			for _, w := range p.open[r.Txn] {
				if w.New.Exists {
					p.rows[w.Key] = w.New.Bytes
				} else {
					delete(p.rows, w.Key)
				}
			}
			delete(p.open, r.Txn)
		}
	}
}

// A Restored is a volume that was restored from a backup.
type Restored struct {
	At   node.LSN // the VDL that it was restored to
	Rows []linearizability.Row
}

// A RestoreError is a row of a restored volume that is not as the committed prefix has it.
type RestoreError struct {
	At       node.LSN // math.MaxUint64 is the newest point that there is
	Key      string   // "" when it is about the point itself
	Expected string
	Found    string
}

func (e *RestoreError) Error() string { return sentence(e) }

func (e *RestoreError) describe(f *Finding) {
	f.Expected, f.Found = e.Expected, e.Found
	if e.At == math.MaxUint64 {
		f.Subject = "restored to the newest point"
	} else {
		f.LSNs = []node.LSN{e.At}
		f.Subject = fmt.Sprintf("restored to LSN %d", e.At)
	}
	if e.Key != "" {
		f.Keys = []string{e.Key}
		f.Subject += fmt.Sprintf(": row %q", e.Key)
	}
}

// Restores holds restored volumes against the committed prefixes of the log. All objections are returned, one a row.
func Restores(l *Log, restored []Restored) []error {
	var broken []error
	for _, r := range sortedBy(restored, func(r Restored) node.LSN { return r.At }) {
		object := func(key, expected, found string) {
			broken = append(broken, &RestoreError{At: r.At, Key: key, Expected: expected, Found: found})
		}
		if !l.Consistent(r.At) {
			object("", "the end of a mini-transaction on the log", fmt.Sprintf("none there, in a log up to %d", l.End()))
			continue
		}
		differences(CommittedPrefix(l, r.At), linearizability.Op{Kind: linearizability.Scan, Rows: r.Rows}, object)
	}
	return broken
}

// differences compares what a read or a scan saw with the rows that there are.
func differences(rows map[string]string, saw linearizability.Op, object func(key, expected, found string)) {
	if saw.Kind == linearizability.Read {
		want, exists := rows[saw.Key]
		if exists != saw.Found || want != saw.Value {
			object(saw.Key, value(want, exists), value(saw.Value, saw.Found))
		}
		return
	}
	var want []linearizability.Row
	for key, value := range rows {
		if key >= saw.From && (saw.To == "" || key < saw.To) {
			want = append(want, linearizability.Row{Key: key, Value: value})
		}
	}
	slices.SortFunc(want, func(a, b linearizability.Row) int { return cmp.Compare(a.Key, b.Key) })
	for i := range max(len(want), len(saw.Rows)) {
		switch {
		case i >= len(saw.Rows) && saw.More:
			return // the rest was left out, and there is one
		case i >= len(saw.Rows):
			object(want[i].Key, value(want[i].Value, true), "nothing")
		case i >= len(want):
			object(saw.Rows[i].Key, "no such row there", value(saw.Rows[i].Value, true))
		case saw.Rows[i] != want[i]:
			object(want[i].Key, value(want[i].Value, true), fmt.Sprintf("%s of row %q in its place", value(saw.Rows[i].Value, true), saw.Rows[i].Key))
			return // one row too many or too few moves all others
		}
	}
	if saw.More && len(saw.Rows) >= len(want) {
		object("", "no more rows", "the word that there are")
	}
}

func value(text string, exists bool) string {
	if !exists {
		return "nothing"
	}
	return fmt.Sprintf("%q", text)
}

// sortedBy returns the elements in the order of an LSN.
func sortedBy[T any](all []T, at func(T) node.LSN) []T {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b T) int { return cmp.Compare(at(a), at(b)) })
	return sorted
}
