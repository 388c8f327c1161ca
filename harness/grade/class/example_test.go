package class_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/firstgap/firstgap/harness/grade/class"
)

// Two students, one of whom answers nothing.
func ExampleGrade() {
	dir, err := os.MkdirTemp("", "class")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	for name, what := range map[string]string{"anna": "right", "bert": "mute"} {
		folder := filepath.Join(dir, "submissions", name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			panic(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "what"), []byte(what), 0o644); err != nil {
			panic(err)
		}
	}
	rows, err := class.Grade(context.Background(), filepath.Join(dir, "submissions"), class.Options{Lab: lab(), Out: filepath.Join(dir, "results"), Open: open})
	for _, r := range rows {
		fmt.Printf("%s: %d of %d\n", r.Name, r.Result.Score, r.Result.Most)
	}
	fmt.Println(err)
	// Output:
	// anna: 10 of 10
	// bert: 0 of 10
	// <nil>
}
