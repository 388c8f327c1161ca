package bookkeeper

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What follows transcribes Bookkeeper.tla, definition by definition, with its functions, sequences and sets as maps and slices
// that are copied at each step, and no thought for speed. Clients are numbers, 0 is Writer; bookies are numbers from 1.

type set map[int]bool

func (s set) with(more ...int) set {
	n := maps.Clone(s)
	if n == nil {
		n = set{}
	}
	for _, e := range more {
		n[e] = true
	}
	return n
}

func (s set) but(e int) set {
	n := s.with()
	delete(n, e)
	return n
}

type fragment struct {
	First    int
	Ensemble []int
}

type definition struct {
	Status         string
	Last, Owner    int
	Fragments      []fragment
	Entries        map[int]set
	Lac            map[int]int
	Fenced, Limbo  set // of bookies
	Phase          map[int]string
	Sent, Acked    map[int]int
	Told           map[int]map[int]int
	Chain          map[int][]fragment
	From           map[int]int
	Reads          map[int][]int
	Waiting        map[int]map[int]set
	Answered       map[int]map[int]set
	Heard          map[int]set
	Said           map[int]map[int]string
	Changes, Wipes int
}

// clone copies what a step may change in place.
func (d definition) clone() definition {
	deep := func(m map[int]map[int]set) map[int]map[int]set {
		n := maps.Clone(m)
		for k := range n {
			n[k] = maps.Clone(n[k])
		}
		return n
	}
	d.Entries, d.Lac = maps.Clone(d.Entries), maps.Clone(d.Lac)
	d.Phase, d.Sent, d.Acked = maps.Clone(d.Phase), maps.Clone(d.Sent), maps.Clone(d.Acked)
	d.Chain, d.From, d.Reads, d.Heard = maps.Clone(d.Chain), maps.Clone(d.From), maps.Clone(d.Reads), maps.Clone(d.Heard)
	d.Waiting, d.Answered = deep(d.Waiting), deep(d.Answered)
	d.Told, d.Said = maps.Clone(d.Told), maps.Clone(d.Said)
	for k := range d.Told {
		d.Told[k] = maps.Clone(d.Told[k])
	}
	for k := range d.Said {
		d.Said[k] = maps.Clone(d.Said[k])
	}
	return d
}

// asDefined returns a state as the module has it.
func (m *model) asDefined(s *State) definition {
	setOf := func(x Set) set {
		n := set{}
		for e := 1; e <= m.Entries; e++ {
			if x.has(e) {
				n[e] = true
			}
		}
		return n
	}
	ensemble := func(place func(b *Bookie) int) []int {
		var list []int
		for p := 1; p <= m.Ensemble; p++ {
			for b := range m.Bookies {
				if place(&s.Bookies[b]) == p {
					list = append(list, b+1)
				}
			}
		}
		return list
	}
	fragments := func(c int) (list []fragment) {
		for f := range int(s.Fragments[c].Count) {
			list = append(list, fragment{int(s.Fragments[c].First[f]), ensemble(func(b *Bookie) int { return b.place(c, f) })})
		}
		return list
	}
	d := definition{
		Status: [...]string{"open", "recovery", "closed"}[s.Status], Last: int(s.Last), Owner: int(s.Owner), Fragments: fragments(metadata),
		Entries: map[int]set{}, Lac: map[int]int{}, Fenced: set{}, Limbo: set{}, Phase: map[int]string{}, Sent: map[int]int{}, Acked: map[int]int{},
		Told: map[int]map[int]int{}, Chain: map[int][]fragment{}, From: map[int]int{}, Reads: map[int][]int{}, Waiting: map[int]map[int]set{},
		Answered: map[int]map[int]set{}, Heard: map[int]set{}, Said: map[int]map[int]string{}, Changes: int(s.Changes), Wipes: int(s.Wipes),
	}
	for b := range m.Bookies {
		x := &s.Bookies[b]
		d.Entries[b+1], d.Lac[b+1] = setOf(x.Entries), int(x.Lac)
		if x.Fenced {
			d.Fenced[b+1] = true
		}
		if x.Limbo {
			d.Limbo[b+1] = true
		}
	}
	for c := range m.clients() {
		x := &s.Clients[c]
		d.Phase[c] = [...]string{"idle", "writing", "fencing", "reading", "ended", "done"}[x.Phase]
		d.Sent[c], d.Acked[c], d.Chain[c] = int(x.Sent), int(x.Lac), fragments(c)
		d.Told[c], d.Waiting[c], d.Answered[c] = map[int]int{}, map[int]set{}, map[int]set{}
		for e := 1; e <= m.Entries; e++ {
			d.Told[c][e] = int(x.Told[e])
		}
		for b := range m.Bookies {
			d.Waiting[c][b+1], d.Answered[c][b+1] = setOf(s.Bookies[b].Waiting[c]), setOf(s.Bookies[b].Answered[c])
		}
		if c > 0 {
			d.From[c], d.Heard[c], d.Said[c] = int(x.From), set{}, map[int]string{}
			d.Reads[c] = ensemble(func(b *Bookie) int { return int(b.Reads[c]) })
			for b := range m.Bookies {
				d.Said[c][b+1] = [...]string{"silent", "yes", "no", "unknown"}[s.Bookies[b].Said[c]]
				if s.Bookies[b].Told[c] {
					d.Heard[c][b+1] = true
				}
			}
		}
	}
	return d
}

