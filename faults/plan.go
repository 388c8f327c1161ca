package faults

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Duration is virtual time in nanoseconds: a length, or a moment counted from the start of the run. In JSON it is a
// string in Go's notation, "1.5ms", which is exact to the nanosecond; a bare number is refused.
type Duration int64

// String returns the notation that JSON uses.
func (d Duration) String() string { return time.Duration(d).String() }

func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("expected a duration like \"1.5ms\", found %q", text)
	}
	*d = Duration(parsed)
	return nil
}

// A Plan is everything that is to go wrong in one run, as data.
type Plan struct {
	// Horizon is when the last fault has ended: what is still broken then is mended, what is down is started, and a
	// crash-at-point that has not struck is called off. Damage to a disk stays.
	Horizon Duration `json:"horizon"`
	// BeyondBudget marks a plan that may stop the volume for good. It must never make it lie.
	BeyondBudget bool    `json:"beyondBudget"`
	Faults       []Fault `json:"faults"`
}

// A Fault is one thing that goes wrong. Which fields count depends on Kind (see the kinds); a field that does not
// count must be absent.
type Fault struct {
	Kind   Kind     `json:"kind"`
	At     Duration `json:"at"`               // when it begins
	For    Duration `json:"for,omitempty"`    // how long it lasts
	Nodes  []string `json:"nodes,omitempty"`  // whom it strikes; for the network, the senders
	To     []string `json:"to,omitempty"`     // the receivers
	AZ     string   `json:"az,omitempty"`     // availability zone
	Point  string   `json:"point,omitempty"`  // see Points
	Hit    int      `json:"hit,omitempty"`    // which passing of Point, or which time of When, from 1
	When   string   `json:"when,omitempty"`   // see CrashWhen
	Rate   float64  `json:"rate,omitempty"`   // share of the messages, or of a file, above 0 up to 1
	Factor float64  `json:"factor,omitempty"` // how many times slower, from 1 to MaxFactor
	Extra  Duration `json:"extra,omitempty"`  // longest or added delay, or how old a state is
	// Bandwidth is how many bytes a second each link takes, from MinBandwidth on, and Queue how many may wait for it; 0 is any number.
	Bandwidth int64 `json:"bandwidth,omitempty"`
	Queue     int64 `json:"queue,omitempty"`
	// Salt decides what the fault leaves open, such as which messages are lost or which bit flips. It belongs to the
	// fault and not to its place in the plan, so that taking one fault away leaves the others as they were.
	Salt uint32 `json:"salt,omitempty"`
}

// MaxFactor is the highest Factor of a fault.
const MaxFactor = 1000

// MinBandwidth is the lowest Bandwidth of a fault, in bytes a second, and MaxBytes the highest Bandwidth and Queue.
const (
	MinBandwidth = 1 << 12
	MaxBytes     = 1 << 40
)

// Kind says what goes wrong.
type Kind string

