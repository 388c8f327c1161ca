//go:build unix

package lines

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Program is one that runs. It is for one goroutine at a time.
//
// Nothing stands between the caller and the pipes: a goroutine that handed lines over would cost a wake-up for each, which is
// most of what an event costs. So whoever waits for a line waits in poll(2), with the rest of the time as its timeout, and takes what
// the program logs in the same call; while nobody waits, a program that logs much waits.
type Program struct {
	limits                Limits
	pid                   int
	stdin, stdout, stderr int // our ends; -1 once closed
	buffer                []byte
	from, to, scanned     int  // buffer[from:to] was read and not handed out; no line ends in its first scanned bytes
	spoke                 bool // it has written its first line
	errors                []byte
	status                string // how it ended, once it was waited for
	reaped                bool
}

// Start starts a program. Its processes are a group of their own, so that Stop reaches all that it has started; on Linux the program
// ends with this one, also where that is killed.
func Start(c Command) (*Program, error) {
	if len(c.Args) == 0 || c.Args[0] == "" {
		return nil, &Error{Problem: NotStarted, Expected: "a program", Found: "none"}
	}
	path := c.Args[0]
	if !strings.Contains(path, "/") {
		found, err := exec.LookPath(path)
		if err != nil {
			return nil, notStarted(c, err)
		}
		path = found
	}
	p := &Program{limits: c.Limits.orDefault(), stdin: -1, stdout: -1, stderr: -1}
	var theirs [3]int
	for i, ours := range []*int{&p.stdin, &p.stdout, &p.stderr} {
		r, w, err := pipe()
		if err != nil {
			p.close()
			closeAll(theirs[:i])
			return nil, notStarted(c, err)
		}
		theirs[i], *ours = w, r
		if i == 0 {
			theirs[i], *ours = r, w
		}
	}
	environment := exec.Cmd{Dir: c.Dir, Env: c.Env}
	attr := &syscall.ProcAttr{Dir: c.Dir, Env: environment.Environ(), Files: []uintptr{uintptr(theirs[0]), uintptr(theirs[1]), uintptr(theirs[2])},
		Sys: &syscall.SysProcAttr{Setpgid: true}}
	endWithUs(attr.Sys)
	pid, err := syscall.ForkExec(path, c.Args, attr)
	closeAll(theirs[:])
	if err == nil {
		p.pid = pid
		err = errors.Join(unix.SetNonblock(p.stdin, true), unix.SetNonblock(p.stdout, true), unix.SetNonblock(p.stderr, true))
	}
	if err != nil {
		p.Stop()
		return nil, notStarted(c, err)
	}
	return p, nil
}

func notStarted(c Command, err error) error {
	var p *os.PathError
	if e := (*exec.Error)(nil); errors.As(err, &e) {
		err = e.Err
	} else if errors.As(err, &p) {
		err = p.Err
	}
	return &Error{Problem: NotStarted, Expected: fmt.Sprintf("that %q starts", strings.Join(c.Args, " ")), Found: err.Error(), Err: err}
}

func (l Limits) orDefault() Limits {
	return Limits{Line: cmp.Or(l.Line, DefaultLine), Lines: cmp.Or(l.Lines, DefaultLines), Answer: cmp.Or(l.Answer, DefaultAnswer),
		Start: cmp.Or(l.Start, DefaultStart), Errors: cmp.Or(l.Errors, DefaultErrors)}
}

// pipe makes a pipe that no program inherits but by being given it.
func pipe() (r, w int, err error) {
	var fds [2]int
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(fds[:]); err != nil {
		return 0, 0, os.NewSyscallError("pipe", err)
	}
	unix.CloseOnExec(fds[0])
	unix.CloseOnExec(fds[1])
	return fds[0], fds[1], nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd) // a pipe has nothing to lose
	}
}

// PID is the number of the process, which is that of its group, too.
func (p *Program) PID() int { return p.pid }

// deadline is when an answer to what is asked now is late.
func (p *Program) deadline() time.Time {
	if p.spoke {
		return time.Now().Add(p.limits.Answer)
	}
	return time.Now().Add(p.limits.Start)
}

