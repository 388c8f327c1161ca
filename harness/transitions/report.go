package transitions

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/harness/verdict"
	"github.com/firstgap/firstgap/spec/volume"
)

// Format names the JSON form of a Report.
const Format = "firstgap transitions"

// A Report is what driving the transitions of a world amounted to.
type Report struct {
	Format  string       `json:"format"`
	World   string       `json:"world"`
	Model   volume.World `json:"model"`
	Crashes int          `json:"crashes"` // of a segment, in one schedule, at most
	Bug     string       `json:"bug,omitempty"`
	Stats
	States      int         `json:"states"`      // of the model, up to which segment is which
	Transitions int         `json:"transitions"` // of the model
	Driven      int         `json:"driven"`      // of these, in runs that were compared after every step
	Actions     []Action    `json:"actions"`
	Gaps        []Gap       `json:"gaps"`
	Behind      int         `json:"behind"`                // not driven, because only gaps lead to the state that they leave
	Unexplained []string    `json:"unexplained,omitempty"` // the first transitions that are neither driven nor in a class of gaps
	Parted      *Parting    `json:"parted,omitempty"`
	Stray       *StrayError `json:"stray,omitempty"`
}

// An Action counts the transitions of one action of the model.
type Action struct {
	Name        string `json:"name"`
	Transitions int    `json:"transitions"`
	Driven      int    `json:"driven"`
	Explained   int    `json:"explained"` // not driven, for a reason
}

// A Gap is what came of one class of gaps.
type Gap struct {
	Name        string       `json:"name"`
	Reason      string       `json:"reason"`
	Transitions int          `json:"transitions"`       // that are not driven for this reason
	Refuted     []Refutation `json:"refuted,omitempty"` // the first of its transitions that were driven
}

// A Refutation is a transition that was driven though a class of gaps says that it never is.
type Refutation struct {
	Transition string   `json:"transition"`
	Schedule   []string `json:"schedule"`
}

// mostNamed is how many transitions of a kind a report names.
const mostNamed = 10

func newReport(s *search, o Options) *Report {
	return &Report{Format: Format, World: o.Scope.Name, Model: o.Scope.Model, Crashes: o.Scope.Crashes, Bug: o.Bug, Stats: s.Stats,
		States: len(s.graph.codes), Transitions: len(s.graph.list)}
}

// tally counts what was driven, and finds a reason for everything else among those known.
func (r *Report) tally(s *search, taken []bool, known []GapClass) error {
	r.Stats = s.Stats
	states, err := volume.NewState(s.c.scope.Model)
	if err != nil {
		return err
	}
	for _, name := range s.graph.names {
		r.Actions = append(r.Actions, Action{Name: name})
	}
	for _, c := range known {
		r.Gaps = append(r.Gaps, Gap{Name: c.Name, Reason: c.Reason})
	}
	classes := make([]int, len(s.graph.list))
	for i := range s.graph.list {
		if classes[i], err = s.graph.classOf(known, states, s.model.orbits, &s.graph.list[i]); err != nil {
			return err
		}
	}
	behind := s.graph.behind(taken, classes)
	for i := range s.graph.list {
		t, class := &s.graph.list[i], classes[i]
		action := &r.Actions[t.action]
		action.Transitions++
		describe := func() string { return s.graph.describe(states, s.model.orbits, i) }
		switch {
		case taken[i]:
			action.Driven++
			r.Driven++
			if class >= 0 && len(r.Gaps[class].Refuted) < mostNamed {
				r.Gaps[class].Refuted = append(r.Gaps[class].Refuted, Refutation{describe(), s.describe(s.plan(&s.witness[i]))})
			}
		case class >= 0:
			action.Explained++
			r.Gaps[class].Transitions++
		case behind[i]:
			action.Explained++
			r.Behind++
		case len(r.Unexplained) < mostNamed:
			r.Unexplained = append(r.Unexplained, describe())
		}
	}
	return nil
}

// Explained returns how many transitions are not driven for a reason.
func (r *Report) Explained() int {
	n := r.Behind
	for i := range r.Gaps {
		n += r.Gaps[i].Transitions
	}
	return n
}

// Verdict is a violation when the implementation and the model part. It could not tell when a transition is neither driven nor
// explained, when a reason is refuted or explains nothing, or when not everything was tried.
func (r *Report) Verdict() verdict.Verdict {
	if r.Parted != nil {
		return verdict.Violation
	}
	for i := range r.Gaps {
		if len(r.Gaps[i].Refuted) > 0 || r.Gaps[i].Transitions == 0 {
			return verdict.CouldNotTell
		}
	}
	if r.Stray != nil || r.Left > 0 || r.Driven == 0 || r.Driven+r.Explained() < r.Transitions {
		return verdict.CouldNotTell
	}
	return verdict.Pass
}

// JSON returns the report as JSON.
func (r *Report) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	screen := text.On(w)
	if r.Parted == nil {
		t := text.NewTable(text.Text("action"), text.Number("transitions"), text.Number("driven"), text.Number("explained"))
		for i := range r.Actions {
			a := &r.Actions[i]
			t.Row(a.Name, a.Transitions, a.Driven, a.Explained)
		}
		if err := t.Write(screen); err != nil {
			return err
		}
	}
	return screen.Folded(func(out io.Writer) error {
		line := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
		if r.Parted != nil {
			r.Parted.write(out)
		} else {
			r.writeGaps(out)
		}
		line("\nmodel: states %s, transitions %s", text.Count(r.States), text.Count(r.Transitions))
		line("searched: states of all processes %s, steps %s", text.Count(r.Products), text.Count(r.Tried))
		if r.Parted == nil {
			line("run: schedules %s, steps compared %s, the longest schedule %s", text.Count(r.Runs), text.Count(r.Steps), text.Count(r.Longest))
			line("driven %s, not driven for a reason %s, without a reason %s", text.Count(r.Driven), text.Count(r.Explained()), text.Count(r.Transitions-r.Driven-r.Explained()))
		}
		v := r.Verdict()
		line("verdict: %s", screen.Paint(v.Mark(), string(v)))
		return nil
	})
}

// writeGaps writes what is not driven, and why.
func (r *Report) writeGaps(out io.Writer) {
	line := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	line("")
	for i := range r.Gaps {
		g := &r.Gaps[i]
		line("%s: %s\n  %s", g.Name, text.Count(g.Transitions), g.Reason)
		if g.Transitions == 0 {
			line("  expected it to explain a transition, found that it explains none")
		}
		for _, t := range g.Refuted {
			line("  refuted: this was driven: %s", t.Transition)
			steps(out, t.Schedule)
		}
	}
	if r.Behind > 0 {
		line("behind gaps: %s\n  Only such transitions lead to the state that these leave.", text.Count(r.Behind))
	}
	for _, t := range r.Unexplained {
		line("without a reason: %s", t)
	}
	if r.Stray != nil {
		line("%s", r.Stray.Error())
		steps(out, r.Stray.Schedule)
	}
}

// write writes where the implementation and the model part.
func (p *Parting) write(out io.Writer) {
	if p.Problem != "" {
		fmt.Fprintf(out, "%s\n", p.Problem)
	}
	for _, d := range p.Differences {
		fmt.Fprintf(out, "%s\n", d)
	}
	fmt.Fprintf(out, "after this schedule:\n")
	steps(out, p.Schedule)
}

func steps(out io.Writer, schedule []string) {
	for n, step := range schedule {
		fmt.Fprintf(out, "  %d. %s\n", n+1, step)
	}
}
