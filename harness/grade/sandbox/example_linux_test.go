package sandbox_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/firstgap/firstgap/harness/grade/sandbox"
)

// A submission is built and run in a box. Then it fills its disk, and the box says so.
func Example() {
	submission, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(submission)
	if err := os.WriteFile(filepath.Join(submission, "answer.txt"), []byte("42\n"), 0o644); err != nil {
		panic(err)
	}

	ctx := context.Background()
	box, err := sandbox.Open(ctx, sandbox.Options{Submission: submission, Run: sandbox.Limits{Scratch: 1 << 20}})
	if err != nil {
		panic(err) // a *sandbox.MissingError says what to install
	}
	defer box.Close()
	out, err := box.Build(ctx, "/bin/sh", "-c", "cp answer.txt built.txt; echo built")
	fmt.Print(string(out), err, "\n")

	for _, script := range []string{"cat built.txt; ls /root", "head -c 100M /dev/zero >/tmp/big; sleep 100"} {
		command := box.Command([]string{"/bin/sh", "-c", script}, "")
		program := exec.Command(command.Args[0], command.Args[1:]...) // or lines.Start(command)
		program.Dir, program.Env, program.Stdout = command.Dir, command.Env, os.Stdout
		if err := program.Run(); err != nil {
			fmt.Println("ended:", box.Exceeded())
		}
	}
	// Output:
	// built
	// <nil>
	// 42
	// ended: <nil>
	// ended: the program used more space in /tmp than the 1 MiB that it may
}
