package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness"
)

// newReplay returns firstgap replay.
func newReplay() *cobra.Command {
	var asJSON, events bool
	cmd := &cobra.Command{
		Use:   "replay FILE",
		Short: "run a recorded failure again, and see whether it is the same",
		Long: `replay runs a failure file (.fgt) again and compares the hash of all events, the verdict and every finding.
It exits with what the failure's verdict says when it went exactly as recorded, and with 2 when it did not.
` + exitCannotTells,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return replay(cmd, args[0], asJSON, events) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was compared as JSON")
	cmd.Flags().BoolVar(&events, "events", false, "print the events, one line each")
	return cmd
}

// replayed is what --json prints.
type replayed struct {
	File        string            `json:"file"`
	Same        bool              `json:"same"`
	Verdict     harness.Verdict   `json:"verdict"`
	Hash        string            `json:"hash"`
	Recorded    string            `json:"recorded"` // the hash in the file
	Findings    []harness.Finding `json:"findings"`
	Differences []string          `json:"differences"`
	First       int               `json:"first"` // number of the first event that differs, 0 when none does
	Expected    string            `json:"expected,omitempty"`
	Found       string            `json:"found,omitempty"`
}

func replay(cmd *cobra.Command, file string, asJSON, events bool) error {
	p, err := harness.ReplayFile(file)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	again := harness.NewFailure(&p.Again)
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		err = e.Encode(replayed{file, p.Same, p.Again.Verdict, again.Hash, p.Recorded.Hash, again.Findings, p.Differences, p.First, p.Expected, p.Found})
	} else {
		if events {
			for i, line := range again.Trail.Lines {
				fmt.Fprintf(out, "%7d %s\n", again.Trail.From+i, line)
			}
		}
		err = p.WriteText(out)
	}
	if err != nil {
		return err
	}
	if !p.Same {
		return outcome{code: exitCannotTell, message: file + ": the run is not the one that was recorded"}
	}
	if code := p.Again.Verdict.ExitCode(); code != exitPass {
		return outcome{code: code}
	}
	return nil
}
