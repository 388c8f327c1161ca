package workload

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

func plain() Workload {
	return Workload{
		Clients: 3, Transactions: 90, Accounts: 4, Rows: 6, Balance: 100, Churn: 20, KeyBytes: 16, ValueBytes: 40,
		Think: faults.Duration(time.Millisecond), Timeout: faults.Duration(20 * time.Millisecond),
		Mix: Mix{Transfer: 5, Put: 2, MultiPut: 2, Delete: 2, Rewrite: 2, Read: 3, Abort: 2, Tangle: 2, Silent: 1,
			Scan: 4, Churn: 4, Savepoint: 4, Long: 2, Wrong: 4},
	}
}

// bench is a world small enough to be seen through: one queue of happenings and toy writers that run one transaction at
// a time, each to its end.
type bench struct {
	now     node.Time
	seq     int
	queue   []happening
	writers map[node.ID]*toy
	clients []*Client
	timers  map[[2]int]int // client, timer → the sequence number that counts
	store   *store
}

type happening struct {
	at  node.Time
	seq int
	do  func()
}

// store is what the toy writers share.
type store struct {
	rows map[string]node.Value
	lsn  node.LSN
	txns uint32
}

type toy struct {
	store  *store
	active node.Txn
	idle   int // requests refused as busy since the active transaction was last heard of
	undo   map[string]node.Value
	ended  map[node.Txn]node.Reason
	marks  []map[string]node.Value                 // by savepoint, the rows of then
	status func(r node.Request) (node.Reply, bool) // overrides the answer, before anything is done
	mute   func(r node.Request) bool               // does what was asked for, and says nothing
	delay  func(r node.Request) time.Duration
}

func newBench(w Workload, writers ...node.ID) (*bench, *Directory, *History) {
	b := &bench{writers: map[node.ID]*toy{}, timers: map[[2]int]int{}, store: &store{rows: map[string]node.Value{}}}
	for _, id := range writers {
		b.writers[id] = &toy{store: b.store, ended: map[node.Txn]node.Reason{}}
	}
	d, h := &Directory{Writers: writers}, &History{}
	for n := 1; n <= w.Clients; n++ {
		b.clients = append(b.clients, NewClient(w, 7, n, d, h))
	}
	return b, d, h
}

func (b *bench) later(after time.Duration, do func()) {
	b.seq++
	b.queue = append(b.queue, happening{b.now.Add(after), b.seq, do})
}

type port struct {
	b      *bench
	client int
	actor  actor
}

type actor interface {
	Reply(now node.Time, from node.ID, r *node.Reply, p Port)
	Timer(now node.Time, t node.Timer, p Port)
}

func (p port) Request(to node.ID, r node.Request) {
	w := p.b.writers[to]
	p.b.later(time.Millisecond, func() {
		reply, ok := w.serve(r)
		if !ok {
			return
		}
		d := time.Millisecond
		if w.delay != nil {
			d += w.delay(r)
		}
		p.b.later(d, func() { p.actor.Reply(p.b.now, to, &reply, p) })
	})
}

func (p port) SetTimer(t node.Timer, after time.Duration) {
	key := [2]int{p.client, int(t)}
	p.b.later(after, nil)
	seq := p.b.seq
	p.b.timers[key] = seq
	p.b.queue[len(p.b.queue)-1].do = func() {
		if p.b.timers[key] == seq {
			delete(p.b.timers, key)
			p.actor.Timer(p.b.now, t, p)
		}
	}
}

func (p port) ClearTimer(t node.Timer) { delete(p.b.timers, [2]int{p.client, int(t)}) }

func (b *bench) run(t *testing.T) {
	for i, c := range b.clients {
		c.Start(b.now, port{b, i, c})
	}
	b.drain(t)
}

