package raft

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// A Role is what a server takes itself for.
type Role uint8

// The roles.
const (
	Follower Role = iota
	Candidate
	Leader
)

func (r Role) String() string { return [...]string{"follower", "candidate", "leader"}[r] }

// An Entry is an entry of a log: a client's value when Change is nil, and that is all the model knows of it.
type Entry struct {
	Term   uint64
	Change *Change
}

func (e Entry) equal(f Entry) bool { return e.Term == f.Term && e.Change.equal(f.Change) }

// A Kind is the kind of a message.
type Kind uint8

// The kinds, and what the library calls them.
const (
	RequestVoteRequest    Kind = iota // MsgVote
	RequestVoteResponse               // MsgVoteResp
	AppendEntriesRequest              // MsgApp
	AppendEntriesResponse             // MsgAppResp
	HeartbeatRequest                  // MsgHeartbeat
	HeartbeatResponse                 // MsgHeartbeatResp
	SnapshotRequest                   // MsgSnap
)

func (k Kind) String() string {
	return [...]string{"MsgVote", "MsgVoteResp", "MsgApp", "MsgAppResp", "MsgHeartbeat", "MsgHeartbeatResp", "MsgSnap"}[k]
}

// A Message is under way between two servers, or waits to be sent.
type Message struct {
	Kind     Kind
	From, To int
	Term     uint64
	// Index is, of a vote's request, that of the last entry of the sender's log; of appended entries, that of the entry before
	// them; of their response, that up to which the logs match, or the one that was refused. LogTerm is the term of that entry.
	Index, LogTerm uint64
	Entries        []Entry // of a snapshot, the log that it stands for
	Commit         uint64
	Reject         bool
	Hint           uint64 // of a refusal, the index that is worth a try; told apart in traces only
}

func (m Message) equal(o Message) bool {
	return m.Kind == o.Kind && m.From == o.From && m.To == o.To && m.Term == o.Term && m.Index == o.Index && m.LogTerm == o.LogTerm &&
		m.Commit == o.Commit && m.Reject == o.Reject && m.Hint == o.Hint && slices.EqualFunc(m.Entries, o.Entries, Entry.equal)
}

// Durable is what a server has after a restart.
type Durable struct {
	Term    uint64
	Vote    int
	Log     []Entry
	Commit  uint64
	Config  Config
	Applied uint64
}

// A Server is the state of one server.
type Server struct {
	Term   uint64
	Vote   int // whom it voted for in its term, counted from 1; 0 when it has not voted
	Role   Role
	Log    []Entry // from index 1
	Commit uint64
	Config Config // that it has applied
	// Applied is the index of the last change of members that it has applied, 0 before the first.
	Applied            uint64
	Responded, Granted Set      // of a candidate: who answered, and who with a vote
	Match              []uint64 // of a leader: up to where each server's log is known to match
	Pending            uint64   // of a leader: no change is proposed before this index is applied
	Durable            Durable  // where the world has Ready; else all is durable at once
	Outbox             []Message
}

// An Election is that a server became the leader of a term.
type Election struct {
	Term   uint64
	Server int
}

// A State is one state. Its slices are never written to, only replaced: states share them.
type State struct {
	Servers  []Server
	Net      []Message // each as many times as it is under way
	Elected  []Election
	Changes  int // proposed
	Restarts int
}

// lastTerm returns the term of the last entry, 0 of an empty log.
func lastTerm(log []Entry) uint64 {
	if len(log) == 0 {
		return 0
	}
	return log[len(log)-1].Term
}

// termAt returns the term of the entry at an index, and whether there is one: index 0 has term 0.
func termAt(log []Entry, index uint64) (uint64, bool) {
	switch {
	case index == 0:
		return 0, true
	case index > uint64(len(log)):
		return 0, false
	}
	return log[index-1].Term, true
}

// appended returns the log with entries behind it. It never writes into the room behind a log, which other states share.
func appended[T any](log []T, more ...T) []T { return append(slices.Clip(log), more...) }

