package clients_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/firstgap/firstgap/harness/lines/clients"
)

// What a student of TypeScript is given.
func Example() {
	folder, err := clients.TypeScript.Folder([]byte("// the program\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(slices.Sorted(maps.Keys(folder)))
	fmt.Print(string(folder[clients.ManifestFile]))
	// Output:
	// [firstgap.json firstgap.ts node.ts package.json tsconfig.json]
	// {"build":["tsc","-p","."],"run":["node","node.js"]}
}
