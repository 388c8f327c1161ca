// Package placement is the model of where the replicas of one protection group are placed, and of which failures
// its quorums survive: spec/tla/Placement.tla, action by action and under the same names.
//
// Replicas live on hosts, hosts in AZs, and any set of replicas may be out at any moment. A failure that is detected
// costs no more than an answer; a silent one, a replica that forgets and votes on, costs the overlap of the quorums.
// The package also computes, without a search, in how many of all sets of failures a design keeps writes, reads and
// data, and renders the designs of the field side by side (Table).
//
// Use package volume or quorum instead when an engineer asks about the order of events: here a failure has no moment.
package placement

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// A set is a set of replicas, or of LSNs; both count from 1.
type set uint16

func setOf(members []int) set {
	var s set
	for _, m := range members {
		s |= only(m)
	}
	return s
}

func only(member int) set           { return 1 << (member - 1) }
func upTo(last int) set             { return 1<<last - 1 }
func (s set) has(member int) bool   { return s&only(member) != 0 }
func (s set) len() int              { return bits.OnesCount16(uint16(s)) }
func (s set) within(other set) bool { return s&^other == 0 }

func (s set) members() []int {
	var list []int
	for ; s != 0; s &= s - 1 {
		list = append(list, 1+bits.TrailingZeros16(uint16(s)))
	}
	return list
}

// subsets calls do with every subset of s, the empty one first, until it returns false.
func (s set) subsets(do func(set) bool) {
	for sub := set(0); ; {
		if !do(sub) {
			return
		}
		if sub = (sub - s) & s; sub == 0 {
			return
		}
	}
}

// String lists the members as TLA+ does.
func (s set) String() string {
	return "{" + strings.Trim(strings.ReplaceAll(fmt.Sprint(s.members()), " ", ", "), "[]") + "}"
}

// What a replica's status may be.
const (
	up uint8 = iota
	down
	lost
)

// A state has the variables of the module; replica r is at r-1.
type state struct {
	Status [maxReplicas]uint8
	Store  [maxReplicas]uint8 // the records on its disk, as a set
	Told   [maxReplicas]uint8 // the records that the writer counts it for, as a set
	Acked  uint8              // the records 1..Acked are acknowledged to the client
}

// A module is Placement.tla with its constants fixed.
type module struct {
	World
	azs, hosts    []set
	replica, full set
	writes, reads []bool // IsWrite and IsRead, by set
	nothing       []set  // but the empty set: {{}}
	figures       Figures
}

func newModule(w World) *module {
	m := newQuorums(w)
	m.figures = m.count()
	return m
}

// newQuorums returns the module without its figures, which take longer than all the rest.
func newQuorums(w World) *module {
	m := &module{World: w, replica: upTo(w.replicas()), full: setOf(w.Full), nothing: []set{0}}
	for _, a := range w.AZs {
		m.azs = append(m.azs, setOf(a))
	}
	for _, h := range w.Hosts {
		m.hosts = append(m.hosts, setOf(h))
	}
	m.replica.subsets(func(q set) bool {
		m.writes = append(m.writes, m.isWrite(q))
		m.reads = append(m.reads, m.isRead(q))
		return true
	})
	return m
}

func (m *module) isWrite(q set) bool {
	short := 0
	if m.Bug == "short-write-quorum" {
		short = 1
	}
	return q.len() >= m.WriteQuorum-short ||
		m.WriteFull > 0 && (q&m.full).len() >= m.WriteFull-short
}

func (m *module) isRead(q set) bool {
	short := 0
	if m.Bug == "short-read-quorum" {
		short = 1
	}
	return q.len() >= m.ReadQuorum-short &&
		((q&m.full).len() >= m.ReadFull || m.Bug == "read-without-full")
}

// where returns the replicas of which holds says so.
func (m *module) where(holds func(r int) bool) set {
	var s set
	for r := range m.replicas() {
		if holds(r) {
			s |= 1 << r
		}
	}
	return s
}

