package volume

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// setOf returns the set of the replicas given.
func setOf(replicas ...int) ReplicaSet {
	var s ReplicaSet
	for _, r := range replicas {
		s.add(r)
	}
	return s
}

// Each guard refuses in its own words, and nothing but the guard at fault: every case below differs from one
// that is taken in one respect. Every refusal that actions.go declares must be met.
func TestRefusals(t *testing.T) {
	met := map[Refusal]bool{}
	small := World{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 2, Txns: 3, MaxLSN: 4, MaxEpoch: 3}
	two := World{Groups: 2, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 2, Txns: 3, MaxLSN: 6, MaxEpoch: 3}
	with := func(w World, change func(*World)) World { change(&w); return w }
	bug := func(name string) World { return with(small, func(w *World) { w.Bug = name }) }
	mtr := with(small, func(w *World) { w.Mtr = true })
	answers := with(small, func(w *World) { w.Answers = true })
	records := with(small, func(w *World) { w.RecordAcks = true })
	tree := with(mtr, func(w *World) { w.Structures = true })
	moving := with(two, func(w *World) { w.Moves, w.Aborts = true, true })
	saving := with(small, func(w *World) { w.Savepoints = true })
	spare := World{Groups: 1, Replicas: 4, WriteQuorum: 2, ReadQuorum: 2, Keys: 2, Txns: 3, MaxLSN: 4, MaxEpoch: 3, Members: 2, Spares: 1}
	growing := with(two, func(w *World) { w.Grows, w.InUse = true, 1 })
	begun, swapped := Membership{0b0111, 0b1011}, Membership{0b1011}
	limited := with(small, func(w *World) { w.LAL, w.Aborts = 1, true })

	type steps = func(s *State) []Refusal
	list := func(r ...Refusal) []Refusal { return r }
	for i, c := range []struct {
		world World
		steps steps   // all but the last are taken
		want  Refusal // what the last is refused with
	}{
		// Write
		{small, func(s *State) []Refusal { return list(s.Start(2), s.Write(2, 1, 0, true)) }, NotOpen},
		{small, func(s *State) []Refusal { return list(s.Write(9, 1, 0, true)) }, NotOpen},
		{with(small, func(w *World) { w.MaxLSN = 1 }), func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Write(1, 1, 1, true))
		}, LogFull},
		{limited, func(s *State) []Refusal { return list(s.Write(1, 1, 0, true), s.Write(1, 1, 1, true)) }, AboveLAL},
		{limited, func(s *State) []Refusal { return list(s.Write(1, 1, 0, true), s.Commit(1, 1)) }, AboveLAL},
		{limited, func(s *State) []Refusal { return list(s.Write(1, 1, 0, true), s.Undo(1, 1)) }, AboveLAL},
		{limited, func(s *State) []Refusal { // the limit is above the VDL, not above 0
			return list(s.Write(1, 1, 0, true), s.Store(1, 1, 0), s.Store(1, 1, 1), s.Advance(1), s.Commit(1, 1), s.Write(1, 2, 0, true))
		}, AboveLAL},
		{small, func(s *State) []Refusal { return list(s.Write(1, 0, 0, true)) }, NoTxn},
		{small, func(s *State) []Refusal { return list(s.Write(1, 4, 0, true)) }, NoTxn},
		{small, func(s *State) []Refusal { return list(s.Write(1, 1, 2, true)) }, NoKey},
		{small, func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Commit(1, 1), s.Write(1, 1, 1, true))
		}, NotActive},
		{small, func(s *State) []Refusal { return list(s.Write(1, 2, 0, true)) }, EarlierTxn},
		{small, func(s *State) []Refusal { return list(s.Write(1, 1, 0, true), s.Write(1, 1, 0, true)) }, HoldsKey},
		{small, func(s *State) []Refusal { return list(s.Write(1, 1, 0, true), s.Write(1, 2, 0, true)) }, KeyLocked},
		{mtr, func(s *State) []Refusal { return list(s.Write(1, 1, 0, false), s.Write(1, 2, 1, true)) }, UnsettledOther},
		{small, func(s *State) []Refusal { return list(s.Write(1, 1, 0, false)) }, NoMtr},
		{with(small, func(w *World) { w.Aborts = true }), func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Write(1, 1, 1, true), s.Undo(1, 1), s.Write(1, 1, 1, true))
		}, HasUndos},
		{small, func(s *State) []Refusal { return append(recovered(s), s.Write(2, 1, 1, true)) }, NotOwn},
		// Commit, Undo
		{mtr, func(s *State) []Refusal { return list(s.Write(1, 1, 0, false), s.Commit(1, 1)) }, Unsettled},
		{small, func(s *State) []Refusal { return list(s.Commit(1, 1)) }, NotActive},
		{small, func(s *State) []Refusal { return append(recovered(s), s.Commit(2, 1)) }, NotOwn},
		{small, func(s *State) []Refusal { return list(s.Write(1, 1, 0, true), s.Undo(1, 1)) }, NoAborts},
		// VolumeTrace.tla
		{saving, func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Commit(1, 1), s.Write(1, 1, 1, true))
		}, HasCommitted},
		{saving, func(s *State) []Refusal { return list(s.Write(1, 1, 0, true), s.Undo(1, 1), s.Commit(1, 1)) }, NotActive},
		{saving, func(s *State) []Refusal { return append(recovered(s), s.Undo(2, 1), s.Write(2, 1, 1, true)) }, NotOwn},
		{saving, func(s *State) []Refusal { // it keeps the lock of what it took back while something of it stands
			return list(s.Write(1, 1, 0, true), s.Write(1, 1, 1, true), s.Undo(1, 1), s.Write(1, 2, 1, true))
		}, KeyLocked},
		{saving, func(s *State) []Refusal { // and no longer; what it wrote before that is another's by then
			return list(s.Write(1, 1, 0, true), s.Undo(1, 1), s.Write(1, 2, 0, true), s.Write(1, 1, 0, true))
		}, KeyLocked},
		{small, func(s *State) []Refusal { return list(s.Structure(1, 0, true)) }, NoStructures},
		{tree, func(s *State) []Refusal { return list(s.Structure(2, 0, true)) }, NotOpen},
		{tree, func(s *State) []Refusal { return list(s.Structure(1, 1, true)) }, NoGroup},
		{tree, func(s *State) []Refusal { return list(s.Write(1, 1, 0, false), s.Structure(1, 0, true)) }, UnsettledTxn},
		{tree, func(s *State) []Refusal { return list(s.Structure(1, 0, false), s.Write(1, 1, 0, true)) }, UnsettledOther},
		{tree, func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Structure(1, 0, false), s.Structure(1, 0, false), s.Commit(1, 1))
		}, Unsettled},
		{with(small, func(w *World) { w.Structures = true }), func(s *State) []Refusal { return list(s.Structure(1, 0, false)) }, NoMtr},
		{two, func(s *State) []Refusal { return list(s.WriteIn(1, 1, 0, 1, true)) }, OtherPlace},
		{moving, func(s *State) []Refusal { return list(s.WriteIn(1, 1, 0, 2, true)) }, NoGroup},
		{moving, func(s *State) []Refusal {
			return list(s.WriteIn(1, 1, 0, 1, true), s.UndoIn(1, 1, 0), s.UndoIn(1, 1, 0))
		}, NotActive},
		{small, func(s *State) []Refusal { return list(s.Change(1, 0, begun)) }, NoChanges},
		{spare, func(s *State) []Refusal { return list(s.Change(2, 0, begun)) }, NotOpen},
		{spare, func(s *State) []Refusal { return list(s.Start(2), s.Change(1, 0, begun)) }, NotNewest},
		{spare, func(s *State) []Refusal { return list(s.Change(1, 0, begun), s.Change(1, 0, swapped)) }, NotAdopted},
		{spare, func(s *State) []Refusal { return list(s.Change(1, 1, begun)) }, NoGroup},
		{with(growing, func(w *World) { w.Members = 2 }), func(s *State) []Refusal { return list(s.Change(1, 1, begun)) }, NotUsed},
		{spare, func(s *State) []Refusal { return list(s.Change(1, 0, swapped)) }, NoSuccessor},
		{spare, func(s *State) []Refusal { return list(s.Change(1, 0, nil)) }, NoSuccessor},
		{with(spare, func(w *World) { w.Replicas, w.Spares = 5, 2 }), func(s *State) []Refusal {
			return list(s.Change(1, 0, begun), s.Adopt(1), s.Change(1, 0, begun.replacing(1, 4)))
		}, TooManySets},
		{spare, func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Store(1, 1, 1), s.Store(1, 1, 2), s.Advance(1), s.Change(1, 0, begun),
				s.Adopt(1), s.Change(1, 0, swapped))
		}, Unfilled},
		{spare, func(s *State) []Refusal { return list(s.Change(1, 0, begun), s.Adopt(1), s.Adopt(1)) }, NothingMade},
		{spare, func(s *State) []Refusal { // the settled set alone has it
			return list(s.Change(1, 0, begun), s.Adopt(1), s.Write(1, 1, 0, true), s.Store(1, 1, 1), s.Store(1, 1, 2), s.Advance(1))
		}, TooFewComplete},
		{spare, func(s *State) []Refusal { // a newcomer does not vote
			return list(s.Change(1, 0, begun), s.Start(2), s.Fence(2, 2), s.Fence(2, 3), s.Decide(2, setOf(2, 3)))
		}, NoReadQuorum},
		{spare, func(s *State) []Refusal {
			return list(s.Change(1, 0, begun), s.Start(2), s.Fence(2, 1), s.Fence(2, 2), s.Decide(2, setOf(1, 2)), s.Join(2, 1), s.Join(2, 2), s.Open(2))
		}, Unrepaired},
		{small, func(s *State) []Refusal { return list(s.Grow(1, 0)) }, NoGrowth},
		{growing, func(s *State) []Refusal { return list(s.Grow(2, 1)) }, NotOpen},
		{growing, func(s *State) []Refusal { return list(s.Grow(1, 2)) }, NoGroup},
		{growing, func(s *State) []Refusal { return list(s.Grow(1, 0)) }, UsedAlready},
		{growing, func(s *State) []Refusal { return list(s.Grow(1, 1), s.Write(1, 1, 1, true)) }, NotInUse},
		{with(growing, func(w *World) { w.Structures = true }), func(s *State) []Refusal { return list(s.Structure(1, 1, true)) }, NotInUse},
		{growing, func(s *State) []Refusal { // the next writer recovers from it, too
			return list(s.Grow(1, 1), s.Start(2), s.Fence(2, 0), s.Fence(2, 1), s.Decide(2, setOf(0, 1)))
		}, NoReadQuorum},
		{with(small, func(w *World) { w.ReadQuorum, w.Tails = 1, []int{1, 2} }), func(s *State) []Refusal {
			return list(s.Start(2), s.Fence(2, 1), s.Fence(2, 2), s.Decide(2, setOf(1, 2)))
		}, NoReadQuorum},
		// Store
		{small, func(s *State) []Refusal { return list(s.Write(1, 1, 0, true), s.Start(2), s.Store(2, 1, 0)) }, NotServing},
		{small, func(s *State) []Refusal { return list(s.Write(1, 1, 0, true), s.Store(1, 1, 3)) }, NoReplica},
		{small, func(s *State) []Refusal { return list(s.Write(1, 1, 0, true), s.Store(1, 2, 0)) }, OtherGroup},
		{two, func(s *State) []Refusal { return list(s.Write(1, 1, 0, true), s.Store(1, 1, 3)) }, OtherGroup},
		{small, func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Store(1, 1, 0), s.Store(1, 1, 0))
		}, AlreadyStored},
		{small, func(s *State) []Refusal { return append(recovered(s), s.Write(1, 1, 1, true), s.Store(1, 2, 0)) }, OtherLine},
		{small, func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Start(2), s.Fence(2, 0), s.Store(1, 1, 0))
		}, OtherFence},
		// Gossip
		{two, func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Store(1, 1, 0), s.Gossip(3, 0, 1))
		}, PeerElsewhere},
		{small, func(s *State) []Refusal { return list(s.Gossip(0, 1, 5)) }, NoLSN},
		{small, func(s *State) []Refusal { return list(s.Write(1, 1, 0, true), s.Gossip(0, 1, 1)) }, PeerLacks},
		{small, func(s *State) []Refusal { return append(recovered(s), s.Gossip(2, 0, 1)) }, PeerOtherLine},
		{bug("gossip-across-lines"), func(s *State) []Refusal {
			return list(s.Start(2), s.Fence(2, 0), s.Fence(2, 1), s.Decide(2, setOf(0, 1)), s.Join(2, 0),
				s.Write(1, 1, 0, true), s.Store(1, 1, 2), s.Gossip(0, 2, 1))
		}, BeyondLine},
		{small, func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Store(1, 1, 0), s.Start(2), s.Fence(2, 1), s.Gossip(1, 0, 1))
		}, FencedAway},
		// Advance, Ack
		{small, func(s *State) []Refusal { return list(s.Advance(1)) }, NothingToCount},
		{small, func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Store(1, 1, 0), s.Advance(1))
		}, TooFewComplete},
		{small, func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Commit(1, 1), s.Store(1, 1, 0), s.Store(1, 2, 0), s.Store(1, 1, 1),
				s.Store(1, 2, 1), s.Advance(1), s.Advance(1), s.Ack(1, 1), s.Ack(1, 1))
		}, AlreadyAcked},
		{small, func(s *State) []Refusal { return list(s.Write(1, 1, 0, true), s.Ack(1, 1)) }, NoCommit},
		{small, func(s *State) []Refusal { return list(s.Write(1, 1, 0, true), s.Commit(1, 1), s.Ack(1, 1)) }, AboveVDL},
		{bug("ack-commit-alone"), func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Commit(1, 1), s.Store(1, 2, 0), s.Ack(1, 1))
		}, TooFewStored},
		{records, func(s *State) []Refusal { // record 2 is on two replicas by now, record 1 is not
			return list(s.Write(1, 1, 0, true), s.Write(1, 1, 1, true), s.Store(1, 2, 0), s.Store(1, 2, 1), s.Store(1, 1, 2), s.Advance(1))
		}, TooFewCopies},
		{records, func(s *State) []Refusal { // each is on two, though only one replica is complete
			return list(s.Write(1, 1, 0, true), s.Write(1, 1, 1, true), s.Store(1, 2, 0), s.Store(1, 2, 1), s.Store(1, 1, 2),
				s.Store(1, 1, 1), s.Advance(1), s.Advance(1), s.Advance(1))
		}, NothingToCount},
		// Take-over
		{small, func(s *State) []Refusal { return list(s.Start(4)) }, NoEpoch},
		{small, func(s *State) []Refusal { return list(s.Start(2), s.Start(2)) }, NotUnborn},
		{small, func(s *State) []Refusal { return list(s.Start(3)) }, EarlierUnborn},
		{small, func(s *State) []Refusal { return list(s.Fence(2, 0)) }, NotFencing},
		{answers, func(s *State) []Refusal { return list(s.Fence(2, 0)) }, IsUnborn},
		{small, func(s *State) []Refusal { return list(s.Start(2), s.Fence(2, 0), s.Fence(2, 0)) }, FencedAlready},
		{small, func(s *State) []Refusal { return list(s.Start(2), s.Fence(2, 0), s.Decide(2, setOf(0, 1))) }, Unfenced},
		{answers, func(s *State) []Refusal {
			return list(s.Start(2), s.Fence(2, 0), s.Start(3), s.Fence(3, 1), s.Decide(2, setOf(0, 1)))
		}, Untold},
		{small, func(s *State) []Refusal { return list(s.Start(2), s.Fence(2, 0), s.Decide(2, setOf(0))) }, NoReadQuorum},
		{small, func(s *State) []Refusal { return append(recovered(s), s.Start(3), s.Fence(3, 2), s.Join(2, 2)) }, FencedByNewer},
		{small, func(s *State) []Refusal { return append(recovered(s), s.Join(2, 0)) }, JoinedAlready},
		{small, func(s *State) []Refusal { return append(recovered(s), s.Open(2)) }, NotRepairing},
		{small, func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Store(1, 1, 0), s.Start(2), s.Fence(2, 0), s.Fence(2, 1),
				s.Decide(2, setOf(0, 1)), s.Join(2, 0), s.Join(2, 1), s.Open(2))
		}, Unrepaired},
		{records, func(s *State) []Refusal {
			return list(s.Start(2), s.Fence(2, 0), s.Fence(2, 1), s.Decide(2, setOf(0, 1)), s.Join(2, 0), s.Open(2))
		}, TooFewJoined},
		{records, func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Store(1, 1, 0), s.Start(2), s.Fence(2, 0), s.Fence(2, 1),
				s.Decide(2, setOf(0, 1)), s.Join(2, 0), s.Join(2, 1), s.Open(2))
		}, Uncopied},
		// The bugs' own actions
		{small, func(s *State) []Refusal { return list(s.Amnesia(0)) }, NoSuchBug},
		{bug("amnesia"), func(s *State) []Refusal { return list(s.Amnesia(0)) }, NothingStored},
		{small, func(s *State) []Refusal { return list(s.AckEarly(1, 1, 0)) }, NoEarlyAck},
		{bug("ack-before-durable"), func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.Store(1, 1, 0), s.AckEarly(1, 1, 0))
		}, AlreadyComplete},
		{with(records, func(w *World) { w.Bug = "ack-before-durable" }), func(s *State) []Refusal {
			return list(s.Write(1, 1, 0, true), s.AckEarly(1, 1, 0), s.AckEarly(1, 1, 0))
		}, GotAlready},
	} {
		t.Run(fmt.Sprintf("%d %s", i, c.want), func(t *testing.T) {
			s, err := NewState(c.world)
			require.NoError(t, err)
			got := c.steps(s)
			last := len(got) - 1
			for j, refused := range got[:last] {
				require.Equal(t, Refusal(""), refused, "step %d", j)
			}
			require.Equal(t, c.want, got[last])
			require.Equal(t, last, s.Steps(), "a refused action changes nothing")
			met[c.want] = true
		})
	}
	for name, text := range declaredRefusals(t) {
		require.True(t, met[text], "%s is never met", name)
	}
}

// recovered brings s to a second epoch that is open, has kept the one record of transaction 1, and lacks replica 2.
func recovered(s *State) []Refusal {
	return []Refusal{s.Write(1, 1, 0, true), s.Store(1, 1, 0), s.Start(2), s.Fence(2, 0), s.Fence(2, 1),
		s.Decide(2, setOf(0, 1)), s.Join(2, 0), s.Join(2, 1), s.Store(2, 1, 1), s.Open(2)}
}

// declaredRefusals returns the constants of type Refusal in actions.go.
func declaredRefusals(t *testing.T) map[string]Refusal {
	file, err := parser.ParseFile(token.NewFileSet(), "actions.go", nil, 0)
	require.NoError(t, err)
	declared := map[string]Refusal{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Refusal" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			declared[spec.Names[0].Name] = Refusal(text)
		}
		return true
	})
	require.NotEmpty(t, declared)
	return declared
}
