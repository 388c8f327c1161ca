package sim

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/node"
)

// disk is the disk of one process. It outlives the process's incarnations.
type disk struct {
	files    []*file // by first use
	appended *file   // the one that was appended to last
	ops      []diskOp
	seq      uint64 // of the last append, sync or replace
	busy     node.Time
	reads    []diskRead // that have completed and were not told yet
	slow     []*diskFault
	// failing are the faults that have operations fail while they last; dead tells that one has: from then on all do, until the
	// process starts again.
	failing []*diskFailure
	dead    bool
	// full is how many faults leave no room for what is written now. roomless tells that an append or a replace has found none,
	// and untold how many operations have ended so of which the process has not heard: until it has, no append finds room.
	full     int
	roomless bool
	refused  uint64 // of the first append that found no room; 0: none did
	untold   int
	// misreading, lying, losing and misplacing are the faults that do so while they last.
	misreading, lying, losing, misplacing []*diskFailure
	// forgot tells that something which the process was told is durable is not there as it was: the next start finds a disk that forgot.
	forgot bool
}

// diskFailure makes operations of a disk fail while it lasts.
type diskFailure struct {
	rate float64
	salt uint64
}

// diskFault makes the operations of a disk slow while it lasts.
type diskFault struct {
	factor float64
	extra  time.Duration
}

// A file is its durable content and, behind it, what the replaces on their way will put in its place.
type file struct {
	name     string
	hash     uint64
	exists   bool // survives a crash even when empty
	versions []version
	// before is what a crash may bring back: the file as it was when a replace said that it was done, and was not.
	before *before
	wrong  bool // an append that was to be durable is not where it should be
}

// before is a file as it was.
type before struct {
	exists bool
	cause  uint64 // number of the event in whose step the replace was begun
	version
}

// version is the content of a file: the first durable bytes survive every crash, the pieces after them may not.
type version struct {
	data    content
	durable int
	pieces  []piece
}

// piece is what one append added.
type piece struct {
	end   int // in the version's data; it begins where the one before it ends
	seq   uint64
	cause uint64 // number of the event in whose step it was appended
	told  bool   // the process was told that it is durable
	kept  bool   // it survived a crash
	// lost tells that it never gets to the disk, and place, where it is above 0, where it gets to instead: behind so many bytes, less one.
	lost  bool
	place int
}

// diskRead is what was read.
type diskRead struct {
	token node.Token
	data  []byte
}

// takeRead returns what the read with that token has found, nil when it was no read.
func (d *disk) takeRead(t node.Token) []byte {
	for i := range d.reads {
		if r := d.reads[i]; r.token == t {
			d.reads = slices.Delete(d.reads, i, i+1)
			return r.data
		}
	}
	return nil
}

// diskOp is a read, sync or replace that has not completed.
type diskOp struct {
	seq   uint64
	token node.Token // of a read
	file  *file      // of a replace or a read
	read  bool
	from  int  // of a read, in bytes
	size  int  // of a read, in bytes
	full  bool // of a replace or a sync: there was no room for it, or for what it covers
	id    draw
	cause uint64 // of a replace: number of the event in whose step it was begun
}

// Salts that tell the operations of a disk apart.
const (
	opAppend uint64 = iota + 1
	opSync
	opReplace
	opCrash
	opCorrupt
	opRead
	opMisplace
)

func (d *disk) open(name string) *file {
	for _, f := range d.files {
		if f.name == name {
			return f
		}
	}
	f := &file{name: name, hash: xxh3.HashString(name), versions: make([]version, 1, 2)}
	d.files = append(d.files, f)
	return f
}

