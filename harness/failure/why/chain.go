package why

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// about is what a finding is about. Of all that happened before the bad event, what shares something with it comes first.
type about struct {
	lsns   map[node.LSN]bool
	epochs map[node.Epoch]bool
	txns   map[node.Txn]bool
	keys   map[string]bool
	pages  map[node.PageID]bool
	nodes  map[node.ID]bool
	called map[string]bool // what the nodes are called
}

func newAbout() about {
	return about{map[node.LSN]bool{}, map[node.Epoch]bool{}, map[node.Txn]bool{}, map[string]bool{}, map[node.PageID]bool{}, map[node.ID]bool{}, map[string]bool{}}
}

// What findings say of LSNs, epochs and pages in their sentences: the panics of nodes are sentences and nothing else.
var (
	recordIn = regexp.MustCompile(`\b(\d+)/(\d+)\b`)
	lsnIn    = regexp.MustCompile(`\bLSN (\d+)`)
	epochIn  = regexp.MustCompile(`\b(?:epoch|promise|line) (\d+)`)
	pageIn   = regexp.MustCompile(`\bpage (\d+)`)
	txnIn    = regexp.MustCompile(`\b(?:transaction|txn|query) (\d+)\.(\d+)`)
)

// longestRead is how much of a sentence is read: a panic prints all of the message that it was about.
const longestRead = 2000

// names tells whether a text names one of the nodes.
func (a *about) names(text string) bool {
	for name := range a.called {
		if Names(text, name) {
			return true
		}
	}
	return false
}

// Names tells whether a text has a name of a node in it that does not go on there: segment 1/1 is not in "segment 1/12", nor writer 1 in
// "writer 1/2".
func Names(text, name string) bool {
	for {
		at := strings.Index(text, name)
		if at < 0 {
			return false
		}
		if text = text[at+len(name):]; text == "" || !strings.ContainsAny(text[:1], "0123456789/") {
			return true
		}
	}
}

// read takes from a text what it is about.
func (a *about) read(text string) {
	text = text[:min(len(text), longestRead)]
	for _, m := range recordIn.FindAllStringSubmatch(text, -1) {
		a.lsns[node.LSN(number(m[1]))] = true
	}
	for _, m := range lsnIn.FindAllStringSubmatch(text, -1) {
		a.lsns[node.LSN(number(m[1]))] = true
	}
	for _, m := range epochIn.FindAllStringSubmatch(text, -1) {
		a.epochs[node.Epoch(number(m[1]))] = true
	}
	for _, m := range pageIn.FindAllStringSubmatch(text, -1) {
		a.pages[node.PageID(number(m[1]))] = true
	}
	for _, m := range txnIn.FindAllStringSubmatch(text, -1) {
		a.txns[node.Txn(number(m[1])<<32|number(m[2]))] = true
	}
}

// aboutFinding collects what a finding is about.
func aboutFinding(f *judge.Finding, named func(string) (node.ID, bool)) about {
	a := newAbout()
	for _, l := range f.LSNs {
		a.lsns[l] = true
	}
	for _, k := range f.Keys {
		a.keys[k] = true
	}
	for _, n := range f.Nodes {
		if id, known := named(n); known {
			a.nodes[id] = true
		}
	}
	a.read(subject(f))
	if f.Check == judge.ConfigurationCheck {
		return a
	}
	a.read(f.Found)
	return a
}

// subject is what a finding says happened, of a panic without the message that it was about.
func subject(f *judge.Finding) string {
	s := f.Subject
	if at := strings.LastIndex(s, "]}: "); at >= 0 {
		return s[at+4:]
	}
	if at := strings.LastIndex(s, "}: "); at >= 0 && strings.Contains(s, "panicked") {
		return s[at+3:]
	}
	return s
}

// add takes over what an event is about.
func (a *about) add(f *fact) {
	if f.high != 0 && f.low == f.high {
		a.lsns[f.high] = true
	}
	if f.epoch != 0 {
		a.epochs[f.epoch] = true
	}
	if f.txn != 0 {
		a.txns[f.txn] = true
	}
	if f.paged {
		a.pages[f.page] = true
	}
	if f.process != 0 {
		a.nodes[f.process] = true
	}
}

// decisive are the actions that an epoch is made of: there are few of them, and each matters to all that follows.
func decisive(a node.Action) bool {
	switch a {
	case node.ActStart, node.ActFence, node.ActDecide, node.ActJoin, node.ActOpen, node.ActChange, node.ActGrow, node.ActHolds, node.ActFollow, node.ActLose,
		node.ActAnew, node.ActPromote, node.ActCollect, node.ActGiveUp, node.ActFill, node.ActDiskView, node.ActDiskOpen, node.ActDiskHolds, node.ActDiskBlank,
		node.ActWalFound, node.ActWalOpen, node.ActRegisterHolds:
		return true
	}
	return false
}

// undone are actions of the harness by which it takes back what it did: they say nothing beside the start or the end of a fault.
func undone(name string) bool {
	for _, prefix := range []string{"restart ", "resume ", "end of ", "state kept "} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return name == "mend"
}

