package placement

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// A walk takes steps of a model by their names, from the initial state.
type walk struct {
	t *testing.T
	*module
	check.Machine
}

func walkIn(t *testing.T, name string) walk {
	t.Helper()
	w, err := named(t, name).complete()
	require.NoError(t, err)
	w.Symmetry = false
	m := newModule(w)
	return walk{t, m, m.model().NewMachine()}
}

func (w walk) state() state {
	var s state
	_, err := binary.Decode(w.Encode(nil), binary.LittleEndian, &s)
	require.NoError(w.t, err)
	return s
}

func (w walk) canRead() bool  { return w.reads[w.up(w.state())] }
func (w walk) canWrite() bool { return w.writes[w.up(w.state())] }

// broken returns the invariant that step, which must be possible, leads to breaking.
func (w walk) broken(step string) string {
	w.t.Helper()
	taken := false
	w.Next(func(int, int) bool { taken = w.Step() == step; return !taken })
	require.True(w.t, taken, "%s is not possible", step)
	at := w.Broken()
	require.NotEqual(w.t, -1, at, "%s breaks nothing", step)
	return w.model().Invariants()[at].Name
}

func (w walk) can(step string) bool {
	found := false
	before := w.Encode(nil)
	w.Next(func(int, int) bool { found = found || w.Step() == step; return true })
	require.Equal(w.t, before, w.Encode(nil))
	return found
}

func (w walk) canAny(action string) bool {
	found := false
	w.Next(func(int, int) bool { found = found || strings.HasPrefix(w.Step(), action+"("); return true })
	return found
}

func (w walk) do(steps ...string) {
	w.t.Helper()
	for _, step := range steps {
		taken := false
		w.Next(func(int, int) bool { taken = w.Step() == step; return !taken })
		require.True(w.t, taken, "%s is not possible", step)
		require.Equal(w.t, -1, w.Broken(), "after %s", step)
	}
}

// Section 5 of the lecture: an AZ goes, writes go on; one more replica goes, reads go on, and new replicas are filled
// from those that are left until writes go on again; with four gone there is no read quorum, and so nothing to fill a
// new replica from.
func TestLectureTolerance(t *testing.T) {
	w := walkIn(t, "six")
	w.do("FailAz(1, 2)", "Store(3, 1)", "Store(4, 1)", "Store(5, 1)")
	require.False(t, w.can("Ack()"), "three of six are no write quorum")
	w.do("Store(6, 1)", "Ack()")

	w.do("Lose(3)")
	require.True(t, w.canRead())
	require.False(t, w.canWrite(), "three are left: read only")
	w.do("Rebuild(3, 4, 5, 6)")
	require.True(t, w.canWrite(), "with a new replica, writes go on")

	w.do("Lose(3)", "Lose(4)")
	require.Equal(t, setOf([]int{5, 6}), w.up(w.state()))
	require.False(t, w.canRead())
	require.False(t, w.canAny("Rebuild"), "four are gone: no read quorum, and nothing to rebuild from")
	w.do("Return(1)") // the AZ comes back
	require.True(t, w.can("Rebuild(3, 1, 5, 6)"))
}

// Why four dead refuse: the two that are left may hold nothing of what is acknowledged, though four more know it.
func TestFourDeadHaveToRefuse(t *testing.T) {
	w := walkIn(t, "six")
	w.do("Store(1, 1)", "Store(2, 1)", "Store(3, 1)", "Store(4, 1)", "Ack()", "FailAz(1, 2)", "FailAz(3, 4)")
	require.False(t, w.canAny("Rebuild"))
	for _, v := range w.Vars()[5:] {
		require.Equal(t, "up, stores {}", v.Value, v.Name)
	}
	w.do("Lose(1)", "Return(2)") // and one more answer tells
	require.True(t, w.can("Rebuild(1, 2, 5, 6)"))
}

// A slow replica costs nothing: the writer waits for the fastest four, and the stragglers come later.
func TestSlowReplicas(t *testing.T) {
	w := walkIn(t, "six")
	w.do("Fail(2)", "Fail(5)", "Store(1, 1)", "Store(3, 1)", "Store(4, 1)", "Store(6, 1)", "Ack()", "Return(2)", "Store(2, 1)")
}

