package lines

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Restless is the problem of a program that goes on working, or leaves its standard input unread, when it should have done all that a line
// brings with it.
const Restless Problem = "restless"

// Quiet waits until a program has done all that it will do of itself: it has read its whole standard input, every thread of every process of
// its group sleeps, and everything that it wrote is taken. What can still wake it is a clock of its own. It waits as long as the limits
// have it for an answer.
func (g *Group) Quiet(p *Program) error {
	deadline := p.deadline()
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		if err := p.takeAll(); err != nil {
			return err
		}
		quiet, err := g.quiet(p)
		if quiet || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return p.failed(Restless, fmt.Sprintf("that it sleeps, or waits for a line, within %v", p.patience()), "that it still works, or leaves lines unread", p.buffer[p.from:p.to])
		}
		if err := p.await(wait); err != nil {
			return err
		}
	}
}

// How long Quiet waits between two looks: what a small program does takes some tens of microseconds.
const (
	firstWait   = 20 * time.Microsecond
	longestWait = time.Millisecond
)

// quiet looks once.
func (g *Group) quiet(p *Program) (bool, error) {
	left, err := unread(p.stdin)
	if left > 0 || err != nil {
		return false, err
	}
	if asleep, err := g.Asleep(); !asleep || err != nil {
		return false, err
	}
	for _, fd := range []int{p.stdout, p.stderr} {
		if fd < 0 {
			continue
		}
		if left, err := unread(fd); left > 0 || err != nil {
			return false, err
		}
	}
	return true, nil
}

// unread is how many bytes a pipe holds.
func unread(fd int) (int, error) {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil {
		return 0, os.NewSyscallError("ioctl", err)
	}
	return n, nil
}

// takeAll takes what the program has written, without waiting. Its end is an error.
func (p *Program) takeAll() error {
	for {
		if n := p.to - p.from; n > p.limits.Line {
			lines := bytes.Count(p.buffer[p.from:p.to], []byte("\n"))
			if lines == 0 {
				return p.failed(TooLong, fmt.Sprintf("a line of at most %d bytes", p.limits.Line), fmt.Sprintf("%d bytes without an end", n), p.buffer[p.from:p.to])
			}
			if lines > p.limits.Lines || n/p.limits.Line > p.limits.Lines {
				return p.failed(TooMany, fmt.Sprintf("at most %d lines in answer to one", p.limits.Lines), fmt.Sprintf("%d so far", lines), nil)
			}
		}
		if p.stdout < 0 {
			if bytes.IndexByte(p.buffer[p.from:p.to], '\n') >= 0 {
				return nil // its last lines first
			}
			return p.ended("that it runs on")
		}
		was := p.to - p.from
		if _, err := p.poll(time.Time{}, false); err != nil {
			return err
		}
		if p.stdout >= 0 && p.to-p.from == was {
			return nil
		}
	}
}

// await waits until the program writes something, for so long at most.
func (p *Program) await(most time.Duration) error {
	fds := []unix.PollFd{{Fd: int32(p.stdout), Events: unix.POLLIN}, {Fd: int32(p.stderr), Events: unix.POLLIN}}
	timeout := unix.NsecToTimespec(int64(most))
	if _, err := unix.Ppoll(fds, &timeout, nil); err != nil && err != unix.EINTR {
		return p.machine("ppoll", err)
	}
	return nil
}

// Line returns the next whole line that the program has written, without its end, and nil where there is none yet. It waits for nothing; the
// line is valid until the next call.
func (p *Program) Line() ([]byte, error) {
	if err := p.takeAll(); err != nil {
		return nil, err
	}
	line := p.buffered()
	if len(line) > p.limits.Line {
		return nil, p.failed(TooLong, fmt.Sprintf("a line of at most %d bytes", p.limits.Line), fmt.Sprintf("%d bytes", len(line)), line)
	}
	return line, nil
}

// A Group is the processes of a program, looked at from outside: whether all of them sleep. The program must be the leader of a process
// group of its own.
type Group struct {
	leader  int
	newest  int // the last number that the system had given to a process or thread when all were asleep; 0 before
	members []int
	looks   [2][]thread
	buffer  [1024]byte
}

// thread is how one thread was found.
type thread struct {
	process, id int
	slices      uint64 // how often it was put on a core
}

// NewGroup returns the group of a leader.
func NewGroup(leader int) *Group { return &Group{leader: leader} }

// Asleep tells whether, at one moment during the call, every thread of every process of the group slept. A thread that is woken runs, or
// waits for a core, from that very moment on: so none of them does anything more unless something from outside wakes it, or a clock.
//
// One look at all threads would not do: a thread that was asleep when it was looked at may have been woken by one that was looked at later,
// and that then fell asleep. So there are two. A thread that sleeps in both, and was put on no core in between, slept all the time between
// them, and those times have a moment in common: the one between the two looks.
func (g *Group) Asleep() (bool, error) {
	var newest [2]int
	for i := range g.looks {
		asleep, err := g.look(&g.looks[i], &newest[i])
		if !asleep || err != nil {
			return false, err
		}
	}
	if !slices.Equal(g.looks[0], g.looks[1]) {
		return false, nil
	}
	g.newest = newest[0]
	return true, nil
}

