package faults

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Topology is as much of a system as faults need to know: which nodes there are, what each is there for, and where it is.
type Topology struct {
	Parts   []Part `json:"parts"`
	Zones   int    `json:"zones"`   // availability zones that the zoned parts are spread over, at least 1
	Clients int    `json:"clients"` // at least 0
}

// A Role is a name for nodes that do the same, as plans say it: "segment", "replica".
type Role string

// A Duty is what the nodes of a role are there for, as far as faults go.
type Duty string

// The duties. A system has one part that holds, at most one that leads, at most one that follows, and any number that serve.
const (
	// Holds: the nodes hold copies, and together make quorums. What they may suffer is the fault budget.
	Holds Duty = "holds"
	// Leads: one node is active at a time, and a successor replaces it. A fault on the role strikes the newest at the moment when
	// it begins, and stays with it: a successor is not cut off by a partition of the one that it replaced. Only
	// crash-at-point waits for whichever passes the point.
	Leads Duty = "leads"
	// Follows: a node may be promoted to be the active one.
	Follows Duty = "follows"
	// Serves: a node that all others use, of which there is one and which must be waited out. The first one of a topology is the
	// one that decides, such as a register of epochs.
	Serves Duty = "serves"
)

// A Part is all nodes of one role. Those that lead or serve stand outside of all availability zones, as clients do, so that
// losing a zone and losing the active node are two faults that a plan can combine or take apart.
type Part struct {
	Role   Role `json:"role"`
	Duty   Duty `json:"duty"`
	Groups int  `json:"groups,omitempty"` // 0: the nodes are no groups, and are named by one number
	Count  int  `json:"count"`            // nodes, in each group where there are groups, spares included
	Spares int  `json:"spares,omitempty"` // of these, the last ones, which are no members at first
	// WriteQuorum and ReadQuorum are, of a part that holds, how many members of a group the system needs to go on. Quorums that do
	// not overlap are allowed: what they lose is for a run to show.
	WriteQuorum int `json:"writeQuorum,omitempty"`
	ReadQuorum  int `json:"readQuorum,omitempty"`
	// Damaged is, of a part that holds, how many nodes of a group may have a damaged or lost disk in a whole plan.
	Damaged int `json:"damaged,omitempty"`
	// Disk tells whether the nodes have disks. One without forgets everything when it crashes, so generated plans crash none.
	Disk bool `json:"disk"`
	// Unsealed tells, of a part that holds, that its nodes may take what a flipped bit has left for the end of what they wrote, and so
	// forget what they acknowledged without knowing it. No plan that is generated flips one, and none within the budget may.
	Unsealed bool `json:"unsealed,omitempty"`
	// Doubled tells, of a part that serves, that its node keeps what it stores twice: one flipped bit in a plan costs it nothing.
	Doubled bool `json:"doubled,omitempty"`
	// Tells tells, of a part that serves, that its node says what it stores and can no longer read: one flipped bit in a plan costs that
	// and nothing else.
	Tells bool `json:"tells,omitempty"`
	// Yields tells that a node which was told that its disk is full goes on by itself when there is room again. Generated plans fill
	// no other disks: a node that knows nothing of full disks waits for ever for what it asked of one.
	Yields bool `json:"yields,omitempty"`
	// Bare is how many members of a group, of a part that holds, keep the log and nothing made of it: every other one, from the
	// second on.
	Bare int `json:"bare,omitempty"`
	// Points are the names of those in the code of the nodes where they can crash.
	Points []string `json:"points,omitempty"`
}

// Members returns how many nodes of a group count.
func (p *Part) Members() int { return p.Count - p.Spares }

// alone tells whether the part's one node has the name of its role.
func (p *Part) alone() bool { return p.Duty == Leads || p.Duty == Serves }

// Validate refuses a topology in which no node holds anything, or whose quorums no group can meet.
func (t Topology) Validate() error {
	var broken []error
	between := func(name string, value, low, high int) {
		if value < low || value > high {
			broken = append(broken, fmt.Errorf("topology: expected %s from %d to %d, found %d", name, low, high, value))
		}
	}
	const many = 1 << 15
	number := map[Duty]int{}
	seen := map[Role]bool{Client: true}
	for i := range t.Parts {
		p := &t.Parts[i]
		number[p.Duty]++
		if seen[p.Role] || p.Role == "" || strings.Contains(string(p.Role), " ") {
			broken = append(broken, fmt.Errorf("topology: expected a role of one word that no other part has, found %q", p.Role))
		}
		seen[p.Role] = true
		name := string(p.Role) + "s"
		switch {
		case p.alone():
			between(name, p.Count, 1, 1)
		case p.Duty == Holds:
			between(name, p.Count, 1, many)
			between(name+"' groups", p.Groups, 0, many)
			between(name+"' spares", p.Spares, 0, p.Count-1)
			between(name+"' writeQuorum", p.WriteQuorum, 1, p.Members())
			between(name+"' readQuorum", p.ReadQuorum, 1, p.Members())
			between("zones", t.Zones, 1, p.Members())
		case p.Duty == Follows:
			between(name, p.Count, 0, many)
		default:
			broken = append(broken, fmt.Errorf("topology: expected a duty of %s, found %q", p.Role, p.Duty))
		}
	}
	between("parts that hold", number[Holds], 1, 1)
	between("parts that lead", number[Leads], 0, 1)
	between("parts that follow", number[Follows], 0, number[Leads])
	between("clients", t.Clients, 0, many)
	return errors.Join(broken...)
}

// part returns the first part of a duty, or nil.
func (t *Topology) part(d Duty) *Part {
	for i := range t.Parts {
		if t.Parts[i].Duty == d {
			return &t.Parts[i]
		}
	}
	return nil
}

