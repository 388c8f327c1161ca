package node

import "encoding/binary"

// BelowFloor refuses a ReadPage because the segment keeps no version as old as the read point any more. The floor that
// it was told was not the lowest read point in use.
type BelowFloor struct {
	Epoch   Epoch
	Page    PageID
	Attempt uint32
	Floor   LSN // the lowest read point that it serves
}

// FillAsk asks a peer of the same group for the group's pages, because the records that made them are nowhere to be
// had one by one, or because the asker's own images cannot be read. It is answered chunk by chunk.
type FillAsk struct {
	History History // of the asker: images are good only up to where both lines hold the same
	At      LSN     // the lowest LSN as of which the images are of use; from the second chunk on, that of the first
	From    PageID  // the first page that is still wanted
	Token   uint64  // tells one filling from another
}

// FillGive answers FillAsk.
type FillGive struct {
	Token  uint64
	At     LSN      // everything of the group at or below it is in the images
	Last   Held     // the group's last record at or below At; the zero value when the group has none there
	VDL    LSN      // the highest that a writer has told the giver
	From   PageID   // as asked
	Images [][]byte // of pages that something changed, ascending from From on; none for a segment that keeps no pages
	Next   PageID   // from where to ask on
	Done   bool     // there are no more
}

func (*BelowFloor) Type() string { return "below-floor" }
func (*FillAsk) Type() string    { return "fill-ask" }
func (*FillGive) Type() string   { return "fill-give" }

func (m *BelowFloor) AppendDigest(b []byte) []byte {
	return u(u(u(u(b, m.Epoch), m.Page), m.Attempt), m.Floor)
}

func (m *FillAsk) AppendDigest(b []byte) []byte {
	return u(u(u(m.History.AppendBinary(b), m.At), m.From), m.Token)
}

func (m *FillGive) AppendDigest(b []byte) []byte {
	b = appendHeld(u(u(b, m.Token), m.At), m.Last)
	b = append(u(u(u(b, m.VDL), m.From), m.Next), bit(m.Done))
	for _, image := range m.Images {
		b = append(binary.AppendUvarint(b, uint64(len(image))), image...)
	}
	return b
}

func appendHeld(b []byte, h Held) []byte {
	return u(u(u(append(b, bit(h.Last)), h.LSN), h.Epoch), h.OldestActive)
}