func (m *module) up(s state) set     { return m.where(func(r int) bool { return s.Status[r] == up }) }
func (m *module) intact(s state) set { return m.where(func(r int) bool { return s.Status[r] != lost }) }
func (m *module) liars(s state) set {
	return m.where(func(r int) bool { return s.Store[r] != s.Told[r] })
}

func (m *module) told(s state, l int) set {
	return m.where(func(r int) bool { return set(s.Told[r]).has(l) })
}

func (m *module) found(s state, q set) set {
	var all uint8
	for ; q != 0; q &= q - 1 {
		all |= s.Store[bits.TrailingZeros16(uint16(q))]
	}
	return set(all)
}

// Replica r makes record l durable and acknowledges it. The writer sends a record once those before it are acknowledged;
// stragglers may still come.
func (m *module) store(s state, yield func(state, ...int)) {
	for _, r := range m.replica.members() {
		for l := 1; l <= m.MaxLSN; l++ {
			if s.Status[r-1] != up || l > int(s.Acked)+1 || set(s.Told[r-1]).has(l) {
				continue
			}
			next := s
			next.Store[r-1] |= uint8(only(l))
			next.Told[r-1] |= uint8(only(l))
			yield(next, r, l)
		}
	}
}

// The client is told that the next record is durable. An acknowledgement still counts when its replica is down by now:
// the disk is intact.
func (m *module) ack(s state, yield func(state, ...int)) {
	if int(s.Acked) == m.MaxLSN || !m.writes[m.told(s, int(s.Acked)+1)] {
		return
	}
	next := s
	next.Acked++
	yield(next)
}

// Host h no longer answers.
func (m *module) fail(s state, yield func(state, ...int)) { m.down(s, m.hosts, yield) }

// Nothing in an AZ answers any more.
func (m *module) failAz(s state, yield func(state, ...int)) { m.down(s, m.azs, yield) }

func (m *module) down(s state, together []set, yield func(state, ...int)) {
	for _, d := range together {
		if d&m.up(s) == 0 {
			continue
		}
		next := s
		for _, r := range (d & m.up(s)).members() {
			next.Status[r-1] = down
		}
		yield(next, d.members()...)
	}
}

// Replica r answers again, with the disk it had.
func (m *module) comeBack(s state, yield func(state, ...int)) {
	for _, r := range m.replica.members() {
		if s.Status[r-1] == down || m.Bug == "rejoin-empty" && s.Status[r-1] == lost {
			next := s
			next.Status[r-1] = up
			yield(next, r)
		}
	}
}

// The disk of r is lost, and that is known; so ends, too, a replica in which a scrub finds what it has forgotten. It counts
// for nothing until it is rebuilt.
func (m *module) lose(s state, yield func(state, ...int)) {
	for _, r := range m.replica.members() {
		if s.Status[r-1] == lost {
			continue
		}
		next := s
		next.Status[r-1] = lost
		next.Store[r-1] = 0
		if m.Bug != "former-acks" {
			next.Told[r-1] = 0
		}
		yield(next, r)
	}
}

// A new replica in the place of r is filled from the read quorum q. Without one there is nothing to fill it from: what is
// acknowledged may be on none of those that are left.
func (m *module) rebuild(s state, yield func(state, ...int)) {
	for _, r := range m.replica.members() {
		if s.Status[r-1] != lost {
			continue
		}
		m.up(s).subsets(func(q set) bool {
			enough := m.reads[q]
			if m.Bug == "rebuild-from-one" {
				enough = q.len() == 1
			}
			if !enough {
				return true
			}
			next, found := s, uint8(m.found(s, q))
			next.Status[r-1] = up
			next.Store[r-1] = found
			if m.Bug != "former-acks" {
				next.Told[r-1] = 0
			}
			next.Told[r-1] |= found
			yield(next, append([]int{r}, q.members()...)...)
			return true
		})
	}
}

