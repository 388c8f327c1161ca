package volume

// An Action names one of the module's actions, in the module's order.
type Action uint8

const (
	ActWrite Action = iota
	ActCommit
	ActUndo
	ActStore
	ActGossip
	ActAdvance
	ActAck
	ActStart
	ActFence
	ActDecide
	ActJoin
	ActOpen
	ActStructure // of VolumeTrace.tla, as the next three
	ActChange
	ActGrow
	ActAdopt
	ActAmnesia  // present only under the bug of that name
	ActAckEarly // present only under the bug "ack-before-durable"
	actions     // how many
)

func (a Action) String() string {
	return [actions]string{"Write", "Commit", "Undo", "Store", "Gossip", "Advance", "Ack",
		"Start", "Fence", "Decide", "Join", "Open", "Structure", "Change", "Grow", "Adopt", "Amnesia", "AckEarly"}[a]
}

// A Refusal is the guard that forbade an action, in the module's words. It is empty when the action was taken.
type Refusal string

// The guards. Those that begin with "e \in Epoch" and the like say that a parameter is outside the world.
const (
	NoEpoch   Refusal = `e \in Epoch`
	NoTxn     Refusal = `t \in Txn`
	NoKey     Refusal = `k \in Key`
	NoLSN     Refusal = `l \in LSN`
	NoReplica Refusal = `r \in Replica`
	NoGroup   Refusal = `g \in Group`

	NotOpen         Refusal = `phase[e] = "open"`
	NotServing      Refusal = `phase[e] \in {"repairing", "open"}`
	NotFencing      Refusal = `phase[e] = "fencing"`
	NotRepairing    Refusal = `phase[e] = "repairing"`
	NotUnborn       Refusal = `phase[e] = "unborn"`
	IsUnborn        Refusal = `phase[e] # "unborn"`
	EarlierUnborn   Refusal = `\A d \in 1..(e-1) : phase[d] # "unborn"`
	LogFull         Refusal = `End(e) < MaxLSN`
	AboveLAL        Refusal = `End(e) < Vdl(e) + Lal`
	NotActive       Refusal = `Active(e, t)`
	NotOwn          Refusal = `Own(e, t)`
	HasUndos        Refusal = `Undos(e, t) = {}`
	EarlierTxn      Refusal = `\A u \in 1..(t-1) : Started(u)`
	HoldsKey        Refusal = `k \notin Locks(e, t)`
	KeyLocked       Refusal = `\A u \in Txn : Active(e, u) => k \notin Locks(e, u)`
	Unsettled       Refusal = `Settled(e)`
	UnsettledOther  Refusal = `IF Settled(e) THEN TRUE ELSE log[e][End(e)].txn = t`
	UnsettledTxn    Refusal = `IF Settled(e) THEN TRUE ELSE log[e][End(e)].kind = "structure"`
	NoStructures    Refusal = `Structures`
	OtherPlace      Refusal = `g \in Places(e, k)`
	NotInUse        Refusal = `g \in InUse(sets[e])`
	NoChanges       Refusal = `Members > 1`
	NoGrowth        Refusal = `Grows`
	NotNewest       Refusal = `\A d \in Epoch : d > e => phase[d] = "unborn"`
	NotAdopted      Refusal = `sets[e] = made[e]`
	NotUsed         Refusal = `made[e][g] # <<>>`
	UsedAlready     Refusal = `made[e][g] = <<>>`
	NoSuccessor     Refusal = `m \in Successors(g, made[e][g])`
	TooManySets     Refusal = `Len(m) <= Members`
	Unfilled        Refusal = `m[1] = made[e][g][1] \/ Filled(e, g, m[1])`
	NothingMade     Refusal = `sets[e] # made[e]`
	HasCommitted    Refusal = `Commits(e, t) = {}`
	NoMtr           Refusal = `last \in (IF Mtr THEN BOOLEAN ELSE {TRUE})`
	NoAborts        Refusal = `IF Aborts \/ Savepoints THEN TRUE ELSE ~Own(e, t)`
	OtherGroup      Refusal = `l \in InGroup(e, GroupOf[r])`
	AlreadyStored   Refusal = `store[r][l] = 0`
	OtherLine       Refusal = `line[r] = e`
	OtherFence      Refusal = `fence[r] = e`
	PeerElsewhere   Refusal = `GroupOf[r] = GroupOf[s]`
	PeerLacks       Refusal = `store[s][l] # 0`
	PeerOtherLine   Refusal = `line[s] = line[r]`
	BeyondLine      Refusal = `l <= End(line[r])`
	FencedAway      Refusal = `fence[r] = line[r]`
	NothingToCount  Refusal = `vcl[e] < End(e)`
	TooFewComplete  Refusal = `Cardinality({r \in In(log[e][l].group) : scl[e][r] >= l}) >= W`
	AlreadyAcked    Refusal = `t \notin acked`
	NoCommit        Refusal = `\E l \in Commits(e, t) : log[e][l].epoch = e`
	AboveVDL        Refusal = `l <= Vdl(e)`
	TooFewStored    Refusal = `Cardinality({r \in In(log[e][l].group) : Has(r, e, l)}) >= W`
	FencedAlready   Refusal = `fence[r] < e`
	Unfenced        Refusal = `Q \subseteq {r \in Replica : fence[r] = e}`
	Untold          Refusal = `Q \subseteq {r \in Replica : told[e][r].line # 0}`
	NoReadQuorum    Refusal = `IsReadQuorum(Q, R)`
	FencedByNewer   Refusal = `fence[r] <= e`
	JoinedAlready   Refusal = `line[r] < e`
	TooFewCopies    Refusal = `Copies(e, vcl[e] + 1) >= W`
	TooFewJoined    Refusal = `\A g \in Group : Cardinality({r \in In(g) : scl[e][r] >= 0}) >= W`
	Uncopied        Refusal = `\A g \in Group : \A l \in InGroup(e, g) : Copies(e, l) >= W`
	GotAlready      Refusal = `l \notin got[e][r]`
	Unrepaired      Refusal = `\A g \in Group : Cardinality({r \in In(g) : scl[e][r] >= LastIn(e, g, base[e])}) >= W`
	NoSuchBug       Refusal = `Bug = "amnesia"`
	NothingStored   Refusal = `store[r] # [l \in LSN |-> 0]`
	NoEarlyAck      Refusal = `Bug = "ack-before-durable"`
	AlreadyComplete Refusal = `scl[e][r] < l`
)

