package conform

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// A toy is a volume in miniature, written from the paper and without spec/volume, so that what the validator
// accepts is not the model agreeing with itself. Its methods take one step each when that is legal, tell it, and
// return whether they did; a test that wants an illegal step tells it itself.
type toy struct {
	volume     *node.Volume
	random     *rand.Rand
	tell       func(from node.ID, t node.Trace)
	epoch      node.Epoch        // of the register
	version    uint64            // of the register's geometry
	members    []node.Membership // of the groups in use, by the register
	lastChange node.Trace        // what the register told last of its geometry
	moved      map[string]int    // by row: how many pages it has moved on
	writers    []*toyWriter
	segments   map[node.ID]*toySegment
	order      []node.ID // of the segments
}

type toyTxn struct {
	name    node.Txn
	writes  []node.LSN // on the writer's log, not taken back
	first   node.LSN   // its first write, taken back or not
	rows    map[string]bool
	ended   bool // committed or taken back whole
	undoing bool
	commit  node.LSN
	acked   bool
}

type toyWriter struct {
	toy     *toy
	id      node.ID
	epoch   node.Epoch
	phase   string
	log     []*node.Record
	base    node.LSN
	vcl     node.LSN
	history node.History
	told    map[node.ID]toyAnswer
	txns    []*toyTxn
	count   uint32
	members []node.Membership // of the groups in use, as it goes by them
	asked   *node.Trace       // a change that is made, of which it has not heard
	midway  *toyTxn           // in the middle of a mini-transaction
	change  bool              // in the middle of a structural change
}

type toyAnswer struct {
	history node.History
	held    map[node.LSN]node.Epoch
}

type toySegment struct {
	toy      *toy
	id       node.ID
	group    node.Group
	promise  node.Epoch
	history  node.History
	held     map[node.LSN]*node.Record
	position uint64
	entries  []node.Trace // all that it ever told with a position
	silent   []node.Trace // durable, but the process died before it could tell
}

const toyRegister node.ID = 1

func toyVolume(groups, replicas, w, r int) *node.Volume {
	v := &node.Volume{WriteQuorum: w, ReadQuorum: r, Register: toyRegister}
	next := node.ID(10)
	for range groups {
		var members []node.ID
		for range replicas {
			members = append(members, next)
			next++
		}
		v.Segments = append(v.Segments, members)
	}
	return v
}

func newToy(v *node.Volume, seed uint64, tell func(node.ID, node.Trace)) *toy {
	y := &toy{volume: v, random: rand.New(rand.NewPCG(seed, 7)), tell: tell, epoch: 1, moved: map[string]int{}, segments: map[node.ID]*toySegment{}}
	for g, members := range v.Segments {
		for _, id := range members {
			y.order = append(y.order, id)
			y.segments[id] = &toySegment{
				toy: y, id: id, group: node.Group(g), promise: 1, history: node.FirstHistory(),
				held: map[node.LSN]*node.Record{},
			}
		}
	}
	inUse := v.InUse
	if inUse == 0 {
		inUse = v.Groups()
	}
	y.version = 1
	for range inUse {
		y.members = append(y.members, v.FirstMembership())
	}
	y.writers = []*toyWriter{{toy: y, id: 100, epoch: 1, phase: "open", history: node.FirstHistory(), members: y.members}}
	return y
}

func (y *toy) writer(e node.Epoch) *toyWriter { return y.writers[e-1] }

// segment returns the segment r of group g, both counted from 0.
func (y *toy) segment(g, r int) *toySegment { return y.segments[y.volume.Segments[g][r]] }

// start wins the next epoch for a new writer.
func (y *toy) start() *toyWriter {
	y.epoch++
	y.tell(toyRegister, node.Trace{Action: node.ActStart, Epoch: y.epoch, Position: uint64(y.epoch)})
	w := &toyWriter{toy: y, id: 99 + node.ID(y.epoch), epoch: y.epoch, phase: "fencing", told: map[node.ID]toyAnswer{}, members: slices.Clone(y.members)}
	y.writers = append(y.writers, w)
	return w
}

