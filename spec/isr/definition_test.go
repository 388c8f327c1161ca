package isr

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// What follows transcribes Isr.tla, definition by definition, with its functions, sequences and sets as maps and slices that are
// copied at each step, and no thought for speed. Replicas are numbers from 1.

type set map[int]bool

func (s set) with(e int) set {
	n := maps.Clone(s)
	n[e] = true
	return n
}

func (s set) but(e int) set {
	n := maps.Clone(s)
	delete(n, e)
	return n
}

type definition struct {
	Epoch          int
	InSync         set
	Elected        []int // of epoch 1, 2 and so on
	Counts, Wanted map[int]set
	Request        map[int]string
	Committed      []int
	Log            map[int][]int
	HW, At         map[int]int
	Truncated      set
}

func (d definition) clone() definition {
	d.Elected, d.Committed = slices.Clone(d.Elected), slices.Clone(d.Committed)
	d.Counts, d.Wanted, d.Request = maps.Clone(d.Counts), maps.Clone(d.Wanted), maps.Clone(d.Request)
	d.Log, d.HW, d.At = maps.Clone(d.Log), maps.Clone(d.HW), maps.Clone(d.At)
	return d
}

func (d definition) elected(e int) int { return d.Elected[e-1] }
func (d definition) leads(r int) bool  { return d.elected(d.At[r]) == r }

// asDefined returns a state as the module has it.
func (m *model) asDefined(s *State) definition {
	logOf := func(l Log) []int {
		list := []int{}
		for _, e := range l.Epochs[:l.Len] {
			list = append(list, int(e))
		}
		return list
	}
	d := definition{Epoch: int(s.Epoch), InSync: set{}, Counts: map[int]set{}, Wanted: map[int]set{}, Request: map[int]string{}, Committed: logOf(s.Committed),
		Log: map[int][]int{}, HW: map[int]int{}, At: map[int]int{}, Truncated: set{}}
	for e := 1; e <= m.MaxEpoch; e++ {
		d.Counts[e], d.Wanted[e], d.Request[e] = set{}, set{}, [...]string{"none", "asked", "accepted"}[s.Requests[e]]
		for i := range m.Replicas {
			r := &s.Replicas[i]
			if r.Leads.has(uint8(e)) {
				d.Elected = append(d.Elected, i+1)
			}
			if r.Counts.has(uint8(e)) {
				d.Counts[e][i+1] = true
			}
			if r.Wanted.has(uint8(e)) {
				d.Wanted[e][i+1] = true
			}
		}
	}
	for i := range m.Replicas {
		r := &s.Replicas[i]
		d.Log[i+1], d.HW[i+1], d.At[i+1] = logOf(r.Log), int(r.HW), int(r.Epoch)
		if r.InSync {
			d.InSync[i+1] = true
		}
		if r.Truncated {
			d.Truncated[i+1] = true
		}
	}
	return d
}

func lastEpoch(l []int) int {
	if len(l) == 0 {
		return 0
	}
	return l[len(l)-1]
}

func cut(l []int, n int) []int { return slices.Clone(l[:min(n, len(l))]) }

// end is CHOOSE n: the only one of which the module's condition holds.
func end(l []int, e int) int {
	for n := 0; ; n++ {
		all := true
		for i := 1; i <= n; i++ {
			all = all && l[i-1] <= e
		}
		if all && (n == len(l) || l[n] > e) {
			return n
		}
	}
}

func isPrefix(l, m []int) bool { return len(l) <= len(m) && slices.Equal(m[:len(l)], l) }

func agreed(f, l []int) []int {
	e := end(l, lastEpoch(f))
	known := 0
	if e > 0 {
		known = l[e-1]
	}
	kept := cut(f, min(e, end(f, known)))
	if len(kept) == 0 || lastEpoch(kept) == known {
		return kept
	}
	return agreed(kept, l)
}

func byOffset(f, l []int, h int) []int {
	if e := end(l, lastEpoch(f)); e < len(l) || lastEpoch(l) == lastEpoch(f) {
		return cut(f, e)
	}
	return cut(f, h)
}

// defined has the definitions of the module, for a world.
type defined struct{ World }

func (w defined) begin(n *definition, l int, left set) {
	n.Epoch++
	n.Elected = append(n.Elected, l)
	n.InSync, n.Counts[n.Epoch] = left, left
}

func (w defined) leave(n *definition, r int) {
	if n.leads(r) {
		n.Counts[n.At[r]], n.Wanted[n.At[r]], n.Request[n.At[r]] = set{}, set{}, "none"
	}
}

func (w defined) mayAsk(d definition, r int, unfenced string) bool {
	l := d.elected(d.At[r])
	return !d.leads(r) && (d.At[l] == d.At[r] || w.Bug == unfenced && d.leads(l))
}

