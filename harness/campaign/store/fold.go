package store

import (
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
)

// A Fold is what lines in the order of their numbers come to. The fold of some lines joined with that of those behind them is the fold
// of all, so that what is kept of a file of lines stands for the file.
type Fold struct {
	From   uint64           `json:"from"`  // the number of the first line
	Lines  uint64           `json:"lines"` // how many
	Sum                     // of all arms
	Arms   map[job.Arm]*Arm `json:"arms"`
	Counts []uint64         `json:"counts"` // by the header's counters (see Columns.Named)
	Checks []uint64         `json:"checks"` // by the header's checks: in how many runs each was made
	// Failures are by what the runs failed, those that came first first.
	Failures []Failed `json:"failures,omitempty"`
	Broken   Numbers  `json:"broken"`  // jobs that could not be done at all
	GivenUp  Numbers  `json:"givenUp"` // jobs whose end no worker came to
	Kept     uint64   `json:"kept"`    // lines whose configuration was kept
	Began    int64    `json:"began"`   // when the first line was kept, in Unix milliseconds
	Ended    int64    `json:"ended"`   // and the last
	Points   []Point  `json:"points"`  // how the sums grew (see Growth)

	header *Header // of one that can be added to
	most   []bool  // by its counters: of many runs it has the most of any
}

// A Sum is what some lines come to, and what they were the first to reach.
type Sum struct {
	Work    uint64   `json:"work"`
	Micros  uint64   `json:"micros"`  // of workers, in microseconds: the sum of whole numbers is the same in any order
	Reached []uint64 `json:"reached"` // by space: the features that these lines were the first to reach
	Shapes  uint64   `json:"shapes"`  // that they were the first to have
	Twice   uint64   `json:"twice"`   // shapes that they were the second to have: Shapes less Twice is how many one run had
}

// An Arm is what the lines of an arm come to.
type Arm struct {
	Lines uint64 `json:"lines"`
	Sum
	Verdicts map[judge.Verdict]uint64 `json:"verdicts"`
}

// A Failed is what runs that failed by the same have in common.
type Failed struct {
	Target  failure.Target `json:"target"`
	Count   uint64         `json:"count"`
	First   uint64         `json:"first"`   // the number of the first line
	Last    uint64         `json:"last"`    // and of the last
	Finding string         `json:"finding"` // that of the first, in a sentence
}

// Numbers are those of some lines: how many there are, and the first of them.
type Numbers struct {
	Count uint64   `json:"count"`
	First []uint64 `json:"first,omitempty"`
}

// maxNumbers and maxFailed bound what a fold keeps apart. All systems together have fewer ways to fail.
const (
	maxNumbers = 100
	maxFailed  = 1000
)

// A Point is where the sums stood after a line. There is one after every number of lines that has at most six binary digits between its
// first and its last 1, which is 32 for every doubling and 614 for ten million; which lines have one does not depend on where a fold
// begins or ends.
type Point struct {
	Lines   uint64               `json:"lines"` // of the campaign, from its first on
	At      int64                `json:"at"`    // in Unix milliseconds
	Work    uint64               `json:"work"`
	Micros  uint64               `json:"micros"`
	Reached []uint64             `json:"reached"`
	Shapes  uint64               `json:"shapes"`
	Twice   uint64               `json:"twice"`
	Arms    map[job.Arm]ArmPoint `json:"arms"`
}

// An ArmPoint is where an arm's sums stood.
type ArmPoint struct {
	Lines   uint64 `json:"lines"`
	Work    uint64 `json:"work"`
	Micros  uint64 `json:"micros"`
	Reached uint64 `json:"reached"` // features of all spaces that it was the first to reach
	Shapes  uint64 `json:"shapes"`
}

// pointBits is how many binary digits a number of lines with a point has from its first 1 to its last.
const pointBits = 6

func hasPoint(lines uint64) bool { return bits.Len64(lines)-bits.TrailingZeros64(lines) <= pointBits }

