package serve

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/text"
)

// How many rows tables have at most where more are a page away, or are nothing to read one by one.
const (
	mostFailures  = 500
	mostNumbers   = 40
	mostTrends    = 200
	mostAside     = 200
	fewUnvisited  = 10
	mostUnvisited = 100
	mostLines     = 50
)

// An axis is what stands along the bottom of a growth curve.
type axis struct {
	name, title string
	unit        unit
	of          func(f *store.Fold, p *store.Point) float64
	ofArm       func(p *store.ArmPoint) float64
}

func axes() []axis {
	return []axis{
		{"jobs", "jobs", things, func(_ *store.Fold, p *store.Point) float64 { return float64(p.Lines) }, func(p *store.ArmPoint) float64 { return float64(p.Lines) }},
		{"time", "time since the first job ended", hours, func(f *store.Fold, p *store.Point) float64 { return float64(max(p.At-f.Began, 0)) / 1000 }, func(p *store.ArmPoint) float64 { return float64(p.Micros) / 1e6 }},
		{"work", "work", things, func(_ *store.Fold, p *store.Point) float64 { return float64(p.Work) }, func(p *store.ArmPoint) float64 { return float64(p.Work) }},
	}
}

// axisOf returns the axis that a request asks for, the first where it asks for none that there is.
func axisOf(r *http.Request) axis {
	all := axes()
	for _, a := range all {
		if r.URL.Query().Get("x") == a.name {
			return a
		}
	}
	return all[0]
}

// axisLinks are links to the same page by other axes.
func axisLinks(now axis, to string, pairs ...string) []link {
	var all []link
	for _, a := range axes() {
		l := link{"", "by " + a.name}
		if a.name != now.name {
			l.Href = href(to, append(pairs[:len(pairs):len(pairs)], "x", a.name)...) + "#s1"
		}
		all = append(all, l)
	}
	return all
}

// campaign answers with one campaign.
func (s *Server) campaign(w http.ResponseWriter, r *http.Request) {
	p, err := s.campaignPage(r.URL.Query().Get("at"), axisOf(r))
	if err != nil {
		wrong(w, err)
		return
	}
	p.write(w, http.StatusOK)
}

// campaignPage is the page of one campaign, its curves drawn along an axis.
func (s *Server) campaignPage(name string, x axis) (*page, error) {
	c, err := s.open(name)
	if err != nil {
		return nil, err
	}
	h := c.Header()
	f, damage := s.fold(name, c)
	p := &page{Title: called(name), Crumbs: []link{{"", called(name)}}, Lead: leadOf(f)}
	if damage != nil {
		p.Bad = append(p.Bad, fmt.Sprintf("Behind the first %s the lines are damaged, and not counted: %v", many(f.Lines, "job"), damage))
	}
	p.Sections = []section{totals(h, f, name), coverageSection(h, f, x, name), armsSection(f, x)}
	p.Sections = append(p.Sections, failuresSection(name, c, f, s.without), asideSection(name, c, f, s.without), trendsSection(h, c, s.without))
	if u, err := s.unvisitedOf(name); u != nil || err != nil {
		p.Sections = append(p.Sections, unvisitedSection(name, u, err, fewUnvisited))
	}
	p.Sections = append(p.Sections, countsSection(h, f))
	return p, nil
}

// leadOf says how a campaign stands. It is never a pass: a campaign can go on.
func leadOf(f *store.Fold) []badge {
	switch n := failures(f); {
	case n > 0:
		return []badge{{"violation", "violation"}, {"in " + many(n, "job") + " of " + count(f.Lines), ""}}
	case f.Lines == 0:
		return []badge{{"could not tell", "unsure"}, {"no job is done", ""}}
	}
	return []badge{{"no violation in " + many(f.Lines, "job"), ""}}
}

func revision(b failure.Build) string {
	switch {
	case b.Revision == "":
		return "unknown"
	case b.Modified:
		return fmt.Sprintf("%.12s, modified", b.Revision)
	}
	return fmt.Sprintf("%.12s", b.Revision)
}

