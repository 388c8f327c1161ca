package longfork

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// The module as it is written, in sets and functions: slow, and with nothing in common with the fast model.
type (
	set[T comparable] map[T]bool
	taken             struct {
		at    string
		shows string // of a set[int], as fmt prints it
	}
	module struct {
		stage     map[int]string
		basis     map[int]set[int]
		row       map[int]int
		log       []int
		received  map[int]int
		replayed  map[int]set[int]
		primary   int // 0 is First
		opening   bool
		down      set[int]
		acked     set[int]
		snapshots map[taken]set[int] // each with what it shows
	}
)

func (a set[T]) subsetOf(b set[T]) bool {
	for x := range a {
		if !b[x] {
			return false
		}
	}
	return true
}

func with[K comparable, V any](f map[K]V, k K, v V) map[K]V {
	g := maps.Clone(f)
	g[k] = v
	return g
}

func (d module) prefix(l int) set[int] {
	all := set[int]{}
	for _, t := range d.log[:l] {
		all[t] = true
	}
	return all
}

func (d module) place(t int) int { return slices.Index(d.log, t) + 1 }

func (d module) visible() set[int] {
	all := set[int]{}
	for t, stage := range d.stage {
		if stage == "visible" {
			all[t] = true
		}
	}
	return all
}

func (d module) primaryUp() bool { return !d.down[d.primary] }
func (d module) serving() bool   { return d.primaryUp() && !d.opening }

func (d module) following(w World) set[int] {
	all := set[int]{}
	for s := 1; s <= w.Secondaries; s++ {
		if !d.down[s] && s != d.primary {
			all[s] = true
		}
	}
	return all
}

func (d module) replicated(w World, l int) bool {
	have := set[int]{}
	for s := range d.following(w) {
		if d.received[s] >= l {
			have[s] = true
		}
	}
	return len(have) >= w.Acks
}

// next calls yield with each state that an instance of an action leads to, in the module's words.
func (d module) next(w World, yield func(step string, next module)) {
	following := d.following(w)
	for t := 1; t <= w.Txns; t++ {
		if d.serving() && d.stage[t] == "unborn" {
			n := d
			n.stage, n.basis = with(d.stage, t, "running"), with(d.basis, t, d.visible())
			yield(check.Instance("Begin", []int{t}), n)
		}
		for k := 1; k <= w.Rows; k++ {
			isTaken := false
			for u := 1; u <= w.Txns; u++ {
				isTaken = isTaken || u != t && d.row[u] == k && !d.basis[t][u]
			}
			if d.serving() && d.stage[t] == "running" && d.row[t] == 0 && (w.Bug == "ignore-conflict" || !isTaken) {
				n := d
				n.row = with(d.row, t, k)
				yield(check.Instance("Write", []int{t, k}), n)
			}
		}
		if d.serving() && d.stage[t] == "running" {
			n := d
			n.stage, n.basis, n.row = with(d.stage, t, "aborted"), with(d.basis, t, set[int]{}), with(d.row, t, 0)
			yield(check.Instance("Abort", []int{t}), n)
		}
		if d.serving() && d.stage[t] == "running" && d.row[t] != 0 {
			n := d
			n.stage, n.log = with(d.stage, t, "committed"), append(slices.Clone(d.log), t)
			yield(check.Instance("Commit", []int{t}), n)
		}
		if d.serving() && d.stage[t] == "committed" && (w.Bug == "cancel-wait" || d.replicated(w, d.place(t))) &&
			(w.Bug == "primary-by-procarray" || d.prefix(d.place(t)-1).subsetOf(d.visible())) {
			n := d
			n.stage = with(d.stage, t, "visible")
			yield(check.Instance("Show", []int{t}), n)
		}
		if d.serving() && !d.acked[t] && (d.stage[t] == "visible" ||
			w.Bug == "ack-before-visible" && d.stage[t] == "committed" && d.replicated(w, d.place(t))) {
			n := d
			n.acked = with(d.acked, t, true)
			yield(check.Instance("Ack", []int{t}), n)
		}
		for s := range following {
			if !d.prefix(d.received[s])[t] || d.replayed[s][t] || w.SecondariesWait && !d.replicated(w, d.place(t)) {
				continue
			}
			if w.Bug != "replay-out-of-order" && fmt.Sprint(d.replayed[s]) != fmt.Sprint(d.prefix(d.place(t)-1)) {
				continue
			}
			n := d
			n.replayed = with(d.replayed, s, with(d.replayed[s], t, true))
			yield(check.Instance("Replay", []int{s, t}), n)
		}
	}
	take := func(step, at string, shows set[int]) {
		x := taken{at, fmt.Sprint(shows)}
		if _, is := d.snapshots[x]; is || len(d.snapshots) == w.Snapshots {
			return
		}
		n := d
		n.snapshots = with(d.snapshots, x, shows)
		yield(step, n)
	}
	for s := range following {
		if d.primaryUp() && d.received[s] < len(d.log) {
			n := d
			n.received = with(d.received, s, d.received[s]+1)
			yield(check.Instance("Receive", []int{s}), n)
		}
		take(check.Instance("ReadSecondary", []int{s}), "secondary", d.replayed[s])
		if len(d.down) < w.Losses {
			n := d
			n.down, n.received, n.replayed = with(d.down, s, true), with(d.received, s, 0), with(d.replayed, s, set[int]{})
			yield(check.Instance("LoseSecondary", []int{s}), n)
		}
		d.promote(w, s, yield)
	}
	if d.serving() {
		take("ReadPrimary()", "primary", d.visible())
	}
	if d.primaryUp() && len(d.down) < w.Losses {
		n := d
		n.down = with(d.down, d.primary, true)
		yield("LosePrimary()", n)
	}
	if d.primaryUp() && d.opening && (w.Bug == "serve-before-replicated" || d.replicated(w, len(d.log))) {
		n := d
		n.opening, n.stage = false, maps.Clone(d.stage)
		for t := range d.prefix(len(d.log)) {
			n.stage[t] = "visible"
		}
		yield("Open()", n)
	}
}

