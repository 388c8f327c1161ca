package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/shrink"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/text"
)

// shrinkCommand is firstgap shrink: its flags.
type shrinkCommand struct {
	smaller
	json bool
}

// smaller is what a command asks for that makes a failure smaller: flags of several commands.
type smaller struct {
	out     string
	runs    int
	limit   time.Duration
	workers int
	systems []harness.System
}

func (s *smaller) flags(f *pflag.FlagSet, out string) {
	f.StringVar(&s.out, out, "", "the file of the smallest run (default: FILE with .small.fgt at its end)")
	f.IntVar(&s.runs, "runs", 0, "shrink with at most so many runs (default: no limit)")
	f.DurationVar(&s.limit, "for", time.Minute, "end after about this long")
	f.IntVar(&s.workers, "workers", 0, "how many run at a time (default: one on each core)")
}

func newShrink(systems []harness.System) *cobra.Command {
	c := shrinkCommand{smaller: smaller{systems: systems}}
	cmd := &cobra.Command{
		Use:   "shrink FILE [-- COMMAND]",
		Short: "make a recorded failure as small as it goes",
		Long: `shrink takes out of a failure file (.fgt) what the failure does not need: faults, transactions, requests, clients, nodes and
features. It makes delays and losses ordinary and the run shorter, and makes the run again at each step. A step is kept
where the run still fails by the same check and the same rule.

The smallest run is written to --out whenever it becomes smaller. Interrupted, or out of time, shrink keeps it; started again,
it goes on from there.

The exit code is 1 where a run that fails is there, and 2 where there is none or it cannot be kept.
` + exitCodes,
		Args: fileAndProgram,
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	f := cmd.Flags()
	c.flags(f, "out")
	f.BoolVar(&c.json, "json", false, "print what was done as JSON")
	return cmd
}

// shrunk is what --json prints.
type shrunk struct {
	File    string         `json:"file"`
	Out     string         `json:"out"`
	Target  failure.Target `json:"target"`
	Before  shrink.Size    `json:"before"`
	After   shrink.Size    `json:"after"`
	Runs    int            `json:"runs"`
	Seconds float64        `json:"seconds"`
	Minimal bool           `json:"minimal"`
	Ended   string         `json:"ended,omitempty"`
	Differs string         `json:"differs,omitempty"`
	Resumed bool           `json:"resumed,omitempty"`
}

// open refuses flags that make no sense, and reads a failure with its system.
func (s *smaller) open(cmd *cobra.Command, args []string) (*failure.Failure, harness.System, error) {
	before, program := program(cmd, args)
	file := before[0]
	switch {
	case s.runs < 0:
		return nil, nil, fmt.Errorf("--runs is %d; expected no negative number", s.runs)
	case cmd.Flags().Changed("runs") && s.runs == 0:
		return nil, nil, errors.New("--runs is 0; expected at least 1")
	case s.limit <= 0:
		return nil, nil, fmt.Errorf("--for is %v; expected more than 0s", s.limit)
	case s.workers < 0:
		return nil, nil, fmt.Errorf("--workers is %d; expected no negative number", s.workers)
	}
	recorded, err := failure.Read(file)
	if err != nil {
		return nil, nil, err
	}
	if s.out == "" {
		s.out = strings.TrimSuffix(file, ".fgt") + ".small.fgt"
	}
	system, err := systemAgain(cmd, file, recorded, s.systems, program)
	if err != nil {
		return nil, nil, err
	}
	if len(program) > 0 {
		recorded.Needs.Program = program // what is written from now on is of this one
	}
	return recorded, system, nil
}

// options are those of a search that keeps what it finds, and shows how far it is.
func (s *smaller) options(recorded *failure.Failure, keep *keeper, progress *text.Progress) (o shrink.Options, err error) {
	o = shrink.Options{Workers: s.workers, Runs: s.runs, Time: s.limit, Best: keep.best, Progress: func(p shrink.Progress) {
		progress.Show(fmt.Sprintf("%d runs, %.0fs so far: %d faults and %d transactions are left; now without %s", p.Runs, p.Elapsed.Seconds(), p.Size.Faults, p.Size.Transactions, p.Trying))
	}}
	o.From, err = s.before(recorded)
	return o, err
}

func (c *shrinkCommand) run(cmd *cobra.Command, args []string) error {
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
	o, err := c.options(recorded, &keep, progress)
	if err != nil {
		return err
	}
	r, err := shrink.Shrink(ctx, system, recorded, o)
	progress.End()
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := keep.last(r.Configuration); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if c.json {
		err = writeJSON(out, shrunk{file, c.out, r.Target, r.Before, r.After, r.Runs, r.Took.Seconds(), r.Minimal, r.Ended, r.Differs, r.Resumed})
	} else {
		err = c.write(text.On(out), r, recorded.Needs.Behind())
	}
	return ended(judge.Violation, err)
}

// before returns the smaller run of a search before, nil where there is none of the same failure.
func (c *smaller) before(recorded *failure.Failure) (*configuration.Configuration, error) {
	if _, err := os.Stat(c.out); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	small, err := failure.Read(c.out)
	if err != nil {
		return nil, fmt.Errorf("%w; name another file by --out, or remove this one", err)
	}
	target, fails := failure.TargetOf(recorded.Findings)
	if !fails || small.Needs.System != recorded.Needs.System || target.Among(small.Findings) == nil {
		return nil, fmt.Errorf("%s is of another failure; name another file by --out, or remove this one", c.out)
	}
	return &small.Configuration, nil
}

// write writes for people what became smaller.
func (c *shrinkCommand) write(out *text.Screen, r *shrink.Result, behind string) error {
	if r.Resumed {
		fmt.Fprintf(out, "went on from %s\n", c.out)
	}
	if r.Differs != "" {
		fmt.Fprintf(out, "not the run that was recorded, and fails by the same: %s\n", r.Differs)
	}
	fmt.Fprintf(out, "fails by %s\n\n", r.Target)
	t := text.NewTable(text.Text(""), text.Number("before"), text.Number("after"))
	t.Row("events", text.Count(r.Before.Events), text.Count(r.After.Events))
	for _, row := range shrink.Rows(r.Before, r.After) {
		t.Row(row.What, text.Count(row.Before), text.Count(row.After))
	}
	if err := t.Write(out); err != nil {
		return err
	}
	how := "minimal: no single fault, operation, transaction, client or node can go"
	if !r.Minimal {
		how = "not minimal: " + r.Ended + "; the same command goes on from here"
	}
	_, err := fmt.Fprintf(out, "\n%s\n%d runs, %.1fs\nfirstgap replay %s%s\n", how, r.Runs, r.Took.Seconds(), c.out, behind)
	return err
}

// A keeper writes the smallest run so far. A run is recorded to be written, so it is no oftener than every now and then.
type keeper struct {
	system harness.System
	target failure.Target
	needs  failure.Needs // of the failure that is made smaller
	file   string
	failed func() // called when it cannot be written
	err    error
	next   time.Time
}

func newKeeper(system harness.System, recorded *failure.Failure, file string, failed func()) keeper {
	target, _ := failure.TargetOf(recorded.Findings)
	return keeper{system: system, target: target, needs: recorded.Needs, file: file, failed: failed}
}

// keepEvery is how often the smallest run so far is written, at most.
const keepEvery = time.Second

func (k *keeper) best(r *shrink.Result) {
	if now := time.Now(); k.err == nil && !now.Before(k.next) {
		k.write(r.Configuration)
		k.next = time.Now().Add(keepEvery)
	}
}

// last writes the smallest run. Where that fails, the one that was written before stays.
func (k *keeper) last(c configuration.Configuration) error {
	if k.err == nil {
		k.write(c)
	}
	return k.err
}

func (k *keeper) write(c configuration.Configuration) {
	made := failure.Made(k.system, c, k.target)
	made.Needs.Program, made.Needs.Flags = k.needs.Program, k.needs.Flags
	if err := made.Write(k.file); err != nil {
		k.err = fmt.Errorf("the smallest run cannot be kept: %w", err)
		k.failed()
	}
}
