package sim

import (
	"math/bits"
	"slices"
)

// content is the bytes of a file, in chunks: a log grows by little all the time, and to copy it whenever it outgrows its
// space would cost more than anything else that happens to it.
type content struct {
	chunks [][]byte
	size   int
}

// How large chunks are: as large as the file is already, rounded up to a power of two, within these bounds.
const (
	leastChunk = 1 << leastBits
	mostChunk  = 1 << mostBits
	leastBits  = 9
	mostBits   = 14
)

// spare is chunks that no file needs any more, by size. A log that is replaced again and again by a shorter one would otherwise
// be most of a run's garbage.
type spare [mostBits - leastBits + 1][][]byte

// classOf returns which chunks have that many bytes or just more.
func classOf(size int) int {
	return max(bits.Len(uint(max(size, 1)-1)), leastBits) - leastBits
}

// chunk returns an empty chunk with room for at least size bytes, mostChunk or fewer.
func (s *spare) chunk(size int) []byte {
	class := classOf(size)
	free := s[class]
	if n := len(free); n > 0 {
		s[class] = free[:n-1]
		return free[n-1]
	}
	return make([]byte, 0, leastChunk<<class)
}

// take takes the chunks of c, which the caller may not use again.
func (s *spare) take(c *content) {
	for _, chunk := range c.chunks {
		class := classOf(cap(chunk))
		s[class] = append(s[class], chunk[:0])
	}
	*c = content{}
}

// contentOf returns a copy of b.
func contentOf(b []byte, s *spare) content {
	c := content{chunks: make([][]byte, 0, (len(b)+mostChunk-1)/mostChunk), size: len(b)}
	for len(b) > 0 {
		n := min(len(b), mostChunk)
		c.chunks = append(c.chunks, append(s.chunk(n), b[:n]...))
		b = b[n:]
	}
	return c
}

// add appends a copy of b.
func (c *content) add(b []byte, s *spare) {
	for len(b) > 0 {
		last := len(c.chunks) - 1
		if last < 0 || len(c.chunks[last]) == cap(c.chunks[last]) {
			c.chunks = append(c.chunks, s.chunk(max(leastChunk, min(c.size, mostChunk))))
			last++
		}
		chunk := c.chunks[last]
		n := min(len(b), cap(chunk)-len(chunk))
		c.chunks[last] = append(chunk, b[:n]...)
		c.size += n
		b = b[n:]
	}
}

// parts calls do with the bytes from from to to, one chunk after the other. It may change them.
func (c *content) parts(from, to int, do func([]byte)) {
	start := 0
	for _, chunk := range c.chunks {
		if low, high := max(from-start, 0), min(to-start, len(chunk)); low < high {
			do(chunk[low:high])
		}
		start += len(chunk)
	}
}

// bytes returns a copy of the bytes from from to to.
func (c *content) bytes(from, to int) []byte {
	b := slices.Grow([]byte{}, to-from) // which, unlike make, does not clear what is written over
	c.parts(from, to, func(part []byte) { b = append(b, part...) })
	return b
}

// zero makes zeros of the bytes from from to to.
func (c *content) zero(from, to int) { c.parts(from, to, func(part []byte) { clear(part) }) }

// write puts b over the bytes from at on.
func (c *content) write(at int, b []byte) {
	c.parts(at, at+len(b), func(part []byte) { b = b[copy(part, b):] })
}

// flip flips a bit.
func (c *content) flip(bit int) {
	c.parts(bit/8, bit/8+1, func(part []byte) { part[0] ^= 1 << (bit % 8) })
}

// truncate leaves the first n bytes.
func (c *content) truncate(n int) {
	start := 0
	for i, chunk := range c.chunks {
		if start+len(chunk) >= n {
			c.chunks[i] = chunk[:n-start]
			clear(c.chunks[i+1:])
			c.chunks = c.chunks[:i+1]
			break
		}
		start += len(chunk)
	}
	c.size = n
}