// An action that was taken leaves its name and parameters, and what it overwrote, in the journal.
func (s *State) took(c change) Refusal {
	s.journal = append(s.journal, c)
	return ""
}

func (s *State) epochOK(e int) bool   { return e >= 1 && e <= s.world.MaxEpoch }
func (s *State) txnOK(t int) bool     { return t >= 1 && t <= s.world.Txns }
func (s *State) lsnOK(l int) bool     { return l >= 1 && l <= s.world.MaxLSN }
func (s *State) replicaOK(r int) bool { return r >= 0 && r < len(s.replicas) }

// issue appends a record to the log of e.
func (s *State) issue(a Action, w *writer, e int, x entry) Refusal {
	s.push(int32(e), s.record(w, int32(e), x))
	return s.took(change{action: a, e: int32(e), t: x.t, k: x.k, g: x.group, last: x.last})
}

// mayIssue says whether the writer of e may append a record at all.
func (s *State) mayIssue(w *writer) Refusal {
	switch {
	case w == nil || w.phase != Open:
		return NotOpen
	case len(w.log) >= s.world.MaxLSN:
		return LogFull
	case s.world.LAL > 0 && s.pastLAL(w):
		return AboveLAL
	}
	return ""
}

// place is g \in Places(e, k): whether the writer may log a change of key k in group g.
func (s *State) place(w *writer, k, g int) Refusal {
	switch {
	case g < 0 || g >= s.world.Groups:
		return NoGroup
	case len(w.sets[g]) == 0:
		return NotInUse
	case !s.world.Moves && g != s.world.Home(k):
		return OtherPlace
	}
	return ""
}

