package placement_test

import (
	"fmt"

	"github.com/firstgap/firstgap/spec/placement"
)

// Six copies in three zones, four of which make a record written, against three copies with a majority: which of them survive the
// loss of a zone and of one replica more?
func Example() {
	for _, w := range []placement.World{
		{AZs: [][]int{{1, 2}, {3, 4}, {5, 6}}, WriteQuorum: 4, ReadQuorum: 3, MaxLSN: 1},
		{AZs: [][]int{{1}, {2}, {3}}, WriteQuorum: 2, ReadQuorum: 2, MaxLSN: 1},
	} {
		f, err := w.Figures()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("of %d sets of failures, %d leave writes; writes survive a zone: %t, data a zone and one more: %t\n",
			f.Sets, f.Writes, f.Keeps[placement.AZWrites], f.Keeps[placement.AZPlusOneData])
	}
	// Output:
	// of 64 sets of failures, 22 leave writes; writes survive a zone: true, data a zone and one more: true
	// of 8 sets of failures, 4 leave writes; writes survive a zone: true, data a zone and one more: false
}
