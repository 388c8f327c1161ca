"""Asks for what only the privileged have, or those in a world of their own, and says what it got.

It attaches to no process but its own child, and its mount is of a kind of file system that does not exist."""
import ctypes
import errno
import os
import signal
import stat
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
got = []
PTRACE_ATTACH = 16
child = os.fork()
if child == 0:
    time.sleep(10)
    os._exit(0)
if libc.ptrace(PTRACE_ATTACH, child, None, None) == 0:
    got.append("ptrace")
os.kill(child, signal.SIGKILL)
for pid in ["1"] + sys.argv[1:]:
    try:
        os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))
        got.append(("mem", pid))
    except OSError:
        pass
if libc.mount(b"none", b"/tmp", b"firstgap-none", 0, None) == 0 or ctypes.get_errno() != errno.EPERM:
    got.append("mount")
for call in (os.setuid, os.setgid, os.seteuid):
    try:
        call(0)
        got.append(call.__name__)
    except OSError:
        pass
try:
    os.setpriority(os.PRIO_PROCESS, 0, -5)
    got.append("priority")
except OSError:
    pass
for folder in ("/usr/bin", "/usr/sbin", "/usr/lib/openssh"):
    if not os.path.isdir(folder):
        continue
    for entry in os.scandir(folder):
        # What would run as its owner.
        if entry.is_file(follow_symlinks=False) and entry.stat().st_mode & (stat.S_ISUID | stat.S_ISGID) and not os.statvfs(entry.path).f_flag & os.ST_NOSUID:
            got.append(entry.path)
if not os.statvfs("/tmp").f_flag & os.ST_NOSUID or not os.statvfs("/submission" if os.path.isdir("/submission") else "/").f_flag & os.ST_NOSUID:
    got.append("setuid")
for name, flag in {"user": 0x10000000, "mount": 0x20000, "net": 0x40000000, "pid": 0x20000000}.items():
    if libc.unshare(flag) == 0:
        got.append(("unshare", name))
    # clone with a flag for a new namespace makes a child, which ends at once.
    SYS_clone = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    made = libc.syscall(SYS_clone, flag | signal.SIGCHLD, None, None, None, None)
    if made == 0:
        os._exit(0)
    if made > 0:
        got.append(("clone", name))
        os.waitpid(made, 0)
print("got", got)
