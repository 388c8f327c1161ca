package aurora

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The same seeds give the same configurations and the same runs in two processes, one of them under the race detector,
// whose scheduling and memory are quite another.
func TestRunsAreTheSameInTwoProcesses(t *testing.T) {
	const seeds = 130 // below the first of the longest runs, which takes a minute under the race detector
	dir := t.TempDir()
	print := func(name string, flags ...string) []string {
		program := filepath.Join(dir, name)
		build := exec.Command("go", append(append([]string{"build", "-o", program}, flags...), "../internal/hashes")...)
		build.Env = append(os.Environ(), "CGO_ENABLED=1")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("expected to build internal/hashes with %v (the race detector needs cgo and a C compiler, such as gcc), found: %v\n%s", flags, err, out)
		}
		run := exec.Command(program, strconv.Itoa(seeds))
		run.Env = append(os.Environ(), "GOMAXPROCS=2")
		out, err := run.CombinedOutput()
		require.NoError(t, err, "%s: %s", name, out)
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	plain, race := print("plain"), print("race", "-race")
	require.Len(t, plain, seeds)
	for i := range plain {
		require.Equal(t, plain[i], race[i], "seed, configuration, run, events, verdict")
	}
}
