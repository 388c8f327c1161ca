package publish_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/grade"
	"github.com/firstgap/firstgap/harness/grade/publish"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// flaws lists what is wider than the window, and texts whose contrast with what is behind them is below 4.5 to 1.
const flaws = `(function () {
	function rgb(c) { return c.match(/[\d.]+/g).map(Number); }
	function lum(c) { return c.slice(0, 3).map(function (v) { v /= 255; return v <= .03928 ? v / 12.92 : Math.pow((v + .055) / 1.055, 2.4); }).reduce(function (s, v, i) { return s + v * [.2126, .7152, .0722][i]; }, 0); }
	function behind(e) { for (; e; e = e.parentElement) { var c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; }
	var bad = [], seen = 0;
	if (document.documentElement.scrollWidth > innerWidth) bad.push("the page is " + document.documentElement.scrollWidth + " wide");
	document.querySelectorAll("main *").forEach(function (e) {
		if (e.getBoundingClientRect().right > innerWidth + 1) bad.push(e.tagName + " is too wide: " + e.textContent.slice(0, 40));
		if (!Array.prototype.some.call(e.childNodes, function (n) { return n.nodeType === 3 && n.data.trim(); })) return;
		seen++;
		var a = lum(rgb(getComputedStyle(e).color)), b = lum(behind(e)), ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (ratio < 4.5) bad.push(e.tagName + " " + ratio.toFixed(2) + ": " + e.textContent.slice(0, 30));
	});
	if (seen < 10) bad.push("only " + seen + " texts were looked at");
	return bad;
})()`

// The page in Chromium, in both themes, on a wide window and on a telephone's.
func TestThePageCanBeReadAtBothWidthsInBothThemes(t *testing.T) {
	allocator, end := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)...)
	defer end()
	ctx, closeIt := chromedp.NewContext(allocator)
	defer closeIt()
	err := chromedp.Do(ctx, chromedp.Navigate("about:blank"))
	require.False(t, errors.Is(err, exec.ErrNotFound), "no Chromium on the path: this test looks at the page in one; install it (Debian: apt-get install -y chromium)")
	require.NoError(t, err)
	for name, r := range map[string]*grade.Result{"lost": lost(), "full": full(), "refused": refused()} {
		file := filepath.Join(t.TempDir(), "result.html")
		require.NoError(t, os.WriteFile(file, []byte(written(t, publish.HTML, r)), 0o644))
		for _, theme := range []string{"light", "dark"} {
			for _, width := range []int64{360, 1280} {
				at := fmt.Sprintf("%s, %s, %d", name, theme, width)
				_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
				require.NoError(t, err)
				require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate("file://"+file)))
				found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](flaws))
				require.NoError(t, err)
				require.Empty(t, found, at)
				if keep := os.Getenv("FIRSTGAP_SCREENSHOTS"); keep != "" {
					shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
					require.NoError(t, err)
					require.NoError(t, os.WriteFile(filepath.Join(keep, fmt.Sprintf("%s-%s-%d.png", name, theme, width)), shot, 0o644))
				}
			}
		}
	}
}
