package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/control"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/objects"
	"github.com/firstgap/firstgap/impl/segment"
	"github.com/firstgap/firstgap/impl/writer"
	"github.com/firstgap/firstgap/linearizability"
)

// A Result is how one run ended.
type Result struct {
	Configuration Configuration
	Verdict       Verdict
	Findings      []Finding // everything that any check objected to, or could not tell
	Evaluated     []Check   // the checks that could be made, each once
	Counts        Counts
	Hash          uint64 // the run's identity: the chain over all that happened
	History       *workload.History
	Trail         *Trail // when it was recorded
	// Backup is what the volume was backed up to, when something was.
	Backup backup.Source
}

// An Implementation is what is held against the model: it makes the nodes of a volume.
type Implementation struct {
	// SegmentDisk is what the disk of a segment holds when the volume is new: it was formatted before.
	SegmentDisk []node.File
	Register    func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node
	Segment     func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node
	Objects     func(hook node.Hook) node.Node // the object store; nil for none, whatever a configuration says
	Writer      func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node
	Reader      func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node // needed where a configuration has readers
}

// Ours is the project's own implementation.
func Ours() Implementation {
	return Implementation{
		SegmentDisk: segment.Formatted(),
		Register: func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node {
			c := control.Config{ID: id, Volume: v, SuspectAfter: n.SuspectAfter}
			if v.Spares > 0 {
				c.MonitorEvery = time.Duration(n.MonitorEvery) // nobody else could take a suspect's place
			}
			return control.New(c, hook)
		},
		Segment: func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node {
			return segment.New(segment.Config{ID: id, Volume: v, GossipEvery: time.Duration(n.GossipEvery), CoalesceEvery: time.Duration(n.CoalesceEvery),
				BackupEvery: time.Duration(n.BackupEvery), ScrubEvery: time.Duration(n.ScrubEvery), FillChunk: n.FillChunk}, hook)
		},
		Objects: func(hook node.Hook) node.Node { return objects.New(hook) },
		Writer: func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node {
			return writer.New(writerConfig(id, v, n), hook)
		},
		Reader: newReader,
	}
}

func writerConfig(id node.ID, v *node.Volume, n Nodes) writer.Config {
	limits := writer.DefaultLimits()
	limits.LogAhead = n.LogAhead
	return writer.Config{ID: id, Volume: v, CachePages: n.CachePages,
		RetryEvery: time.Duration(n.RetryEvery), IdleAfter: time.Duration(n.IdleAfter), Limits: limits}
}

// What the harness asks nodes that it can look into. One that does not tell is taken to be alive, and its pages are not
// compared.
type (
	segmentView interface {
		Copy
		Promise() node.Epoch
	}
	writerView interface {
		Phase() string
		Epoch() node.Epoch
		VDL() node.LSN
		End() node.LSN
		Deposed() bool
	}
)

// Run makes a run of our implementation and holds it against every check. The same configuration gives the same Result.
func Run(c Configuration) Result { return RunRecorded(c, false) }

// RunRecorded is Run, and writes every event down when it is asked to.
func RunRecorded(c Configuration, record bool) Result { return RunOf(Ours(), c, record) }

// RunOf makes a run of any implementation.
func RunOf(of Implementation, c Configuration, record bool) Result {
	r := runner{of: of, c: &c, result: Result{Configuration: c, History: &workload.History{}}}
	if err := r.build(); err != nil {
		// Not a run at all.
		r.object(Finding{Check: ConfigurationCheck, Verdict: CouldNotTell, Guarantee: Guarantee(ConfigurationCheck), Detail: err.Error()})
		return r.result
	}
	defer r.world.Close()
	var recorder *recorder
	if record {
		recorder = newRecorder(r.world)
	}
	r.play()
	r.judge()
	if recorder != nil {
		r.result.Trail = recorder.trail()
	}
	return r.result
}

