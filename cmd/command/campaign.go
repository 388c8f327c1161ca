package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/campaign"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/failure/page"
	"github.com/firstgap/firstgap/harness/report"
	"github.com/firstgap/firstgap/harness/text"
)

// campaignFlags are the flags of a command that makes runs of a system: firstgap run, and every firstgap test.
type campaignFlags struct {
	seed    uint64
	runs    uint64
	limit   time.Duration
	out     string
	workers int
	json    bool
	bug     string
	explain time.Duration
	ci      ciFlag
}

func (c *campaignFlags) flags(f *pflag.FlagSet, runs uint64) {
	f.Uint64Var(&c.seed, "seed", 1, "of the first run; the others follow")
	f.Uint64Var(&c.runs, "runs", runs, "how many simulated runs")
	f.DurationVar(&c.limit, "for", defaultTime, "end after this long")
	f.StringVar(&c.out, "out", "firstgap-report", "folder for report.json, junit.xml, report.sarif, summary.md, a file for each failure, and a page for each that was explained")
	f.IntVar(&c.workers, "workers", 0, "how many run at a time (default: one on each core)")
	f.BoolVar(&c.json, "json", false, "print the report as JSON")
	f.StringVar(&c.bug, "bug", "", "the planted bug of every run")
	c.ci.flag(f)
	f.DurationVar(&c.explain, "explain", 15*time.Second, fmt.Sprintf("explain the first failure of each check, rule, kind and verdict, %d at most, for so long each; 0 is not at all", campaign.DefaultExplained))
}

// job says what the flags ask for of a system, without the model. A number of runs that was not asked for is a bound and no demand.
func (c *campaignFlags) job(cmd *cobra.Command, system harness.System, g harness.Generation) (campaign.Job, error) {
	runs, limit := cmd.Flags().Changed("runs"), cmd.Flags().Changed("for")
	switch {
	case runs && c.runs == 0:
		return campaign.Job{}, fmt.Errorf("--runs is 0; expected at least 1")
	case c.limit <= 0:
		return campaign.Job{}, fmt.Errorf("--for is %v; expected more than 0s", c.limit)
	case c.explain < 0:
		return campaign.Job{}, fmt.Errorf("--explain is %v; expected no negative time", c.explain)
	case c.ci.wanted && c.json:
		return campaign.Job{}, errJSONWithCI
	case c.workers < 0:
		return campaign.Job{}, fmt.Errorf("--workers is %d; expected no negative number", c.workers)
	}
	g.Bug = c.bug
	about := system.About()
	if err := about.Knows(c.bug); err != nil {
		return campaign.Job{}, err
	}
	if c.bug != "" && about.Overlay && !harness.HasPoints() {
		return campaign.Job{}, fmt.Errorf("--bug %s: %w", c.bug, faults.ErrNoOverlay)
	}
	j := campaign.Job{For: c.limit, NoModel: true, Runs: campaign.Options{System: system, Generation: g, Seed: c.seed, Runs: c.runs, Workers: c.workers,
		Explain: campaign.Explaining{For: c.explain}}}
	switch {
	case runs && !limit:
		j.For = 0
	case !runs && limit:
		j.Runs.Runs = 0
	case !runs && !limit:
		j.Runs.AtMost = true
	}
	return j, nil
}

// campaign does the job, shows how far it is, writes its report with a file for each failure, which needs what is added, and ends as its
// verdict says.
func (c *campaignFlags) campaign(cmd *cobra.Command, job campaign.Job, needs func(*failure.Needs)) error {
	folder, err := report.Open(c.out)
	if err != nil {
		return err
	}
	if err := folder.Begin(); err != nil {
		return err
	}
	job.Runs.Failed = func(f campaign.Failed) error {
		needs(&f.Failure.Needs)
		return folder.Failed(f)
	}
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
	err = errors.Join(err, c.ci.tell(cmd.OutOrStdout(), folder.CodeQuality, r.Result, func(w io.Writer) error { return show(w, r, c.json) }))
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
