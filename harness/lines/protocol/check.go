package protocol

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// A Step is one thing that Check has looked at.
type Step struct {
	What    string
	Verdict judge.Verdict
	Found   string // what was found, in a sentence; "" where all is as it must be and there is nothing to tell
	Lead    []string
}

// Check holds a program against the protocol, without any fault: it says hello, starts it, asks it what is easy to get wrong, and makes
// a run. It ends with the first step that does not pass. Whether the system keeps its promise under faults is for a campaign to say.
func Check(r Role, p Program, o Options) ([]Step, error) {
	system, err := System(r, p.Maker(), o)
	if err != nil {
		return nil, err
	}
	c := &checker{maker: p.Maker(), system: system}
	if r == Replica {
		c.conversation()
	}
	if !c.failed {
		c.run()
	}
	return c.steps, nil
}

type checker struct {
	maker  Maker
	system harness.System
	steps  []Step
	failed bool
}

func (c *checker) step(what string, v judge.Verdict, found string, lead ...string) {
	c.steps = append(c.steps, Step{what, v, found, lead})
	c.failed = c.failed || v != judge.Pass
}

// run makes a run without faults, in which every node crashes at the end and starts again on what its disk has kept.
func (c *checker) run() {
	const what = "a run without faults, with a restart of what the run restarts"
	generated, err := c.system.Generate(1, harness.Generation{})
	if err != nil {
		c.step(what, judge.CouldNotTell, err.Error())
		return
	}
	generated.Plan.Faults, generated.Plan.BeyondBudget = nil, false
	r := harness.Run(c.system, generated)
	if target := slices.IndexFunc(r.Findings, func(f judge.Finding) bool { return f.Verdict == r.Verdict }); target >= 0 {
		f := &r.Findings[target]
		c.step(what, r.Verdict, fmt.Sprintf("%s: %s", f.Check, f.Sentence()), f.Lead...)
		return
	}
	c.step(what, judge.Pass, fmt.Sprintf("%d events", r.Counts.World.Events))
}

// conversation has three replicas answer what programs get wrong: numbers that a double does not have, bytes that are no text, a key
// that is no text, a message that comes twice, a disk that has something on it.
func (c *checker) conversation() {
	t := &table{checker: c, clock: 1_000_000}
	defer t.stop()
	for i := range t.nodes {
		t.seat(i)
	}
	if t.do(t.nodes[0], node.Event{Kind: node.Started, Incarnation: 1}); c.failed {
		return
	}
	c.step("hello, and a start on an empty disk", judge.Pass, cmp.Or(t.nodes[0].member.name, ""))
	for _, n := range t.nodes[1:] {
		t.do(n, node.Event{Kind: node.Started, Incarnation: 1})
	}
	const above = 1<<53 + 1
	mix := c.mix()
	for _, ask := range []struct {
		what string
		op   node.Op
		id   uint64
		row  node.Row
	}{
		{"a request", mix.write, 1, node.Row{Key: "k", Value: node.Value{Bytes: "v", Exists: true}}},
		{"a request of a number above 2^53, which stands in quotes", mix.write, above, node.Row{Key: "k", Value: node.Value{Bytes: "w", Exists: true}}},
		{"a key and a value that are no text, which stand in base64", mix.write, above + 1, node.Row{Key: "\xfe", Value: node.Value{Bytes: "\x00\xff", Exists: true}}},
		{"a read of them", mix.read, above + 2, node.Row{Key: "\xfe"}},
	} {
		if t.ask(ask.what, ask.op, ask.id, ask.row); c.failed {
			return
		}
	}
	t.again()
	t.restart()
}

// mixOps are what the clients of the system write and read by.
type mixOps struct{ write, read node.Op }

