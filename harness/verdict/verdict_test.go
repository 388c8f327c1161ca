package verdict

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/linearizability"
	"github.com/firstgap/firstgap/spec/check"
)

// Only Pass is a pass: a verdict that was forgotten is not.
func TestOnlyAPassIsAPass(t *testing.T) {
	for v, code := range map[Verdict]int{Pass: 0, Violation: 1, CouldNotTell: 2, "": 2, "fine": 2} {
		require.Equal(t, code, v.ExitCode(), v)
		require.Equal(t, []text.Mark{text.Good, text.Bad, text.Unsure}[code], v.Mark(), v)
	}
	for v, want := range map[check.Verdict]Verdict{check.Pass: Pass, check.Violation: Violation, check.Incomplete: CouldNotTell, "": CouldNotTell} {
		require.Equal(t, want, OfSearch(v), v)
	}
	for v, want := range map[linearizability.Verdict]Verdict{linearizability.Legal: Pass, linearizability.Illegal: Violation, linearizability.Unknown: CouldNotTell} {
		require.Equal(t, want, OfHistory(v), v)
	}
}

func TestWorse(t *testing.T) {
	all := []Verdict{Pass, CouldNotTell, Violation} // each worse than those before it
	for i, v := range all {
		for j, w := range all {
			require.Equal(t, all[max(i, j)], v.Worse(w), "%s and %s", v, w)
		}
	}
	for v, want := range map[Verdict]Verdict{Pass: CouldNotTell, Violation: Violation, CouldNotTell: CouldNotTell, "": CouldNotTell} {
		require.Equal(t, want, v.Worse(""), v)
		require.Equal(t, want, Verdict("").Worse(v), v)
	}
}
