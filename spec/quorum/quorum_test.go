package quorum

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// three is a world of three replicas with W = R = 2, one write and one read.
func three(change ...func(*World)) World {
	w := World{Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Writers: 1, Writes: 1, Readers: 1, Reads: 1, Symmetry: true}
	for _, c := range change {
		c(&w)
	}
	return w
}

func search(t *testing.T, w World) *check.Result {
	t.Helper()
	m, err := New(w)
	require.NoError(t, err)
	r, err := check.Run(t.Context(), m, check.Options{Workers: 2})
	require.NoError(t, err)
	return r
}

func named(t *testing.T, name string) World {
	t.Helper()
	row, err := Subject().Lookup(name)
	require.NoError(t, err)
	var w World
	require.NoError(t, check.ReadWorld(row.Constants, &w))
	return w
}

func modelOf(t *testing.T, w World) model {
	t.Helper()
	w, err := w.check()
	require.NoError(t, err)
	return model{w}
}

// switchedOff returns the actions that the world has no use for.
func switchedOff(w World) []string {
	var off []string
	if w.VersionsFrom == "" && w.Writers == 1 || w.VersionsFrom == own {
		off = append(off, "Number")
	}
	if !w.WriteBack {
		off = append(off, "Choose", "WriteBack")
	}
	if w.Bug != amnesia {
		off = append(off, "Amnesia")
	}
	if w.Bug != ackBeforeDurable {
		off = append(off, "AckEarly")
	}
	return off
}

// Every named world has the verdict that TLC found, by the same invariant, and the same number of states, distinct and
// generated: one with a violation when the search goes past it. Every action that a world has a use for is taken.
func TestWorlds(t *testing.T) {
	subject := Subject()
	table, err := check.ReadTable(worldsTSV)
	require.NoError(t, err)
	require.Len(t, table, len(subject.Worlds))
	caught := map[string]bool{}
	byInvariant := map[string]bool{}
	passed := 0
	for i, w := range subject.Worlds {
		t.Run(w.Name, func(t *testing.T) {
			m, err := subject.Read(w.Constants)
			require.NoError(t, err)
			world := named(t, w.Name)
			r, err := check.Run(t.Context(), m, check.Options{Workers: 2})
			require.NoError(t, err)
			if w.Violates == "" {
				passed++
				require.Equal(t, check.Pass, r.Verdict, "%s does not hold: %s", r.Invariant, r.Guarantee)
				require.Equal(t, w.Distinct, table[i].Distinct)
			} else {
				caught[world.Bug] = true
				byInvariant[r.Invariant] = true
				require.Equal(t, check.Violation, r.Verdict)
				require.Equal(t, w.Violates, r.Invariant)
				require.NotEmpty(t, r.Trace)
				require.Zero(t, w.Distinct+w.Generated)
				world.Invariants = []string{"TypeOK"}
				r = search(t, world)
				require.Equal(t, check.Pass, r.Verdict, "past the violation: %s", r.Reason)
			}
			require.Equal(t, table[i].Distinct, r.Distinct, "distinct states")
			require.Equal(t, table[i].Generated, r.Generated, "generated states")
			require.Equal(t, switchedOff(world), r.Actions.Never())
			fired := uint64(1)
			for _, a := range r.Actions {
				fired += a.Times
			}
			require.Equal(t, r.Generated, fired, "every state generated but the first is an action taken")
		})
	}
	require.Greater(t, passed, 10)
	for _, bug := range append(Bugs(), none) {
		require.True(t, caught[bug], "no named world has the violation of %s", bug)
	}
	for _, name := range []string{"OneValue", "Durable", "Regular", "Linearizable"} {
		require.True(t, byInvariant[name], "no named world breaks %s", name)
	}
}

// The lecture's rule, for all N up to 4: with one writer every read is right if and only if R+W > N, and reads agree
// with one another, without writing back, if and only if they also ask all replicas.
func TestQuorumsMustOverlap(t *testing.T) {
	for n := 1; n <= 4; n++ {
		for w := 1; w <= n; w++ {
			for r := 1; r <= n; r++ {
				t.Run(fmt.Sprintf("N=%d W=%d R=%d", n, w, r), func(t *testing.T) {
					world := three(func(x *World) { x.Replicas, x.WriteQuorum, x.ReadQuorum, x.Reads = n, w, r, 2 })
					for _, c := range []struct {
						invariant string
						holds     bool
					}{
						{"Durable", r+w > n},
						{"Regular", r+w > n},
						{"Linearizable", r+w > n && r == n},
					} {
						world.Invariants = []string{c.invariant}
						require.Equal(t, c.holds, search(t, world).Verdict == check.Pass, c.invariant)
					}
					world.WriteBack, world.Invariants = true, nil
					require.Equal(t, r+w > n, search(t, world).Verdict == check.Pass, "with write-back")
				})
			}
		}
	}
}

