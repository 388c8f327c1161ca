package volume

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// walkWorlds are worlds for random walks: larger than a search could finish, and between them with every
// feature. Each is walked with every bug.
func walkWorlds() []World {
	return []World{
		{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 2, Txns: 3, MaxLSN: 8, MaxEpoch: 4, Aborts: true, Symmetry: true},
		{Groups: 2, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 3, Txns: 3, MaxLSN: 9, MaxEpoch: 3, Mtr: true, Symmetry: true},
		{Groups: 3, Replicas: 2, WriteQuorum: 2, ReadQuorum: 1, Keys: 2, Txns: 4, MaxLSN: 9, MaxEpoch: 4, Aborts: true, Mtr: true},
		{Groups: 1, Replicas: 6, WriteQuorum: 4, ReadQuorum: 3, Keys: 2, Txns: 2, MaxLSN: 6, MaxEpoch: 4, Aborts: true, Rewrites: true, Answers: true, Symmetry: true},
		{Groups: 2, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 3, Txns: 3, MaxLSN: 9, MaxEpoch: 5, Mtr: true, Rewrites: true, Answers: true, HomeOf: []int{1, 1, 0}},
		{Groups: 1, Replicas: 3, WriteQuorum: 1, ReadQuorum: 1, Keys: 2, Txns: 2, MaxLSN: 6, MaxEpoch: 3},
		{Groups: 1, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 2, Txns: 3, MaxLSN: 8, MaxEpoch: 4, Aborts: true, Symmetry: true, RecordAcks: true, LAL: 3},
		{Groups: 2, Replicas: 3, WriteQuorum: 2, ReadQuorum: 2, Keys: 3, Txns: 3, MaxLSN: 9, MaxEpoch: 3, Mtr: true, Symmetry: true, RecordAcks: true, HomeOf: []int{1, 0, 0}},
		{Groups: 2, Replicas: 2, WriteQuorum: 2, ReadQuorum: 1, Keys: 3, Txns: 4, MaxLSN: 10, MaxEpoch: 4, Aborts: true, Mtr: true, Rewrites: true, Answers: true, RecordAcks: true, LAL: 5},
		{Groups: 1, Replicas: 2, WriteQuorum: 2, ReadQuorum: 1, Keys: 3, Txns: 3, MaxLSN: 12, MaxEpoch: 3, Savepoints: true, Symmetry: true},
		{Groups: 3, Replicas: 2, WriteQuorum: 2, ReadQuorum: 1, Keys: 2, Txns: 3, MaxLSN: 12, MaxEpoch: 3, Mtr: true, Rewrites: true, Answers: true, Structures: true, Moves: true, Savepoints: true, Symmetry: true},
		{Groups: 1, Replicas: 4, WriteQuorum: 2, ReadQuorum: 1, Keys: 2, Txns: 2, MaxLSN: 6, MaxEpoch: 3, Structures: true, Members: 4, Spares: 2, Symmetry: true},
		{Groups: 2, Replicas: 4, WriteQuorum: 3, ReadQuorum: 2, Keys: 2, Txns: 2, MaxLSN: 6, MaxEpoch: 3, Moves: true, Answers: true, Members: 2, Spares: 1, InUse: 1, Grows: true, Tails: []int{1, 3}},
	}
}

// A walk goes through a world at random and forgets nothing: it can step back.
type walk struct {
	*machine
	rng *rand.Rand
}

func newWalk(t testing.TB, w World, seed uint64) *walk {
	m, err := NewModel(w)
	require.NoError(t, err)
	return &walk{m.NewMachine().(*machine), rand.New(rand.NewPCG(seed, 1))}
}

// step takes one of the possible steps, and says whether there was one. Actions are drawn before their
// parameters: otherwise the many stores and gossips would leave no time for take-overs.
func (w *walk) step() bool {
	var count [actions]int
	w.Next(func(a, _ int) bool { count[a]++; return true })
	var possible []int
	for a, n := range count {
		if n > 0 {
			possible = append(possible, a)
		}
	}
	if len(possible) == 0 {
		return false
	}
	action := possible[w.rng.IntN(len(possible))]
	nth := w.rng.IntN(count[action])
	w.Next(func(a, _ int) bool {
		if a == action {
			nth--
		}
		return a != action || nth >= 0
	})
	return true
}

// eachWalk walks every world with every bug and calls do for each walk.
func eachWalk(t *testing.T, do func(t *testing.T, w *walk)) {
	for i, world := range walkWorlds() {
		for n, name := range Bugs() {
			world := world
			world.Bug = name
			if name == allocatePastLAL.String() && world.LAL == 0 {
				world.LAL = 2
			}
			b, err := bugNamed(name)
			require.NoError(t, err)
			if b.ofAcks() && world.ofGeometry() || b == cutPerGroup && (world.Structures || world.Moves || world.Savepoints) {
				continue // refused
			}
			world.Symmetry = world.Symmetry && (b != changeUnseen || world.Spares == 0)
			t.Run(fmt.Sprintf("world %d, bug %s", i, name), func(t *testing.T) {
				do(t, newWalk(t, world, uint64(100*i+n)))
			})
		}
	}
}