func (c *checker) mix() mixOps {
	generated, err := c.system.Generate(1, harness.Generation{})
	if err == nil && strings.Contains(string(generated.Settings), `"elements"`) {
		return mixOps{node.OpAppend, node.OpElements}
	}
	if err == nil && strings.Contains(string(generated.Settings), `"apply"`) {
		return mixOps{node.OpApply, node.OpApply}
	}
	return mixOps{node.OpWrite, node.OpRead}
}

// A table has three replicas that talk to each other without loss, one event after the other.
type table struct {
	*checker
	nodes  [3]*seat
	clock  node.Time
	queue  []delivery
	timers []due
	heard  []node.Reply
	last   *delivery // message that came to the first replica last
}

type seat struct {
	member      *member
	id          node.ID
	files       []node.File
	incarnation uint32
}

type delivery struct {
	to *seat
	ev node.Event
}

type due struct {
	at    node.Time
	of    *seat
	timer node.Timer
}

// checking is the hook of a node that is checked.
type checking struct{ node.NoHook }

// asker is the client's address.
const asker node.ID = 1001

// seat puts a new process of a replica at its place.
func (t *table) seat(i int) {
	members := []node.ID{1, 2, 3}
	n := t.nodes[i]
	if n == nil {
		n = &seat{id: members[i]}
		t.nodes[i] = n
	}
	n.incarnation++
	n.member = t.maker(Place{Role: Replica, ID: n.id, Index: i, Members: members, Seed: 7, Hook: checking{}}).(*member)
}

func (t *table) stop() {
	for _, n := range t.nodes {
		if n != nil {
			n.member.Stop()
		}
	}
}

// do has a node take an event, and takes what it wants done.
func (t *table) do(n *seat, ev node.Event) {
	if t.failed {
		return
	}
	t.clock += 1000
	var out node.Effects
	if b := step(n.member, t.clock, ev, &out); b != nil {
		v := judge.Violation
		if b.Ours {
			v = judge.CouldNotTell
		}
		t.step("the answer to "+ev.Kind.String(), v, b.Error(), b.Lead...)
		return
	}
	for i := range out.List {
		t.take(n, &out.List[i])
	}
}

// step is Step, with the breach by which it ends, nil where there is none.
func step(n node.Node, now node.Time, ev node.Event, out *node.Effects) (breach *runtime.Breach) {
	defer func() {
		if r := recover(); r != nil {
			b, is := r.(*runtime.Breach)
			if !is {
				panic(r)
			}
			breach = b
		}
	}()
	n.Step(now, ev, out)
	return nil
}

func (t *table) take(n *seat, e *node.Effect) {
	later := func(to *seat, ev node.Event) { t.queue = append(t.queue, delivery{to, ev}) }
	t.timers = slices.DeleteFunc(t.timers, func(d due) bool {
		return (e.Kind == node.DoSetTimer || e.Kind == node.DoClearTimer) && d.of == n && d.timer == e.Timer
	})
	switch e.Kind {
	case node.DoSend:
		if e.To >= 1 && int(e.To) <= len(t.nodes) {
			later(t.nodes[e.To-1], node.Event{Kind: node.Received, From: n.id, Message: e.Message})
		}
	case node.DoSetTimer:
		t.timers = append(t.timers, due{t.clock.Add(max(e.After, 0)), n, e.Timer})
	case node.DoAppend:
		f := n.file(e.File)
		f.Data = append(slices.Clone(f.Data), e.Data...)
	case node.DoReplace:
		n.file(e.File).Data = slices.Clone(e.Data)
		later(n, node.Event{Kind: node.DiskDone, Token: e.Token})
	case node.DoSync:
		later(n, node.Event{Kind: node.DiskDone, Token: e.Token})
	case node.DoRead:
		data := n.file(e.File).Data
		from := min(e.From, len(data))
		later(n, node.Event{Kind: node.DiskDone, Token: e.Token, Data: slices.Clone(data[from:min(len(data), from+e.Size)])})
	case node.DoRespond:
		if e.To == asker {
			t.heard = append(t.heard, *e.Reply)
		}
	}
}

