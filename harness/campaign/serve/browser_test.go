package serve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
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

	"github.com/firstgap/firstgap/harness/internal/loopback"
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
	os.RemoveAll(sharedTop)
	os.Exit(code)
}

// A tab is a page that is open in the browser, with everything that it complained of and asked for.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string // of the server

	mu       sync.Mutex
	problems []string
	requests []string
}

// live is a server that a browser can ask.
func live(t *testing.T, dir string) string {
	t.Helper()
	s := server(t, dir)
	l, err := Listen(t.Context(), "0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- loopback.Serve(ctx, l, s.Handler()) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return "http://" + l.Addr().String()
}

// open opens a tab of that width, in a theme. All tests share one browser, which takes most of a second to start.
func open(t *testing.T, base string, width int, theme string) *tab {
	t.Helper()
	browserOnce.Do(func() {
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)
		allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, closeIt := chromedp.NewContext(allocator)
		browserCtx, browserEnd = ctx, func() { closeIt(); end() }
		browserErr = chromedp.Do(ctx, chromedp.Navigate("about:blank"))
	})
	if errors.Is(browserErr, exec.ErrNotFound) {
		require.FailNow(t, "no Chromium on the path: these tests look at the pages in one; install it (Debian: apt-get install -y chromium)", "%v", browserErr)
	}
	require.NoError(t, browserErr, "Chromium does not start; these tests look at the pages in one (Debian: apt-get install -y chromium)")
	ctx, closeIt := chromedp.NewContext(browserCtx)
	t.Cleanup(closeIt)
	w := &tab{t: t, ctx: ctx, base: base}
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
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(int64(width), 900)))
	return w
}

func (w *tab) to(path string) {
	w.t.Helper()
	require.NoError(w.t, chromedp.Do(w.ctx, chromedp.Navigate(w.base+path)))
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

// quiet asserts that the pages complained of nothing, and asked for nothing but this server.
func (w *tab) quiet() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Empty(w.t, w.problems)
	for _, url := range w.requests {
		require.True(w.t, strings.HasPrefix(url, w.base+"/") || strings.HasPrefix(url, "data:"), "a page asked for %s", url)
	}
	require.NotEmpty(w.t, w.requests, "the listener hears of no request, not even that of the page itself")
}

