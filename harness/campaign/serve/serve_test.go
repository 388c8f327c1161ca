package serve

import (
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/report"
)

// script is text that would be obeyed where it is not escaped.
const script = `<script>alert("found")</script>`

// began is when the campaigns of tests began.
var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func spaces() []store.Space {
	var all []store.Space
	for i, w := range []string{"tiny", "six"} {
		for j, k := range []string{"states", "transitions", "pairs"} {
			all = append(all, store.Space{Space: coverage.Space{World: w, Kind: k, Size: uint64(2000 * (1 + i) * (1 + j))}, Digest: fmt.Sprint(i, j)})
		}
	}
	return all
}

// fill makes a campaign of so many jobs, which reach less and less that is new; guided ones find more by pace.
func fill(t testing.TB, dir string, jobs int, segment uint64, pace float64) *store.Store {
	t.Helper()
	s, err := store.Create(dir, store.Header{Created: began, System: "aurora", Seed: 7, Batch: 256, Guided: true, Share: 1. / 3, Spaces: spaces(), Segment: segment,
		Build: failure.Build{Revision: "0123456789abcdef0123", Modified: true}})
	require.NoError(t, err)
	next := make([]uint64, len(spaces()))
	shapes := uint64(0)
	var batch []job.Line
	target := failure.Target{Check: faults.Durability, Rule: "lost", Verdict: judge.Violation}
	for i := range jobs {
		l := job.Line{Number: uint64(i), Arm: job.Random, Seed: uint64(7 + i), Hash: uint64(i), Verdict: judge.Pass, Work: 900 + uint64(i%7)*50, Counts: []uint64{1, uint64(i % 3)}, Made: []int{0, 1},
			Seconds: 0.02, By: "worker-1", At: began.UnixMilli() + int64(i)*20}
		speed := 1.
		if i%3 > 0 {
			l.Arm, l.Parent = job.Guided, new(uint64)
			speed = pace
		}
		for space, x := range spaces() {
			reach := uint64(float64(x.Size) * 0.8 * (1 - math.Exp(-speed*float64(i)/(float64(jobs)/(3+float64(space))))))
			for next[space] < reach && len(l.New) < 40 {
				l.New = append(l.New, coverage.At(space, next[space]))
				next[space]++
			}
		}
		if i%(1+i/40) == 0 {
			l.New = append(l.New, coverage.At(coverage.Shapes, shapes))
			if i%2 == 0 && shapes > 0 {
				l.Second = coverage.Features{coverage.At(coverage.Shapes, shapes-1)}
			}
			shapes++
			l.Kept = true
		}
		switch {
		case i%997 == 500:
			l.Verdict, l.Target, l.Finding = judge.Violation, &target, "transaction 17 of client 2: lost: expected row 12 to have the value of an acknowledged commit, found that of the one before it "+script
		case i == 1500:
			l.Verdict, l.Broken = judge.CouldNotTell, "the system refuses <b>it</b>"
		case i == 1600:
			l.Verdict, l.GivenUp = judge.CouldNotTell, 3
		}
		batch = append(batch, l)
		if len(batch) == 1000 || i == jobs-1 {
			require.NoError(t, s.Append(batch...))
			batch = batch[:0]
		}
	}
	return s
}

// folder makes a folder with all that a folder can have, and returns it with one beside it that must not be reached.
func folder(t testing.TB) (dir, outside string) {
	t.Helper()
	dir, outside = t.TempDir(), t.TempDir()
	furnish(t, dir, outside)
	return dir, outside
}

var (
	sharedOnce             sync.Once
	sharedTop              string
	sharedDir, sharedOther string
)

// shared is folder once for all tests that change nothing.
func shared(t testing.TB) (dir, outside string) {
	t.Helper()
	sharedOnce.Do(func() {
		var err error
		sharedTop, err = os.MkdirTemp("", "serve")
		require.NoError(t, err)
		sharedDir, sharedOther = filepath.Join(sharedTop, "shown"), filepath.Join(sharedTop, "other")
		require.NoError(t, os.MkdirAll(sharedDir, 0o755))
		require.NoError(t, os.MkdirAll(sharedOther, 0o755))
		furnish(t, sharedDir, sharedOther)
	})
	return sharedDir, sharedOther
}

