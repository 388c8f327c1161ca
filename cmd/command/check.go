package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/harness/verdict"
	"github.com/firstgap/firstgap/spec/check"
	"github.com/firstgap/firstgap/spec/placement"
	"github.com/firstgap/firstgap/spec/subjects"
	"github.com/firstgap/firstgap/spec/tla"
)

func newCheck() *cobra.Command {
	var all checkAll
	list, compare := false, false
	cmd := &cobra.Command{
		Use:   "check MODEL",
		Short: "search every behaviour of a small model",
		Long: `check searches every behaviour of a small model and evaluates its invariants in each state.

With --all it searches every named world of every model, broken variants and expected violations included, and passes
only if all come out as expected, with TLC's figures where a world has them.
` + exitCodes,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := onlyOne(map[string]bool{"all": all.wanted, "compare-designs": compare, "list": list}); err != nil {
				return err
			}
			switch {
			case compare:
				return all.compareDesigns(cmd)
			case list:
				return writeList(cmd.OutOrStdout(), subjects.All())
			case all.wanted:
				return all.run(cmd, subjects.All())
			}
			return errors.New("expected a model, --all, --compare-designs or --list, found none of them; known models: " + strings.Join(modelNames(), ", "))
		},
	}
	all.flags(cmd, "every named world of every model")
	cmd.Flags().BoolVar(&compare, "compare-designs", false, "set designs side by side: what each asks for, survives and loses at worst, and whether a search finds its promise kept")
	cmd.Flags().BoolVar(&list, "list", false, "list the models with their worlds and broken variants")
	for _, s := range subjects.All() {
		cmd.AddCommand(newCheckModel(s))
	}
	return cmd
}

func modelNames() []string {
	var names []string
	for _, s := range subjects.All() {
		names = append(names, s.Name)
	}
	return names
}

// bugsOf returns the values of --bug, "none" first.
func bugsOf(s check.Subject) []string {
	bugs := slices.DeleteFunc(slices.Clone(s.Bugs), func(b string) bool { return b == "none" })
	return append([]string{"none"}, bugs...)
}

// writeList lists the models.
func writeList(w io.Writer, subjects []check.Subject) error {
	var b strings.Builder
	for _, s := range subjects {
		fmt.Fprintf(&b, "%s: %s (spec/tla/%s.tla)\n", s.Name, s.About, s.Module)
		for _, world := range s.Worlds {
			expected := ""
			if world.Violates != "" {
				expected = "  violates " + world.Violates
			}
			fmt.Fprintf(&b, "  %s%s\n", world.Name, expected)
		}
		for _, world := range s.Large {
			fmt.Fprintf(&b, "  %s  too large to be searched to the end: for --walks or --depth\n", world.Name)
		}
		fmt.Fprintf(&b, "  bugs: %s\n", strings.Join(bugsOf(s), ", "))
	}
	screen := text.On(w)
	_, err := io.WriteString(screen, text.Fold(b.String(), screen.Width))
	return err
}

// checkModel is firstgap check MODEL: its flags.
type checkModel struct {
	subject check.Subject
	start   string // the world that the flags change when they name none
	all     checkAll

	world    string
	bug      string
	only     []string
	set      []string
	settings func(*cobra.Command) map[string]any // by flags of the model's own
	progress progressFlags
	table    func() (string, error) // printed after the receipt

	search   searchFlags
	long     longFlags
	json     bool
	traceOut string
	page     string
	graph    string
	random   int
	jar      string
	twin     string // folder for the files of TLC
}

