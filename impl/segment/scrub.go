package segment

import (
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// Scrubbing reads the disk piece by piece, and verifies the checksums of what is there (SIGMOD 2017 §3.3, step 8), so
// that what has rotted is found while it can still be written again: from memory, which has every record above the floor
// and every image. What a start finds rotten has to come from a peer.

// scrubChunk is how many bytes are read at a time, and the most that a tick costs, unless one entry is larger.
const scrubChunk = 16 << 10

// scrubbing is where in which file the segment looks.
type scrubbing struct {
	images  bool // the file of images, not the log
	at      int
	size    int // of the next read
	reading bool
	void    bool // the file was replaced since, or a full disk took off what had been read of it
}

// scrub reads on.
func (s *Segment) scrub(out *node.Effects) {
	b := &s.scrubs
	if !s.serving || s.Damaged() || b.reading || s.busy() {
		return
	}
	if b.void {
		*b = scrubbing{images: b.images} // another file has other places
	}
	file, end := logFile, s.logBytes
	if b.images {
		file, end = imagesFile, 2*imagesHeaderBytes+s.imageBytes
		if s.images.floor == 0 {
			end = 0 // no such file
		}
	}
	if b.at >= end {
		*b = scrubbing{images: !b.images}
		return
	}
	b.size = max(b.size, scrubChunk)
	b.reading = true
	out.Read(file, b.at, b.size, scrubToken)
}

// busy tells whether a file is being replaced, or soon will be by a peer's images. What has rotted is looked for again later: written
// anew while the last images of a peer come, the file of images would be replaced twice at once.
func (s *Segment) busy() bool { return s.pending != nil || s.trimming || s.filling.busy }

// scrubbed verifies what was read.
func (s *Segment) scrubbed(data []byte, out *node.Effects) {
	b := &s.scrubs
	b.reading = false
	if b.void || s.busy() || s.Damaged() {
		*b = scrubbing{images: b.images}
		return
	}
	verify := verifyLog
	if b.images {
		verify = verifyImages
	}
	last := len(data) < b.size // there is no more
	n, items, sound := verify(data, b.at, last)
	s.counters.Scrubbed += uint64(items)
	switch {
	case !sound:
		s.counters.Rotten++
		// gofail: var bugRotLeft struct{}
		// if s.hook.Planted("bugRotLeft") {
		// 	*b = scrubbing{images: !b.images}
		// 	break
		// }

		s.rewrite(b.images, out)
		*b = scrubbing{images: b.images}
	case len(data) == 0:
		*b = scrubbing{images: !b.images} // the file ends here
	case n == 0:
		b.size *= 2 // an entry larger than that
	default:
		b.at += n
		b.size = 0
	}
}

// rewrite replaces a file by what is in memory.
func (s *Segment) rewrite(images bool, out *node.Effects) {
	if !images {
		s.trim(out)
		return
	}
	s.pending = &imageSet{images: s.images, pages: map[node.PageID]imagedPage{}}
	s.pending.from = 0 // the peer that gave them has been told of
	s.replaceImages(out)
}

// verifyLog verifies the entries at the start of b, and returns how many bytes and entries they are. What has no end there
// goes on behind it, unless it is the last of the file.
func verifyLog(b []byte, _ int, last bool) (n, items int, sound bool) {
	for n < len(b) {
		h, fits := readHeader(b[n:], headMagic)
		if !fits {
			return n, items, len(b)-n < headerBytes && !last
		}
		size := 2*headerBytes + h.size
		if size > len(b)-n {
			return n, items, !last
		}
		tail, ended := readHeader(b[n+headerBytes+h.size:], tailMagic)
		if !ended || tail != h || castagnoli(b[n+headerBytes:n+headerBytes+h.size]) != h.sum {
			return n, items, false
		}
		n += size
		items++
	}
	return n, items, true
}

// verifyImages verifies the headers and the page images at the start of b, which stands at the byte at of its file.
func verifyImages(b []byte, at int, last bool) (n, items int, sound bool) {
	if at == 0 {
		if len(b) < 2*imagesHeaderBytes {
			return 0, 0, !last
		}
		for i := range 2 {
			var im images
			if _, _, fits := im.readHeader(b[i*imagesHeaderBytes:]); !fits {
				return 0, 0, false
			}
		}
		n = 2 * imagesHeaderBytes
	}
	for n < len(b) {
		image, size := readFrame(b[n:])
		if size == 0 {
			// Its header does not fit, or the image goes on behind b.
			whole := len(b)-n < frameHeaderBytes || frameFits(b[n:])
			return n, items, whole && !last
		}
		if _, err := page.Decode(image); err != nil {
			return n, items, false
		}
		n += size
		items++
	}
	return n, items, true
}
