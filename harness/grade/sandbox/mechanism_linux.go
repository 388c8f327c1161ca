package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// trialTime is how long the first start in a box may take. It includes that of a loaded machine.
const trialTime = 20 * time.Second

// shut chooses the mechanism and tries it.
func (b *Box) shut(ctx context.Context) error {
	if b.options.Mechanism == Unsafe {
		b.mechanism = Unsafe
		return b.furnishUnsafe()
	}
	missing := &MissingError{}
	for _, m := range []Mechanism{Bubblewrap, Namespaces} {
		if b.options.Mechanism != "" && b.options.Mechanism != m {
			continue
		}
		b.mechanism = m
		err := b.try(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		missing.Tried = append(missing.Tried, fmt.Sprintf("%s: %v", m, err))
	}
	_, noBwrap := exec.LookPath("bwrap")
	missing.Needs = needs(noBwrap != nil, os.Geteuid() == 0, os.ReadFile)
	return missing
}

// Holds starts a harmless program in the box once more and returns why it could not be. Whoever has to tell a machine that no longer
// runs programs from a program that fails asks this: what a program writes to its standard error it can make up.
func (b *Box) Holds(ctx context.Context) error {
	if b.mechanism == Unsafe {
		return nil
	}
	if err := b.try(ctx); err != nil {
		return fmt.Errorf("the box cannot be shut any more: %w", err)
	}
	return nil
}

// try starts a program in the box that ends at once.
func (b *Box) try(ctx context.Context) error {
	for _, name := range b.mechanism.programs() {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("found no program %s", name)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	command := b.Command([]string{"true"}, "")
	c := exec.CommandContext(ctx, command.Args[0], command.Args[1:]...)
	c.Env, c.Dir = command.Env, command.Dir
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		return errors.New(strings.TrimSpace(firstLine(out.String()) + " (" + err.Error() + ")"))
	}
	return nil
}

func (m Mechanism) programs() []string {
	if m == Bubblewrap {
		return []string{"bwrap", "setpriv", "prlimit", "tar"}
	}
	return []string{"setpriv", "prlimit", "tar"}
}

// The capability to make namespaces without a user namespace around them, by its number in capabilities(7).
const capSysAdmin = 21

// needs says what this machine lacks, from what its kernel tells.
func needs(noBwrap, root bool, read func(string) ([]byte, error)) []string {
	var found []string
	number := func(file string) (int, bool) {
		text, err := read(file)
		if err != nil {
			return 0, false
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(text)))
		return n, err == nil
	}
	if noBwrap {
		found = append(found, "Install bubblewrap (Debian, Ubuntu: apt-get install -y bubblewrap).")
	}
	if root && !hasCapability(read, capSysAdmin) {
		found = append(found, "This is root in a container without CAP_SYS_ADMIN: start it with docker run --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined, or with --privileged.")
	}
	if !root {
		if n, known := number("/proc/sys/user/max_user_namespaces"); known && n == 0 {
			found = append(found, "The kernel allows no user namespaces: sysctl -w user.max_user_namespaces=10000, or grade as root.")
		}
		if n, known := number("/proc/sys/kernel/unprivileged_userns_clone"); known && n == 0 {
			found = append(found, "The kernel keeps user namespaces to root: sysctl -w kernel.unprivileged_userns_clone=1, or grade as root.")
		}
		if n, known := number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"); known && n == 1 {
			found = append(found, "AppArmor keeps user namespaces to programs that it knows (Ubuntu 24.04 does): sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or grade as root.")
		}
	}
	if len(found) == 0 {
		found = append(found, "The kernel refuses the namespaces of a box for a reason that it does not tell: grade on a machine or in a virtual machine, or in a container started with --privileged.")
	}
	return found
}

func hasCapability(read func(string) ([]byte, error), number int) bool {
	text, err := read("/proc/self/status")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if mask, found := strings.CutPrefix(line, "CapEff:"); found {
			bits, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			return err == nil && bits>>number&1 == 1
		}
	}
	return false
}

// The users that programs in a box of root run as: above those of people, of packages and of what systemd gives out; and where a
// container maps no such numbers, those that systemd gives out. Each start has one of its own, by its process number, since the
// kernel counts processes for each user.
const (
	firstUID, uids           = 1 << 30, 1 << 22
	smallFirstUID, smallUIDs = 61184, 4336
)

// usersOfPrograms returns the first user that owns nothing, and how many there are.
func usersOfPrograms() (first, n int, err error) {
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return 0, 0, err
	}
	if mapped(string(text), firstUID, uids) {
		return firstUID, uids, nil
	}
	if mapped(string(text), smallFirstUID, smallUIDs) {
		return smallFirstUID, smallUIDs, nil
	}
	return 0, 0, fmt.Errorf("expected users %d to %d, for a box to run programs as one that owns nothing, found a map of users that has none of them: %s",
		smallFirstUID, smallFirstUID+smallUIDs-1, strings.Join(strings.Fields(string(text)), " "))
}

// mapped says whether n users from first on are in one range of a uid_map.
func mapped(text string, first, n int) bool {
	for line := range strings.Lines(text) {
		var inside, outside, count int
		if _, err := fmt.Sscan(line, &inside, &outside, &count); err == nil && inside <= first && first+n <= inside+count {
			return true
		}
	}
	return false
}

// writeEtc makes the /etc of a box: what libraries look for at their start.
func writeEtc(folder string) error {
	if err := os.MkdirAll(filepath.Join(folder, "alternatives"), 0o755); err != nil {
		return err
	}
	files := map[string]string{
		"passwd":        fmt.Sprintf("root:x:0:0:root:/:/bin/sh\nstudent:x:%d:%d:student:/tmp:/bin/sh\n", nobody, nobody),
		"group":         fmt.Sprintf("root:x:0:\nstudent:x:%d:\n", nobody),
		"hosts":         "127.0.0.1 localhost\n::1 localhost\n",
		"nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
	}
	for _, name := range []string{"ld.so.cache", "ld.so.conf"} {
		text, err := os.ReadFile(filepath.Join("/etc", name))
		if errors.Is(err, os.ErrNotExist) {
			continue // musl has none
		}
		if err != nil {
			return err
		}
		files[name] = string(text)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// nobody is the user inside a user namespace.
const nobody = 65534
