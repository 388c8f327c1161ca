package reader

import (
	"fmt"
	"slices"
)

// A Volume is what a replay has to know of the volume: the logs of its writers, and how far they are durable. Epochs, LSNs and
// pages are the volume's own numbers; epochs and LSNs count from 1.
type Volume interface {
	Newest() int                  // the newest epoch that has decided on a log
	End(e int) int                // the last LSN of the log of e
	Base(e int) int               // how much of it e kept from before
	VDL(e int) int                // as the writer of e left it
	LastCPL(e, n int) int         // on the log of e, at or below n
	Version(e, k, n int) int      // the LSN of the newest record of page k at or below n on the log of e, 0 if absent
	Common(d, e int) int          // up to where the logs of d and e are the same
	Complete(segment, e int) int  // up to where the segment has all of its group's records of the log of e
	LastIn(segment, e, n int) int // the last LSN of the segment's group at or below n on the log of e
}

// A Replay steps the readers of one run by what they and their writers tell: the actions of the module with Leases, and
// the same guards, over logs of any length. A reader may have several queries; each is the model's one query, beside others
// that it knows nothing of.
type Replay struct {
	volume  Volume
	readers map[int]*replayed
	order   []int              // of readers
	low     []map[int]*counted // by epoch-1: what its writer knows of each reader
	floor   int                // the highest that any writer told segments
}

// replayed is one reader.
type replayed struct {
	on   bool // it serves
	held bool // no writer has given it up since it began
	line int
	have int // it has the log of line up to there: got
	told int
	last int
	view int
	open []query // by snap
	left bool    // it was made the writer
}

type query struct {
	name uint64
	snap int
}

// counted is what a writer knows of a reader.
type counted struct {
	low  int
	gone bool // it waits for it no longer
}

// NewReplay returns a replay of readers with these names, none of which has begun.
func NewReplay(v Volume, readers []int) *Replay {
	p := &Replay{volume: v, readers: map[int]*replayed{}, order: slices.Clone(readers)}
	for _, r := range readers {
		p.readers[r] = &replayed{}
	}
	return p
}

func (p *Replay) move(r *replayed) {
	r.view = p.volume.LastCPL(r.line, min(r.have, r.told))
}

func (r *replayed) lowest() int {
	if len(r.open) > 0 {
		return lowestOf(r.open[0].snap, r.view)
	}
	return lowestOf(None, r.view)
}

// find returns a reader that serves.
func (p *Replay) find(r int) (*replayed, Refusal) {
	x := p.readers[r]
	switch {
	case x == nil:
		return nil, NoReader
	case !x.on:
		return nil, Off
	}
	return x, ""
}

// View returns the reader's view.
func (p *Replay) View(r int) int {
	if x := p.readers[r]; x != nil {
		return x.view
	}
	return 0
}

// Snapshot returns the read point of a query, None when there is no such query.
func (p *Replay) Snapshot(r int, name uint64) int {
	if x := p.readers[r]; x != nil {
		if i := x.find(name); i >= 0 {
			return x.open[i].snap
		}
	}
	return None
}

// Describe renders a reader in the words of the module.
func (p *Replay) Describe(r int) string {
	x := p.readers[r]
	if x == nil {
		return "no reader"
	}
	s := fmt.Sprintf("on %t, held %t, got 1..%d, told %d, view %d, last %d", x.on, x.held, x.have, x.told, x.view, x.last)
	for _, q := range x.open {
		s += fmt.Sprintf(", snap %d", q.snap)
	}
	return s
}

// Line returns the epoch whose log the reader follows.
func (p *Replay) Line(r int) int {
	if x := p.readers[r]; x != nil {
		return x.line
	}
	return 0
}

func (r *replayed) find(name uint64) int {
	return slices.IndexFunc(r.open, func(q query) bool { return q.name == name })
}

// Deliver takes Deliver until the reader has all records up to n.
func (p *Replay) Deliver(r, n int) Refusal {
	x, g := p.find(r)
	if g != "" {
		return g
	}
	end := p.volume.End(x.line)
	if n <= x.have {
		return NothingMore
	}
	if g := mayDeliver(n-1, end); g != "" {
		return g
	}
	x.have = n
	p.move(x)
	return ""
}

