package reader

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// A walk is one behaviour, step by step.
type walk struct {
	t       *testing.T
	model   *model
	machine check.Machine
}

func walkIn(t *testing.T, w World) *walk {
	require.NoError(t, w.Validate())
	m := &model{w}
	walk := &walk{t, m, m.plain().Model().NewMachine()}
	walk.machine.Init()
	return walk
}

// take takes the steps, each of which must be possible and leave every invariant intact.
func (w *walk) take(steps ...string) {
	w.t.Helper()
	for _, step := range steps {
		require.True(w.t, w.try(step), "%s is not possible", step)
		if i := w.machine.Broken(); i >= 0 {
			require.Fail(w.t, "broken", "%s breaks %s", step, w.model.musts()[i].Name)
		}
	}
}

func (w *walk) try(step string) bool {
	taken := false
	w.machine.Next(func(int, int) bool {
		taken = w.machine.Step() == step
		return !taken
	})
	return taken
}

// refuses demands that the step is possible with no further arguments.
func (w *walk) refuses(step string) {
	w.t.Helper()
	w.machine.Next(func(int, int) bool {
		require.False(w.t, strings.HasPrefix(w.machine.Step(), step), "%s is possible", w.machine.Step())
		return true
	})
}

// has demands that a part of the state has the value; "" means that it is left out.
func (w *walk) has(name, value string) {
	w.t.Helper()
	for _, v := range w.machine.Vars() {
		if v.Name == name {
			require.Equal(w.t, value, v.Value, name)
			return
		}
	}
	require.Empty(w.t, value, name)
}

// shows demands what the query of a reader was shown of pages 1 and 2: transactions, 0 for no change.
func (w *walk) shows(reader, one, two string) {
	w.t.Helper()
	w.has("shown["+reader+"][1]", one)
	w.has("shown["+reader+"][2]", two)
}

func bank() World {
	return World{Groups: 1, Members: 1, WriteQuorum: 1, ReadQuorum: 1, Pages: 2, Readers: 1, Txns: 2, MaxLSN: 5, MaxEpoch: 1, Bug: noBug}
}

// The lecture's first danger. Transaction 1 moves money from the account on page 1 to the one on page 2. A reader sees
// neither change before the commit, though both are on the segment and in its cache, and then both.
func TestLectureNothingUncommittedIsSeen(t *testing.T) {
	w := walkIn(t, bank())
	w.take("Write(1, 1, 1)", "Write(1, 2, 1)", "Store(1, 1)", "Store(1, 1)")
	w.take("Deliver(1)", "Deliver(1)", "Tell(1, 2)", "Begin(1)", "ReadStored(1, 1, 1)", "ReadStored(1, 2, 1)")
	w.has("seen[1][1]", "1")
	w.has("seen[1][2]", "2")
	w.shows("1", "0", "0")

	w.take("Commit(1)", "Deliver(1)") // on the stream, but not durable
	w.take("Finish(1)", "Begin(1)", "ReadCached(1, 1)", "ReadCached(1, 2)")
	w.shows("1", "0", "0")

	w.take("Store(1, 1)", "Tell(1, 3)") // the query goes on at its snapshot
	w.has("snap[1]", "2")
	w.take("Finish(1)", "Begin(1)", "ReadCached(1, 1)", "ReadCached(1, 2)")
	w.shows("1", "1", "1")
}

// The lecture's second danger. A rebalance changes pages 1 and 2 in one mini-transaction. The segment has the first half;
// a query sees neither; and one that has seen page 1 before the rebalance sees page 2 before it, too, though its reader's
// cache is past it by then.
func TestLectureNoRebalanceIsSeenHalfDone(t *testing.T) {
	world := bank()
	world.Mtr = true
	w := walkIn(t, world)
	w.take("Begin(1)", "ReadStored(1, 2, 1)", "Finish(1)") // page 2 is cached
	w.take("Write(1, 1, 0)", "Store(1, 1)", "Deliver(1)")
	w.has("vdl[1]", "0")
	w.refuses("Tell")
	w.take("Begin(1)", "ReadStored(1, 1, 1)")
	w.has("seen[1][1]", "0")

	w.take("Write(1, 2, 1)", "Store(1, 1)", "Tell(1, 2)")
	w.has("view[1]", "0") // the stream has yet to bring the second half
	w.take("Deliver(1)")
	w.has("view[1]", "2")
	w.has("cache[1][1]", "1")
	w.has("cache[1][2]", "2")
	w.refuses("ReadCached(1, 2")
	w.take("ReadStored(1, 2, 1)")
	w.has("seen[1][2]", "0")
	w.has("cache[1][2]", "2")

	w.take("Finish(1)", "Begin(1)", "ReadCached(1, 1)", "ReadCached(1, 2)")
	w.has("seen[1][1]", "1")
	w.has("seen[1][2]", "2")
}

