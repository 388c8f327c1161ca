package serve

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/firstgap/firstgap/harness/text"
)

// Sizes of a chart, in units of its view box: about as wide as it is on a phone, so that its text stays readable there.
const (
	chartWidth, chartHeight = 400, 240
	chartLeft, chartRight   = 52, 388
	chartTop, chartBottom   = 14, 196
)

// mostPoints is how many points of a curve are drawn, and mostCurves how many curves have colours and dashes of their own.
const (
	mostPoints = 200
	mostCurves = 6
)

// A curve is one line of a chart, by ascending x.
type curve struct {
	Name string
	X, Y []float64
}

// A unit says how the numbers of an axis are written.
type unit int

const (
	things unit = iota // whole ones
	rate
	percent
	hours // in seconds
)

func (u unit) text(x float64) string {
	switch u {
	case percent:
		return fmt.Sprintf("%.3g%%", x)
	case hours:
		if x == 0 {
			return "0"
		}
		return text.Long(time.Duration(x * float64(time.Second)))
	}
	if x < 10 && x != math.Trunc(x) {
		return fmt.Sprintf("%.2g", x)
	}
	return text.Brief(uint64(math.Round(x)))
}

// value is text for where a curve is, as tables have it.
func (u unit) value(x float64) string {
	if u == percent {
		return text.Share(uint64(x*1e6+.5), 100*1e6)
	}
	return u.text(x)
}

// step returns the distance of at most so many ticks up to a most: 1, 2 or 5 times a power of ten, and of time what clocks show.
func (u unit) step(most float64, ticks int) float64 {
	least := most / float64(ticks)
	if u == hours {
		for _, s := range []float64{1, 5, 15, 60, 300, 900, 3600, 2 * 3600, 6 * 3600, 12 * 3600} {
			if s >= least {
				return s
			}
		}
		return 86400 * things.step(most/86400, ticks)
	}
	if u == things && least < 1 {
		return 1
	}
	size := math.Pow(10, math.Floor(math.Log10(least)))
	for _, m := range []float64{1, 2, 5} {
		if m*size >= least {
			return m * size
		}
	}
	return 10 * size
}

// A chart is some curves over the same axes.
type chart struct {
	Title  string
	curves []curve
	xTitle string
	x, y   unit
	id     string // that tells it from others of the page
}

// Legend says which curve is which, and where it ends.
func (c *chart) Legend() []struct {
	Swatch template.HTML
	Text   string
} {
	var all []struct {
		Swatch template.HTML
		Text   string
	}
	for i := range c.curves {
		v := &c.curves[i]
		s := v.Name
		if n := len(v.Y); n > 0 {
			s += " " + c.y.value(v.Y[n-1])
		}
		all = append(all, struct {
			Swatch template.HTML
			Text   string
		}{template.HTML(fmt.Sprintf(`<svg viewBox="0 0 30 8" aria-hidden="true"><path class="curve %s" d="M0 4H30"/></svg>`, look(i))), s})
	}
	return all
}

// look is the colour and the dashes of a curve: each tells it from the others by itself.
func look(i int) string { return fmt.Sprintf("c%d d%d", i%mostCurves, i%mostCurves) }

// SVG draws the chart. All that is text in it is escaped.
func (c *chart) SVG() template.HTML {
	mostX, mostY := 0.0, 0.0
	for _, v := range c.curves {
		for i := range v.X {
			mostX, mostY = max(mostX, v.X[i]), max(mostY, v.Y[i])
		}
	}
	if mostX <= 0 {
		mostX = 1
	}
	if mostY <= 0 {
		mostY = 1
	}
	stepX, stepY := c.x.step(mostX, 4), c.y.step(mostY, 5)
	mostY = math.Ceil(mostY/stepY-1e-9) * stepY
	x := func(v float64) float64 { return chartLeft + (chartRight-chartLeft)*v/mostX }
	y := func(v float64) float64 { return chartBottom - (chartBottom-chartTop)*v/mostY }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %d %d" role="img" aria-labelledby="%s-title %s-text">`, chartWidth, chartHeight, c.id, c.id)
	fmt.Fprintf(&b, `<title id="%s-title">%s</title><desc id="%s-text">%s</desc>`, c.id, template.HTMLEscapeString(c.Title), c.id, template.HTMLEscapeString(c.says()))
	for v := 0.0; v <= mostY*(1+1e-9); v += stepY {
		fmt.Fprintf(&b, `<path class="rule" d="M%d %.1fH%d"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`, chartLeft, y(v), chartRight, chartLeft-6, y(v)+4.5, c.y.text(v))
	}
	for v := 0.0; v <= mostX*(1+1e-9); v += stepX {
		anchor := "middle"
		if x(v) > chartRight-16 {
			anchor = "end"
		}
		fmt.Fprintf(&b, `<path class="axis" d="M%.1f %dv5"/><text x="%.1f" y="%d" text-anchor="%s">%s</text>`, x(v), chartBottom, min(x(v), chartWidth-4), chartBottom+20, anchor, c.x.text(v))
	}
	fmt.Fprintf(&b, `<path class="axis" d="M%d %dH%d"/><text x="%d" y="%d" text-anchor="middle">%s</text>`, chartLeft, chartBottom, chartRight, (chartLeft+chartRight)/2, chartBottom+39,
		template.HTMLEscapeString(c.xTitle))
	for i := range c.curves {
		v := &c.curves[i]
		fmt.Fprintf(&b, `<polyline class="curve %s" points="`, look(i))
		for _, at := range thin(len(v.X)) {
			fmt.Fprintf(&b, "%.1f,%.1f ", x(v.X[at]), y(v.Y[at]))
		}
		b.WriteString(`"/>`)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// thin chooses points of a curve, the last one among them.
func thin(n int) []int {
	every := (n + mostPoints - 1) / mostPoints
	var all []int
	for i := 0; i < n; i += max(every, 1) {
		all = append(all, i)
	}
	if n > 0 && all[len(all)-1] != n-1 {
		all = append(all, n-1)
	}
	return all
}

// says says the curves in words.
func (c *chart) says() string {
	var parts []string
	for i := range c.curves {
		v := &c.curves[i]
		if n := len(v.X); n > 0 {
			half := 0
			for half < n-1 && v.X[half] < v.X[n-1]/2 {
				half++
			}
			parts = append(parts, fmt.Sprintf("%s: %s at %s, %s at %s", v.Name, c.y.value(v.Y[half]), c.x.text(v.X[half]), c.y.value(v.Y[n-1]), c.x.text(v.X[n-1])))
		}
	}
	return strings.Join(parts, "; ") + ". Along the bottom: " + c.xTitle + "."
}

func count[N ~int | ~int64 | ~uint64](n N) string { return text.Count(n) }
