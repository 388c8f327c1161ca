package reader

import (
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
	"github.com/firstgap/firstgap/impl/pool"
)

// A stream is what a reader has of the log, and how far it lets it be seen.
type stream struct {
	knows   bool       // the epoch of the register when it started
	least   node.Epoch // that epoch: an older writer may not have what this reader served before it started again
	writer  node.ID
	line    node.Epoch   // whose log it follows, 0 before it heard of a writer
	history node.History // of the line
	began   uint32       // the last Anew of the line's writer that it began with
	number  uint64       // of the last Follow
	wants   bool         // it has nothing to go on from
	silent  int          // ticks since the last word of the writer
	asked   bool         // for what did not come, since the last tick

	// The log from first to end: what is not in view yet, and below it what pages that are being read may need.
	records []*node.Record
	first   node.LSN
	end     node.LSN
	told    node.LSN // everything up to there is durable
	moves   []move   // of told beyond the view, oldest first
	acked   node.LSN // end when it was last reported
	// The view is the last LSN of a mini-transaction at or below told and end. Everything up to there is applied to the
	// cached pages; a query that begins now reads as of it.
	view  node.LSN
	ready node.LSN   // it serves when its view has been there
	on    bool       // it has
	lasts []node.LSN // by group: its last LSN at or below the view
}

// A move of the writer's VDL, and when it was, by the writer's clock.
type move struct {
	to    node.LSN
	since node.Time
}

// maxMoves bounds how many are kept for measuring the lag. Further ones are not measured.
const maxMoves = 64

// serves tells whether queries may begin.
func (s *stream) serves() bool {
	return s.on && !s.lapsed()
}

// lapsed tells whether the reader has heard nothing for so long that the writer may have given it up. What it would read
// may be collected then: it serves nothing, and begins anew at the first word of a writer, whichever that is, for a new
// one does not know whom the one before had given up. What it has it keeps until then: it may be made the writer.
func (s *stream) lapsed() bool { return s.silent > lease }

// hears notes a word of the writer.
func (r *Reader) hears(out *node.Effects) {
	if r.stream.lapsed() && !r.stream.wants {
		r.forget(out)
	}
	r.stream.silent = 0
}

func (s *stream) at(l node.LSN) *node.Record { return s.records[l-s.first] }

// askEpoch asks the register which writers a reader that has just started may follow.
func (r *Reader) askEpoch(out *node.Effects) {
	if !r.stream.knows {
		out.Send(r.Volume.Register, &node.ReadEpoch{Token: r.token()})
	}
}

func (r *Reader) token() uint64 { return uint64(r.ID)<<32 | uint64(r.incarnation) }

func (r *Reader) currentEpoch(m *node.CurrentEpoch) {
	if m.Token == r.token() && !r.stream.knows {
		r.stream.knows, r.stream.least = true, m.Epoch
	}
}

// offered hears that the log goes on with that writer. What the reader had from an earlier one, and the later one cut,
// it drops; what is in its view was durable, and is never cut.
func (r *Reader) offered(from node.ID, m *node.Offer, out *node.Effects) {
	s := &r.stream
	least := max(s.line, s.least)
	// gofail: var bugFollowsAny struct{}
	// if r.hook.Planted("bugFollowsAny") {
	// 	least = 0
	// 	if m.Epoch < s.line {
	// 		s.line = 0
	// 	}
	// }

	if !s.knows || m.Epoch < least {
		return
	}
	r.hears(out)
	if m.Epoch > s.line {
		if !s.wants {
			common := min(s.history.Common(m.History), s.end)
			if common < s.view {
				// The volume has lost what was durable. Nothing of what is here can be relied on.
				r.forget(out)
				common = s.end
			}
			// gofail: var bugFollowKeepsTail struct{}
			// if r.hook.Planted("bugFollowKeepsTail") {
			// 	common = s.end
			// }

			s.records = s.records[:common+1-s.first]
			s.end = common
		}
		s.writer, s.line, s.history, s.began = from, m.Epoch, m.History, 0
		r.counters.Followed++
		out.Tell(node.Trace{Action: node.ActFollow, Epoch: s.line, LSN: s.end})
	}
	if m.Anew > s.began && !s.wants {
		r.forget(out)
	}
	r.report(out)
}

// forget voids all that the reader has. The log that it had up to the view counts as had, so that what it serves next
// is never older.
func (r *Reader) forget(out *node.Effects) {
	s := &r.stream
	s.wants, s.on = true, false
	s.ready = max(s.ready, s.view)
	s.records, s.first, s.end = nil, s.view+1, s.view
	clear(r.active)
	r.cache = pool.New[node.PageID, *page.Page]()
	for _, rd := range r.reads {
		rd.once = true
	}
	r.endAll(node.ReasonBelowReadPoint, out)
	out.Tell(node.Trace{Action: node.ActLose, Epoch: s.line})
}

// report tells the writer how far the reader is, and the lowest point at which it reads or will.
func (r *Reader) report(out *node.Effects) {
	s := &r.stream
	s.asked = false
	if s.line == 0 {
		return
	}
	s.number++
	m := &node.Follow{Epoch: s.line, Number: uint64(r.incarnation)<<32 | s.number, Began: s.began, Wants: s.wants}
	if !s.wants {
		m.Have, m.Low = s.end, r.lowest()
	}
	s.acked = s.end
	out.Send(s.writer, m)
}

// lowest returns the lowest point at which a query reads, or one that begins will.
func (r *Reader) lowest() node.LSN {
	// gofail: var bugReportView struct{}
	// if r.hook.Planted("bugReportView") {
	// 	return max(r.stream.view, r.stream.ready)
	// }

	if len(r.snapshots) > 0 {
		return r.snapshots[0].at
	}
	return max(r.stream.view, r.stream.ready)
}

