package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/shrink"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/text"
)

// shrinkCommand is firstgap shrink: its flags.
type shrinkCommand struct {
	out     string
	runs    int
	limit   time.Duration
	workers int
	json    bool
	systems []harness.System
}

func newShrink(systems []harness.System) *cobra.Command {
	c := shrinkCommand{systems: systems}
	cmd := &cobra.Command{
		Use:   "shrink FILE",
		Short: "make a recorded failure as small as it goes",
		Long: `shrink takes out of a failure file (.fgt) what the failure does not need: faults, transactions, requests, clients, nodes and
features. It makes delays and losses ordinary and the run shorter, and makes the run again at each step. A step is kept
where the run still fails by the same check and the same rule.

The smallest run is written to --out whenever it becomes smaller. Interrupted, or out of time, shrink keeps it; started again,
it goes on from there.

The exit code is 1 where a run that fails is there, and 2 where there is none or it cannot be kept.
` + exitCodes,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&c.out, "out", "", "the file of the smallest run (default: FILE with .small.fgt at its end)")
	f.IntVar(&c.runs, "runs", 0, "end after so many runs (default: no limit)")
	f.DurationVar(&c.limit, "for", time.Minute, "end after this long")
	f.IntVar(&c.workers, "workers", 0, "how many run at a time (default: one on each core)")
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

func (c *shrinkCommand) run(cmd *cobra.Command, file string) error {
	switch {
	case c.runs < 0:
		return fmt.Errorf("--runs is %d; expected no negative number", c.runs)
	case cmd.Flags().Changed("runs") && c.runs == 0:
		return errors.New("--runs is 0; expected at least 1")
	case c.limit <= 0:
		return fmt.Errorf("--for is %v; expected more than 0s", c.limit)
	case c.workers < 0:
		return fmt.Errorf("--workers is %d; expected no negative number", c.workers)
	}
	recorded, err := failure.Read(file)
	if err != nil {
		return err
	}
	system, err := systemOf(c.systems, recorded.Needs.System)
	if err != nil {
		var known []string
		for _, s := range c.systems {
			known = append(known, s.Name())
		}
		return fmt.Errorf("%s: %w", file, &failure.NeedError{Expected: fmt.Sprintf("the system %q", recorded.Needs.System), Found: known})
	}
	if c.out == "" {
		c.out = strings.TrimSuffix(file, ".fgt") + ".small.fgt"
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	progress := text.NewProgress(cmd.ErrOrStderr(), time.Now)
	keep := keeper{system: system, file: c.out, failed: cancel}
	o := shrink.Options{Workers: c.workers, Runs: c.runs, Time: c.limit, Best: keep.best, Progress: func(p shrink.Progress) {
		progress.Show(fmt.Sprintf("%d runs, %.0fs so far: %d faults and %d transactions are left; now without %s", p.Runs, p.Elapsed.Seconds(), p.Size.Faults, p.Size.Transactions, p.Trying))
	}}
	if o.From, err = c.before(recorded); err != nil {
		return err
	}
	r, err := shrink.Shrink(ctx, system, recorded, o)
	progress.End()
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := keep.last(r); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if c.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		err = e.Encode(shrunk{file, c.out, r.Target, r.Before, r.After, r.Runs, r.Took.Seconds(), r.Minimal, r.Ended, r.Differs, r.Resumed})
	} else {
		err = c.write(text.On(out), r)
	}
	return ended(judge.Violation, err)
}

// before returns the smaller run of a search before, nil where there is none of the same failure.
func (c *shrinkCommand) before(recorded *failure.Failure) (*configuration.Configuration, error) {
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
func (c *shrinkCommand) write(out *text.Screen, r *shrink.Result) error {
	if r.Resumed {
		fmt.Fprintf(out, "went on from %s\n", c.out)
	}
	if r.Differs != "" {
		fmt.Fprintf(out, "not the run that was recorded, and fails by the same: %s\n", r.Differs)
	}
	fmt.Fprintf(out, "fails by %s\n\n", r.Target)
	t := text.NewTable(text.Text(""), text.Number("before"), text.Number("after"))
	b, a := r.Before, r.After
	for _, row := range []struct {
		name          string
		before, after uint64
	}{{"events", b.Events, a.Events}, {"faults", uint64(b.Faults), uint64(a.Faults)}, {"transactions", uint64(b.Transactions), uint64(a.Transactions)},
		{"operations", uint64(b.Operations), uint64(a.Operations)}, {"clients", uint64(b.Clients), uint64(a.Clients)}, {"nodes", uint64(b.Nodes), uint64(a.Nodes)}} {
		t.Row(row.name, text.Count(row.before), text.Count(row.after))
	}
	if err := t.Write(out); err != nil {
		return err
	}
	how := "minimal: no single fault, operation, transaction, client or node can go"
	if !r.Minimal {
		how = "not minimal: " + r.Ended + "; the same command goes on from here"
	}
	_, err := fmt.Fprintf(out, "\n%s\n%d runs, %.1fs\nfirstgap replay %s\n", how, r.Runs, r.Took.Seconds(), c.out)
	return err
}

// A keeper writes the smallest run so far. A run is recorded to be written, so it is no oftener than every now and then.
type keeper struct {
	system harness.System
	file   string
	failed func() // called when it cannot be written
	err    error
	next   time.Time
}

// keepEvery is how often the smallest run so far is written, at most.
const keepEvery = time.Second

func (k *keeper) best(r *shrink.Result) {
	if now := time.Now(); k.err == nil && !now.Before(k.next) {
		k.write(r)
		k.next = time.Now().Add(keepEvery)
	}
}

// last writes the smallest run. Where that fails, the one that was written before stays.
func (k *keeper) last(r *shrink.Result) error {
	if k.err == nil {
		k.write(r)
	}
	return k.err
}

func (k *keeper) write(r *shrink.Result) {
	result, trail := failure.Record(k.system, r.Configuration)
	if err := failure.Of(&result, trail).Write(k.file); err != nil {
		k.err = fmt.Errorf("the smallest run cannot be kept: %w", err)
		k.failed()
	}
}
