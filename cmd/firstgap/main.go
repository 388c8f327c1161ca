// Command firstgap checks whether a replicated log keeps every transaction that it acknowledged.
package main

import (
	"os"

	"github.com/firstgap/firstgap/cmd/command"
)

func main() { os.Exit(command.Main()) }
