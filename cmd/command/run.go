package command

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/failure/page"
	"github.com/firstgap/firstgap/harness/report"
	"github.com/firstgap/firstgap/harness/text"
)

// A run without --runs and --for makes as many of defaultRuns as fit into defaultTime.
const (
	defaultRuns = 10_000
	defaultTime = 50 * time.Second
)

// runCommand is firstgap run: its flags.
type runCommand struct {
	seed    uint64
	runs    uint64
	limit   time.Duration
	out     string
	workers int
	json    bool
	backup  string
	model   bool
	system  string
	bug     string
	file    string // of a configuration
	explain time.Duration
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
	f.Uint64Var(&c.seed, "seed", 1, "of the first run; the others follow")
	f.Uint64Var(&c.runs, "runs", defaultRuns, "how many simulated runs")
	f.DurationVar(&c.limit, "for", defaultTime, "end after this long, the model included")
	f.StringVar(&c.out, "out", "firstgap-report", "folder for report.json, junit.xml, report.sarif, summary.md, a file for each failure, and a page for each that was explained")
	f.IntVar(&c.workers, "workers", 0, "how many run at a time (default: one on each core)")
	f.BoolVar(&c.json, "json", false, "print the report as JSON")
	f.BoolVar(&c.model, "model", false, "check the model of our own system before the runs")
	f.StringVar(&c.system, "system", systems[0].Name(), "the system to run")
	f.StringVar(&c.bug, "bug", "", "the planted bug of every run")
	f.StringVar(&c.file, "configuration", "", "make the one run of this file (- is standard input)")
	f.DurationVar(&c.explain, "explain", 15*time.Second, fmt.Sprintf("explain the first failure of each check, rule, kind and verdict, %d at most, for so long each; 0 is not at all", campaign.DefaultExplained))
	f.StringVar(&c.backup, "backup", "", "make the one run of --seed, and copy what it backed up to this folder (see firstgap restore)")
	return cmd
}

// job says what the flags ask for.
func (c *runCommand) job(cmd *cobra.Command) (campaign.Job, error) {
	runs, limit := cmd.Flags().Changed("runs"), cmd.Flags().Changed("for")
	switch {
	case runs && c.runs == 0:
		return campaign.Job{}, fmt.Errorf("--runs is 0; expected at least 1")
	case c.limit <= 0:
		return campaign.Job{}, fmt.Errorf("--for is %v; expected more than 0s", c.limit)
	case c.explain < 0:
		return campaign.Job{}, fmt.Errorf("--explain is %v; expected no negative time", c.explain)
	case c.workers < 0:
		return campaign.Job{}, fmt.Errorf("--workers is %d; expected no negative number", c.workers)
	}
	system, err := systemOf(c.systems, c.system)
	if err != nil {
		return campaign.Job{}, err
	}
	generation, err := harness.WithPoints()
	if err != nil {
		return campaign.Job{}, err
	}
	generation.Bug = c.bug
	about := system.About()
	if err := about.Knows(c.bug); err != nil {
		return campaign.Job{}, err
	}
	if c.bug != "" && about.Overlay && !harness.HasPoints() {
		return campaign.Job{}, fmt.Errorf("--bug %s: %w", c.bug, faults.ErrNoOverlay)
	}
	j := campaign.Job{For: c.limit, Runs: campaign.Options{System: system, Generation: generation, Seed: c.seed, Runs: c.runs, Workers: c.workers, Explain: campaign.Explaining{For: c.explain}},
		Model: campaign.ModelOptions{Workers: c.workers}}
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
	}
	switch {
	case c.file != "":
	case runs && !limit:
		j.For = 0
	case !runs && limit:
		j.Runs.Runs = 0
	case !runs && !limit:
		j.Runs.AtMost = true
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
	folder, err := report.Open(c.out)
	if err != nil {
		return err
	}
	if err := folder.Begin(); err != nil {
		return err
	}
	job.Runs.Failed = folder.Failed
	progress := text.NewProgress(cmd.ErrOrStderr(), time.Now)
	job.Model.Progress, job.Runs.Progress = showModel(progress), showRuns(progress)
	job.Runs.Explain.Progress = func(seed uint64, made int) {
		progress.Show(fmt.Sprintf("why: explaining seed %d, for %v at most; %d explained", seed, c.explain, made))
	}
	if job.NoModel {
		collectForRuns(c.workers)
	} else {
		collectLess()
	}
	start := time.Now()
	model, runs, err := job.Do(cmd.Context())
	progress.End()
	err = errors.Join(err, draw(folder, job.Runs.System, runs))
	r := report.New(model, runs, job.NoModel, time.Since(start))
	err = errors.Join(err, folder.Write(r))
	if file := os.Getenv("GITHUB_STEP_SUMMARY"); file != "" {
		err = errors.Join(err, r.AppendSummary(file))
	}
	err = errors.Join(err, show(cmd.OutOrStdout(), r, c.json))
	if !c.json {
		fmt.Fprintf(cmd.ErrOrStderr(), "report: %s\n", folder.Dir())
	}
	return ended(r.Verdict, err)
}

// draw writes the page of every failure that was explained.
func draw(folder *report.Folder, system harness.System, runs *campaign.Summary) error {
	if runs == nil {
		return nil
	}
	var broken error
	for _, f := range runs.Failures {
		if f.Why == nil {
			continue
		}
		p, err := page.Of(system, f.Why)
		if err == nil {
			err = folder.Page(f.Seed, p.WriteFile)
		}
		broken = errors.Join(broken, err)
	}
	return broken
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

// showModel shows how far the checking of the model is.
func showModel(p *text.Progress) func(campaign.ModelProgress) {
	return func(now campaign.ModelProgress) {
		if now.Name == "" {
			p.Milestone(fmt.Sprintf("model: %d of %d searches done in %.1fs", now.Done, now.Of, now.Elapsed.Seconds()))
			return
		}
		p.Show(fmt.Sprintf("model: %d of %d searches, now %s", now.Done, now.Of, now.Name))
	}
}

// showRuns shows how far the runs are.
func showRuns(p *text.Progress) func(campaign.Progress) {
	return func(now campaign.Progress) {
		line := "runs: " + text.Count(now.Runs)
		if now.Asked > 0 {
			line += " of " + text.Count(now.Asked)
		}
		line += fmt.Sprintf(", %.0f a second, %d not passed, %.0fs so far", now.Rate, now.Failed, now.Elapsed.Seconds())
		if now.Finished {
			p.Milestone(line)
			return
		}
		p.Show(fmt.Sprintf("%s, %.0fs left", line, now.Left.Seconds()))
	}
}
