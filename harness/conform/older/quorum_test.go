package older

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/conform"
	_ "github.com/firstgap/firstgap/harness/internal/runflags"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/quorum"
)

// told is one line of a trace.
type told struct {
	from node.ID
	t    node.Trace
}

const front node.ID = 10

func begin(op uint64, writes bool) told {
	return told{front, node.Trace{Action: node.ActRegisterBegin, Detail: &node.RegisterStep{Key: "x", Op: op, Token: op, Writes: writes}}}
}

func answer(replica node.ID, token uint64, v node.Version) told {
	return told{replica, node.Trace{Action: node.ActRegisterTell, From: front, Detail: &node.RegisterStep{Key: "x", Token: token, Version: v}}}
}

func store(replica node.ID, token uint64, v node.Version) told {
	return told{replica, node.Trace{Action: node.ActRegisterStore, From: front, Detail: &node.RegisterStep{Key: "x", Token: token, Version: v}}}
}

func row(replica node.ID, v node.Version) node.RegisterRow {
	return node.RegisterRow{Replica: replica, Version: v}
}

func settle(op, token uint64, v node.Version, heard ...node.RegisterRow) told {
	return told{front, node.Trace{Action: node.ActRegisterSettle, Detail: &node.RegisterStep{Key: "x", Op: op, Token: token, Version: v, Heard: heard}}}
}

func end(op uint64, acks ...node.ID) told {
	s := &node.RegisterStep{Key: "x", Op: op}
	for _, id := range acks {
		s.Heard = append(s.Heard, node.RegisterRow{Replica: id})
	}
	return told{front, node.Trace{Action: node.ActRegisterEnd, Detail: s}}
}

func holds(replica node.ID, v node.Version) told {
	return told{replica, node.Trace{Action: node.ActRegisterHolds, Detail: &node.RegisterStep{Rows: []node.RegisterRow{{Key: "x", Version: v}}}}}
}

var (
	zero = node.Version{}
	v1   = node.Version{Number: 1, By: 7}
	v2   = node.Version{Number: 2, By: 5}
)

// good is a write to replicas 1 and 2; a read of 2 and 3, which differ and get it back; a second write that reaches
// replica 3 alone, which starts again; and a read that finds both that had the first.
func good() []told {
	return []told{
		begin(1, true), answer(1, 1, zero), answer(2, 1, zero), answer(3, 1, zero), settle(1, 2, v1, row(1, zero), row(2, zero)), // 0–4
		store(1, 2, v1), store(2, 2, v1), end(1, 1, 2), // 5–7
		begin(3, false), answer(2, 3, v1), answer(3, 3, zero), settle(3, 4, v1, row(3, zero), row(2, v1)), // 8–11
		store(3, 4, v1), end(3, 3, 2), // 12–13
		begin(5, true), answer(1, 5, v1), answer(2, 5, v1), settle(5, 6, v2, row(1, v1), row(2, v1)), store(3, 6, v2), // 14–18
		holds(3, v2),                                                                                                        // 19
		begin(7, false), answer(1, 7, v1), answer(2, 7, v1), settle(7, 7, v1, row(1, v1), row(2, v1)), end(7), holds(1, v1), // 20–25
	}
}

func validate(t *testing.T, trace []told) (*Quorum, error) {
	q, err := NewQuorum([]node.ID{1, 2, 3}, 2, 2, true)
	require.NoError(t, err)
	for i, x := range trace {
		if err := q.Tell(node.Time(i), x.from, &x.t); err != nil {
			require.Equal(t, err, q.Tell(node.Time(i), x.from, &x.t), "and ever after")
			return q, err
		}
	}
	return q, nil
}

func TestAGoodTraceIsTaken(t *testing.T) {
	q, err := validate(t, good())
	require.NoError(t, err)
	require.EqualValues(t, len(good())-2, q.Steps(), "all but what replicas held anyway")
	// What comes twice, or late, is no step.
	again, err := validate(t, append(good(), store(1, 2, v1), store(3, 4, v1), answer(1, 1, v1)))
	require.NoError(t, err)
	require.Equal(t, q.Steps()+1, again.Steps())
	// A replica that stored, and crashed before it said so, says it when it starts.
	trace := good()
	trace[18] = holds(3, v2)
	_, err = validate(t, trace)
	require.NoError(t, err)
}

