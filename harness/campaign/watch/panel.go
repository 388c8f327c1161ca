package watch

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firstgap/firstgap/harness/text"
)

// How often a status is shown: on a terminal, and elsewhere.
const (
	often  = time.Second / 2
	seldom = time.Minute
)

// least is how narrow a terminal is that lines are laid out for; on a narrower one they are cut.
const least = 59

// How much the panel shows: rows in all, and worlds of the model.
const (
	mostRows   = 22
	mostWorlds = 6
)

// mostSentence is how many characters of a finding are shown where no terminal limits them.
const mostSentence = 300

// A Panel shows the statuses of a campaign: on a terminal in some twenty lines that are drawn over and over, elsewhere in a line a minute. It
// may be used from many goroutines.
type Panel struct {
	mu       sync.Mutex
	out      io.Writer
	terminal *text.Terminal // nil where there is none
	panel    *text.Panel
	now      func() time.Time
	next     time.Time // nothing is shown before
	last     *Status
	ended    bool
}

// NewPanel returns the panel of a campaign that begins now, on the terminal that out is, or, where it is none, in plain lines. now is the
// clock: time.Now but in tests.
func NewPanel(out io.Writer, now func() time.Time) *Panel {
	return newPanel(out, text.TerminalOf(out), now)
}

func newPanel(out io.Writer, terminal *text.Terminal, now func() time.Time) *Panel {
	p := &Panel{out: out, terminal: terminal, now: now}
	if terminal != nil {
		p.panel = text.NewPanel(terminal)
	}
	return p
}

// Every is how often a status can be shown.
func (p *Panel) Every() time.Duration {
	if p.terminal != nil {
		return often
	}
	return seldom
}

// Show shows a status, unless another was shown just before or the campaign has ended.
func (p *Panel) Show(s *Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if p.ended {
		return
	}
	p.last = s
	if now.Before(p.next) {
		return
	}
	p.next = now.Add(p.Every())
	if p.panel == nil {
		fmt.Fprintln(p.out, Line(s))
		return
	}
	p.draw(s)
}

// Say has a line that is to be kept, such as that of a failure that was found: above the panel, or among the lines.
func (p *Panel) Say(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line = plain(line)
	switch {
	case p.ended:
	case p.panel == nil:
		fmt.Fprintln(p.out, line)
	default:
		p.panel.Above(line)
	}
}

// End shows the last status, whole, which stays. Nothing is shown after it.
func (p *Panel) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.last == nil {
		p.ended = true
		return
	}
	p.ended = true
	if p.panel == nil {
		for _, line := range lines(p.last, &text.Screen{}, mostRows) {
			fmt.Fprintln(p.out, line)
		}
		return
	}
	p.draw(p.last)
}

func (p *Panel) draw(s *Status) {
	_, height := p.terminal.Size()
	most := mostRows
	if height > 1 {
		most = min(most, height-1)
	}
	p.panel.Draw(lines(s, p.panel.Screen(nil), most))
}

// lines lays a status out on so many rows: with fewer worlds where there are not enough, and without what matters least where there still
// are not. What a screen narrower than least has no room for is left to it to cut.
func lines(s *Status, on *text.Screen, most int) []string {
	var list []string
	for worlds := mostWorlds; worlds >= 0; worlds-- {
		if list = layout(s, on, worlds); len(list) <= most {
			return list
		}
	}
	return list[:most]
}

