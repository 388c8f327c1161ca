package older

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// Calls is the workload of single rows: each client reads or writes one after the other.
type Calls struct {
	Clients int             `json:"clients"`
	Each    int             `json:"each"`    // calls of each client
	Keys    int             `json:"keys"`    // rows
	Writes  int             `json:"writes"`  // of ten calls
	Think   faults.Duration `json:"think"`   // between two calls of a client, on average
	Timeout faults.Duration `json:"timeout"` // for one answer
	// Only are the calls that clients make. Absent: all.
	Only workload.Picks `json:"only,omitzero"`
}

// validate refuses a workload that no client could run: all that is wrong with it.
func (c *Calls) validate() []error {
	broken := []error{within("workload.clients", c.Clients, 1, 64), within("workload.each", c.Each, 1, 10_000), within("workload.keys", c.Keys, 1, 1000),
		within("workload.writes", c.Writes, 0, 10)}
	return append(broken, configuration.Within("workload.think", c.Think), configuration.Within("workload.timeout", c.Timeout), c.Only.Validate())
}

// rows are the clients of versioned registers, and what they saw of single rows.
type rows struct {
	r       runtime.Runtime
	w       Calls
	seed    uint64
	fronts  []node.ID
	callers []*caller
	calls   []*call
	auditor *caller
	begun   []workload.Begun
	broken  []error
	counts  struct{ answered, doubtful, declined uint64 }
}

// A call is one that a client made.
type call struct {
	linearizability.Call
	never bool // it was refused, and so has not happened
}

// An errand is one call that a client wants to make.
type errand struct {
	key    string
	writes bool
	pick   workload.Pick // of a call of the workload; zero of an auditor's
}

// A caller is one client: an errand is a transaction of one read or one write.
type caller struct {
	of      *rows
	number  int
	next    func(c *caller) (errand, bool) // false when there is none
	started int
	stopped bool

	at      errand
	busy    bool
	front   int // index in fronts
	op      node.Op
	request uint64 // numbers requests
	waiting uint64 // the one under way, 0 when there is none
	txn     node.Txn
	call    *call // nil before what it asks for can happen
	begun   node.Time
	value   string
	wrote   bool    // some write was acknowledged
	done    []*call // reads that were answered
}

const (
	timerThink    node.Timer = 1
	timerDeadline node.Timer = 2
)

func (x *rows) begin() error {
	for i := range x.w.Clients {
		c := &caller{of: x, number: i + 1, next: (*caller).fromMix}
		x.callers = append(x.callers, c)
		if err := x.join(clientName(i+1), c); err != nil {
			return err
		}
	}
	return nil
}

func (x *rows) join(name string, c *caller) error {
	return x.r.AddClient(runtime.Client{ID: firstClient + node.ID(c.number-1), Name: name, Actor: c})
}

