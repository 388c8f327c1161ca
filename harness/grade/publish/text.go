package publish

import (
	"fmt"
	"io"
	"strings"

	"github.com/firstgap/firstgap/harness/grade"
	"github.com/firstgap/firstgap/harness/text"
)

// Width is how wide Text is at most, in characters, but for commands: they stay whole, so that they can be copied.
const Width = 60

func labOf(r *grade.Result) string   { return fmt.Sprintf("lab %d: %s", r.Lab, visible(r.Title)) }
func scoreOf(r *grade.Result) string { return fmt.Sprintf("%d of %d", r.Score, r.Most) }

// again is how the line begins that repeats a failure.
const again = "again: "

// Text writes a result for whoever graded: a table, and for each lost mark what was allowed instead and how to see it again.
func Text(w io.Writer, r *grade.Result) error {
	var b strings.Builder
	fold := func(indent, s string) {
		for line := range strings.SplitSeq(visible(s), "\n") {
			if !strings.HasPrefix(line, again) {
				line = text.Fold(line, Width-len(indent))
			}
			for folded := range strings.SplitSeq(line, "\n") {
				b.WriteString(strings.TrimRight(indent+folded, " ") + "\n")
			}
		}
	}
	fold("", labOf(r))
	fold("", "submission: "+oneLine(r.Submission))
	b.WriteString("\n")
	const marks = 9 // "100 / 100"
	name := Width - marks - 2
	fmt.Fprintf(&b, "%-*s  %*s\n", name, "test", marks, "marks")
	line := func(what string, score, most int) {
		fmt.Fprintf(&b, "%-*s  %*s\n", name, text.Short(what, name), marks, fmt.Sprintf("%d / %d", score, most))
	}
	for _, x := range rows(r) {
		what := x.Name
		if x.Public {
			what += " (public)"
		}
		line(what, x.Score, x.Most)
	}
	line("in all", r.Score, r.Most)
	if all := notes(r); len(all) > 0 {
		b.WriteString("\n")
		for _, n := range all {
			fold("", n)
		}
	}
	for _, x := range rows(r) {
		if x.Says == "" {
			continue
		}
		fmt.Fprintf(&b, "\n%s: %s\n", x.Name, lostOf(x))
		fold("  ", x.Says)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func lostOf(x row) string {
	if x.Score == x.Most {
		return "no mark lost"
	}
	return fmt.Sprintf("%d lost", x.Most-x.Score)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