// pastLAL says whether the next LSN of w would be above the allocation limit.
func (s *State) pastLAL(w *writer) bool {
	return s.bug != allocatePastLAL && len(w.log) >= int(w.vdl())+s.world.LAL
}

// Write: the writer of e changes key k for transaction t, in the group where k lives. With last, the record ends its
// mini-transaction.
func (s *State) Write(e, t, k int, last bool) Refusal {
	return s.WriteIn(e, t, k, s.world.Home(k), last)
}

// WriteIn is Write in group g, which with Moves may be any.
func (s *State) WriteIn(e, t, k, g int, last bool) Refusal {
	w := s.writer(e)
	if refused := s.mayIssue(w); refused != "" {
		return refused
	}
	switch {
	case !s.txnOK(t):
		return NoTxn
	case k < 0 || k >= s.world.Keys:
		return NoKey
	}
	if refused := s.place(w, k, g); refused != "" {
		return refused
	}
	if t <= int(s.started) {
		if refused := s.mayGoOn(w, e, t); refused != "" {
			return refused
		}
	} else if t != int(s.started)+1 {
		return EarlierTxn
	}
	if k < len(w.keys) {
		// t is active here or holds nothing, so it has k in its locks if and only if it holds k.
		switch w.keys[k].holder {
		case 0:
		case int32(t):
			if !s.world.Rewrites {
				return HoldsKey
			}
		default:
			return KeyLocked
		}
	}
	if !w.settled() && w.log[len(w.log)-1].Txn != int32(t) {
		return UnsettledOther
	}
	if !last && !s.world.Mtr {
		return NoMtr
	}
	return s.issue(ActWrite, w, e, entry{Write, int32(t), int32(k), int32(g), last})
}

// mayGoOn says whether the writer of e may write for t, which has written on some log: t is its own and active. With
// Savepoints it may also have taken back what it wrote, even all of it.
func (s *State) mayGoOn(w *writer, e, t int) Refusal {
	tx := w.txn(t)
	switch {
	case !s.world.Savepoints && !tx.active(), tx.writes == 0:
		return NotActive
	case tx.commit != 0:
		return HasCommitted
	case !w.own(e, &tx):
		return NotOwn
	case !s.world.Savepoints && tx.undos != 0:
		return HasUndos
	}
	return ""
}

// Commit: the writer of e appends the commit record of t.
func (s *State) Commit(e, t int) Refusal {
	w := s.writer(e)
	if refused := s.mayIssue(w); refused != "" {
		return refused
	}
	switch {
	case !w.settled():
		return Unsettled
	case !s.txnOK(t):
		return NoTxn
	}
	tx := w.txn(t)
	switch {
	case !tx.active():
		return NotActive
	case !w.own(e, &tx):
		return NotOwn
	case !s.world.Savepoints && tx.undos != 0:
		return HasUndos
	}
	return s.issue(ActCommit, w, e, entry{kind: Commit, t: int32(t), last: true})
}

// Undo: the writer of e takes back the latest change of t that is not taken back yet, in the group where its key lives.
func (s *State) Undo(e, t int) Refusal {
	g := 0
	if w := s.writer(e); w != nil && s.txnOK(t) {
		if tx := w.txn(t); tx.active() {
			g = s.home(w, int32(e), entry{kind: Undo, t: int32(t)})
		}
	}
	return s.UndoIn(e, t, g)
}

// home returns the group in which the key of an entry lives. The transaction of an undo must be active.
func (s *State) home(w *writer, e int32, x entry) int {
	if x.kind == Undo {
		return s.world.Home(int(w.log[s.undone(w, e, x.t)-1].Key))
	}
	return s.world.Home(int(x.k))
}

