package boundary_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/boundary"
)

// AZ+1: a zone is down and one disk more is lost. The writer goes on to read and not to write; a successor has to wait for the zone.
func Example() {
	struck := [boundary.Segments]boundary.Kind{boundary.Down, boundary.Down, boundary.Lost}
	r, err := boundary.Walk(context.Background(), boundary.Options{Implementation: aurora.Ours(), Seed: 1, Cells: []boundary.Cell{
		{Struck: struck, Ending: boundary.Lives}, {Struck: struck, Ending: boundary.TakeOver}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, cell := range r.Results {
		fmt.Println(cell.Name)
		fmt.Printf("  the model: reads %v, writes %v, and when the zone is back, writes %v\n", cell.Model.Reads, cell.Model.Writes, cell.Model.WritesAfter)
		fmt.Printf("  differs: %q\n", cell.Differs)
	}
	// Output:
	// down 1 2, lost 3: writer lives
	//   the model: reads go on, writes stall, and when the zone is back, writes go on
	//   differs: []
	// down 1 2, lost 3: successor takes over
	//   the model: reads stall, writes stall, and when the zone is back, writes go on
	//   differs: []
}
