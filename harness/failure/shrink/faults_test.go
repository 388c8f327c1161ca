//go:build failpoints

package shrink_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/judge"
)

// BenchmarkShrinkPlanted is BenchmarkShrink of our own system with bugs that checks of all kinds find.
func BenchmarkShrinkPlanted(b *testing.B) {
	all := map[string]broken{}
	s := aurora.System()
	for _, bug := range []string{"bugAckBeforeSync", "bugPromiseNotPersisted", "bugRecoverWithoutFence", "bugOpenBeforeRepair", "bugGossipRevivesCut",
		"bugUndoSkipped", "bugRollbackForgets", "bugScanLocksRows", "bugBackupUnseen", "bugNothingHidden", "bugAckNamesVDL", "bugFenceOnce"} {
		g, err := harness.WithPoints()
		require.NoError(b, err)
		g.Bug = bug
		for seed := uint64(1); seed < 100; seed++ {
			c, err := s.Generate(seed, g)
			require.NoError(b, err)
			if r := harness.Run(s, c); r.Verdict == judge.Violation {
				all[bug] = broken{s, failed(b, s, c)}
				break
			}
		}
		require.Contains(b, all, bug)
	}
	compare(b, all)
}