// UndoIn is Undo in group g, which with Moves may be any.
func (s *State) UndoIn(e, t, g int) Refusal {
	w := s.writer(e)
	if refused := s.mayIssue(w); refused != "" {
		return refused
	}
	switch {
	case !w.settled():
		return Unsettled
	case !s.txnOK(t):
		return NoTxn
	}
	tx := w.txn(t)
	switch {
	case !tx.active():
		return NotActive
	case !s.world.Aborts && !s.world.Savepoints && w.own(e, &tx):
		return NoAborts
	}
	undone := &w.log[s.undone(w, int32(e), int32(t))-1]
	if refused := s.place(w, int(undone.Key), g); refused != "" {
		return refused
	}
	return s.issue(ActUndo, w, e, entry{kind: Undo, t: int32(t), group: int32(g), last: true})
}

// Structure: the writer of e changes a page of group g for no transaction. With last, the record ends its mini-transaction.
func (s *State) Structure(e, g int, last bool) Refusal {
	if !s.world.Structures {
		return NoStructures
	}
	w := s.writer(e)
	if refused := s.mayIssue(w); refused != "" {
		return refused
	}
	switch {
	case g < 0 || g >= s.world.Groups:
		return NoGroup
	case len(w.sets[g]) == 0:
		return NotInUse
	case !w.settled() && w.log[len(w.log)-1].Kind != Structure && s.bug != structureInsideMtr:
		return UnsettledTxn
	case !last && !s.world.Mtr:
		return NoMtr
	}
	return s.issue(ActStructure, w, e, entry{Structure, 0, -1, int32(g), last})
}

// complete is Complete(e, GroupOf[r], store[r]): the highest LSN of the group with no gap before it. It
// counts on from the LSN from, which must be complete already, or 0.
func (s *State) complete(w *writer, r, from int32) int32 {
	lsns := w.groups[s.GroupOf(int(r))]
	row := &s.replicas[r]
	next := 0
	if from > 0 {
		next = int(w.trails[from-1].pos) + 1
	}
	for next < len(lsns) && row.stored(lsns[next]) != 0 {
		from = lsns[next]
		next++
	}
	return from
}

// tell is Tell(e, r) after the store has changed: r acknowledges each record of e that it has.
// Only record c.l is new, unless the whole store is.
func (s *State) tell(c *change, whole bool) {
	e, rep := c.sclEpoch, &s.replicas[c.r]
	w := &s.writers[e-1]
	row := rep.gotRow(e, len(w.log))
	if !whole && s.bug == none { // a store then is that of its line, and has only grown by l
		row[c.l-1] = true
		c.savedGot = -1
		return
	}
	s.savedGot = append(s.savedGot, row...)
	c.savedGot = int32(len(row))
	clear(row)
	for _, l := range w.groups[s.GroupOf(int(c.r))] {
		row[l-1] = rep.stored(l) != 0
	}
}

// copies is Copies(e, l): how many replicas of the record's group have acknowledged record l to the writer of e.
func (s *State) copies(w *writer, e, l int32) int {
	n := 0
	members := s.members(int(w.log[l-1].Group))
	for r := range members {
		if members[r].gotAt(e, l) {
			n++
		}
	}
	return n
}

// keep is Keep(r, e, store[r]) after the store has changed: r tells the writer of e how far it is complete.
func (s *State) keep(r, e int32) {
	from := s.SCL(int(e), int(r))
	// On the line of e a store only grows, so what was complete stays complete. Three bugs break that.
	if from < 0 || s.replicas[r].line != e || s.bug == amnesia || s.bug == ackBeforeDurable || s.bug == appendPastLine {
		from = 0
	}
	s.replicas[r].setSCL(e, s.complete(&s.writers[e-1], r, int32(from)))
}

// Store: replica r makes record l of e durable and acknowledges how far it is complete. Kept records of
// older epochs travel the same way.
func (s *State) Store(e, l, r int) Refusal {
	w := s.writer(e)
	switch {
	case w == nil || w.phase < Repairing:
		return NotServing
	case !s.replicaOK(r):
		return NoReplica
	case l < 1 || l > len(w.log) || int(w.log[l-1].Group) != s.GroupOf(r):
		return OtherGroup
	}
	rep := &s.replicas[r]
	switch {
	case rep.stored(int32(l)) != 0:
		return AlreadyStored
	case rep.line != int32(e) && s.bug != appendPastLine:
		return OtherLine
	case rep.fence != int32(e) && s.bug != appendPastFence:
		return OtherFence
	}
	c := change{action: ActStore, e: int32(e), l: int32(l), r: int32(r), sclEpoch: int32(e), scl: rep.sclOf(e)}
	rep.put(int32(l), int16(w.log[l-1].Epoch))
	s.keep(int32(r), int32(e))
	if s.world.RecordAcks {
		s.tell(&c, false)
	}
	return s.took(c)
}

