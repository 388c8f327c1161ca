package serve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"time"

	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/report"
	"github.com/firstgap/firstgap/harness/text"
)

// maxReport bounds a report.json, in bytes.
const maxReport = 64 << 20

// readReport reads the report of a folder.
func (s *Server) readReport(name string) (*report.Report, error) {
	if err := s.folder(name); err != nil {
		return nil, err
	}
	file := path.Join(name, reportFile)
	raw, err := s.read(file, maxReport)
	if err != nil {
		return nil, err
	}
	var r report.Report
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, &NameError{file, "a report", err.Error()}
	}
	if r.Format != "firstgap report" {
		return nil, &NameError{file, `the format "firstgap report"`, fmt.Sprintf("%.40q", r.Format)}
	}
	if r.Version != report.Version {
		return nil, &NameError{file, fmt.Sprintf("version %d", report.Version), fmt.Sprintf("version %d", r.Version)}
	}
	return &r, nil
}

// reportRow is a report in the list.
func (s *Server) reportRow(t *table, name string) []cell {
	row := []cell{{Links: []link{{href("/report", "at", name), called(name)}}}}
	r, err := s.readReport(name)
	if err != nil {
		return append(row, t.unread(err))
	}
	row = append(row, cell{Text: string(r.Verdict), Class: classOf(r.Verdict)})
	if r.Runs == nil {
		row = append(row, cell{Text: "–"}, cell{}, cell{})
	} else {
		row = append(row, cell{Text: r.Runs.System}, cell{Text: count(r.Runs.Counts.Runs)}, cell{Text: count(r.Runs.Failed), Class: bad(r.Runs.Failed)})
	}
	return append(row, cell{Text: took(r.Seconds)})
}

func took(seconds float64) string {
	return text.Long(time.Duration(seconds * float64(time.Second)))
}

// report answers with one report.
func (s *Server) report(w http.ResponseWriter, q *http.Request) {
	name := q.URL.Query().Get("at")
	r, err := s.readReport(name)
	if err != nil {
		wrong(w, err)
		return
	}
	class := string(r.Verdict)
	if r.Verdict != judge.Pass && r.Verdict != judge.Violation {
		class = "unsure"
	}
	p := &page{Title: called(name), Crumbs: []link{{"", called(name)}}, Lead: []badge{{string(r.Verdict), class}}}
	for _, reason := range r.Reasons[:min(len(r.Reasons), mostNumbers)] {
		p.Lead = append(p.Lead, badge{reason + ".", ""})
	}
	about := section{Heading: "The job"}
	about.fact("build", revision(r.Build))
	about.fact("go", r.Build.Go)
	about.fact("took", took(r.Seconds))
	if r.Model != nil {
		about.fact("model", string(r.Model.Verdict))
	} else {
		about.fact("model", "not checked")
	}
	p.Sections = append(p.Sections, about)
	if c := r.Runs; c != nil {
		about := &p.Sections[0]
		about.fact("system", c.System)
		about.fact("runs", count(c.Counts.Runs))
		about.fact("with a violation", count(c.Failed))
		about.fact("could not tell", count(c.Untold))
		about.fact("runs a second", text.Figure(c.Rate()))
		about.fact("first seed", fmt.Sprint(c.Seed))
		about.fact("ended because of", string(c.Stop))
		t := newTable("What the runs were held to.", words("check"), words("verdict"), number("runs"), number("violations"), words("guarantee"))
		for _, x := range c.Checks {
			v := cell{Text: string(x.Verdict), Class: classOf(x.Verdict)}
			if x.NotMade != "" {
				v = cell{Text: x.NotMade}
			}
			t.row(string(x.Check), v, x.Runs, cell{Text: count(x.Violations), Class: bad(x.Violations)}, x.Guarantee)
		}
		p.Sections = append(p.Sections, section{Heading: "Checks", Tables: []*table{t}})
	}
	p.Sections = append(p.Sections, failuresOf(name, r), filesOf(s, name))
	p.write(w, http.StatusOK)
}

func failuresOf(name string, r *report.Report) section {
	s := section{Heading: "Failures"}
	if len(r.Failures) == 0 {
		s.Notes = []string{"No run has failed."}
		return s
	}
	t := newTable("Runs that failed and were kept.", words("what was found"), short("seed"), words("by"), short("files"), words("again"))
	for i := range r.Failures[:min(len(r.Failures), mostFailures)] {
		f := &r.Failures[i]
		var files []link
		for _, x := range [][2]string{{f.Page, "page"}, {f.File, "file"}} {
			if x[0] != "" {
				files = append(files, link{href("/file", "at", name, "name", x[0]), x[1]})
			}
		}
		by, found := "", ""
		if len(f.Findings) > 0 {
			by, found = string(f.Findings[0].Check), f.Findings[0].Sentence()
		}
		if f.Why != nil {
			found = f.Why.What.Headline
		}
		t.row(found, fmt.Sprint(f.Seed), by, cell{Links: files}, cell{Text: f.Replay, Class: "code"})
	}
	s.Tables = []*table{t}
	return s
}

// filesOf links the files of a report that are there.
func filesOf(s *Server, name string) section {
	f := section{Heading: "Files"}
	for _, file := range []string{reportFile, "junit.xml", "report.sarif", "summary.md"} {
		if info, err := s.root.Lstat(path.Join(name, file)); err == nil && info.Mode().IsRegular() {
			f.Links = append(f.Links, link{href("/file", "at", name, "name", file), file})
		}
	}
	return f
}
