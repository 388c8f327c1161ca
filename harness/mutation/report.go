package mutation

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults/mutants"
	"github.com/firstgap/firstgap/harness/text"
)

// A Score is what became of the mutants of one package.
type Score struct {
	Package  string `json:"package"`
	Mutants  int    `json:"mutants"` // that there are
	Tried    int    `json:"tried"`
	Noticed  int    `json:"noticed"`  // by a check, or since the process did not come back
	Usage    int    `json:"usage"`    // by what the runs did and spent alone
	Argued   int    `json:"argued"`   // of those that nothing noticed
	Survived int    `json:"survived"` // the rest
	Idle     int    `json:"idle"`     // survivors that would have changed no run of the survey
}

// Share is the share noticed of those tried and not argued, from 0 to 1; 0 when there are none.
func (s Score) Share() float64 { return s.share(s.Noticed) }

// ShareWithUsage is that with those that were noticed by what the runs did and spent.
func (s Score) ShareWithUsage() float64 { return s.share(s.Noticed + s.Usage) }

func (s Score) share(of int) float64 {
	if s.Tried == s.Argued {
		return 0
	}
	return float64(of) / float64(s.Tried-s.Argued)
}

// A Report is what became of all of them.
type Report struct {
	Scores    []Score    `json:"scores"` // by package, and the sum, whose Package is ""
	Survivors []Survivor `json:"survivors"`
	ByUsage   []ByUsage  `json:"byUsage"`
	// Disproved are argued to be equivalent, and noticed.
	Disproved []mutants.Mutant `json:"disproved"`
}

// A Survivor is a mutant that nothing noticed.
type Survivor struct {
	mutants.Mutant
	Runs    int `json:"runs"`    // that it was tried on, 0 when it would have changed none of the survey
	Changed int `json:"changed"` // of these, those that were others than without it
}

// A ByUsage is a mutant that no check noticed, with what its runs did and spent otherwise.
type ByUsage struct {
	mutants.Mutant
	Moved []Moved `json:"moved"`
}

// Sum makes the report.
func Sum(all []mutants.Mutant, survey *Survey, outcomes map[int]Outcome, arguments []Argument) *Report {
	r := &Report{}
	byPackage := map[string]*Score{}
	total := &Score{}
	for i := range all {
		m := &all[i]
		s := byPackage[m.Package]
		if s == nil {
			s = &Score{Package: m.Package}
			byPackage[m.Package] = s
		}
		o, tried := outcomes[m.Number]
		argued := slices.ContainsFunc(arguments, func(a Argument) bool { return a.Name == m.Name() })
		var moved []Moved
		if tried && !o.Noticed {
			moved = survey.Moved(o.Changed, o.Usage)
		}
		for _, s := range []*Score{s, total} {
			s.Mutants++
			switch {
			case !tried:
				continue
			case o.Noticed:
				s.Noticed++
			case len(moved) > 0:
				s.Usage++
			case argued:
				s.Argued++
			default:
				s.Survived++
				if o.Runs == 0 {
					s.Idle++
				}
			}
			s.Tried++
		}
		if !tried {
			continue
		}
		if len(moved) > 0 {
			r.ByUsage = append(r.ByUsage, ByUsage{*m, moved})
		}
		switch noticed := o.Noticed || len(moved) > 0; {
		case noticed && argued:
			r.Disproved = append(r.Disproved, *m)
		case !noticed && !argued:
			r.Survivors = append(r.Survivors, Survivor{*m, o.Runs, len(o.Changed)})
		}
	}
	for _, s := range byPackage {
		r.Scores = append(r.Scores, *s)
	}
	slices.SortFunc(r.Scores, func(a, b Score) int { return strings.Compare(a.Package, b.Package) })
	r.Scores = append(r.Scores, *total)
	return r
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	t := text.NewTable(text.Text("package"), text.Number("mutants"), text.Number("tried"), text.Number("noticed"), text.Number("by usage"),
		text.Number("argued"), text.Number("survived"), text.Number("not carried out"), text.Number("score"), text.Number("with usage"))
	for _, s := range r.Scores {
		name := s.Package
		if name == "" {
			name = "all"
		}
		t.Row(name, s.Mutants, s.Tried, s.Noticed, s.Usage, s.Argued, s.Survived, s.Idle, fmt.Sprintf("%.1f%%", 100*s.Share()), fmt.Sprintf("%.1f%%", 100*s.ShareWithUsage()))
	}
	if err := t.Write(w); err != nil {
		return err
	}
	for _, m := range r.Disproved {
		if _, err := fmt.Fprintf(w, "\n%s:%d: argued to be equivalent, and noticed: %s\n", m.File, m.Line, m.Name()); err != nil {
			return err
		}
	}
	for i, m := range r.ByUsage {
		if i == 0 {
			fmt.Fprintf(w, "\nnoticed by usage alone:\n")
		}
		if _, err := fmt.Fprintf(w, "  %s:%d: %s: %s: %v\n", m.File, m.Line, m.Kind, m.Source, m.Moved[0]); err != nil {
			return err
		}
	}
	for i, s := range r.Survivors {
		if i == 0 {
			fmt.Fprintf(w, "\nsurvivors (- would have changed no run, = changed none):\n")
		}
		mark := " "
		switch {
		case s.Runs == 0:
			mark = "-"
		case s.Changed == 0:
			mark = "="
		}
		if _, err := fmt.Fprintf(w, "%s %s:%d: %s: %s\n", mark, s.File, s.Line, s.Kind, s.Source); err != nil {
			return err
		}
	}
	return nil
}
