// Package volume is the model of one volume: a single writer at a time, and storage replicas arranged in
// protection groups. It is the module Volume.tla (in spec/tla) in Go: the same actions, one function each,
// guard first, then effect, and the same nine invariants.
//
// What VolumeTrace.tla and VolumeAcks.tla add is behind fields of World that are off by default: rows written again,
// answers that travel, changes of no transaction, rows that move, savepoints, quorum sets that change, groups that come into
// use, tails, acknowledgements of single records, an LSN allocation limit. Off, it is Volume.tla state for state.
//
// The same actions serve two uses. A checker explores every behaviour of a small world, so an action can be
// taken back exactly and a state has a compact encoding. A trace validator steps a real run through them, so
// a step costs about the same whether the log has three records or thousands: what the module computes from
// the whole log (the value of a key, who holds it, how far a replica is complete) is kept as an index.
//
// Numbering: epochs, transactions and LSNs count from 1, as in the module; 0 means none. Keys, replicas and
// groups, which are only names there, count from 0. Replica r belongs to group r / World.Replicas.
//
// Use package reader instead when an engineer asks what read replicas may show, and package membership when only the
// members of one group change.
package volume

// A Phase is how far a writer is with its take-over.
type Phase uint8

const (
	Unborn    Phase = iota // no writer has won this epoch
	Fencing                // asking replicas for their promise and for what they have
	Repairing              // has cut the log, copies what it kept to a write quorum
	Open                   // serves
)

func (p Phase) String() string { return [...]string{"unborn", "fencing", "repairing", "open"}[p] }

// A Kind says what a log record is for.
type Kind uint8

const (
	Write     Kind = iota // changes a key
	Commit                // ends a transaction
	Undo                  // takes one change back
	Structure             // changes no key, for no transaction
	Hole                  // no record: the bug cut-per-group left this LSN out of the middle of a log
)

func (k Kind) String() string {
	return [...]string{"write", "commit", "undo", "structure", "hole"}[k]
}

// A Record is one entry of the log. Its LSN is its place there; LSN and epoch together identify it.
type Record struct {
	Epoch    int32 // of the writer that wrote it
	Txn      int32 // 0 for none
	Key      int32 // -1 for none
	Group    int32 // where Key lives at this LSN
	Old, New int32 // the key's value before and after: the number of a transaction, or 0
	Kind     Kind
	Last     bool // ends its mini-transaction: this LSN is a CPL
}

// A trail is what the index of a log keeps for each record, so that the record can be taken back.
type trail struct {
	pos       int32 // place among the records of its group, counted from 0
	cpl       int32 // highest CPL at or below this LSN, 0 for none
	prev      int32 // write: the transaction's write before it; undo: the write that was next to be undone
	below     int32 // write: the one that was next to be undone before it
	since     int32 // write: its transaction's since, before it
	value     int32 // of the key, before this record
	holder    int32 // of the key, before this record
	committed int32 // of the key, before its transaction committed; -1 when that changed nothing
	starts    bool  // the transaction was not started before
}

type keyIndex struct {
	value     int32 // Value(e, k)
	holder    int32 // the active transaction that has k in its locks, or 0: guards allow one at most
	committed int32 // the last write of k by a committed transaction, an LSN, or 0
}

type txnIndex struct {
	first, last int32 // writes: the first and the last, LSNs
	since       int32 // the first write since nothing of the transaction stood last: its locks begin there, an LSN
	cursor      int32 // the write that Undo takes back next, an LSN: the top of Net(e, t)
	writes      int32 // how many
	undos       int32 // how many
	commit      int32 // LSN, or 0
}

func (t *txnIndex) active() bool { return t.commit == 0 && t.undos < t.writes }

