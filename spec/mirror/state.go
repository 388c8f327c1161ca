package mirror

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// The phases of an instance.
const (
	unborn uint8 = iota
	attached
	hasRead // with Overwrite: it writes, and does not serve yet
	open
	dead
)

// A Log is a sequence of writes, which are numbered from 1.
type Log struct {
	Len    uint8
	Writes [room]uint8
}

// A Copy of a volume. One that is lost has no log.
type Copy struct {
	OK  bool
	Log Log
}

// A Chain is the copies of a volume, first to last. It is empty once the zone is lost.
type Chain struct {
	Len    uint8
	Copies [maxCopies]Copy
}

// Zones is a set of zones: bit a is zone a.
type Zones uint8

// A State is one state of the model. Zones, instances and writes count from 1, as in the module.
type State struct {
	Newest uint8               // control plane: the newest instance
	InSync Zones               // control plane: zones from which a successor may start
	Phase  [maxEpoch + 1]uint8 // of each instance
	Home   [maxEpoch + 1]uint8 // the zone that the instance is in, or 0
	Log    [maxEpoch + 1]Log   // the writes of the volume as that instance has them
	Waits  [maxEpoch + 1]Zones // zones whose answer it waits for
	Taken  [maxEpoch + 1]uint8 // how many writes it has read; those behind are its own
	Owner  [maxZones + 1]uint8 // the instance that the zone's volume is attached to
	Chain  [maxZones + 1]Chain // the copies of the zone's volume
	Issued uint8               // how many writes there were
	Acked  [room + 1]bool      // writes that the client has been told of
	Lost   uint8               // how many copies were lost one by one
	Burnt  uint8               // how many zones were lost
}

// writes: e may write.
func (s *State) writes(e int) bool { return s.Phase[e] == hasRead || s.Phase[e] == open }

func (z Zones) has(a int) bool      { return z&(1<<a) != 0 }
func (z Zones) with(a int) Zones    { return z | 1<<a }
func (z Zones) without(a int) Zones { return z &^ (1 << a) }
func (l *Log) has(w uint8) bool     { return bytes.IndexByte(l.Writes[:l.Len], w) >= 0 }
func (c *Chain) first() *Copy       { return &c.Copies[0] }
func (c *Chain) last() *Copy        { return &c.Copies[c.Len-1] }
func (c *Chain) all() []Copy        { return c.Copies[:c.Len] }

func (l *Log) add(w uint8) {
	l.Writes[l.Len] = w
	l.Len++
}

// prefix: t begins with l.
func (l Log) prefix(t Log) bool { return l.Len <= t.Len && common(l, t) == l }

// common returns what both begin with.
func common(l, t Log) (c Log) {
	for c.Len < min(l.Len, t.Len) && l.Writes[c.Len] == t.Writes[c.Len] {
		c.add(l.Writes[c.Len])
	}
	return c
}

// working: the zone is there, and all of its copies are.
func (c *Chain) working() bool {
	for _, x := range c.all() {
		if !x.OK {
			return false
		}
	}
	return c.Len > 0
}

// gone: no copy of the zone is there.
func (c *Chain) gone() bool {
	for _, x := range c.all() {
		if x.OK {
			return false
		}
	}
	return true
}

// hasAcked: the log has all writes that were acknowledged.
func (s *State) hasAcked(l *Log) bool {
	for w, is := range s.Acked {
		if is && !l.has(uint8(w)) {
			return false
		}
	}
	return true
}

func (l Log) String() string { return fmt.Sprint(l.Writes[:l.Len]) }

func (z Zones) String() string {
	var names []string
	for a := 1; a <= maxZones; a++ {
		if z.has(a) {
			names = append(names, fmt.Sprint(a))
		}
	}
	return "{" + strings.Join(names, ", ") + "}"
}

// show returns the state in words.
func (m *model) show(s State) []check.Var {
	vars := []check.Var{
		{Name: "newest instance", Value: fmt.Sprint(s.Newest)},
		{Name: "zones in sync", Value: s.InSync.String()},
	}
	for e := 1; e <= m.MaxEpoch; e++ {
		value := "" // not born yet
		switch s.Phase[e] {
		case attached:
			value = fmt.Sprintf("in zone %d, attached", s.Home[e])
		case hasRead:
			value = fmt.Sprintf("in zone %d, has %s, waits for zones %s, does not serve yet", s.Home[e], s.Log[e], s.Waits[e])
		case open:
			value = fmt.Sprintf("in zone %d, has %s, waits for zones %s", s.Home[e], s.Log[e], s.Waits[e])
		case dead:
			value = "lost"
		}
		vars = append(vars, check.Var{Name: fmt.Sprintf("instance %d", e), Value: value})
	}
	for a := 1; a <= m.Zones; a++ {
		var copies []string
		for _, c := range s.Chain[a].all() {
			if c.OK {
				copies = append(copies, c.Log.String())
			} else {
				copies = append(copies, "lost")
			}
		}
		value := fmt.Sprintf("of instance %d: %s", s.Owner[a], strings.Join(copies, " → "))
		if s.Chain[a].Len == 0 {
			value = "lost"
		}
		vars = append(vars, check.Var{Name: fmt.Sprintf("zone %d", a), Value: value})
	}
	var acked []string
	for w, is := range s.Acked {
		if is {
			acked = append(acked, fmt.Sprint(w))
		}
	}
	return append(vars,
		check.Var{Name: "issued", Value: fmt.Sprint(s.Issued)},
		check.Var{Name: "acknowledged", Value: strings.Join(acked, " ")},
		check.Var{Name: "copies lost", Value: fmt.Sprint(s.Lost)},
		check.Var{Name: "zones lost", Value: fmt.Sprint(s.Burnt)})
}
