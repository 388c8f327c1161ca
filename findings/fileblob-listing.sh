#!/usr/bin/env bash
# gocloud.dev v0.47.0 (Go), fileblob: a listing leaves objects out, without an error, when a folder has a thousand objects or more and
# objects beside it begin with the folder's name followed by a character that sorts before "/". Each page of a listing holds a
# thousand; the objects beside the folder come before it by name and behind it in the walk, and the next page begins behind
# them. Seen with Go 1.26:
#
#   put 1007, listed 1002, no error
#
# Whoever restores from such a listing restores less than there is.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > go.mod <<'MOD'
module finding

go 1.22

require gocloud.dev v0.47.0
MOD
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"gocloud.dev/blob/fileblob"
)

func main() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "fileblob")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	b, err := fileblob.OpenBucket(dir, nil)
	if err != nil {
		panic(err)
	}
	defer b.Close()
	put := 0
	write := func(key string) {
		if err := b.WriteAll(ctx, key, []byte("x"), nil); err != nil {
			panic(err)
		}
		put++
	}
	for i := 0; i < 1002; i++ {
		write(fmt.Sprintf("log/%05d", i))
	}
	for _, key := range []string{"log-1", "log-2", "log.3", "log!4", "log+5"} {
		write(key)
	}
	listed := map[string]bool{}
	it := b.List(nil)
	for {
		o, err := it.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			panic(err)
		}
		listed[o.Key] = true
	}
	fmt.Printf("put %d, listed %d, no error\n", put, len(listed))
	for _, key := range []string{"log-1", "log-2", "log.3", "log!4", "log+5"} {
		fmt.Printf("%s listed: %t\n", key, listed[key])
	}
}
GO
go mod tidy >/dev/null 2>&1
found=$(go run .)
echo "$found"
expected='put 1007, listed 1002, no error
log-1 listed: false
log-2 listed: false
log.3 listed: false
log!4 listed: false
log+5 listed: false'
[ "$found" = "$expected" ] || { echo "the behaviour has changed; expected:" >&2; echo "$expected" >&2; exit 1; }
