package rebuild_test

import (
	"fmt"

	"github.com/firstgap/firstgap/harness/rebuild"
)

// 1 TB in a hundred pieces: over one pair of links, and over a hundred. What is computed, a small simulation confirms.
func Example() {
	wide := rebuild.Shape{Pieces: 100, PieceBytes: rebuild.GB(10), Sources: 100, Destinations: 100, Bandwidth: rebuild.Gbit(10)}
	narrow := wide
	narrow.Sources, narrow.Destinations = 1, 1
	fmt.Println("one host:", narrow.Time(), "a hundred:", wide.Time())

	small := wide.Small()
	made, err := rebuild.Simulate(small, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("filled:", made.Fills, "within the bound:", float64(made.Time) < float64(small.Time())*(1+rebuild.Bound))
	// Output:
	// one host: 13m20s a hundred: 8s
	// filled: 20 within the bound: true
}
