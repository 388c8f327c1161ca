package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// lookEvery is how often the watch looks. A program can fill some 50 MB in that time, beyond its limit.
	lookEvery = 20 * time.Millisecond
	// endTime is how long the kernel may take to end what was killed.
	endTime = 10 * time.Second
	// ticks is the kernel's USER_HZ, in which it tells processor time to programs; it is the same on all of Linux.
	ticks = 100
)

// A watch sums up what the processes of each start use, and kills them all when that is too much. The kernel limits single processes;
// only a control group limits several together, and an ordinary user, or root in a container, seldom has one to write to.
//
// It finds the starts below this process by the argument or variable that only they have, and so knows those that package lines
// has started. What a program is a descendant of it cannot change: inside its box, the first process adopts all orphans.
type watch struct {
	mark   string // an argument of what shuts the box
	inside bool   // programs are below two processes of the box itself
	run    Limits
	done   chan struct{}
	ended  sync.WaitGroup
	end    sync.Once

	mu     sync.Mutex
	builds map[int]Limits // by the process that was started
	passed map[int]*LimitError
	first  *LimitError
}

func watchOver(mark string, run Limits, inside bool) *watch {
	w := &watch{mark: mark, inside: inside, run: run, done: make(chan struct{}), builds: map[int]Limits{}, passed: map[int]*LimitError{}}
	w.ended.Add(1)
	go w.look()
	return w
}

func (w *watch) look() {
	defer w.ended.Done()
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	for {
		select {
		case <-w.done:
			return
		case <-every.C:
		}
		w.mu.Lock()
		for _, pid := range children(os.Getpid()) {
			if w.marked(pid) {
				w.check(pid)
			}
		}
		w.mu.Unlock()
	}
}

// start starts a build. The watch does not look between the start and the moment when it knows the limits.
func (w *watch) start(c *exec.Cmd, l Limits) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.WaitDelay = endTime
	if err := c.Start(); err != nil {
		return err
	}
	w.builds[c.Process.Pid] = l
	return nil
}

// pass kills a build that has passed a limit which the watch does not see.
func (w *watch) pass(pid int, err *LimitError) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, building := w.builds[pid]; building {
		w.kill(pid, err)
	}
}

// forget ends the watch over a build and says which limit it has passed, or nil.
func (w *watch) forget(pid int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.builds, pid)
	if err, passed := w.passed[pid]; passed {
		delete(w.passed, pid)
		return err
	}
	return nil
}

func (w *watch) exceeded() *LimitError {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.first
}

func (w *watch) record(err *LimitError) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.first == nil {
		w.first = err
	}
}

// kill ends a start. The watch is locked.
func (w *watch) kill(pid int, err *LimitError) {
	if w.first == nil {
		w.first = err
	}
	if _, building := w.builds[pid]; building && w.passed[pid] == nil {
		w.passed[pid] = err
	}
	for _, p := range descendants(pid) {
		end(p.pid)
	}
	end(pid)
}

// end kills a process. That it is gone by now is what was wanted.
func end(pid int) { _ = unix.Kill(pid, unix.SIGKILL) }

// marked says whether a process is one that shuts this box.
func (w *watch) marked(pid int) bool {
	file := "cmdline"
	if !w.inside {
		file = "environ"
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return false
	}
	for arg := range bytes.SplitSeq(text, []byte{0}) {
		if string(arg) == w.mark {
			return true
		}
	}
	return false
}

// check holds a start against its limits.
func (w *watch) check(root int) {
	l, building := w.builds[root]
	if !building {
		l = w.run
	}
	var tasks int
	var memory int64
	var cpu time.Duration
	var programs []int
	own := 0 // processes of the box itself, from the root on
	if w.inside {
		own = 2
	}
	all := append([]process{{pid: root}}, descendants(root)...)
	for _, p := range all {
		if p.depth < own {
			continue
		}
		u, err := usageOf(p.pid)
		if err != nil {
			continue // it has ended
		}
		programs = append(programs, p.pid)
		tasks += u.threads
		memory += u.memory
		cpu += u.cpu
	}
	if len(programs) == 0 {
		return
	}
	if memory > l.Memory {
		// Pages that several processes share were counted for each. The share of each is exact, and dear to ask for.
		memory = shares(programs)
	}
	pass := func(limit Limit, most string) {
		w.kill(root, &LimitError{Limit: limit, Most: most, Build: building})
	}
	switch {
	case tasks > l.Processes:
		pass(Processes, strconv.Itoa(l.Processes))
	case memory > l.Memory:
		pass(Memory, bytesInWords(l.Memory))
	case cpu > l.CPU:
		pass(CPU, l.CPU.String())
	}
	if !w.inside {
		return
	}
	space, names := filled(programs, "/tmp", l)
	switch {
	case space:
		pass(Scratch, bytesInWords(l.Scratch))
	case names:
		pass(Names, strconv.Itoa(l.Names))
	}
	if building {
		if space, names := filled(programs, Inside, l); space || names {
			pass(Folder, bytesInWords(l.Scratch))
		}
	}
	if space, names := filled(programs, "/dev/shm", Limits{Scratch: sharedMemory, Names: l.Names}); space || names {
		pass(SharedMemory, bytesInWords(sharedMemory))
	}
}