// Write gives the program a line, which ends with its only \n. What the program writes meanwhile is taken.
func (p *Program) Write(line []byte) error {
	var deadline time.Time
	for rest := line; len(rest) > 0; {
		n, err := unix.Write(p.stdin, rest)
		rest = rest[max(n, 0):]
		switch {
		case err == nil || err == unix.EINTR:
		case err == unix.EPIPE:
			return p.ended("that it reads a line")
		case err != unix.EAGAIN:
			return p.machine("write", err)
		default:
			if deadline.IsZero() {
				deadline = p.deadline()
			}
			if p.to-p.from > p.limits.Line {
				return p.failed(TooLong, fmt.Sprintf("a line of at most %d bytes", p.limits.Line), fmt.Sprintf("%d bytes without an end", p.to-p.from), p.buffer[p.from:p.to])
			}
			in, err := p.poll(deadline, true)
			if err != nil {
				return err
			}
			if !in {
				return p.failed(Deaf, fmt.Sprintf("that it reads a line of %d bytes within %v", len(line), p.patience()), fmt.Sprintf("that it took %d of them", len(line)-len(rest)), nil)
			}
		}
	}
	return nil
}

func (p *Program) patience() time.Duration {
	if p.spoke {
		return p.limits.Answer
	}
	return p.limits.Start
}

// Read returns the next line of the program without its end, which is valid until the next Read or Write. It waits for it as long as the
// limits have it.
func (p *Program) Read() ([]byte, error) {
	if line := p.buffered(); line != nil {
		return line, nil
	}
	deadline := p.deadline()
	for {
		if p.to-p.from > p.limits.Line {
			return nil, p.failed(TooLong, fmt.Sprintf("a line of at most %d bytes", p.limits.Line), fmt.Sprintf("%d bytes without an end", p.to-p.from), p.buffer[p.from:p.to])
		}
		if p.stdout < 0 {
			return nil, p.ended("a line")
		}
		in, err := p.poll(deadline, false)
		if err != nil {
			return nil, err
		}
		if line := p.buffered(); line != nil {
			if len(line) > p.limits.Line {
				return nil, p.failed(TooLong, fmt.Sprintf("a line of at most %d bytes", p.limits.Line), fmt.Sprintf("%d bytes", len(line)), line)
			}
			return line, nil
		}
		if !in {
			found := "none"
			if p.to > p.from {
				found = fmt.Sprintf("%d bytes without its end, \\n", p.to-p.from)
			}
			return nil, p.failed(Late, fmt.Sprintf("a line within %v", p.patience()), found, p.buffer[p.from:p.to])
		}
	}
}

// Unread returns what the program has written and Read has not returned, without waiting for any.
func (p *Program) Unread() ([]byte, error) {
	if p.from == p.to && p.stdout >= 0 {
		if _, err := p.poll(time.Time{}, false); err != nil {
			return nil, err
		}
	}
	return p.buffer[p.from:p.to], nil
}

// buffered takes the first whole line of what was read, nil where there is none.
func (p *Program) buffered() []byte {
	at := bytes.IndexByte(p.buffer[p.from+p.scanned:p.to], '\n')
	if at < 0 {
		p.scanned = p.to - p.from
		return nil
	}
	at += p.scanned
	line := p.buffer[p.from : p.from+at : p.from+at]
	p.from, p.scanned, p.spoke = p.from+at+1, 0, true
	return line
}

// poll waits until the program has written something, or, where that is asked for, reads; and takes what it has written. It is false when
// the time is up; the zero time is now.
func (p *Program) poll(deadline time.Time, writing bool) (bool, error) {
	for {
		wait := 0
		if !deadline.IsZero() {
			left := time.Until(deadline)
			if left <= 0 {
				return false, nil
			}
			wait = int((left + time.Millisecond - 1) / time.Millisecond)
		}
		fds := [3]unix.PollFd{{Fd: int32(p.stdout), Events: unix.POLLIN}, {Fd: int32(p.stderr), Events: unix.POLLIN}, {Fd: -1, Events: unix.POLLOUT}}
		if writing {
			fds[2].Fd = int32(p.stdin)
		}
		n, err := unix.Poll(fds[:], wait)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return false, p.machine("poll", err)
		case n == 0 && wait == 0:
			return false, nil
		}
		if fds[1].Revents != 0 {
			if _, err := p.listen(); err != nil {
				return false, err
			}
		}
		if fds[0].Revents != 0 {
			if err := p.take(); err != nil {
				return false, err
			}
		}
		if fds[0].Revents != 0 || fds[2].Revents != 0 {
			return true, nil
		}
		if wait == 0 {
			return false, nil
		}
	}
}

// chunk is how much room there is for what is read at a time, at least.
const chunk = 16 << 10

// take reads what there is of the program's output.
func (p *Program) take() error {
	if p.from == p.to {
		p.from, p.to = 0, 0
	}
	if len(p.buffer)-p.to < chunk {
		if p.from > 0 {
			copy(p.buffer, p.buffer[p.from:p.to])
			p.from, p.to = 0, p.to-p.from
		}
		if len(p.buffer)-p.to < chunk {
			grown := make([]byte, max(2*len(p.buffer), 4*chunk))
			copy(grown, p.buffer[:p.to])
			p.buffer = grown
		}
	}
	n, err := read(p.stdout, p.buffer[p.to:])
	switch {
	case err == io.EOF:
		closeAll([]int{p.stdout})
		p.stdout = -1
	case err != nil:
		return p.machine("read", err)
	}
	p.to += n
	return nil
}

