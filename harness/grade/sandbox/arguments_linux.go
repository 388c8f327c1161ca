package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// systemPath is the fixed PATH of what needs no toolchain.
const systemPath = "/usr/local/bin:/usr/bin:/bin"

// given is where a build finds the folder that it starts from.
const given = "/given"

// A start is one program in the box.
type start struct {
	args   []string
	dir    string // inside
	tree   string // the host's folder that is shown
	build  bool   // it may write in a copy of the tree
	limits Limits
}

// etc is the folder that is shown as /etc. It is an argument of each program that shuts a box, and so tells which box that is.
func (b *Box) etc() string { return filepath.Join(b.folder, "etc") }

// arguments start a program in the box.
//
// A shell opens the filter of system calls, since bubblewrap takes it as an open file, draws a user from its own process number, and
// becomes bubblewrap. That makes the namespaces and becomes, as the first process in them, a shell. This one starts setpriv, which
// gives up all privileges and becomes prlimit, which becomes the program. All of them are programs in C that start in a millisecond;
// the texts of the shells are fixed but for quoted paths, and the program's own arguments are handed through them as they are.
//
// The first process keeps a privilege inside the box, where there is nothing to use it on, for the one thing that it does to the
// program: a process with fewer privileges cannot write to its memory. Bubblewrap's own first process has none where the grader is an
// ordinary user; a program could take it over, and live on when the box is killed.
func (b *Box) arguments(s start) []string {
	if b.mechanism == Namespaces {
		return b.namespaceArguments(s)
	}
	box := []string{located("bwrap"),
		"--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
		"--die-with-parent", "--as-pid-1", "--new-session", "--hostname", "box", "--seccomp", "9"}
	if b.uids == 0 {
		box = append(box, "--unshare-user", "--uid", strconv.Itoa(nobody), "--gid", strconv.Itoa(nobody), "--cap-add", "CAP_SETPCAP")
	}
	for _, m := range b.view(s) {
		box = append(box, m.bubblewrap()...)
	}
	box = append(box, "--clearenv")
	for _, e := range b.environment(s.build) {
		name, value, _ := strings.Cut(e, "=")
		box = append(box, "--setenv", name, value)
	}
	box = append(box, "--chdir", s.dir, "--")
	box = append(box, b.first()...)
	var text strings.Builder
	// Where memory runs out, the kernel ends the stranger's program first.
	text.WriteString("echo 1000 2>/dev/null >/proc/self/oom_score_adj; exec 9<" + quoted(b.filter()) + "; exec")
	for _, arg := range append(box, b.unprivileged(s.limits)...) {
		if arg == userWord {
			text.WriteString(fmt.Sprintf(" $((%d+$$%%%d))", b.firstUID, b.uids))
			continue
		}
		text.WriteString(" " + quoted(arg))
	}
	text.WriteString(` "$@"`)
	return append([]string{"/bin/sh", "-c", text.String(), b.etc()}, s.args...)
}

// first is the first process in a box, up to what it starts. That is not the last command of the shell, which the shell would become.
// Its $0 is the mark by which the watch knows the box.
func (b *Box) first() []string { return []string{"/bin/sh", "-c", `"$@" 9<&-; exit $?`, b.etc()} }

// userWord stands for the number of the user that a start draws.
const userWord = "%user"

// unprivileged gives up what the first process has, and sets limits, for the program that follows.
func (b *Box) unprivileged(l Limits) []string {
	args := []string{located("setpriv"), "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs"}
	if b.uids != 0 {
		args = append(args, "--clear-groups", "--reuid", userWord, "--regid", userWord)
	}
	return append(args, l.prlimit()...)
}

func (b *Box) filter() string { return filepath.Join(b.folder, "filter") }

// prlimit sets what the kernel limits for each process. Data is what a process may write to in memory of its own: Go and Node
// reserve gigabytes of address space that they never touch, so a limit on that would end every one of them.
func (l Limits) prlimit() []string {
	args := []string{located("prlimit"),
		"--core=0", "--msgqueue=0",
		"--fsize=" + strconv.FormatInt(l.Scratch, 10),
		"--nofile=" + strconv.Itoa(l.OpenFiles),
		"--data=" + strconv.FormatInt(2*l.Memory, 10),
		"--cpu=" + strconv.Itoa(int(l.CPU.Seconds())+1),
	}
	if l.Processes > 0 && (os.Geteuid() == 0 || countsByNamespace()) {
		// The first process in a box is no program of the stranger's. One more, so that the watch sees who wants too many.
		args = append(args, "--nproc="+strconv.Itoa(l.Processes+2))
	}
	return append(args, "--")
}

// countsByNamespace says whether the kernel counts a user's processes in each user namespace alone: since 5.14. Before, the limit
// would count those of the grader's user outside.
func countsByNamespace() bool {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return false
	}
	var major, minor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 5 || major == 5 && minor >= 14
}

