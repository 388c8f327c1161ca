package command

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness/lines/protocol"
)

// newNode returns firstgap node.
func newNode() *cobra.Command {
	return &cobra.Command{
		Use:   "node ROLE",
		Short: "be one of our own nodes, over lines",
		Long: `node is a program in firstgap's protocol of lines (docs/protocol.md in the source): our own segment, writer, reader or register. It is there to be
compared with: firstgap test nodes --role segment -- firstgap node segment makes the runs that our segments make in this
process, event by event.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("expected one ROLE, found %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			maker, err := protocol.Ours(protocol.Role(args[0]))
			if err != nil {
				return err
			}
			collectLess()
			runtime.GOMAXPROCS(1) // it does one thing at a time, and other threads would only wake up for each line
			return protocol.Serve(maker, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}
