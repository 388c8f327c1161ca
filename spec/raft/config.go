package raft

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// A Set is a set of servers, server i as bit i.
type Set uint64

func one(i int) Set                { return 1 << i }
func (s Set) has(i int) bool       { return s>>i&1 != 0 }
func (s Set) with(i int) Set       { return s | 1<<i }
func (s Set) without(i int) Set    { return s &^ (1 << i) }
func (s Set) size() int            { return bits.OnesCount64(uint64(s)) }
func (s Set) majority(of Set) bool { return 2*(s&of).size() > of.size() }

// each calls f with each member, ascending.
func (s Set) each(f func(i int)) {
	for ; s != 0; s &= s - 1 {
		f(bits.TrailingZeros64(uint64(s)))
	}
}

// A Config is who belongs to the group, as the library's tracker has it. While Outgoing is not empty the configuration is joint,
// and both sets of voters decide (thesis of Ongaro, 4.3).
type Config struct {
	Voters, Outgoing, Learners Set
	// LearnersNext are outgoing voters that become learners when the joint configuration is left.
	LearnersNext Set
	AutoLeave    bool // the leader leaves the joint configuration by itself
}

func (c Config) joint() bool   { return c.Outgoing != 0 }
func (c Config) electors() Set { return c.Voters | c.Outgoing }

// tracked returns whom a leader of the configuration sends to, itself included.
func (c Config) tracked() Set { return c.Voters | c.Outgoing | c.Learners }

// A ChangeKind is how a change of members takes effect.
type ChangeKind uint8

// The kinds.
const (
	Simple        ChangeKind = iota // at once; at most one voter changes
	JointAuto                       // through a joint configuration, which the leader leaves by itself
	JointExplicit                   // through a joint configuration, until it is asked to leave
	Leave                           // leaves the joint configuration
)

// A Verb is what a change does with one server.
type Verb uint8

// The verbs.
const (
	AddVoter Verb = iota
	AddLearner
	Remove
	Update // changes nothing that the model has
)

// A Single is a change of one server.
type Single struct {
	Verb   Verb
	Server int
}

// A Change is what an entry of the log does to the configuration.
type Change struct {
	Kind    ChangeKind
	Singles []Single
}

func (c *Change) equal(d *Change) bool {
	return c == d || c != nil && d != nil && c.Kind == d.Kind && slices.Equal(c.Singles, d.Singles)
}

// apply returns the configuration after the change, and whether it takes effect there: the library panics where it does not.
func (c Config) apply(ch *Change) (Config, bool) {
	switch ch.Kind {
	case Leave:
		if !c.joint() {
			return c, false
		}
		return Config{Voters: c.Voters, Learners: c.Learners | c.LearnersNext}, true
	case Simple:
		after := c.changed(ch.Singles)
		return after, !c.joint() && after.Voters != 0 && (after.Voters^c.Voters).size() <= 1
	}
	if c.joint() || c.Voters == 0 {
		return c, false
	}
	c.Outgoing = c.Voters
	c = c.changed(ch.Singles)
	c.AutoLeave = ch.Kind == JointAuto
	return c, c.Voters != 0
}

// changed applies single changes to the incoming voters. A voter of the outgoing ones that is to become a learner waits in
// LearnersNext: a server is not voter and learner at once.
func (c Config) changed(singles []Single) Config {
	for _, s := range singles {
		i := s.Server
		switch s.Verb {
		case AddVoter:
			c.Voters, c.Learners, c.LearnersNext = c.Voters.with(i), c.Learners.without(i), c.LearnersNext.without(i)
		case Remove:
			c.Voters, c.Learners, c.LearnersNext = c.Voters.without(i), c.Learners.without(i), c.LearnersNext.without(i)
		case AddLearner:
			if c.Learners.has(i) {
				continue
			}
			c.Voters = c.Voters.without(i)
			if c.Outgoing.has(i) {
				c.LearnersNext = c.LearnersNext.with(i)
			} else {
				c.Learners = c.Learners.with(i)
			}
		}
	}
	return c
}

// text writes the configuration, servers by their names.
func (c Config) text(names func(int) string) string {
	var b strings.Builder
	set := func(s Set) {
		var list []string
		s.each(func(i int) { list = append(list, names(i)) })
		fmt.Fprintf(&b, "{%s}", strings.Join(list, ", "))
	}
	set(c.Voters)
	if c.joint() {
		b.WriteString(" and ")
		set(c.Outgoing)
	}
	if c.Learners != 0 {
		b.WriteString(", learners ")
		set(c.Learners)
	}
	if c.LearnersNext != 0 {
		b.WriteString(", learners next ")
		set(c.LearnersNext)
	}
	if c.AutoLeave {
		b.WriteString(", left by itself")
	}
	return b.String()
}

// text writes the change.
func (c *Change) text(names func(int) string) string {
	var list []string
	for _, s := range c.Singles {
		list = append(list, [...]string{"add ", "add learner ", "remove ", "update "}[s.Verb]+names(s.Server))
	}
	words := strings.Join(list, ", ")
	switch c.Kind {
	case JointAuto:
		return "jointly " + words
	case JointExplicit:
		return "jointly, until asked, " + words
	case Leave:
		return "leave joint"
	}
	return words
}
