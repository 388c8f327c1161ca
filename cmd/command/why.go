package command

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/failure/why"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/text"
)

// whyCommand is firstgap why: its flags.
type whyCommand struct {
	smaller
	noCurve bool
	json    bool
}

func newWhy(systems []harness.System) *cobra.Command {
	c := whyCommand{smaller: smaller{systems: systems}}
	cmd := &cobra.Command{
		Use:   "why FILE",
		Short: "explain a recorded failure: the smallest run, its first bad step, and what was allowed instead",
		Long: `why makes a failure file (.fgt) as small as it goes (see firstgap shrink), finds the first step that is not allowed and what led there,
tries the run without each of its faults, and draws anew what follows from some fifty points of it, to find the event from which
on it was lost.

Interrupted, or out of time, it explains the smallest run so far; started again, it goes on from there.

The exit code is 1 where a failure was explained, and 2 where there is none or it cannot be kept.
` + exitCodes,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0]) },
	}
	f := cmd.Flags()
	c.flags(f, "small")
	f.BoolVar(&c.noCurve, "no-curve", false, "leave out from which event on the run was lost")
	f.BoolVar(&c.json, "json", false, "print the explanation as JSON")
	return cmd
}

func (c *whyCommand) run(cmd *cobra.Command, file string) error {
	recorded, system, err := c.open(cmd, file)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	progress := text.NewProgress(cmd.ErrOrStderr(), time.Now)
	keep := keeper{system: system, file: c.out, failed: cancel}
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
	out := cmd.OutOrStdout()
	if c.json {
		j := json.NewEncoder(out)
		j.SetIndent("", "  ")
		return ended(judge.Violation, j.Encode(e))
	}
	return ended(judge.Violation, e.WriteText(out))
}
