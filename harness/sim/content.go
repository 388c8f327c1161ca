package sim

// content is the bytes of a file, in chunks: a log grows by little all the time, and to copy it whenever it outgrows its
// space would cost more than anything else that happens to it.
type content struct {
	chunks [][]byte
	size   int
}

// How large chunks are: as large as the file is already, within these bounds.
const (
	leastChunk = 512
	mostChunk  = 16 << 10
)

// spare is chunks of the largest size that no file needs any more. A log that is replaced again and again by a shorter one
// would otherwise be most of a run's garbage.
type spare [][]byte

func (s *spare) chunk(size int) []byte {
	if n := len(*s); n > 0 && size == mostChunk {
		chunk := (*s)[n-1]
		*s = (*s)[:n-1]
		return chunk
	}
	return make([]byte, 0, size)
}

// take takes the chunks of c, which the caller may not use again.
func (s *spare) take(c *content) {
	for _, chunk := range c.chunks {
		if cap(chunk) == mostChunk {
			*s = append(*s, chunk[:0])
		}
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
	b := make([]byte, 0, to-from)
	c.parts(from, to, func(part []byte) { b = append(b, part...) })
	return b
}

// zero makes zeros of the bytes from from to to.
func (c *content) zero(from, to int) { c.parts(from, to, func(part []byte) { clear(part) }) }

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
