package judge

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// script is a log of three transactions: the first commits at 3, the second takes part of itself back and commits at 8,
// the third never does.
func script() []*node.Record {
	one, two, three := node.MakeTxn(1, 1), node.MakeTxn(1, 2), node.MakeTxn(1, 3)
	some := node.Some
	return []*node.Record{
		{LSN: 1, Epoch: 1, Kind: node.Write, Txn: one, Key: "a", New: some("a1")},
		{LSN: 2, Epoch: 1, Kind: node.Write, Txn: one, Key: "b", New: some("b1"), Last: true},
		{LSN: 3, Epoch: 1, Kind: node.Commit, Txn: one, Last: true},
		{LSN: 4, Epoch: 1, Kind: node.Write, Txn: two, Key: "a", Old: some("a1"), New: some("a2"), Last: true},
		{LSN: 5, Epoch: 1, Kind: node.Write, Txn: two, Key: "c", New: some("c2"), Last: true},
		{LSN: 6, Epoch: 1, Kind: node.Structure, Last: true},
		{LSN: 7, Epoch: 1, Kind: node.Undo, Txn: two, Key: "c", Old: some("c2"), Undoes: 5, Last: true},
		{LSN: 8, Epoch: 1, Kind: node.Commit, Txn: two, Last: true},
		{LSN: 9, Epoch: 1, Kind: node.Write, Txn: three, Key: "b", Old: some("b1"), Last: true},
	}
}

func TestCommittedPrefixes(t *testing.T) {
	l := NewLog(script(), node.FirstHistory())
	for at, want := range []map[string]string{{}, {}, {}, {"a": "a1", "b": "b1"}, {"a": "a1", "b": "b1"}, {"a": "a1", "b": "b1"},
		{"a": "a1", "b": "b1"}, {"a": "a1", "b": "b1"}, {"a": "a2", "b": "b1"}, {"a": "a2", "b": "b1"}} {
		require.Equal(t, want, CommittedPrefix(l, node.LSN(at)), "at %d", at)
		require.Equal(t, at != 1, l.Consistent(node.LSN(at)), "at %d", at)
	}
	require.False(t, l.Consistent(10))
	for at, want := range []node.LSN{0, 0, 2, 3, 4, 5, 6, 7, 8, 9, 9} {
		require.Equal(t, want, l.Consistency(node.LSN(at)))
	}
	require.Equal(t, node.LSN(9), l.End())
	require.Zero(t, NewLog(nil, node.FirstHistory()).End())
}

// What was cut is not on the log, and what took its LSNs is.
func TestACutLogHasOnlyWhatIsKept(t *testing.T) {
	written := script()
	written = append(written, &node.Record{LSN: 8, Epoch: 2, Kind: node.Undo, Txn: node.MakeTxn(1, 2), Key: "a", Undoes: 4, Last: true})
	slices.Reverse(written) // the order in which it was told does not matter
	l := NewLog(written, node.FirstHistory().Cut(7, 2))
	require.Equal(t, map[string]string{"a": "a1", "b": "b1"}, CommittedPrefix(l, 8))
	require.Equal(t, node.LSN(8), l.End())
}

// The prefix by commit records is what applying every record and taking back what did not commit leaves, for any
// interleaving, as long as two transactions do not change a row at once.
func TestThePrefixIsWhatUndoingLeaves(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		records := randomLog(r)
		l := NewLog(records, node.FirstHistory())
		for at := range node.LSN(len(records) + 1) {
			require.Equal(t, undone(records[:at]), CommittedPrefix(l, at), "seed %d at %d", seed, at)
		}
	}
}