func totals(h *store.Header, f *store.Fold, name string) section {
	s := section{Heading: "Totals"}
	for _, x := range figures(h, f) {
		s.fact(x.Name, x.Text)
	}
	s.Links = []link{{href("/lines", "at", name), "All jobs, line by line"}}
	return s
}

// figures are what is said of a campaign as a whole, and of two beside each other.
func figures(h *store.Header, f *store.Fold) []fact {
	var s section
	s.fact("system", h.System)
	s.fact("planted bug", h.Bug)
	s.fact("build", revision(h.Build))
	if f.Lines > 0 {
		s.fact("first job", at(f.Began))
		s.fact("last job", at(f.Ended))
	}
	s.fact("jobs done", count(f.Lines))
	s.fact("with a violation", count(failures(f)))
	s.fact("distinct, by rule", count(len(f.Failures)))
	s.fact("coverage of the enumerated worlds", coverageOf(h, f))
	s.fact("shapes", count(f.Shapes))
	if f.Lines > 0 {
		s.fact("new shapes of the next job, estimated", fmt.Sprintf("%.3g", float64(f.Once())/float64(f.Lines)))
	}
	s.fact("work", text.Brief(f.Work))
	s.fact("time of workers", text.Long(time.Duration(f.Micros)*time.Microsecond))
	if span := float64(f.Ended-f.Began) / 1000; span > 0 {
		s.fact("jobs a second, pauses counted", text.Figure(float64(f.Lines)/span))
	}
	s.fact("configurations kept", count(f.Kept))
	s.fact("given up", count(f.GivenUp.Count))
	s.fact("could not be done", count(f.Broken.Count))
	s.fact("seed", strconv.FormatUint(h.Seed, 10))
	if h.Guided {
		s.fact("guided", fmt.Sprintf("yes; %.3g%% of the work is random at least", 100*h.Share))
	} else {
		s.fact("guided", "no")
	}
	return s.Facts
}

// coverageSection shows how much of each space was reached, and how that grew.
func coverageSection(h *store.Header, f *store.Fold, x axis, name string) section {
	s := section{Heading: "Coverage", Links: axisLinks(x, "/campaign", "at", name)}
	points := f.Growth()
	xs := make([]float64, len(points))
	for i := range points {
		xs[i] = x.of(f, &points[i])
	}
	reached := slices.ContainsFunc(f.Reached, func(n uint64) bool { return n > 0 })
	t := newTable("Of all that the checker enumerated of small worlds of the model.", words("what"), number("reached"), number("of"), number("share"))
	worlds := worldsOf(h)
	if !reached {
		worlds = nil
	}
	for n, world := range worlds {
		c := &chart{Title: "World " + world, xTitle: x.title, x: x.unit, y: percent, id: fmt.Sprintf("w%d", n)}
		for i, space := range h.Spaces {
			if space.World != world {
				continue
			}
			t.row(space.String(), f.Reached[i], space.Size, shareCell(f.Reached[i], space.Size))
			if space.Kind != coverage.Pairs {
				c.curves = append(c.curves, spaceCurve(space.Kind, xs, points, i, space.Size))
			}
		}
		if len(c.curves) > 0 {
			s.Charts = append(s.Charts, c)
		}
	}
	if reached {
		s.Charts = append(s.Charts, pairsCharts(h, xs, points, x)...)
	}
	shapes := &chart{Title: "Shapes of runs, which cannot be enumerated", xTitle: x.title, x: x.unit, id: "shapes"}
	fresh := &chart{Title: "New shapes of the next 1,000 jobs, estimated", xTitle: x.title, x: x.unit, y: rate, id: "fresh"}
	had, once := curve{Name: "shapes", X: xs}, curve{Name: "estimate"}
	for i := range points {
		p := &points[i]
		had.Y = append(had.Y, float64(p.Shapes))
		if p.Lines >= 10 { // before, it is of too few to show
			once.X, once.Y = append(once.X, xs[i]), append(once.Y, 1000*float64(p.Shapes-min(p.Twice, p.Shapes))/float64(p.Lines))
		}
	}
	shapes.curves, fresh.curves = []curve{had}, []curve{once}
	if f.Lines > 0 {
		s.Charts = append(s.Charts, shapes, fresh)
	}
	switch {
	case reached:
		s.Tables = []*table{t}
	case len(h.Spaces) > 0:
		s.Notes = append(s.Notes, fmt.Sprintf("No run came through any of the %s that were enumerated.", many(uint64(len(worldsOf(h))), "world")))
	default:
		s.Notes = append(s.Notes, "No world of the model was enumerated for this campaign.")
	}
	s.Notes = append(s.Notes, "The estimate is Good and Turing's: the shapes that one job alone had, divided by the jobs.")
	return s
}

