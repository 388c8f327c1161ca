// Command command is the whole command with etcd's raft in it.
package main

import (
	"os"

	"github.com/firstgap/firstgap/cmd/command"
	"github.com/firstgap/firstgap/examples/raft"
)

func main() { os.Exit(command.Main(raft.System())) }
