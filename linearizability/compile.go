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
}

// A compiled history has numbers for keys and values.
type compiled struct {
	history []Txn
	steps   []step // those that happened or may have, in the history's order
	keys    []string
	values  []string // by value number; the first stands for absent

	intermediate []tagged // written and overwritten by the same transaction
	aborted      []tagged // written by an aborted transaction
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

// compile numbers the history. The error is a *MalformedError; the violation is of a transaction that contradicts
// itself, which no order can explain.
func compile(history []Txn) (*compiled, *Violation, error) {
	ops := 0
	for i := range history {
		ops += len(history[i].Ops)
	}
	c := &compiled{history: history, steps: make([]step, 0, len(history)), values: []string{""}}
	var (
		reads, writes = make([]access, 0, ops), make([]access, 0, ops)
		keyNumber     = make(map[string]int32)
		valueNumber   = make(map[string]int32)
		touched       []touch // by key
		violation     *Violation
	)
	for i := range history {
		t := &history[i]
		if err := malformed(t); err != nil {
			return nil, nil, err
		}
		firstRead, firstWrite, firstIntermediate := len(reads), len(writes), len(c.intermediate)
		consistent := true
		for _, op := range t.Ops {
			key, ok := keyNumber[op.Key]
			if !ok {
				key = int32(len(c.keys))
				keyNumber[op.Key] = key
				c.keys = append(c.keys, op.Key)
				touched = append(touched, touch{})
			}
			value := absent
			if op.Kind == Write || op.Kind == Read && op.Found {
				if value, ok = valueNumber[op.Value]; !ok {
					value = int32(len(c.values))
					valueNumber[op.Value] = value
					c.values = append(c.values, op.Value)
				}
			}
			seen := &touched[key]
			if seen.txn != int32(i)+1 {
				*seen = touch{txn: int32(i) + 1}
			}
			switch {
			case op.Kind != Read && seen.write > 0:
				before := &writes[seen.write-1]
				if before.value != value {
					c.intermediate = append(c.intermediate, tagged{*before, int32(i)})
				}
				before.value = value
			case op.Kind != Read:
				writes = append(writes, access{key, value})
				seen.write = int32(len(writes))
			case seen.write > 0:
				if own := writes[seen.write-1].value; own != value {
					consistent = false
					if violation == nil && t.Outcome == Committed {
						violation = c.readViolation(OwnWriteMissed, int32(i), access{key, value}, own, "")
					}
				}
			case seen.read > 0:
				if first := reads[seen.read-1].value; first != value {
					consistent = false
					if violation == nil && t.Outcome == Committed {
						violation = c.readViolation(Unrepeatable, int32(i), access{key, value}, first, "")
					}
				}
			default:
				reads = append(reads, access{key, value})
				seen.read = int32(len(reads))
			}
		}
		s := step{txn: int32(i), must: t.Outcome == Committed, begin: t.Begin, end: t.End, claim: t.Order,
			reads: reads[firstRead:len(reads):len(reads)], writes: writes[firstWrite:len(writes):len(writes)]}
		switch {
		case t.Outcome == Aborted:
			for _, w := range s.writes {
				c.aborted = append(c.aborted, tagged{w, int32(i)})
			}
			c.aborted = append(c.aborted, c.intermediate[firstIntermediate:]...)
			c.intermediate = c.intermediate[:firstIntermediate]
		case t.Outcome == OutcomeUnknown:
			// One that only reads leaves nothing to see, and one that contradicts itself cannot have happened in any
			// order: if somebody saw its writes, that read is what cannot be explained.
			if consistent && len(s.writes) > 0 {
				s.end = Unfinished
				c.steps = append(c.steps, s)
			}
		default:
			c.steps = append(c.steps, s)
		}
	}
	c.dropUnseen()
	return c, violation, nil
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
		if op.Kind < Read || op.Kind > Delete {
			problem = fmt.Sprintf("has an operation %d of kind %d; known: %d (read), %d (write), %d (delete)", i+1, op.Kind, Read, Write, Delete)
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
	count := func(s *step, by int) {
		for _, r := range s.reads {
			if n, ok := seen[r]; ok {
				seen[r] = n + by
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
			if s.must || s.seenByOthers(seen) {
				kept = append(kept, s)
				continue
			}
			count(&s, -1)
			dropped = true
		}
		c.steps = kept
	}
}

// seenByOthers tells whether somebody else read a value that the step wrote, given how often each value was read.
func (s *step) seenByOthers(seen map[access]int) bool {
	for _, w := range s.writes {
		n := seen[w]
		for _, r := range s.reads {
			if r == w {
				n--
			}
		}
		if n > 0 {
			return true
		}
	}
	return false
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
	return v
}

func (c *compiled) violation(a Anomaly, txn int32, detail string) *Violation {
	t := &c.history[txn]
	return &Violation{Anomaly: a, Txn: t.ID, Client: t.Client, Detail: detail}
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
