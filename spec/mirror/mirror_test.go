package mirror

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

func worldNamed(t *testing.T, name string) World {
	t.Helper()
	named, err := Subject().Lookup(name)
	require.NoError(t, err)
	w, err := parse(named.Constants)
	require.NoError(t, err)
	return w
}

func plainNamed(t *testing.T, name string) check.Plain[State] {
	t.Helper()
	p, err := plain(worldNamed(t, name))
	require.NoError(t, err)
	return p
}

func search(t *testing.T, p check.Plain[State]) *check.Result {
	t.Helper()
	r, err := check.Run(t.Context(), p.Model(), check.Options{})
	require.NoError(t, err)
	require.NotEqual(t, check.Incomplete, r.Verdict, r.Reason)
	return r
}

// Every named world has as many states here as TLC has found in the twin, distinct and generated, violations or not;
// and its verdict is TLC's.
func TestWorldsAsTLCFoundThem(t *testing.T) {
	taken := map[string]uint64{}
	table, err := check.ReadTable(worldsTSV)
	require.NoError(t, err)
	for _, w := range table {
		t.Run(w.Name, func(t *testing.T) {
			p := plainNamed(t, w.Name)
			verdict := search(t, p)
			require.Equal(t, w.Violates, verdict.Invariant)
			all := verdict
			if w.Violates != "" {
				p.Must = everyState
				all = search(t, p)
			}
			require.Equal(t, w.Distinct, all.Distinct, "distinct states")
			require.Equal(t, w.Generated, all.Generated, "generated states")
			require.Zero(t, all.Left)
			if w.Violates == "" {
				require.Equal(t, check.Pass, verdict.Verdict, verdict.Reason)
				for _, a := range all.Actions {
					taken[a.Action] += a.Times
				}
			}
		})
	}
	for _, mv := range plainNamed(t, "mirrored").Moves {
		require.NotZero(t, taken[mv.Name], "%s is taken in no world that passes", mv.Name)
	}
}

func TestEveryBrokenVariantHasAWorldThatFindsIt(t *testing.T) {
	s := Subject()
	require.Equal(t, "mirror", s.Name)
	require.Equal(t, "Mirror", s.Module)
	found := map[string]bool{}
	seen := map[string]bool{}
	for _, w := range s.Worlds {
		require.False(t, seen[w.Name], "two worlds are named %s", w.Name)
		seen[w.Name] = true
		m, err := s.Read(w.Constants)
		require.NoError(t, err)
		world := m.World().(World)
		if world.Bug == "none" {
			continue
		}
		require.NotEmpty(t, w.Violates, w.Name)
		require.Zero(t, w.Distinct+w.Generated, w.Name)
		require.Contains(t, s.Bugs, world.Bug)
		found[world.Bug] = true
		// The guard is what finds it: the same world without the bug passes.
		world.Bug = "none"
		p, err := plain(world)
		require.NoError(t, err)
		require.Equal(t, check.Pass, search(t, p).Verdict, w.Name)
	}
	for _, bug := range s.Bugs {
		require.True(t, found[bug], "no world has the bug %s", bug)
	}
}

// walk takes the steps given, such as "Store(1, 2)", from s.
func walk(t *testing.T, p check.Plain[State], s State, steps ...string) State {
	t.Helper()
	for _, want := range steps {
		next, possible := after(p, s, want)
		require.NotNil(t, next, "%s is not possible; possible: %s", want, strings.Join(possible, " "))
		s = *next
		for _, m := range p.Must {
			require.True(t, m.Holds(s), "%s after %s", m.Name, want)
		}
	}
	return s
}

// after returns where a step leads, nil if it is not possible, and those that are.
func after(p check.Plain[State], s State, want string) (next *State, possible []string) {
	for _, mv := range p.Moves {
		mv.Next(s, func(n State, args ...int) {
			step := check.Instance(mv.Name, args)
			possible = append(possible, step)
			if step == want {
				next = &n
			}
		})
	}
	return next, possible
}

func refused(t *testing.T, p check.Plain[State], s State, step string) {
	t.Helper()
	next, possible := after(p, s, step)
	require.Nil(t, next, "%s is possible", step)
	require.NotEmpty(t, possible)
}

