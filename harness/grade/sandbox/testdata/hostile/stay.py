"""Ignores each signal that can be, starts a process far from itself that does so too, and answers nothing."""
import os
import signal
import sys
import time

for number in signal.valid_signals():
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("away", flush=True, file=sys.stderr if sys.argv[1:] == ["quiet"] else sys.stdout)
        os.close(0)
        os.close(1)
        os.close(2)
        time.sleep(60)
    os._exit(0)
time.sleep(60)