// A mount is one thing that a box shows.
type mount struct {
	Kind   mountKind
	Host   string // what is shown, or where a link leads
	Inside string
	Size   int64 // of a scratch
}

type mountKind int

const (
	shown   mountKind = iota // a host's file or folder, read-only
	link                     // a symbolic link
	scratch                  // an empty folder of limited size, for the program to write in
	masked                   // an empty folder in the place of one that is hidden
	devices                  // /dev with the few that do no harm
	processes
	sealed // what is mounted there is made read-only
)

func (m mount) bubblewrap() []string {
	switch m.Kind {
	case shown:
		return []string{"--ro-bind", m.Host, m.Inside}
	case link:
		return []string{"--symlink", m.Host, m.Inside}
	case scratch:
		return []string{"--perms", "1777", "--size", strconv.FormatInt(m.Size, 10), "--tmpfs", m.Inside}
	case masked:
		return []string{"--perms", "0000", "--size", "4096", "--tmpfs", m.Inside, "--remount-ro", m.Inside}
	case devices:
		return []string{"--dev", m.Inside}
	case processes:
		return []string{"--proc", m.Inside}
	}
	return []string{"--remount-ro", m.Inside}
}

// sharedMemory is the size of /dev/shm, where libraries keep semaphores.
const sharedMemory = 16 << 20

// view lists what a program sees, in the order in which it is put there.
func (b *Box) view(s start) []mount {
	mounts := b.system()
	mounts = append(mounts,
		mount{Kind: shown, Host: b.etc(), Inside: "/etc"},
		mount{Kind: processes, Inside: "/proc"},
		mount{Kind: devices, Inside: "/dev"},
		mount{Kind: scratch, Inside: "/dev/shm", Size: sharedMemory},
		mount{Kind: sealed, Inside: "/dev"},
		mount{Kind: scratch, Inside: "/tmp", Size: s.limits.Scratch},
	)
	if isFolder("/etc/alternatives") {
		mounts = append(mounts, mount{Kind: shown, Host: "/etc/alternatives", Inside: "/etc/alternatives"})
	}
	for _, t := range b.options.Toolchains {
		for _, show := range t.Shows {
			mounts = append(mounts, mount{Kind: shown, Host: show.Host, Inside: show.Inside})
		}
	}
	if s.build {
		mounts = append(mounts, mount{Kind: shown, Host: s.tree, Inside: given}, mount{Kind: scratch, Inside: Inside, Size: s.limits.Scratch})
	} else {
		mounts = append(mounts, mount{Kind: shown, Host: s.tree, Inside: Inside})
	}
	mounts = append(mounts, b.masks(mounts)...)
	return append(mounts, mount{Kind: sealed, Inside: "/"})
}

// system shows the folders of the system's programs and libraries.
func (b *Box) system() []mount {
	var mounts []mount
	for _, folder := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		info, err := os.Lstat(folder)
		switch {
		case err != nil:
		case info.Mode()&os.ModeSymlink != 0:
			if to, err := os.Readlink(folder); err == nil {
				mounts = append(mounts, mount{Kind: link, Host: to, Inside: folder})
			}
		case info.IsDir():
			mounts = append(mounts, mount{Kind: shown, Host: folder, Inside: folder})
		}
	}
	return mounts
}

// masks put an empty folder over each hidden one that lies in what is shown.
func (b *Box) masks(mounts []mount) []mount {
	var masks []mount
	for _, hidden := range b.options.Hidden {
		resolved, err := filepath.EvalSymlinks(hidden)
		if err != nil {
			continue // what is absent cannot be seen
		}
		if resolved, err = filepath.Abs(resolved); err != nil || !isFolder(resolved) {
			continue
		}
		for _, m := range mounts {
			if m.Kind != shown {
				continue
			}
			if rest, below := strings.CutPrefix(resolved+"/", strings.TrimSuffix(realPath(m.Host), "/")+"/"); below {
				masks = append(masks, mount{Kind: masked, Inside: filepath.Join(m.Inside, rest)})
			}
		}
	}
	return masks
}

func realPath(name string) string {
	if resolved, err := filepath.EvalSymlinks(name); err == nil {
		return resolved
	}
	return name
}

// environment is the whole environment of a program.
func (b *Box) environment(build bool) []string {
	var folders, more []string
	for _, t := range b.options.Toolchains {
		folders = append(folders, t.Path...)
		more = append(more, t.Env...)
	}
	env := []string{
		"PATH=" + strings.Join(append(folders, systemPath), ":"),
		"HOME=/tmp", "USER=student", "LANG=C.UTF-8", "TZ=UTC",
		// As many as on any machine: a program that asks how many processors there are runs the same way.
		"GOMAXPROCS=2",
	}
	if build {
		env = append(env, "TMPDIR=/tmp")
	}
	return slices.Concat(env, more)
}

// located is the path of one of the system's programs; Open has looked whether it is there.
func located(name string) string {
	found, err := exec.LookPath(name)
	if err != nil {
		return name
	}
	return found
}

// quoted is a word of the shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
