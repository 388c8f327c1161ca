package linearizability

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"sort"
)

// Transactions are decided by the orders that must hold between them (Papadimitriou 1979; Adya 1999, chapter 4; for snapshots
// Cerone and Gotsman, "Analysing snapshot isolation", 2018):
//
//   - a read comes after the one who wrote its value, and before the next one who writes the key;
//   - real time, or the order of a client's session, as far as the level asks for it.
//
// Who wrote a value is known when only one transaction can have, and what comes next is known where the next one has read what
// it replaces: such writes are a chain, and nothing stands between its links. What is known is one graph of n nodes and about
// as many edges: real time is a chain of nodes, one an end, each after those that ended there and before those that began
// later (as in Elle). One pass over it finds its cycles, and one proves the history illegal.
//
// What is not known are choices: which of two chains of a key comes first, who of several wrote the value read, and whether a
// transaction of unknown outcome happened. They are made as an order suggests that was laid greedily through the graph, and
// when the graph of known and chosen edges has no cycle, its order is a proof. A cycle is a clause: these choices are not all
// made so. A solver of clauses makes them anew until no cycle is left, or no choice; a choice that never was on a cycle is never
// looked at (as in PolySI, Huang and others, VLDB 2023, without its pruning).

// A version is a value of a key that a transaction left. Those of the beginning come first, one a key; then those of steps.
type version struct {
	step       int32 // who wrote it, or none at the beginning
	key, value int32
	next, prev int32 // in its chain: who read what it replaces; none at the ends
	alike      int32 // another version of the same key and value, or none
}

// A reading is a read of a step, and the versions that it may have read.
type reading struct {
	step, key int32
	from      int32     // when it is known, else none
	may       []int32   // when it is not
	chosen    []literal // by may
}

// An arc is an edge of the graph, with the choices that it rests on.
type arc struct {
	to     int32
	why    Why
	key    int32
	chains [2]int32 // heads of two chains of which the first comes first by choice; none, none without that
	choice literal  // that a reading read what it did, or -1
}

const noChoice literal = -1

// An orders is the graph of a part of a history at a level.
type orders struct {
	c        *compiled
	level    Level
	in       []bool    // by step: it happened
	out      []bool    // by step: it is not there as chosen
	happens  []literal // by step: the choice that it happened, or noChoice
	versions []version
	first    map[access]int32 // the first version of a key and value
	replaced []replacing      // by key; nil until it is asked for
	readings []reading
	readers  [][]int32 // by version, the steps that are known to have read it
	chains   [][]int32 // by key, the heads of its chains but that of the beginning
	nodes    int32
	gates    int32   // the number of the first gate: two a key
	static   [][]arc // by node
	dynamic  [][]arc
	rank     []int32 // by step, its place in the order laid greedily
	solver   solver
	pairs    map[[2]int32]literal // by heads, that the first comes first
	paired   map[int32][][2]int32 // by key, the pairs
	clauses  [][]literal          // that chosen pairs break among themselves
	core     map[int32]bool       // steps on cycles found so far
	begun    map[int32]bool       // keys of which the cycles take it that the beginning's chain comes before others
	cycle    []edge               // the last one
	// conflicts are those that the solver met after a choice: without any, what failed had no choice at all.
	conflicts int
	learned   []learned
	because   map[[2]int32]int32 // of weak levels, who saw a step and read what another one had left
	b         *budget
	memory    int64

	rows   bool      // rows that scans left out are readings too
	ofKey  [][]int32 // with rows, by key, its versions that are not absent
	looked int       // with rows, how many versions were looked at
}

// snapshots tells that a transaction reads at its begin and writes at its end, so that it is two nodes.
func (g *orders) snapshots() bool { return g.level == SnapshotIsolation }

func (g *orders) realTime() bool { return g.level == StrictSerializable }

// sessions tells that the order of sessions counts; real time has it already.
func (g *orders) sessions() bool { return g.level != StrictSerializable && g.level != Serializable }

// begin and end are a step's nodes.
func (g *orders) begin(step int32) int32 {
	if g.snapshots() {
		return 2 * step
	}
	return step
}

