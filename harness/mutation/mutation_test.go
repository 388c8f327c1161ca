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
	o := mutation.Outcome{Runs: 200, Events: 4000, Reached: true}
	fmt.Sscan(number, &o.Number)
	switch o.Number {
	case 1:
		o.Noticed, o.By, o.Runs = true, []faults.Check{faults.Trace}, 3
	case 2: // survives
	case 3:
		o.Reached = false // survives, and no run came by
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

// What a check notices, what survives, and what a process does not come back from are told apart, and each outcome is told at once.
func TestEachMutantHasAProcess(t *testing.T) {
	o, heard := options(t), 0
	o.Heard = func(mutation.Outcome) { heard++ }
	outcomes, err := mutation.Try(t.Context(), list(1, 2, 3, 5, 6), o)
	require.NoError(t, err)
	require.Equal(t, 5, heard)
	require.Equal(t, mutation.Outcome{Number: 1, Noticed: true, By: []faults.Check{faults.Trace}, Runs: 3, Events: 4000, Reached: true}, outcomes[1])
	require.False(t, outcomes[2].Noticed)
	require.Equal(t, "memory", outcomes[5].Without)
	require.Equal(t, "a crash", outcomes[6].Without)

	o.Patience = 50 * time.Millisecond
	outcomes, err = mutation.Try(t.Context(), list(4), o)
	require.NoError(t, err)
	require.Equal(t, mutation.Outcome{Number: 4, Noticed: true, Without: "a hang", Reached: true}, outcomes[4])
}

// A process that fails for a reason of its own has noticed nothing.
func TestABrokenProcessIsNoOutcome(t *testing.T) {
	outcomes, err := mutation.Try(t.Context(), list(7, 8, 2), options(t))
	require.ErrorContains(t, err, "mutant 7: exit status 2: mutate: broken in some other way")
	require.ErrorContains(t, err, "expected the outcome of mutant 8, found that of 9")
	require.Len(t, outcomes, 1)
}

func TestWhatWasTriedIsNotTriedAgain(t *testing.T) {
	o := options(t)
	o.Done = map[int]mutation.Outcome{2: {Number: 2, Noticed: true}}
	o.Heard = func(mutation.Outcome) { t.Fail() }
	outcomes, err := mutation.Try(t.Context(), list(2), o)
	require.NoError(t, err)
	require.True(t, outcomes[2].Noticed)

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = mutation.Try(gone, list(1), o)
	require.ErrorIs(t, err, context.Canceled)
}

// The score leaves out what is argued to be equivalent, and an argument that a run disproves is named.
func TestTheScoreIsHonest(t *testing.T) {
	all := list(1, 2, 3, 4, 5, 6)
	arguments, err := mutation.ReadArguments(strings.NewReader("# equivalent\n\n"+all[1].Name()+"\tasked twice is asked once\n"+all[4].Name()+"\tnot so\n"), all)
	require.NoError(t, err)
	r := mutation.Sum(all, map[int]mutation.Outcome{1: {Noticed: true}, 2: {Runs: 200}, 3: {Runs: 200}, 4: {Reached: true, Runs: 200}, 5: {Noticed: true}}, arguments)
	require.Equal(t, []mutation.Score{
		{Package: "impl/a", Mutants: 3, Tried: 3, Noticed: 1, Argued: 1, Survived: 1, Idle: 1},
		{Package: "impl/b", Mutants: 3, Tried: 2, Noticed: 1, Survived: 1},
		{Mutants: 6, Tried: 5, Noticed: 2, Argued: 1, Survived: 2, Idle: 1},
	}, r.Scores)
	require.InDelta(t, 0.5, r.Scores[2].Share(), 1e-9)
	require.Zero(t, mutation.Score{Tried: 1, Argued: 1}.Share())
	var b bytes.Buffer
	require.NoError(t, r.WriteText(&b))
	require.Contains(t, b.String(), "impl/b/f.go:50: argued to be equivalent, and noticed: impl/b S.f negated: x == 5\n")
	require.Contains(t, b.String(), "\n- impl/a/f.go:30: negated: x == 3\n  impl/b/f.go:40: negated: x == 4\n")
	require.NotContains(t, b.String(), "x == 2")
}

func TestArgumentsAreOfMutants(t *testing.T) {
	_, err := mutation.ReadArguments(strings.NewReader("# none\nimpl/a S.f negated: gone\tbecause\n"), list(1))
	require.EqualError(t, err, `line 2: expected the name of a mutant, found "impl/a S.f negated: gone", which there is none of`)
	_, err = mutation.ReadArguments(strings.NewReader(list(1)[0].Name()+"\t\n"), list(1))
	require.ErrorContains(t, err, "line 1: expected the name of a mutant, a tab, and why it is equivalent")
}

func TestASearchNeedsAMutant(t *testing.T) {
	_, err := mutation.Search(nil, 1, 1)
	require.ErrorContains(t, err, mutants.Variable+": expected the number of a mutant")
	t.Setenv(mutants.Variable, "17")
	_, err = mutation.Search(broken{}, 1, 1)
	require.ErrorIs(t, err, errBroken)
}

var errBroken = errors.New("no configuration")

// broken is a system of which no run can be made.
type broken struct{ harness.System }

func (broken) Generate(uint64, harness.Generation) (configuration.Configuration, error) {
	return configuration.Configuration{}, errBroken
}