// take occupies the disk with an operation and returns when it is done.
func (w *World) take(p *process, least time.Duration, id draw) node.Time {
	o := &w.disk
	t := least + id.span(askJitter, time.Duration(o.Jitter))
	if len(p.disk.slow) > 0 {
		factor, extra := 1.0, time.Duration(0)
		for _, s := range p.disk.slow {
			factor, extra = factor*max(s.factor, 1), extra+s.extra
		}
		t = scaled(t, min(factor, faults.MaxFactor)) + extra
	}
	// A heavy tail as it is: 64 times its scale, times the factors of two faults, is half a minute, and the same sync of each start of a
	// process draws the same.
	t += id.tail(0, o.TailRate, time.Duration(o.Tail))
	p.disk.busy = max(p.disk.busy, w.now).Add(t)
	return p.disk.busy
}

func (w *World) appendTo(p *process, name string, data []byte) {
	d := &p.disk
	f := d.open(name)
	if d.full > 0 || d.roomless {
		d.seq++
		w.begun(p, Begun{File: name, Bytes: len(data), NoRoom: true})
		d.roomless = true
		if d.refused == 0 {
			d.refused = d.seq
		}
		w.counts.NoRoom++
		return
	}
	d.appended = f
	v := &f.versions[len(f.versions)-1]
	w.begun(p, Begun{File: name, From: v.data.size, Bytes: len(data)})
	v.data.add(data, &w.spare)
	w.wrote(p, len(data))
	d.seq++
	v.pieces = append(v.pieces, piece{end: v.data.size, seq: d.seq, cause: w.cause})
	if len(d.losing)+len(d.misplacing) > 0 {
		w.misplace(p, f, len(data))
	}
	w.bytes += int64(len(data))
	w.counts.Appends++
	w.take(p, time.Duration(w.disk.Append), w.same(mix(mix(p.salt(opAppend), f.hash), uint64(v.data.size))))
}

// misplace decides what becomes of the last append to a file, of so many bytes, while its disk loses or misplaces some.
func (w *World) misplace(p *process, f *file, size int) {
	d := &p.disk
	v := &f.versions[len(f.versions)-1]
	last := &v.pieces[len(v.pieces)-1]
	id := w.draw(mix(mix(p.salt(opMisplace), f.hash), uint64(v.data.size)))
	if struckBy(d.losing, id) {
		last.lost = true
		w.counts.LostWrites++
	} else if start := v.data.size - size; struckBy(d.misplacing, id) && start >= size {
		last.lost, last.place = true, 1+int(id.below(askPosition, int64(start-size+1)))
		w.counts.MisplacedWrites++
	}
}

// struckBy tells whether one of the faults strikes what has this identity.
func struckBy(faults []*diskFailure, id draw) bool {
	for _, f := range faults {
		if id.of(f.salt).chance(askFault, f.rate) {
			return true
		}
	}
	return false
}

func (w *World) sync(p *process, token node.Token) {
	d := &p.disk
	d.seq++
	w.begun(p, Begun{Sync: true, Token: token})
	w.counts.Syncs++
	id := w.same(mix(p.salt(opSync), uint64(token)))
	d.ops = append(d.ops, diskOp{seq: d.seq, id: id})
	w.completeAt(p, w.take(p, time.Duration(w.disk.Sync), id), token)
}

func (w *World) replace(p *process, name string, data []byte, token node.Token) {
	d := &p.disk
	f := d.open(name)
	d.seq++
	w.begun(p, Begun{File: name, Bytes: len(data), Replace: true, Token: token, NoRoom: d.full > 0})
	w.counts.Replaces++
	if d.full > 0 {
		d.roomless = true // what is appended to the file from now on would follow what is not there
		w.counts.NoRoom++
		id := w.draw(mix(mix(p.salt(opReplace), f.hash), xxh3.Hash(data)))
		d.ops = append(d.ops, diskOp{seq: d.seq, full: true, id: id})
		w.completeAt(p, w.take(p, time.Duration(w.disk.Append), id), token)
		return
	}
	w.wrote(p, len(data))
	w.bytes += int64(len(data))
	f.versions = append(f.versions, version{data: contentOf(data, &w.spare), durable: len(data)})
	id := w.draw(mix(mix(p.salt(opReplace), f.hash), xxh3.Hash(data)))
	d.ops = append(d.ops, diskOp{seq: d.seq, file: f, id: id, cause: w.cause})
	w.completeAt(p, w.take(p, time.Duration(w.disk.Replace), id), token)
}