func (d module) promote(w World, s int, yield func(step string, next module)) {
	following, behind := d.following(w), set[int]{}
	for u := range following {
		if d.received[u] <= d.received[s] {
			behind[u] = true
		}
	}
	mustRead := w.Secondaries - w.Acks + 1
	allowed := len(behind) >= mustRead
	switch w.Bug {
	case "promote-first":
		allowed = true
	case "promote-shortest":
		allowed = len(following) >= mustRead
	}
	if d.primaryUp() || !allowed {
		return
	}
	kept := d.prefix(d.received[s])
	n := d
	n.log = slices.Clone(d.log[:d.received[s]])
	n.received, n.replayed = map[int]int{}, map[int]set[int]{}
	for u := 1; u <= w.Secondaries; u++ {
		n.received[u], n.replayed[u] = min(d.received[u], d.received[s]), set[int]{}
		for t := range d.replayed[u] {
			if kept[t] && u != s {
				n.replayed[u][t] = true
			}
		}
	}
	n.received[s] = 0
	n.stage, n.basis, n.row = map[int]string{}, map[int]set[int]{}, map[int]int{}
	for t := 1; t <= w.Txns; t++ {
		switch {
		case kept[t]:
			n.stage[t], n.basis[t], n.row[t] = "committed", d.basis[t], d.row[t]
		case d.stage[t] == "unborn":
			n.stage[t], n.basis[t] = "unborn", set[int]{}
		default:
			n.stage[t], n.basis[t] = "aborted", set[int]{}
		}
		n.row[t] += 0 // a function has a value for each transaction
	}
	n.primary, n.opening = s, true
	yield(check.Instance("Promote", []int{s}), n)
}

func (d module) invariants() map[string]bool {
	inLog := d.prefix(len(d.log))
	ordered := func(counts func(at string) bool) bool {
		for x, a := range d.snapshots {
			for y, b := range d.snapshots {
				if counts(x.at) && counts(y.at) && !a.subsetOf(b) && !b.subsetOf(a) {
					return false
				}
			}
		}
		return true
	}
	seen, causal, lost := true, true, false
	for _, shows := range d.snapshots {
		seen = seen && shows.subsetOf(inLog)
		for t := range shows {
			causal = causal && d.basis[t].subsetOf(shows)
		}
	}
	for t := range inLog {
		for u := range inLog {
			lost = lost || t != u && d.row[t] == d.row[u] && !d.basis[u][t] && !d.basis[t][u]
		}
	}
	return map[string]bool{
		"Durable": d.acked.subsetOf(inLog), "SeenIsKept": seen, "AckedIsShown": !d.serving() || d.acked.subsetOf(d.visible()),
		"NoLostUpdate": !lost, "Causal": causal,
		"SecondariesOrdered": ordered(func(at string) bool { return at == "secondary" }),
		"SnapshotsOrdered":   ordered(func(string) bool { return true }),
	}
}

func setOfModule(a Set) set[int] {
	all := set[int]{}
	for t := 1; t <= maxTxns; t++ {
		if a.has(t) {
			all[t] = true
		}
	}
	return all
}

// inModule returns a state of the fast model in the module's words.
func inModule(w World, s State) module {
	d := module{stage: map[int]string{}, basis: map[int]set[int]{}, row: map[int]int{}, log: []int{}, received: map[int]int{},
		replayed: map[int]set[int]{}, primary: int(s.Primary), opening: s.Opening, down: set[int]{}, acked: setOfModule(s.Acked), snapshots: map[taken]set[int]{}}
	for t := 1; t <= w.Txns; t++ {
		x := s.txn(t)
		d.stage[t], d.basis[t], d.row[t] = x.Stage.String(), setOfModule(x.Basis), int(x.Row)
	}
	for _, t := range s.log() {
		d.log = append(d.log, int(t))
	}
	if s.FirstDown {
		d.down[0] = true
	}
	for n := 1; n <= w.Secondaries; n++ {
		x := s.node(n)
		d.received[n], d.replayed[n] = int(x.Received), setOfModule(x.Replayed)
		if x.Down {
			d.down[n] = true
		}
	}
	for _, x := range s.Snapshots {
		if x.At != Nowhere {
			shows := setOfModule(x.Shows)
			d.snapshots[taken{[...]string{AtPrimary: "primary", AtSecondary: "secondary"}[x.At], fmt.Sprint(shows)}] = shows
		}
	}
	return d
}

