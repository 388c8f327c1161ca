package labs

import (
	"encoding/binary"

	"github.com/zeebo/xxh3"

	"github.com/firstgap/firstgap/harness/lines/protocol"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/impl/node"
)

// summing makes nodes that may leave out the checksum of the page images that they send, as the wire lets them leave out that of
// records: few languages bring xxh3 along, and nothing in the lecture is about it.
func summing(make protocol.Maker) protocol.Maker {
	return func(p protocol.Place) node.Node { return &summed{make(p)} }
}

type summed struct{ node.Node }

// Step implements node.Node.
func (s *summed) Step(now node.Time, ev node.Event, out *node.Effects) {
	before := len(out.List)
	s.Node.Step(now, ev, out)
	for i := range out.List[before:] {
		switch m := out.List[before+i].Message.(type) {
		case *node.PageImage:
			sum(m.Image)
		case *node.FillGive:
			for _, image := range m.Images {
				sum(image)
			}
		}
	}
}

const sumBytes = 8

// sum puts the checksum into an image whose last bytes are zero.
func sum(image []byte) {
	if n := len(image) - sumBytes; n >= 0 && binary.LittleEndian.Uint64(image[n:]) == 0 {
		binary.LittleEndian.PutUint64(image[n:], xxh3.Hash(image[:n]))
	}
}

// State implements node.Teller, of a node that Tells.
func (s *summed) State() node.State {
	if t, is := s.Node.(node.Teller); is {
		return t.State()
	}
	return node.State{}
}

// Tells implements runtime.MayTell.
func (s *summed) Tells() bool {
	if m, may := s.Node.(runtime.MayTell); may {
		return m.Tells()
	}
	_, is := s.Node.(node.Teller)
	return is
}

// Stop implements runtime.Stopper.
func (s *summed) Stop() {
	if n, is := s.Node.(runtime.Stopper); is {
		n.Stop()
	}
}

// TimerName implements node.TimerNamer.
func (s *summed) TimerName(t node.Timer) string {
	if n, is := s.Node.(node.TimerNamer); is {
		return n.TimerName(t)
	}
	return ""
}