func newCheckModel(s check.Subject) *cobra.Command {
	c := checkModel{subject: s, settings: func(*cobra.Command) map[string]any { return nil }}
	cmd := &cobra.Command{
		Use:   s.Name,
		Short: "search the model of " + s.About,
		Long: fmt.Sprintf(`%s searches every behaviour of the model of %s, within a world.

Its definition is spec/tla/%s.tla. A world comes from --world, or for a --bug from the first named world that has it, or
else is the one called %%s; --set and other flags then change it. With a violation, a shortest counterexample is printed.
`, s.Name, s.About, s.Module) + exitCodes,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&c.world, "world", "", "a named world, or a JSON file (it ends in .json or names a folder)")
	f.StringVar(&c.bug, "bug", "", "break one guard: "+strings.Join(bugsOf(s), ", "))
	f.StringArrayVar(&c.set, "set", nil, "change the world, `key=value` with the key as in a world file; may be repeated")
	f.StringArrayVar(&c.only, "invariant", nil, "decide only this invariant or progress property; may be repeated")
	c.search.flags(f)
	c.long.flags(f)
	f.BoolVar(&c.json, "json", false, "print the result as JSON")
	f.StringVar(&c.traceOut, "trace-out", "", "write the counterexample to this `file`: .txt, .json, .itf.json (Informal Trace Format) or .dot")
	f.StringVar(&c.page, "page", "", "draw the counterexample on a page of HTML, in this `file`")
	f.StringVar(&c.graph, "graph", "", fmt.Sprintf("draw all states of a tiny world, at most %d, to this .dot `file`", check.MaxGraphStates))
	f.IntVar(&c.random, "random", 0, "in place of a search, print one behaviour of at most this many `steps` at random, or write it to --trace-out; never a pass")
	f.StringVar(&c.jar, "tlc", "", "also run TLC, from the path of tla2tools.jar, on the same world, and compare (0 equal, 1 different)")
	f.StringVar(&c.twin, "cfg", "", "in place of a search, write the modules and the configuration for TLC to this `folder`")
	c.all.flags(cmd, "every named world of this model")
	c.start = s.Worlds[0].Name
	switch s.Name {
	case "volume":
		c.start = "tiny-sym" // the smallest that has a take-over
		c.settings = volumeFlags(cmd, &c.progress)
	case "placement":
		c.table = func() (string, error) { return placement.Table(placement.Designs()) }
	}
	cmd.Long = fmt.Sprintf(cmd.Long, c.start)
	return cmd
}

func (c *checkModel) run(cmd *cobra.Command) error {
	if err := c.together(cmd); err != nil {
		return err
	}
	if c.all.wanted {
		c.all.search, c.all.json = c.search, c.json
		return c.all.run(cmd, []check.Subject{c.subject})
	}
	options, err := c.search.options(cmd)
	if err != nil {
		return err
	}
	if err := c.long.add(cmd.Flags(), &options); err != nil {
		return err
	}
	options.NoReduction = options.NoReduction || c.jar != "" // TLC's figures are of all steps
	world, err := c.constants(cmd)
	if err != nil {
		return err
	}
	model, err := c.subject.Read(world)
	if err != nil {
		return c.named(err)
	}
	if len(c.only) > 0 {
		if model, err = check.Only(model, c.only); err != nil {
			return err
		}
	}
	if c.twin != "" {
		return c.writeTwin(cmd, world)
	}
	if c.jar != "" { // before the search, which may take long
		if _, err := check.FindTLC(c.jar); err != nil {
			return err
		}
	}
	var files outputs
	defer files.close()
	trace, err := files.trace(c.traceOut)
	if err != nil {
		return err
	}
	graph, err := files.graph(c.graph)
	if err != nil {
		return err
	}
	drawn, err := files.page(c.page)
	if err != nil {
		return err
	}
	if graph != nil {
		var drawing bytes.Buffer
		if err := check.WriteGraph(cmd.Context(), model, check.MaxGraphStates, &drawing); err != nil {
			return err
		}
		if err := graph.write(drawing.Bytes()); err != nil {
			return err
		}
	}
	if cmd.Flags().Changed("random") {
		return c.walk(cmd, model, trace, drawn)
	}
	return c.searchIn(cmd, model, world, options, trace, drawn)
}

