package writer

import (
	"github.com/firstgap/firstgap/impl/node"
)

// Limits of the stream to readers.
const (
	feedMany   = 32   // records in one Stream
	feedWindow = 1024 // LSNs sent to a reader above what it has acknowledged
	feedLease  = 12   // ticks without a word of a reader after which it is given up
	feedWord   = 2    // ticks between two words to a reader that has everything: it serves for six without one
)

// A follower is what the writer knows of one reader. The writer keeps nothing for it but these numbers: what a reader
// lacks is sent again out of the log, and one whose records are not there any more begins anew. So no reader, slow or
// dead, makes the writer wait or grow (SIGMOD 2017 §4.2.4).
type follower struct {
	id     node.ID
	heard  bool     // follows this writer's stream
	number uint64   // of its last Follow
	have   node.LSN // all up to there came
	before node.LSN // have at the last tick
	sent   node.LSN
	told   node.LSN // the VDL that was last sent
	silent int      // ticks since its last word
	anew   uint32   // how often it had to begin anew, as far as this writer goes
	gone   bool     // given up: its read points hold nothing back
	low    node.LSN // no query of it reads below that, as far as is known; a new writer knows nothing of any reader
}

// A feed is the stream to all readers.
type feed struct {
	followers []follower
	vdl       node.LSN // the VDL at the end of the last step
	since     node.Time
	floor     node.LSN // the highest that segments were told
}

func newFeed(v *node.Volume, self node.ID) feed {
	var f feed
	for _, id := range v.Readers {
		if id != self {
			f.followers = append(f.followers, follower{id: id})
		}
	}
	return f
}

// readPoint returns the lowest point at which a reader may read: nothing that it needs may be collected. It is the
// highest LSN there is when no reader counts.
func (f *feed) readPoint() node.LSN {
	low := ^node.LSN(0)
	for i := range f.followers {
		if !f.followers[i].gone {
			low = min(low, f.followers[i].low)
		}
	}
	return low
}

// stream sends each reader what was issued since the last time: the same records that the segments get, durable or
// not, and how far they are durable. A commit must not wait for the next tick to be seen on the readers, other moves
// of the VDL may.
func (w *Writer) stream(out *node.Effects) {
	if w.phase != open || len(w.feed.followers) == 0 {
		return
	}
	if w.floor > w.feed.floor {
		w.feed.floor = w.floor
		out.Tell(node.Trace{Action: node.ActCollect, Epoch: w.epoch, LSN: w.floor})
	}
	committed := false
	if w.vdl != w.feed.vdl {
		for l := max(w.feed.vdl+1, w.first); l <= w.vdl; l++ {
			committed = committed || w.at(l).Kind == node.Commit
		}
		w.feed.vdl, w.feed.since = w.vdl, w.now
	}
	for i := range w.feed.followers {
		f := &w.feed.followers[i]
		if !f.heard {
			continue
		}
		for f.sent < w.end && f.sent < f.have+feedWindow {
			w.streamTo(f, out)
		}
		if committed && f.told < w.vdl {
			w.tellReader(f, nil, out)
		}
	}
}

// streamTo sends the next records.
func (w *Writer) streamTo(f *follower, out *node.Effects) {
	to := min(f.sent+feedMany, w.end, f.have+feedWindow)
	records := make([]*node.Record, 0, to-f.sent)
	for l := f.sent + 1; l <= to; l++ {
		records = append(records, w.at(l))
	}
	f.sent = to
	w.tellReader(f, records, out)
}

func (w *Writer) tellReader(f *follower, records []*node.Record, out *node.Effects) {
	f.told = w.vdl
	out.Send(f.id, &node.Stream{Epoch: w.epoch, Records: records, VDL: w.vdl, Since: w.feed.since})
}

