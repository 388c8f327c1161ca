//go:build unix

package fleet

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/firstgap/firstgap/harness/campaign/job"
	"github.com/firstgap/firstgap/harness/verdict"
)

// A part is what a process of its own does in a test.
type part struct {
	Role   string // "server", "worker" or "coordinator"
	Dir    string
	Listen string
	Server string
	ID     string
	// Workers do hash, but for these jobs: Blocks say that they begin and wait for a line, Kills kill the process.
	Workers int
	Blocks  []uint64
	Kills   []uint64
	Jobs    uint64
	Lines   string // the coordinator's file, a line an outcome
	Lease   time.Duration
	Clients int // the workers that are to hear of the campaign's end
}

// partKey names the variable by which a process knows its part.
const partKey = "FIRSTGAP_FLEET_PART"

func TestMain(m *testing.M) {
	text := os.Getenv(partKey)
	if text == "" {
		os.Exit(m.Run())
	}
	var p part
	err := json.Unmarshal([]byte(text), &p)
	if err == nil {
		err = p.play(context.Background())
	}
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(2)
	}
}

func (p part) play(ctx context.Context) error {
	switch p.Role {
	case "server":
		e, err := embed(Options{Dir: p.Dir, Listen: p.Listen})
		if err != nil {
			return err
		}
		fmt.Println("listens:", e.url())
		_, err = io.Copy(io.Discard, os.Stdin)
		e.close()
		return err
	case "worker":
		lines := bufio.NewReader(os.Stdin)
		return Work(ctx, WorkerOptions{Login: Login{Server: p.Server}, ID: p.ID, Workers: p.Workers, Accept: accept, Wait: time.Minute,
			Do: func(ctx context.Context, j job.Job) job.Outcome {
				if slices.Contains(p.Kills, j.Number) {
					syscall.Kill(os.Getpid(), syscall.SIGKILL)
					select {}
				}
				fmt.Println("begins:", j.Number)
				if slices.Contains(p.Blocks, j.Number) {
					if _, err := lines.ReadString('\n'); err != nil {
						os.Exit(2) // the test has ended
					}
				}
				return hash(ctx, j)
			}})
	case "coordinator":
		return p.coordinate(ctx)
	}
	return fmt.Errorf("no role %q", p.Role)
}

// coordinate leads a campaign with all of its jobs put at once. It writes lines in the order of numbers, as a campaign does.
func (p part) coordinate(ctx context.Context) error {
	before, err := os.ReadFile(p.Lines)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	next := uint64(strings.Count(string(before), "\n"))
	q, err := Open(ctx, Options{Login: Login{Server: p.Server}, Dir: p.Dir, Listen: p.Listen, Campaign: toy, From: next, Lease: p.Lease, Wait: time.Minute})
	if err != nil {
		return err
	}
	fmt.Println("listens:", q.URL())
	if err := q.Put(ctx, jobsOf(next, p.Jobs)...); err != nil {
		return err
	}
	f, err := os.OpenFile(p.Lines, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	early := map[uint64]job.Outcome{}
	for next < p.Jobs {
		o, more := <-q.Outcomes()
		if !more {
			return q.Err()
		}
		early[o.Number] = o
		for o, is := early[next]; is; o, is = early[next] {
			if _, err := fmt.Fprintln(f, line(o)); err != nil {
				return err
			}
			next++
			fmt.Println("kept:", next)
			if err := q.Keep(ctx, next); err != nil {
				return err
			}
		}
	}
	for q.server.server.NumClients() < 1+p.Clients { // a worker that has not come back would not hear of the end
		if !pause(ctx, pauseFor/10) {
			return ctx.Err()
		}
	}
	if err := q.End(ctx); err != nil {
		return err
	}
	return q.Close()
}

func line(o job.Outcome) string {
	return fmt.Sprintf("%d %016x %s %d", o.Number, o.Hash, o.Verdict, o.GivenUp)
}

// linesOf are those of one process that does all jobs.
func linesOf(jobs uint64) string {
	var b strings.Builder
	for n := range jobs {
		fmt.Fprintln(&b, line(hash(context.Background(), job.Job{Number: n})))
	}
	return b.String()
}

// A process is one that plays a part.
type process struct {
	*exec.Cmd
	in    io.WriteCloser
	lines chan string // that it prints; closed when it has ended
	ended chan struct{}
}

func start(t testing.TB, p part) *process {
	t.Helper()
	text, err := json.Marshal(p)
	require.NoError(t, err)
	c := &process{Cmd: exec.Command(os.Args[0]), lines: make(chan string, 1<<16), ended: make(chan struct{})}
	c.Env = append(os.Environ(), partKey+"="+string(text))
	c.Stderr = os.Stderr
	c.in, err = c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	go func() {
		s := bufio.NewScanner(out)
		for s.Scan() {
			c.lines <- s.Text()
		}
		close(c.lines)
		c.Wait()
		close(c.ended)
	}()
	t.Cleanup(func() {
		c.Process.Kill()
		<-c.ended
	})
	return c
}

// says waits for a line that begins with what, and returns the rest.
func (c *process) says(t testing.TB, what string) string {
	t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case l, more := <-c.lines:
			require.True(t, more, "the process ended and did not say %q", what)
			if rest, is := strings.CutPrefix(l, what); is {
				return strings.TrimSpace(rest)
			}
			require.NotContains(t, l, "failed:")
		case <-late:
			require.FailNow(t, "a minute without it", "expected a line that begins with %q", what)
		}
	}
}

