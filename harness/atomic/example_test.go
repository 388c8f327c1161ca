package atomic_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/firstgap/firstgap/harness/atomic"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// The file has the old text until it has the new one, and nothing else is left in its folder.
func Example() {
	folder, err := os.MkdirTemp("", "atomic")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "report.json")
	for _, text := range []string{`{"runs":1}`, `{"runs":2}`} {
		if err := atomic.Write(file, []byte(text)); err != nil {
			fmt.Println(err)
			return
		}
	}
	text, err := os.ReadFile(file)
	fmt.Println(string(text), err)
	left, err := os.ReadDir(folder)
	fmt.Println(len(left), err)
	// Output:
	// {"runs":2} <nil>
	// 1 <nil>
}
