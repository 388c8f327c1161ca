package volume

// An Invariant is a statement that the module makes about every state.
type Invariant struct {
	Name      string
	Guarantee string            // what it promises, as the module's comment puts it
	Holds     func(*State) bool // evaluates it in full
}

// Invariants returns the nine of Volume.tla, in the module's order. They are decided in every world.
func Invariants() []Invariant { return invariants()[:ofVolume] }

// Invariants returns those that are decided in the world: the nine, and in one of VolumeAcks.tla that module's two.
func (w World) Invariants() []Invariant {
	if w.ofAcks() {
		return invariants()
	}
	return Invariants()
}

const ofVolume = 9 // how many of the invariants are those of Volume.tla

func invariants() []Invariant {
	return []Invariant{
		{"TypeOK", "A writer's log consists of what it kept, written by earlier epochs, and then of its own records; no replica follows an epoch that it has not promised to serve.", (*State).typeOK},
		{"OneLog", "A replica stores nothing but records of the log that it follows.", (*State).oneLog},
		{"Durable", "Whichever read quorum answers, an acknowledged transaction survives; so it survives the loss of all replicas outside that quorum, too.", (*State).durable},
		{"NothingLost", "No cut has ever taken away an acknowledged transaction.", (*State).nothingLost},
		{"KeptIsStored", "While no successor has started, what a writer kept is on some replica.", (*State).keptIsStored},
		{"CompleteIsStored", "While no successor has started, what a writer holds complete is on a write quorum of the set that has the read vote.", (*State).completeIsStored},
		{"FreshRead", "A writer that still reaches enough unfenced replicas of some group has every acknowledged transaction on its log, so what it reads is fresh.", (*State).freshRead},
		{"UndoRestores", "A key that no transaction holds has the value of the last committed transaction that changed it.", (*State).undoRestores},
		{"MtrAtomic", "A cut never splits a mini-transaction, and each is of one transaction, or of none.", (*State).mtrAtomic},
		{"WithinLAL", "Nothing that an older writer has allocated, or will, lies above the LSNs that a recovery annuls: those from its cut to the cut + LAL.", (*State).withinLAL},
		{"TxnAtomic", "A cut never splits a transaction: where its commit is, its changes are.", (*State).txnAtomic},
	}
}

// Broken returns the first invariant that does not hold, in the module's order, and whether there is one.
func (s *State) Broken() (Invariant, bool) { return invariantAt(s.broken()) }

// BrokenByLastStep is Broken for a state in which every invariant held before the last action. It looks only
// at what that action can have changed, so that its cost does not grow with the log.
func (s *State) BrokenByLastStep() (Invariant, bool) { return invariantAt(s.brokenByLastStep()) }

func invariantAt(i int) (Invariant, bool) {
	if i < 0 {
		return Invariant{}, false
	}
	return invariants()[i], true
}

// broken returns the place in Invariants of the first that does not hold, or -1.
func (s *State) broken() int {
	switch {
	case !s.typeOK():
		return 0
	case !s.oneLog():
		return 1
	case !s.durable():
		return 2
	case !s.nothingLost():
		return 3
	case !s.keptIsStored():
		return 4
	case !s.completeIsStored():
		return 5
	case !s.freshRead():
		return 6
	case !s.undoRestores():
		return 7
	case !s.mtrAtomic():
		return 8
	case !s.acks:
	case !s.withinLAL():
		return 9
	case !s.txnAtomic():
		return 10
	}
	return -1
}

// brokenByLastStep is broken for a state in which all held before the last action.
func (s *State) brokenByLastStep() int {
	if len(s.journal) == 0 {
		return s.broken()
	}
	c := &s.journal[len(s.journal)-1]
	switch {
	case !s.typeOKAfter(c):
		return 0
	case !s.oneLogAfter(c):
		return 1
	case !s.durableAfter(c):
		return 2
	case !s.nothingLostAfter(c):
		return 3
	case !s.keptIsStoredAfter(c):
		return 4
	case !s.completeIsStoredAfter(c):
		return 5
	case !s.freshReadAfter(c):
		return 6
	case !s.undoRestoresAfter(c):
		return 7
	case !s.mtrAtomicAfter(c):
		return 8
	case !s.acks:
	case !s.withinLALAfter(c):
		return 9
	case !s.txnAtomicAfter(c):
		return 10
	}
	return -1
}

func (s *State) typeOK() bool {
	for e := 1; e <= int(s.newest); e++ {
		if !s.typeOKWriter(e) {
			return false
		}
	}
	for r := range s.replicas {
		if s.replicas[r].line > s.replicas[r].fence {
			return false
		}
	}
	return true
}

func (s *State) typeOKWriter(e int) bool {
	w := &s.writers[e-1]
	if int(w.base) > len(w.log) || int(w.vcl) > len(w.log) {
		return false
	}
	for i := range w.log {
		if (w.log[i].Epoch == int32(e)) != (int32(i) >= w.base) {
			return false
		}
	}
	return true
}

