package register_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/examples/register"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/harnesstest"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/killtable"
)

func TestTheRegisterPasses(t *testing.T) {
	for _, s := range []harness.System{register.System(), register.InMemory()} {
		t.Run(s.Name(), func(t *testing.T) {
			t.Parallel()
			harnesstest.Run(t, campaign.Options{System: s, Runs: 300})
		})
	}
}

// A system that passes shows little; that each of its bugs is found, from wherever the search begins, shows that the checks
// look.
func TestEveryPlantedBugIsFound(t *testing.T) {
	for _, s := range []harness.System{register.System(), register.InMemory()} {
		t.Run(s.Name(), func(t *testing.T) {
			t.Parallel()
			table, err := killtable.Run(t.Context(), killtable.Options{System: s})
			require.NoError(t, err)
			var text strings.Builder
			require.NoError(t, table.WriteText(&text))
			t.Logf("\n%s", text.String())
			for _, r := range table.Rows {
				require.Empty(t, r.Problem, r.Bug.Name)
			}
		})
	}
}

// The file of a failure is all that it takes to see the failure again.
func TestAFailureReplays(t *testing.T) {
	var found *failure.Failure
	s, err := campaign.Run(t.Context(), campaign.Options{System: register.System(), Runs: 50, Failures: 1,
		Generation: harness.Generation{Bug: "bugQuorumOfOne"}, Failed: func(f campaign.Failed) error {
			found = f.Failure
			return nil
		}})
	require.NoError(t, err)
	require.Equal(t, judge.Violation, s.Verdict)
	file := filepath.Join(t.TempDir(), "failure.fgt")
	require.NoError(t, found.Write(file))
	read, err := failure.Read(file)
	require.NoError(t, err)
	again, err := failure.Again(read, []harness.System{register.InMemory(), register.System()})
	require.NoError(t, err)
	require.Equal(t, failure.Reproduced, again.Answer, again.Differences)
	_, err = failure.Again(read, nil)
	require.ErrorContains(t, err, `the failure needs the system "register"`)
}

// The register is there to be read.
func TestTheRegisterFitsOnAFewPages(t *testing.T) {
	text, err := os.ReadFile("register.go")
	require.NoError(t, err)
	require.LessOrEqual(t, strings.Count(string(text), "\n"), 150)
}