// "A reader lags by some 20 ms": what it shows is old, whole, and read without the writer.
func TestLectureAReaderLags(t *testing.T) {
	w := walkIn(t, bank())
	w.take("Write(1, 1, 1)", "Commit(1)", "Store(1, 1)", "Store(1, 1)", "Deliver(1)", "Deliver(1)", "Tell(1, 2)")
	w.take("Write(2, 1, 1)", "Write(2, 2, 1)", "Commit(2)", "Store(1, 1)", "Store(1, 1)", "Store(1, 1)")
	w.has("vdl[1]", "5")
	w.take("Begin(1)", "ReadStored(1, 1, 1)", "ReadStored(1, 2, 1)")
	w.shows("1", "1", "0")
}

// A read needs one segment that has the last record of its group below the snapshot. One that lacks it is not asked, and
// an idle group need not reach the snapshot.
func TestOneSegmentAnswers(t *testing.T) {
	world := bank()
	world.Groups, world.Members, world.ReadQuorum = 2, 2, 2 // page 1 in group 1, page 2 in group 2
	w := walkIn(t, world)
	w.take("Write(1, 1, 1)", "Commit(1)", "Store(1, 2)", "Store(1, 2)", "Deliver(1)", "Deliver(1)", "Tell(1, 2)", "Begin(1)")
	w.refuses("ReadStored(1, 1, 1")
	w.take("ReadStored(1, 1, 2)", "ReadStored(1, 2, 1)")
	w.has("scl[2][1]", "0")
	w.shows("1", "1", "0")
}

// A segment keeps what the slowest query of any reader needs; and what a reader that is told of the VDL, but lags behind
// it, will need.
func TestCollectionWaitsForTheSlowest(t *testing.T) {
	world := bank()
	world.Readers = 2
	w := walkIn(t, world)
	w.take("Begin(2)", "Write(1, 1, 1)", "Commit(1)", "Store(1, 1)", "Store(1, 1)")
	w.take("Deliver(1)", "Deliver(1)", "Tell(1, 2)", "Report(1)", "Tell(2, 2)", "Deliver(2)")
	w.refuses("Report(2")
	w.refuses("Collect")
	w.take("ReadStored(2, 1, 1)") // its page as of the snapshot is still there
	w.shows("2", "0", "")
	w.take("Finish(2)", "Report(2)")
	w.has("low[2]", "1")
	w.take("Collect(1, 1)")
	w.has("floor[1][1]", "1")
	w.take("Deliver(2)", "Report(2)", "Collect(1, 1)")
	w.has("floor[1][1]", "2")
}

// A reader that lags is made the writer. The log is what a read quorum holds, not what the reader has; the half of a
// mini-transaction is cut; the transaction that was cut short stays hidden; the other reader drops what was cut before it
// takes the new records of the same LSNs; and nothing is collected until both have reported anew.
func TestPromotion(t *testing.T) {
	world := bank()
	world.Members, world.WriteQuorum = 2, 2
	world.Readers, world.MaxEpoch, world.Mtr = 2, 2, true
	w := walkIn(t, world)
	w.take("Begin(1)", "ReadStored(1, 1, 1)", "Finish(1)") // reader 1 caches page 1 as it was at first
	w.take("Write(1, 1, 1)", "Commit(1)", "Store(1, 1)", "Store(1, 1)", "Store(1, 2)", "Store(1, 2)")
	w.has("vdl[1]", "2") // acknowledged, and reader 1 has not heard of it
	w.take("Write(2, 1, 0)", "Write(2, 2, 1)", "Store(1, 1)")
	w.take("Deliver(2)", "Deliver(2)", "Deliver(2)", "Deliver(2)", "Tell(2, 2)", "Report(2)")
	w.refuses("Collect")

	w.take("Promote(1, 1)")
	w.has("log[2]", "<<1: t1 writes 1, 2: t1 commits>>")
	w.has("scl[1][1]", "2")
	w.has("vdl[2]", "2")
	w.has("low[2]", "0")
	w.has("cache[1][1]", "")
	w.take("Begin(1)", "ReadStored(1, 1, 2)")
	w.shows("1", "1", "")
	w.refuses("Write(2")

	w.take("Begin(2)", "ReadStored(2, 2, 1)") // it has not heard of the new writer, and reads rightly
	w.refuses("Report(2")
	w.take("Follow(2)")
	w.has("got[2]", "<<1, 1>>")
	w.take("ReadStored(2, 1, 1)")
	w.shows("2", "1", "0")
	w.take("Report(2)")
	w.refuses("Collect")
	w.take("Report(1)", "Collect(1, 1)")
	w.has("floor[1][1]", "2")
}

