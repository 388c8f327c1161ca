package command

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/clients"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/text"
)

// newProtocol returns firstgap protocol.
func newProtocol() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "protocol",
		Short: "check whether a program keeps to firstgap's protocol of lines; print its schema; begin with an example",
		Long:  "protocol is about the lines that programs speak as nodes (docs/protocol.md in the source).\n" + exitCodes,
		RunE:  needsCommand,
	}
	cmd.AddCommand(newProtocolCheck(), newProtocolExample(), newProtocolSchema())
	return cmd
}

func newProtocolCheck() *cobra.Command {
	var n nodesFlags
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	n.flags(own)
	cmd := &cobra.Command{
		Use:   "check [flags] -- COMMAND",
		Short: "say in a sentence where a program does not keep to the protocol",
		Long: `check starts a program, says hello, starts it as a node, asks it what is easy to get wrong (numbers above 2^53, bytes that are no text,
a message that comes twice, a restart on its disk), and makes a run without faults. It says in one sentence what is wrong, with
the line: a missing or unknown field, an unknown message, broken JSON, a line that is late, too long, without an end, one too many, or
before hello, a program that ends.

Whether the system keeps its promise when something goes wrong is for firstgap test nodes to say.
` + exitCodes,
		Args: needsProgram,
		RunE: func(cmd *cobra.Command, args []string) error {
			before, program := program(cmd, args)
			if err := noArguments(cmd, before); err != nil {
				return err
			}
			command := lines.Command{Args: program}
			o, err := n.checked(&command)
			if err != nil {
				return err
			}
			steps, err := protocol.Check(protocol.Role(n.role), protocol.Program{Command: command}, o)
			if err != nil {
				return fmt.Errorf("--role: %w", err)
			}
			return checked(text.On(cmd.OutOrStdout()), steps)
		},
	}
	cmd.Flags().AddFlagSet(own)
	return cmd
}

// checked writes what was looked at, and ends as the last step did.
func checked(out *text.Screen, steps []protocol.Step) error {
	v := judge.CouldNotTell
	for _, s := range steps {
		v = s.Verdict
		line := fmt.Sprintf("%-16s%s", v, s.What)
		if s.Found != "" {
			line += ": " + s.Found
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
		const most = 20
		for _, l := range s.Lead[max(0, len(s.Lead)-most):] {
			fmt.Fprintf(out, "%-16s%s\n", "", l)
		}
	}
	return ended(v, nil)
}

func newProtocolSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "print the JSON Schema (2020-12) of every line of the protocol and every frame of the wire",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e := json.NewEncoder(cmd.OutOrStdout())
			e.SetIndent("", "  ")
			return e.Encode(protocol.Schema())
		},
	}
}

func newProtocolExample() *cobra.Command {
	return &cobra.Command{
		Use:   "example LANGUAGE DIR",
		Short: "write a node to begin with, a replicated register, and the client library beside it",
		Long: `example writes a folder with a replicated register that keeps what it acknowledges, as firstgap test nodes shows, the client library that it
uses, and a file that says how it is built and run.

languages: ` + languageNames() + "\n" + exitCodes,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return fmt.Errorf("expected LANGUAGE and DIR, found %d arguments; languages: %s", len(args), languageNames())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			l := clients.Language(args[0])
			register, err := l.Register()
			if err != nil {
				return err
			}
			folder, err := l.Folder(register)
			if err != nil {
				return err
			}
			return handOut(cmd, args[1], folder)
		},
	}
}
