// Package database is the database engine before Aurora: it writes ahead to a log, keeps pages of 8 or 16 KB in a pool,
// writes them back lazily and whole, and recovers by redo and undo from what its disk holds. The disk is anything that
// stores blocks (package block): the same engine runs on a disk of its own, on a replicated one, and mirrored.
//
// A transaction that moves 10 from Y, 750, to X, 500, leaves three records: X 500→510, Y 750→740, and its commit. Its rows
// stay locked until the commit is durable, and a crash at any point leaves (500, 750) or (510, 740).
//
// Use package writer instead when the storage keeps the log of a volume: it never writes a page back.
package database

import (
	"fmt"
	"slices"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/lock"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/pool"
)

// Limits of a database. What goes past one is refused with the reason named, and nothing else happens to it.
type Limits struct {
	Transactions int // active at a time
	LogAhead     int // bytes of log that are not durable, before puts are refused
	Rows         int // of one put, and of one scan
	Key          int // bytes
	Value        int // bytes
}

// DefaultLimits are generous for a simulated database.
func DefaultLimits() Limits {
	return Limits{Transactions: 256, LogAhead: 1 << 18, Rows: 1024, Key: 256, Value: 2048}
}

// Config is what a database needs to know.
type Config struct {
	ID         node.ID
	Pages      int // rows are spread over them by a hash of the key
	PageSize   int // bytes: 8192 or 16384 as a rule
	CachePages int // kept in the pool; pages that are not on the disk yet stay beyond it
	// DoubleWrite has every page written twice: to an area for it first, then in its place, so that a page that is torn
	// or damaged has another copy (InnoDB's double-write buffer).
	DoubleWrite bool
	FlushAfter  time.Duration // how long a page may be ahead of the disk
	KeepLog     int           // bytes of log before what no recovery needs is dropped
	TickEvery   time.Duration // how often overdue things are looked after
	IdleAfter   time.Duration // how long a transaction may wait for its client before it is aborted
	Limits      Limits
}

// DefaultConfig is that of a small database with pages of 16 KB, as MySQL's.
func DefaultConfig(id node.ID) Config {
	return Config{ID: id, Pages: 64, PageSize: 16 << 10, CachePages: 32, DoubleWrite: true, FlushAfter: 20 * time.Millisecond,
		KeepLog: 64 << 10, TickEvery: 5 * time.Millisecond, IdleAfter: 200 * time.Millisecond, Limits: DefaultLimits()}
}

// flushBatch is how many pages one write to the page area holds: the size of the double-write area.
const flushBatch = 8

const tick node.Timer = 1

type phase uint8

const (
	opening   phase = iota + 1 // the disk is not there yet
	loading                    // the log is being read
	redoing                    // the pages that the log names are being read
	beginning                  // all is redone and undone, and its last record is not durable yet
	open
	deposed // another instance has the disk
	broken  // the disk has lost what it had
)

func (p phase) String() string {
	return [...]string{"new", "opening", "loading", "redoing", "beginning", "open", "deposed", "broken"}[p]
}

// A Database is one instance.
type Database struct {
	Config
	disk  block.Device
	now   node.Time
	phase phase
	err   error // why it is broken

	// The log.
	epoch   node.Epoch // of this start: no two starts that opened share one
	last    node.LSN   // the last record made
	durable node.LSN
	frames  []byte // made and not under way to the disk
	writing node.LSN
	tail    uint64 // where the next write of the log begins
	base    uint64 // what lies before is dropped, or about to be
	marks   []mark
	barrier uint64 // counts the log writes begun, and
	passed  uint64 // those that are durable

	// Pages.
	pages    *pool.Pool[uint32, *page]
	wanted   []uint32     // asked for and not there
	flushing []*page      // under way to the disk
	images   []node.Block // of these
	doubled  bool         // they are in the double-write area
	found    []logged     // of a recovery
	torn     []uint32     // of a recovery: pages to be taken from the double-write area
	spare    map[uint32][]byte
	// changed is the last record of each page that this start has changed: the disk has it when the page is not in the pool.
	changed map[uint32]node.LSN

	// Transactions.
	count   uint32
	txns    map[node.Txn]*txn
	begun   []*txn // oldest first
	active  []*txn // have changes and no end, in the order of their first record
	commits []*txn // wait for the log, in order
	ready   []*txn
	locks   *lock.Manager

	told []node.Trace // in this step
}

