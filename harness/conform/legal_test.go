package conform

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/tally"
	"github.com/firstgap/firstgap/impl/node"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// A told step of a toy, kept so that a test can change it.
type toldStep struct {
	from  node.ID
	trace node.Trace
}

// shapes are the volumes that the random runs use.
var shapes = []*node.Volume{
	toyVolume(1, 3, 2, 2), toyVolume(2, 3, 2, 2), toyVolume(1, 6, 4, 3), toyVolume(3, 6, 4, 3), toyVolume(2, 4, 3, 2),
	toyVolume(1, 1, 1, 1), toyVolume(2, 3, 3, 1),
	growing(withSpares(toyVolume(3, 3, 2, 2), 1), 1), withSpares(toyVolume(1, 6, 4, 3), 3),
	withTails(withSpares(toyVolume(1, 6, 4, 3), 2), 1, 3, 5, 7),
}

// wandered returns the trace of a legal random run.
func wandered(v *node.Volume, seed uint64, steps int, epochs node.Epoch) []toldStep {
	var trace []toldStep
	y := newToy(v, seed, func(from node.ID, t node.Trace) { trace = append(trace, toldStep{from, t}) })
	y.wander(steps, epochs)
	return trace
}

// validate tells a trace and finishes.
func validate(v *node.Volume, trace []toldStep) (*Validator, error) {
	x, err := New(v)
	if err != nil {
		return nil, err
	}
	for i := range trace {
		if err := x.Tell(node.Time(i)*1000, trace[i].from, &trace[i].trace); err != nil {
			return x, err
		}
	}
	return x, x.Finish()
}

func TestLegalTracesAreAccepted(t *testing.T) {
	var sum Counts
	for seed := range uint64(300) {
		v := shapes[seed%uint64(len(shapes))]
		trace := wandered(v, seed, 3400, 6)
		x, err := validate(v, trace)
		var violation *Violation
		if errors.As(err, &violation) {
			t.Fatalf("seed %d: a legal trace was refused:\n%s", seed, violation.Explain())
		}
		require.NoError(t, err)
		require.Equal(t, uint64(len(trace)), x.Counts().Steps, "seed %d: every step counts", seed)
		one := x.Counts()
		tally.Add(&sum, &one)
	}
	// Had the runs done nothing of a kind, accepting them would say nothing about it.
	for name, count := range tally.Index(&sum) {
		require.NotZero(t, *count, name)
	}
	require.Greater(t, sum.Opens, uint64(100))
	require.Greater(t, sum.Cuts, uint64(50))
	require.Greater(t, sum.Undos, uint64(300))
	require.Greater(t, sum.Structures, uint64(300))
	require.Greater(t, sum.Moves, uint64(100))
	require.Greater(t, sum.Resumed, uint64(100))
	require.Greater(t, sum.Acks, uint64(400))
	t.Logf("%+v", sum)
}
