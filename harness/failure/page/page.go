// Package page draws one page of HTML that shows a failure: what went wrong, what was allowed instead, what led there, and the run itself
// event by event. The page needs no network and no other file.
//
// The same drawing serves counterexamples of models and histories of clients: whoever has a Film has a page.
//
// Use package report instead when a whole campaign is to be shown, and the text of package why when there is a terminal or a log.
package page

import (
	"bytes"
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/atomic"
	"github.com/firstgap/firstgap/harness/failure/shrink"
	"github.com/firstgap/firstgap/harness/failure/where"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/impl/node"
)

// MostBytes is how long a page is at most.
const MostBytes = 400_000

// Bounds of the parts above the film.
const (
	mostText     = 3000   // bytes of a paragraph
	mostSentence = 1200   // of a check
	mostItems    = 60     // of a list
	mostFound    = 160    // of what a check found, beside the words of the step
	mostSettled  = 24_000 // bytes of the configuration
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"clip": func(s string) string { return clip(s, mostText) },
	"at":   milliseconds,
}).Parse(pageHTML))

// A Page is what Write writes.
type Page struct {
	// Again are the commands that show the failure again.
	Again []string
	// Blind leaves the name of the planted bug out, for whoever is to find it.
	Blind bool

	film  *Film
	about About
	why   *why.Explanation // of a failure
	focus uint64
}

// About says what a film is of: what stands above it.
type About struct {
	Name      string // of the window
	Verdict   string // "violation", "illegal", "could not tell", "pass"
	Headline  string // one sentence
	Facts     []string
	Guarantee string // what is broken
	Rule      why.Rule
	Formula   string // the rule as the check names it
	Happened  string
	Expected  string
	Allowed   []string
	Notes     []string
	Chain     []why.Link // what led there, oldest first; each opens its moment
	ChainSays string     // what the chain is, in place of what led there
	OrdersSay string     // what the orders are
	Orders    []string   // that are forced
	Again     []string   // the commands that show it again
}

// head is About, and what failures have beside it.
type head struct {
	About
	Shorter   string // the sizes that matter most, on one line
	Events    string // how many there are, and which of them are here
	Sizes     []shrink.Row
	Shrunk    string // whether it can be smaller
	Causes    []why.Link
	Bad       *why.Link
	Beliefs   []why.Belief
	Waits     []why.Wait
	Faults    []where.Counterfactual
	Curve     template.HTML
	CurveSays string
	Points    []where.Point
	Jump      *where.Jump
	Ending    uint64
	BadEvent  uint64          // 0 for none
	OfEnding  map[uint64]bool // events of the chain that are of the ending alone
	Opens     string
	Settings  string
	LeftOut   string
	CSS       template.CSS
	JS        template.JS
	Data      template.JS
	Unit      string
	FilmTitle string
	HasGrid   bool
	HasNodes  bool
	Timed     bool
	Whole     bool
}

// Of makes the smallest run of an explanation again and draws it. It returns an error when the run cannot be made, or no longer fails as the
// explanation says.
func Of(s harness.System, x *why.Explanation) (*Page, error) {
	cam, result, err := shoot(s, x)
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	if x.What.Target.Check != judge.Determinism && x.What.Target.In(&result) == nil {
		return nil, fmt.Errorf("page: %w", &GoneError{Expected: x.What.Target.String(), Found: string(result.Verdict)})
	}
	cam.mark(x)
	p := &Page{film: &cam.film, why: x, Again: []string{"firstgap why FILE", "firstgap replay --events FILE"}}
	p.focus = cam.film.Grid.focus(cmp.Or(cam.film.Bad, cam.film.Start))
	if lsns := x.What.Finding.LSNs; len(lsns) > 0 {
		p.focus = uint64(lsns[0])
	}
	return p, nil
}

// New returns the page of a film that is not of a failing run.
func New(f *Film, about About) *Page {
	return &Page{film: f, about: about}
}

// A GoneError says that a run made again does not fail as it did.
type GoneError struct{ Expected, Found string }

func (e *GoneError) Error() string {
	return fmt.Sprintf("the run made again: expected it to fail by %s, found %s", e.Expected, e.Found)
}

// Write writes the page, at most MostBytes of it. What it has no room for is left out, and the page says what.
func (p *Page) Write(w io.Writer) error {
	h := head{About: p.about}
	if p.why != nil {
		h = p.explained()
	}
	h.CSS, h.JS = template.CSS(pageCSS), template.JS(pageJS)
	if p.Again != nil {
		h.Again = p.Again
	}
	h.Unit, h.FilmTitle, h.Timed, h.Whole = p.film.Unit, p.film.Title, p.film.Timed, p.film.Whole
	h.Ending, h.BadEvent, h.Opens = p.film.Ending, p.film.Bad, p.film.Opens
	h.HasGrid, h.HasNodes = p.film.Grid != nil, len(p.film.States)+len(p.film.Model) > 0
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, &h); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	room := MostBytes - b.Len() - mostLeftOut
	if room < leastRoom {
		return fmt.Errorf("page: %w", errors.New("what stands above the film leaves no room for it"))
	}
	links := make([][]uint64, 0, len(h.Chain))
	for _, l := range h.Chain {
		links = append(links, []uint64{l.Event, l.From})
	}
	data, left := p.film.fit(room, links, p.focus)
	h.Data, h.LeftOut = template.JS(data), left.says(p.film.Unit)
	b.Reset()
	if err := pageTemplate.Execute(&b, &h); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// WriteFile is Write to a file. There is no moment at which half of it is there under that name.