// readFrom reads a part of a file. It costs what an append does: no flush is waited for.
func (w *World) readFrom(p *process, name string, from, size int, token node.Token) {
	d := &p.disk
	f := d.open(name)
	d.seq++
	w.counts.Reads++
	id := w.draw(mix(mix(p.salt(opRead), f.hash), uint64(from)))
	d.ops = append(d.ops, diskOp{seq: d.seq, file: f, token: token, read: true, from: max(from, 0), size: max(size, 0), id: id})
	w.completeAt(p, w.take(p, time.Duration(w.disk.Append), id), token)
}

func (w *World) completeAt(p *process, at node.Time, token node.Token) {
	w.schedule(at, pending{kind: EventDisk, to: p.index, incarnation: p.incarnation, value: uint64(token), bytes: pendingBytes})
}

// completed ends the oldest operation of a process's disk, and tells how it did where it was not done: 0, ByDisk or ByRoom.
func (w *World) completed(p *process) Reason {
	d := &p.disk
	id := d.ops[0].id
	for _, f := range d.failing {
		d.dead = d.dead || id.of(f.salt).chance(askFault, f.rate)
	}
	if !d.dead {
		if d.foundNoRoom() {
			d.ops = slices.Delete(d.ops, 0, 1)
			d.untold++
			return ByRoom
		}
		if len(d.lying) > 0 && !d.ops[0].read && struckBy(d.lying, id) {
			w.counts.Lies++
			if w.listen != nil {
				w.missing(p, d.untrue(LiedAbout))
			}
			w.bytes -= int64(d.lie())
			return 0
		}
		if n := len(d.reads); len(d.misreading) > 0 && d.ops[0].read && struckBy(d.misreading, id) {
			v := &d.ops[0].file.versions[0]
			d.ops[0].from = int(id.below(askPosition, int64(v.data.size)))
			d.complete(&w.spare)
			w.counts.Misreads += uint64(len(d.reads) - n)
			return 0
		}
		if w.listen != nil && d.ops[0].file == nil && !d.ops[0].read {
			w.missing(p, d.untrue(NeverSynced))
		}
		w.bytes -= int64(d.complete(&w.spare))
		return 0
	}
	w.counts.DiskFailures++
	op := d.ops[0]
	switch {
	case op.read, op.full:
		d.ops = slices.Delete(d.ops, 0, 1)
	case id.chance(askEffect, w.disk.EffectRate):
		w.bytes -= int64(d.complete(&w.spare)) // it took effect, and the word of that was lost
	default:
		d.ops = slices.Delete(d.ops, 0, 1)
		if op.file != nil { // what was to take its place is not there, nor what was appended to that
			w.bytes -= int64(op.file.versions[1].data.size)
			w.spare.take(&op.file.versions[1].data)
			op.file.versions = slices.Delete(op.file.versions, 1, 2)
		}
	}
	return ByDisk
}

// foundNoRoom tells whether the oldest operation is one for which there was no room: a replace, a sync of an append, or a sync in
// front of which the process is about to hear of another one.
func (d *disk) foundNoRoom() bool {
	op := &d.ops[0]
	sync := !op.read && op.file == nil
	return op.full || sync && (d.refused != 0 && d.refused < op.seq || d.untold > 0)
}

