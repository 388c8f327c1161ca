package command

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/failure"
	"github.com/firstgap/firstgap/harness/lines"
	"github.com/firstgap/firstgap/harness/lines/maelstrom"
)

// maelstromFlags say which system a program is put into. Those that Maelstrom has, too, have its names and its units.
type maelstromFlags struct {
	set         *pflag.FlagSet
	settings    maelstrom.Settings
	clock       string
	concurrency string
	nemesis     []string
	timeLimit   float64 // seconds
	latency     float64 // milliseconds
	dist        string
	timeout     time.Duration
	recovery    time.Duration
}

func newMaelstromFlags() *maelstromFlags {
	c := &maelstromFlags{set: pflag.NewFlagSet("flags of the failure", pflag.ContinueOnError)}
	c.set.Usage = func() {}
	var nemeses []string
	for _, n := range maelstrom.Nemeses() {
		nemeses = append(nemeses, string(n))
	}
	f := c.set
	s := &c.settings
	f.IntVar(&s.Nodes, "node-count", maelstrom.DefaultNodes, "how many nodes, n0 onwards")
	f.StringVar(&c.concurrency, "concurrency", "1n", "how many clients; 2n is two a node")
	f.Float64Var(&s.Rate, "rate", maelstrom.DefaultRate, "calls a second of all clients together")
	f.Float64Var(&c.timeLimit, "time-limit", maelstrom.DefaultTimeLimit.Seconds(), "for how many seconds, of simulated time, clients work and faults strike in a run")
	f.Float64Var(&c.latency, "latency", 0, "milliseconds that a message takes on average (default: another network in each run, of 0.05 ms to some ms)")
	f.StringVar(&c.dist, "latency-dist", "constant", "how that is spread: constant, uniform or exponential")
	f.StringSliceVar(&c.nemesis, "nemesis", nil, fmt.Sprintf("kinds of faults: %s, or none (default: all that the nodes can bear)", strings.Join(nemeses, ", ")))
	f.StringVar(&s.Topology, "topology", "", "of broadcast: line, grid, tree, tree2, tree3, tree4 or total (default grid)")
	f.StringVar(&s.Consistency, "consistency-models", "", "that transactions are held against (default strict-serializable)")
	f.IntVar(&s.KeyCount, "key-count", 0, "keys in use at one time (default: the workload's)")
	f.IntVar(&s.MaxTxnLength, "max-txn-length", 0, fmt.Sprintf("operations of a transaction, at most (default %d)", maelstrom.DefaultMaxTxnLength))
	f.IntVar(&s.MaxWritesPerKey, "max-writes-per-key", 0, fmt.Sprintf("writes before a key gives way to a new one (default %d)", maelstrom.DefaultMaxWritesPerKey))

	f.BoolVar(&s.Disk, "disk", false, "the program keeps in its working folder what it needs after a crash: nodes crash, too, and start again on it")
	f.IntVar(&s.Zones, "zones", 0, "availability zones that the nodes are spread over (default 3, or as many as nodes)")
	f.DurationVar(&c.timeout, "rpc-timeout", maelstrom.DefaultTimeout, "of simulated time, after which a client gives a call up: its outcome is unknown")
	f.DurationVar(&c.recovery, "recovery", maelstrom.DefaultRecovery, "of simulated time between the last fault and the last calls")
	f.StringVar(&c.clock, "clock", string(maelstrom.Simulated), "simulated: no time passes for the program; wall: simulated time follows the wall clock, for programs with clocks or threads of their own, and no run repeats")
	return c
}

func newTestMaelstrom() *cobra.Command {
	var c campaignFlags
	own := newMaelstromFlags()
	var workloads []string
	for _, w := range maelstrom.Workloads() {
		workloads = append(workloads, fmt.Sprintf("  %-16s %s", w.Name, w.What))
	}
	cmd := &cobra.Command{
		Use:   "maelstrom WORKLOAD [flags] -- COMMAND",
		Short: "programs in Maelstrom's protocol, called by one of its workloads",
		Long: `test maelstrom runs a program that was written for Maelstrom, as it is, as the nodes of a simulated network, and has clients call it as one of
Maelstrom's workloads has it. The program gets a line only when it is done with the one before it, so that one that owns no thread and no
clock runs the same way each time: a failure is replayed, made smaller and explained. One that does own some is run by --clock wall.

workloads:
` + strings.Join(workloads, "\n") + `

Flags that Maelstrom has, too, mean the same. docs/maelstrom.md says what else is the same, and what is more.
` + exitCodes,
		Example: `  firstgap test maelstrom kafka -- ./my-log
  firstgap test maelstrom broadcast --node-count 25 --topology tree4 --latency 100 -- ./my-node
  firstgap test maelstrom lin-kv --nemesis partition,crash --disk -- python3 node.py`,
		Args: needsProgram,
		RunE: func(cmd *cobra.Command, args []string) error {
			before, program := program(cmd, args)
			if len(before) != 1 {
				return fmt.Errorf("expected one workload, found %d: %s", len(before), strings.Join(before, " "))
			}
			system, err := own.system(before[0], lines.Command{Args: program})
			if err != nil {
				return err
			}
			if own.clock == string(maelstrom.Wall) {
				c.explain = 0 // an explanation makes the run again and again, and it would be another one each time
			}
			return c.test(cmd, system, program, given(cmd, own.set))
		},
	}
	c.flags(cmd.Flags(), defaultTests)
	cmd.Flags().AddFlagSet(own.set)
	return cmd
}

// maelstromKind makes such a system again of what a failure needs.
func maelstromKind() programKind {
	return programKind{prefix: maelstrom.Prefix, system: func(needs failure.Needs, program lines.Command) (harness.System, error) {
		c := newMaelstromFlags()
		if err := c.set.Parse(needs.Flags); err != nil {
			return nil, err
		}
		return c.system(strings.TrimPrefix(needs.System, maelstrom.Prefix), program)
	}}
}

// system makes the system that the flags describe.
func (c *maelstromFlags) system(workload string, program lines.Command) (harness.System, error) {
	o := maelstrom.Options{Command: program, Settings: c.settings, TimeLimit: time.Duration(c.timeLimit * float64(time.Second))}
	var err error
	if o.Workload, err = maelstrom.Named(workload); err != nil {
		return nil, err
	}
	s := &o.Settings
	s.Clock, s.Timeout, s.Recovery = maelstrom.Clock(c.clock), faults.Duration(c.timeout), faults.Duration(c.recovery)
	if s.Clients, err = c.clients(); err != nil {
		return nil, err
	}
	if c.set.Changed("nemesis") {
		o.Nemeses = []maelstrom.Nemesis{}
		for _, n := range c.nemesis {
			if n != "none" {
				o.Nemeses = append(o.Nemeses, maelstrom.Nemesis(n))
			}
		}
	}
	if c.set.Changed("latency") || c.set.Changed("latency-dist") {
		o.Latency = &maelstrom.Latency{Mean: time.Duration(c.latency * float64(time.Millisecond)), Dist: c.dist}
	}
	return maelstrom.System(o)
}

// clients reads a number of clients: a number, or one for each node.
func (c *maelstromFlags) clients() (int, error) {
	text, each := strings.CutSuffix(c.concurrency, "n")
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("--concurrency is %q; expected a number, or one with n behind it for so many a node", c.concurrency)
	}
	if each {
		n *= c.settings.Nodes
	}
	return n, nil
}