// goesOn unblocks a job.
func (c *process) goesOn(t testing.TB) {
	t.Helper()
	_, err := io.WriteString(c.in, "\n")
	require.NoError(t, err)
}

func (c *process) kill(t testing.TB) {
	t.Helper()
	require.NoError(t, c.Process.Kill())
	<-c.ended
}

func (c *process) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	require.NoError(t, c.Process.Signal(s))
}

// A queue that workers of other processes reach, with short leases.
func openShort(t testing.TB) *Queue {
	t.Helper()
	q, err := Open(t.Context(), Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Campaign: toy, Lease: shortLease})
	require.NoError(t, err)
	t.Cleanup(func() { q.Close() })
	return q
}

func TestAWorkerIsKilledInTheMiddleOfAJob(t *testing.T) {
	q := openShort(t)
	first := start(t, part{Role: "worker", Server: q.URL(), ID: "first", Blocks: []uint64{3}})
	require.NoError(t, q.Put(t.Context(), jobsOf(0, 20)...))
	require.Equal(t, "3", func() string {
		for {
			if n := first.says(t, "begins:"); n == "3" {
				return n
			}
		}
	}())
	first.kill(t)
	start(t, part{Role: "worker", Server: q.URL(), ID: "second", Workers: 3})
	got := collect(t, q, 0, 20)
	requireHashes(t, got)
	require.Equal(t, "second", got[3].By)
	requireEmpty(t, q)
	require.NotZero(t, q.Stats().Again)
}

func TestAWorkerIsPausedPastItsLease(t *testing.T) {
	q := openShort(t)
	first := start(t, part{Role: "worker", Server: q.URL(), ID: "first", Blocks: []uint64{0}})
	require.NoError(t, q.Put(t.Context(), jobsOf(0, 1)...))
	require.Equal(t, "0", first.says(t, "begins:"))
	first.signal(t, syscall.SIGSTOP)
	second := start(t, part{Role: "worker", Server: q.URL(), ID: "second"})
	require.Equal(t, "0", second.says(t, "begins:"))
	o := one(t, q)
	require.Equal(t, "second", o.By)
	first.signal(t, syscall.SIGCONT)
	first.goesOn(t)
	require.Eventually(t, func() bool { return q.Stats().Late == 1 }, time.Minute, time.Millisecond, "the first worker's outcome is late")
	// It goes on to work.
	second.kill(t)
	require.NoError(t, q.Put(t.Context(), jobsOf(1, 5)...))
	got := collect(t, q, 1, 5)
	requireHashes(t, got)
	require.Equal(t, "first", got[4].By)
	requireEmpty(t, q)
	s := q.Stats()
	require.Equal(t, uint64(5), s.Outcomes)
	require.Equal(t, 2, s.Workers)
}

// A proxy stands between workers and a server, and can cut them off.
type proxy struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	cut      bool
	open     map[net.Conn]bool
}

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: l, to: to, open: map[net.Conn]bool{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.join(c)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		p.sever(true)
	})
	return p
}

func (p *proxy) join(c net.Conn) {
	defer c.Close()
	s, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer s.Close()
	p.mu.Lock()
	cut := p.cut
	if !cut {
		p.open[c], p.open[s] = true, true
	}
	p.mu.Unlock()
	if cut {
		return
	}
	go io.Copy(s, c)
	io.Copy(c, s)
}

