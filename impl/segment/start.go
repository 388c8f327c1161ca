package segment

import (
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// start reads what the disk holds. Nothing of it counts until it is certainly durable: what survived a crash may
// still be in a cache that the next power loss empties.
func (s *Segment) start(incarnation uint32, files []node.File, out *node.Effects) {
	s.incarnation = incarnation
	s.setTimers(out)
	var log, pictures []byte
	for _, f := range files {
		switch f.Name {
		case logFile:
			log = f.Data
		case imagesFile:
			pictures = f.Data
		}
	}
	if len(log) == 0 {
		// A process that never ran before has made no promise. One that did has formatted its disk before it
		// served: its log is gone, and with it what it promised.
		s.dead = incarnation > 1
		// gofail: var bugWipedServes struct{}
		// s.dead = s.dead && !s.hook.Planted("bugWipedServes")

		s.format(out)
		return
	}
	found := scanLog(log)
	s.dead = found.dead || found.base.kind == 0
	// gofail: var bugTornIsDamage struct{}
	// s.dead = s.dead || found.kept < len(log) && s.hook.Planted("bugTornIsDamage")

	if !s.dead {
		s.restoreBase(&found.base, pictures)
	}
	for i := range found.entries {
		s.restore(&found.entries[i], found.synced)
	}
	s.dropImages()
	s.tellFill(^uint64(0))
	s.ahead = s.durable
	s.position = found.position
	s.synced, s.toldTo = found.synced, found.synced
	s.logBytes = found.kept
	// gofail: var segmentBeforeSettle struct{}
	// s.hook.Hit("segmentBeforeSettle")

	if s.dead || found.kept == len(log) {
		out.Sync(0) // a dead log is left as it is: it is evidence
		return
	}
	s.write(log[:found.kept], out)
}

// write makes durable what a start makes of the log.
func (s *Segment) write(log []byte, out *node.Effects) {
	s.room.first = log
	out.Replace(logFile, log, 0)
}

func (s *Segment) setTimers(out *node.Effects) {
	out.SetTimer(gossipTimer, s.every)
	if s.coalesceEvery > 0 {
		out.SetTimer(coalesceTimer, s.coalesceEvery)
	}
	if s.scrubEvery > 0 {
		out.SetTimer(scrubTimer, s.scrubEvery)
	}
	if s.volume.Objects != 0 {
		out.SetTimer(backupTimer, s.backupEvery)
	}
}

// Formatted returns what the disk of a new segment holds, when it is formatted before the segment starts. One that finds
// nothing at its very first start formats its disk itself; one that finds nothing later has lost what it had.
func Formatted() []node.File {
	base := entry{kind: baseEntry, promise: 1, history: node.FirstHistory()}
	return []node.File{{Name: logFile, Data: appendEntry(appendEntry(nil, &base), &base)}}
}

// format writes the log of a new segment. It serves when that is durable.
func (s *Segment) format(out *node.Effects) {
	if s.dead {
		out.Sync(0)
		return
	}
	s.write(Formatted()[0].Data, out)
}

// restoreBase puts in force what the log begins with, and the images.
func (s *Segment) restoreBase(base *entry, file []byte) {
	s.durable = state{promise: base.promise, history: base.history}
	if file == nil && base.floor == 0 {
		return
	}
	set, state := scanImages(file)
	switch {
	case state == imagesWhole && set.floor >= base.floor:
		// gofail: var bugMetaOfFloor struct{}
		// if p, is := set.pages[0]; is && s.hook.Planted("bugMetaOfFloor") {
		// 	p.page.LSN = set.floor
		// }

		s.put(&set)
		if set.from != 0 && set.position >= base.position {
			s.settlingFill = &set.images
		}
	case file != nil && state == imagesGone:
		s.dead = true // a peer may have given more than the log knows of
	default:
		s.images.floor = max(set.floor, base.floor)
		s.hollow()
	}
}

// restore puts one entry of the log in force, as install did when it was new, and remembers what is to be told of
// it: the entries beyond synced may or may not have been told before the crash.
func (s *Segment) restore(e *entry, synced uint64) {
	s.tellFill(e.position)
	if e.kind == recordEntry {
		if e.lsn <= s.below() {
			return // the images have it, and told was what brought them
		}
		// A record that rotted was fetched again and written behind the copy that cannot be read. Its later copy brings
		// nothing new, whether it can be read or rots as well: told as another Store, it would be one that the model
		// refuses; and counted as lost beside a copy that can be read, it would be fetched for ever and never taken.
		e.again = s.isLost(e.lsn, e.epoch) || s.has(e.lsn, e.epoch)
		if e.record == nil {
			if e.again {
				return
			}
			// gofail: var bugLostForgotten struct{}
			// if s.hook.Planted("bugLostForgotten") {
			// 	return
			// }

			s.lost = append(s.lost, lostRecord{lsn: e.lsn, epoch: e.epoch})
			if e.position > synced {
				s.settling = append(s.settling, untold{lsn: e.lsn, epoch: e.epoch, trace: node.Trace{
					Action: node.ActStore, Epoch: s.durable.line(), Position: e.position}})
			}
			return
		}
	}
	// gofail: var bugPromiseNotPersisted struct{}
	// if s.hook.Planted("bugPromiseNotPersisted") && e.kind == promiseEntry {
	// 	return
	// }

	// gofail: var bugJoinKeepsAtStart struct{}
	// if e.kind == joinEntry && s.hook.Planted("bugJoinKeepsAtStart") {
	// 	s.durable = state{promise: e.history.Line(), history: e.history}
	// 	return
	// }

	s.install(e)
	if e.position > synced {
		if t, ok := s.trace(e); ok {
			s.settling = append(s.settling, untold{lsn: e.lsn, epoch: e.epoch, trace: t})
		}
	}
}

// tellFill remembers to tell of images that a peer gave, before what the log has from the position next on.
func (s *Segment) tellFill(next uint64) {
	if im := s.settlingFill; im != nil && im.position < next {
		s.settling = append(s.settling, untold{trace: s.fillTrace(im)})
		s.settlingFill = nil
	}
}

// settle begins to serve: what the start found is durable now.
func (s *Segment) settle(out *node.Effects) {
	// gofail: var segmentAfterSettle struct{}
	// s.hook.Hit("segmentAfterSettle")

	s.serving = true
	s.room = roomless{}
	s.synced = s.position
	s.tellUntold(out)
	if !s.Damaged() && s.logBytes > 0 {
		s.tellHeld(out)
	}
}

// untold is a step that the process before this one may not have told. That of a record which cannot be read has to
// wait, and with it all that follow, until the record is there again or dropped.
type untold struct {
	lsn   node.LSN
	epoch node.Epoch
	trace node.Trace
}

// settled tells whether every step before the start can be told, or has been.
func (s *Segment) settled() bool {
	return !s.dead && !slices.ContainsFunc(s.settling, func(u untold) bool { return u.waits() && s.isLost(u.lsn, u.epoch) })
}

func (u *untold) waits() bool { return u.trace.Action == node.ActStore && u.trace.Record == nil }

// tellUntold tells what is to be told of the time before the start, once all of it can be.
func (s *Segment) tellUntold(out *node.Effects) {
	if !s.settled() {
		return
	}
	for i := range s.settling {
		if u := &s.settling[i]; !u.waits() {
			out.Tell(u.trace)
		}
	}
	s.settling = nil
}

// waitNoLonger gives up the steps that wait for records at or below the floor of a peer that gives images, and from now on takes these
// records in images alone. A segment with untold steps takes neither images nor the join that it may need before: one whose last record
// had rotted, and whose peers had collected that record on a later line, was damaged for ever. Whether such a step was told before the
// crash nothing says. The model has the record with the images in any case; as a record that is there again it might be one that the
// model never saw stored.
func (s *Segment) waitNoLonger(floor node.LSN, out *node.Effects) {
	n := len(s.settling)
	s.settling = slices.DeleteFunc(s.settling, func(u untold) bool {
		if !u.waits() || u.lsn > floor {
			return false
		}
		s.imagesOnly = max(s.imagesOnly, u.lsn)
		return true
	})
	if len(s.settling) < n {
		s.tellUntold(out)
	}
}

// foundAgain completes the step that waits for the record.
func (s *Segment) foundAgain(r *node.Record) {
	for i := range s.settling {
		if u := &s.settling[i]; u.lsn == r.LSN && u.waits() {
			u.trace.Record = r
		}
	}
}

// tellHeld says all that the segment holds. It must be able to read all of it.
func (s *Segment) tellHeld(out *node.Effects) {
	step := &node.HoldsStep{Promise: s.durable.promise, History: s.durable.history, Held: s.Held()}
	out.Tell(node.Trace{Action: node.ActHolds, Epoch: s.durable.line(), LSN: s.images.floor, Detail: step})
}

func (s *Segment) isLost(l node.LSN, e node.Epoch) bool {
	return slices.Contains(s.lost, lostRecord{lsn: l, epoch: e})
}

func (s *Segment) forgetLost(l node.LSN, e node.Epoch) {
	s.lost = slices.DeleteFunc(s.lost, func(x lostRecord) bool { return x == lostRecord{lsn: l, epoch: e} })
}

// repairedBy tells whether m is a join that drops all that was lost, so that nothing is missing after it.
func (s *Segment) repairedBy(m *node.Join) bool {
	for _, l := range s.lost {
		if m.History.Has(l.lsn, l.epoch) {
			return false
		}
	}
	return true
}