// mark says where a record begins in the log.
type mark struct {
	lsn  node.LSN
	from uint64 // relative to frames until it is under way
}

// New returns a database on that disk, not started.
func New(c Config, disk block.Device) *Database {
	return &Database{Config: c, disk: disk, phase: opening, pages: pool.New[uint32, *page](), changed: map[uint32]node.LSN{}, txns: map[node.Txn]*txn{}, locks: lock.New(node.NoHook{})}
}

// Phase says what the database is doing: new, opening, loading, redoing, beginning, open, deposed or broken.
func (d *Database) Phase() string { return d.phase.String() }

// Err says why the database is broken, or nil.
func (d *Database) Err() error { return d.err }

// Durable returns the last record that is durable.
func (d *Database) Durable() node.LSN { return d.durable }

// State implements node.Teller.
func (d *Database) State() node.State {
	return node.State{Role: "database", Phase: d.Phase(), Epoch: d.epoch, VDL: d.durable, End: d.last,
		Serving: d.phase == open, Damaged: d.phase == broken, Deposed: d.phase == deposed}
}

// Step implements node.Node.
func (d *Database) Step(now node.Time, ev node.Event, out *node.Effects) {
	d.now = now
	switch ev.Kind {
	case node.Started:
		d.disk.Start(ev, out)
		out.SetTimer(tick, d.TickEvery)
	case node.Fired:
		if ev.Timer == tick {
			d.disk.Tick(out)
			d.abortIdle(out)
			d.flushPages(out)
			out.SetTimer(tick, d.TickEvery)
		}
	case node.Requested:
		d.request(ev.From, ev.Request, out)
	default:
		d.disk.Step(ev, out)
	}
	d.advance(out)
	for _, t := range d.told {
		out.Tell(t)
	}
	clear(d.told)
	d.told = d.told[:0]
}

func (d *Database) tell(t node.Trace) { d.told = append(d.told, t) }

// advance goes on as far as the disk lets it.
func (d *Database) advance(out *node.Effects) {
	d.take(out)
	switch d.disk.Status() {
	case block.Refused:
		d.depose(out)
		return
	case block.Broken:
		if d.err == nil {
			d.fail(&DamageError{"disk", "what was written to it", "nothing, or something else"})
		}
		return
	case block.Ready:
		if d.phase == opening {
			d.phase = loading
			d.disk.ReadLog(out)
			d.advance(out) // a disk of its own has answered already
			return
		}
	}
	d.written(out)
	for d.goOn(out); d.take(out); d.goOn(out) {
		// A disk of its own answers at once.
	}
	d.writeLog(out)
}

// take handles what has been read, and tells whether there was anything.
func (d *Database) take(out *node.Effects) bool {
	any := false
	for a, ok := d.disk.Next(); ok; a, ok = d.disk.Next() {
		any = true
		if a.Log {
			d.load(a, out)
		} else {
			d.arrived(a, out)
		}
	}
	return any
}

func (d *Database) fail(err error) { d.phase, d.err = broken, err }

// load takes the log area and asks for the pages that it names.
func (d *Database) load(a block.Arrival, out *node.Effects) {
	if d.phase != loading {
		return
	}
	found, err := readWAL(a.Base, a.Data)
	if err != nil {
		d.fail(err)
		return
	}
	d.phase, d.found, d.base, d.tail = redoing, found, a.Base, a.Base
	for _, l := range found {
		d.marks = append(d.marks, mark{l.record.LSN, l.from})
		d.tail, d.last, d.epoch = l.end, l.record.LSN, max(d.epoch, l.record.Epoch)
	}
	d.epoch++
	d.durable, d.writing = d.last, d.last
	for _, l := range found {
		if l.record.Kind != node.Commit {
			d.page(uint32(l.record.Page), out)
		}
	}
	d.redo(out)
}

