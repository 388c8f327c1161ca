package page

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/firstgap/firstgap/harness/failure/where"
	"github.com/firstgap/firstgap/harness/failure/why"
)

// Sizes of the curve, in units of its view box.
const (
	curveWidth, curveHeight = 440, 230
	curveLeft, curveRight   = 52, 424
	curveTop, curveBottom   = 24, 176
	mostPoints              = 400
)

// drawCurve draws how often the run fails when the rest is drawn anew from an event on.
func drawCurve(c *where.Curve, unit, says string) template.HTML {
	points := c.Points[:min(len(c.Points), mostPoints)]
	if len(points) == 0 {
		return ""
	}
	last := max(points[len(points)-1].Event, 1)
	x := func(n uint64) float64 {
		return curveLeft + (curveRight-curveLeft)*float64(n)/float64(last)
	}
	y := func(p where.Point) float64 { return curveBottom - (curveBottom-curveTop)*p.Share() }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="curve" viewBox="0 0 %d %d" role="img" aria-labelledby="curve-title curve-text">`, curveWidth, curveHeight)
	fmt.Fprintf(&b, `<title id="curve-title">How often the run fails when all after an %s is drawn anew</title><desc id="curve-text">%s</desc>`,
		template.HTMLEscapeString(unit), template.HTMLEscapeString(says))
	for _, percent := range []int{0, 50, 100} {
		at := curveBottom - (curveBottom-curveTop)*float64(percent)/100
		fmt.Fprintf(&b, `<path class="rule" d="M%d %.1fH%d"/><text x="%d" y="%.1f" text-anchor="end">%d %%</text>`, curveLeft, at, curveRight, curveLeft-6, at+5, percent)
	}
	for _, part := range []uint64{0, last / 2, last} {
		anchor := "middle"
		if part == last {
			anchor = "end"
		}
		fmt.Fprintf(&b, `<path class="rule" d="M%.1f %dv5"/><text x="%.1f" y="%d" text-anchor="%s">%d</text>`, x(part), curveBottom, x(part), curveBottom+20, anchor, part)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">the run is kept up to this %s</text>`, (curveLeft+curveRight)/2, curveBottom+42, template.HTMLEscapeString(unit))
	fmt.Fprintf(&b, `<text x="%d" y="%d">it still fails</text>`, 4, curveTop-10)
	b.WriteString(`<polyline points="`)
	for _, p := range points {
		fmt.Fprintf(&b, "%.1f,%.1f ", x(p.Event), y(p))
	}
	b.WriteString(`"/>`)
	for _, p := range points {
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="2.5"/>`, x(p.Event), y(p))
	}
	if j := c.Jump; j != nil {
		at := x(min(j.Event, last))
		anchor, dx := "start", 6.0
		if at > (curveLeft+curveRight)/2 {
			anchor, dx = "end", -6
		}
		fmt.Fprintf(&b, `<path class="jump" d="M%.1f %dV%d"/><text class="jump" text-anchor="%s"><tspan x="%.1f" y="%d">from %s %d on it can </tspan><tspan x="%.1f" dy="18">no longer be avoided</tspan></text>`,
			at, curveTop-4, curveBottom, anchor, at+dx, (curveTop+curveBottom)/2, template.HTMLEscapeString(unit), j.Event, at+dx)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // numbers, and texts that are escaped
}

// curveSays says the curve in words, and what it tells.
func curveSays(x *why.Explanation) string {
	c := x.Curve
	first, last := c.Points[0], c.Points[len(c.Points)-1]
	s := fmt.Sprintf("The run is kept up to an event, and all that follows is drawn anew%s. Kept up to event %d, %d of %d such runs fail; kept up to event %d, %d of %d.",
		drawn(c), first.Event, first.Fails, first.Of, last.Event, last.Fails, last.Of)
	j := c.Jump
	switch {
	case j == nil && c.Certain():
		return s + " " + strings.ToUpper(why.Always[:1]) + why.Always[1:] + "."
	case j == nil && c.Without != "":
		return s + " No event is named: " + c.Without + "."
	case j == nil:
		return s + " No single event decides."
	}
	s += fmt.Sprintf(" The jump is at event %d: before it %d of %d fail, with it %d of %d.", j.Event, j.Before.Fails, j.Before.Of, j.After.Fails, j.After.Of)
	if x.JumpsAtBad() {
		return s + " That is the bad step itself: the curve tells nothing more than that it was still to be avoided until then."
	}
	return s + " From there on the failure can no longer be avoided; that event need not be the mistake, which may lie before."
}

// drawn says what the rest of a redrawn run is.
func drawn(c *where.Curve) string {
	if c.Drawn == "" {
		return ""
	}
	return " (" + c.Drawn + ")"
}
