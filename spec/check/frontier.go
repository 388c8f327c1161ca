package check

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/zeebo/xxh3"
)

// A chunk is a part of a level: the encodings of its states, each as what differs from the one before it, and all of them
// compressed. States that are found one after the other differ in little, and often in the same.
//
// Before it is compressed, there is of each its length, then for eight bytes at a time a byte that says which of them differ from those of the one before (which
// has zeros behind its end), then these.
type chunk struct {
	data   []byte
	states int
}

// So many states are handed from worker to worker at a time, and no more once they take that many bytes.
const (
	chunkStates = 128
	chunkBytes  = slabBytes / 4
)

// A chunkWriter makes chunks.
type chunkWriter struct {
	data   []byte
	states int
	last   []byte // the encoding that was added last
	packed []byte
}

// chunk returns what was added as a chunk, valid until it is called again, and begins with another one.
func (w *chunkWriter) chunk() chunk {
	w.packed = s2.Encode(w.packed[:cap(w.packed)], w.data)
	c := chunk{w.packed, w.states}
	w.data, w.states, w.last = w.data[:0], 0, w.last[:0]
	return c
}

func (w *chunkWriter) full() bool { return w.states >= chunkStates || len(w.data) >= chunkBytes }

func (w *chunkWriter) add(code []byte) {
	d := binary.AppendUvarint(w.data, uint64(len(code)))
	for len(w.last) < len(code) {
		w.last = append(w.last, 0)
	}
	last := w.last[:len(code)]
	for from := 0; from < len(code); from += 8 {
		at := len(d)
		d = append(d, 0)
		mask := byte(0)
		for i, c := range code[from:min(from+8, len(code))] {
			if c != last[from+i] {
				mask |= 1 << i
				d = append(d, c)
			}
		}
		d[at] = mask
	}
	copy(last, code)
	w.data, w.last = d, last // shortened: behind its end there are zeros
	w.states++
}

// A chunkReader takes the encodings out of chunks.
type chunkReader struct {
	data []byte
	rest []byte // of data
	code []byte
}

// read begins with another chunk. It says whether that was compressed as a chunkWriter does it.
func (r *chunkReader) read(c chunk) bool {
	r.rest, r.code = nil, r.code[:0]
	if n, err := s2.DecodedLen(c.data); err != nil || n > longestFrame {
		return false
	}
	data, err := s2.Decode(r.data[:cap(r.data)], c.data)
	if err != nil {
		return false
	}
	r.data, r.rest = data, data
	return true
}

// next returns the next encoding, valid until the one after it is asked for. It is false when the data is not what a
// chunkWriter makes.
func (r *chunkReader) next() (code []byte, ok bool) {
	length, size := binary.Uvarint(r.rest)
	// One byte of the data says what eight at most are, so that a damaged length takes no more memory than the data does.
	if size <= 0 || length > 8*uint64(len(r.rest)-size) {
		return nil, false
	}
	n, d := int(length), r.rest[size:]
	for len(r.code) < n {
		r.code = append(r.code, 0)
	}
	code = r.code[:n]
	for from := 0; from < n; from += 8 {
		if len(d) == 0 {
			return nil, false
		}
		mask := d[0]
		d = d[1:]
		for i := from; mask != 0; i, mask = i+1, mask>>1 {
			if mask&1 == 0 {
				continue
			}
			if i >= n || len(d) == 0 {
				return nil, false
			}
			code[i], d = d[0], d[1:]
		}
	}
	r.rest, r.code = d, code
	return code, true
}

// left returns so many encodings that come next as a chunk of their own.
func (r *chunkReader) left(states int) chunk {
	var w chunkWriter
	for range states {
		code, _ := r.next()
		w.add(code)
	}
	return w.chunk()
}

// sound says whether the data is that many encodings and nothing else.
func (c chunk) sound() bool {
	var r chunkReader
	if !r.read(c) {
		return false
	}
	for range c.states {
		if _, ok := r.next(); !ok {
			return false
		}
	}
	return len(r.rest) == 0
}