func (b *bench) drain(t *testing.T) {
	for steps := 0; len(b.queue) > 0; steps++ {
		require.Less(t, steps, 1_000_000, "the clients never come to an end")
		sort.Slice(b.queue, func(i, j int) bool {
			x, y := b.queue[i], b.queue[j]
			return x.at < y.at || x.at == y.at && x.seq < y.seq
		})
		next := b.queue[0]
		b.queue = b.queue[1:]
		b.now = next.at
		next.do()
	}
}

func (w *toy) serve(r node.Request) (node.Reply, bool) {
	reply := node.Reply{ID: r.ID, Op: r.Op, Txn: r.Txn, Status: node.OK, Epoch: 1}
	if w.status != nil {
		if forced, ok := w.status(r); ok {
			forced.ID, forced.Op, forced.Txn = r.ID, r.Op, r.Txn
			return forced, true
		}
	}
	switch {
	case r.Op == node.OpBegin:
		if w.active != 0 {
			if w.idle++; w.idle < 20 {
				reply.Status, reply.Reason = node.Refused, node.ReasonBusy
				return reply, true
			}
			w.end(true)
		}
		w.store.txns++
		w.active, w.idle, w.undo, w.marks = node.MakeTxn(1, w.store.txns), 0, map[string]node.Value{}, nil
		reply.Txn = w.active
	case r.Txn != w.active:
		reply.Status, reply.Reason = node.Refused, node.ReasonUnknownTxn
		if why, ok := w.ended[r.Txn]; ok {
			reply.Reason = why
		}
		return reply, true
	case w.wrong(r) != node.ReasonNone:
		reply.Status, reply.Reason = node.Refused, w.wrong(r)
		return reply, true
	case r.Op == node.OpScan:
		for _, key := range slices.Sorted(maps.Keys(w.store.rows)) {
			v := w.store.rows[key]
			switch {
			case !v.Exists || key < r.From || r.To != "" && key >= r.To:
			case len(reply.Rows) == 5 || r.Most > 0 && len(reply.Rows) == r.Most:
				reply.More = true
			default:
				reply.Rows = append(reply.Rows, node.Row{Key: key, Value: v})
			}
		}
	case r.Op == node.OpSavepoint:
		w.marks = append(w.marks, maps.Clone(w.store.rows))
		reply.Savepoint = uint32(len(w.marks))
	case r.Op == node.OpRollback:
		w.marks = w.marks[:r.Savepoint]
		w.store.rows = maps.Clone(w.marks[r.Savepoint-1])
	case r.Op == node.OpGet:
		reply.Value = w.store.rows[r.Rows[0].Key]
	case r.Op == node.OpPut:
		for _, row := range r.Rows {
			if _, ok := w.undo[row.Key]; !ok {
				w.undo[row.Key] = w.store.rows[row.Key]
			}
			w.store.rows[row.Key] = row.Value
			w.store.lsn++
		}
	case r.Op == node.OpCommit:
		if len(w.undo) > 0 {
			w.store.lsn++
		}
		reply.LSN = w.store.lsn
		w.end(false)
	case r.Op == node.OpAbort:
		w.end(true)
		reply.Status = node.Aborted
	}
	w.idle = 0
	return reply, w.mute == nil || !w.mute(r)
}

// wrong is why the request cannot be carried out.
func (w *toy) wrong(r node.Request) node.Reason {
	switch {
	case r.Op == node.OpRollback && (r.Savepoint == 0 || int(r.Savepoint) > len(w.marks)):
		return node.ReasonNoSavepoint
	case r.Op == node.OpPut && len(r.Rows) == 0, r.Op == node.OpGet && len(r.Rows) != 1:
		return node.ReasonMalformed
	case len(r.Rows) > 1000:
		return node.ReasonTooLarge
	}
	for _, row := range r.Rows {
		switch {
		case row.Key == "":
			return node.ReasonMalformed
		case len(row.Key)+len(row.Value.Bytes) > 10_000:
			return node.ReasonTooLarge
		}
	}
	return node.ReasonNone
}

func (w *toy) end(back bool) {
	w.ended[w.active] = node.ReasonCommitted
	if back {
		w.ended[w.active] = node.ReasonRolledBack
		maps.Copy(w.store.rows, w.undo)
		w.store.lsn++
	}
	w.active = 0
}

