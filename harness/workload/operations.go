package workload

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// Operations says what clients do that call operations by themselves, each one request. It is plain JSON; durations are of
// virtual time.
type Operations struct {
	Clients int             `json:"clients"`
	Calls   int             `json:"calls"`   // of each client; it makes no more than these
	Keys    int             `json:"keys"`    // registers, and as many lists where the mix has them
	Think   faults.Duration `json:"think"`   // between two calls of a client, on average
	Timeout faults.Duration `json:"timeout"` // for one answer, after which the outcome is unknown and the client turns to another node
	Mix     OperationMix    `json:"mix"`
	// Only are the calls that clients make. Absent: all.
	Only Picks `json:"only,omitzero"`
}

// An OperationMix weighs the operations against each other.
type OperationMix struct {
	Read     int `json:"read"`
	Write    int `json:"write"`
	Swap     int `json:"swap,omitempty"` // compare-and-swap of what the client has read last
	Append   int `json:"append,omitempty"`
	Elements int `json:"elements,omitempty"` // reads a list
	Apply    int `json:"apply,omitempty"`    // a transaction of reads and writes in one request
}

// Registers is the mix for a system that reads and writes keys.
func Registers() OperationMix { return OperationMix{Read: 5, Write: 4} }

// SwappedRegisters is the mix for a system that can compare and swap, too.
func SwappedRegisters() OperationMix { return OperationMix{Read: 5, Write: 3, Swap: 2} }

// Lists is the mix for a system of lists.
func Lists() OperationMix { return OperationMix{Append: 5, Elements: 4} }

// Transactions is the mix for a system whose transactions are one request each.
func Transactions() OperationMix { return OperationMix{Apply: 1} }

func (m OperationMix) weights() []int {
	return []int{m.Read, m.Write, m.Swap, m.Append, m.Elements, m.Apply}
}

// operations are the operations of a mix, in the order of its weights.
func operations() []node.Op {
	return []node.Op{node.OpRead, node.OpWrite, node.OpSwap, node.OpAppend, node.OpElements, node.OpApply}
}

// registers and lists tell whether the mix has operations on them.
func (m OperationMix) registers() bool { return m.Read+m.Write+m.Swap > 0 }
func (m OperationMix) lists() bool     { return m.Append+m.Elements > 0 }

// Validate refuses what no client could do.
func (o Operations) Validate() error {
	for _, f := range []struct {
		field           string
		found, min, max int
	}{{"clients", o.Clients, 1, MaxClients}, {"calls", o.Calls, 1, MaxTransactions}, {"keys", o.Keys, 1, MaxRows}} {
		if f.found < f.min || f.found > f.max {
			return &Error{f.field, strconv.Itoa(f.found), fmt.Sprintf("%d to %d", f.min, f.max)}
		}
	}
	for _, err := range []error{configuration.Within("workload.think", o.Think), configuration.Within("workload.timeout", o.Timeout)} {
		if err != nil {
			return err
		}
	}
	sum := 0
	for i, n := range o.Mix.weights() {
		if n < 0 || n > 1000 {
			return &Error{"mix: " + operations()[i].String(), strconv.Itoa(n), "0 to 1000"}
		}
		sum += n
	}
	if sum == 0 {
		return &Error{"mix", "all zero", "at least one operation above zero"}
	}
	if o.Mix.Apply > 0 && sum > o.Mix.Apply {
		return &Error{"mix", "transactions among other operations", "either: no check decides both together"}
	}
	return o.Only.Validate()
}

// WithoutIdle returns operations with no more clients, and calls of each, than are picked.
func (o Operations) WithoutIdle() Operations {
	o.Clients, o.Calls = o.Only.Most(o.Clients, o.Calls)
	return o
}

// Key and List name register i and list i, from 0 on.
func (o Operations) Key(i int) string  { return "key" + strconv.Itoa(i) }
func (o Operations) List(i int) string { return "list" + strconv.Itoa(i) }

// CallHistory is what the clients of a run saw of operations by themselves.
type CallHistory struct {
	calls        []recorded
	transactions History
	refused      int
	doubtful     int
	begun        []Begun
}

// recorded is one call, made and perhaps answered.
type recorded struct {
	call linearizability.Call
	list bool
	gone bool // it did not happen, or tells nothing
}

// Registers returns the calls on registers, and the places among them of those that Audit callers made.
func (h *CallHistory) Registers() []linearizability.Call { return h.of(false) }

// Lists returns the calls on lists.
func (h *CallHistory) Lists() []linearizability.Call { return h.of(true) }

func (h *CallHistory) of(list bool) []linearizability.Call {
	var calls []linearizability.Call
	for _, r := range h.calls {
		if r.list == list && !r.gone {
			calls = append(calls, r.call)
		}
	}
	return calls
}

