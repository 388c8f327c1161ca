package sandbox_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/grade/sandbox"
)

// open makes a box that is looked at once more when the test ends: nothing may be left of it.
func open(t *testing.T, o sandbox.Options) *sandbox.Box {
	t.Helper()
	o.Temp = t.TempDir()
	require.NoError(t, os.Chmod(o.Temp, 0o755))
	b, err := sandbox.Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, b.Close())
		left, err := os.ReadDir(o.Temp)
		require.NoError(t, err)
		require.Empty(t, left)
	})
	return b
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o755))
	}
	return dir
}

// An ended program and what it wrote.
type ended struct {
	out, err string
	failed   error
}

// most is how long a program of these tests runs at most; those that end sooner do not wait for it.
const most = 30 * time.Second

func run(t *testing.T, b *sandbox.Box, args ...string) ended {
	t.Helper()
	return runWith(t, b, "", args...)
}

func runWith(t *testing.T, b *sandbox.Box, input string, args ...string) ended {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	command := b.Command(args, "")
	c := exec.CommandContext(ctx, command.Args[0], command.Args[1:]...)
	c.Env, c.Dir = command.Env, command.Dir
	c.Stdin = strings.NewReader(input)
	var out, errors bytes.Buffer
	c.Stdout, c.Stderr = &out, &errors
	failed := c.Run()
	require.NoError(t, ctx.Err(), "%s did not end", args)
	return ended{out: out.String(), err: errors.String(), failed: failed}
}

// shell runs a few lines of the shell in the box and returns what they wrote, and whether they ended well.
func shell(t *testing.T, b *sandbox.Box, text string) (string, bool) {
	t.Helper()
	e := run(t, b, "/bin/sh", "-c", text)
	return strings.TrimSpace(e.out + e.err), e.failed == nil
}

func TestTheProgramIsAnotherUserWithoutPrivileges(t *testing.T) {
	b := open(t, sandbox.Options{})
	out, ok := shell(t, b, `id -u; id -G; cat /proc/self/status`)
	require.True(t, ok, out)
	require.NotEqual(t, "0", strings.Fields(out)[0])
	require.Equal(t, strings.Fields(out)[0], strings.Fields(out)[1], "it is in its own group alone")
	for _, line := range []string{"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		require.Contains(t, out, line)
	}
}

func TestTheProgramSeesItsFolderAndTheSystemReadOnly(t *testing.T) {
	b := open(t, sandbox.Options{Submission: folder(t, map[string]string{"a/b.txt": "hello"})})
	out, ok := shell(t, b, `cat a/b.txt; echo; ls /; ls -A /tmp; pwd`)
	require.True(t, ok, out)
	require.Regexp(t, `(?s)^hello\nbin\ndev\netc\nlib(\nlib32)?(\nlib64)?(\nlibx32)?\nproc(\nsbin)?\nsubmission\ntmp\nusr\n/submission$`, out)
	for _, command := range []string{"touch a/new", "rm a/b.txt", "echo x >>a/b.txt", "touch /new", "touch /usr/new", "touch /etc/new", "touch /dev/new", "touch /proc/sys/kernel/hostname", "mkdir /submission/x"} {
		out, ok := shell(t, b, command)
		require.False(t, ok, "%s: %s", command, out)
	}
	out, ok = shell(t, b, `echo x >/tmp/new && cat /tmp/new && echo y >/dev/shm/new && cat /dev/shm/new`)
	require.True(t, ok, out)
	require.Equal(t, "x\ny", out)
	out, ok = shell(t, b, `ls -A /tmp /dev/shm`)
	require.True(t, ok, out)
	require.Equal(t, "/dev/shm:\n\n/tmp:", out, "each start has its own")
}

func TestTheProgramHasASmallEnvironment(t *testing.T) {
	t.Setenv("SECRET_OF_THE_COURSE", "7")
	b := open(t, sandbox.Options{})
	out, ok := shell(t, b, `env | sort`)
	require.True(t, ok, out)
	require.Equal(t, "GOMAXPROCS=2\nHOME=/tmp\nLANG=C.UTF-8\nPATH=/usr/local/bin:/usr/bin:/bin\nPWD=/submission\nTZ=UTC\nUSER=student", out)
}

func TestAHiddenFolderInWhatIsShownIsEmpty(t *testing.T) {
	shows := folder(t, map[string]string{"public/a": "1", "private/seeds": "SECRET 7"})
	mechanisms(t, func(t *testing.T, m sandbox.Mechanism) {
		b := open(t, sandbox.Options{
			Mechanism:  m,
			Toolchains: []sandbox.Toolchain{{Name: "course", Shows: []sandbox.Show{{Host: shows, Inside: "/course"}}}},
			Hidden:     []string{filepath.Join(shows, "private"), filepath.Join(shows, "absent"), "/var"},
		})
		said, ok := shell(t, b, "cat /course/public/a; ls /course; cat /course/private/seeds || ls /course/private")
		require.False(t, ok)
		require.Contains(t, said, "1private\npublic\n")
		require.NotContains(t, said, "SECRET")
		require.NotContains(t, said, "seeds\n1")
	})
}

func TestOnesOwnFilesAreNotHandedOn(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	defer write.Close()
	handed, err := syscall.Dup(int(write.Fd())) // as one that this process was started with: not closed when a program starts
	require.NoError(t, err)
	defer syscall.Close(handed)
	mechanisms(t, func(t *testing.T, m sandbox.Mechanism) {
		b := open(t, sandbox.Options{Mechanism: m})
		said, ok := shell(t, b, "ls /proc/$$/fd")
		require.True(t, ok, said)
		require.Equal(t, []string{"0", "1", "2"}, strings.Fields(said))
	})
}
