package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/harness/verdict"
)

// faultsCommand is firstgap faults: its flags.
type faultsCommand struct {
	plans, runs int
	seed        uint64
	json        bool
}

func newFaults() *cobra.Command {
	c := faultsCommand{seed: 1}
	cmd := &cobra.Command{
		Use:   "faults",
		Short: "the faults that a plan can have, what they cost of the budget, and how often they meet in scenes",
		Long: `faults lists every kind of fault that the plan of a configuration can have: what it does, the fields that it needs and may have
beside kind and at, and how it counts against the fault budget. Within the budget a system has to go on; beyond it may stop,
and must never lie.

With --plans it makes so many plans for our own system, runs none of them, and lists the scenes, which are faults that are placed
together on purpose: in how many of the plans each one is. With --runs it makes as many runs of the first of these plans, and
says in how many of them a scene took effect. A scene that is in fewer plans than one of a hundred cannot tell (exit code 2).
` + exitCodes,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	f := cmd.Flags()
	f.BoolVar(&c.json, "json", false, "print the catalogue, or the table of scenes, as JSON")
	f.IntVar(&c.plans, "plans", 0, "how many plans to look for scenes in")
	f.IntVar(&c.runs, "runs", 0, "how many runs to make of the first of these plans")
	f.Uint64Var(&c.seed, "seed", c.seed, "of the first plan; the others follow")
	return cmd
}

func (c *faultsCommand) run(cmd *cobra.Command) error {
	f := cmd.Flags()
	switch {
	case !f.Changed("plans") && (f.Changed("runs") || f.Changed("seed")):
		return fmt.Errorf("--runs and --seed go with --plans")
	case f.Changed("plans") && c.plans < 1:
		return fmt.Errorf("--plans is %d; expected at least 1", c.plans)
	case c.runs < 0 || c.runs > c.plans:
		return fmt.Errorf("--runs is %d; expected 0 to %d, the number of plans", c.runs, c.plans)
	case c.plans == 0:
		return show(cmd.OutOrStdout(), catalogue(faults.Catalogue()), c.json)
	}
	planned, err := aurora.Plan(c.seed, c.plans)
	if err != nil {
		return err
	}
	passed := verdict.Pass
	if c.runs > 0 {
		collectForRuns(0)
		made, err := campaign.Run(cmd.Context(), campaign.Options{System: aurora.System(), Seed: c.seed, Runs: uint64(c.runs)})
		if err != nil {
			return err
		}
		planned.Ran(&made.Counts)
		passed = made.Verdict
	}
	return ended(passed, errors.Join(show(cmd.OutOrStdout(), planned, c.json), planned.Rare()))
}

// catalogue is what firstgap faults shows.
type catalogue []faults.Description

func (c catalogue) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(c, "", "  ")
	return append(b, '\n'), err
}

func (c catalogue) WriteText(w io.Writer) error {
	table := text.NewTable(text.Text("kind"), text.Text("what it does"), text.Text("needs"), text.Text("may have"), text.Text("counts as"))
	for _, d := range c {
		table.Row(string(d.Kind), d.What, strings.Join(d.Needs, ", "), strings.Join(d.May, ", "), string(d.Cost))
	}
	return table.Write(w)
}
