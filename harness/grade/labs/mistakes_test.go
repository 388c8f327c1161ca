//go:build failpoints

package labs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
)

// Every mistake loses marks in the test that names its rule, whatever the secret is.
func TestEveryMistakeLosesMarks(t *testing.T) {
	require.True(t, harness.HasPoints(), "the test is for a build with the overlay (make test-faults)")
	all := 0
	for _, l := range Labs() {
		all += len(l.Mistakes)
		for _, m := range l.Mistakes {
			t.Run(l.Name+"/"+m.Bug.Name, func(t *testing.T) {
				t.Parallel()
				for i := range *secrets {
					for j := range l.Tests {
						if x := &l.Tests[j]; x.Name == m.Test {
							out := l.Run(x, l.Reference, l.Seeds(x, secretOf(i)), Options{Bug: m.Bug.Name})
							require.False(t, out.Passed(), "secret %d: %s stands the test %s", i, m.Bug.Name, m.Test)
						}
					}
				}
			})
		}
	}
	require.GreaterOrEqual(t, all, 41)
}