// The kinds. Those of the network strike messages from a node in Nodes to one in To. Without To it is everyone
// outside of Nodes, without Nodes everyone outside of To, and without both every link.
const (
	Loss            Kind = "loss"              // each message is lost at Rate
	Duplicate       Kind = "duplicate"         // each message arrives twice at Rate, the second time up to Extra later
	Delay           Kind = "delay"             // each message takes Factor times as long, and Extra on top
	Reorder         Kind = "reorder"           // each message takes up to Extra longer, each its own
	Damage          Kind = "damage"            // a bit flips in a record or page image of each message at Rate; one without is lost
	Truncate        Kind = "truncate"          // the frame of each message is cut short at Rate, so that the wire refuses it
	Throttle        Kind = "throttle"          // each link takes Bandwidth bytes a second; what waits behind Queue bytes is lost
	OldWire         Kind = "old-wire"          // Nodes and To speak the wire's oldest version with each other: what it has no form for is lost
	Partition       Kind = "partition"         // no message passes between Nodes and To, either way
	PartitionOneWay Kind = "partition-one-way" // no message passes from Nodes to To; the other way is open
	AZCutOff        Kind = "az-cut-off"        // no message passes between inside and outside of AZ; inside it lives on
	Crash           Kind = "crash"             // the processes of Nodes die, and start again after For
	CrashAtPoint    Kind = "crash-at-point"    // as crash, once, when the node passes Point for the Hit-th time since At
	CrashWhen       Kind = "crash-when"        // as crash, once, of all Nodes, when one of them does for the Hit-th time since At what When says
	Pause           Kind = "pause"             // Nodes do nothing for a while; what arrives waits
	PowerLossAZ     Kind = "power-loss-az"     // every node in AZ crashes at once, and starts again after For
	ClockSlow       Kind = "clock-slow"        // the clocks of Nodes, and so their timers, take Factor times as long
	ClockJump       Kind = "clock-jump"        // the clocks of Nodes jump Extra ahead, and stay there; timers that run do not
	DiskSlow        Kind = "disk-slow"         // each operation of the disk takes Factor times as long, and Extra on top
	DiskFail        Kind = "disk-fail"         // operations of the disk fail at Rate, and from the first on all; when it ends the process starts again
	DiskFull        Kind = "disk-full"         // the disks of Nodes have no room: what is appended or replaced is refused, and the node is told; the rest goes on
	DiskCorrupt     Kind = "disk-corrupt"      // one bit flips of what is durable on a node's disk; with Rate, of the file that was appended to last, that share of it at its end
	DiskMisread     Kind = "disk-misread"      // reads return, at Rate, what stands elsewhere in the file; what is on the disk stays as it is
	DiskLies        Kind = "disk-lies"         // syncs and replaces say, at Rate, that they are done and are not: until a later one is, a crash may lose what they covered
	WriteLost       Kind = "write-lost"        // appends never get to the disk, at Rate, though their sync says so: zeros stand in their place
	WriteMisplaced  Kind = "write-misplaced"   // appends get, at Rate, to another place of the file, over what stood there: zeros stand in theirs
	DiskStale       Kind = "disk-stale"        // a node dies, and its disk is put back to what was durable Extra before; it starts again after For
	DiskEmptied     Kind = "disk-emptied"      // a node dies and its disk is emptied; after For it starts as one that never ran
	DiskLost        Kind = "disk-lost"         // a node dies and its disk with it; it starts again after For, on an empty one
	NodeLost        Kind = "node-lost"         // a node and its disk are gone for good; only a spare can stand in for it
	TakeOver        Kind = "take-over"         // a successor of the active node starts while the old one lives
	Promote         Kind = "promote"           // a node that follows becomes the active one, whether or not the old one lives
	FailOver        Kind = "fail-over"         // the active node dies for good, and a successor starts after For
)

// Acknowledged is what When says of a node that answers a client's write with OK. Every other word is the type of a message, and
// means that the node sends one. All that the node did in that step has left it when it dies.
const Acknowledged = "acknowledged"

// maxWhen bounds what a plan makes a run compare with every message.
const maxWhen = 40 // bytes

// field is one field of a Fault beside Kind and At.
type field uint16

const (
	fFor field = 1 << iota
	fNodes
	fTo
	fAZ
	fPoint
	fHit
	fRate
	fFactor
	fExtra
	fSalt
	fWhen
	fBandwidth
	fQueue
)

func (f field) names() []string {
	in := []string{}
	for i, name := range []string{"for", "nodes", "to", "az", "point", "hit", "rate", "factor", "extra", "salt", "when", "bandwidth", "queue"} {
		if f&(1<<i) != 0 {
			in = append(in, name)
		}
	}
	return in
}

func (f field) String() string { return strings.Join(f.names(), ", ") }

