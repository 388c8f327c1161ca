package linearizability

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Lists of transactions are turned into values whose order is known (Kingsbury and Alvaro, "Elle", 2020, section 3). An
// element is appended once, so a list is named by its last element, and a read of it is a read of that. The longest list read
// shows the order of its elements, so whoever appended one has replaced the list that ends in the one before: as if it had read
// that. At levels where one may replace what he did not see, the order is only that of the writes. What no read saw comes
// behind all that was read, and its order is open as that of any write.

// A listOrder is what is known of the lists of one key.
type listOrder struct {
	elements []string // of the longest list that a committed transaction read
	reader   int32    // that transaction
	place    map[string]int32
	appender map[string]int32 // by element, its transaction
	aborted  map[string]bool  // by element, that it is gone
}

// A NotUniqueError says that a history of lists cannot be decided because an element was appended twice.
type NotUniqueError struct {
	Key, Element  string
	First, Second uint64 // the transactions that appended it
}

func (e *NotUniqueError) Error() string {
	return fmt.Sprintf("linearizability: could not tell: transactions %d and %d append %q to the list %q; lists are decided when each element is appended once",
		e.First, e.Second, e.Element, e.Key)
}

// orderLists finds the order of each list.
func (c *compiler) orderLists() error {
	other := make(map[string]bool) // keys that hold values
	var scans []*Op
	for i := range c.history {
		t := &c.history[i]
		kept := make(map[Row]bool)
		for _, op := range t.Net() {
			if op.Kind == ListAppend {
				kept[Row{op.Key, op.Value}] = true
			}
		}
		for at, op := range t.Ops {
			switch op.Kind {
			case Read, Write, Delete:
				other[op.Key] = true
			case Scan:
				scans = append(scans, &t.Ops[at])
			case ListAppend:
				l := c.listOf(op.Key)
				if first, twice := l.appender[op.Value]; twice {
					return &NotUniqueError{Key: op.Key, Element: op.Value, First: c.history[first].ID, Second: t.ID}
				}
				l.appender[op.Value] = int32(i)
				if t.Outcome == Aborted || !kept[Row{op.Key, op.Value}] {
					l.aborted[op.Value] = true
				}
			case ListRead:
				l := c.listOf(op.Key)
				if t.Outcome == Committed && (l.reader == none || len(op.List) > len(l.elements)) {
					l.elements, l.reader = op.List, int32(i)
				}
			}
		}
	}
	scanned := covered(scans)
	for i := range c.history {
		for _, op := range c.history[i].Ops {
			if (op.Kind == ListAppend || op.Kind == ListRead) && (other[op.Key] || scanned(op.Key)) {
				return &MalformedError{Txn: c.history[i].ID, Problem: fmt.Sprintf("has a list at %q, which is also read, written or scanned as a value", op.Key)}
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.lists)) {
		l := c.lists[key]
		var follows []access
		for _, e := range l.elements {
			follows = append(follows, access{c.key(key), c.value(e)})
		}
		c.follows, c.shows = append(c.follows, follows), append(c.shows, l.reader)
		l.place = make(map[string]int32, len(l.elements))
		for at, e := range l.elements {
			l.place[e] = int32(at)
		}
	}
	return nil
}

func (c *compiler) listOf(key string) *listOrder {
	l := c.lists[key]
	if l == nil {
		l = &listOrder{reader: none, appender: make(map[string]int32), aborted: make(map[string]bool)}
		c.lists[key] = l
	}
	return l
}

// objectList is the objection to a list that a transaction read; one that did not commit cannot have happened.
func (c *compiler) objectList(a Anomaly, k Class, op *Op, expected, detail string, others ...int32) {
	c.consistent = false
	if !c.committed || c.violation != nil {
		return
	}
	v := c.compiled.violation(a, c.txn, detail)
	v.Class, v.Key, v.Expected, v.Found = k, op.Key, expected, fmt.Sprintf("%q", op.List)
	for _, i := range others {
		v.Core = append(v.Core, int(i))
	}
	slices.Sort(v.Core)
	v.Core = slices.Compact(v.Core)
	c.violation = v
}

// listRead compiles a read of a list.
func (c *compiler) listRead(op *Op) error {
	l := c.listOf(op.Key)
	for at, e := range op.List {
		by, ok := l.appender[e]
		switch {
		case !ok:
			c.objectList(ThinAir, Garbage, op, "elements that were appended", fmt.Sprintf("no transaction appended %q", e))
			return nil
		case l.aborted[e] && by != c.txn:
			c.objectList(AbortedValue, G1a, op, "elements that were committed", fmt.Sprintf("transaction %d, which appended %q, did not leave it", c.id(by), e), by)
			return nil
		case slices.Contains(op.List[:at], e):
			c.objectList(DisorderedList, "duplicate elements", op, "each element once", fmt.Sprintf("%q was appended once, by transaction %d", e, c.id(by)), by)
			return nil
		case at < len(l.elements) && l.elements[at] != e:
			c.objectList(DisorderedList, "incompatible order", op, fmt.Sprintf("a list that begins as %q, or with which that begins", l.elements),
				fmt.Sprintf("transaction %d read that", c.id(l.reader)), l.reader, by, l.appender[l.elements[at]])
			return nil
		}
	}
	own := 0 // elements of the transaction itself, which may be gone with it
	for own < len(op.List) && l.appender[op.List[len(op.List)-1-own]] == c.txn {
		own++
	}
	if !c.committed && len(op.List)-own > len(l.elements) {
		if c.history[c.txn].Outcome == OutcomeUnknown {
			return &MalformedError{Txn: c.history[c.txn].ID, Problem: fmt.Sprintf("has an unknown outcome and read a longer list at %q than any that committed; expected it without that read", op.Key)}
		}
		return nil
	}
	value := absent
	if n := len(op.List); n > 0 {
		value = c.value(op.List[n-1])
	}
	c.read(c.key(op.Key), value, nil)
	return nil
}

// listAppend compiles an append: a write, and where the order of the list is known, a read of what it replaced.
func (c *compiler) listAppend(at int, op *Op) {
	l, key := c.listOf(op.Key), c.key(op.Key)
	place, known := l.place[op.Value]
	if !known || l.aborted[op.Value] || c.weak {
		c.write(at, key, c.value(op.Value))
		return
	}
	before, name := absent, "nothing"
	if place > 0 {
		before, name = c.value(l.elements[place-1]), strconv.Quote(l.elements[place-1])
	}
	seen := c.seen(key)
	now := c.own(seen)
	if now == none && seen.read > 0 {
		now = c.reads[seen.read-1].value
	}
	if now != none && now != before {
		// It saw a list that ends elsewhere and added to another one.
		c.consistent = false
		if c.committed && c.violation == nil {
			v := c.compiled.violation(LostUpdate, c.txn, fmt.Sprintf("transaction %d read the list with %q behind %s", c.id(l.reader), op.Value, name))
			v.Class, v.Key, v.Expected, v.Found = ClassLostUpdate, op.Key, name, c.quote(now)
			v.Core = append(v.Core, int(l.reader))
			if place > 0 {
				by := l.appender[l.elements[place-1]]
				v.Core = append(v.Core, int(by))
				v.Cycle = []Edge{
					{From: c.id(c.txn), To: c.id(by), FromIndex: int(c.txn), ToIndex: int(by), Why: Misses, Key: op.Key},
					{From: c.id(by), To: c.id(c.txn), FromIndex: int(by), ToIndex: int(c.txn), Why: Overwrites, Key: op.Key}}
			}
			slices.Sort(v.Core)
			v.Core = slices.Compact(v.Core)
			c.violation = v
		}
	} else if now == none {
		c.read(key, before, nil)
		c.implied = append(c.implied, access{key, before})
	}
	c.write(at, key, c.value(op.Value))
}