// runner makes one run.
type runner struct {
	of        Implementation
	c         *Configuration
	volume    *node.Volume
	world     *sim.World
	validator *conform.Validator
	watch     watch
	directory workload.Directory
	clients   []*workload.Client
	reading   []*workload.ReadingClient
	readings  workload.Readings
	audit     *workload.Auditor
	made      []node.Node // every node that ran, also those that died
	started   int         // writers
	outcome   sim.Outcome
	broken    bool // the world does not go on
	log       *Log // what the writers wrote, once the run is over
	result    Result
}

// Addresses: the register, the segments by group and replica, then the writers in the order in which they start, the
// readers, then the clients.
const register node.ID = 1

func (r *runner) firstWriter() node.ID {
	return register + 1 + node.ID(r.c.Volume.Groups*r.c.Volume.Replicas)
}

// writers is how many the run may start: the first, those of the plan, one after it, and the last.
func (r *runner) writers() int {
	n := 3
	for _, f := range r.c.Plan.Faults {
		if f.Kind == faults.TakeOver || f.Kind == faults.WriterCrash {
			n++
		}
	}
	return n
}

func (r *runner) firstClient() node.ID { return r.firstReader() + node.ID(r.c.Volume.Readers) }

// objectStore is the address of the object store: behind those of the clients, the prober and the auditor.
func (r *runner) objectStore() node.ID { return r.firstClient() + node.ID(r.c.Workload.Clients) + 2 }

// build makes the world and everybody in it.
func (r *runner) build() error {
	c := r.c
	if err := c.Validate(); err != nil {
		return err
	}
	if c.Bug != "" && !HasPoints() {
		return fmt.Errorf("bug %s: %w", c.Bug, faults.ErrNoOverlay)
	}
	r.volume = &node.Volume{WriteQuorum: c.Volume.WriteQuorum, ReadQuorum: c.Volume.ReadQuorum, PageSize: c.Volume.PageSize,
		Spares: c.Volume.Spares, Tails: c.Volume.tails(), InUse: c.Volume.InUse, GroupPages: c.Volume.GroupPages, Register: register}
	if c.Volume.BackupWindow > 0 && r.of.Objects != nil {
		r.volume.Objects, r.volume.Window = r.objectStore(), c.Volume.BackupWindow
	}
	topology := c.Topology()
	for replica := range c.Volume.Replicas {
		r.volume.Zones = append(r.volume.Zones, topology.ZoneOf(replica+1))
	}
	next := register + 1
	for range c.Volume.Groups {
		var members []node.ID
		for range c.Volume.Replicas {
			members = append(members, next)
			next++
		}
		r.volume.Segments = append(r.volume.Segments, members)
	}
	for i := range c.Volume.Readers {
		r.volume.Readers = append(r.volume.Readers, r.firstReader()+node.ID(i))
	}
	var err error
	if r.validator, err = conform.New(r.volume); err != nil {
		return err
	}
	r.watch = watch{validator: r.validator, writers: r.firstWriter(), clients: r.firstClient()}
	r.world, err = sim.New(sim.Options{Seed: c.Seed, Network: c.Network, Disk: c.Disk, Limits: c.Limits, Bug: c.Bug, Observer: &r.watch})
	if err != nil {
		return err
	}
	r.watch.name = r.world.Name
	if err := r.populate(); err != nil {
		return err
	}
	plan := c.Plan
	if r.volume.Objects == 0 {
		plan.Faults = slices.DeleteFunc(slices.Clone(plan.Faults), strikesObjects)
	}
	return r.world.Install(plan, r.startWriter)
}

// strikesObjects tells whether a fault is one of the object store, which an implementation may lack.
func strikesObjects(f faults.Fault) bool {
	return slices.Contains(f.Nodes, string(faults.Objects)) || slices.Contains(f.To, string(faults.Objects))
}

