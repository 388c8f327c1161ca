package serve

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/text"
)

// foldFor is how long the list works on the figures of campaigns. Those that it has no time for say so, and have them when they are opened,
// or when the list is asked for again.
const foldFor = 2 * time.Second

func href(to string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return to + "?" + q.Encode()
}

// called is what a folder is called.
func called(name string) string {
	if name == "." {
		return "this folder"
	}
	return name
}

// list answers with all campaigns and reports.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	f := s.find()
	p := &page{Title: "Campaigns and reports"}
	campaigns := newTable("Folders of firstgap fuzz, by their names.", words("campaign"), words("system"), number("jobs"), number("failed"), number("coverage"), short("last job"), short("build"))
	until := s.now().Add(foldFor)
	var readable []string
	for _, name := range f.campaigns {
		row, ok := s.campaignRow(campaigns, name, until)
		campaigns.rows = append(campaigns.rows, row)
		if ok {
			readable = append(readable, name)
		}
	}
	section1 := section{Heading: "Campaigns", Tables: []*table{campaigns}}
	if len(f.campaigns) == 0 {
		section1 = section{Heading: "Campaigns", Notes: []string{"There is none. firstgap fuzz makes one."}}
	}
	p.Sections = append(p.Sections, section1)
	if len(readable) > 1 {
		p.Sections = append(p.Sections, section{Heading: "Two side by side", Form: compareForm(readable, readable[0], readable[1])})
	}
	reports := newTable("Folders of firstgap run, by their names.", words("report"), words("verdict"), words("system"), number("runs"), number("failed"), short("took"))
	for _, name := range f.reports {
		reports.rows = append(reports.rows, s.reportRow(reports, name))
	}
	section2 := section{Heading: "Reports", Tables: []*table{reports}}
	if len(f.reports) == 0 {
		section2 = section{Heading: "Reports", Notes: []string{"There is none. firstgap run writes one."}}
	}
	p.Sections = append(p.Sections, section2)
	if len(f.left) > 0 {
		p.Sections = append(p.Sections, section{Heading: "Left out", Bad: f.left[:min(len(f.left), 20)]})
	}
	p.write(w, http.StatusOK)
}

func compareForm(all []string, a, b string) *form {
	options := func(chosen string) []option {
		list := make([]option, len(all))
		for i, name := range all {
			list[i] = option{name, called(name), name == chosen}
		}
		return list
	}
	return &form{Action: "/compare", Button: "Compare", Fields: []field{{Label: "one", Name: "a", Options: options(a)}, {Label: "the other", Name: "b", Options: options(b)}}}
}

// campaignRow is a campaign in the list. It says whether it can be read.
func (s *Server) campaignRow(t *table, name string, until time.Time) ([]cell, bool) {
	row := []cell{{Links: []link{{href("/campaign", "at", name), called(name)}}}}
	c, err := s.open(name)
	if err != nil {
		return append(row, t.unread(err)), false
	}
	h := c.Header()
	system := h.System
	if h.Bug != "" {
		system += " with " + h.Bug
	}
	row = append(row, cell{Text: system})
	build := cell{Text: revision(h.Build)}
	s.mu.Lock()
	known, ok := s.folds[name]
	s.mu.Unlock()
	if s.now().After(until) && !(ok && known.stamp == s.stamp(name)) {
		return append(row, cell{Text: "open it to see"}, cell{}, cell{}, cell{}, build), true
	}
	f, err := s.fold(name, c)
	jobs := cell{Text: count(f.Lines)}
	if err != nil {
		jobs = cell{Text: count(f.Lines) + ", and behind them damage", Class: "worse"}
	}
	failed := cell{Text: count(failures(f))}
	if failures(f) > 0 {
		failed.Class = "worse"
	}
	last := ""
	if f.Lines > 0 {
		last = at(f.Ended)
	}
	return append(row, jobs, failed, cell{Text: coverageOf(h, f)}, cell{Text: last}, build), true
}

// failures is how many jobs of a campaign failed, in a violation.
func failures(f *store.Fold) uint64 {
	n := uint64(0)
	for _, a := range f.Arms {
		n += a.Verdicts[judge.Violation]
	}
	return n
}

// coverageOf is the share of all enumerated features that were reached, "" where there are none.
func coverageOf(h *store.Header, f *store.Fold) string {
	var reached, size uint64
	for i, x := range h.Spaces {
		reached, size = reached+f.Reached[i], size+x.Size
	}
	if size == 0 {
		return ""
	}
	return text.Share(reached, size)
}

// at is a moment as it is shown.
func at(milliseconds int64) string {
	return time.UnixMilli(milliseconds).UTC().Format("2006-01-02 15:04 UTC")
}

// crumb is a link to a campaign, for the pages below it.
func crumb(name string) link { return link{href("/campaign", "at", name), called(name)} }

// arms are those of a campaign in the order in which they are shown.
func arms(f *store.Fold) []job.Arm {
	var all []job.Arm
	for _, a := range []job.Arm{job.Random, job.Guided, job.Kept, job.Model} {
		if f.Arms[a] != nil {
			all = append(all, a)
		}
	}
	return all
}

func many(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%s %ss", count(n), what)
}
