package objects

import "github.com/firstgap/firstgap/impl/node"

// State implements node.Teller.
func (s *Store) State() node.State {
	return node.State{Role: "objects", Serving: s.serving, Counters: []node.Counter{{Name: "objects", Value: s.stored}, {Name: "storeStarts", Value: s.restarts}}}
}
