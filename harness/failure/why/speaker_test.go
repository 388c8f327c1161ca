package why

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/failure/where"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// "Operation 12 is done" says nothing; which file and how many bytes tells a log record from a snapshot of pages.
func TestASpeakerKnowsTheOperationsOfDisks(t *testing.T) {
	c, err := aurora.Generate(1, harness.Generation{})
	require.NoError(t, err)
	var s *Speaker
	known := regexp.MustCompile(`^was told by its disk that (the sync of (\d+ new bytes of its file \S+( and |, )?)+|the sync of what it had synced before|the replacement of its file \S+ by one of \d+ bytes|a read) (is done|failed)`)
	syncs, replaces := 0, 0
	harness.RunWith(aurora.System(), c.Whole(), harness.Options{Listen: func(w *sim.World, e *sim.Event) {
		if s == nil {
			s = NewSpeaker(w)
		}
		_, words := s.Words(e)
		if e.Kind != sim.EventDisk {
			return
		}
		require.Regexp(t, known, words)
		switch words[len("was told by its disk that the ")] {
		case 's':
			syncs++
		case 'r':
			replaces++
		}
	}})
	require.Greater(t, syncs, 50)
	require.Greater(t, replaces, 5)
}

// What a process had begun is gone with it: the token of its next life is another operation.
func TestASpeakerForgetsWhatACrashTook(t *testing.T) {
	s := &Speaker{world: nil, appended: map[node.ID]map[string]int{}, operation: map[operationName]string{}}
	s.begun(1, &sim.Begun{File: "log", Bytes: 10})
	s.begun(1, &sim.Begun{File: "log", Bytes: 5})
	s.begun(1, &sim.Begun{Sync: true, Token: 7})
	s.begun(1, &sim.Begun{File: "log", Bytes: 3})
	require.Equal(t, "the sync of 15 new bytes of its file log", s.operation[operationName{1, 7}])
	s.forget(1)
	require.Empty(t, s.operation)
	s.begun(1, &sim.Begun{Sync: true, Token: 7})
	require.Equal(t, "the sync of what it had synced before", s.operation[operationName{1, 7}])
}

func TestWhatBecomesWithoutAFault(t *testing.T) {
	for want, f := range map[string]where.Counterfactual{"it passes": {Passes: true}, "it fails as before": {Instead: "the same"}, "it fails by trace": {Instead: "trace"},
		"there is no such run: too many": {Unmade: "too many"}} {
		require.Equal(t, want, becomes(f))
	}
}
