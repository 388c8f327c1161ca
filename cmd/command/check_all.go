package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/harness/verdict"
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

// together returns the options of several searches. The time limit is for all of them together, so it is the context's.
func (c *checkAll) together(cmd *cobra.Command) (context.Context, context.CancelFunc, check.Options, error) {
	options, err := c.search.options(cmd)
	if err != nil {
		return nil, nil, options, err
	}
	options.For = 0
	ctx, cancel := within(cmd.Context(), c.search.limit)
	return ctx, cancel, options, nil
}

// run searches all named worlds of the models, one after the other. The time limit is for all of them together.
func (c *checkAll) run(cmd *cobra.Command, subjects []check.Subject) error {
	ctx, cancel, options, err := c.together(cmd)
	if err != nil {
		return err
	}
	defer cancel()
	began := time.Now()
	var printer *text.Printer
	if !c.json {
		printer = trialTable(subjects).Begin(cmd.OutOrStdout())
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
				err = errors.Join(err, printer.Row(trialRow(t)...))
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
	} else if err == nil {
		err = writeSum(cmd.OutOrStdout(), trials, seconds)
	}
	return ended(verdict.OfSearch(trials.Verdict()), err)
}

// trialTable returns the table of the trials, with room for the worlds of all the models.
func trialTable(subjects []check.Subject) *text.Table {
	t := text.NewTable(text.Text("model"), text.Text("world"), text.Number("distinct"), text.Number("generated"),
		text.Text("verdict"), text.Text("expected"), text.Number("seconds"), text.Text("as expected"))
	for _, s := range subjects {
		for _, w := range s.Worlds {
			expected := check.Passes
			if w.Violates != "" {
				expected = violates(w.Violates)
			}
			t.Reserve(s.Name, w.Name, "99,999,999", "999,999,999", expected, expected, "9999.99", "yes, figures as TLC's")
		}
	}
	return t
}

// violates puts the name of an invariant as a verdict.
func violates(invariant string) string { return "violates " + invariant }

// trialRow is the row of one trial. "yes, figures as TLC's" says that the figures are TLC's, too.
func trialRow(r check.Trial) []any {
	said := text.Cell{Text: "yes", Mark: text.Good}
	switch {
	case !r.AsExpected() && r.Verdict == check.Incomplete:
		said = text.Cell{Text: "NOT TOLD: " + r.Problem, Mark: text.Unsure}
	case !r.AsExpected():
		said = text.Cell{Text: "NO: " + r.Problem, Mark: text.Bad}
	case r.TLCDistinct != 0 && r.TLCGenerated != 0:
		said.Text = "yes, figures as TLC's"
	}
	found, expected := r.Found(), r.Expected
	if r.Verdict == check.Violation {
		found = violates(found)
	}
	if expected != check.Passes {
		expected = violates(expected)
	}
	return []any{r.Model, r.World, text.Count(r.Distinct), text.Count(r.Generated), found, expected, fmt.Sprintf("%.2f", r.Seconds), said}
}

// writeSum says how the trials came out together.
func writeSum(w io.Writer, trials check.Trials, seconds float64) error {
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
	screen, v := text.On(w), trials.Verdict()
	line := text.Fold(fmt.Sprintf("%s: %d worlds in %.1f s: %d as expected (%d of them with TLC's figures), %d not, %d could not be told\n",
		v, len(trials), seconds, expected, compared, len(trials)-expected-untold, untold), screen.Width)
	said := screen.Paint(verdict.OfSearch(v).Mark(), string(v))
	_, err := fmt.Fprintf(screen, "\n%s%s", said, strings.TrimPrefix(line, string(v)))
	return err
}