// removed returns the list without the element at k.
func removed[T any](list []T, k int) []T {
	return append(append(make([]T, 0, len(list)-1), list[:k]...), list[k+1:]...)
}

// unapplied returns the index of the first change of members that is committed and not applied, 0 when there is none.
func (s *Server) unapplied() uint64 {
	for k := s.Applied; k < min(s.Commit, uint64(len(s.Log))); k++ {
		if s.Log[k].Change != nil {
			return k + 1
		}
	}
	return 0
}

// A permutation says under which name each server is written: server i as names[i], and order[names[i]] is i. sets has each set
// of servers under their new names; it is nil where servers keep their names, of which a trace may have too many for it.
type permutation struct {
	names, order []int
	sets         []Set
}

func (p *permutation) set(s Set) Set {
	if p.sets == nil {
		return s
	}
	return p.sets[s]
}

// rank returns what does not change when servers change their names, in one number: the least encoding is looked for among the
// permutations that order the servers by it.
func (s *Server) rank(i int) uint64 {
	h := s.Term<<8 | uint64(s.Role)<<6 | uint64(len(s.Outbox))<<4 | s.Commit
	switch s.Vote {
	case 0:
	case i + 1:
		h |= 1 << 20
	default:
		h |= 2 << 20
	}
	h = h<<8 | uint64(s.Config.Voters.size())<<4 | uint64(s.Applied)
	for _, e := range s.Log {
		h = h*31 + e.Term
	}
	if s.Durable.Term != s.Term {
		h++
	}
	return h
}

type writer struct {
	b []byte
	p *permutation
	w *World
}