// pairsCharts draws the pairs of actions by themselves: of these there are so few that the other curves would lie flat below theirs.
func pairsCharts(h *store.Header, xs []float64, points []store.Point, x axis) []*chart {
	var all []*chart
	for i, space := range h.Spaces {
		if space.Kind != coverage.Pairs {
			continue
		}
		if len(all) == 0 || len(all[len(all)-1].curves) == mostCurves {
			all = append(all, &chart{Title: "Pairs of actions", xTitle: x.title, x: x.unit, y: percent, id: fmt.Sprintf("pairs%d", len(all))})
		}
		c := all[len(all)-1]
		c.curves = append(c.curves, spaceCurve(space.World, xs, points, i, space.Size))
	}
	return all
}

func shareCell(part, whole uint64) cell {
	c := cell{Text: text.Share(part, whole)}
	if part >= whole {
		c.Class = "good"
	}
	return c
}

func worldsOf(h *store.Header) []string {
	var all []string
	seen := map[string]bool{}
	for _, x := range h.Spaces {
		if !seen[x.World] {
			seen[x.World] = true
			all = append(all, x.World)
		}
	}
	return all
}

func spaceCurve(name string, xs []float64, points []store.Point, space int, size uint64) curve {
	c := curve{Name: name, X: xs, Y: make([]float64, len(points))}
	for i := range points {
		c.Y[i] = 100 * float64(points[i].Reached[space]) / float64(max(size, 1))
	}
	return c
}

// armsSection holds the arms against each other.
func armsSection(f *store.Fold, x axis) section {
	s := section{Heading: "Random against guided"}
	if len(f.Arms) == 0 {
		s.Notes = []string{"No job is done."}
		return s
	}
	t := armsTable()
	features := &chart{Title: "Features that the arm was the first to reach", xTitle: "the arm's own " + x.name, x: x.unit, id: "arm-features"}
	shapes := &chart{Title: "Shapes that the arm was the first to have", xTitle: "the arm's own " + x.name, x: x.unit, id: "arm-shapes"}
	points := f.Growth()
	for _, name := range arms(f) {
		t.arm(string(name), f.Arms[name])
		one, two := curve{Name: string(name)}, curve{Name: string(name)}
		for i := range points {
			p, ok := points[i].Arms[name]
			if !ok {
				continue
			}
			one.X, one.Y = append(one.X, x.ofArm(&p)), append(one.Y, float64(p.Reached))
			two.X, two.Y = append(two.X, x.ofArm(&p)), append(two.Y, float64(p.Shapes))
		}
		features.curves, shapes.curves = append(features.curves, one), append(shapes.curves, two)
	}
	if slices.ContainsFunc(f.Reached, func(n uint64) bool { return n > 0 }) {
		s.Charts = append(s.Charts, features)
	}
	s.Charts, s.Tables = append(s.Charts, shapes), []*table{t}
	s.Notes = []string{"Both arms draw on the same coverage: what one has reached, the other can no longer be the first to reach. A steeper curve finds more for the same cost."}
	return s
}

func armsTable() *table {
	return newTable("What the jobs of each arm came to. An arm is credited with what it was the first to reach.", words("arm"), number("jobs"), number("violation"), number("could not tell"), number("work"),
		number("time of workers"), number("new features"), number("for each 1,000 jobs"), number("for each 1M of work"), number("new shapes"))
}

