package mutants_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/firstgap/firstgap/faults/mutants"
)

// A condition has two mutants, each a switch of the same build: what it says turned round, and its boundary.
func ExampleBuild() {
	root, err := os.MkdirTemp("", "mutants")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(root)
	const text = "package lock\n\nfunc free(held, most int) bool {\n\tif held < most {\n\t\treturn true\n\t}\n\treturn false\n}\n"
	if err := os.MkdirAll(filepath.Join(root, "impl/lock"), 0o777); err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(root, "impl/lock/lock.go"), []byte(text), 0o666); err != nil {
		panic(err)
	}
	made, err := mutants.Build(root, "example.com/m", filepath.Join(root, "build"), "impl/lock")
	if err != nil {
		panic(err)
	}
	for _, m := range made {
		fmt.Println(m.Number, m.Name())
	}
	// Output:
	// 1 impl/lock free negated: held < most
	// 2 impl/lock free boundary: held < most
}