// filled says whether a scratch folder inside a box is full, in bytes or in names.
func filled(programs []int, inside string, l Limits) (space, names bool) {
	for _, pid := range programs {
		var s unix.Statfs_t
		if err := unix.Statfs(fmt.Sprintf("/proc/%d/root%s", pid, inside), &s); err != nil || s.Type != unix.TMPFS_MAGIC {
			continue // it has ended; the next one sees the same folder
		}
		return s.Bfree == 0, s.Files-s.Ffree > uint64(l.Names)
	}
	return false, false
}

// A process is one below another.
type process struct{ pid, depth int }

// descendants lists the processes below one, nearest first.
func descendants(root int) []process {
	var found []process
	for next := []process{{pid: root}}; len(next) > 0; next = next[1:] {
		for _, child := range children(next[0].pid) {
			p := process{pid: child, depth: next[0].depth + 1}
			found = append(found, p)
			next = append(next, p)
		}
	}
	return found
}

// children lists the processes that a process has started or adopted, thread by thread, as the kernel keeps them.
func children(pid int) []int {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	var found []int
	for _, t := range threads {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, t.Name()))
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				found = append(found, child)
			}
		}
	}
	return found
}

// A usage is what one process uses.
type usage struct {
	threads int
	memory  int64
	cpu     time.Duration // with that of its children that have ended
}

// usageOf reads /proc/PID/stat, see proc_pid_stat(5). The name of the program, second, is in brackets and can hold any byte.
func usageOf(pid int) (usage, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	return parseStat(text, int64(os.Getpagesize()))
}

func parseStat(text []byte, page int64) (usage, error) {
	at := bytes.LastIndexByte(text, ')')
	fields := bytes.Fields(text[at+1:])
	const first = 3 // number of the field after the name
	if at < 0 || len(fields) <= 24-first {
		return usage{}, fmt.Errorf("sandbox: expected 24 fields or more in a process's stat, found %d", len(fields)+2)
	}
	number := func(field int) int64 {
		n, _ := strconv.ParseInt(string(fields[field-first]), 10, 64)
		return n
	}
	return usage{
		threads: int(number(20)),
		memory:  number(24) * page,
		cpu:     time.Duration(number(14)+number(15)+number(16)+number(17)) * time.Second / ticks,
	}, nil
}

// shares sums the memory of processes, each page divided among those that share it.
func shares(pids []int) int64 {
	var sum int64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			if u, err := usageOf(pid); err == nil {
				sum += u.memory
			}
			continue
		}
		for line := range strings.Lines(string(text)) {
			if rest, found := strings.CutPrefix(line, "Pss:"); found {
				n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				sum += n << 10
				break
			}
		}
	}
	return sum
}

// stop ends the watch, and what it watches.
func (w *watch) stop() error {
	w.end.Do(func() { close(w.done) })
	w.ended.Wait()
	// Looks at all processes: when the first one of a box was killed, the second, not dead yet, has another parent.
	deadline := time.Now().Add(endTime)
	for {
		living := w.living()
		if len(living) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			var what []string
			for _, pid := range living {
				what = append(what, fmt.Sprintf("process %d", pid))
			}
			return &LeftError{What: what}
		}
		for _, pid := range living {
			for _, p := range slices.Backward(descendants(pid)) {
				end(p.pid)
			}
			end(pid)
		}
		time.Sleep(time.Millisecond)
	}
}

// living lists the processes that shut this box. When the first process in a box is gone, the kernel has ended all others in it.
func (w *watch) living() []int {
	var found []int
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	for _, name := range names {
		if pid, err := strconv.Atoi(filepath.Base(name)); err == nil && pid != os.Getpid() && w.marked(pid) {
			found = append(found, pid)
		}
	}
	return found
}

// leftMounts looks for mounts of a box in a mountinfo. A box mounts in a namespace of its own, so there is none.
func leftMounts(mountinfo, folder string) error {
	var what []string
	for line := range strings.Lines(mountinfo) {
		if strings.Contains(line, folder) {
			what = append(what, "mount "+strings.TrimSpace(line))
		}
	}
	if len(what) > 0 {
		return &LeftError{What: what}
	}
	return nil
}