// populate adds the nodes and clients and starts them.
func (r *runner) populate() error {
	c, w := r.c, r.world
	topology := c.Topology()
	err := w.Add(sim.Process{ID: register, Name: string(faults.Register), New: func(h node.Hook) node.Node {
		return r.keep(r.of.Register(register, r.volume, c.Nodes, h))
	}})
	for g, members := range r.volume.Segments {
		for i, id := range members {
			n := faults.Node{Role: faults.Segment, Group: g + 1, Replica: i + 1}
			err = errors.Join(err, w.Add(sim.Process{ID: id, Name: n.String(), Zone: topology.Zone(n), Disk: r.of.SegmentDisk, New: func(h node.Hook) node.Node {
				return r.keep(r.of.Segment(id, r.volume, c.Nodes, h))
			}}), w.Start(id))
		}
	}
	for i := range r.writers() {
		id := r.firstWriter() + node.ID(i)
		err = errors.Join(err, w.Add(sim.Process{ID: id, Name: fmt.Sprintf("writer %d", i+1), Role: string(faults.Writer), New: func(h node.Hook) node.Node {
			return r.keep(r.of.Writer(id, r.volume, c.Nodes, h))
		}}))
	}
	err = errors.Join(err, w.Start(register))
	if id := r.volume.Objects; id != 0 {
		err = errors.Join(err, w.Add(sim.Process{ID: id, Name: string(faults.Objects), New: func(h node.Hook) node.Node {
			return r.keep(r.of.Objects(h))
		}}), w.Start(id))
	}
	r.startWriter()
	err = errors.Join(err, r.populateReaders())
	for i := range c.Workload.Clients {
		client := workload.NewClient(c.Workload, c.Seed, i+1, &r.directory, r.result.History)
		r.clients = append(r.clients, client)
		n := faults.Node{Role: faults.Client, Client: i + 1}
		err = errors.Join(err, w.AddClient(sim.Client{ID: r.firstClient() + node.ID(i), Name: n.String(), Actor: actor{client}}))
	}
	return err
}

// keep remembers a node, to ask it what it did once the run is over: a crash takes it out of the world, and not what it
// has counted.
func (r *runner) keep(n node.Node) node.Node {
	r.made = append(r.made, n)
	return n
}

// startWriter starts the next writer, and lets the clients know of it.
func (r *runner) startWriter() {
	id := r.firstWriter() + node.ID(r.started)
	r.started++
	if err := r.world.Start(id); err != nil {
		panic(fmt.Sprintf("harness: %v", err)) // there are as many writers as the plan can start
	}
	r.directory.Writers = append(r.directory.Writers, id)
}

// actor lets the world drive a client.
type actor struct {
	c interface {
		Start(now node.Time, p workload.Port)
		Reply(now node.Time, from node.ID, r *node.Reply, p workload.Port)
		Timer(now node.Time, t node.Timer, p workload.Port)
	}
}

func (a actor) Start(now node.Time, out *sim.Calls) { a.c.Start(now, out) }
func (a actor) Reply(now node.Time, from node.ID, r node.Reply, out *sim.Calls) {
	a.c.Reply(now, from, &r, out)
}
func (a actor) Timer(now node.Time, t node.Timer, out *sim.Calls) { a.c.Timer(now, t, out) }

// play lets the run happen: faults while the clients work; then none, and the volume must serve; then a last take-over
// in the middle of the work, and an audit.
func (r *runner) play() {
	horizon := node.Time(r.c.Plan.Horizon)
	if !r.until(horizon, nil) {
		return
	}
	// The faults have ended. The plan may have left the volume without a writer, or with one that the one that died last
	// has replaced.
	replaced := r.world.Node(r.world.Newest(string(faults.Writer))) == nil || !r.writerLives()
	if replaced {
		r.startWriter()
	}
	prober := workload.NewProber(r.c.Workload, r.c.Seed, r.c.Workload.Clients+1, &r.directory, r.result.History)
	r.join("prober", prober)
	r.waitFor("an acknowledged write by whichever writer serves", func() bool {
		// A reader that won the epoch and died before it fenced anybody leaves a writer that serves until it asks the
		// register for something.
		if !replaced && !r.writerLives() {
			r.startWriter()
			replaced = true
		}
		return prober.Wrote()
	})
	prober.Stop()
	if r.broken || !r.until(max(r.world.Now(), horizon+node.Time(r.c.Ending.Calm)), nil) {
		return
	}
	if r.c.Ending.CrashWriter {
		for _, id := range r.directory.Writers {
			if err := r.world.Stop(id); err != nil {
				panic(fmt.Sprintf("harness: %v", err)) // every writer in the directory is a process
			}
		}
	}
	r.startWriter()
	for _, c := range r.clients {
		c.Stop()
	}
	for _, c := range r.reading {
		c.Stop()
	}
	if !r.waitFor("the end of every client's last call", r.idle) {
		return
	}
	r.audit = workload.NewAuditor(r.c.Workload, r.c.Seed, r.c.Workload.Clients+2, &r.directory, r.result.History)
	r.join("auditor", r.audit)
	if !r.waitFor("an acknowledged write and a read of every row after the last take-over", func() bool {
		_, seen := r.audit.Seen()
		return seen
	}) {
		return
	}
	// Gossip may fill what is still missing somewhere.
	r.until(r.world.Now().Add(time.Duration(r.c.Ending.Settle)), nil)
}

