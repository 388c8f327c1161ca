package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/lines"
)

// A programKind is one kind of program that firstgap test runs. A failure of one is made again with the program that is given: the file
// has what it was for people, and nothing runs it by itself.
type programKind struct {
	prefix string // of the names of its systems
	// system makes the system again of what a failure needs, with a program.
	system func(failure.Needs, lines.Command) (harness.System, error)
}

func programKinds() []programKind { return []programKind{nodesKind(), maelstromKind(), labsKind()} }

// program splits the arguments of a command into those before -- and the program behind it, which is empty where there is none.
func program(cmd *cobra.Command, args []string) (before, program []string) {
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		return args[:at], args[at:]
	}
	return args, nil
}

// needsProgram refuses a command without a program.
func needsProgram(cmd *cobra.Command, args []string) error {
	before, program := program(cmd, args)
	if len(program) > 0 {
		return nil
	}
	return fmt.Errorf("expected a program and its arguments behind --, found none: %s -- COMMAND", strings.Join(append([]string{cmd.CommandPath()}, before...), " "))
}

// fileAndProgram takes one file, and behind -- a program.
func fileAndProgram(cmd *cobra.Command, args []string) error {
	before, _ := program(cmd, args)
	return oneFile(cmd, before)
}

// systemAgain returns the system that a failure needs: one that is known, or one of the program that is given.
func systemAgain(cmd *cobra.Command, file string, recorded *failure.Failure, known []harness.System, program []string) (harness.System, error) {
	for _, k := range programKinds() {
		if !strings.HasPrefix(recorded.Needs.System, k.prefix) {
			continue
		}
		if len(program) == 0 {
			s := fmt.Sprintf("%s: its nodes are a program, which is given again: %s %s -- COMMAND", file, cmd.CommandPath(), file)
			if len(recorded.Needs.Program) > 0 {
				s += "; recorded with " + failure.Quoted(recorded.Needs.Program)
			}
			return nil, fmt.Errorf("%s", s)
		}
		system, err := k.system(recorded.Needs, lines.Command{Args: program})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		known = []harness.System{system}
	}
	if len(program) > 0 && len(known) != 1 {
		return nil, fmt.Errorf("%s: its system %q takes no program; expected nothing behind --, found %s", file, recorded.Needs.System, failure.Quoted(program))
	}
	system, err := recorded.Needs.Met(known...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return system, nil
}
