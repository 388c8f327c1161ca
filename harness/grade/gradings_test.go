package grade_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/grade"
	"github.com/firstgap/firstgap/harness/grade/labs"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// gradings is how often the references are graded in all, each time with another secret; with -gradings 1000 it takes long.
var gradings = flag.Int("gradings", 0, "how often the references are graded, with another secret each time (0: one lab, once)")

// A reference that once lost a mark, or was once another one, would be a grader that flakes.
func TestReferencesScoreFullMarksWithAnySecret(t *testing.T) {
	all := labs.Labs()
	many := max(*gradings, 1)
	for i := range many {
		lab := &all[i%len(all)]
		t.Run(fmt.Sprintf("%s %d", lab.Name, i), func(t *testing.T) {
			t.Parallel()
			r, err := grade.Grade(t.Context(), lab, grade.Submission{Name: "reference", Maker: lab.Reference}, grade.Options{Secret: fmt.Appendf(nil, "the secret of course %d", i), Workers: 1})
			require.NoError(t, err)
			text, err := json.MarshalIndent(r, "", "  ")
			require.NoError(t, err)
			require.True(t, r.Full(), "%s", text)
			require.Empty(t, r.Flaky)
		})
	}
}