// tellNoRoom takes off the disk of p what was appended and is not durable, now that its process hears that there was no room.
func (w *World) tellNoRoom(p *process) {
	d := &p.disk
	d.untold--
	d.roomless, d.refused = false, 0
	for i := range d.ops {
		if op := &d.ops[i]; !op.read && op.file == nil {
			op.full = true
		}
	}
	for _, f := range d.files {
		for i := range f.versions {
			v := &f.versions[i]
			end, n := v.durable, 0
			for n < len(v.pieces) && v.pieces[n].told { // by a disk that lies, and that goes on to
				end = v.pieces[n].end
				n++
			}
			w.bytes -= int64(v.data.size - end)
			v.data.truncate(end)
			v.pieces = v.pieces[:n]
		}
	}
}

// complete makes the oldest operation take effect. It returns how many bytes it freed.
func (d *disk) complete(s *spare) (freed int) {
	op := d.ops[0]
	d.ops = slices.Delete(d.ops, 0, 1)
	if op.read {
		v := &op.file.versions[0]
		if from, to := min(op.from, v.data.size), min(op.from+op.size, v.data.size); from < to {
			d.reads = append(d.reads, diskRead{op.token, v.data.bytes(from, to)})
		}
		return 0
	}
	if op.file != nil {
		freed = op.file.versions[0].data.size
		s.take(&op.file.versions[0].data)
		op.file.versions = slices.Delete(op.file.versions, 0, 1)
		op.file.exists = true
		op.file.before, op.file.wrong = nil, false
		return freed
	}
	for _, f := range d.files {
		// A replace in front of this sync has completed: the disk does one thing after the other. What was appended
		// behind a later replace has a later seq.
		v := &f.versions[0]
		f.before = nil
		n := 0
		for n < len(v.pieces) && v.pieces[n].seq < op.seq {
			if p := &v.pieces[n]; p.lost {
				f.lose(v.durable, p)
			}
			v.durable = v.pieces[n].end
			n++
		}
		if n > 0 {
			f.exists = true
			v.pieces = slices.Delete(v.pieces, 0, n)
		}
	}
	return freed
}

// lose has a piece that begins at start not be where it should be.
func (f *file) lose(start int, p *piece) {
	data := &f.versions[0].data
	if p.place > 0 {
		data.write(p.place-1, data.bytes(start, p.end))
	}
	data.zero(start, p.end)
	f.wrong = true
}

// lie ends the oldest operation, a sync or a replace, as if it had taken effect. It returns how many bytes it freed.
func (d *disk) lie() (freed int) {
	op := d.ops[0]
	d.ops = slices.Delete(d.ops, 0, 1)
	if f := op.file; f != nil {
		freed = f.versions[0].data.size
		if f.before == nil {
			f.before = &before{exists: f.exists, cause: op.cause, version: f.versions[0]}
			f.before.data.truncate(f.before.durable)
			f.before.pieces = nil
		}
		f.versions = slices.Delete(f.versions, 0, 1)
		f.exists = true
		return freed
	}
	for _, f := range d.files {
		v := &f.versions[0]
		for i := range v.pieces {
			v.pieces[i].told = v.pieces[i].told || v.pieces[i].seq < op.seq
		}
	}
	return 0
}