// Every index says what the module's definition says, after steps and after taking steps back.
func TestIndexesAreTheModulesDefinitions(t *testing.T) {
	eachWalk(t, func(t *testing.T, w *walk) {
		for n := 0; n < 120 && w.step(); n++ {
			checkIndexes(t, w.State)
			for back := w.rng.IntN(4) * (n % 2); back > 0 && w.TakeBack(); back-- {
				checkIndexes(t, w.State)
			}
		}
	})
}

func checkIndexes(t *testing.T, s *State) {
	d := byDefinition{s}
	started := 0
	for txn := 1; txn <= s.world.Txns; txn++ {
		if d.started(txn) {
			require.Equal(t, txn, started+1, "transactions start in order")
			started = txn
		}
		commit, logs := 0, 0
		for e := 1; e <= s.world.MaxEpoch; e++ {
			require.Equal(t, d.active(e, txn), s.Active(e, txn))
			if len(d.of(e, txn, Write)) > 0 {
				logs++
				if net := d.net(e, txn); s.bug != cutPerGroup {
					top := 0
					if len(net) > 0 {
						top = net[len(net)-1]
					}
					require.Equal(t, top, int(s.writers[e-1].txns[txn].cursor), "the change that is taken back next")
				}
				tx := s.writers[e-1].txn(txn)
				require.Equal(t, d.own(e, txn), s.writers[e-1].own(e, &tx))
			}
			for _, l := range d.of(e, txn, Commit) {
				if int(s.Record(e, l).Epoch) == e {
					require.Zero(t, commit, "a transaction commits once")
					commit = l
					_, epoch := s.CommitOf(txn)
					require.Equal(t, e, epoch)
				}
			}
		}
		lsn, _ := s.CommitOf(txn)
		require.Equal(t, commit, lsn)
		if txn < len(s.outcomes) {
			require.Equal(t, logs, int(s.outcomes[txn].logs))
		}
	}
	require.Equal(t, started, int(s.started))
	for e := 1; e <= s.world.MaxEpoch; e++ {
		require.Equal(t, d.vdl(e), s.VDL(e))
		if s.world.LAL > 0 && s.bug == none && s.Phase(e) == Open {
			require.LessOrEqual(t, s.End(e), s.VDL(e)+s.world.LAL)
		}
		for k := range s.world.Keys {
			require.Equal(t, d.value(e, k), s.Value(e, k))
			switch holders := d.holders(e, k); len(holders) {
			case 0:
				require.Zero(t, s.Holder(e, k))
			default:
				require.Contains(t, holders, s.Holder(e, k))
				if s.bug != cutPerGroup { // which can bring a transaction back to life that had let the key go
					require.Len(t, holders, 1, "one transaction at most holds a key")
				}
			}
		}
	}
	require.Equal(t, d.undoRestores(), s.undoRestores())
	require.Equal(t, d.mtrAtomic(), s.mtrAtomic())
	require.Equal(t, d.completeIsStored(), s.completeIsStored())
	require.Equal(t, d.freshRead(), s.freshRead())
	if c := len(s.journal); c > 0 {
		switch last := s.journal[c-1]; last.action {
		case ActStore, ActGossip, ActJoin:
			e := int(last.sclEpoch)
			require.Equal(t, d.complete(e, int(last.r)), s.SCL(e, int(last.r)))
			var got []int
			for l := 1; l <= s.world.MaxLSN; l++ {
				if s.Got(e, int(last.r), l) {
					got = append(got, l)
				}
			}
			if s.world.RecordAcks {
				require.Equal(t, d.got(e, int(last.r)), got)
			} else {
				require.Empty(t, got)
			}
		}
	}
}

// A step taken back leaves no trace, and a state loads as it was encoded.
func TestTakeBackAndLoadAreExact(t *testing.T) {
	eachWalk(t, func(t *testing.T, w *walk) {
		plain := w.world
		plain.Symmetry = false // a canonical encoding exchanges replicas
		exact := newLayout(plain)
		encode := func(s *State) string {
			return string(exact.encode(s, nil, make([]uint64, exact.words*len(s.replicas))))
		}
		loaded, err := NewState(plain)
		require.NoError(t, err)
		codes, texts := []string{encode(w.State)}, []string{w.String()}
		for n := 0; n < 60 && w.step(); n++ {
			codes, texts = append(codes, encode(w.State)), append(texts, w.String())
			require.NoError(t, exact.decode(loaded, []byte(codes[len(codes)-1]), make([]uint64, exact.words)))
			require.Equal(t, w.String(), loaded.String())
			require.Equal(t, codes[len(codes)-1], encode(loaded))
			require.Equal(t, w.broken(), loaded.broken())
			require.LessOrEqual(t, len(codes[len(codes)-1]), exact.maxBytes())
		}
		for i := len(codes) - 1; i > 0; i-- {
			require.Equal(t, texts[i], w.String())
			require.Equal(t, codes[i], encode(w.State))
			require.True(t, w.TakeBack())
		}
		require.Equal(t, texts[0], w.String())
		require.False(t, w.TakeBack())
	})
}

