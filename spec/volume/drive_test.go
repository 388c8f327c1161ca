package volume

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A recorded step, to be taken again without its chooser.
type recorded struct {
	action     Action
	e, t, k, l int
	g          int
	r, p       int
	last       bool
	quorum     ReplicaSet
}

func (s *State) take(step *recorded) Refusal {
	switch step.action {
	case ActWrite:
		return s.WriteIn(step.e, step.t, step.k, step.g, step.last)
	case ActCommit:
		return s.Commit(step.e, step.t)
	case ActUndo:
		return s.UndoIn(step.e, step.t, step.g)
	case ActStore:
		return s.Store(step.e, step.l, step.r)
	case ActGossip:
		return s.Gossip(step.r, step.p, step.l)
	case ActAdvance:
		return s.Advance(step.e)
	case ActAck:
		return s.Ack(step.e, step.t)
	case ActStart:
		return s.Start(step.e)
	case ActFence:
		return s.Fence(step.e, step.r)
	case ActDecide:
		return s.Decide(step.e, step.quorum)
	case ActJoin:
		return s.Join(step.e, step.r)
	case ActOpen:
		return s.Open(step.e)
	case ActStructure:
		return s.Structure(step.e, step.g, step.last)
	}
	return "not a step of a run without bugs"
}

// A run stands for a trace of a real implementation: a volume of three groups of six, transactions of a few
// records, most of which commit, records that reach their replicas in any order and not all of them, and
// take-overs by a read quorum while the rest of the replicas lags behind.
type run struct {
	*State
	rng   *rand.Rand
	steps []recorded
	epoch int
	txn   int // the last one begun
}

func runWorld(lsns, epochs int) World {
	return World{Groups: 3, Replicas: 6, WriteQuorum: 4, ReadQuorum: 3, Keys: 200, Txns: 1 << 20,
		MaxLSN: 1 << 20, MaxEpoch: epochs, Aborts: true, Mtr: true, Rewrites: true, Answers: true, Structures: true, Moves: true, Savepoints: true}
}

// newRun makes a run with about as many LSNs and exactly as many epochs as asked for.
func newRun(t testing.TB, lsns, epochs int) *run {
	s, err := NewState(runWorld(lsns, epochs))
	require.NoError(t, err)
	d := &run{State: s, rng: rand.New(rand.NewPCG(1, 2)), epoch: 1}
	for d.End(d.epoch) < lsns || d.epoch < epochs {
		if d.epoch < epochs && d.End(d.epoch) >= lsns*d.epoch/epochs {
			d.takeOver()
			continue
		}
		d.transaction()
	}
	return d
}

func (d *run) do(step recorded) bool {
	refused := d.take(&step)
	if refused == "" {
		d.steps = append(d.steps, step)
	}
	return refused == ""
}

// transaction writes up to four keys, and commits or takes it all back; then records travel.
func (d *run) transaction() {
	e := d.epoch
	d.txn++
	t := d.txn
	writes := 0
	for range 1 + d.rng.IntN(4) {
		if d.do(recorded{action: ActWrite, e: e, t: t, k: d.rng.IntN(200), g: d.rng.IntN(3), last: true}) {
			writes++
		}
		if d.rng.IntN(8) == 0 { // back to a savepoint, and a page is split before the next write
			d.do(recorded{action: ActUndo, e: e, t: t, g: d.rng.IntN(3)})
			d.do(recorded{action: ActStructure, e: e, g: d.rng.IntN(3)})
			d.do(recorded{action: ActStructure, e: e, g: d.rng.IntN(3), last: true})
		}
	}
	switch {
	case writes == 0:
		d.txn--
	case d.rng.IntN(10) > 0:
		d.do(recorded{action: ActCommit, e: e, t: t})
	case d.rng.IntN(2) == 0: // the others stay for the next writer to undo
		for d.do(recorded{action: ActUndo, e: e, t: t}) {
		}
	}
	d.travel(40, 5)
}

