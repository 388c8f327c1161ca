package students

import (
	"fmt"
	"io"
	"strings"

	"github.com/firstgap/firstgap/harness/text"
)

// width is how wide the text is at most, in characters.
const width = 60

// WriteText writes for people which test kills which bug, and which raise a false alarm.
func (r *Result) WriteText(w io.Writer) error {
	var b strings.Builder
	fold := func(indent, s string) {
		for line := range strings.SplitSeq(text.Fold(s, width-len(indent)), "\n") {
			b.WriteString(strings.TrimRight(indent+line, " ") + "\n")
		}
	}
	fold("", fmt.Sprintf("lab %d: %s", r.Lab, r.Title))
	fold("", fmt.Sprintf("%d of %d bugs killed, %d false alarms: %d of %d", r.Killed, r.Most, r.Alarms, r.Score, r.Most))
	b.WriteString("\nbugs\n")
	for _, x := range r.Bugs {
		by := "not killed"
		if len(x.KilledBy) > 0 {
			by = "killed by " + strings.Join(x.KilledBy, ", ")
		}
		fold("  ", x.Name+"  "+by)
	}
	b.WriteString("\ntests\n")
	for _, x := range r.Tests {
		fold("  ", fmt.Sprintf("%s  %s, kills %d", printable(x.Name), x.Kind, len(x.Kills)))
		if x.Alarm != "" {
			fold("    ", "false alarm: "+printable(x.Alarm))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printable drops what a terminal would take for more than text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '�'
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
}