// A write of a database on an EBS volume reaches the first copy, then the second, and from there it is answered. When the
// database dies, another attaches the same volume and finds all; only one has it attached at any time.
func TestLectureEBS(t *testing.T) {
	p := plainNamed(t, "pair")
	s := walk(t, p, p.Start, "Issue(1)")
	refused(t, p, s, "Ack(1, 1)")
	s = walk(t, p, s, "Store(1, 1)")
	refused(t, p, s, "Ack(1, 1)")
	s = walk(t, p, s, "Forward(1, 1)", "Ack(1, 1)", "Issue(1)", "Store(1, 1)")

	s = walk(t, p, s, "Attach(2, 1)")
	refused(t, p, s, "Store(1, 1)")
	refused(t, p, s, "Open(2)") // write 2 is still on its way to the copy that answers
	s = walk(t, p, s, "Forward(1, 1)", "Open(2)")
	require.Equal(t, "[1 2]", s.Log[2].String())

	// One copy is lost: the volume goes on with the other, once it is taken out, and has a second again.
	s = walk(t, p, p.Start, "Issue(1)", "Store(1, 1)", "Forward(1, 1)", "Ack(1, 1)", "Issue(1)", "Store(1, 1)", "Lose(1, 1)")
	refused(t, p, s, "Ack(1, 2)")
	refused(t, p, s, "Drop(1, 2)")
	s = walk(t, p, s, "Drop(1, 1)")
	require.Equal(t, "[1]", s.Chain[1].last().Log.String(), "write 2 was on the lost copy only")
	s = walk(t, p, s, "Store(1, 1)", "Ack(1, 2)", "Join(1)")
	require.Equal(t, "of instance 1: [1 2] → [1 2]", p.Show(s)[5].Value)
}

// Mirrored MySQL waits for all four copies. When the zone of the database burns down, the other has everything.
func TestLectureMirroredMySQL(t *testing.T) {
	p := plainNamed(t, "mirrored-zone")
	s := walk(t, p, p.Start, "Issue(1)")
	for _, step := range []string{"Store(1, 1)", "Forward(1, 1)", "Store(1, 2)", "Forward(2, 1)"} {
		refused(t, p, s, "Ack(1, 1)")
		s = walk(t, p, s, step)
	}
	s = walk(t, p, s, "Ack(1, 1)", "Burn(1)")
	refused(t, p, s, "Issue(1)")
	s = walk(t, p, s, "Attach(2, 2)", "Open(2)", "Issue(2)", "Store(2, 2)", "Forward(2, 1)")
	refused(t, p, s, "Ack(2, 2)") // it still waits for the zone that is lost
	s = walk(t, p, s, "Degrade(2, 1)", "Ack(2, 2)")
	require.Equal(t, "in zone 2, has [1 2], waits for zones {2}", p.Show(s)[3].Value)
	require.Equal(t, "lost", p.Show(s)[5].Value)

	// An instance that was replaced may live: it can acknowledge nothing, and is refused when it wants to go on alone.
	p = plainNamed(t, "mirrored-suspect")
	s = walk(t, p, p.Start, "Attach(2, 2)", "Open(2)", "Issue(1)", "Store(1, 1)", "Forward(1, 1)")
	refused(t, p, s, "Store(1, 2)")
	refused(t, p, s, "Ack(1, 1)")
	refused(t, p, s, "Degrade(1, 2)")
	s = walk(t, p, s, "Mirror(2, 1)")
	require.Equal(t, "of instance 2: [] → []", p.Show(s)[4].Value, "what nobody was told of goes")
}

// A volume that is not drained: the second instance reads the last copy, and what the first copy has more of the instance
// before is gone when the first write of the second stands in its place. Before that it serves no client.
func TestAnInstanceWritesOver(t *testing.T) {
	p := plainNamed(t, "pair-overwrite-suspect")
	s := walk(t, p, p.Start, "Issue(1)", "Store(1, 1)", "Attach(2, 1)", "Read(2, 0)")
	refused(t, p, s, "Forward(1, 1)")
	refused(t, p, s, "Serve(2)")
	alone := walk(t, p, s, "Drop(1, 2)")
	refused(t, p, alone, "Ack(1, 1)")
	s = walk(t, p, s, "Issue(2)", "Store(2, 1)")
	require.Equal(t, "of instance 2: [2] → []", p.Show(s)[5].Value)
	refused(t, p, s, "Serve(2)")
	walk(t, p, s, "Forward(1, 1)", "Serve(2)", "Ack(2, 2)")

	// Of what only one zone has, an instance may take nothing, if it can write it again.
	p = plainNamed(t, "mirrored-overwrite-three")
	s = walk(t, p, p.Start, "Issue(1)", "Store(1, 1)", "Forward(1, 1)", "Attach(2, 1)", "Read(2, 1)", "Issue(2)", "Store(2, 1)", "Mirror(2, 2)", "Store(2, 2)")
	require.Equal(t, "of instance 2: [2] → []", p.Show(s)[5].Value)
}

