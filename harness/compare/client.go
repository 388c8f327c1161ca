package compare

import (
	"strconv"
	"strings"
	"time"

	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// A client runs transactions one after the other. It owns its rows, in pairs: a transaction writes its number to both
// rows of one pair. So what is there in the end says which of its transactions is there, and a pair that differs says
// that one is there by half.
type client struct {
	cluster *cluster
	number  int
	pairs   int
	reads   int // of ten transactions, how many only read
	todo    int // transactions to run; more are added by more
	state   clientState
	pair    int
	reading bool
	asked   node.Time // when the commit was asked for
	spent   time.Duration
	request uint64
	waiting bool
	op      node.Op
	txn     node.Txn
	which   int // instance
	single  bool
	half    int // of a pair whose rows go one by one
	tries   int

	written   []int   // by pair: the last number that a transaction with the pair tried to write
	acked     [][]int // by pair: the numbers whose commit was acknowledged
	done      int
	gaveUp    int
	values    [2]string
	latencies []time.Duration
	stopped   bool
	filling   bool // it writes its pairs one after the other
	auditing  bool
	seen      [][2]string // in an audit, what the rows of each pair held
}

type clientState uint8

const (
	idle clientState = iota
	beginning
	reading // the pair's rows
	writing
	committing
	resting
)

const (
	timerDeadline node.Timer = 1
	timerRest     node.Timer = 2
	answerWithin             = 150 * time.Millisecond
	restFor                  = 10 * time.Millisecond
)

func newClient(c *cluster, number, pairs int) *client {
	return &client{cluster: c, number: number, pairs: pairs, written: make([]int, pairs), acked: make([][]int, pairs)}
}

func (c *client) key(pair, row int) string {
	return "c" + strconv.Itoa(c.number) + "." + strconv.Itoa(pair) + "." + strconv.Itoa(row)
}

// value is what a transaction writes: its number, and as many bytes more as a row has.
func value(n int) string {
	s := strconv.Itoa(n) + " "
	for len(s) < rowBytes {
		s += "."
	}
	return s
}

// rowBytes is the length of a row's value.
const rowBytes = 64

// more gives the client transactions to run, of which so many in ten only read.
func (c *client) more(n, reads int) { c.todo += n; c.reads = reads }

// finished tells whether it has nothing left to do.
func (c *client) finished() bool { return c.state == idle && c.todo == 0 }

func (c *client) Start(_ node.Time, out *runtime.Calls) { out.SetTimer(timerRest, restFor) }

func (c *client) Timer(_ node.Time, t node.Timer, out *runtime.Calls) {
	switch {
	case t == timerDeadline && c.waiting:
		c.waiting = false
		c.failed(out)
	case t == timerRest && !c.waiting && (c.state == idle || c.state == resting):
		c.next(out)
	}
}

// next begins a transaction, or waits for one to be given.
func (c *client) next(out *runtime.Calls) {
	if c.state == idle {
		if c.todo == 0 {
			out.SetTimer(timerRest, restFor)
			return
		}
		c.todo--
		n := uint64(c.number)<<32 | uint64(c.done+c.gaveUp)
		n = (n ^ n>>31) * 0x9e3779b97f4a7c15
		n = (n ^ n>>29) * 0xbf58476d1ce4e5b9
		c.pair = int(n >> 33 % uint64(c.pairs))
		c.reading = c.auditing || int(n>>17%10) < c.reads
		if c.auditing {
			c.pair = len(c.seen)
		} else if c.filling {
			c.pair, c.reading = c.pairs-1-c.todo, false
			c.filling = c.todo > 0
		}
		c.tries, c.half, c.spent = 0, 0, 0
		if !c.reading {
			c.written[c.pair]++
		}
	}
	c.begin(out)
}

func (c *client) begin(out *runtime.Calls) {
	c.state = beginning
	c.ask(node.Request{Op: node.OpBegin}, out)
}

func (c *client) ask(r node.Request, out *runtime.Calls) {
	c.request++
	r.ID, r.Txn = c.request, c.txn
	c.op = r.Op
	if r.Op == node.OpBegin {
		r.Txn = 0
	}
	c.waiting = true
	out.Request(c.cluster.Instances[c.which%len(c.cluster.Instances)], r)
	out.SetTimer(timerDeadline, answerWithin)
}

func (c *client) Reply(now node.Time, _ node.ID, r node.Reply, out *runtime.Calls) {
	if !c.waiting || r.ID != c.request {
		return
	}
	c.waiting = false
	out.ClearTimer(timerDeadline)
	if r.Status != node.OK {
		if r.Reason == node.ReasonSingleRow && !c.single {
			c.single = true // from now on, a transaction for each row
			c.begin(out)
			return
		}
		if c.auditing && r.Reason == node.ReasonNotOpen {
			c.tries-- // it has asked the wrong one
		}
		c.failed(out)
		return
	}
	switch c.state {
	case beginning:
		c.txn = r.Txn
		if c.reading {
			c.state = reading
			c.get(out)
		} else {
			c.state = writing
			c.put(out)
		}
	case reading:
		c.values[c.half] = ""
		if r.Value.Exists {
			c.values[c.half] = r.Value.Bytes
		}
		if c.half == 0 && !c.single {
			c.half = 1
			c.get(out)
			return
		}
		c.commit(now, out)
	case writing:
		c.commit(now, out)
	case committing:
		c.spent += now.Sub(c.asked)
		if c.single && c.half == 0 {
			c.half = 1
			c.begin(out)
			return
		}
		c.committed(out)
	}
}

func (c *client) get(out *runtime.Calls) {
	c.ask(node.Request{Op: node.OpGet, Rows: []node.Row{{Key: c.key(c.pair, c.half)}}}, out)
}

func (c *client) put(out *runtime.Calls) {
	v := node.Some(value(c.written[c.pair]))
	rows := []node.Row{{Key: c.key(c.pair, 0), Value: v}, {Key: c.key(c.pair, 1), Value: v}}
	if c.single {
		rows = rows[c.half : c.half+1]
	}
	c.ask(node.Request{Op: node.OpPut, Rows: rows}, out)
}

func (c *client) commit(now node.Time, out *runtime.Calls) {
	c.state, c.asked = committing, now
	c.ask(node.Request{Op: node.OpCommit}, out)
}

func (c *client) committed(out *runtime.Calls) {
	c.done++
	c.latencies = append(c.latencies, c.spent)
	switch {
	case c.auditing:
		c.seen = append(c.seen, c.values)
	case !c.reading:
		c.acked[c.pair] = append(c.acked[c.pair], c.written[c.pair])
	}
	c.state = idle
	c.next(out)
}

// failed tries once more, elsewhere. A write whose commit was not answered counts as not acknowledged, and is written once
// more under the same number.
func (c *client) failed(out *runtime.Calls) {
	c.which++
	c.tries++
	c.half, c.spent = 0, 0
	most := tries
	if c.auditing {
		most = auditTries
	}
	if c.tries >= most || c.stopped && !c.auditing {
		c.gaveUp++
		c.state = idle
		if c.auditing {
			c.seen = append(c.seen, [2]string{unread, unread})
		}
	} else {
		c.state = resting
	}
	out.SetTimer(timerRest, restFor)
}

// tries is how often a client tries a transaction before it gives it up and goes on with the next.
const tries = 3

// auditTries is how often it tries in an audit. Every try may leave a call behind that waits for ever.
const auditTries = 5

// unread stands for a row that an audit was not told: a transaction that can neither commit nor be taken back may hold it
// locked.
const unread = "?"

// fill has the client write every pair once.
func (c *client) fill() { c.filling, c.todo = true, c.pairs }

// stop has the client begin nothing more. What it is at ends as it does, and is not tried again.
func (c *client) stop() { c.todo, c.stopped = 0, true }

// audit has the client read all of its rows.
func (c *client) audit() { c.auditing, c.todo = true, c.pairs }

// An audit is what one finds.
type audit struct {
	lost     int // acknowledged commits that are not there any more
	torn     int // pairs that hold one half of a transaction, or a number that nobody wrote
	unread   int // pairs that did not answer
	answered int // pairs that did
}

// verdict says what the client's audit has found.
func (c *client) verdict() audit {
	var a audit
	for pair, rows := range c.seen {
		if rows[0] == unread {
			a.unread++
			continue
		}
		a.answered++
		first, second := numberOf(rows[0]), numberOf(rows[1])
		// Where a transaction is one row, nothing keeps the two together.
		if first != second && !c.single || min(first, second) < 0 || max(first, second) > c.written[pair] {
			a.torn++
		}
		for _, n := range c.acked[pair] {
			if n > min(first, second) {
				a.lost++
			}
		}
	}
	return a
}

// acknowledged returns how many commits of writes were.
func (c *client) acknowledged() int {
	n := 0
	for _, a := range c.acked {
		n += len(a)
	}
	return n
}

// numberOf returns the number of a value as value made it: 0 for a row that is not there, -1 for anything else.
func numberOf(v string) int {
	if v == "" {
		return 0
	}
	text, _, _ := strings.Cut(v, " ")
	n, err := strconv.Atoi(text)
	if err != nil || v != value(n) {
		return -1
	}
	return n
}
