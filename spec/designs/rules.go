package designs

import (
	"encoding/json"
	"math/bits"

	"github.com/firstgap/firstgap/spec/check"
)

// A Set is a set of nodes: bit i stands for node i.
type Set uint16

func (s Set) len() int            { return bits.OnesCount16(uint16(s)) }
func (s Set) within(big Set) bool { return s&^big == 0 }

// maxNodes bounds what a Set has room for.
const maxNodes = 16

// Rules are those of a design, as the constants of its world fix them: what its model's actions ask for.
type Rules struct {
	Nodes int
	// Acks is how many nodes have a record when it is acknowledged, while none has failed. AtLeast is how many they may be in the
	// worst case: fewer only where a design takes nodes that are slow or gone out of what it waits for.
	Acks, AtLeast int
	// Writes is how many nodes must be up so that records are acknowledged; and Recovery how many a take-over must hear from, to
	// know all that was acknowledged.
	Writes, Recovery int
	// Recorded says that who has everything is written down elsewhere: a take-over hears from one of these, or waits.
	Recorded bool
}

// A rule reads the rules of a design from the constants of a world of its model.
type rule func(constants json.RawMessage) (Rules, error)

// quorum is the rule of a design that acknowledges what any W of N nodes have, and whose take-over hears any R.
func quorum(n, w, r int) Rules { return Rules{Nodes: n, Acks: w, AtLeast: w, Writes: w, Recovery: r} }

// majority is the rule of a consensus: both quorums are majorities.
func majority(n int) Rules { return quorum(n, n/2+1, n/2+1) }

// rules has the rule of each model that is compared. What its comment says is an action's guard.
var rules = map[string]rule{
	// VCL counts the records that a write quorum of each group has; Decide hears a read quorum of each.
	"volume": read(func(w struct{ Groups, Replicas, WriteQuorum, ReadQuorum int }) Rules {
		return quorum(w.Replicas, w.WriteQuorum, w.ReadQuorum)
	}),
	// EndWrite has W acknowledgements; a read R answers.
	"quorum": read(func(w struct{ Replicas, WriteQuorum, ReadQuorum int }) Rules {
		return quorum(w.Replicas, w.WriteQuorum, w.ReadQuorum)
	}),
	// Ack waits for the end of the chain in each zone; an instance that is attached reads one copy, and any has everything.
	"mirror": read(func(w struct{ Zones, Copies int }) Rules {
		r := quorum(w.Zones*w.Copies, w.Zones*w.Copies, 1)
		r.Recorded = true
		return r
	}),
	// A proposer commits what a majority of acceptors has, and is elected by a majority.
	"neon": read(func(w struct{ Acceptors int }) Rules { return majority(w.Acceptors) }),
	// The same of a leader and its members.
	"raft": read(func(w struct{ Members int }) Rules { return majority(w.Members) }),
	// An entry is acknowledged when Qa of the Qw bookies that it is sent to have it; a recovery needs so many of these that no Qa are
	// left without. The nodes are the Qw of an entry.
	"bookkeeper": read(func(w struct{ WriteQuorum, AckQuorum int }) Rules {
		return quorum(w.WriteQuorum, w.AckQuorum, w.WriteQuorum-w.AckQuorum+1)
	}),
	// The high watermark waits for all in-sync replicas. With alter the leader takes out those that are slow or gone, to itself alone. One
	// of the in-sync replicas is elected and has all of it; which these are is written down elsewhere, and asks for no other replica.
	"isr": read(func(w struct {
		Replicas int
		Alter    bool
	}) Rules {
		r := Rules{Nodes: w.Replicas, Acks: w.Replicas, AtLeast: w.Replicas, Writes: w.Replicas, Recovery: 1, Recorded: true}
		if w.Alter {
			r.AtLeast, r.Writes = 1, 1
		}
		return r
	}),
	// Show waits until Acks secondaries have the record; Promote asks so many that one of them has it, or, with promote-first, none but
	// the one that is promoted. A promoted node waits for Acks others before it serves, so both must be up.
	"longfork": read(func(w struct {
		Secondaries, Acks int
		Bug               string
	}) Rules {
		r := quorum(w.Secondaries+1, w.Acks+1, w.Secondaries-w.Acks+1)
		if w.Bug == "promote-first" {
			r.Recovery = 1
		}
		r.Writes = max(r.Acks, r.Recovery)
		return r
	}),
}

