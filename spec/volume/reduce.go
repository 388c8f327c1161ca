package volume

import (
	"slices"

	"github.com/firstgap/firstgap/spec/check"
)

// Partial-order reduction of this model, in the words of package check. Persistent sets are declared:
//
//	{Open(e)}         whenever it is possible
//	{Advance(e)}      whenever it is possible
//	{Ack(e, t)}       whenever it is possible
//	{Join(m, r)}      of the last epoch m = MaxEpoch, whenever it is possible and r is fenced for m already
//	{Store(m, l, r)}  of the last epoch, whenever it is possible
//	all that the writer of e may append, whenever that is something and every transaction has started
//
// and Gossip is left out, because each is a Store.
//
// Why they are persistent. What Open, Advance and Ack read only rises: a phase, the SCLs and single acknowledgements of an epoch,
// a VCL; a log at an LSN that it has stays as it is. Their guards ask for no less of each. So no other step makes one
// impossible. What they write, others read only in guards that ask for more of it: the phase of e (Store, Join and Answers take
// repairing and open alike), the VCL of e (Ack, and the LAL), acked (only Ack of the same transaction, and only one epoch has its
// commit). So they make no other step impossible, and both orders lead to the same state.
//
// A replica that is fenced for the last epoch is fenced by no other, and joins no other. Before it joins, all that others read
// of it is what Gossip copies, which is a Store as well; Decide reads only those that are fenced for its own epoch, and m has
// decided. Afterwards it only stores, and what it tells of that to the writer of m only rises.
//
// A writer appends by what its own log says, and by which transactions have started on any: for a transaction that has not,
// another writer's first Write makes this one's impossible, so this set is declared only when all have. Below the LAL its guard
// stays true, since the VDL only rises. Others read the log of e, but what they read of it is there already: Store and Join
// count a replica complete up to the first gap, and no replica that follows e has stored at an LSN that the log does not have
// yet (OneLog). For the same reason no cut reaches the new record.
//
// Why they hide no violation. Open makes hypotheses true (CompleteIsStored, FreshRead, UndoRestores), Advance lengthens a range
// (CompleteIsStored), Ack adds to a range (Durable, NothingLost, FreshRead), an append lengthens what WithinLAL limits. That
// makes no false invariant true. Of what an append changes besides, an unheld key's value can become a held key's
// (UndoRestores), but that invariant is about the log of e, which only steps of the set change.
//
// Join and Store of the last epoch change neither a log, a phase nor a fence, and nothing of another replica. OneLog of r itself
// no other step has broken since the set was declared, for none touches r, and a log only grows. KeptIsStored and
// CompleteIsStored are about m, which has decided. No step makes them false, so there is nothing to hide: Join drops no record that
// the log of m has; and what m counts, an SCL or single acknowledgements of a write quorum, stands for records that are stored
// and stay so, since on one line a store only grows. Durable is false only where NothingLost is: if t is acknowledged and on
// every later log that was decided, each record up to its commit was told to its writer by a write quorum, and whoever of these
// joined a later epoch since has kept it, because that log has it, too. Every read quorum overlaps with them, for each record. So
// its newest line is t's epoch or later and has t, and its cut is not below the commit. NothingLost speaks of logs alone.
//
// Why nothing comes back: every step raises a phase, a log, a VCL, a fence, a line, acked, or the records stored by a replica
// whose line stays.
//
// Why Gossip is a Store. A replica that follows e does so since it joined e, and e has decided then. What its peer on the same
// line stores at l is the record of the log of e, of their group (OneLog). So Store(e, l, r) is possible and does the same.
//
// Not declared, with the schedule that forbids it:
//
//   - {Store(e, l, r)} of an epoch that is not the last: a fence for a newer one makes it impossible.
//   - the same under short-write-quorum: Advance with one copy too few is a violation only until the next copy.
//   - {Start(e)}: KeptIsStored and CompleteIsStored are about the newest writer, so it makes them true.
//   - {Fence(e, r)}: Decide(e) makes it impossible, and it a Store or a Gossip of r.
//   - {Join(e, r)} before r is fenced for e, or of an epoch that is not the last: a fence for a newer epoch makes it impossible.

// reducible says whether that holds of the world, but for Join and Store. It does not of those in which quorum sets change, for then a
// writer's steps depend on the register. And not of bugs with which an SCL falls (amnesia, ack-before-durable,
// append-past-line), an acknowledgement becomes impossible (ack-commit-alone), or a copy is none of the log
// (gossip-across-lines).
func (m *Model) reducible() bool {
	switch m.bug {
	case amnesia, ackBeforeDurable, appendPastLine, ackCommitAlone, gossipAcrossLines:
		return false
	}
	return m.world.Members <= 1 && !m.world.Grows
}

// settles says whether it holds of Join and Store, too: where quorums overlap and all keep pages, and where no bug is in who counts
// what as stored, in when a replica is frozen, or in how far Durable takes a cut to reach.
func (m *Model) settles() bool {
	switch m.bug {
	case none, cutAtHighest, cutInsideMtr, shortReadQuorum, forgetLineage, joinKeepsTail, undoRestarts, undoToZero, readUnfenced,
		allocatePastLAL, cutInsideStructure, structureInsideMtr, undoPastSavepoint:
		return m.world.WriteQuorum+m.world.ReadQuorum > m.world.Replicas && len(m.world.Tails) == 0
	}
	return false
}

// Reduced returns the model without the steps that persistent sets leave out.
func (m *Model) Reduced() (check.Model, bool) {
	return reducedModel{m, m.settles()}, m.reducible()
}

// Reduced says that there is no reduction: what is proved takes for granted that OneLog holds before each step.
func (m some) Reduced() (check.Model, bool) { return nil, false }