// sever cuts all connections, and lets no new one through until it is told otherwise.
func (p *proxy) sever(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	if cut {
		for c := range p.open {
			c.Close()
		}
		clear(p.open)
	}
}

func TestAWorkerIsCutOff(t *testing.T) {
	q := openShort(t)
	p := newProxy(t, address(t, q.URL()))
	first := start(t, part{Role: "worker", Server: "nats://" + p.listener.Addr().String(), ID: "first", Blocks: []uint64{0}})
	require.NoError(t, q.Put(t.Context(), jobsOf(0, 1)...))
	require.Equal(t, "0", first.says(t, "begins:"))
	p.sever(true)
	second := start(t, part{Role: "worker", Server: q.URL(), ID: "second"})
	require.Equal(t, "0", second.says(t, "begins:"))
	require.Equal(t, "second", one(t, q).By)
	first.goesOn(t) // it has an outcome, and no server
	p.sever(false)
	require.Eventually(t, func() bool { return q.Stats().Late == 1 }, time.Minute, time.Millisecond)
	second.kill(t)
	require.NoError(t, q.Put(t.Context(), jobsOf(1, 10)...))
	requireHashes(t, collect(t, q, 1, 10))
	requireEmpty(t, q)
}

// The server of another process is killed with jobs at workers and outcomes on their way, and begins again: once with its folder, and once
// without it.
func TestTheServerIsKilledAndBeginsAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nats")
	server := start(t, part{Role: "server", Dir: dir, Listen: "127.0.0.1:0"})
	u := server.says(t, "listens:")
	q, err := Open(t.Context(), Options{Login: Login{Server: u}, Campaign: toy, Lease: shortLease, Wait: time.Minute})
	require.NoError(t, err)
	defer q.Close()
	const jobs = 150
	first := start(t, part{Role: "worker", Server: u, ID: "first", Workers: 2, Blocks: []uint64{40, 90}})
	second := start(t, part{Role: "worker", Server: u, ID: "second", Workers: 2, Blocks: []uint64{40, 90}})
	require.NoError(t, q.Put(t.Context(), jobsOf(0, jobs)...))
	got := map[uint64]job.Outcome{}
	take := func(n int) {
		for len(got) < n {
			o := one(t, q)
			require.NotContains(t, got, o.Number)
			got[o.Number] = o
		}
	}
	take(39)
	server.kill(t)
	first.goesOn(t)
	second.goesOn(t)
	again := part{Role: "server", Dir: dir, Listen: address(t, u)}
	server = start(t, again)
	server.says(t, "listens:")
	take(89)
	server.kill(t)
	require.NoError(t, os.RemoveAll(dir))
	for _, w := range []*process{first, second} {
		for range 4 { // each job that blocks may be with either worker, and be handed out twice
			w.goesOn(t)
		}
	}
	server = start(t, again)
	server.says(t, "listens:")
	take(jobs)
	requireHashes(t, got)
	require.NoError(t, q.Put(t.Context(), jobsOf(jobs, jobs+10)...))
	requireHashes(t, collect(t, q, jobs, jobs+10))
	requireEmpty(t, q)
}

// The coordinator is killed with its server, again and again: the lines are those of one process.
func TestTheCoordinatorIsKilledAndBeginsAgain(t *testing.T) {
	const jobs, kills = 300, 3
	p := part{Role: "coordinator", Dir: filepath.Join(t.TempDir(), "nats"), Lines: filepath.Join(t.TempDir(), "lines"), Listen: "127.0.0.1:0", Jobs: jobs, Lease: time.Minute, Clients: 2}
	var err error
	c := start(t, p)
	u := c.says(t, "listens:")
	p.Listen = address(t, u)
	workers := []*process{start(t, part{Role: "worker", Server: u, ID: "first", Workers: 2}), start(t, part{Role: "worker", Server: u, ID: "second", Workers: 2})}
	for k := 1; k <= kills; k++ {
		for kept := 0; kept < k*50; { // or more, by the time that it is dead
			kept, err = strconv.Atoi(c.says(t, "kept:"))
			require.NoError(t, err)
		}
		c.kill(t)
		c = start(t, p)
		c.says(t, "listens:")
	}
	<-c.ended
	require.Zero(t, c.ProcessState.ExitCode())
	text, err := os.ReadFile(p.Lines)
	require.NoError(t, err)
	require.Equal(t, linesOf(jobs), string(text))
	for _, w := range workers {
		<-w.ended
		require.Zero(t, w.ProcessState.ExitCode(), "the campaign has ended, and the workers left")
	}
}

