package command

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/campaign/coverage"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure"
)

// A run without --runs and --for makes as many of defaultRuns as fit into defaultTime.
const (
	defaultRuns = 10_000
	defaultTime = 50 * time.Second
)

// runCommand is firstgap run: its flags.
type runCommand struct {
	campaignFlags
	backup  string
	model   bool
	system  string
	file    string // of a configuration
	systems []harness.System
}

func newRun(systems []harness.System) *cobra.Command {
	c := runCommand{systems: systems}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "make thousands of simulated runs of a system, and hold each against every check",
		Long: fmt.Sprintf(`run makes simulated runs of a system, with crashes, partitions and take-overs, each held against every check that can be
made of it. Without any flag it first searches every world of the model of our own system, and every broken variant
of it; with --runs, --for or --configuration it does so when --model is given.

Without --runs and --for it makes %d runs, or as many as fit into %v with the model's part. A number of
runs that was asked for and did not fit into --for is an answer that could not be given.

systems: %s
%s`, defaultRuns, defaultTime, described(systems), exitCodes),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	f := cmd.Flags()
	c.flags(f, defaultRuns)
	f.Lookup("for").Usage += ", the model included"
	f.BoolVar(&c.model, "model", false, "check the model of our own system before the runs")
	f.StringVar(&c.system, "system", systems[0].Name(), "the system to run")
	f.StringVar(&c.file, "configuration", "", "make the one run of this file (- is standard input)")
	f.StringVar(&c.backup, "backup", "", "make the one run of --seed, and copy what it backed up to this folder (see firstgap restore)")
	return cmd
}

// job says what the flags ask for.
func (c *runCommand) job(cmd *cobra.Command) (campaign.Job, error) {
	system, err := systemOf(c.systems, c.system)
	if err != nil {
		return campaign.Job{}, err
	}
	generation, err := harness.WithPoints()
	if err != nil {
		return campaign.Job{}, err
	}
	j, err := c.campaignFlags.job(cmd, system, generation)
	if err != nil {
		return j, err
	}
	j.Model.Workers = c.workers
	// Worlds that are enumerated within a tenth of a second: firstgap fuzz measures by larger ones, too.
	if system.About().Volume {
		ctx := context.WithoutCancel(cmd.Context()) // an interrupted run still says what it found
		if j.Runs.Coverage, err = coverage.Enumerate(ctx, coverage.Small()...); err != nil {
			return campaign.Job{}, err
		}
	}
	runs, limit := cmd.Flags().Changed("runs"), cmd.Flags().Changed("for")
	// The model does not change between two small runs: it is checked when it is asked for, and by the main job.
	j.NoModel = !c.model && (runs || limit || c.file != "" || c.bug != "" || system.Name() != aurora.Name)
	if c.file != "" {
		if j.Runs.Given, err = c.configuration(cmd); err != nil {
			return campaign.Job{}, err
		}
		if j.Runs.System, err = systemOf(c.systems, j.Runs.Given.System); err != nil {
			return campaign.Job{}, fmt.Errorf("%s: %w", c.file, err)
		}
		if err := harness.Validate(j.Runs.System, j.Runs.Given); err != nil {
			return campaign.Job{}, fmt.Errorf("%s: %w", c.file, err)
		}
		j.For, j.Runs.Runs, j.Runs.AtMost = c.limit, c.runs, false // there is one run
	}
	return j, nil
}

func (c *runCommand) run(cmd *cobra.Command) error {
	if cmd.Flags().Changed("backup") {
		return c.backUp(cmd)
	}
	job, err := c.job(cmd)
	if err != nil {
		return err
	}
	return c.campaign(cmd, job, func(*failure.Needs) {})
}

// configuration reads the file that --configuration names.
func (c *runCommand) configuration(cmd *cobra.Command) (*configuration.Configuration, error) {
	in := cmd.InOrStdin()
	if c.file != "-" {
		file, err := os.Open(c.file)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	read, err := configuration.Read(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.file, err)
	}
	return &read, nil
}

// systemOf returns the system of a name.
func systemOf(systems []harness.System, name string) (harness.System, error) {
	var known []string
	for _, s := range systems {
		if s.Name() == name {
			return s, nil
		}
		known = append(known, s.Name())
	}
	return nil, &faults.UnknownError{What: "system", Found: name, Known: known}
}

// described lists systems for a help text.
func described(systems []harness.System) string {
	widest := 0
	for _, s := range systems {
		widest = max(widest, len(s.Name()))
	}
	var b strings.Builder
	for _, s := range systems {
		fmt.Fprintf(&b, "\n  %-*s  %s", widest, s.Name(), s.About().What)
	}
	return b.String()
}