// redo repeats, when all pages are there, what the log says and the pages do not have, and takes back what no commit
// ends: each by a record, so that the next recovery does not put old values over later commits.
func (d *Database) redo(out *node.Effects) {
	if d.phase != redoing || len(d.wanted) > 0 || len(d.torn) > 0 {
		return
	}
	var losers []*txn
	byID := map[node.Txn]*txn{}
	for _, l := range d.found {
		r := l.record
		t := byID[r.Txn]
		switch {
		case r.Kind == node.Commit:
			losers = slices.DeleteFunc(losers, func(o *txn) bool { return o == t })
			continue
		case r.Kind == node.Write && t == nil:
			t = &txn{id: r.Txn, first: r.LSN}
			byID[r.Txn] = t
			losers = append(losers, t)
		}
		if t != nil { // else what it began with is dropped, and so it has ended
			if r.Kind == node.Write {
				t.writes = append(t.writes, r)
			} else if t.writes = t.writes[:len(t.writes)-1]; len(t.writes) == 0 {
				losers = slices.DeleteFunc(losers, func(o *txn) bool { return o == t })
				delete(byID, r.Txn)
			}
		}
		p := d.pages.Find(uint32(r.Page)).Value
		switch {
		case r.LSN > p.lsn:
			d.change(p, r)
			p.since = d.now
		case p.dirty == 0 && d.disk.Behind():
			p.dirty, p.since = r.LSN, d.now
		}
	}
	found := make([]*node.Record, len(d.found))
	for i, l := range d.found {
		found[i] = l.record
	}
	d.tell(node.Trace{Action: node.ActWalFound, LSN: d.last, Detail: &node.FoundStep{Records: found}})
	d.found, d.spare = nil, nil
	d.active = losers
	for i := len(losers) - 1; i >= 0; i-- {
		d.takeBack(losers[i])
	}
	// A first record makes the epoch this start's own, and what lies behind the gap is gone when it is durable.
	d.issue(node.Record{Kind: node.Commit, Txn: node.MakeTxn(d.epoch, 0)})
	d.phase = beginning
}

// page returns the page if it is in the pool, and asks for it if not.
func (d *Database) page(id uint32, out *node.Effects) *page {
	if f := d.pages.Find(id); f != nil {
		d.pages.Use(f)
		return f.Value
	}
	if !slices.Contains(d.wanted, id) && !slices.Contains(d.torn, id) {
		d.wanted = append(d.wanted, id)
		d.disk.Read(id, out)
	}
	return nil
}

// locate returns the page of a row.
func (d *Database) locate(key string) uint32 { return uint32(xxh3.HashString(key) % uint64(d.Pages)) }

// arrived takes a block. A page that is damaged is taken from the double-write area, if that has it, and redone from
// there: the log goes back as far as the page may be behind.
func (d *Database) arrived(a block.Arrival, out *node.Effects) {
	if a.Number >= uint32(d.Pages) {
		d.spareArrived(a, out)
		return
	}
	i := slices.Index(d.wanted, a.Number)
	if i < 0 {
		return
	}
	p, err := readPage(a.Number, a.Data)
	if err == nil && p.lsn < d.changed[p.id] {
		// An instance that waits asks its disk again, and the network brings messages twice: a block may still be on its way when
		// its page is already changed, written back, evicted and wanted once more. That answer is of the first question.
		d.disk.Read(p.id, out)
		return
	}
	d.wanted = slices.Delete(d.wanted, i, i+1)
	switch {
	case err == nil:
		d.keep(p)
	case d.phase == redoing && d.DoubleWrite:
		d.torn = append(d.torn, a.Number)
		if len(d.torn) == 1 {
			d.spare = map[uint32][]byte{}
			for i := range flushBatch {
				d.disk.Read(uint32(d.Pages+i), out)
			}
		}
	default:
		d.fail(err)
		return
	}
	d.redo(out)
	d.retryAll()
}

