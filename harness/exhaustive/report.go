package exhaustive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/firstgap/firstgap/harness/text"
)

// JSON returns the report as JSON.
func (r *Report) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// mostShown is how many runs that did not pass are shown to people.
const mostShown = 10

// WriteText writes the report for people, in 60 columns.
func (r *Report) WriteText(w io.Writer) error {
	screen := text.On(w)
	t := text.NewTable(text.Text("process"), text.Number("steps"), text.Number("crashes"))
	for _, p := range r.Processes {
		t.Row(p.Name, p.Steps, p.Crashes)
	}
	return errors.Join(t.Write(screen), screen.Folded(func(out io.Writer) error {
		line := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
		line("\none crash:   run %s of %s enumerated", text.Count(r.One.Run), text.Count(r.One.Enumerated))
		if r.Two.Enumerated > 0 {
			line("two crashes: run %s of %s enumerated", text.Count(r.Two.Run), text.Count(r.Two.Enumerated))
			line("the second while something recovers: %s", text.Count(r.InRecovery))
		} else {
			line("two crashes: not asked for (--pairs)")
		}
		line("recoveries %s, cuts %s, undone %s", text.Count(r.Recoveries), text.Count(r.Cuts), text.Count(r.Undos))
		for i := range r.Failed {
			if i == mostShown {
				line("… and %s more", text.Count(r.Violations+r.Untold-i))
				break
			}
			r.Failed[i].write(out, r)
		}
		for _, check := range slices.Sorted(maps.Keys(r.Objected)) {
			line("%s objects in %s runs", check, text.Count(r.Objected[check]))
		}
		v := r.Verdict()
		line("violations %s, not known %s\nverdict: %s", text.Count(r.Violations), text.Count(r.Untold), screen.Paint(v.Mark(), string(v)))
		return nil
	}))
}

// write writes a run that did not pass, and how to make it again.
func (f *Failed) write(out io.Writer, r *Report) {
	fmt.Fprintf(out, "\n%s: %s\n", f.Verdict, f.describe())
	for i := range f.Findings {
		fmt.Fprintf(out, "  %s: %s\n", f.Findings[i].Check, f.Findings[i].Sentence())
	}
	if f.Untold != "" {
		fmt.Fprintf(out, "  %s\n", f.Untold)
	}
	bug := ""
	if r.Bug != "" {
		bug = " --bug " + r.Bug
	}
	only := ""
	if len(f.Crashes) > 0 {
		only = fmt.Sprintf(" --only %q", f.Crashes)
	}
	fmt.Fprintf(out, "  replay: firstgap crashes --seed %d%s%s\n", r.Seed, bug, only)
}

func (f *Failed) describe() string {
	if len(f.Crashes) == 0 {
		return "no crash"
	}
	return f.Crashes.String()
}
