package serve

import (
	"bytes"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A page that stands alone says what the server's page says, has all that it shows in it, and links nothing but files that are there when it lies
// in the campaign's folder.
func TestAPageAlone(t *testing.T) {
	dir, _ := shared(t)
	s := server(t, dir)
	var alone bytes.Buffer
	require.NoError(t, s.WritePage(&alone, "nightly/a", func(file string) bool {
		return assert.FileExists(t, filepath.Join(dir, "nightly", "a", file))
	}))
	said := shows(regexp.MustCompile(`(?s)<style>.*?</style>`).ReplaceAllString(alone.String(), ""))
	for _, want := range []string{"violation in 3 jobs of 3,000", "pairs of six 9,599 12,000 79.9%", "time since the first job ended", "lost: " + script} {
		require.Contains(t, said+alone.String(), want)
	}
	require.Contains(t, alone.String(), string(styleCSS))
	require.NotContains(t, alone.String(), "<form")
	require.NotContains(t, alone.String(), script, "what was found is not obeyed")
	links := 0
	for _, m := range regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(alone.String(), -1) {
		switch to := html.UnescapeString(m[1]); to {
		case "data:,", "#main":
		default:
			require.FileExists(t, filepath.Join(dir, "nightly", "a", to))
			links++
		}
	}
	require.Positive(t, links)
	require.Error(t, s.WritePage(&alone, "nowhere", func(string) bool { return true }))

	var sent bytes.Buffer
	require.NoError(t, s.WritePage(&sent, "nightly/a", func(string) bool { return false }))
	require.NotContains(t, sent.String(), `href="failures`, "a page that was sent has no dead links")

	_, err := os.Stat(filepath.Join(dir, "nowhere"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
