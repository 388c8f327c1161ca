"""Takes memory, 400 MB at most, in as many processes as its argument says: "1", "8", or "shared" for memory that belongs to several."""
import mmap
import os
import sys
import time

MOST = 400 << 20


def take(size):
    held = []
    for _ in range(size >> 20):
        try:
            held.append(bytearray(1 << 20))
        except MemoryError:
            break
    time.sleep(20)


if sys.argv[1] == "shared":
    m = mmap.mmap(-1, MOST)
    for at in range(0, MOST, 4096):
        m[at] = 1
    time.sleep(20)
processes = int(sys.argv[1])
for _ in range(processes - 1):
    if os.fork() == 0:
        take(MOST // processes)
        os._exit(0)
take(MOST // processes)
