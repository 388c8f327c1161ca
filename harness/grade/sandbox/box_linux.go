package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/firstgap/firstgap/harness/lines"
)

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
		return err
	}
	return leftMounts(string(mounts), b.folder)
}

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
		return // without /proc, opening the box says so
	}
	for _, f := range open {
		if fd, err := strconv.Atoi(f.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// Folder is the box's own folder on this machine.
func (b *Box) Folder() string { return b.folder }
