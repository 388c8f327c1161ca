"""Writes without end, until no one reads: to "stdout", "stderr", or a single "line"."""
import sys

out = sys.stderr if sys.argv[1] == "stderr" else sys.stdout
text = "x" * 65535 + ("" if sys.argv[1] == "line" else "\n")
while True:
    out.write(text)