func furnish(t testing.TB, dir, outside string) {
	t.Helper()
	at := func(name ...string) string { return filepath.Join(append([]string{dir}, name...)...) }
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	s := fill(t, at("nightly", "a"), 3000, 1000, 1.6)
	kept, err := s.PutFailure(store.Failure{Signature: "durability: lost <" + script, Number: 500, Faults: 1, Events: 60, Sentence: "lost: " + script,
		Target: failure.Target{Check: faults.Durability, Rule: "lost", Verdict: judge.Violation}},
		store.Content{Role: "file", End: ".fgt", Text: []byte("{}")}, store.Content{Role: "page", End: ".html", Text: []byte("<!doctype html><title>why</title><p>the page</p><script>document.title = 'run'</script>")})
	require.NoError(t, err)
	require.NoError(t, s.Tried(kept.Signature, store.Try{Build: "x", Commit: "fedcba9876543210", At: began.UnixMilli()}, false))
	for i := range 8 {
		require.NoError(t, s.AppendTrend(store.Trend{Commit: fmt.Sprintf("%040d", i), At: began.UnixMilli() + int64(i)*86_400_000, Entries: 1000, Reached: []uint64{900, 900, 900, 900, 900, uint64(900 + i*100)}, Failures: uint64(i % 2), Regressions: 2, Seconds: 12}))
	}
	require.NoError(t, s.Close())
	var unvisited []Unvisited
	for i := range 250 {
		unvisited = append(unvisited, Unvisited{"states of six", uint64(i), fmt.Sprintf("epoch 2, VDL %d %s", i, script), []string{"Start(2)", "Write(1)", "Store(1, 2)"}})
	}
	raw, err := json.Marshal(unvisited)
	require.NoError(t, err)
	write(at("nightly", "a", unvisitedFile), string(raw))
	require.NoError(t, fill(t, at("nightly", "b"), 2000, 1000, 1).Close())
	empty, err := store.Create(at("empty"), store.Header{System: "aurora", Batch: 256})
	require.NoError(t, err)
	require.NoError(t, empty.Close())
	require.NoError(t, fill(t, at(`odd name&"'<b>?#%2e`), 20, 1000, 1).Close())

	require.NoError(t, fill(t, at("damaged lines"), 2000, 1000, 1).Close())
	lines := at("damaged lines", "lines", "000001.jsonl")
	text, err := os.ReadFile(lines)
	require.NoError(t, err)
	text[len(text)/2] ^= 1
	require.NoError(t, os.WriteFile(lines, text, 0o644))
	require.NoError(t, os.Remove(at("damaged lines", "lines", "000001.fold.json")))
	write(at("damaged header", campaignFile), `{"format":"firstgap campaign","version":1,"sum":"0","content":{}} `+script)
	write(at("no campaign", campaignFile), "frogs")
	write(at("of another version", campaignFile), `{"format":"firstgap campaign","version":99}`)

	r := report.New(nil, &campaign.Summary{System: "aurora", Verdict: judge.Violation, Reasons: []string{"1 of 50 runs found a violation"}, Failed: 1, Seed: 1, Seconds: 2,
		Checks: []campaign.Tally{{Check: faults.Durability, Verdict: judge.Violation, Runs: 50, Violations: 1, Guarantee: judge.Guarantee(faults.Durability)}, {Check: judge.Wire, NotMade: "not checked: needs messages"}}}, true, 3*time.Second)
	r.Failures = append(r.Failures, report.Failure{Seed: 9, Verdict: judge.Violation, File: "seed-9.fgt", Page: "seed-9.html", Replay: "firstgap replay x/seed-9.fgt",
		Findings: []judge.Finding{{Check: faults.Durability, Verdict: judge.Violation, Subject: script}}})
	raw, err = r.JSON()
	require.NoError(t, err)
	write(at("ci", "report", reportFile), string(raw))
	write(at("ci", "report", "seed-9.html"), "<!doctype html><title>why</title><p>the page</p>")
	write(at("ci", "report", "seed-9.fgt"), "{}")
	write(at("ci", "report", "summary.md"), "# "+script)
	write(at("ci", "report", "secret.txt"), "not of the report")
	write(at("bad report", reportFile), `{"format":"something else"}`)

	write(filepath.Join(outside, "secret.txt"), "outside")
	write(filepath.Join(outside, "store", campaignFile), "outside")
	write(filepath.Join(outside, "seed-1.html"), "outside")
	require.NoError(t, os.Symlink(filepath.Join(outside, "store"), at("link to a campaign")))
	write(at("linked", reportFile), string(raw))
	require.NoError(t, os.Symlink(filepath.Join(outside, "seed-1.html"), at("linked", "seed-1.html")))
	require.NoError(t, os.Symlink("../ci/report/seed-9.html", at("linked", "seed-9.html")))
	require.NoError(t, fill(t, at("linked campaign"), 5, 1000, 1).Close())
	require.NoError(t, os.Symlink(filepath.Join(outside, "secret.txt"), at("linked campaign", "trends.jsonl")))
	write(at(".hidden", campaignFile), "hidden")
}