// pageOf returns the page where a row is.
func (y *toy) pageOf(key string) node.PageID { return y.pageAmong(key, len(y.members)) }

// pageOf returns the page where a row is, as far as the writer knows.
func (w *toyWriter) pageOf(key string) node.PageID { return w.toy.pageAmong(key, len(w.members)) }

func (y *toy) pageAmong(key string, groups int) node.PageID {
	sum := y.moved[key]
	for _, c := range key {
		sum += int(c)
	}
	pages := 2 * y.volume.Groups()
	if y.volume.GroupPages > 0 {
		pages = y.volume.GroupPages * groups
	}
	return node.PageID(sum % pages)
}

func (w *toyWriter) end() node.LSN { return node.LSN(len(w.log)) }

func (w *toyWriter) at(l node.LSN) *node.Record { return w.log[l-1] }

func (w *toyWriter) value(key string) node.Value {
	for i := len(w.log) - 1; i >= 0; i-- {
		if r := w.log[i]; (r.Kind == node.Write || r.Kind == node.Undo) && r.Key == key {
			return r.New
		}
	}
	return node.Value{}
}

func (w *toyWriter) lastIn(g node.Group, upTo node.LSN) node.LSN {
	for l := upTo; l > 0; l-- {
		if w.at(l).Group == g {
			return l
		}
	}
	return 0
}

func (w *toyWriter) holder(key string) *toyTxn {
	for _, t := range w.txns {
		if !t.ended && t.rows[key] {
			return t
		}
	}
	return nil
}

func (w *toyWriter) vdl() node.LSN {
	for l := w.vcl; l > 0; l-- {
		if w.at(l).Last {
			return l
		}
	}
	return 0
}

func (w *toyWriter) begin() *toyTxn {
	w.count++
	t := &toyTxn{name: node.MakeTxn(w.epoch, w.count), rows: map[string]bool{}}
	w.txns = append(w.txns, t)
	return t
}

// next fills in what every record of the writer has.
func (w *toyWriter) next(kind node.Kind, t *toyTxn, key string, last bool) *node.Record {
	page := w.pageOf(key)
	g := w.toy.volume.GroupOf(page)
	return &node.Record{
		LSN: w.end() + 1, Epoch: w.epoch, Group: g, Prev: w.lastIn(g, w.end()), Kind: kind, Last: last,
		Txn: t.name, Page: page, Key: key,
	}
}

func (w *toyWriter) issue(r *node.Record) *node.Record {
	r.Seal()
	w.log = append(w.log, r)
	w.toy.tell(w.id, node.Trace{Action: node.IssueOf(r.Kind), Epoch: w.epoch, Record: r})
	return r
}

func (w *toyWriter) write(t *toyTxn, key, value string, last bool) bool {
	if w.phase != "open" || t.ended || t.undoing || t.name.Epoch() != w.epoch {
		return false
	}
	if h := w.holder(key); h != nil && h != t {
		return false
	}
	if w.midway != nil && w.midway != t || w.change {
		return false
	}
	r := w.next(node.Write, t, key, last)
	r.Old, r.New = w.value(key), node.Some(value)
	w.issue(r)
	t.writes = append(t.writes, r.LSN)
	if t.first == 0 {
		t.first = r.LSN
	}
	t.rows[key] = true
	w.midway = nil
	if !last {
		w.midway = t
	}
	return true
}

func (w *toyWriter) commit(t *toyTxn) bool {
	if w.phase != "open" || t.ended || t.undoing || len(t.writes) == 0 || w.midway != nil || w.change || t.name.Epoch() != w.epoch {
		return false
	}
	t.commit = w.issue(w.commitRecord(t)).LSN
	t.ended = true
	return true
}

