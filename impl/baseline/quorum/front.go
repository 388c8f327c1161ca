package quorum

import (
	"fmt"
	"slices"
	"time"

	"github.com/firstgap/firstgap/impl/node"
)

// Config is what a front needs to know. The quorums need not overlap: what that loses can be seen.
type Config struct {
	ID       node.ID
	Replicas []node.ID
	W, R     int // replicas that make a write, and answers that make a read
	// Repair has a read give what it found to a write quorum before it answers. Without, a write that has reached few
	// replicas may be seen by one read and not by the next.
	Repair     bool
	RetryEvery time.Duration
	IdleAfter  time.Duration // how long a transaction may wait for its client before it is forgotten
	Limits     Limits
}

// Limits of a front. What goes past one is refused with the reason named.
type Limits struct {
	Transactions int
	Key          int // bytes
	Value        int // bytes
}

// DefaultLimits are those of the other designs.
func DefaultLimits() Limits { return Limits{Transactions: 256, Key: 256, Value: 2048} }

// A ConfigError says which value makes no sense.
type ConfigError struct {
	Field string
	Found int
	Want  string
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("quorum: expected %s %s, found %d", e.Field, e.Want, e.Found)
}

// Validate refuses a configuration that no front could run, with a *ConfigError.
func (c *Config) Validate() error {
	n := len(c.Replicas)
	switch {
	case n < 1 || n > 64:
		return &ConfigError{"N", n, "from 1 to 64"}
	case c.W < 1 || c.W > n:
		return &ConfigError{"W", c.W, fmt.Sprintf("from 1 to %d", n)}
	case c.R < 1 || c.R > n:
		return &ConfigError{"R", c.R, fmt.Sprintf("from 1 to %d", n)}
	}
	return nil
}

// A Front is whom clients ask. It holds nothing: there may be many, and each may be lost. A transaction is one read or one
// write of one row; everything else is refused, for a register cannot do it.
type Front struct {
	config      Config
	now         node.Time
	incarnation uint32
	count       uint32
	token       uint64
	txns        []*txn // oldest first
}

type stage uint8

const (
	ready   stage = iota
	asking        // R replicas for what they have
	telling       // W replicas what it is to be
)

// A txn is a transaction.
type txn struct {
	id      node.Txn
	client  node.ID
	used    bool // it has read or written
	row     node.Row
	writes  bool // row is to be written at the commit
	pending bool
	request node.Request
	lastUse node.Time

	stage   stage
	token   uint64
	op      uint64             // its first token
	told    []node.RegisterRow // the answers that its version comes from
	heard   []node.ID          // in this stage
	version node.Version
	value   node.Value
	agreed  bool // all that answered had the same version
}

// NewFront returns a front that has not started.
func NewFront(c Config) *Front { return &Front{config: c} }

const tick node.Timer = 1

// Step implements node.Node.
func (f *Front) Step(now node.Time, ev node.Event, out *node.Effects) {
	f.now = now
	switch ev.Kind {
	case node.Started:
		f.incarnation = ev.Incarnation
		f.token = uint64(ev.Incarnation) << 32
		out.SetTimer(tick, f.config.RetryEvery)
	case node.Fired:
		for _, t := range f.txns {
			f.send(t, out)
		}
		f.txns = slices.DeleteFunc(f.txns, func(t *txn) bool { return !t.pending && now.Sub(t.lastUse) > f.config.IdleAfter })
		out.SetTimer(tick, f.config.RetryEvery)
	case node.Requested:
		f.request(ev.From, ev.Request, out)
	case node.Received:
		switch m := ev.Message.(type) {
		case *node.RegisterValue:
			if t := f.find(m.Token); t != nil && t.stage == asking && t.hear(ev.From) {
				t.told = append(t.told, node.RegisterRow{Replica: ev.From, Version: m.Version})
				f.value(t, m, out)
			}
		case *node.RegisterWritten:
			if t := f.find(m.Token); t != nil && t.stage == telling && t.hear(ev.From) && len(t.heard) >= f.config.W {
				f.ended(t, out)
				f.respond(t, node.Reply{Status: node.OK, Value: t.value, LSN: node.LSN(t.version.Number)}, out)
			}
		}
	}
}

func (f *Front) find(token uint64) *txn {
	i := slices.IndexFunc(f.txns, func(t *txn) bool { return t.pending && t.token == token })
	if i < 0 {
		return nil
	}
	return f.txns[i]
}

func (t *txn) hear(from node.ID) bool {
	if slices.Contains(t.heard, from) {
		return false
	}
	t.heard = append(t.heard, from)
	return true
}