func txns(h *History) []linearizability.Txn {
	var all []linearizability.Txn
	for _, t := range h.Transactions {
		all = append(all, t.Txn)
	}
	return all
}

func TestClientsRecordALegalHistoryOfALegalWriter(t *testing.T) {
	b, _, h := newBench(plain(), 9)
	b.run(t)

	result := linearizability.CheckTxns(t.Context(), txns(h), linearizability.SimulationLimits())
	require.NoError(t, result.Err())
	require.Equal(t, linearizability.ByCertificate, result.Proof, "the claimed order must be the writer's own: %v", result.Certificate)
	seen := map[string]int{}
	for _, x := range h.Transactions {
		seen[x.Kind]++
	}
	for k := transfer; k <= setup; k++ {
		require.Positive(t, seen[k.String()], "no transaction of kind %s in %v", k, seen)
	}
	for _, c := range b.clients {
		require.True(t, c.Idle())
	}
	counts := h.Count()
	require.Positive(t, counts.Acknowledged)
	require.Positive(t, counts.ReadOnly)
	require.Positive(t, counts.Aborted)
	require.Positive(t, counts.Scans)
	require.Greater(t, counts.RowsScanned, counts.Scans)
	require.Positive(t, counts.Rollbacks)
	require.Positive(t, counts.Misused)
	require.Empty(t, h.Broken)
	require.Equal(t, len(h.Transactions), counts.Acknowledged+counts.ReadOnly+counts.Aborted+counts.Unknown)
}

func TestSumIsKeptByALegalWriter(t *testing.T) {
	w := plain()
	b, _, _ := newBench(w, 9)
	b.run(t)
	sum := 0
	for i := range w.Accounts {
		v := b.store.rows[Account(i)]
		require.True(t, v.Exists)
		n, err := Balance(v.Bytes)
		require.NoError(t, err)
		sum += n
	}
	require.Equal(t, w.Sum(), sum)
}

func TestEveryValueIsWrittenOnce(t *testing.T) {
	b, _, h := newBench(plain(), 9)
	b.run(t)
	seen := map[string]bool{}
	for _, x := range h.Transactions {
		for _, op := range x.Ops {
			if op.Kind == linearizability.Write {
				require.False(t, seen[op.Value], "%q is written twice", op.Value)
				seen[op.Value] = true
			}
		}
	}
	require.Greater(t, len(seen), 100)
}

func TestTheSameSeedWantsTheSame(t *testing.T) {
	var histories [2]string
	for i := range histories {
		b, _, h := newBench(plain(), 9)
		b.run(t)
		text, err := json.Marshal(h)
		require.NoError(t, err)
		histories[i] = string(text)
	}
	require.Equal(t, histories[0], histories[1])
}

// A script depends on the seed, the client and the number of the transaction, and on nothing that happened.
func TestWhatATransactionWantsDoesNotDependOnTheOneBefore(t *testing.T) {
	w := plain()
	d1, d2 := newDice(3, 2, 17), newDice(3, 2, 17)
	newDice(3, 2, 16)
	require.Equal(t, w.script(&d1, 17), w.script(&d2, 17))
	other := newDice(3, 2, 18)
	same := 0
	for range 50 {
		x, y := newDice(3, 2, 17), other
		if w.script(&x, 1).kind == w.script(&y, 1).kind {
			same++
		}
		other = newDice(3, 2, 18+same)
	}
	require.Less(t, same, 50)
}

func TestACommitWithoutAnAnswerIsUnknown(t *testing.T) {
	b, _, h := newBench(plain(), 9)
	n := 0
	b.writers[9].mute = func(r node.Request) bool {
		if r.Op != node.OpCommit {
			return false
		}
		n++
		return n%3 == 0
	}
	b.run(t)
	unknown := 0
	for _, x := range h.Transactions {
		if x.Outcome == linearizability.OutcomeUnknown {
			unknown++
			require.Equal(t, linearizability.Unfinished, x.End)
			require.Zero(t, x.Order)
		}
	}
	require.Positive(t, unknown)
	require.Equal(t, unknown, n/3)
	require.NoError(t, linearizability.CheckTxns(t.Context(), txns(h), linearizability.SimulationLimits()).Err())
}

