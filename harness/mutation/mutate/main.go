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
	"runtime"
	"runtime/metrics"
	"strconv"
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
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "mutate:", err)
		}
		os.Exit(2)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	runs := flags.Int("runs", 200, "simulated runs after which a mutant has survived")
	seed := flags.Uint64("seed", 1, "of the first run")
	every := flags.Int("every", 1, "try one mutant of so many")
	from := flags.Int("from", 0, "the first one, of those")
	workers := flags.Int("workers", runtime.NumCPU(), "processes at a time")
	patience := flags.Duration("patience", 5*time.Minute, "how long one mutant may take")
	argued := flags.String("argued", "", "file of the mutants that are argued to be equivalent")
	least := flags.Float64("least", 0, "the score, in percent, below which the command fails")
	asJSON := flags.Bool("json", false, "print the report as JSON")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: mutate [flags] FOLDER\nFOLDER is what buildmutants has filled; outcomes are kept in it, and not made again.")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if os.Getenv(mutants.Variable) != "" {
		go watchMemory()
		o, err := mutation.Search(aurora.System(), *seed, *runs)
		if err != nil {
			return err
		}
		return json.NewEncoder(stdout).Encode(o)
	}
	if flags.NArg() != 1 || *every < 1 || *runs < 1 {
		flags.Usage()
		return fmt.Errorf("expected one FOLDER, and -every and -runs of at least 1, found %q, %d and %d", flags.Args(), *every, *runs)
	}
	folder := flags.Arg(0)
	all, err := readList(filepath.Join(folder, mutants.ListFile))
	if err != nil {
		return err
	}
	var arguments []mutation.Argument
	if *argued != "" {
		f, err := os.Open(*argued)
		if err != nil {
			return err
		}
		defer f.Close()
		if arguments, err = mutation.ReadArguments(f, all); err != nil {
			return fmt.Errorf("%s: %w", *argued, err)
		}
	}
	kept, done, err := openKept(filepath.Join(folder, mutants.OutcomesFile(*seed, *runs)))
	if err != nil {
		return err
	}
	defer kept.Close()
	var list []mutants.Mutant
	tried, noticed := 0, 0
	for i := *from; i < len(all); i += *every {
		list = append(list, all[i])
		if o, is := done[all[i].Number]; is {
			tried++
			if o.Noticed {
				noticed++
			}
		}
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	progress := text.NewProgress(stderr, time.Now)
	var lost error // of what is kept
	outcomes, err := mutation.Try(ctx, list, mutation.Options{
		Program: []string{program, "-runs", strconv.Itoa(*runs), "-seed", strconv.FormatUint(*seed, 10)},
		Workers: *workers, Patience: *patience, Done: done,
		Heard: func(o mutation.Outcome) {
			lost = errors.Join(lost, json.NewEncoder(kept).Encode(o))
			if tried++; o.Noticed {
				noticed++
			}
			progress.Show(fmt.Sprintf("%d of %d mutants, %d of them noticed", tried, len(list), noticed))
		}})
	progress.End()
	if lost != nil {
		return fmt.Errorf("an outcome could not be kept: %w", lost)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	report := mutation.Sum(all, outcomes, arguments)
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(report); err != nil {
			return err
		}
	} else if err := report.WriteText(text.On(stdout)); err != nil {
		return err
	}
	if err != nil {
		return fmt.Errorf("interrupted; the same command goes on: %w", err)
	}
	total := report.Scores[len(report.Scores)-1]
	if share := 100 * total.Share(); share < *least {
		return fmt.Errorf("expected a score of at least %g%%, found %.1f%%", *least, share)
	}
	if len(report.Disproved) > 0 {
		return fmt.Errorf("expected that what is argued to be equivalent is not noticed, found %d that are", len(report.Disproved))
	}
	return nil
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

// openKept reads the outcomes of an earlier try, and opens the file to add to. A line that was cut off is of a try that was ended.
func openKept(name string) (*os.File, map[int]mutation.Outcome, error) {
	done := map[int]mutation.Outcome{}
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	whole := 0
	for line := range linesOf(text) {
		var o mutation.Outcome
		if err := json.Unmarshal(line, &o); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		done[o.Number] = o
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