// Tell takes Tell(r, n).
func (p *Replay) Tell(r, n int) Refusal {
	x, g := p.find(r)
	if g != "" {
		return g
	}
	if g := mayTell(n, x.told, p.volume.VDL(x.line), p.volume.LastCPL(x.line, n)); g != "" {
		return g
	}
	x.told = n
	p.move(x)
	return ""
}

// Begin takes Begin(r) for a query that reads as of n. One that joins another query at its read point began with it.
func (p *Replay) Begin(r int, name uint64, n int) Refusal {
	x, g := p.find(r)
	if g != "" {
		return g
	}
	if n != x.view && !slices.ContainsFunc(x.open, func(q query) bool { return q.snap == n }) {
		return OtherPoint
	}
	x.last = max(x.last, n)
	x.open = append(x.open, query{name, n})
	slices.SortStableFunc(x.open, func(a, b query) int { return a.snap - b.snap })
	return ""
}

// ReadCached takes ReadCached(r, k) for one query, which has read version v. The page in the cache is what Learn makes of it:
// all that is in view.
func (p *Replay) ReadCached(r int, name uint64, k, v int) Refusal {
	x, snap, g := p.query(r, name)
	if g != "" {
		return g
	}
	cached := p.volume.Version(x.line, k, x.view)
	switch {
	case !fits(cached, snap):
		return Unfit
	case v != cached:
		return OtherVersion
	}
	return ""
}

// ReadStored takes ReadStored(r, k, m) for one query, to which the segment has sent version v.
func (p *Replay) ReadStored(r int, name uint64, k, segment, v int) Refusal {
	x, snap, g := p.query(r, name)
	if g != "" {
		return g
	}
	floor := p.floor
	if !x.held {
		floor = 0 // what it reads may be dropped at any time, and the segment has seen to that; it answered before
	}
	if g := mayAnswer(p.volume.Complete(segment, x.line), p.volume.LastIn(segment, x.line, snap), floor, snap); g != "" {
		return g
	}
	if v != p.volume.Version(x.line, k, snap) {
		return OtherVersion
	}
	return ""
}

// Query returns the read point of a query that is under way, and the log that it reads.
func (p *Replay) Query(r int, name uint64) (line, snap int, _ Refusal) {
	x, snap, g := p.query(r, name)
	if g != "" {
		return 0, 0, g
	}
	return x.line, snap, ""
}

func (p *Replay) query(r int, name uint64) (*replayed, int, Refusal) {
	x, g := p.find(r)
	if g != "" {
		return nil, 0, g
	}
	i := x.find(name)
	if i < 0 {
		return nil, 0, NoQuery
	}
	return x, x.open[i].snap, ""
}

// Finish takes Finish(r) for one query. One that lost its reader has ended with it.
func (p *Replay) Finish(r int, name uint64) Refusal {
	x := p.readers[r]
	if x == nil {
		return NoReader
	}
	i := x.find(name)
	if i < 0 {
		return NoQuery
	}
	x.open = slices.Delete(x.open, i, i+1)
	return ""
}

// Follow takes Follow(r) to the writer of e, of which the reader keeps what it has up to n.
func (p *Replay) Follow(r, e, n int) Refusal {
	x := p.readers[r]
	switch {
	case x == nil:
		return NoReader
	case e < 1 || e > p.volume.Newest() || x.on && e <= x.line:
		return NoNewer
	}
	if !x.on {
		x.line = e // it has nothing, and may not even know whom it followed before it started again
		return ""
	}
	if n != min(x.have, p.volume.Common(x.line, e)) {
		return OtherTail
	}
	x.line, x.have = e, n
	p.move(x)
	return ""
}

// Lose takes Lose(r): what the reader has is void, its queries too, until it begins anew. So does a process that starts: one
// that had been made the writer is a reader again.
func (p *Replay) Lose(r int) Refusal {
	x := p.readers[r]
	if x == nil {
		return NoReader
	}
	x.on, x.open, x.left = false, nil, false
	return ""
}

