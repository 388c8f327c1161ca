package command

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/designs"
)

// The comparison fits a screen of 60 columns, and says the same there as in a pipe.
func TestDesignsOnANarrowScreen(t *testing.T) {
	var rows []designs.Row
	for _, d := range designs.Designs() {
		if d.Model != "mirror" && d.Model != "quorum" { // whose worlds here are searched in no time
			continue
		}
		row, err := designs.Compare(t.Context(), []designs.Design{d}, check.Options{Workers: 1})
		require.NoError(t, err)
		rows = append(rows, row...)
	}
	rows[0].Trial.Problem = "found Durable, expected pass"
	var wide, narrow strings.Builder
	require.NoError(t, writeDesigns(&wide, rows))
	require.NoError(t, writeDesigns(&text.Screen{Writer: &narrow, Width: 60}, rows))
	for line := range strings.Lines(narrow.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 60, line)
	}
	for _, row := range rows {
		require.Contains(t, wide.String(), row.Design)
	}
	words := func(s string) map[string]bool {
		all := map[string]bool{}
		for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\n' || r == '-' }) { // where lines are broken
			all[w] = true
		}
		return all
	}
	require.Equal(t, words(wide.String()), words(narrow.String()))
	require.Contains(t, wide.String(), "NOT AS EXPECTED: found Durable, expected pass")
	require.Contains(t, wide.String(), "mirror mirrored-zone-and-copy")
}
