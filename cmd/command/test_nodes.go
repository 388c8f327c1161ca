package command

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/workload"
)

// nodesFlags say which system a program is put into, and what it may use up. A failure file has those that were given.
type nodesFlags struct {
	role    string
	mix     string
	without []string
	options protocol.Options
	limits  lines.Limits
}

func (n *nodesFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&n.role, "role", string(protocol.Replica), "what the program is: "+rolesList())
	f.StringVar(&n.mix, "mix", "registers", "of replicas: what clients call: "+strings.Join(words(mixes()), ", "))
	f.IntVar(&n.options.Count, "nodes", 0, "of replicas: how many there are (default: 3)")
	f.IntVar(&n.options.Zones, "zones", 0, "of replicas: the zones that they are spread over (default: one for each)")
	f.IntVar(&n.options.Quorum, "quorum", 0, "of replicas: how many are needed to go on (default: a majority)")
	f.BoolVar(&n.options.NoDisk, "no-disk", false, "of replicas: they keep nothing, so that none is crashed")
	f.StringSliceVar(&n.without, "without", nil, "of a node of the volume: what segments leave out, separated by commas: "+strings.Join(words(parts()), ", "))
	f.DurationVar(&n.limits.Answer, "answer", lines.DefaultAnswer, "how long the program may take for a line, on the wall clock")
	f.DurationVar(&n.limits.Start, "start", lines.DefaultStart, "how long it may take for its first line")
}

// A choice is a word of a flag and what it means.
type choice[T any] struct {
	name string
	of   T
}

func words[T any](all []choice[T]) []string {
	list := make([]string, len(all))
	for i, c := range all {
		list[i] = c.name
	}
	return list
}

func chosen[T any](what, name string, all []choice[T]) (T, error) {
	if i := slices.IndexFunc(all, func(c choice[T]) bool { return c.name == name }); i >= 0 {
		return all[i].of, nil
	}
	var none T
	return none, &faults.UnknownError{What: what, Found: name, Known: words(all)}
}

func mixes() []choice[workload.OperationMix] {
	return []choice[workload.OperationMix]{{"registers", workload.Registers()}, {"swapped", workload.SwappedRegisters()}, {"lists", workload.Lists()}, {"transactions", workload.Transactions()}}
}

// parts are what segments may leave out, beside an own form of their disk.
func parts() []choice[func(*protocol.Options)] {
	out := func(name string, field func(*aurora.Without) *bool) choice[func(*protocol.Options)] {
		return choice[func(*protocol.Options)]{name, func(o *protocol.Options) { *field(&o.Without) = true }}
	}
	return []choice[func(*protocol.Options)]{
		out("trace", func(w *aurora.Without) *bool { return &w.Trace }), out("pages", func(w *aurora.Without) *bool { return &w.Pages }),
		out("fill", func(w *aurora.Without) *bool { return &w.Fill }), out("tails", func(w *aurora.Without) *bool { return &w.Tails }),
		out("backup", func(w *aurora.Without) *bool { return &w.Backup }), out("upkeep", func(w *aurora.Without) *bool { return &w.Upkeep }),
		out("room", func(w *aurora.Without) *bool { return &w.Room }),
		{"format", func(o *protocol.Options) { o.NoFormat = true }},
		{"appends", func(o *protocol.Options) { o.Never = append(o.Never, "world.lostPieces") }},
	}
}

func rolesList() string {
	var all []string
	for _, r := range protocol.Roles() {
		all = append(all, string(r))
	}
	return strings.Join(all, ", ")
}

// checked refuses flags that make no sense, and gives the program its limits.
func (n *nodesFlags) checked(program *lines.Command) (o protocol.Options, err error) {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"answer", n.limits.Answer}, {"start", n.limits.Start}} {
		if d.value <= 0 {
			return o, fmt.Errorf("--%s is %v; expected more than 0s", d.name, d.value)
		}
	}
	o = n.options
	if count := max(o.Count, 0); o.Count < 0 || o.Quorum < 0 || o.Zones < 0 || count > 0 && (o.Quorum > count || o.Zones > count) {
		return o, fmt.Errorf("--nodes %d, --quorum %d and --zones %d; expected as many nodes as the others or more", o.Count, o.Quorum, o.Zones)
	}
	if o.Mix, err = chosen("mix", n.mix, mixes()); err != nil {
		return o, fmt.Errorf("--mix: %w", err)
	}
	for _, name := range n.without {
		part, err := chosen("part of a segment", name, parts())
		if err != nil {
			return o, fmt.Errorf("--without: %w", err)
		}
		part(&o)
	}
	program.Limits = n.limits
	return o, nil
}

// system makes the system that the flags say, of a program.
func (n *nodesFlags) system(program lines.Command) (harness.System, error) {
	o, err := n.checked(&program)
	if err != nil {
		return nil, err
	}
	system, err := protocol.System(protocol.Role(n.role), protocol.Program{Command: program}.Maker(), o)
	if err != nil {
		return nil, fmt.Errorf("--role: %w", err)
	}
	return system, nil
}

// nodesKind makes such a system again of what a failure needs.
func nodesKind() programKind {
	return programKind{prefix: "lines-", system: func(needs failure.Needs, program lines.Command) (harness.System, error) {
		var n nodesFlags
		f := pflag.NewFlagSet("flags of the failure", pflag.ContinueOnError)
		f.Usage = func() {}
		n.flags(f)
		if err := f.Parse(append([]string{"--role=" + strings.TrimPrefix(needs.System, "lines-")}, needs.Flags...)); err != nil {
			return nil, err
		}
		return n.system(program)
	}}
}

// given lists the flags of a set that were given, as a failure file has them.
func given(cmd *cobra.Command, of *pflag.FlagSet) []string {
	var all []string
	of.VisitAll(func(f *pflag.Flag) {
		if x := cmd.Flags().Lookup(f.Name); x.Changed {
			value := x.Value.String()
			if x.Value.Type() == "stringSlice" {
				value = strings.Trim(value, "[]")
			}
			all = append(all, "--"+f.Name+"="+value)
		}
	})
	return all
}

func newTestNodes() *cobra.Command {
	var c campaignFlags
	var n nodesFlags
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	n.flags(own)
	cmd := &cobra.Command{
		Use:   "nodes [flags] -- COMMAND",
		Short: "programs in firstgap's own protocol, with timers and a disk",
		Long: `nodes runs a program as the nodes of a role. It reads a line for each event, and answers it by one line with what it wants done: messages,
timers, its disk, answers to clients. docs/protocol.md in the source says how to write one, and firstgap protocol check whether it keeps to it.

A replica is one of a group that all do the same. A segment, writer, reader or register serves in a volume whose other nodes are
ours; --without says what segments leave out: format (they start on an empty disk), appends (they only replace files), trace, pages, fill, tails, backup,
upkeep, room. A check that needs what is left out is reported as not made.

Every crash kills the program, and every restart starts it anew. Points to crash at are in the code of nodes in this process,
so no plan has one here; a planted bug is in the program's first line.
` + exitCodes,
		Args: needsProgram,
		RunE: func(cmd *cobra.Command, args []string) error {
			before, program := program(cmd, args)
			if err := noArguments(cmd, before); err != nil {
				return err
			}
			system, err := n.system(lines.Command{Args: program})
			if err != nil {
				return err
			}
			return c.test(cmd, system, program, given(cmd, own))
		},
	}
	c.flags(cmd.Flags(), defaultTests)
	cmd.Flags().AddFlagSet(own)
	return cmd
}
