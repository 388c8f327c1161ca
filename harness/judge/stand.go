package judge

import (
	"fmt"
	"slices"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/impl/node"
)

// A Stand is how the copies of a system stand once nothing goes wrong any more and no client asks for anything. Faults that mend
// themselves in the model mend themselves in an implementation by its own doing: what was behind catches up, what is damaged is
// fetched again, who is lost is replaced. All of it has to come within Bound.
type Stand struct {
	Bound faults.Duration // how long it may take, from the last answer of the last client on
	// Active is the newest node that serves writes; nil: none does, and then nothing follows for the copies.
	Active  *Active
	Groups  []Group       // those that are in use
	Readers []ReaderStand // those that were not promoted
}

// A ReaderStand is how one reader stands.
type ReaderStand struct {
	Name    string
	Running bool
	State   node.State
}

// Active is the node that all copies follow.
type Active struct {
	Name  string
	Epoch node.Epoch
	VDL   node.LSN
	Floor node.LSN // that it has told
	// Wrote tells that it has logged something. Before, it does not know who was active at the VDL, and so no floor.
	Wrote bool
}

// A Group is one group of copies.
type Group struct {
	Number   int        // from 1
	Epoch    node.Epoch // of its membership
	Changing bool       // its membership is between two
	Last     node.LSN   // the last LSN of the group at or below the VDL
	Pages    int        // bytes of the pages that its log changed, if all were full
	Slack    int        // bytes of log that may always be there
	Copies   []CopyStand
}

// A CopyStand is how one copy stands.
type CopyStand struct {
	Name    string
	Member  bool
	Bare    bool // it keeps the log and no pages
	Running bool
	State   node.State
	Flips   int  // bits of its disk that were flipped
	Lost    bool // its disk was lost, or it is gone for good
	Log     int  // bytes of records above its floor that it may have pages of
	Kept    int  // bytes of all records above its floor
	Stored  int  // bytes that its disk holds
}

// follows tells whether a copy can be asked to keep up: a member that runs, with a disk that can be read.
func (c *CopyStand) follows() bool {
	return c.Member && c.Running && !c.Lost && !(c.State.Damaged && c.Flips > 0)
}

// mends tells whether a copy whose disk has rotted can be asked to mend itself: it knows what it has lost, and another one has that.
func (g *Group) mends(c *CopyStand) bool {
	return c.Member && c.Running && !c.Lost && !c.State.Dead && slices.ContainsFunc(g.Copies, func(o CopyStand) bool {
		return o.follows() && !o.State.Damaged && o.State.SCL >= g.Last && (c.Bare || !o.Bare)
	})
}

// Settled tells whether every copy stands as it must, so that waiting changes nothing. The disks are waited for as all else is: a
// segment that has just turned its log into pages, as it may after a floor that lagged for long, has both until the shorter log is
// durable (seed 6012135).
func (s *Stand) Settled() bool {
	return len(s.CatchUp())+len(s.Wholeness())+len(s.Replacement())+len(s.Collection())+len(s.FloorMoves())+len(s.Storage()) == 0
}

// CatchUp lists the members that do not follow the active node, or lack some of their group's log, and the readers that do not serve all
// that is durable.
func (s *Stand) CatchUp() (broken []error) {
	if s.Active == nil {
		return nil
	}
	s.each(func(g *Group, c *CopyStand) {
		switch {
		case !c.follows() || c.State.Damaged:
		case !c.State.Serving:
			broken = append(broken, s.error(g, c, "it serves", "it does not"))
		case c.State.Line != s.Active.Epoch:
			broken = append(broken, s.error(g, c, fmt.Sprintf("the history of epoch %d", s.Active.Epoch), fmt.Sprintf("that of %d", c.State.Line)))
		case c.State.SCL < g.Last:
			broken = append(broken, s.error(g, c, fmt.Sprintf("SCL %d", g.Last), fmt.Sprint(c.State.SCL)))
		}
	})
	for i := range s.Readers {
		r := &s.Readers[i]
		e := &StandError{Rule: "a reader keeps up by itself", Copy: r.Name, State: r.State.String(), Bound: s.Bound}
		switch {
		case !r.Running:
			continue
		case !r.State.Serving:
			e.Expected, e.Found = "it serves", "it does not"
		case r.State.VDL < s.Active.VDL:
			e.Expected, e.Found = fmt.Sprintf("a view of %d", s.Active.VDL), fmt.Sprint(r.State.VDL)
		default:
			continue
		}
		broken = append(broken, e)
	}
	return broken
}