func TestAnAnswerThatComesLateStillCounts(t *testing.T) {
	w := plain()
	b, _, h := newBench(w, 9)
	late := 0
	b.writers[9].delay = func(r node.Request) time.Duration {
		if r.Op == node.OpCommit && r.ID%2 == 0 {
			late++
			return 2 * time.Duration(w.Timeout)
		}
		return 0
	}
	b.run(t)
	require.Positive(t, late)
	for _, x := range h.Transactions {
		require.NotEqual(t, linearizability.OutcomeUnknown, x.Outcome, "transaction %d", x.ID)
	}
	require.NoError(t, linearizability.CheckTxns(t.Context(), txns(h), linearizability.SimulationLimits()).Err())
}

// "Unknown" from the writer is unknown; anything else than a commit that has no answer cannot have committed.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		name   string
		op     node.Op
		status node.Status
		reason node.Reason
		mute   bool
		want   linearizability.Outcome
	}{
		{"commit unknown", node.OpCommit, node.Unknown, node.ReasonFenced, false, linearizability.OutcomeUnknown},
		{"commit aborted", node.OpCommit, node.Aborted, node.ReasonIdle, false, linearizability.Aborted},
		{"commit refused", node.OpCommit, node.Refused, node.ReasonUnknownTxn, false, linearizability.Aborted},
		{"commit unanswered", node.OpCommit, 0, 0, true, linearizability.OutcomeUnknown},
		{"put aborted", node.OpPut, node.Aborted, node.ReasonDeadlock, false, linearizability.Aborted},
		{"put unanswered", node.OpPut, 0, 0, true, linearizability.Aborted},
		{"put too large", node.OpPut, node.Refused, node.ReasonTooLarge, false, linearizability.Aborted},
		{"put busy for ever", node.OpPut, node.Refused, node.ReasonBusy, false, linearizability.Aborted},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := plain()
			w.Clients, w.Transactions, w.Mix = 1, 1, Mix{Put: 1}
			b, _, h := newBench(w, 9)
			toy := b.writers[9]
			if c.mute {
				toy.mute = func(r node.Request) bool { return r.Op == c.op }
			} else {
				toy.status = func(r node.Request) (node.Reply, bool) {
					return node.Reply{Status: c.status, Reason: c.reason}, r.Op == c.op
				}
			}
			b.run(t)
			require.Len(t, h.Transactions, 1)
			require.Equal(t, c.want, h.Transactions[0].Outcome)
			if c.want == linearizability.OutcomeUnknown {
				require.Equal(t, linearizability.Unfinished, h.Transactions[0].End)
			} else {
				require.NotEqual(t, linearizability.Unfinished, h.Transactions[0].End)
			}
		})
	}
}

func TestABusyWriterIsAskedAgainWithoutWritingTwice(t *testing.T) {
	w := plain()
	w.Clients, w.Transactions, w.Mix = 1, 1, Mix{Put: 1}
	b, _, h := newBench(w, 9)
	puts := 0
	b.writers[9].status = func(r node.Request) (node.Reply, bool) {
		if r.Op == node.OpPut {
			puts++
		}
		return node.Reply{Status: node.Refused, Reason: node.ReasonBusy}, r.Op == node.OpPut && puts < 3
	}
	b.run(t)
	require.Equal(t, 3, puts)
	require.Len(t, h.Transactions, 1)
	require.Equal(t, linearizability.Committed, h.Transactions[0].Outcome)
	require.Len(t, h.Transactions[0].Ops, 1+w.Accounts, "the read of the first account and one write of each: %v", h.Transactions[0].Ops)
}

