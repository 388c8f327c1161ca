// Command mutate tries the mutants that it was built with: see package mutation, and `make mutants`.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/metrics"
	"slices"
	"syscall"
	"time"

	"github.com/firstgap/firstgap/faults/mutants"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/mutation"
	"github.com/firstgap/firstgap/harness/strict"
	"github.com/firstgap/firstgap/harness/text"
)

// mostMemory is how many bytes a process may have: ten times what a run needs.
const mostMemory = 3 << 30

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "mutate:", err)
		}
		os.Exit(2)
	}
}

type options struct {
	seed           uint64
	surveyed, runs int
	every, from    int
	match          string
	argued         string
	least          float64
	asJSON         bool
	calibrate      bool
	reportOnly     bool
	processes      mutation.Options
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if os.Getenv(mutants.Variable) != "" {
		return process(stdin, stdout)
	}
	var o options
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.surveyed, "survey", 400, "simulated runs without a mutant, of which those are chosen that a mutant would have changed")
	flags.IntVar(&o.runs, "runs", 100, "simulated runs after which a mutant has survived")
	flags.Uint64Var(&o.seed, "seed", 1, "of the first run of the survey")
	flags.IntVar(&o.every, "every", 1, "try one mutant of so many")
	flags.IntVar(&o.from, "from", 0, "the first one, of those")
	flags.StringVar(&o.match, "match", "", "regular expression: try only the mutants in whose names it is found")
	flags.IntVar(&o.processes.Workers, "workers", runtime.NumCPU(), "processes at a time")
	flags.DurationVar(&o.processes.Patience, "patience", 2*time.Minute, "how long one mutant may take")
	flags.StringVar(&o.argued, "argued", "", "file of the mutants that are argued to be equivalent")
	flags.Float64Var(&o.least, "least", 0, "the score, in percent and without usage, below which the command fails")
	flags.BoolVar(&o.asJSON, "json", false, "print the report as JSON")
	flags.BoolVar(&o.calibrate, "calibrate", false, "try no mutant: say how much changes that are neutral move each amount")
	flags.BoolVar(&o.reportOnly, "report", false, "try no mutant: report on those that were tried before")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: mutate [flags] FOLDER\nFOLDER is what buildmutants has filled; the survey and outcomes are kept in it, and not made again.")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	match, err := regexp.Compile(o.match)
	if err != nil {
		return fmt.Errorf("-match: %w", err)
	}
	if flags.NArg() != 1 || o.every < 1 || o.runs < 1 || o.surveyed < 1 {
		flags.Usage()
		return fmt.Errorf("expected one FOLDER, and -every, -runs and -survey of at least 1, found %q, %d, %d and %d", flags.Args(), o.every, o.runs, o.surveyed)
	}
	folder := flags.Arg(0)
	all, err := readList(filepath.Join(folder, mutants.ListFile))
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	o.processes.Program = []string{program}
	var arguments []mutation.Argument
	if o.argued != "" {
		f, err := os.Open(o.argued)
		if err != nil {
			return err
		}
		defer f.Close()
		if arguments, err = mutation.ReadArguments(f, all); err != nil {
			return fmt.Errorf("%s: %w", o.argued, err)
		}
	}
	progress := text.NewProgress(stderr, time.Now)
	defer progress.End()
	survey, err := o.survey(ctx, filepath.Join(folder, mutants.SurveyFile(o.seed)), progress)
	if err != nil {
		return err
	}
	if o.calibrate {
		return survey.Calibrate().WriteText(text.On(stdout))
	}
	var list []mutants.Mutant
	for i := o.from; i < len(all); i += o.every {
		if match.MatchString(all[i].Name()) {
			list = append(list, all[i])
		}
	}
	outcomes, interrupted := o.try(ctx, filepath.Join(folder, mutants.OutcomesFile(o.seed, o.surveyed, o.runs)), survey, list, progress)
	if interrupted != nil && !errors.Is(interrupted, context.Canceled) {
		return interrupted
	}
	report := mutation.Sum(all, survey, outcomes, arguments)
	if err := o.print(stdout, report); err != nil {
		return err
	}
	if interrupted != nil {
		return fmt.Errorf("interrupted; the same command goes on: %w", interrupted)
	}
	total := report.Scores[len(report.Scores)-1]
	if share := 100 * total.Share(); share < o.least {
		return fmt.Errorf("expected a score of at least %g%%, found %.1f%%", o.least, share)
	}
	if len(report.Disproved) > 0 {
		return fmt.Errorf("expected that what is argued to be equivalent is not noticed, found %d that are", len(report.Disproved))
	}
	return nil
}

