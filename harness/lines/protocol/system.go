package protocol

import (
	"slices"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/workload"
	"github.com/firstgap/firstgap/impl/node"
)

// Roles lists the roles.
func Roles() []Role { return []Role{Replica, Segment, Writer, Reader, Register} }

// Name is that of the system whose nodes of a role are programs.
func Name(r Role) string { return "lines-" + string(r) }

// Options say what kind of system nodes make up.
type Options struct {
	Name string // "" is Name of the role

	// Of replicas: see harness.Replicas.

	Count, Zones, Quorum int
	NoDisk               bool                  // they keep nothing, so that no generated run crashes one
	Mix                  workload.OperationMix // the zero value is workload.Registers

	// Of a node of the volume.

	Without  aurora.Without // what segments leave out
	NoFormat bool           // a segment starts on an empty disk, and not on one that ours has formatted
	Never    []string       // what else its runs cannot count (see harness.About)

	// Bugs are those that nodes ask their hooks for, or that are in hello. Nil: of a node of the volume those of our own nodes, in a build
	// with the failpoint overlay.
	Bugs []faults.PlantedBug
}

// System returns the system in which the nodes of a role are made by maker, and all others are ours.
func System(r Role, maker Maker, o Options) (harness.System, error) {
	if o.Name == "" {
		o.Name = Name(r)
	}
	if r == Replica {
		if o.Mix == (workload.OperationMix{}) {
			o.Mix = workload.Registers()
		}
		return harness.Replicas{Name: o.Name, What: "programs that all do the same, over lines", Count: o.Count, Zones: o.Zones, Quorum: o.Quorum, Disk: !o.NoDisk, Mix: o.Mix, Bugs: o.Bugs,
			New: func(p harness.Place) node.Node {
				return maker(Place{Role: Replica, ID: p.ID, Index: p.Index, Members: p.Members, Seed: p.Seed, Hook: p.Hook})
			}}.System(), nil
	}
	i := aurora.Ours()
	i.Without, i.Never, i.Bugs = o.Without, o.Never, o.Bugs
	if o.NoFormat {
		i.SegmentDisk = nil
	}
	made := func(id node.ID, v *node.Volume, n aurora.Nodes, hook node.Hook) node.Node {
		p := Place{Role: r, ID: id, Members: []node.ID{id}, Volume: v, Nodes: n, Hook: hook}
		if f, is := hook.(runtime.Foreign); is {
			p.Seed = f.Seed()
		}
		if g, replica, is := v.Find(id); is {
			p.Index, p.Members = replica, v.Segments[g]
		} else if at := slices.Index(v.Readers, id); at >= 0 {
			p.Index, p.Members = at, v.Readers
		}
		return maker(p)
	}
	switch r {
	case Segment:
		i.Segment = made
	case Writer:
		i.Writer = made
	case Reader:
		i.Reader = made
	case Register:
		i.Register = made
	default:
		return nil, unknownRole(r, Roles())
	}
	return aurora.Of(o.Name, i), nil
}

// Ours makes our own nodes of a role of the volume, in this process; nil at a place of another.
func Ours(r Role) (Maker, error) {
	i := aurora.Ours()
	make := map[Role]func(node.ID, *node.Volume, aurora.Nodes, node.Hook) node.Node{Segment: i.Segment, Writer: i.Writer, Reader: i.Reader, Register: i.Register}[r]
	if make == nil {
		return nil, unknownRole(r, Roles()[1:])
	}
	return func(p Place) node.Node {
		if p.Role != r || p.Volume == nil || p.Volume.Validate() != nil {
			return nil
		}
		return make(p.ID, p.Volume, p.Nodes, p.Hook)
	}, nil
}

// unknownRole says that there is no such role, or none here.
func unknownRole(found Role, known []Role) error {
	e := &faults.UnknownError{What: "role", Found: string(found)}
	for _, r := range known {
		e.Known = append(e.Known, string(r))
	}
	return e
}
