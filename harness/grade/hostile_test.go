package grade

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/grade/sandbox"
	"github.com/firstgap/firstgap/harness/lines"
)

// Hostile programs (package sandbox says what each does) as submissions: each scores 0 for a reason that is said, and is graded to an end.
func TestHostileSubmissionsScoreNothingAndSayWhy(t *testing.T) {
	w := &Workshop{Run: sandbox.Limits{CPU: time.Second, Memory: 160 << 20, Processes: 32, Scratch: 8 << 20, Names: 500}, Lines: lines.Limits{Start: 6 * time.Second, Line: 1 << 20}}
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("a course's secret"), 0o644))
	result := filepath.Join(t.TempDir(), "result.json")
	require.NoError(t, os.WriteFile(result, []byte("{}"), 0o666))
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"fork bomb":        {[]string{"forks.py"}, "the program"}, // it answers, too: which is seen first is chance
		"memory hog":       {[]string{"memory.py", "1"}, "the program used more memory than the 160 MiB that it may"},
		"endless output":   {[]string{"output.py"}, "it breaks the protocol: "},
		"reads the seeds":  {[]string{"read.py", secret}, "got []"},
		"forges a result":  {[]string{"forge.py", result}, "got []"},
		"hangs":            {[]string{"-c", "import time; time.sleep(60)"}, "it breaks the protocol: "},
		"fills the disk":   {[]string{"disk.py", "/tmp", "bytes"}, "the program used more space in /tmp than the 8 MiB that it may"},
		"ignores signals":  {[]string{"stay.py"}, "it breaks the protocol: "},
		"leaves processes": {[]string{"leave.py"}, "it breaks the protocol: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := handed(t, Manifest{Run: append([]string{"python3"}, c.args...)})
			if len(c.args) > 0 && c.args[0] != "-c" {
				program, err := os.ReadFile(filepath.Join("sandbox", "testdata", "hostile", c.args[0]))
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(filepath.Join(dir, c.args[0]), program, 0o644))
			}
			r := gradedIn(t, w, short(), dir, Options{}) // whose end fails where something is left behind
			require.Contains(t, r.Problem, c.want)
			require.Zero(t, r.Score)
			require.False(t, r.Unfinished)
		})
	}
	t.Cleanup(func() {
		text, err := os.ReadFile(result)
		require.NoError(t, err)
		require.Equal(t, "{}", string(text))
	})
}