// A rule says which fields a kind needs, which it may have besides, and whom it may strike.
type rule struct {
	kind       Kind
	needs, may field
	duties     []Duty // of Nodes; empty: any node, clients too
	disk       bool   // they have disks
	active     bool   // the system has a part that leads
	one        bool   // exactly one node
	what       string
	cost       Cost
}

// A Cost is how a fault counts against the budget (see Budget).
type Cost string

// The costs.
const (
	Free    Cost = "nothing"             // every system has to wait it out, or has a successor for it
	Impairs Cost = "impaired"            // its nodes count as impaired while it lasts, unless that is short
	Often   Cost = "impaired above half" // as Impairs, where the rate is above a half
	Forgets Cost = "forgotten"           // its nodes may forget what they acknowledged and not know it: within the budget no plan has any
	Damages Cost = "damaged"             // its nodes count as impaired and their disks as damaged, from then on to the end
)

// A Description says what a kind of fault is.
type Description struct {
	Kind  Kind     `json:"kind"`
	What  string   `json:"what"`
	Needs []string `json:"needs"` // fields beside kind and at
	May   []string `json:"may"`   // fields that it may have besides
	Cost  Cost     `json:"cost"`
}

// Catalogue describes all kinds of faults.
func Catalogue() []Description {
	var all []Description
	for _, r := range rules() {
		all = append(all, Description{Kind: r.kind, What: r.what, Needs: r.needs.names(), May: r.may.names(), Cost: r.cost})
	}
	return all
}

