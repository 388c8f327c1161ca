package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// asCampaign makes this test program a campaign in that folder, which appends lines and says after each how many are kept.
const (
	asCampaign = "FIRSTGAP_TEST_CAMPAIGN"
	fileLimit  = "FIRSTGAP_TEST_FILE_LIMIT" // bytes of a file that the campaign may write
	holdsAt    = "FIRSTGAP_TEST_HOLDS_AT"   // how many lines it keeps before it waits to be killed
)

// campaignLines is how many lines the campaign has when it ends.
const campaignLines = 60

func TestMain(m *testing.M) {
	folder := os.Getenv(asCampaign)
	if folder == "" {
		os.Exit(m.Run())
	}
	if err := campaign(folder, os.Getenv(fileLimit), os.Getenv(holdsAt)); err != nil {
		fmt.Println(err)
		if errors.Is(err, syscall.ENOSPC) {
			os.Exit(28)
		}
		if errors.Is(err, syscall.EFBIG) {
			os.Exit(27)
		}
		os.Exit(1)
	}
}

func campaign(folder, limit, holds string) error {
	if limit != "" {
		var bytes uint64
		if _, err := fmt.Sscan(limit, &bytes); err != nil {
			return err
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: bytes}); err != nil {
			return err
		}
	}
	lines := made(crashing(), campaignLines, 3)
	s, err := Open(folder)
	var missing *MissingError
	if errors.As(err, &missing) {
		s, err = Create(folder, crashing())
	}
	if err != nil {
		return err
	}
	for n := s.Next(); n < campaignLines; n++ {
		if lines[n].Kept {
			if err := s.PutEntry(anEntry(n, &lines[n])); err != nil {
				return errors.Join(err, s.Close())
			}
		}
		if err := s.Append(lines[n]); err != nil {
			return errors.Join(err, s.Close())
		}
		fmt.Println(n + 1)
		if fmt.Sprint(n+1) == holds {
			_, err := io.Copy(io.Discard, os.Stdin)
			return err
		}
	}
	return s.Close()
}

// command is the campaign as a process.
func command(t *testing.T, folder string, env ...string) *exec.Cmd {
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(append(os.Environ(), asCampaign+"="+folder), env...)
	return c
}

// held starts a campaign, and returns it when it has said that so many lines are kept, and how many it said. It waits when it has kept as
// many as it is to hold at.
func held(t *testing.T, folder string, until, at uint64) (c *exec.Cmd, told uint64) {
	c = command(t, folder, fmt.Sprint(holdsAt, "=", at))
	_, err := c.StdinPipe() // which stays open
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	for said := bufio.NewScanner(out); told < until; {
		require.True(t, said.Scan(), "it ended")
		_, err := fmt.Sscan(said.Text(), &told)
		require.NoError(t, err, said.Text())
	}
	return c, told
}

// A process is killed when it says that so many lines are kept, wherever it is by then; the next goes on. In the end there are the
// lines of a campaign that was left alone.
func TestKillingACampaignLosesNothing(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "campaign")
	lines := made(crashing(), campaignLines, 3)
	for _, until := range []uint64{1, 2, 4, 5, 11, 12, 13, 27, 40} {
		// It goes on for some lines, so that it is killed at work or at rest.
		hold, told := held(t, folder, until, until+3)
		require.NoError(t, hold.Process.Kill())
		require.Error(t, hold.Wait())
		r, err := Read(folder)
		require.NoError(t, err)
		all := kept(t, r)
		require.GreaterOrEqual(t, uint64(len(all)), told)
		require.LessOrEqual(t, uint64(len(all)), until+3)
		require.Equal(t, lines[:len(all)], all)
	}
	out, err := command(t, folder).CombinedOutput()
	require.NoError(t, err, "%s", out)
	s, err := Open(folder)
	require.NoError(t, err)
	defer s.Close()
	require.Empty(t, s.Opened())
	require.Equal(t, lines, kept(t, s.Reader))
	require.Equal(t, folded(t, s.Header(), lines), s.Fold())
	entries, err := s.Entries()
	require.NoError(t, err)
	want := 0
	for _, l := range lines {
		if l.Kept {
			want++
		}
	}
	require.Len(t, entries, want)
}

// A lock is of the process that holds it, and ends with it.
func TestTheLockOfAKilledProcessIsNoObstacle(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "campaign")
	c, _ := held(t, folder, 1, 1)
	_, err := Open(folder)
	var locked *LockedError
	require.ErrorAs(t, err, &locked)
	require.Contains(t, locked.By, fmt.Sprintf("process %d on ", c.Process.Pid))
	require.NoError(t, c.Process.Kill())
	require.Error(t, c.Wait())
	s, err := Open(folder)
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

// A disk that becomes full ends the campaign by name. With room again it goes on from what was kept.
func TestAFullDiskEndsTheCampaignCleanly(t *testing.T) {
	lines := made(crashing(), campaignLines, 3)
	end := func(t *testing.T, folder string, code int, env ...string) {
		text, err := command(t, folder, env...).CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "%s", text)
		require.Equal(t, code, exit.ExitCode(), "%s", text)
		said := strings.Split(strings.TrimSpace(string(text)), "\n")
		require.Contains(t, said[len(said)-1], "cannot be written: ")
		told := 0
		for _, line := range said[:len(said)-1] {
			_, err := fmt.Sscan(line, &told)
			require.NoError(t, err, line)
		}
		r, err := Read(folder)
		require.NoError(t, err)
		all := kept(t, r)
		require.GreaterOrEqual(t, len(all), told)
		require.Less(t, len(all), campaignLines)
		require.Equal(t, lines[:len(all)], append(lines[:0:0], all...))
	}
	goOn := func(t *testing.T, folder string) {
		text, err := command(t, folder).CombinedOutput()
		require.NoError(t, err, "%s", text)
		s, err := Open(folder)
		require.NoError(t, err)
		require.Empty(t, s.Opened())
		require.Equal(t, lines, kept(t, s.Reader))
		require.NoError(t, s.Close())
	}
	t.Run("a limit on files", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "campaign")
		end(t, folder, 27, fileLimit+"=1200")
		goOn(t, folder)
	})
	t.Run("a file system without room", func(t *testing.T) {
		disk := t.TempDir()
		if err := syscall.Mount("none", disk, "tmpfs", 0, "size=96k"); err != nil {
			t.Skipf("a file system of its own cannot be mounted here: %v; the limit on files stands for it", err)
		}
		defer func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) }()
		folder := filepath.Join(disk, "campaign")
		end(t, folder, 28)
		require.NoError(t, syscall.Mount("none", disk, "tmpfs", syscall.MS_REMOUNT, "size=16m"))
		goOn(t, folder)
	})
}