func TestClientsFindTheWriterThatServes(t *testing.T) {
	for _, c := range []struct {
		name   string
		broken func(*toy)
	}{
		{"not open", func(w *toy) {
			w.status = func(node.Request) (node.Reply, bool) {
				return node.Reply{Status: node.Refused, Reason: node.ReasonNotOpen}, true
			}
		}},
		{"replaced", func(w *toy) {
			w.status = func(node.Request) (node.Reply, bool) {
				return node.Reply{Status: node.Aborted, Reason: node.ReasonFenced}, true
			}
		}},
		{"dead", func(w *toy) { w.mute = func(node.Request) bool { return true } }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := plain()
			w.Transactions = 10
			b, _, h := newBench(w, 5, 6, 7)
			c.broken(b.writers[5])
			c.broken(b.writers[7])
			b.run(t)
			require.Positive(t, h.Count().Acknowledged)
			for _, x := range h.Transactions {
				require.Equal(t, node.ID(6), x.Writer)
			}
		})
	}
}

func TestAnAuditorWritesThenReadsEverything(t *testing.T) {
	w := plain()
	w.Transactions = 10
	b, d, h := newBench(w, 9)
	b.run(t)
	// It repeats until it is answered.
	n := 0
	b.writers[9].mute = func(r node.Request) bool { n++; return n < 9 && n%2 == 0 }
	a := NewAuditor(w, 7, w.Clients+1, d, h)
	_, seen := a.Seen()
	require.False(t, seen)
	require.False(t, a.Wrote())
	a.Start(b.now, port{b, w.Clients, a})
	b.drain(t)
	require.True(t, a.Wrote())
	at, seen := a.Seen()
	require.True(t, seen)
	rows := map[string]node.Value{}
	ops := h.Transactions[at].Ops
	for i, op := range ops {
		require.Equal(t, linearizability.Scan, op.Kind)
		require.Equal(t, i < len(ops)-1, op.More)
		for _, row := range op.Rows {
			rows[row.Key] = node.Some(row.Value)
		}
	}
	for _, key := range w.Keys() {
		require.Equal(t, b.store.rows[key], rows[key])
		delete(rows, key)
	}
	require.Empty(t, rows)
}

// An auditor that gave up leaves a transaction behind, which waits for the row of the one before, which the writer ends when it has
// been idle for a while. As long as each new one gives up sooner than that, it waits behind those of its own.
func TestAProberOutwaitsAWriterThatTakesItsTime(t *testing.T) {
	w := plain()
	w.Clients = 0
	b, d, h := newBench(w, 9)
	b.writers[9].delay = func(r node.Request) time.Duration {
		if r.Op == node.OpPut {
			return 3 * time.Duration(w.Timeout)
		}
		return 0
	}
	a := NewProber(w, 7, 1, d, h)
	a.Start(b.now, port{b, 0, a})
	b.drain(t)
	require.True(t, a.Wrote())
	require.Len(t, h.Transactions, 3, "one timeout, two, four")
}

// A prober that finds the volume full deletes rows until it can write.
func TestAProberMakesRoom(t *testing.T) {
	w := plain()
	w.Transactions = 20
	b, d, h := newBench(w, 9)
	b.run(t)
	before := len(h.Transactions)
	deleted := 0
	b.writers[9].status = func(r node.Request) (node.Reply, bool) {
		if r.Op == node.OpPut && !r.Rows[0].Value.Exists {
			deleted += len(r.Rows)
		}
		return node.Reply{Status: node.Refused, Reason: node.ReasonFull}, r.Op == node.OpPut && r.Rows[0].Value.Exists && deleted < 30
	}
	a := NewProber(w, 7, w.Clients+1, d, h)
	a.Start(b.now, port{b, w.Clients, a})
	b.drain(t)
	require.True(t, a.Wrote())
	var kinds []string
	for _, x := range h.Transactions[before:] {
		kinds = append(kinds, fmt.Sprintf("%s %s", x.Kind, x.Outcome))
	}
	require.Equal(t, []string{"probe aborted", "room committed", "probe aborted", "room committed", "probe committed"}, kinds)
	require.Empty(t, h.Broken)
}

