"""Starts a process far from itself, with no open file, and ends."""
import os
import time

read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(write, b".")
        os.closerange(0, 64)
        time.sleep(60)
    os._exit(0)
os.read(read, 1)
print("left", flush=True)