// randomLog is the log of a few transactions under strict locks, with savepoints.
func randomLog(r *rand.Rand) []*node.Record {
	var log []*node.Record
	rows := map[string]node.Value{}
	owner := map[string]node.Txn{}
	writes := map[node.Txn][]*node.Record{}
	var active []node.Txn
	issue := func(x node.Record) *node.Record {
		x.LSN, x.Epoch, x.Last = node.LSN(len(log)+1), 1, true
		log = append(log, &x)
		return &x
	}
	takeBack := func(x node.Txn) {
		w := writes[x][len(writes[x])-1]
		writes[x] = writes[x][:len(writes[x])-1]
		issue(node.Record{Kind: node.Undo, Txn: x, Key: w.Key, Old: w.New, New: w.Old, Undoes: w.LSN})
		rows[w.Key] = w.Old
	}
	for i := range 60 {
		if len(active) < 3 {
			active = append(active, node.MakeTxn(1, uint32(i+1)))
		}
		at := r.IntN(len(active))
		x := active[at]
		switch {
		case r.IntN(6) == 0:
			issue(node.Record{Kind: node.Commit, Txn: x})
			writes[x] = nil
			active = slices.Delete(active, at, at+1)
			for k, o := range owner {
				if o == x {
					delete(owner, k)
				}
			}
		case len(writes[x]) > 0 && r.IntN(4) == 0:
			takeBack(x)
		default:
			key := fmt.Sprintf("k%d", r.IntN(6))
			if o, locked := owner[key]; locked && o != x {
				continue
			}
			owner[key] = x
			v := node.Some(fmt.Sprintf("v%d", i))
			if r.IntN(3) == 0 {
				v = node.Value{}
			}
			writes[x] = append(writes[x], issue(node.Record{Kind: node.Write, Txn: x, Key: key, Old: rows[key], New: v}))
			rows[key] = v
		}
	}
	return log
}

// undone applies all records and then takes back, the latest first, what did not commit.
func undone(records []*node.Record) map[string]string {
	rows := map[string]node.Value{}
	committed, taken := map[node.Txn]bool{}, map[node.LSN]bool{}
	for _, r := range records {
		switch r.Kind {
		case node.Commit:
			committed[r.Txn] = true
		case node.Undo:
			taken[r.Undoes] = true
		}
		if r.Kind == node.Write || r.Kind == node.Undo {
			rows[r.Key] = r.New
		}
	}
	for _, r := range slices.Backward(records) {
		if r.Kind == node.Write && !committed[r.Txn] && !taken[r.LSN] {
			rows[r.Key] = r.Old
		}
	}
	left := map[string]string{}
	for k, v := range rows {
		if v.Exists {
			left[k] = v.Bytes
		}
	}
	return left
}

func rowsOf(pairs ...string) []linearizability.Row {
	var rows []linearizability.Row
	for i := 0; i < len(pairs); i += 2 {
		rows = append(rows, linearizability.Row{Key: pairs[i], Value: pairs[i+1]})
	}
	return rows
}

func TestRestores(t *testing.T) {
	l := NewLog(script(), node.FirstHistory())
	require.Empty(t, Restores(l, []Restored{{At: 8, Rows: rowsOf("a", "a2", "b", "b1")}, {At: 0}, {At: 7, Rows: rowsOf("a", "a1", "b", "b1")}}))
	for says, broken := range map[string]Restored{
		`restored to LSN 7: row "a": expected "a1", found "a2" of row "a" in its place`:               {At: 7, Rows: rowsOf("a", "a2", "b", "b1")},
		`restored to LSN 8: row "b": expected "b1", found nothing`:                                    {At: 8, Rows: rowsOf("a", "a2")},
		`restored to LSN 8: row "a": expected "a2", found "b1" of row "b" in its place`:               {At: 8, Rows: rowsOf("b", "b1")},
		`restored to LSN 5: row "c": expected no such row there, found "c2"`:                          {At: 5, Rows: rowsOf("a", "a1", "b", "b1", "c", "c2")},
		`restored to LSN 1: expected the end of a mini-transaction on the log, found none there, in`:  {At: 1},
		`restored to LSN 12: expected the end of a mini-transaction on the log, found none there, in`: {At: 12},
	} {
		errs := Restores(l, []Restored{broken})
		require.Len(t, errs, 1)
		require.ErrorContains(t, errs[0], says)
	}
}