// look writes down all threads, and tells whether each of them sleeps.
func (g *Group) look(found *[]thread, newest *int) (bool, error) {
	*found = (*found)[:0]
	var err error
	if *newest, err = g.gather(); err != nil {
		return false, err
	}
	for _, process := range g.members {
		folder := "/proc/" + strconv.Itoa(process) + "/task"
		tasks, err := names(folder)
		if gone(err) {
			continue
		}
		if err != nil {
			return false, err
		}
		for _, task := range tasks {
			id, err := strconv.Atoi(task)
			if err != nil {
				return false, fmt.Errorf("lines: expected threads in %s, found %q", folder, task)
			}
			state, _, err := g.state(folder + "/" + task + "/stat")
			switch {
			case gone(err) || err == nil && (state == 'Z' || state == 'X'):
				continue
			case err != nil:
				return false, err
			case state != 'S':
				return false, nil
			}
			times, err := g.read(folder + "/" + task + "/schedstat")
			if gone(err) {
				continue
			}
			if err != nil {
				return false, err
			}
			fields := bytes.Fields(times)
			if len(fields) != 3 {
				return false, fmt.Errorf("lines: expected three numbers in %s/%s/schedstat, found %q", folder, task, times)
			}
			n, err := strconv.ParseUint(string(fields[2]), 10, 64)
			if err != nil {
				return false, fmt.Errorf("lines: %s/%s/schedstat: %w", folder, task, err)
			}
			*found = append(*found, thread{process, id, n})
		}
	}
	return true, nil
}

// gather adds the processes that have begun since all were asleep last, and returns the last number that the system has given out. A
// number may be given out a moment before there is a process of it, while the one that makes it runs: so numbers are done with only once
// all were asleep. That all of them were given out once around meanwhile would go unseen.
func (g *Group) gather() (newest int, err error) {
	load, err := g.read("/proc/loadavg")
	if err != nil {
		return 0, err
	}
	newest, err = strconv.Atoi(string(load[bytes.LastIndexByte(load, ' ')+1:]))
	if err != nil {
		return 0, fmt.Errorf("lines: /proc/loadavg: %w", err)
	}
	if 0 < g.newest && g.newest <= newest && newest-g.newest < fewNumbers {
		for n := g.newest + 1; n <= newest; n++ {
			if err := g.add(n); err != nil {
				return 0, err
			}
		}
		return newest, nil
	}
	all, err := names("/proc")
	if err != nil {
		return 0, err
	}
	g.members = g.members[:0]
	for _, name := range all {
		if process, err := strconv.Atoi(name); err == nil {
			if err := g.add(process); err != nil {
				return 0, err
			}
		}
	}
	return newest, nil
}

// fewNumbers is how many new numbers are tried one by one, which takes less time than to look at all processes.
const fewNumbers = 64

// add adds the process with a number, if it is of the group. The number may be that of one of its threads, too.
func (g *Group) add(number int) error {
	folder := "/proc/" + strconv.Itoa(number)
	_, group, err := g.state(folder + "/stat")
	if gone(err) || err == nil && group != g.leader {
		return nil
	}
	if err != nil {
		return err
	}
	status, err := g.read(folder + "/status")
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	const line = "\nTgid:"
	at := bytes.Index(status, []byte(line))
	if at < 0 {
		return fmt.Errorf("lines: expected a line Tgid in %s/status, found none", folder)
	}
	process, err := strconv.Atoi(string(bytes.Fields(status[at+len(line):])[0]))
	if err != nil {
		return fmt.Errorf("lines: %s/status: %w", folder, err)
	}
	if !slices.Contains(g.members, process) {
		g.members = append(g.members, process)
	}
	return nil
}

// state reads the state of a process or thread and the process group that it is in.
func (g *Group) state(file string) (state byte, group int, err error) {
	text, err := g.read(file)
	if err != nil {
		return 0, 0, err
	}
	// The name, in parentheses, may hold anything, also parentheses.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 3 {
		return 0, 0, fmt.Errorf("lines: expected a state in %s, found %q", file, text)
	}
	group, err = strconv.Atoi(string(fields[2]))
	return fields[0][0], group, err
}

// read reads a small file; what it returns is valid until the next call.
func (g *Group) read(file string) ([]byte, error) {
	fd, err := syscall.Open(file, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: file, Err: err}
	}
	defer syscall.Close(fd)
	n, err := syscall.Read(fd, g.buffer[:])
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: file, Err: err}
	}
	return bytes.TrimSpace(g.buffer[:n]), nil
}

// names lists a folder, in any order: processes and threads are found in the order of their numbers.
func names(folder string) ([]string, error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// gone tells whether an error says that a process or thread has ended.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}