// The EBS pair: one of two may fail and reads go on; the AZ takes both. Mirrored MySQL outlives an AZ, but any failure
// stops its writes.
func TestLectureEBSAndMirroredMySQL(t *testing.T) {
	w := walkIn(t, "ebs-pair")
	w.do("Store(1, 1)")
	require.False(t, w.can("Ack()"), "both answer, or there is no answer")
	w.do("Store(2, 1)", "Ack()", "Lose(1)", "Rebuild(1, 2)", "FailAz(1, 2)")
	require.False(t, w.canRead())

	w = walkIn(t, "mirrored-mysql")
	w.do("Store(1, 1)", "Store(2, 1)", "Store(3, 1)", "Store(4, 1)", "Ack()", "Lose(1)", "Lose(2)")
	require.True(t, w.can("Rebuild(1, 3)"), "the other AZ has everything")
	w.do("Store(3, 2)", "Store(4, 2)")
	require.False(t, w.can("Ack()"), "but nothing is acknowledged until all four are there")
	w.do("Rebuild(1, 3, 4)", "Rebuild(2, 4)")
	require.True(t, w.can("Ack()"))
}

// The counterexamples that make the lecture's points: as long as the shortest that a search finds, and step by step.
func TestShortestCounterexamples(t *testing.T) {
	for name, steps := range map[string][]string{
		"ebs-pair-az-reads":        {"FailAz(1, 2)"},
		"ebs-pair-az-data":         {"Store(1, 1)", "Store(2, 1)", "Ack()", "Lose(1)", "Lose(2)"},
		"local-disk-az-data":       {"Store(1, 1)", "Ack()", "Lose(1)"},
		"mirrored-mysql-az-writes": {"Fail(1)"},
		"three-az+1-reads":         {"Fail(1)", "Fail(2)"},
		"three-az+1-data":          {"Store(1, 1)", "Store(2, 1)", "Ack()", "Lose(1)", "Lose(2)"},
		"two-azs":                  {"FailAz(1, 2, 3)"},
		"full-tail-in-one-az":      {"FailAz(1, 2)", "Fail(3)"}, // three tails are left, with every record and not one page
		"shared-host":              {"FailAz(3, 4)", "Fail(1, 2)"},
		"no-overlap":               {"Store(1, 1)", "Store(2, 1)", "Store(3, 1)", "Ack()"},
		"full-in-one-az":           {"Store(1, 1)", "Store(2, 1)", "Store(3, 1)", "Store(4, 1)", "Ack()", "Lose(1)", "Lose(2)"},
		"miscounted":               {"Store(1, 1)", "Store(2, 1)", "Ack()"},
		"tails-vote-alone":         {"Store(1, 1)", "Store(2, 1)", "Store(3, 1)", "Store(4, 1)", "Ack()"},
		// Aurora's tolerance of silence is zero: 1 forgets, and 1, 5 and 6 answer.
		"six-silent": {"Store(1, 1)", "Store(2, 1)", "Store(3, 1)", "Store(4, 1)", "Ack()", "Forget(1)"},
		// The new replica in the place of 1 is filled from 5, which lags, and then 1, 5 and 6 answer.
		"rebuild-from-one": {"Store(1, 1)", "Store(2, 1)", "Store(3, 1)", "Store(4, 1)", "Ack()", "Lose(1)", "Rebuild(1, 5)"},
		"rejoin-empty":     {"Store(1, 1)", "Store(2, 1)", "Store(3, 1)", "Store(4, 1)", "Ack()", "Lose(1)", "Return(1)"},
		// 1 is counted for the record that its predecessor had.
		"former-acks": {"Store(1, 1)", "Lose(1)", "Rebuild(1, 2, 3, 4)", "Store(2, 1)", "Store(3, 1)", "Store(4, 1)", "Ack()"},
	} {
		t.Run(name, func(t *testing.T) {
			r := search(t, named(t, name))
			require.Len(t, r.Trace, len(steps), "%v", r.Trace)
			w := walkIn(t, name)
			w.do(steps[:len(steps)-1]...)
			require.Equal(t, r.Invariant, w.broken(steps[len(steps)-1]))
		})
	}
}

// Why silence costs so much: the write quorum and the read quorum meet in one replica, and that is the one that forgot.
func TestSilentFailureLosesARecord(t *testing.T) {
	w := walkIn(t, "six-silent")
	w.do("Store(1, 1)", "Store(2, 1)", "Store(3, 1)", "Store(4, 1)", "Ack()")
	require.Equal(t, "Durable", w.broken("Forget(1)"))
	require.True(t, w.reads[setOf([]int{1, 5, 6})])
	require.Zero(t, w.found(w.state(), setOf([]int{1, 5, 6})))
	require.Equal(t, check.Var{Name: "replica 1", Value: "up, stores {}, has acknowledged {1}"}, w.Vars()[1])
}