// A server of another process outlives its coordinator, and so do its outcomes: what came while there was no coordinator counts.
func TestOutcomesThatCameWithoutACoordinatorCount(t *testing.T) {
	server := start(t, part{Role: "server", Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	u := server.says(t, "listens:")
	o := Options{Login: Login{Server: u}, Campaign: toy, Lease: time.Minute}
	q, err := Open(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, q.Put(t.Context(), jobsOf(0, 5)...))
	require.NoError(t, q.Close())

	w := start(t, part{Role: "worker", Server: u, ID: "w", Blocks: []uint64{4}})
	for n := range 5 {
		require.Equal(t, fmt.Sprint(n), w.says(t, "begins:"))
	}
	k, err := connect(t.Context(), Login{Server: u}, "test", 0, nil)
	require.NoError(t, err)
	defer k.close()
	require.Eventually(t, func() bool { // a job is acknowledged when its outcome is there
		jobs, err := k.js.Stream(t.Context(), names(DefaultName).jobStream())
		require.NoError(t, err)
		return jobs.CachedInfo().State.Msgs == 1
	}, time.Minute, time.Millisecond)
	o.From = 2 // two are in lines
	q, err = Open(t.Context(), o)
	require.NoError(t, err)
	defer q.Close()
	require.NoError(t, q.Put(t.Context(), jobsOf(2, 8)...))
	w.goesOn(t)
	w.goesOn(t) // job 4 was in progress, and is handed out again
	requireHashes(t, collect(t, q, 2, 8))
	begun := []string{w.says(t, "begins:"), w.says(t, "begins:")}
	require.Equal(t, []string{"4", "5"}, begun, "jobs 2 and 3 are done")
	s := q.Stats()
	require.GreaterOrEqual(t, s.Late, uint64(2), "of jobs 0 and 1")
	require.Equal(t, uint64(6), s.Outcomes)
}

// Two jobs kill their workers. They are given up, and those that were in the same processes are not.
func TestAJobThatKillsItsWorkersIsGivenUp(t *testing.T) {
	q := openShort(t)
	poison := []uint64{5, 6}
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() { // as Kubernetes would
		defer close(stopped)
		for i := 0; ; i++ {
			w := start(t, part{Role: "worker", Server: q.URL(), ID: fmt.Sprint("w", i), Workers: 6, Kills: poison})
			select {
			case <-w.ended:
			case <-stop:
				return
			}
		}
	}()
	require.NoError(t, q.Put(t.Context(), jobsOf(0, 30)...))
	got := collect(t, q, 0, 30)
	for _, n := range poison {
		require.Equal(t, DefaultDeliveries, got[n].GivenUp)
		require.Equal(t, verdict.CouldNotTell, got[n].Verdict)
		delete(got, n)
	}
	requireHashes(t, got)
	for n, o := range got {
		require.Zero(t, o.GivenUp, "job %d", n)
	}
	requireEmpty(t, q)
	require.Equal(t, uint64(2), q.Stats().GivenUp)
	close(stop)
	<-stopped
}

func TestTwoServersOnOneFolder(t *testing.T) {
	dir := t.TempDir()
	server := start(t, part{Role: "server", Dir: dir, Listen: "127.0.0.1:0"})
	server.says(t, "listens:")
	_, err := Open(t.Context(), Options{Dir: dir, Campaign: toy})
	var locked *LockedError
	require.ErrorAs(t, err, &locked)
	require.Equal(t, &LockedError{dir, fmt.Sprint(server.Process.Pid)}, locked)
	require.EqualError(t, err, fmt.Sprintf("fleet: the folder %s: expected no server on it, found one that runs (process %d)", dir, server.Process.Pid))
	server.kill(t)
	q, err := Open(t.Context(), Options{Dir: dir, Campaign: toy})
	require.NoError(t, err, "a lock ends with its process")
	_, err = Open(t.Context(), Options{Dir: dir, Campaign: toy})
	require.ErrorAs(t, err, &locked, "of the same process")
	require.NoError(t, q.Close())
	q, err = Open(t.Context(), Options{Dir: dir, Campaign: toy})
	require.NoError(t, err)
	require.NoError(t, q.Close())
}
