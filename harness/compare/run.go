package compare

import (
	"errors"
	"fmt"
	"time"

	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// Options says how much is run of each design.
type Options struct {
	Seed         uint64 `json:"seed"`
	Clients      int    `json:"clients"`
	Transactions int    `json:"transactions"` // of each client, in each measurement
}

// DefaultOptions is what the command runs when it is not told otherwise.
func DefaultOptions() Options { return Options{Seed: 1, Clients: 8, Transactions: 50} }

const (
	pairs = 8                // of each client
	patch = 10 * time.Second // how long anything may take before it counts as not answered
)

// actors adds the clients of a run.
func (c *cluster) actors(n int) []*client {
	var all []*client
	for i := range n {
		cl := newClient(c, i+1, pairs)
		all = append(all, cl)
		c.err = errors.Join(c.err, c.world.AddClient(sim.Client{ID: clientBase + node.ID(i), Name: fmt.Sprintf("client %d", i+1), Actor: cl}))
	}
	return all
}

const clientBase node.ID = 1000

func allFinished(clients []*client) func() bool {
	return func() bool {
		for _, c := range clients {
			if !c.finished() {
				return false
			}
		}
		return true
	}
}

// audit has every client read its rows, and counts what they miss. It is false when the rows do not all answer.
func (c *cluster) audit(clients []*client) (lost, torn int, answered bool) {
	for _, cl := range clients {
		cl.audit()
	}
	answered = c.run(patch, allFinished(clients))
	for _, cl := range clients {
		l, t := cl.verdict()
		lost, torn = lost+l, torn+t
	}
	return lost, torn, answered
}
