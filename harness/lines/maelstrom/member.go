package maelstrom

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// A place is what the nodes, the services and the clients of one run know of each other. One goroutine has it.
type place struct {
	command lines.Command
	nodes   []string           // names, in order
	ids     map[string]node.ID // of nodes and services by name
	clients map[string]node.ID // by name
	callers map[node.ID]string // the names of clients
	asked   map[string]uint64  // by a client's name: how many calls it has made, numbered from 1
	seed    uint64
	folder  string    // of the run; each node has one in it
	wall    *wall     // nil: no time passes for a program
	running []*member // those that have a program, for the end of the run
}

// A wall has simulated time follow the wall clock.
type wall struct{ began time.Time }

// until waits until the wall clock has come to a simulated time. It may be later already: then the run is behind, and hurries.
func (w *wall) until(now node.Time) {
	if w.began.IsZero() {
		w.began = time.Now().Add(-time.Duration(now))
	}
	time.Sleep(time.Until(w.began.Add(time.Duration(now))))
}

// initiator is the client that initialises every node.
const initiator = "c0"

// pollTimer is when a node that runs by the wall clock looks for lines, and pollEvery how often.
const (
	pollTimer = node.Timer(1)
	pollEvery = time.Millisecond
)

// patience is how long a program has to answer init where time passes for it.
const patience = node.Time(30 * time.Second)

// A member is one node: a program that speaks Maelstrom's protocol, in one incarnation.
type member struct {
	place  *place
	index  int // of place.nodes
	hook   node.Hook
	folder string
	disk   bool // its folder survives a crash

	program     *lines.Program
	group       *lines.Group
	incarnation uint32
	began       node.Time
	ready       bool         // it has answered init
	held        []node.Event // requests of clients that came before
	sent        uint32       // messages to services
}

func (m *member) name() string { return m.place.nodes[m.index] }

// Step implements node.Node: what happens is given to the program as one line, and what it writes until it is quiet are the effects.
func (m *member) Step(now node.Time, ev node.Event, out *node.Effects) {
	if m.place.wall != nil {
		m.place.wall.until(now)
		out.SetTimer(pollTimer, pollEvery)
	}
	m.uncalled(out)
	switch ev.Kind {
	case node.Started:
		m.start(now, &ev, out)
	case node.DiskDone:
		m.spawn()
	case node.Received:
		m.receive(&ev)
	case node.Requested:
		if !m.ready {
			m.held = append(m.held, ev)
			break
		}
		m.give(m.request(&ev))
	}
	m.gather(out)
	if m.place.wall != nil && !m.ready && now-m.began > patience {
		m.breach(&wrong{Initialises, "no-init-ok", fmt.Sprintf("init_ok within %v", time.Duration(patience)), "none"}, nil)
	}
}

// uncalled takes what the program has written since it was quiet: by a clock or a thread of its own.
func (m *member) uncalled(out *node.Effects) {
	if m.program == nil {
		return
	}
	if m.place.wall != nil {
		m.carryOut(m.taken(), out)
		return
	}
	if line := m.line(); line != nil {
		m.breach(unasked(), line)
	}
}

func unasked() *wrong {
	return &wrong{OwnClock, "own-clock", "no line while nothing was delivered (a program with a clock or thread of its own runs by --clock wall)", "one"}
}

// mark is a file on the simulated disk of a node that says that its folder is as its program left it. A disk that was lost has none.
const mark = "folder"

// start begins an incarnation. What the one before it kept in its folder is still there, unless the disk was lost, or there is none. The
// program of a node whose disk was lost is started once the new disk is there for good: else a second crash would take it for lost again.
func (m *member) start(now node.Time, ev *node.Event, out *node.Effects) {
	m.incarnation, m.began = ev.Incarnation, now
	kept := slices.ContainsFunc(ev.Files, func(f node.File) bool { return f.Name == mark })
	if !kept || ev.Incarnation == 1 {
		if err := os.RemoveAll(m.folder); err != nil {
			m.fail(err)
		}
	}
	if m.disk && !kept {
		out.Replace(mark, []byte("kept"), 1)
		return
	}
	m.spawn()
}

