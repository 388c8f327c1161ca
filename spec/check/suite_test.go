package check_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/spec/check"
)

// worlds is a subject whose worlds are read by a function.
func worlds(read func(string) (check.Model, error)) check.Subject {
	return check.Subject{Name: "subject", Read: func(world []byte) (check.Model, error) {
		var name string
		if err := json.Unmarshal(world, &name); err != nil {
			return nil, err
		}
		return read(name)
	}}
}

// What comes out is held against what is expected, and each kind of difference is said.
func TestTry(t *testing.T) {
	s := worlds(func(name string) (check.Model, error) {
		switch name {
		case "passes":
			return lamp8(8), nil
		case "breaks":
			return puzzle(nil), nil
		case "vacuous":
			return lamp8(99), nil
		case "panics":
			return faulty{move: true}.model(), nil
		}
		return nil, errors.New("no such world")
	})
	for name, c := range map[string]struct {
		world    check.World
		options  check.Options
		verdict  check.Verdict
		found    string
		problem  string
		together check.Verdict
	}{
		"passes":                {check.World{Name: "passes"}, check.Options{}, check.Pass, "pass", "", check.Pass},
		"passes, with figures":  {check.World{Name: "passes", Distinct: 10, Generated: 18}, check.Options{}, check.Pass, "pass", "", check.Pass},
		"distinct differ":       {check.World{Name: "passes", Distinct: 11, Generated: 18}, check.Options{}, check.Pass, "pass", "10 distinct, TLC found 11", check.Violation},
		"generated differ":      {check.World{Name: "passes", Distinct: 10, Generated: 1800}, check.Options{}, check.Pass, "pass", "18 generated, TLC found 1,800", check.Violation},
		"breaks as expected":    {check.World{Name: "breaks", Violates: "NotFour"}, check.Options{}, check.Violation, "NotFour", "", check.Pass},
		"breaks unexpectedly":   {check.World{Name: "breaks"}, check.Options{}, check.Violation, "NotFour", "found NotFour, expected pass", check.Violation},
		"breaks something else": {check.World{Name: "breaks", Violates: "Five"}, check.Options{}, check.Violation, "NotFour", "found NotFour, expected Five", check.Violation},
		"does not break":        {check.World{Name: "passes", Violates: "NotFour"}, check.Options{}, check.Pass, "pass", "found pass, expected NotFour", check.Violation},
		"vacuous":               {check.World{Name: "vacuous"}, check.Options{}, check.Violation, "Reached", "Reached is not reachable, expected pass", check.Violation},
		"runs out":              {check.World{Name: "passes"}, check.Options{For: 1}, check.Incomplete, "incomplete", "the time limit of 1ns ran out", check.Incomplete},
		"panics":                {check.World{Name: "panics"}, check.Options{}, check.Incomplete, "incomplete", "check: model tally panicked", check.Incomplete},
		"does not read":         {check.World{Name: "other"}, check.Options{}, check.Incomplete, "incomplete", "no such world", check.Incomplete},
		"is no world":           {check.World{Name: "", Constants: []byte("7")}, check.Options{}, check.Incomplete, "incomplete", "cannot unmarshal", check.Incomplete},
	} {
		t.Run(name, func(t *testing.T) {
			if c.world.Constants == nil {
				c.world.Constants, _ = json.Marshal(c.world.Name)
			}
			trial := s.Try(t.Context(), c.world, c.options)
			require.Equal(t, "subject", trial.Model)
			require.Equal(t, c.world.Name, trial.World)
			require.Equal(t, c.verdict, trial.Verdict)
			require.Equal(t, c.found, trial.Found())
			if c.problem == "" {
				require.Empty(t, trial.Problem)
			}
			require.Contains(t, trial.Problem, c.problem)
			require.Equal(t, c.problem == "", trial.AsExpected())
			require.Equal(t, c.together, check.Trials{trial}.Verdict())
		})
	}
}

// lamp8 counts to 9, and must be able to reach n.
func lamp8(n uint8) check.Model {
	add := func(by uint8) func(s tally, yield func(tally, ...int)) {
		return func(s tally, yield func(tally, ...int)) {
			if s.N+by <= 9 {
				yield(tally{s.N + by}, int(by))
			}
		}
	}
	return check.Plain[tally]{
		Title: "tally", Constants: struct{}{},
		Moves: []check.Move[tally]{{Name: "Add", Next: add(1)}, {Name: "Leap", Next: add(2)}},
		Must:  []check.Must[tally]{{Name: "Small", Guarantee: "n stays below 10", Holds: func(s tally) bool { return s.N < 10 }}},
		Reach: []check.Must[tally]{{Name: "Reached", Guarantee: "n gets there", Holds: func(s tally) bool { return s.N == n }}},
	}.Model()
}

// A violation outranks what could not be told, and both outrank a pass; nothing at all is no pass.
func TestTrialsVerdict(t *testing.T) {
	pass := check.Trial{Verdict: check.Pass}
	expected := check.Trial{Verdict: check.Violation}
	wrong := check.Trial{Verdict: check.Pass, Problem: "found pass, expected Durable"}
	untold := check.Trial{Verdict: check.Incomplete, Problem: "the time ran out"}
	require.Equal(t, check.Incomplete, check.Trials{}.Verdict())
	require.Equal(t, check.Pass, check.Trials{pass, expected}.Verdict())
	require.Equal(t, check.Incomplete, check.Trials{pass, untold, expected}.Verdict())
	require.Equal(t, check.Violation, check.Trials{untold, wrong, pass}.Verdict())
	require.Equal(t, check.Violation, check.Trials{wrong, untold}.Verdict())
}

// Search decides progress where it is promised.
func TestSearchDecidesProgress(t *testing.T) {
	r, err := check.Search(t.Context(), lamp(true), check.Options{})
	require.NoError(t, err)
	require.Equal(t, "Breaks", r.Invariant)
	r, err = check.Search(t.Context(), puzzle(nil), check.Options{})
	require.NoError(t, err)
	require.Empty(t, r.Progress)
}