// commitRecord returns the commit record of t, which is where its first write is, wherever that row is by now.
func (w *toyWriter) commitRecord(t *toyTxn) *node.Record {
	first := w.at(t.first)
	r := w.next(node.Commit, t, first.Key, true)
	r.Page, r.Group, r.Prev = first.Page, first.Group, w.lastIn(first.Group, w.end())
	return r
}

// changePage logs one record of a structural change.
func (w *toyWriter) changePage(page node.PageID, last bool) bool {
	if w.phase != "open" || w.midway != nil || int(w.toy.volume.GroupOf(page)) >= len(w.members) {
		return false
	}
	w.issue(w.structural(page, last))
	w.change = !last
	return true
}

func (w *toyWriter) structural(page node.PageID, last bool) *node.Record {
	r := w.next(node.Structure, &toyTxn{}, "", last)
	r.Page, r.Group = page, w.toy.volume.GroupOf(page)
	r.Prev = w.lastIn(r.Group, w.end())
	r.Old, r.New = node.Some("half"), node.Some("other half")
	return r
}

// move takes a row to the next page: a change of both pages, in one mini-transaction of no transaction.
func (w *toyWriter) move(key string) bool {
	if !w.changePage(w.pageOf(key), false) {
		return false
	}
	w.toy.moved[key]++
	return w.changePage(w.pageOf(key), true)
}

// undo takes back the latest change of t, which is to end without a commit.
func (w *toyWriter) undo(t *toyTxn) bool {
	if !w.takeBack(t) {
		return false
	}
	t.undoing = true
	t.ended = len(t.writes) == 0
	return true
}

// takeBack takes back the latest change of t, which goes on and keeps its locks.
func (w *toyWriter) takeBack(t *toyTxn) bool {
	if w.phase != "open" || t.ended || len(t.writes) == 0 || w.midway != nil || w.change {
		return false
	}
	l := t.writes[len(t.writes)-1]
	r := w.next(node.Undo, t, w.at(l).Key, true)
	r.Old, r.New, r.Undoes = w.value(r.Key), w.at(l).Old, l
	w.issue(r)
	t.writes = t.writes[:len(t.writes)-1]
	return true
}

// advance moves the VCL as far as the segments allow, in one step.
func (w *toyWriter) advance() bool {
	if w.phase != "open" {
		return false
	}
	vcl := w.vcl
	for vcl < w.end() && w.isComplete(vcl+1) {
		vcl++
	}
	if vcl == w.vcl {
		return false
	}
	w.vcl = vcl
	w.toy.tell(w.id, node.Trace{Action: node.ActAdvance, Epoch: w.epoch, LSN: vcl})
	return true
}

// isComplete tells whether a write quorum of every set of l's group is complete up to l on the writer's line.
func (w *toyWriter) isComplete(l node.LSN) bool {
	g := w.at(l).Group
	return w.toy.volume.Quorums().Writes(w.members[g], w.complete(g, l))
}

func (w *toyWriter) ack(t *toyTxn) bool {
	if w.phase != "open" || t.commit == 0 || t.commit > w.vdl() || t.acked || t.name.Epoch() != w.epoch {
		return false
	}
	t.acked = true
	w.toy.tell(w.id, node.Trace{Action: node.ActAck, Epoch: w.epoch, Txn: t.name})
	return true
}

// plan computes the cut from the answers of the given segments.
func (w *toyWriter) plan(answers []node.ID) (newest *toyWriter, cut node.LSN, ok bool) {
	for _, id := range answers {
		a, told := w.told[id]
		if !told {
			return nil, 0, false
		}
		if newest == nil || a.history.Line() > newest.epoch {
			newest = w.toy.writer(a.history.Line())
		}
	}
	if newest == nil {
		return nil, 0, false
	}
	found := func(l node.LSN) bool {
		return slices.ContainsFunc(answers, func(id node.ID) bool {
			e, has := w.told[id].held[l]
			return has && e == newest.at(l).Epoch
		})
	}
	for l := node.LSN(1); l <= newest.end() && found(l); l++ {
		if newest.at(l).Last {
			cut = l
		}
	}
	return newest, cut, true
}