func (d *Database) spareArrived(a block.Arrival, out *node.Effects) {
	if d.phase != redoing || d.spare == nil {
		return
	}
	d.spare[a.Number] = a.Data
	if len(d.spare) < flushBatch {
		return
	}
	for _, id := range d.torn {
		var best *page
		for i := range flushBatch {
			if data := d.spare[uint32(d.Pages+i)]; data != nil {
				if p, err := readPage(id, data); err == nil && (best == nil || p.lsn > best.lsn) {
					best = p
				}
			}
		}
		// An older copy than the log goes back to would lack what the log has dropped.
		if first := d.found[0].record.LSN; best == nil || best.lsn+1 < first {
			d.fail(&DamageError{fmt.Sprintf("page %d", id), "its checksum, or a copy that the log continues", "neither"})
			return
		}
		d.keep(best)
	}
	d.torn, d.spare = nil, nil
	d.redo(out)
}

func (d *Database) keep(p *page) {
	f := d.pages.Add(p.id, p)
	f.Pin() // the transaction that asked for it has not seen it yet
	d.evict()
	f.Unpin()
}

// evict makes room: the page used longest ago goes, if the disk has it.
func (d *Database) evict() {
	if d.phase == open {
		d.pages.Shrink(d.CachePages, func(p *page) bool { return p.dirty == 0 && !p.writing && !d.needed(p.id) })
	}
}

// needed tells whether a transaction under way may need the page at once.
func (d *Database) needed(id uint32) bool {
	for _, t := range d.active {
		for _, r := range t.writes {
			if uint32(r.Page) == id {
				return true // an abort changes it once more
			}
		}
	}
	for _, t := range d.begun {
		if !t.pending {
			continue
		}
		if t.request.Op == node.OpScan {
			return true
		}
		for _, r := range t.request.Rows {
			if d.locate(r.Key) == id {
				return true
			}
		}
	}
	return false
}

// issue makes a record: the page has it at once, the log when it is next written.
func (d *Database) issue(r node.Record) *node.Record {
	d.last++
	r.LSN, r.Epoch, r.Last = d.last, d.epoch, true
	r.Seal()
	d.marks = append(d.marks, mark{r.LSN, uint64(len(d.frames))})
	d.frames = appendFrame(d.frames, &r)
	if r.Kind != node.Commit {
		p := d.pages.Find(uint32(r.Page)).Value
		if p.dirty == 0 {
			p.since = d.now
		}
		d.change(p, &r)
	}
	d.tell(node.Trace{Action: node.ActWalIssue, Record: &r})
	return &r
}

func (d *Database) change(p *page, r *node.Record) {
	p.apply(r)
	d.changed[p.id] = r.LSN
}

// writeLog writes what the log has more than the disk, when the write before it is durable: many commits at a time when
// they come faster than that (group commit). A call that only has to know that the disk is still its own makes a write
// of nothing.
func (d *Database) writeLog(out *node.Effects) {
	if d.phase != beginning && d.phase != open || d.disk.Busy(block.LogLane) {
		return
	}
	ask := len(d.commits) > 0 && d.commits[len(d.commits)-1].barrier > d.barrier
	if len(d.frames) == 0 && !ask {
		return
	}
	start := alignUp(d.tail)
	pad := start - d.tail
	w := node.DiskWrite{Writes: len(d.frames) > 0, LogAt: d.tail, Base: d.keepFrom()}
	if len(d.frames) > 0 {
		size := alignUp(uint64(len(d.frames)))
		w.Log = make([]byte, pad+size)
		copy(w.Log[pad:], d.frames)
		for i := len(d.marks) - 1; i >= 0 && d.marks[i].lsn > d.writing && d.marks[i].lsn > d.durable; i-- {
			d.marks[i].from += start
		}
		d.tail = start + size
	}
	d.base = max(d.base, w.Base)
	d.frames = d.frames[:0]
	d.writing = d.last
	d.barrier++
	d.disk.Write(block.LogLane, w, out)
	d.written(out) // a disk of its own has nothing to do for a write of nothing
}

// keepFrom returns the position before which no recovery looks: what comes before is on the pages of the disk, and is of
// no transaction that may have to be taken back. The last record stays, for its LSN and epoch.
func (d *Database) keepFrom() uint64 {
	need := d.durable
	for p := range d.pages.All() {
		if p.dirty != 0 {
			need = min(need, p.dirty)
		}
	}
	for _, p := range d.flushing {
		need = min(need, p.flush)
	}
	if len(d.active) > 0 {
		need = min(need, d.active[0].first)
	}
	i, _ := slices.BinarySearchFunc(d.marks, need, func(m mark, l node.LSN) int { return int(m.lsn) - int(l) })
	if i >= len(d.marks) || d.marks[i].lsn > d.durable || d.marks[i].from < d.base+uint64(d.KeepLog) {
		return d.base
	}
	from := d.marks[i].from
	d.marks = slices.Delete(d.marks, 0, i)
	return from
}

