package sandbox

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The words of a filter of system calls, from the kernel's linux/seccomp.h and linux/audit.h.
const (
	allowCall = 0x7fff0000
	killCall  = 0x80000000 // the whole process
	failCall  = 0x00050000 // with the error in the low half

	offsetNumber, offsetArch, offsetFirst = 0, 4, 16 // in struct seccomp_data

	x32 = 0x40000000 // bit of a call's number in the x32 ABI of amd64
)

var auditArch = map[string]uint32{"amd64": 0xc000003e, "arm64": 0xc00000b7}

// refused are calls that no submission needs. They reach what a namespace or a limit does not cover: memory that belongs to no
// process and so escapes the sum over processes, other namespaces, other processes, and large parts of the kernel.
var refused = []uint32{
	unix.SYS_MEMFD_CREATE, unix.SYS_MEMFD_SECRET, unix.SYS_SHMGET, unix.SYS_MSGGET, unix.SYS_SEMGET, unix.SYS_MQ_OPEN,
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
	unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP, unix.SYS_PROCESS_MADVISE,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	unix.SYS_FANOTIFY_INIT, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_QUOTACTL, unix.SYS_SWAPON, unix.SYS_SWAPOFF,
	unix.SYS_REBOOT, unix.SYS_ACCT, unix.SYS_SYSLOG, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
	unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME,
	unix.SYS_VHANGUP, unix.SYS_PERSONALITY, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES, unix.SYS_MBIND,
}

// absent are calls that a program tries and does without: a library falls back to an older one, whose arguments a filter can see.
var absent = []uint32{unix.SYS_CLONE3, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER}

// newNamespaces are the flags of clone that would give a program privileges in a world of its own.
const newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// families are the sockets that a program may have: those of its own, empty network. Others, AF_VSOCK among them, are of the
// machine's and know no network namespace.
var families = []uint32{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK}

// filter is the program that the kernel asks about each system call.
func filter(arch uint32) []bpf.Instruction {
	fail := func(errno unix.Errno) bpf.Instruction { return bpf.RetConstant{Val: failCall | uint32(errno)} }
	f := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: arch, SkipTrue: 1},
		bpf.RetConstant{Val: killCall},
		bpf.LoadAbsolute{Off: offsetNumber, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: x32, SkipTrue: 1},
		bpf.RetConstant{Val: killCall},
	}
	for _, call := range refused {
		f = append(f, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: call, SkipTrue: 1}, fail(unix.EPERM))
	}
	for _, call := range absent {
		f = append(f, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: call, SkipTrue: 1}, fail(unix.ENOSYS))
	}
	f = append(f,
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CLONE, SkipTrue: 4},
		bpf.LoadAbsolute{Off: offsetFirst, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: newNamespaces, SkipTrue: 1},
		fail(unix.EPERM),
		bpf.RetConstant{Val: allowCall},
	)
	for _, call := range []uint32{unix.SYS_SOCKET, unix.SYS_SOCKETPAIR} {
		f = append(f, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: call, SkipTrue: uint8(2*len(families) + 2)}, bpf.LoadAbsolute{Off: offsetFirst, Size: 4})
		for _, family := range families {
			f = append(f, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: family, SkipTrue: 1}, bpf.RetConstant{Val: allowCall})
		}
		f = append(f, fail(unix.EAFNOSUPPORT))
	}
	return append(f, bpf.RetConstant{Val: allowCall})
}

// filterBytes are the filter as the kernel reads it.
func filterBytes() ([]byte, error) {
	arch, known := auditArch[runtime.GOARCH]
	if !known {
		return nil, fmt.Errorf("sandbox: expected a processor of which it knows the system calls, amd64 or arm64, found %s", runtime.GOARCH)
	}
	raw, err := bpf.Assemble(filter(arch))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, in := range raw {
		// struct sock_filter: code, two jumps, a value, in the machine's own order. Write to a buffer does not fail.
		_ = binary.Write(&b, binary.NativeEndian, in)
	}
	return b.Bytes(), nil
}
