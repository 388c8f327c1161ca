package isr

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// A Log is the epoch of each record, by offset.
type Log struct {
	Len    uint8
	Epochs [maxOffset]uint8
}

// last returns the epoch of the last record, 0 if there is no record.
func (l *Log) last() uint8 {
	if l.Len == 0 {
		return 0
	}
	return l.Epochs[l.Len-1]
}

func (l *Log) append(epoch uint8) {
	l.Epochs[l.Len] = epoch
	l.Len++
}

// truncate keeps the first n records, if there are so many.
func (l *Log) truncate(n uint8) {
	for l.Len > n {
		l.Len--
		l.Epochs[l.Len] = 0
	}
}

// end returns how many records, from the first on, have at most the epoch given. Epochs never go down along a log.
func (l *Log) end(epoch uint8) (n uint8) {
	for n < l.Len && l.Epochs[n] <= epoch {
		n++
	}
	return n
}

// prefix says whether the first n records of l are those of o.
func (l *Log) prefix(n uint8, o *Log) bool {
	return n <= l.Len && n <= o.Len && slices.Equal(l.Epochs[:n], o.Epochs[:n])
}

// String returns the epochs of the records, by offset.
func (l Log) String() string { return fmt.Sprint(l.Epochs[:l.Len]) }

// A Set of epochs has a bit for each.
type Set uint8

func (s Set) has(e uint8) bool { return s&(1<<e) != 0 }
func (s Set) with(e uint8) Set { return s | 1<<e }
func (s Set) but(e uint8) Set  { return s &^ (1 << e) }

// A Replica has all that is particular to it, so that exchanging two of them exchanges two of these. An epoch has one leader, so
// that what a leader knows of others is theirs, by the epoch.
type Replica struct {
	Log       Log
	HW        uint8
	Epoch     uint8 // the last one that it knows of
	Truncated bool  // a follower that has made its log a prefix of its leader's, and fetches
	InSync    bool  // as the controller has it
	Leads     Set   // epochs that it was elected for
	Counts    Set   // epochs whose leader knows it to be in sync
	Wanted    Set   // epochs whose leader has asked the controller for a set of in-sync replicas that it is in
}

// A Request is how far the one of an epoch's leader to the controller is.
type Request uint8

// The requests.
const (
	NoRequest Request = iota
	Asked
	Accepted // and the leader does not know yet
)

// A State is one state of the model.
type State struct {
	Epoch     uint8                 // of the controller
	Requests  [maxEpoch + 1]Request // by epoch
	Committed Log                   // the longest log that was below a leader's high watermark
	Replicas  [maxReplicas]Replica
}

func (m *model) start() State {
	s := State{Epoch: 1}
	for r := range m.Replicas {
		s.Replicas[r] = Replica{Epoch: 1, Truncated: r > 0, InSync: true, Counts: Set(0).with(1)}
	}
	s.Replicas[0].Leads = Set(0).with(1)
	return s
}

// leads says whether the replica takes itself for the leader.
func (r *Replica) leads() bool { return r.Leads.has(r.Epoch) }

// leaderOf returns the replica that was elected for an epoch.
func (m *model) leaderOf(s *State, epoch uint8) int {
	return slices.IndexFunc(s.Replicas[:m.Replicas], func(r Replica) bool { return r.Leads.has(epoch) })
}

// code appends the controller and the replicas, sorted: all that is particular to a replica is in its word.
func (m *model) code(dst []byte, s *State) []byte {
	head := uint64(s.Epoch)
	for e := 1; e <= maxEpoch; e++ {
		head = head<<2 | uint64(s.Requests[e])
	}
	head = s.Committed.code(head)
	dst = binary.LittleEndian.AppendUint64(dst, head)
	var words [maxReplicas]uint64
	for i := range m.Replicas {
		r := &s.Replicas[i]
		w := r.Log.code(uint64(r.HW))
		w = w<<3 | uint64(r.Epoch)
		for _, set := range []Set{r.Leads, r.Counts, r.Wanted} {
			w = w<<8 | uint64(set)
		}
		for _, is := range []bool{r.Truncated, r.InSync} {
			w <<= 1
			if is {
				w |= 1
			}
		}
		words[i] = w
	}
	slices.Sort(words[:m.Replicas])
	for _, w := range words[:m.Replicas] {
		dst = binary.LittleEndian.AppendUint64(dst, w)
	}
	return dst
}

