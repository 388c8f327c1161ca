package bookkeeper

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// A Status is that of the ledger in the metadata.
type Status uint8

// The statuses.
const (
	Open Status = iota
	InRecovery
	Closed
)

// A Phase is how far a client is with the ledger.
type Phase uint8

// The phases. The writer is writing until it closes; a recoverer goes through the others.
const (
	Idle    Phase = iota
	Writing       // the writer: it sends entries
	Fencing       // it fences bookies and learns their LAC
	Reading       // it reads entry after entry, and writes back what it finds
	Ended         // it has found where the ledger ends, and waits for what it wrote back
	Done          // it has closed the ledger
)

// An Answer is what a bookie has said to a recovery read.
type Answer uint8

// The answers.
const (
	Silent  Answer = iota // none yet, or one that was not needed
	Yes                   // here is the entry
	No                    // there is no such entry
	Unknown               // this bookie came back empty, and cannot know
)

const (
	maxClients   = 1 + maxRecoverers
	maxFragments = 1 + maxChanges
	metadata     = maxClients // the list of fragments that is not a client's
)

// A Set of entries has a bit for each.
type Set uint8

func (s Set) has(e int) bool    { return s&(1<<e) != 0 }
func (s Set) with(e int) Set    { return s | 1<<e }
func (s Set) but(e int) Set     { return s &^ (1 << e) }
func (s Set) String() string    { return list(int(s)) }
func (s Set) without(n int) Set { return s &^ Set(1<<(n+1)-1) } // those that are at most n

// A Bookie is one storage node with all that is particular to it, so that exchanging two of them exchanges two of these.
type Bookie struct {
	Entries Set
	Lac     uint8 // the highest LAC that an add has told it
	Fenced  bool
	Limbo   bool // it came back empty
	// Places are where it stands in the ensemble of each fragment, from 1, or 0: for each client, and for the metadata, four bits
	// a fragment.
	Places   [maxClients + 1]uint16
	Reads    [maxClients]uint8 // where it stands in the ensemble that a recovery reads from, from 1, or 0
	Waiting  [maxClients]Set   // adds of a client that are under way to it
	Answered [maxClients]Set   // adds of a client that it has stored and answered, and that are above the client's LAC
	Told     [maxClients]bool  // a recoverer has heard that it is fenced
	Said     [maxClients]Answer
}

// Fragments say which ensemble has which entries: each begins at its first entry, and ends where the next begins.
type Fragments struct {
	Count uint8
	First [maxFragments]uint8
}

// last returns the index of the one that is written to.
func (f *Fragments) last() int { return int(f.Count) - 1 }

// of returns the index of the one that has entry e.
func (f *Fragments) of(e int) int {
	i := f.last()
	for i > 0 && int(f.First[i]) > e {
		i--
	}
	return i
}

// A Client is the writer, or a recoverer.
type Client struct {
	Phase Phase
	Sent  uint8                 // entries up to this one were sent, or read and written back
	Lac   uint8                 // entries up to this one are known to be on an ack quorum
	From  uint8                 // first entry of the ensemble that a recovery reads from
	Told  [maxEntries + 1]uint8 // the LAC that an add which may still be sent, or is under way, tells
}

// A State is one state of the model. Client 0 is the writer.
type State struct {
	Status    Status
	Last      uint8                     // of the ledger when it is closed
	Owner     uint8                     // the client that the metadata was last changed by
	Fragments [maxClients + 1]Fragments // as each client, and the metadata, has them
	Clients   [maxClients]Client
	Bookies   [maxBookies]Bookie
	Changes   uint8
	Wipes     uint8
}

func (m *model) start() State {
	var s State
	s.Clients[0].Phase = Writing
	for _, c := range []int{0, metadata} {
		s.Fragments[c] = Fragments{Count: 1, First: [maxFragments]uint8{1}}
		for b := range m.Ensemble {
			s.Bookies[b].setPlace(c, 0, b+1)
		}
	}
	return s
}

func (b *Bookie) place(chain, fragment int) int { return int(b.Places[chain]>>(4*fragment)) & 15 }

func (b *Bookie) setPlace(chain, fragment, place int) {
	b.Places[chain] = b.Places[chain]&^(15<<(4*fragment)) | uint16(place)<<(4*fragment)
}

// writes says whether the bookie at a place of an ensemble is in the write set of entry e: entries are striped round robin.
func (m *model) writes(place, e int) bool {
	return place > 0 && ((place-1)-(e-1)+maxEntries*m.Ensemble)%m.Ensemble < m.WriteQuorum
}