// spawn starts the program, and initialises it.
func (m *member) spawn() {
	if err := os.MkdirAll(m.folder, 0o700); err != nil {
		m.fail(err)
	}
	command := m.place.command
	command.Dir = m.folder
	p, err := lines.Start(command)
	if err != nil {
		m.fail(err)
	}
	m.program, m.group = p, lines.NewGroup(p.PID())
	m.place.running = append(m.place.running, m)
	m.give(&envelope{Src: initiator, Dest: m.name(), Body: encode(Body{"type": "init", "msg_id": 1, "node_id": m.name(), "node_ids": m.place.nodes})})
}

// receive gives the program a message of another node or of a service.
func (m *member) receive(ev *node.Event) {
	opaque, is := ev.Message.(*node.Opaque)
	if !is || m.program == nil {
		return // a message of ours, which no node of such a system sends, or one to a node that waits for its disk
	}
	var p parcel
	if err := json.Unmarshal(opaque.Bytes, &p); err != nil {
		panic(fmt.Sprintf("maelstrom: a message that was sent is none: %v", err)) // no fault of a plan changes its bytes
	}
	if p.Of != 0 && p.Of != m.incarnation {
		return // an answer of a service to a process that has died: its connection died with it
	}
	m.give(&p.envelope)
}

// A parcel is a message on its way. Those to services, and their answers, say which call of which incarnation they are about: a service
// answers a call that was doubled once, and an answer to one that has died reaches no other.
type parcel struct {
	envelope
	Of     uint32 `json:"of,omitempty"`     // incarnation of the node
	Number uint32 `json:"number,omitempty"` // of the call, in it
}

func (p *parcel) message() *node.Opaque {
	text, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("maelstrom: a message that cannot be written: %v", err)) // its body is JSON that was decoded
	}
	return &node.Opaque{Kind: kindOf(p.Body), Bytes: text}
}

// request is a client's call as the program is given it.
func (m *member) request(ev *node.Event) *envelope {
	return &envelope{Src: m.place.callers[ev.From], Dest: m.name(), Body: json.RawMessage(ev.Request.Rows[0].Value.Bytes)}
}

// give gives the program a line.
func (m *member) give(e *envelope) {
	if err := m.program.Write(e.line()); err != nil {
		m.fail(err)
	}
}

// gather carries out what the program has written for what it was given.
func (m *member) gather(out *node.Effects) {
	if m.program == nil {
		return
	}
	m.carryOut(m.written(), out)
	for m.ready && len(m.held) > 0 {
		ev := m.held[0]
		m.held = m.held[1:]
		m.give(m.request(&ev))
		m.carryOut(m.written(), out)
	}
}

// written is what the program writes until it is quiet; where time passes for it, what it has written until now.
func (m *member) written() [][]byte {
	if m.place.wall == nil {
		if err := m.group.Quiet(m.program); err != nil {
			m.fail(err)
		}
	}
	all := m.taken()
	if m.place.wall == nil && !m.ready && len(all) == 0 {
		m.breach(&wrong{Initialises, "no-init-ok", "init_ok, or a question of its own first", "no line, and a program that waits for one"}, nil)
	}
	return all
}

// taken takes the lines that are there.
func (m *member) taken() (all [][]byte) {
	for {
		line := m.line()
		if line == nil {
			return all
		}
		if most := cmp.Or(m.place.command.Limits.Lines, lines.DefaultLines); len(all) >= most {
			m.breach(&wrong{runtime.KeepsTheForm, "too-many-lines", fmt.Sprintf("at most %d lines in answer to one", most), "more"}, line)
		}
		all = append(all, slices.Clone(line))
	}
}