// decide cuts by the answers of the given segments, or of all that answered when none are given.
func (w *toyWriter) decide(answers ...node.ID) bool {
	if w.phase != "fencing" {
		return false
	}
	if len(answers) == 0 {
		answers = slices.Sorted(maps.Keys(w.told))
	}
	for g, m := range w.members {
		if !w.toy.volume.Quorums().Reads(m, w.toy.who(node.Group(g), func(s *toySegment) bool { return slices.Contains(answers, s.id) })) {
			return false
		}
	}
	newest, cut, ok := w.plan(answers)
	if !ok {
		return false
	}
	w.adopt(newest, cut)
	w.toy.tell(w.id, node.Trace{Action: node.ActDecide, Epoch: w.epoch, LSN: cut, Detail: &node.DecideStep{Answers: answers, History: w.history}})
	return true
}

// adopt makes the writer's log out of what it keeps, and finds the transactions that it has to take back.
func (w *toyWriter) adopt(newest *toyWriter, cut node.LSN) {
	w.phase = "repairing"
	w.base = cut
	w.log = slices.Clone(newest.log[:cut])
	w.history = newest.history.Cut(cut, w.epoch)
	byName := map[node.Txn]*toyTxn{}
	for _, r := range w.log {
		if r.Kind == node.Structure {
			continue
		}
		t := byName[r.Txn]
		if t == nil {
			t = &toyTxn{name: r.Txn, rows: map[string]bool{}}
			byName[r.Txn] = t
			w.txns = append(w.txns, t)
		}
		switch r.Kind {
		case node.Write:
			t.writes = append(t.writes, r.LSN)
			t.rows[r.Key] = true
		case node.Undo:
			t.writes = t.writes[:len(t.writes)-1]
		case node.Commit:
			t.commit, t.ended = r.LSN, true
		}
	}
	for _, t := range w.txns {
		t.ended = t.ended || len(t.writes) == 0
	}
}

func (w *toyWriter) open() bool {
	if w.phase != "repairing" {
		return false
	}
	for g, m := range w.members {
		need := w.lastIn(node.Group(g), w.base)
		if !w.toy.volume.Quorums().Writes(m, w.complete(node.Group(g), need)) {
			return false
		}
	}
	w.phase, w.vcl = "open", w.base
	w.toy.tell(w.id, node.Trace{Action: node.ActOpen, Epoch: w.epoch})
	return true
}

// complete returns the segment complete LSN on the line of w.
func (s *toySegment) complete(w *toyWriter) node.LSN {
	scl := node.LSN(0)
	for _, r := range w.log {
		if r.Group != s.group {
			continue
		}
		if h := s.held[r.LSN]; h == nil || h.Epoch != r.Epoch {
			break
		}
		scl = r.LSN
	}
	return scl
}

// say tells an entry of the segment's log.
func (s *toySegment) say(t node.Trace) {
	s.position++
	t.Position = s.position
	s.entries = append(s.entries, t)
	if len(s.silent) > 0 {
		s.silent = append(s.silent, t)
		return
	}
	s.toy.tell(s.id, t)
}

func (s *toySegment) store(r *node.Record, from node.ID) bool {
	if s.promise != s.history.Line() || r.Group != s.group || !s.history.Has(r.LSN, r.Epoch) || s.held[r.LSN] != nil {
		return false
	}
	s.held[r.LSN] = r
	s.say(node.Trace{Action: node.ActStore, Epoch: s.history.Line(), Record: r, From: from})
	return true
}

// fill takes as images what p is complete to.
func (s *toySegment) fill(p *toySegment) bool {
	line := s.history.Line()
	if p == s || s.promise != line || p.history.Line() != line || len(s.silent) > 0 || len(p.silent) > 0 {
		return false
	}
	floor := p.complete(s.toy.writer(line))
	for l, r := range p.held {
		if l <= floor {
			s.held[l] = r
		}
	}
	s.toy.tell(s.id, node.Trace{Action: node.ActFill, Epoch: line, From: p.id, LSN: floor})
	return true
}