func (g *orders) end(step int32) int32 {
	if g.snapshots() {
		return 2*step + 1
	}
	return step
}

// stepOf is the step of a node, or none for a gate or a time.
func (g *orders) stepOf(node int32) int32 {
	switch {
	case node >= g.gates:
		return none
	case g.snapshots():
		return node / 2
	}
	return node
}

// isGate tells that a node stands between the beginning's chain of a key and all others of it.
func (g *orders) isGate(node int32) bool {
	return node >= g.gates && node < g.gates+2*int32(len(g.chains))
}

// arrange makes the graph of what is known. A violation is of a read that no transaction can have served.
func arrange(c *compiled, level Level, b *budget) (*orders, *Violation) {
	g := newOrders(c, level, b)
	return g, g.build()
}

func newOrders(c *compiled, level Level, b *budget) *orders {
	n := int32(len(c.steps))
	g := &orders{c: c, level: level, in: make([]bool, n), happens: make([]literal, n), first: make(map[access]int32), pairs: make(map[[2]int32]literal), paired: make(map[int32][][2]int32),
		core: make(map[int32]bool), begun: make(map[int32]bool), b: b}
	for i := range g.happens {
		g.happens[i] = noChoice
	}
	return g
}

func (g *orders) build() *Violation {
	n := int32(len(g.c.steps))
	g.number()
	if v := g.attribute(); v != nil {
		return v
	}
	g.out = make([]bool, n)
	if g.level.weak() {
		return nil
	}
	g.link()
	g.gates = n
	if g.snapshots() {
		g.gates = 2 * n
	}
	g.nodes = g.gates + 2*int32(len(g.c.keys))
	g.static = make([][]arc, g.nodes)
	g.connect()
	switch {
	case g.realTime():
		g.connectTime()
	case g.sessions():
		g.connectSessions()
	}
	g.dynamic = make([][]arc, len(g.static))
	for i := range g.out {
		g.out[i] = !g.in[i] // until it is chosen otherwise
	}
	return nil
}

// number makes the versions.
func (g *orders) number() {
	count := len(g.c.keys)
	for i := range g.c.steps {
		count += len(g.c.steps[i].writes)
	}
	g.versions = make([]version, 0, count)
	put := func(v version) {
		at := int32(len(g.versions))
		v.next, v.prev, v.alike = none, none, none
		a := access{v.key, v.value}
		if first, ok := g.first[a]; ok {
			v.alike = g.versions[first].alike
			g.versions[first].alike = at
		} else {
			g.first[a] = at
		}
		g.versions = append(g.versions, v)
	}
	for k := range g.c.keys {
		put(version{step: none, key: int32(k), value: absent})
	}
	for i := range g.c.steps {
		for _, w := range g.c.steps[i].writes {
			put(version{step: int32(i), key: w.key, value: w.value})
		}
	}
	g.readers = make([][]int32, len(g.versions))
}

// attribute finds out what each read can have read, and so who of unknown outcome happened, or may have.
func (g *orders) attribute() *Violation {
	var asked []int32
	looked := make([]bool, len(g.c.steps))
	ask := func(i int32) {
		if !looked[i] {
			looked[i] = true
			asked = append(asked, i)
		}
	}
	for i := range g.c.steps {
		if g.c.steps[i].must {
			g.in[i] = true
			ask(int32(i))
		}
	}
	var impossible []int32 // of unknown outcome, with a read that no transaction can have served
	for {
		if len(asked) == 0 {
			// All that must have happened is known. What is left may have.
			for r := range g.readings {
				for _, v := range g.readings[r].may {
					if s := g.versions[v].step; s != none {
						ask(s)
					}
				}
			}
			if len(asked) == 0 {
				break
			}
		}
		i := asked[0]
		asked = asked[1:]
		for _, r := range g.asks(i) {
			if len(r.may) == 0 {
				if g.in[i] {
					return g.unserved(r)
				}
				impossible = append(impossible, i)
			}
			if len(r.may) == 1 {
				r.from, r.key, r.may = r.may[0], g.versions[r.may[0]].key, nil
				if s := g.versions[r.from].step; s != none {
					if g.in[i] && !g.in[s] {
						g.in[s] = true
						if looked[s] { // what it read is certain now, too
							looked[s] = false
							g.readings = slices.DeleteFunc(g.readings, func(r reading) bool { return r.step == s })
						}
					}
					ask(s)
				}
			}
			g.readings = append(g.readings, r)
		}
	}
	for i := range g.in {
		if looked[i] && !g.in[i] {
			g.happens[i] = g.solver.variable(true)
		}
	}
	for _, i := range impossible {
		g.solver.add([]literal{g.happens[i].not()})
	}
	g.choose()
	return nil
}

