// Package aurora is the project's own implementation as a system under test: a writer, segments in protection groups, an epoch
// register, read replicas and an object store, as the model of spec/volume has them.
//
// It gives every kind of evidence that there is, and so stands every check. Of lets another implementation of one of the roles,
// such as a segment of a stranger's, serve beside our own.
//
// Use harness.Replicas instead when an engineer's nodes all do the same, and package compare when the question is what
// the designs before Aurora cost and lose.
package aurora

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/configuration"
	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/control"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/objects"
	"github.com/firstgap/firstgap/impl/reader"
	"github.com/firstgap/firstgap/impl/segment"
	"github.com/firstgap/firstgap/impl/writer"
)

// An Implementation makes the nodes of a volume.
type Implementation struct {
	// SegmentDisk is what the disk of a segment holds when the volume is new: it was formatted before.
	SegmentDisk []node.File
	Register    func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node
	Segment     func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node
	Objects     func(hook node.Hook) node.Node // the object store; nil: runs have none, also where a configuration asks for one
	Writer      func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node
	Reader      func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node // needed where a configuration has readers
	// Recovery makes a writer that only recovers: it fences, cuts, repairs and tells Open, and serves nobody. With it the first node to
	// lead is a Writer, each one that takes over is a Recovery, and when that has told Open a Writer takes over from it in turn. Clients
	// know of the Writers alone. nil: Writers take over from Writers.
	Recovery func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node

	// Without is what its nodes leave out.
	Without Without
	// Never names what else its runs cannot count (see harness.About).
	Never []string
	// Bugs are the planted bugs that its nodes ask their hooks for, in any build; nil: those of our own nodes, in a build with the
	// failpoint overlay.
	Bugs []faults.PlantedBug
}

// Without says what segments leave out, and writers. Generated configurations ask for none of it, one that does is refused, and checks that
// need it are reported as not made.
type Without struct {
	Trace  bool // they tell no trace, so no model follows what the volume does; what the writer logged is still known
	Pages  bool // they tell no node.State, or answer no ReadSnapshot, so no copies of a page are compared
	Fill   bool // they give no page images to a peer and take none: no spares, and no disk is lost
	Tails  bool // every segment keeps pages
	Backup bool // they put nothing into the object store
	Upkeep bool // they turn no log into pages and scrub nothing: nothing of it is expected of a campaign
	Tree   bool // the writers keep rows on pages by a rule of their own, and those make no tree
	Room   bool // they wait for ever for what a full disk refused: no disk of theirs is full, nor forgets, nor misreads
}

// stands tells whether it can be told how the segments stand, and who is a member.
func (i *Implementation) stands() bool {
	return !i.Without.Trace && !i.Without.Pages && !i.Without.Upkeep
}

// kinds are the kinds of evidence that its runs leave.
func (i *Implementation) kinds() []judge.Kind {
	kinds := []judge.Kind{judge.Transactions, judge.Readings, judge.Audit, judge.TheLog, judge.Messages, judge.Scenes, judge.Calls}
	for _, k := range []struct {
		kind judge.Kind
		is   bool
	}{{judge.Trace, !i.Without.Trace}, {judge.Trees, !i.Without.Tree}, {judge.Pages, !i.Without.Pages}, {judge.Store, !i.Without.Backup}, {judge.Standing, i.stands()}, {judge.Loads, i.stands()}} {
		if k.is {
			kinds = append(kinds, k.kind)
		}
	}
	return kinds
}

// never names what runs cannot count then.
func (w Without) never() []string {
	var names []string
	if w.Fill {
		names = append(names, "scenes.lost-in-recovery", "scenes.last-full-lost", "filled", "given", "trace.begun", "trace.overlapping", "trace.finished", "trace.reverted", "world.wipes")
	}
	if w.Tree {
		names = append(names, "structures", "shrinks")
	}
	if w.Tails {
		names = append(names, "scenes.last-full-lost")
	}
	if w.Upkeep {
		names = append(names, "coalesced", "collected", "scrubbed", "world.misreads")
	}
	if w.Room {
		names = append(names, "world.noRoom", "world.misreads", "world.forgotten")
	}
	return names
}

// limit takes out of a volume what segments leave out.
func (w Without) limit(v *Volume) {
	if w.Fill {
		v.Replicas, v.Spares = v.Replicas-v.Spares, 0
	}
	if w.Tails {
		v.Tails = 0
	}
	if w.Backup {
		v.BackupWindow = 0
	}
}

