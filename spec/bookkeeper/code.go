package bookkeeper

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// A packer puts numbers of few bits into words, or takes them out again in the same order: one function is both.
type packer struct {
	word  *uint64
	at    int
	taken bool // out of the word
}

func pack[N ~uint8 | ~uint16](p *packer, n *N, width int) {
	if p.taken {
		*n = N(*p.word >> p.at & (1<<width - 1))
	} else {
		*p.word |= uint64(*n) << p.at
	}
	p.at += width
}

func packBool(p *packer, b *bool) {
	var n uint8
	if *b {
		n = 1
	}
	pack(p, &n, 1)
	*b = n == 1
}

// head passes the parts of a state that are no bookie's through words: the metadata, then the clients.
func (s *State) head(words *[headWords]uint64, taken bool) {
	p := packer{&words[0], 0, taken}
	pack(&p, &s.Status, 2)
	pack(&p, &s.Last, 3)
	pack(&p, &s.Owner, 2)
	pack(&p, &s.Changes, 2)
	pack(&p, &s.Wipes, 2)
	for c := range s.Fragments {
		p = packer{&words[1+c/2], c % 2 * 32, taken}
		pack(&p, &s.Fragments[c].Count, 3)
		for f := range s.Fragments[c].First {
			pack(&p, &s.Fragments[c].First[f], 3)
		}
	}
	for c := range s.Clients {
		x := &s.Clients[c]
		p = packer{&words[3+c/2], c % 2 * 32, taken}
		pack(&p, &x.Phase, 3)
		pack(&p, &x.Sent, 3)
		pack(&p, &x.Lac, 3)
		pack(&p, &x.From, 3)
		for e := 1; e <= maxEntries; e++ {
			pack(&p, &x.Told[e], 3)
		}
	}
}

const headWords = 5

// pass passes a bookie through two words.
func (b *Bookie) pass(words *[2]uint64, taken bool) {
	p := packer{&words[0], 0, taken}
	for c := range b.Places {
		pack(&p, &b.Places[c], 16)
	}
	p = packer{&words[1], 0, taken}
	pack(&p, &b.Entries, 6)
	pack(&p, &b.Lac, 3)
	packBool(&p, &b.Fenced)
	packBool(&p, &b.Limbo)
	for c := range maxClients {
		pack(&p, &b.Waiting[c], 6)
		pack(&p, &b.Answered[c], 6)
	}
	for c := 1; c < maxClients; c++ {
		pack(&p, &b.Reads[c], 3)
		packBool(&p, &b.Told[c])
		pack(&p, &b.Said[c], 2)
	}
}

// code appends the lesser of the two codes that the state has with its recoverers this way round and the other.
func (m *model) code(dst []byte, s *State) []byte {
	at := len(dst)
	dst = m.ordered(dst, s)
	if m.Recoverers == 2 {
		end := len(dst)
		other := s.exchanged()
		dst = m.ordered(dst, &other)
		if bytes.Compare(dst[end:], dst[at:end]) < 0 {
			copy(dst[at:], dst[end:])
		}
		dst = dst[:end]
	}
	return dst
}

// ordered appends the head and the bookies, sorted: all that is particular to a bookie is in its words.
func (m *model) ordered(dst []byte, s *State) []byte {
	var head [headWords]uint64
	s.head(&head, false)
	for _, w := range head {
		dst = binary.LittleEndian.AppendUint64(dst, w)
	}
	var all [maxBookies][2]uint64
	bookies := all[:m.Bookies]
	for b := range bookies {
		s.Bookies[b].pass(&bookies[b], false)
	}
	slices.SortFunc(bookies, func(a, b [2]uint64) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	for _, b := range bookies {
		dst = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, b[0]), b[1])
	}
	return dst
}

func (m *model) decode(code []byte, s *State) error {
	if want := 8*headWords + 16*m.Bookies; len(code) != want {
		return fmt.Errorf("state of %d bytes; expected %d", len(code), want)
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(code[8*i:]) }
	var head [headWords]uint64
	for i := range head {
		head[i] = word(i)
	}
	*s = State{}
	s.head(&head, true)
	for b := range m.Bookies {
		s.Bookies[b].pass(&[2]uint64{word(headWords + 2*b), word(headWords + 2*b + 1)}, true)
	}
	return nil
}

// same returns the state that the code of s is decoded to: one for all those that differ by an exchange of bookies or recoverers.
func (m *model) same(s State) State {
	var same State
	if err := m.decode(m.code(nil, &s), &same); err != nil {
		panic(err) // it is of the same model
	}
	return same
}