// join adds a client that is not of the workload.
func (r *runner) join(name string, a *workload.Auditor) {
	id := r.firstClient() + node.ID(r.c.Workload.Clients)
	if name == "auditor" {
		id++
	}
	if err := r.world.AddClient(sim.Client{ID: id, Name: name, Actor: actor{a}}); err != nil {
		panic(fmt.Sprintf("harness: %v", err)) // the address is free
	}
}

// until lets the world go on, and tells whether it can go on further.
func (r *runner) until(t node.Time, met func() bool) bool {
	r.outcome = r.world.RunUntil(t, met)
	r.broken = r.outcome.End == sim.LimitExceeded || r.outcome.End == sim.Panicked
	return !r.broken
}

// waitFor lets the world go on until the condition holds, and objects when that takes too long.
func (r *runner) waitFor(what string, met func() bool) bool {
	if !r.until(r.world.Now().Add(time.Duration(r.c.Ending.Bound)), met) {
		return false
	}
	if r.outcome.End == sim.ConditionMet {
		r.evaluated(faults.Progress)
		return true
	}
	if r.beyondRepair() {
		r.result.Counts.Stalled = 1
		return false
	}
	r.evaluated(faults.Progress)
	r.object(violated(faults.Progress, &ProgressError{Waited: what, Bound: r.c.Ending.Bound, State: r.state()}))
	return false
}

// beyondRepair tells whether the plan may have stopped the volume for good: beyond the budget, and with damage that
// stays when the faults have ended. Everything else has to be got over.
func (r *runner) beyondRepair() bool {
	if !r.c.Plan.BeyondBudget {
		return false
	}
	for _, f := range r.c.Plan.Faults {
		switch f.Kind {
		case faults.DiskCorrupt, faults.DiskLost, faults.SegmentLost:
			return true
		}
	}
	return false
}

func (r *runner) idle() bool {
	for _, c := range r.clients {
		if !c.Idle() {
			return false
		}
	}
	for _, c := range r.reading {
		if !c.Idle() {
			return false
		}
	}
	return true
}

// writerLives tells whether some writer serves or tries to.
func (r *runner) writerLives() bool {
	for _, id := range r.directory.Writers {
		n := r.world.Node(id)
		w, tells := r.writerAt(id)
		if _, reads := n.(readerView); n != nil && (tells && !w.Deposed() || !tells && !reads) {
			return true
		}
	}
	return false
}

// state describes the nodes of the volume for somebody who wonders why nothing happens.
func (r *runner) state() []string {
	var lines []string
	for _, id := range r.directory.Writers {
		if w, ok := r.writerAt(id); ok {
			lines = append(lines, fmt.Sprintf("%s: %s, epoch %d, VDL %d, last LSN %d", r.world.Name(id), w.Phase(), w.Epoch(), w.VDL(), w.End()))
		} else {
			lines = append(lines, r.world.Name(id)+": down, or does not tell")
		}
	}
	for _, members := range r.volume.Segments {
		for _, id := range members {
			s, ok := r.world.Node(id).(segmentView)
			if !ok {
				lines = append(lines, r.world.Name(id)+": down, or does not tell")
				continue
			}
			lines = append(lines, fmt.Sprintf("%s: promise %d, line %d, SCL %d, serving %t, damaged %t",
				r.world.Name(id), s.Promise(), s.Line(), s.SCL(), s.Serving(), s.Damaged()))
		}
	}
	return lines
}