// Replica r comes back without what it had, and does not say so.
func (m *module) forget(s state, yield func(state, ...int)) {
	for _, r := range m.replica.members() {
		if s.Status[r-1] != up || s.Store[r-1] == 0 || (m.liars(s)|only(r)).len() > m.MaxSilent {
			continue
		}
		next := s
		next.Store[r-1] = 0
		yield(next, r)
	}
}

func (m *module) typeOK(s state) bool {
	if int(s.Acked) > m.MaxLSN {
		return false
	}
	for r := range m.replicas() {
		store, told := set(s.Store[r]), set(s.Told[r])
		if s.Status[r] > lost || !store.within(told) || !told.within(upTo(min(int(s.Acked)+1, m.MaxLSN))) ||
			s.Status[r] == lost && store != 0 {
			return false
		}
	}
	return true
}

func (m *module) durable(s state) bool {
	if s.Acked == 0 {
		return true
	}
	holds := true
	m.intact(s).subsets(func(q set) bool {
		holds = !m.reads[q] || upTo(int(s.Acked)).within(m.found(s, q)) && q&m.full != 0
		return holds
	})
	return holds
}

// within says whether d is within one AZ and one of more.
func (m *module) within(d set, more []set) bool {
	return slices.ContainsFunc(m.azs, func(a set) bool {
		return slices.ContainsFunc(more, func(h set) bool { return d.within(a | h) })
	})
}

func (m *module) outIn(s state, more []set) bool  { return m.within(m.replica&^m.up(s), more) }
func (m *module) lostIn(s state, more []set) bool { return m.within(m.replica&^m.intact(s), more) }

func (m *module) kept(s state) bool {
	return s.Acked == 0 || upTo(int(s.Acked)).within(m.found(s, m.replica)) && m.intact(s)&m.full != 0
}

func (m *module) promises(p Promise) bool { return slices.Contains(m.Promise, p) }

func (m *module) azKeepsWrites(s state) bool {
	return !(m.promises(AZWrites) && m.outIn(s, m.nothing)) || m.writes[m.up(s)]
}

func (m *module) azKeepsReads(s state) bool {
	return !(m.promises(AZReads) && m.outIn(s, m.nothing)) || m.reads[m.up(s)]
}

func (m *module) azKeepsData(s state) bool {
	return !(m.promises(AZData) && m.lostIn(s, m.nothing)) || m.kept(s)
}

func (m *module) azPlusOneKeepsReads(s state) bool {
	return !(m.promises(AZPlusOneReads) && m.outIn(s, m.hosts)) || m.reads[m.up(s)]
}

func (m *module) azPlusOneKeepsData(s state) bool {
	return !(m.promises(AZPlusOneData) && m.lostIn(s, m.hosts)) || m.kept(s)
}

// The figures are the same in every state, so it is enough to ask where something is acknowledged.
func (m *module) counted(s state) bool {
	claims := func(claim, figure int) bool { return claim == 0 || claim == figure }
	return s.Acked == 0 || claims(m.WritesIn, m.figures.Writes) && claims(m.ReadsIn, m.figures.Reads) &&
		claims(m.DataIn, m.figures.Data) && claims(m.SilentIn, m.figures.Silent)
}

