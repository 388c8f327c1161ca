package writer

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

type mode uint8

const (
	shared mode = iota + 1
	exclusive
)

// A lock is the lock of one row.
type lock struct {
	key     string
	holders []holder
	queue   []*txn // first come, first served; who upgrades goes first
}

type holder struct {
	txn  *txn
	mode mode
}

// lockRows locks the rows of t's call, one after the other. It tells whether all are locked; if not, t waits, or it was
// aborted because waiting would have closed a cycle.
func (w *Writer) lockRows(t *txn, m mode, out *node.Effects) bool {
	for t.locked < len(t.request.Rows) {
		if !w.acquire(t, t.request.Rows[t.locked].Key, m, out) {
			return false
		}
		t.locked++
	}
	return true
}

func (w *Writer) acquire(t *txn, key string, m mode, out *node.Effects) bool {
	l := w.locks[key]
	if l == nil {
		l = &lock{key: key}
		w.locks[key] = l
	}
	if l.grant(t, m) {
		t.keys = appendNew(t.keys, key)
		return true
	}
	t.waits, t.wants = l, m
	if l.holds(t) != 0 {
		l.queue = slices.Insert(l.queue, 0, t)
	} else {
		l.queue = append(l.queue, t)
	}
	if w.deadlocked(t) {
		w.abort(t, node.ReasonDeadlock, out)
	}
	return false
}

func (l *lock) holds(t *txn) mode {
	for _, h := range l.holders {
		if h.txn == t {
			return h.mode
		}
	}
	return 0
}

// grant gives t the lock if nobody holds or awaits it who is in the way.
func (l *lock) grant(t *txn, m mode) bool {
	has := l.holds(t)
	if has >= m {
		return true
	}
	if has == 0 && len(l.queue) > 0 && l.queue[0] != t {
		return false
	}
	for _, h := range l.holders {
		if h.txn != t && (m == exclusive || h.mode == exclusive) {
			return false
		}
	}
	if has != 0 {
		for i := range l.holders {
			if l.holders[i].txn == t {
				l.holders[i].mode = m
			}
		}
		return true
	}
	l.holders = append(l.holders, holder{txn: t, mode: m})
	return true
}

// deadlocked tells whether t waits, over others, for itself. The one who closes the cycle is the victim: everybody
// else in it was there first.
func (w *Writer) deadlocked(t *txn) bool {
	var seen []*txn
	var reaches func(from *txn) bool
	reaches = func(from *txn) bool {
		if from.waits == nil {
			return false
		}
		for _, b := range from.waits.before(from) {
			if b == t {
				return true
			}
			if !slices.Contains(seen, b) {
				seen = append(seen, b)
				if reaches(b) {
					return true
				}
			}
		}
		return false
	}
	return reaches(t)
}

// before returns whom t, in the queue, waits for: holders that are in the way, and everybody ahead of it.
func (l *lock) before(t *txn) []*txn {
	var them []*txn
	for _, h := range l.holders {
		if h.txn != t && (t.wants == exclusive || h.mode == exclusive) {
			them = append(them, h.txn)
		}
	}
	for _, q := range l.queue {
		if q == t {
			break
		}
		them = append(them, q)
	}
	return them
}

// leaveQueue takes t out of the queue that it waits in, and lets those behind it try.
func (w *Writer) leaveQueue(t *txn) {
	l := t.waits
	if l == nil {
		return
	}
	t.waits = nil
	l.queue = slices.DeleteFunc(l.queue, func(q *txn) bool { return q == t })
	w.promote(l)
}

func (w *Writer) releaseAll(t *txn) {
	for _, key := range t.keys {
		l := w.locks[key]
		l.holders = slices.DeleteFunc(l.holders, func(h holder) bool { return h.txn == t })
		w.promote(l)
		if len(l.holders) == 0 && len(l.queue) == 0 {
			delete(w.locks, key)
		}
	}
	t.keys = nil
}

// promote grants the lock to the head of the queue, as often as that goes.
func (w *Writer) promote(l *lock) {
	for len(l.queue) > 0 && l.grant(l.queue[0], l.queue[0].wants) {
		t := l.queue[0]
		l.queue = l.queue[1:]
		t.waits = nil
		t.keys = appendNew(t.keys, l.key)
		w.ready = append(w.ready, t)
	}
}

// lockForUndo locks a row for a transaction that a recovery found active. Nobody else holds anything yet.
func (w *Writer) lockForUndo(t *txn, key string) {
	if slices.Contains(t.keys, key) {
		return
	}
	w.locks[key] = &lock{key: key, holders: []holder{{txn: t, mode: exclusive}}}
	t.keys = append(t.keys, key)
}

func appendNew(keys []string, key string) []string {
	if slices.Contains(keys, key) {
		return keys
	}
	return append(keys, key)
}