// beginAnew begins where the writer says, with nothing.
func (r *Reader) beginAnew(m *node.Anew, out *node.Effects) {
	s := &r.stream
	if m.Epoch != s.line || m.Number <= s.began || uint32(m.Answer>>32) != r.incarnation || len(m.Lasts) > len(s.lasts) {
		return // overtaken, or doubled
	}
	s.silent, s.began = 0, m.Number
	r.forget(out)
	s.wants = false
	s.records, s.first, s.end = nil, m.From+1, m.From
	s.view, s.ready = m.From, max(s.ready, m.Ready)
	clear(s.lasts)
	copy(s.lasts, m.Lasts)
	s.told, s.moves = m.Ready, nil
	r.counters.Anew++
	r.comesIntoView(out)
	r.report(out)
}

// streamed takes the next records, as far as they continue what is there, and the word of what is durable.
func (r *Reader) streamed(m *node.Stream, out *node.Effects) {
	s := &r.stream
	if m.Epoch != s.line {
		return
	}
	r.hears(out)
	if s.wants {
		return
	}
	before := s.end
	gap := false
	for _, rec := range m.Records {
		if rec.LSN <= s.end {
			continue
		}
		if rec.LSN != s.end+1 || !rec.Intact() || s.end-s.view >= node.LSN(r.Limits.LogAhead) {
			gap = true
			break
		}
		s.records = append(s.records, rec)
		s.end = rec.LSN
	}
	if s.end > before && s.on {
		out.Tell(node.Trace{Action: node.ActDeliver, Epoch: s.line, LSN: s.end})
	}
	if m.VDL > s.told {
		s.told = m.VDL
		if len(s.moves) < maxMoves {
			s.moves = append(s.moves, move{m.VDL, m.Since})
		}
		if s.on {
			out.Tell(node.Trace{Action: node.ActTell, Epoch: s.line, LSN: s.told})
		}
	}
	r.comesIntoView(out)
	if gap && !s.asked || s.end >= s.acked+ackEvery {
		r.report(out)
		s.asked = gap
	}
}

// ackEvery is how many records come before the reader acknowledges without waiting for its next tick.
const ackEvery = 256

// comesIntoView moves the view to the last consistency point that is here and durable, and applies what comes into
// it: whole mini-transactions, for in the middle of one the tree is not a tree.
func (r *Reader) comesIntoView(out *node.Effects) {
	s := &r.stream
	upTo := min(s.told, s.end)
	// gofail: var bugApplyBeyondVDL struct{}
	// if r.hook.Planted("bugApplyBeyondVDL") {
	// 	upTo = s.end
	// }

	to := s.view
	for l := s.view + 1; l <= upTo; l++ {
		if s.at(l).Last {
			to = l
		}
	}
	// gofail: var bugApplySplit struct{}
	// if r.hook.Planted("bugApplySplit") {
	// 	to = max(to, upTo)
	// }

	for s.view < to {
		s.view++
		r.apply(s.at(s.view))
	}
	if !s.on && s.view >= s.ready {
		s.on = true // until here its trace says nothing
		out.Tell(node.Trace{Action: node.ActAnew, Epoch: s.line, LSN: s.end, Detail: &node.AnewStep{VDL: s.told}})
	}
	for len(s.moves) > 0 && s.moves[0].to <= s.view {
		r.counters.Lag.Note(r.now.Sub(s.moves[0].since))
		s.moves = s.moves[1:]
	}
	r.trim()
}

// A change is one change of a row by an active transaction.
type change struct {
	lsn node.LSN
	key string
	old node.Value
}

// apply takes one record into the view.
func (r *Reader) apply(rec *node.Record) {
	r.stream.lasts[rec.Group] = max(r.stream.lasts[rec.Group], rec.LSN)
	switch rec.Kind {
	case node.Write:
		r.active[rec.Txn] = append(r.active[rec.Txn], change{rec.LSN, rec.Key, rec.Old})
	case node.Undo:
		// gofail: var bugUndoUnseen struct{}
		// if r.hook.Planted("bugUndoUnseen") {
		// 	break
		// }

		// Undos come latest change first. A transaction whose beginning came before the stream did has ended before the
		// reader serves.
		if c := r.active[rec.Txn]; len(c) > 1 {
			r.active[rec.Txn] = c[:len(c)-1]
		} else {
			delete(r.active, rec.Txn)
		}
	case node.Commit:
		// gofail: var bugCommitHidden struct{}
		// if len(r.active[rec.Txn]) > 1 && r.hook.Planted("bugCommitHidden") {
		// 	break
		// }

		delete(r.active, rec.Txn)
	}
	if c := r.cache.Find(rec.Page); c != nil && rec.LSN > c.Value.LSN {
		if err := c.Value.Apply(rec); err != nil {
			panic("cache and stream differ: " + err.Error())
		}
		r.counters.Applied++
	} else {
		r.counters.Dropped++
	}
}

// trim drops the records that are in view, but for those that a page needs that is being read.
func (r *Reader) trim() {
	s := &r.stream
	from := s.view + 1
	reads := r.reads
	// gofail: var bugDropInFlight struct{}
	// if r.hook.Planted("bugDropInFlight") {
	// 	reads = nil
	// }

	for _, rd := range reads {
		if rd.once {
			continue
		}
		if s.view-rd.at > node.LSN(r.Limits.InFlight) {
			rd.once = true // it would hold the log for too long: the page is used for its query, and not cached
			continue
		}
		from = min(from, rd.at+1)
	}
	if from <= s.first {
		return
	}
	n := copy(s.records, s.records[from-s.first:])
	clear(s.records[n:])
	s.records = s.records[:n]
	s.first = from
}
