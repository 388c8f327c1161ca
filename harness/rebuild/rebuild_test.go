package rebuild

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// The lecture's numbers (§8): 10 TB over one link of 10 Gb/s take 8000 s; 1 TB takes 800 s, and 8 s in a hundred pieces
// from a hundred hosts to a hundred others. The lecture says about 1000 and about 10.
func TestTheLecturesNumbers(t *testing.T) {
	var times []time.Duration
	for _, s := range Lecture() {
		require.NoError(t, s.Validate())
		times = append(times, s.Time())
	}
	require.Equal(t, []time.Duration{8000 * time.Second, 800 * time.Second, 800 * time.Second, 8 * time.Second, 80 * time.Second}, times)
}

// The largest load is that of one link, not the sum, and of the direction in which it is largest.
func TestTheLargestLoad(t *testing.T) {
	for _, c := range []struct {
		pieces, from, to int
		want             int64
	}{{10, 1, 10, 10}, {10, 10, 1, 10}, {10, 10, 10, 1}, {10, 4, 5, 3}, {10, 5, 4, 3}, {3, 10, 10, 1}} {
		require.Equal(t, c.want*7, Shape{Pieces: c.pieces, PieceBytes: 7, Sources: c.from, Destinations: c.to, Bandwidth: 1}.Load(), c)
	}
}

// What is calculated is what our own segments take, with real messages over links with that bandwidth.
func TestCalculationAndSimulationAgree(t *testing.T) {
	shapes := append(Lecture(),
		Shape{Pieces: 1, PieceBytes: GB(1), Sources: 1, Destinations: 1, Bandwidth: Gbit(1)},
		Shape{Pieces: 20, PieceBytes: GB(1), Sources: 7, Destinations: 3, Bandwidth: Gbit(1)},
		Shape{Pieces: 20, PieceBytes: GB(1), Sources: 3, Destinations: 20, Bandwidth: Gbit(1)})
	r, err := Run(t.Context(), shapes, 1)
	require.NoError(t, err)
	for _, row := range r.Rows {
		require.True(t, row.Agrees, "%+v", row)
		require.Greater(t, row.Difference, -0.001, "nothing is faster than its link: %+v", row)
		require.EqualValues(t, row.Simulation.Shape.Pieces, row.Simulation.Fills)
		require.Greater(t, row.Simulation.Chunks, row.Simulation.Fills, "a piece is more than one message")
		whole := float64(row.Simulation.Shape.Pieces) * float64(row.Simulation.Shape.PieceBytes)
		require.InEpsilon(t, whole, float64(row.Simulation.Bytes), 0.01, "each piece went over the network once")
	}
	require.EqualValues(t, "pass", r.Verdict())
	again, err := Simulate(shapes[0].Small(), 1)
	require.NoError(t, err)
	require.Equal(t, r.Rows[0].Simulation, again)

	var text bytes.Buffer
	require.NoError(t, r.WriteText(&text))
	for line := range strings.Lines(text.String()) {
		require.LessOrEqual(t, len(line), 101, line)
	}
	require.Contains(t, text.String(), "8000 s")
	require.Contains(t, text.String(), "yes\nverdict: pass")

	slow := r.Rows[0].Simulation
	slow.Time = slow.Time * 11 / 10
	r.Rows[0] = rowOf(r.Rows[0].Shape, r.Rows[0].Small, slow)
	require.EqualValues(t, "violation", r.Verdict())
	require.EqualValues(t, "violation", (&Report{}).Verdict(), "no case is no pass")
}

func TestShapesThatMakeNoSense(t *testing.T) {
	sound := Lecture()[3]
	for name, change := range map[string]func(*Shape){
		"no pieces":        func(s *Shape) { s.Pieces = 0 },
		"many pieces":      func(s *Shape) { s.Pieces = MaxPieces + 1 },
		"empty pieces":     func(s *Shape) { s.PieceBytes = 0 },
		"huge pieces":      func(s *Shape) { s.PieceBytes = maxBytes + 1 },
		"no sources":       func(s *Shape) { s.Sources = 0 },
		"no destinations":  func(s *Shape) { s.Destinations = -1 },
		"many hosts":       func(s *Shape) { s.Sources = MaxHosts + 1 },
		"without a link":   func(s *Shape) { s.Bandwidth = 0 },
		"a negative piece": func(s *Shape) { s.PieceBytes = -5 },
	} {
		s := sound
		change(&s)
		var bad *ShapeError
		require.ErrorAs(t, s.Validate(), &bad, name)
		require.Contains(t, bad.Error(), "expected 1 to ", name)
		_, err := Run(t.Context(), []Shape{s}, 1)
		require.ErrorAs(t, err, &bad, name)
	}
	_, err := Simulate(sound, 1)
	require.ErrorContains(t, err, "to simulate", "10 GB are not for the simulator")
}
