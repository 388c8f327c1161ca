package why

import (
	"fmt"
	"io"
	"strings"

	"github.com/firstgap/firstgap/harness/text"
)

// WriteText writes what went wrong for people, causes before symptoms, in lines that fit the terminal that out is.
func (w *What) WriteText(out io.Writer) error {
	return w.writeText(out, text.On(out).Width)
}

// writeText writes lines of at most so many characters; 0 is no limit.
func (w *What) writeText(out io.Writer, width int) error {
	var b strings.Builder
	line := func(indent int, s string) {
		for _, l := range strings.Split(text.Fold(strings.Repeat(" ", indent)+s, width), "\n") {
			b.WriteString(strings.TrimRight(l, " ") + "\n")
		}
	}
	line(0, w.Headline)
	b.WriteString("\n")
	line(0, "rule    "+w.Rule.Text)
	if w.Rule.Reason != "" {
		line(0, "why     "+w.Rule.Reason)
	}
	if w.Rule.Source != "" {
		line(0, "source  "+w.Rule.Source)
	}
	links := func(title string, all []Link) {
		if len(all) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", title)
		for _, l := range all {
			line(2, fmt.Sprintf("%s  %s %s", at(l.At), l.Node, l.Words))
		}
	}
	if w.Bad != nil {
		links("what happened", []Link{*w.Bad})
	}
	if len(w.Allowed) > 0 {
		b.WriteString("\nwhat was allowed\n")
		for _, a := range w.Allowed {
			line(2, a)
		}
	}
	links("causes", w.Causes)
	links("what led there", w.Chain)
	if len(w.Waits) > 0 {
		b.WriteString("\nwho waits\n")
		for _, x := range w.Waits {
			line(2, fmt.Sprintf("%s  waits for %s of %s since %s; it ends when %s", x.Node, x.For, x.Of, at(x.Since), x.Ends))
		}
	}
	if len(w.Beliefs) > 0 {
		b.WriteString("\nwhat each held to be true then\n")
		for _, x := range w.Beliefs {
			line(2, fmt.Sprintf("%s  %s", x.Node, x.Holds))
			if x.Model != "" {
				line(4, "the model  "+x.Model)
			}
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}