// written takes note of what the disk has completed.
func (d *Database) written(out *node.Effects) {
	if d.phase != beginning && d.phase != open {
		return
	}
	if d.passed < d.barrier && !d.disk.Busy(block.LogLane) {
		if d.durable != d.writing {
			d.tell(node.Trace{Action: node.ActWalDurable, LSN: d.writing})
		}
		d.durable, d.passed = d.writing, d.barrier
		if d.phase == beginning && d.durable == d.last {
			d.phase = open
			d.tell(node.Trace{Action: node.ActWalOpen})
		}
		for len(d.commits) > 0 && d.commits[0].lsn <= d.durable && d.commits[0].barrier <= d.passed {
			t := d.commits[0]
			d.commits = d.commits[1:]
			if len(t.writes) > 0 {
				d.tell(node.Trace{Action: node.ActWalAck, Txn: t.id})
			}
			d.respond(t, node.Reply{Status: node.OK, LSN: t.lsn}, out)
			d.finish(t)
		}
	}
	if len(d.flushing) > 0 && !d.disk.Busy(block.PageLane) {
		d.flushed(out)
	}
}

// flushPages writes back the pages that have waited longest. A page goes only when the log is durable up to it: what it
// shows may have to be taken back.
func (d *Database) flushPages(out *node.Effects) {
	if d.phase != open || len(d.flushing) > 0 || d.disk.Busy(block.PageLane) || d.disk.Status() != block.Ready {
		return
	}
	hurry := d.pages.Len() > d.CachePages || d.tail-d.base > 2*uint64(d.KeepLog)
	for p := range d.pages.All() {
		if p.dirty != 0 && p.lsn <= d.durable && (hurry || d.now.Sub(p.since) >= d.FlushAfter) {
			d.flushing = append(d.flushing, p)
		}
	}
	if len(d.flushing) == 0 {
		return
	}
	slices.SortFunc(d.flushing, func(a, b *page) int { return int(a.dirty) - int(b.dirty) })
	d.flushing = d.flushing[:min(len(d.flushing), flushBatch)]
	d.images, d.doubled = nil, !d.DoubleWrite
	double := node.DiskWrite{}
	for i, p := range d.flushing {
		d.tell(node.Trace{Action: node.ActWalPage, Page: node.PageID(p.id), LSN: p.lsn})
		image := p.image(d.PageSize)
		d.images = append(d.images, node.Block{Number: p.id, Data: image})
		double.Blocks = append(double.Blocks, node.Block{Number: uint32(d.Pages + i), Data: image})
		p.writing, p.flush, p.dirty = true, p.dirty, 0
	}
	if d.DoubleWrite {
		d.disk.Write(block.PageLane, double, out)
	} else {
		d.disk.Write(block.PageLane, node.DiskWrite{Blocks: d.images}, out)
	}
}

// flushed goes on with the pages under way: from the double-write area to their places, and done.
func (d *Database) flushed(out *node.Effects) {
	if !d.doubled {
		d.doubled = true
		d.disk.Write(block.PageLane, node.DiskWrite{Blocks: d.images}, out)
		return
	}
	for _, p := range d.flushing {
		p.writing, p.flush = false, 0
	}
	d.flushing, d.images = nil, nil
	d.evict()
}

// depose ends this instance: another one has the disk. Commits whose record may have reached it are unknown.
func (d *Database) depose(out *node.Effects) {
	if d.phase == deposed {
		return
	}
	d.phase = deposed
	for _, t := range slices.Clone(d.begun) {
		if t.pending {
			status := node.Aborted
			if t.lsn != 0 && len(t.writes) > 0 {
				status = node.Unknown
			}
			d.respond(t, node.Reply{Status: status, Reason: node.ReasonAttached}, out)
		}
	}
}