// Each break of the trace, and the action or invariant of the model that objects to it.
func TestBrokenTracesAreRefusedByName(t *testing.T) {
	put := func(at int, x ...told) []told { return append(slices.Clone(good()[:at]), x...) }
	without := func(at int) []told { return slices.Delete(good(), at, at+1) }
	for name, c := range map[string]struct {
		trace []told
		rule  string
	}{
		"an operation begins twice":           {put(1, begin(1, true)), "Begin"},
		"an answer nobody gave":               {without(1), "Tell"},
		"an answer of what is not there":      {put(9, answer(2, 3, zero)), "Tell"},
		"an answer counted twice":             {put(4, settle(1, 2, v1, row(1, zero), row(1, zero))), "Tell"},
		"three answers where two count":       {put(4, settle(1, 2, v1, row(1, zero), row(2, zero), row(3, zero))), "Tell"},
		"one answer where two count":          {put(4, settle(1, 2, v1, row(1, zero))), "Number"},
		"a counter too high":                  {put(4, settle(1, 2, v2, row(1, zero), row(2, zero))), "Number"},
		"a counter that stays":                {put(17, settle(5, 6, node.Version{Number: 1, By: 9}, row(1, v1), row(2, v1))), "Number"},
		"two writes of one version":           {append(put(8, begin(3, true), begin(4, true), answer(1, 3, v1), answer(2, 3, v1), answer(1, 4, v1), answer(2, 4, v1)), settle(3, 11, v2, row(1, v1), row(2, v1)), settle(4, 12, v2, row(1, v1), row(2, v1))), "OneValue"},
		"a write without a writer":            {put(4, settle(1, 2, node.Version{Number: 1}, row(1, zero), row(2, zero))), "OneValue"},
		"a read of the older answer":          {put(11, settle(3, 4, zero, row(3, zero), row(2, v1))), "Choose"},
		"a read with one answer":              {put(11, settle(3, 4, v1, row(2, v1))), "Choose"},
		"a write stored before its version":   {put(4, store(1, 1, v1)), "Store"},
		"another version stored":              {put(5, store(1, 2, v2)), "Store"},
		"a write ends with one replica":       {put(6, end(1, 1)), "EndWrite"},
		"an acknowledgement that nobody gave": {append(without(6)[:6], end(1, 1, 2)), "EndWrite"},
		"a read ends before its write-back":   {put(12, end(3, 2)), "EndRead"},
		"a disk that is empty again":          {put(8, holds(1, zero)), "Amnesia"},
		"a disk with what nobody wrote":       {put(8, holds(1, v2)), "Amnesia"},
		"a replica that is none":              {put(1, answer(4, 1, zero)), ruleKnown},
		"a message that nobody sent":          {put(1, answer(1, 77, zero)), ruleKnown},
		"an operation that is none":           {put(1, end(77)), ruleKnown},
		"no register":                         {put(1, told{1, node.Trace{Action: node.ActRegisterTell}}), ruleComplete},
		"an action of another model":          {put(1, told{1, node.Trace{Action: node.ActStore, Detail: &node.RegisterStep{}}}), ruleAction},
	} {
		_, err := validate(t, c.trace)
		var x *conform.Violation
		require.ErrorAs(t, err, &x, name)
		require.Equal(t, c.rule, x.Rule, "%s: %v", name, err)
		require.Contains(t, err.Error(), "expected ", name)
	}
}

