package longfork

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// A Set is a set of transactions: bit t−1 stands for transaction t.
type Set uint8

func one(t int) Set { return 1 << (t - 1) }

func (a Set) has(t int) bool     { return a&one(t) != 0 }
func (a Set) within(b Set) bool  { return a&^b == 0 }
func (a Set) ordered(b Set) bool { return a.within(b) || b.within(a) }

// String lists the transactions, such as "{T1, T3}".
func (a Set) String() string {
	var names []string
	for t := 1; t <= maxTxns; t++ {
		if a.has(t) {
			names = append(names, fmt.Sprintf("T%d", t))
		}
	}
	return "{" + strings.Join(names, ", ") + "}"
}

// A Stage is how far a transaction is.
type Stage uint8

// The stages. A transaction is Committed when its commit record is in the primary's log, and Visible when the snapshots that
// the primary takes from then on show it.
const (
	Unborn Stage = iota
	Running
	Committed
	Visible
	Aborted
)

func (s Stage) String() string {
	return [...]string{"unborn", "running", "committed", "visible", "aborted"}[s]
}

// A Txn is a transaction: what its own snapshot showed when it began, and the row that it wrote, 0 before that.
type Txn struct {
	Stage Stage
	Basis Set
	Row   uint8
}

// A Secondary is a node that follows the log: it has received so many of its records, has replayed those transactions, and is
// lost if it is down.
type Secondary struct {
	Received uint8
	Replayed Set
	Down     bool
}

// A Place is where a snapshot was taken.
type Place uint8

// The places. Nowhere is the place of a snapshot that was not taken yet.
const (
	Nowhere Place = iota
	AtPrimary
	AtSecondary
)

// A Snapshot is what a reader was shown.
type Snapshot struct {
	At    Place
	Shows Set
}

// A State is one state of the model. Transactions count from 1, so Txns[0] is T1; secondaries too.
type State struct {
	Txns        [maxTxns]Txn
	Log         [maxTxns]uint8 // transactions, in the order of their commit records in the log of the primary
	End         uint8          // its length
	Secondaries [maxSecondaries]Secondary
	Primary     uint8 // 0 for the first primary, or the secondary that was promoted
	FirstDown   bool  // the first primary is lost
	Opening     bool  // a secondary was promoted, and does not serve yet
	Acked       Set   // transactions whose client was told that they are committed
	Snapshots   [maxSnapshots]Snapshot
}

func (s *State) txn(t int) *Txn          { return &s.Txns[t-1] }
func (s *State) node(n int) *Secondary   { return &s.Secondaries[n-1] }
func (s *State) log() []uint8            { return s.Log[:s.End] }
func (s *State) place(t int) int         { return slices.Index(s.log(), uint8(t)) + 1 } // in the log, from 1; 0 if it is not there
func (s *State) isSecondary(n int) bool  { return int(s.Primary) != n }
func (s *State) following(n int) bool    { return s.isSecondary(n) && !s.node(n).Down }
func (s *State) serving() bool           { return s.primaryUp() && !s.Opening }
func (s *State) firstOf(n int) (all Set) { return setOf(s.Log[:n]) }
func (s *State) inLog() Set              { return setOf(s.log()) }

func setOf(txns []uint8) (all Set) {
	for _, t := range txns {
		all |= one(int(t))
	}
	return all
}

func (s *State) primaryUp() bool {
	if s.Primary == 0 {
		return !s.FirstDown
	}
	return !s.node(int(s.Primary)).Down
}

// visible returns what a snapshot of the primary shows.
func (s *State) visible() (all Set) {
	for i, x := range s.Txns {
		if x.Stage == Visible {
			all |= one(i + 1)
		}
	}
	return all
}

func (s *State) losses() (n int) {
	if s.FirstDown {
		n++
	}
	for _, x := range s.Secondaries {
		if x.Down {
			n++
		}
	}
	return n
}

// take adds a snapshot, and keeps them in an order that does not tell which was taken first. It says whether it is a new one.
func (s *State) take(x Snapshot, most int) bool {
	if slices.Contains(s.Snapshots[:], x) {
		return false
	}
	i := slices.Index(s.Snapshots[:most], Snapshot{})
	if i < 0 {
		return false
	}
	s.Snapshots[i] = x
	slices.SortFunc(s.Snapshots[:i+1], func(a, b Snapshot) int {
		if a.At != b.At {
			return int(a.At) - int(b.At)
		}
		return int(a.Shows) - int(b.Shows)
	})
	return true
}

// same returns one state for all that differ in the names of the secondaries.
func (m *model) same(s State) State {
	type named struct {
		Secondary
		primary bool
	}
	var all [maxSecondaries]named
	for i, x := range s.Secondaries {
		all[i] = named{x, int(s.Primary) == i+1}
	}
	key := func(x named) int {
		k := int(x.Received)<<maxTxns | int(x.Replayed)
		if x.Down {
			k |= 1 << 16
		}
		if x.primary {
			k |= 1 << 17
		}
		return k
	}
	slices.SortFunc(all[:m.Secondaries], func(a, b named) int { return key(b) - key(a) })
	for i, x := range all {
		s.Secondaries[i] = x.Secondary
		if x.primary {
			s.Primary = uint8(i + 1)
		}
	}
	return s
}

// show returns the state in words.
func (m *model) show(s State) []check.Var {
	var vars []check.Var
	for t := 1; t <= m.Txns; t++ {
		x := s.txn(t)
		if x.Stage == Unborn {
			continue
		}
		words := x.Stage.String()
		if x.Stage != Aborted {
			words += ", began on " + x.Basis.String()
		}
		if x.Row != 0 {
			words += fmt.Sprintf(", wrote row %d", x.Row)
		}
		if s.Acked.has(t) {
			words += ", acknowledged"
		}
		vars = append(vars, check.Var{Name: fmt.Sprintf("T%d", t), Value: words})
	}
	var log []string
	for _, t := range s.log() {
		log = append(log, fmt.Sprintf("T%d", t))
	}
	primary := "the first, "
	if s.Primary != 0 {
		primary = fmt.Sprintf("S%d, ", s.Primary)
	}
	switch {
	case !s.primaryUp():
		primary += "lost"
	case s.Opening:
		primary += "not serving yet"
	default:
		primary += "shows " + s.visible().String()
	}
	vars = append(vars, check.Var{Name: "log", Value: strings.Join(log, " ")}, check.Var{Name: "primary", Value: primary})
	for n := 1; n <= m.Secondaries; n++ {
		x := s.node(n)
		if !s.isSecondary(n) {
			continue
		}
		words := "lost"
		if !x.Down {
			words = fmt.Sprintf("received %d, shows %s", x.Received, x.Replayed)
		}
		vars = append(vars, check.Var{Name: fmt.Sprintf("S%d", n), Value: words})
	}
	var taken [3][]string
	for _, x := range s.Snapshots {
		taken[x.At] = append(taken[x.At], x.Shows.String())
	}
	for at, name := range [...]string{AtPrimary: "snapshots at the primary", AtSecondary: "snapshots at a secondary"} {
		if name != "" && len(taken[at]) > 0 {
			vars = append(vars, check.Var{Name: name, Value: strings.Join(taken[at], " ")})
		}
	}
	return vars
}

func (a Set) len() int { return bits.OnesCount8(uint8(a)) }
