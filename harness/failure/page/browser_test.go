package page

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/failure/shrink"
	"github.com/firstgap/firstgap/harness/failure/where"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/impl/node"
)

var (
	browserOnce sync.Once
	browserCtx  context.Context
	browserErr  error
	browserEnd  = func() {}
)

func TestMain(m *testing.M) {
	code := m.Run()
	browserEnd()
	os.Exit(code)
}

// A tab is a page that is open in the browser, with everything that it complained of and asked for.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
	requests []string
}

// open opens a page in a tab of that width, in a theme. All tests share one browser, which takes most of a second to start.
func open(t *testing.T, p *Page, width int, theme string) *tab {
	t.Helper()
	browserOnce.Do(func() {
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)
		allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, closeIt := chromedp.NewContext(allocator)
		browserCtx, browserEnd = ctx, func() { closeIt(); end() }
		browserErr = chromedp.Do(ctx, chromedp.Navigate("about:blank"))
	})
	if errors.Is(browserErr, exec.ErrNotFound) {
		require.FailNow(t, "no Chromium on the path: these tests look at the page in one; install it (Debian: apt-get install -y chromium)", "%v", browserErr)
	}
	require.NoError(t, browserErr, "Chromium does not start; these tests look at the page in one (Debian: apt-get install -y chromium)")
	file := filepath.Join(t.TempDir(), "page.html")
	var b bytes.Buffer
	require.NoError(t, p.Write(&b))
	require.LessOrEqual(t, b.Len(), MostBytes)
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o644))

	ctx, closeIt := chromedp.NewContext(browserCtx)
	t.Cleanup(closeIt)
	w := &tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, w.hear))
	for _, enable := range []func() error{
		func() error { _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); return err },
		func() error { _, err := chromedp.Call(ctx, runtime.Enable, cdp.Empty{}); return err },
		func() error { _, err := chromedp.Call(ctx, cdplog.Enable, cdp.Empty{}); return err },
		func() error {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
			return err
		},
	} {
		require.NoError(t, enable())
	}
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(int64(width), 900), chromedp.Navigate("file://"+file)))
	return w
}

func (w *tab) hear(ev any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		w.problems = append(w.problems, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		w.problems = append(w.problems, "console: "+string(e.Type))
	case *cdplog.EventEntryAdded:
		w.problems = append(w.problems, "log: "+e.Entry.Text)
	case *network.EventRequestWillBeSent:
		w.requests = append(w.requests, e.Request.URL)
	}
}

// quiet asserts that the page complained of nothing, and asked for nothing but itself.
func (w *tab) quiet() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Empty(w.t, w.problems)
	for _, url := range w.requests {
		require.True(w.t, strings.HasPrefix(url, "file://") && strings.HasSuffix(url, "/page.html") || strings.HasPrefix(url, "data:"), "the page asked for %s", url)
	}
	require.NotEmpty(w.t, w.requests, "the listener hears of no request, not even that of the page itself")
}

