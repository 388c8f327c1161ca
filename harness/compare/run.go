package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// Options says how much is run of each design.
type Options struct {
	Seed         uint64 `json:"seed"`
	Clients      int    `json:"clients"`
	Transactions int    `json:"transactions"` // of each client, in each measurement
	// Register is how the rows of the quorum are replicated.
	Register Register `json:"register"`
}

// DefaultOptions is what the command runs when it is not told otherwise.
func DefaultOptions() Options {
	return Options{Seed: 1, Clients: 8, Transactions: 100, Register: DefaultRegister()}
}

// MaxClients keeps the calls that a failure leaves without an answer below the limits of every design.
const MaxClients = 32

// An OptionError says which option makes no sense.
type OptionError struct {
	Option string
	Found  int
	Want   string
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("%s is %d; expected %s", e.Option, e.Found, e.Want)
}

// Validate refuses, with an *OptionError, what cannot be run, or would say nothing.
func (o Options) Validate() error {
	if o.Clients < 1 || o.Clients > MaxClients {
		return &OptionError{"clients", o.Clients, fmt.Sprintf("1 to %d", MaxClients)}
	}
	if o.Transactions < 20 || o.Transactions > 10_000 {
		return &OptionError{"transactions", o.Transactions, "20 to 10000"}
	}
	return o.Register.Validate()
}

// Workloads: of ten transactions, how many only read.
const (
	writeOnly = 0
	mixed     = 5
)

const (
	pairs = 32               // of rows, each client's own
	patch = 30 * time.Second // how long anything may take before it counts as not answered
	start = 30 * time.Millisecond
	// settle is how long a design has, once everybody is done, to write back what it was lazy about.
	settle = 100 * time.Millisecond
	// reaction is how long a design has to get over a failure before it is asked whether it answers.
	reaction = 600 * time.Millisecond
)

const clientBase node.ID = 1000

// slowFactor is how many times longer a slow replica's disk takes.
const slowFactor = 5

// A Condition is what the latency of commits is measured under.
type Condition int

// The conditions.
const (
	Healthy  Condition = iota
	Slow               // one replica's disk is slowFactor times slower, and 2 ms more away
	ZoneDown           // another zone than the database's is down
)

func (c Condition) String() string {
	return [...]string{"healthy", "one slow replica", "an AZ down"}[c]
}

// A Cost is what one transaction takes, on average, of a workload without failures.
type Cost struct {
	Messages   float64 `json:"messages"`
	Bytes      float64 `json:"bytes"`      // on the network
	DiskWrites float64 `json:"diskWrites"` // operations, on all disks
	DiskBytes  float64 `json:"diskBytes"`
	Commits    int     `json:"commits"` // that it was measured over
}

// A Latency is how long commits took from asked to answered. Without any answer, none of it counts.
type Latency struct {
	Applies  bool          `json:"applies"` // the design has such a condition
	Answered bool          `json:"answered"`
	Median   time.Duration `json:"median"` // in nanoseconds of virtual time
	P99      time.Duration `json:"p99"`
	Commits  int           `json:"commits"`
}

// A Survival is what is left after a failure.
type Survival struct {
	Failure string `json:"failure"`
	Applies bool   `json:"applies"` // the design has such a failure
	Writes  bool   `json:"writes"`  // it still answers writes
	Reads   bool   `json:"reads"`
	Acked   int    `json:"acked"` // commits that were acknowledged before the audit
	Lost    int    `json:"lost"`  // of these, what the audit did not find; counts only where reads answer
	Torn    int    `json:"torn"`  // pairs of rows that held one half of a transaction
	// Read is how many pairs of rows the audit read, and Unread how many it could not: those of transactions whose commit
	// can neither be acknowledged nor taken back.
	Read   int `json:"read"`
	Unread int `json:"unread"`
}

// A Result is what was measured of one design.
type Result struct {
	Design    string     `json:"design"`
	What      string     `json:"what"`
	SingleRow bool       `json:"singleRow"` // it cannot do a transaction of two rows, and made two of each
	Write     Cost       `json:"write"`     // the write-only workload
	Mixed     Cost       `json:"mixed"`
	Latencies []Latency  `json:"latencies"` // by condition, of the write-only workload
	Reads     Latency    `json:"reads"`     // of the mixed workload's commits, all healthy
	Survivals []Survival `json:"survivals"` // by failure
	Traced    uint64     `json:"traced"`    // steps of all its runs that its model took
	Objection *Objection `json:"objection"` // the first of its model, null when it did not object
}