func (l *Log) code(w uint64) uint64 {
	for _, e := range l.Epochs {
		w = w<<3 | uint64(e)
	}
	return w<<3 | uint64(l.Len)
}

// A reader takes numbers out of a word, those that were put in last first.
type reader uint64

func (r *reader) take(width int) uint8 {
	n := uint8(*r & (1<<width - 1))
	*r >>= width
	return n
}

func (r *reader) log() (l Log) {
	l.Len = r.take(3)
	for i := range l.Epochs {
		l.Epochs[maxOffset-1-i] = r.take(3)
	}
	return l
}

func (m *model) decode(code []byte, s *State) error {
	if want := 8 + 8*m.Replicas; len(code) != want {
		return fmt.Errorf("state of %d bytes; expected %d", len(code), want)
	}
	*s = State{}
	head := reader(binary.LittleEndian.Uint64(code))
	s.Committed = head.log()
	for e := maxEpoch; e >= 1; e-- {
		s.Requests[e] = Request(head.take(2))
	}
	s.Epoch = head.take(3)
	for i := range m.Replicas {
		w := reader(binary.LittleEndian.Uint64(code[8+8*i:]))
		r := &s.Replicas[i]
		r.InSync, r.Truncated = w.take(1) == 1, w.take(1) == 1
		r.Wanted, r.Counts, r.Leads = Set(w.take(8)), Set(w.take(8)), Set(w.take(8))
		r.Epoch = w.take(3)
		r.Log = w.log()
		r.HW = w.take(3)
	}
	return nil
}

// same returns the state that the code of s is decoded to: one for all those that differ by an exchange of replicas.
func (m *model) same(s State) State {
	var same State
	if err := m.decode(m.code(nil, &s), &same); err != nil {
		panic(err) // it is of the same model
	}
	return same
}

// show returns the state in words.
func (m *model) show(s State) []check.Var {
	names := func(is func(r *Replica) bool) string {
		var list []string
		for i := range m.Replicas {
			if is(&s.Replicas[i]) {
				list = append(list, replicaName(i))
			}
		}
		return "{" + strings.Join(list, ", ") + "}"
	}
	vars := []check.Var{
		{Name: "controller", Value: fmt.Sprintf("epoch %d, leader %s, in sync %s", s.Epoch, replicaName(m.leaderOf(&s, s.Epoch)), names(func(r *Replica) bool { return r.InSync }))},
		{Name: "committed", Value: s.Committed.String()},
	}
	for i := range m.Replicas {
		r := &s.Replicas[i]
		words := fmt.Sprintf("log %s, high watermark %d, ", r.Log, r.HW)
		switch {
		case r.leads():
			words += fmt.Sprintf("leads epoch %d, counts %s", r.Epoch, names(func(o *Replica) bool { return o.Counts.has(r.Epoch) }))
			if q := s.Requests[r.Epoch]; q != NoRequest {
				words += fmt.Sprintf(", %s %s", [...]string{"", "asks for", "may have"}[q], names(func(o *Replica) bool { return o.Wanted.has(r.Epoch) }))
			}
		case r.Truncated:
			words += fmt.Sprintf("follows in epoch %d", r.Epoch)
		default:
			words += fmt.Sprintf("is to truncate for epoch %d", r.Epoch)
		}
		vars = append(vars, check.Var{Name: replicaName(i), Value: words})
	}
	return vars
}