// arm adds a row to a table of arms.
func (t *table) arm(name string, a *store.Arm) {
	reached := uint64(0)
	for _, n := range a.Reached {
		reached += n
	}
	t.row(name, a.Lines, cell{Text: count(a.Verdicts[judge.Violation]), Class: bad(a.Verdicts[judge.Violation])}, a.Verdicts[judge.CouldNotTell], text.Brief(a.Work),
		text.Long(time.Duration(a.Micros)*time.Microsecond), reached, per(reached, a.Lines, 1000), per(reached, a.Work, 1e6), a.Shapes)
}

func per(n, of uint64, unit float64) string {
	if of == 0 {
		return ""
	}
	return text.Figure(unit * float64(n) / float64(of))
}

func bad(n uint64) string {
	if n > 0 {
		return "worse"
	}
	return ""
}

// failuresSection lists the failures by signature, and beside them what runs failed by.
func failuresSection(name string, c *store.Reader, f *store.Fold, without func(error) error) section {
	s := section{Heading: "Failures"}
	all, err := c.Failures()
	if err != nil {
		s.Bad = append(s.Bad, without(err).Error())
	}
	if len(all) > 0 {
		t := newTable("Each once by rule and causal signature, with the smallest that was found.", words("what was found"), words("by"), number("times"), short("first, last"), short("files"), words("last reproduced"), words("last tried"))
		for _, x := range all[:min(len(all), mostFailures)] {
			var files []link
			for _, file := range x.Files {
				files = append(files, link{href("/file", "at", path.Join(name, "failures"), "name", file.Name), file.Role})
			}
			t.row(cell{Text: x.Sentence}, x.Target.String(), x.Times, firstAndLast(name, x.First, x.Last),
				cell{Links: files}, tried(x.LastReproduced), tried(x.LastTried))
		}
		s.Tables = append(s.Tables, t)
		if len(all) > mostFailures {
			s.Notes = append(s.Notes, fmt.Sprintf("%s more are not shown.", count(len(all)-mostFailures)))
		}
	}
	if len(f.Failures) > 0 {
		t := newTable("All jobs that failed, by what they failed by.", words("by"), short("verdict"), number("jobs"), short("first, last"), words("what the first found"))
		for _, x := range f.Failures[:min(len(f.Failures), mostFailures)] {
			t.row(x.Target.String(), cell{Text: string(x.Target.Verdict), Class: classOf(x.Target.Verdict)}, x.Count,
				firstAndLast(name, x.First, x.Last), x.Finding)
		}
		s.Tables = append(s.Tables, t)
	}
	if len(s.Tables) == 0 && err == nil {
		s.Notes = append(s.Notes, "No job has failed.")
	}
	return s
}

func firstAndLast(name string, first, last uint64) cell {
	c := cell{Links: []link{{lineHref(name, first), count(first)}}}
	if last != first {
		c.Links = append(c.Links, link{lineHref(name, last), count(last)})
	}
	return c
}

func lineHref(name string, number uint64) string {
	return href("/lines", "at", name, "from", strconv.FormatUint(number, 10))
}

func classOf(v judge.Verdict) string {
	switch v {
	case judge.Violation:
		return "worse"
	case judge.Pass:
		return "good"
	}
	return "unsure"
}

func tried(t *store.Try) string {
	if t == nil {
		return ""
	}
	build := fmt.Sprintf("%.12s", t.Commit)
	if build == "" {
		build = text.Short(t.Build, 60)
	}
	return build + ", " + at(t.At)
}