// Transactions returns the transactions that were one request each, in the order in which they were asked for.
func (h *CallHistory) Transactions() *History { return &h.transactions }

// Refused counts the calls that were refused, and Doubtful those without an answer.
func (h *CallHistory) Refused() int  { return h.refused }
func (h *CallHistory) Doubtful() int { return h.doubtful }

// Begun returns the calls that clients of the workload began.
func (h *CallHistory) Begun() []Begun { return h.begun }

// Unanswered counts the calls whose outcome is unknown and that may have happened.
func (h *CallHistory) Unanswered() int {
	n := 0
	for _, r := range h.calls {
		if !r.gone && r.call.Unknown {
			n++
		}
	}
	return n
}

// A Caller is a client that calls operations by themselves, one after the other. A call without an answer is of unknown
// outcome, and what the client does next it does as another one: its call may still take effect.
type Caller struct {
	operations Operations
	seed       uint64
	number     int
	nodes      []node.ID // that it may ask
	history    *CallHistory

	dice    dice
	pick    Pick // the next call, while it is held
	held    bool // the time of the next call has not come
	made    int
	stopped bool
	node    int // index in nodes
	who     int // the client that the history has; another one after each call of unknown outcome
	values  uint64
	request uint64
	seen    map[string]node.Value // by key, what it has read last

	waiting uint64 // the request under way; 0: it has none
	under   request
	late    map[uint64]request // those that were given up, by request

	// audit is what is left to do of one that has a list of calls to get answered, however often it asks.
	audit []node.Request
	done  bool
}

// request is one call under way.
type request struct {
	node  node.Request
	index int // in the history
}

// NewCaller returns client number of o, counted from 1, which asks nodes.
func NewCaller(o Operations, seed uint64, number int, nodes []node.ID, h *CallHistory) *Caller {
	return &Caller{operations: o, seed: seed, number: number, who: number, nodes: nodes, history: h, node: number % len(nodes),
		seen: map[string]node.Value{}, late: map[uint64]request{}}
}

// NewCallProbe returns a caller that writes until its write is acknowledged. Its number must differ from those of others.
func NewCallProbe(o Operations, seed uint64, number int, nodes []node.ID, h *CallHistory) *Caller {
	c := NewCaller(o, seed, number, nodes, h)
	c.audit = []node.Request{c.write()}
	return c
}

// NewCallAudit returns a caller that writes, and then reads everything.
func NewCallAudit(o Operations, seed uint64, number int, nodes []node.ID, h *CallHistory) *Caller {
	c := NewCallProbe(o, seed, number, nodes, h)
	switch {
	case o.Mix.Apply > 0:
		all := node.Request{Op: node.OpApply}
		for i := range o.Keys {
			all.Rows, all.Reads = append(all.Rows, node.Row{Key: o.Key(i)}), append(all.Reads, true)
		}
		c.audit = append(c.audit, all)
	default:
		for i := range o.Keys {
			if o.Mix.registers() {
				c.audit = append(c.audit, node.Request{Op: node.OpRead, Rows: []node.Row{{Key: o.Key(i)}}})
			}
			if o.Mix.lists() {
				c.audit = append(c.audit, node.Request{Op: node.OpElements, Rows: []node.Row{{Key: o.List(i)}}})
			}
		}
	}
	return c
}

// write is a call that changes something: of the kinds that the system has, one.
func (c *Caller) write() node.Request {
	switch m := c.operations.Mix; {
	case m.Apply > 0:
		return node.Request{Op: node.OpApply, Rows: []node.Row{{Key: c.operations.Key(0), Value: node.Some(c.value())}}, Reads: []bool{false}}
	case m.registers():
		return node.Request{Op: node.OpWrite, Rows: []node.Row{{Key: c.operations.Key(0), Value: node.Some(c.value())}}}
	}
	return node.Request{Op: node.OpAppend, Rows: []node.Row{{Key: c.operations.List(0), Value: node.Some(c.value())}}}
}

// value returns one that no other write has.
func (c *Caller) value() string {
	c.values++
	return "c" + strconv.Itoa(c.number) + "." + strconv.FormatUint(c.values, 10)
}

// Redraw has the calls that the client has not begun be those of another seed.
func (c *Caller) Redraw(seed uint64) { c.seed = seed }

// Stop lets the client end its call under way, and make no other.
func (c *Caller) Stop() { c.stopped = true }

// Idle tells whether the client waits for nothing and will ask for nothing more.
func (c *Caller) Idle() bool {
	return c.waiting == 0 && (c.stopped || c.audit == nil && c.made >= c.operations.Calls)
}

// Done tells, of a probe or audit, whether everything was answered.
func (c *Caller) Done() bool { return c.done }