// sources are the versions that a step can have read.
func (g *orders) sources(i int32, read access) []int32 {
	v, ok := g.first[read]
	if !ok {
		return nil
	}
	var may []int32
	for v != none {
		if g.mayRead(i, v) {
			may = append(may, v)
		}
		v = g.versions[v].alike
	}
	if len(may) > 1 && g.realTime() {
		return g.standing(i, read.key, may)
	}
	return may
}

// others are the versions of a key that a step can have read which did not find one value.
func (g *orders) others(i int32, avoid access) []int32 {
	var may []int32
	for v := range g.versions {
		from := &g.versions[v]
		if from.key == avoid.key && from.value != avoid.value && from.step != i && !(g.realTime() && from.step != none && g.c.steps[i].end < g.c.steps[from.step].begin) {
			may = append(may, int32(v))
		}
	}
	if len(may) > 1 && g.realTime() {
		return g.standing(i, avoid.key, may)
	}
	return may
}

// standing are those of some versions that are not replaced by time alone before a step begins: by a write that began after
// the end of theirs and ended before the step.
func (g *orders) standing(i, key int32, may []int32) []int32 {
	if g.replaced == nil {
		g.replaced = make([]replacing, len(g.c.keys))
		for v := len(g.c.keys); v < len(g.versions); v++ {
			if s := &g.c.steps[g.versions[v].step]; s.must {
				g.replaced[g.versions[v].key].add(s.begin, s.end, g.versions[v].step)
			}
		}
		for k := range g.replaced {
			g.replaced[k].arrange()
		}
	}
	latest, _, replaced := g.replaced[key].before(g.c.steps[i].begin)
	if !replaced {
		return may
	}
	var left []int32
	for _, v := range may {
		if s := g.versions[v].step; s != none && g.c.steps[s].end >= latest {
			left = append(left, v)
		}
	}
	if len(left) == 0 {
		return may // whoever objects to it says why
	}
	return left
}

// A replacing is the writes of a key, by which others are replaced: once arranged, by their ends, and of those so far the latest
// begin.
type replacing struct {
	ends, begins []int64
	by           []int32 // who began then
}

func (r *replacing) add(begin, end int64, by int32) {
	r.ends, r.begins, r.by = append(r.ends, end), append(r.begins, begin), append(r.by, by)
}

func (r *replacing) arrange() {
	sort.Sort(r)
	for at := 1; at < len(r.begins); at++ {
		if r.begins[at] < r.begins[at-1] {
			r.begins[at], r.by[at] = r.begins[at-1], r.by[at-1]
		}
	}
}

// before is the latest begin of those that ended before a time, and whose that is; found is false when none did.
func (r *replacing) before(time int64) (latest int64, by int32, found bool) {
	ended := sort.Search(len(r.ends), func(at int) bool { return r.ends[at] >= time })
	if ended == 0 {
		return 0, none, false
	}
	return r.begins[ended-1], r.by[ended-1], true
}

func (r *replacing) Len() int           { return len(r.ends) }
func (r *replacing) Less(i, j int) bool { return r.ends[i] < r.ends[j] }
func (r *replacing) Swap(i, j int) {
	r.ends[i], r.ends[j] = r.ends[j], r.ends[i]
	r.begins[i], r.begins[j] = r.begins[j], r.begins[i]
	r.by[i], r.by[j] = r.by[j], r.by[i]
}