// All failures at once of each design: which lose what was acknowledged, which stop writes, and which cannot be repaired.
func TestEveryFailure(t *testing.T) {
	for _, design := range []struct {
		name                   string
		zones, copies          int
		loses, stops, strands  int // of all sets of lost copies
		zoneLoses, zoneStrands bool
	}{
		{"local disk", 1, 1, 1, 1, 1, true, true},
		{"EBS pair", 1, 2, 1, 3, 1, true, true},
		{"mirrored MySQL", 2, 2, 1, 15, 1, false, false},
	} {
		t.Run(design.name, func(t *testing.T) {
			var copies [][2]int
			for a := 1; a <= design.zones; a++ {
				for i := 1; i <= design.copies; i++ {
					copies = append(copies, [2]int{a, i})
				}
			}
			w := World{Zones: design.zones, Copies: design.copies}
			var loses, stops, strands int
			for set := range 1 << len(copies) {
				var f Failure
				for i, c := range copies {
					if set&(1<<i) != 0 {
						f.Copies = append(f.Copies, c)
					}
				}
				o, err := After(t.Context(), w, f)
				require.NoError(t, err)
				all := len(f.Copies) == len(copies)
				require.Equal(t, Outcome{Loses: all, Stops: set != 0, Strands: all}, o, "%+v", f)
				for count, is := range map[*int]bool{&loses: o.Loses, &stops: o.Stops, &strands: o.Strands} {
					if is {
						*count++
					}
				}
			}
			require.Equal(t, []int{design.loses, design.stops, design.strands}, []int{loses, stops, strands})
			for a := 1; a <= design.zones; a++ {
				o, err := After(t.Context(), w, Failure{Zones: []int{a}})
				require.NoError(t, err)
				require.Equal(t, Outcome{design.zoneLoses, true, design.zoneStrands}, o, "zone %d", a)
			}
		})
	}

	// A zone and one more copy: what is left still has everything.
	mirrored := World{Zones: 2, Copies: 2}
	for _, f := range []Failure{{Zones: []int{1}, Copies: [][2]int{{2, 1}}}, {Zones: []int{2}, Copies: [][2]int{{1, 2}}}} {
		o, err := After(t.Context(), mirrored, f)
		require.NoError(t, err)
		require.Equal(t, Outcome{Stops: true}, o)
	}
	_, err := After(t.Context(), mirrored, Failure{Zones: []int{3}})
	require.EqualError(t, err, "world: zone of a failure is 3; expected 1 to 2")
	_, err = After(t.Context(), mirrored, Failure{Copies: [][2]int{{1, 3}}})
	require.EqualError(t, err, "world: copy of a failure is 3 of zone 1; expected 1 to 2 of zone 1 to 2")
	_, err = After(t.Context(), World{}, Failure{})
	require.EqualError(t, err, "world: zones is 0; expected 1 to 2")
}

// The shortest ways to what goes wrong, step by step.
func TestCounterexamples(t *testing.T) {
	for name, want := range map[string]string{
		"local-copy": "Issue(1) Store(1, 1) Ack(1, 1) Lose(1, 1)",
		"pair-zone":  "Issue(1) Store(1, 1) Forward(1, 1) Ack(1, 1) Burn(1)",
		// A copy that was only slow is taken out, and then the other is lost.
		"pair-suspect-copy": "Issue(1) Store(1, 1) Drop(1, 2) Ack(1, 1) Lose(1, 1)",
		// The same with a zone.
		"mirrored-suspect-zone": "Issue(1) Store(1, 1) Degrade(1, 2) Ack(1, 1) Burn(1)",
		"attach-unsynced":       "Degrade(1, 2) Attach(2, 2) Issue(1) Store(1, 1) Ack(1, 1) Open(2)",
		// The first instance has its answer, and tells the client only after the second has let zone 2 in.
		"insync-by-own-acks": "Issue(1) Store(1, 1) Degrade(1, 2) Attach(2, 1) Open(2) Mirror(2, 2) InSync(2, 2) Ack(1, 1)",
		"read-deposed":       "Degrade(1, 2) Attach(2, 1) Open(2) Issue(2) Store(2, 1) Ack(2, 1)",
	} {
		t.Run(name, func(t *testing.T) {
			r := search(t, plainNamed(t, name))
			var steps []string
			for _, s := range r.Trace {
				steps = append(steps, s.Action)
			}
			require.Equal(t, want, strings.Join(steps, " "))
		})
	}
}

