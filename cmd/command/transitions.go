package command

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/text"
	"github.com/firstgap/firstgap/harness/transitions"
)

// transitionsCommand is firstgap transitions: its flags.
type transitionsCommand struct {
	world string
	bug   string
	json  bool
}

func newTransitions() *cobra.Command {
	c := transitionsCommand{world: transitions.DefaultScope}
	var worlds []string
	for _, s := range transitions.Scopes() {
		worlds = append(worlds, fmt.Sprintf("%s (%s)", s.Name, s.About))
	}
	cmd := &cobra.Command{
		Use:   "transitions",
		Short: "drive every transition of the model, in a small world, into our own system",
		Long: `transitions searches the model of a small world for all of its transitions, and then for a schedule of our own nodes that takes each:
which message comes next, which timer fires, what a client asks, which segment crashes and with what of its write kept. After every
step, what all nodes hold in memory and on their disks is compared with the model's state. Every transition is driven, or is in a
class of those that the implementation never takes, which is named with its reason.
` + exitCodes,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&c.world, "world", c.world, "which world: "+strings.Join(worlds, ", "))
	f.StringVar(&c.bug, "bug", "", "the planted bug of every node")
	f.BoolVar(&c.json, "json", false, "print the report as JSON")
	return cmd
}

func (c *transitionsCommand) run(cmd *cobra.Command) error {
	scopes := transitions.Scopes()
	at := slices.IndexFunc(scopes, func(s transitions.Scope) bool { return s.Name == c.world })
	if at < 0 {
		var names []string
		for _, s := range scopes {
			names = append(names, s.Name)
		}
		return fmt.Errorf("--world is %q; expected one of %s", c.world, strings.Join(names, ", "))
	}
	if err := plantable(c.bug); err != nil {
		return err
	}
	collectLess()
	progress := text.NewProgress(cmd.ErrOrStderr(), time.Now)
	began := time.Now()
	r, err := transitions.Run(cmd.Context(), transitions.Options{Implementation: aurora.Ours(), Scope: scopes[at], Bug: c.bug, Progress: func(now transitions.Progress) {
		what := "searched"
		if now.Running {
			what = "run"
		}
		progress.Show(fmt.Sprintf("%s: %s of %s transitions, %s states, %.0fs so far", what, text.Count(now.Driven), text.Count(now.Transitions),
			text.Count(now.Products), time.Since(began).Seconds()))
	}})
	progress.End()
	if err != nil {
		return err
	}
	return ended(r.Verdict(), show(cmd.OutOrStdout(), r, c.json))
}
