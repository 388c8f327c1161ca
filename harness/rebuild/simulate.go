package rebuild

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/segment"
)

// A Simulation is a repair that was really made, by our own segments and their own messages.
type Simulation struct {
	Shape  Shape         `json:"shape"`
	Time   time.Duration `json:"time"`   // from the first piece that is asked for to the last one that is durable
	Fills  uint64        `json:"fills"`  // segments that were filled
	Chunks uint64        `json:"chunks"` // messages with page images
	Bytes  uint64        `json:"bytes"`  // of these
	Hash   uint64        `json:"hash"`   // the run's identity
}

// A SimulationError says what did not happen.
type SimulationError struct {
	Waited string
	Found  string
}

func (e *SimulationError) Error() string {
	return fmt.Sprintf("rebuild: expected %s, found %s", e.Waited, e.Found)
}

// replicas of a piece, and the place of each: the lost one, the one that is read from, and the new one. A segment asks the
// peer of its second place first.
const (
	replicas = 6
	lost     = 0
	source   = 1
	fresh    = replicas
)

// site is a repair under way.
type site struct {
	shape   Shape
	world   *sim.World
	groups  []*node.Volume
	first   node.Time // the first ask, 0 before
	result  Simulation
	expect  time.Duration
	records int
}

// Simulate repairs a lost host whose pieces are as small as s says.
func Simulate(s Shape, seed uint64) (Simulation, error) {
	if err := s.Validate(); err != nil {
		return Simulation{}, err
	}
	if s.Pieces > 100 || s.PieceBytes > 1<<20 {
		return Simulation{}, &ShapeError{"pieces of at most 1 MB to simulate", int64(s.Pieces), 100}
	}
	r := &site{shape: s, expect: s.Time(), records: int((s.PieceBytes + smallPage - 1) / smallPage)}
	if err := r.build(seed); err != nil {
		return Simulation{}, err
	}
	defer r.world.Close()
	if err := r.repair(); err != nil {
		return Simulation{}, err
	}
	r.result.Shape, r.result.Hash = s, r.world.Hash()
	return r.result, nil
}

// Traced implements sim.Observer.
func (r *site) Traced(node.Time, node.ID, *node.Trace) {}

// Delivered implements sim.Observer.
func (r *site) Delivered(now node.Time, _, _ node.ID, m node.Message) {
	switch m := m.(type) {
	case *node.FillAsk:
		if r.first == 0 {
			r.first = now
		}
	case *node.FillGive:
		r.result.Chunks++
		for _, image := range m.Images {
			r.result.Bytes += uint64(len(image))
		}
	}
}

// build makes a group of six segments for each piece, and a seventh that is to take the place of the lost one. The pieces
// are of many databases (lecture §8), so each has a volume of its own, and somebody who has written it.
func (r *site) build(seed uint64) error {
	s, us := r.shape, faults.Duration(time.Microsecond)
	var err error
	r.world, err = sim.New(sim.Options{Seed: seed, Observer: r, Measure: true,
		Network: sim.Network{Latency: 100 * us, Jitter: 20 * us, Bandwidth: s.Bandwidth},
		Disk:    sim.Disk{Append: 10 * us, Sync: 100 * us, Replace: 100 * us},
		Limits:  sim.Limits{Events: 10_000_000, Time: faults.Duration(1000 * time.Hour), Bytes: 2 << 30}})
	if err != nil {
		return err
	}
	next := node.ID(1)
	for i := range s.Pieces {
		v := &node.Volume{WriteQuorum: 4, ReadQuorum: 3, Spares: 1, Register: next}
		loader := next + 1
		next += 2
		var members []node.ID
		for range replicas + 1 {
			members = append(members, next)
			next++
		}
		v.Segments = [][]node.ID{members}
		r.groups = append(r.groups, v)
		err = errors.Join(err, v.Validate(), r.world.Add(runtime.Process{ID: loader, Name: fmt.Sprintf("owner %d", i+1), New: func(node.Hook) node.Node {
			return &owner{members: members[:replicas], records: r.records, last: lastBytes(s.PieceBytes)}
		}}))
		for n, id := range members {
			host := fmt.Sprintf("keeper %d/%d", i+1, n+1)
			switch n {
			case lost:
				host = "lost"
			case source:
				host = fmt.Sprintf("source %d", i%s.Sources+1)
			case fresh:
				host = fmt.Sprintf("destination %d", i%s.Destinations+1)
			}
			err = errors.Join(err, r.world.Add(runtime.Process{ID: id, Name: fmt.Sprintf("segment %d/%d", i+1, n+1), Host: host, New: func(h node.Hook) node.Node {
				// A segment gives up on a peer that says nothing between two asks: so it is longer than all of it takes.
				return segment.New(segment.Config{ID: id, Volume: v, GossipEvery: 2*r.expect + time.Second, CoalesceEvery: 100 * time.Millisecond}, h)
			}}))
			if n != fresh {
				err = errors.Join(err, r.world.Start(id))
			}
		}
		err = errors.Join(err, r.world.Start(loader))
	}
	return err
}