func (s *State) oneLog() bool {
	for r := range s.replicas {
		if !s.oneLogReplica(r) {
			return false
		}
	}
	return true
}

func (s *State) oneLogReplica(r int) bool {
	for i := range s.replicas[r].store {
		if !s.oneLogAt(r, int32(i)+1) {
			return false
		}
	}
	return true
}

func (s *State) oneLogAt(r int, l int32) bool {
	rep := &s.replicas[r]
	if rep.stored(l) == 0 {
		return true
	}
	w := &s.writers[rep.line-1]
	return rep.has(w, l) && int(w.log[l-1].Group) == s.GroupOf(r)
}

// durable does not go through all subsets Q of the replicas. Among those with Newest(Q) = n, the one that has
// the best chance to miss record l is the set of all replicas that follow n or older and do not have l: with
// more members it is no less a read quorum. So for each line n that some replica follows, and each l that an
// acknowledged commit needs, one set decides. durableByDefinition is the module's formula, which tests and
// the bugs that this does not fit use.
func (s *State) durable() bool {
	if len(s.acked) == 0 {
		return true
	}
	if s.cutsOtherwise() {
		return s.durableByDefinition()
	}
	for n := int32(1); n <= s.newest; n++ {
		if !s.durableOn(n, 1) {
			return false
		}
	}
	return true
}

// cutsOtherwise says whether a cut is not at the first missing LSN of all.
func (s *State) cutsOtherwise() bool {
	return s.bug == cutAtHighest || s.bug == highestSCL || s.bug == cutPerGroup
}

// durableOn is durable as far as it concerns the read quorums with Newest(Q) = n and the LSNs from the one given.
func (s *State) durableOn(n, from int32) bool {
	if !s.lacking(n, 0) {
		return true // no read quorum has this Newest
	}
	w := &s.writers[n-1]
	for _, t := range s.acked {
		if !s.on(w, t) {
			return false
		}
	}
	// The commits are on the log of n, and a commit is a CPL, so a Cut is at or above the highest of them if
	// and only if nothing at or below it is missing.
	for l := from; l <= s.highest; l++ {
		if s.lacking(n, l) {
			return false
		}
	}
	return true
}

// lacking says whether some read quorum with Newest(Q) = n does not have record l of the log of n. With 0
// for l it says whether there is such a quorum at all.
func (s *State) lacking(n, l int32) bool {
	w := &s.writers[n-1]
	follows := false
	first := 0
	if l != 0 {
		first = int(w.log[l-1].Group) // where a quorum that lacks l is least likely
	}
	register := s.register()
	for i := range s.world.Groups {
		g := (first + i) % s.world.Groups
		members, in := s.members(g), Set(0)
		for r := range members {
			rep := &members[r]
			if rep.line <= n && (l == 0 || !rep.has(w, l)) {
				in |= 1 << r
				follows = follows || rep.line == n
			}
		}
		if m := register[g]; len(m) > 0 && !s.isRead(m[0], in, s.world.ReadQuorum) {
			return false
		}
	}
	return follows
}

// durableByDefinition evaluates Durable over all read quorums, one by one.
func (s *State) durableByDefinition() bool {
	var all, q ReplicaSet
	for r := range s.replicas {
		all.add(r)
	}
	if len(s.acked) == 0 {
		return true
	}
	var none writer // with nothing told: every replica answers with what it has
	none.toldLine = make([]int32, len(s.replicas))
	for {
		q = all.nextSubset(q)
		if q == (ReplicaSet{}) {
			return true
		}
		if !s.readFrom(s.register(), q, s.world.ReadQuorum, false) {
			continue
		}
		newest, cut := s.recover(&none, q)
		for _, t := range s.acked {
			if s.outcomes[t].lsn > cut || !s.on(&s.writers[newest-1], t) {
				return false
			}
		}
	}
}

func (s *State) nothingLost() bool {
	for e := int32(1); e <= s.newest; e++ {
		if !s.nothingLostTo(e) {
			return false
		}
	}
	return true
}

func (s *State) nothingLostTo(e int32) bool {
	w := &s.writers[e-1]
	if w.phase < Repairing {
		return true
	}
	for _, t := range s.acked {
		if e >= s.outcomes[t].epoch && !s.on(w, t) {
			return false
		}
	}
	return true
}

// lastWriter returns the writer that no successor has started after: the only one that KeptIsStored and
// CompleteIsStored speak of.
func (s *State) lastWriter() *writer { return &s.writers[s.newest-1] }

func (s *State) keptIsStored() bool {
	w := s.lastWriter()
	if w.phase < Repairing {
		return true
	}
	for l := int32(1); l <= w.base; l++ {
		if !s.somebodyHas(w, l) {
			return false
		}
	}
	return true
}

func (s *State) somebodyHas(w *writer, l int32) bool {
	for r := range s.replicas {
		if s.replicas[r].has(w, l) {
			return true
		}
	}
	return false
}

