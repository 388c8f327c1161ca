package mutation

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/firstgap/firstgap/harness/text"
)

// A table has what the runs of a survey did and spent, by numbers in the place of names.
type table struct {
	names []string       // ascending
	at    map[uint64]int // the runs, by their seeds
	runs  [][]amount
	// wider is how many times wider than its spreads the tolerance of each amount is.
	wider []float64
}

// An amount is one that a run has in some of its draws.
type amount struct {
	name   int
	drawn  [Neutral]float64
	all    sum          // of all draws
	beside [Neutral]sum // of all but one
}

// tabulate makes the table, and calibrates it.
func (s *Survey) tabulate() {
	if s.table != nil {
		return
	}
	t := &table{at: map[uint64]int{}}
	numbers := map[string]int{}
	for i := range s.Runs {
		t.at[s.Runs[i].Seed] = i
		for _, u := range append(slices.Clone(s.Runs[i].Neutral), s.Runs[i].Usage) {
			for name := range u {
				if _, known := numbers[name]; !known && !drawn(name) {
					numbers[name] = 0
					t.names = append(t.names, name)
				}
			}
		}
	}
	slices.Sort(t.names)
	t.wider = slices.Repeat([]float64{1}, len(t.names))
	for i := range s.Runs {
		r := &s.Runs[i]
		var all []amount
		for n, name := range t.names {
			a := amount{name: n}
			own := float64(r.Usage[name])
			some := own
			for d := range a.drawn {
				if d < len(r.Neutral) {
					a.drawn[d] = float64(r.Neutral[d][name])
				}
				some += a.drawn[d]
			}
			if some == 0 {
				continue
			}
			a.all = summed(own, a.drawn[:]...)
			for d := range a.drawn {
				a.beside[d] = summed(own, slices.Delete(slices.Clone(a.drawn[:]), d, d+1)...)
			}
			all = append(all, a)
		}
		t.runs = append(t.runs, all)
	}
	s.table = t
	for i, c := range s.Calibrate().Amounts {
		t.wider[i] = c.Wider
	}
}

// A Calibration says what changes that are neutral move. A neutral change is another draw of the network's and the disks' delays for the
// same plan and clients; it stands in for every change of the source that keeps what a run costs. Each draw is held, over sets of runs,
// against the runs and the draws beside it, as the runs of a mutant are held against all.
type Calibration struct {
	Sets    int // tried, once for each draw
	Amounts []Calibrated
}

// A Calibrated is one amount.
type Calibrated struct {
	Name   string
	Spread float64 // of its ratio to what is expected over hundred runs: the root of the mean square
	// Furthest is how far it came from what is expected, in tolerances of the spreads alone, and Wider how many times wider its
	// tolerance is for that.
	Furthest, Wider float64
}

const (
	setsOf  = 200 // of each size
	hundred = 100
	// margin is how much wider a tolerance is than the calibration found it to be at the least.
	margin = 1.25
)

// Calibrate holds draws against each other, over sets of 20 to 100 runs: those of the survey that stand one behind another in an order
// that is shuffled for each set, the same in every calibration.
func (s *Survey) Calibrate() *Calibration {
	s.tabulate()
	t := s.table
	c := &Calibration{}
	type ratio struct {
		squares  float64
		n        int
		furthest float64
	}
	all := make([]ratio, len(t.names))
	order := make([]int, len(t.runs))
	for i := range order {
		order[i] = i
	}
	state := uint64(1)
	for _, size := range []int{leastRuns, 2 * leastRuns, hundred} {
		for range setsOf {
			for i := len(order) - 1; i > 0; i-- {
				state = state*6364136223846793005 + 1442695040888963407
				j := int(state>>33) % (i + 1)
				order[i], order[j] = order[j], order[i]
			}
			for draw := range Neutral {
				c.Sets++
				sums, found := make([]sum, len(t.names)), make([]float64, len(t.names))
				for _, run := range order[:min(size, len(order))] {
					for i := range t.runs[run] {
						a := &t.runs[run][i]
						sums[a.name].add(&a.beside[draw])
						found[a.name] += a.drawn[draw]
					}
				}
				for i := range sums {
					least, most := sums[i].bounds(1)
					a := &all[i]
					a.furthest = max(a.furthest, math.Abs(found[i]-(least+most)/2)/((most-least)/2))
					if size == hundred && sums[i].mean > 0 {
						ratio := found[i]/sums[i].mean - 1
						a.squares, a.n = a.squares+ratio*ratio, a.n+1
					}
				}
			}
		}
	}
	for i, name := range t.names {
		a := &all[i]
		c.Amounts = append(c.Amounts, Calibrated{name, math.Sqrt(a.squares / float64(max(1, a.n))), a.furthest, max(1, margin*a.furthest)})
	}
	return c
}

// WriteText writes the calibration for people, the amount that came furthest first.
func (c *Calibration) WriteText(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "%s sets of runs that draw other delays\n\n", text.Count(uint64(c.Sets))); err != nil {
		return err
	}
	t := text.NewTable(text.Text("amount"), text.Number("spread of its ratio"), text.Number("furthest, in tolerances"), text.Number("wider"))
	for _, a := range slices.SortedStableFunc(slices.Values(c.Amounts), func(a, b Calibrated) int { return cmp.Compare(b.Furthest, a.Furthest) }) {
		t.Row(a.Name, fmt.Sprintf("%.1f%%", 100*a.Spread), fmt.Sprintf("%.2f", a.Furthest), fmt.Sprintf("%.2f", a.Wider))
	}
	return t.Write(w)
}
