package control

import "github.com/firstgap/firstgap/impl/node"

// State implements node.Teller.
func (r *Register) State() node.State {
	return node.State{Role: "register", Serving: true, Epoch: r.durable.epoch}
}
