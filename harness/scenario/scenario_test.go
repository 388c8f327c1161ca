package scenario_test

import (
	"errors"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/harness/scenario"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		e := scenario.New(aurora.Ours())
		defer e.Close()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			text, err := e.Do(d.Pos, d.FullCmd(), d.Input)
			if refused := new(conform.Violation); errors.As(err, &refused) {
				t.Fatalf("%s: %s", d.Pos, refused.Explain())
			}
			require.NoError(t, err)
			return text
		})
		require.NoError(t, e.Finish(), path)
	})
}
