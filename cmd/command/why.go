package command

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/atomic"
	"github.com/firstgap/firstgap/harness/failure/page"
	"github.com/firstgap/firstgap/harness/failure/retell"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/text"
)

// whyCommand is firstgap why: its flags.
type whyCommand struct {
	smaller
	page     string
	test     string
	scenario string
	of       retell.TestOptions
	noCurve  bool
	json     bool
}

// beside stands for a file beside the failure's, of a name made of its.
const beside = "beside FILE"

func newWhy(systems []harness.System) *cobra.Command {
	c := whyCommand{smaller: smaller{systems: systems}}
	cmd := &cobra.Command{
		Use:   "why FILE [-- COMMAND]",
		Short: "explain a recorded failure: the smallest run, its first bad step, and what was allowed instead",
		Long: `why makes a failure file (.fgt) as small as it goes (see firstgap shrink), finds the first step that is not allowed and what led there,
tries the run without each of its faults, and draws anew what follows from some fifty points of it, to find the event from which
on it was lost.

The page shows all of it, and the run event by event; it needs no network. --test writes a Go test that fails now, and passes once the
mistake is mended; --scenario writes the failure as a schedule for firstgap scenario, or says which part of it that has no words for.
Both may name their file, as in --test=my_test.go.

Interrupted, or out of time, it explains the smallest run so far; started again, it goes on from there.

The exit code is 1 where a failure was explained, and 2 where there is none or it cannot be kept.
` + exitCodes,
		Args: fileAndProgram,
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	f := cmd.Flags()
	c.flags(f, "small")
	f.StringVar(&c.page, "page", "", "the page (default: FILE with .html at its end)")
	f.StringVar(&c.test, "test", "", "write a Go test, to this file or beside FILE")
	f.StringVar(&c.scenario, "scenario", "", "write a scenario, to this file or beside FILE")
	f.Lookup("test").NoOptDefVal, f.Lookup("scenario").NoOptDefVal = beside, beside
	f.StringVar(&c.of.Package, "package", "", "of the test (default: firstgap_test)")
	f.StringVar(&c.of.System, "system-expr", "", "of the test: the Go expression of a system that firstgap does not know by name")
	f.StringVar(&c.of.Import, "import", "", "of the test: the package of --system-expr")
	f.BoolVar(&c.noCurve, "no-curve", false, "leave out from which event on the run was lost")
	f.BoolVar(&c.json, "json", false, "print the explanation as JSON")
	return cmd
}

func (c *whyCommand) run(cmd *cobra.Command, args []string) error {
	file := args[0]
	recorded, system, err := c.open(cmd, args)
	if err != nil {
		return err
	}
	collectForRuns(c.workers)
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	progress := text.NewProgress(cmd.ErrOrStderr(), time.Now)
	keep := newKeeper(system, recorded, c.out, cancel)
	o := why.Options{For: c.limit, NoCurve: c.noCurve, Step: progress.Show}
	if o.Shrink, err = c.options(recorded, &keep, progress); err != nil {
		return err
	}
	o.Where.Workers = c.workers
	e, err := why.Explain(ctx, system, recorded, o)
	progress.End()
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := keep.last(e.Configuration); err != nil {
		return err
	}
	files, err := c.write(ctx, system, e, file, recorded.Needs.Behind())
	out := cmd.OutOrStdout()
	if c.json {
		return ended(judge.Violation, errors.Join(err, writeJSON(out, e)))
	}
	err = errors.Join(err, e.WriteText(out))
	fmt.Fprintln(out)
	for _, f := range files {
		fmt.Fprintf(out, "%-10s%s\n", f[0], f[1])
	}
	if err != nil {
		return err // the failure is explained; what was asked for beside is not there
	}
	return ended(judge.Violation, nil)
}

// write writes the page and what else was asked for, each as a whole or not at all, and says which files there are. One that cannot be
// written leaves the others.
func (c *whyCommand) write(ctx context.Context, system harness.System, e *why.Explanation, file, behind string) (files [][2]string, err error) {
	stem := strings.TrimSuffix(file, ".fgt")
	files = append(files, [2]string{"smallest", c.out})
	add := func(what, name string, write func(io.Writer) error) {
		var b bytes.Buffer
		failed := write(&b)
		// A scenario that cannot be told says so in its file, too.
		var untold *retell.UntoldError
		if failed == nil || errors.As(failed, &untold) {
			if wrote := atomic.Write(name, b.Bytes()); wrote != nil {
				failed = errors.Join(failed, fmt.Errorf("the %s cannot be kept: %w", what, wrote))
			} else {
				files = append(files, [2]string{what, name})
			}
		}
		err = errors.Join(err, failed)
	}
	add("page", cmp.Or(c.page, stem+".html"), func(w io.Writer) error {
		p, err := page.Of(system, e)
		if err != nil {
			return err
		}
		p.Again = []string{"firstgap why " + file + behind, "firstgap replay --events " + c.out + behind}
		return p.Write(w)
	})
	if c.test != "" {
		o := c.of
		o.File = c.out
		add("test", named(c.test, testName(stem)), func(w io.Writer) error { return retell.Test(w, system, e, o) })
	}
	if c.scenario != "" {
		add("scenario", named(c.scenario, stem+".scenario.txt"), func(w io.Writer) error { return retell.Scenario(ctx, w, system, e) })
	}
	return files, err
}

// named returns the name that a flag gives, or the other one.
func named(flag, other string) string {
	if flag == beside {
		return other
	}
	return flag
}

// testName is the name of a failure's test: go test takes files that end in _test.go, and no dash belongs in one.
func testName(stem string) string {
	dir, name := filepath.Split(stem)
	return filepath.Join(dir, strings.NewReplacer("-", "_", ".", "_", " ", "_").Replace(name)+"_test.go")
}
