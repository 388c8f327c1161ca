"""Fills the folder that its first argument names, with "bytes" or "names", 400 MB or 20,000 files at most."""
import sys
import time

where, what = sys.argv[1:]
try:
    if what == "bytes":
        for i in range(50):
            with open(f"{where}/{i}", "wb", buffering=0) as f:
                for _ in range(8):
                    f.write(bytes(1 << 20))
    else:
        for i in range(20_000):
            open(f"{where}/{i}", "wb").close()
except OSError:
    pass
time.sleep(20)