func (s *toySegment) fence(w *toyWriter) bool {
	if s.promise >= w.epoch || len(s.silent) > 0 {
		return false
	}
	s.promise = w.epoch
	answer := toyAnswer{history: s.history, held: map[node.LSN]node.Epoch{}}
	for l, r := range s.held {
		answer.held[l] = r.Epoch
	}
	s.say(node.Trace{Action: node.ActFence, Epoch: w.epoch})
	w.told[s.id] = answer
	return true
}

func (s *toySegment) join(w *toyWriter) bool {
	if s.promise > w.epoch || s.history.Line() >= w.epoch || (w.phase != "repairing" && w.phase != "open") {
		return false
	}
	s.promise, s.history = w.epoch, w.history
	for l, r := range s.held {
		if !w.history.Has(l, r.Epoch) {
			delete(s.held, l)
		}
	}
	s.say(node.Trace{Action: node.ActJoin, Epoch: w.epoch, Detail: &node.JoinStep{History: w.history}})
	return true
}

// inventory is what the segment says of itself after a restart.
func (s *toySegment) inventory() node.Trace {
	line := s.toy.writer(s.history.Line())
	step := &node.HoldsStep{Promise: s.promise, History: s.history}
	for _, l := range slices.Sorted(maps.Keys(s.held)) {
		r := s.held[l]
		step.Held = append(step.Held, node.Held{LSN: l, Epoch: r.Epoch, Last: r.Last, OldestActive: r.OldestActive})
	}
	return node.Trace{Action: node.ActHolds, Epoch: line.epoch, Detail: step}
}

// restart tells the last few entries again, then all that it never told, then the inventory.
func (s *toySegment) restart(again int) {
	told := s.entries[:len(s.entries)-len(s.silent)]
	for _, t := range told[max(0, len(told)-again):] {
		s.toy.tell(s.id, t)
	}
	for _, t := range s.silent {
		s.toy.tell(s.id, t)
	}
	s.silent = nil
	s.toy.tell(s.id, s.inventory())
}

// crashDurable makes a store durable without telling it: the process dies between the sync and its completion.
func (s *toySegment) crashDurable(r *node.Record) bool {
	if s.promise != s.history.Line() || r.Group != s.group || !s.history.Has(r.LSN, r.Epoch) || s.held[r.LSN] != nil || len(s.silent) > 0 {
		return false
	}
	s.held[r.LSN] = r
	s.position++
	t := node.Trace{Action: node.ActStore, Epoch: s.history.Line(), Record: r, Position: s.position}
	s.entries = append(s.entries, t)
	s.silent = append(s.silent, t)
	return true
}

// replicate stores the record l of w on every segment of its group that will have it.
func (w *toyWriter) replicate(l node.LSN) {
	for _, id := range w.toy.volume.Segments[w.at(l).Group] {
		w.toy.segments[id].store(w.at(l), 0)
	}
}

// recover takes over with the answers of all segments, up to and including Open.
func (y *toy) recover() *toyWriter {
	w := y.start()
	for _, id := range y.order {
		y.segments[id].fence(w)
	}
	w.decide()
	for _, id := range y.order {
		y.segments[id].join(w)
	}
	for l := node.LSN(1); l <= w.base; l++ {
		w.replicate(l)
	}
	if !w.open() {
		panic(fmt.Sprintf("epoch %d did not open", w.epoch))
	}
	return w
}