// Anew takes Anew(r): the reader has the log of its line up to n, is told that it is durable up to told, and serves.
func (p *Replay) Anew(r, n, told int) Refusal {
	x := p.readers[r]
	switch {
	case x == nil:
		return NoReader
	case x.on:
		return NotOff
	case n > p.volume.End(x.line):
		return NothingMore
	}
	if g := mayTell(told, 0, p.volume.VDL(x.line), p.volume.LastCPL(x.line, told)); g != "" && told > 0 {
		return g
	}
	x.on, x.have, x.told = true, n, told
	p.move(x)
	x.held = p.holds(r)
	return ""
}

// holds tells whether the writers count a reader that begins now. What brought it where to begin may have been long on its
// way, and its writer have given it up since, or have let it begin anew once more: then it began where that one was sent,
// and was given up before it said anything.
func (p *Replay) holds(r int) bool {
	x := p.readers[r]
	for e := x.line; e <= len(p.low); e++ {
		if c := p.known(e, r); c.gone || x.lowest() < c.low {
			return false
		}
	}
	return true
}

// Leave takes a reader out: it has been made the writer.
func (p *Replay) Leave(r int) Refusal {
	x := p.readers[r]
	if x == nil || x.left {
		return NoReader
	}
	x.on, x.open, x.left = false, nil, true
	return ""
}

// known returns what the writer of e knows of a reader.
func (p *Replay) known(e, r int) *counted {
	for len(p.low) < e {
		p.low = append(p.low, map[int]*counted{})
	}
	c := p.low[e-1][r]
	if c == nil {
		c = &counted{}
		p.low[e-1][r] = c
	}
	return c
}

// Report takes Report(r): the writer of e hears that the reader reads nothing below n. Of a reader that it had given up, n is
// where it lets it begin anew: GiveUp(r) once more.
func (p *Replay) Report(e, r, n int) Refusal {
	x := p.readers[r]
	if x == nil {
		return NoReader
	}
	c := p.known(e, r)
	low, lowest := c.low, x.lowest()
	if c.gone || !x.on || !x.held {
		lowest = p.volume.VDL(e)
	}
	if c.gone {
		low-- // it counts again, from where it may have been before
	}
	if g := mayReport(n, low, lowest); g != "" {
		return g
	}
	c.low, c.gone = n, false
	return ""
}

// GiveUp takes GiveUp(r): the writer of e waits no longer for the reader.
func (p *Replay) GiveUp(e, r int) Refusal {
	x := p.readers[r]
	if x == nil {
		return NoReader
	}
	p.known(e, r).gone = true
	x.held = false
	return ""
}

// Collect takes Collect by the writer of e for all segments at once: they may drop what only points below n need.
func (p *Replay) Collect(e, n int) Refusal {
	if n > p.volume.VDL(e) {
		return NotDurable
	}
	for _, r := range p.order {
		if c := p.known(e, r); !c.gone && n > c.low && !p.readers[r].left {
			return NotCounted
		}
	}
	p.floor = max(p.floor, n)
	return ""
}

// Floor returns the highest point below which a writer has let segments drop versions.
func (p *Replay) Floor() int { return p.floor }

// Broken returns the name of an invariant that does not hold: NeverBack or NeededIsKept. The others hold by what each read is
// compared with.
func (p *Replay) Broken() (string, bool) {
	for _, name := range p.order {
		r := p.readers[name]
		if !r.on {
			continue
		}
		for e := r.line + 1; e <= p.volume.Newest(); e++ {
			if r.last > p.volume.Base(e) {
				return "NeverBack", true
			}
		}
		switch {
		case r.last > r.view:
			return "NeverBack", true
		case r.held && p.floor > r.lowest():
			return "NeededIsKept", true
		}
	}
	return "", false
}

// A Guarantee is an invariant of the model, and what it says.
type Guarantee struct{ Name, Guarantee string }

// Guarantees returns the invariants in the module's order.
func Guarantees() []Guarantee {
	var all []Guarantee
	for _, x := range (&model{}).musts() {
		all = append(all, Guarantee{x.Name, x.Guarantee})
	}
	return all
}
