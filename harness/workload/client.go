package workload

import (
	"time"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// A Port is what a client acts through.
type Port interface {
	// Request sends r to a writer. It may be lost, and so may be its answer; neither arrives twice.
	Request(to node.ID, r node.Request)
	// SetTimer fires t once, after from now; setting it again moves it.
	SetTimer(t node.Timer, after time.Duration)
	// ClearTimer forgets t.
	ClearTimer(t node.Timer)
}

// The timers of a client.
const (
	timerThink    node.Timer = 1 // begin the next transaction, or try again
	timerDeadline node.Timer = 2 // an answer is overdue
)

// A patient client asks for a begin a second time before it turns to another writer, and for a read so often, each time
// for a fraction of the time that others wait for one answer.
const (
	begins = 2
	reads  = 8
)

// busyRetries is how often a client asks again when a writer is too busy, before it gives the transaction up.
const busyRetries = 5

// A Client runs transactions one after the other against whichever writer serves it.
type Client struct {
	workload  Workload
	seed      uint64
	number    int
	directory *Directory
	history   *History

	scripts func(c *Client) (script, bool) // the next transaction; false: it has made all
	started int                            // transactions asked for so far
	opened  bool                           // the accounts are set up, as far as this client has seen
	stopped bool
	busy    bool // in the middle of a transaction
	patient bool // asks again, and the same writer, before it gives up: an Auditor

	dice    dice
	script  script
	at      int // the next step of script
	writer  int // index in directory
	asked   node.Op
	waiting uint64 // the request under way, 0 when none is
	since   uint64 // the first request for the same step: a patient client takes the answer to any of them
	request uint64 // numbers requests
	written uint64 // numbers values
	retries int
	begun   node.Time
	txn     node.Txn
	index   int // of the transaction in the history, -1 before it is named
	marks   []mark
	behind  string // a scan goes on behind this row
	over    bool   // the transaction has ended, and what comes are only misuses of it
	late    []lateCommit
}

// doublings is how often the patience of an auditor doubles.
const doublings = 4

// A mark is a savepoint of the transaction under way.
type mark struct {
	name  uint32 // as the writer gave it
	since int    // operations of the history that came before it
}

// A lateCommit is one whose answer was overdue. When it comes after all, it still counts: what the writer has said to
// anybody it has said.
type lateCommit struct {
	request uint64
	index   int
}

// NewClient returns client number of w, counted from 1. It adds what it sees to history.
func NewClient(w Workload, seed uint64, number int, directory *Directory, history *History) *Client {
	return &Client{workload: w, seed: seed, number: number, directory: directory, history: history,
		scripts: (*Client).fromMix, index: -1}
}

// fromMix gives the transactions that the workload's mix names. The first client sets the accounts up before.
func (c *Client) fromMix() (script, bool) {
	if c.stopped || c.started >= c.workload.Transactions {
		return script{}, false
	}
	c.started++
	c.dice = newDice(c.seed, c.number, c.started)
	// One need not be refused by the old writer to ask the new one: some go there at once, and change what others then read
	// of a writer that does not know yet that it was replaced.
	if n := len(c.directory.Writers); n > 1 && c.dice.chance(1, 4) {
		c.writer = c.dice.below(n)
	}
	pick, _ := c.workload.Only.Of(c.number, c.started)
	if c.workload.Only == nil {
		pick.Opens = c.number == 1 && !c.opened
	}
	var s script
	if pick.Opens {
		s = c.workload.setupScript()
	} else {
		s = c.workload.script(&c.dice, c.started)
	}
	s.pick = pick
	return s, true
}

// Redraw has the transactions that the client has not begun be those of another seed.
func (c *Client) Redraw(seed uint64) { c.seed = seed }

// Stop lets the client end the transaction under way, and begin no other.
func (c *Client) Stop() { c.stopped = true }

// Idle tells whether the client waits for nothing and will ask for nothing more.
func (c *Client) Idle() bool {
	return !c.busy && (c.stopped || c.started >= c.workload.Transactions)
}

// Start begins.
func (c *Client) Start(_ node.Time, p Port) { c.think(p) }

// think waits for a while, different for each transaction, and then begins the next one.
func (c *Client) think(p Port) {
	c.busy = false
	d := newDice(c.seed, c.number, -1-c.started)
	half := time.Duration(c.workload.Think / 2)
	p.SetTimer(timerThink, half+time.Duration(d.next()%uint64(c.workload.Think))+1)
}

// Timer is called when a timer that the client set has fired.
func (c *Client) Timer(now node.Time, t node.Timer, p Port) {
	switch {
	case t == timerDeadline && c.waiting != 0:
		c.overdue(now, p)
	case t != timerThink || c.waiting != 0:
		// A timer that was overtaken by what it waited for.
	case c.busy:
		c.resume(now, p)
	default:
		// What it asks for is drawn when it begins: it depends on how many writers there are.
		var wait time.Duration
		if c.started, wait = c.workload.Only.Next(c.number, c.started, c.workload.Transactions, now); wait > 0 && !c.stopped {
			p.SetTimer(timerThink, wait)
			return
		}
		next, ok := c.scripts(c)
		if !ok {
			return
		}
		c.script, c.at, c.busy, c.index, c.txn, c.retries = next, 0, true, -1, 0, 0
		c.marks, c.behind, c.over = c.marks[:0], "", false
		c.note(now)
		c.resume(now, p)
	}
}

// note writes down that a transaction of the workload begins.
func (c *Client) note(now node.Time) {
	pick := &c.script.pick
	if pick.Number == 0 {
		return
	}
	c.written = max(c.written+1, pick.Values) - 1
	pick.Values = c.written + 1
	c.script.keep(pick)
	c.history.Begun = append(c.history.Begun, pick.Begun(now, len(c.script.steps)+len(c.script.after)))
}

// resume asks for what comes next: the begin, a step, or the end.
func (c *Client) resume(now node.Time, p Port) {
	switch {
	case c.index < 0 && c.stopped:
		c.busy = false
	case c.index < 0:
		c.begun = now
		c.ask(node.Request{Op: node.OpBegin}, p)
	case c.at < len(c.script.steps):
		c.step(now, p)
	case c.script.end == fallsSilent:
		// The writer is left with the transaction's locks, until it loses patience.
		c.end(now, linearizability.Aborted, node.ReasonNone, p)
	case c.script.end == aborts:
		c.ask(node.Request{Op: node.OpAbort, Txn: c.txn}, p)
	default:
		c.ask(node.Request{Op: node.OpCommit, Txn: c.txn}, p)
	}
}

// step asks for the next step of the script.
func (c *Client) step(now node.Time, p Port) {
	s := c.script.steps[c.at]
	switch {
	case s.wrong != 0:
		c.ask(s.wrong.request(c.txn, ProbeRow), p)
		return
	case s.scans != nil:
		r := node.Request{Op: node.OpScan, Txn: c.txn, From: s.scans.from, To: s.scans.to, Most: s.scans.most}
		if c.behind != "" {
			r.From = c.behind + "\x00" // the first key that is behind it
		}
		c.ask(r, p)
		return
	case s.marks:
		c.ask(node.Request{Op: node.OpSavepoint, Txn: c.txn}, p)
		return
	case s.back > 0:
		c.ask(node.Request{Op: node.OpRollback, Txn: c.txn, Savepoint: c.marks[s.back-1].name}, p)
		return
	case s.writes == nil:
		c.ask(node.Request{Op: node.OpGet, Txn: c.txn, Rows: []node.Row{{Key: s.reads}}}, p)
		return
	}
	rows, ok := c.rows(s.writes)
	if !ok {
		// Accounts that are not there yet cannot be moved money between, and need not be opened twice.
		c.at = len(c.script.steps)
		c.resume(now, p)
		return
	}
	ops := &c.history.Transactions[c.index].Ops
	for _, r := range rows {
		op := linearizability.Op{Kind: linearizability.Write, Key: r.Key, Value: r.Value.Bytes}
		if !r.Value.Exists {
			op.Kind = linearizability.Delete
		}
		// Recorded before it is answered: whether or not the writer got it, no reader may see it unless it commits.
		*ops = append(*ops, op)
	}
	c.ask(node.Request{Op: node.OpPut, Txn: c.txn, Rows: rows}, p)
}

// rows makes the rows of a write, unless what the transaction has read leaves nothing to write.
func (c *Client) rows(changes []change) ([]node.Row, bool) {
	rows := make([]node.Row, len(changes))
	for i, ch := range changes {
		rows[i].Key = ch.key
		switch ch.form {
		case nothing:
		case unique:
			rows[i].Value = node.Some(c.tag())
		case opening:
			if _, found := c.lastRead(Account(0)); found {
				return nil, false
			}
			rows[i].Value = node.Some(balance(ch.fresh, c.tag()))
		case added:
			old, found := c.lastRead(ch.key)
			amount, err := Balance(old)
			if !found || err != nil {
				// A value that is no balance is for the checks to judge; the client has read it, and that is on record.
				return nil, false
			}
			rows[i].Value = node.Some(balance(amount+ch.amount, c.tag()))
		}
	}
	return rows, true
}

func (c *Client) tag() string {
	c.written++
	return c.workload.tagged(c.number, c.written)
}

// lastRead returns what the transaction has read in a row.
func (c *Client) lastRead(key string) (string, bool) {
	ops := c.history.Transactions[c.index].Ops
	for i := len(ops) - 1; i >= 0; i-- {
		if ops[i].Kind == linearizability.Read && ops[i].Key == key {
			return ops[i].Value, ops[i].Found
		}
	}
	return "", false
}

func (c *Client) ask(r node.Request, p Port) {
	c.request++
	r.ID = c.request
	c.waiting, c.asked = r.ID, r.Op
	if !c.repeats() || c.retries == 0 {
		c.since = r.ID
	}
	p.SetTimer(timerDeadline, c.patience())
	p.Request(c.directory.Writers[c.writer], r)
}

// repeats tells whether what was asked for may be asked for once more without an answer: it changes nothing.
func (c *Client) repeats() bool {
	return c.patient && (c.asked == node.OpGet || c.asked == node.OpScan)
}

// patience is how long the client waits for an answer. An auditor waits longer each time: who gives up leaves a transaction
// that a writer ends only when it has been idle for a while, and if that waits for a row, the next one of the same client
// waits behind it. With a patience that is shorter than the writer's the auditor would wait behind itself for ever.
func (c *Client) patience() time.Duration {
	if c.patient && !c.repeats() {
		return time.Duration(c.workload.Timeout) << min(max(c.started-1, 0), doublings)
	}
	if c.repeats() {
		return time.Duration(c.workload.Timeout) / reads // the whole transaction must not look silent meanwhile
	}
	return time.Duration(c.workload.Timeout)
}

// rotate turns to another writer.
func (c *Client) rotate() { c.writer = (c.writer + 1) % len(c.directory.Writers) }

// pause waits for a while in the middle of a transaction, and then resumes it.
func (c *Client) pause(p Port) { p.SetTimer(timerThink, time.Duration(c.workload.Timeout/4)+1) }

// Reply is called when a writer's answer has arrived.
func (c *Client) Reply(now node.Time, from node.ID, r *node.Reply, p Port) {
	if c.waiting == 0 || r.ID < c.since || r.ID > c.waiting || r.Op != c.asked {
		c.tooLate(now, r)
		return
	}
	if c.repeats() && r.ID > c.since && r.Status == node.Refused && r.Reason == node.ReasonBusy {
		return // with the one before, whose answer will come
	}
	c.waiting = 0
	p.ClearTimer(timerDeadline)
	if c.over {
		c.afterEndAnswered(r, p)
		return
	}
	if m := c.misused(); m != 0 {
		if !c.judge(m, r) {
			c.give(now, p)
			return
		}
	} else if expected, found, ok := judgeReply(c.asked, r); !ok {
		c.object(&ReplyError{Client: c.number, Txn: c.txn, Op: c.asked, Expected: expected, Found: found})
	}
	if r.Status == node.Refused && r.Reason == node.ReasonBusy && c.retries < busyRetries {
		c.retries++
		c.unwrite()
		c.pause(p)
		return
	}
	if c.asked == node.OpBegin {
		c.beginAnswered(from, r, p)
		if c.index >= 0 {
			c.resume(now, p)
		}
		return
	}
	if r.Reason == node.ReasonFenced || r.Reason == node.ReasonAttached || r.Reason == node.ReasonNotOpen || r.Reason == node.ReasonUnknownTxn && c.misused() != strangeTxn {
		c.rotate()
	}
	switch {
	case c.asked == node.OpCommit:
		c.commitAnswered(now, r, p)
	case c.asked == node.OpAbort:
		c.end(now, linearizability.Aborted, r.Reason, p)
	case r.Status == node.OK:
		if c.take(now, r) {
			c.at++
			c.behind = ""
		}
		c.resume(now, p)
	case r.Status == node.Refused && c.misused() != 0 && !elsewhere(c.txn, r) && r.Reason != node.ReasonRolledBack:
		c.at++ // as it has to be, and the transaction is as it was
		c.resume(now, p)
	case r.Status == node.Refused && (r.Reason == node.ReasonBusy || r.Reason == node.ReasonFull):
		c.history.Transactions[c.index].Full = r.Reason == node.ReasonFull
		c.give(now, p)
	default:
		// Its commit was never asked for, so it never happens, though the writer may know of it.
		c.end(now, linearizability.Aborted, r.Reason, p)
	}
}

// take records what an answer to a step of the script says, and tells whether the step is done.
func (c *Client) take(now node.Time, r *node.Reply) bool {
	t := &c.history.Transactions[c.index]
	s := c.script.steps[c.at]
	c.retries = 0
	switch c.asked {
	case node.OpGet:
		t.Ops = append(t.Ops, linearizability.Op{Kind: linearizability.Read, Key: s.reads, Value: r.Value.Bytes, Found: r.Value.Exists})
		if r.Value.Exists {
			c.show(now, linearizability.Row{Key: s.reads, Value: r.Value.Bytes})
		}
	case node.OpScan:
		op := linearizability.Op{Kind: linearizability.Scan, From: s.scans.from, To: s.scans.to, Most: s.scans.most, More: r.More}
		if c.behind != "" {
			op.From = c.behind + "\x00"
		}
		for _, row := range r.Rows {
			op.Rows = append(op.Rows, linearizability.Row{Key: row.Key, Value: row.Value.Bytes})
		}
		c.show(now, op.Rows...)
		t.Ops = append(t.Ops, op)
		if s.scans.rest && r.More && len(r.Rows) > 0 && r.Rows[len(r.Rows)-1].Key > c.behind {
			c.behind = r.Rows[len(r.Rows)-1].Key
			return false
		}
	case node.OpSavepoint:
		c.marks = append(c.marks, mark{r.Savepoint, len(t.Ops)})
	case node.OpRollback:
		// What was written since is not written; what was read since was read.
		t.Ops = append(t.Ops, linearizability.Op{Kind: linearizability.Rollback, Since: c.marks[s.back-1].since})
		c.marks = c.marks[:s.back]
	}
	return true
}

// show notes rows that the transaction was shown.
func (c *Client) show(now node.Time, rows ...linearizability.Row) {
	for _, row := range rows {
		c.history.Shown = append(c.history.Shown, Shown{At: now, Transaction: c.index, Row: row})
	}
}

// misused is what is wrong with the request under way, or 0.
func (c *Client) misused() misuse {
	if c.index >= 0 && c.at < len(c.script.steps) {
		return c.script.steps[c.at].wrong
	}
	return 0
}

// judge holds an answer to a misuse against what it must be.
func (c *Client) judge(m misuse, r *node.Reply) bool {
	committed := c.history.Transactions[c.index].Outcome == linearizability.Committed
	expected, ok := judgeMisuse(m, committed, c.txn, r)
	if !ok {
		c.object(&ReplyError{Client: c.number, Txn: c.txn, Op: c.asked, Asked: m.String(), Expected: expected,
			Found: r.Status.String() + ": " + r.Reason.String()})
		return false
	}
	if r.Reason == m.reason(committed) {
		c.history.Misused++
	}
	return true
}

func (c *Client) object(e *ReplyError) {
	if len(c.history.Broken) < maxBroken {
		c.history.Broken = append(c.history.Broken, e)
	}
}

// give gives the transaction under way up.
func (c *Client) give(now node.Time, p Port) {
	c.script.end, c.at, c.script.after = aborts, len(c.script.steps), nil
	c.resume(now, p)
}

// afterEnd asks for what the transaction cannot do any more, now that it has ended.
func (c *Client) afterEnd(p Port) {
	if len(c.script.after) == 0 {
		c.think(p)
		return
	}
	c.over = true
	c.ask(c.script.after[0].request(c.txn, ProbeRow), p)
}

func (c *Client) afterEndAnswered(r *node.Reply, p Port) {
	c.judge(c.script.after[0], r)
	c.script.after = c.script.after[1:]
	c.afterEnd(p)
}

// unwrite takes a refused write off the record, because it will be asked for again, with other values.
func (c *Client) unwrite() {
	if c.asked != node.OpPut || c.misused() != 0 {
		return
	}
	ops := &c.history.Transactions[c.index].Ops
	*ops = (*ops)[:len(*ops)-len(c.script.steps[c.at].writes)]
}

func (c *Client) beginAnswered(from node.ID, r *node.Reply, p Port) {
	if r.Status != node.OK {
		c.rotate()
		c.pause(p)
		return
	}
	c.txn, c.index, c.retries = r.Txn, len(c.history.Transactions), 0
	c.history.Transactions = append(c.history.Transactions, Transaction{
		Txn:    linearizability.Txn{ID: uint64(c.index + 1), Client: c.number, Begin: int64(c.begun), End: linearizability.Unfinished},
		Kind:   c.script.kind.String(),
		Name:   r.Txn,
		Writer: from,
	})
}

func (c *Client) commitAnswered(now node.Time, r *node.Reply, p Port) {
	t := &c.history.Transactions[c.index]
	switch r.Status {
	case node.OK:
		t.Order = claim(r.LSN)
		c.end(now, linearizability.Committed, r.Reason, p)
		c.learn(t)
	case node.Unknown:
		t.Reason = r.Reason
		c.think(p)
	default:
		// Aborted; or refused, and a commit that was refused has not begun and is not asked for again.
		c.end(now, linearizability.Aborted, r.Reason, p)
	}
}

// claim makes a place in the order of a commit LSN. It is one higher, because a transaction that read the empty volume
// has read at LSN 0, and 0 claims nothing.
func claim(l node.LSN) uint64 { return uint64(l) + 1 }

// learn notes whether the accounts are there.
func (c *Client) learn(t *Transaction) {
	if t.Kind == setup.String() {
		c.opened = true
	}
}

// end closes the transaction under way.
func (c *Client) end(now node.Time, o linearizability.Outcome, why node.Reason, p Port) {
	t := &c.history.Transactions[c.index]
	t.Outcome, t.End, t.Reason = o, int64(now), why
	// Only an end that the writer has confirmed is one that it must know of.
	if why == node.ReasonNone && (c.asked == node.OpCommit || c.asked == node.OpAbort) && c.script.end != fallsSilent {
		c.afterEnd(p)
		return
	}
	c.think(p)
}

// overdue gives up on an answer. What became of a commit no client can say; anything else cannot have committed,
// because the commit was never asked for.
func (c *Client) overdue(now node.Time, p Port) {
	waiting := c.waiting
	c.waiting = 0
	if c.over {
		c.think(p)
		return
	}
	if c.patient {
		c.retries++
		if c.repeats() && c.retries < reads {
			c.resume(now, p) // a read may be repeated: it changes nothing
			return
		}
	}
	if !c.patient || c.retries%begins == 0 {
		c.rotate()
	}
	switch {
	case c.asked == node.OpBegin:
		c.pause(p)
	case c.asked == node.OpCommit:
		c.late = append(c.late, lateCommit{waiting, c.index})
		c.think(p)
	default:
		c.script.after = nil // the client does not know whether the writer has heard of the end
		c.end(now, linearizability.Aborted, node.ReasonNone, p)
	}
}

// tooLate takes note of the answer to a commit that the client has stopped waiting for.
func (c *Client) tooLate(now node.Time, r *node.Reply) {
	if r.Op != node.OpCommit {
		return
	}
	for i, l := range c.late {
		if l.request != r.ID {
			continue
		}
		c.late = append(c.late[:i], c.late[i+1:]...)
		t := &c.history.Transactions[l.index]
		t.Reason = r.Reason
		switch r.Status {
		case node.OK:
			t.Outcome, t.End, t.Order = linearizability.Committed, int64(now), claim(r.LSN)
			c.learn(t)
		case node.Aborted, node.Refused:
			t.Outcome, t.End = linearizability.Aborted, int64(now)
		}
		return
	}
}

// An Auditor is a client that looks at the volume when the faults have ended: it writes a row, to see that writes go
// through, and may then read every row in one transaction. It repeats each until the commit is acknowledged.
type Auditor struct {
	Client
	reads   bool
	written bool
	seen    int // the transaction that read everything, -1 before
	rooms   int // how often it has made room
}

// NewAuditor returns an auditor that writes and then reads. Its number must differ from those of the clients.
func NewAuditor(w Workload, seed uint64, number int, directory *Directory, history *History) *Auditor {
	return newAuditor(w, seed, number, directory, history, true)
}

// NewProber returns an auditor that only writes.
func NewProber(w Workload, seed uint64, number int, directory *Directory, history *History) *Auditor {
	return newAuditor(w, seed, number, directory, history, false)
}

func newAuditor(w Workload, seed uint64, number int, directory *Directory, history *History, reads bool) *Auditor {
	w.Only = nil // it begins what is its own
	a := &Auditor{Client: *NewClient(w, seed, number, directory, history), reads: reads, seen: -1}
	// It knows who came last.
	a.patient, a.writer = true, len(directory.Writers)-1
	a.scripts = func(c *Client) (script, bool) {
		a.look()
		c.started++
		switch {
		case a.full() && w.Churn > 0:
			a.rooms++
			return w.roomScript(a.rooms), true
		case !a.written:
			return probeScript(), true
		case a.reads && a.seen < 0:
			return w.auditScript(), true
		}
		return script{}, false
	}
	return a
}

// look finds out how the last transaction ended.
func (a *Auditor) look() {
	if a.index < 0 {
		return
	}
	t := &a.history.Transactions[a.index]
	if t.Outcome != linearizability.Committed {
		return
	}
	switch t.Kind {
	case probe.String():
		a.written = true
	case audit.String():
		if a.at == len(a.script.steps) {
			a.seen = a.index // a transaction whose steps were not all answered does not commit
		}
	}
}

// full tells whether the last transaction found the volume full. Somebody who looks after a volume deletes what is not
// needed then.
func (a *Auditor) full() bool { return a.index >= 0 && a.history.Transactions[a.index].Full }

// Wrote tells whether the auditor's write was acknowledged.
func (a *Auditor) Wrote() bool { a.look(); return a.written }

// Done tells whether the auditor has written once more and has read everything.
func (a *Auditor) Done() bool { a.look(); return a.seen >= 0 }

// Seen returns the index, in the history, of the transaction that read every row, and false before it is
// acknowledged.
func (a *Auditor) Seen() (int, bool) { a.look(); return a.seen, a.seen >= 0 }
