package mutation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/faults/mutants"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/mutation"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// The tests' own program plays one that has mutants: what it does, the number says.
func TestMain(m *testing.M) {
	number := os.Getenv(mutants.Variable)
	if number == "" {
		os.Exit(m.Run())
	}
	var runs []mutation.Planned
	if err := json.NewDecoder(os.Stdin).Decode(&runs); err != nil {
		panic(err)
	}
	o := mutation.Outcome{Runs: len(runs), Events: 4000}
	fmt.Sscan(number, &o.Number)
	switch o.Number {
	case 0:
		for _, r := range runs {
			if r.Seed == 13 {
				fmt.Fprintln(os.Stderr, "mutate: seed 13: expected a run without a mutant to pass")
				os.Exit(2)
			}
			json.NewEncoder(os.Stdout).Encode(mutation.Surveyed{Seed: r.Seed, Hash: r.Seed * 7, Events: 10, Infected: []int{1, 2}})
		}
		return
	case 1:
		o.Noticed, o.By, o.Runs = true, []faults.Check{faults.Trace}, 3
	case 2: // survives
	case 3:
		o.Changed = []uint64{runs[0].Seed} // survives, and is seen in what it spends
		o.Usage = mutation.Usage{"messages": 5}
	case 4:
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGUSR1)
		<-signals // that nobody sends; to wait for nothing at all would be found out as a deadlock
	case 5:
		os.Exit(mutation.MemoryExit)
	case 6:
		panic("as a stack without an end ends")
	case 7:
		fmt.Fprintln(os.Stderr, "mutate: broken in some other way")
		os.Exit(2)
	case 8:
		o.Number = 9
	}
	json.NewEncoder(os.Stdout).Encode(o)
}

func list(numbers ...int) (all []mutants.Mutant) {
	for _, n := range numbers {
		p := "impl/a"
		if n > 3 {
			p = "impl/b"
		}
		all = append(all, mutants.Mutant{Number: n, Package: p, File: p + "/f.go", Line: 10 * n, Func: "S.f", Kind: mutants.Negated, Source: fmt.Sprint("x == ", n)})
	}
	return all
}

func options(t *testing.T) mutation.Options {
	self, err := os.Executable()
	require.NoError(t, err)
	return mutation.Options{Program: []string{self}, Workers: 2, Patience: time.Minute}
}

func trials(numbers ...int) (all []mutation.Trial) {
	for _, n := range numbers {
		all = append(all, mutation.Trial{Number: n, Runs: []mutation.Planned{{Seed: 5, Hash: 35}, {Seed: 6, Hash: 42}}})
	}
	return all
}

func try(ctx context.Context, list []mutation.Trial, o mutation.Options) (map[int]mutation.Outcome, error) {
	outcomes := map[int]mutation.Outcome{}
	return outcomes, mutation.Try(ctx, list, o, func(o mutation.Outcome) { outcomes[o.Number] = o })
}

// What a check notices, what survives, and what a process does not come back from are told apart, and each outcome is told.
func TestEachMutantHasAProcess(t *testing.T) {
	o := options(t)
	outcomes, err := try(t.Context(), trials(1, 2, 3, 5, 6), o)
	require.NoError(t, err)
	require.Len(t, outcomes, 5)
	require.Equal(t, mutation.Outcome{Number: 1, Noticed: true, By: []faults.Check{faults.Trace}, Runs: 3, Events: 4000}, outcomes[1])
	require.False(t, outcomes[2].Noticed)
	require.Equal(t, mutation.Outcome{Number: 3, Runs: 2, Events: 4000, Changed: []uint64{5}, Usage: mutation.Usage{"messages": 5}}, outcomes[3])
	require.Equal(t, "memory", outcomes[5].Without)
	require.Equal(t, "a crash", outcomes[6].Without)

	o.Patience = 50 * time.Millisecond
	outcomes, err = try(t.Context(), trials(4), o)
	require.NoError(t, err)
	require.Equal(t, mutation.Outcome{Number: 4, Noticed: true, Without: "a hang"}, outcomes[4])
}

// A process that fails for a reason of its own has noticed nothing.
func TestABrokenProcessIsNoOutcome(t *testing.T) {
	outcomes, err := try(t.Context(), trials(7, 8, 2), options(t))
	require.ErrorContains(t, err, "mutant 7: exit status 2: mutate: broken in some other way")
	require.ErrorContains(t, err, "expected the outcome of mutant 8, found that of 9")
	require.Len(t, outcomes, 1)

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = try(gone, trials(1), options(t))
	require.ErrorIs(t, err, context.Canceled)
}

// A survey has each run once, in the order of the seeds, goes on where it was ended, and a run that fails ends it.
func TestASurveyHasEachRunOnce(t *testing.T) {
	s := mutation.Survey{Runs: []mutation.Surveyed{{Seed: 7, Hash: 1}}}
	heard := 0
	require.NoError(t, s.Look(t.Context(), 1, 12, options(t), func(mutation.Surveyed) { heard++ }))
	require.Equal(t, 11, heard)
	require.Len(t, s.Runs, 12)
	for i, r := range s.Runs {
		require.EqualValues(t, i+1, r.Seed)
	}
	require.EqualValues(t, 1, s.Runs[6].Hash, "it is not made again")
	require.ErrorContains(t, s.Look(t.Context(), 13, 1, options(t), func(mutation.Surveyed) {}), "survey of seeds from 13: exit status 2: mutate: seed 13: expected a run")
	_, err := mutation.ReadSurveyed([]byte("{}\n{\"seed\":\n"))
	require.Error(t, err)
}

