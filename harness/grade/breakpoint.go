package grade

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/grade/labs"
)

// breakPoint climbs the ladder of plans until a run fails. The marks follow the step, and never how small the failure is made
// afterwards: a submission that fails in fewer of the same runs than another one fails on no lower step, and so has no fewer marks.
// What its first failure shrinks to may well be smaller.
func (g *grader) breakPoint(ctx context.Context) error {
	b, p := g.lab.Break, g.result.BreakPoint
	for step := range b.Steps + 1 {
		all, err := g.play(ctx, series{name: BreakPointName, seeds: g.lab.BreakSeeds(step, g.o.Secret), checks: g.checks(nil),
			config: func(seed uint64) (configuration.Configuration, error) {
				return b.Generate(g.system, seed, step, g.o.Bug)
			}})
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(all, func(r ran) bool { return r.flaky != "" }); i >= 0 {
			// A program that is not the same twice has no smallest set.
			p.Says = "not looked for any further: " + all[i].flaky
			g.result.Flaky = append(g.result.Flaky, BreakPointName+": "+all[i].flaky)
			return nil
		}
		if i := slices.IndexFunc(all, func(r ran) bool { return r.failed() }); i >= 0 {
			return g.broken(ctx, step, &all[i])
		}
		if did(all) == 0 {
			p.Says = fmt.Sprintf("it answered no call of a client in %d runs: nothing could break it", len(all))
			return nil
		}
		p.Steps = step
	}
	p.Score = b.Marks
	p.Says = p.sentence()
	g.result.Score += p.Score
	return nil
}

// did counts what the clients were answered in runs.
func did(all []ran) uint64 {
	var n uint64
	for i := range all {
		n += all[i].counts.Operations + all[i].counts.Acknowledged + all[i].counts.ReadOnly
	}
	return n
}

// broken says by which faults a submission broke on a step.
func (g *grader) broken(ctx context.Context, step int, r *ran) error {
	p := g.result.BreakPoint
	l, err := g.explain(ctx, BreakPointName, r)
	if err != nil {
		return err
	}
	if l.flaky != "" {
		p.Says = l.says
		g.result.Flaky = append(g.result.Flaky, BreakPointName+": "+l.flaky)
		return nil
	}
	// A failure that was explained before may have shrunk to more faults than this run ever had.
	set := l.set
	if len(set) > len(r.c.Plan.Faults) {
		set = r.c.Plan.Faults
	}
	p.Faults = len(set)
	for _, f := range set {
		p.Set = append(p.Set, labs.Words(&f))
		if !slices.Contains(p.Kinds, string(f.Kind)) {
			p.Kinds = append(p.Kinds, string(f.Kind))
		}
	}
	p.Score = p.Most * step / (g.lab.Break.Steps + 1)
	p.Page, p.Replay = l.page, l.replay
	p.Says = p.sentence() + "\n" + l.says
	g.result.Score += p.Score
	return nil
}

// sentence says how far it came.
func (p *BreakPoint) sentence() string {
	if p.Faults < 0 && p.Score == p.Most {
		return fmt.Sprintf("nothing that was tried broke it, up to %s at once", faultsOf(p.Steps))
	}
	if p.Faults < 0 {
		return p.Says
	}
	s := "it breaks without any fault"
	if p.Faults > 0 {
		s = fmt.Sprintf("it breaks with %s: %s", faultsOf(p.Faults), strings.Join(p.Kinds, ", "))
	}
	if p.Steps > 0 {
		s += fmt.Sprintf("; all plans of at most %s that were tried it stood", faultsOf(p.Steps))
	}
	return s
}

func faultsOf(n int) string {
	if n == 1 {
		return "1 fault"
	}
	return fmt.Sprintf("%d faults", n)
}

// hiddenFlaky says of a test whose seeds are hidden that it is flaky, and not by which line: that line has the run's times and faults.
func hiddenFlaky(line string, tests []Test) string {
	name, _, _ := strings.Cut(line, ":")
	if slices.ContainsFunc(tests, func(t Test) bool { return t.Name == name && t.Public }) {
		return line
	}
	return name + ": " + otherwise
}
