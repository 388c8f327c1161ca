package lines_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/lines"
)

// The tests' programs are this binary, run again: what it does then is said in its environment.
const doing = "LINES_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if what := os.Getenv(doing); what != "" {
		act(what)
		return
	}
	os.Exit(m.Run())
}

func act(what string) {
	in := bufio.NewReader(os.Stdin)
	line := func() string {
		s, err := in.ReadString('\n')
		if err != nil {
			os.Exit(0)
		}
		return s
	}
	switch what {
	case "echo":
		for {
			fmt.Print(line())
		}
	case "exit":
		line()
		fmt.Fprint(os.Stderr, "panic: it is\ntoo much\n\n")
		os.Exit(3)
	case "half":
		line()
		fmt.Print("the beginning")
		os.Exit(0)
	case "silent":
		line()
		_, _ = io.Copy(io.Discard, in)
	case "endless":
		line()
		for {
			fmt.Print(strings.Repeat("x", 1<<12))
		}
	case "no-newline":
		line()
		fmt.Print("{}")
		_, _ = io.Copy(io.Discard, in)
	case "deaf":
		fmt.Println("hello")
		<-make(chan int)
	case "closes":
		line()
		os.Stdout.Close()
		_, _ = io.Copy(io.Discard, in)
	case "logs":
		for {
			s := line()
			fmt.Fprint(os.Stderr, strings.Repeat("log ", 1<<16), "the end of "+s)
			fmt.Print(s)
		}
	case "eager": // answers a long line before it has read all of it
		for range 1 << 10 {
			fmt.Println(strings.Repeat("y", 1<<8))
		}
		fmt.Print(line())
	case "family":
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), doing+"=stubborn")
		child.Stdout = os.Stdout
		if err := child.Run(); err != nil {
			os.Exit(1)
		}
	case "stubborn":
		signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
		fmt.Println(os.Getpid())
		<-make(chan int)
	case "harness": // starts a program, says which, and waits to be killed
		p, err := lines.Start(command("stubborn", lines.Limits{}))
		if err != nil {
			panic(err)
		}
		s, err := p.Read()
		if err != nil {
			panic(err)
		}
		fmt.Println(string(s))
		<-make(chan int)
	default:
		panic("no such program: " + what)
	}
}

func command(what string, l lines.Limits) lines.Command {
	return lines.Command{Args: []string{os.Args[0]}, Env: append(os.Environ(), doing+"="+what), Limits: l}
}

func start(t *testing.T, what string, l lines.Limits) *lines.Program {
	t.Helper()
	p, err := lines.Start(command(what, l))
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	return p
}

// hasten is a limit on the clock that a test waits for.
const hasten = 150 * time.Millisecond

func TestALineIsAnswered(t *testing.T) {
	p := start(t, "echo", lines.Limits{})
	for _, line := range []string{"one", "", strings.Repeat("long ", 1<<17), "last"} {
		require.NoError(t, p.Write([]byte(line+"\n")))
		got, err := p.Read()
		require.NoError(t, err)
		require.Equal(t, line, string(got))
	}
	rest, err := p.Unread()
	require.NoError(t, err)
	require.Empty(t, rest)
	require.Empty(t, p.Status())
	p.Stop()
	require.Equal(t, "killed by signal: killed", p.Status())
	p.Stop() // once more changes nothing
}

// What a program does wrong is said by what was expected, what was found, the line, and what it logged last.
func TestWhatAProgramDoesWrongIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		program string
		limits  lines.Limits
		line    string
		want    lines.Error
	}{
		"it exits": {"exit", lines.Limits{}, "x", lines.Error{Problem: lines.Ended, Expected: "a line", Found: "exit status 3",
			Stderr: "panic: it is\ntoo much\n\n", Status: "exit status 3"}},
		"in the middle of a line": {"half", lines.Limits{}, "x", lines.Error{Problem: lines.Ended, Expected: "a line",
			Found: "exit status 0, in the middle of a line of 13 bytes", Line: "the beginning", Status: "exit status 0"}},
		"it is silent":         {"silent", lines.Limits{Start: hasten}, "x", lines.Error{Problem: lines.Late, Expected: "a line within 150ms", Found: "none"}},
		"no newline":           {"no-newline", lines.Limits{Start: hasten}, "x", lines.Error{Problem: lines.Late, Expected: "a line within 150ms", Found: `2 bytes without its end, \n`, Line: "{}"}},
		"its line is long":     {"echo", lines.Limits{Line: 4}, "12345", lines.Error{Problem: lines.TooLong, Expected: "a line of at most 4 bytes", Found: "5 bytes", Line: "12345"}},
		"its output is closed": {"closes", lines.Limits{}, "x", lines.Error{Problem: lines.Ended, Expected: "a line", Found: "that it closed its standard output and goes on"}},
		"a long line is cut": {"echo", lines.Limits{Line: 4}, strings.Repeat("a", 1000), lines.Error{Problem: lines.TooLong, Expected: "a line of at most 4 bytes", Found: "1000 bytes",
			Line: strings.Repeat("a", 150) + " … (700 bytes) … " + strings.Repeat("a", 150)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, c.program, c.limits)
			require.NoError(t, p.Write([]byte(c.line+"\n")))
			_, err := p.Read()
			var found *lines.Error
			require.ErrorAs(t, err, &found)
			require.Equal(t, c.want, *found)
			require.False(t, found.Problem.Ours())
			require.Contains(t, err.Error(), c.want.Found)
		})
	}
}

