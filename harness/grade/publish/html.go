package publish

import (
	"bytes"
	_ "embed"
	"html/template"
	"path"
	"strings"

	"github.com/firstgap/firstgap/harness/grade"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"lost": lostOf, "lines": func(s string) []string { return strings.Split(s, "\n") },
	"command": func(s string) string { c, _ := strings.CutPrefix(s, again); return c }, "isAgain": func(s string) bool { return strings.HasPrefix(s, again) }}).Parse(pageText))

// page draws a result as one file of HTML that needs no network.
func page(r *grade.Result) ([]byte, error) {
	all := rows(r)
	for i := range all {
		all[i].Says = visible(all[i].Says)
		// Pages of failures stand beside this one: a name, and no way out of the folder.
		if all[i].Page != path.Base(all[i].Page) {
			all[i].Page = ""
		}
	}
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, struct {
		Lab, Submission string
		Score, Most     int
		Full            bool
		Notes           []string
		Rows            []row
		Steps           []step
	}{labOf(r), visible(oneLine(r.Submission)), r.Score, r.Most, r.Full(), notes(r), all, steps(r)})
	return b.Bytes(), err
}

// A step is one of the ladder of the break-point.
type step struct {
	Faults int
	How    string // "stood", "broke" or "not tried"
}

// steps lists those of the ladder that say something.
func steps(r *grade.Result) []step {
	b := r.BreakPoint
	if b == nil || r.Problem != "" || b.Steps < 0 && b.Faults < 0 {
		return nil
	}
	var all []step
	for k := range b.Steps + 1 {
		all = append(all, step{k, "stood"})
	}
	if b.Faults >= 0 {
		all = append(all, step{b.Steps + 1, "broke"})
	}
	return all
}
