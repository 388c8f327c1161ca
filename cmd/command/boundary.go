package command

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/boundary"
	"github.com/firstgap/firstgap/harness/text"
)

// boundaryCommand is firstgap boundary: its flags.
type boundaryCommand struct {
	seed    uint64
	workers int
	all     bool
	json    bool
}

func newBoundary() *cobra.Command {
	var c boundaryCommand
	cmd := &cobra.Command{
		Use:   "boundary",
		Short: "every state of six segments, up, down, lost or silently wiped: what the model says and what happens",
		Long: `boundary puts the six segments of one protection group into each of their 4^6 states (each up, down, its disk lost and known to
be lost, or silently emptied), once with a writer that lives and once with a successor that takes over, and runs our own
implementation there. At each cell the placement model says whether writes and reads go on, then and when those that were down
are back, and whether what was acknowledged may be lost. A cell in which something else happens is a violation.
` + exitCodes,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	f := cmd.Flags()
	f.Uint64Var(&c.seed, "seed", 1, "of all randomness")
	f.IntVar(&c.workers, "workers", 0, "how many run at a time (default: one on each core)")
	f.BoolVar(&c.all, "all", false, "show also the states in which segments are struck in several ways")
	f.BoolVar(&c.json, "json", false, "print the report as JSON")
	return cmd
}

func (c *boundaryCommand) run(cmd *cobra.Command) error {
	if c.workers < 0 {
		return fmt.Errorf("--workers is %d; expected no negative number", c.workers)
	}
	collectForRuns(c.workers)
	progress := text.NewProgress(cmd.ErrOrStderr(), time.Now)
	began := time.Now()
	r, err := boundary.Walk(cmd.Context(), boundary.Options{Implementation: aurora.Ours(), Seed: c.seed, Workers: c.workers, Progress: func(now boundary.Progress) {
		progress.Show(fmt.Sprintf("cells: %s of %s, %d differ, %.0fs so far", text.Count(now.Run), text.Count(now.Of), now.Differ, time.Since(began).Seconds()))
	}})
	progress.End()
	if err != nil {
		return err
	}
	if c.all && !c.json {
		return ended(r.Verdict(), r.WriteAll(cmd.OutOrStdout()))
	}
	return ended(r.Verdict(), show(cmd.OutOrStdout(), r, c.json))
}
