package faults

// The roles of a volume's nodes, as plans name them: our own system's.
const (
	Writer   Role = "writer"
	Register Role = "register"
	Segment  Role = "segment"
	Reader   Role = "reader"
	Objects  Role = "objects" // the object store
)

// Fenced is the type of the message by which a segment answers a fence, for When of a fault.
const Fenced = "fenced"

// Kept is the type of the message by which the object store says that an object is durable.
const Kept = "object-kept"

// A Volume is the shape of a volume, from which its topology follows.
type Volume struct {
	Groups      int  // protection groups, at least 1
	Replicas    int  // segments in each group, spares included, at least 1
	Spares      int  // of these, the last ones, which are no members at first
	Tails       int  // of the members, those that keep the log and no pages: every other one, from the second on
	WriteQuorum int  // segments of a group that make a record count as written
	ReadQuorum  int  // segments of a group that a recovery needs
	Zones       int  // availability zones, 1 to Replicas
	Clients     int  // at least 0
	Readers     int  // read replicas, at least 0
	Objects     bool // there is an object store
}

// Topology returns the volume as faults see it: a writer that is replaced, a register, segments that hold, readers that may be
// promoted, an object store. Every group keeps a write quorum and a read quorum, and one of its segments may have a damaged
// disk, where it can spare one.
func (v Volume) Topology() Topology {
	segments := Part{Role: Segment, Duty: Holds, Groups: max(v.Groups, 1), Count: v.Replicas, Spares: v.Spares, WriteQuorum: v.WriteQuorum,
		ReadQuorum: v.ReadQuorum, Bare: v.Tails, Disk: true, Yields: true, Points: pointsOf(Segment)}
	segments.Damaged = min(1, max(0, segments.spare()))
	t := Topology{Zones: v.Zones, Clients: v.Clients, Parts: []Part{
		{Role: Writer, Duty: Leads, Count: 1, Points: pointsOf(Writer)},
		{Role: Register, Duty: Serves, Count: 1, Disk: true, Doubled: true, Yields: true, Points: pointsOf(Register)},
		segments,
		{Role: Reader, Duty: Follows, Count: v.Readers},
	}}
	if v.Objects {
		t.Parts = append(t.Parts, Part{Role: Objects, Duty: Serves, Count: 1, Disk: true, Tells: true, Yields: true, Points: pointsOf(Objects)})
	}
	return t
}

func pointsOf(r Role) []string {
	var names []string
	for _, p := range Points() {
		if p.Role == r {
			names = append(names, p.Name)
		}
	}
	return names
}