func eval[T any](w *tab, js string) T {
	w.t.Helper()
	v, err := chromedp.Run(w.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	require.NoError(w.t, err, js)
	return v
}

// faults lists what is wrong with how a page is shown: what is wider than the window, texts whose contrast with what is behind them is below
// 4.5 to 1, text that is too small to read, pictures without a text, controls without a name, tables without headings, and names given twice.
const faultsJS = `(function () {
	var bad = [], seen = 0, ids = {};
	if (document.documentElement.scrollWidth > innerWidth) bad.push("the page is " + document.documentElement.scrollWidth + " wide");
	function rgb(c) { return c.match(/[\d.]+/g).map(Number); }
	function lum(c) { return c.slice(0, 3).map(function (v) { v /= 255; return v <= .03928 ? v / 12.92 : Math.pow((v + .055) / 1.055, 2.4); }).reduce(function (s, v, i) { return s + v * [.2126, .7152, .0722][i]; }, 0); }
	function behind(e) { for (; e; e = e.parentElement) { var c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; }
	document.querySelectorAll("body *").forEach(function (e) {
		var box = e.getBoundingClientRect(), style = getComputedStyle(e), svg = e instanceof SVGElement;
		var what = e.tagName + "." + e.getAttribute("class") + " " + e.textContent.slice(0, 40);
		if (!e.getClientRects().length || box.right < 0) return;
		if (box.right > innerWidth + 1) bad.push("too wide: " + what);
		var own = Array.prototype.some.call(e.childNodes, function (n) { return n.nodeType === 3 && n.data.trim(); });
		if (!own || e.tagName === "desc" || e.tagName === "title" || e.tagName === "OPTION") return;
		seen++;
		var a = lum(rgb(svg ? style.fill : style.color)), b = lum(behind(e)), ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (ratio < 4.5) bad.push("contrast " + ratio.toFixed(2) + ": " + what);
		var size = parseFloat(style.fontSize) * (svg ? e.ownerSVGElement.getBoundingClientRect().width / e.ownerSVGElement.viewBox.baseVal.width : 1);
		if (size < 9.5) bad.push("letters of " + size.toFixed(1) + ": " + what);
	});
	document.querySelectorAll("svg.chart").forEach(function (e) {
		var named = (e.getAttribute("aria-labelledby") || "").split(" ");
		var title = e.querySelector("title"), desc = e.querySelector("desc");
		if (e.getAttribute("role") !== "img" || !title || !desc || !title.textContent || !desc.textContent || named.length !== 2 || !named.every(function (id) { return document.getElementById(id); })) bad.push("no text: " + e.outerHTML.slice(0, 60));
		e.querySelectorAll("text").forEach(function (t) { var b = t.getBBox(); if (b.x < 0 || b.x + b.width > e.viewBox.baseVal.width) bad.push("cut off: " + t.textContent); });
		if (!e.querySelector("polyline")) bad.push("no curve: " + title.textContent);
	});
	document.querySelectorAll("select, input:not([type=hidden]), button").forEach(function (e) { if (!(e.textContent.trim() && e.tagName === "BUTTON") && !e.closest("label")) bad.push("no name: " + e.outerHTML); });
	document.querySelectorAll("table").forEach(function (e) { if (!e.querySelector("thead th") || !e.caption) bad.push("a table without headings: " + e.textContent.slice(0, 40)); });
	document.querySelectorAll("[id]").forEach(function (e) { if (ids[e.id]) bad.push("twice #" + e.id); ids[e.id] = true; });
	if (!document.documentElement.lang || document.querySelectorAll("h1").length !== 1 || !document.title) bad.push("no language, no title, or not one heading");
	if (seen < 3) bad.push("only " + seen + " texts were looked at");
	return bad.slice(0, 12);
})()`

func TestBothWidthsAndThemes(t *testing.T) {
	dir, _ := shared(t)
	base := live(t, dir)
	pages := []string{href("/campaign", "at", "nightly/a"), "/", href("/campaign", "at", "empty"), href("/campaign", "at", "damaged lines", "x", "time"),
		href("/compare", "a", "nightly/a", "b", "nightly/b", "x", "work"), href("/lines", "at", "nightly/a", "from", "1490"), href("/report", "at", "ci/report")}
	for _, width := range []int{1280, 360} {
		for _, theme := range []string{"light", "dark"} {
			t.Run(fmt.Sprintf("%d %s", width, theme), func(t *testing.T) {
				w := open(t, base, width, theme)
				some := pages
				if (width == 360) != (theme == "dark") {
					some = pages[:1] // it has all that differs
				}
				for _, path := range some {
					w.to(path)
					eval[any](w, `document.querySelectorAll("details").forEach(function (d) { d.open = true; }); null`)
					require.Empty(t, eval[[]string](w, faultsJS), path)
					require.Equal(t, "undefined", eval[string](w, "typeof window.alerted"), path)
				}
				w.quiet()
				w.to("/nowhere")
				require.Empty(t, eval[[]string](w, faultsJS))
			})
		}
	}
}

// Between a phone and a desk, what is too wide scrolls in a place of its own.
func TestAWidthBetween(t *testing.T) {
	dir, _ := shared(t)
	w := open(t, live(t, dir), 760, "light")
	for _, path := range []string{href("/lines", "at", "nightly/a", "from", "1490")} {
		w.to(path)
		require.Equal(t, 760, eval[int](w, "document.documentElement.scrollWidth"), path)
	}
}

// Whoever has keys alone comes to a campaign, and to its failure's page, which runs its own script and nothing else.
func TestKeysLeadToAFailure(t *testing.T) {
	dir, _ := shared(t)
	w := open(t, live(t, dir), 1280, "light")
	w.to("/")
	press := func(text string) {
		t.Helper()
		for range 200 {
			require.NoError(t, chromedp.Do(w.ctx, chromedp.KeyEvent(kb.Tab)))
			if eval[string](w, "document.activeElement.textContent.trim()") == text {
				require.NotEqual(t, "none", eval[string](w, "getComputedStyle(document.activeElement).outlineStyle"), "it does not show where the keys are")
				_, err := chromedp.RunResponse(w.ctx, chromedp.KeyEvent(kb.Enter))
				require.NoError(t, err)
				return
			}
		}
		require.Fail(t, "no key leads to "+text)
	}
	press("nightly/a")
	require.Equal(t, "nightly/a", eval[string](w, "document.querySelector('h1').textContent"))
	press("page")
	require.Equal(t, "run", eval[string](w, "document.title"), "the page's own script does not run")
	require.Equal(t, "null", eval[string](w, "self.origin"), "it has the origin of the other pages")
	w.quiet()
}
