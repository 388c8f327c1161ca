package tla_test

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/firstgap/firstgap/spec/tla"
)

// The modules are a file system, as TLC needs them in one folder, and the figures that TLC found are tables.
func Example() {
	module, err := fs.ReadFile(tla.Modules, "Volume.tla")
	if err != nil {
		fmt.Println(err)
		return
	}
	head, _, _ := strings.Cut(string(module), "\n")
	fmt.Println(strings.Trim(head, "- "), string(module) == tla.Volume)
	columns, _, _ := strings.Cut(tla.Worlds, "\n")
	fmt.Println(strings.Contains(columns, "distinct"))
	// Output:
	// MODULE Volume true
	// true
}
