package reader

// None is the value of what a reader does not have: no query, a page not read, a page not cached.
const None = -1

// A State is a state of the module. Groups, members, readers, pages, transactions, epochs and LSNs are counted from 1 in
// the module and in every text, and from 0 as an index of an array here.
type State struct {
	Newest  int8 // the epoch of the writer
	Epochs  [maxEpochs]Epoch
	Members [maxMembers][maxGroups]Segment
	Readers [maxReaders]Reader
}

// An Epoch is what belongs to one writer.
type Epoch struct {
	Log  Log
	Base int8 // how much of the log it kept from before
	VDL  int8 // volume durable LSN, as its writer left it
}

// A Log is the records of a volume, LSN by LSN; from the first LSN whose epoch is 0 on, there are no records.
type Log [maxLSN]Record

// A Record is one record of the log.
type Record struct {
	Epoch  int8 // that wrote it
	Page   int8
	Txn    int8
	Commit bool // it commits the transaction; otherwise it changes the page
	Last   bool // it ends its mini-transaction: it is a CPL
}

// A Segment is the segment of one member in one group.
type Segment struct {
	SCL   int8 // segment complete LSN
	Floor int8 // the lowest read point that it still has the versions for
}

// A Reader is one read-only database.
type Reader struct {
	Line  int8         // the epoch whose log it follows
	Got   [maxLSN]int8 // the epochs of the records that have come over the stream, LSN by LSN; 0 from where the stream has not brought one
	Told  int8         // the VDL that it knows of
	Low   int8         // the lowest read point that the writer knows of it
	Snap  int8         // the point at which its query reads, or None
	Last  int8         // the highest point at which a query of it began
	Pages [maxPages]Page
	On    bool // it serves; what it has is void otherwise
	Held  bool // no writer has given it up since it began
}

// A Page is what one reader has of one page.
type Page struct {
	Seen  int8 // the version that its query has read, by the LSN of its newest change, or None
	Shown int8 // the transaction whose change the query was shown as the newest, 0 for no change, or None
	Cache int8 // the version in its cache, or None
}

func start() State {
	s := State{Newest: 1}
	for r := range s.Readers {
		s.Readers[r].Line, s.Readers[r].Snap, s.Readers[r].On, s.Readers[r].Held = 1, None, true, true
		for k := range s.Readers[r].Pages {
			s.Readers[r].Pages[k] = Page{None, None, None}
		}
	}
	return s
}

// Len returns the LSN of the log's last record.
func (l *Log) Len() int8 {
	n := int8(0)
	for int(n) < maxLSN && l[n].Epoch != 0 {
		n++
	}
	return n
}

// upTo returns the highest LSN of the log that is at most n.
func (l *Log) upTo(n int8) int8 { return min(n, l.Len()) }

func (l *Log) lastCPL(n int8) int8 {
	for n = l.upTo(n); n > 0 && !l[n-1].Last; n-- {
	}
	return n
}

func (m *model) lastIn(l *Log, g int, n int8) int8 {
	for n = l.upTo(n); n > 0 && m.home(l[n-1].Page) != g; n-- {
	}
	return n
}

// firstWrite returns the LSN of the first change by t, 0 if absent.
func (l *Log) firstWrite(t int8) int8 {
	for n := int8(1); n <= l.Len(); n++ {
		if l[n-1].Txn == t && !l[n-1].Commit {
			return n
		}
	}
	return 0
}

// commitBy says whether t has its commit at or below n.
func (l *Log) commitBy(t, n int8) bool {
	for n = l.upTo(n); n > 0; n-- {
		if l[n-1].Txn == t && l[n-1].Commit {
			return true
		}
	}
	return false
}

// newest returns the newest change of page k above m and up to n for which ok holds, 0 if absent.
func (l *Log) newest(k, m, n int8, ok func(t int8) bool) int8 {
	for n = l.upTo(n); n > m; n-- {
		if r := &l[n-1]; r.Page == k && !r.Commit && ok(r.Txn) {
			return n
		}
	}
	return 0
}

func every(int8) bool { return true }

func (l *Log) version(k, n int8) int8 { return l.newest(k, 0, n, every) }

// txnAt returns the transaction of the record at n, 0 when n is 0.
func (l *Log) txnAt(n int8) int8 {
	if n == 0 {
		return 0
	}
	return l[n-1].Txn
}

// value returns what had been committed to page k by n.
func (l *Log) value(k, n int8) int8 {
	return l.txnAt(l.newest(k, 0, n, func(t int8) bool { return l.commitBy(t, n) }))
}

// cut returns the log up to n.
func (l *Log) cut(n int8) Log {
	short := *l
	clear(short[n:])
	return short
}

// home returns the group of page k as an index.
func (m *model) home(k int8) int { return int(k-1) % m.Groups }

// durable returns, with the segments as given, the highest CPL to which every record is on a write quorum of its group.
func (m *model) durable(l *Log, segments *[maxMembers][maxGroups]Segment) int8 {
	complete := int8(0)
	for int(complete) < maxLSN && l[complete].Epoch != 0 {
		holders := 0
		for i := range m.Members {
			if segments[i][m.home(l[complete].Page)].SCL > complete {
				holders++
			}
		}
		if holders < m.WriteQuorum {
			break
		}
		complete++
	}
	return l.lastCPL(complete)
}

// log returns the writer's log.
func (s *State) log() *Log { return &s.Epochs[s.Newest-1].Log }

// own says whether every change by t is of the writer: what an older writer left is not its own.
func (s *State) own(t int8) bool {
	for _, r := range s.log() {
		if r.Epoch != 0 && r.Txn == t && !r.Commit && r.Epoch != s.Newest {
			return false
		}
	}
	return true
}

func (s *State) active(t int8) bool {
	return s.log().firstWrite(t) != 0 && !s.log().commitBy(t, maxLSN)
}

func (s *State) started(t int8) bool {
	for e := range s.Epochs {
		if s.Epochs[e].Log.firstWrite(t) != 0 {
			return true
		}
	}
	return false
}

func (s *State) locks(t, k int8) bool {
	for _, r := range s.log() {
		if r.Epoch != 0 && r.Txn == t && r.Page == k && !r.Commit {
			return true
		}
	}
	return false
}

// settled says whether the log ends at the end of a mini-transaction.
func (s *State) settled() bool {
	n := s.log().Len()
	return n == 0 || s.log()[n-1].Last
}

// len returns how many records have come over the stream.
func (r *Reader) len() int8 {
	n := int8(0)
	for int(n) < maxLSN && r.Got[n] != 0 {
		n++
	}
	return n
}

// had returns the records that have come over the reader's stream.
func (s *State) had(r *Reader) Log {
	var l Log
	for i, e := range r.Got {
		if e == 0 {
			break
		}
		l[i] = s.Epochs[e-1].Log[i]
	}
	return l
}

// view returns the point up to which a reader with the records had, and the word that all up to told is durable, lets
// them be seen (SIGMOD 2017 §4.2.4).
func (m *model) view(had *Log, told int8) int8 {
	switch m.Bug {
	case applyBeyondVDL:
		return had.lastCPL(maxLSN)
	case viewInsideMtr:
		return had.upTo(told)
	}
	return had.lastCPL(told)
}

func (m *model) viewOf(s *State, r *Reader) int8 {
	had := s.had(r)
	return m.view(&had, r.Told)
}

// lowest returns the lowest point at which the reader reads, or will.
func (m *model) lowest(s *State, r *Reader) int8 {
	return lowestOf(r.Snap, m.viewOf(s, r))
}