// rules is a function, as are all tables here, so that no caller outside can change it. It is made once: each fault of each plan is
// held against it.
var rules = sync.OnceValue(func() []rule {
	return []rule{
		{kind: Loss, needs: fFor | fRate, may: fNodes | fTo | fSalt,
			what: "each message is lost at rate", cost: Often},
		{kind: Duplicate, needs: fFor | fRate, may: fNodes | fTo | fExtra | fSalt,
			what: "each message arrives twice at rate, the second time up to extra later", cost: Free},
		{kind: Delay, needs: fFor, may: fNodes | fTo | fFactor | fExtra | fSalt,
			what: "each message takes factor times as long, and extra on top", cost: Free},
		{kind: Reorder, needs: fFor | fExtra, may: fNodes | fTo | fSalt,
			what: "each message takes up to extra longer, each its own", cost: Free},
		{kind: Damage, needs: fFor | fRate, may: fNodes | fTo | fSalt,
			what: "at rate, one bit of a record or page image flips on the way and its checksum tells; a message without is lost", cost: Often},
		{kind: Truncate, needs: fFor | fRate, may: fNodes | fTo | fSalt,
			what: "at rate, a frame is cut short on its way, and the wire refuses what comes of it", cost: Often},
		{kind: Throttle, needs: fFor | fBandwidth, may: fNodes | fTo | fQueue,
			what: "each link takes bandwidth bytes a second; messages wait for it, and behind queue bytes they are lost", cost: Impairs},
		{kind: OldWire, needs: fFor | fNodes, may: fTo,
			what: "nodes speak the wire's oldest version with to, both ways: a field or message that it has no form for does not arrive", cost: Free},
		{kind: Partition, needs: fFor | fNodes, may: fTo,
			what: "no message passes between nodes and to, either way", cost: Impairs},
		{kind: PartitionOneWay, needs: fFor, may: fNodes | fTo,
			what: "no message passes from nodes to to; the other way is open", cost: Impairs},
		{kind: AZCutOff, needs: fFor | fAZ,
			what: "no message passes between inside and outside of az; inside it lives on", cost: Impairs},
		{kind: Crash, needs: fFor | fNodes, may: fSalt, duties: []Duty{Holds, Serves, Follows},
			what: "processes die and lose what they had not synced, and start again after for", cost: Impairs},
		{kind: CrashAtPoint, needs: fFor | fNodes | fPoint | fHit, may: fSalt, duties: []Duty{Holds, Serves, Leads}, one: true,
			what: "as crash, once, when the node passes point for the hit-th time", cost: Impairs},
		{kind: CrashWhen, needs: fFor | fNodes | fWhen | fHit, may: fSalt, duties: []Duty{Holds, Serves, Leads, Follows},
			what: "as crash, once, of all nodes, when one of them does for the hit-th time what when says: acknowledges a write, or sends a message of that type", cost: Impairs},
		{kind: Pause, needs: fFor | fNodes, duties: []Duty{Holds, Serves, Leads, Follows},
			what: "nodes do nothing for a while; what arrives waits", cost: Impairs},
		{kind: PowerLossAZ, needs: fFor | fAZ, may: fSalt,
			what: "every node in az crashes at once, and starts again after for", cost: Impairs},
		{kind: ClockSlow, needs: fFor | fNodes | fFactor, duties: []Duty{Holds, Serves, Leads, Follows},
			what: "clocks, and so timers, take factor times as long", cost: Free},
		{kind: ClockJump, needs: fNodes | fExtra, duties: []Duty{Holds, Serves, Leads, Follows},
			what: "clocks jump extra ahead and stay there; timers that run do not", cost: Free},
		{kind: DiskSlow, needs: fFor | fNodes, may: fFactor | fExtra, duties: []Duty{Holds, Serves}, disk: true,
			what: "each operation of the disk takes factor times as long, and extra on top", cost: Free},
		{kind: DiskFail, needs: fFor | fNodes | fRate, may: fSalt, duties: []Duty{Holds, Serves}, disk: true,
			what: "operations of the disk fail at rate, and from the first on all; after for the process starts again", cost: Impairs},
		{kind: DiskFull, needs: fFor | fNodes, duties: []Duty{Holds, Serves}, disk: true,
			what: "a disk has no room: appends and replaces are refused, the node is told and runs on; reads and syncs of what was there go on", cost: Impairs},
		{kind: DiskCorrupt, needs: fNodes, may: fRate | fSalt, duties: []Duty{Holds, Serves}, disk: true, one: true,
			what: "one bit flips of what is durable on the disk; with rate, of the file that was appended to last, that share of it at its end", cost: Damages},
		{kind: DiskMisread, needs: fFor | fNodes | fRate, may: fSalt, duties: []Duty{Holds, Serves}, disk: true,
			what: "a read returns, at rate, what stands elsewhere in the file; the file stays as it is", cost: Impairs},
		{kind: DiskLies, needs: fFor | fNodes | fRate, may: fSalt, duties: []Duty{Holds}, disk: true,
			what: "syncs and replaces say, at rate, that they are done and are not: until a later one is, a crash may lose what they covered", cost: Forgets},
		{kind: WriteLost, needs: fFor | fNodes | fRate, may: fSalt, duties: []Duty{Holds}, disk: true,
			what: "appends never get to the disk, at rate, though their sync says so: zeros stand in their place", cost: Forgets},
		{kind: WriteMisplaced, needs: fFor | fNodes | fRate, may: fSalt, duties: []Duty{Holds}, disk: true,
			what: "appends get, at rate, to another place of the file, over what stood there; zeros stand in theirs", cost: Forgets},
		{kind: DiskStale, needs: fFor | fNodes | fExtra, may: fSalt, duties: []Duty{Holds}, disk: true, one: true,
			what: "a node dies, and its disk is put back to what was durable extra before; it starts again after for, and is told nothing", cost: Forgets},
		{kind: DiskEmptied, needs: fFor | fNodes, duties: []Duty{Holds}, disk: true, one: true,
			what: "a node dies and its disk is emptied; after for it starts as one that never ran", cost: Forgets},
		{kind: DiskLost, needs: fFor | fNodes, duties: []Duty{Holds}, disk: true, one: true,
			what: "a node dies and its disk with it; it starts again after for, on an empty one", cost: Damages},
		{kind: NodeLost, needs: fNodes, duties: []Duty{Holds}, disk: true, one: true,
			what: "a node and its disk are gone for good; only a spare can stand in for it", cost: Damages},
		{kind: TakeOver, active: true,
			what: "a successor of the active node starts while the old one lives", cost: Free},
		{kind: Promote, needs: fNodes, duties: []Duty{Follows}, one: true,
			what: "a node that follows becomes the active one, whether or not the old one lives", cost: Free},
		{kind: FailOver, needs: fFor, active: true,
			what: "the active node dies for good, and a successor starts after for", cost: Free},
	}
})

