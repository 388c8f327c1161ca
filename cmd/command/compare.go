package command

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness/compare"
)

// compareCommand is firstgap compare: its flags.
type compareCommand struct {
	options compare.Options
	html    string
	json    bool
}

func newCompare() *cobra.Command {
	c := compareCommand{options: compare.DefaultOptions()}
	cmd := &cobra.Command{
		Use:   "compare",
		Short: "run the designs before Aurora beside it: what each takes, and what each survives",
		Long: `compare runs one write-only and one mixed workload on a database with a local disk, with snapshots, on a replicated disk,
mirrored, on a quorum of registers, and on Aurora with and without pages and with four and six copies, in the simulator.
It lets each design fail in five ways, and counts by reading everything afterwards what was acknowledged and is lost. A
difference that does not point where the sources give a reason for is a violation, and so is a step of a
database or of a register that its model does not allow. Of registers whose quorums need not overlap (--quorum 3/1/1) the
model has to object: then it is a violation if it does not.
` + exitCodes,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	f := cmd.Flags()
	f.Uint64Var(&c.options.Seed, "seed", c.options.Seed, "of all randomness")
	f.IntVar(&c.options.Clients, "clients", c.options.Clients, "how many work at a time")
	f.IntVar(&c.options.Transactions, "transactions", c.options.Transactions, "of each client, in each measurement")
	f.Var(&c.options.Register, "quorum", "replicas, answers of a read and of a write, of the versioned register")
	f.BoolVar(&c.options.Register.ReadRepair, "read-repair", true, "whether its reads give what they found to a write quorum")
	f.StringVar(&c.html, "html", "", "draw the report as a page in this file")
	f.BoolVar(&c.json, "json", false, "print the report as JSON")
	return cmd
}

func (c *compareCommand) run(cmd *cobra.Command) error {
	if err := c.options.Validate(); err != nil {
		return fmt.Errorf("--%w", err)
	}
	var drawn *os.File
	if c.html != "" {
		// Before the designs run, which takes long.
		file, err := os.Create(c.html)
		if err != nil {
			return fmt.Errorf("--html: %w", err)
		}
		defer file.Close()
		drawn = file
	}
	r, err := compare.Run(cmd.Context(), c.options)
	if err != nil {
		return err
	}
	err = show(cmd.OutOrStdout(), r, c.json)
	if drawn != nil {
		err = errors.Join(err, r.WriteHTML(drawn), drawn.Close())
	}
	return ended(r.Verdict(), err)
}
