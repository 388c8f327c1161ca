package command

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/campaign/fuzz"
	"github.com/firstgap/firstgap/harness/campaign/guide"
	"github.com/firstgap/firstgap/harness/campaign/store"
	"github.com/firstgap/firstgap/harness/campaign/watch"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/text"
)

// fuzzCommand is firstgap fuzz: its flags.
type fuzzCommand struct {
	systems []harness.System
	system  string
	o       fuzz.Options
	metrics string
	json    bool
	once    bool
	ci      ciFlag
}

func newFuzz(systems []harness.System) *cobra.Command {
	c := fuzzCommand{systems: systems}
	cmd := &cobra.Command{
		Use:   "fuzz FOLDER",
		Short: "search for as long as it is left alone, keep what was learned in a folder, and go on from there",
		Long: fmt.Sprintf(`fuzz leads a campaign: simulated runs of a system, each held against every check. What was learned is kept in FOLDER: a line of every
run, how much of small worlds of the model the runs came through, the configurations that reached something new, and the failures, those
of one cause together, the smallest of them explained.

At least a third of the work is spent on random configurations, as firstgap run makes them; the rest changes configurations that reached
something new. Started again with the same FOLDER, the campaign goes on, also after kill -9: only the runs that were under way are made again,
and of so many runs the lines are the same at any number of workers and interruptions.

Without --runs and --for it goes on until it is interrupted: Ctrl-C and SIGTERM end it cleanly. Its verdict is that of all its runs.
--once runs the corpus and the failures of FOLDER again, for a commit's trend.

systems: %s
%s`, described(systems), exitCodes),
		Args: folderArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&c.system, "system", systems[0].Name(), "the system to run")
	f.Uint64Var(&c.o.Seed, "seed", 1, "of the first random run; the others follow")
	f.Uint64Var(&c.o.Runs, "runs", 0, "how many runs the campaign has at its end, those made before included (default: no bound)")
	f.DurationVar(&c.o.For, "for", 0, "end after this long (default: no bound)")
	f.IntVar(&c.o.Workers, "workers", 0, "how many run at a time here; -1 is none, and firstgap worker does all (default: one on each core)")
	f.Uint64Var(&c.o.Batch, "batch", fuzz.DefaultBatch, "how many runs are chosen together: some for each worker that there is")
	f.BoolVar(&c.o.Plain, "no-guidance", false, "random configurations alone")
	f.Float64Var(&c.o.Share, "random", guide.LeastShare, "the share of the work that is spent on random configurations, a third at least")
	f.StringSliceVar(&c.o.Worlds, "world", coverage.All(), "the worlds of the model that coverage is measured by")
	f.StringVar(&c.o.Generation.Bug, "bug", "", "the planted bug of every run")
	f.DurationVar(&c.o.Looking.For, "explain", fuzz.DefaultLooking, "make failures small and explain them, for so long each; 0 is not at all")
	f.StringVar(&c.metrics, "metrics", "", "serve metrics for Prometheus at HOST:PORT, such as 127.0.0.1:9464; without a host it is loopback")
	f.BoolVar(&c.json, "json", false, "print the summary as JSON")
	f.BoolVar(&c.o.Model, "model", false, "search worlds of the model that are too large to finish, in the place of runs")
	f.StringSliceVar(&c.o.Large, "large-world", nil, "of these alone, MODEL/WORLD each (default: all)")
	f.BoolVar(&c.once, "once", false, "run the corpus and the failures of FOLDER again, and keep how that went as a trend")
	c.ci.flag(f)
	queueFlags(f, &c.o.Queue)
	return cmd
}

// folderArgument accepts the name of a folder.
func folderArgument(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("expected the folder of the campaign, found %d arguments", len(args))
	}
	return nil
}

