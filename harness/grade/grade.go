package grade

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/counts"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/grade/labs"
	"github.com/firstgap/firstgap/harness/judge"
)

// Options say how a submission is graded. Only Public, Secret, Bug, Budget and Every change what comes of it.
type Options struct {
	Public bool   // the public tests alone
	Secret []byte // of the course, that the seeds of hidden tests are drawn from; nil: they are known
	// Out is the folder for the pages and the files that repeat failures; "" keeps none.
	Out     string
	Workers int // runs at a time; 0 is one on each core
	// Budget is how many runs may be made in all to make failures smaller, so that they can be explained; 0 is DefaultBudget, and a
	// negative number explains nothing. It counts runs and not seconds, so that a slow machine explains the same.
	Budget int
	// Every says of how many runs that passed one is made twice; 0 is DefaultEvery. Those that failed always are.
	Every int
	Bug   string // a planted bug that the nodes have, of nodes in this process
	// Partial hears of the result after every test, and may keep it: a grader that is killed leaves what it has. Its error ends the
	// grading. It may be nil.
	Partial func(*Result) error
}

// The defaults of Options.
const (
	DefaultBudget = 160
	DefaultEvery  = 5
)

// explained is into how many parts the budget is divided: so many failures are made smaller, each different from the others.
const explained = 4

// BreakPointName is what the search for the break-point is called among the tests.
const BreakPointName = "break-point"

// grader grades one submission.
type grader struct {
	lab    *labs.Lab
	s      Submission
	o      Options
	system harness.System
	result *Result
	told   map[failure.Target]*lost // what was explained so far
	left   int                      // explanations
}

// Grade grades a submission. Its error is this machine's, the lab's, or that of ctx, and never the submission's: no score may be made
// of it. The result is what there was until then, and says that it is unfinished.
func Grade(ctx context.Context, lab *labs.Lab, s Submission, o Options) (*Result, error) {
	o.Workers = cmp.Or(o.Workers, runtime.GOMAXPROCS(0))
	o.Budget = cmp.Or(o.Budget, DefaultBudget)
	o.Every = cmp.Or(o.Every, DefaultEvery)
	g := &grader{lab: lab, s: s, o: o, system: lab.System(s.Maker), told: map[failure.Target]*lost{}, left: explained}
	g.begin()
	about := g.system.About()
	if err := about.Knows(o.Bug); err != nil {
		return g.result, err
	}
	err := g.grade(ctx)
	reason, err := refused(err)
	if reason != "" {
		// Nothing of it counts: what no submission may do can have made its tests pass.
		g.begin()
		g.result.Problem = reason
		if g.result.BreakPoint != nil {
			g.result.BreakPoint.Says = "not looked for"
		}
	}
	g.result.Unfinished = err != nil
	if err == nil && g.o.Partial != nil {
		err = g.o.Partial(g.result)
	}
	return g.result, err
}

// begin makes the result of which nothing is known yet.
func (g *grader) begin() {
	r := &Result{Format: Format, Lab: g.lab.Number, Title: g.lab.Title, Submission: g.s.Name, Hidden: g.hidden(), Unfinished: true}
	for _, t := range g.lab.Tests {
		if g.o.Public && !t.Public {
			continue
		}
		r.Tests = append(r.Tests, Test{Name: t.Name, Rule: t.Rule, Section: t.Section, Public: t.Public, Most: t.Marks})
		r.Most += t.Marks
	}
	if g.breaks() {
		r.BreakPoint = &BreakPoint{Faults: -1, Steps: -1, Set: []string{}, Kinds: []string{}, Most: g.lab.Break.Marks}
		r.Most += g.lab.Break.Marks
	}
	g.result = r
}

func (g *grader) hidden() Seeds {
	switch {
	case g.o.Public:
		return LeftOut
	case g.o.Secret != nil:
		return OfCourse
	}
	return Known
}

// breaks tells whether the break-point is looked for.
func (g *grader) breaks() bool { return !g.o.Public && g.lab.Break.Generate != nil }

func (g *grader) grade(ctx context.Context) error {
	if g.s.Check != nil {
		if err := g.s.Check(ctx); err != nil {
			return err
		}
	}
	// The public ones first: what they show needs no page of a hidden one.
	for _, public := range []bool{true, false} {
		for _, t := range g.lab.Tests {
			if t.Public != public || g.o.Public && !public {
				continue
			}
			if err := g.test(ctx, t); err != nil {
				return err
			}
			if err := g.partial(); err != nil {
				return err
			}
		}
	}
	if g.breaks() {
		return g.breakPoint(ctx)
	}
	return nil
}

func (g *grader) partial() error {
	if g.o.Partial == nil {
		return nil
	}
	return g.o.Partial(g.result)
}