// slabs are memory for frontiers, straight from the system: the collector lets the memory that it looks after grow to twice of what is
// in use. What a level no longer needs the next one gets; and what neither needs goes back, since the set of states needs more and more
// when levels become smaller.
type slabs struct {
	mu   sync.Mutex
	free [][]byte
}

const (
	slabBytes = 1 << 17
	freeSlabs = 8 // that are kept
)

// get returns a slab without content, larger than others where so many bytes would not fit.
func (p *slabs) get(need int) []byte {
	if need > slabBytes {
		return newPages(need)[:0]
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.free) - 1
	if last < 0 {
		return newPages(slabBytes)[:0]
	}
	slab := p.free[last]
	p.free = p.free[:last]
	return slab
}

func (p *slabs) put(slab []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cap(slab) != slabBytes || len(p.free) == freeSlabs {
		freePages(slab)
		return
	}
	p.free = append(p.free, slab[:0])
}

// close gives the memory back to the system. The frontiers are closed.
func (p *slabs) close() {
	for _, slab := range p.free {
		freePages(slab)
	}
	p.free = nil
}

// A frontier is a level, or what is left of one: chunks in memory, and when that is short, in a file. Any number of workers
// push and take chunks. Their order makes no difference to the results.
type frontier struct {
	mu     sync.Mutex
	slabs  *slabs
	memory [][]byte // chunks one after the other, each with its footer behind it; the last one is taken first
	spill  *spill   // nil until something is spilled
	states uint64
	bytes  int64 // of the slabs in memory

	file func() (*spill, error) // makes spill
}

const footerBytes = 8 // states of a chunk, bytes of its data

func (f *frontier) push(c chunk) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := len(f.memory) - 1
	if need := len(c.data) + footerBytes; last < 0 || cap(f.memory[last])-len(f.memory[last]) < need {
		slab := f.slabs.get(need)
		f.memory = append(f.memory, slab)
		f.bytes += int64(cap(slab))
		last++
	}
	slab := append(f.memory[last], c.data...)
	slab = binary.LittleEndian.AppendUint32(slab, uint32(c.states))
	f.memory[last] = binary.LittleEndian.AppendUint32(slab, uint32(len(c.data)))
	f.states += uint64(c.states)
}

// lastOf returns the last chunk of a slab, and what is before it.
func lastOf(slab []byte) (c chunk, rest []byte) {
	footer := len(slab) - footerBytes
	c.states = int(binary.LittleEndian.Uint32(slab[footer:]))
	begin := footer - int(binary.LittleEndian.Uint32(slab[footer+4:]))
	c.data = slab[begin:footer]
	return c, slab[:begin]
}

// take returns a chunk, with its data in buffer when that is large enough; one without states when the level is empty.
func (f *frontier) take(buffer []byte) (chunk, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := len(f.memory) - 1; last >= 0 {
		c, rest := lastOf(f.memory[last])
		c.data = append(buffer[:0], c.data...)
		f.states -= uint64(c.states)
		f.memory[last] = rest
		if len(rest) == 0 {
			f.bytes -= int64(cap(rest))
			f.slabs.put(rest)
			f.memory = f.memory[:last]
		}
		return c, nil
	}
	if f.spill == nil || f.states == 0 {
		return chunk{}, nil
	}
	c, err := f.spill.read(buffer)
	f.states -= min(f.states, uint64(c.states))
	return c, err
}

// left returns how many states there are.
func (f *frontier) left() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.states
}

// held returns the memory that the chunks take.
func (f *frontier) held() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bytes
}

// evict moves what is in memory to the file.
func (f *frontier) evict() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.memory) == 0 {
		return nil
	}
	if f.spill == nil {
		var err error
		if f.spill, err = f.file(); err != nil {
			return err
		}
	}
	if err := f.each(f.spill.write); err != nil {
		return err
	}
	f.release()
	return nil
}

