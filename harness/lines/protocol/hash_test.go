package protocol_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/protocol"
)

// seeds are those of a few runs. In that of the last one of a segment a record is damaged on its way, and its kind has no name.
func seeds(r protocol.Role) []uint64 {
	if r == protocol.Segment {
		return []uint64{1, 2, 16}
	}
	return []uint64{1, 2}
}

// The protocol carries everything: a run whose nodes are other programs is the run of the same nodes in this process, event by event.
func TestARunOverLinesIsTheRunInThisProcess(t *testing.T) {
	for _, role := range protocol.Roles() {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			maker := protocol.Maker(newReplica)
			if role != protocol.Replica {
				var err error
				maker, err = protocol.Ours(role)
				require.NoError(t, err)
			}
			inside, outside := system(t, role, maker), system(t, role, program(string(role), lines.Limits{}).Maker())
			for _, seed := range seeds(role) {
				c, err := inside.Generate(seed, harness.Generation{})
				require.NoError(t, err)
				want, found := harness.Run(inside, c), harness.Run(outside, c)
				for _, f := range found.Findings {
					t.Log(f.String(), f.Explain())
				}
				require.Equal(t, judge.Pass, want.Verdict)
				require.Equal(t, judge.Pass, found.Verdict)
				require.Equal(t, want.Counts, found.Counts)
				require.Equal(t, want.Made, found.Made)
				require.Equal(t, want.Hash, found.Hash, "seed %d", seed)
			}
		})
	}
}
