package older

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/spec/quorum"
)

// Quorum holds the versioned register against spec/quorum. Each row is a register of the model by itself; a write of two
// rows does not exist.
type Quorum struct {
	replicas  []node.ID
	w, r      int
	writeBack bool
	rows      map[string]*quorum.Register
	tokens    map[message]operation
	follower
}

// message names the messages of one stage of an operation.
type message struct {
	front node.ID
	token uint64
}

type operation struct {
	key string
	id  quorum.OpID
}

// NewQuorum returns a validator for a run that begins with empty replicas. It refuses, with a *quorum.WorldError, what the
// model has no room for.
func NewQuorum(replicas []node.ID, w, r int, writeBack bool) (*Quorum, error) {
	if _, err := quorum.NewRegister(len(replicas), w, r, writeBack); err != nil {
		return nil, err
	}
	return &Quorum{replicas: slices.Clone(replicas), w: w, r: r, writeBack: writeBack, rows: map[string]*quorum.Register{}, tokens: map[message]operation{},
		follower: follower{guarantee: "to its clients a register is a single copy, which is what its quorums are for"}}, nil
}

// Tell implements Validator.
func (q *Quorum) Tell(now node.Time, from node.ID, t *node.Trace) error {
	return q.follow(now, from, t, q.step)
}

func (q *Quorum) row(key string) *quorum.Register {
	g := q.rows[key]
	if g == nil {
		g, _ = quorum.NewRegister(len(q.replicas), q.w, q.r, q.writeBack) // NewQuorum has tried
		q.rows[key] = g
	}
	return g
}

func (q *Quorum) replica(id node.ID) (int, error) {
	r := slices.Index(q.replicas, id)
	if r < 0 {
		return 0, violation(ruleKnown, fmt.Sprintf("one of %v", q.replicas), fmt.Sprint(id), "node %d is no replica", id)
	}
	return r, nil
}

func version(v node.Version) quorum.Version { return quorum.Version{Count: v.Number, By: v.By} }

func (q *Quorum) step(from node.ID, t *node.Trace) error {
	s, is := t.Detail.(*node.RegisterStep)
	if !is {
		return violation(ruleComplete, "what the register did", "nothing", "node %d told %s", from, t.Action)
	}
	switch t.Action {
	case node.ActRegisterBegin:
		op := operation{s.Key, quorum.OpID{Front: uint64(from), Op: s.Op}}
		if x := q.took(q.row(s.Key).Begin(op.id, s.Writes)); x != nil {
			return x
		}
		q.tokens[message{from, s.Token}] = op
	case node.ActRegisterTell, node.ActRegisterStore:
		return q.replicaStep(from, t)
	case node.ActRegisterSettle:
		op, x := q.operation(from, s)
		if x != nil {
			return x
		}
		var heard []quorum.Answer
		for _, a := range s.Heard {
			r, x := q.replica(a.Replica)
			if x != nil {
				return x
			}
			heard = append(heard, quorum.Answer{Replica: r, Version: version(a.Version)})
		}
		if x := q.took(q.row(op.key).Settle(op.id, heard, version(s.Version))); x != nil {
			return x
		}
		q.tokens[message{from, s.Token}] = op
	case node.ActRegisterEnd:
		op, x := q.operation(from, s)
		if x != nil {
			return x
		}
		var acks []int
		for _, a := range s.Heard {
			r, x := q.replica(a.Replica)
			if x != nil {
				return x
			}
			acks = append(acks, r)
		}
		return q.took(q.row(op.key).End(op.id, acks))
	case node.ActRegisterHolds:
		return q.holds(from, s)
	default:
		return violation(ruleAction, "an action of the versioned register", t.Action.String(), "node %d told %s", from, t.Action)
	}
	return nil
}

// operation returns the operation that a front speaks of.
func (q *Quorum) operation(from node.ID, s *node.RegisterStep) (operation, error) {
	op, is := q.tokens[message{from, s.Op}]
	if !is || op.key != s.Key {
		return op, violation(ruleKnown, "an operation that has begun, on its row", fmt.Sprintf("%d on %q", s.Op, s.Key), "front %d speaks of an operation that is none", from)
	}
	return op, nil
}

func (q *Quorum) replicaStep(from node.ID, t *node.Trace) error {
	s := node.DetailOf[node.RegisterStep](t)
	r, x := q.replica(from)
	if x != nil {
		return x
	}
	op, is := q.tokens[message{t.From, s.Token}]
	if !is || op.key != s.Key {
		return violation(ruleKnown, "a message of an operation that has begun, on its row", fmt.Sprintf("%d of node %d on %q", s.Token, t.From, s.Key),
			"replica %d was sent what nobody sent", from)
	}
	if t.Action == node.ActRegisterTell {
		return q.took(q.row(s.Key).Answered(op.id, r, version(s.Version)))
	}
	return q.tookIf(q.row(s.Key).Stored(op.id, r, version(s.Version)))
}

// holds compares what a replica begins with to what the model has there, row by row.
func (q *Quorum) holds(from node.ID, s *node.RegisterStep) error {
	r, x := q.replica(from)
	if x != nil {
		return x
	}
	found := map[string]quorum.Version{}
	var keys []string
	for _, row := range s.Rows {
		found[row.Key] = version(row.Version)
		keys = append(keys, row.Key)
	}
	for key := range q.rows {
		if _, is := found[key]; !is {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		if x := q.tookIf(q.row(key).Found(r, found[key])); x != nil {
			return x
		}
	}
	return nil
}
