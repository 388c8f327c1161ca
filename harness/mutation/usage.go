package mutation

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/tally"
	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/impl/reader"
	"github.com/firstgap/firstgap/linearizability"
)

// Usage is what runs did and spent, by the name of the amount: counters of a run (counts.Counts), the messages and bytes of each type,
// and what UsageOf adds. An amount of 0 is absent.
type Usage map[string]uint64

// drawn tells whether a counter is of what the world does to the nodes, or of how they are looked at, and not of what they do.
func drawn(name string) bool {
	switch name {
	case "world.events", "world.messages", "world.requests", "world.replies", "world.appends", "world.syncs", "world.replaces", "world.reads":
		return false
	case "runs", "beyondBudget", "excused", "certificates", "pagesCompared", "rowsAudited", "restoredRows", "trace.evaluations", "trace.steps":
		return true
	}
	return strings.HasPrefix(name, "world.") || strings.HasPrefix(name, "scenes.")
}

// Amounts that UsageOf adds.
const (
	callTime = "time of transactions"     // virtual ns from the first request to the last answer
	readTime = "time of readers' queries" // virtual ns from the request for a read point to its answer
	lags     = "lag of readers"           // virtual ns from the moments at which the VDL moved to those at which their views had reached it
	open     = "transactions without an end"
	logKept  = "bytes of log kept at the end" // that pages may stand for, by all copies
	stored   = "bytes stored at the end"      // by all copies
)

// UsageOf is what a run did and spent.
func UsageOf(r *harness.Result) Usage {
	u := Usage{}
	c := r.Counts
	for name, n := range tally.Index(&c) {
		if !drawn(name) {
			u[name] = *n
		}
	}
	for _, t := range c.World.Types {
		u["messages "+t.Type], u["bytes of "+t.Type] = t.Messages, t.Bytes
	}
	for _, o := range c.Other {
		u[o.Name] = o.Value
	}
	for i, n := range c.Lag {
		if n > 0 {
			var one reader.Lags
			one[i] = 1
			u[lags] += n * uint64(one.At(100))
		}
	}
	if e := r.Evidence; e != nil {
		if e.Transactions != nil {
			for i := range e.Transactions.Transactions {
				if t := &e.Transactions.Transactions[i]; t.End != linearizability.Unfinished {
					u[callTime] += uint64(t.End - t.Begin)
				} else {
					u[open]++
				}
			}
		}
		if e.Readings != nil {
			for _, q := range e.Readings.All {
				u[readTime] += uint64(q.Answered - q.Began)
			}
		}
		if e.Stand != nil {
			for _, g := range e.Stand.Groups {
				for i := range g.Copies {
					u[logKept] += uint64(g.Copies[i].Log)
					u[stored] += uint64(g.Copies[i].Stored)
				}
			}
		}
	}
	maps.DeleteFunc(u, func(_ string, n uint64) bool { return n == 0 })
	return u
}

// Add adds what other runs did and spent.
func (u Usage) Add(v Usage) {
	for name, n := range v {
		u[name] += n
	}
}

// A Moved is an amount that differs from that of the same runs without a mutant by more than runs differ that draw other delays.
type Moved struct {
	Name      string `json:"name"`
	Expected  uint64 `json:"expected"`
	Tolerance uint64 `json:"tolerance"`
	Found     uint64 `json:"found"`
}

func (m Moved) String() string {
	name := m.Name
	for _, r := range tally.Rows(&counts.Counts{}) {
		if r.Name == m.Name {
			name = r.Text
		}
	}
	return fmt.Sprintf("usage: %s: expected %s ± %s, found %s", name, text.Count(m.Expected), text.Count(m.Tolerance), text.Count(m.Found))
}

// How much an amount may move: the share of what is expected, the spreads of the runs' own draws, and a number, whichever is most. Of
// fewer than leastRuns runs that a mutant changed nothing is said.
const (
	leastShare   = 0.10
	leastSpreads = 4
	leastNumber  = 12
	leastRuns    = 20
)

// Moved lists what changed runs did and spent otherwise than those without a mutant, the one that moved furthest first.
//
// Runs that draw other delays for the same plan do and spend something else, too: each run of the survey was made with Neutral other
// draws. The spread of a sum over runs is that of the difference between two draws of each. What is expected is between the sum of the
// runs themselves, which the mutated ones equal until the mutant first makes a difference, and the mean of all draws, which they tend
// to from there on. An amount that few runs have much of goes beyond spreads: its tolerance is as many times wider as its calibration
// asks for.
func (s *Survey) Moved(changed []uint64, found Usage) []Moved {
	if len(changed) < leastRuns {
		return nil
	}
	s.tabulate()
	t := s.table
	sums := make([]sum, len(t.names))
	for _, seed := range changed {
		if run, is := t.at[seed]; is {
			for _, a := range t.runs[run] {
				sums[a.name].add(&a.all)
			}
		}
	}
	var moved []Moved
	hold := func(name string, x *sum, wider float64) {
		least, most := x.bounds(wider)
		if n := float64(found[name]); n < least || n > most {
			moved = append(moved, Moved{name, uint64(math.Round((least + most) / 2)), uint64(math.Round((most - least) / 2)), found[name]})
		}
	}
	for i, name := range t.names {
		hold(name, &sums[i], t.wider[i])
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if _, known := slices.BinarySearch(t.names, name); !known && !drawn(name) {
			hold(name, &sum{}, 1) // no run without a mutant has any
		}
	}
	slices.SortStableFunc(moved, func(a, b Moved) int { return cmp.Compare(b.far(), a.far()) })
	return moved
}

// far is how many times its tolerance an amount has moved.
func (m *Moved) far() float64 {
	return math.Abs(float64(m.Found)-float64(m.Expected)) / float64(max(1, m.Tolerance))
}

// A sum is one amount over some runs of a survey.
type sum struct {
	own      float64 // of the runs
	mean     float64 // over the draws
	variance float64 // of a draw
}

func (x *sum) add(y *sum) {
	x.own, x.mean, x.variance = x.own+y.own, x.mean+y.mean, x.variance+y.variance
}

// summed is one amount of one run, of the draws that are given beside it.
func summed(own float64, draws ...float64) sum {
	x := sum{own: own, mean: own}
	for _, d := range draws {
		x.mean += d
	}
	x.mean /= float64(len(draws) + 1)
	for _, d := range append(draws, own) {
		x.variance += (d - x.mean) * (d - x.mean) / float64(len(draws))
	}
	return x
}

// bounds are where the amount stays.
func (x *sum) bounds(wider float64) (least, most float64) {
	tolerance := wider * max(leastShare*max(x.own, x.mean), leastSpreads*math.Sqrt(2*x.variance), leastNumber)
	return max(0, min(x.own, x.mean)-tolerance), max(x.own, x.mean) + tolerance
}
