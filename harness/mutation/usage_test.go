package mutation_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/mutation"
)

// steady is a survey of hundred runs, in which every draw sends a thousand messages, give or take fifty, and begins a reader anew once
// or not at all. One run in twenty may wait for long, and then asks for one page again and again.
func steady() *mutation.Survey {
	state := uint64(9)
	next := func(n uint64) uint64 {
		state = state*6364136223846793005 + 1442695040888963407
		return (state >> 33) % n
	}
	draw := func(run int) mutation.Usage {
		u := mutation.Usage{"world.messages": 950 + next(101), "anew": next(2), "messages read-page": 2}
		if run%20 == 0 {
			u["messages read-page"] = 1 + next(2)*300
		}
		return u
	}
	s := &mutation.Survey{}
	for i := range 100 {
		r := mutation.Surveyed{Seed: uint64(i + 1), Usage: draw(i)}
		r.Usage["world.messages"] = 1000
		for range mutation.Neutral {
			r.Neutral = append(r.Neutral, draw(i))
		}
		s.Runs = append(s.Runs, r)
	}
	return s
}

func seeds(s *mutation.Survey) (all []uint64) {
	for _, r := range s.Runs {
		all = append(all, r.Seed)
	}
	return all
}

// What draws do that are not of the survey moves nothing, and what does more than that is named, with its numbers.
func TestUsageIsHeldAgainstOtherDraws(t *testing.T) {
	s := steady()
	another := mutation.Usage{}
	for _, r := range s.Runs {
		another.Add(r.Neutral[2])
	}
	require.Empty(t, s.Moved(seeds(s), another))

	broken := mutation.Usage{}
	broken.Add(another)
	broken["anew"] = 2230
	delete(broken, "world.messages")
	broken["retries"] = 13 // that no run without a mutant has
	moved := s.Moved(seeds(s), broken)
	require.Len(t, moved, 3)
	require.Regexp(t, `^usage: anew: expected \d+ ± \d+, found 2,230$`, moved[0].String())
	require.Equal(t, "world.messages", moved[1].Name)
	require.Zero(t, moved[1].Found)
	require.InDelta(t, 100_000, moved[1].Expected, 1000)
	require.GreaterOrEqual(t, moved[1].Tolerance, uint64(10_000), "a tenth at least")
	require.Equal(t, mutation.Moved{Name: "retries", Tolerance: 6, Expected: 6, Found: 13}, moved[2])

	require.Empty(t, s.Moved(seeds(s)[:19], broken), "of few runs nothing is said")
	require.Empty(t, s.Moved(nil, nil))
}

// The calibration names every amount, and one that few runs have much of has a wider tolerance than its spread alone.
func TestTheCalibrationWidensWhatIsHeavy(t *testing.T) {
	c := steady().Calibrate()
	require.Equal(t, 2400, c.Sets)
	require.Len(t, c.Amounts, 3)
	by := map[string]mutation.Calibrated{}
	for _, a := range c.Amounts {
		require.GreaterOrEqual(t, a.Wider, max(1, a.Furthest), a.Name)
		by[a.Name] = a
	}
	require.Less(t, by["world.messages"].Spread, 0.01)
	require.InDelta(t, 1, by["world.messages"].Wider, 1e-9)
	require.Greater(t, by["messages read-page"].Spread, 0.1)
	require.Greater(t, by["messages read-page"].Furthest, by["world.messages"].Furthest)
	var b bytes.Buffer
	require.NoError(t, c.WriteText(&b))
	require.Contains(t, b.String(), "2,400 sets of runs that draw other delays\n")
	require.Contains(t, b.String(), "\nworld.messages ")
}
