package labs

import (
	"flag"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/lines/protocol"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// secrets is how many courses the references are graded for, each with seeds of its own.
var secrets = flag.Int("secrets", 3, "how many secrets the references are graded with")

func secretOf(i int) []byte { return fmt.Appendf(nil, "secret %d", i) }

// A reference that lost a mark would take it from every student who is right.
func TestTheReferencesScoreFullMarks(t *testing.T) {
	for _, l := range Labs() {
		t.Run(l.Name, func(t *testing.T) {
			t.Parallel()
			for i := range *secrets {
				score, lost := graded(&l, l.Reference, secretOf(i), Options{})
				require.Empty(t, lost, "secret %d", i)
				require.Equal(t, l.Most(), score)
			}
		})
	}
}

// graded is what nodes score, and in which tests they lose marks, with what is said of it.
func graded(l *Lab, make protocol.Maker, secret []byte, o Options) (score int, lost map[string]string) {
	lost = map[string]string{}
	for i := range l.Tests {
		t := &l.Tests[i]
		out := l.Run(t, make, l.Seeds(t, secret), o)
		if out.Passed() {
			score += t.Marks
		} else {
			lost[t.Name] = out.Says()
		}
	}
	for step := range l.Break.Steps + 1 {
		rung := Test{Name: fmt.Sprintf("step %d", step), Generate: func(s harness.System, seed uint64, bug string) (configuration.Configuration, error) {
			c, err := l.Break.Generate(s, seed, step, bug)
			if err == nil && len(c.Plan.Faults) > step {
				err = fmt.Errorf("expected at most %d faults, found %d", step, len(c.Plan.Faults))
			}
			return c, err
		}}
		if out := l.Run(&rung, make, l.BreakSeeds(step, secret), o); !out.Passed() {
			lost[rung.Name] = out.Says()
			return score + l.Break.Marks*step/(l.Break.Steps+1), lost
		}
	}
	return score + l.Break.Marks, lost
}

// A mistake that its test does not see is one that students keep.
func TestEveryMistakeInTheRegisterLosesMarks(t *testing.T) {
	l := register()
	require.GreaterOrEqual(t, len(l.Mistakes), 10)
	for _, m := range l.Mistakes {
		t.Run(m.Bug.Name, func(t *testing.T) {
			t.Parallel()
			for i := range *secrets {
				standsNot(t, &l, m.Test, l.Reference, secretOf(i), m.Bug.Name)
			}
		})
	}
}

// standsNot demands that nodes lose the marks of a test, for a reason that is said.
func standsNot(t *testing.T, l *Lab, test string, make protocol.Maker, secret []byte, bug string) {
	t.Helper()
	i := slices.IndexFunc(l.Tests, func(x Test) bool { return x.Name == test })
	require.GreaterOrEqual(t, i, 0, test)
	out := l.Run(&l.Tests[i], make, l.Seeds(&l.Tests[i], secret), Options{Bug: bug})
	require.False(t, out.Passed(), "%s: it stands the test %s", secret, test)
	require.NotEmpty(t, out.Says())
}

func TestTheCourseIsWhole(t *testing.T) {
	names := map[string]bool{}
	number := 0
	for _, l := range Labs() {
		require.Greater(t, l.Number, number)
		number = l.Number
		require.False(t, names[l.Name])
		names[l.Name] = true
		require.NotEmpty(t, l.Handout())
		tests, public := map[string]bool{}, 0
		for _, x := range l.Tests {
			require.Regexp(t, "^[a-z]+(-[a-z]+)*$", x.Name)
			require.False(t, tests[x.Name], x.Name)
			tests[x.Name] = true
			require.NotEmpty(t, x.Rule, x.Name)
			require.NotEmpty(t, x.Section, x.Name)
			require.Positive(t, x.Marks, x.Name)
			require.True(t, x.Runs == 0 && len(x.Scripts) > 0 || x.Runs > 0 && len(x.Needs) > 0 && x.Generate != nil, x.Name)
			if x.Public {
				public++
			}
		}
		require.Equal(t, 100, l.Most(), l.Name)
		require.Positive(t, public, "students have nothing to begin with")
		require.Less(t, public, len(l.Tests))
		for _, m := range l.Mistakes {
			require.True(t, tests[m.Test], "%s: no test is named %s", m.Bug.Name, m.Test)
		}
		n, err := Numbered(l.Number)
		require.NoError(t, err)
		require.Equal(t, l.Name, n.Name)
	}
	_, err := Numbered(99)
	require.ErrorContains(t, err, "labs: expected the number of a lab, 1 to")
}

func TestSeedsFollowFromTheSecret(t *testing.T) {
	l := Lab{Number: 1, Break: Break{Runs: 2}}
	open, hidden := Test{Name: "a", Public: true, Runs: 3}, Test{Name: "a", Runs: 3}
	require.Equal(t, l.Seeds(&open, []byte("x")), l.Seeds(&open, []byte("y")))
	require.NotEqual(t, l.Seeds(&hidden, []byte("x")), l.Seeds(&hidden, []byte("y")))
	require.NotEqual(t, l.Seeds(&hidden, nil), l.Seeds(&hidden, []byte("y")))
	require.NotEqual(t, l.BreakSeeds(1, nil), l.BreakSeeds(2, nil))
	require.Len(t, l.Seeds(&hidden, nil), 3)
}
