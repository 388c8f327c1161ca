package boundary

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/linearizability"
)

// How long things take, in virtual time. Where nothing keeps it up, a read is answered within 3 ms and a write, a take-over
// before it included, within 20 ms.
const (
	settleBound = 200 * time.Millisecond // for the volume to be new, whole and quiet
	alone       = 8 * time.Millisecond   // for how long two segments are cut off, while the last record is acknowledged
	readBound   = 60 * time.Millisecond  // for reads, before they count as stalled
	writeBound  = 60 * time.Millisecond  // for writes
	backBound   = 150 * time.Millisecond // for reads, and again for writes, when those that were down are back
	patience    = 20 * time.Millisecond  // of a client
)

// settings are those of every cell: the smallest volume of one group with six segments, and no spare to take the place of one.
// It is the boundary of the quorums that is walked, not how soon a repair moves it.
func settings() aurora.Settings {
	ms := func(n int) faults.Duration { return faults.Duration(n) * faults.Duration(time.Millisecond) }
	return aurora.Settings{
		Volume: aurora.Volume{Groups: 1, InUse: 1, Replicas: Segments, WriteQuorum: writeQuorum, ReadQuorum: readQuorum, PageSize: 512, Zones: 3},
		Nodes: aurora.Nodes{BackupEvery: ms(10), ScrubEvery: ms(50), CoalesceEvery: ms(10), GossipEvery: ms(1), CachePages: 16, LogAhead: 4096, RetryEvery: ms(5),
			MonitorEvery: ms(10), SuspectAfter: 3, IdleAfter: ms(10)},
		// The one client of the workload sets the accounts up, and asks for nothing more.
		Workload: workload.Workload{Clients: 1, Transactions: 1, Accounts: 2, Rows: rows, Balance: 100, ValueBytes: 24, Think: faults.Duration(200 * time.Microsecond), Timeout: faults.Duration(patience), Mix: workload.Mix{Read: 1}},
	}
}

// The rows of a scene. None is written twice, so that a write which waits for ever keeps no other from its row.
const (
	settledRow    = iota // written when nothing is wrong
	threatenedRow        // the last that is acknowledged before the segments are struck: it is on four of them
	struckRow            // is to be written while they are
	backRow              // is to be written when those that were down are back
	rows
)

func configure(seed uint64, c Cell) configuration.Configuration {
	us := func(n int) faults.Duration { return faults.Duration(n) * faults.Duration(time.Microsecond) }
	return aurora.Configuration{Settings: settings(), Configuration: configuration.Configuration{
		Version: configuration.Version, System: aurora.Name, Seed: uint64(configuration.PartSeed(seed, c.Name())),
		Network: sim.Network{Latency: us(150), Jitter: us(150), CrossZone: us(100)},
		Disk:    sim.Disk{Append: us(10), Sync: us(100), Replace: us(200), Jitter: us(50), SurviveRate: 0.5, EffectRate: 0.5, TornRate: 0.3},
		Plan:    faults.Plan{Horizon: never},
		Ending:  configuration.Ending{Bound: us(1), Calm: us(1), Settle: us(1)}, // the scene ends itself
		Limits:  sim.Limits{Events: 200_000, Time: never, Bytes: 64 << 20},
	}}.Whole()
}

// never is later than the end of every scene.
const never = faults.Duration(time.Hour)

// A SceneError says that a cell could not be set up or watched, so that nothing is known of it.
type SceneError struct {
	Cell string // its name
	Err  error
}

func (e *SceneError) Error() string { return fmt.Sprintf("boundary: %s: %v", e.Cell, e.Err) }
func (e *SceneError) Unwrap() error { return e.Err }

// A scene is the run of one cell.
type scene struct {
	cell      Cell
	c         configuration.Configuration
	world     *sim.World
	follower  harness.Follower
	outcome   runtime.Outcome
	segments  [Segments]node.ID
	wiped     map[node.ID]bool
	history   *workload.History
	directory workload.Directory
	clients   int
	last      *workload.Errand // the last that read everything that was acknowledged before the segments were struck
	found     Observation
}