// A reducedModel is a model of which a search takes fewer steps.
type reducedModel struct {
	*Model
	settles bool
}

// Actions returns those of the model without Gossip.
func (m reducedModel) Actions() []string {
	var names []string
	for a := Action(0); a < actions; a++ {
		if m.has(a) && a != ActGossip {
			names = append(names, a.String())
		}
	}
	return names
}

// Reductions returns those of the model, and this one.
func (m reducedModel) Reductions() []string {
	return append(m.Model.Reductions(), "partial order: Open, Advance, Ack, a writer's records and the copies of the last epoch come first where they can; Gossip is taken as the Store that does the same")
}

func (m reducedModel) NewMachine() check.Machine {
	whole := m.Model.NewMachine().(*machine)
	r := &reducedMachine{machine: whole, allPlaces: whole.places, settles: m.settles}
	for a := ActGossip + 1; a < actions; a++ {
		whole.places[a]--
	}
	whole.reduced = true
	return r
}

// A reducedMachine takes the steps of one persistent set where there is one.
type reducedMachine struct {
	*machine
	allPlaces  [actions]int // the places of the actions in the model that takes every step
	settles    bool         // Model.settles
	narrowed   bool
	candidates []candidate
}

// A wholeMachine takes every step of the machine that it shares, also those of replicas that are alike: a persistent set is told by the
// names of its steps, and after another step they may be alike no more.
type wholeMachine struct{ *reducedMachine }

func (m wholeMachine) Next(visit func(action, times int) bool) {
	m.ready()
	places, likes := m.places, m.parts.likes
	m.places, m.machine.reduced, m.parts.likes = m.allPlaces, false, slices.Repeat([]int{1}, len(likes))
	defer func() { m.places, m.machine.reduced, m.parts.likes = places, true, likes }()
	m.machine.Next(visit)
}

// A candidate is a persistent set that may be declared in a state: one action with its parameters, or for a Write all that the
// writer of e may append. It is declared where a step of it is possible.
type candidate struct {
	action  Action
	e, t, l int
	r       int
}

func (m *reducedMachine) Narrowed() bool       { return m.narrowed }
func (m *reducedMachine) Whole() check.Machine { return wholeMachine{m} }

// Next takes the first persistent set.
func (m *reducedMachine) Next(visit func(action, times int) bool) {
	m.ready()
	m.find()
	for _, c := range m.candidates {
		taken, stay := m.take(c, visit)
		if taken {
			m.narrowed = true
		}
		if taken || stay {
			return
		}
	}
	m.narrowed = false
	m.machine.Next(visit)
}

// Sets takes them all.
func (m *reducedMachine) Sets(visit func(set, action, times int)) {
	m.find()
	set := 0
	for _, c := range m.candidates {
		taken, _ := m.take(c, func(action, times int) bool { visit(set, action, times); return true })
		if taken {
			set++
		}
	}
}

// find lists the candidates.
func (m *reducedMachine) find() {
	m.ready()
	m.candidates = m.candidates[:0]
	for e := 1; e <= int(m.newest); e++ {
		switch m.Phase(e) {
		case Repairing:
			m.candidates = append(m.candidates, candidate{action: ActOpen, e: e})
		case Open:
			m.candidates = append(m.candidates, candidate{action: ActAdvance, e: e})
			for t := 1; t <= int(m.started); t++ {
				m.candidates = append(m.candidates, candidate{action: ActAck, e: e, t: t})
			}
		}
	}
	if last := m.world.MaxEpoch; m.settles && m.Phase(last) >= Repairing {
		for r := range m.replicas {
			m.settle(last, r)
		}
	}
	for e := 1; e <= int(m.newest) && int(m.started) == m.world.Txns; e++ {
		m.candidates = append(m.candidates, candidate{action: ActWrite, e: e})
	}
}

// settle lists what replica r may still do once it is fenced for the last epoch.
func (m *reducedMachine) settle(last, r int) {
	rep := &m.replicas[r]
	switch {
	case int(rep.fence) < last:
		return
	case int(rep.line) < last:
		m.candidates = append(m.candidates, candidate{action: ActJoin, e: last, r: r})
		return
	}
	for _, l := range m.writers[last-1].groups[m.GroupOf(r)] {
		if rep.stored(l) == 0 {
			m.candidates = append(m.candidates, candidate{action: ActStore, e: last, l: int(l), r: r})
		}
	}
}

// take takes the steps of a candidate. It says whether there was one, and whether it stays in the state after one.
func (m *reducedMachine) take(c candidate, visit func(action, times int) bool) (taken, stay bool) {
	var refused Refusal
	switch c.action {
	case ActOpen:
		refused = m.Open(c.e)
	case ActAdvance:
		refused = m.Advance(c.e)
	case ActAck:
		refused = m.Ack(c.e, c.t)
	case ActJoin:
		refused = m.Join(c.e, c.r)
	case ActStore:
		refused = m.Store(c.e, c.l, c.r)
	default:
		return m.append(c.e, visit)
	}
	if refused != "" {
		return false, false
	}
	if !visit(m.places[c.action], 1) {
		return true, true
	}
	m.TakeBack()
	return true, false
}

// append takes every step by which the writer of e appends to its log.
func (m *reducedMachine) append(e int, visit func(action, times int) bool) (taken, stay bool) {
	stay = !m.writerSteps(e, func(a Action, times int, refused Refusal) bool {
		switch {
		case refused != "":
			return true
		case a == ActAck: // appends nothing
			return m.TakeBack()
		}
		taken = true
		return visit(m.places[a], times) && m.TakeBack()
	})
	return taken, stay
}
