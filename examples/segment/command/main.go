// Command firstgap with the volume of a stranger's segments among its systems.
package main

import (
	"os"

	"github.com/firstgap/firstgap/cmd/command"
	"github.com/firstgap/firstgap/examples/segment"
)

func main() { os.Exit(command.Main(segment.System(), segment.Silent())) }
