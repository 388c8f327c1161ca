"""Starts processes that start nothing more and end by themselves, 200 at most."""
import os
import time

for _ in range(200):
    try:
        if os.fork() == 0:
            os.setsid()
            time.sleep(20)
            os._exit(0)
    except OSError:
        break
time.sleep(20)
