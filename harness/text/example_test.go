package text_test

import (
	"fmt"
	"os"

	"github.com/firstgap/firstgap/harness/text"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// The same table on a wide screen and on a narrow one, where text is wrapped between words and numbers stay whole.
func Example() {
	table := text.NewTable(text.Text("design"), text.Number("commits"), text.Text("what it is"))
	table.Row("ebs", text.Count(1234567), "a chain of two servers in one zone")
	table.Row("aurora", text.Count(7654321), "six copies in three zones, log alone")
	for _, width := range []int{80, 40} {
		if err := table.Write(&text.Screen{Writer: os.Stdout, Width: width}); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// design    commits  what it is
	// ebs     1,234,567  a chain of two servers in one zone
	// aurora  7,654,321  six copies in three zones, log alone
	// design    commits  what it is
	// ebs     1,234,567  a chain of two
	//                    servers in one zone
	// aurora  7,654,321  six copies in three
	//                    zones, log alone
}