// With two writers that learn versions from the quorum they write to, two such quorums must overlap as well: W > N/2.
// If they ask a read quorum, they need not.
func TestWriteQuorumsOfSeveralWritersMustOverlap(t *testing.T) {
	for w := 1; w <= 3; w++ {
		for r := 1; r <= 3; r++ {
			world := three(func(x *World) { x.WriteQuorum, x.ReadQuorum, x.Writers = w, r, 2 })
			require.Equal(t, r+w > 3 && 2*w > 3, search(t, world).Verdict == check.Pass, "W=%d R=%d", w, r)
			world.VersionsFrom = readQuorum
			require.Equal(t, r+w > 3, search(t, world).Verdict == check.Pass, "W=%d R=%d, asking R", w, r)
		}
	}
}

// walk takes the steps, each named with its arguments, and returns the machine after them.
func walk(t *testing.T, w World, steps ...string) check.Machine {
	t.Helper()
	m, err := New(w)
	require.NoError(t, err)
	machine := m.NewMachine()
	machine.Init()
	for _, step := range steps {
		take(t, machine, step)
	}
	return machine
}

func take(t *testing.T, machine check.Machine, step string) {
	t.Helper()
	var possible []string
	found := false
	machine.Next(func(int, int) bool {
		possible = append(possible, machine.Step())
		found = machine.Step() == step
		return !found
	})
	require.True(t, found, "%s is not possible; possible: %s", step, strings.Join(possible, ", "))
	require.Equal(t, -1, machine.Broken(), "after %s", step)
}

func vars(machine check.Machine) map[string]string {
	all := map[string]string{}
	for _, v := range machine.Vars() {
		all[v.Name] = v.Value
	}
	return all
}

// The lecture's three servers: 20 has version 2 and went to S2 and S3, 23 has version 3 and went to S1 and S3, so S2 is
// left with 20.
var lecture = []string{
	"BeginWrite(1, 1)", "Store(1, 1, 1)", "Store(1, 1, 3)", "EndWrite(1, 1)",
	"BeginWrite(1, 2)", "Store(1, 2, 2)", "Store(1, 2, 3)", "EndWrite(1, 2)", // 20
	"BeginWrite(1, 3)", "Store(1, 3, 1)", "Store(1, 3, 3)", "EndWrite(1, 3)", // 23
}

// Whichever two servers answer, the read returns 23: from S2 and S3 it hears 20 and 23, and version 3 is the higher.
func TestLecture(t *testing.T) {
	value := map[string]string{"version 2.1 of Write(1, 2)": "20", "version 3.1 of Write(1, 3)": "23"}
	for _, c := range []struct {
		first, second int
		heard         []string
	}{
		{1, 2, []string{"23", "20"}}, {2, 3, []string{"20", "23"}}, {1, 3, []string{"23", "23"}}, {3, 2, []string{"23", "20"}},
	} {
		machine := walk(t, named(t, "lecture"), lecture...)
		state := vars(machine)
		require.Equal(t, []string{"23", "20", "23"}, []string{value[state["S1"]], value[state["S2"]], value[state["S3"]]})
		take(t, machine, "BeginRead(2, 1)")
		for i, s := range []int{c.first, c.second} {
			take(t, machine, fmt.Sprintf("Tell(2, 1, %d)", s))
			require.Equal(t, c.heard[i], value[vars(machine)[fmt.Sprintf("S%d", s)]])
		}
		machine.Next(func(int, int) bool {
			require.False(t, strings.HasPrefix(machine.Step(), "Tell"), "the read waits for no third answer")
			return true
		})
		take(t, machine, "EndRead(2, 1)")
		require.Equal(t, "returned version 3.1 of Write(1, 3)", vars(machine)["Read(2, 1)"])
		require.Equal(t, "Write(1, 1), Write(1, 2), Write(1, 3)", vars(machine)["before Read(2, 1)"])
		take(t, machine, "Store(1, 3, 2)") // what was sent to S2 arrives at last
		require.Equal(t, "23", value[vars(machine)["S2"]])
	}
}

