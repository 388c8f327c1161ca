"""Ends with words as if the box could not be shut, which is no one's fault."""
import sys

print("bwrap: Creating new namespace failed: Operation not permitted", file=sys.stderr)
print("firstgap: box: fork/exec /proc/self/exe: operation not permitted", file=sys.stderr)
sys.exit(1)