// The writer has given LSN 3 to a new record; a reader that kept the old record of that LSN would show it.
func TestFollowDropsWhatWasCut(t *testing.T) {
	world := bank()
	world.Readers, world.MaxEpoch = 2, 2
	w := walkIn(t, world)
	w.take("Write(1, 1, 1)", "Commit(1)", "Deliver(2)", "Deliver(2)", "Promote(1, 1)")
	w.has("log[2]", "<<>>")
	w.take("Write(2, 2, 1)", "Commit(2)", "Store(1, 1)", "Store(1, 1)")
	w.take("Follow(2)", "Tell(2, 2)", "Begin(2)", "ReadStored(2, 1, 1)")
	w.has("got[2]", "<<>>")
	w.has("snap[2]", "0")
	w.take("Finish(2)", "Deliver(2)", "Deliver(2)", "Begin(2)", "ReadCached(2, 1)", "ReadStored(2, 2, 1)")
	w.shows("2", "0", "2")
}

// The shortest counterexamples of the expected violations, step by step.
func TestCounterexamples(t *testing.T) {
	for _, c := range []struct {
		world, invariant string
		steps            []string
		last             check.Change
	}{
		{"lecture-uncommitted", "NothingUncommitted", []string{
			"Write(1, 1, 1)", "Store(1, 1)", "Tell(1, 1)", "Deliver(1)", "Begin(1)", "ReadStored(1, 1, 1)",
		}, check.Change{Var: "shown[1][1]", To: "1"}},
		{"lecture-rebalance", "NoSplit", []string{
			"Write(1, 1, 0)", "Store(1, 1)", "Begin(1)", "ReadStored(1, 1, 1)",
		}, check.Change{Var: "seen[1][1]", To: "1"}},
		{"seen-then-cut", "NeverBack", []string{
			"Write(1, 1, 1)", "Deliver(1)", "Begin(1)", "Promote(1, 1)",
		}, check.Change{Var: "view[1]", From: "1", To: "0"}},
		{"disjoint-quorums", "NothingLost", []string{
			"Write(1, 1, 1)", "Store(1, 1)", "Promote(1, 2)",
		}, check.Change{Var: "scl[1][1]", From: "1", To: "0"}},
		{"drop-in-flight", "WholeSnapshot", []string{
			"Write(1, 1, 1)", "Store(1, 1)", "Begin(1)", "Commit(1)", "Store(1, 1)", "Tell(1, 2)", "Deliver(1)",
			"ReadStored(1, 1, 1)", "Finish(1)", "Deliver(1)", "Begin(1)", "ReadCached(1, 1)",
		}, check.Change{Var: "shown[1][1]", To: "0"}},
	} {
		t.Run(c.world, func(t *testing.T) {
			world := worldNamed(t, c.world)
			world.Symmetry = false // so that nothing but the model decides which of the shortest it is
			r := search(t, (&model{world}).plain())
			require.Equal(t, c.invariant, r.Invariant)
			var steps []string
			for _, s := range r.Trace {
				steps = append(steps, s.Action)
			}
			require.Len(t, steps, len(c.steps), "a shortest one: %v", steps)

			w := walkIn(t, world)
			w.take(c.steps[:len(c.steps)-1]...)
			before := w.machine.Vars()
			require.True(t, w.try(c.steps[len(c.steps)-1]))
			require.Equal(t, c.invariant, w.model.musts()[w.machine.Broken()].Name)
			require.Contains(t, check.Diff(before, w.machine.Vars()), c.last)
			if world.Bug == noBug {
				return
			}
			world.Bug = noBug // the guard that the bug breaks is what forbids it
			w = walkIn(t, world)
			for _, s := range c.steps {
				if !w.try(s) {
					return
				}
				require.Equal(t, -1, w.machine.Broken(), s)
			}
		})
	}
}
