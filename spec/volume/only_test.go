package volume

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// A broken variant breaks an invariant on its own, too; without those that it breaks the search goes to the end, as TLC does.
func TestOnly(t *testing.T) {
	s := Subject()
	decide := func(world string, names ...string) *check.Result {
		w, err := s.Lookup(world)
		require.NoError(t, err)
		m, err := s.Read(w.Constants)
		require.NoError(t, err)
		m, err = check.Only(m, names)
		require.NoError(t, err)
		r, err := check.Search(t.Context(), m, check.Options{})
		require.NoError(t, err)
		return r
	}
	all := decide("short-read-quorum", "NothingLost", "FreshRead", "OneLog")
	require.Equal(t, "NothingLost", all.Invariant)
	later := decide("short-read-quorum", "FreshRead")
	require.Equal(t, "FreshRead", later.Invariant)
	require.Greater(t, len(later.Trace), len(all.Trace))
	none := decide("short-read-quorum", "TypeOK")
	require.Equal(t, check.Pass, none.Verdict)

	require.Equal(t, "Answers(1, t1)", decide("1x1-up0", "Answers(1, t1)").Invariant)
	require.Equal(t, "Opens(2)", decide("1x1-up0", "Opens(2)", "Answers(1, t1)").Invariant)
	tiny, err := s.Lookup("tiny")
	require.NoError(t, err)
	m, err := s.Read(tiny.Constants)
	require.NoError(t, err)
	_, err = check.Only(m, []string{"Opens(2)"})
	require.ErrorContains(t, err, `model volume has no invariant "Opens(2)" in this world; known: TypeOK, OneLog, `)
}