// Gossip: replica r copies record l from its peer p.
func (s *State) Gossip(r, p, l int) Refusal {
	switch {
	case !s.replicaOK(r) || !s.replicaOK(p):
		return NoReplica
	case s.GroupOf(r) != s.GroupOf(p):
		return PeerElsewhere
	case !s.lsnOK(l):
		return NoLSN
	}
	rep, peer := &s.replicas[r], &s.replicas[p]
	switch {
	case peer.stored(int32(l)) == 0:
		return PeerLacks
	case rep.stored(int32(l)) != 0:
		return AlreadyStored
	case s.bug == gossipAcrossLines && l > s.End(int(rep.line)):
		return BeyondLine
	case s.bug != gossipAcrossLines && peer.line != rep.line:
		return PeerOtherLine
	case rep.fence != rep.line:
		return FencedAway
	}
	e := rep.line
	c := change{action: ActGossip, r: int32(r), p: int32(p), l: int32(l), sclEpoch: e, scl: rep.sclOf(int(e))}
	rep.put(int32(l), peer.store[l-1])
	s.keep(int32(r), e)
	if s.world.RecordAcks {
		s.tell(&c, false)
	}
	return s.took(c)
}

// Advance: the writer of e learns that the next record is complete in its group.
func (s *State) Advance(e int) Refusal {
	w := s.writer(e)
	switch {
	case w == nil || w.phase != Open:
		return NotOpen
	case int(w.vcl) >= len(w.log):
		return NothingToCount
	}
	need := s.world.WriteQuorum
	if s.bug == shortWriteQuorum {
		need--
	}
	switch {
	case s.world.RecordAcks:
		if s.copies(w, int32(e), w.vcl+1) < need {
			return TooFewCopies
		}
	default:
		g := s.countedIn(&w.log[w.vcl])
		m := w.sets[g]
		if s.bug == countSettledAlone {
			m = m[:1]
		}
		if !s.writtenTo(m, s.completeTo(g, e, w.vcl+1), need) {
			return TooFewComplete
		}
	}
	w.vcl++
	return s.took(change{action: ActAdvance, e: int32(e)})
}

// countedIn returns the group whose replicas complete a record.
func (s *State) countedIn(r *Record) int {
	if s.bug == countAtHome && r.Kind != Structure {
		return s.world.Home(int(r.Key))
	}
	return int(r.Group)
}

// completeTo returns the replicas of group g that have acknowledged to e that they are complete up to l.
func (s *State) completeTo(g, e int, l int32) Set {
	var who Set
	members := s.members(g)
	for r := range members {
		if members[r].sclOf(e) >= l {
			who |= 1 << r
		}
	}
	return who
}

// holders returns the replicas of the record's group that hold record l of w.
func (s *State) holders(w *writer, l int32) Set {
	var who Set
	if w.log[l-1].Kind == Hole {
		return who // it is in no group
	}
	members := s.members(int(w.log[l-1].Group))
	for r := range members {
		if members[r].has(w, l) {
			who |= 1 << r
		}
	}
	return who
}

// members returns the replicas of group g.
func (s *State) members(g int) []replica {
	return s.replicas[g*s.world.Replicas : (g+1)*s.world.Replicas]
}

