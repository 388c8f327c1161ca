#!/usr/bin/env bash
# olympos.io/encoding/edn v0.0.0-20201019073823-d3554ca0b0a3 (Go): of the notation that Clojure's printer writes, metadata, ratios
# and the symbolic numbers are errors, and a map that holds a key twice, which the notation forbids, is taken in silence, with
# the later value. Seen with Go 1.26:
#
#   ^:dynamic x   error
#   ##Inf         error
#   1/2           error
#   {:a 1 :a 2}   map[:a:2]
#
# Whoever reads histories that others printed needs another reader, or must look for such values first.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > go.mod <<'MOD'
module finding

go 1.22
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"

	"olympos.io/encoding/edn"
)

func main() {
	for _, text := range []string{"^:dynamic x", "##Inf", "1/2", "{:a 1 :a 2}"} {
		var v any
		if err := edn.Unmarshal([]byte(text), &v); err != nil {
			fmt.Printf("%-13s error\n", text)
			continue
		}
		if m, is := v.(map[any]any); is {
			fmt.Printf("%-13s map[:a:%v]\n", text, m[edn.Keyword("a")])
			continue
		}
		fmt.Printf("%-13s %v\n", text, v)
	}
}
GO
go get olympos.io/encoding/edn@v0.0.0-20201019073823-d3554ca0b0a3 >/dev/null 2>&1
found=$(go run .)
echo "$found"
expected='^:dynamic x   error
##Inf         error
1/2           error
{:a 1 :a 2}   map[:a:2]'
[ "$found" = "$expected" ] || { echo "the behaviour has changed; expected:" >&2; echo "$expected" >&2; exit 1; }