// Wrote is Done of a probe.
func (c *Caller) Wrote() bool { return c.done }

// Start begins.
func (c *Caller) Start(_ node.Time, p Port) { c.think(p) }

func (c *Caller) think(p Port) {
	d := newDice(c.seed, c.number, -1-c.made)
	half := time.Duration(c.operations.Think / 2)
	p.SetTimer(timerThink, half+time.Duration(d.next()%uint64(c.operations.Think))+1)
}

// Timer is called when a timer that the client set has fired.
func (c *Caller) Timer(now node.Time, t node.Timer, p Port) {
	switch {
	case t == timerDeadline && c.waiting != 0:
		c.overdue(p)
	case t == timerThink && c.waiting == 0 && !c.stopped && !c.done:
		c.next(now, p)
	}
}

// next makes the next call.
func (c *Caller) next(now node.Time, p Port) {
	if c.audit != nil {
		c.ask(now, c.audit[0], p)
		return
	}
	for picked := c.held; !picked; c.pick, picked = c.operations.Only.Of(c.number, c.made) {
		if c.made >= c.operations.Calls {
			return
		}
		c.made++
	}
	wait := c.pick.Wait(now)
	if c.held = wait > 0; c.held {
		p.SetTimer(timerThink, wait)
		return
	}
	c.dice = newDice(c.seed, c.number, c.made)
	c.values = max(c.values+1, c.pick.Values) - 1
	c.pick.Values = c.values + 1
	c.history.begun = append(c.history.begun, c.pick.Begun(now, 1))
	c.ask(now, c.draw(), p)
}

// draw makes a call of the mix.
func (c *Caller) draw() node.Request {
	o, d := c.operations, &c.dice
	weights := o.Mix.weights()
	sum := 0
	for _, n := range weights {
		sum += n
	}
	at, op := d.below(sum), node.OpRead
	for i, n := range weights {
		if at < n {
			op = operations()[i]
			break
		}
		at -= n
	}
	key := d.below(o.Keys)
	r := node.Request{Op: op, Rows: []node.Row{{Key: o.Key(key)}}}
	switch op {
	case node.OpWrite:
		r.Rows[0].Value = node.Some(c.value())
	case node.OpSwap:
		r.Rows[0].Value, r.Expect = node.Some(c.value()), c.seen[o.Key(key)]
		if !r.Expect.Exists {
			r.Op = node.OpRead // there is nothing to expect yet
			r.Rows[0].Value = node.Value{}
		}
	case node.OpAppend:
		r.Rows[0] = node.Row{Key: o.List(key), Value: node.Some(c.value())}
	case node.OpElements:
		r.Rows[0].Key = o.List(key)
	case node.OpApply:
		r.Rows = nil
		for _, k := range d.others(1+d.below(3), o.Keys) {
			row, reads := node.Row{Key: o.Key(k)}, d.chance(1, 2)
			if !reads {
				// It reads what it writes, so that the order of writes is known from what transactions saw.
				r.Rows, r.Reads = append(r.Rows, row), append(r.Reads, true)
				row.Value = node.Some(c.value())
			}
			r.Rows, r.Reads = append(r.Rows, row), append(r.Reads, reads)
		}
	}
	return r
}

// ask sends a call and writes it down.
func (c *Caller) ask(now node.Time, r node.Request, p Port) {
	c.request++
	r.ID = c.request
	c.waiting, c.under = r.ID, request{node: r, index: c.record(now, &r)}
	p.SetTimer(timerDeadline, time.Duration(c.operations.Timeout))
	p.Request(c.nodes[c.node], r)
}

// record writes a call down as one without an answer, and returns its place.
func (c *Caller) record(now node.Time, r *node.Request) int {
	h := c.history
	if r.Op == node.OpApply {
		h.transactions.Transactions = append(h.transactions.Transactions, Transaction{Kind: r.Op.String(),
			Txn: linearizability.Txn{ID: uint64(len(h.transactions.Transactions) + 1), Client: c.who, Begin: int64(now), End: linearizability.Unfinished, Ops: written(r)}})
		return len(h.transactions.Transactions) - 1
	}
	one := recorded{call: linearizability.Call{Client: c.who, Begin: int64(now), End: linearizability.Unfinished, Key: r.Rows[0].Key, Value: r.Rows[0].Value.Bytes, Unknown: true}}
	switch r.Op {
	case node.OpRead:
		one.call.Kind, one.gone = linearizability.Get, true // without an answer it tells nothing
	case node.OpWrite:
		one.call.Kind = linearizability.Put
	case node.OpSwap:
		one.call.Kind, one.call.From = linearizability.CompareAndSwap, r.Expect.Bytes
	case node.OpAppend:
		one.call.Kind, one.list = linearizability.Append, true
	case node.OpElements:
		one.call.Kind, one.list, one.gone = linearizability.Get, true, true
	}
	h.calls = append(h.calls, one)
	return len(h.calls) - 1
}

