package command

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/spec/check"
)

// checkAll is firstgap check --all: its flags.
type checkAll struct {
	wanted bool
	search searchFlags
	json   bool
}

// flags adds --all and, to a command that has no search of its own, the flags of one.
func (c *checkAll) flags(cmd *cobra.Command, what string) {
	f := cmd.Flags()
	f.BoolVar(&c.wanted, "all", false, "search "+what+", and say whether all come out as expected")
	if f.Lookup("workers") == nil {
		c.search.flags(f)
		f.BoolVar(&c.json, "json", false, "print the result as JSON")
	}
}

// given says whether a flag was given that means something with --all only.
func (c *checkAll) given(cmd *cobra.Command) bool { return cmd.Flags().NFlag() > 0 }

// run searches all named worlds of the models, one after the other. The time limit is for all of them together.
func (c *checkAll) run(cmd *cobra.Command, subjects []check.Subject) error {
	options, err := c.search.options(cmd)
	if err != nil {
		return err
	}
	options.For = 0
	ctx, cancel := within(cmd.Context(), c.search.limit)
	defer cancel()
	began := time.Now()
	table := newTrialTable(cmd.OutOrStdout(), subjects)
	if !c.json {
		table.header()
	}
	var trials check.Trials
	for _, s := range subjects {
		if len(s.Worlds) == 0 {
			return fmt.Errorf("model %s has no worlds", s.Name)
		}
		for _, w := range s.Worlds {
			t := s.Try(ctx, w, options)
			trials = append(trials, t)
			if !c.json {
				table.row(t)
			}
		}
	}
	seconds := time.Since(began).Seconds()
	if c.json {
		err = writeJSON(cmd.OutOrStdout(), struct {
			Verdict check.Verdict `json:"verdict"`
			Seconds float64       `json:"seconds"`
			Trials  check.Trials  `json:"worlds"`
		}{trials.Verdict(), seconds, trials})
	} else {
		table.sum(trials, seconds)
		err = table.err
	}
	return errors.Join(err, verdictOutcome(trials.Verdict()))
}

// A trialTable prints the trials as they come.
type trialTable struct {
	w            io.Writer
	model, world int // widths
	expected     int
	err          error
}

func newTrialTable(w io.Writer, subjects []check.Subject) *trialTable {
	t := &trialTable{w: w, model: len("model"), world: len("world"), expected: len("expected")}
	for _, s := range subjects {
		t.model = max(t.model, len(s.Name))
		for _, w := range s.Worlds {
			t.world = max(t.world, len(w.Name))
			t.expected = max(t.expected, len(violates(w.Violates)))
		}
	}
	return t
}

// violates puts the name of an invariant as a verdict.
func violates(invariant string) string { return "violates " + invariant }

func (t *trialTable) print(format string, args ...any) {
	if _, err := fmt.Fprintf(t.w, format, args...); err != nil && t.err == nil {
		t.err = err
	}
}

func (t *trialTable) header() {
	t.print("%-*s  %-*s  %10s  %11s  %-*s  %-*s  %8s  %s\n", t.model, "model", t.world, "world", "distinct", "generated",
		t.expected, "verdict", t.expected, "expected", "seconds", "as expected")
}

// row prints one trial. "yes, as TLC" says that the figures are TLC's, too.
func (t *trialTable) row(r check.Trial) {
	said := "yes"
	switch {
	case !r.AsExpected():
		said = "NO: " + r.Problem
		if r.Verdict == check.Incomplete {
			said = "NOT TOLD: " + r.Problem
		}
	case r.TLCDistinct != 0 && r.TLCGenerated != 0:
		said = "yes, figures as TLC's"
	}
	found, expected := r.Found(), r.Expected
	if r.Verdict == check.Violation {
		found = violates(found)
	}
	if expected != check.Passes {
		expected = violates(expected)
	}
	t.print("%-*s  %-*s  %10d  %11d  %-*s  %-*s  %8.2f  %s\n", t.model, r.Model, t.world, r.World, r.Distinct, r.Generated,
		t.expected, found, t.expected, expected, r.Seconds, said)
}

func (t *trialTable) sum(trials check.Trials, seconds float64) {
	expected, compared, untold := 0, 0, 0
	for _, r := range trials {
		switch {
		case r.Verdict == check.Incomplete:
			untold++
		case r.AsExpected():
			expected++
			if r.TLCDistinct != 0 && r.TLCGenerated != 0 {
				compared++
			}
		}
	}
	t.print("\n%s: %d worlds in %.1f s: %d as expected (%d of them with TLC's figures), %d not, %d could not be told\n",
		trials.Verdict(), len(trials), seconds, expected, compared, len(trials)-expected-untold, untold)
}
