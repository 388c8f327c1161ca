package segment

import (
	"encoding/binary"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// The page images are one file, which is only ever replaced as a whole. With all of them as of one LSN, the floor, the
// log needs nothing at or below it, and a crash leaves the images of one floor or of the other, never a mixture.
const imagesFile = "images"

// images says what the images are good for.
type images struct {
	floor node.LSN  // everything of the group at or below it is in them
	tail  node.Held // the group's last record at or below the floor; a recovery asks for it, and the back-links meet it
	// from is the peer that gave the images, when they brought records that the segment had not stored itself, and
	// position the place in its log at that moment: a start tells what a crash may have kept from being told.
	from     node.ID
	position uint64
}

// on tells whether the images are of records of that history.
func (im *images) on(h node.History) bool {
	return im.tail.LSN == 0 || h.Has(im.tail.LSN, im.tail.Epoch)
}

const (
	imagesMagic       = 0xF1657A92
	imagesHeaderBytes = 4 + 8 + 8 + 4 + 1 + 8 + 2 + 8 + 4 + 8 + 4
	frameHeaderBytes  = 4 + 4
)

// An imageSet is images and their pages.
type imageSet struct {
	images
	pages map[node.PageID]imagedPage
}

// An imagedPage is a page and its bytes.
type imagedPage struct {
	page  *page.Page
	image []byte
}

// appendImages encodes the file: the header, twice, and the pages by number.
func appendImages(b []byte, im *images, pages []imagedPage) []byte {
	body := 0
	for _, p := range pages {
		body += frameHeaderBytes + len(p.image)
	}
	b = slices.Grow(b, 2*imagesHeaderBytes+body)
	for range 2 {
		start := len(b)
		b = binary.LittleEndian.AppendUint32(b, imagesMagic)
		b = binary.LittleEndian.AppendUint64(b, uint64(im.floor))
		b = binary.LittleEndian.AppendUint64(b, uint64(im.tail.LSN))
		b = binary.LittleEndian.AppendUint32(b, uint32(im.tail.Epoch))
		last := byte(0)
		if im.tail.Last {
			last = 1
		}
		b = append(b, last)
		b = binary.LittleEndian.AppendUint64(b, uint64(im.tail.OldestActive))
		b = binary.LittleEndian.AppendUint16(b, uint16(im.from))
		b = binary.LittleEndian.AppendUint64(b, im.position)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(pages)))
		b = binary.LittleEndian.AppendUint64(b, uint64(body))
		b = binary.LittleEndian.AppendUint32(b, castagnoli(b[start:]))
	}
	for _, p := range pages {
		start := len(b)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p.image)))
		b = binary.LittleEndian.AppendUint32(b, castagnoli(b[start:]))
		b = append(b, p.image...) // with its own checksum
	}
	return b
}

// imagesState says what a start makes of the file.
type imagesState uint8

const (
	imagesWhole  imagesState = iota
	imagesRotten             // what they were as of is known, and not all of them can be read
	imagesGone               // nothing is known of them
)

// scanImages reads the file. A replaced file is there as a whole, so what is wrong with it has rotted.
func scanImages(b []byte) (imageSet, imagesState) {
	set := imageSet{pages: map[node.PageID]imagedPage{}}
	count, size, known := 0, 0, false
	for i := range 2 {
		if at := i * imagesHeaderBytes; !known && at <= len(b) {
			count, size, known = set.readHeader(b[at:])
		}
	}
	if !known {
		return set, imagesGone
	}
	b = b[min(len(b), 2*imagesHeaderBytes):]
	if size != len(b) {
		return set, imagesRotten
	}
	for range count {
		image, n := readFrame(b)
		if n == 0 {
			return set, imagesRotten
		}
		p, err := page.Decode(image)
		if err != nil {
			return set, imagesRotten
		}
		set.pages[p.ID] = imagedPage{page: p, image: image}
		b = b[n:]
	}
	if len(b) != 0 || len(set.pages) != count {
		return set, imagesRotten
	}
	return set, imagesWhole
}

// readFrame returns the image at the start of b and how many bytes it takes with its header, 0 when it cannot be read.
func readFrame(b []byte) (image []byte, n int) {
	if !frameFits(b) {
		return nil, 0
	}
	n = int(binary.LittleEndian.Uint32(b))
	if n > len(b)-frameHeaderBytes {
		return nil, 0
	}
	return b[frameHeaderBytes : frameHeaderBytes+n], frameHeaderBytes + n
}

// frameFits tells whether the header of a frame can be read.
func frameFits(b []byte) bool {
	return len(b) >= frameHeaderBytes && castagnoli(b[:4]) == binary.LittleEndian.Uint32(b[4:])
}

func (im *images) readHeader(b []byte) (count, size int, fits bool) {
	if len(b) < imagesHeaderBytes || binary.LittleEndian.Uint32(b) != imagesMagic ||
		castagnoli(b[:imagesHeaderBytes-4]) != binary.LittleEndian.Uint32(b[imagesHeaderBytes-4:]) {
		return 0, 0, false
	}
	im.floor = node.LSN(binary.LittleEndian.Uint64(b[4:]))
	im.tail = node.Held{
		LSN:          node.LSN(binary.LittleEndian.Uint64(b[12:])),
		Epoch:        node.Epoch(binary.LittleEndian.Uint32(b[20:])),
		Last:         b[24] == 1,
		OldestActive: node.LSN(binary.LittleEndian.Uint64(b[25:])),
	}
	im.from = node.ID(binary.LittleEndian.Uint16(b[33:]))
	im.position = binary.LittleEndian.Uint64(b[35:])
	return int(binary.LittleEndian.Uint32(b[43:])), int(binary.LittleEndian.Uint64(b[47:])), true
}

// put puts images that are durable in the place of those before, and forgets the records that they stand for.
func (s *Segment) put(set *imageSet) {
	s.images = set.images
	s.isHollow, s.hollowAt = false, 0
	for id, p := range set.pages {
		s.version(id).base = p // the order of a map does not matter: each page stands for itself
	}
	s.imageBytes = 0
	for _, id := range s.order {
		v := s.pages[id]
		v.collect(set.floor)
		if v.base.image != nil {
			s.imageBytes += frameHeaderBytes + len(v.base.image)
		}
	}
	i, found := s.find(set.floor)
	if found {
		i++
	}
	for _, h := range s.held[:i] {
		s.heldBytes -= recordBytes(h.Record)
	}
	s.held = slices.Delete(s.held, 0, i)
	s.lost = slices.DeleteFunc(s.lost, func(l lostRecord) bool { return l.lsn <= set.floor })
	if s.imagesOnly <= set.floor {
		s.imagesOnly = 0
	}
	s.scl = max(s.scl, set.tail.LSN)
	if s.told < set.floor {
		s.told, s.lastAt = set.floor, set.tail.LSN
	}
	s.advance()
	s.alignBackup()
}

// hollow forgets images that cannot be read, or not be relied on. The segment goes on to follow the log and to store
// records, and has neither an SCL nor a vote until a peer has filled it.
func (s *Segment) hollow() {
	s.isHollow = true
	s.hollowAt = max(s.hollowAt, s.images.floor)
	s.images = images{}
	s.imageBytes = 0
	s.scl = 0
	for _, v := range s.pages {
		v.base = imagedPage{}
		v.forget()
	}
}

// below is up to where records are of no use any more.
func (s *Segment) below() node.LSN { return max(s.images.floor, s.hollowAt) }