// written are the writes of a transaction whose reads are not known.
func written(r *node.Request) []linearizability.Op {
	var ops []linearizability.Op
	for i, row := range r.Rows {
		if !r.Reads[i] {
			ops = append(ops, linearizability.Op{Kind: linearizability.Write, Key: row.Key, Value: row.Value.Bytes})
		}
	}
	return ops
}

// Reply is called when an answer has arrived.
func (c *Caller) Reply(now node.Time, _ node.ID, r *node.Reply, p Port) {
	asked, current := c.under, r.ID == c.waiting && c.waiting != 0
	if !current {
		late, known := c.late[r.ID]
		if !known {
			return
		}
		delete(c.late, r.ID)
		asked = late
	}
	answered := r.Op == asked.node.Op && c.answer(now, &asked, r)
	if !current {
		return // it still counts: what a node has said to anybody it has said
	}
	c.waiting = 0
	p.ClearTimer(timerDeadline)
	switch {
	case !answered:
		c.node = (c.node + 1) % len(c.nodes)
		if r.Status == node.Unknown || r.Op != asked.node.Op {
			c.another()
		}
	case c.audit != nil:
		if c.audit = c.audit[1:]; len(c.audit) == 0 {
			c.done = true
			return
		}
		c.next(now, p)
		return
	}
	c.think(p)
}

// another is who the client is from now on.
func (c *Caller) another() { c.who += 1000 }

// answer writes down what an answer says, and tells whether the call was carried out.
func (c *Caller) answer(now node.Time, asked *request, r *node.Reply) bool {
	if asked.node.Op == node.OpApply {
		return c.applied(now, asked, r)
	}
	one := &c.history.calls[asked.index]
	switch {
	case r.Status == node.OK:
	case r.Status == node.Refused && asked.node.Op == node.OpSwap && r.Reason == node.ReasonMismatch:
		one.call.Unknown, one.call.End, one.call.Swapped = false, int64(now), false
		return true
	case r.Status == node.Refused || r.Status == node.Aborted:
		one.gone = true // it did not happen
		c.history.refused++
		return false
	default:
		return false
	}
	one.call.Unknown, one.call.End, one.gone = false, int64(now), false
	switch asked.node.Op {
	case node.OpRead:
		one.call.Value, one.call.Found = r.Value.Bytes, r.Value.Exists
		c.seen[one.call.Key] = r.Value
	case node.OpSwap:
		one.call.Swapped = true
		c.seen[one.call.Key] = asked.node.Rows[0].Value
	case node.OpWrite:
		c.seen[one.call.Key] = asked.node.Rows[0].Value
	case node.OpElements:
		one.call.Elements = []string{}
		for _, row := range r.Rows {
			one.call.Elements = append(one.call.Elements, row.Value.Bytes)
		}
	}
	return true
}

// applied writes down what the answer to a transaction says.
func (c *Caller) applied(now node.Time, asked *request, r *node.Reply) bool {
	t := &c.history.transactions.Transactions[asked.index]
	t.Reason = r.Reason
	switch {
	case r.Status == node.OK && len(r.Rows) == len(asked.node.Rows):
	case r.Status == node.Refused || r.Status == node.Aborted:
		t.Outcome, t.End = linearizability.Aborted, int64(now)
		c.history.refused++
		return false
	default:
		return false
	}
	t.Outcome, t.End, t.Ops = linearizability.Committed, int64(now), nil
	if r.LSN != 0 {
		t.Order = uint64(r.LSN)
	}
	for i, row := range asked.node.Rows {
		op := linearizability.Op{Kind: linearizability.Write, Key: row.Key, Value: row.Value.Bytes}
		if asked.node.Reads[i] {
			op = linearizability.Op{Kind: linearizability.Read, Key: row.Key, Value: r.Rows[i].Value.Bytes, Found: r.Rows[i].Value.Exists}
		}
		t.Ops = append(t.Ops, op)
	}
	return true
}

// overdue gives up on an answer: what became of the call is unknown.
func (c *Caller) overdue(p Port) {
	c.late[c.waiting] = c.under
	c.history.doubtful++
	c.waiting = 0
	c.node = (c.node + 1) % len(c.nodes)
	c.another()
	c.think(p)
}

// Audited returns the places, among calls, of the answered reads that a client made.
func Audited(calls []linearizability.Call, number int) []int {
	var at []int
	for i := range calls {
		if c := &calls[i]; c.Client%1000 == number%1000 && c.Kind == linearizability.Get && !c.Unknown {
			at = append(at, i)
		}
	}
	return slices.Clip(at)
}