// Counting votes does not work: S2 and S3 differ, one against one, and with six servers of which four answer the three
// old answers outvote the new one.
func TestLectureOnVoting(t *testing.T) {
	w := named(t, "lecture")
	w.Bug = vote
	machine := walk(t, w, append(lecture, "BeginRead(2, 1)", "Tell(2, 1, 2)", "Tell(2, 1, 3)")...)
	var returned []string
	machine.Next(func(int, int) bool {
		if machine.Step() == "EndRead(2, 1)" {
			returned = append(returned, vars(machine)["Read(2, 1)"])
		}
		return true
	})
	require.Equal(t, []string{"returned version 2.1 of Write(1, 2)", "returned version 3.1 of Write(1, 3)"}, returned)

	machine = walk(t, named(t, "vote-one-overlap-of-6"), "BeginWrite(1, 1)", "Store(1, 1, 1)", "Store(1, 1, 2)", "Store(1, 1, 3)",
		"EndWrite(1, 1)", "BeginRead(2, 1)", "Tell(2, 1, 3)", "Tell(2, 1, 4)", "Tell(2, 1, 5)", "Tell(2, 1, 6)")
	returned = nil
	machine.Next(func(int, int) bool {
		if machine.Step() == "EndRead(2, 1)" {
			returned = append(returned, vars(machine)["Read(2, 1)"])
			require.Equal(t, "Regular", modelOf(t, w).must()[machine.Broken()].Name)
		}
		return true
	})
	require.Equal(t, []string{"returned version 0, the initial value"}, returned)
}

// A read that does not write back may see a value that the next read misses: the new/old inversion, in ten steps.
func TestNewOldInversion(t *testing.T) {
	r := search(t, named(t, "not-linearizable"))
	require.Equal(t, check.Violation, r.Verdict)
	require.Equal(t, "Linearizable", r.Invariant)
	require.Len(t, r.Trace, 10)
	end := map[string]string{}
	for _, step := range r.Trace {
		for _, c := range step.Changes {
			end[c.Var] = c.To
		}
	}
	require.Equal(t, "Read(2, 1)", end["before Read(2, 2)"])
	require.Equal(t, "returned version 1.1 of Write(1, 1)", end["Read(2, 1)"])
	require.Equal(t, "returned version 0, the initial value", end["Read(2, 2)"])
	require.Contains(t, end["Write(1, 1)"], "storing", "the write is still under way")

	// The same by hand: the write is on S1 alone when S1 and S2 answer the first read, S2 and S3 the second.
	w := named(t, "not-linearizable")
	machine := walk(t, w, "BeginWrite(1, 1)", "Store(1, 1, 1)",
		"BeginRead(2, 1)", "Tell(2, 1, 1)", "Tell(2, 1, 2)", "EndRead(2, 1)",
		"BeginRead(2, 2)", "Tell(2, 2, 2)", "Tell(2, 2, 3)")
	m, err := New(w)
	require.NoError(t, err)
	machine.Next(func(int, int) bool { return machine.Step() != "EndRead(2, 2)" })
	state := vars(machine)
	require.Equal(t, "returned version 1.1 of Write(1, 1)", state["Read(2, 1)"])
	require.Equal(t, "Read(2, 1)", state["before Read(2, 2)"])
	require.Equal(t, "returned version 0, the initial value", state["Read(2, 2)"])
	require.Equal(t, "Linearizable", m.Invariants()[machine.Broken()].Name)

	// With write-back the first read does not return before two replicas have what it returns.
	w.WriteBack = true
	machine = walk(t, w, "BeginWrite(1, 1)", "Store(1, 1, 1)", "BeginRead(2, 1)", "Tell(2, 1, 1)", "Tell(2, 1, 2)",
		"Choose(2, 1)", "WriteBack(2, 1, 1)")
	machine.Next(func(int, int) bool { require.NotEqual(t, "EndRead(2, 1)", machine.Step()); return true })
	take(t, machine, "WriteBack(2, 1, 3)")
	take(t, machine, "EndRead(2, 1)")
	require.Equal(t, "version 1.1 of Write(1, 1)", vars(machine)["S3"])
}