// judge holds the run against every check that can still be made.
func (r *runner) judge() {
	r.log = r.watch.log()
	r.judgeOutcome()
	r.judgeTrace()
	r.judgeHistory()
	r.judgeReplies()
	r.judgeSnapshots()
	r.judgeDurability()
	r.judgeTree()
	r.judgePages()
	r.judgeRestores()
	r.evaluated(Wire)
	if r.watch.misplaced != nil {
		r.object(violated(Wire, r.watch.misplaced))
	}
	r.count()
	r.judgeBackup()
	if r.result.Verdict == "" {
		r.result.Verdict = Pass
	}
}

func (r *runner) judgeOutcome() {
	r.evaluated(Sanity)
	switch r.outcome.End {
	case sim.Panicked:
		r.object(violated(Sanity, &PanicError{Node: r.outcome.Name, Event: r.outcome.Event, Value: r.outcome.Value, Stack: r.outcome.Stack}))
	case sim.LimitExceeded:
		r.object(untold(Sanity, &LimitError{Limit: r.outcome.Limit, Limits: r.c.Limits, At: r.outcome.At}))
	}
}

func (r *runner) judgeTrace() {
	r.evaluated(faults.Trace)
	err := r.validator.Finish()
	if err == nil {
		return
	}
	f := violated(faults.Trace, err)
	var v *conform.Violation
	if errors.As(err, &v) {
		f.Explanation = v.Explain()
	}
	r.object(f)
}

// judgeHistory decides what the clients saw. Where a commit has no answer, the log knows what became of it, and that
// may make a certificate; without one, the history has to stand as the clients know it.
func (r *runner) judgeHistory() {
	known := make([]linearizability.Txn, len(r.result.History.Transactions))
	learned := make([]linearizability.Txn, len(known))
	kept := r.log.Commits()
	unlike := false
	for i := range known {
		t := &r.result.History.Transactions[i]
		known[i], learned[i] = t.Txn, t.Txn
		if at, ok := kept[t.Name]; ok && t.Outcome == linearizability.OutcomeUnknown {
			learned[i].Outcome, learned[i].Order = linearizability.Committed, uint64(at)+1
			unlike = true
		}
	}
	result := linearizability.CheckTxns(context.Background(), learned, linearizability.SimulationLimits())
	if result.Verdict != linearizability.Legal && unlike {
		result = linearizability.CheckTxns(context.Background(), known, linearizability.SimulationLimits())
	}
	switch {
	case result.Verdict == linearizability.Illegal:
		r.evaluated(faults.Serializability)
		r.object(violated(faults.Serializability, result.Violation))
	case result.Verdict == linearizability.Legal:
		r.evaluated(faults.Serializability)
		if result.Proof == linearizability.ByCertificate {
			r.result.Counts.Certificates = 1
		}
		// Under strict locks nobody is answered what was never committed, not even one who does not commit either.
		if err := linearizability.CheckReads(learned); err != nil {
			r.object(violated(faults.Serializability, err))
		}
		if err := r.watch.durable.shown(r.result.History); err != nil {
			r.object(violated(faults.Serializability, err))
		}
	case errors.Is(result.Reason, linearizability.ErrEmpty):
		// Nobody has seen anything: neither legal nor illegal, and the run is counted by what else it did.
	default:
		r.object(untold(faults.Serializability, result.Err()))
	}
}

// judgeReplies holds the answers, to the requests that could be carried out and to those that could not, against what they
// may be.
func (r *runner) judgeReplies() {
	if len(r.result.History.Transactions) > 0 {
		r.evaluated(faults.Replies)
	}
	for _, e := range r.result.History.Broken {
		r.object(violated(faults.Replies, e))
	}
}

func (r *runner) judgeDurability() {
	if r.audit == nil {
		return
	}
	at, seen := r.audit.Seen()
	if !seen {
		return
	}
	r.evaluated(faults.Durability)
	end := EndState{Workload: r.c.Workload, History: r.result.History, Commits: r.log.Commits(), Audit: at}
	r.result.Counts.RowsAudited = uint64(len(end.audited()))
	for _, err := range Durability(end) {
		r.object(violated(faults.Durability, err))
	}
}

