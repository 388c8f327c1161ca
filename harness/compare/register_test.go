package compare

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever its quorums are, the register answers as long as they say that it can, and its model objects where they do not
// overlap, and nowhere else.
func TestRegistersOfAnyQuorums(t *testing.T) {
	o := small()
	for _, text := range []string{"3/2/2", "3/1/3", "3/3/1", "3/1/1", "5/3/3", "6/3/4", "1/1/1"} {
		q := DefaultRegister()
		require.NoError(t, q.Set(text))
		q.ReadRepair = text != "3/2/2"
		d := Designs(q)[4]
		require.Equal(t, "quorum", d.Name)
		x, err := measure(&d, o)
		require.NoError(t, err, q.String())
		claims := 0
		q.claims(&x, func(holds bool, text, found string, args ...any) {
			claims++
			require.True(t, holds, "%s: %s: found %s", q.String(), text, fmt.Sprintf(found, args...))
		})
		require.GreaterOrEqual(t, claims, len(Failures()))
		require.Positive(t, x.Traced, q.String())
		require.Equal(t, !q.overlaps(), x.Objection != nil, q.String())
		objects := func(q Register, x Result) (all int) {
			q.claims(&x, func(holds bool, _, _ string, _ ...any) {
				if !holds {
					all++
				}
			})
			return all
		}
		require.Positive(t, objects(q, Result{Survivals: make([]Survival, len(Failures()))}), "nothing measured claims nothing")
		if x.Objection != nil {
			require.Equal(t, "Durable", x.Objection.Rule)
			x.Objection = nil
			require.Positive(t, objects(q, x))
		}
	}
}

func TestRegistersThatMakeNoSense(t *testing.T) {
	for _, text := range []string{"", "3", "3/2", "3/2/2/1", "a/2/2", "0/1/1", "10/2/2", "3/0/2", "3/4/2", "3/2/0", "3/2/4", "3/-1/2"} {
		var q Register
		require.ErrorContains(t, q.Set(text), "expected ", text)
	}
	var q Register
	require.NoError(t, q.Set("6/3/4"))
	require.Equal(t, "6/3/4", q.String())
}