// A writer is what one epoch has: its log, how much it kept, how far it is complete.
type writer struct {
	phase Phase
	base  int32
	vcl   int32
	made  geometry // when it is the newest epoch, what the register has
	sets  geometry // what its writer goes by
	log   []Record

	trails []trail    // as log
	groups [][]int32  // group -> LSNs of its records, ascending
	keys   []keyIndex // grown when a key is first written
	txns   []txnIndex // by number, grown likewise

	toldLine []int32   // replica -> line when it answered the fence, 0 for no answer
	told     [][]int16 // replica -> store when it answered the fence
}

type replica struct {
	fence int32
	line  int32
	store []int16  // LSN-1 -> epoch of the record stored, 0 for none; nothing beyond its end
	scl   []int32  // epoch-1 -> SCL, -1 before it joined; -1 beyond its end
	got   *singles // nil without RecordAcks
}

// singles are the records that a replica has acknowledged one by one: epoch-1 -> LSN-1 ->, false beyond the ends. They
// are apart because replicas are gone through all the time, and few worlds have them.
type singles struct{ rows [][]bool }

// An outcome is what every log says of a transaction.
type outcome struct {
	epoch int32 // CommitEpoch(t), or 0
	lsn   int32 // CommitLsn(t), or 0
	logs  int32 // on how many logs t has writes
	acked bool
}

// A State is one state of the volume. It changes only by its actions and by TakeBack.
type State struct {
	world    World
	bug      bug
	acks     bool     // the world is one of VolumeAcks.tla
	fulls    Set      // the replicas of each group that keep pages
	first    geometry // what epoch 1 has at first
	writers  []writer // epoch-1 ->, grown when an epoch starts
	replicas []replica
	outcomes []outcome // by transaction
	acked    []int32   // transactions, in the order of their acknowledgement

	started int32 // transactions 1..started have written somewhere
	newest  int32 // the newest epoch that is not unborn
	highest int32 // highest commit LSN that was acknowledged

	loads    uint64 // how often it was made another state by other means than a step
	journal  []change
	saved    []int16 // stores before the joins in the journal, one after the other
	savedGot []bool  // rows of got before the steps in the journal that rewrote one, likewise
}

// A change is one action that was taken, with what it needs to be taken back.
type change struct {
	action        Action
	last          bool
	e, t, k, r, p int32
	l, g          int32
	savedGot      int32 // how many of State.savedGot; -1 when only LSN l is to be taken out of the row
	quorum        ReplicaSet
	fence, line   int32 // of the replica before
	scl, sclEpoch int32 // before, and of which epoch
	highest       int32
	saved         int32 // how many of State.saved belong to it
	was           geometry
}

// NewState returns the initial state. The world's limits cost nothing until a behaviour comes near them.
func NewState(w World) (*State, error) {
	if err := w.shape(); err != nil {
		return nil, err
	}
	b, err := bugNamed(w.Bug)
	if err != nil {
		return nil, err
	}
	s := &State{world: w, bug: b, acks: w.ofAcks(), fulls: w.fulls(), first: w.firstGeometry(), replicas: make([]replica, w.Groups*w.Replicas)}
	s.Reset()
	return s, nil
}

// Reset makes s the initial state again and keeps its memory, for the next run.
func (s *State) Reset() {
	s.resetWriters()
	s.writers[0].phase = Open
	s.writers[0].made, s.writers[0].sets = s.first, s.first
	s.newest = 1
	for i := range s.replicas {
		r := &s.replicas[i]
		r.fence, r.line = 1, 1
		clear(r.store)
		if r.got != nil {
			for _, row := range r.got.rows {
				clear(row)
			}
		}
		if len(r.scl) == 0 {
			r.scl = append(r.scl, 0)
		}
		r.scl[0] = 0
		for e := 1; e < len(r.scl); e++ {
			r.scl[e] = -1
		}
	}
}

// resetWriters forgets everything but what the replicas have. No epoch has started then.
func (s *State) resetWriters() {
	s.loads++
	s.grow(1)
	for i := range s.writers {
		s.writers[i].clear()
		s.writers[i].phase = Unborn
		s.writers[i].made, s.writers[i].sets = nil, nil
		clear(s.writers[i].toldLine)
	}
	clear(s.outcomes)
	s.acked = s.acked[:0]
	s.started, s.newest, s.highest = 0, 0, 0
	s.Forget()
}

