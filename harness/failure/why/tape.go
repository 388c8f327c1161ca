package why

import (
	"reflect"
	"slices"

	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A fact is what the walk back needs of an event: when, of which it is an effect, and what it is about. Words are made of the few events
// that are shown, in a second run.
type fact struct {
	cause, before uint64 // the event that it is an effect of, and the one before it on its node; 0 for none
	at            node.Time
	kind          sim.EventKind
	process, from node.ID
	incarnation   uint32
	reason        sim.Reason
	action        node.Action
	op            node.Op
	request       uint64
	timer         node.Timer
	status        node.Status
	what          string // type of a message, name of an action, or how a process died
	low, high     node.LSN
	epoch         node.Epoch
	txn           node.Txn
	page          node.PageID
	paged         bool
	keys          []string
	values        []string // of a call that writes, by key
	lost          []sim.LostWrite
	vdl           node.LSN     // of a message that says how far the log is durable
	durable       bool         // it does
	lowest        node.LSN     // of a reader's word: what it still reads
	looked        bool         // at what a disk holds: a read of it
	carried       int          // records in a message
	isReply       bool         // of a client's call
	not           bool         // of an answer: what was asked for is not there
	control       *controlWord // of what is about who lives and who is a member
}

// has tells whether the event is about an LSN.
func (f *fact) has(l node.LSN) bool { return f.high != 0 && f.low <= l && l <= f.high }

// An operation is one of a disk, from its beginning on.
type operation struct {
	sim.Begun
	at      node.Time
	ended   uint64 // the event of its completion; 0: none came
	endedAt node.Time
	crashed uint64 // the crash that came first; 0 for none
}

// A tape is what happened in a run, and what its nodes have told and claimed.
type tape struct {
	world  *sim.World
	facts  []fact // by number, from 1
	last   map[node.ID]uint64
	disks  map[node.ID][]*operation
	claims claims
	asked  map[call][]string // the keys of the calls that have no answer yet
	// purposes are what nodes say that their timers are for.
	purposes map[purpose]string
	fields   map[reflect.Type]messageFields // of the types of messages seen so far
}

// A call is one of a client.
type call struct {
	client  node.ID
	request uint64
}

func newTape() *tape {
	return &tape{facts: make([]fact, 1, 1024), last: map[node.ID]uint64{}, disks: map[node.ID][]*operation{}, claims: newClaims(), asked: map[call][]string{}, purposes: map[purpose]string{},
		fields: map[reflect.Type]messageFields{}}
}

// hear takes down one event.
func (t *tape) hear(w *sim.World, e *sim.Event) {
	if t.world == nil {
		t.world = w
		w.ListenDisk(t.begun)
	}
	f := fact{cause: e.Cause, at: e.At, timer: e.Timer, kind: e.Kind, process: e.Process, from: e.From, incarnation: e.Incarnation, reason: e.Reason, what: e.Name,
		lost: slices.Clone(e.Lost)}
	if e.Cause >= e.Seq {
		f.cause = 0
	}
	own := e.Process
	if e.Kind == sim.EventLost {
		own = e.From // its receiver knows nothing of it
	}
	if own != 0 {
		f.before = t.last[own]
		t.last[own] = e.Seq
	}
	switch {
	case e.Message != nil:
		t.ofMessage(&f, e.Message)
	case e.Request != nil:
		f.op, f.request, f.txn = e.Request.Op, e.Request.ID, e.Request.Txn
		for _, r := range e.Request.Rows {
			f.keys = append(f.keys, r.Key)
			if r.Value.Exists {
				f.values = append(f.values, r.Value.Bytes)
			}
		}
		if len(f.keys) > 0 {
			t.asked[call{e.From, e.Request.ID}] = f.keys
		}
	case e.Reply != nil:
		f.isReply = true
		f.op, f.request, f.txn, f.status, f.epoch = e.Reply.Op, e.Reply.ID, e.Reply.Txn, e.Reply.Status, e.Reply.Epoch
		f.low, f.high = e.Reply.LSN, e.Reply.LSN
		for _, r := range e.Reply.Rows {
			f.keys = append(f.keys, r.Key)
		}
		c := call{e.Process, e.Reply.ID}
		f.keys = append(f.keys, t.asked[c]...)
		delete(t.asked, c)
	case e.Trace != nil:
		f.ofTrace(e.Trace)
	}
	// The numbers of events have no gaps, and the tape hears of all of them.
	t.facts = append(t.facts, f)
	switch e.Kind {
	case sim.EventTimer:
		t.fired(e)
	case sim.EventDisk:
		t.ended(e)
	case sim.EventCrash:
		for _, o := range t.disks[e.Process] {
			if o.ended == 0 && o.crashed == 0 {
				o.crashed = e.Seq
			}
		}
	case sim.EventTrace:
		t.claims.told(e)
	case sim.EventMessage:
		t.claims.said(e, t)
	}
}

func (t *tape) begun(id node.ID, b *sim.Begun) {
	t.disks[id] = append(t.disks[id], &operation{Begun: *b, at: t.world.Now()})
}

// ended ends the oldest operation of that token, and with a sync the appends that it covers.
func (t *tape) ended(e *sim.Event) {
	all := t.disks[e.Process]
	for i, o := range all {
		if o.ended != 0 || o.crashed != 0 || o.Token != e.Token || !o.Sync && !o.Replace {
			continue
		}
		o.ended, o.endedAt = e.Seq, e.At
		if o.Sync {
			for _, a := range all[:i] {
				if a.ended == 0 && a.crashed == 0 && !a.Sync && !a.Replace {
					a.ended, a.endedAt = e.Seq, e.At
				}
			}
		}
		return
	}
	t.facts[e.Seq].looked = true
}

// fact returns event number n, nil for none.
func (t *tape) fact(n uint64) *fact {
	if n == 0 || n >= uint64(len(t.facts)) {
		return nil
	}
	return &t.facts[n]
}

// end is the number of the last event.
func (t *tape) end() uint64 { return uint64(len(t.facts)) - 1 }

// lastWhere returns the last event at or before n that is as asked, 0 for none.
func (t *tape) lastWhere(n uint64, is func(*fact) bool) uint64 {
	for n = min(n, t.end()); n > 0; n-- {
		if is(&t.facts[n]) {
			return n
		}
	}
	return 0
}

// latest returns the last event of a kind that happened to a node at or before n, 0 for none.
func (t *tape) latest(k sim.EventKind, id node.ID, n uint64) uint64 {
	return t.lastWhere(n, func(f *fact) bool { return f.kind == k && f.process == id })
}

// firstWhere returns the first event at or after n that is as asked, 0 for none.
func (t *tape) firstWhere(n uint64, is func(*fact) bool) uint64 {
	for n = max(n, 1); n <= t.end(); n++ {
		if is(&t.facts[n]) {
			return n
		}
	}
	return 0
}

func (f *fact) ofTrace(t *node.Trace) {
	f.action, f.epoch, f.txn, f.page, f.paged = t.Action, t.Epoch, t.Txn, t.Page, t.Page != 0
	f.from = t.From
	f.low, f.high = t.LSN, t.LSN
	if r := t.Record; r != nil {
		f.low, f.high, f.txn, f.page, f.paged = r.LSN, r.LSN, r.Txn, r.Page, true
		if r.Key != "" {
			f.keys = []string{r.Key}
		}
		if t.Action == node.ActWrite || t.Action == node.ActUndo {
			f.control = &controlWord{value: &r.New}
		}
	}
	if d, is := t.Detail.(*node.GeometryStep); is {
		f.control = &controlWord{group: d.Group, members: d.Members}
	}
	if d, is := t.Detail.(*node.RegisterStep); is && d.Key != "" {
		f.keys = []string{d.Key}
	}
}

// messageFields are the fields of messages, by what they are about: those of strangers, too, where they are called so.
type messageFields struct{ epoch, page, key, txn, lsn int }

// fieldsOf finds the fields of messages of a type, once for each type.
func (t *tape) fieldsOf(message reflect.Type) messageFields {
	if known, is := t.fields[message]; is {
		return known
	}
	f := messageFields{-1, -1, -1, -1, -1}
	if message.Kind() == reflect.Struct {
		find := func(is func(reflect.Type) bool, names ...string) int {
			for _, name := range names {
				if x, has := message.FieldByName(name); has && len(x.Index) == 1 && x.IsExported() && is(x.Type) {
					return x.Index[0]
				}
			}
			return -1
		}
		number := func(x reflect.Type) bool { return x.Kind() >= reflect.Uint && x.Kind() <= reflect.Uint64 }
		f.epoch = find(number, "Epoch", "Promise", "Line", "Term")
		f.page = find(number, "Page")
		f.txn = find(number, "Txn")
		f.lsn = find(number, "SCL", "ReadPoint", "At", "LSN", "Have", "Index")
		f.key = find(func(x reflect.Type) bool { return x.Kind() == reflect.String }, "Key", "Name")
	}
	t.fields[message] = f
	return f
}

func (t *tape) ofMessage(f *fact, m node.Message) {
	f.what, f.control = m.Type(), controlOf(m)
	v := reflect.Indirect(reflect.ValueOf(m))
	if !v.IsValid() {
		return
	}
	x := t.fieldsOf(v.Type())
	if x.epoch >= 0 {
		f.epoch = node.Epoch(v.Field(x.epoch).Uint())
	}
	if x.page >= 0 {
		f.page, f.paged = node.PageID(v.Field(x.page).Uint()), true
	}
	if x.txn >= 0 {
		f.txn = node.Txn(v.Field(x.txn).Uint())
	}
	if x.lsn >= 0 {
		f.low, f.high = node.LSN(v.Field(x.lsn).Uint()), node.LSN(v.Field(x.lsn).Uint())
	}
	if x.key >= 0 {
		f.keys = []string{v.Field(x.key).String()}
	}
	switch m := m.(type) {
	case *node.Append:
		f.vdl, f.durable, f.carried = m.VDL, true, len(m.Records)
	case *node.GossipGive:
		f.carried = len(m.Records)
	case *node.LogRecords:
		f.carried = len(m.Records)
	case *node.Stream:
		f.vdl = m.VDL
	case *node.ReadLog:
		f.low, f.high = m.From, m.To
	case *node.Follow:
		f.lowest = m.Low
	case *node.ObjectRead:
		f.not = !m.Found
	}
	if c, is := m.(node.Carrier); is {
		if low, high := c.LSNs(); high != 0 {
			f.low, f.high = low, high
		}
	}
}
