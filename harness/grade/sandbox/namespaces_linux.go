package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Where there is no bubblewrap, this program shuts the box itself: it is started once more, with a word that makes it do nothing
// else. The first such process waits for the box and ends with it. The second is the first one in the box's namespaces: it builds the
// view and becomes a shell, which starts the program. The shell stays, with the few privileges that the program no longer has: so the
// program cannot take it over, and with the shell all processes of the box end.
const (
	waitWord  = "firstgap-box-wait"
	enterWord = "firstgap-box-enter"
)

// An entry is what the processes that shut a box are told.
type entry struct {
	Root    string // an empty folder of the host, to build the view on
	Mounts  []mount
	Env     []string
	Dir     string
	Filter  string
	Command []string // the first process, and what it starts
	Files   int      // open ones to hand on, from the third on

	FirstUID, UIDs int // of programs; 0 where the grader is an ordinary user, who needs a user namespace
}

func (b *Box) namespaceArguments(s start) []string {
	e := entry{
		Root: filepath.Join(b.folder, "root"), Mounts: b.view(s), Env: b.environment(s.build), Dir: s.dir, Filter: b.filter(),
		Command: slices.Concat(b.first(), b.unprivileged(s.limits), s.args), FirstUID: b.firstUID, UIDs: b.uids,
	}
	if s.build {
		e.Files = 1
	}
	told, err := json.Marshal(e)
	if err != nil {
		panic("sandbox: an entry is plain data: " + err.Error())
	}
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return []string{self, waitWord, b.etc(), string(told)}
}

// failed is the status of a process that could not shut the box.
const failed = 125

// init makes a process that is to shut a box do that, before anything else of the program that it is part of.
func init() {
	if len(os.Args) != 4 || os.Args[1] != waitWord && os.Args[1] != enterWord {
		return
	}
	runtime.LockOSThread() // of whose end the kernel tells its children
	var e entry
	err := json.Unmarshal([]byte(os.Args[3]), &e)
	status := failed
	if err == nil {
		if os.Args[1] == enterWord {
			err = e.enter()
		} else {
			if e.UIDs != 0 {
				e.setUser(e.FirstUID + os.Getpid()%e.UIDs)
			}
			status, err = e.wait(os.Args[2])
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "firstgap: box:", err)
	}
	os.Exit(status)
}

func (e *entry) setUser(uid int) {
	for i, arg := range e.Command {
		if arg == userWord {
			e.Command[i] = strconv.Itoa(uid)
		}
	}
}

// wait starts the first process of the box and ends as it does.
func (e *entry) wait(mark string) (int, error) {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return failed, err
	}
	told, err := json.Marshal(e)
	if err != nil {
		return failed, err
	}
	c := exec.Command("/proc/self/exe", enterWord, mark, string(told))
	c.Stdin, c.Stdout, c.Stderr, c.Env = os.Stdin, os.Stdout, os.Stderr, os.Environ()
	for i := range e.Files {
		c.ExtraFiles = append(c.ExtraFiles, os.NewFile(uintptr(3+i), "handed on"))
	}
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP,
		Pdeathsig:  syscall.SIGKILL,
		Setsid:     true,
	}
	if e.UIDs == 0 {
		c.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getgid(), Size: 1}}
		c.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP}
	}
	err = c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status := exit.Sys().(syscall.WaitStatus); status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return exit.ExitCode(), nil
	}
	if err != nil {
		return failed, err
	}
	return 0, nil
}

// enter builds the view, and becomes the shell that starts the program.
func (e *entry) enter() error {
	filter, err := os.ReadFile(e.Filter)
	if err != nil {
		return err
	}
	if err := unix.Sethostname([]byte("box")); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	// What is mounted here is seen by no one else.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := mountScratch(e.Root, "mode=755,size=1m"); err != nil {
		return err
	}
	for _, m := range e.Mounts {
		if m.Kind == sealed {
			continue
		}
		if err := m.put(e.Root); err != nil {
			return fmt.Errorf("%s: %w", m.Inside, err)
		}
	}
	for _, m := range e.Mounts {
		if m.Kind == sealed {
			if err := readOnly(filepath.Join(e.Root, m.Inside), 0); err != nil {
				return fmt.Errorf("%s: %w", m.Inside, err)
			}
		}
	}
	// The old root lies over the new one for a moment, and is then taken away: see pivot_root(2), "pivot_root(".", ".")".
	if err := errors.Join(unix.Chdir(e.Root), unix.PivotRoot(".", "."), unix.Unmount(".", unix.MNT_DETACH), unix.Chdir(e.Dir)); err != nil {
		return fmt.Errorf("the view: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter) / unix.SizeofSockFilter), Filter: (*unix.SockFilter)(unsafe.Pointer(&filter[0]))}
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return fmt.Errorf("filter of system calls: %w", errno)
	}
	return unix.Exec(e.Command[0], e.Command, e.Env)
}

// mountScratch mounts an empty file system in memory.
func mountScratch(at, options string) error {
	return unix.Mount("tmpfs", at, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, options)
}

// readOnly seals what is mounted at a place; flags is 0 or unix.AT_RECURSIVE.
func readOnly(at string, flags uint) error {
	return unix.MountSetattr(unix.AT_FDCWD, at, flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID})
}

func (m mount) put(root string) error {
	at := filepath.Join(root, m.Inside)
	if err := os.MkdirAll(filepath.Dir(at), 0o711); err != nil {
		return err
	}
	if m.Kind == link {
		return os.Symlink(m.Host, at)
	}
	if m.Kind == shown && !isFolder(m.Host) {
		if err := os.WriteFile(at, nil, 0o644); err != nil {
			return err
		}
	} else if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	switch m.Kind {
	case shown:
		if err := unix.Mount(m.Host, at, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return err
		}
		return unix.MountSetattr(unix.AT_FDCWD, at, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV})
	case scratch:
		return mountScratch(at, "mode=1777,size="+strconv.FormatInt(m.Size, 10))
	case masked:
		if err := mountScratch(at, "mode=000,size=4k"); err != nil {
			return err
		}
		return readOnly(at, 0)
	case processes:
		return unix.Mount("proc", at, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	case devices:
		return putDevices(at)
	}
	return fmt.Errorf("sandbox: a mount of kind %d is put nowhere", m.Kind)
}

func putDevices(at string) error {
	if err := mountScratch(at, "mode=755,size=64k"); err != nil {
		return err
	}
	for _, name := range strings.Fields("null zero full random urandom") {
		file := filepath.Join(at, name)
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			return err
		}
		if err := unix.Mount("/dev/"+name, file, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for name, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(to, filepath.Join(at, name)); err != nil {
			return err
		}
	}
	return os.Mkdir(filepath.Join(at, "shm"), 0o755)
}