// grow makes room for epoch e.
func (s *State) grow(e int) {
	for len(s.writers) < e {
		s.writers = append(s.writers, writer{
			groups: make([][]int32, s.world.Groups),
		})
		if s.world.Answers {
			w := &s.writers[len(s.writers)-1]
			w.toldLine = make([]int32, len(s.replicas))
			w.told = make([][]int16, len(s.replicas))
		}
	}
}

// clear empties the log of a writer.
func (w *writer) clear() {
	w.log, w.trails = w.log[:0], w.trails[:0]
	for g := range w.groups {
		w.groups[g] = w.groups[g][:0]
	}
	clear(w.keys)
	clear(w.txns)
	w.base, w.vcl = 0, 0
}

// World returns the world whose state this is.
func (s *State) World() World { return s.world }

// writer returns what epoch e has, nil before it has started and for an epoch that the world does not have.
func (s *State) writer(e int) *writer {
	if e < 1 || e > int(s.newest) {
		return nil
	}
	return &s.writers[e-1]
}

// Phase returns the phase of epoch e.
func (s *State) Phase(e int) Phase {
	if w := s.writer(e); w != nil {
		return w.phase
	}
	return Unborn
}

// End returns the last LSN of the log of e, 0 when it is empty.
func (s *State) End(e int) int {
	if w := s.writer(e); w != nil {
		return len(w.log)
	}
	return 0
}

// Record returns the record that the log of e has at l. It panics beyond the log: see End.
func (s *State) Record(e, l int) Record { return s.writers[e-1].log[l-1] }

// Base returns how much of its log e kept from before.
func (s *State) Base(e int) int {
	if w := s.writer(e); w != nil {
		return int(w.base)
	}
	return 0
}

// VCL returns the volume complete LSN as the writer of e knows it.
func (s *State) VCL(e int) int {
	if w := s.writer(e); w != nil {
		return int(w.vcl)
	}
	return 0
}

// VDL returns the highest CPL at or below the VCL of e.
func (s *State) VDL(e int) int {
	if w := s.writer(e); w != nil {
		return int(w.vdl())
	}
	return 0
}

func (w *writer) vdl() int32 { return w.cpl(w.vcl) }

// cpl returns the highest CPL at or below l.
func (w *writer) cpl(l int32) int32 {
	if l == 0 {
		return 0
	}
	return w.trails[l-1].cpl
}

// SCL returns the segment complete LSN that r has acknowledged to the writer of e, -1 before r joined e.
func (s *State) SCL(e, r int) int { return int(s.replicas[r].sclOf(e)) }

func (r *replica) sclOf(e int) int32 {
	if e < 1 || e > len(r.scl) {
		return -1
	}
	return r.scl[e-1]
}

func (r *replica) setSCL(e, scl int32) {
	for len(r.scl) < int(e) {
		r.scl = append(r.scl, -1)
	}
	r.scl[e-1] = scl
}

// FenceOf returns the newest epoch that r has promised to serve.
func (s *State) FenceOf(r int) int { return int(s.replicas[r].fence) }

// Line returns the epoch whose log r follows.
func (s *State) Line(r int) int { return int(s.replicas[r].line) }

// Stored returns the epoch of the record that r stores at l, 0 for none.
func (s *State) Stored(r, l int) int { return int(s.replicas[r].stored(int32(l))) }

func (r *replica) stored(l int32) int16 {
	if l < 1 || int(l) > len(r.store) {
		return 0
	}
	return r.store[l-1]
}

func (r *replica) put(l int32, epoch int16) {
	if int(l) > len(r.store) {
		r.resize(int(l))
	}
	r.store[l-1] = epoch
}

func (r *replica) resize(n int) {
	for len(r.store) < n {
		r.store = append(r.store, 0)
	}
}

