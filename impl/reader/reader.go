// Package reader is a read replica: a database that changes nothing and reads the same segments as the writer. The
// writer streams its log to it; the reader keeps the pages of its cache fresh from that, mini-transaction by
// mini-transaction and never beyond what is durable, drops the records of all other pages, and answers queries as of
// one point of the log each (SIGMOD 2017 §4.2.4).
//
// Use package writer instead when a client changes something, or must see what was acknowledged a moment ago elsewhere.
package reader

import (
	"time"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
	"github.com/firstgap/firstgap/impl/pool"
	"github.com/firstgap/firstgap/impl/writer"
)

// Limits of a reader. What goes past one is refused with the reason named, and nothing else happens to it.
type Limits struct {
	Snapshots int // open at a time
	Rows      int // of one scan's reply; a scan that has more says so
	Key       int // bytes of a key
	LogAhead  int // records kept that are not in view yet; what comes beyond is asked for again later
	InFlight  int // records kept for pages that are being read; beyond it those pages are read, and not cached
	Pages     int // pages that one query keeps for itself between its calls
}

// DefaultLimits are generous for a simulated volume.
func DefaultLimits() Limits {
	return Limits{Snapshots: 64, Rows: 1024, Key: 256, LogAhead: 8192, InFlight: 4096, Pages: 64}
}

// Config is what a reader needs to know.
type Config struct {
	ID     node.ID
	Volume *node.Volume
	// CachePages is how many pages it keeps fresh.
	CachePages int
	// RetryEvery is how often it reports to the writer, and asks again for what has not come.
	RetryEvery time.Duration
	// IdleAfter is how long a query may wait for its client before it is ended: its read point holds back what
	// segments may collect.
	IdleAfter time.Duration
	Limits    Limits
	// Writer is what becomes of it when it is promoted; its ID and Volume are the reader's.
	Writer writer.Config
}

const tick node.Timer = 1

// lease is for how many ticks a reader serves on without a word of a writer. The writer is patient for twice as long.
const lease = 6

// A Reader is one read replica. It keeps nothing on a disk: one that starts again begins anew.
type Reader struct {
	Config
	hook   node.Hook
	now    node.Time
	writer *writer.Writer // what it has become

	incarnation uint32
	stream      stream
	active      map[node.Txn][]change               // what transactions changed that are active at the view, in the order of the log
	cache       *pool.Pool[node.PageID, *page.Page] // each page reflects exactly the records of it up to the view
	reads       []*pageRead                         // under way, oldest first
	prefer      []int                               // by group: the replica that answered last

	count     uint32
	snapshots []*snapshot // open, in the order in which they began: their read points ascend
	counters  Counters
}

// New returns a reader that has not started.
func New(c Config, hook node.Hook) *Reader {
	return &Reader{
		Config: c, hook: hook,
		stream: stream{wants: true, lasts: make([]node.LSN, c.Volume.Groups())},
		active: map[node.Txn][]change{},
		cache:  pool.New[node.PageID, *page.Page](),
		prefer: make([]int, c.Volume.Groups()),
	}
}

// Counters says what a reader did.
type Counters struct {
	Snapshots  uint64 `json:"-"`                // queries begun
	Rows       uint64 `json:"-"`                // rows that queries were shown
	Hits       uint64 `json:"-"`                // pages that queries used out of the cache
	PagesRead  uint64 `json:"readerPages"`      // pages that segments sent
	Applied    uint64 `json:"-"`                // records applied to cached pages
	Dropped    uint64 `json:"-"`                // records of pages that are not cached
	InFlight   uint64 `json:"inFlight"`         // records applied to a page that was being read when they came into view
	Hidden     uint64 `json:"hidden"`           // changes of active transactions that queries were not shown
	Anew       uint64 `json:"anew"`             // how often it began anew
	Followed   uint64 `json:"-"`                // new writers that it followed
	Collected  uint64 `json:"collectedQueries"` // queries that ended because a segment had dropped what they read
	Promotions uint64 `json:"-"`
	WarmPages  uint64 `json:"-"` // pages of its cache when it was promoted
	Lag        Lags
}

// Counters returns what the reader did since it started.
func (r *Reader) Counters() Counters { return r.counters }

// View returns the point up to which the reader has the log applied: where its next query will read.
func (r *Reader) View() node.LSN { return r.stream.view }

// Serving tells whether it takes queries.
func (r *Reader) Serving() bool { return r.writer == nil && r.stream.serves() }

// Writer returns the writer that it became, nil before it was promoted.
func (r *Reader) Writer() *writer.Writer { return r.writer }

// Step implements node.Node.
func (r *Reader) Step(now node.Time, ev node.Event, out *node.Effects) {
	r.now = now
	if r.writer != nil {
		r.writer.Step(now, ev, out)
		return
	}
	switch ev.Kind {
	case node.Started:
		r.incarnation = ev.Incarnation
		out.Tell(node.Trace{Action: node.ActLose})
		r.askEpoch(out)
		out.SetTimer(tick, r.RetryEvery)
	case node.Fired:
		r.again(out)
		out.SetTimer(tick, r.RetryEvery)
	case node.Received:
		r.receive(ev.From, ev.Message, out)
	case node.Requested:
		r.request(ev.From, &ev.Request, out)
	}
}

func (r *Reader) receive(from node.ID, m node.Message, out *node.Effects) {
	switch m := m.(type) {
	case *node.CurrentEpoch:
		r.currentEpoch(m)
	case *node.Offer:
		r.offered(from, m, out)
	case *node.Stream:
		r.streamed(m, out)
	case *node.Anew:
		r.beginAnew(m, out)
	case *node.PageImage:
		r.pageCame(from, m, out)
	case *node.Behind:
		r.pageRefused(m.Page, m.Attempt, out)
	case *node.BelowFloor:
		r.collected(m.Page, m.Attempt, m.Floor, out)
	case *node.Promote:
		r.promote(out)
	}
}

// again is what a reader does at every tick.
func (r *Reader) again(out *node.Effects) {
	s := &r.stream
	if s.silent++; s.silent == lease+1 {
		r.endAll(node.ReasonNotOpen, out)
	}
	r.askEpoch(out)
	r.report(out)
	r.readAgain(out)
	r.endIdle(out)
}
