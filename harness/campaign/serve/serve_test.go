package serve

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
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
	return dir, outside
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

var _ = fs.ErrNotExist
var _ = url.Values{}
var _ = strings.Cut
var _ http.Handler

func TestLook(t *testing.T) {
	dir, _ := folder(t)
	s := server(t, dir)
	w := get(s, "GET", "/")
	fmt.Println(w.Code, w.Body.String())
	w = get(s, "GET", href("/campaign", "at", "nightly/a"))
	fmt.Println(w.Code, len(w.Body.String()))
}