// Without scans in the mix, the auditor reads row by row.
func TestAnAuditorReadsRowByRow(t *testing.T) {
	w := plain()
	w.Transactions, w.Mix.Scan = 10, 0
	b, d, h := newBench(w, 9)
	b.run(t)
	a := NewAuditor(w, 7, w.Clients+1, d, h)
	a.Start(b.now, port{b, w.Clients, a})
	b.drain(t)
	at, seen := a.Seen()
	require.True(t, seen)
	ops := h.Transactions[at].Ops
	require.Len(t, ops, len(w.Keys()))
	for i, key := range w.Keys() {
		require.Equal(t, key, ops[i].Key)
		require.Equal(t, b.store.rows[key], node.Value{Bytes: ops[i].Value, Exists: ops[i].Found})
	}
}

// Every wrong request has one reason with which it is refused, and every other answer is objected to.
func TestMisusesAreJudged(t *testing.T) {
	at := node.MakeTxn(3, 1)
	for m := longKey; m <= lastMisuse; m++ {
		for _, committed := range []bool{false, true} {
			want := m.reason(committed)
			refused := func(why node.Reason, epoch node.Epoch) *node.Reply {
				return &node.Reply{Status: node.Refused, Reason: why, Epoch: epoch}
			}
			_, ok := judgeMisuse(m, committed, at, refused(want, 3))
			require.True(t, ok, m)
			for _, gone := range []*node.Reply{refused(node.ReasonFenced, 3), refused(node.ReasonNotOpen, 0), refused(node.ReasonUnknownTxn, 4)} {
				_, ok = judgeMisuse(m, committed, at, gone)
				require.True(t, ok, m)
			}
			wrong := []*node.Reply{{Status: node.OK, Epoch: 3}, refused(node.ReasonBusy, 3), refused(node.ReasonNone, 3), refused(node.ReasonFull, 3)}
			if m != strangeTxn {
				wrong = append(wrong, refused(node.ReasonUnknownTxn, 3))
			}
			for _, r := range wrong {
				expected, ok := judgeMisuse(m, committed, at, r)
				require.False(t, ok, "%s: %+v", m, r)
				require.Contains(t, expected, want.String())
			}
		}
		require.NotEmpty(t, m.String())
	}
}

func TestAWriterThatTakesWhatItCannotIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		when  func(r node.Request) bool
		reply node.Reply
		want  string
	}{
		"oversized key taken": {func(r node.Request) bool {
			return r.Op == node.OpPut && len(r.Rows) == 1 && len(r.Rows[0].Key) == hugeBytes
		},
			node.Reply{Status: node.OK}, "put (key too long): expected refused: too large, found ok"},
		"second commit taken": {func(r node.Request) bool { return r.Op == node.OpCommit && r.Txn%3 == 0 },
			node.Reply{Status: node.OK, LSN: 1}, "commit (commit after the end): expected refused: committed already, found ok"},
		"proper put refused":   {func(r node.Request) bool { return r.Op == node.OpPut }, node.Reply{Status: node.Refused, Reason: node.ReasonTooLarge}, "put: expected refused with one of these reasons: not open, fenced, attached elsewhere, busy, unknown transaction, rolled back already, volume full, found refused: too large"},
		"begin unknown":        {func(r node.Request) bool { return r.Op == node.OpBegin && r.ID%5 == 0 }, node.Reply{Status: node.Unknown}, "begin: expected an answer that fits"},
		"more of nothing":      {func(r node.Request) bool { return r.Op == node.OpScan }, node.Reply{Status: node.OK, More: true}, "scan: expected at least one row"},
		"savepoint unnamed":    {func(r node.Request) bool { return r.Op == node.OpSavepoint }, node.Reply{Status: node.OK}, "savepoint: expected a savepoint's number"},
		"ok for a reason":      {func(r node.Request) bool { return r.Op == node.OpGet }, node.Reply{Status: node.OK, Reason: node.ReasonIdle}, "get: expected ok with one of these reasons: "},
		"deadlock with nobody": {func(r node.Request) bool { return r.Op == node.OpPut }, node.Reply{Status: node.Aborted, Reason: node.ReasonDeadlock}, "put: expected the transactions of the cycle"},
		"rollback of nothing":  {func(r node.Request) bool { return r.Op == node.OpRollback && r.Savepoint > 1000 }, node.Reply{Status: node.OK}, "rollback (unknown savepoint): expected refused: no such savepoint, found ok"},
	} {
		t.Run(name, func(t *testing.T) {
			b, _, h := newBench(plain(), 9)
			b.writers[9].status = func(r node.Request) (node.Reply, bool) { return c.reply, c.when(r) }
			b.run(t)
			require.NotEmpty(t, h.Broken)
			require.LessOrEqual(t, len(h.Broken), maxBroken)
			text := ""
			for _, e := range h.Broken {
				text += e.Error() + "\n"
			}
			require.Contains(t, text, c.want)
		})
	}
}

