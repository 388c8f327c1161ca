package grade

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/atomic"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/page"
	"github.com/firstgap/firstgap/harness/failure/shrink"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/grade/labs"
	"github.com/firstgap/firstgap/harness/judge"
)

// lost is what a failed run is explained by.
type lost struct {
	test         string // in which it was explained
	says         string
	broke        string
	page, replay string
	set          []faults.Fault // of the smallest run
	flaky        string         // it went otherwise when it was made again
}

// explain says why a run failed. A failure of a kind that was explained before, in this grading, is that one: to make each smaller would
// take most of the time, and show the same page under many names.
func (g *grader) explain(ctx context.Context, test string, r *ran) (*lost, error) {
	target, _ := failure.TargetOf(r.findings)
	if before := g.told[target]; before != nil {
		same := *before
		headline, _, _ := strings.Cut(before.says, "\n")
		same.says = fmt.Sprintf("as in %s: %s", before.test, headline)
		if before.replay != "" {
			same.says += "\nagain: " + g.again(before.replay)
		}
		return &same, nil
	}
	finding := target.Among(r.findings)
	l := &lost{test: test, broke: judge.Guarantee(target.Check), set: r.c.Plan.Faults}
	f := failure.Made(g.system, r.c, target)
	if g.o.Budget < 0 || g.left == 0 {
		l.says = clip(finding.Sentence(), mostSays)
	} else if err := g.shrunk(ctx, l, f, target); err != nil || l.flaky != "" {
		return l, err
	} else {
		g.told[target] = l
		return l, nil
	}
	return l, g.keep(l, f)
}

// mostSays is how much of a sentence is kept that a submission may have had a part in, in bytes.
const mostSays = 2000

// shrunk makes a failure small, and says of the smallest what went wrong, what was allowed instead, and how to see it again.
func (g *grader) shrunk(ctx context.Context, l *lost, f *failure.Failure, target failure.Target) error {
	g.left--
	e, err := why.Explain(ctx, g.system, f, why.Options{NoCurve: true, Shrink: shrink.Options{Runs: max(g.o.Budget/explained, 1), Workers: g.o.Workers}})
	if err := ctx.Err(); err != nil {
		return err // what was found until then would be another explanation on another machine
	}
	if err := g.trouble(); err != nil {
		return err
	}
	var gone *shrink.GoneError
	var other *why.OtherError
	var run *shrink.RunError
	switch {
	case errors.As(err, &gone) || errors.As(err, &other):
		l.flaky = g.differs(f.Configuration)
		l.says, l.broke = "not the same twice: "+l.flaky, otherwise
		return nil
	case errors.As(err, &run): // nothing happened in it that could be left out
		l.says = clip(target.Among(f.Findings).Sentence(), mostSays)
		return g.keep(l, f)
	case err != nil:
		return err
	}
	// Results are the same on every machine, and these are not.
	e.Seconds, e.Build = 0, failure.Build{}
	w := &e.What
	lines := []string{clip(w.Headline, mostSays)}
	for i, a := range w.Allowed {
		if i == mostAllowed {
			lines = append(lines, fmt.Sprintf("or one of %d more steps", len(w.Allowed)-i))
			break
		}
		lines = append(lines, "allowed instead: "+clip(a, mostLine))
	}
	if x := w.Finding.Expected; len(w.Allowed) == 0 && x != "" {
		lines = append(lines, "allowed instead: "+clip(x, mostLine))
	}
	if w.Rule.Text != "" {
		lines = append(lines, "the rule: "+clip(w.Rule.Text, mostSays))
	}
	for _, fault := range e.Configuration.Plan.Faults {
		lines = append(lines, "it takes: "+labs.Words(&fault))
	}
	if len(e.Configuration.Plan.Faults) == 0 {
		lines = append(lines, "it takes no fault at all")
	}
	l.says, l.set = strings.Join(lines, "\n"), e.Configuration.Plan.Faults
	if err := g.keep(l, failure.Made(g.system, e.Configuration, target)); err != nil {
		return err
	}
	return g.draw(l, e)
}

// mostAllowed is how many of the steps are listed that were allowed.
const mostAllowed = 3

// keep writes the file that repeats a failure, and says how.
func (g *grader) keep(l *lost, f *failure.Failure) error {
	if g.o.Out == "" {
		return nil
	}
	l.replay = l.test + ".fgt"
	if err := f.Write(filepath.Join(g.o.Out, l.replay)); err != nil {
		return err
	}
	l.says += "\nagain: " + g.again(l.replay)
	return nil
}

// again is the command that repeats a failure. The file has no command in it, so that nothing runs that its reader did not name.
func (g *grader) again(file string) string {
	if g.s.Again == "" {
		return "firstgap replay " + file
	}
	return "firstgap replay " + file + " -- " + g.s.Again
}

// draw writes the page of a failure.
func (g *grader) draw(l *lost, e *why.Explanation) error {
	if g.o.Out == "" {
		return nil
	}
	p, err := page.Of(g.system, e)
	var gone *page.GoneError
	if errors.As(err, &gone) {
		return nil // of a submission that is another one each time; that it is so shows elsewhere
	}
	if err != nil {
		return err
	}
	p.Again = []string{g.again(l.replay)}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		return err
	}
	l.page = l.test + ".html"
	return atomic.Write(filepath.Join(g.o.Out, l.page), b.Bytes())
}
