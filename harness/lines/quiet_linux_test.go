package lines_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/lines"
)

// linesAfter gives a program a line, waits until it is quiet, and returns what it has written by then.
func linesAfter(t *testing.T, p *lines.Program, g *lines.Group, line string) []string {
	t.Helper()
	require.NoError(t, p.Write([]byte(line+"\n")))
	require.NoError(t, g.Quiet(p))
	return written(t, p)
}

func written(t *testing.T, p *lines.Program) (all []string) {
	t.Helper()
	for {
		line, err := p.Line()
		require.NoError(t, err)
		if line == nil {
			return all
		}
		all = append(all, string(line))
	}
}

func watched(t *testing.T, limits lines.Limits, args ...string) (*lines.Program, *lines.Group) {
	t.Helper()
	p, err := lines.Start(lines.Command{Args: args, Limits: limits})
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	return p, lines.NewGroup(p.PID())
}

// What a program does for a line it has done when it is quiet, through how many processes ever: each line goes through three that are
// started for it.
func TestAProgramOfManyProcessesIsQuietWhenAllOfThemAre(t *testing.T) {
	p, g := watched(t, lines.Limits{}, "sh", "-c", "while read x; do echo $x | cat | cat; done")
	require.NoError(t, g.Quiet(p))
	for i := range 20 {
		x := strconv.Itoa(i)
		require.Equal(t, []string{x}, linesAfter(t, p, g, x))
	}
}

// The threads of the program wake each other one by one, so that at each moment but the last one of them runs, and most of them sleep.
func TestAProgramOfManyThreadsIsQuietWhenAllOfThemAre(t *testing.T) {
	p, g := watched(t, lines.Limits{}, "python3", "-c", `
import queue, sys, threading
hops = [queue.SimpleQueue() for _ in range(9)]
def pass_on(a, b):
    while True:
        b.put(a.get())
for a, b in zip(hops, hops[1:]):
    threading.Thread(target=pass_on, args=(a, b), daemon=True).start()
def write():
    while True:
        print(hops[-1].get(), end="", flush=True)
threading.Thread(target=write, daemon=True).start()
for line in sys.stdin:
    hops[0].put(line)
`)
	require.NoError(t, g.Quiet(p))
	for i := range 20 {
		x := strconv.Itoa(i)
		require.Equal(t, []string{x}, linesAfter(t, p, g, x))
	}
}

// More than a pipe holds, on both outputs.
func TestAllThatAQuietProgramWroteIsThere(t *testing.T) {
	p, g := watched(t, lines.Limits{}, "sh", "-c", "while read x; do seq 1 $x; seq 1 $x >&2; done")
	require.Len(t, linesAfter(t, p, g, "9000"), 9000)
	require.Contains(t, p.Stderr(), "\n9000\n")
}

func TestAProgramThatSleepsOnAClockIsQuiet(t *testing.T) {
	p, g := watched(t, lines.Limits{}, "sh", "-c", "read x; echo $x; sleep 1000")
	require.Equal(t, []string{"a"}, linesAfter(t, p, g, "a"))
}

// A program that waits for a moment is told from one that waits for a line alone.
func TestAClockThatWillWakeAProgramIsSeen(t *testing.T) {
	for call, program := range map[string]string{
		"clock_nanosleep": "import time; time.sleep(20)",
		"select":          "import select, sys; select.select([sys.stdin], [], [], 20)",
		"poll":            "import select, sys; p = select.poll(); p.register(sys.stdin); p.poll(20000)",
		"":                "import sys; sys.stdin.readline()",
	} {
		p, g := watched(t, lines.Limits{}, "python3", "-c", program)
		require.NoError(t, g.Quiet(p))
		if call == "" {
			require.Empty(t, g.Clock())
			continue
		}
		require.Contains(t, g.Clock(), call)
	}
}

func TestAProgramThatWorksOnIsRestless(t *testing.T) {
	p, g := watched(t, lines.Limits{Start: 50 * time.Millisecond}, "sh", "-c", "read x; echo $x; while :; do :; done")
	require.Equal(t, lines.Restless, problem(t, p, g, "a"))
}

func TestAProgramThatLeavesItsInputIsRestless(t *testing.T) {
	p, g := watched(t, lines.Limits{Start: 50 * time.Millisecond}, "sleep", "1000")
	require.Equal(t, lines.Restless, problem(t, p, g, "a"))
}

func TestAProgramThatWritesWithoutEndIsNotWaitedFor(t *testing.T) {
	p, g := watched(t, lines.Limits{Line: 1000, Lines: 10}, "sh", "-c", "read x; yes")
	require.Equal(t, lines.TooMany, problem(t, p, g, "a"))
	p, g = watched(t, lines.Limits{Line: 1000}, "sh", "-c", "read x; yes | tr '\\n' ' '")
	require.Equal(t, lines.TooLong, problem(t, p, g, "a"))
}

// The last lines of a program that ended are there before it is said that it ended.
func TestTheLastLinesOfAProgramComeBeforeItsEnd(t *testing.T) {
	p, g := watched(t, lines.Limits{}, "sh", "-c", "read x; echo $x; exit 3")
	require.NoError(t, p.Write([]byte("a\n")))
	require.NoError(t, g.Quiet(p))
	line, err := p.Line()
	require.NoError(t, err)
	require.Equal(t, "a", string(line))
	_, err = p.Line()
	var e *lines.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, lines.Ended, e.Problem)
	require.Equal(t, "exit status 3", e.Status)
}

func problem(t *testing.T, p *lines.Program, g *lines.Group, line string) lines.Problem {
	t.Helper()
	require.NoError(t, p.Write([]byte(line+"\n")))
	err := g.Quiet(p)
	var e *lines.Error
	require.ErrorAs(t, err, &e)
	return e.Problem
}
