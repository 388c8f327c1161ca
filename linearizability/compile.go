package linearizability

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// absent is the value of a key that was never written or was deleted.
const absent int32 = 0

// An access is a value of a key, both as numbers.
type access struct{ key, value int32 }

// A step is a transaction as every check sees it: what it needs of the state before it, and what it leaves. Reads of
// its own writes are verified and dropped; of several writes to a key the last one counts.
type step struct {
	txn           int32 // index in the history
	must          bool  // it happened; otherwise it may have
	begin, end    int64 // end is Unfinished when the outcome is unknown: it may take effect after the client gave up
	claim         uint64
	reads, writes []access
	avoids        []access // values that it did not find, whatever it found instead
	// implied are the reads that are none: the step replaced that value, as a list shows.
	implied []access
	// more has, for each scan that left rows out, the keys behind its last row of which at least one must have a value, and
	// moreAt how many of the reads came before that.
	more   [][]int32
	moreAt []int32
}

// A compiled history has numbers for keys and values.
type compiled struct {
	history []Txn
	steps   []step // those that happened or may have, in the history's order
	keys    []string
	values  []string // by value number; the first stands for absent

	intermediate []tagged // written and overwritten by the same transaction
	aborted      []tagged // written by an aborted transaction, or taken back

	follows [][]access // for each list, its elements in their order, as far as it was read
	shows   []int32    // and the transaction that read it, or none
}

// A tagged access names its transaction, by index in the history.
type tagged struct {
	access
	txn int32
}

// A touch is what one transaction has done to one key so far.
type touch struct {
	txn         int32 // index + 1 of the transaction that this is about; others have not touched the key
	read, write int32 // positions + 1 in the arenas
}

// A compiler compiles one transaction after the other.
type compiler struct {
	*compiled
	reads, writes []access // arenas of all steps
	keyNumber     map[string]int32
	valueNumber   map[string]int32
	touched       []touch // by key
	inOrder       []int32 // the keys, by name; nil in a history without scans
	lists         map[string]*listOrder
	weak          bool // the level is one at which a transaction may replace what it did not see
	lenient       bool // a transaction may read a key twice and see two values
	violation     *Violation

	// Of the transaction under way:
	txn        int32
	committed  bool
	consistent bool // it does not contradict itself
	undo       []overwritten
	firstRead  int // in the arena
	more       [][]int32
	moreAt     []int32
	implied    []access
	hidden     []tagged // written and taken back
}

// overwritten is what an own write of a transaction has replaced.
type overwritten struct {
	op     int   // the operation that wrote
	write  int32 // position + 1 in the arena
	before int32 // the value that the transaction itself had written, or none
}

// none is no value, not even the one of a deleted key.
const none int32 = -1

// compile numbers the history. The error is a *MalformedError; the violation is of a transaction that contradicts
// itself, which no order can explain.
func compile(history []Txn) (*compiled, *Violation, error) {
	return compileFor(StrictSerializable, history)
}

// compileFor is compile for a level: at those that do not forbid it, a transaction may see two values of one key.
func compileFor(level Level, history []Txn) (*compiled, *Violation, error) {
	ops, scans, lists := 0, false, false
	for i := range history {
		if err := malformed(&history[i]); err != nil {
			return nil, nil, err
		}
		ops += len(history[i].Ops)
		for at := range history[i].Ops {
			kind := history[i].Ops[at].Kind
			scans, lists = scans || kind == Scan, lists || kind == ListAppend || kind == ListRead
		}
	}
	c := compiler{compiled: &compiled{history: history, steps: make([]step, 0, len(history)), values: []string{""}},
		reads: make([]access, 0, ops), writes: make([]access, 0, ops), keyNumber: make(map[string]int32), valueNumber: make(map[string]int32)}
	c.weak, c.lenient = level.weak(), level == ReadCommitted
	if lists {
		c.lists = make(map[string]*listOrder)
		if err := c.orderLists(); err != nil {
			return nil, nil, err
		}
	}
	if scans {
		c.orderKeys()
	}
	for i := range history {
		if err := c.transaction(int32(i)); err != nil {
			return nil, nil, err
		}
	}
	c.dropUnseen()
	return c.compiled, c.violation, nil
}

