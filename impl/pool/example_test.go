package pool_test

import (
	"fmt"
	"slices"

	"github.com/firstgap/firstgap/impl/pool"
)

// The value used longest ago goes first, unless it is pinned or its owner says that it has to stay.
func Example() {
	pages := pool.New[int, string]()
	pages.Add(1, "one").Pin()
	pages.Add(2, "two")
	pages.Add(3, "three")
	pages.Add(4, "four")
	pages.Use(pages.Find(2))

	gone := pages.Shrink(2, func(value string) bool { return value != "four" })
	fmt.Println(gone, slices.Collect(pages.All()))
	// Output: 2 [four one]
}
