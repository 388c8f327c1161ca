package conform

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/impl/node"
)

// playedWithout runs a legal story of a toy of which the validator hears nothing from the segments of the numbers given. It
// returns the violation, or nil.
func playedWithout(t *testing.T, v *node.Volume, play func(*toy), silent ...int) *Violation {
	t.Helper()
	x, err := New(v)
	require.NoError(t, err)
	y := newToy(v, 1, func(from node.ID, s node.Trace) {
		for _, r := range silent {
			if x.segments[r].id == from {
				return
			}
		}
		_ = x.Tell(0, from, &s) // the first violation stays
	})
	play(y)
	return x.Violation()
}

// A stranger's segments may tell no trace. Their writer was blamed: it advanced its VCL, and of all that the model knew no
// segment stored anything.
func TestASegmentWithoutATraceIsNamed(t *testing.T) {
	three, two := toyVolume(1, 3, 2, 2), toyVolume(2, 3, 2, 2)
	committed := func(y *toy) { y.committed(y.writer(1), y.inGroups()...) }
	takenOver := func(y *toy) {
		w := y.fenced(0, 1)
		must(w.decide())
		must(y.segment(0, 0).join(w))
		must(y.segment(0, 1).join(w))
		must(w.open())
	}
	opened := func(y *toy) {
		w := y.fenced(0, 1)
		must(w.decide())
		must(y.segment(0, 2).fence(w))
		must(y.segment(0, 0).join(w))
		must(y.segment(0, 2).join(w))
		must(w.open())
	}
	filled := func(y *toy) {
		w := y.writer(1)
		w.write(w.begin(), "ant", "1", true)
		y.store(w, 1, 0)
		y.tell(y.segment(0, 1).id, node.Trace{Action: node.ActFill, Epoch: 1, From: y.segment(0, 0).id, LSN: 1})
	}
	for _, c := range []struct {
		name   string
		volume *node.Volume
		play   func(*toy)
		silent []int
		why    string // "" when the run can do without them
	}{
		{"none silent", three, committed, nil, ""},
		{"one of three, and the others are a quorum", three, committed, []int{2}, ""},
		{"all of a group", three, committed, []int{0, 1, 2},
			"segment 1/1, segment 1/2, segment 1/3 told no trace, so what is done there is not known: epoch 1 counts LSN 1 as complete"},
		{"two of three", three, committed, []int{0, 2},
			"segment 1/1, segment 1/3 told no trace, so what is done there is not known: epoch 1 counts LSN 1 as complete"},
		{"the second group", two, committed, []int{3, 4, 5},
			"segment 2/1, segment 2/2, segment 2/3 told no trace, so what is done there is not known: epoch 1 counts LSN 2 as complete"},
		{"one that a take-over heard", three, takenOver, []int{1},
			"segment 1/2 told no trace, so what is done there is not known: epoch 2 may not cut by these answers"},
		{"one that joined", three, opened, []int{2},
			"segment 1/3 told no trace, so what is done there is not known: epoch 2 may not open"},
		{"one that gave images", three, filled, []int{0},
			"segment 1/1 told no trace, so what is done there is not known: segment 1/2 takes from segment 1/1 images of record 1, which it never held"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := playedWithout(t, c.volume, c.play, c.silent...)
			if c.why == "" {
				require.Nil(t, x)
				return
			}
			require.NotNil(t, x)
			require.Equal(t, c.why, x.Why)
		})
	}
}

// A silence that explains nothing is not brought up: with the third segment the record would still be on two of four.
func TestASilenceThatExplainsNothingIsNotNamed(t *testing.T) {
	four := toyVolume(1, 4, 3, 2)
	x := playedWithout(t, four, func(y *toy) {
		w := y.writer(1)
		w.write(w.begin(), "ant", "1", true)
		y.store(w, 1, 0)
		y.segment(0, 1).fence(y.start())
		y.segment(0, 2).fence(y.writer(2))
		y.tell(w.id, node.Trace{Action: node.ActAdvance, Epoch: 1, LSN: 1})
	}, 3)
	require.NotNil(t, x)
	require.True(t, strings.HasPrefix(x.Why, "epoch 1 counts LSN 1"), x.Why)
}
