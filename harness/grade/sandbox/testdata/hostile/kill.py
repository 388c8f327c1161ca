"""Ends the processes that its arguments name, and its parent where that is the first process of the box; asks of all others whether
it could, and says whom it could."""
import os
import signal
import socket
import sys

named = [int(pid) for pid in sys.argv[1:]]
got = []
if os.getppid() == 1 and socket.gethostname() == "box":
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
        try:
            os.kill(1, number)  # the kernel takes it, and the first process of a box does not see it
        except OSError:
            pass
for number in (signal.SIGTERM, signal.SIGKILL):
    for pid in named:
        try:
            os.kill(pid, number)
            got.append((number.name, pid))
        except OSError:
            pass
for pid in [p for p in range(2, 70_000) if p != os.getpid()]:
    try:
        os.kill(pid, 0)
        got.append(pid)
    except OSError:
        pass
print("got", got, flush=True)
