package judge

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
)

func TestEveryCheckHasAGuarantee(t *testing.T) {
	seen := map[string]Check{}
	for _, c := range append(ChecksOf([]Kind{Contract}), ConfigurationCheck) {
		g := Guarantee(c)
		require.NotEmpty(t, g, c)
		require.Empty(t, seen[g], "%s has the guarantee of %s", c, seen[g])
		seen[g] = c
	}
	require.Subset(t, Checks(), faults.Checks())
	require.Empty(t, Guarantee("no such check"))
}