// asideSection says what went wrong beside: jobs that were given up, jobs that could not be done, and what was damaged.
func asideSection(name string, c *store.Reader, f *store.Fold, without func(error) error) section {
	s := section{Heading: "Given up and set aside"}
	numbers := func(caption string, n store.Numbers) {
		if n.Count == 0 {
			return
		}
		t := newTable(fmt.Sprintf("%s: %s", caption, many(n.Count, "job")), words("the first of them"))
		var links []link
		for _, x := range n.First[:min(len(n.First), mostNumbers)] {
			links = append(links, link{lineHref(name, x), count(x)})
		}
		t.row(cell{Links: links})
		s.Tables = append(s.Tables, t)
	}
	numbers("Several workers began them, and no worker came to their end", f.GivenUp)
	numbers("They could not be done at all, and so could not tell", f.Broken)
	all, err := c.Aside()
	if err != nil {
		s.Bad = append(s.Bad, without(err).Error())
	}
	if len(all) > 0 {
		t := newTable("Not as it was written, and kept in the folder aside.", words("file"), words("expected"), words("found"), short("when"), number("run again from"))
		for _, x := range all[:min(len(all), mostAside)] {
			from := ""
			if x.From != nil {
				from = count(*x.From)
			}
			t.row(x.File, x.Expected, x.Found, x.At.UTC().Format("2006-01-02 15:04 UTC"), from)
		}
		s.Tables = append(s.Tables, t)
	}
	if len(s.Tables) == 0 && err == nil {
		s.Notes = []string{"Every job came to its end, and nothing was damaged."}
	}
	return s
}

// trendsSection shows what replays of the corpus came to, commit by commit.
func trendsSection(h *store.Header, c *store.Reader, without func(error) error) section {
	s := section{Heading: "Over commits"}
	all, err := c.Trends()
	if err != nil {
		s.Bad = append(s.Bad, without(err).Error())
	}
	if len(all) == 0 {
		s.Notes = append(s.Notes, "The corpus was not replayed yet. firstgap fuzz --once does so.")
		return s
	}
	t := newTable("Replays of the corpus, the latest first.", short("commit"), short("when"), number("entries"), number("reached"), number("failures"), number("regressions tried"), number("reproduced"), short("took"))
	reached := &chart{Title: "Coverage by the corpus", xTitle: "replays, the oldest first", y: percent, id: "trend-reached"}
	failed := &chart{Title: "Failures of the corpus", xTitle: "replays, the oldest first", id: "trend-failed"}
	all = all[max(len(all)-mostTrends, 0):]
	var size uint64
	for _, x := range h.Spaces {
		size += x.Size
	}
	one, two, three := curve{Name: "reached"}, curve{Name: "failures"}, curve{Name: "regressions reproduced"}
	for i, x := range all {
		var sum uint64
		for _, n := range x.Reached {
			sum += n
		}
		at := float64(i + 1)
		one.X, one.Y = append(one.X, at), append(one.Y, 100*float64(sum)/float64(max(size, 1)))
		two.X, two.Y = append(two.X, at), append(two.Y, float64(x.Failures))
		three.X, three.Y = append(three.X, at), append(three.Y, float64(x.Reproduced))
	}
	for i := len(all) - 1; i >= 0; i-- {
		x := all[i]
		var sum uint64
		for _, n := range x.Reached {
			sum += n
		}
		t.row(cell{Text: fmt.Sprintf("%.12s", x.Commit), Class: "code"}, at(x.At), x.Entries, text.Share(sum, size), cell{Text: count(x.Failures), Class: bad(x.Failures)}, x.Regressions,
			cell{Text: count(x.Reproduced), Class: bad(x.Reproduced)}, text.Long(time.Duration(x.Seconds*float64(time.Second))))
	}
	reached.curves, failed.curves = []curve{one}, []curve{two, three}
	s.Charts, s.Tables = []*chart{reached, failed}, []*table{t}
	return s
}

// countsSection lists what happened in the runs, and in how many of them each check was made.
func countsSection(h *store.Header, f *store.Fold) section {
	made := newTable("In how many jobs each check was made.", words("check"), words("guarantee"), number("jobs"))
	for i, check := range h.Checks {
		if f.Checks[i] > 0 {
			made.row(string(check), judge.Guarantee(check), f.Checks[i])
		}
	}
	named := h.Columns().Named(f.Counts)
	happened := newTable("What really happened in the runs.", words("what"), number("how often"))
	for _, a := range named.Amounts() {
		if a.Value > 0 {
			happened.row(a.Text, a.Value)
		}
	}
	return section{Heading: "What the runs did", More: []more{
		{Summary: many(uint64(len(made.rows)), "check") + " made", Tables: []*table{made}},
		{Summary: many(uint64(len(happened.rows)), "thing") + " counted", Tables: []*table{happened}},
	}}
}