// NewFold returns the fold of no lines, behind which the line from comes.
func (h *Header) NewFold(from uint64) *Fold {
	f := &Fold{From: from, Sum: h.newSum(), Arms: map[job.Arm]*Arm{}, Counts: make([]uint64, len(h.Counters)), Checks: make([]uint64, len(h.Checks)),
		header: h, most: make([]bool, len(h.Counters))}
	for i, name := range h.Counters {
		f.most[i] = slices.Contains(h.Most, name)
	}
	return f
}

func (h *Header) newSum() Sum { return Sum{Reached: make([]uint64, len(h.Spaces))} }

// Next is the number of the line that comes behind those of the fold.
func (f *Fold) Next() uint64 { return f.From + f.Lines }

// Once is how many shapes one run had.
func (s *Sum) Once() uint64 { return s.Shapes - s.Twice }

// Seconds are those that workers spent.
func (s *Sum) Seconds() float64 { return float64(s.Micros) / 1e6 }

func (s *Sum) add(l *job.Line, micros uint64) {
	s.Work += l.Work
	s.Micros += micros
	for _, x := range l.New {
		if n := x.Space(); n != coverage.Shapes {
			s.Reached[n]++
		} else {
			s.Shapes++
		}
	}
	for _, x := range l.Second {
		if x.Space() == coverage.Shapes {
			s.Twice++
		}
	}
}

func (s *Sum) join(o *Sum) {
	s.Work += o.Work
	s.Micros += o.Micros
	addAll(s.Reached, o.Reached)
	s.Shapes += o.Shapes
	s.Twice += o.Twice
}

func (s *Sum) all() (sum uint64) {
	for _, n := range s.Reached {
		sum += n
	}
	return sum
}

func addAll(into, from []uint64) {
	for i, n := range from {
		into[i] += n
	}
}

// Add folds the next line in. A line of another number is an *OrderError, one that is not of the header a *LimitError.
func (f *Fold) Add(l *job.Line) error {
	if l.Number != f.Next() {
		return &OrderError{f.Next(), l.Number}
	}
	if err := f.header.check(l); err != nil {
		return err
	}
	f.add(l)
	return nil
}

// add folds a line in that was checked.
func (f *Fold) add(l *job.Line) {
	if f.Lines == 0 {
		f.Began = l.At
	}
	f.Lines++
	f.Ended = l.At
	micros := uint64(math.Round(max(l.Seconds, 0) * 1e6))
	f.Sum.add(l, micros)
	arm := f.arm(l.Arm)
	arm.Lines++
	arm.Sum.add(l, micros)
	arm.Verdicts[l.Verdict]++
	f.count(l.Counts)
	for _, c := range l.Made {
		f.Checks[c]++
	}
	if l.Target != nil {
		f.failed(Failed{*l.Target, 1, l.Number, l.Number, l.Finding})
	}
	if l.Broken != "" {
		f.Broken.join(Numbers{1, []uint64{l.Number}})
	}
	if l.GivenUp > 0 {
		f.GivenUp.join(Numbers{1, []uint64{l.Number}})
	}
	if l.Kept {
		f.Kept++
	}
	if hasPoint(f.Next()) {
		f.Points = append(f.Points, f.point())
	}
}

func (f *Fold) arm(name job.Arm) *Arm {
	a := f.Arms[name]
	if a == nil {
		a = &Arm{Sum: f.header.newSum(), Verdicts: map[judge.Verdict]uint64{}}
		f.Arms[name] = a
	}
	return a
}

// count adds counts: some by their sum, some by the most of any.
func (f *Fold) count(from []uint64) {
	for i, n := range from {
		if f.most[i] {
			f.Counts[i] = max(f.Counts[i], n)
		} else {
			f.Counts[i] += n
		}
	}
}

// Growth returns how the sums grew: the points, and where the sums stand at the end.
func (f *Fold) Growth() []Point {
	if f.Lines == 0 || hasPoint(f.Next()) {
		return f.Points
	}
	return append(slices.Clip(f.Points), f.point())
}

func (f *Fold) failed(x Failed) {
	for i := range f.Failures {
		if o := &f.Failures[i]; o.Target == x.Target {
			o.Count += x.Count
			o.Last = x.Last
			return
		}
	}
	if len(f.Failures) < maxFailed {
		f.Failures = append(f.Failures, x)
	}
}