// Looking only at what the last step can have changed finds what looking at everything finds, and Durable
// without going through all read quorums is Durable.
func TestInvariantsAfterAStep(t *testing.T) {
	var broken, walks int
	caught := map[string]int{}
	eachWalk(t, func(t *testing.T, w *walk) {
		rounds := 12
		if w.bug.ofAcks() {
			rounds = 60 // they take more luck
		}
		for range rounds {
			walks++
			w.Init()
			for n := 0; n < 150 && w.step(); n++ {
				require.Equal(t, w.durableByDefinition(), w.durable(), "\n%s", w)
				d := byDefinition{w.State}
				require.Equal(t, d.withinLAL(), w.withinLAL(), "\n%s", w)
				require.Equal(t, d.txnAtomic(), w.txnAtomic(), "\n%s", w)
				full := w.broken()
				require.Equal(t, full, w.brokenByLastStep(), "after %s\n%s", w.LastStep(), w)
				if full >= 0 {
					if w.bug == none {
						require.Equal(t, 1, w.world.WriteQuorum*w.world.ReadQuorum, "%s fails without a bug, and W and R overlap:\n%s", invariants()[full].Name, w)
					}
					broken++
					caught[invariants()[full].Name]++
					break
				}
			}
		}
	})
	require.Greater(t, broken, walks/10, "walks that meet a violation; otherwise nothing was compared")
	require.NotZero(t, caught["WithinLAL"])
	require.NotZero(t, caught["TxnAtomic"])
	require.NotZero(t, caught["MtrAtomic"])
	require.NotZero(t, caught["UndoRestores"])
	require.NotZero(t, caught["CompleteIsStored"])
	require.NotZero(t, caught["NothingLost"])
}

// What a set of replicas lets a writer recover is what the module says, under every bug.
func TestRecoveryIsTheModulesDefinition(t *testing.T) {
	holes := 0
	eachWalk(t, func(t *testing.T, w *walk) {
		d := byDefinition{w.State}
		var nothingTold writer
		nothingTold.toldLine = make([]int32, len(w.replicas))
		for n := 0; n < 60 && w.step(); n++ {
			q := setOf(w.rng.IntN(len(w.replicas)))
			for r := range w.replicas {
				if w.rng.IntN(2) == 0 {
					q.add(r)
				}
			}
			newest, cut, recovered := d.cut(q)
			gotNewest, gotCut := w.recover(&nothingTold, q)
			require.Equal(t, []int{newest, cut}, []int{int(gotNewest), int(gotCut)}, "from %v\n%s", q, w)
			kept := append([]Record{}, w.writers[newest-1].log[:cut]...)
			for _, l := range w.holes(&nothingTold, q, gotNewest, gotCut) {
				kept[l-1] = theHole()
				holes++
			}
			require.Equal(t, recovered, kept, "from %v\n%s", q, w)
		}
	})
	require.NotZero(t, holes, "otherwise the bug that leaves holes was not met")
}

// Replicas of one group are interchangeable: any permutation within the groups leaves the encoding as it is,
// and one across groups does not.
func TestSymmetryIsExact(t *testing.T) {
	eachWalk(t, func(t *testing.T, w *walk) {
		if !w.world.Symmetry {
			return
		}
		n := w.world.Replicas
		for step := 0; step < 60 && w.step(); step++ {
			code := w.encodeWhole()
			for g := range w.world.Groups {
				w.rng.Shuffle(n, func(i, j int) { w.exchange(g*n+i, g*n+j) })
			}
			require.Equal(t, code, w.encodeWhole())
			if w.world.Groups > 1 {
				same := w.tuple(0) == w.tuple(n)
				w.exchange(0, n)
				require.Equal(t, same, code == w.encodeWhole())
				w.exchange(0, n)
			}
		}
	})
}

// exchange exchanges all that two replicas have.
func (w *walk) exchange(a, b int) {
	w.replicas[a], w.replicas[b] = w.replicas[b], w.replicas[a]
	if n := w.world.Replicas; w.GroupOf(a) == w.GroupOf(b) {
		for e := range w.writers {
			for _, geo := range []*geometry{&w.writers[e].made, &w.writers[e].sets} {
				if *geo != nil {
					*geo = geo.with(w.GroupOf(a), exchanged((*geo)[w.GroupOf(a)], a%n, b%n))
				}
			}
		}
	}
	for e := range w.writers {
		if wr := &w.writers[e]; len(wr.told) > 0 {
			wr.told[a], wr.told[b] = wr.told[b], wr.told[a]
			wr.toldLine[a], wr.toldLine[b] = wr.toldLine[b], wr.toldLine[a]
		}
	}
	w.journal = w.journal[:0] // it speaks of the replicas as they were
}

// exchanged returns the sets with two replicas exchanged.
func exchanged(m Membership, a, b int) Membership {
	next := slices.Clone(m)
	for i, set := range m {
		if set.Has(a) != set.Has(b) {
			next[i] = set ^ (1<<a | 1<<b)
		}
	}
	return next
}

func (w *walk) tuple(r int) string {
	words := make([]uint64, w.layout.words)
	w.layout.pack(w.State, r, words)
	return fmt.Sprint(words)
}