// crashDisk decides what a crash leaves on the disk of p. salt is that of the fault.
func (w *World) crashDisk(p *process, salt uint64) {
	d := &p.disk
	// Operations take effect one after the other, so those that did before the crash are the first ones.
	for len(d.ops) > 0 {
		if !d.ops[0].id.of(salt).chance(askEffect, w.disk.EffectRate) {
			break
		}
		if d.foundNoRoom() {
			break // a crash leaves what was appended before, or not, as it does without a sync
		}
		w.counts.UntoldEffects++
		w.bytes -= int64(d.complete(&w.spare))
	}
	replaces := map[*file]int{} // under way
	for i := range d.ops {
		if op := &d.ops[i]; op.file != nil && !op.read {
			replaces[op.file]++
			w.missing(p, []LostWrite{{File: op.file.name, Bytes: op.file.versions[replaces[op.file]].data.size, Cause: op.cause, Why: NotReplaced}})
		}
	}
	d.ops = d.ops[:0]
	d.reads, d.dead = nil, false
	d.roomless, d.refused, d.untold = false, 0, 0
	d.busy = w.now
	for _, f := range d.files {
		for _, v := range f.versions {
			w.bytes -= int64(v.data.size)
		}
		clear(f.versions[1:])
		f.versions = f.versions[:1]
		if b := f.before; b != nil && w.draw(mix(p.salt(opReplace), f.hash)).of(salt).chance(askEffect, 0.5) {
			w.missing(p, []LostWrite{{File: f.name, Bytes: f.versions[0].data.size, Cause: b.cause, Why: LiedAbout}})
			f.exists, f.versions[0], d.forgot = b.exists, b.version, true
		}
		f.before = nil
		d.forgot, f.wrong = d.forgot || f.wrong, false
		w.crashFile(p, f, salt)
		w.bytes += int64(f.versions[0].data.size)
	}
}

// crashFile decides which pieces of a file survive. A lost one that a surviving one follows leaves a hole of zeros:
// the file had grown, and its block was never written. What survives is where the next start reads it, and not yet durable: it may be
// in a cache, and the next crash may lose it, unless a sync comes first.
func (w *World) crashFile(p *process, f *file, salt uint64) {
	v := &f.versions[0]
	end := v.durable // of what survives
	start := v.durable
	var last draw // of the last survivor
	lastStart, toldLast, toldAny := -1, false, false
	lastCause := uint64(0)
	for _, c := range v.pieces {
		id := w.draw(mix(mix(p.salt(opCrash), f.hash), xxh3.Hash(v.data.bytes(start, c.end)))).of(salt)
		if id.chance(askSurvive, w.disk.SurviveRate) && !c.lost {
			w.counts.SurvivedPieces++
			if end < start {
				w.counts.Holes++
			}
			end, last, lastStart, toldLast, lastCause = c.end, id, start, c.told, c.cause
			toldAny = toldAny || c.told
			f.exists = true
		} else {
			w.counts.LostPieces++
			if c.kept {
				w.counts.LostSurvivors++
			}
			w.missing(p, []LostWrite{c.lostFrom(f, start, NeverSynced)})
			p.disk.forgot = p.disk.forgot || c.told
			v.data.zero(start, c.end)
		}
		start = c.end
	}
	if length := end - lastStart; lastStart >= 0 && length > 1 && last.chance(askTear, w.disk.TornRate) {
		w.counts.TornWrites++
		p.disk.forgot = p.disk.forgot || toldLast
		whole := end
		end = lastStart + 1 + int(last.below(askTearLength, int64(length-1)))
		w.missing(p, []LostWrite{{File: f.name, From: end, Bytes: whole - end, Cause: lastCause, Why: HalfWritten}})
	}
	v.data.truncate(end)
	v.pieces = v.pieces[:0]
	if end > v.durable {
		v.pieces = append(v.pieces, piece{end: end, seq: p.disk.seq, cause: lastCause, told: toldAny, kept: true})
	}
}

// missing keeps for the listener, if there is one, what is not on the disk of p where its node left it, until it is told.
func (w *World) missing(p *process, lost []LostWrite) {
	if w.listen != nil {
		p.lost = append(p.lost, lost...)
	}
}

// takeMissing returns what missing has kept.
func (p *process) takeMissing() []LostWrite {
	lost := p.lost
	p.lost = nil
	return lost
}

// lostFrom describes a piece that begins at start and is lost.
func (c *piece) lostFrom(f *file, start int, why Loss) LostWrite {
	switch {
	case c.lost && c.place > 0:
		why = WriteElsewhere
	case c.lost:
		why = WriteNeverMade
	case c.told || why == LiedAbout:
		why = LiedAbout
	case c.kept:
		why = FoundUnsynced
	}
	return LostWrite{File: f.name, From: start, Bytes: c.end - start, Cause: c.cause, Why: why}
}

