package where_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/harness/failure/where"
)

// A node that waits for a message ends itself long after the message was lost. From the loss on, every rest that is drawn fails.
func Example() {
	system, c, _ := lossy()
	curve, err := where.Draw(context.Background(), system, c, ended(system, c), where.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	jump := curve.Jump
	fmt.Println(strings.Join(strings.Fields(jump.Line), " "))
	fmt.Printf("fails from here: %.0f %%, and most rests passed before: %v\n", 100*jump.After.Share(), jump.Before.Share() < 0.5)
	// Output:
	// 60.000000ms replica 2 × (lost) replica 1: token ""
	// fails from here: 100 %, and most rests passed before: true
}