// play runs a cell, and says what happened and which run it was.
func play(of aurora.Implementation, seed uint64, cell Cell) (Observation, uint64, error) {
	s := &scene{cell: cell, c: configure(seed, cell), wiped: map[node.ID]bool{}}
	world, err := sim.New(sim.Options{Seed: s.c.Seed, Network: s.c.Network, Disk: s.c.Disk, Limits: s.c.Limits, Observer: &s.follower})
	if err != nil {
		return Observation{}, 0, &SceneError{cell.Name(), err}
	}
	s.world = world
	defer world.Close()
	if err := s.build(of); err != nil {
		return Observation{}, 0, &SceneError{cell.Name(), err}
	}
	for _, act := range []func() error{s.prepare, s.strike, s.back} {
		if s.over() {
			break
		}
		if err := act(); err != nil {
			return Observation{}, 0, &SceneError{cell.Name(), err}
		}
	}
	s.judge()
	return s.found, world.Hash(), nil
}

// over tells whether the world cannot go on.
func (s *scene) over() bool {
	return s.outcome.End.Broken()
}

// forgetful is a segment that does not see that its disk was emptied: it finds on it what a new segment finds. The disk is
// emptied by the simulator, and what a new one holds is put there before anything else is.
type forgetful struct {
	node.Node
	disk []node.File
}

func (f *forgetful) Step(now node.Time, ev node.Event, out *node.Effects) {
	if ev.Kind == node.Started && len(ev.Files) == 0 {
		ev.Files = f.disk
		for _, file := range f.disk {
			out.Append(file.Name, file.Data)
		}
	}
	f.Node.Step(now, ev, out)
}

// State implements node.Teller.
func (f *forgetful) State() node.State {
	if t, tells := f.Node.(node.Teller); tells {
		return t.State()
	}
	return node.State{}
}

// build makes the volume.
func (s *scene) build(of aurora.Implementation) error {
	segment := of.Segment
	of.Segment = func(id node.ID, v *node.Volume, n aurora.Nodes, hook node.Hook) node.Node {
		made := segment(id, v, n, hook)
		if s.wiped[id] {
			return &forgetful{made, of.SegmentDisk}
		}
		return made
	}
	system := aurora.Of(aurora.Name, of)
	if err := harness.Validate(system, &s.c); err != nil {
		return err
	}
	plan := s.c.Plan
	s.follower.Stage = harness.Stage{Runtime: s.world, Plan: &plan}
	if err := system.Build(&s.c, &s.follower.Stage); err != nil {
		return err
	}
	for i := range s.segments {
		id, found := s.world.Named(name(i + 1))
		if !found {
			return fmt.Errorf("expected a process %q, found none", name(i+1))
		}
		s.segments[i] = id
	}
	var e judge.Evidence
	s.follower.Stage.Evidence(&e) // for the history, which the scene's own clients share with the workload's
	s.history = e.Transactions
	s.knowWriter()
	return nil
}

func name(segment int) string {
	return faults.Node{Role: faults.Segment, Group: 1, Index: segment}.String()
}

func names(segments []int) []string {
	list := make([]string, len(segments))
	for i, segment := range segments {
		list[i] = name(segment)
	}
	return list
}

// knowWriter has clients that come from now on ask the newest writer alone.
func (s *scene) knowWriter() {
	s.directory = workload.Directory{Writers: []node.ID{s.world.Newest(string(faults.Writer))}}
}

// firstClient is the address of the first client of a scene, above those of the volume's nodes and of the workload's clients.
const firstClient node.ID = 1000