// in says whether b is in the write set of entry e, as the client, or the metadata, has the fragments.
func (m *model) in(s *State, b *Bookie, chain, e int) bool {
	return m.writes(b.place(chain, s.Fragments[chain].of(e)), e)
}

// exchanged returns the state with two recoverers exchanged.
func (s State) exchanged() State {
	s.Clients[1], s.Clients[2] = s.Clients[2], s.Clients[1]
	s.Fragments[1], s.Fragments[2] = s.Fragments[2], s.Fragments[1]
	if s.Owner > 0 {
		s.Owner = 3 - s.Owner
	}
	for i := range s.Bookies {
		b := &s.Bookies[i]
		b.Places[1], b.Places[2] = b.Places[2], b.Places[1]
		b.Reads[1], b.Reads[2] = b.Reads[2], b.Reads[1]
		b.Waiting[1], b.Waiting[2] = b.Waiting[2], b.Waiting[1]
		b.Answered[1], b.Answered[2] = b.Answered[2], b.Answered[1]
		b.Told[1], b.Told[2] = b.Told[2], b.Told[1]
		b.Said[1], b.Said[2] = b.Said[2], b.Said[1]
	}
	return s
}

func list(set int) string {
	var words []string
	for ; set != 0; set &= set - 1 {
		words = append(words, fmt.Sprint(bits.TrailingZeros(uint(set))))
	}
	return "{" + strings.Join(words, ", ") + "}"
}

func clientName(c int) string {
	if c == 0 {
		return "writer"
	}
	return fmt.Sprintf("recoverer %d", c)
}

// show returns the state in words.
func (m *model) show(s State) []check.Var {
	vars := []check.Var{{Name: "metadata", Value: m.metadata(&s)}}
	for c := range m.clients() {
		vars = append(vars, check.Var{Name: clientName(c), Value: m.clientInWords(&s, c)})
	}
	for i := range m.Bookies {
		vars = append(vars, check.Var{Name: bookieName(i), Value: m.bookieInWords(&s.Bookies[i])})
	}
	return vars
}

func (m *model) metadata(s *State) string {
	words := [...]string{"open", "in recovery", fmt.Sprintf("closed at %d", s.Last)}[s.Status]
	return words + ", " + m.fragments(s, metadata)
}

func (m *model) fragments(s *State, chain int) string {
	var words []string
	for f := range int(s.Fragments[chain].Count) {
		ensemble := make([]string, m.Ensemble)
		for b := range m.Bookies {
			if p := s.Bookies[b].place(chain, f); p > 0 {
				ensemble[p-1] = bookieName(b)
			}
		}
		words = append(words, fmt.Sprintf("from %d %s", s.Fragments[chain].First[f], strings.Join(ensemble, " ")))
	}
	return strings.Join(words, ", ")
}

func (m *model) clientInWords(s *State, c int) string {
	x := &s.Clients[c]
	if x.Phase == Idle {
		return ""
	}
	words := [...]string{"idle", "writing", "fencing", "reading", "has read all", "has closed"}[x.Phase]
	words += fmt.Sprintf(", sent up to %d, LAC %d", x.Sent, x.Lac)
	if f := m.fragments(s, c); f != m.fragments(s, metadata) {
		words += ", fragments " + f
	}
	return words
}

func (m *model) bookieInWords(b *Bookie) string {
	var words []string
	if b.Entries != 0 {
		words = append(words, "has "+b.Entries.String())
	}
	if b.Lac != 0 {
		words = append(words, fmt.Sprintf("LAC %d", b.Lac))
	}
	if b.Fenced {
		words = append(words, "fenced")
	}
	if b.Limbo {
		words = append(words, "in limbo")
	}
	for c := range m.clients() {
		if b.Waiting[c] != 0 {
			words = append(words, fmt.Sprintf("adds of the %s under way %s", clientName(c), b.Waiting[c]))
		}
		if b.Answered[c] != 0 {
			words = append(words, fmt.Sprintf("answered the %s %s", clientName(c), b.Answered[c]))
		}
		if b.Told[c] {
			words = append(words, "told the "+clientName(c)+" that it is fenced")
		}
		if b.Said[c] != Silent {
			words = append(words, fmt.Sprintf("said %s to the %s", [...]string{"", "yes", "no", "unknown"}[b.Said[c]], clientName(c)))
		}
	}
	return strings.Join(words, "; ")
}
