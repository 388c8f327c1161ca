package older

import (
	"fmt"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/wal"
)

const (
	ruleLog     = "the log is one sequence of records"
	ruleOld     = "a record's old value is that of its row"
	ruleDurable = "Durable" // the model's invariant: what was durable survives a crash
)

// WAL holds the database of the older designs against spec/wal, each instance by itself. What a disk that is lost takes
// with it, an instance on another one does not know of: it begins with what it finds. That the log is dropped in time and
// not too early is not followed record by record: what a start finds has to be what was durable before.
type WAL struct {
	guards    *wal.Guards
	instances map[node.ID]*instance
	follower
}

// instance is what is known of one, from its start on.
type instance struct {
	started, recovering bool
	last, durable       node.LSN
	txns                map[node.Txn]*transaction
	rows                map[string]node.Txn // the transaction that changed it last
	values              map[string]node.Value
	fresh               []*node.Record        // issued and not durable
	safe                map[string]node.Value // by the log that is durable
}

type transaction struct {
	wal.Traced
	writes []*node.Record // that are not taken back
	commit node.LSN
}

// NewWAL returns a validator for a run.
func NewWAL() (*WAL, error) {
	g, err := wal.NewGuards()
	if err != nil {
		return nil, err
	}
	return &WAL{guards: g, instances: map[node.ID]*instance{},
		follower: follower{guarantee: "a transaction is there whole or not at all, and whole when its client was told"}}, nil
}

// Tell implements Validator.
func (w *WAL) Tell(now node.Time, from node.ID, t *node.Trace) error {
	return w.took(w.follow(now, from, t, w.step))
}

func (w *WAL) step(from node.ID, t *node.Trace) error {
	d := w.instances[from]
	if t.Action == node.ActWalFound {
		if d == nil {
			d = &instance{safe: map[string]node.Value{}}
			w.instances[from] = d
		}
		return d.found(t)
	}
	if d == nil {
		return violation(ruleKnown, "an instance that has started", fmt.Sprint(from), "node %d told %s", from, t.Action)
	}
	switch t.Action {
	case node.ActWalIssue:
		if t.Record == nil {
			return violation(ruleComplete, "a record", "none", "node %d told %s", from, t.Action)
		}
		return d.issue(w.guards, t.Record)
	case node.ActWalDurable:
		if t.LSN <= d.durable {
			return violation(ruleLog, fmt.Sprintf("above %d", d.durable), fmt.Sprint(t.LSN), "what is durable only grows")
		}
		for d.durable < t.LSN {
			if err := w.guards.FlushLog(d.durable < d.last); err != nil {
				return err
			}
			d.durable++
			d.keep(d.fresh[0])
			d.fresh = d.fresh[1:]
		}
		return nil
	case node.ActWalPage:
		return w.guards.FlushPage(t.LSN <= d.durable)
	case node.ActWalAck:
		x := d.txn(t.Txn)
		if err := w.guards.Ack(x.Traced, x.commit <= d.durable); err != nil {
			return err
		}
		x.Acked = true
		return nil
	case node.ActWalOpen:
		losers := false
		for _, x := range d.txns {
			losers = losers || x.Old && x.Changes > 0 && !x.Committed
		}
		if err := w.guards.Open(losers, d.recovering); err != nil {
			return err
		}
		d.recovering = false
		return nil
	}
	return violation(ruleAction, "an action of the database", t.Action.String(), "node %d told %s", from, t.Action)
}

func (d *instance) keep(r *node.Record) {
	if r.Kind != node.Commit {
		d.safe[r.Key] = r.New
	}
}

func (d *instance) txn(id node.Txn) *transaction {
	x := d.txns[id]
	if x == nil {
		x = &transaction{}
		d.txns[id] = x
	}
	return x
}

// found is Crash and the redo pass: what was durable is there, and nothing else is but what came after it.
func (d *instance) found(t *node.Trace) error {
	if d.started && t.LSN < d.durable {
		return violation(ruleDurable, fmt.Sprintf("the log up to %d", d.durable), fmt.Sprintf("up to %d", t.LSN), "what was durable is gone after a crash")
	}
	records := node.DetailOf[node.FoundStep](t).Records
	if d.started && len(records) > 0 && records[0].LSN > d.durable+1 {
		clear(d.safe) // others had the disk in between
	}
	d.started, d.recovering, d.last, d.durable, d.fresh = true, true, t.LSN, t.LSN, nil
	d.txns, d.rows, d.values = map[node.Txn]*transaction{}, map[string]node.Txn{}, map[string]node.Value{}
	for i, r := range records {
		if want := t.LSN - node.LSN(len(records)-1-i); r.LSN != want {
			return violation(ruleLog, fmt.Sprintf("LSN %d", want), fmt.Sprint(r.LSN), "a start found a log with a hole")
		}
		d.keep(r)
		d.note(r)
	}
	for _, x := range d.txns {
		x.Old = true
	}
	for key, v := range d.safe {
		d.values[key] = v
	}
	return nil
}

// note takes a record that is allowed.
func (d *instance) note(r *node.Record) {
	x := d.txn(r.Txn)
	switch r.Kind {
	case node.Write:
		x.writes = append(x.writes, r)
		d.rows[r.Key] = r.Txn
		d.values[r.Key] = r.New
	case node.Undo:
		x.Undone = true
		if n := len(x.writes); n > 0 { // else what it takes back is dropped from the log
			x.writes = x.writes[:n-1]
		}
		d.values[r.Key] = r.New
	case node.Commit:
		x.Committed, x.commit = true, r.LSN
	}
	x.Changes = len(x.writes)
}

func (d *instance) issue(g *wal.Guards, r *node.Record) error {
	if r.LSN != d.last+1 {
		return violation(ruleLog, fmt.Sprintf("LSN %d", d.last+1), fmt.Sprint(r.LSN), "a record is not the next one")
	}
	mark := r.Kind == node.Commit && uint32(r.Txn) == 0 // the first record of a start, of no transaction
	if !mark {
		if err := d.allowed(g, r); err != nil {
			return err
		}
		d.note(r)
	}
	d.last = r.LSN
	d.fresh = append(d.fresh, r)
	return nil
}

func (d *instance) allowed(g *wal.Guards, r *node.Record) error {
	x := d.txn(r.Txn)
	if v, known := d.values[r.Key]; known && r.Kind != node.Commit && v != r.Old {
		return violation(ruleOld, v.String(), r.Old.String(), "record %d changes row %q", r.LSN, r.Key)
	}
	switch r.Kind {
	case node.Write:
		if d.recovering {
			return violation("Write", "a database that is open", "one that recovers", "record %d is a change", r.LSN)
		}
		var holder *wal.Traced
		if id := d.rows[r.Key]; id != 0 && id != r.Txn {
			holder = &d.txns[id].Traced
		}
		return g.Write(x.Traced, holder)
	case node.Commit:
		return g.Commit(x.Traced)
	case node.Undo:
		i, err := g.Undo(x.Traced, d.recovering)
		if err != nil {
			return err
		}
		if w := x.writes[len(x.writes)-1-i]; r.Undoes != w.LSN || r.Key != w.Key || r.New != w.Old {
			return violation("Undo", w.String(), r.String(), "the latest change is taken back first, to what was there before")
		}
		return nil
	}
	return violation(ruleAction, "a write, an undo or a commit", r.Kind.String(), "record %d is of another kind", r.LSN)
}