func (w defined) counted(d definition, r int) set {
	e := d.At[r]
	if w.Bug == "shrink-unrecorded" && d.Request[e] != "none" {
		return d.Wanted[e]
	}
	all := maps.Clone(d.Counts[e])
	maps.Copy(all, d.Wanted[e])
	return all
}

func (w defined) follows(d definition, r, o, n int) bool {
	return len(d.Log[o]) >= n && (o == r || d.At[o] == d.At[r] && d.Truncated[o] || w.Bug == "advance-unfenced")
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
	step(d.Request[d.Epoch] == "asked", func(n *definition) {
		n.Request[d.Epoch], n.InSync = "accepted", d.Wanted[d.Epoch]
	}, "Accept", d.Epoch)
	for r := 1; r <= w.Replicas; r++ {
		at := d.At[r]
		step(d.Epoch < w.MaxEpoch && d.InSync[r], func(n *definition) { w.begin(n, r, d.InSync) }, "Elect", r, 0)
		step(d.Epoch < w.MaxEpoch && !d.InSync[r] && w.Bug == "unclean-election", func(n *definition) { w.begin(n, r, set{r: true}) }, "Elect", r, 0)
		step(!d.Truncated[r] && w.mayAsk(d, r, "truncate-unfenced"), func(n *definition) {
			l := d.Log[d.elected(at)]
			n.Log[r] = agreed(d.Log[r], l)
			if w.Bug == "truncate-unknown-epoch" {
				n.Log[r] = byOffset(d.Log[r], l, d.HW[r])
			}
			n.HW[r] = min(d.HW[r], len(n.Log[r]))
			n.Truncated = d.Truncated.with(r)
		}, "Truncate", r)
		step(d.leads(r) && len(d.Log[r]) < w.MaxOffset, func(n *definition) { n.Log[r] = append(cut(d.Log[r], w.MaxOffset), at) }, "Write", r)
		if d.Truncated[r] && w.mayAsk(d, r, "fetch-unfenced") {
			l := d.elected(at)
			log := cut(d.Log[r], w.MaxOffset)
			if len(d.Log[l]) > len(log) {
				log = append(log, d.Log[l][len(log)])
			}
			hw := min(d.HW[l], len(log))
			step(len(log) != len(d.Log[r]) || hw != d.HW[r], func(n *definition) { n.Log[r], n.HW[r] = log, hw }, "Fetch", r)
		}
		has := true
		for o := range w.counted(d, r) {
			has = has && w.follows(d, r, o, d.HW[r]+1)
		}
		step(d.leads(r) && d.HW[r] < len(d.Log[r]) && has, func(n *definition) {
			n.HW[r]++
			if d.HW[r] == len(d.Committed) {
				n.Committed = append(n.Committed, d.Log[r][d.HW[r]])
			}
		}, "Advance", r)
		step(d.leads(r) && d.Request[at] == "accepted", func(n *definition) {
			n.Request[at], n.Counts[at], n.Wanted[at] = "none", d.Wanted[at], set{}
		}, "Learn", r)
		asks := w.Alter && d.leads(r) && d.Request[at] == "none"
		for o := 1; o <= w.Replicas; o++ {
			step(d.Epoch < w.MaxEpoch && d.InSync[r] && d.InSync[o] && o != r, func(n *definition) { w.begin(n, r, d.InSync.but(o)) }, "Elect", r, o)
			step(asks && d.Counts[at][o] && o != r, func(n *definition) { n.Request[at], n.Wanted[at] = "asked", d.Counts[at].but(o) }, "Shrink", r, o)
			caughtUp := max(d.HW[r], end(d.Log[r], at-1))
			if w.Bug == "expand-early" {
				caughtUp = d.HW[r]
			}
			step(asks && !d.Counts[at][o] && o != r && w.follows(d, r, o, caughtUp), func(n *definition) {
				n.Request[at], n.Wanted[at] = "asked", d.Counts[at].with(o)
			}, "Expand", r, o)
		}
		for e := 1; e <= d.Epoch; e++ {
			step(at < e && d.elected(e) == r, func(n *definition) {
				w.leave(n, r)
				n.At[r], n.Truncated = e, d.Truncated.but(r)
			}, "BecomeLeader", r, e)
			step(at < e && d.elected(e) != r, func(n *definition) {
				w.leave(n, r)
				n.At[r] = e
				switch {
				case w.Bug == "truncate-to-high-watermark":
					n.Log[r], n.Truncated = cut(d.Log[r], d.HW[r]), d.Truncated.with(r)
				case w.Bug != "same-leader" || d.elected(e) != d.elected(at):
					n.Truncated = d.Truncated.but(r)
				}
			}, "BecomeFollower", r, e)
		}
	}
}