// travel stores some of the last records, advances, and acknowledges.
func (d *run) travel(last, of int) {
	e := d.epoch
	for l := max(1, d.End(e)-last); l <= d.End(e); l++ {
		g := int(d.Record(e, l).Group)
		for r := g * 6; r < g*6+6; r++ {
			if d.rng.IntN(of) > 0 || d.Line(r) != e {
				continue
			}
			if d.rng.IntN(8) > 0 || !d.do(recorded{action: ActGossip, r: r, p: g*6 + d.rng.IntN(6), l: l}) {
				d.do(recorded{action: ActStore, e: e, l: l, r: r})
			}
		}
	}
	for d.do(recorded{action: ActAdvance, e: e}) {
	}
	for t := max(1, d.txn-40); t <= d.txn; t++ {
		d.do(recorded{action: ActAck, e: e, t: t})
	}
}

// takeOver starts the next writer, which recovers from three to five replicas of each group, and lets it undo.
func (d *run) takeOver() {
	old := d.epoch
	d.epoch++
	e := d.epoch
	d.do(recorded{action: ActStart, e: e})
	var q ReplicaSet
	for g := range 3 {
		for i, r := range d.rng.Perm(6) {
			if i < 3+d.rng.IntN(3) || i < 3 {
				if d.do(recorded{action: ActFence, e: e, r: g*6 + r}) {
					q.add(g*6 + r)
				}
			}
		}
	}
	d.do(recorded{action: ActWrite, e: old, t: d.txn + 1, k: 0, last: true}) // the old writer lives
	if d.do(recorded{action: ActDecide, e: e, quorum: q}) && d.Started(d.txn+1) {
		d.txn++
	}
	for r := range d.replicas {
		if d.rng.IntN(6) > 0 || r%6 < 4 {
			d.do(recorded{action: ActJoin, e: e, r: r})
		}
	}
	for !d.do(recorded{action: ActOpen, e: e}) {
		d.repair()
	}
	for t := 1; t <= d.txn; t++ {
		for d.do(recorded{action: ActUndo, e: e, t: t}) {
		}
	}
}

// repair copies everything kept to every replica that has joined.
func (d *run) repair() {
	for l := 1; l <= d.End(d.epoch); l++ {
		g := int(d.Record(d.epoch, l).Group)
		for r := g * 6; r < g*6+6; r++ {
			d.do(recorded{action: ActStore, e: d.epoch, l: l, r: r})
		}
	}
}

// A long run steps through the model as it is, with every invariant in full at the end, and all of it is taken
// back exactly.
func TestLongRun(t *testing.T) {
	d := newRun(t, 400, 8)
	var count [actions]int
	for i := range d.steps {
		count[d.steps[i].action]++
	}
	for a := ActWrite; a <= ActStructure; a++ {
		require.NotZero(t, count[a], "%s was never taken", a)
	}
	require.NotZero(t, len(d.acked))
	s, err := NewState(d.World())
	require.NoError(t, err)
	first := s.String()
	for i := range d.steps {
		require.Equal(t, Refusal(""), s.take(&d.steps[i]))
		require.Equal(t, -1, s.brokenByLastStep(), "after step %d, %s", i, s.LastStep())
	}
	require.Equal(t, -1, s.broken())
	require.Equal(t, d.String(), s.String())
	for s.TakeBack() {
	}
	require.Equal(t, first, s.String())
	for i := range d.steps {
		require.Equal(t, Refusal(""), s.take(&d.steps[i]))
	}
	require.Equal(t, d.String(), s.String())
}

// BenchmarkStep takes the steps of a run over 2,000 LSNs, 18 replicas and 10 epochs, with every invariant
// evaluated after each step.
func BenchmarkStep(b *testing.B) {
	d := newRun(b, 2000, 10)
	for _, c := range []struct {
		name       string
		invariants bool
	}{{"actions", false}, {"actions and invariants", true}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := NewState(d.World())
				if err != nil {
					b.Fatal(err)
				}
				for i := range d.steps {
					if refused := s.take(&d.steps[i]); refused != "" {
						b.Fatalf("step %d is refused: %s", i, refused)
					}
					if c.invariants && s.brokenByLastStep() >= 0 {
						b.Fatalf("step %d breaks an invariant", i)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(d.steps)), "ns/step")
			b.ReportMetric(float64(len(d.steps)), "steps")
		})
	}
}
