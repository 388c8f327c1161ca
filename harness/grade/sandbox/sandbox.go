// Package sandbox runs a stranger's program in a box: it sees the system's programs and its own folder, both read-only, and nothing
// else of this machine; it has no network, no privileges, no neighbours, a small private /tmp, and limits on all that it can use up.
//
// Each start of a program is a box of its own. Two programs of one submission share no file, no process and no socket: what one
// replica wants another to know it must send through the harness, and what it wants to find after a crash it must write to the
// disk that the harness gives it.
//
// Use package lines alone to run a program that is trusted: its commands are the same with and without a box.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/firstgap/firstgap/harness/lines"
)

// Inside is where a program finds the submission's folder, while it is built and when it runs. It is the same on each machine, so
// that what a program says of its files is too.
const Inside = "/submission"

// Options say what is put into a box.
type Options struct {
	// Submission is the stranger's folder. The box works on a copy and leaves the folder as it is. "" is an empty one.
	Submission string
	// Toolchains are what the submission is built and run with, beyond the system's own programs.
	Toolchains []Toolchain
	// Hidden are folders of this machine that no program may see, like those of seeds, results and other submissions. A box shows
	// none of them unless one lies in what it does show, such as a folder below /usr: then it puts an empty one in its place.
	Hidden []string
	// Mechanism is how to shut the box; "" is the first that works here.
	Mechanism Mechanism
	// Run limits each start of the program, Build each build; zero values are the defaults.
	Run, Build Limits
	// Temp is the folder for what the box itself keeps; "" is that of the system.
	Temp string
}

// A Box is where one submission is built and run. It is safe for concurrent use.
type Box struct {
	options   Options
	mechanism Mechanism
	folder    string // its own, below Temp
	firstUID  int    // of the programs, and how many; 0 where the grader is an ordinary user and cannot change it
	uids      int
	lock      *os.File
	watch     *watch
	closing   sync.Once
	closed    error

	mu     sync.Mutex
	tree   string // the host's folder that is shown as Inside
	builds int
}

// Open makes a box and starts a program in it once, to see that it holds. Its errors are a *MissingError where this machine has
// nothing to shut a box with, and a *SubmissionError where the submission's folder cannot be taken.
func Open(ctx context.Context, o Options) (*Box, error) {
	o.Run, o.Build = o.Run.or(runDefaults), o.Build.or(buildDefaults)
	parent := o.Temp
	if parent == "" {
		parent = os.TempDir()
	}
	parent, err := filepath.EvalSymlinks(parent)
	if err != nil {
		return nil, err
	}
	if parent, err = filepath.Abs(parent); err != nil {
		return nil, err
	}
	if err := sweep(parent); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(parent, prefix)
	if err != nil {
		return nil, err
	}
	b := &Box{options: o, folder: folder, tree: filepath.Join(folder, "given")}
	if err := b.furnish(); err != nil {
		return nil, errors.Join(err, b.remove())
	}
	closeOnExec()
	if mark := b.etc(); o.Mechanism == Unsafe {
		b.watch = watchOver("HOME="+b.unsafeTmp(), o.Run, false)
	} else {
		b.watch = watchOver(mark, o.Run, true)
	}
	if err := b.shut(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// furnish fills the box's own folder.
func (b *Box) furnish() error {
	// A program that runs as another user must reach what is bound from it; only the grader may change it.
	if err := os.Chmod(b.folder, 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(b.folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	b.lock = lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("%s: %w", lock.Name(), err)
	}
	if os.Geteuid() == 0 {
		if b.firstUID, b.uids, err = usersOfPrograms(); err != nil {
			return err
		}
	}
	if err := writeEtc(b.etc()); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(b.folder, "root"), 0o755); err != nil {
		return err
	}
	filter, err := filterBytes()
	if err != nil {
		return err
	}
	if err := os.WriteFile(b.filter(), filter, 0o644); err != nil {
		return err
	}
	if b.options.Submission == "" {
		return os.Mkdir(b.tree, 0o755)
	}
	return copyTree(b.options.Submission, b.tree)
}

// Mechanism is what the box is shut with.
func (b *Box) Mechanism() Mechanism { return b.mechanism }

// Says tells in one sentence what the box is shut with, and what it cannot hold.
func (b *Box) Says() string { return b.mechanism.says() }

// Command is how a program of the submission is started in the box. Args[0] is looked for on the path inside, or is a path from dir;
// dir is a folder of the submission, "" its top.
func (b *Box) Command(args []string, dir string) lines.Command {
	b.mu.Lock()
	tree := b.tree
	b.mu.Unlock()
	if b.mechanism == Unsafe {
		return b.unsafeCommand(args, tree, dir)
	}
	return lines.Command{
		Args: b.arguments(start{args: args, dir: path.Join(Inside, path.Join("/", dir)), tree: tree, limits: b.options.Run}),
		Dir:  "/",
		Env:  []string{"PATH=" + systemPath},
	}
}

// Exceeded says which limit a program of this box has passed first, as a *LimitError, or nil. A program that passes one is killed.
func (b *Box) Exceeded() error {
	if err := b.watch.exceeded(); err != nil {
		return err
	}
	return nil
}

// Close kills what runs in the box, removes what the box has written, and looks whether anything is left: that is a *LeftError.
func (b *Box) Close() error {
	b.closing.Do(func() { b.closed = errors.Join(b.watch.stop(), b.remove()) })
	return b.closed
}

func (b *Box) remove() error {
	var err error
	if b.lock != nil {
		err = b.lock.Close()
	}
	if err := errors.Join(err, os.RemoveAll(b.folder)); err != nil {
		return err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil // another system than Linux mounts nothing for a box
		}
		return err
	}
	return leftMounts(string(mounts), b.folder)
}

const prefix = "firstgap-box-"

// sweep removes the folders of boxes whose graders were killed: a living one holds a lock on its own.
func sweep(parent string) error {
	locks, err := filepath.Glob(filepath.Join(parent, prefix+"*", "lock"))
	if err != nil {
		return err
	}
	for _, name := range locks {
		lock, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			continue // of another user, or gone by now
		}
		// The folder goes while the lock is held, so that two graders which start at once do not both remove it.
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && aged(lock) {
			err = os.RemoveAll(filepath.Dir(name))
		}
		if err := errors.Join(err, lock.Close()); err != nil {
			return err
		}
	}
	return nil
}

// aged says whether a lock is old enough to be one that was left: a grader that starts now makes its file first and locks it then.
func aged(lock *os.File) bool {
	info, err := lock.Stat()
	return err == nil && time.Since(info.ModTime()) > time.Minute
}

// closeOnExec keeps every file that this process has open, but for the standard three, from programs that it starts. Go does so for
// what it opens; what the process was started with it would hand on, and a results file can be among these.
func closeOnExec() {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return // no Linux, no box
	}
	for _, f := range open {
		if fd, err := strconv.Atoi(f.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// A capped writer keeps what is written first, up to a limit, and tells when that is passed.
type capped struct {
	most   int64
	passed func()

	mu   sync.Mutex
	kept []byte
	seen int64
}

func (c *capped) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen += int64(len(p))
	c.kept = append(c.kept, p[:min(len(p), int(c.most)-len(c.kept))]...)
	if c.seen > c.most {
		c.passed()
	}
	return len(p), nil
}

func (c *capped) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept
}

var _ io.Writer = (*capped)(nil)

// Folder is the box's own folder on this machine.
func (b *Box) Folder() string { return b.folder }