// Wholeness lists the members that are damaged though no bit of their disks was flipped, and those of which one was that know what they
// have lost: another copy has it, or a join drops it.
func (s *Stand) Wholeness() (broken []error) {
	s.each(func(g *Group, c *CopyStand) {
		switch {
		case !c.State.Damaged:
		case c.follows():
			broken = append(broken, s.error(g, c, "a whole copy", "a damaged one, whose disk is fine"))
		case s.Active != nil && g.mends(c):
			broken = append(broken, s.error(g, c, "a whole copy", "a damaged one, which knows what has rotted, and whose peers have it"))
		}
	})
	return broken
}

// Replacement lists the copies that were lost, or do not know what has rotted on them, and are members, in groups that have a spare, and
// the memberships that stay between two.
func (s *Stand) Replacement() (broken []error) {
	if s.Active == nil {
		return nil
	}
	for i := range s.Groups {
		g := &s.Groups[i]
		spares := map[bool]int{} // by whether they are bare: one that is does not stand in for one that is not, nor the other way round
		for k := range g.Copies {
			if c := &g.Copies[k]; !c.Member && c.Running && !c.Lost && c.Flips == 0 {
				spares[c.Bare]++
			}
		}
		if g.Changing {
			broken = append(broken, &StandError{Rule: "a change of members comes to its end", Group: g.Number, Bound: s.Bound, Expected: "one set of members", Found: "several"})
			continue
		}
		for k := range g.Copies {
			c := &g.Copies[k]
			if !c.Member || spares[c.Bare] == 0 || !c.Lost && !(c.Running && c.State.Dead) {
				continue
			}
			spares[c.Bare]--
			found := "a member whose disk is lost"
			if !c.Lost {
				found = "a member that does not know what it has lost"
			}
			broken = append(broken, s.error(g, c, "a spare in its place", found))
		}
	}
	return broken
}

// Collection lists the members that keep more log, of what they may turn into pages, than the pages have bytes, and than the log has
// that they must keep: to write either anew for less would cost more than it frees.
func (s *Stand) Collection() (broken []error) {
	if s.Active == nil {
		return nil
	}
	s.each(func(g *Group, c *CopyStand) {
		if g.held() {
			return
		}
		if most := g.most(c); c.follows() && !c.State.Damaged && c.Log > most {
			broken = append(broken, s.error(g, c, fmt.Sprintf("at most %d bytes of log that pages may stand for", most), fmt.Sprintf("%d, and a floor of %d", c.Log, c.State.Floor)))
		}
	})
	return broken
}

// held tells whether the group may not drop any log: it has bare copies, and a member that is not bare is lost or damaged. What a
// bare copy drops must be on every other.
func (g *Group) held() bool {
	bare, lost := false, false
	for k := range g.Copies {
		c := &g.Copies[k]
		bare = bare || c.Member && c.Bare
		lost = lost || c.Member && !c.Bare && (!c.follows() || c.State.Damaged)
	}
	return bare && lost
}

// most is how many bytes of log a copy may keep that it may turn into pages: it does when there are as many as its pages have, and as
// the log has that stays.
func (g *Group) most(c *CopyStand) int {
	stays := c.Kept - c.Log
	if c.Bare {
		return stays + g.Slack
	}
	return max(g.Pages, stays) + g.Slack
}

// FloorMoves objects to a floor that is not at the VDL though nothing reads below it.
func (s *Stand) FloorMoves() []error {
	if s.Active == nil || !s.Active.Wrote || s.Active.Floor >= s.Active.VDL {
		return nil
	}
	return []error{&StandError{Rule: "the floor follows the VDL where nothing reads below", Copy: s.Active.Name, Bound: s.Bound,
		Expected: fmt.Sprintf("floor %d", s.Active.VDL), Found: fmt.Sprint(s.Active.Floor)}}
}