func server(t testing.TB, dir string) *Server {
	t.Helper()
	s, err := New(dir)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// get asks a server, and returns the answer.
func get(s *Server, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

// body asks for a page that must be there.
func body(t testing.TB, s *Server, target string) string {
	t.Helper()
	w := get(s, http.MethodGet, target)
	require.Equal(t, http.StatusOK, w.Code, "%s: %s", target, w.Body.String())
	return w.Body.String()
}

// shows are the words of a page, without its tags.
func shows(page string) string {
	page = regexp.MustCompile(`(?s)<svg.*?</svg>|<[^>]*>`).ReplaceAllString(page, " ")
	return strings.Join(strings.Fields(html.UnescapeString(page)), " ")
}

func TestTheListHasWhatThereIs(t *testing.T) {
	dir, _ := shared(t)
	got := body(t, server(t, dir), "/")
	said := shows(got)
	for _, want := range []string{
		"nightly/a aurora 3,000 3 79.9% 2026-01-02 03:05 UTC 0123456789ab, modified",
		"empty aurora 0 0 unknown",
		`odd name&"'<b>?#%2e aurora 20 0`,
		"damaged lines aurora 1,",
		"and behind them damage",
		"damaged header cannot be read: ",
		"no campaign cannot be read: ",
		"of another version cannot be read: campaign of another version: campaign.json: expected version 1, found version 99",
		`linked campaign cannot be read: "linked campaign/trends.jsonl": expected files and folders alone in a campaign, found a link or a device`,
		"ci/report violation aurora 0 1 3s",
		`bad report cannot be read: "bad report/report.json": expected the format "firstgap report", found "something else"`,
	} {
		require.Contains(t, said, want)
	}
	for _, never := range []string{"link to a campaign", "hidden", dir, "<b>", "outside"} {
		require.NotContains(t, got, never)
	}
	for _, m := range regexp.MustCompile(`href="(/(?:campaign|report)[^"]*)"`).FindAllStringSubmatch(got, -1) {
		code := get(server(t, dir), http.MethodGet, html.UnescapeString(m[1])).Code
		require.Contains(t, []int{http.StatusOK, http.StatusUnprocessableEntity}, code, m[1])
	}
	require.Contains(t, shows(body(t, server(t, t.TempDir()), "/")), "Campaigns There is none. firstgap fuzz makes one. Reports There is none.")
}

// A folder may itself be a campaign.
func TestAFolderThatIsACampaign(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "one")
	require.NoError(t, fill(t, dir, 20, 1000, 1).Close())
	s := server(t, dir)
	require.Contains(t, shows(body(t, s, "/")), "this folder aurora 20")
	require.Contains(t, body(t, s, href("/campaign", "at", ".")), "no violation in 20 jobs")
}

func TestACampaign(t *testing.T) {
	dir, _ := shared(t)
	s := server(t, dir)
	for _, x := range []string{"", "jobs", "time", "work", "frogs"} {
		said := shows(body(t, s, href("/campaign", "at", "nightly/a", "x", x)))
		for _, want := range []string{
			"violation in 3 jobs of 3,000", "jobs done 3,000", "shapes 158", "yes; 33.3% of the work is random at least",
			"pairs of six 9,599 12,000 79.9%", "random 1,000 1 1 1.05M 20s", "guided 2,000 2 1 2.10M 40s",
			"lost: " + script + " durability (lost) 1 500 file page fedcba987654, 2026-01-02 03:04 UTC",
			"durability (lost) violation 3 500 2,494 transaction 17 of client 2: lost",
			"Several workers began them, and no worker came to their end: 1 job the first of them 1,600",
			"000000000000 2026-01-09 03:04 UTC 1,000 16.9% 1 2 0 12s",
			"states of six 0 Start(2) → Write(1) → Store(1, 2) epoch 2, VDL 0 " + script, "All 250", "2 checks made",
		} {
			require.Contains(t, said, want, x)
		}
	}
	empty := shows(body(t, s, href("/campaign", "at", "empty")))
	for _, want := range []string{"could not tell no job is done", "No world of the model was enumerated", "No job is done.", "No job has failed.", "Every job came to its end", "The corpus was not replayed yet."} {
		require.Contains(t, empty, want)
	}
	damaged := shows(body(t, s, href("/campaign", "at", "damaged lines")))
	require.Regexp(t, `Behind the first 1,\d+ jobs the lines are damaged, and not counted: lines/000001.jsonl: expected `, damaged)
}

// The curves are those of the folds: what a chart says in words is where its campaign ended.
func TestCurvesSayWhereTheyEnd(t *testing.T) {
	dir, _ := shared(t)
	got := body(t, server(t, dir), href("/campaign", "at", "nightly/a"))
	says := map[string]string{}
	for _, m := range regexp.MustCompile(`<desc id="([^"]*)-text">([^<]*)</desc>`).FindAllStringSubmatch(got, -1) {
		says[m[1]] = m[2]
	}
	require.Equal(t, "states: 79.3% at 1504, 79.9% at 3000; transitions: 79.7% at 1504, 79.9% at 3000. Along the bottom: jobs.", says["w1"])
	require.Equal(t, "random: 7568 at 502, 7568 at 1000; guided: 20.8k at 1002, 21.2k at 2000. Along the bottom: the arm's own jobs.", html.UnescapeString(says["arm-features"]))
	require.Equal(t, "tiny: 78.5% at 1504, 79.9% at 3000; six: 79.8% at 1504, 79.9% at 3000. Along the bottom: jobs.", says["pairs0"])
	require.Len(t, says, 9)
	for _, m := range regexp.MustCompile(`points="([^"]*)"`).FindAllStringSubmatch(got, -1) {
		points := strings.Fields(m[1])
		require.NotEmpty(t, points)
		require.LessOrEqual(t, len(points), mostPoints+1)
		last := -1.
		for _, p := range points {
			var x, y float64
			_, err := fmt.Sscanf(p, "%g,%g", &x, &y)
			require.NoError(t, err, p)
			require.GreaterOrEqual(t, x, last, "a curve that runs back")
			require.True(t, x >= chartLeft && x <= chartRight && y >= chartTop-.05 && y <= chartBottom, "%s is outside of the chart", p)
			last = x
		}
	}
}

func TestAxes(t *testing.T) {
	for _, c := range []struct {
		unit unit
		most float64
		want float64
	}{{things, 3000, 1000}, {things, 2, 1}, {things, 1e7, 5e6}, {percent, 80, 20}, {percent, .3, .1}, {rate, .02, .005}, {hours, 50, 15}, {hours, 7200, 3600}, {hours, 86400 * 9, 86400 * 5}} {
		require.InEpsilon(t, c.want, c.unit.step(c.most, 4), 1e-9, "%v %v", c.unit, c.most)
	}
	for want, got := range map[string]string{"0": hours.text(0), "2h": hours.text(7200), "12.3k": things.text(12345), "0.5": rate.text(.5), "66.1%": percent.text(66.12)} {
		require.Equal(t, want, got)
	}
	nothing := &chart{Title: "none", id: "x"}
	require.Contains(t, string(nothing.SVG()), "<svg", "a chart without curves is drawn")
}

func TestLinesByPages(t *testing.T) {
	dir, _ := shared(t)
	s := server(t, dir)
	first := body(t, s, href("/lines", "at", "nightly/a"))
	require.Contains(t, shows(first), "49 guided 56 pass")
	require.NotContains(t, shows(first), "50 random 57")
	require.NotContains(t, first, "Earlier")
	require.Contains(t, first, `href="/lines?at=nightly%2Fa&amp;from=50"`)
	middle := body(t, s, href("/lines", "at", "nightly/a", "from", "1490"))
	require.Contains(t, shows(middle), "1,497 random 1504 violation durability (lost): transaction 17 of client 2: lost: expected row 12 to have the value of an acknowledged commit, found that of the one before it "+script)
	require.Contains(t, shows(middle), "1,500 random 1507 could not tell could not be done: the system refuses <b>it</b>")
	require.Contains(t, middle, `href="/lines?at=nightly%2Fa&amp;from=1440"`)
	require.Contains(t, shows(body(t, s, href("/lines", "at", "nightly/a", "from", "1600"))), "given up after 3 workers")
	last := body(t, s, href("/lines", "at", "nightly/a", "from", "2999"))
	require.NotContains(t, last, "Later")
	require.Contains(t, shows(body(t, s, href("/lines", "at", "nightly/a", "from", "18446744073709551615"))), "There is no job of that number or a higher one.")
	require.Contains(t, shows(body(t, s, href("/lines", "at", "damaged lines", "from", "1470"))), "The lines from here on cannot be read: lines/000001.jsonl: expected ")
	for _, from := range []string{"-1", "frogs", "18446744073709551616"} {
		require.Equal(t, http.StatusUnprocessableEntity, get(s, http.MethodGet, href("/lines", "at", "nightly/a", "from", from)).Code)
	}
}

func TestUnvisitedByPages(t *testing.T) {
	dir, _ := folder(t)
	s := server(t, dir)
	said := shows(body(t, s, href("/unvisited", "at", "nightly/a", "from", "200")))
	require.Contains(t, said, "201 to 250 of 250.")
	require.NotContains(t, body(t, s, href("/unvisited", "at", "nightly/a", "from", "200")), ">Later<")
	require.Contains(t, shows(body(t, s, href("/unvisited", "at", "nightly/b"))), "0 to 0 of 0.")
	require.Equal(t, http.StatusUnprocessableEntity, get(s, http.MethodGet, href("/unvisited", "at", "nightly/a", "from", "-1")).Code)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nightly", "b", unvisitedFile), []byte("frogs"), 0o644))
	require.Contains(t, shows(body(t, s, href("/campaign", "at", "nightly/b"))), `Not reached "nightly/b/unvisited.json": expected a list of places, found`)
}

func TestTwoSideBySide(t *testing.T) {
	dir, _ := shared(t)
	s := server(t, dir)
	got := body(t, s, href("/compare", "a", "nightly/a", "b", "nightly/b", "x", "work"))
	said := shows(got)
	for _, want := range []string{"jobs done 3,000 2,000", "with a violation 3 2", "guided of nightly/a 2,000 2", "random of nightly/b 667 1", "durability (lost) 3 2", "states of tiny nightly/a 79.3% nightly/b 76.0%", "shapes of runs nightly/a 158 nightly/b 158"} {
		require.Contains(t, said, want)
	}
	require.Equal(t, 7, strings.Count(got, `<svg class="chart"`))
	other := shows(body(t, s, href("/compare", "a", "nightly/a", "b", "empty")))
	require.Contains(t, other, "6 spaces of one of them only, or of another content: these cannot be compared.")
}

func TestAReport(t *testing.T) {
	dir, _ := shared(t)
	said := shows(body(t, server(t, dir), href("/report", "at", "ci/report")))
	for _, want := range []string{"violation 1 of 50 runs found a violation.", "model not checked", "durability violation 50 1 after the last recovery", "wire not checked: needs messages", script + " 9 durability page file firstgap replay x/seed-9.fgt", "report.json summary.md"} {
		require.Contains(t, said, want)
	}
	require.NotContains(t, said, "junit.xml", "a file that is not there")
}

func TestFilesOfFailures(t *testing.T) {
	dir, _ := folder(t)
	s := server(t, dir)
	var kept []string
	for _, m := range regexp.MustCompile(`href="(/file[^"]*)"`).FindAllStringSubmatch(body(t, s, href("/campaign", "at", "nightly/a"))+body(t, s, href("/report", "at", "ci/report")), -1) {
		kept = append(kept, html.UnescapeString(m[1]))
	}
	require.Len(t, kept, 6)
	for _, target := range kept {
		w := get(s, http.MethodGet, target)
		require.Equal(t, http.StatusOK, w.Code, target)
		require.Contains(t, w.Header().Get("Content-Security-Policy"), "sandbox allow-scripts; default-src 'none'", "what a folder brings has the origin of the pages")
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
		kind := w.Header().Get("Content-Type")
		switch {
		case strings.HasSuffix(target, ".html"):
			require.Equal(t, "text/html; charset=utf-8", kind)
		case strings.HasSuffix(target, ".fgt"):
			require.Contains(t, w.Header().Get("Content-Disposition"), "attachment")
		default:
			require.Equal(t, "text/plain; charset=utf-8", kind, target)
		}
	}
	// A file of a failure that was altered is not shown.
	all, err := filepath.Glob(filepath.Join(dir, "nightly", "a", "failures", "*.html"))
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.NoError(t, os.WriteFile(all[0], []byte("altered"), 0o644))
	w := get(s, http.MethodGet, href("/file", "at", "nightly/a/failures", "name", filepath.Base(all[0])))
	require.Equal(t, http.StatusUnprocessableEntity, w.Code)
	require.Contains(t, w.Body.String(), "not as it was written")
}

func TestNothingOutsideOfTheFolder(t *testing.T) {
	dir, outside := shared(t)
	s := server(t, dir)
	folders := []string{"..", "../" + filepath.Base(outside), "nightly/../..", "/etc", outside, "", "nightly/", "./nightly", "a\x00b", "\xff", "link to a campaign", "no/such", "nightly/a/campaign.json", `..\..`}
	for _, page := range []string{"/campaign", "/lines", "/unvisited", "/report"} {
		for _, at := range folders {
			w := get(s, http.MethodGet, href(page, "at", at))
			require.Contains(t, []int{http.StatusNotFound, http.StatusUnprocessableEntity}, w.Code, "%s of %q", page, at)
			require.NotContains(t, w.Body.String(), "outside")
		}
	}
	for _, at := range folders {
		require.NotEqual(t, http.StatusOK, get(s, http.MethodGet, href("/compare", "a", at, "b", "nightly/b")).Code, at)
		require.NotEqual(t, http.StatusOK, get(s, http.MethodGet, href("/compare", "a", "nightly/b", "b", at)).Code, at)
		require.NotEqual(t, http.StatusOK, get(s, http.MethodGet, href("/file", "at", at, "name", "report.json")).Code, at)
	}
	for _, c := range [][2]string{{"ci/report", "secret.txt"}, {"ci/report", "../../nightly/a/campaign.json"}, {"ci/report", "seed-10.fgt"}, {"linked", "seed-1.html"}, {"linked", "seed-9.html"}, {"nightly/a", "campaign.json"},
		{"nightly/a/failures", "../campaign.json"}, {"nightly/a/failures", "report.json"}, {"nightly/a/corpus", "seed-1.html"}, {".", "report.json"}, {"ci", "report.json"}} {
		w := get(s, http.MethodGet, href("/file", "at", c[0], "name", c[1]))
		require.NotEqual(t, http.StatusOK, w.Code, "%v", c)
		require.NotContains(t, w.Body.String(), "outside")
	}
	for _, path := range []string{"/../secret.txt", "/nightly/a/campaign.json", "/style.css/..", "/%2e%2e/secret.txt", "/etc/passwd"} {
		require.NotEqual(t, http.StatusOK, get(s, http.MethodGet, path).Code, path)
	}
}

func TestReadingAlone(t *testing.T) {
	dir, _ := shared(t)
	before := treeOf(t, dir)
	s := server(t, dir)
	targets := []string{"/", href("/campaign", "at", "nightly/a"), href("/lines", "at", "damaged lines"), href("/compare", "a", "nightly/a", "b", "damaged lines"), href("/report", "at", "ci/report"), "/style.css"}
	for _, target := range targets {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"} {
			require.Equal(t, http.StatusMethodNotAllowed, get(s, method, target).Code, "%s %s", method, target)
		}
		w := get(s, http.MethodGet, target)
		require.Equal(t, http.StatusOK, w.Code)
		for name, want := range map[string]string{"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin"} {
			require.Equal(t, want, w.Header().Get(name), target)
		}
		require.Equal(t, http.StatusOK, get(s, http.MethodHead, target).Code)
	}
	require.Equal(t, before, treeOf(t, dir), "what is shown was changed")
}