func TestRowsFitWhatTheWorkloadSays(t *testing.T) {
	w := plain()
	b, _, h := newBench(w, 9)
	b.run(t)
	most, long := 0, 0
	for _, x := range h.Transactions {
		for _, op := range x.Ops {
			if op.Kind == linearizability.Write {
				most = max(most, len(op.Key)+len(op.Value))
				require.LessOrEqual(t, len(op.Value), w.ValueBytes)
				if len(op.Value) > w.ValueBytes/2 {
					long++
				}
			}
		}
	}
	require.LessOrEqual(t, most, w.MostBytes())
	require.Greater(t, long, 100)
	require.Len(t, w.ChurnRow(3), w.KeyBytes)
	require.Less(t, w.ChurnRow(9), w.ChurnRow(10))
}

func TestStoppedClientsEndWhatTheyBegan(t *testing.T) {
	w := plain()
	b, _, h := newBench(w, 9)
	b.later(50*time.Millisecond, func() {
		for _, c := range b.clients {
			c.Stop()
		}
	})
	b.run(t)
	for _, c := range b.clients {
		require.True(t, c.Idle())
		require.Less(t, c.started, w.Transactions)
	}
	for _, x := range h.Transactions {
		require.NotEqual(t, linearizability.Unfinished, x.End)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	require.NoError(t, plain().Validate())
	for field, spoil := range map[string]func(*Workload){
		"clients":      func(w *Workload) { w.Clients = 0 },
		"transactions": func(w *Workload) { w.Transactions = MaxTransactions + 1 },
		"accounts":     func(w *Workload) { w.Accounts = 1 },
		"rows":         func(w *Workload) { w.Rows = 0 },
		"balance":      func(w *Workload) { w.Balance = -1 },
		"think":        func(w *Workload) { w.Think = 0 },
		"timeout":      func(w *Workload) { w.Timeout = -1 },
		"mix":          func(w *Workload) { w.Mix = Mix{} },
		"mix: read":    func(w *Workload) { w.Mix.Read = -1 },
		"mix: wrong":   func(w *Workload) { w.Mix.Wrong = -1 },
		"churn":        func(w *Workload) { w.Churn = 0 },
		"keyBytes":     func(w *Workload) { w.KeyBytes = MaxBytes + 1 },
		"valueBytes":   func(w *Workload) { w.ValueBytes = -1 },
	} {
		w := plain()
		spoil(&w)
		var e *Error
		require.ErrorAs(t, w.Validate(), &e, field)
		require.Equal(t, field, e.Field)
	}
}

func TestBalanceRefusesWhatIsNone(t *testing.T) {
	n, err := Balance("-12@c3.4")
	require.NoError(t, err)
	require.Equal(t, -12, n)
	for _, bad := range []string{"", "12", "x@c1.1", "@c1.1"} {
		_, err := Balance(bad)
		require.Error(t, err, bad)
	}
}
