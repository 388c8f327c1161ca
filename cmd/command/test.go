package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness"
)

// newTest returns firstgap test: a command for each kind of program that can be held against the checks.
func newTest() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test",
		Short: "hold programs that read lines and write lines against every check, in any language",
		Long: `test runs a program, given behind --, as the nodes of a system: the network, the clock and the disks are simulated, faults strike, and
what clients saw is judged. The program reads a line for each event, and answers with lines.
` + exitCodes,
		RunE: func(cmd *cobra.Command, args []string) error {
			known := strings.Join(commandsOf(cmd), ", ")
			if len(args) > 0 {
				return fmt.Errorf("unknown kind of program %q; known: %s", args[0], known)
			}
			return fmt.Errorf("expected a kind of program, found none; known: %s", known)
		},
	}
	cmd.AddCommand(newTestMaelstrom())
	return cmd // firstgap test nodes has its file, too
}

// defaultTests is how many runs a test makes that is not told: each starts programs, and so takes longer than one in this process.
const defaultTests = 200

// test makes runs of a system without points to crash at: those are in the code of nodes in this process.
func (c *campaignFlags) test(cmd *cobra.Command, system harness.System) error {
	job, err := c.job(cmd, system, harness.Generation{})
	if err != nil {
		return err
	}
	return c.campaign(cmd, job)
}

// program splits the arguments of a command into those before -- and the program behind it.
func program(cmd *cobra.Command, args []string) (before, program []string, err error) {
	at := cmd.ArgsLenAtDash()
	if at < 0 || at == len(args) {
		return args, nil, fmt.Errorf("expected -- and a program with its arguments, found none: %s -- COMMAND", strings.Join(append([]string{cmd.CommandPath()}, args...), " "))
	}
	return args[:at], args[at:], nil
}