// of returns the part of a role, or nil.
func (t *Topology) of(r Role) *Part {
	for i := range t.Parts {
		if t.Parts[i].Role == r {
			return &t.Parts[i]
		}
	}
	return nil
}

// holder returns the part that holds.
func (t *Topology) holder() *Part { return t.part(Holds) }

// Active returns the role that leads, or "".
func (t Topology) Active() Role {
	if p := t.part(Leads); p != nil {
		return p.Role
	}
	return ""
}

// groups returns how many groups of copies there are.
func (p *Part) groups() int { return max(p.Groups, 1) }

// Client is the role of clients in every system.
const Client Role = "client"

// A Node is a process that a plan can name: "writer", "segment 2/5", "replica 3", "client 3".
type Node struct {
	Role  Role
	Group int // from 1, where there are groups
	Index int // from 1, of its group or of all; 0 where the role has one node
}

// String returns the name that plans use.
func (n Node) String() string {
	switch {
	case n.Group > 0:
		return string(n.Role) + " " + strconv.Itoa(n.Group) + "/" + strconv.Itoa(n.Index)
	case n.Index > 0:
		return string(n.Role) + " " + strconv.Itoa(n.Index)
	}
	return string(n.Role)
}

// node returns the node of a part with that number in its group; both count from 1.
func (p *Part) node(group, index int) Node {
	switch {
	case p.alone():
		return Node{Role: p.Role}
	case p.Groups == 0:
		return Node{Role: p.Role, Index: index}
	}
	return Node{Role: p.Role, Group: group, Index: index}
}

// nodes lists the nodes of a part by group and number.
func (p *Part) nodes() []Node {
	var all []Node
	for g := 1; g <= p.groups(); g++ {
		for i := 1; i <= p.Count; i++ {
			all = append(all, p.node(g, i))
		}
	}
	return all
}

// Nodes lists the nodes by part, and the clients behind.
func (t Topology) Nodes() []Node {
	var nodes []Node
	for i := range t.Parts {
		nodes = append(nodes, t.Parts[i].nodes()...)
	}
	for c := 1; c <= t.Clients; c++ {
		nodes = append(nodes, Node{Role: Client, Index: c})
	}
	return nodes
}

// Node returns the node of that name, or an *UnknownError.
func (t Topology) Node(name string) (Node, error) {
	role, rest, _ := strings.Cut(name, " ")
	n := Node{Role: Role(role)}
	if g, i, grouped := strings.Cut(rest, "/"); grouped {
		n.Group, _ = strconv.Atoi(g)
		n.Index, _ = strconv.Atoi(i)
	} else {
		n.Index, _ = strconv.Atoi(rest)
	}
	inside := n.Role == Client && n.Group == 0 && 1 <= n.Index && n.Index <= t.Clients
	if p := t.of(n.Role); p != nil {
		inside = n == p.node(n.Group, n.Index) && (p.alone() || 1 <= n.Index && n.Index <= p.Count && n.Group <= p.Groups)
	}
	// One name for one node: "segment 02/5" is refused.
	if !inside || n.String() != name {
		return Node{}, &UnknownError{What: "node", Found: name, Known: t.known()}
	}
	return n, nil
}

// known says which names there are, in short.
func (t *Topology) known() []string {
	var known []string
	span := func(first, last Node) {
		if first == last {
			known = append(known, first.String())
		} else {
			known = append(known, fmt.Sprintf("%s to %s", first, last))
		}
	}
	for i := range t.Parts {
		if p := &t.Parts[i]; p.Count > 0 {
			span(p.node(1, 1), p.node(p.groups(), p.Count))
		}
	}
	if t.Clients > 0 {
		span(Node{Role: Client, Index: 1}, Node{Role: Client, Index: t.Clients})
	}
	return known
}

// Zone returns the name of the availability zone of a node that holds, "az1" onwards. Neighbours share a zone: with six
// copies in three zones, two in each (SIGMOD 2017 §2.1). Spares are spread over the zones one by one.
func (t Topology) Zone(n Node) string { return "az" + strconv.Itoa(t.ZoneOf(n.Index)) }

// ZoneOf is Zone of the nodes with that number in their groups, as a number from 1 on.
func (t Topology) ZoneOf(index int) int {
	p := t.holder()
	if spare := index - 1 - p.Members(); spare >= 0 {
		return spare%t.Zones + 1
	}
	return (index-1)*t.Zones/p.Members() + 1
}

// InZone lists the nodes that hold in a zone by group and number, or returns an *UnknownError.
func (t Topology) InZone(zone string) ([]Node, error) {
	var in []Node
	for _, n := range t.holder().nodes() {
		if t.Zone(n) == zone {
			in = append(in, n)
		}
	}
	if in == nil {
		var known []string
		for z := 1; z <= t.Zones; z++ {
			known = append(known, "az"+strconv.Itoa(z))
		}
		return nil, &UnknownError{What: "availability zone", Found: zone, Known: known}
	}
	return in, nil
}

// pointed returns the part whose nodes pass a point, or an *UnknownError.
func (t *Topology) pointed(point string) (*Part, error) {
	var known []string
	for i := range t.Parts {
		if slices.Contains(t.Parts[i].Points, point) {
			return &t.Parts[i], nil
		}
		known = append(known, t.Parts[i].Points...)
	}
	slices.Sort(known)
	return nil, &UnknownError{What: "point", Found: point, Known: known}
}

// UnknownError says that a name stands for nothing, and which names do.
type UnknownError struct {
	What  string // what the name was to be
	Found string
	Known []string
}

func (e *UnknownError) Error() string {
	known := "there are none"
	if len(e.Known) > 0 {
		known = strings.Join(e.Known, ", ")
	}
	return fmt.Sprintf("unknown %s %q; known: %s", e.What, e.Found, known)
}