// Ack: the client is told that t is committed.
func (s *State) Ack(e, t int) Refusal {
	w := s.writer(e)
	switch {
	case w == nil || w.phase != Open:
		return NotOpen
	case !s.txnOK(t):
		return NoTxn
	case s.Acked(t):
		return AlreadyAcked
	}
	// A log has one commit record of t at most, since only an active transaction commits.
	l := w.txn(t).commit
	switch {
	case l == 0 || w.log[l-1].Epoch != int32(e):
		return NoCommit
	case s.bug == ackCommitAlone && s.holders(w, l).len() < s.world.WriteQuorum:
		return TooFewStored
	case s.bug != ackCommitAlone && l > w.vdl():
		return AboveVDL
	}
	c := change{action: ActAck, e: int32(e), t: int32(t), highest: s.highest}
	s.outcomes[t].acked = true
	s.acked = append(s.acked, int32(t))
	s.highest = max(s.highest, l)
	return s.took(c)
}

// Start: a new writer takes over, even while the one before still runs.
func (s *State) Start(e int) Refusal {
	switch {
	case !s.epochOK(e):
		return NoEpoch
	case e <= int(s.newest):
		return NotUnborn
	case e > int(s.newest)+1:
		return EarlierUnborn
	}
	s.grow(e)
	s.newest = int32(e)
	w := &s.writers[e-1]
	w.phase = Fencing
	w.made = s.learnt(e)
	w.sets = w.made
	return s.took(change{action: ActStart, e: int32(e)})
}

// Fence: replica r promises e to serve no older epoch, and answers what it has. From then on it is frozen
// until it joins, so the answer stays true.
//
// With Answers (VolumeTrace.tla) the answer travels. It may also come late, when e has decided already; then
// it is only a promise. Or a newer epoch fences r, or r even joins it, before e has decided: what r told stays
// what r told.
func (s *State) Fence(e, r int) Refusal {
	w := s.writer(e)
	switch {
	case w == nil && s.world.Answers:
		return IsUnborn
	case w == nil || w.phase != Fencing && !s.world.Answers:
		return NotFencing
	case !s.replicaOK(r):
		return NoReplica
	case s.replicas[r].fence >= int32(e):
		return FencedAlready
	}
	rep := &s.replicas[r]
	c := change{action: ActFence, e: int32(e), r: int32(r), fence: rep.fence}
	rep.fence = int32(e)
	if s.world.Answers && w.phase == Fencing {
		w.toldLine[r] = rep.line
		w.told[r] = append(w.told[r][:0], rep.store...)
	}
	return s.took(c)
}

// answered says whether r may be in the Q of Decide(e).
func (s *State) answered(w *writer, e, r int) bool {
	switch {
	case s.bug == decideUnfenced:
		return true
	case s.world.Answers:
		return w.toldLine[r] != 0
	}
	return s.replicas[r].fence == int32(e)
}

// answer returns what the fencing writer w knows of replica r: what it told, otherwise what it has.
func (s *State) answer(w *writer, r int) replica {
	if s.world.Answers && w.toldLine[r] != 0 {
		return replica{line: w.toldLine[r], store: w.told[r]}
	}
	return s.replicas[r]
}

// found says whether l is in Found(q): whether w knows of a replica of q that has record l of the log from.
func (s *State) found(w, from *writer, q *ReplicaSet, l int32) bool {
	for r := range s.replicas {
		if q.Has(r) {
			if answer := s.answer(w, r); answer.has(from, l) {
				return true
			}
		}
	}
	return false
}

// recover returns Newest(q) and Cut(q), what q would let the fencing writer w recover.
func (s *State) recover(w *writer, q ReplicaSet) (newest, cut int32) {
	for r := range s.replicas {
		if q.Has(r) {
			answer := s.answer(w, r)
			newest = max(newest, answer.line)
		}
	}
	from := &s.writers[newest-1]
	switch s.bug {
	case cutAtHighest:
		for cut = int32(len(from.log)); cut > 0 && !s.found(w, from, &q, cut); {
			cut--
		}
	case highestSCL:
		cut = s.sclGap(w, from, q)
	case cutPerGroup:
		for l, kept := range s.ungapped(w, from, q) {
			if kept && from.log[l].Last {
				cut = int32(l) + 1
			}
		}
	default:
		for int(cut) < len(from.log) && s.found(w, from, &q, cut+1) { // the first missing LSN ends it
			cut++
		}
	}
	switch s.bug {
	case cutInsideMtr:
	case cutInsideStructure:
		for cut > 0 && !from.log[cut-1].Last && from.log[cut-1].Kind != Structure {
			cut--
		}
	default:
		cut = from.cpl(cut)
	}
	return newest, cut
}