// score says how much an event has to do with what a finding is about; 0 is nothing.
func (a *about) score(f *fact) int {
	s := 0
	if f.txn != 0 && a.txns[f.txn] {
		s += 6
	}
	for _, k := range f.keys {
		if a.keys[k] {
			s += 5
			break
		}
	}
	if f.high != 0 {
		for l := range a.lsns {
			if f.has(l) {
				s += 5
				if f.low == f.high {
					s++
				}
				break
			}
		}
	}
	if f.paged && a.pages[f.page] {
		s += 3
	}
	own := a.nodes[f.process]
	switch f.kind {
	case sim.EventCrash:
		if !own {
			return 0
		}
		s += 6
		if len(f.lost) > 0 {
			s += 3
		}
	case sim.EventStart:
		if !own || f.incarnation < 2 {
			return 0
		}
		s += 5
	case sim.EventAction:
		if !a.tells(f.what, a.names) {
			return 0
		}
		s = 3
	case sim.EventTrace:
		if decisive(f.action) && a.epochs[f.epoch] {
			s += 5
		}
		if s > 0 {
			s += 3
		}
		if own && s > 0 {
			s++
		}
	case sim.EventDisk:
		switch {
		case len(f.lost) > 0, f.reason != 0:
			s = 7
		default:
			s = 0
		}
	case sim.EventTimer:
		s = 0
	case sim.EventLost:
		if s > 0 {
			s--
		}
	case sim.EventMessage, sim.EventRequest, sim.EventReply:
		if s > 0 && own {
			s++
		}
	}
	return s
}

// cone marks what happened before an event: what it is an effect of, and what its node had met by then, and so on.
func (t *tape) cone(of uint64) []bool {
	in := make([]bool, len(t.facts))
	if of == 0 || of >= uint64(len(in)) {
		return in
	}
	in[of] = true
	for n := of; n > 0; n-- {
		if in[n] {
			in[t.facts[n].cause], in[t.facts[n].before] = true, true
		}
	}
	return in
}

// How much it counts that an event is on the straight way back from the bad one, by how far.
const (
	straightWay  = 12
	straightHops = 5
)

// chain picks the events that led to the bad event, oldest first.
func (t *tape) chain(bad uint64, must []uint64, a *about) []uint64 {
	in := t.cone(bad)
	chosen := map[uint64]bool{}
	for _, n := range must {
		if n != 0 && len(chosen) < MostChain {
			chosen[n] = true
		}
	}
	if bad != 0 {
		if len(chosen) == MostChain && !chosen[bad] {
			delete(chosen, must[len(must)-1])
		}
		chosen[bad] = true
	}
	straight := map[uint64]int{}
	for n, hops := t.facts[bad].cause, 0; n != 0 && hops < straightHops; n, hops = t.facts[n].cause, hops+1 {
		if k := t.facts[n].kind; k != sim.EventTimer && k != sim.EventDisk {
			straight[n] = straightWay - 2*hops
		}
	}
	type scored struct {
		n uint64
		s int
	}
	var all []scored
	for n := uint64(1); n <= t.end() && (bad == 0 || n <= bad); n++ {
		f := &t.facts[n]
		if chosen[n] || bad != 0 && !in[n] && f.kind != sim.EventLost && f.kind != sim.EventCrash {
			continue
		}
		if s := a.score(f) + straight[n]; s > 0 {
			all = append(all, scored{n, s})
		}
	}
	slices.SortStableFunc(all, func(x, y scored) int { return cmp.Or(cmp.Compare(y.s, x.s), cmp.Compare(y.n, x.n)) })
	seen := map[alike]int{}
	for _, x := range all {
		if len(chosen) == MostChain {
			break
		}
		if k := t.facts[x.n].alike(); seen[k] < 2 {
			seen[k]++
			chosen[x.n] = true
		}
	}
	var ns []uint64
	for n := range chosen {
		ns = append(ns, n)
	}
	slices.Sort(ns)
	return ns
}

// alike is what two events share that say the same for a reader: one record goes to six segments, and comes back from six.
type alike struct {
	kind   sim.EventKind
	action node.Action
	what   string
	op     node.Op
	low    node.LSN
	epoch  node.Epoch
	txn    node.Txn
}

func (f *fact) alike() alike {
	x := alike{kind: f.kind, action: f.action, what: f.what, op: f.op, low: f.low, epoch: f.epoch, txn: f.txn}
	if f.kind == sim.EventCrash || f.kind == sim.EventStart || f.kind == sim.EventAction {
		x.low = node.LSN(f.process) // each of them is another
	}
	return x
}

// from returns which event of a chain, ascending, the one at i is an effect of, 0 for none: by what it is an effect of itself, and else by what its
// node met before.
func (t *tape) from(ns []uint64, i int) uint64 {
	is := func(n uint64) bool { _, found := slices.BinarySearch(ns[:i], n); return found }
	for n := t.facts[ns[i]].cause; n != 0; n = t.facts[n].cause {
		if is(n) {
			return n
		}
		// What the chain has of the same node before that is nearer than anything that made it.
		for k := i - 1; k >= 0 && ns[k] > t.facts[n].cause; k-- {
			if ns[k] < n && t.owner(ns[k]) == t.owner(n) {
				return ns[k]
			}
		}
	}
	for k := i - 1; k >= 0; k-- {
		if t.owner(ns[k]) == t.owner(ns[i]) {
			return ns[k]
		}
	}
	return 0
}

// owner is on whose node an event happened.
func (t *tape) owner(n uint64) node.ID {
	if f := &t.facts[n]; f.kind != sim.EventLost {
		return f.process
	}
	return t.facts[n].from
}