func (w *writer) num(v uint64) { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) set(s Set)    { w.num(uint64(w.p.set(s))) }
func (w *writer) server(i int) { w.b = append(w.b, byte(w.p.names[i])) }
func (w *writer) flag(b bool) {
	if b {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}

func (w *writer) config(c Config) {
	w.set(c.Voters)
	w.set(c.Outgoing)
	w.set(c.Learners)
	w.set(c.LearnersNext)
	w.flag(c.AutoLeave)
}

func (w *writer) entries(log []Entry) {
	w.num(uint64(len(log)))
	for _, e := range log {
		w.num(e.Term)
		if e.Change == nil {
			w.b = append(w.b, 0)
			continue
		}
		w.b = append(w.b, byte(e.Change.Kind)+1, byte(len(e.Change.Singles)))
		for _, s := range e.Change.Singles {
			w.b = append(w.b, byte(s.Verb))
			w.server(s.Server)
		}
	}
}

func (w *writer) message(m Message) {
	w.b = append(w.b, byte(m.Kind))
	w.server(m.From)
	w.server(m.To)
	w.num(m.Term)
	w.num(m.Index)
	w.num(m.LogTerm)
	w.entries(m.Entries)
	w.num(m.Commit)
	w.flag(m.Reject)
	w.num(m.Hint)
}

// messages writes messages in the order of their encodings: a bag has no order.
func (w *writer) messages(list []Message) {
	w.num(uint64(len(list)))
	if len(list) < 2 {
		for _, m := range list {
			w.message(m)
		}
		return
	}
	codes := make([][]byte, len(list))
	for k, m := range list {
		one := writer{p: w.p, w: w.w}
		one.message(m)
		codes[k] = one.b
	}
	slices.SortFunc(codes, slices.Compare)
	for _, c := range codes {
		w.b = append(w.b, c...)
	}
}

func (w *writer) vote(v int) {
	if v == 0 {
		w.b = append(w.b, 0)
	} else {
		w.b = append(w.b, byte(w.p.names[v-1])+1)
	}
}

// state writes the state under the permutation's names.
func (w *writer) state(s *State) {
	for _, i := range w.p.order {
		v := &s.Servers[i]
		w.num(v.Term)
		w.vote(v.Vote)
		w.b = append(w.b, byte(v.Role))
		w.entries(v.Log)
		w.num(v.Commit)
		w.config(v.Config)
		w.num(v.Applied)
		if v.Role == Candidate {
			w.set(v.Responded)
			w.set(v.Granted)
		}
		if v.Role == Leader {
			w.num(v.Pending)
			for _, j := range w.p.order {
				w.num(v.Match[j])
			}
		}
		if w.w.Ready {
			d := &v.Durable
			w.num(d.Term)
			w.vote(d.Vote)
			w.entries(d.Log)
			w.num(d.Commit)
			w.config(d.Config)
			w.num(d.Applied)
			w.messages(v.Outbox)
		}
	}
	w.messages(s.Net)
	w.num(uint64(len(s.Elected)))
	elected := make([]Election, len(s.Elected))
	for k, e := range s.Elected {
		elected[k] = Election{e.Term, w.p.names[e.Server]}
	}
	slices.SortFunc(elected, func(a, b Election) int {
		if a.Term != b.Term {
			return int(int64(a.Term - b.Term))
		}
		return a.Server - b.Server
	})
	for _, e := range elected {
		w.num(e.Term)
		w.b = append(w.b, byte(e.Server))
	}
	w.b = append(w.b, byte(s.Changes), byte(s.Restarts))
}

type reader struct {
	b   []byte
	w   *World
	bad bool
	n   int
}

func (r *reader) num() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// count reads the length of a list, each of whose elements takes a byte or more.
func (r *reader) count() int {
	n := r.num()
	if n > uint64(len(r.b)) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *reader) flag() bool  { return r.byte() == 1 }
func (r *reader) server() int { return int(r.byte()) % r.n }

func (r *reader) config() Config {
	return Config{Set(r.num()), Set(r.num()), Set(r.num()), Set(r.num()), r.flag()}
}

func (r *reader) entries() []Entry {
	n := r.count()
	if n == 0 {
		return nil
	}
	log := make([]Entry, n)
	for k := range log {
		log[k].Term = r.num()
		kind := r.byte()
		if kind == 0 {
			continue
		}
		c := &Change{Kind: ChangeKind(kind - 1)}
		for range r.byte() {
			c.Singles = append(c.Singles, Single{Verb(r.byte()), r.server()})
		}
		log[k].Change = c
	}
	return log
}

func (r *reader) messages() []Message {
	n := r.count()
	if n == 0 {
		return nil
	}
	list := make([]Message, n)
	for k := range list {
		list[k] = Message{Kind: Kind(r.byte()), From: r.server(), To: r.server(), Term: r.num(), Index: r.num(), LogTerm: r.num(),
			Entries: r.entries(), Commit: r.num(), Reject: r.flag(), Hint: r.num()}
	}
	return list
}

// read reads what writer.state wrote.
func (r *reader) state(s *State) error {
	all := len(r.b)
	s.Servers = make([]Server, r.n)
	for i := range s.Servers {
		v := &s.Servers[i]
		*v = Server{Term: r.num(), Vote: int(r.byte()), Role: Role(r.byte()), Log: r.entries(), Commit: r.num(), Config: r.config(), Applied: r.num()}
		if v.Role == Candidate {
			v.Responded, v.Granted = Set(r.num()), Set(r.num())
		}
		if v.Role == Leader {
			v.Pending = r.num()
			v.Match = make([]uint64, r.n)
			for j := range v.Match {
				v.Match[j] = r.num()
			}
		}
		if r.w.Ready {
			v.Durable = Durable{Term: r.num(), Vote: int(r.byte()), Log: r.entries(), Commit: r.num(), Config: r.config(), Applied: r.num()}
			v.Outbox = r.messages()
		}
	}
	s.Net = r.messages()
	s.Elected = nil
	for range r.count() {
		s.Elected = append(s.Elected, Election{r.num(), r.server()})
	}
	s.Changes, s.Restarts = int(r.byte()), int(r.byte())
	if r.bad || len(r.b) != 0 {
		return fmt.Errorf("state of %d bytes is not one of %d servers", all, r.n)
	}
	return nil
}
