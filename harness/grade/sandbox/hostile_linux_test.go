package sandbox_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/grade/sandbox"
)

// Each mechanism that a machine may have is held against each hostile program: the guard that is used where bubblewrap is missing
// has to be as good.
func mechanisms(t *testing.T, f func(*testing.T, sandbox.Mechanism)) {
	for _, m := range []sandbox.Mechanism{sandbox.Bubblewrap, sandbox.Namespaces} {
		t.Run(string(m), func(t *testing.T) { f(t, m) })
	}
}

var python = sync.OnceValues(func() (sandbox.Toolchain, error) { return sandbox.Python(context.Background()) })

// hostile makes a box with the hostile programs, and small limits.
func hostile(t *testing.T, m sandbox.Mechanism, l sandbox.Limits) *sandbox.Box {
	t.Helper()
	found, err := python()
	require.NoError(t, err)
	return open(t, sandbox.Options{Submission: "testdata/hostile", Toolchains: []sandbox.Toolchain{found}, Mechanism: m, Run: l})
}

// unharmed runs a harmless program in the same box, as what comes next.
func unharmed(t *testing.T, b *sandbox.Box) {
	t.Helper()
	said, ok := shell(t, b, "echo $((6 * 7))")
	require.True(t, ok, said)
	require.Equal(t, "42", said)
}

// limits are small, so that a hostile program passes them soon.
var limits = sandbox.Limits{CPU: time.Second, Memory: 160 << 20, Processes: 32, Scratch: 8 << 20, Names: 500}

func TestAProgramThatUsesTooMuchIsKilledForItsReason(t *testing.T) {
	mechanisms(t, func(t *testing.T, m sandbox.Mechanism) {
		for name, c := range map[string]struct {
			args []string
			want string
		}{
			"fork bomb":           {[]string{"forks.py"}, "the program used more processes and threads than the 32 that it may"},
			"threads":             {[]string{"threads.py"}, "the program used more processes and threads than the 32 that it may"},
			"memory":              {[]string{"memory.py", "1"}, "the program used more memory than the 160 MiB that it may"},
			"memory in parts":     {[]string{"memory.py", "8"}, "the program used more memory than the 160 MiB that it may"},
			"memory in common":    {[]string{"memory.py", "shared"}, "the program used more memory than the 160 MiB that it may"},
			"disk":                {[]string{"disk.py", "/tmp", "bytes"}, "the program used more space in /tmp than the 8 MiB that it may"},
			"disk in small files": {[]string{"disk.py", "/tmp", "names"}, "the program used more files in /tmp than the 500 that it may"},
			"shared memory":       {[]string{"disk.py", "/dev/shm", "bytes"}, "the program used more space in /dev/shm than the 16 MiB that it may"},
			"processor":           {[]string{"-c", "while True: pass"}, "the program used more processor time than the 1s that it may"},
		} {
			t.Run(name, func(t *testing.T) {
				b := hostile(t, m, limits)
				e := run(t, b, append([]string{"python3"}, c.args...)...)
				require.Error(t, e.failed)
				var passed *sandbox.LimitError
				require.ErrorAs(t, b.Exceeded(), &passed, "%s", e.err)
				require.Equal(t, c.want, passed.Error())
				unharmed(t, b)
			})
		}
	})
}

