package raft

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// walk takes the steps, each named by how its text begins, and returns the machine after them. No invariant may break before the
// last one.
func walk(t *testing.T, w World, steps ...string) *machine {
	t.Helper()
	m, err := New(w)
	require.NoError(t, err)
	k := m.NewMachine().(*machine)
	for n, step := range steps {
		var possible []string
		found := false
		k.Next(func(int, int) bool {
			possible = append(possible, k.Step())
			found = strings.HasPrefix(k.Step(), step)
			return !found
		})
		require.True(t, found, "%s is not possible; possible: %s", step, strings.Join(possible, ", "))
		if n < len(steps)-1 {
			require.Equal(t, -1, k.Broken(), "after %s", step)
		}
	}
	return k
}

func vars(k check.Machine) map[string]string {
	all := map[string]string{}
	for _, v := range k.Vars() {
		all[v.Name] = v.Value
	}
	return all
}
