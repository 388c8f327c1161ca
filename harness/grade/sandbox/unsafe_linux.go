package sandbox

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/firstgap/firstgap/harness/lines"
)

// Without a box, a program finds what a box would show where it is on this machine, and has a folder of the box's own for /tmp. That
// folder in its environment is the mark by which the watch knows it.

// outside puts the places of this machine in that of those inside.
func (b *Box) outside() *strings.Replacer {
	var pairs []string
	for _, t := range b.options.Toolchains {
		for _, show := range t.Shows {
			if show.Host != show.Inside {
				here := filepath.Join(b.folder, show.Inside)
				pairs = append(pairs, "="+show.Inside, "="+here, ":"+show.Inside, ":"+here, " "+show.Inside, " "+here)
			}
		}
	}
	tmp := b.unsafeTmp()
	return strings.NewReplacer(append(pairs, "=/tmp", "="+tmp, " /tmp", " "+tmp)...)
}

func (b *Box) unsafeTmp() string { return filepath.Join(b.folder, "tmp") }

func (b *Box) unsafeEnvironment() []string {
	var env []string
	for _, e := range b.environment(true) {
		env = append(env, b.outside().Replace(e))
	}
	return env
}

func (b *Box) unsafeCommand(args []string, tree, dir string) lines.Command {
	if _, err := exec.LookPath("prlimit"); err == nil {
		l := b.options.Run
		l.Processes = 0 // the kernel counts those of the user, who is the grader here
		args = append(l.prlimit(), args...)
	}
	return lines.Command{Args: b.unsafeShell(args), Dir: filepath.Join(tree, filepath.FromSlash(path.Join("/", dir))), Env: b.unsafeEnvironment()}
}

// unsafeShell becomes the program, which it looks for on the program's path and not on the grader's.
func (b *Box) unsafeShell(args []string) []string {
	return append([]string{"/bin/sh", "-c", `exec "$@"`, "program"}, args...)
}

// unsafeBuild builds in the copy itself.
func (b *Box) unsafeBuild(ctx context.Context, args []string) ([]byte, error) {
	l := b.options.Build
	script := "umask 022\n"
	for _, t := range b.options.Toolchains {
		if t.Setup != "" {
			script += b.outside().Replace(t.Setup) + " || exit\n"
		}
	}
	c := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", script + `exec "$@"`, "build"}, args...)...)
	c.Env, c.Dir = b.unsafeEnvironment(), b.tree
	output := &capped{most: l.Output, passed: func() {
		b.watch.pass(c.Process.Pid, &LimitError{Limit: Output, Most: bytesInWords(l.Output), Build: true})
	}}
	c.Stdout, c.Stderr = output, output
	if err := b.watch.start(c, l); err != nil {
		return nil, err
	}
	err := c.Wait()
	passed := b.watch.forget(c.Process.Pid)
	switch {
	case passed != nil:
		err = passed
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = &LimitError{Limit: Wall, Most: l.Wall.String(), Build: true}
		b.watch.record(err.(*LimitError))
	case ctx.Err() != nil:
		err = ctx.Err()
	case err != nil:
		err = &BuildError{Args: args, Status: c.ProcessState.String()}
	}
	return output.bytes(), err
}

// furnishUnsafe makes the folder in the place of /tmp, and links in that of what a box shows in another place than it has here. The
// submission lies beside them: so a compiler that looks for /node_modules on its way up finds that, too.
func (b *Box) furnishUnsafe() error {
	err := os.Mkdir(b.unsafeTmp(), 0o755)
	for _, t := range b.options.Toolchains {
		for _, show := range t.Shows {
			if err == nil && show.Host != show.Inside {
				err = os.Symlink(show.Host, filepath.Join(b.folder, show.Inside))
			}
		}
	}
	return err
}