// each calls do with the chunks in memory.
func (f *frontier) each(do func(chunk) error) error {
	for _, slab := range f.memory {
		for len(slab) > 0 {
			var c chunk
			if c, slab = lastOf(slab); c.states > 0 {
				if err := do(c); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// release lets go of what is in memory.
func (f *frontier) release() {
	for _, slab := range f.memory {
		f.slabs.put(slab)
	}
	f.memory, f.bytes = nil, 0
}

// copyTo gives every chunk to do and keeps it.
func (f *frontier) copyTo(do func(chunk) error) error {
	if err := f.each(do); err != nil {
		return err
	}
	if f.spill == nil {
		return nil
	}
	from := f.spill.from
	defer func() { f.spill.from = from }()
	for f.spill.from < f.spill.end() {
		c, err := f.spill.read(nil)
		if err == nil {
			err = do(c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// close lets go of the memory and removes the file.
func (f *frontier) close() error {
	if f == nil {
		return nil
	}
	f.release()
	f.states = 0
	if f.spill == nil {
		return nil
	}
	err := f.spill.close()
	f.spill = nil
	return err
}

// A spill is a file of chunks, read in the order in which they were written. It lives no longer than the search.
type spill struct {
	storage storage
	path    string
	pending []byte // not written yet
	written int64
	from    int64 // where the next chunk to be read begins
}

// storage is what a search needs of a file.
type storage interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Sync() error
}

const (
	frameHeader  = 16      // states, bytes of the data, checksum of both and the data
	writtenBytes = 1 << 18 // at a time
	longestFrame = 1 << 30 // bytes
)

// appendFrame appends a chunk to dst, with its checksum, which also depends on seed: on what comes before, so that a frame in
// another's place does not pass for it.
func appendFrame(dst []byte, c chunk, seed uint64) (_ []byte, sum uint64) {
	begin := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(c.states))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(c.data)))
	sum = xxh3.HashSeed(c.data, xxh3.HashSeed(dst[begin:], seed))
	return append(binary.LittleEndian.AppendUint64(dst, sum), c.data...), sum
}

// errDamaged is that the bytes are not those that were written.
var errDamaged = errors.New("the checksum does not agree")

// readFrame reads what appendFrame wrote, into buffer when it is large enough.
func readFrame(r io.Reader, buffer []byte, seed uint64) (_ chunk, sum uint64, err error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return chunk{}, 0, err
	}
	c := chunk{states: int(binary.LittleEndian.Uint32(header[:]))}
	n := binary.LittleEndian.Uint32(header[4:])
	if n > longestFrame {
		return chunk{}, 0, errDamaged
	}
	if int(n) > cap(buffer) {
		buffer = make([]byte, n)
	}
	c.data = buffer[:n]
	if _, err := io.ReadFull(r, c.data); err != nil {
		return chunk{}, 0, err
	}
	sum = xxh3.HashSeed(c.data, xxh3.HashSeed(header[:8], seed))
	if binary.LittleEndian.Uint64(header[8:]) != sum {
		return chunk{}, 0, errDamaged
	}
	return c, sum, nil
}

func (s *spill) end() int64 { return s.written + int64(len(s.pending)) }

func (s *spill) write(c chunk) error {
	s.pending, _ = appendFrame(s.pending, c, uint64(s.end()))
	if len(s.pending) < writtenBytes {
		return nil
	}
	return s.flush()
}

func (s *spill) flush() error {
	n, err := s.storage.Write(s.pending)
	if err != nil {
		return &FolderError{s.path, fmt.Sprintf("%d bytes of the frontier are not written", len(s.pending)-n), err}
	}
	s.written += int64(n)
	s.pending = s.pending[:0]
	return nil
}

func (s *spill) read(buffer []byte) (chunk, error) {
	if len(s.pending) > 0 {
		if err := s.flush(); err != nil {
			return chunk{}, err
		}
	}
	c, _, err := readFrame(io.NewSectionReader(s.storage, s.from, s.written-s.from), buffer, uint64(s.from))
	if err == nil && !c.sound() {
		err = errDamaged
	}
	if err != nil {
		return chunk{}, &FolderError{s.path, fmt.Sprintf("the chunk at byte %d of %d does not read as it was written", s.from, s.written), err}
	}
	s.from += frameHeader + int64(len(c.data))
	return c, nil
}

func (s *spill) close() error {
	err := s.storage.Close()
	if removed := os.Remove(s.path); removed != nil && !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	if err != nil {
		return &FolderError{s.path, "the file is not removed", err}
	}
	return nil
}