func TestALineWithoutEndIsNotGathered(t *testing.T) {
	p := start(t, "endless", lines.Limits{Line: 1 << 20})
	require.NoError(t, p.Write([]byte("x\n")))
	_, err := p.Read()
	var found *lines.Error
	require.ErrorAs(t, err, &found)
	require.Equal(t, lines.TooLong, found.Problem)
	require.Less(t, len(found.Line), 1000)
}

func TestOneThatDoesNotReadIsNotWaitedFor(t *testing.T) {
	p := start(t, "deaf", lines.Limits{Answer: hasten})
	_, err := p.Read()
	require.NoError(t, err)
	err = p.Write([]byte(strings.Repeat("x", 1<<20) + "\n"))
	var found *lines.Error
	require.ErrorAs(t, err, &found)
	require.Equal(t, lines.Deaf, found.Problem)
	require.Equal(t, "that it reads a line of 1048577 bytes within 150ms", found.Expected)
}

// Two that both write before they read would wait for each other for ever.
func TestOneThatAnswersBeforeItHasReadIsNoDeadlock(t *testing.T) {
	p := start(t, "eager", lines.Limits{Start: time.Minute, Answer: time.Minute})
	long := strings.Repeat("z", 1<<18)
	require.NoError(t, p.Write([]byte(long+"\n")))
	for range 1 << 10 {
		line, err := p.Read()
		require.NoError(t, err)
		require.Equal(t, strings.Repeat("y", 1<<8), string(line))
	}
	line, err := p.Read()
	require.NoError(t, err)
	require.Equal(t, long, string(line))
}

// A program that logs more than a pipe holds goes on, and the end of its log is kept.
func TestALongLogIsTaken(t *testing.T) {
	p := start(t, "logs", lines.Limits{Errors: 32})
	for i := range 20 {
		line := "line " + strconv.Itoa(i)
		require.NoError(t, p.Write([]byte(line+"\n")))
		got, err := p.Read()
		require.NoError(t, err)
		require.Equal(t, line, string(got))
	}
	p.Stop()
	require.Len(t, p.Stderr(), 32)
	require.True(t, strings.HasSuffix(p.Stderr(), "log the end of line 19\n"), p.Stderr())
}

func TestWhatIsNotThereIsNotStarted(t *testing.T) {
	for name, args := range map[string][]string{"no program": nil, "no name": {""}, "an unknown one": {"no-such-program-anywhere"}, "no such file": {"./no/such/file"}, "a folder": {"/"}} {
		_, err := lines.Start(lines.Command{Args: args})
		var found *lines.Error
		require.ErrorAs(t, err, &found, name)
		require.Equal(t, lines.NotStarted, found.Problem, name)
		require.True(t, found.Problem.Ours(), name)
	}
}

// gone waits, within a bound, until a process is no more, or is a zombie that its new parent has yet to wait for.
func gone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return true
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err == nil && strings.Contains(string(stat), ") Z ")
	}, 10*time.Second, time.Millisecond, "process %d is still there", pid)
}

// Stop reaches the children of a program, and leaves no zombie of the program itself.
func TestStopEndsTheWholeFamily(t *testing.T) {
	p := start(t, "family", lines.Limits{})
	line, err := p.Read()
	require.NoError(t, err)
	child, err := strconv.Atoi(string(line))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(child, 0), "the child lives")
	p.Stop()
	gone(t, child)
	require.ErrorIs(t, syscall.Kill(p.PID(), 0), syscall.ESRCH)
}

// One that is killed has no time to end its programs.
func TestAProgramEndsWithAHarnessThatIsKilled(t *testing.T) {
	harness := start(t, "harness", lines.Limits{})
	line, err := harness.Read()
	require.NoError(t, err)
	program, err := strconv.Atoi(string(line))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(program, 0), "the program lives")
	require.NoError(t, syscall.Kill(harness.PID(), syscall.SIGKILL)) // it alone, not its group
	gone(t, program)
}

// What an event costs beside the program's own work: a line there, a line back.
func BenchmarkLine(b *testing.B) {
	p, err := lines.Start(command("echo", lines.Limits{}))
	require.NoError(b, err)
	defer p.Stop()
	line := []byte(strings.Repeat("x", 150) + "\n")
	for b.Loop() {
		if err := p.Write(line); err != nil {
			b.Fatal(err)
		}
		if _, err := p.Read(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N), "µs/line")
}

// What a start costs, of a program that does nothing at its start.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		p, err := lines.Start(lines.Command{Args: []string{"cat"}})
		require.NoError(b, err)
		p.Stop()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N), "µs/start")
}
