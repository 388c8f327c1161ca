package segment

import (
	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/impl/backup"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// The backup (SIGMOD 2017 §3.3, step 6) goes through the group's log window by window: first the records of the window,
// then, at the end of every few windows, the page images as of there. An object is asked for before it is put, for
// another copy may have put it; the full segments take turns, and who sees that an object does not come puts it. The
// floor stays at or below what is known to be backed up, so that there is always somebody who can.

// backupPatience is how often an object is asked for before it is put out of turn.
const backupPatience = 3

// tailPatience is backupPatience of a tail. It leaves objects to the full segments, which may be past one that the store had and cannot
// read any more: a tail that was away and waited for it would keep its log for ever.
const tailPatience = 4 * backupPatience

// A backingUp is how far the backup of the group is known to be.
type backingUp struct {
	window  node.LSN
	turn    int      // among the full segments; -1 for a tail
	turns   int      // how many full segments there are
	backed  node.LSN // everything of the group at or below it is in log objects; a window's end
	part    node.LSN // the end of the last part of a window that is
	imaging bool     // the images as of backed come next
	page    node.PageID
	shaped  bool     // the volume's object is there
	before  node.LSN // what could be backed up at the last timer
	asked   upload   // under way; no name: nothing is
	tries   int      // how often the object was asked for and not there
}

// An upload is one object on its way.
type upload struct {
	name   string
	part   bool // of a window
	end    node.LSN
	put    bool
	next   node.PageID
	done   bool
	data   []byte
	silent bool // no answer since the last timer
}

func newBackup(v *node.Volume, replica int) backingUp {
	b := backingUp{window: node.LSN(v.Window), turn: -1}
	if b.window == 0 {
		b.window = backup.DefaultWindow
	}
	fulls := v.Quorums().Fulls
	for r := range v.Replicas() {
		if fulls.Has(r) {
			if r == replica {
				b.turn = b.turns
			}
			b.turns++
		}
	}
	return b
}

// mayCollect returns the highest floor that leaves everything to be backed up that is not.
func (s *Segment) mayCollect() node.LSN {
	if s.volume.Objects == 0 {
		return ^node.LSN(0)
	}
	return s.backup.backed
}

// alignBackup moves the backup behind images that stand for what only they have now. The segment that made
// them knew it backed up.
func (s *Segment) alignBackup() {
	b := &s.backup
	// gofail: var bugBackupUnaligned struct{}
	// if s.hook.Planted("bugBackupUnaligned") {
	// 	return
	// }

	if floor := (s.images.floor + b.window - 1) / b.window * b.window; floor > b.backed {
		*b = backingUp{window: b.window, turn: b.turn, turns: b.turns, shaped: b.shaped, backed: floor}
	}
}

// backupAgain goes on with the backup when the timer fires.
func (s *Segment) backupAgain(out *node.Effects) {
	b := &s.backup
	if !s.serving || s.Damaged() {
		return
	}
	u := &b.asked
	switch {
	case u.name == "":
		s.backUp(true, out)
	case u.silent:
		*u = upload{} // asked again below, by the name that is right now
		s.backUp(true, out)
	default:
		u.silent = true
	}
	b.before = s.final()
}

// final returns up to where everything of the group is here and will never be cut.
func (s *Segment) final() node.LSN {
	// gofail: var bugBackupBeyondVDL struct{}
	// if s.hook.Planted("bugBackupBeyondVDL") {
	// 	return s.complete()
	// }

	return min(s.told, s.complete())
}

// backUp asks for the next object, if there is one to be backed up. A part of a window is, when nothing came for a while.
func (s *Segment) backUp(quiet bool, out *node.Effects) {
	b := &s.backup
	if b.asked.name != "" {
		return
	}
	final := s.final()
	end := b.backed + b.window
	switch {
	case !b.shaped:
		b.asked = upload{name: backup.VolumeName}
	case b.imaging:
		b.asked = upload{name: backup.ImagesName(s.group, b.backed, b.page)}
	case end <= final:
		b.asked = upload{name: backup.LogName(s.group, b.backed+1, end), end: end}
	case quiet && final > max(b.backed, b.part) && final == b.before:
		b.asked = upload{name: backup.LogName(s.group, b.backed+1, final), end: final, part: true}
	default:
		return
	}
	out.Send(s.volume.Objects, &node.GetObject{Name: b.asked.name, Head: true})
}

// myTurn tells whether it is this segment that puts the object without having waited for another.
func (s *Segment) myTurn() bool {
	b := &s.backup
	if b.turn < 0 {
		return b.tries >= tailPatience
	}
	return int(b.backed/b.window)%b.turns == b.turn || b.tries >= backupPatience
}

// objectRead takes the word whether an object is there.
func (s *Segment) objectRead(m *node.ObjectRead, out *node.Effects) {
	b := &s.backup
	u := &b.asked
	if m.Name != u.name || u.put || s.Damaged() {
		return
	}
	if m.Found {
		if u.name != backup.VolumeName && !s.makeObject(u) {
			*u = upload{}
			return
		}
		s.objectThere(m.Sum, out)
		return
	}
	// gofail: var bugBackupUnseen struct{}
	// if s.hook.Planted("bugBackupUnseen") && !s.myTurn() && s.makeObject(u) {
	// 	s.objectThere(xxh3.Hash(u.data), out)
	// 	return
	// }

	if !s.myTurn() || !s.makeObject(u) {
		b.tries++
		*u = upload{}
		return
	}
	// gofail: var segmentBeforeUpload struct{}
	// s.hook.Hit("segmentBeforeUpload")

	u.put, u.silent = true, false
	out.Send(s.volume.Objects, &node.PutObject{Name: u.name, Data: u.data})
}

func (s *Segment) objectKept(m *node.ObjectKept, out *node.Effects) {
	if u := &s.backup.asked; m.Name == u.name && u.put && !s.Damaged() {
		// gofail: var segmentAfterUpload struct{}
		// s.hook.Hit("segmentAfterUpload")

		s.counters.Uploaded++
		s.objectThere(m.Sum, out)
	}
}

// objectThere goes on behind an object that is durable, and compares it with what this segment would have put there.
func (s *Segment) objectThere(sum uint64, out *node.Effects) {
	b := &s.backup
	u := b.asked
	if u.data != nil && xxh3.Hash(u.data) != sum {
		s.counters.Conflicts++
	}
	b.asked, b.tries = upload{}, 0
	switch {
	case u.name == backup.VolumeName:
		b.shaped = true
	case b.imaging:
		b.page, b.imaging = u.next, !u.done
	case u.part:
		b.part = u.end
	default:
		b.backed, b.page = u.end, 0
		b.imaging = b.backed/b.window%backup.ImagesEvery == 0 && !s.tail
	}
	s.backUp(false, out)
}

// makeObject makes the object's bytes. It fails where the records do not make a page.
func (s *Segment) makeObject(u *upload) bool {
	b := &s.backup
	switch {
	case u.name == backup.VolumeName:
		groups := s.volume.InUse
		if groups == 0 {
			groups = s.volume.Groups()
		}
		u.data = backup.Shape{PageSize: page.SizeOf(s.volume), Groups: groups, Window: int(b.window)}.Encode()
	case b.imaging:
		i := backup.Images{Group: s.group, At: b.backed, Last: s.lastAtOrBelow(b.backed).LSN, First: b.page}
		at := b.backed
		// gofail: var bugBackupLatest struct{}
		// if s.hook.Planted("bugBackupLatest") {
		// 	at = s.complete()
		// }

		var fits bool
		if i.Images, i.Next, i.Done, fits = s.imagesAt(at, b.page, backup.ChunkBytes); !fits {
			return false
		}
		u.data, u.next, u.done = i.Encode(), i.Next, i.Done
	default:
		l := backup.Log{Group: s.group, From: b.backed + 1, Through: u.end}
		after := b.backed
		// gofail: var bugBackupSkipsFirst struct{}
		// if s.hook.Planted("bugBackupSkipsFirst") {
		// 	after++
		// }

		for _, h := range s.above(after) {
			if h.LSN > u.end {
				break
			}
			l.Records = append(l.Records, h.Record)
		}
		u.data = l.Encode()
	}
	return true
}