// layout lays a status out with so many worlds, what matters most first.
func layout(s *Status, on *text.Screen, mostWorlds int) []string {
	b := &sheet{}
	b.screen = &text.Screen{Writer: &b.text, Width: on.Width, Colour: on.Colour}
	if b.screen.Width > 0 {
		b.screen.Width = max(b.screen.Width, least)
	}
	b.fact("campaign", text.Plain, 1, plain(s.Campaign), "of "+cmp.Or(plain(s.System), "no system"), "build "+cmp.Or(plain(s.Build), "unknown"))
	b.fact("time", text.Plain, 1, text.Long(s.Elapsed), when(s.Left > 0, text.Long(s.Left)+" left"), many(uint64(s.Workers), "worker"))
	b.fact("jobs", text.Plain, 2, text.Count(s.Done)+when(s.Asked > 0, " of "+text.Count(s.Asked))+" done", text.Count(s.InProgress)+" in progress")
	b.fact("speed", text.Plain, 1, fmt.Sprintf("%s jobs/s in the last minute, %s overall", text.Figure(s.lately()), text.Figure(s.Rate)))
	f, mark := &s.Failures, text.Good
	if f.Total > 0 {
		mark = text.Bad
	}
	b.fact("failures", mark, 1, fmt.Sprintf("%s distinct, %s in all", text.Count(f.Distinct), text.Count(f.Total)))
	if f.Latest != nil {
		b.fact("", text.Plain, 2, fmt.Sprintf("job %d: %s: %s", f.Latest.Number, f.Latest.Check, plain(f.Latest.Sentence)))
	}
	if f.Shrinking+f.Explaining+f.Waiting > 0 {
		b.fact("", text.Plain, 1, fmt.Sprintf("%d shrinking, %d explaining, %d waiting for that", f.Shrinking, f.Explaining, f.Waiting))
	}
	if s.GivenUp > 0 {
		b.fact("given up", text.Unsure, 1, many(s.GivenUp, "job")+" that no worker came to the end of")
	}
	b.table(arms(s))
	switch {
	case s.reached() > 0:
		b.worlds(s, mostWorlds)
	case len(s.Spaces) > 0: // such as those of a system that the model is not of
		b.fact("worlds", text.Plain, 1, "no run came through an enumerated world")
	}
	b.fact("shapes", text.Plain, 2, fmt.Sprintf("%s, +%s in the last hour", text.Count(s.Shapes.Had), text.Count(s.Shapes.LastHour)), unseen(s.Shapes.Unseen))
	b.fact("store", text.Plain, 1, text.Bytes(float64(s.Bytes)), when(s.SetAside > 0, many(s.SetAside, "damaged part")+" set aside"))
	b.fact("queue", text.Plain, 1, text.Count(s.Queue.Waiting)+" waiting", text.Count(s.Queue.Out)+" out", text.Count(s.Queue.Redelivered)+" out once more")
	return strings.Split(strings.TrimSuffix(b.text.String(), "\n"), "\n")
}

// A sheet is what a status is laid out on.
type sheet struct {
	text   bytes.Buffer
	screen *text.Screen
}

// fact writes a name and what is to be said, on so many lines at most.
func (b *sheet) fact(name string, mark text.Mark, most int, parts ...string) {
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	all := strings.Split(text.Fold(fmt.Sprintf("%-10s  %s", name, strings.Join(parts, ", ")), b.screen.Width), "\n")
	for i, line := range all[:min(len(all), most)] {
		if i == most-1 && len(all) > most {
			line = text.Short(line+" "+strings.TrimSpace(all[i+1]), b.screen.Width)
		}
		fmt.Fprintln(&b.text, b.screen.Paint(mark, line))
	}
}

// table writes a table, where there is one.
func (b *sheet) table(t *text.Table) {
	if t == nil {
		return
	}
	if err := t.Write(b.screen); err != nil {
		fmt.Fprintln(&b.text, err) // a buffer takes everything
	}
}

// worlds writes the table of so many worlds, with what was gained where there is room for it.
func (b *sheet) worlds(s *Status, most int) {
	t, left := worlds(s, true, most)
	try := &sheet{screen: &text.Screen{Width: b.screen.Width}}
	try.screen.Writer = &try.text
	if try.table(t); bytes.Count(try.text.Bytes(), []byte("\n")) > most+1 {
		t, _ = worlds(s, false, most)
	}
	if most > 0 {
		b.table(t)
	}
	if left > 0 {
		var size uint64
		for i := range s.Spaces {
			size += s.Spaces[i].Size
		}
		b.fact("", text.Plain, 1, fmt.Sprintf("%s more; %s of all worlds", many(uint64(left), "world"), text.Share(s.reached(), size)))
	}
}