// Got says whether r has acknowledged record l, by itself, to the writer of e. It is always false in a world without
// RecordAcks.
func (s *State) Got(e, r, l int) bool { return s.replicas[r].gotAt(int32(e), int32(l)) }

func (r *replica) gotAt(e, l int32) bool {
	if r.got == nil || e < 1 || int(e) > len(r.got.rows) || l < 1 || int(l) > len(r.got.rows[e-1]) {
		return false
	}
	return r.got.rows[e-1][l-1]
}

// gotRow returns the row of epoch e with room for n LSNs.
func (r *replica) gotRow(e int32, n int) []bool {
	if r.got == nil {
		r.got = &singles{}
	}
	for len(r.got.rows) < int(e) {
		r.got.rows = append(r.got.rows, nil)
	}
	row := &r.got.rows[e-1]
	for len(*row) < n {
		*row = append(*row, false)
	}
	return *row
}

// Told returns whether r has told e what it has, while e is still fencing, and the line that r followed then.
// It is always false in a world without Answers.
func (s *State) Told(e, r int) (line int, ok bool) {
	w := s.writer(e)
	if w == nil || w.phase != Fencing || !s.world.Answers {
		return 0, false
	}
	return int(w.toldLine[r]), w.toldLine[r] != 0
}

// ToldStored returns the epoch of the record that r told e that it stores at l, 0 for none. It is 0 where Told is false.
func (s *State) ToldStored(e, r, l int) int {
	if _, ok := s.Told(e, r); !ok || l < 1 || l > len(s.writer(e).told[r]) {
		return 0
	}
	return int(s.writer(e).told[r][l-1])
}

// GroupOf returns the group of replica r, counted from 0.
func (s *State) GroupOf(r int) int { return r / s.world.Replicas }

// Acked says whether the client has been told that t is committed.
func (s *State) Acked(t int) bool { return t >= 1 && t < len(s.outcomes) && s.outcomes[t].acked }

// CommitOf returns the LSN and the epoch of the commit record of t, zeros if absent.
func (s *State) CommitOf(t int) (lsn, epoch int) {
	if t < 1 || t >= len(s.outcomes) {
		return 0, 0
	}
	return int(s.outcomes[t].lsn), int(s.outcomes[t].epoch)
}

// Started says whether t has written on the log of any epoch.
func (s *State) Started(t int) bool { return t >= 1 && t <= int(s.started) }

// Active says whether t has written on the log of e and is there neither committed nor undone in full.
func (s *State) Active(e, t int) bool {
	w := s.writer(e)
	return w != nil && t >= 1 && t < len(w.txns) && w.txns[t].active()
}

// Undone says whether t has taken back something that it wrote on the log of e.
func (s *State) Undone(e, t int) bool {
	w := s.writer(e)
	return w != nil && t >= 1 && t < len(w.txns) && w.txns[t].undos > 0
}

// Value returns the value of key k after applying the whole log of e: the number of a transaction, 0 at first.
func (s *State) Value(e, k int) int {
	if w := s.writer(e); w != nil && k < len(w.keys) {
		return int(w.keys[k].value)
	}
	return 0
}

// Holder returns the active transaction that holds key k on the log of e, 0 for none.
func (s *State) Holder(e, k int) int {
	if w := s.writer(e); w != nil && k < len(w.keys) {
		return int(w.keys[k].holder)
	}
	return 0
}

// Has says whether r stores the record that the log of e has at l.
func (s *State) Has(r, e, l int) bool {
	w := s.writer(e)
	return w != nil && s.replicas[r].has(w, int32(l))
}

func (r *replica) has(w *writer, l int32) bool {
	return int(l) <= len(w.log) && r.stored(l) == int16(w.log[l-1].Epoch)
}

// theHole is what stands at an LSN that was left out. It belongs to no transaction, key or group.
func theHole() Record { return Record{Kind: Hole, Key: -1, Group: -1, Last: true} }

