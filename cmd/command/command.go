// Package command is the command firstgap as a library. Main makes it of the systems that a program knows, so that the author of
// a system has all of firstgap for it: campaigns, reports, failure files and their replay.
//
//	func main() { os.Exit(command.Main(mysystem.System())) }
//
// Use package harness/harnesstest instead when a Go programmer wants the runs in go test, and package harness when a
// program looks at one run by itself.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/older"
	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/harness/verdict"
)

// exitCodes ends the help of every command. Nothing that ran out of time or budget, or ran zero cases, is a pass.
const exitCodes = "exit codes: 0 pass, 1 violation, 2 could not tell"

// An outcome is how a command ends when it does not end with a pass. A command returns it as its error;
// any other error is bad input or a failure of the machine, and so could not tell.
type outcome struct {
	verdict verdict.Verdict
	message string // printed to stderr when not empty
}

func (o outcome) Error() string { return o.message }

// ended returns how a command ends with a verdict, and with what went wrong besides, nil when nothing did. A violation is
// one even then. What went wrong makes a pass no pass.
func ended(v verdict.Verdict, err error) error {
	switch {
	case err == nil && v == verdict.Pass:
		return nil
	case err == nil:
		return outcome{verdict: v}
	case v == verdict.Violation:
		return outcome{v, err.Error()}
	}
	return err
}

// Main runs the command with the arguments of the program and returns its exit code. The systems given are known beside our
// own; the first one given is what `run` runs when it is not told otherwise.
func Main(systems ...harness.System) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once: what is kept by then is kept whole
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
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return verdict.Pass.ExitCode()
	}
	var o outcome
	if !errors.As(err, &o) {
		o = outcome{verdict.CouldNotTell, err.Error()}
	}
	if o.message != "" {
		fmt.Fprintf(stderr, "%s: %s\n", cmd.CommandPath(), ofPackage.ReplaceAllString(o.message, ""))
	}
	return o.verdict.ExitCode()
}

// ofPackage is the name of one of our packages at the front of an error. It tells a Go programmer where the error is from;
// at the command line the command stands there.
var ofPackage = regexp.MustCompile(`^((backup|boundary|bucket|campaign|check|compare|coverage|exhaustive|failure|faults|fleet|fuzz|guide|harness|judge|linearizability|page|rebuild|scenario|sim|trace|transitions|volume|where|workload): )+`)

func newRoot(systems []harness.System) *cobra.Command {
	version := false
	root := &cobra.Command{
		Use:           "firstgap",
		Short:         "does this replicated log keep every transaction that it acknowledged?",
		Long:          "firstgap holds a log-replicating storage system against a formal model of one.\n" + exitCodes,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				return writeVersion(cmd.OutOrStdout(), failure.ThisBuild())
			}
			return fmt.Errorf("expected a command, found none; known: %s; --help says more", strings.Join(commandsOf(cmd), ", "))
		},
	}
	root.Flags().BoolVar(&version, "version", false, "say which build this is")
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newCheck(), newLin(), newRun(systems), newTest(), newNode(), newProtocol(), newReplay(systems), newShrink(systems), newWhy(systems), newScenario(systems), newCompare(), newRebuild(), newRestore(), newFaults(), newBoundary(), newCrashes(), newTransitions(), newTrace(), newGrade(), newFuzz(systems), newServe(), newWorker(systems), newCorpus())
	return root
}

// knownCommand refuses an unknown command by listing the known ones.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("unknown command %q; known: %s", args[0], strings.Join(commandsOf(cmd), ", "))
}

// needsCommand is what a command does that has others below it and nothing of its own: it says which there are.
func needsCommand(cmd *cobra.Command, args []string) error {
	if err := knownCommand(cmd, args); err != nil {
		return err
	}
	return fmt.Errorf("expected a command, found none; known: %s", strings.Join(commandsOf(cmd), ", "))
}

func commandsOf(cmd *cobra.Command) []string {
	var known []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			known = append(known, c.Name())
		}
	}
	return known
}

// writeVersion says which build this is.
func writeVersion(w io.Writer, b failure.Build) error {
	revision, points := b.Revision, "not built in"
	switch {
	case revision == "":
		revision = "unknown"
	case b.Modified:
		revision += ", modified"
	}
	if b.Overlay {
		points = "built in"
	}
	t := text.NewTable(text.Text(""), text.Text(""))
	for _, row := range [][2]string{{"firstgap", b.Version}, {"module", b.Module}, {"revision", revision}, {"go", b.Go}, {"platform", b.Platform}, {"failpoints", points}} {
		t.Row(row[0], row[1])
	}
	return t.Write(w)
}