func TestAProgramGetsNothingThatIsNotItsOwn(t *testing.T) {
	mechanisms(t, func(t *testing.T, m sandbox.Mechanism) {
		secrets := t.TempDir()
		seeds, results := filepath.Join(secrets, "seeds"), filepath.Join(secrets, "results", "result.json")
		require.NoError(t, os.MkdirAll(filepath.Dir(results), 0o777))
		require.NoError(t, os.WriteFile(seeds, []byte("SECRET 7"), 0o666))
		require.NoError(t, os.WriteFile(results, []byte("graded"), 0o666))
		// It is the box that hides them, and not their permissions.
		for dir := secrets; dir != filepath.Dir(dir) && filepath.Dir(dir) != filepath.Clean(os.TempDir()); dir = filepath.Dir(dir) {
			require.NoError(t, os.Chmod(dir, 0o755))
		}
		// A grader can have been started with open files that a program would inherit.
		inherited, err := syscall.Open(results, syscall.O_WRONLY|syscall.O_APPEND, 0)
		require.NoError(t, err)
		defer syscall.Close(inherited)

		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		file := filepath.Join(secrets, "socket")
		unix, err := net.Listen("unix", file)
		require.NoError(t, err)
		defer unix.Close()
		name := "firstgap-test-" + strconv.Itoa(os.Getpid())
		abstract, err := net.Listen("unix", "@"+name)
		require.NoError(t, err)
		defer abstract.Close()
		_, port, err := net.SplitHostPort(listener.Addr().String())
		require.NoError(t, err)

		b := hostile(t, m, sandbox.Limits{})
		other := hostile(t, m, sandbox.Limits{}) // another submission
		neighbour := stay(t, other)
		self, err := os.Getwd()
		require.NoError(t, err)
		for name, args := range map[string][]string{
			"reading":    {"read.py", seeds, results, secrets, self, filepath.Dir(b.Folder()), other.Folder(), b.Folder()},
			"forging":    {"forge.py", results},
			"killing":    {"kill.py", strconv.Itoa(neighbour.Process.Pid)},
			"sockets":    {"sockets.py", port, file, name},
			"privileges": {"privileges.py", strconv.Itoa(neighbour.Process.Pid)},
			"memory":     {"hidden_memory.py"},
		} {
			t.Run(name, func(t *testing.T) {
				e := run(t, b, append([]string{"python3"}, args...)...)
				if name == "sockets" {
					require.Equal(t, "got [] ['lo']\n", e.out, e.err)
				} else {
					require.Equal(t, "got []\n", e.out, e.err)
				}
				unharmed(t, b)
			})
		}
		for _, c := range []struct{ name, want string }{{seeds, "SECRET 7"}, {results, "graded"}} {
			text, err := os.ReadFile(c.name)
			require.NoError(t, err)
			require.Equal(t, c.want, string(text))
		}
		require.NoError(t, b.Exceeded())
		require.NoError(t, neighbour.Process.Signal(syscall.Signal(0)), "the other submission's program lives")
	})
}

// The checks of the test above are not blind: outside of a box the same programs get much.
func TestWithoutABoxTheHostileProgramsGetWhatTheyWant(t *testing.T) {
	b := hostile(t, sandbox.Unsafe, sandbox.Limits{})
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("7"), 0o666))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"read.py", secret}, secret},
		{[]string{"forge.py", secret}, secret},
		{[]string{"sockets.py", port, "/none", "none"}, "loopback"},
		{[]string{"hidden_memory.py"}, "'memfd', 'shmget', 'msgget', 'semget'"},
	} {
		e := run(t, b, append([]string{"python3"}, c.args...)...)
		require.NoError(t, e.failed, e.err)
		require.Contains(t, e.out, c.want)
	}
}

// begin starts a program of a box, as package lines does: in a process group of its own.
func begin(t *testing.T, b *sandbox.Box, args ...string) (*exec.Cmd, io.Reader, io.Reader) {
	t.Helper()
	command := b.Command(args, "")
	c := exec.Command(command.Args[0], command.Args[1:]...)
	c.Env, c.Dir = command.Env, command.Dir
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := c.StdinPipe()
	require.NoError(t, err)
	t.Cleanup(func() { in.Close() })
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	errors, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	return c, out, errors
}

// stay starts the program that does not go by itself, and returns when it has hidden a second one.
func stay(t *testing.T, b *sandbox.Box, more ...string) *exec.Cmd {
	t.Helper()
	c, out, _ := begin(t, b, append([]string{"python3", "stay.py"}, more...)...)
	t.Cleanup(func() { endGroup(c) })
	said := make([]byte, len("away\n"))
	_, err := io.ReadFull(out, said)
	require.NoError(t, err)
	require.Equal(t, "away\n", string(said))
	return c
}

