package serve

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/text"
)

// errEnough ends the reading of lines.
var errEnough = errors.New("enough")

// lines answers with some of a campaign's lines.
func (s *Server) lines(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	name := q.Get("at")
	c, err := s.open(name)
	if err != nil {
		wrong(w, err)
		return
	}
	var from uint64
	if text := q.Get("from"); text != "" {
		if from, err = strconv.ParseUint(text, 10, 64); err != nil {
			wrong(w, &NameError{text, "the number of a job", "none"})
			return
		}
	}
	p := &page{Title: fmt.Sprintf("Jobs from %s on", count(from)), Crumbs: []link{crumb(name), {"", "jobs"}}}
	t := newTable(fmt.Sprintf("At most %d of them.", mostLines), number("job"), short("arm"), short("seed"), short("verdict"), words("what was found"), number("work"), number("took"), short("new"), short("parent"), words("worker"), short("when"))
	var next uint64
	err = c.Lines(from, func(l *job.Line) error {
		if len(t.rows) == mostLines {
			next = l.Number
			return errEnough
		}
		parent := cell{}
		if l.Parent != nil {
			parent.Links = []link{{lineHref(name, *l.Parent), count(*l.Parent)}}
		}
		found := l.Finding
		switch {
		case l.Target != nil:
			found = l.Target.String() + ": " + found
		case l.Broken != "":
			found = "could not be done: " + l.Broken
		case l.GivenUp > 0:
			found = fmt.Sprintf("given up after %s", many(uint64(l.GivenUp), "worker"))
		}
		t.row(count(l.Number), string(l.Arm), strconv.FormatUint(l.Seed, 10), cell{Text: string(l.Verdict), Class: classOf(l.Verdict)}, found, text.Brief(l.Work), fmt.Sprintf("%.0f ms", 1000*l.Seconds),
			newOf(l), parent, l.By, at(l.At))
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		p.Bad = append(p.Bad, "The lines from here on cannot be read: "+s.without(err).Error())
	}
	var links []link
	if from > 0 {
		links = append(links, link{lineHref(name, from-min(from, mostLines)), "Earlier"})
	}
	if next > 0 {
		links = append(links, link{lineHref(name, next), "Later"})
	}
	body := section{Links: links, Form: &form{Action: "/lines", Button: "Go", Fields: []field{{Label: "from job", Name: "from", Value: strconv.FormatUint(from, 10)}}, Hidden: []field{{Name: "at", Value: name}}}}
	if len(t.rows) > 0 {
		body.Tables = []*table{t}
	} else {
		body.Notes = []string{"There is no job of that number or a higher one."}
	}
	p.Sections = []section{body}
	p.write(w, http.StatusOK)
}

// newOf says what a job was the first to reach.
func newOf(l *job.Line) string {
	shapes, others := uint64(0), uint64(0)
	for _, f := range l.New {
		if f.Space() == coverage.Shapes {
			shapes++
		} else {
			others++
		}
	}
	switch {
	case shapes > 0 && others > 0:
		return many(others, "feature") + ", " + many(shapes, "shape")
	case others > 0:
		return many(others, "feature")
	case shapes > 0:
		return many(shapes, "shape")
	}
	return ""
}