// treeOf lists all files with their sizes and times.
func treeOf(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all = append(all, fmt.Sprintf("%s %d %v", path, info.Size(), info.ModTime()))
		return nil
	}))
	return all
}

// What a finding says comes from the program under test, and is shown as text.
func TestNothingThatWasFoundIsObeyed(t *testing.T) {
	dir, _ := shared(t)
	s := server(t, dir)
	for _, target := range []string{"/", href("/campaign", "at", "nightly/a"), href("/lines", "at", "nightly/a", "from", "1490"), href("/unvisited", "at", "nightly/a"), href("/report", "at", "ci/report"),
		href("/campaign", "at", `odd name&"'<b>?#%2e`), href("/campaign", "at", "damaged header"), href("/campaign", "at", script), href("/lines", "at", "nightly/a", "from", script), "/" + url.PathEscape(script)} {
		got := get(s, http.MethodGet, target).Body.String()
		require.NotContains(t, got, "<script", target)
		require.NotContains(t, got, "<b>", target)
	}
}

// Ten million lines are opened by the folds of their files: the lines are not even looked at.
func TestTotalsComeFromFolds(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, fill(t, filepath.Join(dir, "long"), 5000, 500, 1).Close())
	whole := body(t, server(t, dir), href("/campaign", "at", "long"))
	files, err := filepath.Glob(filepath.Join(dir, "long", "lines", "*.jsonl"))
	require.NoError(t, err)
	require.Len(t, files, 10)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, make([]byte, info.Size()), 0o644))
	}
	require.Equal(t, whole, body(t, server(t, dir), href("/campaign", "at", "long")))
}

