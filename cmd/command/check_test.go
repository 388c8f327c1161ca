package command

import (
	"bytes"
	"context"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/verdict"
	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/quorum"
)

// What an interrupt cancels ends with what was found so far, and could not tell.
func TestCheckIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	require.Equal(t, verdict.CouldNotTell.ExitCode(), run(ctx, Systems(), []string{"check", "volume", "--world", "aborts"}, &stdout, &stderr))
	require.Contains(t, stdout.String(), "verdict     incomplete: interrupted")
	require.Contains(t, stdout.String(), "1 distinct")
	require.Empty(t, stderr.String())
}

// What does not come out as expected is said, line by line, and in the exit code.
func TestCheckAllSaysWhatIsNotAsExpected(t *testing.T) {
	s := quorum.Subject()
	world := func(name string) check.World {
		w, err := s.Lookup(name)
		require.NoError(t, err)
		return w
	}
	regular, durable := world("regular"), world("disjoint-w1-r2")
	wrong := durable
	wrong.Name, wrong.Violates = "wrong", ""
	other := regular
	other.Name, other.Distinct = "other", 1
	unknown := check.World{Name: "unknown", Constants: []byte(`{"frogs": 3}`)}
	for name, c := range map[string]struct {
		worlds []check.World
		want   []string
		code   int
	}{
		"as expected":     {[]check.World{regular, durable}, []string{"pass: 2 worlds in ", ": 2 as expected (1 of them with TLC's figures), 0 not, 0 could not be told\n"}, verdict.Pass.ExitCode()},
		"not as expected": {[]check.World{wrong, regular}, []string{"NO: found Durable, expected pass\n", "violation: 2 worlds in ", ": 1 as expected (1 of them with TLC's figures), 1 not, 0 could"}, verdict.Violation.ExitCode()},
		"other figures":   {[]check.World{other}, []string{"NO: 283 distinct, TLC found 1\n"}, verdict.Violation.ExitCode()},
		"not told":        {[]check.World{regular, unknown}, []string{"NOT TOLD: world: unknown key frogs; known: ", "incomplete: 2 worlds", " 1 could not be told\n"}, verdict.CouldNotTell.ExitCode()},
		"worst wins":      {[]check.World{unknown, wrong}, []string{"violation: 2 worlds"}, verdict.Violation.ExitCode()},
	} {
		t.Run(name, func(t *testing.T) {
			s.Worlds = c.worlds
			var stdout bytes.Buffer
			cmd := &cobra.Command{}
			cmd.SetOut(&stdout)
			cmd.SetContext(t.Context())
			err := (&checkAll{}).run(cmd, []check.Subject{s})
			if c.code == verdict.Pass.ExitCode() {
				require.NoError(t, err)
			} else {
				var o outcome
				require.ErrorAs(t, err, &o)
				require.Equal(t, c.code, o.verdict.ExitCode())
			}
			for _, want := range c.want {
				require.Contains(t, stdout.String(), want)
			}
		})
	}
	s.Worlds = nil
	require.EqualError(t, (&checkAll{}).run(&cobra.Command{}, []check.Subject{s}), "model quorum has no worlds")
}

func TestBytesOf(t *testing.T) {
	for size, want := range map[string]int64{"1": 1, "12B": 12, "3kB": 3 << 10, "512MB": 512 << 20, "4GB": 4 << 30, "4GiB": 4 << 30, "2T": 2 << 40} {
		n, err := bytesOf(size)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	for _, size := range []string{"", "MB", "-1", "0", "1.5GB", "12XB", "9999999999TB", "12MBB"} {
		_, err := bytesOf(size)
		require.ErrorContains(t, err, "is not a size", size)
	}
}
