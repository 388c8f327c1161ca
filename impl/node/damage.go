package node

import "slices"

// Damaged copies of messages: what the way does to bytes after the frame was checked, such as in a buffer of the sender's or the
// receiver's memory. Frames are a connection's, and it throws a damaged one away. Records and page images outlive
// connections and carry a checksum each, so whoever receives them has to look (SIGMOD 2017 §3.2; that one such look was missing
// lost data: yugabyte-db 22344).

// DamagedCopy returns a copy of a message in which one bit of one record or page image is flipped, while the checksum says what
// it was. which decides where. It is false for a message that carries none: of that the frame is all, and it does not arrive.
func DamagedCopy(m Message, which uint64) (Message, bool) {
	if c, records := copied(m); records != nil {
		return c, flipOne(records, which)
	}
	switch m := m.(type) {
	case *PageImage:
		c := *m
		c.Image = slices.Clone(m.Image)
		return &c, flipBit(c.Image, which)
	case *FillGive:
		c := *m
		if len(m.Images) == 0 {
			return m, false
		}
		c.Images = slices.Clone(m.Images)
		i := int(which % uint64(len(c.Images)))
		c.Images[i] = slices.Clone(c.Images[i])
		return &c, flipBit(c.Images[i], which/uint64(len(c.Images)))
	}
	return m, false
}

// copied returns a copy of a message that carries records, and the list of them in it; nil of one that carries none.
func copied(m Message) (Message, *[]*Record) {
	switch m := m.(type) {
	case *Append:
		c := *m
		return &c, &c.Records
	case *LogRecords:
		c := *m
		return &c, &c.Records
	case *GossipGive:
		c := *m
		return &c, &c.Records
	case *Stream:
		c := *m
		return &c, &c.Records
	case *AppendPages:
		c := *m
		return &c, &c.Records
	}
	return m, nil
}

// DamagedOnItsWay tells whether a record that a message carries is damaged, and returns the message as JSON has a form for it: a kind that has no
// name is left out of the record, whose checksum does not fit it with or without.
func DamagedOnItsWay(m Message) (Message, bool) {
	switch m.(type) {
	case *Append, *LogRecords, *GossipGive, *Stream, *AppendPages:
	default:
		return m, false
	}
	c, records := copied(m)
	if !slices.ContainsFunc(*records, func(r *Record) bool { return !r.Intact() }) {
		return m, false
	}
	*records = slices.Clone(*records)
	for i, r := range *records {
		if IssueOf(r.Kind) == 0 {
			nameless := *r
			nameless.Kind = 0
			(*records)[i] = &nameless
		}
	}
	return c, true
}

// flipOne has one of the records be a copy with another bit. Records are shared by all who hold them, so the original stays.
func flipOne(records *[]*Record, which uint64) bool {
	if len(*records) == 0 {
		return false
	}
	n := uint64(len(*records))
	all := slices.Clone(*records)
	r := *all[which%n]
	r.flip(which / n)
	all[which%n] = &r
	*records = all
	return true
}

// flip flips one bit of what the checksum covers. A small number has small bits flipped, so that what comes of it might be taken
// for a record of the same log.
func (r *Record) flip(which uint64) {
	bit := uint64(1) << (which / 16 % 5)
	text := func(s string) string {
		b := []byte(s)
		if flipBit(b, which/16) {
			return string(b)
		}
		r.OldestActive ^= LSN(bit) // an empty text has none
		return s
	}
	switch which % 16 {
	case 0:
		r.LSN ^= LSN(bit)
	case 1:
		r.Epoch ^= Epoch(bit)
	case 2:
		r.Group ^= Group(bit)
	case 3:
		r.Prev ^= LSN(bit)
	case 4:
		r.Kind ^= Kind(bit)
	case 5:
		r.Last = !r.Last
	case 6:
		r.Txn ^= Txn(bit)
	case 7:
		r.Page ^= PageID(bit)
	case 8:
		r.Undoes ^= LSN(bit)
	case 9:
		r.OldestActive ^= LSN(bit)
	case 10:
		r.Old.Exists = !r.Old.Exists
	case 11:
		r.New.Exists = !r.New.Exists
	case 12:
		r.Key = text(r.Key)
	case 13:
		r.Old.Bytes = text(r.Old.Bytes)
	default:
		r.New.Bytes = text(r.New.Bytes)
	}
}

// flipBit flips one bit, and tells whether there was any.
func flipBit(b []byte, which uint64) bool {
	if len(b) == 0 {
		return false
	}
	at := which % uint64(8*len(b))
	b[at/8] ^= 1 << (at % 8)
	return true
}
