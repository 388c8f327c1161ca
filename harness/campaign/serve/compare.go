package serve

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/firstgap/firstgap/harness/campaign/store"
)

// compare answers with two campaigns side by side.
func (s *Server) compare(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	names := [2]string{q.Get("a"), q.Get("b")}
	p := &page{Title: fmt.Sprintf("%s and %s", called(names[0]), called(names[1])), Crumbs: []link{{"", "side by side"}}}
	var headers [2]*store.Header
	var folds [2]*store.Fold
	for i, name := range names {
		c, err := s.open(name)
		if err != nil {
			wrong(w, err)
			return
		}
		headers[i] = c.Header()
		var damage error
		if folds[i], damage = s.fold(name, c); damage != nil {
			p.Bad = append(p.Bad, fmt.Sprintf("%s: behind the first %s the lines are damaged, and not counted: %v", called(name), many(folds[i].Lines, "job"), damage))
		}
	}
	p.Sections = append(p.Sections, sideBySide(names, headers, folds), curvesOfBoth(names, headers, folds, axisOf(r)), armsOfBoth(names, folds), failuresOfBoth(names, folds))
	if all := s.find().campaigns; len(all) > 1 {
		p.Sections = append(p.Sections, section{Heading: "Two others", Form: compareForm(all, names[0], names[1])})
	}
	p.write(w, http.StatusOK)
}

func sideBySide(names [2]string, headers [2]*store.Header, folds [2]*store.Fold) section {
	t := newTable("Each has its own line where they differ in what they have.", words("what"), words(called(names[0])), words(called(names[1])))
	left, right := figures(headers[0], folds[0]), figures(headers[1], folds[1])
	value := func(of []fact, name string) string {
		if i := slices.IndexFunc(of, func(f fact) bool { return f.Name == name }); i >= 0 {
			return of[i].Text
		}
		return "–"
	}
	for _, f := range left {
		t.row(f.Name, f.Text, value(right, f.Name))
	}
	for _, f := range right {
		if value(left, f.Name) == "–" {
			t.row(f.Name, "–", f.Text)
		}
	}
	t.Caption = "The figures of both."
	return section{Heading: "Figures", Links: []link{crumb(names[0]), crumb(names[1])}, Tables: []*table{t}}
}

// curvesOfBoth draws each space that both have in one chart.
func curvesOfBoth(names [2]string, headers [2]*store.Header, folds [2]*store.Fold, x axis) section {
	s := section{Heading: "Coverage", Links: axisLinks(x, "/compare", "a", names[0], "b", names[1])}
	var points [2][]store.Point
	var xs [2][]float64
	for i, f := range folds {
		points[i] = f.Growth()
		for j := range points[i] {
			xs[i] = append(xs[i], x.of(f, &points[i][j]))
		}
	}
	shared := 0
	for i, space := range headers[0].Spaces {
		j := slices.Index(headers[1].Spaces, space)
		if j < 0 {
			continue
		}
		shared++
		s.Charts = append(s.Charts, &chart{Title: space.String(), xTitle: x.title, x: x.unit, y: percent, id: fmt.Sprintf("s%d", i), curves: []curve{
			spaceCurve(called(names[0]), xs[0], points[0], i, space.Size), spaceCurve(called(names[1]), xs[1], points[1], j, space.Size)}})
	}
	shapes := &chart{Title: "shapes of runs", xTitle: x.title, x: x.unit, id: "shapes"}
	for i, name := range names {
		c := curve{Name: called(name), X: xs[i]}
		for j := range points[i] {
			c.Y = append(c.Y, float64(points[i][j].Shapes))
		}
		shapes.curves = append(shapes.curves, c)
	}
	s.Charts = append(s.Charts, shapes)
	if other := len(headers[0].Spaces) + len(headers[1].Spaces) - 2*shared; other > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%s of one of them only, or of another content: these cannot be compared.", many(uint64(other), "space")))
	}
	return s
}

func armsOfBoth(names [2]string, folds [2]*store.Fold) section {
	t := armsTable()
	for i, f := range folds {
		for _, arm := range arms(f) {
			t.arm(string(arm)+" of "+called(names[i]), f.Arms[arm])
		}
	}
	if len(t.rows) == 0 {
		return section{Heading: "Random against guided", Notes: []string{"No job of either is done."}}
	}
	return section{Heading: "Random against guided", Tables: []*table{t}}
}

func failuresOfBoth(names [2]string, folds [2]*store.Fold) section {
	s := section{Heading: "Failures"}
	t := newTable("Jobs that failed, by what they failed by.", words("by"), number(called(names[0])), number(called(names[1])))
	of := func(f *store.Fold, x store.Failed) uint64 {
		if i := slices.IndexFunc(f.Failures, func(y store.Failed) bool { return y.Target == x.Target }); i >= 0 {
			return f.Failures[i].Count
		}
		return 0
	}
	add := func(x store.Failed) {
		a, b := of(folds[0], x), of(folds[1], x)
		t.row(x.Target.String(), cell{Text: count(a), Class: bad(a)}, cell{Text: count(b), Class: bad(b)})
	}
	for _, x := range folds[0].Failures[:min(len(folds[0].Failures), mostFailures)] {
		add(x)
	}
	for _, x := range folds[1].Failures[:min(len(folds[1].Failures), mostFailures)] {
		if of(folds[0], x) == 0 {
			add(x)
		}
	}
	if len(t.rows) == 0 {
		s.Notes = []string{"No job of either has failed."}
		return s
	}
	s.Tables = []*table{t}
	return s
}
