package faults

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Topology is as much of a volume as faults need to know: who is there, and where. The writer, the register, the object
// store and the clients stand outside of all availability zones, so that losing a zone and losing the writer are two faults that a
// plan can combine or take apart.
type Topology struct {
	Groups      int  `json:"groups"`      // protection groups, at least 1
	Replicas    int  `json:"replicas"`    // segments in each group, spares included, at least 1
	Spares      int  `json:"spares"`      // of these, the last ones, which are no members at first
	WriteQuorum int  `json:"writeQuorum"` // segments of a group that make a record count as written
	ReadQuorum  int  `json:"readQuorum"`  // segments of a group that a recovery needs
	Zones       int  `json:"zones"`       // availability zones, 1 to Replicas
	Clients     int  `json:"clients"`     // at least 0
	Readers     int  `json:"readers"`     // read replicas, at least 0
	Objects     bool `json:"objects"`     // there is an object store
}

// Validate refuses a topology without nodes, or whose quorums no group can meet. Quorums that do not overlap are
// allowed: what they lose is for a run to show.
func (t Topology) Validate() error {
	var broken []error
	between := func(name string, value, low, high int) {
		if value < low || value > high {
			broken = append(broken, fmt.Errorf("topology: expected %s from %d to %d, found %d", name, low, high, value))
		}
	}
	const many = 1 << 15
	between("groups", t.Groups, 1, many)
	between("replicas", t.Replicas, 1, many)
	between("spares", t.Spares, 0, t.Replicas-1)
	between("writeQuorum", t.WriteQuorum, 1, t.Members())
	between("readQuorum", t.ReadQuorum, 1, t.Members())
	between("zones", t.Zones, 1, t.Members())
	between("clients", t.Clients, 0, many)
	between("readers", t.Readers, 0, many)
	return errors.Join(broken...)
}

// Members returns how many segments of a group count.
func (t Topology) Members() int { return t.Replicas - t.Spares }

// Role is what a node does.
type Role string

// The roles. A fault on the writer strikes the newest writer at the moment when it begins, and stays with it: a
// successor is not cut off by a partition of the writer that it replaced. Only crash-at-point waits for whichever
// writer passes the point.
const (
	Writer   Role = "writer"
	Register Role = "register"
	Segment  Role = "segment"
	Client   Role = "client"
	Reader   Role = "reader"
	Objects  Role = "objects" // the object store
)

// A Node is a process that a plan can name: "writer", "register", "segment 2/5", "client 3", "reader 1", "objects".
type Node struct {
	Role    Role
	Group   int // of a segment, from 1
	Replica int // of a segment within its group, from 1
	Client  int // from 1
	Reader  int // from 1
}

// String returns the name that plans use.
func (n Node) String() string {
	switch n.Role {
	case Segment:
		return fmt.Sprintf("segment %d/%d", n.Group, n.Replica)
	case Client:
		return fmt.Sprintf("client %d", n.Client)
	case Reader:
		return fmt.Sprintf("reader %d", n.Reader)
	default:
		return string(n.Role)
	}
}

// Nodes lists the nodes: writer, register, the segments by group and replica, the clients, the readers, the object store.
func (t Topology) Nodes() []Node {
	nodes := []Node{{Role: Writer}, {Role: Register}}
	for g := 1; g <= t.Groups; g++ {
		for r := 1; r <= t.Replicas; r++ {
			nodes = append(nodes, Node{Role: Segment, Group: g, Replica: r})
		}
	}
	for c := 1; c <= t.Clients; c++ {
		nodes = append(nodes, Node{Role: Client, Client: c})
	}
	for r := 1; r <= t.Readers; r++ {
		nodes = append(nodes, Node{Role: Reader, Reader: r})
	}
	if t.Objects {
		nodes = append(nodes, Node{Role: Objects})
	}
	return nodes
}

// Node returns the node of that name, or an *UnknownError.
func (t Topology) Node(name string) (Node, error) {
	var n Node
	role, rest, _ := strings.Cut(name, " ")
	switch n.Role = Role(role); n.Role {
	case Segment:
		g, r, _ := strings.Cut(rest, "/")
		n.Group, _ = strconv.Atoi(g)
		n.Replica, _ = strconv.Atoi(r)
	case Client:
		n.Client, _ = strconv.Atoi(rest)
	case Reader:
		n.Reader, _ = strconv.Atoi(rest)
	}
	inside := n.Role == Writer || n.Role == Register || n.Role == Objects && t.Objects ||
		n.Role == Segment && 1 <= n.Group && n.Group <= t.Groups && 1 <= n.Replica && n.Replica <= t.Replicas ||
		n.Role == Client && 1 <= n.Client && n.Client <= t.Clients ||
		n.Role == Reader && 1 <= n.Reader && n.Reader <= t.Readers
	// One name for one node: "segment 02/5" is refused.
	if !inside || n.String() != name {
		known := []string{string(Writer), string(Register), fmt.Sprintf("segment 1/1 to segment %d/%d", t.Groups, t.Replicas)}
		if t.Clients > 0 {
			known = append(known, fmt.Sprintf("client 1 to client %d", t.Clients))
		}
		if t.Readers > 0 {
			known = append(known, fmt.Sprintf("reader 1 to reader %d", t.Readers))
		}
		if t.Objects {
			known = append(known, string(Objects))
		}
		return Node{}, &UnknownError{What: "node", Found: name, Known: known}
	}
	return n, nil
}

// Zone returns the name of the availability zone of a segment, "az1" onwards. Neighbours share a zone: with six
// replicas in three zones, two copies in each (SIGMOD 2017 §2.1). Spares are spread over the zones one by one.
func (t Topology) Zone(n Node) string { return "az" + strconv.Itoa(t.ZoneOf(n.Replica)) }

// ZoneOf is Zone of the segments with that number in their groups, as a number from 1 on.
func (t Topology) ZoneOf(replica int) int {
	if spare := replica - 1 - t.Members(); spare >= 0 {
		return spare%t.Zones + 1
	}
	return (replica-1)*t.Zones/t.Members() + 1
}

// InZone lists the segments in a zone by group and replica, or returns an *UnknownError.
func (t Topology) InZone(zone string) ([]Node, error) {
	var in []Node
	for _, n := range t.Nodes() {
		if n.Role == Segment && t.Zone(n) == zone {
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
