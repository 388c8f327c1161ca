// Package scenario runs the implementation through scripted situations: text files that a reader of the lecture can
// follow. Nothing is left to chance. Messages arrive in the order in which they were sent, disks are immediate,
// timers fire when the script says so, and the script says what is lost. Every step is held against the model.
package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/impl/control"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/reader"
	"github.com/firstgap/firstgap/impl/segment"
	"github.com/firstgap/firstgap/impl/writer"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		var s *stage
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "volume" {
				s = newStage(t, d)
				return s.told()
			}
			if s == nil {
				d.Fatalf(t, "the first command must be volume")
			}
			s.t, s.d = t, d
			run, known := commands[d.Cmd]
			if !known {
				d.Fatalf(t, "unknown command %s; known: %s", d.Cmd, strings.Join(commandNames(), ", "))
			}
			run(s)
			return s.told()
		})
		require.NotNil(t, s, "%s runs nothing", path)
		require.NoError(t, s.model.Finish())
		require.Positive(t, s.model.Counts().Steps, "%s runs nothing", path)
	})
}

const (
	registerID = node.ID(100)
	clientID   = node.ID(300)
	steps      = 100_000 // a script that needs more does not end
)

// A stage is everything that a script acts on.
type stage struct {
	t       *testing.T
	d       *datadriven.TestData
	volume  *node.Volume
	procs   map[node.ID]*process
	queue   []delivery
	model   *conform.Validator
	now     node.Time
	writer  node.ID // whom clients talk to
	reach   map[node.LSN][]node.ID
	cut     map[node.ID]bool // unreachable
	changed node.PageID      // the highest page that some record changed
	txns    map[string]node.Txn
	asked   uint64
	waits   map[uint64]string // request → what it was, for its reply
	out     []string
	silent  bool
}

type process struct {
	name        string
	make        func() node.Node
	node        node.Node // nil while down
	incarnation uint32
	files       []node.File
	unsynced    []node.Effect
	timers      []node.Timer
}

type delivery struct {
	to node.ID
	ev node.Event
}

var commands = map[string]func(*stage){
	"start":     (*stage).cmdStart,
	"take-over": (*stage).cmdTakeOver,
	"fill":      (*stage).cmdFill,
	"reach":     (*stage).cmdReach,
	"cut-off":   (*stage).cmdCutOff,
	"heal":      (*stage).cmdHeal,
	"crash":     (*stage).cmdCrash,
	"restart":   (*stage).cmdRestart,
	"corrupt":   (*stage).cmdCorrupt,
	"txn":       (*stage).cmdTxn,
	"read":      (*stage).cmdRead,
	"promote":   (*stage).cmdPromote,
	"tick":      (*stage).cmdTick,
	"log":       (*stage).cmdLog,
	"status":    (*stage).cmdStatus,
	"pages":     (*stage).cmdPages,
}

