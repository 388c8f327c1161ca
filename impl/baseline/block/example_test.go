package block_test

import (
	"fmt"

	"github.com/firstgap/firstgap/impl/baseline/block"
	"github.com/firstgap/firstgap/impl/node"
)

// A write of the log is on its way until the disk has done it; then the lane is free, and the log can be read back.
func Example() {
	disk := block.NewLocal()
	var out node.Effects
	// do has the disk do what it was asked for.
	do := func() {
		for len(out.List) > 0 {
			asked := out.List
			out = node.Effects{}
			for _, e := range asked {
				if e.Kind == node.DoSync || e.Kind == node.DoReplace {
					disk.Step(node.Event{Kind: node.DiskDone, Token: e.Token}, &out)
				}
			}
		}
	}
	disk.Start(node.Event{Kind: node.Started, Incarnation: 1}, &out)
	do()
	disk.Write(block.LogLane, node.DiskWrite{Writes: true, Log: []byte("X 500→510")}, &out)
	fmt.Println("on its way:", disk.Busy(block.LogLane))
	do()
	fmt.Println("on its way:", disk.Busy(block.LogLane))
	disk.ReadLog(&out)
	arrival, ok := disk.Next()
	fmt.Printf("%s %t\n", arrival.Data, ok)
	// Output:
	// on its way: true
	// on its way: false
	// X 500→510 true
}
