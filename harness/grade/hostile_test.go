package grade

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/grade/sandbox"
	"github.com/firstgap/firstgap/harness/lines"
)

// hostileHand is a submission made of one of the programs that the box is tested with.
func hostileHand(t *testing.T, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	program, err := os.ReadFile(filepath.Join("sandbox/testdata/hostile", args[0]))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, args[0]), program, 0o644))
	text, err := json.Marshal(Manifest{Run: append([]string{"python3"}, args...)})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ManifestName), text, 0o644))
	return dir
}

// Each hostile submission gets 0 for its reason, what comes next is graded as if it had not been there, and nothing is left of it.
func TestHostileSubmissionsGetNothingAndHarmNoOne(t *testing.T) {
	secrets, temp := t.TempDir(), t.TempDir()
	require.NoError(t, os.Chmod(temp, 0o755))
	seeds, result := filepath.Join(secrets, "seeds"), filepath.Join(secrets, "result.json")
	require.NoError(t, os.WriteFile(seeds, []byte("SECRET 7"), 0o666))
	require.NoError(t, os.WriteFile(result, []byte("graded"), 0o666))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	right := handed(t, running(""))

	w := &Workshop{
		Temp: temp, Hidden: []string{secrets},
		Run: sandbox.Limits{Memory: 128 << 20, Processes: 24, Scratch: 4 << 20, Names: 300, CPU: time.Second},
	}
	graded := func(dir string, l lines.Limits) *Result {
		w.Lines = l
		s, end, err := w.Open(t.Context(), short(), "anna", dir)
		require.NoError(t, err)
		r, err := Grade(t.Context(), short(), s, Options{})
		require.NoError(t, err)
		require.NoError(t, end())
		return r
	}
	// A loaded machine starts an interpreter slowly; those that never answer need not be waited for.
	patient, impatient := lines.Limits{Start: 2 * time.Minute}, lines.Limits{Start: time.Second}
	const breaks = "it breaks the protocol: "
	for _, c := range []struct {
		name   string
		args   []string
		limits lines.Limits
		wants  []string
	}{
		{"fork bomb", []string{"forks.py"}, patient, []string{"the program used more processes and threads than the 24 that it may"}},
		{"threads", []string{"threads.py"}, patient, []string{"the program used more processes and threads than the 24 that it may"}},
		{"memory hog", []string{"memory.py", "1"}, patient, []string{"the program used more memory than the 128 MiB that it may"}},
		{"memory in parts", []string{"memory.py", "8"}, patient, []string{"the program used more memory than the 128 MiB that it may"}},
		{"full disk", []string{"disk.py", "/tmp", "bytes"}, patient, []string{"the program used more space in /tmp than the 4 MiB that it may"}},
		{"many files", []string{"disk.py", "/tmp", "names"}, patient, []string{"the program used more files in /tmp than the 300 that it may"}},
		{"endless output", []string{"output.py", "stdout"}, patient, []string{breaks}},
		{"endless line", []string{"output.py", "line"}, patient, []string{breaks}},
		{"endless log", []string{"output.py", "stderr"}, impatient, []string{breaks}},
		{"hanging, deaf to signals", []string{"stay.py", "quiet"}, impatient, []string{breaks}},
		{"leaving a process", []string{"leave.py"}, patient, []string{breaks, "left"}},
		{"faking a machine that fails", []string{"fake.py"}, patient, []string{breaks}},
		{"reading the seeds", []string{"read.py", seeds, secrets, result, right}, patient, []string{breaks, "got []"}},
		{"forging a result", []string{"forge.py", result}, patient, []string{breaks, "got []"}},
		{"killing", []string{"kill.py"}, patient, []string{breaks, "got []"}},
		{"sockets", []string{"sockets.py", port, seeds, "none"}, patient, []string{breaks, "got []"}},
		{"privileges", []string{"privileges.py"}, patient, []string{breaks, "got []"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := graded(hostileHand(t, c.args...), c.limits)
			require.Zero(t, r.Score)
			for _, want := range c.wants {
				require.Contains(t, r.Problem, want)
			}
			left, err := os.ReadDir(temp)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
	w.Run = sandbox.Limits{}
	require.True(t, graded(right, patient).Full(), "the next one is graded normally")
	for name, want := range map[string]string{seeds: "SECRET 7", result: "graded"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
	}
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil {
			require.False(t, bytes.Contains(text, []byte(temp+"/firstgap-box-")), "%s lives: %s", name, text)
		}
	}
}