// client adds a client that reads rows, and then writes others.
func (s *scene) client(reads, writes []string) (*workload.Errand, error) {
	s.clients++
	settings := settings().Workload
	directory := s.directory // as it is now
	e := workload.NewErrand(settings, s.c.Seed, settings.Clients+2+s.clients, &directory, s.history, reads, writes)
	return e, s.world.AddClient(runtime.Client{ID: firstClient + node.ID(s.clients), Name: fmt.Sprintf("client of the scene %d", s.clients), Actor: workload.Actor{Client: e}})
}

// until lets the world go on for at most so long until something is so, and tells whether it is.
func (s *scene) until(most time.Duration, met func() bool) bool {
	s.outcome = s.world.RunUntil(s.world.Now().Add(most), met)
	return s.outcome.End == runtime.ConditionMet
}

// goes adds a client, and tells whether it is answered within the bound.
func (s *scene) goes(bound time.Duration, reads, writes []string) (*workload.Errand, bool, error) {
	e, err := s.client(reads, writes)
	if err != nil {
		return nil, false, err
	}
	return e, s.until(bound, func() bool { _, done := e.Done(); return done }), nil
}

// prepare brings the volume to the moment before the segments are struck.
func (s *scene) prepare() error {
	if err := s.settle(); err != nil && !s.over() {
		return err
	}
	return nil
}

func (s *scene) settle() error {
	if !s.until(settleBound, s.follower.Stage.Clients.Idle) {
		return fmt.Errorf("expected the accounts set up within %v, found %v", settleBound, s.outcome)
	}
	_, wrote, err := s.goes(settleBound, nil, []string{workload.Row(settledRow)})
	if err != nil || !wrote {
		return cmp.Or(err, fmt.Errorf("expected a write within %v, found %v", settleBound, s.outcome))
	}
	settled := s.acknowledged()
	if !s.until(settleBound, func() bool { return len(s.complete(settled)) == Segments }) {
		return fmt.Errorf("expected all segments complete up to %d within %v, found %v", settled, settleBound, s.complete(settled))
	}
	cut := faults.Plan{Horizon: never, Faults: []faults.Fault{{Kind: faults.Partition, For: faults.Duration(alone), Nodes: names(s.cell.lag())}}}
	if err := s.world.Install(cut, runtime.Succession{}); err != nil {
		return err
	}
	end := s.world.Now().Add(alone)
	_, wrote, err = s.goes(alone, nil, []string{workload.Row(threatenedRow)})
	if err != nil || !wrote {
		return cmp.Or(err, fmt.Errorf("expected a write on segments %v within %v, found %v", s.cell.stores(), alone, s.outcome))
	}
	s.until(time.Duration(end-s.world.Now()), nil)
	if found := s.complete(s.acknowledged()); !slices.Equal(found, s.cell.stores()) {
		return fmt.Errorf("expected the last record on segments %v alone, found it on %v", s.cell.stores(), found)
	}
	return nil
}

// acknowledged is the LSN of the last commit that was acknowledged.
func (s *scene) acknowledged() node.LSN {
	last := uint64(0)
	for i := range s.history.Transactions {
		if t := &s.history.Transactions[i]; t.Outcome == linearizability.Committed && t.Writes() {
			last = max(last, t.Order)
		}
	}
	return node.LSN(max(last, 1) - 1)
}

// complete lists the segments that run, do not say that they are damaged, and claim to be complete up to an LSN.
func (s *scene) complete(upTo node.LSN) []int {
	var list []int
	for i, id := range s.segments {
		if state, tells := s.world.State(id); tells && !state.Damaged && state.SCL >= upTo {
			list = append(list, i+1)
		}
	}
	return list
}

// everything lists the rows that were acknowledged before the segments were struck.
func everything() []string {
	keys := []string{workload.Row(settledRow), workload.Row(threatenedRow)}
	for i := range settings().Workload.Accounts {
		keys = append(keys, workload.Account(i))
	}
	return keys
}

