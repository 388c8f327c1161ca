package transitions_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/transitions"
)

// Every transition of a world of two segments is driven into our own nodes, in which no segment crashes: some of what kept records
// that a torn write leaves need a crash, and have no reason here.
func Example() {
	world := transitions.Scopes()[0]
	world.Crashes = 0
	r, err := transitions.Run(context.Background(), transitions.Options{Implementation: aurora.Ours(), Scope: world})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("transitions of the model:", r.Transitions)
	fmt.Println("implementation and model part:", r.Parted != nil)
	fmt.Println("driven, more than nine in ten:", 10*r.Driven > 9*r.Transitions)
	fmt.Println("without a crash each is driven or has a reason:", r.Driven+r.Explained() == r.Transitions)
	// Output:
	// transitions of the model: 798
	// implementation and model part: false
	// driven, more than nine in ten: true
	// without a crash each is driven or has a reason: false
}
