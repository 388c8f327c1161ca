package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/volume"
)

func newCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check MODEL",
		Short: "search every behaviour of a small model",
		Long:  "check searches every behaviour of a small model and evaluates its invariants in each state.\n" + exitCannotTells,
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCheckVolume())
	return cmd
}

// checkVolume is firstgap check volume: its flags.
type checkVolume struct {
	world   string
	given   volume.World // by flags; a flag that was not given changes nothing
	workers int
	limit   time.Duration
	json    bool
}

func newCheckVolume() *cobra.Command {
	var c checkVolume
	cmd := &cobra.Command{
		Use:   "volume",
		Short: "search the model of one volume (spec/tla/Volume.tla)",
		Long: `volume searches every behaviour of the model of one volume within a world.

A world comes from --world, or for a --bug from the table of broken variants, or else is the smallest one that
has a take-over; the other flags then change it. With a violation, a shortest counterexample is printed.
` + exitCannotTells,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&c.world, "world", "", "a named world, or a JSON file (it ends in .json or names a folder)")
	f.IntVar(&c.given.Groups, "groups", 0, "protection groups")
	f.IntVar(&c.given.Replicas, "replicas", 0, "replicas of each group")
	f.IntVar(&c.given.WriteQuorum, "write-quorum", 0, "W, counted in each group")
	f.IntVar(&c.given.ReadQuorum, "read-quorum", 0, "R, counted in each group")
	f.IntVar(&c.given.Keys, "keys", 0, "rows")
	f.IntVar(&c.given.Txns, "txns", 0, "most transactions")
	f.IntVar(&c.given.MaxLSN, "max-lsn", 0, "longest log")
	f.IntVar(&c.given.MaxEpoch, "max-epoch", 0, "most writers, the first one included")
	f.BoolVar(&c.given.Aborts, "aborts", false, "a writer may also roll back its own transactions")
	f.BoolVar(&c.given.Mtr, "mtr", false, "a record may leave its mini-transaction unfinished")
	f.StringVar(&c.given.Bug, "bug", "", "break one guard: "+strings.Join(volume.Bugs(), ", "))
	f.BoolVar(&c.given.Symmetry, "symmetry", false, "take the replicas of a group for one another")
	f.IntVar(&c.workers, "workers", 0, "how many search at a time (default: one on each core)")
	f.DurationVar(&c.limit, "for", 0, "stop after this long, with the verdict incomplete")
	f.BoolVar(&c.json, "json", false, "print the result as JSON")
	return cmd
}

func (c *checkVolume) run(cmd *cobra.Command) error {
	if c.workers < 0 || c.limit < 0 {
		return fmt.Errorf("--workers is %d and --for is %s; expected no negative number", c.workers, c.limit)
	}
	world, err := c.chosen(cmd)
	if err != nil {
		return err
	}
	progress := newProgressLine(cmd.ErrOrStderr())
	result, err := volume.Search(cmd.Context(), world, check.Options{
		Workers: c.workers, For: c.limit, Memory: availableMemory(),
		Progress: progress.show, Every: progress.every,
	})
	progress.end()
	if err != nil {
		return err
	}
	if err := c.print(cmd.OutOrStdout(), result); err != nil {
		return err
	}
	switch result.Verdict {
	case check.Pass:
		return nil
	case check.Violation:
		return outcome{code: exitViolation}
	}
	return outcome{code: exitCannotTell}
}

func (c *checkVolume) print(w io.Writer, result *check.Result) error {
	if !c.json {
		return result.WriteText(w)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(result)
}

// chosen returns the world that the flags say.
func (c *checkVolume) chosen(cmd *cobra.Command) (volume.World, error) {
	world, err := c.base(cmd)
	if err != nil {
		return world, err
	}
	g := c.given
	for name, set := range map[string]func(){
		"groups":       func() { world.Groups = g.Groups },
		"replicas":     func() { world.Replicas = g.Replicas },
		"write-quorum": func() { world.WriteQuorum = g.WriteQuorum },
		"read-quorum":  func() { world.ReadQuorum = g.ReadQuorum },
		"keys":         func() { world.Keys = g.Keys },
		"txns":         func() { world.Txns = g.Txns },
		"max-lsn":      func() { world.MaxLSN = g.MaxLSN },
		"max-epoch":    func() { world.MaxEpoch = g.MaxEpoch },
		"aborts":       func() { world.Aborts = g.Aborts },
		"mtr":          func() { world.Mtr = g.Mtr },
		"bug":          func() { world.Bug = g.Bug },
		"symmetry":     func() { world.Symmetry = g.Symmetry },
	} {
		if cmd.Flags().Changed(name) {
			set()
		}
	}
	return world, nil
}

// base returns the world that the flags change.
func (c *checkVolume) base(cmd *cobra.Command) (volume.World, error) {
	switch {
	case c.world != "":
		return readWorld(c.world)
	case cmd.Flags().Changed("bug"):
		variants, err := volume.BrokenVariants()
		if err != nil {
			return volume.World{}, err
		}
		for _, v := range variants {
			if v.World.Bug == c.given.Bug {
				return v.World, nil
			}
		}
	}
	return readWorld("tiny-sym")
}

// readWorld returns a named world or reads one from a file.
func readWorld(name string) (volume.World, error) {
	if strings.HasSuffix(name, ".json") || strings.ContainsRune(name, os.PathSeparator) {
		text, err := os.ReadFile(name)
		if err != nil {
			return volume.World{}, fmt.Errorf("--world: %w", err)
		}
		world, err := volume.ParseWorld(text)
		if err != nil {
			return world, fmt.Errorf("--world %s: %w", name, err)
		}
		return world, nil
	}
	worlds, err := volume.Worlds()
	if err != nil {
		return volume.World{}, err
	}
	var known []string
	for _, w := range worlds {
		if w.Name == name {
			return w.World, nil
		}
		known = append(known, w.Name)
	}
	return volume.World{}, fmt.Errorf("--world: unknown world %q; known: %s, or a file whose name ends in .json", name, strings.Join(known, ", "))
}

// A progressLine shows the progress: on a terminal in one line that it overwrites, elsewhere as a plain line now
// and then.
type progressLine struct {
	w        io.Writer
	terminal bool
	every    time.Duration
}

func newProgressLine(w io.Writer) *progressLine {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &progressLine{w, true, time.Second / 4}
	}
	return &progressLine{w, false, 10 * time.Second}
}

func (p *progressLine) show(now check.Progress) {
	if p.terminal {
		fmt.Fprintf(p.w, "\r\x1b[K%s", now)
		return
	}
	fmt.Fprintln(p.w, now)
}

// end clears the line.
func (p *progressLine) end() {
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// availableMemory returns how many bytes a search may take: three quarters of what the machine says is free, so
// that a world that is too large ends with a verdict and not by the system's hand. It is 0, no limit, where the
// machine does not say.
func availableMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes int64
		if n, err := fmt.Sscanf(line, "MemAvailable: %d kB", &kilobytes); n == 1 && err == nil {
			return kilobytes << 10 / 4 * 3
		}
	}
	return 0
}