func endGroup(c *exec.Cmd) {
	_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // it may have ended
	_ = c.Wait()
}

// with lists the living processes that have an argument.
func with(t *testing.T, argument string) []string {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var found []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err == nil && bytes.Contains(text, []byte("\x00"+argument+"\x00")) {
			found = append(found, name)
		}
	}
	return found
}

func TestNothingOutlivesItsEnd(t *testing.T) {
	mechanisms(t, func(t *testing.T, m sandbox.Mechanism) {
		mark := fmt.Sprintf("mark-of-%s-%d", m, os.Getpid())
		b := hostile(t, m, sandbox.Limits{})
		stay(t, b, mark)
		require.NotEmpty(t, with(t, mark))
		require.NoError(t, b.Close())
		require.Empty(t, with(t, mark), "closing ends what hangs and ignores signals")

		b = hostile(t, m, sandbox.Limits{})
		e := run(t, b, "python3", "leave.py", mark)
		require.NoError(t, e.failed, e.err)
		require.Equal(t, "left\n", e.out)
		// The kernel ends what it has started with it, and does not wait for that; Close does.
		require.NoError(t, b.Close())
		require.Empty(t, with(t, mark), "the end of the program is that of what it has started")

		b = hostile(t, m, sandbox.Limits{})
		c := stay(t, b, mark)
		endGroup(c)
		require.NoError(t, b.Close())
		require.Empty(t, with(t, mark), "a killed process group takes all with it")
	})
}

func TestEndlessOutputHarmsNoOne(t *testing.T) {
	mechanisms(t, func(t *testing.T, m sandbox.Mechanism) {
		for _, what := range []string{"stdout", "stderr", "line"} {
			b := hostile(t, m, sandbox.Limits{})
			c, out, errors := begin(t, b, "python3", "output.py", what)
			from := out
			if what == "stderr" {
				from = errors
			}
			n, err := io.CopyN(io.Discard, from, 10<<20)
			require.NoError(t, err)
			require.Equal(t, int64(10<<20), n)
			endGroup(c)
			unharmed(t, b)
		}
	})
}

func TestASubmissionsFolderThatIsATrapIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		make func(dir string) error
		want string
	}{
		"a link out":          {func(dir string) error { return os.Symlink("../../etc/passwd", filepath.Join(dir, "l")) }, "the submission's l is a link that leads out of the folder"},
		"an absolute link":    {func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "l")) }, "the submission's l is a link that leads out of the folder"},
		"a named pipe":        {func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "p"), 0o644) }, "the submission's p is neither a file nor a folder nor a link, but a named pipe"},
		"a file that is huge": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "f"), nil, 0o644) }, "the submission's . holds more than the 256 MiB that it may"},
		"folders in folders":  {func(dir string) error { return os.MkdirAll(dir+strings.Repeat("/d", 70), 0o755) }, "the submission's . holds folders in one another, deeper than the 64 that it may"},
		"a file, no folder":   {func(dir string) error { return os.WriteFile(filepath.Join(dir, "f"), nil, 0o644) }, "the submission's . is no folder"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, c.make(dir))
			submission := dir
			switch name {
			case "a file that is huge":
				require.NoError(t, os.Truncate(filepath.Join(dir, "f"), 1<<40)) // of holes
			case "a file, no folder":
				submission = filepath.Join(dir, "f")
			}
			temp := t.TempDir()
			_, err := sandbox.Open(t.Context(), sandbox.Options{Submission: submission, Temp: temp})
			var refused *sandbox.SubmissionError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, c.want, refused.Error())
			left, err := os.ReadDir(temp)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
	b := open(t, sandbox.Options{Submission: folder(t, map[string]string{"a/b": "1"})})
	said, ok := shell(t, b, "cat a/b")
	require.True(t, ok, said)
}
