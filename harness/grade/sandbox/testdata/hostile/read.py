"""Looks for what its arguments name, in each way that may lead there, and says what it could open. It reads none of it."""
import os
import socket
import sys

got = []


def look(name):
    try:
        os.close(os.open(name, os.O_RDONLY | os.O_NONBLOCK))
        got.append(name)
    except OSError:
        pass


for secret in sys.argv[1:]:
    look(secret)
    look("/submission/../.." + secret)
    look("/proc/self/root" + secret)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        look(f"/proc/{pid}/root{secret}")
        look(f"/proc/{pid}/cwd/../../../../../..{secret}")
if socket.gethostname() == "box":
    for name in ("/root", "/home", "/var", "/opt", "/mnt", "/srv", "/run", "/sys", "/boot", "/etc/shadow", "/proc/1/environ", "/proc/kcore", "/dev/mem", "/dev/kmsg"):
        look(name)
print("got", got)