// options says what the flags ask for. Of a folder that has a campaign, its header says what was not asked for.
func (c *fuzzCommand) options(cmd *cobra.Command, folder string) (fuzz.Options, error) {
	o := c.o
	o.Folder = folder
	flags := cmd.Flags()
	name := c.system
	r, err := store.Read(folder)
	if err == nil {
		h := r.Header()
		had := func(flag string, set func()) {
			if !flags.Changed(flag) {
				set()
			}
		}
		had("system", func() { name = h.System })
		had("large-world", func() { o.Large = h.Large })
		had("seed", func() { o.Seed = h.Seed })
		had("batch", func() { o.Batch = h.Batch })
		had("no-guidance", func() { o.Plain = !h.Guided })
		had("random", func() { o.Share = h.Share })
		had("bug", func() { o.Generation.Bug = h.Bug })
		had("world", func() { o.Worlds = h.Worlds() })
	} else if !errors.Is(err, fs.ErrNotExist) {
		return o, err
	}
	if name == fuzz.ModelSystem && !flags.Changed("system") {
		o.Model = true
	}
	if o.Model {
		return o, c.modelOptions(cmd)
	}
	system, err := systemOf(c.systems, name)
	if err != nil {
		return o, err
	}
	about := system.About()
	if r == nil && !about.Volume && !flags.Changed("world") {
		o.Worlds = []string{}
	}
	bug := o.Generation.Bug
	switch {
	case about.Knows(bug) != nil:
		return o, about.Knows(bug)
	case bug != "" && about.Overlay && !harness.HasPoints():
		return o, fmt.Errorf("--bug %s: %w", bug, faults.ErrNoOverlay)
	case flags.Changed("runs") && o.Runs == 0:
		return o, errors.New("--runs is 0; expected at least 1")
	case o.For < 0 || flags.Changed("for") && o.For == 0:
		return o, fmt.Errorf("--for is %v; expected more than 0s", o.For)
	case o.Looking.For < 0:
		return o, fmt.Errorf("--explain is %v; expected no negative time", o.Looking.For)
	case o.Workers < -1:
		return o, fmt.Errorf("--workers is %d; expected -1 or more", o.Workers)
	}
	if flags.Changed("explain") && o.Looking.For == 0 {
		o.Looking.For = -1
	}
	if o.Generation, err = harness.WithPoints(); err != nil {
		return o, err
	}
	o.Generation.Bug = bug
	o.System, o.Needs = system, failure.Needs{System: system.Name(), Overlay: about.Overlay && bug != ""}
	return o, nil
}

// modelOptions refuses what says nothing of searches of the model.
func (c *fuzzCommand) modelOptions(cmd *cobra.Command) error {
	for _, flag := range []string{"system", "world", "bug", "random", "once", "explain", "ci"} {
		if cmd.Flags().Changed(flag) {
			return fmt.Errorf("--%s is of runs; expected none with --model", flag)
		}
	}
	return nil
}

func (c *fuzzCommand) run(cmd *cobra.Command, folder string) error {
	o, err := c.options(cmd, folder)
	if err != nil {
		return err
	}
	if err := c.ci.begin(folder, c.json, c.once); err != nil {
		return err
	}
	collectForFuzz(o.Workers)
	if c.once {
		return c.again(cmd, o)
	}
	panel := watch.NewPanel(cmd.ErrOrStderr(), time.Now)
	metrics := watch.NewMetrics()
	o.Status = func(s watch.Status) {
		metrics.Show(&s)
		panel.Show(&s)
	}
	o.Note = func(line string) { panel.Say(line) }
	end := func() error { return nil }
	if c.metrics != "" {
		if end, err = metrics.Begin(cmd.Context(), c.metrics); err != nil {
			return fmt.Errorf("--metrics: %w", err)
		}
	}
	s, err := fuzz.Run(cmd.Context(), o)
	panel.End()
	err = errors.Join(err, end())
	if s == nil {
		return err
	}
	switch {
	case c.json:
		err = errors.Join(err, writeJSON(cmd.OutOrStdout(), s))
	case o.Model:
		err = errors.Join(err, s.WriteText(cmd.OutOrStdout(), folder))
	default:
		err = errors.Join(err, c.ci.campaign(cmd.OutOrStdout(), folder, s, o.System.About()))
	}
	return ended(s.Verdict, err)
}

// again runs the corpus and the failures of a folder again.
func (c *fuzzCommand) again(cmd *cobra.Command, o fuzz.Options) error {
	progress := text.NewProgress(cmd.ErrOrStderr(), time.Now)
	r, err := fuzz.Once(cmd.Context(), fuzz.OnceOptions{System: o.System, Generation: o.Generation, Folder: o.Folder, Workers: o.Workers,
		Progress: func(made, of int) { progress.Show(fmt.Sprintf("once: %d of %d runs", made, of)) }})
	progress.End()
	if r == nil {
		return err
	}
	if c.json {
		err = errors.Join(err, writeJSON(cmd.OutOrStdout(), r))
	} else {
		err = errors.Join(err, c.ci.again(cmd.OutOrStdout(), o.Folder, r, o.System))
	}
	return ended(r.Verdict, err)
}