// A campaign that is under way is shown as it is at each request, and one that did not change is not folded again.
func TestACampaignThatGoesOn(t *testing.T) {
	dir := t.TempDir()
	c := fill(t, filepath.Join(dir, "on"), 20, 1000, 1)
	defer c.Close()
	s := server(t, dir)
	require.Contains(t, shows(body(t, s, "/")), "on aurora 20")
	r, err := s.open("on")
	require.NoError(t, err)
	one, err := s.fold("on", r)
	require.NoError(t, err)
	two, err := s.fold("on", r)
	require.NoError(t, err)
	require.Same(t, one, two)
	require.NoError(t, c.Append(job.Line{Number: 20, Arm: job.Random, Verdict: judge.Pass}))
	require.Contains(t, shows(body(t, s, "/")), "on aurora 21")
	// Where there is no time for all figures, the list says so.
	now := began
	slow := server(t, dir)
	slow.now = func() time.Time { now = now.Add(2 * foldFor); return now }
	require.Contains(t, shows(body(t, slow, "/")), "on aurora open it to see")
}

func TestWhatIsNoFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	for _, dir := range []string{file, file + "/none", t.TempDir() + "/none"} {
		_, err := New(dir)
		var wrong *FolderError
		require.ErrorAs(t, err, &wrong, dir)
		require.ErrorContains(t, err, dir)
	}
}

// A search ends: it goes neither round in links nor deeper than it says, and says what it left out.
func TestASearchIsBounded(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Symlink("..", filepath.Join(dir, "round")))
	deep := dir
	for range mostDeep + 3 {
		deep = filepath.Join(deep, "deeper")
	}
	require.NoError(t, os.MkdirAll(deep, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(deep, reportFile), []byte("{}"), 0o644))
	f := server(t, dir).find()
	require.Empty(t, f.reports)
	require.Len(t, f.left, 1)
	require.Contains(t, shows(body(t, server(t, dir), "/")), "Left out deeper/deeper/")
}