// transaction compiles one.
func (c *compiler) transaction(i int32) error {
	t := &c.history[i]
	firstRead, firstWrite, firstIntermediate := len(c.reads), len(c.writes), len(c.intermediate)
	c.txn, c.committed, c.consistent = i, t.Outcome == Committed, true
	c.undo, c.more, c.moreAt, c.implied, c.hidden = c.undo[:0], nil, nil, nil, c.hidden[:0]
	c.firstRead = firstRead
	for at := range t.Ops {
		switch op := &t.Ops[at]; op.Kind {
		case Read:
			value := absent
			if op.Found {
				value = c.value(op.Value)
			}
			c.read(c.key(op.Key), value, nil)
		case Write:
			c.write(at, c.key(op.Key), c.value(op.Value))
		case Delete:
			c.write(at, c.key(op.Key), absent)
		case Scan:
			c.scan(op)
		case Rollback:
			c.takeBack(op.Since)
		case ListAppend:
			c.listAppend(at, op)
		case ListRead:
			if err := c.listRead(op); err != nil {
				return err
			}
		}
	}
	writes := c.writes[firstWrite:]
	if slices.ContainsFunc(writes, func(w access) bool { return w.value == none }) {
		writes = slices.DeleteFunc(writes, func(w access) bool { return w.value == none })
		c.writes = c.writes[:firstWrite+len(writes)]
	}
	s := step{txn: i, must: c.committed, begin: t.Begin, end: t.End, claim: t.Order, more: c.more, moreAt: c.moreAt, implied: c.implied,
		reads: c.reads[firstRead:len(c.reads):len(c.reads)], writes: writes[:len(writes):len(writes)]}
	c.aborted = append(c.aborted, c.hidden...)
	switch {
	case t.Outcome == Aborted:
		for _, w := range s.writes {
			c.aborted = append(c.aborted, tagged{w, i})
		}
		c.aborted = append(c.aborted, c.intermediate[firstIntermediate:]...)
		c.intermediate = c.intermediate[:firstIntermediate]
	case t.Outcome == OutcomeUnknown:
		// One that only reads leaves nothing to see, and one that contradicts itself cannot have happened in any
		// order: if somebody saw its writes, that read is what cannot be explained.
		if c.consistent && len(s.writes) > 0 {
			s.end = Unfinished
			c.steps = append(c.steps, s)
		}
	default:
		c.steps = append(c.steps, s)
	}
	return nil
}

func (c *compiler) key(name string) int32 {
	key, ok := c.keyNumber[name]
	if !ok {
		key = int32(len(c.keys))
		c.keyNumber[name] = key
		c.keys = append(c.keys, name)
		c.touched = append(c.touched, touch{})
	}
	return key
}

func (c *compiler) value(text string) int32 {
	value, ok := c.valueNumber[text]
	if !ok {
		value = int32(len(c.values))
		c.valueNumber[text] = value
		c.values = append(c.values, text)
	}
	return value
}

// seen is what the transaction has done to a key.
func (c *compiler) seen(key int32) *touch {
	seen := &c.touched[key]
	if seen.txn != c.txn+1 {
		*seen = touch{txn: c.txn + 1}
	}
	return seen
}

// own is the value that the transaction itself left in a key last, or none.
func (c *compiler) own(seen *touch) int32 {
	if seen.write == 0 {
		return none
	}
	return c.writes[seen.write-1].value
}

func (c *compiler) write(op int, key, value int32) {
	seen := c.seen(key)
	before := c.own(seen)
	if seen.write == 0 {
		c.writes = append(c.writes, access{key, value})
		seen.write = int32(len(c.writes))
	}
	if before != none && before != value {
		c.intermediate = append(c.intermediate, tagged{access{key, before}, c.txn})
	}
	c.undo = append(c.undo, overwritten{op, seen.write, before})
	c.writes[seen.write-1].value = value
}

// takeBack takes back the transaction's writes from an operation on.
func (c *compiler) takeBack(since int) {
	for len(c.undo) > 0 && c.undo[len(c.undo)-1].op >= since {
		u := c.undo[len(c.undo)-1]
		c.undo = c.undo[:len(c.undo)-1]
		w := &c.writes[u.write-1]
		c.hidden = append(c.hidden, tagged{*w, c.txn})
		w.value = u.before
	}
}

// read compiles one read, also of a key in the range of a scan. A read of an own write is verified and dropped.
func (c *compiler) read(key, value int32, scan *Op) {
	seen := c.seen(key)
	a, expected := OwnWriteMissed, c.own(seen)
	if expected == none && seen.read > 0 {
		a, expected = Unrepeatable, c.reads[seen.read-1].value
	}
	switch {
	case expected == none || a == Unrepeatable && c.lenient:
		c.reads = append(c.reads, access{key, value})
		seen.read = int32(len(c.reads))
	case expected != value:
		c.consistent = false
		if c.committed && c.violation == nil {
			c.violation = c.readViolation(a, c.txn, access{key, value}, expected, "").in(scan, expected, value)
		}
	}
}

