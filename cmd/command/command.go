// Package command is the command firstgap as a library. Main makes it of the systems that a program knows, so that whoever has a
// system of their own has all of firstgap for it: campaigns, reports, failure files and their replay.
//
//	func main() { os.Exit(command.Main(mysystem.System())) }
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/older"
)

// Exit codes of every command. Nothing that ran out of time or budget, or ran zero cases, is a pass.
const (
	exitPass        = 0
	exitViolation   = 1
	exitCannotTell  = 2
	exitCannotTells = "exit codes: 0 pass, 1 violation, 2 could not tell"
)

// An outcome is how a command ends when it does not end with a pass. A command returns it as its error;
// any other error is bad input or a failure of the machine, and so exits with 2.
type outcome struct {
	code    int
	message string // printed to stderr when not empty
}

func (o outcome) Error() string { return o.message }

// Main runs the command with the arguments of the program and returns its exit code. The systems given are known beside our
// own; the first one given is what `run` runs when it is not told otherwise.
func Main(systems ...harness.System) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return run(ctx, append(systems, Systems()...), os.Args[1:], os.Stdout, os.Stderr)
}

// Systems are the systems that every firstgap knows: our own first, then the designs that came before it.
func Systems() []harness.System { return append([]harness.System{aurora.System()}, older.Systems()...) }

// run is the whole command behind Main, so that tests call it in process.
func run(ctx context.Context, systems []harness.System, args []string, stdout, stderr io.Writer) int {
	root := newRoot(systems)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitPass
	}
	var o outcome
	if errors.As(err, &o) {
		if o.message != "" {
			fmt.Fprintln(stderr, "firstgap: "+o.message)
		}
		return o.code
	}
	fmt.Fprintln(stderr, "firstgap: "+err.Error())
	return exitCannotTell
}

func newRoot(systems []harness.System) *cobra.Command {
	root := &cobra.Command{
		Use:           "firstgap",
		Short:         "does this replicated log keep every transaction that it acknowledged?",
		Long:          "firstgap holds a log-replicating storage system against a formal model of one.\n" + exitCannotTells,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(knownFlags)
	root.AddCommand(newCheck(), newLin(), newRun(systems), newReplay(systems), newCompare(), newRebuild(), newRestore())
	return root
}

// knownCommand refuses an unknown command by listing the known ones.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			known = append(known, c.Name())
		}
	}
	return fmt.Errorf("unknown command %q; known: %s", args[0], strings.Join(known, ", "))
}
