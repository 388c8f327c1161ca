package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/runtime"
)

// newTest returns firstgap test: a command for each kind of program that can be held against the checks.
func newTest() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test",
		Short: "hold programs that read lines and write lines against every check, in any language",
		Long: `test runs a program, given behind --, as the nodes of a system: the network, the clock and the disks are simulated, faults strike, and
what clients saw is judged. The program reads a line for each event, and answers with lines.
` + exitCodes,
		RunE: needsCommand,
	}
	cmd.AddCommand(newTestMaelstrom(), newTestNodes())
	return cmd
}

// defaultTests is how many runs a test makes that is not told: each starts programs, and so takes longer than one in this process.
const defaultTests = 200

// test makes runs of a system whose nodes are a program, without points to crash at: those are in the code of nodes in this process. The
// flags are those that the system was made by.
func (c *campaignFlags) test(cmd *cobra.Command, system harness.System, program, flags []string) error {
	job, err := c.job(cmd, system, harness.Generation{})
	if err != nil {
		return err
	}
	if err := lives(system, job.Runs); err != nil {
		return err
	}
	return c.campaign(cmd, job, func(n *failure.Needs) { n.Program, n.Flags = program, flags })
}

// lives refuses a program that ends before any client has asked for something: it is not that program which is tested, but how it was
// started, and every run would say the same.
func lives(system harness.System, o campaign.Options) error {
	c, err := system.Generate(o.Seed, o.Generation)
	if err != nil {
		return err
	}
	r := harness.Run(system, c)
	for _, f := range r.Findings {
		if f.Rule == string(runtime.LivesOn) && r.Counts.World.Requests == 0 {
			return fmt.Errorf("the program does not live to the first request, so that nothing can be tested: %s", f.Sentence())
		}
	}
	return nil
}
