package command

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness/verdict"
	"github.com/firstgap/firstgap/spec/raft"
	"github.com/firstgap/firstgap/spec/subjects"
	"github.com/firstgap/firstgap/spec/trace"
)

// traceCommand is firstgap trace: its flags.
type traceCommand struct {
	model, world string
	hides        []string
	options      trace.Options
	json         bool
}

func newTrace() *cobra.Command {
	c := traceCommand{options: trace.Options{Hidden: 2, States: 1000, Nearest: 3}}
	cmd := &cobra.Command{
		Use:   "trace FILE",
		Short: "hold what a running program tells of itself against a model",
		Long: `trace reads a trace, one JSON object a line, and says whether it is a behaviour of the model. Without a world, the trace is what
go.etcd.io/raft/v3 writes with its build tag with_tla. With a world of any model, a line names a step of it, such as
{"step": "Lock(1)", "state": {"holder": "1"}}. FILE may be compressed by gzip or zstd; - is standard input.

Steps that no line reports are tried in front of a line that nothing else explains, up to a limit. Where a limit ends
the search, nothing is told of the trace, and that is no pass; neither is a trace without events.
` + exitCodes,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("expected one FILE, a trace; found %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&c.model, "model", "raft", "which model; one other than raft needs a --world")
	f.StringVar(&c.world, "world", "", "follow lines that name steps in this world of the model")
	f.StringSliceVar(&c.hides, "hide", nil, "with --world: actions whose steps no line reports")
	f.IntVar(&c.options.Hidden, "hidden", c.options.Hidden, "try at most this many steps that no line reports in front of a line")
	f.IntVar(&c.options.States, "states", c.options.States, "follow at most this many states at once")
	f.IntVar(&c.options.Nearest, "nearest", c.options.Nearest, "name at most this many legal steps in a refusal")
	f.IntVar(&c.options.Cover, "cover", 0, "with --world: count the states of the world, if it has no more than this, and say what share the trace covered")
	f.BoolVar(&c.json, "json", false, "print the receipt as JSON")
	return cmd
}

func (c *traceCommand) run(cmd *cobra.Command, name string) error {
	for _, n := range []struct {
		flag  string
		value int
		least int
	}{{"hidden", c.options.Hidden, 1}, {"states", c.options.States, 1}, {"nearest", c.options.Nearest, 1}, {"cover", c.options.Cover, 0}} {
		if n.value < n.least {
			return fmt.Errorf("--%s is %d; expected at least %d", n.flag, n.value, n.least)
		}
	}
	subject, err := subjects.Lookup(c.model)
	if err != nil {
		return fmt.Errorf("--model: %w", err)
	}
	ofLibrary := c.world == ""
	if ofLibrary && (c.model != "raft" || len(c.hides) > 0 || c.options.Cover > 0) {
		return errors.New("--world is missing; expected one with --hide, --cover, and a model other than raft")
	}
	follow := raft.Validate
	if !ofLibrary {
		world, err := subject.Lookup(c.world)
		if err != nil {
			return fmt.Errorf("--world: %w", err)
		}
		m, err := subject.Read(world.Constants)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(c.hides, func(a string) bool { return !slices.Contains(m.Actions(), a) }); i >= 0 {
			return fmt.Errorf("--hide is %q; known: %s", c.hides[i], strings.Join(m.Actions(), ", "))
		}
		follow = func(ctx context.Context, from io.Reader, o trace.Options) (*trace.Receipt, error) {
			return trace.Steps(ctx, m, from, o, c.hides...)
		}
	}
	from := cmd.InOrStdin()
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		from = file
	}
	plain, err := decompressed(from)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r, err := follow(cmd.Context(), plain, c.options)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return ended(verdict.OfSearch(r.Verdict), show(cmd.OutOrStdout(), r, c.json))
}

// decompressed tells by its first bytes how a file is compressed. How much of it is read is for the reader of its lines to bound.
func decompressed(from io.Reader) (io.Reader, error) {
	raw := bufio.NewReader(from)
	magic, _ := raw.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(raw)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
	}
	return raw, nil
}
