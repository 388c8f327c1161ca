package lines_test

import (
	"fmt"

	"github.com/firstgap/firstgap/harness/lines"

	_ "github.com/firstgap/firstgap/harness/internal/runflags"
)

// A program is given a line, and answers it.
func Example() {
	p, err := lines.Start(lines.Command{Args: []string{"cat"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Stop()
	if err := p.Write([]byte("{\"n\":1}\n")); err != nil {
		fmt.Println(err)
		return
	}
	line, err := p.Read()
	fmt.Println(string(line), err)
	// Output: {"n":1} <nil>
}