// together refuses flags of which one would be without effect beside another.
func (c *checkModel) together(cmd *cobra.Command) error {
	var found error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch name := f.Name; {
		case c.all.wanted && !slices.Contains([]string{"all", "workers", "for", "memory", "json", "no-reduction"}, name):
			found = fmt.Errorf("--%s with --all; expected no more than --workers, --for, --memory, --json and --no-reduction: the worlds are given", name)
		case c.jar != "" && slices.Contains([]string{"walks", "random", "depth", "invariant", "cfg"}, name),
			c.twin != "" && name == "invariant":
			found = fmt.Errorf("--%s with --tlc or --cfg; expected a search of the whole world, for all invariants", name)
		case cmd.Flags().Changed("random") && name == "walks":
			found = errors.New("--walks with --random; expected one of them")
		}
	})
	return found
}

// searchIn searches a world, says what was found, and compares it with TLC.
func (c *checkModel) searchIn(cmd *cobra.Command, model check.Model, world json.RawMessage, options check.Options, trace, drawn *output) error {
	progress := text.NewProgress(cmd.ErrOrStderr(), time.Now)
	options.Progress, options.Every = func(now check.Progress) { progress.Show(now.String()) }, progress.Every()
	result, err := check.Search(cmd.Context(), model, options)
	progress.End()
	if err != nil {
		return err
	}
	behaviour, found := check.Counterexample(model, result)
	for _, out := range []*output{trace, drawn} {
		if out == nil {
			continue
		}
		if !found {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: there is no counterexample to write to %s\n", cmd.CommandPath(), out.file.Name())
		} else if err := out.writeBehaviour(behaviour); err != nil {
			return err
		}
	}
	if c.jar != "" {
		return c.compare(cmd, result, world)
	}
	if err := c.print(cmd.OutOrStdout(), result); err != nil {
		return err
	}
	return ended(verdict.OfSearch(result.Verdict), nil)
}

func (c *checkModel) print(w io.Writer, result *check.Result) error {
	if c.json {
		return writeJSON(w, result)
	}
	screen := text.On(w)
	var b strings.Builder
	if err := result.WriteText(&b); err != nil {
		return err
	}
	if c.table != nil {
		table, err := c.table()
		if err != nil {
			return err
		}
		b.WriteString("\n" + table)
	}
	folded, said := text.Fold(b.String(), screen.Width), string(result.Verdict)
	folded = strings.Replace(folded, "verdict     "+said, "verdict     "+screen.Paint(verdict.OfSearch(result.Verdict).Mark(), said), 1)
	_, err := io.WriteString(screen, folded)
	return err
}

func writeJSON(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}

// walk takes steps at random. It is no check of anything but the states on its way.
func (c *checkModel) walk(cmd *cobra.Command, model check.Model, trace, drawn *output) error {
	if c.random < 1 {
		return fmt.Errorf("--random is %d; expected at least one step", c.random)
	}
	behaviour, err := check.RandomBehaviour(model, c.long.seed, c.random)
	if err != nil {
		return err
	}
	format := check.Text
	if c.json {
		format = check.JSON
	}
	if drawn != nil {
		err = drawn.writeBehaviour(behaviour)
	}
	switch {
	case err != nil:
	case trace != nil:
		err = trace.writeBehaviour(behaviour)
	case drawn == nil:
		err = behaviour.Write(cmd.OutOrStdout(), format)
	}
	switch {
	case err != nil:
		return err
	case behaviour.Invariant != "":
		return outcome{verdict.Violation, behaviour.Invariant + " does not hold in the last state"}
	}
	return outcome{verdict.CouldNotTell, fmt.Sprintf("%d steps at random tell nothing of the rest", len(behaviour.Steps))}
}