func (o *options) print(w io.Writer, report *mutation.Report) error {
	if !o.asJSON {
		return report.WriteText(text.On(w))
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(report)
}

// process makes the runs that its standard input lists, with the mutant that it has, or surveys them without one.
func process(stdin io.Reader, stdout io.Writer) error {
	number, err := mutation.Number()
	if err != nil {
		return err
	}
	var runs []mutation.Planned
	in, err := io.ReadAll(io.LimitReader(stdin, maxPlanned))
	if err != nil {
		return err
	}
	if err := strict.Unmarshal(in, &runs); err != nil {
		return err
	}
	go watchMemory()
	if number > 0 {
		o, err := mutation.Search(aurora.System(), number, runs)
		if err != nil {
			return err
		}
		return json.NewEncoder(stdout).Encode(o)
	}
	for _, r := range runs {
		seen, err := mutation.Look(aurora.System(), r.Seed)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(stdout).Encode(seen); err != nil {
			return err
		}
	}
	return nil
}

// maxPlanned bounds the bytes of a list of runs.
const maxPlanned = 1 << 20

// survey makes the survey, or what is missing of it.
func (o *options) survey(ctx context.Context, name string, progress *text.Progress) (*mutation.Survey, error) {
	kept, lines, err := openKept[mutation.Surveyed](name)
	if err != nil {
		return nil, err
	}
	defer kept.Close()
	s := &mutation.Survey{Runs: lines}
	var lost error
	made := 0
	err = s.Look(ctx, o.seed, o.surveyed, o.processes, func(r mutation.Surveyed) {
		lost = errors.Join(lost, json.NewEncoder(kept).Encode(r))
		made++
		progress.Show(fmt.Sprintf("%d runs surveyed", made))
	})
	if lost != nil {
		return nil, fmt.Errorf("the survey could not be kept: %w", lost)
	}
	// It may have more runs from an earlier try.
	s.Runs = slices.DeleteFunc(s.Runs, func(r mutation.Surveyed) bool { return r.Seed-o.seed >= uint64(o.surveyed) })
	return s, err
}

// try tries mutants, but for those that were tried before and those that would change no run.
func (o *options) try(ctx context.Context, name string, survey *mutation.Survey, list []mutants.Mutant, progress *text.Progress) (map[int]mutation.Outcome, error) {
	kept, before, err := openKept[mutation.Outcome](name)
	if err != nil {
		return nil, err
	}
	defer kept.Close()
	done := map[int]mutation.Outcome{}
	for _, b := range before {
		done[b.Number] = b
	}
	outcomes := map[int]mutation.Outcome{}
	noticed := 0
	note := func(r mutation.Outcome) {
		outcomes[r.Number] = r
		if r.Noticed {
			noticed++
		}
	}
	var trials []mutation.Trial
	for i := range list {
		n := list[i].Number
		if b, is := done[n]; is {
			note(b)
			continue
		}
		runs := survey.Choose(n, o.runs)
		switch {
		case o.reportOnly:
		case len(runs) == 0:
			note(mutation.Outcome{Number: n})
		default:
			trials = append(trials, mutation.Trial{Number: n, Runs: runs})
		}
	}
	var lost error
	err = mutation.Try(ctx, trials, o.processes, func(r mutation.Outcome) {
		lost = errors.Join(lost, json.NewEncoder(kept).Encode(r))
		note(r)
		progress.Show(fmt.Sprintf("%d of %d mutants, %d of them noticed", len(outcomes), len(list), noticed))
	})
	if lost != nil {
		return nil, fmt.Errorf("an outcome could not be kept: %w", lost)
	}
	return outcomes, err
}

func readList(name string) ([]mutants.Mutant, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var all []mutants.Mutant
	if err := strict.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return all, nil
}

// openKept reads the lines of an earlier try, and opens the file to add to. A line that was cut off is of a try that was ended.
func openKept[T any](name string) (*os.File, []T, error) {
	var done []T
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	whole := 0
	for line := range linesOf(text) {
		var o T
		if err := json.Unmarshal(line, &o); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		done = append(done, o)
		whole += len(line) + 1
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, nil, err
	}
	if err := f.Truncate(int64(whole)); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	if _, err := f.Seek(int64(whole), io.SeekStart); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, done, nil
}

// linesOf are the whole lines of a text.
func linesOf(text []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(text) > 0 {
			advance, line, _ := bufio.ScanLines(text, false)
			if advance == 0 || !yield(line) {
				return
			}
			text = text[advance:]
		}
	}
}

// watchMemory ends the process when it has more memory than a run can need: some mutants take without an end.
func watchMemory() {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	for range time.Tick(50 * time.Millisecond) {
		if metrics.Read(sample); sample[0].Value.Uint64() > mostMemory {
			os.Exit(mutation.MemoryExit)
		}
	}
}