func TestSnapshots(t *testing.T) {
	l := NewLog(script(), node.FirstHistory())
	name := func(id node.ID) string { return fmt.Sprintf("reader %d", id) }
	read := func(key, v string) linearizability.Op { return saw(key, v) }
	scan := func(from, to string, more bool, rows ...string) linearizability.Op {
		return linearizability.Op{Kind: linearizability.Scan, From: from, To: to, More: more, Rows: rowsOf(rows...)}
	}
	good := []Snapshot{
		{Reader: 1, Session: 1, At: 3, Began: 0, Answered: 1, Reads: []linearizability.Op{read("a", "a1"), read("c", ""), scan("", "", false, "a", "a1", "b", "b1")}},
		{Reader: 2, Session: 1, At: 7, Began: 2, Answered: 3, Reads: []linearizability.Op{scan("a", "b", false, "a", "a1"), scan("", "", true, "a", "a1")}},
		{Reader: 1, Session: 2, At: 8, Began: 4, Answered: 9, Reads: []linearizability.Op{read("a", "a2"), scan("b", "", false, "b", "b1")}},
		{Reader: 1, Session: 2, At: 7, Began: 8, Answered: 9}, // under way together with the one before
		{Reader: 1, Session: 2, At: 2, Asked: 2, Began: 20, Answered: 21, Reads: []linearizability.Op{scan("", "", false)}},
		{Reader: 1, Session: 2, At: 9, Began: 22, Answered: 23, Reads: []linearizability.Op{read("b", "b1")}},
	}
	require.Empty(t, Snapshots(l, good, name))
	for says, s := range map[string]Snapshot{
		`snapshot of reader 3 at LSN 8, session 9: row "a": what it shows is not the committed prefix: expected "a2", found "a1"`: {At: 8, Reads: []linearizability.Op{read("a", "a1")}},
		`row "c": what it shows is not the committed prefix: expected nothing, found "c2"`:                                        {At: 5, Reads: []linearizability.Op{read("c", "c2")}},
		`row "b": what it shows is not the committed prefix: expected "b1", found nothing`:                                        {At: 9, Reads: []linearizability.Op{scan("", "", false, "a", "a2")}},
		`what it shows is not the committed prefix: expected no more rows, found the word that there are`:                         {At: 9, Reads: []linearizability.Op{scan("", "", true, "a", "a2", "b", "b1")}},
		`row "a": what it shows is not the committed prefix: expected "a2", found "b1" of row "b" in its place`:                   {At: 9, Reads: []linearizability.Op{scan("", "", true, "b", "b1")}},
		`there is no such read point: expected the end of a mini-transaction on the log, found none there, in a log up to 9`:      {At: 1},
		`the read point is not the one asked for: expected LSN 5, found LSN 4`:                                                    {At: 4, Asked: 5},
	} {
		s.Reader, s.Session = 3, 9
		errs := Snapshots(l, append(slices.Clone(good), s), name)
		require.Len(t, errs, 1, says)
		require.ErrorContains(t, errs[0], says)
	}
	errs := Snapshots(l, append(slices.Clone(good), Snapshot{Reader: 1, Session: 3, At: 8, Began: 30, Answered: 31}), name)
	require.Len(t, errs, 1)
	require.ErrorContains(t, errs[0], "snapshot of reader 1 at LSN 8, session 3: its reader went back: expected at least the LSN 9 of an earlier one, found LSN 8")
	errs = Snapshots(l, append(slices.Clone(good), Snapshot{Reader: 4, Session: 1, At: 6, Began: 30, Answered: 31}), name)
	require.Len(t, errs, 1)
	require.ErrorContains(t, errs[0], "snapshot of reader 4 at LSN 6, session 1: its session went back: expected at least the LSN 7 of an earlier one, found LSN 6")
}