// Kinds lists all kinds of faults.
func Kinds() []Kind {
	kinds := make([]Kind, len(rules()))
	for i, r := range rules() {
		kinds[i] = r.kind
	}
	return kinds
}

func ruleOf(k Kind) (rule, error) {
	var known []string
	for i := range rules() {
		if rules()[i].kind == k {
			return rules()[i], nil
		}
	}
	for _, k := range Kinds() {
		known = append(known, string(k))
	}
	return rule{}, &UnknownError{What: "fault kind", Found: string(k), Known: known}
}

// present returns the fields that are set.
func (f *Fault) present() field {
	var set field
	for _, x := range []struct {
		field field
		set   bool
	}{
		{fFor, f.For != 0}, {fNodes, len(f.Nodes) > 0}, {fTo, len(f.To) > 0}, {fAZ, f.AZ != ""}, {fPoint, f.Point != ""},
		{fHit, f.Hit != 0}, {fRate, f.Rate != 0}, {fFactor, f.Factor != 0}, {fExtra, f.Extra != 0}, {fSalt, f.Salt != 0}, {fWhen, f.When != ""},
		{fBandwidth, f.Bandwidth != 0}, {fQueue, f.Queue != 0},
	} {
		if x.set {
			set |= x.field
		}
	}
	return set
}

// A FaultError says what is wrong with one fault of a plan.
type FaultError struct {
	Index int // in the plan, from 0
	Kind  Kind
	Err   error
}

func (e *FaultError) Error() string { return fmt.Sprintf("fault %d (%s): %v", e.Index, e.Kind, e.Err) }
func (e *FaultError) Unwrap() error { return e.Err }

// Validate says whether the plan can be carried out on t, and whether it stays within t's budget unless it is marked.
// All faults that are wrong are reported together, each as a *FaultError; too many at a time are a *BudgetError.
func (p Plan) Validate(t Topology) error {
	if err := t.Validate(); err != nil {
		return err
	}
	var broken []error
	if p.Horizon <= 0 {
		broken = append(broken, fmt.Errorf("plan: expected a horizon above 0, found %v", p.Horizon))
	}
	for i := range p.Faults {
		if err := p.Faults[i].validate(t, p.Horizon); err != nil {
			broken = append(broken, &FaultError{Index: i, Kind: p.Faults[i].Kind, Err: err})
		}
	}
	if i := p.tooManyFlips(t, mostFlips); i >= 0 {
		broken = append(broken, &FaultError{Index: i, Kind: DiskCorrupt,
			Err: fmt.Errorf("expected at most %d flipped bits of %s in a plan, found more", t.mostFlips(p.Faults[i].Nodes[0], mostFlips), p.Faults[i].Nodes[0])})
	}
	if len(broken) > 0 {
		return errors.Join(broken...)
	}
	if p.BeyondBudget {
		return nil
	}
	return t.Budget().Check(p, t)
}

// mostFlips is how many bits of one disk may flip in a plan, within the budget or beyond it. So many bits of one entry of a
// log never make it look as if it had not been written whole (impl/segment, log.go). With more, a segment can forget what it
// acknowledged and not know that it did, and no volume holds out against that.
const mostFlips = 3

// mostFlips is how many bits of the disk of that node may flip in a plan, of a node that holds the given number. One that serves
// has two copies of what it keeps.
func (t *Topology) mostFlips(name string, holds int) int {
	if n, err := t.Node(name); err == nil && n.Role != t.holder().Role {
		return 1
	}
	return holds
}