func (c *checkModel) writeTwin(cmd *cobra.Command, world json.RawMessage) error {
	root, err := check.WriteTwin(c.subject, world, tla.Modules, c.twin)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "in %s: java -cp tla2tools.jar tlc2.TLC -config MC.cfg %s\n", c.twin, root)
	return err
}

// compare holds the result against TLC's.
func (c *checkModel) compare(cmd *cobra.Command, result *check.Result, world json.RawMessage) error {
	if result.Verdict == check.Incomplete {
		return fmt.Errorf("nothing to compare with TLC: the search is incomplete: %s", result.Reason)
	}
	found, err := check.RunTLC(cmd.Context(), c.subject, world, tla.Modules, c.jar, c.search.workers)
	if err != nil {
		return err
	}
	comparison := result.Compare(*found)
	if c.json {
		err = writeJSON(cmd.OutOrStdout(), struct {
			*check.Result
			Comparison check.Comparison `json:"comparison"`
		}{result, comparison})
	} else if err = c.print(cmd.OutOrStdout(), result); err == nil {
		fmt.Fprintln(cmd.OutOrStdout())
		err = text.On(cmd.OutOrStdout()).Folded(func(w io.Writer) error { return comparison.WriteText(w, result) })
	}
	if err == nil && len(comparison.Differences) > 0 {
		return ended(verdict.Violation, nil)
	}
	return err
}

// constants returns the world that the flags say.
func (c *checkModel) constants(cmd *cobra.Command) (json.RawMessage, error) {
	base, err := c.base()
	if err != nil {
		return nil, err
	}
	settings := c.settings(cmd)
	if settings == nil {
		settings = map[string]any{}
	}
	if cmd.Flags().Changed("bug") {
		settings["bug"] = c.bug
	}
	for _, s := range c.set {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("--set %s: expected key=value", s)
		}
		settings[key] = value
		if json.Valid([]byte(value)) {
			settings[key] = json.RawMessage(value)
		}
	}
	if len(settings) == 0 {
		return base, nil
	}
	var world map[string]any
	if err := json.Unmarshal(base, &world); err != nil || world == nil {
		return base, nil // the model says what is wrong with it
	}
	for key, value := range settings {
		world[key] = value
	}
	c.progress.complete(cmd, world)
	return json.Marshal(world)
}

// base returns the world that the flags change.
func (c *checkModel) base() (json.RawMessage, error) {
	switch {
	case c.isFile():
		text, err := os.ReadFile(c.world)
		if err != nil {
			return nil, fmt.Errorf("--world: %w", err)
		}
		return text, nil
	case c.world != "":
		world, err := c.lookup(c.world)
		return world.Constants, err
	case c.bug != "" && c.bug != "none":
		for _, w := range c.subject.Worlds {
			var has struct{ Bug string }
			if err := json.Unmarshal(w.Constants, &has); err == nil && has.Bug == c.bug {
				return w.Constants, nil
			}
		}
	}
	world, err := c.lookup(c.start)
	return world.Constants, err
}

func (c *checkModel) isFile() bool {
	return strings.HasSuffix(c.world, ".json") || strings.ContainsRune(c.world, os.PathSeparator)
}

// named adds to an error about a world which file it came from.
func (c *checkModel) named(err error) error {
	if c.isFile() {
		return fmt.Errorf("--world %s: %w", c.world, err)
	}
	return err
}

// lookup returns a named world, also one that is too large to be searched to the end.
func (c *checkModel) lookup(name string) (check.World, error) {
	all := slices.Concat(c.subject.Worlds, c.subject.Large)
	i := slices.IndexFunc(all, func(w check.World) bool { return w.Name == name })
	if i < 0 {
		var known []string
		for _, w := range all {
			known = append(known, w.Name)
		}
		return check.World{}, fmt.Errorf("--world: unknown world %q; known: %s, or a file whose name ends in .json", name, strings.Join(known, ", "))
	}
	return all[i], nil
}

// within returns a context that ends after the limit, if there is one.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("the time limit of %s ran out", limit))
}