// strike strikes the segments, all at one moment, and finds out what goes on.
func (s *scene) strike() error {
	struck := faults.Plan{Horizon: never}
	for _, segment := range slices.Concat(s.cell.of(Lost), s.cell.of(Wiped)) {
		struck.Faults = append(struck.Faults, faults.Fault{Kind: faults.DiskLost, For: 1, Nodes: names([]int{segment})})
	}
	for _, segment := range s.cell.of(Wiped) {
		s.wiped[s.segments[segment-1]] = true
	}
	if err := s.world.Install(struck, runtime.Succession{}); err != nil {
		return err
	}
	for _, segment := range s.cell.of(Down) {
		if err := s.world.Stop(s.segments[segment-1]); err != nil {
			return err
		}
	}
	if s.cell.Ending == TakeOver {
		s.follower.Stage.Succession.Crash()
		s.follower.Stage.Succession.Start()
		s.knowWriter()
	}
	reads, read, err := s.goes(readBound, everything(), nil)
	if err != nil {
		return err
	}
	reads.Stop()
	s.found.Reads = read
	s.showed(reads, read)
	_, s.found.Writes, err = s.goes(writeBound, nil, []string{workload.Row(struckRow)})
	return err
}

// back starts what was down, and finds out what goes on then.
func (s *scene) back() error {
	for _, segment := range s.cell.of(Down) {
		if err := s.world.Start(s.segments[segment-1]); err != nil {
			return err
		}
	}
	reads, read, err := s.goes(backBound, everything(), nil)
	if err != nil {
		return err
	}
	reads.Stop()
	s.found.ReadsAfter = read
	s.showed(reads, read)
	_, s.found.WritesAfter, err = s.goes(backBound, nil, []string{workload.Row(backRow)})
	return err
}

// showed compares what a client read with what was acknowledged before the segments were struck.
func (s *scene) showed(e *workload.Errand, read bool) {
	if !read {
		return
	}
	s.last = e
	at, _ := e.Done()
	t := &s.history.Transactions[at]
	for i := range t.Ops {
		op := &t.Ops[i]
		if value, was := s.written(op.Key); was && (!op.Found || op.Value != value) {
			s.found.Lost = true
		}
	}
}

// written is what an acknowledged transaction has written in a row; of these rows, one transaction alone writes each.
func (s *scene) written(key string) (string, bool) {
	for i := range s.history.Transactions {
		t := &s.history.Transactions[i]
		if t.Outcome != linearizability.Committed {
			continue
		}
		for _, op := range t.Net() {
			if op.Kind == linearizability.Write && op.Key == key {
				return op.Value, true
			}
		}
	}
	return "", false
}

// judge holds what is left against every check.
func (s *scene) judge() {
	if s.over() {
		s.found.Ended = s.outcome.String()
	}
	for i, id := range s.segments {
		if state, tells := s.world.State(id); tells && state.Damaged {
			s.found.Damaged = append(s.found.Damaged, i+1)
		}
	}
	threatened := node.LSN(0)
	for i := range s.history.Transactions {
		if t := &s.history.Transactions[i]; t.Outcome == linearizability.Committed && slices.ContainsFunc(t.Ops, func(op linearizability.Op) bool {
			return op.Key == workload.Row(threatenedRow) && op.Kind == linearizability.Write
		}) {
			threatened = node.LSN(t.Order - 1)
		}
	}
	s.found.Data = len(s.complete(threatened)) > 0
	e := &judge.Evidence{Name: s.world.Name, Outcome: s.outcome, Limits: s.c.Limits, Audit: -1}
	s.follower.End(e)
	e.Load = nil // what so short a run sends is not what it stands for
	if s.last != nil {
		e.Audit, _ = s.last.Done()
	}
	for _, f := range judge.Judge(e).Findings {
		if s.found.Checks == nil {
			s.found.Checks = map[faults.Check]string{}
		}
		if _, before := s.found.Checks[f.Check]; !before {
			s.found.Checks[f.Check] = f.Sentence()
		}
	}
}