// roll is a number that depends on the run's seed, the client and its call, and on nothing that has happened.
func (c *caller) roll(what uint64, n int) int {
	z := c.of.seed ^ uint64(c.number)<<48 ^ uint64(c.started)<<8 ^ what
	for range 2 {
		z = (z + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9
		z ^= z >> 29
	}
	return int(z >> 1 % uint64(n))
}

func keyOf(i int) string { return "row" + strconv.Itoa(i) }

func (c *caller) fromMix() (errand, bool) {
	if c.stopped || c.started >= c.of.w.Each {
		return errand{}, false
	}
	c.started++
	if n := len(c.of.fronts); n > 1 && c.roll(1, 4) == 0 {
		c.front = c.roll(2, n) // one need not be refused by one front to ask another
	}
	pick, _ := c.of.w.Only.Of(c.number, c.started)
	return errand{key: keyOf(c.roll(3, c.of.w.Keys)), writes: c.roll(4, 10) < c.of.w.Writes, pick: pick}, true
}

// Start implements runtime.Actor.
func (c *caller) Start(_ node.Time, out *runtime.Calls) { c.think(out) }

func (c *caller) think(out *runtime.Calls) {
	c.busy = false
	half := time.Duration(c.of.w.Think / 2)
	out.SetTimer(timerThink, half+time.Duration(c.roll(5, int(c.of.w.Think)))+1)
}

// Timer implements runtime.Actor.
func (c *caller) Timer(now node.Time, t node.Timer, out *runtime.Calls) {
	if out.Redrawn != 0 {
		c.of.seed = out.Redrawn
	}
	switch {
	case t == timerDeadline && c.waiting != 0:
		c.waiting = 0
		if c.call != nil && c.call.Unknown {
			c.of.counts.doubtful++
		}
		c.failed(out)
	case t == timerThink && !c.busy:
		if c.number <= c.of.w.Clients {
			var wait time.Duration
			if c.started, wait = c.of.w.Only.Next(c.number, c.started, c.of.w.Each, now); wait > 0 && !c.stopped {
				out.SetTimer(timerThink, wait)
				return
			}
		}
		next, ok := c.next(c)
		if !ok {
			return
		}
		if next.pick.Number > 0 {
			c.of.begun = append(c.of.begun, next.pick.Begun(now, 1))
		}
		c.at, c.busy, c.call, c.begun = next, true, nil, now
		if next.writes {
			c.value = fmt.Sprintf("c%d.%d", c.number, c.request)
		}
		c.ask(node.Request{Op: node.OpBegin}, out)
	}
}

func (c *caller) ask(r node.Request, out *runtime.Calls) {
	c.request++
	r.ID = c.request
	c.waiting, c.op = r.ID, r.Op
	out.SetTimer(timerDeadline, time.Duration(c.of.w.Timeout))
	out.Request(c.of.fronts[c.front], r)
}

// failed turns to another front. What was asked may have happened, if it was a commit; it is not asked again under the same value.
func (c *caller) failed(out *runtime.Calls) {
	c.front = (c.front + 1) % len(c.of.fronts)
	c.think(out)
}

// record adds the call under way to what was seen, without an answer as yet.
func (c *caller) record(kind linearizability.CallKind) {
	c.call = &call{Call: linearizability.Call{Client: c.number, Begin: int64(c.begun), End: linearizability.Unfinished,
		Kind: kind, Key: c.at.key, Value: c.value, Unknown: true}}
	c.of.calls = append(c.of.calls, c.call)
}

// answered closes the call under way.
func (c *caller) answered(now node.Time) {
	c.call.End, c.call.Unknown = int64(now), false
	c.of.counts.answered++
}

// Reply implements runtime.Actor.
func (c *caller) Reply(now node.Time, _ node.ID, r node.Reply, out *runtime.Calls) {
	if r.ID != c.waiting || r.Op != c.op {
		return // too late: it stays unknown
	}
	c.waiting = 0
	out.ClearTimer(timerDeadline)
	if r.Status != node.OK {
		c.refused(&r, out)
		return
	}
	switch c.op {
	case node.OpBegin:
		c.txn = r.Txn
		row := node.Row{Key: c.at.key}
		ask := node.Request{Op: node.OpGet, Txn: c.txn}
		if c.at.writes {
			ask.Op, row.Value = node.OpPut, node.Some(c.value)
		}
		ask.Rows = []node.Row{row}
		c.ask(ask, out)
	case node.OpGet:
		c.value = r.Value.Bytes
		c.record(linearizability.Get)
		c.answered(now)
		c.call.Found = r.Value.Exists
		c.done = append(c.done, c.call)
		c.ask(node.Request{Op: node.OpAbort, Txn: c.txn}, out) // it need not be told more
	case node.OpPut:
		c.record(linearizability.Put) // whether or not the commit that is asked for now is answered
		c.ask(node.Request{Op: node.OpCommit, Txn: c.txn}, out)
	case node.OpCommit:
		c.answered(now)
		c.wrote = true
		c.think(out)
	default:
		c.think(out)
	}
}

// refused takes a refusal: a commit that was refused has not happened.
func (c *caller) refused(r *node.Reply, out *runtime.Calls) {
	c.of.counts.declined++
	if r.Status != node.Refused || r.Reason != node.ReasonUnknownTxn && r.Reason != node.ReasonBusy {
		c.of.broken = append(c.of.broken, &ReplyError{Client: c.number, Op: r.Op, Key: c.at.key, Status: r.Status, Reason: r.Reason})
	}
	if c.op == node.OpCommit && r.Status == node.Refused {
		c.call.never = true
	}
	c.failed(out)
}

// A ReplyError is an answer that no front may give to what it was asked.
type ReplyError struct {
	Client int
	Op     node.Op
	Key    string
	Status node.Status
	Reason node.Reason
}

func (e *ReplyError) Error() string {
	return fmt.Sprintf("client %d, %s of row %q: expected ok, or refused: %s or %s; found %s: %s", e.Client, e.Op, e.Key,
		node.ReasonUnknownTxn, node.ReasonBusy, e.Status, e.Reason)
}

// Wrote implements harness.Probe.
func (c *caller) Wrote() bool { return c.wrote }

// Stop implements harness.Probe.
func (c *caller) Stop() { c.stopped = true }

// probeRow is the row that is written to see whether anything goes at all.
const probeRow = "probe"

// probing has a client write until it is acknowledged.
func probing(c *caller) (errand, bool) {
	return errand{key: probeRow, writes: true}, !c.wrote && !c.stopped
}

// auditing has it read every row after that, each until it is answered.
func auditing(c *caller) (errand, bool) {
	if probe, more := probing(c); more {
		return probe, true
	}
	if i := len(c.done); i < c.of.w.Keys {
		return errand{key: keyOf(i)}, true
	}
	return errand{key: probeRow}, len(c.done) == c.of.w.Keys
}

func (x *rows) late(name string, place int, next func(*caller) (errand, bool)) *caller {
	c := &caller{of: x, number: x.w.Clients + place, next: next, front: len(x.fronts) - 1} // it knows who came last
	if err := x.join(name, c); err != nil {
		panic(fmt.Sprintf("older: %v", err)) // the address is free
	}
	return c
}

// Probe implements harness.Clients.
func (x *rows) Probe() harness.Probe { return x.late("prober", 1, probing) }

// Audit implements harness.Clients.
func (x *rows) Audit() harness.Audit {
	x.auditor = x.late("auditor", 2, auditing)
	return x.auditor
}

// Done implements harness.Audit.
func (c *caller) Done() bool { return len(c.done) > c.of.w.Keys }

// Stop implements harness.Clients.
func (x *rows) Stop() {
	for _, c := range x.callers {
		c.Stop()
	}
}

// Idle implements harness.Clients.
func (x *rows) Idle() bool {
	return !slices.ContainsFunc(x.callers, func(c *caller) bool { return c.busy || !c.stopped && c.started < x.w.Each })
}

// evidence adds what the clients have seen.
func (x *rows) evidence(e *judge.Evidence) {
	for _, c := range x.calls {
		if c.never {
			continue
		}
		if x.auditor != nil && x.auditor.Done() && slices.Contains(x.auditor.done, c) {
			e.AuditedKeys = append(e.AuditedKeys, len(e.Operations))
		}
		e.Operations = append(e.Operations, c.Call)
	}
	e.Replies, e.Begun = x.broken, x.begun
	e.Counts.Operations, e.Counts.Doubtful, e.Counts.Declined = x.counts.answered, x.counts.doubtful, x.counts.declined
}
