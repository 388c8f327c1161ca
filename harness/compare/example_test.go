package compare_test

import (
	"context"
	"fmt"

	"github.com/firstgap/firstgap/harness/compare"
)

// A short comparison: what one transaction costs the network, in whole pages and in log alone.
func Example() {
	o := compare.DefaultOptions()
	o.Clients, o.Transactions = 1, 20
	r, err := compare.Run(context.Background(), o)
	if err != nil {
		fmt.Println(err)
		return
	}
	bytes := map[string]float64{}
	for _, d := range r.Results {
		bytes[d.Design] = d.Write.Bytes
	}
	fmt.Println("log alone sends less than log and pages:", bytes["aurora"] < bytes["pages 4/6"])
	fmt.Println("every claim holds:", !r.Violated())
	// Output:
	// log alone sends less than log and pages: true
	// every claim holds: true
}
