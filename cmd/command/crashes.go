package command

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/exhaustive"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/text"
)

// crashesCommand is firstgap crashes: its flags.
type crashesCommand struct {
	options exhaustive.Options
	only    string
	events  bool
	json    bool
}

func newCrashes() *cobra.Command {
	c := crashesCommand{options: exhaustive.Options{Implementation: aurora.Ours(), Seed: exhaustive.DefaultSeed}}
	cmd := &cobra.Command{
		Use:   "crashes",
		Short: "crash a small run of our own system at every step, and at every pair of steps",
		Long: `crashes makes a run of six transactions on one group of three segments again and again, each time with a crash after another step
of the register, of a segment or of the writer, with all that was not known to be durable kept, and with none of it. With
--pairs each of these runs is made again with a second crash after every later step. Nothing is drawn, and every run is held
against every check.
` + exitCodes,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	f := cmd.Flags()
	f.BoolVar(&c.options.Pairs, "pairs", false, "every pair of crashes, too")
	f.Uint64Var(&c.options.Seed, "seed", c.options.Seed, "of the network, the disks and what the clients want")
	f.StringVar(&c.options.Bug, "bug", "", "the planted bug of every run")
	f.IntVar(&c.options.Workers, "workers", 0, "how many run at a time (default: one on each core)")
	f.StringVar(&c.only, "only", "", `make the one run with these crashes, such as "segment 1/2 step 14 lost, writer 1 step 30 lost"`)
	f.BoolVar(&c.events, "events", false, "with --only, print the events, one line each")
	f.BoolVar(&c.json, "json", false, "print the report as JSON")
	return cmd
}

func (c *crashesCommand) run(cmd *cobra.Command) error {
	switch only := cmd.Flags().Changed("only"); {
	case c.options.Workers < 0:
		return fmt.Errorf("--workers is %d; expected no negative number", c.options.Workers)
	case c.events && !only:
		return fmt.Errorf("--events goes with --only")
	case only && (c.options.Pairs || c.json):
		return fmt.Errorf("--only goes with --seed, --bug and --events alone")
	}
	if err := plantable(c.options.Bug); err != nil {
		return err
	}
	if cmd.Flags().Changed("only") {
		return c.again(cmd)
	}
	collectForRuns(c.options.Workers)
	progress := text.NewProgress(cmd.ErrOrStderr(), time.Now)
	began := time.Now()
	c.options.Progress = func(now exhaustive.Progress) {
		progress.Show(fmt.Sprintf("one crash: %s/%s, two: %s/%s, %d not passed, %.0fs so far", text.Count(now.One.Run), text.Count(now.One.Enumerated),
			text.Count(now.Two.Run), text.Count(now.Two.Enumerated), now.NotPassed, time.Since(began).Seconds()))
	}
	r, err := exhaustive.Run(cmd.Context(), c.options)
	progress.End()
	if err != nil {
		return err
	}
	return ended(r.Verdict(), show(cmd.OutOrStdout(), r, c.json))
}

// again makes one run.
func (c *crashesCommand) again(cmd *cobra.Command) error {
	crashes, err := exhaustive.ParseCrashes(c.only)
	if err != nil {
		return fmt.Errorf("--only: %w", err)
	}
	screen := text.On(cmd.OutOrStdout())
	var listen harness.Listen
	if c.events {
		listen = func(w *sim.World, e *sim.Event) { fmt.Fprintln(screen, w.Describe(e)) }
	}
	r, err := exhaustive.One(c.options, crashes, listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(screen, "seed %d, %s: hash %016x\n", c.options.Seed, crashes, r.Hash)
	for i := range r.Findings {
		f := &r.Findings[i]
		fmt.Fprintf(screen, "%s: %s: %s\n", f.Verdict, f.Check, f.Sentence())
		if more := strings.TrimRight(f.Explain(), "\n"); more != "" {
			fmt.Fprintln(screen, more)
		}
	}
	_, err = fmt.Fprintf(screen, "verdict: %s\n", screen.Paint(r.Verdict.Mark(), string(r.Verdict)))
	return ended(r.Verdict, err)
}