func (r *runner) judgePages() {
	for g, members := range r.volume.Segments {
		var group []NamedCopy
		for i, id := range members {
			if i < len(r.volume.Tails) && r.volume.Tails[i] {
				continue // it keeps no pages
			}
			if s, ok := r.world.Node(id).(segmentView); ok {
				group = append(group, NamedCopy{r.world.Name(id), s})
			}
		}
		var pages []node.PageID // that some record changed
		for _, rec := range r.watch.records {
			if rec.Group == node.Group(g) {
				pages = append(pages, rec.Page)
			}
		}
		slices.Sort(pages)
		pages = slices.Compact(pages)
		compared, broken := Pages(group, pages)
		if compared > 0 {
			r.evaluated(faults.Pages)
		}
		r.result.Counts.PagesCompared += uint64(compared)
		for _, err := range broken {
			r.object(violated(faults.Pages, err))
		}
	}
}

// count fills in what has been counted.
func (r *runner) count() {
	c := &r.result.Counts
	c.Runs = 1
	if r.c.Plan.BeyondBudget {
		c.BeyondBudget = 1
	}
	h := r.result.History.Count()
	c.Transactions = uint64(len(r.result.History.Transactions))
	c.Acknowledged, c.ReadOnly, c.Aborted = uint64(h.Acknowledged), uint64(h.ReadOnly), uint64(h.Aborted)
	c.Deadlocks, c.Unknown = uint64(h.Deadlocks), uint64(h.Unknown)
	c.Scans, c.RowsScanned, c.Rollbacks = uint64(h.Scans), uint64(h.RowsScanned), uint64(h.Rollbacks)
	c.Full, c.Misused = uint64(h.Full), uint64(h.Misused)
	c.Trace = r.validator.Counts()
	r.countReaders()
	c.TakeOvers, c.Recoveries, c.Cuts, c.Undos = c.Trace.Starts, c.Trace.Opens, c.Trace.Cuts, c.Trace.Undos
	c.PageReads = r.watch.pageImages
	stores := uint64(0)
	for _, n := range r.made {
		if w, tells := n.(interface{ Counters() writer.Counters }); tells {
			c.addWriter(w.Counters())
		}
		if o, tells := n.(interface{ Stored() uint64 }); tells {
			c.Objects += o.Stored()
			stores++
		}
		if s, tells := n.(interface{ Counters() segment.Counters }); tells {
			c.addSegment(s.Counters())
		}
		if rd, tells := n.(readerView); tells && rd.Writer() != nil {
			c.addWriter(rd.Writer().Counters())
		}
	}
	c.StoreStarts = max(stores, 1) - 1
	c.World = r.world.Counts()
	r.result.Hash = r.world.Hash()
}

func (r *runner) object(f Finding) {
	r.result.Findings = append(r.result.Findings, f)
	if r.result.Verdict == "" {
		r.result.Verdict = f.Verdict
	} else {
		r.result.Verdict = r.result.Verdict.Worse(f.Verdict)
	}
}

// evaluated notes that a check was made.
func (r *runner) evaluated(c Check) {
	for _, e := range r.result.Evaluated {
		if e == c {
			return
		}
	}
	r.result.Evaluated = append(r.result.Evaluated, c)
}

// A LimitError says that a run used up more than it may, so that nobody knows how it would have ended.
type LimitError struct {
	Limit  string // "events", "time" or "bytes"
	Limits sim.Limits
	At     node.Time
}

func (e *LimitError) Error() string {
	most := fmt.Sprint(e.Limits.Events)
	switch e.Limit {
	case sim.LimitTime:
		most = e.Limits.Time.String()
	case sim.LimitBytes:
		most = fmt.Sprint(e.Limits.Bytes)
	}
	return fmt.Sprintf("could not tell: the run exceeded its limit on %s (%s) at %v of virtual time", e.Limit, most, time.Duration(e.At))
}