// feedAgain offers the stream to readers that do not follow it, sends again what was lost, and gives up whom nothing
// was heard of for too long: its read point would hold back what segments may collect for ever.
func (w *Writer) feedAgain(out *node.Effects) {
	for i := range w.feed.followers {
		f := &w.feed.followers[i]
		f.silent++
		// gofail: var bugReaderKept struct{}
		// if w.hook.Planted("bugReaderKept") {
		// 	f.silent = 0
		// }

		if f.silent > feedLease && !f.gone {
			f.gone, f.heard = true, false
			f.anew++
			out.Tell(node.Trace{Action: node.ActGiveUp, Epoch: w.epoch, From: f.id})
		}
		if !f.heard {
			out.Send(f.id, &node.Offer{Epoch: w.epoch, History: w.history, Anew: f.anew})
			continue
		}
		// gofail: var bugStreamOnce struct{}
		// if w.hook.Planted("bugStreamOnce") {
		// 	f.before = f.have + 1
		// }

		if f.sent > f.have && f.have == f.before {
			f.sent = f.have
			w.streamTo(f, out)
		} else if f.told != w.vdl || f.low < w.vdl || w.ticks%feedWord == 0 {
			// What told of the VDL can be lost, and a writer that is idle says nothing else. It says that it is there, too: readers of a
			// volume that nobody wrote to served nothing until somebody did.
			w.tellReader(f, nil, out)
		}
		f.before = f.have
	}
}

// follow takes a reader's word.
func (w *Writer) follow(from node.ID, m *node.Follow, out *node.Effects) {
	for i := range w.feed.followers {
		if f := &w.feed.followers[i]; f.id == from && w.phase == open && m.Epoch == w.epoch && m.Number > f.number {
			f.number, f.silent = m.Number, 0
			w.followed(f, m, out)
		}
	}
}

func (w *Writer) followed(f *follower, m *node.Follow, out *node.Effects) {
	switch {
	case m.Began < f.anew:
		// It has not heard yet that it is to begin anew, or started again since.
		w.beginAnew(f, out)
		return
	case m.Wants || m.Have+1 < w.first || m.Have > w.end:
		f.anew++
		w.beginAnew(f, out)
		return
	}
	if !f.heard {
		f.heard, f.sent, f.before = true, m.Have, m.Have
	}
	// Its own word, also where it is less: of two answers that tell it to begin anew, the later one of which begins higher, it takes
	// the first that comes, and lacks what is in between.
	f.have = m.Have
	f.sent = max(f.sent, f.have)
	// gofail: var bugReadPointKept struct{}
	// if w.hook.Planted("bugReadPointKept") {
	// 	return
	// }

	if m.Low > f.low {
		f.low = m.Low
		out.Tell(node.Trace{Action: node.ActReport, Epoch: w.epoch, From: f.id, LSN: f.low})
	}
}

// beginAnew gives a reader a point to begin at. It is the VDL, but the stream begins where the oldest transaction that is
// active there did: only from its records does the reader know what to hide. Those of transactions that have ended by
// then cancel out, however many of them it has.
func (w *Writer) beginAnew(f *follower, out *node.Effects) {
	m := &node.Anew{Epoch: w.epoch, Number: f.anew, Answer: f.number, From: w.vdl, Ready: w.vdl}
	if w.vdl >= w.first {
		m.From = min(w.vdl, w.at(w.vdl).OldestActive-1)
	}
	// gofail: var bugAnewAtVDL struct{}
	// if w.hook.Planted("bugAnewAtVDL") {
	// 	m.From = w.vdl
	// }

	if m.From+1 < w.first {
		return // never: a recovery needs these records too
	}
	for i := range w.groups {
		m.Lasts = append(m.Lasts, w.groups[i].atVDL)
	}
	if f.gone {
		// Only now: until it begins at Ready it may still serve what was given up, and segments refuse it.
		f.gone, f.low = false, w.vdl
		out.Tell(node.Trace{Action: node.ActReport, Epoch: w.epoch, From: f.id, LSN: f.low})
	}
	f.heard = true
	f.have, f.before, f.sent = m.From, m.From, m.From
	out.Send(f.id, m)
}
