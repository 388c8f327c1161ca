package conform

import (
	"errors"
	"math/rand/v2"
	"testing"

	fuzz "github.com/google/gofuzz"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// A node may tell anything. To all of it the validator has an answer: the step, or a violation that can be
// explained; never a panic, and never a table as large as a number in the trace.
func TestGarbageIsAnswered(t *testing.T) {
	refused, accepted := 0, 0
	for seed := range uint64(30) {
		v := shapes[seed%uint64(len(shapes))]
		trace := wandered(v, seed, 500, 5)
		random := rand.New(rand.NewPCG(seed, 99))
		garbage := fuzz.NewWithSeed(int64(seed)).NilChance(0.2).NumElements(0, 4).Funcs(anyDetail)
		for range 60 {
			i := random.IntN(len(trace))
			changed := append([]toldStep(nil), trace[:i+1]...)
			changed[i].trace = corrupted(changed[i].trace, garbage, random)
			if random.IntN(6) == 0 {
				changed[i].from = node.ID(random.IntN(1 << 16))
			}
			_, err := validate(v, changed)
			var violation *Violation
			if !errors.As(err, &violation) {
				require.NoError(t, err)
				accepted++
				continue
			}
			refused++
			require.Equal(t, i+1, violation.Step)
			require.NotEmpty(t, violation.Explain())
			require.NotEmpty(t, violation.Rule)
			require.NotEmpty(t, violation.Guarantee)
		}
	}
	require.Greater(t, refused, 700)
	require.Greater(t, accepted, 20, "a field that an action does not have is of no account")
}

// corrupted replaces one field, or all, by something at random; numbers are small or large.
func corrupted(t node.Trace, garbage *fuzz.Fuzzer, random *rand.Rand) node.Trace {
	var g node.Trace
	var answers node.DecideStep
	var held node.HoldsStep
	garbage.Fuzz(&answers)
	garbage.Fuzz(&held)
	garbage.Fuzz(&g)
	small := func() uint64 { return uint64(random.IntN(12)) }
	if random.IntN(2) == 0 {
		g.Action, g.Epoch, g.LSN, g.Txn = node.Action(small()), node.Epoch(small()), node.LSN(small()), node.MakeTxn(node.Epoch(small()), uint32(small()))
		g.Position, g.From = small(), node.ID(small())
		held.Promise = node.Epoch(small())
		for i := range held.Held {
			held.Held[i] = node.Held{LSN: node.LSN(small()), Epoch: node.Epoch(small())}
		}
	}
	switch random.IntN(12) {
	case 0:
		t.Action = g.Action
	case 1:
		t.Epoch = g.Epoch
	case 2:
		t.Record = g.Record
	case 3:
		t.From = g.From
	case 4:
		t.LSN = g.LSN
	case 5:
		t.Txn = g.Txn
	case 6:
		t.Position = g.Position
	case 7:
		t.Detail = &node.DecideStep{Answers: answers.Answers, History: t.History()}
	case 8:
		t.Detail = withHistory(&t, answers.History)
	case 9:
		held.History = t.History()
		t.Detail = &held
	case 10:
		if t.Record == nil || g.Record == nil {
			return g
		}
		r := *t.Record
		switch random.IntN(7) {
		case 0:
			r.LSN = g.Record.LSN
		case 1:
			r.Epoch = node.Epoch(small())
		case 2:
			r.Group = node.Group(small())
		case 3:
			r.Kind = node.Kind(small())
		case 4:
			r.Txn = g.Txn
		case 5:
			r.Page, r.Key = g.Record.Page, g.Record.Key
		case 6:
			r.Undoes = g.Record.Undoes
		}
		r.Seal()
		t.Record = &r
	case 11:
		return g
	}
	return t
}

// withHistory returns the detail of t with another history, or none where it has none.
func withHistory(t *node.Trace, h node.History) node.Detail {
	switch d := t.Detail.(type) {
	case *node.DecideStep:
		return &node.DecideStep{Answers: d.Answers, History: h}
	case *node.HoldsStep:
		return &node.HoldsStep{Promise: d.Promise, History: h, Held: d.Held}
	case nil, *node.JoinStep:
		return &node.JoinStep{History: h}
	}
	return t.Detail
}

// anyDetail makes a detail of any type, or none.
func anyDetail(d *node.Detail, c fuzz.Continue) {
	details := []node.Detail{nil, &node.DecideStep{}, &node.JoinStep{}, &node.HoldsStep{}, &node.GeometryStep{}, &node.AnewStep{}, &node.Shown{},
		&node.FoundStep{}, &node.RegisterStep{}, &node.DiskStep{}}
	if *d = details[c.Intn(len(details))]; *d != nil {
		c.Fuzz(*d)
	}
}
