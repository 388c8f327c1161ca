package compare

import (
	"fmt"
	"html/template"
	"io"
	"math"
	"time"

	"github.com/firstgap/firstgap/harness/text"
)

// A bar is one of a drawing: as long as its value, or as the logarithm of it where values differ by far.
type bar struct {
	Label, Text, Class string
	Y, Length          int
}

const (
	barsWidth  = 520 // pixels for the longest bar
	barsHeight = 20
)

// bars draws values, the greatest of which is as long as there is room. Those that are not there are said to be none.
func bars(rows []bar, values []float64, logarithmic bool) []bar {
	most := 0.0
	size := func(x float64) float64 {
		if logarithmic {
			return math.Log10(1 + x)
		}
		return x
	}
	for _, v := range values {
		most = max(most, size(v))
	}
	for i := range rows {
		rows[i].Y = i * barsHeight
		if values[i] > 0 {
			rows[i].Length = max(2, int(size(values[i])/most*barsWidth))
		}
	}
	return rows
}

// A drawing is one picture of bars.
type drawing struct {
	Title, Note string
	Bars        []bar
}

// Height is that of the picture, in pixels.
func (d drawing) Height() int { return len(d.Bars) * barsHeight }

func (r *Report) bytesDrawing() drawing {
	d := drawing{Title: "Bytes on the network for a transaction of two writes",
		Note: "logarithmic: ten times as many bytes is one step further"}
	var values []float64
	for _, x := range r.Results {
		d.Bars = append(d.Bars, bar{Label: x.Design, Text: text.Figure(x.Write.Bytes), Class: "cost"})
		values = append(values, x.Write.Bytes)
	}
	d.Bars = bars(d.Bars, values, true)
	return d
}

func (r *Report) latencyDrawing() drawing {
	d := drawing{Title: "Commit latency, median and p99, in ms", Note: "light: all healthy; dark: one slow replica; logarithmic"}
	var values []float64
	for _, x := range r.Results {
		for _, c := range []Condition{Healthy, Slow} {
			l := x.Latencies[c]
			median, p99 := l.words()
			label := ""
			if c == Healthy {
				label = x.Design
			}
			d.Bars = append(d.Bars, bar{Label: label, Text: median + " / " + p99, Class: []string{"light", "dark"}[c]})
			values = append(values, float64(l.P99)/float64(10*time.Microsecond))
		}
	}
	d.Bars = bars(d.Bars, values, true)
	return d
}

// class says how a cell of the table of failures is coloured.
func (s Survival) class() string {
	switch {
	case !s.Applies:
		return "none"
	case s.intact():
		return "good"
	case s.Reads && s.Lost == 0:
		return "part"
	}
	return "bad"
}

