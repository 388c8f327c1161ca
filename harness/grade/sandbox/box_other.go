//go:build !linux

package sandbox

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/firstgap/firstgap/harness/lines"
)

// A Box is where one submission is built and run. Other systems than Linux have only the one that is none.
type Box struct {
	options      Options
	folder, tree string
	passed       error
}

// Open makes a box. Its errors are a *MissingError unless Options.Mechanism is Unsafe, and a *SubmissionError where the submission's
// folder cannot be taken.
func Open(ctx context.Context, o Options) (*Box, error) {
	if o.Mechanism != Unsafe {
		return nil, &MissingError{Tried: []string{"the system is " + runtime.GOOS}, Needs: []string{"Grade on Linux, or in a virtual machine or a container that runs it."}}
	}
	o.Run, o.Build = o.Run.or(runDefaults), o.Build.or(buildDefaults)
	folder, err := os.MkdirTemp(o.Temp, prefix)
	if err != nil {
		return nil, err
	}
	b := &Box{options: o, folder: folder, tree: filepath.Join(folder, "given")}
	if o.Submission == "" {
		err = os.Mkdir(b.tree, 0o755)
	} else {
		err = copyTree(o.Submission, b.tree)
	}
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Mechanism is what the box is shut with.
func (b *Box) Mechanism() Mechanism { return Unsafe }

// Says tells in one sentence what the box is shut with, and what it cannot hold.
func (b *Box) Says() string { return Unsafe.says() }

// Holds returns why a box cannot be shut any more.
func (b *Box) Holds(context.Context) error { return nil }

// Command is how a program of the submission is started.
func (b *Box) Command(args []string, dir string) lines.Command {
	return lines.Command{Args: args, Dir: filepath.Join(b.tree, filepath.FromSlash(path.Join("/", dir))), Env: b.environment()}
}

func (b *Box) environment() []string {
	env := os.Environ()
	for _, t := range b.options.Toolchains {
		for _, e := range t.Env {
			if !strings.Contains(e, "=/tmp") { // a folder that only a box has
				env = append(env, e)
			}
		}
	}
	return env
}

// Build runs a program in the submission's folder. Errors are a *BuildError or a *LimitError.
func (b *Box) Build(ctx context.Context, args ...string) ([]byte, error) {
	l := b.options.Build
	within, cancel := context.WithTimeout(ctx, l.Wall)
	defer cancel()
	c := exec.CommandContext(within, args[0], args[1:]...)
	c.Env, c.Dir = b.environment(), b.tree
	output := &capped{most: l.Output, passed: cancel}
	c.Stdout, c.Stderr = output, output
	err := c.Run()
	switch {
	case int64(len(output.bytes())) == l.Output && err != nil:
		err = &LimitError{Limit: Output, Most: bytesInWords(l.Output), Build: true}
		b.passed = err
	case ctx.Err() != nil:
		err = ctx.Err()
	case within.Err() != nil:
		err = &LimitError{Limit: Wall, Most: l.Wall.String(), Build: true}
		b.passed = err
	case err != nil:
		err = &BuildError{Args: args, Status: c.ProcessState.String()}
	}
	return output.bytes(), err
}

// Exceeded says which limit was passed first, as a *LimitError, or nil.
func (b *Box) Exceeded() error { return b.passed }

// Close removes what the box has written.
func (b *Box) Close() error { return os.RemoveAll(b.folder) }

// Folder is the box's own folder on this machine.
func (b *Box) Folder() string { return b.folder }