// In the reachable states of worlds that hold and of all broken variants, the steps of the fast model are those of the module,
// they lead to the same states, and the same invariants hold. Of a large world, states are left out at even distances.
func TestTheModelIsTheModule(t *testing.T) {
	const most = 1500 // states of a world
	base := World{Txns: 2, Rows: 2, Secondaries: 1, Acks: 1, Snapshots: 1, Losses: 1, Bug: check.NoBug}
	change := func(by func(*World)) World {
		w := base
		by(&w)
		return w
	}
	worlds := []World{base,
		change(func(w *World) { w.Rows, w.Snapshots, w.Losses, w.Bug = 2, 2, 0, primaryByProcArray }),
		change(func(w *World) { w.Txns, w.Rows, w.Secondaries, w.Acks, w.Losses = 1, 1, 3, 2, 2 }),
		change(func(w *World) { w.Txns, w.Secondaries, w.Acks, w.SecondariesWait, w.Losses = 1, 3, 2, true, 3 }),
		change(func(w *World) { w.Secondaries, w.Rows, w.Acks, w.Losses = 2, 1, 0, 1 }),
		change(func(w *World) { w.Secondaries, w.Rows, w.Losses, w.Bug, w.Snapshots = 2, 1, 0, replayOutOfOrder, 2 }),
	}
	for _, bug := range Bugs() {
		worlds = append(worlds, change(func(w *World) { w.Bug, w.Rows = bug, 1 }))
	}
	broken, steps := map[string]int{}, map[string]int{}
	for _, w := range worlds {
		p, err := plain(w)
		require.NoError(t, err)
		all, compared := reachable(p), 0
		for i := 0; i < len(all); i += 1 + len(all)/most {
			s := all[i]
			compared++
			d := inModule(w, s)
			want, found := []string{}, []string{}
			d.next(w, func(step string, next module) { want = append(want, fmt.Sprintf("%s %+v", step, next)) })
			for _, mv := range p.Moves {
				mv.Next(s, func(next State, args ...int) {
					steps[mv.Name]++
					found = append(found, fmt.Sprintf("%s %+v", check.Instance(mv.Name, args), inModule(w, next)))
				})
			}
			slices.Sort(want)
			slices.Sort(found)
			if !slices.Equal(want, found) {
				require.Equal(t, want, found, "%+v", w)
			}
			defined := d.invariants()
			for _, x := range p.Must {
				if holds, is := defined[x.Name]; is && holds != x.Holds(s) {
					require.Equal(t, holds, x.Holds(s), "%s in %+v", x.Name, d)
				} else if is && !holds {
					broken[x.Name]++
				}
			}
		}
		require.Greater(t, compared, 100, "%+v", w)
	}
	for _, name := range invariantNames()[1:] { // TypeOK has a test of its own
		require.NotZero(t, broken[name], "%s is broken nowhere", name)
	}
	p, err := plain(base)
	require.NoError(t, err)
	for _, mv := range p.Moves {
		require.NotZero(t, steps[mv.Name], mv.Name)
	}
}

// reachable returns all reachable states, past all violations, in the order in which they are found.
func reachable(p check.Plain[State]) []State {
	seen, all := map[State]bool{p.Start: true}, []State{p.Start}
	for i := 0; i < len(all); i++ {
		for _, mv := range p.Moves {
			mv.Next(all[i], func(next State, _ ...int) {
				if !seen[next] {
					seen[next] = true
					all = append(all, next)
				}
			})
		}
	}
	return all
}

// A search with symmetry sees one state of each orbit, which is all that an exchange of two secondaries makes of one.
func TestSymmetryIsExact(t *testing.T) {
	w := World{Txns: 1, Rows: 1, Secondaries: 3, Acks: 1, Snapshots: 1, Losses: 2, Bug: promoteFirst}
	p, err := plain(w)
	require.NoError(t, err)
	m := &model{w}
	orbits := map[State]bool{}
	for _, s := range reachable(p) {
		for a := 1; a <= w.Secondaries; a++ {
			for b := 1; b < a; b++ {
				exchanged := s
				*exchanged.node(a), *exchanged.node(b) = *s.node(b), *s.node(a)
				switch int(s.Primary) {
				case a:
					exchanged.Primary = uint8(b)
				case b:
					exchanged.Primary = uint8(a)
				}
				if m.same(exchanged) != m.same(s) {
					require.Equal(t, m.same(s), m.same(exchanged))
				}
			}
		}
		orbits[m.same(s)] = true
	}
	w.Symmetry, w.Invariants = true, []string{"TypeOK"}
	r := search(t, w)
	require.Equal(t, uint64(len(orbits)), r.Distinct)
	require.Equal(t, []string{"secondaries are interchangeable"}, r.Reductions)
	w.Symmetry = false
	require.Greater(t, search(t, w).Distinct, r.Distinct)
}