func (f *Front) request(from node.ID, r node.Request, out *node.Effects) {
	refuse := func(why node.Reason) {
		out.Respond(from, node.Reply{ID: r.ID, Op: r.Op, Txn: r.Txn, Status: node.Refused, Reason: why, Epoch: node.Epoch(f.incarnation)})
	}
	if r.Op == node.OpBegin {
		if len(f.txns) >= f.config.Limits.Transactions {
			refuse(node.ReasonBusy)
			return
		}
		f.count++
		t := &txn{id: node.MakeTxn(node.Epoch(f.incarnation), f.count), client: from, request: r, lastUse: f.now}
		f.txns = append(f.txns, t)
		f.respond(t, node.Reply{Status: node.OK}, out)
		return
	}
	i := slices.IndexFunc(f.txns, func(t *txn) bool { return t.id == r.Txn && t.client == from })
	if i < 0 {
		refuse(node.ReasonUnknownTxn)
		return
	}
	t := f.txns[i]
	if t.pending {
		refuse(node.ReasonBusy)
		return
	}
	switch r.Op {
	case node.OpGet, node.OpPut:
		switch {
		case len(r.Rows) == 0 || r.Rows[0].Key == "":
			refuse(node.ReasonMalformed)
			return
		case len(r.Rows) > 1 || t.used:
			refuse(node.ReasonSingleRow)
			return
		case len(r.Rows[0].Key) > f.config.Limits.Key || len(r.Rows[0].Value.Bytes) > f.config.Limits.Value:
			refuse(node.ReasonTooLarge)
			return
		}
		t.used, t.row, t.writes, t.request = true, r.Rows[0], r.Op == node.OpPut, r
		if t.writes {
			f.respond(t, node.Reply{Status: node.OK}, out)
			return
		}
		f.ask(t, out)
	case node.OpCommit, node.OpAbort:
		if len(r.Rows) != 0 {
			refuse(node.ReasonMalformed)
			return
		}
		t.request = r
		if t.writes && r.Op == node.OpCommit {
			f.ask(t, out)
			return
		}
		f.respond(t, node.Reply{Status: node.OK, LSN: node.LSN(t.version.Number)}, out)
	case node.OpScan, node.OpSavepoint, node.OpRollback:
		refuse(node.ReasonSingleRow)
	default:
		refuse(node.ReasonMalformed)
	}
}

// ask begins with the replicas' versions: of a read, to find the newest; of a write, to choose a newer one.
func (f *Front) ask(t *txn, out *node.Effects) {
	f.token++
	t.pending, t.stage, t.token, t.heard, t.agreed = true, asking, f.token, nil, true
	t.op, t.told = f.token, nil
	out.Tell(node.Trace{Action: node.ActRegisterBegin, Detail: &node.RegisterStep{Key: t.row.Key, Op: t.op, Token: t.token, Writes: t.writes}})
	f.send(t, out)
}

// send asks, or asks again, the replicas that have not answered. All are asked, and the fastest count.
func (f *Front) send(t *txn, out *node.Effects) {
	for _, id := range f.config.Replicas {
		switch {
		case !t.pending || slices.Contains(t.heard, id):
		case t.stage == asking:
			out.Send(id, &node.ReadRegister{Token: t.token, Key: t.row.Key})
		case t.stage == telling:
			out.Send(id, &node.WriteRegister{Token: t.token, Key: t.row.Key, Version: t.version, Value: t.value})
		}
	}
}

// value takes one replica's answer. The highest version counts: of R answers only one may be new, so there is no vote.
func (f *Front) value(t *txn, m *node.RegisterValue, out *node.Effects) {
	t.agreed = t.agreed && (len(t.heard) == 1 || m.Version == t.version)
	if len(t.heard) == 1 || t.version.Less(m.Version) {
		t.version, t.value = m.Version, m.Value
	}
	if len(t.heard) < f.config.R {
		return
	}
	switch {
	case t.writes:
		// Two writes of one front may choose the same number, and so may one that an earlier start left unfinished.
		t.version = node.Version{Number: t.version.Number + 1,
			By: uint64(f.config.ID)<<48 | uint64(f.incarnation&0xffff)<<32 | uint64(uint32(t.id))}
		t.value = t.row.Value
	case !f.config.Repair || t.agreed && len(t.heard) >= f.config.W || t.version == node.Version{}:
		f.settled(t, out)
		f.ended(t, out)
		f.respond(t, node.Reply{Status: node.OK, Value: t.value}, out)
		return
	}
	f.token++
	t.stage, t.token, t.heard = telling, f.token, nil
	f.settled(t, out)
	f.send(t, out)
}

func (f *Front) settled(t *txn, out *node.Effects) {
	out.Tell(node.Trace{Action: node.ActRegisterSettle, Detail: &node.RegisterStep{Key: t.row.Key, Op: t.op, Token: t.token, Version: t.version, Heard: t.told}})
}

func (f *Front) ended(t *txn, out *node.Effects) {
	s := &node.RegisterStep{Key: t.row.Key, Op: t.op, Token: t.token, Version: t.version}
	if t.stage == telling {
		for _, id := range t.heard {
			s.Heard = append(s.Heard, node.RegisterRow{Replica: id})
		}
	}
	out.Tell(node.Trace{Action: node.ActRegisterEnd, Detail: s})
}

func (f *Front) respond(t *txn, r node.Reply, out *node.Effects) {
	r.ID, r.Op, r.Txn, r.Epoch = t.request.ID, t.request.Op, t.id, node.Epoch(f.incarnation)
	t.pending, t.stage, t.lastUse = false, ready, f.now
	if t.request.Op != node.OpGet {
		r.Value = node.Value{}
	}
	if t.request.Op == node.OpCommit || t.request.Op == node.OpAbort {
		f.txns = slices.DeleteFunc(f.txns, func(o *txn) bool { return o == t })
	}
	out.Respond(t.client, r)
}