// defined has the definitions of the module, for a world.
type defined struct{ World }

func last(fs []fragment) fragment { return fs[len(fs)-1] }

func (w defined) writeSet(ensemble []int, e int) set {
	s := set{}
	for i := range w.WriteQuorum {
		s[ensemble[(e-1+i)%w.Ensemble]] = true
	}
	return s
}

func ensembleOf(fs []fragment, e int) []int {
	at := 0
	for i, f := range fs {
		if f.First <= e {
			at = i
		}
	}
	return fs[at].Ensemble
}

func (w defined) settle(d *definition, c, n int) {
	for b := 1; b <= w.Bookies; b++ {
		kept := set{}
		for e := range d.Answered[c][b] {
			if e > n {
				kept[e] = true
			}
		}
		d.Answered[c][b] = kept
	}
	for e := 1; e <= n; e++ {
		underWay := false
		for b := 1; b <= w.Bookies; b++ {
			underWay = underWay || d.Waiting[c][b][e]
		}
		if !underWay {
			d.Told[c][e] = 0
		}
	}
}

func (w defined) ask(d *definition, c int) {
	e := d.Sent[c] + 1
	to := w.writeSet(last(d.Chain[c]).Ensemble, e)
	d.Sent[c] = e
	if c == 0 || w.Bug == "tell-own-lac" {
		d.Told[c][e] = d.Acked[c]
	}
	for b := range to {
		d.Waiting[c][b] = d.Waiting[c][b].with(e)
	}
}

func (w defined) keep(d *definition, c, e, b int) {
	d.Entries[b] = d.Entries[b].with(e)
	d.Lac[b] = max(d.Lac[b], d.Told[c][e])
	d.Waiting[c][b] = d.Waiting[c][b].but(e)
	if w.writeSet(ensembleOf(d.Chain[c], e), e)[b] {
		d.Answered[c][b] = d.Answered[c][b].with(e)
	}
	w.settle(d, c, d.Acked[c])
}

func (w defined) onAckQuorum(d definition, c, e int) bool {
	n := 0
	for b := range w.writeSet(ensembleOf(d.Chain[c], e), e) {
		if d.Answered[c][b][e] {
			n++
		}
	}
	return n >= w.AckQuorum
}

func (w defined) mayExchange(d definition, c, b, o int) bool {
	cur := last(d.Chain[c]).Ensemble
	if d.Changes >= w.MaxChanges || !slices.Contains(cur, b) || slices.Contains(cur, o) {
		return false
	}
	for e := d.Acked[c] + 1; e <= d.Sent[c]; e++ {
		if w.writeSet(cur, e)[b] && d.Waiting[c][b][e] {
			return true
		}
	}
	return false
}

func (w defined) exchange(d *definition, c, b, o int) {
	cur := last(d.Chain[c])
	ensemble := slices.Clone(cur.Ensemble)
	ensemble[slices.Index(ensemble, b)] = o
	fs := slices.Clone(d.Chain[c])
	if cur.First == d.Acked[c]+1 {
		fs = fs[:len(fs)-1]
	}
	d.Chain[c] = append(fs, fragment{d.Acked[c] + 1, ensemble})
	d.Answered[c][b] = set{}
	for e := d.Acked[c] + 1; e <= d.Sent[c]; e++ {
		if w.writeSet(ensemble, e)[o] {
			d.Waiting[c][o] = d.Waiting[c][o].with(e)
		}
	}
	d.Changes++
}

func (w defined) drop(d *definition, c int) {
	for e := range d.Told[c] {
		d.Told[c][e] = 0
	}
	for b := 1; b <= w.Bookies; b++ {
		d.Waiting[c][b], d.Answered[c][b] = set{}, set{}
	}
}