// on is On(e, t) of the module, for a transaction that has committed somewhere.
func (s *State) on(w *writer, t int32) bool {
	o := &s.outcomes[t]
	return int(o.lsn) <= len(w.log) && w.log[o.lsn-1].Epoch == o.epoch
}

// next returns the LSN that the next record of w gets.
func (w *writer) next() int32 { return int32(len(w.log)) + 1 }

// settled says whether the last mini-transaction of w is finished.
func (w *writer) settled() bool { return len(w.log) == 0 || w.log[len(w.log)-1].Last }

// txn returns what the log says of t; it is a zero value when it says nothing.
func (w *writer) txn(t int) txnIndex {
	if t < len(w.txns) {
		return w.txns[t]
	}
	return txnIndex{}
}

// own is Own(e, t): e wrote every change of t on its log. Only the epoch that wrote the first one can have
// written another, so the first speaks for all.
func (w *writer) own(e int, t *txnIndex) bool {
	return t.writes == 0 || w.log[t.first-1].Epoch == int32(e)
}

// An entry is what the writer decides about a record. Besides LSN and epoch it says all there is to one, given the log so
// far, which is why an encoding holds nothing else.
type entry struct {
	kind  Kind
	t, k  int32 // of an undo or a commit k is of no account
	group int32 // of a commit it is of no account
	last  bool
}

// record is the record that the writer of epoch e makes of an entry.
func (s *State) record(w *writer, e int32, x entry) Record {
	t := x.t
	rec := Record{Epoch: e, Kind: x.kind, Txn: t, Key: x.k, Group: x.group, Last: x.last}
	switch x.kind {
	case Write:
		if int(x.k) < len(w.keys) {
			rec.Old = w.keys[x.k].value
		}
		rec.New = t
	case Commit: // lives where the first change of t does
		first := &w.log[w.txns[t].first-1]
		rec.Key, rec.Group = first.Key, first.Group
	case Undo:
		undone := &w.log[s.undone(w, e, t)-1]
		rec.Key, rec.Old, rec.New = undone.Key, t, undone.Old
		if s.bug == undoToZero {
			rec.New = 0
		}
	}
	return rec
}

// undone returns the write of t that the writer of e takes back next: the latest that stands. Two broken variants take the
// one that has as many writes of t above it as there are undos, or, when undo restarts, as there are undos by e itself.
func (s *State) undone(w *writer, e, t int32) int32 {
	tx := &w.txns[t]
	if s.bug != undoRestarts && s.bug != undoPastSavepoint {
		return tx.cursor
	}
	l := tx.last
	for i := range w.log {
		if rec := &w.log[i]; rec.Kind == Undo && rec.Txn == t && (rec.Epoch == e || s.bug != undoRestarts) {
			l = w.trails[l-1].prev
		}
	}
	return l
}

