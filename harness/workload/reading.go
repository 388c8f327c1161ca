package workload

import (
	"slices"
	"time"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// A Reading is what one query saw at a reader.
type Reading struct {
	Reader  node.ID
	Session uint64 // the client's stay at this reader
	At      node.LSN
	Asked   node.LSN // the read point that it asked for, 0 for the newest
	// Began is when the query was asked for, and Answered when its read point was told.
	Began, Answered int64
	Ops             []linearizability.Op
}

// Readings is what all reading clients of a run saw, in the order in which their queries were answered.
type Readings struct {
	All    []Reading
	Broken []*ReplyError // the answers that no reader may give, the first of them
	Wrong  int           // requests that a reader must refuse, and did
	Begun  []Begun       // what their clients asked for
}

// A ReadingClient asks readers: a few queries at one, then at the next. All reads of a query are of one snapshot.
type ReadingClient struct {
	workload Workload
	seed     uint64
	number   int
	readers  []node.ID
	readings *Readings
	keys     []string // ascending

	dice    dice
	queries int    // begun so far
	pick    Pick   // the query under way, or the next one
	held    bool   // the time of the next query has not come
	stay    int    // queries left at this reader
	session uint64 // its number
	reader  int    // index in readers
	stopped bool
	waiting uint64 // the request under way, 0 when none is
	asked   node.Request
	request uint64
	txn     node.Txn // of the query under way, 0 when none is
	calls   int      // of it, made or left out
	left    int      // calls of it still to make
	at      node.LSN // read point of the last query
	reading Reading
}

// NewReadingClient returns a client, whose number must differ from those of all others.
func NewReadingClient(w Workload, seed uint64, number int, readers []node.ID, readings *Readings) *ReadingClient {
	keys := w.Keys()
	slices.Sort(keys)
	return &ReadingClient{workload: w, seed: seed, number: number, readers: readers, readings: readings, keys: keys, reader: number % len(readers)}
}

// Redraw has the queries that the client has not begun be those of another seed.
func (c *ReadingClient) Redraw(seed uint64) { c.seed = seed }

// Stop lets the client end the query under way, and begin no other.
func (c *ReadingClient) Stop() { c.stopped = true }

// Idle tells whether the client waits for nothing and will ask for nothing more.
func (c *ReadingClient) Idle() bool { return c.stopped && c.waiting == 0 && c.txn == 0 }

// Start begins.
func (c *ReadingClient) Start(_ node.Time, p Port) { c.think(p) }

func (c *ReadingClient) think(p Port) {
	c.txn = 0
	d := newDice(c.seed, c.number, -1-c.queries)
	p.SetTimer(timerThink, time.Duration(d.next()%uint64(c.workload.Think))/4+time.Microsecond)
}

// Timer is called when a timer that the client set has fired.
func (c *ReadingClient) Timer(now node.Time, t node.Timer, p Port) {
	switch {
	case t == timerDeadline && c.waiting != 0:
		c.waiting = 0
		c.move()
		c.think(p) // a query that its client calls no more ends by itself
	case t == timerThink && c.waiting == 0 && !c.stopped:
		c.begin(now, p)
	}
}

// move turns to the next reader, and begins a session there.
func (c *ReadingClient) move() {
	c.stay = 0
	c.reader = (c.reader + 1) % len(c.readers)
}

// next turns to the next query, and tells whether there is one.
func (c *ReadingClient) next() bool {
	for c.workload.Only.more(c.number, c.queries) {
		c.queries++
		c.dice = newDice(c.seed, c.number, c.queries)
		var picked bool
		if c.pick, picked = c.workload.Only.Of(c.number, c.queries); !picked {
			continue
		}
		if c.workload.Only == nil {
			c.pick.Opens = c.stay == 0
		}
		if c.pick.Opens {
			c.stay = 3 + c.dice.below(6)
			c.session++
			c.at = 0
		}
		c.stay = max(0, c.stay-1)
		return true
	}
	return false
}

func (c *ReadingClient) begin(now node.Time, p Port) {
	if !c.held && !c.next() {
		return
	}
	wait := c.pick.Wait(now)
	if c.held = wait > 0; c.held {
		p.SetTimer(timerThink, wait)
		return
	}
	r := node.Request{Op: node.OpBegin}
	switch c.dice.below(12) {
	case 0: // the last read point once more, which is kept only while somebody reads there
		r.ReadPoint = c.at
	case 1: // what no reader can have
		r.ReadPoint = beyond
	}
	c.reading = Reading{Reader: c.readers[c.reader], Session: uint64(c.number)<<32 | c.session, Asked: r.ReadPoint, Began: int64(now)}
	c.calls, c.left = 0, 1+c.dice.below(5)
	made := c.left
	if c.pick.Steps != nil {
		made = len(c.pick.Steps)
	}
	c.readings.Begun = append(c.readings.Begun, c.pick.Begun(now, made))
	c.ask(r, p)
}

func (c *ReadingClient) ask(r node.Request, p Port) {
	c.request++
	r.ID = c.request
	c.waiting, c.asked = r.ID, r
	p.SetTimer(timerDeadline, time.Duration(c.workload.Timeout))
	p.Request(c.reading.Reader, r)
}

// call makes the next call of the query.
func (c *ReadingClient) call(p Port) {
	for c.left > 0 && !c.stopped {
		c.left--
		c.calls++
		if r := c.draw(); c.pick.makes(c.calls) {
			c.ask(r, p)
			return
		}
	}
	c.ask(node.Request{Op: node.OpCommit, Txn: c.txn}, p)
}

// draw makes a call.
func (c *ReadingClient) draw() node.Request {
	r := node.Request{Op: node.OpGet, Txn: c.txn}
	from := c.dice.below(len(c.keys))
	switch c.dice.below(10) {
	case 0, 1, 2, 3:
		r.Op, r.From = node.OpScan, c.keys[from]
		if to := from + 1 + c.dice.below(len(c.keys)); to < len(c.keys) {
			r.To = c.keys[to]
		}
		if c.dice.chance(1, 2) {
			r.Most = 1 + c.dice.below(10)
		}
		if c.dice.chance(1, 8) {
			r.From, r.To = "", ""
		}
	case 4:
		r.Op, r.Rows = node.OpPut, []node.Row{{Key: c.keys[from], Value: node.Some("written at a reader")}}
	default:
		r.Rows = []node.Row{{Key: c.keys[from]}}
	}
	return r
}

// Reply is called when a reader's answer has arrived.
func (c *ReadingClient) Reply(now node.Time, _ node.ID, r *node.Reply, p Port) {
	if r.ID != c.waiting || r.Op != c.asked.Op {
		return
	}
	c.waiting = 0
	p.ClearTimer(timerDeadline)
	if want, wrong := c.mustRefuse(); wrong {
		if r.Status == node.Refused && slices.Contains(want, r.Reason) {
			c.readings.Wrong++
		} else if len(c.readings.Broken) < maxBroken {
			c.readings.Broken = append(c.readings.Broken, &ReplyError{Client: c.number, Txn: c.txn, Op: c.asked.Op, Asked: "at a reader",
				Expected: "refused: " + want[0].String(), Found: r.Status.String() + ": " + r.Reason.String()})
		}
		if c.asked.Op == node.OpPut {
			c.call(p)
			return
		}
		c.think(p)
		return
	}
	if r.Status != node.OK {
		if r.Reason == node.ReasonNotOpen || r.Reason == node.ReasonFenced {
			c.move()
		}
		c.think(p)
		return
	}
	switch c.asked.Op {
	case node.OpBegin:
		c.txn, c.at = r.Txn, r.LSN
		if r.LSN == 0 {
			// An empty volume, or a reader that has become the writer meanwhile and takes this for any transaction.
			c.left = 0
			c.move()
			c.call(p)
			return
		}
		c.reading.At, c.reading.Answered = r.LSN, int64(now)
		c.readings.All = append(c.readings.All, c.reading)
	case node.OpGet:
		c.saw(linearizability.Op{Kind: linearizability.Read, Key: c.asked.Rows[0].Key, Value: r.Value.Bytes, Found: r.Value.Exists})
	case node.OpScan:
		op := linearizability.Op{Kind: linearizability.Scan, From: c.asked.From, To: c.asked.To, Most: c.asked.Most, More: r.More}
		for _, row := range r.Rows {
			op.Rows = append(op.Rows, linearizability.Row{Key: row.Key, Value: row.Value.Bytes})
		}
		c.saw(op)
	case node.OpCommit:
		c.think(p)
		return
	}
	c.call(p)
}

// saw adds what the query read to its reading.
func (c *ReadingClient) saw(op linearizability.Op) {
	for i := len(c.readings.All) - 1; i >= 0; i-- {
		if r := &c.readings.All[i]; r.Session == c.reading.Session && r.Began == c.reading.Began {
			r.Ops = append(r.Ops, op)
			return
		}
	}
}

// mustRefuse tells whether no reader may carry out the request under way, and what it has to say.
// That is the first reason; the others are those of a reader that serves nothing, or has become the writer.
func (c *ReadingClient) mustRefuse() ([]node.Reason, bool) {
	switch {
	case c.asked.Op == node.OpPut:
		return []node.Reason{node.ReasonReadOnly, node.ReasonNotOpen, node.ReasonFenced, node.ReasonUnknownTxn}, true
	case c.asked.Op == node.OpBegin && c.asked.ReadPoint == beyond:
		return []node.Reason{node.ReasonAboveReadPoint, node.ReasonNotOpen, node.ReasonFenced, node.ReasonMalformed}, true
	}
	return nil, false
}

// beyond is a read point that no volume reaches.
const beyond node.LSN = 1 << 40