// Without repair nothing is taken out, added or replaced, at any loss.
func TestNothingIsRepairedByItself(t *testing.T) {
	p := plainNamed(t, "mirrored-no-repair")
	r := search(t, p)
	require.Equal(t, []string{"Drop", "Join", "Attach", "Read", "Serve", "Open", "Mirror", "InSync", "Degrade"}, r.Actions.Never())
}

func TestWorldsThatAreRefused(t *testing.T) {
	s := Subject()
	base, err := s.Lookup("mirrored")
	require.NoError(t, err)
	for _, c := range []struct{ change, want string }{
		{`{"zones": 3}`, "world: zones is 3; expected 1 to 2"},
		{`{"zones": 0}`, "world: zones is 0; expected 1 to 2"},
		{`{"copies": 3}`, "world: copies is 3; expected 1 to 2"},
		{`{"maxWrite": 7}`, "world: maxWrite is 7; expected 1 to 6"},
		{`{"maxEpoch": 6}`, "world: maxEpoch is 6; expected 1 to 5"},
		{`{"copyLosses": 5}`, "world: copyLosses is 5; expected 0 to 4"},
		{`{"zones": 1, "zoneLosses": 2}`, "world: zoneLosses is 2; expected 0 to 1"},
		{`{"bug": "bad"}`, `world: bug is "bad"; expected one of none, ` + strings.Join(s.Bugs, ", ")},
		{`{"repair": false}`, "world: maxEpoch is 2; expected 1 (without repair no instance has a successor)"},
		{`{"repair": false, "maxEpoch": 1, "suspect": true}`, "world: suspect is true; expected false (without repair nothing is taken out)"},
		{`{"zone": 1}`, "world: unknown key zone; known: zones, copies, maxWrite, maxEpoch, copyLosses, zoneLosses, repair, suspect, overwrite, bug"},
	} {
		var world map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(base.Constants, &world))
		require.NoError(t, json.Unmarshal([]byte(c.change), &world))
		text, err := json.Marshal(world)
		require.NoError(t, err)
		_, err = s.Read(text)
		require.EqualError(t, err, c.want)
		_, err = s.Config(text)
		require.EqualError(t, err, c.want)
	}
	_, err = New(World{})
	var refusal *WorldError
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, "zones", refusal.Parameter)
}

func TestConfig(t *testing.T) {
	s := Subject()
	w, err := s.Lookup("mirrored-zone")
	require.NoError(t, err)
	text, err := s.Config(w.Constants)
	require.NoError(t, err)
	require.Equal(t, `SPECIFICATION Spec
CONSTANTS
 Zones = 2
 Copies = 2
 MaxWrite = 2
 MaxEpoch = 3
 CopyLosses = 0
 ZoneLosses = 1
 Repair = TRUE
 Suspect = FALSE
 Overwrite = FALSE
 Bug = "none"
INVARIANTS TypeOK Durable OnEveryCopy ChainOrder OneHistory FreshRead
CHECK_DEADLOCK FALSE
`, text)
	names := strings.Fields(text[strings.Index(text, "INVARIANTS"):strings.Index(text, "CHECK_")])[1:]
	require.True(t, slices.EqualFunc(names, plainNamed(t, "mirrored-zone").Must, func(n string, m check.Must[State]) bool { return n == m.Name }), fmt.Sprint(names))
}

// everyState is all that is asked of a world whose states are counted past its violations. It holds in each of them.
var everyState = []check.Must[State]{{Name: "Counted", Guarantee: "every state is counted", Holds: func(State) bool { return true }}}