// Lasting tells whether something of what the plan does stays when its faults have ended, so that beyond the budget a system may
// stop for good. Every other fault has to be got over.
func (p Plan) Lasting() bool {
	return slices.ContainsFunc(p.Faults, func(f Fault) bool { return f.damages() || f.forgets() })
}

// Forgets tells whether the plan may have nodes forget what they acknowledged without their knowing. What was acknowledged may be
// gone then, and with it all that the model promises: no quorum holds out against that.
func (p Plan) Forgets() bool {
	return slices.ContainsFunc(p.Faults, func(f Fault) bool { return f.forgets() })
}

// damages tells whether the fault costs Damages, and forgets whether it costs Forgets. The generator asks that of every fault of every
// plan that it tries, and to look into the table of rules takes as long as all the rest.
func (f *Fault) damages() bool {
	return f.Kind == DiskCorrupt || f.Kind == DiskLost || f.Kind == NodeLost
}

func (f *Fault) forgets() bool {
	switch f.Kind {
	case DiskLies, WriteLost, WriteMisplaced, DiskStale, DiskEmptied:
		return true
	}
	return false
}

// tooManyFlips returns the index of the first fault that flips more than most bits of one disk, or more than its node bears; -1
// if there is no such fault.
func (p Plan) tooManyFlips(t Topology, most int) int {
	flips := map[string]int{}
	for i := range p.Faults {
		f := &p.Faults[i]
		if f.Kind != DiskCorrupt || len(f.Nodes) == 0 {
			continue
		}
		if flips[f.Nodes[0]]++; flips[f.Nodes[0]] > t.mostFlips(f.Nodes[0], most) {
			return i
		}
	}
	return -1
}

func (f *Fault) validate(t Topology, horizon Duration) error {
	r, err := ruleOf(f.Kind)
	if err != nil {
		return err
	}
	set := f.present()
	if missing := r.needs &^ set; missing != 0 {
		return fmt.Errorf("expected %v, which is missing", missing)
	}
	if extra := set &^ (r.needs | r.may); extra != 0 {
		return fmt.Errorf("expected no %v; it takes: kind, at%s", extra, prefixed(r.needs|r.may))
	}
	if (f.Kind == Delay || f.Kind == DiskSlow) && set&(fFactor|fExtra) == 0 {
		return errors.New("expected factor or extra, found neither")
	}
	if f.Kind == PartitionOneWay && set&(fNodes|fTo) == 0 {
		return errors.New("expected nodes or to, found neither")
	}
	switch {
	case f.At < 0 || f.At >= horizon:
		return fmt.Errorf("expected at from 0s to below the horizon %v, found %v", horizon, f.At)
	case f.For < 0:
		return fmt.Errorf("expected for above 0s, found %v", f.For)
	case f.For > horizon-f.At:
		return fmt.Errorf("expected an end by the horizon %v, found %v and %v more", horizon, f.At, f.For)
	case f.Extra < 0 || f.Extra > horizon:
		return fmt.Errorf("expected extra from 0s to the horizon %v, found %v", horizon, f.Extra)
	case f.Hit < 0:
		return fmt.Errorf("expected hit from 1, found %d", f.Hit)
	case len(f.When) > maxWhen || strings.ContainsAny(f.When, " \t\n"):
		return fmt.Errorf("expected when of one word of at most %d bytes, found %q", maxWhen, f.When)
	case set&fBandwidth != 0 && (f.Bandwidth < MinBandwidth || f.Bandwidth > MaxBytes):
		return fmt.Errorf("expected a bandwidth from %d to %d bytes a second, found %d", MinBandwidth, int64(MaxBytes), f.Bandwidth)
	case f.Queue < 0 || f.Queue > MaxBytes:
		return fmt.Errorf("expected a queue from 0 to %d bytes, found %d", int64(MaxBytes), f.Queue)
	case set&fRate != 0 && !(f.Rate > 0 && f.Rate <= 1):
		return fmt.Errorf("expected a rate above 0 up to 1, found %v", f.Rate)
	case set&fFactor != 0 && !(f.Factor >= 1 && f.Factor <= MaxFactor):
		return fmt.Errorf("expected a factor from 1 to %d, found %v", MaxFactor, f.Factor)
	}
	if f.AZ != "" {
		if _, err := t.InZone(f.AZ); err != nil {
			return err
		}
	}
	seen := make(map[string]bool)
	for i, name := range slices.Concat(f.Nodes, f.To) {
		n, err := t.Node(name)
		if err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("expected every node once, found %s again", name)
		}
		seen[name] = true
		if i < len(f.Nodes) && len(r.duties) > 0 {
			p := t.of(n.Role)
			if p == nil || !slices.Contains(r.duties, p.Duty) {
				return fmt.Errorf("expected nodes of %s, found %s", t.rolesOf(r.duties), name)
			}
			if f.Kind == DiskCorrupt && p.Duty == Serves && !p.Doubled && !p.Tells {
				return fmt.Errorf("expected a node that bears a flipped bit, found %s", name)
			}
			if r.disk && !p.Disk {
				return fmt.Errorf("expected nodes that have a disk, found %s", name)
			}
		}
	}
	if r.one && len(f.Nodes) != 1 {
		return fmt.Errorf("expected one node, found %d", len(f.Nodes))
	}
	if f.Point != "" {
		p, err := t.pointed(f.Point)
		if err != nil {
			return err
		}
		if n, _ := t.Node(f.Nodes[0]); n.Role != p.Role {
			return fmt.Errorf("expected a node that passes %s, a %s, found %s", f.Point, p.Role, f.Nodes[0])
		}
	}
	if r.active && t.Active() == "" {
		return errors.New("expected a system of which one node is active at a time, found one in which none is")
	}
	return nil
}

