package node

// MaxReaders is how many read replicas a volume may have (SIGMOD 2017 §4.2.4).
const MaxReaders = 15

// Offer tells a reader that the volume's log goes on with this writer. It is repeated until the reader follows.
type Offer struct {
	Epoch   Epoch
	History History
	Anew    uint32 // the last Anew that this writer owes the reader: one that has not begun with it is given up
}

// Follow answers an Offer, acknowledges the stream, asks for what did not come, and reports the reader's read points.
type Follow struct {
	Epoch  Epoch  // whose stream it follows
	Number uint64 // grows with every Follow of a reader, over its restarts too: one that was overtaken says nothing
	Began  uint32 // the last Anew of this writer that it began with
	Wants  bool   // it has nothing to go on from, and asks to begin anew
	Have   LSN    // all records up to there came
	Low    LSN    // no query of it reads, or ever will, below that
}

// Anew tells a reader where to begin: it has nothing, or the writer has given it up, or no longer has what it lacks.
// What the reader had, cached pages and open queries included, is void.
type Anew struct {
	Epoch  Epoch
	Number uint32 // counts what this writer told this reader so
	Answer uint64 // the number of the Follow that it answers: one from before the reader started again begins too low
	From   LSN    // the stream goes on above it
	// Ready is the first point at which the reader may serve. The records from From to Ready tell it which transactions
	// are active there, and what they changed.
	Ready LSN
	Lasts []LSN // by group: its last LSN at or below Ready
}

// Stream brings a reader the next records, of all groups, and the word how far the log is durable. The word that a
// commit is durable is the same word: its record is among the others.
type Stream struct {
	Epoch   Epoch
	Records []*Record // without gaps, ascending
	VDL     LSN
	Since   Time // when the VDL became that, by the writer's clock
}

// ReadSnapshot asks for a page as of ReadPoint on behalf of a reader. Any segment will do that follows Epoch or a later
// line: what was durable in one epoch every later one has kept. Unlike a writer's ReadPage it does not name the writer to
// answer from now on.
type ReadSnapshot struct {
	Epoch     Epoch
	Page      PageID
	ReadPoint LSN
	Need      LSN // the last LSN of the page's group at or below the read point
	Attempt   uint32
}

// Promote asks a reader to become the writer.
type Promote struct{}

func (*Offer) Type() string        { return "offer" }
func (*Follow) Type() string       { return "follow" }
func (*Anew) Type() string         { return "anew" }
func (*Stream) Type() string       { return "stream" }
func (*ReadSnapshot) Type() string { return "read-snapshot" }
func (*Promote) Type() string      { return "promote" }

// LSNs implements Carrier.
func (m *Stream) LSNs() (from, to LSN) { return span(m.Records) }

func (m *Offer) AppendDigest(b []byte) []byte {
	return m.History.AppendBinary(u(u(b, m.Epoch), m.Anew))
}
func (m *Follow) AppendDigest(b []byte) []byte {
	return append(u(u(u(u(u(b, m.Epoch), m.Number), m.Began), m.Have), m.Low), bit(m.Wants))
}
func (m *Anew) AppendDigest(b []byte) []byte {
	b = u(u(u(u(u(b, m.Epoch), m.Number), m.Answer), m.From), m.Ready)
	for _, l := range m.Lasts {
		b = u(b, l)
	}
	return b
}
func (m *Stream) AppendDigest(b []byte) []byte {
	return digestRecords(u(u(u(b, m.Epoch), m.VDL), uint64(m.Since)), m.Records)
}
func (m *ReadSnapshot) AppendDigest(b []byte) []byte {
	return u(u(u(u(u(b, m.Epoch), m.Page), m.ReadPoint), m.Need), m.Attempt)
}
func (m *Promote) AppendDigest(b []byte) []byte { return b }