// push appends rec to the log of epoch e and brings its index up to date.
func (s *State) push(e int32, rec Record) {
	w := &s.writers[e-1]
	if rec.Kind == Hole {
		w.log, w.trails = append(w.log, rec), append(w.trails, trail{cpl: w.next()})
		return
	}
	if rec.Kind == Structure {
		group := &w.groups[rec.Group]
		tr := trail{pos: int32(len(*group)), cpl: w.next()}
		if !rec.Last {
			tr.cpl = w.cpl(tr.cpl - 1)
		}
		*group = append(*group, w.next())
		w.log, w.trails = append(w.log, rec), append(w.trails, tr)
		return
	}
	for len(w.keys) <= int(rec.Key) {
		w.keys = append(w.keys, keyIndex{})
	}
	for len(w.txns) <= int(rec.Txn) {
		w.txns = append(w.txns, txnIndex{})
	}
	for len(s.outcomes) <= int(rec.Txn) {
		s.outcomes = append(s.outcomes, outcome{})
	}
	l := w.next()
	tx, key, group := &w.txns[rec.Txn], &w.keys[rec.Key], &w.groups[rec.Group]
	tr := trail{pos: int32(len(*group)), cpl: l, value: key.value, holder: key.holder, committed: -1}
	if !rec.Last {
		tr.cpl = w.cpl(l - 1)
	}
	*group = append(*group, l)
	switch rec.Kind {
	case Write:
		tr.prev, tr.below, tr.since = tx.last, tx.cursor, tx.since
		if tx.writes == 0 {
			tx.first = l
			s.outcomes[rec.Txn].logs++
		}
		if tx.writes == tx.undos {
			tx.since = l
		}
		tx.last, tx.cursor = l, l
		tx.writes++
		if rec.Txn > s.started {
			s.started, tr.starts = rec.Txn, true
		}
		key.value, key.holder = rec.New, rec.Txn
	case Commit:
		tx.commit = l
		if rec.Epoch == e {
			s.outcomes[rec.Txn].epoch, s.outcomes[rec.Txn].lsn = e, l
		}
		w.hold(tx, 0)
		for m := tx.cursor; m != 0; m = w.trails[m-1].below {
			if k := &w.keys[w.log[m-1].Key]; m > k.committed {
				w.trails[m-1].committed, k.committed = k.committed, m
			}
		}
	case Undo:
		tr.prev = tx.cursor
		if tx.cursor != 0 { // 0 only where a hole took the write away
			tx.cursor = w.trails[tx.cursor-1].below
		}
		tx.undos++
		key.value = rec.New
		if !tx.active() {
			w.hold(tx, 0)
		}
	}
	w.log, w.trails = append(w.log, rec), append(w.trails, tr)
	if s.bug == cutPerGroup {
		w.holdAll()
	}
}

// holdAll sets the holder of every key from the transactions. Where a hole took a commit away, two transactions can have
// the same key, and push and pop, which know of one, would let it go with the first. Which of the two is named makes no
// difference: neither can write any more, and no other writer can write the key.
func (w *writer) holdAll() {
	for k := range w.keys {
		w.keys[k].holder = 0
	}
	for t := range w.txns {
		if w.txns[t].active() {
			w.hold(&w.txns[t], int32(t))
		}
	}
}

// hold sets the holder of every key of Locked(e, t).
func (w *writer) hold(tx *txnIndex, holder int32) {
	for m := tx.last; m >= max(tx.since, 1); m = w.trails[m-1].prev {
		w.keys[w.log[m-1].Key].holder = holder
	}
}

// pop takes the last push to the log of e back.
func (s *State) pop(e int32) {
	w := &s.writers[e-1]
	n := len(w.log) - 1
	rec, tr := &w.log[n], &w.trails[n]
	if rec.Kind == Structure {
		w.groups[rec.Group] = w.groups[rec.Group][:tr.pos]
		w.log, w.trails = w.log[:n], w.trails[:n]
		return
	}
	tx, key, group := &w.txns[rec.Txn], &w.keys[rec.Key], &w.groups[rec.Group]
	*group = (*group)[:tr.pos]
	switch rec.Kind {
	case Write:
		tx.writes--
		tx.last, tx.cursor, tx.since = tr.prev, tr.below, tr.since
		if tx.writes == 0 {
			tx.first = 0
			s.outcomes[rec.Txn].logs--
		}
		if tr.starts {
			s.started--
		}
		key.value, key.holder = tr.value, tr.holder
	case Commit:
		tx.commit = 0
		if rec.Epoch == e {
			s.outcomes[rec.Txn].epoch, s.outcomes[rec.Txn].lsn = 0, 0
		}
		w.hold(tx, rec.Txn)
		for m := tx.cursor; m != 0; m = w.trails[m-1].below {
			if was := w.trails[m-1].committed; was >= 0 {
				w.trails[m-1].committed, w.keys[w.log[m-1].Key].committed = -1, was
			}
		}
	case Undo:
		if !tx.active() {
			w.hold(tx, rec.Txn)
		}
		tx.undos--
		tx.cursor = tr.prev
		key.value = tr.value
	}
	w.log, w.trails = w.log[:n], w.trails[:n]
	if s.bug == cutPerGroup {
		w.holdAll()
	}
}