// eval evaluates once the page has drawn what it was told last.
func eval[T any](w *tab, js string) T {
	w.t.Helper()
	_, err := chromedp.Run(w.ctx, chromedp.Evaluate[any]("new Promise(function (done) { requestAnimationFrame(function () { requestAnimationFrame(done); }); }).then(function () { return null; })", chromedp.EvalAwaitPromise))
	require.NoError(w.t, err)
	v, err := chromedp.Run(w.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	require.NoError(w.t, err, js)
	return v
}

func (w *tab) key(keys string, options ...chromedp.KeyOption) {
	w.t.Helper()
	require.NoError(w.t, chromedp.Do(w.ctx, chromedp.KeyEvent(keys, options...)))
}

// now is the number of the moment that is shown.
func (w *tab) now() int {
	w.t.Helper()
	return eval[int](w, `+document.querySelector("#around tr[aria-current] a").dataset.n`)
}

// overflows lists what is wider than the window and has no box of its own to scroll in.
func (w *tab) overflows() []string {
	w.t.Helper()
	return eval[[]string](w, `(function () {
		var wide = [];
		if (document.documentElement.scrollWidth > innerWidth) wide.push("the page: " + document.documentElement.scrollWidth);
		document.querySelectorAll("main *").forEach(function (e) {
			if (e.getBoundingClientRect().right <= innerWidth + 1) return;
			for (var p = e; p; p = p.parentElement) if (p !== e && /auto|scroll/.test(getComputedStyle(p).overflowX)) return;
			wide.push(e.tagName + "." + e.getAttribute("class") + " " + e.textContent.slice(0, 40));
		});
		return wide;
	})()`)
}

// unreadable lists texts whose contrast with what is behind them is below 4.5 to 1.
func (w *tab) unreadable() []string {
	w.t.Helper()
	return eval[[]string](w, `(function () {
		function rgb(c) { return c.match(/[\d.]+/g).map(Number); }
		function lum(c) { return c.slice(0, 3).map(function (v) { v /= 255; return v <= .03928 ? v / 12.92 : Math.pow((v + .055) / 1.055, 2.4); }).reduce(function (s, v, i) { return s + v * [.2126, .7152, .0722][i]; }, 0); }
		function behind(e) { for (; e; e = e.parentElement) { var c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; }
		var bad = [], seen = 0;
		document.querySelectorAll("main *").forEach(function (e) {
			var own = Array.prototype.some.call(e.childNodes, function (n) { return n.nodeType === 3 && n.data.trim(); });
			if (!own || !e.getClientRects().length || e.disabled || e.tagName === "DESC" || e.tagName === "TITLE") return;
			seen++;
			var style = getComputedStyle(e), svg = e instanceof SVGElement;
			if (svg && e.classList.contains("no")) return; // on a dot of its own, looked at below
			var a = lum(rgb(svg ? style.fill : style.color)), b = lum(behind(e)), ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
			if (ratio < 4.5) bad.push(e.tagName + "." + e.getAttribute("class") + " " + ratio.toFixed(2) + ": " + e.textContent.slice(0, 30));
		});
		document.querySelectorAll("#strip text.no").forEach(function (e) {
			var dot = e.previousElementSibling, a = lum(rgb(getComputedStyle(e).fill)), b = lum(rgb(getComputedStyle(dot).fill)), ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
			if (ratio < 4.5) bad.push("number on its dot " + ratio.toFixed(2));
		});
		if (seen < 20) bad.push("only " + seen + " texts were looked at");
		return bad;
	})()`)
}

// mute lists pictures without a text, controls without a name, and tables without headings.
func (w *tab) mute() []string {
	w.t.Helper()
	return eval[[]string](w, `(function () {
		var bad = [];
		document.querySelectorAll("svg").forEach(function (e) {
			var ids = (e.getAttribute("aria-labelledby") || "").split(" ");
			var title = e.querySelector("title"), desc = e.querySelector("desc");
			if (e.getAttribute("role") !== "img" || !title || !desc || !title.textContent || !desc.textContent || ids.length !== 2 || !ids.every(function (id) { return document.getElementById(id); })) bad.push("svg " + e.outerHTML.slice(0, 60));
		});
		document.querySelectorAll("button, select, input, [role=region]").forEach(function (e) {
			var by = document.getElementById(e.getAttribute("aria-labelledby")), label = e.closest("label");
			if (!(e.getAttribute("aria-label") || by && by.textContent.trim() || label && label.textContent.trim() || e.textContent.trim() && e.tagName === "BUTTON")) bad.push(e.tagName + "#" + e.id);
		});
		document.querySelectorAll("table").forEach(function (e) { if (!e.querySelector("thead th")) bad.push("table without headings"); });
		var ids = {};
		document.querySelectorAll("[id]").forEach(function (e) { if (ids[e.id]) bad.push("twice #" + e.id); ids[e.id] = true; });
		if (document.getElementById("now").getAttribute("aria-live") !== "polite") bad.push("#now is not live");
		if (!document.documentElement.lang) bad.push("no language");
		return bad;
	})()`)
}

// long is a film of that many events: a writer sends records to six segments, which tell that they are durable; one crashes now and then.
func long(events int) (*Film, *why.Explanation) {
	f := &Film{Title: "The smallest run", Unit: "event", Timed: true, Lanes: []Lane{{"client 1", "client", ""}, {"writer 1", "writer", ""}}, Grid: &Grid{}}
	for i := range 6 {
		f.Lanes = append(f.Lanes, Lane{fmt.Sprintf("segment 1/%d", i+1), "segment", fmt.Sprintf("az%d", i/2+1)})
		f.Grid.Columns = append(f.Grid.Columns, Column{2 + i, 1})
	}
	f.Lanes = append(f.Lanes, Lane{"register", "register", ""})
	for n := uint64(1); n <= uint64(events); n++ {
		m := Moment{Number: n, At: node.Time(n * 37_000), Lane: 2 + int(n%6), From: -1, Kind: "trace", Weight: Told, Cause: n - 1, Words: fmt.Sprintf("= Store epoch 1 %d/1 write", n/12+1)}
		lsn := node.LSN(n/12 + 1)
		switch n % 12 {
		case 0:
			m.Lane, m.Words = 1, fmt.Sprintf("= Write epoch 1 %d/1", lsn)
			f.Grid.Rows = append(f.Grid.Rows, Row{LSN: lsn, From: n, Group: 1, Last: n%24 == 0, Words: "a write"})
		case 1, 2, 3:
			m.Kind, m.From, m.Weight, m.Words = "message", 1, Plain, "append"
		case 11:
			m.Lane, m.Words = 1, "= Advance"
			f.Grid.Lines = append(f.Grid.Lines, Line{n, "VCL of epoch 1", lsn})
			f.Model = append(f.Model, State{n, 1, "VCL", fmt.Sprint(lsn)})
			f.States = append(f.States, State{n, 1, "VDL", fmt.Sprint(lsn)})
		default:
			f.Grid.Cells = append(f.Grid.Cells, Cell{n, int(n % 6), lsn, lsn, Holds, 1})
			f.States = append(f.States, State{n, m.Lane, "SCL", fmt.Sprint(lsn)})
		}
		if n%500 == 0 {
			m.Kind, m.Weight, m.Words = "crash", Struck, "crashes, crash"
			f.Bands = append(f.Bands, Band{m.Lane, n, n + 40, "down", "down, crash"})
		}
		f.Moments = append(f.Moments, m)
	}
	bad := uint64(events / 2)
	f.Bad = bad
	x := &why.Explanation{
		Before: shrink.Size{Events: 300_000, Faults: 9, Transactions: 90, Operations: 400, Clients: 5, Nodes: 20}, After: shrink.Size{Events: uint64(events), Faults: 1, Transactions: 2, Operations: 4, Clients: 1, Nodes: 9},
		Runs: 300, Seconds: 12.5, Minimal: true,
		What: why.What{
			Headline: "writer 1 counted LSN 7 as complete, when no segment held it",
			Rule:     why.Rule{Text: "VCL moves over a record only when a write quorum holds it", Reason: "What is counted may be acknowledged.", Source: "SIGMOD 2018 §2.3"},
			Finding:  judge.Finding{Check: "trace", Verdict: judge.Violation, Found: "VCL 7", Expected: "VCL 6", Event: bad, LSNs: []node.LSN{node.LSN(bad/12 + 1)}},
			Allowed:  []string{"Advance to 6", "wait"},
			Beliefs:  []why.Belief{{Node: "writer 1", Holds: "VCL 7", Model: "VCL 6"}},
			Waits:    []why.Wait{{Node: "writer 1", For: "a write quorum", Of: "segment 1/3", Since: 1000, Ends: "the return of segment 1/3"}},
		},
		Faults: []where.Counterfactual{{Fault: "crash of segment 1/3 at 5ms", Passes: true}, {Fault: "loss", Instead: "durability"}},
		Curve: &where.Curve{Points: []where.Point{{Event: 0, Fails: 1, Of: 20}, {Event: bad - 5, Fails: 2, Of: 20}, {Event: bad - 4, Fails: 19, Of: 20}, {Event: uint64(events), Fails: 20, Of: 20}},
			Jump: &where.Jump{Event: bad - 4, Line: "segment 1/3 crashes", Before: where.Point{Event: bad - 5, Fails: 2, Of: 20}, After: where.Point{Event: bad - 4, Fails: 19, Of: 20}}},
	}
	x.What.Target.Check, x.What.Target.Verdict = "trace", judge.Violation
	for i := range uint64(5) {
		n := bad - 4 + i
		x.What.Chain = append(x.What.Chain, why.Link{Event: n, At: f.Moments[n-1].At, Node: f.Lanes[f.Moments[n-1].Lane].Name, Words: "did something that matters", From: n - 1})
		f.Moments[n-1].Weight = Linked
	}
	x.What.Chain[0].From = 0
	x.What.Bad = &x.What.Chain[4]
	x.What.Causes = x.What.Chain[:1]
	return f, x
}

func longPage(events int) *Page {
	f, x := long(events)
	p := &Page{film: f, why: x, Again: []string{"firstgap why FILE"}}
	p.focus = uint64(x.What.Finding.LSNs[0])
	return p
}

func TestBothWidthsAndThemes(t *testing.T) {
	p := longPage(1200)
	for _, width := range []int{1280, 360} {
		for _, theme := range []string{"light", "dark"} {
			t.Run(fmt.Sprintf("%d %s", width, theme), func(t *testing.T) {
				w := open(t, p, width, theme)
				require.Equal(t, 600, w.now(), "the page does not open at the bad step")
				require.Empty(t, w.overflows())
				require.Empty(t, w.unreadable())
				require.Empty(t, w.mute())
				require.True(t, eval[bool](w, `document.getElementById("opened").getClientRects().length > 0`), "the bad step is not opened")
				require.Equal(t, 1, eval[int](w, `document.querySelectorAll("#strip .badline").length`), "the bad step is not marked")
				require.Equal(t, 1, eval[int](w, `document.querySelectorAll("svg.curve path.jump").length`))
				// Everything is shown, and still nothing overflows.
				eval[any](w, `document.getElementById("show").value = "0"; document.getElementById("show").onchange(); document.querySelectorAll("details").forEach(function (d) { d.open = true; }); null`)
				require.Empty(t, w.overflows())
				require.Empty(t, w.unreadable())
				w.quiet()
			})
		}
	}
}

func TestKeys(t *testing.T) {
	w := open(t, longPage(1200), 1280, "light")
	eval[any](w, `document.getElementById("show").value = "0"; document.getElementById("show").onchange(); document.activeElement.blur(); null`)
	for _, c := range []struct {
		key   string
		shift bool
		want  int
	}{{kb.ArrowRight, false, 601}, {kb.ArrowLeft, false, 600}, {kb.ArrowLeft, true, 590}, {kb.ArrowRight, true, 600}, {kb.Home, false, 1}, {kb.ArrowLeft, false, 1}, {kb.End, false, 1200},
		{kb.ArrowRight, true, 1200}, {"b", false, 600}} {
		var options []chromedp.KeyOption
		if c.shift {
			options = append(options, chromedp.KeyModifiers(chromedp.ModifierShift))
		}
		w.key(c.key, options...)
		require.Equal(t, c.want, w.now(), "%q", c.key)
		require.Equal(t, c.want == 600, eval[bool](w, `!document.getElementById("opened").hidden`), "the bad step is open only while it is shown")
		require.Contains(t, eval[string](w, `document.getElementById("now").textContent`), fmt.Sprintf("event %d ", c.want))
		require.Contains(t, eval[string](w, `document.getElementById("scrub").getAttribute("aria-valuetext")`), fmt.Sprintf("event %d,", c.want))
	}
	// In the field for words, keys write words.
	eval[any](w, `document.getElementById("words").focus(); null`)
	w.key("b")
	w.key(kb.ArrowLeft)
	require.Equal(t, "b", eval[string](w, `document.getElementById("words").value`))
	w.quiet()
}

func TestChainOpensItsEvents(t *testing.T) {
	w := open(t, longPage(1200), 1280, "light")
	eval[any](w, `document.querySelector(".links a[data-n='596']").click(); null`)
	require.Equal(t, 596, w.now())
	require.Equal(t, []string{"596", "596"}, eval[[]string](w, `Array.from(document.querySelectorAll(".links li[aria-current] a"), function (a) { return a.dataset.n; })`),
		"the event is marked in the causes and in the chain")
	// The filters that would hide an event give way when it is asked for.
	eval[any](w, `document.getElementById("kind").value = "crash"; document.getElementById("kind").onchange(); document.querySelector(".links a[data-n='598']").click(); null`)
	require.Equal(t, 598, w.now())
	w.quiet()
}

func TestFilters(t *testing.T) {
	w := open(t, longPage(1200), 1280, "light")
	set := func(id, value string) {
		eval[any](w, fmt.Sprintf(`var e = document.getElementById(%q); e.value = %q; (e.onchange || e.oninput).call(e); null`, id, value))
	}
	count := func() string { return eval[string](w, `document.getElementById("count").textContent`) }
	set("show", "0")
	require.Equal(t, "1200 of 1200 events, 7 of 9 lanes", count(), "the client and the register have no event")
	set("kind", "crash")
	require.Equal(t, "2 of 1200 events, 2 of 9 lanes", count())
	set("kind", "")
	set("node", "1")
	require.Equal(t, []string{"writer 1"}, eval[[]string](w, `Array.from(new Set(Array.from(document.querySelectorAll("#around .lane"), function (e) { return e.textContent; }).filter(function (s) { return s[0] === "w"; })))`))
	set("node", "")
	set("words", "no such words")
	require.Contains(t, count(), "0 of 1200 events")
	require.Contains(t, eval[string](w, `document.getElementById("now").textContent`), "No event is shown")
	w.key(kb.ArrowRight)
	set("words", "")
	require.Contains(t, count(), "1200 of 1200")
	w.quiet()
}

// The grid and the panel show how things stood at the moment, whichever way it was reached.
func TestGridAndPanelAtAMoment(t *testing.T) {
	w := open(t, longPage(1200), 1280, "light")
	eval[any](w, `document.getElementById("show").value = "0"; document.getElementById("show").onchange(); document.activeElement.blur(); null`)
	look := func() string {
		return eval[string](w, `document.getElementById("grid-says").textContent + "|" + document.getElementById("grid").textContent + "|" + document.getElementById("panel").textContent`)
	}
	here := look()
	require.Contains(t, here, "VCL of epoch 1")
	w.key(kb.ArrowRight, chromedp.KeyModifiers(chromedp.ModifierShift))
	there := look()
	require.NotEqual(t, here, there)
	w.key(kb.ArrowLeft, chromedp.KeyModifiers(chromedp.ModifierShift))
	require.Equal(t, here, look())
	w.key(kb.Home)
	require.Contains(t, look(), "No record has an LSN yet.")
	eval[any](w, `document.getElementById("who").value = "1"; document.getElementById("who").onchange(); null`)
	w.key(kb.End)
	require.Contains(t, look(), "VDL100")
	require.Contains(t, look(), "VCL–100") // the model alone has it; the node says nothing of it
	w.quiet()
}

// Whatever the length of a run, a step costs no more than what is in sight.
func TestTenThousandEvents(t *testing.T) {
	w := open(t, longPage(10_000), 1280, "light")
	eval[any](w, `document.getElementById("show").value = "0"; document.getElementById("show").onchange(); document.activeElement.blur();
		window.made = 0; new MutationObserver(function (list) { list.forEach(function (m) { m.addedNodes.forEach(function (n) { made += 1 + (n.querySelectorAll ? n.querySelectorAll("*").length : 0); }); }); })
			.observe(document.body, {childList: true, subtree: true}); null`)
	require.Contains(t, eval[string](w, `document.getElementById("count").textContent`), "of 10000 events")
	from := eval[int](w, `+document.getElementById("scrub").value`)
	before := eval[int](w, `document.querySelectorAll("*").length`)
	made := eval[int](w, `new Promise(function (done) {
		var steps = 0;
		(function on() {
			if (steps === 200) { done(made); return; }
			for (var k = 0; k < 20; k++, steps++) document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true, cancelable: true}));
			requestAnimationFrame(function () { requestAnimationFrame(on); });
		})();
	})`)
	require.Greater(t, made, 10*20, "the observer saw nothing")
	require.Equal(t, from+200, eval[int](w, `+document.getElementById("scrub").value`))
	require.Less(t, eval[int](w, `document.querySelectorAll("*").length`), before+500)
	require.Less(t, before, 4000)
	require.Less(t, made, 12*1500, "nodes made in 200 steps, ten frames of 20 each")
	w.quiet()
}