// refuse refuses a volume that asks for what segments leave out.
func (w Without) refuse(v Volume) error {
	var broken []error
	for _, f := range []struct {
		out   bool
		field string
		found int
	}{{w.Fill, "volume.spares", v.Spares}, {w.Tails, "volume.tails", v.Tails}, {w.Backup, "volume.backupWindow", v.BackupWindow}} {
		if f.out && f.found != 0 {
			broken = append(broken, &configuration.Error{Field: f.field, Found: fmt.Sprint(f.found), Want: "0, for these segments leave it out"})
		}
	}
	return errors.Join(broken...)
}

// Ours is the project's own implementation.
func Ours() Implementation {
	return Implementation{
		SegmentDisk: segment.Formatted(),
		Register: func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node {
			c := control.Config{ID: id, Volume: v, SuspectAfter: n.SuspectAfter}
			if v.Spares > 0 {
				c.MonitorEvery = time.Duration(n.MonitorEvery) // without spares no segment could take a suspect's place
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
		Reader: func(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node {
			return reader.New(reader.Config{ID: id, Volume: v, CachePages: cmp.Or(n.ReaderCachePages, n.CachePages), RetryEvery: time.Duration(cmp.Or(n.ReaderRetryEvery, n.RetryEvery)),
				IdleAfter: time.Duration(n.IdleAfter), Limits: reader.DefaultLimits(), Writer: writerConfig(id, v, n)}, hook)
		},
	}
}

func writerConfig(id node.ID, v *node.Volume, n Nodes) writer.Config {
	limits := writer.DefaultLimits()
	limits.LogAhead = n.LogAhead
	return writer.Config{ID: id, Volume: v, CachePages: n.CachePages,
		RetryEvery: time.Duration(n.RetryEvery), IdleAfter: time.Duration(n.IdleAfter), Limits: limits}
}

// Name is that of our own system.
const Name = "aurora"

// System returns our own implementation as a system.
func System() harness.System { return Of(Name, Ours()) }

// Reaches tells whether a run of a configuration can come to the place of a planted bug: where it lacks what the bug needs, it is
// the same run as without the bug.
func Reaches(bug faults.PlantedBug, whole *configuration.Configuration) (bool, error) {
	c, err := Read(whole)
	if err != nil {
		return false, err
	}
	v := &c.Volume
	switch bug.Needs {
	case faults.Reading:
		return v.Readers > 0, nil
	case faults.Storing:
		return v.BackupWindow > 0, nil
	case faults.Replacing:
		return v.Spares > 0, nil
	case faults.Growing:
		return v.GroupPages > 0, nil
	case faults.Tailed:
		return v.Tails > 0, nil
	}
	return true, nil
}

// Of returns an implementation as a system of that name. One of Name is taken to be our own.
func Of(name string, i Implementation) harness.System { return system{name, i} }

// Implements returns what a system's nodes are made by, where Of or System has made the system.
func Implements(s harness.System) (i Implementation, is bool) {
	of, is := s.(system)
	return of.of, is
}

type system struct {
	name string
	of   Implementation
}

func (s system) Name() string { return s.name }

func (s system) About() harness.About {
	a := harness.About{
		What:  "a writer, segments in protection groups of 6 copies in 3 zones, 4 of which make a record written, readers, an object store",
		Gives: s.of.kinds(), Never: slices.Concat(s.of.Without.never(), s.of.Never), Bugs: s.of.Bugs,
	}
	a.Volume = !s.of.Without.Trace
	if a.Bugs == nil {
		a.Bugs, a.Overlay = faults.PlantedBugs(), true
	}
	return a
}

func (s system) Generate(seed uint64, g harness.Generation) (configuration.Configuration, error) {
	c, err := generate(seed, g, s.of.Without)
	if err != nil {
		return configuration.Configuration{}, err
	}
	c.System = s.name
	whole := c.Whole()
	return whole, harness.Validate(s, &whole)
}

func (s system) Topology(c *configuration.Configuration) (faults.Topology, error) {
	full, err := Read(c)
	if err != nil {
		return faults.Topology{}, err
	}
	return full.Topology(), errors.Join(full.validateSettings(), s.of.Without.refuse(full.Volume))
}

// Addresses: the register, the segments by group and replica, then the writers in the order in which they start, the
// readers, then the clients.
const register node.ID = 1

func (s system) Build(whole *configuration.Configuration, stage *harness.Stage) error {
	c, err := Read(whole)
	if err != nil {
		return err
	}
	b := &built{of: s.of, c: &c, r: stage.Runtime, history: &workload.History{}}
	return b.build(stage)
}

// built is a volume in a run.
type built struct {
	of        Implementation
	c         *Configuration
	r         runtime.Runtime
	volume    *node.Volume
	validator *conform.Validator // nil: the segments tell no trace
	watch     watch
	directory workload.Directory
	history   *workload.History
	clients   []*workload.Client
	reading   []*workload.ReadingClient
	readings  workload.Readings
	audit     *workload.Auditor
	started   int // writers
	succeeded succeeded
}

func (b *built) firstWriter() node.ID {
	return register + 1 + node.ID(b.c.Volume.Groups*b.c.Volume.Replicas)
}

// writers is how many the run may start: the first, and those that take over from it or, where recoveries do that, from a recovery.
func (b *built) writers() int { return 1 + max(b.takeOvers(), b.mostOpened()) }

// takeOvers is how many nodes may take over: those of the plan, one after it, and the last.
func (b *built) takeOvers() int {
	n := 2
	for _, f := range b.c.Plan.Faults {
		if f.Kind == faults.TakeOver || f.Kind == faults.FailOver {
			n++
		}
	}
	return n
}

func (b *built) firstReader() node.ID {
	return b.firstWriter() + node.ID(b.writers()) + node.ID(b.recoveries())
}

func (b *built) firstClient() node.ID { return b.firstReader() + node.ID(b.c.Volume.Readers) }

// objectStore is the address of the object store: behind those of the clients, the prober and the auditor.
func (b *built) objectStore() node.ID { return b.firstClient() + node.ID(b.c.Workload.Clients) + 2 }

// build adds the nodes and the clients, and starts them.
func (b *built) build(stage *harness.Stage) error {
	c := b.c
	b.volume = &node.Volume{WriteQuorum: c.Volume.WriteQuorum, ReadQuorum: c.Volume.ReadQuorum, PageSize: c.Volume.PageSize,
		Spares: c.Volume.Spares, Tails: c.Volume.tails(), InUse: c.Volume.InUse, GroupPages: c.Volume.GroupPages, Register: register}
	if c.Volume.BackupWindow > 0 && b.of.Objects != nil {
		b.volume.Objects, b.volume.Window = b.objectStore(), c.Volume.BackupWindow
	} else {
		stage.Plan.Faults = slices.DeleteFunc(slices.Clone(stage.Plan.Faults), strikesObjects)
	}
	topology := c.Topology()
	for replica := range c.Volume.Replicas {
		b.volume.Zones = append(b.volume.Zones, topology.ZoneOf(replica+1))
	}
	next := register + 1
	for range c.Volume.Groups {
		var members []node.ID
		for range c.Volume.Replicas {
			members = append(members, next)
			next++
		}
		b.volume.Segments = append(b.volume.Segments, members)
	}
	for i := range c.Volume.Readers {
		b.volume.Readers = append(b.volume.Readers, b.firstReader()+node.ID(i))
	}
	if !b.of.Without.Trace {
		var err error
		if b.validator, err = conform.New(b.volume); err != nil {
			return err
		}
		stage.Model, stage.Volume = b.validator, b.volume
	}
	b.watch = watch{name: b.r.Name, writers: b.firstWriter(), clients: b.firstClient(), opened: b.opened}
	stage.Answers, stage.Idle = true, b.idle
	if b.of.stands() {
		stage.Stand = b.stand
	}
	stage.Observer, stage.Clients, stage.Succession, stage.Evidence = &b.watch, b, succession{b}, b.evidence
	return b.populate()
}

// strikesObjects tells whether a fault is one of the object store, which an implementation may lack.
func strikesObjects(f faults.Fault) bool {
	return slices.Contains(f.Nodes, string(faults.Objects)) || slices.Contains(f.To, string(faults.Objects))
}

// populate adds the nodes and clients and starts them.
func (b *built) populate() error {
	c, w := b.c, b.r
	topology := c.Topology()
	err := w.Add(runtime.Process{ID: register, Name: string(faults.Register), New: func(h node.Hook) node.Node {
		return b.of.Register(register, b.volume, c.Nodes, h)
	}})
	for g, members := range b.volume.Segments {
		for i, id := range members {
			n := faults.Node{Role: faults.Segment, Group: g + 1, Index: i + 1}
			err = errors.Join(err, w.Add(runtime.Process{ID: id, Name: n.String(), Zone: topology.Zone(n), Disk: b.of.SegmentDisk, New: func(h node.Hook) node.Node {
				return b.of.Segment(id, b.volume, c.Nodes, h)
			}}), w.Start(id))
		}
	}
	for i := range b.writers() {
		id := b.firstWriter() + node.ID(i)
		err = errors.Join(err, w.Add(runtime.Process{ID: id, Name: fmt.Sprintf("writer %d", i+1), Role: string(faults.Writer), New: func(h node.Hook) node.Node {
			return b.of.Writer(id, b.volume, c.Nodes, h)
		}}))
	}
	err = errors.Join(err, b.populateRecoveries(), w.Start(register))
	if id := b.volume.Objects; id != 0 {
		err = errors.Join(err, w.Add(runtime.Process{ID: id, Name: string(faults.Objects), New: func(h node.Hook) node.Node {
			return b.of.Objects(h)
		}}), w.Start(id))
	}
	b.startWriter()
	err = errors.Join(err, b.populateReaders())
	for i := range c.Workload.Clients {
		client := workload.NewClient(c.Workload, c.Seed, i+1, &b.directory, b.history)
		b.clients = append(b.clients, client)
		n := faults.Node{Role: faults.Client, Index: i + 1}
		err = errors.Join(err, w.AddClient(runtime.Client{ID: b.firstClient() + node.ID(i), Name: n.String(), Actor: workload.Actor{Client: client}}))
	}
	return err
}

// maxReadingClients is how many clients ask readers, at most one for each.
const maxReadingClients = 4

// populateReaders adds the readers and the clients that ask them.
func (b *built) populateReaders() error {
	for i, id := range b.volume.Readers {
		n := faults.Node{Role: faults.Reader, Index: i + 1}
		err := b.r.Add(runtime.Process{ID: id, Name: n.String(), Role: string(faults.Reader), New: func(h node.Hook) node.Node {
			// A process that starts is a reader, also one that had been promoted: clients that took it for the writer turn elsewhere.
			if i := slices.Index(b.directory.Writers, id); i >= 0 {
				b.directory.Writers[i] = b.firstWriter()
			}
			return b.of.Reader(id, b.volume, b.c.Nodes, h)
		}})
		if err != nil {
			return err
		}
		if err := b.r.Start(id); err != nil {
			return err
		}
	}
	for i := range min(len(b.volume.Readers), maxReadingClients) {
		number := b.c.Workload.Clients + 3 + i // behind the prober and the auditor
		c := workload.NewReadingClient(b.c.Workload, b.c.Seed, number, b.volume.Readers, &b.readings)
		b.reading = append(b.reading, c)
		if err := b.r.AddClient(runtime.Client{ID: b.firstClient() + node.ID(number), Name: fmt.Sprintf("reading client %d", i+1), Actor: workload.Actor{Client: c}}); err != nil {
			return err
		}
	}
	// A reader that a fault promotes is a writer to clients.
	for _, f := range b.c.Plan.Faults {
		if f.Kind == faults.Promote {
			b.r.At(node.Time(f.At), "promoted "+f.Nodes[0], func() { b.promoted(f.Nodes[0]) })
		}
	}
	return nil
}

// promoted lets the clients know of a reader that has become the writer, if it runs.
func (b *built) promoted(name string) {
	id, ok := b.r.Named(name)
	if !ok || !b.r.Running(id) || slices.Contains(b.directory.Writers, id) {
		return
	}
	b.directory.Writers = append(b.directory.Writers, id)
}

// startWriter starts the next writer, and lets the clients know of it.
func (b *built) startWriter() {
	id := b.firstWriter() + node.ID(b.started)
	b.started++
	b.watch.effects.starts = append(b.watch.effects.starts, b.r.Now())
	if err := b.r.Start(id); err != nil {
		panic(fmt.Sprintf("aurora: %v", err)) // there are as many writers as the plan can start
	}
	b.directory.Writers = append(b.directory.Writers, id)
	b.served()
}

// takeOver starts whoever takes over.
func (b *built) takeOver() {
	if b.of.Recovery != nil {
		b.startRecovery()
		return
	}
	b.startWriter()
}

// succession replaces the writer.
type succession struct{ *built }

func (s succession) Runtime() runtime.Succession {
	return runtime.Succession{Role: string(faults.Writer), Start: s.takeOver, Promote: &node.Promote{}}
}

func (s succession) Start() { s.takeOver() }

// Lives tells whether the newest writer runs, and some writer serves or tries to.
func (s succession) Lives() bool {
	if !s.r.Running(s.r.Newest(string(faults.Writer))) {
		return false
	}
	for _, id := range s.leading() {
		state, tells := s.r.State(id)
		// A node that tells no state is taken to be alive; a reader counts once it is promoted.
		if s.r.Running(id) && (!tells || state.Role != string(faults.Reader) && !state.Deposed) {
			return true
		}
	}
	return false
}

func (s succession) Crash() {
	for _, id := range s.leading() {
		if err := s.r.Stop(id); err != nil {
			panic(fmt.Sprintf("aurora: %v", err)) // every one of them is a process
		}
	}
}
