package segment

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// start reads what the disk holds. Nothing of it counts until it is certainly durable: what survived a crash may
// still be in a cache that the next power loss empties.
func (s *Segment) start(files []node.File, out *node.Effects) {
	out.SetTimer(gossipTimer, s.every)
	var log []byte
	for _, f := range files {
		if f.Name == logFile {
			log = f.Data
		}
	}
	found := scanLog(log)
	s.dead = found.dead
	for i := range found.entries {
		s.restore(&found.entries[i], found.synced)
	}
	s.ahead = s.durable
	s.position = uint64(len(found.entries))
	s.synced = found.synced
	if len(log) == 0 {
		s.serving = true // a new segment: promise 1 and the first history need no entry
		return
	}
	// gofail: var segmentBeforeSettle struct{}
	// s.hook.Hit("segmentBeforeSettle")

	if s.dead || found.kept == len(log) {
		out.Sync(0) // a dead log is left as it is: it is evidence
		return
	}
	out.Replace(logFile, log[:found.kept], 0)
}

// restore puts one entry of the log in force, as install did when it was new, and remembers what is to be told of
// it: the entries beyond synced may or may not have been told before the crash.
func (s *Segment) restore(e *entry, synced uint64) {
	if e.kind == recordEntry {
		if e.record == nil {
			s.lost = append(s.lost, lostRecord{lsn: e.lsn, epoch: e.epoch})
			if e.position > synced {
				s.settling = append(s.settling, untold{lsn: e.lsn, trace: node.Trace{
					Action: node.ActStore, Epoch: s.durable.line(), Position: e.position}})
			}
			return
		}
		e.again = s.isLost(e.lsn, e.epoch) || s.has(e.lsn, e.epoch)
	}
	// gofail: var bugPromiseNotPersisted struct{}
	// if s.hook.Planted("bugPromiseNotPersisted") && e.kind == promiseEntry {
	// 	return
	// }

	s.install(e)
	if e.position > synced {
		if t, ok := s.trace(e); ok {
			s.settling = append(s.settling, untold{lsn: e.lsn, trace: t})
		}
	}
}

// settle begins to serve: what the start found is durable now.
func (s *Segment) settle(out *node.Effects) {
	// gofail: var segmentAfterSettle struct{}
	// s.hook.Hit("segmentAfterSettle")

	s.serving = true
	s.synced = s.position
	if !s.Damaged() {
		s.tellUntold(out)
		s.tellHeld(out)
	}
}

// untold is a step that the process before this one may not have told. That of a record which cannot be read has to
// wait, and with it all that follow, until the record is there again or dropped.
type untold struct {
	lsn   node.LSN
	trace node.Trace
}

func (s *Segment) tellUntold(out *node.Effects) {
	for _, u := range s.settling {
		if u.trace.Action != node.ActStore || u.trace.Record != nil {
			out.Tell(u.trace)
		}
	}
	s.settling = nil
}

// foundAgain completes the step that waits for the record.
func (s *Segment) foundAgain(r *node.Record) {
	for i := range s.settling {
		if u := &s.settling[i]; u.lsn == r.LSN && u.trace.Action == node.ActStore && u.trace.Record == nil {
			u.trace.Record = r
		}
	}
}

// tellHeld says all that the segment holds. It must be able to read all of it.
func (s *Segment) tellHeld(out *node.Effects) {
	t := node.Trace{Action: node.ActHolds, Epoch: s.durable.line(), LSN: s.scl, Promise: s.durable.promise, History: s.durable.history}
	for _, r := range s.records {
		if r != nil {
			t.Held = append(t.Held, node.Held{LSN: r.LSN, Epoch: r.Epoch, Last: r.Last, OldestActive: r.OldestActive})
		}
	}
	out.Tell(t)
}

func (s *Segment) isLost(l node.LSN, e node.Epoch) bool {
	return slices.Contains(s.lost, lostRecord{lsn: l, epoch: e})
}

func (s *Segment) forgetLost(l node.LSN, e node.Epoch) {
	s.lost = slices.DeleteFunc(s.lost, func(x lostRecord) bool { return x == lostRecord{lsn: l, epoch: e} })
}

// repairedBy tells whether m is a join that drops all that was lost, so that nothing is missing after it.
func (s *Segment) repairedBy(m node.Message) bool {
	j, ok := m.(*node.Join)
	if !ok || s.dead {
		return false
	}
	for _, l := range s.lost {
		if j.History.Has(l.lsn, l.epoch) {
			return false
		}
	}
	return true
}