func (n *seat) file(name string) *node.File {
	i := slices.IndexFunc(n.files, func(f node.File) bool { return f.Name == name })
	if i < 0 {
		n.files = append(n.files, node.File{Name: name})
		i = len(n.files) - 1
	}
	return &n.files[i]
}

// mostEvents is how many events it takes until a request is answered, at most: without faults it is a few dozen.
const mostEvents = 2000

// settle lets things happen until a condition holds.
func (t *table) settle(until func() bool) bool {
	for range mostEvents {
		if t.failed || until() {
			return !t.failed
		}
		switch {
		case len(t.queue) > 0:
			d := t.queue[0]
			t.queue = t.queue[1:]
			if d.ev.Kind == node.Received && d.to == t.nodes[0] {
				t.last = &d
			}
			t.do(d.to, d.ev)
		case len(t.timers) > 0:
			next := 0
			for i := range t.timers {
				if t.timers[i].at < t.timers[next].at {
					next = i
				}
			}
			d := t.timers[next]
			t.timers = slices.Delete(t.timers, next, next+1)
			t.clock = max(t.clock, d.at)
			t.do(d.of, node.Event{Kind: node.Fired, Timer: d.timer})
		default:
			return false
		}
	}
	return false
}

// ask asks the first replica, and says what is wrong with the answer.
func (t *table) ask(what string, op node.Op, id uint64, row node.Row) {
	t.heard = nil
	r := node.Request{ID: id, Op: op, Rows: []node.Row{row}}
	if op == node.OpApply {
		r.Reads = []bool{!row.Value.Exists}
	}
	t.do(t.nodes[0], node.Event{Kind: node.Requested, From: asker, Request: r})
	answered := t.settle(func() bool { return len(t.heard) > 0 })
	switch {
	case t.failed:
	case !answered:
		t.step(what, judge.Violation, fmt.Sprintf("expected an answer to request %d (%v) with nothing that goes wrong, found none after all that followed", id, op))
	case t.heard[0].ID != id:
		t.step(what, judge.Violation, fmt.Sprintf("expected an answer to request %d (%v), found one to %d; an integer above 2^53-1 is a string, and no double", id, op, t.heard[0].ID))
	case op == node.OpRead && t.heard[0].Status == node.OK && t.heard[0].Value != (node.Value{Bytes: "\x00\xff", Exists: true}):
		t.step(what, judge.Violation, fmt.Sprintf("expected the bytes 00 ff that were written, found %x (exists: %v)", t.heard[0].Value.Bytes, t.heard[0].Value.Exists))
	default:
		t.step(what, judge.Pass, t.heard[0].Status.String())
	}
}

// again has a message come once more.
func (t *table) again() {
	if t.last == nil || t.failed {
		return
	}
	if t.do(t.last.to, t.last.ev); !t.failed {
		t.step("a message that comes twice", judge.Pass, t.last.ev.Message.Type())
	}
}

// restart kills the first replica, and starts it on what is on its disk; then a disk of another fails.
func (t *table) restart() {
	if t.failed {
		return
	}
	n := t.nodes[0]
	n.member.Stop()
	t.seat(0)
	t.queue = slices.DeleteFunc(t.queue, func(d delivery) bool { return d.to == n })
	t.timers = slices.DeleteFunc(t.timers, func(d due) bool { return d.of == n })
	if t.do(n, node.Event{Kind: node.Started, Incarnation: n.incarnation, Files: slices.Clone(n.files)}); !t.failed {
		t.step("a restart on what is on its disk", judge.Pass, fmt.Sprintf("%d files", len(n.files)))
	}
	if t.do(t.nodes[1], node.Event{Kind: node.DiskFailed, Token: 1}); t.failed {
		return
	}
	if t.do(t.nodes[2], node.Event{Kind: node.DiskFull, Token: 1}); !t.failed {
		t.step("a disk that fails, and one that is full", judge.Pass, "")
	}
}
