package segment

import "github.com/firstgap/firstgap/impl/node"

// History returns the history of the line that the segment durably follows.
func (s *Segment) History() node.History { return s.durable.history }

// Held lists the records that the segment durably holds one by one, by LSN. What is at or below Floor it has as images.
func (s *Segment) Held() []node.Held {
	var held []node.Held
	for _, h := range s.held {
		held = append(held, heldOf(h.Record))
	}
	return held
}
