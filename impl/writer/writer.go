// Package writer is the database instance: the one node that gives records their LSNs. It keeps rows in the volume's
// B+tree and runs transactions under strict two-phase locking of rows and ranges; it sends the volume's segments log
// records and never a page, reads a page that it lacks from one segment, acknowledges a commit when the volume is durable
// up to it, and takes over from its predecessor by fencing, cutting, repairing and undoing (SIGMOD 2017 §4, SIGMOD 2018
// §2.4, §3.1).
//
// Clients get one reply to each request. Refused leaves the transaction as it was; Aborted says that it is rolled back,
// and is sent when the last of its changes is taken back, or by a writer that has been replaced, whose successor takes them
// back before anybody sees the rows; Unknown is for a commit that was logged by a writer that was
// replaced before it was durable. Nothing blocks: what waits for a lock, a page, the VDL or a new group is put aside, and
// carried on by the step that brings what it waits for.
//
// Use package reader instead when a client only reads and may see a moment ago, and package baseline/database when the
// database has a disk.
package writer

import (
	"time"

	"github.com/firstgap/firstgap/impl/lock"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// Limits of a writer. What goes past one is refused with the reason named, and nothing else happens to it.
type Limits struct {
	Transactions int // active at a time
	LogAhead     int // LSNs given beyond the VDL before puts wait (the paper's LAL)
	Stalled      int // puts that wait because of it; more are refused
	Rows         int // of one put, and of one reply to a scan
	Key          int // bytes; key and value together are bounded by a quarter of a page as well (page.MaxCell)
	Value        int // bytes
	Locks        int // of one transaction, and changes that it has not taken back
	Savepoints   int // of one transaction
	Ended        int // transactions whose end is remembered, to tell it to who calls once more
}

// DefaultLimits are generous for a simulated volume.
func DefaultLimits() Limits {
	return Limits{Transactions: 256, LogAhead: 4096, Stalled: 64, Rows: 64, Key: 256, Value: 4096, Locks: 4096, Savepoints: 64, Ended: 1024}
}

// Config is what a writer needs to know.
type Config struct {
	ID     node.ID
	Volume *node.Volume
	// CachePages is how many pages it keeps. Pages with changes that are not durable yet, and those that an operation
	// needs that waits for others, stay beyond it.
	CachePages int
	// RetryEvery is how long it waits for an answer before it asks again.
	RetryEvery time.Duration
	// IdleAfter is how long a transaction may wait for its client before it is aborted: its locks would outlive a
	// client that is gone.
	IdleAfter time.Duration
	Limits    Limits
	// Warm is what a reader that became this writer had cached.
	Warm Warm
}

type phase uint8

const (
	competing phase = iota + 1 // for an epoch
	fencing                    // a read quorum of every group
	repairing                  // what is kept, to a write quorum of every group
	open
	deposed
)

func (p phase) String() string {
	return [...]string{"new", "competing", "fencing", "repairing", "open", "deposed"}[p]
}

// Timers.
const (
	tick  node.Timer = 1
	hedge node.Timer = 2 // a page read becomes slow
)

// Counters count what a writer has done since it started.
type Counters struct {
	Hits       uint64 `json:"cacheHits"`   // pages that were looked for and in the cache
	Misses     uint64 `json:"cacheMisses"` // pages that were read from a segment
	Evictions  uint64 `json:"evictions"`   // pages that the cache gave back
	Probes     uint64 `json:"probes"`      // reads that went to another segment than the fastest
	Hedges     uint64 `json:"hedges"`      // reads that a second segment was asked for, because the first was slow
	Stalls     uint64 `json:"stalls"`      // puts that waited because the log was too far ahead of the VDL
	Growth     uint64 `json:"growthWaits"` // puts that waited because the volume had to grow
	Structures uint64 `json:"structures"`  // structural changes of the tree
	Shrinks    uint64 `json:"shrinks"`     // of them, those that gave a page back
	Scans      uint64 `json:"-"`
	Rollbacks  uint64 `json:"-"` // to a savepoint
	Undone     uint64 `json:"-"` // changes taken back
	Deadlocks  uint64 `json:"-"`
}

// A Writer is one database instance, from its start to the moment at which a newer one replaces it.
type Writer struct {
	Config
	hook    node.Hook
	quorums node.Quorums
	now     node.Time
	phase   phase
	epoch   node.Epoch
	ticks   int

	// Taking over.
	token   uint64
	expect  node.Epoch
	known   bool // expect was read
	answers [][]*node.Fenced
	load    loading
	history node.History
	undoing []*txn // found active in what was kept, oldest first

	// The log, from first on: what may have to be sent again, or undone.
	log    []*node.Record
	first  node.LSN
	end    node.LSN
	vcl    node.LSN
	vdl    node.LSN
	floor  node.LSN // every read is at or above it, see raiseFloor
	groups []group  // in use

	geometry node.Geometry
	changing changing // of the geometry

	// Transactions.
	count      uint32
	txns       map[node.Txn]*txn
	begun      []*txn // not finished, in the order in which they began
	active     []*txn // with changes and neither committed nor undone, in the order of their first LSN
	commits    []*txn // waiting for the VDL, by commit LSN
	stalled    []*txn // puts waiting for the VDL
	full       []*txn // whose undo waits for room in the volume
	ended      map[node.Txn]ended
	endedOrder []node.Txn // of ended, oldest first
	locks      *lock.Manager
	ready      []*operation // may go on
	confirms   confirms
	feed       feed

	// Pages.
	cache     *cache
	view      view
	spareUsed [][]*cachedPage // of operations that have ended
	pageSize  int
	warmed    int          // pages taken over from the reader that it was
	tidying   []*operation // of the tree, under way
	counters  Counters
}

// A group is what the writer knows of one protection group.
type group struct {
	members   node.Membership // who counts
	replicas  []replica       // all that are provisioned; only members are sent to, asked and counted
	lsns      []node.LSN      // of the group, from w.first on, ascending
	last      node.LSN        // the group's last LSN
	atVDL     node.LSN        // its last LSN at or below the VDL
	sent      node.LSN        // its last LSN that was sent to all
	toldVDL   node.LSN        // the VDL that was last sent to all
	toldFloor node.LSN        // and the floor
	tellings  int             // ticks for which they are told it again
}

// A replica is what the writer knows of one segment.
type replica struct {
	id        node.ID
	joined    bool          // follows this writer's log: only then its SCL counts
	scl       node.LSN      // acknowledged in this epoch
	before    node.LSN      // scl at the last tick
	confirmed uint64        // the newest round of questions that it answered (see confirms)
	answers   time.Duration // how long it takes to answer for a page, smoothed; 0 is unknown
}

// New returns a writer that has not started.
func New(c Config, hook node.Hook) *Writer {
	w := &Writer{
		Config: c, hook: hook, quorums: c.Volume.Quorums(), phase: competing, first: 1,
		txns:  map[node.Txn]*txn{},
		ended: map[node.Txn]ended{},
		locks: lock.New(hook),
		cache: newCache(c.CachePages), pageSize: page.SizeOf(c.Volume),
		feed: newFeed(c.Volume, c.ID),
	}
	w.view.w = w
	w.adopt(c.Volume.FirstGeometry())
	return w
}

// addGroup brings the next group of the volume into use.
func (w *Writer) addGroup(m node.Membership) {
	g := group{members: m}
	for _, id := range w.Volume.Segments[len(w.groups)] {
		g.replicas = append(g.replicas, replica{id: id})
	}
	w.groups = append(w.groups, g)
	w.answers = append(w.answers, make([]*node.Fenced, len(g.replicas)))
}

// groupOf returns the group that stores page p.
func (w *Writer) groupOf(p node.PageID) node.Group { return w.geometry.GroupOf(p) }

// eachMember calls do with every segment of the group that counts, in the order of their replica numbers.
func (g *group) eachMember(do func(r int, p *replica)) {
	members := g.members.Members()
	for r := range g.replicas {
		if members.Has(r) {
			do(r, &g.replicas[r])
		}
	}
}

// complete returns the members that follow this writer's log and are complete up to l.
func (g *group) complete(l node.LSN) node.Replicas {
	var who node.Replicas
	g.eachMember(func(r int, p *replica) {
		if p.joined && p.scl >= l {
			who = who.With(r)
		}
	})
	return who
}

// Phase returns where the writer is in its life, as a word.
func (w *Writer) Phase() string { return w.phase.String() }

// Open tells whether it serves.
func (w *Writer) Open() bool { return w.phase == open }

// Deposed tells whether it has learned that a newer writer took over.
func (w *Writer) Deposed() bool { return w.phase == deposed }

// Epoch returns the epoch that it has won, or 0.
func (w *Writer) Epoch() node.Epoch { return w.epoch }

// VDL returns the volume durable LSN.
func (w *Writer) VDL() node.LSN { return w.vdl }

// End returns the last LSN that it has given.
func (w *Writer) End() node.LSN { return w.end }

// Counters returns what it has done since it started.
func (w *Writer) Counters() Counters { return w.counters }

// Step implements node.Node.
func (w *Writer) Step(now node.Time, ev node.Event, out *node.Effects) {
	w.now = now
	if w.phase == deposed {
		if ev.Kind == node.Requested {
			w.refuseDeposed(ev.From, ev.Request, out)
		}
		return
	}
	switch ev.Kind {
	case node.Started:
		w.token = uint64(w.ID)<<32 | uint64(ev.Incarnation)
		w.compete(out)
		out.SetTimer(tick, w.RetryEvery)
	case node.Fired:
		if ev.Timer == hedge {
			w.hedgeReads(out)
			return
		}
		w.ticks++
		w.retry(out)
		out.SetTimer(tick, w.RetryEvery)
	case node.Received:
		w.receive(ev.From, ev.Message, out)
	case node.Requested:
		w.request(ev.From, ev.Request, out)
	}
	w.goOn(out)
	w.shrink()
	w.send(out)
	w.stream(out)
}

func (w *Writer) receive(from node.ID, m node.Message, out *node.Effects) {
	switch m := m.(type) {
	case *node.CurrentEpoch:
		w.currentEpoch(m, out)
		return
	case *node.Swapped:
		w.swapped(m, out)
		return
	case *node.Follow:
		w.follow(from, m, out)
		return
	case *node.Changed:
		w.changed(m, out)
		return
	case *node.Health:
		w.health(m, out)
		return
	}
	g, r, segment := w.Volume.Find(from)
	if !segment || int(g) >= len(w.groups) || !w.groups[g].members.Members().Has(r) {
		return // what a segment says counts only while it is a member
	}
	switch m := m.(type) {
	case *node.Stale:
		// gofail: var bugStaleIgnored struct{}
		// if w.hook.Planted("bugStaleIgnored") {
		// 	return
		// }

		if m.Promise > w.epoch && w.epoch != 0 {
			w.depose(out)
		}
	case *node.Fenced:
		if m.Epoch == w.epoch {
			w.fenced(g, r, m, out)
		}
	case *node.LogRecords:
		if m.Epoch == w.epoch {
			w.loaded(g, m, out)
		}
	case *node.Joined:
		if m.Epoch == w.epoch {
			w.joined(g, r, m.SCL, out)
		}
	case *node.Appended:
		if m.Epoch == w.epoch {
			w.joined(g, r, m.SCL, out)
		}
	case *node.NotJoined:
		if m.Epoch == w.epoch {
			w.groups[g].replicas[r].joined = false
		}
	case *node.PageImage:
		if m.Epoch == w.epoch {
			w.pageRead(m)
		}
	case *node.Behind:
		if m.Epoch == w.epoch {
			w.pageBehind(m, out)
		}
	case *node.Confirmed:
		if m.Epoch == w.epoch {
			w.confirmed(g, r, m.Round, out)
		}
	}
}

// retry asks again for what has not been answered since the last tick.
func (w *Writer) retry(out *node.Effects) {
	switch w.phase {
	case competing:
		// gofail: var bugCompeteOnce struct{}
		// if w.hook.Planted("bugCompeteOnce") {
		// 	break
		// }

		w.compete(out)
	case fencing:
		// gofail: var bugFenceOnce struct{}
		// if w.hook.Planted("bugFenceOnce") {
		// 	break
		// }

		w.fence(out)
	case repairing:
		if w.load.missing > 0 {
			w.load.idle++
		}
		if w.load.idle > mostIdleLoads {
			w.depose(out)
			return
		}
		w.join(out)
		w.loadMore(true, out)
		w.resend(out)
	case open:
		w.join(out)
		w.resend(out)
		w.readPagesAgain(out)
		w.undoAgain()
		w.confirmAgain(out)
		w.feedAgain(out)
		w.abortIdle(out)
		w.tend(out)
		w.forget()
	}
}

// depose ends this writer: a newer one has taken over. Commits whose record was issued may have been kept by it.
func (w *Writer) depose(out *node.Effects) {
	w.phase = deposed
	out.ClearTimer(tick)
	out.ClearTimer(hedge)
	for _, t := range w.begun {
		if t.pending {
			status := node.Aborted
			if t.commitLSN != 0 {
				status = node.Unknown
			}
			// gofail: var bugDoubtIsAborted struct{}
			// if w.hook.Planted("bugDoubtIsAborted") {
			// 	status = node.Aborted
			// }

			w.respond(t, node.Reply{Status: status, Reason: node.ReasonFenced}, out)
		}
	}
}

func (w *Writer) refuseDeposed(from node.ID, r node.Request, out *node.Effects) {
	status := node.Refused
	if r.Op == node.OpCommit {
		status = node.Aborted // this writer issues no commit record any more, and a client asks for a commit once
	}
	out.Respond(from, node.Reply{ID: r.ID, Op: r.Op, Txn: r.Txn, Status: status, Reason: node.ReasonFenced, Epoch: w.epoch})
}
