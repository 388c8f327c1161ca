package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The build works in a folder of limited size, which is gone when it ends: what it has made leaves it as a tar on the third file,
// which the build itself does not have.
const buildScript = `umask 022; cp -R -P ` + given + `/. . || exit
%s
("$@") 3>&- </dev/null || exit
exec tar -cf - . >&3`

// Build runs a program in the submission's folder, where it may write. What it leaves there is what later builds and programs see,
// unless it fails: then they see what was there before. It returns what the build wrote to standard output and error, at most
// Limits.Output of it. Errors are a *BuildError, a *LimitError or a *SubmissionError.
func (b *Box) Build(ctx context.Context, args ...string) ([]byte, error) {
	l := b.options.Build
	within, cancel := context.WithTimeout(ctx, l.Wall)
	defer cancel()
	b.mu.Lock()
	tree := b.tree
	b.builds++
	built := filepath.Join(b.folder, fmt.Sprintf("built-%d", b.builds))
	b.mu.Unlock()
	if b.mechanism == Unsafe {
		return b.unsafeBuild(within, args)
	}

	var setup []string
	for _, t := range b.options.Toolchains {
		if t.Setup != "" {
			setup = append(setup, t.Setup+" || exit")
		}
	}
	script := fmt.Sprintf(buildScript, strings.Join(setup, "\n"))
	command := b.arguments(start{args: append([]string{"/bin/sh", "-c", script, "build"}, args...), dir: Inside, tree: tree, build: true, limits: l})
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	c := exec.CommandContext(within, command[0], command[1:]...)
	c.Env, c.Dir, c.ExtraFiles = []string{"PATH=" + systemPath}, "/", []*os.File{write}
	output := &capped{most: l.Output, passed: func() {
		b.watch.pass(c.Process.Pid, &LimitError{Limit: Output, Most: bytesInWords(l.Output), Build: true})
	}}
	c.Stdout, c.Stderr = output, output
	err = b.watch.start(c, l)
	if err := errors.Join(err, write.Close()); err != nil {
		return nil, err
	}
	extracted := extract(read, built)
	if extracted != nil {
		// What cannot be taken need not be finished; the build would wait for a reader of its tar.
		cancel()
	}
	err = c.Wait()
	passed := b.watch.forget(c.Process.Pid)
	switch {
	case passed != nil:
		err = passed
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(within.Err(), context.DeadlineExceeded):
		err = &LimitError{Limit: Wall, Most: l.Wall.String(), Build: true}
		b.watch.record(err.(*LimitError))
	case extracted != nil:
		err = extracted
	case err != nil:
		err = &BuildError{Args: args, Status: c.ProcessState.String()}
	default:
		b.mu.Lock()
		before := b.tree
		b.tree = built
		b.mu.Unlock()
		return output.bytes(), b.drop(before)
	}
	if removed := os.RemoveAll(built); removed != nil {
		err = errors.Join(err, removed)
	}
	return output.bytes(), err
}

// drop removes a tree that is shown no more. The one that the submission was given as stays, for a look at it when a build went
// wrong, until the box is closed.
func (b *Box) drop(tree string) error {
	if tree == filepath.Join(b.folder, "given") {
		return nil
	}
	return os.RemoveAll(tree)
}