func (s *State) completeIsStored() bool {
	w := s.lastWriter()
	if w.phase != Open {
		return true
	}
	for l := int32(1); l <= w.vcl; l++ {
		if !s.completeStored(w, l) {
			return false
		}
	}
	return true
}

// completeStored says whether record l is on a write quorum of the set of its group that has the read vote, as w knows it
// and as it is.
func (s *State) completeStored(w *writer, l int32) bool {
	if w.log[l-1].Kind == Hole {
		return false // it is in no group
	}
	g, who := w.log[l-1].Group, s.holders(w, l)
	stored := func(m Membership) bool { return len(m) > 0 && s.isWritten(m[0], who, s.world.WriteQuorum) }
	return stored(w.sets[g]) && stored(w.made[g])
}

func (s *State) freshRead() bool {
	if len(s.acked) == 0 {
		return true
	}
	for e := int32(1); e <= s.newest; e++ {
		if !s.freshReadOf(e) {
			return false
		}
	}
	return true
}

func (s *State) freshReadOf(e int32) bool {
	w := &s.writers[e-1]
	if w.phase != Open || !s.reachesEnough(e) {
		return true
	}
	for _, t := range s.acked {
		if !s.on(w, t) {
			return false
		}
	}
	return true
}

// reachesEnough says whether e reaches so many unfenced replicas of some group that no newer writer can have
// a write quorum there.
func (s *State) reachesEnough(e int32) bool {
	if s.bug == readUnfenced {
		return true
	}
	for g, m := range s.writers[e-1].sets {
		members, fenced := s.members(g), Set(0)
		for r := range members {
			if members[r].fence > e {
				fenced |= 1 << r
			}
		}
		if len(m) > 0 && s.blocked(m, fenced) {
			return true
		}
	}
	return false
}

// blocked says that no set of m has a write quorum among the fenced. One set would not do: a change may be made of which
// the writer has not heard, and its successor be open on another set alone.
func (s *State) blocked(m Membership, fenced Set) bool {
	for _, set := range m {
		if written := s.isWritten(set, fenced, s.world.WriteQuorum); written != (s.bug == blockOneSet) {
			return !written
		}
	}
	return s.bug != blockOneSet
}

func (s *State) undoRestores() bool {
	for e := int32(1); e <= s.newest; e++ {
		if !s.undoRestoresIn(e) {
			return false
		}
	}
	return true
}

func (s *State) undoRestoresIn(e int32) bool {
	w := &s.writers[e-1]
	if w.phase != Open {
		return true
	}
	for k := range w.keys {
		if !w.restored(&w.keys[k]) {
			return false
		}
	}
	return true
}

// restored says whether a key is held, or else has the value that the last committed write gave it.
func (w *writer) restored(k *keyIndex) bool {
	if k.holder != 0 {
		return true
	}
	if k.committed == 0 {
		return k.value == 0
	}
	return k.value == w.log[k.committed-1].New
}

func (s *State) mtrAtomic() bool {
	for e := int32(1); e <= s.newest; e++ {
		if !s.mtrAtomicIn(e) {
			return false
		}
	}
	return true
}

func (s *State) mtrAtomicIn(e int32) bool {
	w := &s.writers[e-1]
	if w.phase < Repairing {
		return true
	}
	for i := 1; i < len(w.log); i++ {
		if !w.oneMtr(i) {
			return false
		}
	}
	return w.base == 0 || w.log[w.base-1].Last
}

// oneMtr says whether the record with LSN i+1, and the one before it, belong together or do not.
func (w *writer) oneMtr(i int) bool {
	return i == 0 || w.log[i-1].Last || w.log[i-1].Txn == w.log[i].Txn
}

func (s *State) withinLAL() bool {
	for e := int32(2); e <= s.newest; e++ {
		if !s.withinLALOf(e, 1, e-1) {
			return false
		}
	}
	return true
}

// withinLALOf is WithinLAL of the recovery of e and the older writers from first to last.
func (s *State) withinLALOf(e, first, last int32) bool {
	w := &s.writers[e-1]
	if s.world.LAL == 0 || w.phase < Repairing {
		return true
	}
	for d := first; d <= last; d++ {
		if len(s.writers[d-1].log) > int(w.base)+s.world.LAL {
			return false
		}
	}
	return true
}

func (s *State) txnAtomic() bool {
	for e := int32(1); e <= s.newest; e++ {
		if !s.txnAtomicIn(e) {
			return false
		}
	}
	return true
}

func (s *State) txnAtomicIn(e int32) bool {
	w := &s.writers[e-1]
	if w.phase < Repairing {
		return true
	}
	for t := range w.txns {
		if w.txns[t].commit == 0 {
			continue
		}
		own := &s.writers[s.outcomes[t].epoch-1] // of the epoch that committed it
		for l := own.txns[t].last; l != 0; l = own.trails[l-1].prev {
			if int(l) > len(w.log) || w.log[l-1].Epoch != own.log[l-1].Epoch {
				return false
			}
		}
	}
	return true
}
