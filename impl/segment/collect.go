package segment

import (
	"cmp"
	"maps"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// Collecting turns log into pages in the background (SIGMOD 2017 §3.3, steps 5 and 7): the images as of a new floor are
// made durable, and only then does the log lose what they stand for. Dropped first, a crash in between would leave
// neither (bug 19 of the catalogue).

// collectShare is how much log, as a part of the images and of the log that stays, has to be there to be collected before
// both are written anew: every byte of log pays for at most so many bytes of either. By the images alone, a floor that lags
// far behind, as of a reader that hangs, would have thousands of records written anew for every one that goes.
const collectShare = 1

// Tokens of what is not a sync.
const (
	imagesToken node.Token = 1<<62 + iota
	logToken
	scrubToken
)

// target is the highest floor that the segment may have now.
func (s *Segment) target() node.LSN {
	// gofail: var bugCollectsUnbacked struct{}
	// if s.hook.Planted("bugCollectsUnbacked") {
	// 	return min(s.floor, s.complete())
	// }

	return min(s.floor, s.complete(), s.mayCollect())
}

// complete returns up to where, among the LSNs of all groups, the segment has everything of its own.
func (s *Segment) complete() node.LSN {
	if s.scl >= s.lastAt {
		return max(s.scl, s.told)
	}
	return s.scl
}

// coalesce begins to raise the floor, if that is worth its while.
func (s *Segment) coalesce(out *node.Effects) {
	if !s.serving || s.Damaged() || s.ahead.frozen() || s.busy() {
		return
	}
	target := s.target()
	garbage := 0
	var tail *node.Record
	for _, h := range s.held {
		if h.LSN > target {
			break
		}
		garbage += recordBytes(h.Record)
		tail = h.Record
	}
	if tail == nil || garbage*collectShare < max(s.imageBytes, s.heldBytes-garbage) {
		return
	}
	set := &imageSet{
		images: images{floor: target, tail: heldOf(tail), position: s.synced},
		pages:  map[node.PageID]imagedPage{},
	}
	if !s.tail {
		if err := s.materialise(set); err != nil {
			s.counters.Unfit++
			return // what cannot be made a page is kept as it is, for the engineer who looks into it
		}
	}
	// gofail: var bugTrimBeforeImages struct{}
	// if s.hook.Planted("bugTrimBeforeImages") {
	// 	all := s.held
	// 	s.held = s.above(target)
	// 	s.trim(out)
	// 	s.held = all
	// }

	s.pending = set
	s.replaceImages(out)
}

func heldOf(r *node.Record) node.Held {
	return node.Held{LSN: r.LSN, Epoch: r.Epoch, Last: r.Last, OldestActive: r.OldestActive}
}

// materialise makes the pages that the records up to the floor of set change.
func (s *Segment) materialise(set *imageSet) error {
	for _, id := range s.order {
		v := s.pages[id]
		n := v.find(set.floor)
		if n == 0 {
			continue
		}
		p := v.start(id)
		for _, r := range v.records[:n] {
			if err := p.Apply(r); err != nil {
				return err
			}
		}
		set.pages[id] = imagedPage{page: p, image: p.Encode()}
	}
	return nil
}

// replaceImages writes the file of images as it is with s.pending.
func (s *Segment) replaceImages(out *node.Effects) {
	all := maps.Clone(s.pending.pages)
	if s.pending.from == 0 {
		for id, v := range s.pages {
			if _, changed := all[id]; !changed && v.base.page != nil {
				all[id] = v.base
			}
		}
	}
	var pages []imagedPage
	for _, id := range slices.Sorted(maps.Keys(all)) {
		pages = append(pages, all[id])
	}
	// gofail: var bugImagesByChance struct{}
	// if s.hook.Planted("bugImagesByChance") {
	// 	pages = slices.Collect(maps.Values(all))
	// }

	// gofail: var segmentBeforeImages struct{}
	// s.hook.Hit("segmentBeforeImages")

	s.whole = appendImages(s.whole[:0], &s.pending.images, pages)
	s.scrubs.void = true
	out.Replace(imagesFile, s.whole, imagesToken)
}

// imagesDurable is told that they are: from now on nothing at or below the floor is needed as a record.
func (s *Segment) imagesDurable(out *node.Effects) {
	// gofail: var segmentAfterImages struct{}
	// s.hook.Hit("segmentAfterImages")

	set := s.pending
	s.pending = nil
	filled := set.from != 0
	s.counters.Collected += uint64(s.before(set.floor))
	s.counters.Coalesced += uint64(len(set.pages))
	wasDamaged := s.Damaged()
	if !set.on(s.durable.history) {
		// The line changed in the meantime, below the VDL: see dropImages.
		s.images = set.images
		s.hollow()
		return
	}
	s.put(set)
	if filled {
		s.filled(wasDamaged, out)
	}
	// gofail: var bugNeverTrims struct{}
	// if s.hook.Planted("bugNeverTrims") {
	// 	return
	// }

	s.trim(out)
}

// before counts the records held at or below l.
func (s *Segment) before(l node.LSN) int {
	i, found := s.find(l)
	if found {
		i++
	}
	return i
}

// trim replaces the log by what is above the floor, in the order in which it became true.
func (s *Segment) trim(out *node.Effects) {
	if s.Damaged() {
		return // what is unreadable there still says what is lost
	}
	// gofail: var segmentBeforeTrim struct{}
	// s.hook.Hit("segmentBeforeTrim")

	s.room.anew = false
	if s.room.shut {
		s.synced = s.position // what stood at those positions is given up
	}
	kept := slices.Clone(s.held)
	slices.SortFunc(kept, func(a, b heldRecord) int { return cmp.Compare(a.position, b.position) })
	// gofail: var bugTrimUnsorted struct{}
	// if s.hook.Planted("bugTrimUnsorted") {
	// 	kept = slices.Clone(s.held)
	// }

	base := entry{kind: baseEntry, position: s.synced, synced: s.synced,
		promise: s.durable.promise, history: s.durable.history, floor: s.images.floor, kept: len(kept)}
	log := appendEntry(appendEntry(s.shorter[:0], &base), &base)
	for _, h := range kept {
		log = appendEntry(log, &entry{kind: recordEntry, position: h.position, synced: s.synced, record: h.Record, lsn: h.LSN, epoch: h.Epoch})
	}
	waiting := s.queue
	// gofail: var bugTrimDropsQueue struct{}
	// if s.hook.Planted("bugTrimDropsQueue") {
	// 	waiting = nil
	// }

	for i := range waiting {
		log = appendEntry(log, &waiting[i])
	}
	s.trimming, s.scrubs.void, s.room.written = true, true, s.position
	s.shorter, s.logBytes = log, len(log)
	out.Replace(logFile, log, logToken)
}

// trimmed is told that the shorter log is durable.
func (s *Segment) trimmed() {
	// gofail: var segmentAfterTrim struct{}
	// s.hook.Hit("segmentAfterTrim")

	s.trimming = false
	s.room.shut = s.room.shut && s.room.anew
}
