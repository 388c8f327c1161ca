package fuzz

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/text"
)

// WriteText writes a summary for people: the arms beside each other, coverage with its denominators, and what failed.
func (s *Summary) WriteText(w io.Writer, folder string) error {
	screen := text.On(w)
	f := s.Fold
	arms := text.NewTable(text.Text("ARM"), text.Number("JOBS"), text.Number("WORK"), text.Number("FAILED"), text.Number("NEW"), text.Number("NEW IN 1M WORK"))
	for _, name := range []job.Arm{job.Random, job.Guided, job.Kept, job.Model} {
		a := f.Arms[name]
		if a == nil {
			continue
		}
		failed, fresh := uint64(0), a.Shapes
		for v, n := range a.Verdicts {
			if v == judge.Violation || v == judge.CouldNotTell && name != job.Model { // whose searches are never finished
				failed += n
			}
		}
		for _, n := range a.Reached {
			fresh += n
		}
		per := "-"
		if a.Work > 0 {
			per = text.Figure(float64(fresh) * 1e6 / float64(a.Work))
		}
		arms.Row(name, text.Count(a.Lines), text.Brief(a.Work), text.Count(failed), text.Count(fresh), per)
	}
	tables := []*text.Table{arms}
	if len(s.Header.Spaces) > 0 {
		tables = append(tables, s.covered())
	}
	for _, t := range tables {
		if err := t.Write(screen); err != nil {
			return err
		}
		fmt.Fprintln(screen)
	}
	return screen.Folded(func(out io.Writer) error {
		if s.Joint != nil {
			if err := s.Joint.WriteText(out); err != nil {
				return err
			}
			s.verdict(out, screen)
			return nil
		}
		fmt.Fprintf(out, "shapes: %s, of which one run had %s: an estimated %s %% of what runs do was not seen\n", text.Count(f.Shapes), text.Count(f.Once()), percent(s.Status.Shapes.Unseen))
		if s.Header.Guided {
			fmt.Fprintf(out, "corpus: %s configurations\n", text.Count(f.Kept))
		}
		for i := range s.Failures {
			s.failed(out, &s.Failures[i], folder)
		}
		for _, x := range f.Failures {
			if !slices.ContainsFunc(s.Failures, func(k store.Failure) bool { return k.Target == x.Target }) {
				fmt.Fprintf(out, "%s: in %s, first run %d, not looked at\n  %s\n", x.Target, runs(x.Count), x.First, x.Finding)
			}
		}
		if s.Idle > 0 {
			fmt.Fprintf(out, "%s of changed configurations could tell nothing\n", runs(s.Idle))
		}
		if len(s.Unseen) > 0 {
			fmt.Fprintf(out, "not seen in so few runs: %s\n", strings.Join(s.Unseen, ", "))
		}
		s.verdict(out, screen)
		return nil
	})
}

// verdict ends a summary.
func (s *Summary) verdict(out io.Writer, screen *text.Screen) {
	fmt.Fprintf(out, "verdict: %s (%s, %s jobs, %.1f s)\n", screen.Paint(s.Verdict.Mark(), string(s.Verdict)), s.Stop, text.Count(s.Fold.Lines), s.Seconds)
	for _, reason := range s.Reasons {
		fmt.Fprintf(out, "  %s\n", reason)
	}
}

// percent renders a share with two digits that say something, and all of it as 100: %.2g would make 1e+02 of it.
func percent(share float64) string {
	if share >= 0.995 {
		return "100"
	}
	return fmt.Sprintf("%.2g", 100*share)
}

// covered is the table of coverage: a row for each world.
func (s *Summary) covered() *text.Table {
	t := text.NewTable(text.Text("WORLD"), text.Number("STATES"), text.Number("OF"), text.Number(""), text.Number("TRANSITIONS"), text.Number("OF"), text.Number(""), text.Number("PAIRS"), text.Number("OF"))
	var row []any
	for i, space := range s.Header.Spaces {
		reached := s.Fold.Reached[i]
		if i == 0 || space.World != s.Header.Spaces[i-1].World {
			row = []any{space.World}
		}
		row = append(row, text.Count(reached), text.Count(space.Size))
		if space.Kind != "pairs" {
			row = append(row, text.Share(reached, space.Size))
		}
		if i+1 == len(s.Header.Spaces) || s.Header.Spaces[i+1].World != space.World {
			t.Row(row...)
		}
	}
	return t
}

// runs says how many runs.
func runs(n uint64) string {
	if n == 1 {
		return "1 run"
	}
	return text.Count(n) + " runs"
}

// failed says what is known of failures of one cause.
func (s *Summary) failed(out io.Writer, f *store.Failure, folder string) {
	fmt.Fprintf(out, "%s: in %s of those that were looked at, first run %d\n  %s\n", f.Target, runs(f.Times), f.First, f.Sentence)
	for _, x := range f.Files {
		path := filepath.Join(folder, "failures", x.Name)
		switch x.Role {
		case "file":
			fmt.Fprintf(out, "  firstgap replay %s%s\n", path, s.Header.Needs.Behind())
		case "page":
			fmt.Fprintf(out, "  page: %s\n", path)
		}
	}
}

// WriteText writes for people how a corpus and its failures went, beside how they went the time before.
func (r *Replayed) WriteText(w io.Writer, folder string) error {
	screen := text.On(w)
	if len(r.Trend.Reached) > 0 {
		t := text.NewTable(text.Text("SPACE"), text.Number("REACHED"), text.Number("OF"), text.Number("BEFORE"))
		for i, space := range r.Spaces {
			before := "-"
			if r.Before != nil && i < len(r.Before.Reached) {
				before = text.Count(r.Before.Reached[i])
			}
			t.Row(space.Space.String(), text.Count(r.Trend.Reached[i]), text.Count(space.Size), before)
		}
		if err := t.Write(screen); err != nil {
			return err
		}
		fmt.Fprintln(screen)
	}
	return screen.Folded(func(out io.Writer) error {
		fmt.Fprintf(out, "corpus: %s configurations run again, %s fail now\n", text.Count(r.Trend.Entries), text.Count(r.Trend.Failures))
		for _, x := range r.Entries {
			fmt.Fprintf(out, "  %s: %s\n    %s\n", filepath.Join(folder, "corpus", x.Name+".json"), x.Target, x.Finding)
		}
		fmt.Fprintf(out, "failures: %s run again, %s fail by the same\n", text.Count(r.Trend.Regressions), text.Count(r.Trend.Reproduced))
		for _, x := range r.Regressions {
			rule, _, _ := strings.Cut(x.Signature, "\n")
			state := "passes"
			switch {
			case x.Broken != "":
				state = "could not be run: " + x.Broken
			case x.Reproduced:
				state = "fails by the same"
			case x.Now != "":
				state = "fails by " + x.Now
			}
			last := "was never reproduced"
			if x.Last != nil {
				last = fmt.Sprintf("last reproduced %s by %s", time.UnixMilli(x.Last.At).UTC().Format(time.DateTime), x.Last.Build)
			}
			fmt.Fprintf(out, "  %s: %s; %s\n    %s\n", rule, state, last, filepath.Join(folder, "failures", x.File))
		}
		fmt.Fprintf(out, "verdict: %s (%.1f s)\n", screen.Paint(r.Verdict.Mark(), string(r.Verdict)), r.Trend.Seconds)
		for _, reason := range r.Reasons {
			fmt.Fprintf(out, "  %s\n", reason)
		}
		return nil
	})
}