func (w defined) readSet(d definition, r int) set {
	e := d.Sent[r] + 1
	if e < d.From[r] || w.Bug == "read-new-ensemble" {
		return w.writeSet(ensembleOf(d.Chain[r], e), e)
	}
	return w.writeSet(d.Reads[r], e)
}

func saying(d definition, r int, word string) (n int) {
	for _, said := range d.Said[r] {
		if said == word {
			n++
		}
	}
	return n
}

// next calls yield with each successor that Next of the module allows, and the name of its action.
func (w defined) next(d definition, yield func(action string, next definition)) {
	step := func(guard bool, effect func(n *definition), action string, args ...any) {
		if guard {
			n := d.clone()
			effect(&n)
			yield(fmt.Sprint(action, args), n)
		}
	}
	over := d.Status == "closed" && w.Bug != "close-blindly"
	writing := d.Phase[0] == "writing"
	step(writing && d.Sent[0] < w.Entries, func(n *definition) { w.ask(n, 0) }, "Send", d.Sent[0]+1)
	step(writing && d.Status == "open", func(n *definition) {
		n.Phase[0], n.Status, n.Last = "done", "closed", d.Acked[0]
		w.drop(n, 0)
	}, "Close")
	for e := 1; e <= w.Entries; e++ {
		step(writing && d.Acked[0] < e && e <= d.Sent[0] && (w.Bug == "acknowledge-around" || e == d.Acked[0]+1) && w.onAckQuorum(d, 0, e),
			func(n *definition) { n.Acked[0] = e; w.settle(n, 0, e) }, "Acknowledge", e)
		for b := 1; b <= w.Bookies; b++ {
			step(!d.Fenced[b] && d.Waiting[0][b][e], func(n *definition) { w.keep(n, 0, e, b) }, "Store", e, b)
		}
	}
	for b := 1; b <= w.Bookies; b++ {
		for o := 1; o <= w.Bookies; o++ {
			step(writing && (w.Bug == "change-unrecorded" || d.Status == "open") && w.mayExchange(d, 0, b, o), func(n *definition) {
				w.exchange(n, 0, b, o)
				if w.Bug != "change-unrecorded" {
					n.Fragments = n.Chain[0]
				}
			}, "Change", b, o)
		}
	}
	for r := 1; r <= w.Recoverers; r++ {
		w.recovery(d, r, over, step)
	}
	for b := 1; b <= w.Bookies; b++ {
		asked := false
		for _, reads := range d.Reads {
			asked = asked || slices.Contains(reads, b)
		}
		step(!over && !d.Fenced[b] && asked, func(n *definition) { n.Fenced = n.Fenced.with(b) }, "FenceUnheard", b)
		step(d.Wipes < w.MaxWipes, func(n *definition) {
			n.Wipes++
			n.Entries[b], n.Lac[b] = set{}, 0
			n.Limbo, n.Fenced = n.Limbo.with(b), n.Fenced.with(b)
			if w.Bug == "empty-says-no" {
				n.Limbo = n.Limbo.but(b)
			}
			if w.Bug == "empty-says-no" || w.Bug == "limbo-unfenced" {
				n.Fenced = n.Fenced.but(b)
			}
		}, "Wipe", b)
	}
}