// An Objection is what the model of a design refuses of its runs.
type Objection struct {
	In   string `json:"in"`   // which measurement
	Rule string `json:"rule"` // the action or invariant that objects
	Why  string `json:"why"`
	Text string `json:"text"` // all of it
}

// A RunError says which measurement of which design could not be made.
type RunError struct {
	Design string
	What   string
	Err    error
}

func (e *RunError) Error() string {
	return fmt.Sprintf("%s, %s: %v", e.Design, e.What, e.Err)
}

func (e *RunError) Unwrap() error { return e.Err }

// ErrUnfinished says that a workload was not done in time though nothing had failed.
var ErrUnfinished = errors.New("expected every transaction to be answered, found some that were not")

// Run measures all designs.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	r := &Report{Format: Format, Options: o, Paper: Table1()}
	for _, d := range Designs(o.Register) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		result, err := measure(&d, o)
		if err != nil {
			return nil, err
		}
		r.Results = append(r.Results, result)
	}
	r.Claims = r.claims()
	return r, nil
}

// measure makes every measurement of one design, each in a world of its own.
func measure(d *Design, o Options) (Result, error) {
	r := Result{Design: d.Name, What: d.What}
	var failed error
	// made notes what a measurement says of itself, and tells whether the next is to be made. What a model objects to is a
	// finding, and what was measured stands, if nothing else went wrong.
	made := func(what string, err error) bool {
		var refused *conform.Violation
		switch {
		case err == nil:
		case !errors.As(err, &refused), err.Error() != refused.Error():
			failed = &RunError{d.Name, what, err}
		case r.Objection == nil:
			r.Objection = &Objection{what, refused.Rule, refused.Why, err.Error()}
		}
		return failed == nil
	}
	var err error
	r.Write, r.SingleRow, _, err = cost(d, o, writeOnly)
	if !made("write-only workload", err) {
		return r, failed
	}
	r.Mixed, _, r.Reads, err = cost(d, o, mixed)
	if !made("mixed workload", err) {
		return r, failed
	}
	for _, condition := range []Condition{Healthy, Slow, ZoneDown} {
		l, err := latency(d, o, condition)
		if !made(condition.String(), err) {
			return r, failed
		}
		r.Latencies = append(r.Latencies, l)
	}
	for _, f := range Failures() {
		s, err := survive(d, o, f)
		if !made(f.String(), err) {
			return r, failed
		}
		r.Survivals = append(r.Survivals, s)
	}
	r.Traced = d.traced
	return r, nil
}

// begin builds a design with its clients, and lets it come up.
func begin(d *Design, o Options) (*cluster, []*client, error) {
	c, err := newCluster(d, o.Seed)
	if err != nil {
		return nil, nil, err
	}
	c.run(start, nil)
	return c, c.actors(1, o.Clients), c.Err
}

// actors adds clients, numbered from first on.
func (c *cluster) actors(first, n int) []*client {
	var all []*client
	for i := first; i < first+n; i++ {
		cl := newClient(c, i, pairs)
		all = append(all, cl)
		c.Err = errors.Join(c.Err, c.world.AddClient(runtime.Client{ID: clientBase + node.ID(i), Name: fmt.Sprintf("client %d", i), Actor: cl}))
	}
	return all
}

func allFinished(clients []*client) func() bool {
	return func() bool {
		return !slices.ContainsFunc(clients, func(c *client) bool { return !c.finished() })
	}
}

func give(clients []*client, n, reads int) {
	for _, c := range clients {
		c.more(n, reads)
	}
}

