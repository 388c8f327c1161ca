// Package neon is the consensus of Neon's safekeepers as a model: computes ("proposers") that are elected by safekeepers
// ("acceptors") and write a log to them. It is Raft with the leader outside of the replicas, and with term histories in place of
// a term in each entry. Its definition is spec/tla/Neon.tla, and the actions and invariants here have the names and the order that
// they have there.
//
// With World.Generations the members of the group change as well: a configuration store, joint configurations, acceptors that are
// reset.
//
// # Which revision this is
//
// It is the protocol of the modules in safekeeper/spec of neondatabase/neon as the logs of TLC beside them checked it. The static one,
// ProposerAcceptorStatic.tla, has logs of 2024-11-06 and 2024-11-15. The revisions that these name (864f4667d, 4f1ee6331, bcbff084a)
// were rebased away; of the public ones, e87d0813d1 has the module of these logs. Later ones count how often each term was elected
// (90aa12c3d8, fa909c27fc; World.Elections), and commit by quorums of the least size alone (030ab1c0e8), which has TLC generate fewer
// states. ProposerAcceptorReconfig.tla has one log that came to its end, of 9e386917a; later a proposer takes over configurations from
// the store too, and an acceptor those of proposers (030ab1c0e8).
//
// # What the published figures are of
//
// Two things have to be known to find them again; published.tsv has them log by log.
//
// The logs of 864f4667d are of a module that commits entries of earlier terms by themselves, as figure 8 of Raft's paper forbids (here
// the bug commit-old). With it the figures of p2_a3_t2_l2 and p2_a5_t2_l2 are found again to the last state, and those of p2_a3_t3_l3
// within the bounds below; without it there are fewer states. In these worlds of at most three terms that breaks nothing. The log of
// p2_a3_t4_l4 that came to its end is of the module with the rule: another one of this world, without it, ends in a violation and says so.
//
// And the module names the acceptor whose log an elected proposer copies by CHOOSE among those with the highest vote, and demands that
// this one is still in the proposer's term. CHOOSE takes the one with the first name, and a symmetry has no names: which states TLC
// counts depends on the representative that its workers come to first. Here all of these acceptors must be in the term (Donor "every"),
// or one of them (Donor "some"), both of which a symmetry allows. With two terms TLC's figures are those of "every"; with three, and
// with membership change, they lie between the two.
//
// Use package volume instead when replicas take records in any order: an acceptor's log has no gaps.
package neon

import (
	"math"
	"slices"

	"github.com/firstgap/firstgap/spec/check"
)

// constants are those of a world, under a name that leaves Model's own World free.
type constants = World

type model struct {
	constants
	*layout
	rules   []rule
	reach   []rule
	quorums [maxAcceptors + 1]int // by a number of acceptors: how many quorums are among them
	orders  [][]int               // of the proposers, the one that leaves them in place first
}

// New returns the model of a world. It refuses, with a *WorldError, one that does not fit.
func New(w World) (check.Model, error) {
	if w.Bug == "" {
		w.Bug = none
	}
	if err := w.Validate(); err != nil {
		return nil, err
	}
	if w.Donor == "" {
		w.Donor = every
	}
	m := &model{constants: w, layout: newLayout(w), rules: rulesOf(w), reach: reachOf(w), orders: orders(w.Proposers)}
	for n := range m.quorums {
		for size := w.quorum(); size <= min(n, w.Acceptors); size++ {
			m.quorums[n] += choose(n, size)
		}
	}
	return m, nil
}

// choose returns how many sets of k there are among n.
func choose(n, k int) int {
	return int(math.Round(math.Gamma(float64(n+1)) / math.Gamma(float64(k+1)) / math.Gamma(float64(n-k+1))))
}

// orders returns all orders of n, the sorted one first.
func orders(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for i := n - 1; i >= 0; i-- {
		for _, o := range orders(n - 1) {
			all = append(all, slices.Insert(slices.Clone(o), i, n-1))
		}
	}
	return all
}

func (m *model) Name() string { return "neon" }
func (m *model) World() any   { return m.constants }

// Actions returns the actions of the static protocol, and those that change the membership where the world has that.
func (m *model) Actions() []string {
	if m.Generations == 0 {
		return actionNames()[:startChange]
	}
	return actionNames()
}

func (m *model) Invariants() []check.Invariant { return invariantsOf(m.rules) }

// Only returns the model with those of its invariants that are named.
func (m *model) Only(names []string) check.Model {
	few := *m
	few.rules = slices.DeleteFunc(slices.Clone(m.rules), func(r rule) bool { return !slices.Contains(names, r.Name) })
	return &few
}

// Witnesses returns the situations that the world must reach.
func (m *model) Witnesses() []check.Invariant { return invariantsOf(m.reach) }

func invariantsOf(rules []rule) (all []check.Invariant) {
	for _, r := range rules {
		all = append(all, r.Invariant)
	}
	return all
}

func (m *model) Reductions() []string {
	if !m.Symmetry {
		return nil
	}
	return []string{"symmetry: proposers are interchangeable, and so are acceptors (exact orbits)"}
}

func (m *model) NewMachine() check.Machine { return &machine{model: m} }