// choose gives the readings that are not known their clauses: one of the versions was read, and whoever wrote that happened.
func (g *orders) choose() {
	for r := range g.readings {
		k := &g.readings[r]
		if k.from != none {
			g.readers[k.from] = append(g.readers[k.from], k.step)
			if s := g.versions[k.from].step; s != none && !g.in[k.step] && !g.in[s] {
				g.solver.add([]literal{g.happens[k.step].not(), g.happens[s]})
			}
			continue
		}
		if len(k.may) == 0 {
			continue
		}
		var one []literal
		if !g.in[k.step] {
			one = append(one, g.happens[k.step].not())
		}
		for at, v := range k.may {
			l := g.solver.variable(at == 0)
			k.chosen = append(k.chosen, l)
			one = append(one, l)
			if s := g.versions[v].step; s != none && !g.in[s] {
				g.solver.add([]literal{l.not(), g.happens[s]})
			}
		}
		g.solver.add(one)
	}
}

// link makes the chains: a step that certainly happened and read what it replaces comes next to it.
func (g *orders) link() {
	written := make(map[[2]int32]int32) // by step and key, the version
	for v := len(g.c.keys); v < len(g.versions); v++ {
		written[[2]int32{g.versions[v].step, g.versions[v].key}] = int32(v)
	}
	for _, r := range g.readings {
		if r.from == none || !g.in[r.step] {
			continue
		}
		if v, ok := written[[2]int32{r.step, r.key}]; ok && g.versions[r.from].next == none && g.versions[v].prev == none {
			g.versions[r.from].next, g.versions[v].prev = v, r.from
		}
	}
	g.chains = make([][]int32, len(g.c.keys))
	for v := len(g.c.keys); v < len(g.versions); v++ {
		k := &g.versions[v]
		if k.prev == none && (g.in[k.step] || g.happens[k.step] != noChoice) {
			g.chains[k.key] = append(g.chains[k.key], int32(v))
		}
	}
}

// tail is the last version of the chain of a head. A chain that closes a circle has no head.
func (g *orders) tail(head int32) int32 {
	for g.versions[head].next != none {
		head = g.versions[head].next
	}
	return head
}

func (g *orders) join(from, to int32, why Why, key int32) {
	if from != to {
		g.static[from] = append(g.static[from], arc{to: to, why: why, key: key, chains: [2]int32{none, none}, choice: noChoice})
	}
}

// connect makes the known edges of reads and writes.
func (g *orders) connect() {
	if g.snapshots() {
		for i := range g.c.steps {
			g.join(g.begin(int32(i)), g.end(int32(i)), "", none)
		}
	}
	for _, r := range g.readings {
		if r.from == none {
			continue
		}
		if s := g.versions[r.from].step; s != none {
			why := ReadsFrom
			if slices.Contains(g.c.steps[r.step].implied, access{r.key, g.versions[r.from].value}) {
				why = Overwrites
			}
			g.join(g.end(s), g.begin(r.step), why, r.key)
		}
		if next := g.versions[r.from].next; next != none && g.versions[next].step != r.step {
			g.misses(r.step, next)
			// One who replaces what he read, as another did, misses that one as he is missed.
			if _, replaces := g.c.steps[r.step].wrote(r.key); replaces && g.in[r.step] && !g.parallel() {
				g.join(g.begin(g.versions[next].step), g.end(r.step), Misses, r.key)
			}
		}
	}
	for k, heads := range g.chains {
		// The chain of the beginning comes before all others.
		tail := g.tail(int32(k))
		overwrites, misses := g.gates+2*int32(k), g.gates+2*int32(k)+1
		if len(heads) == 0 {
			continue
		}
		if s := g.versions[tail].step; s != none {
			g.join(g.end(s), overwrites, Overwrites, int32(k))
		}
		for _, r := range g.readers[tail] {
			g.join(g.begin(r), misses, Misses, int32(k))
		}
		for _, h := range heads {
			s := g.versions[h].step
			g.join(overwrites, g.begin(s), Overwrites, int32(k))
			if g.parallel() {
				continue
			}
			if !slices.Contains(g.readers[tail], s) {
				g.join(misses, g.end(s), Misses, int32(k))
				continue
			}
			for _, r := range g.readers[tail] { // not through the gate, as he does not miss himself
				g.join(g.begin(r), g.end(s), Misses, int32(k))
			}
		}
	}
}