func malformed(t *Txn) *MalformedError {
	problem := ""
	switch {
	case t.End < t.Begin:
		problem = fmt.Sprintf("ends at %d, before its begin at %d", t.End, t.Begin)
	case t.Outcome > Aborted:
		problem = fmt.Sprintf("has outcome %d; known: %d (unknown), %d (committed), %d (aborted)", t.Outcome, OutcomeUnknown, Committed, Aborted)
	}
	for i, op := range t.Ops {
		switch {
		case op.Kind < Read || op.Kind > ListRead:
			problem = fmt.Sprintf("has an operation %d of kind %d; known: %d (read), %d (write), %d (delete), %d (scan), %d (rollback), %d (append), %d (list)", i+1, op.Kind, Read, Write, Delete, Scan, Rollback, ListAppend, ListRead)
		case op.Kind == Rollback && (op.Since < 0 || op.Since > i):
			problem = fmt.Sprintf("takes back in operation %d what it wrote since number %d; expected 0 to %d", i+1, op.Since, i)
		}
	}
	if problem == "" {
		return nil
	}
	return &MalformedError{Txn: t.ID, Problem: problem}
}

// dropUnseen removes the transactions of unknown outcome of which nobody else read a written value. If an order with
// such a transaction explains the history, then so does that order without it: between its writes and the next ones of
// the same keys nobody reads them. This keeps most of what a crash leaves pending out of the search.
func (c *compiled) dropUnseen() {
	seen := make(map[access]int)
	for i := range c.steps {
		if s := &c.steps[i]; !s.must {
			for _, w := range s.writes {
				seen[w] = 0
			}
		}
	}
	if len(seen) == 0 {
		return
	}
	wanted := make(map[int32]int) // by key, the scans that left rows out and may have left out this one
	count := func(s *step, by int) {
		for _, r := range s.reads {
			if n, ok := seen[r]; ok {
				seen[r] = n + by
			}
		}
		for _, keys := range s.more {
			for _, k := range keys {
				wanted[k] += by
			}
		}
	}
	for i := range c.steps {
		count(&c.steps[i], 1)
	}
	for dropped := true; dropped; {
		dropped = false
		kept := c.steps[:0]
		for _, s := range c.steps {
			if s.must || s.seenByOthers(seen, wanted) {
				kept = append(kept, s)
				continue
			}
			count(&s, -1)
			dropped = true
		}
		c.steps = kept
	}
}

// seenByOthers tells whether somebody else read a value that the step wrote, or may have left its row out of a scan, given
// how often that was so.
func (s *step) seenByOthers(seen map[access]int, wanted map[int32]int) bool {
	for _, w := range s.writes {
		n := seen[w]
		for _, r := range s.reads {
			if r == w {
				n--
			}
		}
		if w.value != absent && wanted[w.key] > 0 {
			n++ // though it may be a scan of its own: it is only kept, and not dropped
		}
		if n > 0 {
			return true
		}
	}
	return false
}

// finds tells that the state has a value that the step did not find.
func (s *step) finds(state []int32) bool {
	return slices.ContainsFunc(s.avoids, func(a access) bool { return state[a.key] == a.value })
}

// wrote tells what the step leaves in a key.
func (s *step) wrote(key int32) (value int32, ok bool) {
	for _, w := range s.writes {
		if w.key == key {
			return w.value, true
		}
	}
	return 0, false
}

func (c *compiled) id(txn int32) uint64 { return c.history[txn].ID }

// quote renders a value for people.
func (c *compiled) quote(value int32) string {
	if value == absent {
		return "nothing"
	}
	return strconv.Quote(c.values[value])
}

// readViolation is the objection to one read of a transaction, given by its index in the history.
func (c *compiled) readViolation(a Anomaly, txn int32, read access, expected int32, detail string) *Violation {
	v := c.violation(a, txn, detail)
	v.Key, v.Expected, v.Found = c.keys[read.key], c.quote(expected), c.quote(read.value)
	return v.in(c.history[txn].scanOf(v.Key), expected, read.value)
}

func (c *compiled) violation(a Anomaly, txn int32, detail string) *Violation {
	t := &c.history[txn]
	return &Violation{Anomaly: a, Txn: t.ID, Client: t.Client, Detail: detail, Core: []int{int(txn)}}
}

// ends are the transactions that must have happened, the earliest end first.
func (c *compiled) ends() []int32 {
	var ends []int32
	for i := range c.steps {
		if c.steps[i].must {
			ends = append(ends, int32(i))
		}
	}
	slices.SortStableFunc(ends, func(a, b int32) int { return cmp.Compare(c.steps[a].end, c.steps[b].end) })
	return ends
}

// until is the history as it was known at a time: what had not ended may have happened, and what had not begun is not
// there.
func (c *compiled) until(time int64) *compiled {
	cut := *c
	cut.steps = nil
	for _, s := range c.steps {
		if s.begin > time {
			continue
		}
		if s.end > time {
			s.must, s.end = false, Unfinished
		}
		cut.steps = append(cut.steps, s)
	}
	return &cut
}