func (w defined) recovery(d definition, r int, over bool, step func(bool, func(*definition), string, ...any)) {
	current := d.Status == "recovery" && d.Owner == r
	reading, ended := d.Phase[r] == "reading", d.Phase[r] == "ended"
	step(d.Phase[r] == "idle" && d.Status != "closed", func(n *definition) {
		n.Status, n.Owner, n.Phase[r], n.Chain[r] = "recovery", r, "fencing", d.Fragments
		n.From[r], n.Reads[r] = last(d.Fragments).First, last(d.Fragments).Ensemble
		n.Acked[r] = last(d.Fragments).First - 1
		if w.Bug == "read-from-start" {
			n.Acked[r] = 0
		}
	}, "Recover", r)
	covered := true
	for e := 1; e <= w.Ensemble && d.Phase[r] == "fencing"; e++ {
		unfenced := 0
		for b := range w.writeSet(d.Reads[r], e) {
			if !d.Heard[r][b] {
				unfenced++
			}
		}
		covered = covered && unfenced < w.AckQuorum
	}
	step(!over && d.Phase[r] == "fencing" && covered, func(n *definition) {
		n.Phase[r], n.Sent[r], n.Heard[r] = "reading", d.Acked[r], set{}
	}, "Read", r)
	step(!over && reading && saying(d, r, "yes") > 0, func(n *definition) { forget(n, r); w.ask(n, r) }, "Found", r)
	enough := w.WriteQuorum - w.AckQuorum + 1
	if w.Bug == "one-no" {
		enough = 1
	}
	step(!over && reading && saying(d, r, "no") >= enough, func(n *definition) { forget(n, r); n.Phase[r] = "ended" }, "Missing", r)
	step(!over && (reading || ended) && d.Acked[r] < d.Sent[r] && w.onAckQuorum(d, r, d.Acked[r]+1), func(n *definition) {
		n.Acked[r]++
		w.settle(n, r, n.Acked[r])
	}, "Confirm", r)
	step(ended && (w.Bug == "close-unwritten" || d.Acked[r] == d.Sent[r]) && (w.Bug == "close-blindly" || current), func(n *definition) {
		n.Phase[r], n.Status, n.Last, n.Owner, n.Fragments = "done", "closed", d.Sent[r], r, d.Chain[r]
		w.drop(n, r)
	}, "Seal", r)
	for b := 1; b <= w.Bookies; b++ {
		step(!over && d.Phase[r] == "fencing" && slices.Contains(d.Reads[r], b) && !d.Heard[r][b], func(n *definition) {
			n.Fenced, n.Heard[r] = n.Fenced.with(b), n.Heard[r].with(b)
			n.Acked[r] = max(n.Acked[r], d.Lac[b])
		}, "Fence", r, b)
		step(!over && reading && d.Said[r][b] == "silent" && w.readSet(d, r)[b], func(n *definition) {
			n.Said[r][b] = "no"
			if d.Limbo[b] {
				n.Said[r][b] = "unknown"
			}
			if d.Entries[b][d.Sent[r]+1] {
				n.Said[r][b] = "yes"
			}
			if w.Bug != "read-unfenced" {
				n.Fenced = n.Fenced.with(b)
			}
		}, "Answer", r, b)
		for e := 1; e <= w.Entries; e++ {
			step(!over && d.Waiting[r][b][e], func(n *definition) { w.keep(n, r, e, b) }, "WriteBack", r, e, b)
		}
		for o := 1; o <= w.Bookies; o++ {
			step(!over && (reading || ended) && (w.Bug != "change-in-metadata" || current) && w.mayExchange(d, r, b, o), func(n *definition) {
				w.exchange(n, r, b, o)
				if w.Bug == "change-in-metadata" {
					n.Fragments = n.Chain[r]
				}
			}, "Replace", r, b, o)
		}
	}
}

func forget(d *definition, r int) {
	for b := range d.Said[r] {
		d.Said[r][b] = "silent"
	}
}

// invariants decides those of the module, but TypeOK, in the order of the model's.
func (w defined) invariants(d definition) []bool {
	kept := func(n int) bool {
		for e := 1; e <= n; e++ {
			copies := 0
			for b := range w.writeSet(ensembleOf(d.Fragments, e), e) {
				if d.Entries[b][e] {
					copies++
				}
			}
			if copies < w.AckQuorum-d.Wipes {
				return false
			}
		}
		return true
	}
	highest := slices.Max(slices.Collect(maps.Values(d.Lac)))
	agreed, inOrder := true, true
	for c, phase := range d.Phase {
		end := d.Sent[c]
		if c == 0 {
			end = d.Acked[0]
		}
		agreed = agreed && (phase != "done" || d.Last == end)
	}
	for _, fs := range append(slices.Collect(maps.Values(d.Chain)), d.Fragments) {
		for i := 1; i < len(fs); i++ {
			inOrder = inOrder && fs[i-1].First < fs[i].First
		}
	}
	closed := d.Status == "closed"
	return []bool{!closed || d.Acked[0] <= d.Last, kept(d.Acked[0]), !closed || kept(d.Last), kept(highest), agreed, inOrder}
}