// invariants decides those of the module, but TypeOK, in the order of the model's.
func (w defined) invariants(d definition) []bool {
	ascending, durable, oneHistory, prefix := true, true, true, true
	for r := 1; r <= w.Replicas; r++ {
		for i := 2; i <= len(d.Log[r]); i++ {
			ascending = ascending && d.Log[r][i-2] <= d.Log[r][i-1]
		}
		durable = durable && (!d.InSync[r] || isPrefix(d.Committed, d.Log[r]))
		oneHistory = oneHistory && isPrefix(cut(d.Log[r], d.HW[r]), d.Committed)
		l := d.elected(d.At[r])
		prefix = prefix && (!d.Truncated[r] || d.At[l] != d.At[r] || isPrefix(d.Log[r], d.Log[l]))
	}
	return []bool{ascending, durable, isPrefix(d.Committed, d.Log[d.elected(d.Epoch)]), oneHistory, prefix}
}

// In every state that is compared, past violations, the model goes where the module goes by actions of the same names, and decides
// each invariant as it does.
func TestStepsAndInvariantsAsTheModuleDefinesThem(t *testing.T) {
	acted, broken := map[string]int{}, map[string]int{}
	names := []string{"Ascending", "Durable", "LeaderComplete", "OneHistory", "Prefix"}
	for _, named := range Subject().Worlds {
		w := worldNamed(t, named.Name)
		p, err := plain(w)
		require.NoError(t, err)
		m, module := &model{w}, defined{w}
		start := p.Start
		switch w.Bug { // few behaviours break Ascending, and Prefix
		case fetchUnfenced:
			start = walk(t, p, start, "Elect(2, 0)", "Elect(1, 2)", "BecomeLeader(1, 3)", "Write(1)", "Fetch(2)", "BecomeLeader(2, 2)")
		case truncateUnknown:
			start = walk(t, p, start, "Write(1)", "Elect(2, 0)", "BecomeLeader(2, 2)", "Write(2)", "Elect(1, 0)", "BecomeFollower(2, 3)", "BecomeLeader(1, 3)")
		}
		seen := map[State]bool{m.same(start): true}
		compared := 0
		// The oldest state that is left and the newest are taken in turn, so that few states are near the start and far from it.
		for queue := []State{start}; len(queue) > 0 && compared < 500; queue = queue[1:] {
			s := queue[0]
			if compared%2 == 1 {
				last := len(queue) - 1
				s, queue[last] = queue[last], s
			}
			compared++
			queue = append(queue, compare(t, m, module, p, s, acted, seen)...)
			d := m.asDefined(&s)
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
		require.Greater(t, compared, 10, named.Name)
	}
	for _, mv := range plainNamed(t, "pair").Moves {
		require.Greater(t, acted[mv.Name], 20, "%s is compared in hardly any state", mv.Name)
	}
	for _, name := range names {
		require.Positive(t, broken[name], "%s is broken in no state that is compared", name)
	}
}

// compare takes all steps from s, here and in the module, and returns where they lead for the first time.
func compare(t *testing.T, m *model, module defined, p check.Plain[State], s State, acted map[string]int, seen map[State]bool) (found []State) {
	want, is := map[string]string{}, map[string]string{}
	d := m.asDefined(&s)
	module.next(d, func(action string, next definition) { want[action] = fmt.Sprint(next) })
	for _, mv := range p.Moves {
		mv.Next(s, func(next State, args ...int) {
			is[fmt.Sprint(mv.Name, args)] = fmt.Sprint(m.asDefined(&next))
			acted[mv.Name]++
			if canonical := m.same(next); !seen[canonical] {
				seen[canonical] = true
				found = append(found, next)
			}
		})
	}
	if !maps.Equal(want, is) {
		require.Equal(t, want, is, "steps from %v", d)
	}
	return found
}

// Sorting is exact: two states have one code if and only if an exchange of replicas takes one to the other, and a code is decoded
// to a state of that code.
func TestSymmetryIsExact(t *testing.T) {
	p := plainNamed(t, "three-alter")
	m := &model{worldNamed(t, "three-alter")}
	seen := map[State]bool{p.Start: true}
	codes, orbits := map[State]string{}, map[string]State{}
	queue := []State{p.Start}
	for i := range 3000 {
		s := queue[i]
		least := ""
		for _, order := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
			x := s
			for r, other := range order {
				x.Replicas[r] = s.Replicas[other]
			}
			if name := fmt.Sprint(x); least == "" || name < least {
				least = name
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
	require.Greater(t, len(codes), 500)
	require.Less(t, len(codes), 2500)
}
