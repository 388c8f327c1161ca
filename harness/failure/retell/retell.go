// Package retell tells an explained failure in the words of others: as a Go test that fails until the mistake is mended (Test), as a
// scenario in text that people read (Scenario), and as SARIF, which shows it beside the source in a code review (SARIF).
//
// Use package failure instead when the same build shall make the same run again: its file has all of it.
package retell

import (
	"fmt"
	"strings"
	"time"

	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/impl/node"
)

// Story tells an explanation on a few lines of plain text: the headline, the rule, what was allowed, and the chain of events that
// led there.
func Story(e *why.Explanation) []string {
	x := &e.What
	lines := []string{line(Headline(e)), ""}
	add := func(name, text string) {
		if text != "" {
			lines = append(lines, fmt.Sprintf("%-8s %s", name, line(text)))
		}
	}
	add("fails", x.Target.String())
	add("rule", x.Rule.Text)
	add("because", x.Rule.Reason)
	add("source", x.Rule.Source)
	for _, a := range x.Allowed {
		add("allowed", a)
	}
	list := func(name string, links []why.Link) {
		for i := range links {
			if i == 0 {
				lines = append(lines, "", name)
			}
			lines = append(lines, "  "+linkLine(&links[i]))
		}
	}
	list("what lies behind it:", x.Causes)
	list("what led there:", x.Chain)
	return lines
}

// Headline is the explanation's, or the finding's sentence where it has none.
func Headline(e *why.Explanation) string {
	if e.What.Headline != "" {
		return e.What.Headline
	}
	return e.What.Finding.Sentence()
}

// linkLine renders a link on one line: when, who, and what.
func linkLine(l *why.Link) string {
	return line(fmt.Sprintf("%s %s: %s", at(l.At), l.Node, l.Words))
}

// at renders a moment of a run in milliseconds.
func at(t node.Time) string { return fmt.Sprintf("%.3fms", float64(t)/float64(time.Millisecond)) }

// line makes one line of text that a node or a file may have said: no line break, nor what a screen or a compiler takes for one.
func line(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || r == '\ufeff' || r == '\ufffd' {
			return ' '
		}
		return r
	}, s)), " ")
}