func (n *Numbers) join(o Numbers) {
	n.Count += o.Count
	n.First = append(n.First, o.First[:min(len(o.First), maxNumbers-len(n.First))]...)
}

// point is where the sums stand.
func (f *Fold) point() Point {
	p := Point{Lines: f.Next(), At: f.Ended, Work: f.Work, Micros: f.Micros, Reached: slices.Clone(f.Reached), Shapes: f.Shapes, Twice: f.Twice,
		Arms: make(map[job.Arm]ArmPoint, len(f.Arms))}
	for name, a := range f.Arms {
		p.Arms[name] = ArmPoint{a.Lines, a.Work, a.Micros, a.all(), a.Shapes}
	}
	return p
}

// behind moves a point of the lines behind a fold to where it is of both.
func (f *Fold) behind(p Point) Point {
	p.Work += f.Work
	p.Micros += f.Micros
	p.Reached = slices.Clone(p.Reached)
	addAll(p.Reached, f.Reached)
	p.Shapes += f.Shapes
	p.Twice += f.Twice
	arms := maps.Clone(p.Arms)
	for name, a := range f.Arms {
		x := arms[name]
		arms[name] = ArmPoint{x.Lines + a.Lines, x.Work + a.Work, x.Micros + a.Micros, x.Reached + a.all(), x.Shapes + a.Shapes}
	}
	p.Arms = arms
	return p
}

// Join adds the fold of the lines behind f to f. One of other lines is an *OrderError, one of another header a *LimitError.
func (f *Fold) Join(o *Fold) error {
	if o.From != f.Next() {
		return &OrderError{f.Next(), o.From}
	}
	if err := f.header.fits(o); err != nil {
		return err
	}
	if o.Lines == 0 {
		return nil
	}
	for _, p := range o.Points {
		f.Points = append(f.Points, f.behind(p))
	}
	if f.Lines == 0 {
		f.Began = o.Began
	}
	f.Ended = o.Ended
	f.Lines += o.Lines
	f.Sum.join(&o.Sum)
	for name, a := range o.Arms {
		into := f.arm(name)
		into.Lines += a.Lines
		into.Sum.join(&a.Sum)
		for v, n := range a.Verdicts {
			into.Verdicts[v] += n
		}
	}
	f.count(o.Counts)
	addAll(f.Checks, o.Checks)
	for _, x := range o.Failures {
		f.failed(x)
	}
	f.Broken.join(o.Broken)
	f.GivenUp.join(o.GivenUp)
	f.Kept += o.Kept
	return nil
}

// fits refuses a fold that is not of the header, or in which places are missing.
func (h *Header) fits(f *Fold) error {
	wrong := func(what string, want, found int) error {
		return &LimitError{"fold", fmt.Sprintf("%d %s", want, what), fmt.Sprint(found)}
	}
	sums := []*Sum{&f.Sum}
	for name, a := range f.Arms {
		if a == nil {
			return &LimitError{"fold", "sums of the arm " + string(name), "none"}
		}
		sums = append(sums, &a.Sum)
	}
	for _, s := range sums {
		if len(s.Reached) != len(h.Spaces) {
			return wrong("spaces", len(h.Spaces), len(s.Reached))
		}
	}
	for _, p := range f.Points {
		if len(p.Reached) != len(h.Spaces) {
			return wrong("spaces of a point", len(h.Spaces), len(p.Reached))
		}
	}
	switch {
	case len(f.Counts) != len(h.Counters):
		return wrong("counters", len(h.Counters), len(f.Counts))
	case len(f.Checks) != len(h.Checks):
		return wrong("checks", len(h.Checks), len(f.Checks))
	}
	return nil
}

// clone returns a copy that shares nothing that changes.
func (f *Fold) clone() *Fold {
	c := f.header.NewFold(f.From)
	if err := c.Join(f); err != nil {
		panic(fmt.Sprintf("store: a fold of the header itself: %v", err))
	}
	return c
}