func (p *Page) WriteFile(name string) error {
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		return err
	}
	return atomic.Write(name, b.Bytes())
}

const (
	mostLeftOut = 500     // bytes of the sentence that says what is left out
	leastRoom   = 100_000 // of the film
)

// says says what is left out, "" when nothing is.
func (l missing) says(unit string) string {
	var parts []string
	if l.Moments > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d %ss, those that matter least and are farthest from the chain", l.Moments, l.OfMoments, unit))
	}
	if l.Words > 0 {
		parts = append(parts, fmt.Sprintf("the details of %d of %d %ss, of the same kind", l.Words, l.OfWords, unit))
	}
	if l.Rows > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d LSNs, those farthest from the bad step's", l.Rows, l.OfRows))
	}
	if parts == nil {
		return ""
	}
	return "Left out, because a page holds 400 KB: " + strings.Join(parts, "; and ") + "."
}

// explained fills the head from an explanation.
func (p *Page) explained() head {
	x := p.why
	what, c := &x.What, &x.Configuration
	about := About{Verdict: string(what.Finding.Verdict), Headline: clip(what.Headline, mostText), Rule: what.Rule, Guarantee: what.Finding.Guarantee,
		Allowed: what.Allowed[:min(len(what.Allowed), mostItems)], Chain: what.Chain[:min(len(what.Chain), why.MostChain)]}
	h := head{About: about, Causes: what.Causes[:min(len(what.Causes), mostItems)], Bad: what.Bad, Beliefs: what.Beliefs[:min(len(what.Beliefs), mostItems)],
		Waits: what.Waits[:min(len(what.Waits), mostItems)], Faults: x.Faults[:min(len(x.Faults), mostItems)]}
	if h.Headline == "" {
		h.Headline = clip(what.Finding.Sentence(), mostText)
	}
	h.Name = fmt.Sprintf("%s: %s, seed %d", h.Verdict, what.Target, c.Seed)
	if strings.Contains(what.Target.Rule, `\`) {
		h.Name = fmt.Sprintf("%s: %s, seed %d", h.Verdict, what.Target.Check, c.Seed) // a formula is no title
	}
	h.OfEnding = map[uint64]bool{}
	for i := range h.Chain {
		h.OfEnding[h.Chain[i].Event] = p.film.ofEnding(&h.Chain[i])
	}
	h.Facts = append(h.Facts, "check "+string(what.Target.Check))
	h.Formula = what.Target.Rule
	if h.Formula == h.Rule.Text {
		h.Formula = ""
	}
	h.Facts = append(h.Facts, "system "+c.System, fmt.Sprintf("seed %d", c.Seed))
	if c.Bug != "" && !p.Blind {
		h.Facts = append(h.Facts, "planted bug "+c.Bug)
	}
	if what.Finding.Event != 0 {
		h.Facts = append(h.Facts, fmt.Sprintf("objected to at event %d", what.Finding.Event))
	}
	h.Sizes = shrink.Rows(x.Before, x.After)
	var shorter []string
	for _, s := range h.Sizes {
		if s.What == "faults" || s.What == "operations" {
			shorter = append(shorter, fmt.Sprintf("%d → %d %s", s.Before, s.After, s.What))
		}
	}
	h.Shorter = strings.Join(shorter, ", ")
	h.Events = p.film.eventsSay(x)
	h.Shrunk = "How small it is: " + x.Smallest() + "."
	h.Happened, h.Expected = what.Finding.Found, what.Finding.Expected
	if what.Bad == nil {
		h.Happened = clip(what.Finding.Sentence(), mostSentence)
	}
	if b := what.Bad; b != nil && b.Words != "" {
		words := strings.TrimSpace(b.Node + " " + b.Words)
		// What a check found may be long, such as the bytes of a page; the words of the step say it already.
		if h.Happened != "" && len(h.Happened) <= mostFound && x.What.Refused == (what.Target.Check == faults.Trace) && !strings.Contains(words, h.Happened) {
			words += ": " + h.Happened
		}
		h.Happened = words
	}
	if x.Curve != nil && len(x.Curve.Points) > 0 {
		h.CurveSays, h.Jump = curveSays(x), x.Curve.Jump
		h.Curve = drawCurve(x.Curve, "event", h.CurveSays)
		h.Points = x.Curve.Points[:min(len(x.Curve.Points), mostPoints)]
	}
	settings := *c
	if p.Blind {
		settings.Bug = ""
	}
	h.Settings = clip(settings.String(), mostSettled)
	return h
}

// eventsSay says how many events a run has, and which of them the page shows.
func (f *Film) eventsSay(x *why.Explanation) string {
	n := uint64(len(f.Moments))
	s := fmt.Sprintf("It has %s events, and the page shows them", text.Count(n))
	if x.What.Target.Check == faults.Trace {
		s = fmt.Sprintf("It has %s events to its end; the page shows the %s up to the step that the model refuses", text.Count(max(x.After.Events, n)), text.Count(n))
	}
	if x.Before.Events == 0 {
		return s + "."
	}
	s += fmt.Sprintf("; as recorded it had %s.", text.Count(x.Before.Events))
	if x.After.Events > x.Before.Events {
		s += " Events are not what is made small: where less goes on, a run may wait longer for its end."
	}
	return s
}

// milliseconds writes a time as all parts of the page do.
func milliseconds(t node.Time) string {
	return fmt.Sprintf("%.3f ms", float64(t)/float64(time.Millisecond))
}
