package transitions

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/verdict"
)

func TestPair(t *testing.T) {
	r, err := Run(t.Context(), Options{Implementation: aurora.Ours(), Scope: Scopes()[0]})
	require.NoError(t, err)
	require.NoError(t, r.WriteText(os.Stdout))
	require.Equal(t, verdict.Pass, r.Verdict())
}

func TestThree(t *testing.T) {
	r, err := Run(t.Context(), Options{Implementation: aurora.Ours(), Scope: Scopes()[1]})
	require.NoError(t, err)
	require.NoError(t, r.WriteText(os.Stdout))
	require.Equal(t, verdict.Pass, r.Verdict())
}