// sclGap is SclGap(Q): the highest LSN up to which no record is above the highest SCL of its group.
func (s *State) sclGap(w, from *writer, q ReplicaSet) (cut int32) {
	highest := make([]int32, s.world.Groups)
	for r := range s.replicas {
		if !q.Has(r) {
			continue
		}
		g, answer := s.GroupOf(r), s.answer(w, r)
		for _, l := range from.groups[g] {
			if !answer.has(from, l) {
				break
			}
			highest[g] = max(highest[g], l)
		}
	}
	for int(cut) < len(from.log) && cut < highest[from.log[cut].Group] {
		cut++
	}
	return cut
}

// ungapped is Ungapped(Q): for each LSN less 1, whether nothing is missing before it in its own group.
func (s *State) ungapped(w, from *writer, q ReplicaSet) []bool {
	kept, gap := make([]bool, len(from.log)), make([]bool, s.world.Groups+1)
	for i := range from.log {
		g := from.log[i].Group + 1 // holes are a group of their own
		gap[g] = gap[g] || !s.found(w, from, &q, int32(i)+1)
		kept[i] = !gap[g]
	}
	return kept
}

// holes returns the LSNs up to the cut that a recovery from q leaves out, which only the bug cut-per-group does.
func (s *State) holes(w *writer, q ReplicaSet, newest, cut int32) []int32 {
	if s.bug != cutPerGroup {
		return nil
	}
	from := &s.writers[newest-1]
	var holes []int32
	for i, kept := range s.ungapped(w, from, q)[:cut] {
		if !kept {
			holes = append(holes, int32(i)+1)
		}
	}
	return holes
}

// Decide: with a read quorum q of answers from every group, e cuts the log at the first missing LSN.
func (s *State) Decide(e int, q ReplicaSet) Refusal {
	w := s.writer(e)
	if w == nil || w.phase != Fencing {
		return NotFencing
	}
	for r := range len(s.replicas) {
		if q.Has(r) && !s.answered(w, e, r) {
			if s.world.Answers {
				return Untold
			}
			return Unfenced
		}
	}
	if !s.readFrom(w.sets, q, s.decisionQuorum(), true) {
		return NoReadQuorum
	}
	newest, cut := s.recover(w, q)
	return s.decide(e, q, newest, cut, s.holes(w, q, newest, cut))
}

// decide is the effect of Decide when newest and cut are Newest(q) and Cut(q). LSNs in holes, which ascend, are left out.
func (s *State) decide(e int, q ReplicaSet, newest, cut int32, holes []int32) Refusal {
	w := &s.writers[e-1]
	c := change{action: ActDecide, e: int32(e), quorum: q}
	from := &s.writers[newest-1]
	for l := int32(0); l < cut; l++ {
		if len(holes) > 0 && holes[0] == l+1 {
			s.push(int32(e), theHole())
			holes = holes[1:]
			continue
		}
		s.push(int32(e), from.log[l])
	}
	w.base = cut
	w.phase = Repairing // from here on no action reads what the replicas told, so it has left the state
	return s.took(c)
}

// decisionQuorum returns how many answers a group owes to Decide.
func (s *State) decisionQuorum() int {
	if s.bug == shortReadQuorum {
		return s.world.ReadQuorum - 1
	}
	return s.world.ReadQuorum
}