// parallel tells that a cycle is forbidden when at most one of its edges is a read that missed a write, so that such edges
// are asked for one by one.
func (g *orders) parallel() bool { return g.level == ParallelSnapshotIsolation }

// misses says that a step read what came before a version.
func (g *orders) misses(step, next int32) {
	if !g.parallel() && g.versions[next].step != step {
		g.join(g.begin(step), g.end(g.versions[next].step), Misses, g.versions[next].key)
	}
}

// connectTime makes the chain of times: one node for each end after which somebody began.
func (g *orders) connectTime() {
	var ends []int32
	for i := range g.c.steps {
		if g.in[i] && g.c.steps[i].end != Unfinished {
			ends = append(ends, int32(i))
		}
	}
	slices.SortFunc(ends, func(a, b int32) int {
		return cmp.Or(cmp.Compare(g.c.steps[a].end, g.c.steps[b].end), cmp.Compare(a, b))
	})
	begins := make([]int32, len(g.c.steps))
	for i := range begins {
		begins[i] = int32(i)
	}
	slices.SortFunc(begins, func(a, b int32) int {
		return cmp.Or(cmp.Compare(g.c.steps[a].begin, g.c.steps[b].begin), cmp.Compare(a, b))
	})
	at, node := 0, none
	for _, i := range begins {
		fresh := true
		for at < len(ends) && g.c.steps[ends[at]].end < g.c.steps[i].begin {
			if fresh {
				next := int32(len(g.static))
				g.static = append(g.static, nil)
				if node != none {
					g.join(node, next, RealTime, none)
				}
				node, fresh = next, false
			}
			g.join(g.end(ends[at]), node, RealTime, none)
			at++
		}
		if node != none {
			g.join(node, g.begin(i), RealTime, none)
		}
	}
}

// ready is a heap of steps that may come next, the first one due first.
type ready struct {
	c     *compiled
	due   []int64 // by step
	steps []int32
}

func (r *ready) Len() int { return len(r.steps) }
func (r *ready) Less(i, j int) bool {
	x, y := &r.c.steps[r.steps[i]], &r.c.steps[r.steps[j]]
	return cmp.Or(cmp.Compare(x.claim, y.claim), cmp.Compare(r.due[r.steps[i]], r.due[r.steps[j]]), cmp.Compare(x.begin, y.begin), cmp.Compare(r.steps[i], r.steps[j])) < 0
}
func (r *ready) Swap(i, j int) { r.steps[i], r.steps[j] = r.steps[j], r.steps[i] }
func (r *ready) Push(x any)    { r.steps = append(r.steps, x.(int32)) }
func (r *ready) Pop() any {
	last := r.steps[len(r.steps)-1]
	r.steps = r.steps[:len(r.steps)-1]
	return last
}

// dues are, by step, the first end among it and all that come after it: one of unknown outcome is due when somebody has read
// from it.
func (g *orders) dues() []int64 {
	component, _ := g.components()
	nodes := make([]int32, 0, len(g.static)) // each after those that it leads to
	for v := range g.static {
		if component[v] != none {
			nodes = append(nodes, int32(v))
		}
	}
	slices.SortFunc(nodes, func(a, b int32) int { return cmp.Compare(component[a], component[b]) })
	first := make([]int64, len(g.static))
	for _, v := range nodes {
		first[v] = Unfinished
		if s := g.stepOf(v); s != none {
			first[v] = g.c.steps[s].end
		}
		g.arcs(v, func(a arc) { first[v] = min(first[v], first[a.to]) })
	}
	due := make([]int64, len(g.c.steps))
	for i := range due {
		due[i] = first[g.end(int32(i))]
	}
	return due
}