func commandNames() []string {
	names := []string{"volume"}
	for n := range commands {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (s *stage) say(format string, args ...any) {
	if !s.silent {
		s.out = append(s.out, fmt.Sprintf(format, args...))
	}
}

func (s *stage) told() string {
	text := strings.Join(s.out, "\n")
	s.out = nil
	if text == "" {
		return ""
	}
	return text + "\n"
}

func number(t *testing.T, d *datadriven.TestData, name string, otherwise int) int {
	for _, a := range d.CmdArgs {
		if a.Key == name {
			n, err := strconv.Atoi(a.Vals[0])
			require.NoError(t, err)
			return n
		}
	}
	return otherwise
}

func word(d *datadriven.TestData, name string) string {
	for _, a := range d.CmdArgs {
		if a.Key == name && len(a.Vals) > 0 {
			return strings.Join(a.Vals, " ")
		}
	}
	return ""
}

// letters returns the arguments of the command that are no key=value.
func letters(d *datadriven.TestData) []string {
	var names []string
	for _, a := range d.CmdArgs {
		if len(a.Vals) == 0 {
			names = append(names, a.Key)
		}
	}
	return names
}

// newStage sets a volume up: segments are named A, B, C …, with the group behind the letter where there are several.
func newStage(t *testing.T, d *datadriven.TestData) *stage {
	s := &stage{
		t: t, d: d, procs: map[node.ID]*process{}, reach: map[node.LSN][]node.ID{}, cut: map[node.ID]bool{},
		txns: map[string]node.Txn{}, waits: map[uint64]string{},
	}
	groups, replicas := number(t, d, "groups", 1), number(t, d, "replicas", 6)
	s.volume = &node.Volume{
		WriteQuorum: number(t, d, "write-quorum", 4), ReadQuorum: number(t, d, "read-quorum", 3),
		PageSize: number(t, d, "page-size", 0), Register: registerID,
		Spares: number(t, d, "spares", 0), InUse: number(t, d, "in-use", 0), GroupPages: number(t, d, "group-pages", 0),
	}
	monitor := time.Duration(0)
	if s.volume.Spares > 0 {
		monitor = time.Second
	}
	if tails := word(d, "tails"); tails != "" {
		for r := range replicas {
			s.volume.Tails = append(s.volume.Tails, strings.ContainsRune(tails, 'A'+rune(r)))
		}
	}
	for g := range groups {
		var members []node.ID
		for r := range replicas {
			members = append(members, node.ID(1+g*10+r))
		}
		s.volume.Segments = append(s.volume.Segments, members)
	}
	for i := range number(t, d, "readers", 0) {
		s.volume.Readers = append(s.volume.Readers, firstReader+node.ID(i))
	}
	require.NoError(t, s.volume.Validate())
	for g, members := range s.volume.Segments {
		for r, id := range members {
			name := string(rune('A' + r))
			if groups > 1 {
				name += strconv.Itoa(g + 1)
			}
			s.add(id, name, func() node.Node {
				return segment.New(segment.Config{ID: id, Volume: s.volume, GossipEvery: time.Second}, node.NoHook{})
			})
		}
	}
	s.add(registerID, "register", func() node.Node {
		return control.New(control.Config{ID: registerID, Volume: s.volume, MonitorEvery: monitor}, node.NoHook{})
	})
	var err error
	s.model, err = conform.New(s.volume)
	require.NoError(t, err)
	for id := node.ID(0); id <= registerID; id++ {
		if s.procs[id] != nil {
			s.boot(id)
		}
	}
	s.addReaders()
	s.run()
	return s
}

func (s *stage) add(id node.ID, name string, make func() node.Node) {
	s.procs[id] = &process{name: name, make: make}
}

func (s *stage) boot(id node.ID) {
	p := s.procs[id]
	p.node = p.make()
	p.incarnation++
	p.timers = nil
	s.step(id, node.Event{Kind: node.Started, Incarnation: p.incarnation, Files: p.files})
}

func (s *stage) name(id node.ID) string {
	if p := s.procs[id]; p != nil {
		return p.name
	}
	return "client"
}

func (s *stage) find(name string) node.ID {
	for id := node.ID(0); id < clientID; id++ {
		if p := s.procs[id]; p != nil && p.name == name {
			return id
		}
	}
	s.d.Fatalf(s.t, "no process %q", name)
	return 0
}

// run delivers until nothing is under way.
func (s *stage) run() {
	for n := 0; len(s.queue) > 0; n++ {
		require.Less(s.t, n, steps, "the scenario does not come to rest")
		d := s.queue[0]
		s.queue = s.queue[1:]
		if p := s.procs[d.to]; p != nil && p.node != nil {
			s.step(d.to, d.ev)
		}
	}
}

func (s *stage) step(id node.ID, ev node.Event) {
	p := s.procs[id]
	var out node.Effects
	s.now += node.Time(time.Millisecond)
	p.node.Step(s.now, ev, &out)
	for i := range out.Trace {
		t := &out.Trace[i]
		if err := s.model.Tell(s.now, id, t); err != nil {
			s.t.Fatalf("%s: %v", s.d.Pos, s.model.Violation().Explain())
		}
		s.sayTrace(id, t)
	}
	for _, e := range out.List {
		s.perform(id, p, e)
	}
}

// sayTrace reports the steps that the lecture speaks of.
func (s *stage) sayTrace(id node.ID, t *node.Trace) {
	if t.Record != nil {
		s.changed = max(s.changed, t.Record.Page)
	}
	switch t.Action {
	case node.ActWrite, node.ActCommit, node.ActUndo:
		r := t.Record
		text := fmt.Sprintf("LSN %d: %s", r.LSN, r.Kind)
		if r.Kind != node.Commit {
			text += fmt.Sprintf(" %s %s→%s", r.Key, short(r.Old), short(r.New))
		}
		if !r.Last {
			text += ", mini-transaction goes on"
		}
		s.say("%s", text)
	case node.ActStructure:
		r := t.Record
		text := fmt.Sprintf("LSN %d: structure of page %d", r.LSN, r.Page)
		if !r.Last {
			text += ", mini-transaction goes on"
		}
		s.say("%s", text)
	case node.ActStart:
		s.say("epoch %d begins", t.Epoch)
	case node.ActFence:
		s.say("%s promises epoch %d", s.name(id), t.Epoch)
	case node.ActDecide:
		s.say("first gap %d: cut at %d, from what %s hold", s.firstGap(t), t.LSN, s.names(node.DetailOf[node.DecideStep](t).Answers))
	case node.ActJoin:
		s.say("%s follows epoch %d", s.name(id), t.Epoch)
	case node.ActOpen:
		s.say("epoch %d is open", t.Epoch)
	case node.ActChange, node.ActGrow:
		s.sayGeometry(id, t)
	case node.ActAck:
		s.say("acknowledged: %s", s.label(t.Txn))
	}
}

// short returns a value as it is shown.
func short(v node.Value) string {
	if n := len(v.Bytes); n > 20 {
		return fmt.Sprintf("%s… of %d bytes", v.Bytes[:4], n)
	}
	return v.String()
}

// firstGap is the first LSN that none of the segments holds which answered. It is worked out from the segments'
// logs, not from what the writer says.
func (s *stage) firstGap(t *node.Trace) node.LSN {
	answers := node.DetailOf[node.DecideStep](t).Answers
	for l := node.LSN(1); ; l++ {
		if !slices.ContainsFunc(answers, func(id node.ID) bool { return s.holds(id, l) != 0 }) {
			return l
		}
	}
}

// holds returns the epoch of the record that the segment holds at l, or 0.
func (s *stage) holds(id node.ID, l node.LSN) node.Epoch {
	var out node.Effects
	p := s.procs[id]
	// What a segment holds is what it would tell after a restart.
	copied := segment.New(segment.Config{ID: id, Volume: s.volume, GossipEvery: time.Second}, node.NoHook{})
	copied.Step(s.now, node.Event{Kind: node.Started, Incarnation: 1, Files: p.files}, &out)
	copied.Step(s.now, node.Event{Kind: node.DiskDone}, &out)
	for _, t := range out.Trace {
		if t.Action != node.ActHolds {
			continue
		}
		for _, h := range node.DetailOf[node.HoldsStep](&t).Held {
			if h.LSN == l {
				return h.Epoch
			}
		}
	}
	return 0
}

func (s *stage) names(ids []node.ID) string {
	var names []string
	for _, id := range ids {
		names = append(names, s.name(id))
	}
	return strings.Join(names, ", ")
}

func (s *stage) label(t node.Txn) string {
	var labels []string
	for l, x := range s.txns {
		if x == t {
			labels = append(labels, l)
		}
	}
	slices.Sort(labels)
	return strings.Join(labels, " ")
}

func (s *stage) perform(id node.ID, p *process, e node.Effect) {
	switch e.Kind {
	case node.DoSend:
		if s.cut[id] || s.cut[e.To] {
			return
		}
		m := s.arriving(e.To, e.Message)
		s.queue = append(s.queue, delivery{to: e.To, ev: node.Event{Kind: node.Received, From: id, Message: m}})
	case node.DoSetTimer:
		if !slices.Contains(p.timers, e.Timer) {
			p.timers = append(p.timers, e.Timer)
		}
	case node.DoClearTimer:
		p.timers = slices.DeleteFunc(p.timers, func(t node.Timer) bool { return t == e.Timer })
	case node.DoAppend:
		e.Data = slices.Clone(e.Data)
		p.unsynced = append(p.unsynced, e)
	case node.DoSync:
		for _, a := range p.unsynced {
			p.file(a.File).Data = append(p.file(a.File).Data, a.Data...)
		}
		p.unsynced = nil
		s.queue = append(s.queue, delivery{to: id, ev: node.Event{Kind: node.DiskDone, Token: e.Token}})
	case node.DoReplace:
		p.file(e.File).Data = slices.Clone(e.Data)
		s.queue = append(s.queue, delivery{to: id, ev: node.Event{Kind: node.DiskDone, Token: e.Token}})
	case node.DoRespond:
		s.reply(*e.Reply)
	}
}

func (p *process) file(name string) *node.File {
	for i := range p.files {
		if p.files[i].Name == name {
			return &p.files[i]
		}
	}
	p.files = append(p.files, node.File{Name: name})
	return &p.files[len(p.files)-1]
}

// arriving returns what is left of a message when the script keeps records from the segment it goes to, and nil when
// nothing is. The rules hold for what writers and peers send alike.
func (s *stage) arriving(to node.ID, m node.Message) node.Message {
	pass := func(rs []*node.Record) []*node.Record {
		return slices.DeleteFunc(slices.Clone(rs), func(r *node.Record) bool {
			ids, ruled := s.reach[r.LSN]
			return ruled && !slices.Contains(ids, to)
		})
	}
	switch m := m.(type) {
	case *node.Append:
		left := *m
		left.Records = pass(m.Records)
		return &left
	case *node.Stream:
		return &node.Stream{Epoch: m.Epoch, Records: pass(m.Records), VDL: m.VDL, Since: m.Since}
	case *node.GossipGive:
		return &node.GossipGive{Line: m.Line, Records: pass(m.Records)}
	}
	return m
}

func (s *stage) ask(r node.Request, what string) {
	s.asked++
	r.ID = s.asked
	s.waits[r.ID] = what
	s.queue = append(s.queue, delivery{to: s.writer, ev: node.Event{Kind: node.Requested, From: clientID, Request: r}})
	s.run()
}

func (s *stage) reply(r node.Reply) {
	what := s.waits[r.ID]
	delete(s.waits, r.ID)
	label, isBegin := strings.CutPrefix(what, "begin ")
	switch {
	case r.Status != node.OK:
		text := fmt.Sprintf("%s: %s, %s", what, r.Status, r.Reason)
		for i, b := range r.Blockers {
			text += [2]string{" with ", ", "}[min(i, 1)] + s.label(b)
		}
		s.say("%s", text)
	case isBegin:
		s.txns[label] = r.Txn
		if r.LSN > 0 {
			s.say("reads as of %d", r.LSN)
		}
	case r.Op == node.OpGet:
		s.say("%s = %s", what, short(r.Value))
	case r.Op == node.OpScan:
		for _, row := range r.Rows {
			s.say("%s: %s = %s", what, row.Key, short(row.Value))
		}
		if r.More {
			s.say("%s: and more", what)
		} else {
			s.say("%s: %d rows, no more", what, len(r.Rows))
		}
	case r.Op == node.OpSavepoint:
		s.say("savepoint %d", r.Savepoint)
	}
}

// start starts the first writer.
func (s *stage) cmdStart() { s.newWriter("writer-1") }

func (s *stage) newWriter(name string) {
	id := node.ID(201)
	for s.procs[id] != nil {
		id++
	}
	s.add(id, name, func() node.Node {
		return writer.New(writer.Config{
			ID: id, Volume: s.volume, CachePages: 8,
			RetryEvery: time.Second, IdleAfter: time.Hour, Limits: writer.DefaultLimits(),
		}, node.NoHook{})
	})
	s.writer = id
	s.boot(id)
	s.run()
}

// take-over starts a new writer beside the old one.
func (s *stage) cmdTakeOver() {
	s.newWriter(fmt.Sprintf("writer-%d", s.writer-199))
}

// fill through=N commits transactions of no interest until the log ends at N.
func (s *stage) cmdFill() {
	through := node.LSN(number(s.t, s.d, "through", 0))
	w := s.procs[s.writer].node.(*writer.Writer)
	s.silent = true
	for w.End() < through {
		rows := []node.Row{{Key: "filler", Value: node.Some(strconv.Itoa(int(w.End())))}}
		switch left := through - w.End(); {
		case left == 1:
			s.d.Fatalf(s.t, "the log ends at %d: a commit cannot end it at %d", w.End(), through)
		case left%2 == 1:
			rows = append(rows, node.Row{Key: "odd", Value: rows[0].Value})
		}
		s.ask(node.Request{Op: node.OpBegin}, "begin filler")
		s.ask(node.Request{Op: node.OpPut, Txn: s.txns["filler"], Rows: rows}, "put")
		s.ask(node.Request{Op: node.OpCommit, Txn: s.txns["filler"]}, "commit")
	}
	s.silent = false
	s.say("log ends at %d, VDL %d", w.End(), w.VDL())
}

// reach lsn=N A B: from now on, record N arrives at these segments only.
func (s *stage) cmdReach() {
	var ids []node.ID
	for _, n := range letters(s.d) {
		if n != "nobody" {
			ids = append(ids, s.find(n))
		}
	}
	s.reach[node.LSN(number(s.t, s.d, "lsn", 0))] = ids
}

// cut-off A B: nothing arrives there, nothing comes from there.
func (s *stage) cmdCutOff() {
	for _, n := range letters(s.d) {
		s.cut[s.find(n)] = true
	}
}

// heal ends all that the script had lost, or only the cut-offs named.
func (s *stage) cmdHeal() {
	if names := letters(s.d); len(names) > 0 {
		for _, n := range names {
			delete(s.cut, s.find(n))
		}
		return
	}
	clear(s.reach)
	clear(s.cut)
}

func (s *stage) cmdCrash() {
	for _, n := range letters(s.d) {
		p := s.procs[s.find(n)]
		p.node, p.unsynced = nil, nil
	}
}

func (s *stage) cmdRestart() {
	for _, n := range letters(s.d) {
		s.boot(s.find(n))
	}
	s.run()
}

// corrupt A byte=N: flips a bit of the log on A's disk, while A is down. A negative N counts from the end, with -1 for the
// last byte.
func (s *stage) cmdCorrupt() {
	p := s.procs[s.find(letters(s.d)[0])]
	require.Nil(s.t, p.node, "only the disk of a crashed segment can be touched")
	log, at := p.file("log").Data, number(s.t, s.d, "byte", 0)
	if at < 0 {
		at += len(log)
	}
	log[at] ^= 1
}

// txn NAME: lines of put KEY=VALUE … (VALUE*N is N times VALUE), delete KEY, get KEY, scan FROM TO (- is no bound) [MOST],
// savepoint, rollback N, commit, abort. The first use of a name begins it.
func (s *stage) cmdTxn() {
	if at := word(s.d, "at"); at != "" {
		defer func(w node.ID) { s.writer = w }(s.writer)
		s.writer = s.find(at)
	}
	label := letters(s.d)[0]
	if _, begun := s.txns[label]; !begun {
		s.ask(node.Request{Op: node.OpBegin}, "begin "+label)
	}
	for line := range strings.Lines(s.d.Input) {
		fields := strings.Fields(line)
		r := node.Request{Txn: s.txns[label]}
		switch fields[0] {
		case "put":
			r.Op = node.OpPut
			for _, f := range fields[1:] {
				k, v, _ := strings.Cut(f, "=")
				if once, times, repeated := strings.Cut(v, "*"); repeated {
					v = strings.Repeat(once, s.count(times))
				}
				r.Rows = append(r.Rows, node.Row{Key: k, Value: node.Some(v)})
			}
		case "delete":
			r.Op, r.Rows = node.OpPut, []node.Row{{Key: fields[1]}}
		case "get":
			r.Op, r.Rows = node.OpGet, []node.Row{{Key: fields[1]}}
		case "scan":
			r.Op, r.From, r.To = node.OpScan, strings.Trim(fields[1], "-"), strings.Trim(fields[2], "-")
			if len(fields) > 3 {
				r.Most = s.count(fields[3])
			}
		case "savepoint":
			r.Op = node.OpSavepoint
		case "rollback":
			r.Op, r.Savepoint = node.OpRollback, uint32(s.count(fields[1]))
		case "commit":
			r.Op = node.OpCommit
		case "abort":
			r.Op = node.OpAbort
		default:
			s.d.Fatalf(s.t, "unknown call %q; known: put, delete, get, scan, savepoint, rollback, commit, abort", fields[0])
		}
		s.ask(r, strings.TrimSpace(line))
	}
}

// count reads a number.
func (s *stage) count(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		s.d.Fatalf(s.t, "%q is no number", text)
	}
	return n
}

func (s *stage) groupOf(id node.ID) node.Group {
	g, _, _ := s.volume.Find(id)
	return g
}

// read [via=WRITER] KEY …: a transaction that only reads.
func (s *stage) cmdRead() {
	newest := s.writer
	defer func() { s.writer = newest }()
	if via := word(s.d, "via"); via != "" {
		s.writer = s.find(via)
	}
	s.ask(node.Request{Op: node.OpBegin}, "begin reader")
	for _, k := range letters(s.d) {
		s.ask(node.Request{Op: node.OpGet, Txn: s.txns["reader"], Rows: []node.Row{{Key: k}}}, k)
	}
	s.ask(node.Request{Op: node.OpCommit, Txn: s.txns["reader"]}, "commit")
}

// tick [NAME …]: timers fire, everywhere or at these processes.
func (s *stage) cmdTick() {
	names := letters(s.d)
	for range number(s.t, s.d, "times", 1) {
		for id := node.ID(0); id < clientID; id++ {
			p := s.procs[id]
			if p == nil || p.node == nil || (len(names) > 0 && !slices.Contains(names, p.name)) {
				continue
			}
			timers := p.timers
			p.timers = nil
			for _, t := range timers {
				s.step(id, node.Event{Kind: node.Fired, Timer: t})
			}
			s.run()
		}
	}
}

// log from=N: who holds what from there on: the epoch of the record, or a dot.
func (s *stage) cmdLog() {
	from := node.LSN(number(s.t, s.d, "from", 1))
	var ids []node.ID
	header := "LSN "
	for _, members := range s.volume.Segments {
		for _, id := range members {
			ids = append(ids, id)
			header += " " + s.name(id)
		}
	}
	s.say("%s", header)
	gap := ""
	for l, empty := from, 0; empty < 4; l++ {
		line, any := fmt.Sprintf("%-4d", l), false
		for _, id := range ids {
			mark := "."
			if e := s.holds(id, l); e != 0 {
				mark, any = strconv.Itoa(int(e)), true
			}
			line += fmt.Sprintf(" %-*s", len(s.name(id)), mark)
		}
		line = strings.TrimRight(line, " ")
		if !any {
			gap += line + "\n" // shown when something follows it
			empty++
			continue
		}
		s.say("%s%s", gap, line)
		gap, empty = "", 0
	}
}

func (s *stage) cmdStatus() {
	for id := node.ID(0); id < clientID; id++ {
		p := s.procs[id]
		if p == nil {
			continue
		}
		switch n := p.node.(type) {
		case nil:
			s.say("%s is down", p.name)
		case *segment.Segment:
			state := ""
			if n.Damaged() {
				state = ", damaged"
			}
			s.say("%s: SCL %d, follows epoch %d, promised epoch %d%s", p.name, n.SCL(), n.Line(), n.Promise(), state)
		case *writer.Writer:
			s.say("%s: %s, epoch %d, VDL %d of %d", p.name, n.Phase(), n.Epoch(), n.VDL(), n.End())
		case *reader.Reader:
			s.sayReader(p.name, n)
		}
	}
}

// pages demands that segments that are complete up to the same LSN of the same line have the same pages.
func (s *stage) cmdPages() {
	compared := 0
	for _, members := range s.volume.Segments {
		for i, a := range members {
			for _, b := range members[i+1:] {
				x, okX := s.procs[a].node.(*segment.Segment)
				y, okY := s.procs[b].node.(*segment.Segment)
				if !okX || !okY || x.Line() != y.Line() || x.SCL() != y.SCL() || x.Damaged() || y.Damaged() {
					continue
				}
				for p := range s.changed + 1 {
					if s.volume.GroupOf(p) != s.groupOf(a) {
						continue
					}
					one, err := x.PageAt(p, x.SCL())
					require.NoError(s.t, err)
					other, err := y.PageAt(p, y.SCL())
					require.NoError(s.t, err)
					require.Equal(s.t, one, other, "page %d of %s and %s", p, s.name(a), s.name(b))
					compared++
				}
			}
		}
	}
	require.Positive(s.t, compared, "no two segments can be compared")
	s.say("pages are equal")
}