// A mutant is tried on the first runs that it would have changed, the costly ones last, and on none that it would not have.
func TestRunsAreChosenThatAMutantChanges(t *testing.T) {
	s := &mutation.Survey{}
	for seed := uint64(1); seed <= 9; seed++ {
		r := mutation.Surveyed{Seed: seed, Hash: 10 * seed, Events: 100, Infected: []int{2}}
		if seed%2 == 1 {
			r.Infected = []int{2, 4, 7}
		}
		if seed == 3 {
			r.Events = 401
		}
		s.Runs = append(s.Runs, r)
	}
	require.Equal(t, []mutation.Planned{{1, 10}, {5, 50}, {7, 70}}, s.Choose(4, 3))
	require.Equal(t, []mutation.Planned{{1, 10}, {5, 50}, {7, 70}, {9, 90}, {3, 30}}, s.Choose(7, 100))
	require.Empty(t, s.Choose(3, 100))
	require.Len(t, s.Choose(2, 4), 4)
}

// The score leaves out what is argued to be equivalent, and an argument that a run disproves is named.
func TestTheScoreIsHonest(t *testing.T) {
	all := list(1, 2, 3, 4, 5, 6)
	arguments, err := mutation.ReadArguments(strings.NewReader("# equivalent\n\n"+all[1].Name()+"\tasked twice is asked once\n"+all[4].Name()+"\tnot so\n"), all)
	require.NoError(t, err)
	survey := steady()
	outcomes := map[int]mutation.Outcome{1: {Noticed: true}, 2: {Runs: 200}, 3: {}, 4: {Runs: 200}, 5: {Noticed: true},
		6: {Runs: 200, Changed: seeds(survey), Usage: mutation.Usage{"world.messages": 100 * 2000, "anew": 100}}}
	r := mutation.Sum(all, survey, outcomes, arguments)
	require.Equal(t, []mutation.Score{
		{Package: "impl/a", Mutants: 3, Tried: 3, Noticed: 1, Argued: 1, Survived: 1, Idle: 1},
		{Package: "impl/b", Mutants: 3, Tried: 3, Noticed: 1, Usage: 1, Survived: 1},
		{Mutants: 6, Tried: 6, Noticed: 2, Usage: 1, Argued: 1, Survived: 2, Idle: 1},
	}, r.Scores)
	require.InDelta(t, 0.4, r.Scores[2].Share(), 1e-9)
	require.InDelta(t, 0.6, r.Scores[2].ShareWithUsage(), 1e-9)
	require.Zero(t, mutation.Score{Tried: 1, Argued: 1}.Share())
	var b bytes.Buffer
	require.NoError(t, r.WriteText(&b))
	require.Contains(t, b.String(), "impl/b/f.go:50: argued to be equivalent, and noticed: impl/b S.f negated: x == 5\n")
	require.Contains(t, b.String(), "\n- impl/a/f.go:30: negated: x == 3\n= impl/b/f.go:40: negated: x == 4\n")
	require.Contains(t, b.String(), "\n  impl/b/f.go:60: negated: x == 6: usage: world.messages: expected 100,0")
	require.NotContains(t, b.String(), "x == 2")
}

func TestArgumentsAreOfMutants(t *testing.T) {
	_, err := mutation.ReadArguments(strings.NewReader("# none\nimpl/a S.f negated: gone\tbecause\n"), list(1))
	require.EqualError(t, err, `line 2: expected the name of a mutant, found "impl/a S.f negated: gone", which there is none of`)
	_, err = mutation.ReadArguments(strings.NewReader(list(1)[0].Name()+"\t\n"), list(1))
	require.ErrorContains(t, err, "line 1: expected the name of a mutant, a tab, and why it is equivalent")
}

func TestASearchNeedsAMutant(t *testing.T) {
	_, err := mutation.Number()
	require.ErrorContains(t, err, mutants.Variable+": expected the number of a mutant")
	t.Setenv(mutants.Variable, "17")
	n, err := mutation.Number()
	require.NoError(t, err)
	require.Equal(t, 17, n)
	_, err = mutation.Search(broken{}, n, []mutation.Planned{{Seed: 1}})
	require.ErrorIs(t, err, errBroken)
	_, err = mutation.Look(broken{}, 1)
	require.ErrorIs(t, err, errBroken)
}

var errBroken = errors.New("no configuration")

// broken is a system of which no run can be made.
type broken struct{ harness.System }

func (broken) Generate(uint64, harness.Generation) (configuration.Configuration, error) {
	return configuration.Configuration{}, errBroken
}

// A survey of our own system: what a run does without a mutant is what it does in a search, so that no mutant has changed it, and the
// draws beside it differ.
func TestASearchWithoutAMutantChangesNothing(t *testing.T) {
	system := aurora.System()
	seen, err := mutation.Look(system, 3)
	require.NoError(t, err)
	require.Len(t, seen.Neutral, mutation.Neutral)
	require.NotEqual(t, seen.Usage, seen.Neutral[0])
	require.NotEqual(t, seen.Neutral[0], seen.Neutral[1])
	require.Equal(t, seen.Usage["scenes.acknowledged-crash"], seen.Neutral[0]["scenes.acknowledged-crash"])
	require.Positive(t, seen.Usage["world.messages"])
	require.Positive(t, seen.Usage["time of transactions"])
	o, err := mutation.Search(system, 1, []mutation.Planned{{Seed: 3, Hash: seen.Hash}})
	require.NoError(t, err)
	require.Equal(t, mutation.Outcome{Number: 1, Runs: 1, Events: seen.Events, Usage: mutation.Usage{}}, o)
	o, err = mutation.Search(system, 1, []mutation.Planned{{Seed: 3, Hash: seen.Hash + 1}})
	require.NoError(t, err)
	require.Equal(t, []uint64{3}, o.Changed)
	require.Equal(t, seen.Usage, o.Usage)
}
