package objects

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
)

// State implements node.Teller.
func (s *Store) State() node.State {
	return node.State{Role: "objects", Phase: s.phase(), Serving: s.serving, Counters: []node.Counter{{Name: "objects", Value: s.stored}, {Name: "storeStarts", Value: s.restarts}}}
}

// mostNamed is how many objects a phase names.
const mostNamed = 4

func (s *Store) phase() string {
	if s.stopped {
		return "stopped: its disk failed"
	}
	rotten := s.Rotten()
	if len(rotten) == 0 {
		return ""
	}
	return fmt.Sprintf("cannot read %d: %s", len(rotten), strings.Join(rotten[:min(len(rotten), mostNamed)], ", "))
}