// rolesOf lists the roles that have one of the duties.
func (t *Topology) rolesOf(duties []Duty) string {
	var roles []string
	for _, p := range t.Parts {
		if slices.Contains(duties, p.Duty) {
			roles = append(roles, string(p.Role))
		}
	}
	return "one of the roles [" + strings.Join(roles, " ") + "]"
}

func prefixed(f field) string {
	if f == 0 {
		return ""
	}
	return ", " + f.String()
}

// Describe says on one line what the fault is, and not when it begins. Runs note it, so that it is part of what they are.
func (f *Fault) Describe() string {
	var b strings.Builder
	b.WriteString(string(f.Kind))
	if f.AZ != "" {
		b.WriteString(" " + f.AZ)
	}
	if len(f.Nodes) > 0 {
		b.WriteString(" " + strings.Join(f.Nodes, ", "))
	}
	if len(f.To) > 0 {
		b.WriteString(" → " + strings.Join(f.To, ", "))
	}
	if f.Point != "" {
		fmt.Fprintf(&b, " at hit %d of %s", f.Hit, f.Point)
	}
	if f.When != "" {
		fmt.Fprintf(&b, " when %s for the %d. time", f.When, f.Hit)
	}
	if f.Rate != 0 {
		fmt.Fprintf(&b, " rate %g", f.Rate)
	}
	if f.Factor != 0 {
		fmt.Fprintf(&b, " factor %g", f.Factor)
	}
	if f.Extra != 0 {
		fmt.Fprintf(&b, " extra %v", f.Extra)
	}
	if f.Bandwidth != 0 {
		fmt.Fprintf(&b, " %d bytes/s", f.Bandwidth)
	}
	if f.Queue != 0 {
		fmt.Fprintf(&b, " queue %d bytes", f.Queue)
	}
	if f.For != 0 {
		fmt.Fprintf(&b, " for %v", f.For)
	}
	return b.String()
}
