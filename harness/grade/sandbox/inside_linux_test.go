package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

func TestWhatTheMachineLacksIsSaid(t *testing.T) {
	files := func(m map[string]string) func(string) ([]byte, error) {
		return func(name string) ([]byte, error) {
			text, there := m[name]
			if !there {
				return nil, os.ErrNotExist
			}
			return []byte(text), nil
		}
	}
	full := "Name:\tx\nCapEff:\t000001ffffffffff\n"
	docker := "Name:\tx\nCapEff:\t00000000a80425fb\n"
	for name, c := range map[string]struct {
		noBwrap, root bool
		files         map[string]string
		want          []string
	}{
		"no package":        {true, true, map[string]string{"/proc/self/status": full}, []string{"apt-get install -y bubblewrap"}},
		"root in a docker":  {false, true, map[string]string{"/proc/self/status": docker}, []string{"docker run --cap-add SYS_ADMIN"}},
		"none for a user":   {false, false, map[string]string{"/proc/sys/user/max_user_namespaces": "0\n"}, []string{"user.max_user_namespaces=10000"}},
		"Debian of old":     {false, false, map[string]string{"/proc/sys/kernel/unprivileged_userns_clone": "0\n"}, []string{"kernel.unprivileged_userns_clone=1"}},
		"Ubuntu 24.04":      {true, false, map[string]string{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n"}, []string{"install -y bubblewrap", "apparmor_restrict_unprivileged_userns=0"}},
		"all seems allowed": {false, false, map[string]string{"/proc/sys/user/max_user_namespaces": "96364\n"}, []string{"for a reason that it does not tell"}},
	} {
		got := needs(c.noBwrap, c.root, files(c.files))
		require.Len(t, got, len(c.want), name)
		for i, want := range c.want {
			require.Contains(t, got[i], want, name)
		}
	}
	missing := &MissingError{Tried: []string{"bubblewrap: found no program bwrap"}, Needs: []string{"Install it."}}
	require.Equal(t, "expected a way to shut a stranger's program into a box, found none: bubblewrap: found no program bwrap. Install it.", missing.Error())
}

func TestAMachineWithoutAnyMechanismIsRefused(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	temp := t.TempDir()
	_, err := Open(t.Context(), Options{Temp: temp})
	var missing *MissingError
	require.ErrorAs(t, err, &missing)
	require.Contains(t, err.Error(), "apt-get install -y bubblewrap")
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left)

	b, err := Open(t.Context(), Options{Temp: temp, Mechanism: Unsafe})
	require.NoError(t, err)
	require.Contains(t, b.Says(), "WITHOUT a box")
	require.NoError(t, b.Close())
}

func TestUsersAreTakenFromTheMap(t *testing.T) {
	whole := "         0          0 4294967295\n"
	rootless := "         0       1000          1\n         1     100000      65536\n"
	require.True(t, mapped(whole, firstUID, uids))
	require.False(t, mapped(rootless, firstUID, uids))
	require.True(t, mapped(rootless, smallFirstUID, smallUIDs))
	require.False(t, mapped("0 1000 1\n", smallFirstUID, smallUIDs))
}

func TestAStatIsReadBehindTheNameOfTheProgram(t *testing.T) {
	text := ") 1 (x) S 9 9 (name) R 1 2 3 0 -1 4194560 1 2 3 4 150 50 20 30 20 0 7 0 12345 1000000 25 184467"
	u, err := parseStat([]byte("1234 (a"+text), 4096)
	require.NoError(t, err)
	require.Equal(t, usage{threads: 7, memory: 25 * 4096, cpu: 2500 * time.Millisecond}, u)
	_, err = parseStat([]byte("1 (x) S 1"), 4096)
	require.ErrorContains(t, err, "expected 24 fields or more")
	_, err = parseStat(nil, 4096)
	require.Error(t, err)
}

func TestTheFilterDecidesByCallAndArgument(t *testing.T) {
	const arch = 0xc000003e
	vm, err := bpf.NewVM(filter(arch))
	require.NoError(t, err)
	decide := func(arch, call uint32, first uint32) uint32 {
		data := make([]byte, 64) // struct seccomp_data, its words as the machine of package bpf loads them
		put := func(at int, v uint32) {
			data[at], data[at+1], data[at+2], data[at+3] = byte(v>>24), byte(v>>16), byte(v>>8), byte(v)
		}
		put(offsetNumber, call)
		put(offsetArch, arch)
		put(offsetFirst, first)
		n, err := vm.Run(data)
		require.NoError(t, err)
		return uint32(n)
	}
	require.EqualValues(t, allowCall, decide(arch, unix.SYS_READ, 0))
	require.EqualValues(t, allowCall, decide(arch, unix.SYS_CLONE, unix.CLONE_VM|unix.CLONE_THREAD))
	require.EqualValues(t, allowCall, decide(arch, unix.SYS_SOCKET, unix.AF_INET))
	require.EqualValues(t, allowCall, decide(arch, unix.SYS_SOCKETPAIR, unix.AF_UNIX))
	for _, call := range refused {
		require.EqualValues(t, failCall|uint32(unix.EPERM), decide(arch, call, 0))
	}
	for _, call := range absent {
		require.EqualValues(t, failCall|uint32(unix.ENOSYS), decide(arch, call, 0))
	}
	for flag := range 32 {
		if newNamespaces&(1<<flag) != 0 {
			require.EqualValues(t, failCall|uint32(unix.EPERM), decide(arch, unix.SYS_CLONE, 1<<flag))
		}
	}
	for _, family := range []uint32{unix.AF_VSOCK, unix.AF_PACKET, unix.AF_ALG} {
		require.EqualValues(t, failCall|uint32(unix.EAFNOSUPPORT), decide(arch, unix.SYS_SOCKET, family))
	}
	require.EqualValues(t, killCall, decide(arch, unix.SYS_READ|x32, 0), "the other ABI of amd64 has other numbers")
	require.EqualValues(t, killCall, decide(0x40000003, unix.SYS_READ, 0), "so has that of i386")
}

func TestWordsOfTheShellAreQuoted(t *testing.T) {
	require.Equal(t, `'a b'`, quoted("a b"))
	require.Equal(t, `'it'\''s $HOME'`, quoted("it's $HOME"))
}

func TestAMountThatIsLeftIsSeen(t *testing.T) {
	require.NoError(t, leftMounts("36 35 98:0 / /mnt rw\n", "/tmp/firstgap-box-1"))
	var left *LeftError
	require.ErrorAs(t, leftMounts("36 35 98:0 / /tmp/firstgap-box-1/etc rw\n", "/tmp/firstgap-box-1"), &left)
}

func TestWhatAKilledGraderLeftIsRemovedByTheNext(t *testing.T) {
	temp := t.TempDir()
	long, short, held := filepath.Join(temp, prefix+"1"), filepath.Join(temp, prefix+"2"), filepath.Join(temp, prefix+"3")
	for _, dir := range []string{long, short, held} {
		require.NoError(t, os.Mkdir(dir, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600))
	}
	past := time.Now().Add(-time.Hour)
	for _, dir := range []string{long, held} {
		require.NoError(t, os.Chtimes(filepath.Join(dir, "lock"), past, past))
	}
	lock, err := os.Open(filepath.Join(held, "lock"))
	require.NoError(t, err)
	defer lock.Close()
	require.NoError(t, unix.Flock(int(lock.Fd()), unix.LOCK_EX))
	require.NoError(t, sweep(temp))
	_, err = os.Stat(long)
	require.True(t, errors.Is(err, os.ErrNotExist))
	for _, dir := range []string{short, held} {
		require.DirExists(t, dir)
	}
}

func TestALimitIsSaidInWords(t *testing.T) {
	require.Equal(t, "3 bytes", bytesInWords(3))
	require.Equal(t, "64 KiB", bytesInWords(64<<10))
	require.Equal(t, "512 MiB", bytesInWords(512<<20))
	require.Equal(t, "2 GiB", bytesInWords(2<<30))
	require.Equal(t, Limits{CPU: 1, Memory: runDefaults.Memory, Processes: 3, Scratch: runDefaults.Scratch, Names: runDefaults.Names, OpenFiles: runDefaults.OpenFiles}, Limits{CPU: 1, Processes: 3}.or(runDefaults))
}
