package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/judge"
)

// longestCell bounds a detail in a table for people; the files have it whole.
const longestCell = 160

func short(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) <= longestCell {
		return s
	}
	cut := longestCell
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// amount is one line of what runs amounted to.
type amount struct {
	name  string
	value string
}

// amounts lists what the runs amounted to, in the order in which people want to know.
func amounts(s *campaign.Summary) []amount {
	var all []amount
	for _, a := range s.Amounts() {
		all = append(all, amount{a.Text, grouped(a.Value)})
	}
	return append(all,
		amount{"runs a second", fmt.Sprintf("%.0f", s.Rate())},
		amount{"events a second", grouped(uint64(s.EventRate()))},
		amount{"most bytes on the heap", grouped(s.HeapBytes)})
}

// grouped writes 1234567 as 1,234,567.
func grouped(n uint64) string {
	digits := fmt.Sprint(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

func countsLine(s *campaign.Summary) string {
	var parts []string
	for _, a := range amounts(s) {
		parts = append(parts, a.name+": "+a.value)
	}
	return strings.Join(parts, "\n")
}

// WriteText writes the report as tables for a terminal.
func (r *Report) WriteText(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if m := r.Model; m != nil {
		fmt.Fprintln(w, "MODEL WORLD\tVERDICT\tDISTINCT\tGENERATED\tDEPTH\tSECONDS")
		for _, x := range m.Worlds {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%.2f\n", x.Name, detailed(x.Verdict, x.Detail), grouped(x.Distinct), grouped(x.Generated), x.Depth, x.Seconds)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(out)
		fmt.Fprintln(w, "BROKEN VARIANT\tVERDICT\tVIOLATES\tSTEPS\tSTATES\tSECONDS")
		for _, x := range m.Variants {
			verdict := "caught"
			if x.Verdict != judge.Pass {
				verdict = detailed(x.Verdict, x.Detail)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%.2f\n", x.Bug, verdict, x.Invariant, len(x.Trace), grouped(x.Distinct), x.Seconds)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	if s := r.Runs; s != nil {
		fmt.Fprintln(w, "CHECK\tVERDICT\tRUNS\tVIOLATIONS\tGUARANTEE")
		for _, c := range s.Checks {
			if c.NotMade != "" {
				fmt.Fprintf(w, "%s\t%s\n", c.Check, c.NotMade)
				continue
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", c.Check, c.Verdict, grouped(c.Runs), c.Violations, c.Guarantee)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(out)
		for _, a := range amounts(s) {
			fmt.Fprintf(w, "%s\t%s\n", a.name, a.value)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	if s := r.Runs; s != nil && len(s.Unseen) > 0 {
		fmt.Fprintf(out, "not seen in so few runs: %s\n\n", strings.Join(s.Unseen, ", "))
	}
	for _, f := range r.Failures {
		fmt.Fprintf(out, "seed %d: %s\n", f.Seed, f.Verdict)
		for _, x := range f.Findings {
			fmt.Fprintf(out, "  %s: %s\n    breaks: %s\n", x.Check, short(x.Sentence()), x.Guarantee)
		}
		if f.Replay != "" {
			fmt.Fprintf(out, "  %s\n", f.Replay)
		}
	}
	fmt.Fprintf(out, "verdict: %s (%.1f s)\n", r.Verdict, r.Seconds)
	for _, reason := range r.Reasons {
		fmt.Fprintf(out, "  %s\n", short(reason))
	}
	return nil
}

func detailed(v judge.Verdict, detail string) string {
	if v == judge.Pass || detail == "" {
		return string(v)
	}
	return string(v) + ": " + short(detail)
}

// maxSummary is how large a step summary may be; GitHub takes none at all of one above 1 MiB.
const maxSummary = 1000 << 10

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
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | %.2f |\n", x.Name, cell(detailed(x.Verdict, x.Detail)), grouped(x.Distinct), grouped(x.Generated), x.Depth, x.Seconds)
		}
		b.WriteString("\n| invariant | verdict | states | caught |\n|---|---|--:|---|\n")
		for _, x := range m.Invariants {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", x.Name, cell(detailed(x.Verdict, x.Detail)), grouped(x.States), orNone(x.Caught))
		}
	}
	if s := r.Runs; s != nil {
		b.WriteString("\n| check | verdict | runs | violations | guarantee |\n|---|---|--:|--:|---|\n")
		for _, c := range s.Checks {
			fmt.Fprintf(&b, "| %s | %s | %s | %d | %s |\n", c.Check, c.Verdict, grouped(c.Runs), c.Violations, cell(c.Guarantee))
		}
		b.WriteString("\n| over all runs | |\n|---|--:|\n")
		for _, a := range amounts(s) {
			fmt.Fprintf(&b, "| %s | %s |\n", a.name, a.value)
		}
	}
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "\n### seed %d: %s\n\n", f.Seed, f.Verdict)
		for _, x := range f.Findings {
			fmt.Fprintf(&b, "- **%s**: %s\n  - breaks: %s\n", x.Check, cell(x.Sentence()), cell(x.Guarantee))
		}
		if f.Replay != "" {
			fmt.Fprintf(&b, "\n`%s`\n", f.Replay)
		}
	}
	return truncated(b.String(), maxSummary)
}

// cell makes text fit into a cell or an item.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;").Replace(s)
}

// truncated cuts text at the end of a line, and says so.
func truncated(text string, most int) []byte {
	if len(text) <= most {
		return []byte(text)
	}
	const note = "\n\n*cut here: the summary is too long; report.json has all of it*\n"
	text = text[:most-len(note)]
	if i := strings.LastIndexByte(text, '\n'); i > 0 {
		text = text[:i]
	}
	return []byte(text + note)
}
