package segment

import (
	"encoding/binary"
	"math/bits"
)

// mendable is how many flipped bits of a header a start finds and flips back. Of the codes that 32 bits of checksum allow,
// Castagnoli's keeps any two of up to 5243 bits at least six bits apart (Koopman 2002, table 1), and a header has 360: what
// lies within two bits of one header lies within two bits of no other. What a crash leaves is never mended into a header: a
// hole of zeros is further away than that, and a torn header is too short.
const mendable = 2

// mendHeader reads a header of which up to mendable bits have flipped.
func mendHeader(b []byte, magic uint32) (header, bool) {
	h, fits := readHeader(b, magic)
	if fits || len(b) < headerBytes || bits.OnesCount32(binary.LittleEndian.Uint32(b)^magic) > mendable {
		return h, fits
	}
	b = append([]byte(nil), b[:headerBytes]...)
	found := syndrome(b)
	for i, one := range flips {
		if one == found {
			flip(b, i)
			return readHeader(b, magic)
		}
	}
	for i, one := range flips {
		for j, two := range flips[:i] {
			if one^two == found {
				flip(b, i)
				flip(b, j)
				return readHeader(b, magic)
			}
		}
	}
	return h, false
}

// flips is the syndrome of each bit of a header.
var flips = flipSyndromes()

// syndrome is by which bits the checksum of a header differs from the one that stands in it. It depends on the flipped bits
// alone, and that of two flips is the sum of theirs.
func syndrome(header []byte) uint32 {
	return castagnoli(header[:headerBytes-4]) ^ binary.LittleEndian.Uint32(header[headerBytes-4:])
}

func flipSyndromes() (of [headerBytes * 8]uint32) {
	var b [headerBytes]byte
	none := syndrome(b[:])
	for i := range of {
		flip(b[:], i)
		of[i] = syndrome(b[:]) ^ none
		flip(b[:], i)
	}
	return of
}

// flip flips bit i of b.
func flip(b []byte, i int) { b[i/8] ^= 1 << (i % 8) }