// entryBytes bounds what a record takes on a disk beside its own bytes, and wholeTimes how often the bytes of all pages may be there at
// once: the images, those that replace them, and a log that grows to as much before it is turned into pages. Six times, since a run in
// twenty thousand was found at five beside the slack (seed 6009641), and what grows without end goes past any factor.
const (
	entryBytes = 4
	wholeTimes = 6
)

// Storage lists the members whose disks hold much more than their pages and the log above their floor.
func (s *Stand) Storage() (broken []error) {
	s.each(func(g *Group, c *CopyStand) {
		if most := wholeTimes*g.Pages + entryBytes*(c.Kept+g.Slack); c.follows() && !c.State.Damaged && c.Stored > most {
			broken = append(broken, s.error(g, c, fmt.Sprintf("at most %d bytes on its disk", most), fmt.Sprint(c.Stored)))
		}
	})
	return broken
}

func (s *Stand) each(do func(*Group, *CopyStand)) {
	for i := range s.Groups {
		for k := range s.Groups[i].Copies {
			do(&s.Groups[i], &s.Groups[i].Copies[k])
		}
	}
}

func (s *Stand) error(g *Group, c *CopyStand, expected, found string) error {
	return &StandError{Rule: "a copy keeps up by itself", Copy: c.Name, Group: g.Number, State: c.State.String(), Bound: s.Bound, Expected: expected, Found: found}
}

// A StandError says what does not stand as it must once nothing goes wrong any more.
type StandError struct {
	Rule     string
	Copy     string          // the node; "" is the group
	Group    int             // from 1; 0 is none
	State    string          // of the node
	Bound    faults.Duration // how long it had
	Expected string
	Found    string
}

func (e *StandError) Error() string { return sentence(e) }

func (e *StandError) describe(f *Finding) {
	f.Rule, f.Found = e.Rule, e.Found
	f.Expected = fmt.Sprintf("%s within %v of virtual time", e.Expected, time.Duration(e.Bound))
	f.Subject = e.Copy
	if e.Copy == "" {
		f.Subject = fmt.Sprintf("group %d", e.Group)
	} else {
		f.Nodes = []string{e.Copy}
	}
	if e.State != "" {
		f.Lead = []string{e.Copy + ": " + e.State}
	}
}

func (j *Judgement) standing(e *Evidence) {
	if e.Early != nil {
		j.made(faults.Replacement)
		j.object(faults.Replacement, e.Early.Replacement()...)
	}
	s := e.Stand
	if s == nil {
		return
	}
	for _, c := range []struct {
		check Check
		of    func() []error
	}{{faults.CatchUp, s.CatchUp}, {faults.Wholeness, s.Wholeness}, {faults.Replacement, s.Replacement}, {faults.Collection, s.Collection},
		{faults.Floor, s.FloorMoves}, {faults.Storage, s.Storage}} {
		j.made(c.check)
		j.object(c.check, c.of()...)
	}
}

// Open is which calls were not answered by the nodes that they had reached.
type Open struct {
	Bound faults.Duration // how long each had
	Calls []OpenCall
}

// An OpenCall is a call without an answer, of a node that lives.
type OpenCall struct {
	Node, Client string
	Op           string
	Request      uint64
	Since        node.Time // when it reached the node
	State        string    // of the node, when the time was up
}

func (j *Judgement) calls(e *Evidence) {
	if e.Open == nil {
		return
	}
	j.made(faults.Answers)
	for i := range e.Open.Calls {
		j.object(faults.Answers, &AnswerError{OpenCall: e.Open.Calls[i], Bound: e.Open.Bound})
	}
}

// An AnswerError is a call that its node never answered.
type AnswerError struct {
	OpenCall
	Bound faults.Duration
}

func (e *AnswerError) Error() string { return sentence(e) }

func (e *AnswerError) describe(f *Finding) {
	f.Rule, f.Nodes = "a node that lives answers what it was asked", []string{e.Node, e.Client}
	f.Subject = fmt.Sprintf("%s, request %d of %s, asked of %s at %v", e.Op, e.Request, e.Client, e.Node, time.Duration(e.Since))
	f.Expected, f.Found = fmt.Sprintf("an answer within %v of virtual time after the faults", time.Duration(e.Bound)), "none"
	f.Lead = []string{e.Node + ": " + e.State}
}
