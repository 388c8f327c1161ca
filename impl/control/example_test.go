package control_test

import (
	"fmt"

	"github.com/firstgap/firstgap/impl/control"
	"github.com/firstgap/firstgap/impl/internal/instant"
	"github.com/firstgap/firstgap/impl/node"
)

// Two writers have read that no epoch was won yet. The register makes one of them the writer of epoch 1; the other learns that it
// was late.
func Example() {
	const register = node.ID(1)
	volume := &node.Volume{WriteQuorum: 2, ReadQuorum: 2, Register: register, Segments: [][]node.ID{{2, 3, 4}}}
	var w instant.World
	w.Start(register, control.New(control.Config{ID: register, Volume: volume}, node.NoHook{}))
	for _, token := range []uint64{111, 222} {
		answer := w.Send(register, &node.Swap{Expect: 0, Token: token})[0].(*node.Swapped)
		fmt.Println("token", answer.Token, "won:", answer.Won, "epoch:", answer.Epoch)
	}
	// Output:
	// token 111 won: true epoch: 1
	// token 222 won: false epoch: 1
}