// lay lays an order through the graph, which has no cycle: of the steps that may come next the one that is due first,
// but one that replaces what others still have to read waits while any other can go on.
func (g *orders) lay() {
	waits := make([]int32, len(g.static))
	for v := range g.static {
		if g.absent(int32(v)) {
			continue // what may not have happened holds up no other step
		}
		for _, arcs := range [2][]arc{g.static[v], g.dynamic[v]} {
			for _, a := range arcs {
				waits[a.to]++
			}
		}
	}
	state := make([]int32, len(g.c.keys)) // by key, its version
	for k := range state {
		state[k] = int32(k)
	}
	left := make([]int32, len(g.versions)) // by version, its readers to come
	for v, readers := range g.readers {
		left[v] = int32(len(readers))
	}
	written := make([][]int32, len(g.c.steps))
	for v := len(g.c.keys); v < len(g.versions); v++ {
		written[g.versions[v].step] = append(written[g.versions[v].step], int32(v))
	}
	reads := make([][]int32, len(g.c.steps))
	for i, r := range g.readings {
		if r.from != none {
			reads[r.step] = append(reads[r.step], int32(i))
		}
	}
	open := make([][]int32, len(g.c.steps)) // by step, the readings of which it is not known who was read
	if g.rank == nil {
		for i, r := range g.readings {
			if len(r.chosen) > 0 {
				open[r.step] = append(open[r.step], int32(i))
			}
		}
	}
	parked := make(map[int32][]int32) // by version, the steps that would replace it
	due := g.dues()
	waiting := &ready{c: g.c, due: due}
	g.rank = make([]int32, len(g.c.steps))
	next := &ready{c: g.c, due: due}
	var nodes []int32 // to be passed
	for v := range waits {
		if waits[v] == 0 {
			nodes = append(nodes, int32(v))
		}
	}
	placed := make([]bool, len(g.c.steps))
	place := int32(0)
	pass := func(node int32) {
		if g.absent(node) {
			return
		}
		for _, arcs := range [2][]arc{g.static[node], g.dynamic[node]} {
			for _, a := range arcs {
				if waits[a.to]--; waits[a.to] == 0 {
					nodes = append(nodes, a.to)
				}
			}
		}
	}
	const anyRow int32 = -2
	// A version that the step would replace too early, or anyRow when a row is missing that a scan of it left out, or none.
	blocks := func(i int32) int32 {
		for _, keys := range g.c.steps[i].more {
			if !slices.ContainsFunc(keys, func(k int32) bool { return g.versions[state[k]].value != absent }) {
				return anyRow
			}
		}
		for _, v := range written[i] {
			now := state[g.versions[v].key]
			mine := int32(0)
			for _, r := range reads[i] {
				if g.readings[r].from == now {
					mine = 1
				}
			}
			if left[now] > mine {
				return now
			}
		}
		return none
	}
	put := func(i int32) {
		placed[i] = true
		g.rank[i] = place
		place++
		for _, r := range open[i] { // what stands there is what it most likely read
			k := &g.readings[r]
			if at := slices.IndexFunc(k.may, func(v int32) bool { return state[g.versions[v].key] == v }); at >= 0 {
				g.solver.phase[k.chosen[0].variable()] = false
				g.solver.phase[k.chosen[at].variable()] = true
			}
		}
		for _, r := range reads[i] {
			from := g.readings[r].from
			if left[from]--; left[from] <= 1 {
				for _, w := range parked[from] {
					if !placed[w] {
						heap.Push(next, w)
					}
				}
				delete(parked, from)
			}
		}
		for _, v := range written[i] {
			old := state[g.versions[v].key]
			state[g.versions[v].key] = v
			for _, w := range parked[old] {
				if !placed[w] {
					heap.Push(next, w)
				}
			}
			delete(parked, old)
		}
		if len(written[i]) > 0 {
			for _, w := range parked[anyRow] {
				if !placed[w] {
					heap.Push(next, w)
				}
			}
			delete(parked, anyRow)
		}
		pass(g.end(i))
	}
	for {
		for len(nodes) > 0 {
			node := nodes[len(nodes)-1]
			nodes = nodes[:len(nodes)-1]
			if i := g.stepOf(node); i != none && node == g.end(i) {
				heap.Push(next, i)
			} else {
				pass(node)
			}
		}
		switch {
		case next.Len() > 0:
			i := heap.Pop(next).(int32)
			if placed[i] {
				continue
			}
			if v := blocks(i); v != none {
				parked[v] = append(parked[v], i)
				heap.Push(waiting, i)
				continue
			}
			put(i)
		case waiting.Len() > 0:
			if i := heap.Pop(waiting).(int32); !placed[i] {
				put(i)
			}
		default:
			return
		}
	}
}