// W=1 and R=3 are enough for one writer. A second one that asks only a write quorum, that is one replica, may find none
// of what was written, and its acknowledged write is older than the one before it: no read ever returns it.
func TestOneReplicaIsNoWriteQuorumForTwoWriters(t *testing.T) {
	w := named(t, "w1-r3-two-writers")
	r := search(t, w)
	require.Equal(t, "Regular", r.Invariant)
	require.Len(t, r.Trace, 15)

	machine := walk(t, w,
		"BeginWrite(2, 1)", "Tell(2, 1, 1)", "Number(2, 1)", "Store(2, 1, 1)", "EndWrite(2, 1)",
		"BeginWrite(1, 1)", "Tell(1, 1, 2)", "Number(1, 1)", "Store(1, 1, 2)", "EndWrite(1, 1)",
		"BeginRead(3, 1)", "Tell(3, 1, 1)", "Tell(3, 1, 2)", "Tell(3, 1, 3)")
	require.Equal(t, "acknowledged as version 1.1 of Write(1, 1)", vars(machine)["Write(1, 1)"])
	require.Equal(t, "Write(2, 1)", vars(machine)["before Write(1, 1)"])
	machine.Next(func(int, int) bool { return machine.Step() != "EndRead(3, 1)" })
	require.Equal(t, "returned version 1.2 of Write(2, 1)", vars(machine)["Read(3, 1)"])
	require.Equal(t, "Regular", model{w}.mustNamed()[machine.Broken()].Name)
}

// Quorums that do not overlap: the read asks those that the acknowledged write did not reach.
func TestDisjointQuorums(t *testing.T) {
	r := search(t, named(t, "disjoint-w1-r2"))
	require.Equal(t, []string{"BeginWrite(1, 1)", "Store(1, 1, 1)", "EndWrite(1, 1)"}, actions(r))
	require.Equal(t, "Durable", r.Invariant)

	machine := walk(t, named(t, "disjoint-w1-r2-read"), "BeginWrite(1, 1)", "Store(1, 1, 1)", "EndWrite(1, 1)",
		"BeginRead(2, 1)", "Tell(2, 1, 2)", "Tell(2, 1, 3)")
	machine.Next(func(int, int) bool { return machine.Step() != "EndRead(2, 1)" })
	require.Equal(t, "returned version 0, the initial value", vars(machine)["Read(2, 1)"])
	require.Zero(t, machine.Broken(), "Regular is the only invariant of this world")
}

func actions(r *check.Result) []string {
	var names []string
	for _, s := range r.Trace {
		names = append(names, s.Action)
	}
	return names
}

// Worlds that contradict themselves, do not fit, or name what is not known are refused, with the limit.
func TestBadWorlds(t *testing.T) {
	for _, c := range []struct {
		change func(*World)
		want   string
	}{
		{func(w *World) { w.Replicas = 0 }, "world: replicas is 0; expected 1 to 9"},
		{func(w *World) { w.Replicas = 10 }, "world: replicas is 10; expected 1 to 9"},
		{func(w *World) { w.WriteQuorum = 4 }, "world: writeQuorum is 4; expected 1 to 3 (replicas)"},
		{func(w *World) { w.ReadQuorum = 0 }, "world: readQuorum is 0; expected 1 to 3 (replicas)"},
		{func(w *World) { w.Writers = 0 }, "world: writers is 0; expected 1 to 5"},
		{func(w *World) { w.Writes = -1 }, "world: writes is -1; expected 1 to 8"},
		{func(w *World) { w.Readers = 0 }, "world: readers is 0; expected 1 to 5"},
		{func(w *World) { w.Reads = 9 }, "world: reads is 9; expected 1 to 8"},
		{func(w *World) { w.Writers, w.Readers = 3, 3 }, "world: writers + readers is 6; expected at most 5"},
		{func(w *World) { w.Writes, w.Reads = 4, 5 }, "world: writers × writes + readers × reads is 9; expected at most 8 operations"},
		{func(w *World) { w.VersionsFrom = "majority" }, `world: versionsFrom is "majority"; expected one of own, write-quorum, read-quorum`},
		{func(w *World) { w.Bug = "votes" }, `world: bug is "votes"; expected one of none, ` + strings.Join(Bugs(), ", ")},
		{func(w *World) { w.Bug, w.ReadQuorum = shortReadQuorum, 1 }, "world: readQuorum is 1 with the bug short-read-quorum; expected at least 2: a read that asks nobody has nothing to return"},
		{func(w *World) { w.Bug = shortWriteBack }, "world: writeBack is false with the bug short-write-back; expected true: there is nothing else to break"},
		{func(w *World) { w.Bug = writeBackBlind }, "world: writeBack is false with the bug write-back-blind; expected true: there is nothing else to break"},
		{func(w *World) { w.Invariants = []string{"Regular", "Safe"} }, `world: invariants[1] is "Safe"; expected one of TypeOK, OneValue, Durable, Regular, Linearizable`},
	} {
		w := three(c.change)
		_, err := New(w)
		require.EqualError(t, err, c.want)
		var wrong *WorldError
		require.ErrorAs(t, err, &wrong)
		text, err := json.Marshal(w)
		require.NoError(t, err)
		_, err = Subject().Read(text)
		require.EqualError(t, err, c.want)
		_, err = Subject().Config(text)
		require.EqualError(t, err, c.want)
	}
	for text, want := range map[string]string{
		`{"replica": 3}`:   "world: unknown key replica; known: replicas, writeQuorum, readQuorum, writers, writes, readers, reads, versionsFrom, writeBack, bug, invariants, symmetry",
		`{"replicas": 99`:  "world: unexpected end of JSON input",
		`{"writeBack": 1}`: "world: json: cannot unmarshal number into Go struct field World.writeBack of type bool",
		`{}`:               "world: replicas is 0; expected 1 to 9",
	} {
		_, err := Subject().Read([]byte(text))
		require.EqualError(t, err, want)
		_, err = Subject().Config([]byte(text))
		require.EqualError(t, err, want)
	}
}

