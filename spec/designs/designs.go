// Package designs sets the designs of replicated logs side by side: what each asks for, what it survives, what it loses in the
// worst case, and whether it keeps its promise.
//
// Nothing in the comparison is written down as a result. What a design asks for follows from the constants of a named world of its
// model, by the guards of that model's actions (see the rules); what it survives is counted over all sets of nodes; and its promise is
// decided by a search of that world. Only where the nodes are is given: so many in each AZ.
//
// Use package placement instead when the quorums of one design are placed in AZs in several ways: there sets of replicas are all that
// there is, and here each design is that of a model of its own, which this package asks; placement could not import them.
package designs

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/subjects"
)

// A Design is a replicated log as a named world of a model has it, on nodes in AZs.
type Design struct {
	Name  string
	Model string
	World string
	AZs   []int // nodes in each AZ
}

// Designs returns those whose models this build has, in the order in which they are compared. Each world is one that tells its quorums
// from shorter ones: in the volume's six-short nothing is ever acknowledged, and quorums that do not meet pass there, too.
func Designs() []Design {
	one := []int{1, 1, 1}
	all := []Design{
		{"EBS pair", "mirror", "pair", []int{2}},
		{"mirrored MySQL", "mirror", "mirrored-zone-and-copy", []int{2, 2}},
		{"Aurora", "volume", "six", []int{2, 2, 2}},
		{"Aurora's nodes, halves that do not meet", "quorum", "disjoint-w3-r3-of-6", []int{2, 2, 2}},
		{"versioned register", "quorum", "write-back", one},
		{"Neon", "neon", "elections", one},
		{"BookKeeper", "bookkeeper", "three", one},
		{"Raft", "raft", "conflicts", one},
		{"Kafka, all in sync", "isr", "three", one},
		{"Kafka, in-sync set shrinks", "isr", "three-alter", one},
		{"PostgreSQL, shown in log order", "longfork", "rds", one},
		{"PostgreSQL", "longfork", "procarray-rds", one},
		{"PostgreSQL, asynchronous", "longfork", "async-failover", []int{1, 1}},
	}
	return slices.DeleteFunc(all, func(d Design) bool { _, err := subjects.Lookup(d.Model); return err != nil })
}

// NotCompared says of each model that no design is compared by, why.
func NotCompared() map[string]string {
	return map[string]string{
		"placement":  "it has the quorums of one design, and compares where they are placed",
		"membership": "its quorums are of two sets of segments while one is replaced, and those of Aurora before and after",
		"reader":     "its readers share the storage of the volume",
		"wal":        "it has one disk",
	}
}

// A Row is what a design comes to.
type Row struct {
	Design   string `json:"design"`
	Nodes    int    `json:"nodes"`
	AZs      []int  `json:"azs"`      // nodes in each
	Acks     int    `json:"acks"`     // nodes that have a record when it is acknowledged
	AtLeast  int    `json:"atLeast"`  // and in the worst case
	Recovery int    `json:"recovery"` // nodes that a take-over must hear from
	Figures
	Trial check.Trial `json:"trial"` // of the world that decided its promise
}

// Compare sets the designs side by side. A search that fails or does not end is told in the trial of its row. An error means that a
// design does not fit its model.
func Compare(ctx context.Context, all []Design, o check.Options) ([]Row, error) {
	var rows []Row
	for _, d := range all {
		row, err := d.row(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("design %q: %w", d.Name, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (d Design) row(ctx context.Context, o check.Options) (Row, error) {
	subject, err := subjects.Lookup(d.Model)
	if err != nil {
		return Row{}, err
	}
	world, err := subject.Lookup(d.World)
	if err != nil {
		return Row{}, err
	}
	rules, azs, err := d.rules(world.Constants)
	if err != nil {
		return Row{}, err
	}
	return Row{
		Design: d.Name, Nodes: rules.Nodes, AZs: d.AZs, Acks: rules.Acks, AtLeast: rules.AtLeast, Recovery: rules.Recovery,
		Figures: rules.figures(azs), Trial: subject.Try(ctx, world, o),
	}, nil
}

// rules returns the rules of the design and the nodes of each AZ.
func (d Design) rules(constants json.RawMessage) (Rules, []Set, error) {
	of, is := rules[d.Model]
	if !is {
		return Rules{}, nil, check.Wrong("model", d.Model, "one whose rules are known")
	}
	r, err := of(constants)
	if err != nil {
		return Rules{}, nil, err
	}
	var azs []Set
	placed := 0
	for _, n := range d.AZs {
		azs = append(azs, Set(1<<n-1)<<placed)
		placed += n
	}
	if placed != r.Nodes {
		return Rules{}, nil, check.Wrong("AZs", fmt.Sprint(d.AZs), fmt.Sprintf("%d nodes, as world %s has", r.Nodes, d.World))
	}
	return r, azs, nil
}

// Verdict is that of the comparison: every search came out as its model expects.
func Verdict(rows []Row) check.Verdict {
	var all check.Trials
	for _, r := range rows {
		all = append(all, r.Trial)
	}
	return all.Verdict()
}
