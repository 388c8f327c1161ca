package check_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

func TestOnly(t *testing.T) {
	// All that is promised, one at a time: the lock service without fencing breaks one of the two.
	whole := lockService(2, false)
	for name, verdict := range map[string]check.Verdict{"InOrder": check.Violation, "ComesFree": check.Pass} {
		m, err := check.Only(whole, []string{name})
		require.NoError(t, err)
		r, err := check.Search(t.Context(), m, check.Options{})
		require.NoError(t, err)
		require.Equal(t, verdict, r.Verdict)
		require.Equal(t, name == "ComesFree", len(r.Progress) == 1)
	}
	r, err := check.Search(t.Context(), whole, check.Options{})
	require.NoError(t, err)
	require.Equal(t, check.Violation, r.Verdict, "the model itself is as it was")

	_, err = check.Only(whole, []string{"InOrder", "Fast"})
	var unknown *check.UnknownInvariantError
	require.ErrorAs(t, err, &unknown)
	require.EqualError(t, err, `model lock service has no invariant "Fast" in this world; known: InOrder, ComesFree`)
	_, err = check.Only(stubborn{whole}, []string{"InOrder"})
	require.EqualError(t, err, "model lock service decides all of its invariants together: InOrder")
}

// stubborn hides all but the methods of a Model.
type stubborn struct{ check.Model }