// The largest worlds that fit are not refused, and use the room there is.
func TestLargestWorlds(t *testing.T) {
	for _, w := range []World{
		three(func(w *World) { w.Replicas, w.WriteQuorum, w.ReadQuorum, w.Writers, w.Readers = 9, 5, 5, 2, 3 }),
		three(func(w *World) { w.Writes, w.Reads = 1, 7 }),
		three(func(w *World) { w.Writers, w.Writes, w.Reads = 1, 7, 1 }),
		three(func(w *World) { w.Writers, w.Readers = 4, 1 }),
	} {
		m := modelOf(t, w)
		last := m.ops() - 1
		s := m.init()
		for o := range last {
			s.Ops[o].Stage = Ended
		}
		m.beginRead(s, last, func(next State, args ...int) {
			require.Equal(t, uint8(1<<last-1), next.Ops[last].Before)
			require.Equal(t, []int{w.clients(), w.Reads}, args)
			m.tell(next, last, w.Replicas-1, func(next State, args ...int) {
				require.Equal(t, Initial, next.Replicas[w.Replicas-1].Told[w.clients()-1])
				require.Equal(t, []int{w.clients(), w.Reads, w.Replicas}, args)
				s = next
			})
		})
		require.Equal(t, Asking, s.Ops[last].Stage)
	}
}

// What TLC is told is the world, with its defaults.
func TestConfig(t *testing.T) {
	text, err := Subject().Config([]byte(`{"replicas": 3, "writeQuorum": 1, "readQuorum": 3, "writers": 2, "writes": 1, "readers": 1, "reads": 2,
		"writeBack": true, "invariants": ["Regular", "TypeOK"], "symmetry": true}`))
	require.NoError(t, err)
	require.Equal(t, `SPECIFICATION Spec
CONSTANTS
  Replica = {S1, S2, S3}
  W = 1
  R = 3
  Writers = 2
  Writes = 1
  Readers = 1
  Reads = 2
  VersionsFrom = "write-quorum"
  WritesBack = TRUE
  Bug = "none"
SYMMETRY Symmetry
INVARIANTS TypeOK Regular
CHECK_DEADLOCK FALSE
`, text)
	text, err = Subject().Config([]byte(`{"replicas": 1, "writeQuorum": 1, "readQuorum": 1, "writers": 1, "writes": 1, "readers": 1, "reads": 1, "bug": "amnesia"}`))
	require.NoError(t, err)
	require.Contains(t, text, "  VersionsFrom = \"own\"\n  WritesBack = FALSE\n  Bug = \"amnesia\"\nINVARIANTS TypeOK OneValue Durable Regular Linearizable\n")
}

// The module beside has every action, invariant and bug under its name, and in the same order.
func TestTwinHasTheSameNames(t *testing.T) {
	text, err := os.ReadFile("../tla/" + Subject().Module + ".tla")
	require.NoError(t, err)
	module := string(text)
	m, err := New(three())
	require.NoError(t, err)
	at := 0
	for _, name := range m.Actions() {
		next := strings.Index(module, "\n"+name+"(")
		require.Greater(t, next, at, "%s is not there, or out of order", name)
		at = next
	}
	for _, x := range m.Invariants() {
		next := strings.Index(module, "\n"+x.Name+" ==")
		require.Greater(t, next, at, "%s is not there, or out of order", x.Name)
		at = next
	}
	for _, bug := range Bugs() {
		require.Contains(t, module, fmt.Sprintf("%q", bug))
	}
}

func TestNoNameIsTakenTwice(t *testing.T) {
	var names []string
	for _, w := range Subject().Worlds {
		names = append(names, w.Name)
	}
	slices.Sort(names)
	require.Equal(t, slices.Compact(slices.Clone(names)), names, "a name twice")
}
