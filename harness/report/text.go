package report

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/ci"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/text"
)

// longestCell bounds a detail in a table for people; the files have it whole.
const longestCell = 160

func short(s string) string { return text.Short(s, longestCell) }

// amount is one line of what runs amounted to.
type amount struct {
	name  string
	value string
}

// amounts lists what the runs amounted to, in the order in which people want to know.
func amounts(s *campaign.Summary) []amount {
	var all []amount
	for _, a := range s.Amounts() {
		all = append(all, amount{a.Text, text.Count(a.Value)})
	}
	return append(all,
		amount{"runs a second", text.Count(uint64(math.Round(s.Rate())))},
		amount{"events a second", text.Count(uint64(s.EventRate()))},
		amount{"most bytes on the heap", text.Count(s.HeapBytes)})
}

func countsLine(s *campaign.Summary) string {
	var parts []string
	for _, a := range amounts(s) {
		parts = append(parts, a.name+": "+a.value)
	}
	return strings.Join(parts, "\n")
}

// WriteText writes the report for people: tables as wide as the screen, and what failed.
func (r *Report) WriteText(w io.Writer) error {
	screen := text.On(w)
	var tables []*text.Table
	if m := r.Model; m != nil {
		worlds := text.NewTable(text.Text("MODEL WORLD"), text.Text("VERDICT"), text.Number("DISTINCT"), text.Number("GENERATED"), text.Number("DEPTH"), text.Number("SECONDS"))
		for _, x := range m.Worlds {
			worlds.Row(x.Name, x.Verdict.Cell(detailed(x.Verdict, x.Detail)), text.Count(x.Distinct), text.Count(x.Generated), x.Depth, fmt.Sprintf("%.2f", x.Seconds))
		}
		variants := text.NewTable(text.Text("BROKEN VARIANT"), text.Text("VERDICT"), text.Text("VIOLATES"), text.Number("STEPS"), text.Number("STATES"), text.Number("SECONDS"))
		for _, x := range m.Variants {
			verdict := "caught"
			if x.Verdict != judge.Pass {
				verdict = detailed(x.Verdict, x.Detail)
			}
			variants.Row(x.Bug, x.Verdict.Cell(verdict), x.Invariant, len(x.Trace), text.Count(x.Distinct), fmt.Sprintf("%.2f", x.Seconds))
		}
		tables = append(tables, worlds, variants)
	}
	if s := r.Runs; s != nil {
		checks := text.NewTable(text.Text("CHECK"), text.Text("VERDICT"), text.Number("RUNS"), text.Number("VIOLATIONS"), text.Text("GUARANTEE"))
		for _, c := range s.Checks {
			if c.NotMade != "" {
				checks.Row(c.Check, "", "", "", c.NotMade)
				continue
			}
			checks.Row(c.Check, c.Verdict.Cell(string(c.Verdict)), text.Count(c.Runs), text.Count(c.Violations), c.Guarantee)
		}
		sums := text.NewTable(text.Text(""), text.Number(""))
		for _, a := range amounts(s) {
			sums.Row(a.name, a.value)
		}
		tables = append(tables, checks, sums)
		if s.Coverage != nil {
			tables = append(tables, covered(s.Coverage))
		}
	}
	for _, t := range tables {
		if err := t.Write(screen); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(screen); err != nil {
			return err
		}
	}
	err := screen.Folded(func(out io.Writer) error {
		if s := r.Runs; s != nil && s.Coverage != nil {
			fmt.Fprintf(out, "%s\n\n", shapes(s.Coverage))
		}
		if s := r.Runs; s != nil && len(s.Unseen) > 0 {
			fmt.Fprintf(out, "not seen in so few runs: %s\n\n", strings.Join(s.Unseen, ", "))
		}
		for _, f := range r.Failures {
			fmt.Fprintf(out, "seed %d: %s\n", f.Seed, f.Verdict)
			for _, x := range f.Findings {
				fmt.Fprintf(out, "  %s: %s\n    breaks: %s\n", x.Check, short(x.Sentence()), x.Guarantee)
			}
			for _, told := range f.story() {
				fmt.Fprintln(out, strings.TrimRight("  "+told, " "))
			}
			if f.Unexplained != "" {
				fmt.Fprintf(out, "  not explained: %s\n", short(f.Unexplained))
			}
			if f.Replay != "" {
				fmt.Fprintf(out, "  %s\n", f.Replay)
			}
			if page := r.pagePath(&f); page != "" {
				fmt.Fprintf(out, "  page: %s\n", page)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(screen, "verdict: %s (%.1f s)\n", screen.Paint(r.Verdict.Mark(), string(r.Verdict)), r.Seconds); err != nil {
		return err
	}
	return screen.Folded(func(out io.Writer) error {
		for _, reason := range r.Reasons {
			fmt.Fprintf(out, "  %s\n", short(reason))
		}
		return nil
	})
}

// covered is the table of coverage: a row for each space.
func covered(c *campaign.Coverage) *text.Table {
	t := text.NewTable(text.Text("COVERAGE OF THE MODEL"), text.Number("REACHED"), text.Number("OF"), text.Number(""))
	for _, s := range c.Spaces {
		t.Row(s.Space.String(), text.Count(s.Reached), text.Count(s.Size), text.Share(s.Reached, s.Size))
	}
	return t
}

// shapes says what was seen of what cannot be enumerated.
func shapes(c *campaign.Coverage) string {
	return fmt.Sprintf("%s shapes of runs; an estimated %.2g %% of what the next run does was not seen", text.Count(c.Shapes), 100*c.Unseen)
}

func detailed(v judge.Verdict, detail string) string {
	if v == judge.Pass || detail == "" {
		return string(v)
	}
	return string(v) + ": " + short(detail)
}

// Markdown renders summary.md, cut at what a CI takes.
func (r *Report) Markdown() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "## firstgap: %s\n\n", r.Verdict)
	for _, reason := range r.Reasons {
		fmt.Fprintf(&b, "- %s\n", cell(reason))
	}
	if m := r.Model; m != nil {
		b.WriteString("\n| model world | verdict | distinct | generated | depth | seconds |\n|---|---|--:|--:|--:|--:|\n")
		for _, x := range m.Worlds {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | %.2f |\n", x.Name, cell(detailed(x.Verdict, x.Detail)), text.Count(x.Distinct), text.Count(x.Generated), x.Depth, x.Seconds)
		}
		b.WriteString("\n| invariant | verdict | states | caught |\n|---|---|--:|---|\n")
		for _, x := range m.Invariants {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", x.Name, cell(detailed(x.Verdict, x.Detail)), text.Count(x.States), orNone(x.Caught))
		}
	}
	if s := r.Runs; s != nil {
		b.WriteString("\n| check | verdict | runs | violations | guarantee |\n|---|---|--:|--:|---|\n")
		for _, c := range s.Checks {
			if c.NotMade != "" {
				fmt.Fprintf(&b, "| %s |  |  |  | %s |\n", c.Check, cell(c.NotMade))
				continue
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %d | %s |\n", c.Check, c.Verdict, text.Count(c.Runs), c.Violations, cell(c.Guarantee))
		}
		b.WriteString("\n| over all runs | |\n|---|--:|\n")
		for _, a := range amounts(s) {
			fmt.Fprintf(&b, "| %s | %s |\n", a.name, a.value)
		}
		if c := s.Coverage; c != nil {
			b.WriteString("\n| coverage of the model | reached | of | |\n|---|--:|--:|--:|\n")
			for _, x := range c.Spaces {
				fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", x.Space, text.Count(x.Reached), text.Count(x.Size), cell(text.Share(x.Reached, x.Size)))
			}
			fmt.Fprintf(&b, "\n%s\n", shapes(c))
		}
	}
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "\n### seed %d: %s\n\n", f.Seed, f.Verdict)
		for _, x := range f.Findings {
			fmt.Fprintf(&b, "- **%s**: %s\n  - breaks: %s\n", x.Check, cell(x.Sentence()), cell(x.Guarantee))
		}
		if told := f.story(); len(told) > 0 {
			fmt.Fprintf(&b, "\n**%s**\n", cell(told[0]))
			for _, l := range told[1:] {
				b.WriteString(strings.TrimRight("    "+l, " ") + "\n") // indented by four, it is shown as it is
			}
		}
		if f.Unexplained != "" {
			fmt.Fprintf(&b, "\nNot explained: %s\n", cell(f.Unexplained))
		}
		if f.Replay != "" {
			fmt.Fprintf(&b, "\n`%s`\n", f.Replay)
		}
		if page := r.pagePath(&f); page != "" {
			fmt.Fprintf(&b, "\nPage: `%s`\n", page)
		}
	}
	return ci.Truncated([]byte(b.String()), ci.MaxSummary, "report.json")
}

// cell makes text fit into a cell or an item.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;").Replace(s)
}