// Quorums that do not overlap: every step is one of the model, and the model's invariants say what is lost.
func TestInvariantsAreEvaluated(t *testing.T) {
	for name, c := range map[string]struct {
		w, r  int
		back  bool
		trace []told
	}{
		"Durable": {1, 1, false, []told{begin(1, true), answer(1, 1, zero), settle(1, 2, v1, row(1, zero)), store(1, 2, v1), end(1, 1)}},
		"Linearizable": {2, 2, false, []told{begin(1, true), answer(1, 1, zero), answer(2, 1, zero), settle(1, 2, v1, row(1, zero), row(2, zero)), store(1, 2, v1),
			begin(3, false), answer(1, 3, v1), answer(2, 3, zero), settle(3, 3, v1, row(1, v1), row(2, zero)), end(3),
			begin(4, false), answer(3, 4, zero), answer(2, 4, zero), settle(4, 4, zero, row(3, zero), row(2, zero))}},
	} {
		q, err := NewQuorum([]node.ID{1, 2, 3}, c.w, c.r, c.back)
		require.NoError(t, err)
		for i, x := range c.trace {
			err = q.Tell(0, x.from, &x.t)
			if i < len(c.trace)-1 {
				require.NoError(t, err, "%s: %d", name, i)
			}
		}
		var x *conform.Violation
		require.ErrorAs(t, err, &x, name)
		require.Equal(t, name, x.Rule)
	}
}

func TestWhatTheModelHasNoRoomFor(t *testing.T) {
	for _, n := range []int{0, 10} {
		_, err := NewQuorum(make([]node.ID, n), 2, 2, true)
		var bad *quorum.WorldError
		require.True(t, errors.As(err, &bad))
	}
}

// More replicas than the model has writers for, each with another version: whole histories of a register are taken, at any
// size and quorums that overlap, and what a read or a write settles on is refused when it is not what the newest answer says.
func TestManyReplicasWithAVersionEach(t *testing.T) {
	for n := 4; n <= 9; n++ {
		for seed := range uint64(20) {
			d := rand.New(rand.NewPCG(seed, uint64(n)))
			w := n/2 + 1 + d.IntN(n-n/2)
			r := n - w + 1
			replicas := make([]node.ID, n)
			holds := make([]node.Version, n)
			for i := range replicas {
				replicas[i] = node.ID(i + 1)
			}
			q, err := NewQuorum(replicas, w, r, true)
			require.NoError(t, err)
			tell := func(x told) error { return q.Tell(0, x.from, &x.t) }
			token := uint64(0)
			for range 30 {
				writes := d.IntN(2) == 0
				op := token + 1
				token += 2
				require.NoError(t, tell(begin(op, writes)))
				var heard []node.RegisterRow
				newest := node.Version{}
				for _, i := range d.Perm(n)[:r] {
					require.NoError(t, tell(answer(replicas[i], op, holds[i])))
					heard = append(heard, row(replicas[i], holds[i]))
					if v := holds[i]; v.Number > newest.Number || v.Number == newest.Number && v.By > newest.By {
						newest = v
					}
				}
				v := newest
				if writes {
					v = node.Version{Number: newest.Number + 1, By: op}
				}
				wrong, rule := node.Version{Number: v.Number + 1, By: op}, "Number"
				if !writes {
					wrong, rule = heard[0].Version, "Choose"
				}
				if wrong != v {
					other := *q.rows["x"] // a step that is refused changes nothing
					x := settle(op, op+1, wrong, heard...)
					var refused *quorum.Refusal
					require.ErrorAs(t, q.step(x.from, &x.t), &refused)
					require.Equal(t, rule, refused.Name, "%d replicas, %d and %d: %v", n, w, r, refused)
					require.Equal(t, other, *q.rows["x"])
				}
				require.NoError(t, tell(settle(op, op+1, v, heard...)), "%d replicas, %d and %d", n, w, r)
				reached := d.Perm(n)
				if d.IntN(3) > 0 { // it reaches a quorum, or some, and its front is gone
					reached = reached[:w]
				} else {
					reached = reached[:d.IntN(w)]
				}
				var acks []node.ID
				for _, i := range reached {
					require.NoError(t, tell(store(replicas[i], op+1, v)))
					if holds[i].Number < v.Number || holds[i].Number == v.Number && holds[i].By < v.By {
						holds[i] = v
					}
					acks = append(acks, replicas[i])
				}
				if len(reached) == w {
					require.NoError(t, tell(end(op, acks...)), "%d replicas, %d and %d", n, w, r)
				}
			}
		}
	}
}