var page = template.Must(template.New("compare").Funcs(template.FuncMap{
	"figure": text.Figure,
	"ms":     func(l Latency) string { m, p := l.words(); return m + " / " + p },
	"text":   Survival.text,
	"class":  Survival.class,
	"next":   func(y int) int { return y + barsHeight - 6 },
}).Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>firstgap compare</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #1c2530; background: #fff }
h1 { font-size: 1.5em } h2 { font-size: 1.1em; margin-top: 2.2em }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100% }
th, td { padding: .25em .6em; text-align: right; border-bottom: 1px solid #dde3ea } th { font-weight: 600 }
th:first-child, td:first-child, .left { text-align: left } .wide { overflow-x: auto }
.note { color: #5b6877; font-size: .9em }
.good { background: #d9f0dd } .part { background: #fdf0cc } .bad { background: #f8d7d4 } .none { color: #8c98a6 }
svg text { font: 13px system-ui, sans-serif; fill: #1c2530 }
.cost { fill: #4a7fb5 } .light { fill: #9cc3e4 } .dark { fill: #2f5d8a }
</style></head><body>
<h1>What each design takes, and what it survives</h1>
<p>The same {{.Report.Options.Clients}} clients, seed {{.Report.Options.Seed}}, network and disks for every design; {{.Report.Options.Transactions}} transactions each in
every measurement. A transaction writes two rows of 64 bytes; pages have 16 KB. Everything is measured in the simulator, in virtual time.</p>
<table>{{range .Report.Results}}<tr><td>{{.Design}}</td><td class="left">{{.What}}</td></tr>{{end}}</table>
{{range .Drawings}}<h2>{{.Title}}</h2>
<svg viewBox="0 0 780 {{.Height}}" width="100%" role="img" aria-label="{{.Title}}">{{range .Bars}}
<text x="90" y="{{next .Y}}" text-anchor="end">{{.Label}}</text><rect class="{{.Class}}" x="100" y="{{.Y}}" width="{{.Length}}" height="16"/><text x="640" y="{{next .Y}}">{{.Text}}</text>{{end}}
</svg><p class="note">{{.Note}}</p>
{{end}}<h2>What is left after a failure</h2>
<div class="wide"><table><tr><th>design</th>{{range .Failures}}<th class="left">{{.}}</th>{{end}}</tr>
{{range .Report.Results}}<tr><td>{{.Design}}</td>{{range .Survivals}}<td class="left {{class .}}">{{text .}}</td>{{end}}</tr>
{{end}}</table></div>
<p class="note">Lost are commits that were acknowledged and that are not there when everything is read afterwards.</p>
{{range .Report.Results}}{{$design := .Design}}{{with .Objection}}<p>{{$design}}, {{.In}}: its model objects by <b>{{.Rule}}</b>: {{.Why}}.</p>
{{end}}{{end}}<h2>A transaction takes, on all hosts together</h2>
<div class="wide"><table><tr><th>design</th><th>messages</th><th>bytes</th><th>disk writes</th><th>disk bytes</th><th>messages, mixed</th><th>bytes, mixed</th><th>disk writes, mixed</th><th>ms, an AZ down</th></tr>
{{range .Report.Results}}<tr><td>{{.Design}}</td><td>{{figure .Write.Messages}}</td><td>{{figure .Write.Bytes}}</td><td>{{figure .Write.DiskWrites}}</td><td>{{figure .Write.DiskBytes}}</td><td>{{figure .Mixed.Messages}}</td><td>{{figure .Mixed.Bytes}}</td><td>{{figure .Mixed.DiskWrites}}</td><td>{{ms (index .Latencies 2)}}</td></tr>
{{end}}</table></div>
<h2>What pages cost, and what waiting for all costs</h2>
<table><tr><th></th><th>all 4 of 4</th><th>any 4 of 6</th></tr>
{{range .Ablation}}<tr><td>{{.Name}}</td>{{range .Cells}}<td>{{figure .Write.Bytes}} B, {{ms (index .Latencies 1)}} ms</td>{{end}}</tr>
{{end}}</table><p class="note">bytes a transaction, and median / p99 with one slow replica</p>
<h2>The paper's own measurement, not ours</h2>
<p>{{.Report.Paper.Source}}: mirrored MySQL {{.Report.Paper.MySQLTransactions}} transactions at {{.Report.Paper.MySQLIOs}} IO each, Aurora {{.Report.Paper.Transactions}} at {{.Report.Paper.IOs}}: 35× the transactions.</p>
<h2>Directions</h2>
<table><tr><th>expected</th><th class="left">found</th><th>holds</th></tr>
{{range .Report.Claims}}<tr><td>{{.Claim}}</td><td class="left">{{.Found}}</td><td class="{{if .Holds}}good{{else}}bad{{end}}">{{if .Holds}}yes{{else}}no{{end}}</td></tr>
{{end}}</table>
<p>verdict: {{.Report.Verdict}}</p>
</body></html>
`))

// WriteHTML draws the report as one page that needs nothing else.
func (r *Report) WriteHTML(w io.Writer) error {
	type row struct {
		Name  string
		Cells []*Result
	}
	err := page.Execute(w, struct {
		Report   *Report
		Drawings []drawing
		Failures []Failure
		Ablation []row
	}{r, []drawing{r.bytesDrawing(), r.latencyDrawing()}, Failures(), []row{
		{"log and pages", []*Result{r.of("pages 4/4"), r.of("pages 4/6")}},
		{"log alone", []*Result{r.of("log 4/4"), r.of("aurora")}},
	}})
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	return nil
}
