package command

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/text"
)

// newReplay returns firstgap replay.
func newReplay(systems []harness.System) *cobra.Command {
	var asJSON, events bool
	cmd := &cobra.Command{
		Use:   "replay FILE [-- COMMAND]",
		Short: "run a recorded failure again, and see whether it is the same",
		Long: `replay runs a failure file (.fgt) again and compares the hash of all events, the verdict and every finding. It answers
  reproduced       the run went exactly as recorded (exits with what its verdict says)
  no longer fails  the run passes now (exits with 0)
  differs          the run fails, but is another one: the first event that differs is named (exits with 2)
` + exitCodes,
		Args: fileAndProgram,
		RunE: func(cmd *cobra.Command, args []string) error { return replay(cmd, systems, args, asJSON, events) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was compared as JSON")
	cmd.Flags().BoolVar(&events, "events", false, "print the events, one line each")
	return cmd
}

// replayed is what --json prints.
type replayed struct {
	File        string          `json:"file"`
	Answer      failure.Answer  `json:"answer"`
	Verdict     judge.Verdict   `json:"verdict"`
	Hash        string          `json:"hash"`
	Recorded    string          `json:"recorded"` // the hash in the file
	Findings    []judge.Finding `json:"findings"`
	Differences []string        `json:"differences"`
	First       int             `json:"first"` // number of the first event that differs, 0 when none does
	Expected    string          `json:"expected,omitempty"`
	Found       string          `json:"found,omitempty"`
}

func replay(cmd *cobra.Command, systems []harness.System, args []string, asJSON, events bool) error {
	before, program := program(cmd, args)
	file := before[0]
	recorded, err := failure.Read(file)
	if err != nil {
		return err
	}
	system, err := systemAgain(cmd, file, recorded, systems, program)
	if err != nil {
		return err
	}
	p, err := failure.Again(recorded, []harness.System{system})
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	out := cmd.OutOrStdout()
	if asJSON {
		again := failure.Of(&p.Again, p.Trail)
		err = writeJSON(out, replayed{file, p.Answer, p.Again.Verdict, again.Hash, p.Recorded.Hash, again.Findings, p.Differences, p.First, p.Expected, p.Found})
	} else {
		if events && p.Trail != nil {
			for i, line := range p.Trail.Lines() {
				fmt.Fprintf(out, "%7d %s\n", p.Trail.From+i, line)
			}
		}
		err = text.On(out).Folded(p.WriteText)
	}
	if err != nil {
		return err
	}
	if p.Answer == failure.Differs {
		return errors.New(file + ": the run is not the one that was recorded")
	}
	return ended(p.Verdict(), nil)
}