// rankOf is where a chain stands in the order laid.
func (g *orders) rankOf(head int32) int32 { return g.rank[g.versions[head].step] }

// absent tells that a node is of a step that did not happen as chosen.
func (g *orders) absent(node int32) bool {
	s := g.stepOf(node)
	return s != none && g.out[s]
}

// happened tells that a step happened as chosen.
func (g *orders) happened(i int32) bool {
	return g.in[i] || g.happens[i] != noChoice && g.solver.holds(g.happens[i])
}

// take takes the choices that the solver has made, and makes the edges that follow: with all, also those of chains of which
// no choice was asked, as the order laid has them.
func (g *orders) take(all bool) {
	for i := range g.dynamic {
		g.dynamic[i] = g.dynamic[i][:0]
	}
	for i := range g.out {
		g.out[i] = !g.happened(int32(i))
	}
	chosenReaders := make(map[int32][]int32) // by version, readings
	for r := range g.readings {
		k := &g.readings[r]
		if k.from != none || !g.happened(k.step) {
			continue
		}
		for at, l := range k.chosen {
			if g.solver.holds(l) {
				v := k.may[at]
				chosenReaders[v] = append(chosenReaders[v], int32(r))
				if s := g.versions[v].step; s != none {
					g.put(g.end(s), arc{to: g.begin(k.step), why: ReadsFrom, key: g.versions[v].key, chains: [2]int32{none, none}, choice: l})
				}
				break
			}
		}
	}
	// before says that a version is followed by another one: its readers come before that.
	before := func(v, next int32, chains [2]int32) {
		to := g.versions[next].step
		for _, r := range chosenReaders[v] {
			k := &g.readings[r]
			if k.step != to {
				l := k.chosen[slices.Index(k.may, v)]
				g.put(g.begin(k.step), arc{to: g.end(to), why: Misses, key: g.versions[v].key, chains: chains, choice: l})
			}
		}
		if g.versions[v].next == next && !g.parallel() {
			return // known
		}
		key := g.versions[next].key
		for _, r := range g.readers[v] {
			if r != to && g.happened(r) {
				g.put(g.begin(r), arc{to: g.end(to), why: Misses, key: key, chains: chains, choice: noChoice})
			}
		}
		if s := g.versions[v].step; s != none && s != to {
			g.put(g.end(s), arc{to: g.begin(to), why: Overwrites, key: key, chains: chains, choice: noChoice})
		}
	}
	if !all {
		for k := range g.chains {
			for _, p := range g.paired[int32(k)] {
				if !g.solver.holds(g.pairs[p]) {
					p[0], p[1] = p[1], p[0]
				}
				if g.happened(g.versions[p[0]].step) && g.happened(g.versions[p[1]].step) {
					before(g.tail(p[0]), p[1], p)
				}
			}
		}
		return
	}
	for k := range g.chains {
		last := int32(k)
		walk := func() {
			for g.versions[last].next != none {
				before(last, g.versions[last].next, [2]int32{none, none})
				last = g.versions[last].next
			}
		}
		walk()
		head := none
		for _, h := range g.ordered(int32(k)) {
			chains := [2]int32{head, h}
			if head == none {
				chains = [2]int32{none, none}
			}
			before(last, h, chains)
			head, last = h, h
			walk()
		}
	}
}

func (g *orders) put(from int32, a arc) {
	if from != a.to {
		g.dynamic[from] = append(g.dynamic[from], a)
	}
}

// ordered are the chains of a key in an order that keeps what was chosen of them, or where that is no order, in some other.
func (g *orders) ordered(key int32) []int32 {
	var heads []int32
	for _, h := range g.chains[key] {
		if g.happened(g.versions[h].step) {
			heads = append(heads, h)
		}
	}
	slices.SortFunc(heads, func(a, b int32) int { return cmp.Or(cmp.Compare(g.rankOf(a), g.rankOf(b)), cmp.Compare(a, b)) })
	later := g.paired[key]
	if len(later) == 0 {
		return heads
	}
	return g.reorder(heads, later)
}