// read reads what there is, which may be nothing. The end of a pipe is io.EOF.
func read(fd int, into []byte) (int, error) {
	for {
		n, err := unix.Read(fd, into)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return 0, nil
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// listen keeps the end of what the program writes to its standard error.
func (p *Program) listen() (int, error) {
	most := p.limits.Errors
	if room := 2*most + chunk; cap(p.errors) < room {
		p.errors = append(make([]byte, 0, room), p.errors...)
	}
	if len(p.errors) > most {
		p.errors = p.errors[:copy(p.errors, p.errors[len(p.errors)-most:])]
	}
	n, err := read(p.stderr, p.errors[len(p.errors):cap(p.errors)])
	switch {
	case err == io.EOF:
		closeAll([]int{p.stderr})
		p.stderr = -1
	case err != nil:
		return 0, p.machine("read", err)
	}
	p.errors = p.errors[:len(p.errors)+n]
	return n, nil
}

// Stderr is the end of what the program wrote to its standard error.
func (p *Program) Stderr() string {
	return strings.ToValidUTF8(string(p.errors[max(0, len(p.errors)-p.limits.Errors):]), "\ufffd")
}

// lastWords takes what the program has written to its standard error and nobody has read: as much as a pipe has.
func (p *Program) lastWords() {
	for range 64 {
		if p.stderr < 0 {
			return
		}
		if n, err := p.listen(); err != nil || n == 0 {
			return
		}
	}
}

func (p *Program) failed(problem Problem, expected, found string, line []byte) error {
	p.lastWords()
	return &Error{Problem: problem, Expected: expected, Found: found, Line: Cut(line), Stderr: p.Stderr(), Status: p.status}
}

func (p *Program) machine(call string, err error) error {
	err = os.NewSyscallError(call, err)
	return &Error{Problem: Unreadable, Expected: "that it can be talked to", Found: err.Error(), Err: err}
}

// ended says how the program ended, which has closed one of its ends of the pipes. It is given a moment to end after that.
func (p *Program) ended(expected string) error {
	found := "that it closed its standard input and goes on"
	if p.stdout < 0 {
		found = "that it closed its standard output and goes on"
	}
	wait := 50 * time.Microsecond
	for range endedTries {
		if p.reap(unix.WNOHANG); p.reaped {
			found = p.status
			break
		}
		time.Sleep(wait)
		wait = min(2*wait, 10*time.Millisecond)
	}
	if p.stdout >= 0 {
		_ = p.take() // what it wrote before it ended, for the error
	}
	rest := p.buffer[p.from:p.to]
	if len(rest) > 0 {
		found += fmt.Sprintf(", in the middle of a line of %d bytes", len(rest))
	}
	return p.failed(Ended, expected, found, rest)
}

// endedTries is how often one that has closed its pipes is looked at before it is said to go on: about half a second.
const endedTries = 60

// reap waits for the program's process. What it has started goes with it, at once: once the process was waited for and its group has no
// other, the group's number may be another's.
func (p *Program) reap(options int) {
	for !p.reaped {
		var s unix.WaitStatus
		pid, err := unix.Wait4(p.pid, &s, options, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			p.reaped, p.status = true, "ended, and its status is unknown: "+err.Error()
		case pid == 0:
			return
		default:
			_ = unix.Kill(-p.pid, unix.SIGKILL) // there may be none left
			p.reaped, p.status = true, statusOf(s)
		}
	}
}

func statusOf(s unix.WaitStatus) string {
	if s.Signaled() {
		return "killed by signal: " + s.Signal().String()
	}
	return fmt.Sprintf("exit status %d", s.ExitStatus())
}

// Status says how the program ended, and is "" while it runs.
func (p *Program) Status() string {
	if p.pid != 0 {
		p.reap(unix.WNOHANG)
	}
	return p.status
}

// Stop ends the program with all that it has started, unless that has left its group of processes, and waits for it. It may be called
// more than once.
func (p *Program) Stop() {
	if p.pid != 0 && !p.reaped {
		_ = unix.Kill(-p.pid, unix.SIGKILL) // it may have ended
		p.reap(0)
		p.lastWords()
	}
	p.close()
}

func (p *Program) close() {
	for _, fd := range []*int{&p.stdin, &p.stdout, &p.stderr} {
		if *fd >= 0 {
			closeAll([]int{*fd})
			*fd = -1
		}
	}
}