// wander takes n steps at random, at most epochs take-overs among them.
func (y *toy) wander(n int, epochs node.Epoch) {
	keys := []string{"ant", "bee", "cow", "dog", "elk", "fox", "gnu", "hen"}
	pick := func(ids []node.ID) *toySegment { return y.segments[ids[y.random.IntN(len(ids))]] }
	for i := 0; i < n; i++ {
		w := y.writers[len(y.writers)-1]
		if len(y.writers) > 1 && y.random.IntN(8) == 0 { // the old one goes on, too
			w = y.writers[y.random.IntN(len(y.writers))]
		}
		s := pick(y.order)
		switch y.random.IntN(27) {
		case 0, 1, 2:
			if w.change {
				w.changePage(node.PageID(y.random.IntN(2*y.volume.Groups())), true)
			}
			t := w.midway
			if t == nil && len(w.txns) > 0 && y.random.IntN(2) == 0 {
				t = w.txns[len(w.txns)-1-y.random.IntN(min(3, len(w.txns)))]
			}
			if t == nil {
				t = w.begin()
			}
			w.write(t, keys[y.random.IntN(len(keys))], fmt.Sprint("v", i), y.random.IntN(4) > 0)
		case 3:
			if len(w.txns) > 0 {
				w.commit(w.txns[len(w.txns)-1-y.random.IntN(min(4, len(w.txns)))])
			}
		case 4:
			for _, t := range w.txns {
				if t.first != 0 && len(t.writes) == 0 && y.random.IntN(3) == 0 {
					t.ended = true // nothing of it stands: it ends without a record
				}
				if !t.ended && (t.name.Epoch() != w.epoch || t.undoing || y.random.IntN(6) == 0) {
					w.undo(t)
					break
				}
			}
		case 5, 6, 7, 8, 9, 10, 11:
			if e := s.history.Line(); len(y.writer(e).log) > 0 {
				o := y.writer(e)
				l := o.end() - node.LSN(y.random.IntN(min(6, len(o.log))))
				if y.random.IntN(3) == 0 {
					l = 1 + node.LSN(y.random.IntN(len(o.log)))
				}
				s.store(o.at(l), 0)
			}
		case 12, 13:
			p := pick(y.volume.Segments[s.group])
			if y.random.IntN(64) == 0 && s.fill(p) {
				continue
			}
			for _, l := range slices.Sorted(maps.Keys(p.held)) {
				if s.store(p.held[l], p.id) {
					break
				}
			}
		case 14, 15, 16:
			w.advance()
		case 17, 18:
			for _, t := range w.txns {
				if w.ack(t) {
					break
				}
			}
		case 19:
			if y.epoch < epochs && y.random.IntN(20) == 0 {
				y.start()
			}
		case 20, 21:
			if w.epoch > 1 {
				s.fence(w)
				w.decide()
			}
		case 22:
			s.join(w)
			w.open()
		case 24:
			switch key := keys[y.random.IntN(len(keys))]; {
			case y.random.IntN(4) > 0:
			case y.random.IntN(3) == 0:
				w.changePage(node.PageID(y.random.IntN(2*y.volume.Groups())), y.random.IntN(2) == 0)
			default:
				w.move(key)
			}
		case 26:
			if y.volume.Spares > 0 || y.volume.InUse > 0 {
				y.changeSomething(w)
			}
			if y.version > 1 && y.random.IntN(50) == 0 { // the register starts again
				y.tell(toyRegister, y.lastChange)
			}
		case 25:
			if y.random.IntN(4) > 0 {
				continue
			}
			for _, t := range w.txns { // back to a savepoint
				if !t.undoing && t.name.Epoch() == w.epoch && y.random.IntN(2) == 0 && w.takeBack(t) {
					w.write(t, keys[y.random.IntN(len(keys))], fmt.Sprint("r", i), true)
					break
				}
			}
		case 23:
			if y.random.IntN(3) > 0 {
				continue
			}
			if e := s.history.Line(); y.random.IntN(2) == 0 && len(y.writer(e).log) > 0 {
				s.crashDurable(y.writer(e).at(1 + node.LSN(y.random.IntN(len(y.writer(e).log)))))
			}
			s.restart(y.random.IntN(5))
		}
	}
}