// model returns what the checker searches.
func (m *module) model() check.Model {
	p := check.Plain[state]{
		Title:     "placement",
		Constants: m.World,
		Moves: []check.Move[state]{
			{Name: "Store", Next: m.store},
			{Name: "Ack", Next: m.ack},
			{Name: "Fail", Next: m.fail},
			{Name: "FailAz", Next: m.failAz},
			{Name: "Return", Next: m.comeBack},
			{Name: "Lose", Next: m.lose},
			{Name: "Rebuild", Next: m.rebuild},
			{Name: "Forget", Next: m.forget},
		},
		Must: []check.Must[state]{
			{Name: "TypeOK", Guarantee: "a replica holds nothing but what it has acknowledged, and a lost disk holds nothing", Holds: m.typeOK},
			{Name: "Durable", Guarantee: "whichever read quorum of the disks that are left answers, it has every acknowledged record and the page that they change", Holds: m.durable},
			{Name: "AzKeepsWrites", Guarantee: "with all failures within one AZ, writes go on", Holds: m.azKeepsWrites},
			{Name: "AzKeepsReads", Guarantee: "with all failures within one AZ, reads go on", Holds: m.azKeepsReads},
			{Name: "AzKeepsData", Guarantee: "with all lost disks within one AZ, every acknowledged record is on some disk, and the page that it changes, too", Holds: m.azKeepsData},
			{Name: "AzPlusOneKeepsReads", Guarantee: "with all failures within one AZ and one more host, reads go on", Holds: m.azPlusOneKeepsReads},
			{Name: "AzPlusOneKeepsData", Guarantee: "with all lost disks within one AZ and one more host, every acknowledged record is on some disk, and the page that it changes, too", Holds: m.azPlusOneKeepsData},
			{Name: "Counted", Guarantee: "writes, reads and data survive in exactly as many sets of failures as the design claims", Holds: m.counted},
		},
		Reach: m.witnesses(),
		Show:  m.show,
	}
	if m.MaxSilent == 0 { // Forget is then no action of this world
		p.Moves = p.Moves[:len(p.Moves)-1]
	}
	if stages := m.stages(); m.Symmetry && len(stages) > 0 {
		p.Same = func(s state) state { return sorted(s, stages) }
		p.Symmetry = "replicas, hosts and AZs that are placed alike are interchangeable"
	}
	return p.Model()
}

// witnesses returns what must be reachable in this world, or a pass would say little.
func (m *module) witnesses() []check.Must[state] {
	all := []check.Must[state]{{
		Name:      "Refused",
		Guarantee: "records are acknowledged, and too few replicas are left to read any",
		Holds:     func(s state) bool { return s.Acked > 0 && !m.reads[m.up(s)] },
	}}
	readOnly := func(u set) bool { return m.reads[u] && !m.writes[u] }
	if m.some(readOnly) {
		all = append(all, check.Must[state]{
			Name:      "ReadOnly",
			Guarantee: "failures leave a read quorum and no write quorum",
			Holds:     func(s state) bool { return s.Acked > 0 && readOnly(m.up(s)) },
		})
	}
	// A set that is no read quorum while the rest is a write quorum: it may have none of what is acknowledged.
	if m.some(func(u set) bool { return u != 0 && !m.reads[u] && m.writes[m.replica&^u] }) {
		all = append(all, check.Must[state]{
			Name:      "GuessLoses",
			Guarantee: "too few replicas are left to read, and whoever would take their word loses what is acknowledged",
			Holds: func(s state) bool {
				u := m.up(s)
				return s.Acked > 0 && u != 0 && !m.reads[u] && m.found(s, u) == 0
			},
		})
	}
	if m.MaxSilent > 0 {
		all = append(all, check.Must[state]{
			Name:      "Forgotten",
			Guarantee: "as many replicas as may have forgotten what is acknowledged",
			Holds:     func(s state) bool { return s.Acked > 0 && m.liars(s).len() == m.MaxSilent },
		})
	}
	return all
}

// some says whether holds does for some set of replicas.
func (m *module) some(holds func(set) bool) bool {
	found := false
	m.replica.subsets(func(q set) bool {
		found = holds(q)
		return !found
	})
	return found
}

func (m *module) show(s state) []check.Var {
	vars := []check.Var{{Name: "acked", Value: upTo(int(s.Acked)).String()}}
	for r := range m.replicas() {
		value := fmt.Sprintf("%s, stores %v", []string{"up", "down", "lost"}[s.Status[r]], set(s.Store[r]))
		if s.Store[r] != s.Told[r] {
			value += fmt.Sprintf(", has acknowledged %v", set(s.Told[r]))
		}
		vars = append(vars, check.Var{Name: fmt.Sprintf("replica %d", r+1), Value: value})
	}
	return vars
}