// In every state of a world, past violations, the model goes where the module goes by actions of the same names, and decides each
// invariant as it does.
func TestStepsAndInvariantsAsTheModuleDefinesThem(t *testing.T) {
	acted, broken := map[string]int{}, map[string]int{}
	names := []string{"Durable", "Stored", "Readable", "NoGap", "Agreed", "InOrder"}
	for _, c := range []struct {
		world string
		most  int // states that are compared
		from  string
	}{
		{"two-recoverers", 250, ""}, {"change", 250, ""}, {"striped-change", 250, ""}, {"empty", 250, ""}, {"striped-ack-one", 400, ""},
		{"read-unfenced", 500, ""}, {"read-from-start", 200, "Send(1) Store(1, 1) Send(2) Store(1, 2) Acknowledge(1) Change(1, 3) Recover(1) Fence(1, 2) Read(1)"}, {"empty-says-no", 250, ""}, {"limbo-unfenced", 300, ""}, {"one-no", 500, ""},
		{"change-unrecorded", 400, ""}, {"change-in-metadata", 500, ""}, {"read-new-ensemble", 400, ""}, {"close-blindly", 200, "Send(1) Store(1, 1) Recover(1) Recover(2) Fence(2, 1) Read(2) Fence(1, 1) Read(1) Answer(1, 1) Found(1) WriteBack(1, 1, 1) Answer(1, 2)"},
		{"close-unwritten", 348, ""}, {"acknowledge-around", 400, ""}, {"tell-own-lac", 250, "Send(1) Send(2) Store(1, 2) Store(2, 2) Recover(1) Fence(1, 2) Read(1) Answer(1, 2) Found(1) Replace(1, 1, 3) WriteBack(1, 1, 3) WriteBack(1, 1, 2) Confirm(1)"},
	} {
		w := worldNamed(t, c.world)
		p, err := plain(w)
		require.NoError(t, err)
		m, module := &model{w}, defined{w}
		start := p.Start
		if c.from != "" {
			start = walk(t, p, start, strings.SplitAfter(c.from, ")")...)
		}
		// The oldest state that is left and the newest are taken in turn, so that few states are near the start and far from it.
		seen := map[State]bool{m.same(start): true}
		compared := 0
		for queue := []State{start}; len(queue) > 0 && compared < c.most; queue = queue[1:] {
			s := queue[len(queue)-1]
			if compared%2 == 0 {
				s = queue[0]
			} else {
				queue[len(queue)-1] = queue[0]
			}
			compared++
			d := m.asDefined(&s)
			want, is := map[string]string{}, map[string]string{}
			module.next(d, func(action string, next definition) { want[action] = fmt.Sprint(next) })
			for _, mv := range p.Moves {
				mv.Next(s, func(next State, args ...int) {
					is[fmt.Sprint(mv.Name, args)] = fmt.Sprint(m.asDefined(&next))
					acted[mv.Name]++
					if canonical := m.same(next); !seen[canonical] {
						seen[canonical] = true
						queue = append(queue, next)
					}
				})
			}
			if !maps.Equal(want, is) {
				require.Equal(t, want, is, "steps from %v", d)
			}
			holds := module.invariants(d)
			for i, x := range p.Must[1:] {
				require.Equal(t, names[i], x.Name)
				if x.Holds(s) != holds[i] {
					require.Equal(t, holds[i], x.Holds(s), "%s in %v", x.Name, d)
				}
				if !holds[i] {
					broken[x.Name]++
				}
			}
		}
		require.Equal(t, c.most, compared, c.world)
	}
	p, err := plain(worldNamed(t, "three"))
	require.NoError(t, err)
	for _, mv := range p.Moves {
		require.Greater(t, acted[mv.Name], 5, "%s is compared in hardly any state", mv.Name)
	}
	for _, name := range names {
		require.Positive(t, broken[name], "%s is broken in no state that is compared", name)
	}
}

// Sorting is exact: two states have one code if and only if an exchange of bookies, of recoverers or of both takes one to the
// other, and a code is decoded to a state of that code.
func TestSymmetryIsExact(t *testing.T) {
	w := worldNamed(t, "two-recoverers-change")
	p, err := plain(w)
	require.NoError(t, err)
	m := &model{w}
	seen := map[State]bool{p.Start: true}
	codes, orbits := map[State]string{}, map[string]State{}
	queue := []State{p.Start}
	for i := 0; i < 2500; i++ {
		s := queue[i]
		least := ""
		for _, order := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
			x := s
			for b, other := range order {
				x.Bookies[b] = s.Bookies[other]
			}
			for _, y := range []State{x, x.exchanged()} {
				if name := fmt.Sprint(y); least == "" || name < least {
					least = name
				}
			}
		}
		code := m.same(s)
		if m.same(code) != code {
			require.Equal(t, code, m.same(code))
		}
		orbit, known := codes[code]
		require.True(t, !known || orbit == least, "one code for two orbits")
		other, known := orbits[least]
		require.True(t, !known || other == code, "two codes for one orbit")
		codes[code], orbits[least] = least, code
		for _, mv := range p.Moves {
			mv.Next(s, func(next State, _ ...int) {
				if !seen[next] {
					seen[next] = true
					queue = append(queue, next)
				}
			})
		}
	}
	require.Greater(t, len(codes), 300)
	require.Less(t, len(codes), 2000)
}