// repair waits until the pieces are there, takes the host down, and has the new segments begin with nothing.
func (r *site) repair() error {
	if err := r.until("every piece on six segments, as pages", 1000*time.Hour, func() bool { return r.all(1, replicas, written(r.records)) }); err != nil {
		return err
	}
	for _, v := range r.groups {
		if err := r.world.Stop(v.Segments[0][lost]); err != nil {
			return err
		}
		if err := r.world.Start(v.Segments[0][fresh]); err != nil {
			return err
		}
	}
	err := r.until("every piece on a new segment", 1000*time.Hour, func() bool { return r.all(fresh, replicas+1, written(r.records)) })
	if err != nil {
		return err
	}
	r.result.Time = r.world.Now().Sub(r.first)
	for _, v := range r.groups {
		s := r.world.Node(v.Segments[0][fresh]).(*segment.Segment)
		r.result.Fills += s.Counters().Filled
		if err := r.same(v); err != nil {
			return err
		}
	}
	return nil
}

// written tells whether a segment has all records as pages.
func written(records int) func(*segment.Segment) bool {
	return func(s *segment.Segment) bool { return int(s.Floor()) == records && int(s.SCL()) == records }
}

// all tells whether a condition holds for the segments from one place to before another, of every piece.
func (r *site) all(from, to int, met func(*segment.Segment) bool) bool {
	for _, v := range r.groups {
		for _, id := range v.Segments[0][from:to] {
			if s, ok := r.world.Node(id).(*segment.Segment); !ok || !met(s) {
				return false
			}
		}
	}
	return true
}

// same compares what the new segment has with what its source has.
func (r *site) same(v *node.Volume) error {
	for p := range node.PageID(r.records) {
		a, err1 := r.world.Node(v.Segments[0][source]).(*segment.Segment).PageAt(p, node.LSN(r.records))
		b, err2 := r.world.Node(v.Segments[0][fresh]).(*segment.Segment).PageAt(p, node.LSN(r.records))
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if string(a) != string(b) {
			return &SimulationError{fmt.Sprintf("page %d on the new segment as on its source", p), "another"}
		}
	}
	return nil
}

// until lets the world go on, and asks now and then, for it is not cheap, whether it has come to what was waited for.
func (r *site) until(what string, bound time.Duration, met func() bool) error {
	end := r.world.Now().Add(bound)
	for r.world.Now() < end {
		if met() {
			return nil
		}
		step := max(r.expect/500, 100*time.Microsecond)
		if o := r.world.Run(r.world.Now().Add(step)); o.End != runtime.TimeReached && o.End != runtime.Idle {
			return &SimulationError{what, o.String()}
		}
	}
	return &SimulationError{what, fmt.Sprintf("nothing of it after %v", bound)}
}

// lastBytes returns how many bytes the last page of a piece holds.
func lastBytes(piece int64) int {
	if rest := int(piece % smallPage); rest > 0 {
		return rest
	}
	return smallPage
}

// An owner writes a piece: a row to every page, which fills it, and tells when all of it is durable everywhere.
type owner struct {
	members []node.ID
	records int
	last    int
	heard   []node.ID
}

// Step implements node.Node.
func (o *owner) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.Started:
		var rs []*node.Record
		for l := 1; l <= o.records; l++ {
			bytes := smallPage
			if l == o.records {
				bytes = o.last
			}
			const others = 32 // bytes of a page beside its row's value
			rec := &node.Record{LSN: node.LSN(l), Epoch: 1, Prev: node.LSN(l - 1), Kind: node.Write, Last: true, Txn: node.MakeTxn(1, 1),
				Page: node.PageID(l - 1), Key: "row", New: node.Some(strings.Repeat("x", max(1, bytes-others))), OldestActive: node.LSN(l + 1)}
			rec.Seal()
			rs = append(rs, rec)
		}
		for _, id := range o.members {
			out.Send(id, &node.Append{Epoch: 1, Records: rs})
		}
	case node.Received:
		m, ok := ev.Message.(*node.Appended)
		if !ok || int(m.SCL) < o.records {
			return
		}
		o.heard = append(o.heard, ev.From)
		if len(o.heard) == len(o.members) {
			all := node.LSN(o.records)
			for _, id := range o.members {
				out.Send(id, &node.Append{Epoch: 1, VDL: all, Last: all, Floor: all})
			}
		}
	}
}