// arms is the table of the arms, nil where no arm had a job.
func arms(s *Status) *text.Table {
	if !slices.ContainsFunc(s.Arms, func(a Arm) bool { return a.Runs() > 0 }) {
		return nil
	}
	t := text.NewTable(text.Text("arm       "), text.Number("jobs"), text.Number("work"), text.Number("failed"), text.Number("new"), text.Number("per 1k jobs"))
	for i := range s.Arms {
		a := &s.Arms[i]
		if n := a.Runs(); n > 0 {
			t.Row(a.Arm, text.Count(n), text.Brief(a.Work), text.Brief(a.Violations+a.Untold), text.Brief(a.New), text.Figure(1000*float64(a.New)/float64(n)))
		}
	}
	return t
}

// worlds is the table of the spaces, a row for each of so many worlds and a column for each kind; and how many worlds it has no row for.
func worlds(s *Status, gains bool, most int) (*text.Table, int) {
	var names, kinds []string
	at := map[[2]string]*Space{}
	for i := range s.Spaces {
		x := &s.Spaces[i]
		if !slices.Contains(names, x.World) {
			names = append(names, x.World)
		}
		if !slices.Contains(kinds, x.Kind) {
			kinds = append(kinds, x.Kind)
		}
		at[[2]string{x.World, x.Kind}] = x
	}
	columns := []text.Column{text.Text("world     ")}
	for _, k := range kinds {
		columns = append(columns, text.Number(k))
	}
	t := text.NewTable(columns...)
	for _, n := range names[:min(len(names), most)] {
		row := []any{n}
		for _, k := range kinds {
			x := at[[2]string{n, k}]
			if x == nil {
				row = append(row, "")
				continue
			}
			cell := text.Cell{Text: text.Share(x.Reached, x.Size)}
			if x.Reached >= x.Size {
				cell.Mark = text.Good
			}
			if gains && x.LastHour > 0 {
				cell.Text += " +" + text.Brief(x.LastHour)
			}
			row = append(row, cell)
		}
		t.Row(row...)
	}
	return t, max(len(names)-most, 0)
}

// Line says a status on one line, for a log.
func Line(s *Status) string {
	parts := []string{
		fmt.Sprintf("%s: %s", cmp.Or(plain(s.Campaign), "campaign"), text.Long(s.Elapsed)),
		text.Count(s.Done) + when(s.Asked > 0, " of "+text.Count(s.Asked)) + " jobs",
		text.Figure(s.lately()) + " a second",
		many(uint64(s.Workers), "worker"),
	}
	var size, gained uint64
	for i := range s.Spaces {
		x := &s.Spaces[i]
		size, gained = size+x.Size, gained+x.LastHour
	}
	if size > 0 {
		parts = append(parts, fmt.Sprintf("%s of the enumerated worlds, +%s in the last hour", text.Share(s.reached(), size), text.Count(gained)))
	}
	parts = append(parts, fmt.Sprintf("%s shapes, %s", text.Count(s.Shapes.Had), unseen(s.Shapes.Unseen)))
	f := &s.Failures
	failures := fmt.Sprintf("%s distinct of %s", text.Count(f.Distinct), many(f.Total, "failure"))
	if f.Total == 0 {
		failures = "no failures"
	}
	parts = append(parts, failures)
	if s.GivenUp > 0 {
		parts = append(parts, text.Count(s.GivenUp)+" given up")
	}
	if s.SetAside > 0 {
		parts = append(parts, text.Count(s.SetAside)+" set aside")
	}
	if s.Left > 0 {
		parts = append(parts, text.Long(s.Left)+" left")
	}
	return strings.Join(parts, ", ")
}

// lately is how many jobs were done a second: in the last minute, or in all of a campaign that is not as old.
func (s *Status) lately() float64 {
	if s.Elapsed < time.Minute {
		return s.Rate
	}
	return s.LastMinute
}

// reached is how many features of all spaces were reached.
func (s *Status) reached() (sum uint64) {
	for i := range s.Spaces {
		sum += s.Spaces[i].Reached
	}
	return sum
}

func unseen(share float64) string {
	if share >= 0.995 { // which %.2g would make 1e+02 of
		return "an estimated 100% of a run unseen"
	}
	return fmt.Sprintf("an estimated %.2g%% of a run unseen", 100*share)
}

func when(is bool, s string) string {
	if is {
		return s
	}
	return ""
}

func many(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return text.Count(n) + " " + what + "s"
}

// plain is the first line of a text that came from elsewhere, without what a terminal would obey.
func plain(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return text.Short(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s), mostSentence)
}
