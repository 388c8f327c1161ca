// Command firstgap with the register among its systems.
package main

import (
	"os"

	"github.com/firstgap/firstgap/cmd/command"
	"github.com/firstgap/firstgap/examples/register"
)

func main() { os.Exit(command.Main(register.System(), register.InMemory())) }
