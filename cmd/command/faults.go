package command

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/text"
)

func newFaults() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "faults",
		Short: "the faults that a plan can have, their fields and what they cost of the budget",
		Long: `faults lists every kind of fault that the plan of a configuration can have: what it does, the fields that it needs and may have
beside kind and at, and how it counts against the fault budget. Within the budget a system has to go on; beyond it may stop,
and must never lie.
`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(cmd.OutOrStdout(), catalogue(faults.Catalogue()), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the catalogue as JSON")
	return cmd
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
