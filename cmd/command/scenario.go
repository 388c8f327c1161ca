package command

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/scenario"
)

// newScenario returns firstgap scenario.
func newScenario(systems []harness.System) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "scenario FILE",
		Short: "play a schedule that was written down, and hold every step against the model",
		Long: `scenario plays a file of commands, and below each what it shows (package harness/scenario has all of them). It ends with a violation
where the model refuses a step, two copies of a page differ, or a command shows something else than the file says; with could not tell
where the file cannot be played.
` + exitCodes,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			system, err := systemOf(systems, name)
			if err != nil {
				return err
			}
			of, is := aurora.Implements(system)
			if !is {
				return fmt.Errorf("--system %s: expected a system whose nodes are those of a volume, such as %s, found another", name, aurora.Name)
			}
			return playScenario(cmd.OutOrStdout(), of, args[0])
		},
	}
	cmd.Flags().StringVar(&name, "system", aurora.Name, "the system whose nodes play")
	return cmd
}

func playScenario(out io.Writer, of aurora.Implementation, file string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	steps, err := scenario.Read(file, in)
	if err != nil {
		return err
	}
	e := scenario.New(of)
	defer e.Close()
	differences, err := e.Play(steps)
	for i := range differences {
		fmt.Fprint(out, differences[i].String())
	}
	var refused *conform.Violation
	var pages *scenario.PageError
	switch {
	case errors.As(err, &refused):
		fmt.Fprintf(out, "violation: %v\n%s", err, refused.Explain())
		return ended(judge.Violation, nil)
	case errors.As(err, &pages):
		fmt.Fprintf(out, "violation: %v\n", err)
		return ended(judge.Violation, nil)
	case err != nil:
		return err
	case len(differences) > 0:
		fmt.Fprintf(out, "violation: %d of %d commands show something else\n", len(differences), len(steps))
		return ended(judge.Violation, nil)
	}
	fmt.Fprintf(out, "pass: %d commands, and every step is one of the model\n", len(steps))
	return nil
}