// untrue lists what the oldest operation says that it makes durable, and does not: of a replace its file's new content, of a sync what was
// appended before it.
func (d *disk) untrue(why Loss) (all []LostWrite) {
	op := &d.ops[0]
	if f := op.file; f != nil {
		return []LostWrite{{File: f.name, Bytes: f.versions[1].data.size, Cause: op.cause, Why: why}}
	}
	for _, f := range d.files {
		v := &f.versions[0]
		start := v.durable
		for i := range v.pieces {
			if c := &v.pieces[i]; c.seq < op.seq {
				if l := c.lostFrom(f, start, why); l.Told() {
					all = append(all, l)
				}
			}
			start = v.pieces[i].end
		}
	}
	return all
}

// contents returns copies of the files that exist, by name.
func (d *disk) contents() []node.File {
	var files []node.File
	for _, f := range d.files {
		if f.exists {
			data := &f.versions[0].data
			files = append(files, node.File{Name: f.name, Data: data.bytes(0, data.size)})
		}
	}
	slices.SortFunc(files, func(a, b node.File) int { return strings.Compare(a.Name, b.Name) })
	return files
}

// wipe empties the disk of a process that is down.
func (w *World) wipe(p *process) {
	w.counts.Wipes++
	for _, f := range p.disk.files {
		for _, v := range f.versions {
			w.bytes -= int64(v.data.size)
		}
	}
	p.disk.files, p.disk.appended = nil, nil
}

// A kept is a file of a disk as it was.
type kept struct {
	name string
	data []byte
}

// keep copies what is durable on a disk.
func (d *disk) keep() (all []kept) {
	for _, f := range d.files {
		if v := &f.versions[0]; f.exists {
			all = append(all, kept{f.name, v.data.bytes(0, v.durable)})
		}
	}
	return all
}

// putBack crashes a process for a while and puts its disk back to what was kept of it.
func (w *World) putBack(p *process, how faults.Kind, salt uint64, old []kept, down time.Duration) {
	now := p.disk.keep() // all that it was told is durable
	w.crash(p, string(how), salt)
	w.wipe(p)
	for _, k := range old {
		f := p.disk.open(k.name)
		f.exists, f.versions[0] = true, version{data: contentOf(k.data, &w.spare), durable: len(k.data)}
		w.bytes += int64(len(k.data))
	}
	p.disk.forgot = p.disk.forgot || !slices.EqualFunc(now, old, func(a, b kept) bool { return a.name == b.name && slices.Equal(a.data, b.data) })
	w.restartIn(p, down)
}

// corrupt flips one bit of what is durable, and tells whether there was any. With a share, it is a bit of what was appended last:
// of that share of the file, at its end.
func (w *World) corrupt(p *process, salt uint64, share float64) bool {
	files, skipped := p.disk.files, 0
	total := 0
	for _, f := range files {
		total += f.versions[0].durable
	}
	if f := p.disk.appended; share > 0 && f != nil && f.versions[0].durable > 0 {
		total = int(math.Ceil(float64(f.versions[0].durable) * min(share, 1)))
		files, skipped = []*file{f}, f.versions[0].durable-total
	}
	if total == 0 {
		return false
	}
	at := skipped*8 + int(w.draw(p.salt(opCorrupt)).of(salt).below(askPosition, int64(total)*8))
	for _, f := range files {
		v := &f.versions[0]
		if at < v.durable*8 {
			v.data.flip(at)
			break
		}
		at -= v.durable * 8
	}
	w.counts.Corruptions++
	return true
}

// Stored implements runtime.Runtime.
func (w *World) Stored(id node.ID) (bytes int) {
	if p := w.find(id); p != nil {
		for _, f := range p.disk.files {
			for i := range f.versions {
				bytes += f.versions[i].data.size
			}
		}
	}
	return bytes
}
