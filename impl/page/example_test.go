package page_test

import (
	"fmt"

	"github.com/firstgap/firstgap/impl/node"
	"github.com/firstgap/firstgap/impl/page"
)

// A record changes a page, the page's image has a checksum, and a record that does not continue the page is refused.
func Example() {
	p := page.New(1, 0, 0, 0)
	put := &node.Record{LSN: 5, Epoch: 1, Kind: node.Write, Page: 1, Key: "x", New: node.Some("500")}
	if err := p.Apply(put); err != nil {
		fmt.Println(err)
		return
	}
	again, err := page.Decode(p.Encode())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(again.LSN, again.Get("x"))

	late := &node.Record{LSN: 6, Epoch: 1, Kind: node.Write, Page: 1, Key: "x", Old: node.Some("400"), New: node.Some("410")}
	fmt.Println(again.Apply(late))
	fmt.Println(again.LSN, again.Get("x"))
	// Output:
	// 5 500
	// page 1 at LSN 5: record 6/1 write t0.0 x 400→410 of page 1 does not continue it: another old value: the row holds 500, the record expects 400
	// 5 500
}