// read makes a rule of a function of those constants that it looks at.
func read[C any](of func(C) Rules) rule {
	return func(constants json.RawMessage) (Rules, error) {
		var c C
		if err := json.Unmarshal(constants, &c); err != nil {
			return Rules{}, err
		}
		r := of(c)
		return r, check.InRange(
			check.Between("nodes", r.Nodes, 1, maxNodes, ""),
			check.Between("acks", r.Acks, 1, r.Nodes, " (nodes)"),
			check.Between("recovery", r.Recovery, 1, r.Nodes, " (nodes)"),
		)
	}
}

// Survival is what a kind of operation survives, over all sets of nodes that fail together.
type Survival struct {
	Sets    int  `json:"sets"`      // of nodes, the empty one included, that may fail while it goes on
	Nodes   int  `json:"nodes"`     // any so many nodes may fail
	AZ      bool `json:"az"`        // any one AZ may
	AZPlus1 bool `json:"azPlusOne"` // any one AZ and any one node more may
}

// Figures are what the rules of a design come to, over all sets of nodes.
type Figures struct {
	Sets   int      `json:"sets"` // of nodes: 2^N
	Writes Survival `json:"writes"`
	Reads  Survival `json:"reads"`
	Data   Survival `json:"data"`
	// LostWith is how many nodes take an acknowledged record with them, in the worst case; and Unnoticed says that a take-over may
	// then go on without the record, as it hears from as many as it asks for.
	LostWith  int  `json:"lostWith"`
	Unnoticed bool `json:"unnoticed"`
}

// survival goes through all sets of nodes.
func survival(nodes int, azs []Set, goesOn func(failed Set) bool) Survival {
	s := Survival{Nodes: nodes, AZ: true, AZPlus1: true}
	for failed := Set(0); failed < 1<<nodes; failed++ {
		if goesOn(failed) {
			s.Sets++
			continue
		}
		s.Nodes = min(s.Nodes, failed.len()-1)
		for _, az := range azs {
			s.AZ = s.AZ && !failed.within(az)
			s.AZPlus1 = s.AZPlus1 && (failed&^az).len() > 1
		}
	}
	return s
}

// figures computes what the rules come to, over all sets of nodes.
func (r Rules) figures(azs []Set) Figures {
	all := Set(1<<r.Nodes - 1)
	f := Figures{
		Sets:   1 << r.Nodes,
		Writes: survival(r.Nodes, azs, func(down Set) bool { return (all &^ down).len() >= r.Writes }),
		Reads:  survival(r.Nodes, azs, func(down Set) bool { return r.finds(down) }),
		Data:   survival(r.Nodes, azs, func(lost Set) bool { return lost.len() < r.Acks }),
	}
	f.LostWith, f.Unnoticed = r.worst(all)
	return f
}

// finds says whether a take-over hears, with these nodes down, from as many as it must, and each acknowledged record is on one that is up.
func (r Rules) finds(down Set) bool { return r.Nodes-down.len() >= r.Recovery && down.len() < r.Acks }

// worst returns the smallest number of nodes whose loss takes an acknowledged record with it, and whether, after a loss of so many, a
// take-over may still hear from as many as it must: then it goes on without the record, and is not stopped by anything.
func (r Rules) worst(all Set) (lostWith int, unnoticed bool) {
	lostWith = r.Nodes + 1
	for lost := Set(0); lost <= all; lost++ {
		if lost.len() < r.AtLeast {
			continue
		}
		if lost.len() < lostWith {
			lostWith, unnoticed = lost.len(), false
		}
		if lost.len() == lostWith && !r.Recorded && r.Nodes-lost.len() >= r.Recovery {
			unnoticed = true
		}
	}
	return lostWith, unnoticed
}
