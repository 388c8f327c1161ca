package check

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/zeebo/xxh3"
)

// A chunk is a part of a level: the encodings of its states, each with its length before it.
type chunk struct {
	data   []byte
	states int
}

// So many states are handed from worker to worker at a time.
const chunkStates = 128

func (c *chunk) add(code []byte) {
	c.data = append(binary.AppendUvarint(c.data, uint64(len(code))), code...)
	c.states++
}

// next returns the encoding at the front of data, and what comes after it.
func (c chunk) next(data []byte) (code, rest []byte) {
	n, size := binary.Uvarint(data)
	return data[size : size+int(n)], data[size+int(n):]
}

// sound says whether the data is that many encodings and nothing else.
func (c chunk) sound() bool {
	data := c.data
	for range c.states {
		n, size := binary.Uvarint(data)
		if size <= 0 || n > uint64(len(data)-size) {
			return false
		}
		data = data[size+int(n):]
	}
	return len(data) == 0
}

// A frontier is a level, or what is left of one: chunks in memory, and when that is short, in a file. Any number of workers
// push and take chunks. Their order makes no difference to the results.
type frontier struct {
	mu     sync.Mutex
	memory []chunk
	spill  *spill // nil until something is spilled
	states uint64
	bytes  int64 // of the chunks in memory

	file func() (*spill, error) // makes spill
}

func (f *frontier) push(c chunk) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.memory = append(f.memory, c)
	f.states += uint64(c.states)
	f.bytes += int64(cap(c.data))
}

// take returns a chunk; one without states when the level is empty. The data is in buffer when it comes from the file.
func (f *frontier) take(buffer []byte) (chunk, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.memory) - 1; n >= 0 {
		c := f.memory[n]
		f.memory[n] = chunk{}
		f.memory = f.memory[:n]
		f.states -= uint64(c.states)
		f.bytes -= int64(cap(c.data))
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
	for _, c := range f.memory {
		if err := f.spill.write(c); err != nil {
			return err
		}
	}
	f.memory, f.bytes = nil, 0
	return nil
}

// copyTo gives every chunk to do and keeps it.
func (f *frontier) copyTo(do func(chunk) error) error {
	for _, c := range f.memory {
		if err := do(c); err != nil {
			return err
		}
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

// close removes the file.
func (f *frontier) close() error {
	if f == nil || f.spill == nil {
		return nil
	}
	return f.spill.close()
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