func (m *member) line() []byte {
	line, err := m.program.Line()
	if err != nil {
		m.fail(err)
	}
	if line != nil {
		if f, hears := m.hook.(runtime.Foreign); hears {
			f.Heard(line)
		}
	}
	return line
}

// An outgoing is a line that was read.
type outgoing struct {
	envelope
	line []byte
}

// carryOut sends what the program has written. Lines to different places have no order among each other: the threads of a program write
// them as they come to it. Those to one place keep theirs.
func (m *member) carryOut(all [][]byte, out *node.Effects) {
	var messages []outgoing
	for _, line := range all {
		if len(strings.TrimSpace(string(line))) == 0 {
			m.breach(&wrong{runtime.KeepsTheForm, "line-not-json", "one JSON object on a line, and nothing else on standard output", "an empty line"}, line)
		}
		e, w := parse(line)
		if w != nil {
			m.breach(w, line)
		}
		messages = append(messages, outgoing{*e, line})
	}
	slices.SortStableFunc(messages, func(a, b outgoing) int { return cmp.Compare(a.Dest, b.Dest) })
	for i := range messages {
		m.send(&messages[i], out)
	}
}

// send puts one message on its way.
func (m *member) send(o *outgoing, out *node.Effects) {
	known := func(name string) bool {
		_, isClient := m.place.clients[name]
		return m.place.ids[name] != 0 || isClient || name == initiator
	}
	if !known(o.Src) {
		m.breach(&wrong{Addresses, "no-such-src", "a message from " + m.name(), fmt.Sprintf("one from %q, which there is not", o.Src)}, o.line)
	}
	if !known(o.Dest) {
		m.breach(&wrong{Addresses, "no-such-dest", "a message to one of " + strings.Join(m.place.known(), ", ") + " or a client", fmt.Sprintf("one to %q, which there is not", o.Dest)}, o.line)
	}
	if id := m.place.ids[o.Dest]; id != 0 {
		p := parcel{envelope: o.envelope}
		if isService(o.Dest) {
			if _, w := head(o.Body); w != nil {
				m.breach(w, o.line)
			}
			m.sent++
			p.Of, p.Number = m.incarnation, m.sent
		}
		out.Send(id, p.message())
		return
	}
	h, w := head(o.Body)
	if w != nil {
		m.breach(w, o.line)
	}
	if h.reply == nil {
		m.breach(&wrong{Replies, "no-in_reply_to", "in_reply_to, which names a call", "none"}, o.line)
	}
	if o.Dest == initiator {
		m.initialised(&h, o)
		return
	}
	if *h.reply == 0 || *h.reply > m.place.asked[o.Dest] {
		m.breach(&wrong{Replies, "no-such-call", fmt.Sprintf("in_reply_to of a call that %s has made", o.Dest), fmt.Sprint(*h.reply)}, o.line)
	}
	reply := node.Reply{ID: *h.reply, Op: node.OpCall, Status: node.OK, Value: node.Some(string(o.Body))}
	out.Respond(m.place.clients[o.Dest], reply)
}

// initialised takes the answer to init.
func (m *member) initialised(h *header, o *outgoing) {
	if h.kind != "init_ok" || *h.reply != 1 {
		m.breach(&wrong{Initialises, "no-init-ok", "init_ok in reply to 1", fmt.Sprintf("%s in reply to %d", h.kind, *h.reply)}, o.line)
	}
	m.ready = true
}

// known lists who there is beside clients.
func (p *place) known() []string {
	names := slices.Clone(p.nodes)
	for _, s := range services() {
		names = append(names, s.name)
	}
	return names
}

// Stop implements runtime.Stopper: the process dies, and what is in its folder stays.
func (m *member) Stop() {
	if m.program == nil {
		return
	}
	m.program.Stop()
	m.place.running = slices.DeleteFunc(m.place.running, func(r *member) bool { return r == m })
	m.program = nil
}

// folderOf is where a node keeps what it keeps.
func (p *place) folderOf(name string) string { return filepath.Join(p.folder, name) }