// byRank is a heap of places in a list of chains.
type byRank []int32

func (h byRank) Len() int           { return len(h) }
func (h byRank) Less(i, j int) bool { return h[i] < h[j] }
func (h byRank) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byRank) Push(x any)        { *h = append(*h, x.(int32)) }
func (h *byRank) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// reorder keeps the given order as far as the chosen pairs let it.
func (g *orders) reorder(heads []int32, pairs [][2]int32) []int32 {
	place := make(map[int32]int32, len(heads))
	for i, h := range heads {
		place[h] = int32(i)
	}
	waits := make([]int32, len(heads))
	after := make(map[int32][]int32)
	for _, p := range pairs {
		l := g.pairs[p]
		if !g.solver.holds(l) {
			p[0], p[1] = p[1], p[0]
		}
		a, okA := place[p[0]]
		b, okB := place[p[1]]
		if okA && okB {
			waits[b]++
			after[a] = append(after[a], b)
		}
	}
	var open byRank
	for i, n := range waits {
		if n == 0 {
			heap.Push(&open, int32(i))
		}
	}
	sorted := make([]int32, 0, len(heads))
	for open.Len() > 0 {
		i := heap.Pop(&open).(int32)
		sorted = append(sorted, heads[i])
		for _, b := range after[i] {
			if waits[b]--; waits[b] == 0 {
				heap.Push(&open, b)
			}
		}
	}
	if len(sorted) == len(heads) {
		return sorted
	}
	before := make(map[int32]int32) // of what is left, one that was chosen to come before it
	for a, bs := range after {
		if waits[a] > 0 {
			for _, b := range bs {
				if old, ok := before[b]; !ok || a < old {
					before[b] = a
				}
			}
		}
	}
	at := int32(slices.IndexFunc(waits, func(n int32) bool { return n > 0 }))
	for range heads { // whoever walks back long enough is in a circle
		at = before[at]
	}
	var clause []literal
	for start := at; ; {
		clause = append(clause, g.pair([2]int32{heads[before[at]], heads[at]}).not())
		if at = before[at]; at == start {
			break
		}
	}
	g.clauses = append(g.clauses, clause)
	for i, n := range waits {
		if n > 0 {
			sorted = append(sorted, heads[i])
		}
	}
	return sorted
}

// pair is the choice that one chain comes before another of its key. A pair is kept in one direction.
func (g *orders) pair(chains [2]int32) literal {
	a, b := chains[0], chains[1]
	if a > b {
		return g.pair([2]int32{b, a}).not()
	}
	l, ok := g.pairs[chains]
	if !ok {
		l = g.solver.variable(cmp.Or(cmp.Compare(g.rankOf(a), g.rankOf(b)), cmp.Compare(a, b)) < 0)
		g.pairs[chains] = l
		key := g.versions[a].key
		g.paired[key] = append(g.paired[key], chains)
	}
	return l
}

// unexplained is the objection to a read that no transaction can have served.
func (g *orders) unexplained(i int32, read access) *Violation {
	c := g.c
	for v, ok := g.first[read]; ok && v != none; v = g.versions[v].alike {
		w := g.versions[v].step
		if w == none || w == i {
			continue
		}
		if g.in[w] {
			g.cycle = []edge{{from: w, to: i, why: ReadsFrom, key: read.key}, {from: i, to: w, why: RealTime, key: none}}
			return g.contradiction()
		}
		r := c.readViolation(FutureRead, c.steps[i].txn, read, absent, "").
			expecting("a value written before its end", fmt.Sprintf("transaction %d, which wrote it, began after that", c.id(c.steps[w].txn)))
		r.Core = []int{int(c.steps[i].txn), int(c.steps[w].txn)}
		slices.Sort(r.Core)
		return r
	}
	return c.unwritten(c.steps[i].txn, read)
}
