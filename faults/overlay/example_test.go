package overlay_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/firstgap/firstgap/faults/overlay"
)

const source = `package segment

func (s *Segment) sync(out *Effects) {
	// gofail: var segmentBeforeSync struct{}
	// s.hook.Hit("segmentBeforeSync")

	out.Sync(1)
}
`

// The points of a source tree are found and turned into an overlay: changed copies, and the file that names them to go build.
func Example() {
	folder, err := os.MkdirTemp("", "overlay")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	root, out := filepath.Join(folder, "impl"), filepath.Join(folder, "out")
	if err := os.Mkdir(root, 0o755); err != nil {
		fmt.Println(err)
		return
	}
	if err := os.WriteFile(filepath.Join(root, "segment.go"), []byte(source), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	points, err := overlay.Build(root, out)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range points {
		fmt.Println(p.Name)
	}
	_, err = os.Stat(filepath.Join(out, overlay.File))
	fmt.Println("overlay written:", err == nil)
	// Output:
	// segmentBeforeSync
	// overlay written: true
}