// cost measures what a transaction takes. Every row is written once before, so that none is new to its page.
func cost(d *Design, o Options, reads int) (Cost, bool, Latency, error) {
	c, clients, err := begin(d, o)
	if err != nil {
		return Cost{}, false, Latency{}, err
	}
	defer c.world.Close()
	warm(c, clients)
	before := c.world.Counts()
	give(clients, o.Transactions, reads)
	if !c.run(patch, allFinished(clients)) {
		c.Err = errors.Join(c.Err, ErrUnfinished)
	}
	c.run(settle, nil)
	now := c.world.Counts()
	l := latencyOf(clients)
	n := float64(max(l.Commits, 1))
	return Cost{
		Messages:   float64(now.Messages-before.Messages) / n,
		Bytes:      float64(now.WireBytes-before.WireBytes) / n,
		DiskWrites: float64(now.Appends+now.Replaces-before.Appends-before.Replaces) / n,
		DiskBytes:  float64(now.DiskBytes-before.DiskBytes) / n,
		Commits:    l.Commits,
	}, clients[0].single, l, c.Err
}

// warm has every client write all of its rows, and forgets how long that took.
func warm(c *cluster, clients []*client) {
	for _, cl := range clients {
		cl.fill()
	}
	if !c.run(patch, allFinished(clients)) {
		c.Err = errors.Join(c.Err, ErrUnfinished)
	}
	c.run(settle, nil)
	for _, cl := range clients {
		cl.latencies = nil
	}
}

func latencyOf(clients []*client) Latency {
	var all []time.Duration
	for _, c := range clients {
		all = append(all, c.latencies...)
	}
	if len(all) == 0 {
		return Latency{Applies: true}
	}
	slices.Sort(all)
	return Latency{Applies: true, Answered: true, Median: all[len(all)/2], P99: all[len(all)*99/100], Commits: len(all)}
}

// latency measures commits of writes under a condition that lasts.
func latency(d *Design, o Options, condition Condition) (Latency, error) {
	c, clients, err := begin(d, o)
	if err != nil {
		return Latency{}, err
	}
	defer c.world.Close()
	warm(c, clients)
	switch condition {
	case Slow:
		slow := []string{c.world.Name(c.Storage[len(c.Storage)-1])}
		for_ := faults.Duration(30 * time.Minute)
		at := faults.Duration(c.world.Now())
		c.Err = errors.Join(c.Err, c.world.Install(faults.Plan{Horizon: at + for_, Faults: []faults.Fault{
			{Kind: faults.DiskSlow, At: at, For: for_, Nodes: slow, Factor: slowFactor},
			{Kind: faults.Delay, At: at, For: for_, Nodes: slow, Extra: 2 * ms},
		}}, runtime.Succession{}))
	case ZoneDown:
		if !c.strike(OtherZone) {
			return Latency{}, c.Err
		}
		c.run(reaction, nil)
	}
	give(clients, o.Transactions, writeOnly)
	done := c.run(patch, allFinished(clients))
	if !done && condition != ZoneDown {
		c.Err = errors.Join(c.Err, ErrUnfinished)
	}
	return latencyOf(clients), c.Err
}

// survive lets a failure strike in the middle of the work, and looks at what is left.
func survive(d *Design, o Options, f Failure) (Survival, error) {
	s := Survival{Failure: f.String()}
	c, clients, err := begin(d, o)
	if err != nil {
		return s, err
	}
	defer c.world.Close()
	give(clients, 1<<20, mixed)
	c.run(150*time.Millisecond, nil)
	// What is under way ends as it may. No client begins anything more: it would write over what has to be found.
	for _, cl := range clients {
		cl.stop()
	}
	if s.Applies = c.strike(f); !s.Applies {
		return s, c.Err
	}
	c.run(reaction, nil)
	c.run(patch, allFinished(clients))
	prober := c.actors(o.Clients+1, 2)
	prober[0].more(1, 10)
	prober[1].more(1, writeOnly)
	c.run(patch, allFinished(prober))
	s.Reads, s.Writes = prober[0].done == 1, prober[1].done == 1
	if s.Reads {
		a := c.audit(clients)
		s.Lost, s.Torn, s.Unread, s.Read = a.lost, a.torn, a.unread, a.answered
	}
	for _, cl := range clients {
		s.Acked += cl.acknowledged()
	}
	return s, c.Err
}

// audit has every client read its rows, and sums up what they find.
func (c *cluster) audit(clients []*client) audit {
	for _, cl := range clients {
		cl.audit()
	}
	c.run(patch, allFinished(clients))
	var sum audit
	for _, cl := range clients {
		a := cl.verdict()
		sum.lost, sum.torn, sum.unread, sum.answered = sum.lost+a.lost, sum.torn+a.torn, sum.unread+a.unread, sum.answered+a.answered
	}
	return sum
}
