package sandbox_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/firstgap/firstgap/harness/grade/sandbox"
)

// graderMark makes this test binary a grader that is killed: it opens a box, starts a program that hides a second one and ignores
// signals, and hangs itself. Its value is the mechanism, its arguments the folder for the box and the mark of the program.
const graderMark = "FIRSTGAP_TEST_GRADER"

// boxedWord makes this test binary a grader that is in a box itself: it says why it can shut none.
const boxedWord = "open-a-box-in-a-box"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == boxedWord {
		_, err := sandbox.Open(context.Background(), sandbox.Options{Temp: "/tmp"})
		var missing *sandbox.MissingError
		fmt.Println(errors.As(err, &missing), err)
		os.Exit(0)
	}
	if mechanism := os.Getenv(graderMark); mechanism != "" {
		if err := beKilled(sandbox.Mechanism(mechanism), os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func beKilled(m sandbox.Mechanism, temp, mark string) error {
	found, err := python()
	if err != nil {
		return err
	}
	// Nothing is closed: it is killed.
	b, err := sandbox.Open(context.Background(), sandbox.Options{Submission: "testdata/hostile", Toolchains: []sandbox.Toolchain{found}, Mechanism: m, Temp: temp})
	if err != nil {
		return err
	}
	command := b.Command([]string{"python3", "stay.py", mark}, "")
	c := exec.Command(command.Args[0], command.Args[1:]...)
	c.Env, c.Dir, c.Stdout, c.Stderr = command.Env, command.Dir, os.Stdout, os.Stderr
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

func TestTheBoxEndsWithAGraderThatIsKilled(t *testing.T) {
	mechanisms(t, func(t *testing.T, m sandbox.Mechanism) {
		temp := t.TempDir()
		require.NoError(t, os.Chmod(temp, 0o755))
		mark := fmt.Sprintf("killed-grader-%s-%d", m, os.Getpid())
		grader := exec.Command("/proc/self/exe", temp, mark)
		grader.Env = append(os.Environ(), graderMark+"="+string(m))
		grader.Stderr = os.Stderr
		out, err := grader.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, grader.Start())
		said, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "away\n", said)

		// A file for each process that is to end; the kernel says so when it has.
		var processes []unix.PollFd
		for _, name := range with(t, mark) {
			var pid int
			_, err := fmt.Sscanf(name, "/proc/%d/cmdline", &pid)
			require.NoError(t, err)
			fd, err := unix.PidfdOpen(pid, 0)
			require.NoError(t, err)
			defer unix.Close(fd)
			processes = append(processes, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		}
		require.GreaterOrEqual(t, len(processes), 4, "what shuts the box, its first process, the program and the one that it hides")
		require.NoError(t, grader.Process.Kill())
		require.Error(t, grader.Wait())
		for begun := time.Now(); len(processes) > 0; {
			require.Less(t, time.Since(begun), most, "it lives on")
			_, err := unix.Poll(processes, 1000)
			if err != unix.EINTR {
				require.NoError(t, err)
			}
			processes = slices.DeleteFunc(processes, func(p unix.PollFd) bool { return p.Revents != 0 })
		}
		require.Empty(t, with(t, mark))
	})
}

// A kernel that refuses the namespaces is one in a box.
func TestAKernelThatRefusesIsNotTakenForABox(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	text, err := os.ReadFile(self)
	require.NoError(t, err)
	mechanisms(t, func(t *testing.T, m sandbox.Mechanism) {
		b := open(t, sandbox.Options{Submission: folder(t, map[string]string{"grader": string(text)}), Mechanism: m})
		e := run(t, b, "./grader", boxedWord)
		require.NoError(t, e.failed, e.err)
		require.Regexp(t, `^true expected a way to shut a stranger's program into a box, found none: bubblewrap: (?s:.+); namespaces: .+`, e.out)
		require.NoError(t, b.Holds(t.Context()))
	})
}