// test makes the runs of a test, and says what they come to: all of its marks, or none.
func (g *grader) test(ctx context.Context, t labs.Test) error {
	into := g.of(t.Name)
	if done, err := g.scripts(into, t); done || err != nil {
		return err
	}
	var all []ran
	for round, enough := 0, false; round < labs.MostRounds && !enough; round++ {
		more, err := g.play(ctx, series{name: t.Name, seeds: g.lab.SeedsOf(&t, g.o.Secret, round), checks: g.checks(t.Checks),
			config: func(seed uint64) (configuration.Configuration, error) { return t.Generate(g.system, seed, g.o.Bug) }})
		if err != nil {
			return err
		}
		all = append(all, more...)
		into.Runs += len(more)
		enough = slices.ContainsFunc(more, func(r ran) bool { return r.failed() }) || idle(t, all, into.Runs) == ""
	}
	var first *ran
	for i := range all {
		switch r := &all[i]; {
		case r.flaky != "":
			into.Failed++
			into.Says, into.Broke = fmt.Sprintf("not the same twice, run %d of %d: %s", i+1, len(all), r.flaky), otherwise
			g.result.Flaky = append(g.result.Flaky, t.Name+": "+r.flaky)
			return nil
		case r.failed():
			into.Failed++
			if first == nil {
				first = r
			}
		}
	}
	if first != nil {
		l, err := g.explain(ctx, t.Name, first)
		if err != nil {
			return err
		}
		if l.flaky != "" {
			g.result.Flaky = append(g.result.Flaky, t.Name+": "+l.flaky)
		}
		into.Says, into.Broke, into.Page, into.Replay = l.says, l.broke, l.page, l.replay
		return nil
	}
	if missing := idle(t, all, into.Runs); missing != "" {
		into.Says, into.Broke = missing, missing
		return nil
	}
	into.Passed, into.Score = true, t.Marks
	g.result.Score += t.Marks
	return nil
}

// of returns the place of a test in the result.
func (g *grader) of(name string) *Test {
	i := slices.IndexFunc(g.result.Tests, func(t Test) bool { return t.Name == name })
	return &g.result.Tests[i]
}

// checks are those that count where a test lists some; nil: all that can be made.
func (g *grader) checks(of []judge.Check) []judge.Check {
	if len(of) == 0 {
		return g.lab.Checks
	}
	return of
}

// scripts plays those of a test, and tells whether one of them lost its marks.
func (g *grader) scripts(into *Test, t labs.Test) (lost bool, err error) {
	if len(t.Scripts) == 0 {
		return false, nil
	}
	play := func() labs.Outcome {
		only := labs.Test{Name: t.Name, Scripts: t.Scripts}
		return g.lab.Run(&only, g.s.Maker, nil, labs.Options{Bug: g.o.Bug})
	}
	out := play()
	into.Runs = out.Made
	if out.Failed == nil {
		return false, g.trouble()
	}
	into.Failed, into.Says, into.Broke = 1, clip(out.Failed.Says, mostSays), t.Rule
	if again := play(); again.Says() != out.Says() {
		g.result.Flaky = append(g.result.Flaky, t.Name+": "+otherwise)
		into.Says, into.Broke = "not the same twice: "+otherwise, otherwise
	}
	return true, g.trouble()
}

// trouble asks what the program did beside what it answered.
func (g *grader) trouble() error {
	if g.s.Trouble == nil {
		return nil
	}
	return g.s.Trouble()
}

// idle says what runs that all passed have not done, without which they show nothing; "" where they did everything. Of the checks that
// a test itself lists each must have been made.
func idle(t labs.Test, all []ran, made int) string {
	if made == 0 {
		return "no run was made"
	}
	if len(all) == 0 {
		return "" // scripts alone, which show what they ask for
	}
	var sum counts.Counts
	did := map[judge.Check]bool{}
	for i := range all {
		sum.Add(&all[i].counts)
		for _, c := range all[i].made {
			did[c] = true
		}
	}
	var missing []string
	amounts := sum.Amounts()
	for _, name := range t.Needs {
		if labs.Counted(&sum, name) > 0 {
			continue
		}
		if i := slices.IndexFunc(amounts, func(a counts.Amount) bool { return a.Name == name }); i >= 0 {
			name = cmp.Or(amounts[i].Text, name)
		}
		missing = append(missing, name)
	}
	if len(missing) > 0 {
		return fmt.Sprintf("it did too little to be told: in %d runs expected some of each of: %s; found none", len(all), strings.Join(missing, ", "))
	}
	for _, c := range t.Checks {
		if !did[c] {
			return fmt.Sprintf("it left nothing behind to be held against %q in any of %d runs", judge.Guarantee(c), len(all))
		}
	}
	return ""
}
