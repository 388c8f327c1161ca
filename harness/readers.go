package harness

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/conform"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/reader"
	"github.com/firstgap/firstgap/impl/writer"
)

// maxReaders is how many read replicas a volume may have.
const maxReaders = node.MaxReaders

// maxReadingClients is how many clients ask readers, at most one for each.
const maxReadingClients = 4

// ReaderCounts says what the readers of runs did.
type ReaderCounts struct {
	Trace     conform.ReaderCounts `json:"trace"`
	Wrong     uint64               `json:"wrong"`     // requests that no reader may carry out, and were refused
	InFlight  uint64               `json:"inFlight"`  // records that came into view while their page was being read
	Hidden    uint64               `json:"hidden"`    // changes of active transactions that were not shown
	Collected uint64               `json:"collected"` // queries that ended because what they read had been collected
	WarmPages uint64               `json:"warmPages"` // that readers brought with them when they became the writer
	Lag       reader.Lags          `json:"lag"`
}

func (c *ReaderCounts) add(d *ReaderCounts) {
	c.Trace.Add(d.Trace)
	mine, other := c.fields(), d.fields()
	for i := range mine {
		*mine[i] += *other[i]
	}
	c.Lag.Add(&d.Lag)
}

func (c *ReaderCounts) fields() []*uint64 {
	return []*uint64{&c.Wrong, &c.InFlight, &c.Hidden, &c.Collected, &c.WarmPages}
}

// amounts lists what is reported of readers.
func (c *ReaderCounts) amounts() []Amount {
	return []Amount{
		{"snapshots of readers", c.Trace.Begins, true},
		{"rows of readers compared", c.Trace.Rows, true},
		{"pages that readers read from a cache", c.Trace.Cached, true},
		{"pages that readers read from segments", c.Trace.Stored, true},
		{"of these, behind the reader's view", c.Trace.Overtaken, true},
		{"records kept for pages in flight", c.InFlight, true},
		{"uncommitted changes hidden by readers", c.Hidden, true},
		{"readers begun anew", c.Trace.Anews, true},
		{"readers that followed a new writer", c.Trace.Follows, true},
		{"readers given up", c.Trace.GivenUp, true},
		{"readers promoted to writer", c.Trace.Promotes, true},
		{"warm pages of promoted readers", c.WarmPages, true},
		{"wrong requests refused by readers", c.Wrong, true},
		{"queries that came too late for collection", c.Collected, true},
		{"lag of readers, median, at most µs", uint64(c.Lag.At(50) / time.Microsecond), false},
		{"lag of readers, p99, at most µs", uint64(c.Lag.At(99) / time.Microsecond), false},
	}
}

// newReader makes our read replica.
func newReader(id node.ID, v *node.Volume, n Nodes, hook node.Hook) node.Node {
	return reader.New(reader.Config{ID: id, Volume: v, CachePages: cmp.Or(n.ReaderCachePages, n.CachePages), RetryEvery: time.Duration(cmp.Or(n.ReaderRetryEvery, n.RetryEvery)),
		IdleAfter: time.Duration(n.IdleAfter), Limits: reader.DefaultLimits(), Writer: writerConfig(id, v, n)}, hook)
}

// What the harness asks readers that it can look into.
type readerView interface {
	Counters() reader.Counters
	Writer() *writer.Writer
}

func (r *runner) firstReader() node.ID { return r.firstWriter() + node.ID(r.writers()) }

// populateReaders adds the readers and the clients that ask them.
func (r *runner) populateReaders() error {
	for i, id := range r.volume.Readers {
		n := faults.Node{Role: faults.Reader, Reader: i + 1}
		err := r.world.Add(sim.Process{ID: id, Name: n.String(), Role: string(faults.Reader), New: func(h node.Hook) node.Node {
			// Whatever it was before, a process that starts is a reader: clients that took it for the writer turn elsewhere.
			if i := slices.Index(r.directory.Writers, id); i >= 0 {
				r.directory.Writers[i] = r.firstWriter()
			}
			return r.keep(r.of.Reader(id, r.volume, r.c.Nodes, h))
		}})
		if err != nil {
			return err
		}
		if err := r.world.Start(id); err != nil {
			return err
		}
	}
	for i := range min(len(r.volume.Readers), maxReadingClients) {
		number := r.c.Workload.Clients + 3 + i // behind the prober and the auditor
		c := workload.NewReadingClient(r.c.Workload, r.c.Seed, number, r.volume.Readers, &r.readings)
		r.reading = append(r.reading, c)
		if err := r.world.AddClient(sim.Client{ID: r.firstClient() + node.ID(number), Name: fmt.Sprintf("reading client %d", i+1), Actor: actor{c}}); err != nil {
			return err
		}
	}
	// A reader that a fault promotes is a writer to clients.
	for _, f := range r.c.Plan.Faults {
		if f.Kind == faults.Promote {
			r.world.At(node.Time(f.At), "promoted "+f.Nodes[0], func() { r.promoted(f.Nodes[0]) })
		}
	}
	return nil
}

// promoted lets the clients know of a reader that has become the writer, if it runs.
func (r *runner) promoted(name string) {
	id, ok := r.world.Named(name)
	if !ok || r.world.Node(id) == nil || slices.Contains(r.directory.Writers, id) {
		return
	}
	r.directory.Writers = append(r.directory.Writers, id)
}

// writerAt returns the writer that runs under an address, if there is one that tells of itself.
func (r *runner) writerAt(id node.ID) (writerView, bool) {
	n := r.world.Node(id)
	if rd, ok := n.(readerView); ok {
		if rd.Writer() == nil {
			return nil, false
		}
		return rd.Writer(), true
	}
	w, ok := n.(writerView)
	return w, ok
}

// judgeSnapshots holds what the reading clients saw against the committed prefixes of the log.
func (r *runner) judgeSnapshots() {
	if len(r.readings.All) > 0 {
		r.evaluated(faults.Snapshots)
	}
	var seen []Snapshot
	for _, q := range r.readings.All {
		seen = append(seen, Snapshot{Reader: q.Reader, Session: q.Session, At: q.At, Asked: q.Asked, Began: q.Began, Answered: q.Answered, Reads: q.Ops})
	}
	for _, err := range Snapshots(r.log, seen, r.world.Name) {
		r.object(violated(faults.Snapshots, err))
	}
	for _, err := range r.readings.Broken {
		r.object(violated(faults.Replies, err))
	}
}

// countReaders fills in what readers did.
func (r *runner) countReaders() {
	c := &r.result.Counts.Readers
	c.Trace = r.validator.ReaderCounts()
	c.Wrong = uint64(r.readings.Wrong)
	for _, made := range r.made {
		n, ok := made.(readerView)
		if !ok {
			continue
		}
		k := n.Counters()
		c.InFlight += k.InFlight
		c.Hidden += k.Hidden
		c.Collected += k.Collected
		if w := n.Writer(); w != nil {
			c.WarmPages += uint64(w.Warmed())
		}
		c.Lag.Add(&k.Lag)
	}
}
