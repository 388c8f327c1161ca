package judge

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
)

func TestEveryCheckHasAGuarantee(t *testing.T) {
	seen := map[string]Check{}
	for _, c := range append(Checks(), ConfigurationCheck) {
		g := Guarantee(c)
		require.NotEmpty(t, g, c)
		require.Empty(t, seen[g], "%s has the guarantee of %s", c, seen[g])
		seen[g] = c
	}
	require.Subset(t, Checks(), faults.Checks())
	require.Empty(t, Guarantee("no such check"))
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		a, b, want Verdict
	}{
		{Pass, Pass, Pass},
		{Pass, CouldNotTell, CouldNotTell},
		{CouldNotTell, Pass, CouldNotTell},
		{Pass, Violation, Violation},
		{CouldNotTell, Violation, Violation},
		{Violation, CouldNotTell, Violation},
		{Pass, "", CouldNotTell}, // a verdict that nobody gave is no pass
		{"", "", CouldNotTell},
	} {
		require.Equal(t, c.want, c.a.Worse(c.b), "%q and %q", c.a, c.b)
	}
	require.Equal(t, 0, Pass.ExitCode())
	require.Equal(t, 1, Violation.ExitCode())
	require.Equal(t, 2, CouldNotTell.ExitCode())
	require.Equal(t, 2, Verdict("").ExitCode())
}