// Join: replica r drops what is not on the log of e, and belongs to e from now.
func (s *State) Join(e, r int) Refusal {
	w := s.writer(e)
	switch {
	case w == nil || w.phase < Repairing:
		return NotServing
	case !s.replicaOK(r):
		return NoReplica
	case s.replicas[r].fence > int32(e):
		return FencedByNewer
	case s.replicas[r].line >= int32(e):
		return JoinedAlready
	}
	rep := &s.replicas[r]
	c := change{action: ActJoin, e: int32(e), r: int32(r), fence: rep.fence, line: rep.line,
		sclEpoch: int32(e), scl: rep.sclOf(e), saved: s.save(rep)}
	for i, stored := range rep.store {
		l := int32(i) + 1
		kept := l <= w.base || s.bug == joinKeepsTail
		onLog := s.bug == forgetLineage || s.bug == joinKeepsTail || rep.has(w, l)
		if stored != 0 && !(kept && onLog) {
			rep.store[i] = 0
		}
	}
	rep.fence, rep.line = int32(e), int32(e)
	s.keep(int32(r), int32(e))
	if s.world.RecordAcks {
		s.tell(&c, true)
	}
	return s.took(c)
}

// save keeps the store of a replica that is about to be rewritten.
func (s *State) save(rep *replica) int32 {
	s.saved = append(s.saved, rep.store...)
	return int32(len(rep.store))
}

// Open: everything kept is on a write quorum of every group: e serves.
func (s *State) Open(e int) Refusal {
	w := s.writer(e)
	if w == nil || w.phase != Repairing {
		return NotRepairing
	}
	for g, m := range w.sets {
		if s.world.RecordAcks {
			if refused := s.unrepaired(w, int32(e), g); refused != "" {
				return refused
			}
			continue
		}
		need := int32(0) // LastIn(e, g, base[e]); before it opens, e has only what it kept
		if n := len(w.groups[g]); n > 0 && s.bug != openBeforeRepair {
			need = w.groups[g][n-1]
		}
		if !s.writtenTo(m, s.completeTo(g, e, need), s.world.WriteQuorum) { // of no sets when the group is not in use
			return Unrepaired
		}
	}
	w.phase, w.vcl = Open, w.base
	return s.took(change{action: ActOpen, e: int32(e)})
}

// unrepaired refuses to open when too few of group g have joined e, or have acknowledged one of the records that it kept.
func (s *State) unrepaired(w *writer, e int32, g int) Refusal {
	if s.completeTo(g, int(e), 0).len() < s.world.WriteQuorum {
		return TooFewJoined
	}
	if s.bug == openBeforeRepair {
		return ""
	}
	for _, l := range w.groups[g] {
		if s.copies(w, e, l) < s.world.WriteQuorum {
			return Uncopied
		}
	}
	return ""
}

// Amnesia is a bug: r loses its disk and comes back as if nothing happened.
func (s *State) Amnesia(r int) Refusal {
	switch {
	case s.bug != amnesia:
		return NoSuchBug
	case !s.replicaOK(r):
		return NoReplica
	}
	rep := &s.replicas[r]
	empty := true
	for _, stored := range rep.store {
		empty = empty && stored == 0
	}
	if empty {
		return NothingStored
	}
	c := change{action: ActAmnesia, r: int32(r), saved: s.save(rep)}
	clear(rep.store)
	return s.took(c)
}

// AckEarly is a bug: r acknowledges l before it is durable.
func (s *State) AckEarly(e, l, r int) Refusal {
	w := s.writer(e)
	switch {
	case s.bug != ackBeforeDurable:
		return NoEarlyAck
	case w == nil || w.phase != Open:
		return NotOpen
	case !s.replicaOK(r):
		return NoReplica
	}
	rep := &s.replicas[r]
	switch {
	case rep.line != int32(e):
		return OtherLine
	case rep.fence != int32(e):
		return OtherFence
	case l < 1 || l > len(w.log) || int(w.log[l-1].Group) != s.GroupOf(r):
		return OtherGroup
	case s.world.RecordAcks && rep.gotAt(int32(e), int32(l)):
		return GotAlready
	case !s.world.RecordAcks && rep.sclOf(e) >= int32(l):
		return AlreadyComplete
	}
	c := change{action: ActAckEarly, e: int32(e), l: int32(l), r: int32(r), sclEpoch: int32(e), scl: rep.sclOf(e)}
	if s.world.RecordAcks {
		rep.gotRow(int32(e), l)[l-1] = true
		c.savedGot = -1
	} else {
		rep.setSCL(int32(e), int32(l))
	}
	return s.took(c)
}
