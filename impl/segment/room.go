package segment

import "github.com/firstgap/firstgap/impl/node"

// A disk without room refuses what is appended to it or replaced on it, and may have room again at any time. Meanwhile a segment
// goes on: it answers what it can answer of what it has. It has acknowledged nothing that it could not write, so it gives that
// up, and whoever sent it sends it again.

// roomless is what is left to do since the disk was full.
type roomless struct {
	// first is what a start has to make durable before it serves; late says that there was no room for it.
	first []byte
	late  bool
	// anew tells that the log has to be written anew, because there was no room for a shorter one, or because the one that was on
	// its way has entries that were given up.
	anew bool
	// written is the highest position that an entry has in the log that was written anew last: one above what is synced was queued then,
	// and counts when the sync behind it completes.
	written uint64
	// shut tells that until then nothing may be appended: it would stand at a position that an entry has which was given up.
	shut bool
}

// refuses tells whether a message would have the segment append to its log while it must not. Its sender asks again.
func (r *roomless) refuses(m node.Message) bool {
	if !r.shut {
		return false
	}
	switch m.(type) {
	case *node.Append, *node.Fence, *node.Join, *node.GossipGive:
		return true
	}
	return false
}

// noRoom is told that the disk had no room for an operation, and that nothing of the queue is on the disk.
func (s *Segment) noRoom(token node.Token) {
	s.counters.NoRoom++
	switch {
	case !s.serving:
		s.room.late = true
		return
	case token == imagesToken:
		s.pending = nil
	case token == logToken:
		s.trimming, s.room.anew = false, true
	default:
		s.syncing = false
	}
	for i := range s.queue {
		s.logBytes -= s.queue[i].size
	}
	s.queue, s.ahead, s.scrubs.void = s.queue[:0], s.durable, true
	// A log that was written anew has what was queued then, whether it is on its way or in its place already, and images that a peer
	// gave know the position that they came at: neither may be met by another entry of the same position. A start that met both
	// would take the promise that stands behind the second for torn.
	if s.trimming || s.pending != nil || s.room.written > s.synced {
		s.room.anew, s.room.shut = true, true
	}
	if !s.room.shut {
		s.position = s.synced
	}
}

// makeRoom tries again what there was no room for.
func (s *Segment) makeRoom(out *node.Effects) {
	switch {
	case s.room.late && !s.serving:
		s.room.late = false
		s.write(s.room.first, out)
	case s.room.anew && s.serving && s.pending == nil && !s.trimming:
		if s.room.shut && len(s.lost) > 0 {
			// What is lost keeps the log from being written anew, and nothing can be appended to this one.
			s.stopped, s.serving = true, false
			return
		}
		s.trim(out)
	}
}
