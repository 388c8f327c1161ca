package sim_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/runtime"
	"github.com/firstgap/firstgap/harness/sim"
	"github.com/firstgap/firstgap/impl/node"
)

// A player sends the ball back. The first one serves, and once more when the ball has not come back for long.
type player struct {
	other  node.ID
	serves bool
	hits   int
}

func (p *player) Step(_ node.Time, ev node.Event, out *node.Effects) {
	switch {
	case ev.Kind == node.Received:
		p.hits++
		out.Send(p.other, &node.Opaque{Kind: "ball"})
	case p.serves:
		out.Send(p.other, &node.Opaque{Kind: "ball"})
	}
	if p.serves {
		out.SetTimer(1, 100*time.Millisecond)
	}
}

// Two nodes play ping-pong over a network that loses every tenth message. The same seed gives the same game, and another seed
// another one.
func Example() {
	play := func(seed uint64) (hash uint64, hits int) {
		w, err := sim.New(sim.Options{Seed: seed, Network: sim.Network{Latency: faults.Duration(time.Millisecond), Loss: 0.1}})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer w.Close()
		ping, pong := &player{other: 2, serves: true}, &player{other: 1}
		err = errors.Join(
			w.Add(runtime.Process{ID: 1, Name: "ping", New: func(node.Hook) node.Node { return ping }}),
			w.Add(runtime.Process{ID: 2, Name: "pong", New: func(node.Hook) node.Node { return pong }}),
			w.Start(1), w.Start(2))
		if err != nil {
			fmt.Println(err)
		}
		w.Run(node.Time(time.Second))
		return w.Hash(), ping.hits + pong.hits
	}
	hash, hits := play(1)
	again, _ := play(1)
	other, _ := play(2)
	fmt.Println("played:", hits > 0, "the same again:", again == hash, "another seed:", other == hash)
	// Output:
	// played: true the same again: true another seed: false
}
